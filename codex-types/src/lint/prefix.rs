//! Whether a request begins like the previous one.
//!
//! The service caches the common beginning of two requests. The checks run in the order in which it
//! reads; the first difference ends what can be reused.

use alloc::format;
use alloc::vec::Vec;

use crate::lint::tree::Node;
use crate::lint::{Finding, FindingCode as Code};

/// Returns the first difference that loses the cached prefix, if there is one.
pub(super) fn check(previous: &Node<'_>, next: &Node<'_>) -> Option<Finding> {
    let changed = |pointer: alloc::string::String, what: &str| {
        Some(Finding::warning(Code::CachePrefixChanged, pointer, what))
    };
    for name in ["model", "prompt_cache_key"] {
        if !same(previous.given(name), next.given(name)) {
            return changed(format!("/{name}"), "it differs from the previous request");
        }
    }
    if let Some(at) = first_difference(list(previous, "tools"), list(next, "tools"), true) {
        return changed(
            format!("/tools/{at}"),
            "the tools differ from the previous request from here on",
        );
    }
    if !same(previous.given("instructions"), next.given("instructions")) {
        return changed(
            "/instructions".into(),
            "the instructions differ from the previous request",
        );
    }
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
            return changed(
                format!("/{outer}/{inner}"),
                "it differs from the previous request",
            );
        }
    }
    // A request that continues a response contains only new items.
    if next.given("previous_response_id").is_some() {
        return None;
    }
    let (before, now) = (list(previous, "input"), list(next, "input"));
    if before.is_empty() {
        let is_same = same(previous.given("input"), next.given("input"));
        let was_text = previous
            .given("input")
            .is_some_and(|input| input.as_text().is_some());
        return if was_text && !is_same {
            changed(
                "/input".into(),
                "the input was text in the previous request",
            )
        } else {
            None
        };
    }
    let at = first_difference(before, now, false)?;
    changed(
        format!("/input/{at}"),
        "the input differs from the previous request from here on",
    )
}

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
