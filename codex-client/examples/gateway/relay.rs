//! A response as server-sent events, in either API. Polling the body polls the service: a client
//! that stops reading slows the service down, and a client that disconnects drops the body, which
//! cancels the request.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use codex_client::{Error, EventBytes, ResponseBytes, ResponseStream};
use codex_sse::Frame;
use codex_sse::chat::ToChatChunks;
use codex_types::chat::translate::chat_error_body;
use codex_types::{Response as Answer, ResponseEvent};
use futures_core::Stream as _;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response};
use http_body::Body;
use http_body_util::BodyExt as _;
use serde_json::json;
use tokio::time::{Instant, Sleep};

use crate::failure::Failure;
use crate::journal::{Entry, Fault};
use crate::payload::{self, BoxError, Payload};
use crate::state::Continued;
use crate::woken::Woken;

/// The format in which an API writes events.
pub(crate) trait Dialect: Send + Unpin + 'static {
    fn event(&mut self, event: &ResponseEvent, out: &mut Vec<u8>);
    /// Writes an event that cannot be decoded, verbatim if the API allows it.
    fn undecodable(&mut self, payload: &[u8], out: &mut Vec<u8>);
    fn failed(&mut self, failure: &Failure, out: &mut Vec<u8>);
    /// Handles the end of the service's stream.
    fn ended(&mut self, out: &mut Vec<u8>);
}

/// A source of events that are already serialized.
trait Source: Send + Unpin + 'static {
    /// Polls for the events that arrived together. Returns `None` after the last one.
    fn poll_events(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>>;
}

/// Responds with events of the Responses API. If the response is not kept, and the service sends
/// the output with the last event, the original bytes are passed on.
pub(crate) async fn responses(
    stream: ResponseStream,
    headers: HeaderMap,
    keep_alive: Duration,
    entry: &Arc<Entry>,
    continued: Option<Continued>,
    is_whole: bool,
) -> Result<Response<Payload>, Failure> {
    if continued.is_some() || !is_whole {
        let dialect = ResponsesDialect::default();
        return answer(stream, headers, dialect, keep_alive, entry, continued).await;
    }
    let bytes = stream.into_bytes().map_err(|error| Failure::of(&error))?;
    let events = AsTheyCame::start(bytes, entry).await?;
    Ok(respond(events, headers, keep_alive))
}

/// Waits for the first event and responds with all of them. A failure before the first event
/// becomes a response with a status, which clients know how to retry; a later failure becomes an
/// event.
pub(crate) async fn answer<D: Dialect>(
    mut stream: ResponseStream,
    headers: HeaderMap,
    dialect: D,
    keep_alive: Duration,
    entry: &Arc<Entry>,
    continued: Option<Continued>,
) -> Result<Response<Payload>, Failure> {
    let first = match stream.next().await {
        Some(Err(error)) if error.is_fatal() => return Err(Failure::of(&error)),
        first => first,
    };
    let events = Written {
        stream: Woken::new(stream),
        dialect,
        first,
        is_over: false,
        entry: entry.clone(),
        continued,
    };
    Ok(respond(events, headers, keep_alive))
}

fn respond(events: impl Source, headers: HeaderMap, keep_alive: Duration) -> Response<Payload> {
    let relay = Relay {
        events,
        quiet: Box::pin(tokio::time::sleep(keep_alive)),
        last: Instant::now(),
        keep_alive,
    };
    let mut response = Response::new(relay.boxed_unsync());
    *response.headers_mut() = headers;
    for (name, value) in [(CONTENT_TYPE, EVENT_STREAM), (CACHE_CONTROL, "no-cache")] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The body of a response: its events, and comments during long pauses.
struct Relay<E> {
    events: E,
    /// The time at which to check whether a comment is due. It is not reset with every event.
    quiet: Pin<Box<Sleep>>,
    /// The time of the last write.
    last: Instant,
    /// The interval of comments: clients and proxies consider a connection dead after a long
    /// silence.
    keep_alive: Duration,
}

impl<E: Source> Body for Relay<E> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let bytes = match this.events.poll_events(cx) {
            Poll::Ready(Some(bytes)) => bytes,
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => loop {
                ready!(this.quiet.as_mut().poll(cx));
                let due = this.last + this.keep_alive;
                if due <= Instant::now() {
                    this.quiet.as_mut().reset(Instant::now() + this.keep_alive);
                    break Bytes::from_static(b": keep-alive\n\n");
                }
                this.quiet.as_mut().reset(due);
            },
        };
        this.last = Instant::now();
        Poll::Ready(Some(Ok(http_body::Frame::data(bytes))))
    }
}

/// Passes events on unchanged.
struct AsTheyCame {
    bytes: ResponseBytes,
    first: Option<EventBytes>,
    /// The number of events passed on.
    count: u64,
    is_over: bool,
    entry: Arc<Entry>,
}

impl AsTheyCame {
    /// Waits for the first event.
    async fn start(mut bytes: ResponseBytes, entry: &Arc<Entry>) -> Result<Self, Failure> {
        let first = match bytes.next().await {
            Some(first) => Some(first.map_err(|error| Failure::of(&error))?),
            None => None,
        };
        Ok(Self {
            bytes,
            first,
            count: 0,
            is_over: false,
            entry: entry.clone(),
        })
    }
}

impl Source for AsTheyCame {
    fn poll_events(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let next = match self.first.take() {
            Some(first) => Some(Ok(first)),
            None => ready!(self.bytes.poll_next(cx)),
        };
        match next {
            Some(Ok(events)) => {
                self.count += events.events;
                if let Some(last) = &events.last {
                    record_event(&self.entry, last);
                }
                Poll::Ready(Some(events.bytes))
            }
            Some(Err(error)) => {
                self.is_over = true;
                let failure = Failure::of(&error);
                self.entry.failed(failure.fault(), failure.code());
                let mut out = Vec::new();
                error_event(&failure, self.count, &mut out);
                Poll::Ready(Some(out.into()))
            }
            None => Poll::Ready(None),
        }
    }
}

/// Decodes events and writes them in a dialect.
struct Written<D> {
    stream: Woken<ResponseStream>,
    dialect: D,
    first: Option<Result<ResponseEvent, Error>>,
    is_over: bool,
    entry: Arc<Entry>,
    /// Where to keep the response.
    continued: Option<Continued>,
}

impl<D: Dialect> Written<D> {
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<ResponseEvent, Error>>> {
        match self.first.take() {
            Some(item) => Poll::Ready(Some(item)),
            None => self
                .stream
                .poll_with(cx, |stream, cx| Pin::new(stream).poll_next(cx)),
        }
    }

    fn write(&mut self, item: Option<Result<ResponseEvent, Error>>, out: &mut Vec<u8>) {
        match item {
            Some(Ok(mut event)) => {
                add_output(&mut event, self.stream.get().snapshot());
                if let Some(continued) = &self.continued {
                    continued.add_previous_to(&mut event);
                }
                self.dialect.event(&event, out);
                if event.is_terminal() {
                    let whole = self.stream.get().snapshot();
                    record(&self.entry, whole);
                    if let Some(continued) = self.continued.take() {
                        continued.ended(whole);
                    }
                }
            }
            Some(Err(error)) if !error.is_fatal() => {
                if let Some(payload) = error.payload() {
                    self.dialect.undecodable(payload, out);
                }
            }
            Some(Err(error)) => {
                self.is_over = true;
                let failure = Failure::of(&error);
                self.entry.failed(failure.fault(), failure.code());
                self.dialect.failed(&failure, out);
            }
            None => {
                self.is_over = true;
                self.dialect.ended(out);
            }
        }
    }
}

impl<D: Dialect> Source for Written<D> {
    fn poll_events(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        // Events that arrived together are passed on in one write.
        let mut out = Vec::new();
        while !self.is_over && out.len() < ENOUGH {
            match self.poll_item(cx) {
                Poll::Ready(item) => self.write(item, &mut out),
                Poll::Pending if out.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready((!out.is_empty()).then(|| out.into()))
    }
}

/// Responds with the events of a response that the gateway keeps as JSON.
pub(crate) fn kept(response: &[u8]) -> Option<Response<Payload>> {
    let whole: Answer = serde_json::from_slice(response).ok()?;
    let mut dialect = ResponsesDialect::default();
    let mut out = Vec::new();
    for event in whole.to_events() {
        dialect.event(&event, &mut out);
    }
    let mut response = Response::new(payload::whole(out));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM));
    Some(response)
}

/// Adds the output to an event that ends a response without it, as the ChatGPT backend does:
/// clients of the API take it from there.
pub(crate) fn add_output(event: &mut ResponseEvent, whole: &Answer) {
    if let ResponseEvent::Completed(end)
    | ResponseEvent::Incomplete(end)
    | ResponseEvent::Failed(end) = event
        && end.response.output.is_empty()
    {
        end.response.output.clone_from(&whole.output);
    }
}

/// Records the usage of a response, and its error if it failed.
pub(crate) fn record(entry: &Entry, response: &Answer) {
    if let Some(usage) = response.usage.as_deref() {
        entry.usage(usage);
    }
    if let Some(error) = response.error.as_deref() {
        entry.failed(
            Fault::Service,
            error.code.as_ref().map(|code| code.as_str()),
        );
    }
}

/// Records the usage and the error from the last event of a response.
fn record_event(entry: &Entry, event: &ResponseEvent) {
    match event.response() {
        Some(response) => record(entry, response),
        None => {
            let error = event.error();
            let code = error.as_ref().and_then(|error| error.code.as_ref());
            entry.failed(Fault::Service, code.map(|code| code.as_str()));
        }
    }
}

/// Writes events as the Responses API sends them.
#[derive(Default)]
struct ResponsesDialect {
    next_number: u64,
}

impl Dialect for ResponsesDialect {
    fn event(&mut self, event: &ResponseEvent, out: &mut Vec<u8>) {
        if let Some(number) = event.sequence_number() {
            self.next_number = number.saturating_add(1);
        }
        // Every decoded event can be written.
        if let Ok(json) = event.to_json() {
            frame(event.event_kind().as_str().as_bytes(), json.as_bytes(), out);
        }
    }

    fn undecodable(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        frame(b"", payload, out);
    }

    fn failed(&mut self, failure: &Failure, out: &mut Vec<u8>) {
        error_event(failure, self.next_number, out);
    }

    fn ended(&mut self, _: &mut Vec<u8>) {}
}

/// Writes the error that ends a stream, with the keys of the API's event and with the error under
/// `error`: the official SDKs raise only the latter.
fn error_event(failure: &Failure, number: u64, out: &mut Vec<u8>) {
    let error = failure.error();
    let error = json!({"type": "error", "code": failure.code(), "message": error.message, "param": error.param, "sequence_number": number, "error": failure.body()});
    frame(b"error", error.to_string().as_bytes(), out);
}

impl Dialect for ToChatChunks {
    fn event(&mut self, event: &ResponseEvent, out: &mut Vec<u8>) {
        self.feed_into(event, out);
    }

    /// The chat API has no field for an undecodable event. If it was part of the response, the
    /// final response at the end of the stream contains it.
    fn undecodable(&mut self, _: &[u8], _: &mut Vec<u8>) {}

    fn failed(&mut self, failure: &Failure, out: &mut Vec<u8>) {
        frame(
            b"",
            chat_error_body(failure.error()).as_str().as_bytes(),
            out,
        );
    }

    fn ended(&mut self, out: &mut Vec<u8>) {
        self.finish_into(out);
    }
}

/// Writes an event. JSON may contain a carriage return between its values, which would end the
/// line; it is replaced by a line feed, which is equivalent in JSON. An event type that contains a
/// line end is omitted; no real event has one.
fn frame(kind: &[u8], data: &[u8], out: &mut Vec<u8>) {
    if Frame::new(data).with_event(kind).encode(out).is_err() {
        let data: Vec<u8> = data
            .iter()
            .map(|byte| if *byte == b'\r' { b'\n' } else { *byte })
            .collect();
        // Data without carriage returns and without an event type can always be written.
        let _ = Frame::new(&data).encode(out);
    }
}

const EVENT_STREAM: &str = "text/event-stream; charset=utf-8";
/// The number of bytes after which events are passed on although more have arrived.
const ENOUGH: usize = 16 * 1024;
