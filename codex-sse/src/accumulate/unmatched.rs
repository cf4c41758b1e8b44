//! Matches the items of the final output with those known so far.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use codex_types::OutputItem;

use super::Accumulator;
use super::class::{Class, TextKind, call_id, is_textless, texts};
use super::evidence::{has_same_rest, is_another_call};
use super::index::MOST_TRIED;

/// The items that have not been matched with an item of the final output.
pub(super) struct Unmatched {
    call_ids: BTreeMap<(Class, Box<str>), VecDeque<u32>>,
    ids: BTreeMap<(Class, Box<str>), VecDeque<u32>>,
    encrypted: BTreeMap<Box<str>, VecDeque<u32>>,
    by_text: BTreeMap<(Class, u64), VecDeque<u32>>,
    in_order: BTreeMap<Class, VecDeque<u32>>,
    taken: BTreeSet<u32>,
    /// The classes with more unmatched items in the final output than before it.
    lacking: BTreeSet<Class>,
}

impl Unmatched {
    pub(super) fn new(accumulator: &Accumulator) -> Self {
        let mut rest = Self {
            call_ids: BTreeMap::new(),
            ids: BTreeMap::new(),
            encrypted: BTreeMap::new(),
            by_text: BTreeMap::new(),
            in_order: BTreeMap::new(),
            taken: BTreeSet::new(),
            lacking: BTreeSet::new(),
        };
        let order = accumulator.order.iter().copied();
        let mut keys: Vec<u32> = order
            .filter(|key| !accumulator.entry(*key).is_repetition)
            .collect();
        // An item that may be a repetition is matched only if nothing else fits.
        keys.sort_by_key(|key| accumulator.entry(*key).twin.is_some());
        for key in keys {
            let item = accumulator.item(key);
            let class = Class::of(item);
            let call_id = call_id(item);
            if !call_id.is_empty() {
                let place = rest.call_ids.entry((class, call_id.into()));
                place.or_default().push_back(key);
            }
            for id in [
                item.id().unwrap_or_default(),
                &accumulator.entry(key).last_id,
            ] {
                if !id.is_empty() {
                    let place = rest.ids.entry((class, id.into()));
                    place.or_default().push_back(key);
                }
            }
            let encrypted = encrypted_content(item);
            if !encrypted.is_empty() {
                let place = rest.encrypted.entry(encrypted.into());
                place.or_default().push_back(key);
            }
            if let Some(hash) = hash_of_text(|kind| accumulator.said(key, kind)) {
                rest.by_text
                    .entry((class, hash))
                    .or_default()
                    .push_back(key);
            }
            rest.in_order.entry(class).or_default().push_back(key);
        }
        rest
    }

    /// Matches the items of the final output, by the strongest evidence first. Returns the match of
    /// each, and all matched items.
    pub(super) fn match_all(
        mut self,
        accumulator: &Accumulator,
        output: &[OutputItem],
    ) -> (Vec<Option<u32>>, BTreeSet<u32>) {
        let mut found: Vec<Option<u32>> = output.iter().map(|_| None).collect();
        for step in [
            Self::by_call_id,
            Self::by_id,
            Self::by_encrypted_content,
            Self::by_all,
            Self::by_text_and_index,
            Self::by_text,
            Self::by_beginning,
            Self::by_index,
            Self::by_order,
        ] {
            self.count_lacking(accumulator, output.iter().zip(&found));
            for (listed, found) in output.iter().zip(0_u32..).zip(&mut found) {
                if found.is_none() {
                    *found = step(&mut self, accumulator, listed);
                }
            }
        }
        (found, self.taken)
    }

    /// Records the classes of which the final output has items that were not sent before. Only then
    /// does an index decide between equal items; otherwise their order does, since indexes may be
    /// shifted.
    fn count_lacking<'a>(
        &mut self,
        accumulator: &Accumulator,
        output: impl Iterator<Item = (&'a OutputItem, &'a Option<u32>)>,
    ) {
        let mut counts: BTreeMap<Class, usize> = BTreeMap::new();
        for (item, _) in output.filter(|(_, found)| found.is_none()) {
            *counts.entry(Class::of(item)).or_default() += 1;
        }
        let is_free =
            |key: &&u32| !self.taken.contains(*key) && accumulator.entry(**key).twin.is_none();
        let free = |class: &Class| {
            let keys = self.in_order.get(class).into_iter().flatten();
            keys.filter(is_free).count()
        };
        counts.retain(|class, count| *count > free(class));
        self.lacking = counts.into_keys().collect();
    }

    /// Returns the call with this `call_id`. Of several, the one with the same arguments is
    /// preferred, else the first.
    fn by_call_id(&mut self, accumulator: &Accumulator, (item, _): Listed<'_>) -> Option<u32> {
        let place = (Class::of(item), call_id(item).into());
        let free = free(self.call_ids.get_mut(&place)?, &self.taken);
        let same = |key: &&u32| accumulator.has_text_of(**key, item);
        let found = free.iter().find(same).or_else(|| free.first())?;
        self.take(*found)
    }

    fn by_id(&mut self, accumulator: &Accumulator, (item, _): Listed<'_>) -> Option<u32> {
        let place = (Class::of(item), item.id()?.into());
        let free = free(self.ids.get_mut(&place)?, &self.taken);
        let found = free
            .into_iter()
            .find(|key| accumulator.is_like(*key, item))?;
        self.take(found)
    }

    fn by_encrypted_content(&mut self, _: &Accumulator, (item, _): Listed<'_>) -> Option<u32> {
        let list = self.encrypted.get_mut(encrypted_content(item))?;
        let found = free(list, &self.taken);
        self.take(*found.first()?)
    }

    /// Returns the item that is equal except for its id.
    fn by_all(&mut self, accumulator: &Accumulator, (item, _): Listed<'_>) -> Option<u32> {
        let is_equal = |key| has_same_rest(accumulator.item(key), item);
        self.with_text(accumulator, item, is_equal)
    }

    fn by_text_and_index(
        &mut self,
        accumulator: &Accumulator,
        (item, index): Listed<'_>,
    ) -> Option<u32> {
        let is_lacking = self.lacking.contains(&Class::of(item));
        let is_there = |key| is_lacking && is_at(accumulator, key, index);
        self.with_text(accumulator, item, is_there)
    }

    fn by_text(&mut self, accumulator: &Accumulator, (item, _): Listed<'_>) -> Option<u32> {
        self.with_text(accumulator, item, |_| true)
    }

    /// Returns the item whose text this one continues.
    fn by_beginning(&mut self, accumulator: &Accumulator, (item, _): Listed<'_>) -> Option<u32> {
        if is_textless(item) {
            return None;
        }
        self.continued(accumulator, item, |key| has_said(accumulator, key))
    }

    /// Returns the item at this index, if this one may continue it.
    fn by_index(&mut self, accumulator: &Accumulator, (item, index): Listed<'_>) -> Option<u32> {
        let is_lacking = self.lacking.contains(&Class::of(item));
        let is_there = |key| is_lacking && is_at(accumulator, key, index);
        self.continued(accumulator, item, is_there)
    }

    /// Returns the first item of the kind whose texts this one may continue.
    fn by_order(&mut self, accumulator: &Accumulator, (item, _): Listed<'_>) -> Option<u32> {
        self.continued(accumulator, item, |_| true)
    }

    /// Returns the first item with the same text for which a condition holds.
    fn with_text(
        &mut self,
        accumulator: &Accumulator,
        item: &OutputItem,
        is_wanted: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        let place = (Class::of(item), hash_of_text(|kind| texts(item, kind))?);
        let free = free(self.by_text.get_mut(&place)?, &self.taken);
        let found = free.into_iter().find(|key| {
            let is_same = accumulator.is_like(*key, item) && accumulator.has_text_of(*key, item);
            is_same && is_wanted(*key)
        })?;
        self.take(found)
    }

    /// Returns the first item of the kind that this one may continue and for which a condition
    /// holds. A finished item with another id is not continued.
    fn continued(
        &mut self,
        accumulator: &Accumulator,
        item: &OutputItem,
        is_wanted: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        let free = free(self.in_order.get_mut(&Class::of(item))?, &self.taken);
        let id = item.id().unwrap_or_default();
        let fits = |key: &u32| {
            let entry = accumulator.entry(*key);
            let goes_on = || {
                let says_other = || {
                    let encrypted = encrypted_content(item);
                    !is_textless(item)
                        || !encrypted.is_empty()
                            && encrypted != encrypted_content(accumulator.item(*key))
                };
                let is_over = entry.is_done && has_said(accumulator, *key);
                let is_other = is_over && accumulator.ids_differ(*key, id) && says_other();
                accumulator.continues(*key, item) && !is_other
            };
            let is_other_call = entry.is_done && is_another_call(accumulator.item(*key), item);
            // An announcement that was repeated is not an item.
            let is_item = entry.twin.is_none() || entry.has_content();
            accumulator.is_like(*key, item)
                && is_item
                && !is_other_call
                && (goes_on() || accumulator.has_text_but_space(*key, item))
        };
        let found = free.into_iter().find(|key| is_wanted(*key) && fits(key))?;
        self.take(found)
    }

    fn take(&mut self, key: u32) -> Option<u32> {
        self.taken.insert(key).then_some(key)
    }
}

/// An item of the final output, and its position there.
type Listed<'a> = (&'a OutputItem, u32);

/// Returns whether the server sent an item under this index.
fn is_at(accumulator: &Accumulator, key: u32, index: u32) -> bool {
    accumulator.trusted(accumulator.entry(key).claimed) == Some(index)
}

/// Returns whether an item has text.
fn has_said(accumulator: &Accumulator, key: u32) -> bool {
    let mut said = TextKind::ALL
        .iter()
        .flat_map(|kind| accumulator.said(key, *kind));
    said.any(|text| !text.is_empty())
}

/// Returns the first few that have not been matched.
fn free(list: &mut VecDeque<u32>, taken: &BTreeSet<u32>) -> Vec<u32> {
    while list.front().is_some_and(|key| taken.contains(key)) {
        list.pop_front();
    }
    let few = list.iter().copied().take(MOST_TRIED);
    few.filter(|key| !taken.contains(key)).collect()
}

/// Returns a hash (FNV-1a) of the texts of an item; `None` if they are empty.
fn hash_of_text<'a, T: Iterator<Item = &'a str>>(texts: impl Fn(TextKind) -> T) -> Option<u64> {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut is_empty = true;
    for kind in TextKind::ALL {
        for byte in texts(kind).flat_map(str::bytes) {
            is_empty = false;
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        hash = hash.wrapping_mul(0x0100_0000_01b3);
    }
    (!is_empty).then_some(hash)
}

/// Returns the encrypted content of an item.
fn encrypted_content(item: &OutputItem) -> &str {
    match item {
        OutputItem::Reasoning(item) => item.encrypted_content.as_deref().unwrap_or_default(),
        _ => "",
    }
}
