//! HTTP/1.1 connections in use, and the bodies that arrive over them.

use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::sync::Arc;

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;

use crate::conn::pool::host::HostPool;
use crate::conn::pool::http1::Http1;

/// An HTTP/1.1 connection in use. It returns to the pool if the response has arrived completely and
/// the connection can carry another request; otherwise it is closed.
pub(crate) struct Checkout(Option<(Box<Http1>, Arc<HostPool>)>);

/// The body of a response, and the connection over which it arrives.
pub(crate) struct Http1Body {
    // Dropped before the connection, which then skips the bytes that have arrived, and closes if
    // they are not the whole body.
    incoming: Incoming,
    connection: Checkout,
}

impl Checkout {
    pub(crate) fn new(connection: Box<Http1>, pool: Arc<HostPool>) -> Self {
        Self(Some((connection, pool)))
    }

    fn drive(&mut self, cx: &mut Context<'_>) {
        if let Some((connection, _)) = &mut self.0 {
            connection.drive(cx);
        }
    }

    /// Returns the connection to the pool, or closes it.
    fn end(&mut self) {
        if let Some((mut connection, pool)) = self.0.take()
            && connection.is_done()
        {
            pool.put_http1(connection);
        }
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        self.end();
    }
}

impl Http1Body {
    pub(crate) fn new(incoming: Incoming, connection: Checkout) -> Self {
        let mut body = Self {
            incoming,
            connection,
        };
        if body.incoming.is_end_stream() {
            body.connection.end();
        }
        body
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        // Both ends of hyper's channel are polled here, so neither needs to wake the other. If the
        // connection held the caller's waker from the start, each chunk taken from the channel
        // would wake the caller for nothing; so the connection gets the waker last, when only the
        // socket can make progress.
        let quiet = &mut Context::from_waker(Waker::noop());
        self.connection.drive(quiet);
        let polled = self.poll_incoming(quiet);
        if polled.is_ready() {
            return polled;
        }
        self.connection.drive(cx);
        self.poll_incoming(quiet)
    }

    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(cx);
        if matches!(polled, Poll::Ready(None)) {
            self.connection.end();
        }
        polled
    }

    /// Returns whether the whole body was read.
    pub(crate) fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
