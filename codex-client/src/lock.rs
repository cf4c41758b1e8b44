//! Locking without poison: a holder that panics leaves no data of this crate half changed, so a
//! poisoned mutex is used as it is.

use std::sync::PoisonError;

use crate::sync::{Mutex, MutexGuard};

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the data without locking.
#[cfg(feature = "sockets")]
pub(crate) fn get_mut<T>(mutex: &mut Mutex<T>) -> &mut T {
    mutex.get_mut().unwrap_or_else(PoisonError::into_inner)
}
