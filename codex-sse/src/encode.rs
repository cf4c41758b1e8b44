//! Encoding, for mock servers, proxies and recorders, and for the law that decoding an encoded
//! frame gives the same frame.

use alloc::string::ToString as _;
use alloc::vec::Vec;

use memchr::{memchr, memchr2, memchr3};

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
        let (event, mut data) = (self.event.as_bytes(), self.data.as_bytes());
        if memchr2(b'\r', b'\n', event).is_some()
            || self
                .id
                .is_some_and(|id| memchr3(b'\r', b'\n', 0, id).is_some())
            || memchr(b'\r', data).is_some()
        {
            return Err(Error::unencodable());
        }
        let mut line = |field: &[u8], value: &[u8]| {
            out.reserve(field.len() + value.len() + 2);
            out.extend_from_slice(field);
            out.extend_from_slice(value);
            out.push(b'\n');
        };
        if !event.is_empty() {
            line(b"event: ", event);
        }
        if let Some(id) = self.id {
            line(b"id: ", id);
        }
        if let Some(milliseconds) = self.retry {
            line(b"retry: ", milliseconds.to_string().as_bytes());
        }
        while let Some(end) = memchr(b'\n', data) {
            line(b"data: ", &data[..end]);
            data = &data[end + 1..];
        }
        line(b"data: ", data);
        out.push(b'\n');
        Ok(())
    }
}
