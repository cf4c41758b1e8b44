//! The trait for WebSocket transports.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};

use crate::error::Error;
use crate::ws::connection::WsConnection;

/// A transport that opens WebSockets.
///
/// ```
/// use codex_transport::{Error, Upgrade, WsTransport};
/// use http::{Request, Response};
///
/// /// Refuses every upgrade, as a server without WebSockets does.
/// struct HttpOnly;
///
/// impl WsTransport for HttpOnly {
///     async fn connect(&self, _: Request<()>) -> Result<Upgrade, Error> {
///         Ok(Upgrade::Refused(Response::builder().status(426).body("".into()).unwrap()))
///     }
/// }
/// # fn check(_: impl WsTransport) {} check(HttpOnly);
/// ```
pub trait WsTransport: Send + Sync {
    /// Connects and requests the upgrade, with the request's URL and headers; the transport adds
    /// the headers of the protocol.
    ///
    /// Any response is `Ok`: a refusal is returned with its status, its headers and a bounded body.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no response, or one that violates the rules of the upgrade
    /// ([`ErrorKind::Protocol`](crate::ErrorKind::Protocol) in
    /// [`Phase::Handshake`](crate::Phase::Handshake)).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection.
    fn connect(&self, request: Request<()>) -> impl Future<Output = Result<Upgrade, Error>> + Send;
}

/// A type-erased [`WsTransport`]. Cloning is cheap and shares the transport.
#[derive(Clone)]
pub struct SharedWsTransport(Arc<dyn ErasedWsTransport>);

/// The server's response to a WebSocket upgrade.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a server accepts or refuses")]
pub enum Upgrade {
    /// The server accepted the upgrade (status 101). Contains the response headers.
    Accepted(WsConnection, Response<()>),
    /// The server sent another response: all of it, with at most
    /// [`ERROR_BODY_LIMIT`](crate::ERROR_BODY_LIMIT) bytes of its body.
    Refused(Response<Bytes>),
}

impl SharedWsTransport {
    /// Wraps a transport and erases its type.
    pub fn new(transport: impl WsTransport + 'static) -> Self {
        Self(Arc::new(transport))
    }
}

impl WsTransport for SharedWsTransport {
    fn connect(&self, request: Request<()>) -> impl Future<Output = Result<Upgrade, Error>> + Send {
        self.0.erased_connect(request)
    }
}

impl fmt::Debug for SharedWsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedWsTransport")
    }
}

trait ErasedWsTransport: Send + Sync {
    fn erased_connect(
        &self,
        request: Request<()>,
    ) -> Pin<Box<dyn Future<Output = Result<Upgrade, Error>> + Send + '_>>;
}

impl<T: WsTransport> ErasedWsTransport for T {
    fn erased_connect(
        &self,
        request: Request<()>,
    ) -> Pin<Box<dyn Future<Output = Result<Upgrade, Error>> + Send + '_>> {
        Box::pin(self.connect(request))
    }
}
