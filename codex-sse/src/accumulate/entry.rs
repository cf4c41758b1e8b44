//! The state of an item in addition to the item itself. An entry never moves: its number is the
//! order of arrival, and `position` is the index of its item in the output. Numbers from the
//! network are never used as indexes; they are looked up.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use codex_types::Halves;

use super::class::{Class, TextKind};
use super::object::Object;

/// An item of the output.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// The index of the item in `Response::output`.
    pub(super) position: usize,
    /// The index under which the item is reported: the server's, unless another item has it, else
    /// the next free one.
    pub(super) index: u32,
    /// The `output_index` that the server sent.
    pub(super) claimed: Option<u32>,
    /// The item id in the most recent event.
    pub(super) last_id: String,
    /// Whether two events used the same id, so that the server's ids are reliable.
    pub(super) is_stable: bool,
    /// Whether an `output_item.added` or `.done` has named the item.
    pub(super) is_announced: bool,
    /// The class of items to which its first delta belongs.
    pub(super) fed_as: Option<Class>,
    /// Whether the item is finished.
    pub(super) is_done: bool,
    /// The entry that this one may repeat. Nothing of this one is reported until it differs.
    pub(super) twin: Option<u32>,
    /// Whether the item turned out to be a repetition, which is omitted from the output.
    pub(super) is_repetition: bool,
    /// The parts of message or reasoning content; for a call, its only text.
    pub(super) parts: Parts,
    /// The parts of a reasoning summary.
    pub(super) summary: Parts,
    /// The number of bytes counted for the item.
    pub(super) size: usize,
    /// The progress of a finished text that is sent again: whether it is a summary, the part, and
    /// how many bytes of the part have been repeated.
    pub(super) again: Option<(bool, usize, usize)>,
}

impl Entry {
    pub(super) fn parts(&self, kind: TextKind) -> &Parts {
        match kind {
            TextKind::Summary => &self.summary,
            _ => &self.parts,
        }
    }

    pub(super) fn parts_mut(&mut self, kind: TextKind) -> &mut Parts {
        match kind {
            TextKind::Summary => &mut self.summary,
            _ => &mut self.parts,
        }
    }

    /// Returns whether a delta or a `done` has brought text. Text of an added item does not count
    /// until then.
    pub(super) fn has_content(&self) -> bool {
        let mut parts = self.parts.list.iter().chain(&self.summary.list);
        parts.any(|part| part.has_content)
    }

    /// Records the id that an event used. Returns the number of bytes by which the entry has grown.
    pub(super) fn note_id(&mut self, id: &str) -> usize {
        if id.is_empty() {
            return 0;
        }
        if self.last_id == id {
            self.is_stable = true;
            return 0;
        }
        let grown = id.len().saturating_sub(self.last_id.capacity());
        self.last_id.clear();
        self.last_id.push_str(id);
        grown
    }
}

/// The parts of an item, in step with its content or summary.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    pub(super) list: Vec<Part>,
    /// An index of the parts by index and kind, built once there are many.
    places: Option<Box<Places>>,
    /// Whether a lower index arrived after a higher one and comes after it in the list.
    is_disordered: bool,
    /// Set when the item is announced again: the part that the next one may repeat.
    pub(super) again: Option<usize>,
}

impl Parts {
    /// Returns the last part with this index and kind.
    #[inline]
    pub(super) fn find(&self, index: u32, kind: Option<TextKind>) -> Option<usize> {
        if let Some(places) = &self.places {
            return places.get(&(index, kind)).copied();
        }
        let is_wanted = |part: &Part| part.index == index && part.kind == kind;
        self.list.iter().rposition(is_wanted)
    }

    /// Returns the last part with this index, of any kind.
    pub(super) fn find_any(&self, index: u32) -> Option<usize> {
        let kinds = TextKind::ALL.map(Some).into_iter().chain([None]);
        kinds.filter_map(|kind| self.find(index, kind)).max()
    }

    /// Adds a part after those with lower indexes, and returns its position.
    pub(super) fn insert(&mut self, part: Part) -> usize {
        let position = self.position_of(part.index);
        if let Some(places) = &mut self.places {
            places.insert((part.index, part.kind), position);
        }
        self.list.insert(position, part);
        if self.places.is_none() && self.list.len() > FEW_PARTS {
            self.index_places();
        }
        position
    }

    /// Returns the position of a new part with this index: after those with lower ones. If there
    /// are many parts, it comes last and `take_order` moves it.
    fn position_of(&mut self, index: u32) -> usize {
        if self.list.last().is_none_or(|last| last.index <= index) {
            return self.list.len();
        }
        if self.places.is_none() {
            return self.list.partition_point(|other| other.index <= index);
        }
        self.is_disordered = true;
        self.list.len()
    }

    /// Changes the kind of a part that contains no text yet.
    pub(super) fn relabel(&mut self, position: usize, kind: TextKind) {
        self.list[position].kind = Some(kind);
        if self.places.is_some() {
            self.index_places();
        }
    }

    pub(super) fn replace(&mut self, list: Vec<Part>) {
        self.list = list;
        self.places = None;
        self.is_disordered = false;
        if self.list.len() > FEW_PARTS {
            self.index_places();
        }
    }

    /// Replaces the parts with this index by `count` empty ones. Returns the range they had. If
    /// there are very many parts, only the last ones are replaced.
    pub(super) fn put(&mut self, index: u32, count: usize) -> Range<usize> {
        let end = self.list.len();
        let start = match self.find(index, None) {
            Some(last) if last + 1 == end || end <= MANY_PARTS => {
                let before = self.list[..last].iter().rev();
                last - before.take_while(|part| part.index == index).count()
            }
            _ => self.position_of(index),
        };
        let known = self.list[start..].iter();
        let known = known.take_while(|part| part.index == index).count();
        let range = start..start + known;
        let new = core::iter::repeat_n(Part::without_text(index), count);
        self.list.splice(range.clone(), new);
        match &mut self.places {
            Some(places) if range.end == end => {
                places.insert((index, None), start + count.max(1) - 1);
            }
            _ if self.list.len() > FEW_PARTS => self.index_places(),
            _ => {}
        }
        range
    }

    /// Returns the order of the parts by index, unless they are already in this order.
    pub(super) fn take_order(&mut self) -> Option<Vec<usize>> {
        if !core::mem::take(&mut self.is_disordered) {
            return None;
        }
        let mut order: Vec<usize> = (0..self.list.len()).collect();
        order.sort_by_key(|position| self.list[*position].index);
        let list = order.iter().map(|at| self.list[*at].clone()).collect();
        self.replace(list);
        Some(order)
    }

    /// Returns the last part that has text, searching only the last few.
    pub(super) fn last_with_content(&self) -> Option<usize> {
        let last = self.list.iter().enumerate().rev().take(MANY_PARTS);
        last.map(|(position, part)| (position, part.has_content))
            .find_map(|(position, has_content)| has_content.then_some(position))
    }

    /// Returns the index for a part that has none.
    pub(super) fn next_index(&self) -> u32 {
        self.list
            .last()
            .map_or(0, |last| last.index.saturating_add(1))
    }

    fn index_places(&mut self) {
        let parts = self.list.iter().enumerate();
        self.places = Some(Box::new(
            parts
                .map(|(position, part)| ((part.index, part.kind), position))
                .collect(),
        ));
    }
}

/// The last part with each index and kind.
type Places = BTreeMap<(u32, Option<TextKind>), usize>;

/// The state of one text.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    /// The index that the server sent, or the next one.
    pub(super) index: u32,
    /// `None` for a part of a kind without text.
    pub(super) kind: Option<TextKind>,
    /// Whether an event has announced the part.
    pub(super) is_opened: bool,
    /// The kind in the event that ended the part, correct or not.
    pub(super) label: Option<TextKind>,
    /// Whether a delta or a `done` has brought text.
    pub(super) has_content: bool,
    /// Whether the input of a call is a complete object, as far as that was asked.
    pub(super) object: Object,
    /// Whether the complete text arrived before any delta.
    pub(super) is_early: bool,
    /// Whether the complete text has arrived; deltas no longer change it.
    pub(super) is_sealed: bool,
    /// The number of bytes of the text that have been reported.
    pub(super) shown: usize,
    /// The high surrogate at the end of the text, which the next delta may complete.
    pub(super) half: Option<u16>,
    /// Set when the item is announced again: the number of bytes of the text that its events have
    /// repeated since.
    pub(super) repeated: Option<usize>,
    /// The part, of this or of another entry, that this one may repeat. Nothing of this one is
    /// reported until it differs.
    pub(super) twin: Option<(u32, usize)>,
    /// Whether text has arrived after the end, so that more of it is new.
    pub(super) is_late: bool,
    /// The number of bytes of the text that were found to repeat the twin's.
    pub(super) matched: usize,
}

impl Part {
    /// Creates a part of a kind without text.
    pub(super) fn without_text(index: u32) -> Self {
        Self {
            index,
            ..Self::default()
        }
    }

    pub(super) fn new(index: u32, kind: TextKind) -> Self {
        Self {
            index,
            kind: Some(kind),
            ..Self::default()
        }
    }

    /// Joins a delta with the surrogate half before it, and removes the half at its end, which is
    /// kept for the next one.
    pub(super) fn whole_characters<'a>(
        &mut self,
        piece: &'a str,
        halves: Option<Halves>,
    ) -> Cow<'a, str> {
        let halves = halves.unwrap_or_default();
        let high = core::mem::replace(&mut self.half, halves.trailing);
        let mut rest = piece;
        if halves.trailing.is_some() {
            rest = rest
                .strip_suffix(char::REPLACEMENT_CHARACTER)
                .unwrap_or(rest);
        }
        let Some(high) = high else {
            return rest.into();
        };
        let joined = halves.leading.and_then(|low| Halves::join(high, low));
        if joined.is_some() {
            rest = rest
                .strip_prefix(char::REPLACEMENT_CHARACTER)
                .unwrap_or(rest);
        }
        let mut whole = String::from(joined.unwrap_or(char::REPLACEMENT_CHARACTER));
        whole.push_str(rest);
        whole.into()
    }
}

/// Returns the new portion of a delta when the deltas of a text are sent again; `repeated` is the
/// number of bytes that they have repeated.
pub(super) fn not_repeated<'a>(
    text: &str,
    repeated: &mut Option<usize>,
    piece: &'a str,
) -> &'a str {
    let Some(known) = repeated.take() else {
        return piece;
    };
    let rest = text.get(known..).unwrap_or_default();
    let length = piece.len().min(rest.len());
    if piece.as_bytes()[..length] != rest.as_bytes()[..length] {
        return piece;
    }
    *repeated = Some(known + length).filter(|known| *known < text.len());
    &piece[length..]
}

/// The number of parts up to which a linear search is used.
const FEW_PARTS: usize = 8;

/// The number of parts beyond which parts in the middle are no longer replaced.
const MANY_PARTS: usize = 1024;
