//! Responses that a request continues although the service does not keep them.

use codex_transport::testing::{Answer, LoopbackServer, Script};
use codex_transport::{HyperTransport, Upgrade, WsConnection, WsTransport as _};
use http::Request;
use serde_json::{Value, json};

use crate::process::*;

async fn connect(gateway: &Gateway) -> WsConnection {
    let request = Request::get(format!("{}/v1/responses", gateway.url))
        .header("authorization", format!("Bearer {TOKEN}"))
        .body(())
        .expect("a request");
    let transport = HyperTransport::new().expect("a transport");
    match transport.connect(request).await {
        Ok(Upgrade::Accepted(socket, _)) => socket,
        other => panic!("no socket: {other:?}"),
    }
}

/// Sends a request and returns the last event of its response.
async fn turn(socket: &mut WsConnection, request: Value) -> Value {
    socket.send(request.to_string()).await.expect("sent");
    loop {
        let message = socket.next().await.expect("a message").expect("no error");
        let event: Value = serde_json::from_slice(&message).expect("JSON");
        let kind = event["type"].as_str().expect("a type");
        if ["response.completed", "response.failed", "error"].contains(&kind) {
            return event;
        }
    }
}

fn create(input: &str, previous: Option<&str>, more: Value) -> Value {
    let mut event = json!({"type": "response.create", "model": "some-model", "input": input});
    if let Some(previous) = previous {
        event["previous_response_id"] = json!(previous);
    }
    for (key, value) in more.as_object().expect("an object") {
        event[key] = value.clone();
    }
    event
}

/// Returns the response with this id, whose text is the id.
fn response(id: &str) -> Answer {
    let output = json!([
        {"type": "reasoning", "id": format!("rs_{id}"), "summary": []},
        {"type": "message", "id": format!("msg_{id}"), "status": "completed", "role": "assistant", "content": [{"type": "output_text", "text": id, "annotations": []}]},
    ]);
    Answer::sse()
        .event(created().replace("resp_1", id))
        .event(ending("completed", json!({"id": id, "output": output})))
}

fn bodies(server: &LoopbackServer) -> Vec<Value> {
    let requests = server.requests();
    let posts = requests.iter().filter(|request| request.method == "POST");
    posts
        .map(|request| match request.header("content-encoding") {
            Some("zstd") => zstd::decode_all(&request.body[..]).expect("zstd"),
            _ => request.body.to_vec(),
        })
        .map(|body| serde_json::from_slice(&body).expect("JSON"))
        .collect()
}

/// Returns the texts of the items of a request, in order.
fn texts(body: &Value) -> Vec<String> {
    let input = body["input"].as_array().expect("items");
    let text = |item: &Value| match &item["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect(),
        _ => item["type"].as_str().unwrap_or_default().to_owned(),
    };
    input.iter().map(text).collect()
}

#[tokio::test]
async fn a_socket_continues_its_responses_over_http() {
    for profile in ["compatible", "chatgpt"] {
        let script = Script::new()
            .route("GET", "/v1/responses", Answer::status(426).forever())
            .route("POST", "/v1/responses", response("resp_1"))
            .route("POST", "/v1/responses", response("resp_2"))
            .route("POST", "/v1/responses", response("resp_3"));
        let server = service(script);
        let gateway = Gateway::before(&server, &["--profile", profile]);
        let mut socket = connect(&gateway).await;
        let without = json!({"store": false});
        turn(&mut socket, create("one", None, without.clone())).await;
        let second = create("two", Some("resp_1"), without.clone());
        assert_eq!(
            turn(&mut socket, second).await["type"],
            "response.completed"
        );
        // A branch of the first, on another stream.
        let third = json!({"store": false, "stream_id": "other"});
        turn(&mut socket, create("three", Some("resp_1"), third)).await;
        let bodies = bodies(&server);
        assert_eq!(bodies.len(), 3, "{profile}");
        for (body, last) in [(&bodies[1], "two"), (&bodies[2], "three")] {
            assert_eq!(body.get("previous_response_id"), None, "{body}");
            let texts = texts(body);
            let said: Vec<&str> = texts.iter().map(String::as_str).collect();
            match profile {
                // A service that keeps nothing cannot look up reasoning that it did not encrypt.
                "chatgpt" => assert_eq!(said, ["one", "resp_1", last]),
                _ => assert_eq!(said, ["one", "reasoning", "resp_1", last]),
            }
        }
    }
}

#[tokio::test]
async fn an_unknown_response_is_the_error_of_the_service() {
    let server = service(Script::new().answer(response("resp_1")));
    let gateway = Gateway::before(&server, &[]);
    let mut first = connect(&gateway).await;
    turn(&mut first, create("one", None, json!({}))).await;
    let mut other = connect(&gateway).await;
    // The response belongs to the other socket.
    let error = turn(&mut other, create("two", Some("resp_1"), json!({}))).await;
    assert_eq!(error["type"], "error");
    assert_eq!(error["status"], 400);
    assert_eq!(error["error"]["code"], "previous_response_not_found");
    assert_eq!(error["error"]["param"], "previous_response_id");
    assert_eq!(bodies(&server).len(), 1);
}

#[tokio::test]
async fn preparing_works_without_sockets() {
    let server = service(
        Script::new()
            .route("GET", "/v1/responses", Answer::status(426).forever())
            .route("POST", "/v1/responses", response("resp_1")),
    );
    let gateway = Gateway::before(&server, &["--profile", "chatgpt"]);
    let mut socket = connect(&gateway).await;
    let ended = turn(
        &mut socket,
        create("rules", None, json!({"generate": false})),
    )
    .await;
    assert_eq!(ended["type"], "response.completed", "{ended}");
    assert_eq!(ended["response"]["output"], json!([]));
    let id = ended["response"]["id"].as_str().expect("an id");
    let ended = turn(&mut socket, create("one", Some(id), json!({}))).await;
    assert_eq!(ended["response"]["id"], "resp_1");
    assert_eq!(texts(&bodies(&server)[0]), ["rules", "one"]);
}

#[tokio::test]
async fn a_socket_of_the_service_that_is_lost_loses_nothing() {
    let completed = |id: &str| ending("completed", json!({"id": id}));
    let lost = json!({"type": "error", "status": 400, "error": {"type": "invalid_request_error", "code": "previous_response_not_found", "message": "Previous response with id 'resp_1' not found.", "param": "previous_response_id"}});
    let server = service(
        Script::new()
            .answer(
                Answer::websocket()
                    .receive()
                    .event(created())
                    .event(completed("resp_1"))
                    .receive()
                    .event(lost.to_string()),
            )
            .answer(
                Answer::websocket()
                    .receive()
                    .event(created())
                    .event(completed("resp_2")),
            ),
    );
    let gateway = Gateway::before(&server, &["--profile", "platform"]);
    let mut socket = connect(&gateway).await;
    turn(&mut socket, create("one", None, json!({"store": false}))).await;
    let ended = turn(
        &mut socket,
        create("two", Some("resp_1"), json!({"store": false})),
    )
    .await;
    assert_eq!(ended["response"]["id"], "resp_2", "{ended}");
    let messages: Vec<Value> = server
        .messages()
        .iter()
        .map(|message| serde_json::from_slice(&message.text).expect("JSON"))
        .collect();
    assert_eq!(messages[1]["previous_response_id"], "resp_1");
    assert_eq!(messages[2].get("previous_response_id"), None);
    assert_eq!(texts(&messages[2]).len(), 3, "{}", messages[2]);
}

#[tokio::test]
async fn responses_are_remembered_on_demand() {
    const OTHER: &str = "a-token-of-another-client";
    let server = service(
        Script::new()
            .answer(response("resp_1"))
            .answer(response("resp_2"))
            .answer(response("resp_3")),
    );
    let more = ["--profile", "chatgpt", "--remember", "2", "--bearer", OTHER];
    let gateway = Gateway::before(&server, &more);
    let ask = async |body: Value| gateway.post("/v1/responses", &body).await;
    let first =
        ask(json!({"model": "some-model", "input": "one", "stream": true, "store": true})).await;
    assert_eq!(first.status(), 200);
    text(first).await;
    let second =
        ask(json!({"model": "some-model", "input": "two", "previous_response_id": "resp_1"})).await;
    let changes = second.headers().get_all("x-gateway-changed").iter();
    let mut changes = changes.filter_map(|change| change.to_str().ok());
    assert!(changes.any(|change| change == "/previous_response_id expanded"));
    assert_eq!(json_of(second).await["id"], "resp_2");
    assert_eq!(texts(&bodies(&server)[1]), ["one", "resp_1", "two"]);

    let kept = gateway.get("/v1/responses/resp_2").await;
    assert_eq!(header(&kept, "x-gateway-source"), Some("memory"));
    assert_eq!(
        json_of(kept).await["output"][1]["content"][0]["text"],
        "resp_2"
    );
    let items = json_of(gateway.get("/v1/responses/resp_2/input_items").await).await;
    assert_eq!(items["data"].as_array().map(Vec::len), Some(3), "{items}");

    // Another client cannot use it.
    let mut request = gateway.request("GET", "/v1/responses/resp_2", "");
    let token = format!("Bearer {OTHER}").parse().expect("a value");
    request.headers_mut().insert("authorization", token);
    assert_eq!(send(request).await.status(), 404);

    // A third response replaces the first in memory.
    text(ask(json!({"model": "some-model", "input": "three"})).await).await;
    assert_eq!(gateway.get("/v1/responses/resp_1").await.status(), 404);
    let lost =
        ask(json!({"model": "some-model", "input": "two", "previous_response_id": "resp_1"})).await;
    assert_eq!(lost.status(), 400);
    assert_eq!(
        json_of(lost).await["error"]["code"],
        "previous_response_not_found"
    );

    let deleted = send(gateway.request("DELETE", "/v1/responses/resp_2", "")).await;
    assert_eq!(json_of(deleted).await["deleted"], true);
    assert_eq!(gateway.get("/v1/responses/resp_2").await.status(), 404);
}

#[tokio::test]
async fn without_memory_the_refusal_names_the_flag() {
    let server = service(Script::new());
    for more in [
        &["--profile", "chatgpt"][..],
        &["--profile", "chatgpt", "--lenient"],
    ] {
        let gateway = Gateway::before(&server, more);
        for (name, value, hint) in [
            ("previous_response_id", json!("resp_1"), "--remember"),
            (
                "conversation",
                json!("conv_1"),
                "send the whole conversation",
            ),
            ("background", json!(true), "omit the parameter"),
        ] {
            let mut request = json!({"model": "some-model", "input": "two"});
            request[name] = value;
            let response = gateway.post("/v1/responses", &request).await;
            assert_eq!(response.status(), 400, "{name}");
            let error = json_of(response).await["error"].clone();
            assert_eq!(error["param"], name, "{error}");
            let message = error["message"].as_str().expect("a message");
            assert!(
                message.starts_with(name) && message.contains(hint),
                "{message}"
            );
        }
        let kept = gateway.get("/v1/responses/resp_1").await;
        assert_eq!(kept.status(), 404);
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_stream_without_the_final_output_ends_with_it() {
    let item = json!({"type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
        "content": [{"type": "output_text", "text": "Because.", "annotations": []}]});
    let done = json!({"type": "response.output_item.done", "output_index": 0, "item": item});
    let answer = || {
        Answer::sse()
            .event(created())
            .event(done.to_string())
            .event(ending("completed", json!({"output": []})))
    };
    let server = service(Script::new().route("POST", "/v1/responses", answer().forever()));
    let gateway = Gateway::before(&server, &["--profile", "chatgpt"]);
    let request = json!({"model": "some-model", "input": "Why?", "stream": true});
    let body = text(gateway.post("/v1/responses", &request).await).await;
    let last = body
        .lines()
        .rfind(|line| line.starts_with("data: "))
        .expect("an event");
    let last: Value = serde_json::from_str(&last[6..]).expect("JSON");
    assert_eq!(last["type"], "response.completed");
    assert_eq!(
        last["response"]["output"][0]["content"][0]["text"],
        "Because."
    );
    let mut socket = connect(&gateway).await;
    let last = turn(&mut socket, create("Why?", None, json!({}))).await;
    assert_eq!(
        last["response"]["output"][0]["content"][0]["text"],
        "Because."
    );
}

#[tokio::test]
async fn what_the_service_stores_too_is_deleted_there_as_well() {
    let deleted = json!({"id": "one", "object": "response", "deleted": true}).to_string();
    let server = service(
        Script::new()
            .route("POST", "/v1/responses", response("one").forever())
            .route("DELETE", "/v1/responses/one", Answer::json(200, deleted)),
    );
    let more = ["--profile", "platform", "--remember", "2"];
    let gateway = Gateway::before(&server, &more);
    let request = json!({"model": "some-model", "input": "Why?"});
    text(gateway.post("/v1/responses", &request).await).await;
    let answer = send(gateway.request("DELETE", "/v1/responses/one", "")).await;
    assert_eq!(answer.status(), 200);
    let requests = server.requests();
    let last = requests.last().expect("a request");
    assert_eq!(
        (last.method.as_str(), last.path()),
        ("DELETE", "/v1/responses/one")
    );
}

#[tokio::test]
async fn a_remembered_response_is_streamed_on_demand() {
    let server = service(Script::new().route("POST", "/v1/responses", response("one").forever()));
    let gateway = Gateway::before(&server, &["--profile", "chatgpt", "--remember", "2"]);
    let request = json!({"model": "some-model", "input": "Why?"});
    text(gateway.post("/v1/responses", &request).await).await;
    let answer = gateway.get("/v1/responses/one?stream=true").await;
    assert_eq!(
        answer.headers()["content-type"],
        "text/event-stream; charset=utf-8"
    );
    let body = text(answer).await;
    assert!(body.contains("event: response.output_text.delta"), "{body}");
    assert!(body.contains("event: response.completed"), "{body}");
}
