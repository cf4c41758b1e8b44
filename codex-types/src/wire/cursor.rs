//! Reading JSON of a known form, in which every deviation ends the attempt.

use alloc::borrow::Cow;
use alloc::string::String;

/// A position in JSON text. Each method consumes what it names, or returns `None` where the text
/// deviates; the position is then of no use.
pub(crate) struct Cursor<'a> {
    json: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    #[inline]
    pub(crate) fn new(json: &'a str, at: usize) -> Self {
        Self { json, at }
    }

    #[inline]
    pub(crate) fn is_at_end(&self) -> bool {
        self.at == self.json.len()
    }

    /// Returns the byte this far ahead without consuming it.
    #[inline]
    pub(crate) fn peek(&self, ahead: usize) -> Option<u8> {
        self.json.as_bytes().get(self.at + ahead).copied()
    }

    /// Consumes white space.
    #[inline]
    pub(crate) fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek(0) {
            self.at += 1;
        }
    }

    /// Reads an object, and calls `member` at the value of each key. Between values there may be
    /// white space.
    #[inline]
    pub(crate) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, &'a str) -> Option<()>,
    ) -> Option<()> {
        self.literal(b"{")?;
        loop {
            self.space();
            let key = self.plain_text()?;
            self.space();
            self.literal(b":")?;
            self.space();
            member(self, key)?;
            self.space();
            match self.byte()? {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let byte = *self.json.as_bytes().get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    #[inline]
    pub(crate) fn literal<const N: usize>(&mut self, literal: &[u8; N]) -> Option<()> {
        let found = self.json.as_bytes().get(self.at..)?.first_chunk::<N>()?;
        (found == literal).then(|| self.at += N)
    }

    /// Reads a whole number as JSON writes it: digits, without a leading zero.
    #[inline]
    pub(crate) fn number(&mut self) -> Option<u64> {
        let bytes = self.json.as_bytes().get(self.at..)?;
        let mut value = 0_u64;
        let mut length = 0;
        while let Some(digit @ b'0'..=b'9') = bytes.get(length) {
            // Nineteen digits always fit; longer numbers are left to the general reader.
            if length == 19 {
                return None;
            }
            value = value * 10 + u64::from(digit - b'0');
            length += 1;
        }
        if length == 0 || (length > 1 && bytes[0] == b'0') {
            return None;
        }
        // A fraction or an exponent fails where a comma is expected.
        self.at += length;
        Some(value)
    }

    /// Reads text without escapes.
    #[inline]
    pub(crate) fn plain_text(&mut self) -> Option<&'a str> {
        self.literal(b"\"")?;
        let (text, end) = self.up_to_special()?;
        (end == b'"').then_some(text)
    }

    /// Reads text and resolves escapes of one letter; `\u` is left to the general reader.
    #[inline]
    pub(crate) fn text(&mut self) -> Option<Cow<'a, str>> {
        self.literal(b"\"")?;
        match self.up_to_special()? {
            (text, b'"') => Some(Cow::Borrowed(text)),
            (text, b'\\') => self.escaped_text(text).map(Cow::Owned),
            _ => None,
        }
    }

    /// Reads the rest of a text after its first backslash.
    fn escaped_text(&mut self, begun: &str) -> Option<String> {
        let rest = self.json.len() - self.at;
        let mut resolved = String::with_capacity(begun.len() + rest.min(64));
        resolved.push_str(begun);
        loop {
            resolved.push(match self.byte()? {
                b'"' => '"',
                b'\\' => '\\',
                b'/' => '/',
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                _ => return None,
            });
            let (text, end) = self.up_to_special()?;
            resolved.push_str(text);
            match end {
                b'"' => return Some(resolved),
                b'\\' => {}
                _ => return None,
            }
        }
    }

    /// Consumes text up to and including the next quote, backslash or control character.
    #[inline(always)]
    fn up_to_special(&mut self) -> Option<(&'a str, u8)> {
        let rest = self.json.get(self.at..)?;
        let length = special(rest.as_bytes())?;
        self.at += length + 1;
        Some((&rest[..length], rest.as_bytes()[length]))
    }
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
