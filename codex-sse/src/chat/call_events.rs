//! The events of calls.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::mem;

use codex_types::chat::ChatToolCallDelta;
use codex_types::{DeltaKind, ItemStatus, ResponseEvent};

use super::items::delta;
use super::to_events::{Item, Piece, ToResponseEvents};
use crate::Accumulator;

impl ToResponseEvents {
    /// Merges a fragment of a call.
    pub(super) fn call(&mut self, piece: &ChatToolCallDelta, out: &mut Vec<ResponseEvent>) {
        if piece
            .extra
            .get("extra_content")
            .is_some_and(|extra| !extra.is_null())
        {
            // The signature of a call is kept with the reasoning before it.
            self.reasoning_index(out);
        }
        let number = self.calls.find(piece);
        self.calls
            .name(number, piece, &self.response.id, &self.tools);
        let mut input = piece.input_text().unwrap_or(Cow::Borrowed(""));
        if self.repeats(number, &input) {
            return;
        }
        let call = self.calls.get_mut(number);
        if call.holds_back(&input) {
            input = Cow::Borrowed("");
        }
        self.reasoning.feed_call(call.id(), piece);
        call.feed(&input);
        if number == self.begun_calls {
            self.begun_calls += 1;
            call.place = self.items.len();
            self.items.push(Item::Call(number));
        }
        if !call.is_added && (call.name.is_empty() || call.needs_all()) {
            call.waiting.push_str(&input);
            self.hold(input.len(), out);
            return;
        }
        if !call.is_added {
            self.add_call(number, out);
        }
        let extra = piece.function.as_ref().map(|function| &function.extra);
        let spelling = extra.and_then(|extra| extra.spelling("arguments"));
        self.arguments(number, (&input, spelling), out);
    }

    /// Merges the input that was held back.
    pub(super) fn end_input(&mut self, number: usize, out: &mut Vec<ResponseEvent>) {
        let call = self.calls.get_mut(number);
        let input = call.take_held_back();
        if call.is_added {
            self.arguments(number, (input, None), out);
        } else {
            call.waiting.push_str(input);
        }
    }

    /// Merges the arguments of a function, or the text in those of a custom tool.
    fn arguments(&mut self, number: usize, input: Piece<'_>, out: &mut Vec<ResponseEvent>) {
        match &mut self.calls.get_mut(number).free_text {
            None => self.input(number, input, out),
            Some(free_text) => {
                let text = free_text.feed(input.0);
                if text.is_empty() {
                    self.hold(input.0.len(), out);
                }
                self.input(number, (&text, None), out);
            }
        }
    }

    /// Returns whether the whole input of a call is sent again.
    fn repeats(&self, number: usize, input: &str) -> bool {
        if number >= self.begun_calls || !self.calls.get(number).is_complete() {
            return false;
        }
        let built = self
            .accumulator
            .snapshot()
            .output
            .get(self.calls.get(number).place);
        built.is_some_and(|item| Accumulator::input(item) == input)
    }

    /// Announces a call, with the input that arrived before its name.
    pub(super) fn add_call(&mut self, number: usize, out: &mut Vec<ResponseEvent>) {
        let call = self.calls.get_mut(number);
        call.is_added = true;
        let waiting = mem::take(&mut call.waiting);
        let (place, item) = (call.place, call.item("", &ItemStatus::InProgress));
        self.item_event(place, item, false, out);
        self.arguments(number, (&waiting, None), out);
    }

    pub(super) fn input(&mut self, number: usize, input: Piece<'_>, out: &mut Vec<ResponseEvent>) {
        let call = self.calls.get(number);
        let kind = if call.is_custom {
            DeltaKind::CustomToolCallInput
        } else {
            DeltaKind::FunctionCallArguments
        };
        if !input.0.is_empty() {
            let delta = delta(kind, &call.item_id(), call.place, input);
            let delta = delta.with_sequence_number(self.next());
            self.emit(ResponseEvent::of_delta(delta), out);
        }
    }
}
