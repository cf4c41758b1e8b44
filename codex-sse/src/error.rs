use core::fmt;

/// Why decoding stopped, and where.
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    offset: u64,
    limit: usize,
}

/// What kind of [`Error`] it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A line passed [`Limits::max_line`](crate::Limits::max_line).
    LineTooLong,
    /// An event passed [`Limits::max_frame`](crate::Limits::max_frame).
    FrameTooLong,
    /// Comments, blank lines and other lines without data passed [`Limits::max_skipped`](crate::Limits::max_skipped).
    TooMuchSkipped,
    /// An event cannot be written: its type or id holds a line end or its id a NUL, or its data holds a carriage return.
    Unencodable,
}

/// Whose fault an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Side {
    /// The caller's.
    Local,
    /// The server's.
    Remote,
    /// That of whatever lies between the two.
    Network,
}

impl Error {
    pub(crate) const fn limit_passed(kind: ErrorKind, offset: u64, limit: usize) -> Self {
        Self {
            kind,
            offset,
            limit,
        }
    }

    pub(crate) const fn unencodable() -> Self {
        Self {
            kind: ErrorKind::Unencodable,
            offset: 0,
            limit: 0,
        }
    }

    /// What kind of error this is.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whose fault it is.
    pub const fn side(&self) -> Side {
        match self.kind {
            ErrorKind::LineTooLong | ErrorKind::FrameTooLong | ErrorKind::TooMuchSkipped => {
                Side::Remote
            }
            ErrorKind::Unencodable => Side::Local,
        }
    }

    /// Whether the same request may end better when it is made again.
    pub const fn is_retryable(&self) -> bool {
        matches!(self.side(), Side::Network)
    }

    /// The position in the stream, counted in bytes from its start, of the first byte that was too many.
    pub const fn offset(&self) -> Option<u64> {
        match self.kind {
            ErrorKind::Unencodable => None,
            _ => Some(self.offset),
        }
    }

    pub(crate) const fn position(&self) -> u64 {
        self.offset
    }

    /// The limit that was passed, in bytes.
    pub const fn limit(&self) -> Option<usize> {
        match self.kind {
            ErrorKind::Unencodable => None,
            _ => Some(self.limit),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ErrorKind::LineTooLong => "a line is longer than",
            ErrorKind::FrameTooLong => "an event is larger than",
            ErrorKind::TooMuchSkipped => "the lines between two events are longer than",
            ErrorKind::Unencodable => {
                return f
                    .write_str("an event holds a character that server-sent events cannot carry");
            }
        };
        write!(
            f,
            "{what} the limit of {} bytes at offset {}",
            self.limit, self.offset
        )
    }
}

impl core::error::Error for Error {}
