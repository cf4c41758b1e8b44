//! Text that arrives after its end. Some servers send it a second time; others finish an item or a
//! part too early and continue its text.

use alloc::borrow::ToOwned as _;
use alloc::string::String;

use codex_types::OutputItem;

use super::class::{TextKind, text};
use super::entry::Part;
use super::index::MOST_TRIED;
use super::place::{PartUse, Place};
use super::{Accumulator, DiagnosticKind, Piece};
use crate::Error;

impl Accumulator {
    /// Returns the part for a delta of a finished text. `None` for a delta that repeats earlier
    /// text, and for input of a call, which does not change after its end.
    #[cold]
    pub(super) fn late_place(
        &mut self,
        key: u32,
        kind: TextKind,
        piece: &Piece<'_>,
    ) -> Result<Option<Place>, Error> {
        let known = self.last_part(key, kind, piece.part);
        if let Some(place) = known.filter(|place| self.part(*place).is_late) {
            return Ok(Some(place));
        }
        let is_summary = kind == TextKind::Summary;
        let before = self.entry(key).again.filter(|known| known.0 == is_summary);
        let before = before.map(|(_, at, length)| (at, length));
        // The delta continues the last repetition, or begins at the start of a part: the part that
        // it names, a later one, or any from the first on.
        let told = known.filter(|_| piece.part.is_some() && self.part_indexes_tell);
        let told = told.map(|place| place.position);
        let next = before.map_or(0, |(at, _)| at + 1);
        let parts = told.into_iter().chain(next..next + MOST_TRIED);
        let parts = parts.chain(0..MOST_TRIED).map(|at| (at, 0));
        let mut starts = before.into_iter().chain(parts);
        let (item, list) = (self.item(key), &self.entry(key).parts(kind).list);
        let again = starts.find_map(|start| repeated(item, list, kind, start, piece));
        if let Some((at, length)) = again {
            self.entries[key as usize].again = Some((is_summary, at, length));
            self.note(DiagnosticKind::Repeated, Some(key));
            return Ok(None);
        }
        let held = before.map_or_else(String::new, |(at, length)| {
            let is_of_kind = list.get(at).is_some_and(|part| part.kind == Some(kind));
            let text = text(item, kind, at).filter(|_| is_of_kind);
            let text = text.unwrap_or_default();
            let is_partial = length < text.len();
            let held = text.get(..length).filter(|_| is_partial);
            held.unwrap_or_default().to_owned()
        });
        self.note(DiagnosticKind::AfterEnd, Some(key));
        if kind == TextKind::Input {
            return Ok(None);
        }
        self.entries[key as usize].again = None;
        let place = match known {
            Some(place) => place,
            None => self.part_for(key, kind, piece.part, PartUse::Grows)?,
        };
        let part = self.part_mut(place);
        (part.is_late, part.is_sealed) = (true, false);
        if !held.is_empty() {
            self.push_text(place, &held, None)?;
        }
        Ok(Some(place))
    }

    /// Adds the portion of a complete text that the text of its finished item lacks.
    pub(super) fn late_whole(
        &mut self,
        key: u32,
        kind: TextKind,
        index: Option<u32>,
        whole: &str,
    ) -> Result<(), Error> {
        let is_known = |kind: &TextKind| self.said(key, *kind).any(|known| known == whole);
        if kind == TextKind::Input || TextKind::ALL.iter().any(is_known) {
            return Ok(());
        }
        let Some(place) = self.last_part(key, kind, index) else {
            return Ok(());
        };
        let known = self.text(place).len();
        if whole.len() > known && whole.starts_with(self.text(place)) {
            self.grow(whole.len() - known)?;
            self.set_text(place, whole);
            self.note(DiagnosticKind::AfterEnd, Some(key));
            self.show(place);
        }
        Ok(())
    }

    /// Returns the part of a kind at an index, or the last one if indexes are unreliable.
    fn last_part(&self, key: u32, kind: TextKind, index: Option<u32>) -> Option<Place> {
        let parts = self.entry(key).parts(kind);
        let position = match index.filter(|_| self.part_indexes_tell) {
            _ if kind == TextKind::Input => 0,
            Some(index) => parts.find(index, Some(kind))?,
            None => parts
                .list
                .iter()
                .rposition(|part| part.kind == Some(kind))?,
        };
        Some(Place {
            key,
            kind,
            position,
        })
    }
}

/// Returns the end of a delta if it repeats the texts of a kind from this part and offset on.
fn repeated(
    item: &OutputItem,
    parts: &[Part],
    kind: TextKind,
    (mut at, mut length): (usize, usize),
    piece: &Piece<'_>,
) -> Option<(usize, usize)> {
    const HALF: char = char::REPLACEMENT_CHARACTER;

    let halves = piece.halves.unwrap_or_default();
    let mut rest = piece.text;
    if halves.trailing.is_some() {
        rest = rest.strip_suffix(HALF).unwrap_or(rest);
    }
    // The character that this half completes.
    let mut is_second_half = halves.leading.is_some();
    if is_second_half {
        rest = rest.strip_prefix(HALF).unwrap_or(rest);
    }
    let mut left_to_skip = MOST_TRIED;
    while at < parts.len() {
        let known = text(item, kind, at).filter(|_| parts[at].kind == Some(kind));
        let left = known
            .and_then(|text| text.get(length..))
            .unwrap_or_default();
        let Some(first) = left.chars().next() else {
            if rest.is_empty() && !is_second_half {
                break;
            }
            left_to_skip = left_to_skip.checked_sub(1)?;
            (at, length) = (at + 1, 0);
            continue;
        };
        if core::mem::take(&mut is_second_half) {
            length += first.len_utf8();
            continue;
        }
        let common = left.len().min(rest.len());
        if left.as_bytes()[..common] == rest.as_bytes()[..common] {
            length += common;
            rest = &rest[common..];
            if rest.is_empty() {
                break;
            }
        } else if first == HALF {
            length += HALF.len_utf8();
        } else {
            return None;
        }
    }
    rest.is_empty().then_some((at, length))
}
