//! Errors: of this crate, and of the service.

mod api;
mod arguments;
mod category;
mod code;
mod decode;
mod delay;
mod event;
pub(crate) mod forms;

pub use api::{ApiError, Misalignment, MisalignmentKind, MisalignmentSteer, PlanType};
pub use arguments::ArgumentsError;
pub use category::ErrorCategory;
pub use code::ErrorCode;
pub(crate) use decode::DEPTH_LIMIT;
pub use decode::{DecodeError, DecodeErrorKind};
pub(crate) use delay::duration;
pub use event::ErrorEvent;

/// The side at fault for an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Side {
    /// The program that sent the request.
    Local,
    /// The service.
    Remote,
    /// The network between the two.
    Network,
}
