//! Which items of a conversation are checked again: the new ones, and all of them when the settings
//! change the rules.

use codex_client::Client;
use codex_transport::testing::{Answer, LoopbackServer, Script};
use codex_types::{CreateResponse, FunctionCallOutput, InputItem, RawJson};
use serde_json::{Value, json};

use crate::kit;

fn message() -> Value {
    json!([kit::message("msg_1", "Done.")])
}

fn screen_call() -> Value {
    json!([{"type": "computer_call", "id": "cu_1", "call_id": "call_1", "status": "completed", "pending_safety_checks": [], "action": {"type": "screenshot"}}])
}

fn start(outputs: &[Value]) -> (LoopbackServer, Client) {
    let script = outputs.iter().fold(Script::new(), |script, output| {
        script.answer(Answer::sse().event(kit::completed("resp_1", output)))
    });
    kit::start(script, |client| client)
}

/// Returns the types of the items of the last request.
fn sent(server: &LoopbackServer) -> Vec<String> {
    let requests = server.requests();
    let items = kit::input(requests.last().unwrap());
    items
        .iter()
        .map(|item| item["type"].as_str().unwrap_or("message").to_owned())
        .collect()
}

#[tokio::test]
async fn a_call_that_was_left_out_is_reported_once_and_comes_back_with_its_output() {
    let (server, client) = start(&[screen_call(), message(), message(), message(), message()]);
    let mut session = client.session(CreateResponse::new("some-model"));
    session.ask("Look.").await.unwrap();
    let turn = session.turn("Well?").await.unwrap();
    assert_eq!(turn.findings().len(), 1);
    assert_eq!(turn.findings()[0].pointer, "/input/1");
    turn.finish().await.unwrap();
    assert_eq!(sent(&server), ["message"; 2]);

    let turn = session.turn("And now?").await.unwrap();
    assert!(turn.findings().is_empty(), "only new items are checked");
    turn.finish().await.unwrap();
    assert_eq!(sent(&server), ["message"; 4]);
    assert_eq!(session.history().count(), 6, "the history keeps the call");

    let mut fork = session.fork();
    let screenshot = r#"{"type":"computer_call_output","call_id":"call_1","output":{"type":"computer_screenshot","image_url":"data:image/png;base64,AA=="}}"#;
    let screenshot: InputItem = RawJson::parse(screenshot).unwrap().decode().unwrap();
    session.ask(vec![screenshot]).await.unwrap();
    let with_call = sent(&server);
    assert_eq!(with_call.len(), 7);
    assert_eq!(with_call[1], "computer_call");
    assert_eq!(with_call[6], "computer_call_output");

    fork.ask("Elsewhere.").await.unwrap();
    assert_eq!(sent(&server), ["message"; 6]);
}

#[tokio::test]
async fn other_calls_do_not_bring_back_what_was_left_out() {
    let call = json!([{"type": "function_call", "id": "fc_1", "call_id": "call_9", "name": "now", "arguments": "{}", "status": "completed"}]);
    let (server, client) = start(&[screen_call(), call, message()]);
    let mut session = client.session(CreateResponse::new("some-model"));
    session.ask("Look.").await.unwrap();
    session.ask("Well?").await.unwrap();
    let output: InputItem = FunctionCallOutput::new("noon").call_id("call_9").into();
    let turn = session.turn(vec![output]).await.unwrap();
    assert!(turn.findings().is_empty());
    turn.finish().await.unwrap();
    let expected = [
        "message",
        "message",
        "function_call",
        "function_call_output",
    ];
    assert_eq!(sent(&server), expected);
}

#[tokio::test]
async fn a_context_on_the_server_that_comes_or_goes_changes_the_rules_for_all_items() {
    let (server, client) = start(&[message(), message(), message(), message()]);
    let mut session = client.session(CreateResponse::new("some-model"));
    session.ask("Begin.").await.unwrap();
    session.settings_mut().previous_response_id = Some("resp_0".to_owned());
    let orphan: InputItem = FunctionCallOutput::new("noon").call_id("call_0").into();
    // The server may already have its call.
    let turn = session.turn(vec![orphan]).await.unwrap();
    assert!(turn.findings().is_empty());
    turn.finish().await.unwrap();
    assert_eq!(sent(&server)[2], "function_call_output");

    session.settings_mut().previous_response_id = None;
    let turn = session.turn("Go on.").await.unwrap();
    assert_eq!(turn.findings().len(), 1);
    turn.finish().await.unwrap();
    assert_eq!(sent(&server), ["message"; 5]);

    session.settings_mut().previous_response_id = Some("resp_0".to_owned());
    session.ask("And back.").await.unwrap();
    assert_eq!(
        sent(&server)[2],
        "function_call_output",
        "as it stands in the history"
    );
}

#[tokio::test]
async fn an_output_that_repeats_an_earlier_one_is_left_out() {
    let call = json!([{"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "now", "arguments": "{}", "status": "completed"}]);
    let (server, client) = start(&[call, message(), message(), message()]);
    let mut session = client.session(CreateResponse::new("some-model"));
    session.ask("What time is it?").await.unwrap();
    let output = || -> InputItem { FunctionCallOutput::new("noon").call_id("call_1").into() };
    session.ask(vec![output()]).await.unwrap();
    session.ask("Thanks.").await.unwrap();
    let turn = session.turn(vec![output(), "Again.".into()]).await.unwrap();
    assert_eq!(turn.findings().len(), 1);
    turn.finish().await.unwrap();
    let outputs = sent(&server);
    let outputs = outputs
        .iter()
        .filter(|kind| *kind == "function_call_output");
    assert_eq!(outputs.count(), 1);
}
