//! Keys without a field, and looking keys up without allocating them.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::ops::Deref;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, Unexpected, Visitor};

use crate::json::reader::SPELLING;
use crate::json::text::push_string;
use crate::{HeapSize, RawJson};

/// The name of a key that has no field.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Plain(Box<str>),
    /// A name with lone surrogate halves: its text with U+FFFD for each of them, and its JSON.
    Spelled(Box<(Box<str>, Box<str>)>),
}

impl Key {
    pub(crate) fn is_spelled(&self) -> bool {
        matches!(self, Self::Spelled(_))
    }

    /// Appends the name to `json` as a JSON string.
    pub(crate) fn push_to(&self, json: &mut String) {
        match self {
            Self::Plain(name) => push_string(json, name),
            Self::Spelled(spelled) => json.push_str(&spelled.1),
        }
    }
}

impl HeapSize for Key {
    fn heap_size(&self) -> usize {
        match self {
            Self::Plain(name) => name.heap_size(),
            Self::Spelled(spelled) => spelled.heap_size(),
        }
    }
}

impl Deref for Key {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Plain(name) => name,
            Self::Spelled(spelled) => &spelled.0,
        }
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        match key {
            Key::Plain(name) => name.into(),
            Key::Spelled(spelled) => spelled.0.into(),
        }
    }
}

impl From<&str> for Key {
    fn from(name: &str) -> Self {
        Self::Plain(name.into())
    }
}

/// A reader of a key: either the index that the function has for its name, or the key.
pub(crate) struct KeySeed<'a>(pub(crate) &'a dyn Fn(&str) -> Option<u8>);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Result<u8, Key>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_newtype_struct(SPELLING, self)
    }
}

impl<'de> Visitor<'de> for KeySeed<'_> {
    type Value = Result<u8, Key>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }

    #[inline]
    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok((self.0)(name).ok_or_else(|| name.into()))
    }

    fn visit_bytes<E: Error>(self, json: &[u8]) -> Result<Self::Value, E> {
        match spelled(json) {
            Some((name, raw)) => Ok(Err(Key::Spelled(Box::new((
                name.into(),
                raw.as_str().into(),
            ))))),
            None => Err(E::invalid_type(Unexpected::Bytes(json), &self)),
        }
    }
}

/// Returns the text with U+FFFD for each lone half, and its JSON.
pub(super) fn spelled(json: &[u8]) -> Option<(String, RawJson)> {
    let raw = RawJson::parse(core::str::from_utf8(json).ok()?).ok()?;
    Some((raw.decode().ok()?, raw))
}

/// Appends one key and its value to the text of an object that is being built.
pub(crate) fn push_entry(json: &mut String, key: &Key, value: &RawJson) {
    if json.len() > 1 {
        json.push(',');
    }
    key.push_to(json);
    json.push(':');
    json.push_str(value.as_str());
}
