//! A client's connection below HTTP. The client must read its responses, must send a token soon,
//! and must end the lines of a request with CRLF as RFC 9112 requires. The gateway also notices
//! that the client has left when bytes follow its request.

use core::net::SocketAddr;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io::{Error, ErrorKind, Result};
use std::sync::Arc;

use futures_util::task::AtomicWaker;
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep};

use crate::failure::Failure;

/// The client at the other end of a connection.
pub(crate) struct Visitor {
    pub(crate) peer: SocketAddr,
    /// Whether a request had a valid token.
    is_known: AtomicBool,
    /// Whether a line of a request ended with a bare line feed.
    has_bare_line_feed: AtomicBool,
    /// Whether the next bytes begin another request.
    begins_head: AtomicBool,
    /// The number of times that everything written so far was passed to the system.
    flushes: AtomicU64,
    /// The task that waits for the next time.
    waits_for_flush: AtomicWaker,
    /// Notified when the connection is closed in favor of a newer one.
    pub(crate) replaced: Notify,
}

impl Visitor {
    pub(crate) fn new(peer: SocketAddr) -> Arc<Self> {
        Arc::new(Self {
            peer,
            is_known: AtomicBool::new(false),
            has_bare_line_feed: AtomicBool::new(false),
            begins_head: AtomicBool::new(false),
            flushes: AtomicU64::new(0),
            waits_for_flush: AtomicWaker::new(),
            replaced: Notify::new(),
        })
    }

    /// Records that a request had a valid token.
    pub(crate) fn introduced(&self) {
        self.is_known.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_known(&self) -> bool {
        self.is_known.load(Ordering::Relaxed)
    }

    /// Records that the request has been read completely.
    pub(crate) fn request_is_read(&self) {
        self.begins_head.store(true, Ordering::Relaxed);
    }

    /// Returns the number of times that everything written so far was passed to the system, and
    /// wakes the task at the next time.
    pub(crate) fn flushes(&self, cx: &Context<'_>) -> u64 {
        self.waits_for_flush.register(cx.waker());
        self.flushes.load(Ordering::Acquire)
    }

    /// Rejects bare line feeds (RFC 9112 section 2.2): a proxy in between may read one as part of a
    /// value and so see a different request.
    pub(crate) fn check(&self) -> core::result::Result<(), Failure> {
        if self.has_bare_line_feed.load(Ordering::Relaxed) {
            return Err(Failure::refusal(
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "a line of the request headers ends without a carriage return",
            ));
        }
        Ok(())
    }
}

/// The stream of a client for HTTP. Writes fail if the client accepts no bytes within the timeout.
pub(crate) struct ClientStream {
    stream: Arc<TcpStream>,
    visitor: Arc<Visitor>,
    limit: Duration,
    /// The deadline of a pending write.
    end: Option<Pin<Box<Sleep>>>,
    head: Head,
}

/// The state of the scan through the headers of a request.
#[derive(Clone, Copy)]
struct Head {
    before: u8,
    /// The number of bytes in the current line.
    line: usize,
    /// Whether a line that is not empty has been read. Empty lines may precede a request.
    has_begun: bool,
    is_over: bool,
}

impl Head {
    const START: Self = Self {
        before: 0,
        line: 0,
        has_begun: false,
        is_over: false,
    };
}

impl ClientStream {
    pub(crate) fn new(stream: Arc<TcpStream>, visitor: Arc<Visitor>, limit: Duration) -> Self {
        Self {
            stream,
            visitor,
            limit,
            end: None,
            head: Head::START,
        }
    }

    /// Scans the headers of a request for line feeds without a carriage return.
    fn look(&mut self, bytes: &[u8]) {
        if self.visitor.begins_head.swap(false, Ordering::Relaxed) {
            self.head = Head::START;
        }
        let head = &mut self.head;
        for byte in bytes {
            if head.is_over {
                return;
            }
            let is_bare = *byte == b'\n' && head.before != b'\r';
            let is_empty = *byte == b'\n' && head.line <= 1;
            if is_bare {
                self.visitor
                    .has_bare_line_feed
                    .store(true, Ordering::Relaxed);
            }
            head.is_over = is_bare || (is_empty && head.has_begun);
            head.has_begun |= *byte == b'\n' && !is_empty;
            head.line = if *byte == b'\n' { 0 } else { head.line + 1 };
            head.before = *byte;
        }
    }

    fn judge<T>(&mut self, cx: &mut Context<'_>, written: Poll<Result<T>>) -> Poll<Result<T>> {
        if written.is_ready() {
            self.end = None;
            return written;
        }
        let limit = self.limit;
        let end = self
            .end
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + limit)));
        match end.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(Error::from(ErrorKind::TimedOut))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            let before = buffer.filled().len();
            match self.stream.try_read_buf(buffer) {
                Ok(_) => {
                    self.look(&buffer.filled()[before..]);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        let written = write(&self.stream, cx, |stream| stream.try_write(bytes));
        self.judge(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = write(&self.stream, cx, |stream| stream.try_write_vectored(slices));
        self.judge(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// HTTP flushes when it has written everything that it buffers.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        self.visitor.flushes.fetch_add(1, Ordering::Release);
        self.visitor.waits_for_flush.wake();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        // Dropping the stream closes it; a closed connection needs nothing else.
        Poll::Ready(Ok(()))
    }
}

fn write(
    stream: &TcpStream,
    cx: &mut Context<'_>,
    write: impl Fn(&TcpStream) -> Result<usize>,
) -> Poll<Result<usize>> {
    loop {
        ready!(stream.poll_write_ready(cx))?;
        match write(stream) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            written => return Poll::Ready(written),
        }
    }
}

/// Resolves when the client has closed its side. HTTP notices that by reading, which it does not do
/// while bytes that follow a request wait for the end of its response.
pub(crate) async fn left(stream: &TcpStream) {
    loop {
        tokio::time::sleep(LOOK).await;
        let is_readable = stream.ready(Interest::READABLE);
        if let Ok(Ok(ready)) = tokio::time::timeout(Duration::ZERO, is_readable).await
            && ready.is_read_closed()
        {
            return;
        }
    }
}

const LOOK: Duration = Duration::from_secs(2);
