//! The decoded events of one response over HTTP. Polling drives the request: there is no task and
//! no channel, so backpressure reaches the server, and dropping the source cancels the request.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::collections::VecDeque;

use bytes::{Buf as _, Bytes, BytesMut};
use codex_sse::Limits;
use codex_transport::{Body, IdleTimeouts, Timeouts};
use codex_types::ResponseEvent;

use crate::document;
use crate::error::Error;
use crate::exchange::Exchange;
use crate::failure;
use crate::meta::ResponseMeta;
use crate::request::Findings;
use crate::scrub::Scrub;
use crate::wire::{Reader, Wire};

/// The events of an HTTP response body, or the one event that a JSON document stands for; the body
/// decides, not its content type. Until the first event with visible content, a failure reopens the
/// stream as the retry policy allows.
pub(crate) struct HttpEvents {
    state: State,
    /// Events without visible content, which another attempt may still replace.
    held: VecDeque<ResponseEvent>,
    holds: bool,
    /// Items to yield before anything else is read.
    decided: VecDeque<Item>,
    /// Whether the server continues with the response when the connection is lost.
    is_background: bool,
    /// Whether the headers of this attempt have not been read.
    is_new_attempt: bool,
    scrub: Scrub,
    wire: Wire,
    reader: Reader,
    /// The diagnostics of the request: changes made to it, and problems reported without a change.
    findings: Findings,
    /// Whether the body is a document; `None` until the first bytes show it.
    is_document: Option<bool>,
    watch: IdleTimeouts,
    timeouts: Timeouts,
    /// The headers of the current attempt.
    meta: ResponseMeta,
    /// The remaining attempts; `None` once an item was yielded.
    exchange: Option<Box<Exchange>>,
}

enum State {
    Open {
        body: Body,
        /// The bytes that have arrived but are not decoded yet.
        chunk: Bytes,
    },
    /// The body is a document that has not completely arrived.
    Document {
        body: Body,
        text: BytesMut,
    },
    Reopening(Reopening),
    /// A terminal event was yielded. The connection can be reused once the end of the body has
    /// arrived.
    Complete(Body),
    Ended,
}

/// Another attempt in progress.
type Reopening =
    Pin<Box<dyn Future<Output = Result<(Box<Exchange>, ResponseMeta, Body), Error>> + Send>>;

type Item = Result<ResponseEvent, Error>;

impl HttpEvents {
    /// Opens the stream. Resolves when the headers of the response have arrived.
    pub(crate) async fn open(
        mut exchange: Box<Exchange>,
        timeouts: Timeouts,
        wire: Wire,
    ) -> Result<Self, Error> {
        let (meta, body) = exchange.open().await?;
        Ok(Self {
            held: VecDeque::new(),
            holds: false,
            decided: VecDeque::new(),
            is_background: false,
            is_new_attempt: true,
            scrub: exchange.scrub().clone(),
            state: State::Open {
                body,
                chunk: Bytes::new(),
            },
            reader: wire.reader(exchange.shared().limits),
            wire,
            findings: Findings::default(),
            is_document: None,
            watch: IdleTimeouts::for_events(&timeouts, exchange.shared().timer.clone()),
            timeouts,
            meta,
            exchange: Some(exchange),
        })
    }

    /// Sets whether the request is for a background response: once that exists, another request
    /// would create a second one.
    pub(crate) fn in_background(mut self, is_background: bool) -> Self {
        self.is_background = is_background;
        self
    }

    pub(crate) fn hold(&mut self, holds: bool) {
        self.holds = holds;
    }

    /// Returns whether this is the first call since an attempt began.
    pub(crate) fn is_new_attempt(&mut self) -> bool {
        core::mem::take(&mut self.is_new_attempt)
    }

    /// Sets the diagnostics of the request that the events belong to.
    pub(crate) fn with_findings(mut self, findings: Findings) -> Self {
        self.findings = findings;
        self
    }

    pub(crate) fn findings(&self) -> &Findings {
        &self.findings
    }

    pub(crate) fn meta(&self) -> &ResponseMeta {
        &self.meta
    }

    /// Returns the limits of an event while the request may be resent.
    pub(crate) fn limits(&self) -> Limits {
        let exchange = self.exchange.as_ref();
        exchange.map_or_else(Limits::default, |exchange| exchange.shared().limits)
    }

    /// Returns whether the events are translated from those of another API.
    pub(crate) fn is_translated(&self) -> bool {
        !matches!(self.wire, Wire::Responses)
    }

    /// Returns the body and its timeouts; `None` if a part was already read.
    pub(crate) fn into_unread(self) -> Option<(Body, IdleTimeouts)> {
        let is_unread =
            self.exchange.is_some() && self.held.is_empty() && self.is_document.is_none();
        match self.state {
            State::Open { body, chunk } if is_unread && chunk.is_empty() => {
                Some((body, self.watch))
            }
            _ => None,
        }
    }

    /// Stops reading and closes the connection.
    pub(crate) fn stop(&mut self) {
        self.state = State::Ended;
    }

    /// Polls for the next event or an error: one that concerns one event only, or a fatal one after
    /// which nothing follows.
    pub(crate) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        loop {
            if let Some(item) = self.decided.pop_front() {
                return Poll::Ready(Some(self.yielded(item)));
            }
            match &mut self.state {
                State::Open { .. } | State::Document { .. } => {}
                State::Reopening(attempt) => match ready!(attempt.as_mut().poll(cx)) {
                    Ok((exchange, meta, body)) => self.reopened(exchange, meta, body),
                    Err(error) => {
                        self.stop();
                        return Poll::Ready(Some(Err(error)));
                    }
                },
                State::Complete(body) => {
                    // The end of the body usually lies in the same packet as the last event.
                    let _ = body.poll_chunk(cx);
                    self.stop();
                    return Poll::Ready(None);
                }
                // A document is read to its end before its event is yielded.
                State::Ended if !self.held.is_empty() => {
                    self.decide(None);
                    continue;
                }
                State::Ended => return Poll::Ready(None),
            }
            if !self.holds && self.held.iter().any(|event| !is_notice(event)) {
                self.decide(None);
                continue;
            }
            let item = ready!(self.poll_item(cx));
            let item = item.map(|item| {
                item.map(|mut event| {
                    self.scrub.event(&mut event);
                    event
                })
            });
            match item {
                Some(Ok(event)) if self.exchange.is_some() && !is_visible(&event) => {
                    self.prelude(event);
                }
                Some(item) if self.opens_again(&item) => self.held.clear(),
                // Nothing precedes the event, as nearly always.
                Some(item) if self.held.is_empty() && self.is_document == Some(false) => {
                    return Poll::Ready(Some(self.yielded(item)));
                }
                item => self.decide(item),
            }
        }
    }

    /// Handles an event without visible content while another attempt is possible.
    fn prelude(&mut self, event: ResponseEvent) {
        self.watch.record_event();
        let creates = self.is_background && event.response().is_some();
        let is_passed_on = !self.holds && !is_notice(&event);
        self.held.push_back(event);
        if creates || is_passed_on || self.held.len() > MAX_HELD {
            self.decide(None);
        }
    }

    /// Ends the attempts: no other can replace this one.
    fn decide(&mut self, item: Option<Item>) {
        self.exchange = None;
        let held = core::mem::take(&mut self.held);
        self.decided.extend(held.into_iter().map(Ok));
        match item {
            Some(Ok(event)) if self.is_document() && !self.reader.splits_documents() => {
                self.decided
                    .extend(document::events(event).into_iter().map(Ok));
            }
            Some(item) => self.decided.push_back(item),
            None if matches!(self.state, State::Open { .. }) && self.decided.is_empty() => {
                self.stop();
            }
            None => {}
        }
    }

    /// Polls for the next item, whether or not it will be yielded.
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        loop {
            let error = match &mut self.state {
                State::Open { body, chunk } => {
                    let mut rest: &[u8] = chunk;
                    let decoded = self.reader.decode(&mut rest);
                    let left = rest.len();
                    chunk.advance(chunk.len() - left);
                    match decoded {
                        Ok(Some(event)) => return Poll::Ready(Some(Ok(event))),
                        Err(error) => error,
                        Ok(None) => match body.poll_chunk(cx) {
                            Poll::Ready(Some(Ok(arrived))) => {
                                self.watch.record_bytes(arrived.len());
                                *chunk = arrived;
                                self.look();
                                continue;
                            }
                            Poll::Ready(Some(Err(error))) if !self.reader.is_done() => {
                                failure::transport(error)
                            }
                            // After the end mark, a lost connection loses nothing.
                            Poll::Ready(None | Some(Err(_))) => match self.reader.finish() {
                                Ok(true) => continue,
                                Ok(false) => return Poll::Ready(None),
                                Err(error) => error,
                            },
                            Poll::Pending => {
                                let expired = ready!(self.watch.poll_expired(cx));
                                if self.reader.is_done() && self.reader.finish().unwrap_or(false) {
                                    continue;
                                }
                                failure::transport(expired)
                            }
                        },
                    }
                }
                State::Document { body, text } => match body.poll_chunk(cx) {
                    Poll::Ready(Some(Ok(arrived))) => {
                        self.watch.record_bytes(arrived.len());
                        if text.len() + arrived.len() <= document::BODY_LIMIT {
                            text.extend_from_slice(&arrived);
                            continue;
                        }
                        Error::protocol(TOO_LARGE)
                    }
                    Poll::Ready(Some(Err(error))) => failure::transport(error),
                    Poll::Ready(None) if self.reader.splits_documents() => {
                        match self.reader.decode_document(text) {
                            Ok(()) => {
                                self.read_on();
                                continue;
                            }
                            // The body has ended, so reading on would yield the error forever.
                            Err(error) => {
                                self.stop();
                                return Poll::Ready(Some(Err(error)));
                            }
                        }
                    }
                    Poll::Ready(None) => {
                        let event = document::event(text);
                        self.stop();
                        return Poll::Ready(Some(event));
                    }
                    Poll::Pending => failure::transport(ready!(self.watch.poll_expired(cx))),
                },
                _ => return Poll::Ready(None),
            };
            return Poll::Ready(Some(Err(error)));
        }
    }

    /// Reads the events of a document like those of a stream.
    fn read_on(&mut self) {
        if let State::Document { body, .. } = core::mem::replace(&mut self.state, State::Ended) {
            let chunk = Bytes::new();
            self.state = State::Open { body, chunk };
        }
    }

    /// Detects the format of the body by its first bytes.
    fn look(&mut self) {
        let State::Open { chunk, .. } = &self.state else {
            return;
        };
        if self.is_document.is_some() {
            return;
        }
        self.is_document = document::is_document(chunk);
        if self.is_document()
            && let State::Open { body, chunk } = core::mem::replace(&mut self.state, State::Ended)
        {
            let text = BytesMut::from(chunk);
            self.state = State::Document { body, text };
        }
    }

    /// Returns whether the body turned out to be a document.
    pub(crate) fn is_document(&self) -> bool {
        self.is_document == Some(true)
    }

    /// Returns whether the item is a failure before the first event, and another attempt may
    /// recover from it.
    fn opens_again(&mut self, item: &Item) -> bool {
        let Some(mut exchange) = self.exchange.take() else {
            return false;
        };
        let reported;
        let failure = match item {
            Err(error) => Some(error),
            Ok(event) => {
                reported = failure::reported(event);
                reported.as_ref()
            }
        };
        let Some(delay) = failure.and_then(|failure| exchange.delay_after(failure)) else {
            return false;
        };
        self.state = State::Reopening(reopening(exchange, delay));
        true
    }

    fn reopened(&mut self, exchange: Box<Exchange>, meta: ResponseMeta, body: Body) {
        let shared = exchange.shared();
        self.reader = self.wire.reader(shared.limits);
        self.is_document = None;
        self.watch = IdleTimeouts::for_events(&self.timeouts, shared.timer.clone());
        self.meta = meta;
        self.is_new_attempt = true;
        self.scrub = exchange.scrub().clone();
        self.exchange = Some(exchange);
        self.state = State::Open {
            body,
            chunk: Bytes::new(),
        };
    }

    fn yielded(&mut self, item: Item) -> Item {
        match &item {
            Ok(event) => {
                self.watch.record_event();
                if event.is_terminal()
                    && let State::Open { body, .. } =
                        core::mem::replace(&mut self.state, State::Ended)
                {
                    self.state = State::Complete(body);
                }
            }
            Err(error) if error.is_fatal() => self.stop(),
            Err(_) => {}
        }
        item.map_err(|error| error.with_meta(self.meta.clone()))
    }

    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.state, State::Complete(_) | State::Ended)
    }
}

fn reopening(mut exchange: Box<Exchange>, delay: Duration) -> Reopening {
    Box::pin(async move {
        let (meta, body) = exchange.reopen(delay).await?;
        Ok((exchange, meta, body))
    })
}

/// Returns whether the event has visible content of the response. Until such an event, another
/// attempt repeats nothing for the user.
pub(crate) fn is_visible(event: &ResponseEvent) -> bool {
    let is_lifecycle = matches!(
        event,
        ResponseEvent::Created(_) | ResponseEvent::Queued(_) | ResponseEvent::InProgress(_)
    );
    !is_lifecycle && !is_notice(event)
}

/// Returns whether an event concerns the account or the connection, and not the response.
pub(crate) fn is_notice(event: &ResponseEvent) -> bool {
    matches!(
        event,
        ResponseEvent::RateLimits(_)
            | ResponseEvent::Metadata(_)
            | ResponseEvent::CodexMetadata(_)
            | ResponseEvent::Keepalive(_)
            | ResponseEvent::WebsocketTiming(_)
    )
}

/// The maximum number of held events. A server that sends more without visible content gets no
/// further attempt, and its events are passed on.
const MAX_HELD: usize = 256;
const TOO_LARGE: &str = "response exceeds the size limit for unstreamed responses";
