use alloc::borrow::Cow;
use alloc::string::String;
use core::time::Duration;
use core::{fmt, str};

use crate::text::Text;

/// One event, borrowed from the [`Decoder`](crate::Decoder) until its next call.
///
/// Framing does not check the encoding, because the syntax of server-sent events is ASCII: the
/// payload is bytes, and an invalid one affects only itself. The standard decodes with replacement
/// characters, which is what [`data_lossy`](Self::data_lossy) does.
///
/// ```
/// use codex_sse::Decoder;
///
/// let mut decoder = Decoder::new();
/// let mut input = &b"event: greeting\ndata: hello\ndata: world\nid: 7\n\n"[..];
/// let frame = decoder.decode(&mut input)?.unwrap();
///
/// assert_eq!(frame.event(), Some(&b"greeting"[..]));
/// assert_eq!(frame.data_str()?, "hello\nworld");
/// assert_eq!(frame.id(), Some(&b"7"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    pub(crate) event: Text<'a>,
    pub(crate) data: Text<'a>,
    pub(crate) id: Option<&'a [u8]>,
    pub(crate) retry: Option<u64>,
}

impl<'a> Frame<'a> {
    /// Creates a frame with this data, for writing.
    pub const fn new(data: &'a [u8]) -> Self {
        Self {
            event: Text::Checked(""),
            data: Text::Unchecked(data),
            id: None,
            retry: None,
        }
    }

    /// Returns the frame with an event type. An empty one means none.
    #[must_use]
    pub const fn with_event(self, event: &'a [u8]) -> Self {
        Self {
            event: Text::Unchecked(event),
            ..self
        }
    }

    /// Returns the frame with an id.
    #[must_use]
    pub const fn with_id(self, id: &'a [u8]) -> Self {
        Self {
            id: Some(id),
            ..self
        }
    }

    /// Returns the frame with a reconnection time, in whole milliseconds.
    #[must_use]
    pub fn with_retry(self, retry: Duration) -> Self {
        Self {
            retry: Some(u64::try_from(retry.as_millis()).unwrap_or(u64::MAX)),
            ..self
        }
    }

    /// Returns the event type, from the last `event` line. `None` means the standard's default,
    /// `message`.
    pub const fn event(&self) -> Option<&'a [u8]> {
        match self.event.as_bytes() {
            [] => None,
            event => Some(event),
        }
    }

    /// Returns the event type as text.
    ///
    /// # Errors
    ///
    /// Returns an error if the event type is not UTF-8.
    #[inline]
    pub fn event_str(&self) -> Result<Option<&'a str>, str::Utf8Error> {
        match self.event.as_str()? {
            "" => Ok(None),
            event => Ok(Some(event)),
        }
    }

    /// Returns the data lines, joined by line feeds.
    pub const fn data(&self) -> &'a [u8] {
        self.data.as_bytes()
    }

    /// Returns the data as text.
    ///
    /// # Errors
    ///
    /// Returns an error if the data is not UTF-8. Other frames are not affected.
    #[inline]
    pub fn data_str(&self) -> Result<&'a str, str::Utf8Error> {
        self.data.as_str()
    }

    /// Returns the data as the standard decodes it: invalid UTF-8 becomes U+FFFD.
    pub fn data_lossy(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.data())
    }

    /// Returns the current last event id, from this event or an earlier one. `None` until the
    /// server has sent one; an empty one resets it.
    pub const fn id(&self) -> Option<&'a [u8]> {
        self.id
    }

    /// Returns the current reconnection time, in whole milliseconds. `None` until the server has
    /// sent one. A number beyond `u64` counts as `u64::MAX`.
    pub const fn retry(&self) -> Option<Duration> {
        match self.retry {
            Some(milliseconds) => Some(Duration::from_millis(milliseconds)),
            None => None,
        }
    }
}

impl fmt::Debug for Frame<'_> {
    /// Shows the type and the lengths: a payload may be private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("event", &self.event().map(String::from_utf8_lossy))
            .field("data_bytes", &self.data().len())
            .field("id_bytes", &self.id.map(<[u8]>::len))
            .field("retry", &self.retry())
            .finish()
    }
}
