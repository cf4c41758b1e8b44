//! Errors: our own, and those the service sends.

mod api;
mod arguments;
mod category;
mod code;
mod decode;
mod delay;
mod event;

pub use api::{ApiError, Misalignment, MisalignmentKind, MisalignmentSteer, PlanType};
pub use arguments::ArgumentsError;
pub use category::ErrorCategory;
pub use code::ErrorCode;
pub(crate) use decode::DEPTH_LIMIT;
pub use decode::{DecodeError, DecodeErrorKind};
pub(crate) use delay::duration;
pub use event::ErrorEvent;
pub(crate) use event::is_error;

/// Whose fault an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Side {
    /// The program that made the request.
    Local,
    /// The service.
    Remote,
    /// What lies between the two.
    Network,
}
