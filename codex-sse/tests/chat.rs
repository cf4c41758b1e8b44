//! Chat streams: a corpus of pairs, the sum of a stream, and the translation back.
#![cfg(feature = "chat")]

#[path = "../../codex-types/tests/support/pairs.rs"]
mod pairs;

use std::collections::BTreeMap;

use codex_sse::chat::{ChatStreamEvent, ToChatChunks, ToResponseEvents};
use codex_types::chat::translate::{AnswerOptions, to_chat_response};
use codex_types::chat::{ChatChunk, ChatResponse};
use codex_types::{
    Boxed, CustomToolCall, Delta, DeltaKind, FunctionCall, LifecycleEvent, OutputItem,
    OutputItemEvent, OutputMessage, OutputPart, OutputText, OutputTextDone, RawJson, Refusal,
    Response, ResponseEvent, Status,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use self::pairs::{answer_options, cases, text};

/// The result that a client assembles from chunks.
#[derive(Debug, Default, PartialEq)]
struct Folded {
    content: String,
    refusal: String,
    /// Kind, id, name and arguments by index.
    calls: BTreeMap<u64, [String; 4]>,
    finish_reason: Option<String>,
}

fn fold(chunks: &[Value]) -> Folded {
    let mut folded = Folded::default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for choice in chunks
        .iter()
        .flat_map(|chunk| chunk["choices"].as_array().unwrap())
    {
        let delta = &choice["delta"];
        folded.content += &text(&delta["content"]);
        folded.refusal += &text(&delta["refusal"]);
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let entry = folded
                .calls
                .entry(call["index"].as_u64().unwrap())
                .or_default();
            entry[0] += &text(&call["type"]);
            entry[1] += &text(&call["id"]);
            for (inner, arguments) in [("function", "arguments"), ("custom", "input")] {
                entry[2] += &text(&call[inner]["name"]);
                entry[3] += &text(&call[inner][arguments]);
            }
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            assert_eq!(folded.finish_reason.replace(reason.to_owned()), None);
        }
    }
    folded
}

fn folded_response(completion: &ChatResponse) -> Folded {
    let choice = serde_json::to_value(&completion.choices[0]).unwrap();
    let mut delta = choice["message"].clone();
    for (at, call) in delta["tool_calls"]
        .as_array_mut()
        .into_iter()
        .flatten()
        .enumerate()
    {
        call["index"] = json!(at);
    }
    fold(&[json!({"choices": [{"delta": delta, "finish_reason": choice["finish_reason"]}]})])
}

/// Returns the chunks of a successful stream; `None` if it ended in an error.
fn chunks(events: &[ResponseEvent]) -> Option<Vec<Value>> {
    let mut translator = ToChatChunks::new(AnswerOptions::new());
    let mut out: Vec<ChatStreamEvent> = events
        .iter()
        .flat_map(|event| translator.feed(event))
        .collect();
    out.extend(translator.finish());
    out.pop_if(|last| *last == ChatStreamEvent::Done)?;
    Some(
        out.iter()
            .map(|one| serde_json::from_str(&one.to_data()).unwrap())
            .collect(),
    )
}

#[test]
fn the_corpus_is_large_enough() {
    assert!(cases("streams").len() >= 50);
}

#[test]
fn chunks_survive_being_read_and_written() {
    for case in cases("streams") {
        let before: Value = case.get("out").unwrap().decode().unwrap();
        let chunks: Vec<ChatChunk> = case.get("out").unwrap().decode().unwrap();
        assert_eq!(
            serde_json::to_value(&chunks).unwrap(),
            before,
            "{:?}",
            case.get("name")
        );
    }
}

#[test]
fn streams() {
    for case in cases("streams") {
        let name = text(&case, "name").unwrap();
        let events: Vec<RawJson> = case.get("in").unwrap().decode().unwrap();
        let mut chunks = ToChatChunks::new(answer_options(&case));
        let mut out = Vec::new();
        for event in &events {
            out.extend(chunks.feed(&ResponseEvent::from_json(event.as_str()).unwrap()));
        }
        out.extend(chunks.finish());
        let is_good = out.pop_if(|last| *last == ChatStreamEvent::Done).is_some();
        let written: Vec<Value> = out
            .iter()
            .map(|one| serde_json::from_str(&one.to_data()).unwrap())
            .collect();
        assert_eq!(
            Value::Array(written),
            case.get("out").unwrap().decode::<Value>().unwrap(),
            "{name}"
        );
        let ends_in_error = matches!(out.last(), Some(ChatStreamEvent::Error(_)));
        assert_ne!(
            is_good, ends_in_error,
            "{name}: [DONE] comes after good streams only"
        );
    }
}

#[test]
fn the_bytes_of_a_stream_are_those_of_its_chunks() {
    for case in cases("streams") {
        let name = text(&case, "name").unwrap();
        let events: Vec<RawJson> = case.get("in").unwrap().decode().unwrap();
        let mut chunks = ToChatChunks::new(answer_options(&case));
        let (mut written, mut bytes) = (chunks.clone(), Vec::new());
        let mut frames = String::new();
        let mut list = |events: Vec<ChatStreamEvent>| {
            for event in events {
                frames.push_str(&format!("data: {}\n\n", event.to_data()));
            }
        };
        for event in &events {
            let event = ResponseEvent::from_json(event.as_str()).unwrap();
            list(chunks.feed(&event));
            written.feed_into(&event, &mut bytes);
        }
        list(chunks.finish());
        written.finish_into(&mut bytes);
        assert_eq!(String::from_utf8(bytes).unwrap(), frames, "{name}");
    }
}

#[test]
fn streams_survive_translation_there_and_back() {
    let mut count = 0;
    for case in cases("streams") {
        let events: Vec<RawJson> = case.get("in").unwrap().decode().unwrap();
        let events: Vec<ResponseEvent> = events
            .iter()
            .map(|event| ResponseEvent::from_json(event.as_str()).unwrap())
            .collect();
        let Some(there) = chunks(&events) else {
            continue;
        };
        let mut translator = ToResponseEvents::new();
        let mut back: Vec<ResponseEvent> = there
            .iter()
            .flat_map(|chunk| {
                translator
                    .feed(&serde_json::from_value(chunk.clone()).unwrap())
                    .unwrap()
            })
            .collect();
        back.extend(translator.finish());
        let numbers: Vec<u64> = back
            .iter()
            .filter_map(ResponseEvent::sequence_number)
            .collect();
        assert!(
            numbers.iter().copied().eq(0..back.len() as u64),
            "{numbers:?}"
        );
        let again = chunks(&back).unwrap();
        assert_eq!(fold(&again), fold(&there), "{:?}", case.get("name"));
        let last = back.last().and_then(ResponseEvent::response).unwrap();
        let completion = to_chat_response(last, &AnswerOptions::new()).unwrap();
        assert_eq!(
            folded_response(&completion),
            fold(&there),
            "{:?}",
            case.get("name")
        );
        count += 1;
    }
    assert!(count > 40, "{count}");
}

#[test]
fn a_chat_stream_that_breaks_off_is_no_success() {
    let mut translator = ToResponseEvents::new();
    let chunk = r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"A"}}]}"#;
    translator
        .feed(&serde_json::from_str(chunk).unwrap())
        .unwrap();
    let events = translator.finish();
    assert!(
        matches!(&events[..], [ResponseEvent::Failed(_)]),
        "{events:?}"
    );
    assert!(translator.finish().is_empty());
}

/// One item of a response, and the part of it that the stream contains.
#[derive(Clone, Debug)]
struct Told {
    item: OutputItem,
    /// The lengths of its deltas; empty if the text arrives whole.
    cuts: Vec<usize>,
    is_added: bool,
    has_deltas: bool,
    is_done: bool,
}

fn told() -> impl Strategy<Value = Told> {
    let text = "[a-zäö€😀\"\\\\ ]{0,12}";
    let item = prop_oneof![
        text.prop_map(|text| {
            let part = OutputPart::Text(OutputText::new(text));
            message(part).into()
        }),
        text.prop_map(|text| message(Refusal::new(text).into()).into()),
        text.prop_map(|text| FunctionCall::new("", "f", text).into()),
        text.prop_map(|text| CustomToolCall::new("", "p", text).into()),
    ];
    (
        item,
        prop::collection::vec(1..4_usize, 0..6),
        any::<[bool; 3]>(),
    )
        .prop_map(|(item, cuts, [is_added, has_deltas, is_done])| Told {
            item,
            cuts,
            is_added,
            has_deltas,
            is_done,
        })
}

fn message(part: OutputPart) -> OutputMessage {
    let mut message = OutputMessage::text("", "");
    message.content = vec![part];
    message
}

/// Returns the text of an item, and the kind of its deltas.
fn words(item: &OutputItem) -> (String, DeltaKind) {
    match item {
        OutputItem::Message(message) => match &message.content[0] {
            OutputPart::Refusal(part) => (part.refusal.clone(), DeltaKind::Refusal),
            part => (part.as_text().unwrap().to_owned(), DeltaKind::OutputText),
        },
        OutputItem::FunctionCall(call) => {
            (call.arguments.clone(), DeltaKind::FunctionCallArguments)
        }
        OutputItem::CustomToolCall(call) => (call.input.clone(), DeltaKind::CustomToolCallInput),
        other => panic!("{other:?}"),
    }
}

/// Returns the events of one item, in order.
fn events_of(told: &Told, at: u32) -> Vec<ResponseEvent> {
    let (text, kind) = words(&told.item);
    let id = format!("item_{at}");
    let mut events = Vec::new();
    if told.is_added {
        let mut begun = told.item.clone();
        match &mut begun {
            OutputItem::Message(message) => message.content.clear(),
            OutputItem::FunctionCall(call) => call.arguments.clear(),
            OutputItem::CustomToolCall(call) => call.input.clear(),
            _ => {}
        }
        events.push(ResponseEvent::OutputItemAdded(item_event(begun, at)));
    }
    if told.has_deltas {
        let mut rest: Vec<char> = text.chars().collect();
        let cuts = told
            .cuts
            .iter()
            .copied()
            .chain(core::iter::repeat(usize::MAX));
        for cut in cuts {
            if rest.is_empty() {
                break;
            }
            let piece: String = rest.drain(..cut.min(rest.len())).collect();
            events.push(ResponseEvent::of_delta(Delta::new(kind, &id, at, &piece)));
        }
        if kind == DeltaKind::OutputText {
            let mut done = OutputTextDone::default();
            done.item_id = id;
            done.output_index = Some(at);
            done.content_index = Some(0);
            done.text = text;
            events.push(ResponseEvent::OutputTextDone(done.into()));
        }
    }
    if told.is_done {
        events.push(ResponseEvent::OutputItemDone(item_event(
            told.item.clone(),
            at,
        )));
    }
    events
}

fn item_event(item: OutputItem, at: u32) -> Boxed<OutputItemEvent> {
    let mut event = OutputItemEvent::default();
    event.item = item;
    event.output_index = Some(at);
    event.into()
}

proptest! {
    /// Whatever a stream contains or omits, and however its items interleave: texts in the
    /// order of their items, and calls each as a whole, add up to the translated final response.
    #[test]
    fn a_stream_adds_up_to_its_final_response(
        mut items in prop::collection::vec(told(), 0..6),
        turns in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
    ) {
        let mut response = Response::new("resp_1", Status::Completed);
        response.model = "m".into();
        for (at, told) in items.iter_mut().enumerate() {
            let id = format!("item_{at}");
            match &mut told.item {
                OutputItem::Message(message) => message.id = Some(id),
                OutputItem::FunctionCall(call) => {
                    call.id = Some(id);
                    call.call_id = format!("call_{at}");
                }
                OutputItem::CustomToolCall(call) => {
                    call.id = Some(id);
                    call.call_id = format!("call_{at}");
                }
                _ => {}
            }
            response.output.push(told.item.clone());
        }
        // Messages keep their order; calls are begun in order, and then anything may be next.
        let mut queues: Vec<std::collections::VecDeque<ResponseEvent>> = Vec::new();
        let mut events = Vec::new();
        for (at, told) in (0..).zip(&items) {
            let told_events = events_of(told, at);
            if matches!(told.item, OutputItem::Message(_)) {
                events.extend(told_events);
            } else {
                queues.push(told_events.into());
            }
        }
        // All items begin before any of them continues.
        for queue in &mut queues {
            if matches!(queue.front(), Some(ResponseEvent::OutputItemAdded(_))) {
                events.extend(queue.pop_front());
            }
        }
        for turn in turns {
            queues.retain(|queue| !queue.is_empty());
            if queues.is_empty() {
                break;
            }
            let at = turn.index(queues.len());
            events.extend(queues[at].pop_front());
        }
        events.extend(queues.into_iter().flatten());
        let mut end = LifecycleEvent::default();
        end.response = response.clone();
        events.push(ResponseEvent::Completed(end.into()));

        let folded = fold(&chunks(&events).unwrap());
        let expected = folded_response(&to_chat_response(&response, &AnswerOptions::new()).unwrap());
        // Calls that were not begun in the order of the output have other indexes: compare by id.
        let by_id = |folded: &Folded| {
            let mut calls: Vec<_> = folded.calls.values().cloned().collect();
            calls.sort();
            calls
        };
        prop_assert_eq!(by_id(&folded), by_id(&expected));
        prop_assert_eq!(folded.finish_reason, expected.finish_reason);
        // A message without any event comes after the others.
        let all_told = items.iter().all(|told| told.has_deltas || told.is_done);
        if all_told {
            prop_assert_eq!(folded.content, expected.content);
            prop_assert_eq!(folded.refusal, expected.refusal);
        } else {
            prop_assert_eq!(folded.content.len(), expected.content.len());
        }
    }
}
