//! Which requests are resent over a WebSocket: the same as over HTTP.
#![cfg(feature = "ws")]

use std::time::{Duration, Instant};

use codex_client::{Client, ErrorKind, SocketSession, SocketSettings, TransportChoice};
use codex_transport::Timeouts;
use codex_transport::testing::{Answer, Cut, LoopbackServer};
use codex_types::CreateResponse;
use serde_json::{Value, json};

use crate::kit::{self, created, messages};

fn start(
    answers: impl IntoIterator<Item = Answer>,
    timeouts: Timeouts,
) -> (LoopbackServer, Client) {
    kit::start(kit::sockets(answers), |client| {
        let client = client.profile(kit::uncompressed()).retry(kit::fast());
        client.timeouts(timeouts)
    })
}

fn sockets() -> SocketSettings {
    let mut settings = SocketSettings::default();
    settings.transport = TransportChoice::WebSocket;
    settings
}

fn request() -> CreateResponse {
    CreateResponse::new("some-model").input("Hello")
}

fn failed(code: &str, message: &str) -> String {
    kit::failed("resp_0", code, message)
}

fn says(id: &str) -> String {
    kit::says(id, id)
}

#[tokio::test]
async fn an_overload_after_created_is_retried() {
    for first in [
        Answer::websocket()
            .receive()
            .event(created("resp_0"))
            .event(failed("server_is_overloaded", "busy")),
        Answer::websocket()
            .receive()
            .event(created("resp_0"))
            .cut(Cut::Reset),
        Answer::websocket()
            .receive()
            .event(r#"{"type":"keepalive"}"#)
            .cut(Cut::Reset),
    ] {
        let second = Answer::websocket().receive().event(says("resp_1"));
        let answers = [first, second];
        let (server, client) = start(answers.clone(), Timeouts::default());
        let settings = CreateResponse::new("some-model");
        let mut session = client.session(settings).over_sockets(sockets());
        let response = session.ask("Hello").await.expect("a response");
        assert_eq!(response.output_text(), "resp_1");
        assert_eq!(messages(&server).len(), 2);

        let (server, client) = start(answers, Timeouts::default());
        let mut socket = SocketSession::new(&client, sockets());
        let turn = socket.stream(&request()).await.expect("a turn");
        let response = turn.finish().await.expect("a response");
        assert_eq!(response.output_text(), "resp_1");
        assert_eq!(messages(&server).len(), 2);
    }
}

#[tokio::test]
async fn a_lost_previous_response_leads_to_one_full_replay() {
    let error = |error: Value| json!({"type": "error", "error": error}).to_string();
    for lost in [
        error(json!({"message": "Invalid `previous_response_id`."})),
        error(json!({"message": "Previous response with id 'resp_1' not found.", "param": null})),
        error(
            json!({"message": "no", "param": "previous_response_id", "type": "invalid_request_error"}),
        ),
        error(json!({"code": "previous_response_not_found", "message": ""})),
        failed("invalid_request_error", "previous_response_id is unknown"),
    ] {
        let (server, client) = start(
            [
                Answer::websocket()
                    .receive()
                    .event(says("resp_1"))
                    .receive()
                    .event(lost.clone()),
                Answer::websocket().receive().event(says("resp_2")),
            ],
            Timeouts::default(),
        );
        let settings = CreateResponse::new("some-model");
        let mut session = client.session(settings).over_sockets(sockets());
        session.ask("One?").await.expect("a response");
        session.ask("Two?").await.expect(&lost);
        let sent = messages(&server);
        assert_eq!(sent.len(), 3, "{lost}");
        assert_eq!(sent[1]["previous_response_id"], "resp_1");
        assert_eq!(sent[2].get("previous_response_id"), None);
    }
}

#[tokio::test]
async fn our_own_timeout_is_not_followed_by_a_copy() {
    let mut timeouts = Timeouts::default();
    timeouts.first_event = Some(Duration::from_millis(100));
    let (server, client) = start(
        [
            Answer::websocket().receive().stall(),
            Answer::websocket().receive().event(says("resp_1")),
        ],
        timeouts,
    );
    let mut socket = SocketSession::new(&client, sockets());
    let error = socket.stream(&request()).await.expect_err("silence");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(messages(&server).len(), 1);
}

#[tokio::test]
async fn the_wait_in_an_event_is_kept_or_ends_the_attempts() {
    let busy = |wait: &str| {
        json!({"type": "error", "status": 429, "error": {"code": "rate_limit_exceeded", "message": format!("Please try again in {wait}.")}}).to_string()
    };
    let answers = |wait: &str| {
        [
            Answer::websocket().receive().event(busy(wait)),
            Answer::websocket().receive().event(says("resp_1")),
        ]
    };
    let (server, client) = start(answers("1s"), Timeouts::default());
    let mut socket = SocketSession::new(&client, sockets());
    let started = Instant::now();
    let turn = socket.stream(&request()).await.expect("a turn");
    turn.finish().await.expect("a response");
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(messages(&server).len(), 2);

    let (server, client) = start(answers("120s"), Timeouts::default());
    let mut socket = SocketSession::new(&client, sockets());
    let error = socket.stream(&request()).await.expect_err("too long");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(120)));
    assert_eq!(messages(&server).len(), 1);
}
