//! The trait for HTTP transports.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};

use crate::error::Error;
use crate::http::body::Body;
use crate::http::encoding::decode_content;

/// A transport that sends an HTTP request and returns the response as soon as its headers have
/// arrived.
///
/// Any status is `Ok`: higher layers interpret it. Request bodies are [`Bytes`], encoded once and
/// cheap to resend.
///
/// ```
/// use bytes::Bytes;
/// use codex_transport::{Body, Error, HttpTransport};
/// use http::{Request, Response};
///
/// struct Teapot;
///
/// impl HttpTransport for Teapot {
///     async fn send(&self, _: Request<Bytes>) -> Result<Response<Body>, Error> {
///         Ok(Response::builder().status(418).body(Body::from("short and stout")).unwrap())
///     }
/// }
/// # fn check(_: impl HttpTransport) {} check(Teapot);
/// ```
pub trait HttpTransport: Send + Sync {
    /// Sends the request. Dropping the future, or later the body, cancels the request and frees the
    /// connection.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no response: see [`ErrorKind`](crate::ErrorKind). A failure
    /// after the headers is an error of the body.
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Body>, Error>> + Send;
}

/// A type-erased [`HttpTransport`]. Cloning is cheap and shares the transport.
///
/// Content codings that the transport left on a response are decoded; see
/// [`decode_content`](crate::decode_content).
#[derive(Clone)]
pub struct SharedTransport(Arc<dyn ErasedTransport>);

impl SharedTransport {
    /// Wraps a transport and erases its type.
    pub fn new(transport: impl HttpTransport + 'static) -> Self {
        Self(Arc::new(transport))
    }
}

impl HttpTransport for SharedTransport {
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Body>, Error>> + Send {
        self.0.erased_send(request)
    }
}

impl<T: HttpTransport + ?Sized> HttpTransport for Arc<T> {
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Body>, Error>> + Send {
        (**self).send(request)
    }
}

impl fmt::Debug for SharedTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedTransport")
    }
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

trait ErasedTransport: Send + Sync {
    fn erased_send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Body>, Error>>;
}

impl<T: HttpTransport> ErasedTransport for T {
    fn erased_send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Body>, Error>> {
        Box::pin(async { self.send(request).await.map(decode_content) })
    }
}
