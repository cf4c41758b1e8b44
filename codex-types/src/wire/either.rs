//! Values that are either text or a structure.

/// Declares a union of text and a structure, distinguished by the form of the JSON value.
///
/// ```text
/// either! {
///     /// Docs.
///     pub enum Input {
///         /// Docs.
///         text Text(String),
///         /// Docs.
///         other Items(Vec<InputItem>),
///         /// Docs.
///         made Prepared(PreparedInput),
///     }
/// }
/// ```
///
/// A value that fits neither is kept in `Unknown`. A form that is `made` is only written, never
/// read.
macro_rules! either {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $(#[$text_meta:meta])*
            text $text:ident($text_type:ty),
            $(#[$other_meta:meta])*
            other $other:ident($other_type:ty) $(,)?
            $(
                $(#[$made_meta:meta])*
                made $made:ident($made_type:ty) $(,)?
            )?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug)]
        #[non_exhaustive]
        pub enum $name {
            $(#[$text_meta])*
            $text($text_type),
            $(#[$other_meta])*
            $other($other_type),
            $(
                $(#[$made_meta])*
                $made($made_type),
            )?
            /// A form that this version does not know, kept verbatim.
            Unknown($crate::RawJson),
        }

        // Derived, these would be inline: each crate would compile them again, with all variants.
        impl Clone for $name {
            fn clone(&self) -> Self {
                match self {
                    Self::$text(text) => Self::$text(Clone::clone(text)),
                    Self::$other(value) => Self::$other(Clone::clone(value)),
                    $(Self::$made(value) => Self::$made(<$made_type as Clone>::clone(value)),)?
                    Self::Unknown(raw) => Self::Unknown(Clone::clone(raw)),
                }
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                match (self, other) {
                    (Self::$text(text), Self::$text(other)) => text == other,
                    (Self::$other(value), Self::$other(other)) => value == other,
                    $((Self::$made(value), Self::$made(other)) => {
                        <$made_type as PartialEq>::eq(value, other)
                    })?
                    (Self::Unknown(raw), Self::Unknown(other)) => raw == other,
                    _ => false,
                }
            }
        }

        impl Default for $name {
            /// Returns the value `null`.
            fn default() -> Self {
                Self::Unknown($crate::RawJson::default())
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::$text(text.into())
            }
        }

        impl From<alloc::string::String> for $name {
            fn from(text: alloc::string::String) -> Self {
                Self::$text(text.into())
            }
        }

        impl From<$other_type> for $name {
            fn from(value: $other_type) -> Self {
                Self::$other(value)
            }
        }

        $(
            impl From<$made_type> for $name {
                fn from(value: $made_type) -> Self {
                    Self::$made(value)
                }
            }
        )?

        impl $crate::HeapSize for $name {
            fn heap_size(&self) -> usize {
                match self {
                    Self::$text(text) => $crate::HeapSize::heap_size(text),
                    Self::$other(value) => $crate::HeapSize::heap_size(value),
                    $(Self::$made(value) => <$made_type as $crate::HeapSize>::heap_size(value),)?
                    Self::Unknown(raw) => $crate::HeapSize::heap_size(raw),
                }
            }
        }

        impl $crate::wire::read::Wire for $name {
            fn read_scalar<'a>(
                &mut self,
                scalar: $crate::wire::source::Scalar<'a>,
            ) -> Result<(), $crate::wire::source::Scalar<'a>> {
                if !scalar.is_text() {
                    return Err(scalar);
                }
                let mut text = <$text_type>::default();
                $crate::wire::read::Wire::read_scalar(&mut text, scalar)?;
                *self = Self::$text(text);
                Ok(())
            }

            fn read_list(
                &mut self,
                elements: &mut dyn $crate::wire::source::Elements,
            ) -> Result<$crate::wire::read::Seen, $crate::wire::source::Failed> {
                let mut value = <$other_type>::default();
                let seen = $crate::wire::read::Wire::read_list(&mut value, elements)?;
                *self = Self::$other(value);
                Ok(seen)
            }

            fn read_object(
                &mut self,
                fields: &mut dyn $crate::wire::source::Fields,
            ) -> Result<$crate::wire::read::Seen, $crate::wire::source::Failed> {
                let mut value = <$other_type>::default();
                let seen = $crate::wire::read::Wire::read_object(&mut value, fields)?;
                *self = Self::$other(value);
                Ok(seen)
            }

            fn absorb(&mut self, raw: $crate::RawJson) -> Result<(), $crate::RawJson> {
                *self = Self::Unknown(raw);
                Ok(())
            }
        }

        impl $crate::wire::encode::Encode for $name {
            fn encode(
                &self,
                encoder: &mut dyn $crate::wire::encode::Encoder,
            ) -> Result<(), $crate::wire::source::Failed> {
                use $crate::wire::encode::Encode;
                match self {
                    Self::$text(text) => Encode::encode(text, encoder),
                    Self::$other(value) => Encode::encode(value, encoder),
                    $(Self::$made(value) => <$made_type as Encode>::encode(value, encoder),)?
                    Self::Unknown(raw) => Encode::encode(raw, encoder),
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
pub(crate) use either;
