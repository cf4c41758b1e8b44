//! The fast reader of a delta.
//!
//! It reads what the service nearly always sends, `{"type":..,"key":value,..}` without white space,
//! with known keys and plain values: text, whole numbers, `"logprobs":[]`. At the first deviation
//! it gives up, and the general reader in `delta_read` starts from the beginning. It must therefore
//! never succeed with a result that the general reader would not give; a property test compares the
//! two.

use alloc::borrow::Cow;

use crate::event::delta::{DeltaKind, DeltaRef, Pieces, Present};
use crate::wire::cursor::Cursor;

/// Reads a delta of this kind whose payload starts with `type` in the usual form.
#[inline(always)]
pub(crate) fn read(kind: DeltaKind, json: &str) -> Option<DeltaRef<'_>> {
    let start = "{\"type\":\"".len() + kind.as_str().len() + "\"".len();
    let mut cursor = Cursor::new(json, start);
    let mut pieces = Pieces::default();
    loop {
        match cursor.byte()? {
            b',' => member(&mut cursor, &mut pieces)?,
            b'}' if cursor.is_at_end() => return Some(DeltaRef { kind, pieces }),
            _ => return None,
        }
    }
}

/// Reads a known key that has not occurred yet, and its value.
///
/// The first letter nearly determines the key. Each key is then compared as a whole with text
/// of a length that the compiler knows.
#[inline]
fn member<'a>(cursor: &mut Cursor<'a>, pieces: &mut Pieces<'a>) -> Option<()> {
    let first = cursor.peek(1)?;
    let present = match first {
        b's' if cursor.literal(b"\"sequence_number\":").is_some() => {
            pieces.sequence_number = cursor.number()?;
            Present::SEQUENCE_NUMBER
        }
        b's' => {
            cursor.literal(b"\"summary_index\":")?;
            pieces.part_index = cursor.number()?.try_into().ok()?;
            Present::SUMMARY_INDEX
        }
        b'i' => {
            cursor.literal(b"\"item_id\":")?;
            pieces.item_id = Cow::Borrowed(cursor.plain_text()?);
            Present::ITEM_ID
        }
        b'o' if cursor.literal(b"\"output_index\":").is_some() => {
            pieces.output_index = cursor.number()?.try_into().ok()?;
            Present::OUTPUT_INDEX
        }
        b'o' => {
            cursor.literal(b"\"obfuscation\":")?;
            pieces.obfuscation = Cow::Borrowed(cursor.plain_text()?);
            Present::OBFUSCATION
        }
        b'c' => {
            cursor.literal(b"\"content_index\":")?;
            pieces.part_index = cursor.number()?.try_into().ok()?;
            Present::CONTENT_INDEX
        }
        b'd' => {
            cursor.literal(b"\"delta\":")?;
            pieces.delta = cursor.text()?;
            Present::DELTA
        }
        b'l' => {
            cursor.literal(b"\"logprobs\":[]")?;
            Present::LOGPROBS
        }
        _ => return None,
    };
    let both = Present::CONTENT_INDEX | Present::SUMMARY_INDEX;
    (pieces.present.add(present) && !pieces.present.has_all(both)).then_some(())
}
