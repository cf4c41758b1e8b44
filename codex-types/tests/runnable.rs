//! Which items the client runs, and which of them may run.

use codex_types::{CallFault, ClientCallKind, OutputItem, RawJson};

fn item(json: &str) -> OutputItem {
    RawJson::parse(json).unwrap().decode().unwrap()
}

#[test]
fn the_client_runs_some_calls_and_the_service_others() {
    use ClientCallKind as K;
    let cases = [
        (
            r#"{"type":"function_call","call_id":"c"}"#,
            Some(K::Function),
        ),
        (
            r#"{"type":"custom_tool_call","call_id":"c"}"#,
            Some(K::Custom),
        ),
        (
            r#"{"type":"local_shell_call","call_id":"c"}"#,
            Some(K::LocalShell),
        ),
        (r#"{"type":"shell_call","call_id":"c"}"#, Some(K::Shell)),
        (
            r#"{"type":"shell_call","environment":null}"#,
            Some(K::Shell),
        ),
        (
            r#"{"type":"shell_call","environment":{"type":"local"}}"#,
            Some(K::Shell),
        ),
        (
            r#"{"type":"shell_call","environment":{"type":"container_auto"}}"#,
            None,
        ),
        (
            r#"{"type":"shell_call","environment":{"type":"container_reference","container_id":"c"}}"#,
            None,
        ),
        (
            r#"{"type":"shell_call","environment":{"type":"moon"}}"#,
            None,
        ),
        (
            r#"{"type":"apply_patch_call","call_id":"c"}"#,
            Some(K::ApplyPatch),
        ),
        (
            r#"{"type":"computer_call","call_id":"c"}"#,
            Some(K::Computer),
        ),
        (
            r#"{"type":"tool_search_call","call_id":"c"}"#,
            Some(K::ToolSearch),
        ),
        (
            r#"{"type":"tool_search_call","execution":"client"}"#,
            Some(K::ToolSearch),
        ),
        (
            r#"{"type":"tool_search_call","execution":"server","call_id":"c"}"#,
            None,
        ),
        (r#"{"type":"tool_search_call","call_id":null}"#, None),
    ];
    for (json, expected) in cases {
        let item = item(json);
        assert_eq!(
            item.client_call().map(|call| call.kind()),
            expected,
            "{json}"
        );
        assert!(item.is_tool_call(), "{json}");
    }
    for kind in [
        "mcp_call",
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "image_generation_call",
    ] {
        let item = item(&format!(r#"{{"type":"{kind}","status":"completed"}}"#));
        assert!(
            item.client_call().is_none() && item.is_tool_call(),
            "{kind}"
        );
    }
    for kind in [
        "message",
        "reasoning",
        "function_call_output",
        "mcp_approval_request",
        "dream_call",
    ] {
        let item = item(&format!(r#"{{"type":"{kind}"}}"#));
        assert!(
            item.client_call().is_none() && !item.is_tool_call(),
            "{kind}"
        );
    }
}

#[test]
fn a_call_shows_what_it_calls() {
    let custom = item(r#"{"type":"custom_tool_call","call_id":"c","name":"p","input":"x"}"#);
    let call = custom.client_call().unwrap();
    assert_eq!(
        (call.call_id(), call.name(), call.input()),
        (Some("c"), Some("p"), "x")
    );
    assert_eq!(call.item(), &custom);
    let shell = item(r#"{"type":"shell_call","call_id":"","action":{"commands":["ls"]}}"#);
    let call = shell.client_call().unwrap();
    assert_eq!(
        (call.call_id(), call.name(), call.input()),
        (None, None, "")
    );
}

#[test]
fn only_whole_calls_may_run() {
    use CallFault as F;
    let cases = [
        (
            r#""type":"function_call","call_id":"c","name":"f","arguments":"{}""#,
            Ok(()),
        ),
        (
            r#""type":"function_call","call_id":"c","name":"f","arguments":"""#,
            Ok(()),
        ),
        (
            r#""type":"function_call","call_id":"c","name":"f","arguments":" ""#,
            Ok(()),
        ),
        (r#""type":"function_call","call_id":"c","name":"f""#, Ok(())),
        (
            r#""type":"function_call","call_id":"c","name":"f","arguments":"{""#,
            Err(F::InvalidJson),
        ),
        (
            r#""type":"function_call","call_id":"c","name":"f","arguments":"{}{}""#,
            Err(F::InvalidJson),
        ),
        (
            r#""type":"function_call","call_id":"","name":"f","arguments":"{""#,
            Err(F::Unaddressed),
        ),
        (
            r#""type":"function_call","call_id":"c","arguments":"{}""#,
            Err(F::Unaddressed),
        ),
        (
            r#""type":"custom_tool_call","call_id":"c","name":"p","input":"{""#,
            Ok(()),
        ),
        (
            r#""type":"custom_tool_call","call_id":"c","input":"x""#,
            Err(F::Unaddressed),
        ),
        (r#""type":"apply_patch_call","call_id":"c""#, Ok(())),
        (r#""type":"computer_call""#, Err(F::Unaddressed)),
        (
            r#""type":"local_shell_call","id":"lsh_1""#,
            Err(F::Unaddressed),
        ),
        (
            r#""type":"tool_search_call","execution":"client""#,
            Err(F::Unaddressed),
        ),
    ];
    for (json, expected) in cases {
        let check = |status: &str| {
            let item = item(&format!("{{{json}{status}}}"));
            item.client_call().unwrap().check()
        };
        for status in [
            "",
            r#","status":null"#,
            r#","status":"completed""#,
            r#","status":"ready""#,
        ] {
            assert_eq!(check(status), expected, "{json}{status}");
        }
        for status in ["in_progress", "incomplete", "failed"] {
            let status = format!(r#","status":"{status}""#);
            assert_eq!(check(&status), Err(F::Unfinished), "{json}{status}");
        }
    }
    assert_eq!(F::Unfinished.to_string(), "the call is not finished");
    assert_eq!(
        F::Unaddressed.to_string(),
        "the call has no call_id or no name"
    );
    assert_eq!(
        F::InvalidJson.to_string(),
        "the arguments of the call are not JSON"
    );
}

#[test]
fn every_item_with_a_status_has_it() {
    let without = [
        "program",
        "additional_tools",
        "compaction",
        "compaction_summary",
        "context_compaction",
        "mcp_list_tools",
        "mcp_approval_request",
        "mcp_approval_response",
        "agent_message",
        "multi_agent_call",
        "multi_agent_call_output",
    ];
    for kind in OutputItem::KINDS {
        let with = item(&format!(r#"{{"type":"{kind}","status":"incomplete"}}"#));
        let expected = (!without.contains(kind)).then_some("incomplete");
        assert_eq!(with.item_status().map(|it| it.as_str()), expected, "{kind}");
        let bare = item(&format!(r#"{{"type":"{kind}"}}"#));
        assert_eq!(bare.item_status(), None, "{kind}");
    }
}
