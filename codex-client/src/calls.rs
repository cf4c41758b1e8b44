//! The calls of the API. Each names its method, its path and the type of its response; options and sending are the same for all.

pub(crate) mod bytes;
pub(crate) mod call;
#[cfg(feature = "chat")]
pub(crate) mod chat;
pub(crate) mod compact;
pub(crate) mod create;
mod known;
mod models;
pub(crate) mod pages;
mod raw;
pub(crate) mod stored;
pub(crate) mod stream;
mod unary;
mod usage;
