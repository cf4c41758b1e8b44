//! Strings, numbers, lists and boxes as fields.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess};

use super::{Slot, SlotSeed, Wire, foreign_seq};
use crate::{Number, RawJson};

impl Wire for String {
    fn from_text(text: &str) -> Option<Self> {
        Some(text.into())
    }

    fn from_string(text: String) -> Result<Self, String> {
        Ok(text)
    }
}

impl Wire for bool {
    fn from_bool(value: bool) -> Option<Self> {
        Some(value)
    }
}

impl Wire for u64 {
    fn from_number(number: Number) -> Option<Self> {
        number.as_u64()
    }
}

impl Wire for u32 {
    fn from_number(number: Number) -> Option<Self> {
        number.as_u64()?.try_into().ok()
    }
}

impl Wire for u16 {
    fn from_number(number: Number) -> Option<Self> {
        number.as_u64()?.try_into().ok()
    }
}

impl Wire for i64 {
    fn from_number(number: Number) -> Option<Self> {
        number.as_i64()
    }
}

impl Wire for Number {
    fn from_number(number: Number) -> Option<Self> {
        Some(number)
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn from_seq<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<Slot<Self>, A::Error> {
        let mut items = Self::new();
        let mut spelled = false;
        while let Some(slot) = seq.next_element_seed(SlotSeed::<T>::new())? {
            let foreign = match slot {
                Slot::Value(item) => {
                    items.push(item);
                    continue;
                }
                Slot::Spelled(item) => {
                    items.push(item.0);
                    spelled = true;
                    continue;
                }
                Slot::Null => RawJson::default(),
                Slot::Foreign(raw) => raw,
            };
            match T::absorb(foreign) {
                Ok(item) => items.push(item),
                Err(_) if spelled => {
                    while seq.next_element::<IgnoredAny>()?.is_some() {}
                    return Ok(Slot::Foreign(seq.next_element()?.unwrap_or_default()));
                }
                Err(raw) => return foreign_list(&items, &raw, seq).map(Slot::Foreign),
            }
        }
        if spelled {
            // Only `halves::Reader` gets here; it starts again and passes the whole list.
            return Ok(Slot::spelled(
                items,
                seq.next_element()?.unwrap_or_default(),
            ));
        }
        Ok(Slot::Value(items))
    }
}

impl<T: Wire> Wire for Box<T> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Slot<Self>, D::Error> {
        Ok(T::read(deserializer)?.map(Self::new))
    }

    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Slot<Self>, A::Error> {
        Ok(T::from_map(map)?.map(Self::new))
    }

    fn absorb(raw: RawJson) -> Result<Self, RawJson> {
        T::absorb(raw).map(Self::new)
    }
}

/// If one element is of another type, the whole list is: typed code could not see that a part is
/// missing.
fn foreign_list<'de, T: Wire, A: SeqAccess<'de>>(
    items: &Vec<T>,
    raw: &RawJson,
    seq: A,
) -> Result<RawJson, A::Error> {
    let mut json = serde_json::to_string(items).map_err(serde::de::Error::custom)?;
    json.pop();
    if !items.is_empty() {
        json.push(',');
    }
    json.push_str(raw.as_str());
    foreign_seq(json, seq)
}
