use codex_transport::testing::{Answer, Gate, Script};
use codex_transport::{HyperTransport, Upgrade, WsConnection, WsTransport as _};
use http::Request;
use serde_json::{Value, json};

use crate::process::*;

const PATIENCE: core::time::Duration = core::time::Duration::from_secs(20);

fn upgrade(gateway: &Gateway) -> Request<()> {
    Request::get(format!("{}/v1/responses", gateway.url))
        .header("authorization", format!("Bearer {TOKEN}"))
        .body(())
        .expect("a request")
}

pub(crate) async fn connect(gateway: &Gateway) -> WsConnection {
    let transport = HyperTransport::new().expect("a transport");
    match transport.connect(upgrade(gateway)).await {
        Ok(Upgrade::Accepted(socket, _)) => socket,
        other => panic!("no socket: {other:?}"),
    }
}

pub(crate) async fn say(socket: &mut WsConnection, message: Value) {
    socket.send(message.to_string()).await.expect("sent");
}

async fn hear(socket: &mut WsConnection) -> Value {
    let hearing = tokio::time::timeout(PATIENCE, socket.next()).await;
    let message = hearing
        .expect("something to hear")
        .expect("a message")
        .expect("no error");
    serde_json::from_slice(&message).expect("JSON")
}

/// Returns everything up to the end of a response, or to an error.
pub(crate) async fn hear_all(socket: &mut WsConnection) -> Vec<Value> {
    let mut events = Vec::new();
    loop {
        let event = hear(socket).await;
        let kind = event["type"].as_str().expect("a type").to_owned();
        events.push(event);
        if ["response.completed", "error"].contains(&kind.as_str()) {
            return events;
        }
    }
}

pub(crate) fn create(more: Value) -> Value {
    let mut event = json!({"type": "response.create", "model": "some-model", "input": "Why?"});
    for (key, value) in more.as_object().expect("an object") {
        event[key] = value.clone();
    }
    event
}

fn turns(count: usize) -> Answer {
    (0..count).fold(Answer::websocket(), |answer, _| {
        answer
            .receive()
            .event(created())
            .event(delta(1, "Because."))
            .event(completed())
    })
}

/// With the profile of the platform, which has WebSockets.
fn platform() -> [&'static str; 2] {
    ["--profile", "platform"]
}

#[tokio::test]
async fn turns_go_from_socket_to_socket() {
    let server = service(Script::new().answer(turns(2)));
    let gateway = Gateway::before(&server, &platform());
    let mut socket = connect(&gateway).await;
    say(&mut socket, create(json!({"a_new_parameter": [1]}))).await;
    let events = hear_all(&mut socket).await;
    assert_eq!(events.len(), 3);
    assert_eq!(events[1]["delta"], "Because.");
    // A client that knows the state of the service sends only new items.
    say(
        &mut socket,
        create(json!({"previous_response_id": "resp_1", "input": "And?"})),
    )
    .await;
    hear_all(&mut socket).await;
    let messages: Vec<Value> = server
        .messages()
        .iter()
        .map(|message| serde_json::from_slice(&message.text).expect("JSON"))
        .collect();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0]["a_new_parameter"], json!([1]));
    assert_eq!(messages[1]["previous_response_id"], "resp_1");
    assert_eq!(messages[1]["input"], "And?");
    let upgrades = server.requests();
    assert_eq!(upgrades.len(), 1);
    assert_eq!(
        upgrades[0].header("authorization"),
        Some("Bearer sk-invented")
    );
}

#[tokio::test]
async fn a_service_without_sockets_is_asked_over_http() {
    let server = service(
        Script::new()
            .route("GET", "/v1/responses", Answer::status(426).forever())
            .route("POST", "/v1/responses", answer().forever()),
    );
    let gateway = Gateway::before(&server, &platform());
    let mut socket = connect(&gateway).await;
    for _ in 0..2 {
        say(&mut socket, create(json!({}))).await;
        let events = hear_all(&mut socket).await;
        assert_eq!(events.len(), 4);
        assert_eq!(events[3]["type"], "response.completed");
    }
}

#[tokio::test]
async fn lanes_run_side_by_side() {
    let gate = Gate::new();
    let held = Answer::websocket()
        .receive()
        .event(created())
        .gate(&gate)
        .event(completed());
    let server = service(Script::new().answer(held).answer(turns(1)));
    let gateway = Gateway::before(&server, &platform());
    let mut socket = connect(&gateway).await;
    say(&mut socket, create(json!({"stream_id": "one"}))).await;
    let event = hear(&mut socket).await;
    assert_eq!(
        (&event["type"], &event["stream_id"]),
        (&json!("response.created"), &json!("one"))
    );
    say(&mut socket, create(json!({"stream_id": "two"}))).await;
    for event in hear_all(&mut socket).await {
        assert_eq!(event["stream_id"], "two", "{event}");
    }
    gate.open();
    for event in hear_all(&mut socket).await {
        assert_eq!(event["stream_id"], "one", "{event}");
    }
    assert_eq!(
        server.requests().len(),
        2,
        "each lane has a socket of its own"
    );
    say(&mut socket, create(json!({"stream_id": "not a name"}))).await;
    let error = hear(&mut socket).await;
    assert_eq!(error["error"]["code"], "invalid_stream_id");
}

#[tokio::test]
async fn a_lane_answers_in_order_and_can_be_steered() {
    let steered_end = ending(
        "incomplete",
        json!({"incomplete_details": {"reason": "steered"}}),
    );
    let gate = Gate::new();
    let steered = Answer::websocket()
        .receive()
        .event(created())
        .receive()
        .event(json!({"type": "response.steer.accepted", "sequence_number": 1, "steer": {"id": "steer_1", "previous_response_id": "resp_1"}}).to_string())
        .event(steered_end)
        .gate(&gate)
        .event(created().replace("resp_1", "resp_2"))
        .event(completed().replace("resp_1", "resp_2"))
        .receive()
        .event(created())
        .event(completed());
    let server = service(Script::new().answer(steered));
    let gateway = Gateway::before(&server, &platform());
    let mut socket = connect(&gateway).await;
    say(&mut socket, create(json!({}))).await;
    hear(&mut socket).await;
    say(
        &mut socket,
        json!({"type": "response.steer", "previous_response_id": "resp_1", "input": "Shorter."}),
    )
    .await;
    say(&mut socket, create(json!({"input": "next"}))).await;
    let accepted = hear(&mut socket).await;
    assert_eq!(accepted["type"], "response.steer.accepted");
    assert_eq!(hear(&mut socket).await["type"], "response.incomplete");
    gate.open();
    hear_all(&mut socket).await;
    hear_all(&mut socket).await;
    let messages: Vec<Value> = server
        .messages()
        .iter()
        .map(|message| serde_json::from_slice(&message.text).expect("JSON"))
        .collect();
    assert_eq!(messages[1]["type"], "response.steer");
    assert_eq!(messages[1]["input"], "Shorter.");
    assert_eq!(messages[2]["input"], "next");
}

#[tokio::test]
async fn errors_are_events_and_the_socket_goes_on() {
    let refused = json!({"error": {"message": "invented", "type": "tokens", "param": null, "code": "rate_limit_exceeded"}});
    let server = service(
        Script::new()
            .route(
                "GET",
                "/v1/responses",
                Answer::json(429, refused.to_string()).header("retry-after", "7"),
            )
            .route("GET", "/v1/responses", turns(1)),
    );
    let gateway = Gateway::before(&server, &platform());
    let mut socket = connect(&gateway).await;
    for (message, code) in [
        ("{", "invalid_json"),
        (
            r#"{"type":"response.steer","previous_response_id":"resp_1","input":"x"}"#,
            "unsupported_event",
        ),
        (r#"{"type":"response.of_tomorrow"}"#, "unsupported_event"),
    ] {
        socket.send(message).await.expect("sent");
        let error = hear(&mut socket).await;
        assert_eq!(error["type"], "error");
        assert_eq!(error["status"], 400);
        assert_eq!(error["error"]["code"], code);
    }
    say(&mut socket, create(json!({}))).await;
    let error = hear(&mut socket).await;
    assert_eq!(error["status"], 429, "{error}");
    assert_eq!(error["error"], refused["error"]);
    assert_eq!(error["headers"]["retry-after"], "7");
    say(&mut socket, create(json!({}))).await;
    assert_eq!(hear_all(&mut socket).await.len(), 3);
}

#[tokio::test]
async fn a_socket_that_breaks_in_an_answer_is_an_error_event() {
    let cut = Answer::websocket()
        .receive()
        .event(created())
        .event(delta(1, "half"))
        .close(1011);
    let server = service(Script::new().answer(cut));
    let gateway = Gateway::before(&server, &platform());
    let mut socket = connect(&gateway).await;
    say(&mut socket, create(json!({}))).await;
    let events = hear_all(&mut socket).await;
    assert_eq!(events.len(), 3);
    assert_eq!(events[2]["status"], 502);
    assert_eq!(events[2]["error"]["type"], "server_error");
}

#[tokio::test]
async fn a_client_that_leaves_closes_the_socket_at_the_service() {
    let stalled = Answer::websocket().receive().event(created());
    let server = service(Script::new().answer(stalled));
    let gateway = Gateway::before(&server, &platform());
    let mut socket = connect(&gateway).await;
    say(&mut socket, create(json!({}))).await;
    hear(&mut socket).await;
    assert!(server.closed_sockets().is_empty());
    drop(socket);
    eventually("the socket is closed", || {
        server.closed_sockets().len() == 1
    })
    .await;
}

#[tokio::test]
async fn turns_over_sockets_count_as_requests() {
    let gate = Gate::new();
    let held = Answer::websocket()
        .receive()
        .event(created())
        .gate(&gate)
        .event(completed());
    let server = service(Script::new().answer(held));
    let gateway = Gateway::before(&server, &["--profile", "platform", "--requests", "1"]);
    let mut socket = connect(&gateway).await;
    say(&mut socket, create(json!({"stream_id": "one"}))).await;
    hear(&mut socket).await;
    say(&mut socket, create(json!({"stream_id": "two"}))).await;
    let error = hear(&mut socket).await;
    assert_eq!(error["error"]["code"], "rate_limit_exceeded");
    assert_eq!(
        (&error["status"], &error["stream_id"]),
        (&json!(429), &json!("two"))
    );
    gate.open();
    hear_all(&mut socket).await;
    // The number of sockets is limited like that of requests.
    let transport = HyperTransport::new().expect("a transport");
    match transport.connect(upgrade(&gateway)).await {
        Ok(Upgrade::Refused(answer)) => assert_eq!(answer.status(), 429),
        other => panic!("{other:?}"),
    }
    drop(socket);
    eventually_connects(&gateway).await;
}

async fn eventually_connects(gateway: &Gateway) {
    let transport = HyperTransport::new().expect("a transport");
    for _ in 0..1000 {
        if let Ok(Upgrade::Accepted(..)) = transport.connect(upgrade(gateway)).await {
            return;
        }
        tokio::time::sleep(core::time::Duration::from_millis(10)).await;
    }
    panic!("no room for another socket");
}

#[tokio::test]
async fn stopping_finishes_turns_and_says_goodbye() {
    let gate = Gate::new();
    let held = Answer::websocket()
        .receive()
        .event(created())
        .gate(&gate)
        .event(completed());
    let server = service(Script::new().answer(held));
    let mut gateway = Gateway::before(&server, &platform());
    let mut socket = connect(&gateway).await;
    let mut idle = connect(&gateway).await;
    say(&mut socket, create(json!({}))).await;
    hear(&mut socket).await;
    gateway.interrupt();
    let goodbye = idle.next().await.expect("an end").expect_err("closed");
    assert_eq!(goodbye.close_code(), Some(1001));
    gate.open();
    assert_eq!(hear(&mut socket).await["type"], "response.completed");
    let goodbye = socket.next().await.expect("an end").expect_err("closed");
    assert_eq!(goodbye.close_code(), Some(1001));
    assert!(gateway.ends_within(std::time::Duration::from_secs(10)));
}

#[tokio::test]
async fn upgrades_are_guarded_like_requests() {
    let gateway = Gateway::start(&[]);
    let transport = HyperTransport::new().expect("a transport");
    for (name, value, status) in [
        ("authorization", "Bearer another-token-of-somebody", 401),
        ("origin", "https://evil.example", 403),
    ] {
        let mut request = upgrade(&gateway);
        let value = value.parse().expect("a value");
        request.headers_mut().insert(name, value);
        match transport.connect(request).await {
            Ok(Upgrade::Refused(answer)) => assert_eq!(answer.status(), status),
            other => panic!("{name}: {other:?}"),
        }
    }
    let plain = gateway.get("/v1/responses").await;
    assert_eq!(plain.status(), 426);
}
