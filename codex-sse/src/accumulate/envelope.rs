// The events that carry the response as a whole. Its output is what the items say until the terminal event, whose own output counts if it
// has any: the ChatGPT backend ends with an empty one.

use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::mem;

use codex_types::{LifecycleEvent, Map, OutputItem, RawJson, Response, Status};

use super::{Accumulator, Change, Outcome, fill::fill_item, place::grown, slot::Slot};

impl Accumulator {
    /// A response that goes on.
    pub(super) fn take_envelope(
        &mut self,
        event: &LifecycleEvent,
        report: &mut impl FnMut(Change),
    ) {
        let response = self.with_what_was_known(&event.response);
        self.take_response(response, false, report);
    }

    pub(super) fn end(
        &mut self,
        event: &LifecycleEvent,
        outcome: Option<Outcome>,
        report: &mut impl FnMut(Change),
    ) {
        let mut response = self.with_what_was_known(&event.response);
        let outcome = outcome.unwrap_or(match event.response.status {
            Status::Incomplete => Outcome::Incomplete,
            Status::Failed => Outcome::Failed,
            Status::Cancelled => Outcome::Cancelled,
            _ => Outcome::Completed,
        });
        if event.response.status.as_str().is_empty() {
            response.status = match outcome {
                Outcome::Completed => Status::Completed,
                Outcome::Incomplete => Status::Incomplete,
                Outcome::Failed | Outcome::Error => Status::Failed,
                Outcome::Cancelled => Status::Cancelled,
            };
        }
        self.take_response(response, true, report);
        self.conclude(outcome, report);
    }

    fn take_response(
        &mut self,
        response: Response,
        is_last: bool,
        report: &mut impl FnMut(Change),
    ) {
        let known = mem::replace(&mut self.response, response);
        if self.response.output.is_empty() || (!is_last && !known.output.is_empty()) {
            self.response.output = known.output;
        } else {
            self.match_slots(known.output, report);
        }
    }

    /// Gives every item of a whole output the slot that it had before: by its id, else by its place.
    fn match_slots(&mut self, known: Vec<OutputItem>, report: &mut impl FnMut(Change)) {
        let slots = mem::take(&mut self.slots);
        let mut known: Vec<Option<(Slot, OutputItem)>> =
            slots.into_iter().zip(known).map(Some).collect();
        let known_ids: BTreeMap<Box<str>, usize> = known
            .iter()
            .enumerate()
            .filter_map(|(place, known)| Some((known.as_ref()?.0.id.clone()?, place)))
            .collect();
        let ids: BTreeSet<Box<str>> = self
            .response
            .output
            .iter()
            .filter_map(|item| item.id().map(Into::into))
            .collect();
        for (position, item) in self.response.output.iter_mut().enumerate() {
            let by_id = item.id().and_then(|id| known_ids.get(id).copied());
            let by_place = || {
                let (slot, _) = known.get(position)?.as_ref()?;
                slot.id
                    .as_ref()
                    .is_none_or(|id| !ids.contains(id))
                    .then_some(position)
            };
            let taken = by_id
                .or_else(by_place)
                .and_then(|place| known[place].take_if(|(_, old)| old.kind() == item.kind()));
            let mut slot = match taken {
                Some((mut slot, old)) => {
                    grown(slot.serial, &slot.texts_for(&old, item), item)
                        .into_iter()
                        .for_each(&mut *report);
                    let parts = slot.parts_for(item).to_vec();
                    slot.number_parts(item);
                    fill_item(item, old, &parts);
                    slot
                }
                None => {
                    let mut slot = Slot {
                        serial: self.serials,
                        id: item.id().map(Into::into),
                        ..Slot::default()
                    };
                    slot.number_parts(item);
                    self.serials = self.serials.wrapping_add(1);
                    report(Change::Started {
                        serial: slot.serial,
                    });
                    grown(slot.serial, &[], item)
                        .into_iter()
                        .for_each(&mut *report);
                    slot
                }
            };
            slot.output_index = u32::try_from(position).unwrap_or(u32::MAX);
            self.slots.push(slot);
        }
    }

    /// A response as an event says it, with what earlier events said where it says nothing: some servers end with an id and a usage only.
    fn with_what_was_known(&self, response: &Response) -> Response {
        let is_sparse = response.model.is_empty() && !self.response.model.is_empty();
        if !is_sparse {
            return response.clone();
        }
        overlay(&self.response, response).unwrap_or_else(|| response.clone())
    }
}

/// The keys of both but the output of `under`; `over` counts where both have a key.
fn overlay(under: &Response, over: &Response) -> Option<Response> {
    let keys = |response: &Response| {
        RawJson::encode(response)
            .ok()?
            .decode::<Map<RawJson>>()
            .ok()
    };
    let mut all = keys(under)?;
    let output = all.remove("output");
    debug_assert!(
        output.is_some() || under.output.is_empty(),
        "the output is a key of the response"
    );
    for (key, value) in keys(over)?.iter() {
        all.insert(key, value.clone());
    }
    RawJson::encode(&all).ok()?.decode().ok()
}
