//! Polls that cost next to nothing while there is nothing to do. HTTP polls the body of a response
//! twice for each event that it passes on, and each wake-up of a connection polls everything that
//! the connection waits for.

use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};
use std::sync::Arc;
use std::task::Wake;

use futures_util::task::AtomicWaker;

/// A value that is polled only after it has woken its task.
pub(crate) struct Woken<T> {
    inner: T,
    bell: Arc<Bell>,
    waker: Waker,
}

/// Wakes the task, and remembers that it did.
struct Bell {
    /// Whether the value must be polled: it has woken the task, or was never polled, or its last
    /// poll was ready.
    has_rung: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_rung.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl<T> Woken<T> {
    pub(crate) fn new(inner: T) -> Self {
        let bell = Arc::new(Bell {
            has_rung: AtomicBool::new(true),
            task: AtomicWaker::new(),
        });
        Self {
            inner,
            waker: bell.clone().into(),
            bell,
        }
    }

    pub(crate) fn get(&self) -> &T {
        &self.inner
    }

    /// Polls the value if it has something to do.
    pub(crate) fn poll_with<R>(
        &mut self,
        cx: &Context<'_>,
        poll: impl FnOnce(&mut T, &mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        // Registered before the look at the bell: a wake-up in between would be lost otherwise.
        self.bell.task.register(cx.waker());
        if !self.bell.has_rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let polled = poll(&mut self.inner, &mut Context::from_waker(&self.waker));
        if polled.is_ready() {
            self.bell.has_rung.store(true, Ordering::Release);
        }
        polled
    }
}

impl<F: Future + Unpin> Future for Woken<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.poll_with(cx, |future, cx| Pin::new(future).poll(cx))
    }
}
