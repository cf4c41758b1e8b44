//! Finding one value in an object without reading the others.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::reader::parse;
use super::text::special;

/// Returns the `type` of an object: immediately if it is the first key, as it nearly always is,
/// else by reading every key.
pub(crate) fn kind_of(json: &str) -> Option<Cow<'_, str>> {
    match leading_kind(json) {
        Some(kind) => Some(Cow::Borrowed(kind)),
        None => text_of(json, "type"),
    }
}

/// Returns the `type`, if the text starts with it in the form that the service writes.
pub(crate) fn leading_kind(json: &str) -> Option<&str> {
    let rest = json.strip_prefix("{\"type\":\"")?;
    let end = special(rest.as_bytes())?;
    (rest.as_bytes()[end] == b'"').then(|| &rest[..end])
}

/// Returns the text of a key whose value is a string.
pub(crate) fn text_of<'a>(json: &'a str, key: &str) -> Option<Cow<'a, str>> {
    text(value_of(json, key)?)
}

/// Returns the text of a JSON string.
fn text(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        parse::<String>(json).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// Returns the JSON of a key's value, if `json` is an object with that key; the first, if it occurs
/// more than once.
pub(crate) fn value_of<'a>(json: &'a str, key: &str) -> Option<&'a str> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    deserializer.deserialize_map(ValueVisitor { key }).ok()?
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
        while let Some((name, value)) = map.next_entry::<&RawValue, &RawValue>()? {
            if found.is_none() && text(name.get()).is_some_and(|name| name == self.key) {
                found = Some(value.get());
            }
        }
        Ok(found)
    }
}
