//! Lone halves of surrogate pairs: JSON strings may contain them, Rust strings may not.

use alloc::string::String;

use crate::RawJson;

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

const LOW: u16 = 0xDC00;

/// The length of `\ud83d`.
const ESCAPE: usize = 6;

/// Returns the same JSON with `\ufffd` for each lone half, or `None` if it contains none.
///
/// The length stays the same.
pub(crate) fn lossy(json: &str) -> Option<String> {
    let mut lossy = String::new();
    let mut end = 0;
    for (at, _) in lone_halves(json) {
        lossy.push_str(&json[end..at]);
        lossy.push_str("\\ufffd");
        end = at + ESCAPE;
    }
    if end == 0 {
        return None;
    }
    lossy.push_str(&json[end..]);
    Some(lossy)
}

/// Finds the lone halves in JSON: the position of each escape, and the half.
fn lone_halves(json: &str) -> impl Iterator<Item = (usize, u16)> {
    let mut next = 0;
    core::iter::from_fn(move || {
        loop {
            let at = next + json.get(next..)?.find('\\')?;
            let here = unit(json, at);
            next = at + if here.is_some() { ESCAPE } else { 2 };
            match here {
                Some(0xD800..LOW) if matches!(unit(json, next), Some(LOW..=0xDFFF)) => {
                    next += ESCAPE;
                }
                Some(half @ 0xD800..=0xDFFF) => return Some((at, half)),
                _ => {}
            }
        }
    })
}

/// Returns the code unit of an escape such as `\ud83d`.
fn unit(json: &str, at: usize) -> Option<u16> {
    let digits = json.get(at..at + ESCAPE)?.strip_prefix("\\u")?;
    u16::from_str_radix(digits, 16).ok()
}
