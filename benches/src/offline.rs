//! A transport for `eventsource-client` that responds with a body from memory, because its parser
//! is accessible only through its client.

use core::convert::Infallible;
use core::pin::Pin;
use core::task::{Context, Poll};

use bytes::Bytes;
use eventsource_client::{Client, ClientBuilder, ReconnectOptions};
use futures_core::Stream;
use launchdarkly_sdk_transport::{
    ByteStream, HttpTransport, Request, Response, ResponseFuture, TransportError,
};

use crate::chunks::Chunks;

/// A transport that responds to every request with the same chunks.
#[derive(Clone, Debug)]
pub struct Offline {
    chunks: Chunks,
}

impl Offline {
    /// Creates a transport for this body.
    pub const fn new(chunks: Chunks) -> Self {
        Self { chunks }
    }

    /// Creates a client over this transport that ends with the body.
    pub fn client(self) -> impl Client {
        ClientBuilder::for_url("http://localhost/")
            .expect("a valid address")
            .reconnect(ReconnectOptions::reconnect(false).build())
            .build_with_transport(self)
    }
}

impl HttpTransport for Offline {
    fn request(&self, _: Request<Option<Bytes>>) -> ResponseFuture {
        let body: ByteStream = Box::pin(Body(self.chunks.clone()));
        Box::pin(core::future::ready(Ok(Response::new(body))))
    }
}

struct Body(Chunks);

impl Stream for Body {
    type Item = Result<Bytes, TransportError>;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.0)
            .poll_next(cx)
            .map(|item| item.map(|chunk| chunk.map_err(|error: Infallible| match error {})))
    }
}
