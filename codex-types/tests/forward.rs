//! Future additions of a server lose no data.

//!
//! Changes every sample in every place in the ways in which an API grows; the result must be
//! written back exactly as changed.

use core::cell::Cell;

use serde_json::{Map, Value, json};

use crate::support::{self, ROOTS, Sample, assert_lossless};

/// Returns the samples without the large ones that repeat the content of others.
fn corpus() -> impl Iterator<Item = Sample> {
    const LARGE: [&str; 3] = ["response.completed.full", "response.full", "request.full"];
    let samples = support::corpus().into_iter();
    samples.filter(|sample| sample.json.len() < 4000 || LARGE.contains(&&*sample.name))
}

/// Counts the changes, and passes each through the types.
fn with_every_change(change: impl Fn(&mut Value) -> bool) -> usize {
    let mut changes = 0;
    for sample in corpus() {
        let original: Value = serde_json::from_str(&sample.json).unwrap();
        for place in 0..places(&original) {
            let mut changed = original.clone();
            let mut at = place;
            // The whole value must stay an object: anything else is not of the requested type.
            if place > 0 && visit(&mut changed, &mut at, &change) {
                assert_lossless(&sample.root, &sample.name, &changed.to_string());
                changes += 1;
            }
        }
    }
    println!("{changes} changes");
    changes
}

fn places(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(places).sum(),
        Value::Object(entries) => entries.values().map(places).sum(),
        _ => 0,
    }
}

/// Applies `change` to the value at this place, counted depth first.
fn visit(value: &mut Value, at: &mut usize, change: &impl Fn(&mut Value) -> bool) -> bool {
    if *at == 0 {
        return change(value);
    }
    *at -= 1;
    match value {
        Value::Array(items) => {
            for item in items {
                let size = places(item);
                if *at < size {
                    return visit(item, at, change);
                }
                *at -= size;
            }
        }
        Value::Object(entries) => {
            for item in entries.values_mut() {
                let size = places(item);
                if *at < size {
                    return visit(item, at, change);
                }
                *at -= size;
            }
        }
        _ => {}
    }
    false
}

#[test]
fn unknown_keys_survive_at_every_level() {
    let changes = with_every_change(|value| match value {
        Value::Object(entries) => {
            entries.insert("zz_future".into(), json!({"a": [1, null, "x"], "b": 1.5}));
            true
        }
        _ => false,
    });
    for sample in corpus() {
        let mut value: Value = serde_json::from_str(&sample.json).unwrap();
        if let Some(entries) = value.as_object_mut() {
            entries.insert("zz_future".into(), Value::Null);
            assert_lossless(&sample.root, &sample.name, &value.to_string());
        }
    }
    assert!(changes > 500);
}

/// Texts are enumerated values, tags and free text alike.
#[test]
fn unknown_texts_and_tags_survive_everywhere() {
    let changes = with_every_change(|value| {
        let is_text = value.is_string();
        *value = "zz_unlisted".into();
        is_text
    });
    assert!(changes > 2000);
}

#[test]
fn null_is_read_everywhere_and_written_back() {
    let changes = with_every_change(|value| !core::mem::replace(value, Value::Null).is_null());
    assert!(changes > 3000);
}

/// Each place gets one of these values, and the next place the next one.
#[test]
fn values_of_another_type_survive_everywhere() {
    let others = [
        json!(true),
        json!(-7),
        json!(18_446_744_073_709_551_615_u64),
        json!(0.25),
        json!("12"),
        json!([]),
        json!([{"type": "zz"}, null, 3]),
        json!({}),
        json!({"type": "zz", "id": 4}),
    ];
    let turn = Cell::new(0);
    let changes = with_every_change(|value| {
        turn.set((turn.get() + 1) % others.len());
        let other = &others[turn.get()];
        let differs = value != other;
        value.clone_from(other);
        differs
    });
    assert!(changes > 9000);
}

#[test]
fn every_key_may_be_missing() {
    let mut changes = 0;
    for sample in corpus() {
        let original: Value = serde_json::from_str(&sample.json).unwrap();
        for place in 0..places(&original) {
            for key in 0.. {
                let mut changed = original.clone();
                let removed = visit(&mut changed, &mut place.clone(), &|value| match value {
                    Value::Object(entries) => match entries.keys().nth(key).cloned() {
                        Some(name) => entries.remove(&name).is_some(),
                        None => false,
                    },
                    _ => false,
                });
                if !removed {
                    break;
                }
                assert_lossless(&sample.root, &sample.name, &changed.to_string());
                changes += 1;
            }
        }
    }
    println!("{changes} changes");
    assert!(changes > 3000);
}

/// `type` need not come first, however large what precedes it.
#[test]
fn the_order_of_keys_does_not_matter() {
    for sample in corpus() {
        let value: Value = serde_json::from_str(&sample.json).unwrap();
        for json in [reversed(&value), rotated(&value)] {
            let passed = assert_lossless(&sample.root, &sample.name, &json);
            assert_eq!(passed.known, sample.name != "unknown", "{json}");
        }
    }
}

fn reversed(value: &Value) -> String {
    in_order(value, &|keys| keys.reverse())
}

fn rotated(value: &Value) -> String {
    in_order(value, &|keys| {
        let middle = keys.len() / 2;
        keys.rotate_left(middle);
    })
}

fn in_order(value: &Value, order: &impl Fn(&mut Vec<&String>)) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| in_order(item, order)).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(entries) => {
            let mut keys: Vec<_> = entries.keys().collect();
            order(&mut keys);
            let entries: Vec<_> = keys
                .into_iter()
                .map(|key| format!("{}:{}", json!(key), in_order(&entries[key], order)))
                .collect();
            format!("{{{}}}", entries.join(","))
        }
        other => other.to_string(),
    }
}

/// Empty objects, and objects with unknown keys only, can be read as any type.
#[test]
fn empty_objects_are_read() {
    for root in ROOTS {
        assert_lossless(root, "empty", "{}");
        assert_lossless(root, "strange", r#"{"zz":1}"#);
        let many: Map<_, _> = (0..200).map(|n| (format!("zz{n}"), json!(n))).collect();
        assert_lossless(root, "many", &Value::Object(many).to_string());
    }
}
