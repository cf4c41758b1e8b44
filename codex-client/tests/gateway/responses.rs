use codex_transport::testing::{Answer, Script};
use serde_json::{Value, json};

use crate::process::*;

#[tokio::test]
async fn events_and_requests_pass_whole() {
    let server = service(Script::new().answer(answer()));
    // This profile lists what is documented; anything newer is passed on too.
    let gateway = Gateway::before(&server, &["--profile", "platform"]);
    let request = json!({"model": "some-model", "input": [{"type": "message", "role": "user", "content": "Why?"}, {"type": "of_tomorrow", "x": 1}], "stream": true, "a_new_parameter": {"deep": [1]}});
    let response = gateway.post("/v1/responses", &request).await;
    assert_eq!(response.status(), 200);
    assert_eq!(
        header(&response, "content-type"),
        Some("text/event-stream; charset=utf-8")
    );
    assert_eq!(header(&response, "x-request-id"), Some("req_1"));
    assert_eq!(header(&response, "openai-model"), Some("some-model-1"));
    assert_eq!(header(&response, "set-cookie"), None);
    assert_eq!(header(&response, "x-gateway-changed"), None);
    let stream = text(response).await;
    assert!(
        stream.starts_with("event: response.created\ndata: {"),
        "{stream}"
    );
    let events: Vec<Value> = data(&stream)
        .into_iter()
        .map(|data| serde_json::from_str(data).expect("JSON"))
        .collect();
    let kinds: Vec<&str> = events
        .iter()
        .map(|event| event["type"].as_str().expect("a type"))
        .collect();
    assert_eq!(
        kinds,
        [
            "response.created",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.completed"
        ]
    );
    let sent = &server.requests()[0];
    assert_eq!(sent.header("authorization"), Some("Bearer sk-invented"));
    assert!(
        sent.header("user-agent")
            .is_some_and(|agent| agent.starts_with("codex-client-rs-gateway/"))
    );
    let body: Value = serde_json::from_slice(&sent.body).expect("JSON");
    assert_eq!(body, request);
}

/// An event without a name, over several lines.
const SPREAD: &str = "data: {\"type\":\"response.spread\",\ndata: \"x\": [1,\ndata: 2]}\n\n";

#[tokio::test]
async fn what_has_no_name_here_is_passed_on_too() {
    let unknown = r#"{"type":"response.of_tomorrow","sequence_number":3,"thing":{"a":[1,2.50]}}"#;
    let known = r#"{"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"!","obfuscation":"xx","of_tomorrow":true}"#;
    let undecodable = "{this is not JSON";
    let script = Answer::sse()
        .event(created())
        .events([unknown, known])
        .body(format!("data: {undecodable}\n\n"))
        .body("data: {\"type\":\"a\\ndata: {}\\n\\nevent: b\",\"x\":1}\n\n")
        .body(SPREAD)
        .event(completed());
    let server = service(Script::new().answer(script));
    let gateway = Gateway::before(&server, &[]);
    let request = json!({"model": "some-model", "input": "Why?", "stream": true});
    let stream = text(gateway.post("/v1/responses", &request).await).await;
    let data = data(&stream);
    // Events that need no change keep their form, too.
    assert!(stream.contains(SPREAD), "{stream}");
    let same = |left: &str, right: &str| {
        let value = |text| serde_json::from_str::<Value>(text).expect("JSON");
        assert_eq!(value(left), value(right));
    };
    same(data[1], unknown);
    assert!(data[1].contains("2.50"), "numbers keep their spelling");
    same(data[2], known);
    assert_eq!(data[3], undecodable);
    assert!(stream.contains("event: response.of_tomorrow\n"));
    // A type with a line feed must not start another field.
    assert!(data[4].starts_with(r#"{"type":"a\n"#), "{stream}");
    let is_forged = |line: &str| line.starts_with("event: a") || line.starts_with("event: b");
    assert!(!stream.lines().any(is_forged), "{stream}");
}

#[tokio::test]
async fn a_whole_response_is_asked_for_without_stream() {
    let server = service(Script::new().answer(answer().times(2)));
    let gateway = Gateway::before(&server, &[]);
    // Base URLs are given with and without the version.
    for path in ["/v1/responses", "/responses"] {
        let response = gateway
            .post(path, &json!({"model": "some-model", "input": "Why?"}))
            .await;
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "content-type"), Some("application/json"));
        assert_eq!(header(&response, "x-request-id"), Some("req_1"));
        let response = json_of(response).await;
        assert_eq!(response["id"], "resp_1");
        assert_eq!(
            response["output"][0]["content"][0]["text"],
            "Because of the sun."
        );
        assert_eq!(response["usage"]["total_tokens"], 7);
    }
}

#[tokio::test]
async fn a_stream_parameter_that_is_not_a_boolean_is_refused_by_name() {
    let server = service(Script::new().answer(answer().times(2)));
    let gateway = Gateway::before(&server, &[]);
    for (stream, status) in [(json!("yes"), 400), (json!(null), 200), (json!(false), 200)] {
        let request = json!({"model": "some-model", "input": "Why?", "stream": stream});
        let response = gateway.post("/v1/responses", &request).await;
        assert_eq!(response.status(), status, "{stream}");
        if status == 400 {
            let error = &json_of(response).await["error"];
            assert_eq!(error["param"], "stream");
            assert_eq!(error["message"], "stream must be a boolean");
        }
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn failed_and_incomplete_are_responses_that_say_so() {
    let failed = ending(
        "failed",
        json!({"error": {"code": "server_error", "message": "invented"}}),
    );
    let incomplete = ending(
        "incomplete",
        json!({"incomplete_details": {"reason": "max_output_tokens"}}),
    );
    let server = service(
        Script::new()
            .answer(Answer::sse().event(created()).event(failed))
            .answer(Answer::sse().event(created()).event(incomplete)),
    );
    let gateway = Gateway::before(&server, &[]);
    let request = json!({"model": "some-model", "input": "Why?"});
    let response = gateway.post("/v1/responses", &request).await;
    assert_eq!(response.status(), 200);
    let response = json_of(response).await;
    assert_eq!(response["status"], "failed");
    assert_eq!(response["error"]["code"], "server_error");
    let response = json_of(gateway.post("/v1/responses", &request).await).await;
    assert_eq!(response["status"], "incomplete");
    assert_eq!(
        response["incomplete_details"]["reason"],
        "max_output_tokens"
    );
}

#[tokio::test]
async fn a_background_response_is_answered_when_it_has_begun() {
    let queued = created().replace("in_progress", "queued");
    let server = service(Script::new().answer(Answer::sse().event(queued).stall()));
    let gateway = Gateway::before(&server, &[]);
    let request = json!({"model": "some-model", "input": "Why?", "background": true});
    let response = json_of(gateway.post("/v1/responses", &request).await).await;
    assert_eq!(response["id"], "resp_1");
    assert_eq!(response["status"], "queued");
}

#[tokio::test]
async fn kept_responses_are_for_the_service_to_answer() {
    let server = service(Script::new().rule(|request| {
        let body = json!({"method": request.method.as_str(), "target": request.uri.to_string()});
        Some(Answer::json(200, body.to_string()).header("x-request-id", "req_2"))
    }));
    let gateway = Gateway::before(&server, &[]);
    for (method, path) in [
        ("GET", "/v1/responses/resp_1"),
        ("GET", "/v1/responses/resp_1?stream=true&starting_after=4"),
        ("DELETE", "/v1/responses/resp_1"),
        ("POST", "/v1/responses/resp_1/cancel"),
        ("GET", "/v1/responses/resp_1/input_items?limit=2"),
        ("POST", "/v1/responses/input_tokens"),
        ("POST", "/v1/responses/compact"),
    ] {
        let response = send(gateway.request(method, path, "{}")).await;
        assert_eq!(response.status(), 200, "{method} {path}");
        assert_eq!(header(&response, "x-request-id"), Some("req_2"));
        let answer = json_of(response).await;
        assert_eq!(answer, json!({"method": method, "target": path}));
    }
    assert!(
        server
            .requests()
            .iter()
            .all(|request| request.header("authorization") == Some("Bearer sk-invented"))
    );
    for path in [
        "/v1/responses/../files",
        "/v1/responses/a%2Fb",
        "/v1/organization/users",
    ] {
        let response = gateway.get(path).await;
        assert_eq!(response.status(), 404, "{path}");
        assert_eq!(json_of(response).await["error"]["code"], "not_found");
    }
    assert_eq!(server.requests().len(), 7);
}

#[tokio::test]
async fn models_have_the_shape_of_the_platform() {
    let list = json!({"object": "list", "data": [{"id": "some-model", "object": "model", "created": 5, "owned_by": "somebody", "more": 1}]});
    let catalog = json!({"models": [{"slug": "other-model", "display_name": "Other"}]});
    let server = service(
        Script::new()
            .route("GET", "/v1/models", Answer::json(200, list.to_string()))
            .route("GET", "/v1/models", Answer::json(200, catalog.to_string())),
    );
    let gateway = Gateway::before(&server, &[]);
    assert_eq!(json_of(gateway.get("/v1/models").await).await, list);
    let model = json_of(gateway.get("/v1/models/some-model").await).await;
    assert_eq!(model, list["data"][0]);
    let missing = gateway.get("/v1/models/no-model").await;
    assert_eq!(missing.status(), 404);
    let id = header(&missing, "x-request-id").unwrap_or_default();
    assert!(id.starts_with("gateway_"), "{id}");
    let error = json_of(missing).await["error"].clone();
    assert_eq!(error["code"], "model_not_found");
    assert_eq!(error["param"], "model");
    let message = error["message"].as_str().expect("a message");
    assert!(message.contains("no-model"), "{message}");

    let gateway = Gateway::before(&server, &[]);
    let models = json_of(gateway.get("/models").await).await;
    assert_eq!(models["object"], "list");
    assert_eq!(models["data"][0]["id"], "other-model");
    assert_eq!(models["models"][0]["display_name"], "Other");
}

#[tokio::test]
async fn without_credentials_an_embedded_server_answers() {
    let gateway = Gateway::start(&[]);
    let request = json!({"model": "gpt-5.5", "input": [{"role": "user", "content": "My name is Ada."}, {"role": "user", "content": "My name?"}]});
    let response = json_of(gateway.post("/v1/responses", &request).await).await;
    assert_eq!(
        response["output"][1]["content"][0]["text"],
        "That was question 2. Before it you said: My name is Ada."
    );
}

#[tokio::test]
async fn a_response_in_one_piece_is_streamed_as_events() {
    let event: Value = serde_json::from_str(&completed()).expect("JSON");
    let document = event["response"].to_string();
    let server = service(Script::new().answer(Answer::json(200, document)));
    let gateway = Gateway::before(&server, &[]);
    let request = json!({"model": "some-model", "input": "Why?", "stream": true});
    let stream = text(gateway.post("/v1/responses", &request).await).await;
    let events: Vec<Value> = data(&stream)
        .into_iter()
        .map(|data| serde_json::from_str(data).expect("JSON"))
        .collect();
    let deltas: String = events
        .iter()
        .filter_map(|event| event["delta"].as_str())
        .collect();
    assert_eq!(deltas, "Because of the sun.");
    let last = events.last().expect("an event");
    assert_eq!(last["type"], "response.completed");
    assert_eq!(last["response"]["usage"]["total_tokens"], 7);
}
