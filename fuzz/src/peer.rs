//! A server on a Unix socket that sends given bytes, whatever the client sends.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use codex_transport::{ConnectOptions, HttpVersions, HyperTransport, Roots};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

/// The server and the runtime in which it and its client run, one after another.
pub struct Peer {
    runtime: Runtime,
    listener: UnixListener,
    path: PathBuf,
}

impl Peer {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("codex-fuzz-{name}-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = {
            let _inside = runtime.enter();
            // libFuzzer's `main` does not ignore the signal, as Rust's does; a handler stays.
            drop(signal(SignalKind::pipe()).expect("a handler"));
            UnixListener::bind(&path).expect("a socket in the temporary directory")
        };
        Self {
            runtime,
            listener,
            path,
        }
    }

    /// Creates a transport without connections that reaches this server only.
    pub fn transport(&self, http: HttpVersions) -> HyperTransport {
        let mut options = ConnectOptions::default();
        options.tls.roots = Roots::OnlyAdded;
        options.tls.read_environment = false;
        options.unix_socket = Some(self.path.clone());
        options.http = http;
        // Whether the end of a connection arrives before the next request is a race.
        options.pool_max_idle = 0;
        HyperTransport::builder()
            .connection(options)
            .build()
            .expect("the options are valid")
    }

    /// Runs the client against connections that each respond with `bytes`, `size` at a time. Panics
    /// if the client does not return, although the server ended every connection.
    pub fn run<T>(
        &self,
        first: impl Fn(&[u8]) -> Vec<u8>,
        bytes: &[u8],
        size: usize,
        client: impl Future<Output = T>,
    ) -> T {
        self.runtime.block_on(async {
            let serve = async {
                loop {
                    let (stream, _) = self.listener.accept().await.expect("a connection");
                    let _ = answer(stream, &first, bytes, size).await;
                }
            };
            let client = tokio::time::timeout(HANG, client);
            tokio::select! {
                () = serve => unreachable!("the server does not end"),
                done = client => done.expect("the client hangs"),
            }
        })
    }
}

async fn answer(
    mut stream: UnixStream,
    first: &impl Fn(&[u8]) -> Vec<u8>,
    bytes: &[u8],
    size: usize,
) -> std::io::Result<()> {
    let mut request = Vec::new();
    // A request ends with its headers or with the JSON in its body; HTTP/2 begins with a preface.
    while !request.ends_with(b"\r\n\r\n")
        && !request.ends_with(b"}")
        && !request.starts_with(b"PRI")
    {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    stream.write_all(&first(&request)).await?;
    for chunk in bytes.chunks(size.max(1)) {
        stream.write_all(chunk).await?;
        if size < bytes.len() {
            tokio::task::yield_now().await;
        }
    }
    stream.shutdown().await?;
    while stream.read(&mut [0; 1024]).await? > 0 {}
    Ok(())
}

/// No input needs more than milliseconds.
const HANG: Duration = Duration::from_secs(20);
