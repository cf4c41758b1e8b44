//! Where connections are between requests.

use core::task::Context;
use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use http::uri::{Authority, Scheme};
use hyper::client::conn::http2::SendRequest;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::Connection;
use crate::exchange::Outgoing;
use crate::http1::Http1;

pub(crate) struct Pool {
    habits: Habits,
    shelves: Mutex<HashMap<Origin, Arc<Shelf>>>,
}

/// Whom a connection reaches.
pub(crate) type Origin = (Scheme, Authority);

/// The connections to one origin.
pub(crate) struct Shelf {
    habits: Habits,
    waiting: Mutex<Waiting>,
}

#[derive(Clone, Copy)]
struct Habits {
    /// How long a connection waits.
    idle: Duration,
    /// How many of HTTP/1.1 wait for an origin; with zero, those of HTTP/2 are not shared either.
    room: usize,
}

#[derive(Default)]
struct Waiting {
    // In the order in which they came, so the last is the least likely to have been closed by the server.
    http1: Vec<(Box<Http1>, Instant)>,
    http2: Option<Http2>,
    // Once the origin is known to speak HTTP/2: open while somebody is on the way to it.
    on_the_way: Option<watch::Receiver<()>>,
    // Closes what has waited for too long; there while anything waits.
    sweeper: Option<JoinHandle<()>>,
}

/// A handle for the requests that share a connection of HTTP/2.
#[derive(Clone)]
pub(crate) struct Http2 {
    pub(crate) sender: SendRequest<Box<Outgoing>>,
    // Held by every request and its answer, until that is over.
    pub(crate) in_use: InUse,
}

/// Whoever has one uses the connection. It holds when the last of them was done.
#[derive(Clone)]
pub(crate) struct InUse(Arc<Mutex<Instant>>);

/// Who is to dial.
pub(crate) enum Turn {
    /// Nobody: somebody else was quicker.
    There(Http2),
    /// Whoever asks. With HTTP/2, where one connection is enough, the others wait for a word that there is none, or until this is dropped.
    Ours(Option<watch::Sender<()>>),
    /// Somebody does already.
    Theirs(watch::Receiver<()>),
}

/// A connection of HTTP/1.1 that is in use. It goes back if its response has arrived to the end and it can serve another request; else it
/// is closed.
pub(crate) struct Lease(Option<(Box<Http1>, Arc<Shelf>)>);

impl Pool {
    pub(crate) fn new(connection: &Connection) -> Self {
        Self {
            habits: Habits {
                idle: connection.pool_idle,
                room: if connection.pool_idle.is_zero() {
                    0
                } else {
                    connection.pool_max_idle
                },
            },
            shelves: Mutex::default(),
        }
    }

    pub(crate) fn shelf(&self, origin: Origin) -> Arc<Shelf> {
        let mut shelves = lock(&self.shelves);
        if let Some(shelf) = shelves.get(&origin) {
            return shelf.clone();
        }
        // Origins that nobody asks for any more must not pile up.
        shelves.retain(|_, shelf| Arc::strong_count(shelf) > 1 || !shelf.is_empty());
        let shelf = Arc::new(Shelf {
            habits: self.habits,
            waiting: Mutex::default(),
        });
        shelves.insert(origin, shelf.clone());
        shelf
    }
}

impl Shelf {
    pub(crate) fn take_http1(&self) -> Option<Box<Http1>> {
        loop {
            // The lock is free again while the socket is looked at.
            let (mut connection, since) = lock(&self.waiting).http1.pop()?;
            if since.elapsed() < self.habits.idle && connection.is_fresh() {
                return Some(connection);
            }
        }
    }

    pub(crate) fn share_http2(&self) -> Option<Http2> {
        lock(&self.waiting).share_http2(self.habits.idle)
    }

    pub(crate) fn put_http1(self: &Arc<Self>, connection: Box<Http1>) {
        let mut waiting = lock(&self.waiting);
        if waiting.http1.len() < self.habits.room && self.see_to_sweeping(&mut waiting) {
            waiting.http1.push((connection, Instant::now()));
        }
    }

    /// The connection for everybody: this one, or one that was there before it.
    pub(crate) fn put_http2(self: &Arc<Self>, sender: SendRequest<Box<Outgoing>>) -> Http2 {
        let mut waiting = lock(&self.waiting);
        if let Some(earlier) = waiting.share_http2(self.habits.idle) {
            return earlier;
        }
        let http2 = Http2 {
            sender,
            in_use: InUse(Arc::new(Mutex::new(Instant::now()))),
        };
        if self.habits.room > 0 && self.see_to_sweeping(&mut waiting) {
            waiting.http2 = Some(http2.clone());
            waiting
                .on_the_way
                .get_or_insert_with(|| watch::channel(()).1);
        }
        http2
    }

    /// Whose turn it is to dial. `http2` tells that nothing else will be spoken; else what was spoken the last time is what counts.
    pub(crate) fn turn(&self, http2: bool) -> Turn {
        let mut waiting = lock(&self.waiting);
        if let Some(http2) = waiting.share_http2(self.habits.idle) {
            return Turn::There(http2);
        }
        let theirs = waiting.on_the_way.as_ref();
        if self.habits.room == 0 || (theirs.is_none() && !http2) {
            return Turn::Ours(None);
        }
        if let Some(theirs) = theirs.filter(|theirs| theirs.has_changed().is_ok()) {
            return Turn::Theirs(theirs.clone());
        }
        let (ours, theirs) = watch::channel(());
        waiting.on_the_way = Some(theirs);
        Turn::Ours(Some(ours))
    }

    /// What was agreed on the last time.
    pub(crate) fn speaks_http1(&self) {
        lock(&self.waiting).on_the_way = None;
    }

    fn is_empty(&self) -> bool {
        let waiting = lock(&self.waiting);
        waiting.http1.is_empty() && waiting.http2.is_none()
    }

    // Without a runtime there is nobody to sweep, and nothing can be kept.
    fn see_to_sweeping(self: &Arc<Self>, waiting: &mut Waiting) -> bool {
        // Its runtime may have ended before this pool.
        if waiting
            .sweeper
            .as_ref()
            .is_some_and(|sweeper| !sweeper.is_finished())
        {
            return true;
        }
        let Ok(runtime) = Handle::try_current() else {
            return false;
        };
        let sweeper = runtime.spawn(Sweeper(Arc::downgrade(self)).run(self.habits.idle));
        let is_there = !sweeper.is_finished();
        waiting.sweeper = Some(sweeper);
        is_there
    }

    // For how much longer the next one waits.
    fn sweep(&self) -> Option<Duration> {
        let mut waiting = lock(&self.waiting);
        let idle = self.habits.idle;
        let kept = waiting
            .http1
            .iter()
            .position(|(_, since)| since.elapsed() < idle);
        let kept = kept.unwrap_or(waiting.http1.len());
        let expired: Vec<_> = waiting.http1.drain(..kept).collect();
        waiting.expire_http2(idle);
        let http1 = waiting.http1.first().map(|(_, since)| *since);
        let http2 = waiting.http2.as_ref().map(Http2::unused_since);
        let next = http1.into_iter().chain(http2).min();
        if next.is_none() {
            waiting.sweeper = None;
        }
        drop(waiting);
        drop(expired);
        next.map(|since| idle.saturating_sub(since.elapsed()).max(SWEEP_EVERY))
    }
}

impl Waiting {
    fn share_http2(&mut self, idle: Duration) -> Option<Http2> {
        self.expire_http2(idle);
        self.http2.take_if(|http2| http2.sender.is_closed());
        self.http2.clone()
    }

    fn expire_http2(&mut self, idle: Duration) {
        self.http2
            .take_if(|http2| http2.unused_since().elapsed() >= idle);
    }
}

impl Http2 {
    // What carries a stream of minutes is not unused, and its pings tell whether it lives. One handle is the shelf's.
    fn unused_since(&self) -> Instant {
        if Arc::strong_count(&self.in_use.0) > 1 {
            return Instant::now();
        }
        *lock(&self.in_use.0)
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        *lock(&self.0) = Instant::now();
    }
}

/// Closes what waits when its runtime ends, since nobody would do it afterwards.
struct Sweeper(Weak<Shelf>);

impl Sweeper {
    async fn run(mut self, idle: Duration) {
        tokio::time::sleep(idle).await;
        while let Some(rest) = self.0.upgrade().and_then(|shelf| shelf.sweep()) {
            tokio::time::sleep(rest).await;
        }
        // Nothing waits any more, and what comes from now on has a sweeper of its own.
        self.0 = Weak::new();
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        let Some(shelf) = self.0.upgrade() else {
            return;
        };
        // A runtime that has ended drops it before it runs, under the lock of whoever wanted to put something here.
        let Ok(mut waiting) = shelf.waiting.try_lock() else {
            return;
        };
        let left = (core::mem::take(&mut waiting.http1), waiting.http2.take());
        drop(waiting);
        drop(left);
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        let waiting = self
            .waiting
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(sweeper) = waiting.sweeper.take() {
            sweeper.abort();
        }
    }
}

impl Lease {
    pub(crate) fn new(connection: Box<Http1>, shelf: Arc<Shelf>) -> Self {
        Self(Some((connection, shelf)))
    }

    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) {
        if let Some((connection, _)) = &mut self.0 {
            connection.drive(cx);
        }
    }

    /// Nothing more is wanted from the connection.
    pub(crate) fn end(&mut self) {
        if let Some((mut connection, shelf)) = self.0.take()
            && connection.is_done()
        {
            shelf.put_http1(connection);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.end();
    }
}

// What a panic elsewhere left behind is still a list of connections.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// At most: what is in use may be looked at again and again.
const SWEEP_EVERY: Duration = Duration::from_millis(10);
