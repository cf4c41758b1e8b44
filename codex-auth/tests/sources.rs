//! The headers that sources set on requests, and what they return after a rejection.

use core::future::Future as _;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use codex_auth::{
    Anonymous, ApiKey, Audience, BearerToken, CredentialSource, Environment, EnvironmentVariable,
    Error, ErrorKind, Lease, Secret, SharedCredentialSource, StaticToken, ThreadTimer, Timer as _,
    Verdict, source_fn,
};
use http::request::Parts;
use http::{HeaderMap, StatusCode};

use crate::support::{self, block_on};

fn head(target: &str) -> Parts {
    http::Request::get(target).body(()).unwrap().into_parts().0
}

const API: &str = "https://api.openai.com/v1/responses";

#[test]
fn an_api_key_is_a_sensitive_bearer() {
    let key = ApiKey::new(Secret::from(" sk-invented\n")).unwrap();
    let key = key
        .with_organization("org-1")
        .unwrap()
        .with_project("proj-1")
        .unwrap();
    let mut request = head(API);
    let lease = block_on(key.apply(&mut request)).unwrap();
    assert_eq!(request.headers["authorization"], "Bearer sk-invented");
    assert!(request.headers["authorization"].is_sensitive());
    assert_eq!(request.headers["openai-organization"], "org-1");
    assert_eq!(request.headers["openai-project"], "proj-1");
    assert_eq!(block_on(key.rejected(lease)).unwrap(), Verdict::GiveUp);
}

#[test]
fn credentials_that_cannot_be_sent_are_refused_when_created() {
    for text in ["", " ", "a\nb", "a\u{7f}", "schlüssel"] {
        assert_eq!(
            ApiKey::new(Secret::from(text)).unwrap_err().kind(),
            ErrorKind::InvalidCredential,
            "{text:?}"
        );
        assert_eq!(
            StaticToken::new(BearerToken::new(Secret::from(text)))
                .unwrap_err()
                .kind(),
            ErrorKind::InvalidCredential,
            "{text:?}"
        );
    }
    let token = BearerToken::new(Secret::from("invented")).with_account_id("");
    assert_eq!(
        StaticToken::new(token).unwrap_err().kind(),
        ErrorKind::InvalidCredential
    );
}

#[test]
fn a_static_token_names_account_and_environment() {
    let token = BearerToken::new(Secret::from("invented"))
        .with_account_id("acct-1")
        .with_fedramp(true);
    let mut request = head("wss://chatgpt.com/backend-api/codex/responses");
    block_on(StaticToken::new(token).unwrap().apply(&mut request)).unwrap();
    assert_eq!(request.headers["authorization"], "Bearer invented");
    assert_eq!(request.headers["chatgpt-account-id"], "acct-1");
    assert_eq!(request.headers["x-openai-fedramp"], "true");
}

#[test]
fn a_forbidden_target_leaves_the_request_alone() {
    let sources = [
        SharedCredentialSource::new(ApiKey::new(Secret::from("k")).unwrap()),
        SharedCredentialSource::new(StaticToken::new(BearerToken::new(Secret::from("k"))).unwrap()),
        SharedCredentialSource::new(async || Ok(BearerToken::new(Secret::from("k")))),
        SharedCredentialSource::new(source_fn(async |_| Ok(BearerToken::new(Secret::from("k"))))),
    ];
    for source in sources {
        let mut request = head("http://api.openai.com/v1/responses");
        let error = block_on(source.apply(&mut request)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ForbiddenTarget);
        assert_eq!(
            error.to_string(),
            "credential must not be sent to the target of this request"
        );
        assert!(request.headers.is_empty());
    }
    let narrow = ApiKey::new(Secret::from("k"))
        .unwrap()
        .only_for(Audience::hosts(["api.openai.com"]));
    assert!(block_on(narrow.apply(&mut head(API))).is_ok());
    assert!(block_on(narrow.apply(&mut head("https://example.com/"))).is_err());
}

#[test]
fn anonymous_adds_nothing() {
    let mut request = head("http://models.lan/");
    let lease = block_on(Anonymous::new().apply(&mut request)).unwrap();
    assert!(request.headers.is_empty());
    assert_eq!(
        block_on(Anonymous::new().rejected(lease)).unwrap(),
        Verdict::GiveUp
    );
}

#[test]
fn a_closure_is_called_every_time_and_its_tokens_are_distinguished() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let source = move || {
        let turn = counter.fetch_add(1, Ordering::SeqCst);
        async move {
            Ok(BearerToken::new(Secret::from(if turn < 2 {
                "first"
            } else {
                "second"
            })))
        }
    };
    let first = block_on(source.apply(&mut head(API))).unwrap();
    assert_eq!(
        block_on(source.rejected(first)).unwrap(),
        Verdict::GiveUp,
        "the same token again does not help"
    );
    assert_eq!(block_on(source.rejected(first)).unwrap(), Verdict::Retry);
    let second = block_on(source.apply(&mut head(API))).unwrap();
    assert_ne!(first, second);
    assert_eq!(asked.load(Ordering::SeqCst), 4);
}

#[test]
fn a_source_function_receives_the_rejected_lease() {
    let source = source_fn(async |request| {
        let token = match request.rejected() {
            Some(_) => "renewed",
            None => "cached",
        };
        Ok(BearerToken::new(Secret::from(token)))
    });
    let lease = block_on(source.apply(&mut head(API))).unwrap();
    assert_eq!(block_on(source.rejected(lease)).unwrap(), Verdict::Retry);
}

#[test]
fn a_failing_closure_keeps_its_cause() {
    let source = async || Err::<BearerToken, _>(Error::custom("the vault is sealed"));
    let error = block_on(source.apply(&mut head(API))).unwrap_err();
    assert_eq!(
        core::error::Error::source(&error).unwrap().to_string(),
        "the vault is sealed"
    );
}

#[test]
fn the_boxed_source_passes_everything_on() {
    struct Recorder(AtomicUsize);
    impl CredentialSource for Recording {
        async fn apply(&self, _: &mut Parts) -> Result<Lease, Error> {
            Ok(Lease::new(7))
        }
        async fn rejected(&self, lease: Lease) -> Result<Verdict, Error> {
            assert_eq!(lease, Lease::new(7));
            Ok(Verdict::Retry)
        }
        fn observe(
            &self,
            lease: Lease,
            target: &http::Uri,
            status: StatusCode,
            headers: &HeaderMap,
        ) {
            assert_eq!(
                (lease, target.host(), status, headers.len()),
                (Lease::new(7), Some("api.openai.com"), StatusCode::OK, 0)
            );
            self.0.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    struct Recording(Arc<Recorder>);

    let recorder = Arc::new(Recorder(AtomicUsize::new(0)));
    let source = SharedCredentialSource::new(Recording(Arc::clone(&recorder)));
    let mut request = head(API);
    let lease = block_on(source.clone().apply(&mut request)).unwrap();
    assert_eq!(block_on(source.rejected(lease)).unwrap(), Verdict::Retry);
    source.observe(lease, &request.uri, StatusCode::OK, &HeaderMap::new());
    assert_eq!(recorder.0.load(Ordering::SeqCst), 1);
}

#[test]
fn public_types_cross_threads() {
    fn sendable<T: Send + Sync>() {}
    sendable::<ApiKey>();
    sendable::<BearerToken>();
    sendable::<SharedCredentialSource>();
    sendable::<Error>();
    sendable::<Secret>();
    sendable::<StaticToken>();
}

#[test]
fn the_environment_is_read_in_order_and_blank_is_unset() {
    let lookup = |set: &'static [(&str, &str)]| {
        let found = move |name: &str| {
            set.iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Environment::from_lookup(found).unwrap()
    };
    assert!(lookup(&[]).is_none());
    assert!(lookup(&[("OPENAI_API_KEY", " ")]).is_none());
    let all = lookup(&[
        ("OPENAI_API_KEY", "three"),
        ("CODEX_ACCESS_TOKEN", "two"),
        ("CODEX_API_KEY", "one"),
    ])
    .unwrap();
    assert_eq!(all.variable(), EnvironmentVariable::CodexApiKey);
    let blank = lookup(&[("OPENAI_API_KEY", "three"), ("CODEX_API_KEY", "")]).unwrap();
    assert!(blank.variable().is_api_key());
    let mut request = head(API);
    block_on(blank.apply(&mut request)).unwrap();
    assert_eq!(request.headers["authorization"], "Bearer three");

    let jwt = support::jwt(
        r#"{"https://api.openai.com/auth":{"chatgpt_account_id":"acct-1","chatgpt_account_is_fedramp":true}}"#,
    );
    let source =
        Environment::from_lookup(|name| (name == "CODEX_ACCESS_TOKEN").then(|| format!("{jwt}\n")))
            .unwrap()
            .unwrap();
    let mut request = head("https://chatgpt.com/backend-api/codex/responses");
    block_on(source.apply(&mut request)).unwrap();
    assert_eq!(request.headers["chatgpt-account-id"], "acct-1");
    assert_eq!(request.headers["x-openai-fedramp"], "true");
    assert_eq!(
        block_on(source.apply(&mut head(API))).unwrap_err().kind(),
        ErrorKind::ForbiddenTarget
    );
    assert!(Environment::from_lookup(|_| Some("a\nb".to_owned())).is_err());
}

// A client that follows a redirect applies the credentials for the new target, and the source
// rejects it.
#[test]
fn a_redirect_to_another_host_gets_neither_bearer_nor_account() {
    let token = BearerToken::new(Secret::from("invented")).with_account_id("acct-1");
    let source = StaticToken::new(token)
        .unwrap()
        .only_for(Audience::hosts(["chatgpt.com"]));
    let mut first = head("https://chatgpt.com/backend-api/codex/responses");
    block_on(source.apply(&mut first)).unwrap();
    for target in [
        "https://evil.example/",
        "https://chatgpt.com.evil.example/",
        "http://chatgpt.com/",
        "https://chatgpt.com@evil.example/",
    ] {
        let mut redirected = head(target);
        assert!(block_on(source.apply(&mut redirected)).is_err());
        assert!(redirected.headers.is_empty());
    }
}

#[test]
fn the_timer_without_a_runtime_wakes_its_task() {
    let (timer, start) = (ThreadTimer::new(), Instant::now());
    block_on(timer.sleep(Duration::from_millis(20)));
    assert!(start.elapsed() >= Duration::from_millis(20));
    block_on(timer.sleep(Duration::ZERO));
    // A future that is dropped, or never completes, does not delay others.
    let mut never = Box::pin(timer.sleep(Duration::MAX));
    let mut context = core::task::Context::from_waker(core::task::Waker::noop());
    assert!(never.as_mut().poll(&mut context).is_pending());
    let mut long = Box::pin(timer.sleep(Duration::from_secs(3600)));
    assert!(long.as_mut().poll(&mut context).is_pending());
}
