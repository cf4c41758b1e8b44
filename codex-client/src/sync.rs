//! The lock that this crate uses. `tests/limits_model.rs` compiles the known limits with another,
//! which explores the order of its operations.

pub(crate) use std::sync::{Mutex, MutexGuard};
