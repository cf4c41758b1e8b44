//! The handle on one response of a socket session.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::Arc;

use codex_sse::Update;
use codex_types::lint::Finding;
use codex_types::{Input, Response};
use futures_core::Stream;

use crate::assembled::{Assembled, Step};
use crate::error::Error;
use crate::meta::ResponseMeta;

use super::event::{TurnEvent, TurnUpdate};
use super::idle::IdleSocket;
use super::plan::Plan;
use super::source::SocketEvents;
use super::start::{Started, Way};

/// The events of one response, from a [`SocketSession`](crate::SocketSession).
///
/// Works like a [`ResponseStream`](crate::ResponseStream), over either transport, with two
/// differences: it may yield a [`TurnEvent::Restart`], and over a WebSocket it can be
/// [steered](Self::steer). Every event is yielded once.
///
/// Dropping the turn before its end closes the socket, which cancels the response.
pub struct SocketTurn<'a> {
    response: Assembled<SocketEvents<'a>>,
}

impl<'a> SocketTurn<'a> {
    /// Creates the handle for a response that has begun.
    pub(super) fn begun(idle: &'a mut IdleSocket, plan: Arc<Plan>, started: Started) -> Self {
        let meta = started.way.meta().clone();
        let findings = match &started.way {
            Way::Http(events) => events.http().findings().clone(),
            Way::Socket(_) => plan.prepared.findings.clone(),
        };
        let observer = plan.observer.clone();
        let holds = plan.options.holds;
        let source = SocketEvents::new(idle, plan, started);
        let mut response = Assembled::new(source, meta, findings, observer);
        response.hold(holds);
        Self { response }
    }

    pub(super) fn with_findings(mut self, findings: Vec<Finding>) -> Self {
        self.response.add_findings(findings);
        self
    }

    /// Returns the response and its source, for another handle to wrap.
    pub(crate) fn into_assembled(self) -> Assembled<SocketEvents<'a>> {
        self.response
    }

    /// Returns the next event; `None` after the last one.
    ///
    /// Yields the same items as the [`Stream`] implementation, without an extension trait.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe: if the future is dropped, no event is lost, and the next call
    /// continues from there.
    pub async fn next(&mut self) -> Option<Result<TurnEvent, Error>> {
        Some(self.response.next().await?.map(TurnEvent::from))
    }

    /// Returns the next display update instead of raw events, or the boundary between two attempts;
    /// `None` after the last one.
    ///
    /// See [`ResponseStream::next_update`](crate::ResponseStream::next_update).
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe: if the future is dropped, no update is lost, and the next call
    /// continues from there.
    pub async fn next_update(&mut self) -> Option<Result<TurnUpdate<'_>, Error>> {
        let item = self.response.next_update().await?;
        Some(item.map(|step| match step {
            Step::Response(update) => TurnUpdate::Response(update),
            Step::Restart(restart) => TurnUpdate::Restart(restart),
        }))
    }

    /// Returns the next update of the last event that was yielded, or `None` if all were returned.
    ///
    /// The next event drops unread updates.
    pub fn update(&mut self) -> Option<Update<'_>> {
        self.response.update()
    }

    /// Returns the status and headers of the response.
    ///
    /// Over a socket these are the headers of the upgrade, merged with those that the events of
    /// this response carried.
    #[must_use]
    pub fn meta(&self) -> &ResponseMeta {
        self.response.meta()
    }

    /// Returns the diagnostics of the request: changes made to fit it to the backend, and problems
    /// reported without a change.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        self.response.findings()
    }

    /// Returns the response so far.
    #[must_use]
    pub fn snapshot(&self) -> &Response {
        self.response.snapshot()
    }

    /// Returns the earlier responses of this turn: steering ends a response and begins another.
    #[must_use]
    pub fn earlier(&self) -> &[Response] {
        self.response.source().earlier()
    }

    /// Returns whether the events of the response arrive over a WebSocket.
    ///
    /// The result is unspecified while a restart is in progress.
    #[must_use]
    pub fn is_socket(&self) -> bool {
        self.response.source().is_socket()
    }

    /// Sends more input for the response in progress, without waiting for its end.
    ///
    /// The server reports the outcome through the events `response.steer.accepted`, `.pending` and
    /// `.failed`. When it ends the response early, or sends another one after it, the next response
    /// belongs to the same turn: its events follow, and [`earlier`](Self::earlier) returns the one
    /// before. Only some models support steering.
    ///
    /// # Errors
    ///
    /// Returns [`Request`](crate::ErrorKind::Request) over HTTP, and while there is no response to
    /// steer: before `response.created`, and after the end. Returns the error of the socket
    /// otherwise; the outcome of the steering is then unknown.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the input may be sent or not; the events of the turn report the
    /// outcome if it was.
    pub async fn steer(&mut self, input: impl Into<Input>) -> Result<(), Error> {
        let (source, assembly) = self.response.source_mut();
        let id = &assembly.snapshot().id;
        let can_be_steered = !id.is_empty() && assembly.outcome().is_none();
        let id = can_be_steered.then(|| id.clone());
        source.steer(id, input).await
    }

    /// Reads the turn to its end and returns the whole response, assembled from the events; of a
    /// steered turn, the last one.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`ResponseStream::finish`](crate::ResponseStream::finish).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the socket, which cancels the response.
    pub async fn finish(self) -> Result<Response, Error> {
        Box::new(self.response).finish(|_| {}).await
    }
}

impl Stream for SocketTurn<'_> {
    type Item = Result<TurnEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = self.response.poll_next(cx);
        item.map(|item| item.map(|item| item.map(TurnEvent::from)))
    }
}

impl fmt::Debug for SocketTurn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketTurn")
            .field("meta", &self.meta())
            .field("attempt", &self.response.source().attempt())
            .field("over", &self.response.source().has_ended())
            .finish_non_exhaustive()
    }
}
