//! Time limits for each part of an exchange.

pub(crate) mod watch;

use core::fmt;
use core::time::Duration;

/// Timeouts of the parts of an exchange. Each is optional and has a [`TimeoutKind`] that identifies
/// it in errors.
///
/// The defaults suit streams: strict where a healthy server is fast, long where a model may be
/// reasoning.
///
/// | timeout | default | reason |
/// |---|---|---|
/// | `connect` | 15 s | name resolution, TCP, proxy and TLS together; the official client's limit for a WebSocket |
/// | `headers` | 120 s | a streaming endpoint answers within seconds, but queues exist; [`unary`](Self::unary) waits for the whole response |
/// | `first_event` | 300 s | the first event may wait in a queue after the headers |
/// | `byte_idle` | 300 s | reasoning can be silent for minutes; keep-alives count as activity, so this detects dead connections only |
/// | `event_idle` | 600 s | keep-alives do not count, so this detects a server that is alive and stuck; twice the longest legitimate pause known |
/// | `total` | none | a long response is not a fault |
///
/// A request can carry its own timeouts as an extension, which replaces the transport's as a whole:
///
/// ```
/// use codex_transport::Timeouts;
/// use std::time::Duration;
///
/// let mut timeouts = Timeouts::default();
/// timeouts.total = Some(Duration::from_secs(3600));
/// let request = http::Request::post("https://api.openai.com/v1/responses")
///     .extension(timeouts)
///     .body(())
///     .unwrap();
/// assert_eq!(
///     request.extensions().get::<Timeouts>().unwrap().total,
///     Some(Duration::from_secs(3600))
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// The maximum time for name resolution, TCP, the proxy's tunnel and TLS together.
    pub connect: Option<Duration>,
    /// The maximum time from the start of `send` to the response headers, connecting included.
    pub headers: Option<Duration>,
    /// The maximum time from the response headers to the first event.
    pub first_event: Option<Duration>,
    /// The maximum time between two arrivals of bytes of any kind.
    pub byte_idle: Option<Duration>,
    /// The maximum time between two meaningful events; comments, keep-alives and pings do not
    /// count.
    pub event_idle: Option<Duration>,
    /// The maximum time from the start of `send` to the end of the body.
    pub total: Option<Duration>,
}

/// The kind of a timeout, which identifies it in errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimeoutKind {
    /// Connecting took too long: [`Timeouts::connect`].
    Connect,
    /// The response headers took too long: [`Timeouts::headers`].
    Headers,
    /// The first event took too long: [`Timeouts::first_event`].
    FirstEvent,
    /// No bytes arrived for too long: [`Timeouts::byte_idle`].
    ByteIdle,
    /// No meaningful event arrived for too long: [`Timeouts::event_idle`].
    EventIdle,
    /// The whole exchange took too long: [`Timeouts::total`].
    Total,
    /// A ping was not acknowledged in time (WebSocket and HTTP/2), or the peer of a WebSocket did
    /// not read the pongs.
    Pong,
}

impl Timeouts {
    /// Returns timeouts that never expire.
    pub const fn none() -> Self {
        Self {
            connect: None,
            headers: None,
            first_event: None,
            byte_idle: None,
            event_idle: None,
            total: None,
        }
    }

    /// Returns timeouts for requests whose response is not streamed: the headers may take as long
    /// as the whole response (600 s, as the official SDKs allow).
    pub const fn unary() -> Self {
        let period = Some(Duration::from_secs(600));
        Self {
            connect: Some(CONNECT),
            headers: period,
            first_event: None,
            byte_idle: Some(IDLE),
            event_idle: None,
            total: period,
        }
    }

    /// Returns the timeout that limits the wait for the response headers.
    #[cfg(any(
        feature = "hyper",
        feature = "reqwest",
        all(feature = "web", target_family = "wasm", target_os = "unknown")
    ))]
    pub(crate) fn until_headers(&self) -> Option<(TimeoutKind, Duration)> {
        let headers = self.headers.map(|period| (TimeoutKind::Headers, period));
        let total = self.total.map(|period| (TimeoutKind::Total, period));
        let limits = headers.into_iter().chain(total);
        limits.min_by_key(|(_, period)| *period)
    }

    /// Sets `byte_idle` and `event_idle` to this period and shortens `first_event` to it: "give up
    /// after this much silence".
    #[must_use]
    pub fn with_idle(mut self, idle: Duration) -> Self {
        self.byte_idle = Some(idle);
        self.event_idle = Some(idle);
        self.first_event = Some(self.first_event.map_or(idle, |first| first.min(idle)));
        self
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Some(CONNECT),
            headers: Some(Duration::from_secs(120)),
            first_event: Some(IDLE),
            byte_idle: Some(IDLE),
            event_idle: Some(Duration::from_secs(600)),
            total: None,
        }
    }
}

impl fmt::Display for TimeoutKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect",
            Self::Headers => "headers",
            Self::FirstEvent => "first event",
            Self::ByteIdle => "byte idle",
            Self::EventIdle => "event idle",
            Self::Total => "total",
            Self::Pong => "pong",
        })
    }
}

const CONNECT: Duration = Duration::from_secs(15);
const IDLE: Duration = Duration::from_secs(300);
