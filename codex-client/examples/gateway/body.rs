// Bodies: those of clients, which are bounded in size and in time, and those of answers, which hold whatever the request occupies until
// the last byte is taken.

use core::pin::Pin;
use core::task::{Context, Poll};

use bytes::Bytes;
use codex_types::ApiError;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use tokio::sync::OwnedSemaphorePermit;

use crate::arguments::Limits;
use crate::failure::Failure;

/// The body of an answer.
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

/// Reads the body of a request.
pub(crate) async fn read(request: Request<Incoming>, limits: Limits) -> Result<Bytes, Failure> {
    let encoding = request.headers().get(CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| encoding != "identity") {
        return Err(Failure::refusal(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_content_encoding",
            "the gateway takes bodies that are not compressed",
        ));
    }
    let body = request.into_body();
    if body.size_hint().lower() > limits.body as u64 {
        return Err(too_large());
    }
    let reading = Limited::new(body, limits.body).collect();
    match tokio::time::timeout(limits.patience, reading).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Failure::refusal(
            StatusCode::BAD_REQUEST,
            "incomplete_body",
            "the body of the request broke off",
        )),
        Err(_) => Err(Failure::refusal(
            StatusCode::REQUEST_TIMEOUT,
            "request_timeout",
            "the body of the request took too long",
        )),
    }
}

/// A body as a `T`.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        let message = format!("the body of the request cannot be read: {error}");
        Failure::bad_request(ApiError::new("invalid_json", message))
    })
}

/// A body that occupies a place among the requests of its client.
pub(crate) struct Held {
    pub(crate) body: Payload,
    pub(crate) _place: OwnedSemaphorePermit,
}

impl Body for Held {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn too_large() -> Failure {
    Failure::refusal(
        StatusCode::PAYLOAD_TOO_LARGE,
        "request_too_large",
        "the body of the request is larger than the gateway takes",
    )
}
