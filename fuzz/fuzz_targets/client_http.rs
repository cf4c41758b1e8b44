//! Any bytes in place of a response: the call ends, in the same way however the bytes are cut,
//! after a limited number of requests, and without a credential in the error.

#![no_main]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use codex_auth::ApiKey;
use codex_client::Client;
use codex_transport::RetryPolicy;
use codex_types::CreateResponse;
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

thread_local! {
    static RUNTIME: Runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
}

// The first byte is the size of the pieces and whether the call is streamed.
fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first() else {
        return;
    };
    let is_streamed = choice & 1 != 0;
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let whole = answered(bytes, bytes.len().max(1), is_streamed).await;
            let cut = answered(bytes, usize::from(choice >> 1) + 1, is_streamed).await;
            assert_eq!(whole, cut, "the cuts change the outcome");
        });
    });
});

/// Returns the text that arrived, and how the call ended.
async fn answered(bytes: &[u8], size: usize, is_streamed: bool) -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let requests = Arc::new(AtomicUsize::new(0));
    let server = tokio::spawn(serve(listener, bytes.to_vec(), size, requests.clone()));
    let called = tokio::time::timeout(HANG, call(address, is_streamed)).await;
    let outcome = called.expect("the call hangs");
    server.abort();
    // A status may lead to the other API, and a redirection to another path.
    let requests = requests.load(Ordering::Relaxed);
    assert!((1..=REQUESTS).contains(&requests), "{requests} requests");
    outcome
}

async fn call(address: SocketAddr, is_streamed: bool) -> (String, String) {
    let client = Client::builder()
        .base_url(format!("http://{address}/v1"))
        .auth(ApiKey::new(KEY).expect("a key"))
        .retry(RetryPolicy::none())
        .build()
        .expect("a client");
    let request = CreateResponse::new("m").input("Hi");
    let mut text = String::new();
    let outcome = if is_streamed {
        stream(&client, &request, &mut text).await
    } else {
        client.create(&request).await.map(|response| {
            text.push_str(&response.output_text());
        })
    };
    let ended = match outcome {
        Ok(()) => "completed".to_owned(),
        Err(error) => {
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains(KEY), "the key is shown");
            format!("{:?}", error.kind())
        }
    };
    (text, ended)
}

async fn stream(
    client: &Client,
    request: &CreateResponse,
    text: &mut String,
) -> Result<(), codex_client::Error> {
    let mut stream = client.stream(request).await?;
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => text.push_str(event.text_delta().unwrap_or_default()),
            Err(error) if error.is_fatal() => return Err(error),
            Err(_) => {}
        }
    }
    Ok(())
}

/// Answers each connection with the bytes, and closes it.
async fn serve(listener: TcpListener, bytes: Vec<u8>, size: usize, requests: Arc<AtomicUsize>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut request = Vec::new();
        while !is_whole(&request) {
            if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                break;
            }
        }
        requests.fetch_add(1, Ordering::Relaxed);
        for chunk in bytes.chunks(size) {
            if stream.write_all(chunk).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let _ = stream.shutdown().await;
    }
}

fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head
        .split("\r\n")
        .find_map(|line| line.strip_prefix("content-length:"));
    let length = length.and_then(|length| length.trim().parse().ok());
    request.len() - end - 4 >= length.unwrap_or(0)
}

const KEY: &str = "sk-invented-canary";
/// The maximum number of requests of one call: two APIs, each with five redirections.
const REQUESTS: usize = 12;
const HANG: Duration = Duration::from_secs(20);
