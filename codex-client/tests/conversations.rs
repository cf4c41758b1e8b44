//! Conversations that the server stores: where each call goes, what it sends, and what a session
//! that continues one adds to it.

use codex_client::{Client, ErrorKind, ItemQuery, Session};
use codex_transport::testing::{Answer, LoopbackServer, Script};
use codex_types::profile::Profile;
use codex_types::{
    CreateConversation, CreateResponse, FunctionCallOutput, Include, InputItem, Map, Message,
};
use serde_json::{Value, json};

use crate::kit::{self, body};

fn start(script: Script) -> (LoopbackServer, Client) {
    kit::start(script, |client| client.profile(Profile::platform()))
}

fn conversation(project: &str) -> Answer {
    let metadata = json!({"project": project});
    let body = json!({"id": "conv_1", "object": "conversation", "created_at": 1_790_000_000, "metadata": metadata});
    Answer::json(200, body.to_string())
}

fn items(ids: &[&str]) -> Answer {
    let items: Vec<Value> = ids.iter().map(|id| stored(id)).collect();
    let last = ids.last();
    let page = json!({"object": "list", "data": items, "first_id": ids.first(), "last_id": last, "has_more": false});
    Answer::json(200, page.to_string())
}

fn stored(id: &str) -> Value {
    json!({"type": "message", "id": id, "role": "user", "status": "completed", "content": [{"type": "input_text", "text": "Hello"}]})
}

fn question(text: &str) -> InputItem {
    Message::user(text).into()
}

#[tokio::test]
async fn each_call_has_its_method_path_and_body() {
    let script = Script::new()
        .answer(conversation("blue"))
        .answer(conversation("blue"))
        .answer(conversation("red"))
        .answer(items(&["msg_1", "msg_2"]))
        .answer(items(&["msg_1"]))
        .answer(Answer::json(200, stored("msg_1").to_string()))
        .answer(conversation("red"))
        .answer(Answer::json(
            200,
            r#"{"id":"conv_1","object":"conversation.deleted","deleted":true}"#,
        ));
    let (server, client) = start(script);

    let request = CreateConversation::new()
        .items([question("Hello")])
        .metadata(Map::from_iter([("project", "blue")]));
    let created = client.create_conversation(&request).await.expect("created");
    assert_eq!(
        (created.id.as_str(), created.created_at.as_u64()),
        ("conv_1", Some(1_790_000_000))
    );

    let conversation = client.conversation(&created.id);
    let found = conversation.retrieve().await.expect("found");
    assert_eq!(found, created);
    let metadata = Map::from_iter([("project", "red")]);
    let updated = conversation
        .update(metadata.clone())
        .await
        .expect("updated");
    assert_eq!(updated.metadata, metadata);
    let include = [Include::ReasoningEncryptedContent];
    let two = [question("One"), question("Two")];
    let added = conversation.add_items(two, &include).await.expect("added");
    assert_eq!(added.data.len(), 2);
    let query = ItemQuery::new()
        .limit(1)
        .newest_first(true)
        .after("msg_2")
        .include(Include::InputImageUrl);
    let page = conversation.items(&query).await.expect("a page");
    assert_eq!(page.data[0].id(), Some("msg_1"));
    let item = conversation.item("msg_1", &include).await.expect("an item");
    assert_eq!(item.id(), Some("msg_1"));
    let left = conversation.delete_item("msg_1").await.expect("deleted");
    assert_eq!(left.id, "conv_1");
    assert!(conversation.delete().await.expect("deleted").deleted);

    let requests = server.requests();
    let lines: Vec<String> = requests
        .iter()
        .map(|request| format!("{} {}", request.method, request.uri))
        .collect();
    let encrypted = "include[]=reasoning.encrypted_content";
    assert_eq!(
        lines,
        [
            "POST /v1/conversations".to_owned(),
            "GET /v1/conversations/conv_1".to_owned(),
            "POST /v1/conversations/conv_1".to_owned(),
            format!("POST /v1/conversations/conv_1/items?{encrypted}"),
            "GET /v1/conversations/conv_1/items?limit=1&order=desc&after=msg_2&include[]=message.input_image.image_url".to_owned(),
            format!("GET /v1/conversations/conv_1/items/msg_1?{encrypted}"),
            "DELETE /v1/conversations/conv_1/items/msg_1".to_owned(),
            "DELETE /v1/conversations/conv_1".to_owned(),
        ]
    );
    let message = |text| json!({"type": "message", "role": "user", "content": text});
    assert_eq!(
        body(&requests[0]),
        json!({"items": [message("Hello")], "metadata": {"project": "blue"}})
    );
    assert_eq!(body(&requests[2]), json!({"metadata": {"project": "red"}}));
    assert_eq!(
        body(&requests[3]),
        json!({"items": [message("One"), message("Two")]})
    );
    assert!(requests[7].body.is_empty());
}

#[tokio::test]
async fn items_are_never_added_twice() {
    let broken = || Answer::json(503, r#"{"error":{"message":"busy"}}"#).header("retry-after", "0");
    let (server, client) = start(Script::new().answer(broken()).answer(items(&["msg_1"])));
    let conversation = client.conversation("conv_1");
    let added = conversation.add_items([question("Hello")], &[]).await;
    assert_eq!(added.expect_err("busy").kind(), ErrorKind::Status);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn ids_that_would_change_the_path_are_not_sent() {
    let (server, client) = start(Script::new());
    for id in ["", "..", "conv_1/items", "conv_1?x=1"] {
        let conversation = client.conversation(id);
        let error = conversation.retrieve().await.expect_err("no id");
        assert_eq!(error.kind(), ErrorKind::Request, "{id:?}");
        let item = client.conversation("conv_1").delete_item(id).await;
        assert_eq!(
            item.expect_err("no id").kind(),
            ErrorKind::Request,
            "{id:?}"
        );
    }
    assert!(server.requests().is_empty());
}

fn answered(id: &str, output: &Value) -> String {
    kit::completed(id, [output])
}

fn says(text: &str) -> Value {
    kit::message("msg_1", text)
}

fn call() -> Value {
    kit::call("call_1", "now", "{}")
}

fn noon() -> InputItem {
    FunctionCallOutput::new("noon").call_id("call_1").into()
}

/// Returns the texts, outputs and types of the input.
fn input(body: &Value) -> Vec<String> {
    let text = |item: &Value| {
        let of = [
            &item["content"],
            &item["content"][0]["text"],
            &item["output"],
            &item["type"],
        ];
        of.iter()
            .find_map(|it| it.as_str())
            .expect("a text or a type")
            .to_owned()
    };
    body["input"]
        .as_array()
        .expect("items")
        .iter()
        .map(text)
        .collect()
}

fn settings() -> CreateResponse {
    CreateResponse::new("some-model").conversation("conv_1")
}

/// Asks three times, with a failure and a tool in between.
async fn talk(session: &mut Session) {
    session.ask("One?").await.expect("an answer");
    session.ask("Two?").await.expect_err("a refusal");
    session.ask("Two, please?").await.expect("an answer");
    let turn = session.follow_up([noon()]).await.expect("a turn");
    turn.finish().await.expect("an answer");
}

const NEW: [&[&str]; 4] = [
    &["My name is Ada.", "One?"],
    &["Two?"],
    &["Two, please?"],
    &["noon"],
];

#[tokio::test]
async fn a_session_adds_only_what_the_conversation_lacks() {
    let answer = |output: &Value| Answer::sse().event(answered("resp_1", output));
    let refusal = r#"{"error":{"message":"no","type":"invalid_request_error"}}"#;
    let script = Script::new()
        .answer(answer(&says("One.")))
        .answer(Answer::json(400, refusal))
        .answer(answer(&call()))
        .answer(answer(&says("Noon.")))
        .answer(answer(&says("Yes.")))
        .answer(answer(&says("Here.")));
    let (server, client) = start(script);
    let settings = settings().input([question("My name is Ada.")]);
    let mut session = client.session(settings);
    talk(&mut session).await;
    assert_eq!(session.history().count(), 7);
    // Another process continues it.
    let saved = session.to_json().expect("JSON");
    let mut session = Session::from_json(&client, &saved).expect("a session");
    session.ask("Sure?").await.expect("an answer");
    // Another conversation has no items yet.
    session.settings_mut().conversation = Some("conv_2".into());
    session.ask("And here?").await.expect("an answer");

    let bodies: Vec<Value> = server.requests().iter().map(body).collect();
    let sent: Vec<_> = bodies.iter().map(input).collect();
    assert_eq!(sent[..4], NEW);
    assert_eq!(sent[4], ["Sure?"]);
    assert_eq!(sent[5].len(), 10);
    assert!(
        bodies[..5]
            .iter()
            .all(|body| body["conversation"] == "conv_1")
    );
    assert_eq!(bodies[5]["conversation"], "conv_2");
}

#[cfg(feature = "ws")]
#[tokio::test]
async fn a_socket_adds_only_what_the_conversation_lacks() {
    let refusal = json!({"type": "error", "status": 400, "error": {"type": "invalid_request_error", "message": "no"}});
    let refused = Answer::websocket()
        .receive()
        .event(answered("resp_1", &says("One.")))
        .receive()
        .event(refusal.to_string());
    let answer = Answer::websocket()
        .receive()
        .event(answered("resp_2", &call()))
        .receive()
        .event(answered("resp_3", &says("Noon.")));
    let script =
        Script::new()
            .route("GET", "/v1/responses", refused)
            .route("GET", "/v1/responses", answer);
    let (server, client) = start(script);
    let settings = settings().input([question("My name is Ada.")]);
    let session = client.session(settings);
    let mut session = session.over_sockets(codex_client::SocketSettings::default());
    assert!(!session.warm_up().await.expect("nothing to do"));
    talk(&mut session).await;
    let messages = server.messages();
    let parse = |text: &[u8]| -> Value { serde_json::from_slice(text).expect("JSON") };
    let bodies: Vec<Value> = messages
        .iter()
        .map(|message| parse(&message.text))
        .collect();
    let sent: Vec<_> = bodies.iter().map(input).collect();
    assert_eq!(sent, NEW);
    for body in &bodies {
        assert_eq!(body["conversation"], "conv_1");
        assert!(body.get("previous_response_id").is_none());
    }
}

#[tokio::test]
async fn an_interrupted_tool_is_answered_in_the_conversation() {
    let answer = |output: &Value| Answer::sse().event(answered("resp_1", output));
    let (server, client) = start(
        Script::new()
            .answer(answer(&call()))
            .answer(answer(&says("Well."))),
    );
    let mut session = client.session(settings());
    session.ask("What time is it?").await.expect("a call");
    session.ask("Never mind.").await.expect("an answer");
    let sent = input(&body(&server.requests()[1]));
    assert_eq!(sent.len(), 2);
    assert!(sent[0].starts_with("No output of this call"), "{sent:?}");
    assert_eq!(sent[1], "Never mind.");
}

#[tokio::test]
async fn a_repair_leaves_what_the_conversation_has() {
    let answer = Answer::sse().event(answered("resp_1", &call()));
    let (server, client) = start(Script::new().answer(answer.clone()).answer(answer));
    let mut session = client.session(settings());
    session.ask("What time is it?").await.expect("a call");
    assert!(session.repair().expect("items").is_empty());
    assert_eq!(session.history().count(), 2);
    for error in [
        session.compact().await.expect_err("not here"),
        session.compact_by_trigger().await.expect_err("not here"),
        session
            .compact_by_summary("Short.")
            .await
            .expect_err("not here"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Request);
        assert_eq!(
            error.to_string(),
            "a conversation of the service cannot be compacted"
        );
    }
    assert_eq!(server.requests().len(), 1);
    // A conversation without these items gets the repaired ones.
    session.settings_mut().conversation = Some("conv_2".into());
    let findings = session.repair().expect("items");
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_ne!(session.history().count(), 2);
}
