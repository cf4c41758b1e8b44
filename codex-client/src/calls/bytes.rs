//! A response as the bytes that arrived, for programs that pass it on. The reader parses the
//! framing to find the ends of events, and decodes an event only if it may be the last one.

use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use codex_sse::{Decoder, Frame, Limits};
use codex_transport::{Body, IdleTimeouts};
use codex_types::ResponseEvent;

use crate::calls::stream::ResponseStream;
use crate::document;
use crate::error::{Error, ErrorKind};
use crate::events::HttpEvents;
use crate::failure;
use crate::meta::ResponseMeta;

/// The events of one response as the server sent them, for gateways and recorders, which only need
/// to know where events end and how the response ends.
///
/// [`ResponseStream::into_bytes`](crate::ResponseStream::into_bytes) creates it.
///
/// Timeouts, limits and errors are those of a [`ResponseStream`](crate::ResponseStream), but the
/// client never resends the request and does not check payloads. A response that arrived as a JSON
/// document is yielded as the events that a streaming server would have sent. Dropping the value
/// cancels the request.
///
/// ```
/// # use codex_client::Client;
/// use codex_client::types::CreateResponse;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
/// # let server = LoopbackServer::start(Script::new().answer(Answer::sse()
/// #     .event(r#"{"type":"response.of_tomorrow", "spaced": 1}"#)
/// #     .event(r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}"#)))?;
/// # let client = Client::builder().base_url(server.url("/v1")).build()?;
/// let request = CreateResponse::new("some-model").input("Why is the sky blue?");
/// let mut bytes = client.stream(&request).await?.into_bytes()?;
/// let mut passed_on = Vec::new();
/// let mut last = None;
/// while let Some(chunk) = bytes.next().await {
///     let chunk = chunk?;
///     passed_on.extend_from_slice(&chunk.bytes);
///     last = chunk.last.or(last);
/// }
/// assert!(passed_on.starts_with(b"event: response.of_tomorrow\ndata: {\"type\":\"response.of_tomorrow\", \"spaced\": 1}\n\n"));
/// let response = last
///     .as_ref()
///     .and_then(|event| event.response())
///     .ok_or("the last event has the response")?;
/// assert_eq!(response.id, "resp_1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ResponseBytes {
    state: State,
    decoder: Decoder,
    /// The beginning of an incomplete event, or of a document.
    pending: BytesMut,
    has_begun: bool,
    meta: ResponseMeta,
}

enum State {
    /// The events of a chat server: there are no bytes to pass on, so they are serialized here.
    Translated(Box<HttpEvents>),
    Events(Arriving),
    Document(Arriving),
    /// The last event was yielded. The connection can be reused once the end of the body has
    /// arrived.
    Complete(Body),
    Ended,
}

/// A body, and the timeouts that apply to it.
struct Arriving {
    body: Body,
    watch: IdleTimeouts,
}

/// Whole events that arrived together.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EventBytes {
    /// The events as they arrived, including blank lines and comments.
    pub bytes: Bytes,
    /// The number of events.
    pub events: u64,
    /// The event that ends the response, if it is among them.
    pub last: Option<Box<ResponseEvent>>,
}

impl ResponseBytes {
    fn new(state: State, limits: Limits, meta: ResponseMeta) -> Self {
        Self {
            state,
            decoder: Decoder::with_limits(limits),
            pending: BytesMut::new(),
            has_begun: false,
            meta,
        }
    }

    /// Returns the status and headers of the response.
    #[must_use]
    pub fn meta(&self) -> &ResponseMeta {
        &self.meta
    }

    /// Returns the next whole events that arrived together; `None` after the last ones.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe: if the future is dropped, no event is lost, and the next call
    /// continues from there.
    pub async fn next(&mut self) -> Option<Result<EventBytes, Error>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Polls for the next whole events that arrived together; `None` after the last ones, and after
    /// an error.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<EventBytes, Error>>> {
        loop {
            let (arriving, is_document) = match &mut self.state {
                State::Translated(events) => {
                    let next = ready!(events.poll_event(cx)).map(|event| written(event?));
                    if next.as_ref().is_none_or(Result::is_err) {
                        self.state = State::Ended;
                    }
                    return Poll::Ready(next);
                }
                State::Events(arriving) => (arriving, false),
                State::Document(arriving) => (arriving, true),
                State::Complete(body) => {
                    // The end of the body usually lies in the same packet as the last event.
                    let _ = body.poll_chunk(cx);
                    self.state = State::Ended;
                    return Poll::Ready(None);
                }
                State::Ended => return Poll::Ready(None),
            };
            let read = match arriving.body.poll_chunk(cx) {
                Poll::Ready(Some(Ok(chunk))) => {
                    arriving.watch.record_bytes(chunk.len());
                    self.read(chunk, is_document)
                }
                Poll::Ready(Some(Err(error))) => Err(failure::transport(error)),
                Poll::Ready(None) if is_document => self.read_document().map(Some),
                Poll::Ready(None) => Err(Error::new(ErrorKind::Truncated)),
                Poll::Pending => match arriving.watch.poll_expired(cx) {
                    Poll::Ready(error) => Err(failure::transport(error)),
                    Poll::Pending => return Poll::Pending,
                },
            };
            match read {
                Ok(None) => {}
                Ok(Some(events)) => {
                    if let State::Events(arriving) = &mut self.state {
                        arriving.watch.record_event();
                    }
                    self.has_begun = true;
                    return Poll::Ready(Some(Ok(events)));
                }
                Err(error) => {
                    self.state = State::Ended;
                    let error = error.with_meta(self.meta.clone());
                    return Poll::Ready(Some(Err(error.after_delivery(self.has_begun))));
                }
            }
        }
    }

    /// Returns the whole events in a chunk, and keeps the rest.
    fn read(&mut self, chunk: Bytes, is_document: bool) -> Result<Option<EventBytes>, Error> {
        let is_start = !self.has_begun && self.pending.is_empty();
        if is_document || (is_start && document::is_document(&chunk) == Some(true)) {
            if self.pending.len() + chunk.len() > document::BODY_LIMIT {
                return Err(Error::protocol(TOO_LARGE));
            }
            self.pending.extend_from_slice(&chunk);
            if let State::Events(arriving) = core::mem::replace(&mut self.state, State::Ended) {
                self.state = State::Document(arriving);
            }
            return Ok(None);
        }
        let (mut rest, mut end, mut events, mut last) = (&chunk[..], 0, 0, None);
        while last.is_none()
            && let Some(frame) = self.decoder.decode(&mut rest).map_err(failure::stream)?
        {
            events += 1;
            last = terminal(&frame);
            end = chunk.len() - rest.len();
        }
        if end == 0 {
            // No limit is needed here: the decoder bounds the length of an event.
            self.pending.extend_from_slice(&chunk);
            return Ok(None);
        }
        let bytes = if self.pending.is_empty() {
            chunk.slice(..end)
        } else {
            self.pending.extend_from_slice(&chunk[..end]);
            self.pending.split().freeze()
        };
        if last.is_some() {
            if let State::Events(arriving) = core::mem::replace(&mut self.state, State::Ended) {
                self.state = State::Complete(arriving.body);
            }
        } else {
            self.pending.extend_from_slice(&chunk[end..]);
        }
        Ok(Some(EventBytes {
            bytes,
            events,
            last,
        }))
    }

    /// Returns a document as the events of a stream.
    fn read_document(&mut self) -> Result<EventBytes, Error> {
        self.state = State::Ended;
        let document = self.pending.split();
        let (mut text, mut events, mut last) = (String::new(), 0, None);
        for event in document::events(document::event(&document)?) {
            text.push_str(&encode(&event)?);
            events += 1;
            last = event.is_terminal().then(|| Box::new(event));
        }
        Ok(EventBytes {
            bytes: text.into(),
            events,
            last,
        })
    }
}

/// Serializes one event.
fn written(event: ResponseEvent) -> Result<EventBytes, Error> {
    Ok(EventBytes {
        bytes: encode(&event)?.into(),
        events: 1,
        last: event.is_terminal().then(|| Box::new(event)),
    })
}

fn encode(event: &ResponseEvent) -> Result<String, Error> {
    let text = event.encode_sse();
    text.map_err(|error| Error::protocol(UNWRITABLE).with_source(error))
}

impl ResponseStream {
    /// Converts the stream into the bytes of the response, for programs that pass it on.
    ///
    /// # Errors
    ///
    /// Returns [`Request`](ErrorKind::Request) if a part of the stream was already read.
    pub fn into_bytes(self) -> Result<ResponseBytes, Error> {
        let events = self.into_assembled().into_source().into_http();
        let (limits, meta) = (events.limits(), events.meta().clone());
        let state = if events.is_translated() {
            State::Translated(Box::new(events))
        } else {
            let (body, watch) = events.into_unread().ok_or_else(|| Error::request(BEGUN))?;
            State::Events(Arriving { body, watch })
        };
        Ok(ResponseBytes::new(state, limits, meta))
    }
}

/// Returns the event if it ends the response. To save the cost of decoding, it skips events that
/// begin with another type, as servers write them.
fn terminal(frame: &Frame<'_>) -> Option<Box<ResponseEvent>> {
    let data = frame.data();
    let kind = data
        .strip_prefix(br#"{"type":""#)
        .and_then(|rest| rest.split(|byte| *byte == b'"').next());
    if kind.is_some_and(|kind| !ENDS.contains(&kind)) {
        return None;
    }
    let text = core::str::from_utf8(data).ok()?;
    let hint = frame.event_str().ok().flatten();
    let event = ResponseEvent::from_json_hinted(hint, text).ok()?;
    event.is_terminal().then(|| Box::new(event))
}

impl fmt::Debug for ResponseBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBytes")
            .field("meta", &self.meta)
            .field("ended", &matches!(self.state, State::Ended))
            .finish_non_exhaustive()
    }
}

const ENDS: &[&[u8]] = &[
    b"response.completed",
    b"response.failed",
    b"response.incomplete",
    b"response.done",
    b"response.error",
    b"error",
];
const TOO_LARGE: &str = "response exceeds the size limit for unstreamed responses";
const BEGUN: &str = "stream has already been read in part";
const UNWRITABLE: &str = "event cannot be serialized";
