#![cfg_attr(feature = "events", doc = include_str!("../README.md"))]
#![warn(clippy::std_instead_of_core)]
#![cfg_attr(
    not(feature = "events"),
    doc = "A decoder for server-sent events, from bytes to frames, without I/O: see [`Decoder`]."
)]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

#[cfg(feature = "events")]
mod accumulate;
#[cfg(feature = "chat")]
pub mod chat;
mod chunk;
mod decoder;
mod encode;
mod error;
#[cfg(feature = "events")]
mod event;
#[cfg(all(feature = "events", feature = "stream"))]
mod events;
mod frame;
mod frame_buf;
mod held;
mod limits;
mod line;
#[cfg(feature = "stream")]
mod stream;
mod text;
#[cfg(feature = "events")]
mod updates;
#[cfg(feature = "events")]
mod values;

#[cfg(feature = "events")]
pub use accumulate::{Accumulator, Diagnostic, DiagnosticKind, Outcome};
pub use chunk::CheckedChunk;
pub use decoder::parts::FramePart;
pub use decoder::{Decoder, Tail};
pub use error::{Error, ErrorKind, Side};
#[cfg(feature = "events")]
pub use event::EventDecoder;
#[cfg(all(feature = "events", feature = "stream"))]
pub use events::Events;
pub use frame::Frame;
pub use frame_buf::FrameBuf;
pub use limits::Limits;
#[cfg(feature = "stream")]
pub use stream::{Frames, StreamError};
#[cfg(feature = "events")]
pub use updates::{Update, Updates};
