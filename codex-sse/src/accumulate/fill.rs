// A whole that arrives replaces what was built before it, but only where it says something: servers exist whose `done` or final event
// leaves out what the deltas had carried, and losing that would be silent. So an empty field is filled from the older item.

use alloc::{string::String, vec::Vec};
use core::mem;

use codex_types::{OutputItem, OutputPart};

/// `parts` tells which part of the new message each of the old one stands for; without it, they stand in order.
pub(super) fn fill_item(new: &mut OutputItem, old: OutputItem, parts: &[u32]) {
    match (new, old) {
        (OutputItem::Message(new), OutputItem::Message(old)) => {
            fill(&mut new.id, old.id);
            fill(&mut new.phase, old.phase);
            fill_parts(&mut new.content, old.content, parts);
        }
        (OutputItem::Reasoning(new), OutputItem::Reasoning(old)) => {
            fill(&mut new.id, old.id);
            fill(&mut new.encrypted_content, old.encrypted_content);
            if new.content.as_ref().is_none_or(Vec::is_empty) {
                fill(&mut new.content, old.content);
            }
            fill_list(&mut new.summary, old.summary);
        }
        (OutputItem::FunctionCall(new), OutputItem::FunctionCall(old)) => {
            fill(&mut new.id, old.id);
            fill_text(&mut new.call_id, old.call_id);
            fill_text(&mut new.name, old.name);
            fill_text(&mut new.arguments, old.arguments);
        }
        (OutputItem::CustomToolCall(new), OutputItem::CustomToolCall(old)) => {
            fill(&mut new.id, old.id);
            fill_text(&mut new.call_id, old.call_id);
            fill_text(&mut new.name, old.name);
            fill_text(&mut new.input, old.input);
        }
        (OutputItem::McpCall(new), OutputItem::McpCall(old)) => {
            fill(&mut new.id, old.id);
            fill_text(&mut new.server_label, old.server_label);
            fill_text(&mut new.name, old.name);
            fill_text(&mut new.arguments, old.arguments);
        }
        (OutputItem::CodeInterpreterCall(new), OutputItem::CodeInterpreterCall(old)) => {
            fill(&mut new.id, old.id);
            fill_text(&mut new.container_id, old.container_id);
            fill(&mut new.code, old.code);
        }
        (OutputItem::ShellCall(new), OutputItem::ShellCall(old)) => {
            fill(&mut new.id, old.id);
            fill_text(&mut new.call_id, old.call_id);
            fill_list(&mut new.action.commands, old.action.commands);
        }
        (OutputItem::ShellCallOutput(new), OutputItem::ShellCallOutput(old)) => {
            fill(&mut new.id, old.id);
            fill_text(&mut new.call_id, old.call_id);
            fill_list(&mut new.output, old.output);
        }
        (OutputItem::ImageGenerationCall(new), OutputItem::ImageGenerationCall(old)) => {
            fill(&mut new.id, old.id);
            fill(&mut new.result, old.result);
        }
        _ => {}
    }
}

/// Puts a whole part in the place of what was built of it, all but its text, which has been taken already.
pub(super) fn replace_part(place: &mut OutputPart, part: &OutputPart) {
    let mut new = part.clone();
    match (&mut new, &mut *place) {
        (OutputPart::Text(new), OutputPart::Text(old)) => {
            new.text = mem::take(&mut old.text);
            fill_list(&mut new.annotations, mem::take(&mut old.annotations));
            fill(&mut new.logprobs, old.logprobs.take());
        }
        (OutputPart::PlainText(new), OutputPart::PlainText(old)) => {
            new.text = mem::take(&mut old.text)
        }
        (OutputPart::Refusal(new), OutputPart::Refusal(old)) => {
            new.refusal = mem::take(&mut old.refusal)
        }
        (OutputPart::ReasoningText(new), OutputPart::ReasoningText(old)) => {
            new.text = mem::take(&mut old.text)
        }
        _ => return,
    }
    *place = new;
}

fn fill_part(new: &mut OutputPart, old: OutputPart) {
    match (new, old) {
        (OutputPart::Text(new), OutputPart::Text(old)) => {
            fill_text(&mut new.text, old.text);
            fill_list(&mut new.annotations, old.annotations);
            fill(&mut new.logprobs, old.logprobs);
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

fn fill_parts(new: &mut Vec<OutputPart>, old: Vec<OutputPart>, parts: &[u32]) {
    if new.is_empty() {
        *new = old;
        return;
    }
    for (position, old) in old.into_iter().enumerate() {
        let part = parts.get(position).map_or(position, |part| *part as usize);
        if let Some(new) = new.get_mut(part) {
            fill_part(new, old);
        }
    }
}

fn fill<T>(new: &mut Option<T>, old: Option<T>) {
    if new.is_none() {
        *new = old;
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

/// About how many bytes of text an item holds; the rest of it is of a size that the kind bounds.
pub(super) fn size(item: &OutputItem) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let texts: usize = super::slot::texts(item)
        .iter()
        .map(|(_, _, text)| text.len())
        .sum();
    let more = match item {
        OutputItem::Reasoning(item) => text(&item.encrypted_content),
        OutputItem::ImageGenerationCall(item) => text(&item.result),
        OutputItem::McpCall(item) => text(&item.output),
        OutputItem::ShellCall(item) => item.action.commands.iter().map(String::len).sum(),
        OutputItem::ShellCallOutput(item) => item
            .output
            .iter()
            .map(|output| output.stdout.len() + output.stderr.len())
            .sum(),
        OutputItem::Unknown(item) => item.raw().as_str().len(),
        _ => 0,
    };
    texts + more
}
