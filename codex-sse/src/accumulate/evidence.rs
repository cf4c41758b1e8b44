//! Evidence for and against a match between an item and an event: ids, texts, and encrypted
//! content.

use alloc::string::ToString as _;

use codex_types::{OutputItem, RawJson};

use super::Accumulator;
use super::class::{Class, TextKind, call_id, is_textless, set_call_id, text, texts, tool_name};
use super::fill::finish_status;

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
    pub(super) fn accepts_id(&self, key: u32, id: &str) -> bool {
        let entry = self.entry(key);
        if id.is_empty() || entry.last_id.is_empty() || self.identities.ids_change {
            return true;
        }
        let is_other = entry.is_stable || self.has_complete_input(key);
        // Events of its progress confirm the id of a hosted tool before it has text.
        let is_hosted = matches!(self.class(key), Class::Mcp | Class::Code);
        let is_settled = entry.has_content() || (is_hosted && entry.is_stable);
        self.has_id(key, id) || !is_settled || !is_other
    }

    /// Returns whether the input of a call is complete: it has ended, or it is a JSON object.
    pub(super) fn has_complete_input(&self, key: u32) -> bool {
        let part = self.entry(key).parts.list.first();
        let is_sealed = part.is_some_and(|part| part.is_sealed);
        let mut input = texts(self.item(key), TextKind::Input);
        input.any(|text| is_sealed || text.starts_with('{') && RawJson::parse(text).is_ok())
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

/// Returns whether two items with the same texts are equal except for their ids.
pub(super) fn has_same_rest(one: &OutputItem, other: &OutputItem) -> bool {
    if let (OutputItem::Reasoning(one), OutputItem::Reasoning(other)) = (one, other) {
        return one.encrypted_content == other.encrypted_content;
    }
    let nameless = |item: &OutputItem| {
        let mut item = item.clone();
        item.set_id("");
        item
    };
    nameless(one) == nameless(other)
}

/// Returns whether two calls that are not built from deltas have different `call_id`s and different
/// content.
pub(super) fn is_another_call(one: &OutputItem, other: &OutputItem) -> bool {
    let nameless = |item: &OutputItem| {
        let mut item = item.clone();
        item.set_id("");
        set_call_id(&mut item, "");
        finish_status(&mut item, true);
        item
    };
    let are_named = differ(call_id(one), call_id(other));
    are_named && Class::of(one) == Class::Other && nameless(one) != nameless(other)
}
