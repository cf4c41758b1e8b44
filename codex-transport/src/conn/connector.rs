//! Connected streams for URLs: name resolution, TCP, the proxy's tunnel and TLS. HTTP and WebSocket
//! share this code, so they behave alike.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::Arc;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use tower_service::Service;

use crate::conn::options::ConnectOptions;
use crate::conn::resolver::{ResolveError, Resolver};
use crate::conn::stream::Stream;
use crate::error::{Error, ErrorKind, Phase, Sent, find_source};
use crate::timeouts::TimeoutKind;

#[derive(Clone)]
pub(crate) struct Connector {
    tcp: HttpConnector<Resolver>,
    #[cfg(unix)]
    options: Arc<ConnectOptions>,
    timeout: Option<Duration>,
    #[cfg(feature = "tls")]
    tls: TlsConfigs,
    #[cfg(feature = "proxy")]
    proxies: Arc<crate::conn::proxy::Routes>,
}

/// TLS configurations with the same trust, one for each [`Offer`].
#[cfg(feature = "tls")]
#[derive(Clone)]
struct TlsConfigs {
    configured: tokio_rustls::TlsConnector,
    http1: tokio_rustls::TlsConnector,
    #[cfg(feature = "proxy")]
    proxy: tokio_rustls::TlsConnector,
}

/// The protocols that the client offers in TLS.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// The protocols of the connection options.
    Configured,
    /// HTTP/1.1 only: for a WebSocket, or for a server that requires it.
    Http1,
    /// HTTP/1.1 with a proxy, which does not see the client certificate.
    #[cfg(feature = "proxy")]
    Proxy,
}

/// Whether the connection has reached the handshake, so that a timeout can report its phase.
#[derive(Default)]
struct Progress(AtomicBool);

impl Connector {
    pub(crate) fn new(options: ConnectOptions, timeout: Option<Duration>) -> Result<Self, Error> {
        let options = Arc::new(options);
        let mut tcp = HttpConnector::new_with_resolver(Resolver::new(options.clone()));
        #[cfg(feature = "proxy")]
        let proxies = Arc::new(options.proxy.routes());
        #[cfg(feature = "proxy")]
        proxies.check()?;
        tcp.enforce_http(false);
        tcp.set_nodelay(options.nodelay);
        tcp.set_keepalive(options.tcp_keepalive);
        Ok(Self {
            tcp,
            timeout,
            #[cfg(feature = "tls")]
            tls: TlsConfigs::new(&options)?,
            #[cfg(feature = "proxy")]
            proxies,
            #[cfg(unix)]
            options,
        })
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Opens a stream to the URL's host, through the proxy that applies and with TLS if the scheme
    /// requires it, all under the connect timeout.
    pub(crate) async fn open(&self, uri: Uri, offer: Offer) -> Result<Stream, Error> {
        let progress = Progress::default();
        let opening = self.clone().open_untimed(uri, offer, &progress);
        let Some(period) = self.timeout else {
            return opening.await;
        };
        tokio::time::timeout(period, opening)
            .await
            .unwrap_or_else(|_| {
                let phase = if progress.0.load(Ordering::Relaxed) {
                    Phase::Handshake
                } else {
                    Phase::Connect
                };
                Err(
                    Error::new(ErrorKind::Timeout(TimeoutKind::Connect), phase, Sent::No)
                        .with_timeout(period),
                )
            })
    }

    async fn open_untimed(
        mut self,
        uri: Uri,
        offer: Offer,
        progress: &Progress,
    ) -> Result<Stream, Error> {
        let encrypted = match uri.scheme_str() {
            Some("https" | "wss") => true,
            Some("http" | "ws") => false,
            _ => {
                return Err(Error::invalid_request(
                    "unsupported URL scheme: expected http, https, ws or wss",
                ));
            }
        };
        let host = uri
            .host()
            .ok_or_else(|| Error::invalid_request("URL has no host"))?
            .to_owned();
        let stream = self.plain(uri, progress).await?;
        progress.0.store(true, Ordering::Relaxed);
        if encrypted {
            self.encrypt(stream, &host, offer).await
        } else {
            Ok(stream)
        }
    }

    // Connects to the host itself, or through a tunnel that ends there.
    async fn plain(&mut self, uri: Uri, progress: &Progress) -> Result<Stream, Error> {
        #[cfg(unix)]
        if let Some(path) = &self.options.unix_socket {
            let connected = tokio::net::UnixStream::connect(path).await;
            return connected
                .map(|stream| Box::new(stream) as Stream)
                .map_err(|error| {
                    Error::new(ErrorKind::Connect, Phase::Connect, Sent::No).with_source(error)
                });
        }
        #[cfg(feature = "proxy")]
        {
            let proxies = self.proxies.clone();
            let proxy = proxies.to(&uri).map_err(Error::configuration)?;
            if let Some(proxy) = proxy {
                // Boxed, so that a future that connects without a proxy stays small.
                return Box::pin(self.tunnel(proxy, uri, progress)).await;
            }
        }
        #[cfg(not(feature = "proxy"))]
        let _ = progress;
        self.tcp(to_dial(&uri)?).await
    }

    async fn tcp(&mut self, uri: Uri) -> Result<Stream, Error> {
        let failed = |kind| Error::new(kind, Phase::Connect, Sent::No);
        core::future::poll_fn(|cx| self.tcp.poll_ready(cx))
            .await
            .map_err(|error| failed(ErrorKind::Connect).with_source(error))?;
        match self.tcp.call(uri).await {
            Ok(stream) => Ok(Box::new(stream.into_inner())),
            Err(error) => {
                let kind = if find_source::<ResolveError>(&error).is_some() {
                    ErrorKind::Dns
                } else {
                    ErrorKind::Connect
                };
                Err(failed(kind).with_source(error))
            }
        }
    }

    #[cfg(feature = "proxy")]
    async fn tunnel(
        &mut self,
        proxy: &crate::conn::proxy::server::ProxyServer,
        target: Uri,
        progress: &Progress,
    ) -> Result<Stream, Error> {
        use crate::conn::tunnel;

        let uri = proxy
            .uri()
            .map_err(|error| tunnel::failed(Phase::Prepare).with_source(error))?;
        let mut stream = self
            .tcp(to_dial(&uri)?)
            .await
            .map_err(|error| tunnel::failed(Phase::Connect).with_source(error))?;
        progress.0.store(true, Ordering::Relaxed);
        if proxy.scheme.starts_with("socks") {
            return tunnel::socks(stream, proxy, uri, &target, port_of(&target))
                .await
                .map_err(|error| tunnel::failed(Phase::Handshake).with_source(error));
        }
        if proxy.scheme == "https" {
            let host = uri.host().unwrap_or_default();
            stream = self.encrypt(stream, host, Offer::Proxy).await?;
        }
        tunnel::connect(stream, proxy, &target, port_of(&target)).await
    }

    #[cfg(feature = "tls")]
    async fn encrypt(&self, stream: Stream, host: &str, offer: Offer) -> Result<Stream, Error> {
        let name = rustls::pki_types::ServerName::try_from(
            host.trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned(),
        )
        .map_err(Error::invalid_request)?;
        let connector = match offer {
            Offer::Configured => &self.tls.configured,
            Offer::Http1 => &self.tls.http1,
            #[cfg(feature = "proxy")]
            Offer::Proxy => &self.tls.proxy,
        };
        match connector.connect(name, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(crate::conn::tls::handshake_error(error)),
        }
    }

    #[cfg(not(feature = "tls"))]
    async fn encrypt(&self, _: Stream, _: &str, _: Offer) -> Result<Stream, Error> {
        Err(Error::configuration("https requires the feature `tls`"))
    }
}

#[cfg(feature = "tls")]
impl TlsConfigs {
    fn new(options: &ConnectOptions) -> Result<Self, Error> {
        let configured = options.tls.client_config(options.http)?;
        let mut http1 = configured.clone();
        http1.alpn_protocols = vec![b"http/1.1".to_vec()];
        #[cfg(feature = "proxy")]
        let proxy = {
            let mut proxy = options.tls.anonymous().client_config(options.http)?;
            proxy.alpn_protocols.clone_from(&http1.alpn_protocols);
            proxy
        };
        Ok(Self {
            configured: Arc::new(configured).into(),
            http1: Arc::new(http1).into(),
            #[cfg(feature = "proxy")]
            proxy: Arc::new(proxy).into(),
        })
    }
}

// Returns the URL for hyper's connector, which only has default ports for `http` and `https`. A
// port that the URL does not name stays unnamed, so that the port of a fixed address takes
// precedence over the scheme's.
fn to_dial(uri: &Uri) -> Result<Uri, Error> {
    let scheme = if port_of(uri) == 443 { "https" } else { "http" };
    let host = uri.host().unwrap_or_default();
    let authority = match (uri.port_u16(), port_of(uri)) {
        (None, 80 | 443) => host.to_owned(),
        (_, port) => format!("{host}:{port}"),
    };
    Uri::builder()
        .scheme(scheme)
        .authority(authority)
        .path_and_query("/")
        .build()
        .map_err(Error::invalid_request)
}

fn port_of(uri: &Uri) -> u16 {
    uri.port_u16().unwrap_or_else(|| match uri.scheme_str() {
        Some("https" | "wss") => 443,
        Some("socks4" | "socks4a" | "socks5" | "socks5h") => 1080,
        _ => 80,
    })
}
