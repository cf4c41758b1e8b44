//! Objects with known and unknown keys: reading, updating, and recording what was there.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::Cell;

use super::encode::Pairs;
use super::field::{self, Field, write_field};
use super::key::Key;
use super::read::Seen;
use super::source::{Failed, Fields, Source, Whole, read_json};
use crate::boxed::{Boxed, Discard};
use crate::extra::Entry;
use crate::json::text::nests_deeper_than;
use crate::{Extra, HeapSize, RawJson};

/// The methods that [`object!`](super::object) implements for a struct; the functions below use
/// them.
///
/// A known key is an index into [`keys`](Self::keys).
pub(crate) trait Object {
    /// Returns the value of `type`, for an object that has only one.
    fn tag(&self) -> Option<&'static str>;

    /// Returns the names of the known keys.
    fn keys(&self) -> &'static [&'static str];

    /// Returns the field of a known key; `None` if there is no such key.
    fn field(&self, key: u8) -> Option<&dyn Field>;

    fn field_mut(&mut self, key: u8) -> Option<&mut dyn Field>;

    fn extra(&self) -> &Extra;

    fn extra_mut(&mut self) -> &mut Extra;
}

/// An object that can be updated from a newer one of the same type.
pub(crate) trait Overlay: Object {
    /// Takes the fields that are present in `newer`. Returns the bits of their keys.
    fn overlay_fields(&mut self, newer: &mut Self) -> u64;
}

/// A boxed object is read into in place.
impl<T: Object + Discard> Object for Boxed<T> {
    fn tag(&self) -> Option<&'static str> {
        (**self).tag()
    }

    fn keys(&self) -> &'static [&'static str] {
        (**self).keys()
    }

    fn field(&self, key: u8) -> Option<&dyn Field> {
        (**self).field(key)
    }

    fn field_mut(&mut self, key: u8) -> Option<&mut dyn Field> {
        (**self).field_mut(key)
    }

    fn extra(&self) -> &Extra {
        (**self).extra()
    }

    fn extra_mut(&mut self) -> &mut Extra {
        (**self).extra_mut()
    }
}

fn read_field(object: &mut dyn Object, key: u8, source: &mut dyn Source) -> Result<Seen, Failed> {
    match object.field_mut(key) {
        Some(field) => field::read_field(field, source),
        None => Ok(Seen::Value),
    }
}

/// Writes the fields that have a value. Returns the bits of the written keys.
pub(super) fn write_fields(object: &dyn Object, pairs: &mut dyn Pairs) -> Result<u64, Failed> {
    let extra = object.extra();
    let mut written = 0;
    for (key, name) in (0..).zip(object.keys()) {
        if let Some(field) = object.field(key) {
            let bit = bit(key);
            let value = field.value(extra.was_missing(bit));
            written |= write_field(value, name, bit, extra, pairs)?;
        }
    }
    Ok(written)
}

/// Returns the heap memory that the fields and the other keys use.
pub(crate) fn heap_size(object: &dyn Object) -> usize {
    let fields = (0..).map_while(|key| object.field(key));
    fields.fold(object.extra().heap_size(), |size, field| {
        size + field.heap_size()
    })
}

/// Returns the index of a known key.
pub(crate) fn key(object: &dyn Object, name: &str) -> Option<u8> {
    index_of(object.keys(), name, 0)
}

/// Returns the bit that represents a known key in [`Extra`].
pub(crate) const fn bit(key: u8) -> u64 {
    1 << key
}

/// Searches from `start` first: keys usually have the order of the fields.
fn index_of(keys: &[&str], name: &str, start: u8) -> Option<u8> {
    let (before, after) = keys.split_at(usize::from(start).min(keys.len()));
    let at = match after.iter().position(|key| *key == name) {
        Some(at) => before.len() + at,
        None => before.iter().position(|key| *key == name)?,
    };
    u8::try_from(at).ok()
}

/// The data read from an object before its type was known.
#[derive(Default)]
pub(crate) struct Prelude {
    /// The tag; `None` if the object has none.
    pub(crate) tag: Option<Cow<'static, str>>,
    /// The keys before the tag.
    pub(crate) early: Vec<(Box<str>, RawJson)>,
    /// The early keys whose names have lone surrogate halves, and a tag that has them.
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
pub(crate) fn set_null(object: &mut dyn Object, name: &str) {
    if let Some(key) = key(object, name) {
        object.extra_mut().set_null(bit(key));
    }
}

/// Writes a key although its value is empty.
#[cfg(feature = "chat")]
pub(crate) fn set_value(object: &mut dyn Object, name: &str) {
    if let Some(key) = key(object, name) {
        object.extra_mut().set_value(bit(key));
    }
}

/// Reads the rest of an object whose tag is known, whose usual tag is `canonical`.
pub(crate) fn read_tagged(
    object: &mut dyn Object,
    prelude: Prelude,
    canonical: &'static str,
    fields: &mut dyn Fields,
) -> Result<(), Failed> {
    let tagged = prelude.tag.is_some();
    match &prelude.tag {
        None => object.extra_mut().set_untagged(),
        Some(tag) => {
            if let Some(key) = key(object, "type") {
                let tag = serde::de::value::StrDeserializer::<serde_json::Error>::new(tag);
                let seen = read_field(object, key, &mut Whole::new(tag))?;
                note(object, key, seen);
            } else if tag != canonical {
                object.extra_mut().push("type".into(), RawJson::string(tag));
            }
        }
    }
    for (name, raw) in prelude.into_entries() {
        replay(object, name, raw);
    }
    read_rest(object, fields, tagged)?;
    Ok(())
}

/// Reads an object that is not chosen by a tag.
pub(crate) fn read_object(object: &mut dyn Object, fields: &mut dyn Fields) -> Result<(), Failed> {
    let tagged = read_rest(object, fields, false)?;
    if object.tag().is_some() && !tagged {
        object.extra_mut().set_untagged();
    }
    Ok(())
}

/// Updates an object from a newer one: values in `newer` replace existing ones. Nulls replace
/// nothing, but a key that only `newer` has is kept, null or not.
pub(crate) fn overlay<T: Overlay>(object: &mut T, mut newer: T) {
    let taken = object.overlay_fields(&mut newer);
    let keys = object.keys();
    object.extra_mut().add_nulls(newer.extra(), keys);
    for (name, value) in core::mem::take(newer.extra_mut()).into_entries() {
        if value.is_null() {
            object.extra_mut().put_if_missing(name, value);
            continue;
        }
        if let Some(key) = key(object, &name) {
            let bit = bit(key);
            if taken & bit != 0 {
                continue;
            }
            // The newer value is of another type, which leaves the field empty.
            let _ = read_json("null", |source| read_field(object, key, source));
            object.extra_mut().set_absent(bit);
            object.extra_mut().forget_spelling(&name);
        }
        object.extra_mut().put(name, value);
    }
}

/// Reads the remaining keys, and returns whether the tag is known. With `tag_known`, the caller
/// already has the tag, and it is not kept a second time.
fn read_rest(
    object: &mut dyn Object,
    fields: &mut dyn Fields,
    tag_known: bool,
) -> Result<bool, Failed> {
    let keys = object.keys();
    let mut tagged = tag_known;
    let mut foreign = u64::from(!object.extra().is_empty());
    let next = Cell::new(0);
    let known = |name: &str| {
        let index = index_of(keys, name, next.get())?;
        next.set(index + 1);
        Some(index)
    };
    // The bits of the fields that have just received a value, recorded together.
    let mut values = 0;
    while let Some(name) = fields.key(&known)? {
        match name {
            Ok(key) => match read_field(object, key, fields)? {
                Seen::Value => values |= bit(key),
                seen => {
                    note_values(object, core::mem::take(&mut values));
                    foreign |= note(object, key, seen);
                }
            },
            Err(name) => {
                let raw = fields.raw()?;
                if *name != *"type" || keys.contains(&"type") {
                    object.extra_mut().push(name, raw);
                } else if !tagged {
                    tagged = true;
                    if !is_tag(&raw, object.tag()) {
                        object.extra_mut().set_tag(raw);
                    }
                }
            }
        }
    }
    note_values(object, values);
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

/// Reads a key that preceded the tag.
///
/// Its text is parsed by a separate deserializer, whose nesting limit starts again. Text that nests
/// deeper than [`REPLAY_DEPTH`] therefore stays text, which bounds the stack.
pub(crate) fn replay(object: &mut dyn Object, name: Key, raw: RawJson) {
    let Some(key) = key(object, &name) else {
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
        read_json(json, |source| read_field(object, key, source))
    };
    let seen = read.unwrap_or(Seen::Foreign(raw));
    note(object, key, seen);
}

/// Fills an object from keys that were read as those of another one.
pub(crate) fn fill<'a>(object: &mut dyn Object, entries: impl Iterator<Item = &'a Entry>) {
    for (name, raw) in entries {
        replay(object, name.clone(), raw.clone());
    }
    drop_stale(object);
}

/// Returns whether a known key was missing, null or of another type.
pub(crate) fn is_missing(object: &dyn Object, name: &str) -> bool {
    let bit = key(object, name).map_or(0, bit);
    object.extra().is_absent(bit) || object.extra().is_null(bit)
}

/// The maximum nesting of a value that must be parsed a second time; half of serde_json's own
/// limit.
const REPLAY_DEPTH: usize = 64;

/// Records that fields have received values.
fn note_values(object: &mut dyn Object, bits: u64) {
    let keys = object.keys();
    let extra = object.extra_mut();
    if extra.has_spellings() {
        for (_, name) in (0..).zip(keys).filter(|(key, _)| bits & bit(*key) != 0) {
            extra.forget_spelling(name);
        }
    }
    extra.set_value(bits);
}

/// Records the result of reading a field. Returns its bit if the value was foreign.
fn note(object: &mut dyn Object, key: u8, seen: Seen) -> u64 {
    let bit = bit(key);
    let name = object.keys()[usize::from(key)];
    let extra = object.extra_mut();
    if extra.has_spellings() {
        extra.forget_spelling(name);
    }
    match seen {
        Seen::Value => extra.set_value(bit),
        Seen::Spelled(raw) => {
            extra.set_value(bit);
            extra.spell(name, raw);
        }
        Seen::Null => extra.set_null(bit),
        Seen::Foreign(raw) => {
            extra.set_absent(bit);
            extra.push(name.into(), raw);
            return bit;
        }
    }
    0
}

/// Drops stale foreign values. When a known key occurs more than once, the last one counts, in
/// whatever form: of the foreign values only the last is kept, and none if a valid value followed.
fn drop_stale(object: &mut dyn Object) {
    let keys = object.keys();
    let mut last = [0_usize; 64];
    for (at, (name, _)) in object.extra().entries().iter().enumerate() {
        if let Some(key) = index_of(keys, name, 0) {
            last[usize::from(key)] = at;
        }
    }
    let absent = object.extra().absent();
    let mut next = 0;
    object.extra_mut().retain(|(name, _)| {
        let at = next;
        next += 1;
        index_of(keys, name, 0)
            .is_none_or(|key| absent & bit(key) != 0 && last[usize::from(key)] == at)
    });
}
