//! The HTTP transport against a real server.
#![cfg(feature = "testing")]

use core::time::Duration;

use bytes::Bytes;
use codex_transport::testing::{Answer, ChunkShape, Cut, Gate, LoopbackServer, Script};
use codex_transport::{
    Error, ErrorKind, HttpTransport, HttpVersions, HyperTransport, NoRedirects, Phase, Sent,
    TimeoutKind, Timeouts,
};
use http::{Request, Version};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{self, build};

fn post(url: String) -> Request<Bytes> {
    Request::post(url)
        .header("authorization", "Bearer invented")
        .body(Bytes::from_static(b"{\"stream\":true}"))
        .unwrap()
}

async fn drain(body: &mut codex_transport::Body) -> (Vec<u8>, Option<Error>) {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.chunk().await {
        match chunk {
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(error) => return (bytes, Some(error)),
        }
    }
    (bytes, None)
}

const BOTH: [HttpVersions; 2] = [HttpVersions::Http1, HttpVersions::Http2];

#[tokio::test]
async fn the_first_event_is_handed_out_before_the_last_is_sent() {
    for http in BOTH {
        let gate = Gate::new();
        let answer = Answer::sse()
            .event(r#"{"type":"a"}"#)
            .gate(&gate)
            .event(r#"{"type":"b"}"#);
        let server = LoopbackServer::start(Script::new().answer(answer)).unwrap();
        let response = build(http, |_| ())
            .send(post(server.url("/v1/responses")))
            .await
            .unwrap();
        let mut body = response.into_body();
        assert_eq!(
            body.chunk().await.unwrap().unwrap(),
            "event: a\ndata: {\"type\":\"a\"}\n\n"
        );
        assert!(gate.reached_within(Duration::from_secs(5)));
        gate.open();
        assert_eq!(
            body.chunk().await.unwrap().unwrap(),
            "event: b\ndata: {\"type\":\"b\"}\n\n"
        );
        assert!(body.chunk().await.is_none());
        let request = &server.requests()[0];
        assert_eq!(request.header("authorization"), Some("Bearer invented"));
        assert_eq!(request.body, "{\"stream\":true}");
        let version = if http == HttpVersions::Http2 {
            Version::HTTP_2
        } else {
            Version::HTTP_11
        };
        assert_eq!(request.version, version);
    }
}

#[tokio::test]
async fn every_shape_gives_the_same_bytes() {
    let text = "event: a\r\ndata: {\"type\":\"a\"}\r\n\r\ndata: ä\n\n: keep\n\n";
    for http in BOTH {
        for shape in [
            ChunkShape::Whole,
            ChunkShape::Event,
            ChunkShape::Line,
            ChunkShape::Bytes(1),
            ChunkShape::Random { seed: 7, max: 9 },
        ] {
            let server =
                LoopbackServer::start(Script::new().answer(Answer::sse().body(text).shape(shape)))
                    .unwrap();
            let mut body = build(http, |_| ())
                .send(post(server.url("/")))
                .await
                .unwrap()
                .into_body();
            let (bytes, error) = drain(&mut body).await;
            assert!(error.is_none());
            assert_eq!(bytes, text.as_bytes());
        }
    }
}

#[tokio::test]
async fn a_cut_delivers_the_exact_prefix_and_then_one_error() {
    let text = "data: 0123456789\n\n".repeat(40);
    for http in BOTH {
        for (cut, expected) in [
            (Cut::Close, ErrorKind::Truncated),
            (Cut::Reset, ErrorKind::ConnectionLost),
        ] {
            let answer = Answer::sse()
                .header("x-request-id", "req_1")
                .body(text.clone())
                .cut(cut);
            let server = LoopbackServer::start(Script::new().answer(answer)).unwrap();
            let mut body = build(http, |_| ())
                .send(post(server.url("/")))
                .await
                .unwrap()
                .into_body();
            let (bytes, error) = drain(&mut body).await;
            assert_eq!(bytes, text.as_bytes(), "{http:?} {cut:?}");
            let error = error.unwrap();
            assert_eq!(error.kind(), expected, "{http:?} {cut:?} {error:?}");
            assert_eq!((error.phase(), error.sent()), (Phase::Body, Sent::Yes));
            assert_eq!(error.bytes_received(), text.len() as u64);
            assert_eq!(error.request_id(), Some("req_1"));
            assert!(body.chunk().await.is_none(), "nothing comes after an error");
        }
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_before_it_answers_leaves_the_question_open() {
    for http in BOTH {
        for cut in [Cut::Close, Cut::Reset] {
            let server =
                LoopbackServer::start(Script::new().answer(Answer::hang_up(cut).forever()))
                    .unwrap();
            let error = build(http, |_| ())
                .send(post(server.url("/")))
                .await
                .unwrap_err();
            assert_eq!(
                (error.phase(), error.sent()),
                (Phase::Headers, Sent::Maybe),
                "{http:?} {cut:?} {error:?}"
            );
            assert!(error.is_retryable());
            assert_eq!(
                server.requests().len(),
                1,
                "never sent twice: {http:?} {cut:?}"
            );
        }
    }
}

#[tokio::test]
async fn silence_before_the_headers_and_in_the_body_has_a_named_timeout() {
    for http in BOTH {
        let server = LoopbackServer::start(
            Script::new()
                .answer(Answer::silence())
                .answer(Answer::sse().body("data: 1\n\n").stall()),
        )
        .unwrap();
        let transport = build(http, |_| ());
        let mut timeouts = Timeouts::default();
        timeouts.headers = Some(Duration::from_millis(100));
        timeouts.byte_idle = Some(Duration::from_millis(100));
        let request = || {
            let mut request = post(server.url("/"));
            request.extensions_mut().insert(timeouts);
            request
        };
        let error = transport.send(request()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout(TimeoutKind::Headers));
        assert_eq!((error.phase(), error.sent()), (Phase::Headers, Sent::Maybe));
        let mut body = transport.send(request()).await.unwrap().into_body();
        let (bytes, error) = drain(&mut body).await;
        assert_eq!(bytes, b"data: 1\n\n");
        let error = error.unwrap();
        assert_eq!(error.kind(), ErrorKind::Timeout(TimeoutKind::ByteIdle));
        assert_eq!(
            error.to_string(),
            "byte idle timeout expired (100ms) while reading the body, after 9 bytes"
        );
    }
}

#[tokio::test]
async fn nobody_listening_is_a_connect_error_and_not_sent() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = HyperTransport::new()
        .unwrap()
        .send(post(format!("http://{free}/")))
        .await
        .unwrap_err();
    support::failed(&error, ErrorKind::Connect, Phase::Connect, Sent::No);
    assert_eq!(
        error.to_string(),
        "could not reach the server while connecting"
    );
}

// The close must arrive within 50 ms in at least one of twenty attempts, even when the machine is
// busy.
#[tokio::test]
async fn dropping_the_body_cancels_the_answer_at_once() {
    for http in BOTH {
        let answer = Answer::sse().body("data: 1\n\n").stall().forever();
        let server = LoopbackServer::start(Script::new().answer(answer)).unwrap();
        let transport = build(http, |_| ());
        let mut shortest = Duration::MAX;
        for done in 0..20 {
            let mut body = transport
                .send(post(server.url("/")))
                .await
                .unwrap()
                .into_body();
            body.chunk().await.unwrap().unwrap();
            assert_eq!(server.cancelled(), done);
            drop(body);
            let start = std::time::Instant::now();
            while server.cancelled() == done {
                assert!(start.elapsed() < Duration::from_secs(30), "{http:?}");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            shortest = shortest.min(start.elapsed());
            if shortest < Duration::from_millis(50) {
                break;
            }
        }
        assert!(shortest < Duration::from_millis(50), "{http:?}");
    }
}

#[tokio::test]
async fn a_request_may_refuse_every_redirect() {
    let script = Script::new()
        .route("POST", "/a", Answer::status(307).header("location", "/b"))
        .route("POST", "/b", Answer::ok().body("here"));
    let server = LoopbackServer::start(script).unwrap();
    let mut request = post(server.url("/a"));
    request.extensions_mut().insert(NoRedirects);
    let response = HyperTransport::new().unwrap().send(request).await.unwrap();
    assert_eq!(response.status(), 307);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn redirects_keep_to_the_origin() {
    let other = LoopbackServer::start(Script::new().answer(Answer::ok().forever())).unwrap();
    let script = Script::new()
        .route(
            "POST",
            "/a",
            Answer::status(307).header("location", "/b?x=1"),
        )
        .route("POST", "/b", Answer::ok().body("here"))
        .route(
            "POST",
            "/away",
            Answer::status(307).header("location", &other.url("/steal")),
        )
        .route("POST", "/see", Answer::status(302).header("location", "/b"))
        .route(
            "POST",
            "/loop",
            Answer::status(308).header("location", "/loop").forever(),
        );
    let server = LoopbackServer::start(script).unwrap();
    let transport = HyperTransport::new().unwrap();
    let response = transport.send(post(server.url("/a"))).await.unwrap();
    assert_eq!(response.into_body().collect(100).await.unwrap(), "here");
    assert_eq!(server.requests()[1].body, "{\"stream\":true}");
    assert_eq!(
        transport
            .send(post(server.url("/away")))
            .await
            .unwrap()
            .status(),
        307
    );
    assert!(
        other.requests().is_empty(),
        "credentials went to another origin"
    );
    assert_eq!(
        transport
            .send(post(server.url("/see")))
            .await
            .unwrap()
            .status(),
        302
    );
    assert_eq!(
        transport
            .send(post(server.url("/loop")))
            .await
            .unwrap()
            .status(),
        308
    );
}

#[tokio::test]
async fn a_pooled_connection_that_died_is_not_used() {
    let script = Script::new()
        .answer(Answer::ok().body("1"))
        .answer(Answer::ok().body("2"));
    let server = LoopbackServer::start(script).unwrap();
    let address = server.address();
    let transport = HyperTransport::new().unwrap();
    let first = transport.send(post(server.url("/"))).await.unwrap();
    first.into_body().collect(10).await.unwrap();
    drop(server);
    // Time for the close to arrive, before which it cannot be detected.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let server = LoopbackServer::builder(Script::new().answer(Answer::ok().body("again")))
        .address(address)
        .start()
        .unwrap();
    let second = transport.send(post(server.url("/"))).await.unwrap();
    assert_eq!(second.into_body().collect(10).await.unwrap(), "again");
}

#[tokio::test]
async fn error_bodies_are_bounded_and_complete_ones_are_checked() {
    let big = "x".repeat(200_000);
    let server =
        LoopbackServer::start(Script::new().answer(Answer::status(502).body(big).forever()))
            .unwrap();
    let transport = HyperTransport::new().unwrap();
    let body = transport
        .send(post(server.url("/")))
        .await
        .unwrap()
        .into_body();
    assert_eq!(body.collect_prefix(65_536).await.len(), 65_536);
    let body = transport
        .send(post(server.url("/")))
        .await
        .unwrap()
        .into_body();
    assert_eq!(
        body.collect(199_999).await.unwrap_err().kind(),
        ErrorKind::TooLarge
    );
    let body = transport
        .send(post(server.url("/")))
        .await
        .unwrap()
        .into_body();
    assert_eq!(body.collect(200_000).await.unwrap().len(), 200_000);
}

// Cookies, policies and headers that proxies add can be many and long.
#[tokio::test]
async fn headers_have_one_limit_over_every_version() {
    let headers = |fields: usize, length: usize| {
        (0..fields).fold(Answer::ok().body("hello"), |answer, number| {
            answer.header(&format!("x-policy-{number:03}"), &"p".repeat(length))
        })
    };
    for http in BOTH {
        let fits = [(120, 10), (300, 200), (60, 1000), (500, 10), (2, 32_000)];
        let exceeds = [(60, 1200), (70, 1000), (2, 33_000), (520, 10), (1000, 1)];
        let mut script = Script::new();
        for (fields, length) in fits.into_iter().chain(exceeds) {
            script = script.answer(headers(fields, length));
        }
        let server = LoopbackServer::start(script).unwrap();
        let transport = build(http, |_| ());
        for (fields, length) in fits {
            let response = transport.send(post(server.url("/"))).await.unwrap();
            assert_eq!(response.headers()["x-policy-001"].len(), length);
            assert!(response.headers().len() >= fields);
            let body = response.into_body().collect(100).await.unwrap();
            assert_eq!(body, "hello");
        }
        for (fields, length) in exceeds {
            let error = transport.send(post(server.url("/"))).await.unwrap_err();
            let case = format!("{http:?} {fields} {length} {error:?}");
            assert_eq!(error.kind(), ErrorKind::TooLarge, "{case}");
            assert_eq!(error.phase(), Phase::Headers, "{case}");
            assert!(!error.is_retryable() && error.sent() != Sent::No, "{case}");
            assert_eq!(
                core::error::Error::source(&error).unwrap().to_string(),
                "more than 64 KiB or 512 fields of response headers",
                "{case}"
            );
        }
    }
}

#[tokio::test]
async fn chunk_extensions_and_trailers_have_limits_that_are_named() {
    let extension = "e".repeat(1000);
    let chunks = |count| format!("1;{extension}\r\nx\r\n").repeat(count);
    let trailers = |count| {
        (0..count)
            .map(|n| format!("x-trailer-{n}: {extension}\r\n"))
            .collect::<String>()
    };
    for (body, limit) in [
        (chunks(15) + "0\r\n\r\n", None),
        (format!("1\r\nx\r\n0\r\n{}\r\n", trailers(15)), None),
        (
            chunks(17) + "0\r\n\r\n",
            Some("more than 16 KiB of chunk extensions"),
        ),
        (
            format!("1\r\nx\r\n0\r\n{}\r\n", trailers(17)),
            Some("more than 16 KiB or 512 fields of trailers"),
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            let _ = stream.write_all((head.to_owned() + &body).as_bytes()).await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        });
        let transport = build(HttpVersions::Http1, |_| ());
        let body = transport.send(post(url)).await.unwrap().into_body();
        let result = body.collect(100).await;
        let Some(limit) = limit else {
            assert!(result.is_ok(), "{result:?}");
            continue;
        };
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        assert_eq!(
            core::error::Error::source(&error).unwrap().to_string(),
            limit
        );
    }
}

#[tokio::test]
async fn an_answer_that_is_no_http2_breaks_the_protocol() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let answer = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        // Until the client gives up.
        stream.read_to_end(&mut Vec::new()).await.unwrap();
    };
    let transport = build(HttpVersions::Http2, |_| ());
    let (response, ()) = tokio::join!(transport.send(post(url)), server);
    let error = response.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error:?}");
    assert!(!error.is_retryable());
}
