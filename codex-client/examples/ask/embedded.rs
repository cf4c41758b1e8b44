// The backend of a machine without credentials: a real HTTP server on 127.0.0.1 whose answers are written in `answers.rs`.

use codex_transport::testing::{Answer, LoopbackServer, RecordedRequest, Script};
use codex_types::CreateResponse;
use serde_json::Value;

use crate::answers::answer;

/// Starts the server; it runs until the value is dropped. A script has to know beforehand what it says over a WebSocket, so the question
/// is given here.
pub(crate) fn start(request: &CreateResponse) -> Result<LoopbackServer, String> {
    let question = serde_json::to_string(&request.input).unwrap_or_default();
    let script =
        Script::new().rule(move |request: &RecordedRequest| Some(respond(request, &question)));
    LoopbackServer::start(script)
        .map_err(|error| format!("the embedded server did not start: {error}"))
}

fn respond(request: &RecordedRequest, question: &str) -> Answer {
    if request.path() != "/v1/responses" {
        let error = r#"{"error":{"message":"the embedded server knows /v1/responses only","type":"invalid_request_error","code":"not_found","param":null}}"#;
        return Answer::json(404, error);
    }
    if request.header("upgrade").is_some() {
        return answer(question)
            .into_iter()
            .fold(Answer::websocket().receive(), |reply, beat| {
                reply.pause(beat.pause).event(beat.event.to_string())
            });
    }
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let mut reply = Answer::sse().header("x-request-id", "req_embedded_1");
    for beat in answer(&body["input"].to_string()) {
        reply = reply.pause(beat.pause).body(beat.frame());
    }
    reply
}
