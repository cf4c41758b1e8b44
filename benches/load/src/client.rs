//! The clients: the same job with codex-client and with the peers.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use codex_transport::{
    ConnectOptions, HttpTransport as _, HttpVersions, HyperTransport, Timeouts, Upgrade,
    WsTransport as _,
};
use eventsource_stream::Eventsource as _;
use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::usage::{self, Report};

pub fn run(arguments: &[&str]) {
    let [kind, url, streams, sent] = arguments else {
        panic!("client KIND URL STREAMS EVENTS")
    };
    let url = url.to_string();
    let streams = streams.parse().expect("a number of streams");
    let sent = sent.parse().expect("a number of events");
    // The number of threads of every client: the processors of the machine.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let report = runtime.block_on(async {
        match *kind {
            "bare-socket" => all(streams, move || bare(url.clone(), sent)).await,
            "codex-frames" => {
                let transport = transport();
                all(streams, move || frames(transport.clone(), url.clone())).await
            }
            "codex-events" => {
                let transport = transport();
                all(streams, move || events(transport.clone(), url.clone())).await
            }
            "reqwest-eventsource-stream" => {
                let client = reqwest::Client::builder().build().expect("a client");
                all(streams, move || reqwest_frames(client.clone(), url.clone())).await
            }
            "async-openai" => {
                let client = openai(&url);
                all(streams, move || openai_events(client.clone())).await
            }
            "idle-codex" => {
                idle(async {
                    let mut body = transport()
                        .send(request(&url))
                        .await
                        .expect("a response")
                        .into_body();
                    body.chunk().await.expect("a chunk").expect("no error");
                    body
                })
                .await
            }
            "idle-async-openai" => {
                idle(async {
                    let mut stream = openai(&url)
                        .responses()
                        .create_stream(openai_request())
                        .await
                        .expect("a response");
                    stream.next().await.expect("an event").expect("no error");
                    stream
                })
                .await
            }
            "sockets-codex" => sockets(url, streams).await,
            _ => panic!("unknown client {kind}"),
        }
    });
    report.print();
}

async fn all<F>(streams: usize, one: impl Fn() -> F) -> Report
where
    F: Future<Output = Option<u64>> + Send + 'static,
{
    let base_kib = usage::resident_kib();
    let ((user, system), start) = (usage::processor_us(), Instant::now());
    let mut tasks = JoinSet::new();
    for _ in 0..streams {
        tasks.spawn(one());
    }
    let mut report = Report {
        streams: streams as u64,
        base_kib,
        ..Report::default()
    };
    while let Some(result) = tasks.join_next().await {
        if let Some(events) = result.expect("no panic") {
            report.complete += 1;
            report.events += events;
        }
    }
    let (user_after, system_after) = usage::processor_us();
    (report.user_us, report.system_us) = (user_after - user, system_after - system);
    report.seconds = start.elapsed().as_secs_f64();
    report.peak_kib = usage::peak_kib();
    report
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

fn request(url: &str) -> http::Request<Bytes> {
    http::Request::post(format!("{url}/v1/responses"))
        .header("authorization", format!("Bearer {KEY}"))
        .header("content-type", "application/json")
        .body(Bytes::from_static(BODY.as_bytes()))
        .expect("a request")
}

// The lower bound with this runtime: reads the socket until the server closes it, and parses
// nothing. Counting would add work, so its events are those that were sent.
async fn bare(url: String, sent: u64) -> Option<u64> {
    let mut stream = TcpStream::connect(url.strip_prefix("http://")?)
        .await
        .ok()?;
    let request = format!(
        "POST /v1/responses HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut buffer = vec![0; 4096];
    while stream.read(&mut buffer).await.ok()? > 0 {}
    Some(sent)
}

async fn frames(transport: HyperTransport, url: String) -> Option<u64> {
    let mut body = transport.send(request(&url)).await.ok()?.into_body();
    let mut decoder = codex_sse::Decoder::new();
    let (mut events, mut completed) = (0, false);
    while let Some(chunk) = body.chunk().await {
        let chunk = chunk.ok()?;
        let mut input = chunk.as_ref();
        while let Some(frame) = decoder.decode(&mut input).ok()? {
            events += 1;
            completed = frame.event_str().ok()? == Some("response.completed");
        }
    }
    completed.then_some(events)
}

async fn events(transport: HyperTransport, url: String) -> Option<u64> {
    let mut body = transport.send(request(&url)).await.ok()?.into_body();
    let mut decoder = codex_sse::EventDecoder::new();
    let mut events = 0;
    while let Some(chunk) = body.chunk().await {
        let chunk = chunk.ok()?;
        let mut input = chunk.as_ref();
        while decoder.decode(&mut input).ok()?.is_some() {
            events += 1;
        }
    }
    decoder.finish().ok()?;
    Some(events)
}

async fn reqwest_frames(client: reqwest::Client, url: String) -> Option<u64> {
    let response = client
        .post(format!("{url}/v1/responses"))
        .header("authorization", format!("Bearer {KEY}"))
        .header("content-type", "application/json")
        .body(BODY)
        .send()
        .await
        .ok()?;
    let mut stream = response.bytes_stream().eventsource();
    let (mut events, mut completed) = (0, false);
    while let Some(event) = stream.next().await {
        events += 1;
        completed = event.ok()?.event == "response.completed";
    }
    completed.then_some(events)
}

type OpenAi = async_openai::Client<async_openai::config::OpenAIConfig>;

fn openai(url: &str) -> Arc<OpenAi> {
    let config = async_openai::config::OpenAIConfig::new()
        .with_api_base(format!("{url}/v1"))
        .with_api_key(KEY);
    Arc::new(async_openai::Client::with_config(config))
}

fn openai_request() -> async_openai::types::responses::CreateResponse {
    async_openai::types::responses::CreateResponseArgs::default()
        .model("gpt-test")
        .input("hello")
        .build()
        .expect("a request")
}

async fn openai_events(client: Arc<OpenAi>) -> Option<u64> {
    use async_openai::types::responses::ResponseStreamEvent;
    let mut stream = client
        .responses()
        .create_stream(openai_request())
        .await
        .ok()?;
    let (mut events, mut completed) = (0, false);
    while let Some(event) = stream.next().await {
        events += 1;
        completed = matches!(event.ok()?, ResponseStreamEvent::ResponseCompleted(_));
    }
    completed.then_some(events)
}

// Opens a stream, reads one event, and then stops reading.
async fn idle<S>(open: impl Future<Output = S>) -> Report {
    let stream = open.await;
    let base_kib = usage::resident_kib();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let report = Report {
        streams: 1,
        complete: 1,
        base_kib,
        peak_kib: usage::resident_kib(),
        ..Report::default()
    };
    drop(stream);
    report
}

async fn sockets(url: String, count: usize) -> Report {
    let transport = transport();
    let base_kib = usage::resident_kib();
    let mut sockets = Vec::with_capacity(count);
    for _ in 0..count {
        let request = http::Request::get(&url).body(()).expect("a request");
        match transport.connect(request).await {
            Ok(Upgrade::Accepted(socket, _)) => sockets.push(socket),
            other => panic!("no socket: {other:?}"),
        }
    }
    let peak_kib = usage::resident_kib();
    Report {
        streams: count as u64,
        complete: sockets.len() as u64,
        base_kib,
        peak_kib,
        ..Report::default()
    }
}

const BODY: &str = r#"{"model":"gpt-test","input":"hello","stream":true}"#;

/// As long as a key of the platform.
const KEY: &str = "sk-invented-0123456789abcdefghijklmnopqrstuvwxyz-0123";
