//! "Sign in with ChatGPT": registration during sign-in, ID tokens verified with the key set, and
//! the rules of refresh and revocation.
#![cfg(feature = "verify")]

use core::cell::RefCell;
use core::time::Duration;

use codex_auth::{
    AppRegistration, BrowserFlow, BrowserSignIn, CredentialSource as _, Entropy, Error, ErrorKind,
    HostId, MemoryStore, Moment, OAuthProfile, OAuthSource, Record, Registration, Revoked, Secret,
    SignIn, SignInFlow as _, Step, TokenSet, TokenStore as _, Verdict, drive, sign_out,
    store_sign_in,
};

use crate::support::issuer::{CLIENT, id_token, key_set};
use crate::support::{Answer, Authority, START, VirtualTimer, block_on, form, member, ok, start};

const SCOPE: &str = "chatgpt.tokens.use.direct email offline_access openid profile resource.invoke";

fn host() -> HostId {
    HostId::from_random_bytes([9; 16])
}

fn profile() -> OAuthProfile {
    OAuthProfile::sign_in_with_chatgpt(AppRegistration::new("Notebook Helper", host()).unwrap())
}

fn now() -> Moment {
    Moment::new(Duration::ZERO, start())
}

fn first() -> BrowserFlow {
    begin(BrowserSignIn::new(profile(), 49152))
}

fn begin(sign_in: BrowserSignIn) -> BrowserFlow {
    sign_in
        .begin(now(), &Entropy::from_bytes([7; 128]))
        .unwrap()
}

fn registration() -> Registration {
    Registration::new(CLIENT, host())
        .unwrap()
        .with_subject("user-1")
        .with_email("me@example.com")
        .with_redirect_path("/auth/callback")
}

fn query(flow: &BrowserFlow) -> String {
    flow.authorize_url().split_once('?').unwrap().1.to_owned()
}

fn redirect(flow: &mut BrowserFlow, rest: &str) -> Result<(), Error> {
    let state = member(&query(flow), "state").unwrap();
    flow.handle_redirect(now(), &format!("/auth/callback?state={state}&{rest}"))
}

fn tokens(id_token: &str) -> Answer {
    tokens_with(
        id_token,
        &format!(r#","scope":"{SCOPE}","refresh_token":"refresh-1""#),
    )
}

fn tokens_with(id_token: &str, rest: &str) -> Answer {
    ok(format!(
        r#"{{"access_token":"access-1","id_token":"{id_token}","token_type":"Bearer","expires_in":3600{rest}}}"#
    ))
}

fn finish(
    flow: BrowserFlow,
    answers: Vec<Answer>,
) -> (Result<SignIn, Error>, Authority, Vec<Registration>) {
    let authority = Authority::new(answers);
    let saved = RefCell::new(Vec::new());
    let save = |registration: &Registration| {
        assert_eq!(authority.count(), 0, "it is stored before the exchange");
        saved.borrow_mut().push(registration.clone());
        Ok(())
    };
    let result = block_on(drive(flow, &authority, &VirtualTimer::new(), |_| {}, save));
    (result, authority, saved.into_inner())
}

fn redirected() -> BrowserFlow {
    let mut flow = first();
    redirect(
        &mut flow,
        &format!("code=code-1&client_id={CLIENT}&scope=openid+email"),
    )
    .unwrap();
    flow
}

#[test]
fn the_first_address_registers_and_the_next_does_not() {
    let names = |query: &str| {
        let mut names: Vec<String> = form(query).into_iter().map(|(name, _)| name).collect();
        names.sort();
        names
    };
    let query_of_first = query(&first());
    assert_eq!(
        names(&query_of_first),
        [
            "agent_name_hint",
            "client_id",
            "code_challenge",
            "code_challenge_method",
            "ext_agent_host_id",
            "nonce",
            "redirect_uri",
            "resource",
            "response_type",
            "scope",
            "state"
        ]
    );
    let value = |name| member(&query_of_first, name).unwrap();
    assert_eq!(value("client_id"), "dynamic_agent_client");
    assert_eq!(value("agent_name_hint"), "Notebook Helper");
    assert_eq!(value("ext_agent_host_id"), host().as_str());
    assert_eq!(
        value("redirect_uri"),
        "http://127.0.0.1:49152/auth/callback"
    );
    assert_eq!(value("resource"), "https://api.openai.com/v1");
    assert_eq!(
        value("scope"),
        "openid profile email offline_access resource.invoke chatgpt.tokens.use.direct"
    );
    assert_eq!(value("code_challenge_method"), "S256");
    assert!(
        first()
            .authorize_url()
            .starts_with("https://auth.openai.com/api/accounts/authorize?")
    );

    let returning = query(&begin(
        BrowserSignIn::new(profile(), 50000).returning(registration()),
    ));
    assert_eq!(member(&returning, "client_id").as_deref(), Some(CLIENT));
    assert_eq!(member(&returning, "agent_name_hint"), None);
    assert_eq!(
        member(&returning, "ext_agent_host_id").as_deref(),
        Some(host().as_str())
    );
    assert_eq!(
        member(&returning, "login_hint").as_deref(),
        Some("me@example.com")
    );
    assert_eq!(
        (
            member(&returning, "prompt"),
            member(&returning, "id_token_hint")
        ),
        (None, None)
    );

    let asked = BrowserSignIn::new(profile(), 50000)
        .returning(registration())
        .asking_for_consent()
        .with_id_token_hint(Secret::from("hint"));
    let shown = format!("{asked:?}");
    let asked = begin(asked);
    assert_eq!(member(&query(&asked), "prompt").as_deref(), Some("consent"));
    assert_eq!(
        member(&query(&asked), "id_token_hint").as_deref(),
        Some("hint")
    );
    assert!(!shown.contains("hint\"") && !format!("{asked:?}").contains("id_token_hint"));
}

#[test]
fn the_issued_client_id_is_saved_first_and_used_from_then_on() {
    let (signed_in, authority, saved) = finish(
        redirected(),
        vec![tokens(&id_token(&[])), ok(key_set(&[1]))],
    );
    let signed_in = signed_in.unwrap();
    assert_eq!(saved.len(), 1);
    assert_eq!(
        (
            saved[0].client_id(),
            saved[0].redirect_path(),
            saved[0].subject()
        ),
        (CLIENT, Some("/auth/callback"), None)
    );
    let registered = signed_in.registration().unwrap();
    assert_eq!(
        (
            registered.client_id(),
            registered.subject(),
            registered.email()
        ),
        (CLIENT, Some("user-1"), Some("me@example.com"))
    );
    assert!(!format!("{registered:?}").contains("me@example.com"));

    let names: Vec<String> = form(&authority.body(0))
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        names,
        [
            "grant_type",
            "code",
            "redirect_uri",
            "client_id",
            "code_verifier",
            "resource"
        ]
    );
    assert_eq!(
        member(&authority.body(0), "client_id").as_deref(),
        Some(CLIENT)
    );
    assert_eq!(
        authority.paths(),
        ["/api/accounts/oauth/token", "/.well-known/jwks.json"]
    );
    assert_eq!(
        authority.header(0, "content-type"),
        "application/x-www-form-urlencoded"
    );
}

#[test]
fn a_redirect_with_a_wrong_client_id_registers_nothing() {
    for rest in [
        "code=c",
        "code=c&client_id=",
        "code=c&client_id=dynamic_agent_client",
        "code=c&client_id=a%20b",
        "code=c&client_id=a&client_id=b",
    ] {
        let mut flow = first();
        let error = redirect(&mut flow, rest).unwrap_err();
        assert!(
            matches!(
                error.kind(),
                ErrorKind::MalformedRedirect | ErrorKind::InvalidResponse
            ),
            "{rest}"
        );
        assert!(flow.poll(now()).is_err());
    }
    assert_eq!(
        first()
            .handle_pasted(now(), "lone-code")
            .unwrap_err()
            .to_string(),
        "malformed redirect: expected the whole address, not the code alone"
    );

    let returning = || begin(BrowserSignIn::new(profile(), 49152).returning(registration()));
    assert_eq!(
        redirect(&mut returning(), "code=c&client_id=oaiapp_other")
            .unwrap_err()
            .kind(),
        ErrorKind::AccountChanged
    );
    for rest in [
        "code=c".to_owned(),
        format!("code=c&client_id={CLIENT}&iss=https%3A%2F%2Fauth.openai.com"),
    ] {
        let mut flow = returning();
        redirect(&mut flow, &rest).unwrap();
        let (signed_in, authority, saved) =
            finish(flow, vec![tokens(&id_token(&[])), ok(key_set(&[1]))]);
        signed_in.unwrap();
        assert_eq!(
            member(&authority.body(0), "client_id").as_deref(),
            Some(CLIENT)
        );
        assert!(saved.is_empty(), "it is stored already");
    }
    assert!(redirect(&mut returning(), "code=c&iss=https%3A%2F%2Fevil.example").is_err());
}

#[test]
fn after_a_refused_code_the_next_attempt_uses_the_issued_id() {
    let refused = Answer::Body(400, r#"{"error":"invalid_grant"}"#.to_owned());
    let (result, _, saved) = finish(redirected(), vec![refused]);
    let error = result.unwrap_err();
    assert_eq!(
        (error.kind(), error.needs_sign_in()),
        (ErrorKind::CodeRefused, true)
    );
    let next = begin(BrowserSignIn::new(profile(), 49152).returning(saved[0].clone()));
    assert_eq!(member(&query(&next), "client_id").as_deref(), Some(CLIENT));
    assert_eq!(member(&query(&next), "agent_name_hint"), None);
}

#[test]
fn an_exchange_without_what_was_granted_is_refused() {
    for (answer, text) in [
        (
            tokens_with(&id_token(&[]), &format!(r#","scope":"{SCOPE}""#)),
            "invalid response from the authority: no refresh token",
        ),
        (
            ok(format!(
                r#"{{"access_token":"a","refresh_token":"r","scope":"{SCOPE}"}}"#
            )),
            "invalid response from the authority: no ID token",
        ),
        (
            ok(r#"{"access_token":"a","token_type":"DPoP"}"#),
            "invalid response from the authority: token type is not bearer",
        ),
    ] {
        assert_eq!(
            finish(redirected(), vec![answer])
                .0
                .unwrap_err()
                .to_string(),
            text
        );
    }
}

#[test]
fn plan_use_hangs_on_the_granted_scope_and_nothing_else() {
    for (rest, granted) in [
        (format!(r#","scope":"{SCOPE}""#), true),
        (
            r#","scope":"openid email resource.invoke""#.to_owned(),
            false,
        ),
        (
            r#","scope":"chatgpt.tokens.use.directly""#.to_owned(),
            false,
        ),
        (String::new(), false),
    ] {
        let answer = tokens_with(
            &id_token(&[]),
            &format!(r#","refresh_token":"refresh-1"{rest}"#),
        );
        let (signed_in, authority, _) = finish(redirected(), vec![answer, ok(key_set(&[1]))]);
        let store = MemoryStore::new();
        block_on(store_sign_in(
            &profile(),
            &store,
            &authority,
            &VirtualTimer::new(),
            &signed_in.unwrap(),
        ))
        .unwrap();
        let source = OAuthSource::builder(profile(), store, authority, VirtualTimer::new())
            .build()
            .unwrap();
        let (mut head, ()) = http::Request::get("https://api.openai.com/v1/models")
            .body(())
            .unwrap()
            .into_parts();
        let applied = block_on(source.apply(&mut head));
        assert_eq!(applied.is_ok(), granted, "{rest}");
        if granted {
            assert_eq!(head.headers.len(), 1, "the bearer and no account header");
        } else {
            let error = applied.unwrap_err();
            assert_eq!(
                (error.kind(), error.to_string().as_str()),
                (
                    ErrorKind::PlanUseNotGranted,
                    "sign-in does not grant use of the plan"
                )
            );
            assert!(head.headers.is_empty());
        }
    }
}

#[test]
fn an_unknown_key_is_looked_for_once_more_and_an_outage_is_no_verdict() {
    let (signed_in, authority, _) = finish(
        redirected(),
        vec![
            tokens(&id_token(&[])),
            ok(key_set(&[2])),
            ok(key_set(&[2, 1])),
        ],
    );
    assert_eq!((signed_in.is_ok(), authority.count()), (true, 3));
    let (result, authority, _) = finish(
        redirected(),
        vec![tokens(&id_token(&[])), ok(key_set(&[2])), ok(key_set(&[2]))],
    );
    assert_eq!(
        (result.unwrap_err().kind(), authority.count()),
        (ErrorKind::InvalidIdToken, 3)
    );

    let (signed_in, _, _) = finish(
        redirected(),
        vec![
            tokens(&id_token(&[])),
            Answer::Lost,
            Answer::Body(503, String::new()),
            ok(key_set(&[1])),
        ],
    );
    assert!(signed_in.is_ok());
    let mut answers = vec![tokens(&id_token(&[]))];
    answers.extend((0..6).map(|_| Answer::Lost));
    let error = finish(redirected(), answers).0.unwrap_err();
    assert_eq!(
        (error.kind(), error.is_retryable()),
        (ErrorKind::Unavailable, true)
    );
}

#[test]
fn another_subject_than_the_registered_is_refused() {
    let mut flow = begin(BrowserSignIn::new(profile(), 49152).returning(registration()));
    redirect(&mut flow, "code=c").unwrap();
    let (result, _, _) = finish(
        flow,
        vec![
            tokens(&id_token(&[("sub", "\"user-2\"")])),
            ok(key_set(&[1])),
        ],
    );
    assert_eq!(result.unwrap_err().kind(), ErrorKind::AccountChanged);
}

fn stored(earliest: Option<u64>, expires: u64) -> MemoryStore {
    let at = |seconds| start() + Duration::from_secs(seconds);
    let mut set = TokenSet::new(Secret::from("access-1"))
        .with_refresh_token(Secret::from("refresh-1"))
        .with_scope(SCOPE)
        .with_expires_at(at(expires));
    if let Some(earliest) = earliest {
        set = set.with_earliest_refresh_at(at(earliest));
    }
    let store = MemoryStore::new();
    store
        .save(
            &Record::of_tokens(set, start()).with_registration(registration()),
            None,
        )
        .unwrap();
    store
}

fn apply(
    source: &OAuthSource<MemoryStore, Authority, VirtualTimer>,
) -> Result<(codex_auth::Lease, String), Error> {
    let (mut head, ()) = http::Request::get("https://api.openai.com/v1/models")
        .body(())
        .unwrap()
        .into_parts();
    let lease = block_on(source.apply(&mut head))?;
    Ok((
        lease,
        head.headers["authorization"].to_str().unwrap().to_owned(),
    ))
}

fn source(
    store: &MemoryStore,
    authority: &Authority,
    timer: &VirtualTimer,
) -> OAuthSource<MemoryStore, Authority, VirtualTimer> {
    OAuthSource::builder(profile(), store.clone(), authority.clone(), timer.clone())
        .build()
        .unwrap()
}

#[test]
fn nothing_is_renewed_before_the_authority_allows_it() {
    let (store, timer, authority) = (
        stored(Some(3240), 3600),
        VirtualTimer::new(),
        Authority::default(),
    );
    let source = source(&store, &authority, &timer);
    let (lease, _) = apply(&source).unwrap();
    assert_eq!(
        block_on(source.rejected(lease)).unwrap(),
        Verdict::GiveUp,
        "a rejection does not justify it either"
    );
    timer.advance(Duration::from_secs(3239));
    apply(&source).unwrap();
    assert_eq!(authority.count(), 0);
    timer.advance(Duration::from_secs(61));
    authority.push(ok(r#"{"access_token":"access-2","refresh_token":"refresh-2","expires_in":3600,"earliest_refresh_at":null}"#));
    assert_eq!(apply(&source).unwrap().1, "Bearer access-2");
    let body = authority.body(0);
    let names: Vec<String> = form(&body).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["client_id", "grant_type", "refresh_token", "resource"]
    );
    assert_eq!(member(&body, "client_id").as_deref(), Some(CLIENT));
    // Scopes that the response does not repeat stay.
    let record = store.load().unwrap().unwrap().into_record();
    assert!(
        record
            .tokens()
            .unwrap()
            .has_scope("chatgpt.tokens.use.direct")
    );
    assert_eq!(record.tokens().unwrap().earliest_refresh_at(), None);

    let (store, timer) = (stored(Some(7200), 3600), VirtualTimer::new());
    timer.advance(Duration::from_secs(3601));
    let error = apply(&self::source(&store, &Authority::default(), &timer)).unwrap_err();
    assert_eq!(
        (error.kind(), error.is_retryable()),
        (ErrorKind::RefreshNotReady, true)
    );
    assert_eq!(
        error.not_before(),
        Some(start() + Duration::from_secs(7200))
    );
    assert_eq!(
        error.to_string(),
        "access token has expired and cannot be refreshed yet"
    );
}

#[test]
fn the_earliest_moment_is_read_in_every_form() {
    let at = START + 100;
    for (text, known) in [
        (at.to_string(), true),
        (format!("\"{at}\""), true),
        ("\"2026-01-02T03:01:40Z\"".to_owned(), true),
        ("null".to_owned(), false),
        ("\"soon\"".to_owned(), false),
    ] {
        let store = stored(None, 10);
        let authority = Authority::new([ok(format!(
            r#"{{"access_token":"a2","expires_in":3600,"earliest_refresh_at":{text}}}"#
        ))]);
        apply(&source(&store, &authority, &VirtualTimer::new())).unwrap();
        // The record survives a store round trip.
        let record = Record::from_json(
            store
                .load()
                .unwrap()
                .unwrap()
                .record()
                .to_json()
                .expose()
                .as_bytes(),
        )
        .unwrap();
        let earliest = record.tokens().unwrap().earliest_refresh_at();
        assert_eq!(
            earliest,
            known.then(|| start() + Duration::from_secs(100)),
            "{text}"
        );
    }
}

#[test]
fn a_reduced_grant_closes_the_gate_and_another_subject_is_refused() {
    let authority = Authority::new([ok(
        r#"{"access_token":"a2","refresh_token":"r2","scope":"openid"}"#,
    )]);
    let store = stored(None, 10);
    assert_eq!(
        apply(&source(&store, &authority, &VirtualTimer::new()))
            .unwrap_err()
            .kind(),
        ErrorKind::PlanUseNotGranted
    );
    assert_eq!(
        store
            .load()
            .unwrap()
            .unwrap()
            .record()
            .tokens()
            .unwrap()
            .refresh_token()
            .unwrap()
            .expose(),
        "r2"
    );

    let other = id_token(&[("sub", "\"user-2\"")]);
    let authority = Authority::new([ok(format!(
        r#"{{"access_token":"a2","refresh_token":"r2","id_token":"{other}"}}"#
    ))]);
    let store = stored(None, 10);
    assert_eq!(
        apply(&source(&store, &authority, &VirtualTimer::new()))
            .unwrap_err()
            .kind(),
        ErrorKind::AccountChanged
    );
    assert_eq!(
        store
            .load()
            .unwrap()
            .unwrap()
            .record()
            .tokens()
            .unwrap()
            .refresh_token()
            .unwrap()
            .expose(),
        "r2",
        "what was paid for is kept"
    );
}

#[test]
fn a_renewed_id_token_is_checked_after_it_is_safe() {
    let renewed = |id_token: &str| {
        ok(format!(
            r#"{{"access_token":"a2","refresh_token":"r2","expires_in":3600,"id_token":"{id_token}"}}"#
        ))
    };
    let forged = id_token(&[]).replace(
        "eyJhbGciOiJSUzI1NiIsImtpZCI6ImtleS0xIn0",
        "eyJhbGciOiJub25lIn0",
    );
    let cases = [
        (
            renewed(&id_token(&[("nonce", "null")])),
            vec![ok(key_set(&[1]))],
            None,
        ),
        (
            renewed(&id_token(&[])),
            vec![ok(key_set(&[2])), ok(key_set(&[2, 1]))],
            None,
        ),
        (renewed(&id_token(&[])), vec![Answer::Lost], None),
        (
            renewed(&id_token(&[])),
            vec![Answer::Body(503, String::new())],
            None,
        ),
        (
            renewed(&id_token(&[])),
            vec![ok(key_set(&[2])), ok(key_set(&[2]))],
            Some(ErrorKind::InvalidIdToken),
        ),
        (
            renewed(&id_token(&[("aud", "\"other\"")])),
            vec![ok(key_set(&[1]))],
            Some(ErrorKind::InvalidIdToken),
        ),
        (
            renewed(&forged),
            vec![ok(key_set(&[1])), ok(key_set(&[1]))],
            Some(ErrorKind::InvalidIdToken),
        ),
    ];
    for (answer, keys, refused) in cases {
        let store = stored(None, 0);
        let authority = Authority::new([answer]);
        keys.into_iter().for_each(|keys| authority.push(keys));
        let source = source(&store, &authority, &VirtualTimer::new());
        let requests = authority.count();
        assert_eq!(apply(&source).err().map(|error| error.kind()), refused);
        let asked = authority.count();
        assert_eq!(
            apply(&source).err().map(|error| error.kind()),
            refused,
            "remembered"
        );
        assert_eq!((requests, authority.count()), (0, asked));
        let record = store.load().unwrap().unwrap().into_record();
        assert_eq!(
            record.tokens().unwrap().refresh_token().unwrap().expose(),
            "r2"
        );
    }
}

#[test]
fn two_registrations_of_one_person_are_two_accounts() {
    let (one, two) = (stored(None, 3600), stored(None, 3600));
    let found = two.load().unwrap().unwrap();
    let other = Registration::new("oaiapp_workspace", host())
        .unwrap()
        .with_subject("user-1")
        .with_email("me@example.com");
    two.save(
        &found.record().clone().with_registration(other),
        Some(found.revision()),
    )
    .unwrap();
    let authority = Authority::default();
    let source = source(&one, &authority, &VirtualTimer::new());
    let (lease, _) = apply(&source).unwrap();
    // A replaced login is detected even if user, e-mail address and tokens are the same.
    let mine = one.load().unwrap().unwrap();
    one.save(two.load().unwrap().unwrap().record(), Some(mine.revision()))
        .unwrap();
    assert_eq!(
        block_on(source.rejected(lease)).unwrap_err().kind(),
        ErrorKind::AccountChanged
    );
    source.reload();
    apply(&source).expect("asked for, it is taken");
    assert_eq!(
        source.record().unwrap().registration().unwrap().client_id(),
        "oaiapp_workspace"
    );
}

#[test]
fn refusals_have_the_documented_consequences() {
    for (body, kind, sign_in) in [
        (
            r#"{"error":"invalid_grant"}"#,
            ErrorKind::RefreshRefused,
            true,
        ),
        (
            r#"{"error":{"code":"invalid_refresh_token"}}"#,
            ErrorKind::RefreshRefused,
            true,
        ),
        (
            r#"{"error":"token_expired"}"#,
            ErrorKind::RefreshExpired,
            true,
        ),
        (
            r#"{"error":"refresh_token_expired"}"#,
            ErrorKind::RefreshExpired,
            true,
        ),
        (
            r#"{"error":{"code":"refresh_token_invalidated"}}"#,
            ErrorKind::RefreshRevoked,
            true,
        ),
        (
            r#"{"error":"refresh_token_reused"}"#,
            ErrorKind::RefreshReused,
            true,
        ),
        (
            r#"{"error":"invalid_client"}"#,
            ErrorKind::InvalidClient,
            false,
        ),
        (
            r#"{"error":"temporarily_unavailable"}"#,
            ErrorKind::Unavailable,
            false,
        ),
        (r#"{"error":"something_new"}"#, ErrorKind::Rejected, false),
    ] {
        let (store, authority) = (
            stored(None, 0),
            Authority::new([Answer::Body(400, body.to_owned())]),
        );
        let error = apply(&source(&store, &authority, &VirtualTimer::new())).unwrap_err();
        assert_eq!(
            (error.kind(), error.needs_sign_in(), authority.count()),
            (kind, sign_in, 1),
            "{body}"
        );
        let record = store.load().unwrap().unwrap().into_record();
        assert_eq!(record.registration(), Some(&registration()));
        assert!(record.tokens().is_some());
    }
}

#[test]
fn signing_out_revokes_clears_and_keeps_the_registration() {
    let discovered = br#"{"issuer":"https://auth.openai.com","revocation_endpoint":"https://auth.openai.com/api/accounts/oauth/revoke"}"#;
    let with_revoke = profile().with_discovery(discovered).unwrap();
    let unavailable = || Answer::Body(503, String::new());
    let cases = [
        (with_revoke.clone(), vec![ok("")], 1, true),
        (with_revoke.clone(), vec![unavailable(), ok("")], 2, true),
        (
            with_revoke,
            vec![unavailable(), unavailable(), unavailable()],
            3,
            false,
        ),
        (profile(), vec![], 0, false),
    ];
    for (profile, answers, requests, confirmed) in cases {
        let (store, authority) = (stored(None, 3600), Authority::new(answers));
        let outcome =
            block_on(sign_out(&profile, &store, &authority, &VirtualTimer::new())).unwrap();
        assert_eq!(
            (
                authority.count(),
                matches!(outcome.revoked(), Revoked::Confirmed)
            ),
            (requests, confirmed)
        );
        assert!(outcome.removed());
        if requests > 0 {
            assert_eq!(
                authority.body(0),
                format!("token=refresh-1&token_type_hint=refresh_token&client_id={CLIENT}")
            );
        }
        let record = store.load().unwrap().unwrap().into_record();
        assert!(record.tokens().is_none());
        assert!(
            !record.to_json().expose().contains("access-1")
                && !record.to_json().expose().contains("refresh-1")
        );
        let next = begin(
            BrowserSignIn::new(profile, 49152).returning(record.registration().unwrap().clone()),
        );
        assert_eq!(member(&query(&next), "client_id").as_deref(), Some(CLIENT));
    }
}

#[test]
fn a_record_of_another_registration_or_of_none_is_not_used() {
    let (store, timer, authority) = (
        stored(None, 3600),
        VirtualTimer::new(),
        Authority::default(),
    );
    let source = source(&store, &authority, &timer);
    let (lease, _) = apply(&source).unwrap();
    let found = store.load().unwrap().unwrap();
    let other = found
        .record()
        .clone()
        .with_registration(Registration::new("oaiapp_other", host()).unwrap());
    store.save(&other, Some(found.revision())).unwrap();
    assert_eq!(
        block_on(source.rejected(lease)).unwrap_err().kind(),
        ErrorKind::AccountChanged
    );
    assert_eq!(authority.count(), 0);

    let text = store
        .load()
        .unwrap()
        .unwrap()
        .record()
        .to_json()
        .expose()
        .replace("oaiapp_other", "dynamic_agent_client");
    assert_eq!(
        Record::from_json(text.as_bytes()).unwrap_err().to_string(),
        "token store failed: invalid registration"
    );
}

#[test]
fn host_ids_have_one_of_three_forms() {
    for good in [
        "urn:uuid:6f9c2d1e-57a0-4b1e-9a70-0d5c1f2b3a48",
        "urn:ietf:params:oauth:jwk-thumbprint:sha-256:NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
        "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
    ] {
        assert_eq!(HostId::parse(good).unwrap().as_str(), good);
    }
    for bad in [
        "",
        "urn:uuid:6f9c2d1e-57a0-1b1e-9a70-0d5c1f2b3a48",
        "urn:uuid:6f9c2d1e57a04b1e9a700d5c1f2b3a48",
        "did:web:example.com",
        "me@example.com",
        "did:key:a b c d e f",
    ] {
        assert_eq!(
            HostId::parse(bad).unwrap_err().kind(),
            ErrorKind::InvalidConfiguration,
            "{bad}"
        );
    }
    assert_ne!(HostId::from_os().unwrap(), HostId::from_os().unwrap());
    let mut flow = first();
    assert!(matches!(flow.poll(now()).unwrap(), Step::Show(_)));
}
