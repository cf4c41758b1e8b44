//! The fast way to read a delta.
//!
//! It takes what the service sends nearly always, `{"type":..,"key":value,..}` without white space,
//! with keys it knows and values that are plain: text, whole numbers, `"logprobs":[]`. At the first
//! surprise it gives up, and the general way in `delta_read` starts from the beginning. It must
//! therefore never succeed where the general way would say something else; a property test compares
//! the two.

use alloc::borrow::Cow;
use alloc::string::String;

use crate::event::delta::{DeltaKind, DeltaRef, Pieces, Present};

/// Reads a delta of this kind, whose payload starts with the `type` in the usual way.
pub(crate) fn read(kind: DeltaKind, json: &str) -> Option<DeltaRef<'_>> {
    let head = "{\"type\":\"".len() + kind.as_str().len() + "\"".len();
    let mut cursor = Cursor {
        rest: json.get(head..)?,
    };
    let mut pieces = Pieces::default();
    loop {
        match cursor.byte()? {
            b',' => {}
            b'}' if cursor.rest.is_empty() => return Some(DeltaRef { kind, pieces }),
            _ => return None,
        }
        let (present, key) = cursor.key()?;
        if !pieces.present.add(present) {
            return None;
        }
        match key {
            Key::SequenceNumber => pieces.sequence_number = cursor.number()?,
            Key::OutputIndex => pieces.output_index = cursor.number()?.try_into().ok()?,
            Key::PartIndex => pieces.part_index = cursor.number()?.try_into().ok()?,
            Key::ItemId => pieces.item_id = Cow::Borrowed(cursor.plain_text()?),
            Key::Delta => pieces.delta = cursor.text()?,
            Key::Obfuscation => pieces.obfuscation = Cow::Borrowed(cursor.plain_text()?),
            Key::Logprobs => cursor.literal("[]")?,
        }
        let both = Present::CONTENT_INDEX | Present::SUMMARY_INDEX;
        if pieces.present.has_all(both) {
            return None;
        }
    }
}

#[derive(Clone, Copy)]
enum Key {
    SequenceNumber,
    ItemId,
    OutputIndex,
    PartIndex,
    Delta,
    Logprobs,
    Obfuscation,
}

struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.rest.as_bytes().first()?;
        self.rest = self.rest.get(1..)?;
        Some(byte)
    }

    fn literal(&mut self, literal: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(literal)?;
        Some(())
    }

    /// A known key with its quotes and colon.
    fn key(&mut self) -> Option<(u8, Key)> {
        const KEYS: [(&str, u8, Key); 8] = [
            (
                "\"sequence_number\":",
                Present::SEQUENCE_NUMBER,
                Key::SequenceNumber,
            ),
            ("\"item_id\":", Present::ITEM_ID, Key::ItemId),
            ("\"output_index\":", Present::OUTPUT_INDEX, Key::OutputIndex),
            ("\"content_index\":", Present::CONTENT_INDEX, Key::PartIndex),
            ("\"delta\":", Present::DELTA, Key::Delta),
            ("\"logprobs\":", Present::LOGPROBS, Key::Logprobs),
            ("\"obfuscation\":", Present::OBFUSCATION, Key::Obfuscation),
            ("\"summary_index\":", Present::SUMMARY_INDEX, Key::PartIndex),
        ];
        for (text, present, key) in KEYS {
            if let Some(rest) = self.rest.strip_prefix(text) {
                self.rest = rest;
                return Some((present, key));
            }
        }
        None
    }

    /// A whole number as JSON writes it: digits, without a leading zero.
    fn number(&mut self) -> Option<u64> {
        let bytes = self.rest.as_bytes();
        let mut value = 0_u64;
        let mut length = 0;
        while let Some(digit @ b'0'..=b'9') = bytes.get(length) {
            // Nineteen digits always fit; more are left to the general way.
            if length == 19 {
                return None;
            }
            value = value * 10 + u64::from(digit - b'0');
            length += 1;
        }
        if length == 0 || (length > 1 && bytes[0] == b'0') {
            return None;
        }
        // A fraction or an exponent shows up as a surprise where a comma is expected.
        self.rest = self.rest.get(length..)?;
        Some(value)
    }

    /// Text without escapes.
    fn plain_text(&mut self) -> Option<&'a str> {
        self.literal("\"")?;
        let end = self.special()?;
        if self.rest.as_bytes()[end] != b'"' {
            return None;
        }
        let text = &self.rest[..end];
        self.rest = &self.rest[end + 1..];
        Some(text)
    }

    /// Text in which escapes of one letter are resolved; `\u` is left to the general way.
    fn text(&mut self) -> Option<Cow<'a, str>> {
        self.literal("\"")?;
        let end = self.special()?;
        let text = &self.rest[..end];
        if self.rest.as_bytes()[end] == b'"' {
            self.rest = &self.rest[end + 1..];
            return Some(Cow::Borrowed(text));
        }
        let mut resolved = String::with_capacity(self.rest.len().min(end + 64));
        resolved.push_str(text);
        self.rest = &self.rest[end..];
        loop {
            match self.byte()? {
                b'"' => return Some(Cow::Owned(resolved)),
                b'\\' => resolved.push(match self.byte()? {
                    b'"' => '"',
                    b'\\' => '\\',
                    b'/' => '/',
                    b'b' => '\u{8}',
                    b'f' => '\u{c}',
                    b'n' => '\n',
                    b'r' => '\r',
                    b't' => '\t',
                    _ => return None,
                }),
                _ => return None,
            }
            let end = self.special()?;
            resolved.push_str(&self.rest[..end]);
            self.rest = &self.rest[end..];
        }
    }

    /// Where the next quote, backslash or control character is.
    fn special(&self) -> Option<usize> {
        self.rest
            .bytes()
            .position(|byte| byte == b'"' || byte == b'\\' || byte < 0x20)
    }
}
