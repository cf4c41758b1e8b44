//! Connections: which are reused, which are closed, and when.
#![cfg(all(feature = "testing", feature = "testing-tls"))]

use core::net::SocketAddr;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use codex_transport::testing::{Answer, Authority, Gate, LoopbackServer, Script};
use codex_transport::{
    Body, ConnectOptions, Error, ErrorKind, HttpTransport, HttpVersions, HyperTransport,
    TimeoutKind,
};
use http::Request;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::support::build;

/// A relay in front of a server that counts connections. It runs on a separate thread, so that its
/// tasks are not among those of the test.
struct Relay {
    address: SocketAddr,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    accepted: AtomicUsize,
    open: AtomicUsize,
    // Bytes that the clients sent.
    sent: AtomicUsize,
    cut: tokio::sync::Notify,
}

impl Relay {
    fn before(server: SocketAddr) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let counts = Arc::new(Counts::default());
        let counted = counts.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                loop {
                    let (client, _) = listener.accept().await.unwrap();
                    counted.accepted.fetch_add(1, Ordering::SeqCst);
                    counted.open.fetch_add(1, Ordering::SeqCst);
                    let counted = counted.clone();
                    tokio::spawn(async move {
                        let server = TcpStream::connect(server).await.unwrap();
                        tokio::select! {
                            () = relay(client, server, &counted.sent) => {}
                            () = counted.cut.notified() => {}
                        }
                        counted.open.fetch_sub(1, Ordering::SeqCst);
                    });
                }
            });
        });
        Self { address, counts }
    }

    fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}/v1/responses", self.address)
    }

    fn accepted(&self) -> usize {
        self.counts.accepted.load(Ordering::SeqCst)
    }

    fn open(&self) -> usize {
        self.counts.open.load(Ordering::SeqCst)
    }

    fn sent(&self) -> usize {
        self.counts.sent.load(Ordering::SeqCst)
    }

    async fn until_open(&self, count: usize) {
        let start = Instant::now();
        while self.open() != count {
            assert!(
                start.elapsed() < Duration::from_secs(5),
                "{} open, not {count}",
                self.open()
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

// Waits until the client has closed.
async fn relay(mut client: TcpStream, mut server: TcpStream, sent: &AtomicUsize) {
    let (mut from_client, mut from_server) = ([0; 4096], [0; 4096]);
    let mut server_is_done = false;
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => match read {
                Ok(0) | Err(_) => return,
                Ok(count) => {
                    sent.fetch_add(count, Ordering::SeqCst);
                    let _ = server.write_all(&from_client[..count]).await;
                }
            },
            read = server.read(&mut from_server), if !server_is_done => match read {
                Ok(0) | Err(_) => {
                    server_is_done = true;
                    let _ = client.shutdown().await;
                }
                Ok(count) => {
                    let _ = client.write_all(&from_server[..count]).await;
                }
            },
        }
    }
}

fn hello() -> LoopbackServer {
    LoopbackServer::start(Script::new().answer(Answer::ok().body("hello").forever())).unwrap()
}

/// Sends `1`, and `2` once the gate is open.
fn halves() -> (LoopbackServer, Gate) {
    let gate = Gate::new();
    let answer = Answer::ok().body("1").gate(&gate).body("2").forever();
    let server = LoopbackServer::start(Script::new().answer(answer)).unwrap();
    (server, gate)
}

fn post(url: &str) -> Request<Bytes> {
    Request::post(url).body(Bytes::from_static(b"{}")).unwrap()
}

async fn text(transport: &HyperTransport, url: &str) -> Result<Bytes, Error> {
    let response = transport.send(post(url)).await?;
    response.into_body().collect(1024).await
}

async fn texts(transport: &HyperTransport, url: &str, count: usize) -> Vec<Result<Bytes, Error>> {
    let mut requests = JoinSet::new();
    for _ in 0..count {
        let (transport, url) = (transport.clone(), url.to_owned());
        requests.spawn(async move { text(&transport, &url).await });
    }
    requests.join_all().await
}

async fn first_chunk(transport: &HyperTransport, url: &str) -> Body {
    let mut body = transport.send(post(url)).await.unwrap().into_body();
    body.chunk().await.unwrap().unwrap();
    body
}

#[tokio::test]
async fn a_complete_response_frees_its_connection() {
    let server = hello();
    let relay = Relay::before(server.address());
    let transport = build(HttpVersions::Http1, |_| ());
    for _ in 0..3 {
        assert_eq!(text(&transport, &relay.url("http")).await.unwrap(), "hello");
    }
    // The body was not read, but it had arrived completely.
    let response = transport.send(post(&relay.url("http"))).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(response);
    text(&transport, &relay.url("http")).await.unwrap();
    assert_eq!((relay.accepted(), relay.open()), (1, 1));
    drop(transport);
    relay.until_open(0).await;
}

#[tokio::test]
async fn an_answer_without_a_body_frees_its_connection_as_well() {
    let server = LoopbackServer::start(Script::new().answer(Answer::status(204).forever()));
    let server = server.unwrap();
    let relay = Relay::before(server.address());
    let transport = build(HttpVersions::Http1, |_| ());
    let mut kept = Vec::new();
    for _ in 0..3 {
        let response = transport.send(post(&relay.url("http"))).await.unwrap();
        assert_eq!(response.status(), 204);
        kept.push(response);
    }
    assert_eq!(relay.accepted(), 1);
}

#[tokio::test]
async fn an_abandoned_connection_is_closed_and_not_reused() {
    let gate = Gate::new();
    let stalled = Answer::sse().body("data: 1\n\n").gate(&gate).forever();
    let server = LoopbackServer::start(Script::new().answer(stalled)).unwrap();
    let relay = Relay::before(server.address());
    let transport = build(HttpVersions::Http1, |_| ());
    for count in 1..=3 {
        let body = first_chunk(&transport, &relay.url("http")).await;
        assert_eq!((relay.accepted(), relay.open()), (count, 1));
        drop(body);
        relay.until_open(0).await;
    }
}

#[tokio::test]
async fn no_connection_that_the_server_closed_is_used() {
    let (server, gate) = halves();
    let relay = Relay::before(server.address());
    let transport = build(HttpVersions::Http1, |_| ());
    let mut bodies = Vec::new();
    for _ in 0..5 {
        bodies.push(first_chunk(&transport, &relay.url("http")).await);
    }
    gate.open();
    for body in bodies {
        body.collect(10).await.unwrap();
    }
    assert_eq!(relay.open(), 5);
    relay.counts.cut.notify_waiters();
    relay.until_open(0).await;
    // Time for the closes to arrive, before which they cannot be detected.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(text(&transport, &relay.url("http")).await.unwrap(), "12");
    assert_eq!((relay.accepted(), relay.open()), (6, 1));
}

#[tokio::test]
async fn a_stream_over_http1_has_no_task() {
    let gate = Gate::new();
    let stalled = Answer::sse().body("data: 1\n\n").gate(&gate).forever();
    let server = LoopbackServer::start(Script::new().answer(stalled)).unwrap();
    let transport = build(HttpVersions::Http1, |_| ());
    let mut bodies = Vec::new();
    for _ in 0..50 {
        bodies.push(first_chunk(&transport, &server.url("/")).await);
    }
    let metrics = tokio::runtime::Handle::current().metrics();
    assert_eq!(metrics.num_alive_tasks(), 0);
    gate.open();
    for mut body in bodies {
        assert!(body.chunk().await.is_none());
    }
    // The task that closes unused connections.
    assert_eq!(metrics.num_alive_tasks(), 1);
}

#[tokio::test]
async fn an_unused_connection_is_closed_in_time() {
    let server = hello();
    for http in [HttpVersions::Http1, HttpVersions::Http2] {
        let relay = Relay::before(server.address());
        let transport = build(HttpVersions::Http1, |connection| {
            connection.http = http;
            connection.pool_idle = Duration::from_millis(200);
        });
        for round in 1..=2 {
            text(&transport, &relay.url("http")).await.unwrap();
            assert_eq!((relay.accepted(), relay.open()), (round, 1), "{http:?}");
            relay.until_open(0).await;
        }
    }
}

#[tokio::test]
async fn what_may_wait_for_ever_does() {
    let server = hello();
    let relay = Relay::before(server.address());
    let transport = build(HttpVersions::Http1, |connection| {
        connection.pool_idle = Duration::MAX
    });
    for _ in 0..2 {
        text(&transport, &relay.url("http")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((relay.accepted(), relay.open()), (1, 1));
}

#[tokio::test]
async fn what_may_not_wait_at_all_does_not() {
    let server = hello();
    for http in [HttpVersions::Http1, HttpVersions::Http2] {
        let relay = Relay::before(server.address());
        let transport = build(HttpVersions::Http1, |connection| {
            connection.http = http;
            connection.pool_idle = Duration::ZERO;
        });
        for answer in texts(&transport, &relay.url("http"), 20).await {
            assert_eq!(answer.unwrap(), "hello");
        }
        relay.until_open(0).await;
        assert_eq!(relay.accepted(), 20);
    }
}

#[tokio::test]
async fn whoever_dials_and_is_not_polled_holds_the_others_up_only_so_long() {
    let server = hello();
    let relay = Relay::before(server.address());
    let mut connection = ConnectOptions::default();
    connection.http = HttpVersions::Http2;
    let transport = HyperTransport::builder()
        .connection(connection)
        .connect_timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    let url = relay.url("http");
    let mut left = Box::pin(text(&transport, &url));
    tokio::select! {
        biased;
        _ = &mut left => panic!("an answer within one poll"),
        () = core::future::ready(()) => {}
    }
    assert_eq!(text(&transport, &url).await.unwrap(), "hello");
}

#[tokio::test]
async fn a_connection_in_use_keeps_its_place() {
    let (server, gate) = halves();
    let (relay, other) = (
        Relay::before(server.address()),
        Relay::before(server.address()),
    );
    let transport = build(HttpVersions::Http1, |_| ());
    let body = first_chunk(&transport, &relay.url("http")).await;
    // Opening a pool for another origin must not remove this one.
    drop(first_chunk(&transport, &other.url("http")).await);
    gate.open();
    body.collect(10).await.unwrap();
    text(&transport, &relay.url("http")).await.unwrap();
    assert_eq!((relay.accepted(), relay.open()), (1, 1));
}

#[tokio::test]
async fn no_more_idle_connections_are_kept_than_allowed() {
    for (room, left) in [(0, 0), (1, 1), (2, 2), (8, 3)] {
        let (server, gate) = halves();
        let relay = Relay::before(server.address());
        let transport = build(HttpVersions::Http1, |connection| {
            connection.pool_max_idle = room
        });
        let mut bodies = Vec::new();
        for _ in 0..3 {
            bodies.push(first_chunk(&transport, &relay.url("http")).await);
        }
        gate.open();
        for body in bodies {
            assert_eq!(body.collect(10).await.unwrap(), "2");
        }
        relay.until_open(left).await;
    }
}

#[test]
fn a_transport_outlives_the_runtime_that_used_it() {
    let server = hello();
    for http in [HttpVersions::Http1, HttpVersions::Http2] {
        let relay = Relay::before(server.address());
        let transport = build(HttpVersions::Http1, |connection| {
            connection.http = http;
            connection.pool_idle = Duration::from_secs(1);
        });
        for _ in 0..2 {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let left = runtime.block_on(async {
                text(&transport, &relay.url("http")).await.unwrap();
                // Idle connections are closed here, too.
                relay.until_open(0).await;
                text(&transport, &relay.url("http")).await.unwrap();
                transport.send(post(&relay.url("http"))).await.unwrap()
            });
            drop(runtime);
            drop(left);
            // Neither idle connections nor those in use stay open when their runtime has ended.
            let start = Instant::now();
            while relay.open() > 0 {
                assert!(start.elapsed() < Duration::from_secs(5));
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

#[tokio::test]
async fn with_http2_all_wait_for_one_connection() {
    let server = hello();
    let relay = Relay::before(server.address());
    let transport = build(HttpVersions::Http1, |connection| {
        connection.http = HttpVersions::Http2
    });
    for round in 1..=3 {
        for answer in texts(&transport, &relay.url("http"), 20).await {
            assert_eq!(answer.unwrap(), "hello");
        }
        assert_eq!(relay.accepted(), round);
        relay.counts.cut.notify_waiters();
        relay.until_open(0).await;
        // Time for the close to arrive.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_connection_with_a_stream_is_not_unused() {
    let gate = Gate::new();
    let script = Script::new()
        .answer(Answer::ok().body("1").gate(&gate).body("2"))
        .answer(Answer::ok().body("hello").forever());
    let server = LoopbackServer::start(script).unwrap();
    let relay = Relay::before(server.address());
    let transport = build(HttpVersions::Http1, |connection| {
        connection.http = HttpVersions::Http2;
        connection.pool_idle = Duration::from_millis(100);
    });
    let body = first_chunk(&transport, &relay.url("http")).await;
    tokio::time::sleep(Duration::from_millis(350)).await;
    text(&transport, &relay.url("http")).await.unwrap();
    assert_eq!((relay.accepted(), relay.open()), (1, 1));
    gate.open();
    assert_eq!(body.collect(10).await.unwrap(), "2");
    let over = Instant::now();
    relay.until_open(0).await;
    assert!(over.elapsed() >= Duration::from_millis(90));
}

#[tokio::test]
async fn where_http2_is_agreed_on_one_connection_stays() {
    let authority = Authority::generate().unwrap();
    let server =
        LoopbackServer::builder(Script::new().answer(Answer::ok().body("hello").forever()))
            .tls(&authority, HttpVersions::Negotiated)
            .unwrap()
            .start()
            .unwrap();
    let relay = Relay::before(server.address());
    let transport = build(HttpVersions::Http1, |connection| {
        connection.http = HttpVersions::Negotiated;
        let tls = connection.tls.clone();
        connection.tls = tls.with_authority_pem(authority.certificate_pem());
    });
    // The version of HTTP has not been negotiated yet.
    for answer in texts(&transport, &relay.url("https"), 20).await {
        assert_eq!(answer.unwrap(), "hello");
    }
    relay.until_open(1).await;
    relay.counts.cut.notify_waiters();
    relay.until_open(0).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    // Now the version is known.
    let accepted = relay.accepted();
    for answer in texts(&transport, &relay.url("https"), 20).await {
        assert_eq!(answer.unwrap(), "hello");
    }
    assert_eq!(relay.accepted(), accepted + 1);
}

#[tokio::test]
async fn those_who_waited_for_a_connection_that_failed_do_not_queue_up() {
    // Accepts connections and never sends a byte.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", silent.local_addr().unwrap());
    let period = Duration::from_millis(200);
    let mut connection = ConnectOptions::default();
    connection.http = HttpVersions::Http2;
    let transport = HyperTransport::builder()
        .connection(connection)
        .connect_timeout(period)
        .build()
        .unwrap();
    let start = Instant::now();
    for answer in texts(&transport, &url, 20).await {
        let kind = answer.unwrap_err().kind();
        assert_eq!(kind, ErrorKind::Timeout(TimeoutKind::Connect));
    }
    // One after another would take twenty periods.
    assert!(start.elapsed() < period * 15);
}

#[tokio::test]
async fn when_the_one_who_dials_gives_up_one_of_the_others_does() {
    // Accepts connections and never sends a byte.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let relay = Relay::before(silent.local_addr().unwrap());
    let transport = build(HttpVersions::Http1, |connection| {
        connection.http = HttpVersions::Http2
    });
    let ask = || {
        let (transport, url) = (transport.clone(), relay.url("https"));
        tokio::spawn(async move { text(&transport, &url).await })
    };
    let first = ask();
    relay.until_open(1).await;
    let others: Vec<_> = (0..19).map(|_| ask()).collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(relay.accepted(), 1);
    first.abort();
    while relay.accepted() < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(relay.accepted(), 2);
    others.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn a_long_request_is_sent_while_its_answer_is_awaited() {
    let server = LoopbackServer::start(Script::new().answer(Answer::ok().body("read").forever()));
    let server = server.unwrap();
    let body = Bytes::from(vec![b'x'; 8 * 1024 * 1024]);
    let transport = build(HttpVersions::Http1, |_| ());
    for _ in 0..2 {
        let request = Request::post(server.url("/")).body(body.clone()).unwrap();
        let response = transport.send(request).await.unwrap();
        assert_eq!(response.into_body().collect(10).await.unwrap(), "read");
    }
    let lengths = server
        .requests()
        .into_iter()
        .map(|request| request.body.len());
    assert_eq!(lengths.collect::<Vec<_>>(), [body.len(); 2]);
}

#[tokio::test]
async fn an_answer_that_does_not_wait_for_the_request_is_an_answer() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        for body in ["one", "two"] {
            let mut stream = listener.accept().unwrap().0;
            stream.read_exact(&mut [0; 100]).unwrap();
            let answer = format!("HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).unwrap();
            // Until the client gives up.
            while stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    });
    let transport = build(HttpVersions::Http1, |_| ());
    for body in ["one", "two"] {
        let long = Bytes::from(vec![b'x'; 64 * 1024 * 1024]);
        let request = Request::post(&url).body(long).unwrap();
        let response = transport.send(request).await.unwrap();
        assert_eq!(response.status(), 413);
        assert_eq!(response.into_body().collect(10).await.unwrap(), body);
    }
    drop(transport);
    server.join().unwrap();
}

#[tokio::test]
async fn over_tls_the_server_is_told_of_the_end() {
    let authority = Authority::generate().unwrap();
    let gate = Gate::new();
    let script = Script::new()
        .answer(Answer::sse().body("data: 1\n\n").stall())
        .answer(Answer::silence())
        .answer(Answer::ok().body("hello"))
        .answer(Answer::ok().body("1").gate(&gate).body("2"));
    let server = LoopbackServer::builder(script)
        .tls(&authority, HttpVersions::Http1)
        .unwrap()
        .start()
        .unwrap();
    let relay = Relay::before(server.address());
    let with_authority = |connection: &mut ConnectOptions| {
        let tls = connection.tls.clone();
        connection.tls = tls.with_authority_pem(authority.certificate_pem());
    };
    let transport = build(HttpVersions::Http1, with_authority);
    // In the middle of a response.
    let body = first_chunk(&transport, &relay.url("https")).await;
    let before = relay.sent();
    drop(body);
    relay.until_open(0).await;
    assert_eq!(relay.sent() - before, FAREWELL);
    // Before the response headers.
    {
        let mut sending = Box::pin(transport.send(post(&relay.url("https"))));
        let pause = tokio::time::sleep(Duration::from_millis(200));
        tokio::select! {
            _ = &mut sending => panic!("an answer"),
            () = pause => {}
        }
        let before = relay.sent();
        drop(sending);
        relay.until_open(0).await;
        assert_eq!(relay.sent() - before, FAREWELL);
    }
    // While it waits for the next request.
    text(&transport, &relay.url("https")).await.unwrap();
    let before = relay.sent();
    drop(transport);
    relay.until_open(0).await;
    assert_eq!(relay.sent() - before, FAREWELL);
    // When the pool to which it could return has been dropped.
    let transport = build(HttpVersions::Http1, with_authority);
    let body = first_chunk(&transport, &relay.url("https")).await;
    let before = relay.sent();
    drop(transport);
    gate.open();
    assert_eq!(body.collect(10).await.unwrap(), "2");
    relay.until_open(0).await;
    assert_eq!(relay.sent() - before, FAREWELL);
}

// RFC 8446 sections 5.2 and 6.1: an alert of two bytes, its type, an authentication tag and the
// header of the record around them.
const FAREWELL: usize = 2 + 1 + 16 + 5;
