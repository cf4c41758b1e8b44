//! The dialect law: the library assembles the canonical response and delivers each part of it once,
//! whatever habits the server has.

use core::fmt::Debug;

use serde_json::Value;

use super::generate::{Ending, Item, ItemKind};
use super::habit::{Case, Habit};
use super::library::{End, Observed, Update, observe};
use super::stream::Source;
use super::{check_chat, check_display};

/// Returns the differences between the canonical response and the library's output. Empty if the
/// law holds.
pub(crate) fn differences(case: &Case) -> Vec<String> {
    let observed = observe(&case.lines());
    let mut differences: Vec<String> = observed
        .rejected
        .iter()
        .map(|line| format!("decode: {line}"))
        .collect();
    response(case, &observed, &mut differences);
    check_display::display(case, &observed, &mut differences);
    calls(case, &observed, &mut differences);
    check_chat::chat(case, &observed, &mut differences);
    differences
}

/// The number of times that the updates must return a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Runs {
    Once,
    AtMostOnce,
    Never,
}

/// A call counts as finished by its item.done, by a whole response, or by a final output that lists
/// it.
fn runs(case: &Case, index: usize) -> Runs {
    match case.response.ending {
        _ if case.response.items[index].cut => Runs::Never,
        Ending::Completed => Runs::Once,
        _ if case.sends(index, Source::ItemDone) => Runs::Once,
        Ending::MaxOutputTokens | Ending::ContentFilter if case.listed.contains(&index) => {
            Runs::Once
        }
        _ => Runs::AtMostOnce,
    }
}

/// Describes the missing and the unexpected values of a list.
pub(crate) fn unlike<T: Debug + PartialEq>(
    area: &str,
    found: &[T],
    wanted: &[T],
) -> Option<String> {
    if found == wanted {
        return None;
    }
    let mut unexpected: Vec<&T> = found.iter().collect();
    let mut missing: Vec<&T> = Vec::new();
    for value in wanted {
        match unexpected.iter().position(|found| *found == value) {
            Some(at) => drop(unexpected.remove(at)),
            None => missing.push(value),
        }
    }
    Some(match (missing.is_empty(), unexpected.is_empty()) {
        (true, true) => format!("{area}: another order: {found:?} instead of {wanted:?}"),
        _ => format!("{area}: missing {missing:?}, unexpected {unexpected:?}"),
    })
}

fn response(case: &Case, observed: &Observed, differences: &mut Vec<String>) {
    let with_annotations = carries_annotations(case);
    let items = observed.response.get("output").and_then(Value::as_array);
    let mut found: Vec<String> = items
        .into_iter()
        .flatten()
        .map(|item| describe(item, with_annotations))
        .collect();
    let wanted = case
        .response
        .items
        .iter()
        .map(|item| describe(&item.whole(), with_annotations));
    let mut wanted: Vec<String> = wanted.collect();
    if !is_ordered(case) {
        found.sort();
        wanted.sort();
    }
    differences.extend(unlike("response", &found, &wanted));
    let status = observed
        .response
        .get("status")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let wanted = match End::from(case.response.ending) {
        End::Completed => "completed",
        End::Incomplete => "incomplete",
        End::Failed => "failed",
    };
    if status != wanted {
        differences.push(format!("response: status {status:?} instead of {wanted:?}"));
    }
}

/// Returns whether the events determine the order of all items.
fn is_ordered(case: &Case) -> bool {
    let is_final = case.listed.is_sorted() && case.listed.len() == case.response.items.len();
    let is_indexed = !case.has(Habit::IndexesDropped) && !case.has(Habit::IndexesZero);
    is_final || (case.listed.is_empty() && is_indexed)
}

fn carries_annotations(case: &Case) -> bool {
    case.response.items.iter().enumerate().all(|(index, item)| {
        item.texts.iter().all(|text| text.urls.is_empty())
            || case.listed.contains(&index)
            || case.sends(index, Source::Delta)
            || case.sends(index, Source::ItemDone)
            || (case.sends(index, Source::PartDone) && !case.has(Habit::PartsMislabeled))
    })
}

/// The content of an item, without the ids that a server may change.
fn describe(item: &Value, with_annotations: bool) -> String {
    let string = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
    let parts = |key: &str| -> Vec<(String, String, Vec<String>)> {
        let parts = item
            .get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        parts
            .map(|part| {
                let string = |key: &str| part.get(key).and_then(Value::as_str).unwrap_or_default();
                let annotations = part.get("annotations").and_then(Value::as_array);
                let urls = annotations
                    .into_iter()
                    .flatten()
                    .filter(|_| with_annotations);
                let urls = urls.filter_map(|annotation| annotation.get("url")?.as_str());
                let text = format!("{}{}", string("text"), string("refusal"));
                (
                    string("type").to_owned(),
                    text,
                    urls.map(str::to_owned).collect(),
                )
            })
            .collect()
    };
    let tag = string("type");
    let (call_id, name) = (string("call_id"), string("name"));
    match tag {
        "message" => format!("message {:?}", parts("content")),
        "reasoning" => format!(
            "reasoning {:?} {:?} {:?}",
            parts("summary"),
            parts("content"),
            string("encrypted_content")
        ),
        "function_call" => format!("{tag} {call_id} {name} {:?}", string("arguments")),
        "custom_tool_call" => format!("{tag} {call_id} {name} {:?}", string("input")),
        "mcp_call" => format!(
            "{tag} {} {name} {:?}",
            string("server_label"),
            string("arguments")
        ),
        "code_interpreter_call" => format!("{tag} {} {:?}", string("container_id"), string("code")),
        "shell_call" => format!("{tag} {call_id} {}", item["action"]["commands"]),
        "local_shell_call" => format!("{tag} {call_id} {}", item["action"]["command"]),
        _ => item.to_string(),
    }
}

fn calls(case: &Case, observed: &Observed, differences: &mut Vec<String>) {
    let is_call = |(_, item): &(usize, &Item)| item.is_call();
    let items = || case.response.items.iter().enumerate().filter(is_call);
    let mut wanted: Vec<(String, Runs)> = items()
        .map(|(index, item)| (describe(&item.whole(), false), runs(case, index)))
        .collect();
    let (mut started, mut malformed) = (0, 0);
    for update in &observed.updates {
        match update {
            Update::CallStarted => started += 1,
            Update::MalformedCall => malformed += 1,
            Update::Call(item) => {
                let item = describe(item, false);
                let found = wanted
                    .iter()
                    .position(|(call, runs)| *call == item && *runs != Runs::Never);
                match found {
                    Some(at) => drop(wanted.swap_remove(at)),
                    None => differences.push(format!(
                        "calls: {item} is not a complete call, or was returned before"
                    )),
                }
            }
            _ => {}
        }
    }
    for (call, _) in wanted.iter().filter(|(_, runs)| *runs == Runs::Once) {
        differences.push(format!("calls: {call} was not returned"));
    }
    let open = wanted
        .iter()
        .filter(|(_, runs)| *runs != Runs::Once)
        .count();
    if malformed > open {
        differences.push(format!(
            "calls: {malformed} calls were malformed, and {open} were cut"
        ));
    }
    if started != items().count() && marks_beginnings(case) {
        differences.push(format!(
            "calls: {started} started instead of {}",
            items().count()
        ));
    }
}

/// Returns whether ids or indexes distinguish a new item from a repeated one.
fn marks_beginnings(case: &Case) -> bool {
    use Habit::*;
    let has_ids = !case.has_any(&[IdsDropped, IdsDroppedInItems, IdsChange, IdsPerKind]);
    has_ids || !case.has_any(&[IndexesDropped, IndexesZero])
}

/// Returns whether a chat completion has the call.
pub(crate) fn is_chat_call(item: &Item) -> bool {
    matches!(item.kind, ItemKind::FunctionCall | ItemKind::CustomToolCall)
}
