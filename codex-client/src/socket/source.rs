//! The events of a response that survives its connection. Each event is yielded once. A stream that
//! breaks is restarted after an explicit boundary, or ended with an error; over HTTP a stored
//! response is resumed below this source. The source owns the socket while the response is in
//! progress and returns it to the session at the end. Dropping the source closes the socket,
//! because the rest of the response would not belong to any turn.

use core::mem;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;

use codex_sse::Outcome;
use codex_transport::Timer as _;
use codex_types::{ClientEvent, Input, Response, ResponseEvent, SteerResponse};

use crate::assembled::{Assembly, EventSource, Item, Step};
use crate::calls::resume::is_kept;
use crate::error::{Error, ErrorKind};
use crate::events::{is_notice, is_visible};
use crate::exchange::Retries;
use crate::failure;
use crate::request::unwritable;

use super::count::add;
use super::event::Restart;
use super::idle::IdleSocket;
use super::plan::Plan;
use super::settings::Interruption;
use super::start::{Started, Starting, Way, start};

/// The events of one response over a socket, or over HTTP as the fallback.
pub(crate) struct SocketEvents<'a> {
    idle: &'a mut IdleSocket,
    plan: Arc<Plan>,
    state: State,
    early: VecDeque<Result<ResponseEvent, Error>>,
    /// The failure of the connection after the early events.
    broken: Option<Error>,
    /// Earlier responses of this turn, which steering has followed with another.
    earlier: Vec<Response>,
    /// The number of events yielded since the last restart.
    yielded: u64,
    attempt: u32,
    /// The number of steering requests whose outcome is not known.
    open_steers: u32,
    /// Events without visible content, which another attempt may still replace.
    held: VecDeque<ResponseEvent>,
    holds: bool,
    /// The remaining attempts; `None` once an event of the response was yielded.
    retries: Option<Retries>,
    was_replayed: bool,
    /// Whether the response was a document that ended before it.
    is_document: bool,
}

enum State {
    Reading(Way),
    Starting(Starting),
    /// The attempt failed, and the events before the failure are still to be yielded.
    Failed(Error),
    /// The rest of an HTTP stream, whose connection can be reused once its end has arrived.
    Ended(Option<Way>),
}

impl<'a> SocketEvents<'a> {
    /// Creates the source for a response that has begun.
    pub(super) fn new(idle: &'a mut IdleSocket, plan: Arc<Plan>, started: Started) -> Self {
        Self {
            idle,
            early: started.early,
            broken: started.broken,
            state: State::Reading(started.way),
            earlier: Vec::new(),
            yielded: 0,
            attempt: 1,
            open_steers: 0,
            held: VecDeque::new(),
            holds: false,
            retries: Some(Retries::new(&plan.shared, plan.prepared.must_not_repeat())),
            was_replayed: false,
            is_document: false,
            plan,
        }
    }

    fn is_http(&self) -> bool {
        matches!(self.state, State::Reading(Way::Http(_)))
    }

    pub(super) fn earlier(&self) -> &[Response] {
        &self.earlier
    }

    pub(super) fn attempt(&self) -> u32 {
        self.attempt
    }

    pub(super) fn is_socket(&self) -> bool {
        matches!(self.state, State::Reading(Way::Socket(_)))
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended(_))
    }

    /// Sends input for the response in progress.
    pub(super) async fn steer(
        &mut self,
        response_id: Option<String>,
        input: impl Into<Input>,
    ) -> Result<(), Error> {
        let Some(id) = response_id else {
            return Err(Error::request("no response in progress to steer"));
        };
        let State::Reading(Way::Socket(reading)) = &mut self.state else {
            return Err(Error::request(
                "responses can be steered only over a WebSocket",
            ));
        };
        let message = ClientEvent::from(SteerResponse::new(id, input))
            .to_json()
            .map_err(unwritable)?;
        let length = message.len() as u64;
        let socket = &mut reading.open.socket;
        socket.ready().await.map_err(failure::transport)?;
        socket.start_send(message).map_err(failure::transport)?;
        // A future that is dropped earlier has sent nothing, so no outcome is expected.
        add(&self.plan.counters.bytes_sent, length);
        self.open_steers += 1;
        socket.flush().await.map_err(failure::transport)
    }

    fn read(&mut self, assembly: &mut Assembly, started: Started) {
        assembly.set_meta(started.way.meta().clone());
        self.early = started.early;
        self.broken = started.broken;
        self.state = State::Reading(started.way);
    }

    /// Merges an event.
    fn accept(&mut self, assembly: &mut Assembly, event: ResponseEvent) -> Item<Box<Restart>> {
        if !is_notice(&event) {
            self.retries = None;
        }
        self.yielded += 1;
        self.count_steering(assembly, &event);
        if let Err(error) = assembly.merge(&event) {
            self.state = State::Ended(None);
            return Err(error);
        }
        if assembly.outcome().is_some() && self.open_steers == 0 {
            self.end(assembly, matches!(event, ResponseEvent::Error(_)));
        }
        Ok(Step::Response(event))
    }

    fn count_steering(&mut self, assembly: &mut Assembly, event: &ResponseEvent) {
        match event {
            ResponseEvent::Created(_) if assembly.outcome().is_some() => {
                self.earlier.push(assembly.take_response());
                // The new response contains all input that was accepted; the server reports the
                // rest as a failure.
                self.open_steers = 0;
            }
            ResponseEvent::SteerFailed(_) => self.open_steers = self.open_steers.saturating_sub(1),
            // The server waits for input that only the caller has before it continues.
            ResponseEvent::SteerPending(_) => self.open_steers = 0,
            _ => {}
        }
    }

    /// Handles the end of the response: returns the socket to the session, with the server's state.
    fn end(&mut self, assembly: &Assembly, is_error: bool) {
        let state = mem::replace(&mut self.state, State::Ended(None));
        match state {
            State::Reading(Way::Socket(reading)) if !is_error => {
                let mut open = reading.open;
                let response = assembly.snapshot();
                let is_whole =
                    assembly.outcome() == Some(Outcome::Completed) && self.earlier.is_empty();
                open.chain = if is_whole {
                    self.plan.chain_after(response)
                } else {
                    None
                };
                open.last_response = Some(response.id.clone());
                *self.idle.get_mut() = Some(open);
            }
            // After an error event the official client does not reuse the socket.
            State::Reading(Way::Socket(_)) => {}
            State::Reading(way) => self.state = State::Ended(Some(way)),
            _ => {}
        }
    }

    /// Handles a connection that broke. Returns `None` if another attempt begins unseen, otherwise
    /// the error or the boundary.
    fn interrupted(&mut self, assembly: &mut Assembly, error: Error) -> Option<Item<Box<Restart>>> {
        let is_http = self.is_http();
        self.state = State::Ended(None);
        if !is_http && self.begins_again(assembly, &error) {
            return None;
        }
        if let Some(first) = self.held.pop_front() {
            // Yield the events that were held back first, then handle the same failure again.
            self.retries = None;
            self.early.extend(self.held.drain(..).map(Ok));
            self.state = State::Failed(error);
            return Some(self.accept(assembly, first));
        }
        if !is_interruption(&error) {
            return Some(Err(error.after_delivery(assembly.has_yielded())));
        }
        // A response that the server keeps stays there; another request would create a second one.
        let exists = is_kept(&self.plan.request) && !assembly.snapshot().id.is_empty();
        if !exists
            && self.plan.settings.interruption == Interruption::Restart
            && self.attempt <= self.plan.settings.restarts
        {
            return Some(Ok(Step::Restart(Box::new(self.restart(assembly, error)))));
        }
        Some(Err(error.after_delivery(true)))
    }

    fn restart(&mut self, assembly: &mut Assembly, cause: Error) -> Restart {
        self.attempt += 1;
        self.open_steers = 0;
        self.earlier.clear();
        add(&self.plan.counters.restarts, 1);
        assembly.observer().exchange_failed(&cause);
        self.state = State::Starting(Box::pin(start(self.plan.clone(), None)));
        Restart {
            attempt: self.attempt,
            discarded: assembly.take_response(),
            discarded_events: mem::take(&mut self.yielded),
            cause,
        }
    }

    /// Polls the current state. `None` means that the state changed and must be polled again.
    fn poll_step(
        &mut self,
        assembly: &mut Assembly,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Item<Box<Restart>>>> {
        if self.early.is_empty()
            && let Some(error) = self.broken.take()
        {
            return Poll::Ready(self.interrupted(assembly, error));
        }
        let item = match self.early.pop_front() {
            Some(item) => item,
            None => match &mut self.state {
                State::Reading(way) => match ready!(way.poll_event(assembly, cx)) {
                    Some(Ok(item)) => item,
                    None => {
                        self.is_document = true;
                        self.state = State::Ended(None);
                        return Poll::Ready(None);
                    }
                    Some(Err(error)) => {
                        // A refusal of another attempt keeps its own headers.
                        let is_of_this = error.meta().is_some() && error.status().is_none();
                        let is_http = matches!(way, Way::Http(_)) && is_of_this;
                        let error = if is_http {
                            error.with_meta(assembly.meta().clone())
                        } else {
                            error
                        };
                        return Poll::Ready(self.interrupted(assembly, error));
                    }
                },
                State::Starting(starting) => {
                    let started = ready!(starting.as_mut().poll(cx));
                    return Poll::Ready(match started {
                        Ok(started) => {
                            self.read(assembly, started);
                            None
                        }
                        Err(error) => {
                            self.state = State::Ended(None);
                            Some(Err(error))
                        }
                    });
                }
                State::Failed(_) => {
                    self.retries = None;
                    return Poll::Ready(match self.take_state() {
                        State::Failed(error) => self.interrupted(assembly, error),
                        _ => None,
                    });
                }
                State::Ended(_) => return Poll::Ready(None),
            },
        };
        let Some(item) = self.judge(assembly, item) else {
            return Poll::Ready(None);
        };
        Poll::Ready(match item {
            Ok(event) => Some(self.accept(assembly, event)),
            Err(error) => Some(Err(error.after_delivery(assembly.has_yielded()))),
        })
    }

    /// Decides about an item while no event of the response was yielded. Returns `None` if it is
    /// held back, or if another attempt begins.
    fn judge(
        &mut self,
        assembly: &Assembly,
        item: Result<ResponseEvent, Error>,
    ) -> Option<Result<ResponseEvent, Error>> {
        // Over HTTP the exchange makes its own attempts.
        if self.retries.is_none() || self.is_http() {
            return Some(item);
        }
        let failure = match &item {
            Ok(event) if self.holds_back(event) => {
                self.held.extend(item.ok());
                return None;
            }
            Ok(event) if !is_visible(event) => None,
            Ok(event) => failure::reported(event),
            Err(_) => None,
        };
        if let Some(failure) = failure
            && self.begins_again(assembly, &failure)
        {
            return None;
        }
        Some(self.release(item))
    }

    /// Returns whether the event is held back until the next one. Notices about the account or the
    /// connection always are; lifecycle events only if the caller does not want them at once.
    fn holds_back(&self, event: &ResponseEvent) -> bool {
        let shows_nothing = is_notice(event) || (self.holds && !is_visible(event));
        shows_nothing && self.held.len() < MAX_HELD
    }

    /// Ends the attempts: no other can replace this one. Returns the first of the held events, or
    /// this item.
    fn release(&mut self, item: Result<ResponseEvent, Error>) -> Result<ResponseEvent, Error> {
        self.retries = None;
        let Some(first) = self.held.pop_front() else {
            return item;
        };
        self.early.push_front(item);
        while let Some(event) = self.held.pop_back() {
            self.early.push_front(Ok(event));
        }
        Ok(first)
    }

    /// Begins another attempt after a failure, if the retry policy allows it.
    fn begins_again(&mut self, assembly: &Assembly, failure: &Error) -> bool {
        let Some(mut retries) = self.retries.take() else {
            return false;
        };
        let delay = match retries.delay_after(failure, assembly.observer()) {
            Some(delay) => delay,
            // The server has lost the response that this one continues; the whole input does not
            // depend on it.
            None if failure.has_lost_state() && !mem::replace(&mut self.was_replayed, true) => {
                Duration::ZERO
            }
            None => return false,
        };
        self.retries = Some(retries);
        self.held.clear();
        let plan = self.plan.clone();
        self.state = State::Starting(Box::pin(async move {
            plan.shared.timer.sleep(delay).await;
            start(plan, None).await
        }));
        true
    }

    fn take_state(&mut self) -> State {
        mem::replace(&mut self.state, State::Ended(None))
    }
}

impl EventSource for SocketEvents<'_> {
    type Restart = Box<Restart>;

    fn is_document(&self) -> bool {
        self.is_document
    }

    fn hold(&mut self, holds: bool) {
        self.holds = holds;
        if let State::Reading(Way::Http(events)) = &mut self.state {
            events.hold(holds);
        }
    }

    fn poll_next(
        &mut self,
        assembly: &mut Assembly,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Item<Box<Restart>>>> {
        loop {
            if !self.holds && self.held.iter().any(|event| !is_notice(event)) {
                self.retries = None;
                while let Some(event) = self.held.pop_back() {
                    self.early.push_front(Ok(event));
                }
            }
            if let State::Ended(rest) = &mut self.state
                && self.early.is_empty()
            {
                if let Some(mut rest) = rest.take() {
                    let _ = rest.poll_event(assembly, cx);
                }
                return Poll::Ready(None);
            }
            if let Some(item) = ready!(self.poll_step(assembly, cx)) {
                return Poll::Ready(Some(item));
            }
        }
    }
}

/// Returns whether the connection broke, in contrast to an error from the server that it would
/// repeat.
fn is_interruption(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Transport | ErrorKind::Timeout | ErrorKind::Truncated
    ) && error
        .transport()
        .is_none_or(codex_transport::Error::is_retryable)
}

/// The maximum number of held events; see `events::HttpEvents`.
const MAX_HELD: usize = 256;
