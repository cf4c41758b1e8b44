//! The error of this crate: text that is not the JSON it should be.

use alloc::boxed::Box;
use core::fmt;

use serde_json::error::Category;

use crate::Side;

/// A text could not be read, or a value could not be written, as JSON.
///
/// Its messages never contain the text itself, which may be confidential.
///
/// ```
/// use codex_types::{DecodeErrorKind, ResponseEvent};
///
/// let error = ResponseEvent::from_json(r#"{"type":"response.created","#).unwrap_err();
/// assert_eq!(error.kind(), DecodeErrorKind::UnexpectedEnd);
/// assert_eq!(error.event_kind(), Some("response.created"));
/// assert_eq!(error.to_string(), "json ends too early at byte 27");
/// ```
#[derive(Debug)]
pub struct DecodeError {
    inner: Box<Inner>,
}

/// What is wrong with the text of a [`DecodeError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// It is not JSON.
    Syntax,
    /// It is the start of a JSON value only.
    UnexpectedEnd,
    /// It nests objects and lists deeper than 128 levels.
    TooDeep,
    /// It is JSON, but not what was asked for.
    Mismatch,
    /// A value given by the caller has no JSON form.
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
    /// What is wrong.
    pub fn kind(&self) -> DecodeErrorKind {
        self.inner.kind
    }

    /// The `type` of the event that could not be read, where it was still legible.
    pub fn event_kind(&self) -> Option<&str> {
        self.inner.event_kind.as_deref()
    }

    /// How many bytes into the text the error was noticed.
    pub fn offset(&self) -> usize {
        self.inner.offset
    }

    /// Whose fault it is: the caller's for [`Unwritable`](DecodeErrorKind::Unwritable) and
    /// [`Mismatch`](DecodeErrorKind::Mismatch), else the sender's.
    pub fn side(&self) -> Side {
        match self.inner.kind {
            DecodeErrorKind::Mismatch | DecodeErrorKind::Unwritable => Side::Local,
            DecodeErrorKind::Syntax | DecodeErrorKind::UnexpectedEnd | DecodeErrorKind::TooDeep => {
                Side::Remote
            }
        }
    }

    /// Never: the same text gives the same error.
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
        // A mismatch quotes what it found, so its source is dropped: payloads stay out of errors.
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
            DecodeErrorKind::Syntax => "text is not json",
            DecodeErrorKind::UnexpectedEnd => "json ends too early",
            DecodeErrorKind::TooDeep => "json nests too deep",
            DecodeErrorKind::Mismatch => "json has an unexpected form",
            DecodeErrorKind::Unwritable => return f.write_str("value has no json form"),
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

/// The message of serde_json for JSON that nests too deep.
pub(crate) const DEPTH_LIMIT: &str = "recursion limit exceeded";

/// serde_json counts this case as syntax and names it in its message only.
fn is_depth_limit(error: &serde_json::Error) -> bool {
    use core::fmt::Write;

    /// Compares what is written with the start of a text, without a buffer.
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

/// Turns the line and column of serde_json, both counted from one, into a number of bytes.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    (before + column.saturating_sub(1)).min(text.len())
}
