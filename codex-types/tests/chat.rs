//! Laws of the chat types and of their translation: nothing is lost, and translating back gives the
//! original. Streams are tested in codex-sse.
#![cfg(feature = "chat")]

use codex_types::chat::translate::{
    AnswerOptions, RequestOptions, to_chat_request, to_chat_response, to_response,
    to_responses_request,
};
use codex_types::chat::{ChatMessage, ChatRequest, ChatResponse, ChatTool};
use codex_types::lint::{Finding, FindingCode};
use codex_types::{Input, InputItem, Map, Message, RawJson, Response};
use proptest::prelude::*;
use serde_json::Value;

fn cases(file: &str) -> Vec<Map<RawJson>> {
    let path = format!(
        "{}/../testdata/translate/{file}.jsonl",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| RawJson::parse(line).unwrap().decode().unwrap())
        .collect()
}

fn value<T: serde::Serialize>(of: &T) -> Value {
    serde_json::to_value(of).unwrap()
}

#[test]
fn unknown_things_are_kept() {
    let json = r#"{"model":"m","messages":[{"role":"oracle","content":[{"type":"smell","x":1.50}],"mood":null}],"tools":[{"type":"dream"}],"tool_choice":{"type":"dream"},"response_format":{"type":"xml"},"stop":{"at":1},"temperature":"hot","later":[1]}"#;
    let request: ChatRequest = serde_json::from_str(json).unwrap();
    assert!(!request.messages[0].role.is_listed());
    assert!(matches!(
        &request.tools.as_ref().unwrap()[0],
        ChatTool::Unknown(_)
    ));
    let written: Value = value(&request);
    assert_eq!(written, serde_json::from_str::<Value>(json).unwrap());
    assert!(serde_json::to_string(&request).unwrap().contains("1.50"));
}

#[test]
fn the_corpus_survives_being_read_and_written() {
    for (file, root) in [("requests", "in"), ("responses", "out")] {
        for case in cases(file) {
            let Some(json) = case.get(root) else { continue };
            let before: Value = json.decode().unwrap();
            let after = match file {
                "requests" => value(&json.decode::<ChatRequest>().unwrap()),
                _ => value(&json.decode::<ChatResponse>().unwrap()),
            };
            assert_eq!(after, before, "{:?}", case.get("name"));
        }
    }
}

#[test]
fn requests_survive_translation_there_and_back() {
    let options = RequestOptions::new();
    let mut count = 0;
    for case in cases("requests") {
        if case.get("refused").is_some() || case.get("options").is_some() {
            continue;
        }
        let chat: ChatRequest = case.get("in").unwrap().decode().unwrap();
        let mut there = to_responses_request(&chat, &options).unwrap().request;
        let back = to_chat_request(&there, &options).unwrap();
        // An image of a tool is sent in another message.
        let is_moved = |finding: &Finding| finding.code == FindingCode::RejectedContent;
        if back.findings.iter().any(is_moved) {
            continue;
        }
        let back = back.request;
        let mut again = to_responses_request(&back, &options).unwrap().request;
        // Reasoning cannot pass through chat unless an extra field carries it.
        if chat
            .messages
            .iter()
            .any(|message| message.reasoning_items.is_some())
        {
            again.input = there.input.clone();
        }
        // An empty message of the assistant is not sent to chat servers.
        if let Some(Input::Items(items)) = &mut there.input {
            let empty = InputItem::from(Message::assistant(""));
            items.retain(|item| *item != empty);
        }
        assert_eq!(value(&again), value(&there), "{:?}", case.get("name"));
        count += 1;
    }
    assert!(count > 80, "{count}");
}

#[test]
fn responses_survive_translation_there_and_back() {
    let mut count = 0;
    for case in cases("responses") {
        if case.get("error").is_some() || case.get("options").is_some() {
            continue;
        }
        let response: Response = case.get("in").unwrap().decode().unwrap();
        let there = to_chat_response(&response, &AnswerOptions::new()).unwrap();
        let back = to_response(&there).unwrap();
        let again = to_chat_response(&back, &AnswerOptions::new()).unwrap();
        let is_empty = |completion: &ChatResponse| completion.choices[0].message.content.is_none();
        if !is_empty(&there) && response.output_text().is_empty() {
            // An empty text is not part of a response.
            assert!(is_empty(&again));
            continue;
        }
        assert_eq!(value(&again), value(&there), "{:?}", case.get("name"));
        count += 1;
    }
    assert!(count > 15, "{count}");
}

#[test]
fn several_answers_are_refused() {
    let json = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant"}},{"index":1,"message":{"role":"assistant"}}]}"#;
    let error = to_response(&serde_json::from_str(json).unwrap()).unwrap_err();
    assert_eq!(error.parameter(), "choices[1]");
}

#[test]
fn what_a_responses_request_cannot_say_in_chat_is_refused_by_name() {
    let refused = [
        ("previous_response_id", r#""previous_response_id":"r""#),
        ("conversation", r#""conversation":"c""#),
        ("background", r#""background":true"#),
        ("truncation", r#""truncation":"auto""#),
        ("max_tool_calls", r#""max_tool_calls":1"#),
        ("tools[0]", r#""tools":[{"type":"mcp","server_label":"s"}]"#),
        ("include[0]", r#""include":["file_search_call.results"]"#),
        (
            "input[0]",
            r#""input":[{"type":"item_reference","id":"x"}]"#,
        ),
        (
            "input[0].content[0].file_url",
            r#""input":[{"role":"user","content":[{"type":"input_file","file_url":"u"}]}]"#,
        ),
        ("tool_choice", r#""tool_choice":{"type":"web_search"}"#),
        ("later", r#""later":1"#),
    ];
    for (parameter, member) in refused {
        let request = serde_json::from_str(&format!(r#"{{"model":"m",{member}}}"#)).unwrap();
        let error = to_chat_request(&request, &RequestOptions::new()).unwrap_err();
        assert_eq!(error.parameter(), parameter);
    }
}

proptest! {
    /// No message of any form makes the translation panic, and it can write every message that it
    /// accepts.
    #[test]
    fn any_message_is_translated_or_refused(
        role in prop_oneof![Just("user"), Just("assistant"), Just("tool"), Just("function"), Just("system"), Just("x")],
        keys in prop::collection::vec(
            (prop_oneof![Just("content"), Just("tool_calls"), Just("function_call"), Just("name"), Just("tool_call_id"), Just("refusal"), Just("audio")],
             prop_oneof![Just("null"), Just("\"x\""), Just("[]"), Just("{}"), Just("7"), Just(r#"[{"type":"text","text":"t"}]"#),
                Just(r#"[{"id":"a","function":{"name":"f","arguments":"{"}}]"#), Just(r#"{"name":"f","arguments":""}"#), Just(r#"[null]"#)]),
            0..6),
    ) {
        let mut json = format!(r#"{{"role":"{role}""#);
        for (key, value) in keys {
            json.push_str(&format!(r#","{key}":{value}"#));
        }
        json.push('}');
        let message: ChatMessage = serde_json::from_str(&json).unwrap();
        let chat = ChatRequest::new("m", [message]);
        for options in [RequestOptions::new(), RequestOptions::new().lenient()] {
            match to_responses_request(&chat, &options) {
                Ok(translated) => {
                    serde_json::to_string(&translated.request).unwrap();
                }
                Err(error) => prop_assert!(!error.parameter().is_empty()),
            }
        }
    }
}
