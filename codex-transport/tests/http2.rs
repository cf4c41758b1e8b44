//! HTTP/2 with more requests than one connection carries, and with servers that reject it. The
//! server is `h2` itself, so that its limits and resets are exact.
#![cfg(feature = "testing-tls")]

use core::error::Error as _;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use codex_transport::{
    ErrorKind, HttpTransport, HttpVersions, HyperTransport, Phase, Roots, Sent, TimeoutKind,
    Timeouts,
};
use h2::Reason;
use h2::server::SendResponse;
use http::{Request, Response, Version};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::support::build;

/// What a server has received, and the permits without which it does not respond.
struct Seen {
    connections: AtomicUsize,
    requests: AtomicUsize,
    answers: Semaphore,
}

impl Seen {
    fn new(answers: usize) -> Arc<Self> {
        Arc::new(Self {
            connections: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            answers: Semaphore::new(answers),
        })
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    async fn until_requests(&self, count: usize) {
        while self.requests.load(Ordering::SeqCst) < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Serves one connection, with this many streams at most. Takes a permit for each response.
async fn serve<S>(stream: S, limit: Option<u32>, seen: Arc<Seen>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut builder = h2::server::Builder::new();
    if let Some(limit) = limit {
        builder.max_concurrent_streams(limit);
    }
    let mut connection = builder.handshake::<_, Bytes>(stream).await.unwrap();
    while let Some(Ok((_, mut respond))) = connection.accept().await {
        let seen = seen.clone();
        tokio::spawn(async move {
            seen.requests.fetch_add(1, Ordering::SeqCst);
            seen.answers.acquire().await.unwrap().forget();
            answer(&mut respond);
        });
    }
}

fn answer(respond: &mut SendResponse<Bytes>) {
    if let Ok(mut body) = respond.send_response(Response::new(()), false) {
        drop(body.send_data(Bytes::from_static(b"hello"), true));
    }
}

/// A server without TLS.
async fn start(limit: Option<u32>, seen: &Arc<Seen>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let seen = seen.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            seen.connections.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(stream, limit, seen.clone()));
        }
    });
    url
}

async fn fetch(transport: HyperTransport, url: String) -> Result<Bytes, codex_transport::Error> {
    let request = Request::post(url).body(Bytes::from_static(b"{}")).unwrap();
    transport.send(request).await?.into_body().collect(16).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_streams_at_a_limit_of_a_hundred_run_at_once() {
    let seen = Seen::new(0);
    let url = start(Some(100), &seen).await;
    let transport = build(HttpVersions::Http2, |_| ());
    let mut requests: JoinSet<_> = (0..1000)
        .map(|_| fetch(transport.clone(), url.clone()))
        .collect();
    // No request is answered before the last has arrived.
    let all = tokio::time::timeout(Duration::from_secs(60), seen.until_requests(1000)).await;
    assert!(all.is_ok(), "{:?} arrived", seen.requests);
    seen.answers.add_permits(1000);
    while let Some(result) = requests.join_next().await {
        assert_eq!(result.unwrap().unwrap(), "hello");
    }
    assert_eq!(seen.connections(), 10);
    // An existing connection is used again.
    seen.answers.add_permits(1);
    assert_eq!(fetch(transport, url).await.unwrap(), "hello");
    assert_eq!(seen.connections(), 10);
}

#[tokio::test]
async fn without_a_limit_one_connection_carries_all() {
    let seen = Seen::new(0);
    let url = start(None, &seen).await;
    let transport = build(HttpVersions::Http2, |_| ());
    let mut requests: JoinSet<_> = (0..300)
        .map(|_| fetch(transport.clone(), url.clone()))
        .collect();
    tokio::time::timeout(Duration::from_secs(30), seen.until_requests(300))
        .await
        .unwrap();
    seen.answers.add_permits(300);
    while let Some(result) = requests.join_next().await {
        assert_eq!(result.unwrap().unwrap(), "hello");
    }
    assert_eq!(seen.connections(), 1);
}

#[tokio::test]
async fn past_the_last_connection_a_request_waits_for_a_stream() {
    let seen = Seen::new(0);
    let url = start(Some(2), &seen).await;
    let transport = build(HttpVersions::Http2, |connection| {
        connection.http2_max_connections = 2
    });
    let mut requests: JoinSet<_> = (0..9)
        .map(|_| fetch(transport.clone(), url.clone()))
        .collect();
    seen.until_requests(4).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(seen.requests.load(Ordering::SeqCst), 4);

    // A request that is dropped while it waits does not take the turn of another.
    let given_up = fetch(transport.clone(), url.clone());
    drop(tokio::time::timeout(Duration::from_millis(20), given_up).await);
    seen.answers.add_permits(9);
    while let Some(result) = requests.join_next().await {
        assert_eq!(result.unwrap().unwrap(), "hello");
    }
    assert_eq!(seen.connections(), 2);
}

#[tokio::test]
async fn a_request_that_finds_no_stream_names_the_limit() {
    let seen = Seen::new(0);
    let url = start(Some(2), &seen).await;
    let transport = build(HttpVersions::Http2, |connection| {
        connection.http2_max_connections = 1
    });
    let mut requests = JoinSet::new();
    for _ in 0..2 {
        requests.spawn(fetch(transport.clone(), url.clone()));
    }
    seen.until_requests(2).await;
    let mut timeouts = Timeouts::default();
    timeouts.headers = Some(Duration::from_millis(100));
    let request = Request::post(&url)
        .extension(timeouts)
        .body(Bytes::new())
        .unwrap();
    let error = transport.send(request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeoutKind::Headers));
    assert_eq!((error.phase(), error.sent()), (Phase::Connect, Sent::No));
    assert_eq!(
        error.source().unwrap().to_string(),
        "no free HTTP/2 stream (server allows 2 per connection; http2_max_connections: 1)"
    );
    seen.answers.add_permits(2);
    while let Some(result) = requests.join_next().await {
        assert_eq!(result.unwrap().unwrap(), "hello");
    }
}

#[tokio::test]
async fn a_connection_whose_ping_is_not_answered_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let seen = Seen::new(100);
    let of_server = seen.clone();
    tokio::spawn(async move {
        // The first connection sends nothing but its settings, and stays open.
        let (mut silent, _) = listener.accept().await.unwrap();
        silent
            .write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0])
            .await
            .unwrap();
        let swallowing = tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while silent.read(&mut buffer).await.unwrap_or(0) > 0 {}
        });
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream, None, of_server).await;
        swallowing.abort();
    });
    let transport = build(HttpVersions::Http2, |connection| {
        connection.http2_keepalive = Some(Duration::from_millis(100))
    });
    let first = fetch(transport.clone(), url.clone());
    let error = tokio::time::timeout(Duration::from_secs(5), first)
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeoutKind::Pong));
    assert!(error.is_retryable() && !error.is_safe_to_resend());
    let second = fetch(transport, url);
    let second = tokio::time::timeout(Duration::from_secs(5), second).await;
    assert_eq!(second.unwrap().unwrap(), "hello");
}

/// Returns TLS settings for `localhost` with both versions of HTTP, and the certificate.
fn tls() -> (tokio_rustls::TlsAcceptor, String) {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = rustls::pki_types::PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    (Arc::new(config).into(), cert.pem())
}

// The client has not yet negotiated HTTP/2, nor received the server's limit on streams.
#[tokio::test(flavor = "multi_thread")]
async fn a_burst_to_an_unknown_server_makes_as_many_connections_as_it_needs() {
    let (acceptor, certificate) = tls();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Seen::new(0);
    let of_server = seen.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            of_server.connections.fetch_add(1, Ordering::SeqCst);
            let (acceptor, seen) = (acceptor.clone(), of_server.clone());
            tokio::spawn(async move {
                serve(acceptor.accept(stream).await.unwrap(), Some(50), seen).await;
            });
        }
    });
    let transport = build(HttpVersions::Http2, |connection| {
        connection.http = HttpVersions::Negotiated;
        connection.tls = connection.tls.clone().with_authority_pem(&certificate);
        connection.tls.roots = Roots::OnlyAdded;
        *connection = connection.clone().with_address("localhost", address);
    });
    let url = "https://localhost/".to_owned();
    let mut requests: JoinSet<_> = (0..400)
        .map(|_| fetch(transport.clone(), url.clone()))
        .collect();
    let all = tokio::time::timeout(Duration::from_secs(60), seen.until_requests(400)).await;
    assert!(all.is_ok(), "{:?} arrived", seen.requests);
    seen.answers.add_permits(400);
    while let Some(result) = requests.join_next().await {
        assert_eq!(result.unwrap().unwrap(), "hello");
    }
    assert_eq!(seen.connections(), 8);
}

#[tokio::test]
async fn what_a_server_wants_over_http1_is_sent_over_http1() {
    let (acceptor, certificate) = tls();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let refused = Arc::new(AtomicUsize::new(0));
    let of_server = refused.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, refused) = (acceptor.clone(), of_server.clone());
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await.unwrap();
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    let mut connection = h2::server::handshake(stream).await.unwrap();
                    while let Some(Ok((_, mut respond))) = connection.accept().await {
                        refused.fetch_add(1, Ordering::SeqCst);
                        let respond: &mut SendResponse<Bytes> = &mut respond;
                        respond.send_reset(Reason::HTTP_1_1_REQUIRED);
                    }
                    return;
                }
                let mut request = [0; 4096];
                while stream.read(&mut request).await.unwrap_or(0) > 0 {
                    let response = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
                    stream.write_all(response).await.unwrap();
                    stream.flush().await.unwrap();
                }
            });
        }
    });
    let transport = build(HttpVersions::Http2, |connection| {
        connection.http = HttpVersions::Negotiated;
        connection.tls = connection.tls.clone().with_authority_pem(&certificate);
        connection.tls.roots = Roots::OnlyAdded;
        *connection = connection.clone().with_address("localhost", address);
    });
    for _ in 0..3 {
        let request = Request::post("https://localhost/")
            .body(Bytes::from_static(b"{}"))
            .unwrap();
        let response = transport.send(request).await.unwrap();
        assert_eq!(response.version(), Version::HTTP_11);
        assert_eq!(response.into_body().collect(16).await.unwrap(), "hello");
    }
    assert_eq!(
        refused.load(Ordering::SeqCst),
        1,
        "once is enough to learn it"
    );
}
