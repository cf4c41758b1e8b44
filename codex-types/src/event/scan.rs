//! Finding one value in an object without reading the others.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

/// Returns the `type` of an object: immediately if it is the first key, as it nearly always is,
/// else by reading every key.
pub(crate) fn kind_of(json: &str) -> Option<Cow<'_, str>> {
    match leading_kind(json) {
        Some(kind) => Some(Cow::Borrowed(kind)),
        None => text_of(json, "type"),
    }
}

/// Returns the `type`, if the text starts with it in the form that the service writes.
pub(crate) fn leading_kind(json: &str) -> Option<&str> {
    let rest = json.strip_prefix("{\"type\":\"")?;
    let end = special(rest.as_bytes())?;
    (rest.as_bytes()[end] == b'"').then(|| &rest[..end])
}

/// Returns the position of the first quote, backslash or control character: the characters that end
/// plain JSON text.
///
/// Eight bytes are examined in one word. Subtraction borrows into the high bit of a byte that is
/// too small: below a space, or zero if it was the quote or the backslash. A byte whose high bit
/// was already set is none of them. Bytes after the first match may be marked in error, bytes
/// before it never.
#[inline]
pub(crate) fn special(text: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let (words, rest) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let not_quote = word ^ (ONES * u64::from(b'"'));
        let not_backslash = word ^ (ONES * u64::from(b'\\'));
        let borrowed = word.wrapping_sub(ONES * 0x20)
            | not_quote.wrapping_sub(ONES)
            | not_backslash.wrapping_sub(ONES);
        let found = borrowed & !word & (ONES * 0x80);
        if found != 0 {
            return Some(index * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let in_rest = rest.iter().position(|byte| is_special(*byte))?;
    Some(words.len() * 8 + in_rest)
}

const fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | ..0x20)
}

/// Returns the text of a key whose value is a string.
pub(crate) fn text_of<'a>(json: &'a str, key: &str) -> Option<Cow<'a, str>> {
    text(value_of(json, key)?)
}

/// Returns the text of a JSON string.
fn text(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        crate::raw::parse::<String>(json).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// Returns the JSON of a key's value, if `json` is an object with that key; the first, if it occurs
/// more than once.
pub(crate) fn value_of<'a>(json: &'a str, key: &str) -> Option<&'a str> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    deserializer.deserialize_map(ValueVisitor { key }).ok()?
}

struct ValueVisitor<'k> {
    key: &'k str,
}

impl<'de> Visitor<'de> for ValueVisitor<'_> {
    type Value = Option<&'de str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some((name, value)) = map.next_entry::<&RawValue, &RawValue>()? {
            if found.is_none() && text(name.get()).is_some_and(|name| name == self.key) {
                found = Some(value.get());
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::special;

    #[test]
    fn every_special_byte_is_found_at_every_place_behind_every_other_byte() {
        for filler in [
            b'a', b' ', b'!', b'#', b'[', b']', 0x7F, 0x80, 0xA2, 0xDC, 0xFF,
        ] {
            for length in 0..20 {
                let mut text = vec![filler; length];
                assert_eq!(special(&text), None);
                for at in 0..length {
                    for byte in 0..=u8::MAX {
                        text[at] = byte;
                        let expected = matches!(byte, b'"' | b'\\' | ..0x20).then_some(at);
                        assert_eq!(special(&text), expected, "{byte:#x} at {at} of {filler:#x}");
                    }
                    text[at] = filler;
                }
            }
        }
    }
}
