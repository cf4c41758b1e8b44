//! Lossless reading and writing of JSON.
//!
//! serde's derive cannot do three things this crate promises: keep unknown keys verbatim without
//! buffering the object, treat `null` like a missing key and still write it back, and choose the
//! variant of a tagged union without parsing twice. So the types here are read by hand-written
//! code, and three macros declare them: [`open_enum!`](open), [`object!`](object) and
//! [`tagged!`](tagged), plus [`either!`](either) for values that are text or structure. That code
//! works on trait objects ([`source`], [`encode`]), so that a type is compiled once.
//!
//! The central guarantee is that reading is *total*: any valid JSON is accepted for any type. A
//! value of an unexpected type is returned as [`Seen::Foreign`](read::Seen::Foreign) and goes into
//! an `Unknown` variant or the `extra` of the enclosing object. A server that changes the type of
//! one field costs a client that field, never the event.

pub(crate) mod cursor;
pub(crate) mod either;
pub(crate) mod encode;
pub(crate) mod field;
pub(crate) mod key;
pub(crate) mod known;
pub(crate) mod object;
pub(crate) mod open;
mod primitive;
pub(crate) mod read;
pub(crate) mod source;
pub(crate) mod tagged;
pub(crate) mod text;
pub(crate) mod write;
