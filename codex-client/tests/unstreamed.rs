//! Responses as one document: requested so, sent by a server that does not stream, or labeled as
//! something else.

use codex_client::{Client, ErrorKind};
use codex_transport::RetryPolicy;
use codex_transport::testing::{Answer, LoopbackServer, Script};
use codex_types::lint::FindingCode;
use codex_types::profile::Profile;
use codex_types::{CreateResponse, ResponseEvent, Status, Streaming};
use serde_json::{Value, json};

use crate::kit::{self, question};

fn start_with(profile: Profile, answer: Answer) -> (LoopbackServer, Client) {
    kit::start(Script::new().answer(answer), |client| {
        client.profile(profile).retry(RetryPolicy::none())
    })
}

fn start(answer: Answer) -> (LoopbackServer, Client) {
    start_with(Profile::platform(), answer)
}

fn response(status: &str) -> Value {
    json!({"id": "resp_1", "object": "response", "created_at": 1, "status": status, "error": null, "model": "some-model", "new_key": [1],
        "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": "Because.", "annotations": []}]}]})
}

#[tokio::test]
async fn create_can_leave_out_the_stream() {
    let (server, client) = start(Answer::json(200, response("completed").to_string()));
    let answer = client
        .create(&question())
        .streaming(Streaming::No)
        .await
        .expect("a response");
    assert_eq!(answer.output_text(), "Because.");
    assert!(answer.extra.get("new_key").is_some(), "all of it is there");
    let sent = &server.requests()[0];
    let body: Value = serde_json::from_slice(&sent.body).expect("JSON");
    assert_eq!(body["stream"], false);
    assert_eq!(sent.header("accept"), Some("application/json"));
}

#[tokio::test]
async fn a_background_response_is_returned_as_soon_as_it_is_queued() {
    let mut queued = response("queued");
    queued["output"] = json!([]);
    queued["background"] = json!(true);
    let (_server, client) = start(Answer::json(200, queued.to_string()));
    let request = question().background(true);
    let answer = client
        .create(&request)
        .streaming(Streaming::No)
        .await
        .expect("a response");
    assert_eq!(
        (answer.id.as_str(), answer.status),
        ("resp_1", Status::Queued)
    );
}

#[tokio::test]
async fn an_unstreamed_response_that_failed_is_an_error_with_the_response() {
    let mut failed = response("failed");
    failed["error"] = json!({"code": "server_error", "message": "Something broke."});
    let mut incomplete = response("incomplete");
    incomplete["incomplete_details"] = json!({"reason": "max_output_tokens"});
    for (answer, kind) in [
        (failed, ErrorKind::Failed),
        (incomplete, ErrorKind::Incomplete),
    ] {
        let (_server, client) = start(Answer::json(200, answer.to_string()));
        let error = client
            .create(&question())
            .streaming(Streaming::No)
            .await
            .expect_err("no answer");
        assert_eq!(error.kind(), kind);
        assert_eq!(
            error.partial().expect("the response").output_text(),
            "Because."
        );
    }
}

#[tokio::test]
async fn a_backend_that_always_streams_is_not_asked_to_do_otherwise() {
    let (server, client) = start_with(Profile::chatgpt(), Answer::status(500));
    let error = client
        .create(&question())
        .streaming(Streaming::No)
        .await
        .expect_err("unfit");
    assert_eq!(error.kind(), ErrorKind::Request);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_read_all_the_same() {
    let body = response("completed").to_string();
    let labels = [
        "application/json",
        "application/json; charset=utf-8",
        "text/event-stream",
        "text/plain",
    ];
    for label in labels {
        for text in [body.clone(), format!("\u{feff}\r\n  {body}\n")] {
            let (_server, client) = start(Answer::ok().header("content-type", label).body(text));
            let mut stream = client.stream(&question()).await.expect("a stream");
            let mut text = String::new();
            let mut last = None;
            while let Some(event) = stream.next().await {
                let event = event.expect("a good one");
                if let ResponseEvent::OutputTextDelta(delta) = &event {
                    text.push_str(delta.delta());
                }
                last = Some(event);
            }
            assert_eq!(text, "Because.", "{label}");
            assert!(
                matches!(last, Some(ResponseEvent::Completed(_))),
                "{label}: {last:?}"
            );
            assert_eq!(stream.snapshot().output_text(), "Because.");
            let answer = stream.finish().await.expect("a response");
            assert_eq!(answer.output_text(), "Because.");
        }
    }
}

#[tokio::test]
async fn a_json_response_may_come_in_any_pieces() {
    let body = response("completed").to_string();
    let answer = body.as_bytes().chunks(7).fold(
        Answer::ok().header("content-type", "application/json"),
        |answer, piece| {
            answer
                .body(piece.to_vec())
                .pause(core::time::Duration::from_millis(1))
        },
    );
    let (_server, client) = start(answer);
    let answer = client.create(&question()).await.expect("a response");
    assert_eq!(answer.output_text(), "Because.");
}

#[tokio::test]
async fn an_event_stream_may_be_labeled_as_json() {
    let event =
        json!({"type": "response.completed", "response": response("completed")}).to_string();
    for text in [
        format!("event: response.completed\ndata: {event}\n\n"),
        format!("\u{feff}data: {event}\n\n"),
        format!(": keep-alive\n\ndata: {event}\n\n"),
    ] {
        for streaming in [Streaming::Yes, Streaming::No] {
            let answer = Answer::ok()
                .header("content-type", "application/json")
                .body(text.clone());
            let (_server, client) = start(answer);
            let answer = client
                .create(&question())
                .streaming(streaming)
                .await
                .expect("a response");
            assert_eq!(answer.output_text(), "Because.");
        }
    }
}

#[tokio::test]
async fn an_error_in_a_success_is_an_error_with_the_words_of_the_server() {
    for (body, words) in [
        (
            json!({"error": {"message": "The model is overloaded.", "type": "server_error", "code": null}}),
            "The model is overloaded.",
        ),
        (
            json!({"detail": "Store must be set to false"}),
            "Store must be set to false",
        ),
        (
            json!({"type": "error", "message": "No.", "code": "bad"}),
            "No.",
        ),
        (json!({"error": "plain words"}), "plain words"),
    ] {
        let (_server, client) =
            start(Answer::json(200, body.to_string()).header("x-request-id", "req_7"));
        let error = client.create(&question()).await.expect_err("an error");
        assert_eq!(error.kind(), ErrorKind::Failed, "{error:?}");
        assert_eq!(error.api().expect("a reason").message, words);
        assert_eq!(error.request_id(), Some("req_7"));
    }
}

#[tokio::test]
async fn an_error_in_a_success_is_sent_again_as_any_other() {
    let busy =
        json!({"error": {"message": "Busy.", "type": "server_error", "code": "server_error"}});
    let script = Script::new()
        .answer(Answer::json(200, busy.to_string()))
        .answer(Answer::json(200, response("completed").to_string()));
    let (server, client) = kit::start(script, |client| client);
    client.create(&question()).await.expect("a response");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn json_that_is_no_response_is_reported_once() {
    for body in [r#"{"choices":[]}"#, r#"{"id":"resp_1","output":["#, "{}"] {
        let answer = Answer::ok()
            .header("content-type", "application/json")
            .body(body)
            .forever();
        let (server, client) = kit::start(Script::new().answer(answer), |client| client);
        let error = client.create(&question()).await.expect_err("no response");
        assert_eq!(error.kind(), ErrorKind::Protocol, "{body}: {error:?}");
        assert_eq!(
            server.requests().len(),
            1,
            "{body}: nothing is paid for twice"
        );
    }
}

#[tokio::test]
async fn changes_are_returned_with_the_response() {
    let completed = json!({"type": "response.completed", "response": response("completed")});
    let answer = Answer::sse()
        .header("x-request-id", "req_7")
        .event(completed.to_string());
    let (_server, client) = start_with(Profile::chatgpt(), answer);
    let request = question().user("user-7").extra_parameter();
    let created = client.create_with_meta(&request).await.expect("a response");
    assert_eq!(created.response.output_text(), "Because.");
    assert_eq!(created.meta.request_id(), Some("req_7"));
    let found: Vec<_> = created
        .findings
        .iter()
        .map(|it| (it.code, &*it.pointer))
        .collect();
    assert!(
        found.contains(&(FindingCode::RejectedParameter, "/user")),
        "{found:?}"
    );
    assert!(
        found.contains(&(FindingCode::UnknownParameter, "/invented")),
        "{found:?}"
    );
}

/// A parameter that this version does not know.
trait Invented {
    fn extra_parameter(self) -> Self;
}

impl Invented for CreateResponse {
    fn extra_parameter(mut self) -> Self {
        self.extra
            .insert("invented", codex_types::RawJson::string("x"));
        self
    }
}
