//! Records of exchanges in addition to their responses: the usage of the limits, the state of a
//! turn, the last failure, and, with the feature `tracing`, the duration of each part. Every
//! exchange has an observer. Observers make no decisions and yield nothing to the caller.

#[cfg(not(feature = "tracing"))]
#[path = "observe/trace_off.rs"]
mod trace;
#[cfg(feature = "tracing")]
#[path = "observe/trace_on.rs"]
mod trace;

use core::future::Future;
use core::time::Duration;
use std::sync::Arc;

use codex_transport::{Instant, Timer as _};
use codex_types::{ApiError, RateLimits, Response, ResponseEvent};
use http::Uri;

pub(crate) use trace::{Attempt, Trace};

use crate::clock::since_epoch;
use crate::error::Error;
use crate::failure;
use crate::meta::{ResponseMeta, headers_of, text_of};
use crate::options::{CallOptions, TurnState};
use crate::request::Prepared;
use crate::shared::Shared;
use crate::shared::failed::FailedExchange;

/// The observer of one exchange.
#[derive(Clone)]
pub(crate) struct Observer {
    shared: Arc<Shared>,
    trace: Trace,
    /// The URL of the exchange.
    target: Uri,
    turn_state: Option<TurnState>,
    started: Instant,
}

impl Observer {
    /// Creates the observer of a call that is not an operation of a model.
    pub(crate) fn of_call(shared: &Arc<Shared>, target: &Uri, options: &CallOptions) -> Arc<Self> {
        Arc::new(Self::new(shared, target, options, Trace::none()))
    }

    /// Creates the observer of a request for a response.
    pub(crate) fn of_response(
        shared: &Arc<Shared>,
        target: &Uri,
        options: &CallOptions,
        prepared: &Prepared,
    ) -> Arc<Self> {
        Arc::new(Self::new(
            shared,
            target,
            options,
            Trace::of_response(prepared),
        ))
    }

    fn new(shared: &Arc<Shared>, target: &Uri, options: &CallOptions, trace: Trace) -> Self {
        Self {
            shared: shared.clone(),
            trace,
            target: target.clone(),
            turn_state: options.turn_state.clone(),
            started: shared.timer.now(),
        }
    }

    /// Creates an observer of the same operation at another URL.
    pub(crate) fn at(&self, target: &Uri) -> Arc<Self> {
        Arc::new(Self {
            target: target.clone(),
            ..self.clone()
        })
    }

    #[cfg(feature = "sockets")]
    pub(crate) fn target(&self) -> &Uri {
        &self.target
    }

    /// Runs a future as part of the operation.
    pub(crate) fn within<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        self.trace.within(future)
    }

    /// Runs one poll as part of the operation.
    pub(crate) fn scope<T>(&self, poll: impl FnOnce() -> T) -> T {
        self.trace.scope(poll)
    }

    /// Records the headers of a response or of an upgrade.
    pub(crate) fn head(&self, meta: &ResponseMeta) {
        self.models(meta.models_etag());
        self.state(meta.turn_state());
        // The limits of a refusal are recorded together with its body.
        if !meta.status().is_client_error() && !meta.status().is_server_error() {
            self.limits(meta.rate_limits());
        }
    }

    /// Records the first event of a response.
    pub(crate) fn first_event(&self) {
        self.trace.first_event(self.elapsed());
    }

    /// Records an event, and the response so far.
    pub(crate) fn event(&self, event: &ResponseEvent, response: &Response) {
        for headers in headers_of(event).into_iter().flatten() {
            let text = |name| text_of(headers.get_ignore_case(name)?);
            self.models(text("x-models-etag").as_deref());
            self.state(text("x-codex-turn-state").as_deref());
            self.limits(RateLimits::from_header_map(headers));
        }
        match event {
            ResponseEvent::RateLimits(event) => self.limits(RateLimits::from_event(event)),
            ResponseEvent::Completed(_)
            | ResponseEvent::Incomplete(_)
            | ResponseEvent::Cancelled(_)
            | ResponseEvent::Done(_) => {
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

    /// Records that an exchange failed. The next attempt decides whether the operation fails.
    pub(crate) fn exchange_failed(&self, error: &Error) {
        let meta = error.meta().map(ResponseMeta::rate_limits);
        self.limits(of_refusal(meta.unwrap_or_default(), error.api()));
        let failed = FailedExchange::new(error, &self.target, self.elapsed());
        self.shared.last_failure.keep(failed);
    }

    /// Records that the request is resent after a failure.
    pub(crate) fn again(&self, error: &Error, delay: Duration) {
        self.exchange_failed(error);
        self.trace.again(error, delay);
    }

    /// Records that the operation failed.
    pub(crate) fn over(&self, error: &Error) {
        self.trace.failed(error);
    }

    fn elapsed(&self) -> Duration {
        let now = self.shared.timer.now();
        now.saturating_duration_since(self.started)
    }

    fn limits(&self, limits: RateLimits) {
        self.shared.limits_known.update(limits);
    }

    fn models(&self, etag: Option<&str>) {
        if let Some(etag) = etag {
            self.shared.models.announced(etag, &self.shared.timer);
        }
    }

    fn state(&self, state: Option<&str>) {
        if let (Some(cell), Some(state)) = (&self.turn_state, state) {
            // The first value applies to the whole turn.
            let _ = cell.set(state.to_owned());
        }
    }
}

/// Merges the limits in the headers and the body of a refusal.
fn of_refusal(mut limits: RateLimits, api: Option<&ApiError>) -> RateLimits {
    if let Some(api) = api {
        if let Some(headers) = &api.headers {
            limits.update(RateLimits::from_header_map(headers));
        }
        limits.plan_type = api.plan_type.clone().or(limits.plan_type);
        limits.resets_at = api.resets_at.and_then(|at| at.to_whole());
        limits.resets_in_seconds = api.resets_in_seconds.and_then(|seconds| seconds.to_whole());
        // A relative time is meaningless later, so it is stored with the time at which it was
        // received.
        if let (None, Some(seconds)) = (limits.resets_at, limits.resets_in_seconds) {
            limits.resets_at = Some(since_epoch().as_secs().saturating_add(seconds));
        }
    }
    limits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_reset_is_stored_as_a_time() {
        let mut api = ApiError::default();
        api.resets_in_seconds = Some(60.into());
        let now = since_epoch().as_secs();
        let limits = of_refusal(RateLimits::default(), Some(&api));
        assert!(
            limits
                .resets_at
                .is_some_and(|at| (now + 60..now + 120).contains(&at))
        );
        api.resets_at = Some(7.into());
        let limits = of_refusal(RateLimits::default(), Some(&api));
        assert_eq!(limits.resets_at, Some(7));
    }
}
