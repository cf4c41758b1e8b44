//! The lock that this crate uses. `tests/flight_model.rs` compiles a flight with another, which
//! explores the order of its operations.

pub(crate) use std::sync::{Mutex, MutexGuard};
