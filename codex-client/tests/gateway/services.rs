//! Several services behind one gateway.

use codex_transport::testing::{Answer, LoopbackServer, RecordedRequest, Script};
use serde_json::{Value, json};

use crate::process::*;
use crate::socket::{connect, create, hear_all, say};

const RESPONSES: &str = "/v1/responses";
const CHAT: &str = "/v1/chat/completions";
const OTHER_KEY: &str = "sk-invented-for-the-other";

fn listing(names: &[&str]) -> Answer {
    let models: Vec<Value> = names
        .iter()
        .map(|name| json!({"id": name, "object": "model", "created": 0, "owned_by": "somebody"}))
        .collect();
    Answer::json(200, json!({"object": "list", "data": models}).to_string())
}

fn responses_server() -> LoopbackServer {
    service(Script::new().rule(|request: &RecordedRequest| {
        Some(match request.path() {
            "/v1/models" => listing(&["gpt-5.5", "deepseek/hidden"]),
            _ => answer(),
        })
    }))
}

/// A server with Chat Completions only, and its dialect.
fn chat_server() -> LoopbackServer {
    service(Script::new().rule(|request: &RecordedRequest| {
        let chunk = |delta: Value, reason: Value| {
            json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_767_225_600, "model": "deepseek-chat", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})
                .to_string()
        };
        Some(match request.path() {
            CHAT => Answer::sse()
                .event(chunk(json!({"role": "assistant", "content": "Rain."}), Value::Null))
                .event(chunk(json!({}), json!("stop")))
                .event("[DONE]"),
            "/v1/models" => listing(&["deepseek-chat"]),
            _ => Answer::json(404, r#"{"detail":"Not Found"}"#),
        })
    }))
}

/// The gateway in front of both: names that begin with `deepseek/` are models of the chat server.
fn gateway(responses: &LoopbackServer, chat: &LoopbackServer) -> Gateway {
    let (first, other) = (responses.url("/v1"), chat.url("/v1"));
    let mut command = command(&["--bearer", TOKEN, "--no-check", "--quiet"]);
    command.args(["--base-url", &first, "--api-key", KEY]);
    command.args(["--for", "deepseek/", "--base-url", &other]);
    command.args(["--api-key-env", "OTHER_KEY", "--upstream", "chat"]);
    command.args(["--map-model", "fast=deepseek/deepseek-chat"]);
    command.args(["--map-model", "deepseek/*=*"]);
    Gateway::spawn(command.env("OTHER_KEY", OTHER_KEY))
}

fn body_of(request: &RecordedRequest) -> Value {
    serde_json::from_slice(&request.body).expect("JSON")
}

fn key_of(request: &RecordedRequest) -> &str {
    let key = request.headers.get("authorization").expect("a key");
    key.to_str().expect("text")
}

#[tokio::test]
async fn the_model_selects_the_service() {
    let (responses, chat) = (responses_server(), chat_server());
    let gateway = gateway(&responses, &chat);
    let text_of = |response: Value| response["output"][0]["content"][0]["text"].clone();

    let request = json!({"model": "gpt-5.5", "input": "Why?"});
    let first = json_of(gateway.post(RESPONSES, &request).await).await;
    assert_eq!(text_of(first), "Because of the sun.");
    assert!(chat.requests().is_empty());

    let request = json!({"model": "deepseek/deepseek-chat", "input": "Why?"});
    let second = json_of(gateway.post(RESPONSES, &request).await).await;
    assert_eq!(text_of(second), "Rain.");

    let requests = (responses.requests(), chat.requests());
    assert_eq!((requests.0.len(), requests.1.len()), (1, 1));
    assert_eq!(body_of(&requests.0[0])["model"], "gpt-5.5");
    assert_eq!(body_of(&requests.1[0])["model"], "deepseek-chat");
    assert_eq!(key_of(&requests.0[0]), format!("Bearer {KEY}"));
    assert_eq!(key_of(&requests.1[0]), format!("Bearer {OTHER_KEY}"));
}

#[tokio::test]
async fn chat_requests_are_passed_to_their_service_under_its_name() {
    let (responses, chat) = (responses_server(), chat_server());
    let gateway = gateway(&responses, &chat);
    let messages = json!([{"role": "user", "content": "Why?"}]);
    let request = json!({"model": "deepseek/deepseek-chat", "messages": messages, "stream": true, "a_new_parameter": [1]});
    let streamed = text(gateway.post(CHAT, &request).await).await;
    assert!(streamed.contains("Rain."), "{streamed}");
    assert!(responses.requests().is_empty());
    let sent = body_of(&chat.requests()[0]);
    assert_eq!(sent["model"], "deepseek-chat");
    assert_eq!(sent["a_new_parameter"], json!([1]));
    assert_eq!(sent["messages"], messages);
}

#[tokio::test]
async fn a_conversation_on_a_socket_moves_between_services() {
    let (responses, chat) = (responses_server(), chat_server());
    let gateway = gateway(&responses, &chat);
    let mut socket = connect(&gateway).await;
    say(&mut socket, create(json!({"model": "gpt-5.5"}))).await;
    let events = hear_all(&mut socket).await;
    let first = events.last().expect("events")["response"]["id"].clone();

    let more = json!({"model": "deepseek/deepseek-chat", "previous_response_id": first, "input": "And why?"});
    say(&mut socket, create(more)).await;
    let events = hear_all(&mut socket).await;
    let response = &events.last().expect("events")["response"];
    assert_eq!(response["status"], "completed", "{response}");
    let sent = body_of(&chat.requests()[0]);
    let contents: Vec<&Value> = sent["messages"]
        .as_array()
        .expect("messages")
        .iter()
        .map(|message| &message["content"])
        .collect();
    assert_eq!(contents, ["Why?", "Because of the sun.", "And why?"]);

    let back =
        json!({"model": "gpt-5.5", "previous_response_id": response["id"], "input": "Sure?"});
    say(&mut socket, create(back)).await;
    let events = hear_all(&mut socket).await;
    assert_eq!(events.last().expect("events")["type"], "response.completed");
    let requests = responses.requests();
    let sent = body_of(requests.last().expect("a request"));
    assert_eq!(sent["previous_response_id"], Value::Null);
    assert_eq!(sent["input"].as_array().map(Vec::len), Some(5), "{sent}");
}

#[tokio::test]
async fn mappings_apply_one_after_the_other() {
    let (responses, chat) = (responses_server(), chat_server());
    let gateway = gateway(&responses, &chat);
    let request = json!({"model": "fast", "input": "Why?"});
    let response = gateway.post(RESPONSES, &request).await;
    assert_eq!(response.status(), 200);
    assert_eq!(body_of(&chat.requests()[0])["model"], "deepseek-chat");
}

async fn names(gateway: &Gateway) -> Vec<String> {
    let listing = json_of(gateway.get("/v1/models").await).await;
    let models = listing["data"].as_array().expect("models").iter();
    models
        .map(|model| model["id"].as_str().expect("a name").to_owned())
        .collect()
}

#[tokio::test]
async fn models_are_listed_under_the_names_that_clients_use() {
    let (responses, chat) = (responses_server(), chat_server());
    let gateway = gateway(&responses, &chat);
    // The model that the first service calls deepseek/hidden cannot be reached.
    let expected = ["gpt-5.5", "deepseek/deepseek-chat", "fast"];
    assert_eq!(names(&gateway).await, expected);
    let one = gateway.get("/v1/models/deepseek/deepseek-chat").await;
    assert_eq!(json_of(one).await["owned_by"], "somebody");
}

#[tokio::test]
async fn a_service_without_a_listing_does_not_hide_the_models_of_others() {
    let (responses, chat) = (responses_server(), chat_server());
    let gateway = gateway(&responses, &chat);
    drop(chat);
    assert_eq!(names(&gateway).await, ["gpt-5.5"]);
}

#[test]
fn flags_of_services_are_checked() {
    let message = |arguments: &[&str]| {
        let output = command(arguments).output().expect("it runs");
        assert!(!output.status.success());
        String::from_utf8(output.stderr).expect("UTF-8")
    };
    for (arguments, expected) in [
        (
            &["--for", "a-"][..],
            "--for a- must be followed by --base-url, --auth-file or a --profile with a server",
        ),
        (
            &[
                "--for",
                "a-",
                "--profile",
                "deepseek",
                "--for",
                "a-",
                "--profile",
                "ollama",
            ],
            "--for a- is given twice",
        ),
        (&["--for", ""], "--for takes the beginning of model names"),
        (
            &["--map-model", "gpt-5.5"],
            "--map-model takes FROM=TO, such as gpt-5.5=deepseek-chat or deepseek/*=*",
        ),
        (
            &["--map-model", "a*=b"],
            "--map-model takes FROM=TO, such as gpt-5.5=deepseek-chat or deepseek/*=*",
        ),
        (
            &["--api-key-env", "NO_SUCH_KEY"],
            "--api-key-env: the variable NO_SUCH_KEY is not set",
        ),
    ] {
        let message = message(arguments);
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
}
