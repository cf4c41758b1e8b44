//! Raw responses, below the typed calls, and the pace at which they are read.

use std::time::Duration;

use bytes::Bytes;
use codex_client::Client;
use codex_transport::testing::{Answer, Gate, LoopbackServer, Script};
use codex_types::profile::Profile;
use codex_types::{CreateResponse, RawJson};
use http::{Request, StatusCode};
use serde_json::json;

use crate::kit;

fn start(answer: Answer) -> (LoopbackServer, Client) {
    kit::start(Script::new().answer(answer), |client| {
        client.auth(kit::key())
    })
}

#[tokio::test]
async fn executed_requests_return_the_response_unchanged() {
    #[derive(serde::Deserialize)]
    struct Refusal {
        reason: String,
    }
    let answer = Answer::json(418, r#"{"reason":"short and stout"}"#).header("x-own", "7");
    let (server, client) = start(answer);
    let request = Request::delete(server.url("/v1/teapots/1?x=y"))
        .body(Bytes::from_static(b"as it is"))
        .expect("a request");
    let answer = client.execute(request).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::IM_A_TEAPOT);
    assert_eq!(answer.headers()["x-own"], "7");
    let body = answer.into_body().collect(1024).await.expect("the body");
    let text = core::str::from_utf8(&body).expect("UTF-8");
    let refusal: Refusal = RawJson::parse(text)
        .and_then(|json| json.decode())
        .expect("a type of the user's");
    assert_eq!(refusal.reason, "short and stout");

    let sent = &server.requests()[0];
    assert_eq!(sent.method, "DELETE");
    assert_eq!(sent.uri.query(), Some("x=y"));
    assert_eq!(sent.header("authorization"), Some("Bearer sk-invented"));
    assert_eq!(sent.body, "as it is");
}

#[tokio::test]
async fn a_program_sends_its_own_name() {
    let completed = r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}"#;
    let server = LoopbackServer::start(Script::new().answer(Answer::sse().event(completed)));
    let server = server.expect("a loopback server");
    let client = Client::builder()
        .base_url(server.url("/backend-api/codex"))
        .profile(Profile::chatgpt())
        .originator("my-tool")
        .user_agent("my-tool/1.2")
        .build()
        .expect("a client");
    let request = CreateResponse::new("some-model").input("Why?");
    client.create(&request).await.expect("a response");
    let sent = &server.requests()[0];
    assert_eq!(sent.header("originator"), Some("my-tool"));
    assert_eq!(sent.header("user-agent"), Some("my-tool/1.2"));
}

/// Far more than all buffers between the two sides can hold: the rest waits at the server, and not
/// in the memory of the reader.
#[tokio::test]
async fn a_reader_that_stops_reading_stops_the_server() {
    let delta = json!({"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0,
        "delta": "x".repeat(32 * 1024)});
    let delta = delta.to_string();
    let gate = Gate::new();
    let answer = Answer::sse()
        .events((0..1000).map(|_| delta.clone()))
        .gate(&gate)
        .event(r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}"#);
    let (_server, client) = start(answer);
    let request = CreateResponse::new("some-model").input("Why?");
    let mut stream = client.stream(&request).await.expect("a stream");
    stream.next().await.expect("an event").expect("a good one");
    assert!(
        !gate.reached_within(Duration::from_millis(500)),
        "the server went on sending"
    );

    gate.open();
    let mut events = 1;
    while let Some(event) = stream.next().await {
        event.expect("an event");
        events += 1;
    }
    assert_eq!(events, 1001, "nothing is lost by waiting");
    assert!(gate.reached_within(Duration::ZERO));
}
