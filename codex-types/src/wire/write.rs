//! Writing objects.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::object::Object;
use crate::{Extra, RawJson};

/// Writes an object; `tag` is the tag of its variant, if it is in one.
pub(crate) fn write_object<T: Object, S: Serializer>(
    object: &T,
    tag: Option<&'static str>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let extra = object.extra();
    // An unusual tag is kept among the extra keys, and must still come first.
    let first = match (T::key("type"), extra.get("type")) {
        (Some(_), _) => None,
        (None, Some(other)) => Some(First::Json(other)),
        (None, None) if extra.is_untagged() => None,
        (None, None) => tag.or(T::TAG).map(First::Text),
    };
    let first = first.map(|tag| ("type", tag));
    Prefixed { first, object }.serialize(serializer)
}

/// An object with another key before its own, which replaces an extra key of the same name.
pub(crate) struct Prefixed<'a, T> {
    pub(crate) first: Option<(&'static str, First<'a>)>,
    pub(crate) object: &'a T,
}

/// The value of the first key.
#[derive(Clone, Copy)]
pub(crate) enum First<'a> {
    Json(&'a RawJson),
    Text(&'static str),
    Flag(bool),
}

/// A value that is written as an object.
pub(crate) trait Members {
    fn extra(&self) -> &Extra;

    /// Writes all keys except those whose names have lone halves.
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
}

/// Writes all keys; those whose names have lone halves come last.
pub(crate) fn write_members<T: Members, S: Serializer>(
    members: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    struct Plain<'a, T>(&'a T);

    impl<T: Members> Serialize for Plain<'_, T> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.0.write(serializer)
        }
    }

    if !members.extra().has_spelled_keys() {
        return members.write(serializer);
    }
    let json = serde_json::to_string(&Plain(members)).map_err(serde::ser::Error::custom)?;
    let json = members.extra().add_spelled_keys(json);
    json.serialize(serializer)
}

impl<T: Object> Members for Prefixed<'_, T> {
    fn extra(&self) -> &Extra {
        self.object.extra()
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.first {
            Some((key, First::Json(raw))) => map.serialize_entry(key, raw)?,
            Some((key, First::Text(text))) => map.serialize_entry(key, text)?,
            Some((key, First::Flag(flag))) => map.serialize_entry(key, &flag)?,
            None => {}
        }
        let written = self.object.write_fields(&mut map)?;
        for (name, value) in self.object.extra().entries() {
            let skip = match T::key(name) {
                Some(key) => written & T::bit(key) != 0,
                None => name.is_spelled() || self.first.is_some_and(|(key, _)| *key == **name),
            };
            if !skip {
                map.serialize_entry(&**name, value)?;
            }
        }
        map.end()
    }
}

impl<T: Object> Serialize for Prefixed<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_members(self, serializer)
    }
}
