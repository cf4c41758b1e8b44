//! HTTP/2 connections, which requests share up to the number of streams that the server allows.

use core::future::{Future as _, poll_fn};
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::Poll;
use std::sync::{Arc, Mutex, OnceLock};

use hyper::client::conn::http2::{Connection, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::conn::lingering::Lingering;
use crate::conn::pool::streams::{OpenStream, Streams};
use crate::conn::request_body::RequestBody;
use crate::conn::stream::Stream;
use crate::lock::lock;

pub(crate) type Sender = SendRequest<Box<RequestBody>>;
pub(crate) type Running = Connection<TokioIo<Lingering<Stream>>, Box<RequestBody>, TokioExecutor>;

/// A connection of the pool.
pub(crate) struct Http2 {
    sender: Sender,
    shared: Arc<Shared>,
}

/// A permit for one stream of a connection, held from before the request is sent until its response
/// has ended.
pub(crate) struct StreamPermit {
    _stream: OpenStream,
    shared: Arc<Shared>,
}

struct Shared {
    streams: Arc<Streams>,
    // Whether a response has arrived: the server must have sent its settings before.
    answered: AtomicBool,
    // `None` once the connection has ended.
    connection: Mutex<Option<Running>>,
    task: OnceLock<AbortHandle>,
}

/// The capacity of a connection for another stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Capacity {
    Available,
    /// The server has not sent its limit yet, which takes a round trip.
    Unknown,
    /// The connection carries as many streams as the server allows: this many.
    Full(usize),
}

impl Http2 {
    /// Spawns a task that runs the shared connection. Its streams report how it ended. `freed` is
    /// notified when a stream may have become available.
    pub(crate) fn spawn(sender: Sender, running: Running, freed: Arc<Notify>) -> Self {
        let shared = Arc::new(Shared {
            streams: Streams::new(freed),
            answered: AtomicBool::new(false),
            connection: Mutex::new(Some(running)),
            task: OnceLock::new(),
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
            shared.streams.ended();
            Poll::Ready(())
        }));
        let _ = shared.task.set(task.abort_handle());
        Self { sender, shared }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    pub(crate) fn capacity(&self) -> Capacity {
        let connection = lock(&self.shared.connection);
        let limit = connection.as_ref().map(Running::current_max_send_streams);
        match limit.unwrap_or_default() {
            limit if self.shared.streams.count() < limit => Capacity::Available,
            INITIAL_STREAMS if !self.shared.answered.load(Ordering::Relaxed) => Capacity::Unknown,
            limit => Capacity::Full(limit),
        }
    }

    /// Takes a stream. Called under the same lock as [`capacity`](Self::capacity).
    pub(crate) fn open(&self) -> (Sender, StreamPermit) {
        let permit = StreamPermit {
            _stream: self.shared.streams.open(),
            shared: self.shared.clone(),
        };
        (self.sender.clone(), permit)
    }

    pub(crate) fn unused_since(&self) -> Instant {
        self.shared.streams.unused_since()
    }
}

impl StreamPermit {
    /// Records that the response headers have arrived.
    pub(crate) fn answered(&self) {
        self.shared.answered.store(true, Ordering::Relaxed);
    }
}

// Without a handle, no request needs the connection.
impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

/// The number of streams that are opened before the server's limit arrives, so that the request
/// that opened the connection does not wait.
pub(crate) const INITIAL_STREAMS: usize = 1;
