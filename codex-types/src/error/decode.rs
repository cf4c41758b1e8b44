//! The error of this crate: text that is not the expected JSON.

use alloc::boxed::Box;
use core::fmt;

use serde_json::error::Category;

use crate::Side;

/// The error of text that could not be read as JSON, or of a value that could not be written as
/// JSON.
///
/// Its messages never contain the text, which may be confidential.
///
/// ```
/// use codex_types::{DecodeErrorKind, ResponseEvent};
///
/// let error = ResponseEvent::from_json(r#"{"type":"response.created","#).unwrap_err();
/// assert_eq!(error.kind(), DecodeErrorKind::UnexpectedEnd);
/// assert_eq!(error.event_kind(), Some("response.created"));
/// assert_eq!(error.to_string(), "unexpected end of JSON at byte 27");
/// ```
#[derive(Debug)]
pub struct DecodeError {
    inner: Box<Inner>,
}

/// The kind of a [`DecodeError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The text is not JSON.
    Syntax,
    /// The text is only the beginning of a JSON value.
    UnexpectedEnd,
    /// The text nests objects and lists deeper than 128 levels.
    TooDeep,
    /// The text is JSON, but not of the requested type.
    Mismatch,
    /// A value from the caller has no JSON form.
    Unwritable,
}

#[derive(Debug)]
struct Inner {
    kind: DecodeErrorKind,
    offset: usize,
    event_kind: Option<Box<str>>,
    source: Option<serde_json::Error>,
}

impl DecodeError {
    /// Returns the kind of the error.
    pub fn kind(&self) -> DecodeErrorKind {
        self.inner.kind
    }

    /// Returns the `type` of the event that could not be read, if that could be read.
    pub fn event_kind(&self) -> Option<&str> {
        self.inner.event_kind.as_deref()
    }

    /// Returns the byte offset at which the error was detected.
    pub fn offset(&self) -> usize {
        self.inner.offset
    }

    /// Returns the side that caused the error: the caller for
    /// [`Unwritable`](DecodeErrorKind::Unwritable) and [`Mismatch`](DecodeErrorKind::Mismatch),
    /// else the sender.
    pub fn side(&self) -> Side {
        match self.inner.kind {
            DecodeErrorKind::Mismatch | DecodeErrorKind::Unwritable => Side::Local,
            DecodeErrorKind::Syntax | DecodeErrorKind::UnexpectedEnd | DecodeErrorKind::TooDeep => {
                Side::Remote
            }
        }
    }

    /// Returns `false`: the same text always gives the same error.
    pub fn is_retryable(&self) -> bool {
        false
    }

    pub(crate) fn from_json(source: serde_json::Error, text: &str) -> Self {
        let kind = match source.classify() {
            Category::Eof => DecodeErrorKind::UnexpectedEnd,
            _ if is_depth_limit(&source) => DecodeErrorKind::TooDeep,
            Category::Data => DecodeErrorKind::Mismatch,
            Category::Syntax | Category::Io => DecodeErrorKind::Syntax,
        };
        let offset = match kind {
            DecodeErrorKind::UnexpectedEnd => text.len(),
            _ => offset_of(text, source.line(), source.column()),
        };
        // A mismatch quotes the value, so its source is dropped: payloads stay out of errors.
        let source = (kind != DecodeErrorKind::Mismatch).then_some(source);
        Self::new(kind, offset, source)
    }

    pub(crate) fn unwritable(source: serde_json::Error) -> Self {
        Self::new(DecodeErrorKind::Unwritable, 0, Some(source))
    }

    pub(crate) fn too_deep() -> Self {
        Self::new(DecodeErrorKind::TooDeep, 0, None)
    }

    pub(crate) fn mismatch(offset: usize) -> Self {
        Self::new(DecodeErrorKind::Mismatch, offset, None)
    }

    pub(crate) fn with_event_kind(mut self, kind: Option<&str>) -> Self {
        self.inner.event_kind = kind.map(Box::from);
        self
    }

    fn new(kind: DecodeErrorKind, offset: usize, source: Option<serde_json::Error>) -> Self {
        Self {
            inner: Box::new(Inner {
                kind,
                offset,
                event_kind: None,
                source,
            }),
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.inner.kind {
            DecodeErrorKind::Syntax => "invalid JSON",
            DecodeErrorKind::UnexpectedEnd => "unexpected end of JSON",
            DecodeErrorKind::TooDeep => "JSON is nested too deeply",
            DecodeErrorKind::Mismatch => "unexpected type in JSON",
            DecodeErrorKind::Unwritable => {
                return f.write_str("value cannot be serialized as JSON");
            }
        };
        write!(f, "{what} at byte {}", self.inner.offset)
    }
}

impl core::error::Error for DecodeError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match &self.inner.source {
            Some(source) => Some(source),
            None => None,
        }
    }
}

/// serde_json's message for JSON that nests too deep.
pub(crate) const DEPTH_LIMIT: &str = "recursion limit exceeded";

/// serde_json classifies this case as syntax and names it in its message only.
fn is_depth_limit(error: &serde_json::Error) -> bool {
    use core::fmt::Write;

    /// A writer that compares its text with the beginning of a string, without a buffer.
    struct Expect(&'static str, bool);

    impl Write for Expect {
        fn write_str(&mut self, part: &str) -> fmt::Result {
            let length = part.len().min(self.0.len());
            self.1 &= part.as_bytes()[..length] == self.0.as_bytes()[..length];
            self.0 = &self.0[length..];
            Ok(())
        }
    }

    let mut expect = Expect(DEPTH_LIMIT, true);
    write!(expect, "{error}").is_ok() && expect.1 && expect.0.is_empty()
}

/// Converts serde_json's line and column, both counted from one, into a byte offset.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    (before + column.saturating_sub(1)).min(text.len())
}
