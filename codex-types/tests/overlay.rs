//! A newer state of a response over an older one, as one JSON object over another.

use codex_types::*;
use proptest::prelude::*;
use serde_json::{Map as Object, Value, json};

fn response(json: &str) -> Response {
    RawJson::parse(json).unwrap().decode().unwrap()
}

fn value(json: &str) -> Value {
    serde_json::from_str(&json.replace("\\u", "\\\\u")).unwrap()
}

fn overlaid(older: &str, newer: &str) -> String {
    let mut overlaid = response(older);
    overlaid.overlay(response(newer));
    RawJson::encode(&overlaid).unwrap().to_string()
}

#[track_caller]
fn assert_overlay(older: &str, newer: &str) {
    let Value::Object(mut expected) = value(older) else {
        panic!("{older}");
    };
    let Value::Object(newer_keys) = value(newer) else {
        panic!("{newer}");
    };
    for (key, value) in newer_keys {
        // A null replaces nothing.
        if !value.is_null() || !expected.contains_key(&key) {
            expected.insert(key, value);
        }
    }
    let written = overlaid(older, newer);
    assert_eq!(value(&written), Value::Object(expected), "{older} {newer}");
    assert_eq!(
        value(&RawJson::encode(&response(&written)).unwrap().to_string()),
        value(&written)
    );
}

#[test]
fn what_is_there_replaces_what_was() {
    for (older, newer) in [
        ("{}", "{}"),
        (
            r#"{"id":"a","status":"queued"}"#,
            r#"{"status":"completed"}"#,
        ),
        (
            r#"{"id":"a","usage":null}"#,
            r#"{"id":null,"usage":{"input_tokens":1}}"#,
        ),
        (r#"{"output":[{"type":"x"}]}"#, r#"{"output":[]}"#),
        (
            r#"{"output":[{"type":"x"}],"user":"u"}"#,
            r#"{"output":null,"user":null}"#,
        ),
        (
            r#"{"zz":1,"yy":2}"#,
            r#"{"yy":[3],"zz":null,"xx":null,"ww":4}"#,
        ),
        (r#"{"id":"a"}"#, r#"{"error":null,"new":null}"#),
        (r#"{"error":5,"new":5}"#, r#"{"error":null,"new":null}"#),
        (r#"{"output":{}}"#, r#"{"output":[]}"#),
        (r#"{"output":[{"type":"x"}]}"#, r#"{"output":{}}"#),
        (r#"{"output":{}}"#, r#"{"output":5}"#),
        (r#"{"user":"\ud83d"}"#, r#"{"user":"a"}"#),
        (r#"{"user":"\ud83d"}"#, r#"{"user":5}"#),
        (
            r#"{"user":"a","\ud83d":1}"#,
            r#"{"user":"\ud83d","\ud83d":2,"\ude00":3}"#,
        ),
    ] {
        assert_overlay(older, newer);
    }
}

#[test]
fn keys_that_gave_way_cannot_be_seen_any_more() {
    let mut older = response(r#"{"output":{},"user":"\ud83d","zz":1,"zz":2}"#);
    older.overlay(response(r#"{"output":[],"user":"a","zz":3}"#));
    assert_eq!(older.extra.get("output"), None);
    assert_eq!(older.extra.spelling("user"), None);
    assert_eq!(older.extra.get("zz").unwrap().as_str(), "3");

    let mut built = Response::new("resp_1", Status::InProgress);
    built.overlay(Response::new("resp_1", Status::Completed).background(true));
    assert_eq!(
        (built.status, built.background),
        (Status::Completed, Some(true))
    );
}

/// The time of many overlays grows with the new data, not with the existing data.
#[test]
fn overlays_are_cheap() {
    const KEYS: usize = 20_000;
    let key = |n: usize| format!("\"zz{n}\":{n}");
    let all: Vec<_> = (0..KEYS).map(key).collect();
    let mut older = response(&format!("{{{}}}", all.join(",")));
    for n in 0..KEYS {
        let output = if n % 2 == 0 { "{}" } else { "[]" };
        older.overlay(response(&format!(
            r#"{{"output":{output},"zz{n}":true,"yy{n}":false}}"#
        )));
    }
    assert_eq!(older.extra.len(), 2 * KEYS);
    assert!(older.extra.iter().all(|(name, value)| {
        value.as_str()
            == if name.starts_with('z') {
                "true"
            } else {
                "false"
            }
    }));
    let newer: Vec<_> = (0..KEYS).rev().map(key).collect();
    older.overlay(response(&format!("{{{}}}", newer.join(","))));
    assert_eq!(older.extra.get("zz7").unwrap().as_str(), "7");
    older.extra.remove("zz7");
    older.overlay(response(r#"{"zz7":8,"zz8":9}"#));
    assert_eq!(older.extra.get("zz7").unwrap().as_str(), "8");
    assert_eq!(older.extra.len(), 2 * KEYS);
}

fn keys() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec![
        "id", "status", "model", "output", "user", "usage", "error", "store", "zz", "yy", "tools",
    ]);
    let key = prop_oneof![key.prop_map(String::from), "z[0-9]"];
    let value = prop::sample::select(vec![
        json!(null),
        json!("a"),
        json!(1),
        json!(true),
        json!([]),
        json!({}),
        json!([{"type": "x", "id": null}]),
        json!({"input_tokens": 1, "q": 2}),
    ]);
    prop::collection::vec((key, value), 0..40)
        .prop_map(|keys| Value::Object(keys.into_iter().collect::<Object<_, _>>()))
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_overlay_is_that_of_the_objects(older in keys(), newer in keys()) {
        assert_overlay(&older.to_string(), &newer.to_string());
    }
}
