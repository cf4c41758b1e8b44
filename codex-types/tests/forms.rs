//! Events in the forms of other servers.

use std::borrow::Cow;

use codex_types::*;

fn lifecycle(json: &str) -> LifecycleEvent {
    let event = ResponseEvent::from_json(json).unwrap();
    assert_eq!(event.to_json().unwrap(), json);
    let ResponseEvent::Completed(event) = event else {
        panic!("{json}");
    };
    event.into_inner()
}

#[test]
fn a_response_may_be_next_to_the_type() {
    let keys = r#""id":"resp_f","status":"completed","output":[{"type":"message","id":"msg_1"}],"usage":{"input_tokens":3},"user":"\ud83d","zz":1,"store":5"#;
    let nested: Response = RawJson::parse(&format!("{{{keys}}}"))
        .unwrap()
        .decode()
        .unwrap();
    for front in ["", r#""response":null,"#, r#""sequence_number":4,"#] {
        let json = format!(r#"{{"type":"response.completed",{front}{keys}}}"#);
        let event = lifecycle(&json);
        let response = event.response_or_flat();
        assert_eq!(*response, nested, "{json}");
        assert_eq!(
            RawJson::encode(&*response).unwrap(),
            RawJson::encode(&nested).unwrap()
        );
        assert_eq!(
            response.extra.spelling("user"),
            nested.extra.spelling("user")
        );
    }
    let json = r#"{"type":"response.completed","headers":{"a":1},"id":"resp_f"}"#;
    let event = lifecycle(json);
    assert_eq!(event.response_or_flat().headers, event.headers);
}

#[test]
fn a_nested_response_takes_precedence() {
    let event =
        lifecycle(r#"{"type":"response.completed","response":{"id":"resp_n"},"id":"resp_f"}"#);
    assert!(matches!(event.response_or_flat(), Cow::Borrowed(response) if response.id == "resp_n"));
    let event = lifecycle(r#"{"type":"response.completed","response":{},"id":"resp_f"}"#);
    assert_eq!(event.response_or_flat().id, "");
    let event = lifecycle(r#"{"type":"response.completed"}"#);
    assert!(matches!(event.response_or_flat(), Cow::Borrowed(_)));
    let mut built = LifecycleEvent::default();
    built.response.status = Status::Completed;
    built.extra.insert("id", RawJson::string("resp_f"));
    assert_eq!(built.response_or_flat().status, Status::Completed);
}

#[test]
fn text_is_an_error_where_the_hint_says_so() {
    for (text, message) in [
        ("upstream connect error", "upstream connect error"),
        (
            "<html>bad \"gateway\"</html>",
            "<html>bad \"gateway\"</html>",
        ),
        (r#" "model crashed \u00e9" "#, "model crashed é"),
        (r#"["a",1]"#, r#"["a",1]"#),
        (r#"{"message":"cut"#, r#"{"message":"cut"#),
        ("503", "503"),
        ("", ""),
    ] {
        for hint in ["error", "response.error"] {
            let event = ResponseEvent::from_json_hinted(Some(hint), text).unwrap();
            assert_eq!(event.error().unwrap().message, message);
            assert!(event.is_terminal());
            let written: serde_json::Value =
                serde_json::from_str(&event.to_json().unwrap()).unwrap();
            assert_eq!(
                written,
                serde_json::json!({"type": "error", "message": message})
            );
            let view = EventRef::from_json_hinted(Some(hint), text)
                .unwrap()
                .into_owned();
            assert_eq!(view, event);
        }
        for hint in [None, Some("response.failed")] {
            assert!(
                ResponseEvent::from_json_hinted(hint, text).is_err(),
                "{text}"
            );
        }
    }
    let half = ResponseEvent::from_json_hinted(Some("error"), r#""\ud83d""#).unwrap();
    assert_eq!(
        half.to_json().unwrap(),
        r#"{"type":"error","message":"\ud83d"}"#
    );
    // A JSON object that cannot be read is not text.
    let deep = format!(
        r#"{{ "type":"response.created","response":{{"tools":[{{"type":"file_search","filters":{}1{}}}]}}}}"#,
        r#"{"type":"and","filters":["#.repeat(99),
        "]}".repeat(99),
    );
    let error = ResponseEvent::from_json_hinted(Some("error"), &deep).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::TooDeep);
}

#[test]
fn an_error_may_be_text_in_an_object() {
    let json = r#"{"type":"error","error":"model crashed"}"#;
    let event = ResponseEvent::from_json(json).unwrap();
    assert_eq!(event.error().unwrap().message, "model crashed");
    assert_eq!(event.to_json().unwrap(), json);
}

#[test]
fn foreign_text_is_reported() {
    for (kind, key) in [
        ("output_text.delta", "delta"),
        ("function_call_arguments.delta", "delta"),
        ("audio.transcript.delta", "delta"),
        ("output_text.done", "text"),
        ("reasoning_text.done", "text"),
        ("reasoning_summary_text.done", "text"),
        ("refusal.done", "refusal"),
        ("function_call_arguments.done", "arguments"),
        ("mcp_call_arguments.done", "arguments"),
        ("custom_tool_call_input.done", "input"),
        ("code_interpreter_call_code.done", "code"),
        ("shell_call_command.delta", "delta"),
        ("shell_call_command.done", "command"),
    ] {
        for (value, is_foreign) in [
            (r#""a""#, false),
            (r#""\ud83d""#, false),
            ("null", false),
            ("7", true),
            ("{}", key != "arguments"),
            ("[1]", key != "arguments"),
        ] {
            let json = format!(r#"{{"type":"response.{kind}","{key}":{value}}}"#);
            let event = ResponseEvent::from_json(&json).unwrap();
            assert_eq!(event.foreign_text(), is_foreign.then_some(key), "{json}");
            assert_eq!(event.to_json().unwrap(), json);
            if let Some(delta) = event.delta() {
                assert_eq!(delta.has_foreign_delta(), is_foreign);
                assert_eq!(delta.as_ref().has_foreign_delta(), is_foreign);
            }
        }
        let missing = format!(r#"{{"type":"response.{kind}"}}"#);
        assert_eq!(
            ResponseEvent::from_json(&missing).unwrap().foreign_text(),
            None
        );
    }
    for json in [
        r#"{"type":"response.completed","text":{}}"#,
        r#"{"type":"response.shell_call_output_content.delta","delta":{"stdout":"a"}}"#,
        r#"{"type":"zz","delta":{}}"#,
    ] {
        assert_eq!(ResponseEvent::from_json(json).unwrap().foreign_text(), None);
    }
}
