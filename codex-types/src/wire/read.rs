//! Reading a type from any JSON value.

use alloc::string::String;

use serde::Deserializer;
use serde::de::Error;

use super::encode::Encode;
use super::key::push_entry;
use super::source::{Elements, Failed, Fields, Scalar, Sink, Source, Whole, next_name};
use crate::{Number, RawJson};

/// The form of a value, compared with the type that it was read as.
pub(crate) enum Seen {
    Value,
    /// Text with lone surrogate halves: the value shows U+FFFD for each, and this is its JSON.
    Spelled(RawJson),
    Null,
    /// Something else, verbatim.
    Foreign(RawJson),
}

/// A type that can be read from any JSON value: it accepts the value or returns it.
///
/// A type accepts the JSON forms for which it overrides a method; other forms are returned as
/// [`Seen::Foreign`]. Every method reads into a value that is the default one. If it does not
/// accept what it is given, the value may be half of something and must not be used.
///
/// Values are read in place, so that the code around them is compiled once and not for each type.
pub(crate) trait Wire: Encode {
    /// Accepts text, a number or a boolean, or returns it.
    fn read_scalar<'a>(&mut self, scalar: Scalar<'a>) -> Result<(), Scalar<'a>> {
        Err(scalar)
    }

    fn read_list(&mut self, elements: &mut dyn Elements) -> Result<Seen, Failed> {
        refuse_list(elements)
    }

    fn read_object(&mut self, fields: &mut dyn Fields) -> Result<Seen, Failed> {
        refuse_object(fields, &mut |number| self.read_scalar(number).is_ok())
    }

    /// Accepts a value of another type where one is required, such as an element of a list, if the
    /// type can.
    fn absorb(&mut self, raw: RawJson) -> Result<(), RawJson> {
        Err(raw)
    }

    /// Returns the value if it is JSON, which is read as a whole.
    fn verbatim(&mut self) -> Option<&mut RawJson> {
        None
    }
}

/// Reads a value in any form.
pub(crate) fn read(value: &mut dyn Wire, source: &mut dyn Source) -> Result<Seen, Failed> {
    if let Some(json) = value.verbatim() {
        *json = source.raw()?;
        return Ok(if json.is_null() {
            Seen::Null
        } else {
            Seen::Value
        });
    }
    let mut target = Target {
        value,
        seen: Seen::Null,
    };
    source.read(&mut target)?;
    Ok(target.seen)
}

/// A sink that offers a value to a type and holds the result.
struct Target<'a> {
    value: &'a mut dyn Wire,
    seen: Seen,
}

impl Sink for Target<'_> {
    fn scalar(&mut self, scalar: Scalar<'_>) {
        self.seen = accept(self.value, scalar);
    }

    fn list(&mut self, elements: &mut dyn Elements) -> Result<(), Failed> {
        self.seen = self.value.read_list(elements)?;
        Ok(())
    }

    fn object(&mut self, fields: &mut dyn Fields) -> Result<(), Failed> {
        self.seen = self.value.read_object(fields)?;
        Ok(())
    }
}

/// Offers a scalar to a type.
pub(crate) fn accept(value: &mut dyn Wire, scalar: Scalar<'_>) -> Seen {
    match scalar {
        Scalar::Null => Seen::Null,
        Scalar::Spelled(text, raw) => match value.read_scalar(Scalar::Owned(text)) {
            Ok(()) => Seen::Spelled(raw),
            Err(_) => Seen::Foreign(raw),
        },
        other => match value.read_scalar(other) {
            Ok(()) => Seen::Value,
            Err(other) => Seen::Foreign(other.into_raw()),
        },
    }
}

/// Offers a value to a type that may keep it although it has another form. Where a value is
/// `required`, this includes null.
pub(crate) fn settle(value: &mut dyn Wire, seen: Seen, required: bool) -> Seen {
    let foreign = match seen {
        Seen::Null if required => RawJson::default(),
        Seen::Foreign(raw) => raw,
        seen => return seen,
    };
    match value.absorb(foreign) {
        Ok(()) => Seen::Value,
        Err(raw) => Seen::Foreign(raw),
    }
}

/// Implements `Deserialize` for every type of this crate. Fails only if `absorb` refuses the value
/// too.
pub(crate) fn deserialize<'de, T: Wire + Default, D: Deserializer<'de>>(
    deserializer: D,
    expected: &'static str,
) -> Result<T, D::Error> {
    let mut value = T::default();
    deserialize_into(&mut value, deserializer, expected)?;
    Ok(value)
}

fn deserialize_into<'de, D: Deserializer<'de>>(
    value: &mut dyn Wire,
    deserializer: D,
    expected: &'static str,
) -> Result<(), D::Error> {
    let mut source = Whole::new(deserializer);
    match read_alone(value, &mut source) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::custom(format_args!(
            "this value cannot be read as {expected}"
        ))),
        Err(Failed) => Err(source.into_error()),
    }
}

/// Reads a value that no object or list surrounds; returns whether its type accepts it.
fn read_alone(value: &mut dyn Wire, source: &mut dyn Source) -> Result<bool, Failed> {
    let seen = read(value, source)?;
    Ok(match settle(value, seen, true) {
        Seen::Value => true,
        Seen::Spelled(raw) => {
            // Nothing around the value can keep its JSON. If its type cannot either, it stays.
            let _unless_it_can = value.absorb(raw);
            true
        }
        Seen::Null | Seen::Foreign(_) => false,
    })
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

// Not inline, since nearly every type refuses lists, and many refuse objects.
#[inline(never)]
fn refuse_list(elements: &mut dyn Elements) -> Result<Seen, Failed> {
    foreign_list(String::from("["), elements).map(Seen::Foreign)
}

/// Returns an object as foreign, unless it stands for a number that the type accepts.
#[inline(never)]
fn refuse_object(
    fields: &mut dyn Fields,
    accept: &mut dyn FnMut(Scalar<'static>) -> bool,
) -> Result<Seen, Failed> {
    Ok(match foreign_object(fields)? {
        Foreign::Number(number, _) if accept(Scalar::Number(number)) => Seen::Value,
        foreign => Seen::Foreign(foreign.into_raw()),
    })
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
            let mut text = String::new();
            if let Seen::Value = read(&mut text, fields)? {
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
    fn verbatim(&mut self) -> Option<&mut RawJson> {
        Some(self)
    }

    fn absorb(&mut self, raw: RawJson) -> Result<(), RawJson> {
        *self = raw;
        Ok(())
    }
}
