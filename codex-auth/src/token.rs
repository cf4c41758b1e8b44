//! Tokens, and the credential sources that need no authority.

pub(crate) mod audience;
pub(crate) mod closure;
pub(crate) mod environment;
pub(crate) mod fixed;
pub(crate) mod set;
pub(crate) mod source;
