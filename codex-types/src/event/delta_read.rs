//! The general reader of a delta: any order of keys, any form of JSON.
//!
//! It is the reference for the fast reader in `delta_fast`, which leaves all unusual input to it.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::event::delta::{Delta, DeltaKind, Pieces, Present};
use crate::part::Logprob;
use crate::wire::encode::{Encode, Encoder};
use crate::wire::key::Key;
use crate::wire::known::Prelude;
use crate::wire::read::{Seen, Wire, read};
use crate::wire::source::{Failed, Fields, Source, next_name, read_json};
use crate::wire::tagged::Payload;
use crate::{Extra, RawJson};

impl Payload for Delta {
    fn vacant() -> Self {
        Self::pack(DeltaKind::OutputText, Pieces::default())
    }

    fn read(
        &mut self,
        prelude: Prelude,
        canonical: &'static str,
        fields: &mut dyn Fields,
    ) -> Result<(), Failed> {
        let mut pieces = Pieces::default();
        match &prelude.tag {
            None => pieces.rare().extra.set_untagged(),
            Some(tag) if *tag != canonical => pieces.rare().extra.set_tag(RawJson::string(tag)),
            Some(_) => {}
        }
        for (name, raw) in prelude.into_entries() {
            let read = read_json(raw.as_str(), |source| {
                read_value(&mut pieces, &name, source)
            });
            if read.is_none() {
                pieces.push_extra(name, raw);
            }
        }
        while let Some(name) = next_name(fields)? {
            read_value(&mut pieces, &name, fields)?;
        }
        drop_stale(&mut pieces);
        // Only the tags of deltas lead here, and each has a kind.
        let kind = DeltaKind::of(canonical).unwrap_or(DeltaKind::OutputText);
        *self = Self::pack(kind, pieces);
        Ok(())
    }

    fn write(&self, canonical: &'static str, encoder: &mut dyn Encoder) -> Result<(), Failed> {
        // A delta of one kind in the event of another: the event decides what it appends to.
        match DeltaKind::of(canonical) {
            Some(kind) if kind != self.kind() => self.with_kind(kind).encode(encoder),
            _ => self.encode(encoder),
        }
    }

    fn extra(&self) -> &Extra {
        Self::extra(self)
    }
}

/// Reads the value of one key. A repeated key replaces its earlier value.
fn read_value(pieces: &mut Pieces<'_>, name: &Key, source: &mut dyn Source) -> Result<(), Failed> {
    match &**name {
        "sequence_number" => {
            if let Some(value) = take::<u64>(pieces, name, Present::SEQUENCE_NUMBER, source)? {
                pieces.sequence_number = value;
            }
        }
        "output_index" => {
            if let Some(value) = take::<u32>(pieces, name, Present::OUTPUT_INDEX, source)? {
                pieces.output_index = value;
            }
        }
        // Both share one field. If an event has both, the second is kept as an extra key.
        "content_index" if !pieces.present.has(Present::SUMMARY_INDEX) => {
            if let Some(value) = take::<u32>(pieces, name, Present::CONTENT_INDEX, source)? {
                pieces.part_index = value;
            }
        }
        "summary_index" if !pieces.present.has(Present::CONTENT_INDEX) => {
            if let Some(value) = take::<u32>(pieces, name, Present::SUMMARY_INDEX, source)? {
                pieces.part_index = value;
            }
        }
        "item_id" => {
            let value = take::<String>(pieces, name, Present::ITEM_ID, source)?;
            pieces.item_id = Cow::Owned(value.unwrap_or_default());
        }
        "delta" => {
            let value = take::<String>(pieces, name, Present::DELTA, source)?;
            pieces.delta = Cow::Owned(value.unwrap_or_default());
        }
        "obfuscation" => {
            let value = take::<String>(pieces, name, Present::OBFUSCATION, source)?;
            pieces.obfuscation = Cow::Owned(value.unwrap_or_default());
        }
        "logprobs" => {
            let value = take::<Vec<Logprob>>(pieces, name, Present::LOGPROBS, source)?;
            let value = value.unwrap_or_default();
            if !value.is_empty() || pieces.rare.is_some() {
                pieces.rare().logprobs = value;
            }
        }
        "stream_id" => {
            let value = take::<String>(pieces, name, 0, source)?;
            pieces.rare().stream_id = value.map(Into::into);
        }
        // The first tag has decided; a `type` that is not a string is kept.
        "type" => {
            let raw = source.raw()?;
            let first = pieces
                .rare
                .as_ref()
                .and_then(|rare| rare.extra.iter().next());
            if pieces.is_untagged() && first.is_none_or(|(name, _)| name != "type") {
                pieces.rare().extra.set_tag(raw);
            }
        }
        _ => {
            let raw = source.raw()?;
            pieces.push_extra(name.clone(), raw);
        }
    }
    Ok(())
}

/// Reads a value for a field. What does not fit goes to the extra keys, and the field is absent.
fn take<T: Wire + Default>(
    pieces: &mut Pieces<'_>,
    name: &Key,
    key: u8,
    source: &mut dyn Source,
) -> Result<Option<T>, Failed> {
    let mut value = T::default();
    let seen = read(&mut value, source)?;
    if let Some(rare) = &mut pieces.rare {
        rare.extra.forget_spelling(name);
    }
    let raw = match seen {
        Seen::Value => {
            pieces.present.add(key);
            return Ok(Some(value));
        }
        Seen::Spelled(raw) => {
            pieces.present.add(key);
            pieces.rare().extra.spell(name, raw);
            return Ok(Some(value));
        }
        Seen::Null => RawJson::default(),
        Seen::Foreign(raw) => raw,
    };
    pieces.present.drop(key);
    pieces.push_extra(name.clone(), raw);
    Ok(None)
}

/// If a known key occurs more than once, the last value counts: of its values of another type only
/// the last is kept, and none if a proper value followed.
fn drop_stale(pieces: &mut Pieces<'_>) {
    let present = pieces.present;
    let Some(rare) = &mut pieces.rare else {
        return;
    };
    let has_lane = rare.stream_id.is_some();
    let index = |name: &str| KNOWN.iter().position(|(known, _)| *known == name);
    let mut last = [0; KNOWN.len()];
    for (at, (name, _)) in rare.extra.entries().iter().enumerate() {
        if let Some(index) = index(name) {
            last[index] = at;
        }
    }
    let mut next = 0;
    rare.extra.retain(|(name, _)| {
        let at = next;
        next += 1;
        index(name).is_none_or(|index| {
            let (name, keys) = KNOWN[index];
            let is_set = present.has(keys) || (has_lane && name == "stream_id");
            !is_set && last[index] == at
        })
    });
}

/// The known keys, and the flags that make an earlier value of another type stale. The two part
/// indexes share a field, so the one without the field is kept here.
const KNOWN: [(&str, u8); 10] = [
    ("type", 0),
    ("sequence_number", Present::SEQUENCE_NUMBER),
    ("item_id", Present::ITEM_ID),
    ("output_index", Present::OUTPUT_INDEX),
    ("content_index", Present::CONTENT_INDEX),
    ("summary_index", Present::SUMMARY_INDEX),
    ("delta", Present::DELTA),
    ("logprobs", Present::LOGPROBS),
    ("obfuscation", Present::OBFUSCATION),
    ("stream_id", 0),
];
