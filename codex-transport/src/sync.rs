//! The lock and the atomics of the connection pool. `tests/pool_model.rs` compiles the pool with
//! others, which explore the order of their operations.

#[cfg(feature = "hyper")]
pub(crate) use core::sync::atomic::AtomicUsize;
pub(crate) use std::sync::{Mutex, MutexGuard};
