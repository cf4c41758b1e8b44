// An answer of a conversation, whichever way it comes.

use core::pin::Pin;
use core::task::{Context, Poll};

use codex_sse::{Accumulator, View};
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
    fn has_view(&mut self) -> bool;
    fn view(&mut self) -> Option<View<'_>>;
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

    fn has_view(&mut self) -> bool {
        self.has_view()
    }

    fn view(&mut self) -> Option<View<'_>> {
        self.view()
    }

    fn take_accumulator(&mut self) -> Accumulator {
        self.take_accumulator()
    }
}
