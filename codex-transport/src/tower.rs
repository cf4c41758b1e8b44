use core::fmt;
use core::future::{Future, poll_fn};
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use tower_service::Service;

use crate::error::{Error, Phase, Sent};
use crate::http::body::Body;
use crate::http::transport::{HttpTransport, SharedTransport};
#[cfg(feature = "hyper")]
use crate::hyper_transport::HyperTransport;

/// An [`HttpTransport`] over a tower service from an [`http::Request`] to a response with any
/// [`http_body::Body`]. Conversely, [`SharedTransport`] and [`HyperTransport`] are tower services,
/// and [`Body`] is an [`http_body::Body`].
///
/// `B` is the body that the service takes: [`Bytes`] for the transports of this crate and layers
/// above them, `Full<Bytes>` for the client of hyper-util, or another type that can be made of
/// bytes.
///
/// Each request clones the service, as tower's contract requires, and waits until the clone is
/// ready. A service error that is or wraps an [`Error`] keeps its kind; any other becomes
/// [`ErrorKind::Other`](crate::ErrorKind::Other) with the service's error as its source.
///
/// ```
/// use bytes::Bytes;
/// use codex_transport::testing::{Answer, Script, ScriptedTransport};
/// use codex_transport::{SharedTransport, HttpTransport, TowerTransport};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// // A tower service, usually within a stack of layers.
/// let service = SharedTransport::new(ScriptedTransport::new(
///     Script::new().answer(Answer::ok().body("hello")),
/// ));
/// let transport = TowerTransport::new(service);
/// let request = http::Request::get("https://example.test/").body(Bytes::new()).unwrap();
/// assert_eq!(
///     transport
///         .send(request)
///         .await
///         .unwrap()
///         .into_body()
///         .collect(100)
///         .await
///         .unwrap(),
///     "hello"
/// );
/// # })
/// ```
pub struct TowerTransport<S, B = Bytes> {
    service: S,
    body: PhantomData<fn(B)>,
}

impl<S> TowerTransport<S> {
    /// Creates a transport that sends requests with a body of [`Bytes`] through this service.
    pub fn new(service: S) -> Self {
        Self::with_body(service)
    }
}

impl<S, B> TowerTransport<S, B> {
    /// Wraps a service whose requests have a body of another type.
    ///
    /// ```
    /// use codex_transport::{HttpTransport, TowerTransport};
    /// use http_body_util::Full;
    /// use hyper_util::{client::legacy::Client, rt::TokioExecutor};
    /// # use codex_transport::testing::{Answer, LoopbackServer, Script};
    ///
    /// # let server = LoopbackServer::start(Script::new().answer(Answer::ok().body("hello"))).unwrap();
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let client = Client::builder(TokioExecutor::new()).build_http();
    /// let transport = TowerTransport::<_, Full<bytes::Bytes>>::with_body(client);
    /// let request = http::Request::get(server.url("/")).body("".into()).unwrap();
    /// let response = transport.send(request).await.unwrap();
    /// assert_eq!(response.into_body().collect(100).await.unwrap(), "hello");
    /// # })
    /// ```
    pub fn with_body(service: S) -> Self {
        Self {
            service,
            body: PhantomData,
        }
    }
}

impl<S, B, R> HttpTransport for TowerTransport<S, B>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + Sync,
    S::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
    S::Future: Send,
    B: From<Bytes> + Send,
    R: HttpBody<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
{
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, Error> {
        let mut service = self.service.clone();
        poll_fn(|cx| service.poll_ready(cx))
            .await
            .map_err(|error| Error::of_other(error.into(), Phase::Prepare, Sent::No))?;
        let response = service
            .call(request.map(B::from))
            .await
            .map_err(|error| Error::of_other(error.into(), Phase::Headers, Sent::Maybe))?;
        Ok(response.map(Body::wrap))
    }
}

impl<S: Clone, B> Clone for TowerTransport<S, B> {
    fn clone(&self) -> Self {
        Self::with_body(self.service.clone())
    }
}

impl<S, B> fmt::Debug for TowerTransport<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TowerTransport")
    }
}

impl Service<Request<Bytes>> for SharedTransport {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let transport = self.clone();
        Box::pin(async move { transport.send(request).await })
    }
}

#[cfg(feature = "hyper")]
impl Service<Request<Bytes>> for HyperTransport {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let transport = self.clone();
        Box::pin(async move { transport.send(request).await })
    }
}
