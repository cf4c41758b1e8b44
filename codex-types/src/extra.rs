//! The data of an object beyond its typed fields.

mod index;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

pub(crate) use self::index::Entry;
use self::index::Index;
use crate::wire::key::{Key, push_entry};
use crate::{HeapSize, RawJson};

/// The keys of an object that have no field, in order, and which of its known keys were missing or
/// `null`.
///
/// Every object of this crate has an `extra` field, so that additions of the service survive
/// reading and writing. A known key whose value has an unexpected type is kept here too, under its
/// name, and its field stays empty.
///
/// Equality compares the keys and values and ignores what was missing or `null`.
///
/// ```
/// use codex_types::{FunctionCall, RawJson};
///
/// let json = r#"{"type":"function_call","call_id":"call_1","name":"f","arguments":"{}","mood":"good"}"#;
/// let call: FunctionCall = RawJson::parse(json)?.decode()?;
/// assert_eq!(call.extra.get("mood").unwrap().as_str(), r#""good""#);
/// assert_eq!(RawJson::encode(&call)?.as_str(), json);
/// # Ok::<(), codex_types::DecodeError>(())
/// ```
#[derive(Clone, Default)]
pub struct Extra {
    /// One bit for each known key that was absent. Only plain fields use it: an empty `Option` is
    /// never written anyway. The highest bit is for the tag, which is written unless the object was
    /// read without one.
    absent: u64,
    /// One bit for each known key that was `null`.
    null: u64,
    /// Boxed because most objects have none and are smaller without it.
    rare: Option<Box<Rare>>,
}

#[derive(Clone, Default)]
struct Rare {
    entries: Vec<Entry>,
    /// The JSON of known keys that their fields cannot represent.
    spellings: Vec<(Box<str>, RawJson)>,
    /// The position of each key, once an overlay has met many of them. Nothing else updates it.
    index: Option<Index>,
}

impl Rare {
    /// Returns the position of a key. Once there are many keys, repeated ones are merged.
    fn find(&mut self, key: &Key) -> Option<usize> {
        const FEW: usize = 16;

        if self.entries.len() <= FEW {
            self.index = None;
            return self.entries.iter().rposition(|(name, _)| name == key);
        }
        let entries = &mut self.entries;
        let index = self.index.get_or_insert_with(|| Index::new(entries));
        index.find(key, entries)
    }
}

impl Extra {
    /// Returns the value of `key`; the last one, if the key occurs more than once.
    pub fn get(&self, key: &str) -> Option<&RawJson> {
        self.entries()
            .iter()
            .rev()
            .find(|(name, _)| **name == *key)
            .map(|(_, value)| value)
    }

    /// Returns the JSON of a known key, if its text contains lone surrogate halves, each of which
    /// its field shows as U+FFFD.
    ///
    /// While the field is unchanged, this JSON is written instead of it. See
    /// [`Halves`](crate::Halves) for an example.
    pub fn spelling(&self, key: &str) -> Option<&RawJson> {
        let spellings = &self.rare.as_ref()?.spellings;
        let (_, raw) = spellings.iter().find(|(name, _)| **name == *key)?;
        Some(raw)
    }

    /// Sets `key` to `value`, replacing an earlier value.
    ///
    /// A key that has a field is written only while that field is empty.
    pub fn insert(&mut self, key: &str, value: RawJson) {
        let entries = self.entries_mut();
        match entries.iter().position(|(name, _)| **name == *key) {
            Some(first) => {
                entries[first].1 = value;
                let mut at = 0;
                entries.retain(|(name, _)| {
                    at += 1;
                    at - 1 <= first || **name != *key
                });
            }
            None => entries.push((key.into(), value)),
        }
    }

    /// Removes `key` and returns its value, if it was present.
    pub fn remove(&mut self, key: &str) -> Option<RawJson> {
        let mut removed = None;
        self.retain(|(name, value)| {
            let keep = **name != *key;
            if !keep {
                removed = Some(core::mem::take(value));
            }
            keep
        });
        removed
    }

    /// Returns an iterator over the keys and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawJson)> {
        self.entries().iter().map(|(name, value)| (&**name, value))
    }

    /// Returns the number of keys.
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Returns whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// Returns the value for an object without unknown keys.
    pub(crate) const fn none() -> Self {
        Self {
            absent: 0,
            null: 0,
            rare: None,
        }
    }

    /// Returns the value for an object that has not been read: all known keys missing.
    pub(crate) fn vacant() -> Self {
        Self {
            absent: !UNTAGGED,
            ..Self::default()
        }
    }

    pub(crate) fn push(&mut self, key: Key, value: RawJson) {
        self.entries_mut().push((key, value));
    }

    fn entries_mut(&mut self) -> &mut Vec<Entry> {
        let rare = self.rare.get_or_insert_default();
        rare.index = None;
        &mut rare.entries
    }

    /// Sets a key; with many keys, in time that grows with the logarithm of their number.
    pub(crate) fn put(&mut self, key: Key, value: RawJson) {
        let rare = self.rare.get_or_insert_default();
        if let Some(at) = rare.find(&key) {
            rare.entries[at].1 = value;
            return;
        }
        rare.entries.push((key, value));
        if let Some(index) = &mut rare.index {
            index.add_last(&rare.entries);
        }
    }

    /// Sets a key unless it is there.
    pub(crate) fn put_if_missing(&mut self, key: Key, value: RawJson) {
        if self.rare.get_or_insert_default().find(&key).is_none() {
            self.put(key, value);
        }
    }

    /// Records the known keys that are null in `newer` and missing here.
    pub(crate) fn add_nulls(&mut self, newer: &Self, keys: &[&str]) {
        let mut nulls = newer.null & self.absent;
        if nulls != 0 && !self.is_empty() {
            // A value of another type is among the unknown keys.
            for (at, key) in keys.iter().enumerate() {
                if nulls >> at & 1 != 0 && self.get(key).is_some() {
                    nulls &= !(1 << at);
                }
            }
        }
        self.set_null(nulls);
    }

    /// Records that the field of a key was replaced by the one of `newer`.
    pub(crate) fn replaced(&mut self, name: &str, bit: u64, newer: &Self) {
        if self.is_absent(bit) && !self.is_empty() {
            self.take_out(&name.into());
        }
        self.set_value(bit);
        if self.has_spellings() {
            self.forget_spelling(name);
        }
        if let Some(raw) = newer.spelling(name) {
            self.spell(name, raw.clone());
        }
    }

    /// Removes a key as fast as `put` sets it; the order of the others may change.
    fn take_out(&mut self, key: &Key) {
        let Some(rare) = &mut self.rare else { return };
        if rare.find(key).is_none() {
            return;
        }
        match &mut rare.index {
            Some(index) => index.swap_remove(key, &mut rare.entries),
            None => rare.entries.retain(|(name, _)| name != key),
        }
    }

    /// Keeps the JSON of a known key that has none yet.
    pub(crate) fn spell(&mut self, key: &str, raw: RawJson) {
        let rare = self.rare.get_or_insert_default();
        rare.spellings.push((key.into(), raw));
    }

    pub(crate) fn forget_spelling(&mut self, key: &str) {
        if let Some(rare) = &mut self.rare {
            rare.spellings.retain(|(name, _)| **name != *key);
        }
    }

    #[inline]
    pub(crate) fn has_spellings(&self) -> bool {
        matches!(&self.rare, Some(rare) if !rare.spellings.is_empty())
    }

    /// Moves the keys of another object here.
    pub(crate) fn adopt(&mut self, other: Self) {
        self.rare = other.rare;
    }

    /// Keeps an unusual tag, in front, where it is written.
    pub(crate) fn set_tag(&mut self, value: RawJson) {
        self.entries_mut().insert(0, ("type".into(), value));
    }

    pub(crate) fn set_value(&mut self, bit: u64) {
        self.absent &= !bit;
        self.null &= !bit;
    }

    pub(crate) fn set_null(&mut self, bit: u64) {
        self.absent &= !bit;
        self.null |= bit;
    }

    pub(crate) fn set_absent(&mut self, bit: u64) {
        self.absent |= bit;
        self.null &= !bit;
    }

    pub(crate) fn absent(&self) -> u64 {
        self.absent
    }

    pub(crate) fn is_absent(&self, bit: u64) -> bool {
        self.absent & bit != 0
    }

    pub(crate) fn is_null(&self, bit: u64) -> bool {
        self.null & bit != 0
    }

    /// Returns whether a known key was absent or null.
    pub(crate) fn was_missing(&self, bit: u64) -> bool {
        (self.absent | self.null) & bit != 0
    }

    pub(crate) fn set_untagged(&mut self) {
        self.absent |= UNTAGGED;
    }

    pub(crate) fn is_untagged(&self) -> bool {
        self.absent & UNTAGGED != 0
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        self.rare.as_ref().map_or(&[], |rare| &rare.entries)
    }

    pub(crate) fn into_entries(self) -> Vec<Entry> {
        self.rare.map_or_else(Vec::new, |rare| rare.entries)
    }

    pub(crate) fn retain(&mut self, keep: impl FnMut(&mut Entry) -> bool) {
        if self.rare.is_some() {
            self.entries_mut().retain_mut(keep);
        }
    }

    /// Returns whether the name of a key has lone halves, which a serializer cannot write.
    pub(crate) fn has_spelled_keys(&self) -> bool {
        self.entries().iter().any(|(key, _)| key.is_spelled())
    }

    /// Adds the keys whose names have lone halves to the JSON of an object.
    pub(crate) fn add_spelled_keys(&self, mut json: String) -> RawJson {
        json.pop();
        for (key, value) in self.entries().iter().filter(|(key, _)| key.is_spelled()) {
            push_entry(&mut json, key, value);
        }
        json.push('}');
        RawJson::trusted(json)
    }
}

impl HeapSize for Extra {
    fn heap_size(&self) -> usize {
        self.rare.heap_size()
    }
}

impl HeapSize for Rare {
    fn heap_size(&self) -> usize {
        self.entries.heap_size() + self.spellings.heap_size() + self.index.heap_size()
    }
}

impl PartialEq for Extra {
    fn eq(&self, other: &Self) -> bool {
        self.entries() == other.entries()
    }
}

/// Shows the keys only: a value that this crate does not understand may be a secret.
impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.iter().map(|(name, _)| name))
            .finish()
    }
}

const UNTAGGED: u64 = 1 << 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_keys() {
        let mut extra = Extra::default();
        extra.push("a".into(), RawJson::string("1"));
        extra.push("b".into(), RawJson::string("2"));
        extra.push("a".into(), RawJson::string("3"));
        assert_eq!(extra.get("a"), Some(&RawJson::string("3")));
        extra.insert("a", RawJson::string("4"));
        let keys: Vec<_> = extra.iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["a", "b"]);
        assert_eq!(extra.remove("a"), Some(RawJson::string("4")));
        assert_eq!(extra.remove("a"), None);
        assert_eq!(extra.len(), 1);
    }
}
