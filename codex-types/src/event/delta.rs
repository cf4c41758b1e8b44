//! The most frequent events: new text for one field of an output item.
//!
//! A stream consists of little else, so a delta is packed: its texts share one allocation, and rare
//! fields share another that usually does not exist. [`DeltaRef`] reads the same without an
//! allocation.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::part::Logprob;
use crate::wire::encode::{Encode, Encoder, Pairs, serialize_by_encode};
use crate::wire::key::Key;
use crate::wire::source::Failed;
use crate::wire::write::write_members;
use crate::{Extra, HeapSize, RawJson};

/// A delta: new text that is appended to a field of an item.
///
/// The [`DeltaKind`] names the field. The same type serves all events that have text under `delta`;
/// indexes that a kind does not have are `None`.
///
/// ```
/// use codex_types::ResponseEvent;
///
/// let event = ResponseEvent::from_json(concat!(
///     r#"{"type":"response.output_text.delta","sequence_number":7,"item_id":"msg_1","#,
///     r#""output_index":0,"content_index":0,"delta":"Hel","logprobs":[]}"#,
/// ))?;
/// let ResponseEvent::OutputTextDelta(delta) = event else { panic!("a delta was sent") };
/// assert_eq!(delta.delta(), "Hel");
/// assert_eq!(delta.content_index(), Some(0));
/// assert_eq!(delta.summary_index(), None);
/// # Ok::<(), codex_types::DecodeError>(())
/// ```
#[derive(Clone)]
pub struct Delta {
    /// The item's id, the delta and the padding, concatenated.
    texts: Box<str>,
    /// The end of the item's id.
    item_id_end: u32,
    /// The number of bytes of the padding, which ends the text.
    obfuscation_len: u32,
    sequence_number: u64,
    output_index: u32,
    part_index: u32,
    kind: DeltaKind,
    present: Present,
    rare: Option<Box<Rare>>,
}

/// The fields that few deltas have.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rare {
    pub(crate) logprobs: Vec<Logprob>,
    pub(crate) stream_id: Option<Box<str>>,
    /// Unknown keys, and known keys whose value is null or of another type.
    pub(crate) extra: Extra,
}

/// The set of keys that were present: an absent key is not written, an empty one is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Present(u8);

impl Present {
    pub(crate) const SEQUENCE_NUMBER: u8 = 1;
    pub(crate) const ITEM_ID: u8 = 2;
    pub(crate) const OUTPUT_INDEX: u8 = 4;
    pub(crate) const CONTENT_INDEX: u8 = 8;
    pub(crate) const SUMMARY_INDEX: u8 = 16;
    pub(crate) const DELTA: u8 = 32;
    pub(crate) const LOGPROBS: u8 = 64;
    pub(crate) const OBFUSCATION: u8 = 128;

    pub(crate) fn has(self, key: u8) -> bool {
        self.0 & key != 0
    }

    pub(crate) fn has_all(self, keys: u8) -> bool {
        self.0 & keys == keys
    }

    /// Records a key; returns false if it was already present.
    pub(crate) fn add(&mut self, key: u8) -> bool {
        let first = !self.has(key);
        self.0 |= key;
        first
    }

    pub(crate) fn drop(&mut self, key: u8) {
        self.0 &= !key;
    }
}

/// The parts of a delta, with texts borrowed where possible.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Pieces<'a> {
    pub(crate) item_id: Cow<'a, str>,
    pub(crate) delta: Cow<'a, str>,
    pub(crate) obfuscation: Cow<'a, str>,
    pub(crate) sequence_number: u64,
    pub(crate) output_index: u32,
    pub(crate) part_index: u32,
    pub(crate) present: Present,
    pub(crate) rare: Option<Box<Rare>>,
}

impl Delta {
    /// Creates a delta for the item with this id at this output index.
    ///
    /// Kinds with a part index start at part 0; see [`with_part_index`](Self::with_part_index).
    pub fn new(kind: DeltaKind, item_id: &str, output_index: u32, delta: &str) -> Self {
        let mut present = Present::default();
        present.add(Present::ITEM_ID);
        present.add(Present::OUTPUT_INDEX);
        present.add(Present::DELTA);
        if let Some(key) = kind.part_key() {
            present.add(key);
        }
        Self::pack(
            kind,
            Pieces {
                item_id: item_id.into(),
                delta: delta.into(),
                output_index,
                present,
                ..Pieces::default()
            },
        )
    }

    /// Sets the sequence number of the event within its response.
    #[must_use]
    pub fn with_sequence_number(mut self, sequence_number: u64) -> Self {
        self.sequence_number = sequence_number;
        self.present.add(Present::SEQUENCE_NUMBER);
        self
    }

    /// Sets the part index, for the kinds that have one; others are unchanged.
    #[must_use]
    pub fn with_part_index(mut self, part_index: u32) -> Self {
        if let Some(key) = self.kind.part_key() {
            self.part_index = part_index;
            self.present.add(key);
        }
        self
    }

    /// Returns the kind of the delta.
    pub fn kind(&self) -> DeltaKind {
        self.kind
    }

    /// Returns the new text.
    pub fn delta(&self) -> &str {
        let end = self.texts.len() - self.obfuscation_len as usize;
        &self.texts[self.item_id_end as usize..end]
    }

    /// Returns the id of the item; empty if the event has none.
    pub fn item_id(&self) -> &str {
        &self.texts[..self.item_id_end as usize]
    }

    /// Returns the sequence number of the event within its response, if the event has one.
    pub fn sequence_number(&self) -> Option<u64> {
        self.present
            .has(Present::SEQUENCE_NUMBER)
            .then_some(self.sequence_number)
    }

    /// Returns the index of the item in the output, if the event has one.
    pub fn output_index(&self) -> Option<u32> {
        self.present
            .has(Present::OUTPUT_INDEX)
            .then_some(self.output_index)
    }

    /// Returns the index of the part in the content of the item; `None` for kinds without one.
    pub fn content_index(&self) -> Option<u32> {
        self.present
            .has(Present::CONTENT_INDEX)
            .then_some(self.part_index)
    }

    /// Returns the index of the part in the reasoning summary of the item; `None` for kinds without
    /// one.
    pub fn summary_index(&self) -> Option<u32> {
        self.present
            .has(Present::SUMMARY_INDEX)
            .then_some(self.part_index)
    }

    /// Returns the log probabilities of the tokens; empty unless `include` requested them.
    pub fn logprobs(&self) -> &[Logprob] {
        self.rare.as_ref().map_or(&[], |rare| &rare.logprobs)
    }

    /// Returns the padding that hides the length of the text, if the event has one.
    pub fn obfuscation(&self) -> Option<&str> {
        let start = self.texts.len() - self.obfuscation_len as usize;
        self.present
            .has(Present::OBFUSCATION)
            .then(|| &self.texts[start..])
    }

    /// Returns the id of the event's stream, on a WebSocket that multiplexes streams; else `None`.
    pub fn stream_id(&self) -> Option<&str> {
        self.rare.as_ref()?.stream_id.as_deref()
    }

    /// Returns unknown keys, and known keys whose value was null or of another type.
    pub fn extra(&self) -> &Extra {
        static NONE: Extra = Extra::none();
        self.rare.as_ref().map_or(&NONE, |rare| &rare.extra)
    }

    /// Returns whether the event has a `delta` that is neither text nor null, which is then in
    /// [`extra`](Self::extra).
    pub fn has_foreign_delta(&self) -> bool {
        let foreign = self.extra().get("delta");
        foreign.is_some_and(|value| !value.is_null())
    }

    /// Returns a borrowed view of the delta.
    pub fn as_ref(&self) -> DeltaRef<'_> {
        DeltaRef {
            kind: self.kind,
            pieces: Pieces {
                item_id: self.item_id().into(),
                delta: self.delta().into(),
                obfuscation: self.obfuscation().unwrap_or_default().into(),
                sequence_number: self.sequence_number,
                output_index: self.output_index,
                part_index: self.part_index,
                present: self.present,
                rare: self.rare.clone(),
            },
        }
    }

    /// Sets the JSON spelling of a text with lone surrogate halves; see [`Extra::spelling`].
    #[must_use]
    pub fn with_spelling(mut self, spelling: &RawJson) -> Self {
        let extra = &mut self.rare.get_or_insert_default().extra;
        extra.forget_spelling("delta");
        extra.spell("delta", spelling.clone());
        self
    }

    /// Returns the same text for a field of another kind.
    pub(crate) fn with_kind(&self, kind: DeltaKind) -> Self {
        let mut delta = self.clone();
        delta.kind = kind;
        delta
            .present
            .drop(Present::CONTENT_INDEX | Present::SUMMARY_INDEX);
        if let Some(key) = kind.part_key() {
            delta.present.add(key);
        }
        delta
    }

    pub(crate) fn pack(kind: DeltaKind, pieces: Pieces<'_>) -> Self {
        let Pieces {
            item_id,
            delta,
            obfuscation,
            ..
        } = &pieces;
        // The offsets have 32 bits, so an id or padding beyond 4 GiB is dropped; the text never is.
        let item_id_end = u32::try_from(item_id.len());
        let obfuscation_len = u32::try_from(obfuscation.len());
        let item_id = if item_id_end.is_ok() { &**item_id } else { "" };
        let obfuscation = if obfuscation_len.is_ok() {
            &**obfuscation
        } else {
            ""
        };
        let mut texts = String::with_capacity(item_id.len() + delta.len() + obfuscation.len());
        texts.push_str(item_id);
        texts.push_str(delta);
        texts.push_str(obfuscation);
        Self {
            texts: texts.into_boxed_str(),
            item_id_end: item_id_end.unwrap_or_default(),
            obfuscation_len: obfuscation_len.unwrap_or_default(),
            sequence_number: pieces.sequence_number,
            output_index: pieces.output_index,
            part_index: pieces.part_index,
            kind,
            present: pieces.present,
            rare: pieces.rare,
        }
    }
}

impl HeapSize for Delta {
    fn heap_size(&self) -> usize {
        self.texts.heap_size() + self.rare.heap_size()
    }
}

impl HeapSize for Rare {
    fn heap_size(&self) -> usize {
        self.logprobs.heap_size() + self.stream_id.heap_size() + self.extra.heap_size()
    }
}

impl PartialEq for Delta {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.item_id() == other.item_id()
            && self.delta() == other.delta()
            && self.obfuscation() == other.obfuscation()
            && self.sequence_number() == other.sequence_number()
            && self.output_index() == other.output_index()
            && self.content_index() == other.content_index()
            && self.summary_index() == other.summary_index()
            && self.logprobs() == other.logprobs()
            && self.stream_id() == other.stream_id()
            && self.extra() == other.extra()
    }
}

impl fmt::Debug for Delta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_delta("Delta", &self.as_ref(), f)
    }
}

impl Encode for Delta {
    fn encode(&self, encoder: &mut dyn Encoder) -> Result<(), Failed> {
        self.as_ref().encode(encoder)
    }
}

serialize_by_encode!(Delta);

/// A [`Delta`] whose texts are borrowed from the payload, except where escapes had to be resolved.
#[derive(Clone, PartialEq)]
pub struct DeltaRef<'a> {
    pub(crate) kind: DeltaKind,
    pub(crate) pieces: Pieces<'a>,
}

impl DeltaRef<'_> {
    /// Returns the kind of the delta.
    pub fn kind(&self) -> DeltaKind {
        self.kind
    }

    /// Returns the new text.
    pub fn delta(&self) -> &str {
        &self.pieces.delta
    }

    /// Returns the id of the item; empty if the event has none.
    pub fn item_id(&self) -> &str {
        &self.pieces.item_id
    }

    /// Returns the sequence number of the event within its response, if the event has one.
    pub fn sequence_number(&self) -> Option<u64> {
        let present = self.pieces.present.has(Present::SEQUENCE_NUMBER);
        present.then_some(self.pieces.sequence_number)
    }

    /// Returns the index of the item in the output, if the event has one.
    pub fn output_index(&self) -> Option<u32> {
        let present = self.pieces.present.has(Present::OUTPUT_INDEX);
        present.then_some(self.pieces.output_index)
    }

    /// Returns the index of the part in the content of the item; `None` for kinds without one.
    pub fn content_index(&self) -> Option<u32> {
        let present = self.pieces.present.has(Present::CONTENT_INDEX);
        present.then_some(self.pieces.part_index)
    }

    /// Returns the index of the part in the reasoning summary of the item; `None` for kinds without
    /// one.
    pub fn summary_index(&self) -> Option<u32> {
        let present = self.pieces.present.has(Present::SUMMARY_INDEX);
        present.then_some(self.pieces.part_index)
    }

    /// Returns the log probabilities of the tokens; empty unless `include` requested them.
    pub fn logprobs(&self) -> &[Logprob] {
        self.pieces.rare.as_ref().map_or(&[], |rare| &rare.logprobs)
    }

    /// Returns the padding that hides the length of the text, if the event has one.
    pub fn obfuscation(&self) -> Option<&str> {
        let present = self.pieces.present.has(Present::OBFUSCATION);
        present.then_some(&*self.pieces.obfuscation)
    }

    /// Returns the id of the event's stream, on a WebSocket that multiplexes streams; else `None`.
    pub fn stream_id(&self) -> Option<&str> {
        self.pieces.rare.as_ref()?.stream_id.as_deref()
    }

    /// Returns unknown keys, and known keys whose value was null or of another type.
    pub fn extra(&self) -> &Extra {
        static NONE: Extra = Extra::none();
        self.pieces.rare.as_ref().map_or(&NONE, |rare| &rare.extra)
    }

    /// Returns whether the event has a `delta` that is neither text nor null, which is then in
    /// [`extra`](Self::extra).
    pub fn has_foreign_delta(&self) -> bool {
        let foreign = self.extra().get("delta");
        foreign.is_some_and(|value| !value.is_null())
    }

    /// Returns the delta with owned data.
    pub fn into_owned(self) -> Delta {
        Delta::pack(self.kind, self.pieces)
    }
}

impl fmt::Debug for DeltaRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_delta("DeltaRef", self, f)
    }
}

impl Encode for DeltaRef<'_> {
    fn encode(&self, encoder: &mut dyn Encoder) -> Result<(), Failed> {
        write_members(self.extra(), &|pairs| self.write(pairs), encoder)
    }
}

serialize_by_encode!(DeltaRef<'_>);

impl DeltaRef<'_> {
    /// Writes all keys but those whose names have lone halves.
    fn write(&self, pairs: &mut dyn Pairs) -> Result<(), Failed> {
        let extra = self.extra();
        match extra.get("type") {
            Some(other) => pairs.pair("type", other)?,
            None if extra.is_untagged() => {}
            None => pairs.pair("type", &self.kind.as_str())?,
        }
        if let Some(sequence_number) = self.sequence_number() {
            pairs.pair("sequence_number", &sequence_number)?;
        }
        if self.pieces.present.has(Present::ITEM_ID) {
            write_text(pairs, "item_id", self.item_id(), extra)?;
        }
        if let Some(output_index) = self.output_index() {
            pairs.pair("output_index", &output_index)?;
        }
        if let Some(content_index) = self.content_index() {
            pairs.pair("content_index", &content_index)?;
        }
        if let Some(summary_index) = self.summary_index() {
            pairs.pair("summary_index", &summary_index)?;
        }
        if self.pieces.present.has(Present::DELTA) {
            write_text(pairs, "delta", self.delta(), extra)?;
        }
        if self.pieces.present.has(Present::LOGPROBS) {
            pairs.pair("logprobs", &self.logprobs())?;
        }
        if let Some(obfuscation) = self.obfuscation() {
            write_text(pairs, "obfuscation", obfuscation, extra)?;
        }
        if let Some(stream_id) = self.stream_id() {
            write_text(pairs, "stream_id", stream_id, extra)?;
        }
        for (name, value) in extra.entries() {
            if **name != *"type" && !name.is_spelled() {
                pairs.pair(name, value)?;
            }
        }
        Ok(())
    }
}

/// Writes a text, or the JSON of one with lone halves: a delta never changes, so it still holds.
fn write_text(pairs: &mut dyn Pairs, key: &str, text: &str, extra: &Extra) -> Result<(), Failed> {
    match extra.spelling(key) {
        Some(raw) => pairs.pair(key, raw),
        None => pairs.pair(key, &text),
    }
}

fn debug_delta(name: &str, delta: &DeltaRef<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.debug_struct(name)
        .field("kind", &delta.kind)
        .field("sequence_number", &delta.sequence_number())
        .field("item_id", &delta.item_id())
        .field("output_index", &delta.output_index())
        .field("content_index", &delta.content_index())
        .field("summary_index", &delta.summary_index())
        .field("delta", &delta.delta())
        .field("extra", delta.extra())
        .finish_non_exhaustive()
}

/// Declares the kinds of deltas: the `type` of the event, and the bit of its part index.
macro_rules! delta_kinds {
    ($($(#[$meta:meta])* $kind:ident = $type:literal $(with $part:ident)?,)*) => {
        /// The field of an item that a [`Delta`] appends to.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum DeltaKind {
            $($(#[$meta])* $kind,)*
        }

        impl DeltaKind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// Returns the `type` of the event.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $type,)*
                }
            }

            /// Returns the kind whose event has exactly this `type`, ignoring older names.
            pub(crate) fn of(event_type: &str) -> Option<Self> {
                match event_type {
                    $($type => Some(Self::$kind),)*
                    _ => None,
                }
            }

            fn part_key(self) -> Option<u8> {
                match self {
                    $($(Self::$kind => Some(Present::$part),)?)*
                    _ => None,
                }
            }
        }
    };
}

delta_kinds! {
    /// The text of a message.
    OutputText = "response.output_text.delta" with CONTENT_INDEX,
    /// The text of a refusal.
    Refusal = "response.refusal.delta" with CONTENT_INDEX,
    /// The arguments of a function.
    FunctionCallArguments = "response.function_call_arguments.delta",
    /// The input of a custom tool.
    CustomToolCallInput = "response.custom_tool_call_input.delta",
    /// The summary of reasoning.
    ReasoningSummaryText = "response.reasoning_summary_text.delta" with SUMMARY_INDEX,
    /// Reasoning text.
    ReasoningText = "response.reasoning_text.delta" with CONTENT_INDEX,
    /// The arguments of an MCP tool call.
    McpCallArguments = "response.mcp_call_arguments.delta",
    /// The code of a code interpreter call.
    CodeInterpreterCallCode = "response.code_interpreter_call_code.delta",
    /// Audio, in base64.
    Audio = "response.audio.delta",
    /// The transcript of the audio.
    AudioTranscript = "response.audio.transcript.delta",
}

impl Pieces<'_> {
    pub(crate) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    pub(crate) fn is_untagged(&self) -> bool {
        self.rare
            .as_ref()
            .is_some_and(|rare| rare.extra.is_untagged())
    }

    pub(crate) fn push_extra(&mut self, name: Key, value: RawJson) {
        self.rare().extra.push(name, value);
    }
}
