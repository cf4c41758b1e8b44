//! Finding one value in an object without reading the others.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The `type` of an object: at once when it is the first key, as it nearly always is, else by
/// looking at every key of the object.
pub(crate) fn kind_of(json: &str) -> Option<Cow<'_, str>> {
    match leading_kind(json) {
        Some(kind) => Some(Cow::Borrowed(kind)),
        None => text_of(json, "type"),
    }
}

/// The `type`, provided the text starts with it in the way the service writes it.
pub(crate) fn leading_kind(json: &str) -> Option<&str> {
    let rest = json.strip_prefix("{\"type\":\"")?;
    let end = rest
        .bytes()
        .position(|byte| byte == b'"' || byte == b'\\' || byte < 0x20)?;
    (rest.as_bytes()[end] == b'"').then(|| &rest[..end])
}

/// The text of a key whose value is text.
pub(crate) fn text_of<'a>(json: &'a str, key: &str) -> Option<Cow<'a, str>> {
    let value = value_of(json, key)?;
    let inner = value.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str::<String>(value).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// The JSON of a key's value, if `json` is an object that has the key; the first, if it has several.
pub(crate) fn value_of<'a>(json: &'a str, key: &str) -> Option<&'a str> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    deserializer
        .deserialize_map(ValueVisitor { key })
        .ok()
        .flatten()
}

struct ValueVisitor<'k> {
    key: &'k str,
}

impl<'de> Visitor<'de> for ValueVisitor<'_> {
    type Value = Option<&'de str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(is_key) = map.next_key_seed(KeySeed { key: self.key })? {
            if is_key && found.is_none() {
                found = Some(map.next_value::<&RawValue>()?.get());
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Tells whether a key is the one that is looked for.
struct KeySeed<'k> {
    key: &'k str,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.key)
    }
}
