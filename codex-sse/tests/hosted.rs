//! Calls of hosted tools: their progress is evidence of their ids.
#![cfg(test)]

use codex_sse::{Update, Updates};
use codex_types::ResponseEvent;
use serde_json::{Value, json};

/// Returns the text that was shown of each call, in the order in which the calls began.
fn previews(events: &[Value]) -> Vec<String> {
    let mut updates = Updates::new();
    let mut shown: Vec<(u32, String)> = Vec::new();
    for event in events {
        let event = ResponseEvent::from_json(&event.to_string()).unwrap();
        updates.feed(&event).unwrap();
        while let Some(update) = updates.poll() {
            if let Update::ToolCallPreview {
                output_index,
                delta,
                ..
            } = update
            {
                match shown.iter_mut().find(|(index, _)| *index == output_index) {
                    Some((_, text)) => text.push_str(delta),
                    None => shown.push((output_index, delta.to_owned())),
                }
            }
        }
    }
    shown.sort();
    shown.into_iter().map(|(_, text)| text).collect()
}

fn added(id: Value) -> Value {
    let item =
        json!({"type": "mcp_call", "id": id, "server_label": "s", "name": "f", "arguments": ""});
    json!({"type": "response.output_item.added", "item": item})
}

fn progress(id: &str) -> Value {
    json!({"type": "response.mcp_call.in_progress", "item_id": id})
}

fn delta(id: &str, delta: &str) -> Value {
    json!({"type": "response.mcp_call_arguments.delta", "item_id": id, "delta": delta})
}

#[test]
fn progress_names_calls_that_were_announced_without_ids() {
    let events = [
        added(Value::Null),
        added(Value::Null),
        progress("a"),
        progress("b"),
        delta("b", r#"{"b""#),
        delta("a", r#"{"a""#),
        delta("a", ":1}"),
        delta("b", ":2}"),
    ];
    assert_eq!(previews(&events), [r#"{"a":1}"#, r#"{"b":2}"#]);
}

#[test]
fn progress_confirms_the_id_of_a_call() {
    let events = [
        added("b".into()),
        progress("a"),
        progress("b"),
        delta("a", r#"{"a":1}"#),
        delta("b", r#"{"b":2}"#),
    ];
    assert_eq!(previews(&events), [r#"{"b":2}"#, r#"{"a":1}"#]);
}

#[test]
fn progress_distinguishes_calls_that_no_event_announced() {
    let events = [
        progress("a"),
        progress("b"),
        delta("a", r#"{"a""#),
        delta("b", r#"{"b""#),
        delta("a", ":1}"),
        delta("b", ":2}"),
    ];
    assert_eq!(previews(&events), [r#"{"a":1}"#, r#"{"b":2}"#]);
}

#[test]
fn progress_does_not_name_a_call_of_another_tool() {
    let code =
        json!({"type": "code_interpreter_call", "id": null, "container_id": "c", "code": ""});
    let event = |name: &str, key: &str, text: &str| {
        let mut event = json!({"type": format!("response.{name}"), "item_id": "ci"});
        event[key] = text.into();
        event
    };
    let mut events = [
        added(Value::Null),
        json!({"type": "response.output_item.added", "item": code}),
        event("code_interpreter_call.in_progress", "note", ""),
        event("code_interpreter_call_code.delta", "delta", "1+"),
        progress("a"),
        delta("a", r#"{"a":1}"#),
        event("code_interpreter_call_code.delta", "delta", "1"),
    ];
    for event in &mut events {
        event["output_index"] = 0.into();
    }
    let mut shown = previews(&events);
    shown.sort();
    assert_eq!(shown, ["1+1", r#"{"a":1}"#]);
}

#[test]
fn a_call_that_progress_has_named_is_not_an_announcement_sent_again() {
    let events = [
        added(Value::Null),
        progress("a"),
        delta("a", r#"{"a""#),
        added(Value::Null),
        progress("b"),
        delta("a", ":1"),
        delta("b", r#"{"b""#),
        delta("a", "}"),
        delta("b", ":2}"),
    ];
    assert_eq!(previews(&events), [r#"{"a":1}"#, r#"{"b":2}"#]);
}

#[test]
fn two_calls_that_claimed_one_index_are_finished_by_their_text() {
    let done = |arguments: &str| {
        let mut event = added(Value::Null);
        event["type"] = "response.output_item.done".into();
        event["item"]["arguments"] = arguments.into();
        event
    };
    let mut events = [
        added(Value::Null),
        progress("a"),
        delta("a", r#"{"a""#),
        added(Value::Null),
        progress("b"),
        delta("a", ":1}"),
        delta("b", r#"{"b""#),
        done(r#"{"a":1}"#),
        delta("b", ":2}"),
        done(r#"{"b":2}"#),
    ];
    for event in &mut events {
        event["output_index"] = 0.into();
    }
    assert_eq!(previews(&events), [r#"{"a":1}"#, r#"{"b":2}"#]);
}
