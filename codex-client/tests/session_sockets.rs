//! A conversation over a WebSocket: the same as over HTTP, with fewer bytes sent.
#![cfg(feature = "ws")]

use codex_client::{
    ErrorKind, Interruption, Progress, Session, SocketSettings, Tools, TransportChoice,
};
use codex_transport::RetryPolicy;
use codex_transport::testing::{Answer, Cut, LoopbackServer, Script};
use codex_types::{CreateResponse, FunctionTool, RawJson};
use serde_json::{Value, json};

use crate::kit::{self, completed, messages, says, sockets};

fn start(script: Script) -> (LoopbackServer, Session) {
    let (server, client) = kit::start(script, |client| {
        let client = client.profile(kit::uncompressed());
        client.retry(RetryPolicy::none())
    });
    let settings = CreateResponse::new("some-model").instructions("Be brief.");
    let mut sockets = SocketSettings::default();
    // The session keeps a history, so this setting has no effect.
    sockets.interruption = Interruption::Restart;
    let session = client.session(settings).over_sockets(sockets);
    (server, session)
}

fn calls(id: &str) -> String {
    completed(id, [kit::call("call_1", "add", r#"{"a":2}"#)])
}

#[derive(serde::Deserialize)]
struct Add {
    a: i64,
}

fn tools() -> Tools {
    let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": false});
    let schema = RawJson::parse(&schema.to_string()).expect("JSON");
    Tools::new().function(FunctionTool::new("add", schema, true), async |add: Add| {
        Ok::<_, String>((add.a + 1).to_string())
    })
}

#[tokio::test]
async fn tools_run_over_one_socket_and_only_what_is_new_is_sent() {
    let state = json!({"type": "response.metadata", "headers": {"x-codex-turn-state": "state-1"}});
    let (server, mut session) = start(sockets([Answer::websocket()
        .receive()
        .event(state.to_string())
        .event(calls("resp_1"))
        .receive()
        .event(says("resp_2", "Three."))
        .receive()
        .event(says("resp_3", "Still three."))]));
    let mut events = 0;
    let watch =
        |progress: Progress<'_>| events += u32::from(matches!(progress, Progress::Event(_)));
    let response = session
        .run_with(&tools(), "Add one to two.", watch)
        .await
        .expect("an answer");
    assert_eq!((response.output_text().as_str(), events), ("Three.", 3));
    let response = session.ask("Sure?").await.expect("an answer");
    assert_eq!(response.output_text(), "Still three.");
    assert_eq!(session.history().count(), 6);

    let messages = messages(&server);
    let inputs: Vec<usize> = messages
        .iter()
        .map(|message| message["input"].as_array().expect("items").len())
        .collect();
    assert_eq!(
        inputs,
        [2, 1, 1],
        "the instructions and the question, then what is new"
    );
    assert_eq!(messages[1]["input"][0]["output"], "3");
    assert_eq!(messages[2]["previous_response_id"], "resp_2");
    let states: Vec<&Value> = messages
        .iter()
        .map(|message| &message["client_metadata"]["x-codex-turn-state"])
        .collect();
    assert_eq!(states, [&json!(null), &json!("state-1"), &json!(null)]);
    let upgrade = &server.requests()[0];
    assert_eq!(upgrade.header("session-id"), Some(session.session_id()));
    assert_eq!(upgrade.header("thread-id"), Some(session.thread_id()));
    let stats = session.sockets().expect("sockets").stats();
    assert_eq!(
        (stats.connections, stats.replays, stats.continuations),
        (1, 1, 2)
    );
}

#[tokio::test]
async fn a_broken_answer_has_not_been_said_and_the_next_goes_out_whole() {
    let delta = json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "half "});
    let (server, mut session) = start(sockets([
        Answer::websocket()
            .receive()
            .event(says("resp_1", "One."))
            .receive()
            .event(delta.to_string())
            .cut(Cut::Reset),
        Answer::websocket().receive().event(says("resp_2", "Two.")),
    ]));
    session.ask("One?").await.expect("an answer");
    let error = session.ask("Two?").await.expect_err("broken");
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert_eq!(error.partial().expect("what came").output_text(), "half ");
    assert_eq!(session.history().count(), 2);
    session.ask("Two?").await.expect("an answer");
    assert_eq!(session.history().count(), 4);

    let messages = messages(&server);
    assert_eq!(messages.len(), 3, "nothing was sent by itself");
    assert_eq!(messages[1]["previous_response_id"], "resp_1");
    assert_eq!(messages[2].get("previous_response_id"), None);
    let whole = messages[2]["input"].as_array().expect("items");
    assert_eq!(whole.len(), 4, "instructions, question, answer, question");
}

#[tokio::test]
async fn without_sockets_it_goes_on_over_http() {
    let over_http = |id: &str, text: &str| Answer::sse().event(says(id, text));
    let script = sockets([Answer::status(426)])
        .route("POST", "/v1/responses", over_http("resp_1", "One."))
        .route("POST", "/v1/responses", over_http("resp_2", "Two."));
    let (server, mut session) = start(script);
    assert!(!session.warm_up().await.expect("no sockets"));
    for question in ["One?", "Two?"] {
        session.ask(question).await.expect("an answer");
    }
    assert_eq!(session.history().count(), 4);
    let posts: Vec<_> = server
        .requests()
        .into_iter()
        .filter(|request| request.method == http::Method::POST)
        .collect();
    assert_eq!(posts.len(), 2);
    for post in &posts {
        assert_eq!(post.header("session-id"), Some(session.session_id()));
    }
}

#[tokio::test]
async fn a_fork_and_a_warm_up_have_sockets_of_their_own() {
    let warm = json!({"type": "response.completed", "response": {"id": "resp_warm", "status": "completed", "output": []}});
    let socket = |name: &str| {
        Answer::websocket()
            .receive()
            .event(warm.to_string())
            .receive()
            .event(says(name, name))
    };
    let (server, mut session) = start(sockets([socket("resp_1"), socket("resp_2")]));
    let mut fork = session.fork();
    for session in [&mut session, &mut fork] {
        assert!(session.warm_up().await.expect("a socket"));
        session.ask("Well?").await.expect("an answer");
    }
    let messages = messages(&server);
    assert_eq!(messages[0]["generate"], false);
    assert_eq!(messages[1]["previous_response_id"], "resp_warm");
    let requests = server.requests();
    assert_eq!(requests.len(), 2, "a socket each");
    assert_eq!(requests[0].header("thread-id"), Some(session.thread_id()));
    assert_eq!(requests[1].header("thread-id"), Some(fork.thread_id()));
    assert_ne!(session.thread_id(), fork.thread_id());
    let settings = fork.sockets().expect("sockets").settings();
    assert_eq!(settings.interruption, Interruption::Fail);
    assert_eq!(settings.transport, TransportChoice::Auto);
}
