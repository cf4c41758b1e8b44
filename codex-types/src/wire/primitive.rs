//! Strings, numbers, lists and boxes as fields.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::encode::{Encode, Encoder};
use super::read::{Seen, Wire, accept, foreign_list, settle};
use super::source::{Elements, Failed, Fields, Scalar, Sink};
use super::text::to_json;
use crate::{Number, RawJson};

impl Wire for String {
    fn read_scalar<'a>(&mut self, scalar: Scalar<'a>) -> Result<(), Scalar<'a>> {
        *self = match scalar {
            Scalar::Text(text) => text.into(),
            Scalar::Owned(text) => text,
            other => return Err(other),
        };
        Ok(())
    }
}

impl Wire for bool {
    fn read_scalar<'a>(&mut self, scalar: Scalar<'a>) -> Result<(), Scalar<'a>> {
        *self = match scalar {
            Scalar::Bool(value) => value,
            other => return Err(other),
        };
        Ok(())
    }
}

/// Accepts a number that the type can represent.
macro_rules! numbers {
    ($($number:ty: $convert:expr;)*) => {
        $(
            impl Wire for $number {
                fn read_scalar<'a>(&mut self, scalar: Scalar<'a>) -> Result<(), Scalar<'a>> {
                    *self = match scalar {
                        Scalar::Number(number) => $convert(number).ok_or(scalar)?,
                        other => return Err(other),
                    };
                    Ok(())
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

impl<T: Wire + Default> Wire for Vec<T> {
    fn read_list(&mut self, elements: &mut dyn Elements) -> Result<Seen, Failed> {
        read_elements(self, elements)
    }
}

/// A list that is being read.
trait Growing: Encode {
    /// Adds an empty element.
    fn grow(&mut self) -> &mut dyn Wire;

    /// Removes the last element.
    fn shrink(&mut self);
}

impl<T: Wire + Default> Growing for Vec<T> {
    fn grow(&mut self) -> &mut dyn Wire {
        let at = self.len();
        self.push(T::default());
        &mut self[at]
    }

    fn shrink(&mut self) {
        self.pop();
    }
}

fn read_elements(list: &mut dyn Growing, elements: &mut dyn Elements) -> Result<Seen, Failed> {
    let mut spelled = false;
    loop {
        let mut next = Next {
            list,
            seen: Seen::Value,
        };
        if !elements.next(&mut next)? {
            break;
        }
        match next.seen {
            Seen::Value | Seen::Null => {}
            Seen::Spelled(_) => spelled = true,
            Seen::Foreign(_) if spelled => {
                while elements.next_raw()?.is_some() {}
                return Ok(Seen::Foreign(elements.next_raw()?.unwrap_or_default()));
            }
            Seen::Foreign(raw) => {
                list.shrink();
                return rest_of_foreign(list, &raw, elements).map(Seen::Foreign);
            }
        }
    }
    if spelled {
        // Only `halves::Reader` gets here; it starts over and passes the whole list.
        let raw = elements.next_raw()?.unwrap_or_default();
        return Ok(Seen::Spelled(raw));
    }
    Ok(Seen::Value)
}

/// A sink that adds the value to a list.
struct Next<'a> {
    list: &'a mut dyn Growing,
    seen: Seen,
}

impl Sink for Next<'_> {
    fn scalar(&mut self, scalar: Scalar<'_>) {
        let value = self.list.grow();
        let seen = accept(value, scalar);
        self.seen = settle(value, seen, true);
    }

    fn list(&mut self, elements: &mut dyn Elements) -> Result<(), Failed> {
        let value = self.list.grow();
        let seen = value.read_list(elements)?;
        self.seen = settle(value, seen, true);
        Ok(())
    }

    fn object(&mut self, fields: &mut dyn Fields) -> Result<(), Failed> {
        let value = self.list.grow();
        let seen = value.read_object(fields)?;
        self.seen = settle(value, seen, true);
        Ok(())
    }
}

impl<T: Wire> Wire for Box<T> {
    fn read_scalar<'a>(&mut self, scalar: Scalar<'a>) -> Result<(), Scalar<'a>> {
        (**self).read_scalar(scalar)
    }

    fn read_list(&mut self, elements: &mut dyn Elements) -> Result<Seen, Failed> {
        (**self).read_list(elements)
    }

    fn read_object(&mut self, fields: &mut dyn Fields) -> Result<Seen, Failed> {
        (**self).read_object(fields)
    }

    fn absorb(&mut self, raw: RawJson) -> Result<(), RawJson> {
        (**self).absorb(raw)
    }

    fn verbatim(&mut self) -> Option<&mut RawJson> {
        (**self).verbatim()
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
