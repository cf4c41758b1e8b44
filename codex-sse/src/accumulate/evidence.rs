//! Evidence for and against a match between an item and an event: ids, texts, and encrypted
//! content.

use alloc::string::ToString as _;

use codex_types::{OutputItem, RawJson};

use super::Accumulator;
use super::class::{Class, TextKind, call_id, is_textless, set_call_id, text, texts, tool_name};
use super::fill::{finished, status_mut};

impl Accumulator {
    pub(super) fn has_id(&self, key: u32, id: &str) -> bool {
        self.entry(key).last_id == id || self.item(key).id() == Some(id)
    }

    /// Returns whether both have an id, the ids differ, and ids are reliable.
    pub(super) fn has_other_id(&self, key: u32, id: &str) -> bool {
        self.entry(key).is_stable && self.ids_differ(key, id)
    }

    /// Returns whether both have an id, the ids differ, and the server is not known to change them.
    pub(super) fn ids_differ(&self, key: u32, id: &str) -> bool {
        let has_ids = !id.is_empty() && !self.entry(key).last_id.is_empty();
        has_ids && !self.identities.ids_change && !self.has_id(key, id)
    }

    /// Returns whether an unknown id may be another id of this item. An item that has text accepts
    /// no other if its id was confirmed, or if it is a call whose arguments are complete.
    pub(super) fn accepts_id(&mut self, key: u32, id: &str) -> bool {
        let entry = self.entry(key);
        if id.is_empty() || entry.last_id.is_empty() || self.identities.ids_change {
            return true;
        }
        // Events of its progress confirm the id of a hosted tool before it has text.
        let is_hosted = matches!(self.class(key), Class::Mcp | Class::Code);
        let is_settled = entry.has_content() || (is_hosted && entry.is_stable);
        let is_stable = entry.is_stable;
        self.has_id(key, id) || !is_settled || !(is_stable || self.has_complete_input(key))
    }

    /// Returns whether the input of a call is complete: it has ended, or it is a JSON object.
    pub(super) fn has_complete_input(&mut self, key: u32) -> bool {
        let (item, entry) = self.parts_of(key);
        let input = entry.parts.list.first_mut();
        let Some(part) = input.filter(|part| part.kind == Some(TextKind::Input)) else {
            return false;
        };
        let input = text(item, TextKind::Input, 0).unwrap_or_default();
        part.is_sealed || part.object.is_complete(input)
    }

    /// Returns whether both are calls with different `call_id`s.
    pub(super) fn has_other_call_id(&self, key: u32, item: &OutputItem) -> bool {
        differ(call_id(self.item(key)), call_id(item))
    }

    pub(super) fn is_of_kind(&self, key: u32, item: &OutputItem) -> bool {
        self.item(key).kind() == item.kind()
    }

    /// Returns whether the items may be one. Two calls with different `call_id`s are two, unless
    /// the second is the end of the first.
    pub(super) fn may_be(&self, key: u32, item: &OutputItem, is_done: bool) -> bool {
        if !self.has_other_call_id(key, item) {
            return true;
        }
        let known = self.item(key);
        // Commands are built from deltas; other calls are complete from the start.
        let is_built = matches!(known, OutputItem::ShellCall(_));
        is_done
            && !self.entry(key).is_done
            && (is_built || !is_another_call(known, item))
            && !differ(tool_name(known), tool_name(item))
            && self.continues(key, item)
    }

    /// Returns the known texts of one kind of an item, without those that may be repetitions.
    pub(super) fn said(&self, key: u32, kind: TextKind) -> impl Iterator<Item = &str> {
        let item = self.item(key);
        let parts = self.entry(key).parts(kind).list.iter().enumerate();
        let own = parts.filter(move |(_, part)| part.kind == Some(kind) && part.twin.is_none());
        own.filter_map(move |(position, _)| text(item, kind, position))
    }

    /// Returns whether the texts of an item continue its known texts, or are empty.
    pub(super) fn continues(&self, key: u32, item: &OutputItem) -> bool {
        if !self.entry(key).has_content() {
            return true;
        }
        TextKind::ALL.iter().all(|kind| {
            let whole = || texts(item, *kind);
            whole().all(str::is_empty)
                || continues(whole(), self.said(key, *kind))
                || (*kind == TextKind::Input && self.has_input_of(key, item))
        })
    }

    /// Returns whether the texts of an item are exactly its known texts.
    pub(super) fn has_text_of(&self, key: u32, item: &OutputItem) -> bool {
        let known = self.item(key);
        if is_textless(item) {
            return self.is_like(key, item) && has_same_rest(known, item);
        }
        let same = |kind: &TextKind| {
            continues(texts(item, *kind), self.said(key, *kind))
                && continues(self.said(key, *kind), texts(item, *kind))
        };
        TextKind::ALL.iter().all(same)
    }

    /// Returns whether the texts of an item are its known texts, or lack only white space at their
    /// ends.
    pub(super) fn has_text_but_space(&self, key: u32, item: &OutputItem) -> bool {
        TextKind::ALL.iter().all(|kind| {
            let mut built = self.said(key, *kind);
            texts(item, *kind).all(|whole| {
                built
                    .next()
                    .is_some_and(|built| lacks_only_space(whole, built))
            }) && built.next().is_none()
        })
    }

    /// Returns whether an announced item already contains text that this one does not begin with.
    /// An empty object stands for arguments that follow.
    pub(super) fn begins_otherwise(&self, key: u32, item: &OutputItem) -> bool {
        TextKind::ALL.iter().any(|kind| {
            let mut pairs = texts(item, *kind).zip(self.said(key, *kind));
            pairs.any(|(new, known)| {
                new != "{}" && !new.starts_with(known) && !known.starts_with(new)
            })
        })
    }

    /// Returns whether only the texts contradict a match of an item with this one.
    pub(super) fn is_like(&self, key: u32, item: &OutputItem) -> bool {
        let known = self.item(key);
        known.kind() == item.kind() && !differ(tool_name(known), tool_name(item))
    }

    pub(super) fn has_input_of(&self, key: u32, item: &OutputItem) -> bool {
        let known = texts(self.item(key), TextKind::Input);
        known
            .zip(texts(item, TextKind::Input))
            .all(|(one, other)| same_json(one, other))
    }
}

/// Returns whether both are known and differ.
pub(super) fn differ(one: &str, other: &str) -> bool {
    !one.is_empty() && !other.is_empty() && one != other
}

/// Returns whether the texts of `whole` begin with those of `built`, however either is split into
/// parts.
pub(super) fn continues<'a>(
    mut whole: impl Iterator<Item = &'a str>,
    built: impl Iterator<Item = &'a str>,
) -> bool {
    let mut rest: &[u8] = &[];
    for built in built {
        let mut built = built.as_bytes();
        while !built.is_empty() {
            if rest.is_empty() {
                let Some(next) = whole.next() else {
                    return false;
                };
                rest = next.as_bytes();
                continue;
            }
            let length = rest.len().min(built.len());
            if rest[..length] != built[..length] {
                return false;
            }
            (rest, built) = (&rest[length..], &built[length..]);
        }
    }
    true
}

/// Returns whether a complete text equals the built one, or lacks only white space at its ends.
pub(super) fn lacks_only_space(whole: &str, built: &str) -> bool {
    let rest = built.strip_prefix(whole);
    let rest = rest.or_else(|| built.trim_start().strip_prefix(whole));
    rest.is_some_and(|rest| rest.trim_start().is_empty())
}

/// Returns whether two texts are equal as JSON.
pub(super) fn same_json(one: &str, other: &str) -> bool {
    let compact = |text: &str| {
        let json = RawJson::parse(text).ok()?;
        Some(json.to_compact().to_string())
    };
    one == other || compact(one).is_some_and(|one| Some(one) == compact(other))
}

/// Returns whether an item is equal to a known one with the same texts, except for the ids.
pub(super) fn has_same_rest(known: &OutputItem, item: &OutputItem) -> bool {
    if let (OutputItem::Reasoning(known), OutputItem::Reasoning(item)) = (known, item) {
        return known.encrypted_content == item.encrypted_content;
    }
    *known == with_id_of(known, item)
}

/// Returns whether a call that is not built from deltas has another `call_id` than a known one, and
/// other content.
pub(super) fn is_another_call(known: &OutputItem, item: &OutputItem) -> bool {
    if !differ(call_id(known), call_id(item)) || Class::of(known) != Class::Other {
        return false;
    }
    let mut item = with_id_of(known, item);
    set_call_id(&mut item, call_id(known));
    // The end of a call differs from its beginning in the status.
    if let (Some(old), Some(new)) = (known.item_status(), status_mut(&mut item))
        && finished(old) == finished(new)
    {
        new.clone_from(old);
    }
    *known != item
}

/// Returns an item with the id of a known one. Only the new item is copied: the known one may be
/// far larger than the event.
fn with_id_of(known: &OutputItem, item: &OutputItem) -> OutputItem {
    let mut item = item.clone();
    if item.id() != known.id() {
        item.set_id(known.id().unwrap_or_default());
    }
    item
}
