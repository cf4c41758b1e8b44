//! Lone halves of surrogate pairs: JSON strings may contain them, Rust strings may not.

use crate::RawJson;
use crate::json::surrogates::{ESCAPE, LOW, lone_halves};

/// The lone surrogate halves at the two ends of a JSON string.
///
/// JSON may escape a character beyond U+FFFF as two halves, and a server that splits text between
/// them sends each half in its own event. A text field shows such a half as U+FFFD, and
/// [`Extra::spelling`](crate::Extra::spelling) returns the JSON from which a reader of the whole
/// stream can join the two.
///
/// ```
/// use codex_types::{Halves, ResponseEvent};
///
/// let event = ResponseEvent::from_json(
///     r#"{"type":"response.output_text.delta","delta":"Hi \ud83d"}"#,
/// )?;
/// let delta = event.delta().unwrap();
/// assert_eq!(delta.delta(), "Hi \u{fffd}");
///
/// let halves = Halves::of(delta.extra().spelling("delta").unwrap());
/// assert_eq!(halves.leading, None);
/// assert_eq!(Halves::join(halves.trailing.unwrap(), 0xde00), Some('😀'));
/// # Ok::<(), codex_types::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Halves {
    /// The low half at the start of the string, if it is a lone one.
    pub leading: Option<u16>,
    /// The high half at the end of the string, if it is a lone one.
    pub trailing: Option<u16>,
}

impl Halves {
    /// Returns the lone halves at the ends of `raw`; a value that is not a string has none.
    pub fn of(raw: &RawJson) -> Self {
        let mut halves = Self::default();
        let json = raw.as_str();
        if json.starts_with('"') {
            for (at, half) in lone_halves(json) {
                let is_low = half >= LOW;
                if is_low && at == 1 {
                    halves.leading = Some(half);
                }
                if !is_low && at + ESCAPE + 1 == json.len() {
                    halves.trailing = Some(half);
                }
            }
        }
        halves
    }

    /// Returns the character of a surrogate pair, or `None` if the two are not one.
    pub fn join(high: u16, low: u16) -> Option<char> {
        let joined = char::decode_utf16([high, low]).next()?.ok()?;
        (joined.len_utf16() == 2).then_some(joined)
    }
}
