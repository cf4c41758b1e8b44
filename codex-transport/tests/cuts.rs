//! A stream of 64 KiB cut at byte offsets: exact prefix, one typed error, no data after it, no
//! hang.
//!
//! By default, a sample of the offsets; with `CODEX_TRANSPORT_CUT_STEP=N` every Nth, so 1 tests all
//! of them. `CODEX_TRANSPORT_CUT=stall` runs one kind of cut alone.
#![cfg(all(feature = "testing", feature = "ws"))]

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use codex_transport::testing::{
    Answer, ChunkShape, Cut, LoopbackServer, RecordedRequest, Script, Turn,
};
use codex_transport::{
    ConnectOptions, Error, ErrorKind, HttpTransport, HttpVersions, HyperTransport, Phase, Roots,
    Sent, TimeoutKind, Timeouts, Upgrade, WsSettings, WsTransport,
};
use http::Request;
use tokio::task::JoinSet;

const LENGTH: usize = 65_536;
const CUTS: [(&str, Cut); 3] = [
    ("close", Cut::Close),
    ("reset", Cut::Reset),
    ("stall", Cut::Stall),
];
// The number of concurrent exchanges: each stalled one waits for its timeout.
const AT_ONCE: usize = 128;

// Short timeouts make many stalls a matter of minutes, but a busy machine may be slower than they
// are. So an exchange that times out before all bytes have arrived is repeated with the next longer
// timeout; lost bytes are still missing with the last one.
const CLOCKS: [Duration; 3] = [
    Duration::from_millis(300),
    Duration::from_secs(3),
    Duration::from_secs(30),
];

fn clocks(cut: Cut) -> &'static [Duration] {
    if cut == Cut::Stall {
        &CLOCKS
    } else {
        &CLOCKS[2..]
    }
}

fn events() -> Vec<String> {
    let text =
        "Every word of this answer is a delta of its own, and every delta an event on the wire. "
            .repeat(3);
    let mut events = Turn::new("resp_1")
        .reasoning(&text)
        .message(&text.repeat(3))
        .function_call("f", "{\"a\": [1, 2, 3]}")
        .events();
    let more = events.clone();
    while events.iter().map(|event| event.len() + 16).sum::<usize>() < 2 * LENGTH {
        events.extend(more.clone());
    }
    events
}

fn stream() -> Bytes {
    let text: String = events()
        .iter()
        .map(|event| format!("data: {event}\n\n"))
        .collect();
    Bytes::from(text).slice(..LENGTH)
}

fn offsets(end: usize, step: usize) -> Vec<usize> {
    let wanted = std::env::var("CODEX_TRANSPORT_CUT_STEP")
        .ok()
        .and_then(|step| step.parse().ok());
    let step = wanted.unwrap_or(step);
    // A prime step reaches every position in a line, an event and a frame; the ends are special.
    (0..=end)
        .step_by(step)
        .chain([1, 2, 3, end - 1, end])
        .collect()
}

// Returns the cut and the offset in the path: `/reset/1234`.
fn wish(request: &RecordedRequest) -> (Cut, usize) {
    let mut parts = request.path().trim_start_matches('/').split('/');
    let name = parts.next().unwrap();
    (
        CUTS.iter().find(|(known, _)| *known == name).unwrap().1,
        parts.next().unwrap().parse().unwrap(),
    )
}

fn expected_kind(cut: Cut, clock: TimeoutKind) -> ErrorKind {
    match cut {
        Cut::Close => ErrorKind::Truncated,
        Cut::Reset => ErrorKind::ConnectionLost,
        _ => ErrorKind::Timeout(clock),
    }
}

// Loading the root certificates for thousands of transports would take longer than the test itself.
fn connection(http: HttpVersions) -> ConnectOptions {
    let mut connection = ConnectOptions::default();
    connection.http = http;
    connection.tls.roots = Roots::OnlyAdded;
    connection.tls.read_environment = false;
    connection
}

async fn all<F>(end: usize, step: usize, run: impl Fn(&'static str, Cut, usize) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let wanted = std::env::var("CODEX_TRANSPORT_CUT").ok();
    let is_wanted = |name: &str| wanted.as_deref().is_none_or(|wanted| wanted == name);
    let mut tasks = JoinSet::new();
    for (name, cut) in CUTS.into_iter().filter(|(name, _)| is_wanted(name)) {
        for offset in offsets(end, step) {
            while tasks.len() >= AT_ONCE {
                tasks.join_next().await.unwrap().unwrap();
            }
            tasks.spawn(run(name, cut, offset));
        }
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
}

async fn http(http: HttpVersions, step: usize) {
    let whole = stream();
    let script = Script::new().rule({
        let whole = whole.clone();
        move |request| {
            let (cut, offset) = wish(request);
            Some(
                Answer::sse()
                    .header("x-request-id", "req_1")
                    .body(whole.slice(..offset))
                    .cut(cut),
            )
        }
    });
    let server = Arc::new(LoopbackServer::start(script).unwrap());
    all(LENGTH, step, |name, cut, offset| {
        let (server, whole) = (server.clone(), whole.clone());
        async move {
            let path = format!("/{name}/{offset}");
            let (received, error) = read_until_cut(http, &server, &path, cut, &whole, offset).await;
            assert!(received == whole[..offset], "{path}: {}", received.len());
            assert_eq!(
                error.kind(),
                expected_kind(cut, TimeoutKind::ByteIdle),
                "{path}: {error:?}"
            );
            assert_eq!((error.phase(), error.sent()), (Phase::Body, Sent::Yes));
            assert_eq!(
                (error.bytes_received(), error.request_id()),
                (offset as u64, Some("req_1"))
            );
        }
    })
    .await;
}

// Returns the received bytes, and the one error after them.
async fn read_until_cut(
    http: HttpVersions,
    server: &LoopbackServer,
    path: &str,
    cut: Cut,
    whole: &[u8],
    expected: usize,
) -> (Vec<u8>, Error) {
    for clock in clocks(cut) {
        // A connection for each request: over HTTP/2 a cut would end the other streams of a
        // connection.
        let mut timeouts = Timeouts::default();
        timeouts.byte_idle = Some(*clock);
        let transport = HyperTransport::builder()
            .connection(connection(http))
            .timeouts(timeouts)
            .build()
            .unwrap();
        let request = Request::post(server.url(path)).body(Bytes::new()).unwrap();
        let mut body = transport.send(request).await.unwrap().into_body();
        let mut received = Vec::new();
        let error = loop {
            match body
                .chunk()
                .await
                .unwrap_or_else(|| panic!("{path} looked like a proper end"))
            {
                Ok(chunk) => received.extend_from_slice(&chunk),
                Err(error) => break error,
            }
        };
        assert!(body.chunk().await.is_none());
        let is_slow = cut == Cut::Stall && received.len() < expected;
        if !is_slow || clock == clocks(cut).last().unwrap() {
            return (received, error);
        }
        assert!(whole.starts_with(&received), "{path}");
    }
    unreachable!("the last clock returns")
}

#[tokio::test]
async fn http1_at_every_offset() {
    http(HttpVersions::Http1, 2003).await;
}

#[tokio::test]
async fn http2_at_every_offset() {
    http(HttpVersions::Http2, 4001).await;
}

// Cuts on the wire, in the middle of a chunk header as well as of its data.
#[tokio::test]
async fn http1_within_the_chunked_coding() {
    const CHUNK: usize = 100;
    let whole = stream().slice(..2_000);
    // "64\r\n", the data, "\r\n".
    let framed = CHUNK + 6;
    let script = Script::new().rule({
        let whole = whole.clone();
        move |request| {
            let (cut, offset) = wish(request);
            Some(
                Answer::sse()
                    .cut_after(offset as u64, cut)
                    .body(whole.clone())
                    .shape(ChunkShape::Bytes(CHUNK)),
            )
        }
    });
    let server = Arc::new(LoopbackServer::start(script).unwrap());
    all(20 * framed, 29, |name, cut, offset| {
        let (server, whole) = (server.clone(), whole.clone());
        async move {
            let path = format!("/{name}/{offset}");
            let expected = offset / framed * CHUNK + (offset % framed).saturating_sub(4).min(CHUNK);
            let (received, error) =
                read_until_cut(HttpVersions::Http1, &server, &path, cut, &whole, expected).await;
            assert!(received == whole[..expected], "{path}: {}", received.len());
            assert_eq!(
                error.kind(),
                expected_kind(cut, TimeoutKind::ByteIdle),
                "{path}: {error:?}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn websocket_at_every_offset() {
    let events = Arc::new(events());
    let script = Script::new().rule({
        let events = events.clone();
        move |request| {
            let (cut, offset) = wish(request);
            Some(
                Answer::websocket()
                    .cut_after(offset as u64, cut)
                    .events(events.iter().cloned()),
            )
        }
    });
    let server = Arc::new(LoopbackServer::start(script).unwrap());
    all(LENGTH, 2011, |name, cut, offset| {
        let (server, events) = (server.clone(), events.clone());
        async move {
            // RFC 6455 section 5.2: a header of two bytes, or four from 126 bytes of payload on.
            let mut end = 0;
            let whole = events.iter().take_while(|event| {
                end += event.len() + if event.len() < 126 { 2 } else { 4 };
                end <= offset
            });
            let (path, whole) = (format!("/{name}/{offset}"), whole.count());
            let (received, error) = receive_until_cut(&server, &path, cut, &events, whole).await;
            assert_eq!(received, whole, "{path}");
            assert_eq!(
                error.kind(),
                expected_kind(cut, TimeoutKind::Pong),
                "{path}: {error:?}"
            );
            assert_eq!((error.phase(), error.sent()), (Phase::Body, Sent::No));
            assert_eq!(error.events_received(), received as u64);
        }
    })
    .await;
}

// Returns the number of received messages, which must match these, and the one error after them.
async fn receive_until_cut(
    server: &LoopbackServer,
    path: &str,
    cut: Cut,
    events: &[String],
    expected: usize,
) -> (usize, Error) {
    for clock in clocks(cut) {
        let mut settings = WsSettings::default();
        settings.ping_interval = Some(*clock);
        settings.pong_timeout = Some(*clock);
        let transport = HyperTransport::builder()
            .connection(connection(HttpVersions::Http1))
            .websocket(settings)
            .build()
            .unwrap();
        let request = Request::get(server.ws_url(path)).body(()).unwrap();
        let Upgrade::Accepted(mut socket, _) = transport.connect(request).await.unwrap() else {
            panic!("refused")
        };
        let mut received = 0;
        let error = loop {
            match socket
                .next()
                .await
                .unwrap_or_else(|| panic!("{path} looked like a proper end"))
            {
                Ok(message) => {
                    assert_eq!(message, events[received], "{path}");
                    received += 1;
                }
                Err(error) => break error,
            }
        };
        assert!(socket.next().await.is_none());
        let is_slow = cut == Cut::Stall && received < expected;
        if !is_slow || clock == clocks(cut).last().unwrap() {
            return (received, error);
        }
    }
    unreachable!("the last clock returns")
}
