//! The retries of one request.

use core::time::Duration;

use crate::error::Sent;
use crate::retry::after;
use crate::retry::outcome::{AttemptOutcome, What};
use crate::retry::policy::RetryPolicy;

/// The next step after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "callers must handle both variants")]
pub enum Decision {
    /// Wait this long and retry.
    Retry(Duration),
    /// Stop, for this reason.
    Stop(StopReason),
}

/// The reason why there is no further attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// A retry would not help.
    Final,
    /// Part of the response has, or may have, reached the consumer.
    Delivered,
    /// The request may have been sent and must not be sent twice.
    MaybeSent,
    /// All retries have been used.
    Exhausted,
    /// The server requested a wait of this length, longer than the policy allows.
    TooLong(Duration),
    /// The shared budget is exhausted.
    Budget,
}

/// The retry schedule of one request.
#[derive(Clone, Debug)]
pub struct Schedule {
    policy: RetryPolicy,
    retries: u32,
}

impl RetryPolicy {
    /// Starts the schedule of one request.
    pub fn schedule(&self) -> Schedule {
        Schedule {
            policy: self.clone(),
            retries: 0,
        }
    }
}

impl Schedule {
    /// Decides what to do after an attempt with this outcome. `jitter` is a uniformly distributed
    /// random number.
    pub fn next(&mut self, outcome: &AttemptOutcome<'_>, jitter: u32) -> Decision {
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
                .max_retry_after
                .is_some_and(|max_retry_after| asked > max_retry_after)
        {
            return Decision::Stop(StopReason::TooLong(asked));
        }
        if self
            .policy
            .budget()
            .is_some_and(|budget| !budget.withdraw())
        {
            return Decision::Stop(StopReason::Budget);
        }
        let delay = hint.unwrap_or_else(|| self.delay(jitter));
        self.retries += 1;
        Decision::Retry(delay)
    }

    /// Returns the number of retries so far.
    pub fn retries(&self) -> u32 {
        self.retries
    }

    // Returns the wait that the server requests, or why this outcome is not retried.
    fn judge(&self, outcome: &AttemptOutcome<'_>) -> Result<Option<Duration>, StopReason> {
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
                let hint = after::hint(headers, policy.retry_after_ms, now).or(outcome.asked);
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
                Ok(outcome.asked)
            }
            What::Event { code, after } => {
                if policy.is_final(code) {
                    return Err(StopReason::Final);
                }
                if policy.only_unsent {
                    return Err(StopReason::MaybeSent);
                }
                Ok(after.or(outcome.asked))
            }
            What::Unsent if !policy.failures => Err(StopReason::Final),
            What::Unsent => Ok(outcome.asked),
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
        // A delay longer than a duration can represent is an endless wait.
        Duration::try_from_secs_f64(delay.as_secs_f64() * percent / 100.0).unwrap_or(Duration::MAX)
    }
}
