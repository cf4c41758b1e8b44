//! Streams of the service that are cut off: every byte that arrived before is passed on, and the
//! client can tell that the stream is not whole.

use codex_transport::testing::{Answer, Cut, Script};
use codex_types::{ErrorCategory, ResponseEvent};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::process::*;

const CHAT: &str = "/v1/chat/completions";

fn chat() -> Value {
    json!({"model": "some-model", "messages": [{"role": "user", "content": "Why?"}], "stream": true})
}

/// Reads a request of HTTP/1.1 with a length.
async fn read_request(stream: &mut TcpStream) {
    let (mut seen, mut length) = (Vec::new(), None);
    while length.is_none_or(|length| seen.len() < length) {
        let count = stream.read_buf(&mut seen).await.expect("a request");
        assert_ne!(count, 0, "the request ended early");
        if length.is_none()
            && let Some(end) = seen.windows(4).position(|bytes| bytes == b"\r\n\r\n")
        {
            let head = String::from_utf8_lossy(&seen[..end]).to_ascii_lowercase();
            let mut lines = head.lines();
            let body = lines.find_map(|line| line.strip_prefix("content-length: "));
            let body: usize = body.expect("a length").parse().expect("a number");
            length = Some(end + 4 + body);
        }
    }
}

/// Accepts requests. Each response is two chunks and a reset, without a pause.
async fn reset_each(listener: TcpListener, chunks: [String; 2]) {
    loop {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("an option");
        read_request(&mut stream).await;
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).await.expect("headers");
        for chunk in &chunks {
            let chunk = format!("{:x}\r\n{chunk}\r\n", chunk.len());
            stream.write_all(chunk.as_bytes()).await.expect("a chunk");
        }
        // Closing then sends RST.
        stream.set_zero_linger().expect("an option");
    }
}

#[tokio::test]
async fn what_arrived_before_a_reset_is_passed_on() {
    // The end of the second chunk may be the beginning of the key, and is held back.
    let chunks = [
        "data: {\"id\":\"1\"}\n\n",
        "data: {\"id\":\"2\"}\n\ndata: sk-inv",
    ];
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base_url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let service = tokio::spawn(reset_each(listener, chunks.map(str::to_owned)));
    let gateway = Gateway::start(&[
        "--base-url",
        &base_url,
        "--api-key",
        KEY,
        "--no-check",
        "--chat",
        "pass",
    ]);
    for round in 0..40 {
        let response = gateway.post(CHAT, &chat()).await;
        assert_eq!(response.status(), 200);
        let (mut body, mut received, mut is_cut) = (response.into_body(), Vec::new(), false);
        while let Some(chunk) = body.chunk().await {
            match chunk {
                Ok(chunk) => received.extend(chunk),
                Err(_) => is_cut = true,
            }
        }
        let received = String::from_utf8(received).expect("UTF-8");
        assert_eq!(received, chunks.concat(), "round {round}");
        assert!(is_cut, "a client must not take it as complete");
    }
    service.abort();
}

#[tokio::test]
async fn what_waits_for_a_slow_client_is_passed_on() {
    const COUNT: usize = 4000;
    let event = format!("data: {{\"text\":\"{}\"}}\n\n", "x".repeat(1000));
    let answer = Answer::sse().body(event.repeat(COUNT)).cut(Cut::Close);
    let server = service(Script::new().route("POST", CHAT, answer));
    let gateway = Gateway::before(&server, &["--chat", "pass"]);
    let mut body = gateway.post(CHAT, &chat()).await.into_body();
    let (mut received, mut is_cut) = (0, false);
    while let Some(chunk) = body.chunk().await {
        match chunk {
            Ok(chunk) => received += chunk.len(),
            Err(_) => is_cut = true,
        }
        // The gateway has long received the rest.
        if received < 100_000 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
    assert_eq!(received, COUNT * event.len());
    assert!(is_cut);
}

/// The official SDKs raise only an error under `error`; others read the keys of the API's event.
#[tokio::test]
async fn the_error_that_ends_a_stream_has_both_forms() {
    for more in [&[][..], &["--remember", "4"]] {
        let answer = Answer::sse()
            .event(created())
            .event(delta(1, "half"))
            .cut(Cut::Reset);
        let server = service(Script::new().answer(answer));
        let gateway = Gateway::before(&server, more);
        let request = json!({"model": "some-model", "input": "Why?", "stream": true});
        let stream = text(gateway.post("/v1/responses", &request).await).await;
        let last = *data(&stream).last().expect("an event");
        assert!(stream.contains("event: error\n"), "{stream}");
        let flat: Value = serde_json::from_str(last).expect("JSON");
        assert_eq!(flat["type"], "error");
        assert_eq!(flat["sequence_number"], 2);
        assert_eq!(flat["error"]["type"], "server_error", "{flat}");
        for key in ["code", "message", "param"] {
            assert_eq!(flat["error"].get(key), flat.get(key), "{key} of {flat}");
        }
        let event = ResponseEvent::from_json(last).expect("an event");
        let ResponseEvent::Error(event) = event else {
            panic!("{event:?}");
        };
        let error = event.to_api_error();
        assert_eq!(error.code.expect("a code").as_str(), flat["code"]);
        assert_eq!(error.message, flat["message"].as_str().expect("a message"));
        assert_eq!(event.category(), ErrorCategory::Server);
    }
}
