use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::time::Duration;
use std::sync::Arc;

/// A reading of the clock of a [`Timer`]: [`std::time::Instant`], or its counterpart of the crate
/// `web-time` on `wasm32-unknown-unknown`, where the standard library has no clock.
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub use std::time::Instant;
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
pub use web_time::Instant;

/// A source of sleeps and of the current time, so that tests can use virtual time and no particular
/// runtime is required.
///
/// ```
/// # #[cfg(feature = "hyper")] {
/// use codex_transport::{Timer, TokioTimer};
/// use std::time::Duration;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
/// # runtime.block_on(async {
/// let start = TokioTimer.now();
/// TokioTimer.sleep(Duration::from_secs(60)).await;
/// assert!(TokioTimer.now() - start >= Duration::from_secs(60));
/// # }) }
/// ```
pub trait Timer: Send + Sync {
    /// Returns a future that resolves after the period, never earlier.
    fn sleep(&self, period: Duration) -> impl Future<Output = ()> + Send + 'static;

    /// Returns the current time of the clock that `sleep` uses.
    fn now(&self) -> Instant;
}

/// A type-erased [`Timer`]. Cloning is cheap.
#[derive(Clone)]
pub struct SharedTimer(Arc<dyn ErasedTimer>);

/// A pending wait of a [`SharedTimer`].
pub(crate) type BoxSleep = Pin<Box<dyn Future<Output = ()> + Send>>;

impl SharedTimer {
    /// Wraps a timer and erases its type.
    pub fn new(timer: impl Timer + 'static) -> Self {
        Self(Arc::new(timer))
    }

    pub(crate) fn boxed_sleep(&self, period: Duration) -> BoxSleep {
        self.0.erased_sleep(period)
    }
}

impl Timer for SharedTimer {
    fn sleep(&self, period: Duration) -> impl Future<Output = ()> + Send + 'static {
        self.0.erased_sleep(period)
    }

    fn now(&self) -> Instant {
        self.0.erased_now()
    }
}

impl fmt::Debug for SharedTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedTimer")
    }
}

/// The timer of the current tokio runtime; follows tokio's paused clock.
#[cfg(feature = "hyper")]
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit struct, named where it is used"
)]
pub struct TokioTimer;

#[cfg(feature = "hyper")]
impl Timer for TokioTimer {
    fn sleep(&self, period: Duration) -> impl Future<Output = ()> + Send + 'static {
        tokio::time::sleep(period)
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

trait ErasedTimer: Send + Sync {
    fn erased_sleep(&self, period: Duration) -> BoxSleep;
    fn erased_now(&self) -> Instant;
}

impl<T: Timer> ErasedTimer for T {
    fn erased_sleep(&self, period: Duration) -> BoxSleep {
        Box::pin(self.sleep(period))
    }

    fn erased_now(&self) -> Instant {
        self.now()
    }
}
