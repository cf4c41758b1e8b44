//! The handle on one response of a conversation.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use codex_sse::Update;
use codex_types::lint::{Finding, PromptStability};
use codex_types::{Response, ResponseEvent};
use futures_core::Stream;

use crate::assembled::{Assembled, Step};
use crate::calls::stream::ResponseStream;
use crate::error::Error;
use crate::meta::ResponseMeta;
use crate::session::history::Said;
use crate::session::recorded::Recorded;
use crate::session::state::SessionState;

/// The events of one response of a [`Session`](crate::Session), as they arrive.
///
/// Works like a [`ResponseStream`]. When the response completes, the session adds the input of the
/// turn and the output to the history. A response that fails or stays incomplete adds nothing, and
/// neither does a turn that is dropped before its end.
pub struct SessionTurn<'a> {
    response: Assembled<Recorded<'a>>,
}

impl<'a> SessionTurn<'a> {
    pub(super) fn over_http(
        state: &'a mut SessionState,
        stream: ResponseStream,
        said: Said,
    ) -> Self {
        let response = stream.into_assembled();
        Self {
            response: response.map_source(|events| Recorded::new(state, Box::new(events), said)),
        }
    }

    #[cfg(feature = "sockets")]
    pub(super) fn over_socket(
        state: &'a mut SessionState,
        turn: crate::socket::turn::SocketTurn<'a>,
        said: Said,
    ) -> Self {
        use crate::session::recorded::Unbroken;

        let response = turn.into_assembled();
        Self {
            response: response
                .map_source(|events| Recorded::new(state, Box::new(Unbroken(events)), said)),
        }
    }

    /// Returns the next event; `None` after the last one.
    ///
    /// Yields the same items as the [`Stream`] implementation, without an extension trait.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe: if the future is dropped, no event is lost, and the next call
    /// continues from there.
    pub async fn next(&mut self) -> Option<Result<ResponseEvent, Error>> {
        let item = self.response.next().await?;
        Some(item.map(Step::into_response))
    }

    /// Returns the next display update instead of raw events; see [`ResponseStream::next_update`].
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe: if the future is dropped, no update is lost, and the next call
    /// continues from there.
    pub async fn next_update(&mut self) -> Option<Result<Update<'_>, Error>> {
        let item = self.response.next_update().await?;
        Some(item.map(Step::into_response))
    }

    /// Returns the next update of the last event that was yielded, or `None` if all were returned;
    /// see [`ResponseStream::update`].
    pub fn update(&mut self) -> Option<Update<'_>> {
        self.response.update()
    }

    /// Returns the status and headers of the response.
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

    /// Returns how much of the previous prompt this one repeats from the beginning; see
    /// [`Session::prompt_stability`](crate::Session::prompt_stability).
    #[must_use]
    pub fn prompt_stability(&self) -> Option<PromptStability> {
        self.response.source().state().prompt_stability()
    }

    /// Returns the response so far.
    #[must_use]
    pub fn snapshot(&self) -> &Response {
        self.response.snapshot()
    }

    /// Reads the turn to its end and returns the whole response.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`ResponseStream::finish`]. An error leaves the conversation
    /// unchanged.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the request and leaves the conversation unchanged.
    pub async fn finish(self) -> Result<Response, Error> {
        self.finish_with(|_| {}).await
    }

    /// Works like [`finish`](Self::finish), and passes every event to `watch`.
    pub(crate) async fn finish_with(
        self,
        watch: impl FnMut(&ResponseEvent),
    ) -> Result<Response, Error> {
        Box::new(self.response).finish(watch).await
    }
}

impl Stream for SessionTurn<'_> {
    type Item = Result<ResponseEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = self.response.poll_next(cx);
        item.map(|item| item.map(|item| item.map(Step::into_response)))
    }
}

impl fmt::Debug for SessionTurn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionTurn")
            .field("meta", self.meta())
            .field("committed", &self.response.source().is_committed())
            .finish_non_exhaustive()
    }
}
