//! Open WebSockets.

use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll};

use bytes::Bytes;

use crate::error::{Error, ErrorKind, Phase, Sent};

/// An open WebSocket that carries JSON messages.
///
/// No task runs it: polling drives it, including its pings. Between two turns, while nothing is
/// expected, poll [`idle`](Self::idle); otherwise routers drop the connection. Dropping this value
/// closes the TCP connection without a close frame, which servers accept.
pub struct WsConnection {
    socket: Box<dyn Socket>,
    // What has arrived since the last sent message, so that errors report whether the request
    // reached the server.
    sent_any: bool,
    bytes: u64,
    messages: u64,
    // A message that `idle` received.
    early: Option<Bytes>,
}

/// A WebSocket implementation, for [`WsConnection::new`].
///
/// The trait allows features that this crate's implementation does not have, such as message
/// compression.
pub trait Socket: Send {
    /// Polls for the next message. Text has been checked to be UTF-8. Returns `None` after the peer
    /// closed the WebSocket normally (code 1000).
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>>;

    /// Returns ready when a message can be accepted.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>>;

    /// Accepts a text message. Called only after `poll_ready` returned ready.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidRequest`] if the message is not UTF-8.
    fn start_send(&mut self, text: Bytes) -> Result<(), Error>;

    /// Returns ready when every accepted message is written.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>>;

    /// Sends a close frame with this code and waits for the peer's. A broken connection counts as
    /// closed.
    fn poll_close(&mut self, cx: &mut Context<'_>, code: u16) -> Poll<Result<(), Error>>;
}

impl WsConnection {
    /// Creates a connection over this implementation.
    pub fn new(socket: impl Socket + 'static) -> Self {
        Self {
            socket: Box::new(socket),
            sent_any: false,
            bytes: 0,
            messages: 0,
            early: None,
        }
    }

    #[cfg(feature = "cassette")]
    pub(crate) fn into_socket(self) -> Box<dyn Socket> {
        self.socket
    }

    /// Sends a text message and waits until it is written.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidRequest`] if the message is not UTF-8, otherwise the failure of
    /// the connection.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the message may be partly written; the next call of any method
    /// writes the rest.
    pub async fn send(&mut self, text: impl Into<Bytes>) -> Result<(), Error> {
        self.ready().await?;
        self.start_send(text)?;
        self.flush().await
    }

    /// Waits until a message can be accepted.
    ///
    /// This is the first of the three steps of [`send`](Self::send). A caller that records its
    /// messages does so after this step, because a message that was not accepted is never sent.
    ///
    /// # Errors
    ///
    /// Returns the failure of the connection.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe: it accepts nothing.
    pub async fn ready(&mut self) -> Result<(), Error> {
        let ready = poll_fn(|cx| self.socket.poll_ready(cx)).await;
        ready.map_err(|error| error.seen_from(Phase::Send, Sent::No))
    }

    /// Accepts a text message without waiting. Call it only after [`ready`](Self::ready).
    ///
    /// The next call of any method writes the message.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidRequest`] if the message is not UTF-8, otherwise the failure of
    /// the connection.
    pub fn start_send(&mut self, text: impl Into<Bytes>) -> Result<(), Error> {
        let accepted = self.socket.start_send(text.into());
        accepted.map_err(|error| match error.kind() {
            ErrorKind::InvalidRequest => error,
            _ => error.seen_from(Phase::Send, Sent::Maybe),
        })?;
        (self.sent_any, self.bytes, self.messages) = (true, 0, 0);
        Ok(())
    }

    /// Waits until every accepted message is written.
    ///
    /// # Errors
    ///
    /// Returns the failure of the connection.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the next call of any method writes the rest.
    pub async fn flush(&mut self) -> Result<(), Error> {
        let written = poll_fn(|cx| self.socket.poll_flush(cx)).await;
        written.map_err(|error| error.seen_from(Phase::Send, Sent::Maybe))
    }

    /// Returns the next message, or `None` when the server closed the WebSocket normally, and after
    /// an error.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Closed`] with [`Error::close_code`] if the server closed the WebSocket
    /// with another code, [`ErrorKind::Truncated`] if the connection ended without a close frame,
    /// and the other kinds of a broken connection. [`Error::sent`] refers to the last message sent:
    /// yes if anything has arrived since.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe: if the future is dropped, no message is lost, and the next call
    /// continues from there.
    pub async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Polls for the next message: the poll form of [`next`](Self::next).
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        if let Some(early) = self.early.take() {
            return Poll::Ready(Some(Ok(early)));
        }
        match self.socket.poll_receive(cx) {
            Poll::Ready(Some(Ok(message))) => {
                self.bytes += message.len() as u64;
                self.messages += 1;
                Poll::Ready(Some(Ok(message)))
            }
            Poll::Ready(Some(Err(error))) => {
                let phase = error.phase();
                let sent = match (self.sent_any, self.messages) {
                    (false, _) => Sent::No,
                    (true, 0) => Sent::Maybe,
                    (true, _) => Sent::Yes,
                };
                Poll::Ready(Some(Err(error
                    .seen_from(phase, sent)
                    .with_bytes_received(self.bytes)
                    .with_events_received(self.messages))))
            }
            other => other,
        }
    }

    /// Keeps the connection alive while nothing is expected.
    ///
    /// Returns `Ok` if a message arrives nevertheless (it is kept for [`next`](Self::next)), and
    /// the error if the connection fails. The future can be dropped at any time.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`next`](Self::next); a normal closure by the server is
    /// [`ErrorKind::Closed`] here.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe: a message that arrives is kept for [`next`](Self::next).
    pub async fn idle(&mut self) -> Result<(), Error> {
        match self.next().await {
            Some(Ok(message)) => {
                self.early = Some(message);
                Ok(())
            }
            Some(Err(error)) => Err(error),
            None => Err(Error::new(ErrorKind::Closed, Phase::Body, Sent::No)
                .with_close_code(NORMAL_CLOSURE)),
        }
    }

    /// Closes the WebSocket with this code (1000 for a normal closure) and waits for the server's
    /// close frame for at most [`close_timeout`](crate::WsSettings::close_timeout).
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidRequest`] if the code may not be sent (RFC 6455 section 7.4). A
    /// connection that is already broken is not an error.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection without waiting for the peer.
    pub async fn close(mut self, code: u16) -> Result<(), Error> {
        if !matches!(code, 1000..=1003 | 1007..=1013 | 3000..=4999) {
            return Err(
                Error::new(ErrorKind::InvalidRequest, Phase::Close, Sent::No)
                    .with_source("close code must not be sent"),
            );
        }
        poll_fn(|cx| self.socket.poll_close(cx, code)).await
    }
}

impl fmt::Debug for WsConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WsConnection")
            .field("bytes", &self.bytes)
            .field("messages", &self.messages)
            .finish_non_exhaustive()
    }
}

const NORMAL_CLOSURE: u16 = 1000;
