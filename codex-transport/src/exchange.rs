//! One request and the way to the head of its answer.

use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::{HOST, LOCATION};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, Uri};
use http_body::{Frame, SizeHint};

use crate::connections::{Connected, Connections};
use crate::http1::Http1Body;
use crate::http2::StreamLimit;
use crate::pool::Lease;
use crate::{Body, Error, ErrorKind, NoRedirects, Phase, Sent, hyper_error, limits, redirects};

/// A request that may be sent again, to where a redirect points or because it was not sent.
pub(crate) struct Exchange<'a> {
    pub(crate) connections: &'a Connections,
    pub(crate) head: Parts,
    pub(crate) body: Bytes,
    pub(crate) progress: &'a Arc<Progress>,
}

/// How far an exchange has come, for the timeout that ends it.
#[derive(Default)]
pub(crate) struct Progress {
    written: AtomicBool,
    stream_limit: Mutex<Option<StreamLimit>>,
}

impl Progress {
    /// Whether hyper has taken the request: before that, nothing can have been written.
    pub(crate) fn is_written(&self) -> bool {
        self.written.load(Ordering::Relaxed)
    }

    fn set_written(&self, written: bool) {
        self.written.store(written, Ordering::Relaxed);
    }

    pub(crate) fn wait_for_stream(&self, limit: Option<StreamLimit>) {
        *self
            .stream_limit
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = limit;
    }

    /// The limit for which the request waits.
    pub(crate) fn stream_limit(&self) -> Option<StreamLimit> {
        *self
            .stream_limit
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exchange<'_> {
    pub(crate) async fn follow(mut self) -> Result<Response<Body>, Error> {
        let mut redirects = match self.head.extensions.get::<NoRedirects>() {
            Some(NoRedirects) => 0,
            None => MAX_REDIRECTS,
        };
        loop {
            let response = self.send_twice().await?;
            limits::check(response.headers())?;
            match redirect_target(&self.head.uri, &response) {
                Some(target) if redirects > 0 => self.head.uri = target,
                _ => return Ok(response),
            }
            redirects -= 1;
        }
    }

    // Twice at most, and the second time only when the first provably did not reach the server.
    async fn send_twice(&self) -> Result<Response<Body>, Error> {
        let mut again = true;
        loop {
            match self.send_once().await {
                Err(error) if again && may_resend(&error) => {
                    again = false;
                    if hyper_error::requires_http1(&error) {
                        self.connections.require_http1(&self.head.uri);
                    }
                }
                result => return result,
            }
        }
    }

    async fn send_once(&self) -> Result<Response<Body>, Error> {
        self.progress.set_written(false);
        let mut request = self.request();
        match self.connections.get(&self.head.uri, self.progress).await? {
            Connected::Http1(mut connection, shelf) => {
                to_http1_form(&mut request)?;
                let response = connection.send(request).await;
                let response = response.map_err(|error| match error {
                    Some(error) => self.failed(error),
                    None => Error::new(ErrorKind::ConnectionLost, Phase::Send, Sent::No),
                })?;
                let lease = Lease::new(connection, shelf);
                Ok(response.map(|body| Body::http1(Http1Body::new(body, lease))))
            }
            Connected::Http2(mut sender, in_use) => {
                let response = sender.try_send_request(request).await;
                let response = response.map_err(|error| self.failed(error))?;
                in_use.answered();
                Ok(response.map(|body| Body::http2(body, in_use)))
            }
        }
    }

    fn request(&self) -> Request<Box<Outgoing>> {
        let mut request = Request::new(Box::new(Outgoing {
            bytes: self.body.clone(),
            progress: self.progress.clone(),
        }));
        *request.method_mut() = self.head.method.clone();
        *request.uri_mut() = self.head.uri.clone();
        *request.headers_mut() = self.head.headers.clone();
        *request.version_mut() = self.head.version;
        request
    }

    fn failed(&self, error: hyper::client::conn::TrySendError<Request<Box<Outgoing>>>) -> Error {
        let given_back = error.message().is_some();
        let written = self.progress.is_written();
        hyper_error::send(error.into_error(), given_back, written)
    }
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

// RFC 9112 sections 3.2 to 3.2.3: over HTTP/1.1 the host stands in a header and not in the target, but for CONNECT it is the target.
fn to_http1_form(request: &mut Request<Box<Outgoing>>) -> Result<(), Error> {
    let uri = request.uri();
    let invalid = || Error::new(ErrorKind::InvalidRequest, Phase::Prepare, Sent::No);
    let host = match (uri.host().unwrap_or_default(), uri.port_u16()) {
        (host, Some(port)) if Some(port) != default_port(uri) => {
            HeaderValue::try_from(format!("{host}:{port}"))
        }
        (host, _) => HeaderValue::try_from(host),
    };
    let host = host.map_err(|error| invalid().with_source(error))?;
    let target = uri
        .path_and_query()
        .map_or_else(|| Uri::from_static("/"), |target| Uri::from(target.clone()));
    let target = match uri.authority() {
        Some(authority) if request.method() == Method::CONNECT => Uri::from(authority.clone()),
        _ => target,
    };
    request.headers_mut().entry(HOST).or_insert(host);
    *request.uri_mut() = target;
    Ok(())
}

fn redirect_target(from: &Uri, response: &Response<Body>) -> Option<Uri> {
    if !redirects::keeps_method(response.status()) {
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
            uri.port_u16().or_else(|| default_port(uri)),
        ))
    };
    (origin(&target)? == origin(from)?).then_some(target)
}

fn default_port(uri: &Uri) -> Option<u16> {
    match uri.scheme_str() {
        Some("http") => Some(80),
        Some("https") => Some(443),
        _ => None,
    }
}

/// The request's body, which also tells when hyper takes it.
pub(crate) struct Outgoing {
    bytes: Bytes,
    progress: Arc<Progress>,
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = core::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.progress.set_written(true);
        let bytes = core::mem::take(&mut self.bytes);
        Poll::Ready((!bytes.is_empty()).then_some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        if self.bytes.is_empty() {
            self.progress.set_written(true);
        }
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}

// As many as browsers' historic minimum; a longer chain is a loop.
const MAX_REDIRECTS: usize = 5;
