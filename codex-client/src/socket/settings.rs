use core::time::Duration;

/// What a [`SocketSession`](crate::SocketSession) does where there is a choice.
///
/// | setting | default | reason |
/// |---|---|---|
/// | `transport` | [`Auto`](TransportChoice::Auto) | a socket where the backend has them, HTTP where it has not |
/// | `interruption` | [`Fail`](Interruption::Fail) | saying things again is for the caller to decide |
/// | `restarts` | 2 | a third connection that dies within one response will not be the last |
/// | `resumes` | 5 | what the official client grants a stream; counted anew after every event |
/// | `renew_before` | 5 min | turns are long; one that begins shortly before the limit would be cut by it |
/// | `avoid_refused` | 60 min | a server without sockets does not get them within minutes |
/// | `avoid_broken` | 5 min | what breaks sockets on the way may be gone soon |
///
/// ```
/// use codex_client::{Interruption, SocketSettings, TransportChoice};
///
/// let mut settings = SocketSettings::default();
/// settings.transport = TransportChoice::WebSocket;
/// settings.interruption = Interruption::Restart;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketSettings {
    /// Which way turns go.
    pub transport: TransportChoice,
    /// What happens when a connection breaks in the middle of a response.
    pub interruption: Interruption,
    /// How often a turn may be begun anew, with [`Interruption::Restart`].
    pub restarts: u32,
    /// How often in a row a stored background response is asked to go on where it broke off.
    pub resumes: u32,
    /// How long before the end of its life (60 minutes at the services we know) a socket is replaced. Only between two turns.
    pub renew_before: Duration,
    /// How long a host that refused the upgrade is spoken to over HTTP without being asked again.
    pub avoid_refused: Duration,
    /// The same for a host whose sockets opened and broke before the first event.
    pub avoid_broken: Duration,
}

/// Which way the turns of a session go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportChoice {
    /// A WebSocket where the profile says that the backend has them, and HTTP where they turn out not to work.
    #[default]
    Auto,
    /// HTTP, as [`Client::stream`](crate::Client::stream).
    Http,
    /// A WebSocket, or an error.
    WebSocket,
}

/// What happens when a connection breaks after something of a response was handed out, and the response cannot be resumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Interruption {
    /// The turn ends with an error that has what was received.
    #[default]
    Fail,
    /// The request is sent again, after a [`Restart`](crate::TurnEvent::Restart) that says what to discard. The model answers anew,
    /// and tools that the server runs may run twice.
    Restart,
}

impl Default for SocketSettings {
    fn default() -> Self {
        Self {
            transport: TransportChoice::Auto,
            interruption: Interruption::Fail,
            restarts: 2,
            resumes: 5,
            renew_before: Duration::from_secs(5 * 60),
            avoid_refused: Duration::from_secs(60 * 60),
            avoid_broken: Duration::from_secs(5 * 60),
        }
    }
}
