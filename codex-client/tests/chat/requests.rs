//! Single requests: how the API is detected, what is refused before anything is sent, and chat
//! calls.

use core::error::Error as _;

use codex_client::transport::RetryPolicy;
use codex_client::transport::testing::{Answer, LoopbackServer, Script};
use codex_client::types::chat::{ChatMessage, ChatRequest};
use codex_client::types::lint::FindingCode;
use codex_client::types::profile::{ChatDialect, FitPolicy, OnFinding, Profile, Unfit};
use codex_client::types::{
    CompactRequest, CreateResponse, InputTokensRequest, RawJson, ResponseEvent, Streaming, Tool,
};
use codex_client::{Client, ErrorKind};
use serde_json::{Value, json};

use crate::chat::suite::client_for;
use crate::chat::upstream;

fn request() -> CreateResponse {
    CreateResponse::new("some-model").input("Hi")
}

async fn found(client: &Client) -> Vec<FindingCode> {
    let created = client
        .create_with_meta(&request())
        .await
        .expect("a response");
    assert_eq!(created.response.output_text(), "All is well.");
    created
        .findings
        .iter()
        .map(|finding| finding.code)
        .collect()
}

#[tokio::test]
async fn a_server_without_the_responses_api_is_detected_once() {
    let (server, refused, _) = upstream::start(ChatDialect::generic());
    let client = Client::builder()
        .base_url(server.url("/v1"))
        .build()
        .expect("a client");
    for _ in 0..2 {
        assert!(found(&client).await.contains(&FindingCode::ChatServer));
    }
    let paths: Vec<String> = server
        .requests()
        .iter()
        .map(|request| request.path().to_owned())
        .collect();
    let chat = "/v1/chat/completions";
    assert_eq!(paths, ["/v1/responses", chat, chat]);
    assert!(client.last_failure().is_none(), "nothing failed");
    assert!(refused.lock().expect("a lock").is_empty());

    let error = client
        .count_input_tokens(&InputTokensRequest::new("some-model"))
        .await;
    assert_eq!(
        error.expect_err("not offered").kind(),
        ErrorKind::NotOffered
    );
    let error = client.compact(&CompactRequest::new("some-model")).await;
    assert_eq!(
        error.expect_err("not offered").kind(),
        ErrorKind::NotOffered
    );
    let error = client.retrieve("resp_1").await;
    assert_eq!(
        error.expect_err("not offered").kind(),
        ErrorKind::NotOffered
    );
    assert_eq!(server.requests().len(), 3, "nothing was sent");
}

/// The parameters that the official client of the API sends for a recent model.
#[tokio::test]
async fn requests_of_the_official_client_work_on_every_server() {
    let body = json!({
        "model": "some-model",
        "instructions": "You are an agent.",
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}],
        "tools": [
            {"type": "function", "name": "exec_command", "strict": false, "parameters": {"type": "object", "properties": {"cmd": {"type": "string"}}, "required": ["cmd"], "additionalProperties": false}},
            {"type": "custom", "name": "apply_patch", "description": "Edits files.", "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}},
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": true,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "store": false,
        "stream": true,
        "include": ["reasoning.encrypted_content"],
        "service_tier": "priority",
        "prompt_cache_key": "01a226b0-084c-7631-a447-4777b6579651",
        "text": {"verbosity": "low"},
        "client_metadata": {"x-codex-installation-id": "01a226b0-084c-7631-a447-4777b6579651"},
    });
    let request: CreateResponse = serde_json::from_value(body).expect("a request");
    for name in ChatDialect::NAMES {
        let dialect = ChatDialect::by_name(name).expect("a row");
        let (server, refused, _) = upstream::start(dialect.clone());
        let client = client_for(&dialect, server.url("/v1"));
        let created = client.create_with_meta(&request).await;
        let created = created.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!created.response.output.is_empty(), "{name}");
        assert!(refused.lock().expect("a lock").is_empty(), "{name}");
        let sent = &upstream::bodies(&server)[0];
        let is_reported = |place: &str| {
            let mut findings = created.findings.iter();
            findings.any(|finding| finding.pointer == place)
        };
        for (key, place) in [
            ("verbosity", "/text/verbosity"),
            ("service_tier", "/service_tier"),
        ] {
            assert_ne!(sent[key].is_null(), !is_reported(place), "{name}: {key}");
        }
    }
}

#[tokio::test]
async fn a_missing_model_is_no_missing_api() {
    let missing =
        json!({"error": {"message": "The model does not exist", "code": "model_not_found"}});
    for (profile, body) in [
        (None, missing.to_string()),
        (
            Some(Profile::platform()),
            r#"{"detail":"Not Found"}"#.to_owned(),
        ),
    ] {
        let server = LoopbackServer::start(Script::new().answer(Answer::json(404, body).forever()));
        let server = server.expect("a loopback server");
        let mut builder = Client::builder().base_url(server.url("/v1"));
        if let Some(profile) = profile {
            builder = builder.profile(profile);
        }
        let client = builder
            .retry(RetryPolicy::none())
            .build()
            .expect("a client");
        let error = client.create(&request()).await.expect_err("an error");
        assert_eq!(error.kind(), ErrorKind::Status);
        assert_eq!(server.requests().len(), 1);
        assert!(client.last_failure().is_some());
    }
}

#[tokio::test]
async fn hosted_tools_are_refused_by_name_before_anything_is_sent() {
    let dialect = ChatDialect::by_name("mistral").expect("a row");
    let (server, _, _) = upstream::start(dialect.clone());
    let client = client_for(&dialect, server.url("/v1"));
    let tool = |json: &str| -> Tool { serde_json::from_str(json).expect("a tool") };
    let mut request = request();
    request.tools = Some(vec![tool(r#"{"type":"web_search"}"#)]);
    let error = client.create(&request).await.expect_err("an error");
    assert_eq!(error.kind(), ErrorKind::Request);
    let source = std::error::Error::source(&error)
        .expect("a source")
        .to_string();
    assert!(source.contains("tools[0] (web_search)"), "{source}");
    assert!(server.requests().is_empty());

    let policy = FitPolicy::new().on(FindingCode::RejectedTool, OnFinding::Strip);
    let created = client
        .create_with_meta(&request)
        .fit(policy)
        .await
        .expect("a response");
    let dropped = created
        .findings
        .iter()
        .find(|finding| finding.code == FindingCode::RejectedTool);
    assert_eq!(dropped.expect("a diagnostic").pointer, "/tools/0");
}

#[tokio::test]
async fn tools_of_agents_are_translated_back() {
    let dialect = ChatDialect::generic();
    let calls = json!([
        {"index": 0, "id": "c1", "function": {"name": "apply_patch", "arguments": "{\"type\":\"delete_file\",\"path\":\"a\"}"}},
        {"index": 1, "id": "c2", "function": {"name": "local_shell", "arguments": "{\"command\":[\"ls\"]}"}},
        {"index": 2, "id": "c3", "function": {"name": "files__read", "arguments": "{}"}},
        {"index": 3, "id": "c4", "function": {"name": "local_shell", "arguments": "ls"}},
        {"index": 4, "id": "c5", "function": {"name": "run", "arguments": "{\"input\":\"a\\n"}},
        {"index": 4, "function": {"arguments": "b\"}"}},
    ]);
    let mut answer = Answer::sse();
    for call in calls.as_array().expect("calls") {
        let chunk = json!({"id": "x", "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]});
        answer = answer.event(chunk.to_string());
    }
    let end =
        json!({"id": "x", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]});
    let answer = answer.event(end.to_string()).event("[DONE]");
    let server = LoopbackServer::start(Script::new().answer(answer)).expect("a server");
    let client = client_for(&dialect, server.url("/v1"));
    let tools = json!([
        {"type": "apply_patch"}, {"type": "local_shell"},
        {"type": "namespace", "name": "files", "description": "Files.", "tools": [{"type": "function", "name": "read", "parameters": {"type": "object"}, "strict": false}]},
        {"type": "custom", "name": "run", "format": {"type": "grammar", "syntax": "lark", "definition": "start: /a+/"}},
    ]);
    let mut request = request();
    request.tools = Some(serde_json::from_value(tools).expect("tools"));
    let mut stream = client.stream(&request).await.expect("a stream");
    let (mut deltas, mut added, mut done) = (Vec::new(), 0, Vec::new());
    while let Some(event) = stream.next().await {
        let event = event.expect("an event");
        match &event {
            ResponseEvent::CustomToolCallInputDelta(delta) => {
                deltas.push(delta.delta().to_owned());
            }
            ResponseEvent::OutputItemAdded(_) => added += 1,
            ResponseEvent::OutputItemDone(event) => done.push(event.item.clone()),
            _ => {}
        }
    }
    assert_eq!(deltas, ["a\n", "b"]);
    let output: Value = serde_json::to_value(&stream.snapshot().output).expect("JSON");
    let expected = json!([
        {"type": "apply_patch_call", "id": "apc_c1", "call_id": "c1", "status": "completed", "operation": {"type": "delete_file", "path": "a"}},
        {"type": "local_shell_call", "id": "lsh_c2", "call_id": "c2", "status": "completed", "action": {"type": "exec", "command": ["ls"]}},
        {"type": "function_call", "id": "fc_c3", "call_id": "c3", "status": "completed", "name": "read", "namespace": "files", "arguments": "{}"},
        {"type": "function_call", "id": "fc_c4", "call_id": "c4", "status": "completed", "name": "local_shell", "arguments": "ls"},
        {"type": "custom_tool_call", "id": "ctc_c5", "call_id": "c5", "status": "completed", "name": "run", "input": "a\nb"},
    ]);
    assert_eq!(output, expected);
    assert_eq!(added, 5);
    assert_eq!(serde_json::to_value(&done).expect("JSON"), expected);
    let sent = &upstream::bodies(&server)[0]["tools"];
    let names: Vec<&str> = sent
        .as_array()
        .expect("tools")
        .iter()
        .map(|tool| tool["function"]["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(names, ["apply_patch", "local_shell", "files__read", "run"]);
    let description = sent[3]["function"]["description"].as_str().expect("text");
    assert!(description.contains("start: /a+/"));
}

#[tokio::test]
async fn parameters_of_the_call_go_over_the_chat_request() {
    let dialect = ChatDialect::generic();
    let (server, _, _) = upstream::start(dialect.clone());
    let client = client_for(&dialect, server.url("/v1"));
    let seed = RawJson::parse("0.5").expect("JSON");
    client
        .create(&request())
        .parameter("temperature", seed)
        .await
        .expect("a response");
    assert_eq!(upstream::bodies(&server)[0]["temperature"], 0.5);
}

#[tokio::test]
async fn a_response_repeats_its_request() {
    let (server, _, _) = upstream::start(ChatDialect::generic());
    // The server is detected with the first request.
    let client = Client::builder().base_url(server.url("/v1")).build();
    let client = client.expect("a client");
    let request = request().instructions("Be brief.").max_output_tokens(64);
    for streaming in [Streaming::Yes, Streaming::No] {
        let response = client.create(&request).streaming(streaming).await;
        let response = response.expect("a response");
        assert_eq!(response.instructions, Some("Be brief.".into()));
        assert_eq!(response.max_output_tokens, Some(64));
        let text = RawJson::encode(&response.text).expect("JSON");
        assert_eq!(text.as_str(), r#"{"format":{"type":"text"}}"#);
    }
}

#[tokio::test]
async fn chat_is_sent_as_it_is_or_translated() {
    let dialect = ChatDialect::generic();
    let (server, _, faults) = upstream::start(dialect.clone());
    let client = client_for(&dialect, server.url("/v1"));
    let request = ChatRequest::new("some-model", [ChatMessage::user("Hi")]);
    let text = |completion: &codex_client::types::chat::ChatResponse| {
        let content = completion.choices[0].message.content.as_ref();
        content.map(|content| content.to_text())
    };
    let completion = client.chat(&request).await.expect("a completion");
    assert_eq!(text(&completion).as_deref(), Some("All is well."));

    faults
        .lock()
        .expect("a lock")
        .push(upstream::Fault::ErrorChunk);
    let mut stream = client.chat_stream(&request).await.expect("a stream");
    let (mut said, mut usage) = (String::new(), None);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.expect("a chunk");
        for choice in &chunk.choices {
            said.push_str(choice.delta.content.as_deref().unwrap_or_default());
        }
        usage = chunk.usage.map(|usage| usage.total_tokens).or(usage);
    }
    assert_eq!((said.as_str(), usage), ("All is well.", Some(15)));

    // A server of the Responses API.
    let done = r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"All is well.","annotations":[]}]}]}}"#;
    let script = Script::new().answer(Answer::sse().event(done).times(2));
    let server = LoopbackServer::start(script).expect("a loopback server");
    let client = Client::builder()
        .base_url(server.url("/v1"))
        .profile(Profile::platform())
        .build()
        .expect("a client");
    let completion = client.chat(&request).await.expect("a completion");
    assert_eq!(text(&completion).as_deref(), Some("All is well."));
    let mut stream = client.chat_stream(&request).await.expect("a stream");
    let mut said = String::new();
    while let Some(chunk) = stream.next().await {
        for choice in &chunk.expect("a chunk").choices {
            said.push_str(choice.delta.content.as_deref().unwrap_or_default());
        }
    }
    assert_eq!(said, "All is well.");
    assert!(
        server
            .requests()
            .iter()
            .all(|it| it.path() == "/v1/responses")
    );
}

#[tokio::test]
async fn errors_name_the_parameters_of_the_chat_request() {
    let refused = json!({"error": {"type": "invalid_request_error", "param": "text.format.schema", "message": "invented"}});
    let script = Script::new().answer(Answer::json(400, refused.to_string()).times(2));
    let server = LoopbackServer::start(script).expect("a loopback server");
    let client = |profile: Profile| {
        let client = Client::builder().base_url(server.url("/v1"));
        client.profile(profile).build().expect("a client")
    };
    let request = ChatRequest::new("some-model", [ChatMessage::user("Hi")]);

    let platform = client(Profile::platform());
    let whole = platform.chat(&request).await.expect_err("refused");
    let streamed = platform.chat_stream(&request).await.expect_err("refused");
    for error in [whole, streamed] {
        let param = error.api().and_then(|api| api.param.as_deref());
        assert_eq!(param, Some("response_format"));
    }

    let limited = request.max_tokens(100);
    let chatgpt = client(Profile::chatgpt());
    let whole = chatgpt.chat(&limited).await.expect_err("no limits");
    let streamed = chatgpt.chat_stream(&limited).await.expect_err("no limits");
    for error in [whole, streamed] {
        let unfit = error.source().and_then(|source| source.downcast_ref());
        let unfit: &Unfit = unfit.expect("a request that does not fit");
        assert_eq!(unfit.findings()[0].pointer, "/max_tokens");
    }
}
