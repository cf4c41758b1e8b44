//! Habits that change the content of events or repeat them.

use serde_json::{Value, json};

use super::generate::{Item, ItemKind, Text, TextKind};
use super::habit::{Case, Habit};
use super::rng::Rng;
use super::stream::{Event, Source, half};

/// The added item already contains texts or arguments, and the deltas repeat them from the start.
pub(crate) fn fill_added(case: &mut Case, rng: &mut Rng<'_>) {
    let whole = rng.below(2) == 0;
    for (index, item) in case.response.items.iter().enumerate() {
        let texts = early_texts(item, whole, rng);
        for event in case
            .events
            .iter_mut()
            .filter(|event| event.item == Some(index))
        {
            match event.source {
                Source::Added => event.json["item"] = item.begun(&texts),
                Source::PartAdded if event.json.get("part").is_some() => {
                    let early = event.text.and_then(|at| texts.get(at));
                    if let Some(text) = early {
                        event.json["part"] = text.part_json();
                    }
                }
                _ => {}
            }
        }
    }
}

/// All texts, the beginning of the first one, or an empty object as a placeholder for arguments.
fn early_texts(item: &Item, whole: bool, rng: &mut Rng<'_>) -> Vec<Text> {
    if whole {
        return item
            .texts
            .iter()
            .map(|text| text.with_text(&text.text))
            .collect();
    }
    let Some(first) = item.texts.first() else {
        return Vec::new();
    };
    let early: String = match item.kind {
        ItemKind::FunctionCall | ItemKind::McpCall => "{}".to_owned(),
        _ => {
            let count = first.text.chars().count();
            first.text.chars().take(1 + rng.below(count)).collect()
        }
    };
    vec![first.with_text(&early)]
}

/// Part events carry another kind of part than the item. A part event that is the only source of a
/// text keeps its kind, and the part of an added event is empty: a text under the wrong kind would
/// be a wrong text.
pub(crate) fn mislabel_parts(case: &mut Case) {
    for at in 0..case.events.len() {
        let Event {
            source,
            item: Some(item),
            text,
            ..
        } = case.events[at]
        else {
            continue;
        };
        let is_sent_before = case.sends(item, Source::TextDone) || case.has_deltas(item);
        let is_new = source == Source::PartDone && !is_sent_before;
        let Some(text) = text
            .map(|text| &case.response.items[item].texts[text])
            .filter(|_| !is_new)
        else {
            continue;
        };
        let Some(part) = case.events[at].json.get_mut("part") else {
            continue;
        };
        let shown = if source == Source::PartDone {
            text.text.as_str()
        } else {
            ""
        };
        *part = match text.kind {
            TextKind::OutputText => json!({"type": "reasoning_text", "text": shown}),
            _ => json!({"type": "output_text", "text": shown, "annotations": []}),
        };
    }
}

/// Cuts deltas within a character outside the BMP, so that each of two deltas contains one
/// surrogate.
pub(crate) fn cut_characters(case: &mut Case) {
    let mut events = Vec::new();
    for event in case.events.drain(..) {
        let delta = event
            .json
            .get("delta")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let Some((start, letter)) = delta
            .char_indices()
            .find(|(_, letter)| letter.len_utf16() == 2)
        else {
            events.push(event);
            continue;
        };
        let [high, low] = {
            let mut units = [0; 2];
            letter.encode_utf16(&mut units);
            units.map(half)
        };
        let (before, after) = (&delta[..start], &delta[start + letter.len_utf8()..]);
        let mut second = event.clone();
        second.json["delta"] = format!("{low}{after}").into();
        let mut first = event.clone();
        first.json["delta"] = format!("{before}{high}").into();
        events.extend([first, second]);
    }
    case.events = events;
}

/// The done events of texts or parts are sent twice.
pub(crate) fn repeat_dones(case: &mut Case, rng: &mut Rng<'_>) {
    let (texts, parts) = rng.pick(&[(true, false), (false, true), (true, true)]);
    let mut events = Vec::new();
    for event in case.events.drain(..) {
        let again = match event.source {
            Source::TextDone => texts,
            Source::PartDone => parts,
            _ => false,
        };
        events.push(event.clone());
        if again {
            events.push(Event {
                repeated: true,
                ..event
            });
        }
    }
    case.events = events;
}

/// After the last event of some items, all of their events are repeated, or only those up to the
/// deltas.
pub(crate) fn repeat_items(case: &mut Case, rng: &mut Rng<'_>) {
    let count = case.response.items.len();
    let first = rng.below(count);
    let chosen: Vec<usize> = (0..count)
        .filter(|index| *index == first || rng.one_in(2))
        .collect();
    let only_begun = case.has(Habit::ItemsBegunAgain);
    for index in chosen {
        let is_of_item = |event: &&Event| event.item == Some(index);
        let Some(last) = case.events.iter().rposition(|event| is_of_item(&event)) else {
            continue;
        };
        let again = case.events.iter().filter(is_of_item).filter(|event| {
            !event.repeated
                && (!only_begun
                    || matches!(
                        event.source,
                        Source::Added | Source::PartAdded | Source::Delta
                    ))
        });
        let again: Vec<Event> = again
            .map(|event| Event {
                repeated: true,
                ..event.clone()
            })
            .collect();
        case.events.splice(last + 1..last + 1, again);
    }
}

/// The fields of the response are next to the type instead of nested.
pub(crate) fn flatten_envelopes(events: &mut [Event]) {
    for event in events {
        let Some(keys) = event.json.as_object_mut() else {
            continue;
        };
        if let Some(Value::Object(response)) = keys.remove("response") {
            keys.extend(response);
        }
    }
}

pub(crate) fn add_heartbeats(events: &mut Vec<Event>, rng: &mut Rng<'_>) {
    const BEATS: [&str; 5] = [
        "null",
        "{}",
        "",
        r#"{"type":"ping"}"#,
        r#"{"type":"keepalive","sequence_number":466}"#,
    ];
    for _ in 0..1 + rng.below(4) {
        let at = rng.below(events.len());
        let raw = Some(rng.pick(&BEATS));
        events.insert(
            at,
            Event {
                raw,
                ..Event::new(Source::Heartbeat, Value::Null)
            },
        );
    }
}
