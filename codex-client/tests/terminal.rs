//! A server cannot control the terminal: the examples print its text, reasoning, tool names and
//! errors without control characters.

use std::process::Output;

use codex_transport::testing::{Answer, LoopbackServer, Script};
use serde_json::{Value, json};

use crate::support;

/// Sets the title, clears the screen, moves the cursor; CSI as one C1 character; DEL. The newline
/// and the tab are text.
const HOSTILE: &str = "one\u{1b}]0;title\u{7}\u{1b}[2J\u{9b}1;1H\u{7f}\r\n\ttwo";
const SHOWN: &str = "one\u{fffd}]0;title\u{fffd}\u{fffd}[2J\u{fffd}1;1H\u{fffd} \n\ttwo";
const SHOWN_IN_A_LINE: &str = "one\u{fffd}]0;title\u{fffd}\u{fffd}[2J\u{fffd}1;1H\u{fffd}   two";

fn stream(events: &[Value]) -> LoopbackServer {
    let answer = events.iter().fold(Answer::sse(), |answer, event| {
        answer.event(event.to_string())
    });
    LoopbackServer::start(Script::new().answer(answer.forever())).expect("a server")
}

fn whole_answer() -> LoopbackServer {
    let call = json!({"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": HOSTILE, "arguments": "{}", "status": "completed"});
    let text = json!({"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": HOSTILE, "annotations": []}]});
    stream(&[
        json!({"type": "response.reasoning_summary_text.delta", "item_id": "rs_1", "output_index": 0, "summary_index": 0, "delta": HOSTILE}),
        json!({"type": "response.output_item.done", "output_index": 1, "item": call}),
        json!({"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 2, "content_index": 0, "delta": HOSTILE}),
        json!({"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": [
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": HOSTILE}]}, call, text
        ]}}),
    ])
}

fn only_text() -> LoopbackServer {
    let text = json!({"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": HOSTILE, "annotations": []}]});
    stream(&[
        json!({"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": HOSTILE}),
        json!({"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": [text]}}),
    ])
}

fn refusing() -> LoopbackServer {
    let error =
        json!({"error": {"message": HOSTILE, "type": "invalid_request_error", "code": HOSTILE}});
    LoopbackServer::start(Script::new().answer(Answer::json(400, error.to_string()).forever()))
        .expect("a server")
}

fn run(server: &LoopbackServer, name: &str, arguments: &[&str], input: &str) -> Output {
    let mut command = support::command(name);
    command
        .args(arguments)
        .env("OPENAI_API_KEY", "sk-invented")
        .env("OPENAI_BASE_URL", server.url("/v1"));
    support::run(&mut command, input)
}

fn ask(server: &LoopbackServer, arguments: &[&str]) -> Output {
    let url = server.url("/v1");
    let arguments = [
        &["--base-url", &url, "--transport", "http"],
        arguments,
        &["Why?"],
    ]
    .concat();
    run(server, "ask", &arguments, "")
}

/// Returns the text, which must contain no control characters but newlines and tabs.
fn inert(bytes: &[u8]) -> String {
    let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let live = |character: char| character.is_control() && !"\n\t".contains(character);
    assert!(!text.contains(live), "{text:?}");
    text
}

#[test]
fn ask_prints_text_reasoning_and_calls_inert() {
    let output = ask(&whole_answer(), &[]);
    assert_eq!(inert(&output.stdout), format!("{SHOWN}\n"));
    let remarks = inert(&output.stderr);
    assert!(remarks.contains(SHOWN), "{remarks:?}");
    let call = format!("the model calls {SHOWN_IN_A_LINE}({{}})");
    assert!(remarks.contains(&call), "{remarks:?}");
}

#[test]
fn ask_prints_text_as_it_came_where_that_is_wanted() {
    let output = ask(&only_text(), &["--raw"]);
    assert_eq!(output.stdout, format!("{HOSTILE}\n").as_bytes());
}

#[test]
fn ask_prints_json_inert_and_whole() {
    let output = ask(&only_text(), &["--json"]);
    let lines = inert(&output.stdout);
    let delta: Value = serde_json::from_str(lines.lines().next().expect("an event")).expect("JSON");
    assert_eq!(delta["delta"], HOSTILE);
}

#[test]
fn an_error_is_printed_inert_and_in_one_line() {
    let server = refusing();
    let outputs = [
        ask(&server, &[]),
        run(&server, "tools", &["Why?"], ""),
        run(&server, "structured", &["Why?"], ""),
    ];
    for output in outputs {
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(inert(&output.stderr).lines().count(), 1);
    }
    inert(&run(&server, "conversation", &[], "Why?\n").stderr);
}

#[test]
fn the_other_examples_print_text_inert() {
    let server = only_text();
    let output = run(&server, "conversation", &[], "Why?\n");
    assert!(inert(&output.stdout).contains(SHOWN));
    inert(&output.stderr);
    let output = run(&server, "tools", &["Why?"], "");
    assert_eq!(inert(&output.stdout), format!("{SHOWN}\n"));
    // The text is not the requested JSON; the error may quote it.
    let output = run(&server, "structured", &["Why?"], "");
    assert_eq!(output.status.code(), Some(1));
    inert(&output.stderr);
}
