//! The calls of the API. Each module defines the method, the path and the type of the response of
//! its calls; all of them share their options and the code that sends them.

pub(crate) mod bytes;
pub(crate) mod call;
#[cfg(feature = "chat")]
pub(crate) mod chat;
pub(crate) mod compact;
pub(crate) mod conversations;
pub(crate) mod create;
mod kept;
mod known;
mod models;
pub(crate) mod pages;
pub(crate) mod query;
mod raw;
mod rest;
pub(crate) mod resume;
pub(crate) mod stored;
pub(crate) mod stream;
mod unary;
mod usage;
