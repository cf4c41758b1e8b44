//! Tunnels through a proxy: CONNECT and SOCKS.

use core::future::{Ready, ready};
use core::task::{Context, Poll};
use std::io;

use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{Request, Uri};
use hyper_util::client::legacy::connect::proxy::{SocksV4, SocksV5};
use hyper_util::rt::TokioIo;
use tower_service::Service;

use crate::conn::proxy::server::ProxyServer;
use crate::conn::stream::Stream;
use crate::conn::takeover::{Takeover, take_over};
use crate::error::{Error, ErrorKind, Phase, Sent};

/// Returns an error about the proxy in this phase.
pub(super) fn failed(phase: Phase) -> Error {
    Error::new(ErrorKind::Proxy, phase, Sent::No)
}

/// Opens a tunnel with CONNECT (RFC 9110 section 9.3.6).
pub(super) async fn connect(
    stream: Stream,
    proxy: &ProxyServer,
    target: &Uri,
    port: u16,
) -> Result<Stream, Error> {
    let authority = format!("{}:{port}", target.host().unwrap_or_default());
    let mut request = Request::connect(authority.as_str()).header(HOST, authority.as_str());
    if let Some(basic) = proxy.basic() {
        request = request.header(PROXY_AUTHORIZATION, basic);
    }
    let request = request.body(()).map_err(Error::invalid_request)?;
    match take_over(stream, request).await {
        Ok(Takeover::Accepted(_, stream, rest)) if rest.is_empty() => Ok(stream),
        // In a tunnel the client sends first, so these bytes did not come from the server.
        Ok(Takeover::Accepted(..)) => {
            Err(failed(Phase::Handshake).with_source("unexpected bytes after the response headers"))
        }
        Ok(Takeover::Refused(response, _)) => {
            Err(failed(Phase::Handshake).with_status(response.status()))
        }
        Err(error) => Err(failed(Phase::Handshake).with_source(error)),
    }
}

/// Opens a tunnel with SOCKS.
pub(super) async fn socks(
    stream: Stream,
    proxy: &ProxyServer,
    uri: Uri,
    target: &Uri,
    port: u16,
) -> Result<Stream, Box<dyn core::error::Error + Send + Sync>> {
    let host = target.host().unwrap_or_default();
    let scheme = proxy.scheme;
    // With `socks4a` and `socks5h` the proxy resolves the name. Otherwise it is resolved here and
    // not in the library, which would block the thread.
    let authority = if scheme.ends_with(['a', 'h']) {
        format!("{host}:{port}")
    } else {
        let mut addresses = tokio::net::lookup_host((host.trim_matches(['[', ']']), port)).await?;
        addresses
            .find(|address| address.is_ipv4() || scheme == "socks5")
            .ok_or("host name has no address that the proxy protocol supports")?
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
    // The library does not export its error type.
    result
        .map(TokioIo::into_inner)
        .map_err(|error| error.to_string().into())
}

/// A connector for the SOCKS handshake, which returns an existing stream.
struct AlreadyConnected(Option<Stream>);

impl Service<Uri> for AlreadyConnected {
    type Response = TokioIo<Stream>;
    type Error = io::Error;
    type Future = Ready<io::Result<TokioIo<Stream>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        ready(
            self.0
                .take()
                .map(TokioIo::new)
                .ok_or_else(|| io::ErrorKind::NotConnected.into()),
        )
    }
}
