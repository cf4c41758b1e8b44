//! The dialect law for the display updates: they deliver each text once, in order.

use super::check::unlike;
use super::generate::{Text, TextKind};
use super::habit::{Case, Habit};
use super::library::{Channel, End, Observed, Update};

/// A text as the updates delivered it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shown {
    channel: Channel,
    position: (u32, u32),
    text: String,
}

pub(crate) fn display(case: &Case, observed: &Observed, differences: &mut Vec<String>) {
    let mut shown: Vec<Shown> = Vec::new();
    let mut items_done = 0;
    let mut ended = Vec::new();
    for update in &observed.updates {
        if !ended.is_empty() {
            differences.push(format!("display: {update:?} after the end"));
        }
        match update {
            Update::Text {
                channel,
                position,
                delta,
                snapshot,
            } => {
                if let Err(difference) = grow(&mut shown, *channel, *position, delta, snapshot) {
                    differences.push(difference);
                }
            }
            Update::ItemDone => items_done += 1,
            Update::Ended(end) => ended.push(*end),
            Update::CallStarted | Update::Call(_) | Update::MalformedCall => {}
        }
    }
    if ended != [Some(End::from(case.response.ending))] {
        differences.push(format!("display: ended {ended:?}"));
    }
    let wanted = case
        .response
        .items
        .iter()
        .filter(|item| !item.is_call())
        .count();
    if items_done != wanted {
        differences.push(format!(
            "display: {items_done} items done instead of {wanted}"
        ));
    }
    compare_shown(case, shown, differences);
}

/// Appends to the text that the update continues, preferably the one at its position. The server's
/// indexes may be missing, so another text that fits is accepted.
fn grow(
    shown: &mut Vec<Shown>,
    channel: Channel,
    position: (u32, u32),
    delta: &str,
    snapshot: &str,
) -> Result<(), String> {
    let mut continued: Vec<&mut Shown> = shown
        .iter_mut()
        .filter(|text| text.channel == channel && snapshot.strip_prefix(&text.text) == Some(delta))
        .collect();
    continued.sort_by_key(|text| text.position == position);
    match continued.pop() {
        Some(text) => text.text.push_str(delta),
        None if delta == snapshot => shown.push(Shown {
            channel,
            position,
            text: delta.to_owned(),
        }),
        None => {
            return Err(format!(
                "display: {delta:?} with {snapshot:?} continues no text"
            ));
        }
    }
    Ok(())
}

fn compare_shown(case: &Case, mut shown: Vec<Shown>, differences: &mut Vec<String>) {
    let expected = |index: usize, text: &Text| {
        let channel = channel(text.kind)?;
        let part = if channel == Channel::Preview {
            0
        } else {
            text.part
        };
        let position = (u32::try_from(index).ok()?, u32::try_from(part).ok()?);
        Some(Shown {
            channel,
            position,
            text: text.text.clone(),
        })
    };
    let items = case.response.items.iter().enumerate();
    let texts = items.flat_map(|(index, item)| item.texts.iter().map(move |text| (index, text)));
    let mut wanted: Vec<Shown> = texts
        .filter_map(|(index, text)| expected(index, text))
        .collect();
    if !keeps_positions(case) {
        shown
            .iter_mut()
            .chain(&mut wanted)
            .for_each(|text| text.position = (0, 0));
    }
    shown.sort();
    wanted.sort();
    differences.extend(unlike("display", &shown, &wanted));
}

fn channel(kind: TextKind) -> Option<Channel> {
    match kind {
        TextKind::OutputText => Some(Channel::Text),
        TextKind::Refusal => Some(Channel::Refusal),
        TextKind::ReasoningText => Some(Channel::Reasoning),
        TextKind::SummaryText => Some(Channel::Summary),
        TextKind::Arguments | TextKind::Input | TextKind::McpArguments | TextKind::Code => {
            Some(Channel::Preview)
        }
        TextKind::Command | TextKind::Word => None,
    }
}

/// Returns whether the server's own indexes are the canonical ones.
fn keeps_positions(case: &Case) -> bool {
    use Habit::*;
    !case.has_any(&[
        IndexesDropped,
        IndexesShifted,
        IndexesWithGaps,
        IndexesZero,
        PartIndexesDropped,
        PartIndexesZero,
        PartIndexesMinusOne,
        FinalPartial,
        FinalReordered,
    ])
}
