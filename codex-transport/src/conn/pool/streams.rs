//! The streams of an HTTP/2 connection: how many there are, and the permits for them.

use core::sync::atomic::Ordering;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::lock::lock;
use crate::sync::{AtomicUsize, Mutex};

/// The streams of one connection.
pub(crate) struct Streams {
    open: AtomicUsize,
    // The time at which the last stream ended.
    unused_since: Mutex<Instant>,
    // Wakes a request that waits for a stream.
    freed: Arc<Notify>,
}

/// A stream, from before its request is sent until its response has ended.
pub(crate) struct OpenStream(Arc<Streams>);

impl Streams {
    /// Creates the streams of a new connection. `freed` is notified when one of them ends.
    pub(crate) fn new(freed: Arc<Notify>) -> Arc<Self> {
        Arc::new(Self {
            open: AtomicUsize::new(0),
            unused_since: Mutex::new(Instant::now()),
            freed,
        })
    }

    pub(crate) fn count(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Takes a stream. Called under the same lock as the check of [`count`](Self::count).
    pub(crate) fn open(self: &Arc<Self>) -> OpenStream {
        self.open.fetch_add(1, Ordering::Relaxed);
        OpenStream(self.clone())
    }

    /// Returns when the connection became unused: now while it carries a stream, since its pings
    /// detect a dead peer.
    pub(crate) fn unused_since(&self) -> Instant {
        if self.count() > 0 {
            return Instant::now();
        }
        *lock(&self.unused_since)
    }

    /// Wakes all requests that wait, because the connection has ended.
    pub(crate) fn ended(&self) {
        self.freed.notify_waiters();
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        *lock(&self.0.unused_since) = Instant::now();
        self.0.open.fetch_sub(1, Ordering::Relaxed);
        self.0.freed.notify_one();
    }
}
