//! JSON Web Tokens: their claims, and the verification of ID tokens.

pub(crate) mod claims;
#[cfg(feature = "verify")]
pub(crate) mod verify;
