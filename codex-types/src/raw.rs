//! JSON text that is kept verbatim.

use alloc::borrow::Cow;
use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::json::reader::parse;
use crate::json::text::{compact, push_string};
use crate::{DecodeError, HeapSize};

/// A JSON value, kept as the text that it was read from.
///
/// Everything that this crate does not model is a `RawJson` and is written back unchanged,
/// including number spelling, key order and escapes. Two values are equal if their texts are equal.
///
/// Reading or writing a `RawJson` through serde works with JSON only, because other formats cannot
/// carry JSON text verbatim.
///
/// ```
/// use codex_types::RawJson;
///
/// let raw = RawJson::parse(r#"{"ratio": 1.50}"#)?;
/// assert_eq!(raw.as_str(), r#"{"ratio": 1.50}"#);
/// assert_eq!(raw.to_compact(), r#"{"ratio":1.50}"#);
/// # Ok::<(), codex_types::DecodeError>(())
/// ```
#[derive(Clone)]
pub struct RawJson(Box<RawValue>);

impl RawJson {
    /// Checks that `text` is one JSON value and stores it.
    ///
    /// # Errors
    ///
    /// Returns an error if `text` is not exactly one JSON value, apart from surrounding white
    /// space.
    pub fn parse(text: &str) -> Result<Self, DecodeError> {
        match serde_json::from_str::<&RawValue>(text) {
            Ok(raw) => Ok(Self(raw.to_owned())),
            Err(error) => Err(DecodeError::from_json(error, text)),
        }
    }

    /// Serializes `value` as JSON and stores the text.
    ///
    /// # Errors
    ///
    /// Returns an error if `value` cannot be represented in JSON, such as a map whose keys are not
    /// strings.
    ///
    /// # Examples
    ///
    /// ```
    /// let raw = codex_types::RawJson::encode(&[1, 2])?;
    /// assert_eq!(raw.as_str(), "[1,2]");
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Self, DecodeError> {
        serde_json::value::to_raw_value(value)
            .map(Self)
            .map_err(DecodeError::unwritable)
    }

    /// Creates a JSON string from `text`.
    pub fn string(text: &str) -> Self {
        let mut json = String::with_capacity(text.len() + 2);
        push_string(&mut json, text);
        Self::trusted(json)
    }

    /// Returns the text, exactly as it was read.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Returns whether the value is `null`.
    pub fn is_null(&self) -> bool {
        self.as_str() == "null"
    }

    /// Decodes the value as a `T`. A lone surrogate half, such as `\ud83d`, becomes U+FFFD in text.
    ///
    /// # Errors
    ///
    /// Returns an error if the value is not a `T`.
    ///
    /// # Examples
    ///
    /// ```
    /// let raw = codex_types::RawJson::parse("[3, 4]")?;
    /// assert_eq!(raw.decode::<Vec<u8>>()?, [3, 4]);
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        parse(self.as_str())
    }

    /// Returns the text without white space between its tokens, so that it fits on one line.
    pub fn to_compact(&self) -> Cow<'_, str> {
        compact(self.as_str())
    }

    /// Wraps text that this crate assembled from valid parts; anything else becomes `null`.
    pub(crate) fn trusted(json: String) -> Self {
        RawValue::from_string(json).map_or_else(|_| Self::default(), Self)
    }
}

impl Default for RawJson {
    /// Returns the value `null`.
    fn default() -> Self {
        Self(RawValue::NULL.to_owned())
    }
}

impl PartialEq for RawJson {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for RawJson {}

impl HeapSize for RawJson {
    fn heap_size(&self) -> usize {
        self.as_str().len()
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl core::str::FromStr for RawJson {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, DecodeError> {
        Self::parse(text)
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn compaction_touches_nothing_inside_strings() {
        let raw = RawJson::parse("{ \"a b\" : [ 1 ,\n\t\"x \\\" y\" ] }").unwrap();
        assert_eq!(raw.to_compact(), "{\"a b\":[1,\"x \\\" y\"]}");
    }

    #[test]
    fn strings_are_escaped() {
        let raw = RawJson::string("a\"b\\c\nd\u{1}é");
        assert_eq!(raw.to_string(), "\"a\\\"b\\\\c\\nd\\u0001é\"");
        assert_eq!(raw.decode::<String>().unwrap(), "a\"b\\c\nd\u{1}é");
    }
}
