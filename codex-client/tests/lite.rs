//! Responses Lite against a backend that checks every request separately.
#![cfg(feature = "ws")]
#![allow(unreachable_pub, reason = "shared by several tests")]

mod backend;
mod rules;

use codex_auth::{BearerToken, Secret, StaticToken};
use codex_client::{
    Client, ClientBuilder, Error, ErrorKind, Session, SocketSettings, Tools, TransportChoice,
};
use codex_transport::RetryPolicy;
use codex_types::profile::{Identity, Profile, RequestForm};
use codex_types::{CreateResponse, FunctionTool, InputItem, RawJson, WebSearchTool};
use serde_json::json;

use backend::{Arrived, Backend};

fn builder(backend: &Backend) -> ClientBuilder {
    let token = BearerToken::new(Secret::from("invented")).with_account_id("acct-invented");
    Client::builder()
        .base_url(backend.url())
        .profile(Profile::chatgpt())
        .auth(StaticToken::new(token).expect("a token"))
        .retry(RetryPolicy::none())
}

fn client(backend: &Backend) -> Client {
    builder(backend).build().expect("a client")
}

fn settings() -> CreateResponse {
    CreateResponse::new("gpt-6.2-sol").instructions("Be brief.")
}

#[derive(serde::Deserialize)]
struct Add {
    a: i64,
}

fn add() -> FunctionTool {
    let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": false});
    let schema = RawJson::parse(&schema.to_string()).expect("JSON");
    FunctionTool::new("add", schema, true)
}

fn tools() -> Tools {
    Tools::new().function(add(), async |add: Add| {
        Ok::<_, String>((add.a + 1).to_string())
    })
}

/// Three questions, each of which needs a tool call, and a compaction before the last.
async fn converse(session: &mut Session) {
    let tools = tools();
    for question in ["One?", "Two?"] {
        let response = session.run(&tools, question).await.expect("an answer");
        assert!(
            response.output_text().starts_with("Done with"),
            "{response:?}"
        );
    }
    session.compact_by_trigger().await.expect("a compaction");
    let response = session.run(&tools, "Three?").await.expect("an answer");
    assert!(
        response.output_text().starts_with("Done with"),
        "{response:?}"
    );
    // The questions, the compaction item, the last question, its call, its output and the response.
    let kinds: Vec<bool> = session
        .history()
        .map(|item| matches!(item, InputItem::AdditionalTools(_)))
        .collect();
    assert_eq!(
        kinds, [false; 7],
        "the form is none of the history's business"
    );
}

fn inputs(arrived: &[Arrived]) -> Vec<usize> {
    arrived
        .iter()
        .map(|one| one.body["input"].as_array().map_or(0, Vec::len))
        .collect()
}

#[tokio::test]
async fn three_turns_with_tools_and_a_compaction_pass_over_http() {
    let backend = Backend::start().await;
    let mut session = client(&backend).session(settings());
    converse(&mut session).await;
    let arrived = backend.arrived();
    // Tools, instructions and question; then with call and output; and so on. After the compaction,
    // fewer items.
    assert_eq!(inputs(&arrived), [3, 5, 7, 9, 11, 6, 8]);
    for one in &arrived {
        assert_eq!(one.body["input"][0]["tools"][0]["name"], "functions");
        assert_eq!(one.body["input"][1]["role"], "developer");
        assert_eq!(rules::header(&one.headers, "version"), Some("0.171.0"));
        assert_eq!(
            rules::header(&one.headers, "user-agent"),
            Some("codex-client-rs/0.171.0")
        );
        assert_eq!(
            rules::header(&one.headers, "originator"),
            Some("codex-client-rs")
        );
        assert_eq!(
            one.body["client_metadata"]["root_turn_id"],
            one.body["client_metadata"]["turn_id"]
        );
    }
}

#[tokio::test]
async fn three_turns_with_tools_and_a_compaction_pass_over_a_socket() {
    let backend = Backend::start().await;
    let mut sockets = SocketSettings::default();
    sockets.transport = TransportChoice::WebSocket;
    let mut request = settings();
    request.tools = Some(vec![add().into()]);
    let mut session = client(&backend).session(request).over_sockets(sockets);
    assert!(session.warm_up().await.expect("a warm-up"));
    converse(&mut session).await;
    let stats = session.sockets().expect("sockets").stats();
    assert_eq!((stats.connections, stats.http_turns), (1, 0));
    let arrived = backend.arrived();
    let messages: Vec<Arrived> = arrived
        .iter()
        .filter(|one| one.kind == "message")
        .cloned()
        .collect();
    // The warm-up, then everything that it left out, then new items only; after the compaction,
    // everything once more.
    assert_eq!(inputs(&messages), [0, 3, 1, 1, 1, 6, 1]);
    let continues: Vec<bool> = messages
        .iter()
        .map(|one| one.body.get("previous_response_id").is_some())
        .collect();
    assert_eq!(continues, [false, true, true, true, true, false, true]);
    for one in &messages {
        assert!(
            !rules::is_announced_by_header(&one.headers),
            "a socket announces it in the body"
        );
    }
}

#[tokio::test]
async fn one_question_passes_and_says_who_asks() {
    let backend = Backend::start().await;
    let client = client(&backend);
    let request = settings().input("One?");
    client.create(&request).await.expect("an answer");
    client.create(&request).await.expect("an answer");
    assert_eq!(request, settings().input("One?"));
    let mut session = client.socket_session();
    session.create(&request).await.expect("an answer");
    session.create(&request).await.expect("an answer");
    let names: Vec<Option<String>> = backend
        .arrived()
        .iter()
        .map(|one| {
            let thread = rules::header(&one.headers, "thread-id").map(str::to_owned);
            assert_eq!(rules::header(&one.headers, "session-id"), thread.as_deref());
            assert_eq!(
                rules::header(&one.headers, "x-client-request-id"),
                thread.as_deref()
            );
            assert_eq!(
                one.body["client_metadata"]["thread_id"].as_str(),
                thread.as_deref()
            );
            // An id generated for a single request is not a cache key.
            let key = (one.kind == "message")
                .then_some(thread.as_deref())
                .flatten();
            assert_eq!(one.body["prompt_cache_key"].as_str(), key);
            thread
        })
        .collect();
    assert_ne!(names[0], names[1], "two questions are two conversations");
    assert_eq!(names[2], names[3], "a session of sockets is one");
    // The caller's own names stay.
    let identity = Identity::new()
        .session_id("session-7")
        .thread_id("thread-7")
        .request_id("request-7");
    client
        .create(&request)
        .identity(identity)
        .await
        .expect("an answer");
    let last = backend.arrived().pop().expect("a request");
    for (name, value) in [
        ("session-id", "session-7"),
        ("thread-id", "thread-7"),
        ("x-client-request-id", "request-7"),
    ] {
        assert_eq!(rules::header(&last.headers, name), Some(value));
    }
}

/// The refusal of the backend, in its own words.
fn refusal(result: Result<codex_types::Response, Error>) -> String {
    let error = result.expect_err("a refusal");
    assert_eq!(
        (error.kind(), error.status().map(|it| it.as_u16())),
        (ErrorKind::Status, Some(400))
    );
    error.api().expect("a reason").message.clone()
}

#[tokio::test]
async fn the_backend_refuses_what_it_is_said_to_refuse() {
    let backend = Backend::start().await;
    let client = client(&backend);
    let request = settings().input("One?");
    // A plain request for a model of Responses Lite, and the other way round.
    let plain = client.create(&request).form(RequestForm::Full).await;
    assert!(refusal(plain).contains("not supported"));
    let older = CreateResponse::new("gpt-5.5").input("One?");
    client.create(&older).await.expect("an answer");
    let lite = client.create(&older).form(RequestForm::Lite).await;
    assert!(refusal(lite).contains("not supported"));
    // The header without the form that it announces.
    for (name, value) in [
        ("parallel_tool_calls", "true"),
        ("reasoning", r#"{"effort":"low"}"#),
        ("tools", "[]"),
    ] {
        let value = RawJson::parse(value).expect("JSON");
        let lone = client.create(&request).parameter(name, value).await;
        assert!(refusal(lone).contains(name), "{name}");
    }
    // Old versions, in either place.
    for old in [
        builder(&backend).client_version("0.150.0"),
        builder(&backend).user_agent("ours/0.150.0"),
    ] {
        let old = old.build().expect("a client");
        assert!(refusal(old.create(&request).await).contains("newer version"));
        let mut sockets = SocketSettings::default();
        sockets.transport = TransportChoice::WebSocket;
        let mut session = codex_client::SocketSession::new(&old, sockets);
        assert!(refusal(session.create(&request).await).contains("newer version"));
    }
    let mut socket = client.socket_session();
    let plain = socket.create(&request).form(RequestForm::Full).await;
    assert!(refusal(plain).contains("not supported"));
}

#[tokio::test]
async fn a_hosted_tool_fails_by_name_before_anything_is_sent() {
    let backend = Backend::start().await;
    let request = settings()
        .input("One?")
        .tools([WebSearchTool::new().into()]);
    let error = client(&backend).create(&request).await.expect_err("unfit");
    assert_eq!(error.kind(), ErrorKind::Request);
    let source = std::error::Error::source(&error)
        .expect("a reason")
        .to_string();
    assert!(source.contains("rejected_tool at /tools/0"), "{source}");
    assert!(backend.arrived().is_empty());
}

#[tokio::test]
async fn the_list_of_models_chooses_the_form() {
    let backend = Backend::start().await;
    let client = client(&backend);
    let request = CreateResponse::new("gpt-8-new").input("One?");
    assert!(refusal(client.create(&request).await).contains("not supported"));
    client.models().await.expect("a list");
    client.create(&request).await.expect("an answer");
    let list = backend
        .arrived()
        .into_iter()
        .find(|one| one.kind == "GET")
        .expect("a list");
    assert!(
        list.target.ends_with("/models?client_version=0.171.0"),
        "{}",
        list.target
    );
    assert_eq!(rules::judge_version(&list.headers), Ok(()));
    // The caller's own model table counts as well.
    let mut models = codex_types::model_name::ModelTable::new();
    let mut entry = codex_types::model_name::ModelEntry::new("gpt-8-new");
    entry.responses_lite = Some(true);
    models.insert(entry);
    let informed = builder(&backend)
        .model_table(models)
        .build()
        .expect("a client");
    informed.create(&request).await.expect("an answer");
}

#[tokio::test]
async fn the_endpoint_for_compaction_gets_the_same_form() {
    let backend = Backend::start().await;
    let mut request = settings();
    request.tools = Some(vec![add().into()]);
    let mut session = client(&backend).session(request);
    session.run(&tools(), "One?").await.expect("an answer");
    session.compact().await.expect("a compaction");
    session.run(&tools(), "Two?").await.expect("an answer");
    let arrived = backend.arrived();
    let compaction = arrived.iter().find(|one| one.target.ends_with("/compact"));
    let compaction = compaction.expect("a request for compaction");
    assert_eq!(compaction.body["input"][0]["type"], "additional_tools");
}
