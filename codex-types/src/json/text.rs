//! The text of JSON: escaping, white space and nesting.

use alloc::borrow::Cow;
use alloc::string::String;

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

/// Appends `text` to `json` as a JSON string.
pub(crate) fn push_string(json: &mut String, text: &str) {
    json.push('"');
    let mut rest = text;
    while let Some(at) = special(rest.as_bytes()) {
        json.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => json.push_str("\\\""),
            b'\\' => json.push_str("\\\\"),
            b'\n' => json.push_str("\\n"),
            b'\r' => json.push_str("\\r"),
            b'\t' => json.push_str("\\t"),
            0x08 => json.push_str("\\b"),
            0x0C => json.push_str("\\f"),
            control => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                json.push_str("\\u00");
                json.push(char::from(HEX[usize::from(control >> 4)]));
                json.push(char::from(HEX[usize::from(control & 15)]));
            }
        }
        rest = &rest[at + 1..];
    }
    json.push_str(rest);
    json.push('"');
}

/// Removes white space between the tokens of valid JSON.
pub(crate) fn compact(json: &str) -> Cow<'_, str> {
    if !json.bytes().any(is_space) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.bytes().position(|byte| is_space(byte) || byte == b'"') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('"') {
            let end = string_end(rest);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
        } else {
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Returns the length of the JSON string at the start of `json`, including quotes.
fn string_end(json: &str) -> usize {
    let bytes = json.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Returns whether objects and lists nest deeper than `limit` in valid JSON.
pub(crate) fn nests_deeper_than(json: &str, limit: usize) -> bool {
    let bytes = json.as_bytes();
    if !matches!(bytes.first(), Some(b'{' | b'[')) {
        return false;
    }
    let mut depth = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'{' | b'[' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                at += string_end(&json[at..]);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    false
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn every_special_byte_is_found_at_every_place_behind_every_other_byte() {
        const FILLERS: &[u8] = b"a\xFF !#[]\x7F\x80\xA2\xDC";
        // Miri takes a thousand times as long.
        let (fillers, step) = if cfg!(miri) {
            (2, 5)
        } else {
            (FILLERS.len(), 1)
        };
        for &filler in &FILLERS[..fillers] {
            for length in 0..20 {
                let mut text = vec![filler; length];
                assert_eq!(special(&text), None);
                for at in 0..length {
                    for byte in (0..=u8::MAX).step_by(step) {
                        text[at] = byte;
                        let expected = matches!(byte, b'"' | b'\\' | ..0x20).then_some(at);
                        assert_eq!(special(&text), expected, "{byte:#x} at {at} of {filler:#x}");
                    }
                    text[at] = filler;
                }
            }
        }
    }

    #[test]
    fn nesting_is_counted_outside_strings() {
        assert!(!nests_deeper_than("[[\"[[[[\"]]", 2));
        assert!(nests_deeper_than("[[[]]]", 2));
        assert!(!nests_deeper_than("\"[[[\"", 0));
    }
}
