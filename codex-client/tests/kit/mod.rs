//! The test kit: a scripted backend with a client, and what the backend sends.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::time::Duration;

use codex_auth::{ApiKey, Secret};
use codex_client::{Client, ClientBuilder};
use codex_transport::RetryPolicy;
use codex_transport::testing::{Answer, LoopbackServer, RecordedRequest, Script};
use codex_types::CreateResponse;
use codex_types::profile::Profile;
use serde::Serialize;
use serde_json::{Value, json};

/// Starts a server that follows the script, and builds a client for it.
pub(crate) fn start(
    script: Script,
    build: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> (LoopbackServer, Client) {
    let server = LoopbackServer::start(script).expect("a loopback server");
    let client = build(Client::builder().base_url(server.url("/v1")));
    (server, client.build().expect("a client"))
}

/// A script with one answer to each upgrade, and HTTP for everything else.
pub(crate) fn sockets(answers: impl IntoIterator<Item = Answer>) -> Script {
    answers.into_iter().fold(Script::new(), |script, answer| {
        script.route("GET", "/v1/responses", answer)
    })
}

/// The messages that the server received over WebSockets.
pub(crate) fn messages(server: &LoopbackServer) -> Vec<Value> {
    let messages = server.messages();
    let messages = messages.iter().map(|message| read(&message.text));
    messages.collect()
}

pub(crate) fn body(request: &RecordedRequest) -> Value {
    read(&request.body)
}

/// The items in a request.
pub(crate) fn input(request: &RecordedRequest) -> Vec<Value> {
    let body = body(request);
    body["input"].as_array().expect("items").clone()
}

fn read(json: &[u8]) -> Value {
    serde_json::from_slice(json).expect("JSON")
}

pub(crate) fn key() -> ApiKey {
    ApiKey::new(Secret::from("sk-invented")).expect("a key")
}

/// The ChatGPT backend, with bodies that can be read.
pub(crate) fn uncompressed() -> Profile {
    let mut profile = Profile::chatgpt();
    profile.compression = None;
    profile
}

/// The default policy with short waits.
pub(crate) fn fast() -> RetryPolicy {
    let mut policy = RetryPolicy::default();
    policy.base = Duration::from_millis(1);
    policy
}

pub(crate) fn question() -> CreateResponse {
    CreateResponse::new("some-model").input("Why?")
}

pub(crate) fn response(id: &str, status: &str, output: impl Serialize) -> Value {
    json!({"id": id, "object": "response", "status": status, "model": "some-model", "output": output})
}

pub(crate) fn created(id: &str) -> String {
    let none: [Value; 0] = [];
    json!({"type": "response.created", "response": response(id, "in_progress", none)}).to_string()
}

/// The last event of a response with this status.
pub(crate) fn ended(status: &str, id: &str, output: impl Serialize) -> String {
    json!({"type": format!("response.{status}"), "response": response(id, status, output)})
        .to_string()
}

pub(crate) fn completed(id: &str, output: impl Serialize) -> String {
    ended("completed", id, output)
}

/// The last event of a response that has one message.
pub(crate) fn says(id: &str, text: &str) -> String {
    completed(id, [message(&format!("msg_{id}"), text)])
}

pub(crate) fn failed(id: &str, code: &str, message: &str) -> String {
    let mut response = response(id, "failed", json!([]));
    response["error"] = json!({"code": code, "message": message});
    json!({"type": "response.failed", "response": response}).to_string()
}

/// A delta of the text of the first item.
pub(crate) fn delta(item_id: &str, text: &str) -> String {
    json!({"type": "response.output_text.delta", "item_id": item_id, "output_index": 0, "content_index": 0, "delta": text})
        .to_string()
}

pub(crate) fn item_added(item: impl Serialize) -> String {
    json!({"type": "response.output_item.added", "output_index": 0, "item": item}).to_string()
}

pub(crate) fn item_done(index: usize, item: impl Serialize) -> String {
    json!({"type": "response.output_item.done", "output_index": index, "item": item}).to_string()
}

pub(crate) fn message(id: &str, text: &str) -> Value {
    json!({"type": "message", "id": id, "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}]})
}

/// A finished call of a function, whose item has the id of the call with `fc_` before it.
pub(crate) fn call(id: &str, name: &str, arguments: &str) -> Value {
    json!({"type": "function_call", "id": format!("fc_{id}"), "call_id": id, "name": name, "arguments": arguments, "status": "completed"})
}
