//! Values of an unknown kind.

use alloc::boxed::Box;
use alloc::string::String;

use crate::wire::encode::{Encode, Encoder, serialize_by_encode};
use crate::wire::key::Key;
use crate::wire::key::push_entry;
use crate::wire::known::Prelude;
use crate::wire::source::{Failed, Fields, next_name};
use crate::{HeapSize, RawJson};

/// An event, item, part, tool or other tagged value with a `type` that this version does not know.
///
/// It keeps everything that was read and is written back unchanged. A value without a `type`, or
/// one that is not an object, is kept in the same way.
///
/// ```
/// use codex_types::{OutputItem, RawJson};
///
/// let json = r#"{"type":"dream_call","id":"dr_1","depth":3}"#;
/// let item: OutputItem = RawJson::parse(json)?.decode()?;
/// let OutputItem::Unknown(unknown) = &item else { panic!("a dream_call is not known") };
/// assert_eq!(unknown.kind(), "dream_call");
/// assert_eq!(unknown.raw().as_str(), json);
/// assert_eq!(RawJson::encode(&item)?.as_str(), json);
/// # Ok::<(), codex_types::DecodeError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unknown {
    kind: Box<str>,
    raw: RawJson,
}

impl Unknown {
    /// Creates a value of an unknown kind from any JSON, which it keeps unchanged.
    pub fn new(raw: RawJson) -> Self {
        let kind = crate::json::scan::kind_of(raw.as_str()).unwrap_or_default();
        Self {
            kind: kind.into(),
            raw,
        }
    }

    /// Returns the value of `type`; empty if there is none or it is not a string.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Returns the whole value.
    pub fn raw(&self) -> &RawJson {
        &self.raw
    }

    /// Reads the rest of an object and keeps all of it.
    pub(crate) fn collect(prelude: Prelude, fields: &mut dyn Fields) -> Result<Self, Failed> {
        let mut json = String::from("{");
        let is_spelled = prelude.spelled.iter().any(|(key, _)| **key == *"type");
        let tag = prelude.tag.as_deref().filter(|_| !is_spelled);
        let tag = tag.map(|tag| (Key::from("type"), RawJson::string(tag)));
        for (key, value) in prelude.into_entries().chain(tag) {
            push_entry(&mut json, &key, &value);
        }
        while let Some(key) = next_name(fields)? {
            push_entry(&mut json, &key, &fields.raw()?);
        }
        json.push('}');
        Ok(Self::new(RawJson::trusted(json)))
    }
}

impl HeapSize for Unknown {
    fn heap_size(&self) -> usize {
        self.kind.len() + self.raw.heap_size()
    }
}

impl Encode for Unknown {
    fn encode(&self, encoder: &mut dyn Encoder) -> Result<(), Failed> {
        encoder.raw(&self.raw)
    }
}

serialize_by_encode!(Unknown);
