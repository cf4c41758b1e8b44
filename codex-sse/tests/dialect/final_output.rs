//! Habits about the output in the terminal event.

use serde_json::Value;

use super::generate::Response;
use super::habit::{Case, Habit};
use super::rng::Rng;
use super::stream::{Event, Source};

/// The items that the final output lists, in its order.
pub(crate) fn listed(
    response: &Response,
    events: &[Event],
    habits: &[Habit],
    rng: &mut Rng<'_>,
) -> Vec<usize> {
    let mut listed: Vec<usize> = (0..response.items.len()).collect();
    for habit in habits {
        match habit {
            Habit::FinalEmpty | Habit::FinalNull => listed.clear(),
            Habit::FinalPartial => {
                let finished: Vec<usize> = events
                    .iter()
                    .filter(|event| event.source == Source::ItemDone)
                    .filter_map(|event| event.item)
                    .collect();
                if finished.is_empty() {
                    continue;
                }
                let first = rng.pick(&finished);
                listed.retain(|index| {
                    *index != first && !(finished.contains(index) && rng.one_in(3))
                });
            }
            Habit::FinalReordered => rng.shuffle(&mut listed),
            _ => {}
        }
    }
    listed
}

/// Writes the final output.
pub(crate) fn write(case: &mut Case, rng: &mut Rng<'_>) {
    let mut output: Vec<Value> = case
        .listed
        .iter()
        .map(|index| case.response.items[*index].whole())
        .collect();
    let other_ids = rng.below(2) == 0;
    for (item, index) in output.iter_mut().zip(&case.listed) {
        let is_announced =
            case.sends(*index, Source::Added) || case.sends(*index, Source::ItemDone);
        for habit in &case.habits {
            match habit {
                Habit::FinalRenamed => item["id"] = format!("final_{index}").into(),
                Habit::FinalWithoutIds => drop_key(item, "id"),
                // A call that nothing announced has no other call id to keep.
                Habit::FinalCallIds if is_announced => {
                    if item.get("call_id").is_some() {
                        item["call_id"] = format!("call_final_{index}").into();
                    }
                    if other_ids {
                        item["id"] = format!("final_{index}").into();
                    }
                }
                _ => {}
            }
        }
    }
    let is_null = case.has(Habit::FinalNull);
    for event in &mut case.events {
        if event.source != Source::Terminal {
            continue;
        }
        event.json["response"]["output"] = match is_null {
            true if other_ids => Value::Null,
            true => {
                drop_key(&mut event.json["response"], "output");
                continue;
            }
            false => core::mem::take(&mut output).into(),
        };
    }
}

pub(crate) fn drop_key(object: &mut Value, key: &str) {
    if let Some(keys) = object.as_object_mut() {
        keys.remove(key);
    }
}
