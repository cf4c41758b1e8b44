//! The threads that serve connections: one for each processor, each with its own event loop. A
//! connection stays on its thread, so an event wakes no other thread on its way from the service to
//! the client.

use core::future::Future;
use core::num::NonZero;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::io;
use std::thread;

use tokio::runtime::{Builder, Handle};

pub(crate) struct Workers {
    threads: Vec<Handle>,
    /// The number of connections so far. Each thread gets every Nth connection.
    connections: AtomicUsize,
}

impl Workers {
    /// Starts the threads, which run until the program ends.
    pub(crate) fn start() -> io::Result<Self> {
        let count = thread::available_parallelism().map_or(1, NonZero::get);
        let threads = (0..count).map(|_| {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let handle = runtime.handle().clone();
            thread::Builder::new()
                .name("worker".to_owned())
                .spawn(move || runtime.block_on(core::future::pending::<()>()))?;
            Ok(handle)
        });
        Ok(Self {
            threads: threads.collect::<io::Result<_>>()?,
            connections: AtomicUsize::new(0),
        })
    }

    /// Runs the future of one connection on one of the threads.
    pub(crate) fn spawn(&self, connection: impl Future<Output = ()> + Send + 'static) {
        let number = self.connections.fetch_add(1, Ordering::Relaxed);
        if let Some(thread) = self.threads.get(number % self.threads.len()) {
            thread.spawn(connection);
        }
    }
}
