//! Retries: a wait that the server requests is kept exactly or ends the retries, a computed delay
//! stays within its bounds, nothing is retried more often than allowed, and nothing at all once
//! something was delivered.
#![no_main]

use std::time::{Duration, SystemTime};

use codex_transport::{AttemptOutcome, Decision, RetryPolicy, StopReason, retry_after};
use http::{HeaderMap, HeaderValue, StatusCode};
use libfuzzer_sys::fuzz_target;

/// Status, `retry-after`, `retry-after-ms`, whether something was delivered, jitter.
type Attempt = (u16, Vec<u8>, Vec<u8>, bool, u32);

fuzz_target!(|input: (u8, Vec<Attempt>, u32)| {
    let (preset, attempts, now) = input;
    let policy = match preset % 4 {
        0 => RetryPolicy::default(),
        1 => RetryPolicy::official_request(),
        2 => RetryPolicy::official_stream(),
        _ => RetryPolicy::official_sdk(),
    };
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now.into());
    let mut schedule = policy.schedule();
    for (status, seconds, milliseconds, delivered, jitter) in attempts {
        let Ok(status) = StatusCode::from_u16(400 + status % 200) else {
            continue;
        };
        let mut headers = HeaderMap::new();
        for (name, value) in [("retry-after", seconds), ("retry-after-ms", milliseconds)] {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.insert(name, value);
            }
        }
        if !policy.retry_after_ms {
            headers.remove("retry-after-ms");
        }
        let asked = retry_after(&headers, now);
        let before = schedule.retries();
        let decision = schedule.next(
            &AttemptOutcome::response(status, &headers, None, now).delivered(delivered),
            jitter,
        );
        match decision {
            Decision::Retry(delay) => {
                assert!(!delivered && before < policy.max_retries);
                match asked {
                    Some(asked) => assert_eq!(delay, asked),
                    None => {
                        let doubled = policy.base * 2_u32.pow(before);
                        let longest = policy.cap.map_or(doubled, |cap| doubled.min(cap));
                        assert!(
                            delay <= longest * policy.jitter_to / 100 + Duration::from_micros(1)
                        );
                        assert!(
                            delay + Duration::from_micros(1) >= longest * policy.jitter_from / 100
                        );
                    }
                }
            }
            Decision::Stop(StopReason::TooLong(wait)) => {
                assert_eq!(Some(wait), asked);
                assert!(
                    policy
                        .max_retry_after
                        .is_some_and(|max_retry_after| wait > max_retry_after)
                );
            }
            Decision::Stop(reason) => assert!(!delivered || reason == StopReason::Delivered),
        }
    }
});
