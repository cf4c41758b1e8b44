use core::time::Duration;

/// Limits and timeouts of WebSockets.
///
/// | setting | default | reason |
/// |---|---|---|
/// | `ping_interval` | 30 s | NATs and proxies drop silent connections, some after 60 s |
/// | `pong_timeout` | 20 s | a peer that does not respond, or leaves pongs unread, for this long is dead |
/// | `max_message` | 64 MiB | enough for a response with inline images; more is an error |
/// | `read_buffer` | 4 KiB | allocated for each WebSocket; the library's 128 KiB are too much for thousands of idle ones |
/// | `accept_binary` | no | the servers send text; a binary message indicates another protocol |
/// | `close_timeout` | 1 s | closing must not delay the next request |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WsSettings {
    /// Idle time after which a ping is sent.
    pub ping_interval: Option<Duration>,
    /// The maximum time that the peer may take to send anything after a ping, and that it may leave
    /// all pongs unread. If this is `None`, `byte_idle` of the request limits the latter.
    pub pong_timeout: Option<Duration>,
    /// The maximum size of a message in bytes, whole or in fragments.
    pub max_message: usize,
    /// The size of the read buffer, in bytes.
    pub read_buffer: usize,
    /// Whether binary messages are accepted like text.
    pub accept_binary: bool,
    /// The period for which closing waits for the peer's close frame.
    pub close_timeout: Duration,
}

impl Default for WsSettings {
    fn default() -> Self {
        Self {
            ping_interval: Some(Duration::from_secs(30)),
            pong_timeout: Some(Duration::from_secs(20)),
            max_message: 64 << 20,
            read_buffer: 4 << 10,
            accept_binary: false,
            close_timeout: Duration::from_secs(1),
        }
    }
}
