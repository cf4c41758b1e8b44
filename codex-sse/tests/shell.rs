//! Commands and outputs of the shell are in the order of their indexes, whichever arrives first.
#![cfg(feature = "events")]

use serde_json::{Value, json};

use crate::item_kinds::output_of;

const FEW: u32 = 3;
/// More than the accumulator keeps in order as they arrive.
const MANY: u32 = 40;

fn command(index: u32, event: &str, key: &str) -> Value {
    let mut event = json!({"type": format!("response.shell_call_command.{event}"),
        "output_index": 0, "command_index": index});
    event[key] = format!("echo {index}").into();
    event
}

fn written(index: u32) -> Value {
    json!({"stdout": format!("{index}\n"), "stderr": "",
        "outcome": {"type": "exit", "exit_code": 0}})
}

fn output_done(index: u32) -> Value {
    json!({"type": "response.shell_call_output_content.done", "item_id": "sho_1",
        "output_index": 0, "command_index": index, "output": [written(index)]})
}

fn output_delta(index: u32, stream: &str) -> Value {
    let mut delta = json!({});
    delta[stream] = format!("{index}\n").into();
    json!({"type": "response.shell_call_output_content.delta", "item_id": "sho_1",
        "output_index": 0, "command_index": index, "delta": delta})
}

fn completed() -> Value {
    json!({"type": "response.completed", "response": {
        "id": "resp_1", "object": "response", "status": "completed", "output": []}})
}

/// Returns the indexes in the orders that are tried.
fn orders(count: u32) -> [Vec<u32>; 3] {
    let ascending: Vec<u32> = (0..count).collect();
    let mut odd_first = ascending.clone();
    odd_first.sort_by_key(|index| index % 2 == 0);
    let descending = ascending.iter().rev().copied().collect();
    [ascending, odd_first, descending]
}

#[test]
fn commands_are_in_the_order_of_their_indexes() {
    for count in [FEW, MANY] {
        let expected: Vec<String> = (0..count).map(|index| format!("echo {index}")).collect();
        for order in orders(count) {
            for (event, key) in [
                ("added", "command"),
                ("delta", "delta"),
                ("done", "command"),
            ] {
                let mut events: Vec<Value> =
                    order.iter().map(|at| command(*at, event, key)).collect();
                events.push(completed());
                let output = output_of(&events);
                assert_eq!(output.len(), 1);
                assert_eq!(output[0]["action"]["commands"], json!(expected), "{event}");
            }
        }
    }
}

#[test]
fn outputs_are_in_the_order_of_their_commands() {
    for count in [FEW, MANY] {
        let expected: Vec<Value> = (0..count).map(written).collect();
        for order in orders(count) {
            let mut events: Vec<Value> = order.iter().map(|at| output_done(*at)).collect();
            events.push(completed());
            let output = output_of(&events);
            assert_eq!(output.len(), 1);
            assert_eq!(output[0]["output"], json!(expected), "{order:?}");
            assert_eq!(output[0]["id"], "sho_1");
        }
    }
}

/// The deltas of a command come before those of another, of both streams.
#[test]
fn deltas_of_outputs_are_in_the_order_of_their_commands() {
    for count in [FEW, MANY] {
        for order in orders(count) {
            let deltas = order
                .iter()
                .flat_map(|at| [output_delta(*at, "stdout"), output_delta(*at, "stderr")]);
            let mut events: Vec<Value> = deltas.collect();
            events.push(completed());
            let output = output_of(&events);
            let built = output[0]["output"].as_array().unwrap();
            assert_eq!(built.len(), count as usize);
            for (output, index) in built.iter().zip(0..) {
                assert_eq!(output["stdout"], format!("{index}\n"), "{order:?}");
                assert_eq!(output["stderr"], format!("{index}\n"), "{order:?}");
            }
        }
    }
}

/// A `done` replaces what its deltas built, and several outputs of one command stay together.
#[test]
fn the_whole_output_of_a_command_replaces_its_deltas() {
    for count in [FEW, MANY] {
        for order in orders(count) {
            let mut events: Vec<Value> =
                order.iter().map(|at| output_delta(*at, "stdout")).collect();
            for at in &order {
                let mut event = output_done(*at);
                event["output"] = json!([written(*at), written(*at + 100)]);
                events.push(event);
            }
            events.push(completed());
            let expected: Vec<Value> = (0..count)
                .flat_map(|at| [written(at), written(at + 100)])
                .collect();
            let output = output_of(&events);
            assert_eq!(output[0]["output"], json!(expected), "{order:?}");
        }
    }
}

/// Events that are sent again after their item is done change nothing and begin no other item.
#[test]
fn repeated_events_of_a_finished_call_change_nothing() {
    let done = json!({"type": "response.output_item.done", "output_index": 0, "item": {
        "type": "shell_call", "id": "sh_1", "call_id": "call_1", "status": "completed",
        "action": {"commands": ["echo 0"], "max_output_length": null, "timeout_ms": null}}});
    let mut events = vec![
        command(0, "added", "command"),
        command(0, "done", "command"),
        done,
    ];
    let expected = output_of(&events);
    assert_eq!(expected.len(), 1);
    for (event, key) in [
        ("added", "command"),
        ("delta", "delta"),
        ("done", "command"),
    ] {
        events.push(command(0, event, key));
        assert_eq!(output_of(&events), expected, "{event}");
    }
}
