//! The fast reader of a delta.
//!
//! It reads what the service nearly always sends, `{"type":..,"key":value,..}` without white space,
//! with known keys and plain values: text, whole numbers, `"logprobs":[]`. At the first deviation
//! it gives up, and the general reader in `delta_read` starts from the beginning. It must therefore
//! never succeed with a result that the general reader would not give; a property test compares the
//! two.

use alloc::borrow::Cow;
use alloc::string::String;

use crate::event::delta::{DeltaKind, DeltaRef, Pieces, Present};
use crate::json::text::special;

/// Reads a delta of this kind whose payload starts with `type` in the usual form.
#[inline(always)]
pub(crate) fn read(kind: DeltaKind, json: &str) -> Option<DeltaRef<'_>> {
    let mut cursor = Cursor {
        json,
        at: "{\"type\":\"".len() + kind.as_str().len() + "\"".len(),
    };
    let mut pieces = Pieces::default();
    loop {
        match cursor.byte()? {
            b',' => cursor.member(&mut pieces)?,
            b'}' if cursor.at == json.len() => return Some(DeltaRef { kind, pieces }),
            _ => return None,
        }
    }
}

struct Cursor<'a> {
    json: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Reads a known key that has not occurred yet, and its value.
    ///
    /// The first letter nearly determines the key. Each key is then compared as a whole with text
    /// of a length that the compiler knows.
    #[inline]
    fn member(&mut self, pieces: &mut Pieces<'a>) -> Option<()> {
        let first = *self.json.as_bytes().get(self.at + 1)?;
        let present = match first {
            b's' if self.literal(b"\"sequence_number\":").is_some() => {
                pieces.sequence_number = self.number()?;
                Present::SEQUENCE_NUMBER
            }
            b's' => {
                self.literal(b"\"summary_index\":")?;
                pieces.part_index = self.number()?.try_into().ok()?;
                Present::SUMMARY_INDEX
            }
            b'i' => {
                self.literal(b"\"item_id\":")?;
                pieces.item_id = Cow::Borrowed(self.plain_text()?);
                Present::ITEM_ID
            }
            b'o' if self.literal(b"\"output_index\":").is_some() => {
                pieces.output_index = self.number()?.try_into().ok()?;
                Present::OUTPUT_INDEX
            }
            b'o' => {
                self.literal(b"\"obfuscation\":")?;
                pieces.obfuscation = Cow::Borrowed(self.plain_text()?);
                Present::OBFUSCATION
            }
            b'c' => {
                self.literal(b"\"content_index\":")?;
                pieces.part_index = self.number()?.try_into().ok()?;
                Present::CONTENT_INDEX
            }
            b'd' => {
                self.literal(b"\"delta\":")?;
                pieces.delta = self.text()?;
                Present::DELTA
            }
            b'l' => {
                self.literal(b"\"logprobs\":[]")?;
                Present::LOGPROBS
            }
            _ => return None,
        };
        let both = Present::CONTENT_INDEX | Present::SUMMARY_INDEX;
        (pieces.present.add(present) && !pieces.present.has_all(both)).then_some(())
    }

    #[inline]
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.json.as_bytes().get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    #[inline]
    fn literal<const N: usize>(&mut self, literal: &[u8; N]) -> Option<()> {
        let found = self.json.as_bytes().get(self.at..)?.first_chunk::<N>()?;
        (found == literal).then(|| self.at += N)
    }

    /// Reads a whole number as JSON writes it: digits, without a leading zero.
    #[inline]
    fn number(&mut self) -> Option<u64> {
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
    fn plain_text(&mut self) -> Option<&'a str> {
        self.literal(b"\"")?;
        let (text, end) = self.up_to_special()?;
        (end == b'"').then_some(text)
    }

    /// Reads text and resolves escapes of one letter; `\u` is left to the general reader.
    #[inline]
    fn text(&mut self) -> Option<Cow<'a, str>> {
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
