//! The output for a stream, in the form of the expectations.

use codex_sse::chat::{ChatStreamEvent, ToChatChunks, ToResponseEvents};
use codex_sse::{EventDecoder, Outcome, Update, Updates};
use codex_types::chat::ChatChunk;
use codex_types::chat::translate::{AnswerOptions, ReasoningShown};
use codex_types::{OutputItem, Response, ResponseEvent};
use serde_json::{Map, Value, json};

/// Returns the response, the updates and the chat stream of a response stream in chunks of this
/// size.
pub(crate) fn of_stream(bytes: &[u8], size: usize) -> Value {
    let mut decoder = EventDecoder::new();
    let mut events = Vec::new();
    for chunk in bytes.chunks(size.min(bytes.len().max(1))) {
        let mut input = chunk;
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => assert!(!error.is_fatal(), "{error}"),
            }
        }
    }
    let mut observed = of_events(&events);
    observed["chat"] = chat(&events);
    observed
}

/// Returns the response and the updates of a chat stream.
pub(crate) fn of_chunks(lines: &str) -> Value {
    let mut translator = ToResponseEvents::new();
    let mut events = Vec::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line == "[DONE]" {
            translator.feed_done();
            continue;
        }
        let chunk = ChatChunk::from_json(line).unwrap();
        events.extend(translator.feed(&chunk).unwrap());
    }
    events.extend(translator.finish());
    let observed = of_events(&events);
    assert_eq!(
        translator.snapshot().output,
        fold(&events).output,
        "the events assemble to what the translator assembled"
    );
    observed
}

fn fold(events: &[ResponseEvent]) -> Response {
    let mut updates = Updates::new();
    for event in events {
        updates.feed(event).unwrap();
    }
    updates.into_accumulator().into_partial()
}

fn of_events(events: &[ResponseEvent]) -> Value {
    let mut updates = Updates::new();
    let mut shown = Shown::default();
    for event in events {
        if let Err(error) = updates.feed(event) {
            shown.errors.push(error.to_string());
        }
        shown.poll(&mut updates);
    }
    let _ = updates.finish();
    shown.poll(&mut updates);
    let accumulator = updates.into_accumulator();
    let outcome = outcome(accumulator.outcome());
    let response = accumulator.into_partial();
    let mut all = Map::new();
    all.insert("outcome".into(), outcome.into());
    if let Some(error) = &response.error {
        all.insert("error".into(), error.message.clone().into());
    }
    let items: Vec<Value> = response.output.iter().map(item).collect();
    insert(&mut all, "items", items.into());
    all.insert("updates".into(), shown.into_value());
    if let Some(usage) = &response.usage {
        let usage = [usage.input_tokens, usage.output_tokens, usage.total_tokens];
        all.insert("usage".into(), json!(usage));
    }
    all.into()
}

fn outcome(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::Completed) => "completed",
        Some(Outcome::Incomplete) => "incomplete",
        Some(Outcome::Failed) => "failed",
        Some(Outcome::Cancelled) => "cancelled",
        Some(_) => "error",
        None => "truncated",
    }
}

fn item(item: &OutputItem) -> Value {
    let mut all = Map::new();
    all.insert("type".into(), item.kind().into());
    match item {
        OutputItem::Message(message) => {
            let texts = message.content.iter().filter_map(|part| part.as_text());
            insert(&mut all, "text", texts.collect::<String>().into());
            let refusals = message.content.iter().filter_map(|part| part.as_refusal());
            insert(&mut all, "refusal", refusals.collect::<String>().into());
        }
        OutputItem::Reasoning(item) => {
            let texts = item.content.iter().flatten();
            let texts: String = texts.filter_map(|part| part.as_text()).collect();
            insert(&mut all, "text", texts.into());
            let summary = item.summary.iter().filter_map(|part| part.as_text());
            insert(&mut all, "summary", summary.collect::<String>().into());
            let encrypted = item.encrypted_content.clone().unwrap_or_default();
            insert(&mut all, "encrypted", encrypted.into());
        }
        OutputItem::FunctionCall(call) => {
            all.insert("call_id".into(), call.call_id.clone().into());
            all.insert("name".into(), call.name.clone().into());
            all.insert("arguments".into(), call.arguments.clone().into());
        }
        OutputItem::CustomToolCall(call) => {
            all.insert("call_id".into(), call.call_id.clone().into());
            all.insert("name".into(), call.name.clone().into());
            all.insert("input".into(), call.input.clone().into());
        }
        _ => {}
    }
    all.into()
}

/// Inserts a value unless it is empty.
fn insert(map: &mut Map<String, Value>, key: &str, value: Value) {
    let is_empty = match &value {
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Null => true,
        _ => false,
    };
    if !is_empty {
        map.insert(key.into(), value);
    }
}

#[derive(Default)]
struct Shown {
    text: String,
    refusal: String,
    reasoning: String,
    summary: String,
    calls: Vec<Value>,
    malformed: Vec<String>,
    ended: Option<&'static str>,
    errors: Vec<String>,
}

impl Shown {
    fn poll(&mut self, updates: &mut Updates) {
        while let Some(update) = updates.poll() {
            match update {
                Update::Text { delta, .. } => self.text.push_str(delta),
                Update::Refusal { delta, .. } => self.refusal.push_str(delta),
                Update::Reasoning { delta, .. } => self.reasoning.push_str(delta),
                Update::ReasoningSummary { delta, .. } => self.summary.push_str(delta),
                Update::ToolCall { item, .. } => match item {
                    OutputItem::FunctionCall(call) => {
                        self.calls
                            .push(json!([call.call_id, call.name, call.arguments]));
                    }
                    OutputItem::CustomToolCall(call) => {
                        self.calls
                            .push(json!([call.call_id, call.name, call.input]));
                    }
                    _ => {}
                },
                Update::MalformedToolCall { item, .. } => self.malformed.push(match item {
                    OutputItem::FunctionCall(call) => call.call_id.clone(),
                    OutputItem::CustomToolCall(call) => call.call_id.clone(),
                    _ => String::new(),
                }),
                Update::Ended(ended) => self.ended = Some(outcome(Some(ended))),
                _ => {}
            }
        }
    }

    fn into_value(self) -> Value {
        let mut all = Map::new();
        insert(&mut all, "text", self.text.into());
        insert(&mut all, "refusal", self.refusal.into());
        insert(&mut all, "reasoning", self.reasoning.into());
        insert(&mut all, "summary", self.summary.into());
        insert(&mut all, "calls", self.calls.into());
        insert(&mut all, "malformed", self.malformed.into());
        insert(&mut all, "ended", self.ended.unwrap_or_default().into());
        insert(&mut all, "errors", self.errors.into());
        all.into()
    }
}

fn chat(events: &[ResponseEvent]) -> Value {
    let options = AnswerOptions::new().reasoning(ReasoningShown::Text);
    let mut translator = ToChatChunks::new(options);
    let mut all: Vec<ChatStreamEvent> = events
        .iter()
        .flat_map(|event| translator.feed(event))
        .collect();
    all.extend(translator.finish());
    let (mut content, mut refusal, mut reasoning) = (String::new(), String::new(), String::new());
    let mut calls: Vec<(String, String, String)> = Vec::new();
    let mut observed = Map::new();
    for event in all {
        match event {
            ChatStreamEvent::Chunk(chunk) => {
                for choice in &chunk.choices {
                    let delta = &choice.delta;
                    content += delta.content.as_deref().unwrap_or_default();
                    refusal += delta.refusal.as_deref().unwrap_or_default();
                    reasoning += delta.reasoning_content.as_deref().unwrap_or_default();
                    for call in delta.tool_calls.iter().flatten() {
                        let at = call.index as usize;
                        if at == calls.len() {
                            let id = call.id.clone().unwrap();
                            let name = call.given_name().unwrap();
                            calls.push((id, name.into(), String::new()));
                        }
                        calls[at].2 += &call.input_text().unwrap_or_default();
                    }
                    if let Some(reason) = &choice.finish_reason {
                        observed.insert("finish".into(), reason.as_str().into());
                    }
                }
            }
            ChatStreamEvent::Error(error) => {
                observed.insert("error".into(), error.message.clone().into());
            }
            _ => {}
        }
    }
    insert(&mut observed, "content", content.into());
    insert(&mut observed, "refusal", refusal.into());
    insert(&mut observed, "reasoning", reasoning.into());
    insert(&mut observed, "calls", json!(calls));
    observed.into()
}
