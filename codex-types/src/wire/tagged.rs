//! Unions whose variant is named by the key `type`.

use alloc::borrow::Cow;

use serde::de::{DeserializeSeed, MapAccess};
use serde::{Deserializer, Serializer};

use super::key::{Key, KeySeed};
use super::object::{Object, Prelude, read_tagged};
use super::write::write_object;
use super::{Slot, Wire};
use crate::{Extra, RawJson};

/// The payload of a variant of a tagged union.
pub(crate) trait Payload: Sized {
    fn read<'de, A: MapAccess<'de>>(
        prelude: Prelude,
        canonical: &'static str,
        map: A,
    ) -> Result<Self, A::Error>;

    fn write<S: Serializer>(
        &self,
        canonical: &'static str,
        serializer: S,
    ) -> Result<S::Ok, S::Error>;

    fn extra(&self) -> &Extra;
}

impl<T: Object> Payload for T {
    fn read<'de, A: MapAccess<'de>>(
        prelude: Prelude,
        canonical: &'static str,
        map: A,
    ) -> Result<Self, A::Error> {
        read_tagged(prelude, canonical, map)
    }

    fn write<S: Serializer>(
        &self,
        canonical: &'static str,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        write_object(self, Some(canonical), serializer)
    }

    fn extra(&self) -> &Extra {
        Object::extra(self)
    }
}

/// Reads up to the tag.
///
/// The service nearly always writes `type` first; what precedes it is kept as text. `known` maps a
/// tag to the same text with a static lifetime, which saves an allocation.
pub(crate) fn read_prelude<'de, A: MapAccess<'de>>(
    map: &mut A,
    known: fn(&str) -> Option<&'static str>,
) -> Result<Prelude, A::Error> {
    let mut prelude = Prelude::default();
    // A `type` that is not a string is not a tag. Of several, the last is kept.
    let mut odd_tag = None;
    while let Some(name) =
        map.next_key_seed(KeySeed(|name: &str| (name == "type").then_some(())))?
    {
        match name {
            Ok(()) => match map.next_value_seed(TagSeed(known))? {
                Slot::Value(Tag(tag)) => {
                    prelude.tag = Some(tag);
                    return Ok(prelude);
                }
                Slot::Null => odd_tag = Some(RawJson::default()),
                Slot::Foreign(raw) => odd_tag = Some(raw),
                // Only an unknown kind has lone halves; `Unknown::collect` keeps its JSON.
                Slot::Spelled(spelled) => {
                    let (Tag(tag), raw) = *spelled;
                    prelude.tag = Some(tag);
                    prelude.spelled.push(("type".into(), raw));
                    return Ok(prelude);
                }
            },
            Err(Key::Plain(name)) => prelude.early.push((name, map.next_value()?)),
            Err(name) => prelude.spelled.push((name, map.next_value()?)),
        }
    }
    if let Some(raw) = odd_tag {
        prelude.early.insert(0, ("type".into(), raw));
    }
    Ok(prelude)
}

struct TagSeed(fn(&str) -> Option<&'static str>);

/// The text of a tag; it goes through [`Wire`], which handles tags that are not strings.
struct Tag(Cow<'static, str>);

impl<'de> DeserializeSeed<'de> for TagSeed {
    type Value = Slot<Tag>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let text = Tag::read(deserializer)?;
        Ok(text.map(|Tag(text)| match (self.0)(&text) {
            Some(known) => Tag(Cow::Borrowed(known)),
            None => Tag(text),
        }))
    }
}

impl serde::Serialize for Tag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl Wire for Tag {
    fn from_text(text: &str) -> Option<Self> {
        Some(Self(Cow::Owned(text.into())))
    }
}

/// Declares a tagged union.
///
/// ```text
/// tagged! {
///     /// Docs.
///     pub enum OutputItem {
///         /// Docs.
///         "compaction" | "compaction_summary" => Compaction(CompactionItem),
///     }
/// }
/// ```
///
/// The first tag is the one written for values built in code; others are kept as they were read.
/// Everything else becomes `Unknown`. With `untyped by function;` before the variants, the function
/// names the tag of an object that has none, from its keys.
macro_rules! tagged {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $(untyped by $untyped:path;)?
            $(
                $(#[$variant_meta:meta])*
                $tag:literal $(| $alias:literal)* => $variant:ident($payload:ty)
            ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum $name {
            $(
                $(#[$variant_meta])*
                $variant($payload),
            )*
            /// A kind that this version does not know, kept verbatim.
            Unknown($crate::Unknown),
        }

        impl $name {
            /// All `type`s that this version knows, including older names.
            pub const KINDS: &'static [&'static str] = &[$($tag, $($alias,)*)*];

            /// Returns the `type` of this variant; of an unknown value, the one that was read.
            pub fn kind(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $tag,)*
                    Self::Unknown(unknown) => unknown.kind(),
                }
            }

            /// Returns whether this is not [`Unknown`](Self::Unknown).
            pub fn is_known(&self) -> bool {
                !matches!(self, Self::Unknown(_))
            }

            /// Returns the unknown keys; `None` for an unknown value, which has no fields.
            pub fn extra(&self) -> Option<&$crate::Extra> {
                match self {
                    $(Self::$variant(value) => {
                        Some($crate::wire::tagged::Payload::extra(value))
                    })*
                    Self::Unknown(_) => None,
                }
            }

            pub(crate) fn known_kind(kind: &str) -> Option<&'static str> {
                match kind {
                    $($tag => Some($tag), $($alias => Some($alias),)*)*
                    _ => None,
                }
            }

            /// Reads the rest of an object whose kind the caller has determined.
            pub(crate) fn read_rest<'de, A: serde::de::MapAccess<'de>>(
                prelude: $crate::wire::object::Prelude,
                kind: Option<&str>,
                map: A,
            ) -> Result<Self, A::Error> {
                match kind {
                    $(Some($tag $(| $alias)*) => {
                        $crate::wire::tagged::Payload::read(prelude, $tag, map).map(Self::$variant)
                    })*
                    _ => $crate::Unknown::collect(prelude, map).map(Self::Unknown),
                }
            }
        }

        impl Default for $name {
            /// An unknown value that is `null`.
            fn default() -> Self {
                Self::Unknown($crate::Unknown::default())
            }
        }

        impl $crate::HeapSize for $name {
            fn heap_size(&self) -> usize {
                match self {
                    $(Self::$variant(value) => $crate::HeapSize::heap_size(value),)*
                    Self::Unknown(unknown) => $crate::HeapSize::heap_size(unknown),
                }
            }
        }

        impl $crate::wire::Wire for $name {
            fn from_map<'de, A: serde::de::MapAccess<'de>>(
                mut map: A,
            ) -> Result<$crate::wire::Slot<Self>, A::Error> {
                let prelude = $crate::wire::tagged::read_prelude(&mut map, Self::known_kind)?;
                let kind = prelude.tag.clone();
                let kind = kind.as_deref();
                $(let kind = kind.or_else(|| $untyped(&prelude.early));)?
                Self::read_rest(prelude, kind, map).map($crate::wire::Slot::Value)
            }

            fn absorb(raw: $crate::RawJson) -> Result<Self, $crate::RawJson> {
                Ok(Self::Unknown($crate::Unknown::new(raw)))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$variant(value) => {
                        $crate::wire::tagged::Payload::write(value, $tag, serializer)
                    })*
                    Self::Unknown(unknown) => unknown.serialize(serializer),
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::wire::deserialize(deserializer, stringify!($name))
            }
        }
    };
}
pub(crate) use tagged;

/// Implements `From` for each variant whose payload occurs only once in a union.
macro_rules! from_variants {
    ($name:ident { $($variant:ident($payload:ty)),* $(,)? }) => {
        $(
            impl From<$payload> for $name {
                fn from(value: $payload) -> Self {
                    Self::$variant(value)
                }
            }
        )*
    };
}
pub(crate) use from_variants;
