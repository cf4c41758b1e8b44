//! The Responses API over a service that only has Chat Completions.

use codex_transport::testing::{Answer, LoopbackServer, RecordedRequest, Script};
use serde_json::{Value, json};

use crate::process::*;
use crate::socket::{connect, create, hear_all, say};

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";

fn chat_server() -> LoopbackServer {
    service(Script::new().rule(|request: &RecordedRequest| {
        Some(if request.path() == CHAT {
            chunks()
        } else {
            Answer::json(404, r#"{"detail":"Not Found"}"#)
        })
    }))
}

/// Reasoning, text, a call and usage, as chat servers stream them.
fn chunks() -> Answer {
    let chunk = |delta: Value, reason: Value| {
        json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_767_225_600, "model": "some-model", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})
            .to_string()
    };
    let call = json!([{"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{\"at\":\"sky\"}"}}]);
    let usage = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_767_225_600, "model": "some-model", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}});
    Answer::sse()
        .event(chunk(
            json!({"role": "assistant", "reasoning_content": "Rayleigh."}),
            Value::Null,
        ))
        .event(chunk(json!({"content": "Because of "}), Value::Null))
        .event(chunk(json!({"content": "the sun."}), Value::Null))
        .event(chunk(json!({"tool_calls": call}), Value::Null))
        .event(chunk(json!({}), json!("tool_calls")))
        .event(usage.to_string())
        .event("[DONE]")
}

fn request(more: Value) -> Value {
    let mut request = json!({"model": "some-model", "input": "Why?", "tools": [
        {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}
    ]});
    for (key, value) in more.as_object().expect("an object") {
        request[key] = value.clone();
    }
    request
}

fn assert_whole(response: &Value) {
    assert_eq!(response["status"], "completed", "{response}");
    let kinds: Vec<&str> = response["output"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| item["type"].as_str().expect("a type"))
        .collect();
    assert_eq!(kinds, ["reasoning", "message", "function_call"]);
    assert_eq!(
        response["output"][1]["content"][0]["text"],
        "Because of the sun."
    );
    assert_eq!(response["output"][2]["call_id"], "call_1");
    assert_eq!(response["output"][2]["arguments"], r#"{"at":"sky"}"#);
    assert_eq!(response["usage"]["total_tokens"], 7);
}

#[tokio::test]
async fn responses_come_from_a_service_with_chat_completions_only() {
    for (choice, asked) in [
        ("auto", [RESPONSES, CHAT, CHAT]),
        ("chat", [CHAT, CHAT, CHAT]),
    ] {
        let server = chat_server();
        let gateway = Gateway::before(&server, &["--upstream", choice]);
        let whole = gateway.post(RESPONSES, &request(json!({}))).await;
        assert_eq!(whole.status(), 200, "{choice}");
        assert_whole(&json_of(whole).await);

        let streamed = gateway
            .post(RESPONSES, &request(json!({"stream": true})))
            .await;
        let streamed = text(streamed).await;
        let events: Vec<Value> = data(&streamed)
            .into_iter()
            .map(|event| serde_json::from_str(event).expect("JSON"))
            .collect();
        let deltas: Vec<&str> = events
            .iter()
            .filter(|event| event["type"] == "response.output_text.delta")
            .map(|event| event["delta"].as_str().expect("text"))
            .collect();
        assert_eq!(deltas, ["Because of ", "the sun."]);
        assert_whole(&events.last().expect("events")["response"]);

        let paths = server.requests();
        let paths: Vec<&str> = paths.iter().map(RecordedRequest::path).take(3).collect();
        let asked = &asked[..paths.len()];
        assert_eq!(paths, asked, "{choice}");
    }
}

/// As structured output of clients needs it, which read the format in the last event.
#[tokio::test]
async fn a_response_of_a_chat_service_repeats_its_request() {
    let server = chat_server();
    let gateway = Gateway::before(&server, &["--upstream", "chat", "--remember", "2"]);
    let format = json!({"type": "json_schema", "name": "n", "schema": {"type": "object"}});
    let mut more = json!({"instructions": "Be brief.", "text": {"format": format}, "metadata": {"a": "b"}, "temperature": 0.5, "max_output_tokens": 64});
    let whole = json_of(gateway.post(RESPONSES, &request(more.clone())).await).await;
    let mut responses = vec![whole];
    more["stream"] = json!(true);
    let streamed = text(gateway.post(RESPONSES, &request(more.clone())).await).await;
    for event in data(&streamed) {
        let event: Value = serde_json::from_str(event).expect("JSON");
        responses.extend(event.get("response").cloned());
    }
    assert_eq!(responses.len(), 4);
    for response in &responses {
        for key in [
            "instructions",
            "text",
            "metadata",
            "temperature",
            "max_output_tokens",
        ] {
            assert_eq!(response[key], more[key], "{key} of {response}");
        }
        assert_eq!(response["tools"][0]["name"], "look", "{response}");
        for key in [
            "error",
            "incomplete_details",
            "previous_response_id",
            "top_p",
        ] {
            assert_eq!(response.get(key), Some(&Value::Null), "{key} of {response}");
        }
    }
    let input = json!([{"type": "function_call_output", "call_id": "call_1", "output": "blue"}]);
    let named = json!({"previous_response_id": responses[3]["id"], "input": input});
    let next = json_of(gateway.post(RESPONSES, &request(named.clone())).await).await;
    assert_eq!(next["previous_response_id"], named["previous_response_id"]);
}

/// The rate limit of a chat service that is reached while it responds.
#[tokio::test]
async fn a_limit_in_the_middle_keeps_its_type_and_its_status() {
    let half =
        r#"{"id":"c1","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"half"}}]}"#;
    for (error, kind) in [
        (
            json!({"message": "slow down", "type": "tokens", "code": "rate_limit_exceeded"}),
            "tokens",
        ),
        (
            json!({"message": "slow down", "code": "rate_limit_exceeded"}),
            "rate_limit_error",
        ),
    ] {
        let error = json!({"error": error}).to_string();
        let answer = Answer::sse().event(half).event(error).event("[DONE]");
        let server = service(Script::new().route("POST", CHAT, answer.forever()));
        let gateway = Gateway::before(&server, &["--upstream", "chat"]);
        let user = json!([{"role": "user", "content": "Why?"}]);
        let chat = |stream: bool| json!({"model": "m", "messages": user, "stream": stream});

        let streamed = text(gateway.post(CHAT, &chat(true)).await).await;
        let last: Value =
            serde_json::from_str(data(&streamed).last().expect("an event")).expect("JSON");
        assert_eq!(last["error"]["type"], kind, "{streamed}");
        assert_eq!(last["error"]["code"], "rate_limit_exceeded");

        let refused = gateway.post(CHAT, &chat(false)).await;
        assert_eq!(refused.status(), 429);
        let body = json_of(refused).await;
        assert_eq!(body["error"]["type"], kind, "{body}");
        assert_eq!(body["error"]["code"], "rate_limit_exceeded");

        // A response that has begun exists, and its status states that it failed.
        let whole = gateway.post(RESPONSES, &request(json!({}))).await;
        assert_eq!(whole.status(), 200);
        let whole = json_of(whole).await;
        assert_eq!(whole["status"], "failed");
        assert_eq!(whole["error"]["code"], "rate_limit_exceeded", "{whole}");
    }
}

#[tokio::test]
async fn turns_over_a_socket_come_from_a_service_with_chat_completions_only() {
    let server = chat_server();
    let gateway = Gateway::before(&server, &["--upstream", "chat"]);
    let mut socket = connect(&gateway).await;
    say(&mut socket, create(json!({}))).await;
    let events = hear_all(&mut socket).await;
    let response = &events.last().expect("events")["response"];
    assert_whole(response);

    let output = json!([{"type": "function_call_output", "call_id": "call_1", "output": "blue"}]);
    let more = json!({"previous_response_id": response["id"], "input": output});
    say(&mut socket, create(more)).await;
    let events = hear_all(&mut socket).await;
    let next = &events.last().expect("events")["response"];
    assert_whole(next);
    assert_eq!(next["previous_response_id"], response["id"]);
    let second: Value = serde_json::from_slice(&server.requests()[1].body).expect("JSON");
    let roles: Vec<&str> = second["messages"]
        .as_array()
        .expect("messages")
        .iter()
        .map(|message| message["role"].as_str().expect("a role"))
        .collect();
    assert_eq!(roles, ["user", "assistant", "tool"], "{second}");
}

#[tokio::test]
async fn hosted_tools_are_refused_by_name_or_left_out() {
    let server = chat_server();
    let tools = json!({"tools": [{"type": "web_search"}]});
    let strict = Gateway::before(&server, &["--upstream", "chat"]);
    let refused = strict.post(RESPONSES, &request(tools.clone())).await;
    assert_eq!(refused.status(), 400);
    let message = json_of(refused).await["error"]["message"].to_string();
    assert!(
        message.contains("web_search") && message.contains("--strip-tools"),
        "{message}"
    );
    assert!(server.requests().is_empty());

    let gateway = Gateway::before(&server, &["--upstream", "chat", "--strip-tools"]);
    let response = gateway.post(RESPONSES, &request(tools)).await;
    assert_eq!(response.status(), 200);
    let changed = header(&response, "x-gateway-changed").unwrap_or_default();
    assert!(changed.contains("/tools"), "{changed}");
}

/// As programs send it whose conversation the service stores.
#[tokio::test]
async fn references_to_items_are_resolved_from_memory() {
    const OTHER: &str = "a-token-of-another-client";
    let server = chat_server();
    let more = ["--upstream", "chat", "--remember", "2", "--bearer", OTHER];
    let gateway = Gateway::before(&server, &more);
    let first = json_of(gateway.post(RESPONSES, &request(json!({}))).await).await;
    let mut input = vec![json!({"role": "user", "content": "Why?"})];
    for item in first["output"].as_array().expect("items") {
        input.push(json!({"type": "item_reference", "id": item["id"]}));
    }
    input.push(json!({"type": "function_call_output", "call_id": "call_1", "output": "blue"}));
    let second = request(json!({"input": input}));

    let mut of_another = gateway.request("POST", RESPONSES, second.to_string());
    let token = format!("Bearer {OTHER}").parse().expect("a token");
    of_another.headers_mut().insert("authorization", token);
    let refused = send(of_another).await;
    assert_eq!(refused.status(), 400);
    let message = json_of(refused).await["error"]["message"].to_string();
    assert!(
        message.contains("item_reference") && message.contains("--remember"),
        "{message}"
    );

    let response = gateway.post(RESPONSES, &second).await;
    assert_whole(&json_of(response).await);
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    let sent: Value = serde_json::from_slice(&requests[1].body).expect("JSON");
    let messages = sent["messages"].as_array().expect("messages");
    let roles: Vec<&str> = messages
        .iter()
        .map(|message| message["role"].as_str().expect("a role"))
        .collect();
    assert_eq!(roles, ["user", "assistant", "tool"], "{sent}");
    assert_eq!(messages[1]["content"], "Because of the sun.");
    assert_eq!(messages[1]["reasoning_content"], "Rayleigh.");
    assert_eq!(messages[1]["tool_calls"][0]["id"], "call_1");
}

#[tokio::test]
async fn an_item_is_referred_to_once() {
    let server = chat_server();
    let gateway = Gateway::before(&server, &["--upstream", "chat", "--remember", "2"]);
    let first = json_of(gateway.post(RESPONSES, &request(json!({}))).await).await;
    let reference = json!({"type": "item_reference", "id": first["output"][1]["id"]});
    let again = request(json!({"input": [reference, reference]}));
    assert_eq!(gateway.post(RESPONSES, &again).await.status(), 400);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn references_to_items_are_resolved_on_a_socket() {
    let server = chat_server();
    let gateway = Gateway::before(&server, &["--upstream", "chat"]);
    let mut socket = connect(&gateway).await;
    say(&mut socket, create(json!({}))).await;
    let events = hear_all(&mut socket).await;
    let output = &events.last().expect("events")["response"]["output"];
    let more = json!({"input": [
        {"role": "user", "content": "Why?"},
        {"type": "item_reference", "id": output[1]["id"]},
        {"role": "user", "content": "And why?"},
    ]});
    say(&mut socket, create(more)).await;
    assert_whole(&hear_all(&mut socket).await.last().expect("events")["response"]);
    let second: Value = serde_json::from_slice(&server.requests()[1].body).expect("JSON");
    assert_eq!(
        second["messages"][1]["content"], "Because of the sun.",
        "{second}"
    );
}
