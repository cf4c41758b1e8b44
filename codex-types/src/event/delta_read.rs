//! The general way to read a delta: any order of keys, any form of JSON.
//!
//! It is the reference for the fast way in `delta_fast`, which leaves to it whatever is unusual.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::de::MapAccess;
use serde::{Deserializer, Serializer};

use crate::event::delta::{Delta, DeltaKind, Pieces, Present};
use crate::part::Logprob;
use crate::wire::object::Prelude;
use crate::wire::tagged::Payload;
use crate::wire::{Slot, Wire};
use crate::{Extra, RawJson};

impl Payload for Delta {
    fn read<'de, A: MapAccess<'de>>(
        prelude: Prelude,
        canonical: &'static str,
        mut map: A,
    ) -> Result<Self, A::Error> {
        let mut pieces = Pieces::default();
        match prelude.tag {
            None => pieces.rare().extra.set_untagged(),
            Some(tag) if tag != canonical => pieces.push_extra("type", RawJson::string(&tag)),
            Some(_) => {}
        }
        for (name, raw) in prelude.early {
            let mut deserializer = serde_json::Deserializer::from_str(raw.as_str());
            if read_value(&mut pieces, &name, &mut deserializer).is_err() {
                replace_extra(&mut pieces, &name, raw);
            }
        }
        while let Some(name) = map.next_key::<Box<str>>()? {
            map.next_value_seed(ValueSeed {
                pieces: &mut pieces,
                name: &name,
            })?;
        }
        // Only the tags of deltas lead here, and each has a kind.
        let kind = DeltaKind::of(canonical).unwrap_or(DeltaKind::OutputText);
        Ok(Self::pack(kind, pieces))
    }

    fn write<S: Serializer>(&self, _: &'static str, serializer: S) -> Result<S::Ok, S::Error> {
        serde::Serialize::serialize(self, serializer)
    }

    fn extra(&self) -> &Extra {
        Self::extra(self)
    }
}

struct ValueSeed<'a, 'b> {
    pieces: &'a mut Pieces<'b>,
    name: &'a str,
}

impl<'de> serde::de::DeserializeSeed<'de> for ValueSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        read_value(self.pieces, self.name, deserializer)
    }
}

/// Reads the value of one key. A repeated key replaces what it said before.
fn read_value<'de, D: Deserializer<'de>>(
    pieces: &mut Pieces<'_>,
    name: &str,
    deserializer: D,
) -> Result<(), D::Error> {
    match name {
        "sequence_number" => {
            if let Some(value) =
                take::<u64, _>(pieces, name, Present::SEQUENCE_NUMBER, deserializer)?
            {
                pieces.sequence_number = value;
            }
        }
        "output_index" => {
            if let Some(value) = take::<u32, _>(pieces, name, Present::OUTPUT_INDEX, deserializer)?
            {
                pieces.output_index = value;
            }
        }
        // Both share one field. Should an event have both, the second is kept as an extra key.
        "content_index" if !pieces.present.has(Present::SUMMARY_INDEX) => {
            if let Some(value) = take::<u32, _>(pieces, name, Present::CONTENT_INDEX, deserializer)?
            {
                pieces.part_index = value;
            }
        }
        "summary_index" if !pieces.present.has(Present::CONTENT_INDEX) => {
            if let Some(value) = take::<u32, _>(pieces, name, Present::SUMMARY_INDEX, deserializer)?
            {
                pieces.part_index = value;
            }
        }
        "item_id" => {
            let value = take::<String, _>(pieces, name, Present::ITEM_ID, deserializer)?;
            pieces.item_id = Cow::Owned(value.unwrap_or_default());
        }
        "delta" => {
            let value = take::<String, _>(pieces, name, Present::DELTA, deserializer)?;
            pieces.delta = Cow::Owned(value.unwrap_or_default());
        }
        "obfuscation" => {
            let value = take::<String, _>(pieces, name, Present::OBFUSCATION, deserializer)?;
            pieces.obfuscation = Cow::Owned(value.unwrap_or_default());
        }
        "logprobs" => {
            let value = take::<Vec<Logprob>, _>(pieces, name, Present::LOGPROBS, deserializer)?;
            let value = value.unwrap_or_default();
            if !value.is_empty() || pieces.rare.is_some() {
                pieces.rare().logprobs = value;
            }
        }
        "stream_id" => {
            let value = match String::read(deserializer)? {
                Slot::Value(value) => Some(value.into()),
                Slot::Null => keep(pieces, name, RawJson::default()),
                Slot::Foreign(raw) => keep(pieces, name, raw),
            };
            pieces.rare().stream_id = value;
        }
        // The first tag has decided.
        "type" => {
            RawJson::read(deserializer)?;
        }
        _ => {
            let raw = <RawJson as serde::Deserialize>::deserialize(deserializer)?;
            pieces.push_extra(name, raw);
        }
    }
    Ok(())
}

/// Reads a value for a field. What does not fit goes to the extra keys, and the field is absent.
fn take<'de, T: Wire, D: Deserializer<'de>>(
    pieces: &mut Pieces<'_>,
    name: &str,
    key: u8,
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let raw = match T::read(deserializer)? {
        Slot::Value(value) => {
            if !pieces.present.add(key) || pieces.rare.is_some() {
                drop_extra(pieces, name);
            }
            return Ok(Some(value));
        }
        Slot::Null => RawJson::default(),
        Slot::Foreign(raw) => raw,
    };
    pieces.present.drop(key);
    replace_extra(pieces, name, raw);
    Ok(None)
}

fn keep<T>(pieces: &mut Pieces<'_>, name: &str, raw: RawJson) -> Option<T> {
    replace_extra(pieces, name, raw);
    None
}

fn replace_extra(pieces: &mut Pieces<'_>, name: &str, raw: RawJson) {
    pieces.rare().extra.insert(name, raw);
}

fn drop_extra(pieces: &mut Pieces<'_>, name: &str) {
    if let Some(rare) = &mut pieces.rare {
        rare.extra.remove(name);
    }
}
