//! Laws that hold for any JSON whatever, found out by trying.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use codex_types::{Delta, DeltaKind, EventRef, ResponseEvent};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::support::{ROOTS, Sample, assert_lossless, corpus, pass};

/// A generator of JSON from a seed: much faster than a tree of strategies, and as reproducible.
struct Source(u64);

impl Source {
    /// Returns a number below `limit`, by a step of xorshift.
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit
    }

    /// Returns text that is often a known key or value.
    fn text(&mut self) -> String {
        match self.below(4) {
            0 => ["", "a\"b", "\n", "\u{0}", "\\", "é", "\u{10ffff}"][self.below(7)].into(),
            _ => WORDS[self.below(WORDS.len())].clone(),
        }
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 7 } else { 10 }) {
            0 => Value::Null,
            1 => Value::from(self.below(2) == 0),
            2 => Value::from(self.below(10)),
            3 => Value::from(-(self.below(1 << 40) as i64)),
            4 => Value::from(u64::MAX - self.below(3) as u64),
            5 => Value::from(self.below(1000) as f64 / 8.0),
            6 => Value::from(self.text()),
            7 => (0..self.below(4)).map(|_| self.value(depth - 1)).collect(),
            _ => Value::Object(self.object(depth - 1)),
        }
    }

    fn object(&mut self, depth: usize) -> Map<String, Value> {
        (0..self.below(6))
            .map(|_| (self.text(), self.value(depth)))
            .collect()
    }

    /// Returns a sample in which some values are replaced by others.
    fn changed_sample(&mut self) -> (&'static str, Value) {
        let sample = &CORPUS[self.below(CORPUS.len())];
        let mut json = serde_json::from_str(&sample.json).unwrap();
        self.exchange(&mut json);
        (&sample.root, json)
    }

    fn exchange(&mut self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.exchange(item)),
            Value::Object(entries) => {
                for item in entries.values_mut() {
                    if self.below(6) == 0 {
                        *item = self.value(3);
                    } else {
                        self.exchange(item);
                    }
                }
            }
            _ => {}
        }
    }
}

static CORPUS: LazyLock<Vec<Sample>> = LazyLock::new(corpus);

/// Returns every key and every text of the corpus.
static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    fn collect(value: &Value, words: &mut BTreeSet<String>) {
        match value {
            Value::String(text) => drop(words.insert(text.clone())),
            Value::Array(items) => items.iter().for_each(|item| collect(item, words)),
            Value::Object(entries) => {
                for (key, item) in entries {
                    words.insert(key.clone());
                    collect(item, words);
                }
            }
            _ => {}
        }
    }
    let mut words = BTreeSet::new();
    for sample in CORPUS.iter() {
        collect(&serde_json::from_str(&sample.json).unwrap(), &mut words);
    }
    words.into_iter().collect()
});

proptest! {
    #![proptest_config(ProptestConfig {
        // A seed determines the whole case; failures print it.
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Reading any object as any type and writing it back gives the same object.
    #[test]
    fn any_object_passes_unchanged(seed in 1_u64..) {
        let mut source = Source(seed);
        let root = ROOTS[source.below(ROOTS.len())];
        let mut object = source.object(4);
        assert_lossless(root, "any", &Value::Object(object.clone()).to_string());
        object.insert("type".into(), source.text().into());
        assert_lossless(root, "any", &Value::Object(object).to_string());
    }

    #[test]
    fn any_changed_sample_passes_unchanged(seed in 1_u64..) {
        let (root, json) = Source(seed).changed_sample();
        assert_lossless(root, "changed", &json.to_string());
    }

    /// White space between tokens changes nothing else.
    #[test]
    fn white_space_does_not_matter(seed in 1_u64..) {
        let (root, json) = Source(seed).changed_sample();
        let compact = pass(root, "changed", &json.to_string());
        let pretty = pass(root, "changed", &serde_json::to_string_pretty(&json).unwrap());
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        prop_assert_eq!(read(&compact.json), read(&pretty.json));
        prop_assert_eq!(compact.known, pretty.known);
    }

    /// A text that is cut off anywhere is an error with an offset, and never a panic.
    #[test]
    fn a_cut_text_is_an_error(seed in 1_u64..) {
        let mut source = Source(seed);
        let text = source.changed_sample().1.to_string();
        let mut end = source.below(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let error = ResponseEvent::from_json(&text[..end]).unwrap_err();
        prop_assert!(error.offset() <= end);
    }

    /// The fast reader of deltas returns the same as the general one.
    #[test]
    fn deltas_are_the_same_fast_and_slow(
        kind in prop::sample::select(DeltaKind::ALL),
        mut entries in prop::collection::vec(delta_entry(), 0..9),
        escaped in any::<bool>(),
    ) {
        entries.dedup_by(|one, other| one.0 == other.0);
        let mut json = format!("{{\"type\":{}", json!(kind.as_str()));
        for (key, value) in &entries {
            json.push_str(&format!(",{}:{}", json!(key), value));
        }
        json.push('}');
        if escaped {
            json = json.replace('a', "\\u0061").replacen("\\u0061", "a", 1);
        }
        // A space disables the fast reader.
        let slow = ResponseEvent::from_json(&json.replacen('{', "{ ", 1));
        match (slow, ResponseEvent::from_json(&json)) {
            (Ok(slow), Ok(fast)) => {
                prop_assert_eq!(&slow, &fast, "{}", json);
                prop_assert_eq!(slow.to_json().unwrap(), fast.to_json().unwrap());
                let view = EventRef::from_json(&json).unwrap().into_owned();
                prop_assert_eq!(&view, &fast);
            }
            (Err(_), Err(_)) => {}
            (slow, fast) => prop_assert!(false, "{json}: {slow:?} {fast:?}"),
        }
    }

    #[test]
    fn deltas_can_be_built(
        kind in prop::sample::select(DeltaKind::ALL),
        item_id in ".{0,12}",
        index in any::<u32>(),
        number in any::<u64>(),
        text in ".{0,40}",
    ) {
        let delta = Delta::new(kind, &item_id, index, &text)
            .with_sequence_number(number)
            .with_part_index(index);
        prop_assert_eq!(delta.delta(), &text);
        prop_assert_eq!(delta.item_id(), &item_id);
        let event = ResponseEvent::of_delta(delta.clone());
        let read = ResponseEvent::from_json(&event.to_json().unwrap()).unwrap();
        prop_assert_eq!(read.delta(), Some(&delta));
    }
}

/// Returns a key of a delta with a JSON value, usual or not.
fn delta_entry() -> impl Strategy<Value = (String, String)> {
    let key = prop::sample::select(vec![
        "sequence_number",
        "item_id",
        "output_index",
        "content_index",
        "summary_index",
        "delta",
        "logprobs",
        "obfuscation",
        "stream_id",
        "type",
        "zz",
    ])
    .prop_map(String::from);
    let value = prop_oneof![
        3 => (0_u64..100).prop_map(|number| number.to_string()),
        3 => ".{0,12}".prop_map(|text| json!(text).to_string()),
        1 => Just("[]".to_string()),
        1 => prop::sample::select(vec![
            "0", "01", "-0", "1.0", "1e2", "4294967296", "18446744073709551616", "9999999999999999999",
            "null", "true", "\"\\u00e9\\ud83d\\ude00\"", "\"\\ud800\"", "\"\\x\"", "\"a\u{1}\"", "{}", "[1]",
            "[{\"token\":\"a\",\"logprob\":-1}]", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        ])
        .prop_map(String::from),
    ];
    (key, value)
}
