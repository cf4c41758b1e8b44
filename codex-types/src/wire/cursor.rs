//! Reading JSON of a known form, in which every deviation ends the attempt.

use alloc::borrow::Cow;
use alloc::string::String;

use crate::json::text::special;

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
    #[cfg(feature = "chat")]
    #[inline]
    pub(crate) fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek(0) {
            self.at += 1;
        }
    }

    /// Reads an object, and calls `member` at the value of each key. Between values there may be
    /// white space.
    #[cfg(feature = "chat")]
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
