//! Time as an argument. Two clocks are needed: a steady one for deadlines, which a correction of
//! the system clock must not extend, and the wall clock for the times in tokens. The steady one is
//! a plain duration, so that targets without a clock can supply it too.

use core::future::Future;
use core::ops::Add;
use core::time::Duration;
use std::time::SystemTime;

/// A point in time on a steady clock and on the wall clock.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use codex_auth::Moment;
///
/// let start = Moment::new(Duration::ZERO, SystemTime::UNIX_EPOCH);
/// let later = start + Duration::from_secs(5);
/// assert_eq!(later.steady(), Duration::from_secs(5));
/// assert_eq!(later.wall(), SystemTime::UNIX_EPOCH + Duration::from_secs(5));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    steady: Duration,
    wall: SystemTime,
}

impl Moment {
    /// Creates a moment from the time since any fixed point on a clock that never jumps, and the
    /// wall clock.
    #[must_use]
    pub const fn new(steady: Duration, wall: SystemTime) -> Self {
        Self { steady, wall }
    }

    /// Returns the current moment of the system's clocks.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn now() -> Self {
        static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        Self {
            steady: START.get_or_init(std::time::Instant::now).elapsed(),
            wall: SystemTime::now(),
        }
    }

    /// Returns the time since the steady clock's fixed point.
    #[must_use]
    pub const fn steady(self) -> Duration {
        self.steady
    }

    /// Returns the wall clock time.
    #[must_use]
    pub const fn wall(self) -> SystemTime {
        self.wall
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    /// Advances both clocks; saturates at the largest representable time.
    fn add(self, duration: Duration) -> Self {
        Self {
            steady: self.steady.saturating_add(duration),
            wall: self.wall.checked_add(duration).unwrap_or(self.wall),
        }
    }
}

/// A clock and a source of sleeps for a flow or an [`OAuthSource`](crate::OAuthSource): those of a
/// runtime, or virtual ones in a test.
///
/// ```
/// use std::time::Duration;
/// use codex_auth::{Moment, Timer};
///
/// struct Frozen;
/// impl Timer for Frozen {
///     fn now(&self) -> Moment {
///         Moment::new(Duration::ZERO, std::time::SystemTime::UNIX_EPOCH)
///     }
///     async fn sleep(&self, _: Duration) {}
/// }
/// # let _ = Frozen.now();
/// ```
pub trait Timer: Send + Sync {
    /// Returns the current moment.
    fn now(&self) -> Moment;

    /// Returns a future that completes after this long.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;
}

/// A [`Timer`] that needs no runtime: each sleep is a thread that ends with the sleep, or when the
/// sleep is dropped.
///
/// Sleeps are rare in this crate (a deadline for each refresh, a pause while another process holds
/// a lock), so a thread for each is cheap enough.
///
/// ```
/// use codex_auth::{ThreadTimer, Timer};
///
/// let now = ThreadTimer::new().now();
/// assert!(now.wall() > std::time::SystemTime::UNIX_EPOCH);
/// ```
#[cfg(feature = "std")]
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct ThreadTimer;

#[cfg(feature = "std")]
impl ThreadTimer {
    /// Creates a timer of the system's clocks.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[cfg(feature = "std")]
impl Timer for ThreadTimer {
    fn now(&self) -> Moment {
        Moment::now()
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        thread::Sleep::new(duration)
    }
}

#[cfg(feature = "std")]
mod thread {
    use core::pin::Pin;
    use core::task::{Context, Poll, Waker};
    use core::time::Duration;
    use std::sync::{Arc, Mutex};
    use std::thread::{self, Thread};
    use std::time::Instant;

    use crate::lock::lock;

    pub(super) struct Sleep {
        until: Option<Instant>,
        shared: Arc<Mutex<Shared>>,
        thread: Option<Thread>,
    }

    #[derive(Default)]
    struct Shared {
        waker: Option<Waker>,
        abandoned: bool,
    }

    impl Sleep {
        pub(super) fn new(duration: Duration) -> Self {
            // `None` is a time that the clock cannot represent: such a sleep does not end.
            Self {
                until: Instant::now().checked_add(duration),
                shared: Arc::default(),
                thread: None,
            }
        }
    }

    impl Future for Sleep {
        type Output = ();

        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            let Some(until) = self.until else {
                return Poll::Pending;
            };
            if Instant::now() >= until {
                return Poll::Ready(());
            }
            lock(&self.shared).waker = Some(cx.waker().clone());
            if self.thread.is_none() {
                let shared = Arc::clone(&self.shared);
                let spawned = thread::Builder::new()
                    .name("codex-auth timer".to_owned())
                    .spawn(move || wait(until, &shared));
                match spawned {
                    Ok(handle) => self.thread = Some(handle.thread().clone()),
                    // Without a thread, no other code would wake the task; polling again at once is
                    // slow but does end.
                    Err(_) => cx.waker().wake_by_ref(),
                }
            }
            Poll::Pending
        }
    }

    impl Drop for Sleep {
        fn drop(&mut self) {
            lock(&self.shared).abandoned = true;
            if let Some(thread) = &self.thread {
                thread.unpark();
            }
        }
    }

    fn wait(until: Instant, shared: &Mutex<Shared>) {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            thread::park_timeout(left);
            if lock(shared).abandoned {
                return;
            }
        }
        let waker = lock(shared).waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
