//! Texts: deltas append, and complete texts confirm, extend or contradict what the deltas built.
//! The reported portion of a text is a prefix that only grows: `Part::shown`. Text that may repeat
//! earlier text is held back until it differs.

use alloc::vec::Vec;

use codex_types::{
    Annotation, Halves, HeapSize as _, Logprob, OutputItem, OutputPart, OutputText, ReasoningPart,
    ReasoningText, Refusal, SummaryPart, SummaryText,
};

use super::class::{Class, TextKind, text, text_mut};
use super::entry::{Part, not_repeated};
use super::evidence::{lacks_only_space, same_json};
use super::object::Object;
use super::place::{PartUse, Place};
use super::{Accumulator, Change, DiagnosticKind, PER_PART};
use crate::Error;

impl Accumulator {
    /// Appends a delta.
    #[inline]
    pub(super) fn push_text(
        &mut self,
        place: Place,
        piece: &str,
        halves: Option<Halves>,
    ) -> Result<(), Error> {
        let entry = &self.entries[place.key as usize];
        let part = &entry.parts(place.kind).list[place.position];
        let is_plain = part.has_content
            && part.repeated.is_none()
            && part.twin.is_none()
            && entry.twin.is_none()
            && part.half.is_none()
            && halves.is_none();
        if is_plain {
            self.extend(place, piece)
        } else {
            self.push_unusual(place, piece, halves)
        }
    }

    #[inline]
    fn extend(&mut self, place: Place, piece: &str) -> Result<(), Error> {
        self.grow(piece.len())?;
        let entry = &mut self.entries[place.key as usize];
        entry.size += piece.len();
        let item = &mut self.response.output[entry.position];
        let Some(text) = text_mut(item, place.kind, place.position) else {
            return Ok(());
        };
        text.push_str(piece);
        let end = text.len();
        let part = &mut entry.parts_mut(place.kind).list[place.position];
        let start = core::mem::replace(&mut part.shown, end);
        if self.is_observed && end > start {
            self.changes.push_back(Change::Text { place, start, end });
        }
        Ok(())
    }

    /// Appends the first delta of a text, a delta that is cut within a character, or one that may
    /// repeat earlier text.
    #[cold]
    fn push_unusual(
        &mut self,
        place: Place,
        piece: &str,
        halves: Option<Halves>,
    ) -> Result<(), Error> {
        self.begin_content(place);
        let whole = self.part_mut(place).whole_characters(piece, halves);
        let mut repeated = self.part_mut(place).repeated.take();
        let piece = not_repeated(self.text(place), &mut repeated, &whole);
        self.part_mut(place).repeated = repeated;
        if piece.is_empty() {
            return Ok(());
        }
        self.grow(piece.len())?;
        let (item, entry) = self.parts_of(place.key);
        entry.size += piece.len();
        if let Some(text) = text_mut(item, place.kind, place.position) {
            text.push_str(piece);
        }
        self.release_if_other(place);
        self.show(place);
        Ok(())
    }

    /// Removes the text of an added item when its own deltas begin.
    fn begin_content(&mut self, place: Place) {
        if core::mem::replace(&mut self.part_mut(place).has_content, true) {
            return;
        }
        let class = self.class(place.key);
        self.identities.fill(place.key, class);
        let (item, _) = self.parts_of(place.key);
        if let Some(text) = text_mut(item, place.kind, place.position)
            && !text.is_empty()
        {
            text.clear();
            self.note(DiagnosticKind::ProvisionalReplaced, Some(place.key));
        }
    }

    /// Replaces a surrogate half whose other half never arrived by U+FFFD.
    pub(super) fn end_half(&mut self, place: Place) {
        if self.part_mut(place).half.take().is_none() {
            return;
        }
        let (item, _) = self.parts_of(place.key);
        if let Some(text) = text_mut(item, place.kind, place.position) {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }

    /// Merges a complete text. An empty one is ignored.
    pub(super) fn settle_text(&mut self, place: Place, whole: &str) -> Result<(), Error> {
        if whole.is_empty() || self.entry(place.key).is_done {
            return Ok(());
        }
        let part = self.part_mut(place);
        part.half = None;
        part.repeated = None;
        let has_content = part.has_content;
        let known = self.text(place);
        if !has_content || whole.len() > known.len() && whole.starts_with(known) {
            let more = whole.len().saturating_sub(known.len());
            self.grow(more)?;
            self.set_text(place, whole);
        } else if whole != known {
            self.contradict(place, whole)?;
        }
        self.release_if_other(place);
        self.show(place);
        Ok(())
    }

    /// Merges a complete text that does not begin with the text built from deltas. Missing white
    /// space at the end is not a difference, nor are arguments that are equal as JSON. Otherwise
    /// the complete text is used; that is an error if other text has been reported.
    fn contradict(&mut self, place: Place, whole: &str) -> Result<(), Error> {
        let known = self.text(place);
        let is_input = place.kind == TextKind::Input;
        if lacks_only_space(whole, known) || (is_input && same_json(known, whole)) {
            return Ok(());
        }
        self.grow(whole.len().saturating_sub(known.len()))?;
        let was_shown = core::mem::take(&mut self.part_mut(place).shown) > 0;
        self.set_text(place, whole);
        self.note(DiagnosticKind::TextContradicted, Some(place.key));
        if was_shown {
            self.part_mut(place).shown = whole.len();
            self.report(Change::Contradicted { place });
        }
        Ok(())
    }

    pub(super) fn set_text(&mut self, place: Place, whole: &str) {
        let is_early = !self.part(place).has_content;
        let class = self.class(place.key);
        self.identities.fill(place.key, class);
        let (item, entry) = self.parts_of(place.key);
        if let Some(text) = text_mut(item, place.kind, place.position) {
            entry.size += whole.len().saturating_sub(text.len());
            text.clear();
            text.push_str(whole);
        }
        let part = self.part_mut(place);
        (part.has_content, part.is_early) = (true, is_early);
        part.object = Object::default();
    }

    /// Reports the unreported remainder of a text.
    pub(super) fn show(&mut self, place: Place) {
        let part = self.part(place);
        if part.twin.is_some() || self.entry(place.key).twin.is_some() || !part.has_content {
            return;
        }
        let start = part.shown;
        let end = self.text(place).len();
        if end > start {
            self.part_mut(place).shown = end;
            self.report(Change::Text { place, start, end });
        }
    }

    /// Stops holding back a text, or the whole item, once it differs from the one that it may
    /// repeat.
    fn release_if_other(&mut self, place: Place) {
        if let Some(twin) = self.twin(place) {
            if self.repeats(place, twin) {
                return;
            }
            let part = self.part_mut(place);
            (part.twin, part.matched) = (None, 0);
        }
        if let Some(key) = self.entry(place.key).twin {
            let has_part = self.entry(key).parts(place.kind).list.len() > place.position;
            if !(has_part && self.repeats(place, Place { key, ..place })) {
                self.release(place.key);
            }
        }
    }

    /// Returns whether a text is still a prefix of its twin's. Continues after the bytes that were
    /// already compared.
    fn repeats(&mut self, place: Place, twin: Place) -> bool {
        let matched = self.part(place).matched;
        let length = self.text(place).len();
        let new = self.text(place).as_bytes().get(matched..);
        let known = self.text(twin).as_bytes().get(matched..);
        let repeats = known.is_some_and(|known| new.is_some_and(|new| known.starts_with(new)));
        if repeats {
            self.part_mut(place).matched = length;
        }
        repeats
    }

    /// Reports an item that has been held back.
    pub(super) fn release(&mut self, key: u32) {
        let entry = self.entry(key);
        let Some(twin) = entry.twin else {
            return;
        };
        // Two items of one kind at one index, under different ids.
        let is_other = self.class(key) != Class::Other && self.ids_differ(twin, &entry.last_id);
        let is_there = entry.claimed.is_some() && entry.claimed == self.entry(twin).claimed;
        self.identities.indexes_repeat |= is_other && is_there;
        let entry = &mut self.entries[key as usize];
        entry.twin = None;
        entry.index = self.identities.assign(entry.claimed);
        self.is_disordered |= self.order.last() != Some(&key);
        self.report(Change::Started { key });
        for place in self.places(key) {
            self.show(place);
        }
    }

    /// Returns the part that an event means, and creates it if there is none.
    pub(super) fn part_for(
        &mut self,
        key: u32,
        kind: TextKind,
        index: Option<u32>,
        usage: PartUse,
    ) -> Result<Place, Error> {
        let place = |position: usize| Place {
            key,
            kind,
            position,
        };
        if kind == TextKind::Input {
            return Ok(place(0));
        }
        let entry = &self.entries[key as usize];
        let parts = entry.parts(kind);
        let (count, last) = (parts.list.len(), parts.last_with_content());
        let last_part = last.map(|last| &parts.list[last]);
        // An index of 0 proves nothing if no part has another index.
        self.part_indexes_tell |= index.is_some_and(|index| index > 0);
        let is_told = index.is_some() && self.part_indexes_tell;
        let found = match index {
            Some(index) if is_told => parts.find(index, Some(kind)),
            // Parts are sent one after another, so a delta belongs to the last one.
            _ if usage == PartUse::Opens => None,
            _ if usage == PartUse::Grows => last
                .filter(|last| {
                    let is_first = parts.list[*last].twin.is_none();
                    !(is_first && parts.again.is_some_and(|again| again < *last))
                })
                .filter(|last| {
                    let next = parts.list.get(last + 1);
                    let is_next = next.is_some_and(|next| next.is_opened && !next.has_content);
                    !is_next
                })
                .filter(|last| {
                    let last = &parts.list[*last];
                    last.kind == Some(kind) && !last.is_sealed
                })
                .filter(|last| !self.has_repeated(place(*last))),
            index => {
                let index = index.or_else(|| Some(last_part?.index));
                index.and_then(|index| parts.find(index, Some(kind)))
            }
        };
        if let Some(position) = found {
            return Ok(place(position));
        }
        // An empty part takes the kind of its text.
        let next = match index {
            Some(index) if is_told => parts.find_any(index),
            _ => Some(last.map_or(0, |last| last + 1)).filter(|next| *next < count),
        };
        let is_bare = |at: &usize| {
            let part = &parts.list[*at];
            !part.has_content && !part.is_sealed && part.kind.is_some()
        };
        if let Some(position) = next.filter(is_bare) {
            let place = place(position);
            if parts.list[position].kind != Some(kind) {
                self.relabel(place);
            }
            if let Some(index) = index {
                self.part_mut(place).index = index;
            }
            return Ok(place);
        }
        // When an item is announced again, its deltas repeat each part in turn; the last one, which
        // is still open, is continued.
        let again = parts.again.filter(|again| *again < count);
        let reopened = again.filter(|again| {
            let is_open = |part: &Part| {
                part.kind == Some(kind)
                    && part.has_content
                    && !part.is_sealed
                    && part.twin.is_none()
            };
            let next = parts.list.get(again + 1);
            parts.list.get(*again).is_some_and(is_open)
                && next.is_none_or(|next| next.twin.is_some())
        });
        if let Some(position) = reopened.filter(|_| usage == PartUse::Grows && !is_told) {
            return Ok(place(position));
        }
        // If parts have indexes or the item was announced, a new part is a repetition only if the
        // item was announced again, or if the last part's complete text preceded its deltas.
        let is_early = |last: &usize| parts.list[*last].is_early && usage == PartUse::Grows;
        let twin = again
            .or_else(|| last.filter(|_| index.is_some() && !entry.is_announced))
            .or_else(|| last.filter(is_early))
            .filter(|twin| {
                let twin = &parts.list[*twin];
                let is_over = twin.is_sealed || usage == PartUse::Opens || again.is_some();
                !is_told && is_over && twin.kind == Some(kind)
            });
        let index = index.unwrap_or_else(|| parts.next_index());
        if twin.is_some() && again.is_none() {
            self.expect_again(key);
        }
        let place = self.add_part(key, kind, index, twin)?;
        let entry = &mut self.entries[key as usize];
        entry.parts_mut(kind).again = again.map(|again| again + 1);
        Ok(place)
    }

    /// Returns whether a part of an item that was announced again has repeated the older one to its
    /// end.
    fn has_repeated(&self, place: Place) -> bool {
        let twin = self.twin(place).filter(|twin| twin.key == place.key);
        let is_again = self.entry(place.key).parts(place.kind).again.is_some();
        twin.filter(|_| is_again)
            .is_some_and(|twin| self.text(twin).len() == self.text(place).len())
    }

    pub(super) fn add_part(
        &mut self,
        key: u32,
        kind: TextKind,
        index: u32,
        twin: Option<usize>,
    ) -> Result<Place, Error> {
        self.grow(PER_PART)?;
        let (item, entry) = self.parts_of(key);
        entry.size += PER_PART;
        let mut part = Part::new(index, kind);
        part.twin = twin.map(|twin| (key, twin));
        let position = entry.parts_mut(kind).insert(part);
        match item {
            OutputItem::Message(item) => {
                let at = position.min(item.content.len());
                item.content.insert(at, blank_part(kind));
            }
            OutputItem::Reasoning(item) if kind == TextKind::Summary => {
                let part = SummaryPart::SummaryText(SummaryText::new(""));
                let at = position.min(item.summary.len());
                item.summary.insert(at, part);
            }
            OutputItem::Reasoning(item) => {
                let content = item.content.get_or_insert_default();
                let part = ReasoningPart::ReasoningText(ReasoningText::new(""));
                content.insert(position.min(content.len()), part);
            }
            _ => {}
        }
        Ok(Place {
            key,
            kind,
            position,
        })
    }

    pub(super) fn relabel(&mut self, place: Place) {
        let is_told = self.part_indexes_tell;
        let (item, entry) = self.parts_of(place.key);
        let is_unannounced = !entry.is_announced;
        let parts = entry.parts_mut(place.kind);
        parts.relabel(place.position, place.kind);
        // The part may repeat the one at this position when the item was announced before, or the
        // one before it if no event has announced the item.
        let again = parts.again.and_then(|again| again.checked_sub(1));
        let before = place.position.checked_sub(1);
        let before = before.filter(|before| !is_told && parts.list[*before].is_sealed);
        let twin = again
            .or_else(|| before.filter(|_| is_unannounced))
            .filter(|twin| *twin < place.position && parts.list[*twin].kind == Some(place.kind));
        parts.list[place.position].twin = twin.map(|twin| (place.key, twin));
        if let OutputItem::Message(item) = item
            && let Some(part) = item.content.get_mut(place.position)
        {
            *part = blank_part(place.kind);
        }
        self.note(DiagnosticKind::PartRelabeled, Some(place.key));
    }

    /// Records that the complete text has arrived.
    pub(super) fn seal(&mut self, place: Place) {
        self.end_half(place);
        let part = self.part_mut(place);
        part.is_sealed = true;
        let is_held = part.twin.is_some();
        let class = self.class(place.key);
        if class != Class::Message && class != Class::Reasoning {
            self.identities.fill(place.key, class);
        }
        if is_held {
            self.drop_repeated_part(place, true);
        }
    }

    /// Removes a part that repeated another; if its complete text has arrived, only if it repeated
    /// the other to its end.
    pub(super) fn drop_repeated_part(&mut self, place: Place, is_whole: bool) {
        let Some(twin) = self.twin(place) else {
            return;
        };
        let is_last = self.entry(place.key).parts(place.kind).list.len() == place.position + 1;
        let (known, new) = (self.text(twin), self.text(place));
        let repeats = known.starts_with(new)
            && (known.len() == new.len() || !is_whole)
            && self.annotations(twin).starts_with(self.annotations(place));
        if !is_last || !repeats {
            self.part_mut(place).twin = None;
            self.show(place);
            return;
        }
        let (item, entry) = self.parts_of(place.key);
        let mut list = core::mem::take(&mut entry.parts_mut(place.kind).list);
        list.pop();
        entry.parts_mut(place.kind).replace(list);
        match item {
            OutputItem::Message(item) => drop(item.content.pop()),
            OutputItem::Reasoning(item) if place.kind == TextKind::Summary => {
                item.summary.pop();
            }
            OutputItem::Reasoning(item) => {
                item.content.as_mut().and_then(Vec::pop);
            }
            _ => {}
        }
        self.note(DiagnosticKind::Repeated, Some(place.key));
    }

    #[cold]
    pub(super) fn push_logprobs(
        &mut self,
        place: Place,
        logprobs: &[Logprob],
    ) -> Result<(), Error> {
        self.grow(size_of_all(logprobs))?;
        if let Some(part) = self.output_text(place) {
            let known = part.logprobs.get_or_insert_default();
            known.extend_from_slice(logprobs);
        }
        Ok(())
    }

    pub(super) fn set_logprobs(
        &mut self,
        place: Place,
        logprobs: Option<&Vec<Logprob>>,
    ) -> Result<(), Error> {
        let Some(logprobs) = logprobs.filter(|list| !list.is_empty()) else {
            return Ok(());
        };
        let known = self
            .output_text(place)
            .and_then(|part| part.logprobs.as_deref());
        let known = known.map_or(0, size_of_all);
        self.grow(size_of_all(logprobs).saturating_sub(known))?;
        if let Some(part) = self.output_text(place) {
            part.logprobs = Some(logprobs.clone());
        }
        Ok(())
    }

    pub(super) fn output_text(&mut self, place: Place) -> Option<&mut OutputText> {
        let (item, _) = self.parts_of(place.key);
        let OutputItem::Message(message) = item else {
            return None;
        };
        match message.content.get_mut(place.position)? {
            OutputPart::Text(part) => Some(part),
            _ => None,
        }
    }

    fn annotations(&self, place: Place) -> &[Annotation] {
        match self.item(place.key) {
            OutputItem::Message(message) => match message.content.get(place.position) {
                Some(OutputPart::Text(part)) => &part.annotations,
                _ => &[],
            },
            _ => &[],
        }
    }

    pub(super) fn text(&self, place: Place) -> &str {
        text(self.item(place.key), place.kind, place.position).unwrap_or_default()
    }

    /// Returns the text that this one may repeat.
    fn twin(&self, place: Place) -> Option<Place> {
        let (key, position) = self.part(place).twin?;
        Some(Place {
            key,
            position,
            ..place
        })
    }

    pub(super) fn part(&self, place: Place) -> &Part {
        &self.entry(place.key).parts(place.kind).list[place.position]
    }

    pub(super) fn part_mut(&mut self, place: Place) -> &mut Part {
        let entry = &mut self.entries[place.key as usize];
        &mut entry.parts_mut(place.kind).list[place.position]
    }
}

fn blank_part(kind: TextKind) -> OutputPart {
    match kind {
        TextKind::Refusal => OutputPart::Refusal(Refusal::new("")),
        TextKind::Reasoning => OutputPart::ReasoningText(ReasoningText::new("")),
        _ => OutputPart::Text(OutputText::new("")),
    }
}

fn size_of_all(logprobs: &[Logprob]) -> usize {
    size_of_val(logprobs) + logprobs.iter().map(Logprob::heap_size).sum::<usize>()
}
