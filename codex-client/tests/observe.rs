//! What a client records next to its responses: the rate limits, from every source, and the last
//! failure.

use std::future::Future as _;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use codex_auth::{ApiKey, Secret};
use codex_client::{Client, ErrorKind, RateLimitWatch, Reason, Side};
use codex_transport::RetryPolicy;
use codex_transport::testing::{Answer, Cut, LoopbackServer, Script};
use codex_types::{CreateResponse, RateLimits};
use futures_core::Stream as _;
use serde_json::json;

use crate::kit::{completed, uncompressed};

const KEY: &str = "sk-invented-canary";

fn start(script: Script) -> (LoopbackServer, Client) {
    start_with(script, RetryPolicy::none())
}

fn start_with(script: Script, retry: RetryPolicy) -> (LoopbackServer, Client) {
    let server = LoopbackServer::start(script).expect("a loopback server");
    let client = Client::builder()
        .base_url(format!("{}?key=canary-of-a-query", server.url("/codex")))
        .profile(uncompressed())
        .auth(ApiKey::new(Secret::from(KEY)).expect("a key"))
        .retry(retry)
        .build()
        .expect("a client");
    (server, client)
}

fn question() -> CreateResponse {
    CreateResponse::new("some-model").input("canary of a prompt")
}

fn told(percent: f64) -> String {
    json!({"type": "codex.rate_limits", "plan_type": "plus", "rate_limits": {"allowed": true, "limit_reached": false,
        "primary": {"used_percent": percent, "window_minutes": 300, "reset_at": 1_767_225_600}}})
    .to_string()
}

fn used(limits: &RateLimits) -> Option<f64> {
    Some(limits.active()?.primary?.used_percent)
}

/// Returns the changes since the last call, without waiting.
fn news(watch: &mut RateLimitWatch) -> Option<RateLimits> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(watch.changed()).poll(&mut context) {
        Poll::Ready(limits) => Some(limits),
        Poll::Pending => None,
    }
}

#[tokio::test]
async fn headers_events_refusals_and_reports_all_report_limits() {
    let refusal = json!({"error": {"type": "usage_limit_reached", "message": "m", "plan_type": "pro", "resets_at": 4_102_444_800_u64}});
    let report =
        json!({"plan_type": "plus", "rate_limit": {"primary_window": {"used_percent": 5}}});
    let headers =
        json!({"type": "codex.response.metadata", "headers": {"x-codex-primary-used-percent": 30}});
    let script = Script::new()
        .route(
            "POST",
            "/codex/responses",
            Answer::sse()
                .event(completed("resp_1", json!([])))
                .header("x-codex-primary-used-percent", "10"),
        )
        .route(
            "POST",
            "/codex/responses",
            Answer::sse()
                .event(told(20.0))
                .event(completed("resp_1", json!([]))),
        )
        .route(
            "POST",
            "/codex/responses",
            Answer::sse()
                .event(headers.to_string())
                .event(completed("resp_1", json!([]))),
        )
        .route(
            "POST",
            "/codex/responses",
            Answer::json(429, refusal.to_string()).header("x-codex-primary-used-percent", "100"),
        )
        .route(
            "GET",
            "/api/codex/usage",
            Answer::json(200, report.to_string()),
        )
        .route("GET", "/usage", Answer::json(200, report.to_string()))
        .route("GET", "/codex/usage", Answer::json(200, report.to_string()));
    let (_server, client) = start(script);
    let mut watch = client.rate_limits();
    assert!(watch.current().is_empty());
    assert!(news(&mut watch).is_none());

    for percent in [10.0, 20.0, 30.0] {
        client.create(&question()).await.expect("a response");
        let limits = news(&mut watch).expect("something new");
        assert_eq!(used(&limits), Some(percent));
        assert_eq!(watch.current(), limits);
        assert!(news(&mut watch).is_none(), "each change is told once");
    }
    client.create(&question()).await.expect_err("a limit");
    let limits = news(&mut watch).expect("something new");
    assert_eq!(used(&limits), Some(100.0));
    assert_eq!(limits.resets_at, Some(4_102_444_800));
    assert_eq!(
        limits.plan_type.as_ref().map(|plan| plan.as_str()),
        Some("pro")
    );
    client.usage().await.expect("a report");
    assert_eq!(used(&client.rate_limits().current()), Some(5.0));
    assert_eq!(used(&watch.changed().await), Some(5.0));
}

#[tokio::test]
async fn a_task_that_waits_is_told() {
    let answer = Answer::sse()
        .event(completed("resp_1", json!([])))
        .header("x-codex-primary-used-percent", "10");
    let (_server, client) = start(Script::new().answer(answer));
    let mut watch = client.rate_limits();
    let waiting = tokio::spawn(async move {
        let streamed = std::future::poll_fn(|context| Pin::new(&mut watch).poll_next(context));
        streamed.await.expect("a watch does not end")
    });
    tokio::task::yield_now().await;
    client.create(&question()).await.expect("a response");
    let limits = tokio::time::timeout(Duration::from_secs(10), waiting).await;
    let limits = limits.expect("in time").expect("no panic");
    assert_eq!(used(&limits), Some(10.0));
}

#[cfg(feature = "ws")]
#[tokio::test]
async fn sockets_report_limits_too() {
    let refusal = json!({"type": "error", "status": 429, "error": {"type": "usage_limit_reached", "message": "m", "resets_in_seconds": 60},
        "headers": {"X-Codex-Primary-Used-Percent": "100"}});
    let answer = Answer::websocket()
        .header("x-codex-primary-used-percent", "1")
        .receive()
        .event(told(20.0))
        .event(completed("resp_1", json!([])))
        .receive()
        .event(refusal.to_string());
    let (_server, client) = start(Script::new().route("GET", "/codex/responses", answer));
    let mut watch = client.rate_limits();
    let mut session = client.socket_session();
    let turn = session.stream(&question()).await.expect("a turn");
    assert_eq!(
        news(&mut watch).as_ref().and_then(used),
        Some(1.0),
        "the head"
    );
    turn.finish().await.expect("a response");
    assert_eq!(news(&mut watch).as_ref().and_then(used), Some(20.0));
    session.create(&question()).await.expect_err("a limit");
    let limits = news(&mut watch).expect("something new");
    assert_eq!(used(&limits), Some(100.0));
    assert_eq!(limits.resets_in_seconds, Some(60));
}

/// The headers of an upgrade serve many turns, so the events carry what belongs to one turn.
#[cfg(feature = "ws")]
#[tokio::test]
async fn each_turn_over_a_socket_has_its_own_model_and_request() {
    let created = |model: &str| {
        json!({"type": "response.created", "response": {"id": "resp_1", "status": "in_progress", "output": [],
            "headers": {"OpenAI-Model": model, "x-request-id": format!("req_{model}")}}})
        .to_string()
    };
    let answer = Answer::websocket()
        .header("openai-model", "of-the-head")
        .receive()
        .event(created("one"))
        .event(completed("resp_1", json!([])))
        .receive()
        .event(completed("resp_1", json!([])).replace("resp_1", "resp_2"));
    let (_server, client) = start(Script::new().route("GET", "/codex/responses", answer));
    let mut session = client.socket_session();
    for (model, request_id) in [("one", Some("req_one")), ("of-the-head", None)] {
        let mut turn = session.stream(&question()).await.expect("a turn");
        while let Some(event) = turn.next().await {
            event.expect("no error");
        }
        assert_eq!(turn.meta().model(), Some(model));
        assert_eq!(turn.meta().request_id(), request_id);
    }
}

#[tokio::test]
async fn the_last_failure_is_kept_even_if_a_retry_succeeded() {
    let refusal = json!({"error": {"code": "server_error", "message": "canary of a message"}});
    let script = Script::new()
        .answer(
            Answer::json(500, refusal.to_string())
                .header("x-request-id", "req_1")
                .header("set-cookie", "canary=cookie"),
        )
        .answer(Answer::sse().event(completed("resp_1", json!([]))));
    let mut retry = RetryPolicy::default();
    retry.base = Duration::from_millis(1);
    let (_server, client) = start_with(script, retry);
    assert!(client.last_failure().is_none());
    client.create(&question()).await.expect("the second time");

    let failed = client.last_failure().expect("the first time");
    assert_eq!(
        (failed.kind(), failed.side()),
        (ErrorKind::Status, Side::Remote)
    );
    assert_eq!(failed.status().map(|status| status.as_u16()), Some(500));
    assert_eq!(failed.code(), Some("server_error"));
    assert_eq!(failed.request_id(), Some("req_1"));
    assert!(matches!(failed.reason(), Some(Reason::Other(_))));
    assert!(failed.target().ends_with("/codex/responses"));
    assert!(failed.target().starts_with("http://127.0.0.1:"));
    assert!(failed.elapsed() < Duration::from_secs(60));
    assert_eq!(
        failed.causes().collect::<Vec<_>>(),
        ["server responded with status 500 (server_error), request req_1"]
    );
    let text = format!("{failed} {failed:?}");
    for secret in ["canary", KEY] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_is_a_failure_with_its_cause() {
    let created = json!({"type": "response.created", "response": {"id": "resp_1", "status": "in_progress", "output": []}});
    let answer = Answer::sse().event(created.to_string()).cut(Cut::Reset);
    let (_server, client) = start(Script::new().answer(answer));
    client.create(&question()).await.expect_err("broken");
    let failed = client.last_failure().expect("a failure");
    assert_eq!(failed.side(), Side::Network);
    assert!(failed.causes().count() > 1, "{failed}");
    assert!(failed.to_string().contains("/codex/responses after "));
}

#[tokio::test]
async fn a_response_that_fails_is_a_failure_with_its_code() {
    let event = json!({"type": "response.failed", "response": {"id": "resp_1", "status": "failed", "output": [],
        "error": {"code": "context_length_exceeded", "message": "canary of a message"}}});
    let (_server, client) = start(Script::new().answer(Answer::sse().event(event.to_string())));
    client.create(&question()).await.expect_err("failed");
    let failed = client.last_failure().expect("a failure");
    assert_eq!(failed.code(), Some("context_length_exceeded"));
    assert!(!format!("{failed:?}").contains("canary"));
}

#[cfg(feature = "ws")]
#[tokio::test]
async fn a_refused_socket_is_a_failure_though_the_turn_goes_on() {
    let script = Script::new()
        .route("GET", "/codex/responses", Answer::status(426))
        .route(
            "POST",
            "/codex/responses",
            Answer::sse().event(completed("resp_1", json!([]))),
        );
    let (_server, client) = start(script);
    let mut session = client.socket_session();
    session.create(&question()).await.expect("over HTTP");
    let failed = client.last_failure().expect("a failure");
    assert!(failed.target().starts_with("ws://"), "{failed}");
    assert_eq!(failed.status().map(|status| status.as_u16()), Some(426));
}

/// Requests are compressed once, and only for backends that prefer compression.
#[cfg(feature = "zstd")]
#[tokio::test]
async fn a_request_is_compressed_if_the_profile_says_so() {
    use codex_types::profile::{Identity, Profile};
    use serde_json::Value;

    let script = Script::new().answer(Answer::status(500)).answer(
        Answer::sse()
            .event(completed("resp_1", json!([])))
            .forever(),
    );
    let server = LoopbackServer::start(script).expect("a loopback server");
    let mut retry = RetryPolicy::default();
    retry.base = Duration::from_millis(1);
    let client = |profile: Profile| {
        let builder = Client::builder().base_url(server.url("/codex"));
        builder.profile(profile).retry(retry.clone()).build()
    };
    let long = CreateResponse::new("some-model").input("All of this is invented. ".repeat(400));
    let whole = client(Profile::chatgpt()).expect("a client");
    let names = Identity::new().session_id("s-1").thread_id("s-1");
    let asked = |client: Client| {
        let (long, names) = (long.clone(), names.clone());
        async move { client.create(&long).identity(names).await }
    };
    asked(whole).await.expect("a response");
    let plain = client(uncompressed()).expect("a client");
    asked(plain).await.expect("a response");
    let mut best = Profile::chatgpt();
    best.compression = Some(codex_types::profile::Compression::zstd(19));
    let best = client(best).expect("a client");
    asked(best).await.expect("a response");

    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    assert_eq!(
        requests[0].body, requests[1].body,
        "the retry sends the same"
    );
    assert_eq!(requests[2].header("content-encoding"), None);
    for compressed in [&requests[1], &requests[3]] {
        assert_eq!(compressed.header("content-encoding"), Some("zstd"));
        assert_eq!(compressed.header("content-type"), Some("application/json"));
        assert!(compressed.body.len() * 10 < requests[2].body.len());
        let length = compressed.body.len().to_string();
        assert_eq!(compressed.header("content-length"), Some(length.as_str()));
    }
    let sent: Value = serde_json::from_slice(&requests[2].body).expect("JSON");
    let mut decoder = zstd::stream::read::Decoder::new(&requests[1].body[..]).expect("zstd");
    let read: Value = serde_json::from_reader(&mut decoder).expect("JSON");
    assert_eq!(read, sent);
}
