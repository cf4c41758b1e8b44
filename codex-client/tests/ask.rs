//! The example a newcomer runs first, as a process: what it prints where, and how it ends.

use std::io::Read as _;
use std::process::{Command, Output, Stdio};

use codex_transport::testing::{Answer, Cut, LoopbackServer, Script};
use serde_json::{Value, json};

use crate::kit::delta;
use crate::support;

fn ask(arguments: &[&str]) -> Command {
    let mut program = support::command("ask");
    program.args(arguments).stdin(Stdio::null());
    program
}

fn run(arguments: &[&str]) -> Output {
    ask(arguments).output().expect("the example runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn server(answer: Answer) -> (LoopbackServer, String) {
    let server =
        LoopbackServer::start(Script::new().answer(answer.forever())).expect("a loopback server");
    let url = server.url("/v1");
    (server, url)
}

fn ending(kind: &str, rest: Value) -> String {
    let mut response = json!({"id": "resp_1", "status": kind, "output": []});
    for (key, value) in rest.as_object().expect("an object") {
        response[key] = value.clone();
    }
    json!({"type": format!("response.{kind}"), "response": response}).to_string()
}

#[test]
fn without_credentials_the_embedded_server_answers_word_by_word() {
    let mut child = ask(&["Why", "does a stream need a decoder?"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the example runs");
    let mut out = child.stdout.take().expect("its output");
    let mut pieces = 0;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = out.read(&mut buffer).expect("a readable pipe");
        if count == 0 {
            break;
        }
        pieces += 1;
        answer.extend_from_slice(&buffer[..count]);
    }
    let output = child.wait_with_output().expect("its end");
    assert!(output.status.success());
    // If everything had arrived at once at the end, one read would have returned it.
    assert!(pieces > 5, "{pieces} pieces");
    assert!(text(&answer).starts_with("A network delivers bytes"));
    let remarks = text(&output.stderr);
    let mut lines = remarks.lines();
    assert!(lines.next().is_some_and(|line| {
        line.starts_with("no credentials: using an embedded server at http://127.0.0.1:")
    }));
    assert!(
        lines
            .next_back()
            .is_some_and(|line| line.contains("tokens in")),
        "{remarks}"
    );
}

#[test]
fn a_tool_call_is_shown() {
    let output = run(&["What is the weather in Tromsø?"]);
    assert!(output.status.success());
    assert!(
        text(&output.stderr)
            .contains(r#"the model calls current_weather({"city":"Tromsø","unit":"celsius"})"#)
    );
}

#[test]
fn json_is_one_event_a_line() {
    let output = run(&["--json", "Why?"]);
    assert!(output.status.success());
    let kinds: Vec<String> = text(&output.stdout)
        .lines()
        .map(|line| {
            let event: Value = serde_json::from_str(line).expect("a line of JSON");
            event["type"].as_str().expect("a type").to_owned()
        })
        .collect();
    assert_eq!(kinds.first().map(String::as_str), Some("response.created"));
    assert_eq!(kinds.last().map(String::as_str), Some("response.completed"));
}

#[test]
fn either_transport_says_the_same() {
    let over = |transport: &str| {
        let output = run(&["--transport", transport, "--json", "Why?"]);
        assert!(
            output.status.success(),
            "{transport}: {}",
            text(&output.stderr)
        );
        text(&output.stdout)
    };
    let http = over("http");
    assert!(http.lines().count() > 10);
    assert_eq!(over("websocket"), http);
    assert_eq!(over("auto"), http);
}

#[test]
fn without_a_socket_auto_asks_over_http_and_websocket_fails() {
    let script = || {
        Script::new()
            .route("GET", "/v1/responses", Answer::status(426).forever())
            .route(
                "POST",
                "/v1/responses",
                Answer::sse()
                    .event(delta("msg_1", "Because."))
                    .event(ending("completed", json!({})))
                    .forever(),
            )
    };
    let server = LoopbackServer::start(script()).expect("a loopback server");
    let output = run(&[
        "--base-url",
        &server.url("/v1"),
        "--transport",
        "auto",
        "Why?",
    ]);
    assert_eq!(text(&output.stdout), "Because.\n");
    let output = run(&[
        "--base-url",
        &server.url("/v1"),
        "--transport",
        "websocket",
        "Why?",
    ]);
    assert!(!output.status.success());
    assert!(
        text(&output.stderr).contains("server responded with status 426"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_custom_key_and_server_are_used() {
    let (server, url) = server(
        Answer::sse()
            .event(delta("msg_1", "Because."))
            .event(ending("completed", json!({}))),
    );
    let output = run(&[
        "--base-url",
        &url,
        "--api-key",
        "sk-invented",
        "--model",
        "some-model",
        "Why?",
    ]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "Because.\n");
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(
        requests[0].header("authorization"),
        Some("Bearer sk-invented")
    );
    let body: Value = serde_json::from_slice(&requests[0].body).expect("JSON");
    assert_eq!(body["model"], "some-model");
}

#[test]
fn a_whole_request_can_come_from_a_file() {
    let (server, url) = server(Answer::sse().event(ending("completed", json!({}))));
    let file = std::env::temp_dir().join(format!("ask-request-{}.json", std::process::id()));
    std::fs::write(
        &file,
        r#"{"model":"some-model","input":"Why?","a_new_parameter":1}"#,
    )
    .expect("a file");
    let output = run(&["--base-url", &url, "--request", &file.to_string_lossy()]);
    std::fs::remove_file(&file).expect("the file");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let body: Value = serde_json::from_slice(&server.requests()[0].body).expect("JSON");
    assert_eq!(body["a_new_parameter"], 1);
}

#[test]
fn every_failure_is_one_line_and_a_status() {
    let refused = json!({"error": {"message": "Incorrect API key\nprovided", "type": "invalid_request_error", "code": "invalid_api_key", "param": null}}).to_string();
    let cases = [
        (
            Answer::json(401, refused),
            "(invalid_api_key): Incorrect API key provided",
        ),
        (
            Answer::sse().event(delta("msg_1", "half")).cut(Cut::Reset),
            "",
        ),
        (
            Answer::sse().event(delta("msg_1", "half")),
            "response ended before a terminal event",
        ),
        (
            Answer::sse().event(ending(
                "failed",
                json!({"error": {"code": "server_error", "message": "invented"}}),
            )),
            "response failed (server_error): invented",
        ),
        (
            Answer::sse().event(ending(
                "incomplete",
                json!({"incomplete_details": {"reason": "max_output_tokens"}}),
            )),
            "response is incomplete",
        ),
    ];
    for (answer, expected) in cases {
        let (_server, url) = server(answer);
        let output = run(&["--base-url", &url, "Why?"]);
        assert!(!output.status.success(), "{expected}");
        let remarks = text(&output.stderr);
        let lines: Vec<&str> = remarks.lines().collect();
        assert_eq!(lines.len(), 1, "{remarks}");
        assert!(
            lines[0].starts_with("ask: ") && lines[0].contains(expected),
            "{remarks}"
        );
    }
}

#[test]
fn silence_ends_after_the_idle_timeout() {
    let (_server, url) = server(Answer::sse().event(delta("msg_1", "half")).stall());
    let output = run(&["--base-url", &url, "--idle-timeout", "0.3", "Why?"]);
    assert!(!output.status.success());
    assert_eq!(text(&output.stdout), "half\n");
    assert!(text(&output.stderr).contains("timed out waiting for the server"));
}

#[test]
fn a_wrong_command_line_says_what_is_wrong() {
    for (arguments, expected) in [
        (&[][..], "missing QUESTION"),
        (
            &["--idle-timeout", "never", "Why?"][..],
            "--idle-timeout takes a positive number of seconds",
        ),
        (
            &["--transport", "pigeon", "Why?"][..],
            "--transport must be auto, http or websocket",
        ),
        (&["--color", "Why?"][..], "--color"),
    ] {
        let output = run(arguments);
        assert!(!output.status.success());
        assert!(output.stdout.is_empty());
        assert!(
            text(&output.stderr).contains(expected),
            "{}",
            text(&output.stderr)
        );
    }
}

#[test]
fn a_question_to_the_chatgpt_backend_names_its_conversation() {
    let (server, url) = server(Answer::sse().event(ending("completed", json!({}))));
    let arguments = [
        "--base-url",
        &url,
        "--profile",
        "chatgpt",
        "--model",
        "gpt-6.2-sol",
        "--transport",
        "http",
        "Why?",
    ];
    let output = run(&arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let sent = &server.requests()[0];
    let thread = sent.header("thread-id").expect("a thread");
    assert_eq!(sent.header("session-id"), Some(thread));
    assert_eq!(sent.header("x-client-request-id"), Some(thread));
    assert_eq!(sent.header("version"), Some("0.171.0"));
    assert_eq!(
        sent.header("x-openai-internal-codex-responses-lite"),
        Some("true")
    );
}
