//! Lossless reading and writing of JSON.
//!
//! serde's derive cannot do three things that this crate guarantees: keep unknown keys verbatim
//! without buffering the object, treat `null` like a missing key and still write it back, and
//! choose the variant of a tagged union without parsing twice. So hand-written generic code reads
//! the types, and three macros declare them: [`open_enum!`](open), [`object!`](object) and
//! [`tagged!`](tagged), plus [`either!`](either) for values that are text or a structure.
//!
//! The central guarantee is that reading is *total*: any valid JSON is accepted for any type. A
//! value of an unexpected type is returned as [`Slot::Foreign`] and goes into an `Unknown` variant
//! or the `extra` of the enclosing object. A server that changes the type of one field costs a
//! client that field, never the event.

pub(crate) mod either;
pub(crate) mod field;
pub(crate) mod halves;
pub(crate) mod key;
pub(crate) mod object;
pub(crate) mod open;
mod primitive;
pub(crate) mod tagged;
pub(crate) mod write;

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::marker::PhantomData;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::{Number, RawJson};
use halves::SPELLING;
use key::Key;

/// The value found where a `T` was expected.
pub(crate) enum Slot<T> {
    Value(T),
    /// Text with lone surrogate halves, which the value shows as U+FFFD, and its JSON.
    Spelled(Box<(T, RawJson)>),
    Null,
    /// Something else, verbatim.
    Foreign(RawJson),
}

impl<T> Slot<T> {
    pub(crate) fn spelled(value: T, raw: RawJson) -> Self {
        Self::Spelled(Box::new((value, raw)))
    }

    pub(crate) fn map<U>(self, wrap: impl FnOnce(T) -> U) -> Slot<U> {
        match self {
            Self::Value(value) => Slot::Value(wrap(value)),
            Self::Spelled(spelled) => Slot::spelled(wrap(spelled.0), spelled.1),
            Self::Null => Slot::Null,
            Self::Foreign(raw) => Slot::Foreign(raw),
        }
    }
}

/// A type that can be read from any JSON value: it accepts the value or returns it.
///
/// A type implements the forms that it accepts; other values come back as [`Slot::Foreign`].
pub(crate) trait Wire: Sized + Serialize {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Slot<Self>, D::Error> {
        deserializer.deserialize_newtype_struct(SPELLING, WireVisitor(PhantomData))
    }

    fn from_text(_: &str) -> Option<Self> {
        None
    }

    fn from_string(text: String) -> Result<Self, String> {
        Self::from_text(&text).ok_or(text)
    }

    fn from_bool(_: bool) -> Option<Self> {
        None
    }

    fn from_number(_: Number) -> Option<Self> {
        None
    }

    fn from_seq<'de, A: SeqAccess<'de>>(seq: A) -> Result<Slot<Self>, A::Error> {
        foreign_seq(String::from("["), seq).map(Slot::Foreign)
    }

    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Slot<Self>, A::Error> {
        foreign_map(map)
    }

    /// Accepts a value of another type where one is required, such as an element of a list, if the
    /// type can.
    fn absorb(raw: RawJson) -> Result<Self, RawJson> {
        Err(raw)
    }
}

/// Offers any value that serde reads to the type.
struct WireVisitor<T>(PhantomData<T>);

impl<'de, T: Wire> Visitor<'de> for WireVisitor<T> {
    type Value = Slot<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Slot<T>, E> {
        Ok(match T::from_bool(value) {
            Some(taken) => Slot::Value(taken),
            None => Slot::Foreign(RawJson::trusted(
                if value { "true" } else { "false" }.into(),
            )),
        })
    }

    fn visit_i64<E>(self, value: i64) -> Result<Slot<T>, E> {
        Ok(number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Slot<T>, E> {
        Ok(number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Slot<T>, E> {
        Ok(number(value.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Slot<T>, E> {
        Ok(match T::from_text(text) {
            Some(taken) => Slot::Value(taken),
            None => Slot::Foreign(RawJson::string(text)),
        })
    }

    fn visit_string<E>(self, text: String) -> Result<Slot<T>, E> {
        Ok(match T::from_string(text) {
            Ok(taken) => Slot::Value(taken),
            Err(text) => Slot::Foreign(RawJson::string(&text)),
        })
    }

    /// Text with lone halves, as the bytes of its JSON; only [`halves::Reader`] passes it this way.
    fn visit_bytes<E: Error>(self, json: &[u8]) -> Result<Slot<T>, E> {
        let Some((text, raw)) = halves::spelled(json) else {
            return Err(E::invalid_type(Unexpected::Bytes(json), &self));
        };
        Ok(match T::from_string(text) {
            Ok(taken) => Slot::spelled(taken, raw),
            Err(_) => Slot::Foreign(raw),
        })
    }

    fn visit_unit<E>(self) -> Result<Slot<T>, E> {
        Ok(Slot::Null)
    }

    fn visit_none<E>(self) -> Result<Slot<T>, E> {
        Ok(Slot::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Slot<T>, D::Error> {
        T::read(deserializer)
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Slot<T>, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Slot<T>, A::Error> {
        T::from_seq(seq)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Slot<T>, A::Error> {
        T::from_map(map)
    }
}

/// Reads one value as a [`Slot`] where serde requires a seed.
pub(crate) struct SlotSeed<T>(PhantomData<T>);

impl<T> SlotSeed<T> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<'de, T: Wire> DeserializeSeed<'de> for SlotSeed<T> {
    type Value = Slot<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Slot<T>, D::Error> {
        T::read(deserializer)
    }
}

/// The `Deserialize` implementation of every type here: an error only if `absorb` refuses the value
/// too.
pub(crate) fn deserialize<'de, T: Wire, D: Deserializer<'de>>(
    deserializer: D,
    expected: &'static str,
) -> Result<T, D::Error> {
    let foreign = match T::read(deserializer)? {
        Slot::Value(value) => return Ok(value),
        // Nothing around the value can keep its JSON.
        Slot::Spelled(spelled) => return Ok(T::absorb(spelled.1).unwrap_or(spelled.0)),
        Slot::Null => RawJson::default(),
        Slot::Foreign(raw) => raw,
    };
    T::absorb(foreign)
        .map_err(|_| Error::custom(format_args!("this value cannot be read as {expected}")))
}

fn number<T: Wire>(number: Number) -> Slot<T> {
    match T::from_number(number) {
        Some(taken) => Slot::Value(taken),
        None => Slot::Foreign(RawJson::encode(&number).unwrap_or_default()),
    }
}

/// Rebuilds the text of a list, of which `json` already contains the start.
pub(crate) fn foreign_seq<'de, A: SeqAccess<'de>>(
    mut json: String,
    mut seq: A,
) -> Result<RawJson, A::Error> {
    while let Some(value) = seq.next_element::<RawJson>()? {
        if json.len() > 1 {
            json.push(',');
        }
        json.push_str(value.as_str());
    }
    json.push(']');
    Ok(RawJson::trusted(json))
}

/// Rebuilds the text of an object.
///
/// If any crate in the build enables serde_json's `arbitrary_precision`, numbers arrive as objects
/// with one private key. They are recognized here, so that the feature changes nothing.
pub(crate) fn foreign_map<'de, T: Wire, A: MapAccess<'de>>(
    mut map: A,
) -> Result<Slot<T>, A::Error> {
    const ARBITRARY_PRECISION: &str = "$serde_json::private::Number";

    let mut json = String::from("{");
    while let Some(key) = map.next_key::<Key>()? {
        if json.len() == 1 && *key == *ARBITRARY_PRECISION {
            let text = map.next_value::<String>()?;
            return Ok(spelled_number(text));
        }
        let value = map.next_value::<RawJson>()?;
        push_entry(&mut json, &key, &value);
    }
    json.push('}');
    Ok(Slot::Foreign(RawJson::trusted(json)))
}

fn spelled_number<T: Wire>(text: String) -> Slot<T> {
    let number = if let Ok(value) = text.parse::<u64>() {
        Some(Number::from(value))
    } else if let Ok(value) = text.parse::<i64>() {
        Some(Number::from(value))
    } else {
        text.parse::<f64>().ok().map(Number::from)
    };
    match number.and_then(T::from_number) {
        Some(taken) => Slot::Value(taken),
        None => Slot::Foreign(RawJson::trusted(text)),
    }
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

impl Wire for RawJson {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Slot<Self>, D::Error> {
        let raw = Self::deserialize(deserializer)?;
        Ok(if raw.is_null() {
            Slot::Null
        } else {
            Slot::Value(raw)
        })
    }

    fn absorb(raw: RawJson) -> Result<Self, RawJson> {
        Ok(raw)
    }
}
