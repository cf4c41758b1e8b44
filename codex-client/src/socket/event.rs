use core::fmt;

use codex_sse::Update;
use codex_types::{Response, ResponseEvent};

use crate::assembled::Step;
use crate::error::Error;

/// What a [`SocketTurn`](crate::SocketTurn) hands out.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever shows a turn has to say what happens on either"
)]
pub enum TurnEvent {
    /// An event of the response.
    Response(ResponseEvent),
    /// The connection broke and the request was sent again: whatever this turn has handed out so far is void. Comes only where
    /// [`Interruption::Restart`](crate::Interruption::Restart) was chosen.
    Restart(Box<Restart>),
}

impl TurnEvent {
    /// The event of the response, unless it is something else.
    #[must_use]
    pub fn into_response(self) -> Option<ResponseEvent> {
        match self {
            Self::Response(event) => Some(event),
            Self::Restart(_) => None,
        }
    }
}

impl From<Step<ResponseEvent, Box<Restart>>> for TurnEvent {
    fn from(step: Step<ResponseEvent, Box<Restart>>) -> Self {
        match step {
            Step::Response(event) => Self::Response(event),
            Step::Restart(restart) => Self::Restart(restart),
        }
    }
}

/// What a [`SocketTurn`](crate::SocketTurn) shows.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever shows a turn has to say what happens on either"
)]
pub enum TurnUpdate<'a> {
    /// A piece of the response.
    Response(Update<'a>),
    /// As [`TurnEvent::Restart`]: everything shown so far is void, and no tool that was asked for counts.
    Restart(Box<Restart>),
}

/// The border between two attempts at the same answer.
pub struct Restart {
    pub(super) attempt: u32,
    pub(super) discarded: Response,
    pub(super) discarded_events: u64,
    pub(crate) cause: Error,
}

impl Restart {
    /// Which attempt begins: 2 after the first restart.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// What had been handed out, as a response: the text to take back, the calls that were not made.
    #[must_use]
    pub fn discarded(&self) -> &Response {
        &self.discarded
    }

    /// How many events it came in: the last so many that this turn handed out.
    #[must_use]
    pub fn discarded_events(&self) -> u64 {
        self.discarded_events
    }

    /// Why the attempt before ended.
    #[must_use]
    pub fn cause(&self) -> &Error {
        &self.cause
    }
}

impl fmt::Debug for Restart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The response is what people said to each other.
        formatter
            .debug_struct("Restart")
            .field("attempt", &self.attempt)
            .field("discarded_events", &self.discarded_events)
            .field("cause", &self.cause)
            .finish_non_exhaustive()
    }
}
