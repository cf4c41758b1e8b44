use std::sync::PoisonError;

use crate::sync::{Mutex, MutexGuard};

/// Locks the mutex, even after a panic elsewhere: the data that these mutexes guard is valid
/// between any two statements.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
