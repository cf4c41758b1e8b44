//! Numbers that keep their form: a whole number is not written back with a fraction.

use core::fmt;

use serde::{Serialize, Serializer};

use crate::HeapSize;

/// A JSON number, written back in the form in which it was read: whole or fractional.
///
/// The API sends timestamps as `1767225600` or `1767225600.5` and sampling parameters as `1` or
/// `1.0`; a plain `f64` would turn the first form into the second.
///
/// ```
/// use codex_types::Number;
///
/// assert_eq!(Number::from(1).to_string(), "1");
/// assert_eq!(Number::from(0.5).as_f64(), 0.5);
/// assert_eq!(Number::from(1_767_225_600_u64).as_u64(), Some(1_767_225_600));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number(Kind);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Unsigned(u64),
    Negative(i64),
    Float(f64),
}

impl Number {
    /// Returns the value as a floating-point number; whole numbers beyond 2⁵³ are rounded.
    pub fn as_f64(&self) -> f64 {
        match self.0 {
            Kind::Unsigned(value) => value as f64,
            Kind::Negative(value) => value as f64,
            Kind::Float(value) => value,
        }
    }

    /// Returns the value if it is a non-negative integer written without a fraction.
    pub fn as_u64(&self) -> Option<u64> {
        match self.0 {
            Kind::Unsigned(value) => Some(value),
            Kind::Negative(_) | Kind::Float(_) => None,
        }
    }

    /// Returns the value if it is an integer written without a fraction.
    pub fn as_i64(&self) -> Option<i64> {
        match self.0 {
            Kind::Unsigned(value) => i64::try_from(value).ok(),
            Kind::Negative(value) => Some(value),
            Kind::Float(_) => None,
        }
    }

    /// Returns the value rounded toward zero, if it is in the range of `u64`.
    ///
    /// Use it for timestamps: whole seconds, whether or not a fraction was sent.
    pub fn to_whole(&self) -> Option<u64> {
        match self.0 {
            Kind::Unsigned(value) => Some(value),
            Kind::Negative(_) => None,
            // 2⁶⁴ is the first float above the range; NaN is in no range.
            Kind::Float(value) if (0.0..18_446_744_073_709_551_616.0).contains(&value) => {
                Some(value as u64)
            }
            Kind::Float(_) => None,
        }
    }
}

impl HeapSize for Number {
    fn heap_size(&self) -> usize {
        0
    }
}

impl Default for Number {
    fn default() -> Self {
        Self(Kind::Unsigned(0))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Unsigned(value) => value.fmt(f),
            Kind::Negative(value) => value.fmt(f),
            Kind::Float(value) => value.fmt(f),
        }
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self(Kind::Unsigned(value))
    }
}

impl From<u32> for Number {
    fn from(value: u32) -> Self {
        Self(Kind::Unsigned(value.into()))
    }
}

impl From<u16> for Number {
    fn from(value: u16) -> Self {
        Self(Kind::Unsigned(value.into()))
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self(u64::try_from(value).map_or(Kind::Negative(value), Kind::Unsigned))
    }
}

impl From<i32> for Number {
    fn from(value: i32) -> Self {
        i64::from(value).into()
    }
}

impl From<f64> for Number {
    /// JSON has neither infinities nor NaN: such a value is written as `null`.
    fn from(value: f64) -> Self {
        Self(Kind::Float(value))
    }
}

impl From<f32> for Number {
    fn from(value: f32) -> Self {
        f64::from(value).into()
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Kind::Unsigned(value) => serializer.serialize_u64(value),
            Kind::Negative(value) => serializer.serialize_i64(value),
            Kind::Float(value) => serializer.serialize_f64(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_seconds_of_odd_numbers() {
        assert_eq!(Number::from(1.9).to_whole(), Some(1));
        assert_eq!(Number::from(-1).to_whole(), None);
        assert_eq!(Number::from(f64::NAN).to_whole(), None);
        assert_eq!(Number::from(1e300).to_whole(), None);
        assert_eq!(Number::from(-1).as_i64(), Some(-1));
    }
}
