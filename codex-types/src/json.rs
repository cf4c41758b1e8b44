//! JSON as text: what the types below read from and write to.

pub(crate) mod reader;
pub(crate) mod scan;
pub(crate) mod surrogates;
pub(crate) mod text;
