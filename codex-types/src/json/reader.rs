//! Reading JSON with lone surrogate halves, which serde_json refuses in strings.

use alloc::string::String;
use core::marker::PhantomData;
use core::ops::Range;

use serde::Deserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::value::RawValue;

use super::surrogates::lossy;
use crate::DecodeError;
use crate::error::DEPTH_LIMIT;

/// The name under which the types of this crate request a value: [`Reader`] then passes text with
/// lone halves as the bytes of its JSON. Other deserializers pass the value on unchanged.
pub(crate) const SPELLING: &str = "$codex_types::private::Spelling";

/// The name under which serde_json requests a [`RawValue`].
const RAW: &str = "$serde_json::private::RawValue";

/// Reads JSON as a `T`, with U+FFFD for each lone surrogate half.
pub(crate) fn parse<T: DeserializeOwned>(json: &str) -> Result<T, DecodeError> {
    parse_seed(json, PhantomData)
}

/// Reads JSON with a seed.
pub(crate) fn parse_seed<T, S>(json: &str, seed: S) -> Result<T, DecodeError>
where
    S: Copy + for<'de> DeserializeSeed<'de, Value = T>,
{
    let mut fast = serde_json::Deserializer::from_str(json);
    let error = match seed.deserialize(&mut fast) {
        Ok(value) => match fast.end() {
            Ok(()) => return Ok(value),
            Err(error) => error,
        },
        Err(error) => error,
    };
    let lossy = without_halves(json, error)?;
    let read = seed.deserialize(&mut Reader::new(json, &lossy));
    read.map_err(|error| DecodeError::from_json(error, json))
}

/// Returns JSON that serde_json could not read without its lone halves; the error if that is not
/// the cause.
fn without_halves(json: &str, error: serde_json::Error) -> Result<String, DecodeError> {
    lossy(json)
        .ok_or(error)
        .and_then(|lossy| serde_json::from_str::<IgnoredAny>(json).map(|_| lossy))
        .map_err(|error| DecodeError::from_json(error, json))
}

/// A deserializer of JSON in which some text has lone halves. It makes one pass through the text.
///
/// A sequence or map that has ended starts again if another value is requested: that value is the
/// whole sequence or map. So a list or map of strings can keep its JSON once it turns out to be
/// necessary.
pub(crate) struct Reader<'de> {
    json: &'de str,
    /// The text with `\ufffd` for each lone half.
    lossy: &'de str,
    at: usize,
    /// The number of further levels of nesting that are accepted, the same as in serde_json.
    depth: usize,
}

impl<'de> Reader<'de> {
    /// Creates a reader of `json`, which must be valid; `lossy` is the same with `\ufffd` for each
    /// lone half.
    pub(crate) fn new(json: &'de str, lossy: &'de str) -> Self {
        Self {
            json,
            lossy,
            at: 0,
            depth: 127,
        }
    }

    /// Returns the next byte that is not white space.
    fn peek(&mut self) -> u8 {
        let rest = self.json.as_bytes().get(self.at..).unwrap_or_default();
        let space = rest.iter().take_while(|byte| byte.is_ascii_whitespace());
        self.at += space.count();
        self.json
            .as_bytes()
            .get(self.at)
            .copied()
            .unwrap_or_default()
    }

    /// Skips one value.
    fn value(&mut self) -> Result<Range<usize>, serde_json::Error> {
        let rest = self.json.get(self.at..).unwrap_or_default();
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        let value = values.next().transpose()?;
        self.at += values.byte_offset();
        Ok(self.at - value.map_or(0, |raw| raw.get().len())..self.at)
    }

    /// Skips one value, and returns its JSON without the lone halves.
    fn lossy_value(
        &mut self,
    ) -> Result<serde_json::Deserializer<serde_json::de::StrRead<'de>>, serde_json::Error> {
        let lossy = self.lossy;
        Ok(serde_json::Deserializer::from_str(&lossy[self.value()?]))
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        let open = self.peek();
        if !matches!(open, b'{' | b'[') {
            return self.lossy_value()?.deserialize_any(visitor);
        }
        let start = self.at;
        let Some(depth) = self.depth.checked_sub(1) else {
            return Err(Error::custom(DEPTH_LIMIT));
        };
        self.depth = depth;
        self.at += 1;
        let mut members = Members {
            reader: self,
            start,
            ended: false,
        };
        let value = if open == b'{' {
            visitor.visit_map(&mut members)?
        } else {
            visitor.visit_seq(&mut members)?
        };
        if !members.ended {
            self.at = start;
            self.value()?;
        }
        self.depth += 1;
        Ok(value)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        let json = self.json;
        match name {
            RAW => serde_json::Deserializer::from_str(&json[self.value()?])
                .deserialize_newtype_struct(name, visitor),
            SPELLING if self.peek() == b'"' => {
                let text = self.value()?;
                if json[text.clone()] == self.lossy[text.clone()] {
                    serde_json::Deserializer::from_str(&json[text]).deserialize_str(visitor)
                } else {
                    visitor.visit_bytes(json[text].as_bytes())
                }
            }
            SPELLING => self.deserialize_any(visitor),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        if self.peek() == b'n' {
            self.deserialize_any(visitor)
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.lossy_value()?
            .deserialize_enum(name, variants, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.value()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier
    }
}

/// The members of a list or an object.
struct Members<'a, 'de> {
    reader: &'a mut Reader<'de>,
    start: usize,
    ended: bool,
}

impl Members<'_, '_> {
    /// Moves to the next element or key; returns false after the last one.
    fn next(&mut self) -> bool {
        if !self.ended {
            let next = self.reader.peek();
            self.ended = matches!(next, b']' | b'}' | 0);
            self.reader.at += usize::from(self.ended || next == b',');
        }
        !self.ended
    }
}

impl<'de> SeqAccess<'de> for Members<'_, 'de> {
    type Error = serde_json::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Self::Error> {
        if self.ended {
            self.reader.at = self.start;
        } else if !self.next() {
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

impl<'de> MapAccess<'de> for Members<'_, 'de> {
    type Error = serde_json::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Self::Error> {
        if !self.next() {
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, Self::Error> {
        if self.ended {
            self.reader.at = self.start;
        } else if self.reader.peek() == b':' {
            self.reader.at += 1;
        }
        seed.deserialize(&mut *self.reader)
    }
}
