//! A connection of HTTP/1.1 that is moved along by whoever needs something from it, and by nobody else.
//!
//! hyper's connection is a future which somebody has to poll. With a task of its own for that, every piece of an answer takes two
//! wake-ups and a hand-over between tasks. Here the exchange polls it until the head is there, and then the body does; an idle one rests.

use core::future::Future as _;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;

use crate::connector::Stream;
use crate::exchange::Outgoing;
use crate::heard_out::{HeardOut, StreamState};
use crate::pool::Lease;

pub(crate) struct Http1 {
    // Both are let go of once the connection has ended: that is when hyper gives back a request which it never began.
    running: Option<(Sender, Running)>,
    // hyper knows only what it has not passed on itself.
    stream: StreamState,
    // Whether a response came before all of its request was sent.
    early: bool,
}

// The bodies are boxed, because hyper keeps room for 32 requests a connection, and this one needs room for one.
type Sender = SendRequest<Box<Outgoing>>;
type Running = Connection<TokioIo<HeardOut<Stream>>, Box<Outgoing>>;

/// Why there is no answer. Without a cause, the connection had ended before.
pub(crate) type Unanswered = Option<TrySendError<Request<Box<Outgoing>>>>;

/// The body of a response, and the connection on which it comes.
pub(crate) struct Http1Body {
    // Dropped before the lease: the connection then passes over what has arrived, and closes where that is not all of the body.
    incoming: Incoming,
    lease: Lease,
}

impl Http1 {
    pub(crate) async fn handshake(builder: &Builder, stream: Stream) -> hyper::Result<Self> {
        let stream = HeardOut::new(stream);
        let state = stream.state();
        let running = builder.handshake(TokioIo::new(stream)).await?;
        Ok(Self {
            running: Some(running),
            stream: state,
            early: false,
        })
    }

    /// Sends the request and waits for the head of its answer. Given up on the way, the connection is of no more use.
    pub(crate) async fn send(
        &mut self,
        request: Request<Box<Outgoing>>,
    ) -> Result<Response<Incoming>, Unanswered> {
        let Some((sender, _)) = &mut self.running else {
            return Err(None);
        };
        let mut response = pin!(sender.try_send_request(request));
        let response = core::future::poll_fn(|cx| {
            self.drive(cx);
            response.as_mut().poll(cx)
        })
        .await
        .map_err(Some)?;
        self.early = self.stream.is_unflushed();
        Ok(response)
    }

    /// Moves the connection along. How it ended, if it did, is for the answer or its body to say.
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) {
        self.running
            .take_if(|(_, connection)| Pin::new(connection).poll(cx).is_ready());
    }

    /// Whether the exchange has left nothing behind, on either side, that would stand in the way of another.
    pub(crate) fn is_done(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        let ready = |(sender, _): &(Sender, Running)| sender.is_ready();
        self.running.as_ref().is_some_and(ready) && !self.early && !self.stream.is_unflushed()
    }

    /// Whether another request can be sent over a connection that has rested. It looks at the socket, since nothing polled it meanwhile:
    /// the server may have closed it, or sent what was not asked for and would be taken for the next response.
    pub(crate) fn is_fresh(&mut self) -> bool {
        let stream = self.stream.clone();
        let mut done = false;
        stream.is_quiet_after(|| done = self.is_done()) && done
    }
}

// Ends it in order, as far as that goes without waiting: over TLS the server is told.
impl Drop for Http1 {
    fn drop(&mut self) {
        if let Some((sender, mut connection)) = self.running.take() {
            drop(sender);
            let _ = Pin::new(&mut connection).poll(&mut Context::from_waker(Waker::noop()));
        }
    }
}

impl Http1Body {
    pub(crate) fn new(incoming: Incoming, lease: Lease) -> Self {
        let mut body = Self { incoming, lease };
        if body.incoming.is_end_stream() {
            body.lease.end();
        }
        body
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        // Both ends of hyper's channel are polled here, so neither has to wake the other, and taking a piece out of it would wake the caller
        // for nothing if the connection knew the caller's waker. So it learns of it last, when there is nothing but to wait for the socket.
        let quiet = &mut Context::from_waker(Waker::noop());
        self.lease.drive(quiet);
        let polled = self.poll_incoming(quiet);
        if polled.is_ready() {
            return polled;
        }
        self.lease.drive(cx);
        self.poll_incoming(quiet)
    }

    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(cx);
        if matches!(polled, Poll::Ready(None)) {
            self.lease.end();
        }
        polled
    }

    /// Whether everything was read.
    pub(crate) fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
