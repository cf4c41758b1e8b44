//! The OAuth authority: its profile, the calls to it, and the credential source that renews a
//! login.

pub(crate) mod calls;
pub(crate) mod decide;
mod flight;
#[cfg(test)]
mod flight_tests;
pub(crate) mod profile;
pub(crate) mod registration;
mod renew;
pub(crate) mod response;
pub(crate) mod send;
pub(crate) mod source;
mod state;
