//! Streams of events in shapes that could cost more than their bytes suggest, each with a friendly
//! stream of the same kinds of events for comparison.

use serde_json::{Value, json};

/// The names of the shapes.
pub const SHAPES: [&str; 17] = [
    "in_progress",
    "items_descending",
    "parts",
    "parts_descending",
    "items_without_ids",
    "indexes_zero",
    "ids_change",
    "calls_interleaved",
    "calls_after_arguments",
    "call_ids_repeated",
    "final_reordered",
    "items_again",
    "halves",
    "numbers_descending",
    "text_after_end",
    "indexes_count_deltas",
    "parts_count_deltas",
];

/// Returns the payloads of a shape with about `count` events: the hostile stream, or the friendly
/// one with the same kinds of events.
///
/// # Panics
///
/// If there is no shape of this name.
pub fn payloads(shape: &str, count: usize, is_hostile: bool) -> Vec<String> {
    let index = |at: usize| if is_hostile { count - 1 - at } else { at };
    let or_zero = |at: usize| if is_hostile { at } else { 0 };
    let mut events: Vec<Value> = match shape {
        // After an output that a naive reader would read again for each of them.
        "in_progress" => {
            let open = (0..or_zero(count / 8).max(1)).flat_map(|at| item(at, "text"));
            let beat = json!({"type": "response.in_progress", "response": {"id": "resp_1", "status": "in_progress"}});
            open.chain((0..count).map(|_| beat.clone())).collect()
        }
        "items_descending" => (0..count).flat_map(|at| item(index(at), "text")).collect(),
        // All in one message, or eight in each.
        "parts" if is_hostile => (0..count).map(|at| delta(0, at, "text")).collect(),
        "parts" => (0..count).map(|at| delta(at / 8, at % 8, "text")).collect(),
        "parts_descending" => (0..count).map(|at| delta(0, index(at), "text")).collect(),
        "items_without_ids" => {
            let mut events: Vec<Value> = (0..count).flat_map(|at| item(at, "text")).collect();
            events.iter_mut().filter(|_| is_hostile).for_each(|event| {
                drop_key(event, "output_index");
                drop_key(event, "item_id");
                if let Some(item) = event.get_mut("item") {
                    drop_key(item, "id");
                }
            });
            events
        }
        "indexes_zero" => {
            let mut events: Vec<Value> = (0..count).flat_map(|at| item(at, "text")).collect();
            let zero = |event: &mut Value| event["output_index"] = 0.into();
            events.iter_mut().filter(|_| is_hostile).for_each(zero);
            events
        }
        "ids_change" => (0..count)
            .map(|at| {
                let mut event = delta(0, 0, "text");
                event["item_id"] = format!("msg_{:08}", or_zero(at)).into();
                event
            })
            .collect(),
        // Every call gets its arguments letter by letter in turn, or at once.
        "calls_interleaved" => {
            let calls = count / 8;
            let begun = (0..calls).map(|at| call(at, at, "added", ""));
            let pieces = (0..calls * 8).map(|at| {
                let call = if is_hostile { at % calls } else { at / 8 };
                json!({
                    "type": "response.function_call_arguments.delta",
                    "item_id": format!("fc_{call}"), "output_index": call, "delta": "1",
                })
            });
            begun.chain(pieces).collect()
        }
        // Announcements after the arguments of a call that no event has announced, or that its own
        // announcement precedes.
        "calls_after_arguments" => {
            let text = "text".repeat(8 * count);
            let delta = |delta: &str| json!({"type": "response.function_call_arguments.delta", "delta": delta});
            let arguments = [r#"{"text":""#, &text, r#""}"#].map(delta);
            let own = Some(call(0, 0, "added", "")).filter(|_| !is_hostile);
            let others = (1..count).map(|at| {
                let mut event = call(at, at, "added", "");
                drop_key(&mut event, "output_index");
                event
            });
            own.into_iter().chain(arguments).chain(others).collect()
        }
        "call_ids_repeated" => (0..count)
            .map(|at| {
                let call_id = if is_hostile { 0 } else { at };
                call(at, call_id, "done", &format!(r#"{{"n":{at}}}"#))
            })
            .collect(),
        "final_reordered" => return final_reordered(count / 2, is_hostile),
        // Each item eight times, or once.
        "items_again" => (0..count)
            .flat_map(|at| item(if is_hostile { at / 8 * 8 } else { at }, "text"))
            .collect(),
        "halves" => (0..count)
            .map(|_| delta(0, 0, if is_hostile { "HALF" } else { "text" }))
            .collect(),
        "numbers_descending" => (0..count)
            .map(|at| {
                let mut event = delta(0, 0, "text");
                event["sequence_number"] = index(at).into();
                event
            })
            .collect(),
        // Deltas that follow the end of their item and repeat its text, or come before it.
        "text_after_end" => {
            let [added, _, done] = item(0, &"text".repeat(count));
            let deltas = (0..count).map(|_| delta(0, 0, "text"));
            let ends = |wanted: bool| Some(done.clone()).filter(|_| is_hostile == wanted);
            let begun = core::iter::once(added).chain(ends(true));
            begun.chain(deltas).chain(ends(false)).collect()
        }
        // The whole item shows that the segments are one text.
        "indexes_count_deltas" => {
            let deltas = (0..count).map(|at| {
                let mut event = delta(or_zero(at), 0, "text");
                drop_key(&mut event, "item_id");
                event
            });
            let [_, _, done] = item(0, &"text".repeat(count));
            deltas.chain([done]).collect()
        }
        "parts_count_deltas" => {
            let deltas = (0..count).map(|at| delta(0, or_zero(at), "text"));
            let whole = json!({
                "type": "response.output_text.done", "item_id": "msg_0", "output_index": 0, "content_index": 0,
                "text": "text".repeat(count),
            });
            deltas.chain([whole]).collect()
        }
        _ => unreachable!("no such shape"),
    };
    events.push(completed(&[]));
    let lines = events.iter().map(Value::to_string);
    lines.map(|line| line.replace("HALF", "\\ud83d")).collect()
}

fn final_reordered(items: usize, is_hostile: bool) -> Vec<String> {
    let text = |at: usize| format!("text {at}");
    let mut events: Vec<Value> = (0..items).flat_map(|at| item(at, &text(at))).collect();
    let mut output: Vec<Value> = (0..items).map(|at| message(at, &text(at))).collect();
    if is_hostile {
        output.reverse();
        for (at, item) in output.iter_mut().enumerate() {
            item["id"] = format!("other_{at}").into();
        }
    }
    events.push(completed(&output));
    events.iter().map(Value::to_string).collect()
}

fn completed(output: &[Value]) -> Value {
    json!({"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": output}})
}

fn delta(index: usize, part: usize, text: &str) -> Value {
    json!({
        "type": "response.output_text.delta",
        "item_id": format!("msg_{index}"), "output_index": index, "content_index": part, "delta": text,
    })
}

fn message(index: usize, text: &str) -> Value {
    let content = json!([{"type": "output_text", "text": text, "annotations": []}]);
    json!({"type": "message", "id": format!("msg_{index}"), "role": "assistant", "status": "completed", "content": content})
}

/// A message announced, streamed in one delta, and done.
fn item(index: usize, text: &str) -> [Value; 3] {
    let mut begun = message(index, "");
    begun["content"] = json!([]);
    [
        json!({"type": "response.output_item.added", "output_index": index, "item": begun}),
        delta(index, 0, text),
        json!({"type": "response.output_item.done", "output_index": index, "item": message(index, text)}),
    ]
}

fn call(index: usize, call_id: usize, event: &str, arguments: &str) -> Value {
    json!({"type": format!("response.output_item.{event}"), "output_index": index, "item": {
        "type": "function_call", "id": format!("fc_{index}"), "call_id": format!("call_{call_id}"), "name": "f", "arguments": arguments,
    }})
}

fn drop_key(object: &mut Value, key: &str) {
    if let Some(keys) = object.as_object_mut() {
        keys.remove(key);
    }
}
