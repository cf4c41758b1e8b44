//! Events about one part of an item: announced, its complete text, done.

use codex_types::{HeapSize as _, OutputItem, OutputPart, SummaryPart};

use super::class::{Class, TextKind, text_mut};
use super::entry::Part;
use super::evidence::lacks_only_space;
use super::fill::fill_part;
use super::identity::Match;
use super::index::{Address, MOST_TRIED};
use super::place::{PartUse, Place};
use super::untyped::untyped;
use super::{Accumulator, PER_PART};
use crate::Error;

impl Accumulator {
    pub(super) fn part_event(
        &mut self,
        address: Address<'_>,
        index: Option<u32>,
        part: &OutputPart,
        is_done: bool,
    ) -> Result<(), Error> {
        let typed = untyped(part);
        let part = typed.as_ref().unwrap_or(part);
        let (kind, whole) = match part {
            OutputPart::Text(part) => (TextKind::Text, &part.text),
            OutputPart::PlainText(part) => (TextKind::Text, &part.text),
            OutputPart::Refusal(part) => (TextKind::Refusal, &part.refusal),
            OutputPart::ReasoningText(part) => (TextKind::Reasoning, &part.text),
            OutputPart::SummaryText(part) => (TextKind::Summary, &part.text),
            _ => return self.unknown_part(address, index, part),
        };
        let class = match kind {
            TextKind::Text | TextKind::Refusal => Class::Message,
            _ => Class::Reasoning,
        };
        let label = kind;
        // The item decides the kinds of its parts: some servers label all of them as text.
        let by_place = self.match_any(address);
        let by_place = by_place.filter(|key| {
            if self.has_id(*key, address.id) {
                return true;
            }
            let is_likely =
                self.class(*key) == class || !is_done || !self.entry(*key).has_content();
            is_likely && !self.ids_differ(*key, address.id)
                || is_done && self.has_begun(*key, address.id, whole)
        });
        let (class, kind) = match by_place.map(|key| self.class(key)) {
            Some(Class::Message) if kind != TextKind::Refusal => (Class::Message, TextKind::Text),
            Some(Class::Reasoning) if kind != TextKind::Summary => {
                (Class::Reasoning, TextKind::Reasoning)
            }
            _ => (class, kind),
        };
        let same = by_place.filter(|key| is_done && !self.entry(*key).is_done);
        let same = same.and_then(|key| self.part_with((key, kind, label), index, whole));
        let kind = same.map_or(kind, |place| place.kind);
        let place = match same {
            Some(place) => {
                self.adopt_id(place.key, address.id);
                self.touch(place.key, address);
                self.settle_text(place, whole)?;
                self.seal(place);
                Some(place)
            }
            None => self.whole(class, kind, address, index, whole, is_done)?,
        };
        let is_told = index.is_some() && self.part_indexes_tell;
        place.map_or(Ok(()), |place| {
            let (item, entry) = self.parts_of(place.key);
            let known = entry.parts_mut(place.kind).list.get_mut(place.position);
            if let Some(known) = known.filter(|_| is_done) {
                // The end of an equal part, which indexes do not distinguish, has its own
                // annotations.
                if known.label.replace(label).is_some() && !is_told {
                    return Ok(());
                }
            }
            if let OutputItem::Message(message) = item
                && let Some(known) = message.content.get_mut(place.position)
            {
                fill_part(known, part);
            }
            Ok(())
        })
    }

    /// Returns whether a complete text continues one of an item's texts, of any kind. The second
    /// end of a text under another id is that of another item.
    fn has_begun(&self, key: u32, id: &str, whole: &str) -> bool {
        let is_other = self.has_other_id(key, id);
        TextKind::ALL.into_iter().any(|kind| {
            let list = self.entry(key).parts(kind).list.iter().enumerate();
            let mut last = list.rev().take(MOST_TRIED);
            last.any(|(position, part)| {
                let known = self.text(Place {
                    key,
                    kind,
                    position,
                });
                let is_candidate = part.kind == Some(kind) && !(is_other && part.is_sealed);
                is_candidate && !known.is_empty() && whole.starts_with(known)
            })
        })
    }

    /// Returns the part at an index that has exactly this text, whatever its label, unless its end
    /// had another label, or the part after it waits for its text.
    fn part_with(
        &self,
        (key, kind, label): (u32, TextKind, TextKind),
        index: Option<u32>,
        whole: &str,
    ) -> Option<Place> {
        let list = &self.entry(key).parts(kind).list;
        let is_told = index.is_some() && self.part_indexes_tell;
        let waits = |part: &Part| part.is_opened && !part.has_content && part.kind == Some(kind);
        if !is_told && list.last().is_some_and(waits) {
            return None;
        }
        let list = list.iter().enumerate().rev();
        let mut places = list.take(MOST_TRIED).filter_map(|(position, part)| {
            let is_there = index.is_none_or(|index| index == part.index)
                && part.label.is_none_or(|known| known == label);
            let kind = part.kind.filter(|_| is_there && part.has_content)?;
            Some(Place {
                key,
                kind,
                position,
            })
        });
        places.find(|place| self.text(*place) == whole)
    }

    /// Matches the message or reasoning item at an index, whichever it is.
    fn match_any(&mut self, address: Address<'_>) -> Option<u32> {
        let is_text =
            |item: &OutputItem| matches!(item, OutputItem::Message(_) | OutputItem::Reasoning(_));
        let by_id = self.match_other(
            Address {
                index: None,
                ..address
            },
            is_text,
        );
        by_id.filter(|_| !address.id.is_empty()).or_else(|| {
            let current = self.current?;
            let entry = self.entry(current);
            let is_there = address.index.is_none() || entry.claimed == address.index;
            (is_there && is_text(self.item(current))).then_some(current)
        })
    }

    pub(super) fn summary_event(
        &mut self,
        address: Address<'_>,
        index: Option<u32>,
        part: &SummaryPart,
        is_done: bool,
    ) -> Result<(), Error> {
        // Some servers label the part as a part of content.
        let mislabeled: Option<OutputPart> = match part {
            SummaryPart::Unknown(part) => part.raw().decode().ok(),
            _ => None,
        };
        let whole = part.as_text().or_else(|| mislabeled.as_ref()?.as_text());
        let whole = whole.unwrap_or_default();
        self.whole(
            Class::Reasoning,
            TextKind::Summary,
            address,
            index,
            whole,
            is_done,
        )
        .map(drop)
    }

    /// Merges the complete text of a part, or the text with which a part begins.
    pub(super) fn whole(
        &mut self,
        class: Class,
        kind: TextKind,
        address: Address<'_>,
        index: Option<u32>,
        whole: &str,
        is_done: bool,
    ) -> Result<Option<Place>, Error> {
        let is_silent = !is_done && whole.is_empty();
        if is_silent && matches!(self.match_text(class, kind, address), Match::New { .. }) {
            self.identities.note_silent(class, address);
            return Ok(None);
        }
        let address = Address {
            whole: is_done.then_some(whole),
            ..address
        };
        let usage = if is_done {
            PartUse::Ends
        } else {
            PartUse::Opens
        };
        let Some((key, kind)) = self.item_for(class, kind, address)? else {
            return Ok(None);
        };
        if self.entry(key).is_done {
            if is_done {
                self.late_whole(key, kind, index, whole)?;
            }
            return Ok(None);
        }
        if is_done {
            self.join_items(key, kind, whole, |_| true)?;
            if let Some(place) = self.joined_parts(key, kind, whole)? {
                return Ok(Some(place));
            }
        }
        let place = match self.mislabeled_part(key, kind, index).filter(|_| is_silent) {
            Some(place) => place,
            None => self.part_for(key, kind, index, usage)?,
        };
        let is_told = index.is_some() && self.part_indexes_tell;
        let mut place = match is_done && !is_told {
            true => self.opened_after(place, whole),
            false => place,
        };
        if is_done && self.part(place).kind != Some(place.kind) {
            self.relabel(place);
        }
        if let Some(index) = index.filter(|_| is_done && !self.part_indexes_tell) {
            self.part_mut(place).index = index;
        }
        if !is_done {
            let part = self.part_mut(place);
            part.is_opened = true;
            if part.has_content {
                part.repeated = Some(0);
            } else if !whole.is_empty() {
                self.grow(whole.len())?;
                let (item, _) = self.parts_of(place.key);
                if let Some(text) = text_mut(item, place.kind, place.position) {
                    text.clear();
                    text.push_str(whole);
                }
            }
            return Ok(Some(place));
        }
        let part = self.part(place);
        // The end of an earlier part may be sent again while a later one is open.
        let continues = part.is_sealed || !part.has_content || whole.starts_with(self.text(place));
        if !is_told
            && !continues
            && let Some(known) = self.part_with((key, place.kind, place.kind), None, whole)
        {
            return Ok(Some(known));
        }
        let is_other = part.is_sealed
            && place.kind != TextKind::Input
            && !whole.is_empty()
            && !lacks_only_space(whole, self.text(place));
        if is_other && index.is_none_or(|index| self.has_many_at(place, index)) {
            let index = part.index;
            let is_repeated = self.entry(place.key).parts.again.is_some();
            let known = self.part_with((place.key, place.kind, place.kind), None, whole);
            match known.filter(|_| is_repeated) {
                Some(known) => return Ok(Some(known)),
                None => place = self.add_part(place.key, place.kind, index, None)?,
            }
        }
        self.settle_text(place, whole)?;
        self.seal(place);
        Ok(Some(place))
    }

    /// Returns the part at a reliable index that has text of another kind: an announcement of this
    /// kind repeats that part's, under a wrong label.
    fn mislabeled_part(&self, key: u32, kind: TextKind, index: Option<u32>) -> Option<Place> {
        let parts = self.entry(key).parts(kind);
        let index = index.filter(|_| self.part_indexes_tell)?;
        let position = parts.find_any(index)?;
        let part = &parts.list[position];
        let kind = part.kind.filter(|own| part.has_content && *own != kind)?;
        Some(Place {
            key,
            kind,
            position,
        })
    }

    /// Returns the part that was opened after a finished one, if their indexes do not distinguish
    /// them: the next one of its kind, one that already contains the text, or the next one under a
    /// wrong label.
    fn opened_after(&self, place: Place, whole: &str) -> Place {
        let list = &self.entry(place.key).parts(place.kind).list;
        let is_other_text = whole != self.text(place);
        let open = list.iter().enumerate().skip(place.position + 1);
        let open = open.take(MOST_TRIED).filter_map(|(position, part)| {
            let kind = part.kind.filter(|_| !part.is_sealed && !part.has_content)?;
            let is_next = position == place.position + 1;
            let text = self.text(Place { position, ..place });
            let fits = if kind != place.kind {
                is_next && part.is_opened && text.is_empty() && is_other_text
            } else if text.is_empty() {
                is_next
            } else {
                whole.starts_with(text) && is_other_text
            };
            fits.then_some(Place { position, ..place })
        });
        let is_sealed = list[place.position].is_sealed;
        open.take(usize::from(is_sealed)).next().unwrap_or(place)
    }

    /// Returns whether this index does not distinguish parts.
    fn has_many_at(&self, place: Place, index: u32) -> bool {
        let list = &self.entry(place.key).parts(place.kind).list;
        index == 0 && list.iter().all(|part| part.index == 0)
    }

    /// Keeps a part of a kind without text unchanged.
    fn unknown_part(
        &mut self,
        address: Address<'_>,
        index: Option<u32>,
        part: &OutputPart,
    ) -> Result<(), Error> {
        let is_message = |item: &OutputItem| matches!(item, OutputItem::Message(_));
        let open = self.match_other(address, is_message).or_else(|| {
            let current = self.current?;
            let is_there = address.index.is_none() || self.entry(current).claimed == address.index;
            (is_there && is_message(self.item(current))).then_some(current)
        });
        let Some(key) = open.filter(|key| !self.entry(*key).is_done) else {
            return Ok(());
        };
        self.grow(part.heap_size() + PER_PART)?;
        let (item, entry) = self.parts_of(key);
        let OutputItem::Message(message) = item else {
            return Ok(());
        };
        let index = index.unwrap_or_else(|| entry.parts.next_index());
        match entry.parts.find(index, None) {
            Some(position) => {
                if let Some(known) = message.content.get_mut(position) {
                    known.clone_from(part);
                }
            }
            None => {
                let position = entry.parts.insert(Part::without_text(index));
                let at = position.min(message.content.len());
                message.content.insert(at, part.clone());
            }
        }
        Ok(())
    }
}
