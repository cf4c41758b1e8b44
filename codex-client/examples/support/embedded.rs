// A backend in this program: a real HTTP server on 127.0.0.1 that answers what the examples ask. Everything it says is invented.

use codex_transport::testing::{Answer, LoopbackServer, RecordedRequest, Script};
use serde_json::{Value, json};

use super::answers::{self, Beat};

/// Starts the server; it runs until the value is dropped.
pub(super) fn start() -> Result<LoopbackServer, String> {
    let script = Script::new().rule(|request: &RecordedRequest| Some(respond(request)));
    LoopbackServer::start(script)
        .map_err(|error| format!("the embedded server did not start: {error}"))
}

fn respond(request: &RecordedRequest) -> Answer {
    if request.path() != "/v1/responses" {
        let error = json!({"error": {"message": "the embedded server knows /v1/responses only", "type": "invalid_request_error", "code": "not_found", "param": null}});
        return Answer::json(404, error.to_string());
    }
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let mut reply = Answer::sse().header("x-request-id", "req_embedded_1");
    for beat in beats(&body) {
        reply = reply.pause(beat.pause).body(beat.frame());
    }
    reply
}

fn beats(body: &Value) -> Vec<Beat> {
    let items = body["input"]
        .as_array()
        .cloned()
        .unwrap_or_else(|| vec![json!({"role": "user", "content": body["input"]})]);
    let last = items.last().cloned().unwrap_or_default();
    let has_tools = body["tools"]
        .as_array()
        .is_some_and(|tools| !tools.is_empty());
    let mut script = answers::Script::start();
    if last["type"] == "function_call_output" {
        script.message(&format!(
            "The tool has answered: {}.",
            last["output"].as_str().unwrap_or_default()
        ));
    } else if body["text"]["format"]["type"] == "json_schema" {
        script.message(&recipe());
    } else if has_tools {
        return answers::answer(&last["content"].to_string());
    } else {
        let questions: Vec<&str> = items
            .iter()
            .filter(|item| item["role"] == "user")
            .filter_map(|item| item["content"].as_str())
            .collect();
        script.reasoning("I am a script. I can count, and I have read what was said before.");
        script.message(&match questions.as_slice() {
            [.., before, _] => format!(
                "That was question {}. Before it you said: {before}",
                questions.len()
            ),
            _ => "That was the first question. I keep all of it in mind.".to_owned(),
        });
    }
    script.finish()
}

fn recipe() -> String {
    json!({
        "title": "Pancakes",
        "minutes": 25,
        "ingredients": [{"name": "flour", "grams": 200}, {"name": "milk", "grams": 400}, {"name": "eggs", "grams": 120}],
    })
    .to_string()
}
