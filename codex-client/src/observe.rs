//! What is noticed beside the answers: how much of the limits is used, the state of a turn, what failed last, and, with the feature
//! `tracing`, how long what took. Every exchange has an observer; none of them decides anything.

mod failed;
mod limits;
#[cfg(not(feature = "tracing"))]
#[path = "trace_off.rs"]
mod trace;
#[cfg(feature = "tracing")]
#[path = "trace_on.rs"]
mod trace;

use core::future::Future;
use core::time::Duration;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use codex_transport::Timer as _;
use codex_types::{ApiError, RateLimits, Response, ResponseEvent};
use http::Uri;

pub use failed::FailedExchange;
pub(crate) use failed::LastFailure;
pub(crate) use limits::KnownLimits;
pub use limits::RateLimitWatch;
pub(crate) use trace::{Attempt, Trace};

use crate::client::Client;
use crate::error::Error;
use crate::failure;
use crate::meta::{ResponseMeta, headers_of, text_of};
use crate::options::CallOptions;
use crate::turn::Turn;

/// The routing token of a turn, which the first answer that has one decides.
pub(crate) type TurnState = Arc<OnceLock<String>>;

/// Watches one exchange.
#[derive(Clone)]
pub(crate) struct Observer {
    client: Client,
    trace: Trace,
    /// Where the exchange goes.
    target: Uri,
    turn_state: Option<TurnState>,
    started: Instant,
}

impl Observer {
    /// Of a call that is no operation of a model.
    pub(crate) fn of_call(client: &Client, target: &Uri, options: &CallOptions) -> Self {
        Self {
            client: client.clone(),
            trace: Trace::none(),
            target: target.clone(),
            turn_state: options.turn_state.clone(),
            started: client.inner().timer.now(),
        }
    }

    /// Of a request for a response.
    pub(crate) fn of_turn(
        client: &Client,
        target: &Uri,
        options: &CallOptions,
        turn: &Turn,
    ) -> Self {
        Self {
            trace: Trace::of_turn(turn),
            ..Self::of_call(client, target, options)
        }
    }

    /// Of the same operation at another place.
    #[cfg(feature = "ws")]
    pub(crate) fn at(&self, target: &Uri) -> Self {
        Self {
            target: target.clone(),
            ..self.clone()
        }
    }

    #[cfg(feature = "ws")]
    pub(crate) fn target(&self) -> &Uri {
        &self.target
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Runs as part of the operation.
    pub(crate) fn within<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        self.trace.within(future)
    }

    /// The same for one poll.
    pub(crate) fn scope<T>(&self, poll: impl FnOnce() -> T) -> T {
        self.trace.scope(poll)
    }

    /// The head of any answer, or of an upgrade.
    pub(crate) fn head(&self, meta: &ResponseMeta) {
        self.models(meta.models_etag());
        self.state(meta.turn_state());
        if !failure::is_refusal(meta.status()) {
            self.limits(meta.rate_limits());
        }
    }

    /// The first event of a response.
    pub(crate) fn first_event(&self) {
        self.trace.first_event(self.elapsed());
    }

    /// An event, and the response as it is with it.
    pub(crate) fn event(&self, event: &ResponseEvent, response: &Response) {
        for headers in headers_of(event).into_iter().flatten() {
            let text = |name| text_of(headers.get_ignore_case(name)?);
            self.models(text("x-models-etag").as_deref());
            self.state(text("x-codex-turn-state").as_deref());
            self.limits(RateLimits::from_header_map(headers));
        }
        match event {
            ResponseEvent::RateLimits(event) => self.limits(RateLimits::from_event(event)),
            ResponseEvent::Completed(_) | ResponseEvent::Incomplete(_) | ResponseEvent::Done(_) => {
                self.trace.ended(response);
            }
            ResponseEvent::Failed(_) | ResponseEvent::Error(_) => {
                self.trace.ended(response);
                if let Some(error) = failure::reported(event) {
                    self.exchange_failed(&error);
                    self.over(&error);
                }
            }
            _ => {}
        }
    }

    /// An exchange failed. Whether the operation did depends on what is tried next.
    pub(crate) fn exchange_failed(&self, error: &Error) {
        let meta = error.meta().map(ResponseMeta::rate_limits);
        self.limits(of_refusal(meta.unwrap_or_default(), error.api()));
        let failed = FailedExchange::new(error, &self.target, self.elapsed());
        self.client.inner().last_failure.keep(failed);
    }

    /// The request is sent once more after a failure.
    pub(crate) fn again(&self, error: &Error, delay: Duration) {
        self.exchange_failed(error);
        self.trace.again(error, delay);
    }

    /// The operation failed.
    pub(crate) fn over(&self, error: &Error) {
        self.trace.failed(error);
    }

    fn elapsed(&self) -> Duration {
        let now = self.client.inner().timer.now();
        now.saturating_duration_since(self.started)
    }

    fn limits(&self, limits: RateLimits) {
        self.client.inner().limits_known.update(limits);
    }

    fn models(&self, etag: Option<&str>) {
        if let Some(etag) = etag {
            let inner = self.client.inner();
            inner.models.announced(etag, &inner.timer);
        }
    }

    fn state(&self, state: Option<&str>) {
        if let (Some(cell), Some(state)) = (&self.turn_state, state) {
            // The first value counts for the whole turn.
            let _ = cell.set(state.to_owned());
        }
    }
}

impl Client {
    /// How much of the account's limits is used, as far as any answer has said so far.
    ///
    /// It is fed by the heads of answers, by events over either transport, by refusals, and by [`usage`](Self::usage); it never asks.
    ///
    /// ```
    /// # use codex_client::Client;
    /// use codex_client::types::CreateResponse;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
    /// # let server = LoopbackServer::start(Script::new().answer(Answer::sse()
    /// #     .event(r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}"#)
    /// #     .header("x-codex-primary-used-percent", "42.5")))?;
    /// # let client = Client::builder().base_url(server.url("/v1")).build()?;
    /// let mut limits = client.rate_limits();
    /// assert!(limits.current().is_empty()); // nothing has been asked yet
    ///
    /// client.create(&CreateResponse::new("some-model").input("Hello")).await?;
    /// let known = limits.changed().await;
    /// let window = known.active().and_then(|limit| limit.primary).ok_or("the head has it")?;
    /// assert_eq!(window.used_percent, 42.5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn rate_limits(&self) -> RateLimitWatch {
        self.inner().limits_known.watch()
    }

    /// The last exchange that failed, also when a later attempt made up for it. There are no secrets and nothing of a conversation in it.
    ///
    /// ```
    /// # use codex_client::Client;
    /// use codex_client::types::CreateResponse;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
    /// # let server = LoopbackServer::start(Script::new().answer(Answer::json(403, r#"{"detail":"no"}"#).header("x-request-id", "req_1")))?;
    /// # let client = Client::builder().base_url(server.url("/v1")).build()?;
    /// assert!(client.last_failure().is_none());
    /// let _ = client.create(&CreateResponse::new("some-model").input("Hello")).await;
    /// let failed = client.last_failure().ok_or("it was refused")?;
    /// assert_eq!(failed.status().map(|status| status.as_u16()), Some(403));
    /// assert_eq!(failed.request_id(), Some("req_1"));
    /// println!("{failed}"); // http://127.0.0.1:43210/v1/responses after 0.004 s: the server answered with status 403, request req_1
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn last_failure(&self) -> Option<FailedExchange> {
        self.inner().last_failure.read()
    }
}

/// What the head of a refusal and its body say together.
fn of_refusal(mut limits: RateLimits, api: Option<&ApiError>) -> RateLimits {
    if let Some(api) = api {
        if let Some(headers) = &api.headers {
            limits.update(RateLimits::from_header_map(headers));
        }
        limits.plan_type = api.plan_type.clone().or(limits.plan_type);
        limits.resets_at = api.resets_at.and_then(|at| at.to_whole());
        limits.resets_in_seconds = api.resets_in_seconds.and_then(|seconds| seconds.to_whole());
    }
    limits
}
