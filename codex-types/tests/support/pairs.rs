//! The corpus of pairs in `testdata/translate`.

use codex_types::chat::translate::{AnswerOptions, Commentary, ReasoningShown};
use codex_types::{Map, RawJson};

/// The cases of a file.
pub(crate) fn cases(file: &str) -> Vec<Map<RawJson>> {
    let path = format!(
        "{}/../testdata/translate/{file}.jsonl",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| RawJson::parse(line).unwrap().decode().unwrap())
        .collect()
}

/// A text of a case.
pub(crate) fn text(case: &Map<RawJson>, key: &str) -> Option<String> {
    case.get(key).map(|value| value.decode().unwrap())
}

/// The options under which a case is translated.
pub(crate) fn answer_options(case: &Map<RawJson>) -> AnswerOptions {
    let options = AnswerOptions::new();
    match text(case, "options").as_deref() {
        None => options,
        Some("usage") => options.include_usage(true),
        Some("omit") => options.commentary(Commentary::Omit),
        Some("reasoning") => options.reasoning(ReasoningShown::Text),
        Some("items") => options.reasoning(ReasoningShown::TextAndItems),
        Some(other) => panic!("{other} is no choice"),
    }
}
