use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::header::LOCATION;
use http::request::Parts;
use http::{Request, Response, Uri, Version};
use http_body::{Frame, SizeHint};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer as HyperTimer};

use crate::connector::Connector;
use crate::{
    Body, BoxTimer, Clock, Connection, Error, ErrorKind, HttpTransport, HttpVersions, NoRedirects,
    Phase, Sent, Timeouts, Timer, TokioTimer, Watch, hyper_error,
};
#[cfg(feature = "ws")]
use crate::{Upgrade, WsSettings, WsTransport};

/// HTTP/1.1 and HTTP/2 over hyper, with one pool of connections. Cloning is cheap and shares the pool. Needs a tokio runtime.
///
/// * A request that provably was not sent, because the pooled connection it was given had just died or because the connection broke
///   while it was being made, is tried once more. Nothing else is.
/// * Redirects are followed only with status 307 or 308 and only to the same scheme, host and port, since credentials travel with the
///   request. Every other redirect is handed back like any response, and every one of a request with the extension [`NoRedirects`].
/// * The head of a response may have 64 KiB; one of more than 128 KiB breaks the protocol ([`ErrorKind::Protocol`]).
/// * Reading is pulled: no task and no channel of ours stand between the connection and whoever polls the body.
///
/// ```
/// # #[cfg(feature = "testing")] {
/// use bytes::Bytes;
/// use codex_transport::testing::{Answer, LoopbackServer, Script};
/// use codex_transport::{HttpTransport, HyperTransport};
///
/// let server = LoopbackServer::start(Script::new().answer(Answer::ok().body("hello"))).unwrap();
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// let transport = HyperTransport::new().unwrap();
/// let request = http::Request::get(server.url("/v1/models")).body(Bytes::new()).unwrap();
/// let response = transport.send(request).await.unwrap();
/// assert_eq!(response.into_body().collect(1024).await.unwrap(), "hello");
/// # }) }
/// ```
#[derive(Clone)]
pub struct HyperTransport(Arc<Inner>);

/// Settings of a [`HyperTransport`].
#[derive(Clone, Debug)]
pub struct HyperTransportBuilder {
    connection: Connection,
    timeouts: Timeouts,
    #[cfg(any(feature = "gzip", feature = "zstd"))]
    decompress: bool,
    #[cfg(feature = "ws")]
    websocket: WsSettings,
}

struct Inner {
    // Boxed, because hyper keeps room for 32 requests a connection, and a connection of HTTP/1.1 needs one.
    client: Client<Connector, Box<Outgoing>>,
    #[cfg(feature = "ws")]
    connector: Connector,
    #[cfg(feature = "ws")]
    websocket: WsSettings,
    version: Version,
    #[cfg(any(feature = "gzip", feature = "zstd"))]
    decompress: bool,
    timeouts: Timeouts,
    timer: BoxTimer,
}

impl HyperTransport {
    /// A transport with every default.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`], see [`HyperTransportBuilder::build`].
    pub fn new() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// A transport with settings of one's own.
    pub fn builder() -> HyperTransportBuilder {
        HyperTransportBuilder {
            connection: Connection::default(),
            timeouts: Timeouts::default(),
            #[cfg(any(feature = "gzip", feature = "zstd"))]
            decompress: false,
            #[cfg(feature = "ws")]
            websocket: WsSettings::default(),
        }
    }

    /// The clocks of requests that do not carry their own.
    pub fn timeouts(&self) -> &Timeouts {
        &self.0.timeouts
    }
}

impl HyperTransportBuilder {
    /// How servers are reached.
    #[must_use]
    pub fn connection(mut self, connection: Connection) -> Self {
        self.connection = connection;
        self
    }

    /// The clocks of requests that do not carry their own as an extension. `connect` is always the transport's.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Replaces the connect timeout.
    #[must_use]
    pub fn connect_timeout(mut self, period: Duration) -> Self {
        self.timeouts.connect = Some(period);
        self
    }

    /// Replaces the headers timeout.
    #[must_use]
    pub fn headers_timeout(mut self, period: Duration) -> Self {
        self.timeouts.headers = Some(period);
        self
    }

    /// Asks for compressed bodies (features `gzip` and `zstd`) and decodes them. Off by default: a proxy that compresses an event stream
    /// may hold events back.
    #[cfg(any(feature = "gzip", feature = "zstd"))]
    #[must_use]
    pub fn decompress(mut self, on: bool) -> Self {
        self.decompress = on;
        self
    }

    /// Limits and habits of WebSockets.
    #[cfg(feature = "ws")]
    #[must_use]
    pub fn websocket(mut self, settings: WsSettings) -> Self {
        self.websocket = settings;
        self
    }

    /// Reads the files that the settings name, and makes the transport. Touches no network.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when a certificate or key cannot be read, or when no cryptography provider is there.
    pub fn build(self) -> Result<HyperTransport, Error> {
        let Self {
            connection,
            timeouts,
            ..
        } = self;
        let connector = Connector::new(connection.clone(), timeouts.connect)?;
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .timer(HyperTimer::new())
            .pool_timer(HyperTimer::new())
            .pool_idle_timeout(connection.pool_idle)
            .pool_max_idle_per_host(connection.pool_max_idle)
            // Resending is ours, so that it happens once and never more.
            .retry_canceled_requests(false)
            .http1_max_buf_size(HEAD_LIMIT as usize)
            .http2_max_header_list_size(HEAD_LIMIT)
            .http2_only(connection.http == HttpVersions::Http2)
            .http2_keep_alive_interval(connection.http2_keepalive);
        if let Some(period) = connection.http2_keepalive {
            builder.http2_keep_alive_timeout(period);
        }
        let version = if connection.http == HttpVersions::Http2 {
            Version::HTTP_2
        } else {
            Version::HTTP_11
        };
        Ok(HyperTransport(Arc::new(Inner {
            #[cfg(feature = "ws")]
            connector: connector.clone(),
            #[cfg(feature = "ws")]
            websocket: self.websocket,
            client: builder.build(connector),
            version,
            #[cfg(any(feature = "gzip", feature = "zstd"))]
            decompress: self.decompress,
            timeouts,
            timer: BoxTimer::new(TokioTimer),
        })))
    }
}

// Both are boxed, because a task is as large as the largest thing it ever awaits, and stays so. Unboxed, whoever sends and then reads would
// hold the room of the exchange (1.4 KiB, and 3 KiB to connect a WebSocket) for as long as the stream lives.
impl HttpTransport for HyperTransport {
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Body>, Error>> + Send {
        Box::pin(self.exchange(request))
    }
}

#[cfg(feature = "ws")]
impl WsTransport for HyperTransport {
    fn connect(&self, request: Request<()>) -> impl Future<Output = Result<Upgrade, Error>> + Send {
        let inner = &self.0;
        let timeouts = request.extensions().get().unwrap_or(&inner.timeouts);
        let clocks = crate::tungstenite::Clocks::new(timeouts);
        Box::pin(crate::tungstenite::connect(
            &inner.connector,
            inner.websocket,
            clocks,
            inner.timer.clone(),
            request,
        ))
    }
}

impl HyperTransport {
    // The request to its head, under the clocks that end there; the body goes on under the others.
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Body>, Error> {
        let (mut head, body) = request.into_parts();
        let timeouts = head.extensions.get().copied();
        let timeouts = timeouts.unwrap_or(self.0.timeouts);
        let started = self.0.timer.now();
        let (clock, period) = match (timeouts.headers, timeouts.total) {
            (Some(headers), Some(total)) if total < headers => (Clock::Total, Some(total)),
            (None, Some(total)) => (Clock::Total, Some(total)),
            (headers, _) => (Clock::Headers, headers),
        };
        let written = Arc::new(AtomicBool::new(false));
        let exchange = self.follow(&mut head, &body, &written);
        let response = match period {
            None => exchange.await,
            Some(period) => tokio::time::timeout(period, exchange)
                .await
                .unwrap_or_else(|_| {
                    let written = written.load(Ordering::Relaxed);
                    let phase = if written {
                        Phase::Headers
                    } else {
                        Phase::Connect
                    };
                    // Not yet taken by hyper: still waiting for a connection, so not a byte was written.
                    let sent = if written { Sent::Maybe } else { Sent::No };
                    Err(Error::new(ErrorKind::Timeout(clock), phase, sent).with_timeout(period))
                }),
        }?;
        #[cfg_attr(
            not(any(feature = "gzip", feature = "zstd")),
            expect(unused_mut, reason = "decoding changes the headers")
        )]
        let (mut head, body) = response.into_parts();
        let mut body = Body::incoming(body).with_watch(Watch::for_bytes(
            &timeouts,
            self.0.timer.clone(),
            started,
        ));
        if let Some(id) = hyper_error::request_id(&head.headers) {
            body = body.with_request_id(id);
        }
        #[cfg(any(feature = "gzip", feature = "zstd"))]
        if self.0.decompress {
            body = crate::encoding::decode(&mut head.headers, body);
        }
        Ok(Response::from_parts(head, body))
    }

    async fn follow(
        &self,
        head: &mut Parts,
        body: &Bytes,
        written: &Arc<AtomicBool>,
    ) -> Result<Response<hyper::body::Incoming>, Error> {
        head.version = self.0.version;
        #[cfg(any(feature = "gzip", feature = "zstd"))]
        if self.0.decompress {
            crate::encoding::offer(&mut head.headers);
        }
        let redirects = match head.extensions.get::<NoRedirects>() {
            Some(NoRedirects) => 0,
            None => MAX_REDIRECTS,
        };
        for _ in 0..redirects {
            let response = self.send_twice(head, body, written).await?;
            match redirect_target(&head.uri, &response) {
                Some(target) => head.uri = target,
                None => return Ok(response),
            }
        }
        self.send_twice(head, body, written).await
    }

    // Twice at most, and the second time only when the first provably did not reach the server.
    async fn send_twice(
        &self,
        head: &Parts,
        body: &Bytes,
        written: &Arc<AtomicBool>,
    ) -> Result<Response<hyper::body::Incoming>, Error> {
        let first = self.send_once(head, body, written).await;
        if first.as_ref().is_err_and(may_resend) {
            return self.send_once(head, body, written).await;
        }
        first
    }

    async fn send_once(
        &self,
        head: &Parts,
        body: &Bytes,
        written: &Arc<AtomicBool>,
    ) -> Result<Response<hyper::body::Incoming>, Error> {
        written.store(false, Ordering::Relaxed);
        self.0
            .client
            .request(outgoing(head, body, written)?)
            .await
            .map_err(|error| hyper_error::send(error, written.load(Ordering::Relaxed)))
    }
}

fn outgoing(
    head: &Parts,
    body: &Bytes,
    written: &Arc<AtomicBool>,
) -> Result<Request<Box<Outgoing>>, Error> {
    if head.uri.host().is_none() {
        return Err(
            Error::new(ErrorKind::InvalidRequest, Phase::Prepare, Sent::No)
                .with_source("the URL has no host"),
        );
    }
    let mut request = Request::new(Box::new(Outgoing {
        bytes: body.clone(),
        written: written.clone(),
    }));
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = head.uri.clone();
    *request.headers_mut() = head.headers.clone();
    *request.version_mut() = head.version;
    Ok(request)
}

/// Whether to try once more at once: nothing was sent, and a connection broke that may hold the next time. A refused connection, an
/// unknown name or a wrong certificate will not change within a millisecond.
pub(crate) fn may_resend(error: &Error) -> bool {
    let momentary = matches!(
        error.kind(),
        ErrorKind::ConnectionLost | ErrorKind::Truncated | ErrorKind::StreamReset
    );
    error.is_safe_to_resend() && momentary
}

fn redirect_target(from: &Uri, response: &Response<hyper::body::Incoming>) -> Option<Uri> {
    if !hyper_error::keeps_method(response.status()) {
        return None;
    }
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    if location.starts_with('/') && !location.starts_with("//") {
        let mut parts = from.clone().into_parts();
        parts.path_and_query = Some(location.parse().ok()?);
        return Uri::from_parts(parts).ok();
    }
    let target: Uri = location.parse().ok()?;
    let origin = |uri: &Uri| {
        Some((
            uri.scheme()?.clone(),
            uri.host()?.to_ascii_lowercase(),
            port(uri),
        ))
    };
    (origin(&target)? == origin(from)?).then_some(target)
}

fn port(uri: &Uri) -> Option<u16> {
    uri.port_u16().or_else(|| match uri.scheme_str() {
        Some("http") => Some(80),
        Some("https") => Some(443),
        _ => None,
    })
}

/// The request's body, which also tells whether hyper has taken it: before that, nothing can have been written.
struct Outgoing {
    bytes: Bytes,
    written: Arc<AtomicBool>,
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = core::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.written.store(true, Ordering::Relaxed);
        let bytes = core::mem::take(&mut self.bytes);
        Poll::Ready((!bytes.is_empty()).then_some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        if self.bytes.is_empty() {
            self.written.store(true, Ordering::Relaxed);
        }
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}

impl fmt::Debug for HyperTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HyperTransport")
            .field("timeouts", &self.0.timeouts)
            .finish_non_exhaustive()
    }
}

// As many as browsers' historic minimum; a longer chain is a loop.
const MAX_REDIRECTS: usize = 5;

/// A head of this many bytes is taken. hyper fills whatever room its buffer has before it looks at the limit, so one that is up to twice
/// as long may be taken as well. By itself hyper takes 400 KiB over HTTP/1.1, which is also how far its read buffer may grow, and 16 KiB
/// over HTTP/2.
pub(crate) const HEAD_LIMIT: u32 = 64 * 1024;
