//! Chat Completions streams on top of the one assembler.
//!
//! [`ToChatChunks`] makes chat chunks out of events, for a chat front before a Responses service; [`ToResponseEvents`] makes events out of
//! chat chunks, for a Responses front before a server that offers only chat. Both run on an [`Accumulator`](crate::Accumulator), so that
//! what holds for one stream holds for all: each piece once, from the first source that has it. Whole requests and responses are
//! translated by [`codex_types::chat::translate`].

mod calls;
mod close;
mod decode;
mod free_text;
mod think;
mod to_chunks;
mod to_events;

pub use decode::ChatEventDecoder;
pub use to_chunks::{ChatStreamEvent, ToChatChunks};
pub use to_events::ToResponseEvents;
