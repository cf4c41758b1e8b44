use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, Version};

use crate::conn::connector::Connector;
use crate::conn::options::ConnectOptions;
use crate::conn::pool::Pool;
use crate::conn::request_body::Progress;
use crate::conn::versions::HttpVersions;
use crate::error::{Error, ErrorKind, Phase, Sent};
use crate::http::body::Body;
use crate::http::encoding::decode_content;
use crate::http::exchange::Resendable;
use crate::http::transport::HttpTransport;
use crate::redact::Credentials;
use crate::timeouts::Timeouts;
use crate::timeouts::watch::IdleTimeouts;
use crate::timer::{SharedTimer, Timer, TokioTimer};
#[cfg(feature = "ws")]
use crate::ws::options::WsSettings;
#[cfg(feature = "ws")]
use crate::ws::transport::{Upgrade, WsTransport};

/// An HTTP/1.1 and HTTP/2 transport over hyper, with one connection pool. Cloning is cheap and
/// shares the pool. Requires a tokio runtime.
///
/// * A request that provably was not sent, because its pooled connection had just closed or because
///   a new connection broke while it was being established, is sent once more. No other request is
///   resent.
/// * Redirects are followed only with status 307 or 308 and only to the same scheme, host and port,
///   since credentials travel with the request. Every other redirect is returned like any response,
///   and so is every redirect of a request with the extension [`NoRedirects`](crate::NoRedirects).
/// * The headers of a response may take 64 KiB and 512 fields, over HTTP/1.1, over HTTP/2 and in
///   the response to a WebSocket upgrade; trailers 16 KiB and 512 fields, and the extensions of all
///   chunks together 16 KiB. Exceeding a limit is [`ErrorKind::TooLarge`], and the error names the
///   limit. (Over HTTP/2, more than 128 KiB of headers is rejected without being read, as
///   [`ErrorKind::Protocol`].)
/// * Requests over HTTP/2 share connections up to the number of streams that the server allows.
///   After that, another connection is opened, up to [`ConnectOptions::http2_max_connections`]. If
///   a server requires HTTP/1.1 (`HTTP_1_1_REQUIRED`), the request is sent over HTTP/1.1.
/// * The caller pulls the data. Over HTTP/1.1 no stream has a task: polling the body drives the
///   connection, and dropping the body closes it unless the response is complete. Over HTTP/2,
///   hyper's tasks run the connection that many streams share.
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

/// A builder of a [`HyperTransport`].
#[derive(Clone, Debug)]
pub struct HyperTransportBuilder {
    connection: ConnectOptions,
    timeouts: Timeouts,
    offer: bool,
    #[cfg(feature = "ws")]
    websocket: WsSettings,
}

struct Inner {
    pool: Pool,
    #[cfg(feature = "ws")]
    connector: Connector,
    #[cfg(feature = "ws")]
    websocket: WsSettings,
    version: Version,
    offer: bool,
    timeouts: Timeouts,
    timer: SharedTimer,
}

impl HyperTransport {
    /// Creates a transport with the default settings.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Configuration`]; see [`HyperTransportBuilder::build`].
    pub fn new() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// Returns a builder for custom settings.
    pub fn builder() -> HyperTransportBuilder {
        HyperTransportBuilder {
            connection: ConnectOptions::default(),
            timeouts: Timeouts::default(),
            offer: true,
            #[cfg(feature = "ws")]
            websocket: WsSettings::default(),
        }
    }

    /// Returns the timeouts of requests that do not carry their own.
    pub fn timeouts(&self) -> &Timeouts {
        &self.0.timeouts
    }
}

impl HyperTransportBuilder {
    /// Sets the options of connections, such as proxy and TLS.
    #[must_use]
    pub fn connection(mut self, connection: ConnectOptions) -> Self {
        self.connection = connection;
        self
    }

    /// Sets the timeouts of requests that do not carry their own as an extension. `connect` is
    /// always the transport's.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Sets the connect timeout.
    #[must_use]
    pub fn connect_timeout(mut self, period: Duration) -> Self {
        self.timeouts.connect = Some(period);
        self
    }

    /// Sets the headers timeout.
    #[must_use]
    pub fn headers_timeout(mut self, period: Duration) -> Self {
        self.timeouts.headers = Some(period);
        self
    }

    /// Sets whether `accept-encoding` offers the content codings that are compiled in (features
    /// `zstd`, `br`, `gzip` and `deflate`).
    ///
    /// On by default. Coded responses are decoded in any case; see
    /// [`decode_content`](crate::decode_content). A request with its own `accept-encoding` keeps
    /// it.
    #[must_use]
    pub fn decompress(mut self, on: bool) -> Self {
        self.offer = on;
        self
    }

    /// Sets the limits and timeouts of WebSockets.
    #[cfg(feature = "ws")]
    #[must_use]
    pub fn websocket(mut self, settings: WsSettings) -> Self {
        self.websocket = settings;
        self
    }

    /// Reads the files that the settings name and creates the transport. Performs no network I/O.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Configuration`] if a certificate or key cannot be read, or if there is
    /// no cryptography provider.
    pub fn build(self) -> Result<HyperTransport, Error> {
        let Self {
            connection,
            timeouts,
            offer,
            ..
        } = self;
        let connector = Connector::new(connection.clone(), timeouts.connect)?;
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
            pool: Pool::new(connector, &connection),
            version,
            offer,
            timeouts,
            timer: SharedTimer::new(TokioTimer),
        })))
    }
}

// Both are boxed, because a task is as large as the largest future that it ever awaits. Unboxed, a
// task that sends and then reads would hold the space of the exchange (2.1 KiB, and 3.1 KiB to
// connect a WebSocket) for as long as the stream lives.
impl HttpTransport for HyperTransport {
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Body>, Error>> + Send {
        let exchange: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(self.exchange(request));
        exchange
    }
}

#[cfg(feature = "ws")]
impl WsTransport for HyperTransport {
    fn connect(&self, request: Request<()>) -> impl Future<Output = Result<Upgrade, Error>> + Send {
        let inner = &self.0;
        let timeouts = request.extensions().get().unwrap_or(&inner.timeouts);
        let timeouts = crate::ws::upgrade::WsTimeouts::new(timeouts);
        let upgrade: Pin<Box<dyn Future<Output = _> + Send>> =
            Box::pin(crate::ws::upgrade::connect(
                &inner.connector,
                inner.websocket,
                timeouts,
                inner.timer.clone(),
                request,
            ));
        upgrade
    }
}

impl HyperTransport {
    // Sends the request and waits for the response headers under their timeouts; the body continues
    // under the others.
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Body>, Error> {
        let (mut head, body) = request.into_parts();
        let timeouts = head.extensions.get().copied();
        let timeouts = timeouts.unwrap_or(self.0.timeouts);
        let started = self.0.timer.now();
        head.version = self.0.version;
        if self.0.offer {
            crate::http::encoding::offer(&mut head.headers);
        }
        let credentials = Credentials::of(&head.headers);
        let progress = Arc::new(Progress::default());
        let exchange = Resendable {
            pool: &self.0.pool,
            head,
            body,
            progress: &progress,
        };
        let exchange = exchange.follow();
        let response =
            match timeouts.until_headers() {
                None => exchange.await,
                Some((kind, period)) => tokio::time::timeout(period, exchange)
                    .await
                    .unwrap_or_else(|_| {
                        let written = progress.is_written();
                        let phase = if written {
                            Phase::Headers
                        } else {
                            Phase::Connect
                        };
                        // hyper has not taken the request, which still waits for a connection, so
                        // no byte was written.
                        let sent = if written { Sent::Maybe } else { Sent::No };
                        let error =
                            Error::new(ErrorKind::Timeout(kind), phase, sent).with_timeout(period);
                        Err(match progress.stream_limit() {
                            Some(limit) => error.with_source(limit),
                            None => error,
                        })
                    }),
            }?;
        let watch = IdleTimeouts::for_bytes(&timeouts, self.0.timer.clone(), started);
        let request_id = crate::http::request_id::request_id(response.headers())
            .map(|id| credentials.clean_id(id));
        let response = decode_content(response.map(|body| body.with_watch(watch)));
        Ok(response.map(|body| match request_id {
            Some(id) => body.with_request_id(id),
            None => body,
        }))
    }
}

impl fmt::Debug for HyperTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HyperTransport")
            .field("timeouts", &self.0.timeouts)
            .finish_non_exhaustive()
    }
}
