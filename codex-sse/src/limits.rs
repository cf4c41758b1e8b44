/// The limits of a [`Decoder`](crate::Decoder) on what a server may send; beyond them it returns a
/// typed error.
///
/// The standard sets no limits, so a decoder without them buffers whatever a server sends. All
/// limits are bytes.
///
/// | limit | default | reason |
/// |---|---:|---|
/// | [`max_line`](Self::max_line) | 16 MiB | an inline image is one line of several megabytes of base64; the usual WebSocket frame limit is 16 MiB |
/// | [`max_frame`](Self::max_frame) | 32 MiB | a response with several images; half the usual WebSocket message limit of 64 MiB |
/// | [`max_skipped`](Self::max_skipped) | 1 MiB | a keep-alive comment every second for a day stays below it |
///
/// A decoder never holds more than `max_frame` plus 1 KiB.
///
/// ```
/// use codex_sse::Limits;
///
/// let limits = Limits::new().max_line(64 * 1024).max_frame(256 * 1024);
/// assert_eq!(limits, limits.max_skipped(1 << 20));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub(crate) line: usize,
    pub(crate) frame: usize,
    pub(crate) skipped: usize,
}

impl Limits {
    /// Returns the default limits.
    pub const fn new() -> Self {
        Self {
            line: 16 << 20,
            frame: 32 << 20,
            skipped: 1 << 20,
        }
    }

    /// Returns limits that accept everything, for input that is trusted and already bounded.
    pub const fn unlimited() -> Self {
        Self {
            line: usize::MAX,
            frame: usize::MAX,
            skipped: usize::MAX,
        }
    }

    /// Sets the maximum length of a line of any kind in bytes, without its line ending.
    pub const fn max_line(self, bytes: usize) -> Self {
        Self {
            line: bytes,
            ..self
        }
    }

    /// Sets the maximum size of an event in bytes: its data with the line feeds that join its
    /// lines, its type, and the last event id.
    pub const fn max_frame(self, bytes: usize) -> Self {
        Self {
            frame: bytes,
            ..self
        }
    }

    /// Sets the maximum number of bytes skipped between two events outside of `data` lines:
    /// comments, blank lines, unknown fields, and `event`, `id` and `retry` lines, each with its
    /// line ending.
    pub const fn max_skipped(self, bytes: usize) -> Self {
        Self {
            skipped: bytes,
            ..self
        }
    }

    /// Returns the smallest of the three: smaller sizes can be checked with one comparison.
    pub(crate) fn least(&self) -> usize {
        self.line.min(self.frame).min(self.skipped)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}
