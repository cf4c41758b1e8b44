//! The wait for a background response: its pace, its end and its limit, in virtual time.

use core::time::Duration;

use codex_client::{Client, Error, ErrorKind};
use codex_transport::testing::{Answer, Script, ScriptedTransport};
use codex_types::{ErrorCode, Status};
use serde_json::{Value, json};
use tokio::time::Instant;

fn start(answers: impl IntoIterator<Item = Answer>) -> (ScriptedTransport, Client) {
    let add = |script: Script, answer| script.route("GET", "/v1/responses/resp_1", answer);
    let transport = ScriptedTransport::new(answers.into_iter().fold(Script::new(), add));
    let client = Client::builder()
        .base_url("http://backend.test/v1")
        .transport(transport.clone())
        .build();
    (transport, client.expect("a client"))
}

fn stored(status: &str) -> Value {
    let message = json!({"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": status, "annotations": []}]});
    json!({"id": "resp_1", "object": "response", "status": status, "output": [message]})
}

fn answer(response: &Value) -> Answer {
    Answer::json(200, response.to_string())
}

fn seconds(since: Instant) -> u64 {
    since.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn it_is_fetched_until_it_has_ended_at_the_pace_of_the_service() {
    let (transport, client) = start([
        answer(&stored("queued")),
        answer(&stored("in_progress")).header("retry-after", "30"),
        answer(&stored("in_progress")),
        answer(&stored("completed")),
    ]);
    let started = Instant::now();
    let response = client.wait("resp_1").await.expect("a response");
    assert_eq!(response.output_text(), "completed");
    assert_eq!(seconds(started), 2 + 30 + 2);
    assert_eq!(transport.requests().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn any_other_end_is_an_error_with_the_response() {
    let ended = async |response: Value| -> Error {
        let (_, client) = start([answer(&stored("queued")), answer(&response)]);
        client.wait("resp_1").await.expect_err("no success")
    };
    let mut failed = stored("failed");
    failed["error"] = json!({"code": "server_error", "message": "The model crashed."});
    let error = ended(failed).await;
    assert_eq!(error.kind(), ErrorKind::Failed);
    assert_eq!(error.message(), Some("The model crashed."));
    assert_eq!(
        error.api().and_then(|api| api.code.clone()),
        Some(ErrorCode::ServerError)
    );
    assert!(!error.is_retryable());
    let error = ended(stored("cancelled")).await;
    assert_eq!(error.kind(), ErrorKind::Failed);
    assert_eq!(error.partial().expect("it").status, Status::Cancelled);
    let mut incomplete = stored("incomplete");
    incomplete["incomplete_details"] = json!({"reason": "max_output_tokens"});
    let error = ended(incomplete).await;
    assert_eq!(error.kind(), ErrorKind::Incomplete);
    assert_eq!(error.partial().expect("it").output_text(), "incomplete");
    // A status of the future is not a success.
    assert_eq!(ended(stored("paused")).await.kind(), ErrorKind::Failed);
}

#[tokio::test(start_paused = true)]
async fn the_timeout_limits_the_whole_wait() {
    let (transport, client) = start((0..9).map(|_| answer(&stored("in_progress"))));
    let started = Instant::now();
    let limit = Duration::from_secs(5);
    let error = client
        .wait("resp_1")
        .timeout(limit)
        .await
        .expect_err("late");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(error.partial().expect("it").status, Status::InProgress);
    assert_eq!(seconds(started), 5);
    assert_eq!(transport.requests().len(), 4, "after 0, 2, 4 and 5 seconds");

    // A wait that the service requests is not cut short.
    let (transport, client) = start([answer(&stored("queued")).header("retry-after", "6")]);
    let error = client
        .wait("resp_1")
        .timeout(limit)
        .await
        .expect_err("late");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(seconds(started), 5, "it ended at once");
    assert_eq!(transport.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_request_is_repeated_like_any_other() {
    let busy = Answer::json(503, r#"{"error":{"message":"busy"}}"#);
    let gone = Answer::json(404, r#"{"error":{"message":"gone"}}"#);
    let (transport, client) = start([busy, answer(&stored("queued")), gone]);
    let error = client.wait("resp_1").await.expect_err("gone");
    assert_eq!(error.status().map(|status| status.as_u16()), Some(404));
    assert_eq!(error.partial().expect("it").status, Status::Queued);
    assert_eq!(transport.requests().len(), 3);
}
