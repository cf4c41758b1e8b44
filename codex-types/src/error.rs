//! Errors: of this crate, and of the service.

mod api;
mod arguments;
mod category;
mod code;
mod decode;
mod delay;
mod event;
pub(crate) mod forms;
mod side;

pub use api::{ApiError, Misalignment, MisalignmentKind, MisalignmentSteer, PlanType};
pub use arguments::ArgumentsError;
pub use category::ErrorCategory;
pub use code::ErrorCode;
pub(crate) use decode::DEPTH_LIMIT;
pub use decode::{DecodeError, DecodeErrorKind};
pub(crate) use delay::duration;
pub use event::ErrorEvent;
pub(crate) use event::in_keys;
#[cfg(feature = "chat")]
pub(crate) use event::reported;
pub use side::Side;
