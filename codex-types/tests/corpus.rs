//! Every kind that the crate knows has invented samples, which it reads and writes back completely.

use std::collections::BTreeSet;
use std::fs;

use codex_types::*;
use serde_json::Value;

use crate::support::{assert_lossless, corpus, directory};

#[test]
fn every_sample_passes_unchanged() {
    for sample in corpus() {
        let passed = assert_lossless(&sample.root, &sample.name, &sample.json);
        let expected = sample.name != "unknown";
        assert_eq!(passed.known, expected, "{}/{}", sample.root, sample.name);
    }
}

/// A key of the reference that ends up among the extra keys has no field, or one of the wrong type;
/// an unknown or unlisted value has no variant.
///
/// Two keys are expected: the `type` of an older name, and the `stream` of a request. A missing key
/// leaves an empty unlisted value or an unknown `null`.
#[test]
fn every_key_and_value_of_the_samples_has_its_place() {
    let mut misfits = Vec::new();
    for sample in corpus().iter().filter(|sample| sample.name != "unknown") {
        let passed = assert_lossless(&sample.root, &sample.name, &sample.json);
        let debug = [
            "extra: {\"type\"}",
            "extra: {\"stream\"}",
            "Unlisted(Unlisted { text: \"\", number: false })",
            "Unknown(null)",
            "Unknown(Unknown { kind: \"\", raw: null })",
        ]
        .iter()
        .fold(passed.debug, |debug, meant| debug.replace(meant, ""));
        for sign in ["extra: {\"", "Unknown(", "Unlisted("] {
            if let Some(at) = debug.find(sign) {
                let around = debug[at..].chars().take(60).collect::<String>();
                misfits.push(format!("{}/{}: {around}", sample.root, sample.name));
            }
        }
    }
    assert!(misfits.is_empty(), "{misfits:#?}");
}

#[test]
fn every_kind_has_a_full_and_a_minimal_sample() {
    let samples: BTreeSet<_> = corpus()
        .into_iter()
        .map(|sample| (sample.root, sample.name))
        .collect();
    let mut missing = Vec::new();
    let mut checked = 0;
    for (roots, kinds) in [
        (&["event", "ws_event"][..], ResponseEvent::KINDS),
        (&["client_event"], ClientEvent::KINDS),
        (&["input_item"], InputItem::KINDS),
        (&["output_item"], OutputItem::KINDS),
        (&["stored_item"], StoredItem::KINDS),
        (&["input_part"], InputPart::KINDS),
        (&["output_part"], OutputPart::KINDS),
        (&["annotation"], Annotation::KINDS),
        (&["tool"], Tool::KINDS),
        (&["tool_choice"], ToolChoiceMode::VALUES),
        (&["tool_choice"], ToolChoiceTarget::KINDS),
        (&["text_format"], TextFormat::KINDS),
        (&["webhook"], WebhookKind::VALUES),
    ] {
        for kind in kinds {
            for form in ["full", "minimal"] {
                checked += 1;
                let name = format!("{kind}.{form}");
                if !roots
                    .iter()
                    .any(|root| samples.contains(&((*root).into(), name.clone())))
                {
                    missing.push(format!("{}/{name}", roots[0]));
                }
            }
        }
        for root in roots.iter().filter(|root| **root != "ws_event") {
            assert!(
                samples.contains(&((*root).into(), "unknown".into())),
                "{root}"
            );
        }
    }
    println!("{checked} samples of kinds, {} in all", samples.len());
    assert!(missing.is_empty(), "{missing:#?}");
}

/// A payload that lacks one of its shared keys in the declaration would lose it here.
#[test]
fn shared_keys_of_events_are_those_of_their_json() {
    for sample in corpus() {
        if !matches!(&*sample.root, "event" | "ws_event") {
            continue;
        }
        let json: Value = serde_json::from_str(&sample.json).unwrap();
        let event = ResponseEvent::from_json(&sample.json).unwrap();
        let name = &sample.name;
        let number = |key: &str| json.get(key).and_then(Value::as_u64);
        let text = |key: &str| json.get(key).and_then(Value::as_str);
        let index = event.output_index().map(u64::from);
        assert_eq!(event.sequence_number(), number("sequence_number"), "{name}");
        assert_eq!(index, number("output_index"), "{name}");
        assert_eq!(event.stream_id(), text("stream_id"), "{name}");
        let of_item = json.get("item").and_then(|item| item.get("id")?.as_str());
        assert_eq!(event.item_id(), text("item_id").or(of_item), "{name}");
        let listed = EventKind::VALUES.contains(&event.kind());
        assert_eq!(event.event_kind().is_listed(), listed, "{name}");
        assert_eq!(listed, event.is_known(), "{name}");
    }
}

/// An item that lacks a column in the table of items would lose it here.
#[test]
fn columns_of_items_are_those_of_their_json() {
    for sample in corpus() {
        let json = || RawJson::parse(&sample.json).unwrap();
        let (id, status, input) = match &*sample.root {
            "output_item" => {
                let item: OutputItem = json().decode().unwrap();
                let status = item.item_status().map(|status| status.as_str().to_owned());
                (
                    item.id().map(str::to_owned),
                    Some(status),
                    item.input().map(str::to_owned),
                )
            }
            "stored_item" => {
                let item: StoredItem = json().decode().unwrap();
                (
                    item.id().map(str::to_owned),
                    None,
                    item.input().map(str::to_owned),
                )
            }
            "input_item" => {
                let item: InputItem = json().decode().unwrap();
                (
                    item.id().map(str::to_owned),
                    None,
                    item.input().map(str::to_owned),
                )
            }
            _ => continue,
        };
        let name = &sample.name;
        let json: Value = serde_json::from_str(&sample.json).unwrap();
        let text = |key: &str| json.get(key)?.as_str().map(str::to_owned);
        let is_known = name != "unknown";
        assert_eq!(
            id,
            text("id").filter(|_| is_known),
            "{}/{name}",
            sample.root
        );
        if let Some(status) = status {
            assert_eq!(status, text("status").filter(|_| is_known), "{name}");
        }
        let key = match text("type").as_deref() {
            Some("function_call" | "mcp_call") => Some("arguments"),
            Some("custom_tool_call") => Some("input"),
            Some("code_interpreter_call") => Some("code"),
            _ => None,
        };
        let built = key.map(|key| text(key).unwrap_or_default());
        assert_eq!(input, built, "{}/{name}", sample.root);
    }
}

/// Every file states its origin, and every file that is mentioned exists.
#[test]
fn every_sample_has_a_provenance() {
    let provenance = fs::read_to_string(directory().join("PROVENANCE.txt")).unwrap();
    let spoken_of: BTreeSet<_> = provenance
        .lines()
        .filter_map(|line| line.split_once(".json: "))
        .map(|(file, _)| file.to_owned())
        .collect();
    let there: BTreeSet<_> = corpus()
        .iter()
        .map(|sample| format!("{}/{}", sample.root, sample.name))
        .collect();
    assert_eq!(spoken_of, there);
}

/// The methods that return a `String` do not use serde, and write the same bytes.
#[test]
fn events_are_written_as_serde_writes_them() {
    let mut events: Vec<String> = corpus().into_iter().map(|sample| sample.json).collect();
    let every_byte: String = (0..0x80_u8)
        .map(char::from)
        .chain("é😀\u{2028}".chars())
        .collect();
    let texts = serde_json::to_string(&every_byte).unwrap();
    for number in ["0", "-1", "18446744073709551615", "1.0", "-0.5", "1e300"] {
        events.push(format!(
            r#"{{"type":"response.completed","response":{{"id":{texts},"temperature":{number},"metadata":{{{texts}:{texts}}}}}}}"#
        ));
    }
    for json in events {
        if let Ok(event) = ResponseEvent::from_json(&json) {
            assert_eq!(
                event.to_json().unwrap(),
                serde_json::to_string(&event).unwrap()
            );
        }
    }
}
