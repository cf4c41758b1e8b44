//! A place for a result that is worked out again if it is not there.

use alloc::sync::Arc;
use core::any::Any;

/// Holds one result, of whichever type was put there last.
///
/// Without `std` there is no lock to guard it with, so it holds nothing.
#[derive(Default)]
pub(crate) struct Memo {
    #[cfg(feature = "std")]
    result: std::sync::Mutex<Option<Arc<dyn Any + Send + Sync>>>,
}

#[cfg(feature = "std")]
impl Memo {
    pub(crate) fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let result = self.lock().clone()?;
        result.downcast().ok()
    }

    pub(crate) fn set<T: Any + Send + Sync>(&self, result: Arc<T>) {
        // The old result is dropped after the lock is released: it may be large.
        let _old = self.lock().replace(result);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<dyn Any + Send + Sync>>> {
        self.result
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(not(feature = "std"))]
impl Memo {
    pub(crate) fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        None
    }

    pub(crate) fn set<T: Any + Send + Sync>(&self, _: Arc<T>) {}
}
