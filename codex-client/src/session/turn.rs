// One answer of a conversation while it arrives. It enters the history at its last event, at the moment that event is handed out: whoever has
// seen it finds it there, however the turn is let go of afterwards.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use codex_sse::Update;
use codex_types::lint::Finding;
use codex_types::{Response, ResponseEvent};
use futures_core::Stream;

use crate::error::Error;
use crate::failure;
use crate::meta::ResponseMeta;
use crate::session::answer::Answer;
use crate::session::history::Said;
use crate::session::talk::Talk;

/// The events of one answer of a [`Session`](crate::Session), as they arrive.
///
/// Works as [`ResponseStream`](crate::ResponseStream) does. When the response is complete, what was said and the answer enter the history; a response that fails or
/// stays incomplete leaves the history alone, and so does dropping the turn before its end.
pub struct SessionTurn<'a> {
    talk: &'a mut Talk,
    answer: Box<dyn Answer + Send + 'a>,
    /// What is said in this turn; gone once it is in the history.
    said: Option<Said>,
}

impl<'a> SessionTurn<'a> {
    pub(super) fn new(talk: &'a mut Talk, answer: Box<dyn Answer + Send + 'a>, said: Said) -> Self {
        Self {
            talk,
            answer,
            said: Some(said),
        }
    }

    /// The next event; `None` after the last one.
    ///
    /// The same as the [`Stream`] implementation, for whoever has no stream extension at hand.
    pub async fn next(&mut self) -> Option<Result<ResponseEvent, Error>> {
        core::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// The next thing to show or to do, as [`ResponseStream::next_update`](crate::ResponseStream::next_update) gives it.
    pub async fn next_update(&mut self) -> Option<Result<Update<'_>, Error>> {
        loop {
            if let Some(error) = self.answer.take_contradiction() {
                return Some(Err(error));
            }
            if self.answer.has_update() {
                return self.update().map(Ok);
            }
            if let Err(error) = self.next().await? {
                return Some(Err(error));
            }
        }
    }

    /// What the event that was handed out last shows, as [`ResponseStream::update`](crate::ResponseStream::update) does.
    pub fn update(&mut self) -> Option<Update<'_>> {
        self.answer.update()
    }

    /// What the head of the answer said.
    #[must_use]
    pub fn meta(&self) -> &ResponseMeta {
        self.answer.meta()
    }

    /// What was changed in the request to make it fit the backend, and what was found and left.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        self.answer.findings()
    }

    /// The response as far as it has come.
    #[must_use]
    pub fn snapshot(&self) -> &Response {
        self.answer.snapshot()
    }

    /// Waits for the rest and gives the whole response.
    ///
    /// # Errors
    ///
    /// As for [`ResponseStream::finish`](crate::ResponseStream::finish). The conversation is then as it was before.
    pub async fn finish(mut self) -> Result<Response, Error> {
        while let Some(item) = self.next().await {
            match item {
                Err(error) if error.is_fatal() => {
                    return Err(error.with_partial(self.snapshot().clone()));
                }
                _ => {}
            }
        }
        let meta = self.answer.meta().clone();
        failure::verdict(self.answer.take_accumulator(), meta)
    }

    fn keep(&mut self) {
        if self.answer.is_completed()
            && let Some(said) = self.said.take()
        {
            self.talk.take(said, self.answer.snapshot());
        }
    }
}

impl Stream for SessionTurn<'_> {
    type Item = Result<ResponseEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.answer.poll_event(context));
        if let Some(Ok(_)) = &item {
            self.keep();
        }
        Poll::Ready(item)
    }
}

impl fmt::Debug for SessionTurn<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SessionTurn")
            .field("meta", self.answer.meta())
            .field("committed", &self.said.is_none())
            .finish_non_exhaustive()
    }
}
