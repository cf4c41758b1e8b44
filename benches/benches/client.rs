//! One streamed response over each path, from bytes to the whole response: how much the client adds
//! to the decoder and the accumulator below it.
//!
//! The transport is memory, so what is measured is the client's own work for each event.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark panics on an error"
)]

use core::convert::Infallible;
use core::hint::black_box;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use bytes::Bytes;
use codex_bench::chunks::Chunks;
use codex_bench::workload::Workload;
use codex_client::Client;
use codex_client::transport::{Body, Error, HttpTransport, Timer};
use codex_sse::{Accumulator, EventDecoder, Updates};
use codex_types::CreateResponse;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http_body::Frame;

/// Responds to every request with the same body.
#[derive(Clone)]
struct Memory(Bytes);

impl HttpTransport for Memory {
    async fn send(&self, _: http::Request<Bytes>) -> Result<http::Response<Body>, Error> {
        let chunks = Chunks::new(&self.0, CHUNK).map(|chunk| Ok(Frame::data(chunk)));
        Ok(http::Response::new(Body::wrap(Frames(chunks))))
    }
}

/// A body that is always ready.
struct Frames<I>(I);

impl<I: Iterator<Item = Result<Frame<Bytes>, Infallible>> + Unpin> http_body::Body for Frames<I> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: core::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = self.0.next();
        Poll::Ready(frame.map(|frame| frame.map_err(|never| match never {})))
    }
}

/// A timer whose sleeps never end, because nothing in this benchmark waits.
struct Never;

impl Timer for Never {
    fn now(&self) -> std::time::Instant {
        std::time::Instant::now()
    }

    fn sleep(&self, _: core::time::Duration) -> impl Future<Output = ()> + Send + 'static {
        core::future::pending()
    }
}

fn response(criterion: &mut Criterion) {
    let workload = Workload::deltas(2_000);
    let done = r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}"#;
    let body = [&workload.bytes[..], b"data: ", done.as_bytes(), b"\n\n"].concat();
    let body = Bytes::from(body);
    let request = CreateResponse::new("some-model").input("Why is the sky blue?");
    let client = Client::builder()
        .base_url("http://127.0.0.1:1/v1")
        .transport(Memory(body.clone()))
        .timer(Never)
        .build()
        .expect("a client");
    let whole = now(client.create(&request)).expect("a response");
    let text = whole.output_text();
    assert!(!text.is_empty());

    let mut group = criterion.benchmark_group("response/deltas");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("decoder and accumulator", |bencher| {
        bencher.iter(|| {
            let mut accumulator = Accumulator::new();
            decoded(&body, |event| accumulator.push(event).expect("an event"));
            accumulator.into_partial()
        });
    });
    group.bench_function("decoder and updates", |bencher| {
        bencher.iter(|| {
            let mut updates = Updates::new();
            decoded(&body, |event| {
                updates.feed(event).expect("an event");
                updates.skip();
            });
            updates.into_accumulator().into_partial()
        });
    });
    group.bench_function("client, create", |bencher| {
        bencher.iter(|| now(client.create(black_box(&request))));
    });
    group.bench_function("client, events", |bencher| {
        bencher.iter(|| {
            let mut stream = now(client.stream(&request)).expect("a stream");
            now(async {
                while let Some(event) = stream.next().await {
                    black_box(event).ok();
                }
            });
        });
    });
    group.bench_function("client, updates", |bencher| {
        bencher.iter(|| {
            let mut stream = now(client.stream(&request)).expect("a stream");
            now(async {
                while let Some(update) = stream.next_update().await {
                    black_box(update).ok();
                }
            });
        });
    });
    group.finish();
}

fn decoded(body: &Bytes, mut take: impl FnMut(&codex_types::ResponseEvent)) {
    let mut decoder = EventDecoder::new();
    for chunk in Chunks::new(body, CHUNK) {
        let mut rest: &[u8] = &chunk;
        while let Some(event) = decoder.decode(&mut rest).expect("an event") {
            take(&event);
        }
    }
}

/// Returns the output of a future that never waits.
fn now<F: IntoFuture>(future: F) -> F::Output {
    let mut future = pin!(future.into_future());
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the transport is memory and never waits"),
    }
}

const CHUNK: usize = 16 << 10;

criterion_group!(benches, response);
criterion_main!(benches);
