//! Where connections are between requests.

use core::task::Context;
use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use http::uri::{Authority, Scheme};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::Connection;
use crate::http1::Http1;
use crate::http2::{Http2, InUse, Room, Running, Sender, StreamLimit};

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
    // Notified when a stream of HTTP/2 has become free.
    freed: Arc<Notify>,
}

#[derive(Clone, Copy)]
struct Habits {
    /// How long a connection waits.
    idle: Duration,
    /// How many of HTTP/1.1 wait for an origin; with zero, those of HTTP/2 are not shared either.
    room: usize,
    /// How many of HTTP/2 share the requests for an origin.
    http2: usize,
}

#[derive(Default)]
struct Waiting {
    // In the order in which they came, so the last is the least likely to have been closed by the server.
    http1: Vec<(Box<Http1>, Instant)>,
    http2: Vec<Http2>,
    // What was agreed on the last time.
    speaks_http1: bool,
    // The server asked for HTTP/1.1 instead.
    http1_required: bool,
    // Where HTTP/2 is spoken or may be: open while a request is dialing.
    on_the_way: Option<watch::Receiver<()>>,
    // Closes what has waited for too long; there while anything waits.
    sweeper: Option<JoinHandle<()>>,
}

/// Who is to dial.
pub(crate) enum Turn {
    /// No caller: a stream is free.
    There(Sender, InUse),
    /// The caller. With HTTP/2, whose connections are shared, the others wait for a word that there is none, or until this is dropped.
    Ours(Option<watch::Sender<()>>),
    /// Another request does already.
    Theirs(watch::Receiver<()>),
    /// Nobody yet: the limit of a new connection is about to arrive.
    Unknown,
    /// Nobody: no more connections are made, and no stream is free.
    Full(StreamLimit),
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
                http2: connection.http2_max_connections.max(1),
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
            freed: Arc::default(),
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

    pub(crate) fn share_http2(&self) -> Option<(Sender, InUse)> {
        lock(&self.waiting).share_http2(self.habits.idle).ok()
    }

    /// Notified when a stream of HTTP/2 has become free.
    pub(crate) fn freed(&self) -> Arc<Notify> {
        self.freed.clone()
    }

    pub(crate) fn put_http1(self: &Arc<Self>, connection: Box<Http1>) {
        let mut waiting = lock(&self.waiting);
        if waiting.http1.len() < self.habits.room && self.see_to_sweeping(&mut waiting) {
            waiting.http1.push((connection, Instant::now()));
        }
    }

    /// A stream of this connection, or of one that was there before it and has one free. `None` where one that was there before may
    /// have one, which is known only when its limit is; with `insist` that is not waited for.
    pub(crate) fn put_http2(
        self: &Arc<Self>,
        sender: Sender,
        running: Running,
        insist: bool,
    ) -> Option<(Sender, InUse)> {
        let mut waiting = lock(&self.waiting);
        match waiting.share_http2(self.habits.idle) {
            Ok(earlier) => return Some(earlier),
            Err(Room::Unknown) if !insist => return None,
            Err(_) => {}
        }
        let http2 = Http2::spawn(sender, running, self.freed.clone());
        let opened = http2.open();
        if self.habits.room > 0 && self.see_to_sweeping(&mut waiting) {
            waiting.http2.push(http2);
            waiting.speaks_http1 = false;
            waiting
                .on_the_way
                .get_or_insert_with(|| watch::channel(()).1);
        }
        Some(opened)
    }

    /// Whose turn it is to dial. `http2` states that it may be agreed on, unless the last time it was not.
    pub(crate) fn turn(&self, http2: bool) -> Turn {
        let mut waiting = lock(&self.waiting);
        match waiting.share_http2(self.habits.idle) {
            Ok((sender, in_use)) => return Turn::There(sender, in_use),
            Err(Room::Unknown) => return Turn::Unknown,
            Err(Room::Full(streams)) if waiting.http2.len() >= self.habits.http2 => {
                return Turn::Full(StreamLimit {
                    connections: waiting.http2.len(),
                    streams,
                });
            }
            Err(Room::Full(_) | Room::Free) => {}
        }
        let theirs = waiting.on_the_way.as_ref();
        if self.habits.room == 0 || waiting.speaks_http1 || (theirs.is_none() && !http2) {
            return Turn::Ours(None);
        }
        if let Some(theirs) = theirs.filter(|theirs| theirs.has_changed().is_ok()) {
            return Turn::Theirs(theirs.clone());
        }
        let (ours, theirs) = watch::channel(());
        waiting.on_the_way = Some(theirs);
        Turn::Ours(Some(ours))
    }

    /// The server asked for HTTP/1.1 (RFC 9113 section 7, `HTTP_1_1_REQUIRED`). Streams that are open go on.
    pub(crate) fn require_http1(&self) {
        let mut waiting = lock(&self.waiting);
        waiting.http1_required = true;
        waiting.speaks_http1 = true;
        waiting.on_the_way = None;
        waiting.http2.clear();
    }

    pub(crate) fn requires_http1(&self) -> bool {
        lock(&self.waiting).http1_required
    }

    /// What was agreed on the last time.
    pub(crate) fn speaks_http1(&self) {
        let mut waiting = lock(&self.waiting);
        waiting.on_the_way = None;
        waiting.speaks_http1 = true;
    }

    fn is_empty(&self) -> bool {
        let waiting = lock(&self.waiting);
        waiting.http1.is_empty() && waiting.http2.is_empty()
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
        let unused = waiting.expire_http2(idle);
        let http1 = waiting.http1.first().map(|(_, since)| *since);
        let http2 = waiting.http2.iter().map(Http2::unused_since);
        let next = http1.into_iter().chain(http2).min();
        if next.is_none() {
            waiting.sweeper = None;
        }
        drop(waiting);
        drop((expired, unused));
        next.map(|since| idle.saturating_sub(since.elapsed()).max(SWEEP_EVERY))
    }
}

impl Waiting {
    // A stream of the first connection that has one free, so that later ones become unused when there is less to do. Else why there is
    // none; where there is no connection at all, there is room for one.
    fn share_http2(&mut self, idle: Duration) -> Result<(Sender, InUse), Room> {
        drop(self.expire_http2(idle));
        let mut found = Room::Free;
        for http2 in &self.http2 {
            match (http2.room(), found) {
                (Room::Free, _) => return Ok(http2.open()),
                // What is not known yet may be room.
                (Room::Unknown, _) => found = Room::Unknown,
                (full, Room::Free) => found = full,
                _ => {}
            }
        }
        Err(found)
    }

    fn expire_http2(&mut self, idle: Duration) -> Vec<Http2> {
        let over = |http2: &mut Http2| http2.is_closed() || http2.unused_since().elapsed() >= idle;
        self.http2.extract_if(.., over).collect()
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
        let left = (
            core::mem::take(&mut waiting.http1),
            core::mem::take(&mut waiting.http2),
        );
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
