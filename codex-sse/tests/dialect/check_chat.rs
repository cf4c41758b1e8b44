//! The dialect law for the chat stream translated from the same events.

use std::collections::BTreeMap;

use super::check::{is_chat_call, unlike};
use super::generate::{Ending, TextKind};
use super::habit::Case;
use super::library::{ChatUpdate, Observed};

#[derive(Debug, Default)]
struct Completion {
    content: String,
    refusal: String,
    calls: BTreeMap<u32, Call>,
    finish: Vec<String>,
    errors: usize,
    dones: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Call {
    id: String,
    name: String,
    arguments: String,
}

pub(crate) fn chat(case: &Case, observed: &Observed, differences: &mut Vec<String>) {
    let mut completion = Completion::default();
    for update in &observed.chat {
        match update {
            ChatUpdate::Error => completion.errors += 1,
            ChatUpdate::Done => completion.dones += 1,
            ChatUpdate::Delta {
                content,
                refusal,
                calls,
                finish,
            } => {
                completion
                    .content
                    .push_str(content.as_deref().unwrap_or_default());
                completion
                    .refusal
                    .push_str(refusal.as_deref().unwrap_or_default());
                completion.finish.extend(finish.clone());
                for update in calls {
                    let call = completion.calls.entry(update.index).or_default();
                    call.id.push_str(update.id.as_deref().unwrap_or_default());
                    call.name
                        .push_str(update.name.as_deref().unwrap_or_default());
                    call.arguments
                        .push_str(update.arguments.as_deref().unwrap_or_default());
                }
            }
        }
    }
    ending(case, &completion, differences);
    // A failed response ends with an error, after any part of the content.
    let is_partial = case.response.ending == Ending::Failed;
    for (kind, name, text) in [
        (TextKind::OutputText, "content", &completion.content),
        (TextKind::Refusal, "refusal", &completion.refusal),
    ] {
        let texts = case.response.items.iter().flat_map(|item| &item.texts);
        let texts = texts.filter(|text| text.kind == kind);
        let mut parts: Vec<&str> = texts.map(|text| &*text.text).collect();
        if !consists_of(text, &mut parts, is_partial) {
            differences.push(format!("chat: {name} {text:?} is not {parts:?}"));
        }
    }
    calls(case, &completion, is_partial, differences);
}

fn ending(case: &Case, completion: &Completion, differences: &mut Vec<String>) {
    let has_calls = case.response.items.iter().any(is_chat_call);
    let wanted: (&[&str], usize, usize) = match case.response.ending {
        Ending::Completed if has_calls => (&["tool_calls"], 0, 1),
        Ending::Completed => (&["stop"], 0, 1),
        Ending::MaxOutputTokens => (&["length"], 0, 1),
        Ending::ContentFilter => (&["content_filter"], 0, 1),
        Ending::Failed => (&[], 1, 0),
    };
    let Completion {
        finish,
        errors,
        dones,
        ..
    } = completion;
    if (
        finish.iter().map(String::as_str).collect::<Vec<_>>(),
        *errors,
        *dones,
    ) != (wanted.0.to_vec(), wanted.1, wanted.2)
    {
        let found = format!("{finish:?}, {errors} errors, {dones} ends");
        differences.push(format!("chat: {found} instead of {wanted:?}"));
    }
}

fn calls(case: &Case, completion: &Completion, is_partial: bool, differences: &mut Vec<String>) {
    let items = case.response.items.iter().filter(|item| is_chat_call(item));
    let mut wanted: Vec<Call> = items
        .map(|item| Call {
            id: item.call_id.clone(),
            name: item.name.clone(),
            arguments: item.texts.iter().map(|text| &*text.text).collect(),
        })
        .collect();
    let mut found: Vec<Call> = completion.calls.values().cloned().collect();
    wanted.sort();
    found.sort();
    let is_begun = |call: &Call| {
        wanted.iter().any(|whole| {
            (&whole.id, &whole.name) == (&call.id, &call.name)
                && whole.arguments.starts_with(&call.arguments)
        })
    };
    let holds = if is_partial {
        found.windows(2).all(|pair| pair[0].id != pair[1].id) && found.iter().all(is_begun)
    } else {
        found == wanted
    };
    if !holds {
        differences.extend(unlike("chat", &found, &wanted));
    }
}

/// Returns whether the text is a concatenation of all parts in any order. A partial text may lack
/// parts and end within one.
fn consists_of(text: &str, parts: &mut Vec<&str>, is_partial: bool) -> bool {
    if text.is_empty() {
        return is_partial || parts.is_empty();
    }
    let length: usize = parts.iter().map(|part| part.len()).sum();
    if text.len() > length || (!is_partial && text.len() != length) {
        return false;
    }
    for at in 0..parts.len() {
        let part = parts[at];
        if parts[..at].contains(&part) {
            continue;
        }
        if is_partial && part.starts_with(text) {
            return true;
        }
        if let Some(rest) = text.strip_prefix(part) {
            parts.remove(at);
            let holds = consists_of(rest, parts, is_partial);
            parts.insert(at, part);
            if holds {
                return true;
            }
        }
    }
    false
}
