use alloc::{borrow::Cow, string::String};
use core::{fmt, str, time::Duration};

use crate::{FrameBuf, text::Text};

/// One event, lent by the [`Decoder`](crate::Decoder) until its next call.
///
/// Framing never looks at the encoding, since the syntax of server-sent events is ASCII: the payload is bytes, and an invalid one harms
/// only itself. The standard decodes with replacement characters, which is what [`data_lossy`](Self::data_lossy) does.
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
    /// A frame to be written: its data, and nothing else.
    pub const fn new(data: &'a [u8]) -> Self {
        Self {
            event: Text::Checked(""),
            data: Text::Unchecked(data),
            id: None,
            retry: None,
        }
    }

    /// The same frame with an event type. An empty one is none.
    #[must_use]
    pub const fn with_event(self, event: &'a [u8]) -> Self {
        Self {
            event: Text::Unchecked(event),
            ..self
        }
    }

    /// The same frame with an id.
    #[must_use]
    pub const fn with_id(self, id: &'a [u8]) -> Self {
        Self {
            id: Some(id),
            ..self
        }
    }

    /// The same frame with a reconnection time, of which whole milliseconds count.
    #[must_use]
    pub fn with_retry(self, retry: Duration) -> Self {
        Self {
            retry: Some(u64::try_from(retry.as_millis()).unwrap_or(u64::MAX)),
            ..self
        }
    }

    /// The event type, from the last `event` line. `None` stands for the standard's default, `message`.
    pub const fn event(&self) -> Option<&'a [u8]> {
        match self.event.as_bytes() {
            [] => None,
            event => Some(event),
        }
    }

    /// The event type as text.
    ///
    /// # Errors
    /// When it is not UTF-8.
    #[inline]
    pub fn event_str(&self) -> Result<Option<&'a str>, str::Utf8Error> {
        match self.event.as_str()? {
            "" => Ok(None),
            event => Ok(Some(event)),
        }
    }

    /// The data lines, joined by line feeds.
    pub const fn data(&self) -> &'a [u8] {
        self.data.as_bytes()
    }

    /// The data as text.
    ///
    /// # Errors
    /// When it is not UTF-8. The frames around it are not concerned.
    #[inline]
    pub fn data_str(&self) -> Result<&'a str, str::Utf8Error> {
        self.data.as_str()
    }

    /// The data as the standard decodes it: invalid UTF-8 becomes U+FFFD.
    pub fn data_lossy(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.data())
    }

    /// The last event id in force, be it from this event or an earlier one. `None` until the server has sent one; a server takes it back
    /// by sending an empty one.
    pub const fn id(&self) -> Option<&'a [u8]> {
        self.id
    }

    /// The reconnection time in force, in whole milliseconds. `None` until the server has sent one. A number of milliseconds beyond
    /// `u64` counts as `u64::MAX`.
    pub const fn retry(&self) -> Option<Duration> {
        match self.retry {
            Some(milliseconds) => Some(Duration::from_millis(milliseconds)),
            None => None,
        }
    }

    /// The same frame in memory of its own, one allocation.
    pub fn to_owned(&self) -> FrameBuf {
        FrameBuf::copy_of(self)
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
