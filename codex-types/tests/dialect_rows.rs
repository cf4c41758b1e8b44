//! The bodies that every server of the table receives for the same requests, compared with recorded
//! ones, so that a change of a row shows its effect on the wire.
#![cfg(feature = "chat")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use codex_types::chat::translate::{RequestOptions, to_chat_request};
use codex_types::profile::ChatDialect;
use codex_types::{CreateResponse, RawJson};
use serde_json::{Value, json};

/// Requests that show the habits of a server, each with a name.
fn requests() -> [(&'static str, Value); 4] {
    let tools = json!([
        {"type": "function", "name": "tide", "description": "The tide.", "strict": true, "parameters":
            {"type": "object", "properties": {"port": {"type": "string"}}, "required": ["port"], "additionalProperties": false}},
        {"type": "custom", "name": "note", "description": "Writes a note."},
    ]);
    let history = json!({"model": "m", "instructions": "Be brief.", "stream": true, "tools": tools, "input": [
        {"type": "message", "role": "developer", "content": "Use meters."},
        {"type": "message", "role": "user", "content": "Tides?"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "Both ports."}]},
        {"type": "function_call", "call_id": "call_0123456789abcdef", "name": "tide", "arguments": "{\"port\":\"Emden\"}"},
        {"type": "custom_tool_call", "call_id": "call_fedcba9876543210", "name": "note", "input": "ebb"},
        {"type": "function_call_output", "call_id": "call_0123456789abcdef", "output": "3.1"},
        {"type": "custom_tool_call_output", "call_id": "call_fedcba9876543210", "output": "written"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "3.1 m.", "annotations": []}]},
        {"type": "message", "role": "user", "content": "And Husum?"},
        {"type": "reasoning", "id": "rs_2", "summary": [], "content": [{"type": "reasoning_text", "text": "One more."}]},
        {"type": "function_call", "call_id": "call_2", "name": "tide", "arguments": "{\"port\":\"Husum\"}"},
        {"type": "function_call_output", "call_id": "call_2", "output": "2.9"},
    ]});
    let options = json!({"model": "m", "input": "Hi", "stream": true, "max_output_tokens": 64, "temperature": 0.5,
        "top_p": 0.9, "store": false, "metadata": {"k": "v"}, "prompt_cache_key": "key", "service_tier": "auto",
        "reasoning": {"effort": "low"}, "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "n",
            "strict": true, "schema": {"type": "object", "properties": {}, "additionalProperties": false}}}});
    let forced = json!({"model": "m", "input": "Hi", "tools": tools, "parallel_tool_calls": false,
        "tool_choice": {"type": "function", "name": "tide"}});
    let images = json!({"model": "m", "tools": tools, "input": [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "See"},
            {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "auto"}]},
        {"type": "function_call", "call_id": "call_1", "name": "tide", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output":
            [{"type": "input_image", "image_url": "data:image/png;base64,BB==", "detail": "auto"}]},
    ]});
    [
        ("history", history),
        ("options", options),
        ("forced", forced),
        ("images", images),
    ]
}

/// Returns the body that this server is sent, or the parameter that is refused.
fn sent(name: &str, request: &Value) -> Value {
    let request: CreateResponse = serde_json::from_value(request.clone()).unwrap();
    let options = RequestOptions::for_dialect(ChatDialect::by_name(name).unwrap());
    match to_chat_request(&request, &options) {
        Err(error) => json!({"refused": error.parameter()}),
        Ok(translated) => {
            let body: Value = RawJson::encode(&translated.request)
                .unwrap()
                .decode()
                .unwrap();
            let dropped: Vec<_> = translated
                .findings
                .iter()
                .map(ToString::to_string)
                .collect();
            json!({"body": body, "diagnostics": dropped})
        }
    }
}

fn testdata() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata")
}

/// With `CODEX_TYPES_RECORD=1`, writes the file instead; its difference is then what is reviewed.
#[test]
fn every_row_sends_what_was_recorded() {
    let path = testdata().join("translate/dialects.jsonl");
    let mut written = String::new();
    for name in ChatDialect::NAMES {
        for (request, body) in &requests() {
            let line = json!({"dialect": name, "request": request, "sent": sent(name, body)});
            written.push_str(&format!("{line}\n"));
        }
    }
    if std::env::var_os("CODEX_TYPES_RECORD").is_some() {
        fs::write(&path, &written).unwrap();
    }
    let recorded = fs::read_to_string(&path).unwrap();
    for (now, then) in written.lines().zip(recorded.lines()) {
        assert_eq!(now, then);
    }
    assert_eq!(written.lines().count(), recorded.lines().count());
}

/// Every server of the table has streams among those of `testdata/dialects`.
#[test]
fn every_row_has_streams() {
    let mut streams: BTreeMap<String, usize> = BTreeMap::new();
    for entry in fs::read_dir(testdata().join("dialects")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let server = name.split('_').next().unwrap_or_default().to_owned();
        *streams.entry(server).or_default() += 1;
    }
    for name in ChatDialect::NAMES {
        let server = name.replace('.', "");
        assert!(
            *name == "generic" || streams.contains_key(&server),
            "no file of testdata/dialects starts with {server}_"
        );
    }
}
