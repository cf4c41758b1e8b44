//! The events that contain the whole response: its beginning and its end.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use codex_types::chat::ChatChunk;
use codex_types::chat::translate::{begin_response, repeat_request};
use codex_types::{ApiError, Boxed, LifecycleEvent, Response, ResponseEvent, Status};

use super::to_events::ToResponseEvents;

impl ToResponseEvents {
    /// Ends the response with an error that was sent instead of a chunk.
    pub fn fail(&mut self, error: ApiError) -> Vec<ResponseEvent> {
        let mut out = Vec::new();
        if self.is_over {
            return out;
        }
        if self.ending.is_some() {
            self.close(&mut out);
        }
        if self.request.is_some() {
            self.begin(Response::new("", Status::Failed));
        }
        self.is_over = true;
        self.response.status = Status::Failed;
        self.response.error = Some(Box::new(error));
        // Open items are cut, and the last event reports that as well.
        let _ = self.accumulator.finish();
        let event = self.last_event();
        self.emit(ResponseEvent::Failed(event), &mut out);
        out
    }

    /// Ends the stream and returns the events that end the response.
    pub fn finish(&mut self) -> Vec<ResponseEvent> {
        if self.is_over {
            return Vec::new();
        }
        if !self.is_complete() {
            let message = "the stream ended before the completion did";
            return self.fail(ApiError::new("stream_truncated", message));
        }
        let mut out = Vec::new();
        if self.ending.is_none() {
            self.accumulator.note_missing_finish();
            self.response.status = Status::Completed;
        }
        self.close(&mut out);
        self.is_over = true;
        let is_cut = self.response.status == Status::Incomplete;
        let event = self.last_event();
        let event = if is_cut {
            ResponseEvent::Incomplete(event)
        } else {
            ResponseEvent::Completed(event)
        };
        self.emit(event, &mut out);
        out
    }

    /// Returns whether the completion has ended: only the usage can follow.
    pub(super) fn is_complete(&self) -> bool {
        self.ending.is_some() || (self.is_done && !self.items.is_empty())
    }

    /// Returns whether nothing can follow.
    pub(super) fn has_all(&self) -> bool {
        self.is_over || (self.is_done && self.usage.is_some() && self.is_complete())
    }

    pub(super) fn open(&mut self, chunk: &ChatChunk, out: &mut Vec<ResponseEvent>) {
        if self.is_open {
            return;
        }
        self.is_open = true;
        let (id, created_at) = (chunk.given_id(), chunk.created_at());
        self.begin(begin_response(id, &chunk.model, created_at));
        self.response.service_tier.clone_from(&chunk.service_tier);
        self.message_id = format!("msg_{}", self.response.id);
        self.thought_id = format!("rs_{}", self.response.id);
        let event = self.lifecycle();
        self.emit(ResponseEvent::Created(event), out);
        let event = self.lifecycle();
        self.emit(ResponseEvent::InProgress(event), out);
    }

    /// Sets the fields that do not change until the response ends.
    fn begin(&mut self, response: Response) {
        self.response = response;
        if let Some(request) = self.request.take() {
            repeat_request(&mut self.response, &request);
        }
    }

    pub(super) fn lifecycle(&mut self) -> Boxed<LifecycleEvent> {
        let mut event = Boxed::<LifecycleEvent>::default();
        event.response = self.response.clone();
        event.sequence_number = Some(self.next());
        event
    }

    /// Returns the last event, with the output as assembled.
    fn last_event(&mut self) -> Boxed<LifecycleEvent> {
        let mut event = self.lifecycle();
        event.response.usage = self.usage.take();
        let output = &self.accumulator.snapshot().output;
        event.response.output.clone_from(output);
        event
    }
}
