//! Device login, on a virtual clock.

use core::time::Duration;

use codex_auth::{
    DeviceFlow, ErrorKind, MemoryStore, Moment, OAuthProfile, Prompt, SendFailure, SignIn,
    SignInFlow as _, Step, Timer as _, TokenStore as _, drive, store_sign_in,
};

use crate::support::{self, Answer, Authority, VirtualTimer, block_on, id, member, ok, response};

const CODE: &str = r#"{"device_auth_id":"device-1","user_code":"ABCD-12345","interval":"5"}"#;
const AUTHORIZED: &str =
    r#"{"authorization_code":"code-1","code_challenge":"c","code_verifier":"verifier-1"}"#;

fn tokens() -> String {
    format!(
        r#"{{"id_token":"{}","access_token":"access-1","refresh_token":"refresh-1"}}"#,
        id("acct-1")
    )
}

fn pending(status: u16) -> Answer {
    Answer::Body(status, String::new())
}

fn run(
    profile: &OAuthProfile,
    authority: &Authority,
    timer: &VirtualTimer,
) -> (Result<SignIn, codex_auth::Error>, Vec<Prompt>) {
    let mut shown = Vec::new();
    let flow = DeviceFlow::new(profile).unwrap();
    let result = block_on(drive(
        flow,
        authority,
        timer,
        |prompt| shown.push(prompt.clone()),
        |_| Ok(()),
    ));
    (result, shown)
}

#[test]
fn pending_answers_are_waited_out_and_the_result_is_stored_without_an_api_key() {
    let (timer, store, profile) = (
        VirtualTimer::new(),
        MemoryStore::new(),
        OAuthProfile::codex(),
    );
    let authority = Authority::new([
        ok(CODE),
        pending(404),
        pending(403),
        ok(AUTHORIZED),
        ok(tokens()),
    ]);
    let (signed_in, shown) = run(&profile, &authority, &timer);
    let signed_in = signed_in.unwrap();

    assert_eq!(shown.len(), 1);
    assert_eq!(
        (shown[0].url(), shown[0].user_code()),
        ("https://auth.openai.com/codex/device", Some("ABCD-12345"))
    );
    assert_eq!(shown[0].time_limit(), Duration::from_secs(15 * 60));
    assert_eq!(
        timer.elapsed(),
        Duration::from_secs(10),
        "the first question at once, then every five seconds"
    );
    assert_eq!(
        authority.paths(),
        [
            "/api/accounts/deviceauth/usercode",
            "/api/accounts/deviceauth/token",
            "/api/accounts/deviceauth/token",
            "/api/accounts/deviceauth/token",
            "/oauth/token"
        ]
    );
    assert_eq!(
        authority.body(0),
        "{\"client_id\":\"app_EMoamEEZ73f0CkXaXp7hrann\"}"
    );
    assert_eq!(
        authority.body(1),
        "{\"device_auth_id\":\"device-1\",\"user_code\":\"ABCD-12345\"}"
    );
    let exchange = authority.body(4);
    assert_eq!(
        authority.header(4, "content-type"),
        "application/x-www-form-urlencoded"
    );
    for (name, value) in [
        ("grant_type", "authorization_code"),
        ("code", "code-1"),
        ("code_verifier", "verifier-1"),
        ("client_id", "app_EMoamEEZ73f0CkXaXp7hrann"),
        (
            "redirect_uri",
            "https://auth.openai.com/deviceauth/callback",
        ),
    ] {
        assert_eq!(member(&exchange, name).as_deref(), Some(value), "{name}");
    }

    block_on(store_sign_in(
        &profile, &store, &authority, &timer, &signed_in,
    ))
    .unwrap();
    let record = store.load().unwrap().unwrap().into_record();
    assert!(record.api_key().is_none());
    assert_eq!(record.tokens().unwrap().account_id().unwrap().0, "acct-1");
    assert_eq!(record.last_refresh(), Some(timer.now().wall()));
}

#[test]
fn the_interval_may_be_text_number_missing_or_absurd() {
    for (interval, seconds) in [
        (r#""7""#, 7),
        ("7", 7),
        ("null", 5),
        ("0", 1),
        (r#""0""#, 1),
        ("-3", 5),
        (r#""soon""#, 5),
        ("1e9", 60),
    ] {
        let timer = VirtualTimer::new();
        let code = format!(r#"{{"device_auth_id":"d","usercode":"A","interval":{interval}}}"#);
        let authority = Authority::new([ok(code), pending(403), ok(AUTHORIZED), ok(tokens())]);
        run(&OAuthProfile::codex(), &authority, &timer).0.unwrap();
        assert_eq!(timer.elapsed(), Duration::from_secs(seconds), "{interval}");
    }
}

#[test]
fn a_login_that_cannot_begin_says_why() {
    for (status, kind, text) in [
        (
            503,
            ErrorKind::Unavailable,
            "authority is unavailable (status 503)",
        ),
        (
            404,
            ErrorKind::DeviceLoginDisabled,
            "device login is not enabled (status 404)",
        ),
        (
            400,
            ErrorKind::Rejected,
            "authority refused the request (status 400)",
        ),
    ] {
        let authority = Authority::new([pending(status)]);
        let (result, shown) = run(&OAuthProfile::codex(), &authority, &VirtualTimer::new());
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (kind, text));
        assert!(shown.is_empty());
    }
    for body in [
        "",
        "{}",
        r#"{"user_code":"A"}"#,
        r#"{"device_auth_id":"d"}"#,
    ] {
        let (result, _) = run(
            &OAuthProfile::codex(),
            &Authority::new([ok(body)]),
            &VirtualTimer::new(),
        );
        assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidResponse);
    }
}

#[test]
fn a_declined_login_ends_at_once_and_is_called_declined() {
    let declined = [
        (401, r#"{"error":"authorization_declined"}"#),
        (400, r#"{"error":"access_denied"}"#),
        (401, r#"{"error":{"code":"access_denied"}}"#),
        // Without such a code, these two statuses mean "pending".
        (403, r#"{"error":"access_denied"}"#),
        (404, r#"{"error":{"code":"authorization_declined"}}"#),
        (200, r#"{"error":"access_denied"}"#),
    ];
    for (status, body) in declined {
        let authority = Authority::new([ok(CODE), Answer::Body(status, body.to_owned())]);
        let (result, _) = run(&OAuthProfile::codex(), &authority, &VirtualTimer::new());
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{status} {body}");
        assert_eq!(
            error.to_string(),
            format!("sign-in was declined (status {status})")
        );
        assert!(body.contains(error.code().unwrap()));
        assert!(!error.is_retryable() && !error.needs_sign_in());
    }
}

#[test]
fn a_login_without_access_or_time_has_a_kind_of_its_own() {
    for (body, kind) in [
        (
            r#"{"error":"access_denied","error_description":"missing_codex_entitlement: ask"}"#,
            ErrorKind::MissingEntitlement,
        ),
        (r#"{"error":"expired_token"}"#, ErrorKind::TimedOut),
    ] {
        let authority = Authority::new([ok(CODE), Answer::Body(403, body.to_owned())]);
        let (result, _) = run(&OAuthProfile::codex(), &authority, &VirtualTimer::new());
        assert_eq!(result.unwrap_err().kind(), kind, "{body}");
    }
}

#[test]
fn a_pending_answer_may_name_its_reason() {
    let pending = [
        (403, r#"{"error":"authorization_pending"}"#),
        (404, r#"{"error":{"code":"deviceauth_pending"}}"#),
        (400, r#"{"error":"authorization_pending"}"#),
        (403, "<html>not yet</html>"),
    ];
    for (status, body) in pending {
        let authority = Authority::new([
            ok(CODE),
            Answer::Body(status, body.to_owned()),
            ok(AUTHORIZED),
            ok(tokens()),
        ]);
        run(&OAuthProfile::codex(), &authority, &VirtualTimer::new())
            .0
            .unwrap();
    }
}

#[test]
fn a_workspace_that_is_not_allowed_is_refused_before_anything_is_stored() {
    let mut profile = OAuthProfile::codex();
    profile.allowed_workspaces = vec!["acct-2".to_owned(), "acct-3".to_owned()];
    let authority = Authority::new([ok(CODE), ok(AUTHORIZED), ok(tokens())]);
    let (result, _) = run(&profile, &authority, &VirtualTimer::new());
    assert_eq!(result.unwrap_err().kind(), ErrorKind::WorkspaceNotAllowed);
}

#[test]
fn failures_of_network_and_server_are_waited_out_with_growing_pauses() {
    let timer = VirtualTimer::new();
    let authority = Authority::new([
        ok(CODE),
        Answer::Lost,
        Answer::NotSent,
        pending(500),
        pending(403),
        ok(AUTHORIZED),
        ok(tokens()),
    ]);
    run(&OAuthProfile::codex(), &authority, &timer).0.unwrap();
    assert_eq!(timer.elapsed(), Duration::from_secs(10 + 20 + 40 + 5));
}

#[test]
fn too_many_questions_make_the_interval_longer_for_good() {
    let timer = VirtualTimer::new();
    let mut limited = response(429, "");
    limited
        .headers_mut()
        .insert("retry-after", "33".parse().unwrap());
    let authority = Authority::new([
        ok(CODE),
        Answer::Full(limited),
        pending(403),
        pending(403),
        ok(AUTHORIZED),
        ok(tokens()),
    ]);
    run(&OAuthProfile::codex(), &authority, &timer).0.unwrap();
    assert_eq!(timer.elapsed(), Duration::from_secs(33 + 10 + 10));
}

#[test]
fn fifteen_minutes_are_fifteen_minutes() {
    let timer = VirtualTimer::new();
    let authority = Authority::new([ok(
        r#"{"device_auth_id":"d","user_code":"A","interval":"7"}"#,
    )]);
    for _ in 0..=15 * 60 / 7 {
        authority.push(pending(403));
    }
    let (result, _) = run(&OAuthProfile::codex(), &authority, &timer);
    let error = result.unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::TimedOut, "sign-in timed out")
    );
    assert_eq!(timer.elapsed(), Duration::from_secs(15 * 60));
}

#[test]
fn a_challenge_page_in_between_is_no_patience() {
    let mut challenge = response(403, "<html>");
    challenge
        .headers_mut()
        .insert("cf-mitigated", "challenge".parse().unwrap());
    let authority = Authority::new([ok(CODE), Answer::Full(challenge)]);
    assert_eq!(
        run(&OAuthProfile::codex(), &authority, &VirtualTimer::new())
            .0
            .unwrap_err()
            .kind(),
        ErrorKind::Rejected
    );
}

#[test]
fn a_code_is_exchanged_once() {
    for (answer, kind) in [
        (Answer::Lost, ErrorKind::OutcomeUnknown),
        (
            Answer::Body(400, r#"{"error":"invalid_grant"}"#.to_owned()),
            ErrorKind::CodeRefused,
        ),
        (Answer::Body(307, String::new()), ErrorKind::InvalidResponse),
        (
            ok(r#"{"access_token":"a","token_type":"mac"}"#),
            ErrorKind::InvalidResponse,
        ),
        (ok(r#"{"refresh_token":"r"}"#), ErrorKind::InvalidResponse),
    ] {
        let authority = Authority::new([ok(CODE), ok(AUTHORIZED), answer]);
        assert_eq!(
            run(&OAuthProfile::codex(), &authority, &VirtualTimer::new())
                .0
                .unwrap_err()
                .kind(),
            kind
        );
        assert_eq!(authority.count(), 3);
    }
    let authority = Authority::new([ok(CODE), ok(AUTHORIZED), Answer::NotSent, ok(tokens())]);
    run(&OAuthProfile::codex(), &authority, &VirtualTimer::new())
        .0
        .unwrap();
}

#[test]
fn a_flow_says_the_same_until_it_is_told_something() {
    let now = Moment::new(Duration::ZERO, support::start());
    let mut flow = DeviceFlow::new(&OAuthProfile::codex()).unwrap();
    for _ in 0..3 {
        let Step::Send(request) = flow.poll(now).unwrap() else {
            panic!()
        };
        assert_eq!(request.uri().path(), "/api/accounts/deviceauth/usercode");
    }
    flow.handle_response(now, response(200, CODE));
    assert!(matches!(flow.poll(now).unwrap(), Step::Show(_)));
    assert!(matches!(flow.poll(now).unwrap(), Step::Send(_)));
    flow.handle_response(now, response(403, ""));
    for seconds in 0..5 {
        let Step::Wait(wait) = flow.poll(now + Duration::from_secs(seconds)).unwrap() else {
            panic!()
        };
        assert_eq!(wait, Duration::from_secs(5 - seconds));
    }
    let later = now + Duration::from_secs(5);
    flow.handle_failure(later, SendFailure::maybe_sent("reset"));
    flow.handle_response(later, response(401, ""));
    for _ in 0..2 {
        assert_eq!(flow.poll(later).unwrap_err().kind(), ErrorKind::Rejected);
    }
    // A response that the flow does not expect changes nothing.
    flow.handle_response(later, response(200, CODE));
    flow.handle_saved();
    assert!(flow.poll(later).is_err());
}

#[test]
fn a_profile_without_device_login_says_so() {
    let profile = OAuthProfile::custom("https://login.example", "client");
    assert_eq!(
        DeviceFlow::new(&profile).unwrap_err().to_string(),
        "invalid configuration: profile has no device login"
    );
}
