//! One refresh for all tasks that wait for it, without a runtime. The refresh belongs to the source
//! and not to a waiter: each poll of any waiter drives it, and when a waiter is dropped, the next
//! one continues. So a response that has arrived is never lost with the task that sent the request.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::sync::Arc;
use std::task::Wake;

use crate::lock::lock;
use crate::sync::{Mutex, MutexGuard};

pub(super) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A future whose result goes to every task that joins.
pub(super) struct Flight<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    future: Option<BoxFuture<T>>,
    /// The result for the waiters if the future panics.
    lost: Option<T>,
    done: Option<T>,
    /// Whether a waiter has taken the future and polls it.
    running: bool,
    /// Whether the future requested another poll while it was being polled.
    woken: bool,
    waiters: Vec<(u64, Waker)>,
    last_waiter: u64,
    joined: usize,
}

impl<T> Clone for Flight<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T: Clone + Send + 'static> Flight<T> {
    pub(super) fn new(future: BoxFuture<T>, lost: T) -> Self {
        let state = State {
            future: Some(future),
            lost: Some(lost),
            done: None,
            running: false,
            woken: false,
            waiters: Vec::new(),
            last_waiter: 0,
            joined: 0,
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
            }),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.shared.lock().done.is_some()
    }

    pub(super) fn join(&self) -> Join<T> {
        let mut state = self.shared.lock();
        state.last_waiter += 1;
        state.joined += 1;
        Join {
            shared: Arc::clone(&self.shared),
            id: state.last_waiter,
        }
    }
}

impl<T> Flight<T> {
    /// Drops the future if no waiter is left to drive it. Dropping the flight alone is not enough:
    /// whatever the future waits for holds its waker, and with it the future.
    pub(super) fn abandon(self) {
        let mut state = self.shared.lock();
        let future = if state.joined == 0 {
            state.future.take()
        } else {
            None
        };
        drop(state);
        drop(future);
    }
}

/// A waiter's handle.
pub(super) struct Join<T: Clone + Send + 'static> {
    shared: Arc<Shared<T>>,
    id: u64,
}

impl<T: Clone + Send + 'static> Future for Join<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        loop {
            let mut future = {
                let mut state = self.shared.lock();
                if let Some(done) = &state.done {
                    return Poll::Ready(done.clone());
                }
                state.waiters.retain(|(id, _)| *id != self.id);
                state.waiters.push((self.id, cx.waker().clone()));
                let Some(future) = state.future.take() else {
                    return Poll::Pending;
                };
                state.running = true;
                state.woken = false;
                future
            };
            let landing = Landing(&self.shared);
            let waker = Waker::from(Arc::clone(&self.shared));
            let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
            core::mem::forget(landing);

            let mut state = self.shared.lock();
            state.running = false;
            match polled {
                Poll::Ready(value) => {
                    Shared::finish(state, value.clone());
                    // Dropping the future may drop the last reference to other values, so the lock
                    // is not held.
                    drop(future);
                    return Poll::Ready(value);
                }
                Poll::Pending => {
                    state.future = Some(future);
                    if !state.woken {
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

impl<T: Clone + Send + 'static> Drop for Join<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.joined -= 1;
        state.waiters.retain(|(id, _)| *id != self.id);
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        lock(&self.state)
    }

    fn finish(mut state: MutexGuard<'_, State<T>>, value: T) {
        state.done = Some(value);
        let waiters = core::mem::take(&mut state.waiters);
        drop(state);
        waiters.into_iter().for_each(|(_, waker)| waker.wake());
    }
}

impl<T: Send + 'static> Wake for Shared<T> {
    fn wake(self: Arc<Self>) {
        let mut state = self.lock();
        state.woken = true;
        if state.running {
            return;
        }
        // All waiters, because the first may be dropped before it is polled.
        let waiters = core::mem::take(&mut state.waiters);
        drop(state);
        waiters.into_iter().for_each(|(_, waker)| waker.wake());
    }
}

/// A guard that acts only if the future panics, so that the other waiters do not wait without end.
struct Landing<'a, T>(&'a Shared<T>);

impl<T> Drop for Landing<'_, T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.running = false;
        if let Some(lost) = state.lost.take() {
            Shared::finish(state, lost);
        }
    }
}
