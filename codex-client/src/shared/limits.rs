//! The last known limits, and the tasks that wait for a change. A waiting task is woken through its
//! own waker, so no runtime appears in a signature.

use core::fmt;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::sync::Arc;

use codex_types::RateLimits;
use futures_core::Stream;

use crate::lock::lock;
use crate::sync::{Mutex, MutexGuard};

/// A view of the limits of a [`Client`](crate::Client) that receives every later change.
///
/// [`Client::rate_limits`](crate::Client::rate_limits) creates it.
///
/// As a [`Stream`], it yields the limits after each change. Changes between two polls are merged
/// into one.
pub struct RateLimitWatch {
    known: KnownLimits,
    /// The id of this watch among those that wait.
    id: u64,
    /// The last version that was returned.
    version: u64,
}

impl RateLimitWatch {
    /// Returns the limits as they are known now.
    #[must_use]
    pub fn current(&self) -> RateLimits {
        self.known.lock().limits.clone()
    }

    /// Waits until the limits differ from those this watch last returned, or from those at its
    /// creation.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe: if the future is dropped, the next call returns the change that
    /// it would have returned.
    pub async fn changed(&mut self) -> RateLimits {
        poll_fn(|context| self.poll_changed(context)).await
    }

    fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<RateLimits> {
        let mut state = self.known.lock();
        if state.version != self.version {
            self.version = state.version;
            return Poll::Ready(state.limits.clone());
        }
        let waker = cx.waker();
        match state.waiting.iter_mut().find(|(id, _)| *id == self.id) {
            Some((_, known)) => known.clone_from(waker),
            None => state.waiting.push((self.id, waker.clone())),
        }
        Poll::Pending
    }
}

impl Stream for RateLimitWatch {
    type Item = RateLimits;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_changed(cx).map(Some)
    }
}

impl Clone for RateLimitWatch {
    fn clone(&self) -> Self {
        let mut watch = self.known.watch();
        watch.version = self.version;
        watch
    }
}

impl Drop for RateLimitWatch {
    fn drop(&mut self) {
        self.known.lock().waiting.retain(|(id, _)| *id != self.id);
    }
}

impl fmt::Debug for RateLimitWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitWatch")
            .field("current", &self.current())
            .finish_non_exhaustive()
    }
}

/// The limits that all watches of a client share.
#[derive(Clone, Default)]
pub(crate) struct KnownLimits {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    limits: RateLimits,
    /// Incremented with each change.
    version: u64,
    /// The wakers of the waiting watches, by id.
    waiting: Vec<(u64, Waker)>,
    next_id: u64,
}

impl KnownLimits {
    /// Merges the limits of a response. Does nothing if it has none.
    pub(crate) fn update(&self, newer: RateLimits) {
        if newer.is_empty() {
            return;
        }
        let mut state = self.lock();
        let before = state.limits.clone();
        let reported = newer.clone();
        state.limits.update(newer);
        if state.limits.limits.len() > MAX_LIMITS {
            // The server has sent more names than the maximum: keep only the newest limits.
            state.limits = reported;
            state.limits.limits.truncate(MAX_LIMITS);
        }
        if state.limits == before {
            return;
        }
        state.version += 1;
        let waiting = core::mem::take(&mut state.waiting);
        // Wake outside the lock: a waker may run the waiting task at once.
        drop(state);
        for (_, waker) in waiting {
            waker.wake();
        }
    }

    pub(crate) fn watch(&self) -> RateLimitWatch {
        let mut state = self.lock();
        state.next_id += 1;
        RateLimitWatch {
            known: self.clone(),
            id: state.next_id,
            version: state.version,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// The maximum number of limits. An account has a handful; without a maximum, a server that keeps
/// sending new names would exhaust the memory.
const MAX_LIMITS: usize = 64;
