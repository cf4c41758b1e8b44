//! Requests that are passed through to the service unchanged.

use std::io::Write as _;

use codex_transport::testing::{Answer, Script};
use http::Request;
use serde_json::{Value, json};

use crate::process::*;

const CHAT: &str = "/v1/chat/completions";

fn chat(more: Value) -> Value {
    let mut request =
        json!({"model": "some-model", "messages": [{"role": "user", "content": "Why?"}]});
    for (key, value) in more.as_object().expect("an object") {
        request[key] = value.clone();
    }
    request
}

#[tokio::test]
async fn chats_go_to_the_endpoint_of_the_service() {
    let completion =
        r#"{"id":"chatcmpl-1","object":"chat.completion","choices":[],"of_tomorrow":1}"#;
    let server = service(
        Script::new()
            .route(
                "POST",
                CHAT,
                Answer::json(200, completion).header("x-request-id", "req_1"),
            )
            .route(
                "POST",
                CHAT,
                Answer::sse()
                    .event(r#"{"id":"chatcmpl-2"}"#)
                    .event("[DONE]"),
            ),
    );
    let gateway = Gateway::before(&server, &["--chat", "auto"]);
    let request = chat(json!({"stop": ["."], "seed": 7, "n": 2, "of_tomorrow": true}));
    let response = gateway.post(CHAT, &request).await;
    assert_eq!(header(&response, "x-request-id"), Some("req_1"));
    assert_eq!(text(response).await, completion);
    let streamed = gateway.post(CHAT, &chat(json!({"stream": true}))).await;
    assert_eq!(header(&streamed, "content-type"), Some("text/event-stream"));
    assert_eq!(
        data(&text(streamed).await),
        [r#"{"id":"chatcmpl-2"}"#, "[DONE]"]
    );
    let sent = &server.requests()[0];
    assert_eq!(sent.header("authorization"), Some("Bearer sk-invented"));
    let body: Value = serde_json::from_slice(&sent.body).expect("JSON");
    assert_eq!(body, request);
}

#[tokio::test]
async fn chats_are_translated_if_the_service_has_no_chat_endpoint() {
    let none = json!({"error": {"message": "Not Found", "type": "invalid_request_error", "code": null, "param": null}});
    let server = service(
        Script::new()
            .route("POST", CHAT, Answer::json(404, none.to_string()))
            .route("POST", "/v1/responses", answer().forever()),
    );
    let gateway = Gateway::before(&server, &["--chat", "auto"]);
    for _ in 0..2 {
        let completion = json_of(gateway.post(CHAT, &chat(json!({}))).await).await;
        assert_eq!(
            completion["choices"][0]["message"]["content"],
            "Because of the sun."
        );
    }
    let paths: Vec<String> = server
        .requests()
        .iter()
        .map(|it| it.path().to_owned())
        .collect();
    assert_eq!(paths, [CHAT, "/v1/responses", "/v1/responses"]);

    // A model that does not exist is a different error.
    let unknown = json!({"error": {"message": "no such model", "type": "invalid_request_error", "code": "model_not_found", "param": null}});
    let server = service(Script::new().route(
        "POST",
        CHAT,
        Answer::json(404, unknown.to_string()).forever(),
    ));
    let gateway = Gateway::before(&server, &["--chat", "auto"]);
    let response = gateway.post(CHAT, &chat(json!({}))).await;
    assert_eq!(response.status(), 404);
    assert_eq!(json_of(response).await, unknown);
}

#[tokio::test]
async fn allowed_paths_are_passed_through() {
    let list = r#"{"object":"list","data":[]}"#;
    let server = service(Script::new().rule(
        move |request: &codex_transport::testing::RecordedRequest| {
            Some(match request.path() {
                "/v1/audio/speech" => {
                    Answer::json(200, "\u{1}bytes").header("content-type", "audio/mpeg")
                }
                _ => Answer::json(200, list),
            })
        },
    ));
    let gateway = Gateway::before(
        &server,
        &["--deny-path", "files", "--allow-path", "/v1/fine_tuning"],
    );
    for (method, path, status) in [
        ("POST", "/v1/embeddings", 200),
        ("POST", "/v1/completions", 200),
        ("GET", "/v1/conversations/conv_1/items?limit=2", 200),
        ("DELETE", "/v1/conversations/conv_1", 200),
        ("GET", "/v1/fine_tuning/jobs", 200),
        ("POST", "/v1/audio/speech", 200),
        ("GET", "/v1/files", 404),
        ("GET", "/v1/files/file_1/content", 404),
        ("GET", "/v1/organization/users", 404),
        ("GET", "/v1/embeddings/../organization/users", 404),
        ("GET", "/v1/embeddings/%2e%2e/organization/users", 404),
        ("GET", "/v1/embeddingsx", 404),
    ] {
        let body = if method == "POST" { "{\"a\":1}" } else { "" };
        let response = send(gateway.request(method, path, body)).await;
        assert_eq!(response.status(), status, "{method} {path}");
        if path == "/v1/audio/speech" {
            assert_eq!(header(&response, "content-type"), Some("audio/mpeg"));
        }
        if status == 404 {
            let error = json_of(response).await["error"].clone();
            let message = error["message"].as_str().expect("a message");
            assert!(message.contains("--allow-path"), "{message}");
        }
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 6);
    assert_eq!(requests[2].uri, "/v1/conversations/conv_1/items?limit=2");
    assert_eq!(&requests[5].body[..], br#"{"a":1}"#);

    // The client chooses the form of a body.
    let mut upload = gateway.request("POST", "/v1/audio/transcriptions", "--b--");
    let kind = "multipart/form-data; boundary=b".parse().expect("a value");
    upload.headers_mut().insert("content-type", kind);
    send(upload).await;
    let sent = server.requests().pop().expect("a request");
    assert_eq!(
        sent.header("content-type"),
        Some("multipart/form-data; boundary=b")
    );
}

#[tokio::test]
async fn a_chatgpt_login_has_no_other_endpoints_and_says_so() {
    let server = service(Script::new());
    let gateway = Gateway::before(&server, &["--profile", "chatgpt"]);
    let response = gateway.post("/v1/embeddings", &json!({})).await;
    assert_eq!(response.status(), 404);
    let error = json_of(response).await["error"].clone();
    let message = error["message"].as_str().expect("a message");
    assert!(
        message.contains("an API key") && message.contains("/v1/chat/completions"),
        "{message}"
    );
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn errors_of_the_chatgpt_backend_have_the_form_of_the_api() {
    const COMPACT: &str = "/v1/responses/compact";
    let compacted = r#"{"output":[]}"#;
    let missing = r#"{"detail":"Not Found"}"#;
    let refused = r#"{"detail":"Unsupported parameter: model"}"#;
    let server = service(
        Script::new()
            .route("POST", COMPACT, Answer::json(200, compacted))
            .route(
                "POST",
                COMPACT,
                Answer::json(404, missing).header("x-request-id", "req_1"),
            )
            .route("POST", COMPACT, Answer::json(400, refused))
            .route("POST", COMPACT, Answer::json(401, missing)),
    );
    let gateway = Gateway::before(&server, &["--profile", "chatgpt"]);
    let body = json!({"model": "some-model", "input": []});
    // The endpoint is used where it exists.
    assert_eq!(text(gateway.post(COMPACT, &body).await).await, compacted);
    for (status, code, message) in [
        (404, json!("not_found"), COMPACT),
        (400, Value::Null, "Unsupported parameter: model"),
        (
            401,
            json!("upstream_credentials"),
            "credentials of the gateway",
        ),
    ] {
        let response = gateway.post(COMPACT, &body).await;
        assert_eq!(response.status(), status);
        if status == 404 {
            assert_eq!(header(&response, "x-request-id"), Some("req_1"));
        }
        let error = json_of(response).await["error"].clone();
        assert_eq!(error["code"], code, "{error}");
        assert!(
            error["type"]
                .as_str()
                .is_some_and(|kind| kind.ends_with("_error"))
        );
        let text = error["message"].as_str().expect("a message");
        assert!(text.contains(message), "{text}");
    }
}

#[tokio::test]
async fn inputs_may_refer_to_files_of_a_compatible_service() {
    let server = service(Script::new().route("POST", "/v1/responses", answer()));
    let gateway = Gateway::before(&server, &[]);
    let content = json!([{"type": "input_file", "file_id": "file_1"}]);
    let request = json!({"model": "some-model", "input": [{"role": "user", "content": content}]});
    assert_eq!(gateway.post("/v1/responses", &request).await.status(), 200);
    let sent: Value = serde_json::from_slice(&server.requests()[0].body).expect("JSON");
    assert_eq!(sent["input"][0]["content"], content);
}

#[tokio::test]
async fn a_silent_service_ends_what_is_passed_through_too() {
    let server = service(
        Script::new()
            .answer(Answer::silence())
            .answer(Answer::sse().event("{}").stall()),
    );
    let gateway = Gateway::before(&server, &["--chat", "pass", "--idle-timeout", "0.3"]);
    let response = gateway.post(CHAT, &chat(json!({}))).await;
    assert_eq!(response.status(), 504);
    assert_eq!(json_of(response).await["error"]["code"], "upstream_timeout");
    // A response that has begun is cut off, so that its client does not take it as complete.
    let mut body = gateway
        .post(CHAT, &chat(json!({"stream": true})))
        .await
        .into_body();
    let mut is_cut = false;
    while let Some(chunk) = body.chunk().await {
        is_cut = chunk.is_err();
    }
    assert!(is_cut);
}

#[tokio::test]
async fn odd_statuses_of_the_service_are_its_errors() {
    for status in [302, 304, 600, 999] {
        let server = service(
            Script::new().answer(
                Answer::json(status, "{}")
                    .header("location", "/elsewhere")
                    .forever(),
            ),
        );
        let gateway = Gateway::before(&server, &["--chat", "pass"]);
        for (path, body) in [
            ("/v1/embeddings", json!({})),
            (CHAT, chat(json!({}))),
            (
                "/v1/responses",
                json!({"model": "some-model", "input": "Why?"}),
            ),
        ] {
            let response = gateway.post(path, &body).await;
            assert_eq!(response.status(), 502, "{status} {path}");
            let error = json_of(response).await["error"].clone();
            assert_eq!(error["type"], "server_error", "{error}");
        }
    }
}

#[tokio::test]
async fn compressed_requests_are_accepted_within_limits() {
    let server = service(Script::new().answer(answer().forever()));
    let gateway = Gateway::before(&server, &["--max-body", "100000"]);
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).expect("compressed");
        encoder.finish().expect("compressed")
    };
    let zstd = |bytes: &[u8]| zstd::stream::encode_all(bytes, 3).expect("compressed");
    let plain = json!({"model": "some-model", "input": "Why?"}).to_string();
    let bomb = vec![b' '; 10_000_000];
    let post = async |coding: &str, body: Vec<u8>| {
        let mut request: Request<bytes::Bytes> = gateway.request("POST", "/v1/responses", body);
        let coding = coding.parse().expect("a value");
        request.headers_mut().insert("content-encoding", coding);
        send(request).await.status().as_u16()
    };
    assert_eq!(post("gzip", gzip(plain.as_bytes())).await, 200);
    assert_eq!(post("zstd", zstd(plain.as_bytes())).await, 200);
    assert_eq!(post("identity", plain.clone().into_bytes()).await, 200);
    assert_eq!(post("gzip", gzip(&bomb)).await, 413);
    assert_eq!(post("zstd", zstd(&bomb)).await, 413);
    assert_eq!(post("gzip", plain.clone().into_bytes()).await, 400);
    assert_eq!(post("br", plain.clone().into_bytes()).await, 415);
    assert_eq!(post("gzip, zstd", gzip(plain.as_bytes())).await, 415);
    for request in server.requests() {
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        assert_eq!(body["input"], "Why?");
    }
}

#[tokio::test]
async fn headers_about_the_request_go_on_where_the_profile_has_them() {
    let server = service(Script::new().answer(answer().forever()));
    let ask = async |profile: &str, headers: &[(&'static str, &str)], body: Value| {
        let gateway = Gateway::before(&server, &["--profile", profile]);
        let mut request = gateway.request("POST", "/v1/responses", body.to_string());
        for (name, value) in headers {
            let value = value.parse().expect("a value");
            request.headers_mut().insert(*name, value);
        }
        assert_eq!(send(request).await.status(), 200);
        server.requests().pop().expect("a request")
    };
    let body = json!({"model": "some-model", "input": "Why?"});
    let headers = [
        ("openai-organization", "org-1"),
        ("openai-project", "proj-1"),
    ];
    let sent = ask("platform", &headers, body.clone()).await;
    assert_eq!(sent.header("openai-organization"), Some("org-1"));
    assert_eq!(sent.header("openai-project"), Some("proj-1"));
    let headers = [
        ("x-codex-turn-state", "state-1"),
        ("version", "0.999.0"),
        ("x-codex-window-id", "window-1"),
        ("openai-organization", "org-1"),
    ];
    let sent = ask("chatgpt", &headers, body).await;
    assert_eq!(sent.header("x-codex-turn-state"), Some("state-1"));
    assert_eq!(sent.header("version"), Some("0.999.0"));
    assert_eq!(sent.header("x-codex-window-id"), Some("window-1"));
    assert_eq!(sent.header("openai-organization"), None);
    const LITE: &str = "x-openai-internal-codex-responses-lite";
    assert_eq!(sent.header(LITE), None);
    let tools = json!({"type": "additional_tools", "role": "developer", "tools": []});
    let lite = json!({"model": "some-model", "input": [tools, {"role": "user", "content": "Why?"}], "parallel_tool_calls": false, "reasoning": {"context": "all_turns"}, "store": false, "stream": true});
    let sent = ask("chatgpt", &[(LITE, "true")], lite).await;
    assert_eq!(sent.header(LITE), Some("true"));
}

#[tokio::test]
async fn head_is_answered_like_get_without_a_body() {
    let models = r#"{"object":"list","data":[{"id":"some-model","object":"model","created":1,"owned_by":"openai"}]}"#;
    let server =
        service(Script::new().route("GET", "/v1/models", Answer::json(200, models).forever()));
    let gateway = Gateway::before(&server, &[]);
    for path in ["/healthz", "/v1/models", "/v1/models/some-model", "/"] {
        let response = send(gateway.request("HEAD", path, "")).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(text(response).await, "");
    }
}

#[tokio::test]
async fn credentials_that_the_service_repeats_go_nowhere() {
    let echo = "your key sk-invented is sk-invented";
    let error = json!({"error": {"message": echo, "type": "invalid_request_error", "code": "sk-invented", "param": null}}).to_string();
    let event = delta(1, echo);
    // The end of a chunk cuts one of the echoes.
    let (start, end) = event.split_at(event.find("vented").expect("the key"));
    let stream = Answer::sse()
        .header("x-request-id", "req-sk-invented")
        .header("x-codex-echo", "sk-invented")
        .event(created())
        .body(format!("data: {start}"))
        .body(format!("{end}\n\n"))
        .event(completed());
    let server = service(
        Script::new()
            .route("POST", "/v1/responses", stream.times(2))
            .route("POST", "/v1/responses", Answer::json(400, error.clone()).times(2))
            .route("POST", "/v1/embeddings", Answer::json(200, echo))
            .route("POST", "/v1/files", Answer::json(400, error.clone()))
            .route("POST", "/v1/files", Answer::json(401, error))
            .route("GET", "/v1/models", Answer::json(200, r#"{"object":"list","data":[{"id":"sk-invented","object":"model","created":1,"owned_by":"x"}]}"#)),
    );
    let gateway = Gateway::before(&server, &[]);
    let streamed = json!({"model": "some-model", "input": "Why?", "stream": true});
    let chat = chat(json!({"stream": true}));
    for (method, path, body) in [
        ("POST", "/v1/responses", streamed.to_string()),
        ("POST", CHAT, chat.to_string()),
        ("POST", "/v1/responses", streamed.to_string()),
        ("POST", CHAT, chat.to_string()),
        ("POST", "/v1/embeddings", "{}".to_owned()),
        ("POST", "/v1/files", "{}".to_owned()),
        ("POST", "/v1/files", "{}".to_owned()),
        ("GET", "/v1/models", String::new()),
    ] {
        let response = send(gateway.request(method, path, body)).await;
        let head = format!("{:?}", response.headers());
        let body = text(response).await;
        assert!(!head.contains("sk-invented"), "{path}: {head}");
        assert!(!body.contains("sk-invented"), "{path}: {body}");
        assert!(body.contains("[redacted]"), "{path}: {body}");
    }
}
