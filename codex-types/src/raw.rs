//! JSON text that is kept verbatim.

use alloc::borrow::Cow;
use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::marker::PhantomData;

use serde::de::{DeserializeOwned, DeserializeSeed, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::DecodeError;
use crate::halves::lossy;
use crate::wire::cursor::special;
use crate::wire::halves::Reader;

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
    let read = seed.deserialize(&mut fast);
    read.and_then(|value| fast.end().map(|()| value))
        .or_else(|error| {
            let lossy = lossy(json).ok_or(error)?;
            serde_json::from_str::<IgnoredAny>(json)?;
            seed.deserialize(&mut Reader::new(json, &lossy))
        })
        .map_err(|error| DecodeError::from_json(error, json))
}

/// Appends `text` to `json` as a JSON string.
pub(crate) fn push_string(json: &mut String, text: &str) {
    json.push('"');
    let mut rest = text;
    while let Some(at) = special(rest.as_bytes()) {
        json.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => json.push_str("\\\""),
            b'\\' => json.push_str("\\\\"),
            b'\n' => json.push_str("\\n"),
            b'\r' => json.push_str("\\r"),
            b'\t' => json.push_str("\\t"),
            0x08 => json.push_str("\\b"),
            0x0C => json.push_str("\\f"),
            control => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                json.push_str("\\u00");
                json.push(char::from(HEX[usize::from(control >> 4)]));
                json.push(char::from(HEX[usize::from(control & 15)]));
            }
        }
        rest = &rest[at + 1..];
    }
    json.push_str(rest);
    json.push('"');
}

/// Removes white space between the tokens of valid JSON.
fn compact(json: &str) -> Cow<'_, str> {
    if !json.bytes().any(is_space) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.bytes().position(|byte| is_space(byte) || byte == b'"') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('"') {
            let end = string_end(rest);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
        } else {
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Returns the length of the JSON string at the start of `json`, including quotes.
fn string_end(json: &str) -> usize {
    let bytes = json.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Returns whether objects and lists nest deeper than `limit` in valid JSON.
pub(crate) fn nests_deeper_than(json: &str, limit: usize) -> bool {
    let bytes = json.as_bytes();
    if !matches!(bytes.first(), Some(b'{' | b'[')) {
        return false;
    }
    let mut depth = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'{' | b'[' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                at += string_end(&json[at..]);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    false
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
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

    #[test]
    fn nesting_is_counted_outside_strings() {
        assert!(!nests_deeper_than("[[\"[[[[\"]]", 2));
        assert!(nests_deeper_than("[[[]]]", 2));
        assert!(!nests_deeper_than("\"[[[\"", 0));
    }
}
