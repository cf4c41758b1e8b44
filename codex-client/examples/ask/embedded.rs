// The backend of a machine without credentials: a real HTTP server on 127.0.0.1 whose answers are written in `answers.rs`.

use codex_transport::testing::{Answer, LoopbackServer, RecordedRequest, Script};
use serde_json::Value;

use crate::answers::answer;

/// Starts the server; it runs until the value is dropped.
pub(crate) fn start() -> Result<LoopbackServer, String> {
    let script = Script::new().rule(|request: &RecordedRequest| Some(respond(request)));
    LoopbackServer::start(script).map_err(|error| format!("the embedded server did not start: {error}"))
}

fn respond(request: &RecordedRequest) -> Answer {
    if request.path() != "/v1/responses" {
        let error = r#"{"error":{"message":"the embedded server knows /v1/responses only","type":"invalid_request_error","code":"not_found","param":null}}"#;
        return Answer::json(404, error);
    }
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let mut reply = Answer::sse().header("x-request-id", "req_embedded_1");
    for beat in answer(&body["input"].to_string()) {
        reply = reply.pause(beat.pause).body(beat.frame());
    }
    reply
}
