//! HTTP/1.1 connections that run without a task of their own.
//!
//! hyper's connection is a future that must be polled. With a separate task, every chunk of a
//! response takes two wake-ups and a transfer between tasks. Here the exchange polls the connection
//! until the response headers have arrived, and then the body does; an idle connection is not
//! polled.

use core::future::Future as _;
use core::pin::{Pin, pin};
use core::task::{Context, Waker};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;

use crate::conn::lingering::{Lingering, StreamState};
use crate::conn::request_body::RequestBody;
use crate::conn::stream::Stream;

pub(crate) struct Http1 {
    // Dropped once the connection has ended, because hyper then returns a request that it has not
    // started to send.
    running: Option<(Sender, Running)>,
    // hyper only tracks bytes that it has not yet passed to the stream.
    stream: StreamState,
    // Whether a response arrived before its whole request was sent.
    early: bool,
}

// The bodies are boxed because hyper reserves space for 32 requests in each connection, and this
// one carries one at a time.
type Sender = SendRequest<Box<RequestBody>>;
type Running = Connection<TokioIo<Lingering<Stream>>, Box<RequestBody>>;

/// The reason why there is no response. Without a cause, the connection had ended before the
/// request.
pub(crate) type SendFailure = Option<TrySendError<Request<Box<RequestBody>>>>;

impl Http1 {
    pub(crate) async fn handshake(builder: &Builder, stream: Stream) -> hyper::Result<Self> {
        let stream = Lingering::new(stream);
        let state = stream.state();
        let running = builder.handshake(TokioIo::new(stream)).await?;
        Ok(Self {
            running: Some(running),
            stream: state,
            early: false,
        })
    }

    /// Sends the request and waits for the response headers. If the future is dropped, the
    /// connection cannot be reused.
    pub(crate) async fn send(
        &mut self,
        request: Request<Box<RequestBody>>,
    ) -> Result<Response<Incoming>, SendFailure> {
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

    /// Polls the connection. Its outcome is reported through the response or its body.
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) {
        self.running
            .take_if(|(_, connection)| Pin::new(connection).poll(cx).is_ready());
    }

    /// Returns whether the exchange is complete in both directions, so that another can follow.
    pub(crate) fn is_done(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        let ready = |(sender, _): &(Sender, Running)| sender.is_ready();
        self.running.as_ref().is_some_and(ready) && !self.early && !self.stream.is_unflushed()
    }

    /// Returns whether an idle connection can carry another request. Inspects the socket, since the
    /// idle connection has not been polled: the server may have closed it, or sent bytes that would
    /// be mistaken for the next response.
    pub(crate) fn is_fresh(&mut self) -> bool {
        let stream = self.stream.clone();
        let mut done = false;
        stream.is_quiet_after(|| done = self.is_done()) && done
    }
}

// Shuts down in an orderly way as far as that does not block: over TLS, close_notify is sent.
impl Drop for Http1 {
    fn drop(&mut self) {
        if let Some((sender, mut connection)) = self.running.take() {
            drop(sender);
            let _ = Pin::new(&mut connection).poll(&mut Context::from_waker(Waker::noop()));
        }
    }
}
