//! A peer that sends pings without end: their cost, and whether they block other work. This is a
//! separate binary, since it measures the memory of the process.
#![cfg(all(feature = "ws", target_os = "linux"))]
#![cfg(test)]

use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use codex_transport::{
    ErrorKind, HyperTransport, IdleTimeouts, SharedTimer, TimeoutKind, Timeouts, TokioTimer,
    Upgrade, WsConnection, WsSettings, WsTransport,
};
use http::Request;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Starts a server on a new thread that accepts a WebSocket and then runs the script of the test.
fn serve(then: impl FnOnce(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        let request = String::from_utf8(request).unwrap();
        let key = request
            .lines()
            .find_map(|line| line.strip_prefix("sec-websocket-key: "))
            .unwrap();
        let accept = derive_accept_key(key.as_bytes());
        write!(
            stream,
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: {accept}\r\n\r\n"
        )
        .unwrap();
        then(stream);
    });
    url
}

fn ping(payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x89, u8::try_from(payload.len()).unwrap()];
    frame.extend_from_slice(payload);
    frame
}

fn text(payload: &[u8]) -> Vec<u8> {
    let mut frame = ping(payload);
    frame[0] = 0x81;
    frame
}

async fn connect(url: &str, settings: WsSettings) -> WsConnection {
    let transport = HyperTransport::builder()
        .websocket(settings)
        .build()
        .unwrap();
    let request = Request::get(url).body(()).unwrap();
    let Upgrade::Accepted(socket, _) = transport.connect(request).await.unwrap() else {
        panic!("refused")
    };
    socket
}

// Returns the resident memory of this process in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let kibibytes: usize = line.trim().trim_end_matches(" kB").parse().unwrap();
    kibibytes * 1024
}

// One test, so that no other test of this process allocates memory at the same time.
#[tokio::test]
async fn pings_of_a_peer_that_does_not_read_cost_little_and_end() {
    let url = serve(|mut stream| {
        let pings = ping(&[b'x'; 125]).repeat(500);
        while stream.write_all(&pings).is_ok() {}
    });
    let mut settings = WsSettings::default();
    settings.pong_timeout = Some(Duration::from_secs(2));
    let mut socket = connect(&url, settings).await;
    let before = resident();
    let ended = tokio::time::timeout(Duration::from_secs(20), socket.next()).await;
    let grown = resident().saturating_sub(before);
    let error = ended.unwrap().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeoutKind::Pong));
    assert_eq!(error.timeout(), Some(Duration::from_secs(2)));
    println!("a flood of pings added {} KiB", grown / 1024);
    assert!(grown < 8 << 20, "{grown} bytes more");

    messages_pass_and_the_latest_ping_is_answered().await;
    pings_are_not_events().await;
}

async fn messages_pass_and_the_latest_ping_is_answered() {
    const PINGS: u32 = 200_000;
    // Two bytes, a mask of four and the payload.
    const PONG: usize = 6 + 125;
    let (done, finished) = std::sync::mpsc::channel();
    let url = serve(move |mut stream| {
        for number in 0..PINGS {
            let mut payload = [b'x'; 125];
            payload[..4].copy_from_slice(&number.to_be_bytes());
            stream.write_all(&ping(&payload)).unwrap();
        }
        stream.write_all(&text(b"still here")).unwrap();
        // Only now does it read.
        let mut received = Vec::new();
        let mut buffer = [0; 4096];
        let mut pongs = 0;
        loop {
            let count = stream.read(&mut buffer).unwrap();
            received.extend_from_slice(&buffer[..count]);
            while received.len() >= PONG {
                assert_eq!(received[..2], [0x8a, 0x80 | 125], "a masked pong");
                let byte = |index: usize| received[6 + index] ^ received[2 + index];
                let number = u32::from_be_bytes([byte(0), byte(1), byte(2), byte(3)]);
                received.drain(..PONG);
                pongs += 1;
                if number == PINGS - 1 {
                    done.send(pongs).unwrap();
                    return;
                }
            }
        }
    });
    let mut socket = connect(&url, WsSettings::default()).await;
    let message = tokio::time::timeout(Duration::from_secs(20), socket.next()).await;
    assert_eq!(message.unwrap().unwrap().unwrap(), "still here");
    let answered = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            if let Ok(pongs) = finished.try_recv() {
                return pongs;
            }
            // Waiting for a message writes the pending pongs.
            let _ = tokio::time::timeout(Duration::from_millis(10), socket.next()).await;
        }
    });
    let pongs: u32 = answered.await.unwrap();
    assert!(pongs < PINGS, "{pongs} pongs for {PINGS} pings");
}

async fn pings_are_not_events() {
    let url = serve(|stream| {
        let mut reader = stream.try_clone().unwrap();
        std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
        let mut stream = stream;
        while stream.write_all(&ping(b"alive")).is_ok() {}
    });
    let mut socket = connect(&url, WsSettings::default()).await;
    let mut timeouts = Timeouts::none();
    timeouts.first_event = Some(Duration::from_millis(300));
    let mut watch = IdleTimeouts::for_events(&timeouts, SharedTimer::new(TokioTimer));
    let expired = poll_fn(|cx| match socket.poll_next(cx) {
        Poll::Ready(message) => panic!("{message:?}"),
        Poll::Pending => watch.poll_expired(cx),
    });
    let error = tokio::time::timeout(Duration::from_secs(10), expired).await;
    assert_eq!(
        error.unwrap().kind(),
        ErrorKind::Timeout(TimeoutKind::FirstEvent)
    );
}
