use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;

#[cfg(unix)]
use std::path::PathBuf;

#[cfg(feature = "proxy")]
use crate::conn::proxy::Proxy;
#[cfg(feature = "tls")]
use crate::conn::tls::Tls;
use crate::conn::versions::HttpVersions;

/// Options for connecting to a server, shared by HTTP, WebSocket and sign-in, so that all of them
/// trust the same authorities.
///
/// The defaults suit streaming responses. They differ from those of the underlying libraries for
/// these reasons:
///
/// | setting | default | reason |
/// |---|---|---|
/// | `nodelay` | on | a delta is a small packet; Nagle's algorithm would hold it back |
/// | `tcp_keepalive` | 60 s | routers forget silent connections, and reasoning is silent |
/// | `pool_idle` | 55 s | below the 60 s after which common load balancers close, so a pooled connection is rarely already dead |
/// | `pool_max_idle` | 8 per host | enough for parallel calls, few enough to keep resource use low |
/// | `http2_max_connections` | 16 per host | servers allow about 100 streams per connection, so the limit is about 1,600 concurrent requests |
/// | `http2_keepalive` | 20 s, acknowledged within 20 s | detects a dead connection long before any idle timeout |
///
/// ```
/// use codex_transport::ConnectOptions;
///
/// let connection = ConnectOptions::default()
///     .with_address("api.openai.com", "127.0.0.1:8443".parse().unwrap());
/// assert!(connection.nodelay);
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// Trusted certificate authorities and the client certificate.
    #[cfg(feature = "tls")]
    pub tls: Tls,
    /// The proxy, if any.
    #[cfg(feature = "proxy")]
    pub proxy: Proxy,
    /// Connects to this Unix socket instead of any host; for `https` and `wss`, TLS runs over it.
    #[cfg(unix)]
    pub unix_socket: Option<PathBuf>,
    /// Sends small packets at once (`TCP_NODELAY`).
    pub nodelay: bool,
    /// Idle time after which TCP sends a keepalive probe.
    pub tcp_keepalive: Option<Duration>,
    /// The period for which an idle connection stays in the pool. A connection that the server has
    /// closed is detected before reuse.
    pub pool_idle: Duration,
    /// The maximum number of idle connections per host. With zero, none are kept and requests do
    /// not share an HTTP/2 connection.
    pub pool_max_idle: usize,
    /// The allowed versions of HTTP.
    pub http: HttpVersions,
    /// The maximum number of HTTP/2 connections per host, at least one.
    ///
    /// Another is opened only when the server allows no more streams on the existing ones. At the
    /// limit, a request waits for a stream under its `headers` timeout, and the error names the
    /// limit.
    pub http2_max_connections: usize,
    /// Idle time after which an HTTP/2 connection with open streams is pinged, and the time in
    /// which the server must acknowledge the ping.
    pub http2_keepalive: Option<Duration>,
    addresses: BTreeMap<String, Vec<SocketAddr>>,
}

impl ConnectOptions {
    /// Resolves the host to this address without the system's resolver; a second call for the same
    /// host adds another address.
    ///
    /// The `host` header and the name in the certificate remain those of the URL. The port is the
    /// URL's if it names one, otherwise that of the address unless it is 0.
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

impl Default for ConnectOptions {
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

impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("ConnectOptions");
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
