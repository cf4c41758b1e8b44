//! Objects with named fields and unknown keys.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::de::{DeserializeSeed, MapAccess};
use serde::ser::SerializeMap;
use serde::{Deserializer, Serialize};

use super::field::Seen;
use super::halves::Reader;
use super::key::{Key, KeySeed};
use crate::extra::Entry;
use crate::halves::lossy;
use crate::raw::nests_deeper_than;
use crate::{Extra, RawJson};

/// The trait that [`object!`] implements for a struct; the generic functions below do the rest.
pub(crate) trait Object: Default + Serialize {
    /// The known keys.
    type Key: Copy;

    /// The value of `type`, for an object with exactly one.
    const TAG: Option<&'static str>;

    fn key(name: &str) -> Option<Self::Key>;

    fn name(key: Self::Key) -> &'static str;

    /// Returns the bit for `key` in [`Extra`].
    fn bit(key: Self::Key) -> u64;

    fn read_field<'de, D: Deserializer<'de>>(
        &mut self,
        key: Self::Key,
        deserializer: D,
    ) -> Result<Seen, D::Error>;

    /// Writes the fields that have a value; returns the bits of the keys written.
    fn write_fields<M: SerializeMap>(&self, map: &mut M) -> Result<u64, M::Error>;

    /// Moves the present fields of `newer` here; returns the bits of their keys.
    fn overlay_fields(&mut self, newer: &mut Self) -> u64;

    fn extra(&self) -> &Extra;

    fn extra_mut(&mut self) -> &mut Extra;
}

/// A boxed object is an object that is filled in place.
impl<T: Object> Object for Box<T> {
    type Key = T::Key;

    const TAG: Option<&'static str> = T::TAG;

    fn key(name: &str) -> Option<T::Key> {
        T::key(name)
    }

    fn name(key: T::Key) -> &'static str {
        T::name(key)
    }

    fn bit(key: T::Key) -> u64 {
        T::bit(key)
    }

    fn read_field<'de, D: Deserializer<'de>>(
        &mut self,
        key: T::Key,
        deserializer: D,
    ) -> Result<Seen, D::Error> {
        (**self).read_field(key, deserializer)
    }

    fn write_fields<M: SerializeMap>(&self, map: &mut M) -> Result<u64, M::Error> {
        (**self).write_fields(map)
    }

    fn overlay_fields(&mut self, newer: &mut Self) -> u64 {
        (**self).overlay_fields(newer)
    }

    fn extra(&self) -> &Extra {
        (**self).extra()
    }

    fn extra_mut(&mut self) -> &mut Extra {
        (**self).extra_mut()
    }
}

/// The part of an object that was read before its type was known.
#[derive(Default)]
pub(crate) struct Prelude {
    /// The tag; `None` if the object has none.
    pub(crate) tag: Option<Cow<'static, str>>,
    /// The keys before the tag.
    pub(crate) early: Vec<(Box<str>, RawJson)>,
    /// Those of them whose names have lone surrogate halves, and a tag that has them.
    pub(crate) spelled: Vec<Entry>,
}

impl Prelude {
    pub(crate) fn into_entries(self) -> impl Iterator<Item = Entry> {
        let early = self.early.into_iter();
        let plain = early.map(|(name, raw)| (Key::Plain(name), raw));
        plain.chain(self.spelled)
    }
}

/// Writes a key without a value as null.
#[cfg(feature = "chat")]
pub(crate) fn set_null<T: Object>(object: &mut T, name: &str) {
    if let Some(key) = T::key(name) {
        object.extra_mut().set_null(T::bit(key));
    }
}

/// Writes a key although its value is empty.
#[cfg(feature = "chat")]
pub(crate) fn set_value<T: Object>(object: &mut T, name: &str) {
    if let Some(key) = T::key(name) {
        object.extra_mut().set_value(T::bit(key));
    }
}

/// Reads the rest of an object whose tag is known, whose usual tag is `canonical`.
pub(crate) fn read_tagged<'de, T: Object, A: MapAccess<'de>>(
    prelude: Prelude,
    canonical: &'static str,
    mut map: A,
) -> Result<T, A::Error> {
    let mut object = T::default();
    let tagged = prelude.tag.is_some();
    match &prelude.tag {
        None => object.extra_mut().set_untagged(),
        Some(tag) => {
            if let Some(key) = T::key("type") {
                let deserializer = serde::de::value::StrDeserializer::<A::Error>::new(tag);
                let seen = object.read_field(key, deserializer)?;
                note(&mut object, key, seen);
            } else if tag != canonical {
                object.extra_mut().push("type".into(), RawJson::string(tag));
            }
        }
    }
    for (name, raw) in prelude.into_entries() {
        replay(&mut object, name, raw);
    }
    read_rest(&mut object, &mut map, tagged)?;
    Ok(object)
}

/// Reads an object that no tag selects.
pub(crate) fn read_object<'de, T: Object, A: MapAccess<'de>>(mut map: A) -> Result<T, A::Error> {
    let mut object = T::default();
    let tagged = read_rest(&mut object, &mut map, false)?;
    if T::TAG.is_some() && !tagged {
        object.extra_mut().set_untagged();
    }
    Ok(object)
}

/// Overlays one object with another: the values of `newer` replace the existing ones, except for
/// nulls.
pub(crate) fn overlay<T: Object>(object: &mut T, mut newer: T) {
    let taken = object.overlay_fields(&mut newer);
    for (name, value) in core::mem::take(newer.extra_mut()).into_entries() {
        if value.is_null() {
            continue;
        }
        if let Some(key) = T::key(&name) {
            let bit = T::bit(key);
            if taken & bit != 0 {
                continue;
            }
            // The newer value is of another type, which leaves the field empty.
            let _ = object.read_field(key, &mut serde_json::Deserializer::from_str("null"));
            object.extra_mut().set_absent(bit);
            object.extra_mut().forget_spelling(&name);
        }
        object.extra_mut().put(name, value);
    }
}

/// Reads key after key. Returns whether a tag was among them, which a caller that already has the
/// tag (`tag_known`) does not keep a second time.
fn read_rest<'de, T: Object, A: MapAccess<'de>>(
    object: &mut T,
    map: &mut A,
    tag_known: bool,
) -> Result<bool, A::Error> {
    let mut tagged = tag_known;
    let mut foreign = u64::from(!object.extra().is_empty());
    while let Some(name) = map.next_key_seed(KeySeed(T::key))? {
        match name {
            Ok(key) => foreign |= map.next_value_seed(FieldSeed { object, key })?,
            Err(name) => {
                let raw = map.next_value::<RawJson>()?;
                if *name != *"type" || T::key("type").is_some() {
                    object.extra_mut().push(name, raw);
                } else if !tagged {
                    tagged = true;
                    if !is_tag(&raw, T::TAG) {
                        object.extra_mut().set_tag(raw);
                    }
                }
            }
        }
    }
    if foreign != 0 {
        drop_stale(object);
    }
    Ok(tagged)
}

fn is_tag(raw: &RawJson, tag: Option<&'static str>) -> bool {
    let inner = raw
        .as_str()
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    tag.is_some() && inner == tag
}

/// Reads a key that came before the tag.
///
/// Its text is parsed by a separate deserializer, whose nesting limit starts again. Text that nests
/// deeper than [`REPLAY_DEPTH`] therefore stays text, which bounds the stack.
pub(crate) fn replay<T: Object>(object: &mut T, name: Key, raw: RawJson) {
    let Some(key) = T::key(&name) else {
        if *name == *"type" {
            object.extra_mut().set_tag(raw);
        } else {
            object.extra_mut().push(name, raw);
        }
        return;
    };
    let json = raw.as_str();
    let read = if nests_deeper_than(json, REPLAY_DEPTH) {
        None
    } else {
        let mut fast = serde_json::Deserializer::from_str(json);
        object.read_field(key, &mut fast).ok().or_else(|| {
            let lossy = lossy(json)?;
            let mut reader = Reader::new(json, &lossy);
            object.read_field(key, &mut reader).ok()
        })
    };
    let seen = read.unwrap_or(Seen::Foreign(raw));
    note(object, key, seen);
}

/// Reads an object from keys that were read as those of another object.
pub(crate) fn from_entries<'a, T: Object>(entries: impl Iterator<Item = &'a Entry>) -> T {
    let mut object = T::default();
    for (name, raw) in entries {
        replay(&mut object, name.clone(), raw.clone());
    }
    drop_stale(&mut object);
    object
}

/// Returns whether a known key was missing, null or of another type.
pub(crate) fn is_missing<T: Object>(object: &T, name: &str) -> bool {
    let bit = T::key(name).map_or(0, T::bit);
    object.extra().is_absent(bit) || object.extra().is_null(bit)
}

/// The nesting allowed in a value that has to be parsed a second time; half of serde_json's own
/// limit.
const REPLAY_DEPTH: usize = 64;

/// Records the result of reading a field; returns its bit if the value was of another type.
fn note<T: Object>(object: &mut T, key: T::Key, seen: Seen) -> u64 {
    let bit = T::bit(key);
    let extra = object.extra_mut();
    if extra.has_spellings() {
        extra.forget_spelling(T::name(key));
    }
    match seen {
        Seen::Value => extra.set_value(bit),
        Seen::Spelled(raw) => {
            extra.set_value(bit);
            extra.spell(T::name(key), raw);
        }
        Seen::Null => extra.set_null(bit),
        Seen::Foreign(raw) => {
            extra.set_absent(bit);
            extra.push(T::name(key).into(), raw);
            return bit;
        }
    }
    0
}

/// If a known key occurs more than once, the last value counts: of values of another type only the
/// last is kept, and none if a proper value followed.
fn drop_stale<T: Object>(object: &mut T) {
    let mut last = [0_usize; 64];
    let index = |key: T::Key| T::bit(key).trailing_zeros() as usize;
    for (at, (name, _)) in object.extra().entries().iter().enumerate() {
        if let Some(key) = T::key(name) {
            last[index(key)] = at;
        }
    }
    let absent = object.extra().absent();
    let mut next = 0;
    object.extra_mut().retain(|(name, _)| {
        let at = next;
        next += 1;
        T::key(name).is_none_or(|key| absent & T::bit(key) != 0 && last[index(key)] == at)
    });
}

struct FieldSeed<'a, T: Object> {
    object: &'a mut T,
    key: T::Key,
}

impl<'de, T: Object> DeserializeSeed<'de> for FieldSeed<'_, T> {
    /// The key's bit if the value was of another type, else nothing.
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        let seen = self.object.read_field(self.key, deserializer)?;
        Ok(note(self.object, self.key, seen))
    }
}

/// Declares an object of the wire format.
///
/// ```text
/// object! {
///     /// Docs.
///     pub struct FunctionCall tag "function_call" {
///         required {
///             /// Always there; an argument of `new`.
///             call_id: String,
///         }
///         plain {
///             /// Nearly always there; not an argument of `new`.
///             queries: Vec<String>,
///         }
///         optional {
///             /// An `Option`, with a setter of the same name.
///             is_async as "async" = bool,
///         }
///     }
/// }
/// ```
///
/// `tag` is the value of `type`, for an object with exactly one. `as` gives the key if the field
/// cannot have its name. `=` instead of `:` makes arguments take exactly that type rather than
/// `impl Into`, which integer literals need. On the wire the keys come in the order of declaration,
/// then the extras.
macro_rules! object {
    (
        $(#[$meta:meta])*
        pub struct $name:ident $(tag $tag:literal)? {
            $(required { $(
                $(#[$required_meta:meta])*
                $required:ident $(as $required_name:literal)?
                    $(= $required_exact:ty)? $(: $required_type:ty)?
            ),* $(,)? })?
            $(plain { $(
                $(#[$plain_meta:meta])*
                $plain:ident $(as $plain_name:literal)?: $plain_type:ty
            ),* $(,)? })?
            $(optional { $(
                $(#[$optional_meta:meta])*
                $optional:ident $(as $optional_name:literal)?
                    $(= $optional_exact:ty)? $(: $optional_type:ty)?
            ),* $(,)? })?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub struct $name {
            $($(
                $(#[$required_meta])*
                pub $required: $($required_exact)? $($required_type)?,
            )*)?
            $($(
                $(#[$plain_meta])*
                pub $plain: $plain_type,
            )*)?
            $($(
                $(#[$optional_meta])*
                pub $optional: Option<$($optional_exact)? $($optional_type)?>,
            )*)?
            /// Unknown keys, and which known keys were missing or `null`.
            pub extra: $crate::Extra,
        }

        $(
            impl $name {
                /// Creates a value from the keys that the API requires.
                #[allow(clippy::too_many_arguments, reason = "one argument for each required key")]
                #[allow(clippy::new_without_default, reason = "an empty object has no type yet")]
                pub fn new(
                    $($required: $($required_exact)? $(impl Into<$required_type>)?),*
                ) -> Self {
                    Self {
                        $($required: $required.into(),)*
                        extra: $crate::Extra::default(),
                        ..Self::default()
                    }
                }
            }
        )?

        $(
            impl $name {
                $(
                    #[doc = concat!("Sets [`", stringify!($optional), "`](field@Self::", stringify!($optional), ").")]
                    #[must_use]
                    pub fn $optional(
                        mut self,
                        $optional: $($optional_exact)? $(impl Into<$optional_type>)?
                    ) -> Self {
                        self.$optional = Some($optional.into());
                        self
                    }
                )*
            }
        )?

        /// Empty fields are not written, required or not.
        impl Default for $name {
            fn default() -> Self {
                Self {
                    $($($required: Default::default(),)*)?
                    $($($plain: Default::default(),)*)?
                    $($($optional: None,)*)?
                    extra: $crate::Extra::vacant(),
                }
            }
        }

        const _: () = {
            #[allow(unused_imports, reason = "some objects have no known key")]
            use $crate::wire::field::{Field, Seen};
            #[allow(unused_imports, reason = "some objects have no known key")]
            use $crate::wire::object::Object;

            #[allow(non_camel_case_types, reason = "named after the fields they stand for")]
            #[derive(Clone, Copy)]
            pub(crate) enum Key {
                $($($required,)*)?
                $($($plain,)*)?
                $($($optional,)*)?
                /// The credit balance.
                Count_,
            }

            const _: () = assert!(Key::Count_ as usize <= 63, "one bit for each key, and one for the tag");

            impl Object for $name {
                type Key = Key;

                const TAG: Option<&'static str> = $crate::wire::object::optional!($($tag)?);

                #[allow(unused_variables, reason = "some objects have no known key")]
                fn key(name: &str) -> Option<Key> {
                    $($(if name == $crate::wire::object::wire_name!($required $(as $required_name)?) {
                        return Some(Key::$required);
                    })*)?
                    $($(if name == $crate::wire::object::wire_name!($plain $(as $plain_name)?) {
                        return Some(Key::$plain);
                    })*)?
                    $($(if name == $crate::wire::object::wire_name!($optional $(as $optional_name)?) {
                        return Some(Key::$optional);
                    })*)?
                    None
                }

                fn name(which: Key) -> &'static str {
                    match which {
                        $($(Key::$required => {
                            $crate::wire::object::wire_name!($required $(as $required_name)?)
                        })*)?
                        $($(Key::$plain => {
                            $crate::wire::object::wire_name!($plain $(as $plain_name)?)
                        })*)?
                        $($(Key::$optional => {
                            $crate::wire::object::wire_name!($optional $(as $optional_name)?)
                        })*)?
                        Key::Count_ => "",
                    }
                }

                fn bit(which: Key) -> u64 {
                    1 << which as u64
                }

                #[allow(unused_variables, reason = "some objects have no known key")]
                fn read_field<'de, D: serde::Deserializer<'de>>(
                    &mut self,
                    which: Key,
                    deserializer: D,
                ) -> Result<Seen, D::Error> {
                    match which {
                        $($(Key::$required => self.$required.read_into(deserializer),)*)?
                        $($(Key::$plain => self.$plain.read_into(deserializer),)*)?
                        $($(Key::$optional => self.$optional.read_into(deserializer),)*)?
                        Key::Count_ => Ok(Seen::Value),
                    }
                }

                #[allow(unused_mut, unused_variables, reason = "some objects have no known key")]
                fn write_fields<M: serde::ser::SerializeMap>(
                    &self,
                    map: &mut M,
                ) -> Result<u64, M::Error> {
                    let mut written = 0;
                    $($(written |= self.$required.write(
                        <Self as Object>::name(Key::$required),
                        <Self as Object>::bit(Key::$required),
                        &self.extra,
                        map,
                    )?;)*)?
                    $($(written |= self.$plain.write(
                        <Self as Object>::name(Key::$plain),
                        <Self as Object>::bit(Key::$plain),
                        &self.extra,
                        map,
                    )?;)*)?
                    $($(written |= self.$optional.write(
                        <Self as Object>::name(Key::$optional),
                        <Self as Object>::bit(Key::$optional),
                        &self.extra,
                        map,
                    )?;)*)?
                    Ok(written)
                }

                #[allow(unused_mut, unused_variables, reason = "some objects have no known key")]
                fn overlay_fields(&mut self, newer: &mut Self) -> u64 {
                    let mut taken = 0;
                    $($($crate::wire::object::overlay_field!(self, newer, taken, $required);)*)?
                    $($($crate::wire::object::overlay_field!(self, newer, taken, $plain);)*)?
                    $($($crate::wire::object::overlay_field!(self, newer, taken, $optional);)*)?
                    taken
                }

                fn extra(&self) -> &$crate::Extra {
                    &self.extra
                }

                fn extra_mut(&mut self) -> &mut $crate::Extra {
                    &mut self.extra
                }
            }
        };

        impl $crate::HeapSize for $name {
            fn heap_size(&self) -> usize {
                $crate::HeapSize::heap_size(&self.extra)
                    $($(+ $crate::HeapSize::heap_size(&self.$required))*)?
                    $($(+ $crate::HeapSize::heap_size(&self.$plain))*)?
                    $($(+ $crate::HeapSize::heap_size(&self.$optional))*)?
            }
        }

        impl $crate::wire::Wire for $name {
            fn from_map<'de, A: serde::de::MapAccess<'de>>(
                map: A,
            ) -> Result<$crate::wire::Slot<Self>, A::Error> {
                $crate::wire::object::read_object(map).map($crate::wire::Slot::Value)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::wire::write::write_object(self, None, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::wire::deserialize(deserializer, stringify!($name))
            }
        }
    };
}
pub(crate) use object;

macro_rules! overlay_field {
    ($self:ident, $newer:ident, $taken:ident, $field:ident) => {
        let bit = <Self as Object>::bit(Key::$field);
        if $self
            .$field
            .take_over(&mut $newer.$field, bit, &$newer.extra)
        {
            let name = <Self as Object>::name(Key::$field);
            $self.extra.replaced(name, bit, &$newer.extra);
            $taken |= bit;
        }
    };
}
pub(crate) use overlay_field;

/// The key of a field on the wire: its own name unless another is given.
macro_rules! wire_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident as $name:literal) => {
        $name
    };
}
pub(crate) use wire_name;

macro_rules! optional {
    () => {
        None
    };
    ($value:literal) => {
        Some($value)
    };
}
pub(crate) use optional;
