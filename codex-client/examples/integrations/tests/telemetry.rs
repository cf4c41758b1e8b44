//! The spans that an exporter receives.
#![cfg(test)]

use codex_client::auth::ApiKey;
use codex_client::transport::testing::{Answer, LoopbackServer, Script};
use codex_client::types::CreateResponse;
use codex_client::{Client, transport::RetryPolicy};
use codex_integrations_example::telemetry;
use opentelemetry::Value;
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};

const COMPLETED: &str = r#"{"type":"response.completed","response":{"id":"resp_1","model":"some-model-2026","status":"completed","output":[],"usage":{"input_tokens":200,"output_tokens":30,"total_tokens":230,"input_tokens_details":{"cached_tokens":150}}}}"#;

fn attribute(span: &SpanData, name: &str) -> Option<Value> {
    let found = span
        .attributes
        .iter()
        .find(|pair| pair.key.as_str() == name);
    found.map(|pair| pair.value.clone())
}

/// Returns the spans of one question.
async fn spans(answer: Answer) -> Vec<SpanData> {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .build();
    let guard = tracing::subscriber::set_default(telemetry::subscriber(&provider));
    let server = LoopbackServer::start(Script::new().answer(answer)).unwrap();
    let client = Client::builder()
        .base_url(server.url("/v1"))
        .auth(ApiKey::new("sk-invented-canary").unwrap())
        .retry(RetryPolicy::none())
        .build()
        .unwrap();
    let request = CreateResponse::new("some-model").input("canary of a prompt");
    let _ = client.create(&request).await;
    drop(guard);
    provider.force_flush().unwrap();
    let spans = exporter.get_finished_spans().unwrap();
    assert!(!format!("{spans:?}").contains("canary"));
    spans
}

#[tokio::test]
async fn a_turn_is_a_span_with_its_usage_above_the_span_of_its_attempt() {
    let spans = spans(Answer::sse().event(COMPLETED)).await;
    let turn = spans.iter().find(|span| span.name == "chat some-model");
    let attempt = spans.iter().find(|span| span.name == "POST");
    let (turn, attempt) = (turn.expect("a turn"), attempt.expect("an attempt"));
    assert_eq!(turn.span_kind, SpanKind::Client);
    assert_eq!(attempt.parent_span_id, turn.span_context.span_id());
    assert_eq!(
        attempt.span_context.trace_id(),
        turn.span_context.trace_id()
    );
    for (name, value) in [
        ("gen_ai.operation.name", Value::from("chat")),
        ("gen_ai.request.model", Value::from("some-model")),
        ("gen_ai.response.model", Value::from("some-model-2026")),
        ("gen_ai.usage.input_tokens", Value::from(200)),
        ("gen_ai.usage.output_tokens", Value::from(30)),
        ("gen_ai.usage.cache_read.input_tokens", Value::from(150)),
        ("codex.usage.cached_ratio", Value::from(0.75)),
        ("server.address", Value::from("127.0.0.1")),
    ] {
        assert_eq!(attribute(turn, name), Some(value), "{name}");
    }
    for name in [
        "http.response.status_code",
        "http.request.resend_count",
        "server.port",
    ] {
        let value = attribute(attempt, name);
        assert!(matches!(value, Some(Value::I64(_))), "{name}: {value:?}");
    }
}

#[tokio::test]
async fn a_failure_has_a_status_and_a_type() {
    let answer = Answer::json(400, r#"{"error":{"message":"no","code":"invalid_prompt"}}"#);
    let spans = spans(answer).await;
    let turn = spans.iter().find(|span| span.name == "chat some-model");
    let turn = turn.expect("a turn");
    assert!(matches!(turn.status, Status::Error { .. }), "{turn:?}");
    assert!(attribute(turn, "error.type").is_some());
}
