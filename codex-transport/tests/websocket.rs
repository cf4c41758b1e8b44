//! WebSockets against a real server.
#![cfg(all(feature = "testing", feature = "ws"))]

use core::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use codex_transport::testing::{Answer, ChunkShape, Cut, LoopbackServer, Script};
use codex_transport::{
    Error, ErrorKind, HyperTransport, Phase, Sent, TimeoutKind, Upgrade, WsConnection, WsSettings,
    WsTransport,
};
use http::Request;

use crate::support;

fn request(server: &LoopbackServer) -> Request<()> {
    Request::get(server.ws_url("/v1/responses?a=b"))
        .header("authorization", "Bearer invented")
        .header("openai-beta", "responses_websockets=2026-02-06")
        .body(())
        .unwrap()
}

fn serve(answer: Answer) -> LoopbackServer {
    LoopbackServer::start(Script::new().answer(answer.forever())).unwrap()
}

async fn connect_with(server: &LoopbackServer, settings: WsSettings) -> WsConnection {
    let transport = HyperTransport::builder()
        .websocket(settings)
        .build()
        .unwrap();
    match transport.connect(request(server)).await.unwrap() {
        Upgrade::Accepted(socket, response) => {
            assert_eq!(response.status(), 101);
            socket
        }
        Upgrade::Refused(response) => panic!("refused: {response:?}"),
    }
}

async fn connect(server: &LoopbackServer) -> WsConnection {
    connect_with(server, WsSettings::default()).await
}

async fn refused(answer: Answer) -> Error {
    HyperTransport::new()
        .unwrap()
        .connect(request(&serve(answer)))
        .await
        .unwrap_err()
}

#[tokio::test]
async fn messages_go_both_ways_and_the_headers_are_as_given() {
    let server = serve(
        Answer::websocket()
            .receive()
            .event("{\"type\":\"a\"}")
            .event("{\"type\":\"b\"}")
            .receive()
            .event("c"),
    );
    let mut socket = connect(&server).await;
    socket.send("{\"type\":\"response.create\"}").await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), "{\"type\":\"a\"}");
    assert_eq!(socket.next().await.unwrap().unwrap(), "{\"type\":\"b\"}");
    socket
        .send(Bytes::from("ä".repeat(1_500_000)))
        .await
        .unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), "c");
    socket.close(1000).await.unwrap();
    let request = &server.requests()[0];
    assert_eq!(request.uri, "/v1/responses?a=b");
    assert_eq!(request.header("authorization"), Some("Bearer invented"));
    assert_eq!(
        request.header("openai-beta"),
        Some("responses_websockets=2026-02-06")
    );
    let names: Vec<_> = request.headers.keys().map(|name| name.as_str()).collect();
    assert_eq!(
        names[..5],
        [
            "host",
            "connection",
            "upgrade",
            "sec-websocket-version",
            "sec-websocket-key"
        ]
    );
    assert_eq!(server.messages()[0].text, "{\"type\":\"response.create\"}");
    assert_eq!(server.messages()[1].text.len(), 3_000_000);
    let start = Instant::now();
    while server.closed_sockets().is_empty() {
        assert!(start.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(server.closed_sockets(), [Some(1000)]);
}

#[tokio::test]
async fn a_refusal_comes_with_its_status_headers_and_body() {
    let body = "x".repeat(100_000);
    for status in [200, 400, 401, 403, 404, 426, 429, 500, 503] {
        let server = serve(
            Answer::status(status)
                .header("retry-after", "3")
                .body(body.clone())
                .shape(ChunkShape::Bytes(997)),
        );
        let upgrade = HyperTransport::new()
            .unwrap()
            .connect(request(&server))
            .await
            .unwrap();
        let Upgrade::Refused(response) = upgrade else {
            panic!("accepted {status}")
        };
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["retry-after"], "3");
        assert_eq!(response.body().len(), 65_536);
    }
}

#[tokio::test]
async fn an_agreement_that_breaks_the_rules_is_a_protocol_error() {
    for (answer, reason) in [
        (
            Answer::websocket().header("sec-websocket-accept", "wrong"),
            "sec-websocket-accept does not match the handshake",
        ),
        (
            Answer::websocket().header("upgrade", "h2c"),
            "response does not upgrade to websocket",
        ),
        (
            Answer::websocket().header("sec-websocket-extensions", "permessage-deflate"),
            "server selected an extension that was not offered",
        ),
        (
            Answer::websocket().header("sec-websocket-protocol", "chat"),
            "server selected a subprotocol that was not requested",
        ),
    ] {
        let error = refused(answer).await;
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Protocol, Phase::Handshake),
            "{error:?}"
        );
        assert_eq!(
            core::error::Error::source(&error).unwrap().to_string(),
            reason
        );
    }
    let server = serve(Answer::websocket());
    let mut wish = request(&server);
    wish.headers_mut()
        .insert("sec-websocket-protocol", "a, b".parse().unwrap());
    let error = HyperTransport::new()
        .unwrap()
        .connect(wish)
        .await
        .unwrap_err();
    assert_eq!(
        core::error::Error::source(&error).unwrap().to_string(),
        "server selected none of the requested subprotocols"
    );
    let server = serve(Answer::websocket().header("sec-websocket-protocol", "b"));
    let mut wish = request(&server);
    wish.headers_mut()
        .insert("sec-websocket-protocol", "a, b".parse().unwrap());
    assert!(matches!(
        HyperTransport::new().unwrap().connect(wish).await.unwrap(),
        Upgrade::Accepted(..)
    ));
}

#[tokio::test]
async fn a_long_head_is_taken_and_one_without_measure_is_an_error() {
    let head = |length: usize| {
        (0..60).fold(Answer::websocket().event("a"), |answer, number| {
            answer.header(&format!("x-policy-{number}"), &"p".repeat(length))
        })
    };
    let mut socket = connect(&serve(head(1000))).await;
    assert_eq!(socket.next().await.unwrap().unwrap(), "a");
    for length in [1200, 3000] {
        let error = refused(head(length)).await;
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{error:?}");
        assert_eq!((error.phase(), error.sent()), (Phase::Handshake, Sent::No));
    }
}

#[tokio::test]
async fn fragments_with_pings_between_are_one_message() {
    let server = serve(
        Answer::websocket()
            .comment("ping")
            .event("{\"type\":\"response.created\"}")
            .comment("ping")
            .event("äöü€")
            .shape(ChunkShape::Bytes(1)),
    );
    let mut socket = connect(&server).await;
    assert_eq!(
        socket.next().await.unwrap().unwrap(),
        "{\"type\":\"response.created\"}"
    );
    assert_eq!(socket.next().await.unwrap().unwrap(), "äöü€");
}

#[tokio::test]
async fn violations_by_the_server_are_named() {
    // Opcode 1, masked, as only a client may send it.
    let masked: &[u8] = &[0x81, 0x82, 1, 2, 3, 4, b'a' ^ 1, b'b' ^ 2];
    let invalid_utf8: &[u8] = &[0x81, 0x02, 0xC3, 0x28];
    let reserved: &[u8] = &[0xF1, 0x00];
    for answer in [
        Answer::websocket().raw(masked),
        Answer::websocket().raw(invalid_utf8),
        Answer::websocket().raw(reserved),
        Answer::websocket().binary("{}"),
    ] {
        let server = serve(answer);
        let mut socket = connect(&server).await;
        let error = socket.next().await.unwrap().unwrap_err();
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Protocol, Phase::Body),
            "{error:?}"
        );
        assert!(
            socket.next().await.is_none(),
            "nothing comes after an error"
        );
    }
    let mut settings = WsSettings::default();
    settings.accept_binary = true;
    let server = serve(Answer::websocket().binary("{}"));
    assert_eq!(
        connect_with(&server, settings)
            .await
            .next()
            .await
            .unwrap()
            .unwrap(),
        "{}"
    );
}

#[tokio::test]
async fn limits_hold_at_just_under_and_just_over_the_edge() {
    let mut settings = WsSettings::default();
    settings.max_message = 1000;
    for (length, fits) in [(999, true), (1000, true), (1001, false)] {
        for shape in [ChunkShape::Whole, ChunkShape::Bytes(100)] {
            let server = serve(Answer::websocket().body("x".repeat(length)).shape(shape));
            let result = connect_with(&server, settings).await.next().await.unwrap();
            assert_eq!(result.is_ok(), fits, "{length} {shape:?}");
            if let Err(error) = result {
                assert_eq!(error.kind(), ErrorKind::TooLarge);
            }
        }
    }
}

#[tokio::test]
async fn a_close_is_the_end_or_an_error_by_its_code() {
    let server = serve(Answer::websocket().event("{}").close(1000));
    let mut socket = connect(&server).await;
    socket.next().await.unwrap().unwrap();
    assert!(socket.next().await.is_none());
    for (code, retryable) in [
        (1001, true),
        (1008, false),
        (1011, true),
        (1012, true),
        (4000, false),
    ] {
        let server = serve(Answer::websocket().receive().event("{}").close(code));
        let mut socket = connect(&server).await;
        socket.send("{}").await.unwrap();
        socket.next().await.unwrap().unwrap();
        let error = socket.next().await.unwrap().unwrap_err();
        assert_eq!(
            (error.kind(), error.close_code()),
            (ErrorKind::Closed, Some(code))
        );
        assert_eq!((error.is_retryable(), error.sent()), (retryable, Sent::Yes));
        assert_eq!(
            error.to_string(),
            format!(
                "WebSocket was closed by the server with code {code} while reading the body, after 2 bytes and 1 events"
            )
        );
        assert!(socket.next().await.is_none());
    }
}

// A server that rejects a message as too large reports so, and does not wait for its end.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_the_server_said_is_heard_though_it_went_away_while_we_spoke() {
    let answer = Answer::websocket().event("{}").close(1009).cut(Cut::Reset);
    let server = serve(answer);
    let mut socket = connect(&server).await;
    // More than the system buffers for a peer that does not read.
    socket.send("x".repeat(32 << 20)).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), "{}");
    let error = socket.next().await.unwrap().unwrap_err();
    assert_eq!(
        (error.kind(), error.close_code()),
        (ErrorKind::Closed, Some(1009)),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_cut_says_whether_the_message_was_seen() {
    for (cut, kind) in [
        (Cut::Close, ErrorKind::Truncated),
        (Cut::Reset, ErrorKind::ConnectionLost),
    ] {
        let server = serve(Answer::websocket().receive().cut(cut));
        let mut socket = connect(&server).await;
        socket.send("{}").await.unwrap();
        let error = socket.next().await.unwrap().unwrap_err();
        assert_eq!(
            (error.kind(), error.sent()),
            (kind, Sent::Maybe),
            "{error:?}"
        );
        let server = serve(Answer::websocket().cut(cut));
        let error = connect(&server).await.next().await.unwrap().unwrap_err();
        assert_eq!((error.kind(), error.sent()), (kind, Sent::No), "{error:?}");
    }
}

#[tokio::test]
async fn silence_is_asked_and_then_given_up() {
    let mut settings = WsSettings::default();
    settings.ping_interval = Some(Duration::from_millis(40));
    // A peer that responds to pings stays connected. The timeout is long, because a busy machine
    // responds late.
    settings.pong_timeout = Some(Duration::from_secs(30));
    let server = serve(Answer::websocket());
    let mut socket = connect_with(&server, settings).await;
    let start = Instant::now();
    let asked = async {
        while server.pings() < 4 {
            assert!(start.elapsed() < Duration::from_secs(30));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        ended = socket.idle() => panic!("{ended:?}"),
        () = asked => {}
    }
    settings.pong_timeout = Some(Duration::from_millis(60));
    // A peer that does not respond is disconnected.
    let server = serve(Answer::websocket().stall());
    let mut socket = connect_with(&server, settings).await;
    let error = socket.idle().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeoutKind::Pong));
    assert_eq!(
        error.to_string(),
        "pong timeout expired (60ms) while reading the body"
    );
}

#[tokio::test]
async fn idling_keeps_what_comes_early() {
    let server = serve(Answer::websocket().event("early").close(1000));
    let mut socket = connect(&server).await;
    socket.idle().await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), "early");
    let error = socket.idle().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.close_code()),
        (ErrorKind::Closed, Some(1000))
    );
}

#[tokio::test]
async fn closing_tolerates_whatever_is_gone() {
    for answer in [
        Answer::websocket().cut(Cut::Close),
        Answer::websocket().cut(Cut::Reset),
        Answer::websocket().close(1001),
    ] {
        let server = serve(answer);
        let mut socket = connect(&server).await;
        drop(socket.next().await);
        socket.close(1000).await.unwrap();
    }
    // A server that never responds to the close frame costs only the close timeout.
    let server = serve(Answer::websocket().stall());
    let mut settings = WsSettings::default();
    settings.close_timeout = Duration::from_millis(50);
    let socket = connect_with(&server, settings).await;
    let start = Instant::now();
    socket.close(1000).await.unwrap();
    assert!((Duration::from_millis(50)..Duration::from_millis(500)).contains(&start.elapsed()));
    let error = connect(&serve(Answer::websocket()))
        .await
        .close(1005)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
}

// The close must arrive within 50 ms in at least one of twenty attempts, even when the machine is
// busy.
#[tokio::test]
async fn dropping_the_socket_closes_it_at_once() {
    let server = serve(Answer::websocket().forever());
    let mut shortest = Duration::MAX;
    for done in 0..20 {
        let socket = connect(&server).await;
        drop(socket);
        let start = Instant::now();
        while server.closed_sockets().len() == done {
            assert!(start.elapsed() < Duration::from_secs(30));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(server.closed_sockets()[done], None);
        shortest = shortest.min(start.elapsed());
        if shortest < Duration::from_millis(50) {
            break;
        }
    }
    assert!(shortest < Duration::from_millis(50));
}

#[tokio::test]
async fn a_message_that_nobody_takes_runs_into_the_clock() {
    let server = serve(Answer::websocket().stall());
    let transport = HyperTransport::new().unwrap();
    let mut wish = request(&server);
    wish.extensions_mut()
        .insert(codex_transport::Timeouts::default().with_idle(Duration::from_millis(100)));
    let Upgrade::Accepted(mut socket, _) = transport.connect(wish).await.unwrap() else {
        panic!("refused")
    };
    let error = socket.send("x".repeat(60 << 20)).await.unwrap_err();
    support::failed(
        &error,
        ErrorKind::Timeout(TimeoutKind::ByteIdle),
        Phase::Send,
        Sent::Maybe,
    );
}

#[tokio::test]
async fn only_text_is_sent() {
    let server = serve(Answer::websocket());
    let error = connect(&server)
        .await
        .send(Bytes::from_static(b"\xFF"))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.sent()),
        (ErrorKind::InvalidRequest, Sent::No)
    );
}
