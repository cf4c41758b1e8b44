//! The spans of the feature `tracing`, recorded by a subscriber that keeps everything: their names,
//! their fields, and what they must not contain.
#![cfg(feature = "tracing")]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codex_auth::{ApiKey, Secret};
use codex_client::{CallOptions, Client};
use codex_transport::RetryPolicy;
use codex_transport::testing::{Answer, LoopbackServer, Script};
use codex_types::profile::{Identity, Profile};
use codex_types::{CreateResponse, ServiceTier};
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

const KEY: &str = "sk-invented-canary";

/// Spans and events of the crates of this workspace, in order.
#[derive(Clone, Default)]
struct Collector {
    seen: Arc<Mutex<Vec<Seen>>>,
    entered: Arc<Mutex<Vec<usize>>>,
}

#[derive(Clone, Debug, Default)]
struct Seen {
    name: &'static str,
    parent: Option<usize>,
    fields: BTreeMap<&'static str, String>,
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }
}

impl Collector {
    fn spans(&self, name: &str) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .filter(|seen| seen.name == name)
            .cloned()
            .collect()
    }

    fn text(&self) -> String {
        format!("{:?}", self.seen.lock().unwrap())
    }
}

/// Ids start at 1.
fn index(id: &Id) -> usize {
    usize::try_from(id.into_u64()).unwrap() - 1
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("codex_")
    }
    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut seen = Seen {
            name: attributes.metadata().name(),
            parent: self.entered.lock().unwrap().last().copied(),
            ..Seen::default()
        };
        attributes.record(&mut seen);
        let mut all = self.seen.lock().unwrap();
        all.push(seen);
        Id::from_u64(all.len() as u64)
    }
    fn record(&self, id: &Id, values: &Record<'_>) {
        values.record(&mut self.seen.lock().unwrap()[index(id)]);
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut seen = Seen {
            name: "event",
            parent: self.entered.lock().unwrap().last().copied(),
            ..Seen::default()
        };
        event.record(&mut seen);
        self.seen.lock().unwrap().push(seen);
    }
    fn enter(&self, id: &Id) {
        self.entered.lock().unwrap().push(index(id));
    }
    fn exit(&self, id: &Id) {
        let left = self.entered.lock().unwrap().pop();
        assert_eq!(left, Some(index(id)), "spans are left in order");
    }
}

fn client(server: &LoopbackServer) -> Client {
    let mut retry = RetryPolicy::default();
    retry.base = Duration::from_millis(1);
    Client::builder()
        .base_url(format!("{}?key=canary-of-a-query", server.url("/v1")))
        .profile(Profile::platform())
        .auth(ApiKey::new(Secret::from(KEY)).expect("a key"))
        .header("x-own", "canary of a header")
        .retry(retry)
        .build()
        .expect("a client")
}

fn question() -> CreateResponse {
    let mut request = CreateResponse::new("some-model")
        .instructions("canary of instructions")
        .input("canary of a prompt")
        .max_output_tokens(100_u64);
    request.service_tier = Some(ServiceTier::Flex);
    request
}

fn options() -> CallOptions {
    CallOptions::new().identity(Identity::new().thread_id("thread-1"))
}

fn delta() -> String {
    json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "canary of an answer"}).to_string()
}

fn completed() -> String {
    json!({"type": "response.completed", "response": {"id": "resp_1", "model": "some-model-2026", "status": "completed", "service_tier": "default", "output": [],
        "usage": {"input_tokens": 200, "output_tokens": 30, "total_tokens": 230, "input_tokens_details": {"cached_tokens": 150, "cache_write_tokens": 20},
            "output_tokens_details": {"reasoning_tokens": 10}}}})
    .to_string()
}

fn assert_fields(seen: &Seen, expected: &[(&str, &str)]) {
    for (name, value) in expected {
        let found = seen.fields.get(name).map(String::as_str);
        assert_eq!(found, Some(*value), "{name} of {seen:#?}");
    }
}

#[tokio::test]
async fn an_operation_has_one_span_and_each_attempt_one_below_it() {
    let collector = Collector::default();
    let _guard = tracing::subscriber::set_default(collector.clone());
    let refusal = json!({"error": {"code": "server_error", "message": "canary of a message"}});
    let script = Script::new()
        .answer(Answer::json(500, refusal.to_string()))
        .answer(Answer::sse().event(delta()).event(completed()));
    let server = LoopbackServer::start(script).expect("a loopback server");
    let client = client(&server);
    client
        .create(&question())
        .options(options().clone())
        .await
        .expect("a response");

    let [operation] = collector.spans("chat").try_into().expect("one operation");
    assert_fields(
        &operation,
        &[
            ("otel.name", "chat some-model"),
            ("otel.kind", "client"),
            ("openai.api.type", "responses"),
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.provider.name", "openai"),
            ("gen_ai.request.model", "some-model"),
            ("gen_ai.request.max_tokens", "100"),
            ("gen_ai.conversation.id", "thread-1"),
            ("openai.request.service_tier", "flex"),
            ("server.address", "127.0.0.1"),
            ("gen_ai.response.id", "resp_1"),
            ("gen_ai.response.model", "some-model-2026"),
            ("gen_ai.response.finish_reasons", "[\"stop\"]"),
            ("openai.response.service_tier", "default"),
            ("gen_ai.usage.input_tokens", "200"),
            ("gen_ai.usage.output_tokens", "30"),
            ("gen_ai.usage.cache_read.input_tokens", "150"),
            ("gen_ai.usage.cache_creation.input_tokens", "20"),
            ("gen_ai.usage.reasoning.output_tokens", "10"),
            ("codex.usage.cached_ratio", "0.75"),
        ],
    );
    let port = server.url("").rsplit(':').next().map(str::to_owned);
    assert_eq!(operation.fields.get("server.port"), port.as_ref());
    let seconds = &operation.fields["gen_ai.response.time_to_first_chunk"];
    let seconds: f64 = seconds.parse().expect("a number");
    assert!(seconds > 0.0 && seconds < 60.0, "{seconds}");
    assert!(!operation.fields.contains_key("error.type"));

    let [first, second] = collector.spans("attempt").try_into().expect("two attempts");
    for (attempt, resends, status) in [(&first, "0", "500"), (&second, "1", "200")] {
        assert_eq!(attempt.parent, Some(0), "below the operation");
        assert_fields(
            attempt,
            &[
                ("http.request.method", "POST"),
                ("http.request.resend_count", resends),
                ("http.response.status_code", status),
                ("network.protocol.name", "http"),
            ],
        );
    }
    assert_fields(
        &first,
        &[("error.type", "500"), ("otel.status_code", "ERROR")],
    );
    assert!(!second.fields.contains_key("error.type"));
    let events = collector.spans("event");
    let [refused, again, answered] = events.try_into().expect("one for each attempt and retry");
    for (event, status) in [(&refused, "500"), (&answered, "200")] {
        let message = ("message", "received response headers");
        assert_fields(event, &[message, ("http.response.status_code", status)]);
    }
    assert_fields(
        &again,
        &[
            ("message", "retrying request"),
            ("error.type", "server_error"),
        ],
    );
    assert_eq!(again.parent, Some(0));
}

#[tokio::test]
async fn a_failed_operation_says_why() {
    let refusal = json!({"error": {"code": "invalid_api_key", "message": "canary of a message"}});
    let failed = json!({"type": "response.failed", "response": {"id": "resp_2", "status": "failed", "output": [],
        "error": {"code": "context_length_exceeded", "message": "canary of a message"}}});
    let incomplete = json!({"type": "response.incomplete", "response": {"id": "resp_3", "status": "incomplete", "output": [],
        "incomplete_details": {"reason": "max_output_tokens"}}});
    for (answer, expected) in [
        (
            Answer::json(401, refusal.to_string()),
            vec![
                ("error.type", "invalid_api_key"),
                ("otel.status_code", "ERROR"),
            ],
        ),
        (
            Answer::sse().event(delta()).event(failed.to_string()),
            vec![
                ("error.type", "context_length_exceeded"),
                ("otel.status_code", "ERROR"),
                ("gen_ai.response.id", "resp_2"),
                ("gen_ai.response.finish_reasons", "[\"error\"]"),
            ],
        ),
        (
            Answer::sse().event(delta()).event(incomplete.to_string()),
            vec![("gen_ai.response.finish_reasons", "[\"length\"]")],
        ),
        (
            Answer::sse().event(delta()),
            vec![("error.type", "truncated"), ("otel.status_code", "ERROR")],
        ),
    ] {
        let collector = Collector::default();
        let _guard = tracing::subscriber::set_default(collector.clone());
        let server = LoopbackServer::start(Script::new().answer(answer)).expect("a server");
        let error = client(&server).create(&question()).await;
        error.expect_err("no response");
        let [operation] = collector.spans("chat").try_into().expect("one operation");
        assert_fields(&operation, &expected);
    }
}

#[cfg(feature = "ws")]
#[tokio::test]
async fn a_turn_that_falls_back_is_one_operation_with_attempts_over_both() {
    let collector = Collector::default();
    let _guard = tracing::subscriber::set_default(collector.clone());
    let script = Script::new()
        .route("GET", "/v1/responses", Answer::status(426))
        .route(
            "POST",
            "/v1/responses",
            Answer::sse().event(delta()).event(completed()),
        );
    let server = LoopbackServer::start(script).expect("a loopback server");
    let mut session = client(&server).socket_session();
    session.create(&question()).await.expect("a response");
    let [operation] = collector.spans("chat").try_into().expect("one operation");
    assert_fields(&operation, &[("gen_ai.usage.input_tokens", "200")]);
    assert!(
        operation
            .fields
            .contains_key("gen_ai.response.time_to_first_chunk")
    );
    assert!(!operation.fields.contains_key("error.type"));
    let [socket, http] = collector.spans("attempt").try_into().expect("two attempts");
    assert_fields(
        &socket,
        &[
            ("network.protocol.name", "websocket"),
            ("error.type", "426"),
        ],
    );
    assert_fields(
        &http,
        &[
            ("network.protocol.name", "http"),
            ("http.response.status_code", "200"),
        ],
    );
    assert_eq!((socket.parent, http.parent), (Some(0), Some(0)));
}

#[cfg(feature = "ws")]
#[tokio::test]
async fn a_turn_over_a_socket_is_one_operation() {
    let collector = Collector::default();
    let _guard = tracing::subscriber::set_default(collector.clone());
    let answer = Answer::websocket()
        .receive()
        .event(delta())
        .event(completed());
    let server = LoopbackServer::start(Script::new().route("GET", "/v1/responses", answer))
        .expect("a server");
    let mut session = client(&server).socket_session();
    session.create(&question()).await.expect("a response");
    let [operation] = collector.spans("chat").try_into().expect("one operation");
    assert_fields(
        &operation,
        &[
            ("gen_ai.response.id", "resp_1"),
            ("codex.usage.cached_ratio", "0.75"),
        ],
    );
    let [attempt] = collector.spans("attempt").try_into().expect("one attempt");
    assert_fields(&attempt, &[("network.protocol.name", "websocket")]);
}

#[tokio::test]
async fn nothing_of_a_conversation_and_no_secret_reaches_a_span() {
    let refusal = json!({"error": {"code": "canary of a code", "type": "canary of a type", "message": "canary of a message"}});
    let odd = json!({"type": "response.completed", "response": {"id": "canary of an id", "model": "canary of a model", "status": "completed",
        "service_tier": "canary of a tier", "output": []}});
    let broken = "data: {\"canary\n\n";
    let collector = Collector::default();
    let _guard = tracing::subscriber::set_default(collector.clone());
    let script = Script::new()
        .answer(Answer::json(500, refusal.to_string()).header("x-canary", "canary"))
        .answer(
            Answer::sse()
                .event(delta())
                .body(broken)
                .event(odd.to_string()),
        )
        .answer(Answer::json(400, refusal.to_string()))
        .answer(Answer::json(200, "{\"canary\":1}"));
    let server = LoopbackServer::start(script).expect("a loopback server");
    let client = client(&server);
    client.create(&question()).await.expect("a response");
    client.create(&question()).await.expect_err("refused");
    client.create(&question()).await.expect_err("no stream");
    let text = collector.text();
    assert_eq!(collector.spans("chat").len(), 3);
    assert!(!text.contains("canary"), "{text}");
}
