// The events of one response over HTTP, decoded and nothing more. Polling drives the request: there is no task and no channel, so a reader
// that stops reading stops the server, and dropping the source cancels the request.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use codex_sse::EventDecoder;
use codex_transport::{Body, Timeouts, Watch};
use codex_types::ResponseEvent;

use crate::document;
use crate::error::Error;
use crate::exchange::Exchange;
use crate::failure;
use crate::meta::ResponseMeta;

/// The events of an HTTP response body, which may be a document instead; the label says nothing certain about that. Until the first event, a failure opens the stream again as the retry policy allows.
pub(crate) struct HttpEvents {
    state: State,
    decoder: EventDecoder,
    /// Whether the body is a document; `None` as long as nothing shows it.
    is_document: Option<bool>,
    watch: Watch,
    timeouts: Timeouts,
    /// Of the attempt that is being read.
    meta: ResponseMeta,
    /// What may still be tried; `None` once an item was yielded.
    exchange: Option<Box<Exchange>>,
}

enum State {
    Open {
        body: Body,
        /// What has arrived and is not decoded yet.
        chunk: Bytes,
    },
    /// The body is a document that has not arrived as a whole.
    Document {
        body: Body,
        text: BytesMut,
    },
    Reopening(Reopening),
    /// A terminal event was yielded. The connection can be reused once the end of the body is seen.
    Complete(Body),
    Ended,
}

/// A further attempt that is being made.
type Reopening =
    Pin<Box<dyn Future<Output = Result<(Box<Exchange>, ResponseMeta, Body), Error>> + Send>>;

type Item = Result<ResponseEvent, Error>;

impl HttpEvents {
    /// Resolves when the headers of the response have arrived.
    pub(crate) async fn open(mut exchange: Exchange, timeouts: Timeouts) -> Result<Self, Error> {
        let (meta, body) = exchange.open().await?;
        Ok(Self {
            state: State::Open {
                body,
                chunk: Bytes::new(),
            },
            decoder: EventDecoder::with_limits(exchange.shared().limits),
            is_document: None,
            watch: Watch::for_events(&timeouts, exchange.shared().timer.clone()),
            timeouts,
            meta,
            exchange: Some(Box::new(exchange)),
        })
    }

    pub(crate) fn meta(&self) -> &ResponseMeta {
        &self.meta
    }

    /// Stops reading and closes the connection.
    pub(crate) fn stop(&mut self) {
        self.state = State::Ended;
    }

    /// The next event, or an error: of one event only, or a fatal one after which nothing follows.
    pub(crate) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        loop {
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
                State::Ended => return Poll::Ready(None),
            }
            match ready!(self.poll_item(cx)) {
                Some(item) if self.opens_again(&item) => {}
                Some(item) => return Poll::Ready(Some(self.yielded(item))),
                None => self.stop(),
            }
        }
    }

    /// The next item, whether or not it will be yielded.
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        loop {
            let error = match &mut self.state {
                State::Open { body, chunk } => {
                    let mut rest: &[u8] = chunk;
                    let decoded = self.decoder.decode(&mut rest);
                    let left = rest.len();
                    chunk.advance(chunk.len() - left);
                    match decoded {
                        Ok(Some(event)) => return Poll::Ready(Some(Ok(event))),
                        Err(error) => failure::stream(error),
                        Ok(None) => match body.poll_chunk(cx) {
                            Poll::Ready(Some(Ok(arrived))) => {
                                self.watch.record_bytes(arrived.len());
                                *chunk = arrived;
                                self.look();
                                continue;
                            }
                            Poll::Ready(Some(Err(error))) => failure::transport(error),
                            Poll::Ready(None) => match self.decoder.finish() {
                                Ok(()) => return Poll::Ready(None),
                                Err(error) => failure::stream(error),
                            },
                            Poll::Pending => {
                                failure::transport(ready!(self.watch.poll_expired(cx)))
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

    /// Looks at the first bytes of the body to see what it is.
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

    /// Whether the body turned out to be a document.
    pub(crate) fn is_document(&self) -> bool {
        self.is_document == Some(true)
    }

    /// Whether the item is a failure before the first event that a further attempt may repair.
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
        self.decoder = EventDecoder::with_limits(shared.limits);
        self.is_document = None;
        self.watch = Watch::for_events(&self.timeouts, shared.timer.clone());
        self.meta = meta;
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

const TOO_LARGE: &str = "the response is larger than a response in one piece may be";
