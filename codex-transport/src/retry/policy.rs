//! Which failures are retried, and when, as plain data.

use core::time::Duration;
use std::borrow::Cow;

use crate::retry::budget::RetryBudget;

/// A retry policy: which failures are retried, and when, as plain data.
///
/// The policy performs no I/O and reads no clock: [`Schedule::next`](crate::Schedule::next) takes
/// the outcome of an attempt and a random number, and returns a delay or the reason to stop.
///
/// | | [`default`](Self::default) | [`official_request`](Self::official_request) | [`official_stream`](Self::official_stream) | [`official_sdk`](Self::official_sdk) |
/// |---|---|---|---|---|
/// | retries | 3 | 4 | 5 | 2 |
/// | delay | 0.5 s doubling to 8 s | 0.2 s doubling | 0.2 s doubling | 0.5 s doubling to 8 s |
/// | jitter | down to 75 % | ±10 % | ±10 % | down to 75 % |
/// | statuses | 408, 409, 425, 429, 5xx | 5xx | all but 400; 429 only with a hint | 408, 409, 429, 5xx |
/// | `retry-after` | exactly | exactly | exactly | exactly |
/// | `retry-after-ms`, `x-should-retry` | yes | no | no | yes |
/// | longest requested wait | 60 s | any | any | 120 s |
///
/// A wait that the server requests is honored exactly or not at all: if it exceeds the limit of the
/// policy, the attempts end instead of waiting for less, and no jitter is added.
///
/// ```
/// use codex_transport::{Decision, AttemptOutcome, RetryPolicy};
/// use http::{HeaderMap, StatusCode};
/// use std::time::{Duration, SystemTime};
///
/// let policy = RetryPolicy::default();
/// let mut schedule = policy.schedule();
/// let mut headers = HeaderMap::new();
/// let busy = AttemptOutcome::response(StatusCode::SERVICE_UNAVAILABLE, &headers, None, SystemTime::UNIX_EPOCH);
/// assert_eq!(schedule.next(&busy, u32::MAX), Decision::Retry(Duration::from_millis(500)));
/// headers.insert("retry-after", "3".parse().unwrap());
/// let busy = AttemptOutcome::response(StatusCode::SERVICE_UNAVAILABLE, &headers, None, SystemTime::UNIX_EPOCH);
/// assert_eq!(schedule.next(&busy, 0), Decision::Retry(Duration::from_secs(3)));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// The maximum number of retries: one less than the number of attempts.
    pub max_retries: u32,
    /// The delay before the first retry. It doubles with each retry.
    pub base: Duration,
    /// The maximum delay, unless the server requests a longer one.
    pub cap: Option<Duration>,
    /// The smallest factor of the jitter, in percent of the delay.
    pub jitter_from: u32,
    /// The largest factor of the jitter, in percent of the delay.
    pub jitter_to: u32,
    /// The maximum wait that the server may request.
    pub max_retry_after: Option<Duration>,
    /// The statuses that are retried.
    pub statuses: RetryStatuses,
    /// Whether failures without a response are retried if
    /// [`Error::is_retryable`](crate::Error::is_retryable) returns true.
    pub failures: bool,
    /// Whether only requests that provably were not sent are retried, for requests that must not be
    /// processed twice, such as redeeming a token.
    pub only_unsent: bool,
    /// Whether `retry-after-ms` (milliseconds) takes precedence over `retry-after`.
    pub retry_after_ms: bool,
    /// Whether `x-should-retry: true` or `false` takes precedence over the statuses.
    pub should_retry: bool,
    /// Error codes that are never retried, whatever the status: for example an exhausted quota or
    /// refused content.
    pub final_codes: Cow<'static, [Cow<'static, str>]>,
    budget: Option<RetryBudget>,
}

/// The response statuses that are retried.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryStatuses {
    /// All of 500 to 599.
    pub server_errors: bool,
    /// All of 400 to 499 except those in `never`.
    pub client_errors: bool,
    /// Additional statuses that are retried.
    pub also: Cow<'static, [u16]>,
    /// Statuses that are retried if the server requests a wait.
    pub with_hint: Cow<'static, [u16]>,
    /// Statuses that are never retried.
    pub never: Cow<'static, [u16]>,
}

impl RetryPolicy {
    /// Returns a policy that never retries.
    pub fn none() -> Self {
        Self {
            max_retries: 0,
            ..Self::default()
        }
    }

    /// Returns the official client's policy for a request until its response headers arrive.
    pub fn official_request() -> Self {
        Self {
            max_retries: 4,
            statuses: RetryStatuses {
                also: Cow::Borrowed(&[]),
                ..RetryStatuses::default()
            },
            ..Self::official()
        }
    }

    /// Returns the official client's policy for a stream as a whole, in addition to that for its
    /// requests. As in that client, it includes statuses where a retry does not help.
    pub fn official_stream() -> Self {
        Self {
            max_retries: 5,
            statuses: RetryStatuses {
                client_errors: true,
                also: Cow::Borrowed(&[]),
                with_hint: Cow::Borrowed(&[429]),
                never: Cow::Borrowed(&[400]),
                ..RetryStatuses::default()
            },
            final_codes: Cow::Borrowed(OFFICIAL_FINAL_CODES),
            ..Self::official()
        }
    }

    /// Returns the policy of the official SDKs.
    pub fn official_sdk() -> Self {
        Self {
            max_retries: 2,
            max_retry_after: Some(Duration::from_secs(120)),
            statuses: RetryStatuses {
                also: Cow::Borrowed(&[408, 409, 429]),
                ..RetryStatuses::default()
            },
            ..Self::default()
        }
    }

    fn official() -> Self {
        Self {
            base: Duration::from_millis(200),
            cap: None,
            jitter_from: 90,
            jitter_to: 110,
            max_retry_after: None,
            retry_after_ms: false,
            should_retry: false,
            ..Self::default()
        }
    }

    /// Shares this budget with other tasks.
    #[must_use]
    pub fn with_budget(mut self, budget: RetryBudget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Returns the shared budget, if any. Report every success to it with [`RetryBudget::deposit`].
    pub fn budget(&self) -> Option<&RetryBudget> {
        self.budget.as_ref()
    }

    /// Returns whether a request that failed with this error code would fail again.
    pub(super) fn is_final(&self, code: Option<&str>) -> bool {
        code.is_some_and(|code| self.final_codes.iter().any(|known| known == code))
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_retries: 3,
            base: Duration::from_millis(500),
            cap: Some(Duration::from_secs(8)),
            jitter_from: 75,
            jitter_to: 100,
            max_retry_after: Some(Duration::from_secs(60)),
            statuses: RetryStatuses::default(),
            failures: true,
            only_unsent: false,
            retry_after_ms: true,
            should_retry: true,
            final_codes: Cow::Borrowed(FINAL_CODES),
            budget: None,
        }
    }
}

impl Default for RetryStatuses {
    fn default() -> Self {
        Self {
            server_errors: true,
            client_errors: false,
            also: Cow::Borrowed(&[408, 409, 425, 429]),
            with_hint: Cow::Borrowed(&[]),
            never: Cow::Borrowed(&[]),
        }
    }
}

impl RetryStatuses {
    /// Returns whether a request with this status is retried. `hint` is whether the server
    /// requested a wait.
    ///
    /// ```
    /// use codex_transport::RetryStatuses;
    ///
    /// assert!(RetryStatuses::default().permit(429, false));
    /// assert!(!RetryStatuses::default().permit(404, true));
    /// ```
    #[must_use]
    pub fn permit(&self, status: u16, hint: bool) -> bool {
        if self.never.contains(&status) || (self.with_hint.contains(&status) && !hint) {
            return false;
        }
        self.also.contains(&status)
            || self.with_hint.contains(&status)
            || (self.server_errors && (500..600).contains(&status))
            || (self.client_errors && (400..500).contains(&status))
    }
}

const FINAL_CODES: &[Cow<'static, str>] = &[
    Cow::Borrowed("insufficient_quota"),
    Cow::Borrowed("billing_hard_limit_reached"),
    Cow::Borrowed("organization_usage_limit_exceeded"),
    Cow::Borrowed("usage_limit_reached"),
    Cow::Borrowed("usage_not_included"),
    Cow::Borrowed("context_length_exceeded"),
    Cow::Borrowed("invalid_prompt"),
    Cow::Borrowed("cyber_policy"),
    Cow::Borrowed("bio_policy"),
    Cow::Borrowed("misalignment_policy_violation"),
];

const OFFICIAL_FINAL_CODES: &[Cow<'static, str>] = &[
    Cow::Borrowed("context_length_exceeded"),
    Cow::Borrowed("insufficient_quota"),
    Cow::Borrowed("usage_limit_reached"),
    Cow::Borrowed("usage_not_included"),
    Cow::Borrowed("invalid_prompt"),
    Cow::Borrowed("cyber_policy"),
    Cow::Borrowed("bio_policy"),
    Cow::Borrowed("server_is_overloaded"),
];
