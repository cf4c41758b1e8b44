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
    /// The items for which there is this evidence, in order. One map for all evidence, since each
    /// type of map is compiled separately.
    items: BTreeMap<Evidence, VecDeque<u32>>,
    taken: BTreeSet<u32>,
    /// The classes with more unmatched items in the final output than before it.
    lacking: [bool; Class::COUNT],
}

/// Evidence that two items are the same.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Evidence {
    CallId(Class, Box<str>),
    Id(Class, Box<str>),
    EncryptedContent(Box<str>),
    /// The hash of the texts.
    Text(Class, u64),
    Class(Class),
}

impl Unmatched {
    pub(super) fn new(accumulator: &Accumulator) -> Self {
        let mut rest = Self {
            items: BTreeMap::new(),
            taken: BTreeSet::new(),
            lacking: [false; Class::COUNT],
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
                rest.add(Evidence::CallId(class, call_id.into()), key);
            }
            for id in [
                item.id().unwrap_or_default(),
                &accumulator.entry(key).last_id,
            ] {
                if !id.is_empty() {
                    rest.add(Evidence::Id(class, id.into()), key);
                }
            }
            let encrypted = encrypted_content(item);
            if !encrypted.is_empty() {
                rest.add(Evidence::EncryptedContent(encrypted.into()), key);
            }
            if let Some(hash) = hash_of_text(|kind| accumulator.said(key, kind)) {
                rest.add(Evidence::Text(class, hash), key);
            }
            rest.add(Evidence::Class(class), key);
        }
        rest
    }

    fn add(&mut self, evidence: Evidence, key: u32) {
        self.items.entry(evidence).or_default().push_back(key);
    }

    /// Returns the first few items with this evidence that have not been matched.
    fn free(&mut self, evidence: &Evidence) -> Vec<u32> {
        let Some(items) = self.items.get_mut(evidence) else {
            return Vec::new();
        };
        while items.front().is_some_and(|key| self.taken.contains(key)) {
            items.pop_front();
        }
        let few = items.iter().copied().take(MOST_TRIED);
        few.filter(|key| !self.taken.contains(key)).collect()
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
        let mut counts = [0_usize; Class::COUNT];
        for (item, _) in output.filter(|(_, found)| found.is_none()) {
            counts[Class::of(item) as usize] += 1;
        }
        for (evidence, keys) in &self.items {
            if let Evidence::Class(class) = evidence {
                let is_free = |key: &&u32| {
                    !self.taken.contains(*key) && accumulator.entry(**key).twin.is_none()
                };
                let count = &mut counts[*class as usize];
                *count = count.saturating_sub(keys.iter().filter(is_free).count());
            }
        }
        self.lacking = counts.map(|count| count > 0);
    }

    fn is_lacking(&self, item: &OutputItem) -> bool {
        self.lacking[Class::of(item) as usize]
    }

    /// Returns the call with this `call_id`. Of several, the one with the same arguments is
    /// preferred, else the first.
    fn by_call_id(&mut self, accumulator: &Accumulator, (item, _): Listed<'_>) -> Option<u32> {
        let free = self.free(&Evidence::CallId(Class::of(item), call_id(item).into()));
        let same = |key: &&u32| accumulator.has_text_of(**key, item);
        let found = free.iter().find(same).or_else(|| free.first())?;
        self.take(*found)
    }

    fn by_id(&mut self, accumulator: &Accumulator, (item, _): Listed<'_>) -> Option<u32> {
        let free = self.free(&Evidence::Id(Class::of(item), item.id()?.into()));
        let found = free
            .into_iter()
            .find(|key| accumulator.is_like(*key, item))?;
        self.take(found)
    }

    fn by_encrypted_content(&mut self, _: &Accumulator, (item, _): Listed<'_>) -> Option<u32> {
        let free = self.free(&Evidence::EncryptedContent(encrypted_content(item).into()));
        self.take(*free.first()?)
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
        let is_lacking = self.is_lacking(item);
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
        let is_lacking = self.is_lacking(item);
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
        let hash = hash_of_text(|kind| texts(item, kind))?;
        let free = self.free(&Evidence::Text(Class::of(item), hash));
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
        let free = self.free(&Evidence::Class(Class::of(item)));
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
