//! Sends a request and waits for its first event, over either transport. No event has been yielded
//! until then, so every option may be tried; `decide.rs` chooses the next one. The future owns
//! everything it needs, and dropping it closes what it opened.

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;

use codex_transport::Timer as _;
use codex_types::profile::Channel;
use codex_types::{ErrorEvent, ResponseEvent, Streaming};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::assembled::Assembly;
use crate::attempt::Renewals;
use crate::calls::create::post;
use crate::calls::resume::ResumableEvents;
use crate::error::{Error, ErrorKind};
use crate::events::is_notice;
use crate::exchange::{Retries, is_own_timeout};
use crate::meta::{ResponseMeta, text_of};
use crate::observe::Attempt;
use crate::request::Prepared;

use super::count::add;
use super::decide::{self, Avoid, Next};
use super::open::{Open, StartFailure};
use super::plan::Plan;
use super::reading::{Fault, Reading};
use super::settings::TransportChoice;

/// A response that has begun.
pub(super) struct Started {
    pub(super) way: Way,
    /// The events that were read while waiting for the first one.
    pub(super) early: VecDeque<Result<ResponseEvent, Error>>,
    /// The failure of the connection after these events.
    pub(super) broken: Option<Error>,
}

/// The transport of a response.
pub(super) enum Way {
    Socket(Box<Reading>),
    Http(Box<ResumableEvents>),
}

/// A response that has not begun.
pub(super) type Starting = Pin<Box<dyn Future<Output = Result<Started, Error>> + Send>>;

/// Begins a response, over `kept` if that socket is still usable.
pub(super) async fn start(plan: Arc<Plan>, kept: Option<Open>) -> Result<Started, Error> {
    let observer = plan.observer.clone();
    observer.within(begin(plan, kept)).await
}

async fn begin(plan: Arc<Plan>, mut kept: Option<Open>) -> Result<Started, Error> {
    if !tries_socket(&plan, kept.is_some())? {
        return over_http(&plan).await;
    }
    let mut retries = Retries::new(&plan.shared, plan.prepared.must_not_repeat());
    loop {
        match start_attempt(&plan, kept.take()).await {
            // Over HTTP the exchange has already made its own attempts.
            Err((error, Channel::WebSocket)) => {
                let Some(delay) = retries.delay_after(&error, &plan.observer) else {
                    return Err(error);
                };
                plan.shared.timer.sleep(delay).await;
            }
            ended => return ended.map_err(|(error, _)| error),
        }
    }
}

/// Makes one attempt, over a socket or over HTTP instead; an error comes with its transport.
async fn start_attempt(plan: &Plan, mut kept: Option<Open>) -> Result<Started, (Error, Channel)> {
    let mut fallbacks = Fallbacks::default();
    loop {
        let failure = match over_socket(plan, kept.take()).await {
            Ok(started) => return Ok(started),
            Err(failure) => failure,
        };
        let next = fallbacks.after(plan, failure).await;
        match next.map_err(|error| (error, Channel::WebSocket))? {
            Retry::Socket => {}
            Retry::Http => {
                return over_http(plan)
                    .await
                    .map_err(|error| (error, Channel::Http));
            }
        }
    }
}

/// Returns whether to try a socket: it is wanted, and the host is not avoided. An open socket
/// counts more than a recorded failure.
pub(super) fn tries_socket(plan: &Plan, is_open: bool) -> Result<bool, Error> {
    if !plan.wants_socket()? {
        return Ok(false);
    }
    let shared = &plan.shared;
    let is_avoided = plan.settings.transport == TransportChoice::Auto
        && !is_open
        && shared.avoided.contains(&plan.target, shared.timer.now());
    Ok(!is_avoided)
}

/// The number of further attempts that a turn may make over a socket before its first event.
pub(super) struct Fallbacks {
    /// Two: one for a dead socket, and one for a server that demands a fresh one.
    reconnects: u32,
    renewals: Renewals,
}

pub(super) enum Retry {
    Socket,
    Http,
}

impl Default for Fallbacks {
    fn default() -> Self {
        Self {
            reconnects: 2,
            renewals: Renewals::new(),
        }
    }
}

impl Fallbacks {
    /// Returns what to try after this failure, or the final error.
    pub(super) async fn after(
        &mut self,
        plan: &Plan,
        failure: StartFailure,
    ) -> Result<Retry, Error> {
        let avoid = match failure.next {
            Next::Stop => return Err(failure.error),
            Next::Reconnect if self.reconnects > 0 => {
                self.reconnects -= 1;
                return Ok(Retry::Socket);
            }
            Next::Reconnect => Avoid::No,
            Next::Renew => return self.renew(plan, failure).await,
            Next::Http(avoid) => avoid,
        };
        if plan.settings.transport != TransportChoice::Auto {
            return Err(failure.error);
        }
        let period = match avoid {
            Avoid::No => Duration::ZERO,
            Avoid::Broken => plan.settings.avoid_broken,
            Avoid::Refused => plan.settings.avoid_refused,
        };
        if !period.is_zero() {
            plan.avoid(period);
        }
        Ok(Retry::Http)
    }

    async fn renew(&mut self, plan: &Plan, failure: StartFailure) -> Result<Retry, Error> {
        let Some(lease) = failure.lease else {
            return Err(failure.error);
        };
        if self.renewals.after(&plan.shared, lease).await? {
            Ok(Retry::Socket)
        } else {
            Err(failure.error)
        }
    }
}

/// Sends the request over a socket and waits for the first event.
pub(super) async fn over_socket(plan: &Plan, kept: Option<Open>) -> Result<Started, StartFailure> {
    let attempt = Attempt::over_socket(plan.observer.target());
    let started = attempt.within(first_over_socket(plan, kept)).await;
    if let Err(failure) = &started {
        attempt.failed(&failure.error);
        plan.observer.exchange_failed(&failure.error);
    }
    started
}

async fn first_over_socket(plan: &Plan, kept: Option<Open>) -> Result<Started, StartFailure> {
    let usable = kept.and_then(|mut open| open.is_usable(plan).then_some(open));
    let is_fresh = usable.is_none();
    let mut open = match usable {
        Some(open) => open,
        None => Open::connect(plan).await?,
    };
    // From here on the server may have dropped the previous state; only a completed response
    // creates the next chain.
    let chain = open.chain.take();
    let message = plan.message(chain.as_ref()).map_err(StartFailure::stop)?;
    let length = message.json.len() as u64;
    if let Err(error) = open.socket.send(message.json).await {
        return Err(lost(plan, Fault::Lost(error), is_fresh));
    }
    let counters = &plan.counters;
    add(&counters.bytes_sent, length);
    add(
        if message.is_continuation {
            &counters.continuations
        } else {
            &counters.replays
        },
        1,
    );

    let lease = open.lease;
    let mut reading = Reading::new(open, plan);
    let mut early = VecDeque::new();
    loop {
        let item = poll_fn(|context| reading.poll_event(context))
            .await
            .map_err(|fault| lost(plan, fault, is_fresh))?;
        if let Ok(ResponseEvent::Error(event)) = &item {
            let api = event.to_api_error();
            if let Some(next) =
                decide::after_error_event(event.http_status(), &api, message.is_continuation)
            {
                let error = refusal(event);
                // The server checks only credentials before it adds the input to a stored
                // conversation.
                let may_repeat = next == Next::Renew || !plan.prepared.must_not_repeat();
                return Err(StartFailure {
                    next: if may_repeat { next } else { Next::Stop },
                    error,
                    lease: Some(lease),
                });
            }
        }
        let keeps_waiting = item.as_ref().is_ok_and(is_notice) && early.len() < MAX_NOTICES;
        early.push_back(item);
        if !keeps_waiting {
            let way = Way::Socket(Box::new(reading));
            return Ok(Started {
                way,
                early,
                broken: None,
            });
        }
    }
}

fn lost(plan: &Plan, fault: Fault, is_fresh: bool) -> StartFailure {
    let next = match &fault {
        // The server may be working on the request, and bills each copy. Silence on a fresh socket
        // is different: it means that a proxy does not forward its messages.
        Fault::Lost(error)
            if is_own_timeout(error) && !is_fresh && !plan.shared.resends_after_timeout =>
        {
            Next::Stop
        }
        Fault::Lost(_) | Fault::Ended if plan.prepared.must_not_repeat() => Next::Stop,
        Fault::Lost(error) => decide::after_loss(error.kind(), error.close_code(), is_fresh),
        Fault::Ended => {
            decide::after_loss(codex_transport::ErrorKind::Closed, Some(1000), is_fresh)
        }
        Fault::Refused(_) => Next::Stop,
    };
    StartFailure::new(next, fault.into_error())
}

/// Converts an error event that arrived instead of a response to the error with the status it would
/// have over HTTP.
fn refusal(event: &ErrorEvent) -> Error {
    let api = event.to_api_error();
    let status = event
        .http_status()
        .and_then(|status| StatusCode::from_u16(status).ok());
    let mut headers = HeaderMap::new();
    for (name, value) in api.headers.iter().flat_map(|headers| headers.iter()) {
        let value = text_of(value).and_then(|text| HeaderValue::try_from(text).ok());
        if let (Ok(name), Some(value)) = (HeaderName::try_from(name), value) {
            headers.insert(name, value);
        }
    }
    match status {
        Some(status) => {
            Error::new(ErrorKind::Status).with_meta(ResponseMeta::read(status, &headers))
        }
        None => Error::new(ErrorKind::Failed),
    }
    .with_api(Some(api))
}

async fn over_http(plan: &Plan) -> Result<Started, Error> {
    if plan.request.generate == Some(false) {
        return Err(Error::request(ONLY_SOCKETS));
    }
    add(&plan.counters.http_turns, 1);
    let mut request = plan.request.clone();
    request.stream_id = None;
    let prepared = Prepared::new(
        &plan.shared,
        &request,
        &plan.options,
        Channel::Http,
        Streaming::Yes,
    )
    .await?;
    let observer = plan.observer.at(&prepared.url()?);
    let prepared = Box::new(prepared);
    let opened = post(&plan.shared, prepared, &request, &plan.options, &observer);
    let (events, _) = opened.await?;
    let counts = &plan.counters.resumptions;
    let mut events = events.resumed_at_most(plan.settings.resumes, counts);
    events.hold(plan.options.holds);
    begun(events).await
}

/// Waits for the first event of a stream; an error that ends the stream is returned.
async fn begun(mut events: ResumableEvents) -> Result<Started, Error> {
    let early = match poll_fn(|cx| events.poll_first(cx)).await {
        Some(Err(error)) if error.is_fatal() => return Err(error),
        first => first.into_iter().collect(),
    };
    Ok(Started {
        way: Way::Http(Box::new(events)),
        early,
        broken: None,
    })
}

impl Way {
    pub(super) fn meta(&self) -> &ResponseMeta {
        match self {
            Self::Socket(reading) => &reading.open.meta,
            Self::Http(events) => events.http().meta(),
        }
    }

    /// Polls for the next event or an error that concerns one event only; a fault ends the
    /// response. `None` ends a document.
    pub(super) fn poll_event(
        &mut self,
        assembly: &mut Assembly,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Result<ResponseEvent, Error>, Error>>> {
        match self {
            Self::Socket(reading) => {
                let item = ready!(reading.poll_event(cx));
                Poll::Ready(Some(item.map_err(|fault| fault.into_error())))
            }
            Self::Http(events) => Poll::Ready(match ready!(events.poll_event(assembly, cx)) {
                Some(Err(error)) if error.is_fatal() => Some(Err(error)),
                Some(item) => Some(Ok(item)),
                None if events.http().is_document() => None,
                None => Some(Err(Error::new(ErrorKind::Truncated))),
            }),
        }
    }
}

/// The maximum number of events about the account or the connection that are held back before the
/// response begins.
const MAX_NOTICES: usize = 64;
const ONLY_SOCKETS: &str = "requests with `generate: false` require a WebSocket";
