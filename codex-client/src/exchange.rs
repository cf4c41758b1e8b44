// One exchange: a request that is sent until it succeeds or the retry policy ends it. The transport's retry schedule decides; this module
// translates the errors of this crate for it.

use core::hash::BuildHasher as _;
use core::time::Duration;
use std::hash::RandomState;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use codex_transport::{Body, Decision, Outcome, Schedule, Timer as _};
use codex_types::{ApiError, ErrorCategory, ErrorCode};
use http::{Request, StatusCode};

use crate::attempt;
use crate::error::{Error, ErrorKind};
use crate::failure;
use crate::meta::ResponseMeta;
use crate::observe::Observer;
use crate::shared::Shared;

/// A request and what is left of its retries.
pub(crate) struct Exchange {
    shared: Arc<Shared>,
    observer: Arc<Observer>,
    request: Request<Bytes>,
    schedule: Schedule,
    /// How many times the request has been sent again.
    resends: u32,
}

impl Exchange {
    pub(crate) fn new(
        shared: Arc<Shared>,
        observer: Arc<Observer>,
        request: Request<Bytes>,
    ) -> Self {
        Self {
            schedule: shared.retry.schedule(),
            shared,
            observer,
            request,
            resends: 0,
        }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Sends the request until the response is a success, or 304.
    pub(crate) async fn send(&mut self) -> Result<(ResponseMeta, Body), Error> {
        loop {
            let request = self.request.clone();
            let error = match attempt::send(&self.shared, request, self.resends).await {
                Ok(response) => {
                    let meta = ResponseMeta::read(response.status(), response.headers());
                    self.observer.head(&meta);
                    if is_success(response.status()) {
                        if let Some(budget) = self.shared.retry.budget() {
                            budget.deposit();
                        }
                        return Ok((meta, response.into_body()));
                    }
                    failure::status(meta, response.into_body()).await
                }
                Err(error) => error,
            };
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
        let error = failure::page(meta, body).await;
        self.observer.exchange_failed(&error);
        Err(error)
    }

    /// Opens the stream once more, after a pause.
    pub(crate) async fn reopen(&mut self, delay: Duration) -> Result<(ResponseMeta, Body), Error> {
        self.shared.timer.sleep(delay).await;
        self.open().await
    }

    /// Returns the pause before the request is sent again, or `None` when it must not be. The caller must not have seen an event yet.
    pub(crate) fn delay_after(&mut self, error: &Error) -> Option<Duration> {
        let code = error.api().and_then(code_of);
        if code.is_some_and(is_final) {
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
                Outcome::response(status, meta.headers(), code, SystemTime::now())
            }
            (ErrorKind::Transport | ErrorKind::Timeout, _, _, Some(transport)) => {
                Outcome::failure(transport)
            }
            (ErrorKind::Failed, ..) => {
                Outcome::event(code, error.api().and_then(ApiError::retry_after))
            }
            (ErrorKind::Truncated, ..) => Outcome::event(None, None),
            _ => return None,
        };
        match self.schedule.next(&outcome, jitter()) {
            Decision::Retry(delay) => {
                self.resends = self.resends.saturating_add(1);
                self.observer.again(error, delay);
                Some(delay)
            }
            Decision::Stop(_) => None,
        }
    }
}

fn is_success(status: StatusCode) -> bool {
    status.is_success() || status == StatusCode::NOT_MODIFIED
}

/// The name of an error: its code, or its type where that says more.
fn code_of(error: &ApiError) -> Option<&ErrorCode> {
    let named = [&error.code, &error.kind].into_iter().flatten();
    named
        .clone()
        .find(|code| code.category() != ErrorCategory::Unknown)
        .or_else(|| named.clone().next())
}

/// Whether sending the same again cannot help, whatever the status says: no quota left, a limit reached, a refusal.
fn is_final(code: &ErrorCode) -> bool {
    !code.category().is_retryable()
}

/// Spreads the retries of many clients; nothing depends on nobody guessing it.
fn jitter() -> u32 {
    RandomState::new().hash_one(()) as u32
}

#[cfg(test)]
mod tests {
    use codex_transport::RetryPolicy;

    use super::*;

    #[test]
    fn codes_that_end_the_transports_retries_are_final_by_their_category() {
        for code in RetryPolicy::default().final_codes.iter() {
            assert!(is_final(&ErrorCode::from(code.as_ref())), "{code}");
        }
    }
}
