//! A storm: a thousand tasks against a server on which most of them fail. The shared
//! budget limits the retries of all tasks together to a tenth of the successes plus the burst.
//!
//! `CODEX_STORM_TASKS=N` starts N tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use codex_client::{Client, Error, ErrorKind};
use codex_transport::testing::{Answer, Cut, LoopbackServer, RecordedRequest, Script, Turn};
use codex_transport::{
    ConnectOptions, HttpVersions, HyperTransport, RetryBudget, RetryPolicy, Timeouts,
};
use codex_types::CreateResponse;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const BURST: usize = 50;
/// The requests in flight. HTTP/1.1 takes a connection, and so two file descriptors of this
/// process, for each of them; over HTTP/2, a reset ends all requests of its connection.
const AT_ONCE: [usize; 2] = [64, 256];

fn tasks() -> usize {
    std::env::var("CODEX_STORM_TASKS").map_or(1_000, |text| text.parse().expect("a number"))
}

/// Returns the failures in turn, so that each kind is as frequent as any other.
fn failure(number: usize) -> Answer {
    let error = |status| Answer::json(status, r#"{"error":{"message":"busy"}}"#);
    match number / 2 % 6 {
        0 => error(429).header("retry-after-ms", "2"),
        1 => error(500),
        2 => error(529),
        3 => error(503),
        4 => Answer::hang_up(Cut::Reset),
        _ => Answer::silence(),
    }
}

fn success() -> Answer {
    Answer::sse().events(Turn::new("resp_1").message("Hello.").events())
}

/// The results of all tasks, and the requests that the server received.
#[derive(Debug, Default)]
struct Sum {
    requests: usize,
    successes: usize,
    refused: usize,
    cut: usize,
    late: usize,
}

impl Sum {
    fn count(&mut self, result: Result<String, Error>) {
        match result {
            Ok(text) => {
                assert_eq!(text, "Hello.");
                self.successes += 1;
            }
            Err(error) => match error.kind() {
                ErrorKind::Timeout => self.late += 1,
                ErrorKind::Transport => self.cut += 1,
                ErrorKind::Status => self.refused += 1,
                _ => panic!("{error:?}"),
            },
        }
    }

    /// Every task got one result, and the server received no more retries than the burst and a
    /// tenth of the successes pay for.
    fn check(&self, tasks: usize) {
        let results = self.successes + self.refused + self.cut + self.late;
        assert_eq!(results, tasks, "{self:?}");
        assert!(
            self.requests <= tasks + BURST + self.successes / 10,
            "{self:?}"
        );
    }
}

/// Sends a request from each task. One response in `one_in` is a success; with 0, none.
async fn storm(http: HttpVersions, at_once: usize, one_in: usize) -> Sum {
    let received = Arc::new(AtomicUsize::new(0));
    let script = Script::new().rule({
        let received = received.clone();
        move |_: &RecordedRequest| {
            let number = received.fetch_add(1, Ordering::SeqCst);
            let succeeds = one_in > 0 && number.is_multiple_of(one_in);
            Some(if succeeds { success() } else { failure(number) })
        }
    });
    let server = LoopbackServer::start(script).expect("a loopback server");
    let client = client(&server, http);
    let permits = Arc::new(Semaphore::new(at_once));
    let mut running = JoinSet::new();
    for _ in 0..tasks() {
        let (client, permits) = (client.clone(), permits.clone());
        running.spawn(async move {
            let _permit = permits.acquire().await.expect("an open semaphore");
            let request = CreateResponse::new("some-model").input("Hello");
            client.create(&request).await.map(|it| it.output_text())
        });
    }
    let mut sum = Sum::default();
    while let Some(result) = running.join_next().await {
        sum.count(result.expect("a task"));
    }
    sum.requests = received.load(Ordering::SeqCst);
    eprintln!("{http:?}, one success in {one_in}: {sum:?}");
    sum
}

fn client(server: &LoopbackServer, http: HttpVersions) -> Client {
    let mut options = ConnectOptions::default();
    options.http = http;
    let transport = HyperTransport::builder()
        .connection(options)
        .timeouts(timeouts())
        .build()
        .expect("a transport");
    let mut policy = RetryPolicy::default().with_budget(RetryBudget::new(
        u32::try_from(BURST).expect("a small number"),
    ));
    policy.base = Duration::from_millis(1);
    Client::builder()
        .base_url(server.url("/v1"))
        .transport(transport)
        .timeouts(timeouts())
        .retry(policy)
        .resend_after_timeout(true)
        .build()
        .expect("a client")
}

fn timeouts() -> Timeouts {
    let mut timeouts = Timeouts::default();
    timeouts.headers = Some(Duration::from_millis(500));
    timeouts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_over_http1_costs_no_more_than_its_budget() {
    for one_in in [0, 2] {
        let sum = storm(HttpVersions::Http1, AT_ONCE[0], one_in).await;
        sum.check(tasks());
        assert!(
            [sum.refused, sum.cut, sum.late].iter().all(|it| *it > 0),
            "{sum:?}"
        );
        // The server received the first request of each task, and the burst was spent.
        assert!(sum.requests >= tasks() + BURST, "{sum:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_over_http2_costs_no_more_than_its_budget() {
    for one_in in [0, 2] {
        let sum = storm(HttpVersions::Http2, AT_ONCE[1], one_in).await;
        sum.check(tasks());
        assert!(sum.refused > 0 && sum.cut > 0, "{sum:?}");
    }
}
