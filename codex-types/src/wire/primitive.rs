//! Strings, numbers, lists and boxes as fields.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::encode::{Encode, Encoder};
use super::read::{Slot, Target, Wire, foreign_list};
use super::source::{Elements, Failed, Fields, Scalar, Source};
use super::text::to_json;
use crate::{Number, RawJson};

impl Wire for String {
    fn from_scalar(scalar: Scalar<'_>) -> Result<Self, Scalar<'_>> {
        match scalar {
            Scalar::Text(text) => Ok(text.into()),
            Scalar::Owned(text) => Ok(text),
            other => Err(other),
        }
    }
}

impl Wire for bool {
    fn from_scalar(scalar: Scalar<'_>) -> Result<Self, Scalar<'_>> {
        match scalar {
            Scalar::Bool(value) => Ok(value),
            other => Err(other),
        }
    }
}

/// Accepts a number that the type can represent.
macro_rules! numbers {
    ($($number:ty: $convert:expr;)*) => {
        $(
            impl Wire for $number {
                fn from_scalar(scalar: Scalar<'_>) -> Result<Self, Scalar<'_>> {
                    match scalar {
                        Scalar::Number(number) => $convert(number).ok_or(scalar),
                        other => Err(other),
                    }
                }
            }

            impl Encode for $number {
                fn encode(&self, encoder: &mut dyn Encoder) -> Result<(), Failed> {
                    encoder.number(Number::from(*self))
                }
            }
        )*
    };
}

numbers! {
    u64: |number: Number| number.as_u64();
    u32: |number: Number| number.as_u64()?.try_into().ok();
    u16: |number: Number| number.as_u64()?.try_into().ok();
    i64: |number: Number| number.as_i64();
    Number: Some;
}

impl<T: Wire> Wire for Vec<T> {
    fn from_list(elements: &mut dyn Elements) -> Result<Slot<Self>, Failed> {
        let mut items = Self::new();
        let mut spelled = false;
        loop {
            let mut target = Target(Slot::Null);
            if !elements.next(&mut target)? {
                break;
            }
            let foreign = match target.0 {
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
                    while elements.next_raw()?.is_some() {}
                    return Ok(Slot::Foreign(elements.next_raw()?.unwrap_or_default()));
                }
                Err(raw) => return rest_of_foreign(&items, &raw, elements).map(Slot::Foreign),
            }
        }
        if spelled {
            // Only `halves::Reader` gets here; it starts over and passes the whole list.
            let raw = elements.next_raw()?.unwrap_or_default();
            return Ok(Slot::spelled(items, raw));
        }
        Ok(Slot::Value(items))
    }
}

impl<T: Wire> Wire for Box<T> {
    fn read(source: &mut dyn Source) -> Result<Slot<Self>, Failed> {
        Ok(T::read(source)?.map(Self::new))
    }

    fn from_object(fields: &mut dyn Fields) -> Result<Slot<Self>, Failed> {
        Ok(T::from_object(fields)?.map(Self::new))
    }

    fn absorb(raw: RawJson) -> Result<Self, RawJson> {
        T::absorb(raw).map(Self::new)
    }
}

/// Returns a whole list as foreign when one element is: half a list would misrepresent the data.
fn rest_of_foreign(
    items: &dyn Encode,
    raw: &RawJson,
    elements: &mut dyn Elements,
) -> Result<RawJson, Failed> {
    let mut json = to_json(items);
    json.pop();
    if json.len() > 1 {
        json.push(',');
    }
    json.push_str(raw.as_str());
    foreign_list(json, elements)
}

impl Encode for () {
    fn encode(&self, encoder: &mut dyn Encoder) -> Result<(), Failed> {
        encoder.null()
    }
}

impl Encode for bool {
    fn encode(&self, encoder: &mut dyn Encoder) -> Result<(), Failed> {
        encoder.bool(*self)
    }
}

impl Encode for str {
    fn encode(&self, encoder: &mut dyn Encoder) -> Result<(), Failed> {
        encoder.text(self)
    }
}

impl<T: Encode + ?Sized> Encode for &T {
    fn encode(&self, encoder: &mut dyn Encoder) -> Result<(), Failed> {
        (**self).encode(encoder)
    }
}

impl Encode for String {
    fn encode(&self, encoder: &mut dyn Encoder) -> Result<(), Failed> {
        encoder.text(self)
    }
}

impl Encode for RawJson {
    fn encode(&self, encoder: &mut dyn Encoder) -> Result<(), Failed> {
        encoder.raw(self)
    }
}

impl<T: Encode> Encode for [T] {
    fn encode(&self, encoder: &mut dyn Encoder) -> Result<(), Failed> {
        encoder.list(&mut self.iter().map(|element| element as &dyn Encode))
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode(&self, encoder: &mut dyn Encoder) -> Result<(), Failed> {
        self.as_slice().encode(encoder)
    }
}

impl<T: Encode> Encode for Box<T> {
    fn encode(&self, encoder: &mut dyn Encoder) -> Result<(), Failed> {
        (**self).encode(encoder)
    }
}
