// An answer of a conversation, whichever way it comes.

use core::pin::Pin;
use core::task::{Context, Poll};

use codex_sse::{Accumulator, Update};
use codex_types::lint::Finding;
use codex_types::{Response, ResponseEvent};
use futures_core::Stream;

use crate::error::Error;
use crate::meta::ResponseMeta;
use crate::stream::ResponseStream;

/// The events of one response, with everything a [`SessionTurn`](crate::SessionTurn) hands through.
pub(crate) trait Answer {
    fn poll_event(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<ResponseEvent, Error>>>;
    fn meta(&self) -> &ResponseMeta;
    fn findings(&self) -> &[Finding];
    fn snapshot(&self) -> &Response;
    fn is_completed(&self) -> bool;
    fn has_update(&mut self) -> bool;
    fn take_contradiction(&mut self) -> Option<Error>;
    fn update(&mut self) -> Option<Update<'_>>;
    fn take_accumulator(&mut self) -> Accumulator;
}

impl Answer for ResponseStream {
    fn poll_event(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<ResponseEvent, Error>>> {
        Pin::new(self).poll_next(context)
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
        self.is_completed()
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
