//! The body of a request as hyper takes it, and the progress of the request that a timeout reports.

use core::fmt;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::lock::lock;

/// The progress of an exchange, for the error of a timeout.
#[derive(Default)]
pub(crate) struct Progress {
    written: AtomicBool,
    stream_limit: Mutex<Option<StreamLimit>>,
}

/// The reason why a request waits: every connection carries as many streams as the server allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamLimit {
    pub(crate) connections: usize,
    pub(crate) streams: usize,
}

/// The body of a request, which records when hyper takes it.
pub(crate) struct RequestBody {
    bytes: Bytes,
    progress: Arc<Progress>,
}

impl Progress {
    /// Returns whether hyper has taken the request: before that, nothing can have been written.
    pub(crate) fn is_written(&self) -> bool {
        self.written.load(Ordering::Relaxed)
    }

    pub(crate) fn set_written(&self, written: bool) {
        self.written.store(written, Ordering::Relaxed);
    }

    pub(crate) fn wait_for_stream(&self, limit: Option<StreamLimit>) {
        *lock(&self.stream_limit) = limit;
    }

    /// Returns the stream limit for which the request waits.
    pub(crate) fn stream_limit(&self) -> Option<StreamLimit> {
        *lock(&self.stream_limit)
    }
}

impl RequestBody {
    pub(crate) fn new(bytes: Bytes, progress: Arc<Progress>) -> Self {
        Self { bytes, progress }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = core::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.progress.set_written(true);
        let bytes = core::mem::take(&mut self.bytes);
        Poll::Ready((!bytes.is_empty()).then_some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        if self.bytes.is_empty() {
            self.progress.set_written(true);
        }
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}

impl fmt::Display for StreamLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no free HTTP/2 stream (server allows {} per connection; http2_max_connections: {})",
            self.streams, self.connections
        )
    }
}

impl core::error::Error for StreamLimit {}
