#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::std_instead_of_core)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod boxed;
#[cfg(feature = "chat")]
pub mod chat;
pub mod conversation;
pub mod error;
pub mod event;
mod extra;
mod halves;
mod heap_size;
pub mod item;
mod json;
mod known_models;
pub mod lint;
mod map;
mod memo;
pub mod model_name;
pub mod models;
mod number;
pub mod part;
mod price;
pub mod profile;
pub mod rate_limit;
mod raw;
pub mod request;
pub mod response;
#[cfg(feature = "schemars")]
mod schema;
mod secret;
pub mod tool;
mod unknown;
pub mod webhook;
mod wire;

/// JSON that is kept verbatim, and the other types of which values consist.
pub mod values {
    pub use crate::boxed::{Boxed, Discard};
    pub use crate::extra::Extra;
    pub use crate::halves::Halves;
    pub use crate::heap_size::HeapSize;
    pub use crate::map::Map;
    pub use crate::number::Number;
    pub use crate::raw::RawJson;
    pub use crate::secret::Secret;
    pub use crate::unknown::Unknown;
    pub use crate::wire::open::Unlisted;
}

#[doc(inline)]
pub use error::{ApiError, DecodeError};
#[doc(inline)]
pub use event::{EventKind, ResponseEvent};
#[doc(inline)]
pub use item::{FunctionCall, InputItem, Message, OutputItem};
#[doc(inline)]
pub use raw::RawJson;
#[doc(inline)]
pub use request::CreateResponse;
#[doc(inline)]
pub use response::Response;
#[doc(inline)]
pub use tool::{FunctionTool, Tool};

// Every other name is also at the root; the documentation shows it in its module.
#[doc(hidden)]
pub use boxed::{Boxed, Discard};
#[doc(hidden)]
pub use conversation::*;
#[doc(hidden)]
pub use error::*;
#[doc(hidden)]
pub use event::*;
#[doc(hidden)]
pub use extra::Extra;
#[doc(hidden)]
pub use halves::Halves;
#[doc(hidden)]
pub use heap_size::HeapSize;
#[doc(hidden)]
pub use item::*;
#[doc(hidden)]
pub use map::Map;
#[doc(hidden)]
pub use models::*;
#[doc(hidden)]
pub use number::Number;
#[doc(hidden)]
pub use part::*;
pub use price::*;
#[doc(hidden)]
pub use rate_limit::*;
#[doc(hidden)]
pub use request::*;
#[doc(hidden)]
pub use response::*;
#[doc(hidden)]
pub use secret::Secret;
#[doc(hidden)]
pub use tool::*;
#[doc(hidden)]
pub use unknown::Unknown;
#[doc(hidden)]
pub use webhook::*;
#[doc(hidden)]
pub use wire::open::Unlisted;
