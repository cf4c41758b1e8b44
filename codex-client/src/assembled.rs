// The updates of one response, next to its events. A contradiction concerns the updates only: the events are the server's own and stay valid, so
// the error waits here until the caller asks for an update.

use codex_sse::{Accumulator, Update, Updates};
use codex_types::{Response, ResponseEvent};

use crate::error::Error;
use crate::failure;
use crate::meta::ResponseMeta;

/// The updates of the last event that was returned, and the contradiction in it.
#[derive(Default)]
pub(crate) struct EventUpdates {
    updates: Updates,
    contradiction: Option<codex_sse::Error>,
}

impl EventUpdates {
    /// Merges an event and drops what is left of the one before.
    ///
    /// Fails when the response has grown beyond its limit.
    pub(crate) fn feed(&mut self, event: &ResponseEvent) -> Result<(), Error> {
        self.updates.skip();
        self.contradiction = None;
        match self.updates.feed(event) {
            Err(error) if error.is_fatal() => Err(failure::stream(error)),
            merged => {
                self.contradiction = merged.err();
                Ok(())
            }
        }
    }

    /// Returns the contradiction in the last event, once.
    pub(crate) fn take_contradiction(&mut self, meta: &ResponseMeta) -> Option<Error> {
        let error = failure::stream(self.contradiction.take()?);
        Some(error.with_meta(meta.clone()).after_delivery(true))
    }

    pub(crate) fn has_next(&mut self) -> bool {
        self.updates.has_next()
    }

    pub(crate) fn poll(&mut self) -> Option<Update<'_>> {
        self.updates.poll()
    }

    /// The events that follow may repeat earlier ones.
    #[cfg(feature = "ws")]
    pub(crate) fn resume(&mut self) {
        self.updates.resume();
    }

    #[cfg(feature = "ws")]
    pub(crate) fn updates(&self) -> &Updates {
        &self.updates
    }

    pub(crate) fn snapshot(&self) -> &Response {
        self.updates.snapshot()
    }

    pub(crate) fn accumulator(&self) -> &Accumulator {
        self.updates.accumulator()
    }

    /// Takes the accumulator out and leaves an empty one.
    pub(crate) fn take_accumulator(&mut self) -> Accumulator {
        core::mem::take(self).updates.into_accumulator()
    }
}
