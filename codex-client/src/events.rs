// Polling the stream is what drives the request: there is no task and no channel, so a reader that stops reading stops the server, and a
// reader that goes away cancels the request.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use codex_sse::{Accumulator, EventDecoder, Limits, Outcome, Update};
use codex_transport::{Body, BoxTimer, Timeouts, Watch};
use codex_types::lint::Finding;
use codex_types::{Response, ResponseEvent};
use futures_core::Stream;

use crate::attempt::{Attempts, Opened, Reopening};
use crate::error::Error;
use crate::failure;
use crate::meta::ResponseMeta;
use crate::observe::Observer;
use crate::updates::EventUpdates;

/// The events of one response, as they arrive.
///
/// `response.failed`, `response.incomplete` and `error` are events here: whoever watches sees facts. They become an `Err` in
/// [`finish`](Self::finish), for whoever asks for a result. After a terminal event the stream ends; a connection that ends before one is an
/// error, [`Truncated`](crate::ErrorKind::Truncated). One event that cannot be decoded is an item of kind [`Payload`](crate::ErrorKind::Payload), and the
/// stream goes on.
///
/// Until the first event has been handed out, a failure makes the request be sent again as the client's retry policy says. From then on
/// nothing is ever sent again.
///
/// Everything is assembled on the way: [`snapshot`](Self::snapshot) is the response as far as it has come. [`next_update`](Self::next_update)
/// hands out what there is to show in the place of events, and [`ResponseEvent::to_json`] is an event as the server said it, with everything
/// that has no name here.
///
/// Dropping the stream cancels the request.
pub struct ResponseStream {
    body: Option<Body>,
    /// What has arrived and is not decoded yet.
    chunk: Bytes,
    decoder: EventDecoder,
    updates: EventUpdates,
    watch: Watch,
    meta: ResponseMeta,
    findings: Vec<Finding>,
    state: State,
    /// What may still be tried; gone once anything was handed out.
    attempts: Option<Attempts>,
    delivered: bool,
    /// Whether an event has been handed out.
    has_begun: bool,
    limits: Limits,
    timeouts: Timeouts,
    timer: BoxTimer,
    /// None where somebody else watches.
    observer: Option<Box<Observer>>,
}

enum State {
    Open,
    Reopening(Reopening),
    /// A terminal event was handed out, or an error that nothing can follow.
    Over,
}

impl ResponseStream {
    pub(crate) fn new(
        opened: Opened,
        findings: Vec<Finding>,
        timeouts: Timeouts,
        observer: Option<Observer>,
    ) -> Self {
        let inner = opened.attempts.client().inner();
        let (limits, timer) = (inner.limits, inner.timer.clone());
        Self {
            body: Some(opened.body),
            chunk: Bytes::new(),
            decoder: EventDecoder::with_limits(limits),
            updates: EventUpdates::default(),
            watch: Watch::for_events(&timeouts, timer.clone()),
            meta: opened.meta,
            findings,
            state: State::Open,
            attempts: Some(opened.attempts),
            delivered: false,
            has_begun: false,
            limits,
            timeouts,
            timer,
            observer: observer.map(Box::new),
        }
    }

    /// The next event; `None` after the last one.
    ///
    /// The same as the [`Stream`] implementation, for whoever has no stream extension at hand.
    pub async fn next(&mut self) -> Option<Result<ResponseEvent, Error>> {
        core::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// The next thing to show or to do, in the place of the events it came in; `None` after the last one.
    ///
    /// Text comes with what it has grown to, and a tool call is handed out for execution only when it is complete and its arguments are
    /// JSON. Both may be called in turns; see [`update`](Self::update).
    ///
    /// # Errors
    ///
    /// Those of [`next`](Self::next), and [`Protocol`](crate::ErrorKind::Protocol) when the server sends a whole text that contradicts what was
    /// delivered of it. After that error, which is not [fatal](Error::is_fatal), the stream continues, and [`snapshot`](Self::snapshot) has the
    /// server's last word. [`next`](Self::next) and [`finish`](Self::finish) do not report it.
    ///
    /// ```
    /// # use codex_client::Client;
    /// use codex_client::sse::Update;
    /// use codex_client::types::CreateResponse;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
    /// # let server = LoopbackServer::start(Script::new().answer(Answer::sse()
    /// #     .event(r#"{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"Because "}"#)
    /// #     .event(r#"{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"of the sun."}"#)
    /// #     .event(r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}"#)))?;
    /// # let client = Client::builder().base_url(server.url("/v1")).build()?;
    /// let mut stream = client.stream(&CreateResponse::new("some-model").input("Why is the sky blue?")).await?;
    /// let mut shown = String::new();
    /// while let Some(update) = stream.next_update().await {
    ///     match update? {
    ///         Update::Text { delta, snapshot, .. } => {
    ///             shown.push_str(delta);
    ///             assert_eq!(shown, snapshot);
    ///         }
    ///         Update::ToolCall { item, .. } => println!("asks for {item:?}"),
    ///         _ => {}
    ///     }
    /// }
    /// assert_eq!(shown, "Because of the sun.");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn next_update(&mut self) -> Option<Result<Update<'_>, Error>> {
        loop {
            if let Some(error) = self.take_contradiction() {
                return Some(Err(error));
            }
            if self.has_update() {
                return self.update().map(Ok);
            }
            if let Err(error) = self.next().await? {
                return Some(Err(error));
            }
        }
    }

    /// What the event that was handed out last shows, one thing at a time: the way to events and updates at once. What was not asked for is
    /// passed over when the next event is handed out.
    pub fn update(&mut self) -> Option<Update<'_>> {
        self.updates.poll()
    }

    /// What the head of the answer said; of the last attempt, where there were several.
    #[must_use]
    pub fn meta(&self) -> &ResponseMeta {
        &self.meta
    }

    /// What was changed in the request to make it fit the backend, and what was found and left.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The response as far as it has come.
    #[must_use]
    pub fn snapshot(&self) -> &Response {
        self.updates.snapshot()
    }

    /// Waits for the rest and gives the whole response, assembled from the events.
    ///
    /// # Errors
    ///
    /// [`Failed`](crate::ErrorKind::Failed) and [`Incomplete`](crate::ErrorKind::Incomplete) when that is how the response ended, and whatever ended the
    /// stream early. Each has what was received in [`Error::partial`]. Events that could not be decoded are passed over when the response
    /// completed all the same.
    pub async fn finish(mut self) -> Result<Response, Error> {
        self.drain().await?;
        failure::verdict(self.updates.take_accumulator(), self.meta)
    }

    pub(crate) fn take_contradiction(&mut self) -> Option<Error> {
        self.updates.take_contradiction(&self.meta)
    }

    /// Whether the event that was handed out last shows something more.
    pub(crate) fn has_update(&mut self) -> bool {
        self.updates.has_next()
    }

    pub(crate) fn take_accumulator(&mut self) -> Accumulator {
        self.updates.take_accumulator()
    }

    /// Whether the whole response has been handed out.
    pub(crate) fn is_completed(&self) -> bool {
        self.updates.accumulator().outcome() == Some(Outcome::Completed)
    }

    /// Reads to the end, past events that cannot be decoded.
    pub(crate) async fn drain(&mut self) -> Result<(), Error> {
        while let Some(item) = self.next().await {
            match item {
                Err(error) if error.is_fatal() => {
                    return Err(error.with_partial(self.updates.snapshot().clone()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Decodes what has arrived, or says that more has to arrive.
    fn decode(&mut self) -> Option<Result<ResponseEvent, Error>> {
        let mut rest: &[u8] = &self.chunk;
        let decoded = self.decoder.decode(&mut rest);
        let left = rest.len();
        self.chunk.advance(self.chunk.len() - left);
        match decoded {
            Ok(event) => event.map(Ok),
            Err(error) => Some(Err(failure::stream(error))),
        }
    }

    /// What becomes of an item: handed out, or the reason to send the request again.
    fn take(&mut self, item: Result<ResponseEvent, Error>) -> Option<Result<ResponseEvent, Error>> {
        if self.tries_again(&item) {
            return None;
        }
        let delivered = core::mem::replace(&mut self.delivered, true);
        self.attempts = None;
        Some(match item {
            Ok(event) => match self.accept(&event) {
                Ok(()) => Ok(event),
                Err(error) => Err(self.fail(error, delivered)),
            },
            Err(error) => Err(self.fail(error, delivered)),
        })
    }

    fn tries_again(&mut self, item: &Result<ResponseEvent, Error>) -> bool {
        let Some(mut attempts) = self.attempts.take() else {
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
        let Some(delay) = failure.and_then(|failure| attempts.delay_after(failure)) else {
            return false;
        };
        self.body = None;
        self.chunk = Bytes::new();
        self.state = State::Reopening(attempts.reopen(delay));
        true
    }

    fn restart(&mut self, opened: Opened) {
        self.body = Some(opened.body);
        self.meta = opened.meta;
        self.attempts = Some(opened.attempts);
        self.decoder = EventDecoder::with_limits(self.limits);
        self.watch = Watch::for_events(&self.timeouts, self.timer.clone());
        self.state = State::Open;
    }

    /// Fails when the response has grown beyond what may be assembled.
    fn accept(&mut self, event: &ResponseEvent) -> Result<(), Error> {
        self.watch.record_event();
        self.meta.take_in(event);
        self.updates.feed(event)?;
        if event.is_terminal() {
            self.state = State::Over;
        }
        Ok(())
    }

    fn fail(&mut self, error: Error, delivered: bool) -> Error {
        if error.is_fatal() {
            self.end();
        }
        error.with_meta(self.meta.clone()).after_delivery(delivered)
    }

    fn end(&mut self) {
        self.state = State::Over;
        self.body = None;
    }

    /// After the last event the connection can be used again once the end of the body is seen; it usually lies in the same packet.
    fn release(&mut self, context: &mut Context<'_>) {
        if let Some(mut body) = self.body.take() {
            let _ = body.poll_chunk(context);
        }
    }

    fn observe(&mut self, observer: &Observer, item: &Result<ResponseEvent, Error>) {
        match item {
            Ok(event) => {
                if !core::mem::replace(&mut self.has_begun, true) {
                    observer.first_event();
                }
                observer.event(event, self.snapshot());
            }
            Err(error) if error.is_fatal() => {
                observer.exchange_failed(error);
                observer.over(error);
            }
            Err(_) => {}
        }
    }

    fn poll_judged(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<ResponseEvent, Error>>> {
        loop {
            match &mut self.state {
                State::Open => {}
                State::Reopening(attempt) => match ready!(attempt.as_mut().poll(context)) {
                    Ok(opened) => self.restart(opened),
                    Err(error) => {
                        self.end();
                        return Poll::Ready(Some(Err(error)));
                    }
                },
                State::Over => {
                    self.release(context);
                    return Poll::Ready(None);
                }
            }
            match ready!(self.poll_item(context)) {
                Some(item) => {
                    if let Some(item) = self.take(item) {
                        return Poll::Ready(Some(item));
                    }
                }
                None => self.end(),
            }
        }
    }

    /// The next item before it is judged.
    fn poll_item(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<ResponseEvent, Error>>> {
        loop {
            if let Some(item) = self.decode() {
                return Poll::Ready(Some(item));
            }
            let Some(body) = &mut self.body else {
                return Poll::Ready(None);
            };
            let error = match body.poll_chunk(context) {
                Poll::Ready(Some(Ok(chunk))) => {
                    self.watch.record_bytes(chunk.len());
                    self.chunk = chunk;
                    continue;
                }
                Poll::Ready(Some(Err(error))) => failure::transport(error),
                Poll::Ready(None) => match self.decoder.finish() {
                    Ok(()) => return Poll::Ready(None),
                    Err(error) => failure::stream(error),
                },
                Poll::Pending => failure::transport(ready!(self.watch.poll_expired(context))),
            };
            return Poll::Ready(Some(Err(error)));
        }
    }
}

impl Stream for ResponseStream {
    type Item = Result<ResponseEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(observer) = this.observer.take() else {
            return this.poll_judged(context);
        };
        let item = observer.scope(|| this.poll_judged(context));
        if let Poll::Ready(Some(item)) = &item {
            this.observe(&observer, item);
        }
        this.observer = Some(observer);
        item
    }
}

impl fmt::Debug for ResponseStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ResponseStream")
            .field("meta", &self.meta)
            .field("over", &matches!(self.state, State::Over))
            .finish_non_exhaustive()
    }
}
