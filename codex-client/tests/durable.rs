//! Results of tools survive whatever happens after them, and every request has a paired history.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codex_client::{Approval, Progress, Session, ToolCall, Tools};
use codex_transport::RetryPolicy;
use codex_transport::testing::{Answer, Cut, LoopbackServer, Script};
use codex_types::{CreateResponse, FunctionTool, InputItem, OpenCalls, RawJson};
use serde_json::{Value, json};

use crate::kit;

#[derive(serde::Deserialize)]
struct Payment {
    amount: u32,
}

fn definition(name: &str) -> FunctionTool {
    let schema = r#"{"type":"object","properties":{"amount":{"type":"integer"}},"required":["amount"],"additionalProperties":false}"#;
    FunctionTool::new(name, RawJson::parse(schema).expect("a schema"), true)
}

fn call(id: &str, name: &str) -> Value {
    kit::call(id, name, r#"{"amount":1}"#)
}

fn said(text: &str) -> Value {
    kit::message("msg_1", text)
}

fn answered(items: &[Value]) -> Answer {
    let usage = json!({"input_tokens": 10, "output_tokens": 2, "total_tokens": 12, "input_tokens_details": {"cached_tokens": 4}, "output_tokens_details": {"reasoning_tokens": 1}});
    let response = json!({"id": "resp_1", "status": "completed", "output": items, "usage": usage});
    Answer::sse().event(json!({"type": "response.completed", "response": response}).to_string())
}

fn start(script: Script) -> (LoopbackServer, Session) {
    let (server, client) = kit::start(script, |client| client.retry(RetryPolicy::none()));
    (server, client.session(CreateResponse::new("some-model")))
}

/// Returns the input of the request with this number. Panics unless calls and outputs are paired.
fn input(server: &LoopbackServer, number: usize) -> Vec<Value> {
    let input = kit::input(&server.requests()[number]);
    let items: Vec<InputItem> = serde_json::from_value(json!(input)).expect("items");
    let open: OpenCalls = items.iter().collect();
    assert!(open.is_empty(), "{open:?}");
    input
}

/// Returns the output of a call that the model receives.
fn output(input: &[Value], call_id: &str) -> Option<String> {
    let mut outputs = input.iter().filter(|item| {
        item["type"]
            .as_str()
            .is_some_and(|kind| kind.ends_with("_output"))
            && item["call_id"] == call_id
    });
    let output = outputs.next()?["output"].as_str().map(str::to_owned);
    assert!(outputs.next().is_none(), "{call_id} is answered twice");
    output
}

/// A tool that pays, and the number of its payments.
fn paying() -> (Tools, Arc<AtomicUsize>) {
    let paid = Arc::new(AtomicUsize::new(0));
    let counted = paid.clone();
    let tools = Tools::new().function(definition("pay"), move |payment: Payment| {
        counted.fetch_add(1, Ordering::SeqCst);
        async move { Ok::<_, String>(format!("paid {}", payment.amount)) }
    });
    (tools, paid)
}

#[tokio::test]
async fn a_result_survives_a_follow_up_that_fails() {
    for failure in [
        Answer::json(503, r#"{"error":{"message":"busy"}}"#),
        Answer::sse().cut(Cut::Reset),
        Answer::hang_up(Cut::Reset),
    ] {
        let (server, mut session) = start(
            Script::new()
                .answer(answered(&[call("call_1", "pay")]))
                .answer(failure)
                .answer(answered(&[said("Done.")])),
        );
        let (tools, paid) = paying();
        let error = session.run(&tools, "Pay.").await.expect_err("a failure");
        assert!(error.partial().is_none_or(|it| it.output.is_empty()));
        session.run(&tools, "And?").await.expect("a response");
        let sent = input(&server, 2);
        assert_eq!(output(&sent, "call_1").as_deref(), Some("paid 1"));
        assert_eq!(sent.last().expect("items")["content"], "And?");
        assert_eq!(paid.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn a_run_goes_on_where_it_failed() {
    let (server, mut session) = start(
        Script::new()
            .answer(answered(&[call("call_1", "pay")]))
            .answer(Answer::json(503, "{}"))
            .answer(answered(&[said("Done.")])),
    );
    let (tools, paid) = paying();
    session.run(&tools, "Pay.").await.expect_err("a failure");
    let response = session.run(&tools, Vec::new()).await.expect("a response");
    assert_eq!(response.output_text(), "Done.");
    assert_eq!(input(&server, 1), input(&server, 2));
    assert_eq!(paid.load(Ordering::SeqCst), 1);
}

/// Two tools, the second of which never returns.
fn one_hangs() -> Tools {
    let tools = Tools::new().function(definition("pay"), async |_: Payment| {
        Ok::<_, String>("paid".to_owned())
    });
    tools.function(definition("hang"), async |_: Payment| {
        core::future::pending::<()>().await;
        Ok::<_, String>(String::new())
    })
}

#[tokio::test]
async fn a_cancelled_run_keeps_what_is_done_and_reports_the_rest_as_unknown() {
    let calls = [call("call_1", "pay"), call("call_2", "hang")];
    let (server, mut session) = start(
        Script::new()
            .answer(answered(&calls))
            .answer(answered(&[said("One.")]).times(3)),
    );
    let tools = one_hangs();
    let run = session.run(&tools, "Pay.");
    tokio::time::timeout(Duration::from_millis(300), run)
        .await
        .expect_err("it hangs");
    let saved = session.to_json().expect("JSON");
    let mut restored = Session::from_json(session.client(), &saved).expect("a session");
    let mut fork = session.fork();
    for (number, session) in [&mut session, &mut restored, &mut fork]
        .into_iter()
        .enumerate()
    {
        session.ask("And?").await.expect("a response");
        let sent = input(&server, number + 1);
        assert_eq!(output(&sent, "call_1").as_deref(), Some("paid"));
        let unknown = output(&sent, "call_2").expect("an output");
        assert!(unknown.contains("unknown"), "{unknown}");
    }
}

#[tokio::test]
async fn a_call_whose_tool_was_never_started_is_reported_as_not_run() {
    let calls = [call("call_1", "hang"), call("call_2", "pay")];
    let (server, mut session) = start(
        Script::new()
            .answer(answered(&calls))
            .answer(answered(&[said("One.")]).times(2)),
    );
    let tools = one_hangs().alone("hang").alone("pay");
    let run = session.run(&tools, "Pay.");
    tokio::time::timeout(Duration::from_millis(300), run)
        .await
        .expect_err("it hangs");
    let saved = session.to_json().expect("JSON");
    let mut restored = Session::from_json(session.client(), &saved).expect("a session");
    for (number, session) in [&mut session, &mut restored].into_iter().enumerate() {
        session.ask("And?").await.expect("a response");
        let sent = input(&server, number + 1);
        assert!(
            output(&sent, "call_1")
                .expect("an output")
                .contains("unknown")
        );
        assert!(
            output(&sent, "call_2")
                .expect("an output")
                .contains("not run")
        );
    }
}

#[tokio::test]
async fn a_tool_that_panics_takes_nothing_with_it() {
    let calls = [call("call_1", "pay"), call("call_2", "crash")];
    let (server, mut session) = start(
        Script::new()
            .answer(answered(&calls))
            .answer(answered(&[said("One.")])),
    );
    let (tools, _) = paying();
    let tools = tools.function(definition("crash"), async |payment: Payment| {
        assert!(payment.amount > 100, "too little");
        Ok::<_, String>(String::new())
    });
    session.run(&tools, "Pay.").await.expect("a response");
    let sent = input(&server, 1);
    assert_eq!(output(&sent, "call_1").as_deref(), Some("paid 1"));
    assert!(
        output(&sent, "call_2")
            .expect("an output")
            .contains("unknown")
    );
}

#[tokio::test]
async fn a_program_can_keep_a_journal() {
    let (_server, mut session) = start(
        Script::new()
            .answer(answered(&[call("call_1", "pay"), call("call_2", "deny")]))
            .answer(answered(&[call("call_1", "pay")]))
            .answer(answered(&[said("Done.")])),
    );
    let (tools, _) = paying();
    let keys = Arc::new(Mutex::new(Vec::new()));
    let seen = keys.clone();
    let tools = tools
        .function_with_call(definition("deny"), async |_: Payment, _: ToolCall| {
            Ok::<_, String>(String::new())
        })
        .approve(move |call: ToolCall| {
            seen.lock().expect("a lock").push(call.idempotency_key());
            let denied = call.name == "deny";
            async move {
                match denied {
                    true => Approval::Deny("no".to_owned()),
                    false => Approval::Allow,
                }
            }
        });
    let mut journal = Vec::new();
    let mut turns = Vec::new();
    session
        .run_with(&tools, "Pay.", |progress| match progress {
            Progress::Started(call) => {
                turns.push(call.turn_id.clone());
                journal.push(format!("start {}", call.call_id));
            }
            Progress::Finished { call, .. } => journal.push(format!("end {}", call.call_id)),
            Progress::Output(item) => {
                let item = serde_json::to_value(item).expect("JSON");
                journal.push(format!(
                    "output {}",
                    item["call_id"].as_str().expect("an id")
                ));
            }
            _ => {}
        })
        .await
        .expect("a response");
    assert_eq!(
        journal,
        [
            "start call_1",
            "end call_1",
            "output call_1",
            "output call_2",
            "start call_1",
            "end call_1",
            "output call_1",
        ]
    );
    assert!(!turns[0].is_empty());
    let mut keys = keys.lock().expect("a lock").clone();
    assert_eq!(keys.len(), 3);
    keys.dedup();
    assert_eq!(
        keys.len(),
        3,
        "a call_id that is used again has another key"
    );
}

#[tokio::test]
async fn outputs_that_the_program_gives_are_kept_too() {
    let (server, mut session) = start(
        Script::new()
            .answer(answered(&[call("call_1", "pay")]))
            .answer(Answer::json(503, "{}"))
            .answer(answered(&[said("Done.")]).times(2)),
    );
    session.ask("Pay.").await.expect("a response");
    let paid = codex_types::FunctionCallOutput::new("paid").call_id("call_1");
    let outputs = [InputItem::from(paid)];
    session.follow_up(outputs.clone()).await.expect_err("503");
    // Whether or not the program passes them again.
    let mut fork = session.fork();
    let turn = session.follow_up(outputs).await.expect("a turn");
    turn.finish().await.expect("a response");
    fork.ask("And?").await.expect("a response");
    for number in [2, 3] {
        let sent = input(&server, number);
        assert_eq!(output(&sent, "call_1").as_deref(), Some("paid"), "{number}");
    }
}

fn open_calls() -> Vec<Value> {
    vec![
        call("c1", "f"),
        json!({"type": "custom_tool_call", "id": "x2", "call_id": "c2", "name": "p", "input": "", "status": "completed"}),
        json!({"type": "local_shell_call", "id": "x3", "call_id": "c3", "status": "completed", "action": {"type": "exec", "command": ["ls"], "env": {}}}),
        json!({"type": "shell_call", "id": "x4", "call_id": "c4", "action": {"commands": ["ls"]}, "status": "completed"}),
        json!({"type": "apply_patch_call", "id": "x5", "call_id": "c5", "status": "completed", "operation": {"type": "delete_file", "path": "a"}}),
        json!({"type": "tool_search_call", "id": "x6", "call_id": "c6", "execution": "client", "arguments": {}, "status": "completed"}),
        json!({"type": "mcp_approval_request", "id": "c7", "server_label": "s", "name": "f", "arguments": "{}"}),
        json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}),
        json!({"type": "computer_call", "id": "x8", "call_id": "c8", "status": "completed", "pending_safety_checks": [], "action": {"type": "wait"}}),
    ]
}

const OUTPUTS: [&str; 7] = [
    "function_call_output",
    "custom_tool_call_output",
    "local_shell_call_output",
    "shell_call_output",
    "apply_patch_call_output",
    "tool_search_output",
    "mcp_approval_response",
];

#[tokio::test]
async fn each_path_sends_a_paired_history() {
    let compaction = json!({"id": "cmp_1", "object": "response.compaction", "created_at": 1, "output": [{"type": "compaction", "encrypted_content": "x"}], "usage": {"input_tokens": 5, "output_tokens": 1, "total_tokens": 6}});
    let compacted = json!({"type": "compaction", "id": "cmp_1", "encrypted_content": "x"});
    let (server, mut session) = start(
        Script::new()
            .answer(answered(&open_calls()))
            .answer(answered(&[said("One.")]))
            .answer(Answer::json(200, compaction.to_string()))
            .answer(answered(&[compacted])),
    );
    session.ask("Work.").await.expect("a response");
    let mut forks = [session.fork(), session.fork()];
    let turn = session.turn("And?").await.expect("a turn");
    let left_out: Vec<&str> = turn.findings().iter().map(|it| it.code.as_str()).collect();
    assert_eq!(left_out, ["unanswered_call", "detached_reasoning"]);
    turn.finish().await.expect("a response");
    forks[0].compact().await.expect("a compaction");
    assert_eq!(forks[0].usage().total_tokens, 6);
    forks[1].compact_by_trigger().await.expect("a compaction");
    for number in 1..4 {
        let sent = input(&server, number);
        let kinds: Vec<&str> = sent.iter().filter_map(|it| it["type"].as_str()).collect();
        for output in OUTPUTS {
            assert!(kinds.contains(&output), "{number}: {output}");
        }
        assert!(!kinds.contains(&"computer_call"), "{number}");
        assert!(!kinds.contains(&"reasoning"), "{number}");
    }
}

#[tokio::test]
async fn an_id_that_is_used_again_does_not_hide_an_open_call() {
    let (server, mut session) = start(
        Script::new()
            .answer(answered(&[call("call_0", "pay")]))
            .answer(answered(&[said("One.")]))
            .answer(answered(&[call("call_0", "pay")]))
            .answer(answered(&[said("Two.")])),
    );
    let (tools, _) = paying();
    session.run(&tools, "Pay.").await.expect("a response");
    session.ask("Again.").await.expect("a response");
    session.ask("And?").await.expect("a response");
    input(&server, 3);
}

#[tokio::test]
async fn the_usage_of_a_run_is_that_of_all_rounds() {
    let (_server, mut session) = start(
        Script::new()
            .answer(answered(&[call("call_1", "pay")]))
            .answer(answered(&[call("call_2", "pay")]))
            .answer(answered(&[said("Done.")]))
            .answer(answered(&[said("Yes.")])),
    );
    let (tools, _) = paying();
    let mut rounds = Vec::new();
    let response = session
        .run_with(&tools, "Pay.", |progress| {
            if let Progress::Response(response) = progress {
                rounds.push(response.usage.as_ref().expect("usage").total_tokens);
            }
        })
        .await
        .expect("a response");
    assert_eq!(rounds, [12, 12, 12]);
    let usage = response.usage.as_deref().expect("usage");
    assert_eq!(usage.total_tokens, 36);
    assert_eq!((usage.cached_tokens(), usage.reasoning_tokens()), (12, 3));
    session.ask("Sure?").await.expect("a response");
    assert_eq!(session.usage().total_tokens, 48);
    let saved = session.to_json().expect("JSON");
    let restored = Session::from_json(session.client(), &saved).expect("a session");
    assert_eq!(restored.usage().total_tokens, 48);
    assert_eq!(session.fork().usage().total_tokens, 0);
}
