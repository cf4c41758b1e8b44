//! Reads the events of one response from a socket.

use core::task::{Context, Poll};

use codex_sse::EventDecoder;
use codex_transport::IdleTimeouts;
use codex_types::ResponseEvent;

use crate::error::{Error, ErrorKind};
use crate::events::is_notice;
use crate::failure;

use super::open::Open;
use super::plan::Plan;

/// A socket in the middle of a response.
pub(super) struct Reading {
    pub(super) open: Open,
    decoder: EventDecoder,
    watch: IdleTimeouts,
    /// Whether an event of this response has arrived.
    has_begun: bool,
}

/// The reason why no more events follow.
pub(super) enum Fault {
    /// The connection broke, was closed, or was silent for too long.
    Lost(codex_transport::Error),
    /// The server closed the connection normally before the response ended.
    Ended,
    /// The payload exceeds a limit.
    Refused(Error),
}

impl Reading {
    pub(super) fn new(open: Open, plan: &Plan) -> Self {
        let shared = &plan.shared;
        Self {
            open,
            decoder: EventDecoder::with_limits(shared.limits),
            watch: IdleTimeouts::for_events(&plan.prepared.timeouts, shared.timer.clone()),
            has_begun: false,
        }
    }

    /// Polls for the next event or an error that concerns one message only; a fault ends the
    /// response.
    pub(super) fn poll_event(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Result<ResponseEvent, Error>, Fault>> {
        loop {
            let message = match self.open.socket.poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => message,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(Fault::Lost(error))),
                Poll::Ready(None) => return Poll::Ready(Err(Fault::Ended)),
                Poll::Pending => {
                    return self
                        .watch
                        .poll_expired(cx)
                        .map(|error| Err(Fault::Lost(error)));
                }
            };
            self.watch.record_bytes(message.len());
            match self.decoder.decode_message(&message) {
                Ok(None) => {}
                Ok(Some(event)) if self.is_late(&event) => {}
                Ok(Some(mut event)) => {
                    self.open.scrub.event(&mut event);
                    if !matches!(event, ResponseEvent::Keepalive(_)) {
                        self.watch.record_event();
                    }
                    return Poll::Ready(Ok(Ok(event)));
                }
                Err(error) => {
                    let error = failure::stream(error);
                    return Poll::Ready(if error.is_fatal() {
                        Err(Fault::Refused(error))
                    } else {
                        Ok(Err(error))
                    });
                }
            }
        }
    }

    /// Returns whether the event belongs to the previous response: some servers end a response
    /// twice.
    fn is_late(&mut self, event: &ResponseEvent) -> bool {
        if self.has_begun {
            return false;
        }
        let is_late = match (event.response(), &self.open.last_response) {
            // `response.created` always begins a response, even with a known id: some servers give
            // every response the same id.
            _ if matches!(event, ResponseEvent::Created(_)) => false,
            (Some(response), Some(last)) if response.id.is_empty() => {
                matches!(event, ResponseEvent::Done(_))
            }
            (Some(response), Some(last)) => response.id == *last,
            _ => false,
        };
        self.has_begun = !is_late && !is_notice(event);
        is_late
    }
}

impl Fault {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Lost(error) => failure::transport(error),
            Self::Ended => Error::new(ErrorKind::Truncated),
            Self::Refused(error) => error,
        }
    }
}
