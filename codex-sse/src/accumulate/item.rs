//! Events about one item: announced, its parts, its complete texts, done.

use alloc::string::String;
use alloc::vec::Vec;

use codex_types::{
    Annotation, AnnotationEvent, HeapSize as _, ItemStatus, OutputItem, OutputItemEvent,
    ResponseEvent,
};

use super::class::{Class, TextKind, call_id, kinds, set_call_id};
use super::entry::{Entry, Part, Parts};
use super::fill::{fill_item, finish_status, take_texts};
use super::identity::Match;
use super::index::Address;
use super::place::{PartUse, Place};
use super::untyped::in_parts;
use super::whole::settle_parts;
use super::{Accumulator, Change, DiagnosticKind, PER_ITEM};
use crate::Error;

impl Accumulator {
    /// Returns the item of a text, and the kind of the text in that item. Begins the item if no
    /// event has announced it.
    pub(super) fn item_for(
        &mut self,
        class: Class,
        kind: TextKind,
        address: Address<'_>,
    ) -> Result<Option<(u32, TextKind)>, Error> {
        let mut alias = None;
        let key = match self.match_text(class, kind, address) {
            Match::Known(key) => {
                self.end_announcement(key);
                key
            }
            Match::New { twin } => {
                // An item of an unknown kind accepts no deltas; its `done` event contains it
                // completely.
                let is_known = |item: &OutputItem| !item.is_known();
                if self.match_other(address, is_known).is_some() {
                    return Ok(None);
                }
                let whole = address.whole.filter(|_| address.id.is_empty());
                if let Some(whole) = whole
                    && let Some(key) = self.first_of_joined(class, kind, whole)?
                {
                    return Ok(Some((key, kind)));
                }
                let is_stable = self.identities.was_silent(address.id);
                alias = self.identities.take_silent(class, address);
                let item = class.blank(address.id);
                let key = self.begin(item, address.index, twin)?;
                self.entries[key as usize].is_stable = is_stable;
                if twin.is_none() {
                    self.report(Change::Started { key });
                }
                key
            }
        };
        self.touch(key, address);
        // The announcement of its first part used another id.
        if let Some(id) = alias {
            self.adopt_id(key, &id);
        }
        self.entries[key as usize].fed_as.get_or_insert(class);
        Ok(self.class(key).text(kind).map(|kind| (key, kind)))
    }

    /// Adds an item to the output, after those with lower indexes as far as that is cheap.
    pub(super) fn begin(
        &mut self,
        item: OutputItem,
        claimed: Option<u32>,
        twin: Option<u32>,
    ) -> Result<u32, Error> {
        let size = item.heap_size() + PER_ITEM;
        self.grow(size)?;
        let key = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        // An item that may be a repetition gets its own index once it turns out not to be.
        let index = match twin {
            Some(twin) => self.entry(twin).index,
            None => self.identities.assign(claimed),
        };
        let (parts, summary) = kinds(&item);
        let list = |kinds: Vec<Option<TextKind>>| {
            let mut parts = Parts::default();
            parts.replace(unsettled(&kinds));
            parts
        };
        let mut entry = Entry {
            index,
            claimed,
            twin,
            size,
            parts: list(parts),
            summary: list(summary),
            ..Entry::default()
        };
        self.identities.add(key, &item, &entry);
        let later = self.order.iter().rev().take(MOST_MOVED);
        let moved = later
            .take_while(|key| self.entries[**key as usize].index > index)
            .count();
        let end = self.order.len();
        let is_far = moved == MOST_MOVED;
        self.is_disordered |= is_far;
        let position = if is_far { end } else { end - moved };
        for key in &self.order[position..] {
            self.entries[*key as usize].position += 1;
        }
        entry.position = position;
        self.order.insert(position, key);
        self.response.output.insert(position, item);
        self.entries.push(entry);
        Ok(key)
    }

    /// Merges an item that was announced without a name and is held back into this one, which later
    /// events name.
    fn end_announcement(&mut self, key: u32) {
        let held = self.identities.last(self.class(key));
        let is_this = |held: &u32| {
            let entry = self.entry(*held);
            let is_nameless = entry.last_id.is_empty() || self.identities.ids_change;
            entry.twin == Some(key) && is_nameless && !entry.is_repetition && !entry.has_content()
        };
        if let Some(held) = held.filter(is_this) {
            self.note(DiagnosticKind::Repeated, Some(key));
            self.drop_repetition(held, key);
            self.begin_again(key);
        }
    }

    /// Records that an event belongs to this item, and the index in the event if the item had none.
    pub(super) fn touch(&mut self, key: u32, address: Address<'_>) {
        let class = self.class(key);
        self.identities.touch(key, class);
        self.current = Some(key);
        let entry = &mut self.entries[key as usize];
        let grown = entry.note_id(address.id);
        self.size = self.size.saturating_add(grown);
        if entry.claimed.is_none()
            && let Some(index) = address.index
        {
            entry.claimed = Some(index);
            self.identities.place(key, class, index);
        }
    }

    pub(super) fn item_added(&mut self, event: &OutputItemEvent) -> Result<(), Error> {
        let item = in_parts(&event.item);
        if is_nothing(&item) {
            return Ok(());
        }
        let id = item.id().unwrap_or_default();
        let address = Address::new(event.output_index, id);
        match self.match_item(&item, event.output_index, false) {
            Match::Known(key) => {
                self.touch(key, address);
                self.announce_again(key, &item)
            }
            Match::New { twin } => {
                let key = self.begin(item.clone().into_owned(), event.output_index, twin)?;
                self.touch(key, address);
                self.entries[key as usize].is_announced = true;
                if twin.is_none() {
                    self.report(Change::Started { key });
                }
                Ok(())
            }
        }
    }

    /// Names an item that deltas have begun, or announces an item again, whose deltas may then be
    /// repeated as well.
    fn announce_again(&mut self, key: u32, item: &OutputItem) -> Result<(), Error> {
        let entry = self.entry(key);
        if entry.is_done {
            return self.fill_done(key, item);
        }
        let (was_announced, has_content) = (entry.is_announced, entry.has_content());
        let mut item = item.clone();
        if has_content {
            take_texts(&mut item);
        }
        self.grow(item.heap_size())?;
        let (place, entry) = self.parts_of(key);
        entry.is_announced = true;
        let old = core::mem::take(place);
        fill_item(&mut item, old);
        *place = item;
        if has_content {
            if was_announced {
                self.note(DiagnosticKind::Repeated, Some(key));
                let entry = &mut self.entries[key as usize];
                (entry.parts.again, entry.summary.again) = (None, None);
                self.begin_again(key);
            }
        } else if self.class(key) != Class::Other {
            let (parts, summary) = kinds(self.item(key));
            let entry = &mut self.entries[key as usize];
            entry.parts.replace(unsettled(&parts));
            entry.summary.replace(unsettled(&summary));
        }
        self.name(key);
        Ok(())
    }

    /// Marks the open texts of an item whose events are sent again, so that their existing text is
    /// not taken as new.
    pub(super) fn begin_again(&mut self, key: u32) {
        let entry = &mut self.entries[key as usize];
        if entry.parts.again.is_some() {
            return;
        }
        (entry.parts.again, entry.summary.again) = (Some(0), Some(0));
        self.expect_again(key);
    }

    /// Marks the open texts of an item, whose deltas may be repeated.
    pub(super) fn expect_again(&mut self, key: u32) {
        let entry = &mut self.entries[key as usize];
        for part in entry.parts.list.iter_mut().chain(&mut entry.summary.list) {
            let is_open = part.has_content && !part.is_sealed && part.twin.is_none();
            part.repeated = Some(0).filter(|_| is_open);
        }
    }

    /// Records the `call_id` or the name that the item may have now.
    fn name(&mut self, key: u32) {
        let item = &self.response.output[self.entries[key as usize].position];
        self.identities.add_call_id(key, item);
        if self.entry(key).twin.is_none() {
            self.report(Change::Named { key });
        }
    }

    pub(super) fn item_done(&mut self, event: &OutputItemEvent) -> Result<(), Error> {
        let item = in_parts(&event.item);
        if is_nothing(&item) {
            return Ok(());
        }
        let id = item.id().unwrap_or_default();
        let address = Address::new(event.output_index, id);
        let key = match self.match_item(&item, event.output_index, true) {
            Match::Known(key) => key,
            Match::New { twin } => {
                let mut begun = item.clone().into_owned();
                take_texts(&mut begun);
                let key = self.begin(begun, event.output_index, twin)?;
                if twin.is_none() {
                    self.report(Change::Started { key });
                }
                key
            }
        };
        self.touch(key, address);
        if self.entry(key).is_done {
            return self.fill_done(key, &item);
        }
        self.join_items_of(key, &item, |_| true)?;
        self.settle_item(key, item.clone().into_owned())?;
        if let Some(twin) = self.entry(key).twin {
            if self.has_text_of(twin, &item) {
                self.note(DiagnosticKind::Repeated, Some(twin));
                self.drop_repetition(key, twin);
                return Ok(());
            }
            self.release(key);
        }
        self.close(key);
        Ok(())
    }

    /// Finishes an item.
    pub(super) fn close(&mut self, key: u32) {
        let class = self.class(key);
        self.identities.close(key, class);
        self.entries[key as usize].is_done = true;
        finish_status(self.parts_of(key).0, true);
        let is_cut = self.item(key).item_status() == Some(&ItemStatus::Incomplete);
        self.report(if is_cut {
            Change::Cut { key }
        } else {
            Change::Done { key }
        });
    }

    pub(super) fn drop_repetition(&mut self, key: u32, twin: u32) {
        let class = self.class(key);
        let entry = &mut self.entries[key as usize];
        entry.is_repetition = true;
        entry.is_done = true;
        let claimed = entry.claimed;
        self.identities.forget(key, class, claimed, twin);
        self.current = None;
        if self.order.last() == Some(&key) {
            self.order.pop();
            self.response.output.pop();
        } else {
            self.has_repetitions = true;
        }
    }

    /// Merges a finished item that is sent again: adds the missing fields and changes nothing that
    /// has been reported.
    pub(super) fn fill_done(&mut self, key: u32, item: &OutputItem) -> Result<(), Error> {
        self.note(DiagnosticKind::Repeated, Some(key));
        let (place, _) = self.parts_of(key);
        if let (OutputItem::Reasoning(known), OutputItem::Reasoning(new)) = (&mut *place, item)
            && new
                .encrypted_content
                .as_ref()
                .is_some_and(|new| !new.is_empty())
        {
            let grown = new.encrypted_content.as_ref().map_or(0, String::len);
            known.encrypted_content.clone_from(&new.encrypted_content);
            self.grow(grown)?;
        }
        let is_text = matches!(self.class(key), Class::Message | Class::Reasoning);
        if is_text && self.continues(key, item) && !self.has_text_of(key, item) {
            self.note(DiagnosticKind::AfterEnd, Some(key));
            return self.settle_item(key, item.clone());
        }
        Ok(())
    }

    /// Replaces the built item by the complete one. A field that is empty in the complete item
    /// keeps the built value.
    pub(super) fn settle_item(&mut self, key: u32, mut item: OutputItem) -> Result<(), Error> {
        self.keep_call_id(key, &mut item);
        let before = self.entry(key).size;
        let after = item.heap_size() + PER_ITEM;
        self.grow(after.saturating_sub(before))?;
        let position = self.entry(key).position;
        let mut known = core::mem::take(&mut self.response.output[position]);
        let entry = &mut self.entries[key as usize];
        entry.size = before.max(after);
        entry.is_announced = true;
        let (kinds, summaries) = kinds(&item);
        let parts = settle_parts(&entry.parts, &mut known, &mut item, &kinds, false);
        let summary = settle_parts(&entry.summary, &mut known, &mut item, &summaries, true);
        let contradicted = parts.1.into_iter().chain(summary.1);
        let contradicted: Vec<(TextKind, usize)> = contradicted.collect();
        for (list, new) in [(&mut entry.parts, parts.0), (&mut entry.summary, summary.0)] {
            if !new.is_empty() {
                list.replace(new);
            }
        }
        fill_item(&mut item, known);
        self.response.output[position] = item;
        for place in self.places(key) {
            self.end_half(place);
        }
        self.name(key);
        for (kind, position) in contradicted {
            let place = Place {
                key,
                kind,
                position,
            };
            self.note(DiagnosticKind::TextContradicted, Some(key));
            self.report(Change::Contradicted { place });
        }
        if self.entry(key).twin.is_none() {
            self.show_all(key);
        }
        Ok(())
    }

    /// Keeps the `call_id` under which a call was announced, and the item id that belongs to it.
    pub(super) fn keep_call_id(&mut self, key: u32, item: &mut OutputItem) {
        let known = self.item(key);
        let (old, new) = (call_id(known), call_id(item));
        if old.is_empty() || old == new {
            return;
        }
        let is_other = !new.is_empty();
        set_call_id(item, old);
        item.set_id(known.id().unwrap_or_default());
        if is_other {
            self.note(DiagnosticKind::CallIdChanged, Some(key));
        }
    }

    /// Reports the unreported remainder of an item's texts, except parts that repeat others.
    pub(super) fn show_all(&mut self, key: u32) {
        for place in self.places(key).into_iter().rev() {
            if self.part(place).twin.is_some() {
                self.drop_repeated_part(place, false);
            }
        }
        for place in self.places(key) {
            self.show(place);
        }
    }

    /// Returns the texts of an item, its summary first.
    pub(super) fn places(&self, key: u32) -> Vec<Place> {
        let entry = self.entry(key);
        let lists = [&entry.summary.list, &entry.parts.list].into_iter();
        let parts = lists.flat_map(|list| list.iter().enumerate());
        parts
            .filter_map(|(position, part)| {
                let kind = part.kind?;
                Some(Place {
                    key,
                    kind,
                    position,
                })
            })
            .collect()
    }

    pub(super) fn annotate(
        &mut self,
        address: Address<'_>,
        event: &AnnotationEvent,
    ) -> Result<(), Error> {
        let is_null =
            matches!(&event.annotation, Annotation::Unknown(unknown) if unknown.raw().is_null());
        let (class, kind) = (Class::Message, TextKind::Text);
        if is_null || matches!(self.match_text(class, kind, address), Match::New { .. }) {
            return Ok(());
        }
        let item = self.item_for(class, kind, address)?;
        let Some((key, kind)) = item.filter(|(key, _)| !self.entry(*key).is_done) else {
            return Ok(());
        };
        let place = self.part_for(key, kind, event.content_index, PartUse::Ends)?;
        let annotation = event.annotation.clone();
        self.grow(annotation.heap_size() + size_of::<Annotation>())?;
        if let Some(part) = self.output_text(place) {
            let index = event.annotation_index.map(|index| index as usize);
            match index.and_then(|index| part.annotations.get_mut(index)) {
                Some(known) => *known = annotation,
                None => part.annotations.push(annotation),
            }
        }
        Ok(())
    }

    /// Fills the name and the `call_id` of a call that no event has announced.
    pub(super) fn name_function(&mut self, place: Place, name: Option<&str>, call_id: &str) {
        let OutputItem::FunctionCall(call) = self.parts_of(place.key).0 else {
            return;
        };
        if call.call_id.is_empty() && !call_id.is_empty() {
            call.call_id = call_id.into();
        }
        if call.name.is_empty() {
            call.name = name.unwrap_or_default().into();
        }
        self.name(place.key);
    }

    /// Sets the progress of a hosted tool.
    pub(super) fn set_status(&mut self, event: &ResponseEvent, class: Class, status: &ItemStatus) {
        let id = event.item_id().unwrap_or_default();
        let address = Address::new(event.output_index(), id);
        let has_status = |item: &OutputItem| match class {
            Class::Other => matches!(
                item,
                OutputItem::FileSearchCall(_)
                    | OutputItem::WebSearchCall(_)
                    | OutputItem::ImageGenerationCall(_)
            ),
            _ => Class::of(item) == class,
        };
        let found = self.match_other(address, has_status);
        let Some(key) = found.or_else(|| self.nameless(class, address.id)) else {
            self.identities.note_silent(class, address);
            return;
        };
        self.name_by_progress(key, class, address, status);
        if self.entry(key).is_done {
            return;
        }
        if matches!(status, ItemStatus::Completed | ItemStatus::Failed) {
            // A call that has been run accepts no more arguments.
            let parts = &mut self.entries[key as usize].parts.list;
            parts.iter_mut().for_each(|part| part.is_sealed = true);
        }
        match self.parts_of(key).0 {
            OutputItem::FileSearchCall(item) => item.status.clone_from(status),
            OutputItem::WebSearchCall(item) => item.status = Some(status.clone()),
            OutputItem::CodeInterpreterCall(item) => item.status.clone_from(status),
            OutputItem::ImageGenerationCall(item) => item.status.clone_from(status),
            OutputItem::McpCall(item) => item.status = Some(status.clone()),
            _ => {}
        }
    }

    /// Records the id in an event about the progress of a hosted tool whose code or arguments are
    /// built from deltas. The beginning of progress under another id may be that of a call which
    /// no event has announced.
    fn name_by_progress(
        &mut self,
        key: u32,
        class: Class,
        address: Address<'_>,
        status: &ItemStatus,
    ) {
        let id = address.id;
        if class == Class::Other || id.is_empty() {
            return;
        }
        let is_nameless = self.entry(key).last_id.is_empty();
        let is_other = !is_nameless && !self.has_id(key, id);
        let may_be_other = *status == ItemStatus::InProgress || self.identities.was_silent(id);
        if is_other && (may_be_other || !self.accepts_id(key, id)) {
            self.identities.note_silent(class, address);
            return;
        }
        self.adopt_id(key, id);
        let entry = &mut self.entries[key as usize];
        entry.is_stable |= is_nameless;
        let grown = entry.note_id(id);
        self.size = self.size.saturating_add(grown);
    }

    pub(super) fn parts_of(&mut self, key: u32) -> (&mut OutputItem, &mut Entry) {
        let entry = &mut self.entries[key as usize];
        (&mut self.response.output[entry.position], entry)
    }
}

/// Creates parts whose text does not count yet.
fn unsettled(kinds: &[Option<TextKind>]) -> Vec<Part> {
    kinds
        .iter()
        .zip(0_u32..)
        .map(|(kind, index)| Part {
            index,
            kind: *kind,
            ..Part::default()
        })
        .collect()
}

/// Returns whether an event contains no item.
fn is_nothing(item: &OutputItem) -> bool {
    matches!(item, OutputItem::Unknown(unknown) if unknown.kind().is_empty())
}

/// The approximate number of items that may be moved to insert a late one.
const MOST_MOVED: usize = 32;
