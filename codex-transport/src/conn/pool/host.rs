//! The connections to one origin, and when a request may open another.

use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, Weak};

use http::uri::{Authority, Scheme};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::conn::options::ConnectOptions;
use crate::conn::pool::http1::Http1;
use crate::conn::pool::http2::{Capacity, Http2, Running, Sender, StreamPermit};
use crate::conn::request_body::StreamLimit;
use crate::lock::lock;
use crate::sync::Mutex;

/// The pools of all origins.
pub(crate) struct Hosts {
    config: PoolConfig,
    pools: Mutex<HashMap<Origin, Arc<HostPool>>>,
}

/// The server that a connection reaches.
pub(crate) type Origin = (Scheme, Authority);

/// The connections to one origin.
pub(crate) struct HostPool {
    config: PoolConfig,
    connections: Mutex<Connections>,
    // Notified when an HTTP/2 stream becomes available.
    freed: Arc<Notify>,
}

#[derive(Clone, Copy)]
struct PoolConfig {
    /// The period for which an idle connection is kept.
    idle: Duration,
    /// The maximum number of idle HTTP/1.1 connections per origin; with zero, HTTP/2 connections
    /// are not shared either.
    max_idle: usize,
    /// The maximum number of HTTP/2 connections that share the requests to an origin.
    max_http2: usize,
}

#[derive(Default)]
struct Connections {
    // The idle connections in the order of their return: the server is least likely to have closed
    // the last.
    http1: Vec<(Box<Http1>, Instant)>,
    http2: Vec<Http2>,
    // Whether the last handshake agreed on HTTP/1.1.
    agreed_on_http1: bool,
    // Whether the server has required HTTP/1.1.
    requires_http1: bool,
    // Open while a request is dialing, where HTTP/2 is or may be used.
    dialing: Option<watch::Receiver<()>>,
    // Closes expired connections. Runs while any connection is in the pool.
    reaper: Option<JoinHandle<()>>,
}

/// The decision how a request gets a connection when none is idle.
pub(crate) enum Admission {
    /// An HTTP/2 stream is available.
    Stream(Sender, StreamPermit),
    /// The request must dial. HTTP/2 connections are shared, so other requests wait until this
    /// sender is dropped or reports that there is no shared connection.
    Dial(Option<watch::Sender<()>>),
    /// Another request is dialing.
    Wait(watch::Receiver<()>),
    /// The stream limit of a new connection is about to arrive.
    LimitPending,
    /// No stream is available, and no more connections are opened.
    Full(StreamLimit),
}

impl Hosts {
    pub(crate) fn new(options: &ConnectOptions) -> Self {
        Self {
            config: PoolConfig {
                idle: options.pool_idle,
                max_idle: if options.pool_idle.is_zero() {
                    0
                } else {
                    options.pool_max_idle
                },
                max_http2: options.http2_max_connections.max(1),
            },
            pools: Mutex::default(),
        }
    }

    pub(crate) fn pool(&self, origin: Origin) -> Arc<HostPool> {
        let mut pools = lock(&self.pools);
        if let Some(pool) = pools.get(&origin) {
            return pool.clone();
        }
        // Remove unused entries, so that they do not accumulate.
        pools.retain(|_, pool| Arc::strong_count(pool) > 1 || !pool.is_empty());
        let pool = Arc::new(HostPool {
            config: self.config,
            connections: Mutex::default(),
            freed: Arc::default(),
        });
        pools.insert(origin, pool.clone());
        pool
    }
}

impl HostPool {
    pub(crate) fn take_http1(&self) -> Option<Box<Http1>> {
        loop {
            // The lock is released before the socket is inspected.
            let (mut connection, since) = lock(&self.connections).http1.pop()?;
            if since.elapsed() < self.config.idle && connection.is_fresh() {
                return Some(connection);
            }
        }
    }

    pub(crate) fn open_stream(&self) -> Option<(Sender, StreamPermit)> {
        lock(&self.connections).open_stream(self.config.idle).ok()
    }

    /// Returns the handle that is notified when an HTTP/2 stream becomes available.
    pub(crate) fn freed(&self) -> Arc<Notify> {
        self.freed.clone()
    }

    pub(crate) fn put_http1(self: &Arc<Self>, connection: Box<Http1>) {
        let mut connections = lock(&self.connections);
        if connections.http1.len() < self.config.max_idle && self.ensure_reaper(&mut connections) {
            connections.http1.push((connection, Instant::now()));
        }
    }

    /// Returns a stream of this connection, or of an earlier one that has a stream available.
    /// Returns `None` if an earlier one may have a stream because its limit has not arrived;
    /// `force` skips this case.
    pub(crate) fn put_http2(
        self: &Arc<Self>,
        sender: Sender,
        running: Running,
        force: bool,
    ) -> Option<(Sender, StreamPermit)> {
        let mut connections = lock(&self.connections);
        match connections.open_stream(self.config.idle) {
            Ok(earlier) => return Some(earlier),
            Err(Capacity::Unknown) if !force => return None,
            Err(_) => {}
        }
        let http2 = Http2::spawn(sender, running, self.freed.clone());
        let opened = http2.open();
        if self.config.max_idle > 0 && self.ensure_reaper(&mut connections) {
            connections.http2.push(http2);
            connections.agreed_on_http1 = false;
            connections
                .dialing
                .get_or_insert_with(|| watch::channel(()).1);
        }
        Some(opened)
    }

    /// Decides how a request gets a connection. `http2` means that TLS may negotiate HTTP/2, unless
    /// the last handshake did not.
    pub(crate) fn admit(&self, http2: bool) -> Admission {
        let mut connections = lock(&self.connections);
        match connections.open_stream(self.config.idle) {
            Ok((sender, permit)) => return Admission::Stream(sender, permit),
            Err(Capacity::Unknown) => return Admission::LimitPending,
            Err(Capacity::Full(streams)) if connections.http2.len() >= self.config.max_http2 => {
                return Admission::Full(StreamLimit {
                    connections: connections.http2.len(),
                    streams,
                });
            }
            Err(Capacity::Full(_) | Capacity::Available) => {}
        }
        let dialing = connections.dialing.as_ref();
        if self.config.max_idle == 0 || connections.agreed_on_http1 || (dialing.is_none() && !http2)
        {
            return Admission::Dial(None);
        }
        if let Some(dialing) = dialing.filter(|dialing| dialing.has_changed().is_ok()) {
            return Admission::Wait(dialing.clone());
        }
        let (sender, receiver) = watch::channel(());
        connections.dialing = Some(receiver);
        Admission::Dial(Some(sender))
    }

    /// Records that the server requires HTTP/1.1 (RFC 9113 section 7, `HTTP_1_1_REQUIRED`). Open
    /// streams continue.
    pub(crate) fn require_http1(&self) {
        let mut connections = lock(&self.connections);
        connections.requires_http1 = true;
        connections.agreed_on_http1 = true;
        connections.dialing = None;
        connections.http2.clear();
    }

    pub(crate) fn requires_http1(&self) -> bool {
        lock(&self.connections).requires_http1
    }

    /// Records that a handshake agreed on HTTP/1.1.
    pub(crate) fn agreed_on_http1(&self) {
        let mut connections = lock(&self.connections);
        connections.dialing = None;
        connections.agreed_on_http1 = true;
    }

    fn is_empty(&self) -> bool {
        let connections = lock(&self.connections);
        connections.http1.is_empty() && connections.http2.is_empty()
    }

    // Starts the reaper if necessary. Returns false without a runtime: then no task would close
    // expired connections, and none may be kept.
    fn ensure_reaper(self: &Arc<Self>, connections: &mut Connections) -> bool {
        // Its runtime may have ended before this pool.
        if connections
            .reaper
            .as_ref()
            .is_some_and(|reaper| !reaper.is_finished())
        {
            return true;
        }
        let Ok(runtime) = Handle::try_current() else {
            return false;
        };
        let reaper = runtime.spawn(Reaper(Arc::downgrade(self)).run(self.config.idle));
        let is_running = !reaper.is_finished();
        connections.reaper = Some(reaper);
        is_running
    }

    // Closes expired connections and returns the time until the next one expires, or `None` if none
    // is left.
    fn reap(&self) -> Option<Duration> {
        let mut connections = lock(&self.connections);
        let idle = self.config.idle;
        let kept = connections
            .http1
            .iter()
            .position(|(_, since)| since.elapsed() < idle);
        let kept = kept.unwrap_or(connections.http1.len());
        let expired: Vec<_> = connections.http1.drain(..kept).collect();
        let unused = connections.expire_http2(idle);
        let http1 = connections.http1.first().map(|(_, since)| *since);
        let http2 = connections.http2.iter().map(Http2::unused_since);
        let next = http1.into_iter().chain(http2).min();
        if next.is_none() {
            connections.reaper = None;
        }
        drop(connections);
        drop((expired, unused));
        next.map(|since| idle.saturating_sub(since.elapsed()).max(REAP_INTERVAL))
    }
}

impl Connections {
    // Opens a stream on the first connection that has one available, so that later connections
    // become unused when load drops. The error is the capacity of the connections, `Available` if
    // there are no connections.
    fn open_stream(&mut self, idle: Duration) -> Result<(Sender, StreamPermit), Capacity> {
        drop(self.expire_http2(idle));
        let mut found = Capacity::Available;
        for http2 in &self.http2 {
            match (http2.capacity(), found) {
                (Capacity::Available, _) => return Ok(http2.open()),
                // A limit that has not arrived may leave capacity.
                (Capacity::Unknown, _) => found = Capacity::Unknown,
                (full, Capacity::Available) => found = full,
                _ => {}
            }
        }
        Err(found)
    }

    fn expire_http2(&mut self, idle: Duration) -> Vec<Http2> {
        let expired =
            |http2: &mut Http2| http2.is_closed() || http2.unused_since().elapsed() >= idle;
        self.http2.extract_if(.., expired).collect()
    }
}

/// The task that closes expired connections, and all connections when its runtime ends.
struct Reaper(Weak<HostPool>);

impl Reaper {
    async fn run(mut self, idle: Duration) {
        tokio::time::sleep(idle).await;
        while let Some(rest) = self.0.upgrade().and_then(|pool| pool.reap()) {
            tokio::time::sleep(rest).await;
        }
        // No connection is left, and later ones start another reaper.
        self.0 = Weak::new();
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        let Some(pool) = self.0.upgrade() else {
            return;
        };
        // When a runtime ends, it drops the task inside `spawn`, while the caller holds the lock.
        let Ok(mut connections) = pool.connections.try_lock() else {
            return;
        };
        let left = (
            core::mem::take(&mut connections.http1),
            core::mem::take(&mut connections.http2),
        );
        drop(connections);
        drop(left);
    }
}

impl Drop for HostPool {
    fn drop(&mut self) {
        let connections = self
            .connections
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(reaper) = connections.reaper.take() {
            reaper.abort();
        }
    }
}

// The minimum interval: a connection in use may be checked repeatedly.
const REAP_INTERVAL: Duration = Duration::from_millis(10);
