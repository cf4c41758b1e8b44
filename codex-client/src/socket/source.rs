// A response that survives its connection. Each event is yielded once: a stream that breaks is resumed after the last number, or begun again
// after an explicit border, or ends in an error. The source holds the socket while the response is being made and gives it back to the session
// at the end; a source that is dropped closes its socket, because what the server would still send belongs to no turn.

use core::mem;
use core::task::{Context, Poll, ready};
use std::collections::VecDeque;
use std::sync::Arc;

use codex_sse::Outcome;
use codex_types::{ClientEvent, Input, Response, ResponseEvent, SteerResponse};

use crate::assembled::{Assembly, EventSource, Item, Step};
use crate::error::{Error, ErrorKind};
use crate::failure;
use crate::request::unwritable;

use super::count::add;
use super::event::Restart;
use super::idle::IdleSocket;
use super::plan::Plan;
use super::resume::{self, Place, Resuming, Retrieving};
use super::settings::Interruption;
use super::start::{Started, Starting, Way, start};

/// The events of one response over a socket, or over HTTP where there is none.
pub(crate) struct SocketEvents<'a> {
    idle: &'a mut IdleSocket,
    plan: Arc<Plan>,
    state: State,
    early: VecDeque<Result<ResponseEvent, Error>>,
    /// Responses of this turn that were followed by another, because they were steered.
    earlier: Vec<Response>,
    /// The number of the last event that was yielded.
    last_number: Option<u64>,
    /// A resumed stream has not yet come past that number.
    is_catching_up: bool,
    /// How many events were yielded since the last restart.
    yielded: u64,
    attempt: u32,
    resumes_left: u32,
    /// Steering whose outcome is not known.
    open_steers: u32,
}

enum State {
    Reading(Way),
    Starting(Starting),
    Resuming(Resuming, Error),
    Retrieving(Retrieving, Error),
    /// The rest of an HTTP stream, whose connection can be reused once its end is seen.
    Ended(Option<Way>),
}

impl<'a> SocketEvents<'a> {
    /// A response that has begun.
    pub(super) fn new(idle: &'a mut IdleSocket, plan: Arc<Plan>, started: Started) -> Self {
        Self {
            idle,
            early: started.early,
            state: State::Reading(started.way),
            earlier: Vec::new(),
            last_number: None,
            is_catching_up: false,
            yielded: 0,
            attempt: 1,
            resumes_left: plan.settings.resumes,
            open_steers: 0,
            plan,
        }
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

    /// Sends input for the response that is being made.
    pub(super) async fn steer(
        &mut self,
        response_id: Option<String>,
        input: impl Into<Input>,
    ) -> Result<(), Error> {
        let Some(id) = response_id else {
            return Err(Error::request("there is no response that could be steered"));
        };
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
        let sent = reading.open.socket.send(message).await;
        sent.map_err(failure::transport)
    }

    fn read(&mut self, assembly: &mut Assembly, started: Started) {
        assembly.set_meta(started.way.meta().clone());
        self.early = started.early;
        self.state = State::Reading(started.way);
    }

    /// Merges an event; `None` when it was yielded before.
    fn accept(
        &mut self,
        assembly: &mut Assembly,
        event: ResponseEvent,
    ) -> Option<Item<Box<Restart>>> {
        if let Some(number) = event.sequence_number() {
            if self.is_catching_up {
                match self.last_number {
                    Some(last) if number <= last => return None,
                    Some(last) if number > last.saturating_add(1) => {
                        self.state = State::Ended(None);
                        let error = Error::protocol(MISSING).with_meta(assembly.meta().clone());
                        return Some(Err(error.after_delivery(true)));
                    }
                    _ => self.is_catching_up = false,
                }
            }
            self.last_number = Some(number);
        }
        self.yielded += 1;
        self.resumes_left = self.plan.settings.resumes;
        self.count_steering(assembly, &event);
        if let Err(error) = assembly.merge(&event) {
            self.state = State::Ended(None);
            return Some(Err(error));
        }
        if assembly.outcome().is_some() && self.open_steers == 0 {
            self.end(assembly, matches!(event, ResponseEvent::Error(_)));
        }
        Some(Ok(Step::Response(event)))
    }

    fn count_steering(&mut self, assembly: &mut Assembly, event: &ResponseEvent) {
        match event {
            ResponseEvent::Created(_) if assembly.outcome().is_some() => {
                self.earlier.push(assembly.take_response());
                // The successor holds all that was accepted; what it could not take comes back as a failure.
                self.open_steers = 0;
            }
            ResponseEvent::SteerFailed(_) => self.open_steers = self.open_steers.saturating_sub(1),
            // The rest of the turn needs what only the caller has.
            ResponseEvent::SteerPending(_) => self.open_steers = 0,
            _ => {}
        }
    }

    /// The response has ended: the socket goes back to the session, with what the server remembers.
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
            // After an error event the official client trusts a socket no more.
            State::Reading(Way::Socket(_)) => {}
            State::Reading(way) => self.state = State::Ended(Some(way)),
            _ => {}
        }
    }

    /// Handles a connection that broke: the response is resumed or begun again (`None`), or this is its error or its border.
    fn interrupted(&mut self, assembly: &mut Assembly, error: Error) -> Option<Item<Box<Restart>>> {
        self.state = State::Ended(None);
        if !is_interruption(&error) {
            return Some(Err(error.after_delivery(true)));
        }
        if let Some(place) = self.place(assembly.snapshot()) {
            if self.resumes_left > 0 {
                self.resumes_left -= 1;
                self.is_catching_up = true;
                assembly.observer().exchange_failed(&error);
                self.state = State::Resuming(resume::resume(self.plan.clone(), place), error);
                return None;
            }
        } else if self.plan.settings.interruption == Interruption::Restart
            && self.attempt <= self.plan.settings.restarts
        {
            return Some(Ok(Step::Restart(Box::new(self.restart(assembly, error)))));
        }
        Some(Err(error.after_delivery(true)))
    }

    fn restart(&mut self, assembly: &mut Assembly, cause: Error) -> Restart {
        self.attempt += 1;
        self.last_number = None;
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

    /// Where a stored response can be resumed.
    fn place(&self, response: &Response) -> Option<Place> {
        if response.id.is_empty() || !resume::is_kept(&self.plan.request) {
            return None;
        }
        Some(Place {
            response_id: response.id.clone(),
            starting_after: self.last_number?,
        })
    }

    /// The end of a wait for a resumed stream: it continues (`None`), or what follows instead.
    fn resumed(
        &mut self,
        assembly: &mut Assembly,
        resumed: Result<Started, Error>,
        cause: Error,
    ) -> Option<Item<Box<Restart>>> {
        match resumed {
            Ok(started) => {
                assembly.resume();
                self.read(assembly, started);
                None
            }
            Err(error) if is_interruption(&error) => self.interrupted(assembly, cause),
            // The server no longer has the events; it may have what they led to.
            Err(_) => {
                let id = assembly.snapshot().id.clone();
                self.state = State::Retrieving(resume::retrieve(self.plan.clone(), id), cause);
                None
            }
        }
    }

    fn retrieved(
        &mut self,
        assembly: &Assembly,
        retrieved: Result<Response, Error>,
        cause: Error,
    ) -> Option<Item<Box<Restart>>> {
        match retrieved {
            Ok(response) => {
                self.is_catching_up = false;
                let rest = resume::rest_of(assembly.updates(), response);
                self.early.extend(rest.into_iter().map(Ok));
                None
            }
            // Without the response, the broken connection is the end.
            Err(_) => Some(Err(cause.after_delivery(true))),
        }
    }

    /// Polls whatever the response waits for. `None`: something changed, poll again.
    fn poll_step(
        &mut self,
        assembly: &mut Assembly,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Item<Box<Restart>>>> {
        let item = match self.early.pop_front() {
            Some(item) => item,
            None => match &mut self.state {
                State::Reading(way) => match ready!(way.poll_event(cx)) {
                    Ok(item) => item,
                    Err(error) => {
                        let is_http = matches!(way, Way::Http(_)) && error.meta().is_some();
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
                State::Resuming(resuming, _) => {
                    let resumed = ready!(resuming.as_mut().poll(cx));
                    return Poll::Ready(match self.take_state() {
                        State::Resuming(_, cause) => self.resumed(assembly, resumed, cause),
                        _ => None,
                    });
                }
                State::Retrieving(retrieving, _) => {
                    let retrieved = ready!(retrieving.as_mut().poll(cx));
                    return Poll::Ready(match self.take_state() {
                        State::Retrieving(_, cause) => self.retrieved(assembly, retrieved, cause),
                        _ => None,
                    });
                }
                State::Ended(_) => return Poll::Ready(None),
            },
        };
        Poll::Ready(match item {
            Ok(event) => self.accept(assembly, event),
            Err(error) => Some(Err(error.after_delivery(assembly.has_yielded()))),
        })
    }

    fn take_state(&mut self) -> State {
        mem::replace(&mut self.state, State::Ended(None))
    }
}

impl EventSource for SocketEvents<'_> {
    type Restart = Box<Restart>;

    fn poll_next(
        &mut self,
        assembly: &mut Assembly,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Item<Box<Restart>>>> {
        loop {
            if let State::Ended(rest) = &mut self.state
                && self.early.is_empty()
            {
                if let Some(mut rest) = rest.take() {
                    let _ = rest.poll_event(cx);
                }
                return Poll::Ready(None);
            }
            if let Some(item) = ready!(self.poll_step(assembly, cx)) {
                return Poll::Ready(Some(item));
            }
        }
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

const MISSING: &str = "the resumed stream leaves out events";
