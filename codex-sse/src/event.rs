//! From frames and WebSocket messages to typed events. A payload is checked once for UTF-8, as a
//! whole, and then read by `codex_types`, whose fast reader for deltas borrows from it. The event
//! name of the frame is only a hint: the payload's own `type` takes precedence.

use core::fmt;

use codex_types::{EventRef, ResponseEvent};

use crate::decoder::Lent;
use crate::text::Text;
use crate::{CheckedChunk, Decoder, Error, ErrorKind, Limits, values};

/// A decoder of response streams: returns typed events from the bytes of an SSE body or from
/// WebSocket messages.
///
/// Like [`Decoder`], it is driven by a cursor: it consumes the front of the input until there is an
/// event, and returns it. An owned delta costs one allocation, a borrowed one none.
///
/// A payload that cannot be decoded is an error with the bytes in [`Error::payload`], and the
/// stream continues; see [`Error::is_fatal`]. So is a text that is not a string: dropping it
/// silently would lose a part of the output. Payloads that servers send as heartbeats or end
/// markers are skipped: empty ones, `null`, and `[DONE]`.
///
/// The memory of one event is bounded by 16 times [`Limits::max_frame`]: an event whose many small
/// values would take more is an error of kind [`TooManyValues`](ErrorKind::TooManyValues).
///
/// ```
/// use codex_sse::EventDecoder;
/// use codex_types::ResponseEvent;
///
/// let mut decoder = EventDecoder::new();
/// let mut text = String::new();
/// for chunk in [
///     &br#"data: {"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"Hel"}"#[..],
///     b"\n\n",
///     br#"data: {"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"lo"}"#,
///     b"\n\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\"}}\n\n",
/// ] {
///     let mut input = chunk;
///     while let Some(event) = decoder.decode(&mut input)? {
///         text.push_str(event.text_delta().unwrap_or_default());
///     }
/// }
/// decoder.finish()?;
/// assert_eq!(text, "Hello");
/// # Ok::<(), codex_sse::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct EventDecoder {
    decoder: Decoder,
    terminated: bool,
    /// Whether any input was a byte stream, so that offsets are meaningful.
    streamed: bool,
}

impl EventDecoder {
    /// Creates a decoder with the default [`Limits`].
    pub fn new() -> Self {
        Self::with_limits(Limits::new())
    }

    /// Creates a decoder with custom limits.
    pub fn with_limits(limits: Limits) -> Self {
        Self {
            decoder: Decoder::with_limits(limits),
            terminated: false,
            streamed: false,
        }
    }

    /// Consumes bytes from the front of `input` until an event is complete, and returns it; `None`
    /// when `input` is used up.
    ///
    /// # Errors
    ///
    /// Returns an error if a limit is exceeded; every further call then returns it again. Also
    /// returns an error for a payload that cannot be decoded, after which decoding continues.
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<ResponseEvent>, Error> {
        Ok(self.decode_ref(input)?.map(EventRef::into_owned))
    }

    /// Decodes like [`decode`](Self::decode), but borrows: a delta borrows from the input, or from
    /// the decoder if a chunk boundary cut it.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`decode`](Self::decode).
    #[inline]
    pub fn decode_ref<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<EventRef<'s>>, Error> {
        match self.next(input)? {
            Some(lent) => self.event(&lent, None),
            None => Ok(None),
        }
    }

    /// Decodes like [`decode_ref`](Self::decode_ref), from a chunk whose UTF-8 is checked as a
    /// whole.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`decode`](Self::decode).
    #[inline]
    pub fn decode_chunk<'s, 'i: 's>(
        &'s mut self,
        chunk: &mut CheckedChunk<'i>,
    ) -> Result<Option<EventRef<'s>>, Error> {
        match self.next(chunk.rest_mut())? {
            Some(lent) => {
                let text = lent.data.and_then(|data| chunk.text_of(data));
                self.event(&lent, text)
            }
            None => Ok(None),
        }
    }

    /// Decodes one WebSocket message: the payload of one event, without framing. Returns `None` for
    /// `[DONE]`.
    ///
    /// # Errors
    ///
    /// Returns an error if the message is larger than [`Limits::max_frame`] or cannot be decoded.
    /// Neither error is sticky, because messages are separate.
    ///
    /// # Examples
    ///
    /// ```
    /// use codex_sse::EventDecoder;
    ///
    /// let mut decoder = EventDecoder::new();
    /// let event =
    ///     decoder.decode_message(br#"{"type":"response.created","response":{"id":"resp_1"}}"#)?;
    /// assert_eq!(event.unwrap().response().unwrap().id, "resp_1");
    /// # Ok::<(), codex_sse::Error>(())
    /// ```
    pub fn decode_message(&mut self, message: &[u8]) -> Result<Option<ResponseEvent>, Error> {
        Ok(self.decode_message_ref(message)?.map(EventRef::into_owned))
    }

    /// Decodes like [`decode_message`](Self::decode_message), but borrows from the message.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`decode_message`](Self::decode_message).
    pub fn decode_message_ref<'i>(
        &mut self,
        message: &'i [u8],
    ) -> Result<Option<EventRef<'i>>, Error> {
        let limit = self.decoder.limits().frame;
        if message.len() > limit {
            return Err(Error::message_too_long(limit));
        }
        if is_heartbeat(message) {
            return Ok(None);
        }
        let event = read(Text::Unchecked(message), None, None, limit)?;
        self.terminated |= is_terminal(&event);
        Ok(Some(event))
    }

    /// Returns whether a terminal event has been returned.
    pub fn is_terminated(&self) -> bool {
        self.terminated
    }

    /// Checks, at the end of the stream, that a terminal event was returned.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Truncated`] if no terminal event was returned: the response is not
    /// complete.
    pub fn finish(&self) -> Result<(), Error> {
        if self.terminated {
            return Ok(());
        }
        Err(Error::truncated(
            self.streamed.then(|| self.decoder.offset()),
        ))
    }

    /// Returns the frame decoder: its byte count, the last event id, the reconnection time.
    pub fn frames(&self) -> &Decoder {
        &self.decoder
    }

    /// Returns the next frame that contains an event.
    #[inline]
    fn next<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Lent<'i>>, Error> {
        self.streamed = true;
        loop {
            match self.decoder.decode_lent(input)? {
                Some(lent) if is_heartbeat(self.decoder.data(&lent)) => {}
                lent => return Ok(lent),
            }
        }
    }

    #[inline]
    fn event<'s, 'i: 's>(
        &'s mut self,
        lent: &Lent<'i>,
        text: Option<&'i str>,
    ) -> Result<Option<EventRef<'s>>, Error> {
        let terminated = &mut self.terminated;
        let decoder = &self.decoder;
        let data = text.map_or_else(|| Text::Unchecked(decoder.data(lent)), Text::Checked);
        let event = read(
            data,
            decoder.frame(lent).event_str().ok().flatten(),
            Some(decoder.offset()),
            decoder.limits().frame,
        )?;
        *terminated |= is_terminal(&event);
        Ok(Some(event))
    }
}

impl Default for EventDecoder {
    fn default() -> Self {
        Self::new()
    }
}

#[inline]
fn read<'a>(
    payload: Text<'a>,
    name: Option<&str>,
    offset: Option<u64>,
    limit: usize,
) -> Result<EventRef<'a>, Error> {
    let json = payload.as_str().map_err(|error| {
        Error::undecodable(ErrorKind::InvalidUtf8, offset, payload.as_bytes(), error)
    })?;
    if json.len() > limit / FEW_VALUES {
        values::check(json, offset, limit)?;
    }
    let event = EventRef::from_json_hinted(name, json).map_err(|error| {
        Error::undecodable(ErrorKind::InvalidEvent, offset, payload.as_bytes(), error)
    })?;
    if let EventRef::Event(event) = &event
        && let Some(key) = event.foreign_text()
    {
        let kind = ErrorKind::InvalidEvent;
        return Err(Error::undecodable(
            kind,
            offset,
            payload.as_bytes(),
            NotText { key },
        ));
    }
    Ok(event)
}

/// A key that should have a string has another value.
#[derive(Debug)]
struct NotText {
    key: &'static str,
}

impl fmt::Display for NotText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not text", self.key)
    }
}

impl core::error::Error for NotText {}

/// Returns whether a payload is not an event but a keep-alive or an end marker.
#[inline]
fn is_heartbeat(payload: &[u8]) -> bool {
    payload.first() != Some(&b'{') && matches!(payload.trim_ascii(), b"" | b"null" | b"[DONE]")
}

/// A payload that is this many times smaller than the limit cannot contain too many values.
const FEW_VALUES: usize = 8;

#[inline]
fn is_terminal(event: &EventRef<'_>) -> bool {
    match event {
        EventRef::Delta(_) => false,
        EventRef::Event(event) => event.is_terminal(),
    }
}
