//! The macro that declares objects.

/// Declares an object of the wire.
///
/// ```text
/// object! {
///     /// Docs.
///     pub struct FunctionCall tag "function_call" {
///         required {
///             /// Always present; an argument of `new`.
///             call_id: String,
///         }
///         plain {
///             /// Nearly always present; not an argument of `new`.
///             queries: Vec<String>,
///         }
///         optional {
///             /// An `Option`, with a setter of the same name.
///             is_async as "async" = bool,
///         }
///     }
/// }
/// ```
///
/// `tag` is the value of `type`, for an object with exactly one. `as` gives the key if the field
/// cannot have its name. `=` instead of `:` makes arguments take exactly that type rather than
/// `impl Into`, which integer literals need. On the wire the keys come in the order of declaration,
/// then the extras. `with overlay` after the name implements
/// [`Overlay`](super::known::Overlay).
macro_rules! object {
    (
        $(#[$meta:meta])*
        pub struct $name:ident $(tag $tag:literal)? $(with $overlay:ident)? {
            $(required { $(
                $(#[$required_meta:meta])*
                $required:ident $(as $required_name:literal)?
                    $(= $required_exact:ty)? $(: $required_type:ty)?
            ),* $(,)? })?
            $(plain { $(
                $(#[$plain_meta:meta])*
                $plain:ident $(as $plain_name:literal)?: $plain_type:ty
            ),* $(,)? })?
            $(optional { $(
                $(#[$optional_meta:meta])*
                $optional:ident $(as $optional_name:literal)?
                    $(= $optional_exact:ty)? $(: $optional_type:ty)?
            ),* $(,)? })?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug)]
        #[non_exhaustive]
        pub struct $name {
            $($(
                $(#[$required_meta])*
                pub $required: $($required_exact)? $($required_type)?,
            )*)?
            $($(
                $(#[$plain_meta])*
                pub $plain: $plain_type,
            )*)?
            $($(
                $(#[$optional_meta])*
                pub $optional: Option<$($optional_exact)? $($optional_type)?>,
            )*)?
            /// Unknown keys, and which known keys were missing or `null`.
            pub extra: $crate::Extra,
        }

        $(
            impl $name {
                /// Creates a value from the keys that the API requires.
                #[allow(clippy::too_many_arguments, reason = "one argument for each required key")]
                #[allow(clippy::new_without_default, reason = "an empty object has no type yet")]
                pub fn new(
                    $($required: $($required_exact)? $(impl Into<$required_type>)?),*
                ) -> Self {
                    Self {
                        $($required: $required.into(),)*
                        extra: $crate::Extra::default(),
                        ..Self::default()
                    }
                }
            }
        )?

        $(
            impl $name {
                $(
                    #[doc = concat!("Sets [`", stringify!($optional), "`](field@Self::", stringify!($optional), ").")]
                    #[must_use]
                    pub fn $optional(
                        mut self,
                        $optional: $($optional_exact)? $(impl Into<$optional_type>)?
                    ) -> Self {
                        self.$optional = Some($optional.into());
                        self
                    }
                )*
            }
        )?

        // Derived, these would be inline: each crate would compile them again, with all fields.
        impl Clone for $name {
            fn clone(&self) -> Self {
                Self {
                    $($($required: Clone::clone(&self.$required),)*)?
                    $($($plain: Clone::clone(&self.$plain),)*)?
                    $($($optional: Clone::clone(&self.$optional),)*)?
                    extra: Clone::clone(&self.extra),
                }
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                $($(self.$required == other.$required &&)*)?
                $($(self.$plain == other.$plain &&)*)?
                $($(self.$optional == other.$optional &&)*)?
                self.extra == other.extra
            }
        }

        /// Empty fields are not written, required or not.
        impl Default for $name {
            fn default() -> Self {
                Self {
                    $($($required: Default::default(),)*)?
                    $($($plain: Default::default(),)*)?
                    $($($optional: None,)*)?
                    extra: $crate::Extra::vacant(),
                }
            }
        }

        const _: () = {
            use $crate::wire::field::Field;
            use $crate::wire::known::Object;

            #[allow(non_camel_case_types, reason = "the variants have the names of the fields")]
            #[allow(dead_code, reason = "Rust 1.88 does not count the casts in constants as uses")]
            enum Key {
                $($($required,)*)?
                $($($plain,)*)?
                $($($optional,)*)?
                /// The number of keys.
                Count_,
            }

            const _: () = assert!(Key::Count_ as usize <= 63, "one bit for each key, and one for the tag");

            const KEYS: &[&str] = &[
                $($($crate::wire::object::wire_name!($required $(as $required_name)?),)*)?
                $($($crate::wire::object::wire_name!($plain $(as $plain_name)?),)*)?
                $($($crate::wire::object::wire_name!($optional $(as $optional_name)?),)*)?
            ];

            impl Object for $name {
                fn tag(&self) -> Option<&'static str> {
                    $crate::wire::object::optional!($($tag)?)
                }

                fn keys(&self) -> &'static [&'static str] {
                    KEYS
                }

                #[allow(unused_variables, reason = "some objects have no known key")]
                fn field(&self, key: u8) -> Option<&dyn Field> {
                    $($(if key == Key::$required as u8 {
                        return Some(&self.$required);
                    })*)?
                    $($(if key == Key::$plain as u8 {
                        return Some(&self.$plain);
                    })*)?
                    $($(if key == Key::$optional as u8 {
                        return Some(&self.$optional);
                    })*)?
                    None
                }

                #[allow(unused_variables, reason = "some objects have no known key")]
                fn field_mut(&mut self, key: u8) -> Option<&mut dyn Field> {
                    $($(if key == Key::$required as u8 {
                        return Some(&mut self.$required);
                    })*)?
                    $($(if key == Key::$plain as u8 {
                        return Some(&mut self.$plain);
                    })*)?
                    $($(if key == Key::$optional as u8 {
                        return Some(&mut self.$optional);
                    })*)?
                    None
                }

                fn extra(&self) -> &$crate::Extra {
                    &self.extra
                }

                fn extra_mut(&mut self) -> &mut $crate::Extra {
                    &mut self.extra
                }
            }

            $crate::wire::object::overlay! {
                $($overlay)?
                $name { $($($required)*)? $($($plain)*)? $($($optional)*)? }
            }
        };

        impl $crate::boxed::Discard for $name {
            #[inline(never)]
            fn discard(self: alloc::boxed::Box<Self>) {}
        }

        impl $crate::HeapSize for $name {
            fn heap_size(&self) -> usize {
                $crate::wire::known::heap_size(self)
            }
        }

        impl $crate::wire::read::Wire for $name {
            fn read_object(
                &mut self,
                fields: &mut dyn $crate::wire::source::Fields,
            ) -> Result<$crate::wire::read::Seen, $crate::wire::source::Failed> {
                $crate::wire::known::read_object(self, fields)?;
                Ok($crate::wire::read::Seen::Value)
            }
        }

        impl $crate::wire::encode::Encode for $name {
            fn encode(
                &self,
                encoder: &mut dyn $crate::wire::encode::Encoder,
            ) -> Result<(), $crate::wire::source::Failed> {
                $crate::wire::write::write_object(self, None, encoder)
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
pub(crate) use object;

macro_rules! overlay {
    (overlay $name:ident { $($field:ident)* }) => {
        impl $crate::wire::known::Overlay for $name {
            fn overlay_fields(&mut self, newer: &mut Self) -> u64 {
                let mut taken = 0;
                $(
                    let index = Key::$field as u8;
                    let bit = $crate::wire::known::bit(index);
                    let was_missing = newer.extra.was_missing(bit);
                    if Field::value(&newer.$field, was_missing).is_some() {
                        self.$field = core::mem::take(&mut newer.$field);
                        self.extra
                            .replaced(KEYS[usize::from(index)], bit, &newer.extra);
                        taken |= bit;
                    }
                )*
                taken
            }
        }
    };
    ($name:ident { $($field:ident)* }) => {};
}
pub(crate) use overlay;

/// The key of a field on the wire: its own name unless another is given.
macro_rules! wire_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident as $name:literal) => {
        $name
    };
}
pub(crate) use wire_name;

macro_rules! optional {
    () => {
        None
    };
    ($value:literal) => {
        Some($value)
    };
}
pub(crate) use optional;
