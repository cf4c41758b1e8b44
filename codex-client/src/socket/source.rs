// One answer, watched. Each event is handed out once: what breaks in between is resumed behind the last number, or begun anew behind an
// explicit border, or ends in an error. The turn holds the socket while it runs and gives it back to the session when the response is over;
// a turn that is dropped takes the socket with it, because what the server would still send belongs to nobody.

use core::fmt;
use core::future::poll_fn;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::collections::VecDeque;
use std::sync::Arc;

use codex_sse::{Accumulator, Outcome, Update};
use codex_types::lint::Finding;
use codex_types::{ClientEvent, Input, Response, ResponseEvent, SteerResponse};
use futures_core::Stream;

use crate::error::{Error, ErrorKind};
use crate::failure;
use crate::meta::ResponseMeta;
use crate::turn::unwritable;
use crate::updates::EventUpdates;

use super::SocketSession;
use super::count::add;
use super::event::{Restart, TurnEvent, TurnUpdate};
use super::plan::Plan;
use super::resume::{self, Place, Resuming, Retrieving};
use super::settings::Interruption;
use super::start::{Started, Starting, Way, start};

/// The events of one response, from a [`SocketSession`].
///
/// As a [`ResponseStream`](crate::ResponseStream), whichever transport it comes over, and with two differences: it may hand out a
/// [`TurnEvent::Restart`], and over a WebSocket it can be [steered](Self::steer). Every event is handed out once.
///
/// Dropping the turn before its end closes the socket, which cancels the response.
pub struct SocketTurn<'a> {
    session: &'a mut SocketSession,
    plan: Arc<Plan>,
    state: State,
    early: VecDeque<Result<ResponseEvent, Error>>,
    updates: EventUpdates,
    /// Responses of this turn that were followed by another, because they were steered.
    earlier: Vec<Response>,
    meta: ResponseMeta,
    /// The number of the last event that was handed out.
    last_number: Option<u64>,
    /// A stream that went on has not yet come past that number.
    is_catching_up: bool,
    delivered: u64,
    attempt: u32,
    resumes_left: u32,
    /// Steering of which it is not known what came of it.
    open_steers: u32,
}

enum State {
    Reading(Way),
    Starting(Starting),
    Resuming(Resuming, Error),
    Retrieving(Retrieving, Error),
    /// What is left of an HTTP stream, whose connection can be used again once its end is seen.
    Over(Option<Way>),
}

impl<'a> SocketTurn<'a> {
    /// Waits for the first event.
    pub(super) async fn start(session: &'a mut SocketSession, plan: Plan) -> Result<Self, Error> {
        let plan = Arc::new(plan);
        let kept = if plan.wants_socket()? {
            session.open.get_mut().take()
        } else {
            None
        };
        match start(plan.clone(), kept).await {
            Ok(started) => Ok(Self::over(session, plan, started)),
            Err(error) => {
                plan.observer.over(&error);
                Err(error)
            }
        }
    }

    /// A turn whose response has begun.
    pub(super) fn over(session: &'a mut SocketSession, plan: Arc<Plan>, started: Started) -> Self {
        Self {
            session,
            meta: started.way.meta().clone(),
            early: started.early,
            state: State::Reading(started.way),
            updates: EventUpdates::default(),
            earlier: Vec::new(),
            last_number: None,
            is_catching_up: false,
            delivered: 0,
            attempt: 1,
            resumes_left: plan.settings.resumes,
            open_steers: 0,
            plan,
        }
    }

    /// The next event; `None` after the last one.
    ///
    /// The same as the [`Stream`] implementation, for whoever has no stream extension at hand.
    pub async fn next(&mut self) -> Option<Result<TurnEvent, Error>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// The next thing to show or to do, in the place of the events it came in, or the border between two attempts; `None` after the last
    /// one. As [`ResponseStream::next_update`](crate::ResponseStream::next_update).
    pub async fn next_update(&mut self) -> Option<Result<TurnUpdate<'_>, Error>> {
        loop {
            if let Some(error) = self.take_contradiction() {
                return Some(Err(error));
            }
            if self.has_update() {
                return self.update().map(|update| Ok(TurnUpdate::Response(update)));
            }
            match self.next().await? {
                Ok(TurnEvent::Response(_)) => {}
                Ok(TurnEvent::Restart(restart)) => return Some(Ok(TurnUpdate::Restart(restart))),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// What the event that was handed out last shows, one thing at a time; what was not asked for is passed over when the next event is
    /// handed out.
    pub fn update(&mut self) -> Option<Update<'_>> {
        self.updates.poll()
    }

    /// What the head of the answer said: over a socket, of the upgrade, and what the events of this response have said since.
    #[must_use]
    pub fn meta(&self) -> &ResponseMeta {
        &self.meta
    }

    /// What was changed in the request to make it fit the backend, and what was found and left.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.plan.turn.findings
    }

    /// The response as far as it has come.
    #[must_use]
    pub fn snapshot(&self) -> &Response {
        self.updates.snapshot()
    }

    /// The responses of this turn before the present one: steering ends a response and begins another.
    #[must_use]
    pub fn earlier(&self) -> &[Response] {
        &self.earlier
    }

    /// Whether the events come over a WebSocket. Not known while a restart is under way.
    #[must_use]
    pub fn is_socket(&self) -> bool {
        matches!(self.state, State::Reading(Way::Socket(_)))
    }

    /// Gives the response that is being made something more to heed, without waiting for its end.
    ///
    /// The server says what comes of it by the events `response.steer.accepted`, `.pending` and `.failed`. When it ends the response
    /// early, or answers once more after it, the next response belongs to the same turn: its events follow, and
    /// [`earlier`](Self::earlier) has the one before. Only some models can be steered.
    ///
    /// # Errors
    ///
    /// [`Request`](ErrorKind::Request) over HTTP, and while there is no response to name: before `response.created`, and after the end.
    /// Otherwise whatever happened to the socket; what came of the steering is not known then.
    pub async fn steer(&mut self, input: impl Into<Input>) -> Result<(), Error> {
        let id = self.updates.snapshot().id.clone();
        if id.is_empty() || self.accumulator().outcome().is_some() {
            return Err(Error::request("there is no response that could be steered"));
        }
        let State::Reading(Way::Socket(reading)) = &mut self.state else {
            return Err(Error::request(
                "only over a WebSocket can a response be steered",
            ));
        };
        let message = ClientEvent::from(SteerResponse::new(id, input))
            .to_json()
            .map_err(unwritable)?;
        add(&self.plan.counters.bytes_sent, message.len() as u64);
        self.open_steers += 1;
        reading
            .open
            .socket
            .send(message)
            .await
            .map_err(failure::transport)
    }

    /// Waits for the rest and gives the whole response, assembled from the events; of a steered turn, the last one.
    ///
    /// # Errors
    ///
    /// As [`ResponseStream::finish`](crate::ResponseStream::finish).
    pub async fn finish(mut self) -> Result<Response, Error> {
        while let Some(item) = self.next().await {
            match item {
                Err(error) if error.is_fatal() => {
                    return Err(error.with_partial(self.updates.snapshot().clone()));
                }
                _ => {}
            }
        }
        failure::verdict(self.take_accumulator(), self.meta.clone())
    }

    pub(super) fn take_contradiction(&mut self) -> Option<Error> {
        self.updates.take_contradiction(&self.meta)
    }

    pub(super) fn has_update(&mut self) -> bool {
        self.updates.has_next()
    }

    pub(super) fn accumulator(&self) -> &Accumulator {
        self.updates.accumulator()
    }

    pub(super) fn take_accumulator(&mut self) -> Accumulator {
        self.updates.take_accumulator()
    }

    fn go_on(&mut self, started: Started) {
        self.meta = started.way.meta().clone();
        self.early = started.early;
        self.state = State::Reading(started.way);
    }

    /// Takes an event that was not handed out before. `None`: it was.
    fn accept(&mut self, event: ResponseEvent) -> Option<Result<TurnEvent, Error>> {
        if let Some(number) = event.sequence_number() {
            if self.is_catching_up {
                match self.last_number {
                    Some(last) if number <= last => return None,
                    Some(last) if number > last.saturating_add(1) => {
                        return Some(Err(self.missing()));
                    }
                    _ => self.is_catching_up = false,
                }
            }
            self.last_number = Some(number);
        }
        if self.delivered == 0 && self.attempt == 1 {
            self.plan.observer.first_event();
        }
        self.delivered += 1;
        self.resumes_left = self.plan.settings.resumes;
        self.count_steering(&event);
        self.meta.take_in(&event);
        if let Err(error) = self.updates.feed(&event) {
            self.state = State::Over(None);
            let error = error.with_meta(self.meta.clone());
            return Some(Err(error.after_delivery(true)));
        }
        if self.accumulator().outcome().is_some() && self.open_steers == 0 {
            self.end(matches!(event, ResponseEvent::Error(_)));
        }
        Some(Ok(TurnEvent::Response(event)))
    }

    fn count_steering(&mut self, event: &ResponseEvent) {
        match event {
            ResponseEvent::Created(_) if self.accumulator().outcome().is_some() => {
                let ended = self.take_accumulator().into_partial();
                self.earlier.push(ended);
                // The successor holds all that was accepted; what it could not take comes back as a failure.
                self.open_steers = 0;
            }
            ResponseEvent::SteerFailed(_) => self.open_steers = self.open_steers.saturating_sub(1),
            // The rest of the turn needs what only the caller has.
            ResponseEvent::SteerPending(_) => self.open_steers = 0,
            _ => {}
        }
    }

    /// The response is over: the socket goes back to the session, with what the server remembers.
    fn end(&mut self, is_error: bool) {
        let state = mem::replace(&mut self.state, State::Over(None));
        match state {
            State::Reading(Way::Socket(reading)) if !is_error => {
                let mut open = reading.open;
                let response = self.updates.snapshot();
                let is_whole = self.accumulator().outcome() == Some(Outcome::Completed)
                    && self.earlier.is_empty();
                open.chain = if is_whole {
                    self.plan.chain_after(response)
                } else {
                    None
                };
                open.last_response = Some(response.id.clone());
                *self.session.open.get_mut() = Some(open);
            }
            // After an error event the official client trusts a socket no more.
            State::Reading(Way::Socket(_)) => {}
            State::Reading(way) => self.state = State::Over(Some(way)),
            _ => {}
        }
    }

    fn missing(&mut self) -> Error {
        self.state = State::Over(None);
        Error::protocol("the resumed stream leaves out events")
            .with_meta(self.meta.clone())
            .after_delivery(true)
    }

    /// Nothing more comes this way. What follows: events from where it broke off, a new attempt, or the error.
    fn interrupted(&mut self, error: Error) -> Option<Result<TurnEvent, Error>> {
        self.state = State::Over(None);
        if !is_interruption(&error) {
            return Some(Err(error.after_delivery(true)));
        }
        if let Some(place) = self.place() {
            if self.resumes_left > 0 {
                self.resumes_left -= 1;
                self.is_catching_up = true;
                self.plan.observer.exchange_failed(&error);
                self.state = State::Resuming(resume::resume(self.plan.clone(), place), error);
                return None;
            }
        } else if self.plan.settings.interruption == Interruption::Restart
            && self.attempt <= self.plan.settings.restarts
        {
            return Some(Ok(TurnEvent::Restart(Box::new(self.restart(error)))));
        }
        Some(Err(error.after_delivery(true)))
    }

    fn restart(&mut self, cause: Error) -> Restart {
        self.attempt += 1;
        self.last_number = None;
        self.open_steers = 0;
        self.earlier.clear();
        add(&self.plan.counters.restarts, 1);
        self.state = State::Starting(Box::pin(start(self.plan.clone(), None)));
        Restart {
            attempt: self.attempt,
            discarded: self.take_accumulator().into_partial(),
            discarded_events: mem::take(&mut self.delivered),
            cause,
        }
    }

    /// Where a response that the server keeps would go on.
    fn place(&self) -> Option<Place> {
        let response_id = self.updates.snapshot().id.clone();
        if response_id.is_empty() || !resume::is_kept(&self.plan.request) {
            return None;
        }
        Some(Place {
            response_id,
            starting_after: self.last_number?,
        })
    }
}

impl Stream for SocketTurn<'_> {
    type Item = Result<TurnEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let plan = this.plan.clone();
        let item = ready!(plan.observer.scope(|| this.poll_item(context)));
        match &item {
            Some(Ok(TurnEvent::Response(event))) => plan.observer.event(event, this.snapshot()),
            Some(Ok(TurnEvent::Restart(restart))) => plan.observer.exchange_failed(restart.cause()),
            Some(Err(error)) if error.is_fatal() => {
                plan.observer.exchange_failed(error);
                plan.observer.over(error);
            }
            Some(Err(_)) | None => {}
        }
        Poll::Ready(item)
    }
}

impl SocketTurn<'_> {
    fn poll_item(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<TurnEvent, Error>>> {
        let this = self;
        loop {
            let item = match this.early.pop_front() {
                Some(item) => item,
                None => match &mut this.state {
                    State::Over(rest) => {
                        if let Some(mut rest) = rest.take() {
                            let _ = rest.poll_event(context);
                        }
                        return Poll::Ready(None);
                    }
                    State::Reading(way) => match ready!(way.poll_event(context)) {
                        Ok(item) => item,
                        Err(error) => match this.interrupted(error) {
                            Some(item) => return Poll::Ready(Some(item)),
                            None => continue,
                        },
                    },
                    State::Starting(starting) => {
                        match ready!(starting.as_mut().poll(context)) {
                            Ok(started) => this.go_on(started),
                            Err(error) => {
                                this.state = State::Over(None);
                                return Poll::Ready(Some(Err(error)));
                            }
                        }
                        continue;
                    }
                    State::Resuming(resuming, _) => {
                        let resumed = ready!(resuming.as_mut().poll(context));
                        let State::Resuming(_, cause) =
                            mem::replace(&mut this.state, State::Over(None))
                        else {
                            continue;
                        };
                        match resumed {
                            Ok(started) => {
                                this.updates.resume();
                                this.go_on(started);
                            }
                            Err(error) if is_interruption(&error) => {
                                if let Some(item) = this.interrupted(cause) {
                                    return Poll::Ready(Some(item));
                                }
                            }
                            // The server no longer has the events; it may have what they led to.
                            Err(_) => {
                                let id = this.snapshot().id.clone();
                                let retrieving = resume::retrieve(this.plan.clone(), id);
                                this.state = State::Retrieving(retrieving, cause);
                            }
                        }
                        continue;
                    }
                    State::Retrieving(retrieving, _) => {
                        let retrieved = ready!(retrieving.as_mut().poll(context));
                        let State::Retrieving(_, cause) =
                            mem::replace(&mut this.state, State::Over(None))
                        else {
                            continue;
                        };
                        match retrieved {
                            Ok(response) => {
                                this.is_catching_up = false;
                                let rest = resume::rest_of(this.updates.updates(), response);
                                this.early.extend(rest.into_iter().map(Ok));
                            }
                            // That the connection broke is then the end of it.
                            Err(_) => return Poll::Ready(Some(Err(cause.after_delivery(true)))),
                        }
                        continue;
                    }
                },
            };
            match item {
                Ok(event) => {
                    if let Some(item) = this.accept(event) {
                        return Poll::Ready(Some(item));
                    }
                }
                Err(error) => {
                    return Poll::Ready(Some(Err(error.after_delivery(this.delivered > 0))));
                }
            }
        }
    }
}

impl Way {
    fn meta(&self) -> &ResponseMeta {
        match self {
            Self::Socket(reading) => &reading.open.meta,
            Self::Http(stream) => stream.meta(),
        }
    }

    /// The next event or an error that concerns one event only, or what ended it.
    fn poll_event(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Result<ResponseEvent, Error>, Error>> {
        match self {
            Self::Socket(reading) => {
                let item = ready!(reading.poll_event(context));
                Poll::Ready(item.map_err(|fault| fault.into_error()))
            }
            Self::Http(stream) => {
                Poll::Ready(match ready!(Pin::new(&mut **stream).poll_next(context)) {
                    Some(Err(error)) if error.is_fatal() => Err(error),
                    Some(item) => Ok(item),
                    None => Err(Error::new(ErrorKind::Truncated)),
                })
            }
        }
    }
}

impl fmt::Debug for SocketTurn<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SocketTurn")
            .field("meta", &self.meta)
            .field("attempt", &self.attempt)
            .field("delivered", &self.delivered)
            .field("over", &matches!(self.state, State::Over(_)))
            .finish_non_exhaustive()
    }
}

/// Whether the connection broke, as against the server saying something that it would say again.
fn is_interruption(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Transport | ErrorKind::Timeout | ErrorKind::Truncated
    ) && error
        .transport()
        .is_none_or(codex_transport::Error::is_retryable)
}
