//! WebSocket messages over an asynchronous stream. tungstenite implements the protocol; this module
//! turns its blocking calls into polls and limits the pongs that it sends automatically.

use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::io;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message};

/// One end of an open WebSocket. One task polls it, and is woken for reading and for writing.
///
/// Pongs that the peer does not read fill at most [`PONG_BUFFER`]; after that only the latest is
/// kept, which acknowledges all earlier pings (RFC 6455 section 5.5.3). This limit does not apply
/// to the caller's messages.
pub(crate) struct Framed<S> {
    context: WebSocketContext,
    stream: S,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Framed<S> {
    /// Wraps a stream after the upgrade. `rest` is the bytes that arrived after the response
    /// headers. Messages are written without buffering.
    pub(crate) fn new(stream: S, rest: Vec<u8>, role: Role, config: WebSocketConfig) -> Self {
        let config = config
            .write_buffer_size(0)
            .max_write_buffer_size(PONG_BUFFER);
        Self {
            context: WebSocketContext::from_partially_read(rest, role, Some(config)),
            stream,
        }
    }

    pub(crate) fn stream(&self) -> &S {
        &self.stream
    }

    #[cfg(feature = "testing")]
    pub(crate) fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Reads the next message, control frames included. Writes pending pongs meanwhile, as far as
    /// the peer reads.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, Error>> {
        let Self { context, stream } = self;
        polled(context.read(&mut Blocking { stream, cx }))
    }

    /// Accepts a message, which [`poll_flush`](Self::poll_flush) writes.
    pub(crate) fn start_send(&mut self, message: Message) -> Result<(), Error> {
        let Self { context, stream } = self;
        let own = !matches!(message, Message::Ping(_) | Message::Pong(_));
        let limit = if own { usize::MAX } else { PONG_BUFFER };
        context.set_config(|config| config.max_write_buffer_size = limit);
        // The flush registers the wake-up.
        let cx = &mut Context::from_waker(Waker::noop());
        let result = context.write(&mut Blocking { stream, cx }, message);
        context.set_config(|config| config.max_write_buffer_size = PONG_BUFFER);
        match polled(result) {
            Poll::Ready(result) => result,
            Poll::Pending => Ok(()),
        }
    }

    /// Returns ready when everything is written.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Self { context, stream } = self;
        polled(context.flush(&mut Blocking { stream, cx }))
    }
}

fn polled<T>(result: Result<T, Error>) -> Poll<Result<T, Error>> {
    match result {
        Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        result => Poll::Ready(result),
    }
}

/// The stream during one call. A call that would block registers a wake-up.
struct Blocking<'a, 'b, S> {
    stream: &'a mut S,
    cx: &'a mut Context<'b>,
}

fn blocked<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl<S: AsyncRead + Unpin> io::Read for Blocking<'_, '_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        blocked(Pin::new(&mut *self.stream).poll_read(self.cx, &mut buffer))?;
        Ok(buffer.filled().len())
    }
}

impl<S: AsyncWrite + Unpin> io::Write for Blocking<'_, '_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        blocked(Pin::new(&mut *self.stream).poll_write(self.cx, bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        blocked(Pin::new(&mut *self.stream).poll_flush(self.cx))
    }
}

/// The maximum number of unread bytes of pongs.
const PONG_BUFFER: usize = 16 * 1024;
