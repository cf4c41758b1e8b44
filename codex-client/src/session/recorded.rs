//! Records a response in the history when its last event is yielded. A caller that has seen that
//! event finds the response in the history, even if it then drops the turn.

use core::convert::Infallible;
use core::task::{Context, Poll, ready};

use crate::assembled::{Assembly, EventSource, Item};
use crate::session::history::Said;
use crate::session::state::SessionState;

/// The events of a response that will become part of a conversation.
pub(super) struct Recorded<'a> {
    state: &'a mut SessionState,
    events: Events<'a>,
    /// The input of this turn; `None` once it is in the history.
    said: Option<Said>,
    /// Whether the usage of the response has been added.
    is_counted: bool,
}

/// The events of a response over either transport.
pub(super) type Events<'a> = Box<dyn EventSource<Restart = Infallible> + Send + 'a>;

impl<'a> Recorded<'a> {
    pub(super) fn new(state: &'a mut SessionState, events: Events<'a>, said: Said) -> Self {
        Self {
            state,
            events,
            said: Some(said),
            is_counted: false,
        }
    }

    pub(super) fn state(&self) -> &SessionState {
        self.state
    }

    pub(super) fn is_committed(&self) -> bool {
        self.said.is_none()
    }
}

impl EventSource for Recorded<'_> {
    type Restart = Infallible;

    fn hold(&mut self, holds: bool) {
        self.events.hold(holds);
    }

    fn is_document(&self) -> bool {
        self.events.is_document()
    }

    fn poll_next(
        &mut self,
        assembly: &mut Assembly,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Item<Infallible>>> {
        let item = ready!(self.events.poll_next(assembly, cx));
        if let Some(Ok(_)) = &item
            && assembly.outcome().is_some()
        {
            if !core::mem::replace(&mut self.is_counted, true) {
                self.state.count(assembly.snapshot().usage.as_deref());
            }
            if assembly.is_completed()
                && let Some(said) = self.said.take()
            {
                self.state.take(said, assembly.snapshot());
            }
        }
        Poll::Ready(item)
    }
}

/// The events of a socket whose settings rule out restarts.
#[cfg(feature = "sockets")]
pub(super) struct Unbroken<'a>(pub(super) crate::socket::source::SocketEvents<'a>);

#[cfg(feature = "sockets")]
impl EventSource for Unbroken<'_> {
    type Restart = Infallible;

    fn hold(&mut self, holds: bool) {
        self.0.hold(holds);
    }

    fn is_document(&self) -> bool {
        self.0.is_document()
    }

    fn poll_next(
        &mut self,
        assembly: &mut Assembly,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Item<Infallible>>> {
        use crate::assembled::Step;

        let item = ready!(self.0.poll_next(assembly, cx));
        Poll::Ready(item.map(|item| match item? {
            Step::Response(event) => Ok(Step::Response(event)),
            // A restart would void the response so far.
            Step::Restart(restart) => Err(restart.cause.after_delivery(true)),
        }))
    }
}
