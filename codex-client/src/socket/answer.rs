// A turn as an answer of a conversation, which asks for no restarts.

use core::pin::Pin;
use core::task::{Context, Poll, ready};

use codex_sse::{Accumulator, Outcome, Update};
use codex_types::lint::Finding;
use codex_types::{Response, ResponseEvent};
use futures_core::Stream;

use crate::error::Error;
use crate::meta::ResponseMeta;
use crate::session::answer::Answer;

use super::event::TurnEvent;
use super::turn::SocketTurn;

impl Answer for SocketTurn<'_> {
    fn poll_event(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<ResponseEvent, Error>>> {
        let item = ready!(Pin::new(self).poll_next(context));
        Poll::Ready(item.map(|item| match item? {
            TurnEvent::Response(event) => Ok(event),
            // Not asked for, so never to come; if it did, the answer so far would be void.
            TurnEvent::Restart(restart) => Err(restart.cause.after_delivery(true)),
        }))
    }

    fn meta(&self) -> &ResponseMeta {
        self.meta()
    }

    fn findings(&self) -> &[Finding] {
        self.findings()
    }

    fn snapshot(&self) -> &Response {
        self.snapshot()
    }

    fn is_completed(&self) -> bool {
        self.accumulator().outcome() == Some(Outcome::Completed)
    }

    fn has_update(&mut self) -> bool {
        self.has_update()
    }

    fn take_contradiction(&mut self) -> Option<Error> {
        self.take_contradiction()
    }

    fn update(&mut self) -> Option<Update<'_>> {
        self.update()
    }

    fn take_accumulator(&mut self) -> Accumulator {
        self.take_accumulator()
    }
}
