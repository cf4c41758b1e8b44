//! A line is a field name, a colon, one optional space and a value (WHATWG HTML, 9.2.6). Four names
//! are defined; every other line, including comments, is skipped. Names are matched by prefix, so
//! no search for the colon is needed.

/// The field of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Data,
    Event,
    Id,
    Retry,
    /// A comment or an unknown field.
    Skip,
}

/// Splits a whole line into its field and value.
#[inline]
pub(crate) fn parse(line: &[u8]) -> (Field, &[u8]) {
    if let Some(value) = line.strip_prefix(b"data: ") {
        return (Field::Data, value);
    }
    for (field, name) in FIELDS {
        if let Some(rest) = line.strip_prefix(name) {
            return match rest {
                [] => (field, rest),
                [b':', b' ', value @ ..] | [b':', value @ ..] => (field, value),
                _ => (Field::Skip, rest),
            };
        }
    }
    (Field::Skip, line)
}

/// Parses the beginning of an incomplete line: the field and the start of its value, or `None` if
/// one more byte is needed.
pub(crate) fn parse_head(head: &[u8]) -> Option<(Field, usize)> {
    for (field, name) in FIELDS {
        if name.starts_with(head) {
            return None;
        }
        if let Some(rest) = head.strip_prefix(name) {
            return match rest {
                [] | [b':'] => None,
                [b':', b' ', ..] => Some((field, name.len() + 2)),
                [b':', ..] => Some((field, name.len() + 1)),
                _ => Some((Field::Skip, 0)),
            };
        }
    }
    Some((Field::Skip, 0))
}

/// Returns the index of the byte that proves that a line has no data; the line's length if only its
/// end does. `None` for a data line, and for the beginning of a line (`ended` is false) that may
/// become one.
pub(crate) fn known_without_data(line: &[u8], ended: bool) -> Option<usize> {
    match line
        .iter()
        .zip(b"data:")
        .position(|(byte, expected)| byte != expected)
    {
        Some(index) => Some(index),
        None if line.len() < b"data".len() && ended => Some(line.len()),
        None => None,
    }
}

/// This many leading bytes always identify the field.
pub(crate) const HEAD: usize = b"event: ".len();

const FIELDS: [(Field, &[u8]); 4] = [
    (Field::Data, b"data"),
    (Field::Event, b"event"),
    (Field::Id, b"id"),
    (Field::Retry, b"retry"),
];
