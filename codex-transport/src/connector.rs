//! From a URL to a byte stream: name, TCP, TLS. HTTP and WebSocket both start here, which is why they cannot differ.

use core::future::Future;
use core::mem::MaybeUninit;
use core::net::SocketAddr;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;
use std::sync::Arc;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
#[cfg(feature = "proxy")]
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::heard_out::Peek;
#[cfg(feature = "proxy")]
use crate::proxy::ProxyServer;
#[cfg(feature = "proxy")]
use crate::raw_http::{self, Exchange};
use crate::{Clock, Connection, Error, ErrorKind, Phase, Sent};

#[derive(Clone)]
pub(crate) struct Connector {
    tcp: HttpConnector<Resolver>,
    connection: Arc<Connection>,
    timeout: Option<Duration>,
    #[cfg(feature = "tls")]
    tls: TlsConfigs,
    #[cfg(feature = "proxy")]
    proxies: Arc<crate::proxy::Routes>,
}

/// The same trust, with and without the offer of HTTP/2.
#[cfg(feature = "tls")]
#[derive(Clone)]
struct TlsConfigs {
    any: tokio_rustls::TlsConnector,
    http1: tokio_rustls::TlsConnector,
    #[cfg(feature = "proxy")]
    proxy: tokio_rustls::TlsConnector,
}

/// Which protocols may be agreed on in TLS.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// As the policy says.
    Policy,
    /// HTTP/1.1 only: a WebSocket, or a server that asked for it.
    Http1,
    /// HTTP/1.1 with a proxy, which is not shown who we are to the server.
    #[cfg(feature = "proxy")]
    Proxy,
}

/// Whether the connection has come as far as the handshake, so that a timeout can say so.
#[derive(Default)]
struct Progress(AtomicBool);

/// A connected stream.
pub(crate) enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
    #[cfg(feature = "tls")]
    Tls(Box<tokio_rustls::client::TlsStream<Self>>),
}

impl Connector {
    pub(crate) fn new(connection: Connection, timeout: Option<Duration>) -> Result<Self, Error> {
        let connection = Arc::new(connection);
        let mut tcp = HttpConnector::new_with_resolver(Resolver {
            connection: connection.clone(),
            system: GaiResolver::new(),
        });
        #[cfg(feature = "proxy")]
        let proxies = Arc::new(connection.proxy.routes());
        #[cfg(feature = "proxy")]
        proxies.check()?;
        tcp.enforce_http(false);
        tcp.set_nodelay(connection.nodelay);
        tcp.set_keepalive(connection.tcp_keepalive);
        Ok(Self {
            tcp,
            timeout,
            #[cfg(feature = "tls")]
            tls: TlsConfigs::new(&connection)?,
            #[cfg(feature = "proxy")]
            proxies,
            connection,
        })
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// A stream to the URL's host: by way of the proxy, if one is set for it, and encrypted, if the scheme says so. All of it under the
    /// connect timeout.
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
                    Error::new(ErrorKind::Timeout(Clock::Connect), phase, Sent::No)
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
                return Err(invalid(
                    "the URL's scheme is none of http, https, ws and wss",
                ));
            }
        };
        let host = uri
            .host()
            .ok_or_else(|| invalid("the URL has no host"))?
            .to_owned();
        let stream = self.plain(uri, progress).await?;
        progress.0.store(true, Ordering::Relaxed);
        if encrypted {
            self.encrypt(stream, &host, offer).await
        } else {
            Ok(stream)
        }
    }

    // To the host itself, or to a tunnel that ends there.
    async fn plain(&mut self, uri: Uri, progress: &Progress) -> Result<Stream, Error> {
        #[cfg(unix)]
        if let Some(path) = &self.connection.unix_socket {
            let connected = tokio::net::UnixStream::connect(path).await;
            return connected.map(Stream::Unix).map_err(|error| {
                Error::new(ErrorKind::Connect, Phase::Connect, Sent::No).with_source(error)
            });
        }
        #[cfg(feature = "proxy")]
        {
            let proxies = self.proxies.clone();
            let proxy = proxies.to(&uri).map_err(|unusable| {
                Error::new(ErrorKind::Configuration, Phase::Prepare, Sent::No).with_source(unusable)
            })?;
            if let Some(proxy) = proxy {
                // Boxed, so that a connection without a proxy need not have the room for one.
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
            Ok(stream) => Ok(Stream::Tcp(stream.into_inner())),
            Err(error) => {
                let kind = if find::<ResolveError>(&error).is_some() {
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
        proxy: &ProxyServer,
        target: Uri,
        progress: &Progress,
    ) -> Result<Stream, Error> {
        let failed = |phase| Error::new(ErrorKind::Proxy, phase, Sent::No);
        let uri = proxy
            .uri()
            .map_err(|error| failed(Phase::Prepare).with_source(error))?;
        let mut stream = self
            .tcp(to_dial(&uri)?)
            .await
            .map_err(|error| failed(Phase::Connect).with_source(error))?;
        progress.0.store(true, Ordering::Relaxed);
        if proxy.scheme.starts_with("socks") {
            return socks(stream, proxy, uri, &target)
                .await
                .map_err(|error| failed(Phase::Handshake).with_source(error));
        }
        if proxy.scheme == "https" {
            let host = uri.host().unwrap_or_default();
            stream = self.encrypt(stream, host, Offer::Proxy).await?;
        }
        let authority = format!("{}:{}", target.host().unwrap_or_default(), port_of(&target));
        let mut request = http::Request::connect(authority.as_str())
            .header(http::header::HOST, authority.as_str());
        if let Some(basic) = proxy.basic() {
            request = request.header(http::header::PROXY_AUTHORIZATION, basic);
        }
        let request = request
            .body(())
            .map_err(|error| invalid("the URL's host is not valid").with_source(error))?;
        match raw_http::take_over(stream, request).await {
            Ok(Exchange::Taken(_, stream, rest)) if rest.is_empty() => Ok(stream),
            // In a tunnel we speak first; whatever is there already did not come from the server.
            Ok(Exchange::Taken(..)) => {
                Err(failed(Phase::Handshake).with_source("bytes behind the head of the answer"))
            }
            Ok(Exchange::Refused(response)) => {
                Err(failed(Phase::Handshake).with_status(response.status()))
            }
            Err(error) => Err(failed(Phase::Handshake).with_source(error)),
        }
    }

    #[cfg(feature = "tls")]
    async fn encrypt(&self, stream: Stream, host: &str, offer: Offer) -> Result<Stream, Error> {
        let name = rustls::pki_types::ServerName::try_from(
            host.trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned(),
        )
        .map_err(|error| invalid("the URL's host is no valid name").with_source(error))?;
        let connector = match offer {
            Offer::Policy => &self.tls.any,
            Offer::Http1 => &self.tls.http1,
            #[cfg(feature = "proxy")]
            Offer::Proxy => &self.tls.proxy,
        };
        match connector.connect(name, stream).await {
            Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
            Err(error) => Err(tls_error(error)),
        }
    }

    #[cfg(not(feature = "tls"))]
    async fn encrypt(&self, _: Stream, _: &str, _: Offer) -> Result<Stream, Error> {
        Err(
            Error::new(ErrorKind::Configuration, Phase::Prepare, Sent::No)
                .with_source("https needs the feature tls"),
        )
    }
}

#[cfg(feature = "tls")]
impl TlsConfigs {
    fn new(connection: &Connection) -> Result<Self, Error> {
        let any = connection.tls.client_config(connection.http)?;
        let mut http1 = any.clone();
        http1.alpn_protocols = vec![b"http/1.1".to_vec()];
        #[cfg(feature = "proxy")]
        let proxy = {
            let mut proxy = connection.tls.anonymous().client_config(connection.http)?;
            proxy.alpn_protocols.clone_from(&http1.alpn_protocols);
            proxy
        };
        Ok(Self {
            any: Arc::new(any).into(),
            http1: Arc::new(http1).into(),
            #[cfg(feature = "proxy")]
            proxy: Arc::new(proxy).into(),
        })
    }
}

#[cfg(feature = "tls")]
fn tls_error(error: io::Error) -> Error {
    let kind = match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            ErrorKind::Certificate
        }
        Some(_) => ErrorKind::Tls,
        None => ErrorKind::ConnectionLost,
    };
    Error::new(kind, Phase::Handshake, Sent::No).with_source(error)
}

#[cfg(feature = "proxy")]
async fn socks(
    stream: Stream,
    proxy: &ProxyServer,
    uri: Uri,
    target: &Uri,
) -> Result<Stream, Box<dyn core::error::Error + Send + Sync>> {
    use hyper_util::client::legacy::connect::proxy::{SocksV4, SocksV5};
    let (host, port) = (target.host().unwrap_or_default(), port_of(target));
    let scheme = proxy.scheme;
    // The letter at the end of the scheme says that the proxy resolves the name. Where we do, it happens here and not in the library,
    // which would block the thread.
    let authority = if scheme.ends_with(['a', 'h']) {
        format!("{host}:{port}")
    } else {
        let mut addresses = tokio::net::lookup_host((host.trim_matches(['[', ']']), port)).await?;
        addresses
            .find(|address| address.is_ipv4() || scheme == "socks5")
            .ok_or("the host name has no address that the proxy's protocol can carry")?
            .to_string()
    };
    let target = Uri::builder()
        .scheme("http")
        .authority(authority)
        .path_and_query("/")
        .build()?;
    let connected = AlreadyConnected(Some(stream));
    let result = if scheme.starts_with("socks5") {
        let mut socks = SocksV5::new(uri, connected);
        if let Some((user, password)) = proxy.login.clone() {
            socks = socks.with_auth(user, password);
        }
        socks.call(target).await
    } else {
        SocksV4::new(uri, connected).call(target).await
    };
    // The library does not export its error's type.
    result
        .map(TokioIo::into_inner)
        .map_err(|error| error.to_string().into())
}

/// A connector for the SOCKS handshake that hands out the stream which is there already.
#[cfg(feature = "proxy")]
struct AlreadyConnected(Option<Stream>);

#[cfg(feature = "proxy")]
impl Service<Uri> for AlreadyConnected {
    type Response = TokioIo<Stream>;
    type Error = io::Error;
    type Future = core::future::Ready<io::Result<TokioIo<Stream>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        core::future::ready(
            self.0
                .take()
                .map(TokioIo::new)
                .ok_or_else(|| io::ErrorKind::NotConnected.into()),
        )
    }
}

// The URL that hyper's connector is to dial: it knows the ports of `http` and `https` only. A port that the URL does not name stays
// unnamed, so that one which came with an address goes before the scheme's.
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
        .map_err(|error| invalid("the URL's host is not valid").with_source(error))
}

fn port_of(uri: &Uri) -> u16 {
    uri.port_u16().unwrap_or_else(|| match uri.scheme_str() {
        Some("https" | "wss") => 443,
        Some("socks4" | "socks4a" | "socks5" | "socks5h") => 1080,
        _ => 80,
    })
}

fn invalid(reason: &'static str) -> Error {
    Error::new(ErrorKind::InvalidRequest, Phase::Prepare, Sent::No).with_source(reason)
}

/// Searches an error and its causes for one of this type.
pub(crate) fn find<'a, E: core::error::Error + 'static>(
    error: &'a (dyn core::error::Error + 'static),
) -> Option<&'a E> {
    core::iter::successors(Some(error), |error| error.source())
        .find_map(|error| error.downcast_ref())
}

impl Stream {
    /// Whether HTTP/2 was agreed on.
    pub(crate) fn is_http2(&self) -> bool {
        match self {
            Self::Tcp(_) => false,
            #[cfg(unix)]
            Self::Unix(_) => false,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }
}

impl Peek for Stream {
    fn is_quiet(&self) -> bool {
        let mut byte = [MaybeUninit::uninit()];
        let peeked = match self {
            Self::Tcp(stream) => SockRef::from(stream).peek(&mut byte),
            #[cfg(unix)]
            Self::Unix(stream) => SockRef::from(stream).peek(&mut byte),
            // Whatever comes behind the last response is not wanted, be it a record of TLS itself.
            #[cfg(feature = "tls")]
            Self::Tls(stream) => return stream.get_ref().0.is_quiet(),
        };
        matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            #[cfg(unix)]
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            #[cfg(unix)]
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            #[cfg(unix)]
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            #[cfg(unix)]
            Self::Unix(stream) => stream.is_write_vectored(),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            #[cfg(unix)]
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            #[cfg(unix)]
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// The system's resolver, behind the addresses that the connection policy names.
#[derive(Clone)]
struct Resolver {
    connection: Arc<Connection>,
    system: GaiResolver,
}

/// Marks, in a chain of causes, that it was the name.
#[derive(Debug)]
struct ResolveError(io::Error);

impl core::fmt::Display for ResolveError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("name resolution failed")
    }
}

impl core::error::Error for ResolveError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = ResolveError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ResolveError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ResolveError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let fixed = self
            .connection
            .addresses(name.as_str())
            .map(<[SocketAddr]>::to_vec);
        let mut system = self.system.clone();
        Box::pin(async move {
            match fixed {
                Some(addresses) => Ok(addresses.into_iter()),
                None => match system.call(name).await {
                    Ok(addresses) => Ok(addresses.collect::<Vec<_>>().into_iter()),
                    Err(error) => Err(ResolveError(error)),
                },
            }
        })
    }
}
