//! HTTP over `fetch`.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::{Body as HttpBody, Frame};
use js_sys::{Array, Reflect, Uint8Array};
use send_wrapper::SendWrapper;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, AbortSignal, Headers, ReadableStreamDefaultReader, RequestCache, RequestInit,
    RequestRedirect, ResponseType, WorkerGlobalScope,
};

use crate::error::{Error, ErrorKind, Phase, Sent};
use crate::http::body::Body;
use crate::http::request_id::request_id;
use crate::http::transport::HttpTransport;
use crate::timeouts::Timeouts;
use crate::timeouts::watch::IdleTimeouts;
use crate::timer::{SharedTimer, Timer as _};
use crate::web::timer::{WebTimer, within};
use crate::web::{exception, invalid};

/// An [`HttpTransport`] over the `fetch` of a browser or of another JavaScript host. The body is
/// streamed, and dropping it aborts the request.
///
/// The host decides what such a transport can do:
///
/// - It connects, keeps connections, speaks TLS and decodes content codings. Of the
///   [`Timeouts`], `connect` is included in `headers`.
/// - It ignores headers that a page must not set, such as `host` and `accept-encoding`. It sends
///   its own `user-agent`.
/// - A server of another origin must allow the page's origin, method and headers (CORS), and name
///   in `access-control-expose-headers` the response headers that the page may read.
/// - It reports no reason for a failure: an unknown host, a refused connection and a server that
///   does not allow the origin are all [`ErrorKind::ConnectionLost`]. The request may have been
///   sent.
/// - It does not show where a redirect leads, so every redirect is [`ErrorKind::Protocol`]:
///   following one could carry credentials to another origin.
#[derive(Clone, Debug, Default)]
pub struct FetchTransport {
    timeouts: Timeouts,
}

impl FetchTransport {
    /// Creates a transport with the default [`Timeouts`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the timeouts of requests that do not have their own.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }
}

impl HttpTransport for FetchTransport {
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Body>, Error>> + Send {
        SendWrapper::new(exchange(self.timeouts, request))
    }
}

async fn exchange(timeouts: Timeouts, request: Request<Bytes>) -> Result<Response<Body>, Error> {
    let timeouts: Timeouts = request.extensions().get().copied().unwrap_or(timeouts);
    let started = WebTimer.now();
    let abort = AbortOnDrop::new()?;
    let response = fetch(abort.0.signal(), request);
    let response = match timeouts.until_headers() {
        None => response.await?,
        Some((kind, period)) => {
            let kind = ErrorKind::Timeout(kind);
            let expired = Error::new(kind, Phase::Headers, Sent::Maybe);
            within(period, response, expired).await?
        }
    };
    let (status, headers) = read_head(&response)?;
    let watch = IdleTimeouts::for_bytes(&timeouts, SharedTimer::new(WebTimer), started);
    let mut body = match response.body() {
        None => Body::empty(),
        Some(stream) => Body::wrap(FetchBody(SendWrapper::new(Reading {
            reader: stream.get_reader().unchecked_into(),
            chunk: None,
            _abort: abort,
        }))),
    };
    body = body.with_watch(watch);
    if let Some(id) = request_id(&headers) {
        body = body.with_request_id(id);
    }
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

async fn fetch(signal: AbortSignal, request: Request<Bytes>) -> Result<web_sys::Response, Error> {
    let (head, body) = request.into_parts();
    let url = head.uri.to_string();
    let rejected = |error: JsValue| invalid(exception(&error, &url));
    let headers = Headers::new().map_err(rejected)?;
    for (name, value) in &head.headers {
        // Browsers send their own, and servers would have to allow it.
        if name == USER_AGENT {
            continue;
        }
        // Without the exception of the host, which may quote the value.
        let appended = value
            .to_str()
            .is_ok_and(|value| headers.append(name.as_str(), value).is_ok());
        if !appended {
            return Err(invalid(format!(
                "a browser cannot send this value of {name}"
            )));
        }
    }
    let init = RequestInit::new();
    init.set_method(head.method.as_str());
    init.set_headers(&headers);
    init.set_signal(Some(&signal));
    init.set_redirect(RequestRedirect::Manual);
    init.set_cache(RequestCache::NoStore);
    if !body.is_empty() {
        init.set_body(&Uint8Array::from(body.as_ref()));
    }
    // A page and a worker have the same function under different types.
    let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
    let request = web_sys::Request::new_with_str_and_init(&url, &init).map_err(rejected)?;
    let response = JsFuture::from(scope.fetch_with_request(&request))
        .await
        .map_err(|error| {
            Error::new(ErrorKind::ConnectionLost, Phase::Headers, Sent::Maybe)
                .with_source(exception(&error, &url))
        })?;
    let response: web_sys::Response = response.unchecked_into();
    if response.type_() == ResponseType::Opaqueredirect {
        return Err(Error::new(ErrorKind::Protocol, Phase::Headers, Sent::Yes)
            .with_source("the server redirects, and a browser does not show where to"));
    }
    Ok(response)
}

fn read_head(response: &web_sys::Response) -> Result<(StatusCode, HeaderMap), Error> {
    let status = StatusCode::from_u16(response.status()).map_err(|error| {
        Error::new(ErrorKind::Protocol, Phase::Headers, Sent::Yes).with_source(error)
    })?;
    let mut headers = HeaderMap::new();
    for entry in js_sys::try_iter(&response.headers())
        .ok()
        .flatten()
        .into_iter()
        .flatten()
        .flatten()
    {
        let entry: Array = entry.unchecked_into();
        let (Some(name), Some(value)) = (entry.get(0).as_string(), entry.get(1).as_string()) else {
            continue;
        };
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(&value),
        ) {
            headers.append(name, value);
        }
    }
    // The host has decoded the body, which no longer has the coding and the length of these.
    if headers.remove(CONTENT_ENCODING).is_some() {
        headers.remove(CONTENT_LENGTH);
    }
    Ok((status, headers))
}

/// A guard that aborts the request when dropped; an abort after its end has no effect.
struct AbortOnDrop(AbortController);

impl AbortOnDrop {
    fn new() -> Result<Self, Error> {
        AbortController::new().map(Self).map_err(|error| {
            Error::new(ErrorKind::Configuration, Phase::Prepare, Sent::No)
                .with_source(exception(&error, ""))
        })
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A body that is pulled chunk by chunk, so the host stops reading from the network when the
/// program does.
struct FetchBody(SendWrapper<Reading>);

struct Reading {
    reader: ReadableStreamDefaultReader,
    /// The read in progress. There is at most one, which holds one chunk.
    chunk: Option<JsFuture>,
    _abort: AbortOnDrop,
}

impl HttpBody for FetchBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Reading { reader, chunk, .. } = &mut *self.0;
        let read = chunk.get_or_insert_with(|| JsFuture::from(reader.read()));
        let result = ready!(Pin::new(read).poll(cx));
        *chunk = None;
        Poll::Ready(match result {
            Ok(result) => chunk_of(&result).map(|bytes| Ok(Frame::data(bytes))),
            Err(error) => Some(Err(Error::new(
                ErrorKind::ConnectionLost,
                Phase::Body,
                Sent::Yes,
            )
            .with_source(exception(&error, "")))),
        })
    }
}

/// Returns the bytes of a result of `read()`, `{done: false, value: Uint8Array}`, or `None` at the
/// end.
fn chunk_of(result: &JsValue) -> Option<Bytes> {
    let value = Reflect::get(result, &"value".into()).ok()?;
    Some(value.dyn_into::<Uint8Array>().ok()?.to_vec().into())
}

impl fmt::Debug for FetchBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FetchBody")
    }
}
