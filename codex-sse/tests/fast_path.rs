//! A delta goes to the part of the last one only if it names the same part of the same item.
#![cfg(feature = "events")]

use serde_json::{Value, json};

use crate::item_kinds::output_of;

fn delta(kind: &str, index: u32, part: u32, text: &str) -> Value {
    json!({"type": format!("response.{kind}.delta"), "item_id": format!("msg_{index}"),
        "output_index": index, "content_index": part, "summary_index": part, "delta": text})
}

fn added(index: u32) -> Value {
    json!({"type": "response.output_item.added", "output_index": index, "item": {"type": "message",
        "id": format!("msg_{index}"), "role": "assistant", "status": "in_progress", "content": []}})
}

/// Returns the texts of each message.
fn texts(events: &[Value]) -> Vec<Vec<String>> {
    let text = |part: &Value| {
        let text = part.get("text").or_else(|| part.get("refusal")).unwrap();
        text.as_str().unwrap().to_owned()
    };
    let parts = |item: &Value| {
        item["content"]
            .as_array()
            .unwrap()
            .iter()
            .map(text)
            .collect()
    };
    output_of(events).iter().map(parts).collect()
}

/// Deltas of two texts.
const ALTERNATING: [(u32, &str); 7] = [
    (0, "a"),
    (0, "b"),
    (1, "A"),
    (1, "B"),
    (0, "c"),
    (1, "C"),
    (1, "D"),
];

#[test]
fn deltas_of_two_messages_alternate() {
    let mut events = vec![added(0), added(1)];
    events.extend(ALTERNATING.map(|(index, text)| delta("output_text", index, 0, text)));
    assert_eq!(texts(&events), [["abc"], ["ABCD"]]);
    // Only the indexes distinguish them.
    for event in &mut events {
        let event = event.as_object_mut().unwrap();
        event.remove("item_id");
        if let Some(item) = event.get_mut("item") {
            item.as_object_mut().unwrap().remove("id");
        }
    }
    assert_eq!(texts(&events), [["abc"], ["ABCD"]]);
}

#[test]
fn deltas_of_two_parts_alternate() {
    let mut events = vec![added(0)];
    events.extend(ALTERNATING.map(|(part, text)| delta("output_text", 0, part, text)));
    assert_eq!(texts(&events), [["abc", "ABCD"]]);
}

/// A refusal at the index of a text is a part of its own.
#[test]
fn deltas_of_two_kinds_alternate() {
    let mut events = vec![added(0)];
    for (kind, text) in [
        ("output_text", "a"),
        ("output_text", "b"),
        ("refusal", "A"),
        ("refusal", "B"),
    ] {
        events.push(delta(kind, 0, 0, text));
    }
    assert_eq!(texts(&events), [["ab", "AB"]]);
}
