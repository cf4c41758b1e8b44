//! The loop between a model and its tools, and what never reaches a tool.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use codex_client::{Approval, Client, ErrorKind, Progress, ToolCall, Tools};
use codex_transport::RetryPolicy;
use codex_transport::testing::{Answer, LoopbackServer, Script};
use codex_types::{CreateResponse, CustomTool, FunctionTool, InputItem, RawJson, Response, Tool};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::kit::{self, call, input};

#[derive(Deserialize)]
struct City {
    city: String,
}

fn definition(name: &str) -> FunctionTool {
    let schema = r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}"#;
    FunctionTool::new(name, RawJson::parse(schema).expect("a schema"), true)
}

fn weather(id: &str, city: &str) -> Value {
    call(id, "weather", &json!({"city": city}).to_string())
}

fn response(status: &str, items: &[Value]) -> Value {
    json!({"id": "resp_1", "status": status, "output": items})
}

fn read(response: &Value) -> Response {
    serde_json::from_value(response.clone()).expect("a response")
}

fn answered(items: &[Value]) -> Answer {
    Answer::sse().event(kit::completed("resp_1", items))
}

fn said(text: &str) -> Value {
    kit::message("msg_1", text)
}

fn start(script: Script) -> (LoopbackServer, Client) {
    kit::start(script, |client| client.retry(RetryPolicy::none()))
}

fn outputs(items: &[InputItem]) -> Vec<(String, String)> {
    items
        .iter()
        .map(|item| {
            let item = serde_json::to_value(item).expect("JSON");
            let text = |key: &str| item[key].as_str().expect("text").to_owned();
            (text("call_id"), text("output"))
        })
        .collect()
}

/// A tool that counts its runs.
fn counting() -> (Tools, Arc<AtomicUsize>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let tools = Tools::new().function(definition("weather"), move |arguments: City| {
        counted.fetch_add(1, Ordering::SeqCst);
        async move { Ok::<_, String>(format!("rain in {}", arguments.city)) }
    });
    (tools, runs)
}

#[tokio::test]
async fn the_loop_runs_what_is_called_until_nothing_is() {
    let script = Script::new()
        .answer(answered(&[
            weather("call_1", "Oslo"),
            weather("call_2", "Rome"),
        ]))
        .answer(answered(&[weather("call_3", "Bern")]))
        .answer(answered(&[said("Rain everywhere.")]));
    let (server, client) = start(script);
    let (tools, runs) = counting();
    let mut session = client.session(CreateResponse::new("some-model"));
    let mut seen = Vec::new();
    let response = session
        .run_with(&tools, "What is the weather?", |progress| match progress {
            Progress::Event(event) => seen.push(event.kind().to_owned()),
            Progress::Output(item) => {
                seen.push(outputs(std::slice::from_ref(item))[0].1.clone());
            }
            _ => {}
        })
        .await
        .expect("a response");
    assert_eq!(response.output_text(), "Rain everywhere.");
    assert_eq!(runs.load(Ordering::SeqCst), 3);
    assert_eq!(
        seen,
        [
            "response.completed",
            "rain in Oslo",
            "rain in Rome",
            "response.completed",
            "rain in Bern",
            "response.completed"
        ]
    );
    let requests = server.requests();
    let last: Vec<Value> = input(&requests[2])
        .iter()
        .map(|item| item["type"].clone())
        .collect();
    assert_eq!(
        last,
        [
            "message",
            "function_call",
            "function_call",
            "function_call_output",
            "function_call_output",
            "function_call",
            "function_call_output"
        ]
    );
    for request in &requests {
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        assert_eq!(
            body["tools"].as_array().map(Vec::len),
            Some(1),
            "declared once, and in every request"
        );
        assert_eq!(body["tools"][0]["name"], "weather");
    }
    assert_eq!(session.history().count(), 8);
}

#[tokio::test]
async fn arguments_that_are_not_what_the_function_takes_never_reach_it() {
    let (tools, runs) = counting();
    let cut = json!({"type": "function_call", "call_id": "cut", "name": "weather", "arguments": "{\"city\":\"Oslo\"}", "status": "incomplete"});
    let items = [
        call("half", "weather", r#"{"city":"Os"#),
        call("empty", "weather", ""),
        call("shape", "weather", r#"{"town":"Oslo"}"#),
        call("two", "weather", r#"{"city":"Oslo"}{"city":"Rome"}"#),
        cut,
        call("unknown", "launch", "{}"),
        json!({"type": "custom_tool_call", "call_id": "text", "name": "weather", "input": "Oslo"}),
        json!({"type": "function_call", "call_id": "elsewhere", "namespace": "other", "name": "weather", "arguments": "{\"city\":\"Oslo\"}"}),
        weather("good", "Oslo"),
    ];
    let answers = tools.answer(&read(&response("completed", &items))).await;
    let told = outputs(&answers);
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    let ids: Vec<&str> = told.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "half",
            "empty",
            "shape",
            "two",
            "cut",
            "unknown",
            "text",
            "elsewhere",
            "good"
        ],
        "each call has its output, in order"
    );
    for (id, output) in &told[..4] {
        assert!(
            output.starts_with("invalid arguments of a call: "),
            "{id}: {output}"
        );
    }
    assert_eq!(told[4].1, "the call was cut off and has not been run");
    assert_eq!(told[5].1, "unsupported call: launch");
    assert_eq!(told[6].1, "unsupported call: weather");
    assert_eq!(told[7].1, "unsupported call: weather");
    assert_eq!(told[8].1, "rain in Oslo");
}

#[tokio::test]
async fn nothing_of_a_response_that_is_not_complete_is_run() {
    let (tools, runs) = counting();
    for status in [
        "incomplete",
        "failed",
        "in_progress",
        "cancelled",
        "of_tomorrow",
        "",
    ] {
        let answers = tools
            .answer(&read(&response(status, &[weather("call_1", "Oslo")])))
            .await;
        assert!(answers.is_empty(), "{status}");
    }
    assert_eq!(runs.load(Ordering::SeqCst), 0);

    let event = json!({"type": "response.incomplete", "response": response("incomplete", &[weather("call_1", "Oslo")])}).to_string();
    let (_server, client) = start(Script::new().answer(Answer::sse().event(event)));
    let mut session = client.session(CreateResponse::new("some-model"));
    let error = session
        .run(&tools, "What is the weather?")
        .await
        .expect_err("incomplete");
    assert_eq!(error.kind(), ErrorKind::Incomplete);
    assert_eq!(runs.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn calls_run_concurrently_unless_a_tool_must_run_alone() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let tool = |log: &Arc<Mutex<Vec<String>>>, name: &'static str| {
        let log = log.clone();
        move |arguments: City| {
            let log = log.clone();
            async move {
                log.lock()
                    .expect("not poisoned")
                    .push(format!("{name} {} begins", arguments.city));
                tokio::task::yield_now().await;
                log.lock()
                    .expect("not poisoned")
                    .push(format!("{name} {} ends", arguments.city));
                Ok::<_, String>(arguments.city)
            }
        }
    };
    let tools = Tools::new()
        .function(definition("read"), tool(&log, "read"))
        .function(definition("write"), tool(&log, "write"))
        .alone("write");
    let calls: Vec<Value> = [
        ("read", "a"),
        ("read", "b"),
        ("write", "c"),
        ("write", "d"),
        ("read", "e"),
    ]
    .iter()
    .map(|(name, city)| call(city, name, &json!({"city": city}).to_string()))
    .collect();
    let answers = tools.answer(&read(&response("completed", &calls))).await;
    let ids: Vec<String> = outputs(&answers).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["a", "b", "c", "d", "e"]);
    assert_eq!(
        *log.lock().expect("not poisoned"),
        [
            "read a begins",
            "read b begins",
            "read a ends",
            "read b ends",
            "write c begins",
            "write c ends",
            "write d begins",
            "write d ends",
            "read e begins",
            "read e ends",
        ]
    );
}

#[tokio::test]
async fn every_call_that_could_run_needs_approval_first() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (tools, runs) = counting();
    let tools = tools.approve({
        let (asked, runs) = (asked.clone(), runs.clone());
        move |call: ToolCall| {
            asked
                .lock()
                .expect("not poisoned")
                .push((call.call_id.clone(), runs.load(Ordering::SeqCst)));
            async move {
                if call.arguments.contains("Rome") {
                    Approval::Deny("not Rome".to_owned())
                } else {
                    Approval::Allow
                }
            }
        }
    });
    let items = [
        weather("call_1", "Oslo"),
        call("broken", "weather", "{"),
        weather("call_2", "Rome"),
    ];
    let told = outputs(&tools.answer(&read(&response("completed", &items))).await);
    assert_eq!(
        *asked.lock().expect("not poisoned"),
        [("call_1".to_owned(), 0), ("call_2".to_owned(), 0)]
    );
    assert_eq!(told[0].1, "rain in Oslo");
    assert_eq!(told[2].1, "the call was denied: not Rome");
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn errors_and_free_text_are_told_to_the_model() {
    let tools = Tools::new()
        .function(definition("weather"), async |_: City| {
            Err::<String, _>("the sensor is broken")
        })
        .custom(CustomTool::new("echo"), async |text: String| {
            Ok::<_, String>(text)
        });
    let items = [
        weather("call_1", "Oslo"),
        json!({"type": "custom_tool_call", "call_id": "call_2", "name": "echo", "input": "any { text"}),
    ];
    let answers = tools.answer(&read(&response("completed", &items))).await;
    let told = serde_json::to_value(&answers).expect("JSON");
    assert_eq!(
        told,
        json!([
            {"type": "function_call_output", "call_id": "call_1", "output": "the sensor is broken"},
            {"type": "custom_tool_call_output", "call_id": "call_2", "output": "any { text"},
        ])
    );
}

#[tokio::test]
async fn a_model_that_never_stops_calling_is_stopped() {
    let (server, client) =
        start(Script::new().answer(answered(&[weather("call_1", "Oslo")]).forever()));
    let (tools, runs) = counting();
    let mut session = client.session(CreateResponse::new("some-model"));
    let error = session
        .run(&tools.max_rounds(2), "What is the weather?")
        .await
        .expect_err("no end");
    assert_eq!(error.kind(), ErrorKind::Rounds);
    assert_eq!(
        error.to_string(),
        "tool loop exceeded its maximum number of rounds"
    );
    assert_eq!(
        (runs.load(Ordering::SeqCst), server.requests().len()),
        (2, 3)
    );
    assert!(
        error
            .partial()
            .is_some_and(|partial| partial.function_calls().next().is_some())
    );
}

#[tokio::test]
async fn a_turn_that_is_not_over_is_asked_on_without_outputs() {
    let mut unfinished = response("completed", &[said("Wait.")]);
    unfinished["end_turn"] = json!(false);
    let unfinished = Answer::sse()
        .event(json!({"type": "response.completed", "response": unfinished}).to_string());
    let (server, client) = start(
        Script::new()
            .answer(unfinished)
            .answer(answered(&[said("Done.")])),
    );
    let mut session = client.session(CreateResponse::new("some-model"));
    let response = session.run(&Tools::new(), "Go.").await.expect("a response");
    assert_eq!(response.output_text(), "Done.");
    assert_eq!(input(&server.requests()[1]).len(), 2);
}

#[tokio::test]
async fn what_waits_for_somebody_else_is_given_back_and_nothing_is_run() {
    let shell = json!({"type": "local_shell_call", "id": "lsh_1", "call_id": "call_2", "status": "completed", "action": {"type": "exec", "command": ["ls"], "env": {}}});
    let (_server, client) =
        start(Script::new().answer(answered(&[weather("call_1", "Oslo"), shell])));
    let (tools, runs) = counting();
    let mut session = client.session(CreateResponse::new("some-model"));
    let response = session.run(&tools, "Go.").await.expect("a response");
    assert_eq!(response.output.len(), 2);
    assert_eq!(runs.load(Ordering::SeqCst), 0);
}

#[test]
fn a_name_has_one_function() {
    let (tools, _) = counting();
    let tools = tools.function(
        definition("weather").description("the new one"),
        async |_: City| Ok::<_, String>(""),
    );
    let [Tool::Function(only)] = tools.definitions().collect::<Vec<_>>()[..] else {
        panic!("one function")
    };
    assert_eq!(only.description.as_deref(), Some("the new one"));
    assert_eq!(
        format!("{tools:?}"),
        r#"Tools { names: ["weather"], max_rounds: 64, .. }"#
    );
}
