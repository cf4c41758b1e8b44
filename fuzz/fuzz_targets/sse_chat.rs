//! Chat translated to Responses and back: the text of a conversation and of a stream is the same on
//! both sides and after translating back.

#![no_main]

use codex_sse::chat::{ChatStreamEvent, ToChatChunks, ToResponseEvents};
use codex_types::RawJson;
use codex_types::chat::translate::{
    AnswerOptions, RequestOptions, to_chat_request, to_responses_request,
};
use codex_types::chat::{ChatChunk, ChatMessage, ChatRequest};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

#[derive(Arbitrary, Debug)]
struct Conversation {
    messages: Vec<(bool, String)>,
    chunks: Vec<Chunk>,
    finish: Option<String>,
    done: bool,
}

#[derive(Arbitrary, Debug)]
struct Chunk {
    text: Option<String>,
    reasoning: Option<String>,
    refusal: Option<String>,
    /// Members that a server may add, and members of other types.
    more: Vec<(String, Option<u8>)>,
}

fuzz_target!(|input: Conversation| {
    there_and_back(&input.messages);
    let mut events = ToResponseEvents::new();
    let mut chunks = ToChatChunks::new(AnswerOptions::new());
    let (mut text, mut back) = (String::new(), String::new());
    let mut translated = Vec::new();
    for chunk in &input.chunks {
        let chunk: ChatChunk = decode(chunk.json());
        // The content of a chunk counts as received only if the chunk was accepted.
        if let Ok(new) = events.feed(&chunk) {
            for choice in &chunk.choices {
                text.push_str(choice.delta.content.as_deref().unwrap_or_default());
            }
            translated.extend(new);
        }
    }
    if let Some(reason) = &input.finish {
        let chunk = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]});
        translated.extend(events.feed(&decode(chunk)).into_iter().flatten());
    }
    if input.done {
        events.feed_done();
    }
    translated.extend(events.finish());
    assert_eq!(events.snapshot().output_text(), text, "translated");
    for event in &translated {
        back.extend(contents(chunks.feed(event)));
    }
    back.extend(contents(chunks.finish()));
    assert_eq!(back, text, "translated back");
});

/// Checks that every message keeps its text in Responses and back.
fn there_and_back(messages: &[(bool, String)]) {
    let messages = messages.iter().map(|(is_user, text)| {
        if *is_user {
            ChatMessage::user(text.as_str())
        } else {
            ChatMessage::assistant(text.as_str())
        }
    });
    let request = ChatRequest::new("some-model", messages.collect::<Vec<_>>());
    let options = RequestOptions::new();
    let there = match to_responses_request(&request, &options) {
        Ok(there) => there,
        Err(error) => {
            assert!(request.messages.is_empty(), "{error}");
            return;
        }
    };
    let back = to_chat_request(&there.request, &options).expect("and translated back");
    let texts = |request: &ChatRequest| -> String {
        let contents = request
            .messages
            .iter()
            .filter_map(|one| one.content.as_ref());
        contents.map(|content| content.to_text()).collect()
    };
    assert_eq!(texts(&back.request), texts(&request));
}

fn contents(events: Vec<ChatStreamEvent>) -> Vec<String> {
    let chunks = events.into_iter().filter_map(|event| match event {
        ChatStreamEvent::Chunk(chunk) => Some(chunk),
        _ => None,
    });
    let choices = chunks.flat_map(|chunk| chunk.choices);
    choices.filter_map(|choice| choice.delta.content).collect()
}

fn decode<T: serde::de::DeserializeOwned>(value: Value) -> T {
    let json = RawJson::parse(&value.to_string()).expect("JSON");
    json.decode().expect("an object is a chunk")
}

impl Chunk {
    fn json(&self) -> Value {
        let mut chunk = json!({"id": "chatcmpl-1", "model": "m"});
        for (name, value) in &self.more {
            chunk[name] = json!(value);
        }
        let delta = json!({"content": self.text, "reasoning_content": self.reasoning, "refusal": self.refusal});
        chunk["choices"] = json!([{"index": 0, "delta": delta}]);
        chunk
    }
}
