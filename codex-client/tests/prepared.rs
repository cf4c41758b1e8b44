//! A conversation kept as a prepared input is sent like one kept as a list of items, over either
//! transport.
#![cfg(feature = "ws")]

use codex_client::{CallOptions, Client};
use codex_transport::testing::{Answer, LoopbackServer, Script};
use codex_types::lint::FindingCode;
use codex_types::profile::Profile;
use codex_types::{CreateResponse, InputItem, Message, OutputMessage, PreparedInput, RawJson};
use serde_json::{Value, json};

use crate::kit::{self, completed, message};

fn client(server: &LoopbackServer, profile: Profile) -> Client {
    Client::builder()
        .base_url(server.url("/v1"))
        .profile(profile)
        .build()
        .expect("a client")
}

fn items() -> Vec<InputItem> {
    vec![
        Message::system("Be brief.").into(),
        Message::user("Why is the sky blue?").into(),
        OutputMessage::text("msg_1", "Because of the sun.").into(),
        Message::user("And at night?").into(),
    ]
}

fn profiles() -> impl Iterator<Item = Profile> {
    Profile::NAMES
        .iter()
        .filter_map(|name| Profile::by_name(name))
}

#[tokio::test]
async fn bodies_over_http_are_those_of_a_list() {
    for mut profile in profiles() {
        profile.compression = None;
        let answer =
            Answer::sse().event(completed("resp_1", [message("msg_resp_1", "It is not.")]));
        let server =
            LoopbackServer::start(Script::new().answer(answer.forever())).expect("a server");
        let client = client(&server, profile);
        let options = [
            CallOptions::new(),
            CallOptions::new()
                .parameter("store", RawJson::parse("false").expect("JSON"))
                .parameter("stream", RawJson::parse("1").expect("JSON"))
                .parameter("new_parameter", RawJson::parse("[1]").expect("JSON")),
            CallOptions::new().parameter("input", RawJson::parse("[null]").expect("JSON")),
        ];
        for options in options {
            let settings = CreateResponse::new("some-model").instructions("Answer.");
            let list = settings.clone().input(items());
            let prepared: PreparedInput = items().into_iter().collect();
            for request in [list, settings.input(prepared)] {
                let call = client.create(&request).options(options.clone());
                call.await.expect("a response");
            }
        }
        let requests = server.requests();
        // Each call has its own ids.
        let body = |number: usize| -> Value {
            let mut body = kit::body(&requests[number]);
            body["client_metadata"] = Value::Null;
            body["prompt_cache_key"] = Value::Null;
            body
        };
        for number in [0, 2, 4] {
            assert_eq!(body(number), body(number + 1), "{client:?}");
        }
        assert_eq!(
            (&body(3)["stream"], &body(3)["new_parameter"]),
            (&json!(1), &json!([1]))
        );
        assert_eq!(body(5)["input"], json!([null]));
    }
}

#[tokio::test]
async fn a_socket_is_sent_what_is_new_and_a_fork_is_sent_whole() {
    for profile in profiles().filter(|profile| profile.websocket.continues) {
        let mut answer = Answer::websocket();
        for number in 1..=4 {
            let id = format!("resp_{number}");
            answer = answer.receive().event(kit::says(&id, "Yes."));
        }
        let server = LoopbackServer::start(kit::sockets([answer])).expect("a server");
        let mut session = client(&server, profile).socket_session();
        let request = |input: &PreparedInput| {
            CreateResponse::new("some-model")
                .instructions("Answer.")
                .store(false)
                .input(input)
        };
        let mut history: PreparedInput = items().into_iter().collect();
        let fork = history.clone();
        for _ in 0..3 {
            let response = session
                .create(&request(&history))
                .await
                .expect("a response");
            history.extend(response.to_input());
            history.push(Message::user("Go on."));
        }
        session.create(&request(&fork)).await.expect("a response");
        let stats = session.stats();
        assert_eq!((stats.replays, stats.continuations), (2, 2), "{session:?}");
        let messages = kit::messages(&server);
        let input = |number: usize| messages[number]["input"].as_array().map_or(0, Vec::len);
        assert_eq!((input(1), input(2)), (1, 1));
        assert_eq!(messages[3]["input"], messages[0]["input"]);
        assert_eq!(messages[2]["previous_response_id"], "resp_2");
    }
}

#[tokio::test]
async fn findings_in_shared_items_are_listed_with_every_request() {
    let answer = Answer::sse().event(completed("resp_1", [message("msg_resp_1", "It is not.")]));
    let server = LoopbackServer::start(Script::new().answer(answer.forever())).expect("a server");
    let client = client(&server, Profile::chatgpt());
    let input: PreparedInput = items().into_iter().collect();
    let request = CreateResponse::new("some-model").input(input);
    for _ in 0..2 {
        let stream = client.stream(&request).await.expect("a stream");
        let found = stream.findings().iter();
        let roles = found.filter(|finding| finding.code == FindingCode::RejectedRole);
        let pointers: Vec<&str> = roles.map(|finding| &*finding.pointer).collect();
        assert_eq!(pointers, ["/input/0/role"]);
        stream.finish().await.expect("a response");
    }
}
