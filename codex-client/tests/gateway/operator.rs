//! The log, the status page and the counters for the operator.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use codex_transport::testing::{Answer, LoopbackServer, Script};
use serde_json::{Value, json};

use crate::process::*;

/// Starts a gateway for this server, whose standard error can be read when it has ended.
fn observed(server: &LoopbackServer, more: &[&str]) -> Gateway {
    let base_url = server.url("/v1");
    let mut arguments = vec!["--bearer", TOKEN, "--base-url", &base_url, "--api-key", KEY];
    arguments.extend_from_slice(more);
    Gateway::spawn(command(&arguments).stderr(Stdio::piped()))
}

/// Returns what it wrote to standard error.
fn written(mut gateway: Gateway) -> String {
    let mut errors = gateway.child.stderr.take().expect("its errors");
    gateway.interrupt();
    assert!(gateway.ends_within(Duration::from_secs(10)));
    let mut text = String::new();
    errors.read_to_string(&mut text).expect("its errors");
    text
}

async fn three_requests(gateway: &Gateway) {
    let request = json!({"model": "some-model", "input": "a prompt", "stream": true});
    text(gateway.post("/v1/responses", &request).await).await;
    text(gateway.post("/v1/responses", &request).await).await;
    let mut stranger = gateway.request("POST", "/v1/responses", "{}");
    stranger.headers_mut().remove("authorization");
    text(send(stranger).await).await;
}

fn script() -> Script {
    let refusal = json!({"error": {"message": "a prompt is too long", "type": "invalid_request_error", "code": "context_length_exceeded", "param": "input"}});
    Script::new()
        .answer(answer())
        .answer(Answer::json(400, refusal.to_string()).header("x-request-id", "req_2"))
}

#[tokio::test]
async fn the_crates_log_what_is_wanted_and_no_payload() {
    let server = service(script());
    let base_url = server.url("/v1");
    let arguments = [
        "--bearer",
        TOKEN,
        "--base-url",
        &base_url,
        "--api-key",
        KEY,
        "--quiet",
        "--no-check",
    ];
    for (wanted, is_logged) in [("codex_client=debug", true), ("off", false), ("", false)] {
        let mut gateway = command(&arguments);
        let gateway = Gateway::spawn(gateway.env("RUST_LOG", wanted).stderr(Stdio::piped()));
        let request = json!({"model": "some-model", "input": "a prompt", "stream": true});
        text(gateway.post("/v1/responses", &request).await).await;
        let written = written(gateway);
        assert_eq!(written.contains("codex_client"), is_logged, "{written}");
        for secret in ["a prompt", KEY, TOKEN] {
            assert!(!written.contains(secret), "{written}");
        }
    }
}

#[tokio::test]
async fn each_request_is_a_line() {
    let server = service(script());
    let gateway = observed(&server, &["--no-check", "--log", "json"]);
    three_requests(&gateway).await;
    let written = written(gateway);
    let lines: Vec<Value> = written
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines.len(), 3, "{written}");
    assert_eq!(lines[0]["status"], 200);
    assert_eq!(lines[0]["client"], 1);
    assert_eq!(lines[0]["model"], "some-model");
    assert_eq!(lines[0]["input_tokens"], 3);
    assert_eq!(lines[0]["output_tokens"], 4);
    assert_eq!(lines[0]["request_id"], "req_1");
    assert_eq!(lines[0].get("fault"), None);
    let (first, total) = (lines[0]["first_ms"].as_f64(), lines[0]["total_ms"].as_f64());
    assert!(first > Some(0.0) && first <= total, "{written}");
    assert_eq!(lines[1]["status"], 400);
    assert_eq!(lines[1]["fault"], "client");
    assert_eq!(lines[1]["code"], "context_length_exceeded");
    assert_eq!(lines[1]["request_id"], "req_2");
    assert_eq!(lines[2]["status"], 401);
    assert_eq!(lines[2]["code"], "invalid_api_key");
    assert_eq!(lines[2].get("client"), None);
    let time = lines[0]["time"].as_str().expect("a time");
    assert!(
        time.starts_with("20") && time.ends_with('Z') && time.len() == 24,
        "{time}"
    );
    for secret in ["prompt", TOKEN, KEY] {
        assert!(!written.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn lines_are_text_or_none() {
    let server = service(script());
    let gateway = observed(&server, &["--no-check"]);
    three_requests(&gateway).await;
    let text = written(gateway);
    let first = text.lines().next().expect("a line");
    assert!(
        first.contains(" POST /v1/responses status=200 client=1 model=some-model first_ms="),
        "{text}"
    );
    assert_eq!(text.lines().count(), 3);
    let server = service(script());
    let gateway = observed(&server, &["--no-check", "--quiet"]);
    three_requests(&gateway).await;
    assert_eq!(written(gateway), "");
}

#[tokio::test]
async fn what_a_client_sends_cannot_forge_a_line() {
    let server = service(Script::new().answer(answer()));
    let gateway = observed(&server, &["--no-check"]);
    let request = json!({"model": "a model\n2026 status=200\u{1b}[2J", "input": "Why?"});
    text(gateway.post("/v1/responses", &request).await).await;
    let text = written(gateway);
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("model=a_model_2026_status=200_[2J"), "{text}");
}

#[tokio::test]
async fn counters_are_there_for_prometheus() {
    let server = service(script());
    let gateway = Gateway::before(&server, &[]);
    three_requests(&gateway).await;
    let mut open = gateway.request("GET", "/metrics", "");
    open.headers_mut().remove("authorization");
    assert_eq!(send(open).await.status(), 401);
    let response = gateway.get("/metrics").await;
    assert_eq!(
        header(&response, "content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let mut metrics = text(response).await;
    let deadline = Instant::now() + Duration::from_secs(10);
    // The entry of a request ends a moment after its response.
    while !metrics.contains("gateway_requests_in_progress 1\n") && Instant::now() < deadline {
        metrics = text(gateway.get("/metrics").await).await;
    }
    for line in [
        "# TYPE gateway_requests_total counter",
        "gateway_requests_total{path=\"responses\",status=\"200\"} 1",
        "gateway_requests_total{path=\"responses\",status=\"400\"} 1",
        "gateway_requests_total{path=\"responses\",status=\"401\"} 1",
        "gateway_failures_total{fault=\"client\"} 3",
        "gateway_tokens_total{model=\"some-model\",kind=\"input\"} 3",
        "gateway_tokens_total{model=\"some-model\",kind=\"cached\"} 1",
        "gateway_tokens_total{model=\"some-model\",kind=\"output\"} 4",
        "gateway_requests_in_progress 1",
    ] {
        assert!(metrics.lines().any(|it| it == line), "{line}: {metrics}");
    }
    let server = service(script());
    let gateway = Gateway::before(&server, &["--open-metrics"]);
    let mut open = gateway.request("GET", "/metrics", "");
    open.headers_mut().remove("authorization");
    assert_eq!(send(open).await.status(), 200);
}

#[tokio::test]
async fn the_status_page_loads_only_its_own_parts_and_needs_the_token() {
    let server = service(script());
    let gateway = Gateway::before(&server, &["--profile", "chatgpt"]);
    for path in ["/", "/page.js", "/page.css"] {
        let mut request = gateway.request("GET", path, "");
        request.headers_mut().remove("authorization");
        let site = "same-origin".parse().expect("a value");
        request.headers_mut().insert("sec-fetch-site", site);
        let response = send(request).await;
        assert_eq!(response.status(), 200, "{path}");
        let policy = header(&response, "content-security-policy")
            .expect("a policy")
            .to_owned();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        let body = text(response).await;
        assert!(!body.contains(TOKEN) && !body.contains("style="), "{path}");
    }
    three_requests(&gateway).await;
    let mut stranger = gateway.request("GET", "/status", "");
    stranger.headers_mut().remove("authorization");
    assert_eq!(send(stranger).await.status(), 401);
    let mut status = json_of(gateway.get("/status").await).await;
    let deadline = Instant::now() + Duration::from_secs(10);
    while status["live"].as_array().map(Vec::len) != Some(1) && Instant::now() < deadline {
        status = json_of(gateway.get("/status").await).await;
    }
    assert_eq!(status["backend"], "chatgpt");
    assert_eq!(status["models"][0]["input_tokens"], 3);
    assert_eq!(status["live"][0]["path"], "/status");
    let failures = status["failures"].as_array().expect("failures");
    let has = |key: &str, value: &str| failures.iter().any(|failure| failure[key] == value);
    assert!(
        has("code", "invalid_api_key") && has("request_id", "req_2"),
        "{status}"
    );
    assert!(!status.to_string().contains("prompt"), "{status}");

    // A page of another origin gets nothing of the status page, and neither does one that sends
    // anything but the page's own requests.
    for (method, path, site) in [
        ("GET", "/status", "cross-site"),
        ("GET", "/status", "same-site"),
        ("GET", "/", "cross-site"),
        ("GET", "/v1/models", "same-origin"),
        ("POST", "/v1/responses", "same-origin"),
    ] {
        let mut request = gateway.request(method, path, "");
        let value = site.parse().expect("a value");
        request.headers_mut().insert("sec-fetch-site", value);
        assert_eq!(send(request).await.status(), 403, "{path} {site}");
    }
}

/// The first line about the credentials.
fn check(server: &LoopbackServer, more: &[&str]) -> String {
    let mut gateway = observed(server, more);
    let errors = gateway.child.stderr.take().expect("its errors");
    let lines = BufReader::new(errors).lines();
    let mut lines = lines.map(|line| line.expect("a line"));
    lines
        .find(|line| line.starts_with("backend "))
        .expect("a line")
}

#[test]
fn the_credentials_are_tried_at_the_start() {
    let models = r#"{"object":"list","data":[{"id":"a","object":"model","created":1,"owned_by":"x"},{"id":"b","object":"model","created":1,"owned_by":"x"}]}"#;
    let rejected = json!({"error": {"message": "Incorrect API key provided: sk-invented", "type": "invalid_request_error", "code": "invalid_api_key", "param": null}});
    let usage = json!({"plan_type": "plus", "rate_limit": {"primary_window": {"used_percent": 12, "limit_window_seconds": 18000, "reset_at": 1_900_000_000}}});
    let server = service(
        Script::new()
            .route("GET", "/v1/models", Answer::json(200, models))
            .route("GET", "/v1/models", Answer::json(401, rejected.to_string())),
    );
    let found = check(&server, &[]);
    assert!(found.contains("credentials accepted (2 models)"), "{found}");
    let found = check(&server, &[]);
    assert!(
        found.contains("the service rejects the credentials of the gateway"),
        "{found}"
    );
    assert!(!found.contains("sk-invented"), "{found}");
    let server = service(Script::new().route(
        "GET",
        "/api/codex/usage",
        Answer::json(200, usage.to_string()),
    ));
    let base_url = server.url("/api/codex");
    let found = check(&server, &["--profile", "chatgpt", "--base-url", &base_url]);
    assert!(found.contains("plan plus, 12 % of 300 min used"), "{found}");
}

#[tokio::test]
async fn a_rejected_key_is_said_to_be_the_gateways() {
    let rejected = json!({"error": {"message": "Incorrect API key provided.", "type": "invalid_request_error", "code": "invalid_api_key", "param": null}});
    let server =
        service(Script::new().rule(move |_| Some(Answer::json(401, rejected.to_string()))));
    let gateway = observed(&server, &["--no-check", "--log", "json", "--chat", "pass"]);
    for (path, body) in [
        (
            "/v1/responses",
            json!({"model": "some-model", "input": "Why?"}),
        ),
        (
            "/v1/chat/completions",
            json!({"model": "some-model", "messages": [{"role": "user", "content": "Why?"}]}),
        ),
        ("/v1/embeddings", json!({})),
    ] {
        let response = gateway.post(path, &body).await;
        assert_eq!(response.status(), 401, "{path}");
        let error = json_of(response).await["error"].clone();
        assert_eq!(error["code"], "invalid_api_key", "{error}");
        let message = error["message"].as_str().expect("a message");
        assert!(
            message.starts_with("the service rejected the credentials of the gateway"),
            "{message}"
        );
    }
    for line in written(gateway).lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(line["fault"], "gateway", "{line}");
    }
}
