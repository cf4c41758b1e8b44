#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(feature = "chat")]
pub mod chat;
mod conversation;
mod error;
mod event;
mod extra;
mod halves;
mod heap_size;
mod item;
mod json;
pub mod lint;
mod map;
mod memo;
pub mod model_name;
mod models;
mod number;
mod part;
pub mod profile;
mod rate_limit;
mod raw;
mod request;
mod response;
#[cfg(feature = "schemars")]
mod schema;
mod secret;
mod tool;
mod unknown;
mod webhook;
mod wire;

pub use conversation::*;
pub use error::*;
pub use event::*;
pub use extra::Extra;
pub use halves::Halves;
pub use heap_size::HeapSize;
pub use item::*;
pub use map::Map;
pub use models::*;
pub use number::Number;
pub use part::*;
pub use rate_limit::*;
pub use raw::RawJson;
pub use request::*;
pub use response::*;
pub use secret::Secret;
pub use tool::*;
pub use unknown::Unknown;
pub use webhook::*;
pub use wire::open::Unlisted;
