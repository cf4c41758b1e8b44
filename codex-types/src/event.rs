//! The events of a response, over SSE and WebSockets.

mod author;
mod backend;
pub(crate) mod common;
mod delta;
mod delta_fast;
mod delta_read;
mod payload;
mod read;
mod union;
mod view;

pub use backend::*;
pub use delta::{Delta, DeltaKind, DeltaRef};
pub use payload::*;
pub use union::{EventKind, ResponseEvent};
pub use view::EventRef;
