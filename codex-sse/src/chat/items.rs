//! The items that the chunks begin, and the events about them.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use codex_types::{
    ApiError, Boxed, ContentPartEvent, Delta, DeltaKind, ItemStatus, OutputItem, OutputItemEvent,
    OutputMessage, OutputPart, OutputText, ReasoningItem, Refusal, ResponseEvent, Role, Status,
};

use super::to_events::{Item, Piece, ToResponseEvents};

impl ToResponseEvents {
    pub(super) fn think(&mut self, text: Piece<'_>, out: &mut Vec<ResponseEvent>) {
        let at = self.reasoning_index(out);
        self.emit_delta(DeltaKind::ReasoningText, at, 0, text, out);
    }

    /// Returns the index of the reasoning item, and begins it if there is none.
    pub(super) fn reasoning_index(&mut self, out: &mut Vec<ResponseEvent>) -> usize {
        if let Some(at) = self.thought {
            return at;
        }
        let item = self.reasoning_item();
        let at = self.add(Item::Reasoning, item, out);
        self.thought = Some(at);
        at
    }

    pub(super) fn push_text(
        &mut self,
        text: Piece<'_>,
        is_refusal: bool,
        out: &mut Vec<ResponseEvent>,
    ) {
        let at = self.message_index(out);
        let Some(Item::Message {
            text: words,
            refusal,
        }) = self.items.get_mut(at)
        else {
            return;
        };
        let count = u32::from(words.is_some()) + u32::from(refusal.is_some());
        let part = if is_refusal { refusal } else { words };
        let is_new = part.is_none();
        let index = *part.get_or_insert(count);
        if is_new {
            let part: OutputPart = if is_refusal {
                Refusal::new("").into()
            } else {
                OutputText::new("").into()
            };
            let id = self.message_id.clone();
            let event = self.part_event(part, &id, at, index);
            self.emit(ResponseEvent::ContentPartAdded(event), out);
        }
        let kind = if is_refusal {
            DeltaKind::Refusal
        } else {
            DeltaKind::OutputText
        };
        self.emit_delta(kind, at, index, text, out);
    }

    /// Returns the index of the message, and begins it if there is none.
    fn message_index(&mut self, out: &mut Vec<ResponseEvent>) -> usize {
        if let Some(at) = self.message {
            return at;
        }
        let item = self.message_item();
        let state = Item::Message {
            text: None,
            refusal: None,
        };
        let at = self.add(state, item, out);
        self.message = Some(at);
        at
    }

    /// Returns an item as assembled.
    pub(super) fn built(&self, at: usize, make: impl FnOnce(&Self) -> OutputItem) -> OutputItem {
        let built = self.accumulator.snapshot().output.get(at);
        built.cloned().unwrap_or_else(|| make(self))
    }

    pub(super) fn reasoning_item(&self) -> OutputItem {
        let mut item = ReasoningItem::new([]);
        item.id = Some(self.thought_id.clone());
        item.content = Some(Vec::from([codex_types::ReasoningText::new("").into()]));
        item.into()
    }

    pub(super) fn message_item(&self) -> OutputItem {
        let mut item = OutputMessage::new(Vec::new(), ItemStatus::InProgress);
        item.id = Some(self.message_id.clone());
        item.role = Role::Assistant;
        item.into()
    }

    fn add(&mut self, state: Item, item: OutputItem, out: &mut Vec<ResponseEvent>) -> usize {
        self.items.push(state);
        let at = self.items.len() - 1;
        self.item_event(at, item, false, out);
        at
    }

    pub(super) fn item_event(
        &mut self,
        at: usize,
        item: OutputItem,
        is_done: bool,
        out: &mut Vec<ResponseEvent>,
    ) {
        let mut event = Boxed::<OutputItemEvent>::default();
        event.item = item;
        event.output_index = u32::try_from(at).ok();
        event.sequence_number = Some(self.next());
        let event = if is_done {
            ResponseEvent::OutputItemDone(event)
        } else {
            ResponseEvent::OutputItemAdded(event)
        };
        self.emit(event, out);
    }

    pub(super) fn part_event(
        &mut self,
        part: OutputPart,
        id: &str,
        at: usize,
        index: u32,
    ) -> Boxed<ContentPartEvent> {
        let mut event = Boxed::<ContentPartEvent>::default();
        event.item_id = id.into();
        event.part = part;
        event.output_index = u32::try_from(at).ok();
        event.content_index = Some(index);
        event.sequence_number = Some(self.next());
        event
    }

    fn emit_delta(
        &mut self,
        kind: DeltaKind,
        at: usize,
        part: u32,
        text: Piece<'_>,
        out: &mut Vec<ResponseEvent>,
    ) {
        if !text.0.is_empty() {
            let delta = self.text_delta(kind, at, part, text);
            self.emit(ResponseEvent::of_delta(delta), out);
        }
    }

    /// Creates a delta of the message or of the reasoning item.
    pub(super) fn text_delta(
        &mut self,
        kind: DeltaKind,
        at: usize,
        part: u32,
        text: Piece<'_>,
    ) -> Delta {
        let number = self.next();
        let id = match kind {
            DeltaKind::ReasoningText => &self.thought_id,
            _ => &self.message_id,
        };
        delta(kind, id, at, text)
            .with_part_index(part)
            .with_sequence_number(number)
    }

    pub(super) fn emit(&mut self, event: ResponseEvent, out: &mut Vec<ResponseEvent>) {
        let event = self.merged(event);
        out.push(event);
    }

    /// Merges an event and returns it, or the event that ends a response above the limit.
    pub(super) fn merged(&mut self, event: ResponseEvent) -> ResponseEvent {
        let Err(error) = self.accumulator.push(&event) else {
            return event;
        };
        self.is_over = true;
        self.response.status = Status::Failed;
        let error = ApiError::new("response_too_large", format!("{error}"));
        self.response.error = Some(Box::new(error));
        ResponseEvent::Failed(self.lifecycle())
    }

    pub(super) fn next(&mut self) -> u64 {
        let number = self.sequence_number;
        self.sequence_number += 1;
        number
    }
}

/// Creates a delta from a fragment of text.
pub(super) fn delta(kind: DeltaKind, id: &str, at: usize, (text, spelling): Piece<'_>) -> Delta {
    let output_index = u32::try_from(at).unwrap_or(u32::MAX);
    let delta = Delta::new(kind, id, output_index, text);
    match spelling {
        Some(spelling) => delta.with_spelling(spelling),
        None => delta,
    }
}
