use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use codex_transport::testing::{Answer, Gate, Script};
use serde_json::json;

use crate::process::*;

fn streamed() -> serde_json::Value {
    json!({"model": "some-model", "input": "Why?", "stream": true})
}

#[tokio::test]
async fn a_client_that_leaves_cancels_its_request_at_the_service() {
    let server = service(Script::new().answer(Answer::sse().event(created()).stall().forever()));
    let gateway = Gateway::before(&server, &[]);
    let mut body = gateway.post("/v1/responses", &streamed()).await.into_body();
    body.chunk().await.expect("a chunk").expect("no error");
    assert_eq!(server.cancelled(), 0);
    drop(body);
    eventually("the stream is cancelled", || server.cancelled() == 1).await;

    // Also while it waits for a whole response.
    let whole = json!({"model": "some-model", "input": "Why?"});
    for path in ["/v1/responses", "/v1/chat/completions"] {
        let before = server.cancelled();
        let asked = server.requests().len();
        let body = if path == "/v1/responses" {
            whole.clone()
        } else {
            json!({"model": "some-model", "messages": [{"role": "user", "content": "Why?"}]})
        };
        let request = gateway.request("POST", path, body.to_string());
        let waiting = tokio::spawn(send(request));
        eventually("it is asked", || server.requests().len() > asked).await;
        waiting.abort();
        eventually("the request is cancelled", || server.cancelled() > before).await;
    }
}

#[tokio::test]
async fn a_client_that_takes_nothing_stops_the_service_and_is_let_go() {
    // More than all buffers on the path can hold.
    let many = (0..64).fold(Answer::sse().event(created()), |answer, number| {
        answer.event(delta(number, &"x".repeat(1 << 20)))
    });
    let server = service(Script::new().answer(many.event(completed()).times(2)));
    let gateway = Gateway::before(&server, &["--client-timeout", "1"]);
    let body = streamed().to_string();
    let mut stream = TcpStream::connect(gateway.address()).expect("a connection");
    write!(
        stream,
        "POST /v1/responses HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {TOKEN}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("a request");
    let mut start = [0; 15];
    stream.read_exact(&mut start).expect("a start");
    assert_eq!(&start, b"HTTP/1.1 200 OK");
    // If the gateway had read everything, the service would have finished.
    eventually("the request is cancelled", || server.cancelled() == 1).await;

    // A client that reads, however slowly, gets everything.
    let mut body = gateway.post("/v1/responses", &streamed()).await.into_body();
    let mut total = 0;
    while let Some(chunk) = body.chunk().await {
        total += chunk.expect("no error").len();
        if total % 7 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    assert!(total > 64 << 20, "{total}");
    assert_eq!(server.cancelled(), 1);
}

#[tokio::test]
async fn a_silent_service_is_covered_by_signs_of_life() {
    let gate = Gate::new();
    let held = Answer::sse()
        .event(created())
        .gate(&gate)
        .event(completed());
    let server = service(Script::new().answer(held));
    let gateway = Gateway::before(&server, &["--keep-alive", "0.1"]);
    let mut body = gateway.post("/v1/responses", &streamed()).await.into_body();
    let mut seen = String::new();
    while !seen.contains(": keep-alive\n\n: keep-alive\n\n") {
        let chunk = body.chunk().await.expect("a chunk").expect("no error");
        seen.push_str(core::str::from_utf8(&chunk).expect("UTF-8"));
    }
    gate.open();
    while let Some(chunk) = body.chunk().await {
        seen.push_str(core::str::from_utf8(&chunk.expect("no error")).expect("UTF-8"));
    }
    assert_eq!(data(&seen).len(), 2, "{seen}");
}

#[tokio::test]
async fn events_go_on_as_they_come() {
    let gate = Gate::new();
    let held = Answer::sse()
        .event(created())
        .event(delta(1, "first"))
        .gate(&gate)
        .event(completed());
    let server = service(Script::new().answer(held));
    let gateway = Gateway::before(&server, &[]);
    let mut body = gateway.post("/v1/responses", &streamed()).await.into_body();
    let mut seen = String::new();
    while !seen.contains("first") {
        let chunk = body.chunk().await.expect("a chunk").expect("no error");
        seen.push_str(core::str::from_utf8(&chunk).expect("UTF-8"));
    }
    // The service has not continued, so the gateway held nothing back.
    gate.open();
    assert!(body.chunk().await.is_some());
}

#[tokio::test]
async fn stopping_finishes_what_runs() {
    let gate = Gate::new();
    let held = Answer::sse()
        .event(created())
        .gate(&gate)
        .event(completed());
    let server = service(Script::new().answer(held));
    let mut gateway = Gateway::before(&server, &[]);
    let mut body = gateway.post("/v1/responses", &streamed()).await.into_body();
    body.chunk().await.expect("a chunk").expect("no error");
    gateway.interrupt();
    let address = gateway.address().to_owned();
    eventually("nobody listens any more", || {
        TcpStream::connect(&address).is_err()
    })
    .await;
    assert!(gateway.child.try_wait().expect("a child").is_none());
    gate.open();
    let mut rest = String::new();
    while let Some(chunk) = body.chunk().await {
        rest.push_str(core::str::from_utf8(&chunk.expect("no error")).expect("UTF-8"));
    }
    assert!(rest.contains("response.completed"));
    assert!(gateway.ends_within(Duration::from_secs(10)));
}

#[tokio::test]
async fn stopping_does_not_wait_for_ever() {
    let stalled = || service(Script::new().answer(Answer::sse().event(created()).stall()));
    let server = stalled();
    let mut gateway = Gateway::before(&server, &["--stop-within", "0.3"]);
    let body = gateway.post("/v1/responses", &streamed()).await.into_body();
    gateway.interrupt();
    assert!(gateway.ends_within(Duration::from_secs(10)));
    drop(body);

    // It does not wait for the whole period either, if it gets a second interrupt.
    let server = stalled();
    let mut gateway = Gateway::before(&server, &["--stop-within", "600"]);
    let body = gateway.post("/v1/responses", &streamed()).await.into_body();
    gateway.interrupt();
    let address = gateway.address().to_owned();
    eventually("nobody listens any more", || {
        TcpStream::connect(&address).is_err()
    })
    .await;
    // The second interrupt needs a waiting handler.
    for _ in 0..50 {
        gateway.interrupt();
        if gateway.ends_within(Duration::from_millis(200)) {
            drop(body);
            return;
        }
    }
    panic!("it does not end");
}
