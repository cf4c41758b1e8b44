//! Unions whose variant is named by the key `type`.

use alloc::borrow::Cow;
use alloc::string::String;

use super::encode::Encoder;
use super::key::Key;
use super::known::{Object, Prelude, read_tagged};
use super::read::{foreign_list, foreign_object};
use super::source::{Elements, Failed, Fields, Scalar, Sink};
use super::write::write_object;
use crate::{Extra, RawJson};

/// The payload of a variant of a tagged union.
pub(crate) trait Payload {
    /// Returns a payload to read into.
    fn vacant() -> Self
    where
        Self: Sized;

    fn read(
        &mut self,
        prelude: Prelude,
        canonical: &'static str,
        fields: &mut dyn Fields,
    ) -> Result<(), Failed>;

    fn write(&self, canonical: &'static str, encoder: &mut dyn Encoder) -> Result<(), Failed>;

    fn extra(&self) -> &Extra;
}

impl<T: Object + Default> Payload for T {
    fn vacant() -> Self {
        Self::default()
    }

    fn read(
        &mut self,
        prelude: Prelude,
        canonical: &'static str,
        fields: &mut dyn Fields,
    ) -> Result<(), Failed> {
        read_tagged(self, prelude, canonical, fields)
    }

    fn write(&self, canonical: &'static str, encoder: &mut dyn Encoder) -> Result<(), Failed> {
        write_object(self, Some(canonical), encoder)
    }

    fn extra(&self) -> &Extra {
        Object::extra(self)
    }
}

/// Reads up to the tag.
///
/// The service nearly always writes `type` first; keys before it are set aside as text. `known`
/// maps a tag to the same text with a static lifetime, which avoids allocating it.
pub(crate) fn read_prelude(
    fields: &mut dyn Fields,
    known: fn(&str) -> Option<&'static str>,
) -> Result<Prelude, Failed> {
    let mut prelude = Prelude::default();
    // A `type` that is not a string is not a tag. Of several, the last is kept.
    let mut odd_tag = None;
    while let Some(name) = fields.key(&|name| (name == "type").then_some(0))? {
        match name {
            Ok(_) => {
                let mut tag = Tag { known, read: None };
                fields.read(&mut tag)?;
                match tag.read {
                    Some(Ok((text, spelling))) => {
                        prelude.tag = Some(text);
                        // Only an unknown kind has lone halves; `Unknown::collect` keeps its JSON.
                        let spelling = spelling.map(|raw| ("type".into(), raw));
                        prelude.spelled.extend(spelling);
                        return Ok(prelude);
                    }
                    Some(Err(raw)) => odd_tag = Some(raw),
                    None => {}
                }
            }
            Err(Key::Plain(name)) => prelude.early.push((name, fields.raw()?)),
            Err(name) => prelude.spelled.push((name, fields.raw()?)),
        }
    }
    if let Some(raw) = odd_tag {
        prelude.early.insert(0, ("type".into(), raw));
    }
    Ok(prelude)
}

/// A reader of a tag.
struct Tag {
    known: fn(&str) -> Option<&'static str>,
    read: Option<Result<Named, RawJson>>,
}

/// The text of a tag, with its JSON if that has lone halves.
type Named = (Cow<'static, str>, Option<RawJson>);

impl Sink for Tag {
    fn scalar(&mut self, scalar: Scalar<'_>) {
        let owned = |text: &str| match (self.known)(text) {
            Some(known) => Cow::Borrowed(known),
            None => Cow::Owned(text.into()),
        };
        self.read = Some(match scalar {
            Scalar::Text(text) => Ok((owned(text), None)),
            Scalar::Owned(text) => Ok((owned(&text), None)),
            Scalar::Spelled(text, raw) => Ok((owned(&text), Some(raw))),
            other => Err(other.into_raw()),
        });
    }

    fn list(&mut self, elements: &mut dyn Elements) -> Result<(), Failed> {
        self.read = Some(Err(foreign_list(String::from("["), elements)?));
        Ok(())
    }

    fn object(&mut self, fields: &mut dyn Fields) -> Result<(), Failed> {
        self.read = Some(Err(foreign_object(fields)?.into_raw()));
        Ok(())
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
/// Everything else becomes `Unknown`. Each payload converts into the union. A
/// variant may hold its payload in a [`Boxed`](crate::Boxed). Two clauses may stand before the
/// variants:
///
/// - `untyped by function;`: the function names the tag of an object that has none, from its keys.
/// - `shared { pub enum Kinds; dyn Trait }`: variants share payloads, so that none converts into
///   the union. `Kinds` becomes an open enumeration of the first tags, and the method `payload`
///   returns the payload as a `Trait`, which all of them implement.
macro_rules! tagged {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $(untyped by $untyped:path;)?
            $(shared { $($shared:tt)* })?
            $(
                $(#[$variant_meta:meta])*
                $tag:literal $(| $alias:literal)* => $variant:ident($($payload:tt)+)
            ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug)]
        #[non_exhaustive]
        pub enum $name {
            $(
                $(#[$variant_meta])*
                $variant($($payload)+),
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
                self.known().ok().map(|(_, known)| known.extra())
            }

            /// Returns the tag and the payload of a known kind.
            fn known(
                &self,
            ) -> Result<(&'static str, &dyn $crate::wire::tagged::Payload), &$crate::Unknown> {
                match self {
                    $(Self::$variant(value) => Ok(($tag, value)),)*
                    Self::Unknown(unknown) => Err(unknown),
                }
            }

            pub(crate) fn known_kind(kind: &str) -> Option<&'static str> {
                match kind {
                    $($tag => Some($tag), $($alias => Some($alias),)*)*
                    _ => None,
                }
            }

            /// Reads the rest of an object whose kind is known to the caller.
            pub(crate) fn read_rest(
                &mut self,
                prelude: $crate::wire::known::Prelude,
                kind: Option<&str>,
                fields: &mut dyn $crate::wire::source::Fields,
            ) -> Result<(), $crate::wire::source::Failed> {
                use $crate::wire::tagged::Payload;
                let canonical = match kind {
                    $(Some($tag $(| $alias)*) => {
                        *self = Self::$variant(Payload::vacant());
                        $tag
                    })*
                    _ => {
                        *self = Self::Unknown($crate::Unknown::collect(prelude, fields)?);
                        return Ok(());
                    }
                };
                let payload: &mut dyn Payload = match self {
                    $(Self::$variant(value) => value,)*
                    Self::Unknown(_) => return Ok(()),
                };
                payload.read(prelude, canonical, fields)
            }
        }

        // Derived, these would be inline: each crate would compile them again, with all variants.
        impl Clone for $name {
            fn clone(&self) -> Self {
                match self {
                    $(Self::$variant(value) => Self::$variant(Clone::clone(value)),)*
                    Self::Unknown(unknown) => Self::Unknown(Clone::clone(unknown)),
                }
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                match (self, other) {
                    $((Self::$variant(value), Self::$variant(other)) => value == other,)*
                    (Self::Unknown(value), Self::Unknown(other)) => value == other,
                    _ => false,
                }
            }
        }

        impl Default for $name {
            /// Returns an unknown value that is `null`.
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

        impl $crate::wire::read::Wire for $name {
            fn read_object(
                &mut self,
                fields: &mut dyn $crate::wire::source::Fields,
            ) -> Result<$crate::wire::read::Seen, $crate::wire::source::Failed> {
                let prelude = $crate::wire::tagged::read_prelude(fields, Self::known_kind)?;
                let kind = prelude.tag.clone();
                let kind = kind.as_deref();
                $(let kind = kind.or_else(|| $untyped(&prelude.early));)?
                self.read_rest(prelude, kind, fields)?;
                Ok($crate::wire::read::Seen::Value)
            }

            fn absorb(&mut self, raw: $crate::RawJson) -> Result<(), $crate::RawJson> {
                *self = Self::Unknown($crate::Unknown::new(raw));
                Ok(())
            }
        }

        impl $crate::wire::encode::Encode for $name {
            fn encode(
                &self,
                encoder: &mut dyn $crate::wire::encode::Encoder,
            ) -> Result<(), $crate::wire::source::Failed> {
                match self.known() {
                    Ok((tag, known)) => known.write(tag, encoder),
                    Err(unknown) => $crate::wire::encode::Encode::encode(unknown, encoder),
                }
            }
        }

        $crate::wire::encode::serialize_by_encode!($name);

        $crate::wire::tagged::payloads! {
            [$($($shared)*)?]
            $name { $($variant($($payload)+) = $tag,)* }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::wire::read::deserialize(deserializer, stringify!($name))
            }
        }
    };
}
pub(crate) use tagged;

/// The part of a union that depends on whether variants share payloads.
macro_rules! payloads {
    ([] $name:ident { $($variant:ident($($payload:tt)+) = $tag:literal,)* }) => {
        $($crate::wire::tagged::from_payload! { $name $variant($($payload)+) })*
    };
    (
        [$(#[$meta:meta])* pub enum $kinds:ident; dyn $trait:path]
        $name:ident { $($variant:ident($($payload:tt)+) = $tag:literal,)* }
    ) => {
        $crate::wire::open::open_enum! {
            $(#[$meta])*
            pub enum $kinds {
                $(
                    #[doc = concat!(
                        "The kind of [`", stringify!($name), "::", stringify!($variant), "`].",
                    )]
                    $variant = $tag,
                )*
            }
        }

        impl $name {
            /// Returns the payload; of an unknown value, that.
            pub(crate) fn payload(&self) -> &dyn $trait {
                match self {
                    $(Self::$variant(payload) => payload,)*
                    Self::Unknown(unknown) => unknown,
                }
            }
        }
    };
}
pub(crate) use payloads;

macro_rules! from_payload {
    ($name:ident $variant:ident(Boxed<$payload:ident>)) => {
        $crate::wire::tagged::from_payload! { $name $variant($payload) }
    };
    ($name:ident $variant:ident($payload:ty)) => {
        impl From<$payload> for $name {
            fn from(value: $payload) -> Self {
                Self::$variant(value.into())
            }
        }
    };
}
pub(crate) use from_payload;
