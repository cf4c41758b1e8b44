//! Mistakes that clients of this API are known to make, each reproduced end to end. The ids are
//! those of FEATURES.md; the others, which are neither here nor in `defects_assembly.rs`, have a
//! test next to the code in question.
#![cfg(feature = "ws")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use codex_auth::{BearerToken, Secret};
use codex_client::{Client, ClientBuilder, ErrorKind, SocketSession, SocketSettings};
use codex_sse::{EventDecoder, Limits};
use codex_transport::RetryPolicy;
use codex_transport::testing::{Answer, ChunkShape, Cut, LineEnd, LoopbackServer, Script};
use codex_types::profile::Profile;
use codex_types::{CreateResponse, InputItem, Response, Status};
use serde_json::{Value, json};

use crate::kit::{
    self, completed, created, delta, item_added, item_done, message, question, response,
};

fn builder(server: &LoopbackServer) -> ClientBuilder {
    Client::builder()
        .base_url(server.url("/v1"))
        .profile(Profile::platform())
        .auth(kit::key())
        .retry(RetryPolicy::none())
}

fn start(answer: Answer) -> (LoopbackServer, Client) {
    let script = Script::new().route("POST", "/v1/responses", answer);
    let server = LoopbackServer::start(script).expect("a loopback server");
    let client = builder(&server).build().expect("a client");
    (server, client)
}

fn call(arguments: &str, status: &str) -> Value {
    json!({"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look_up", "arguments": arguments, "status": status})
}

fn arguments_delta(text: &str) -> String {
    json!({"type": "response.function_call_arguments.delta", "item_id": "fc_1", "output_index": 0, "delta": text}).to_string()
}

fn arguments_done(arguments: &str) -> String {
    json!({"type": "response.function_call_arguments.done", "item_id": "fc_1", "output_index": 0, "arguments": arguments}).to_string()
}

fn arguments_of(response: &Response) -> Vec<&str> {
    let calls = response.function_calls();
    calls.map(|call| call.arguments.as_str()).collect()
}

/// D4: a character is complete only with its last byte.
#[tokio::test]
async fn characters_of_one_to_four_bytes_survive_every_cut() {
    let text = "aé€🦀\u{10ffff}e\u{301}";
    let stream = format!("data: {}\n\n", delta("msg_1", text));
    let decoded = |pieces: &[&[u8]]| {
        let mut decoder = EventDecoder::new();
        let mut texts = Vec::new();
        for piece in pieces {
            let mut piece = *piece;
            while let Some(event) = decoder.decode(&mut piece).expect("an event") {
                texts.extend(event.text_delta().map(str::to_owned));
            }
        }
        texts
    };
    let bytes = stream.as_bytes();
    for first in 0..=bytes.len() {
        for second in first..=bytes.len() {
            let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
            assert_eq!(decoded(&pieces), [text], "cut at {first} and {second}");
        }
    }
    for length in 1..=4 {
        let answer = Answer::sse()
            .event(delta("msg_1", text))
            .event(completed("resp_1", json!([])))
            .shape(ChunkShape::Bytes(length));
        let (_server, client) = start(answer);
        let response = client.create(&question()).await.expect("a response");
        assert_eq!(response.output_text(), text, "{length} bytes at a time");
    }
}

/// D6: a response has ended when its terminal event arrives, and not when the server stops sending.
#[tokio::test]
async fn an_end_before_the_terminal_event_is_one_error_and_the_last_item() {
    let half = || {
        Answer::sse()
            .event(created("resp_1"))
            .event(delta("msg_1", "half"))
    };
    let ends = [
        ("the body ends", half()),
        ("the marker of the chat API comes", half().event("[DONE]")),
        ("the connection is closed", half().cut(Cut::Close)),
        ("the connection is reset", half().cut(Cut::Reset)),
        (
            "the last event is cut",
            half()
                .cut_after(120, Cut::Close)
                .event(completed("resp_1", json!([message("msg_1", "half")]))),
        ),
    ];
    for (name, answer) in ends {
        let (server, client) = start(answer);
        let mut stream = client.stream(&question()).await.expect("a stream");
        let mut errors = Vec::new();
        while let Some(item) = stream.next().await {
            match item {
                Ok(event) => {
                    assert!(errors.is_empty(), "{name}: an event after the end");
                    assert!(!event.is_terminal(), "{name}");
                }
                Err(error) => errors.push(error),
            }
        }
        assert_eq!(errors.len(), 1, "{name}");
        assert!(
            matches!(
                errors[0].kind(),
                ErrorKind::Truncated | ErrorKind::Transport
            ),
            "{name}: {:?}",
            errors[0].kind()
        );
        assert!(
            stream.next().await.is_none(),
            "{name}: the end is not the end"
        );
        assert_eq!(server.requests().len(), 1, "{name}");
    }
}

/// D7, D12: an incomplete response is neither unknown nor a success, and reports why it is
/// incomplete.
#[tokio::test]
async fn an_incomplete_response_is_an_error_with_its_reason() {
    for reason in [
        "max_output_tokens",
        "content_filter",
        "a_reason_of_next_year",
    ] {
        let mut incomplete = response("resp_1", "incomplete", json!([message("msg_1", "cut o")]));
        incomplete["incomplete_details"] = json!({"reason": reason});
        let event = json!({"type": "response.incomplete", "response": incomplete}).to_string();
        let (_server, client) = start(Answer::sse().event(created("resp_1")).event(event));
        let error = client.create(&question()).await.expect_err("no result");
        assert_eq!(error.kind(), ErrorKind::Incomplete);
        assert!(!error.is_retryable(), "{reason}");
        let partial = error.into_partial().expect("what was said");
        assert_eq!(partial.status, Status::Incomplete);
        assert_eq!(partial.output_text(), "cut o");
        let details = partial.incomplete_details.expect("details");
        assert!(
            details.reason.is_some_and(|said| said == *reason),
            "{reason}"
        );
    }
}

/// D10: every line ending of the standard is accepted.
#[tokio::test]
async fn line_endings_make_no_difference() {
    for line_end in [LineEnd::Lf, LineEnd::CrLf, LineEnd::Cr] {
        for shape in [ChunkShape::Whole, ChunkShape::Line, ChunkShape::Bytes(1)] {
            let answer = Answer::sse()
                .event(created("resp_1"))
                .comment("alive")
                .event(delta("msg_1", "first "))
                .event(delta("msg_1", "last"))
                .event(completed("resp_1", json!([])))
                .line_end(line_end)
                .shape(shape);
            let (_server, client) = start(answer);
            let mut stream = client.stream(&question()).await.expect("a stream");
            let mut events = 0;
            while let Some(event) = stream.next().await {
                event.expect("an event");
                events += 1;
            }
            assert_eq!(events, 4, "{line_end:?}, {shape:?}");
            assert_eq!(stream.snapshot().output_text(), "first last");
        }
    }
}

/// D10, D22: data that never becomes an event is not kept in memory.
#[tokio::test]
async fn a_line_that_does_not_end_is_an_error_at_the_limit() {
    let endless = format!("data: {}", "x".repeat(1024 * 1024));
    let answer = Answer::ok()
        .header("content-type", "text/event-stream")
        .body(endless);
    let script = Script::new().route("POST", "/v1/responses", answer);
    let server = LoopbackServer::start(script).expect("a loopback server");
    let client = builder(&server)
        .limits(Limits::new().max_line(64 * 1024))
        .build()
        .expect("a client");
    let error = client.create(&question()).await.expect_err("too long");
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(!error.is_retryable());
}

/// D15: a token may be replaced while a request waits for it.
#[tokio::test]
async fn every_attempt_requests_its_credentials() {
    let script = Script::new()
        .answer(Answer::status(503))
        .answer(Answer::sse().cut(Cut::Close))
        .answer(Answer::sse().event(completed("resp_1", json!([message("msg_1", "in")]))));
    let server = LoopbackServer::start(script).expect("a loopback server");
    let asked = Arc::new(AtomicUsize::new(0));
    let mut policy = RetryPolicy::default();
    policy.base = Duration::from_millis(1);
    let client = builder(&server)
        .auth(move || {
            let number = asked.fetch_add(1, Ordering::SeqCst);
            async move { Ok(BearerToken::new(Secret::from(format!("token-{number}")))) }
        })
        .retry(policy)
        .build()
        .expect("a client");
    let response = client.create(&question()).await.expect("a response");
    assert_eq!(response.output_text(), "in");
    let requests = server.requests();
    let sent: Vec<_> = requests
        .iter()
        .filter_map(|request| request.header("authorization"))
        .collect();
    assert_eq!(sent, ["Bearer token-0", "Bearer token-1", "Bearer token-2"]);
}

/// D17: a call is complete, whichever event carries its arguments.
#[tokio::test]
async fn each_source_of_a_call_suffices() {
    let arguments = r#"{"query":"x"}"#;
    let (empty, whole) = (call("", "in_progress"), call(arguments, "completed"));
    let sources = [
        (
            "deltas",
            vec![
                item_added(empty.clone()),
                arguments_delta(&arguments[..4]),
                arguments_delta(&arguments[4..]),
            ],
            json!([]),
        ),
        (
            "the end of the arguments",
            vec![item_added(empty), arguments_done(arguments)],
            json!([]),
        ),
        (
            "the end of the item",
            vec![item_done(0, whole.clone())],
            json!([]),
        ),
        ("the final response", vec![], json!([whole])),
    ];
    for (name, events, output) in sources {
        let answer = events.into_iter().fold(Answer::sse(), Answer::event);
        let (_server, client) = start(answer.event(completed("resp_1", output)));
        let response = client.create(&question()).await.expect("a response");
        assert_eq!(arguments_of(&response), [arguments], "{name}");
        let call = response.function_calls().next().expect("a call");
        assert_eq!((&*call.call_id, &*call.name), ("call_1", "look_up"));
    }
}

/// D18: the last event of some backends repeats nothing of the earlier ones.
#[tokio::test]
async fn an_empty_final_output_takes_nothing_away() {
    let (said, called) = (message("msg_1", "Yes."), call("{}", "completed"));
    let answer = |kind: &str, status: &str| {
        let second =
            json!({"type": "response.output_item.done", "output_index": 1, "item": called});
        let last = json!({"type": format!("response.{kind}"), "response": response("resp_1", status, json!([]))});
        Answer::sse()
            .event(created("resp_1"))
            .event(item_done(0, said.clone()))
            .event(second.to_string())
            .event(last.to_string())
    };
    let (_server, client) = start(answer("completed", "completed"));
    let response = client.create(&question()).await.expect("a response");
    assert_eq!(response.status, Status::Completed);
    assert_eq!(response.output_text(), "Yes.");
    assert_eq!(arguments_of(&response), ["{}"]);

    for (kind, expected) in [
        ("failed", ErrorKind::Failed),
        ("incomplete", ErrorKind::Incomplete),
    ] {
        let (_server, client) = start(answer(kind, kind));
        let error = client.create(&question()).await.expect_err("no result");
        assert_eq!(error.kind(), expected);
        let partial = error.into_partial().expect("what was said");
        assert_eq!(partial.output_text(), "Yes.", "{kind}");
    }
}

/// D19: both transports send the same identity and conversation, which do not change.
#[tokio::test]
async fn both_transports_send_the_same_account_and_conversation() {
    let script = Script::new()
        .route(
            "POST",
            "/backend-api/codex/responses",
            Answer::sse()
                .event(completed("resp_1", json!([message("msg_1", "Yes.")])))
                .times(2),
        )
        .route(
            "GET",
            "/backend-api/codex/responses",
            Answer::websocket()
                .receive()
                .event(completed("resp_1", json!([message("msg_1", "Yes.")]))),
        );
    let server = LoopbackServer::start(script).expect("a loopback server");
    let token = || BearerToken::new(Secret::from("invented")).with_account_id("acct-1");
    let client = Client::builder()
        .base_url(server.url("/backend-api/codex"))
        .profile(Profile::chatgpt())
        .auth(move || async move { Ok(token()) })
        .build()
        .expect("a client");
    let mut session = client.session(question());
    session.ask("One?").await.expect("an answer");
    session.ask("Two?").await.expect("an answer");

    let draft = session.draft("Three?");
    let mut socket = client.socket_session();
    let turn = socket
        .stream(draft.request())
        .options(draft.options().clone())
        .await;
    turn.expect("a turn").finish().await.expect("an answer");

    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    for request in &requests {
        for (name, value) in [
            ("chatgpt-account-id", "acct-1"),
            ("session-id", session.session_id()),
            ("thread-id", session.thread_id()),
        ] {
            assert_eq!(
                request.header(name),
                Some(value),
                "{name} of {}",
                request.method
            );
        }
    }
}

/// D20: a socket that is closed, even normally, has not ended a response.
#[tokio::test]
async fn a_socket_closed_before_the_terminal_event_is_an_error() {
    let half = || {
        Answer::websocket()
            .receive()
            .event(created("resp_1"))
            .event(delta("msg_1", "half"))
    };
    let ends = [
        ("closed normally", half().close(1000)),
        ("closed for a restart", half().close(1012)),
        ("closed against a rule", half().close(1008)),
        ("cut", half().cut(Cut::Close)),
    ];
    for (name, answer) in ends {
        let script = Script::new().route("GET", "/v1/responses", answer);
        let server = LoopbackServer::start(script).expect("a loopback server");
        let client = builder(&server).build().expect("a client");
        let mut session = SocketSession::new(&client, SocketSettings::default());
        let request = CreateResponse::new("some-model")
            .input(vec![InputItem::from(codex_types::Message::user("Why?"))]);
        let mut turn = session.stream(&request).await.expect("a turn");
        let mut errors = Vec::new();
        while let Some(item) = turn.next().await {
            if let Err(error) = item {
                errors.push(error);
            }
        }
        assert_eq!(errors.len(), 1, "{name}");
        assert!(
            matches!(
                errors[0].kind(),
                ErrorKind::Truncated | ErrorKind::Transport
            ),
            "{name}: {:?}",
            errors[0].kind()
        );
        assert!(
            turn.next().await.is_none(),
            "{name}: the end is not the end"
        );
        let said = turn.snapshot().output_text();
        assert_eq!(said, "half", "{name}");
        assert_eq!(
            server.requests().len(),
            1,
            "{name}: nothing is asked again in secret"
        );
    }
}

/// F8: a base URL and a path are joined by one slash, and the query of the base URL stays.
#[tokio::test]
async fn a_base_url_may_end_with_a_slash_and_have_a_query() {
    for (base, expected) in [
        ("/v1", "/v1/responses"),
        ("/v1/", "/v1/responses"),
        ("/v1/?api-version=1", "/v1/responses?api-version=1"),
        ("", "/responses"),
    ] {
        let answer = Answer::sse().event(completed("resp_1", json!([])));
        let server = LoopbackServer::start(Script::new().answer(answer)).expect("a server");
        let client = Client::builder()
            .base_url(server.url(base))
            .build()
            .expect("a client");
        client.create(&question()).await.expect("a response");
        let requests = server.requests();
        let target = requests[0]
            .uri
            .path_and_query()
            .map(|target| target.as_str());
        assert_eq!(target, Some(expected), "{base}");
    }
}

/// F79, F80: an output limit is sent over either transport where the backend has one, and is not
/// dropped silently where it has none.
#[tokio::test]
async fn an_output_limit_is_sent_or_refused_and_never_lost() {
    let answer = || completed("resp_1", json!([message("msg_1", "Yes.")]));
    let script = Script::new()
        .route("POST", "/v1/responses", Answer::sse().event(answer()))
        .route(
            "GET",
            "/v1/responses",
            Answer::websocket().receive().event(answer()),
        );
    let server = LoopbackServer::start(script).expect("a loopback server");
    let client = builder(&server).build().expect("a client");
    let limited = question().max_output_tokens(100_u64);
    client.create(&limited).await.expect("a response");
    let mut session = client.socket_session();
    session.create(&limited).await.expect("a response");
    let limit = |json: &[u8]| -> Value {
        let body: Value = serde_json::from_slice(json).expect("JSON");
        body["max_output_tokens"].clone()
    };
    assert_eq!(limit(&server.requests()[0].body), 100);
    assert_eq!(limit(&server.messages()[0].text), 100);

    let client = builder(&server).profile(Profile::chatgpt());
    let client = client.build().expect("a client");
    let sent = server.requests().len();
    let error = client.create(&limited).await.expect_err("not taken");
    assert_eq!(error.kind(), ErrorKind::Request);
    assert_eq!(server.requests().len(), sent, "nothing was sent");
}
