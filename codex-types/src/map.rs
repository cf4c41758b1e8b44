//! Objects whose keys are data, such as metadata.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::wire::encode::{Encode, Encoder, serialize};
use crate::wire::key::Key;
use crate::wire::key::push_entry;
use crate::wire::read::{Seen, Wire, deserialize, read, settle};
use crate::wire::source::{Failed, Fields, next_name};
use crate::wire::text::to_json;
use crate::{HeapSize, RawJson};

/// A JSON object with arbitrary keys, in order.
///
/// ```
/// use codex_types::Map;
///
/// let mut metadata = Map::new();
/// metadata.insert("project", "blue");
/// assert_eq!(metadata.get("project").map(String::as_str), Some("blue"));
///
/// let same: Map<String> = [("project", "blue")].into_iter().collect();
/// assert_eq!(metadata, same);
/// ```
#[derive(Clone, PartialEq)]
pub struct Map<T> {
    entries: Vec<(String, T)>,
}

impl<T> Map<T> {
    /// Creates an empty object.
    pub const fn new() -> Self {
        Self {
            entries: Vec::new(),
        }
    }

    /// Returns the value of `key`; the last one, if the key was read more than once.
    pub fn get(&self, key: &str) -> Option<&T> {
        self.entries
            .iter()
            .rev()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// Returns the value of `key`, if present, ignoring case as for headers.
    pub fn get_ignore_case(&self, key: &str) -> Option<&T> {
        self.entries
            .iter()
            .rev()
            .find(|(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, value)| value)
    }

    /// Sets `key` to `value`, replacing an earlier value.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<T>) {
        let key = key.into();
        let value = value.into();
        match self.entries.iter_mut().rev().find(|(name, _)| *name == key) {
            Some(entry) => entry.1 = value,
            None => self.entries.push((key, value)),
        }
    }

    /// Removes `key` and returns its value, if it was present.
    pub fn remove(&mut self, key: &str) -> Option<T> {
        let at = self.entries.iter().rposition(|(name, _)| name == key)?;
        Some(self.entries.remove(at).1)
    }

    /// Returns an iterator over the keys and values, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &T)> {
        self.entries
            .iter()
            .map(|(key, value)| (key.as_str(), value))
    }

    /// Returns the number of keys.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<T> Default for Map<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for Map<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Into<String>, V: Into<T>, T> FromIterator<(K, V)> for Map<T> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::new();
        map.extend(entries);
        map
    }
}

impl<K: Into<String>, V: Into<T>, T> Extend<(K, V)> for Map<T> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<T: HeapSize> HeapSize for Map<T> {
    fn heap_size(&self) -> usize {
        self.entries.heap_size()
    }
}

impl<T: Wire + Default> Wire for Map<T> {
    fn read_object(&mut self, fields: &mut dyn Fields) -> Result<Seen, Failed> {
        read_entries(self, fields)
    }
}

/// A map that is being read.
trait Growing: Encode {
    /// Adds a key with an empty value.
    fn grow(&mut self, key: String) -> &mut dyn Wire;

    /// Removes the last key.
    fn shrink(&mut self);
}

impl<T: Wire + Default> Growing for Map<T> {
    fn grow(&mut self, key: String) -> &mut dyn Wire {
        let at = self.entries.len();
        self.entries.push((key, T::default()));
        &mut self.entries[at].1
    }

    fn shrink(&mut self) {
        self.entries.pop();
    }
}

fn read_entries(map: &mut dyn Growing, fields: &mut dyn Fields) -> Result<Seen, Failed> {
    let mut spelled = false;
    while let Some(key) = next_name(fields)? {
        spelled |= key.is_spelled();
        let value = map.grow(key.clone().into());
        let seen = read(value, fields)?;
        match settle(value, seen, true) {
            Seen::Value | Seen::Null => {}
            Seen::Spelled(_) => spelled = true,
            Seen::Foreign(_) if spelled => {
                while fields.key(&|_| Some(0))?.is_some() {
                    fields.raw()?;
                }
                return fields.raw().map(Seen::Foreign);
            }
            Seen::Foreign(raw) => {
                map.shrink();
                return rest_of_foreign(map, &key, &raw, fields).map(Seen::Foreign);
            }
        }
    }
    if spelled {
        // Only `halves::Reader` gets here; it starts over and passes the whole map.
        return fields.raw().map(Seen::Spelled);
    }
    Ok(Seen::Value)
}

impl<T: Encode> Encode for Map<T> {
    fn encode(&self, encoder: &mut dyn Encoder) -> Result<(), Failed> {
        encoder.object(&|pairs| {
            self.iter()
                .try_for_each(|(key, value)| pairs.pair(key, value))
        })
    }
}

impl<T: Encode> Serialize for Map<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(self, serializer)
    }
}

impl<'de, T: Wire + Default> Deserialize<'de> for Map<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(deserializer, "an object")
    }
}

/// One value of a foreign type makes the whole object foreign, as with lists.
fn rest_of_foreign(
    start: &dyn Encode,
    key: &Key,
    raw: &RawJson,
    fields: &mut dyn Fields,
) -> Result<RawJson, Failed> {
    let mut json = to_json(start);
    json.pop();
    push_entry(&mut json, key, raw);
    while let Some(key) = next_name(fields)? {
        push_entry(&mut json, &key, &fields.raw()?);
    }
    json.push('}');
    Ok(RawJson::trusted(json))
}
