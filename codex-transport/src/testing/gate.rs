use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::lock::lock;

/// A point at which a script waits until the test opens the gate. Clones share the gate; once open,
/// it stays open.
///
/// ```
/// use codex_transport::testing::Gate;
///
/// let gate = Gate::new();
/// assert_eq!(gate.arrivals(), 0);
/// gate.open();
/// ```
#[derive(Clone, Default)]
pub struct Gate(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    open: bool,
    arrivals: usize,
    wakers: Vec<Waker>,
}

impl Gate {
    /// Creates a closed gate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens the gate: waiting and later answers continue.
    pub fn open(&self) {
        self.change(|state| state.open = true);
    }

    /// Returns the number of answers that have reached this gate.
    pub fn arrivals(&self) -> usize {
        lock(&self.0.state).arrivals
    }

    /// Waits until an answer reaches the gate: every step before it has been passed to the network.
    pub async fn reached(&self) {
        poll_fn(|cx| self.poll(cx, |state| state.arrivals > 0)).await;
    }

    /// Blocks the thread until an answer reaches the gate; returns false after the time limit.
    pub fn reached_within(&self, limit: Duration) -> bool {
        let waited = self
            .0
            .changed
            .wait_timeout_while(lock(&self.0.state), limit, |state| state.arrivals == 0);
        waited.unwrap_or_else(PoisonError::into_inner).0.arrivals > 0
    }

    pub(super) fn arrive(&self) {
        self.change(|state| state.arrivals += 1);
    }

    pub(super) fn poll_open(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll(cx, |state| state.open)
    }

    fn poll(&self, cx: &mut Context<'_>, done: impl Fn(&State) -> bool) -> Poll<()> {
        let mut state = lock(&self.0.state);
        if done(&state) {
            return Poll::Ready(());
        }
        if !state.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            state.wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = lock(&self.0.state);
        change(&mut state);
        let wakers = core::mem::take(&mut state.wakers);
        drop(state);
        self.0.changed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.0.state);
        f.debug_struct("Gate")
            .field("open", &state.open)
            .field("arrivals", &state.arrivals)
            .finish()
    }
}
