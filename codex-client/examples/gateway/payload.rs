//! Response bodies. A body can hold the resources of its request until the last byte has been sent.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use tokio::sync::OwnedSemaphorePermit;

use crate::journal::Entry;

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

/// A body whose request is logged, and counts toward its client's limit, until the body ends.
pub(crate) struct Held {
    pub(crate) body: Payload,
    pub(crate) entry: Arc<Entry>,
    /// Whether anything has been sent.
    pub(crate) has_begun: bool,
    pub(crate) _permit: Option<OwnedSemaphorePermit>,
}

impl Body for Held {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if !self.has_begun && matches!(polled, Poll::Ready(Some(Ok(_)))) {
            self.has_begun = true;
            self.entry.sent();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
