use core::fmt;
use core::net::{Ipv4Addr, SocketAddr};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body::Body as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::play::{Play, WasCut};
use super::script::Stage;
use super::server_io::{Control, ServerIo};
use super::{RecordedRequest, Script};

/// A real HTTP server on 127.0.0.1 that plays a [`Script`]: HTTP/1.1, and HTTP/2 for clients that start with its preface.
///
/// It runs on a thread of its own, so it can be started anywhere and a test's virtual clock does not touch it. Dropping it closes
/// everything.
pub struct LoopbackServer {
    address: SocketAddr,
    stage: Stage,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl LoopbackServer {
    /// Starts on a free port.
    ///
    /// # Errors
    ///
    /// When no port or no thread can be had.
    pub fn start(script: Script) -> io::Result<Self> {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), script)
    }

    /// Starts at this address.
    ///
    /// # Errors
    ///
    /// When the address is not free, or no thread can be had.
    pub fn start_at(address: SocketAddr, script: Script) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let stage = Stage::new(script);
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let played = stage.clone();
        let thread = std::thread::Builder::new()
            .name("loopback-server".into())
            .spawn(move || {
                runtime.block_on(async {
                    let Ok(listener) = TcpListener::from_std(listener) else {
                        return;
                    };
                    tokio::spawn(accept(listener, played));
                    // Ends when the server is dropped; dropping the runtime then drops every connection.
                    drop(stopped.await);
                });
            })?;
        Ok(Self {
            address,
            stage,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path, which starts with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All complete requests so far, in the order in which they were answered.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.stage.requests()
    }

    /// How many answers were given up before their last step, because the client went away.
    pub fn canceled(&self) -> usize {
        self.stage.canceled()
    }
}

impl Drop for LoopbackServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic over there has printed itself; it must not hide the test's own result.
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

async fn accept(listener: TcpListener, stage: Stage) {
    let mut connection = 0;
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        tokio::spawn(serve(stream, connection, stage.clone()));
        connection += 1;
    }
}

async fn serve(stream: TcpStream, connection: usize, stage: Stage) {
    // Small pieces are what is tested here; they must leave as they were cut.
    drop(stream.set_nodelay(true));
    let (io, control) = ServerIo::new(stream);
    let service = hyper::service::service_fn(move |request| {
        answer(request, connection, stage.clone(), control.clone())
    });
    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    // Every way a connection can end is wanted by some script.
    drop(server.serve_connection(TokioIo::new(io), service).await);
}

async fn answer(
    request: Request<hyper::body::Incoming>,
    connection: usize,
    stage: Stage,
    control: Arc<Control>,
) -> Result<Response<Play>, WasCut> {
    let (head, body) = request.into_parts();
    let answer = stage.take(RecordedRequest {
        method: head.method,
        uri: head.uri,
        version: head.version,
        headers: head.headers,
        body: read(body).await,
        connection,
        at: Instant::now(),
    });
    Play::before_head(&answer.before_head, Some(control.clone()), stage.clone()).await?;
    let mut response = Response::new(Play::new(&answer, Some(control), stage));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    Ok(response)
}

// As much as arrives: a client that goes away while it sends is a request too.
async fn read(mut body: hyper::body::Incoming) -> Bytes {
    let mut all = BytesMut::new();
    while let Some(Ok(frame)) =
        core::future::poll_fn(|cx| core::pin::Pin::new(&mut body).poll_frame(cx)).await
    {
        if let Ok(data) = frame.into_data() {
            all.extend_from_slice(&data);
        }
    }
    all.freeze()
}
