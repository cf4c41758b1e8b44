use core::fmt;

use codex_sse::Update;
use codex_types::{Response, ResponseEvent};

use crate::assembled::Step;
use crate::error::Error;

/// An item of a [`SocketTurn`](crate::SocketTurn).
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "callers must handle both variants")]
pub enum TurnEvent {
    /// An event of the response.
    Response(ResponseEvent),
    /// The connection broke and the request was sent again: discard everything that this turn has
    /// yielded so far. It occurs only with [`Interruption::Restart`](crate::Interruption::Restart).
    Restart(Box<Restart>),
}

impl TurnEvent {
    /// Returns the event of the response, if it is one.
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

/// A display update of a [`SocketTurn`](crate::SocketTurn).
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "callers must handle both variants")]
pub enum TurnUpdate<'a> {
    /// An update of the response.
    Response(Update<'a>),
    /// The connection broke and the request was sent again: discard everything shown so far, and
    /// run none of the tool calls; see [`TurnEvent::Restart`].
    Restart(Box<Restart>),
}

/// The boundary between two attempts at the same response.
pub struct Restart {
    pub(super) attempt: u32,
    pub(super) discarded: Response,
    pub(super) discarded_events: u64,
    pub(crate) cause: Error,
}

impl Restart {
    /// Returns the number of the attempt that begins: 2 after the first restart.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Returns the events yielded before the restart, assembled into a response: the text and the
    /// tool calls to discard.
    #[must_use]
    pub fn discarded(&self) -> &Response {
        &self.discarded
    }

    /// Returns how many of the last events that this turn yielded belong to the discarded response.
    #[must_use]
    pub fn discarded_events(&self) -> u64 {
        self.discarded_events
    }

    /// Returns the error that ended the previous attempt.
    #[must_use]
    pub fn cause(&self) -> &Error {
        &self.cause
    }
}

impl fmt::Debug for Restart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Leave out the response: it holds what users and the model wrote.
        f.debug_struct("Restart")
            .field("attempt", &self.attempt)
            .field("discarded_events", &self.discarded_events)
            .field("cause", &self.cause)
            .finish_non_exhaustive()
    }
}
