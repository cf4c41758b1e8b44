//! The only interface to an HTTP client: send a request, return the response. A closure is enough.

use core::error::Error as StdError;
use core::fmt;
use core::future::Future;

use bytes::Bytes;
use http::{Request, Response};

/// A sender of HTTP requests for this crate. Closures from a request to a future of its response
/// implement it.
///
/// A sender must not follow redirects, must not send a request twice, must not log it, and should
/// time out if the server does not respond. Every status is a response. Responses above 64 KiB (for
/// key sets: 1 MiB) may be truncated or rejected, since this crate reads no more.
///
/// ```
/// use bytes::Bytes;
/// use codex_auth::{SendFailure, SendRequest};
///
/// fn sender() -> impl SendRequest {
///     async |request: http::Request<Bytes>| match request.uri().host() {
///         Some(_) => Ok(http::Response::new(Bytes::from_static(b"{}"))),
///         None => Err(SendFailure::not_sent("no host to connect to")),
///     }
/// }
/// # let _ = sender();
/// ```
pub trait SendRequest: Send + Sync {
    /// Sends the request once and returns the whole response.
    ///
    /// # Errors
    ///
    /// Returns [`SendFailure`], which must not report that nothing was sent unless that is certain.
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Bytes>, SendFailure>> + Send;
}

impl<F, Fut> SendRequest for F
where
    F: Fn(Request<Bytes>) -> Fut + Send + Sync,
    Fut: Future<Output = Result<Response<Bytes>, SendFailure>> + Send,
{
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Bytes>, SendFailure>> + Send {
        self(request)
    }
}

/// A failure to get a response, with the information whether the server may have processed the
/// request nevertheless.
///
/// ```
/// use codex_auth::SendFailure;
///
/// assert!(!SendFailure::not_sent("connection refused").may_have_been_sent());
/// assert!(SendFailure::maybe_sent("connection reset").may_have_been_sent());
/// ```
#[derive(Debug)]
pub struct SendFailure {
    maybe_sent: bool,
    source: Box<dyn StdError + Send + Sync>,
}

impl SendFailure {
    /// Creates a failure for a request that provably did not reach the server: the name did not
    /// resolve, or the connection was refused.
    #[must_use]
    pub fn not_sent(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            maybe_sent: false,
            source: source.into(),
        }
    }

    /// Creates a failure for a request that may have reached the server, at least in part. Use this
    /// when in doubt.
    #[must_use]
    pub fn maybe_sent(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            maybe_sent: true,
            source: source.into(),
        }
    }

    /// Returns whether the server may have processed the request.
    #[must_use]
    pub fn may_have_been_sent(&self) -> bool {
        self.maybe_sent
    }

    pub(crate) fn into_source(self) -> Box<dyn StdError + Send + Sync> {
        self.source
    }
}

impl fmt::Display for SendFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.maybe_sent {
            "response was lost"
        } else {
            "request could not be sent"
        })
    }
}

impl StdError for SendFailure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self.source.as_ref())
    }
}
