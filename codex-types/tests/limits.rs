//! What untrusted input must not be able to do, and what types promise about themselves.

use core::error::Error;

use codex_types::*;

#[test]
fn events_are_small() {
    assert!(
        size_of::<ResponseEvent>() <= 64,
        "{}",
        size_of::<ResponseEvent>()
    );
    assert!(size_of::<Delta>() <= 64, "{}", size_of::<Delta>());
    assert_eq!(size_of::<DecodeError>(), size_of::<usize>());
    assert!(
        size_of::<OutputItem>() <= 256,
        "{}",
        size_of::<OutputItem>()
    );
    assert!(size_of::<InputItem>() <= 256, "{}", size_of::<InputItem>());
    assert!(size_of::<Tool>() <= 256, "{}", size_of::<Tool>());
}

#[test]
fn types_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + Unpin + Clone + 'static>() {}
    shared::<ResponseEvent>();
    shared::<EventRef<'static>>();
    shared::<CreateResponse>();
    shared::<Response>();
    shared::<OutputItem>();
    shared::<InputItem>();
    shared::<RawJson>();
    shared::<ApiError>();
    shared::<RateLimits>();

    fn error<T: Error + Send + Sync + 'static>() {}
    error::<DecodeError>();
    error::<ArgumentsError>();
    error::<ApiError>();
}

/// serde_json counts 128 levels in one parse. Text that is parsed a second time, because its tag
/// came late, must not restart the count at each level, or it could exhaust the stack.
#[test]
fn nesting_is_bounded() {
    let deep = |levels: usize| {
        let mut json = String::from(r#"{"type":"eq","key":"a","value":1}"#);
        for _ in 0..levels {
            json = format!(r#"{{"filters":[{json}],"type":"and"}}"#);
        }
        json
    };
    for levels in [1, 10, 30, 40, 63, 64, 100, 1000, 10_000] {
        let json = deep(levels);
        let Ok(filter) = RawJson::parse(&json).unwrap().decode::<Filter>() else {
            panic!("{levels} levels cannot be read");
        };
        let written = RawJson::encode(&filter).unwrap();
        assert_eq!(written.to_compact().len(), json.len());
    }
    let deep = |levels: usize| {
        let mut json = String::from(r#"{"type":"eq","key":"a","value":1}"#);
        for _ in 0..levels {
            json = format!(r#"{{"type":"and","filters":[{json}]}}"#);
        }
        json
    };
    assert!(
        RawJson::parse(&deep(30))
            .unwrap()
            .decode::<Filter>()
            .is_ok()
    );
    let error = RawJson::parse(&deep(10_000))
        .unwrap()
        .decode::<Filter>()
        .unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::TooDeep);

    let brackets = format!(
        r#"{{"type":"zz","a":{}{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let event = ResponseEvent::from_json(&brackets).unwrap();
    assert_eq!(event.to_json().unwrap(), brackets);
}

/// Reading repeated keys takes time that is linear in their number.
#[test]
fn repeated_keys_are_no_trap() {
    for value in ["1", "null", "\"x\"", "{}"] {
        for kind in [
            "response.output_text.delta",
            "response.output_item.done",
            "error",
            "zz",
        ] {
            let mut json = format!(r#"{{"type":"{kind}""#);
            for n in 0..50_000 {
                json.push_str(&format!(
                    r#","zz{n}":1,"item_id":{value},"delta":{value},"type":{value}"#
                ));
            }
            json.push('}');
            let event = ResponseEvent::from_json(&json).unwrap();
            assert!(event.to_json().unwrap().len() <= json.len());
        }
    }
}

#[test]
fn the_last_of_repeated_keys_counts() {
    for (json, written) in [
        (
            r#"{"type":"refusal","refusal":1,"refusal":"a"}"#,
            r#"{"type":"refusal","refusal":"a"}"#,
        ),
        (
            r#"{"type":"refusal","refusal":"a","refusal":1}"#,
            r#"{"type":"refusal","refusal":1}"#,
        ),
        (
            r#"{"type":"refusal","refusal":1,"refusal":2}"#,
            r#"{"type":"refusal","refusal":2}"#,
        ),
        (
            r#"{"type":"refusal","refusal":1,"refusal":null}"#,
            r#"{"type":"refusal","refusal":null}"#,
        ),
        (
            r#"{"refusal":1,"refusal":"b","type":"refusal"}"#,
            r#"{"type":"refusal","refusal":"b"}"#,
        ),
    ] {
        let part: OutputPart = RawJson::parse(json).unwrap().decode().unwrap();
        assert_eq!(RawJson::encode(&part).unwrap().as_str(), written, "{json}");
    }
    for (json, written) in [
        (
            r#"{"type":"response.refusal.delta","delta":1,"delta":"a"}"#,
            r#"{"type":"response.refusal.delta","delta":"a"}"#,
        ),
        (
            r#"{"type":"response.refusal.delta","delta":"a","delta":1}"#,
            r#"{"type":"response.refusal.delta","delta":1}"#,
        ),
        (
            r#"{"type":"response.refusal.delta","delta":1,"delta":2}"#,
            r#"{"type":"response.refusal.delta","delta":2}"#,
        ),
    ] {
        assert_eq!(
            ResponseEvent::from_json(json).unwrap().to_json().unwrap(),
            written,
            "{json}"
        );
    }
}

#[test]
fn errors_say_what_and_where() {
    let said = |json: &str| {
        let error = ResponseEvent::from_json(json).unwrap_err();
        (
            error.kind(),
            error.to_string(),
            error.event_kind().map(String::from),
        )
    };
    assert_eq!(
        said("[DONE]"),
        (
            DecodeErrorKind::Syntax,
            "invalid JSON at byte 1".into(),
            None
        )
    );
    assert_eq!(
        said(""),
        (
            DecodeErrorKind::UnexpectedEnd,
            "unexpected end of JSON at byte 0".into(),
            None
        )
    );
    for json in ["null", "1", "\"secret\"", "[]", "true"] {
        assert_eq!(
            said(json),
            (
                DecodeErrorKind::Mismatch,
                "unexpected type in JSON at byte 0".into(),
                None
            )
        );
    }
    assert_eq!(
        said("{\"type\":\"response.created\",\n\"response\":{\"id\": secret}}"),
        (
            DecodeErrorKind::Syntax,
            "invalid JSON at byte 46".into(),
            Some("response.created".into())
        )
    );
    let error = RawJson::parse("\"secret\"")
        .unwrap()
        .decode::<u8>()
        .unwrap_err();
    assert_eq!(error.to_string(), "unexpected type in JSON at byte 7");
    assert!(error.source().is_none());
    let unwritable = RawJson::encode(&std::collections::BTreeMap::from([((1, 2), 3)])).unwrap_err();
    assert_eq!(unwritable.to_string(), "value cannot be serialized as JSON");
    assert_eq!(unwritable.side(), Side::Local);
    let arguments = FunctionCall::new("c", "f", "secret")
        .arguments_as::<u8>()
        .unwrap_err();
    assert_eq!(arguments.to_string(), "invalid arguments of a call");
    assert_eq!(
        arguments.source().unwrap().to_string(),
        "invalid JSON at byte 0"
    );
    assert!(!format!("{arguments:?}").contains("secret"));
}

#[test]
fn secrets_are_not_shown() {
    let tool = McpServerTool::new("tickets")
        .authorization("hunter2")
        .headers([("x-key", "hunter2")].into_iter().collect::<Map<Secret>>());
    assert!(!format!("{tool:?}").contains("hunter2"));
    assert!(RawJson::encode(&tool).unwrap().as_str().contains("hunter2"));
}

/// Fractions are written back to the last digit, as log probabilities require.
#[test]
fn fractions_are_exact() {
    for text in [
        "0.1",
        "-0.30000000000000004",
        "51.24817837550540",
        "2.638344616030823e-256",
        "-1.2345678901234567e-7",
        "5e-324",
        "1.7976931348623157e308",
    ] {
        let json = format!(r#"{{"token":"a","logprob":{text}}}"#);
        let logprob: Logprob = RawJson::parse(&json).unwrap().decode().unwrap();
        assert_eq!(
            logprob.logprob.as_f64(),
            text.parse::<f64>().unwrap(),
            "{text}"
        );
        let written = RawJson::encode(&logprob).unwrap();
        let again: Logprob = written.decode().unwrap();
        assert_eq!(again, logprob, "{text}");
    }
}
