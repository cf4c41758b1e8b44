//! Connections of HTTP/2, which requests share up to the number of streams that the server allows.

use core::fmt;
use core::future::{Future as _, poll_fn};
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::task::Poll;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use hyper::client::conn::http2::{Connection, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::connector::Stream;
use crate::exchange::Outgoing;
use crate::heard_out::HeardOut;

pub(crate) type Sender = SendRequest<Box<Outgoing>>;
pub(crate) type Running = Connection<TokioIo<HeardOut<Stream>>, Box<Outgoing>, TokioExecutor>;

/// A connection of the pool.
pub(crate) struct Http2 {
    sender: Sender,
    shared: Arc<Shared>,
}

/// One stream of a connection: it is counted from before the request is sent until its response has ended.
pub(crate) struct InUse(Arc<Shared>);

struct Shared {
    streams: AtomicUsize,
    // When the last stream ended.
    unused_since: Mutex<Instant>,
    // Whether a response has come, before which the server must have sent its settings.
    answered: AtomicBool,
    // Until it has ended.
    connection: Mutex<Option<Running>>,
    task: OnceLock<AbortHandle>,
    // Wakes a request that waits for a stream.
    freed: Arc<Notify>,
}

/// Whether another stream fits on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Free,
    /// The server has not sent its limit yet, which takes a round trip.
    Unknown,
    /// As many as the server allows are open.
    Full(usize),
}

impl Http2 {
    /// Runs the connection in a task, since it is shared. How it ended is reported by its streams. `freed` is notified when a stream may
    /// have become free.
    pub(crate) fn spawn(sender: Sender, running: Running, freed: Arc<Notify>) -> Self {
        let shared = Arc::new(Shared {
            streams: AtomicUsize::new(0),
            unused_since: Mutex::new(Instant::now()),
            answered: AtomicBool::new(false),
            connection: Mutex::new(Some(running)),
            task: OnceLock::new(),
            freed,
        });
        let weak = Arc::downgrade(&shared);
        let task = tokio::spawn(poll_fn(move |cx| {
            let Some(shared) = weak.upgrade() else {
                return Poll::Ready(());
            };
            let mut connection = lock(&shared.connection);
            let ended = connection.take_if(|running| Pin::new(running).poll(cx).is_ready());
            let is_running = connection.is_some();
            drop(connection);
            if is_running {
                return Poll::Pending;
            }
            drop(ended);
            shared.freed.notify_waiters();
            Poll::Ready(())
        }));
        let _ = shared.task.set(task.abort_handle());
        Self { sender, shared }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    pub(crate) fn room(&self) -> Room {
        let connection = lock(&self.shared.connection);
        let limit = connection.as_ref().map(Running::current_max_send_streams);
        match limit.unwrap_or_default() {
            limit if self.shared.streams.load(Ordering::Relaxed) < limit => Room::Free,
            INITIAL_STREAMS if !self.shared.answered.load(Ordering::Relaxed) => Room::Unknown,
            limit => Room::Full(limit),
        }
    }

    /// Takes a stream. Called under the lock under which [`room`](Self::room) was asked for.
    pub(crate) fn open(&self) -> (Sender, InUse) {
        self.shared.streams.fetch_add(1, Ordering::Relaxed);
        (self.sender.clone(), InUse(self.shared.clone()))
    }

    /// Since when it carries no stream. One that does is not unused, and its pings report whether it lives.
    pub(crate) fn unused_since(&self) -> Instant {
        if self.shared.streams.load(Ordering::Relaxed) > 0 {
            return Instant::now();
        }
        *lock(&self.shared.unused_since)
    }
}

impl InUse {
    /// The headers of the response are there.
    pub(crate) fn answered(&self) {
        self.0.answered.store(true, Ordering::Relaxed);
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        *lock(&self.0.unused_since) = Instant::now();
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
        self.0.freed.notify_one();
    }
}

// Without a handle there is no request to run it for.
impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

/// Why a request waits: every connection carries as many streams as the server allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamLimit {
    pub(crate) connections: usize,
    pub(crate) streams: usize,
}

impl fmt::Display for StreamLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no HTTP/2 stream is free (limit of the server: {} a connection; http2_max_connections: {})",
            self.streams, self.connections
        )
    }
}

impl core::error::Error for StreamLimit {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many streams are opened before the server's limit is known: the request for which the connection was made need not wait.
pub(crate) const INITIAL_STREAMS: usize = 1;
