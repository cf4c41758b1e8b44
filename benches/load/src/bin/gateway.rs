//! The cost of the gateway: the latency that it adds, and the memory and processor time of
//! thousands of streams, compared with nginx.
//!
//! `cargo run --release --bin gateway -- PATH_OF_THE_GATEWAY [STREAMS]`, where the path is that of
//! the example `gateway`, built with `--release`. Service and clients run in this process, so that
//! both read one clock; the gateway is another process, and so is nginx (from `PATH`, without
//! buffering) if it is installed. Direct requests and requests through the proxies alternate, so
//! that other load on the machine affects all of them alike.

use std::io::BufRead as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use codex_transport::{ConnectOptions, HttpTransport as _, HttpVersions, HyperTransport, Timeouts};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (path, streams) = match arguments.as_slice() {
        [path] => (path, 2000),
        [path, streams] => (path, streams.parse().expect("a number of streams")),
        _ => {
            eprintln!("usage: gateway PATH_OF_THE_GATEWAY [STREAMS]");
            std::process::exit(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        latency(path).await;
        println!(
            "\n| proxy | streams at a time | events each | rounds | complete | memory per stream | processor time per event | seconds |"
        );
        println!("|---|---|---|---|---|---|---|---|---|");
        // Short streams end within seconds, in which other work of the machine decides, so several
        // rounds are compared.
        for (deltas, rounds) in [(20, 5), (198, 1)] {
            let mut rows = [const { Vec::new() }; 3];
            for _ in 0..rounds {
                for (kind, rows) in KINDS.into_iter().zip(&mut rows) {
                    rows.extend(many(kind, path, streams, deltas).await);
                }
            }
            for (kind, rows) in KINDS.into_iter().zip(&mut rows) {
                let events = deltas + 2;
                println!("| {} | {streams} | {events} | {} |", kind.name(), medians(rows));
            }
        }
    });
}

/// The path of a stream.
#[derive(Clone, Copy)]
enum Kind {
    Responses,
    Chat,
    Nginx,
}

async fn latency(path: &str) {
    let service = Service::start(None, DELTAS).await;
    let gateway = Proxy::gateway(path, &service.url);
    let nginx = Proxy::nginx(&service.url);
    let mut ways = vec![
        Way::new("direct", &service.url, "/v1/responses", RESPONSES),
        Way::new(
            "through the gateway, Responses",
            &gateway.url,
            "/v1/responses",
            RESPONSES,
        ),
        Way::new(
            "through the gateway, Chat Completions translated",
            &gateway.url,
            "/v1/chat/completions",
            CHAT,
        ),
    ];
    if let Some(nginx) = &nginx {
        let way = Way::new("through nginx", &nginx.url, "/v1/responses", RESPONSES);
        ways.push(way);
    }
    let transport = transport();
    let mut samples: Vec<Samples> = ways.iter().map(|_| Samples::default()).collect();
    // The first requests open connections.
    for round in 0..WARM_UP + ROUNDS {
        let mut asked = Vec::new();
        for way in &ways {
            asked.push(tokio::spawn(way.ask(transport.clone(), service.start)));
            tokio::time::sleep(PAUSE).await;
        }
        for (samples, asked) in samples.iter_mut().zip(asked) {
            let (first, deltas) = asked.await.expect("no panic");
            if round >= WARM_UP {
                samples.first.push(first);
                samples.deltas.extend(deltas);
            }
        }
    }
    println!("| path | requests | first event, p50 | p99 | deltas | delta, p50 | p99 |");
    println!("|---|---|---|---|---|---|---|");
    for (way, samples) in ways.iter().zip(&mut samples) {
        samples.first.sort_unstable();
        samples.deltas.sort_unstable();
        println!(
            "| {} | {} | {} | {} | {} | {} | {} |",
            way.name,
            samples.first.len(),
            shown(quantile(&samples.first, 0.5)),
            shown(quantile(&samples.first, 0.99)),
            samples.deltas.len(),
            shown(quantile(&samples.deltas, 0.5)),
            shown(quantile(&samples.deltas, 0.99)),
        );
    }
    let [straight, through @ ..] = samples.as_slice() else {
        return;
    };
    println!("\n| added | first event, p50 | p99 | delta, p50 | p99 |");
    println!("|---|---|---|---|---|");
    for (way, samples) in ways[1..].iter().zip(through) {
        let added = |of: fn(&Samples) -> &Vec<Duration>, at: f64| {
            quantile(of(samples), at).as_secs_f64() - quantile(of(straight), at).as_secs_f64()
        };
        println!(
            "| {} | {:.3} ms | {:.3} ms | {:.3} ms | {:.3} ms |",
            way.name,
            added(|samples| &samples.first, 0.5) * 1e3,
            added(|samples| &samples.first, 0.99) * 1e3,
            added(|samples| &samples.deltas, 0.5) * 1e3,
            added(|samples| &samples.deltas, 0.99) * 1e3,
        );
    }
}

/// A load of streams that all run at the same time.
const KINDS: [Kind; 3] = [Kind::Responses, Kind::Chat, Kind::Nginx];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Responses => "gateway, Responses",
            Self::Chat => "gateway, Chat Completions translated",
            Self::Nginx => "nginx",
        }
    }
}

/// One round of many streams through a proxy.
struct Round {
    complete: usize,
    /// Memory of a stream.
    kib: f64,
    /// Processor time of an event.
    us: f64,
    seconds: f64,
}

/// Returns the cells of a table: the fewest complete streams, and the medians of the rest.
fn medians(rounds: &[Round]) -> String {
    let Some(complete) = rounds.iter().map(|round| round.complete).min() else {
        return "not installed | | | | ".to_owned();
    };
    let median = |of: fn(&Round) -> f64| {
        let mut all: Vec<f64> = rounds.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let least = rounds
        .iter()
        .map(|round| round.us)
        .fold(f64::INFINITY, f64::min);
    let most = rounds.iter().map(|round| round.us).fold(0.0, f64::max);
    format!(
        "{} | {complete} | {:.1} KiB | {:.1} µs ({least:.1} to {most:.1}) | {:.1}",
        rounds.len(),
        median(|round| round.kib),
        median(|round| round.us),
        median(|round| round.seconds),
    )
}

/// Runs one round. Returns `None` if the proxy is not installed.
async fn many(kind: Kind, path: &str, streams: usize, deltas: usize) -> Option<Round> {
    let service = Service::start(Some(streams), deltas).await;
    let proxy = match kind {
        Kind::Nginx => Proxy::nginx(&service.url)?,
        _ => Proxy::gateway(path, &service.url),
    };
    let (base, start) = (proxy.kib("VmRSS:"), Instant::now());
    let processor = proxy.processor_us();
    let transport = transport();
    let way = match kind {
        Kind::Chat => Way::new("", &proxy.url, "/v1/chat/completions", CHAT),
        _ => Way::new("", &proxy.url, "/v1/responses", RESPONSES),
    };
    let mut running = JoinSet::new();
    for _ in 0..streams {
        running.spawn(way.finish(transport.clone()));
    }
    let mut complete = 0;
    while let Some(finished) = running.join_next().await {
        complete += usize::from(finished.expect("no panic"));
    }
    let peak = proxy.kib("VmHWM:");
    let events = (deltas + 2) * streams;
    Some(Round {
        complete,
        kib: peak.saturating_sub(base) as f64 / streams as f64,
        us: (proxy.processor_us() - processor) / events as f64,
        seconds: start.elapsed().as_secs_f64(),
    })
}

#[derive(Default)]
struct Samples {
    first: Vec<Duration>,
    deltas: Vec<Duration>,
}

fn quantile(sorted: &[Duration], at: f64) -> Duration {
    sorted[((sorted.len() - 1) as f64 * at).round() as usize]
}

fn shown(duration: Duration) -> String {
    format!("{:.3} ms", duration.as_secs_f64() * 1e3)
}

struct Way {
    name: &'static str,
    url: String,
    body: &'static str,
}

impl Way {
    fn new(name: &'static str, base: &str, path: &str, body: &'static str) -> Self {
        Self {
            name,
            url: format!("{base}{path}"),
            body,
        }
    }

    fn request(&self) -> http::Request<Bytes> {
        http::Request::post(&self.url)
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", "application/json")
            .body(Bytes::from_static(self.body.as_bytes()))
            .expect("a request")
    }

    /// The time to the first event, and the age of each delta when it arrived.
    fn ask(
        &self,
        transport: HyperTransport,
        start: Instant,
    ) -> impl Future<Output = (Duration, Vec<Duration>)> + Send + use<> {
        let request = self.request();
        async move {
            let asked = Instant::now();
            let answer = transport.send(request).await.expect("an answer");
            assert!(answer.status().is_success(), "{}", answer.status());
            let (mut body, mut first, mut deltas) = (answer.into_body(), None, Vec::new());
            let mut text = String::new();
            while let Some(chunk) = body.chunk().await {
                let chunk = chunk.expect("no error");
                let now = start.elapsed();
                first.get_or_insert_with(|| asked.elapsed());
                text.push_str(core::str::from_utf8(&chunk).expect("UTF-8"));
                while let Some((before, after)) = text.split_once(';') {
                    let stamp = before.rsplit_once("stamp:").map(|(_, stamp)| stamp);
                    if let Some(sent) = stamp.and_then(|stamp| stamp.parse().ok()) {
                        deltas.push(now.saturating_sub(Duration::from_nanos(sent)));
                    }
                    text = after.to_owned();
                }
            }
            assert_eq!(deltas.len(), DELTAS, "every delta once");
            (first.expect("an event"), deltas)
        }
    }

    /// Returns whether the last event arrived.
    fn finish(&self, transport: HyperTransport) -> impl Future<Output = bool> + Send + use<> {
        let request = self.request();
        async move {
            let Ok(response) = transport.send(request).await else {
                return false;
            };
            let (mut body, mut last) = (response.into_body(), Vec::new());
            while let Some(chunk) = body.chunk().await {
                let Ok(chunk) = chunk else {
                    return false;
                };
                last.extend_from_slice(&chunk);
                let excess = last.len().saturating_sub(COMPLETED.len() + 64);
                last.drain(..excess);
            }
            let last = String::from_utf8_lossy(&last);
            last.contains("event: response.completed") || last.contains("[DONE]")
        }
    }
}

struct Service {
    url: String,
    start: Instant,
}

impl Service {
    /// With a number of streams, the service sends nothing until all of them are connected.
    async fn start(streams: Option<usize>, deltas: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let start = Instant::now();
        let crowd = streams.map(|streams| Arc::new((streams, AtomicUsize::new(0), Notify::new())));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                tokio::spawn(serve(stream, start, crowd.clone(), deltas));
            }
        });
        Self { url, start }
    }
}

type Crowd = Arc<(usize, AtomicUsize, Notify)>;

/// A service over handwritten HTTP/1.1, whose own cost is negligible.
async fn serve(
    mut stream: TcpStream,
    start: Instant,
    crowd: Option<Crowd>,
    deltas: usize,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        while !is_whole(&request) {
            let count = stream.read(&mut buffer).await?;
            if count == 0 {
                return Ok(());
            }
            request.extend_from_slice(&buffer[..count]);
        }
        request.clear();
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head).await?;
        let mut tick = Duration::from_millis(10);
        if let Some(crowd) = &crowd {
            let (streams, here, all_here) = &**crowd;
            let waiting = all_here.notified();
            // The gateway forwards the headers with the first event, so that event must be sent
            // before all streams are connected.
            stream
                .write_all(&chunk("response.created", CREATED))
                .await?;
            if here.fetch_add(1, Ordering::SeqCst) + 1 == *streams {
                all_here.notify_waiters();
            } else {
                waiting.await;
            }
            tick = Duration::from_millis(200);
        } else {
            stream
                .write_all(&chunk("response.created", CREATED))
                .await?;
        }
        for number in 0..deltas {
            tokio::time::sleep(tick).await;
            let stamp = start.elapsed().as_nanos();
            let delta = format!(
                r#"{{"type":"response.output_text.delta","content_index":0,"delta":"stamp:{stamp};","item_id":"msg_0123456789abcdef0123456789abcdef","logprobs":[],"obfuscation":"kX2vB9","output_index":0,"sequence_number":{}}}"#,
                number + 1
            );
            stream
                .write_all(&chunk("response.output_text.delta", &delta))
                .await?;
        }
        let mut end = chunk("response.completed", COMPLETED);
        end.extend_from_slice(b"0\r\n\r\n");
        stream.write_all(&end).await?;
    }
}

fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    request.len() >= end + 4 + length.unwrap_or(0)
}

fn chunk(kind: &str, json: &str) -> Vec<u8> {
    let event = format!("event: {kind}\ndata: {json}\n\n");
    format!("{:x}\r\n{event}\r\n", event.len()).into_bytes()
}

/// A proxy between the clients and the service.
struct Proxy {
    child: Child,
    url: String,
}

impl Proxy {
    fn gateway(path: &str, service: &str) -> Self {
        let base_url = format!("{service}/v1");
        let mut child = Command::new(path)
            .args(["--listen", "127.0.0.1:0", "--bearer", TOKEN])
            .args(["--requests", "20000", "--connections", "20000"])
            .args(["--base-url", &base_url, "--api-key", KEY])
            .args(["--chat", "translate", "--no-check", "--quiet"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the gateway runs");
        let mut line = String::new();
        let output = child.stdout.take().expect("its output");
        std::io::BufReader::new(output)
            .read_line(&mut line)
            .expect("its first line");
        let url = line.split_whitespace().last().expect("a URL").to_owned();
        Self { child, url }
    }

    /// `None` if it is not installed.
    fn nginx(service: &str) -> Option<Self> {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let folder = std::env::temp_dir().join(format!("codex-load-nginx-{}", address.port()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let folder = folder.display();
        let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|name| format!("{name}_temp_path {folder}/{name}; "))
            .collect();
        let configuration = format!(
            "daemon off; worker_processes 2; pid {folder}/pid; worker_rlimit_nofile 65536; error_log stderr crit;\n\
             events {{ worker_connections 16384; }}\n\
             http {{ access_log off; {paths}\n\
             server {{ listen {address} backlog=8192;\n\
             location / {{ proxy_pass {service}; proxy_buffering off; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_read_timeout 600s; }} }} }}\n"
        );
        let file = format!("{folder}/nginx.conf");
        std::fs::write(&file, configuration).expect("a file");
        let mut command = Command::new("nginx");
        let child = command
            .args(["-p", &folder.to_string(), "-c", &file])
            .spawn();
        let child = child.ok()?;
        while std::net::TcpStream::connect(address).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Self {
            child,
            url: format!("http://{address}"),
        })
    }

    /// The process and its children.
    fn processes(&self) -> Vec<String> {
        let parent = self.child.id().to_string();
        let children = format!("/proc/{parent}/task/{parent}/children");
        let children = std::fs::read_to_string(children).unwrap_or_default();
        let children = children.split_whitespace().map(str::to_owned);
        core::iter::once(parent).chain(children).collect()
    }

    fn kib(&self, name: &str) -> u64 {
        let read = |process: &String| {
            let status = std::fs::read_to_string(format!("/proc/{process}/status"));
            let status = status.expect("a process");
            let line = status.lines().find(|line| line.starts_with(name));
            let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
            number.expect("a number of KiB")
        };
        self.processes().iter().map(read).sum()
    }

    /// User and system time. A tick is 10 ms on all current Linux systems.
    fn processor_us(&self) -> f64 {
        let read = |process: &String| {
            let stat = std::fs::read_to_string(format!("/proc/{process}/stat"));
            let stat = stat.expect("a process");
            let (_, fields) = stat.rsplit_once(')').expect("a name");
            let fields: Vec<&str> = fields.split_whitespace().collect();
            let ticks = |field: usize| fields[field].parse::<u64>().expect("ticks");
            ticks(11) + ticks(12)
        };
        self.processes().iter().map(read).sum::<u64>() as f64 * 10_000.0
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // nginx stops its workers when it is asked to stop; if it were killed, they would keep
        // running.
        let id = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

fn transport() -> HyperTransport {
    let mut connection = ConnectOptions::default();
    connection.http = HttpVersions::Http1;
    let mut timeouts = Timeouts::default();
    timeouts.connect = Some(Duration::from_secs(120));
    timeouts.headers = Some(Duration::from_secs(300));
    HyperTransport::builder()
        .connection(connection)
        .timeouts(timeouts)
        .build()
        .expect("a transport")
}

const TOKEN: &str = "a-token-for-the-benchmark";
const WARM_UP: usize = 5;
const ROUNDS: usize = 200;
/// The pause between two requests: with responses of a quarter of a second, a few streams run at a
/// time.
const PAUSE: Duration = Duration::from_millis(25);
const DELTAS: usize = 20;

const RESPONSES: &str = r#"{"model":"gpt-test","input":"hello","stream":true}"#;
const CHAT: &str =
    r#"{"model":"gpt-test","messages":[{"role":"user","content":"hello"}],"stream":true}"#;
const CREATED: &str = r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_0123456789abcdef","object":"response","created_at":1700000000,"status":"in_progress","model":"gpt-test","output":[]}}"#;
/// As long as a key of the platform.
const KEY: &str = "sk-invented-0123456789abcdefghijklmnopqrstuvwxyz-0123";
const COMPLETED: &str = r#"{"type":"response.completed","sequence_number":21,"response":{"id":"resp_0123456789abcdef","object":"response","created_at":1700000000,"status":"completed","model":"gpt-test","output":[],"usage":{"input_tokens":36,"input_tokens_details":{"cached_tokens":0},"output_tokens":20,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":56}}}"#;
