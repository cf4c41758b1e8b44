// The protocol says most things several times: in deltas, in the `done` of a text, in the `done` of a part and of an item, and in the
// final response. Any of these may be missing, late, repeated or empty, depending on the server. The order of trust is
//
//   terminal response > output_item.done > part or text done > deltas
//
// and a source never undoes one above it: `Slot::done` and `Slot::sealed` remember which have come. Where a higher source says nothing,
// the lower one stays (`fill`). Everything that changes is reported as a `Change`, in order, so that `View` can deliver each piece once.

mod envelope;
mod fill;
mod item;
mod place;
mod sequence;
mod slot;
mod tool;

use alloc::{boxed::Box, vec::Vec};
use core::mem::{self, Discriminant};

use codex_types::{
    Delta, DeltaKind, DeltaRef, EventRef, ItemStatus, Logprob, OutputItem, Response, ResponseEvent,
};

use self::{sequence::Sequence, slot::Slot};
use crate::Error;

/// Assembles a [`Response`] from its events and keeps everything that was received, however the stream ends.
///
/// ```
/// use codex_sse::{Accumulator, Outcome};
/// use codex_types::ResponseEvent;
///
/// let mut accumulator = Accumulator::new();
/// for json in [
///     r#"{"type":"response.created","response":{"id":"resp_1","status":"in_progress","output":[]}}"#,
///     r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"Hel"}"#,
///     r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"lo"}"#,
/// ] {
///     accumulator.push(&ResponseEvent::from_json(json)?)?;
/// }
/// assert_eq!(accumulator.snapshot().output_text(), "Hello");
/// assert_eq!(accumulator.outcome(), None);
///
/// let last = r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}"#;
/// accumulator.push(&ResponseEvent::from_json(last)?)?;
/// assert_eq!(accumulator.outcome(), Some(Outcome::Completed));
/// assert_eq!(accumulator.into_partial().output_text(), "Hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Deltas, `done` events and the final response may come in any combination: what only one of them says is kept, what several say is taken
/// once, and the later of them counts, in the order in which they are named here. Events after the terminal one change nothing.
#[derive(Clone, Debug)]
pub struct Accumulator {
    response: Response,
    /// One for each item of the output.
    slots: Vec<Slot>,
    serials: u32,
    sequence: Sequence,
    /// The kind of the last event that had a number of its own.
    last_kind: Option<Kind>,
    outcome: Option<Outcome>,
    size: usize,
    limit: usize,
}

/// How a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It is whole.
    Completed,
    /// It was cut short, for the reason in [`Response::incomplete_details`].
    Incomplete,
    /// It failed, for the reason in [`Response::error`].
    Failed,
    /// It was cancelled.
    Cancelled,
    /// An `error` event ended the stream; the error is in [`Response::error`].
    Error,
}

/// What an event changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// An item has been begun.
    Started { serial: u32 },
    /// A text has grown from `start` to `end`, or, corrected, is another one now.
    Text {
        serial: u32,
        kind: DeltaKind,
        part: u32,
        start: usize,
        end: usize,
        corrected: bool,
    },
    /// An item is done.
    Done { serial: u32 },
    /// An item will not be finished.
    Cut { serial: u32 },
    /// The response has ended.
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Delta(DeltaKind),
    Other(Discriminant<ResponseEvent>),
}

/// An item with what is known about it.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) output_index: u32,
    pub(crate) item: &'a OutputItem,
    slot: &'a Slot,
}

impl<'a> Place<'a> {
    /// One of the texts of the item.
    pub(crate) fn text(&self, kind: DeltaKind, part: u32) -> Option<&'a str> {
        let indexes = match kind {
            DeltaKind::ReasoningSummaryText => &self.slot.summary,
            _ => &self.slot.parts,
        };
        let position = indexes
            .binary_search(&part)
            .ok()
            .and_then(|position| u32::try_from(position).ok());
        let mut texts = slot::texts(self.item).into_iter();
        let here = |(text_kind, place, _): &(DeltaKind, u32, _)| {
            *text_kind == kind && *place == position.unwrap_or(part)
        };
        texts.find(here).map(|(_, _, text)| text)
    }
}

/// A delta of either form.
struct Piece<'a> {
    kind: DeltaKind,
    item_id: &'a str,
    output_index: Option<u32>,
    part: u32,
    text: &'a str,
    logprobs: &'a [Logprob],
}

impl Accumulator {
    /// An empty response.
    pub fn new() -> Self {
        Self::with_limit(DEFAULT_LIMIT)
    }

    /// An empty response that may grow to about `bytes` bytes of text. The default is 256 MiB.
    pub fn with_limit(bytes: usize) -> Self {
        Self {
            response: Response::default(),
            slots: Vec::new(),
            serials: 0,
            sequence: Sequence::default(),
            last_kind: None,
            outcome: None,
            size: 0,
            limit: bytes,
        }
    }

    /// Takes one event.
    ///
    /// An event that has been seen already, by its sequence number, and any event after the terminal one change nothing.
    ///
    /// # Errors
    /// When the response grows beyond its limit; the event is not taken then.
    pub fn push(&mut self, event: &ResponseEvent) -> Result<(), Error> {
        self.apply(event, &mut |_| {})
    }

    /// Takes one event in either form; a borrowed delta is appended without being copied first.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_ref(&mut self, event: &EventRef<'_>) -> Result<(), Error> {
        match event {
            EventRef::Delta(delta) => self.apply_delta_ref(delta, &mut |_| {}),
            EventRef::Event(event) => self.push(event),
        }
    }

    /// The response as far as it has come.
    pub fn snapshot(&self) -> &Response {
        &self.response
    }

    /// How the response ended. `None` while it has not: at the end of a stream, that means it was truncated.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// The highest sequence number seen, for the parameter `starting_after` when the stream is resumed. The resumed stream may be pushed
    /// into the same accumulator: what it repeats is passed over.
    pub fn last_sequence_number(&self) -> Option<u64> {
        self.sequence.highest()
    }

    /// The response, if it ended whole.
    ///
    /// # Errors
    /// The accumulator itself, when the response ended otherwise or not at all; [`into_partial`](Self::into_partial) gives what there is.
    pub fn into_response(self) -> Result<Response, Box<Self>> {
        match self.outcome {
            Some(Outcome::Completed) => Ok(self.response),
            _ => Err(Box::new(self)),
        }
    }

    /// The response, as far as it came.
    pub fn into_partial(self) -> Response {
        self.response
    }
}

impl Default for Accumulator {
    fn default() -> Self {
        Self::new()
    }
}

impl Accumulator {
    pub(crate) fn apply(
        &mut self,
        event: &ResponseEvent,
        report: &mut impl FnMut(Change),
    ) -> Result<(), Error> {
        if let Some(delta) = event.delta() {
            return self.apply_delta(delta, report);
        }
        let kind = Kind::Other(mem::discriminant(event));
        if self.is_over_or_repeated(event.sequence_number(), kind) {
            return Ok(());
        }
        match event {
            ResponseEvent::Created(event)
            | ResponseEvent::Queued(event)
            | ResponseEvent::InProgress(event) => {
                self.take_envelope(event, report);
            }
            ResponseEvent::Completed(event) => self.end(event, Some(Outcome::Completed), report),
            ResponseEvent::Incomplete(event) => self.end(event, Some(Outcome::Incomplete), report),
            ResponseEvent::Failed(event) => self.end(event, Some(Outcome::Failed), report),
            ResponseEvent::Done(event) => self.end(event, None, report),
            ResponseEvent::Error(event) => {
                if self.response.error.is_none() {
                    self.response.error = Some(Box::new(event.to_api_error()));
                }
                self.conclude(Outcome::Error, report);
            }
            _ => return self.apply_to_item(event, report),
        }
        Ok(())
    }

    fn apply_delta(&mut self, delta: &Delta, report: &mut impl FnMut(Change)) -> Result<(), Error> {
        let piece = Piece {
            kind: delta.kind(),
            item_id: delta.item_id(),
            output_index: delta.output_index(),
            part: delta
                .content_index()
                .or_else(|| delta.summary_index())
                .unwrap_or(0),
            text: delta.delta(),
            logprobs: delta.logprobs(),
        };
        self.append(delta.sequence_number(), &piece, report)
    }

    pub(crate) fn apply_delta_ref(
        &mut self,
        delta: &DeltaRef<'_>,
        report: &mut impl FnMut(Change),
    ) -> Result<(), Error> {
        let piece = Piece {
            kind: delta.kind(),
            item_id: delta.item_id(),
            output_index: delta.output_index(),
            part: delta
                .content_index()
                .or_else(|| delta.summary_index())
                .unwrap_or(0),
            text: delta.delta(),
            logprobs: delta.logprobs(),
        };
        self.append(delta.sequence_number(), &piece, report)
    }

    #[inline]
    fn is_over_or_repeated(&mut self, number: Option<u64>, kind: Kind) -> bool {
        if self.outcome.is_some() {
            return true;
        }
        let Some(number) = number else {
            return false;
        };
        let same_kind = self.last_kind == Some(kind);
        if self.sequence.is_repeated(number, same_kind) {
            return true;
        }
        self.last_kind = Some(kind);
        false
    }

    pub(crate) fn place(&self, serial: u32) -> Option<Place<'_>> {
        let position = self.slots.iter().rposition(|slot| slot.serial == serial)?;
        let slot = &self.slots[position];
        Some(Place {
            output_index: slot.output_index,
            item: self.response.output.get(position)?,
            slot,
        })
    }

    /// The response is over. What no event has finished is finished by a response that is whole, and is cut by any other.
    fn conclude(&mut self, outcome: Outcome, report: &mut impl FnMut(Change)) {
        self.outcome = Some(outcome);
        for (slot, item) in self.slots.iter_mut().zip(&self.response.output) {
            if !mem::replace(&mut slot.done, true) {
                let serial = slot.serial;
                report(match slot::status(item) {
                    Some(ItemStatus::Incomplete) => Change::Cut { serial },
                    Some(ItemStatus::Completed) => Change::Done { serial },
                    _ if outcome == Outcome::Completed => Change::Done { serial },
                    _ => Change::Cut { serial },
                });
            }
        }
        report(Change::Ended);
    }

    /// Makes room for so many more bytes.
    fn grow(&mut self, bytes: usize) -> Result<(), Error> {
        match self.size.checked_add(bytes) {
            Some(size) if size <= self.limit => {
                self.size = size;
                Ok(())
            }
            _ => Err(Error::response_too_large(self.limit)),
        }
    }
}

const DEFAULT_LIMIT: usize = 256 << 20;
