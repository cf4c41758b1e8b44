//! Errors and rate limits in the forms in which servers have been seen to send them.

use core::time::Duration;

use codex_types::*;

#[test]
fn all_forms_are_read_alike() {
    for body in [
        r#"{"type":"error","code":"rate_limit_exceeded","message":"slow"}"#,
        r#"{"error":{"code":"rate_limit_exceeded","message":"slow"}}"#,
        r#"{"type":"error","status":429,"error":{"code":"rate_limit_exceeded","message":"slow"}}"#,
        r#"{"response":{"id":"r","error":{"code":"rate_limit_exceeded","message":"slow"}}}"#,
    ] {
        let event = ErrorEvent::from_body(body.as_bytes());
        let error = event.to_api_error();
        assert_eq!(error.code, Some(ErrorCode::RateLimitExceeded), "{body}");
        assert_eq!(error.message, "slow", "{body}");
        assert_eq!(event.category(), ErrorCategory::RateLimit, "{body}");
    }
    let detail = ErrorEvent::from_body(br#"{"detail":[{"msg":"x"}]}"#);
    assert_eq!(detail.to_api_error().message, "x");
    // The body that FastAPI repeats is omitted.
    let echo = ErrorEvent::from_body(
        br#"{"detail":[{"type":"missing","loc":["body","input",0,"role"],"msg":"Field required","input":{"content":"canary"},"ctx":{"given":"canary"}}]}"#,
    );
    assert_eq!(
        echo.to_api_error().message,
        "body.input.0.role: Field required"
    );
    let object = ErrorEvent::from_body(br#"{"detail":{"message":"no","input":"canary"}}"#);
    assert_eq!(object.to_api_error().message, "no");
    let oauth = ErrorEvent::from_body(br#"{"error":"invalid_grant","error_description":"gone"}"#);
    assert_eq!(oauth.to_api_error().to_string(), "invalid_grant: gone");
    let html = ErrorEvent::from_body(b"  <html><head><title> Blocked </title></head>");
    assert_eq!(html.to_api_error().message, "Blocked");
    assert_eq!(
        ErrorEvent::from_body(b"").to_api_error().to_string(),
        "the service gave no reason"
    );
    let long = ErrorEvent::from_body("é".repeat(2000).as_bytes())
        .message
        .unwrap();
    assert_eq!(long.len(), 1003);
    assert!(ErrorEvent::from_body(&[0xff, 0xfe]).message.is_some());
}

#[test]
fn an_event_without_a_type_that_holds_an_error_is_one() {
    for json in [
        r#"{"error":{"message":"m"}}"#,
        r#"{"status":500,"error":"m"}"#,
    ] {
        let event = ResponseEvent::from_json(json).unwrap();
        assert_eq!(event.event_kind(), EventKind::Error);
        assert!(event.is_terminal());
        assert_eq!(event.error().unwrap().message, "m");
        assert_eq!(event.to_json().unwrap().len(), json.len());
    }
    let null = ResponseEvent::from_json(r#"{"error":null,"id":1}"#).unwrap();
    assert!(!null.is_known());
}

#[test]
fn a_status_counts_only_when_nothing_else_is_known() {
    let of = |json: &str| ErrorEvent::from_body(json.as_bytes()).category();
    assert_eq!(
        of(r#"{"status_code":401,"error":{"message":"m"}}"#),
        ErrorCategory::Authentication
    );
    assert_eq!(
        of(r#"{"status":429,"error":{"type":"usage_limit_reached"}}"#),
        ErrorCategory::UsageLimit
    );
    assert_eq!(
        of(r#"{"status":400,"error":{"code":"zz","type":"zz"}}"#),
        ErrorCategory::InvalidRequest
    );
    assert_eq!(of(r#"{"error":{"code":"zz"}}"#), ErrorCategory::Unknown);
    assert_eq!(of(r#"{"status":503}"#), ErrorCategory::Overloaded);
}

/// As LiteLLM, OpenRouter and proxies of other vendors send them in the middle of a stream.
#[test]
fn types_of_other_vendors_and_statuses_as_codes_have_a_category() {
    for (error, expected) in [
        (
            r#"{"message":"m","type":"rate_limit_error"}"#,
            ErrorCategory::RateLimit,
        ),
        (
            r#"{"message":"m","type":"throttling_error","code":"429"}"#,
            ErrorCategory::RateLimit,
        ),
        (r#"{"message":"m","code":"429"}"#, ErrorCategory::RateLimit),
        (r#"{"message":"m","code":502}"#, ErrorCategory::Server),
        (
            r#"{"message":"m","code":"401"}"#,
            ErrorCategory::Authentication,
        ),
        (
            r#"{"message":"m","type":"overloaded_error"}"#,
            ErrorCategory::Overloaded,
        ),
        (
            r#"{"message":"m","type":"api_error"}"#,
            ErrorCategory::Server,
        ),
        (
            r#"{"message":"m","type":"timeout_error"}"#,
            ErrorCategory::Server,
        ),
        (
            r#"{"message":"m","type":"billing_error"}"#,
            ErrorCategory::Quota,
        ),
        (
            r#"{"message":"m","type":"not_found_error"}"#,
            ErrorCategory::InvalidRequest,
        ),
        (
            r#"{"message":"m","type":"request_too_large"}"#,
            ErrorCategory::InvalidRequest,
        ),
        (r#"{"message":"m","code":"1302"}"#, ErrorCategory::Unknown),
        (r#"{"message":"m","code":"200"}"#, ErrorCategory::Unknown),
    ] {
        let event = ErrorEvent::from_body(format!(r#"{{"error":{error}}}"#).as_bytes());
        assert_eq!(event.to_api_error().category(), expected, "{error}");
    }
}

#[test]
fn the_time_to_wait() {
    let wait = |json: &str| {
        ErrorEvent::from_body(json.as_bytes())
            .to_api_error()
            .retry_after()
    };
    assert_eq!(
        wait(r#"{"error":{"message":"try again in 9s"},"headers":{"Retry-After":"2"}}"#),
        Some(Duration::from_secs(2))
    );
    assert_eq!(
        wait(r#"{"error":{"message":""},"headers":{"retry-after-ms":1500,"retry-after":9}}"#),
        Some(Duration::from_millis(1500))
    );
    assert_eq!(
        wait(r#"{"error":{"resets_in_seconds":5400}}"#),
        Some(Duration::from_secs(5400))
    );
    assert_eq!(
        wait(r#"{"error":{"message":"try again in 250ms"}}"#),
        Some(Duration::from_millis(250))
    );
    assert_eq!(
        wait(r#"{"error":{"resets_in_seconds":-1,"message":"m"}}"#),
        None
    );
    assert_eq!(
        wait(r#"{"error":{"message":"m"},"headers":{"retry-after":"Wed, 21 Oct"}}"#),
        None
    );
}

#[test]
fn every_code_has_a_category() {
    for code in ErrorCode::VALUES {
        assert_ne!(
            ErrorCode::from(*code).category(),
            ErrorCategory::Unknown,
            "{code}"
        );
    }
}

#[test]
fn what_is_refused_to_an_application_is_refused_for_good() {
    let of = |code: &str| ErrorCode::from(code).category();
    for (code, category) in [
        (
            "subscription_sharing_v2_user_not_eligible",
            ErrorCategory::Permission,
        ),
        (
            "subscription_sharing_v2_invalid_user",
            ErrorCategory::Authentication,
        ),
        (
            "subscription_sharing_v2_user_unavailable",
            ErrorCategory::Overloaded,
        ),
        ("subscription_sharing_v2_v2_", ErrorCategory::Permission),
        (
            "subscription_sharing_of_tomorrow",
            ErrorCategory::Permission,
        ),
        ("chatpass_of_tomorrow", ErrorCategory::Permission),
        ("of_tomorrow", ErrorCategory::Unknown),
    ] {
        assert_eq!(of(code), category, "{code}");
    }
    let error = ErrorEvent::from_body(
        br#"{"error":{"code":"subscription_sharing_usage_limit_exceeded","message":"m"}}"#,
    );
    assert_eq!(
        error.to_api_error().category_with_status(Some(429)),
        ErrorCategory::UsageLimit
    );
    assert!(!error.category().is_retryable());
    let expired = ErrorEvent::from_body(br#"{"detail":{"error_code":"invalid_token"}}"#);
    assert_eq!(expired.category(), ErrorCategory::Authentication);
}

#[test]
fn limits_from_headers() {
    let limits = RateLimits::from_headers([
        ("X-Codex-Primary-Used-Percent", "42.5"),
        ("x-codex-primary-window-minutes", "300"),
        ("x-codex-primary-reset-at", "1767225600"),
        ("x-codex-secondary-used-percent", "0"),
        ("x-codex-bengalfox-primary-used-percent", "7"),
        ("x-codex-bengalfox-limit-name", "Fox"),
        ("x-codex-active-limit", "premium"),
        ("x-codex-credits-has-credits", "True"),
        ("x-codex-credits-unlimited", "0"),
        ("x-codex-credits-balance", " "),
        ("x-codex-plan-type", "plus"),
        ("x-codex-rate-limit-reached-type", "zz"),
        ("x-ratelimit-limit-requests", "60"),
        ("x-ratelimit-remaining-requests", "59"),
        ("x-ratelimit-reset-requests", "1m30s"),
        ("x-codex-other-primary-used-percent", "NaN"),
    ]);
    let ids: Vec<_> = limits
        .limits
        .iter()
        .map(|limit| limit.id.as_str())
        .collect();
    assert_eq!(ids, ["codex", "codex_bengalfox"]);
    assert_eq!(
        limits.limit("Codex-Bengalfox").unwrap().name.as_deref(),
        Some("Fox")
    );
    // The named limit has no data, so the default one counts.
    let active = limits.active().unwrap();
    assert_eq!(active.id, "codex");
    assert_eq!(active.primary.unwrap().resets_at, Some(1_767_225_600));
    assert_eq!(active.secondary, None);
    let credits = limits.credits.unwrap();
    assert!(credits.has_credits && !credits.unlimited && credits.balance.is_none());
    assert_eq!(limits.plan_type, Some(PlanType::Plus));
    assert_eq!(limits.reached.unwrap(), "zz");
    assert_eq!(
        limits.requests.unwrap().reset,
        Some(Duration::from_secs(90))
    );
    assert!(RateLimits::from_headers([("content-type", "x")]).is_empty());
}

#[test]
fn limits_from_an_error_and_an_event() {
    let error = ErrorEvent::from_body(
        br#"{"type":"error","status_code":429,
            "error":{"type":"usage_limit_reached","plan_type":"pro","resets_at":1767225600,"eligible_promo":null},
            "headers":{"X-Codex-Primary-Used-Percent":100,"X-Codex-Primary-Window-Minutes":["300"],
                       "X-Codex-Credits-Has-Credits":"False","X-Codex-Credits-Unlimited":false}}"#,
    );
    let limits = RateLimits::from_error(&error);
    let window = limits.active().unwrap().primary.unwrap();
    assert_eq!(
        (window.used_percent, window.window_minutes),
        (100.0, Some(300))
    );
    assert_eq!(limits.plan_type, Some(PlanType::Pro));
    assert_eq!(limits.resets_at, Some(1_767_225_600));
    assert!(!limits.credits.as_ref().unwrap().has_credits);

    let event = ResponseEvent::from_json(
        r#"{"type":"codex.rate_limits","plan_type":"plus","metered_limit_name":"codex-fox",
            "rate_limits":{"allowed":true,"limit_reached":false,"primary":{"used_percent":5,"window_minutes":300}}}"#,
    )
    .unwrap();
    let ResponseEvent::RateLimits(event) = event else {
        unreachable!("the event is known")
    };
    let mut all = limits;
    all.update(RateLimits::from_event(&event));
    assert_eq!(all.limits.len(), 2);
    assert_eq!(all.active().unwrap().id, "codex_fox");
    assert_eq!(all.plan_type, Some(PlanType::Plus));
    assert_eq!(all.resets_at, None);
}

#[test]
fn an_error_is_shown_on_one_line_and_not_at_length() {
    let mut error = ApiError::new("bad_value", "first\r\n\u{1b}[2Jsecond\u{202e}third");
    error.kind = Some("invalid_request_error".into());
    error.param = Some("input[0].content".into());
    assert_eq!(
        error.to_string(),
        "bad_value: first [2Jsecond third (type invalid_request_error, param input[0].content)"
    );
    error.param = Some("a text with spaces".into());
    error.message = "x".repeat(10_000);
    assert_eq!(error.shown_message().chars().count(), 503);
    assert_eq!(error.shown_param(), None);
    error.message.clear();
    assert_eq!(error.to_string(), "bad_value (type invalid_request_error)");
}
