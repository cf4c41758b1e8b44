//! Hostile clients, and services that misbehave.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use codex_transport::testing::{Answer, Script};
use serde_json::json;

use crate::process::*;

fn open(gateway: &Gateway) -> TcpStream {
    let stream = TcpStream::connect(gateway.address()).expect("a connection");
    let limit = Some(Duration::from_secs(20));
    stream.set_read_timeout(limit).expect("a timeout");
    stream
}

/// Returns whether the other end has closed the connection.
fn is_closed(stream: &mut TcpStream) -> bool {
    let mut byte = [0];
    !matches!(stream.read(&mut byte), Ok(1..))
}

fn is_served(gateway: &Gateway) -> bool {
    let mut stream = open(gateway);
    let request = format!(
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\nconnection: close\r\n\r\n"
    );
    let mut answer = String::new();
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200 ")
}

#[test]
fn connections_without_a_token_do_not_keep_others_out() {
    let gateway = Gateway::start(&[]);
    let mut idle: Vec<TcpStream> = (0..300).map(|_| open(&gateway)).collect();
    assert!(is_served(&gateway));
    // The newest connection has replaced the oldest.
    assert!(is_closed(&mut idle[0]));
    let newest = idle.last_mut().expect("a connection");
    newest
        .set_read_timeout(Some(Duration::from_millis(100)))
        .expect("a timeout");
    let mut byte = [0];
    assert!(newest.read(&mut byte).is_err(), "the newest are still open");
}

#[test]
fn clients_that_connect_at_once_are_all_served() {
    let gateway = Gateway::start(&[]);
    let request = format!(
        "GET /v1/models HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\r\n"
    );
    let clients: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut client = open(&gateway);
            client.write_all(request.as_bytes()).expect("a request");
            client
        })
        .collect();
    for mut client in clients {
        let mut start = [0; 12];
        client.read_exact(&mut start).expect("a response");
        assert_eq!(&start, b"HTTP/1.1 200");
    }
}

#[test]
fn a_connection_shows_a_token_soon_or_is_closed() {
    let gateway = Gateway::start(&["--client-timeout", "1"]);
    let mut silent = open(&gateway);
    let mut slow = open(&gateway);
    slow.write_all(b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\n")
        .expect("a start");
    let started = Instant::now();
    assert!(is_closed(&mut silent));
    assert!(is_closed(&mut slow));
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn there_are_only_so_many_connections() {
    let gateway = Gateway::start(&["--connections", "3"]);
    let mut held: Vec<TcpStream> = (0..3).map(|_| open(&gateway)).collect();
    for stream in &mut held {
        // The three connections include those that were served.
        let request = format!(
            "HEAD /v1/models HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).expect("a request");
        let mut start = [0; 12];
        stream.read_exact(&mut start).expect("a response");
        assert_eq!(&start, b"HTTP/1.1 200");
    }
    assert!(!is_served(&gateway));
    drop(held.pop());
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_served(&gateway) {
        assert!(Instant::now() < deadline, "no place became free");
    }
}

#[test]
fn heads_are_bounded() {
    let gateway = Gateway::start(&[]);
    let mut stream = open(&gateway);
    let head = format!(
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-long: {}\r\n\r\n",
        "x".repeat(200_000)
    );
    // The gateway may close before everything is written.
    let _ = stream.write_all(head.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431 "),
        "{answer}"
    );
    assert!(is_served(&gateway));
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_whatever_follows_its_request() {
    let server = service(Script::new().answer(Answer::sse().event(created()).stall().forever()));
    let gateway = Gateway::before(&server, &[]);
    let body = json!({"model": "some-model", "input": "Why?", "stream": true}).to_string();
    for (number, more) in ["", "\r\n", "GET / HTTP/1.1\r\nhost:", "\u{0}\u{1}junk"]
        .iter()
        .enumerate()
    {
        let mut stream = open(&gateway);
        write!(
            stream,
            "POST /v1/responses HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\ncontent-length: {}\r\n\r\n{body}{more}",
            body.len()
        )
        .expect("a request");
        let mut start = [0; 15];
        stream.read_exact(&mut start).expect("a start");
        assert_eq!(&start, b"HTTP/1.1 200 OK");
        assert_eq!(server.cancelled(), number);
        drop(stream);
        eventually("the request is cancelled", || {
            server.cancelled() == number + 1
        })
        .await;
    }
}

#[tokio::test]
async fn events_of_a_lane_are_json_whatever_the_service_sends() {
    use codex_transport::{HyperTransport, Upgrade, WsTransport as _};

    let odd = [
        r#"{"type":"response.of_tomorrow","stream_id":"forged","a":1}   "#,
        r#"{"type":"response.of_tomorrow","text":"\"stream_id\"}"}"#,
    ];
    let stream = odd
        .iter()
        .fold(Answer::websocket().receive(), |answer, event| {
            answer.event(*event)
        });
    let server = service(Script::new().answer(stream.event(created()).event(completed())));
    let gateway = Gateway::before(&server, &["--profile", "platform"]);
    let request = http::Request::get(format!("{}/v1/responses", gateway.url))
        .header("authorization", format!("Bearer {TOKEN}"))
        .body(())
        .expect("a request");
    let transport = HyperTransport::new().expect("a transport");
    let Ok(Upgrade::Accepted(mut socket, _)) = transport.connect(request).await else {
        panic!("no socket");
    };
    for name in ["a\"b", "a}b", "", "a\\b"] {
        let create = json!({"type": "response.create", "model": "some-model", "input": "Why?", "stream_id": name});
        socket.send(create.to_string()).await.expect("sent");
        let message = socket.next().await.expect("a message").expect("no error");
        let error: serde_json::Value = serde_json::from_slice(&message).expect("JSON");
        assert_eq!(error["error"]["code"], "invalid_stream_id", "{name}");
    }
    let create = json!({"type": "response.create", "model": "some-model", "input": "Why?", "stream_id": "lane-1"});
    socket.send(create.to_string()).await.expect("sent");
    for _ in 0..4 {
        let message = socket.next().await.expect("a message").expect("no error");
        let text = core::str::from_utf8(&message).expect("UTF-8");
        let event: serde_json::Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(event["stream_id"], "lane-1", "{text}");
        assert!(!text.contains("forged"), "{text}");
    }
}
