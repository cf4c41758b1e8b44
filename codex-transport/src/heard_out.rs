use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll};
use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose peer is heard out: once it is gone, writes go nowhere, and whoever reads gets everything that had arrived and only
/// then the failure.
///
/// HTTP/2 writes while it reads (windows, settings, pings), and `h2` gives a connection up at the first write that fails, with
/// answers unread in the socket and without a word of the reason to their readers. A reset would look like an end, and a server that
/// sent its last answer and closed would have sent it in vain. Over a WebSocket the close code of a server that refuses a message
/// would go unread while the message is being sent.
pub(crate) struct HeardOut<S> {
    stream: S,
    // The reset that a write was told of. The system tells of it once, so the reader would see an end.
    reset: Option<io::Error>,
    state: Arc<State>,
}

/// A stream whose socket can be looked at.
pub(crate) trait Peek {
    /// Asks the system, without waiting, whether the socket has neither bytes to read nor an end. The runtime learns of either only when
    /// it polls the system, and on one thread it cannot do that while the program computes.
    fn is_quiet(&self) -> bool;
}

/// What is known about a stream by those who do not hold it.
#[derive(Clone)]
pub(crate) struct StreamState(Arc<State>);

#[derive(Default)]
struct State {
    unflushed: AtomicBool,
    // Whether the next read that finds nothing looks at the socket, and whether one did and it was quiet.
    look: AtomicBool,
    quiet: AtomicBool,
}

impl StreamState {
    /// Whether something was written that is still held back: TLS takes more than the socket does.
    pub(crate) fn is_unflushed(&self) -> bool {
        self.0.unflushed.load(Ordering::Relaxed)
    }

    /// Whether the stream has nothing to read at all, not in the socket either. `read` must try to read from it.
    pub(crate) fn is_quiet_after(&self, read: impl FnOnce()) -> bool {
        self.0.quiet.store(false, Ordering::Relaxed);
        self.0.look.store(true, Ordering::Relaxed);
        read();
        self.0.look.store(false, Ordering::Relaxed);
        self.0.quiet.load(Ordering::Relaxed)
    }
}

impl<S> HeardOut<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            reset: None,
            state: Arc::default(),
        }
    }

    pub(crate) fn state(&self) -> StreamState {
        StreamState(self.state.clone())
    }

    // `all` is what the writer wanted to write.
    fn written(&mut self, result: Poll<io::Result<usize>>, all: usize) -> Poll<io::Result<usize>> {
        match result {
            Poll::Ready(Err(error)) if is_gone(&error) => {
                // A broken pipe is a reset behind a proper end, or one that was told of before.
                if error.kind() != io::ErrorKind::BrokenPipe {
                    self.reset.get_or_insert(error);
                }
                Poll::Ready(Ok(all))
            }
            result => result,
        }
    }
}

// Only what the system says of a connection that is no more, and which therefore ends the reading as well.
fn is_gone(error: &io::Error) -> bool {
    error.raw_os_error().is_some()
        && matches!(
            error.kind(),
            io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
        )
}

impl<S: AsyncRead + Peek + Unpin> AsyncRead for HeardOut<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let room = buffer.remaining();
        let Poll::Ready(result) = Pin::new(&mut self.stream).poll_read(cx, buffer) else {
            if self.state.look.load(Ordering::Relaxed) {
                let quiet = self.stream.is_quiet();
                self.state.quiet.store(quiet, Ordering::Relaxed);
            }
            return Poll::Pending;
        };
        let is_over = result.is_err() || (room > 0 && buffer.remaining() == room);
        match self.reset.take_if(|_| is_over) {
            Some(reset) => Poll::Ready(Err(reset)),
            None => Poll::Ready(result),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HeardOut<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.state.unflushed.store(true, Ordering::Relaxed);
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(result, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.state.unflushed.store(true, Ordering::Relaxed);
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.written(result, slices.iter().map(|slice| slice.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(cx).map_ok(|()| 0);
        if result.is_ready() {
            self.state.unflushed.store(false, Ordering::Relaxed);
        }
        self.written(result, 0).map_ok(|_| ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails loudly")]

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// What had arrived, and what every write is told.
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

    impl Peek for Gone {
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

    /// Takes everything and passes it on when told to.
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

    impl Peek for Holding {
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
    async fn what_is_held_back_is_known() {
        let mut stream = HeardOut::new(Holding(false));
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
    fn a_stream_is_quiet_only_if_it_was_looked_at() {
        let mut stream = HeardOut::new(Holding(false));
        let state = stream.state();
        let mut cx = Context::from_waker(core::task::Waker::noop());
        let mut read = |stream: &mut HeardOut<Holding>| {
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
    async fn the_reader_gets_what_arrived_and_then_the_reset_that_a_writer_was_told_of() {
        let mut stream = HeardOut::new(Gone(b"the last answer", ECONNRESET));
        stream.write_all(&[0; 100_000]).await.unwrap();
        stream.flush().await.unwrap();
        let mut received = Vec::new();
        let error = stream.read_to_end(&mut received).await.unwrap_err();
        assert_eq!(received, b"the last answer");
        assert_eq!(error.raw_os_error(), Some(ECONNRESET));
        // Told once, as the system does it.
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn writing_behind_a_proper_end_does_not_make_it_improper() {
        let mut stream = HeardOut::new(Gone(b"the last answer", EPIPE));
        stream.write_all(b"window").await.unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"the last answer");
    }

    #[tokio::test]
    async fn what_does_not_end_the_reading_is_the_writers_to_know() {
        let mut stream = HeardOut::new(Gone(b"", ENOSPC));
        let error = stream.write_all(b"window").await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(ENOSPC));
    }
}
