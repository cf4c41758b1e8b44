//! Finding and replacing lone halves of surrogate pairs in JSON.

use alloc::string::String;

/// The first low half.
pub(crate) const LOW: u16 = 0xDC00;

/// The length of `\ud83d`.
pub(crate) const ESCAPE: usize = 6;

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
pub(crate) fn lone_halves(json: &str) -> impl Iterator<Item = (usize, u16)> {
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
