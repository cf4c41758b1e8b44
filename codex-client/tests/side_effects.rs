//! Tools with side effects, against a model that is simulated in memory and fails at every point:
//! before, while and after a tool runs, in the follow-up, and between saving and restoring. Each
//! side effect happens at most once, and every report to the model about a call is true. Everything
//! derives from a seed: `CODEX_SEEDS=10000` runs this many, `CODEX_SEED=n` runs one of them.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use codex_client::{Approval, Client, Session, ToolCall, Tools};
use codex_transport::{Body, Error, ErrorKind, HttpTransport, Phase, RetryPolicy};
use codex_types::{CreateResponse, FunctionTool, InputItem, OpenCalls, RawJson};
use http::{Request, Response};
use serde_json::{Value, json};

/// SplitMix64: small, and the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn one_in(&mut self, number: u64) -> bool {
        self.below(number) == 0
    }
}

/// The part of a request that reports to the model.
#[derive(serde::Deserialize)]
struct Sent {
    input: Vec<InputItem>,
}

/// The actual outcome of a call.
#[derive(Clone, Default)]
struct Truth {
    effects: u32,
    /// The text that the tool returned.
    returned: Option<String>,
    /// The program ended before it had saved the result.
    may_be_forgotten: bool,
}

#[derive(Default)]
struct Tally {
    told: BTreeMap<&'static str, u64>,
    faults: u64,
    requests: u64,
}

struct World {
    random: Random,
    calls: BTreeMap<u64, Truth>,
    tally: Tally,
}

#[derive(Clone)]
struct Shared(Arc<Mutex<World>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, World> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl World {
    /// Checks everything that a request reports to the model about calls.
    fn check(&mut self, body: &[u8]) {
        let Sent { input: items } = serde_json::from_slice(body).expect("a request");
        let open: OpenCalls = items.iter().collect();
        assert!(open.is_empty(), "a call without an output: {open:?}");
        let mut waiting: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for item in &items {
            match item {
                InputItem::FunctionCall(call) => {
                    let arguments: Value = serde_json::from_str(&call.arguments).expect("JSON");
                    let number = arguments["n"].as_u64().expect("a number");
                    waiting
                        .entry(call.call_id.clone())
                        .or_default()
                        .push(number);
                }
                InputItem::FunctionCallOutput(output) => {
                    let id = output.call_id.clone().unwrap_or_default();
                    let numbers = waiting.get_mut(&id).filter(|numbers| !numbers.is_empty());
                    let number = numbers.map(|numbers| numbers.remove(0));
                    let number = number.unwrap_or_else(|| panic!("an output without a call"));
                    let output = serde_json::to_value(&output.output).expect("JSON");
                    self.tell(number, output.as_str().expect("text"));
                }
                _ => {}
            }
        }
    }

    fn tell(&mut self, number: u64, text: &str) {
        let truth = self.calls.entry(number).or_default().clone();
        let kind = if Some(text) == truth.returned.as_deref() {
            "the result"
        } else if text.contains("unknown") {
            let is_known = truth.returned.is_some() && !truth.may_be_forgotten;
            assert!(
                !is_known,
                "call {number} returned, and the model is told {text:?}"
            );
            "unknown"
        } else if text.contains("not run") || text.contains("denied") {
            assert_eq!(
                truth.effects, 0,
                "call {number} ran, and the model is told {text:?}"
            );
            "not run"
        } else {
            panic!(
                "call {number}: {text:?} is not what happened: {:?}",
                truth.returned
            )
        };
        *self.tally.told.entry(kind).or_default() += 1;
    }

    fn answer(&mut self) -> Vec<u8> {
        let mut output = Vec::new();
        for at in 0..self.random.below(4) {
            let number = self.calls.len() as u64;
            self.calls.insert(number, Truth::default());
            // Some servers use the same ids in every response.
            let id = match self.random.one_in(2) {
                true => format!("call_{at}"),
                false => format!("call_{number}_x"),
            };
            let arguments = json!({"n": number}).to_string();
            output.push(json!({"type": "function_call", "id": format!("fc_{number}"), "call_id": id, "name": "pay", "arguments": arguments, "status": "completed"}));
        }
        if output.is_empty() {
            output.push(json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "Done.", "annotations": []}]}));
        }
        let response = json!({"id": format!("resp_{}", self.tally.requests), "status": "completed", "output": output});
        let created = json!({"type": "response.created", "response": {"id": "resp", "status": "in_progress", "output": []}});
        let done = json!({"type": "response.completed", "response": response});
        format!("data: {created}\n\ndata: {done}\n\n").into_bytes()
    }
}

/// The model and the network to it.
struct Model(Shared);

impl HttpTransport for Model {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, Error> {
        let (pause, fault) = {
            let mut world = self.0.lock();
            world.tally.requests += 1;
            world.check(request.body());
            let fault = world.random.below(12);
            world.tally.faults += u64::from(fault < 5);
            (world.random.below(40), fault)
        };
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let lost = || {
            Error::new(
                ErrorKind::ConnectionLost,
                Phase::Headers,
                codex_transport::Sent::Maybe,
            )
        };
        let mut response = Response::new(Body::empty());
        let frames = self.0.lock().answer();
        *response.body_mut() = match fault {
            0 => return Err(lost()),
            1 => {
                *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
                Body::from(r#"{"error":{"message":"busy"}}"#)
            }
            2 => {
                *response.status_mut() = http::StatusCode::BAD_REQUEST;
                Body::from(r#"{"error":{"code":"context_length_exceeded","message":"long"}}"#)
            }
            3 => Body::from(frames[..frames.len() / 3].to_vec()),
            4 => Body::from(
                "data: {\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"code\":\"server_is_overloaded\",\"message\":\"busy\"}}}\n\n",
            ),
            _ => Body::from(frames),
        };
        Ok(response)
    }
}

#[derive(serde::Deserialize)]
struct Payment {
    n: u64,
}

fn tools(world: &Shared) -> Tools {
    let schema = r#"{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}"#;
    let definition = FunctionTool::new("pay", RawJson::parse(schema).expect("a schema"), true);
    let (paying, asked) = (world.clone(), world.clone());
    let tools = Tools::new().function(definition, move |payment: Payment| {
        let world = paying.clone();
        async move {
            let (before, after, fate) = {
                let random = &mut world.lock().random;
                (random.below(30), random.below(30), random.below(10))
            };
            tokio::time::sleep(Duration::from_millis(before)).await;
            assert!(fate != 0, "before its effect");
            {
                let mut world = world.lock();
                let truth = world.calls.entry(payment.n).or_default();
                truth.effects += 1;
                assert_eq!(truth.effects, 1, "call {} ran twice", payment.n);
            }
            tokio::time::sleep(Duration::from_millis(after)).await;
            assert!(fate != 1, "after its effect");
            let text = format!("paid {}", payment.n);
            let mut world = world.lock();
            world.calls.entry(payment.n).or_default().returned = Some(text.clone());
            match fate {
                2 => Err(text),
                _ => Ok(text),
            }
        }
    });
    tools.approve(move |_: ToolCall| {
        let is_denied = asked.lock().random.one_in(12);
        async move {
            match is_denied {
                true => Approval::Deny("not now".to_owned()),
                false => Approval::Allow,
            }
        }
    })
}

async fn run(seed: u64) -> Tally {
    let world = Shared(Arc::new(Mutex::new(World {
        random: Random(seed),
        calls: BTreeMap::new(),
        tally: Tally::default(),
    })));
    let mut retry = RetryPolicy::default();
    retry.base = Duration::from_millis(5);
    retry.max_retries = 1;
    let client = Client::builder()
        .base_url("https://model.test/v1")
        .transport(Model(world.clone()))
        .retry(retry)
        .build()
        .expect("a client");
    let mut tools = tools(&world).max_rounds(4);
    if world.lock().random.one_in(3) {
        tools = tools.alone("pay");
    }
    let mut session = client.session(CreateResponse::new("some-model"));
    let mut saved = session.to_json().expect("JSON");
    for _ in 0..8 {
        let (patience, next) = {
            let random = &mut world.lock().random;
            (random.below(400), random.below(8))
        };
        let input = match next {
            0 => Vec::new(),
            _ => vec![InputItem::from("Go on.")],
        };
        let running = session.run(&tools, input);
        // Cancelled, failed or done: the conversation continues.
        let _ = tokio::time::timeout(Duration::from_millis(patience), running).await;
        match next {
            1 => saved = session.to_json().expect("JSON"),
            2 => {
                let now = session.to_json().expect("JSON");
                session = Session::from_json(&client, &now).expect("a session");
            }
            3 => {
                // The program ended, and what it saved last is older.
                session = Session::from_json(&client, &saved).expect("a session");
                let mut world = world.lock();
                world
                    .calls
                    .values_mut()
                    .for_each(|truth| truth.may_be_forgotten = true);
            }
            4 => session = session.fork(),
            5 => {
                let _ = session.ask("Well?").await;
            }
            6 => {
                let _ = session.compact_by_trigger().await;
            }
            _ => {}
        }
    }
    let mut world = world.lock();
    core::mem::take(&mut world.tally)
}

fn seeds(usual: u64) -> core::ops::Range<u64> {
    let number = |name| std::env::var(name).ok().and_then(|it| it.parse().ok());
    match number("CODEX_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("CODEX_SEEDS").unwrap_or(usual),
    }
}

/// Runs one seed on a clock that never waits.
fn simulate(seed: u64) -> Tally {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let result = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| {
        runtime.block_on(run(seed))
    }));
    result.unwrap_or_else(|_| panic!("seed {seed}: CODEX_SEED={seed} runs it"))
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.faults += other.faults;
        for (kind, count) in &other.told {
            *self.told.entry(kind).or_default() += count;
        }
    }
}

#[test]
fn over_many_seeds_each_effect_happens_once_and_every_report_is_true() {
    // The panics of the tools are part of the simulation.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let text = info.to_string();
        if !text.contains("its effect") {
            hook(info);
        }
    }));
    let range = seeds(300);
    let next = AtomicU64::new(range.start);
    let work = || {
        let mut sum = Tally::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if !range.contains(&seed) {
                return sum;
            }
            sum.add(&simulate(seed));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut sum = Tally::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            match thread.join() {
                Ok(part) => sum.add(&part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    let seeds = range.end - range.start;
    eprintln!(
        "{seeds} seeds, 0 violations: {} requests, {} faults, told {:?}",
        sum.requests, sum.faults, sum.told
    );
    // Requires that faults occurred: a simulation without them proves nothing.
    if seeds > 1 {
        for kind in ["the result", "unknown", "not run"] {
            assert!(
                sum.told.get(kind).is_some_and(|count| *count > 50),
                "{kind}"
            );
        }
    }
}
