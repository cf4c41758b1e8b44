use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tower_service::Service;

#[cfg(feature = "hyper")]
use crate::HyperTransport;
use crate::{Body, BoxTransport, Error, ErrorKind, HttpTransport, Phase, Sent};

/// Any tower service from `Request<Bytes>` to a response, as an [`HttpTransport`]. The other way round, [`BoxTransport`] and
/// [`HyperTransport`] are tower services.
///
/// The service is cloned for each request, as tower's contract wants it, and waited for until it is ready. An error that is an
/// [`Error`] of ours, or wraps one, stays what it was; any other becomes [`ErrorKind::Other`] with the service's error as its source.
///
/// ```
/// use bytes::Bytes;
/// use codex_transport::testing::{Answer, Script, ScriptedTransport};
/// use codex_transport::{BoxTransport, HttpTransport, TowerTransport};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// // A tower service, here ours; usually a stack of layers around it.
/// let service = BoxTransport::new(ScriptedTransport::new(Script::new().answer(Answer::ok().body("hello"))));
/// let transport = TowerTransport::new(service);
/// let request = http::Request::get("https://example.test/").body(Bytes::new()).unwrap();
/// assert_eq!(transport.send(request).await.unwrap().into_body().collect(100).await.unwrap(), "hello");
/// # })
/// ```
#[derive(Clone)]
pub struct TowerTransport<S>(S);

impl<S> TowerTransport<S> {
    /// Wraps a service.
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
            .map_err(|error| foreign(error.into(), Phase::Prepare, Sent::No))?;
        let response = service
            .call(request)
            .await
            .map_err(|error| foreign(error.into(), Phase::Headers, Sent::Maybe))?;
        Ok(response.map(|body| Body::wrap(Foreign(Box::pin(body)))))
    }
}

impl<S> fmt::Debug for TowerTransport<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TowerTransport")
    }
}

impl Service<Request<Bytes>> for BoxTransport {
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

struct Foreign<B>(Pin<Box<B>>);

impl<B> HttpBody for Foreign<B>
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
            .map_err(|error| foreign(error.into(), Phase::Body, Sent::Yes))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

fn foreign(error: Box<dyn core::error::Error + Send + Sync>, phase: Phase, sent: Sent) -> Error {
    let error = match error.downcast::<Error>() {
        Ok(ours) => return *ours,
        Err(error) => error,
    };
    // What a layer wrapped around ours says nothing about the network.
    let found = core::iter::successors(
        Some(&*error as &(dyn core::error::Error + 'static)),
        |error| error.source(),
    )
    .find_map(|error| error.downcast_ref::<Error>())
    .map(Error::copy_without_source);
    found
        .unwrap_or_else(|| Error::new(ErrorKind::Other, phase, sent))
        .with_source(error)
}
