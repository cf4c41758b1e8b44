//! The outcome of an attempt.

use core::time::Duration;
use std::time::SystemTime;

use http::{HeaderMap, StatusCode};

use crate::error::Error;

/// The outcome of an attempt.
#[derive(Clone, Debug)]
pub struct AttemptOutcome<'a> {
    pub(super) what: What<'a>,
    pub(super) delivered: bool,
    pub(super) asked: Option<Duration>,
}

#[derive(Clone, Debug)]
pub(super) enum What<'a> {
    Response {
        status: StatusCode,
        headers: &'a HeaderMap,
        code: Option<&'a str>,
        now: SystemTime,
    },
    Failure {
        error: &'a Error,
    },
    // A failure that the server reported inside a stream or a socket.
    Event {
        code: Option<&'a str>,
        after: Option<Duration>,
    },
    // Nothing was sent, for a reason outside the transport.
    Unsent,
}

impl<'a> AttemptOutcome<'a> {
    /// Creates the outcome of a response whose status is not a success, with the `code` of its
    /// error body. A date in `retry-after` is compared with `now`.
    pub fn response(
        status: StatusCode,
        headers: &'a HeaderMap,
        code: Option<&'a str>,
        now: SystemTime,
    ) -> Self {
        Self {
            what: What::Response {
                status,
                headers,
                code,
                now,
            },
            delivered: false,
            asked: None,
        }
    }

    /// Creates the outcome of a transport failure.
    pub fn failure(error: &'a Error) -> Self {
        Self {
            what: What::Failure { error },
            delivered: false,
            asked: None,
        }
    }

    /// Creates the outcome of a failure that the server reported in an event, with its code and the
    /// requested wait.
    pub fn event(code: Option<&'a str>, after: Option<Duration>) -> Self {
        Self {
            what: What::Event { code, after },
            delivered: false,
            asked: None,
        }
    }

    /// Creates the outcome of a request that could not be sent for a temporary reason outside the
    /// transport, such as an authority that is unavailable.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use codex_transport::{Decision, AttemptOutcome, RetryPolicy};
    ///
    /// let outcome = AttemptOutcome::unsent().asked(Some(Duration::from_secs(1)));
    /// let decision = RetryPolicy::official_request().schedule().next(&outcome, 0);
    /// assert_eq!(decision, Decision::Retry(Duration::from_secs(1)));
    /// ```
    pub fn unsent() -> Self {
        Self {
            what: What::Unsent,
            delivered: false,
            asked: None,
        }
    }

    /// Adds a wait that the server requested outside the headers: in the body, in the message, or
    /// in an event.
    #[must_use]
    pub fn asked(mut self, wait: Option<Duration>) -> Self {
        self.asked = wait;
        self
    }

    /// Records whether part of the response has, or may have, reached the consumer. If so, the
    /// request is not retried.
    #[must_use]
    pub fn delivered(mut self, delivered: bool) -> Self {
        self.delivered = delivered;
        self
    }
}
