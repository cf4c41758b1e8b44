// The only thing asked of an HTTP client: send this, give me that. A closure will do.

use core::error::Error as StdError;
use core::fmt;
use core::future::Future;

use bytes::Bytes;
use http::{Request, Response};

/// A sender of requests for this crate. Closures from a request to a future of its response implement it.
///
/// A sender must not follow redirects, must not send a request twice, must not log it, and should give up on a silent server. Every status
/// is an answer. Answers above 64 KiB (of key sets: 1 MiB) may be cut off or refused; nothing here reads more.
///
/// ```
/// use bytes::Bytes;
/// use codex_auth::{SendFailure, SendRequest};
///
/// fn sender() -> impl SendRequest {
///     async |request: http::Request<Bytes>| match request.uri().host() {
///         Some(_) => Ok(http::Response::new(Bytes::from_static(b"{}"))),
///         None => Err(SendFailure::not_sent("there is no host to connect to")),
///     }
/// }
/// # let _ = sender();
/// ```
pub trait SendRequest: Send + Sync {
    /// Sends the request once and gives the whole answer.
    ///
    /// # Errors
    ///
    /// [`SendFailure`], which must not claim that nothing was sent unless that is certain.
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

/// Why there is no answer, and whether the server may have acted all the same.
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
    /// Certainly nothing of the request reached the server: the name did not resolve, the connection was refused.
    #[must_use]
    pub fn not_sent(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            maybe_sent: false,
            source: source.into(),
        }
    }

    /// The request, or a part of it, may have reached the server. The choice when in doubt.
    #[must_use]
    pub fn maybe_sent(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            maybe_sent: true,
            source: source.into(),
        }
    }

    /// Whether the server may have acted on the request.
    #[must_use]
    pub fn may_have_been_sent(&self) -> bool {
        self.maybe_sent
    }

    pub(crate) fn into_source(self) -> Box<dyn StdError + Send + Sync> {
        self.source
    }
}

impl fmt::Display for SendFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.maybe_sent {
            "the answer was lost"
        } else {
            "the request could not be sent"
        })
    }
}

impl StdError for SendFailure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self.source.as_ref())
    }
}
