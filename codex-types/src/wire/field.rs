//! Reading, writing and replacing the fields of objects.

use alloc::string::String;

use super::encode::{Encode, Pairs};
use super::read::{Seen, Wire, read, settle};
use super::source::{Failed, Source};
use super::text::to_json;
use crate::json::surrogates::lossy;
use crate::{Extra, RawJson};

/// A field of an object: plain when the service always sends the key, an `Option` otherwise.
pub(crate) trait Field {
    /// Reads the value; the field is empty afterwards if the value does not fit.
    fn read_into(&mut self, source: &mut dyn Source) -> Result<Seen, Failed>;

    /// Writes the field unless it is empty; returns its bit if it was written.
    fn write(
        &self,
        name: &str,
        bit: u64,
        extra: &Extra,
        pairs: &mut dyn Pairs,
    ) -> Result<u64, Failed>;

    /// Replaces the field with a newer one that has a value, and returns whether it did.
    fn take_over(&mut self, newer: &mut Self, bit: u64, extra: &Extra) -> bool;
}

impl<T: Wire + Default + PartialEq> Field for T {
    fn read_into(&mut self, source: &mut dyn Source) -> Result<Seen, Failed> {
        // The key may be repeated.
        *self = Self::default();
        let seen = read_field(self, source)?;
        if let Seen::Null | Seen::Foreign(_) = seen {
            *self = Self::default();
        }
        Ok(seen)
    }

    fn write(
        &self,
        name: &str,
        bit: u64,
        extra: &Extra,
        pairs: &mut dyn Pairs,
    ) -> Result<u64, Failed> {
        if extra.is_absent(bit) && *self == T::default() {
            return Ok(0);
        }
        if extra.is_null(bit) && *self == T::default() {
            pairs.pair(name, &())?;
        } else {
            write_value(name, self, extra, pairs)?;
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

impl<T: Wire + Default> Field for Option<T> {
    fn read_into(&mut self, source: &mut dyn Source) -> Result<Seen, Failed> {
        let seen = read_field(self.insert(T::default()), source)?;
        if let Seen::Null | Seen::Foreign(_) = seen {
            *self = None;
        }
        Ok(seen)
    }

    fn write(
        &self,
        name: &str,
        bit: u64,
        extra: &Extra,
        pairs: &mut dyn Pairs,
    ) -> Result<u64, Failed> {
        match self {
            Some(value) => write_value(name, value, extra, pairs)?,
            None if extra.is_null(bit) => pairs.pair(name, &())?,
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

fn read_field(value: &mut dyn Wire, source: &mut dyn Source) -> Result<Seen, Failed> {
    let seen = read(value, source)?;
    Ok(settle(value, seen, false))
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
