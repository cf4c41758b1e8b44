//! The examples that use the embedded backend, as processes: their output on either stream, and
//! their exit status. The examples `ask`, `login` and `gateway` have separate tests.

use std::process::Output;

use codex_transport::testing::{Answer, LoopbackServer, Script};
use serde_json::{Value, json};

use crate::support;

fn run(name: &str, arguments: &[&str], input: &str) -> Output {
    support::run(support::command(name).args(arguments), input)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

const EMBEDDED: &str = "no credentials: using an embedded server at http://127.0.0.1:";

#[test]
fn tools_runs_what_the_model_calls_and_tells_it_the_result() {
    let output = run("tools", &[], "");
    let remarks = text(&output.stderr);
    assert!(output.status.success(), "{remarks}");
    assert!(remarks.starts_with(EMBEDDED), "{remarks}");
    assert!(
        remarks.contains(r#"the model calls current_weather({"city":"Tromsø","unit":"celsius"})"#),
        "{remarks}"
    );
    // The server repeats the output of the function, so it was run and its result was sent.
    assert_eq!(
        text(&output.stdout),
        "The tool returned: -4 °C and snow in Tromsø.\n"
    );
}

#[test]
fn tools_answers_without_a_call_where_none_is_needed() {
    let output = run("tools", &["Why does a stream need a decoder?"], "");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(!text(&output.stderr).contains("the model calls"));
    assert!(text(&output.stdout).starts_with("A network delivers bytes"));
}

#[test]
fn structured_reads_the_answer_as_a_value() {
    let output = run("structured", &[], "");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).starts_with(EMBEDDED));
    assert_eq!(
        text(&output.stdout),
        "Pancakes, 25 minutes\n   200 g flour\n   400 g milk\n   120 g eggs\n"
    );
}

#[test]
fn conversation_keeps_what_was_said() {
    let output = run(
        "conversation",
        &[],
        "My name is Ada.\nWhat is my name?\n/fork\nAnd now?\n/back\n/back\nAnd here?\n",
    );
    let (answers, remarks) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{remarks}");
    let answers: Vec<&str> = answers.lines().collect();
    let (first, rest) = answers.split_at(3);
    assert!(first[0].starts_with("A network delivers bytes"));
    assert_eq!(
        rest,
        [
            "That was question 2. Before it you said: My name is Ada.",
            "That was question 3. Before it you said: What is my name?",
            // The conversation is back in the original, which has nothing of the fork.
            "That was question 3. Before it you said: What is my name?",
        ]
    );
    assert!(remarks.contains("no earlier conversation"));
    assert!(remarks.contains("tokens in, 0 of them cached"), "{remarks}");
    assert!(
        remarks.contains("I am a script."),
        "the reasoning: {remarks}"
    );
}

#[test]
fn conversation_goes_on_with_what_was_saved() {
    let file = std::env::temp_dir().join(format!("chat-example-{}.json", std::process::id()));
    let name = file.to_string_lossy();
    let output = run(
        "conversation",
        &[],
        &format!("My name is Ada.\n/save {name}\n/quit\n"),
    );
    assert!(output.status.success() && text(&output.stderr).contains("saved"));
    let output = run("conversation", &[&name], "What is my name?\n");
    std::fs::remove_file(&file).expect("the file");
    let remarks = text(&output.stderr);
    assert!(output.status.success(), "{remarks}");
    assert!(remarks.contains("3 items"), "{remarks}");
    assert_eq!(
        text(&output.stdout),
        "That was question 2. Before it you said: My name is Ada.\n"
    );
}

#[test]
fn with_credentials_they_ask_the_service() {
    let done = json!({"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": [
        {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "Because.", "annotations": []}]}
    ]}});
    let answer = Answer::sse().event(done.to_string()).forever();
    let server = LoopbackServer::start(Script::new().answer(answer)).expect("a server");
    let output = support::command("tools")
        .arg("Why?")
        .env("OPENAI_API_KEY", "sk-invented")
        .env("OPENAI_BASE_URL", server.url("/v1"))
        .env("CODEX_MODEL", "some-model:high")
        .output()
        .expect("the example runs");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "Because.\n");
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(
        requests[0].header("authorization"),
        Some("Bearer sk-invented")
    );
    let body: Value = serde_json::from_slice(&requests[0].body).expect("JSON");
    assert_eq!(body["model"], "some-model");
    assert_eq!(body["reasoning"]["effort"], "high");
}

#[test]
fn a_refusal_is_one_line_with_a_remedy_and_a_status() {
    let refused = json!({"error": {"type": "usage_limit_reached", "message": "", "plan_type": "plus", "resets_in_seconds": 5400}});
    let answer = Answer::json(429, refused.to_string()).forever();
    let server = LoopbackServer::start(Script::new().answer(answer)).expect("a server");
    for name in ["tools", "structured"] {
        let output = support::command(name)
            .env("OPENAI_API_KEY", "sk-invented")
            .env("OPENAI_BASE_URL", server.url("/v1"))
            .output()
            .expect("the example runs");
        assert!(!output.status.success());
        assert!(output.stdout.is_empty());
        let remarks = text(&output.stderr);
        assert_eq!(remarks.lines().count(), 1, "{remarks}");
        assert!(
            remarks.starts_with(&format!("{name}: "))
                && remarks.contains("usage limit of the plan plus reached"),
            "{remarks}"
        );
    }
}
