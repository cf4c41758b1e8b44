//! The indexes of the items, by the evidence that events contain.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use codex_types::OutputItem;

use super::class::{Class, call_id};
use super::entry::Entry;

/// The indexes of the items by the evidence that events may contain.
#[derive(Clone, Debug, Default)]
pub(super) struct Identities {
    pub(super) ids: BTreeMap<Box<str>, u32>,
    pub(super) call_ids: BTreeMap<Box<str>, u32>,
    pub(super) by_index: BTreeMap<(u32, Class), u32>,
    indexes: BTreeSet<u32>,
    pub(super) lanes: [Lane; Class::COUNT],
    /// Whether the server used two ids for one item, so that an unknown id proves nothing.
    pub(super) ids_change: bool,
    /// Whether two items of one kind claimed one index, so that an index proves nothing.
    pub(super) indexes_repeat: bool,
    /// The last few events that contained too little to begin an item.
    silent: VecDeque<Silent>,
}

/// An event that contained too little to begin an item.
#[derive(Clone, Debug)]
struct Silent {
    class: Class,
    index: Option<u32>,
    id: Box<str>,
    /// The last item of the class at that time.
    last: Option<u32>,
}

/// The items of one class, in order of arrival.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    /// The item that the last event belonged to.
    pub(super) current: Option<u32>,
    pub(super) last: Option<u32>,
    pub(super) open: BTreeSet<u32>,
    /// The open items without text so far.
    pub(super) bare: BTreeSet<u32>,
}

/// The evidence in an event about the item that it belongs to.
#[derive(Clone, Copy)]
pub(super) struct Address<'a> {
    pub(super) index: Option<u32>,
    pub(super) id: &'a str,
    /// The complete text, if the event contains it.
    pub(super) whole: Option<&'a str>,
}

impl<'a> Address<'a> {
    pub(super) fn new(index: Option<u32>, id: &'a str) -> Self {
        Self {
            index,
            id,
            whole: None,
        }
    }
}

impl Identities {
    /// Records an event that begins no item.
    pub(super) fn note_silent(&mut self, class: Class, address: Address<'_>) {
        if address.id.len() > LONGEST_SILENT {
            return;
        }
        if self.silent.len() == MOST_TRIED {
            self.silent.pop_front();
        }
        self.silent.push_back(Silent {
            class,
            index: address.index,
            id: address.id.into(),
            last: self.lanes[class as usize].last,
        });
    }

    /// Returns whether such an event had this id.
    pub(super) fn was_silent(&self, id: &str) -> bool {
        !id.is_empty() && self.silent.iter().any(|silent| *silent.id == *id)
    }

    /// Returns the id of the last such event if it announced a part of the item that begins now:
    /// an item of the same class at the same index, and none began since.
    pub(super) fn take_silent(&mut self, class: Class, address: Address<'_>) -> Option<Box<str>> {
        let last = self.silent.back()?;
        let is_text = matches!(class, Class::Message | Class::Reasoning);
        let is_there = last.class == class && last.index == address.index;
        let is_first = last.last == self.lanes[class as usize].last;
        let is_alias = is_text && is_there && is_first && address.index.is_some();
        let id = last.id.clone();
        self.silent.retain(|silent| *silent.id != *address.id);
        (is_alias && *id != *address.id).then_some(id)
    }

    /// Returns the index under which an item is reported.
    pub(super) fn assign(&mut self, claimed: Option<u32>) -> u32 {
        let free = claimed.filter(|index| !self.indexes.contains(index));
        let next = || self.indexes.last().map_or(0, |last| last.wrapping_add(1));
        let index = free.unwrap_or_else(next);
        self.indexes.insert(index);
        index
    }

    pub(super) fn add(&mut self, key: u32, item: &OutputItem, entry: &Entry) {
        let class = Class::of(item);
        if let Some(id) = item.id().filter(|id| !id.is_empty()) {
            self.ids.insert(id.into(), key);
        }
        self.add_call_id(key, item);
        if let Some(index) = entry.claimed {
            let other = self.by_index.insert((index, class), key);
            let is_certain = entry.twin.is_none() && class != Class::Other;
            self.indexes_repeat |= other.is_some() && is_certain;
        }
        let lane = &mut self.lanes[class as usize];
        lane.last = Some(key);
        lane.open.insert(key);
        lane.bare.insert(key);
    }

    pub(super) fn add_call_id(&mut self, key: u32, item: &OutputItem) {
        let call_id = call_id(item);
        if !call_id.is_empty() {
            self.call_ids.insert(call_id.into(), key);
        }
    }

    /// Records the index of an item that had none.
    pub(super) fn place(&mut self, key: u32, class: Class, index: u32) {
        self.by_index.entry((index, class)).or_insert(key);
    }

    /// Returns the item of a class that the last event belonged to.
    pub(super) fn current(&self, class: Class) -> Option<u32> {
        self.lanes[class as usize].current
    }

    pub(super) fn last(&self, class: Class) -> Option<u32> {
        self.lanes[class as usize].last
    }

    /// Returns the open items of a class that arrived after this one.
    pub(super) fn open_after(&self, key: u32, class: Class) -> impl Iterator<Item = u32> {
        let open = &self.lanes[class as usize].open;
        open.range(key.saturating_add(1)..).copied()
    }

    /// Returns the first few open items of a class.
    pub(super) fn few_open(&self, class: Class) -> Vec<u32> {
        let open = self.lanes[class as usize].open.iter();
        open.copied().take(MOST_TRIED).collect()
    }

    pub(super) fn touch(&mut self, key: u32, class: Class) {
        self.lanes[class as usize].current = Some(key);
    }

    pub(super) fn fill(&mut self, key: u32, class: Class) {
        self.lanes[class as usize].bare.remove(&key);
    }

    pub(super) fn close(&mut self, key: u32, class: Class) {
        let lane = &mut self.lanes[class as usize];
        lane.open.remove(&key);
        lane.bare.remove(&key);
    }

    /// Records that an item repeats an older one, to which later events now belong.
    pub(super) fn forget(&mut self, key: u32, class: Class, claimed: Option<u32>, twin: u32) {
        self.close(key, class);
        let lane = &mut self.lanes[class as usize];
        lane.last = Some(twin);
        lane.current = Some(twin);
        if let Some(index) = claimed
            && self.by_index.get(&(index, class)) == Some(&key)
        {
            self.by_index.insert((index, class), twin);
        }
    }
}

/// The length of the longest id of an event without an item that is kept, in bytes.
const LONGEST_SILENT: usize = 1024;
/// The number of open items that are compared with a complete item.
pub(super) const MOST_TRIED: usize = 16;
