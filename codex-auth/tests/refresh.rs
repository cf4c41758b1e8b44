//! Renewing a login: which requests are sent, which tokens are stored or adopted, and which are
//! never sent twice.

use core::time::Duration;

use codex_auth::{
    Audience, CredentialSource as _, ErrorKind, FileStore, MemoryStore, OAuthProfile, OAuthSource,
    Record, Secret, TokenSet, TokenStore as _, UnknownOutcome, Verdict,
};

use crate::support::login::{
    HOUR, MINUTE, TARGET, accept, apply, head, load, refresh_token, refused, renewed, replace,
    source, stored, tokens,
};
use crate::support::{
    Answer, Authority, Directory, VirtualTimer, access, block_on, id, jwt, ok, response, start,
};

#[test]
fn an_answer_without_id_token_keeps_the_old_one_and_the_account() {
    let (store, timer) = (stored(tokens(1, -MINUTE)), VirtualTimer::new());
    timer.advance(Duration::from_secs(90));
    let authority = Authority::new([renewed(2, HOUR)]);
    let source = source(store.clone(), &authority, &timer);
    assert_eq!(apply(&source).unwrap().1, access(2, HOUR));

    let record = load(&store);
    let new = record.tokens().unwrap();
    assert_eq!(new.id_token().unwrap().expose(), id("acct-1"));
    assert_eq!(new.account_id().unwrap().0, "acct-1");
    assert_eq!(new.refresh_token().unwrap().expose(), "refresh-2");
    assert_eq!(
        record.last_refresh(),
        Some(start() + Duration::from_secs(90))
    );
    assert!(!record.is_refresh_outcome_unknown());
    assert_eq!(
        source.record().unwrap(),
        record,
        "what is used is what is stored"
    );
    assert_eq!(
        authority.body(0),
        "{\"client_id\":\"app_EMoamEEZ73f0CkXaXp7hrann\",\"grant_type\":\"refresh_token\",\"refresh_token\":\"refresh-1\"}"
    );
    assert_eq!(authority.header(0, "content-type"), "application/json");
}

#[test]
fn every_member_of_an_answer_may_be_missing_but_not_all() {
    for (answer, expected) in [
        (r#"{"access_token":"a2"}"#, ("a2", "refresh-1")),
        (
            r#"{"refresh_token":"r2","access_token":"a2","id_token":null}"#,
            ("a2", "r2"),
        ),
    ] {
        let (store, timer) = (stored(tokens(1, -MINUTE)), VirtualTimer::new());
        let source = source(store.clone(), &Authority::new([ok(answer)]), &timer);
        assert_eq!(apply(&source).unwrap().1, expected.0);
        assert_eq!(refresh_token(&store), expected.1);
    }
}

#[test]
fn tokens_are_renewed_five_minutes_before_they_expire_and_not_earlier() {
    for (expires, requests) in [
        (4 * MINUTE, 1),
        (5 * MINUTE, 1),
        (6 * MINUTE, 0),
        (HOUR, 0),
        (-1, 1),
        (0, 1),
    ] {
        let directory = Directory::new("window");
        let store = FileStore::new(directory.file());
        store
            .save(
                &Record::of_tokens(tokens(1, expires), start() - Duration::from_secs(9 * 86400)),
                None,
            )
            .unwrap();
        let before = std::fs::read(directory.file()).unwrap();
        let authority = Authority::new([renewed(2, 10 * HOUR)]);
        let source = source(store, &authority, &VirtualTimer::new());
        apply(&source).unwrap();
        assert_eq!(authority.count(), requests, "expires in {expires} s");
        assert_eq!(
            before == std::fs::read(directory.file()).unwrap(),
            requests == 0
        );
    }
}

#[test]
fn an_opaque_token_goes_by_its_age_and_newer_ones_in_the_store_win() {
    let opaque = |number| {
        TokenSet::new(Secret::from(format!("opaque-{number}")))
            .with_refresh_token(Secret::from(format!("refresh-{number}")))
    };
    let (store, timer, authority) = (stored(opaque(1)), VirtualTimer::new(), Authority::default());
    let source = source(store.clone(), &authority, &timer);
    assert_eq!(apply(&source).unwrap().1, "opaque-1");
    timer.advance(Duration::from_secs(9 * 86400));
    replace(
        &store,
        &Record::of_tokens(opaque(2), start() + timer.elapsed()),
    );
    assert_eq!(apply(&source).unwrap().1, "opaque-2");
    assert_eq!(authority.count(), 0);

    timer.advance(Duration::from_secs(9 * 86400));
    authority.push(ok(r#"{"access_token":"opaque-3"}"#));
    assert_eq!(apply(&source).unwrap().1, "opaque-3");
}

#[test]
fn the_ladder_after_a_rejection_is_reload_then_refresh_then_stop() {
    let (store, timer) = (stored(tokens(1, HOUR)), VirtualTimer::new());
    let authority = Authority::new([renewed(3, HOUR)]);
    let source = source(store.clone(), &authority, &timer);
    let (first, _) = apply(&source).unwrap();

    replace(&store, &Record::of_tokens(tokens(2, HOUR), start()));
    assert_eq!(block_on(source.rejected(first)).unwrap(), Verdict::Retry);
    assert_eq!(authority.count(), 0, "another process had renewed it");
    let (second, bearer) = apply(&source).unwrap();
    assert_eq!(bearer, access(2, HOUR));

    assert_eq!(block_on(source.rejected(second)).unwrap(), Verdict::Retry);
    assert_eq!(authority.count(), 1);
    let (third, bearer) = apply(&source).unwrap();
    assert_eq!(bearer, access(3, HOUR));

    assert_eq!(block_on(source.rejected(third)).unwrap(), Verdict::GiveUp);
    assert_eq!(
        authority.count(),
        1,
        "a token never accepted is not the reason"
    );
    // Late rejections of old tokens do nothing.
    for old in [first, second] {
        assert_eq!(block_on(source.rejected(old)).unwrap(), Verdict::Retry);
    }
    assert_eq!(authority.count(), 1);
}

#[test]
fn a_generation_that_was_accepted_is_renewed_when_it_is_rejected_later() {
    let (store, timer) = (stored(tokens(1, HOUR)), VirtualTimer::new());
    let authority = Authority::new([renewed(2, HOUR), renewed(3, HOUR)]);
    let source = source(store, &authority, &timer);
    let (lease, _) = apply(&source).unwrap();
    assert_eq!(block_on(source.rejected(lease)).unwrap(), Verdict::Retry);
    let (lease, _) = apply(&source).unwrap();
    accept(&source, lease);
    assert_eq!(block_on(source.rejected(lease)).unwrap(), Verdict::Retry);
    assert_eq!(authority.count(), 2);
}

#[test]
fn another_account_in_the_store_is_an_error_and_changes_nothing() {
    for rejected in [false, true] {
        let (store, timer, authority) = (
            stored(tokens(1, 10 * MINUTE)),
            VirtualTimer::new(),
            Authority::default(),
        );
        let source = source(store.clone(), &authority, &timer);
        let (lease, _) = apply(&source).unwrap();
        let other = TokenSet::new(Secret::from("other"))
            .with_refresh_token(Secret::from("r"))
            .with_account_id("acct-2");
        replace(&store, &Record::of_tokens(other, start()));
        let error = if rejected {
            block_on(source.rejected(lease)).unwrap_err()
        } else {
            timer.advance(Duration::from_secs(6 * 60));
            apply(&source).unwrap_err()
        };
        assert_eq!(error.kind(), ErrorKind::AccountChanged);
        assert!(error.needs_sign_in());
        assert_eq!(
            error.to_string(),
            "stored credentials belong to another account"
        );
        assert_eq!(authority.count(), 0);
        assert_eq!(refresh_token(&store), "r");
        assert_eq!(
            source
                .record()
                .unwrap()
                .tokens()
                .unwrap()
                .account_id()
                .unwrap()
                .0,
            "acct-1"
        );
    }
}

#[test]
fn a_login_removed_by_somebody_else_is_not_brought_back() {
    let (store, timer, authority) = (
        stored(tokens(1, HOUR)),
        VirtualTimer::new(),
        Authority::default(),
    );
    let source = source(store.clone(), &authority, &timer);
    let (lease, _) = apply(&source).unwrap();
    store.clear().unwrap();
    assert_eq!(
        block_on(source.rejected(lease)).unwrap_err().kind(),
        ErrorKind::NotSignedIn
    );
    assert!(store.load().unwrap().is_none());
}

#[test]
fn a_permanent_refusal_is_remembered_for_these_tokens_alone() {
    let (store, timer) = (stored(tokens(1, HOUR)), VirtualTimer::new());
    let authority = Authority::new([refused("refresh_token_reused")]);
    let source = source(store.clone(), &authority, &timer);
    let (lease, bearer) = apply(&source).unwrap();
    for _ in 0..2 {
        let error = block_on(source.rejected(lease)).unwrap_err();
        assert_eq!(
            (error.kind(), error.status().unwrap().as_u16(), error.code()),
            (ErrorKind::RefreshReused, 401, Some("refresh_token_reused"))
        );
        assert_eq!(
            error.to_string(),
            "refresh token was already used by another holder of this login (status 401)"
        );
    }
    assert_eq!(authority.count(), 1);
    assert_eq!(refresh_token(&store), "refresh-1");
    assert!(!load(&store).is_refresh_outcome_unknown());
    assert_eq!(
        apply(&source).unwrap().1,
        bearer,
        "what is in use stays in use"
    );

    replace(&store, &Record::of_tokens(tokens(2, HOUR), start()));
    assert_eq!(block_on(source.rejected(lease)).unwrap(), Verdict::Retry);
    let (lease, _) = apply(&source).unwrap();
    accept(&source, lease);
    assert_eq!(authority.count(), 1);
    authority.push(renewed(3, HOUR));
    assert_eq!(
        block_on(source.rejected(lease)).unwrap(),
        Verdict::Retry,
        "the verdict is gone with the tokens"
    );
}

#[test]
fn refusals_are_told_apart_by_code_first_and_status_second() {
    let cases = [
        (
            401,
            r#"{"error":{"code":"refresh_token_expired"}}"#,
            ErrorKind::RefreshExpired,
        ),
        (
            400,
            r#"{"error":"token_expired"}"#,
            ErrorKind::RefreshExpired,
        ),
        (
            400,
            r#"{"code":"REFRESH_TOKEN_INVALIDATED"}"#,
            ErrorKind::RefreshRevoked,
        ),
        (401, "", ErrorKind::RefreshRefused),
        (
            401,
            r#"{"error":"anything_else"}"#,
            ErrorKind::RefreshRefused,
        ),
        (
            400,
            r#"{"error":"invalid_grant"}"#,
            ErrorKind::RefreshRefused,
        ),
        (
            400,
            r#"{"error":{"code":"invalid_refresh_token"}}"#,
            ErrorKind::RefreshRefused,
        ),
        (
            401,
            r#"{"error":"invalid_client"}"#,
            ErrorKind::InvalidClient,
        ),
        (
            400,
            r#"{"error":"temporarily_unavailable"}"#,
            ErrorKind::Unavailable,
        ),
        (
            429,
            r#"{"error":"rate_limit_exceeded"}"#,
            ErrorKind::Unavailable,
        ),
        (500, "<html>", ErrorKind::Unavailable),
        (503, "", ErrorKind::Unavailable),
        (403, "blocked", ErrorKind::Rejected),
        (307, "", ErrorKind::InvalidResponse),
        (
            302,
            r#"{"access_token":"stolen"}"#,
            ErrorKind::InvalidResponse,
        ),
    ];
    for (status, body, kind) in cases {
        let (store, timer) = (stored(tokens(1, -MINUTE)), VirtualTimer::new());
        let authority = Authority::new([Answer::Body(status, body.to_owned())]);
        let source = source(store.clone(), &authority, &timer);
        let error = apply(&source).unwrap_err();
        assert_eq!(error.kind(), kind, "{status} {body}");
        assert_eq!(authority.count(), 1);
        assert_eq!(
            refresh_token(&store),
            "refresh-1",
            "nothing is lost by a refusal"
        );
        assert!(
            !load(&store).is_refresh_outcome_unknown(),
            "{status} {body}"
        );
    }
}

#[test]
fn a_transient_failure_changes_nothing_and_tokens_that_last_are_used() {
    let (store, timer) = (stored(tokens(1, 2 * MINUTE)), VirtualTimer::new());
    let authority = Authority::new([
        Answer::Body(500, String::new()),
        Answer::Body(503, String::new()),
        renewed(2, HOUR),
    ]);
    let source = source(store.clone(), &authority, &timer);
    assert_eq!(apply(&source).unwrap().1, access(1, 2 * MINUTE));
    assert_eq!(apply(&source).unwrap().1, access(1, 2 * MINUTE));
    assert_eq!(authority.count(), 1, "the next attempt is not at once");
    timer.advance(Duration::from_secs(1));
    assert_eq!(apply(&source).unwrap().1, access(1, 2 * MINUTE));
    assert_eq!(authority.count(), 2);
    timer.advance(Duration::from_secs(2));
    assert_eq!(apply(&source).unwrap().1, access(2, HOUR));
}

#[test]
fn the_authority_may_ask_for_a_longer_pause() {
    let (store, timer) = (stored(tokens(1, 4 * MINUTE)), VirtualTimer::new());
    let mut limited = response(429, "");
    limited
        .headers_mut()
        .insert("retry-after", "30".parse().unwrap());
    let authority = Authority::new([Answer::Full(limited), renewed(2, HOUR)]);
    let source = source(store, &authority, &timer);
    apply(&source).unwrap();
    timer.advance(Duration::from_secs(29));
    apply(&source).unwrap();
    assert_eq!(authority.count(), 1);
    timer.advance(Duration::from_secs(1));
    apply(&source).unwrap();
    assert_eq!(authority.count(), 2);
}

#[test]
fn what_certainly_was_not_sent_is_sent_again() {
    let (store, timer) = (stored(tokens(1, -MINUTE)), VirtualTimer::new());
    let authority = Authority::new([Answer::NotSent, renewed(2, HOUR)]);
    let source = source(store, &authority, &timer);
    let error = apply(&source).unwrap_err();
    assert_eq!(
        (error.kind(), error.is_retryable()),
        (ErrorKind::NotSent, true)
    );
    assert_eq!(
        core::error::Error::source(&error).unwrap().to_string(),
        "connection refused"
    );
    assert_eq!(apply(&source).unwrap().1, access(2, HOUR));
}

#[test]
fn after_a_lost_answer_the_token_is_never_sent_again_in_any_process() {
    for lost in [Answer::Lost, Answer::Silence] {
        let (store, timer) = (stored(tokens(1, -MINUTE)), VirtualTimer::new());
        let authority = Authority::new([lost]);
        let one = source(store.clone(), &authority, &timer);
        let other = source(store.clone(), &authority, &timer);
        for source in [&one, &one, &other] {
            let error = apply(source).unwrap_err();
            assert_eq!(
                (error.kind(), error.is_retryable()),
                (ErrorKind::OutcomeUnknown, false)
            );
            timer.advance(Duration::from_secs(3600));
        }
        assert_eq!(authority.count(), 1);
        assert!(load(&store).is_refresh_outcome_unknown());

        // A new sign-in, or another program's renewal, ends that.
        replace(&store, &Record::of_tokens(tokens(2, 30 * HOUR), start()));
        assert_eq!(apply(&one).unwrap().1, access(2, 30 * HOUR));
    }
}

#[test]
fn a_lost_answer_that_another_program_received_is_adopted() {
    struct Sibling(MemoryStore);
    impl codex_auth::SendRequest for Sibling {
        async fn send(
            &self,
            _: http::Request<bytes::Bytes>,
        ) -> Result<http::Response<bytes::Bytes>, codex_auth::SendFailure> {
            replace(&self.0, &Record::of_tokens(tokens(2, HOUR), start()));
            Err(codex_auth::SendFailure::maybe_sent("connection reset"))
        }
    }
    let store = stored(tokens(1, -MINUTE));
    let source = OAuthSource::builder(
        OAuthProfile::codex(),
        store.clone(),
        Sibling(store),
        VirtualTimer::new(),
    )
    .build()
    .unwrap();
    assert_eq!(apply(&source).unwrap().1, access(2, HOUR));
}

#[test]
fn a_token_refused_as_reused_gives_way_to_the_newer_one_in_the_store() {
    struct Sibling(MemoryStore);
    impl codex_auth::SendRequest for Sibling {
        async fn send(
            &self,
            _: http::Request<bytes::Bytes>,
        ) -> Result<http::Response<bytes::Bytes>, codex_auth::SendFailure> {
            replace(&self.0, &Record::of_tokens(tokens(2, HOUR), start()));
            Ok(response(400, r#"{"error":"refresh_token_reused"}"#))
        }
    }
    let store = stored(tokens(1, -MINUTE));
    let source = OAuthSource::builder(
        OAuthProfile::codex(),
        store.clone(),
        Sibling(store),
        VirtualTimer::new(),
    )
    .build()
    .unwrap();
    assert_eq!(apply(&source).unwrap().1, access(2, HOUR));
}

#[test]
fn one_more_attempt_is_made_once_where_the_user_wants_it() {
    let (store, timer) = (stored(tokens(1, 2 * MINUTE)), VirtualTimer::new());
    let authority = Authority::new([Answer::Lost, Answer::Lost]);
    let source = OAuthSource::builder(
        OAuthProfile::codex(),
        store,
        authority.clone(),
        timer.clone(),
    )
    .with_unknown_outcome(UnknownOutcome::RetryOnce)
    .build()
    .unwrap();
    assert_eq!(apply(&source).unwrap().1, access(1, 2 * MINUTE), "it lasts");
    timer.advance(Duration::from_secs(60));
    apply(&source).unwrap();
    assert_eq!(
        authority.count(),
        1,
        "as long as it lasts there is something to lose"
    );
    timer.advance(Duration::from_secs(60));
    for _ in 0..2 {
        assert_eq!(
            apply(&source).unwrap_err().kind(),
            ErrorKind::OutcomeUnknown
        );
    }
    assert_eq!(authority.count(), 2);
}

#[test]
fn a_malformed_id_token_does_not_cost_the_login() {
    let (store, timer) = (stored(tokens(1, -MINUTE)), VirtualTimer::new());
    let answer = format!(
        r#"{{"access_token":"{}","refresh_token":"refresh-2","id_token":"garbage"}}"#,
        access(2, HOUR)
    );
    let source = source(store.clone(), &Authority::new([ok(answer)]), &timer);
    apply(&source).unwrap();
    assert_eq!(refresh_token(&store), "refresh-2");
}

#[test]
fn tokens_of_another_account_are_kept_safe_and_not_used() {
    let (store, timer) = (stored(tokens(1, -MINUTE)), VirtualTimer::new());
    let other =
        jwt(r#"{"exp":1767999999,"https://api.openai.com/auth":{"chatgpt_account_id":"acct-2"}}"#);
    let authority = Authority::new([ok(format!(
        r#"{{"access_token":"{other}","refresh_token":"refresh-2"}}"#
    ))]);
    let source = source(store.clone(), &authority, &timer);
    for _ in 0..2 {
        assert_eq!(
            apply(&source).unwrap_err().kind(),
            ErrorKind::AccountChanged
        );
    }
    assert_eq!(authority.count(), 1);
    assert_eq!(refresh_token(&store), "refresh-2");
}

#[test]
fn a_clock_that_is_wrong_makes_no_loop() {
    let (store, timer) = (stored(tokens(1, -MINUTE)), VirtualTimer::new());
    let authority = Authority::new([renewed(2, -HOUR), renewed(3, -HOUR)]);
    let source = source(store, &authority, &timer);
    for _ in 0..5 {
        assert_eq!(
            apply(&source).unwrap().1,
            access(2, -HOUR),
            "the authority made it a moment ago"
        );
    }
    assert_eq!(authority.count(), 1);
    timer.advance(Duration::from_secs(60));
    assert_eq!(apply(&source).unwrap().1, access(3, -HOUR));
}

#[test]
fn the_life_of_a_token_is_counted_from_its_arrival() {
    // Issued for an hour by a clock that is two hours behind the local one.
    let skewed = jwt(r#"{"iat":1767315600,"exp":1767319200}"#);
    let (store, timer) = (stored(tokens(1, -MINUTE)), VirtualTimer::new());
    let authority = Authority::new([ok(format!(r#"{{"access_token":"{skewed}"}}"#))]);
    let source = source(store, &authority, &timer);
    apply(&source).unwrap();
    timer.advance(Duration::from_secs(54 * 60));
    apply(&source).unwrap();
    assert_eq!(authority.count(), 1);
}

#[test]
fn absurd_expiries_neither_panic_nor_loop() {
    for expires in [
        "-1",
        "-9223372036854775808",
        "9223372036854775807",
        "1e300",
        "null",
        "\"soon\"",
        "0",
        "253402300800",
    ] {
        let strange = jwt(&format!(r#"{{"exp":{expires}}}"#));
        let set = TokenSet::new(Secret::from(strange)).with_refresh_token(Secret::from("r"));
        let authority = Authority::new([renewed(2, HOUR)]);
        let source = source(stored(set), &authority, &VirtualTimer::new());
        apply(&source).unwrap();
        assert!(authority.count() <= 1);
    }
}

#[test]
fn a_record_without_account_id_is_renewed_under_the_claimed_one() {
    let set = TokenSet::new(Secret::from(access(1, -MINUTE)))
        .with_refresh_token(Secret::from("refresh-1"));
    let (store, authority) = (stored(set), Authority::new([renewed(2, HOUR)]));
    let source = source(store, &authority, &VirtualTimer::new());
    let mut request = head();
    block_on(source.apply(&mut request)).unwrap();
    assert_eq!(request.headers["chatgpt-account-id"], "acct-1");
}

#[test]
fn what_is_not_to_be_renewed_is_used_as_long_as_it_lasts() {
    let directory = Directory::new("read-only");
    let writer = FileStore::new(directory.file());
    writer
        .save(&Record::of_tokens(tokens(1, 2 * MINUTE), start()), None)
        .unwrap();
    let (timer, authority) = (VirtualTimer::new(), Authority::default());
    let source = source(FileStore::read_only(directory.file()), &authority, &timer);
    let (lease, _) = apply(&source).unwrap();
    assert_eq!(block_on(source.rejected(lease)).unwrap(), Verdict::GiveUp);
    timer.advance(Duration::from_secs(180));
    let error = apply(&source).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotRefreshable);
    assert_eq!(
        error.to_string(),
        "access token has expired and cannot be refreshed here"
    );
    replace(&writer, &Record::of_tokens(tokens(2, HOUR), start()));
    assert_eq!(
        apply(&source).unwrap().1,
        access(2, HOUR),
        "its owner renewed it"
    );
    assert_eq!(authority.count(), 0);
    assert!(!directory.0.join("auth.json.lock").exists() || writer.path().exists());
}

#[test]
fn credentials_of_every_kind_go_only_where_they_belong() {
    let api = "https://api.openai.com/v1/responses";
    let cases = [
        (Record::of_api_key(Secret::from("sk-invented")), api, TARGET),
        (Record::of_tokens(tokens(1, HOUR), start()), TARGET, api),
    ];
    for (record, good, bad) in cases {
        let store = MemoryStore::new();
        store.save(&record, None).unwrap();
        let source = source(store, &Authority::default(), &VirtualTimer::new());
        let parts = |target: &str| http::Request::get(target).body(()).unwrap().into_parts().0;
        let (mut right, mut wrong) = (parts(good), parts(bad));
        block_on(source.apply(&mut right)).unwrap();
        assert_eq!(
            block_on(source.apply(&mut wrong)).unwrap_err().kind(),
            ErrorKind::ForbiddenTarget
        );
        assert!(wrong.headers.is_empty());
    }
    let nothing = source(
        MemoryStore::new(),
        &Authority::default(),
        &VirtualTimer::new(),
    );
    assert_eq!(apply(&nothing).unwrap_err().kind(), ErrorKind::NotSignedIn);
}

#[test]
fn a_personal_access_token_is_looked_up_once() {
    let store = MemoryStore::new();
    store
        .save(
            &Record::from_json(br#"{"personal_access_token":"at-invented"}"#).unwrap(),
            None,
        )
        .unwrap();
    let answer = r#"{"email":null,"chatgpt_user_id":"u","chatgpt_account_id":"acct-9","chatgpt_plan_type":"team","chatgpt_account_is_fedramp":true}"#;
    let authority = Authority::new([ok(answer)]);
    let source = source(store, &authority, &VirtualTimer::new());
    for _ in 0..2 {
        let mut request = head();
        let lease = block_on(source.apply(&mut request)).unwrap();
        assert_eq!(request.headers["authorization"], "Bearer at-invented");
        assert_eq!(request.headers["chatgpt-account-id"], "acct-9");
        assert_eq!(request.headers["x-openai-fedramp"], "true");
        assert_eq!(block_on(source.rejected(lease)).unwrap(), Verdict::GiveUp);
    }
    assert_eq!(
        authority.paths(),
        ["/api/accounts/v1/user-auth-credential/whoami"]
    );
    assert_eq!(authority.header(0, "authorization"), "Bearer at-invented");
}

#[test]
fn a_key_replaced_in_the_store_is_taken_up_after_a_rejection() {
    for (before, after) in [
        (r#"{"OPENAI_API_KEY":"old"}"#, r#"{"OPENAI_API_KEY":"new"}"#),
        (
            r#"{"personal_access_token":"at-old"}"#,
            r#"{"personal_access_token":"at-new"}"#,
        ),
        (
            r#"{"personal_access_token":"at-old"}"#,
            r#"{"OPENAI_API_KEY":"new"}"#,
        ),
    ] {
        let record = |json: &str| Record::from_json(json.as_bytes()).unwrap();
        let store = MemoryStore::new();
        store.save(&record(before), None).unwrap();
        let mut profile = OAuthProfile::codex();
        profile.whoami_endpoint = None;
        let source = OAuthSource::builder(
            profile,
            store.clone(),
            Authority::default(),
            VirtualTimer::new(),
        )
        .with_audience(Audience::any_https())
        .build()
        .unwrap();
        let (lease, bearer) = apply(&source).unwrap();
        assert_eq!(block_on(source.rejected(lease)).unwrap(), Verdict::GiveUp);
        replace(&store, &record(after));
        assert_eq!(block_on(source.rejected(lease)).unwrap(), Verdict::Retry);
        assert_ne!(apply(&source).unwrap().1, bearer);
    }
}

#[test]
fn unknown_members_of_the_store_survive_a_renewal() {
    let directory = Directory::new("unknown");
    let file = format!(
        r#"{{"auth_mode":"chatgpt","tokens":{{"id_token":"{}","access_token":"{}","refresh_token":"refresh-1","account_id":null,"t":{{"x":1.50}}}},"last_refresh":"2026-01-01T00:00:00Z","agent_identity":"e30.e30.c2ln","z":[1e3]}}"#,
        id("acct-1"),
        access(1, -MINUTE)
    );
    std::fs::write(directory.file(), file).unwrap();
    let source = source(
        FileStore::new(directory.file()),
        &Authority::new([renewed(2, HOUR)]),
        &VirtualTimer::new(),
    );
    apply(&source).unwrap();
    let written = std::fs::read_to_string(directory.file()).unwrap();
    for kept in [
        r#""t": {"x":1.50}"#,
        r#""agent_identity": "e30.e30.c2ln""#,
        r#""z": [1e3]"#,
        r#""OPENAI_API_KEY": null"#,
        r#""refresh_token": "refresh-2""#,
    ] {
        assert!(written.contains(kept), "{kept}");
    }
    assert!(!written.contains("refresh_in_flight"));
}
