//! The law of the accumulator (L6): the same response is assembled whichever of the protocol's
//! sources carry it, and shown once.
#![cfg(feature = "events")]

use codex_sse::{Accumulator, ErrorKind, Outcome, Update, Updates};
use codex_types::{CallFault, OutputItem, ResponseEvent};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

#[derive(Clone, Debug)]
enum Item {
    Message(Vec<String>),
    Reasoning(Vec<String>),
    Call(String),
}

/// The sources that carry an item; an item without a source does not exist.
#[derive(Clone, Copy, Debug)]
struct Sources {
    added: bool,
    deltas: bool,
    text_done: bool,
    item_done: bool,
    repeated: bool,
}

impl Item {
    fn json(&self, index: usize, whole: bool) -> Value {
        let texts = |texts: &[String], kind: &str| -> Value {
            let part = |text: &String| match kind {
                "output_text" => json!({"type": kind, "text": text, "annotations": []}),
                _ => json!({"type": kind, "text": text}),
            };
            if whole {
                texts.iter().map(part).collect()
            } else {
                json!([])
            }
        };
        let status = if whole { "completed" } else { "in_progress" };
        match self {
            Self::Message(parts) => json!({
                "type": "message", "id": format!("msg_{index}"), "role": "assistant", "status": status,
                "content": texts(parts, "output_text"),
            }),
            Self::Reasoning(parts) => json!({
                "type": "reasoning", "id": format!("rs_{index}"), "summary": texts(parts, "summary_text"),
            }),
            Self::Call(arguments) => json!({
                "type": "function_call", "id": format!("fc_{index}"), "call_id": format!("call_{index}"), "name": "look_up",
                "arguments": if whole { arguments } else { "" }, "status": status,
            }),
        }
    }

    /// Returns the events of the item, in order.
    fn events(&self, index: usize, sources: Sources) -> Vec<Value> {
        let mut events = Vec::new();
        let id = self.json(index, false)["id"].clone();
        if sources.added {
            events.push(json!({"type": "response.output_item.added", "output_index": index, "item": self.json(index, false)}));
        }
        let (name, key, whole_key, texts): (_, _, _, &[String]) = match self {
            Self::Message(parts) => ("output_text", "content_index", "text", parts),
            Self::Reasoning(parts) => ("reasoning_summary_text", "summary_index", "text", parts),
            Self::Call(arguments) => (
                "function_call_arguments",
                "content_index",
                "arguments",
                core::slice::from_ref(arguments),
            ),
        };
        for (part, text) in texts.iter().enumerate() {
            if sources.deltas {
                let letters: Vec<char> = text.chars().collect();
                for piece in letters.chunks(3) {
                    let delta: String = piece.iter().collect();
                    events.push(json!({
                        "type": format!("response.{name}.delta"), "item_id": id, "output_index": index, key: part, "delta": delta,
                    }));
                }
            }
            if sources.text_done {
                events.push(json!({
                    "type": format!("response.{name}.done"), "item_id": id, "output_index": index, key: part, whole_key: text,
                }));
            }
        }
        if sources.item_done {
            let done = json!({"type": "response.output_item.done", "output_index": index, "item": self.json(index, true)});
            events.extend(core::iter::repeat_n(
                done,
                1 + usize::from(sources.repeated),
            ));
        }
        events
    }

    fn texts(&self) -> Vec<String> {
        match self {
            Self::Message(parts) | Self::Reasoning(parts) => parts.clone(),
            Self::Call(arguments) => vec![arguments.clone()],
        }
    }
}

fn texts_of(item: &OutputItem) -> Vec<String> {
    match item {
        OutputItem::Message(item) => item
            .content
            .iter()
            .filter_map(|part| part.as_text())
            .map(str::to_owned)
            .collect(),
        OutputItem::Reasoning(item) => item
            .summary
            .iter()
            .filter_map(|part| part.as_text())
            .map(str::to_owned)
            .collect(),
        OutputItem::FunctionCall(item) => vec![item.arguments.clone()],
        _ => Vec::new(),
    }
}

fn event(json: &Value) -> ResponseEvent {
    ResponseEvent::from_json(&json.to_string()).unwrap()
}

fn item() -> impl Strategy<Value = Item> {
    let text = "[a-zé\"\\\\{}]{1,12}";
    prop_oneof![
        vec(text, 1..3).prop_map(Item::Message),
        vec(text, 1..3).prop_map(Item::Reasoning),
        "[a-z\"]{0,8}".prop_map(|text| Item::Call(json!({"query": text}).to_string())),
    ]
}

fn sources() -> impl Strategy<Value = Sources> {
    any::<[bool; 5]>().prop_map(|[added, deltas, text_done, item_done, repeated]| Sources {
        added,
        deltas,
        text_done,
        item_done,
        repeated,
    })
}

/// Merges the events of the items in the order that the numbers give; the events of each item stay
/// in order.
fn interleave(mut streams: Vec<Vec<Value>>, choices: &[usize]) -> Vec<Value> {
    let mut events = Vec::new();
    let mut choices = choices.iter().cycle();
    streams.iter_mut().for_each(|stream| stream.reverse());
    while streams.iter().any(|stream| !stream.is_empty()) {
        let open: Vec<usize> = (0..streams.len())
            .filter(|index| !streams[*index].is_empty())
            .collect();
        let choice = open[choices.next().unwrap() % open.len()];
        events.extend(streams[choice].pop());
    }
    events
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 8 } else { 2000 }))]

    #[test]
    fn any_sources_give_the_same_response_once(
        items in vec((item(), sources()), 1..5),
        choices in vec(0..8_usize, 1..20),
        envelope in any::<bool>(),
        numbered in any::<bool>(),
        repeat in any::<prop::sample::Index>(),
    ) {
        // At least one source must carry each value.
        let items: Vec<(Item, Sources)> = items
            .into_iter()
            .map(|(item, mut sources)| {
                sources.item_done |= !envelope && !sources.deltas && !sources.text_done;
                (item, sources)
            })
            .collect();
        let streams = items.iter().enumerate().map(|(index, (item, sources))| item.events(index, *sources)).collect();
        let mut events = interleave(streams, &choices);
        events.insert(0, json!({"type": "response.created", "response": {"id": "resp_1", "status": "in_progress", "output": []}}));
        let output: Vec<Value> = items.iter().enumerate().map(|(index, (item, _))| item.json(index, true)).collect();
        let output = if envelope { output } else { Vec::new() };
        events.push(json!({"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": output}}));
        let mut resumed_at = None;
        if numbered {
            for (number, event) in events.iter_mut().enumerate() {
                event["sequence_number"] = number.into();
            }
            // A resumed stream repeats a part of the earlier events.
            if events.len() > 3 {
                let from = 1 + repeat.index(events.len() - 2);
                let again = events[from - 1].clone();
                events.insert(from, again.clone());
                let last = events.len() - 1;
                events.insert(last, again);
                resumed_at = Some(from);
            }
        }
        events.push(json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "late"}));

        let mut updates = Updates::new();
        let mut shown: Vec<(u32, u32, String)> = Vec::new();
        let mut calls = 0;
        let mut ended = 0;
        for (at, json) in events.iter().enumerate() {
            if Some(at) == resumed_at {
                updates.resume();
            }
            updates.feed(&event(json)).unwrap();
            while let Some(update) = updates.poll() {
                match update {
                    Update::Text { output_index, part, delta, snapshot, .. } | Update::ReasoningSummary { output_index, part, delta, snapshot, .. } => {
                        match shown.iter_mut().find(|(index, place, _)| (*index, *place) == (output_index, part)) {
                            Some((.., text)) => text.push_str(delta),
                            None => shown.push((output_index, part, delta.to_owned())),
                        }
                        let (.., text) = shown.iter().find(|(index, place, _)| (*index, *place) == (output_index, part)).unwrap();
                        prop_assert_eq!(text, snapshot);
                    }
                    Update::ToolCall { .. } => calls += 1,
                    Update::MalformedToolCall { reason, .. } => prop_assert_eq!(reason, CallFault::Unaddressed),
                    Update::Ended(outcome) => {
                        prop_assert_eq!(outcome, Outcome::Completed);
                        ended += 1;
                    }
                    _ => {}
                }
            }
        }
        prop_assert_eq!(ended, 1);
        let response = updates.snapshot();
        prop_assert_eq!(response.output.len(), items.len());
        for (index, (item, sources)) in items.iter().enumerate() {
            prop_assert_eq!(texts_of(&response.output[index]), item.texts());
            if matches!(item, Item::Call(_)) {
                prop_assert!(calls > 0 || !(envelope || sources.added || sources.item_done));
            } else {
                for (part, text) in item.texts().iter().enumerate() {
                    let found = shown.iter().find(|(at, place, _)| (*at as usize, *place as usize) == (index, part));
                    prop_assert_eq!(found.map(|(.., text)| text), Some(text));
                }
            }
        }
        let whole_calls = items.iter().filter(|(item, sources)| {
            matches!(item, Item::Call(_)) && (envelope || sources.added || sources.item_done)
        });
        prop_assert_eq!(calls, whole_calls.count());
    }

    /// Whatever the indexes and ids are, nothing panics and nothing hangs.
    #[test]
    fn nonsense_is_survived(
        events in vec((0..12_usize, any::<u32>(), any::<u32>(), "[ab]?", any::<u64>()), 0..40),
    ) {
        let mut accumulator = Accumulator::new();
        for (kind, output_index, part, id, number) in events {
            let json = match kind {
                0 => json!({"type": "response.output_text.delta", "item_id": id, "output_index": output_index, "content_index": part, "delta": "x"}),
                1 => json!({"type": "response.output_text.done", "item_id": id, "output_index": output_index % 2, "content_index": part % 3, "text": "y"}),
                2 => json!({"type": "response.function_call_arguments.delta", "item_id": id, "output_index": output_index % 2, "delta": "{"}),
                3 => json!({"type": "response.output_item.added", "output_index": output_index % 3, "item": {"type": "message", "id": id, "content": []}}),
                4 => json!({"type": "response.output_item.done", "output_index": output_index % 3, "item": {"type": "reasoning", "id": id, "summary": []}}),
                5 => json!({"type": "response.shell_call_command.delta", "output_index": output_index % 3, "command_index": part, "delta": "ls"}),
                6 => json!({"type": "response.shell_call_output_content.done", "item_id": id, "output_index": output_index % 3, "command_index": part % 3, "output": [{}, {}]}),
                7 => json!({"type": "response.output_text.annotation.added", "item_id": id, "output_index": output_index % 3, "content_index": part % 2, "annotation_index": part, "annotation": {"type": "url_citation"}}),
                8 => json!({"type": "response.content_part.done", "item_id": id, "output_index": output_index % 3, "content_index": part % 3, "part": {"type": "refusal", "refusal": "no"}}),
                9 => json!({"type": "response.reasoning_summary_text.delta", "item_id": id, "output_index": output_index % 3, "summary_index": part, "delta": "z", "sequence_number": number}),
                10 => json!({"type": "response.in_progress", "response": {"id": id, "output": [{"type": "message", "content": []}]}}),
                _ => json!({"type": "response.output_item.done", "item": null}),
            };
            accumulator.push(&event(&json)).unwrap();
        }
    }
}

fn fold(events: &[Value]) -> Accumulator {
    let mut accumulator = Accumulator::new();
    for json in events {
        accumulator.push(&event(json)).unwrap();
    }
    accumulator
}

fn delta(index: u32, text: &str) -> Value {
    json!({"type": "response.output_text.delta", "item_id": "msg_1", "output_index": index, "content_index": 0, "delta": text})
}

#[test]
fn failed_and_error_keep_what_came() {
    let failed = json!({"type": "response.failed", "response": {"id": "resp_1", "status": "failed", "error": {"code": "server_error", "message": "broken"}, "output": []}});
    let accumulator = fold(&[delta(0, "par"), failed]);
    assert_eq!(accumulator.outcome(), Some(Outcome::Failed));
    assert_eq!(accumulator.snapshot().output_text(), "par");

    let error = json!({"type": "error", "code": "rate_limit_exceeded", "message": "slow down", "param": null});
    let accumulator = fold(&[delta(0, "par"), error]);
    assert_eq!(accumulator.outcome(), Some(Outcome::Error));
    assert_eq!(
        accumulator.snapshot().error.as_ref().unwrap().message,
        "slow down"
    );
    assert_eq!(accumulator.clone().into_response(), None);
    assert_eq!(accumulator.into_partial().output_text(), "par");
}

/// Items with the same text are different items if both their ids and their indexes differ.
#[test]
fn equal_texts_do_not_make_one_item() {
    let thought = json!({"type": "response.output_item.done", "output_index": 0, "item": {"type": "reasoning", "id": "rs_0", "summary": [{"type": "summary_text", "text": "so"}]}});
    let part = |kind: &str, key: &str| json!({"type": format!("response.reasoning_summary_text.{kind}"), "item_id": "rs_1", "output_index": 1, "summary_index": 0, key: "so"});
    let thoughts = fold(&[part("delta", "delta"), part("done", "text"), thought]);
    let ids = |accumulator: &Accumulator| -> Vec<Option<String>> {
        let output = accumulator.snapshot().output.iter();
        output.map(|item| item.id().map(str::to_owned)).collect()
    };
    let wanted = |ids: [&str; 2]| ids.map(|id| Some(id.to_owned())).to_vec();
    assert_eq!(ids(&thoughts), wanted(["rs_0", "rs_1"]));

    let arguments = json!({"type": "response.function_call_arguments.done", "item_id": "fc_0", "output_index": 0, "arguments": "{}"});
    let call = json!({"type": "response.output_item.done", "output_index": 1, "item": {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "list", "arguments": "{}", "status": "completed"}});
    let calls = fold(&[arguments, call]);
    assert_eq!(ids(&calls), wanted(["fc_0", "fc_1"]));
}

#[test]
fn incomplete_cuts_open_calls() {
    let mut updates = Updates::new();
    let added = json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "delete", "arguments": "", "status": "in_progress"}});
    let delta = json!({"type": "response.function_call_arguments.delta", "item_id": "fc_1", "output_index": 0, "delta": "{}"});
    let end = json!({"type": "response.incomplete", "response": {"id": "resp_1", "status": "incomplete", "output": []}});
    let mut views = Vec::new();
    for json in [added, delta, end] {
        updates.feed(&event(&json)).unwrap();
        while let Some(update) = updates.poll() {
            views.push(match update {
                Update::ToolCallStarted { .. } => "started".to_owned(),
                Update::ToolCallPreview { snapshot, .. } => format!("preview {snapshot}"),
                Update::MalformedToolCall { raw, reason, .. } => format!("{reason:?} {raw}"),
                Update::Ended(outcome) => format!("{outcome:?}"),
                other => format!("unexpected {other:?}"),
            });
        }
    }
    assert_eq!(
        views,
        ["started", "preview {}", "Unfinished {}", "Incomplete"]
    );
}

#[test]
fn arguments_that_are_not_json_are_never_delivered() {
    let mut updates = Updates::new();
    let done = json!({"type": "response.output_item.done", "output_index": 0, "item": {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "delete", "arguments": "{\"path\":", "status": "completed"}});
    updates.feed(&event(&done)).unwrap();
    let mut reasons = Vec::new();
    while let Some(update) = updates.poll() {
        match update {
            Update::MalformedToolCall { raw, reason, .. } => reasons.push((raw.to_owned(), reason)),
            Update::ToolCall { .. } => panic!("arguments cut in the middle were handed out"),
            _ => {}
        }
    }
    assert_eq!(reasons, [("{\"path\":".to_owned(), CallFault::InvalidJson)]);
}

#[test]
fn a_done_that_contradicts_what_was_shown_is_an_error_of_its_own() {
    let mut updates = Updates::new();
    let done = json!({"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "Hullo"});
    updates.feed(&event(&delta(0, "Hell"))).unwrap();
    updates.skip();
    let error = updates.feed(&event(&done)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Contradiction);
    assert!(!error.is_fatal());
    assert_eq!(
        error.to_string(),
        "a full text contradicts the deltas before it"
    );
    assert_eq!(updates.snapshot().output_text(), "Hullo");
    assert!(updates.poll().is_none());
}

#[test]
fn white_space_that_a_whole_lacks_at_its_end_is_no_difference() {
    let done = |text: &str| json!({"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": text});
    let mut accumulator = Accumulator::new();
    let last = json!({"type": "response.completed", "response": {"id": "resp_1", "output": [{"type": "message", "id": "msg_final",
        "role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]}]}});
    for event in [delta(0, "Hello \n"), done("Hello"), last] {
        accumulator.push(&self::event(&event)).unwrap();
    }
    assert_eq!(accumulator.snapshot().output.len(), 1);
    assert_eq!(accumulator.snapshot().output_text(), "Hello \n");
    assert!(accumulator.diagnostics().is_empty());
}

#[test]
fn white_space_that_was_lost_within_a_text_is_a_difference() {
    let mut lost = delta(0, "\n");
    lost["item_id"] = "msg_1".into();
    let accumulator = fold(&[
        lost,
        json!({"type": "response.completed", "response": {"id": "resp_1", "status": "completed",
            "output": [{"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "\u{c}\n"}]}]}}),
    ]);
    assert_eq!(accumulator.snapshot().output_text(), "\u{c}\n");
    let kinds = accumulator
        .diagnostics()
        .iter()
        .map(|diagnostic| diagnostic.kind);
    assert!(kinds.eq([codex_sse::DiagnosticKind::TextContradicted]));
}

#[test]
fn the_lost_end_of_a_text_is_supplied_once() {
    let mut updates = Updates::new();
    let done = json!({"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "Hello"});
    let mut shown = String::new();
    for json in [delta(0, "Hell"), done.clone(), done] {
        updates.feed(&event(&json)).unwrap();
        while let Some(update) = updates.poll() {
            if let Update::Text { delta, .. } = update {
                shown.push_str(delta);
            }
        }
    }
    assert_eq!(shown, "Hello");
}

#[test]
fn a_part_is_its_own_although_its_text_equals_all_parts_joined() {
    let of = |kind: &str, part: usize, key: &str, text: &str| {
        json!({"type": format!("response.output_text.{kind}"), "item_id": "msg_0", "output_index": 0,
            "content_index": part, key: text})
    };
    let folded = fold(&[
        of("delta", 0, "delta", "a"),
        of("done", 0, "text", "a"),
        // The second delta was lost.
        of("delta", 1, "delta", "a"),
        of("done", 1, "text", "aa"),
        json!({"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": []}}),
    ]);
    let item = &folded.snapshot().output[0];
    assert_eq!(texts_of(item), ["a", "aa"]);
}

#[test]
fn parts_that_lost_all_their_deltas_are_told_from_those_that_did_not() {
    let piece = json!({"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 1, "delta": "wor"});
    let part = |text: &str| json!({"type": "output_text", "text": text, "annotations": []});
    let item = json!({"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [part("Hello "), part("world")]});
    let without = json!({"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [part("Hello "), part("")]});
    let done = |item: &Value| json!({"type": "response.output_item.done", "output_index": 0, "item": item});
    let end = |item: &Value| json!({"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": [item]}});
    for (whole, shown, text) in [
        (
            done(&item),
            ["1+wor", "0+Hello ", "1+ld"].as_slice(),
            "Hello world",
        ),
        (end(&item), &["1+wor", "0+Hello ", "1+ld"], "Hello world"),
        (done(&without), &["1+wor", "0+Hello "], "Hello wor"),
        (end(&without), &["1+wor", "0+Hello "], "Hello wor"),
    ] {
        let mut updates = Updates::new();
        let mut views = Vec::new();
        for json in [&piece, &whole] {
            updates.feed(&event(json)).unwrap();
            while let Some(update) = updates.poll() {
                if let Update::Text { part, delta, .. } = update {
                    views.push(format!("{part}+{delta}"));
                }
            }
        }
        assert_eq!(views, shown, "{whole}");
        assert_eq!(updates.snapshot().output_text(), text, "{whole}");
    }
}

#[test]
fn parts_that_contradict_the_whole_are_met_by_their_indexes() {
    let piece = |index: u32| json!({"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": index, "delta": "bb"});
    let part = |text: &str| json!({"type": "output_text", "text": text, "annotations": []});
    let whole = json!({"type": "response.output_item.done", "output_index": 0, "item": {"type": "message", "id": "m", "role": "assistant",
        "content": [part("abb"), part("bbb")]}});
    let accumulator = fold(&[piece(0), piece(1), whole]);
    assert_eq!(texts_of(&accumulator.snapshot().output[0]), ["abb", "bbb"]);
}

#[test]
fn a_part_whose_first_delta_was_lost_is_not_taken_for_the_next() {
    let piece = json!({"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": "bb"});
    let part = |text: &str| json!({"type": "output_text", "text": text, "annotations": []});
    let whole = json!({"type": "response.output_item.done", "output_index": 0, "item": {"type": "message", "id": "m", "role": "assistant",
        "content": [part("abb"), part("bbc")]}});
    let mut updates = Updates::new();
    updates.feed(&event(&piece)).unwrap();
    updates.skip();
    let error = updates.feed(&event(&whole)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Contradiction);
    let second = updates.poll();
    assert!(matches!(
        second,
        Some(Update::Text {
            part: 1,
            delta: "bbc",
            snapshot: "bbc",
            ..
        })
    ));
    assert_eq!(texts_of(&updates.snapshot().output[0]), ["abb", "bbc"]);
}

#[test]
fn parts_counted_otherwise_than_in_the_whole_are_met_in_order() {
    let piece = json!({"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 7, "delta": "Hel"});
    let done = json!({"type": "response.output_item.done", "output_index": 0, "item": {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "Hello", "annotations": []}]}});
    let mut updates = Updates::new();
    let mut shown = String::new();
    for json in [piece, done] {
        updates.feed(&event(&json)).unwrap();
        while let Some(update) = updates.poll() {
            if let Update::Text { delta, .. } = update {
                shown.push_str(delta);
            }
        }
    }
    assert_eq!(shown, "Hello");
    assert_eq!(updates.snapshot().output_text(), "Hello");
}

#[test]
fn ids_that_change_from_event_to_event_do_not_tear_an_item() {
    let piece = |id: &str, text: &str| json!({"type": "response.output_text.delta", "item_id": id, "output_index": 0, "content_index": 0, "delta": text});
    let done = json!({"type": "response.output_item.done", "output_index": 0, "item": {"type": "message", "id": "c", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "ab", "annotations": []}]}});
    let accumulator = fold(&[piece("a", "a"), piece("b", "b"), done]);
    assert_eq!(accumulator.snapshot().output.len(), 1);
    assert_eq!(accumulator.snapshot().output_text(), "ab");
}

#[test]
fn a_server_that_gives_every_item_the_same_index_loses_nothing() {
    let done = |id: &str, text: &str| json!({"type": "response.output_item.done", "output_index": 0, "item": {"type": "message", "id": id, "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": text, "annotations": []}]}});
    let accumulator = fold(&[done("a", "one"), done("b", "two")]);
    assert_eq!(accumulator.snapshot().output_text(), "onetwo");
}

#[test]
fn the_same_number_with_every_event_is_no_number() {
    let numbered = |json: Value| {
        let mut json = json;
        json["sequence_number"] = 0.into();
        json
    };
    let created = json!({"type": "response.created", "response": {"id": "resp_1"}});
    let accumulator = fold(&[created, delta(0, "a"), delta(0, "b"), delta(0, "b")].map(numbered));
    assert_eq!(accumulator.snapshot().output_text(), "abb");
}

#[test]
fn the_limit_counts_text_and_stops_before_it_is_passed() {
    const LIMIT: usize = 800;
    let mut accumulator = Accumulator::with_limit(LIMIT);
    accumulator.push(&event(&delta(0, "abc"))).unwrap();
    let long = "d".repeat(LIMIT);
    let error = accumulator.push(&event(&delta(0, &long))).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the response is larger than the limit of {} bytes", LIMIT)
    );
    assert_eq!(accumulator.snapshot().output_text(), "abc");
}

#[test]
fn a_resumed_stream_is_not_doubled() {
    let numbered = |number: u64, text: &str| {
        let mut json = delta(0, text);
        json["sequence_number"] = number.into();
        json
    };
    let mut accumulator = fold(&[numbered(4, "a"), numbered(5, "b"), numbered(6, "c")]);
    accumulator.resume();
    for json in [numbered(5, "b"), numbered(6, "c"), numbered(7, "d")] {
        accumulator.push(&event(&json)).unwrap();
    }
    assert_eq!(accumulator.snapshot().output_text(), "abcd");
    assert_eq!(accumulator.last_sequence_number(), Some(7));
}

#[test]
fn what_is_repeated_may_end_with_the_last_event() {
    let created = json!({"type": "response.created", "sequence_number": 0, "response": {"id": "resp_1", "output": []}});
    let mut only = delta(0, "once");
    only["sequence_number"] = 1.into();
    let events = [created, only];
    let mut accumulator = fold(&events);
    for _ in 0..2 {
        accumulator.resume();
        for json in &events {
            accumulator.push(&event(json)).unwrap();
        }
    }
    assert_eq!(accumulator.snapshot().output_text(), "once");
}
