//! The fields of a request in the response of a chat server.
#![cfg(feature = "chat")]

use codex_sse::Limits;
use codex_sse::chat::{ChatEventDecoder, ToResponseEvents};
use codex_types::{CreateResponse, RawJson, ResponseEvent};
use serde_json::{Value, json};

const CHUNKS: &str = concat!(
    r#"data: {"id":"c1","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"{}"}}]}"#,
    "\n\n",
    r#"data: {"id":"c1","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#,
    "\n\ndata: [DONE]\n\n",
);

fn decode(request: &Value, body: &str) -> Vec<ResponseEvent> {
    let request: CreateResponse = serde_json::from_value(request.clone()).unwrap();
    let events = ToResponseEvents::new().with_request(request);
    let mut decoder = ChatEventDecoder::new(events, Limits::new());
    let mut input = body.as_bytes();
    let mut events = Vec::new();
    if body.starts_with('{') {
        decoder.decode_document(input).unwrap();
        input = b"";
    }
    while let Some(event) = decoder.decode(&mut input).unwrap() {
        events.push(event);
    }
    let _ = decoder.finish();
    while let Some(event) = decoder.decode(&mut &b""[..]).unwrap() {
        events.push(event);
    }
    events
}

/// Returns the responses in the events, as JSON.
fn responses(events: &[ResponseEvent]) -> Vec<Value> {
    let responses = events.iter().filter_map(ResponseEvent::response);
    responses
        .map(|response| {
            let json = RawJson::encode(response).unwrap();
            serde_json::from_str(json.as_str()).unwrap()
        })
        .collect()
}

fn full() -> Value {
    json!({
        "model": "m", "input": "Why?", "instructions": "Be brief.",
        "tools": [{"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": false}],
        "tool_choice": {"type": "function", "name": "look"},
        "parallel_tool_calls": false, "temperature": 0.5, "top_p": 0.25, "top_logprobs": 2,
        "max_output_tokens": 64, "max_tool_calls": 3, "metadata": {"a": "b"},
        "reasoning": {"effort": "low"}, "truncation": "auto", "store": true, "user": "u",
        "safety_identifier": "s", "prompt_cache_key": "k",
        "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": true}},
    })
}

#[test]
fn a_response_repeats_its_request() {
    let document = r#"{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"{}"},"finish_reason":"stop"}]}"#;
    for body in [CHUNKS, document] {
        let request = full();
        let responses = responses(&decode(&request, body));
        let states: Vec<&Value> = responses
            .iter()
            .map(|response| &response["status"])
            .collect();
        assert_eq!(states, ["in_progress", "in_progress", "completed"]);
        for response in &responses {
            for (key, value) in request.as_object().unwrap() {
                match key.as_str() {
                    "input" => assert_eq!(response.get("input"), None),
                    "reasoning" => {
                        assert_eq!(response[key], json!({"effort": "low", "summary": null}));
                    }
                    _ => assert_eq!(response[key], *value, "{key}"),
                }
            }
        }
    }
}

#[test]
fn keys_that_the_request_omits_have_their_defaults() {
    let responses = responses(&decode(&json!({"model": "m", "input": "Why?"}), CHUNKS));
    assert_eq!(responses.len(), 3);
    for response in &responses {
        for (key, value) in [
            ("text", json!({"format": {"type": "text"}})),
            ("tools", json!([])),
            ("tool_choice", json!("auto")),
            ("parallel_tool_calls", json!(true)),
            ("metadata", json!({})),
            ("reasoning", json!({"effort": null, "summary": null})),
            ("truncation", json!("disabled")),
            ("background", json!(false)),
            ("store", json!(false)),
            ("top_logprobs", json!(0)),
        ] {
            assert_eq!(response[key], value, "{key}");
        }
        for key in [
            "error",
            "incomplete_details",
            "instructions",
            "previous_response_id",
            "max_output_tokens",
            "max_tool_calls",
            "temperature",
            "top_p",
            "user",
            "safety_identifier",
            "prompt_cache_key",
            "service_tier",
            "completed_at",
        ] {
            assert_eq!(response.get(key), Some(&Value::Null), "{key}");
        }
    }
    assert_eq!(responses[0].get("usage"), Some(&Value::Null));
    assert_eq!(responses[2]["usage"]["total_tokens"], 3);
}

#[test]
fn a_response_that_ends_otherwise_repeats_its_request() {
    let failed = "event: error\ndata: {\"error\":{\"message\":\"overloaded\"}}\n\n";
    let cut = CHUNKS.replace("\"stop\"", "\"length\"");
    for (body, status) in [(failed, "failed"), (&cut, "incomplete")] {
        let responses = responses(&decode(&full(), body));
        let last = responses.last().unwrap();
        assert_eq!(last["status"], status);
        assert_eq!(last["text"], full()["text"]);
        assert_eq!(last["model"], "m");
        let is_null = |key: &str| last.get(key) == Some(&Value::Null);
        assert_eq!(is_null("error"), status != "failed");
        assert_eq!(is_null("incomplete_details"), status != "incomplete");
    }
}

#[test]
fn the_model_is_the_one_of_the_request_if_the_server_omits_it() {
    let responses = responses(&decode(&full(), &CHUNKS.replace(r#""model":"m","#, "")));
    assert_eq!(responses[2]["model"], "m");
}
