//! The public types by their names in the corpus.

#![allow(dead_code, reason = "each test uses a part of it")]

use core::fmt::Debug;
use std::fs;
use std::path::PathBuf;

use codex_types::*;
use serde_json::Value;

/// One file of the corpus.
pub(crate) struct Sample {
    pub(crate) root: String,
    /// The name without its extension: the kind, then `full`, `minimal` or what it shows.
    pub(crate) name: String,
    pub(crate) json: String,
}

/// The result of reading and writing a value.
pub(crate) struct Passed {
    pub(crate) known: bool,
    pub(crate) json: String,
    pub(crate) debug: String,
    /// Whether reading the written text gave the same value.
    pub(crate) same: bool,
}

pub(crate) const ROOTS: &[&str] = &[
    "event",
    "ws_event",
    "client_event",
    "input_item",
    "output_item",
    "stored_item",
    "input_part",
    "output_part",
    "annotation",
    "tool",
    "tool_choice",
    "text_format",
    "request",
    "compact_request",
    "input_tokens_request",
    "response",
    "compaction",
    "conversation",
    "create_conversation",
    "webhook",
    "item_list",
    "input_tokens",
    "error",
    "models",
    "turn_metadata",
];

pub(crate) fn corpus() -> Vec<Sample> {
    let mut samples = Vec::new();
    for root in ROOTS {
        let mut files: Vec<_> = fs::read_dir(directory().join(root))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        for file in files {
            samples.push(Sample {
                root: (*root).into(),
                name: file.file_stem().unwrap().to_str().unwrap().into(),
                json: fs::read_to_string(&file).unwrap(),
            });
        }
    }
    samples
}

pub(crate) fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata/json")
}

/// Reads `json` as the type that `root` names, and writes it back.
pub(crate) fn pass(root: &str, name: &str, json: &str) -> Passed {
    match root {
        "event" | "ws_event" => {
            let event = ResponseEvent::from_json(json).unwrap();
            let written = event.to_json().unwrap();
            Passed {
                known: event.is_known(),
                debug: format!("{event:?}"),
                same: ResponseEvent::from_json(&written).unwrap() == event,
                json: written,
            }
        }
        "client_event" => through(json, ClientEvent::is_known),
        "input_item" => through(json, InputItem::is_known),
        "output_item" => through(json, OutputItem::is_known),
        "stored_item" => through(json, StoredItem::is_known),
        "input_part" => through(json, InputPart::is_known),
        "output_part" => through(json, OutputPart::is_known),
        "annotation" => through(json, Annotation::is_known),
        "tool" => through(json, Tool::is_known),
        "tool_choice" => through(json, |choice: &ToolChoice| match choice {
            ToolChoice::Mode(mode) => mode.is_listed(),
            ToolChoice::Target(target) => target.is_known(),
            _ => false,
        }),
        "text_format" => through(json, TextFormat::is_known),
        "request" => through(json, |_: &CreateResponse| true),
        "compact_request" => through(json, |_: &CompactRequest| true),
        "input_tokens_request" => through(json, |_: &InputTokensRequest| true),
        "response" => through(json, |_: &Response| true),
        "compaction" => through(json, |_: &Compaction| true),
        "conversation" => through(json, |_: &StoredConversation| true),
        "create_conversation" => through(json, |_: &CreateConversation| true),
        "webhook" => through(json, |event: &WebhookEvent| event.kind.is_listed()),
        "item_list" => through(json, |_: &ItemList| true),
        "input_tokens" => through(json, |_: &InputTokens| true),
        "error" => through(json, |_: &ErrorEvent| true),
        "models" if name.starts_with("catalog") => through(json, |_: &ModelCatalog| true),
        "models" => through(json, |_: &ModelList| true),
        "turn_metadata" => through(json, |_: &TurnMetadata| true),
        _ => panic!("there is no root {root}"),
    }
}

fn through<T>(json: &str, is_known: impl Fn(&T) -> bool) -> Passed
where
    T: serde::de::DeserializeOwned + serde::Serialize + Debug + PartialEq,
{
    let read = |json: &str| RawJson::parse(json).unwrap().decode::<T>().unwrap();
    let value = read(json);
    let written = serde_json::to_string(&value).unwrap();
    Passed {
        known: is_known(&value),
        debug: format!("{value:?}"),
        same: read(&written) == value,
        json: written,
    }
}

/// Asserts that reading and writing loses nothing.
pub(crate) fn assert_lossless(root: &str, name: &str, json: &str) -> Passed {
    let passed = pass(root, name, json);
    let before: Value = serde_json::from_str(json).unwrap();
    let after: Value = serde_json::from_str(&passed.json).unwrap();
    assert_eq!(before, after, "{root}/{name}: {json}");
    assert!(passed.same, "{root}/{name}: {json}");
    passed
}
