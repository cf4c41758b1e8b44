//! A stream that is read to its end even after the peer has stopped reading.

use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll};
use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::conn::stream::ByteStream;

/// A stream that stays readable when writing fails because the peer is gone: such writes are
/// discarded, and the reader gets everything that had arrived and only then the failure.
///
/// HTTP/2 writes while it reads (window updates, settings, pings), and `h2` abandons a connection
/// at the first write that fails, with responses unread in the socket and without reporting the
/// reason to their readers. A reset would look like an end, and the last response of a server that
/// then closed would be lost. Over a WebSocket, the close code of a server that refuses a message
/// would remain unread while the message is being sent.
pub(crate) struct Lingering<S> {
    stream: S,
    // The reset that a write returned. The system reports it once, so the reader would otherwise
    // see a normal end.
    reset: Option<io::Error>,
    // The number of bytes transferred, to distinguish slow progress from none.
    read: u64,
    written: u64,
    state: Arc<State>,
}

/// A handle to the state of a stream that another component owns.
#[derive(Clone)]
pub(crate) struct StreamState(Arc<State>);

#[derive(Default)]
struct State {
    unflushed: AtomicBool,
    // Whether the next read that finds nothing must inspect the socket, and whether it found the
    // socket quiet.
    inspect: AtomicBool,
    quiet: AtomicBool,
}

impl StreamState {
    /// Returns whether written bytes are still buffered: TLS accepts more than the socket does.
    pub(crate) fn is_unflushed(&self) -> bool {
        self.0.unflushed.load(Ordering::Relaxed)
    }

    /// Returns whether the stream has nothing to read, the socket included. `read` must try to read
    /// from the stream.
    pub(crate) fn is_quiet_after(&self, read: impl FnOnce()) -> bool {
        self.0.quiet.store(false, Ordering::Relaxed);
        self.0.inspect.store(true, Ordering::Relaxed);
        read();
        self.0.inspect.store(false, Ordering::Relaxed);
        self.0.quiet.load(Ordering::Relaxed)
    }
}

impl<S> Lingering<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            reset: None,
            read: 0,
            written: 0,
            state: Arc::default(),
        }
    }

    pub(crate) fn state(&self) -> StreamState {
        StreamState(self.state.clone())
    }

    /// Returns the number of bytes read so far.
    #[cfg(feature = "ws")]
    pub(crate) fn bytes_read(&self) -> u64 {
        self.read
    }

    /// Returns the number of bytes written so far.
    #[cfg(feature = "ws")]
    pub(crate) fn bytes_written(&self) -> u64 {
        self.written
    }

    // `all` is the number of bytes passed to the write.
    fn discard_if_gone(
        &mut self,
        result: Poll<io::Result<usize>>,
        all: usize,
    ) -> Poll<io::Result<usize>> {
        let result = match result {
            Poll::Ready(Err(error)) if is_gone(&error) => {
                // A broken pipe is a reset after a normal end, or one that was already reported.
                if error.kind() != io::ErrorKind::BrokenPipe {
                    self.reset.get_or_insert(error);
                }
                Poll::Ready(Ok(all))
            }
            result => result,
        };
        if let Poll::Ready(Ok(count)) = &result {
            self.written += *count as u64;
        }
        result
    }
}

// Matches only errors of the system about a connection that has ended, after which reading ends as
// well.
fn is_gone(error: &io::Error) -> bool {
    error.raw_os_error().is_some()
        && matches!(
            error.kind(),
            io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
        )
}

impl<S: ByteStream> AsyncRead for Lingering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let capacity = buffer.remaining();
        let Poll::Ready(result) = Pin::new(&mut self.stream).poll_read(cx, buffer) else {
            if self.state.inspect.load(Ordering::Relaxed) {
                let quiet = self.stream.is_quiet();
                self.state.quiet.store(quiet, Ordering::Relaxed);
            }
            return Poll::Pending;
        };
        let count = capacity - buffer.remaining();
        self.read += count as u64;
        let has_ended = result.is_err() || (capacity > 0 && count == 0);
        match self.reset.take_if(|_| has_ended) {
            Some(reset) => Poll::Ready(Err(reset)),
            None => Poll::Ready(result),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.state.unflushed.store(true, Ordering::Relaxed);
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.discard_if_gone(result, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.state.unflushed.store(true, Ordering::Relaxed);
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.discard_if_gone(result, slices.iter().map(|slice| slice.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(cx).map_ok(|()| 0);
        if result.is_ready() {
            self.state.unflushed.store(false, Ordering::Relaxed);
        }
        self.discard_if_gone(result, 0).map_ok(|_| ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests panic on failed expectations")]

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// A stream that yields the bytes that had arrived; every write fails with this OS error.
    struct Gone(&'static [u8], i32);

    impl AsyncRead for Gone {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_read(cx, buffer)
        }
    }

    impl ByteStream for Gone {
        fn is_quiet(&self) -> bool {
            self.0.is_empty()
        }
    }

    impl AsyncWrite for Gone {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::Error::from_raw_os_error(self.1)))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io::Error::from_raw_os_error(self.1)))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// A stream that accepts every write, and flushes only once the flag is set.
    struct Holding(bool);

    impl AsyncWrite for Holding {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            if self.0 {
                Poll::Ready(Ok(()))
            } else {
                Poll::Pending
            }
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    impl ByteStream for Holding {
        fn is_quiet(&self) -> bool {
            self.0
        }
    }

    impl AsyncRead for Holding {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    #[tokio::test]
    async fn buffered_bytes_are_reported() {
        let mut stream = Lingering::new(Holding(false));
        let state = stream.state();
        assert!(!state.is_unflushed());
        stream.write_all(b"the tail").await.unwrap();
        let mut cx = Context::from_waker(core::task::Waker::noop());
        assert!(Pin::new(&mut stream).poll_flush(&mut cx).is_pending());
        assert!(state.is_unflushed());
        stream.stream.0 = true;
        stream.flush().await.unwrap();
        assert!(!state.is_unflushed());
    }

    #[test]
    fn a_stream_is_quiet_only_if_it_was_inspected() {
        let mut stream = Lingering::new(Holding(false));
        let state = stream.state();
        let mut cx = Context::from_waker(core::task::Waker::noop());
        let mut read = |stream: &mut Lingering<Holding>| {
            let mut bytes = [0; 8];
            let mut buffer = ReadBuf::new(&mut bytes);
            assert!(
                Pin::new(stream)
                    .poll_read(&mut cx, &mut buffer)
                    .is_pending()
            );
        };
        assert!(!state.is_quiet_after(|| read(&mut stream)));
        stream.stream.0 = true;
        assert!(state.is_quiet_after(|| read(&mut stream)));
        assert!(!state.is_quiet_after(|| ()));
    }

    const ECONNRESET: i32 = 104;
    const EPIPE: i32 = 32;
    const ENOSPC: i32 = 28;

    #[tokio::test]
    async fn the_reader_gets_the_bytes_that_arrived_and_then_the_reset_of_a_write() {
        let mut stream = Lingering::new(Gone(b"the last response", ECONNRESET));
        stream.write_all(&[0; 100_000]).await.unwrap();
        stream.flush().await.unwrap();
        let mut received = Vec::new();
        let error = stream.read_to_end(&mut received).await.unwrap_err();
        assert_eq!(received, b"the last response");
        assert_eq!(error.raw_os_error(), Some(ECONNRESET));
        // The system reports a reset once.
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn writing_after_a_proper_end_does_not_make_it_a_failure() {
        let mut stream = Lingering::new(Gone(b"the last response", EPIPE));
        stream.write_all(b"window").await.unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"the last response");
    }

    #[tokio::test]
    async fn a_failure_that_does_not_end_the_reading_is_reported_to_the_writer() {
        let mut stream = Lingering::new(Gone(b"", ENOSPC));
        let error = stream.write_all(b"window").await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(ENOSPC));
    }
}
