//! Decodes the bytes of a chat server into the events of a response.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use codex_types::chat::{ChatChunk, ChatTextRef};
use codex_types::{ErrorEvent, ResponseEvent};

use super::ToResponseEvents;
use crate::text::Text;
use crate::{Decoder, Error, ErrorKind, Limits, values};

/// A decoder that converts the body of a chat server, streamed or as one document, into the events
/// of a response.
///
/// Works like an [`EventDecoder`](crate::EventDecoder): it consumes the front of the input until
/// there is an event. The response ends with `[DONE]` if the usage is known by then, else with the
/// body; see [`finish`](Self::finish).
///
/// ```
/// use codex_sse::chat::{ChatEventDecoder, ToResponseEvents};
/// use codex_sse::Limits;
///
/// let mut decoder = ChatEventDecoder::new(ToResponseEvents::new(), Limits::new());
/// let mut text = String::new();
/// for chunk in [
///     &b"data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\nda"[..],
///     b"ta: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo\"},\"finish_reason\":\"stop\"}]}\n\n",
///     b"data: [DONE]\n\n",
/// ] {
///     let mut input = chunk;
///     while let Some(event) = decoder.decode(&mut input)? {
///         text.push_str(event.text_delta().unwrap_or_default());
///     }
/// }
/// assert_eq!(text, "Hello");
/// decoder.finish()?;
/// let mut last = None;
/// while let Some(event) = decoder.decode(&mut &b""[..])? {
///     last = Some(event);
/// }
/// assert_eq!(last.unwrap().kind(), "response.completed");
/// # Ok::<(), codex_sse::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ChatEventDecoder {
    decoder: Decoder,
    events: ToResponseEvents,
    /// Events that have not been returned yet.
    ready: VecDeque<ResponseEvent>,
}

impl ChatEventDecoder {
    /// Creates a decoder that converts chunks with `events`.
    pub fn new(events: ToResponseEvents, limits: Limits) -> Self {
        Self {
            decoder: Decoder::with_limits(limits),
            events,
            ready: VecDeque::new(),
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
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            if self.events.is_over() {
                *input = &[];
                return Ok(None);
            }
            let Some(lent) = self.decoder.decode_lent(input)? else {
                return Ok(None);
            };
            let offset = Some(self.decoder.offset());
            let limit = self.decoder.limits().frame;
            let is_error = self.decoder.frame(&lent).event_str().ok().flatten() == Some("error");
            let payload = self.decoder.data(&lent).trim_ascii();
            match payload {
                b"" | b"null" => continue,
                b"[DONE]" => self.events.feed_done(),
                payload if is_error => {
                    let error = ErrorEvent::from_body(payload).to_api_error();
                    self.ready.extend(self.events.fail(error));
                }
                payload => {
                    let json = json(payload, offset)?;
                    let text = ChatTextRef::from_json(json);
                    if !text.is_some_and(|text| self.events.feed_text(&text, &mut self.ready)) {
                        let chunk = chunk(json, offset, limit)?;
                        // Only the first choice is translated.
                        self.ready
                            .extend(self.events.feed(&chunk).unwrap_or_default());
                    }
                }
            }
            if self.events.has_all() {
                self.ready.extend(self.events.finish());
            }
        }
    }

    /// Decodes a body that is not a stream: a completion, or an error. [`decode`](Self::decode)
    /// then returns the events.
    ///
    /// # Errors
    ///
    /// Returns an error if the body is neither a completion nor an error.
    pub fn decode_document(&mut self, body: &[u8]) -> Result<(), Error> {
        let mut completion = chunk(json(body, None)?, None, usize::MAX)?;
        if completion.given_choices().is_empty() && completion.error().is_none() {
            let error = ErrorEvent::from_body(body).to_api_error();
            self.ready.extend(self.events.fail(error));
            return Ok(());
        }
        completion.choices = completion.given_choices().into_owned();
        completion.choices.truncate(1);
        for choice in &mut completion.choices {
            // With only one choice, the index is irrelevant.
            choice.index = 0;
        }
        self.ready
            .extend(self.events.feed(&completion).unwrap_or_default());
        self.events.feed_done();
        self.ready.extend(self.events.finish());
        Ok(())
    }

    /// Ends the stream at the end of the body. [`decode`](Self::decode) then returns the events
    /// that end the response.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Truncated`] if the completion had not ended; the response is then not
    /// whole.
    pub fn finish(&mut self) -> Result<(), Error> {
        if !self.events.is_over() && !self.events.is_complete() {
            return Err(Error::truncated(Some(self.decoder.offset())));
        }
        self.ready.extend(self.events.finish());
        Ok(())
    }

    /// Returns whether [`decode`](Self::decode) has events to return before it consumes more input.
    pub fn has_events(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Returns whether the server sent `[DONE]`. If the connection is lost afterwards, only the
    /// usage is missing.
    pub fn is_done(&self) -> bool {
        self.events.is_done()
    }
}

fn json(payload: &[u8], offset: Option<u64>) -> Result<&str, Error> {
    Text::Unchecked(payload)
        .as_str()
        .map_err(|error| Error::undecodable(ErrorKind::InvalidUtf8, offset, payload, error))
}

fn chunk(json: &str, offset: Option<u64>, limit: usize) -> Result<Box<ChatChunk>, Error> {
    values::check(json, offset, limit)?;
    let payload = json.as_bytes();
    let undecodable = |error| Error::undecodable(ErrorKind::InvalidEvent, offset, payload, error);
    ChatChunk::from_json(json)
        .map(Box::new)
        .map_err(undecodable)
}
