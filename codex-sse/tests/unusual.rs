//! Streams of servers that leave out events, mislabel them, or send them late.
#![cfg(feature = "events")]

use codex_sse::{Accumulator, DiagnosticKind};
use codex_types::ResponseEvent;
use serde_json::{Value, json};

use crate::item_kinds::output_of;

fn event(kind: &str, fields: Value) -> Value {
    let mut event = json!({"type": format!("response.{kind}")});
    let fields = fields.as_object().unwrap().clone();
    event.as_object_mut().unwrap().extend(fields);
    event
}

fn added(index: u32, item: Value) -> Value {
    event(
        "output_item.added",
        json!({"output_index": index, "item": item}),
    )
}

fn done(index: u32, item: Value) -> Value {
    event(
        "output_item.done",
        json!({"output_index": index, "item": item}),
    )
}

fn accumulate(events: &[Value]) -> Accumulator {
    let mut accumulator = Accumulator::new();
    for event in events {
        let event = ResponseEvent::from_json(&event.to_string()).unwrap();
        accumulator.push(&event).unwrap();
    }
    accumulator
}

#[test]
fn the_last_event_is_the_status_unless_the_response_has_one() {
    for (kind, status) in [
        ("completed", "completed"),
        ("incomplete", "incomplete"),
        ("failed", "failed"),
    ] {
        let last = event(kind, json!({"response": {"id": "resp_1"}}));
        let built = accumulate(&[last]);
        assert_eq!(built.snapshot().status.as_str(), status);
    }
    let last = event(
        "completed",
        json!({"response": {"id": "resp_1", "status": "incomplete"}}),
    );
    assert_eq!(accumulate(&[last]).snapshot().status.as_str(), "incomplete");
}

#[test]
fn a_summary_that_is_labeled_as_a_text_is_a_summary() {
    let reasoning = json!({"type": "reasoning", "id": "rs_1", "summary": []});
    let part = json!({"type": "output_text", "text": "Short"});
    let fields = json!({"item_id": "rs_1", "output_index": 0, "summary_index": 0, "part": part});
    let output = output_of(&[
        added(0, reasoning),
        event("reasoning_summary_part.done", fields),
    ]);
    assert_eq!(
        output[0]["summary"],
        json!([{"type": "summary_text", "text": "Short"}])
    );
}

#[test]
fn a_summary_that_the_finished_item_lacks_is_kept() {
    let reasoning = |summary: Value| json!({"type": "reasoning", "id": "rs_1", "summary": summary});
    let delta = |at: u32, text: &str| {
        let fields =
            json!({"item_id": "rs_1", "output_index": 0, "summary_index": at, "delta": text});
        event("reasoning_summary_text.delta", fields)
    };
    let first = json!({"type": "summary_text", "text": "One"});
    let second = json!({"type": "summary_text", "text": "Two"});
    let output = output_of(&[
        added(0, reasoning(json!([]))),
        delta(0, "One"),
        delta(1, "Two"),
        done(0, reasoning(json!([first]))),
    ]);
    assert_eq!(output, [reasoning(json!([first, second]))]);
}

#[test]
fn the_rest_of_a_text_may_come_after_the_end_of_its_item() {
    let message = |text: &str| {
        json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": text, "annotations": []}]})
    };
    let text_done = |text: &str| {
        let fields =
            json!({"item_id": "msg_1", "output_index": 0, "content_index": 0, "text": text});
        event("output_text.done", fields)
    };
    let events = [done(0, message("Hel")), text_done("Hello")];
    let built = accumulate(&events);
    assert_eq!(built.snapshot().output_text(), "Hello");
    let kinds: Vec<_> = built.diagnostics().iter().map(|found| found.kind).collect();
    assert_eq!(kinds, [DiagnosticKind::AfterEnd]);
    // The same text again is no news.
    let built = accumulate(&[done(0, message("Hello")), text_done("Hello")]);
    assert_eq!(built.diagnostics(), []);
}

#[test]
fn a_call_that_no_event_announced_is_named_by_its_arguments() {
    let fields = json!({"item_id": "fc_1", "output_index": 0, "call_id": "call_1",
        "name": "look_up", "arguments": "{}"});
    let output = output_of(&[event("function_call_arguments.done", fields)]);
    assert_eq!(output[0]["name"], "look_up");
    let fields = json!({"item_id": "fc_1", "output_index": 0, "arguments": "{}"});
    let known = json!({"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "a",
        "arguments": ""});
    let output = output_of(&[
        added(0, known),
        event("function_call_arguments.done", fields),
    ]);
    assert_eq!(output[0]["call_id"], "call_1");
    assert_eq!(output[0]["name"], "a");
}

/// Calls without text of their own are distinguished by `call_id` and content, whatever their
/// index; the end of a call differs from its beginning in the status only.
#[test]
fn calls_are_distinguished_by_their_call_ids() {
    let call = |kind: &str, call_id: &str, status: &str| {
        let command = format!("echo {call_id}");
        match kind {
            "shell_call" => json!({"type": kind, "id": null, "call_id": call_id, "status": status,
                "action": {"commands": [command], "max_output_length": null, "timeout_ms": null}}),
            "shell_call_output" => json!({"type": kind, "id": null, "call_id": call_id,
                "status": status, "max_output_length": null, "output": [{"stdout": command,
                "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}]}),
            "local_shell_call" => json!({"type": kind, "id": null, "call_id": call_id,
                "status": status, "action": {"type": "exec", "command": [command], "env": {}}}),
            _ => json!({"type": kind, "id": null, "call_id": call_id, "status": status,
                "operation": {"type": "delete_file", "path": command}}),
        }
    };
    for kind in [
        "shell_call",
        "shell_call_output",
        "local_shell_call",
        "apply_patch_call",
    ] {
        let begun = |call_id| call(kind, call_id, "in_progress");
        let ended = |call_id| call(kind, call_id, "completed");
        let ids = |events: &[Value]| -> Vec<Value> {
            output_of(events)
                .iter()
                .map(|item| item["call_id"].clone())
                .collect()
        };
        let events = [
            added(0, begun("a")),
            added(0, begun("b")),
            done(0, ended("a")),
            done(0, ended("b")),
        ];
        assert_eq!(ids(&events), ["a", "b"], "{kind}");
        let events = [
            added(0, begun("a")),
            done(0, ended("a")),
            added(0, begun("b")),
            done(0, ended("b")),
        ];
        assert_eq!(ids(&events), ["a", "b"], "{kind}");
        let events = [
            added(0, begun("a")),
            done(0, ended("a")),
            done(0, ended("a")),
        ];
        assert_eq!(ids(&events), ["a"], "{kind}");
    }
}

/// Outputs that an announced item already contains stay before those that follow.
#[test]
fn outputs_follow_those_of_the_announced_item() {
    let written = |at: u32| {
        json!({"stdout": format!("{at}"), "stderr": "",
        "outcome": {"type": "exit", "exit_code": 0}})
    };
    let item = json!({"type": "shell_call_output", "id": "sho_1", "call_id": "call_1",
        "max_output_length": null, "status": "in_progress", "output": [written(0)]});
    let fields = json!({"item_id": "sho_1", "output_index": 0, "command_index": 1,
        "output": [written(1)]});
    let events = [
        added(0, item),
        event("shell_call_output_content.done", fields),
    ];
    assert_eq!(
        output_of(&events)[0]["output"],
        json!([written(0), written(1)])
    );
}
