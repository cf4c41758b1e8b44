//! Compares a complete item with the built one: how much of each of its texts was reported, and
//! which parts it lacks.

use alloc::vec::Vec;

use codex_types::OutputItem;

use super::class::{TextKind, text, text_mut, texts};
use super::entry::{Part, Parts};
use super::evidence::{continues, lacks_only_space, same_json};
use super::fill::fill_old_part;

/// Determines how much of each part of a complete item was reported: by the indexes of the parts,
/// in order if their texts fit, or by the joined texts. Returns the state of each part, and the
/// parts that contradict reported text.
pub(super) fn settle_parts(
    built: &Parts,
    known: &mut OutputItem,
    whole: &mut OutputItem,
    kinds: &[Option<TextKind>],
    is_summary: bool,
) -> (Vec<Part>, Vec<(TextKind, usize)>) {
    let mut parts: Vec<Part> = kinds
        .iter()
        .zip(0_u32..)
        .map(|(kind, index)| Part {
            index,
            kind: *kind,
            has_content: true,
            is_sealed: true,
            ..Part::default()
        })
        .collect();
    let mut contradicted = Vec::new();
    let mut left = Vec::new();
    let kinds_of_text: &[TextKind] = if is_summary {
        &[TextKind::Summary]
    } else {
        &[
            TextKind::Text,
            TextKind::Refusal,
            TextKind::Reasoning,
            TextKind::Input,
        ]
    };
    for kind in kinds_of_text.iter().copied() {
        let old: Vec<usize> = (0..built.list.len())
            .filter(|at| {
                let part = &built.list[*at];
                part.kind == Some(kind) && part.has_content && part.twin.is_none()
            })
            .collect();
        let new: Vec<usize> = (0..parts.len())
            .filter(|at| parts[*at].kind == Some(kind))
            .collect();
        if old.is_empty() {
            continue;
        }
        if new.is_empty() {
            left.extend(old.iter().filter(|_| !kinds.is_empty()));
            continue;
        }
        // A built part with its complete text must be equal; otherwise its text must be a prefix.
        let fits = |at: usize, position: usize| {
            let whole = text(whole, kind, position).unwrap_or_default();
            let known = text(known, kind, at).unwrap_or_default();
            whole.is_empty()
                || whole == known
                || (!built.list[at].is_sealed && whole.starts_with(known))
        };
        let by_index = |at: &usize| {
            let position = built.list[*at].index as usize;
            let is_of_kind = parts.get(position)?.kind == Some(kind);
            is_of_kind.then_some(position)
        };
        let mut rest = new.iter().copied();
        let in_order = |at: &usize| rest.by_ref().find(|position| fits(*at, *position));
        let mut pairs: Vec<(usize, usize)> = Vec::new();
        let indexed: Option<Vec<usize>> = old.iter().map(by_index).collect();
        let ordered = indexed.filter(|list| list.is_sorted_by(|one, other| one < other));
        let ordered = ordered.or_else(|| old.iter().map(in_order).collect());
        if let Some(ordered) = ordered {
            pairs.extend(old.iter().copied().zip(ordered));
        } else if continues(texts(whole, kind), texts(known, kind)) {
            let mut shown: usize = old.iter().map(|at| built.list[*at].shown).sum();
            for at in &new {
                let length = text(whole, kind, *at).map_or(0, str::len);
                parts[*at].shown = shown.min(length);
                shown -= parts[*at].shown;
            }
            continue;
        } else {
            // In order, each part of the complete item takes the next built part that it continues.
            let mut rest = new.iter().copied();
            for at in &old {
                let built_text = text(known, kind, *at).unwrap_or_default();
                let fits = |position: &usize| {
                    let whole = text(whole, kind, *position).unwrap_or_default();
                    whole.starts_with(built_text)
                };
                match rest.clone().find(fits) {
                    Some(found) => {
                        pairs.push((*at, found));
                        rest.by_ref().find(|position| *position == found);
                    }
                    None => pairs.extend(rest.next().map(|position| (*at, position))),
                }
            }
        }
        let is_left = |at: &usize| {
            let built = text(known, kind, *at).unwrap_or_default();
            let is_said = new.iter().any(|new| text(whole, kind, *new) == Some(built));
            !pairs.iter().any(|(old, _)| old == at) && !built.is_empty() && !is_said
        };
        left.extend(old.iter().copied().filter(is_left));
        for (at, position) in pairs {
            settle_pair(
                (&built.list[at], known, at),
                (&mut parts[position], whole, position),
                kind,
                &mut contradicted,
            );
        }
    }
    // Parts that the complete item lacks stay after those that it has.
    left.sort_unstable();
    for at in left {
        if let Some(index) = push_part(whole, known, at, is_summary) {
            let mut part = built.list[at].clone();
            part.index = index;
            parts.push(part);
        }
    }
    (parts, contradicted)
}

/// Adds a built part to a complete item that lacks it, and returns its index.
fn push_part(
    whole: &mut OutputItem,
    known: &OutputItem,
    at: usize,
    is_summary: bool,
) -> Option<u32> {
    let count = match (whole, known) {
        (OutputItem::Message(whole), OutputItem::Message(known)) => {
            whole.content.push(known.content.get(at)?.clone());
            whole.content.len()
        }
        (OutputItem::Reasoning(whole), OutputItem::Reasoning(known)) if is_summary => {
            whole.summary.push(known.summary.get(at)?.clone());
            whole.summary.len()
        }
        (OutputItem::Reasoning(whole), OutputItem::Reasoning(known)) => {
            let content = whole.content.get_or_insert_default();
            content.push(known.content.as_ref()?.get(at)?.clone());
            content.len()
        }
        _ => return None,
    };
    u32::try_from(count - 1).ok()
}

/// Compares one part of a complete item with the built part.
fn settle_pair(
    (built, known, at): (&Part, &mut OutputItem, usize),
    (part, whole, position): (&mut Part, &mut OutputItem, usize),
    kind: TextKind,
    contradicted: &mut Vec<(TextKind, usize)>,
) {
    let built_text = text(known, kind, at).unwrap_or_default();
    let Some(whole_text) = text_mut(whole, kind, position) else {
        return;
    };
    part.shown = built.shown;
    part.half = built.half.filter(|_| whole_text.is_empty());
    let is_same = whole_text.is_empty()
        || lacks_only_space(whole_text, built_text)
        || (kind == TextKind::Input && same_json(built_text, whole_text));
    if is_same && built.shown > 0 || whole_text.is_empty() {
        if !whole_text.starts_with(built_text) {
            whole_text.clear();
            whole_text.push_str(built_text);
        }
    } else if !whole_text.starts_with(&built_text[..built.shown.min(built_text.len())]) {
        if built.shown > 0 {
            contradicted.push((kind, position));
            part.shown = whole_text.len();
        } else {
            part.shown = 0;
        }
    }
    if let (OutputItem::Message(known), OutputItem::Message(whole)) = (known, whole)
        && let (Some(old), Some(new)) = (known.content.get_mut(at), whole.content.get_mut(position))
    {
        fill_old_part(new, core::mem::take(old));
    }
}
