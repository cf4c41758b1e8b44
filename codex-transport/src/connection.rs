use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;

#[cfg(unix)]
use std::path::PathBuf;

#[cfg(feature = "proxy")]
use crate::Proxy;
#[cfg(feature = "tls")]
use crate::Tls;

/// How to reach a server: one value for HTTP, for WebSocket and for signing in, so that none of them can differ in what it trusts.
///
/// The defaults are the ones to use. Where they differ from the libraries' beneath, this is why:
///
/// | setting | default | reason |
/// |---|---|---|
/// | `nodelay` | on | a delta is a small packet; Nagle's algorithm would hold it back |
/// | `tcp_keepalive` | 60 s | routers forget silent connections, and reasoning is silent |
/// | `pool_idle` | 55 s | below the 60 s after which common load balancers close, so a pooled connection is rarely already dead |
/// | `pool_max_idle` | 8 a host | enough for parallel calls, few enough to be forgotten |
/// | `http2_max_connections` | 16 a host | servers allow 100 streams or so on one; 1,600 at once are many, and a limit is honest |
/// | `http2_keepalive` | 20 s, answer within 20 s | sees a dead connection long before any idle clock |
///
/// ```
/// use codex_transport::Connection;
///
/// let connection = Connection::default().with_address("api.openai.com", "127.0.0.1:8443".parse().unwrap());
/// assert!(connection.nodelay);
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Connection {
    /// What is trusted, and as whom we present ourselves.
    #[cfg(feature = "tls")]
    pub tls: Tls,
    /// What stands in between.
    #[cfg(feature = "proxy")]
    pub proxy: Proxy,
    /// Connects to this socket of the same machine instead of any host; for `https` and `wss`, TLS runs over it.
    #[cfg(unix)]
    pub unix_socket: Option<PathBuf>,
    /// Sends small packets at once (`TCP_NODELAY`).
    pub nodelay: bool,
    /// Silence after which TCP asks whether the peer is still there.
    pub tcp_keepalive: Option<Duration>,
    /// How long an unused connection is kept. That a server closed it is noticed when it would be used again.
    pub pool_idle: Duration,
    /// How many unused connections are kept for one host. Zero keeps none, and lets no requests share one of HTTP/2 either.
    pub pool_max_idle: usize,
    /// Which versions of HTTP may be spoken.
    pub http: HttpVersions,
    /// How many connections of HTTP/2 are opened for one host: another one only when the server allows no more streams on those that are
    /// there. Past that a request waits for a stream, under its `headers` timeout; the error then names the limit. At least one.
    pub http2_max_connections: usize,
    /// Silence after which an HTTP/2 connection with open streams is asked whether it lives; it has as long again to answer.
    pub http2_keepalive: Option<Duration>,
    addresses: BTreeMap<String, Vec<SocketAddr>>,
}

/// Which versions of HTTP may be spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpVersions {
    /// HTTP/2 where the server offers it in TLS (ALPN), else HTTP/1.1.
    #[default]
    Negotiated,
    /// Only HTTP/1.1.
    Http1,
    /// Only HTTP/2; without TLS by prior knowledge.
    Http2,
}

impl Connection {
    /// Uses this address for the host instead of asking the resolver; a second call for the same host adds another address.
    ///
    /// Only where the connection goes changes: the `host` header and the name in the certificate stay those of the URL.
    /// The port is the URL's where it names one, else the address's unless that is 0.
    #[must_use]
    pub fn with_address(mut self, host: impl Into<String>, address: SocketAddr) -> Self {
        self.addresses
            .entry(host.into().to_ascii_lowercase())
            .or_default()
            .push(address);
        self
    }

    #[cfg(feature = "hyper")]
    pub(crate) fn addresses(&self, host: &str) -> Option<&[SocketAddr]> {
        self.addresses
            .get(&host.to_ascii_lowercase())
            .map(Vec::as_slice)
    }
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            #[cfg(feature = "tls")]
            tls: Tls::default(),
            #[cfg(feature = "proxy")]
            proxy: Proxy::default(),
            #[cfg(unix)]
            unix_socket: None,
            nodelay: true,
            tcp_keepalive: Some(Duration::from_secs(60)),
            pool_idle: Duration::from_secs(55),
            pool_max_idle: 8,
            http: HttpVersions::Negotiated,
            http2_max_connections: 16,
            http2_keepalive: Some(Duration::from_secs(20)),
            addresses: BTreeMap::new(),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Connection");
        #[cfg(feature = "tls")]
        out.field("tls", &self.tls);
        #[cfg(feature = "proxy")]
        out.field("proxy", &self.proxy);
        #[cfg(unix)]
        out.field("unix_socket", &self.unix_socket);
        out.field("nodelay", &self.nodelay)
            .field("tcp_keepalive", &self.tcp_keepalive)
            .field("pool_idle", &self.pool_idle)
            .field("pool_max_idle", &self.pool_max_idle)
            .field("http", &self.http)
            .field("http2_max_connections", &self.http2_max_connections)
            .field("http2_keepalive", &self.http2_keepalive)
            .field("addresses", &self.addresses)
            .finish()
    }
}
