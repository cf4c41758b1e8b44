mod body;
mod failure;

use core::fmt;
use core::future::Future;
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};

use crate::conn::limits;
use crate::conn::request_body::{Progress, RequestBody};
use crate::error::{Error, ErrorKind, Phase, Sent};
use crate::http::body::Body;
use crate::http::encoding::{decode_content, offer};
use crate::http::redirects::{self, MAX_REDIRECTS, NoRedirects};
use crate::http::transport::HttpTransport;
use crate::redact::Credentials;
use crate::timeouts::watch::IdleTimeouts;
use crate::timeouts::{TimeoutKind, Timeouts};
use crate::timer::{SharedTimer, Timer as _, TokioTimer};

/// An [`HttpTransport`] over a [`reqwest::Client`], for programs that have configured one already.
/// Cloning is cheap and shares the client. Requires a tokio runtime.
///
/// Bodies are streamed: each chunk is returned as it arrives, and dropping a body cancels the
/// request. Connections, TLS, proxies and the pool are the client's. The rest works as with
/// [`HyperTransport`](crate::HyperTransport):
///
/// * The [`Timeouts`] of a request apply, except `connect`: reqwest does not show when a connection
///   is established, so connecting is part of `headers`. Use
///   [`connect_timeout`](reqwest::ClientBuilder::connect_timeout) for a limit of its own; it is
///   reported as [`TimeoutKind::Connect`].
/// * A request that provably was not sent is sent once more.
/// * Redirects with status 307 or 308 are followed to the same scheme, host and port only. reqwest
///   itself cannot repeat the body, so a request with a body never reaches another origin.
/// * Response headers have the same limits, content codings are decoded, and errors have the
///   server's request id.
///
/// These facts are lost, because reqwest does not report them:
///
/// * The client follows other redirects (301, 302, 303, and every redirect of a request without a
///   body) before this transport sees them, and removes only standard credentials when it leaves
///   the origin. Create it with
///   [`redirect::Policy::none`](reqwest::redirect::Policy::none) to receive them as responses. A
///   redirect that was followed despite [`NoRedirects`] is an error.
/// * [`timeout`](reqwest::ClientBuilder::timeout) and
///   [`read_timeout`](reqwest::ClientBuilder::read_timeout) of the client cannot be distinguished:
///   both are [`TimeoutKind::Total`]. For streams, set neither.
/// * The reason of a failed TLS handshake is known over rustls only, with the feature `tls`: over
///   another TLS library it is [`ErrorKind::Connect`]. The status of a proxy that refuses a tunnel
///   is known only if it is 407.
/// * There are no WebSockets: a client over this transport uses HTTP only, unless it is given a
///   [`WsTransport`](crate::WsTransport) as well.
///
/// ```
/// # #[cfg(feature = "testing")] {
/// use bytes::Bytes;
/// use codex_transport::testing::{Answer, LoopbackServer, Script};
/// use codex_transport::{HttpTransport, ReqwestTransport};
///
/// let server = LoopbackServer::start(Script::new().answer(Answer::ok().body("hello"))).unwrap();
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// # // The tests build reqwest without a cryptography provider.
/// # let _ = rustls::crypto::ring::default_provider().install_default();
/// let client = reqwest::Client::builder()
///     .redirect(reqwest::redirect::Policy::none())
///     .build()
///     .unwrap();
/// let transport = ReqwestTransport::new(client);
/// let request = http::Request::get(server.url("/v1/models")).body(Bytes::new()).unwrap();
/// let response = transport.send(request).await.unwrap();
/// assert_eq!(response.into_body().collect(1024).await.unwrap(), "hello");
/// # }) }
/// ```
#[derive(Clone)]
pub struct ReqwestTransport {
    client: reqwest::Client,
    timeouts: Timeouts,
}

impl ReqwestTransport {
    /// Wraps a client, with the default [`Timeouts`].
    #[must_use]
    pub fn new(client: reqwest::Client) -> Self {
        Self {
            client,
            timeouts: Timeouts::default(),
        }
    }

    /// Sets the timeouts of requests that do not carry their own as an extension. `connect` is
    /// ignored.
    #[must_use]
    pub fn with_timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Body>, Error> {
        let (mut head, body) = request.into_parts();
        let timeouts = head.extensions.get().copied().unwrap_or(self.timeouts);
        let timer = SharedTimer::new(TokioTimer);
        let started = timer.now();
        offer(&mut head.headers);
        let credentials = Credentials::of(&head.headers);
        let progress = Arc::new(Progress::default());
        let exchange = Exchange {
            client: &self.client,
            head,
            body,
            progress: &progress,
        };
        let exchange = exchange.follow();
        let response = match timeouts.until_headers() {
            None => exchange.await,
            Some((kind, period)) => tokio::time::timeout(period, exchange)
                .await
                .unwrap_or_else(|_| Err(expired(kind, period, progress.is_written()))),
        }?;
        let watch = IdleTimeouts::for_bytes(&timeouts, timer, started);
        let request_id = crate::http::request_id::request_id(response.headers())
            .map(|id| credentials.clean_id(id));
        let response = decode_content(response.map(|body| body.with_watch(watch)));
        Ok(response.map(|body| match request_id {
            Some(id) => body.with_request_id(id),
            None => body,
        }))
    }
}

impl HttpTransport for ReqwestTransport {
    // Boxed, because a task is as large as the largest future that it ever awaits.
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Body>, Error>> + Send {
        Box::pin(self.exchange(request))
    }
}

impl From<reqwest::Client> for ReqwestTransport {
    fn from(client: reqwest::Client) -> Self {
        Self::new(client)
    }
}

impl fmt::Debug for ReqwestTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client's output shows its default headers, which may be credentials.
        f.debug_struct("ReqwestTransport")
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}

fn expired(kind: TimeoutKind, period: Duration, written: bool) -> Error {
    // Before hyper takes the body, the request waits for a connection and no byte was written.
    let (phase, sent) = if written {
        (Phase::Headers, Sent::Maybe)
    } else {
        (Phase::Connect, Sent::No)
    };
    Error::new(ErrorKind::Timeout(kind), phase, sent).with_timeout(period)
}

/// A request that may be sent again: to the target of a redirect, or because it was not sent.
struct Exchange<'a> {
    client: &'a reqwest::Client,
    head: Parts,
    body: Bytes,
    progress: &'a Arc<Progress>,
}

impl Exchange<'_> {
    async fn follow(mut self) -> Result<Response<Body>, Error> {
        let mut redirects = match self.head.extensions.get::<NoRedirects>() {
            Some(NoRedirects) => 0,
            None => MAX_REDIRECTS,
        };
        loop {
            let response = self.send_twice().await?;
            limits::check(response.headers())?;
            match redirects::target(&self.head.uri, &response) {
                Some(target) if redirects > 0 => self.head.uri = target,
                _ => return Ok(response),
            }
            redirects -= 1;
        }
    }

    async fn send_twice(&self) -> Result<Response<Body>, Error> {
        match self.send_once().await {
            Err(error) if error.is_resendable_at_once() => self.send_once().await,
            result => result,
        }
    }

    async fn send_once(&self) -> Result<Response<Body>, Error> {
        self.progress.set_written(false);
        let request = self.request()?;
        let url = request.url().clone();
        let response = self
            .client
            .execute(request)
            .await
            .map_err(|error| failure::before_response(error, self.progress.is_written()))?;
        if *response.url() != url && self.head.extensions.get::<NoRedirects>().is_some() {
            return Err(Error::new(ErrorKind::Protocol, Phase::Headers, Sent::Yes)
                .with_source("reqwest followed a redirect of a request that allows none"));
        }
        let response: Response<reqwest::Body> = response.into();
        Ok(response.map(body::response))
    }

    fn request(&self) -> Result<reqwest::Request, Error> {
        // A body that reqwest cannot repeat: it reports when it is taken, and no redirect carries
        // it to another origin.
        let body = reqwest::Body::wrap(RequestBody::new(self.body.clone(), self.progress.clone()));
        let mut request = Request::new(body);
        *request.method_mut() = self.head.method.clone();
        *request.uri_mut() = self.head.uri.clone();
        *request.headers_mut() = self.head.headers.clone();
        request
            .try_into()
            .map_err(|error: reqwest::Error| Error::invalid_request(error.without_url()))
    }
}
