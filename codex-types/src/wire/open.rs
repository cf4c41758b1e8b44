//! Open enumerations of text, which the service may extend at any time.

use alloc::boxed::Box;

use super::encode::Encoder;
use super::source::Failed;
use crate::{HeapSize, Number, RawJson};

/// A value that this version does not list, kept as it was read.
///
/// It cannot be matched or constructed, only read as text through the `as_str` of its enumeration.
/// So if a later version lists the value as a variant, code that compares text sees no difference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Unlisted {
    text: Box<str>,
    /// The value was a number. Some servers write numeric levels where text is usual.
    number: bool,
}

impl Unlisted {
    /// Returns the text; the digits of a value that was a number.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn text(text: impl Into<Box<str>>) -> Self {
        Self {
            text: text.into(),
            number: false,
        }
    }

    pub(crate) fn number(number: Number) -> Self {
        Self {
            // Kept as JSON, so that `76.0` does not become `76`.
            text: RawJson::encode(&number).unwrap_or_default().as_str().into(),
            number: true,
        }
    }

    pub(crate) fn encode(&self, encoder: &mut dyn Encoder) -> Result<(), Failed> {
        if self.number {
            if let Ok(whole) = self.text.parse::<u64>() {
                return encoder.number(whole.into());
            }
            if let Ok(whole) = self.text.parse::<i64>() {
                return encoder.number(whole.into());
            }
            if let Ok(fraction) = self.text.parse::<f64>() {
                return encoder.number(fraction.into());
            }
        }
        encoder.text(&self.text)
    }
}

impl HeapSize for Unlisted {
    fn heap_size(&self) -> usize {
        self.text.len()
    }
}

/// Declares an open enumeration of text.
///
/// ```text
/// open_enum! {
///     /// Docs.
///     pub enum Effort {
///         /// Docs.
///         Low = "low",
///     }
/// }
/// ```
macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $(
                $(#[$variant_meta:meta])*
                $variant:ident = $text:literal
            ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $(
                $(#[$variant_meta])*
                $variant,
            )*
            /// A value that this version does not list; [`as_str`](Self::as_str) returns it.
            Unlisted($crate::Unlisted),
        }

        impl $name {
            /// All values that this version lists, as on the wire.
            pub const VALUES: &'static [&'static str] = &[$($text),*];

            /// Returns the value as text, as it is written on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Unlisted(unlisted) => unlisted.as_str(),
                }
            }

            /// Returns whether this version lists the value, so that it has a variant of its own.
            pub fn is_listed(&self) -> bool {
                !matches!(self, Self::Unlisted(_))
            }

            fn listed(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl Default for $name {
            /// Returns the empty text.
            fn default() -> Self {
                Self::Unlisted($crate::Unlisted::default())
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::listed(text)
                    .unwrap_or_else(|| Self::Unlisted($crate::Unlisted::text(text)))
            }
        }

        impl From<alloc::string::String> for $name {
            fn from(text: alloc::string::String) -> Self {
                Self::listed(&text)
                    .unwrap_or_else(|| Self::Unlisted($crate::Unlisted::text(text)))
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, text: &str) -> bool {
                self.as_str() == text
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, text: &&str) -> bool {
                self.as_str() == *text
            }
        }

        impl $crate::HeapSize for $name {
            fn heap_size(&self) -> usize {
                match self {
                    Self::Unlisted(unlisted) => $crate::HeapSize::heap_size(unlisted),
                    _ => 0,
                }
            }
        }

        impl $crate::wire::read::Wire for $name {
            fn read_scalar<'a>(
                &mut self,
                scalar: $crate::wire::source::Scalar<'a>,
            ) -> Result<(), $crate::wire::source::Scalar<'a>> {
                use $crate::wire::source::Scalar;
                *self = match scalar {
                    Scalar::Text(text) => text.into(),
                    Scalar::Owned(text) => text.into(),
                    Scalar::Number(number) => Self::Unlisted($crate::Unlisted::number(number)),
                    other => return Err(other),
                };
                Ok(())
            }
        }

        impl $crate::wire::encode::Encode for $name {
            fn encode(
                &self,
                encoder: &mut dyn $crate::wire::encode::Encoder,
            ) -> Result<(), $crate::wire::source::Failed> {
                match self {
                    Self::Unlisted(unlisted) => unlisted.encode(encoder),
                    listed => encoder.text(listed.as_str()),
                }
            }
        }

        $crate::wire::encode::serialize_by_encode!($name);

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::wire::read::deserialize(deserializer, stringify!($name))
            }
        }
    };
}
pub(crate) use open_enum;
