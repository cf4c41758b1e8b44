//! Finds the item that an event belongs to, by the order of evidence that `Accumulator` documents.
//! A lookup is logarithmic in the number of items, or compares a bounded number of them.

use codex_types::OutputItem;

use super::class::{Class, TextKind, call_id, is_textless, text, tool_name};
use super::entry::Entry;
use super::evidence::differ;
use super::index::{Address, MOST_TRIED};
use super::{Accumulator, DiagnosticKind};

/// The match of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    Known(u32),
    /// A new item. If the evidence is weak, it may repeat the twin.
    New {
        twin: Option<u32>,
    },
}

const NEW: Match = Match::New { twin: None };

impl Accumulator {
    pub(super) fn item(&self, key: u32) -> &OutputItem {
        &self.response.output[self.entry(key).position]
    }

    /// Returns the entry that replaces one that turned out to be a repetition.
    fn live(&self, mut key: u32) -> u32 {
        while let Some(twin) = self
            .entry(key)
            .twin
            .filter(|_| self.entry(key).is_repetition)
        {
            key = twin;
        }
        key
    }

    pub(super) fn entry(&self, key: u32) -> &Entry {
        &self.entries[key as usize]
    }

    pub(super) fn class(&self, key: u32) -> Class {
        Class::of(self.item(key))
    }

    /// Finds the item that a delta or a complete text belongs to.
    pub(super) fn match_text(
        &mut self,
        class: Class,
        kind: TextKind,
        address: Address<'_>,
    ) -> Match {
        // The class of an item that no event has announced is a guess, which a delta of another
        // kind refutes.
        let takes = |this: &Self, key: u32| match this.class(key) {
            own if own == class => true,
            own => this.entry(key).is_announced && own.text(kind).is_some(),
        };
        if let Some(found) = self.match_id(address, takes) {
            return found;
        }
        if let Some(index) = self.trusted(address.index) {
            // Deltas of a function call may belong to the custom call at their index and the
            // other way round, unless their id belongs to another item.
            let is_nameless = address.id.is_empty() || self.identities.ids_change;
            let classes: &[Class] = match class {
                Class::Function if is_nameless => &[Class::Custom],
                Class::Custom if is_nameless => &[Class::Function],
                _ => &[],
            };
            let others = classes
                .iter()
                .filter_map(|class| self.at_index(index, *class));
            let mut others = others.filter(|key| {
                let entry = self.entry(*key);
                let is_fed_so = entry.fed_as.is_none_or(|fed| fed == class);
                entry.is_announced && is_fed_so && self.is_open(*key, kind)
            });
            if let Some(key) = self.at_index(index, class).or_else(|| others.next()) {
                return self.match_open(key, kind, address, true);
            }
        }
        let open = self.open_with_whole(class, kind, address);
        let open = open.or_else(|| self.open_item(class, kind, address.id));
        let open = open.filter(|key| {
            let claimed = self.entry(*key).claimed;
            claimed.is_none() || self.trusted(address.index).is_none()
        });
        match open {
            Some(key) => self.match_open(key, kind, address, false),
            None => self.new_after_last(class, address),
        }
    }

    /// Finds the item of an event that is about an item of a kind without text, such as the
    /// progress of a hosted tool.
    pub(super) fn match_other(
        &mut self,
        address: Address<'_>,
        is_wanted: impl Fn(&OutputItem) -> bool,
    ) -> Option<u32> {
        let wanted = |this: &Self, key: u32| is_wanted(this.item(key));
        if let Some(Match::Known(key)) = self.match_id(address, wanted) {
            return Some(key);
        }
        let by_index = self.trusted(address.index).and_then(|index| {
            let classes = [Class::Other, Class::Mcp, Class::Code];
            let mut found = classes
                .into_iter()
                .filter_map(|class| self.at_index(index, class));
            found.find(|key| wanted(self, *key))
        });
        let open = || {
            let lane = &self.identities.lanes[Class::Other as usize];
            // Items of other kinds may have claimed the index since.
            let is_unplaced = self
                .trusted(address.index)
                .is_none_or(|index| self.at_index(index, Class::Other).is_some());
            let open = lane.open.iter().rev().take(MOST_TRIED);
            let mut open = lane.current.iter().chain(open).copied();
            open.find(|key| is_unplaced && !self.entry(*key).is_done && wanted(self, *key))
        };
        by_index.or_else(open)
    }

    /// Returns the first open call of a hosted tool that has neither an id nor text: the events of
    /// its progress are the first that name it.
    pub(super) fn nameless(&self, class: Class, id: &str) -> Option<u32> {
        let bare = self.identities.lanes[class as usize].bare.iter().copied();
        let mut bare = bare.take(MOST_TRIED).filter(|_| class != Class::Other);
        bare.find(|key| !id.is_empty() && self.entry(*key).last_id.is_empty())
    }

    /// Finds the item for a complete item of an `added` or `done` event.
    pub(super) fn match_item(
        &mut self,
        item: &OutputItem,
        index: Option<u32>,
        is_done: bool,
    ) -> Match {
        let class = Class::of(item);
        let (id, call_id) = (item.id().unwrap_or_default(), call_id(item));
        let address = Address::new(index, id);
        let by_call_id = self.identities.call_ids.get(call_id);
        let by_call_id = by_call_id.map(|key| self.live(*key));
        if let Some(key) = by_call_id.filter(|key| self.is_of_kind(*key, item)) {
            return self.match_call(key, item, address, is_done);
        }
        let is_same_kind = |this: &Self, key: u32| this.is_of_kind(key, item);
        if let Some(found) = self.match_id(address, is_same_kind) {
            return match found {
                Match::Known(key) if self.may_be(key, item, is_done) => found,
                Match::Known(_) => {
                    self.note(DiagnosticKind::IdRepeated, None);
                    NEW
                }
                Match::New { .. } => found,
            };
        }
        if let Some(index) = self.trusted(index)
            && let Some(key) = self.at_index(index, class)
            && self.is_of_kind(key, item)
        {
            return self.match_at_index(key, item, address, is_done);
        }
        if is_done {
            let found = self.open_with_text_of(item, class, address);
            if let Some(key) = found {
                self.adopt_id(key, id);
                return Match::Known(key);
            }
        } else if let Some(key) = self.unannounced(item, class, address) {
            self.adopt_id(key, id);
            return Match::Known(key);
        }
        if !call_id.is_empty() {
            return NEW;
        }
        match self.new_after_last(class, address) {
            Match::New { twin: Some(twin) } if !is_done && self.begins_otherwise(twin, item) => NEW,
            found => found,
        }
    }

    /// Matches a known `call_id`. Two finished calls at different indexes with different arguments
    /// are still two calls.
    fn match_call(
        &mut self,
        key: u32,
        item: &OutputItem,
        address: Address<'_>,
        is_done: bool,
    ) -> Match {
        let entry = self.entry(key);
        let is_elsewhere = self.is_elsewhere(key, address.index);
        let has_other_name = differ(tool_name(self.item(key)), tool_name(item));
        if entry.is_done && is_elsewhere {
            let differs = has_other_name || (is_done && !self.has_input_of(key, item));
            if differs || !is_done {
                self.note(DiagnosticKind::CallIdRepeated, Some(key));
                return Match::New {
                    twin: (!differs).then_some(key),
                };
            }
        }
        self.adopt_id(key, address.id);
        Match::Known(key)
    }

    /// Matches a known item id. If several items share it, the index decides.
    fn match_id(
        &mut self,
        address: Address<'_>,
        is_wanted: impl Fn(&Self, u32) -> bool,
    ) -> Option<Match> {
        if address.id.is_empty() {
            return None;
        }
        let identities = &self.identities;
        let by_id = identities.ids.get(address.id);
        let by_id = by_id.map(|key| self.live(*key));
        let by_id = by_id.filter(|key| is_wanted(self, *key));
        let by_call_id = || {
            let key = identities.call_ids.get(address.id);
            let key = key.map(|key| self.live(*key));
            key.filter(|key| is_wanted(self, *key))
        };
        let key = by_id.or_else(by_call_id)?;
        let entry = self.entry(key);
        if let (Some(index), Some(claimed)) = (self.trusted(address.index), entry.claimed)
            && index != claimed
        {
            let other = self.at_index(index, self.class(key));
            if let Some(other) = other.filter(|other| self.has_id(*other, address.id)) {
                return Some(Match::Known(other));
            }
            if entry.is_done {
                self.note(DiagnosticKind::IdRepeated, Some(key));
                return Some(NEW);
            }
        }
        Some(Match::Known(key))
    }

    /// Matches a text with the item at its index, or with the open item.
    fn match_open(
        &mut self,
        key: u32,
        kind: TextKind,
        address: Address<'_>,
        is_indexed: bool,
    ) -> Match {
        let (entry, id) = (self.entry(key), address.id);
        if entry.is_done {
            return match kind {
                _ if self.ids_differ(key, id) => NEW,
                TextKind::Input => Match::Known(key),
                _ => Match::New { twin: Some(key) },
            };
        }
        let is_loose = is_indexed || !entry.is_stable || self.identities.ids_change;
        // The end of a text confirms the item; a second end under another id does not.
        let is_other = entry.is_stable && !self.identities.ids_change;
        let parts = entry.parts(kind).list.iter().enumerate();
        let open = parts.filter(|(_, part)| part.kind == Some(kind) && part.twin.is_none());
        let mut open = open.filter(|(_, part)| !(is_other && part.is_sealed));
        let continues = address.whole.is_some_and(|whole| {
            open.any(|(position, _)| {
                let known = text(self.item(key), kind, position).unwrap_or_default();
                let is_continued = whole == known || (is_loose && whole.starts_with(known));
                !known.is_empty() && is_continued
            })
        });
        if !continues && !self.accepts_id(key, id) {
            return NEW;
        }
        self.adopt_id(key, id);
        Match::Known(key)
    }

    /// Matches a complete item with the known item of its kind at its index.
    fn match_at_index(
        &mut self,
        key: u32,
        item: &OutputItem,
        address: Address<'_>,
        is_done: bool,
    ) -> Match {
        let entry = self.entry(key);
        let ids_differ =
            !address.id.is_empty() && !entry.last_id.is_empty() && entry.last_id != address.id;
        let is_other = ids_differ && entry.is_stable && !self.identities.ids_change;
        let is_same = if is_done {
            let is_repeated = !entry.is_done || self.has_text_of(key, item);
            let are_named_otherwise =
                self.has_other_call_id(key, item) && self.ids_differ(key, address.id);
            self.may_be(key, item, true)
                && !are_named_otherwise
                && self.continues(key, item)
                && is_repeated
                && (!is_other || !entry.has_content() || self.has_text_of(key, item))
        } else if entry.is_done || (entry.is_announced && entry.has_content()) {
            let is_call = !call_id(item).is_empty();
            if is_call || is_other {
                return NEW;
            }
            return Match::New { twin: Some(key) };
        } else {
            let is_new_name = ids_differ && !self.identities.ids_change;
            let is_taken = entry.has_content() || entry.is_announced;
            let is_over = !entry.is_announced && self.is_complete_without(key, item);
            self.may_be(key, item, false) && !(is_new_name && is_taken) && !is_over
        };
        if !is_same {
            return NEW;
        }
        self.adopt_id(key, address.id);
        Match::Known(key)
    }

    /// Returns the open item of this kind whose text a finished item continues. Of two, the one
    /// with exactly the same text is preferred.
    fn open_with_text_of(
        &self,
        item: &OutputItem,
        class: Class,
        address: Address<'_>,
    ) -> Option<u32> {
        let lane = &self.identities.lanes[class as usize];
        let is_elsewhere = |key: u32| self.is_elsewhere(key, address.index);
        let fits = |key: &u32| self.is_of_kind(*key, item) && self.may_be(*key, item, true);
        let tried = || lane.open.iter().copied().take(MOST_TRIED).filter(fits);
        let same = || {
            tried().find(|key| {
                let is_elsewhere = is_elsewhere(*key);
                let is_other = is_elsewhere
                    || self.has_other_call_id(*key, item) && self.has_other_id(*key, address.id);
                !is_other && self.has_text_of(*key, item)
            })
        };
        let continued = || {
            let fits = |key: &u32| {
                let is_known_elsewhere = is_elsewhere(*key) || self.has_other_id(*key, address.id);
                !is_known_elsewhere && self.continues(*key, item)
            };
            // An item without text is more likely the end of one without text.
            let is_bare = |key: &u32| lane.bare.contains(key);
            let is_empty = is_textless(item);
            let bare = || tried().filter(is_bare).find(fits).filter(|_| is_empty);
            bare().or_else(|| tried().find(fits))
        };
        let repeated = || {
            let is_weak = address.id.is_empty() || self.identities.ids_change;
            let last = lane.last.filter(|_| is_weak)?;
            let is_repeated = self.is_of_kind(last, item) && self.has_text_of(last, item);
            (is_repeated && !is_elsewhere(last)).then_some(last)
        };
        same().or_else(continued).or_else(repeated)
    }

    /// Returns the item whose deltas arrived before it was announced, if there is no other
    /// evidence.
    fn unannounced(
        &mut self,
        item: &OutputItem,
        class: Class,
        address: Address<'_>,
    ) -> Option<u32> {
        let mut open = self.identities.few_open(class).into_iter();
        open.find(|key| {
            let entry = self.entry(*key);
            let is_free = !entry.is_announced
                && entry.twin.is_none()
                && !self.is_elsewhere(*key, address.index)
                && !self.has_other_id(*key, address.id)
                && self.is_of_kind(*key, item);
            is_free
                && match class {
                    Class::Message | Class::Reasoning => !self.entry(*key).has_content(),
                    _ => !self.has_complete_input(*key) || self.has_text_of(*key, item),
                }
        })
    }

    /// Returns the open item of a kind that has exactly this text and is not complete yet.
    fn open_with_whole(&self, class: Class, kind: TextKind, address: Address<'_>) -> Option<u32> {
        let whole = address.whole.filter(|whole| !whole.is_empty())?;
        let has_whole = |key: &u32| {
            let parts = self.entry(*key).parts(kind).list.iter().enumerate();
            let mut open = parts
                .rev()
                .take(MOST_TRIED)
                .filter(|(_, part)| part.kind == Some(kind) && !part.is_sealed);
            let is_same = |(position, _)| text(self.item(*key), kind, position) == Some(whole);
            open.any(is_same) && !self.has_other_id(*key, address.id)
        };
        let open = self.identities.lanes[class as usize].open.iter().copied();
        open.take(MOST_TRIED).find(has_whole)
    }

    /// Returns the open item of a kind: the most recently extended one, or the first without text,
    /// or the last. If the id is not the confirmed id of the most recently extended one, the first
    /// without text is preferred.
    fn open_item(&self, class: Class, kind: TextKind, id: &str) -> Option<u32> {
        let lane = &self.identities.lanes[class as usize];
        let bare = lane.bare.first().copied();
        let current = lane.current.filter(|key| {
            let comes_first = |bare: u32| match self.entry(*key).has_content() {
                true => !self.is_named_otherwise(*key, id),
                false => bare >= *key,
            };
            self.is_open(*key, kind) && bare.is_none_or(comes_first)
        });
        // Messages and reasoning are sent in sequence, so only the last one is continued.
        let is_sequential = kind != TextKind::Input;
        let last = || {
            let open = lane.open.iter().rev().copied().take(MOST_TRIED);
            let mut open = open.filter(|key| !is_sequential || lane.last == Some(*key));
            open.find(|key| self.is_open(*key, kind))
        };
        current.or(bare).or_else(last)
    }

    fn is_named_otherwise(&self, key: u32, id: &str) -> bool {
        self.entry(key).is_stable && !id.is_empty() && !self.has_id(key, id)
    }

    /// Returns whether the input of a call is complete and an announcement does not contain it: the
    /// announcement is of another call.
    fn is_complete_without(&self, key: u32, item: &OutputItem) -> bool {
        let input = self.entry(key).parts.list.first();
        let is_sealed =
            input.is_some_and(|part| part.kind == Some(TextKind::Input) && part.is_sealed);
        is_sealed && !self.has_text_of(key, item)
    }

    /// Returns whether text may be added to an item. A call accepts none once its arguments are
    /// complete.
    fn is_open(&self, key: u32, kind: TextKind) -> bool {
        let entry = self.entry(key);
        let is_sealed = || entry.parts.list.iter().all(|part| part.is_sealed);
        !(entry.is_done || kind == TextKind::Input && is_sealed())
    }

    /// Creates a new item, which may repeat the last of its kind if the evidence does not
    /// distinguish them.
    fn new_after_last(&self, class: Class, address: Address<'_>) -> Match {
        let is_weak = (address.id.is_empty() || self.identities.ids_change)
            && self.trusted(address.index).is_none();
        let last = self.identities.lanes[class as usize].last;
        let twin = last.filter(|_| is_weak && class != Class::Other);
        Match::New { twin }
    }

    pub(super) fn trusted(&self, index: Option<u32>) -> Option<u32> {
        index.filter(|_| !self.identities.indexes_repeat)
    }

    /// Returns whether an item has claimed another index than this one.
    fn is_elsewhere(&self, key: u32, index: Option<u32>) -> bool {
        let claimed = self.entry(key).claimed;
        claimed.is_some_and(|claimed| self.trusted(index).is_some_and(|index| index != claimed))
    }

    fn at_index(&self, index: u32, class: Class) -> Option<u32> {
        let key = self.identities.by_index.get(&(index, class));
        key.map(|key| self.live(*key))
    }

    /// Records that an event of this item used the id.
    pub(super) fn adopt_id(&mut self, key: u32, id: &str) {
        if id.is_empty() {
            return;
        }
        let is_known = self.has_id(key, id) || call_id(self.item(key)) == id;
        let is_first = self.entry(key).last_id.is_empty();
        if !is_known && !is_first {
            self.identities.ids_change = true;
            self.note(DiagnosticKind::IdChanged, Some(key));
        }
        if !is_known && self.identities.ids.len() < MOST_IDS {
            self.identities.ids.insert(id.into(), key);
            self.size = self.size.saturating_add(id.len());
        }
    }
}

/// The limit of additional item ids that are kept. A server that uses a new id in every event needs
/// none of them.
const MOST_IDS: usize = 4096;
