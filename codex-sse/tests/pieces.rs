//! Text that arrives after its end, and text whose deltas were counted as parts or items.
#![cfg(feature = "events")]

use codex_sse::{DiagnosticKind, Update, Updates};
use codex_types::{OutputItem, RawJson, ResponseEvent};
use serde_json::{Value, json};

/// Returns the updates after these events, and all text that was shown.
fn feed(events: &[Value]) -> (Updates, String) {
    let mut updates = Updates::new();
    let mut shown = String::new();
    for event in events {
        let event = ResponseEvent::from_json(&event.to_string()).unwrap();
        updates.feed(&event).unwrap();
        while let Some(update) = updates.poll() {
            if let Update::Text { delta, .. } = update {
                shown.push_str(delta);
            }
        }
    }
    (updates, shown)
}

fn kinds(updates: &Updates) -> Vec<DiagnosticKind> {
    let all = updates.accumulator().diagnostics().iter();
    all.map(|diagnostic| diagnostic.kind).collect()
}

fn delta(output_index: u32, content_index: u32, text: &str) -> Value {
    json!({"type": "response.output_text.delta", "item_id": "msg_1", "output_index": output_index, "content_index": content_index,
        "delta": text})
}

fn message(text: &str) -> Value {
    json!({"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": text}]})
}

fn done(item: Value) -> Value {
    json!({"type": "response.output_item.done", "output_index": 0, "item": item})
}

fn completed(output: Value) -> Value {
    json!({"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": output}})
}

#[test]
fn text_after_the_end_of_its_item_is_added() {
    for output in [json!([]), json!([message("Hello you")])] {
        let (updates, shown) = feed(&[
            delta(0, 0, "Hello"),
            done(message("Hello")),
            delta(0, 0, " "),
            delta(0, 0, "you"),
            completed(output),
        ]);
        assert_eq!(shown, "Hello you");
        assert_eq!(updates.snapshot().output_text(), "Hello you");
        assert_eq!(kinds(&updates), [DiagnosticKind::AfterEnd]);
    }
}

#[test]
fn text_after_the_end_that_began_as_a_repetition_is_added_whole() {
    let (updates, shown) = feed(&[
        delta(0, 0, "Hello"),
        done(message("Hello")),
        delta(0, 0, "He"),
        delta(0, 0, "y"),
        completed(json!([])),
    ]);
    assert_eq!(shown, "HelloHey");
    assert!(kinds(&updates).contains(&DiagnosticKind::AfterEnd));
}

#[test]
fn deltas_that_repeat_a_finished_text_are_dropped() {
    let (updates, shown) = feed(&[
        delta(0, 0, "Hel"),
        delta(0, 0, "lo"),
        done(message("Hello")),
        delta(0, 0, "Hel"),
        delta(0, 0, "lo"),
        completed(json!([])),
    ]);
    assert_eq!(shown, "Hello");
    assert_eq!(kinds(&updates), [DiagnosticKind::Repeated]);
}

#[test]
fn input_of_a_call_that_comes_after_its_end_is_dropped_with_a_diagnostic() {
    let call = json!({"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"});
    let late = json!({"type": "response.function_call_arguments.delta", "item_id": "fc_1", "output_index": 0, "delta": "{\"a\":1}"});
    let (updates, _) = feed(&[done(call), late, completed(json!([]))]);
    let OutputItem::FunctionCall(call) = &updates.snapshot().output[0] else {
        panic!("the call is there");
    };
    assert_eq!(call.arguments, "{}");
    assert_eq!(kinds(&updates), [DiagnosticKind::AfterEnd]);
}

#[test]
fn deltas_counted_as_parts_are_one_text() {
    let whole = json!({"type": "response.output_text.done", "item_id": "msg_1", "output_index": 0, "content_index": 2, "text": "abc"});
    let (updates, shown) = feed(&[
        delta(0, 0, "a"),
        delta(0, 1, "b"),
        delta(0, 2, "c"),
        whole,
        done(message("abc")),
        completed(json!([])),
    ]);
    assert_eq!(shown, "abc");
    assert_eq!(updates.snapshot().output, [decoded(&message("abc"))]);
    assert_eq!(kinds(&updates), [DiagnosticKind::IndexPerDelta]);
}

#[test]
fn deltas_counted_as_items_are_one_item() {
    let nameless = |index| {
        let mut delta = delta(index, 0, "ab");
        delta.as_object_mut().unwrap().remove("item_id");
        delta
    };
    for last in [
        vec![done(message("ababab")), completed(json!([]))],
        vec![completed(json!([message("ababab")]))],
    ] {
        let (updates, shown) = feed(&[vec![nameless(0), nameless(1), nameless(2)], last].concat());
        assert_eq!(shown, "ababab");
        assert_eq!(updates.snapshot().output, [decoded(&message("ababab"))]);
        assert_eq!(kinds(&updates), [DiagnosticKind::IndexPerDelta]);
    }
}

fn decoded(item: &Value) -> OutputItem {
    RawJson::parse(&item.to_string()).unwrap().decode().unwrap()
}
