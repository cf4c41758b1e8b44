//! Conversations against a scripted server: what enters the history and when, what is sent back,
//! and which identity the server receives.

use codex_client::{Client, ErrorKind, Session};
use codex_transport::RetryPolicy;
use codex_transport::testing::{Answer, Cut, LoopbackServer, RecordedRequest, Script};
use codex_types::profile::Profile;
use codex_types::{CreateResponse, FunctionCallOutput, InputItem, RawJson, Reasoning};
use serde_json::{Value, json};

use crate::kit::{self, input, uncompressed};

fn start(script: Script) -> (LoopbackServer, Client) {
    start_with(script, uncompressed())
}

fn start_with(script: Script, profile: Profile) -> (LoopbackServer, Client) {
    kit::start(script, |client| {
        client.profile(profile).retry(RetryPolicy::none())
    })
}

fn settings() -> CreateResponse {
    CreateResponse::new("some-model")
        .store(false)
        .reasoning(Reasoning::new())
}

fn reasoning(id: &str) -> Value {
    json!({"type": "reasoning", "id": id, "summary": [], "encrypted_content": format!("opaque-{id}"), "of_tomorrow": {"a": [1.50, null]}})
}

fn message(id: &str, text: &str) -> Value {
    json!({
        "type": "message", "id": id, "status": "completed", "role": "assistant", "phase": "final_answer",
        "content": [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}],
    })
}

fn call(id: &str) -> Value {
    kit::call(id, "now", "{}")
}

/// A whole response as the ChatGPT backend sends it: separate items, and no output in the last
/// event.
fn answered(items: &[Value]) -> Answer {
    let mut answer = Answer::sse().event(kit::created("resp_1"));
    for (index, item) in items.iter().enumerate() {
        answer = answer.event(kit::item_done(index, item));
    }
    answer.event(kit::completed("resp_1", json!([])))
}

fn question(text: &str) -> Value {
    json!({"type": "message", "role": "user", "content": text})
}

fn texts(items: &[Value]) -> Vec<String> {
    let text = |item: &Value| {
        let of = [&item["content"], &item["content"][0]["text"], &item["type"]];
        of.iter()
            .find_map(|text| text.as_str())
            .expect("a text or a type")
            .to_owned()
    };
    items.iter().map(text).collect()
}

#[tokio::test]
async fn output_is_sent_back_unchanged() {
    let (first, second) = (
        [reasoning("rs_1"), message("msg_1", "One.")],
        [reasoning("rs_2"), call("call_1")],
    );
    let (server, client) = start(
        Script::new()
            .answer(answered(&first))
            .answer(answered(&second))
            .answer(answered(&[])),
    );
    let mut session = client.session(settings());
    session.ask("First?").await.expect("an answer");
    session.ask("Second?").await.expect("an answer");
    session
        .follow_up([InputItem::from(
            FunctionCallOutput::new("noon").call_id("call_1"),
        )])
        .await
        .expect("a turn")
        .finish()
        .await
        .expect("an answer");

    let requests = server.requests();
    let sent: Vec<Vec<Value>> = requests.iter().map(input).collect();
    assert_eq!(
        sent[1][1..3],
        first,
        "ids, encrypted reasoning, phases and what nobody knows yet"
    );
    assert_eq!(sent[2][4..6], second);
    assert_eq!(
        sent[2][6],
        json!({"type": "function_call_output", "call_id": "call_1", "output": "noon"})
    );
    // A request begins like the previous one, byte for byte, as the prompt cache requires.
    for pair in requests.windows(2) {
        let text = |request: &RecordedRequest| {
            let body = String::from_utf8(request.body.to_vec()).expect("UTF-8");
            let start = body.find(r#""input":["#).expect("an input");
            body[start..].to_owned()
        };
        let shorter = text(&pair[0]);
        let end = shorter.find("],\"").expect("something after the input");
        assert!(
            text(&pair[1]).starts_with(shorter[..end].trim_end_matches(']')),
            "{shorter}"
        );
    }
}

#[tokio::test]
async fn a_turn_that_does_not_complete_has_not_been_said() {
    let event = |kind: &str, status: &str| {
        let response = json!({"id": "resp_1", "status": status, "error": {"code": "server_error", "message": "m"}, "output": [message("msg_1", "half")]});
        Answer::sse().event(json!({"type": kind, "response": response}).to_string())
    };
    let half = json!({"type": "response.output_item.done", "output_index": 0, "item": message("msg_1", "half")}).to_string();
    let cases = [
        (event("response.failed", "failed"), ErrorKind::Failed),
        (
            event("response.incomplete", "incomplete"),
            ErrorKind::Incomplete,
        ),
        (Answer::sse().event(half.clone()), ErrorKind::Truncated),
        (
            Answer::sse().event(half).cut(Cut::Reset),
            ErrorKind::Transport,
        ),
        (Answer::status(500), ErrorKind::Status),
    ];
    for (answer, kind) in cases {
        let (server, client) = start(
            Script::new()
                .answer(answer)
                .answer(answered(&[message("msg_2", "Whole.")])),
        );
        let mut session = client.session(settings());
        let error = session.ask("First?").await.expect_err("no answer");
        assert_eq!(error.kind(), kind);
        assert_eq!(session.history().count(), 0, "{kind:?}");
        session.ask("Again?").await.expect("an answer");
        assert_eq!(texts(&input(&server.requests()[1])), ["Again?"]);
        assert_eq!(session.history().count(), 2);
    }
}

#[tokio::test]
async fn a_turn_enters_the_history_with_its_last_event_and_not_before() {
    let (_server, client) =
        start(Script::new().answer(answered(&[message("msg_1", "One.")]).times(2)));
    let mut session = client.session(settings());
    let mut turn = session.turn("First?").await.expect("a turn");
    for _ in 0..2 {
        turn.next().await.expect("an event").expect("a good one");
    }
    drop(turn);
    assert_eq!(session.history().count(), 0, "dropped before its end");

    let mut turn = session.turn("First?").await.expect("a turn");
    while let Some(event) = turn.next().await {
        if event.expect("a good one").is_terminal() {
            break;
        }
    }
    drop(turn);
    assert_eq!(
        session.history().count(),
        2,
        "dropped after its end, without asking for the result"
    );
}

#[tokio::test]
async fn forks_share_their_history_and_diverge() {
    let script = Script::new()
        .answer(answered(&[message("msg_1", "One.")]))
        .answer(answered(&[message("msg_2", "Left.")]))
        .answer(answered(&[message("msg_3", "Right.")]));
    let (server, client) = start(script);
    let mut trunk = client.session(settings());
    trunk.ask("First?").await.expect("an answer");
    let mut fork = trunk.fork();
    trunk.ask("Left?").await.expect("an answer");
    fork.ask("Right?").await.expect("an answer");

    let requests = server.requests();
    assert_eq!(texts(&input(&requests[1])), ["First?", "One.", "Left?"]);
    assert_eq!(texts(&input(&requests[2])), ["First?", "One.", "Right?"]);
    let header = |at: usize, name: &str| requests[at].header(name).expect("a header").to_owned();
    assert_eq!(header(0, "session-id"), header(2, "session-id"));
    assert_eq!(header(0, "thread-id"), header(1, "thread-id"));
    assert_ne!(header(1, "thread-id"), header(2, "thread-id"));
    assert_eq!(
        header(2, "x-codex-window-id"),
        format!("{}:0", fork.thread_id())
    );
}

#[tokio::test]
async fn the_identity_is_the_same_in_every_turn() {
    let (server, client) =
        start(Script::new().answer(answered(&[message("msg_1", "One.")]).times(2)));
    let mut session = client
        .session(settings())
        .with_installation_id("installation-1");
    session.ask("First?").await.expect("an answer");
    session.ask("Second?").await.expect("an answer");
    let requests = server.requests();
    for request in &requests {
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        for (name, value) in [
            ("session-id", session.session_id()),
            ("thread-id", session.thread_id()),
            ("x-client-request-id", session.thread_id()),
        ] {
            assert_eq!(request.header(name), Some(value), "{name}");
        }
        assert_eq!(body["prompt_cache_key"], session.session_id());
        assert_eq!(body["client_metadata"]["session_id"], session.session_id());
        assert_eq!(body["client_metadata"]["thread_id"], session.thread_id());
        assert_eq!(
            body["client_metadata"]["x-codex-installation-id"],
            "installation-1"
        );
    }
    let turn_id = |at: usize| {
        let body: Value = serde_json::from_slice(&requests[at].body).expect("JSON");
        body["client_metadata"]["turn_id"]
            .as_str()
            .expect("a turn id")
            .to_owned()
    };
    assert_ne!(turn_id(0), turn_id(1));
}

#[tokio::test]
async fn the_state_of_a_turn_is_written_once_and_ends_with_it() {
    let with_state = |state: &str| answered(&[call("call_1")]).header("x-codex-turn-state", state);
    let in_an_event = Answer::sse()
        .event(json!({"type": "response.metadata", "headers": {"X-Codex-Turn-State": "by-event"}}).to_string())
        .event(json!({"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": [call("call_2")]}}).to_string());
    let script = Script::new()
        .answer(with_state("first"))
        .answer(with_state("second"))
        .answer(answered(&[]))
        .answer(in_an_event)
        .answer(answered(&[]));
    let (server, client) = start(script);
    let mut session = client.session(settings());
    let output = |id: &str| [InputItem::from(FunctionCallOutput::new("noon").call_id(id))];
    session.ask("First?").await.expect("an answer");
    for _ in 0..2 {
        session
            .follow_up(output("call_1"))
            .await
            .expect("a turn")
            .finish()
            .await
            .expect("an answer");
    }
    session.ask("Second?").await.expect("an answer");
    session
        .follow_up(output("call_2"))
        .await
        .expect("a turn")
        .finish()
        .await
        .expect("an answer");
    let states: Vec<Option<String>> = server
        .requests()
        .iter()
        .map(|request| request.header("x-codex-turn-state").map(str::to_owned))
        .collect();
    let expected = [None, Some("first"), Some("first"), None, Some("by-event")]
        .map(|state| state.map(str::to_owned));
    assert_eq!(states, expected);
}

const UNKNOWN: &str =
    "No output of this call was recorded. Its outcome is unknown: it may have had its effect.";

#[tokio::test]
async fn a_call_that_nobody_answered_does_not_end_the_conversation() {
    let (server, client) = start(
        Script::new()
            .answer(answered(&[call("call_1"), call("call_2")]))
            .answer(answered(&[]))
            .answer(answered(&[])),
    );
    let mut session = client.session(settings());
    session.ask("First?").await.expect("an answer");
    session
        .turn([InputItem::from(
            FunctionCallOutput::new("noon").call_id("call_2"),
        )])
        .await
        .expect("a turn")
        .finish()
        .await
        .expect("an answer");
    session.ask("Never mind.").await.expect("an answer");
    let sent = input(&server.requests()[2]);
    assert_eq!(
        sent[3..],
        [
            json!({"type": "function_call_output", "call_id": "call_2", "output": "noon"}),
            json!({"type": "function_call_output", "call_id": "call_1", "output": UNKNOWN}),
            question("Never mind."),
        ]
    );
}

#[tokio::test]
async fn a_draft_sent_by_other_means_enters_the_history_once_it_is_answered() {
    let (server, client) =
        start(Script::new().answer(answered(&[message("msg_1", "One.")]).times(3)));
    let mut session = client.session(settings());
    let (stale, draft) = (session.draft("Stale?"), session.draft("First?"));
    assert_eq!(session.history().count(), 0);
    let response = client
        .create(draft.request())
        .options(draft.options().clone())
        .await
        .expect("an answer");
    let mut incomplete = response.clone();
    incomplete.status = codex_types::Status::Incomplete;
    assert!(!session.commit(session.fork().draft("Cut?"), &incomplete));
    assert!(session.commit(draft, &response));
    assert!(
        !session.commit(stale, &response),
        "the history went on without it"
    );
    session.ask("Second?").await.expect("an answer");
    let requests = server.requests();
    assert_eq!(texts(&input(&requests[1])), ["First?", "One.", "Second?"]);
    assert_eq!(
        requests[0].header("session-id"),
        requests[1].header("session-id")
    );
}

#[test]
fn a_history_from_elsewhere_is_put_right_and_the_rest_of_it_left_alone() {
    let client = Client::builder()
        .base_url("http://127.0.0.1:1/v1")
        .build()
        .expect("a client");
    let items = json!([
        question("First?"),
        {"type": "function_call_output", "call_id": "gone", "output": "noon"},
        reasoning("rs_1"),
        message("msg_1", "One."),
    ]);
    let items: Vec<InputItem> = serde_json::from_value(items).expect("items");
    let mut session = client.session(settings().input(items));
    let findings = session.repair().expect("a repair");
    assert_eq!(
        findings
            .iter()
            .map(|finding| finding.pointer.as_str())
            .collect::<Vec<_>>(),
        ["/input/1"]
    );
    let left: Vec<Value> = session
        .history()
        .map(|item| serde_json::to_value(item).expect("JSON"))
        .collect();
    assert_eq!(
        left,
        [
            question("First?"),
            reasoning("rs_1"),
            message("msg_1", "One.")
        ]
    );
    assert!(session.repair().expect("a repair").is_empty());
}

#[tokio::test]
async fn a_saved_conversation_goes_on_where_it_was() {
    let (server, client) = start(
        Script::new()
            .answer(answered(&[reasoning("rs_1"), message("msg_1", "One.")]))
            .answer(answered(&[]).times(2)),
    );
    let mut session = client
        .session(settings().instructions("Be brief."))
        .with_installation_id("installation-1");
    session.ask("First?").await.expect("an answer");
    let saved = session.to_json().expect("JSON").to_string();
    let mut again =
        Session::from_json(&client, &saved.parse().expect("JSON")).expect("a conversation");
    assert_eq!(again.to_json().expect("JSON").as_str(), saved);
    session.ask("Second?").await.expect("an answer");
    again.ask("Second?").await.expect("an answer");
    let requests = server.requests();
    let without_turn = |request: &RecordedRequest| {
        let mut body: Value = serde_json::from_slice(&request.body).expect("JSON");
        for name in ["turn_id", "root_turn_id"] {
            body["client_metadata"][name].take();
        }
        body
    };
    assert_eq!(without_turn(&requests[1]), without_turn(&requests[2]));
    assert_eq!(
        requests[1].header("session-id"),
        requests[2].header("session-id")
    );
}

#[test]
fn what_was_not_saved_by_us_is_refused() {
    let client = Client::builder()
        .base_url("http://127.0.0.1:1/v1")
        .build()
        .expect("a client");
    for text in [
        "{}",
        "[]",
        "null",
        r#"{"version":1}"#,
        r#"{"version":1,"session_id":"a","thread_id":"b","window":-1,"settings":{},"history":[]}"#,
    ] {
        let error =
            Session::from_json(&client, &RawJson::parse(text).expect("JSON")).expect_err(text);
        assert_eq!(error.to_string(), "not a saved conversation");
    }
    let later = RawJson::parse(r#"{"version":2}"#).expect("JSON");
    let error = Session::from_json(&client, &later).expect_err("a later version");
    assert_eq!(
        error.to_string(),
        "unsupported version of a saved conversation"
    );
}

#[tokio::test]
async fn compaction_replaces_the_history_and_opens_a_new_window() {
    let item = json!({"type": "compaction", "encrypted_content": "opaque"});
    let kept = json!({"type": "message", "id": "msg_0", "role": "user", "content": [{"type": "input_text", "text": "First?"}]});
    let script = Script::new()
        .answer(answered(&[reasoning("rs_1"), message("msg_1", "One.")]))
        .answer(answered(&[item.clone(), message("msg_2", "not kept")]))
        .answer(answered(&[message("msg_3", "Two.")]))
        .route(
            "POST",
            "/v1/responses/compact",
            Answer::json(200, json!({"output": [kept, item]}).to_string()),
        )
        .answer(answered(&[]));
    let (server, client) = start(script);
    let mut session = client.session(settings());
    session.ask("First?").await.expect("an answer");
    session.compact_by_trigger().await.expect("a compaction");
    session.ask("Second?").await.expect("an answer");
    session.compact().await.expect("a compaction");
    session.ask("Third?").await.expect("an answer");

    let requests = server.requests();
    assert_eq!(
        texts(&input(&requests[1])),
        ["First?", "reasoning", "One.", "compaction_trigger"]
    );
    assert_eq!(
        texts(&input(&requests[2])),
        ["First?", "compaction", "Second?"]
    );
    assert_eq!(
        texts(&input(&requests[3])),
        ["First?", "compaction", "Second?", "Two."]
    );
    assert_eq!(
        texts(&input(&requests[4])),
        ["First?", "compaction", "Third?"]
    );
    for (at, window) in [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2)] {
        let id = format!("{}:{window}", session.thread_id());
        assert_eq!(requests[at].header("x-codex-window-id"), Some(id.as_str()));
    }
}

#[tokio::test]
async fn a_summary_replaces_answers_and_an_empty_one_replaces_nothing() {
    let script = Script::new()
        .answer(answered(&[reasoning("rs_1"), message("msg_1", "One.")]))
        .answer(answered(&[]))
        .answer(answered(&[message("msg_2", "One was said.")]))
        .answer(answered(&[message("msg_3", "Two.")]));
    let (server, client) = start(script);
    let mut session = client.session(settings());
    session.ask("First?").await.expect("an answer");
    let empty = session.compact_by_summary("Summarize.").await;
    assert_eq!(empty.expect_err("no text").kind(), ErrorKind::Protocol);
    assert_eq!(session.history().count(), 3);
    let summary = session.compact_by_summary("Summarize.").await;
    assert_eq!(summary.expect("a summary").output_text(), "One was said.");
    session.ask("Second?").await.expect("an answer");

    let requests = server.requests();
    for at in [1, 2] {
        assert_eq!(
            texts(&input(&requests[at])),
            ["First?", "reasoning", "One.", "Summarize."]
        );
    }
    assert_eq!(
        texts(&input(&requests[3])),
        ["First?", "One was said.", "Second?"]
    );
}

#[tokio::test]
async fn nothing_that_was_said_reaches_a_debug_text() {
    let (_server, client) = start_with(
        Script::new().answer(answered(&[message("msg_1", "answer-canary")])),
        Profile::platform(),
    );
    let mut session = client.session(settings().instructions("prompt-canary"));
    let mut turn = session.turn("prompt-canary").await.expect("a turn");
    while turn.next().await.is_some() {}
    let text = format!("{turn:?}");
    drop(turn);
    for text in [text, format!("{session:?}")] {
        assert!(!text.contains("canary"), "{text}");
    }
}

/// The turn state that the service returns follows the turn from one transport to the other.
#[cfg(feature = "ws")]
#[tokio::test]
async fn the_state_of_a_drafted_turn_goes_along_over_either_transport() {
    let completed = |id: &str, output: &[Value]| {
        json!({"type": "response.completed", "response": {"id": id, "status": "completed", "output": output}}).to_string()
    };
    let told = |state: &str| {
        json!({"type": "response.metadata", "headers": {"X-Codex-Turn-State": state}}).to_string()
    };
    let socket = Answer::websocket()
        .receive()
        .event(told("first"))
        .event(completed("resp_1", &[call("call_1")]))
        .receive()
        .event(told("second"))
        .event(completed("resp_2", &[call("call_2")]));
    let script = Script::new().route("GET", "/v1/responses", socket).route(
        "POST",
        "/v1/responses",
        answered(&[]).times(2),
    );
    let (server, client) = start(script);
    let mut session = client.session(settings());
    let mut over_http = codex_client::SocketSettings::default();
    over_http.transport = codex_client::TransportChoice::Http;
    let mut over_http = codex_client::SocketSession::new(&client, over_http);
    let mut over_socket = client.socket_session();
    let output = |id: &str| [InputItem::from(FunctionCallOutput::new("noon").call_id(id))];
    for number in 0..4 {
        let draft = match number {
            0 => session.draft("First?"),
            1 => session.draft_follow_up(output("call_1")),
            2 => session.draft_follow_up(output("call_2")),
            _ => session.draft("Second?"),
        };
        let way = if number < 2 {
            &mut over_socket
        } else {
            &mut over_http
        };
        let turn = way
            .stream(draft.request())
            .options(draft.options().clone())
            .await;
        let response = turn.expect("a turn").finish().await.expect("an answer");
        assert!(session.commit(draft, &response));
    }

    let over_socket: Vec<Value> = server
        .messages()
        .iter()
        .map(|message| {
            let message: Value = serde_json::from_slice(&message.text).expect("JSON");
            message["client_metadata"]["x-codex-turn-state"].clone()
        })
        .collect();
    assert_eq!(over_socket, [json!(null), json!("first")]);
    let requests = server.requests();
    let over_http: Vec<_> = requests
        .iter()
        .filter(|request| request.method == http::Method::POST)
        .map(|request| request.header("x-codex-turn-state"))
        .collect();
    assert_eq!(over_http, [Some("first"), None], "a new turn has no state");
}
