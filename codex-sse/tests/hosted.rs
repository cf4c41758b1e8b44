//! Calls of hosted tools: their progress is evidence of their ids.
#![cfg(feature = "events")]

use codex_sse::{Update, Updates};
use codex_types::ResponseEvent;
use serde_json::{Value, json};

use crate::item_kinds::output_of;

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

/// Returns the events with one index for all, which then proves nothing.
fn at_one_index(mut events: Vec<Value>) -> Vec<Value> {
    for event in &mut events {
        event["output_index"] = 0.into();
    }
    events
}

/// Each row has the events of two calls, and the text that is shown of each.
#[test]
fn progress_is_evidence_of_the_ids_of_calls() {
    let done = |arguments: &str| {
        let mut event = added(Value::Null);
        event["type"] = "response.output_item.done".into();
        event["item"]["arguments"] = arguments.into();
        event
    };
    let (a, b) = (r#"{"a":1}"#, r#"{"b":2}"#);
    let rows = [
        (
            "it names calls that were announced without ids",
            vec![
                added(Value::Null),
                added(Value::Null),
                progress("a"),
                progress("b"),
                delta("b", r#"{"b""#),
                delta("a", r#"{"a""#),
                delta("a", ":1}"),
                delta("b", ":2}"),
            ],
            [a, b],
        ),
        (
            "it confirms the id of a call",
            vec![
                added("b".into()),
                progress("a"),
                progress("b"),
                delta("a", a),
                delta("b", b),
            ],
            [b, a],
        ),
        (
            "it distinguishes calls that no event announced",
            vec![
                progress("a"),
                progress("b"),
                delta("a", r#"{"a""#),
                delta("b", r#"{"b""#),
                delta("a", ":1}"),
                delta("b", ":2}"),
            ],
            [a, b],
        ),
        (
            "a call that it has named is not an announcement sent again",
            vec![
                added(Value::Null),
                progress("a"),
                delta("a", r#"{"a""#),
                added(Value::Null),
                progress("b"),
                delta("a", ":1"),
                delta("b", r#"{"b""#),
                delta("a", "}"),
                delta("b", ":2}"),
            ],
            [a, b],
        ),
        (
            "two calls that claimed one index are finished by their text",
            at_one_index(vec![
                added(Value::Null),
                progress("a"),
                delta("a", r#"{"a""#),
                added(Value::Null),
                progress("b"),
                delta("a", ":1}"),
                delta("b", r#"{"b""#),
                done(a),
                delta("b", ":2}"),
                done(b),
            ]),
            [a, b],
        ),
    ];
    for (name, events, shown) in rows {
        assert_eq!(previews(&events), shown, "{name}");
    }
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
    let events = at_one_index(vec![
        added(Value::Null),
        json!({"type": "response.output_item.added", "item": code}),
        event("code_interpreter_call.in_progress", "note", ""),
        event("code_interpreter_call_code.delta", "delta", "1+"),
        progress("a"),
        delta("a", r#"{"a":1}"#),
        event("code_interpreter_call_code.delta", "delta", "1"),
    ]);
    let mut shown = previews(&events);
    shown.sort();
    assert_eq!(shown, ["1+1", r#"{"a":1}"#]);
}

/// The progress of each hosted tool is the status of its item.
#[test]
fn progress_is_the_status_of_the_call() {
    let rows: [(&str, &[(&str, &str)]); 5] = [
        (
            "file_search_call",
            &[
                ("in_progress", "in_progress"),
                ("searching", "searching"),
                ("completed", "completed"),
            ],
        ),
        (
            "web_search_call",
            &[
                ("in_progress", "in_progress"),
                ("searching", "searching"),
                ("completed", "completed"),
            ],
        ),
        (
            "code_interpreter_call",
            &[
                ("in_progress", "in_progress"),
                ("interpreting", "interpreting"),
                ("completed", "completed"),
            ],
        ),
        (
            "image_generation_call",
            &[
                ("in_progress", "in_progress"),
                ("generating", "generating"),
                ("completed", "completed"),
            ],
        ),
        (
            "mcp_call",
            &[
                ("in_progress", "in_progress"),
                ("failed", "failed"),
                ("completed", "completed"),
            ],
        ),
    ];
    for (tool, steps) in rows {
        let item = json!({"type": tool, "id": "call_1", "status": "queued", "queries": [],
            "container_id": "c", "server_label": "s", "name": "f", "arguments": ""});
        let added = json!({"type": "response.output_item.added", "output_index": 0, "item": item});
        let mut events = vec![added];
        for (event, status) in steps {
            events.push(
                json!({"type": format!("response.{tool}.{event}"), "item_id": "call_1",
                "output_index": 0}),
            );
            let output = output_of(&events);
            assert_eq!(output.len(), 1, "{tool}.{event}");
            assert_eq!(output[0]["status"], *status, "{tool}.{event}");
        }
    }
}
