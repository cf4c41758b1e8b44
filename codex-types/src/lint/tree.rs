//! A view of JSON text that knows the location of each value.
//!
//! The checks read the text that goes over the wire, not the types: a key of the wrong type or of
//! an unknown item is seen like any other, and its pointer is known at every step. The text is
//! already valid JSON, so reading it can only fail by nesting too deep.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::json::text::nests_deeper_than;
use crate::{DecodeError, RawJson};

/// The maximum nesting depth, as everywhere in this crate.
pub(crate) const DEPTH_LIMIT: usize = 128;

/// One value and its text.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    /// The text of the value.
    pub(crate) text: &'a str,
    pub(crate) value: Value<'a>,
}

#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl<'a> Node<'a> {
    /// Reads validated JSON; fails only if it nests too deep.
    pub(crate) fn read(raw: &'a RawJson) -> Result<Self, DecodeError> {
        let text = raw.as_str().trim();
        if nests_deeper_than(text, DEPTH_LIMIT) {
            return Err(DecodeError::too_deep());
        }
        Ok(Reader { text, at: 0 }.value())
    }

    /// Returns the value of `key`; the last one, if it occurs more than once.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.members()
            .iter()
            .rev()
            .find(|(name, _)| name == key)
            .map(|(_, node)| node)
    }

    /// Returns the value of `key`, unless it is null, which the API treats as absent.
    pub(crate) fn given(&self, key: &str) -> Option<&Self> {
        self.get(key).filter(|node| !node.is_null())
    }

    /// Returns the text under `key`; empty if there is none.
    pub(crate) fn text_of(&self, key: &str) -> &str {
        self.get(key).and_then(Self::as_text).unwrap_or_default()
    }

    pub(crate) fn members(&self) -> &[(Cow<'a, str>, Self)] {
        match &self.value {
            Value::Object(members) => members,
            _ => &[],
        }
    }

    pub(crate) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn as_f64(&self) -> Option<f64> {
        match self.value {
            Value::Number(text) => text.parse().ok(),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    pub(crate) fn is_object(&self) -> bool {
        matches!(self.value, Value::Object(_))
    }

    pub(crate) fn is_list(&self) -> bool {
        matches!(self.value, Value::List(_))
    }

    pub(crate) fn to_raw(&self) -> RawJson {
        RawJson::trusted(self.text.into())
    }

    /// Returns whether two values are equal, ignoring spelling and the order of keys.
    pub(crate) fn same(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(one), Value::Bool(two)) => one == two,
            (Value::Number(one), Value::Number(two)) => {
                one == two || self.as_f64() == other.as_f64()
            }
            (Value::Text(one), Value::Text(two)) => one == two,
            (Value::List(one), Value::List(two)) => {
                one.len() == two.len() && one.iter().zip(two).all(|(one, two)| one.same(two))
            }
            (Value::Object(one), Value::Object(two)) => {
                one.len() == two.len()
                    && one
                        .iter()
                        .all(|(name, node)| other.get(name).is_some_and(|twin| node.same(twin)))
            }
            _ => false,
        }
    }
}

/// A cursor over text that is known to be JSON.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self) -> Node<'a> {
        self.skip_space();
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => Value::Object(self.object()),
            Some(b'[') => Value::List(self.list()),
            Some(b'"') => Value::Text(self.string()),
            _ => self.scalar(),
        };
        Node {
            text: self.text.get(start..self.at).unwrap_or_default(),
            value,
        }
    }

    fn object(&mut self) -> Vec<(Cow<'a, str>, Node<'a>)> {
        let mut members = Vec::new();
        self.at += 1;
        loop {
            self.skip_space();
            match self.peek() {
                Some(b'"') => {}
                Some(b',') => {
                    self.at += 1;
                    continue;
                }
                _ => break,
            }
            let name = self.string();
            self.skip_space();
            // The colon.
            self.at += 1;
            members.push((name, self.value()));
        }
        self.at += 1;
        members
    }

    fn list(&mut self) -> Vec<Node<'a>> {
        let mut items = Vec::new();
        self.at += 1;
        loop {
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') | None => break,
                Some(_) => items.push(self.value()),
            }
        }
        self.at += 1;
        items
    }

    fn string(&mut self) -> Cow<'a, str> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut escaped = false;
        self.at += 1;
        while let Some(&byte) = bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    self.at += 1;
                }
                _ => {}
            }
        }
        let quoted = self.text.get(start..self.at).unwrap_or_default();
        if escaped {
            // A lone surrogate is the only valid JSON text that a string cannot represent.
            let resolved = serde_json::from_str::<String>(quoted);
            return resolved.map_or_else(|_| Cow::Borrowed(quoted), Cow::Owned);
        }
        let length = quoted.len();
        Cow::Borrowed(quoted.get(1..length.saturating_sub(1)).unwrap_or_default())
    }

    fn scalar(&mut self) -> Value<'a> {
        let start = self.at;
        while self
            .peek()
            .is_some_and(|byte| !matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r'))
        {
            self.at += 1;
        }
        match self.text.get(start..self.at).unwrap_or_default() {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            number => Value::Number(number),
        }
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}
