use core::fmt;
use core::time::Duration;
use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use http::{HeaderMap, StatusCode};

use crate::{Error, Sent};

/// When to try again and when not to, as plain data. It sends nothing and looks at no clock: [`Schedule::next`] takes what happened
/// and a random number, and gives back a delay or the reason to stop.
///
/// | | [`default`](Self::default) | [`official_request`](Self::official_request) | [`official_stream`](Self::official_stream) | [`official_sdk`](Self::official_sdk) |
/// |---|---|---|---|---|
/// | retries | 3 | 4 | 5 | 2 |
/// | delay | 0.5 s doubling to 8 s | 0.2 s doubling | 0.2 s doubling | 0.5 s doubling to 8 s |
/// | jitter | down to 75 % | ±10 % | ±10 % | down to 75 % |
/// | statuses | 408, 409, 425, 429, 5xx | 5xx | all but 400; 429 only with a hint | 408, 409, 429, 5xx |
/// | `retry-after` | exactly | exactly | exactly | exactly |
/// | `retry-after-ms`, `x-should-retry` | yes | no | no | yes |
/// | longest wait asked for by the server | 60 s | any | any | 120 s |
///
/// What the server asks for is honoured exactly or not at all: a longer wait than the caller has patience for ends the attempts
/// instead of being cut short, and no jitter is added to it.
///
/// ```
/// use codex_transport::{Decision, Outcome, RetryPolicy};
/// use http::{HeaderMap, StatusCode};
/// use std::time::{Duration, SystemTime};
///
/// let policy = RetryPolicy::default();
/// let mut schedule = policy.schedule();
/// let mut headers = HeaderMap::new();
/// let busy = Outcome::response(StatusCode::SERVICE_UNAVAILABLE, &headers, None, SystemTime::UNIX_EPOCH);
/// assert_eq!(schedule.next(&busy, u32::MAX), Decision::Retry(Duration::from_millis(500)));
/// headers.insert("retry-after", "3".parse().unwrap());
/// let busy = Outcome::response(StatusCode::SERVICE_UNAVAILABLE, &headers, None, SystemTime::UNIX_EPOCH);
/// assert_eq!(schedule.next(&busy, 0), Decision::Retry(Duration::from_secs(3)));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How many times to try again; one less than the number of attempts.
    pub max_retries: u32,
    /// The delay before the first retry; it doubles with each.
    pub base: Duration,
    /// The longest delay of our own.
    pub cap: Option<Duration>,
    /// The smallest factor of the jitter, in percent of the delay.
    pub jitter_from: u32,
    /// The largest.
    pub jitter_to: u32,
    /// The longest wait that the server may ask for.
    pub patience: Option<Duration>,
    /// Which statuses to try again.
    pub statuses: RetryStatuses,
    /// Whether failures without a response are tried again, as far as [`Error::is_retryable`] says so.
    pub failures: bool,
    /// Whether a request is sent again only if it provably was not sent before: for what must not happen twice, such as redeeming a
    /// token.
    pub only_unsent: bool,
    /// Whether `retry-after-ms` (milliseconds) goes before `retry-after`.
    pub retry_after_ms: bool,
    /// Whether `x-should-retry: true` or `false` overrules the statuses.
    pub should_retry: bool,
    /// Error codes that no repetition will change, whatever their status: exhausted quota, refused content.
    pub final_codes: Cow<'static, [Cow<'static, str>]>,
    budget: Option<RetryBudget>,
}

/// Which statuses to try again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryStatuses {
    /// All of 500 to 599.
    pub server_errors: bool,
    /// All of 400 to 499 but those in `never`.
    pub client_errors: bool,
    /// These as well.
    pub also: Cow<'static, [u16]>,
    /// These only if the server says when.
    pub with_hint: Cow<'static, [u16]>,
    /// These never.
    pub never: Cow<'static, [u16]>,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub struct Outcome<'a> {
    what: What<'a>,
    delivered: bool,
}

#[derive(Clone, Debug)]
enum What<'a> {
    Response {
        status: StatusCode,
        headers: &'a HeaderMap,
        code: Option<&'a str>,
        now: SystemTime,
    },
    Failure {
        error: &'a Error,
    },
    // Something the server said inside a stream or a socket.
    Event {
        code: Option<&'a str>,
        after: Option<Duration>,
    },
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "one tries again or one does not")]
pub enum Decision {
    /// Wait so long and try again.
    Retry(Duration),
    /// Give up, for this reason.
    Stop(StopReason),
}

/// Why there is no further attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// Trying again would not help.
    Final,
    /// Part of the answer was handed out already, or may have been.
    Delivered,
    /// The request may have been sent, and must not be sent twice.
    MaybeSent,
    /// Every attempt is used up.
    Exhausted,
    /// The server asked for a longer wait than we have patience for: this long.
    TooLong(Duration),
    /// The tasks that share the budget have retried too much.
    Budget,
}

/// The retries of one request.
#[derive(Clone, Debug)]
pub struct Schedule {
    policy: RetryPolicy,
    retries: u32,
}

/// A budget of retries that many tasks share, so that they cannot make a struggling server's day worse. Clones are the same budget.
///
/// A bucket of tokens: a retry takes ten, a success gives one back, up to the size of the bucket. With everything failing, the
/// requests of all tasks together come to at most 1.1 times the first attempts, plus the bucket.
///
/// ```
/// use codex_transport::RetryBudget;
///
/// let budget = RetryBudget::new(1);
/// assert!(budget.withdraw());
/// assert!(!budget.withdraw());
/// (0..10).for_each(|_| budget.deposit());
/// assert!(budget.withdraw());
/// ```
#[derive(Clone)]
pub struct RetryBudget(Arc<Bucket>);

struct Bucket {
    tokens: Mutex<u64>,
    size: u64,
}

impl RetryPolicy {
    /// Never again.
    pub fn none() -> Self {
        Self {
            max_retries: 0,
            ..Self::default()
        }
    }

    /// What the official client does before a response's head is there.
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

    /// What the official client does about a stream as a whole, beneath which it retries requests. Includes statuses where repetition
    /// is hopeless, because it does.
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

    /// What the official SDKs do.
    pub fn official_sdk() -> Self {
        Self {
            max_retries: 2,
            patience: Some(Duration::from_secs(120)),
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
            patience: None,
            retry_after_ms: false,
            should_retry: false,
            ..Self::default()
        }
    }

    /// Shares this budget.
    #[must_use]
    pub fn with_budget(mut self, budget: RetryBudget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// The budget that is shared, if one is: tell it of every success.
    pub fn budget(&self) -> Option<&RetryBudget> {
        self.budget.as_ref()
    }

    /// The schedule of one request.
    pub fn schedule(&self) -> Schedule {
        Schedule {
            policy: self.clone(),
            retries: 0,
        }
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
            patience: Some(Duration::from_secs(60)),
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
    /// Returns whether a request with this status is sent again; `hint` is whether the server asked for a wait.
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

impl<'a> Outcome<'a> {
    /// A response whose status is no success, with the `code` of its error body. `now` is what a date in `retry-after` is compared to.
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
        }
    }

    /// A failure of the transport.
    pub fn failure(error: &'a Error) -> Self {
        Self {
            what: What::Failure { error },
            delivered: false,
        }
    }

    /// A failure that the server reported inside a stream or a socket, with its code and the wait it asked for.
    pub fn event(code: Option<&'a str>, after: Option<Duration>) -> Self {
        Self {
            what: What::Event { code, after },
            delivered: false,
        }
    }

    /// Says that part of the answer has been handed out, or may have been. Then nothing is ever tried again.
    #[must_use]
    pub fn delivered(mut self, delivered: bool) -> Self {
        self.delivered = delivered;
        self
    }
}

impl Schedule {
    /// What to do after an attempt that ended like this. `jitter` is any random number, evenly distributed.
    pub fn next(&mut self, outcome: &Outcome<'_>, jitter: u32) -> Decision {
        let hint = match self.judge(outcome) {
            Ok(hint) => hint,
            Err(reason) => return Decision::Stop(reason),
        };
        if self.retries >= self.policy.max_retries {
            return Decision::Stop(StopReason::Exhausted);
        }
        if let Some(asked) = hint
            && self
                .policy
                .patience
                .is_some_and(|patience| asked > patience)
        {
            return Decision::Stop(StopReason::TooLong(asked));
        }
        if self
            .policy
            .budget
            .as_ref()
            .is_some_and(|budget| !budget.withdraw())
        {
            return Decision::Stop(StopReason::Budget);
        }
        let delay = hint.unwrap_or_else(|| self.delay(jitter));
        self.retries += 1;
        Decision::Retry(delay)
    }

    /// How many retries it has given out.
    pub fn retries(&self) -> u32 {
        self.retries
    }

    // Whether this may be tried again at all, and what the server says about when.
    fn judge(&self, outcome: &Outcome<'_>) -> Result<Option<Duration>, StopReason> {
        let policy = &self.policy;
        if outcome.delivered {
            return Err(StopReason::Delivered);
        }
        match outcome.what {
            What::Response {
                status,
                headers,
                code,
                now,
            } => {
                let hint = hint(headers, policy.retry_after_ms, now);
                let permitted = match headers
                    .get("x-should-retry")
                    .filter(|_| policy.should_retry)
                    .map(http::HeaderValue::as_bytes)
                {
                    Some(b"true") => true,
                    Some(b"false") => false,
                    _ => policy.statuses.permit(status.as_u16(), hint.is_some()),
                };
                if policy.is_final(code) || !permitted {
                    return Err(StopReason::Final);
                }
                if policy.only_unsent {
                    return Err(StopReason::MaybeSent);
                }
                Ok(hint)
            }
            What::Failure { error } => {
                if !policy.failures || !error.is_retryable() {
                    return Err(StopReason::Final);
                }
                if policy.only_unsent && error.sent() != Sent::No {
                    return Err(StopReason::MaybeSent);
                }
                Ok(None)
            }
            What::Event { code, after } => {
                if policy.is_final(code) {
                    return Err(StopReason::Final);
                }
                if policy.only_unsent {
                    return Err(StopReason::MaybeSent);
                }
                Ok(after)
            }
        }
    }

    fn delay(&self, jitter: u32) -> Duration {
        let policy = &self.policy;
        let doubled = policy
            .base
            .saturating_mul(1_u32.checked_shl(self.retries).unwrap_or(u32::MAX));
        let delay = policy.cap.map_or(doubled, |cap| doubled.min(cap));
        let span = f64::from(policy.jitter_to.saturating_sub(policy.jitter_from));
        let percent =
            f64::from(policy.jitter_from) + span * (f64::from(jitter) / f64::from(u32::MAX));
        // Seconds beyond what a duration holds cannot be waited for either.
        Duration::try_from_secs_f64(delay.as_secs_f64() * percent / 100.0).unwrap_or(Duration::MAX)
    }
}

impl RetryPolicy {
    fn is_final(&self, code: Option<&str>) -> bool {
        code.is_some_and(|code| self.final_codes.iter().any(|known| known == code))
    }
}

impl RetryBudget {
    /// A budget that allows a burst of so many retries, and one retry for ten successes after that.
    pub fn new(burst: u32) -> Self {
        let size = u64::from(burst) * RETRY_COST;
        Self(Arc::new(Bucket {
            tokens: Mutex::new(size),
            size,
        }))
    }

    /// Takes one retry out, if there is one.
    pub fn withdraw(&self) -> bool {
        let mut tokens = self.0.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        match tokens.checked_sub(RETRY_COST) {
            Some(left) => {
                *tokens = left;
                true
            }
            None => false,
        }
    }

    /// Says that a request succeeded.
    pub fn deposit(&self) {
        let mut tokens = self.0.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        *tokens = (*tokens + 1).min(self.0.size);
    }
}

impl fmt::Debug for RetryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryBudget")
            .field("burst", &(self.0.size / RETRY_COST))
            .finish_non_exhaustive()
    }
}

/// How long the server asks to wait: `retry-after-ms` in milliseconds, else `retry-after` in seconds (with or without a fraction) or
/// as a date, which is compared to `now`; a date that is over asks for nothing. RFC 9110 section 10.2.3.
///
/// ```
/// use codex_transport::retry_after;
/// use http::HeaderMap;
/// use std::time::{Duration, SystemTime};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("retry-after", "Thu, 01 Jan 1970 00:02:00 GMT".parse().unwrap());
/// assert_eq!(retry_after(&headers, SystemTime::UNIX_EPOCH), Some(Duration::from_secs(120)));
/// headers.insert("retry-after-ms", "1500".parse().unwrap());
/// assert_eq!(retry_after(&headers, SystemTime::UNIX_EPOCH), Some(Duration::from_millis(1500)));
/// ```
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    hint(headers, true, now)
}

fn hint(headers: &HeaderMap, milliseconds: bool, now: SystemTime) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(period) = text("retry-after-ms")
        .filter(|_| milliseconds)
        .and_then(|text| seconds(text, 1000.0))
    {
        return Some(period);
    }
    let value = text("retry-after")?;
    if let Some(period) = seconds(value, 1.0) {
        return Some(period);
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

fn seconds(text: &str, per_second: f64) -> Option<Duration> {
    // No sign, no exponent, no name of a number: what parses as a float and is not digits is not what the header allows.
    if text.is_empty()
        || !text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        return None;
    }
    // A wait beyond what a duration holds is longer than anybody's patience.
    let value: f64 = text.parse().ok()?;
    Some(Duration::try_from_secs_f64(value / per_second).unwrap_or(Duration::MAX))
}

const RETRY_COST: u64 = 10;

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
