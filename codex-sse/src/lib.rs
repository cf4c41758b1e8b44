#![cfg_attr(feature = "events", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "events"),
    doc = "Server-sent events, from bytes to frames, without I/O: see [`Decoder`]."
)]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "events")]
mod accumulate;
mod chunk;
mod decoder;
mod encode;
mod error;
#[cfg(feature = "events")]
mod event;
mod frame;
mod frame_buf;
mod held;
mod limits;
mod line;
#[cfg(feature = "stream")]
mod stream;
mod text;
#[cfg(feature = "events")]
mod view;

#[cfg(feature = "events")]
pub use accumulate::{Accumulator, Outcome};
pub use chunk::Chunk;
pub use decoder::{Decoder, FramePart, Tail};
pub use error::{Error, ErrorKind, Side};
#[cfg(feature = "events")]
pub use event::EventDecoder;
pub use frame::Frame;
pub use frame_buf::FrameBuf;
pub use limits::Limits;
#[cfg(feature = "stream")]
pub use stream::{Frames, FramesError};
#[cfg(feature = "events")]
pub use view::{Malformed, View, Viewer};
