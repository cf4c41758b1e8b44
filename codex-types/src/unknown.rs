//! Values of an unknown kind.

use alloc::boxed::Box;
use alloc::string::String;

use serde::de::MapAccess;
use serde::{Serialize, Serializer};

use crate::RawJson;
use crate::wire::key::Key;
use crate::wire::object::Prelude;
use crate::wire::push_entry;

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
    /// Wraps `raw`, whatever it is.
    pub fn new(raw: RawJson) -> Self {
        let kind = crate::event::scan::kind_of(raw.as_str()).unwrap_or_default();
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
    pub(crate) fn collect<'de, A: MapAccess<'de>>(
        prelude: Prelude,
        mut map: A,
    ) -> Result<Self, A::Error> {
        let mut json = String::from("{");
        let is_spelled = prelude.spelled.iter().any(|(key, _)| **key == *"type");
        let tag = prelude.tag.as_deref().filter(|_| !is_spelled);
        let tag = tag.map(|tag| (Key::from("type"), RawJson::string(tag)));
        for (key, value) in prelude.into_entries().chain(tag) {
            push_entry(&mut json, &key, &value);
        }
        while let Some((key, value)) = map.next_entry::<Key, RawJson>()? {
            push_entry(&mut json, &key, &value);
        }
        json.push('}');
        Ok(Self::new(RawJson::trusted(json)))
    }
}

impl Serialize for Unknown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw.serialize(serializer)
    }
}
