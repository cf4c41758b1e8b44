//! The sockets of the loopback redirect (RFC 8252 section 7.3), and the connections on them.
//! codex-auth checks the requests. This module has only the rules of the sockets: a port must be
//! free in both address families, many connections are open at once because browsers open idle
//! ones, each has a few seconds, and each is closed after its response.

use core::future::poll_fn;
use core::net::{IpAddr, Ipv6Addr, SocketAddr};
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;
use std::net::TcpListener;

use codex_auth::{Incoming, LoopbackConnection, Page, RedirectRule, RedirectTarget, Timer as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::adapter::TransportTimer;

/// The loopback sockets that a browser redirect arrives at.
///
/// Bind it before opening the browser, because the port is a part of the address. Dropping it frees
/// the port.
///
/// ```
/// use codex_auth::OAuthProfile;
/// use codex_client::login::RedirectListener;
///
/// let profile = OAuthProfile::custom("https://login.example", "my-client");
/// let listener = RedirectListener::bind(&profile.redirect)?;
/// assert_ne!(listener.port(), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct RedirectListener {
    sockets: Vec<TcpListener>,
    port: u16,
}

impl RedirectListener {
    /// Binds the first free port of the rule, or any port if the rule allows that.
    ///
    /// A port counts as free only if it is free on every loopback address that the redirect may
    /// use: a program listening on the other address would receive the code. A machine without IPv6
    /// omits that address.
    ///
    /// # Errors
    ///
    /// Returns the error of the last port that could not be bound, usually
    /// [`AddrInUse`](io::ErrorKind::AddrInUse); the text names the ports. The device code and
    /// pasting need no port.
    pub fn bind(rule: &RedirectRule) -> io::Result<Self> {
        let addresses = rule.listen_addresses();
        let wanted: &[u16] = if rule.ports.is_empty() {
            &[0; ATTEMPTS]
        } else {
            &rule.ports
        };
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for &port in wanted {
            match bind_all(&addresses, port) {
                Ok(listener) => return Ok(listener),
                Err(error) => last = error,
            }
        }
        Err(io::Error::new(last.kind(), NoPort::new(rule, last)))
    }

    /// Returns the port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// Binds the same port on every address.
fn bind_all(addresses: &[IpAddr], mut port: u16) -> io::Result<RedirectListener> {
    let mut sockets = Vec::new();
    for &address in addresses {
        let socket = match TcpListener::bind(SocketAddr::new(address, port)) {
            Ok(socket) => socket,
            Err(error) if is_missing_family(&error) && address == Ipv6Addr::LOCALHOST => continue,
            Err(error) => return Err(error),
        };
        socket.set_nonblocking(true)?;
        port = socket.local_addr()?.port();
        sockets.push(socket);
    }
    if sockets.is_empty() {
        return Err(io::ErrorKind::AddrNotAvailable.into());
    }
    Ok(RedirectListener { sockets, port })
}

fn is_missing_family(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported
    )
}

/// The reason why there is no listener.
#[derive(Debug)]
struct NoPort {
    ports: Vec<u16>,
    last: io::Error,
}

impl NoPort {
    fn new(rule: &RedirectRule, last: io::Error) -> Self {
        Self {
            ports: rule.ports.clone(),
            last,
        }
    }
}

impl core::fmt::Display for NoPort {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("no free port for the redirect")?;
        for (index, port) in self.ports.iter().enumerate() {
            write!(f, "{}{port}", if index == 0 { ": " } else { ", " })?;
        }
        Ok(())
    }
}

impl core::error::Error for NoPort {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.last)
    }
}

/// A running listener.
pub(super) struct Server {
    sockets: Vec<tokio::net::TcpListener>,
    redirect_uri: String,
    timer: TransportTimer,
    /// Connections whose request is not complete; each ends with a redirect or without one.
    readers: Vec<Reader>,
    /// Connections whose response is being sent.
    answers: Vec<Answering>,
}

type Reader = Pin<Box<dyn Future<Output = Option<Visit>> + Send>>;
type Answering = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A redirect that waits for its response.
pub(super) struct Visit {
    pub(super) target: RedirectTarget,
    stream: TcpStream,
}

impl Server {
    /// Starts to serve the sockets. Must be called within a tokio runtime.
    pub(super) fn start(
        listener: RedirectListener,
        redirect_uri: &str,
        timer: TransportTimer,
    ) -> io::Result<Self> {
        let sockets = listener.sockets.into_iter();
        Ok(Self {
            sockets: sockets
                .map(tokio::net::TcpListener::from_std)
                .collect::<io::Result<_>>()?,
            redirect_uri: redirect_uri.to_owned(),
            timer,
            readers: Vec::new(),
            answers: Vec::new(),
        })
    }

    /// Returns the next redirect. Responds to every other request meanwhile.
    pub(super) fn poll_visit(&mut self, cx: &mut Context<'_>) -> Poll<Visit> {
        loop {
            self.accept(cx);
            let count = self.readers.len();
            for index in (0..count).rev() {
                if let Poll::Ready(visit) = self.readers[index].as_mut().poll(cx) {
                    drop(self.readers.remove(index));
                    if let Some(visit) = visit {
                        return Poll::Ready(visit);
                    }
                }
            }
            if self.readers.len() == count {
                // Only these can still wake the task.
                let _ = self.poll_answers(cx);
                return Poll::Pending;
            }
        }
    }

    /// Responds to a redirect and closes its connection.
    pub(super) fn answer(&mut self, visit: Visit, page: Page) {
        let answering = answer(visit.stream, page, self.timer.clone());
        self.answers.push(Box::pin(answering));
    }

    /// Waits until the last response was sent or has timed out.
    pub(super) async fn finish(mut self) {
        self.sockets.clear();
        self.readers.clear();
        poll_fn(|context| self.poll_answers(context)).await;
    }

    fn accept(&mut self, cx: &mut Context<'_>) {
        for socket in &self.sockets {
            loop {
                match socket.poll_accept(cx) {
                    Poll::Pending => break,
                    Poll::Ready(Ok((stream, _))) => {
                        if self.readers.len() == MOST_CONNECTIONS {
                            // A redirect arrives whole and at once, so the connection that has
                            // waited longest is an idle one.
                            drop(self.readers.remove(0));
                        }
                        let reader = read(stream, self.redirect_uri.clone(), self.timer.clone());
                        self.readers.push(Box::pin(reader));
                    }
                    Poll::Ready(Err(_)) => {
                        // The process has no descriptor left, or the peer is already gone. Retrying
                        // at once could spin.
                        if self.readers.len() < MOST_CONNECTIONS {
                            let timer = self.timer.clone();
                            self.readers.push(Box::pin(async move {
                                timer.sleep(PAUSE).await;
                                None
                            }));
                        }
                        break;
                    }
                }
            }
        }
    }

    fn poll_answers(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.answers
            .retain_mut(|answering| answering.as_mut().poll(cx).is_pending());
        if self.answers.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

async fn read(mut stream: TcpStream, redirect_uri: String, timer: TransportTimer) -> Option<Visit> {
    let mut connection = LoopbackConnection::new(&redirect_uri);
    let verdict = async {
        let mut buffer = [0; 4096];
        loop {
            let count = stream
                .read(&mut buffer)
                .await
                .ok()
                .filter(|&count| count > 0)?;
            match connection.feed(&buffer[..count]) {
                Incoming::NeedMore => {}
                verdict => return Some(verdict),
            }
        }
    };
    match within(&timer, TIME_TO_ASK, verdict).await?? {
        Incoming::Redirect(target) => Some(Visit { target, stream }),
        Incoming::Other(page) => {
            answer(stream, page, timer).await;
            None
        }
        _ => None,
    }
}

async fn answer(mut stream: TcpStream, page: Page, timer: TransportTimer) {
    let exchange = async {
        stream.write_all(&page.to_bytes()).await?;
        stream.shutdown().await?;
        // Closing with unread bytes resets the connection, and the reset may discard the page
        // before the browser reads it.
        let mut rest = [0; 4096];
        while stream.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    // An error means that the browser is gone, so there is nothing to report.
    let _ = within(&timer, TIME_TO_ANSWER, exchange).await;
}

/// Returns the future's output, unless the timeout expires first.
async fn within<F: Future>(
    timer: &TransportTimer,
    limit: Duration,
    future: F,
) -> Option<F::Output> {
    let mut future = core::pin::pin!(future);
    let mut end = core::pin::pin!(timer.sleep(limit));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => end.as_mut().poll(context).map(|()| None),
    })
    .await
}

/// The number of attempts with another port if any port is allowed: a port that is free on IPv4 may
/// be in use on IPv6.
const ATTEMPTS: usize = 8;
const MOST_CONNECTIONS: usize = 32;
const TIME_TO_ASK: Duration = Duration::from_secs(10);
const TIME_TO_ANSWER: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(100);
