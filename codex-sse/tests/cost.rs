//! The cost of an event, as the allocator counts it: it follows the event, not the response before
//! it. This is one test, because the counts are those of the process.
#![cfg(feature = "events")]
#![cfg(test)]

use std::alloc::System;

use codex_sse::Updates;
use codex_types::ResponseEvent;
use serde_json::{Value, json};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Returns an event that leaves this much text in the response, and one that may belong to it.
type Shape = fn(&str, usize) -> (Value, Value);

const SHAPES: [(&str, Shape); 3] = [
    ("announcements after arguments", |text, at| {
        let arguments = json!({ "text": text }).to_string();
        let delta = json!({"type": "response.function_call_arguments.delta", "delta": arguments});
        let item = json!({"type": "function_call", "call_id": format!("call_{at}"), "name": "f", "arguments": ""});
        (delta, event("added", item))
    }),
    ("ends of calls beside another", |text, at| {
        let patch = |text: &str, call_id: usize| {
            json!({
                "type": "apply_patch_call", "call_id": format!("call_{call_id}"), "status": "completed",
                "operation": {"type": "create_file", "path": "a", "diff": text},
            })
        };
        (
            event("added", patch(text, 1000)),
            event("done", patch("short", at)),
        )
    }),
    ("an image repeated", |text, at| {
        let image = |text: &str| {
            json!({
                "type": "image_generation_call", "id": format!("ig_{at}"), "status": "completed", "result": text,
            })
        };
        (event("done", image(text)), event("done", image("short")))
    }),
];

fn event(name: &str, item: Value) -> Value {
    json!({"type": format!("response.output_item.{name}"), "item": item})
}

/// Returns the number of bytes that many small events allocate after this text.
fn allocated(shape: Shape, text: &str) -> usize {
    let parse = |event: Value| ResponseEvent::from_json(&event.to_string()).unwrap();
    let events: Vec<ResponseEvent> = (0..100).map(|at| parse(shape(text, at).1)).collect();
    let mut updates = Updates::new();
    updates.feed(&parse(shape(text, 0).0)).unwrap();
    let region = Region::new(ALLOCATOR);
    for event in &events {
        let _ = updates.feed(event);
        updates.skip();
    }
    region.change().bytes_allocated
}

#[test]
fn an_event_costs_as_much_after_a_long_text_as_after_a_short_one() {
    for (name, shape) in SHAPES {
        let [short, long] = [10, LONG].map(|size| allocated(shape, &"x".repeat(size)));
        // The arguments of a call are parsed once.
        assert!(
            long <= 2 * short + 2 * LONG,
            "{name}: {long} bytes after a long text, {short} after a short one"
        );
    }
}

const LONG: usize = 100_000;
