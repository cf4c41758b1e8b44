//! Background responses whose connection breaks after the server has dropped their events: the
//! missing ones are created from the whole response.
#![cfg(feature = "ws")]

use codex_client::sse::Update;
use codex_client::{ErrorKind, SocketSession, TurnUpdate};
use codex_transport::RetryPolicy;
use codex_transport::testing::{Answer, Cut, LoopbackServer, Script};
use codex_types::profile::Profile;
use codex_types::{CreateResponse, ResponseEvent};
use serde_json::{Value, json};

use crate::kit;

const PATH: &str = "/v1/responses";
const STORED: &str = "/v1/responses/resp_1";

/// The first events of a response, and then nothing.
fn broken() -> Answer {
    Answer::sse()
        .event(json!({"type": "response.created", "sequence_number": 0, "response": whole("in_progress", json!([]))}).to_string())
        .event(json!({"type": "response.output_text.delta", "sequence_number": 1, "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": "half "}).to_string())
        .cut(Cut::Close)
}

fn whole(status: &str, output: Value) -> Value {
    json!({"id": "resp_1", "object": "response", "status": status, "model": "some-model", "output": output})
}

fn output() -> Value {
    json!([
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": "half a sentence", "annotations": []}, {"type": "output_text", "text": "More.", "annotations": []}]},
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "status": "completed", "arguments": "{\"city\":\"Oslo\"}"},
    ])
}

fn gone() -> Answer {
    Answer::json(404, r#"{"error":{"message":"invented"}}"#)
}

fn stored(status: &str, output: Value) -> Answer {
    Answer::json(200, whole(status, output).to_string())
}

fn start(answers: impl IntoIterator<Item = Answer>) -> (LoopbackServer, SocketSession) {
    let script = Script::new().route("POST", PATH, broken());
    let script = answers
        .into_iter()
        .fold(script, |script, answer| script.route("GET", STORED, answer));
    let (server, client) = kit::start(script, |client| {
        client
            .profile(Profile::platform())
            .retry(RetryPolicy::none())
    });
    (server, client.socket_session())
}

fn question() -> CreateResponse {
    CreateResponse::new("some-model")
        .input("Well?")
        .background(true)
}

#[tokio::test]
async fn missing_events_are_delivered_once() {
    let (server, mut session) = start([
        gone(),
        stored("in_progress", json!([])),
        stored("completed", output()),
    ]);
    let mut turn = session.stream(&question()).await.expect("a turn");
    let (mut kinds, mut texts) = (Vec::new(), Vec::new());
    while let Some(event) = turn.next().await {
        let event = event.expect("no error").into_response().expect("no border");
        kinds.push((event.kind().to_owned(), event.sequence_number()));
        if let ResponseEvent::OutputTextDelta(delta) = &event {
            assert_eq!(delta.item_id(), "msg_1");
            texts.push((delta.content_index(), delta.delta().to_owned()));
        }
    }
    let kinds: Vec<_> = kinds
        .iter()
        .map(|(kind, number)| (kind.as_str(), *number))
        .collect();
    assert_eq!(
        kinds,
        [
            ("response.created", Some(0)),
            ("response.output_text.delta", Some(1)),
            ("response.output_text.delta", None),
            ("response.output_text.delta", None),
            ("response.output_item.added", None),
            ("response.output_item.done", None),
            ("response.output_item.done", None),
            ("response.completed", None),
        ]
    );
    assert_eq!(
        texts,
        [
            (Some(0), "half ".to_owned()),
            (Some(0), "a sentence".to_owned()),
            (Some(1), "More.".to_owned())
        ]
    );
    let response = turn.finish().await.expect("a response");
    assert_eq!(response.output_text(), "half a sentenceMore.");
    assert_eq!(response.function_calls().count(), 1);
    let stats = session.stats();
    assert_eq!((stats.resumes, stats.retrievals, stats.restarts), (1, 1, 0));
    let targets: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.uri.to_string())
        .collect();
    let resumed = format!("{STORED}?stream=true&starting_after=1");
    assert_eq!(targets, [PATH, resumed.as_str(), STORED, STORED]);
}

#[tokio::test]
async fn it_is_shown_once_as_well() {
    let (_server, mut session) = start([gone(), stored("completed", output())]);
    let mut turn = session.stream(&question()).await.expect("a turn");
    let (mut text, mut calls, mut ends) = (String::new(), 0, 0);
    while let Some(update) = turn.next_update().await {
        match update.expect("no error") {
            TurnUpdate::Response(Update::Text { delta, .. }) => text.push_str(delta),
            TurnUpdate::Response(Update::ToolCall { .. }) => calls += 1,
            TurnUpdate::Response(Update::Ended(_)) => ends += 1,
            _ => {}
        }
    }
    assert_eq!((text.as_str(), calls, ends), ("half a sentenceMore.", 1, 1));
}

#[tokio::test]
async fn a_stored_text_that_contradicts_what_came_is_reported_and_the_rest_still_comes() {
    let mut output = output();
    output[0]["content"][0]["text"] = json!("another sentence");
    let (_server, mut session) = start([gone(), stored("completed", output)]);
    let mut turn = session.stream(&question()).await.expect("a turn");
    let (mut text, mut calls, mut errors) = (String::new(), 0, Vec::new());
    while let Some(update) = turn.next_update().await {
        match update {
            Ok(TurnUpdate::Response(Update::Text { delta, .. })) => text.push_str(delta),
            Ok(TurnUpdate::Response(Update::ToolCall { .. })) => calls += 1,
            Ok(_) => {}
            Err(error) => errors.push((error.kind(), error.is_fatal())),
        }
    }
    assert_eq!(errors, [(ErrorKind::Protocol, false)]);
    assert_eq!((text.as_str(), calls), ("half More.", 1));
    let response = turn.finish().await.expect("a response");
    assert_eq!(response.output_text(), "another sentenceMore.");
}

#[tokio::test]
async fn a_response_that_did_not_complete_ends_as_it_did() {
    for (status, kind, expected) in [
        ("failed", "response.failed", ErrorKind::Failed),
        ("incomplete", "response.incomplete", ErrorKind::Incomplete),
        ("cancelled", "response.done", ErrorKind::Failed),
    ] {
        let (_server, mut session) = start([gone(), stored(status, json!([]))]);
        let mut turn = session.stream(&question()).await.expect("a turn");
        let mut last = String::new();
        while let Some(event) = turn.next().await {
            let event = event.expect("no error").into_response().expect("no border");
            event.kind().clone_into(&mut last);
        }
        assert_eq!(last, kind);
        let error = turn.finish().await.expect_err("not completed");
        assert_eq!(error.kind(), expected, "{status}");
        let partial = error.partial().expect("what came");
        assert_eq!(partial.output_text(), "half ");
    }
}

#[tokio::test]
async fn a_response_that_is_gone_altogether_ends_in_the_first_cause() {
    let (_server, mut session) = start([gone(), gone()]);
    let mut turn = session.stream(&question()).await.expect("a turn");
    let error = loop {
        match turn.next().await.expect("an end") {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(
        matches!(error.kind(), ErrorKind::Transport | ErrorKind::Truncated),
        "{error:?}"
    );
    assert!(!error.is_retryable(), "something was delivered");
    assert!(turn.next().await.is_none());
}
