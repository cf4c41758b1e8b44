// Bodies of requests, which are bounded in size and in time.

use bytes::Bytes;
use codex_types::ApiError;
use http::header::CONTENT_ENCODING;
use http::{Request, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;

use crate::arguments::Limits;
use crate::failure::Failure;

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

fn too_large() -> Failure {
    Failure::refusal(
        StatusCode::PAYLOAD_TOO_LARGE,
        "request_too_large",
        "the body of the request is larger than the gateway takes",
    )
}
