//! Habits about the fields that address an event: item ids, output and part indexes, sequence
//! numbers.

use serde_json::Value;

use super::final_output::drop_key;
use super::habit::{Case, Habit};
use super::rng::Rng;
use super::stream::{Event, Source};

/// Numbers the events in order.
pub(crate) fn number(events: &mut [Event]) {
    for (number, event) in events.iter_mut().enumerate() {
        event.json["sequence_number"] = number.into();
    }
}

pub(crate) fn renumber(events: &mut [Event], habit: Habit, rng: &mut Rng<'_>) {
    let restart = 1 + rng.below(events.len());
    for (position, event) in events.iter_mut().enumerate() {
        let number = match habit {
            Habit::NumbersDropped => {
                drop_key(&mut event.json, "sequence_number");
                continue;
            }
            Habit::NumbersZero => 0,
            Habit::NumbersRestart if position >= restart => position - restart,
            Habit::NumbersLowAtEnd if event.source == Source::Terminal => 0,
            Habit::NumbersPerKind => event.source as usize,
            _ => continue,
        };
        event.json["sequence_number"] = number.into();
    }
}

/// Changes the item ids.
pub(crate) fn rename(case: &mut Case, habit: Habit, rng: &mut Rng<'_>) {
    let missing = rng.pick(&[None, Some(Value::Null), Some("".into())]);
    let mut names = 0;
    for event in &mut case.events {
        let source = event.source;
        let call_id = event
            .item
            .map(|item| case.response.items[item].call_id.clone());
        let mut respell = |object: &mut Value, key: &str| {
            let Some(id) = object.get(key).and_then(Value::as_str) else {
                return;
            };
            let id = match habit {
                Habit::IdsChange => {
                    names += 1;
                    Some(format!("{id}_{names}").into())
                }
                Habit::IdsPerKind => Some(format!("{id}_{source:?}").into()),
                Habit::IdsOfCalls if key == "id" => return,
                Habit::IdsOfCalls => match &call_id {
                    Some(call_id) if !call_id.is_empty() => Some(call_id.as_str().into()),
                    _ => return,
                },
                Habit::IdsDroppedInItems if key == "item_id" => return,
                _ => missing.clone(),
            };
            match id {
                Some(id) => object[key] = id,
                None => drop_key(object, key),
            }
        };
        if event.json.get("item_id").is_some() {
            respell(&mut event.json, "item_id");
        }
        if let Some(item) = event.json.get_mut("item") {
            respell(item, "id");
        }
        if source == Source::Terminal {
            let output = event.json.pointer_mut("/response/output");
            let items = output.and_then(Value::as_array_mut).into_iter().flatten();
            items.for_each(|item| respell(item, "id"));
        }
    }
}

/// Changes the output indexes.
pub(crate) fn move_items(events: &mut [Event], habit: Habit, rng: &mut Rng<'_>) {
    let missing = rng.below(2) == 0;
    let mut next = 0;
    let gaps = [(); 8].map(|()| {
        next += 1 + rng.below(3);
        next
    });
    for event in events {
        let Some(index) = event
            .item
            .filter(|_| event.json.get("output_index").is_some())
        else {
            continue;
        };
        event.json["output_index"] = match habit {
            Habit::IndexesShifted => (index + 1).into(),
            Habit::IndexesWithGaps => gaps[index].into(),
            Habit::IndexesZero => 0.into(),
            _ if missing => Value::Null,
            _ => {
                drop_key(&mut event.json, "output_index");
                continue;
            }
        };
    }
}

/// Changes the indexes of parts in contents and summaries.
pub(crate) fn move_parts(events: &mut [Event], habit: Habit) {
    for event in events {
        for key in ["content_index", "summary_index"] {
            if event.json.get(key).is_none() {
                continue;
            }
            match habit {
                Habit::PartIndexesZero => event.json[key] = 0.into(),
                Habit::PartIndexesMinusOne => event.json[key] = (-1).into(),
                _ => drop_key(&mut event.json, key),
            }
        }
    }
}
