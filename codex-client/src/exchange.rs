//! One exchange: a request that is sent until it succeeds or the retry policy ends it. The
//! transport's retry schedule decides; this module translates the errors of this crate for it.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use codex_transport::{AttemptOutcome, Body, Decision, Schedule, Sent, TimeoutKind, Timer as _};
use codex_types::{ApiError, ErrorCategory, ErrorCode};
use http::{Request, StatusCode};

use crate::attempt;
use crate::clock::system_time;
use crate::error::{Error, ErrorKind};
use crate::failure;
use crate::meta::ResponseMeta;
use crate::observe::Observer;
use crate::random::random;
use crate::scrub::Scrub;
use crate::shared::Shared;
use crate::wire::is_missing;

/// A request and its remaining retries.
pub(crate) struct Exchange {
    shared: Arc<Shared>,
    observer: Arc<Observer>,
    request: Request<Bytes>,
    retries: Retries,
    /// Whether the server may turn out not to have the API of the request.
    probes: bool,
    /// Removes the credentials of the last attempt.
    scrub: Scrub,
}

/// The remaining attempts of a request, over either transport.
pub(crate) struct Retries {
    schedule: Schedule,
    resends_after_timeout: bool,
    /// The number of times the request has been resent.
    resends: u32,
}

impl Exchange {
    pub(crate) fn new(
        shared: Arc<Shared>,
        observer: Arc<Observer>,
        request: Request<Bytes>,
    ) -> Self {
        Self {
            retries: Retries::new(&shared, false),
            probes: false,
            scrub: Scrub::default(),
            shared,
            observer,
            request,
        }
    }

    /// Sets whether the request is resent only if it provably was not sent before.
    pub(crate) fn never_twice(mut self, never_twice: bool) -> Self {
        self.retries = Retries::new(&self.shared, never_twice);
        self
    }

    /// Sets whether an error that means that the server does not have the API is returned at once,
    /// without being recorded.
    pub(crate) fn probing(mut self, probes: bool) -> Self {
        self.probes = probes;
        self
    }

    /// Returns the scrubber that removes the credentials of the last attempt from the server's
    /// messages.
    pub(crate) fn scrub(&self) -> &Scrub {
        &self.scrub
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Sends the request until the response is a success, or 304.
    pub(crate) async fn send(&mut self) -> Result<(ResponseMeta, Body), Error> {
        loop {
            let request = self.request.clone();
            let sent = attempt::send(&self.shared, request, self.retries.resends).await;
            let error = match sent {
                Ok((response, scrub)) => {
                    self.scrub = scrub;
                    let mut meta = ResponseMeta::read(response.status(), response.headers());
                    meta.scrub(&self.scrub);
                    self.observer.head(&meta);
                    if is_success(response.status()) {
                        if let Some(budget) = self.shared.retry.budget() {
                            budget.deposit();
                        }
                        return Ok((meta, response.into_body()));
                    }
                    failure::status(meta, response.into_body(), &self.scrub).await
                }
                Err(error) => error,
            };
            if self.probes && is_missing(&error) {
                return Err(error);
            }
            let Some(delay) = self.delay_after(&error) else {
                self.observer.exchange_failed(&error);
                return Err(error);
            };
            self.shared.timer.sleep(delay).await;
        }
    }

    /// Sends the request until there is a response that may hold events.
    pub(crate) async fn open(&mut self) -> Result<(ResponseMeta, Body), Error> {
        let (meta, body) = self.send().await?;
        if meta.may_be_response() {
            return Ok((meta, body));
        }
        let error = failure::page(meta, body, &self.scrub).await;
        self.observer.exchange_failed(&error);
        Err(error)
    }

    /// Reopens the stream after a pause.
    pub(crate) async fn reopen(&mut self, delay: Duration) -> Result<(ResponseMeta, Body), Error> {
        self.shared.timer.sleep(delay).await;
        self.open().await
    }

    /// Returns the pause before the request is resent, or `None` when it must not be. The caller
    /// must not have received any part of the response yet.
    pub(crate) fn delay_after(&mut self, error: &Error) -> Option<Duration> {
        self.retries.delay_after(error, &self.observer)
    }
}

impl Retries {
    /// Creates the retries of a request. With `never_twice`, it is resent only if it provably was
    /// not sent before.
    pub(crate) fn new(shared: &Shared, never_twice: bool) -> Self {
        let mut policy = shared.retry.clone();
        policy.only_unsent |= never_twice;
        Self {
            schedule: policy.schedule(),
            resends_after_timeout: shared.resends_after_timeout,
            resends: 0,
        }
    }

    /// Creates the attempts to resume a response that the server keeps. They create nothing, so the
    /// policy's rules for resending do not apply.
    pub(crate) fn of_resuming(shared: &Shared, limit: u32) -> Self {
        let mut policy = shared.retry.clone();
        policy.max_retries = limit;
        policy.only_unsent = false;
        Self {
            schedule: policy.schedule(),
            resends_after_timeout: true,
            resends: 0,
        }
    }

    /// Returns the pause before the response is resumed, or `None` when no attempts are left.
    pub(crate) fn delay_before_resuming(
        &mut self,
        error: &Error,
        observer: &Observer,
    ) -> Option<Duration> {
        self.next(&AttemptOutcome::event(None, None), error, observer)
    }

    /// Returns the pause before the next attempt, or `None` when there must not be one.
    pub(crate) fn delay_after(&mut self, error: &Error, observer: &Observer) -> Option<Duration> {
        let code = error.api().and_then(code_of);
        if code.is_some_and(is_final) || error.has_lost_state() {
            return None;
        }
        // The server may be working on the request, and bills each copy.
        if !self.resends_after_timeout && error.transport().is_some_and(is_own_timeout) {
            return None;
        }
        let code = code.map(ErrorCode::as_str);
        let outcome = match (
            error.kind(),
            error.status(),
            error.meta(),
            error.transport(),
        ) {
            (ErrorKind::Status, Some(status), Some(meta), _) => {
                AttemptOutcome::response(status, meta.headers(), code, system_time())
            }
            (ErrorKind::Transport | ErrorKind::Timeout, _, _, Some(transport)) => {
                AttemptOutcome::failure(transport)
            }
            (ErrorKind::Credentials, ..) if error.is_retryable() => AttemptOutcome::unsent(),
            (ErrorKind::Failed, ..) => AttemptOutcome::event(code, None),
            (ErrorKind::Truncated, ..) => AttemptOutcome::event(None, None),
            _ => return None,
        };
        self.next(&outcome.asked(error.retry_after()), error, observer)
    }

    fn next(
        &mut self,
        outcome: &AttemptOutcome<'_>,
        error: &Error,
        observer: &Observer,
    ) -> Option<Duration> {
        match self.schedule.next(outcome, jitter()) {
            Decision::Retry(delay) => {
                self.resends = self.resends.saturating_add(1);
                observer.again(error, delay);
                Some(delay)
            }
            Decision::Stop(_) => None,
        }
    }
}

/// Returns whether our own timeout ended an attempt that was sent. A socket whose pings go
/// unanswered counts as a lost connection.
pub(crate) fn is_own_timeout(error: &codex_transport::Error) -> bool {
    matches!(error.kind(), codex_transport::ErrorKind::Timeout(clock) if clock != TimeoutKind::Pong)
        && error.sent() != Sent::No
}

fn is_success(status: StatusCode) -> bool {
    status.is_success() || status == StatusCode::NOT_MODIFIED
}

/// Returns the code of an error, or its type if that is more specific.
fn code_of(error: &ApiError) -> Option<&ErrorCode> {
    let named = [&error.code, &error.kind].into_iter().flatten();
    named
        .clone()
        .find(|code| code.category() != ErrorCategory::Unknown)
        .or_else(|| named.clone().next())
}

/// Returns whether resending the request cannot help, whatever the status: no quota left, a limit
/// reached, a refusal.
fn is_final(code: &ErrorCode) -> bool {
    !code.category().is_retryable()
}

/// Returns a value that spreads the retries of many clients. It does not need to be unpredictable.
fn jitter() -> u32 {
    random() as u32
}

#[cfg(test)]
mod tests {
    use codex_transport::{RetryPolicy, RetryStatuses};

    use super::*;

    #[test]
    fn codes_that_end_the_transports_retries_are_final_by_their_category() {
        for code in RetryPolicy::default().final_codes.iter() {
            assert!(is_final(&ErrorCode::from(code.as_ref())), "{code}");
        }
    }

    #[test]
    fn statuses_that_the_transport_retries_are_retryable_by_their_category() {
        for status in 400..600 {
            assert_eq!(
                RetryStatuses::default().permit(status, false),
                ErrorCategory::of_status(status).is_retryable(),
                "{status}"
            );
        }
    }
}
