//! Calls and outputs: which calls are open, which outputs answer them, and that the linter and the
//! repair of a history agree.

use codex_types::lint::{FindingCode as Code, Linter, Pairing};
use codex_types::profile::Profile;
use codex_types::{
    CreateResponse, FunctionCall, Input, InputItem, OpenCalls, PreparedInput, RawJson,
};

fn items(json: &str) -> Vec<InputItem> {
    RawJson::parse(json).unwrap().decode().unwrap()
}

fn open(json: &str) -> Vec<(usize, String)> {
    let open: OpenCalls = items(json).iter().collect();
    open.iter()
        .map(|call| (call.index(), call.call_id().to_owned()))
        .collect()
}

/// Returns the repaired history as JSON, and the codes of its faults.
fn repaired(json: &str, linter: Linter) -> (String, Vec<Code>) {
    let mut request = CreateResponse::new("m").input(items(json));
    let linter = linter.pairing(Pairing::Answer);
    let findings = linter.fix_history(&mut request).unwrap();
    let left = linter.lint(&request).unwrap();
    assert!(left.iter().all(|finding| finding.fix.is_none()), "{left:?}");
    let items = request.input.map(Input::into_items).unwrap_or_default();
    let codes = findings.iter().map(|finding| finding.code).collect();
    (RawJson::encode(&items).unwrap().to_string(), codes)
}

const CALLS: [(&str, &str, &str); 8] = [
    (
        r#"{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}"#,
        "function_call_output",
        "call_id",
    ),
    (
        r#"{"type":"custom_tool_call","call_id":"c","name":"f","input":""}"#,
        "custom_tool_call_output",
        "call_id",
    ),
    (
        r#"{"type":"local_shell_call","call_id":"c","status":"completed","action":{"type":"exec","command":["ls"]}}"#,
        "local_shell_call_output",
        "id",
    ),
    (
        r#"{"type":"shell_call","call_id":"c","action":{"commands":["ls","pwd"]}}"#,
        "shell_call_output",
        "call_id",
    ),
    (
        r#"{"type":"apply_patch_call","call_id":"c","status":"completed","operation":{"type":"delete_file","path":"a"}}"#,
        "apply_patch_call_output",
        "call_id",
    ),
    (
        r#"{"type":"tool_search_call","call_id":"c","execution":"client","arguments":{}}"#,
        "tool_search_output",
        "call_id",
    ),
    (
        r#"{"type":"mcp_approval_request","id":"c","server_label":"s","name":"f","arguments":"{}"}"#,
        "mcp_approval_response",
        "approval_request_id",
    ),
    (
        r#"{"type":"computer_call","id":"x","call_id":"c","status":"completed","action":{"type":"wait"}}"#,
        "computer_call_output",
        "call_id",
    ),
];

#[test]
fn each_kind_of_call_is_answered_by_its_own_output() {
    for (call, output, key) in CALLS {
        let history = items(&format!("[{call}]"));
        let mut open: OpenCalls = history.iter().collect();
        let waiting = open.iter().next().unwrap().clone();
        assert_eq!(waiting.call_id(), "c", "{call}");
        let Some(answer) = waiting.answer("not run") else {
            assert_eq!(output, "computer_call_output");
            continue;
        };
        let json = RawJson::encode(&answer).unwrap().to_string();
        assert_eq!(answer.kind(), output);
        assert!(json.contains(&format!(r#""{key}":"c""#)), "{json}");
        // A tool search has no text output.
        assert!(json.contains("not run") || output == "tool_search_output");
        open.push(&answer);
        assert!(open.is_empty(), "{json}");
    }
}

#[test]
fn each_command_of_a_shell_call_has_an_output() {
    let history = items(&format!("[{}]", CALLS[3].0));
    let open: OpenCalls = history.iter().collect();
    let answer = open.iter().next().unwrap().answer("not run").unwrap();
    let InputItem::ShellCallOutput(answer) = answer else {
        panic!("a shell call has a shell output");
    };
    assert_eq!(answer.output.len(), 2);
}

#[test]
fn an_id_that_is_used_again_is_paired_by_position() {
    let call = r#"{"type":"function_call","call_id":"call_0","name":"f","arguments":"{}"}"#;
    let output = r#"{"type":"function_call_output","call_id":"call_0","output":"1"}"#;
    let user = r#"{"role":"user","content":"go on"}"#;
    assert_eq!(
        open(&format!("[{call},{output},{user},{call},{output}]")),
        []
    );
    assert_eq!(
        open(&format!("[{call},{output},{call}]")),
        [(2, "call_0".into())]
    );
    // The output of the second turn does not answer the first.
    assert_eq!(
        open(&format!("[{call},{user},{call},{output}]")),
        [(0, "call_0".into())]
    );
    // Of two calls in one turn the first is answered first.
    assert_eq!(
        open(&format!("[{call},{call},{output}]")),
        [(1, "call_0".into())]
    );
    let (_, codes) = repaired(
        &format!("[{call},{output},{user},{call},{output}]"),
        Linter::new(Profile::platform()),
    );
    assert_eq!(codes, []);
}

#[test]
fn two_calls_with_one_id_keep_both_outputs() {
    let call = r#"{"type":"function_call","call_id":"c","name":"pay","arguments":"{}"}"#;
    let history = format!(
        r#"[{call},{call},{{"type":"function_call_output","call_id":"c","output":"paid 1"}},{{"type":"function_call_output","call_id":"c","output":"paid 2"}}]"#
    );
    let (json, codes) = repaired(&history, Linter::new(Profile::platform()));
    assert_eq!(codes, [Code::DuplicateCall, Code::DuplicateOutput]);
    assert!(json.contains("paid 1") && json.contains("paid 2"), "{json}");
    assert_eq!(json.matches(r#""call_id":"c_1""#).count(), 2, "{json}");
}

#[test]
fn calls_that_the_service_runs_are_not_open() {
    for json in [
        r#"[{"type":"shell_call","call_id":"c","action":{"commands":["ls"]},"environment":{"type":"container_auto"}}]"#,
        r#"[{"type":"tool_search_call","call_id":null,"execution":"server","arguments":{}}]"#,
        r#"[{"type":"web_search_call","id":"ws_1","status":"completed"}]"#,
    ] {
        assert_eq!(open(json), [], "{json}");
        let (_, codes) = repaired(json, Linter::new(Profile::platform()));
        assert_eq!(codes, [], "{json}");
    }
}

#[test]
fn what_cannot_be_answered_is_left_out_with_its_reasoning() {
    let history = format!(
        r#"[{{"role":"user","content":"Hi"}},{{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"x"}},{}]"#,
        CALLS[7].0
    );
    let (json, codes) = repaired(&history, Linter::new(Profile::platform()));
    assert_eq!(codes, [Code::UnansweredCall, Code::DetachedReasoning]);
    assert_eq!(json, r#"[{"role":"user","content":"Hi"}]"#);
}

#[test]
fn a_repair_answers_where_the_call_is() {
    let history = r#"[{"type":"function_call","call_id":"a","name":"f","arguments":"{}"},{"role":"user","content":"Hi"},{"type":"function_call_output","call_id":"b","output":"done"}]"#;
    let (json, codes) = repaired(history, Linter::new(Profile::platform()));
    assert_eq!(codes, [Code::OrphanOutput, Code::UnansweredCall]);
    assert!(
        json.starts_with(concat!(
            r#"[{"type":"function_call","call_id":"a","name":"f","arguments":"{}"},"#,
            r#"{"type":"function_call_output","output":"No output"#,
        )),
        "{json}"
    );
    assert!(json.contains("gave back: done"), "{json}");
}

#[test]
fn reasoning_that_nobody_can_look_up_is_left_out() {
    let history = r#"[{"type":"reasoning","id":"rs_1","summary":[]},{"type":"message","role":"assistant","content":"Hi"}]"#;
    let (_, codes) = repaired(history, Linter::new(Profile::platform()));
    assert_eq!(codes, []);
    let mut request = CreateResponse::new("m").input(items(history)).store(false);
    let linter = Linter::new(Profile::platform());
    let findings = linter.fix_history(&mut request).unwrap();
    assert_eq!(findings[0].code, Code::UnresolvableItem);
    assert_eq!(request.input.unwrap().into_items().len(), 1);
}

#[test]
fn a_history_that_begins_elsewhere_may_have_outputs_only() {
    let output = items(r#"[{"type":"function_call_output","call_id":"b","output":"done"}]"#);
    let mut request = CreateResponse::new("m")
        .input(output)
        .previous_response_id("resp_1");
    let linter = Linter::new(Profile::platform());
    assert_eq!(linter.fix_history(&mut request).unwrap(), []);
}

#[test]
fn a_long_history_of_one_id_takes_linear_time() {
    let call = r#"{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}"#;
    let output = r#"{"type":"function_call_output","call_id":"c","output":""}"#;
    let calls = vec![call; 20_000].join(",");
    let outputs = vec![output; 20_000].join(",");
    assert_eq!(open(&format!("[{calls},{outputs}]")), []);
}

#[test]
fn a_prepared_history_is_repaired_like_any_other() {
    let call: InputItem = FunctionCall::new("call_1", "now", "{}").into();
    let items = [call, "Go on.".into()];
    let linter = Linter::new(Profile::platform()).pairing(Pairing::Answer);
    let mut plain = CreateResponse::new("gpt-5.5").input(items.clone());
    let mut prepared = CreateResponse::new("gpt-5.5");
    prepared.input = Some(Input::from(&PreparedInput::from_iter(items)));
    assert!(!linter.accepts_history(&prepared));
    let found = linter.fix_history(&mut plain).unwrap();
    assert_eq!(linter.fix_history(&mut prepared).unwrap(), found);
    assert_eq!(prepared, plain);
    assert!(linter.accepts_history(&prepared));
}
