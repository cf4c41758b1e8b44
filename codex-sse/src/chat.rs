//! Chat Completions streams, based on the accumulator.
//!
//! [`ToChatChunks`] converts events to chat chunks, for a chat front end over a Responses service;
//! [`ToResponseEvents`] converts chat chunks to events, for a Responses front end over a chat-only
//! server. Both use an [`Accumulator`](crate::Accumulator), so both give its guarantees: all
//! content exactly once, from the first source that contains it. [`codex_types::chat::translate`]
//! translates whole requests and responses.

mod call_events;
mod calls;
mod close;
mod decode;
mod free_text;
mod items;
mod lifecycle;
mod think;
mod to_chunks;
mod to_events;
mod written;

pub use decode::ChatEventDecoder;
pub use to_chunks::ToChatChunks;
pub use to_events::ToResponseEvents;
pub use written::ChatStreamEvent;
