//! Calls against a scripted server: the URL and the content of each, when it is resent, and what a
//! refusal means.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use codex_auth::{BearerToken, Secret, StaticToken};
use codex_client::{CallOptions, Client, ErrorKind, ModelListing, Reason, Side};
use codex_transport::testing::{Answer, Cut, LoopbackServer, Script, ScriptedTransport};
use codex_transport::{Timer, TokioTimer};
use codex_types::profile::{FitPolicy, Identity, OnFinding, Profile, Unfit};
use codex_types::{
    CompactRequest, ErrorCategory, InputTokensRequest, OutputItem, RawJson, ResponseEvent, Status,
};
use serde_json::{Value, json};

use crate::kit::{self, body, completed, created, fast, message, question, response, uncompressed};

fn start(script: Script) -> (LoopbackServer, Client) {
    start_at(script, "/v1", None)
}

fn start_at(script: Script, folder: &str, profile: Option<Profile>) -> (LoopbackServer, Client) {
    let server = LoopbackServer::start(script).expect("a loopback server");
    let mut builder = Client::builder()
        .base_url(server.url(folder))
        .auth(kit::key())
        .retry(fast());
    if let Some(profile) = profile {
        builder = builder.profile(profile);
    }
    (server, builder.build().expect("a client"))
}

fn says(text: &str) -> String {
    completed("resp_1", [message("msg_1", text)])
}

fn answered(text: &str) -> Answer {
    Answer::sse().event(created("resp_1")).event(says(text))
}

fn failed(code: &str, message: &str) -> String {
    kit::failed("resp_1", code, message)
}

#[tokio::test]
async fn each_call_has_its_method_and_path() {
    let kept = response("resp_1", "completed", json!([])).to_string();
    let script = Script::new()
        .route(
            "GET",
            "/v1/responses/resp_1",
            Answer::json(200, kept.clone()),
        )
        .route(
            "POST",
            "/v1/responses/resp_1/cancel",
            Answer::json(200, response("resp_1", "cancelled", json!([])).to_string()),
        )
        .route(
            "DELETE",
            "/v1/responses/resp_1",
            Answer::json(200, r#"{"id":"resp_1","object":"response","deleted":true}"#),
        )
        .route(
            "POST",
            "/v1/responses/input_tokens",
            Answer::json(
                200,
                r#"{"object":"response.input_tokens","input_tokens":11}"#,
            ),
        )
        .route(
            "POST",
            "/v1/responses/compact",
            Answer::json(
                200,
                r#"{"output":[{"type":"compaction","encrypted_content":"opaque"}]}"#,
            ),
        );
    let (server, client) = start(script);

    assert_eq!(
        client.retrieve("resp_1").await.expect("a response").id,
        "resp_1"
    );
    assert_eq!(
        client.cancel("resp_1").await.expect("a response").status,
        Status::Cancelled
    );
    client.delete("resp_1").await.expect("deleted");
    let request = InputTokensRequest::new("some-model").input("Why?");
    assert_eq!(
        client
            .count_input_tokens(&request)
            .await
            .expect("a count")
            .input_tokens,
        11
    );
    let request = CompactRequest::new("some-model").input("Why?");
    let compaction = client.compact(&request).await.expect("a compaction");
    assert!(matches!(
        compaction.output.as_slice(),
        [OutputItem::Compaction(_)]
    ));

    for request in server.requests() {
        assert_eq!(request.header("authorization"), Some("Bearer sk-invented"));
        assert_eq!(request.header("accept"), Some("application/json"));
        assert_eq!(
            request.header("content-type").is_some(),
            !request.body.is_empty()
        );
    }
}

#[tokio::test]
async fn every_call_takes_options() {
    let script = Script::new()
        .route("GET", "/v1/responses/resp_1", answered("in"))
        .rule(|_| {
            Some(Answer::json(
                200,
                response("resp_1", "completed", json!([])).to_string(),
            ))
        });
    let (server, client) = start(script);
    let options = CallOptions::new()
        .header("x-own", "7")
        .parameter("new_parameter", RawJson::parse("1").expect("JSON"));
    let stream = client.resume("resp_1", None).options(options.clone()).await;
    stream
        .expect("a stream")
        .finish()
        .await
        .expect("a response");
    let resp = "resp_2";
    client
        .retrieve(resp)
        .options(options.clone())
        .await
        .expect("one");
    client
        .cancel(resp)
        .options(options.clone())
        .await
        .expect("one");
    client
        .delete(resp)
        .options(options.clone())
        .await
        .expect("done");
    let query = codex_client::ItemQuery::new();
    let items = client
        .input_items(resp, &query)
        .options(options.clone())
        .await;
    items.expect("items");
    let count = InputTokensRequest::new("some-model");
    let tokens = client
        .count_input_tokens(&count)
        .options(options.clone())
        .await;
    tokens.expect("tokens");
    let requests = server.requests();
    assert_eq!(requests.len(), 6);
    for request in &requests {
        assert_eq!(request.header("x-own"), Some("7"), "{}", request.uri);
    }
    assert_eq!(requests[0].uri.query(), Some("stream=true"));
    assert_eq!(body(&requests[5])["new_parameter"], 1);
}

#[tokio::test]
async fn an_id_that_would_change_the_path_is_not_sent() {
    let (server, client) = start(Script::new());
    for id in [
        "",
        "..",
        "resp_1/cancel",
        "resp_1?x=1",
        "resp_1#x",
        "resp 1",
        "resp_%2e",
    ] {
        let error = client.retrieve(id).await.expect_err("no id");
        assert_eq!(error.kind(), ErrorKind::Request, "{id:?}");
        assert_eq!(error.to_string(), "invalid character in an id");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_response_that_is_not_the_expected_json_is_an_error_with_its_headers() {
    for body in [&b"<html>"[..], b"\xff", b""] {
        let (_server, client) = start(
            Script::new().answer(
                Answer::ok()
                    .header("x-request-id", "req_1")
                    .body(body.to_vec()),
            ),
        );
        let error = client.retrieve("resp_1").await.expect_err("no JSON");
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert_eq!(
            error.to_string(),
            "response is not the expected JSON, request req_1"
        );
        assert_eq!(error.meta().map(|meta| meta.status().as_u16()), Some(200));
        assert_eq!(error.status(), None, "the status was not the failure");
    }
}

#[tokio::test]
async fn a_busy_server_is_asked_again_before_the_head() {
    let (server, client) = start(
        Script::new()
            .answer(Answer::json(
                503,
                r#"{"error":{"code":"server_is_overloaded","message":""}}"#,
            ))
            .answer(Answer::status(429).header("retry-after-ms", "2"))
            .answer(answered("in")),
    );
    assert_eq!(
        client
            .create(&question())
            .await
            .expect("a response")
            .output_text(),
        "in"
    );
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    assert!(
        requests.windows(2).all(|pair| pair[0].body == pair[1].body),
        "the same request each time"
    );
}

#[tokio::test]
async fn what_cannot_succeed_is_not_asked_again() {
    for (status, code) in [
        (400, "invalid_request_error"),
        (401, "invalid_api_key"),
        (403, "permission_error"),
        (429, "insufficient_quota"),
        (429, "usage_limit_reached"),
        (429, "usage_not_included"),
        (503, "cyber_policy"),
    ] {
        for (place, other) in [("code", "type"), ("type", "code")] {
            let text = json!({"error": {place: code, other: null, "message": "m"}}).to_string();
            let (server, client) =
                start(Script::new().answer(Answer::json(status, text).forever()));
            let error = client.stream(&question()).await.expect_err("refused");
            assert_eq!(server.requests().len(), 1, "{status} {code} as {place}");
            assert!(!error.is_retryable(), "{status} {code} as {place}");
        }
    }
}

#[tokio::test]
async fn attempts_end_and_the_last_failure_is_told() {
    let (server, client) = start(Script::new().answer(Answer::status(500).forever()));
    let error = client.stream(&question()).await.expect_err("four failures");
    assert_eq!(server.requests().len(), 4);
    assert_eq!(error.status().map(|status| status.as_u16()), Some(500));
    assert_eq!(error.reason(), Some(Reason::Other(ErrorCategory::Server)));
}

#[tokio::test]
async fn a_wait_longer_than_the_maximum_is_not_cut_short() {
    let (server, client) =
        start(Script::new().answer(Answer::status(429).header("retry-after", "3600").forever()));
    let error = client.stream(&question()).await.expect_err("too long");
    assert_eq!(server.requests().len(), 1);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
}

#[tokio::test]
async fn a_stream_that_breaks_before_its_first_event_is_opened_again() {
    for broken in [
        Answer::sse().comment("alive").cut(Cut::Reset),
        Answer::sse().comment("alive").cut(Cut::Close),
        Answer::sse(),
        Answer::sse().event(failed("rate_limit_exceeded", "Please try again in 2ms.")),
        Answer::sse()
            .event(json!({"type": "error", "code": "server_error", "message": "m"}).to_string()),
    ] {
        let (server, client) = start(
            Script::new()
                .answer(broken.clone().header("x-request-id", "req_1"))
                .answer(answered("in").header("x-request-id", "req_2")),
        );
        let mut stream = client.stream(&question()).await.expect("a stream");
        let mut kinds = Vec::new();
        while let Some(event) = stream.next().await {
            kinds.push(event.expect("no error").kind().to_owned());
        }
        assert_eq!(
            kinds,
            ["response.created", "response.completed"],
            "{broken:?}"
        );
        assert_eq!(stream.meta().request_id(), Some("req_2"));
        assert_eq!(server.requests().len(), 2);
        assert_eq!(
            stream.finish().await.expect("a response").output_text(),
            "in"
        );
    }
}

#[tokio::test]
async fn nothing_is_resent_once_an_event_was_delivered() {
    for broken in [
        Answer::sse().event(created("resp_1")).cut(Cut::Reset),
        Answer::sse().event(created("resp_1")),
        Answer::sse()
            .event(created("resp_1"))
            .event(failed("rate_limit_exceeded", "Please try again in 1ms.")),
        // Even an event that could not be decoded was a response.
        Answer::sse().body("data: {\n\n").cut(Cut::Close),
    ] {
        let (server, client) = start(
            Script::new()
                .answer(broken.clone())
                .answer(answered("again")),
        );
        let mut stream = client.stream(&question()).await.expect("a stream");
        while stream.next().await.is_some() {}
        let error = stream.finish().await.expect_err("no result");
        assert!(!error.is_retryable(), "{broken:?}");
        assert_eq!(server.requests().len(), 1, "{broken:?}");
    }
}

#[tokio::test]
async fn a_failure_that_no_attempt_mends_is_handed_out_as_the_event_it_is() {
    let (server, client) =
        start(Script::new().answer(Answer::sse().event(failed("server_error", "m")).forever()));
    let mut stream = client.stream(&question()).await.expect("a stream");
    assert!(matches!(
        stream.next().await,
        Some(Ok(ResponseEvent::Failed(_)))
    ));
    assert!(stream.next().await.is_none());
    assert_eq!(server.requests().len(), 4);

    let (server, client) = start(
        Script::new().answer(
            Answer::sse()
                .event(failed("context_length_exceeded", "m"))
                .forever(),
        ),
    );
    let error = client.create(&question()).await.expect_err("too long");
    assert_eq!(server.requests().len(), 1);
    assert_eq!(error.kind(), ErrorKind::Failed);
    assert_eq!(
        error.reason().map(|reason| reason.to_string()).as_deref(),
        Some("conversation exceeds the context window of the model")
    );
}

#[tokio::test]
async fn the_request_is_fitted_to_the_backend_and_reports_it() {
    let script = Script::new().route(
        "POST",
        "/backend-api/codex/responses",
        answered("in").forever(),
    );
    let (server, client) = start_at(script, "/backend-api/codex", Some(uncompressed()));
    let identity = Identity::new()
        .session_id("session-1")
        .thread_id("thread-1")
        .installation_id("installation-1");
    let options = CallOptions::new().identity(identity);
    let request = question().instructions("Be brief.").user("user-7");
    let stream = client
        .stream(&request)
        .options(options.clone())
        .await
        .expect("a stream");
    let pointers: Vec<&str> = stream
        .findings()
        .iter()
        .map(|finding| finding.pointer.as_str())
        .collect();
    for pointer in ["/user", "/store", "/instructions"] {
        assert!(pointers.contains(&pointer), "{pointer} in {pointers:?}");
    }
    let requests = server.requests();
    let sent = body(&requests[0]);
    assert_eq!(
        (&sent["store"], &sent["stream"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(sent.get("user"), None);
    assert_eq!(sent["prompt_cache_key"], "session-1");
    assert_eq!(sent["include"], json!(["reasoning.encrypted_content"]));
    assert_eq!(sent["input"][0]["role"], "developer");
    assert_eq!(sent["client_metadata"]["session_id"], "session-1");
    assert_eq!(sent["client_metadata"]["x-codex-window-id"], "thread-1:0");
    for (name, value) in [
        ("session-id", "session-1"),
        ("thread-id", "thread-1"),
        ("x-client-request-id", "thread-1"),
        ("originator", "codex-client-rs"),
        ("accept", "text/event-stream"),
    ] {
        assert_eq!(requests[0].header(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn losses_are_errors_unless_the_policy_allows_them() {
    let script = Script::new().answer(answered("in"));
    let (server, client) = start_at(script, "/v1", Some(uncompressed()));
    let request = question().max_output_tokens(100);
    let error = client.stream(&request).await.expect_err("unfit");
    assert_eq!(
        (error.kind(), error.side()),
        (ErrorKind::Request, Side::Local)
    );
    assert_eq!(error.to_string(), "request does not fit the backend");
    let source =
        std::error::Error::source(&error).and_then(|source| source.downcast_ref::<Unfit>());
    assert_eq!(
        source.map(|unfit| unfit.findings()[0].pointer.as_str()),
        Some("/max_output_tokens")
    );
    assert!(server.requests().is_empty());

    let options =
        CallOptions::new().fit(FitPolicy::new().at("/max_output_tokens", OnFinding::Strip));
    client
        .create(&request)
        .options(options.clone())
        .await
        .expect("a response");
    assert_eq!(body(&server.requests()[0]).get("max_output_tokens"), None);
}

#[tokio::test]
async fn options_of_a_call_take_precedence() {
    let (server, client) = start(Script::new().answer(answered("in").forever()));
    let options = CallOptions::new()
        .header("user-agent", "of-the-call")
        .header("x-new", "1")
        .request_id("question-7")
        .parameter("model", RawJson::string("another"))
        .parameter("a/b~c", RawJson::parse("[1]").expect("JSON"));
    client
        .create(&question())
        .options(options.clone())
        .await
        .expect("a response");
    client.create(&question()).await.expect("a response");
    let requests = server.requests();
    assert_eq!(requests[0].header("user-agent"), Some("of-the-call"));
    assert_eq!(requests[0].header("x-new"), Some("1"));
    let sent = body(&requests[0]);
    assert_eq!(
        (&sent["model"], &sent["a/b~c"], &sent["input"]),
        (&json!("another"), &json!([1]), &json!("Why?"))
    );
    assert_eq!(body(&requests[1])["model"], "some-model");
    assert!(
        requests[1]
            .header("user-agent")
            .is_some_and(|agent| agent.starts_with("codex-client-rs/"))
    );

    let error = client
        .stream(&question())
        .options(CallOptions::new().header("no header", "x"))
        .await
        .expect_err("no header");
    assert_eq!(error.to_string(), "invalid header name or value");
}

#[tokio::test]
async fn the_kind_of_credential_chooses_the_backend() {
    let ask = async |builder: codex_client::ClientBuilder| {
        let transport = ScriptedTransport::new(Script::new().answer(answered("in")));
        let client = builder
            .transport(transport.clone())
            .build()
            .expect("a client");
        client.create(&question()).await.expect("a response");
        transport.requests()[0].uri.to_string()
    };
    let key = kit::key();
    assert_eq!(
        ask(Client::builder().auth(key.clone())).await,
        "https://api.openai.com/v1/responses"
    );
    let token = BearerToken::new(Secret::from("invented")).with_account_id("acct-1");
    let token = StaticToken::new(token).expect("a token");
    let builder = Client::builder().auth(token.clone());
    assert_eq!(
        ask(builder).await,
        "https://chatgpt.com/backend-api/codex/responses"
    );
    let told = Client::builder()
        .auth(token)
        .profile(Profile::sign_in_with_chatgpt());
    assert_eq!(ask(told).await, "https://api.openai.com/v1/responses");
}

#[tokio::test]
async fn compaction_by_trigger_wants_exactly_one_compaction_item() {
    let done = |items: Value| {
        Answer::sse().event(
            json!({"type": "response.completed", "response": response("resp_1", "completed", items)})
                .to_string(),
        )
    };
    let item = json!({"type": "compaction", "encrypted_content": "opaque"});
    let script = Script::new()
        .answer(done(json!([item])))
        .answer(done(json!([])))
        .answer(done(json!([item, item])));
    let (server, client) = start(script);
    let options = CallOptions::new();
    let response = client
        .compact_by_trigger(&question())
        .options(options.clone())
        .await
        .expect("one");
    assert_eq!(response.output.len(), 1);
    assert_eq!(
        body(&server.requests()[0])["input"][1],
        json!({"type": "compaction_trigger"})
    );
    for count in [0, 2] {
        let error = client
            .compact_by_trigger(&question())
            .options(options.clone())
            .await
            .expect_err("not one");
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert_eq!(
            error.partial().map(|partial| partial.output.len()),
            Some(count)
        );
    }
}

/// A clock that stands still until the test advances it.
#[derive(Clone)]
struct Still(Arc<Mutex<Instant>>);

impl Still {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn pass(&self, period: Duration) {
        *self.0.lock().expect("not poisoned") += period;
    }
}

impl Timer for Still {
    fn sleep(&self, period: Duration) -> impl Future<Output = ()> + Send + 'static {
        TokioTimer.sleep(period)
    }

    fn now(&self) -> Instant {
        *self.0.lock().expect("not poisoned")
    }
}

#[tokio::test]
async fn a_list_of_models_is_kept_and_asked_for_by_its_tag() {
    let catalog =
        |slug: &str| json!({"models": [{"slug": slug, "visibility": "list"}]}).to_string();
    let script = Script::new()
        .route(
            "GET",
            "/v1/models",
            Answer::json(200, catalog("first")).header("etag", "\"one\""),
        )
        .route("GET", "/v1/models", Answer::status(304))
        .route(
            "GET",
            "/v1/models",
            Answer::json(200, catalog("second")).header("etag", "\"two\""),
        )
        .route(
            "POST",
            "/v1/responses",
            answered("in").header("x-models-etag", "\"one\""),
        )
        .route(
            "POST",
            "/v1/responses",
            answered("in").header("x-models-etag", "\"two\""),
        );
    let server = LoopbackServer::start(script).expect("a loopback server");
    let clock = Still::new();
    let client = Client::builder()
        .base_url(server.url("/v1"))
        .profile(Profile::chatgpt())
        .timer(clock.clone())
        .build()
        .expect("a client");
    let name = async || {
        client
            .models()
            .await
            .expect("models")
            .names()
            .next()
            .map(str::to_owned)
    };
    let asked = || {
        server
            .requests()
            .iter()
            .filter(|request| request.path() == "/v1/models")
            .count()
    };

    assert_eq!(name().await.as_deref(), Some("first"));
    assert_eq!(name().await.as_deref(), Some("first"));
    assert_eq!(asked(), 1, "fresh");
    clock.pass(Duration::from_secs(301));
    assert_eq!(name().await.as_deref(), Some("first"));
    let requests = server.requests();
    assert_eq!(requests[0].uri.query(), Some("client_version=0.171.0"));
    assert_eq!(requests[0].header("if-none-match"), None);
    assert_eq!(requests[1].header("if-none-match"), Some("\"one\""));

    clock.pass(Duration::from_secs(299));
    client.create(&question()).await.expect("a response");
    clock.pass(Duration::from_secs(299));
    name().await;
    assert_eq!(asked(), 2, "the announcement of the same list renewed it");
    client.create(&question()).await.expect("a response");
    assert_eq!(
        name().await.as_deref(),
        Some("second"),
        "the announcement of another ended it"
    );
    assert_eq!(asked(), 3);
}

#[tokio::test]
async fn both_shapes_of_a_list_of_models_are_read() {
    let (_server, client) = start(Script::new().answer(Answer::json(
        200,
        r#"{"object":"list","data":[{"id":"a"},{"id":"b"}]}"#,
    )));
    let models = client.models().await.expect("models");
    assert!(matches!(*models, ModelListing::List(_)));
    assert_eq!(models.names().collect::<Vec<_>>(), ["a", "b"]);
    assert!(models.has("b") && !models.has("c"));
}

#[tokio::test]
async fn usage_is_asked_for_beside_the_backend() {
    let report = json!({
        "plan_type": "plus",
        "rate_limit": {
            "primary_window": {"used_percent": 42.5, "limit_window_seconds": 18_000, "reset_at": 1_767_225_600},
            "secondary_window": {"used_percent": 7, "limit_window_seconds": 604_800, "reset_after_seconds": 60},
        },
        "additional_rate_limits": [{"metered_feature": "codex-other", "limit_name": "Other", "rate_limit": {"primary_window": {"used_percent": 1}}}],
    });
    let script = Script::new().route(
        "GET",
        "/backend-api/wham/usage",
        Answer::json(200, report.to_string()),
    );
    let (_server, client) = start_at(script, "/backend-api/codex", Some(Profile::chatgpt()));
    let limits = client.usage().await.expect("limits");
    assert_eq!(
        limits.plan_type.as_ref().map(|plan| plan.as_str()),
        Some("plus")
    );
    let [main, other] = limits.limits.as_slice() else {
        panic!("two limits: {limits:?}")
    };
    let primary = main.primary.expect("the shorter window");
    assert_eq!(
        (
            primary.used_percent,
            primary.window_minutes,
            primary.resets_at
        ),
        (42.5, Some(300), Some(1_767_225_600))
    );
    assert_eq!(
        main.secondary.expect("the longer window").window_minutes,
        Some(10_080)
    );
    assert_eq!(
        (other.id.as_str(), other.name.as_deref()),
        ("codex_other", Some("Other"))
    );

    let (server, client) = start(Script::new());
    let error = client.usage().await.expect_err("no such thing here");
    assert_eq!(
        error.to_string(),
        "backend does not report usage of its limits"
    );
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn limits_in_the_head_are_typed() {
    let answer = answered("in")
        .header("x-codex-primary-used-percent", "12.5")
        .header("x-codex-plan-type", "pro");
    let (_server, client) = start(Script::new().answer(answer));
    let stream = client.stream(&question()).await.expect("a stream");
    let limits = stream.meta().rate_limits();
    assert_eq!(
        limits
            .active()
            .and_then(|limit| limit.primary)
            .map(|window| window.used_percent),
        Some(12.5)
    );
}
