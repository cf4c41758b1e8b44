//! The server: HTTP/1.1 by hand, because what is measured is the client.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use codex_transport::testing::{Answer, LoopbackServer, Script};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

pub fn run(arguments: &[&str]) {
    match arguments {
        ["paced", streams, events] => {
            let plan = Plan::Paced {
                streams: streams.parse().expect("a number of streams"),
                events: events.parse().expect("a number of events"),
            };
            serve(plan);
        }
        ["endless"] => serve(Plan::Endless),
        ["sockets"] => {
            let server = LoopbackServer::start(Script::new().answer(Answer::websocket().forever()))
                .expect("a free port");
            println!("{}", server.ws_url("/v1/responses"));
            std::thread::sleep(Duration::from_secs(3600));
        }
        _ => panic!("unknown server {arguments:?}"),
    }
}

#[derive(Clone, Copy)]
enum Plan {
    // Nothing is sent before all streams are there; then an event for each, every tick.
    Paced { streams: usize, events: usize },
    Endless,
}

struct Shared {
    plan: Plan,
    here: AtomicUsize,
    all_here: Notify,
}

#[tokio::main(flavor = "current_thread")]
async fn serve(plan: Plan) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    println!("http://{}", listener.local_addr().expect("an address"));
    let shared = Arc::new(Shared {
        plan,
        here: AtomicUsize::new(0),
        all_here: Notify::new(),
    });
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        tokio::spawn(answer(stream, shared.clone()));
    }
}

async fn answer(mut stream: TcpStream, shared: Arc<Shared>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = Vec::new();
    let mut buffer = [0; 2048];
    while !complete(&request) {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        request.extend_from_slice(&buffer[..count]);
    }
    drop(request);
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        .await?;
    let delta = chunk(DELTA);
    match shared.plan {
        Plan::Endless => {
            let many = delta.repeat(64);
            loop {
                stream.write_all(&many).await?;
            }
        }
        Plan::Paced { streams, events } => {
            let waiting = shared.all_here.notified();
            if shared.here.fetch_add(1, Ordering::SeqCst) + 1 == streams {
                shared.all_here.notify_waiters();
            } else {
                waiting.await;
            }
            let mut tick = tokio::time::interval(TICK);
            tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            for _ in 1..events {
                tick.tick().await;
                stream.write_all(&delta).await?;
            }
            stream.write_all(&chunk(COMPLETED)).await?;
            stream.write_all(b"0\r\n\r\n").await
        }
    }
}

// Head and as much body as the head says.
fn complete(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| {
        line.strip_prefix("content-length:")?
            .trim()
            .parse::<usize>()
            .ok()
    });
    request.len() >= end + 4 + length.unwrap_or(0)
}

fn chunk(json: &str) -> Bytes {
    let kind = json.split('"').nth(3).unwrap_or_default();
    let event = format!("event: {kind}\ndata: {json}\n\n");
    format!("{:x}\r\n{event}\r\n", event.len()).into()
}

const TICK: Duration = Duration::from_millis(100);

const DELTA: &str = r#"{"type":"response.output_text.delta","content_index":0,"delta":" stream","item_id":"msg_0123456789abcdef0123456789abcdef0123456789abcdef","logprobs":[],"obfuscation":"kX2vB9","output_index":0,"sequence_number":42}"#;

const COMPLETED: &str = r#"{"type":"response.completed","sequence_number":200,"response":{"id":"resp_0123456789abcdef","object":"response","created_at":1700000000,"status":"completed","background":false,"error":null,"incomplete_details":null,"instructions":null,"max_output_tokens":null,"model":"gpt-test","output":[],"parallel_tool_calls":true,"previous_response_id":null,"reasoning":{"effort":null,"summary":null},"service_tier":"default","store":false,"temperature":1.0,"text":{"format":{"type":"text"},"verbosity":"medium"},"tool_choice":"auto","tools":[],"top_logprobs":0,"top_p":1.0,"truncation":"disabled","usage":{"input_tokens":36,"input_tokens_details":{"cached_tokens":0},"output_tokens":200,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":236},"user":null,"metadata":{}}}"#;
