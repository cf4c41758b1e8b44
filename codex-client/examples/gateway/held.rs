//! The body of a response that holds the resources of its request until its last byte was sent.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::sync::Arc;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use crate::connection::Visitor;
use crate::journal::Entry;
use crate::payload::{BoxError, Payload};
use crate::woken::Woken;

/// A body whose request is logged, and counts toward its client's limit, until the body ends.
///
/// HTTP closes the connection when a body fails, and drops what it has not sent. So an error waits
/// until everything before it has been sent.
pub(crate) struct Held {
    body: Woken<Payload>,
    entry: Arc<Entry>,
    visitor: Arc<Visitor>,
    /// Whether anything has been sent.
    has_begun: bool,
    /// The error of the body, and the number of flushes before it.
    failed: Option<(BoxError, u64)>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Held {
    pub(crate) fn new(
        body: Payload,
        entry: Arc<Entry>,
        visitor: Arc<Visitor>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Self {
        Self {
            body: Woken::new(body),
            entry,
            visitor,
            has_begun: false,
            failed: None,
            _permit: permit,
        }
    }
}

impl Body for Held {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.failed.is_none() {
            let body = &mut self.body;
            let polled = ready!(body.poll_with(cx, |body, cx| Pin::new(body).poll_frame(cx)));
            let Some(Err(error)) = polled else {
                if polled.is_some() && !self.has_begun {
                    self.has_begun = true;
                    self.entry.sent();
                }
                return Poll::Ready(polled);
            };
            let flushes = self.visitor.flushes(cx);
            self.failed = Some((error, flushes));
            return Poll::Pending;
        }
        let flushes = self.visitor.flushes(cx);
        let failed = self.failed.take_if(|(_, before)| *before != flushes);
        failed.map_or(Poll::Pending, |(error, _)| Poll::Ready(Some(Err(error))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.get().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.get().size_hint()
    }
}
