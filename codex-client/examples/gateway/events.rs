// An answer as server-sent events, in either API. Polling it polls the service: a client that takes nothing stops the service, and a
// client that goes away drops this, which cancels the request.

use core::error::Error as _;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use bytes::Bytes;
use codex_client::{Error, ResponseStream};
use codex_sse::chat::{ChatStreamEvent, ToChatChunks};
use codex_types::chat::translate::chat_error_body;
use codex_types::{ApiError, ResponseEvent};
use futures_core::Stream as _;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use serde_json::json;
use tokio::time::{Instant, Sleep};

use crate::failure::Failure;
use crate::payload::{BoxError, Payload};

/// How an API tells what happens.
pub(crate) trait Dialect: Send + Unpin + 'static {
    fn event(&mut self, event: &ResponseEvent, out: &mut String);
    /// An event that cannot be decoded, as it came.
    fn undecodable(&mut self, payload: &str, out: &mut String);
    fn failed(&mut self, error: &ApiError, out: &mut String);
    /// The service has said everything.
    fn ended(&mut self, out: &mut String);
}

/// Waits for the first event and answers with all of them. What goes wrong before it is an answer with a status, which clients know how to
/// repeat; what goes wrong after it is an event.
pub(crate) async fn answer<D: Dialect>(
    mut stream: ResponseStream,
    headers: HeaderMap,
    dialect: D,
    keep_alive: Duration,
) -> Result<Response<Payload>, Failure> {
    let first = match stream.next().await {
        Some(Err(error)) if error.is_fatal() => return Err(Failure::of(&error)),
        first => first,
    };
    let events = Events {
        stream,
        dialect,
        first,
        is_over: false,
        quiet: Box::pin(tokio::time::sleep(keep_alive)),
        keep_alive,
    };
    let mut response = Response::new(events.boxed_unsync());
    *response.headers_mut() = headers;
    for (name, value) in [
        (CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (CACHE_CONTROL, "no-cache"),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

struct Events<D> {
    stream: ResponseStream,
    dialect: D,
    first: Option<Result<ResponseEvent, Error>>,
    is_over: bool,
    /// Until a sign of life is due.
    quiet: Pin<Box<Sleep>>,
    /// Clients, and whatever lies between, take a long silence for a dead connection.
    keep_alive: Duration,
}

impl<D: Dialect> Events<D> {
    fn poll_item(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<ResponseEvent, Error>>> {
        match self.first.take() {
            Some(item) => Poll::Ready(Some(item)),
            None => Pin::new(&mut self.stream).poll_next(context),
        }
    }

    fn tell(&mut self, item: Option<Result<ResponseEvent, Error>>, out: &mut String) {
        match item {
            Some(Ok(event)) => self.dialect.event(&event, out),
            Some(Err(error)) if !error.is_fatal() => {
                if let Some(payload) = payload(&error) {
                    self.dialect.undecodable(payload, out);
                }
            }
            Some(Err(error)) => {
                self.is_over = true;
                self.dialect.failed(Failure::of(&error).error(), out);
            }
            None => {
                self.is_over = true;
                self.dialect.ended(out);
            }
        }
    }
}

impl<D: Dialect> Body for Events<D> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        // What has arrived together goes on together, in one write.
        let mut out = String::new();
        while !this.is_over && out.len() < ENOUGH {
            match this.poll_item(context) {
                Poll::Ready(item) => this.tell(item, &mut out),
                Poll::Pending => break,
            }
        }
        if out.is_empty() {
            if this.is_over {
                return Poll::Ready(None);
            }
            if this.quiet.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            out.push_str(": keep-alive\n\n");
        }
        this.quiet.as_mut().reset(Instant::now() + this.keep_alive);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(out)))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over
    }
}

/// Events as the Responses API sends them.
#[derive(Default)]
pub(crate) struct ResponsesDialect {
    next_number: u64,
}

impl Dialect for ResponsesDialect {
    fn event(&mut self, event: &ResponseEvent, out: &mut String) {
        if let Some(number) = event.sequence_number() {
            self.next_number = number.saturating_add(1);
        }
        // Nothing that was read can fail to be written.
        if let Ok(json) = event.to_json() {
            frame(Some(event.event_kind().as_str()), &json, out);
        }
    }

    fn undecodable(&mut self, payload: &str, out: &mut String) {
        frame(None, payload, out);
    }

    fn failed(&mut self, error: &ApiError, out: &mut String) {
        let code = error.code.as_ref().map(|code| code.as_str());
        let error = json!({"type": "error", "code": code, "message": error.message, "param": error.param, "sequence_number": self.next_number});
        frame(Some("error"), &error.to_string(), out);
    }

    fn ended(&mut self, _: &mut String) {}
}

impl Dialect for ToChatChunks {
    fn event(&mut self, event: &ResponseEvent, out: &mut String) {
        tell(self.feed(event), out);
    }

    /// A chat has no place for it. If it was part of the answer, the whole at the end of the stream makes up for it.
    fn undecodable(&mut self, _: &str, _: &mut String) {}

    fn failed(&mut self, error: &ApiError, out: &mut String) {
        frame(None, chat_error_body(error).as_str(), out);
    }

    fn ended(&mut self, out: &mut String) {
        tell(self.finish(), out);
    }
}

fn tell(events: Vec<ChatStreamEvent>, out: &mut String) {
    for event in events {
        frame(None, &event.to_data(), out);
    }
}

/// Event and data as WHATWG HTML section 9.2.6 reads them. A line end, of which JSON may have some between its parts, begins another line of
/// data; a name with one in it, which nobody has, would let the service write fields of its own.
fn frame(kind: Option<&str>, data: &str, out: &mut String) {
    const LINE_ENDS: [char; 2] = ['\n', '\r'];
    if let Some(kind) = kind.filter(|kind| !kind.contains(LINE_ENDS)) {
        out.push_str("event: ");
        out.push_str(kind);
        out.push('\n');
    }
    for line in data.split(LINE_ENDS) {
        out.push_str("data: ");
        out.push_str(line);
        out.push('\n');
    }
    out.push('\n');
}

fn payload(error: &Error) -> Option<&str> {
    let error = error.source()?.downcast_ref::<codex_sse::Error>()?;
    core::str::from_utf8(error.payload()?).ok()
}

/// Bytes after which an answer is handed on though more has arrived.
const ENOUGH: usize = 16 * 1024;
