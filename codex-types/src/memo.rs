//! A cache for one result.

use alloc::sync::Arc;
use core::any::Any;

/// A cell for one result, of whichever type was stored last.
///
/// Without `std` there is no lock to protect it, so it stores nothing.
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
        // The old result may be large, so it is dropped after the lock is released.
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
