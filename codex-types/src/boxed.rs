//! Boxes whose contents are dropped by code that exists once.

use alloc::boxed::Box;
use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::HeapSize;

/// An object of the wire in a box: a [`Box`], except for how it is dropped.
///
/// The compiler repeats the code that drops a `Box<T>` in each part of a program that drops one,
/// together with the code for all that a `T` contains. A `Boxed<T>` calls one function instead,
/// which is compiled with this crate. The variants of the large unions hold these, which makes a
/// small agent 7 % smaller.
///
/// ```
/// use codex_types::{FunctionCall, OutputItem};
///
/// let call = FunctionCall::new("call_1", "weather", r#"{"city":"Bern"}"#);
/// let item = OutputItem::FunctionCall(call.into());
/// if let OutputItem::FunctionCall(call) = item {
///     assert_eq!(call.name, "weather");
///     let arguments: String = call.into_inner().arguments;
///     assert_eq!(arguments, r#"{"city":"Bern"}"#);
/// }
/// ```
// The box is taken out when this is dropped, and never otherwise. `ManuallyDrop` keeps the compiler
// from dropping the empty place as well, which would repeat the code after all.
pub struct Boxed<T: Discard>(ManuallyDrop<Option<Box<T>>>);

/// A value that has a function to drop it. All objects of this crate have one.
pub trait Discard {
    /// Drops the value.
    fn discard(self: Box<Self>);
}

impl<T: Discard> Boxed<T> {
    /// Boxes a value.
    pub fn new(value: T) -> Self {
        Self(ManuallyDrop::new(Some(Box::new(value))))
    }

    /// Returns the value.
    pub fn into_inner(self) -> T {
        *self.into_box()
    }

    /// Returns the value in an ordinary box, without moving it.
    pub fn into_box(mut self) -> Box<T> {
        match self.0.take() {
            Some(value) => value,
            None => dropped(),
        }
    }
}

impl<T: Discard> Drop for Boxed<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(value) = self.0.take() {
            value.discard();
        }
    }
}

impl<T: Discard> Deref for Boxed<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        match &*self.0 {
            Some(value) => value,
            None => dropped(),
        }
    }
}

impl<T: Discard> DerefMut for Boxed<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        match &mut *self.0 {
            Some(value) => value,
            None => dropped(),
        }
    }
}

#[cold]
#[inline(never)]
fn dropped() -> ! {
    unreachable!("only dropping takes the value out of its box")
}

impl<T: Discard> From<T> for Boxed<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Discard + Clone> Clone for Boxed<T> {
    fn clone(&self) -> Self {
        Self::new(T::clone(self))
    }
}

impl<T: Discard + Default> Default for Boxed<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: Discard + PartialEq> PartialEq for Boxed<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Discard + fmt::Debug> fmt::Debug for Boxed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Discard + HeapSize> HeapSize for Boxed<T> {
    fn heap_size(&self) -> usize {
        size_of::<T>() + (**self).heap_size()
    }
}

impl<T: Discard + Serialize> Serialize for Boxed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de, T: Discard + Deserialize<'de>> Deserialize<'de> for Boxed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::new)
    }
}
