//! Writing through trait objects, for the reason that [`source`](super::source) gives.

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::source::Failed;
use crate::{Number, RawJson};

/// A value that can be written.
pub(crate) trait Encode {
    /// Passes the value to `encoder`.
    fn encode(&self, encoder: &mut dyn Encoder) -> Result<(), Failed>;
}

/// A receiver of one value.
pub(crate) trait Encoder {
    fn null(&mut self) -> Result<(), Failed>;

    fn bool(&mut self, value: bool) -> Result<(), Failed>;

    fn number(&mut self, number: Number) -> Result<(), Failed>;

    fn text(&mut self, text: &str) -> Result<(), Failed>;

    fn raw(&mut self, raw: &RawJson) -> Result<(), Failed>;

    fn list(&mut self, elements: &mut dyn Iterator<Item = &dyn Encode>) -> Result<(), Failed>;

    /// Writes an object whose keys and values `write` passes.
    fn object(
        &mut self,
        write: &dyn Fn(&mut dyn Pairs) -> Result<(), Failed>,
    ) -> Result<(), Failed>;
}

/// A receiver of the keys and values of an object.
pub(crate) trait Pairs {
    fn pair(&mut self, key: &str, value: &dyn Encode) -> Result<(), Failed>;
}

/// Implements `Serialize` for every type of this crate.
pub(crate) fn serialize<S: Serializer>(
    value: &dyn Encode,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut output = Output::Ready(serializer);
    match (value.encode(&mut output), output) {
        (Ok(()), Output::Written(written)) => Ok(written),
        (_, Output::Failed(error)) => Err(error),
        // Only a bug leads here: every value passes itself exactly once.
        _ => Err(serde::ser::Error::custom("a value was not written once")),
    }
}

/// An adapter from an element or a value of a key to serde.
struct Serialized<'a>(&'a dyn Encode);

impl Serialize for Serialized<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(self.0, serializer)
    }
}

/// An adapter from any serializer to [`Encoder`].
enum Output<S: Serializer> {
    Ready(S),
    Taken,
    Written(S::Ok),
    Failed(S::Error),
}

impl<S: Serializer> Output<S> {
    fn write(&mut self, write: impl FnOnce(S) -> Result<S::Ok, S::Error>) -> Result<(), Failed> {
        let Self::Ready(serializer) = core::mem::replace(self, Self::Taken) else {
            return Err(Failed);
        };
        match write(serializer) {
            Ok(written) => {
                *self = Self::Written(written);
                Ok(())
            }
            Err(error) => {
                *self = Self::Failed(error);
                Err(Failed)
            }
        }
    }
}

impl<S: Serializer> Encoder for Output<S> {
    fn null(&mut self) -> Result<(), Failed> {
        self.write(Serializer::serialize_unit)
    }

    fn bool(&mut self, value: bool) -> Result<(), Failed> {
        self.write(|serializer| serializer.serialize_bool(value))
    }

    fn number(&mut self, number: Number) -> Result<(), Failed> {
        self.write(|serializer| number.serialize(serializer))
    }

    fn text(&mut self, text: &str) -> Result<(), Failed> {
        self.write(|serializer| serializer.serialize_str(text))
    }

    fn raw(&mut self, raw: &RawJson) -> Result<(), Failed> {
        self.write(|serializer| raw.serialize(serializer))
    }

    fn list(&mut self, elements: &mut dyn Iterator<Item = &dyn Encode>) -> Result<(), Failed> {
        self.write(|serializer| {
            let (_, len) = elements.size_hint();
            let mut list = serializer.serialize_seq(len)?;
            for element in elements {
                list.serialize_element(&Serialized(element))?;
            }
            list.end()
        })
    }

    fn object(
        &mut self,
        write: &dyn Fn(&mut dyn Pairs) -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        self.write(|serializer| {
            let mut members = Members {
                map: serializer.serialize_map(None)?,
                error: None,
            };
            match (write(&mut members), members.error) {
                (Ok(()), None) => members.map.end(),
                (_, Some(error)) => Err(error),
                (Err(Failed), None) => Err(serde::ser::Error::custom("an object was cut short")),
            }
        })
    }
}

struct Members<M: SerializeMap> {
    map: M,
    error: Option<M::Error>,
}

impl<M: SerializeMap> Pairs for Members<M> {
    fn pair(&mut self, key: &str, value: &dyn Encode) -> Result<(), Failed> {
        self.map
            .serialize_entry(key, &Serialized(value))
            .map_err(|error| {
                self.error = Some(error);
                Failed
            })
    }
}

/// Implements `Serialize` through `Encode`.
macro_rules! serialize_by_encode {
    ($name:ty) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::wire::encode::serialize(self, serializer)
            }
        }
    };
}
pub(crate) use serialize_by_encode;
