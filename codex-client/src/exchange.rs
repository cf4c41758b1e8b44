// Sending a request again. Whether, and after how long, is decided by the transport's retry schedule; here it is told what happened, in the
// words of this crate's errors.

use core::future::Future;
use core::hash::BuildHasher as _;
use core::pin::Pin;
use core::time::Duration;
use std::hash::RandomState;
use std::time::SystemTime;

use bytes::Bytes;
use codex_transport::{Body, Decision, Outcome, Schedule, Timer as _};
use codex_types::{ApiError, ErrorCategory, ErrorCode};
use http::{Request, StatusCode};

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::failure;
use crate::meta::ResponseMeta;
use crate::observe::Observer;

/// A request and what is left of its retries.
pub(crate) struct Attempts {
    observer: Observer,
    request: Request<Bytes>,
    schedule: Schedule,
    /// How often the request has been sent again.
    resends: u32,
}

/// An event stream, and what may be done should it break before its first event.
pub(crate) struct Opened {
    pub(crate) meta: ResponseMeta,
    pub(crate) body: Body,
    pub(crate) attempts: Attempts,
}

/// A further attempt that is waited for.
pub(crate) type Reopening = Pin<Box<dyn Future<Output = Result<Opened, Error>> + Send>>;

impl Attempts {
    pub(crate) fn new(observer: Observer, request: Request<Bytes>) -> Self {
        let schedule = observer.client().inner().retry.schedule();
        Self {
            observer,
            request,
            schedule,
            resends: 0,
        }
    }

    /// The client that the request is sent with.
    pub(crate) fn client(&self) -> &Client {
        self.observer.client()
    }

    /// Sends the request until it is answered with a success, or with the news that nothing has changed.
    pub(crate) async fn answer(&mut self) -> Result<(ResponseMeta, Body), Error> {
        loop {
            let request = self.request.clone();
            let error = match self.client().send(request, self.resends).await {
                Ok(answer) => {
                    let meta = ResponseMeta::read(answer.status(), answer.headers());
                    self.observer.head(&meta);
                    if is_answer(answer.status()) {
                        if let Some(budget) = self.client().inner().retry.budget() {
                            budget.deposit();
                        }
                        return Ok((meta, answer.into_body()));
                    }
                    failure::status(meta, answer.into_body()).await
                }
                Err(error) => error,
            };
            let Some(delay) = self.delay_after(&error) else {
                self.observer.exchange_failed(&error);
                return Err(error);
            };
            self.client().inner().timer.sleep(delay).await;
        }
    }

    /// The same, for an event stream.
    pub(crate) async fn open(mut self) -> Result<Opened, Error> {
        let (meta, body) = self.answer().await?;
        if !failure::may_be_event_stream(meta.headers()) {
            let error = Error::protocol("the answer is not an event stream").with_meta(meta);
            self.observer.exchange_failed(&error);
            return Err(error);
        }
        Ok(Opened {
            meta,
            body,
            attempts: self,
        })
    }

    /// Opens the stream once more, after a pause.
    pub(crate) fn reopen(self, delay: Duration) -> Reopening {
        Box::pin(async move {
            self.client().inner().timer.sleep(delay).await;
            self.open().await
        })
    }

    /// After how long to send the request again, or that it is over. Only to be asked while nothing of an answer has been handed out.
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

fn is_answer(status: StatusCode) -> bool {
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
