use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use crate::calls::resume::ResumptionCounts;

/// The counters of a [`SocketSession`](crate::SocketSession).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketStats {
    /// The number of sockets that were opened.
    pub connections: u64,
    /// The number of messages with the whole input.
    pub replays: u64,
    /// The number of messages that continued the previous response with new items only.
    pub continuations: u64,
    /// The number of bytes of JSON in all messages.
    pub bytes_sent: u64,
    /// The number of turns that went over HTTP.
    pub http_turns: u64,
    /// The number of turns that were restarted after an event had been yielded.
    pub restarts: u64,
    /// The number of streams that were resumed where they had broken off.
    pub resumes: u64,
    /// The number of responses that were fetched whole, because their events were no longer
    /// available.
    pub retrievals: u64,
}

/// The live counters; failed attempts count too.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) connections: AtomicU64,
    pub(super) replays: AtomicU64,
    pub(super) continuations: AtomicU64,
    pub(super) bytes_sent: AtomicU64,
    pub(super) http_turns: AtomicU64,
    pub(super) restarts: AtomicU64,
    pub(super) resumptions: Arc<ResumptionCounts>,
}

impl Counters {
    pub(super) fn read(&self) -> SocketStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SocketStats {
            connections: read(&self.connections),
            replays: read(&self.replays),
            continuations: read(&self.continuations),
            bytes_sent: read(&self.bytes_sent),
            http_turns: read(&self.http_turns),
            restarts: read(&self.restarts),
            resumes: read(&self.resumptions.resumes),
            retrievals: read(&self.resumptions.retrievals),
        }
    }
}

pub(super) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}
