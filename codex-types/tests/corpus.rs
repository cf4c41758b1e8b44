//! Every kind that the crate knows has invented samples, which it reads and writes back completely.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests panic on failed expectations"
)]

mod support;

use std::collections::BTreeSet;
use std::fs;

use codex_types::*;
use support::{assert_lossless, corpus, directory};

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
