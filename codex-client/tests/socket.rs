//! Turns over real WebSockets on 127.0.0.1: what is sent, what is kept, and what happens when a
//! socket is refused, breaks or is steered.
#![cfg(feature = "ws")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use codex_auth::{BearerToken, Secret, TokenRequest, source_fn};
use codex_client::{
    CallOptions, Client, ErrorKind, Interruption, SocketSession, SocketSettings, TransportChoice,
    TurnEvent,
};
use codex_transport::testing::{Answer, Cut, Gate, LoopbackServer, Script};
use codex_transport::{Timeouts, Timer, TokioTimer};
use codex_types::profile::{Identity, Profile};
use codex_types::{CreateResponse, InputItem, Message, Response, ResponseEvent};
use serde_json::{Value, json};

use crate::kit::{self, created, message, messages, sockets};

fn serve(script: Script) -> LoopbackServer {
    LoopbackServer::start(script).expect("a loopback server")
}

fn client(server: &LoopbackServer, profile: Profile) -> Client {
    Client::builder()
        .base_url(server.url("/v1"))
        .profile(profile)
        .auth(kit::key())
        .build()
        .expect("a client")
}

fn session(server: &LoopbackServer, change: impl FnOnce(&mut SocketSettings)) -> SocketSession {
    let mut settings = SocketSettings::default();
    change(&mut settings);
    SocketSession::new(&client(server, Profile::platform()), settings)
}

fn only_sockets(settings: &mut SocketSettings) {
    settings.transport = TransportChoice::WebSocket;
}

fn ask(history: &[InputItem]) -> CreateResponse {
    CreateResponse::new("some-model").input(history.to_vec())
}

fn delta(id: &str, text: &str) -> String {
    kit::delta(&format!("msg_{id}"), text)
}

fn ended(status: &str, id: &str, text: &str) -> String {
    kit::ended(status, id, [message(&format!("msg_{id}"), text)])
}

/// Returns the history after another turn.
fn grown(history: &mut Vec<InputItem>, response: &Response, next: &str) {
    history.extend(response.to_input());
    history.push(Message::user(next).into());
}

fn start(text: &str) -> Vec<InputItem> {
    vec![Message::user(text).into()]
}

#[tokio::test]
async fn turns_share_a_socket_and_send_only_what_is_new() {
    let server = serve(sockets([Answer::websocket()
        .receive()
        .event(ended("completed", "resp_1", "One."))
        .receive()
        .event(ended("completed", "resp_2", "Two."))
        .receive()
        .event(ended("completed", "resp_3", "Three."))]));
    let mut session = session(&server, only_sockets);
    let mut history = start("Count.");
    for (number, text) in ["One.", "Two.", "Three."].into_iter().enumerate() {
        let response = session.create(&ask(&history)).await.expect("a response");
        assert_eq!(response.output_text(), text);
        grown(&mut history, &response, &format!("Go on {number}."));
    }
    let messages = messages(&server);
    assert!(
        messages
            .iter()
            .all(|message| message["type"] == "response.create" && message.get("stream").is_none())
    );
    assert_eq!(messages[0].get("previous_response_id"), None);
    assert_eq!(
        (
            &messages[1]["previous_response_id"],
            &messages[2]["previous_response_id"]
        ),
        (&json!("resp_1"), &json!("resp_2"))
    );
    let lengths: Vec<_> = messages
        .iter()
        .map(|message| message["input"].as_array().map(Vec::len))
        .collect();
    assert_eq!(lengths, [Some(1), Some(1), Some(1)]);
    let stats = session.stats();
    assert_eq!(
        (
            stats.connections,
            stats.replays,
            stats.continuations,
            stats.http_turns
        ),
        (1, 1, 2, 0)
    );
    session.close().await.expect("closed");
}

#[tokio::test]
async fn a_conversation_kept_as_a_value_continues_over_a_socket() {
    let answer = (0..3).fold(Answer::websocket(), |answer, number| {
        answer
            .receive()
            .event(ended("completed", &format!("resp_{number}"), "Yes."))
    });
    let server = serve(sockets([answer]));
    let client = client(&server, Profile::chatgpt());
    let mut socket = client.socket_session();
    let mut conversation =
        client.session(CreateResponse::new("some-model").instructions("Be brief."));
    for question in ["Well?", "Really?", "Sure?"] {
        let draft = conversation.draft(question);
        let turn = socket
            .stream(draft.request())
            .options(draft.options().clone())
            .await
            .expect("a turn");
        let response = turn.finish().await.expect("a response");
        assert!(conversation.commit(draft, &response));
        // A conversation that was serialized and restored is the same conversation.
        let saved = conversation.to_json().expect("JSON");
        conversation = codex_client::Session::from_json(&client, &saved).expect("the conversation");
    }
    let messages = messages(&server);
    let inputs: Vec<_> = messages
        .iter()
        .map(|message| message["input"].as_array().map(Vec::len))
        .collect();
    assert_eq!(
        inputs,
        [Some(2), Some(1), Some(1)],
        "the first has the instructions as well"
    );
    assert_eq!(messages[2]["previous_response_id"], "resp_1");
    assert_eq!(
        (socket.stats().connections, socket.stats().continuations),
        (1, 2)
    );
    assert!(
        messages
            .iter()
            .all(|message| message["prompt_cache_key"] == conversation.session_id())
    );
    assert_eq!(
        server.requests()[0].header("session-id"),
        Some(conversation.session_id())
    );
}

#[tokio::test]
async fn a_request_that_does_not_continue_is_sent_whole_over_the_same_socket() {
    let answer = (0..4).fold(Answer::websocket(), |answer, number| {
        answer
            .receive()
            .event(ended("completed", &format!("resp_{number}"), "Yes."))
    });
    let server = serve(sockets([answer]));
    let mut session = session(&server, only_sockets);
    let mut history = start("Well?");
    let response = session.create(&ask(&history)).await.expect("a response");
    grown(&mut history, &response, "Really?");
    let other_instructions = ask(&history).instructions("Be brief.");
    let response = session
        .create(&other_instructions)
        .await
        .expect("a response");
    grown(&mut history, &response, "Sure?");
    let _ = session
        .create(&ask(&history[2..]).instructions("Be brief."))
        .await
        .expect("a response");
    let text = CreateResponse::new("some-model").input("Something else.");
    let _ = session.create(&text).await.expect("a response");
    let lengths: Vec<_> = messages(&server)
        .iter()
        .map(|message| {
            (
                message.get("previous_response_id").is_some(),
                message["input"].as_array().map(Vec::len),
            )
        })
        .collect();
    assert_eq!(
        lengths,
        [
            (false, Some(1)),
            (false, Some(3)),
            (false, Some(3)),
            (false, None)
        ]
    );
    assert_eq!(
        (session.stats().connections, session.stats().replays),
        (1, 4)
    );
}

#[tokio::test]
async fn the_upgrade_and_the_message_follow_the_profile() {
    let before = SystemTime::now();
    let answer = Answer::websocket()
        .header("openai-model", "served-model")
        .receive()
        .event(ended("completed", "resp_1", "Yes."));
    let server = serve(sockets([answer]));
    let client = client(&server, Profile::chatgpt());
    let mut session = client.socket_session();
    let identity = Identity::new()
        .session_id("session-1")
        .thread_id("thread-1")
        .turn_state("state-1");
    let options = CallOptions::new().identity(identity).header("x-own", "7");
    let request = CreateResponse::new("some-model")
        .instructions("Be brief.")
        .input("Well?");
    let turn = session
        .stream(&request)
        .options(options.clone())
        .await
        .expect("a turn");
    assert_eq!(turn.meta().model(), Some("served-model"));
    assert!(turn.is_socket());
    assert_eq!(
        turn.finish().await.expect("a response").output_text(),
        "Yes."
    );

    let upgrade = &server.requests()[0];
    for (name, value) in [
        ("authorization", Some("Bearer sk-invented")),
        ("openai-beta", Some("responses_websockets=2026-02-06")),
        ("session-id", Some("session-1")),
        ("thread-id", Some("thread-1")),
        ("x-own", Some("7")),
        ("x-codex-turn-state", None),
    ] {
        assert_eq!(upgrade.header(name), value, "{name}");
    }
    let message = &messages(&server)[0];
    assert_eq!(
        (&message["stream"], &message["store"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(message["client_metadata"]["session_id"], "session-1");
    assert_eq!(message["client_metadata"]["x-codex-turn-state"], "state-1");
    let sent_at = message["client_metadata"]["x-codex-ws-stream-request-start-ms"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .map(|milliseconds| UNIX_EPOCH + Duration::from_millis(milliseconds))
        .expect("a time in milliseconds");
    assert!(sent_at > before - Duration::from_millis(1) && sent_at <= SystemTime::now());
    assert_eq!(message["prompt_cache_key"], "session-1");
    assert_eq!(message["input"][0]["role"], "developer");
}

#[tokio::test]
async fn a_warm_up_is_continued_by_the_first_request() {
    let server = serve(sockets([Answer::websocket()
        .receive()
        .event(json!({"type": "response.completed", "response": {"id": "resp_warm", "status": "completed", "output": []}}).to_string())
        .receive()
        .event(ended("completed", "resp_1", "Yes."))]));
    let client = client(&server, Profile::chatgpt());
    let mut session = client.socket_session();
    let request = CreateResponse::new("some-model")
        .instructions("Be brief.")
        .input("Well?");
    assert!(session.warm_up(&request).await.expect("warm"));
    assert!(session.is_connected());
    let _ = session.create(&request).await.expect("a response");
    let messages = messages(&server);
    assert_eq!(messages[0]["generate"], false);
    assert_eq!(
        messages[0]["input"].as_array().map(Vec::len),
        Some(1),
        "the instructions alone"
    );
    assert_eq!(messages[1]["previous_response_id"], "resp_warm");
    assert_eq!(messages[1].get("generate"), None);
    assert_eq!(messages[1]["input"][0]["role"], "user");
    assert_eq!(messages[1]["input"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn refusals_go_to_http_at_once_and_are_remembered_for_the_host() {
    for status in [400, 403, 404, 426, 500, 503] {
        let script = sockets([Answer::status(status)]).route(
            "POST",
            "/v1/responses",
            Answer::sse()
                .event(ended("completed", "resp_1", "Yes."))
                .forever(),
        );
        let server = serve(script);
        let client = client(&server, Profile::platform());
        for _ in 0..2 {
            // Another session of the same client uses this knowledge as well.
            let mut session = client.socket_session();
            for _ in 0..2 {
                let turn = session.stream(&ask(&start("Well?"))).await.expect("a turn");
                assert!(!turn.is_socket());
                assert_eq!(
                    turn.finish().await.expect("a response").output_text(),
                    "Yes.",
                    "{status}"
                );
            }
            assert_eq!(session.stats().http_turns, 2);
        }
        let methods: Vec<_> = server
            .requests()
            .iter()
            .map(|request| request.method.to_string())
            .collect();
        assert_eq!(methods, ["GET", "POST", "POST", "POST", "POST"], "{status}");
    }
}

#[tokio::test]
async fn knowledge_about_a_host_expires() {
    #[derive(Clone)]
    struct Shifted(Arc<std::sync::Mutex<Duration>>);
    impl Timer for Shifted {
        fn sleep(&self, period: Duration) -> impl Future<Output = ()> + Send + 'static {
            TokioTimer.sleep(period)
        }
        fn now(&self) -> Instant {
            TokioTimer.now() + *self.0.lock().expect("no panic")
        }
    }
    let script = sockets([
        Answer::status(426),
        Answer::websocket()
            .receive()
            .event(ended("completed", "resp_2", "Socket.")),
        Answer::websocket()
            .receive()
            .event(ended("completed", "resp_3", "Renewed.")),
    ])
    .route(
        "POST",
        "/v1/responses",
        Answer::sse()
            .event(ended("completed", "resp_1", "HTTP."))
            .forever(),
    );
    let server = serve(script);
    let shift = Shifted(Arc::default());
    let client = Client::builder()
        .base_url(server.url("/v1"))
        .profile(Profile::platform())
        .timer(shift.clone())
        .build()
        .expect("a client");
    let mut session = client.socket_session();
    let later =
        |minutes: u64| *shift.0.lock().expect("no panic") += Duration::from_secs(minutes * 60);
    let mut texts = Vec::new();
    let mut history = start("Well?");
    for minutes in [0, 59, 2, 54, 2] {
        later(minutes);
        let response = session.create(&ask(&history)).await;
        let Ok(response) = response else {
            // The script of the renewed socket has ended; the test only needs its request.
            break;
        };
        texts.push(response.output_text());
        grown(&mut history, &response, "And now?");
        if texts.len() == 3 {
            break;
        }
    }
    assert_eq!(texts, ["HTTP.", "HTTP.", "Socket."]);
    // The socket is 56 minutes old and would be closed after 60.
    later(56);
    let response = session.create(&ask(&history)).await.expect("a response");
    assert_eq!(response.output_text(), "Renewed.");
    let stats = session.stats();
    assert_eq!(
        (stats.connections, stats.replays, stats.continuations),
        (2, 2, 0),
        "a new socket knows nothing"
    );
    assert_eq!(
        messages(&server)[1]["input"].as_array().map(Vec::len),
        Some(history.len())
    );
}

#[tokio::test]
async fn limits_of_the_account_are_final_on_either_way_in() {
    let body = json!({"type": "error", "status": 429, "error": {"type": "usage_limit_reached", "message": "invented", "plan_type": "plus", "resets_in_seconds": 90},
        "headers": {"x-codex-primary-used-percent": "100.0"}}).to_string();
    for answer in [
        Answer::json(429, body.clone()),
        Answer::websocket().receive().event(body),
    ] {
        let server = serve(sockets([answer]));
        let mut session = session(&server, |_| {});
        let error = session
            .stream(&ask(&start("Well?")))
            .await
            .expect_err("refused");
        assert_eq!(
            (error.kind(), error.status().map(|status| status.as_u16())),
            (ErrorKind::Status, Some(429))
        );
        assert_eq!(error.retry_after(), Some(Duration::from_secs(90)));
        assert!(!error.is_retryable());
        assert_eq!(server.requests().len(), 1, "not asked again over HTTP");
    }
}

#[tokio::test]
async fn a_rejected_credential_is_renewed_before_the_socket_is_tried_again() {
    let refused = json!({"type": "error", "status": 401, "error": {"code": "token_expired", "message": "invented"}}).to_string();
    for first in [
        Answer::status(401),
        Answer::websocket().receive().event(refused),
    ] {
        let server = serve(sockets([
            first,
            Answer::websocket()
                .receive()
                .event(ended("completed", "resp_1", "In.")),
        ]));
        let renewed = Arc::new(AtomicBool::new(false));
        let source = source_fn(move |request: TokenRequest| {
            renewed.fetch_or(request.is_after_rejection(), Ordering::SeqCst);
            let token = if renewed.load(Ordering::SeqCst) {
                "renewed"
            } else {
                "stale"
            };
            async move { Ok(BearerToken::new(Secret::from(token))) }
        });
        let client = Client::builder()
            .base_url(server.url("/v1"))
            .profile(Profile::platform())
            .auth(source)
            .build()
            .expect("a client");
        let response = client
            .socket_session()
            .create(&ask(&start("Well?")))
            .await
            .expect("a response");
        assert_eq!(response.output_text(), "In.");
        let tokens: Vec<_> = server
            .requests()
            .iter()
            .map(|request| request.header("authorization").map(str::to_owned))
            .collect();
        assert_eq!(
            tokens,
            [Some("Bearer stale".into()), Some("Bearer renewed".into())]
        );
    }
}

#[tokio::test]
async fn a_socket_that_died_between_turns_is_replaced_and_everything_is_sent() {
    let lost = json!({"type": "error", "status": 400, "error": {"code": "previous_response_not_found", "message": "invented"}}).to_string();
    let first = || {
        Answer::websocket()
            .receive()
            .event(ended("completed", "resp_1", "One."))
    };
    for first in [
        first().cut(Cut::Close),
        first().cut(Cut::Reset),
        first().close(1001),
        first().receive().cut(Cut::Reset),
        first().receive().close(1000),
        first().receive().event(lost),
    ] {
        let server = serve(sockets([
            first,
            Answer::websocket()
                .receive()
                .event(ended("completed", "resp_2", "Two.")),
        ]));
        let mut session = session(&server, only_sockets);
        let mut history = start("Count.");
        let response = session.create(&ask(&history)).await.expect("a response");
        grown(&mut history, &response, "Go on.");
        let response = session.create(&ask(&history)).await.expect("a response");
        assert_eq!(response.output_text(), "Two.");
        let last = messages(&server).pop().expect("a message");
        assert_eq!(last.get("previous_response_id"), None);
        assert_eq!(last["input"].as_array().map(Vec::len), Some(3));
        assert_eq!(session.stats().connections, 2);
    }
}

#[tokio::test]
async fn a_fresh_socket_that_breaks_before_the_first_event_is_followed_by_http() {
    for broken in [
        Answer::websocket().receive().close(1008),
        Answer::websocket().receive().close(1000),
        Answer::websocket().receive().cut(Cut::Close),
        Answer::websocket().receive().cut(Cut::Reset),
        Answer::websocket().receive().binary("{}"),
        Answer::websocket().receive().stall(),
    ] {
        let script = sockets([broken]).route(
            "POST",
            "/v1/responses",
            Answer::sse()
                .event(ended("completed", "resp_1", "Yes."))
                .forever(),
        );
        let server = serve(script);
        let mut session = session(&server, |_| {});
        let options =
            CallOptions::new().timeouts(Timeouts::default().with_idle(Duration::from_millis(200)));
        for _ in 0..2 {
            let turn = session
                .stream(&ask(&start("Well?")))
                .options(options.clone())
                .await
                .expect("a turn");
            assert_eq!(
                turn.finish().await.expect("a response").output_text(),
                "Yes."
            );
        }
        assert_eq!(
            server.requests().len(),
            3,
            "the second turn does not try again"
        );
    }
}

#[tokio::test]
async fn without_auto_a_socket_that_does_not_work_is_an_error() {
    let server = serve(sockets([Answer::status(426)]));
    let mut session = session(&server, only_sockets);
    let error = session
        .stream(&ask(&start("Well?")))
        .await
        .expect_err("no socket");
    assert_eq!(error.status().map(|status| status.as_u16()), Some(426));
    let background = ask(&start("Well?")).background(true);
    let error = session
        .stream(&background)
        .await
        .expect_err("no background");
    assert_eq!(
        error.to_string(),
        "background responses are not supported over a WebSocket"
    );
}

#[tokio::test]
async fn a_break_in_the_middle_is_an_error_with_what_was_received() {
    let broken = Answer::websocket()
        .receive()
        .event(created("resp_1"))
        .event(delta("resp_1", "half a sen"))
        .cut(Cut::Close);
    let server = serve(sockets([broken]));
    let mut session = session(&server, |_| {});
    let error = session
        .create(&ask(&start("Well?")))
        .await
        .expect_err("broken");
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert!(!error.is_retryable(), "something was handed out");
    assert_eq!(
        error.partial().map(Response::output_text).as_deref(),
        Some("half a sen")
    );
    assert_eq!(
        server.requests().len(),
        1,
        "nothing is sent again behind the caller's back"
    );
    assert!(!session.is_connected());
}

#[tokio::test]
async fn a_restart_names_what_to_discard() {
    let broken = Answer::websocket()
        .receive()
        .event(created("resp_1"))
        .event(delta("resp_1", "half a sen"))
        .cut(Cut::Reset);
    let whole = Answer::websocket()
        .receive()
        .event(created("resp_2"))
        .event(delta("resp_2", "a whole sentence"))
        .event(ended("completed", "resp_2", "a whole sentence"));
    let server = serve(sockets([broken, whole]));
    let mut session = session(&server, |settings| {
        settings.interruption = Interruption::Restart
    });
    let mut turn = session.stream(&ask(&start("Well?"))).await.expect("a turn");
    let (mut text, mut restarts) = (String::new(), 0);
    while let Some(event) = turn.next().await {
        match event.expect("no error") {
            TurnEvent::Response(event) => text.push_str(event.text_delta().unwrap_or_default()),
            TurnEvent::Restart(restart) => {
                assert_eq!((restart.attempt(), restart.discarded_events()), (2, 2));
                assert_eq!(restart.discarded().output_text(), text);
                assert_eq!(restart.cause().kind(), ErrorKind::Transport);
                text.clear();
                restarts += 1;
            }
        }
    }
    assert_eq!((text.as_str(), restarts), ("a whole sentence", 1));
    assert_eq!(turn.finish().await.expect("a response").id, "resp_2");
}

#[tokio::test]
async fn a_server_that_gives_every_response_the_same_id_loses_no_event() {
    let again = ended("completed", "resp_1", "One.");
    let server = serve(sockets([Answer::websocket()
        .receive()
        .event(created("resp_1"))
        .event(again.clone())
        // Some servers end a response twice.
        .event(again)
        .receive()
        .event(created("resp_1"))
        .event(ended("completed", "resp_1", "Two."))]));
    let mut session = session(&server, only_sockets);
    for text in ["One.", "Two."] {
        let mut turn = session.stream(&ask(&start("Well?"))).await.expect("a turn");
        let mut kinds = Vec::new();
        while let Some(event) = turn.next().await {
            let event = event.expect("no error").into_response().expect("no border");
            kinds.push(event.kind().to_owned());
        }
        assert_eq!(kinds, ["response.created", "response.completed"]);
        assert_eq!(turn.snapshot().output_text(), text);
    }
}

#[tokio::test]
async fn a_stored_background_response_resumes_where_it_broke_off() {
    let numbered = |number: u64, event: String| {
        let mut event: Value = serde_json::from_str(&event).expect("JSON");
        event["sequence_number"] = json!(number);
        event.to_string()
    };
    let events = [
        numbered(0, created("resp_1")),
        numbered(1, delta("resp_1", "half ")),
        numbered(2, delta("resp_1", "a sentence")),
        numbered(3, ended("completed", "resp_1", "half a sentence")),
    ];
    let script = Script::new()
        .route(
            "POST",
            "/v1/responses",
            Answer::sse().events(events[..2].to_vec()).cut(Cut::Close),
        )
        .route(
            "GET",
            "/v1/responses/resp_1",
            Answer::sse().events(events[1..3].to_vec()).cut(Cut::Reset),
        )
        .route(
            "GET",
            "/v1/responses/resp_1",
            Answer::sse().events(events[3..].to_vec()),
        );
    let server = serve(script);
    let mut session = session(&server, |settings| {
        settings.interruption = Interruption::Restart
    });
    let mut turn = session
        .stream(&ask(&start("Well?")).background(true))
        .await
        .expect("a turn");
    let mut numbers = Vec::new();
    while let Some(event) = turn.next().await {
        let event = event
            .expect("no error")
            .into_response()
            .expect("no restart");
        numbers.push(event.sequence_number());
    }
    assert_eq!(numbers, [Some(0), Some(1), Some(2), Some(3)]);
    assert_eq!(
        turn.finish().await.expect("a response").output_text(),
        "half a sentence"
    );
    let uris: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.uri.to_string())
        .collect();
    assert_eq!(
        uris,
        [
            "/v1/responses",
            "/v1/responses/resp_1?stream=true&starting_after=1",
            "/v1/responses/resp_1?stream=true&starting_after=2",
        ]
    );
    assert_eq!(session.stats().resumes, 2);
}

#[tokio::test]
async fn a_resumed_stream_with_a_hole_is_an_error() {
    let numbered = |number: u64, event: &str| {
        event.replacen('{', &format!("{{\"sequence_number\":{number},"), 1)
    };
    let script = Script::new()
        .route(
            "POST",
            "/v1/responses",
            Answer::sse()
                .event(numbered(0, &created("resp_1")))
                .cut(Cut::Close),
        )
        .route(
            "GET",
            "/v1/responses/resp_1",
            Answer::sse().event(numbered(2, &ended("completed", "resp_1", "late"))),
        );
    let server = serve(script);
    let mut session = session(&server, |_| {});
    let error = session
        .create(&ask(&start("Well?")).background(true))
        .await
        .expect_err("a hole");
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.to_string().starts_with("resumed stream skips events"));
}

#[tokio::test]
async fn a_response_that_the_server_ends_twice_does_not_end_the_next_turn() {
    let done =
        json!({"type": "response.done", "response": {"id": "resp_1", "status": "completed"}})
            .to_string();
    let gate = Gate::new();
    let server = serve(sockets([Answer::websocket()
        .receive()
        .event(ended("completed", "resp_1", "One."))
        .receive()
        .event(done)
        .gate(&gate)
        .event(created("resp_2"))
        .event(ended("completed", "resp_2", "Two."))]));
    let mut session = session(&server, only_sockets);
    let mut history = start("Count.");
    let response = session.create(&ask(&history)).await.expect("a response");
    grown(&mut history, &response, "Go on.");
    gate.open();
    let response = session.create(&ask(&history)).await.expect("a response");
    assert_eq!(response.output_text(), "Two.");
}

#[tokio::test]
async fn a_failed_response_keeps_the_socket_and_forgets_the_chain() {
    let server = serve(sockets([Answer::websocket()
        .receive()
        .event(ended("incomplete", "resp_1", "cut o"))
        .receive()
        .event(ended("completed", "resp_2", "Two."))]));
    let mut session = session(&server, only_sockets);
    let mut history = start("Count.");
    let error = session
        .create(&ask(&history))
        .await
        .expect_err("incomplete");
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::Incomplete, None)
    );
    history.extend(error.partial().expect("what came").to_input());
    let _ = session.create(&ask(&history)).await.expect("a response");
    assert_eq!(messages(&server)[1].get("previous_response_id"), None);
    assert_eq!(session.stats().connections, 1);
}

#[tokio::test]
async fn a_turn_that_is_dropped_takes_the_socket_with_it() {
    let endless = Answer::websocket()
        .receive()
        .event(created("resp_1"))
        .event(delta("resp_1", "never read"));
    let server = serve(sockets([
        endless,
        Answer::websocket()
            .receive()
            .event(ended("completed", "resp_2", "Two.")),
    ]));
    let mut session = session(&server, only_sockets);
    let mut turn = session.stream(&ask(&start("Well?"))).await.expect("a turn");
    assert!(turn.next().await.is_some());
    drop(turn);
    let deadline = Instant::now() + Duration::from_secs(10);
    while server.closed_sockets().is_empty() {
        assert!(Instant::now() < deadline, "the server never saw the end");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let response = session
        .create(&ask(&start("Well?")))
        .await
        .expect("a response");
    assert_eq!(response.output_text(), "Two.");
}

#[tokio::test]
async fn a_steered_response_is_followed_by_its_successor() {
    let accepted = json!({"type": "response.steer.accepted", "sequence_number": 1, "steer": {"id": "steer_1", "previous_response_id": "resp_1"}}).to_string();
    let mut steered: Value =
        serde_json::from_str(&ended("incomplete", "resp_1", "A long")).expect("JSON");
    steered["response"]["incomplete_details"] = json!({"reason": "steered"});
    let server = serve(sockets([Answer::websocket()
        .receive()
        .event(created("resp_1"))
        .event(delta("resp_1", "A long"))
        .receive()
        .event(accepted)
        .event(steered.to_string())
        .event(created("resp_2"))
        .event(delta("resp_2", "Short."))
        .event(ended("completed", "resp_2", "Short."))]));
    let mut session = session(&server, only_sockets);
    let mut turn = session.stream(&ask(&start("Well?"))).await.expect("a turn");
    assert!(turn.next().await.is_some());
    turn.steer("Be brief.").await.expect("sent");
    let mut kinds = Vec::new();
    while let Some(event) = turn.next().await {
        let event = event
            .expect("no error")
            .into_response()
            .expect("no restart");
        kinds.push(event.kind().to_owned());
    }
    assert_eq!(
        kinds,
        [
            "response.output_text.delta",
            "response.steer.accepted",
            "response.incomplete",
            "response.created",
            "response.output_text.delta",
            "response.completed",
        ]
    );
    assert_eq!(turn.earlier().len(), 1);
    assert_eq!(turn.earlier()[0].output_text(), "A long");
    assert_eq!(
        turn.finish().await.expect("a response").output_text(),
        "Short."
    );
    let steer = &messages(&server)[1];
    assert_eq!(
        (
            &steer["type"],
            &steer["previous_response_id"],
            &steer["input"]
        ),
        (
            &json!("response.steer"),
            &json!("resp_1"),
            &json!("Be brief.")
        )
    );
}

#[tokio::test]
async fn steering_that_comes_too_late_ends_the_turn_all_the_same() {
    let failed = json!({"type": "response.steer.failed", "sequence_number": 9, "error": {"type": "invalid_request_error", "code": "response_already_completed", "message": "invented"},
        "steer": {"previous_response_id": "resp_1", "input": "Be brief."}}).to_string();
    let gate = Gate::new();
    let server = serve(sockets([Answer::websocket()
        .receive()
        .event(created("resp_1"))
        .gate(&gate)
        .event(ended("completed", "resp_1", "Done."))
        .receive()
        .event(failed)]));
    let mut session = session(&server, only_sockets);
    let mut turn = session.stream(&ask(&start("Well?"))).await.expect("a turn");
    assert!(
        matches!(turn.steer("Too early.").await, Err(error) if error.kind() == ErrorKind::Request)
    );
    assert!(turn.next().await.is_some());
    turn.steer("Be brief.").await.expect("sent");
    gate.open();
    let mut last = None;
    while let Some(event) = turn.next().await {
        last = event.expect("no error").into_response();
    }
    assert!(matches!(last, Some(ResponseEvent::SteerFailed(_))));
    assert_eq!(
        turn.finish().await.expect("a response").output_text(),
        "Done."
    );
    assert!(session.is_connected());
}

#[tokio::test]
async fn idling_notices_a_dead_socket() {
    let server = serve(sockets([Answer::websocket()
        .receive()
        .event(ended("completed", "resp_1", "One."))
        .close(1001)]));
    let mut session = session(&server, only_sockets);
    let _ = session
        .create(&ask(&start("Count.")))
        .await
        .expect("a response");
    tokio::time::timeout(Duration::from_secs(10), session.idle())
        .await
        .expect("the loss is noticed");
    assert!(!session.is_connected());
}
