//! A successful response to a refresh without tokens: how it is handled, and when the refresh token
//! is resent.

use core::time::Duration;

use bytes::Bytes;
use codex_auth::{
    CredentialSource as _, ErrorKind, Moment, OAuthProfile, Refresh, Secret, TokenSet, Verdict,
};

use crate::support::login::{
    HOUR, MINUTE, accept, apply, load, refresh_token, renewed, replace, source, stored, tokens,
};
use crate::support::{Answer, Authority, VirtualTimer, access, block_on, ok, response, start};

/// Successful responses of a portal, a proxy, a gateway or a broken authority: none of them issued
/// tokens.
fn without_tokens() -> Vec<(&'static str, Answer)> {
    let bytes = |body: &'static [u8]| {
        let mut coded = http::Response::new(Bytes::from_static(body));
        coded
            .headers_mut()
            .insert("content-encoding", "gzip".parse().unwrap());
        Answer::Full(coded)
    };
    let text = |body: &str| ok(body);
    vec![
        ("no content", Answer::Body(204, String::new())),
        ("an empty body", text("")),
        ("HTML", text("<!doctype html><title>Welcome</title>")),
        ("an empty object", text("{}")),
        ("a list", text("[]")),
        ("a cut object", text(r#"{"access_token":"acc"#)),
        ("a token that is a number", text(r#"{"access_token":5}"#)),
        ("only a type", text(r#"{"token_type":"bearer"}"#)),
        ("an unknown error", text(r#"{"error":"busy"}"#)),
        (
            "a nested error",
            text(r#"{"error":{"code":"upstream_failed","message":"no"}}"#),
        ),
        (
            "a passing error",
            text(r#"{"error":"temporarily_unavailable"}"#),
        ),
        (
            "a coded body",
            bytes(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xabV\x4a"),
        ),
        ("bytes that are no text", bytes(b"\xff\xfe{}")),
        ("a page of 100 KiB", text(&"x".repeat(100 * 1024))),
    ]
}

#[test]
fn a_success_without_tokens_is_transient_and_the_same_token_is_sent_later() {
    for (name, answer) in without_tokens() {
        let (store, timer) = (stored(tokens(1, -MINUTE)), VirtualTimer::new());
        let authority = Authority::new([answer, renewed(2, HOUR)]);
        let source = source(store.clone(), &authority, &timer);
        for _ in 0..3 {
            let error = apply(&source).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{name}");
            assert!(error.is_retryable() && !error.needs_sign_in(), "{name}");
            let status = error.status().unwrap().as_u16();
            assert_eq!(
                error.to_string(),
                format!("authority is unavailable: no tokens in the response (status {status})")
            );
        }
        assert_eq!(authority.count(), 1, "{name}: later, not at once");
        assert_eq!(refresh_token(&store), "refresh-1");
        assert!(!load(&store).is_refresh_outcome_unknown(), "{name}");

        timer.advance(Duration::from_secs(1));
        assert_eq!(apply(&source).unwrap().1, access(2, HOUR), "{name}");
        assert_eq!(authority.body(0), authority.body(1));
    }
}

#[test]
fn the_pause_doubles_up_to_half_a_minute_and_a_success_ends_it() {
    let (store, timer) = (stored(tokens(1, -MINUTE)), VirtualTimer::new());
    let authority = Authority::default();
    let source = source(store, &authority, &timer);
    for (number, pause) in [1, 2, 4, 8, 16, 32, 32, 32].into_iter().enumerate() {
        authority.push(ok("{}"));
        apply(&source).unwrap_err();
        assert_eq!(authority.count(), number + 1);
        timer.advance(Duration::from_secs(pause) - Duration::from_millis(1));
        apply(&source).unwrap_err();
        assert_eq!(authority.count(), number + 1, "after {pause} s");
        timer.advance(Duration::from_millis(1));
    }
    authority.push(renewed(2, HOUR));
    let (lease, _) = apply(&source).unwrap();
    accept(&source, lease);
    authority.push(renewed(3, HOUR));
    assert_eq!(block_on(source.rejected(lease)).unwrap(), Verdict::Retry);
}

#[test]
fn tokens_that_last_are_used_and_a_rejection_reports_the_failure() {
    let (store, timer) = (stored(tokens(1, 2 * MINUTE)), VirtualTimer::new());
    let authority = Authority::new([ok("{}")]);
    let source = source(store, &authority, &timer);
    let (lease, bearer) = apply(&source).unwrap();
    assert_eq!(bearer, access(1, 2 * MINUTE));
    for _ in 0..2 {
        let error = block_on(source.rejected(lease)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
    assert_eq!(authority.count(), 1, "not while the pause lasts");
}

#[test]
fn what_another_process_renewed_ends_the_pause() {
    let (store, timer) = (stored(tokens(1, -MINUTE)), VirtualTimer::new());
    let authority = Authority::new([ok("{}")]);
    let source = source(store.clone(), &authority, &timer);
    apply(&source).unwrap_err();
    replace(
        &store,
        &codex_auth::Record::of_tokens(tokens(2, HOUR), start()),
    );
    assert_eq!(apply(&source).unwrap().1, access(2, HOUR));
    assert_eq!(authority.count(), 1);
}

#[test]
fn a_success_with_the_error_code_of_a_refusal_is_a_refusal() {
    let cases = [
        (
            r#"{"error":{"code":"refresh_token_reused"}}"#,
            ErrorKind::RefreshReused,
        ),
        (
            r#"{"error":"refresh_token_expired"}"#,
            ErrorKind::RefreshExpired,
        ),
        (
            r#"{"code":"refresh_token_invalidated"}"#,
            ErrorKind::RefreshRevoked,
        ),
        (
            r#"{"error":"invalid_grant","error_description":"gone"}"#,
            ErrorKind::RefreshRefused,
        ),
        (r#"{"error":"invalid_client"}"#, ErrorKind::InvalidClient),
    ];
    for (body, kind) in cases {
        let (store, timer) = (stored(tokens(1, -MINUTE)), VirtualTimer::new());
        let authority = Authority::new([ok(body)]);
        let source = source(store.clone(), &authority, &timer);
        let error = apply(&source).unwrap_err();
        assert_eq!(
            (error.kind(), error.is_retryable()),
            (kind, false),
            "{body}"
        );
        assert!(!load(&store).is_refresh_outcome_unknown());
    }
}

#[test]
fn a_byte_order_mark_is_not_a_reason_to_lose_the_tokens() {
    let (store, timer) = (stored(tokens(1, -MINUTE)), VirtualTimer::new());
    let body = format!(
        "\u{feff}{{\"access_token\":\"{}\",\"refresh_token\":\"refresh-2\"}}",
        access(2, HOUR)
    );
    let source = source(store.clone(), &Authority::new([ok(body)]), &timer);
    assert_eq!(apply(&source).unwrap().1, access(2, HOUR));
    assert_eq!(refresh_token(&store), "refresh-2");
}

#[test]
fn tokens_next_to_an_error_are_tokens() {
    let (store, timer) = (stored(tokens(1, -MINUTE)), VirtualTimer::new());
    let body = format!(
        r#"{{"error":"invalid_grant","access_token":"{}","refresh_token":"refresh-2"}}"#,
        access(2, HOUR)
    );
    let source = source(store.clone(), &Authority::new([ok(body)]), &timer);
    assert_eq!(apply(&source).unwrap().1, access(2, HOUR));
    assert_eq!(refresh_token(&store), "refresh-2");
}

#[test]
fn no_part_of_such_a_body_is_in_the_error() {
    let old = TokenSet::new(Secret::from("old")).with_refresh_token(Secret::from("refresh-1"));
    let refresh = Refresh::new(&OAuthProfile::codex(), &old).unwrap();
    for body in [
        r#"{"access_token":"secret-2","refresh_tok"#,
        "secret-2",
        r#"{"message":"secret-2"}"#,
    ] {
        let error = refresh
            .read(Moment::now(), &response(200, body))
            .unwrap_err();
        assert!(error.description().is_none(), "{body}");
        assert!(!format!("{error} {error:?}").contains("secret-2"));
    }
    // The message of an error response is shown to the user.
    let body = r#"{"error":{"code":"busy","message":"try refresh-1 later"}}"#;
    let error = refresh
        .read(Moment::now(), &response(200, body))
        .unwrap_err();
    assert_eq!(
        (error.code(), error.description()),
        (Some("busy"), Some("try [secret] later"))
    );
}
