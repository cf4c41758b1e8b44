//! The backend of a machine without credentials: a real HTTP server on 127.0.0.1 that responds to
//! every request of the examples. All of its responses are invented.

use codex_transport::testing::{Answer, LoopbackServer, RecordedRequest, Script};
use codex_types::CreateResponse;
use serde_json::{Value, json};

use super::answers::{self, Beat};

/// Starts the server, which runs until the value is dropped.
///
/// A script must be known before the WebSocket opens, so WebSockets are available for one known
/// request only. Without it the server rejects upgrades, and clients fall back to HTTP.
pub(crate) fn start(known: Option<&CreateResponse>) -> Result<LoopbackServer, String> {
    let known = known.map(|request| serde_json::to_value(request).unwrap_or_default());
    let script =
        Script::new().rule(move |request: &RecordedRequest| Some(respond(request, known.as_ref())));
    LoopbackServer::start(script)
        .map_err(|error| format!("the embedded server did not start: {error}"))
}

fn respond(request: &RecordedRequest, known: Option<&Value>) -> Answer {
    let is_socket = request.header("upgrade").is_some();
    match (request.method.as_str(), request.path(), known) {
        ("POST", "/v1/responses", _) => {
            let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
            let reply = Answer::sse().header("x-request-id", "req_embedded_1");
            beats(&body).into_iter().fold(reply, |reply, beat| {
                reply.pause(beat.pause).body(beat.frame())
            })
        }
        ("GET", "/v1/responses", Some(body)) if is_socket => beats(body)
            .into_iter()
            .fold(Answer::websocket().receive(), |reply, beat| {
                reply.pause(beat.pause).event(beat.event.to_string())
            }),
        ("GET", "/v1/responses", None) if is_socket => Answer::status(426),
        ("GET", "/v1/models", _) => {
            let model = json!({"id": "embedded", "object": "model", "created": 1_767_225_600, "owned_by": "nobody"});
            Answer::json(200, json!({"object": "list", "data": [model]}).to_string())
        }
        _ => {
            let error = json!({"error": {"message": "the embedded server serves only /v1/responses and /v1/models", "type": "invalid_request_error", "code": "not_found", "param": null}});
            Answer::json(404, error.to_string())
        }
    }
}

fn beats(body: &Value) -> Vec<Beat> {
    let items = body["input"]
        .as_array()
        .cloned()
        .unwrap_or_else(|| vec![json!({"role": "user", "content": body["input"]})]);
    let last = items.last().cloned().unwrap_or_default();
    if last["type"] == "function_call_output" {
        let output = text(&last["output"]);
        return answers::say(&format!("The tool returned: {output}."));
    }
    if body["text"]["format"]["type"] == "json_schema" {
        return answers::say(&recipe());
    }
    let questions: Vec<String> = items
        .iter()
        .filter(|item| item["role"] == "user")
        .map(|item| text(&item["content"]))
        .collect();
    let tool = body["tools"][0]["name"].as_str();
    match questions.as_slice() {
        [.., before, _] => answers::think_and_say(
            "I am a script. I can count, and I have read what was said before.",
            &format!(
                "That was question {}. Before it you said: {before}",
                questions.len()
            ),
        ),
        [question] => answers::answer(question, tool),
        [] => answers::answer("", tool),
    }
}

/// Returns the text of a content, which is a string or a list of parts.
fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect(),
        _ => String::new(),
    }
}

fn recipe() -> String {
    json!({
        "title": "Pancakes",
        "minutes": 25,
        "ingredients": [{"name": "flour", "grams": 200}, {"name": "milk", "grams": 400}, {"name": "eggs", "grams": 120}],
    })
    .to_string()
}
