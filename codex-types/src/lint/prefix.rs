//! Whether a request begins like the previous one.
//!
//! The service caches the common beginning of two requests. The checks run in the order in which it
//! reads; the first difference ends what can be reused.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::lint::tree::Node;
use crate::lint::{Finding, FindingCode as Code};
use crate::{DecodeError, RawJson};

/// The portion of a prompt that the next request repeats from the beginning, in bytes of JSON.
///
/// The service can reuse at most that part from its cache. The cache also depends on time and
/// load: [`Usage::cached_ratio`](crate::Usage::cached_ratio) reports what it did reuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PromptStability {
    /// The size of the common beginning.
    pub kept: usize,
    /// The size of the previous prompt: tools, instructions and input.
    pub previous: usize,
    /// The size of the next prompt.
    pub next: usize,
}

impl PromptStability {
    /// Returns the portion of the previous prompt that the next one repeats, from 0 to 1.
    ///
    /// It is 1 while a conversation only grows.
    pub fn share(&self) -> f64 {
        if self.previous == 0 {
            return 1.0;
        }
        self.kept as f64 / self.previous as f64
    }
}

/// Measures how much of a prompt the next request repeats from the beginning.
///
/// [`Linter::lint_next`](crate::lint::Linter::lint_next) reports where the first difference is. A
/// request that continues a response repeats all of it.
///
/// # Errors
///
/// Returns an error when a body nests deeper than 128 levels.
///
/// # Examples
///
/// ```
/// use codex_types::RawJson;
/// use codex_types::lint::prompt_stability;
///
/// let first = RawJson::parse(
///     r#"{"model":"gpt-5.5","instructions":"Be brief.","input":[{"role":"user","content":"Hi"}]}"#,
/// )?;
/// let grown = RawJson::parse(
///     r#"{"model":"gpt-5.5","instructions":"Be brief.","input":[{"role":"user","content":"Hi"},{"role":"user","content":"Well?"}]}"#,
/// )?;
/// assert_eq!(prompt_stability(&first, &grown)?.share(), 1.0);
/// let changed = RawJson::parse(
///     r#"{"model":"gpt-5.5","instructions":"Be long.","input":[{"role":"user","content":"Hi"}]}"#,
/// )?;
/// assert_eq!(prompt_stability(&first, &changed)?.share(), 0.0);
/// # Ok::<(), codex_types::DecodeError>(())
/// ```
pub fn prompt_stability(
    previous: &RawJson,
    next: &RawJson,
) -> Result<PromptStability, DecodeError> {
    let (previous, next) = (Node::read(previous)?, Node::read(next)?);
    Ok(PromptStability {
        kept: compare(&previous, &next).kept,
        previous: size(&previous),
        next: size(&next),
    })
}

/// Returns the first difference that loses the cached prefix, if there is one.
pub(super) fn check(previous: &Node<'_>, next: &Node<'_>) -> Option<Finding> {
    let (pointer, message) = compare(previous, next).difference?;
    Some(Finding::warning(Code::CachePrefixChanged, pointer, message))
}

/// The common beginning of two prompts, and the location and description of the difference that
/// ends it.
struct Comparison {
    kept: usize,
    difference: Option<(String, &'static str)>,
}

fn compare(previous: &Node<'_>, next: &Node<'_>) -> Comparison {
    let changed = |kept: usize, pointer: String, message: &'static str| Comparison {
        kept,
        difference: Some((pointer, message)),
    };
    for name in ["model", "prompt_cache_key"] {
        if !same(previous.given(name), next.given(name)) {
            return changed(0, format!("/{name}"), DIFFERS);
        }
    }
    let tools = list(previous, "tools");
    if let Some(at) = first_difference(tools, list(next, "tools"), true) {
        let kept = bytes(tools.iter().take(at));
        let message = "the tools differ from the previous request from here on";
        return changed(kept, format!("/tools/{at}"), message);
    }
    let mut kept = bytes(tools);
    let instructions = previous.given("instructions");
    if !same(instructions, next.given("instructions")) {
        let message = "the instructions differ from the previous request";
        return changed(kept, "/instructions".into(), message);
    }
    kept += bytes(instructions);
    for (outer, inner) in [
        ("text", "format"),
        ("text", "verbosity"),
        ("reasoning", "effort"),
    ] {
        let of = |body: &Node<'_>| {
            body.get(outer)
                .and_then(|object| object.given(inner))
                .map(Node::to_raw)
        };
        if of(previous) != of(next) {
            return changed(kept, format!("/{outer}/{inner}"), DIFFERS);
        }
    }
    // A request that continues a response contains only new items.
    if next.given("previous_response_id").is_some() {
        return Comparison {
            kept: size(previous),
            difference: None,
        };
    }
    let (before, now) = (list(previous, "input"), list(next, "input"));
    if before.is_empty() {
        let input = previous.given("input");
        if same(input, next.given("input")) {
            kept += bytes(input);
        } else if input.is_some_and(|input| input.as_text().is_some()) {
            let message = "the input was text in the previous request";
            return changed(kept, "/input".into(), message);
        }
        return Comparison {
            kept,
            difference: None,
        };
    }
    match first_difference(before, now, false) {
        Some(at) => {
            let message = "the input differs from the previous request from here on";
            let kept = kept + bytes(before.iter().take(at));
            changed(kept, format!("/input/{at}"), message)
        }
        None => Comparison {
            kept: kept + bytes(before),
            difference: None,
        },
    }
}

/// Returns the size of the prompt, counted like the common beginning.
fn size(body: &Node<'_>) -> usize {
    let input = match list(body, "input") {
        [] => bytes(body.given("input")),
        items => bytes(items),
    };
    bytes(list(body, "tools")) + bytes(body.given("instructions")) + input
}

fn bytes<'b, 'a: 'b>(nodes: impl IntoIterator<Item = &'b Node<'a>>) -> usize {
    nodes.into_iter().map(|node| node.text.len()).sum()
}

const DIFFERS: &str = "it differs from the previous request";

fn list<'b, 'a>(body: &'b Node<'a>, name: &str) -> &'b [Node<'a>] {
    body.get(name).map_or(&[], Node::items)
}

/// Returns where two lists differ; with `exactly` also where one ends.
fn first_difference(before: &[Node<'_>], now: &[Node<'_>], exactly: bool) -> Option<usize> {
    let pairs: Vec<_> = before.iter().zip(now).collect();
    let common = pairs.iter().take_while(|(one, two)| one.same(two)).count();
    let ends = if exactly {
        before.len().max(now.len())
    } else {
        before.len()
    };
    (common < ends).then_some(common)
}

fn same(one: Option<&Node<'_>>, two: Option<&Node<'_>>) -> bool {
    match (one, two) {
        (Some(one), Some(two)) => one.same(two),
        (None, None) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stability(previous: &str, next: &str) -> (usize, usize) {
        let parse = |text: &str| RawJson::parse(text).unwrap();
        let measured = prompt_stability(&parse(previous), &parse(next)).unwrap();
        (measured.kept, measured.previous)
    }

    #[test]
    fn the_common_beginning_is_counted_up_to_the_first_difference() {
        let body = |tool: &str, instructions: &str, input: &str| {
            format!(
                r#"{{"model":"m","tools":["t",{tool}],"instructions":{instructions},"input":{input}}}"#
            )
        };
        // The sizes: tools 3 + 4, instructions 5, input 3 + 4.
        let first = body(r#""t2""#, r#""abc""#, r#"["i","i2"]"#);
        for (next, kept) in [
            (first.clone(), 19),
            (body(r#""t2""#, r#""abc""#, r#"["i","i2","more"]"#), 19),
            (body(r#""t2""#, r#""abc""#, r#"["i","other"]"#), 15),
            (body(r#""t2""#, r#""abc""#, r#"["i"]"#), 15),
            (body(r#""t2""#, r#""abc""#, r#""text""#), 12),
            (body(r#""t2""#, r#""xyz""#, r#"["i","i2"]"#), 7),
            (body(r#""t3""#, r#""abc""#, r#"["i","i2"]"#), 3),
            (first.replace(r#""m""#, r#""n""#), 0),
            (first.replace(r#""model""#, r#""text":{"verbosity":"low"},"model""#), 12),
            (r#"{"model":"m","tools":["t","t2"],"instructions":"abc","previous_response_id":"resp_1","input":[]}"#.into(), 19),
        ] {
            assert_eq!(stability(&first, &next), (kept, 19), "{next}");
        }
        assert_eq!(stability(r#"{"input":"Hi"}"#, r#"{"input":"Hi"}"#), (4, 4));
        assert_eq!(
            stability(r#"{"input":"Hi"}"#, r#"{"input":["Hi"]}"#),
            (0, 4)
        );
        let empty = PromptStability {
            kept: 0,
            previous: 0,
            next: 9,
        };
        assert_eq!(empty.share(), 1.0);
    }
}
