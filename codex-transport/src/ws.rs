//! WebSockets.

pub(crate) mod connection;
#[cfg(feature = "ws")]
pub(crate) mod framed;
pub(crate) mod options;
#[cfg(feature = "ws")]
pub(crate) mod socket;
pub(crate) mod transport;
#[cfg(feature = "ws")]
pub(crate) mod upgrade;
