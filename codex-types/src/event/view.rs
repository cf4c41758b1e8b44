//! Events that borrow from their payload.

use crate::DecodeError;
use crate::event::delta_fast;
use crate::event::{DeltaKind, DeltaRef, ResponseEvent};
use crate::json::scan::leading_kind;

/// An event that borrows from its payload where possible.
///
/// Deltas, which make up most of a stream, borrow their texts; all other events are read as a
/// [`ResponseEvent`].
///
/// ```
/// use codex_types::EventRef;
///
/// let json = r#"{"type":"response.output_text.delta","item_id":"msg_1","delta":"Hi"}"#;
/// let EventRef::Delta(delta) = EventRef::from_json(json)? else { panic!("a delta was sent") };
/// assert_eq!(delta.delta(), "Hi");
/// # Ok::<(), codex_types::DecodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "callers must handle both variants")]
pub enum EventRef<'a> {
    /// A delta.
    Delta(DeltaRef<'a>),
    /// Any other event, or a delta in an unusual form.
    Event(ResponseEvent),
}

impl<'a> EventRef<'a> {
    /// Reads one event; see [`ResponseEvent::from_json`].
    ///
    /// # Errors
    ///
    /// Returns the errors of [`ResponseEvent::from_json`].
    pub fn from_json(json: &'a str) -> Result<Self, DecodeError> {
        Self::from_json_hinted(None, json)
    }

    /// Reads one event; see [`ResponseEvent::from_json_hinted`].
    ///
    /// # Errors
    ///
    /// Returns the errors of [`ResponseEvent::from_json_hinted`].
    #[inline]
    pub fn from_json_hinted(hint: Option<&str>, json: &'a str) -> Result<Self, DecodeError> {
        let delta = leading_kind(json)
            .and_then(DeltaKind::of)
            .and_then(|kind| delta_fast::read(kind, json));
        match delta {
            Some(delta) => Ok(Self::Delta(delta)),
            None => ResponseEvent::from_json_hinted(hint, json).map(Self::Event),
        }
    }

    /// Returns the value with owned data.
    pub fn into_owned(self) -> ResponseEvent {
        match self {
            Self::Delta(delta) => ResponseEvent::of_delta(delta.into_owned()),
            Self::Event(event) => event,
        }
    }
}
