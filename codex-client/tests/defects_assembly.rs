//! Mistakes in assembling calls and reasoning from events, without an exchange. `defects.rs` has
//! those that need one.

use codex_sse::{Update, Updates};
use codex_types::{OutputItem, Response, ResponseEvent};
use serde_json::{Value, json};

use crate::kit::completed;

/// D5: the event determines the source of a segment of arguments, which is never guessed from the
/// beginning of the text.
#[test]
fn arguments_that_repeat_themselves_are_counted_once() {
    let mut arguments = "1".to_owned();
    for _ in 0..4 {
        arguments = format!(r#"{{"a":{arguments}}}"#);
        for first in 0..=arguments.len() {
            for second in first..=arguments.len() {
                let mut events = vec![item_added(call("", "in_progress"))];
                events.extend(
                    [
                        &arguments[..first],
                        &arguments[first..second],
                        &arguments[second..],
                    ]
                    .map(arguments_delta),
                );
                events.push(arguments_done(&arguments));
                events.push(item_done(call(&arguments, "completed")));
                events.push(completed("resp_1", [call(&arguments, "completed")]));
                let (shown, calls, response) = updates_of(&events);
                let case = format!("{arguments} cut at {first} and {second}");
                assert_eq!(shown, arguments, "{case}");
                assert_eq!(calls, [arguments.as_str()], "{case}");
                let kept: Vec<_> = response
                    .function_calls()
                    .map(|call| call.arguments.as_str())
                    .collect();
                assert_eq!(kept, [arguments.as_str()], "{case}");
            }
        }
    }
}

/// The arguments as they grew, the calls to run, and the response.
fn updates_of(events: &[String]) -> (String, Vec<String>, Response) {
    let mut updates = Updates::new();
    let (mut shown, mut calls) = (String::new(), Vec::new());
    for json in events {
        let event = ResponseEvent::from_json(json).expect("an event");
        updates.feed(&event).expect("within the limits");
        while let Some(update) = updates.poll() {
            match update {
                Update::ToolCallPreview { delta, .. } => shown.push_str(delta),
                Update::ToolCall {
                    item: OutputItem::FunctionCall(call),
                    ..
                } => calls.push(call.arguments.clone()),
                Update::ToolCallStarted { .. } | Update::Ended(_) => {}
                other => panic!("unexpected: {other:?}"),
            }
        }
    }
    let response = updates.into_accumulator().into_response();
    (shown, calls, response.expect("a response"))
}

/// F108: reasoning is shown once, whether it arrives in deltas, whole or both.
#[test]
fn reasoning_in_pieces_or_whole_is_shown_once() {
    let place = |kind: &str, key: &str, text: &str| {
        let kind = format!("response.reasoning_text.{kind}");
        json!({"type": kind, "item_id": "rs_1", "output_index": 0, "content_index": 0, key: text})
            .to_string()
    };
    let pieces = || {
        vec![
            place("delta", "delta", "First, "),
            place("delta", "delta", "then."),
        ]
    };
    let whole = || vec![place("done", "text", "First, then.")];
    for events in [pieces(), whole(), [pieces(), whole()].concat()] {
        let item = json!({"type": "reasoning", "id": "rs_1", "summary": []});
        let mut updates = Updates::new();
        let mut shown = String::new();
        for json in [
            vec![item_added(item.clone())],
            events,
            vec![item_done(item)],
        ]
        .concat()
        {
            let event = ResponseEvent::from_json(&json).expect("an event");
            updates.feed(&event).expect("within the limits");
            while let Some(update) = updates.poll() {
                match update {
                    Update::Reasoning { delta, .. } => shown.push_str(delta),
                    Update::ItemDone { .. } => {}
                    other => panic!("unexpected: {other:?}"),
                }
            }
        }
        assert_eq!(shown, "First, then.");
        let OutputItem::Reasoning(reasoning) = &updates.snapshot().output[0] else {
            panic!("no reasoning")
        };
        let kept = reasoning
            .content
            .iter()
            .flatten()
            .filter_map(|part| part.as_text());
        assert_eq!(kept.collect::<Vec<_>>(), ["First, then."]);
    }
}

/// F116: a call whose arguments are an object, and not text, gets the JSON of that object.
#[test]
fn arguments_given_as_an_object_are_kept_and_not_run_as_none() {
    let mut odd = call("", "completed");
    odd["arguments"] = json!({"query": "x"});
    let mut updates = Updates::new();
    let done = ResponseEvent::from_json(&item_done(odd.clone())).expect("an event");
    updates.feed(&done).expect("within the limits");
    let mut ready = Vec::new();
    while let Some(update) = updates.poll() {
        match update {
            Update::ToolCall { item, .. } => ready.push(item.clone()),
            Update::ToolCallStarted { .. } | Update::ToolCallPreview { .. } => {}
            other => panic!("unexpected: {other:?}"),
        }
    }
    let [OutputItem::FunctionCall(made)] = &ready[..] else {
        panic!("one call: {ready:?}")
    };
    assert_eq!(made.arguments, r#"{"query":"x"}"#);
}

fn call(arguments: &str, status: &str) -> Value {
    json!({"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look_up", "arguments": arguments, "status": status})
}

fn item_added(item: Value) -> String {
    json!({"type": "response.output_item.added", "output_index": 0, "item": item}).to_string()
}

fn item_done(item: Value) -> String {
    json!({"type": "response.output_item.done", "output_index": 0, "item": item}).to_string()
}

fn arguments_delta(text: &str) -> String {
    json!({"type": "response.function_call_arguments.delta", "item_id": "fc_1", "output_index": 0, "delta": text}).to_string()
}

fn arguments_done(arguments: &str) -> String {
    json!({"type": "response.function_call_arguments.done", "item_id": "fc_1", "output_index": 0, "arguments": arguments}).to_string()
}
