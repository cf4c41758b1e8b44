//! Texts whose deltas were counted as parts or as items: each delta has the next index and so looks
//! like a part or an item. The complete text equals all of these segments joined, which shows that
//! they are one text.

use alloc::vec::Vec;

use codex_types::OutputItem;

use super::class::{Class, TextKind, call_id, text_mut, texts, tool_name};
use super::place::{PartUse, Place};
use super::{Accumulator, DiagnosticKind};
use crate::Error;

impl Accumulator {
    /// Finishes the parts of an item that, joined, equal one complete text. Returns the first of
    /// them.
    pub(super) fn joined_parts(
        &mut self,
        key: u32,
        kind: TextKind,
        whole: &str,
    ) -> Result<Option<Place>, Error> {
        let parts = &self.entry(key).parts(kind).list;
        // Text of an announcement is no segment.
        let is_own = |at: &usize| parts[*at].kind == Some(kind) && parts[*at].has_content;
        let mut own = (0..parts.len()).filter(is_own);
        let (Some(first), true) = (own.next(), parts.len() > 1 && kind != TextKind::Input) else {
            return Ok(None);
        };
        let place = |position: usize| Place {
            key,
            kind,
            position,
        };
        let mut rest = whole;
        let mut pieces = Vec::new();
        for at in core::iter::once(first).chain(own) {
            let text = self.text(place(at));
            match rest.strip_prefix(text).filter(|_| !text.is_empty()) {
                Some(more) => rest = more,
                None => return Ok(None),
            }
            pieces.push(place(at));
        }
        // Of segments of one text, none has ended by itself; or all have, if this text is repeated.
        let sealed = pieces.iter().filter(|place| self.part(**place).is_sealed);
        let sealed = sealed.count();
        let is_one_text = sealed == 0 || sealed == pieces.len();
        if pieces.len() < 2 || !rest.is_empty() || !is_one_text {
            return Ok(None);
        }
        self.note(DiagnosticKind::IndexPerDelta, Some(key));
        for place in pieces {
            self.seal(place);
        }
        Ok(Some(place(first)))
    }

    /// Joins items as [`join_items`](Self::join_items) does, for a complete item.
    pub(super) fn join_items_of(
        &mut self,
        key: u32,
        item: &OutputItem,
        is_free: impl Fn(u32) -> bool,
    ) -> Result<(), Error> {
        let kinds = [TextKind::Text, TextKind::Reasoning, TextKind::Input];
        let mut wholes = kinds
            .into_iter()
            .flat_map(|kind| texts(item, kind).map(move |text| (kind, text)));
        match (wholes.next(), wholes.next()) {
            (Some((kind, whole)), None) => self.join_items(key, kind, whole, is_free).map(drop),
            _ => Ok(()),
        }
    }

    /// Merges the unannounced items after this one whose texts complete its text. Returns whether
    /// there were any.
    pub(super) fn join_items(
        &mut self,
        key: u32,
        kind: TextKind,
        whole: &str,
        is_free: impl Fn(u32) -> bool,
    ) -> Result<bool, Error> {
        let class = self.class(key);
        let known = self.said(key, kind).next().unwrap_or_default();
        let is_one = self.said(key, kind).nth(1).is_none();
        let rest = whole.strip_prefix(known).filter(|rest| !rest.is_empty());
        let Some(mut rest) = rest.filter(|_| is_one && !self.entry(key).is_done) else {
            return Ok(false);
        };
        let mut pieces = Vec::new();
        for other in self.identities.open_after(key, class) {
            let Some(more) = self
                .piece(other, kind)
                .and_then(|text| rest.strip_prefix(text))
            else {
                break;
            };
            if !is_free(other) {
                break;
            }
            pieces.push(other);
            rest = more;
        }
        // One segment under another id is another item with the same text.
        let is_other = known.is_empty()
            && matches!(*pieces, [only] if self.ids_differ(key, &self.entry(only).last_id));
        if pieces.is_empty() || !rest.is_empty() || is_other {
            return Ok(false);
        }
        self.note(DiagnosticKind::IndexPerDelta, Some(key));
        let place = self.part_for(key, kind, None, PartUse::Ends)?;
        let known = self.text(place).len();
        // Text was reported segment by segment; the input of a call must be reported under its own
        // call.
        let is_shown = kind != TextKind::Input && self.part(place).shown == known;
        let (item, _) = self.parts_of(key);
        if let Some(text) = text_mut(item, kind, place.position) {
            text.push_str(&whole[known..]);
        }
        let part = self.part_mut(place);
        part.has_content = true;
        if is_shown {
            part.shown = whole.len();
        }
        self.identities.fill(key, class);
        for other in pieces.into_iter().rev() {
            self.entries[other as usize].twin = Some(key);
            self.drop_repetition(other, key);
        }
        self.show(place);
        Ok(true)
    }

    /// Returns the only text of an open item that may be a segment of another's: no event has
    /// announced the item or used its id twice.
    fn piece(&self, key: u32, kind: TextKind) -> Option<&str> {
        let (entry, item) = (self.entry(key), self.item(key));
        let is_bare = !entry.is_announced
            && !entry.is_stable
            && entry.twin.is_none()
            && call_id(item).is_empty()
            && tool_name(item).is_empty();
        let mut said = self.said(key, kind).filter(|_| is_bare);
        let text = said.next().filter(|text| !text.is_empty())?;
        said.next().is_none().then_some(text)
    }

    /// Returns the first of several open items whose texts, joined, equal a complete text.
    pub(super) fn first_of_joined(
        &mut self,
        class: Class,
        kind: TextKind,
        whole: &str,
    ) -> Result<Option<u32>, Error> {
        for key in self.identities.few_open(class) {
            if self.said(key, kind).any(|text| !text.is_empty())
                && self.join_items(key, kind, whole, |_| true)?
            {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }
}
