//! The side at fault for an error.

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
