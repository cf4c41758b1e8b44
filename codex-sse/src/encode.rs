//! Encoding, for mock servers, proxies and recorders, and for the law that decoding an encoded
//! frame gives the same frame.

use alloc::string::ToString as _;
use alloc::vec::Vec;

use crate::{Error, Frame};

impl Frame<'_> {
    /// Appends the frame to `out` as a server would send it, including the blank line.
    ///
    /// Decoding the result gives the same frame. Data with line feeds becomes several `data` lines.
    /// An id or a reconnection time that is `None` is left out, so that the current one stays.
    ///
    /// # Errors
    ///
    /// Returns an error if the frame cannot be represented: a line ending in its type, a line
    /// ending or NUL in its id, a carriage return in its data. Nothing is written then. A frame
    /// from a decoder can always be written.
    ///
    /// # Examples
    ///
    /// ```
    /// use codex_sse::{ErrorKind, Frame};
    ///
    /// let mut out = Vec::new();
    /// Frame::new(b"first\nsecond").with_event(b"greeting").encode(&mut out)?;
    /// assert_eq!(out, b"event: greeting\ndata: first\ndata: second\n\n");
    ///
    /// let error = Frame::new(b"a\rb").encode(&mut out).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Unencodable);
    /// # Ok::<(), codex_sse::Error>(())
    /// ```
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let breaks =
            |bytes: &[u8], forbidden: &[u8]| bytes.iter().any(|byte| forbidden.contains(byte));
        let (event, data) = (self.event.as_bytes(), self.data.as_bytes());
        if breaks(event, b"\r\n")
            || self.id.is_some_and(|id| breaks(id, b"\r\n\0"))
            || breaks(data, b"\r")
        {
            return Err(Error::unencodable());
        }
        let mut line = |field: &[u8], value: &[u8]| {
            for part in [field, b": ", value, b"\n"] {
                out.extend_from_slice(part);
            }
        };
        if !event.is_empty() {
            line(b"event", event);
        }
        if let Some(id) = self.id {
            line(b"id", id);
        }
        if let Some(milliseconds) = self.retry {
            line(b"retry", milliseconds.to_string().as_bytes());
        }
        for value in data.split(|byte| *byte == b'\n') {
            line(b"data", value);
        }
        out.push(b'\n');
        Ok(())
    }
}
