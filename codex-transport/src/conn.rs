//! Connections: how they are opened, pooled and assigned to requests.

#[cfg(feature = "hyper")]
pub(crate) mod connector;
#[cfg(feature = "hyper")]
pub(crate) mod hyper_error;
#[cfg(feature = "hyper")]
pub(crate) mod limits;
#[cfg(feature = "hyper")]
pub(crate) mod lingering;
pub(crate) mod options;
#[cfg(feature = "hyper")]
pub(crate) mod pool;
#[cfg(feature = "proxy")]
pub(crate) mod proxy;
#[cfg(feature = "hyper")]
pub(crate) mod request_body;
#[cfg(feature = "hyper")]
mod resolver;
#[cfg(feature = "hyper")]
pub(crate) mod stream;
#[cfg(any(feature = "proxy", feature = "ws"))]
pub(crate) mod takeover;
#[cfg(feature = "tls")]
pub(crate) mod tls;
#[cfg(feature = "proxy")]
mod tunnel;
pub(crate) mod versions;
