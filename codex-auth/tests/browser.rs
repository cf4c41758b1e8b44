//! Browser sign-in with a fixed client id: the URL, the redirect, the exchange, and attempts of
//! another program to interfere.

use core::time::Duration;

use codex_auth::{
    BrowserFlow, BrowserSignIn, Entropy, Error, ErrorKind, Moment, OAuthProfile, Page, SendFailure,
    SignInFlow as _, Step,
};

use crate::support::{
    self, Answer, Authority, VirtualTimer, block_on, form, id, member, ok, response,
};

fn now() -> Moment {
    Moment::new(Duration::ZERO, support::start())
}

fn begin(sign_in: BrowserSignIn) -> BrowserFlow {
    sign_in
        .begin(now(), &Entropy::from_bytes([7; 128]))
        .unwrap()
}

fn codex() -> BrowserFlow {
    begin(BrowserSignIn::new(OAuthProfile::codex(), 1455))
}

fn query(flow: &BrowserFlow) -> String {
    flow.authorize_url().split_once('?').unwrap().1.to_owned()
}

fn state(flow: &BrowserFlow) -> String {
    member(&query(flow), "state").unwrap()
}

fn redirect(flow: &mut BrowserFlow, rest: &str) -> Result<(), Error> {
    let target = format!("/auth/callback?state={}&{rest}", state(flow));
    flow.handle_redirect(now(), &target)
}

fn finish(
    flow: BrowserFlow,
    answers: impl IntoIterator<Item = Answer>,
) -> (Result<codex_auth::SignIn, Error>, Authority) {
    let authority = Authority::new(answers);
    let result = block_on(codex_auth::drive(
        flow,
        &authority,
        &VirtualTimer::new(),
        |_| {},
        |_| panic!("there is no registration"),
    ));
    (result, authority)
}

fn tokens() -> Answer {
    ok(format!(
        r#"{{"id_token":"{}","access_token":"access-1","refresh_token":"refresh-1"}}"#,
        id("acct-1")
    ))
}

#[test]
fn the_authorize_url_is_the_official_one_with_our_name() {
    let members = form(&query(&codex()));
    let expected = [
        ("response_type", "code"),
        ("client_id", "app_EMoamEEZ73f0CkXaXp7hrann"),
        ("redirect_uri", "http://localhost:1455/auth/callback"),
        ("scope", "openid profile email offline_access"),
        (
            "code_challenge",
            "ZQyqvCUGJmKcOzNuGh9KsmfjcXKW0uMJyNHxmr30O5k",
        ),
        ("code_challenge_method", "S256"),
        ("id_token_add_organizations", "true"),
        ("codex_cli_simplified_flow", "true"),
        ("state", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc"),
        ("originator", "codex_auth_rs"),
    ];
    let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, expected.map(|(name, _)| name));
    for ((_, value), (name, expected)) in members.iter().zip(expected) {
        assert_eq!(value, expected, "{name}");
    }
    assert!(
        codex()
            .authorize_url()
            .contains("scope=openid%20profile%20email%20offline_access")
    );
    assert!(
        codex()
            .authorize_url()
            .starts_with("https://auth.openai.com/oauth/authorize?")
    );
}

#[test]
fn allowed_workspaces_travel_as_one_member() {
    let mut profile = OAuthProfile::codex();
    profile.allowed_workspaces = vec!["acct-1".to_owned(), "acct-2".to_owned()];
    let mut flow = begin(BrowserSignIn::new(profile, 1455));
    assert_eq!(
        member(&query(&flow), "allowed_workspace_id").as_deref(),
        Some("acct-1,acct-2")
    );
    redirect(&mut flow, "code=c").unwrap();
    let (signed_in, _) = finish(flow, [tokens()]);
    assert_eq!(
        signed_in.unwrap().tokens().account_id().unwrap().0,
        "acct-1"
    );
}

#[test]
fn a_login_of_another_workspace_is_refused() {
    for id_token in [id("acct-3"), "garbage".to_owned(), support::jwt("{}")] {
        let mut profile = OAuthProfile::codex();
        profile.allowed_workspaces = vec!["acct-1".to_owned()];
        let mut flow = begin(BrowserSignIn::new(profile, 1455));
        redirect(&mut flow, "code=c").unwrap();
        let (result, _) = finish(
            flow,
            [ok(format!(
                r#"{{"id_token":"{id_token}","access_token":"a"}}"#
            ))],
        );
        assert_eq!(result.unwrap_err().kind(), ErrorKind::WorkspaceNotAllowed);
    }
}

#[test]
fn the_exchange_is_exact() {
    let mut flow = codex();
    let challenge = member(&query(&flow), "code_challenge").unwrap();
    redirect(&mut flow, "code=c%2B1&scope=openid+email&unknown=x").unwrap();
    let (signed_in, authority) = finish(flow, [tokens()]);
    let signed_in = signed_in.unwrap();
    assert_eq!(
        signed_in.tokens().refresh_token().unwrap().expose(),
        "refresh-1"
    );
    assert!(signed_in.api_key().is_none());
    let body = authority.body(0);
    let names: Vec<String> = form(&body).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "grant_type",
            "code",
            "redirect_uri",
            "client_id",
            "code_verifier"
        ]
    );
    assert_eq!(member(&body, "code").as_deref(), Some("c+1"));
    assert_eq!(
        member(&body, "redirect_uri").as_deref(),
        Some("http://localhost:1455/auth/callback")
    );
    let verifier = member(&body, "code_verifier").unwrap();
    assert_eq!(verifier.len(), 86);
    use base64::Engine as _;
    use sha2::Digest as _;
    let expected = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .encode(sha2::Sha256::digest(verifier.as_bytes()));
    assert_eq!(challenge, expected);
}

#[test]
fn somebody_elses_redirect_is_refused_and_changes_nothing() {
    let mut flow = codex();
    let state = state(&flow);
    let strange = [
        "/auth/callback".to_owned(),
        "/auth/callback?".to_owned(),
        "/auth/callback?code=c".to_owned(),
        "/auth/callback?code=c&state=".to_owned(),
        "/auth/callback?code=c&state=guess".to_owned(),
        format!("/auth/callback?code=c&state={}", &state[1..]),
        format!("/auth/callback?code=c&state={state}x"),
        format!("/auth/callback?code=c&state={state}&state={state}"),
        format!(
            "/auth/callback?error=access_denied&state={}",
            state.to_lowercase()
        ),
        "/auth/callback?error=access_denied".to_owned(),
        format!("/auth/callback?{}&state={state}", "x=y&".repeat(5000)),
    ];
    for target in &strange {
        let error = flow.handle_redirect(now(), target).unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::StateMismatch,
            "{}",
            &target[..target.len().min(80)]
        );
        assert_eq!(
            error.to_string(),
            "redirect does not belong to this sign-in attempt"
        );
        assert!(
            !matches!(flow.poll(now()), Ok(Step::Send(_)) | Err(_)),
            "nothing is exchanged"
        );
    }
    redirect(&mut flow, "code=c").unwrap();
    assert_eq!(
        redirect(&mut flow, "code=d").unwrap_err().kind(),
        ErrorKind::StateMismatch,
        "used up"
    );
    let (signed_in, authority) = finish(flow, [tokens()]);
    signed_in.unwrap();
    assert_eq!(member(&authority.body(0), "code").as_deref(), Some("c"));
}

#[test]
fn a_refusal_is_told_apart_and_the_marker_is_hidden() {
    let mut flow = codex();
    let error = redirect(
        &mut flow,
        "error=access_denied&error_description=x+MISSING_codex_Entitlement+y",
    )
    .unwrap_err();
    assert_eq!(
        (error.kind(), error.description(), error.code()),
        (ErrorKind::MissingEntitlement, None, None)
    );
    assert_eq!(
        flow.poll(now()).unwrap_err().kind(),
        ErrorKind::MissingEntitlement
    );

    let mut flow = codex();
    let error = redirect(
        &mut flow,
        "error=access_denied&error_description=%3Cb%3Eno%3C/b%3E%0A",
    )
    .unwrap_err();
    assert_eq!(
        (error.kind(), error.code(), error.description()),
        (ErrorKind::Denied, Some("access_denied"), Some("<b>no</b>"))
    );
    assert_eq!(error.to_string(), "sign-in was declined");
    assert!(!format!("{error:?}").contains("<b>"));
    assert_eq!(flow.poll(now()).unwrap_err().kind(), ErrorKind::Denied);

    let mut flow = codex();
    assert_eq!(
        redirect(&mut flow, "error=a%20b%3Cscript%3E&code=c")
            .unwrap_err()
            .code(),
        None,
        "no code is exchanged if there is an error"
    );
}

#[test]
fn a_redirect_of_this_attempt_that_cannot_be_used_ends_it() {
    for (rest, text) in [
        ("", "malformed redirect: no authorization code"),
        ("code=", "malformed redirect: no authorization code"),
        (
            "code=c&code=d",
            "malformed redirect: more than one authorization code",
        ),
        (
            "code=c&iss=https%3A%2F%2Fevil.example",
            "malformed redirect: another issuer",
        ),
    ] {
        let mut flow = codex();
        let error = redirect(&mut flow, rest).unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::MalformedRedirect, text)
        );
        assert_eq!(flow.poll(now()).unwrap_err().to_string(), text);
    }
    let mut flow = codex();
    redirect(&mut flow, "code=c&iss=https%3A%2F%2Fauth.openai.com").unwrap();
}

#[test]
fn what_a_user_pastes_is_an_address_or_a_code() {
    let pasted = |text: &dyn Fn(&str) -> String| {
        let mut flow = codex();
        let state = state(&flow);
        flow.handle_pasted(now(), &text(&state))
            .map(|()| match flow.poll(now()) {
                Ok(Step::Show(_)) => match flow.poll(now()) {
                    Ok(Step::Send(request)) => {
                        member(core::str::from_utf8(request.body()).unwrap(), "code").unwrap()
                    }
                    other => panic!("{other:?}"),
                },
                other => panic!("{other:?}"),
            })
    };
    let good: [&dyn Fn(&str) -> String; 6] = [
        &|state| format!("  http://localhost:1455/auth/callback?code=abc&state={state}\n"),
        &|state| format!("code=abc&state={state}"),
        &|state| format!("?code=abc&state={state}#fragment"),
        &|_| "abc".to_owned(),
        &|_| " abc \n".to_owned(),
        &|state| format!("abc#{state}"),
    ];
    for text in good {
        assert_eq!(pasted(text).unwrap(), "abc");
    }
    assert_eq!(pasted(&|_| "YWJj==".to_owned()).unwrap(), "YWJj==");
    let bad: [&dyn Fn(&str) -> String; 6] = [
        &|_| "http://localhost:1455/auth/callback?code=abc&state=other".to_owned(),
        &|_| "code=abc".to_owned(),
        &|_| "abc#other".to_owned(),
        &|_| String::new(),
        &|_| "http://localhost:1455/auth/callback".to_owned(),
        &|_| "two words".to_owned(),
    ];
    for text in bad {
        assert!(matches!(
            pasted(text).unwrap_err().kind(),
            ErrorKind::StateMismatch | ErrorKind::MalformedRedirect
        ));
    }
}

#[test]
fn an_api_key_is_exchanged_on_request_and_never_at_the_cost_of_the_login() {
    let wanted = || {
        let mut flow =
            begin(BrowserSignIn::new(OAuthProfile::codex(), 1457).with_api_key_exchange());
        redirect(&mut flow, "code=c").unwrap();
        flow
    };
    let (signed_in, authority) = finish(
        wanted(),
        [tokens(), ok(r#"{"access_token":"sk-invented"}"#)],
    );
    assert_eq!(
        signed_in.unwrap().api_key().unwrap().expose(),
        "sk-invented"
    );
    let body = authority.body(1);
    assert_eq!(
        member(&body, "grant_type").as_deref(),
        Some("urn:ietf:params:oauth:grant-type:token-exchange")
    );
    assert_eq!(
        member(&body, "requested_token").as_deref(),
        Some("openai-api-key")
    );
    assert_eq!(member(&body, "subject_token"), Some(id("acct-1")));
    for failure in [
        Answer::Body(401, String::new()),
        Answer::Lost,
        ok("{}"),
        ok(r#"{"access_token":""}"#),
    ] {
        let (signed_in, _) = finish(wanted(), [tokens(), failure]);
        assert!(signed_in.unwrap().api_key().is_none());
    }
}

#[test]
fn a_code_that_may_have_been_redeemed_is_not_redeemed_again() {
    let redirected = || {
        let mut flow = codex();
        redirect(&mut flow, "code=c").unwrap();
        flow
    };
    let (result, authority) = finish(redirected(), [Answer::Lost]);
    assert_eq!(
        (result.unwrap_err().kind(), authority.count()),
        (ErrorKind::OutcomeUnknown, 1)
    );
    let (result, authority) = finish(redirected(), [Answer::NotSent, Answer::NotSent, tokens()]);
    assert_eq!((result.is_ok(), authority.count()), (true, 3));
    let (result, authority) = finish(redirected(), (0..6).map(|_| Answer::NotSent));
    assert_eq!(
        (result.unwrap_err().kind(), authority.count()),
        (ErrorKind::NotSent, 6)
    );
    for status in [301, 302, 307, 308] {
        let (result, authority) = finish(redirected(), [Answer::Body(status, String::new())]);
        assert_eq!(
            (result.unwrap_err().kind(), authority.count()),
            (ErrorKind::InvalidResponse, 1)
        );
    }
}

#[test]
fn what_a_token_endpoint_says_is_read_in_every_shape() {
    let cases = [
        (
            r#"{"error":"invalid_grant","error_description":"expired"}"#,
            Some("invalid_grant"),
            Some("expired"),
        ),
        (
            r#"{"error":{"code":"invalid_grant","message":"nested"}}"#,
            Some("invalid_grant"),
            Some("nested"),
        ),
        (
            r#"{"error":{"message":"nested"},"error_description":"preferred"}"#,
            None,
            Some("preferred"),
        ),
        (
            r#"{"code":"top_level","message":"flat"}"#,
            Some("top_level"),
            Some("flat"),
        ),
        ("  plain words\n", None, Some("plain words")),
        ("<html>blocked</html>", None, None),
        ("", None, None),
        (r#"{"error":"no spaces or <tags>"}"#, None, None),
    ];
    for (body, code, description) in cases {
        let mut flow = codex();
        redirect(&mut flow, "code=c").unwrap();
        let mut refusal = response(400, body);
        refusal
            .headers_mut()
            .insert("x-request-id", "req-1".parse().unwrap());
        let (result, _) = finish(flow, [Answer::Full(refusal)]);
        let error = result.unwrap_err();
        assert_eq!(
            (error.code(), error.description(), error.request_id()),
            (code, description, Some("req-1")),
            "{body}"
        );
    }
    let mut flow = codex();
    redirect(&mut flow, "code=the%2Fcode").unwrap();
    let quoting = r#"{"error_description":"bad the/code and the%2Fcode"}"#.to_owned();
    let (result, _) = finish(flow, [Answer::Body(400, quoting)]);
    assert_eq!(
        result.unwrap_err().description(),
        Some("bad [secret] and [secret]")
    );
    let mut flow = codex();
    redirect(&mut flow, "code=c").unwrap();
    let (result, _) = finish(
        flow,
        [Answer::Body(
            400,
            format!(r#"{{"error":"{}"}}"#, "x".repeat(9000)),
        )],
    );
    assert_eq!(
        result.unwrap_err().code(),
        None,
        "an oversized body is dropped whole"
    );
}

#[test]
fn a_sign_in_ends_when_its_time_is_over() {
    let mut flow = begin(
        BrowserSignIn::new(OAuthProfile::codex(), 1455).with_time_limit(Duration::from_secs(60)),
    );
    assert!(matches!(flow.poll(now()).unwrap(), Step::Show(_)));
    let almost = now() + Duration::from_secs(59);
    assert!(
        matches!(flow.poll(almost).unwrap(), Step::Wait(left) if left == Duration::from_secs(1))
    );
    let over = now() + Duration::from_secs(60);
    let target = format!("/auth/callback?code=c&state={}", state(&flow));
    assert_eq!(
        flow.handle_redirect(over, &target).unwrap_err().kind(),
        ErrorKind::TimedOut
    );
    assert_eq!(flow.poll(over).unwrap_err().kind(), ErrorKind::TimedOut);
    flow.handle_failure(over, SendFailure::not_sent("late"));
    flow.handle_response(over, response(200, "{}"));
    assert_eq!(flow.poll(over).unwrap_err().kind(), ErrorKind::TimedOut);
}

#[test]
fn attempts_share_nothing() {
    let one = BrowserSignIn::new(OAuthProfile::codex(), 1455)
        .begin(now(), &Entropy::from_os().unwrap())
        .unwrap();
    let two = BrowserSignIn::new(OAuthProfile::codex(), 1455)
        .begin(now(), &Entropy::from_os().unwrap())
        .unwrap();
    for name in ["state", "code_challenge"] {
        assert_ne!(
            member(&query(&one), name),
            member(&query(&two), name),
            "the clock stood still, the random source did not"
        );
    }
}

#[test]
fn profiles_that_would_leak_are_refused() {
    let begin = |profile: OAuthProfile, port| {
        BrowserSignIn::new(profile, port)
            .begin(now(), &Entropy::from_bytes([0; 128]))
            .unwrap_err()
            .to_string()
    };
    let changed = |change: &dyn Fn(&mut OAuthProfile)| {
        let mut profile = OAuthProfile::codex();
        change(&mut profile);
        profile
    };
    assert_eq!(
        begin(OAuthProfile::codex(), 8080),
        "invalid configuration: authority does not accept redirects to this port"
    );
    let unsafe_address = "invalid configuration: URL in the profile is neither https nor loopback";
    assert_eq!(
        begin(
            OAuthProfile::codex().with_issuer("http://auth.example"),
            1455
        ),
        unsafe_address
    );
    assert_eq!(
        begin(
            changed(&|profile| profile.token_endpoint = "ftp://x/".to_owned()),
            1455
        ),
        unsafe_address
    );
    assert_eq!(
        begin(
            changed(&|profile| profile.redirect.host = "0.0.0.0".to_owned()),
            1455
        ),
        "invalid configuration: redirect host is not loopback"
    );
    assert_eq!(
        begin(
            changed(&|profile| profile.redirect.path = "callback".to_owned()),
            1455
        ),
        "invalid configuration: redirect path is not a path"
    );
    assert_eq!(
        begin(changed(&|profile| profile.client_id = " ".to_owned()), 1455),
        "invalid configuration: client id is blank"
    );
}

#[test]
fn the_page_follows_from_the_redirect() {
    use codex_auth::{Incoming, LoopbackConnection};
    let page = |rest: &str, state: Option<&str>| {
        let mut flow = codex();
        let state = state.map_or_else(|| self::state(&flow), str::to_owned);
        let request = format!(
            "GET /auth/callback?state={state}&{rest} HTTP/1.1\r\nHost: localhost:1455\r\n\r\n"
        );
        let Incoming::Redirect(target) =
            LoopbackConnection::new(flow.redirect_uri()).feed(request.as_bytes())
        else {
            panic!()
        };
        assert_eq!(format!("{target:?}"), "RedirectTarget(..)");
        let page = Page::for_redirect(&mut flow, now(), &target);
        let bytes = String::from_utf8(page.to_bytes()).unwrap();
        assert!(
            !bytes.contains("code=") && !bytes.contains(&state),
            "nothing that was sent comes back"
        );
        page
    };
    assert_eq!(page("code=c", None), Page::SignedIn);
    assert_eq!(page("code=c", Some("guess")), Page::BadRequest);
    assert_eq!(page("error=access_denied", None), Page::Declined);
    assert_eq!(
        page(
            "error=access_denied&error_description=missing_codex_entitlement",
            None
        ),
        Page::MissingEntitlement
    );
    assert_eq!(page("", None), Page::BadRequest);
}

/// A query of 16 KiB is read, and a longer one is not this attempt's.
#[test]
fn the_largest_query_is_read() {
    let mut flow = codex();
    let fixed = format!("state={}&code=c&x=", state(&flow)).len();
    let padding = "x".repeat(16 * 1024 - fixed);
    let error = redirect(&mut flow, &format!("code=c&x={padding}x")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StateMismatch);
    redirect(&mut flow, &format!("code=c&x={padding}")).unwrap();
}

#[test]
fn debug_shows_where_the_attempt_listens_and_no_secret() {
    let flow = codex();
    let shown = format!("{flow:?}");
    assert!(
        shown.contains("http://localhost:1455/auth/callback"),
        "{shown}"
    );
    assert!(!shown.contains(&state(&flow)), "{shown}");
}
