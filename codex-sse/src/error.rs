//! One error type for the crate. It is reference-counted because framing errors are sticky and
//! returned again, and because that keeps the `Result` of the hot path at the size of a frame. An
//! undecodable payload is available from the error but appears in no text.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;

/// An error while decoding a stream or one payload.
///
/// ```
/// use codex_sse::{Decoder, ErrorKind, Limits, Side};
///
/// let mut decoder = Decoder::with_limits(Limits::new().max_line(8));
/// let error = decoder.decode(&mut &b"data: 123\n\n"[..]).unwrap_err();
///
/// assert_eq!(error.kind(), ErrorKind::LineTooLong);
/// assert_eq!((error.offset(), error.limit()), (Some(8), Some(8)));
/// assert_eq!((error.side(), error.is_retryable()), (Side::Remote, false));
/// assert_eq!(error.to_string(), "a line is longer than the limit of 8 bytes at offset 8");
/// ```
#[derive(Clone)]
pub struct Error {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    kind: ErrorKind,
    offset: Option<u64>,
    limit: Option<usize>,
    payload: Option<Box<[u8]>>,
    source: Option<Box<dyn core::error::Error + Send + Sync>>,
}

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A line exceeded [`Limits::max_line`](crate::Limits::max_line).
    LineTooLong,
    /// An event or a message exceeded [`Limits::max_frame`](crate::Limits::max_frame).
    FrameTooLong,
    /// Comments, blank lines and other lines without data exceeded
    /// [`Limits::max_skipped`](crate::Limits::max_skipped).
    TooMuchSkipped,
    /// A payload is not UTF-8. Affects that payload only.
    InvalidUtf8,
    /// A payload is not an event: it is not JSON, or nests too deeply. Affects that payload only.
    InvalidEvent,
    /// An event has too many small values: in memory they would take more than 16 times
    /// [`Limits::max_frame`](crate::Limits::max_frame). Affects that event only.
    TooManyValues,
    /// The assembled response exceeded the limit of its `Accumulator`.
    ResponseTooLarge,
    /// The server sent a full text that does not continue what was delivered of it. Affects that
    /// text only.
    Contradiction,
    /// The stream ended before a terminal event.
    Truncated,
    /// A frame cannot be written: its type or id contains a line ending, its id a NUL, or its data
    /// a carriage return.
    #[default]
    Unencodable,
}

/// The side that caused an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Side {
    /// The caller.
    Local,
    /// The server.
    Remote,
    /// The network between the two.
    Network,
}

impl Error {
    #[cold]
    pub(crate) fn limit_passed(kind: ErrorKind, offset: u64, limit: usize) -> Self {
        Inner {
            kind,
            offset: Some(offset),
            limit: Some(limit),
            ..Inner::default()
        }
        .into()
    }

    #[cold]
    pub(crate) fn unencodable() -> Self {
        Inner::default().into()
    }

    /// Returns the kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// Returns the side that caused the error.
    pub fn side(&self) -> Side {
        match self.kind() {
            ErrorKind::LineTooLong
            | ErrorKind::FrameTooLong
            | ErrorKind::TooMuchSkipped
            | ErrorKind::InvalidUtf8
            | ErrorKind::InvalidEvent
            | ErrorKind::TooManyValues
            | ErrorKind::ResponseTooLarge
            | ErrorKind::Contradiction => Side::Remote,
            ErrorKind::Truncated => Side::Network,
            ErrorKind::Unencodable => Side::Local,
        }
    }

    /// Returns whether the same request may succeed when it is sent again. Delivered events must
    /// not be delivered twice; the caller has to ensure that.
    pub fn is_retryable(&self) -> bool {
        self.side() == Side::Network
    }

    /// Returns whether the stream has ended. An error that is not fatal affects one payload, and
    /// decoding continues after it.
    pub fn is_fatal(&self) -> bool {
        !matches!(
            self.kind(),
            ErrorKind::InvalidUtf8
                | ErrorKind::InvalidEvent
                | ErrorKind::TooManyValues
                | ErrorKind::Contradiction
        )
    }

    /// Returns the position in the stream, in bytes from its start: of the first byte beyond the
    /// limit, of the byte after the undecodable event, or of the end. `None` if there is no byte
    /// stream.
    pub fn offset(&self) -> Option<u64> {
        self.inner.offset
    }

    /// Returns the limit that was exceeded, in bytes; `None` for other errors.
    pub fn limit(&self) -> Option<usize> {
        self.inner.limit
    }

    /// Returns the undecodable payload, unchanged; `None` for other errors. Neither `Display` nor
    /// `Debug` shows it.
    pub fn payload(&self) -> Option<&[u8]> {
        self.inner.payload.as_deref()
    }
}

#[cfg(feature = "events")]
impl Error {
    #[cold]
    pub(crate) fn undecodable(
        kind: ErrorKind,
        offset: Option<u64>,
        payload: &[u8],
        source: impl core::error::Error + Send + Sync + 'static,
    ) -> Self {
        Inner {
            kind,
            offset,
            limit: None,
            payload: Some(payload.into()),
            source: Some(Box::new(source)),
        }
        .into()
    }

    #[cold]
    pub(crate) fn too_many_values(offset: Option<u64>, limit: usize) -> Self {
        Inner {
            kind: ErrorKind::TooManyValues,
            offset,
            limit: Some(limit),
            ..Inner::default()
        }
        .into()
    }

    #[cold]
    pub(crate) fn message_too_long(limit: usize) -> Self {
        Inner {
            kind: ErrorKind::FrameTooLong,
            limit: Some(limit),
            ..Inner::default()
        }
        .into()
    }

    #[cold]
    pub(crate) fn response_too_large(limit: usize) -> Self {
        Inner {
            kind: ErrorKind::ResponseTooLarge,
            limit: Some(limit),
            ..Inner::default()
        }
        .into()
    }

    #[cold]
    pub(crate) fn contradiction() -> Self {
        Inner {
            kind: ErrorKind::Contradiction,
            ..Inner::default()
        }
        .into()
    }

    #[cold]
    pub(crate) fn truncated(offset: Option<u64>) -> Self {
        Inner {
            kind: ErrorKind::Truncated,
            offset,
            ..Inner::default()
        }
        .into()
    }
}

impl From<Inner> for Error {
    fn from(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind() {
            ErrorKind::LineTooLong => "a line is longer than",
            ErrorKind::FrameTooLong => "an event is larger than",
            ErrorKind::TooMuchSkipped => "the lines between two events are longer than",
            ErrorKind::TooManyValues => "an event has too many values for",
            ErrorKind::ResponseTooLarge => "the response is larger than",
            ErrorKind::InvalidUtf8 => "an event is not valid UTF-8",
            ErrorKind::InvalidEvent => "an event cannot be decoded",
            ErrorKind::Contradiction => "a full text contradicts the deltas before it",
            ErrorKind::Truncated => "response stream ended before a terminal event",
            ErrorKind::Unencodable => {
                "an event contains a character that server-sent events cannot represent"
            }
        })?;
        if let Some(limit) = self.limit() {
            write!(f, " the limit of {limit} bytes")?;
        }
        if let Some(offset) = self.offset() {
            write!(f, " at offset {offset}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind())
            .field("offset", &self.offset())
            .field("limit", &self.limit())
            .field("payload_bytes", &self.payload().map(<[u8]>::len))
            .field("source", &self.inner.source)
            .finish()
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.inner.source.as_deref().map(|source| source as _)
    }
}

/// Two errors are equal if kind, position and payload are.
impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        (self.kind(), self.offset(), self.limit(), self.payload())
            == (other.kind(), other.offset(), other.limit(), other.payload())
    }
}

impl Eq for Error {}
