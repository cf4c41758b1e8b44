//! Reading, writing and replacing the fields of objects.

use alloc::string::String;

use super::encode::{Encode, Pairs};
use super::read::{Seen, Wire, read, settle};
use super::source::{Failed, Source};
use super::text::to_json;
use crate::json::surrogates::lossy;
use crate::{Extra, HeapSize, RawJson};

/// A field of an object: plain when the service always sends the key, an `Option` otherwise.
///
/// The functions below do the work, once for all types of fields.
pub(crate) trait Field: HeapSize {
    /// Empties the field and returns the value to read into.
    fn begin(&mut self) -> &mut dyn Wire;

    /// Empties the field.
    fn clear(&mut self);

    /// Returns the value to write. A plain field always has one, unless its key was missing or null
    /// and it is still empty.
    fn value(&self, was_missing: bool) -> Option<&dyn Encode>;
}

impl<T: Wire + Default + PartialEq + HeapSize> Field for T {
    fn begin(&mut self) -> &mut dyn Wire {
        *self = Self::default();
        self
    }

    fn clear(&mut self) {
        *self = Self::default();
    }

    fn value(&self, was_missing: bool) -> Option<&dyn Encode> {
        if was_missing && *self == Self::default() {
            return None;
        }
        Some(self)
    }
}

impl<T: Wire + Default + HeapSize> Field for Option<T> {
    fn begin(&mut self) -> &mut dyn Wire {
        self.insert(T::default())
    }

    fn clear(&mut self) {
        *self = None;
    }

    fn value(&self, _: bool) -> Option<&dyn Encode> {
        match self {
            Some(value) => Some(value),
            None => None,
        }
    }
}

/// Reads the value of a key, which may be repeated. The field is empty afterwards if the value does
/// not fit.
pub(crate) fn read_field(field: &mut dyn Field, source: &mut dyn Source) -> Result<Seen, Failed> {
    let value = field.begin();
    let seen = read(value, source)?;
    let seen = settle(value, seen, false);
    if let Seen::Null | Seen::Foreign(_) = seen {
        field.clear();
    }
    Ok(seen)
}

/// Writes a field unless it is empty; returns its bit if it was written.
pub(crate) fn write_field(
    value: Option<&dyn Encode>,
    name: &str,
    bit: u64,
    extra: &Extra,
    pairs: &mut dyn Pairs,
) -> Result<u64, Failed> {
    match value {
        Some(value) => write_value(name, value, extra, pairs)?,
        None if extra.is_null(bit) => pairs.pair(name, &())?,
        None => return Ok(0),
    }
    Ok(bit)
}

fn write_value(
    name: &str,
    value: &dyn Encode,
    extra: &Extra,
    pairs: &mut dyn Pairs,
) -> Result<(), Failed> {
    if extra.has_spellings()
        && let Some(raw) = extra.spelling(name)
        && is_spelling_of(raw, value)
    {
        return pairs.pair(name, raw);
    }
    pairs.pair(name, value)
}

/// Returns whether `raw`, which has lone halves, is still the JSON of `value`, which was read from
/// it.
#[cold]
#[inline(never)]
fn is_spelling_of(raw: &RawJson, value: &dyn Encode) -> bool {
    let parse = |json: &str| serde_json::from_str::<serde_json::Value>(json).ok();
    let read = lossy(raw.as_str()).and_then(|lossy| parse(&lossy));
    read.is_some() && read == parse(&to_json(value))
}

/// The value of a field that is an `Option` in some types and plain in others.
pub(crate) trait Get<'a, T> {
    fn get(&'a self) -> Option<T>;
}

impl<'a> Get<'a, &'a str> for String {
    fn get(&'a self) -> Option<&'a str> {
        Some(self)
    }
}

impl<'a> Get<'a, &'a str> for Option<String> {
    fn get(&'a self) -> Option<&'a str> {
        self.as_deref()
    }
}

impl<'a, T> Get<'a, &'a T> for Option<T> {
    fn get(&'a self) -> Option<&'a T> {
        self.as_ref()
    }
}

impl Get<'_, u32> for Option<u32> {
    fn get(&self) -> Self {
        *self
    }
}
