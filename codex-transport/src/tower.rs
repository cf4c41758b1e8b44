use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tower_service::Service;

use crate::error::{Error, ErrorKind, Phase, Sent, find_source};
use crate::http::body::Body;
use crate::http::transport::{HttpTransport, SharedTransport};
#[cfg(feature = "hyper")]
use crate::hyper_transport::HyperTransport;

/// An [`HttpTransport`] over a tower service from `Request<Bytes>` to a response. Conversely,
/// [`SharedTransport`] and [`HyperTransport`] are tower services.
///
/// Each request clones the service, as tower's contract requires, and waits until the clone is
/// ready. A service error that is or wraps an [`Error`] keeps its kind; any other becomes
/// [`ErrorKind::Other`] with the service's error as its source.
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
#[derive(Clone)]
pub struct TowerTransport<S>(S);

impl<S> TowerTransport<S> {
    /// Creates a transport that sends requests through this service.
    pub fn new(service: S) -> Self {
        Self(service)
    }
}

impl<S, B> HttpTransport for TowerTransport<S>
where
    S: Service<Request<Bytes>, Response = Response<B>> + Clone + Send + Sync,
    S::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
    S::Future: Send,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
{
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, Error> {
        let mut service = self.0.clone();
        poll_fn(|cx| service.poll_ready(cx))
            .await
            .map_err(|error| service_error(error.into(), Phase::Prepare, Sent::No))?;
        let response = service
            .call(request)
            .await
            .map_err(|error| service_error(error.into(), Phase::Headers, Sent::Maybe))?;
        Ok(response.map(|body| Body::wrap(ServiceBody(Box::pin(body)))))
    }
}

impl<S> fmt::Debug for TowerTransport<S> {
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

struct ServiceBody<B>(Pin<Box<B>>);

impl<B> HttpBody for ServiceBody<B>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.0
            .as_mut()
            .poll_frame(cx)
            .map_err(|error| service_error(error.into(), Phase::Body, Sent::Yes))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

fn service_error(
    error: Box<dyn core::error::Error + Send + Sync>,
    phase: Phase,
    sent: Sent,
) -> Error {
    let error = match error.downcast::<Error>() {
        Ok(ours) => return *ours,
        Err(error) => error,
    };
    // An [`Error`] that a layer wrapped keeps its kind; the wrapper contains no facts about the
    // network.
    find_source::<Error>(&*error)
        .map(Error::copy_without_source)
        .unwrap_or_else(|| Error::new(ErrorKind::Other, phase, sent))
        .with_source(error)
}
