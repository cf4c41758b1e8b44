//! The transport over reqwest: the same facts as the built-in one, as far as reqwest shows them.
#![cfg(all(feature = "reqwest", feature = "testing-tls"))]

use core::time::Duration;
use std::io::{Read as _, Write as _};
use std::time::Instant;

use bytes::Bytes;
use codex_transport::testing::{
    Answer, Authority, Cut, Gate, LoopbackProxy, LoopbackServer, Script,
};
use codex_transport::{
    ErrorKind, HttpTransport as _, HttpVersions, NoRedirects, Phase, ReqwestTransport, Sent,
    TimeoutKind, Timeouts,
};
use http::{Request, StatusCode};

use crate::support;

const KEY: &str = "sk-invented-canary";

/// `data: {}` and a blank line, compressed by the program `gzip`.
const GZIP: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x4b\x49\x2c\x49\xb4\x52\xa8\xae\xe5\xe2\x02\x00\x65\x57\x48\xeb\x0a\x00\x00\x00";

fn builder() -> reqwest::ClientBuilder {
    // Other tests of this process may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
}

fn transport() -> ReqwestTransport {
    ReqwestTransport::from(builder().build().unwrap())
}

fn post(url: String) -> Request<Bytes> {
    Request::post(url)
        .header("authorization", format!("Bearer {KEY}"))
        .body(Bytes::from_static(b"{}"))
        .unwrap()
}

fn server(answer: Answer) -> LoopbackServer {
    LoopbackServer::start(Script::new().answer(answer)).unwrap()
}

/// Starts a server that does not speak HTTP.
fn garbage() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).unwrap();
        stream.write_all(b"garbage\r\n\r\n").unwrap();
    });
    url
}

async fn until(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(5), "{what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_whole_response_is_read_and_the_request_is_unchanged() {
    let server = server(Answer::json(429, r#"{"error":{}}"#).header("x-request-id", "req_1"));
    let response = transport()
        .send(post(server.url("/v1/responses?a=b%20c")))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()["x-request-id"], "req_1");
    assert_eq!(
        response.into_body().collect(100).await.unwrap(),
        r#"{"error":{}}"#
    );
    let [request] = &server.requests()[..] else {
        panic!("one request");
    };
    assert_eq!(request.uri, "/v1/responses?a=b%20c");
    assert_eq!(request.body, "{}");
    assert_eq!(request.header("content-length"), Some("2"));
    assert_eq!(request.header("transfer-encoding"), None);
}

#[tokio::test]
async fn each_event_arrives_before_the_server_sends_the_next() {
    let gates = [Gate::new(), Gate::new()];
    let server = server(
        Answer::sse()
            .event(r#"{"n":1}"#)
            .gate(&gates[0])
            .event(r#"{"n":2}"#)
            .gate(&gates[1])
            .event(r#"{"n":3}"#),
    );
    let response = transport().send(post(server.url("/"))).await.unwrap();
    let mut body = response.into_body();
    for n in 1..=3 {
        let chunk = body.chunk().await.unwrap().unwrap();
        assert_eq!(chunk, format!("data: {{\"n\":{n}}}\n\n"));
        if let Some(gate) = gates.get(n - 1) {
            gate.open();
        }
    }
    assert!(body.chunk().await.is_none());
}

#[tokio::test]
async fn dropping_a_body_or_the_future_ends_the_request_upstream() {
    let streaming = server(Answer::sse().event("{}").stall());
    let mut body = transport()
        .send(post(streaming.url("/")))
        .await
        .unwrap()
        .into_body();
    body.chunk().await.unwrap().unwrap();
    assert_eq!(streaming.cancelled(), 0);
    drop(body);
    until("the stream ends", || streaming.cancelled() == 1).await;

    let silent = server(Answer::silence());
    let transport = transport();
    let waiting = transport.send(post(silent.url("/")));
    assert!(
        tokio::time::timeout(Duration::from_millis(50), waiting)
            .await
            .is_err()
    );
    until("the wait ends", || silent.cancelled() == 1).await;
}

#[tokio::test]
async fn failures_before_the_request_was_sent_prove_it() {
    let transport = transport();
    for (url, kind, phase) in [
        // Port 1 of the loopback interface is closed.
        ("http://127.0.0.1:1/", ErrorKind::Connect, Phase::Connect),
        ("http://host.invalid/", ErrorKind::Dns, Phase::Connect),
        (
            "ftp://127.0.0.1/",
            ErrorKind::InvalidRequest,
            Phase::Prepare,
        ),
    ] {
        let error = transport.send(post(url.into())).await.unwrap_err();
        support::failed(&error, kind, phase, Sent::No);
    }
    let error = transport
        .send(Request::get("/relative").body(Bytes::new()).unwrap())
        .await
        .unwrap_err();
    support::failed(&error, ErrorKind::InvalidRequest, Phase::Prepare, Sent::No);
}

#[tokio::test]
async fn failures_after_it_was_sent_have_their_phase() {
    let error = transport()
        .send(post(server(Answer::hang_up(Cut::Reset)).url("/")))
        .await
        .unwrap_err();
    support::failed(
        &error,
        ErrorKind::ConnectionLost,
        Phase::Headers,
        Sent::Maybe,
    );
    let error = transport().send(post(garbage())).await.unwrap_err();
    support::failed(&error, ErrorKind::Protocol, Phase::Headers, Sent::Maybe);
    for (cut, kind) in [
        (Cut::Close, ErrorKind::Truncated),
        (Cut::Reset, ErrorKind::ConnectionLost),
    ] {
        let server = server(
            Answer::sse()
                .header("x-request-id", "req_1")
                .event("1")
                .cut(cut),
        );
        let mut body = transport()
            .send(post(server.url("/")))
            .await
            .unwrap()
            .into_body();
        body.chunk().await.unwrap().unwrap();
        let error = body.chunk().await.unwrap().unwrap_err();
        support::failed(&error, kind, Phase::Body, Sent::Yes);
        assert_eq!(error.bytes_received(), 9);
        assert_eq!(error.request_id(), Some("req_1"));
        assert!(body.chunk().await.is_none());
    }
}

#[tokio::test]
async fn too_many_headers_are_an_error_with_their_limit() {
    let mut answer = Answer::ok();
    for n in 0..600 {
        answer = answer.header("x-filler", &n.to_string());
    }
    let error = transport()
        .send(post(server(answer).url("/")))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error:?}");
}

#[tokio::test]
async fn timeouts_have_their_names() {
    let short = Duration::from_millis(50);
    let mut timeouts = Timeouts::none();
    timeouts.headers = Some(short);
    timeouts.byte_idle = Some(short);
    let silent = server(Answer::silence());
    let limited = transport().with_timeouts(timeouts);
    let error = limited.send(post(silent.url("/"))).await.unwrap_err();
    support::failed(
        &error,
        ErrorKind::Timeout(TimeoutKind::Headers),
        Phase::Headers,
        Sent::Maybe,
    );
    assert_eq!(error.timeout(), Some(short));
    // Those of the request replace those of the transport.
    let stalled = server(Answer::sse().event("{}").stall().forever());
    let mut request = post(stalled.url("/"));
    let mut own = Timeouts::none();
    own.byte_idle = Some(short);
    request.extensions_mut().insert(own);
    let mut body = transport().send(request).await.unwrap().into_body();
    body.chunk().await.unwrap().unwrap();
    let error = body.chunk().await.unwrap().unwrap_err();
    support::failed(
        &error,
        ErrorKind::Timeout(TimeoutKind::ByteIdle),
        Phase::Body,
        Sent::Yes,
    );
    until("the server sees the end", || stalled.cancelled() == 1).await;

    // Those of the client itself.
    for client in [builder().timeout(short), builder().read_timeout(short)] {
        let transport = ReqwestTransport::new(client.build().unwrap());
        let mut body = transport
            .send(post(stalled.url("/")))
            .await
            .unwrap()
            .into_body();
        body.chunk().await.unwrap().unwrap();
        let error = body.chunk().await.unwrap().unwrap_err();
        support::failed(
            &error,
            ErrorKind::Timeout(TimeoutKind::Total),
            Phase::Body,
            Sent::Yes,
        );
    }
    let silent = server(Answer::silence());
    let transport = ReqwestTransport::new(builder().timeout(short).build().unwrap());
    let error = transport.send(post(silent.url("/"))).await.unwrap_err();
    support::failed(
        &error,
        ErrorKind::Timeout(TimeoutKind::Total),
        Phase::Headers,
        Sent::Maybe,
    );
}

#[tokio::test]
async fn a_connection_that_is_not_established_leaves_the_request_unsent() {
    // A listener that accepts no TLS: the handshake never ends.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", silent.local_addr().unwrap());
    let mut timeouts = Timeouts::none();
    timeouts.headers = Some(Duration::from_millis(50));
    let error = transport()
        .with_timeouts(timeouts)
        .send(post(url.clone()))
        .await
        .unwrap_err();
    support::failed(
        &error,
        ErrorKind::Timeout(TimeoutKind::Headers),
        Phase::Connect,
        Sent::No,
    );
    let client = builder().connect_timeout(Duration::from_millis(50));
    let error = ReqwestTransport::new(client.build().unwrap())
        .send(post(url))
        .await
        .unwrap_err();
    support::failed(
        &error,
        ErrorKind::Timeout(TimeoutKind::Connect),
        Phase::Connect,
        Sent::No,
    );
}

#[tokio::test]
async fn only_redirects_within_the_origin_are_followed() {
    let other = server(Answer::ok().body("elsewhere").forever());
    let server = LoopbackServer::start(
        Script::new()
            .route(
                "POST",
                "/a",
                Answer::status(307).header("location", "/b").forever(),
            )
            .route("POST", "/b", Answer::ok().body("arrived").forever())
            .route(
                "POST",
                "/away",
                Answer::status(307)
                    .header("location", &other.url("/"))
                    .forever(),
            )
            .route(
                "GET",
                "/away",
                Answer::status(302)
                    .header("location", &other.url("/"))
                    .forever(),
            ),
    )
    .unwrap();
    let default = builder().redirect(reqwest::redirect::Policy::default());
    for transport in [transport(), ReqwestTransport::new(default.build().unwrap())] {
        let response = transport.send(post(server.url("/a"))).await.unwrap();
        assert_eq!(response.into_body().collect(10).await.unwrap(), "arrived");
        let response = transport.send(post(server.url("/away"))).await.unwrap();
        assert_eq!(response.status(), 307);
        let mut request = post(server.url("/a"));
        request.extensions_mut().insert(NoRedirects);
        assert_eq!(transport.send(request).await.unwrap().status(), 307);
    }
    assert_eq!(other.requests().len(), 0, "nothing reaches another origin");

    // A redirect that the client follows is not visible, unless the request allows none.
    let default = builder().redirect(reqwest::redirect::Policy::default());
    let default = ReqwestTransport::new(default.build().unwrap());
    let get = || {
        Request::get(server.url("/away"))
            .body(Bytes::new())
            .unwrap()
    };
    assert_eq!(default.send(get()).await.unwrap().status(), 200);
    let mut request = get();
    request.extensions_mut().insert(NoRedirects);
    let error = default.send(request).await.unwrap_err();
    support::failed(&error, ErrorKind::Protocol, Phase::Headers, Sent::Yes);
    assert_eq!(transport().send(get()).await.unwrap().status(), 302);
}

#[tokio::test]
async fn tls_and_its_failures_are_named() {
    let authority = Authority::generate().unwrap();
    let server =
        LoopbackServer::builder(Script::new().answer(Answer::ok().body("hello").forever()))
            .tls(&authority, HttpVersions::Negotiated)
            .unwrap()
            .start()
            .unwrap();
    let url = server.url("/").replace("127.0.0.1", "localhost");
    let certificate =
        reqwest::Certificate::from_pem(authority.certificate_pem().as_bytes()).unwrap();
    let trusting = builder().tls_certs_only([certificate]).build().unwrap();
    let response = ReqwestTransport::new(trusting)
        .send(post(url.clone()))
        .await
        .unwrap();
    assert_eq!(response.version(), http::Version::HTTP_2);
    assert_eq!(response.into_body().collect(10).await.unwrap(), "hello");

    let other = Authority::generate().unwrap();
    let certificate = reqwest::Certificate::from_pem(other.certificate_pem().as_bytes()).unwrap();
    let distrusting = builder().tls_certs_only([certificate]).build().unwrap();
    let error = ReqwestTransport::new(distrusting)
        .send(post(url))
        .await
        .unwrap_err();
    support::failed(&error, ErrorKind::Certificate, Phase::Handshake, Sent::No);
}

#[tokio::test]
async fn a_stream_of_http2_is_cut_alone() {
    let answer = Answer::sse().event("1").cut(Cut::Stream);
    let server = server(answer);
    let client = builder().http2_prior_knowledge().build().unwrap();
    let mut body = ReqwestTransport::new(client)
        .send(post(server.url("/")))
        .await
        .unwrap()
        .into_body();
    body.chunk().await.unwrap().unwrap();
    let error = body.chunk().await.unwrap().unwrap_err();
    support::failed(&error, ErrorKind::StreamReset, Phase::Body, Sent::Yes);
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named() {
    for (status, known) in [
        (407, Some(StatusCode::PROXY_AUTHENTICATION_REQUIRED)),
        (502, None),
    ] {
        let proxy = LoopbackProxy::builder().refuse(status).start().unwrap();
        let client = builder().proxy(reqwest::Proxy::all(proxy.url()).unwrap());
        let error = ReqwestTransport::new(client.build().unwrap())
            .send(post("https://host.invalid/".into()))
            .await
            .unwrap_err();
        support::failed(&error, ErrorKind::Proxy, Phase::Handshake, Sent::No);
        assert_eq!(error.status(), known);
    }
}

#[tokio::test]
async fn a_coded_body_is_decoded_once_by_either() {
    for client in [builder(), builder().no_gzip()] {
        let answer = Answer::sse().header("content-encoding", "gzip");
        let whole = server(answer.clone().body(GZIP));
        let transport = ReqwestTransport::new(client.build().unwrap());
        let response = transport.send(post(whole.url("/"))).await.unwrap();
        assert!(!response.headers().contains_key("content-encoding"));
        assert_eq!(
            response.into_body().collect(10_000).await.unwrap(),
            "data: {}\n\n"
        );
        let offered = whole.requests()[0]
            .header("accept-encoding")
            .map(str::to_owned);
        assert!(offered.is_some_and(|codings| codings.contains("gzip")));

        let corrupt = server(answer.body("this is not gzip"));
        let error = transport
            .send(post(corrupt.url("/")))
            .await
            .unwrap()
            .into_body()
            .collect(10_000)
            .await
            .unwrap_err();
        support::failed(&error, ErrorKind::ContentCoding, Phase::Body, Sent::Yes);
    }
}

#[tokio::test]
async fn no_credential_is_in_a_text() {
    let mut headers = http::HeaderMap::new();
    headers.insert("x-key", http::HeaderValue::from_static(KEY));
    let client = builder().default_headers(headers).build().unwrap();
    let transport = ReqwestTransport::new(client);
    assert!(!format!("{transport:?}").contains(KEY));
    for url in [
        format!("http://127.0.0.1:1/?key={KEY}"),
        format!("ftp://127.0.0.1/?key={KEY}"),
    ] {
        let error = transport.send(post(url)).await.unwrap_err();
        let mut texts = format!("{error:?}");
        let mut source = core::error::Error::source(&error);
        while let Some(error) = source {
            texts.push_str(&format!(" {error} {error:?}"));
            source = error.source();
        }
        assert!(!texts.contains(KEY), "{texts}");
    }
}
