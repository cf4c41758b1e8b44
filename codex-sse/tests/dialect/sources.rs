//! The habit of sending only some of the redundant sources of each text and each item.

use super::generate::TextKind;
use super::habit::Case;
use super::rng::Rng;
use super::stream::Source;

/// The sources of an item that a server sends.
#[derive(Clone, Copy, Debug)]
struct Sources {
    added: bool,
    part_added: bool,
    deltas: Deltas,
    text_done: bool,
    part_done: bool,
    item_done: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deltas {
    All,
    /// Only the first ones of each text.
    Some,
    None,
}

impl Sources {
    fn random(rng: &mut Rng<'_>) -> Self {
        Self {
            added: rng.below(2) == 0,
            part_added: rng.below(2) == 0,
            deltas: rng.pick(&[Deltas::All, Deltas::All, Deltas::Some, Deltas::None]),
            text_done: rng.below(2) == 0,
            part_done: rng.below(2) == 0,
            item_done: rng.below(2) == 0,
        }
    }

    fn sends(self, source: Source) -> bool {
        match source {
            Source::Added => self.added,
            Source::PartAdded => self.part_added,
            Source::Delta | Source::Annotation => self.deltas != Deltas::None,
            Source::TextDone => self.text_done,
            Source::PartDone => self.part_done,
            Source::ItemDone => self.item_done,
            _ => true,
        }
    }
}

/// Removes sources, the same ones for all items or other ones for each. Every name and every text
/// keeps at least one source.
pub(crate) fn leave_out(case: &mut Case, rng: &mut Rng<'_>) {
    let same = rng.below(2) == 0;
    let common = Sources::random(rng);
    for index in 0..case.response.items.len() {
        let wanted = if same { common } else { Sources::random(rng) };
        let sources = complete(case, index, wanted);
        let mut last_text = None;
        case.events.retain(|event| {
            if event.item != Some(index) {
                return true;
            }
            if event.source == Source::Delta && sources.deltas == Deltas::Some {
                let is_first = last_text != event.text;
                last_text = event.text;
                return is_first;
            }
            sources.sends(event.source)
        });
    }
}

/// Adds the sources without which a name or a text would be lost.
fn complete(case: &Case, index: usize, mut sources: Sources) -> Sources {
    let item = &case.response.items[index];
    let is_listed = case.listed.contains(&index);
    let can_be_done = case.sends(index, Source::ItemDone);
    let must_be_done = !is_listed && can_be_done;
    // A partial final output lacks finished items only.
    if must_be_done && !case.listed.is_empty() {
        sources.item_done = true;
    }
    if must_be_done && item.encrypted_content.is_some() {
        sources.item_done = true;
    }
    let is_named = sources.added || (sources.item_done && can_be_done);
    if item.is_call() && !is_listed && !is_named {
        sources.added = true;
    }
    if sources.deltas == Deltas::Some && (!sources.text_done || item.cut) {
        sources.deltas = Deltas::All;
    }
    let has_parts = item.texts.iter().all(|text| {
        matches!(
            text.kind,
            TextKind::OutputText
                | TextKind::Refusal
                | TextKind::SummaryText
                | TextKind::ReasoningText
        )
    });
    let is_done_in_parts = !item.cut && (sources.text_done || (has_parts && sources.part_done));
    let is_whole_later = is_listed || (sources.item_done && can_be_done) || is_done_in_parts;
    if !is_whole_later && sources.deltas == Deltas::None {
        sources.deltas = Deltas::All;
    }
    sources
}
