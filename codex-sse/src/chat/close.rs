//! The end of a completion: the `done` events, in the order of the items.

use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use codex_types::{
    Boxed, CustomToolCallInputDone, FunctionCallArgumentsDone, ItemStatus, OutputItem, OutputPart,
    OutputTextDone, RawJson, ReasoningTextDone, RefusalDone, ResponseEvent, Status,
};

use super::free_text::FreeText;
use super::think::ThinkTags;
use super::to_events::{Item, ToResponseEvents};
use crate::Accumulator;

impl ToResponseEvents {
    /// Emits the `done` events, in the order of the items.
    pub(super) fn close(&mut self, out: &mut Vec<ResponseEvent>) {
        let status = if self.response.status == Status::Incomplete {
            ItemStatus::Incomplete
        } else {
            ItemStatus::Completed
        };
        if let Some(said) = self.think_tags.as_mut().and_then(ThinkTags::finish) {
            self.said(&said, out);
        }
        self.accumulator.end_halves();
        for (at, item) in mem::take(&mut self.items).into_iter().enumerate() {
            if let Item::Call(number) = item {
                self.calls.give_id(number, &self.response.id);
                self.end_input(number, out);
                if let Some(item) = self.calls.get_mut(number).whole_item(&status) {
                    self.item_event(at, item.clone(), false, out);
                    self.item_event(at, item, true, out);
                    continue;
                }
                if !self.calls.get(number).is_added {
                    self.add_call(number, out);
                }
                let left = self.calls.get_mut(number).free_text.as_mut();
                let left = left.map(FreeText::finish).unwrap_or_default();
                self.input(number, (&left, None), out);
            }
            let done = match item {
                Item::Reasoning => self.close_reasoning(at, out),
                Item::Message { text, refusal } => {
                    self.close_message(at, text, refusal, &status, out)
                }
                Item::Call(number) => self.close_call(at, number, &status, out),
            };
            self.item_event(at, done, true, out);
        }
    }

    fn close_reasoning(&mut self, at: usize, out: &mut Vec<ResponseEvent>) -> OutputItem {
        let mut item = self.built(at, Self::reasoning_item);
        let mut event = Boxed::<ReasoningTextDone>::default();
        event.item_id = item.id().unwrap_or_default().into();
        if let OutputItem::Reasoning(item) = &item {
            let texts = item.content.iter().flatten();
            event.text = texts.filter_map(|part| part.as_text()).collect();
        }
        event.output_index = u32::try_from(at).ok();
        event.content_index = Some(0);
        event.sequence_number = Some(self.next());
        if !event.text.is_empty() {
            self.emit(ResponseEvent::ReasoningTextDone(event), out);
        }
        if let OutputItem::Reasoning(item) = &mut item
            && (self.keeps_reasoning || self.reasoning.is_signed())
        {
            item.encrypted_content = self.reasoning.to_opaque();
        }
        item
    }

    fn close_message(
        &mut self,
        at: usize,
        text: Option<u32>,
        refusal: Option<u32>,
        status: &ItemStatus,
        out: &mut Vec<ResponseEvent>,
    ) -> OutputItem {
        let OutputItem::Message(mut message) = self.built(at, Self::message_item) else {
            return self.message_item();
        };
        message.status = status.clone();
        let id = message.id.clone().unwrap_or_default();
        let output_index = u32::try_from(at).ok();
        for part in &mut message.content {
            match part {
                OutputPart::Text(part) => {
                    let logprobs = mem::take(&mut self.logprobs);
                    part.logprobs = (!logprobs.is_empty()).then_some(logprobs);
                    let mut event = Boxed::<OutputTextDone>::default();
                    event.item_id.clone_from(&id);
                    event.text.clone_from(&part.text);
                    event.logprobs.clone_from(&part.logprobs);
                    event.output_index = output_index;
                    event.content_index = text;
                    event.sequence_number = Some(self.next());
                    self.emit(ResponseEvent::OutputTextDone(event), out);
                }
                OutputPart::Refusal(part) => {
                    let mut event = Boxed::<RefusalDone>::default();
                    event.item_id.clone_from(&id);
                    event.refusal.clone_from(&part.refusal);
                    event.output_index = output_index;
                    event.content_index = refusal;
                    event.sequence_number = Some(self.next());
                    self.emit(ResponseEvent::RefusalDone(event), out);
                }
                _ => {}
            }
        }
        for (index, part) in (0..).zip(&message.content) {
            let event = self.part_event(part.clone(), &id, at, index);
            self.emit(ResponseEvent::ContentPartDone(event), out);
        }
        OutputItem::Message(message)
    }

    fn close_call(
        &mut self,
        at: usize,
        number: usize,
        status: &ItemStatus,
        out: &mut Vec<ResponseEvent>,
    ) -> OutputItem {
        let built = self.accumulator.snapshot().output.get(at);
        let input: String = built.map_or("", Accumulator::input).into();
        let call = self.calls.get(number);
        let (id, item, is_custom) = (call.item_id(), call.item(&input, status), call.is_custom);
        let output_index = u32::try_from(at).ok();
        let sequence_number = Some(self.next());
        let event = if is_custom {
            let mut event = Boxed::<CustomToolCallInputDone>::default();
            event.item_id = id;
            event.input = input;
            event.output_index = output_index;
            event.sequence_number = sequence_number;
            ResponseEvent::CustomToolCallInputDone(event)
        } else {
            let mut event = Boxed::<FunctionCallArgumentsDone>::default();
            event.item_id = id;
            if input.is_empty() {
                event.extra.insert("arguments", RawJson::string(""));
            }
            event.arguments = input;
            event.output_index = output_index;
            event.sequence_number = sequence_number;
            ResponseEvent::FunctionCallArgumentsDone(event)
        };
        self.emit(event, out);
        item
    }
}
