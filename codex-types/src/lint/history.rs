//! What items have to do with each other: calls with outputs, reasoning with what it led to.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::item::searches_tools;
use crate::lint::input::message;
use crate::lint::tree::Node;
use crate::lint::{Edit, Finding, FindingCode as Code, Linter, Pairing};
use crate::profile::kind_of;
use crate::{ClientCallKind, RawJson};

pub(super) fn check(linter: &Linter, body: &Node<'_>, found: &mut Vec<Finding>) {
    let items = body.get("input").map_or(&[][..], Node::items);
    let continues = ["previous_response_id", "conversation"]
        .iter()
        .any(|name| body.given(name).is_some())
        || items.iter().any(|item| kind_of(item) == "item_reference");
    let (calls, outputs) = collect(items, found);
    check_calls(linter, items, &calls, &outputs, found);
    check_outputs(linter, items, &calls, &outputs, continues, found);
    check_reasoning(items, found);
}

/// One side of a pair.
struct Side<'a> {
    at: usize,
    kind: &'a str,
    call_id: &'a str,
}

/// The types of the items that answer a call of this type; the first is the usual one.
fn outputs_of(kind: &str) -> Option<&'static [&'static str]> {
    ClientCallKind::of(kind).map(ClientCallKind::outputs)
}

fn is_output(kind: &str) -> bool {
    ClientCallKind::ALL
        .iter()
        .any(|call| call.outputs().contains(&kind))
}

fn collect<'a>(items: &'a [Node<'a>], found: &mut Vec<Finding>) -> (Vec<Side<'a>>, Vec<Side<'a>>) {
    let (mut calls, mut outputs) = (Vec::new(), Vec::new());
    for (at, item) in items.iter().enumerate() {
        let kind = kind_of(item);
        let is_call = outputs_of(kind).is_some();
        if !is_call && !is_output(kind) {
            continue;
        }
        let text = |key| item.given(key).and_then(Node::as_text);
        if matches!(kind, "tool_search_call" | "tool_search_output")
            && !searches_tools(text("execution"), text("call_id"))
        {
            continue;
        }
        // The output of a local shell names its call by `id`.
        let named = item.text_of("call_id");
        let call_id = if named.is_empty() && kind == "local_shell_call_output" {
            item.text_of("id")
        } else {
            named
        };
        if call_id.is_empty() {
            let message = format!("a {kind} needs a call_id");
            found.push(Finding::error(
                Code::MissingCallId,
                format!("/input/{at}/call_id"),
                message,
            ));
            continue;
        }
        let side = Side { at, kind, call_id };
        if is_call {
            calls.push(side)
        } else {
            outputs.push(side)
        }
    }
    calls.sort_by(|one, two| (one.call_id, one.at).cmp(&(two.call_id, two.at)));
    outputs.sort_by(|one, two| (one.call_id, one.at).cmp(&(two.call_id, two.at)));
    (calls, outputs)
}

/// The first side with this id; sides are in order of their ids.
fn first<'s, 'a>(sides: &'s [Side<'a>], call_id: &str) -> Option<&'s Side<'a>> {
    let start = sides.partition_point(|side| side.call_id < call_id);
    sides.get(start).filter(|side| side.call_id == call_id)
}

fn check_calls(
    linter: &Linter,
    items: &[Node<'_>],
    calls: &[Side<'_>],
    outputs: &[Side<'_>],
    found: &mut Vec<Finding>,
) {
    for pair in calls.windows(2) {
        if let [one, two] = pair
            && one.call_id == two.call_id
        {
            let pointer = format!("/input/{}", two.at);
            let message = "another call has the same call_id";
            found.push(
                Finding::error(Code::DuplicateCall, pointer.as_str(), message)
                    .given_up_by([Edit::Remove(pointer)]),
            );
        }
    }
    for call in calls {
        let is_answered = first(outputs, call.call_id).is_some();
        if is_answered || linter.in_flight.iter().any(|id| id == call.call_id) {
            continue;
        }
        let pointer = format!("/input/{}", call.at);
        let message = format!("the {} has no output", call.kind);
        let finding = Finding::error(Code::UnansweredCall, pointer.as_str(), message);
        found.push(match linter.pairing {
            Pairing::Report => finding,
            Pairing::Drop => finding.given_up_by([Edit::Remove(pointer)]),
            Pairing::Convert => {
                let said = items.get(call.at).map_or(String::new(), call_in_words);
                finding.given_up_by([Edit::Replace(pointer, self::message("assistant", &said))])
            }
        });
    }
}

fn check_outputs(
    linter: &Linter,
    items: &[Node<'_>],
    calls: &[Side<'_>],
    outputs: &[Side<'_>],
    continues: bool,
    found: &mut Vec<Finding>,
) {
    for pair in outputs.windows(2) {
        if let [one, two] = pair
            && one.call_id == two.call_id
        {
            let pointer = format!("/input/{}", two.at);
            let message = "the call has an output already";
            found.push(
                Finding::error(Code::DuplicateOutput, pointer.as_str(), message)
                    .given_up_by([Edit::Remove(pointer)]),
            );
        }
    }
    for output in outputs {
        let pointer = format!("/input/{}", output.at);
        let Some(call) = first(calls, output.call_id) else {
            // The call may be in what the service holds.
            if !continues {
                found.push(orphan(linter, items, output, pointer));
            }
            continue;
        };
        let usual = outputs_of(call.kind).unwrap_or_default();
        if !usual.contains(&output.kind) {
            let message = format!(
                "a {} is answered by a {}",
                call.kind,
                usual.first().unwrap_or(&"")
            );
            let place = format!("{pointer}/type");
            let finding = Finding::error(Code::MismatchedOutput, place.as_str(), message);
            let is_alike =
                |kind: &str| matches!(kind, "function_call_output" | "custom_tool_call_output");
            found.push(match usual.first() {
                Some(kind) if is_alike(kind) && is_alike(output.kind) => {
                    finding.fixed_by([Edit::Replace(place, RawJson::string(kind))])
                }
                _ => finding,
            });
        }
        if output.at < call.at {
            let message = "the output stands before its call";
            let moved = items.get(output.at).map(Node::to_raw).unwrap_or_default();
            let behind = if call.at + 1 < items.len() {
                format!("/input/{}", call.at + 1)
            } else {
                "/input/-".into()
            };
            found.push(
                Finding::error(Code::OutputBeforeCall, pointer.as_str(), message)
                    .fixed_by([Edit::Remove(pointer), Edit::Insert(behind, moved)]),
            );
        }
    }
}

fn orphan(linter: &Linter, items: &[Node<'_>], output: &Side<'_>, pointer: String) -> Finding {
    let message = format!("the {} has no call", output.kind);
    let finding = Finding::error(Code::OrphanOutput, pointer.as_str(), message);
    match linter.pairing {
        Pairing::Report => finding,
        Pairing::Drop => finding.given_up_by([Edit::Remove(pointer)]),
        Pairing::Convert => {
            let said = items.get(output.at).map_or(String::new(), output_in_words);
            finding.given_up_by([Edit::Replace(pointer, self::message("user", &said))])
        }
    }
}

fn call_in_words(item: &Node<'_>) -> String {
    let name = item.text_of("name");
    let name = if name.is_empty() { kind_of(item) } else { name };
    let arguments = ["arguments", "input"]
        .iter()
        .map(|key| item.text_of(key))
        .find(|text| !text.is_empty())
        .unwrap_or_default();
    format!("[called {name} with {arguments}; it gave nothing back]")
}

fn output_in_words(item: &Node<'_>) -> String {
    let output = item
        .get("output")
        .map_or("", |output| output.as_text().unwrap_or(output.text));
    format!("[a tool called earlier gave back: {output}]")
}

/// Reasoning stands in front of what the model did next. If that was taken out, the service refuses
/// the reasoning.
fn check_reasoning(items: &[Node<'_>], found: &mut Vec<Finding>) {
    for (at, item) in items.iter().enumerate() {
        if kind_of(item) != "reasoning" {
            continue;
        }
        let next = items
            .iter()
            .skip(at + 1)
            .find(|item| kind_of(item) != "reasoning");
        let is_led_to = next.is_some_and(|next| {
            let kind = kind_of(next);
            match kind {
                "message" => next.text_of("role") == "assistant",
                "mcp_approval_response" => false,
                _ => !is_output(kind),
            }
        });
        if !is_led_to {
            let pointer = format!("/input/{at}");
            let message = "what the model did after this reasoning is missing";
            found.push(
                Finding::error(Code::DetachedReasoning, pointer.as_str(), message)
                    .given_up_by([Edit::Remove(pointer)]),
            );
        }
    }
}
