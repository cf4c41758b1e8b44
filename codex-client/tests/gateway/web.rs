//! The page of `examples/web` in a browser: built, served from one origin, and connected to the
//! gateway on another, which allows it. Without the target `wasm32-unknown-unknown`, `wasm-bindgen`
//! or Chromium, the tests print what is missing and pass.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use codex_transport::testing::{Answer, Gate, LoopbackServer, RecordedRequest, Script};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::chromium::Browser;
use crate::process::*;
use crate::wasm;

/// The limit of the compressed module in bytes; `BENCHMARKS.md` has the figure.
const LIMIT: usize = 600 << 10;

/// The folder with the page and its module, or `None` where it cannot be built.
fn page() -> Option<&'static Path> {
    static PAGE: OnceLock<Option<PathBuf>> = OnceLock::new();
    PAGE.get_or_init(|| wasm::build("codex-web-example", "codex-client/examples/web/page"))
        .as_deref()
}

/// A server of the page's files, and a gateway in front of the service that allows its origin.
async fn open(name: &str, service: &LoopbackServer) -> Option<(Browser, Gateway, LoopbackServer)> {
    let files = wasm::serve(Script::new(), page()?);
    let files = LoopbackServer::start(files).expect("a server");
    let origin = files.url("");
    let gateway = Gateway::before(service, &["--allow-origin", &origin]);
    let mut browser = Browser::start(name).await;
    browser.open(&files.url("/index.html")).await;
    browser
        .until("document.querySelector('#send')?.disabled === false")
        .await;
    set(&mut browser, "base-url", &format!("{}/v1", gateway.url)).await;
    set(&mut browser, "token", TOKEN).await;
    set(&mut browser, "model", "some-model").await;
    Some((browser, gateway, files))
}

async fn set(browser: &mut Browser, id: &str, value: &str) {
    let value = json!(value);
    browser
        .value(&format!("document.getElementById('{id}').value = {value}"))
        .await;
}

async fn ask(browser: &mut Browser, question: &str) {
    set(browser, "text", question).await;
    browser
        .value("document.getElementById('question').requestSubmit()")
        .await;
}

/// Waits until this part of the last turn has exactly this text.
async fn shows(browser: &mut Browser, part: &str, text: &str) {
    let text = json!(text);
    browser
        .until(&format!(
            "document.querySelector('article:last-of-type .{part}')?.textContent === {text}"
        ))
        .await;
}

fn reasoning(number: u64, text: &str) -> String {
    json!({"type": "response.reasoning_summary_text.delta", "sequence_number": number, "item_id": "rs_1", "output_index": 0, "summary_index": 0, "delta": text}).to_string()
}

fn word(number: u64, text: &str) -> String {
    json!({"type": "response.output_text.delta", "sequence_number": number, "item_id": "msg_1", "output_index": 1, "content_index": 0, "delta": text}).to_string()
}

fn calls() -> String {
    let call = json!({"type": "function_call", "id": "fc_1", "status": "completed", "call_id": "call_1", "name": "current_weather", "arguments": "{\"city\":\"Tromsø\"}"});
    ending("completed", json!({"output": [call]}))
}

fn input(request: &RecordedRequest) -> Vec<Value> {
    let body: Value = serde_json::from_slice(&request.body).expect("JSON");
    body["input"].as_array().expect("items").clone()
}

fn turns(requests: &[RecordedRequest]) -> Vec<Vec<Value>> {
    requests
        .iter()
        .filter(|request| request.method == "POST")
        .map(input)
        .collect()
}

#[tokio::test]
async fn a_page_shows_words_as_they_arrive_and_keeps_the_conversation() {
    let gates = [(); 4].map(|()| Gate::new());
    let first = Answer::sse()
        .event(created())
        .event(reasoning(1, "The sky "))
        .gate(&gates[0])
        .event(reasoning(2, "scatters."))
        .gate(&gates[1])
        .event(word(3, "Because "))
        .gate(&gates[2])
        .event(word(4, "of "))
        .gate(&gates[3])
        .event(word(5, "the sun."))
        .event(ending("completed", json!({"output": [
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "The sky scatters."}]},
            {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [{"type": "output_text", "text": "Because of the sun.", "annotations": []}]}
        ]})));
    let tool = Answer::sse().event(created()).event(calls());
    let server = service(Script::new().answer(first).answer(tool).answer(answer()));
    let Some((mut browser, _gateway, _files)) = open("words", &server).await else {
        return;
    };

    ask(&mut browser, "Why is the sky blue?").await;
    shows(&mut browser, "reasoning", "The sky ").await;
    gates[0].open();
    shows(&mut browser, "reasoning", "The sky scatters.").await;
    shows(&mut browser, "answer", "").await;
    gates[1].open();
    shows(&mut browser, "answer", "Because ").await;
    gates[2].open();
    shows(&mut browser, "answer", "Because of ").await;
    let sending =
        "document.getElementById('send').disabled && !document.getElementById('cancel').disabled";
    assert_eq!(browser.value(sending).await, true);
    gates[3].open();
    shows(&mut browser, "answer", "Because of the sun.").await;
    shows(&mut browser, "note", "3 tokens in, 4 out").await;

    // The second turn carries the first, and the tool of the page runs in it.
    ask(&mut browser, "And what is the weather in Tromsø?").await;
    shows(&mut browser, "answer", "Because of the sun.").await;
    shows(
        &mut browser,
        "tools",
        "current_weather({\"city\":\"Tromsø\"})\n",
    )
    .await;
    let file = browser.picture("web-page.png").await;
    assert!(file.metadata().expect("a picture").len() > 10_000);

    let turns = turns(&server.requests());
    let sizes: Vec<usize> = turns.iter().map(Vec::len).collect();
    assert_eq!(sizes, [1, 4, 6], "{turns:#?}");
    assert_eq!(turns[1][0], turns[0][0]);
    assert_eq!(turns[1][1]["type"], "reasoning");
    assert_eq!(turns[1][2]["content"][0]["text"], "Because of the sun.");
    assert_eq!(turns[2][5]["output"], "-4 °C and snow in Tromsø");
}

#[tokio::test]
async fn cancelling_in_the_page_ends_the_request_upstream() {
    let endless = Answer::sse()
        .event(created())
        .event(delta(1, "I shall never "))
        .stall();
    let server = service(Script::new().answer(endless).answer(answer()));
    let Some((mut browser, _gateway, _files)) = open("cancel", &server).await else {
        return;
    };

    ask(&mut browser, "How does it end?").await;
    shows(&mut browser, "answer", "I shall never ").await;
    assert_eq!(server.cancelled(), 0);
    browser
        .value("document.getElementById('cancel').click()")
        .await;
    shows(&mut browser, "note", "cancelled").await;
    eventually("the request upstream ends", || server.cancelled() == 1).await;

    // A cancelled turn leaves no trace in the conversation.
    ask(&mut browser, "Why?").await;
    shows(&mut browser, "answer", "Because of the sun.").await;
    let turns = turns(&server.requests());
    assert_eq!(turns.last().expect("a turn").len(), 1, "{turns:#?}");
}

#[tokio::test]
async fn an_error_of_the_service_is_shown_in_the_page() {
    let refusal = json!({"error": {"message": "the invented limit is reached", "type": "invalid_request_error", "code": "invalid_value", "param": null}});
    let server = service(Script::new().answer(Answer::json(400, refusal.to_string())));
    let Some((mut browser, gateway, _files)) = open("error", &server).await else {
        return;
    };
    ask(&mut browser, "Why?").await;
    browser
        .until("document.querySelector('.error')?.textContent.includes('the invented limit is reached')")
        .await;

    // A server that is gone: the browser gives no reason, and the client retries, then reports.
    drop(gateway);
    ask(&mut browser, "And now?").await;
    browser
        .until("document.querySelectorAll('.error').length === 2")
        .await;
    shows(&mut browser, "note", "communication with the server failed").await;
}

/// On demand, because optimizing takes minutes:
/// `cargo test -p codex-client --test gateway -- --ignored --nocapture small_enough`.
#[test]
#[ignore = "builds with optimizations"]
fn the_module_is_small_enough_to_download() {
    let Some(folder) = wasm::module("codex-web-example", "web") else {
        return;
    };
    let module = std::fs::read(folder.join("codex-web-example_bg.wasm")).expect("the module");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&module).expect("in memory");
    let compressed = encoder.finish().expect("in memory").len();
    println!("{} bytes, {compressed} compressed", module.len());
    assert!(compressed <= LIMIT, "{compressed} bytes");
}
