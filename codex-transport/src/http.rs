//! Requests, responses and their bodies.

pub(crate) mod body;
pub(crate) mod encoding;
#[cfg(feature = "hyper")]
pub(crate) mod exchange;
pub(crate) mod redirects;
pub(crate) mod request_id;
pub(crate) mod transport;
