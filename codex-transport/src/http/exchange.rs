//! The exchange of one request, up to the response headers.

use std::sync::Arc;

use bytes::Bytes;
use http::header::HOST;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, Uri};

use crate::conn::pool::{Checkout, Connected, Http1Body, Pool};
use crate::conn::request_body::{Progress, RequestBody};
use crate::conn::{hyper_error, limits};
use crate::error::{Error, ErrorKind, Phase, Sent};
use crate::http::body::Body;
use crate::http::redirects::{self, MAX_REDIRECTS, NoRedirects};

/// A request that may be sent again: to the target of a redirect, or because it was not sent.
pub(crate) struct Resendable<'a> {
    pub(crate) pool: &'a Pool,
    pub(crate) head: Parts,
    pub(crate) body: Bytes,
    pub(crate) progress: &'a Arc<Progress>,
}

impl Resendable<'_> {
    pub(crate) async fn follow(mut self) -> Result<Response<Body>, Error> {
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

    // Sends the request at most twice: the second time only if it provably did not reach the server
    // the first time.
    async fn send_twice(&self) -> Result<Response<Body>, Error> {
        let mut again = true;
        loop {
            match self.send_once().await {
                Err(error) if again && error.is_resendable_at_once() => {
                    again = false;
                    if hyper_error::requires_http1(&error) {
                        self.pool.require_http1(&self.head.uri);
                    }
                }
                result => return result,
            }
        }
    }

    async fn send_once(&self) -> Result<Response<Body>, Error> {
        self.progress.set_written(false);
        let mut request = self.request();
        match self.pool.get(&self.head.uri, self.progress).await? {
            Connected::Http1(mut connection, pool) => {
                to_http1_form(&mut request)?;
                let response = connection.send(request).await;
                let response = response.map_err(|error| match error {
                    Some(error) => self.failed(error),
                    None => Error::new(ErrorKind::ConnectionLost, Phase::Send, Sent::No),
                })?;
                let connection = Checkout::new(connection, pool);
                Ok(response.map(|body| Body::http1(Http1Body::new(body, connection))))
            }
            Connected::Http2(mut sender, permit) => {
                let response = sender.try_send_request(request).await;
                let response = response.map_err(|error| self.failed(error))?;
                permit.answered();
                Ok(response.map(|body| Body::http2(body, permit)))
            }
        }
    }

    fn request(&self) -> Request<Box<RequestBody>> {
        let mut request = Request::new(Box::new(RequestBody::new(
            self.body.clone(),
            self.progress.clone(),
        )));
        *request.method_mut() = self.head.method.clone();
        *request.uri_mut() = self.head.uri.clone();
        *request.headers_mut() = self.head.headers.clone();
        *request.version_mut() = self.head.version;
        request
    }

    fn failed(&self, error: hyper::client::conn::TrySendError<Request<Box<RequestBody>>>) -> Error {
        let given_back = error.message().is_some();
        let written = self.progress.is_written();
        hyper_error::send(error.into_error(), given_back, written)
    }
}

// Over HTTP/1.1 the host is sent in a header and not in the request target; for CONNECT it is the
// target (RFC 9112 sections 3.2 to 3.2.3).
fn to_http1_form(request: &mut Request<Box<RequestBody>>) -> Result<(), Error> {
    let uri = request.uri();
    let host = match (uri.host().unwrap_or_default(), uri.port_u16()) {
        (host, Some(port)) if Some(port) != redirects::default_port(uri) => {
            HeaderValue::try_from(format!("{host}:{port}"))
        }
        (host, _) => HeaderValue::try_from(host),
    };
    let host = host.map_err(Error::invalid_request)?;
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
