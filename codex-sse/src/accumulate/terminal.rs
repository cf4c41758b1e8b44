//! The events that contain the whole response. The final output is one source among others: its
//! items are matched with the earlier ones, items that it lacks are kept, and nothing is reported
//! twice.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use codex_types::{HeapSize as _, ItemStatus, LifecycleEvent, OutputItem, Response, Status};

use super::entry::{Class, TextKind, call_id, texts};
use super::evidence::{KINDS, continues, is_another_call, same_json};
use super::fill::{fill_item, finish_status, take_texts};
use super::untyped::in_parts;
use super::{Accumulator, Change, DiagnosticKind, Outcome};
use crate::Error;

impl Accumulator {
    /// Merges the fields of a response that has not ended. Its items count as announced if no item
    /// arrived before.
    pub(super) fn push_envelope(&mut self, event: &LifecycleEvent) -> Result<(), Error> {
        let response = event.response_or_flat();
        let size = response.heap_size();
        self.grow(size.saturating_sub(self.envelope_size))?;
        self.envelope_size = self.envelope_size.max(size);
        let output = self.overlay(response.into_owned());
        if self.entries.is_empty() {
            for (item, index) in output.into_iter().zip(0_u32..) {
                let key = self.begin(in_parts(&item).into_owned(), Some(index), None)?;
                self.entries[key as usize].is_announced = true;
                self.report(Change::Started { key });
            }
        }
        Ok(())
    }

    /// Merges the last event.
    pub(super) fn end(
        &mut self,
        event: &LifecycleEvent,
        outcome: Option<Outcome>,
    ) -> Result<(), Error> {
        let response: Cow<'_, Response> = event.response_or_flat();
        let outcome = match (outcome, response.status.as_str()) {
            // Some servers end every response with `response.completed`.
            (None | Some(Outcome::Completed), "incomplete") => Outcome::Incomplete,
            (None | Some(Outcome::Completed), "failed") => Outcome::Failed,
            (None | Some(Outcome::Completed), "cancelled" | "canceled") => Outcome::Cancelled,
            (outcome, _) => outcome.unwrap_or(Outcome::Completed),
        };
        self.grow(response.heap_size().saturating_sub(self.size))?;
        let has_status = response.status.is_listed();
        let mut output = self.overlay(response.into_owned());
        if !has_status {
            self.response.status = match outcome {
                Outcome::Completed => Status::Completed,
                Outcome::Incomplete => Status::Incomplete,
                Outcome::Failed | Outcome::Error => Status::Failed,
                Outcome::Cancelled => Status::Cancelled,
            };
        }
        let given = |key: &str| event.extra.get(key);
        if self.response.usage.is_none() {
            self.response.usage = given("usage").and_then(|usage| usage.decode().ok());
        }
        if matches!(outcome, Outcome::Failed | Outcome::Cancelled) && self.response.error.is_none()
        {
            self.response.error = event.error().map(|error| Box::new(error.into_owned()));
        }
        let lone = self
            .response
            .extra
            .get("output")
            .filter(|_| output.is_empty());
        if let Some(item) = lone.and_then(|item| item.decode().ok()) {
            output.push(item);
        }
        self.put_in_order();
        if !output.is_empty() {
            self.merge_final(output)?;
        }
        self.conclude(outcome);
        Ok(())
    }

    /// Merges all fields of a response except its output, which is returned.
    fn overlay(&mut self, mut response: Response) -> Vec<OutputItem> {
        let output = mem::take(&mut response.output);
        let known = mem::take(&mut self.response.output);
        self.response.overlay(response);
        self.response.output = known;
        output
    }

    /// Matches the final output with the items known so far, and settles each.
    fn merge_final(&mut self, mut output: Vec<OutputItem>) -> Result<(), Error> {
        for item in &mut output {
            if let Cow::Owned(parted) = in_parts(item) {
                *item = parted;
            }
        }
        let mut rest = Unmatched::new(self);
        let mut found: Vec<Option<u32>> = output.iter().map(|_| None).collect();
        for step in [
            Unmatched::by_call_id,
            Unmatched::by_id,
            Unmatched::by_encrypted_content,
            Unmatched::by_text,
            Unmatched::by_order,
        ] {
            for (item, found) in output.iter().zip(&mut found) {
                if found.is_none() {
                    *found = step(&mut rest, self, item);
                }
            }
        }
        let mut order = Vec::with_capacity(output.len());
        for ((item, found), index) in output.into_iter().zip(found).zip(0_u32..) {
            let key = match found {
                Some(key) => {
                    self.join_items_of(key, &item, |other| !rest.taken.contains(&other))?;
                    key
                }
                None => self.begin_final(&item, index)?,
            };
            self.settle_final(key, item)?;
            order.push(key);
        }
        self.arrange(&order);
        Ok(())
    }

    /// Begins an item that only the final output contains.
    fn begin_final(&mut self, item: &OutputItem, index: u32) -> Result<u32, Error> {
        let mut begun = item.clone();
        take_texts(&mut begun);
        let key = self.begin(begun, Some(index), None)?;
        self.report(Change::Started { key });
        Ok(key)
    }

    fn settle_final(&mut self, key: u32, mut item: OutputItem) -> Result<(), Error> {
        self.release(key);
        let is_done = self.entry(key).is_done;
        if is_done && Class::of(&item).text(TextKind::Input).is_some() {
            self.keep_call_id(key, &mut item);
            let known = self.item(key);
            let old = || texts(known, TextKind::Input);
            let is_same = old()
                .zip(texts(&item, TextKind::Input))
                .all(|(one, other)| other.is_empty() || same_json(one, other));
            let mut kept = known.clone();
            mem::swap(&mut kept, &mut item);
            keep_rest(&mut item, kept);
            if !is_same {
                self.note(DiagnosticKind::InputContradicted, Some(key));
            }
            let size = item.heap_size();
            self.grow(size.saturating_sub(self.entry(key).size))?;
            *self.parts_of(key).0 = item;
            return Ok(());
        }
        self.settle_item(key, item)
    }

    /// Arranges the output in the order of the final output. An item that the final output lacks
    /// stays after the one that preceded it.
    fn arrange(&mut self, listed: &[u32]) {
        let is_listed: BTreeSet<u32> = listed.iter().copied().collect();
        let mut missing: BTreeMap<Option<u32>, Vec<u32>> = BTreeMap::new();
        let mut before = None;
        for key in mem::take(&mut self.order) {
            if is_listed.contains(&key) {
                before = Some(key);
                continue;
            }
            let entry = self.entry(key);
            let is_kept = entry.is_done || entry.has_content();
            if is_kept && !entry.is_repetition && entry.twin.is_none() {
                missing.entry(before).or_default().push(key);
                self.note(DiagnosticKind::MissingInFinal, Some(key));
            } else {
                self.entries[key as usize].is_repetition = true;
            }
        }
        let mut order = missing.remove(&None).unwrap_or_default();
        for key in listed {
            order.push(*key);
            order.extend(missing.remove(&Some(*key)).unwrap_or_default());
        }
        self.reorder(order);
    }

    /// Moves late items and parts to their indexes, and removes repetitions.
    pub(super) fn put_in_order(&mut self) {
        for key in 0..self.entries.len() {
            let entry = &mut self.entries[key];
            if entry.is_repetition {
                continue;
            }
            let item = &mut self.response.output[entry.position];
            if let Some(order) = entry.parts.take_order() {
                match item {
                    OutputItem::Message(item) => permute(&mut item.content, &order),
                    OutputItem::Reasoning(item) => {
                        permute(item.content.get_or_insert_default(), &order)
                    }
                    _ => {}
                }
            }
            if let (Some(order), OutputItem::Reasoning(item)) = (entry.summary.take_order(), item) {
                permute(&mut item.summary, &order);
            }
        }
        if mem::take(&mut self.is_disordered) || mem::take(&mut self.has_repetitions) {
            let mut order = mem::take(&mut self.order);
            let is_kept = |key: &u32| !self.entries[*key as usize].is_repetition;
            order.retain(is_kept);
            order.sort_by_key(|key| self.entries[*key as usize].index);
            self.reorder(order);
        }
    }

    fn reorder(&mut self, order: Vec<u32>) {
        let mut output = mem::take(&mut self.response.output);
        self.response.output = order
            .iter()
            .map(|key| mem::take(&mut output[self.entries[*key as usize].position]))
            .collect();
        for (position, key) in order.iter().enumerate() {
            self.entries[*key as usize].position = position;
        }
        self.order = order;
    }

    /// Ends the response. Its open items become finished if the response is complete, and are cut
    /// otherwise.
    pub(super) fn conclude(&mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
        self.finish_items(Some(outcome));
        self.report(Change::Ended);
    }

    /// Finishes the open items according to the outcome, or cuts them if the stream ended without
    /// one.
    pub(super) fn finish_items(&mut self, outcome: Option<Outcome>) {
        self.drop_held();
        for key in self.order.clone() {
            if self.entry(key).is_done {
                continue;
            }
            self.settle_provisional(key);
            self.entries[key as usize].is_done = true;
            let is_done = match self.item(key).item_status() {
                Some(ItemStatus::Incomplete) => false,
                Some(ItemStatus::Completed) => true,
                _ => outcome == Some(Outcome::Completed),
            };
            finish_status(self.parts_of(key).0, is_done);
            self.report(if is_done {
                Change::Done { key }
            } else {
                Change::Cut { key }
            });
        }
        self.make_ids_unique();
    }

    /// Keeps the text of an added item whose deltas never arrived. A surrogate half at its end
    /// stays alone.
    fn settle_provisional(&mut self, key: u32) {
        let entry = &mut self.entries[key as usize];
        for part in entry.parts.list.iter_mut().chain(&mut entry.summary.list) {
            part.has_content = true;
        }
        for place in self.places(key) {
            self.end_half(place);
        }
        self.show_all(key);
    }

    /// Removes texts and items that repeated others to their end.
    fn drop_held(&mut self) {
        let is_held = |entry: &super::entry::Entry| entry.twin.is_some();
        if !self.entries.iter().any(is_held) {
            return;
        }
        let held: Vec<u32> = self
            .order
            .iter()
            .copied()
            .filter(|key| is_held(self.entry(*key)))
            .collect();
        for key in held {
            let twin = self.entry(key).twin;
            let repeats = twin.is_some_and(|twin| {
                let (known, new) = (self.item(twin), self.item(key));
                KINDS
                    .into_iter()
                    .all(|kind| continues(texts(known, kind), texts(new, kind)))
            });
            if repeats {
                self.entries[key as usize].is_repetition = true;
                self.entries[key as usize].is_done = true;
                self.note(DiagnosticKind::Repeated, twin);
            } else {
                self.release(key);
            }
        }
        let order = mem::take(&mut self.order);
        let kept = order
            .into_iter()
            .filter(|key| !self.entry(*key).is_repetition)
            .collect();
        self.reorder(kept);
    }

    /// Removes the id of a second item with the same id: services reject a history with two items
    /// of one id.
    fn make_ids_unique(&mut self) {
        let mut seen: BTreeSet<String> = BTreeSet::new();
        for position in 0..self.response.output.len() {
            let id = self.response.output[position].id().unwrap_or_default();
            if id.is_empty() || seen.insert(id.into()) {
                continue;
            }
            let key = self.order[position];
            self.note(DiagnosticKind::IdRepeated, Some(key));
            self.response.output[position].set_id("");
        }
    }
}

/// The items that have not been matched with an item of the final output.
struct Unmatched {
    call_ids: BTreeMap<(Class, Box<str>), VecDeque<u32>>,
    ids: BTreeMap<(Class, Box<str>), VecDeque<u32>>,
    encrypted: BTreeMap<Box<str>, VecDeque<u32>>,
    by_text: BTreeMap<(Class, u64), VecDeque<u32>>,
    in_order: BTreeMap<Class, VecDeque<u32>>,
    taken: BTreeSet<u32>,
}

impl Unmatched {
    fn new(accumulator: &Accumulator) -> Self {
        let mut rest = Self {
            call_ids: BTreeMap::new(),
            ids: BTreeMap::new(),
            encrypted: BTreeMap::new(),
            by_text: BTreeMap::new(),
            in_order: BTreeMap::new(),
            taken: BTreeSet::new(),
        };
        for key in accumulator.order.iter().copied() {
            if accumulator.entry(key).is_repetition {
                continue;
            }
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

    /// Returns the call with this `call_id`. Of several, the one with the same arguments is
    /// preferred, else the first.
    fn by_call_id(&mut self, accumulator: &Accumulator, item: &OutputItem) -> Option<u32> {
        let place = (Class::of(item), call_id(item).into());
        let free = free(self.call_ids.get_mut(&place)?, &self.taken);
        let same = |key: &&u32| accumulator.has_text_of(**key, item);
        let found = free.iter().find(same).or_else(|| free.first())?;
        self.take(*found)
    }

    fn by_id(&mut self, accumulator: &Accumulator, item: &OutputItem) -> Option<u32> {
        let place = (Class::of(item), item.id()?.into());
        let free = free(self.ids.get_mut(&place)?, &self.taken);
        let found = free
            .into_iter()
            .find(|key| accumulator.is_like(*key, item))?;
        self.take(found)
    }

    fn by_encrypted_content(&mut self, _: &Accumulator, item: &OutputItem) -> Option<u32> {
        let list = self.encrypted.get_mut(encrypted_content(item))?;
        let found = free(list, &self.taken);
        self.take(*found.first()?)
    }

    fn by_text(&mut self, accumulator: &Accumulator, item: &OutputItem) -> Option<u32> {
        let place = (Class::of(item), hash_of_text(|kind| texts(item, kind))?);
        let free = free(self.by_text.get_mut(&place)?, &self.taken);
        let is_same =
            |key: &u32| accumulator.is_like(*key, item) && accumulator.has_text_of(*key, item);
        let found = free.into_iter().find(is_same)?;
        self.take(found)
    }

    /// Returns the first item of the kind whose texts this one may continue. A finished item with
    /// another id is not continued.
    fn by_order(&mut self, accumulator: &Accumulator, item: &OutputItem) -> Option<u32> {
        let free = free(self.in_order.get_mut(&Class::of(item))?, &self.taken);
        let id = item.id().unwrap_or_default();
        let fits = |key: &u32| {
            let entry = accumulator.entry(*key);
            let has_text = || {
                KINDS
                    .iter()
                    .any(|kind| accumulator.said(*key, *kind).next().is_some())
            };
            let is_over = entry.is_done && has_text();
            let goes_on = || {
                let says_other = || {
                    let mut texts = KINDS.iter().flat_map(|kind| texts(item, *kind));
                    let encrypted = encrypted_content(item);
                    texts.any(|text| !text.is_empty())
                        || !encrypted.is_empty()
                            && encrypted != encrypted_content(accumulator.item(*key))
                };
                let is_other = is_over && accumulator.ids_differ(*key, id) && says_other();
                accumulator.continues(*key, item) && !is_other
            };
            let is_other_call = entry.is_done
                && accumulator.ids_differ(*key, id)
                && is_another_call(accumulator.item(*key), item);
            accumulator.is_like(*key, item)
                && !is_other_call
                && (goes_on() || accumulator.has_text_but_space(*key, item))
        };
        let found = free.into_iter().find(fits)?;
        self.take(found)
    }

    fn take(&mut self, key: u32) -> Option<u32> {
        self.taken.insert(key).then_some(key)
    }
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
    for kind in KINDS {
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

/// Gives the finished call `item` the id and the status in the final output.
fn keep_rest(item: &mut OutputItem, last: OutputItem) {
    match (item, last) {
        (OutputItem::FunctionCall(item), OutputItem::FunctionCall(last)) => {
            let known = mem::replace(item, last);
            item.arguments = known.arguments;
            item.call_id = known.call_id;
            item.name = known.name;
            if item.id.is_none() {
                item.id = known.id;
            }
        }
        (OutputItem::CustomToolCall(item), OutputItem::CustomToolCall(last)) => {
            let known = mem::replace(item, last);
            item.input = known.input;
            item.call_id = known.call_id;
            item.name = known.name;
            if item.id.is_none() {
                item.id = known.id;
            }
        }
        (item, last) => {
            let known = mem::replace(item, last);
            fill_item(item, known);
        }
    }
}

fn permute<T: Clone>(list: &mut Vec<T>, order: &[usize]) {
    if list.len() == order.len() {
        *list = order.iter().map(|at| list[*at].clone()).collect();
    }
}

/// The number of items that are compared with one of the final output.
const MOST_TRIED: usize = 16;
