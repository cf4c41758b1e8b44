//! Writing objects.

use super::encode::{Encode, Encoder, Pairs};
use super::known::{Object, bit, key, write_fields};
use super::source::Failed;
use super::text::to_json;
use crate::{Extra, RawJson};

/// Writes an object; `tag` is the tag of the variant it is in, if it is in one.
pub(crate) fn write_object(
    object: &dyn Object,
    tag: Option<&'static str>,
    encoder: &mut dyn Encoder,
) -> Result<(), Failed> {
    let extra = object.extra();
    // A tag other than the usual one is kept among the extra keys; it still has to come first.
    let first = match (key(object, "type"), extra.get("type")) {
        (Some(_), _) => None,
        (None, Some(other)) => Some(First::Json(other)),
        (None, None) if extra.is_untagged() => None,
        (None, None) => tag.or_else(|| object.tag()).map(First::Text),
    };
    let first = first.map(|tag| ("type", tag));
    Prefixed { first, object }.encode(encoder)
}

/// An object preceded by a key that is not its own and that replaces an extra key of the same name.
pub(crate) struct Prefixed<'a> {
    pub(crate) first: Option<(&'static str, First<'a>)>,
    pub(crate) object: &'a dyn Object,
}

/// The value of the first key.
#[derive(Clone, Copy)]
pub(crate) enum First<'a> {
    Json(&'a RawJson),
    Text(&'static str),
    Flag(bool),
}

impl Encode for First<'_> {
    fn encode(&self, encoder: &mut dyn Encoder) -> Result<(), Failed> {
        match self {
            Self::Json(raw) => encoder.raw(raw),
            Self::Text(text) => encoder.text(text),
            Self::Flag(flag) => encoder.bool(*flag),
        }
    }
}

impl Encode for Prefixed<'_> {
    fn encode(&self, encoder: &mut dyn Encoder) -> Result<(), Failed> {
        write_members(self.object.extra(), &|pairs| self.write(pairs), encoder)
    }
}

impl Prefixed<'_> {
    /// Writes all keys except those whose names have lone halves.
    fn write(&self, pairs: &mut dyn Pairs) -> Result<(), Failed> {
        if let Some((key, value)) = &self.first {
            pairs.pair(key, value)?;
        }
        let written = write_fields(self.object, pairs)?;
        for (name, value) in self.object.extra().entries() {
            let skip = match key(self.object, name) {
                Some(key) => written & bit(key) != 0,
                None => name.is_spelled() || self.first.is_some_and(|(key, _)| *key == **name),
            };
            if !skip {
                pairs.pair(name, value)?;
            }
        }
        Ok(())
    }
}

/// Writes an object whose keys `write` passes, and those of `extra` whose names have lone halves,
/// which come last.
pub(crate) fn write_members(
    extra: &Extra,
    write: &dyn Fn(&mut dyn Pairs) -> Result<(), Failed>,
    encoder: &mut dyn Encoder,
) -> Result<(), Failed> {
    struct Plain<'a>(&'a dyn Fn(&mut dyn Pairs) -> Result<(), Failed>);

    impl Encode for Plain<'_> {
        fn encode(&self, encoder: &mut dyn Encoder) -> Result<(), Failed> {
            encoder.object(self.0)
        }
    }

    if !extra.has_spelled_keys() {
        return encoder.object(write);
    }
    encoder.raw(&extra.add_spelled_keys(to_json(&Plain(write))))
}
