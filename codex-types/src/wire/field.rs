//! Reading, writing and replacing the fields of objects.

use serde::Deserializer;
use serde::ser::SerializeMap;

use super::halves::is_spelling_of;
use super::{Slot, Wire};
use crate::{Extra, RawJson};

/// The result of reading a field's value.
pub(crate) enum Seen {
    Value,
    /// The field shows U+FFFD for each lone surrogate half of this JSON.
    Spelled(RawJson),
    Null,
    Foreign(RawJson),
}

/// A field of an object: plain when the service always sends the key, an `Option` otherwise.
pub(crate) trait Field: Default {
    fn read_into<'de, D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<Seen, D::Error>;

    fn write<M: SerializeMap>(
        &self,
        name: &'static str,
        bit: u64,
        extra: &Extra,
        map: &mut M,
    ) -> Result<u64, M::Error>;

    /// Replaces the field with a newer one that has a value, and returns whether it did.
    fn take_over(&mut self, newer: &mut Self, bit: u64, extra: &Extra) -> bool;
}

impl<T: Wire + Default + PartialEq> Field for T {
    fn read_into<'de, D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<Seen, D::Error> {
        let (value, seen) = settle(T::read(deserializer)?);
        *self = value.unwrap_or_default();
        Ok(seen)
    }

    fn write<M: SerializeMap>(
        &self,
        name: &'static str,
        bit: u64,
        extra: &Extra,
        map: &mut M,
    ) -> Result<u64, M::Error> {
        if extra.is_absent(bit) && *self == T::default() {
            return Ok(0);
        }
        if extra.is_null(bit) && *self == T::default() {
            map.serialize_entry(name, &())?;
        } else {
            write_value(name, self, extra, map)?;
        }
        Ok(bit)
    }

    fn take_over(&mut self, newer: &mut Self, bit: u64, extra: &Extra) -> bool {
        let is_missing = extra.is_absent(bit) || extra.is_null(bit);
        if is_missing && *newer == T::default() {
            return false;
        }
        *self = core::mem::take(newer);
        true
    }
}

impl<T: Wire + PartialEq> Field for Option<T> {
    fn read_into<'de, D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<Seen, D::Error> {
        let (value, seen) = settle(T::read(deserializer)?);
        *self = value;
        Ok(seen)
    }

    fn write<M: SerializeMap>(
        &self,
        name: &'static str,
        bit: u64,
        extra: &Extra,
        map: &mut M,
    ) -> Result<u64, M::Error> {
        match self {
            Some(value) => write_value(name, value, extra, map)?,
            None if extra.is_null(bit) => map.serialize_entry(name, &())?,
            None => return Ok(0),
        }
        Ok(bit)
    }

    fn take_over(&mut self, newer: &mut Self, _: u64, _: &Extra) -> bool {
        if newer.is_none() {
            return false;
        }
        *self = newer.take();
        true
    }
}

fn write_value<T: Wire + PartialEq, M: SerializeMap>(
    name: &'static str,
    value: &T,
    extra: &Extra,
    map: &mut M,
) -> Result<(), M::Error> {
    if extra.has_spellings()
        && let Some(raw) = extra.spelling(name)
        && is_spelling_of(raw, value)
    {
        return map.serialize_entry(name, raw);
    }
    map.serialize_entry(name, value)
}

fn settle<T: Wire>(slot: Slot<T>) -> (Option<T>, Seen) {
    match slot {
        Slot::Value(value) => (Some(value), Seen::Value),
        Slot::Spelled(spelled) => (Some(spelled.0), Seen::Spelled(spelled.1)),
        Slot::Null => (None, Seen::Null),
        Slot::Foreign(raw) => match T::absorb(raw) {
            Ok(value) => (Some(value), Seen::Value),
            Err(raw) => (None, Seen::Foreign(raw)),
        },
    }
}
