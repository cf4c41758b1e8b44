// Finding and making the item that an event belongs to.

use alloc::vec::Vec;
use core::{cmp, mem};

use codex_types::{DeltaKind, OutputItem};

use super::{
    Accumulator, Change,
    fill::{fill_item, size},
    slot::{Slot, Text, blank, suits, texts},
};
use crate::Error;

/// What an event says about where it belongs.
#[derive(Clone, Copy)]
pub(super) struct Address<'a> {
    pub(super) output_index: Option<u32>,
    pub(super) item_id: &'a str,
}

impl Accumulator {
    /// The item an event belongs to.
    #[inline]
    pub(super) fn locate(&self, address: Address<'_>) -> Option<usize> {
        self.locate_where(address, |_| true)
    }

    pub(super) fn locate_suiting(&self, address: Address<'_>, kind: DeltaKind) -> Option<usize> {
        self.locate_where(address, |item| suits(item, kind))
    }

    #[inline]
    pub(super) fn locate_where(
        &self,
        address: Address<'_>,
        wanted: impl Fn(&OutputItem) -> bool,
    ) -> Option<usize> {
        let Some(index) = address.output_index else {
            let named = |slot: &Slot| {
                !address.item_id.is_empty() && slot.id.as_deref() == Some(address.item_id)
            };
            return (0..self.slots.len())
                .rev()
                .find(|at| named(&self.slots[*at]) && wanted(&self.response.output[*at]));
        };
        let end = match self.slots.last() {
            Some(slot) if slot.output_index <= index => self.slots.len(),
            _ => self
                .slots
                .partition_point(|slot| slot.output_index <= index),
        };
        let here = |at: &usize| self.slots[*at].output_index == index;
        let mut candidates = (0..end)
            .rev()
            .take_while(here)
            .filter(|at| wanted(&self.response.output[*at]))
            .peekable();
        let last = *candidates.peek()?;
        let named = |at: &usize| self.slots[*at].id.as_deref() == Some(address.item_id);
        Some(candidates.find(named).unwrap_or(last))
    }

    /// The item that deltas of this kind belong to, begun where it has not been announced.
    #[inline]
    pub(super) fn locate_or_begin(
        &mut self,
        address: Address<'_>,
        kind: DeltaKind,
        report: &mut impl FnMut(Change),
    ) -> Result<Option<usize>, Error> {
        if let Some(position) = self.locate_suiting(address, kind) {
            return Ok(Some(position));
        }
        self.begin(address, kind, report)
    }

    #[cold]
    pub(super) fn begin(
        &mut self,
        address: Address<'_>,
        kind: DeltaKind,
        report: &mut impl FnMut(Change),
    ) -> Result<Option<usize>, Error> {
        // An item of a kind that is not known takes no deltas; its end brings it whole.
        let unknown = self
            .locate(address)
            .is_some_and(|at| !self.response.output[at].is_known());
        let index = match address.output_index {
            Some(index) => index,
            None if address.item_id.is_empty() => return Ok(None),
            None => self
                .slots
                .last()
                .map_or(0, |slot| slot.output_index.saturating_add(1)),
        };
        match blank(kind, address.item_id) {
            Some(item) if !unknown => self.insert(index, item, report).map(Some),
            _ => Ok(None),
        }
    }

    pub(super) fn insert(
        &mut self,
        output_index: u32,
        item: OutputItem,
        report: &mut impl FnMut(Change),
    ) -> Result<usize, Error> {
        let size = size(&item) + PER_ITEM;
        self.grow(size)?;
        let position = self
            .slots
            .partition_point(|slot| slot.output_index <= output_index);
        let serial = self.serials;
        self.serials = self.serials.wrapping_add(1);
        let mut slot = Slot {
            serial,
            output_index,
            id: item.id().map(Into::into),
            size,
            ..Slot::default()
        };
        slot.number_parts(&item);
        self.slots.insert(position, slot);
        self.response.output.insert(position, item);
        report(Change::Started { serial });
        for change in grown(serial, &[], &self.response.output[position]) {
            report(change);
        }
        Ok(position)
    }

    /// Puts a whole item in the place of what was built of it.
    pub(super) fn replace(
        &mut self,
        position: usize,
        mut item: OutputItem,
        report: &mut impl FnMut(Change),
    ) -> Result<(), Error> {
        let before = self.slots[position].size;
        let after = size(&item) + PER_ITEM;
        self.grow(after.saturating_sub(before))?;
        let (place, slot) = (
            &mut self.response.output[position],
            &mut self.slots[position],
        );
        slot.size = cmp::max(before, after);
        let changes = grown(slot.serial, &slot.texts_for(place, &item), &item);
        let parts = slot.parts_for(&item).to_vec();
        slot.number_parts(&item);
        if let Some(id) = item.id() {
            slot.id = Some(id.into());
        }
        let old = mem::take(place);
        fill_item(&mut item, old, &parts);
        *place = item;
        changes.into_iter().for_each(report);
        Ok(())
    }

    /// Whether an item holds nothing yet, so that another may take its place.
    pub(super) fn is_bare(&self, position: usize) -> bool {
        let item = &self.response.output[position];
        matches!(item, OutputItem::Message(_) | OutputItem::Reasoning(_)) && size(item) == 0
    }
}

impl Accumulator {
    /// Counts a part that is about to be made.
    #[inline]
    pub(super) fn pay_for_part(
        &mut self,
        position: usize,
        kind: DeltaKind,
        part: u32,
    ) -> Result<(), Error> {
        if self.slots[position].has_part(kind, part) {
            return Ok(());
        }
        self.grow(PER_ITEM)
    }
}

pub(super) fn same_id(slot: &Slot, id: &str) -> bool {
    slot.id
        .as_deref()
        .is_none_or(|known| id.is_empty() || known == id)
}

/// What a whole item adds to, or corrects in, the texts of its older self.
pub(super) fn grown(serial: u32, old: &[Text<'_>], new: &OutputItem) -> Vec<Change> {
    texts(new)
        .into_iter()
        .filter_map(|(kind, part, text)| {
            let before = old
                .iter()
                .find(|(old_kind, old_part, _)| (*old_kind, *old_part) == (kind, part))
                .map_or("", |(_, _, text)| *text);
            // An empty text says nothing; the older one stays.
            if text.is_empty() || before == text {
                return None;
            }
            let corrected = !text.starts_with(before);
            let start = if corrected { 0 } else { before.len() };
            Some(Change::Text {
                serial,
                kind,
                part,
                start,
                end: text.len(),
                corrected,
            })
        })
        .collect()
}

/// What an item or a part counts besides its texts. It bounds how many there can be, and with that the work of finding one.
pub(super) const PER_ITEM: usize = 16 * 1024;
