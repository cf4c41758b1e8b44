//! Fills the empty fields of a complete item from the item that was built before it. Some servers
//! omit content from the `done` or the final event that the deltas had carried, so a complete item
//! replaces only the fields that it contains.

use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use codex_types::{ItemStatus, OutputItem, OutputPart};

/// Fills the empty fields of an item from its older version.
pub(super) fn fill_item(new: &mut OutputItem, old: OutputItem) {
    match (new, old) {
        (OutputItem::Message(new), OutputItem::Message(old)) => {
            let old = old.into_inner();
            fill_empty(&mut new.id, old.id, String::is_empty);
            fill(&mut new.phase, old.phase);
            fill_list(&mut new.content, old.content);
        }
        (OutputItem::Reasoning(new), OutputItem::Reasoning(old)) => {
            let old = old.into_inner();
            fill_empty(&mut new.id, old.id, String::is_empty);
            fill_empty(
                &mut new.encrypted_content,
                old.encrypted_content,
                String::is_empty,
            );
            fill_empty(&mut new.content, old.content, Vec::is_empty);
            fill_list(&mut new.summary, old.summary);
        }
        (OutputItem::FunctionCall(new), OutputItem::FunctionCall(old)) => {
            let old = old.into_inner();
            fill_empty(&mut new.id, old.id, String::is_empty);
            fill_text(&mut new.call_id, old.call_id);
            fill_text(&mut new.name, old.name);
            fill_text(&mut new.arguments, old.arguments);
        }
        (OutputItem::CustomToolCall(new), OutputItem::CustomToolCall(old)) => {
            let old = old.into_inner();
            fill_empty(&mut new.id, old.id, String::is_empty);
            fill_text(&mut new.call_id, old.call_id);
            fill_text(&mut new.name, old.name);
            fill_text(&mut new.input, old.input);
        }
        (OutputItem::McpCall(new), OutputItem::McpCall(old)) => {
            let old = old.into_inner();
            fill_empty(&mut new.id, old.id, String::is_empty);
            fill_text(&mut new.server_label, old.server_label);
            fill_text(&mut new.name, old.name);
            fill_text(&mut new.arguments, old.arguments);
        }
        (OutputItem::CodeInterpreterCall(new), OutputItem::CodeInterpreterCall(old)) => {
            let old = old.into_inner();
            fill_empty(&mut new.id, old.id, String::is_empty);
            fill_text(&mut new.container_id, old.container_id);
            fill_empty(&mut new.code, old.code, String::is_empty);
        }
        (OutputItem::ShellCall(new), OutputItem::ShellCall(old)) => {
            let old = old.into_inner();
            fill_empty(&mut new.id, old.id, String::is_empty);
            fill_text(&mut new.call_id, old.call_id);
            fill_list(&mut new.action.commands, old.action.commands);
        }
        (OutputItem::ShellCallOutput(new), OutputItem::ShellCallOutput(old)) => {
            let old = old.into_inner();
            fill_empty(&mut new.id, old.id, String::is_empty);
            fill_text(&mut new.call_id, old.call_id);
            fill_list(&mut new.output, old.output);
        }
        (OutputItem::ImageGenerationCall(new), OutputItem::ImageGenerationCall(old)) => {
            let old = old.into_inner();
            fill_empty(&mut new.id, old.id, String::is_empty);
            fill_empty(&mut new.result, old.result, String::is_empty);
        }
        _ => {}
    }
}

/// Takes everything except the text from a complete part.
pub(super) fn fill_part(known: &mut OutputPart, part: &OutputPart) {
    if mem::discriminant(known) == mem::discriminant(part) {
        let mut new = part.clone();
        take_part_text(&mut new);
        fill_old_part(&mut new, mem::take(known));
        *known = new;
    }
}

/// Fills the empty fields of a part from its older version.
pub(super) fn fill_old_part(new: &mut OutputPart, old: OutputPart) {
    match (new, old) {
        (OutputPart::Text(new), OutputPart::Text(old)) => {
            fill_text(&mut new.text, old.text);
            fill_list(&mut new.annotations, old.annotations);
            fill_empty(&mut new.logprobs, old.logprobs, Vec::is_empty);
        }
        (OutputPart::PlainText(new), OutputPart::PlainText(old)) => {
            fill_text(&mut new.text, old.text)
        }
        (OutputPart::Refusal(new), OutputPart::Refusal(old)) => {
            fill_text(&mut new.refusal, old.refusal)
        }
        (OutputPart::ReasoningText(new), OutputPart::ReasoningText(old)) => {
            fill_text(&mut new.text, old.text)
        }
        _ => {}
    }
}

/// Replaces the status "in progress" of a finished item.
pub(super) fn finish_status(item: &mut OutputItem, is_done: bool) {
    if let Some(status) = status_mut(item).filter(|status| **status == ItemStatus::InProgress) {
        *status = if is_done {
            ItemStatus::Completed
        } else {
            ItemStatus::Incomplete
        };
    }
}

/// Returns the status of a finished item that had this one when it was in progress.
pub(super) fn finished(status: &ItemStatus) -> &ItemStatus {
    match status {
        ItemStatus::InProgress => &ItemStatus::Completed,
        other => other,
    }
}

/// Returns the status that `finish_status` replaces, if the item has one.
pub(super) fn status_mut(item: &mut OutputItem) -> Option<&mut ItemStatus> {
    match item {
        OutputItem::Message(item) => Some(&mut item.status),
        OutputItem::CodeInterpreterCall(item) => Some(&mut item.status),
        OutputItem::Reasoning(item) => item.status.as_mut(),
        OutputItem::FunctionCall(item) => item.status.as_mut(),
        OutputItem::CustomToolCall(item) => item.status.as_mut(),
        OutputItem::McpCall(item) => item.status.as_mut(),
        OutputItem::ShellCall(item) => item.status.as_mut(),
        OutputItem::LocalShellCall(item) => Some(&mut item.status),
        _ => None,
    }
}

/// Removes the texts that deltas build.
pub(super) fn take_texts(item: &mut OutputItem) {
    match item {
        OutputItem::Message(item) => item.content.clear(),
        OutputItem::Reasoning(item) => {
            item.content = None;
            item.summary.clear();
        }
        OutputItem::CodeInterpreterCall(item) => item.code = None,
        _ => {
            if let Some(input) = item.input_mut() {
                input.clear();
            }
        }
    }
}

fn take_part_text(part: &mut OutputPart) {
    match part {
        OutputPart::Text(part) => part.text.clear(),
        OutputPart::PlainText(part) => part.text.clear(),
        OutputPart::Refusal(part) => part.refusal.clear(),
        OutputPart::ReasoningText(part) => part.text.clear(),
        _ => {}
    }
}

fn fill<T>(new: &mut Option<T>, old: Option<T>) {
    if new.is_none() {
        *new = old;
    }
}

/// Fills a field that the newer version lacks or has empty. An empty older value fills nothing.
pub(super) fn fill_empty<T>(new: &mut Option<T>, old: Option<T>, is_empty: impl Fn(&T) -> bool) {
    if new.as_ref().is_none_or(&is_empty)
        && let Some(old) = old.filter(|old| !is_empty(old))
    {
        *new = Some(old);
    }
}

fn fill_text(new: &mut String, old: String) {
    if new.is_empty() {
        *new = old;
    }
}

fn fill_list<T>(new: &mut Vec<T>, old: Vec<T>) {
    if new.is_empty() {
        *new = old;
    }
}
