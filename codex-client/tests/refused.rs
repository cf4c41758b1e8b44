//! Content that the service refuses: the turn is repeated without it, once, by policy, over either
//! transport.

use codex_client::{ErrorKind, RefusedContent, Session, SessionTurn};
use codex_transport::RetryPolicy;
use codex_transport::testing::{Answer, LoopbackServer, Script};
use codex_types::lint::FindingCode;
use codex_types::profile::Profile;
use codex_types::{CreateResponse, FunctionCallOutput, InputItem, InputPart, Message};
use serde_json::{Value, json};

use crate::kit::{self, completed, created};

const IMAGE_NOTE: &str = "An image was removed here, because the service refused it.";

fn start(script: Script) -> (LoopbackServer, Session) {
    let (server, client) = kit::start(script, |client| {
        client
            .profile(Profile::platform())
            .retry(RetryPolicy::none())
    });
    let session = client.session(CreateResponse::new("some-model").store(false));
    (
        server,
        session.with_refused_content(RefusedContent::Replace),
    )
}

fn image(name: &str) -> InputPart {
    InputPart::image_url(format!("https://pictures.test/{name}"))
}

fn message(parts: impl IntoIterator<Item = InputPart>) -> InputItem {
    let parts: Vec<InputPart> = parts.into_iter().collect();
    Message::user(parts).into()
}

fn error(code: &str, param: Option<&str>) -> Value {
    json!({"code": code, "type": "invalid_request_error", "message": "refused", "param": param})
}

fn refused(code: &str, param: Option<&str>) -> Answer {
    Answer::json(400, json!({"error": error(code, param)}).to_string())
}

fn says(text: &str) -> Value {
    json!([kit::message("msg_1", text)])
}

fn answered(text: &str) -> Answer {
    Answer::sse().event(completed("resp_1", says(text)))
}

fn failed(code: &str) -> String {
    kit::failed("resp_0", code, "refused")
}

/// Returns the inputs of all requests over HTTP.
fn inputs(server: &LoopbackServer) -> Vec<Value> {
    let requests = server.requests();
    let bodies = requests.iter().filter(|request| !request.body.is_empty());
    bodies
        .map(|request| kit::body(request)["input"].take())
        .collect()
}

fn pointers(turn: &SessionTurn<'_>) -> Vec<String> {
    let findings = turn.findings().iter();
    let of_refusals = findings.filter(|finding| finding.code == FindingCode::RefusedContent);
    of_refusals.map(|finding| finding.pointer.clone()).collect()
}

#[tokio::test]
async fn a_refused_image_is_replaced_and_stays_replaced() {
    let (server, mut session) = start(
        Script::new()
            .answer(answered("A cat."))
            .answer(refused(
                "invalid_value",
                Some("input[2].content[1].image_url"),
            ))
            .answer(answered("I cannot see it."))
            .answer(answered("Yes.")),
    );
    let first = [message([image("good")])];
    session.ask(first).await.expect("an answer");
    let second = [message([
        image("good"),
        image("bad"),
        InputPart::text("And?"),
    ])];
    let turn = session.turn(second).await.expect("a turn");
    assert_eq!(pointers(&turn), ["/input/2/content/1"]);
    let response = turn.finish().await.expect("an answer");
    assert_eq!(response.output_text(), "I cannot see it.");
    assert_eq!(session.history().count(), 4);
    session.ask("Sure?").await.expect("an answer");

    let inputs = inputs(&server);
    assert_eq!(inputs.len(), 4);
    assert_eq!(inputs[1][2]["content"][1]["type"], "input_image");
    assert_eq!(
        inputs[2][2]["content"][1],
        json!({"type": "input_text", "text": IMAGE_NOTE})
    );
    for input in &inputs[2..] {
        assert_eq!(input[0], inputs[0][0], "the other images stay");
        assert_eq!(input[2]["content"][0]["type"], "input_image");
        assert_eq!(input[2]["content"][1]["text"], IMAGE_NOTE);
    }
}

#[tokio::test]
async fn an_image_of_a_tool_that_fails_the_response_is_replaced() {
    let call = json!([{"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": "{}", "status": "completed"}]);
    let (server, mut session) = start(
        Script::new()
            .answer(Answer::sse().event(completed("resp_1", &call)))
            .answer(
                Answer::sse()
                    .event(created("resp_0"))
                    .event(failed("image_too_large")),
            )
            .answer(answered("I cannot see it.")),
    );
    session.ask("Look.").await.expect("a call");
    let output = FunctionCallOutput::new([image("big")]).call_id("call_1");
    let turn = session
        .follow_up([InputItem::from(output)])
        .await
        .expect("a turn");
    assert_eq!(pointers(&turn), ["/input/2/output/0"]);
    turn.finish().await.expect("an answer");
    assert_eq!(inputs(&server)[2][2]["output"][0]["text"], IMAGE_NOTE);
    assert_eq!(session.history().count(), 4);
}

#[tokio::test]
async fn reasoning_that_cannot_be_verified_is_left_out() {
    let output = json!([
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "opaque"},
        says("One.")[0]
    ]);
    let (server, mut session) = start(
        Script::new()
            .answer(Answer::sse().event(completed("resp_1", &output)))
            .answer(refused("invalid_encrypted_content", None))
            .answer(answered("Two.")),
    );
    session.ask("One?").await.expect("an answer");
    let response = session.ask("Two?").await.expect("an answer");
    assert_eq!(response.output_text(), "Two.");
    let inputs = inputs(&server);
    let kinds = |input: &Value| -> Vec<Value> {
        let items = input.as_array().expect("items").iter();
        items.map(|item| item["type"].clone()).collect()
    };
    assert_eq!(
        kinds(&inputs[1]),
        ["message", "reasoning", "message", "message"]
    );
    assert_eq!(kinds(&inputs[2]), ["message", "message", "message"]);
    assert_eq!(session.history().count(), 4);
}

#[tokio::test]
async fn one_attempt_is_all_and_an_error_leaves_the_history() {
    let (server, mut session) = start(
        Script::new()
            .answer(refused("invalid_image", None))
            .answer(refused("invalid_image", None))
            .answer(refused("invalid_image", None))
            .answer(refused("server_is_sad", None)),
    );
    let question = || [message([image("bad")])];
    let error = session.ask(question()).await.expect_err("refused again");
    assert_eq!(error.kind(), ErrorKind::Status);
    assert_eq!(session.history().count(), 0);
    assert_eq!(server.requests().len(), 2);
    // Nothing is resent if nothing can be repaired, or for another error.
    session.ask("Words only.").await.expect_err("refused");
    session.ask(question()).await.expect_err("another error");
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn the_default_is_to_fail_and_conversations_of_the_service_are_not_repaired() {
    let refusal = || refused("invalid_image", None);
    let (server, session) = start(Script::new().answer(refusal()).answer(refusal()));
    let question = || [message([image("bad")])];
    let mut plain = session.client().session(CreateResponse::new("some-model"));
    plain.ask(question()).await.expect_err("refused");
    let mut kept = session;
    kept.settings_mut().conversation = Some("conv_1".into());
    kept.ask(question()).await.expect_err("refused");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn events_read_ahead_are_yielded_in_order_once() {
    let delta = json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Yes"});
    let answer = Answer::sse()
        .event(created("resp_0"))
        .event(delta.to_string())
        .event(completed("resp_1", says("Yes")));
    let (_server, mut session) = start(
        Script::new().answer(answer).answer(
            Answer::sse()
                .event(created("resp_0"))
                .event(failed("server_error")),
        ),
    );
    let mut turn = session.turn("Well?").await.expect("a turn");
    let mut kinds = Vec::new();
    while let Some(event) = turn.next().await {
        kinds.push(event.expect("an event").kind().to_owned());
    }
    drop(turn);
    assert_eq!(
        kinds,
        [
            "response.created",
            "response.output_text.delta",
            "response.completed"
        ]
    );
    // A failure that is not a refusal is an event of the turn, as without the policy.
    let turn = session.turn("Well?").await.expect("a turn");
    assert_eq!(
        turn.finish().await.expect_err("failed").kind(),
        ErrorKind::Failed
    );
    assert_eq!(session.history().count(), 2);
}

#[cfg(feature = "ws")]
#[tokio::test]
async fn refusals_over_a_socket_are_repaired_as_well() {
    let refusal = json!({"type": "error", "status": 400, "error": error("invalid_image", None)});
    let first = Answer::websocket()
        .receive()
        .event(completed("resp_1", says("A cat.")))
        .receive()
        .event(refusal.to_string());
    let second = Answer::websocket()
        .receive()
        .event(completed("resp_1", says("I cannot see it.")))
        .receive()
        .event(created("resp_0"))
        .event(failed("image_parse_error"));
    let third = Answer::websocket()
        .receive()
        .event(created("resp_0"))
        .event(completed("resp_1", says("Nor that.")));
    let script = [first, second, third]
        .into_iter()
        .fold(Script::new(), |script, answer| {
            script.route("GET", "/v1/responses", answer)
        });
    let (server, session) = start(script);
    let mut session = session.over_sockets(codex_client::SocketSettings::default());
    session
        .ask([message([image("good")])])
        .await
        .expect("an answer");
    for (name, text) in [("bad", "I cannot see it."), ("worse", "Nor that.")] {
        let turn = session
            .turn([message([image(name)])])
            .await
            .expect("a turn");
        assert_eq!(pointers(&turn).len(), 1, "{name}");
        assert_eq!(turn.finish().await.expect("an answer").output_text(), text);
    }
    assert_eq!(session.history().count(), 6);
    let messages = server.messages();
    let last = messages.last().expect("a message");
    let input = serde_json::from_slice::<Value>(&last.text).expect("JSON")["input"].take();
    let images = input.to_string().matches("input_image").count();
    assert_eq!(images, 1, "the good one: {input}");
}
