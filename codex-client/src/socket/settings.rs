use core::time::Duration;

/// The settings of a [`SocketSession`](crate::SocketSession).
///
/// | setting | default | reason |
/// |---|---|---|
/// | `transport` | [`Auto`](TransportChoice::Auto) | a socket if the backend has them, HTTP otherwise |
/// | `interruption` | [`Fail`](Interruption::Fail) | only the caller can decide whether repeated content is acceptable |
/// | `restarts` | 2 | if three connections fail within one response, the next one would too |
/// | `resumes` | 5 | the limit of the official client for a stream; every event resets the count |
/// | `renew_before` | 5 min | turns are long, and one that begins shortly before the limit would be cut off |
/// | `avoid_refused` | 60 min | a server without sockets will not support them within minutes |
/// | `avoid_broken` | 5 min | a proxy that breaks sockets may be gone soon |
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
    /// The transport of the turns.
    pub transport: TransportChoice,
    /// The reaction to a connection that breaks in the middle of a response.
    pub interruption: Interruption,
    /// The maximum number of restarts of a turn, with [`Interruption::Restart`].
    pub restarts: u32,
    /// The maximum number of times in a row that a stored background response is resumed where it
    /// broke off.
    pub resumes: u32,
    /// The time before the end of its life (60 minutes at the known services) at which a socket is
    /// replaced. The session replaces it only between two turns.
    pub renew_before: Duration,
    /// The period for which the session uses HTTP for a host that refused the upgrade, without
    /// trying a socket.
    pub avoid_refused: Duration,
    /// The period for which the session uses HTTP for a host whose sockets broke before the first
    /// event.
    pub avoid_broken: Duration,
}

/// The transport of the turns of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportChoice {
    /// A WebSocket if the profile names them for the backend, and HTTP if they turn out not to
    /// work.
    #[default]
    Auto,
    /// HTTP, as with [`Client::stream`](crate::Client::stream).
    Http,
    /// A WebSocket, or an error.
    WebSocket,
}

/// The reaction to a connection that breaks after an event of the response was yielded, when the
/// response cannot be resumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Interruption {
    /// The turn ends with an error that carries the part received so far.
    #[default]
    Fail,
    /// The session resends the request, after a [`Restart`](crate::TurnEvent::Restart) that names
    /// the events to discard. The model responds again, and tools that the server runs may run
    /// twice.
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
