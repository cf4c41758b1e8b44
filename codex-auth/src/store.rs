//! Stored logins.

#[cfg(feature = "std")]
pub(crate) mod file;
#[cfg(feature = "keyring")]
pub(crate) mod keyring;
pub(crate) mod record;
pub(crate) mod session;
pub(crate) mod token_store;
