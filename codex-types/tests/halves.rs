//! Lone surrogate halves: text shows each as U+FFFD, and they are written back as they came.

use codex_types::*;
use serde_json::Value;

use crate::support::{assert_lossless, corpus, pass};

/// Reads and writes `json`; both must be the same value, with halves compared as escapes.
#[track_caller]
fn assert_same(root: &str, json: &str) {
    #[cfg(feature = "chat")]
    let written = match root {
        "chat_chunk" => encoded::<chat::ChatChunk>(json),
        "chat_request" => encoded::<chat::ChatRequest>(json),
        _ => pass(root, "", json).json,
    };
    #[cfg(not(feature = "chat"))]
    let written = pass(root, "", json).json;
    let value = |json: &str| serde_json::from_str::<Value>(&json.replace("\\u", "\\\\u")).unwrap();
    assert_eq!(value(json), value(&written), "{json}");
}

#[cfg(feature = "chat")]
fn encoded<T: serde::de::DeserializeOwned + serde::Serialize>(json: &str) -> String {
    RawJson::encode(&decoded::<T>(json)).unwrap().to_string()
}

fn decoded<T: serde::de::DeserializeOwned>(json: &str) -> T {
    RawJson::parse(json).unwrap().decode().unwrap()
}

#[test]
fn halves_are_kept_everywhere() {
    for (root, json) in [
        (
            "output_item",
            r#"{"type":"message","role":"assistant","content":[],"note":"\ud83d"}"#,
        ),
        (
            "output_item",
            r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a\ud83d"}]}"#,
        ),
        (
            "output_item",
            r#"{"type":"message","role":"assistant","content":"a\ud83d"}"#,
        ),
        (
            "output_item",
            r#"{"note":"\ud83d","id":"\ude00","type":"message","content":[{"text":"\ud83d","type":"output_text"}]}"#,
        ),
        (
            "output_item",
            r#"{"type":"message","\ud83d":1,"\ude00":"\ud83d","id":"m"}"#,
        ),
        ("output_item", r#"{"\ud83d":1,"type":"message","id":"m"}"#),
        (
            "output_item",
            r#"{"\ud83d":1,"type":"dream","\uDE00":{"\ud83d":[]}}"#,
        ),
        ("output_item", r#"{"type":"\ud83d","id":"m"}"#),
        (
            "output_item",
            r#"{"type":"function_call","call_id":"c","name":"f","arguments":"{\"a\":\"\uD83D\"}"}"#,
        ),
        (
            "output_item",
            r#"{"type":"function_call","call_id":"c","name":"f","status":"\ud83d"}"#,
        ),
        (
            "output_item",
            r#"{"type":"web_search_call","action":{"type":"search","queries":["a","\ud83d"]}}"#,
        ),
        (
            "output_item",
            r#"{"type":"web_search_call","action":{"type":"search","queries":["\ud83d",5]}}"#,
        ),
        (
            "output_item",
            r#"{"type":"function_call","id":"\ud83d\ud83d\ude00\ude00"}"#,
        ),
        (
            "event",
            r#"{"type":"response.output_text.delta","delta":"\ude00"}"#,
        ),
        (
            "event",
            r#"{"type":"response.output_text.delta","item_id":"\ud83d","obfuscation":"\ud83d","stream_id":"\ud83d"}"#,
        ),
        (
            "event",
            r#"{"delta":"\ud83d","\ud83d":1,"type":"response.output_text.delta","zz":"\ud83d","logprobs":[{"token":"\ud83d"}]}"#,
        ),
        (
            "event",
            r#"{"type":"response.output_text.done","item_id":"m","text":"\ud83d and \ud83d\ude00"}"#,
        ),
        (
            "event",
            r#"{"type":"response.function_call_arguments.done","item_id":"m","arguments":"\ud83d"}"#,
        ),
        (
            "event",
            r#"{"sequence_number":-1,"delta":{},"type":"response.output_text.delta","zz":"\ud83d"}"#,
        ),
        (
            "event",
            r#"{"type":"dream","sequence_number":3,"\ud83d":"\ud83d"}"#,
        ),
        (
            "event",
            r#"{"\ud83d":1,"type":"dream","sequence_number":3}"#,
        ),
        ("event", r#"{"error":{"message":"\ud83d"},"\ud83d":2}"#),
        ("event", r#"{"type":"\ud83d"}"#),
        (
            "event",
            r#"{"type":"error","message":"\ud83d","code":"\ud83d"}"#,
        ),
        (
            "response",
            r#"{"id":"r","metadata":{"a":"\ud83d","\ude00":"b"},"instructions":"\ud83d"}"#,
        ),
        (
            "response",
            r#"{"id":"r","metadata":{"\ud83d":"b","a":5},"tool_choice":"\ud83d"}"#,
        ),
        (
            "response",
            r#"{"id":"r","output":{"\ud83d":[]},"tool_choice":{"\ud83d":"a"}}"#,
        ),
        (
            "request",
            r#"{"model":"m","input":"\ud83d","include":["\ud83d"]}"#,
        ),
        (
            "request",
            r#"{"model":"m","input":[{"role":"user","content":"\ud83d"},{"role":"user","content":[{"type":"input_text","text":"\ud83d"}]}]}"#,
        ),
        (
            "error",
            r#"{"error":{"message":"\ud83d"},"detail":"\ud83d","headers":{"a":"\ud83d"}}"#,
        ),
        (
            "tool",
            r#"{"type":"mcp","server_label":"s","allowed_tools":["\ud83d"],"authorization":"\ud83d"}"#,
        ),
        #[cfg(feature = "chat")]
        (
            "chat_chunk",
            r#"{"choices":[{"index":0,"delta":{"content":"\ud83d"}}]}"#,
        ),
        #[cfg(feature = "chat")]
        (
            "chat_request",
            r#"{"model":"m","stop":["\ud83d"],"messages":[{"role":"user","content":"\ud83d"},{"role":"user","content":["\ud83d",{"type":"text","text":"\ud83d"}]}]}"#,
        ),
    ] {
        assert_same(root, json);
        assert_same(root, &json.replace("d83d", "D83D"));
    }
    // A number out of range before the type stays JSON.
    let json = r#"{"delta":"\ud83d","sequence_number":1e999,"type":"response.output_text.delta"}"#;
    let written = ResponseEvent::from_json(json).unwrap().to_json().unwrap();
    assert_eq!(
        written,
        r#"{"type":"response.output_text.delta","delta":"\ud83d","sequence_number":1e999}"#
    );
    // A backslash that is escaped does not start an escape.
    assert_lossless(
        "output_item",
        "",
        r#"{"type":"message","id":"\\ud83d","note":"\\\\\\ud83d"}"#,
    );
}

#[test]
fn fields_show_halves_as_replacement_characters() {
    let item: FunctionCall = decoded(
        r#"{"type":"function_call","name":"\ud83d\u00e9\\ud83d","status":"\ude00","x":"\ud83d"}"#,
    );
    assert_eq!(item.name, "\u{fffd}é\\ud83d");
    assert_eq!(item.status.as_ref().unwrap().as_str(), "\u{fffd}");
    assert_eq!(item.extra.get("x").unwrap().as_str(), r#""\ud83d""#);
    assert_eq!(
        item.extra.spelling("name").unwrap().as_str(),
        r#""\ud83d\u00e9\\ud83d""#
    );
    assert_eq!((item.extra.len(), item.extra.spelling("x")), (1, None));
    assert_eq!(decoded::<Vec<String>>(r#"["\ud83d"]"#), ["\u{fffd}"]);
    assert_eq!(
        decoded::<Value>(r#"{"\ud83d":["\ud83d",1e2]}"#),
        serde_json::json!({"\u{fffd}": ["\u{fffd}", 100.0]})
    );
    let unknown: OutputItem = decoded(r#"{"type":"\ud83d"}"#);
    assert_eq!(unknown.kind(), "\u{fffd}");
}

#[test]
fn converted_messages_keep_halves() {
    for content in [
        r#""a\ud83d""#,
        r#"[{"type":"output_text","text":"\ud83d"}]"#,
    ] {
        let json = format!(
            r#"{{"type":"message","role":"assistant","content":{content},"id":"\ude00","zz":"\ud83d"}}"#
        );
        let message: Message = decoded::<OutputMessage>(&json).into();
        assert_eq!(message.extra.len(), 1);
        let written = RawJson::encode(&message).unwrap();
        assert_eq!(written.as_str(), json);
    }
}

#[test]
fn a_changed_field_is_written_as_it_is() {
    let mut response: Response =
        decoded(r#"{"id":"\ud83d","metadata":{"a":"\ud83d"},"model":"\ud83d"}"#);
    response.id = "new".into();
    response.metadata.as_mut().unwrap().insert("b", "c");
    let written = RawJson::encode(&response).unwrap();
    assert_eq!(
        written.as_str(),
        "{\"id\":\"new\",\"model\":\"\\ud83d\",\"metadata\":{\"a\":\"\u{fffd}\",\"b\":\"c\"}}"
    );
    response.model.clear();
    assert!(
        !RawJson::encode(&response)
            .unwrap()
            .as_str()
            .contains("ud83d")
    );
}

#[test]
fn the_last_of_repeated_keys_counts() {
    for (last, spelled) in [
        (r#""\ud83d""#, true),
        (r#""\ufffd""#, false),
        ("null", false),
        ("5", false),
    ] {
        let json =
            format!(r#"{{"type":"response.output_text.delta","delta":"\ud83e","delta":{last}}}"#);
        let event = ResponseEvent::from_json(&json).unwrap();
        assert_eq!(
            event.extra().unwrap().spelling("delta").is_some(),
            spelled,
            "{json}"
        );
        let call: FunctionCall = decoded(&format!(r#"{{"name":"\ud83e","name":{last}}}"#));
        assert_eq!(call.extra.spelling("name").is_some(), spelled, "{last}");
    }
}

#[test]
fn deltas_have_halves_at_their_ends() {
    for (json, leading, trailing) in [
        (r#""\ude00 a \ud83d""#, Some(0xde00), Some(0xd83d)),
        (r#""\ud83d""#, None, Some(0xd83d)),
        (r#""\uDE00""#, Some(0xde00), None),
        (r#""\ud83d\ude00""#, None, None),
        (r#""\ud83d a \ude00""#, None, None),
        (r#""\\ud83d""#, None, None),
        (r#"["\ude00"]"#, None, None),
    ] {
        let halves = Halves::of(&RawJson::parse(json).unwrap());
        assert_eq!(
            (halves.leading, halves.trailing),
            (leading, trailing),
            "{json}"
        );
    }
    assert_eq!(Halves::join(0xd83d, 0xde00), Some('😀'));
    assert_eq!(Halves::join(0xde00, 0xd83d), None);
    assert_eq!(Halves::join(0x41, 0x42), None);

    let json = r#"{"type":"response.output_text.delta","delta":"\ude00"}"#;
    let event = EventRef::from_json(json).unwrap().into_owned();
    let delta = event.delta().unwrap();
    assert_eq!(delta.delta(), "\u{fffd}");
    assert_eq!(
        Halves::of(delta.as_ref().extra().spelling("delta").unwrap()).leading,
        Some(0xde00)
    );
    assert_eq!(delta.extra().len(), 0);
}

/// Each text of each sample in turn, with a lone half at its end.
#[test]
fn every_text_of_the_samples_may_hold_a_half() {
    let mut tried = 0;
    for sample in corpus() {
        let ends: Vec<_> = sample.json.match_indices('"').map(|(at, _)| at).collect();
        let every = 1 + sample.json.len() / 200;
        for end in ends.into_iter().skip(1).step_by(2).step_by(every) {
            let (front, back) = sample.json.split_at(end);
            let json = format!("{front}\\ud83d{back}");
            if serde_json::from_str::<Value>(&format!("{front}x{back}")).is_ok() {
                assert_same(&sample.root, &json);
                // How text is spelled does not change the value.
                let read = |json: &str| pass(&sample.root, &sample.name, json);
                let (half, replaced) = (read(&json), read(&json.replace("ud83d", "ufffd")));
                let debug = half.debug.replace("\\ud83d", "\u{fffd}");
                // Keys with halves move in unknown values, and text without an object stays JSON.
                if half.known && half.debug.contains("extra") && !back.starts_with("\":") {
                    assert_eq!(
                        debug,
                        replaced.debug.replace("\\ufffd", "\u{fffd}"),
                        "{json}"
                    );
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 500, "{tried}");
}

#[test]
fn limits_hold_for_text_with_halves_too() {
    let error = |json: &str| ResponseEvent::from_json(json).unwrap_err();
    let cut = error(r#"{"type":"response.output_text.done","text":"\ud83d","#);
    assert_eq!(
        (cut.kind(), cut.offset()),
        (DecodeErrorKind::UnexpectedEnd, 52)
    );
    let wrong = error(r#"{"type":"response.output_text.done","text":"\ud83d",x}"#);
    assert_eq!(
        (wrong.kind(), wrong.offset()),
        (DecodeErrorKind::Syntax, 52)
    );
    assert_eq!(error(r#"["\ud83d"]"#).kind(), DecodeErrorKind::Mismatch);

    let deep = |levels: usize| {
        let mut json = String::from(r#"{"type":"eq","key":"\ud83d","value":"\ud83d"}"#);
        for _ in 0..levels {
            json = format!(r#"{{"type":"and","filters":[{json}]}}"#);
        }
        RawJson::parse(&json).unwrap()
    };
    for levels in [1, 30, 63] {
        let json = deep(levels);
        let filter: Filter = json.decode().unwrap();
        assert_eq!(RawJson::encode(&filter).unwrap(), json);
    }
    for levels in [64, 1000] {
        let error = deep(levels).decode::<Filter>().unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::TooDeep);
    }
    let brackets = format!(
        r#"{{"a":{}"\ud83d"{},"type":"error"}}"#,
        "[".repeat(9999),
        "]".repeat(9999)
    );
    assert_same(
        "error",
        &format!(
            r#"{{"type":"error","message":"{}"}}"#,
            "\\ud83d".repeat(100_000)
        ),
    );
    let event = ResponseEvent::from_json(&brackets).unwrap();
    assert_eq!(
        event.extra().unwrap().get("a").unwrap().as_str().len(),
        9999 * 2 + 8
    );
}
