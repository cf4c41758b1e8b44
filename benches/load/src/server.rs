//! The server, over handwritten HTTP/1.1, because the benchmark measures the client.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use codex_transport::testing::{Answer, LoopbackServer, Script};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior};

pub fn run(arguments: &[&str]) {
    match arguments {
        ["paced", streams, events, burst] => serve(Plan::Paced {
            streams: streams.parse().expect("a number of streams"),
            events: events.parse().expect("a number of events"),
            burst: burst.parse().expect("a number of events"),
        }),
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
    // Sends nothing until all streams are connected; then one event per tick for each of them, this
    // many in one write.
    Paced {
        streams: usize,
        events: usize,
        burst: usize,
    },
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
        Plan::Paced {
            streams,
            events,
            burst,
        } => {
            let waiting = shared.all_here.notified();
            let place = shared.here.fetch_add(1, Ordering::SeqCst);
            if place + 1 == streams {
                shared.all_here.notify_waiters();
            } else {
                waiting.await;
            }
            // Streams of many users are not synchronous: their turns are spread evenly over the
            // period, in the order of their connections.
            let period = TICK * u32::try_from(burst).expect("a burst fits");
            let first = Instant::now() + period.mul_f64(place as f64 / streams as f64);
            let mut turn = tokio::time::interval_at(first, period);
            turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let deltas = delta.repeat(burst);
            let mut left = events - 1;
            while left >= burst {
                turn.tick().await;
                stream.write_all(&deltas).await?;
                left -= burst;
            }
            turn.tick().await;
            let rest = &deltas[..left * delta.len()];
            let last = [rest, &chunk(COMPLETED), b"0\r\n\r\n"].concat();
            stream.write_all(&last).await
        }
    }
}

// The headers, and as much of the body as they declare.
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

/// The average interval between two events of a stream.
const TICK: Duration = Duration::from_millis(100);

const DELTA: &str = r#"{"type":"response.output_text.delta","content_index":0,"delta":" stream","item_id":"msg_0123456789abcdef0123456789abcdef0123456789abcdef","logprobs":[],"obfuscation":"kX2vB9","output_index":0,"sequence_number":42}"#;

const COMPLETED: &str = r#"{"type":"response.completed","sequence_number":200,"response":{"id":"resp_0123456789abcdef","object":"response","created_at":1700000000,"status":"completed","background":false,"error":null,"incomplete_details":null,"instructions":null,"max_output_tokens":null,"model":"gpt-test","output":[],"parallel_tool_calls":true,"previous_response_id":null,"reasoning":{"effort":null,"summary":null},"service_tier":"default","store":false,"temperature":1.0,"text":{"format":{"type":"text"},"verbosity":"medium"},"tool_choice":"auto","tools":[],"top_logprobs":0,"top_p":1.0,"truncation":"disabled","usage":{"input_tokens":36,"input_tokens_details":{"cached_tokens":0},"output_tokens":200,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":236},"user":null,"metadata":{}}}"#;
