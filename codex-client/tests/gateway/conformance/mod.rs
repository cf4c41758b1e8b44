//! The seventeen tests of the Open Responses compliance suite, rebuilt from its published
//! description (`openresponses.org/compliance`), with the same names, requests and conditions. They
//! run through the gateway, in front of a service with and without WebSockets, as the platform and
//! as the ChatGPT backend.

mod service;

use codex_sse::EventDecoder;
use codex_transport::WsConnection;
use http::StatusCode;
use serde_json::{Value, json};

use crate::process::*;
use crate::socket::{connect, say};

/// The keys that the specification requires of a response.
const REQUIRED: &[&str] = &[
    "id",
    "object",
    "created_at",
    "completed_at",
    "status",
    "incomplete_details",
    "model",
    "previous_response_id",
    "instructions",
    "output",
    "error",
    "tools",
    "tool_choice",
    "truncation",
    "parallel_tool_calls",
    "text",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "top_logprobs",
    "temperature",
    "reasoning",
    "usage",
    "max_output_tokens",
    "max_tool_calls",
    "store",
    "background",
    "service_tier",
    "metadata",
    "safety_identifier",
    "prompt_cache_key",
];

struct Suite {
    name: String,
    gateway: Gateway,
}

/// The result of a request: the final response, and the events before it.
struct Answered {
    response: Value,
    events: Vec<Value>,
}

impl Suite {
    async fn start(profile: &str, has_sockets: bool) -> Self {
        let base_url = service::start(has_sockets).await;
        let mut arguments = vec![
            "--base-url",
            &base_url,
            "--api-key",
            KEY,
            "--no-check",
            "--profile",
            profile,
        ];
        if has_sockets && profile == "compatible" {
            arguments.push("--upstream-sockets");
        }
        Self {
            name: format!("{profile}, sockets: {has_sockets}"),
            gateway: Gateway::start(&arguments),
        }
    }

    fn check_resource(&self, response: &Value) {
        for key in REQUIRED {
            assert!(
                response.get(key).is_some(),
                "{}: no {key} in {response}",
                self.name
            );
        }
        assert_eq!(response["object"], "response");
        assert_eq!(response["status"], "completed", "{}: {response}", self.name);
        assert!(
            response["output"]
                .as_array()
                .is_some_and(|output| !output.is_empty()),
            "{}: {response}",
            self.name
        );
    }

    async fn create(&self, mut request: Value) -> Answered {
        request["model"] = json!("some-model");
        let is_streamed = request["stream"] == json!(true);
        let answer = self.gateway.post("/v1/responses", &request).await;
        let (parts, body) = answer.into_parts();
        let body = body.collect(1 << 20).await.expect("a body");
        assert_eq!(
            parts.status,
            StatusCode::OK,
            "{}: {}",
            self.name,
            String::from_utf8_lossy(&body)
        );
        let mut events = Vec::new();
        let response = if is_streamed {
            let (mut decoder, mut input) = (EventDecoder::new(), &body[..]);
            while let Some(event) = decoder.decode(&mut input).expect("an event") {
                events.push(serde_json::to_value(&event).expect("JSON"));
            }
            events.last().expect("a last event")["response"].clone()
        } else {
            serde_json::from_slice(&body).expect("JSON")
        };
        self.check_resource(&response);
        Answered { response, events }
    }

    /// Sends a request on a socket; returns the final response, or the code of the error.
    async fn turn(
        &self,
        socket: &mut WsConnection,
        mut request: Value,
    ) -> Result<Answered, String> {
        request["type"] = json!("response.create");
        request["model"] = json!("some-model");
        say(socket, request).await;
        let mut events: Vec<Value> = Vec::new();
        loop {
            let message = socket.next().await.expect("a message").expect("no error");
            let event: Value = serde_json::from_slice(&message).expect("JSON");
            let kind = event["type"].as_str().expect("a type").to_owned();
            match kind.as_str() {
                "response.completed" => {
                    let response = event["response"].clone();
                    self.check_resource(&response);
                    return Ok(Answered { response, events });
                }
                "error" | "response.failed" => {
                    let code = &event["error"]["code"];
                    let code = code
                        .as_str()
                        .or_else(|| event["code"].as_str())
                        .unwrap_or("no code");
                    return Err(code.to_owned());
                }
                _ => events.push(event),
            }
        }
    }

    async fn compact(&self, request: &Value) -> (StatusCode, Value) {
        let answer = self.gateway.post("/v1/responses/compact", request).await;
        let (parts, body) = answer.into_parts();
        let body = body.collect(1 << 20).await.expect("a body");
        (parts.status, serde_json::from_slice(&body).expect("JSON"))
    }
}

/// The kinds of the events, and of the items in them.
fn kinds(events: &[Value]) -> Vec<String> {
    let kind = |event: &Value| match event["item"]["type"].as_str() {
        Some(item) => format!("{} {item}", event["type"].as_str().unwrap_or_default()),
        None => event["type"].as_str().unwrap_or_default().to_owned(),
    };
    events.iter().map(kind).collect()
}

fn text(response: &Value) -> &str {
    response["output"][0]["content"][0]["text"]
        .as_str()
        .expect("text")
}

fn user(text: &str) -> Value {
    json!({"type": "message", "role": "user", "content": text})
}

fn weather() -> Value {
    let location = json!({"type": "string", "description": "The city and state."});
    json!({"input": [user("What's the weather like in San Francisco?")], "tools": [{"type": "function", "name": "get_weather",
        "description": "Get the current weather for a location",
        "parameters": {"type": "object", "properties": {"location": location}, "required": ["location"]}}]})
}

async fn http(suite: &Suite) {
    // basic-response, system-prompt, multi-turn, assistant-phase
    for input in [
        json!([user("Say hello in exactly 3 words.")]),
        json!([{"type": "message", "role": "system", "content": "You are a pirate."}, user("Say hello.")]),
        json!([user("My name is Alice."), {"type": "message", "role": "assistant", "content": "Hello Alice!"}, user("What is my name?")]),
        json!([
            {"type": "message", "role": "assistant", "phase": "commentary", "content": "I should answer with the saved number."},
            {"type": "message", "role": "assistant", "phase": "final_answer", "content": "The number is four."},
            user("Repeat only the number."),
        ]),
    ] {
        let answered = suite.create(json!({"input": input})).await;
        // response-output-phase-schema
        assert_eq!(
            answered.response["output"][0]["phase"], "final_answer",
            "{}",
            suite.name
        );
    }
    // image-input
    let image = json!({"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="});
    let content = json!([{"type": "input_text", "text": "What do you see in this image?"}, image]);
    suite
        .create(json!({"input": [{"type": "message", "role": "user", "content": content}]}))
        .await;
    // streaming-response
    let answered = suite
        .create(json!({"input": [user("Count from 1 to 5.")], "stream": true}))
        .await;
    assert!(kinds(&answered.events).contains(&"response.output_text.delta".to_owned()));
    // tool-calling, and the same streamed
    let answered = suite.create(weather()).await;
    assert_eq!(answered.response["output"][0]["type"], "function_call");
    let mut streamed = weather();
    streamed["stream"] = json!(true);
    let kinds = kinds(&suite.create(streamed).await.events);
    for kind in [
        "response.output_item.added function_call",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done function_call",
    ] {
        assert!(
            kinds.contains(&kind.to_owned()),
            "{}: {kinds:?}",
            suite.name
        );
    }
}

async fn compaction(suite: &Suite) {
    // compact-missing-model
    let (status, _) = suite
        .compact(&json!({"input": [user("Compact this.")]}))
        .await;
    assert!(
        [StatusCode::BAD_REQUEST, StatusCode::UNPROCESSABLE_ENTITY].contains(&status),
        "{}: {status}",
        suite.name
    );
    // compact-response
    let (status, compacted) = suite
        .compact(&json!({"model": "some-model", "input": [user("Remember cobalt.")]}))
        .await;
    assert_eq!(status, StatusCode::OK, "{}: {compacted}", suite.name);
    assert_eq!(compacted["object"], "response.compaction");
    assert_eq!(compacted["output"][1]["type"], "compaction");
    // websocket-compact-new-chain
    let mut input = compacted["output"].as_array().expect("output").clone();
    input.push(user("What is the code word?"));
    let mut socket = connect(&suite.gateway).await;
    let answered = suite
        .turn(&mut socket, json!({"input": input, "store": false}))
        .await;
    assert_eq!(
        text(&answered.expect("a response").response),
        "3 items: cobalt"
    );
}

async fn sockets(suite: &Suite) {
    let mut socket = connect(&suite.gateway).await;
    // websocket-response, websocket-sequential-responses
    for input in [
        "Count from 1 to 3.",
        "Reply with exactly: first",
        "Reply with exactly: second",
    ] {
        let answered = suite
            .turn(&mut socket, json!({"input": input}))
            .await
            .expect("a response");
        assert!(kinds(&answered.events).contains(&"response.output_text.delta".to_owned()));
    }
    // websocket-continuation
    let first = json!({"input": "Remember the code word: cobalt. Reply with OK.", "store": false});
    let seed = suite
        .turn(&mut socket, first.clone())
        .await
        .expect("a response")
        .response;
    let next = |id: &Value| json!({"input": "What is the code word?", "previous_response_id": id, "store": false});
    let answered = suite
        .turn(&mut socket, next(&seed["id"]))
        .await
        .expect("a response");
    assert_eq!(
        text(&answered.response),
        "3 items: cobalt",
        "{}",
        suite.name
    );
    // websocket-previous-response-not-found
    let missing = suite
        .turn(&mut socket, next(&json!("resp_openresponses_missing_1")))
        .await;
    assert_eq!(
        missing.err().as_deref(),
        Some("previous_response_not_found"),
        "{}",
        suite.name
    );
    // websocket-failed-continuation-evicts-cache
    let seed = suite
        .turn(&mut socket, first.clone())
        .await
        .expect("a response")
        .response;
    let orphan = json!({"type": "function_call_output", "call_id": "call_orphaned_no_match", "output": "some result"});
    let failing = json!({"input": [orphan], "previous_response_id": seed["id"], "store": false});
    assert!(
        suite.turn(&mut socket, failing).await.is_err(),
        "{}",
        suite.name
    );
    let evicted = suite.turn(&mut socket, next(&seed["id"])).await;
    assert_eq!(
        evicted.err().as_deref(),
        Some("previous_response_not_found"),
        "{}",
        suite.name
    );
    // websocket-reconnect-store-false-recovery
    let seed = suite
        .turn(&mut socket, first.clone())
        .await
        .expect("a response")
        .response;
    drop(socket);
    let mut socket = connect(&suite.gateway).await;
    let lost = suite.turn(&mut socket, next(&seed["id"])).await;
    assert_eq!(
        lost.err().as_deref(),
        Some("previous_response_not_found"),
        "{}",
        suite.name
    );
    assert!(
        suite.turn(&mut socket, first).await.is_ok(),
        "{}",
        suite.name
    );
}

#[tokio::test]
async fn the_compliance_suite_passes() {
    for profile in ["compatible", "chatgpt"] {
        for has_sockets in [false, true] {
            let suite = Suite::start(profile, has_sockets).await;
            http(&suite).await;
            compaction(&suite).await;
            sockets(&suite).await;
        }
    }
}
