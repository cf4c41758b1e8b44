//! The state machine that assembles a response from its events. The protocol sends most content
//! several times: in deltas, in the `done` of a text, of a part and of an item, and in the final
//! response. Depending on the server, any of these may be missing, late, repeated or under another
//! name. `identity` finds the item that an event means, `text` and `item` merge the content,
//! `terminal` handles the last event. Each change is recorded as a `Change`, in order; from these,
//! `Updates` and the chat adapters deliver all content exactly once.

mod class;
mod diagnostic;
mod entry;
mod event;
mod evidence;
mod fill;
mod identity;
mod index;
mod item;
mod joined;
mod late;
mod object;
mod part;
mod place;
mod sequence;
mod terminal;
mod text;
mod tool;
mod unmatched;
mod untyped;
mod whole;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use codex_types::{
    Boxed, Delta, DeltaRef, EventRef, Extra, Halves, Logprob, OutputItem, RawJson, Response,
    ResponseEvent,
};

use self::class::Class;
pub(crate) use self::class::TextKind;
pub use self::diagnostic::{Diagnostic, DiagnosticKind};
use self::entry::Entry;
use self::index::{Address, Identities};
#[cfg(feature = "chat")]
pub(crate) use self::object::Brackets;
use self::place::PartUse;
pub(crate) use self::place::Place;
use self::sequence::{Kind, Sequence};
use crate::Error;

/// An accumulator that assembles a [`Response`] from its events and keeps everything that was
/// received, however the stream ends.
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
/// # Which item an event belongs to
///
/// Servers omit ids and indexes, change them, or use one for everything. Each event is matched by
/// its strongest evidence, in this order; weaker evidence never overrules stronger evidence.
///
/// | evidence | rule |
/// |---|---|
/// | `call_id` | Names a call, also in the events of its arguments. Two finished calls at different indexes with different arguments stay two even under one `call_id`. |
/// | item id | Names an item; an event may also use the `call_id` instead. Of items that share an id, the index decides. |
/// | `output_index` and kind | Names the item of that kind at that index, unless two items of one kind have claimed one index: then indexes prove nothing on this stream. |
/// | the open item of the kind | The most recently extended one, or the first that has no text, or the last. A complete item belongs to the open one whose text it continues, unless both its id and its index are different. |
/// | order | A new item after the others. |
///
/// The kind of an item that no event has announced is a guess: a delta of another kind under its id
/// begins a new item. An announcement without an id or an index names a call whose deltas arrived
/// before it, unless the input of that call is complete.
///
/// An unknown id is a new id of the item that weaker evidence points to, unless that item has text
/// and two events have confirmed its id. The id of a hosted tool's call is confirmed by the events
/// of its progress, which also name a call of the same tool that was announced without one. An item
/// that is repeated without better evidence than its kind is held back until it differs from the
/// one before it.
///
/// Within an item, a part is found by its index and kind, then by its kind, then as the open one.
/// The item decides the kind: a part that is labeled `output_text` in a reasoning item is
/// reasoning.
///
/// These rules resolve contradictory evidence, and each contradiction is recorded in
/// [`diagnostics`](Self::diagnostics).
///
/// # Which source counts
///
/// The final response takes precedence over `output_item.done`, which takes precedence over the
/// `done` of a part or a text, which takes precedence over deltas. If a source lacks a value, the
/// value of the next source is kept. Text or arguments that an added item already contains count
/// until the first delta arrives. A complete text that begins with the deltas adds what they lack;
/// one that contradicts them replaces them. Arguments of a finished call never change. White space
/// that a complete text lacks at its ends is kept.
///
/// Text that arrives after the end of its item or part is added, unless it repeats earlier text:
/// some servers send a complete text before its deltas.
/// Deltas that were counted as parts or as items are joined once a complete text equals all of them
/// together.
///
/// Content may be a string, a part may lack its type, and arguments may be an object: they are
/// merged as if they had the usual form.
///
/// The parts of a complete item correspond to those with the same indexes or, if there are none, to
/// those whose text they begin with. The final response never continues a finished item under
/// another id.
///
/// The status in the last event takes precedence over `response.completed`, with which some servers
/// end every response.
///
/// An item of the final response is matched by its `call_id`, its id, its encrypted content, all of
/// its content, its text, the text that it continues, its index, and its order.
///
/// The output has the order of the final response. Items that it lacks stay after the item that
/// preceded them. No two items have the same id: the later one loses it.
///
/// Events after the terminal one change nothing.
///
/// # Streams with two readings
///
/// Some streams do not contain enough to tell two readings apart. A rule decides each case.
///
/// | stream | reading |
/// |---|---|
/// | parts or items of one kind in a row, without ids or indexes, and nothing between them | one part, or one item |
/// | deltas of parallel calls without ids or indexes | of the call that was extended last, or the first without text |
/// | deltas without an index under an unknown id, while an announced item has no text | of the announced item |
/// | an announcement without an index, while a call that was not announced has had one event | of that call |
/// | equal items in a row at one index, without different ids | one item, sent twice |
/// | an item that is sent again, without a complete text or an id or index that shows it | new text, or a new item |
/// | an item of the final output, equal to an earlier one that the output lacks or renames | the earlier item |
#[derive(Clone, Debug)]
pub struct Accumulator {
    response: Boxed<Response>,
    /// The entries, in order of arrival.
    entries: Vec<Entry>,
    /// The keys of the entries whose items are in the output, in its order.
    order: Vec<u32>,
    identities: Identities,
    /// The entry that the last event belonged to.
    current: Option<u32>,
    is_disordered: bool,
    has_repetitions: bool,
    /// Whether some part had an index above 0, so that part indexes are reliable.
    part_indexes_tell: bool,
    sequence: Sequence,
    outcome: Option<Outcome>,
    /// Whether changes are recorded.
    is_observed: bool,
    changes: VecDeque<Change>,
    diagnostics: Vec<Diagnostic>,
    size: usize,
    /// The portion of `size` that the fields of the response use.
    envelope_size: usize,
    limit: usize,
}

/// The outcome of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The response is complete.
    Completed,
    /// The response was cut short, for the reason in [`Response::incomplete_details`].
    Incomplete,
    /// The response failed, for the reason in [`Response::error`].
    Failed,
    /// The response was cancelled.
    Cancelled,
    /// An `error` event ended the stream; the error is in [`Response::error`].
    Error,
}

/// A change that an event made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// An item was begun.
    Started { key: u32 },
    /// An item may have received its `call_id` or its name.
    Named { key: u32 },
    /// A text has grown.
    Text {
        place: Place,
        start: usize,
        end: usize,
    },
    /// A text that was partly reported has been replaced by a different one.
    Contradicted { place: Place },
    /// An item is done.
    Done { key: u32 },
    /// An item will not be finished.
    Cut { key: u32 },
    /// The response has ended.
    Ended,
}

/// A delta in either form, owned or borrowed.
struct Piece<'a> {
    kind: codex_types::DeltaKind,
    address: Address<'a>,
    part: Option<u32>,
    text: &'a str,
    logprobs: &'a [Logprob],
    halves: Option<Halves>,
}

macro_rules! piece {
    ($delta:expr) => {
        Piece {
            kind: $delta.kind(),
            address: Address::new(
                $delta.output_index(),
                match $delta.item_id() {
                    "" => id_of_call($delta.extra()),
                    id => id,
                },
            ),
            part: $delta.content_index().or_else(|| $delta.summary_index()),
            text: $delta.delta(),
            logprobs: $delta.logprobs(),
            halves: $delta.extra().spelling("delta").map(Halves::of),
        }
    };
}

/// Returns the `call_id` that an event about a call may have instead of an item id.
fn id_of_call(extra: &Extra) -> &str {
    let json = extra.get("call_id").map_or("", RawJson::as_str);
    let id = json.strip_prefix('"').and_then(|id| id.strip_suffix('"'));
    id.filter(|id| !id.contains('\\')).unwrap_or_default()
}

impl Accumulator {
    /// Creates an accumulator with an empty response.
    pub fn new() -> Self {
        Self::with_limit(DEFAULT_LIMIT)
    }

    /// Creates an accumulator whose response may grow to about `bytes` bytes. The default is 256
    /// MiB.
    ///
    /// Text counts as its bytes, and a complete item as the memory that it uses
    /// ([`HeapSize`](codex_types::HeapSize)); the accumulator uses at most four times the counted
    /// memory.
    pub fn with_limit(bytes: usize) -> Self {
        Self {
            response: Boxed::default(),
            entries: Vec::new(),
            order: Vec::new(),
            identities: Identities::default(),
            current: None,
            is_disordered: false,
            has_repetitions: false,
            part_indexes_tell: false,
            sequence: Sequence::default(),
            outcome: None,
            is_observed: false,
            changes: VecDeque::new(),
            diagnostics: Vec::new(),
            size: 0,
            envelope_size: 0,
            limit: bytes,
        }
    }

    /// Merges one event into the response.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ResponseTooLarge`](crate::ErrorKind::ResponseTooLarge) if the response
    /// would grow beyond its limit. The event is not merged, and everything before it is kept.
    pub fn push(&mut self, event: &ResponseEvent) -> Result<(), Error> {
        match event.delta() {
            Some(delta) => self.push_delta(delta),
            None => self.push_other(event),
        }
    }

    /// Merges one event in either form; a borrowed delta is appended without being copied first.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`push`](Self::push).
    pub fn push_ref(&mut self, event: &EventRef<'_>) -> Result<(), Error> {
        match event {
            EventRef::Delta(delta) => self.push_delta_ref(delta),
            EventRef::Event(event) => self.push(event),
        }
    }

    /// Returns the response as received so far.
    pub fn snapshot(&self) -> &Response {
        &self.response
    }

    /// Returns how the response ended. `None` while it has not ended; at the end of a stream, this
    /// means that the stream was truncated.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// Returns the irregularities of the events, at most one for each item and kind, and at most 64
    /// entries.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Returns the highest sequence number seen, for the parameter `starting_after` when resuming
    /// the stream.
    pub fn last_sequence_number(&self) -> Option<u64> {
        self.sequence.highest()
    }

    /// Records that the stream was resumed, so that the events that follow may repeat earlier ones.
    ///
    /// From here on, an event is dropped if an earlier event of the same kind had its sequence
    /// number. On streams that were not resumed, sequence numbers are ignored, because some servers
    /// repeat them or restart them.
    ///
    /// ```
    /// use codex_sse::Accumulator;
    /// use codex_types::ResponseEvent;
    ///
    /// let first = ResponseEvent::from_json(
    ///     r#"{"type":"response.output_text.delta","sequence_number":4,"output_index":0,"delta":"Hel"}"#,
    /// )?;
    /// let second = ResponseEvent::from_json(
    ///     r#"{"type":"response.output_text.delta","sequence_number":5,"output_index":0,"delta":"lo"}"#,
    /// )?;
    /// let mut accumulator = Accumulator::new();
    /// accumulator.push(&first)?;
    /// accumulator.resume();
    /// accumulator.push(&first)?;
    /// accumulator.push(&second)?;
    /// assert_eq!(accumulator.snapshot().output_text(), "Hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resume(&mut self) {
        self.sequence.resume();
    }

    /// Ends the stream. If no terminal event was received, open items count as cut off.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Truncated`](crate::ErrorKind::Truncated) if no terminal event was
    /// received.
    pub fn finish(&mut self) -> Result<(), Error> {
        if self.outcome.is_some() {
            return Ok(());
        }
        self.put_in_order();
        self.finish_items(None);
        Err(Error::truncated(None))
    }

    /// Returns the response if it completed, else `None`; [`into_partial`](Self::into_partial)
    /// returns it whatever its [`outcome`](Self::outcome).
    pub fn into_response(self) -> Option<Response> {
        (self.outcome == Some(Outcome::Completed)).then(|| self.response.into_inner())
    }

    /// Returns the response as received so far, whatever its outcome.
    pub fn into_partial(mut self) -> Response {
        self.end_halves();
        self.put_in_order();
        self.response.into_inner()
    }
}

impl Default for Accumulator {
    fn default() -> Self {
        Self::new()
    }
}

impl Accumulator {
    /// Starts recording changes.
    pub(crate) fn observe(&mut self) {
        self.is_observed = true;
    }

    pub(crate) fn changes(&mut self) -> &mut VecDeque<Change> {
        &mut self.changes
    }

    /// Returns the index under which an item is reported, and the item. `None` for an item that
    /// turned out to be a repetition.
    pub(crate) fn reported(&self, key: u32) -> Option<(u32, &OutputItem)> {
        let entry = self.entries.get(key as usize)?;
        let item = self.response.output.get(entry.position)?;
        (!entry.is_repetition).then_some((entry.index, item))
    }

    /// Returns a text, and the index of its part.
    pub(crate) fn reported_text(&self, place: Place) -> Option<(u32, &str)> {
        let (_, item) = self.reported(place.key)?;
        let parts = self.entry(place.key).parts(place.kind);
        let part = parts.list.get(place.position)?;
        Some((part.index, class::text(item, place.kind, place.position)?))
    }

    /// Returns the only text of a call.
    pub(crate) fn input(item: &OutputItem) -> &str {
        class::texts(item, TextKind::Input)
            .next()
            .unwrap_or_default()
    }

    /// Returns the keys of the items, in output order.
    #[cfg(feature = "chat")]
    pub(crate) fn keys(&self) -> Vec<u32> {
        self.order.clone()
    }

    /// Returns the reported prefix of a call's text.
    #[cfg(feature = "chat")]
    pub(crate) fn reported_input(&self, key: u32) -> &str {
        let shown = self
            .entry(key)
            .parts
            .list
            .first()
            .map_or(0, |part| part.shown);
        Self::input(self.item(key)).get(..shown).unwrap_or_default()
    }

    /// Replaces surrogate halves whose other half never arrived.
    pub(crate) fn end_halves(&mut self) {
        for key in self.order.clone() {
            for place in self.places(key) {
                self.end_half(place);
            }
        }
    }

    /// Records that a chat stream ended without a `finish_reason`.
    #[cfg(feature = "chat")]
    pub(crate) fn note_missing_finish(&mut self) {
        self.note(DiagnosticKind::MissingFinishReason, None);
    }

    #[inline]
    fn push_delta(&mut self, delta: &Delta) -> Result<(), Error> {
        self.append(delta.sequence_number(), &piece!(delta))
    }

    #[inline]
    pub(crate) fn push_delta_ref(&mut self, delta: &DeltaRef<'_>) -> Result<(), Error> {
        self.append(delta.sequence_number(), &piece!(delta))
    }

    #[inline]
    fn append(&mut self, number: Option<u64>, piece: &Piece<'_>) -> Result<(), Error> {
        if self.has_ended_or_repeats(number, Kind::Delta(piece.kind)) || piece.text.is_empty() {
            return Ok(());
        }
        let place = match self.current_place(piece) {
            Some(place) => place,
            None => match self.find_place(piece)? {
                Some(place) => place,
                None => return Ok(()),
            },
        };
        if !piece.logprobs.is_empty() {
            self.push_logprobs(place, piece.logprobs)?;
        }
        self.push_text(place, piece.text, piece.halves)
    }

    /// Returns the part of the last event, if this one names exactly the same item and part.
    #[inline]
    fn current_place(&self, piece: &Piece<'_>) -> Option<Place> {
        let key = self.current?;
        let entry = &self.entries[key as usize];
        let is_same = !entry.is_done
            && entry.is_stable
            && entry.claimed == piece.address.index
            && entry.last_id == piece.address.id;
        let item = &self.response.output[entry.position];
        let kind = TextKind::of(piece.kind)?;
        if !is_same || Class::of(item) != Class::of_delta(piece.kind)? {
            return None;
        }
        let parts = &entry.parts(kind).list;
        let position = parts.len().checked_sub(1)?;
        let part = &parts[position];
        let is_part = kind == TextKind::Input || piece.part == Some(part.index);
        let is_open = part.has_content && !part.is_sealed && part.twin.is_none();
        (is_part && is_open && part.kind == Some(kind)).then_some(Place {
            key,
            kind,
            position,
        })
    }

    #[cold]
    fn find_place(&mut self, piece: &Piece<'_>) -> Result<Option<Place>, Error> {
        let (Some(class), Some(kind)) = (Class::of_delta(piece.kind), TextKind::of(piece.kind))
        else {
            return Ok(None);
        };
        let Some((key, kind)) = self.item_for(class, kind, piece.address)? else {
            return Ok(None);
        };
        if self.entry(key).is_done {
            return self.late_place(key, kind, piece);
        }
        let place = self.part_for(key, kind, piece.part, PartUse::Grows)?;
        if !self.part(place).is_sealed {
            return Ok(Some(place));
        }
        let late = self.late_place(key, kind, piece)?;
        if late.is_none() {
            self.begin_again(key);
        }
        Ok(late)
    }

    #[inline]
    fn has_ended_or_repeats(&mut self, number: Option<u64>, kind: Kind) -> bool {
        if self.outcome.is_some() {
            return true;
        }
        number.is_some_and(|number| self.sequence.is_repeated(number, kind))
    }

    fn report(&mut self, change: Change) {
        if self.is_observed {
            self.changes.push_back(change);
        }
    }

    fn note(&mut self, kind: DiagnosticKind, key: Option<u32>) {
        let diagnostic = Diagnostic {
            kind,
            output_index: key.map(|key| self.entry(key).index),
        };
        if self.diagnostics.len() < MOST_DIAGNOSTICS && !self.diagnostics.contains(&diagnostic) {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Counts bytes that are about to be stored.
    #[inline]
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
const MOST_DIAGNOSTICS: usize = 64;

/// The bytes counted for each item in addition to its content.
const PER_ITEM: usize = 512;
/// The bytes counted for each part in addition to its text.
const PER_PART: usize = 128;
