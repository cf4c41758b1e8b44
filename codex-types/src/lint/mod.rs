//! Finding what the service would refuse, before it is sent.

mod finding;
mod patch;
pub(crate) mod tree;

pub use finding::{Finding, FindingCode, Fix, Severity};
pub(crate) use patch::push_step;
pub use patch::{Edit, apply};
