//! Cases whose events no longer determine the response. The documentation of `Accumulator` states
//! how it reads each of them.
//!
//! A reader must show a text and run a call when the event arrives, so only the events up to that
//! point are evidence: call ids, item ids, output indexes, the open items of a kind, the order of
//! the events, and whether a whole text equals the text that deltas built.

use serde_json::Value;

use super::generate::{Item, ItemKind, TextKind};
use super::habit::{Case, Habit};
use super::stream::{Event, Source};

/// A check for an ambiguity, and its reason.
type Rule = (fn(&Case) -> bool, &'static str);

/// Returns the reason why no reader can reconstruct the response, if there is one.
pub(crate) fn ambiguous(case: &Case) -> Option<&'static str> {
    let rules: [Rule; 7] = [
        (
            parts_run_together,
            "parts of one kind without part indexes, and nothing that separates them",
        ),
        (
            items_run_together,
            "items of one kind in a row without ids and indexes, and nothing that separates them",
        ),
        (
            parallel_calls_mix,
            "parallel calls of one kind whose events carry neither a usable id nor an index",
        ),
        (
            unknown_id_meets_an_announced_item,
            "events of an item that was never announced, while one that was has nothing yet, or the other way round",
        ),
        (
            twins_share_an_index,
            "equal items in a row at one index, without ids that distinguish them from a repetition",
        ),
        (
            repetition_is_unmarked,
            "a repeated item that no id, index, number or border marks as repeated",
        ),
        (
            final_twin_replaces,
            "an item that only the final output has, equal to one that it lacks or renames",
        ),
    ];
    rules
        .iter()
        .find(|(applies, _)| applies(case))
        .map(|(_, reason)| *reason)
}

/// The events of an item that share an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ids {
    /// All events of an item carry the same id.
    Same,
    /// Events of one kind carry the same id, which the events of other kinds do not.
    PerKind,
    /// Only deltas and dones carry the id.
    NotInItems,
    Useless,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Indexes {
    Usable,
    Zero,
    Missing,
}

fn ids(case: &Case) -> Ids {
    let of_habit = |habit: &Habit| match habit {
        Habit::IdsDropped | Habit::IdsChange => Some(Ids::Useless),
        Habit::IdsPerKind => Some(Ids::PerKind),
        Habit::IdsDroppedInItems => Some(Ids::NotInItems),
        _ => None,
    };
    case.habits.iter().find_map(of_habit).unwrap_or(Ids::Same)
}

fn indexes(case: &Case) -> Indexes {
    match () {
        () if case.has(Habit::IndexesDropped) => Indexes::Missing,
        () if case.has(Habit::IndexesZero) => Indexes::Zero,
        () => Indexes::Usable,
    }
}

fn has_part_indexes(case: &Case) -> bool {
    use Habit::{PartIndexesDropped, PartIndexesMinusOne, PartIndexesZero};
    !case.has_any(&[PartIndexesDropped, PartIndexesZero, PartIndexesMinusOne])
}

/// Returns whether the events of an item's texts are sent at all.
fn streams(case: &Case, index: usize) -> bool {
    use Source::{Delta, PartAdded, PartDone, TextDone};
    let mut sources = [PartAdded, Delta, TextDone, PartDone].into_iter();
    sources.any(|source| case.sends(index, source))
}

fn is_in_stream(case: &Case, index: usize) -> bool {
    streams(case, index) || case.sends(index, Source::Added) || case.sends(index, Source::ItemDone)
}

fn has_one_text(item: &Item) -> bool {
    item.is_call() && item.kind != ItemKind::ShellCall
}

/// Each item of the stream with the one of its kind before it.
fn neighbors(case: &Case) -> impl Iterator<Item = (usize, usize)> + '_ {
    let items = &case.response.items;
    (0..items.len())
        .filter(|index| is_in_stream(case, *index))
        .filter_map(|index| {
            let before = (0..index).rev().find(|before| {
                items[*before].kind == items[index].kind && is_in_stream(case, *before)
            })?;
            Some((before, index))
        })
}

/// Without an index, an id that is not known may be another name of the item that was announced
/// last.
fn unknown_id_meets_an_announced_item(case: &Case) -> bool {
    if indexes(case) == Indexes::Usable {
        return false;
    }
    let items = &case.response.items;
    let (mut announced, mut fed): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
    for (at, event) in case.events.iter().enumerate() {
        let is_streamed = |index: &usize| {
            !matches!(
                items[*index].kind,
                ItemKind::ShellCall | ItemKind::LocalShellCall
            )
        };
        let Some(index) = event.item.filter(is_streamed) else {
            continue;
        };
        let is_call = has_one_text(&items[index]);
        let is_bare = |other: &usize| {
            *other != index && items[*other].kind == items[index].kind && !fed.contains(other)
        };
        match event.source {
            Source::Added if is_call && is_taken_for_another(case, at, index) => return true,
            Source::Added => announced.push(index),
            Source::PartAdded => {}
            Source::Delta | Source::TextDone | Source::PartDone
                if !announced.contains(&index) && announced.iter().any(is_bare) =>
            {
                return true;
            }
            _ => fed.push(index),
        }
    }
    false
}

/// Returns whether the announcement of a call comes while another, which nothing has announced, has
/// had one event only: its id may be a new name of that call.
fn is_taken_for_another(case: &Case, at: usize, index: usize) -> bool {
    let items = &case.response.items;
    let earlier = &case.events[..at];
    (0..items.len()).any(|other| {
        let of_other = || earlier.iter().filter(|event| event.item == Some(other));
        other != index
            && items[other].kind == items[index].kind
            && of_other().count() == 1
            && of_other().all(|event| matches!(event.source, Source::Delta | Source::TextDone))
    })
}

fn parts_run_together(case: &Case) -> bool {
    if has_part_indexes(case) {
        return false;
    }
    (0..case.response.items.len()).any(|index| {
        let sends = |source| case.sends(index, source);
        let deltas = sends(Source::Delta);
        let (text_done, part_done) = (sends(Source::TextDone), sends(Source::PartDone));
        let is_separated = sends(Source::PartAdded) || !(deltas || text_done || part_done);
        let texts = case.response.items[index].texts.windows(2);
        let mut pairs = texts.filter(|pair| pair[0].kind == pair[1].kind && is_part(pair[0].kind));
        pairs.any(|pair| {
            let is_distinct = pair[0].text != pair[1].text
                || !case.has(Habit::DonesRepeated) && (deltas || text_done && part_done);
            // Equal parts at index 0 look like a repeated item, unless a complete item follows.
            let looks_repeated = pair[0].text == pair[1].text
                && case.has(Habit::PartIndexesZero)
                && !sends(Source::Added)
                && !sends(Source::ItemDone)
                && !case.listed.contains(&index);
            looks_repeated || !is_separated && !((text_done || part_done) && is_distinct)
        })
    })
}

fn is_part(kind: TextKind) -> bool {
    use TextKind::{OutputText, ReasoningText, Refusal, SummaryText};
    matches!(kind, OutputText | Refusal | ReasoningText | SummaryText)
}

fn items_run_together(case: &Case) -> bool {
    if indexes(case) == Indexes::Usable {
        return false;
    }
    neighbors(case).any(|(before, index)| {
        let (first, item) = (&case.response.items[before], &case.response.items[index]);
        let Some(start) = case.events.iter().position(|event| begins(event, index)) else {
            return false;
        };
        let event = &case.events[start];
        let earlier = || {
            case.events[..start]
                .iter()
                .filter(|event| event.item == Some(before))
        };
        let has_border = event.source == Source::Added
            || earlier().any(|event| {
                event.source == Source::ItemDone
                    || event.source == Source::TextDone && has_one_text(first)
            });
        let is_found_by_call_id = !streams(case, index) && !item.call_id.is_empty();
        // A new id belongs to another item only if the open item has kept its own id so far.
        let is_comparable = |earlier: &&Event| match ids(case) {
            Ids::Same => true,
            Ids::PerKind => earlier.source == event.source,
            Ids::NotInItems => earlier.has_item_id() && event.has_item_id(),
            Ids::Useless => false,
        };
        let is_identified =
            item.kind != ItemKind::ShellCall && earlier().filter(is_comparable).count() >= 2;
        !(has_border || is_found_by_call_id || is_identified)
    })
}

/// Returns whether the event may be the first one about the item.
fn begins(event: &Event, index: usize) -> bool {
    use Source::{Added, Delta, ItemDone, PartAdded, PartDone, TextDone};
    event.item == Some(index)
        && [Added, PartAdded, Delta, TextDone, PartDone, ItemDone].contains(&event.source)
}

fn parallel_calls_mix(case: &Case) -> bool {
    if indexes(case) == Indexes::Usable {
        return false;
    }
    let items = &case.response.items;
    let begin = |index: usize| {
        case.events
            .iter()
            .position(|event| event.item == Some(index))
    };
    case.events.iter().enumerate().any(|(at, event)| {
        let Some(index) = event.item.filter(|_| is_addressed_by_position(case, event)) else {
            return false;
        };
        let is_bound = |index: usize| match ids(case) {
            Ids::Same => items[index].kind != ItemKind::ShellCall,
            Ids::Useless => false,
            // Only the text identifies an item without an id.
            Ids::NotInItems if event.source == Source::ItemDone => false,
            Ids::PerKind | Ids::NotInItems => {
                items[index].kind != ItemKind::ShellCall
                    && case.events[..at].iter().any(|earlier| {
                        earlier.item == Some(index)
                            && earlier.has_item_id()
                            && (earlier.source == event.source || ids(case) == Ids::NotInItems)
                    })
            }
        };
        let is_matched_by_text =
            matches!(ids(case), Ids::PerKind | Ids::NotInItems) && is_whole_of_deltas(case, event);
        if is_bound(index) || is_matched_by_text {
            return false;
        }
        (0..items.len()).any(|other| {
            let is_open = case.events[..at]
                .iter()
                .any(|earlier| earlier.item == Some(other))
                && !case.events[..at].iter().any(|earlier| {
                    earlier.item == Some(other) && earlier.source == Source::ItemDone
                });
            let goes_on = case.events[at..]
                .iter()
                .any(|later| later.item == Some(other) && is_addressed_by_position(case, later));
            other != index
                && items[other].kind == items[index].kind
                && is_open
                && !is_bound(other)
                && (goes_on || begin(other) > begin(index))
        })
    })
}

/// Returns whether an event has no call id, so that only an item id or an index can identify its
/// item.
fn is_addressed_by_position(case: &Case, event: &Event) -> bool {
    let Some(item) = event.item.map(|index| &case.response.items[index]) else {
        return false;
    };
    match event.source {
        Source::PartAdded | Source::Delta | Source::TextDone | Source::PartDone => true,
        Source::ItemDone => item.call_id.is_empty(),
        _ => false,
    }
}

/// Returns whether the event carries the whole text that the deltas of its item built.
fn is_whole_of_deltas(case: &Case, event: &Event) -> bool {
    let Some(index) = event.item else {
        return false;
    };
    let deltas = case.events.iter().filter(|event| {
        event.item == Some(index) && event.source == Source::Delta && !event.repeated
    });
    let built: String = deltas
        .filter_map(|event| event.json.get("delta").and_then(Value::as_str))
        .collect();
    matches!(event.source, Source::TextDone | Source::ItemDone)
        && case.response.items[index]
            .texts
            .iter()
            .map(|text| &*text.text)
            .collect::<String>()
            == built
}

fn twins_share_an_index(case: &Case) -> bool {
    if indexes(case) != Indexes::Zero {
        return false;
    }
    neighbors(case).any(|(before, index)| {
        let item = &case.response.items[index];
        let is_identified = match ids(case) {
            Ids::Same => true,
            Ids::NotInItems => streams(case, index),
            Ids::PerKind | Ids::Useless => false,
        };
        item.call_id.is_empty() && item.is_twin_of(&case.response.items[before]) && !is_identified
    })
}

fn repetition_is_unmarked(case: &Case) -> bool {
    if !case.has(Habit::ItemsRepeated) && !case.has(Habit::ItemsBegunAgain) {
        return false;
    }
    // A sequence number proves nothing on a stream that was not resumed.
    let is_repeated = |index: &usize| {
        case.events
            .iter()
            .any(|event| event.item == Some(*index) && event.repeated)
    };
    (0..case.response.items.len())
        .filter(is_repeated)
        .any(|index| {
            let item = &case.response.items[index];
            let sends = |source| case.sends(index, source);
            let is_closed = sends(Source::Added) || sends(Source::ItemDone);
            let has_parts = item.texts.iter().any(|text| is_part(text.kind));
            let is_closed_in_parts =
                sends(Source::TextDone) || sends(Source::PartDone) || sends(Source::PartAdded);
            if !is_closed && !(is_closed_in_parts && (has_part_indexes(case) || !has_parts)) {
                return streams(case, index);
            }
            if indexes(case) == Indexes::Usable {
                // One event with its own id, twice: two items at one index look the same.
                let of_item = case.events.iter().filter(|event| event.item == Some(index));
                let is_single = of_item.filter(|event| !event.repeated).count() == 1;
                return case.has(Habit::IdsChange) && item.call_id.is_empty() && is_single;
            }
            let is_identified = item.kind != ItemKind::ShellCall
                && match ids(case) {
                    Ids::Same | Ids::PerKind => true,
                    Ids::NotInItems => streams(case, index),
                    Ids::Useless => false,
                };
            let is_marked = if is_identified {
                true
            } else if item.call_id.is_empty() {
                indexes(case) == Indexes::Zero
            } else {
                sends(Source::Added) || !streams(case, index)
            };
            !is_marked
        })
}

fn final_twin_replaces(case: &Case) -> bool {
    let items = &case.response.items;
    let mut only_final = case
        .listed
        .iter()
        .filter(|index| !is_in_stream(case, **index));
    only_final.any(|index| {
        let item = &items[*index];
        (0..items.len())
            .filter(|other| is_in_stream(case, *other))
            .any(|other| {
                let is_lacking = case.has(Habit::FinalPartial) && !case.listed.contains(&other);
                let is_renamed = case.has(Habit::FinalCallIds) && !item.call_id.is_empty();
                let is_like = items[other].is_twin_of(item)
                    || is_renamed
                        && items[other].kind == item.kind
                        && items[other].name == item.name
                        && !case.sends(other, Source::ItemDone)
                        && !case.sends(other, Source::TextDone);
                (is_lacking || is_renamed) && is_like
            })
    })
}
