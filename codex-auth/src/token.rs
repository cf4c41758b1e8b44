//! Tokens, and the sources of credentials that need no authority.

pub(crate) mod audience;
pub(crate) mod closure;
pub(crate) mod environment;
pub(crate) mod fixed;
pub(crate) mod set;
pub(crate) mod source;
