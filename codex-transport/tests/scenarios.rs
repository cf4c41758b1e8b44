//! The table of the README, row by row.
#![cfg(all(feature = "testing", feature = "ws"))]

use core::time::Duration;
use std::time::SystemTime;

use bytes::Bytes;
use codex_transport::testing::{Answer, ChunkShape, Cut, LoopbackServer, Script, Turn};
use codex_transport::{
    AttemptOutcome, ConnectOptions, Decision, Error, ErrorKind, HttpTransport, HttpVersions,
    HyperTransport, IdleTimeouts, Phase, RetryPolicy, Roots, Sent, SharedTimer, StopReason,
    TimeoutKind, Timeouts, TokioTimer, Upgrade, WsConnection, WsSettings, WsTransport,
};
use http::{Request, Response};

use crate::support;

/// The decisions of the three policies: the default, the official request loop, and the official
/// stream loop around it.
type Decisions = [Decision; 3];

const FINAL: Decision = Decision::Stop(StopReason::Final);

fn decide(outcome: &AttemptOutcome<'_>) -> Decisions {
    [
        RetryPolicy::default(),
        RetryPolicy::official_request(),
        RetryPolicy::official_stream(),
    ]
    .map(|policy| policy.schedule().next(outcome, u32::MAX / 2))
}

fn retried(decisions: Decisions) -> [bool; 3] {
    decisions.map(|decision| matches!(decision, Decision::Retry(_)))
}

fn transport(http: HttpVersions) -> HyperTransport {
    let mut connection = ConnectOptions::default();
    connection.http = http;
    connection.tls.roots = Roots::OnlyAdded;
    let mut timeouts = Timeouts::default();
    timeouts.connect = Some(Duration::from_millis(200));
    timeouts.byte_idle = Some(Duration::from_millis(200));
    let mut settings = WsSettings::default();
    settings.ping_interval = Some(Duration::from_millis(100));
    settings.pong_timeout = Some(Duration::from_millis(100));
    HyperTransport::builder()
        .connection(connection)
        .timeouts(timeouts)
        .websocket(settings)
        .build()
        .unwrap()
}

fn post(server: &LoopbackServer, path: &str) -> Request<Bytes> {
    Request::post(server.url(path))
        .header("authorization", "Bearer invented")
        .body(Bytes::from_static(b"{}"))
        .unwrap()
}

async fn ask(answer: Answer) -> Response<codex_transport::Body> {
    let server = LoopbackServer::start(Script::new().answer(answer)).unwrap();
    transport(HttpVersions::Http1)
        .send(post(&server, "/"))
        .await
        .unwrap()
}

// Returns the decisions about a response with this error code in its body.
async fn status(answer: Answer, code: Option<&str>) -> Decisions {
    let response = ask(answer).await;
    decide(&AttemptOutcome::response(
        response.status(),
        response.headers(),
        code,
        SystemTime::now(),
    ))
}

// Returns what arrives of a body, and how it ends.
async fn body(http: HttpVersions, answer: Answer) -> (Bytes, Option<Error>) {
    let server = LoopbackServer::start(Script::new().answer(answer)).unwrap();
    let mut body = transport(http)
        .send(post(&server, "/"))
        .await
        .unwrap()
        .into_body();
    let mut all = Vec::new();
    while let Some(chunk) = body.chunk().await {
        match chunk {
            Ok(chunk) => all.extend_from_slice(&chunk),
            Err(error) => return (all.into(), Some(error)),
        }
    }
    (all.into(), None)
}

async fn upgrade(answer: Answer) -> (Result<Upgrade, Error>, LoopbackServer) {
    let server = LoopbackServer::start(Script::new().answer(answer)).unwrap();
    let request = Request::get(server.ws_url("/")).body(()).unwrap();
    (
        transport(HttpVersions::Http1).connect(request).await,
        server,
    )
}

async fn socket(answer: Answer) -> (WsConnection, Response<()>, LoopbackServer) {
    match upgrade(answer).await {
        (Ok(Upgrade::Accepted(socket, response)), server) => (socket, response, server),
        (other, _) => panic!("{other:?}"),
    }
}

// Returns the error of a WebSocket after one sent message.
async fn ends(answer: Answer) -> Error {
    let (mut socket, _, _server) = socket(answer).await;
    socket.send("{}").await.unwrap();
    loop {
        match socket.next().await.unwrap() {
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}

async fn check(row: &str) {
    let seconds = Duration::from_secs;
    match row {
        "status 500, 502, 503, 504" => {
            for code in [500, 502, 503, 504] {
                assert_eq!(retried(status(Answer::status(code), None).await), [true; 3]);
            }
        }
        "503 with code server_is_overloaded" => {
            let decisions = status(Answer::status(503), Some("server_is_overloaded")).await;
            assert_eq!(retried(decisions), [true, true, false]);
        }
        "503 with retry-after 3" => {
            let decisions = status(Answer::status(503).header("retry-after", "3"), None).await;
            assert_eq!(decisions, [Decision::Retry(seconds(3)); 3]);
        }
        "429 with code usage_limit_reached or usage_not_included" => {
            for code in ["usage_limit_reached", "usage_not_included"] {
                assert_eq!(
                    status(Answer::status(429).header("retry-after", "3"), Some(code)).await,
                    [FINAL; 3]
                );
            }
        }
        "429 with retry-after" => {
            let decisions = status(Answer::status(429).header("retry-after", "60"), None).await;
            assert_eq!(
                decisions,
                [
                    Decision::Retry(seconds(60)),
                    FINAL,
                    Decision::Retry(seconds(60))
                ]
            );
            let decisions = status(Answer::status(429).header("retry-after", "61"), None).await;
            assert_eq!(
                decisions[0],
                Decision::Stop(StopReason::TooLong(seconds(61)))
            );
            assert_eq!(decisions[2], Decision::Retry(seconds(61)));
        }
        "429 without retry-after" => assert_eq!(
            retried(status(Answer::status(429), None).await),
            [true, false, false]
        ),
        "429 with retry-after-ms only" => {
            let decisions = status(Answer::status(429).header("retry-after-ms", "250"), None).await;
            assert_eq!(
                decisions,
                [Decision::Retry(Duration::from_millis(250)), FINAL, FINAL]
            );
        }
        "status 400" => assert_eq!(status(Answer::status(400), None).await, [FINAL; 3]),
        "status 401" => assert_eq!(
            retried(status(Answer::status(401), None).await),
            [false, false, true]
        ),
        "status 403, 404, 413" => {
            for code in [403, 404, 413] {
                assert_eq!(
                    retried(status(Answer::status(code), None).await),
                    [false, false, true]
                );
            }
        }
        "status 408, 409" => {
            for code in [408, 409] {
                assert_eq!(
                    retried(status(Answer::status(code), None).await),
                    [true, false, true]
                );
            }
        }
        "307 to the same origin" => {
            let script = Script::new()
                .answer(Answer::status(307).header("location", "/there"))
                .answer(Answer::ok());
            let server = LoopbackServer::start(script).unwrap();
            assert_eq!(
                transport(HttpVersions::Http1)
                    .send(post(&server, "/"))
                    .await
                    .unwrap()
                    .status(),
                200
            );
            let second = &server.requests()[1];
            assert_eq!((second.path(), &*second.body), ("/there", b"{}".as_slice()));
            assert_eq!(second.header("authorization"), Some("Bearer invented"));
        }
        "307 to another origin" => {
            let other = LoopbackServer::start(Script::new()).unwrap();
            let response = ask(Answer::status(307).header("location", &other.url("/"))).await;
            assert_eq!(response.status(), 307);
            assert!(other.requests().is_empty());
        }
        "reset before the reply" => {
            let server =
                LoopbackServer::start(Script::new().answer(Answer::hang_up(Cut::Reset))).unwrap();
            let error = transport(HttpVersions::Http1)
                .send(post(&server, "/"))
                .await
                .unwrap_err();
            support::failed(
                &error,
                ErrorKind::ConnectionLost,
                Phase::Headers,
                Sent::Maybe,
            );
            assert_eq!(retried(decide(&AttemptOutcome::failure(&error))), [true; 3]);
        }
        "cut in the body" => {
            broken(
                HttpVersions::Http1,
                Answer::sse().body("data: 1\n\n").cut(Cut::Close),
                ErrorKind::Truncated,
            )
            .await
        }
        "reset in the body" => {
            broken(
                HttpVersions::Http1,
                Answer::sse().body("data: 1\n\n").cut(Cut::Reset),
                ErrorKind::ConnectionLost,
            )
            .await;
        }
        // The chunk announces 25 bytes in "19\r\n"; nine of them arrive.
        "chunk cut short" => {
            let answer = Answer::sse()
                .cut_after(4 + 9, Cut::Close)
                .body("data: 1\n\nand much more..");
            broken(HttpVersions::Http1, answer, ErrorKind::Truncated).await;
        }
        "HTTP/2 stream reset" => {
            broken(
                HttpVersions::Http2,
                Answer::sse().body("data: 1\n\n").cut(Cut::Stream),
                ErrorKind::StreamReset,
            )
            .await;
        }
        "clean end without a final event" => {
            let (bytes, error) = body(HttpVersions::Http1, Answer::sse().body("data: 1\n\n")).await;
            assert!(error.is_none() && bytes == "data: 1\n\n");
        }
        "empty 200" => {
            let (bytes, error) = body(HttpVersions::Http1, Answer::sse()).await;
            assert!(error.is_none() && bytes.is_empty());
        }
        "200 with JSON" => {
            let (bytes, error) = body(HttpVersions::Http1, Answer::json(200, "{}")).await;
            assert!(error.is_none() && bytes == "{}");
        }
        "silence" => {
            broken(
                HttpVersions::Http1,
                Answer::sse().body("data: 1\n\n").stall(),
                ErrorKind::Timeout(TimeoutKind::ByteIdle),
            )
            .await;
        }
        "silence except for comments" => {
            let pause = Duration::from_millis(100);
            let answer = (0..10).fold(Answer::sse(), |answer, _| {
                answer.comment("alive").pause(pause)
            });
            let server = LoopbackServer::start(Script::new().answer(answer)).unwrap();
            let mut body = transport(HttpVersions::Http1)
                .send(post(&server, "/"))
                .await
                .unwrap()
                .into_body();
            let mut timeouts = Timeouts::none();
            timeouts.event_idle = Some(Duration::from_millis(600));
            let mut watch = IdleTimeouts::for_events(&timeouts, SharedTimer::new(TokioTimer));
            watch.record_event();
            let mut comments = 0;
            let error = loop {
                tokio::select! {
                    biased;
                    chunk = body.chunk() => {
                        chunk.unwrap().unwrap();
                        comments += 1;
                    }
                    error = core::future::poll_fn(|cx| watch.poll_expired(cx)) => break error,
                }
            };
            assert_eq!(error.kind(), ErrorKind::Timeout(TimeoutKind::EventIdle));
            assert!(comments >= 4, "{comments}");
        }
        "failed event with a final code" => {
            for code in [
                "context_length_exceeded",
                "insufficient_quota",
                "usage_not_included",
                "invalid_prompt",
                "cyber_policy",
                "bio_policy",
            ] {
                let decisions = decide(&AttemptOutcome::event(Some(code), None));
                assert_eq!([decisions[0], decisions[2]], [FINAL; 2], "{code}");
            }
        }
        "failed event with rate_limit_exceeded and a wait" => {
            let decisions = decide(&AttemptOutcome::event(
                Some("rate_limit_exceeded"),
                Some(Duration::from_millis(1500)),
            ));
            assert_eq!(decisions, [Decision::Retry(Duration::from_millis(1500)); 3]);
        }
        "failed event with another code" => {
            for code in [
                Some("server_error"),
                Some("slow_down"),
                Some("something_new"),
                None,
            ] {
                assert_eq!(
                    retried(decide(&AttemptOutcome::event(code, None))),
                    [true; 3]
                );
            }
        }
        "incomplete event" => {
            for reason in ["max_output_tokens", "content_filter"] {
                let turn = Turn::new("resp_1").message("half").incomplete(reason);
                let answer = Answer::sse().events(turn.events());
                let (bytes, error) = body(HttpVersions::Http1, answer).await;
                let text = String::from_utf8(bytes.to_vec()).unwrap();
                assert!(error.is_none() && text.contains(reason), "{text}");
            }
        }
        "error event in the stream" => {
            let event = r#"{"type":"error","code":"server_error","message":"sorry"}"#;
            let (bytes, error) = body(HttpVersions::Http1, Answer::sse().event(event)).await;
            assert!(error.is_none());
            assert_eq!(bytes, format!("event: error\ndata: {event}\n\n"));
            let again = decide(&AttemptOutcome::event(Some("server_error"), None));
            assert_eq!(retried(again), [true; 3]);
            let never = decide(&AttemptOutcome::event(Some("insufficient_quota"), None));
            assert_eq!(never[0], FINAL);
        }
        "upgrade refused with 401, 403, 404, 426, 429, 500, 503" => {
            for code in [401, 403, 404, 426, 429, 500, 503] {
                let (answered, _server) =
                    upgrade(Answer::status(code).header("retry-after", "2").body("why")).await;
                let Ok(Upgrade::Refused(response)) = answered else {
                    panic!("{answered:?}")
                };
                assert_eq!(
                    (
                        response.status().as_u16(),
                        response.headers()["retry-after"].as_bytes()
                    ),
                    (code, b"2".as_slice())
                );
                assert_eq!(response.body(), "why");
            }
        }
        "upgrade with a wrong accept key" => {
            let (answered, _server) =
                upgrade(Answer::websocket().header("sec-websocket-accept", "wrong")).await;
            let error = answered.unwrap_err();
            support::failed(&error, ErrorKind::Protocol, Phase::Handshake, Sent::No);
            assert_eq!(decide(&AttemptOutcome::failure(&error)), [FINAL; 3]);
        }
        "upgrade without a response" => {
            let (answered, _server) = upgrade(Answer::silence()).await;
            let error = answered.unwrap_err();
            support::failed(
                &error,
                ErrorKind::Timeout(TimeoutKind::Headers),
                Phase::Handshake,
                Sent::No,
            );
            assert_eq!(error.timeout(), Some(Duration::from_millis(200)));
            assert_eq!(retried(decide(&AttemptOutcome::failure(&error))), [true; 3]);
        }
        "101 and then a close frame" => {
            for (code, again) in [
                (1001, true),
                (1002, false),
                (1008, false),
                (1011, true),
                (1012, true),
                (1013, true),
            ] {
                let error = ends(Answer::websocket().receive().close(code)).await;
                assert_eq!(
                    (error.kind(), error.close_code()),
                    (ErrorKind::Closed, Some(code))
                );
                assert_eq!(
                    retried(decide(&AttemptOutcome::failure(&error))),
                    [again; 3],
                    "{code}"
                );
            }
            let (mut socket, _, _server) = socket(Answer::websocket().close(1000)).await;
            assert!(socket.next().await.is_none());
        }
        "101 and then a cut or reset" => {
            for (cut, kind) in [
                (Cut::Close, ErrorKind::Truncated),
                (Cut::Reset, ErrorKind::ConnectionLost),
            ] {
                let error = ends(Answer::websocket().receive().cut(cut)).await;
                assert_eq!((error.kind(), error.sent()), (kind, Sent::Maybe));
                assert_eq!(retried(decide(&AttemptOutcome::failure(&error))), [true; 3]);
            }
        }
        "101 and then silence" => {
            let error = ends(Answer::websocket().receive().stall()).await;
            assert_eq!(error.kind(), ErrorKind::Timeout(TimeoutKind::Pong));
            assert_eq!(retried(decide(&AttemptOutcome::failure(&error))), [true; 3]);
        }
        "pings, and fragments with pings between" => {
            let answer = Answer::websocket()
                .comment("one")
                .event("first")
                .comment("two")
                .event("second")
                .shape(ChunkShape::Bytes(2));
            let (mut socket, _, _server) = socket(answer).await;
            assert_eq!(socket.next().await.unwrap().unwrap(), "first");
            assert_eq!(socket.next().await.unwrap().unwrap(), "second");
        }
        "message of 3 MB" => {
            let (mut socket, _, _server) =
                socket(Answer::websocket().event("x".repeat(3_000_000))).await;
            assert_eq!(socket.next().await.unwrap().unwrap().len(), 3_000_000);
        }
        "masked frame, binary message, invalid UTF-8" => {
            let masked: &[u8] = &[0x81, 0x81, 0, 0, 0, 0, b'a'];
            let invalid: &[u8] = &[0x81, 0x01, 0xFF];
            for answer in [
                Answer::websocket().receive().raw(masked),
                Answer::websocket().receive().binary("{}"),
                Answer::websocket().receive().raw(invalid),
            ] {
                let error = ends(answer).await;
                assert_eq!(
                    (error.kind(), error.sent()),
                    (ErrorKind::Protocol, Sent::Maybe)
                );
                assert_eq!(decide(&AttemptOutcome::failure(&error)), [FINAL; 3]);
            }
        }
        "text that is not JSON" => {
            let (mut socket, _, _server) = socket(Answer::websocket().event("hello {")).await;
            assert_eq!(socket.next().await.unwrap().unwrap(), "hello {");
        }
        "error message on the socket" => {
            let message = r#"{"type":"error","status":429,"error":{"code":"usage_limit_reached"}}"#;
            let (mut socket, _, _server) = socket(Answer::websocket().event(message)).await;
            assert_eq!(socket.next().await.unwrap().unwrap(), message);
            assert_eq!(
                decide(&AttemptOutcome::event(Some("usage_limit_reached"), None))[0],
                FINAL
            );
            assert_eq!(
                retried(decide(&AttemptOutcome::event(
                    Some("websocket_connection_limit_reached"),
                    None
                ))),
                [true; 3]
            );
        }
        "header in the 101 reply" => {
            let (_socket, response, _server) =
                socket(Answer::websocket().header("x-codex-turn-state", "opaque")).await;
            assert_eq!(response.headers()["x-codex-turn-state"], "opaque");
        }
        "closing" => {
            let (first, _, server) = socket(Answer::websocket()).await;
            first.close(1000).await.unwrap();
            let (second, _, dropped) = socket(Answer::websocket()).await;
            drop(second);
            for (server, code) in [(server, Some(1000)), (dropped, None)] {
                while server.closed_sockets().is_empty() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                assert_eq!(server.closed_sockets(), [code]);
            }
        }
        _ => panic!("no test for the row {row:?}"),
    }
}

async fn broken(http: HttpVersions, answer: Answer, kind: ErrorKind) {
    let (bytes, error) = body(http, answer).await;
    assert_eq!(bytes, "data: 1\n\n");
    let error = error.unwrap();
    support::failed(&error, kind, Phase::Body, Sent::Yes);
    assert_eq!(retried(decide(&AttemptOutcome::failure(&error))), [true; 3]);
    let delivered = AttemptOutcome::failure(&error).delivered(true);
    assert_eq!(
        decide(&delivered),
        [Decision::Stop(StopReason::Delivered); 3]
    );
}

#[tokio::test]
async fn every_row_of_the_table_holds() {
    let readme = include_str!("../README.md");
    let table = readme.split("| scenario | reported |").nth(1).unwrap();
    let rows: Vec<&str> = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.split('|').nth(1).unwrap().trim())
        .collect();
    assert_eq!(rows.len(), 41);
    for row in rows {
        println!("{row}");
        check(row).await;
    }
}
