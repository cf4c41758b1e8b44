// A response enters the history with its last event, at the moment that event is yielded: a caller that has seen it finds it there, even if it
// drops the turn then.

use core::convert::Infallible;
use core::task::{Context, Poll, ready};

use codex_types::{InputItem, ResponseEvent};

use crate::assembled::{Assembly, EventSource, Step};
use crate::error::Error;
use crate::events::HttpEvents;
use crate::session::state::SessionState;
#[cfg(feature = "ws")]
use crate::socket::source::SocketEvents;

/// The events of a response that will be part of a conversation.
pub(super) struct Recorded<'a> {
    state: &'a mut SessionState,
    events: Events<'a>,
    /// The input of this turn; `None` once it is in the history.
    said: Option<Vec<InputItem>>,
}

pub(super) enum Events<'a> {
    Http(HttpEvents),
    #[cfg(feature = "ws")]
    Socket(SocketEvents<'a>),
    /// Without sockets no source borrows from a session.
    #[cfg(not(feature = "ws"))]
    Never(Infallible, core::marker::PhantomData<&'a ()>),
}

impl<'a> Recorded<'a> {
    pub(super) fn new(
        state: &'a mut SessionState,
        events: Events<'a>,
        said: Vec<InputItem>,
    ) -> Self {
        Self {
            state,
            events,
            said: Some(said),
        }
    }

    pub(super) fn is_committed(&self) -> bool {
        self.said.is_none()
    }
}

impl EventSource for Recorded<'_> {
    type Restart = Infallible;

    fn poll_next(
        &mut self,
        assembly: &mut Assembly,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Step<ResponseEvent, Infallible>, Error>>> {
        let item = ready!(self.events.poll_next(assembly, cx));
        if let Some(Ok(_)) = &item
            && assembly.is_completed()
            && let Some(said) = self.said.take()
        {
            self.state.take(said, assembly.snapshot());
        }
        Poll::Ready(item)
    }
}

impl EventSource for Events<'_> {
    type Restart = Infallible;

    fn poll_next(
        &mut self,
        assembly: &mut Assembly,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Step<ResponseEvent, Infallible>, Error>>> {
        match self {
            Self::Http(events) => events.poll_next(assembly, cx),
            #[cfg(feature = "ws")]
            Self::Socket(events) => {
                let item = ready!(events.poll_next(assembly, cx));
                Poll::Ready(item.map(|item| match item? {
                    Step::Response(event) => Ok(Step::Response(event)),
                    // The settings of a session rule it out; if it came, the response so far would be void.
                    Step::Restart(restart) => Err(restart.cause.after_delivery(true)),
                }))
            }
            #[cfg(not(feature = "ws"))]
            Self::Never(never, _) => match *never {},
        }
    }
}
