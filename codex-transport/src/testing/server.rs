use core::fmt;
use core::net::{Ipv4Addr, SocketAddr};
use core::pin::Pin;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Body as _;
use hyper::rt::{Read, Write};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::testing::play::{Play, WasCut};
use crate::testing::record::RecordedMessage;
use crate::testing::record::RecordedRequest;
use crate::testing::script::Script;
use crate::testing::script::Stage;
use crate::testing::server_io::{Control, ServerIo};

/// A real server on 127.0.0.1 that plays a [`Script`]: HTTP/1.1, HTTP/2 for clients that start with
/// its preface or negotiate it in TLS, and WebSocket.
///
/// It runs on a separate thread, so it can be started anywhere, and a test's virtual clock does not
/// affect it. Dropping it closes every connection.
pub struct LoopbackServer {
    address: SocketAddr,
    encrypted: bool,
    stage: Stage,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A builder of a [`LoopbackServer`].
#[derive(Debug)]
pub struct LoopbackServerBuilder {
    script: Script,
    address: SocketAddr,
    #[cfg(feature = "testing-tls")]
    tls: Option<rustls::ServerConfig>,
}

impl LoopbackServer {
    /// Starts a server on a free port, without TLS.
    ///
    /// # Errors
    ///
    /// Returns an error if no port is available or no thread can be spawned.
    pub fn start(script: Script) -> io::Result<Self> {
        Self::builder(script).start()
    }

    /// Returns a builder for custom settings.
    pub fn builder(script: Script) -> LoopbackServerBuilder {
        LoopbackServerBuilder {
            script,
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            #[cfg(feature = "testing-tls")]
            tls: None,
        }
    }

    /// Returns the address on which the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of a path that starts with a slash: `http`, or `https` with TLS.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.encrypted { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.address)
    }

    /// Returns the WebSocket URL of a path that starts with a slash: `ws`, or `wss` with TLS.
    pub fn ws_url(&self, path: &str) -> String {
        let scheme = if self.encrypted { "wss" } else { "ws" };
        format!("{scheme}://{}{path}", self.address)
    }

    /// Returns all complete requests so far, in the order in which they were answered.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.stage.requests()
    }

    /// Returns all WebSocket messages so far.
    pub fn messages(&self) -> Vec<RecordedMessage> {
        self.stage.messages()
    }

    /// Returns the number of pings received over WebSockets.
    pub fn pings(&self) -> usize {
        self.stage.pings()
    }

    /// Returns one entry for each WebSocket that has ended: the code of the client's close frame,
    /// or `None` without one.
    pub fn closed_sockets(&self) -> Vec<Option<u16>> {
        self.stage.closed()
    }

    /// Returns the number of answers that were cancelled before their last step, because the client
    /// disconnected.
    pub fn cancelled(&self) -> usize {
        self.stage.cancelled()
    }
}

impl LoopbackServerBuilder {
    /// Sets the address to listen on.
    #[must_use]
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Enables TLS with a certificate for `localhost` and the loopback addresses, and offers these
    /// versions of HTTP.
    ///
    /// # Errors
    ///
    /// Returns [`Configuration`](crate::ErrorKind::Configuration) if the certificate cannot be
    /// created.
    #[cfg(feature = "testing-tls")]
    pub fn tls(
        mut self,
        authority: &crate::testing::authority::Authority,
        http: crate::HttpVersions,
    ) -> Result<Self, crate::Error> {
        self.tls = Some(authority.server_config(http, false)?);
        Ok(self)
    }

    /// Enables TLS like [`tls`](Self::tls), and requires a client certificate that the authority
    /// has signed.
    ///
    /// # Errors
    ///
    /// Returns [`Configuration`](crate::ErrorKind::Configuration) if the certificate cannot be
    /// created.
    #[cfg(feature = "testing-tls")]
    pub fn mutual_tls(
        mut self,
        authority: &crate::testing::authority::Authority,
        http: crate::HttpVersions,
    ) -> Result<Self, crate::Error> {
        self.tls = Some(authority.server_config(http, true)?);
        Ok(self)
    }

    /// Starts the server.
    ///
    /// # Errors
    ///
    /// Returns an error if the address is in use, or no thread can be spawned.
    pub fn start(self) -> io::Result<LoopbackServer> {
        let listener = std::net::TcpListener::bind(self.address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let stage = Stage::new(self.script);
        let tls = Acceptor {
            #[cfg(feature = "testing-tls")]
            tls: self.tls.map(|config| Arc::new(config).into()),
        };
        let encrypted = tls.is_on();
        let (stop, thread) = {
            let stage = stage.clone();
            run(move || async move {
                if let Ok(listener) = TcpListener::from_std(listener) {
                    accept(listener, tls, stage).await;
                }
            })?
        };
        Ok(LoopbackServer {
            address,
            encrypted,
            stage,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for LoopbackServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in the thread has already been printed; it must not hide the test's own
            // result.
            drop(thread.join());
        }
    }
}

impl fmt::Debug for LoopbackServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopbackServer")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// Runs a server on a new thread with its own runtime until the sender is dropped; then every
/// connection is dropped as well.
pub(super) fn run<F>(
    server: impl FnOnce() -> F + Send + 'static,
) -> io::Result<(oneshot::Sender<()>, JoinHandle<()>)>
where
    F: Future<Output = ()> + Send + 'static,
{
    let (stop, stopped) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let thread = std::thread::Builder::new()
        .name("loopback-server".into())
        .spawn(move || {
            runtime.block_on(async {
                tokio::spawn(server());
                drop(stopped.await);
            });
        })?;
    Ok((stop, thread))
}

#[derive(Clone)]
struct Acceptor {
    #[cfg(feature = "testing-tls")]
    tls: Option<tokio_rustls::TlsAcceptor>,
}

impl Acceptor {
    fn is_on(&self) -> bool {
        #[cfg(feature = "testing-tls")]
        return self.tls.is_some();
        #[cfg(not(feature = "testing-tls"))]
        false
    }
}

async fn accept(listener: TcpListener, tls: Acceptor, stage: Stage) {
    let mut connection = 0;
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        tokio::spawn(serve(stream, tls.clone(), connection, stage.clone()));
        connection += 1;
    }
}

async fn serve(stream: TcpStream, tls: Acceptor, connection: usize, stage: Stage) {
    // The tests send small chunks on purpose, which must leave as they were split.
    drop(stream.set_nodelay(true));
    let (io, control) = ServerIo::new(stream);
    #[cfg(feature = "testing-tls")]
    if let Some(acceptor) = tls.tls {
        if let Ok(stream) = acceptor.accept(io).await {
            speak(TokioIo::new(stream), connection, stage, control).await;
        }
        return;
    }
    #[cfg(not(feature = "testing-tls"))]
    let _ = tls;
    speak(TokioIo::new(io), connection, stage, control).await;
}

async fn speak<S: Read + Write + Unpin + Send + 'static>(
    io: S,
    connection: usize,
    stage: Stage,
    control: Arc<Control>,
) {
    let service = hyper::service::service_fn(move |request| {
        answer(request, connection, stage.clone(), control.clone())
    });
    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    // Scripts may end a connection in any way, so its result is ignored.
    drop(server.serve_connection_with_upgrades(io, service).await);
}

// Recorded requests stay for as long as the server lives, and must not keep alive the buffers in
// which they arrived: 8 KiB for each request.
fn copied(headers: &HeaderMap) -> HeaderMap {
    let mut copy = HeaderMap::with_capacity(headers.keys_len());
    for (name, value) in headers {
        let copied = HeaderValue::from_bytes(value.as_bytes());
        copy.append(name, copied.unwrap_or_else(|_| value.clone()));
    }
    copy
}

async fn answer(
    mut request: Request<hyper::body::Incoming>,
    connection: usize,
    stage: Stage,
    control: Arc<Control>,
) -> Result<Response<Play>, WasCut> {
    let upgrade = hyper::upgrade::on(&mut request);
    let (head, body) = request.into_parts();
    let body = read(body).await;
    let mut answer = stage.take(RecordedRequest {
        method: head.method.clone(),
        uri: head
            .uri
            .to_string()
            .parse()
            .unwrap_or_else(|_| head.uri.clone()),
        version: head.version,
        headers: copied(&head.headers),
        body: Bytes::copy_from_slice(&body),
        connection,
        at: Instant::now(),
    });
    Play::before_head(&answer.before_head, Some(control.clone()), stage.clone()).await?;
    let mut response = Response::new(());
    *response.status_mut() = answer.status;
    *response.headers_mut() = core::mem::take(&mut answer.headers);
    if answer.status == http::StatusCode::SWITCHING_PROTOCOLS {
        #[cfg(feature = "ws")]
        {
            crate::testing::play_socket::agree(
                &Request::from_parts(head, ()),
                response.headers_mut(),
            );
            tokio::spawn(crate::testing::play_socket::play(
                upgrade,
                answer,
                control,
                stage.clone(),
                connection,
            ));
        }
        #[cfg(not(feature = "ws"))]
        drop(upgrade);
        return Ok(response.map(|()| Play::nothing(stage)));
    }
    Ok(response.map(|()| Play::new(&answer, Some(control), stage)))
}

// Returns as much as arrives: a request that the client abandons is recorded too.
async fn read(mut body: hyper::body::Incoming) -> Bytes {
    let mut all = BytesMut::new();
    while let Some(Ok(frame)) = core::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await
    {
        if let Ok(data) = frame.into_data() {
            all.extend_from_slice(&data);
        }
    }
    all.freeze()
}
