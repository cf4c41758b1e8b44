// From a request to its first event, over whichever transport gets there. Until then nothing has been handed out, so every way may be tried;
// which one comes next is decided in `decide.rs`. The future owns all it needs: dropping it closes what it had opened.

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;

use codex_auth::{CredentialSource as _, Verdict};
use codex_transport::Timer as _;
use codex_types::{ErrorEvent, ResponseEvent};
use futures_core::Stream as _;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::error::{Error, ErrorKind};
use crate::meta::{ResponseMeta, text_of};
use crate::observe::Attempt;
use crate::stream::ResponseStream;

use super::count::add;
use super::decide::{self, Avoid, Next};
use super::open::{self, Open, Trouble};
use super::plan::Plan;
use super::reading::{Fault, Reading, is_beside};
use super::settings::TransportChoice;

/// A response that has begun.
pub(super) struct Started {
    pub(super) way: Way,
    /// What was read to find out that it has.
    pub(super) early: VecDeque<Result<ResponseEvent, Error>>,
}

/// What a response comes over.
pub(super) enum Way {
    Socket(Box<Reading>),
    Http(Box<ResponseStream>),
}

/// A response that is waited for.
pub(super) type Starting = Pin<Box<dyn Future<Output = Result<Started, Error>> + Send>>;

/// Begins a response, over `kept` if it is still good.
pub(super) async fn start(plan: Arc<Plan>, kept: Option<Open>) -> Result<Started, Error> {
    let observer = plan.observer.clone();
    observer.within(begin(plan, kept)).await
}

async fn begin(plan: Arc<Plan>, mut kept: Option<Open>) -> Result<Started, Error> {
    if !tries_socket(&plan, kept.is_some())? {
        return over_http(&plan).await;
    }
    let mut chances = Chances::default();
    loop {
        let trouble = match over_socket(&plan, kept.take()).await {
            Ok(started) => return Ok(started),
            Err(trouble) => trouble,
        };
        match chances.after(&plan, trouble).await? {
            Again::Socket => {}
            Again::Http => return over_http(&plan).await,
        }
    }
}

/// Whether a socket is tried: it is wanted, and the host is not avoided. A socket that is open proves more than what is remembered.
pub(super) fn tries_socket(plan: &Plan, is_open: bool) -> Result<bool, Error> {
    if !plan.wants_socket()? {
        return Ok(false);
    }
    let inner = plan.client.inner();
    let is_avoided = plan.settings.transport == TransportChoice::Auto
        && !is_open
        && inner
            .avoided
            .contains(&open::target(&plan.turn)?, inner.timer.now());
    Ok(!is_avoided)
}

/// How often a turn may still try a socket before its first event.
pub(super) struct Chances {
    /// A dead socket, and one answer that a fresh one is needed.
    reconnects: u32,
    /// The ladder of a credential source has two steps.
    renewals: u32,
}

pub(super) enum Again {
    Socket,
    Http,
}

impl Default for Chances {
    fn default() -> Self {
        Self {
            reconnects: 2,
            renewals: 2,
        }
    }
}

impl Chances {
    /// What to try after this trouble, or the error that it ends in.
    pub(super) async fn after(&mut self, plan: &Plan, trouble: Trouble) -> Result<Again, Error> {
        let avoid = match trouble.next {
            Next::Stop => return Err(trouble.error),
            Next::Reconnect if self.reconnects > 0 => {
                self.reconnects -= 1;
                return Ok(Again::Socket);
            }
            Next::Reconnect => Avoid::No,
            Next::Renew => return self.renew(plan, trouble).await,
            Next::Http(avoid) => avoid,
        };
        if plan.settings.transport != TransportChoice::Auto {
            return Err(trouble.error);
        }
        let period = match avoid {
            Avoid::No => Duration::ZERO,
            Avoid::Broken => plan.settings.avoid_broken,
            Avoid::Refused => plan.settings.avoid_refused,
        };
        let inner = plan.client.inner();
        if !period.is_zero() {
            inner
                .avoided
                .insert(&open::target(&plan.turn)?, inner.timer.now(), period);
        }
        Ok(Again::Http)
    }

    async fn renew(&mut self, plan: &Plan, trouble: Trouble) -> Result<Again, Error> {
        let Some(lease) = trouble.lease.filter(|_| self.renewals > 0) else {
            return Err(trouble.error);
        };
        self.renewals -= 1;
        match plan.client.inner().credentials.rejected(lease).await {
            Ok(Verdict::Retry) => Ok(Again::Socket),
            Err(error) => Err(Error::new(ErrorKind::Credentials).with_source(error)),
            Ok(_) => Err(trouble.error),
        }
    }
}

/// Sends the request over a socket and waits for the first event.
pub(super) async fn over_socket(plan: &Plan, kept: Option<Open>) -> Result<Started, Trouble> {
    let attempt = Attempt::over_socket(plan.observer.target());
    let started = attempt.within(first_over_socket(plan, kept)).await;
    if let Err(trouble) = &started {
        attempt.failed(&trouble.error);
        plan.observer.exchange_failed(&trouble.error);
    }
    started
}

async fn first_over_socket(plan: &Plan, kept: Option<Open>) -> Result<Started, Trouble> {
    let usable = kept.and_then(|mut open| open.is_usable(plan).then_some(open));
    let is_fresh = usable.is_none();
    let mut open = match usable {
        Some(open) => open,
        None => Open::connect(plan).await?,
    };
    // From here on the server may have forgotten what was before; only a completed response makes the next chain.
    let chain = open.chain.take();
    let message = plan.message(chain.as_ref()).map_err(Trouble::stop)?;
    let length = message.json.len() as u64;
    if let Err(error) = open.socket.send(message.json).await {
        return Err(lost(Fault::Lost(error), is_fresh));
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
            .map_err(|fault| lost(fault, is_fresh))?;
        if let Ok(ResponseEvent::Error(event)) = &item {
            let api = event.to_api_error();
            if let Some(next) =
                decide::after_error_event(event.http_status(), &api, message.is_continuation)
            {
                let error = refusal(event);
                return Err(Trouble {
                    next,
                    error,
                    lease: Some(lease),
                });
            }
        }
        let goes_on_waiting = item.as_ref().is_ok_and(is_beside) && early.len() < MAX_BESIDE;
        early.push_back(item);
        if !goes_on_waiting {
            let way = Way::Socket(Box::new(reading));
            return Ok(Started { way, early });
        }
    }
}

fn lost(fault: Fault, is_fresh: bool) -> Trouble {
    let next = match &fault {
        Fault::Lost(error) => decide::after_loss(error.kind(), error.close_code(), is_fresh),
        Fault::Ended => {
            decide::after_loss(codex_transport::ErrorKind::Closed, Some(1000), is_fresh)
        }
        Fault::Refused(_) => Next::Stop,
    };
    Trouble::new(next, fault.into_error())
}

/// An error event in the place of an answer, as the status it would be over HTTP.
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
    let mut stream = plan
        .client
        .stream_within(&request, &plan.options, &plan.observer)
        .await?;
    first_of(&mut stream).await.map(|first| Started {
        way: Way::Http(Box::new(stream)),
        early: first.into_iter().collect(),
    })
}

/// The first event of a stream; an error that ends it is the error of the whole.
pub(super) async fn first_of(
    stream: &mut ResponseStream,
) -> Result<Option<Result<ResponseEvent, Error>>, Error> {
    match poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await {
        Some(Err(error)) if error.is_fatal() => Err(error),
        first => Ok(first),
    }
}

/// What a server says beside a response is held back while the response has not begun, but not without end.
const MAX_BESIDE: usize = 64;
const ONLY_SOCKETS: &str =
    "only over a WebSocket can a request prepare the server without asking for an answer";
