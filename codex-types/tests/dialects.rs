//! The table of chat servers, and the effect of its rows on a request.
#![cfg(feature = "chat")]

use std::collections::BTreeSet;

use codex_types::chat::translate::{RequestOptions, to_chat_request};
use codex_types::chat::{ChatEnding, FinishReason};
use codex_types::profile::{ChatDialect, Profile, ReasoningReplay, Wire};
use codex_types::{CreateResponse, RawJson};
use serde_json::{Value, json};

fn sent(name: &str, request: &Value) -> Value {
    let request: CreateResponse = serde_json::from_value(request.clone()).unwrap();
    let options = RequestOptions::for_dialect(ChatDialect::by_name(name).unwrap());
    let chat = to_chat_request(&request, &options).unwrap().request;
    RawJson::encode(&chat).unwrap().decode().unwrap()
}

#[test]
fn every_row_is_dated_and_can_be_chosen() {
    let mut hosts = BTreeSet::new();
    assert!(ChatDialect::NAMES.len() > 15);
    for name in ChatDialect::NAMES {
        let row = ChatDialect::by_name(name).unwrap();
        assert_eq!(row.name, *name);
        assert_eq!(Profile::by_name(name).unwrap().chat, row);
        assert_eq!(row.as_of.is_some(), *name != "generic", "{name}");
        for host in &row.hosts {
            assert!(hosts.insert(host.clone()), "{host} is in two rows");
            assert_eq!(Profile::of_host(host).name, *name);
        }
        for word in &row.finish_reasons {
            let ending = FinishReason::from(&**word).ending();
            assert!(
                ending.is_some_and(|it| it != ChatEnding::Other),
                "{name}: {word}"
            );
        }
        // A parameter that may be omitted must also be refused.
        let parameters = &row.parameters;
        let mut droppable = parameters.droppable.iter();
        assert!(
            droppable.all(|it| parameters.refused.contains(it)),
            "{name}"
        );
    }
    for backend in [
        Profile::platform(),
        Profile::chatgpt(),
        Profile::sign_in_with_chatgpt(),
    ] {
        assert_eq!(backend.wire, Wire::Responses, "{}", backend.name);
    }
}

#[test]
fn reasoning_of_another_turn_goes_back_only_where_it_is_wanted() {
    let request = json!({"model": "m", "input": [
        {"type": "message", "role": "user", "content": "1"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "old"}]},
        {"type": "function_call", "call_id": "abcdefgh1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "abcdefgh1", "output": "o"},
        {"type": "message", "role": "user", "content": "2"},
        {"type": "reasoning", "id": "rs_2", "summary": [], "content": [{"type": "reasoning_text", "text": "new"}]},
        {"type": "function_call", "call_id": "abcdefgh2", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "abcdefgh2", "output": "o"},
    ]});
    for name in ChatDialect::NAMES.iter().filter(|name| **name != "minimax") {
        let row = ChatDialect::by_name(name).unwrap();
        let chat = sent(name, &request);
        let key = &*row.reasoning_key;
        let given = [&chat["messages"][1][key], &chat["messages"][4][key]];
        let expected = match row.reasoning_replay {
            ReasoningReplay::Never => [&Value::Null; 2],
            ReasoningReplay::ToolRounds => [&Value::Null, &json!("new")],
            _ => [&json!("old"), &json!("new")],
        };
        assert_eq!(given, expected, "{name}");
    }
}

#[test]
fn a_choice_that_does_not_exist_is_made_by_offering_less() {
    let tools = json!([
        {"type": "function", "name": "a", "parameters": {"type": "object"}, "strict": true},
        {"type": "custom", "name": "b"},
    ]);
    let request =
        |choice: Value| json!({"model": "m", "input": "Hi", "tools": tools, "tool_choice": choice});
    let named = request(json!({"type": "custom", "name": "b"}));
    let chat = sent("llama.cpp", &named);
    assert_eq!(chat["tool_choice"], "required");
    assert_eq!(chat["tools"].as_array().unwrap().len(), 1);
    assert_eq!(chat["tools"][0]["function"]["name"], "b");
    assert_eq!(
        sent("mistral", &request(json!("required")))["tool_choice"],
        "any"
    );
    let allowed = request(
        json!({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "a"}]}),
    );
    let chat = sent("moonshot", &allowed);
    assert_eq!(chat["tool_choice"], "auto");
    assert_eq!(
        chat["tools"][0]["function"],
        json!({"name": "a", "parameters": {"type": "object"}})
    );
    assert_eq!(chat["tools"].as_array().unwrap().len(), 1);
    // This server cannot be made to call a tool, and a response without a call is not what the
    // request requires.
    let request: CreateResponse = serde_json::from_value(named).unwrap();
    let options = RequestOptions::for_dialect(ChatDialect::by_name("ollama").unwrap());
    let error = to_chat_request(&request, &options).unwrap_err();
    assert_eq!(error.parameter(), "tool_choice");
}

#[test]
fn signatures_of_calls_go_back_with_the_calls() {
    let opaque = r#"{"extra_content":{"c1":{"google":{"thought_signature":"s="}}}}"#;
    let request = json!({"model": "m", "input": [
        {"type": "message", "role": "user", "content": "1"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": opaque},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "o"},
    ]});
    let chat = sent("gemini", &request);
    let signature = &chat["messages"][1]["tool_calls"][0]["extra_content"];
    assert_eq!(signature["google"]["thought_signature"], "s=");
}

#[test]
fn schemas_and_images_find_another_place() {
    let request = json!({"model": "m", "instructions": "Be brief.",
    "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": true}},
    "input": [
        {"type": "message", "role": "developer", "content": "Also."},
        {"type": "message", "role": "user", "content": "1"},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_image", "image_url": "data:,", "detail": "auto"}]},
    ]});
    let chat = sent("deepseek", &request);
    assert_eq!(chat["response_format"], json!({"type": "json_object"}));
    let messages = chat["messages"].as_array().unwrap();
    assert!(
        messages[1]["content"]
            .as_str()
            .unwrap()
            .ends_with(r#"{"type":"object"}"#)
    );
    assert_eq!(messages[2]["role"], "system");
    assert!(messages[5]["content"].is_string());
    assert_eq!(messages[6]["role"], "user");
    assert_eq!(messages[6]["content"][0]["image_url"]["url"], "data:,");
    // If the server accepts only one system message, the leading ones are joined.
    let chat = sent("vllm", &request);
    let first = chat["messages"][0]["content"].as_str().unwrap();
    assert_eq!(first, "Be brief.\n\nAlso.");
}
