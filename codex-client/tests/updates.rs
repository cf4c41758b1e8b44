//! Display updates next to their events: the same over HTTP, in a conversation and over a socket.

use std::error::Error as _;

use codex_client::sse::{Update, Updates};
use codex_client::{Client, Error, ErrorKind, Side};
use codex_transport::RetryPolicy;
use codex_transport::testing::{Answer, Cut, LoopbackServer, Script};
use codex_types::{CreateResponse, ResponseEvent};
use serde_json::json;

use crate::kit::{self, question};

fn start(answer: Answer) -> (LoopbackServer, Client) {
    kit::start(Script::new().answer(answer), |client| {
        client.retry(RetryPolicy::none())
    })
}

/// Reasoning, a text in two deltas and a longer whole one, a valid call and two that must not run.
fn events() -> Vec<String> {
    let call = |index: u32, arguments: &str| {
        json!({"type": "response.output_item.done", "output_index": index, "item": {"type": "function_call", "id": format!("fc_{index}"),
            "call_id": format!("call_{index}"), "name": "weather", "status": "completed", "arguments": arguments}})
    };
    [
        json!({"type": "response.created", "response": {"id": "resp_1", "status": "in_progress", "output": []}}),
        json!({"type": "response.reasoning_summary_text.delta", "item_id": "rs_1", "output_index": 0, "summary_index": 0, "delta": "Think."}),
        json!({"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 1, "content_index": 0, "delta": "Be"}),
        json!({"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 1, "content_index": 0, "delta": "cause"}),
        json!({"type": "response.output_text.done", "item_id": "msg_1", "output_index": 1, "content_index": 0, "text": "Because."}),
        json!({"type": "response.output_item.added", "output_index": 2, "item": {"type": "function_call", "id": "fc_2", "call_id": "call_2", "name": "weather", "arguments": ""}}),
        json!({"type": "response.function_call_arguments.delta", "item_id": "fc_2", "output_index": 2, "delta": "{\"city\":"}),
        json!({"type": "response.function_call_arguments.delta", "item_id": "fc_2", "output_index": 2, "delta": "\"Oslo\"}"}),
        call(2, "{\"city\":\"Oslo\"}"),
        call(3, "{\"city\":"),
        json!({"type": "response.output_item.added", "output_index": 4, "item": {"type": "function_call", "id": "fc_4", "call_id": "call_4", "name": "weather", "arguments": "{"}}),
        json!({"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": []}}),
    ]
    .iter()
    .map(ToString::to_string)
    .collect()
}

fn answer() -> Answer {
    events().into_iter().fold(Answer::sse(), Answer::event)
}

/// Returns the updates that codex-sse creates from the events.
fn expected() -> Vec<String> {
    let mut updates = Updates::new();
    let mut shown = Vec::new();
    for event in events() {
        updates
            .feed(&ResponseEvent::from_json(&event).expect("an event"))
            .expect("small");
        while let Some(update) = updates.poll() {
            shown.push(describe(&update));
        }
    }
    shown
}

fn describe(update: &Update<'_>) -> String {
    match update {
        Update::Text {
            delta, snapshot, ..
        } => format!("text {delta} of {snapshot}"),
        Update::ReasoningSummary { delta, .. } => format!("summary {delta}"),
        Update::ToolCallStarted { output_index, .. } => format!("call {output_index} started"),
        Update::ToolCallPreview { delta, .. } => format!("preview {delta}"),
        Update::ToolCall { output_index, .. } => format!("call {output_index}"),
        Update::MalformedToolCall {
            output_index,
            reason,
            ..
        } => format!("call {output_index}: {reason:?}"),
        Update::Ended(outcome) => format!("ended {outcome:?}"),
        other => format!("{other:?}"),
    }
}

#[test]
fn only_a_whole_call_with_json_is_delivered() {
    let shown = expected();
    for line in [
        "summary Think.",
        "text Be of Be",
        "text cause of Because",
        "text . of Because.",
        "call 2 started",
        "preview {\"city\":",
        "call 2",
        "call 3: InvalidJson",
        "call 4: InvalidJson",
        "ended Completed",
    ] {
        assert!(
            shown.iter().any(|shown| shown == line),
            "{line}: {shown:#?}"
        );
    }
    let made: Vec<_> = shown.iter().filter(|line| **line == "call 2").collect();
    assert_eq!(made.len(), 1);
}

#[tokio::test]
async fn the_updates_of_a_stream_match_its_events() {
    let (_server, client) = start(answer());
    let mut stream = client.stream(&question()).await.expect("a stream");
    let mut shown = Vec::new();
    while let Some(update) = stream.next_update().await {
        shown.push(describe(&update.expect("an update")));
    }
    assert_eq!(shown, expected());
    let response = stream.finish().await.expect("a response");
    assert_eq!(response.output_text(), "Because.");
}

#[tokio::test]
async fn events_and_updates_go_side_by_side() {
    let (_server, client) = start(answer());
    let mut stream = client.stream(&question()).await.expect("a stream");
    let (mut raw, mut shown) = (Vec::new(), Vec::new());
    while let Some(event) = stream.next().await {
        raw.push(event.expect("an event").to_json().expect("JSON"));
        while let Some(update) = stream.update() {
            shown.push(describe(&update));
        }
    }
    assert_eq!(shown, expected());
    let parse = |text: &String| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    assert_eq!(
        raw.iter().map(parse).collect::<Vec<_>>(),
        events().iter().map(parse).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn what_nobody_asked_to_see_is_passed_over() {
    let (_server, client) = start(answer());
    let mut stream = client.stream(&question()).await.expect("a stream");
    for _ in 0..4 {
        let _ = stream.next().await.expect("an event").expect("a good one");
    }
    let update = stream.update().map(|update| describe(&update));
    assert_eq!(update.as_deref(), Some("text cause of Because"));
    assert!(stream.update().is_none());
    let next = stream
        .next_update()
        .await
        .expect("an update")
        .expect("an update");
    assert_eq!(describe(&next), "text . of Because.");
}

#[tokio::test]
async fn an_error_keeps_its_position_between_updates() {
    let mut events = events();
    events.insert(3, "{".to_owned());
    events.truncate(5);
    let answer = events.into_iter().fold(Answer::sse(), Answer::event);
    let (_server, client) = start(answer.cut(Cut::Close));
    let mut stream = client.stream(&question()).await.expect("a stream");
    let mut shown = Vec::new();
    while let Some(update) = stream.next_update().await {
        shown.push(match update {
            Ok(update) => describe(&update),
            Err(error) => {
                if error.kind() == ErrorKind::Payload {
                    assert_eq!(error.payload(), Some(&b"{"[..]));
                }
                format!("{:?}", error.is_fatal())
            }
        });
    }
    assert_eq!(
        shown,
        [
            "summary Think.",
            "text Be of Be",
            "false",
            "text cause of Because",
            "true"
        ]
    );
}

#[tokio::test]
async fn a_conversation_shows_the_same_and_keeps_what_was_shown_to_its_end() {
    let (_server, client) = start(answer());
    let mut session = client.session(CreateResponse::new("some-model"));
    let mut turn = session.turn("Why?").await.expect("a turn");
    let mut shown = Vec::new();
    while let Some(update) = turn.next_update().await {
        shown.push(describe(&update.expect("an update")));
    }
    assert_eq!(shown, expected());
    drop(turn);
    assert!(session.history().count() > 1);
}

/// A text that is followed by a different whole text, and then by more.
fn contradicted() -> Vec<String> {
    [
        json!({"type": "response.created", "response": {"id": "resp_1", "status": "in_progress", "output": []}}),
        json!({"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": "Yes"}),
        json!({"type": "response.output_text.done", "item_id": "msg_1", "output_index": 0, "content_index": 0, "text": "No."}),
        json!({"type": "response.output_text.delta", "item_id": "msg_2", "output_index": 1, "content_index": 0, "delta": "More."}),
        json!({"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": []}}),
    ]
    .iter()
    .map(ToString::to_string)
    .collect()
}

fn contradicted_answer() -> Answer {
    contradicted()
        .into_iter()
        .fold(Answer::sse(), Answer::event)
}

/// Checks the error and describes it.
fn contradiction(error: &Error) -> String {
    assert!(!error.is_fatal());
    assert!(!error.is_retryable());
    assert_eq!(error.side(), Side::Remote);
    let source = error.source().expect("a source").to_string();
    format!("{:?}: {source}", error.kind())
}

fn contradicted_updates() -> [&'static str; 4] {
    [
        "text Yes of Yes",
        "Protocol: a full text contradicts the deltas before it",
        "text More. of More.",
        "ended Completed",
    ]
}

#[tokio::test]
async fn a_contradiction_is_an_error_of_the_updates_and_they_continue() {
    let (_server, client) = start(contradicted_answer());
    let mut stream = client.stream(&question()).await.expect("a stream");
    let mut shown = Vec::new();
    while let Some(update) = stream.next_update().await {
        let described = update.map_or_else(|error| contradiction(&error), |it| describe(&it));
        if !described.starts_with("ItemDone") {
            shown.push(described);
        }
    }
    assert_eq!(shown, contradicted_updates());
    let response = stream.finish().await.expect("a response");
    assert_eq!(response.output_text(), "No.More.");
}

#[tokio::test]
async fn a_contradiction_is_not_an_error_of_the_events() {
    let (_server, client) = start(contradicted_answer());
    let mut stream = client.stream(&question()).await.expect("a stream");
    let mut count = 0;
    while let Some(event) = stream.next().await {
        event.expect("an event");
        while stream.update().is_some() {}
        count += 1;
    }
    assert_eq!(count, contradicted().len());
    let (_server, client) = start(contradicted_answer());
    let response = client.create(&question()).await.expect("a response");
    assert_eq!(response.output_text(), "No.More.");
}

#[tokio::test]
async fn a_contradiction_in_a_conversation_is_reported_and_the_turn_is_kept() {
    let (_server, client) = start(contradicted_answer());
    let mut session = client.session(CreateResponse::new("some-model"));
    let mut turn = session.turn("Why?").await.expect("a turn");
    let mut errors = 0;
    while let Some(update) = turn.next_update().await {
        if let Err(error) = update {
            contradiction(&error);
            errors += 1;
        }
    }
    assert_eq!(errors, 1);
    drop(turn);
    assert_eq!(session.history().count(), 3);
}

#[cfg(feature = "ws")]
mod socket {
    use codex_client::{Interruption, SocketSession, SocketSettings, TransportChoice, TurnUpdate};
    use codex_types::profile::Profile;

    use super::*;

    fn session(answers: impl IntoIterator<Item = Answer>) -> (LoopbackServer, SocketSession) {
        let script = answers.into_iter().fold(Script::new(), |script, answer| {
            script.route("GET", "/v1/responses", answer)
        });
        let (server, client) = kit::start(script, |client| client.profile(Profile::platform()));
        let mut settings = SocketSettings::default();
        settings.transport = TransportChoice::WebSocket;
        settings.interruption = Interruption::Restart;
        (server, SocketSession::new(&client, settings))
    }

    #[tokio::test]
    async fn a_socket_shows_the_same() {
        let whole = events()
            .into_iter()
            .fold(Answer::websocket().receive(), Answer::event);
        let (_server, mut session) = session([whole]);
        let mut turn = session.stream(&question()).await.expect("a turn");
        let mut shown = Vec::new();
        while let Some(update) = turn.next_update().await {
            match update.expect("an update") {
                TurnUpdate::Response(update) => shown.push(describe(&update)),
                TurnUpdate::Restart(_) => panic!("nothing broke"),
            }
        }
        assert_eq!(shown, expected());
    }

    #[tokio::test]
    async fn a_contradiction_over_a_socket_is_an_error_of_the_updates() {
        let whole = contradicted()
            .into_iter()
            .fold(Answer::websocket().receive(), Answer::event);
        let (_server, mut session) = session([whole]);
        let mut turn = session.stream(&question()).await.expect("a turn");
        let mut shown = Vec::new();
        while let Some(update) = turn.next_update().await {
            match update {
                Ok(TurnUpdate::Response(Update::ItemDone { .. })) => {}
                Ok(TurnUpdate::Response(update)) => shown.push(describe(&update)),
                Ok(TurnUpdate::Restart(_)) => panic!("nothing broke"),
                Err(error) => shown.push(contradiction(&error)),
            }
        }
        assert_eq!(shown, contradicted_updates());
        let response = turn.finish().await.expect("a response");
        assert_eq!(response.output_text(), "No.More.");
    }

    #[tokio::test]
    async fn a_border_between_attempts_is_shown_as_such() {
        let broken = events()
            .into_iter()
            .take(4)
            .fold(Answer::websocket().receive(), Answer::event)
            .cut(Cut::Reset);
        let whole = events()
            .into_iter()
            .fold(Answer::websocket().receive(), Answer::event);
        let (_server, mut session) = session([broken, whole]);
        let mut turn = session.stream(&question()).await.expect("a turn");
        let (mut shown, mut void) = (Vec::new(), Vec::new());
        while let Some(update) = turn.next_update().await {
            match update.expect("an update") {
                TurnUpdate::Response(update) => shown.push(describe(&update)),
                TurnUpdate::Restart(restart) => {
                    assert_eq!(restart.discarded().output_text(), "Because");
                    void.append(&mut shown);
                }
            }
        }
        assert_eq!(
            void,
            ["summary Think.", "text Be of Be", "text cause of Because"]
        );
        assert_eq!(shown, expected());
    }
}
