//! Irregularities of a stream.

use core::fmt;

/// A contradiction in the events, which a rule of the [`Accumulator`](crate::Accumulator) resolved.
///
/// ```
/// use codex_sse::{Accumulator, DiagnosticKind};
/// use codex_types::ResponseEvent;
///
/// let mut accumulator = Accumulator::new();
/// for json in [
///     r#"{"type":"response.output_text.delta","item_id":"a","output_index":0,"delta":"Hel"}"#,
///     r#"{"type":"response.output_text.delta","item_id":"b","output_index":0,"delta":"lo"}"#,
/// ] {
///     accumulator.push(&ResponseEvent::from_json(json)?)?;
/// }
/// let diagnostic = accumulator.diagnostics()[0];
/// assert_eq!(diagnostic.kind, DiagnosticKind::IdChanged);
/// assert_eq!(diagnostic.to_string(), "output item 0 was named by several ids");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// The kind of irregularity.
    pub kind: DiagnosticKind,
    /// The index of the item, if an item is concerned.
    pub output_index: Option<u32>,
}

/// The kind of a [`Diagnostic`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DiagnosticKind {
    /// Events used several ids for one item.
    IdChanged,
    /// Several items had one id.
    IdRepeated,
    /// Two calls at different indexes had one `call_id` and different arguments.
    CallIdRepeated,
    /// A call had another `call_id` when it was done, or in the final output; the first one is
    /// kept.
    CallIdChanged,
    /// The deltas of an added item replaced the text that it already contained.
    ProvisionalReplaced,
    /// A part was announced as one kind and contained the text of another.
    PartRelabeled,
    /// The complete text differs from the text that its deltas built; the complete one is kept.
    TextContradicted,
    /// The final output gives a finished call other arguments; the first ones are kept.
    InputContradicted,
    /// An item, or a part of it, was sent twice and recorded once.
    Repeated,
    /// Text arrived after the end of its item or part, and was added. Input of a call that arrived
    /// after its end was dropped.
    AfterEnd,
    /// The segments of one text had different indexes, as if each were a part or an item.
    IndexPerDelta,
    /// The final output lacks an item that had been sent before; the item is kept.
    MissingInFinal,
    /// A chat stream ended with `[DONE]` and without a `finish_reason`; it is treated as completed.
    MissingFinishReason,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.output_index {
            Some(index) => write!(f, "output item {index} ")?,
            None if self.kind == DiagnosticKind::MissingFinishReason => {
                f.write_str("the stream ")?
            }
            None => f.write_str("an output item ")?,
        }
        f.write_str(match self.kind {
            DiagnosticKind::IdChanged => "was named by several ids",
            DiagnosticKind::IdRepeated => "has the id of another item",
            DiagnosticKind::CallIdRepeated => "has the call_id of another call",
            DiagnosticKind::CallIdChanged => "was finished under another call_id",
            DiagnosticKind::ProvisionalReplaced => "held text that its deltas replaced",
            DiagnosticKind::PartRelabeled => "has a part that was announced as another kind",
            DiagnosticKind::TextContradicted => "has text that contradicts its deltas",
            DiagnosticKind::InputContradicted => "has other arguments in the final output",
            DiagnosticKind::Repeated => "was sent more than once",
            DiagnosticKind::AfterEnd => "has deltas that came after its end",
            DiagnosticKind::IndexPerDelta => "has deltas that were counted as parts or items",
            DiagnosticKind::MissingInFinal => "is missing in the final output",
            DiagnosticKind::MissingFinishReason => "ended without a finish_reason",
        })
    }
}
