//! What the last event of an item leaves empty keeps what the earlier events contained.
#![cfg(feature = "events")]

use codex_sse::Accumulator;
use codex_types::ResponseEvent;
use serde_json::{Value, json};

/// Returns the output that these events build.
pub(crate) fn output_of(events: &[Value]) -> Vec<Value> {
    let mut accumulator = Accumulator::new();
    for event in events {
        let event = ResponseEvent::from_json(&event.to_string()).unwrap();
        accumulator.push(&event).unwrap();
    }
    let response = serde_json::to_value(accumulator.snapshot()).unwrap();
    response["output"].as_array().unwrap().clone()
}

fn added(item: &Value) -> Value {
    json!({"type": "response.output_item.added", "output_index": 0, "item": item})
}

fn done(item: &Value) -> Value {
    json!({"type": "response.output_item.done", "output_index": 0, "item": item})
}

fn completed(item: &Value) -> Value {
    json!({"type": "response.completed", "response": {
        "id": "resp_1", "object": "response", "status": "completed", "output": [item],
    }})
}

/// Each row has an item and those of its fields, by JSON pointer, that a later version may leave
/// empty: an empty list, an empty text or `null`.
fn rows() -> Vec<(Value, &'static [&'static str])> {
    let text = json!({"type": "output_text", "text": "Hi",
        "annotations": [{"type": "file_path", "file_id": "file_1", "index": 0}],
        "logprobs": [{"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}]});
    vec![
        (
            json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                "phase": "final_answer", "content": [text]}),
            &[
                "/id",
                "/phase",
                "/content",
                "/content/0/text",
                "/content/0/annotations",
                "/content/0/logprobs",
            ],
        ),
        (
            json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                "content": [{"type": "refusal", "refusal": "No"}]}),
            &["/content", "/content/0/refusal"],
        ),
        (
            json!({"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAAA",
                "summary": [{"type": "summary_text", "text": "Short"}],
                "content": [{"type": "reasoning_text", "text": "Long"}]}),
            &[
                "/id",
                "/encrypted_content",
                "/summary",
                "/content",
                "/content/0/text",
            ],
        ),
        (
            json!({"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look_up",
                "arguments": "{}", "status": "completed"}),
            &["/id", "/call_id", "/name", "/arguments"],
        ),
        (
            json!({"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_1", "name": "run",
                "input": "ls", "status": "completed"}),
            &["/id", "/call_id", "/name", "/input"],
        ),
        (
            json!({"type": "mcp_call", "id": "mcp_1", "server_label": "docs", "name": "search",
                "arguments": "{}", "status": "completed"}),
            &["/id", "/server_label", "/name", "/arguments"],
        ),
        (
            json!({"type": "code_interpreter_call", "id": "ci_1", "container_id": "cntr_1",
                "code": "1+1", "outputs": null, "status": "completed"}),
            &["/id", "/container_id", "/code"],
        ),
        (
            json!({"type": "shell_call", "id": "sh_1", "call_id": "call_1", "status": "completed",
                "action": {"commands": ["ls"], "max_output_length": null, "timeout_ms": null}}),
            &["/id", "/call_id", "/action/commands"],
        ),
        (
            json!({"type": "shell_call_output", "id": "sho_1", "call_id": "call_1",
                "max_output_length": null, "status": "completed", "output": [
                {"stdout": "a", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}]}),
            &["/id", "/call_id", "/output"],
        ),
        (
            json!({"type": "image_generation_call", "id": "ig_1", "result": "aGk=",
                "status": "completed"}),
            &["/id", "/result"],
        ),
    ]
}

/// Returns the versions of an item in which this field contains nothing.
fn emptied(item: &Value, field: &str) -> Vec<Value> {
    let empty = match item.pointer(field).unwrap() {
        Value::Array(_) => vec![json!([])],
        // No server sends an empty value of this enum.
        Value::String(_) if field == "/phase" => vec![],
        Value::String(_) => vec![json!("")],
        other => panic!("{field} of {item} is {other}"),
    };
    let required = ["/call_id", "/name", "/arguments", "/input", "/server_label"];
    let required = required.contains(&field) || field.starts_with("/content/0/");
    let nothing = (!required).then_some(Value::Null);
    empty
        .into_iter()
        .chain(nothing)
        .map(|value| {
            let mut item = item.clone();
            *item.pointer_mut(field).unwrap() = value;
            item
        })
        .collect()
}

#[test]
fn an_empty_field_of_a_later_version_erases_nothing() {
    for (item, fields) in rows() {
        let expected = output_of(&[added(&item), done(&item)]);
        for field in fields {
            for later in emptied(&item, field) {
                for last in [done(&later), completed(&later)] {
                    // A part of an announced item is replaced whole, unless an event repeats it.
                    if !field.starts_with("/content/0/") {
                        let output = output_of(&[added(&item), last.clone()]);
                        assert_eq!(output, expected, "{field} in {last}");
                    }
                    let output = output_of(&[added(&item), done(&item), last.clone()]);
                    assert_eq!(output, expected, "{field} in {last}, after the whole item");
                }
            }
        }
    }
}

/// A field that no event filled stays as the last version states it.
#[test]
fn an_empty_field_stays_as_it_was_sent() {
    for (item, fields) in rows() {
        for field in fields {
            for empty in emptied(&item, field) {
                let written = output_of(&[done(&empty)]);
                for first in [added(&empty), done(&empty)] {
                    let output = output_of(&[first, done(&empty)]);
                    assert_eq!(output, written, "{field} in {empty}");
                }
            }
        }
    }
}

/// A field with a value is replaced by the value of the later version.
#[test]
fn a_later_value_replaces_an_earlier_one() {
    let mut compared = 0;
    for (item, fields) in rows() {
        for field in fields {
            let mut earlier = item.clone();
            let value = earlier.pointer_mut(field).unwrap();
            if !value.is_string() || matches!(*field, "/id" | "/call_id") {
                continue;
            }
            compared += 1;
            *value = json!("earlier");
            let output = output_of(&[added(&earlier), done(&item)]);
            assert_eq!(output, output_of(&[done(&item)]), "{field} in {item}");
        }
    }
    assert_eq!(compared, 15);
}
