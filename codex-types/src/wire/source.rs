//! Reading through trait objects.
//!
//! A type that is generic over its deserializer is compiled once for each deserializer, in each
//! crate that names one. So the types of this crate read from a [`Source`], and only the adapters
//! in this file are generic. An adapter keeps the deserializer's error; [`Failed`] stands for it.

use alloc::string::String;
use core::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Unexpected, Visitor};

use super::key::{Key, KeySeed, spelled};
use crate::json::reader::{Reader, SPELLING};
use crate::json::surrogates::lossy;
use crate::{Number, RawJson};

/// A failure to read or write; the adapter at the end of the chain has the error.
#[derive(Debug)]
pub(crate) struct Failed;

/// A value that has not been read yet.
pub(crate) trait Source {
    /// Passes the value to `sink`.
    fn read(&mut self, sink: &mut dyn Sink) -> Result<(), Failed>;

    /// Returns the JSON of the value.
    fn raw(&mut self) -> Result<RawJson, Failed>;
}

/// The keys and values of an object. As a [`Source`], it is the value of the key that was read
/// last.
pub(crate) trait Fields: Source {
    /// Reads the next key: the index that `known` has for it, or else its name.
    fn key(
        &mut self,
        known: &dyn Fn(&str) -> Option<u8>,
    ) -> Result<Option<Result<u8, Key>>, Failed>;
}

/// Reads the next key by its name.
pub(crate) fn next_name(fields: &mut dyn Fields) -> Result<Option<Key>, Failed> {
    Ok(match fields.key(&|_| None)? {
        Some(Err(name)) => Some(name),
        Some(Ok(_)) | None => None,
    })
}

/// The elements of a list.
pub(crate) trait Elements {
    /// Passes the next element to `sink`, and returns whether there was one.
    fn next(&mut self, sink: &mut dyn Sink) -> Result<bool, Failed>;

    /// Returns the JSON of the next element.
    fn next_raw(&mut self) -> Result<Option<RawJson>, Failed>;
}

/// A value that is neither a list nor an object.
pub(crate) enum Scalar<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(&'a str),
    Owned(String),
    /// Text with lone surrogate halves, which it shows as U+FFFD, and its JSON.
    Spelled(String, RawJson),
}

impl Scalar<'_> {
    pub(crate) fn is_text(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Owned(_) | Self::Spelled(..))
    }

    pub(crate) fn into_raw(self) -> RawJson {
        match self {
            Self::Null => RawJson::default(),
            Self::Bool(value) => RawJson::trusted(if value { "true" } else { "false" }.into()),
            Self::Number(number) => RawJson::encode(&number).unwrap_or_default(),
            Self::Text(text) => RawJson::string(text),
            Self::Owned(text) => RawJson::string(&text),
            Self::Spelled(_, raw) => raw,
        }
    }
}

/// A receiver of a value in any form.
pub(crate) trait Sink {
    fn scalar(&mut self, value: Scalar<'_>);

    fn list(&mut self, elements: &mut dyn Elements) -> Result<(), Failed>;

    fn object(&mut self, fields: &mut dyn Fields) -> Result<(), Failed>;
}

/// An adapter from any deserializer to a [`Source`] of one value.
pub(crate) struct Whole<'de, D: Deserializer<'de>> {
    deserializer: Option<D>,
    error: Option<D::Error>,
}

impl<'de, D: Deserializer<'de>> Whole<'de, D> {
    pub(crate) fn new(deserializer: D) -> Self {
        Self {
            deserializer: Some(deserializer),
            error: None,
        }
    }

    pub(crate) fn into_error(self) -> D::Error {
        self.error.unwrap_or_else(unexplained)
    }

    fn seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Failed> {
        let deserializer = self.deserializer.take().ok_or(Failed)?;
        keep(seed.deserialize(deserializer), &mut self.error)
    }
}

impl<'de, D: Deserializer<'de>> Source for Whole<'de, D> {
    fn read(&mut self, sink: &mut dyn Sink) -> Result<(), Failed> {
        self.seed(SinkSeed(sink))
    }

    fn raw(&mut self) -> Result<RawJson, Failed> {
        self.seed(core::marker::PhantomData::<RawJson>)
    }
}

/// Moves an error to where it is kept.
fn keep<T, E>(result: Result<T, E>, kept: &mut Option<E>) -> Result<T, Failed> {
    result.map_err(|error| {
        *kept = Some(error);
        Failed
    })
}

/// Returns the error for a failure without an error, which would be a bug.
fn unexplained<E: Error>() -> E {
    E::custom("a value was read twice")
}

/// An adapter that passes a value from serde to a [`Sink`].
struct SinkSeed<'a>(&'a mut dyn Sink);

impl<'de> DeserializeSeed<'de> for SinkSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_newtype_struct(SPELLING, self)
    }
}

impl<'de> Visitor<'de> for SinkSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.0.scalar(Scalar::Bool(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.0.scalar(Scalar::Number(value.into()));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.0.scalar(Scalar::Number(value.into()));
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.0.scalar(Scalar::Number(value.into()));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.scalar(Scalar::Text(text));
        Ok(())
    }

    fn visit_string<E>(self, text: String) -> Result<(), E> {
        self.0.scalar(Scalar::Owned(text));
        Ok(())
    }

    /// Accepts text with lone halves as the bytes of its JSON; only [`Reader`]
    /// passes it in this form.
    fn visit_bytes<E: Error>(self, json: &[u8]) -> Result<(), E> {
        let Some((text, raw)) = spelled(json) else {
            return Err(E::invalid_type(Unexpected::Bytes(json), &self));
        };
        self.0.scalar(Scalar::Spelled(text, raw));
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.scalar(Scalar::Null);
        Ok(())
    }

    fn visit_none<E>(self) -> Result<(), E> {
        self.0.scalar(Scalar::Null);
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.deserialize(deserializer)
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<(), A::Error> {
        let mut list = List {
            access,
            error: None,
        };
        match self.0.list(&mut list) {
            Ok(()) => Ok(()),
            Err(Failed) => Err(list.error.unwrap_or_else(unexplained)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<(), A::Error> {
        with_fields(access, |fields| self.0.object(fields))
    }
}

/// Calls `read` with the keys and values of serde's map.
pub(crate) fn with_fields<'de, T, A: MapAccess<'de>>(
    access: A,
    read: impl FnOnce(&mut dyn Fields) -> Result<T, Failed>,
) -> Result<T, A::Error> {
    let mut members = Members {
        access,
        error: None,
    };
    match read(&mut members) {
        Ok(value) => Ok(value),
        Err(Failed) => Err(members.error.unwrap_or_else(unexplained)),
    }
}

struct List<'de, A: SeqAccess<'de>> {
    access: A,
    error: Option<A::Error>,
}

impl<'de, A: SeqAccess<'de>> Elements for List<'de, A> {
    fn next(&mut self, sink: &mut dyn Sink) -> Result<bool, Failed> {
        let next = self.access.next_element_seed(SinkSeed(sink));
        Ok(keep(next, &mut self.error)?.is_some())
    }

    fn next_raw(&mut self) -> Result<Option<RawJson>, Failed> {
        keep(self.access.next_element(), &mut self.error)
    }
}

struct Members<'de, A: MapAccess<'de>> {
    access: A,
    error: Option<A::Error>,
}

impl<'de, A: MapAccess<'de>> Source for Members<'de, A> {
    fn read(&mut self, sink: &mut dyn Sink) -> Result<(), Failed> {
        keep(self.access.next_value_seed(SinkSeed(sink)), &mut self.error)
    }

    fn raw(&mut self) -> Result<RawJson, Failed> {
        keep(self.access.next_value(), &mut self.error)
    }
}

impl<'de, A: MapAccess<'de>> Fields for Members<'de, A> {
    fn key(
        &mut self,
        known: &dyn Fn(&str) -> Option<u8>,
    ) -> Result<Option<Result<u8, Key>>, Failed> {
        keep(self.access.next_key_seed(KeySeed(known)), &mut self.error)
    }
}

/// Reads JSON text that is known to be valid into a sink; text with lone halves as well.
pub(crate) fn read_json<T>(
    json: &str,
    mut read: impl FnMut(&mut dyn Source) -> Result<T, Failed>,
) -> Option<T> {
    let mut fast = serde_json::Deserializer::from_str(json);
    read(&mut Whole::new(&mut fast)).ok().or_else(|| {
        let lossy = lossy(json)?;
        let mut reader = Reader::new(json, &lossy);
        read(&mut Whole::new(&mut reader)).ok()
    })
}
