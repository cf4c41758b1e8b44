//! Response bodies.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};

/// The body of a response.
pub(crate) type Payload = UnsyncBoxBody<Bytes, BoxError>;
pub(crate) type BoxError = Box<dyn core::error::Error + Send + Sync>;

pub(crate) fn whole(body: impl Into<Bytes>) -> Payload {
    Full::new(body.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

pub(crate) fn json(headers: HeaderMap, body: impl Into<Bytes>) -> Response<Payload> {
    let mut response = Response::new(whole(body));
    *response.headers_mut() = headers;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
