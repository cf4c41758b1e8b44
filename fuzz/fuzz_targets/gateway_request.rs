//! Any bytes instead of a request to the gateway: every connection ends; without the token, nothing
//! reaches the service; and what does reach it is one whole request with a JSON body, without the
//! token.

#![no_main]
#![allow(
    dead_code,
    unused_imports,
    reason = "the gateway's program uses the rest"
)]

// The modules of the gateway; see `build.rs`.
include!(concat!(env!("OUT_DIR"), "/gateway.rs"));

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arguments::{Arguments, ChatChoice, Limits, LogChoice, Service};
use codex_auth::Secret;
use codex_client::TransportChoice;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

thread_local! {
    static RUNNING: Running = Running::start();
}

// The first byte is the chunk size; `$T` is the token.
fuzz_target!(|input: &[u8]| {
    let Some((size, rest)) = input.split_first() else {
        return;
    };
    let mut bytes = Vec::new();
    let mut rest = rest;
    while let Some(at) = rest.windows(2).position(|two| two == b"$T") {
        bytes.extend_from_slice(&rest[..at]);
        bytes.extend_from_slice(TOKEN.as_bytes());
        rest = &rest[at + 2..];
    }
    bytes.extend_from_slice(rest);
    let has_token = contains(&bytes, TOKEN.as_bytes());
    RUNNING.with(|running| {
        let size = usize::from(*size).max(1);
        let response = running.runtime.block_on(async {
            let asked = ask(running.gateway, &bytes, size);
            let response = tokio::time::timeout(HANG, asked).await;
            response.expect("the gateway hangs")
        });
        let mut forwarded = running
            .forwarded
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for request in forwarded.drain(..) {
            assert!(has_token, "a request without the token reaches the service");
            assert!(
                !contains(&request, TOKEN.as_bytes()),
                "the token is passed on"
            );
            check(&request);
        }
        if !response.is_empty() {
            assert!(response.starts_with(b"HTTP/1."), "not a response");
        }
        assert!(!contains(&response, KEY.as_bytes()), "the key is shown");
    });
});

/// A gateway and its service, which run while a client runs.
struct Running {
    runtime: Runtime,
    gateway: SocketAddr,
    /// The requests that the service has received.
    forwarded: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Running {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let forwarded = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let gateway = runtime.block_on(async {
            // libFuzzer's `main` does not ignore the signal, as Rust's does; a handler stays.
            drop(signal(SignalKind::pipe()).expect("a handler"));
            let service = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let url = format!("http://{}/v1", service.local_addr().expect("an address"));
            tokio::spawn(serve(service, forwarded.clone()));
            let arguments = arguments(url);
            let policy = policy::Policy::new(&arguments);
            let services = services::Services::connect(&arguments, &policy).await;
            let guard = guard::Guard::new(&arguments).expect("a guard");
            let server = server::Server::bind(arguments.listen)
                .await
                .expect("a port");
            let address = server.url();
            let services = services.expect("a client");
            let workers = workers::Workers::start().expect("threads");
            tokio::spawn(async move {
                let never = async || core::future::pending().await;
                let run = server.run(services, guard, policy, &arguments, &workers, never);
                run.await;
            });
            let address = address.trim_start_matches("http://");
            address.parse().expect("an address")
        });
        Self {
            runtime,
            gateway,
            forwarded,
        }
    }
}

/// Sends the bytes, closes the write half, and reads until the gateway has closed the connection.
async fn ask(gateway: SocketAddr, bytes: &[u8], size: usize) -> Vec<u8> {
    let mut stream = TcpStream::connect(gateway).await.expect("a connection");
    let mut response = Vec::new();
    for chunk in bytes.chunks(size) {
        // The gateway may have rejected the beginning.
        if stream.write_all(chunk).await.is_err() {
            return response;
        }
        tokio::task::yield_now().await;
    }
    let _ = stream.shutdown().await;
    let _ = stream.read_to_end(&mut response).await;
    response
}

/// A service that answers every request with the same JSON and closes the connection.
async fn serve(listener: TcpListener, forwarded: Arc<Mutex<Vec<Vec<u8>>>>) {
    loop {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let forwarded = forwarded.clone();
        tokio::spawn(async move {
            let mut request = Vec::new();
            while !is_whole(&request) {
                if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                    return;
                }
            }
            forwarded
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(request);
            let _ = stream.write_all(ANSWER).await;
        });
    }
}

fn is_whole(request: &[u8]) -> bool {
    let Some((head, body)) = parts(request) else {
        return false;
    };
    body.len() >= length(&head).unwrap_or(0)
}

/// Checks that the service received exactly the request that the gateway sent.
fn check(request: &[u8]) {
    let (head, body) = parts(request).expect("a whole request");
    let lengths = head.matches("\r\ncontent-length:").count();
    assert!(lengths <= 1, "two lengths: {head}");
    assert!(!head.contains("\r\ntransfer-encoding:"), "{head}");
    assert_eq!(body.len(), length(&head).unwrap_or(0), "more than a body");
    assert_eq!(head.matches("\r\nhost:").count(), 1, "{head}");
    let is_json = head.starts_with("post /v1/responses ") || head.starts_with("post /v1/chat/");
    if is_json {
        serde_json::from_slice::<Value>(body).expect("the body is JSON");
    }
}

fn parts(request: &[u8]) -> Option<(String, &[u8])> {
    let end = request.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    Some((head, &request[end + 4..]))
}

fn length(head: &str) -> Option<usize> {
    let line = head
        .split("\r\n")
        .find_map(|line| line.strip_prefix("content-length:"))?;
    line.trim().parse().ok()
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

fn arguments(base_url: String) -> Arguments {
    Arguments {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        other_machines: false,
        hosts: Vec::new(),
        origins: Vec::new(),
        bearers: vec![Secret::from(TOKEN)],
        own_apps_only: false,
        services: vec![Service {
            models: String::new(),
            named: credentials::Named {
                base_url: Some(base_url),
                api_key: Some(Secret::from(KEY)),
                ..Default::default()
            },
            profile: None,
            api: None,
            transport: TransportChoice::Http,
            has_sockets: false,
            chat: ChatChoice::Translate,
        }],
        renamed: Vec::new(),
        idle_timeout: None,
        allowed_paths: Vec::new(),
        denied_paths: Vec::new(),
        remember: 2,
        lenient: true,
        strips_tools: true,
        reasoning: false,
        checks: false,
        log: LogChoice::Nothing,
        open_metrics: false,
        limits: Limits {
            requests: 64,
            connections: 1024,
            body: 64 * 1024,
            client_timeout: Duration::from_secs(5),
            keep_alive: Duration::from_secs(15),
            stop_within: Duration::ZERO,
        },
    }
}

const TOKEN: &str = "a-token-for-the-fuzzer";
const KEY: &str = "canary-key-of-the-service";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: 115\r\n\r\n{\"id\":\"resp_1\",\"object\":\"response\",\"status\":\"completed\",\"model\":\"m\",\"output\":[],\"echo\":\"canary-key-of-the-service\"}";
const HANG: Duration = Duration::from_secs(30);
