//! A model check of the connection pool: the pool's own source, compiled here with a lock and
//! atomics whose operations `shuttle` interleaves at random. hyper and the sockets are replaced by
//! connections that check who holds them.
//!
//! A connection is never in use by two requests; one that was left dirty or that its server has
//! closed is never used again; and none is lost: it returns to the pool, and a stream to its
//! waiters.
//!
//! `CODEX_TRANSPORT_SCHEDULES` is the number of schedules of each test, 300 by default.
#![cfg(feature = "hyper")]
#![cfg(test)]
#![expect(
    dead_code,
    reason = "the pool is compiled whole, and these tests use the part that is shared"
)]

#[path = "../src/conn/pool/checkout.rs"]
mod checkout;
#[path = "../src/conn/pool/host.rs"]
mod host;
#[path = "../src/lock.rs"]
mod lock;
#[path = "../src/conn/pool/streams.rs"]
mod streams;

use core::pin::pin;
use std::sync::Arc;

use codex_transport::ConnectOptions;
use http::uri::{Authority, Scheme};
use shuttle::rand::Rng as _;
use shuttle::sync::Mutex;
use shuttle::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use shuttle::{check_random, future, thread};
use tokio::runtime::Runtime;

use checkout::Checkout;
use host::{Admission, HostPool, Hosts};
use http1::{Http1, Peer};
use http2::{Running, Sender, StreamPermit};

/// What the pool imports, in the places from which it does.
mod sync {
    pub(crate) use shuttle::sync::atomic::AtomicUsize;
    pub(crate) use shuttle::sync::{Mutex, MutexGuard};
}
mod conn {
    pub(crate) mod options {
        pub(crate) use codex_transport::ConnectOptions;
    }
    pub(crate) mod request_body {
        pub(crate) struct StreamLimit {
            pub(crate) connections: usize,
            pub(crate) streams: usize,
        }
    }
    pub(crate) mod pool {
        pub(crate) use crate::{host, http1, http2};
    }
}

mod http1 {
    use core::task::Context;
    use std::sync::Arc;

    use shuttle::sync::atomic::{AtomicBool, Ordering};

    /// A connection. It knows whether its exchange was complete, as hyper does.
    pub(crate) struct Http1 {
        pub(crate) peer: Arc<Peer>,
        pub(crate) is_whole: bool,
    }

    /// The observer of a connection.
    #[derive(Default)]
    pub(crate) struct Peer {
        pub(crate) is_held: AtomicBool,
        pub(crate) is_dirty: AtomicBool,
        /// Whether the server has closed the connection.
        pub(crate) is_dead: AtomicBool,
        /// Whether the client has closed it.
        pub(crate) is_closed: AtomicBool,
    }

    impl Http1 {
        pub(crate) fn drive(&mut self, _: &mut Context<'_>) {}

        pub(crate) fn is_done(&mut self) -> bool {
            self.is_whole && !self.peer.is_dead.load(Ordering::SeqCst)
        }

        pub(crate) fn is_fresh(&mut self) -> bool {
            self.is_done()
        }
    }

    impl Drop for Http1 {
        fn drop(&mut self) {
            let was_closed = self.peer.is_closed.swap(true, Ordering::SeqCst);
            assert!(!was_closed, "closed twice");
        }
    }
}

mod http2 {
    use std::sync::Arc;

    use shuttle::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use tokio::sync::Notify;
    use tokio::time::Instant;

    use crate::streams::{OpenStream, Streams};

    /// The server of a connection, which counts the streams in use.
    #[derive(Clone, Default)]
    pub(crate) struct Sender(pub(crate) Arc<Server>);

    #[derive(Default)]
    pub(crate) struct Server {
        pub(crate) in_use: AtomicUsize,
        /// Whether the limit has arrived.
        has_settings: AtomicBool,
    }

    pub(crate) struct Running;

    pub(crate) struct Http2 {
        sender: Sender,
        streams: Arc<Streams>,
    }

    pub(crate) struct StreamPermit(OpenStream);

    #[derive(Clone, Copy)]
    pub(crate) enum Capacity {
        Available,
        Unknown,
        Full(usize),
    }

    impl Http2 {
        pub(crate) fn spawn(sender: Sender, Running: Running, freed: Arc<Notify>) -> Self {
            Self {
                sender,
                streams: Streams::new(freed),
            }
        }

        pub(crate) fn is_closed(&self) -> bool {
            false
        }

        /// One stream until the limit is known, then as many as it allows.
        pub(crate) fn capacity(&self) -> Capacity {
            let count = self.streams.count();
            let is_known = self.sender.0.has_settings.load(Ordering::SeqCst);
            match (count, is_known) {
                (0, false) => Capacity::Available,
                (_, false) => Capacity::Unknown,
                (count, true) if count < LIMIT => Capacity::Available,
                (_, true) => Capacity::Full(LIMIT),
            }
        }

        pub(crate) fn open(&self) -> (Sender, StreamPermit) {
            (self.sender.clone(), StreamPermit(self.streams.open()))
        }

        pub(crate) fn unused_since(&self) -> Instant {
            self.streams.unused_since()
        }
    }

    impl Server {
        pub(crate) fn enter(&self) {
            let before = self.in_use.fetch_add(1, Ordering::SeqCst);
            assert!(before < LIMIT, "more streams than the server allows");
            self.has_settings.store(true, Ordering::SeqCst);
        }

        pub(crate) fn leave(&self) {
            self.in_use.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// The number of streams that a server allows.
    pub(crate) const LIMIT: usize = 2;
}

/// The task that closes expired connections is spawned here; no time passes, so it does nothing.
fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
}

fn pool(options: &ConnectOptions) -> Arc<HostPool> {
    let authority = Authority::from_static("localhost");
    Hosts::new(options).pool((Scheme::HTTPS, authority))
}

fn schedules() -> usize {
    let chosen = std::env::var("CODEX_TRANSPORT_SCHEDULES").ok();
    chosen.map_or(300, |number| number.parse().expect("a number"))
}

#[derive(Default)]
struct Peers(Mutex<Vec<Arc<Peer>>>);

impl Peers {
    fn all(&self) -> Vec<Arc<Peer>> {
        self.0.lock().expect("no panic").clone()
    }

    fn dead(&self) -> Vec<Arc<Peer>> {
        let mut all = self.all();
        all.retain(|peer| peer.is_dead.load(Ordering::SeqCst));
        all
    }

    fn connect(&self) -> Box<Http1> {
        let peer = Arc::<Peer>::default();
        self.0.lock().expect("no panic").push(peer.clone());
        Box::new(Http1 {
            peer,
            is_whole: true,
        })
    }
}

/// One request: takes a connection or opens one, and leaves it whole or half-read.
fn exchange(pool: &Arc<HostPool>, peers: &Peers) {
    let dead = peers.dead();
    let mut connection = match pool.take_http1() {
        Some(idle) => {
            let was_dead = dead.iter().any(|peer| Arc::ptr_eq(peer, &idle.peer));
            assert!(!was_dead, "a closed connection is used");
            assert!(!idle.peer.is_dirty.load(Ordering::SeqCst), "a dirty one");
            idle
        }
        None => peers.connect(),
    };
    let peer = connection.peer.clone();
    assert!(!peer.is_held.swap(true, Ordering::SeqCst), "used by two");
    if shuttle::rand::thread_rng().gen_bool(0.3) {
        connection.is_whole = false;
        peer.is_dirty.store(true, Ordering::SeqCst);
    }
    thread::yield_now();
    peer.is_held.store(false, Ordering::SeqCst);
    drop(Checkout::new(connection, pool.clone()));
}

/// Requests at the same time, and a server that closes connections at any moment.
fn requests(pool: &Arc<HostPool>, peers: &Arc<Peers>) -> Vec<thread::JoinHandle<()>> {
    let request = |_| {
        let (pool, peers) = (pool.clone(), peers.clone());
        thread::spawn(move || (0..3).for_each(|_| exchange(&pool, &peers)))
    };
    let mut threads: Vec<_> = (0..REQUESTS).map(request).collect();
    let peers = peers.clone();
    threads.push(thread::spawn(move || {
        for _ in 0..4 {
            let all = peers.all();
            if let Some(peer) = all.get(shuttle::rand::thread_rng().gen_range(0..8)) {
                peer.is_dead.store(true, Ordering::SeqCst);
            }
            thread::yield_now();
        }
    }));
    threads
}

#[test]
fn an_http1_connection_is_used_by_one_and_never_lost() {
    let check = || {
        let runtime = runtime();
        let _inside = runtime.enter();
        let pool = pool(&ConnectOptions::default());
        let peers = Arc::<Peers>::default();
        for thread in requests(&pool, &peers) {
            thread.join().expect("no panic");
        }
        for peer in peers.all() {
            let [is_dirty, is_dead, is_closed] = [&peer.is_dirty, &peer.is_dead, &peer.is_closed]
                .map(|flag| flag.load(Ordering::SeqCst));
            assert!(!is_dirty || is_closed, "a dirty connection is kept");
            assert!(!is_closed || is_dirty || is_dead, "a clean one is lost");
        }
        let open = |peer: &Arc<Peer>| {
            !peer.is_closed.load(Ordering::SeqCst) && !peer.is_dead.load(Ordering::SeqCst)
        };
        let expected = peers.all().iter().filter(|peer| open(peer)).count();
        let idle: Vec<_> = core::iter::from_fn(|| pool.take_http1()).collect();
        assert_eq!(idle.len(), expected, "every clean connection is there");
    };
    check_random(check, schedules());
}

#[test]
fn the_pool_keeps_as_many_connections_as_it_may() {
    let check = || {
        let runtime = runtime();
        let _inside = runtime.enter();
        let mut options = ConnectOptions::default();
        options.pool_max_idle = 1;
        let pool = pool(&options);
        let peers = Arc::<Peers>::default();
        for thread in requests(&pool, &peers) {
            thread.join().expect("no panic");
        }
        let all = peers.all();
        let open = all
            .iter()
            .filter(|peer| !peer.is_closed.load(Ordering::SeqCst));
        assert!(open.count() <= 1, "more than one idle connection");
        // It keeps no fewer either.
        let idle = || core::iter::from_fn(|| pool.take_http1()).count();
        idle();
        for connection in [peers.connect(), peers.connect()] {
            drop(Checkout::new(connection, pool.clone()));
        }
        assert_eq!(idle(), 1, "an idle connection is closed");
    };
    check_random(check, schedules());
}

#[test]
fn a_runtime_that_ends_takes_no_connection_from_a_request() {
    let check = || {
        let runtime = runtime();
        let handle = runtime.handle().clone();
        let _inside = handle.enter();
        let pool = pool(&ConnectOptions::default());
        let peers = Arc::<Peers>::default();
        let threads = requests(&pool, &peers);
        thread::yield_now();
        drop(runtime);
        for thread in threads {
            thread.join().expect("no panic");
        }
        drop(pool);
        let is_closed = |peer: &Arc<Peer>| peer.is_closed.load(Ordering::SeqCst);
        assert!(peers.all().iter().all(is_closed), "a connection is lost");
    };
    check_random(check, schedules());
}

/// The connections that requests have opened to one server.
#[derive(Default)]
struct Dials {
    /// The maximum number of connections.
    limit: usize,
    is_dialing: AtomicBool,
    pooled: AtomicUsize,
    /// The number of times that a request had to wait for a stream.
    waits: AtomicUsize,
}

/// Takes a stream as a request does (`Pool::get`).
fn stream(pool: &Arc<HostPool>, dials: &Dials) -> (Sender, StreamPermit) {
    loop {
        let freed = pool.freed();
        let mut freed = pin!(freed.notified());
        freed.as_mut().enable();
        match pool.admit(true) {
            Admission::Stream(sender, permit) => return (sender, permit),
            Admission::Wait(mut dialing) => {
                let changed = future::block_on(dialing.changed());
                assert!(changed.is_err(), "no dial reports HTTP/1.1");
            }
            Admission::Dial(waiting) => {
                let was_dialing = dials.is_dialing.swap(true, Ordering::SeqCst);
                assert!(!was_dialing, "two requests dial");
                thread::yield_now();
                let dialed = Sender::default();
                let opened = pool.put_http2(dialed.clone(), Running, false);
                if opened
                    .as_ref()
                    .is_some_and(|(sender, _)| is_same(sender, &dialed))
                {
                    dials.pooled.fetch_add(1, Ordering::SeqCst);
                }
                dials.is_dialing.store(false, Ordering::SeqCst);
                drop(waiting);
                if let Some(opened) = opened {
                    return opened;
                }
            }
            Admission::Full(limit) => {
                assert_eq!(limit.connections, dials.limit);
                assert_eq!(limit.streams, http2::LIMIT);
                dials.waits.fetch_add(1, Ordering::SeqCst);
                future::block_on(freed);
            }
            Admission::LimitPending => thread::yield_now(),
        }
    }
}

fn is_same(one: &Sender, other: &Sender) -> bool {
    Arc::ptr_eq(&one.0, &other.0)
}

#[test]
fn streams_stay_within_the_limit_and_every_request_gets_one() {
    // Over all schedules, so not interleaved.
    let waits = Arc::<std::sync::atomic::AtomicUsize>::default();
    let waited = waits.clone();
    let check = move || {
        let runtime = runtime();
        let _inside = runtime.enter();
        let mut options = ConnectOptions::default();
        options.http2_max_connections = shuttle::rand::thread_rng().gen_range(1..=2);
        let pool = pool(&options);
        let dials = Arc::new(Dials {
            limit: options.http2_max_connections,
            ..Dials::default()
        });
        let request = |_| {
            let (pool, dials) = (pool.clone(), dials.clone());
            thread::spawn(move || {
                for _ in 0..2 {
                    let (sender, permit) = stream(&pool, &dials);
                    sender.0.enter();
                    // Long enough for the others to take all streams.
                    for _ in 0..shuttle::rand::thread_rng().gen_range(1..40) {
                        thread::yield_now();
                    }
                    sender.0.leave();
                    drop(permit);
                }
            })
        };
        let threads: Vec<_> = (0..6).map(request).collect();
        for thread in threads {
            thread.join().expect("no panic");
        }
        let pooled = dials.pooled.load(Ordering::SeqCst);
        assert!((1..=dials.limit).contains(&pooled), "{pooled} connections");
        waited.fetch_add(dials.waits.load(Ordering::SeqCst), Ordering::SeqCst);
        // A connection is not kept beside one that has streams available.
        let dialed = Sender::default();
        let (earlier, permit) = pool
            .put_http2(dialed.clone(), Running, false)
            .expect("a stream");
        assert!(!is_same(&earlier, &dialed), "a needless connection");
        drop(permit);
        // All permits have returned: the connections take streams up to their limit again.
        let held: Vec<_> = core::iter::from_fn(|| pool.open_stream()).collect();
        assert_eq!(held.len(), pooled * http2::LIMIT, "a permit is lost");
    };
    check_random(check, schedules());
    let waits = waits.load(Ordering::SeqCst);
    assert!(waits >= schedules() / 10, "only {waits} requests waited");
}

/// The number of requests at the same time.
const REQUESTS: usize = 3;
