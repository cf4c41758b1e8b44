//! The events that contain the whole response. The final output is one source among others: its
//! items are matched with the earlier ones, items that it lacks are kept, and nothing is reported
//! twice.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use codex_types::{HeapSize as _, ItemStatus, LifecycleEvent, OutputItem, Response, Status};

use super::class::{Class, TextKind, texts};
use super::evidence::{continues, same_json};
use super::fill::{fill_empty, fill_item, finish_status, take_texts};
use super::unmatched::Unmatched;
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
        let (found, taken) = Unmatched::new(self).match_all(self, &output);
        let mut order = Vec::with_capacity(output.len());
        for ((item, found), index) in output.into_iter().zip(found).zip(0_u32..) {
            let key = match found {
                Some(key) => {
                    self.join_items_of(key, &item, |other| !taken.contains(&other))?;
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
                    OutputItem::ShellCall(item) => permute(&mut item.action.commands, &order),
                    OutputItem::ShellCallOutput(item) => permute(&mut item.output, &order),
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
                TextKind::ALL
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

/// Gives the finished call `item` the id and the status in the final output.
fn keep_rest(item: &mut OutputItem, last: OutputItem) {
    match (item, last) {
        (OutputItem::FunctionCall(item), OutputItem::FunctionCall(last)) => {
            let known = mem::replace(item, last).into_inner();
            item.arguments = known.arguments;
            item.call_id = known.call_id;
            item.name = known.name;
            fill_empty(&mut item.id, known.id, String::is_empty);
        }
        (OutputItem::CustomToolCall(item), OutputItem::CustomToolCall(last)) => {
            let known = mem::replace(item, last).into_inner();
            item.input = known.input;
            item.call_id = known.call_id;
            item.name = known.name;
            fill_empty(&mut item.id, known.id, String::is_empty);
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
