// The events of one response over HTTP, decoded and nothing more. Polling drives the request: there is no task and no channel, so a reader
// that stops reading stops the server, and dropping the source cancels the request.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;

use bytes::{Buf as _, Bytes};
use codex_sse::EventDecoder;
use codex_transport::{Body, Timeouts, Watch};
use codex_types::ResponseEvent;

use crate::error::Error;
use crate::exchange::Exchange;
use crate::failure;
use crate::meta::ResponseMeta;

/// The events of an HTTP response body. Until the first event, a failure opens the stream again as the retry policy allows.
pub(crate) struct HttpEvents {
    state: State,
    decoder: EventDecoder,
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
                State::Open { .. } => {}
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
        let State::Open { body, chunk } = &mut self.state else {
            return Poll::Ready(None);
        };
        loop {
            let mut rest: &[u8] = chunk;
            let decoded = self.decoder.decode(&mut rest);
            let left = rest.len();
            chunk.advance(chunk.len() - left);
            let error = match decoded {
                Ok(Some(event)) => return Poll::Ready(Some(Ok(event))),
                Err(error) => failure::stream(error),
                Ok(None) => match body.poll_chunk(cx) {
                    Poll::Ready(Some(Ok(arrived))) => {
                        self.watch.record_bytes(arrived.len());
                        *chunk = arrived;
                        continue;
                    }
                    Poll::Ready(Some(Err(error))) => failure::transport(error),
                    Poll::Ready(None) => match self.decoder.finish() {
                        Ok(()) => return Poll::Ready(None),
                        Err(error) => failure::stream(error),
                    },
                    Poll::Pending => failure::transport(ready!(self.watch.poll_expired(cx))),
                },
            };
            return Poll::Ready(Some(Err(error)));
        }
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
