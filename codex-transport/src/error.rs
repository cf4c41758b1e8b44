use core::error::Error as StdError;
use core::fmt;
use core::time::Duration;

use http::StatusCode;

use crate::timeouts::TimeoutKind;

/// An error of an exchange: its kind, the phase in which it occurred, and whether the request was
/// sent.
///
/// The error is one pointer wide. A status is never an error here: any response is an `Ok`, and
/// higher layers interpret its status. The message is one sentence without payload, address or
/// header values; the [`source`](StdError::source) chain has details.
///
/// ```
/// use codex_transport::{Error, ErrorKind, Phase, Sent, Side};
///
/// let error =
///     Error::new(ErrorKind::ConnectionLost, Phase::Body, Sent::Yes).with_bytes_received(812);
/// assert_eq!(error.to_string(), "connection was lost while reading the body, after 812 bytes");
/// assert_eq!(error.side(), Side::Network);
/// assert!(error.is_retryable() && !error.is_safe_to_resend());
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    phase: Phase,
    sent: Sent,
    limit: Option<Duration>,
    status: Option<StatusCode>,
    close_code: Option<u16>,
    request_id: Option<Box<str>>,
    bytes_received: u64,
    events_received: u64,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request cannot be sent: no host, an unknown scheme, or a body where none is allowed.
    InvalidRequest,
    /// The transport's settings are invalid: an unreadable certificate, no cryptography provider,
    /// or a missing feature.
    Configuration,
    /// The host name did not resolve to an address.
    Dns,
    /// No address of the host accepted a connection.
    Connect,
    /// The TLS handshake failed for a reason other than the certificate.
    Tls,
    /// The server's certificate was rejected.
    Certificate,
    /// The proxy could not be reached or did not open the tunnel; [`Error::status`] is the proxy's,
    /// if it responded.
    Proxy,
    /// A timeout expired; the value names it.
    Timeout(TimeoutKind),
    /// The connection broke: it was reset, aborted, or closed while more data was expected.
    ConnectionLost,
    /// The server or an intermediary reset this HTTP/2 stream only.
    StreamReset,
    /// The body ended before it was complete.
    Truncated,
    /// The peer violated HTTP or the WebSocket protocol.
    Protocol,
    /// The peer exceeded a limit.
    TooLarge,
    /// The content coding of the body is unknown, or its data is corrupt.
    ContentCoding,
    /// The server closed the WebSocket with the code in [`Error::close_code`].
    Closed,
    /// The runtime or the transport was shut down during the request.
    Cancelled,
    /// A transport outside this crate failed; its error is the source.
    Other,
}

/// The phase of an exchange in which an [`Error`] occurred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Phase {
    /// Before any network activity.
    Prepare,
    /// Name resolution and the TCP connection, to the server or to the proxy.
    Connect,
    /// The proxy's tunnel, TLS, or the WebSocket upgrade.
    Handshake,
    /// Writing the request.
    Send,
    /// Waiting for the response headers.
    Headers,
    /// Reading the response body, or messages of a WebSocket.
    Body,
    /// Closing a WebSocket.
    Close,
}

/// The evidence whether the request reached the server, which decides whether a request that is not
/// idempotent may be resent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "no other case exists, and callers should match all three"
)]
pub enum Sent {
    /// Provably not sent: no byte of it was written, or the server reported that it did not process
    /// it.
    No,
    /// Unknown: the request may have been sent.
    Maybe,
    /// Sent: the server responded, at least in part.
    Yes,
}

/// The side that caused an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Side {
    /// This program: the request or the settings.
    Local,
    /// The server, or a proxy that responded.
    Remote,
    /// The network in between.
    Network,
}

impl Error {
    /// Creates an error of this kind. Add details with the `with_` methods.
    pub fn new(kind: ErrorKind, phase: Phase, sent: Sent) -> Self {
        Self(Box::new(Inner {
            kind,
            phase,
            sent,
            limit: None,
            status: None,
            close_code: None,
            request_id: None,
            bytes_received: 0,
            events_received: 0,
            source: None,
        }))
    }

    /// Returns the kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the phase of the exchange.
    pub fn phase(&self) -> Phase {
        self.0.phase
    }

    /// Returns whether the request reached the server.
    pub fn sent(&self) -> Sent {
        self.0.sent
    }

    /// Returns the side that caused the failure.
    pub fn side(&self) -> Side {
        match self.kind() {
            ErrorKind::InvalidRequest | ErrorKind::Configuration | ErrorKind::Cancelled => {
                Side::Local
            }
            ErrorKind::Dns
            | ErrorKind::Connect
            | ErrorKind::Timeout(_)
            | ErrorKind::ConnectionLost
            | ErrorKind::Truncated
            | ErrorKind::Other => Side::Network,
            ErrorKind::Tls
            | ErrorKind::Certificate
            | ErrorKind::Proxy
            | ErrorKind::StreamReset
            | ErrorKind::Protocol
            | ErrorKind::TooLarge
            | ErrorKind::ContentCoding
            | ErrorKind::Closed => Side::Remote,
        }
    }

    /// Returns whether the same request may succeed later. This does not imply that sending it
    /// twice is harmless: see [`sent`](Self::sent).
    pub fn is_retryable(&self) -> bool {
        match self.kind() {
            ErrorKind::Dns
            | ErrorKind::Connect
            | ErrorKind::Tls
            | ErrorKind::Timeout(_)
            | ErrorKind::ConnectionLost
            | ErrorKind::StreamReset
            | ErrorKind::Truncated => true,
            // A proxy that cannot reach the server responds with 5xx; 403 and 407 do not change
            // without the user.
            ErrorKind::Proxy => self.status().is_none_or(|status| status.is_server_error()),
            // Codes of transient failures (RFC 6455 section 7.4.1 and the registry).
            ErrorKind::Closed => {
                matches!(
                    self.close_code(),
                    None | Some(1000 | 1001 | 1005 | 1006 | 1011..=1013)
                )
            }
            ErrorKind::InvalidRequest
            | ErrorKind::Configuration
            | ErrorKind::Certificate
            | ErrorKind::Protocol
            | ErrorKind::TooLarge
            | ErrorKind::ContentCoding
            | ErrorKind::Cancelled
            | ErrorKind::Other => false,
        }
    }

    /// Returns whether the request provably did not reach the server, so that resending it cannot
    /// process it twice.
    pub fn is_safe_to_resend(&self) -> bool {
        self.sent() == Sent::No
    }

    /// Returns whether a timeout expired.
    pub fn is_timeout(&self) -> bool {
        matches!(self.kind(), ErrorKind::Timeout(_))
    }

    /// Returns the status of the response, or the proxy's if the kind is [`ErrorKind::Proxy`].
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// Returns the code of the server's close frame (RFC 6455 section 7.4), if any.
    pub fn close_code(&self) -> Option<u16> {
        self.0.close_code
    }

    /// Returns the server's request id, if the response had one; see
    /// [`request_id`](crate::request_id).
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Returns the number of received bytes of the body, or of complete WebSocket messages.
    pub fn bytes_received(&self) -> u64 {
        self.0.bytes_received
    }

    /// Returns the number of received events, if a higher layer counts them.
    pub fn events_received(&self) -> u64 {
        self.0.events_received
    }

    /// Returns the period of the timeout that expired; `None` for other errors.
    pub fn timeout(&self) -> Option<Duration> {
        self.0.limit
    }

    /// Creates an error for a request that cannot be sent, before any network activity.
    #[cfg(any(feature = "hyper", feature = "zstd"))]
    pub(crate) fn invalid_request(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(ErrorKind::InvalidRequest, Phase::Prepare, Sent::No).with_source(source)
    }

    /// Creates an error for invalid settings.
    #[cfg(feature = "hyper")]
    pub(crate) fn configuration(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Configuration, Phase::Prepare, Sent::No).with_source(source)
    }

    /// Returns whether to resend at once: nothing was sent, and the connection broke in a way that
    /// the next one may not. A refused connection, an unknown name or an invalid certificate does
    /// not change within a millisecond.
    #[cfg(feature = "hyper")]
    pub(crate) fn is_resendable_at_once(&self) -> bool {
        let is_momentary = matches!(
            self.kind(),
            ErrorKind::ConnectionLost | ErrorKind::Truncated | ErrorKind::StreamReset
        );
        self.is_safe_to_resend() && is_momentary
    }

    /// Converts the error of another crate. One that is an [`Error`] stays as it is, and one that
    /// wraps an [`Error`] keeps its facts: a wrapper contains none about the network.
    pub(crate) fn of_other(
        error: Box<dyn StdError + Send + Sync>,
        phase: Phase,
        sent: Sent,
    ) -> Self {
        let error = match error.downcast::<Self>() {
            Ok(ours) => return *ours,
            Err(error) => error,
        };
        find_source::<Self>(&*error)
            .map(Self::copy_without_source)
            .unwrap_or_else(|| Self::new(ErrorKind::Other, phase, sent))
            .with_source(error)
    }

    // Returns the same failure without its source, to become the source of what wrapped it.
    fn copy_without_source(&self) -> Self {
        let inner = &self.0;
        Self(Box::new(Inner {
            request_id: inner.request_id.clone(),
            source: None,
            ..**inner
        }))
    }

    // Returns the same failure in another phase, with that phase's evidence about the request.
    pub(crate) fn seen_from(mut self, phase: Phase, sent: Sent) -> Self {
        self.0.phase = phase;
        self.0.sent = sent;
        self
    }

    /// Adds the cause of the error, which `source` returns.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Adds the status of the response.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = Some(status);
        self
    }

    /// Adds the code of the close frame.
    #[must_use]
    pub fn with_close_code(mut self, code: u16) -> Self {
        self.0.close_code = Some(code);
        self
    }

    /// Adds the server's request id.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<Box<str>>) -> Self {
        self.0.request_id = Some(id.into());
        self
    }

    /// Adds the number of received bytes.
    #[must_use]
    pub fn with_bytes_received(mut self, bytes: u64) -> Self {
        self.0.bytes_received = bytes;
        self
    }

    /// Adds the number of received events.
    #[must_use]
    pub fn with_events_received(mut self, events: u64) -> Self {
        self.0.events_received = events;
        self
    }

    /// Adds the period of the timeout that expired.
    #[must_use]
    pub fn with_timeout(mut self, period: Duration) -> Self {
        self.0.limit = Some(period);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind() {
            ErrorKind::InvalidRequest => "invalid request",
            ErrorKind::Configuration => "invalid transport configuration",
            ErrorKind::Dns => "host name could not be resolved",
            ErrorKind::Connect => "could not reach the server",
            ErrorKind::Tls => "TLS error",
            ErrorKind::Certificate => "server certificate was rejected",
            ErrorKind::Proxy => "proxy tunnel failed",
            ErrorKind::Timeout(clock) => {
                write!(f, "{clock} timeout expired")?;
                if let Some(limit) = self.timeout() {
                    write!(f, " ({limit:?})")?;
                }
                ""
            }
            ErrorKind::ConnectionLost => "connection was lost",
            ErrorKind::StreamReset => "stream was reset by the server",
            ErrorKind::Truncated => "response ended before it was complete",
            ErrorKind::Protocol => "server violated the protocol",
            ErrorKind::TooLarge => "response exceeds a size limit",
            ErrorKind::ContentCoding => "unknown or corrupt content coding",
            ErrorKind::Closed => "WebSocket was closed by the server",
            ErrorKind::Cancelled => "request was cancelled",
            ErrorKind::Other => "transport failed",
        };
        f.write_str(what)?;
        if let Some(status) = self.status().filter(|_| self.kind() == ErrorKind::Proxy) {
            write!(f, " with status {}", status.as_str())?;
        }
        if let Some(code) = self.close_code() {
            write!(f, " with code {code}")?;
        }
        f.write_str(match self.phase() {
            Phase::Prepare => "",
            Phase::Connect => " while connecting",
            Phase::Handshake => " during the handshake",
            Phase::Send => " while sending the request",
            Phase::Headers => " while waiting for the response",
            Phase::Body => " while reading the body",
            Phase::Close => " while closing",
        })?;
        match (self.bytes_received(), self.events_received()) {
            (0, 0) => Ok(()),
            (bytes, 0) => write!(f, ", after {bytes} bytes"),
            (bytes, events) => write!(f, ", after {bytes} bytes and {events} events"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind())
            .field("phase", &self.phase())
            .field("sent", &self.sent())
            .field("status", &self.status())
            .field("close_code", &self.close_code())
            .field("request_id", &self.request_id())
            .field("bytes_received", &self.bytes_received())
            .field("events_received", &self.events_received())
            .field("timeout", &self.timeout())
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

/// Searches an error and its sources for an error of this type.
pub(crate) fn find_source<'a, E: StdError + 'static>(
    error: &'a (dyn StdError + 'static),
) -> Option<&'a E> {
    core::iter::successors(Some(error), |error| (*error).source())
        .find_map(|error| error.downcast_ref())
}
