//! Sign-in flows: state machines without I/O.

pub(crate) mod authorize;
pub(crate) mod browser;
pub(crate) mod device;
pub(crate) mod listener;
pub(crate) mod redirect;
pub(crate) mod sign_in;
