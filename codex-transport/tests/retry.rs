//! The retry schedule, row by row.

use core::time::Duration;
use std::time::SystemTime;

use codex_transport::{
    AttemptOutcome, Decision, Error, ErrorKind, Phase, RetryBudget, RetryPolicy, Sent, StopReason,
    TimeoutKind, retry_after,
};
use http::{HeaderMap, HeaderName, StatusCode};

const MS: fn(u64) -> Duration = Duration::from_millis;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
        .collect()
}

fn after(
    policy: &RetryPolicy,
    status: u16,
    pairs: &[(&'static str, &'static str)],
    code: Option<&str>,
) -> Decision {
    let headers = headers(pairs);
    let outcome = AttemptOutcome::response(
        StatusCode::from_u16(status).unwrap(),
        &headers,
        code,
        SystemTime::UNIX_EPOCH,
    );
    policy.schedule().next(&outcome, u32::MAX / 2)
}

fn retries(policy: &RetryPolicy, status: u16) -> bool {
    matches!(after(policy, status, &[], None), Decision::Retry(_))
}

#[test]
fn statuses_by_preset() {
    for (status, ours, request, stream, sdk) in [
        (400, false, false, false, false),
        (401, false, false, true, false),
        (403, false, false, true, false),
        (404, false, false, true, false),
        (408, true, false, true, true),
        (409, true, false, true, true),
        (413, false, false, true, false),
        (425, true, false, true, false),
        (429, true, false, false, true),
        (500, true, true, true, true),
        (502, true, true, true, true),
        (503, true, true, true, true),
        (504, true, true, true, true),
        (529, true, true, true, true),
    ] {
        assert_eq!(
            retries(&RetryPolicy::default(), status),
            ours,
            "default {status}"
        );
        assert_eq!(
            retries(&RetryPolicy::official_request(), status),
            request,
            "request {status}"
        );
        assert_eq!(
            retries(&RetryPolicy::official_stream(), status),
            stream,
            "stream {status}"
        );
        assert_eq!(
            retries(&RetryPolicy::official_sdk(), status),
            sdk,
            "sdk {status}"
        );
    }
}

#[test]
fn the_official_delays() {
    let expected = [180, 360, 720, 1440, 2880];
    for (jitter, percent) in [(0, 90), (u32::MAX, 110)] {
        let mut schedule = RetryPolicy::official_stream().schedule();
        let headers = HeaderMap::new();
        let outcome = AttemptOutcome::response(
            StatusCode::BAD_GATEWAY,
            &headers,
            None,
            SystemTime::UNIX_EPOCH,
        );
        for base in expected {
            let Decision::Retry(delay) = schedule.next(&outcome, jitter) else {
                unreachable!()
            };
            let wanted = MS(base * percent / 90);
            assert!(delay.abs_diff(wanted) < MS(1), "{delay:?} {wanted:?}");
        }
        assert_eq!(
            schedule.next(&outcome, jitter),
            Decision::Stop(StopReason::Exhausted)
        );
        assert_eq!(schedule.retries(), 5);
    }
    assert_eq!(RetryPolicy::official_request().max_retries, 4);
    assert_eq!(RetryPolicy::official_stream().cap, None);
    let sdk = RetryPolicy::official_sdk();
    assert_eq!(sdk.max_retries, 2);
    assert_eq!(sdk.max_retry_after, Some(MS(120_000)));
}

#[test]
fn our_delays_are_capped_and_jittered_downwards_only() {
    let mut policy = RetryPolicy::default();
    policy.max_retries = 40;
    let headers = HeaderMap::new();
    let outcome = AttemptOutcome::response(
        StatusCode::BAD_GATEWAY,
        &headers,
        None,
        SystemTime::UNIX_EPOCH,
    );
    let mut low = policy.schedule();
    let mut high = policy.schedule();
    for retry in 0..40_u32 {
        let full = MS(500)
            .saturating_mul(1 << retry.min(10))
            .min(Duration::from_secs(8));
        assert_eq!(high.next(&outcome, u32::MAX), Decision::Retry(full));
        assert_eq!(low.next(&outcome, 0), Decision::Retry(full * 3 / 4));
    }
}

#[test]
fn the_requested_wait_is_honored_exactly_or_ends_the_attempts() {
    let ours = RetryPolicy::default();
    let stream = RetryPolicy::official_stream();
    assert_eq!(
        after(&ours, 503, &[("retry-after", "3")], None),
        Decision::Retry(Duration::from_secs(3))
    );
    assert_eq!(
        after(&ours, 503, &[("retry-after", "0")], None),
        Decision::Retry(Duration::ZERO)
    );
    assert_eq!(
        after(&ours, 429, &[("retry-after", "60")], None),
        Decision::Retry(Duration::from_secs(60))
    );
    assert_eq!(
        after(&ours, 429, &[("retry-after", "61")], None),
        Decision::Stop(StopReason::TooLong(Duration::from_secs(61)))
    );
    assert_eq!(
        after(
            &ours,
            429,
            &[("retry-after-ms", "250"), ("retry-after", "9")],
            None
        ),
        Decision::Retry(MS(250))
    );
    // The official client waits for as long as the server requests, retries a 429 only then, and
    // does not read milliseconds.
    assert_eq!(
        after(&stream, 429, &[("retry-after", "3600")], None),
        Decision::Retry(Duration::from_secs(3600))
    );
    assert_eq!(
        after(&stream, 429, &[("retry-after-ms", "250")], None),
        Decision::Stop(StopReason::Final)
    );
    assert_eq!(
        after(
            &RetryPolicy::official_request(),
            503,
            &[("retry-after", "3")],
            None
        ),
        Decision::Retry(Duration::from_secs(3))
    );
}

#[test]
fn retry_after_in_all_its_forms() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    for (text, expected) in [
        ("120", Some(Duration::from_secs(120))),
        ("1.5", Some(MS(1500))),
        (" 7 ", Some(Duration::from_secs(7))),
        (
            "Sun, 06 Nov 1994 08:49:39 GMT",
            Some(Duration::from_secs(2)),
        ),
        (
            "Sunday, 06-Nov-94 08:49:39 GMT",
            Some(Duration::from_secs(2)),
        ),
        ("Sun Nov  6 08:49:39 1994", Some(Duration::from_secs(2))),
        ("Sun, 06 Nov 1994 08:00:00 GMT", Some(Duration::ZERO)),
        ("99999999999999999999999999", Some(Duration::MAX)),
        ("-1", None),
        ("1e3", None),
        ("inf", None),
        ("NaN", None),
        ("1.2.3", None),
        ("", None),
        ("soon", None),
    ] {
        let mut map = HeaderMap::new();
        map.insert("retry-after", text.parse().unwrap());
        assert_eq!(retry_after(&map, now), expected, "{text:?}");
    }
}

#[test]
fn the_server_may_overrule_the_status() {
    let ours = RetryPolicy::default();
    assert!(matches!(
        after(&ours, 400, &[("x-should-retry", "true")], None),
        Decision::Retry(_)
    ));
    assert_eq!(
        after(&ours, 500, &[("x-should-retry", "false")], None),
        Decision::Stop(StopReason::Final)
    );
    assert!(matches!(
        after(
            &RetryPolicy::official_stream(),
            500,
            &[("x-should-retry", "false")],
            None
        ),
        Decision::Retry(_)
    ));
}

#[test]
fn an_exhausted_quota_is_final_whatever_the_status() {
    for code in [
        "insufficient_quota",
        "usage_limit_reached",
        "usage_not_included",
    ] {
        for policy in [RetryPolicy::default(), RetryPolicy::official_stream()] {
            let decision = after(
                &policy,
                429,
                &[("retry-after", "1"), ("x-should-retry", "true")],
                Some(code),
            );
            assert_eq!(decision, Decision::Stop(StopReason::Final), "{code}");
            assert_eq!(
                policy
                    .schedule()
                    .next(&AttemptOutcome::event(Some(code), None), 0),
                Decision::Stop(StopReason::Final)
            );
        }
    }
    // An overload ends the official stream loop after its request loop has retried; the default
    // policy only waits.
    assert!(matches!(
        after(
            &RetryPolicy::default(),
            503,
            &[],
            Some("server_is_overloaded")
        ),
        Decision::Retry(_)
    ));
    assert!(matches!(
        after(
            &RetryPolicy::official_request(),
            503,
            &[],
            Some("server_is_overloaded")
        ),
        Decision::Retry(_)
    ));
    assert_eq!(
        after(
            &RetryPolicy::official_stream(),
            503,
            &[],
            Some("server_is_overloaded")
        ),
        Decision::Stop(StopReason::Final)
    );
    let hinted = AttemptOutcome::event(Some("rate_limit_exceeded"), Some(MS(1500)));
    assert_eq!(
        RetryPolicy::official_stream().schedule().next(&hinted, 0),
        Decision::Retry(MS(1500))
    );
}

#[test]
fn failures_by_kind_and_by_whether_the_request_was_sent() {
    let error = |kind, sent| Error::new(kind, Phase::Headers, sent);
    let next = |policy: &RetryPolicy, error: &Error| {
        policy.schedule().next(&AttemptOutcome::failure(error), 0)
    };
    let ours = RetryPolicy::default();
    let mut careful = RetryPolicy::default();
    careful.only_unsent = true;
    for (kind, sent, retried, retried_carefully) in [
        (ErrorKind::Connect, Sent::No, true, true),
        (ErrorKind::Dns, Sent::No, true, true),
        (ErrorKind::ConnectionLost, Sent::Maybe, true, false),
        (
            ErrorKind::Timeout(TimeoutKind::Headers),
            Sent::Maybe,
            true,
            false,
        ),
        (ErrorKind::Truncated, Sent::Yes, true, false),
        (ErrorKind::Certificate, Sent::No, false, false),
        (ErrorKind::Protocol, Sent::Yes, false, false),
        (ErrorKind::TooLarge, Sent::Yes, false, false),
    ] {
        let error = error(kind, sent);
        assert_eq!(
            matches!(next(&ours, &error), Decision::Retry(_)),
            retried,
            "{error:?}"
        );
        assert_eq!(
            matches!(next(&careful, &error), Decision::Retry(_)),
            retried_carefully,
            "{error:?}"
        );
    }
    let mut without_failures = RetryPolicy::default();
    without_failures.failures = false;
    let unsent = |policy: &RetryPolicy| policy.schedule().next(&AttemptOutcome::unsent(), 0);
    assert!(matches!(unsent(&careful), Decision::Retry(_)));
    assert_eq!(unsent(&without_failures), Decision::Stop(StopReason::Final));
    let lost = error(ErrorKind::ConnectionLost, Sent::Yes);
    let delivered = AttemptOutcome::failure(&lost).delivered(true);
    assert_eq!(
        ours.schedule().next(&delivered, 0),
        Decision::Stop(StopReason::Delivered)
    );
    assert_eq!(next(&careful, &lost), Decision::Stop(StopReason::MaybeSent));
    assert_eq!(
        next(&RetryPolicy::none(), &lost),
        Decision::Stop(StopReason::Exhausted)
    );
}

// A thousand tasks against a server on which everything fails: together they may send at most 1.1
// times their first attempts, plus the burst.
#[test]
fn a_budget_holds_a_storm() {
    let budget = RetryBudget::new(50);
    let policy = RetryPolicy::default().with_budget(budget);
    let headers = HeaderMap::new();
    let outcome = AttemptOutcome::response(
        StatusCode::SERVICE_UNAVAILABLE,
        &headers,
        None,
        SystemTime::UNIX_EPOCH,
    );
    let mut requests = 0;
    let mut schedules: Vec<_> = (0..1000).map(|_| policy.schedule()).collect();
    for schedule in &mut schedules {
        requests += 1;
        while let Decision::Retry(_) = schedule.next(&outcome, 7) {
            requests += 1;
        }
    }
    assert_eq!(requests, 1050);
    assert_eq!(
        schedules[999].next(&outcome, 0),
        Decision::Stop(StopReason::Budget)
    );
    // If every second request succeeds, the retries may be a tenth of the successes.
    let policy = RetryPolicy::default().with_budget(RetryBudget::new(0));
    (0..1000).for_each(|_| policy.budget().unwrap().deposit());
    assert_eq!(
        policy.schedule().next(&outcome, 0),
        Decision::Stop(StopReason::Budget)
    );
}

#[test]
fn ten_successes_pay_for_one_retry_up_to_the_burst() {
    let budget = RetryBudget::new(2);
    assert_eq!(format!("{budget:?}"), "RetryBudget { burst: 2, .. }");
    let withdrawn = || core::iter::repeat_with(|| budget.withdraw()).take_while(|&it| it);
    assert_eq!(withdrawn().count(), 2);
    (0..9).for_each(|_| budget.deposit());
    assert_eq!(withdrawn().count(), 0);
    budget.deposit();
    assert_eq!(withdrawn().count(), 1);
    (0..100).for_each(|_| budget.deposit());
    assert_eq!(withdrawn().count(), 2);
}
