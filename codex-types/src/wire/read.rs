//! Reading a type from any JSON value.

use alloc::boxed::Box;
use alloc::string::String;

use serde::Deserializer;
use serde::de::Error;

use super::encode::Encode;
use super::key::push_entry;
use super::source::{Elements, Failed, Fields, Scalar, Sink, Source, Whole, next_name};
use crate::{Number, RawJson};

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
/// A type accepts the JSON forms for which it overrides a method; other forms are returned as
/// [`Slot::Foreign`].
pub(crate) trait Wire: Sized + Encode {
    fn read(source: &mut dyn Source) -> Result<Slot<Self>, Failed> {
        let mut target = Target(Slot::Null);
        source.read(&mut target)?;
        Ok(target.0)
    }

    /// Accepts text, a number or a boolean, or returns it.
    fn from_scalar(scalar: Scalar<'_>) -> Result<Self, Scalar<'_>> {
        Err(scalar)
    }

    fn from_list(elements: &mut dyn Elements) -> Result<Slot<Self>, Failed> {
        foreign_list(String::from("["), elements).map(Slot::Foreign)
    }

    fn from_object(fields: &mut dyn Fields) -> Result<Slot<Self>, Failed> {
        Ok(match foreign_object(fields)? {
            Foreign::Json(raw) => Slot::Foreign(raw),
            Foreign::Number(number, raw) => match Self::from_scalar(Scalar::Number(number)) {
                Ok(taken) => Slot::Value(taken),
                Err(_) => Slot::Foreign(raw),
            },
        })
    }

    /// Accepts a value of another type where one is required, such as an element of a list, if the
    /// type can.
    fn absorb(raw: RawJson) -> Result<Self, RawJson> {
        Err(raw)
    }
}

/// A sink that offers a value to a type and holds the result.
pub(crate) struct Target<T>(pub(crate) Slot<T>);

impl<T: Wire> Sink for Target<T> {
    fn scalar(&mut self, scalar: Scalar<'_>) {
        self.0 = match scalar {
            Scalar::Null => Slot::Null,
            Scalar::Spelled(text, raw) => match T::from_scalar(Scalar::Owned(text)) {
                Ok(taken) => Slot::spelled(taken, raw),
                Err(_) => Slot::Foreign(raw),
            },
            other => match T::from_scalar(other) {
                Ok(taken) => Slot::Value(taken),
                Err(other) => Slot::Foreign(other.into_raw()),
            },
        };
    }

    fn list(&mut self, elements: &mut dyn Elements) -> Result<(), Failed> {
        self.0 = T::from_list(elements)?;
        Ok(())
    }

    fn object(&mut self, fields: &mut dyn Fields) -> Result<(), Failed> {
        self.0 = T::from_object(fields)?;
        Ok(())
    }
}

/// Implements `Deserialize` for every type of this crate. Fails only if `absorb` refuses the value
/// too.
pub(crate) fn deserialize<'de, T: Wire, D: Deserializer<'de>>(
    deserializer: D,
    expected: &'static str,
) -> Result<T, D::Error> {
    let mut source = Whole::new(deserializer);
    match T::read(&mut source) {
        Ok(slot) => settle(slot)
            .ok_or_else(|| Error::custom(format_args!("this value cannot be read as {expected}"))),
        Err(Failed) => Err(source.into_error()),
    }
}

fn settle<T: Wire>(slot: Slot<T>) -> Option<T> {
    let foreign = match slot {
        Slot::Value(value) => return Some(value),
        // Nothing around the value can keep its JSON.
        Slot::Spelled(spelled) => return Some(T::absorb(spelled.1).unwrap_or(spelled.0)),
        Slot::Null => RawJson::default(),
        Slot::Foreign(raw) => raw,
    };
    T::absorb(foreign).ok()
}

/// Rebuilds the text of a list of which `json` already holds the start.
pub(crate) fn foreign_list(
    mut json: String,
    elements: &mut dyn Elements,
) -> Result<RawJson, Failed> {
    while let Some(value) = elements.next_raw()? {
        if json.len() > 1 {
            json.push(',');
        }
        json.push_str(value.as_str());
    }
    json.push(']');
    Ok(RawJson::trusted(json))
}

/// An object that a type does not accept.
pub(crate) enum Foreign {
    Json(RawJson),
    /// A number that was passed as an object, and its JSON.
    Number(Number, RawJson),
}

impl Foreign {
    pub(crate) fn into_raw(self) -> RawJson {
        match self {
            Self::Json(raw) | Self::Number(_, raw) => raw,
        }
    }
}

/// Rebuilds the text of an object.
///
/// If any crate in the build enables serde_json's `arbitrary_precision`, numbers arrive as objects
/// with one private key. They are recognized here, so that the feature changes nothing.
pub(crate) fn foreign_object(fields: &mut dyn Fields) -> Result<Foreign, Failed> {
    const ARBITRARY_PRECISION: &str = "$serde_json::private::Number";

    let mut json = String::from("{");
    while let Some(key) = next_name(fields)? {
        if json.len() == 1 && *key == *ARBITRARY_PRECISION {
            let mut text = Target(Slot::<String>::Null);
            fields.read(&mut text)?;
            if let Slot::Value(text) = text.0 {
                return Ok(spelled_number(text));
            }
        }
        let value = fields.raw()?;
        push_entry(&mut json, &key, &value);
    }
    json.push('}');
    Ok(Foreign::Json(RawJson::trusted(json)))
}

fn spelled_number(text: String) -> Foreign {
    let number = if let Ok(value) = text.parse::<u64>() {
        Some(Number::from(value))
    } else if let Ok(value) = text.parse::<i64>() {
        Some(Number::from(value))
    } else {
        text.parse::<f64>().ok().map(Number::from)
    };
    let raw = RawJson::trusted(text);
    match number {
        Some(number) => Foreign::Number(number, raw),
        None => Foreign::Json(raw),
    }
}

impl Wire for RawJson {
    fn read(source: &mut dyn Source) -> Result<Slot<Self>, Failed> {
        let raw = source.raw()?;
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
