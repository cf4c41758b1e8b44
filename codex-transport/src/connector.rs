//! From a URL to a byte stream: name, TCP, TLS. HTTP and WebSocket both start here, which is why they cannot differ.

use core::future::Future;
use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;
use std::sync::Arc;

use http::Uri;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::client::legacy::connect::{
    Connected, Connection as HyperConnection, HttpConnector,
};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::{Clock, Connection, Error, ErrorKind, Phase, Sent, Timeouts};

#[derive(Clone)]
pub(crate) struct Connector {
    tcp: HttpConnector<Resolver>,
    timeouts: Timeouts,
    #[cfg(feature = "tls")]
    tls: tokio_rustls::TlsConnector,
}

/// A connected stream, encrypted or not.
pub(crate) enum Stream {
    Tcp(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

impl Connector {
    pub(crate) fn new(connection: &Arc<Connection>, timeouts: &Timeouts) -> Result<Self, Error> {
        let mut tcp = HttpConnector::new_with_resolver(Resolver {
            connection: connection.clone(),
            system: GaiResolver::new(),
        });
        tcp.enforce_http(false);
        tcp.set_nodelay(connection.nodelay);
        tcp.set_keepalive(connection.tcp_keepalive);
        Ok(Self {
            tcp,
            timeouts: *timeouts,
            #[cfg(feature = "tls")]
            tls: Arc::new(connection.tls.client_config(connection.http)?).into(),
        })
    }

    /// A stream to the URL's host, within the connect timeout.
    pub(crate) async fn connect(self, uri: Uri) -> Result<Stream, Error> {
        match self.timeouts.connect {
            None => self.open(uri).await,
            Some(period) => match tokio::time::timeout(period, self.open(uri)).await {
                Ok(result) => result,
                Err(_) => {
                    Err(
                        Error::new(ErrorKind::Timeout(Clock::Connect), Phase::Connect, Sent::No)
                            .with_timeout(period),
                    )
                }
            },
        }
    }

    async fn open(mut self, uri: Uri) -> Result<Stream, Error> {
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
        let tcp = self.tcp(uri).await?;
        if encrypted {
            self.encrypt(tcp, &host).await
        } else {
            Ok(Stream::Tcp(tcp))
        }
    }

    async fn tcp(&mut self, uri: Uri) -> Result<TcpStream, Error> {
        let failed = |kind| Error::new(kind, Phase::Connect, Sent::No);
        core::future::poll_fn(|cx| self.tcp.poll_ready(cx))
            .await
            .map_err(|error| failed(ErrorKind::Connect).with_source(error))?;
        match self.tcp.call(with_port(uri)?).await {
            Ok(stream) => Ok(stream.into_inner()),
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

    #[cfg(feature = "tls")]
    async fn encrypt(&self, tcp: TcpStream, host: &str) -> Result<Stream, Error> {
        let name = rustls::pki_types::ServerName::try_from(
            host.trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned(),
        )
        .map_err(|error| invalid("the URL's host is no valid name").with_source(error))?;
        match self.tls.connect(name, tcp).await {
            Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
            Err(error) => Err(tls_error(error)),
        }
    }

    #[cfg(not(feature = "tls"))]
    async fn encrypt(&self, _: TcpStream, _: &str) -> Result<Stream, Error> {
        Err(
            Error::new(ErrorKind::Configuration, Phase::Prepare, Sent::No)
                .with_source("https needs the feature tls"),
        )
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

// hyper's connector knows the default ports of http and https only.
fn with_port(uri: Uri) -> Result<Uri, Error> {
    if uri.port().is_some() {
        return Ok(uri);
    }
    let port = match uri.scheme_str() {
        Some("ws") => 80,
        Some("wss") => 443,
        _ => return Ok(uri),
    };
    let host = uri.host().unwrap_or_default();
    Uri::builder()
        .scheme("http")
        .authority(format!("{host}:{port}"))
        .path_and_query("/")
        .build()
        .map_err(|error| invalid("the URL's host is not valid").with_source(error))
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

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<Stream>, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { connector.connect(uri).await.map(TokioIo::new) })
    }
}

impl HyperConnection for Stream {
    fn connected(&self) -> Connected {
        match self {
            Self::Tcp(_) => Connected::new(),
            #[cfg(feature = "tls")]
            Self::Tls(stream) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
                Connected::new().negotiated_h2()
            }
            #[cfg(feature = "tls")]
            Self::Tls(_) => Connected::new(),
        }
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
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
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
