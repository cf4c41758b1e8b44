// A response enters the history with its last event, at the moment that event is yielded: a caller that has seen it finds it there, even if it
// drops the turn then.

use core::convert::Infallible;
use core::task::{Context, Poll, ready};

use codex_types::InputItem;

use crate::assembled::{Assembly, EventSource, Item};
use crate::session::state::SessionState;

/// The events of a response that will be part of a conversation.
pub(super) struct Recorded<'a> {
    state: &'a mut SessionState,
    events: Events<'a>,
    /// The input of this turn; `None` once it is in the history.
    said: Option<Vec<InputItem>>,
}

/// Events of either transport.
pub(super) type Events<'a> = Box<dyn EventSource<Restart = Infallible> + Send + 'a>;

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
    ) -> Poll<Option<Item<Infallible>>> {
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

/// The events of a socket whose settings rule out restarts.
#[cfg(feature = "ws")]
pub(super) struct Unbroken<'a>(pub(super) crate::socket::source::SocketEvents<'a>);

#[cfg(feature = "ws")]
impl EventSource for Unbroken<'_> {
    type Restart = Infallible;

    fn poll_next(
        &mut self,
        assembly: &mut Assembly,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Item<Infallible>>> {
        use crate::assembled::Step;

        let item = ready!(self.0.poll_next(assembly, cx));
        Poll::Ready(item.map(|item| match item? {
            Step::Response(event) => Ok(Step::Response(event)),
            // If one came all the same, the response so far would be void.
            Step::Restart(restart) => Err(restart.cause.after_delivery(true)),
        }))
    }
}
