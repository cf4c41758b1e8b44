//! Whole exchanges against a real server on 127.0.0.1: data is delivered as it arrives, and every
//! way in which an exchange can end has its own error.

use std::time::Duration;

use codex_auth::{ApiKey, BearerToken, Secret, TokenRequest, source_fn};
use codex_client::{Client, Error, ErrorKind, ResponseStream, Side};
use codex_transport::testing::{Answer, Cut, Gate, LoopbackServer, Script};
use codex_transport::{ErrorKind as TransportErrorKind, RetryPolicy, TimeoutKind, Timeouts};
use codex_types::{CreateResponse, OutputItem, ResponseEvent, Status};
use serde_json::{Value, json};

use crate::kit::{self, message, question};

const KEY: &str = "sk-invented-canary";

fn start(answer: Answer) -> (LoopbackServer, Client) {
    start_script(Script::new().route("POST", "/v1/responses", answer))
}

fn start_script(script: Script) -> (LoopbackServer, Client) {
    kit::start(script, |client| {
        client
            .auth(ApiKey::new(Secret::from(KEY)).expect("a key"))
            .retry(RetryPolicy::none())
    })
}

fn created() -> String {
    json!({"type": "response.created", "sequence_number": 0, "response": response("in_progress", json!([]))}).to_string()
}

fn delta(number: u64, text: &str) -> String {
    json!({"type": "response.output_text.delta", "sequence_number": number, "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": text}).to_string()
}

fn completed(output: Value) -> String {
    json!({"type": "response.completed", "sequence_number": 99, "response": response("completed", output)}).to_string()
}

fn response(status: &str, output: Value) -> Value {
    json!({"id": "resp_1", "object": "response", "created_at": 1_767_225_600, "status": status, "model": "some-model", "output": output})
}

async fn texts(stream: &mut ResponseStream) -> Result<Vec<String>, Error> {
    let mut texts = Vec::new();
    while let Some(event) = stream.next().await {
        if let ResponseEvent::OutputTextDelta(delta) = event? {
            texts.push(delta.delta().to_owned());
        }
    }
    Ok(texts)
}

#[tokio::test]
async fn the_first_delta_is_delivered_before_the_server_has_sent_the_last() {
    let gate = Gate::new();
    let answer = Answer::sse()
        .event(created())
        .event(delta(1, "first "))
        .gate(&gate)
        .event(delta(2, "last"))
        .event(completed(json!([message("msg_1", "first last")])));
    let (_server, client) = start(answer);

    let mut stream = client.stream(&question()).await.expect("a stream");
    let first = loop {
        let event = stream.next().await.expect("an event").expect("a good one");
        if let ResponseEvent::OutputTextDelta(delta) = event {
            break delta.delta().to_owned();
        }
    };
    assert_eq!(first, "first ");
    // The server waits at the gate: what follows it has not been sent.
    assert!(gate.reached_within(Duration::from_secs(10)));
    gate.open();
    assert_eq!(texts(&mut stream).await.expect("the rest"), ["last"]);
}

#[tokio::test]
async fn a_request_carries_what_the_server_needs() {
    let (server, client) =
        start(Answer::sse().event(completed(json!([message("msg_1", "Because.")]))));
    let response = client.create(&question()).await.expect("a response");
    assert_eq!(response.output_text(), "Because.");

    let requests = server.requests();
    let request = requests.first().expect("one request");
    assert_eq!(
        request.header("authorization"),
        Some("Bearer sk-invented-canary")
    );
    assert_eq!(request.header("accept"), Some("text/event-stream"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert!(
        request
            .header("user-agent")
            .is_some_and(|agent| agent.starts_with("codex-client-rs/"))
    );
    let body: Value = serde_json::from_slice(&request.body).expect("JSON");
    assert_eq!(body["model"], "some-model");
    assert_eq!(body["stream"], true);
}

#[tokio::test]
async fn an_unknown_event_and_an_unknown_item_pass_through() {
    let strange =
        json!({"type": "response.telepathy.delta", "sequence_number": 1, "thought": "blue"});
    let item = json!({"type": "telepathy_call", "id": "tp_1", "thought": "blue"});
    let (_server, client) = start(
        Answer::sse()
            .event(created())
            .event(strange.to_string())
            .event(json!({"type": "response.output_item.done", "sequence_number": 2, "output_index": 0, "item": item}).to_string())
            .event(completed(json!([]))),
    );
    let mut stream = client.stream(&question()).await.expect("a stream");
    let mut kinds = Vec::new();
    while let Some(event) = stream.next().await {
        let event = event.expect("no error");
        kinds.push(event.kind().to_owned());
        if let ResponseEvent::Unknown(event) = &event {
            assert_eq!(
                serde_json::from_str::<Value>(event.raw().as_str()).expect("JSON"),
                strange
            );
        }
    }
    assert_eq!(
        kinds,
        [
            "response.created",
            "response.telepathy.delta",
            "response.output_item.done",
            "response.completed"
        ]
    );
    let response = stream.finish().await.expect("a response");
    let [OutputItem::Unknown(kept)] = response.output.as_slice() else {
        panic!("one unknown item, not {:?}", response.output.len());
    };
    assert_eq!(
        serde_json::from_str::<Value>(kept.raw().as_str()).expect("JSON"),
        item
    );
}

#[tokio::test]
async fn reasoning_and_tool_calls_arrive_and_are_assembled() {
    let arguments = r#"{"city":"Oslo"}"#;
    let (_server, client) = start(
        Answer::sse()
            .event(created())
            .event(json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "id": "rs_1", "summary": []}}).to_string())
            .event(json!({"type": "response.reasoning_summary_part.added", "item_id": "rs_1", "output_index": 0, "summary_index": 0, "part": {"type": "summary_text", "text": ""}}).to_string())
            .event(json!({"type": "response.reasoning_summary_text.delta", "item_id": "rs_1", "output_index": 0, "summary_index": 0, "delta": "Ask a tool."}).to_string())
            .event(json!({"type": "response.output_item.added", "output_index": 1, "item": {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "arguments": ""}}).to_string())
            .event(json!({"type": "response.function_call_arguments.delta", "item_id": "fc_1", "output_index": 1, "delta": arguments}).to_string())
            .event(json!({"type": "response.function_call_arguments.done", "item_id": "fc_1", "output_index": 1, "arguments": arguments}).to_string())
            .event(completed(json!([]))),
    );
    let response = client.create(&question()).await.expect("a response");
    let calls: Vec<_> = response.function_calls().collect();
    assert_eq!(calls.len(), 1);
    assert_eq!(
        (calls[0].name.as_str(), calls[0].arguments.as_str()),
        ("weather", arguments)
    );
    let [
        OutputItem::Reasoning(reasoning),
        OutputItem::FunctionCall(_),
    ] = response.output.as_slice()
    else {
        panic!("a reasoning item and a call");
    };
    assert_eq!(reasoning.summary.len(), 1);
}

#[tokio::test]
async fn a_cut_connection_keeps_what_was_received() {
    for cut in [Cut::Close, Cut::Reset] {
        let (_server, client) = start(
            Answer::sse()
                .event(created())
                .event(delta(1, "half a sen"))
                .cut(cut),
        );
        let mut stream = client.stream(&question()).await.expect("a stream");
        let mut received = Vec::new();
        let error = loop {
            match stream.next().await.expect("an error before the end") {
                Ok(event) => received.push(event),
                Err(error) => break error,
            }
        };
        assert_eq!(received.len(), 2, "{cut:?}");
        assert!(
            matches!(error.kind(), ErrorKind::Transport | ErrorKind::Truncated),
            "{cut:?}: {error:?}"
        );
        assert_eq!(error.side(), Side::Network);
        assert!(!error.is_retryable(), "something was delivered");
        assert!(
            stream.next().await.is_none(),
            "an error that nothing can follow is the last item"
        );
        assert_eq!(stream.snapshot().output_text(), "half a sen");
    }
}

#[tokio::test]
async fn an_end_without_a_terminal_event_is_an_error_with_the_partial_response() {
    let (_server, client) = start(Answer::sse().event(created()).event(delta(1, "half")));
    let error = client.create(&question()).await.expect_err("truncated");
    assert_eq!(error.kind(), ErrorKind::Truncated);
    assert_eq!(error.to_string(), "response ended before a terminal event");
    assert_eq!(error.partial().expect("what came").output_text(), "half");
}

#[tokio::test]
async fn statuses_have_their_names() {
    let body = |code: &str| {
        json!({"error": {"message": "invented", "type": "some_type", "code": code, "param": null}})
            .to_string()
    };
    let cases = [
        (401, "invalid_api_key", Side::Local, false),
        (429, "rate_limit_exceeded", Side::Local, true),
        (500, "server_error", Side::Remote, true),
    ];
    for (status, code, side, retryable) in cases {
        let (_server, client) = start(
            Answer::json(status, body(code))
                .header("x-request-id", "req_1")
                .header("retry-after", "7"),
        );
        let error = client.stream(&question()).await.expect_err("no success");
        assert_eq!(error.kind(), ErrorKind::Status);
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
        assert_eq!(error.side(), side, "{status}");
        assert_eq!(error.is_retryable(), retryable, "{status}");
        assert_eq!(error.request_id(), Some("req_1"));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
        assert_eq!(
            error
                .api()
                .and_then(|api| api.code.as_ref())
                .map(|code| code.as_str()),
            Some(code)
        );
        assert_eq!(
            error.to_string(),
            format!(
                "server responded with status {status} ({code}), request req_1: invented (type some_type)"
            )
        );
    }
}

#[tokio::test]
async fn an_error_body_of_any_shape_or_size_leaves_the_status_standing() {
    let page = format!("<html>{}</html>", "x".repeat(1 << 20));
    for body in [
        String::new(),
        "{".to_owned(),
        r#"{"detail":"Store must be set to false"}"#.to_owned(),
        page,
    ] {
        let (_server, client) = start(Answer::status(400).body(body));
        let error = client.stream(&question()).await.expect_err("no success");
        assert_eq!(error.status().map(|status| status.as_u16()), Some(400));
    }
}

#[tokio::test]
async fn a_payload_that_is_not_json_or_utf8_affects_only_itself() {
    let mut broken = b"data: {\"type\":\"response.output_text.delta\",\"delta\":\"".to_vec();
    broken.extend_from_slice(b"\xff\xfe\"}\n\n");
    let (_server, client) = start(
        Answer::sse()
            .event(created())
            .body("data: {\"type\":\n\n")
            .body(broken)
            .event(delta(2, "still here"))
            .event(completed(json!([message("msg_1", "still here")]))),
    );
    let mut stream = client.stream(&question()).await.expect("a stream");
    let (mut good, mut bad) = (0, Vec::new());
    while let Some(item) = stream.next().await {
        match item {
            Ok(_) => good += 1,
            Err(error) => {
                assert!(!error.is_fatal());
                bad.push(error.kind());
            }
        }
    }
    assert_eq!(
        (good, bad.as_slice()),
        (3, [ErrorKind::Payload, ErrorKind::Payload].as_slice())
    );
    assert_eq!(
        stream
            .finish()
            .await
            .expect("completed all the same")
            .output_text(),
        "still here"
    );
}

#[tokio::test]
async fn failed_and_incomplete_are_events_of_a_stream_and_errors_of_a_result() {
    let mut failed = response("failed", json!([]));
    failed["error"] = json!({"code": "server_error", "message": "invented"});
    let mut incomplete = response("incomplete", json!([message("msg_1", "cut o")]));
    incomplete["incomplete_details"] = json!({"reason": "max_output_tokens"});
    let cases = [
        ("response.failed", failed, ErrorKind::Failed, Status::Failed),
        (
            "response.incomplete",
            incomplete,
            ErrorKind::Incomplete,
            Status::Incomplete,
        ),
    ];
    for (kind, response, expected, status) in cases {
        let event = json!({"type": kind, "sequence_number": 1, "response": response}).to_string();
        let (_server, client) = start(Answer::sse().event(created()).event(event).times(2));

        let mut stream = client.stream(&question()).await.expect("a stream");
        let mut kinds = Vec::new();
        while let Some(event) = stream.next().await {
            kinds.push(event.expect("an event, not an error").kind().to_owned());
        }
        assert_eq!(kinds, ["response.created", kind]);

        let error = client.create(&question()).await.expect_err("no result");
        assert_eq!(error.kind(), expected);
        assert_eq!(
            error.partial().map(|partial| partial.status.clone()),
            Some(status)
        );
    }
}

#[tokio::test]
async fn an_error_event_is_a_failure_with_its_code() {
    for event in [
        json!({"type": "error", "code": "server_is_overloaded", "message": "invented", "param": null, "sequence_number": 1}),
        json!({"type": "error", "error": {"type": "server_error", "code": "server_is_overloaded", "message": "invented"}}),
    ] {
        let (_server, client) = start(Answer::sse().event(created()).event(event.to_string()));
        let error = client.create(&question()).await.expect_err("no result");
        assert_eq!(error.kind(), ErrorKind::Failed);
        assert_eq!(
            error.to_string(),
            match error.api().and_then(|api| api.kind.as_ref()) {
                Some(_) => "response failed (server_is_overloaded): invented (type server_error)",
                None => "response failed (server_is_overloaded): invented",
            }
        );
    }
}

#[tokio::test]
async fn silence_ends_in_a_named_timeout() {
    let (_server, client) = kit::start(
        Script::new().answer(Answer::sse().event(created()).comment("alive").stall()),
        |client| {
            client
                .timeouts(Timeouts::default().with_idle(Duration::from_millis(200)))
                .retry(RetryPolicy::none())
        },
    );
    let error = client.create(&question()).await.expect_err("a timeout");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let source = std::error::Error::source(&error).expect("the transport's error");
    let source = source
        .downcast_ref::<codex_transport::Error>()
        .expect("the transport's error");
    assert!(matches!(
        source.kind(),
        TransportErrorKind::Timeout(TimeoutKind::EventIdle | TimeoutKind::ByteIdle)
    ));
}

#[tokio::test]
async fn a_success_that_is_no_event_stream_is_refused() {
    let page = Answer::ok()
        .header("content-type", "text/html")
        .body("<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>");
    let (_server, client) = start(page);
    let error = client.stream(&question()).await.expect_err("no stream");
    assert_eq!(error.kind(), ErrorKind::Protocol);
    let api = error.api().expect("a description");
    assert_eq!(api.message, "Just a moment...");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_transport_error() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = closed.local_addr().expect("its address");
    drop(closed);
    let client = Client::builder()
        .base_url(format!("http://{address}/v1"))
        .retry(RetryPolicy::none())
        .build()
        .expect("a client");
    let error = client.stream(&question()).await.expect_err("nobody there");
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert_eq!(error.side(), Side::Network);
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a_rejected_credential_is_renewed_once_and_the_request_repeated() {
    let script = Script::new().rule(|request| {
        Some(match request.header("authorization") {
            Some("Bearer renewed") => {
                Answer::sse().event(completed(json!([message("msg_1", "in")])))
            }
            _ => Answer::status(401),
        })
    });
    let server = LoopbackServer::start(script).expect("a loopback server");
    let client = Client::builder()
        .base_url(server.url("/v1"))
        .auth(source_fn({
            let renewed = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
            move |request: TokenRequest| {
                let renewed = renewed.clone();
                async move {
                    if request.is_after_rejection() {
                        renewed.store(true, std::sync::atomic::Ordering::SeqCst);
                    }
                    let token = if renewed.load(std::sync::atomic::Ordering::SeqCst) {
                        "renewed"
                    } else {
                        "stale"
                    };
                    Ok(BearerToken::new(Secret::from(token)))
                }
            }
        }))
        .build()
        .expect("a client");
    let response = client.create(&question()).await.expect("a response");
    assert_eq!(response.output_text(), "in");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn dropping_the_stream_cancels_the_request() {
    let gate = Gate::new();
    let (server, client) = start(
        Answer::sse()
            .event(created())
            .gate(&gate)
            .event(delta(1, "never read")),
    );
    let mut stream = client.stream(&question()).await.expect("a stream");
    assert!(stream.next().await.is_some());
    assert!(gate.reached_within(Duration::from_secs(10)));
    drop(stream);
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while server.cancelled() == 0 {
        assert!(
            std::time::Instant::now() < deadline,
            "the server never saw the cancellation"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn no_secret_and_no_payload_reaches_a_text() {
    let (_server, client) = start(
        Answer::json(400, json!({"error": {"message": format!("prompt-canary {KEY}"), "code": "bad prompt-canary", "type": null, "param": null}}).to_string()),
    );
    let request = CreateResponse::new("some-model").input("prompt-canary");
    let error = client.stream(&request).await.expect_err("no success");
    assert_eq!(error.message(), Some("prompt-canary [redacted]"));
    for text in [format!("{error}"), format!("{error:?}")] {
        assert!(!text.contains(KEY), "{text}");
    }
    for text in [
        format!("{client:?}"),
        format!("{:?}", Client::builder().header("x", KEY)),
    ] {
        assert!(!text.contains("canary"), "{text}");
    }
}
