//! The size of a request.

use alloc::format;
use alloc::vec::Vec;

use crate::lint::tree::{Node, Value};
use crate::lint::{Finding, FindingCode as Code, Linter};
use crate::{DecodeError, RawJson};

/// The approximate size of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SizeEstimate {
    /// Bytes of JSON.
    pub bytes: usize,
    /// Input tokens: a quarter of the bytes of the text, and a fixed number for each inline image
    /// or file. The estimate is within about a third for English and code.
    pub tokens: u64,
}

/// Estimates the size of a request without the model's tokenizer.
///
/// # Errors
///
/// Returns an error when the body nests deeper than 128 levels.
///
/// # Examples
///
/// ```
/// use codex_types::RawJson;
/// use codex_types::lint::estimate_size;
///
/// let body = RawJson::parse(r#"{"model":"gpt-5.5","input":"What is the capital of France?"}"#)?;
/// assert_eq!(estimate_size(&body)?.tokens, 8);
/// # Ok::<(), codex_types::DecodeError>(())
/// ```
pub fn estimate_size(body: &RawJson) -> Result<SizeEstimate, DecodeError> {
    Ok(estimate(&Node::read(body)?))
}

pub(super) fn check(linter: &Linter, body: &Node<'_>, found: &mut Vec<Finding>) {
    let Some(entry) = linter.models.get(body.text_of("model")) else {
        return;
    };
    let Some(window) = entry.context_window_with(linter.profile.models) else {
        return;
    };
    let SizeEstimate { tokens, .. } = estimate(body);
    // The estimate may be a third too high, so a request that may fit passes.
    if tokens / 4 * 3 > window {
        let message = format!("about {tokens} tokens exceed the context window of {window}");
        found.push(Finding::warning(Code::TooLarge, "/input", message));
    }
}

fn estimate(body: &Node<'_>) -> SizeEstimate {
    let read = ["instructions", "input", "tools", "text"]
        .iter()
        .filter_map(|name| body.get(name));
    let (mut bytes, mut files) = (0, 0);
    for node in read {
        count(node, &mut bytes, &mut files);
    }
    SizeEstimate {
        bytes: body.text.len(),
        tokens: (bytes as u64).div_ceil(4) + files * FILE_TOKENS,
    }
}

fn count(node: &Node<'_>, bytes: &mut usize, files: &mut u64) {
    match &node.value {
        Value::Text(text) if text.starts_with("data:") => *files += 1,
        Value::Text(text) => *bytes += text.len(),
        Value::List(items) => items.iter().for_each(|item| count(item, bytes, files)),
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            // Names and tags are a few tokens of framing; ids are not read by the model.
            if !matches!(&**name, "id" | "type" | "role" | "status" | "call_id") {
                count(value, bytes, files);
            }
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => *bytes += node.text.len(),
    }
}

/// An image of a thousand pixels per side, in high detail.
const FILE_TOKENS: u64 = 1_000;
