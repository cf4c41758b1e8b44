//! What the operator sees: one line for each request, counters, and the requests in progress. None
//! of it contains a prompt, a response or a credential.

use core::fmt::Write as _;
use core::net::SocketAddr;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Instant, SystemTime};

use codex_types::Usage;
use serde_json::{Value, json};

use crate::arguments::LogChoice;

/// The side that caused a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Client,
    Gateway,
    Service,
    Network,
}

impl Fault {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Gateway => "gateway",
            Self::Service => "service",
            Self::Network => "network",
        }
    }
}

/// The records of all requests.
pub(crate) struct Journal {
    log: LogChoice,
    started: Instant,
    next: AtomicU64,
    /// The number of open connections.
    connections: AtomicUsize,
    counts: Mutex<Counts>,
    /// Requests in progress.
    live: Mutex<BTreeMap<u64, Weak<Entry>>>,
    /// The last failures, the newest last.
    failures: Mutex<VecDeque<Value>>,
}

#[derive(Default)]
struct Counts {
    /// Requests by endpoint and status.
    requests: BTreeMap<(String, u16), u64>,
    /// Failures by the side that caused them.
    failures: BTreeMap<&'static str, u64>,
    /// Tokens by model.
    models: BTreeMap<String, Tokens>,
    seconds: f64,
    first_event_seconds: f64,
    first_events: u64,
}

#[derive(Clone, Copy, Default)]
struct Tokens {
    requests: u64,
    input: u64,
    cached: u64,
    output: u64,
}

impl Journal {
    pub(crate) fn new(log: LogChoice) -> Arc<Self> {
        Arc::new(Self {
            log,
            started: Instant::now(),
            next: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
            counts: Mutex::default(),
            live: Mutex::default(),
            failures: Mutex::default(),
        })
    }

    /// Creates the entry of a request. It is logged when its last clone is dropped.
    pub(crate) fn begin(
        self: &Arc<Self>,
        peer: SocketAddr,
        method: &str,
        path: &str,
    ) -> Arc<Entry> {
        let entry = Arc::new(Entry {
            journal: self.clone(),
            number: self.next.fetch_add(1, Ordering::Relaxed),
            at: SystemTime::now(),
            started: Instant::now(),
            peer,
            method: method.to_owned(),
            path: plain(path),
            seen: Mutex::default(),
        });
        lock(&self.live).insert(entry.number, Arc::downgrade(&entry));
        entry
    }

    pub(crate) fn connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn disconnected(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    /// Returns the requests in progress, the last failures, and the tokens of each model.
    pub(crate) fn to_json(&self) -> Value {
        let live: Vec<Arc<Entry>> = lock(&self.live)
            .values()
            .filter_map(Weak::upgrade)
            .collect();
        let live: Vec<Value> = live.iter().map(|entry| entry.to_json()).collect();
        let failures: Vec<Value> = lock(&self.failures).iter().rev().cloned().collect();
        let counts = lock(&self.counts);
        let models: Vec<Value> = counts
            .models
            .iter()
            .map(|(model, tokens)| json!({"model": model, "requests": tokens.requests, "input_tokens": tokens.input, "cached_tokens": tokens.cached, "output_tokens": tokens.output}))
            .collect();
        let requests: u64 = counts.requests.values().sum();
        json!({"uptime_seconds": self.started.elapsed().as_secs(), "requests": requests, "live": live, "failures": failures, "models": models})
    }

    /// Returns the counters in the text format of Prometheus, version 0.0.4.
    pub(crate) fn to_metrics(&self) -> String {
        let mut out = String::new();
        let head = |out: &mut String, name: &str, kind: &str, help: &str| {
            let _ = writeln!(
                out,
                "# HELP gateway_{name} {help}\n# TYPE gateway_{name} {kind}"
            );
        };
        let counts = lock(&self.counts);
        head(
            &mut out,
            "requests_total",
            "counter",
            "Requests by endpoint and status.",
        );
        for ((path, status), count) in &counts.requests {
            let path = label(path);
            let _ = writeln!(
                out,
                "gateway_requests_total{{path=\"{path}\",status=\"{status}\"}} {count}"
            );
        }
        head(
            &mut out,
            "failures_total",
            "counter",
            "Failed requests by the side at fault.",
        );
        for (fault, count) in &counts.failures {
            let _ = writeln!(out, "gateway_failures_total{{fault=\"{fault}\"}} {count}");
        }
        head(
            &mut out,
            "tokens_total",
            "counter",
            "Tokens by model and kind; cached tokens are input tokens too.",
        );
        for (model, tokens) in &counts.models {
            let model = label(model);
            for (kind, count) in [
                ("input", tokens.input),
                ("cached", tokens.cached),
                ("output", tokens.output),
            ] {
                let _ = writeln!(
                    out,
                    "gateway_tokens_total{{model=\"{model}\",kind=\"{kind}\"}} {count}"
                );
            }
        }
        let requests: u64 = counts.requests.values().sum();
        head(
            &mut out,
            "request_duration_seconds",
            "summary",
            "Time from the request to the end of its response.",
        );
        let _ = writeln!(
            out,
            "gateway_request_duration_seconds_sum {}\ngateway_request_duration_seconds_count {requests}",
            counts.seconds
        );
        head(
            &mut out,
            "first_event_seconds",
            "summary",
            "Time from the request to the first byte of its response.",
        );
        let _ = writeln!(
            out,
            "gateway_first_event_seconds_sum {}\ngateway_first_event_seconds_count {}",
            counts.first_event_seconds, counts.first_events
        );
        drop(counts);
        for (name, help, value) in [
            (
                "requests_in_progress",
                "Requests in progress.",
                lock(&self.live).len(),
            ),
            (
                "connections",
                "Open connections of clients.",
                self.connections.load(Ordering::Relaxed),
            ),
        ] {
            head(&mut out, name, "gauge", help);
            let _ = writeln!(out, "gateway_{name} {value}");
        }
        out
    }

    fn end(&self, entry: &Entry) {
        lock(&self.live).remove(&entry.number);
        let seen = lock(&entry.seen);
        let elapsed = entry.started.elapsed();
        {
            let mut counts = lock(&self.counts);
            let path = bounded(&counts.requests, endpoint(&entry.path), |(path, _)| path);
            *counts.requests.entry((path, seen.status)).or_default() += 1;
            counts.seconds += elapsed.as_secs_f64();
            if let Some(first) = seen.first {
                counts.first_event_seconds += first.as_secs_f64();
                counts.first_events += 1;
            }
            if let Some(fault) = seen.fault {
                *counts.failures.entry(fault.as_str()).or_default() += 1;
            }
            if let Some(model) = seen.model.clone().filter(|_| seen.usage.is_some()) {
                let model = bounded(&counts.models, model, |model| model);
                let known = counts.models.entry(model).or_default();
                let new = seen.usage.unwrap_or_default();
                known.requests += 1;
                known.input = known.input.saturating_add(new.input);
                known.cached = known.cached.saturating_add(new.cached);
                known.output = known.output.saturating_add(new.output);
            }
        }
        drop(seen);
        let line = entry.to_json();
        if line.get("fault").is_some() {
            let mut failures = lock(&self.failures);
            if failures.len() == FAILURES {
                failures.pop_front();
            }
            failures.push_back(line.clone());
        }
        let mut line = match self.log {
            LogChoice::Nothing => return,
            LogChoice::Json => line.to_string(),
            LogChoice::Text => text(&line),
        };
        line.push('\n');
        // A log line that cannot be written is not a reason to stop.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

/// The entry of one request.
pub(crate) struct Entry {
    journal: Arc<Journal>,
    number: u64,
    at: SystemTime,
    started: Instant,
    peer: SocketAddr,
    method: String,
    path: String,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    client: Option<usize>,
    model: Option<String>,
    status: u16,
    first: Option<Duration>,
    usage: Option<Tokens>,
    fault: Option<Fault>,
    code: Option<String>,
    request_id: Option<String>,
}

impl Entry {
    /// Records the client, by the position of its token.
    pub(crate) fn client(&self, client: usize) {
        lock(&self.seen).client = Some(client);
    }

    pub(crate) fn model(&self, model: &str) {
        lock(&self.seen).model = Some(plain(model));
    }

    pub(crate) fn status(&self, status: u16) {
        lock(&self.seen).status = status;
    }

    pub(crate) fn request_id(&self, request_id: &str) {
        lock(&self.seen).request_id = Some(plain(request_id));
    }

    /// Records that a part of the response is sent to the client.
    pub(crate) fn sent(&self) {
        let elapsed = self.started.elapsed();
        lock(&self.seen).first.get_or_insert(elapsed);
    }

    pub(crate) fn usage(&self, usage: &Usage) {
        lock(&self.seen).usage = Some(Tokens {
            requests: 1,
            input: usage.input_tokens,
            cached: usage.input_tokens_details.cached_tokens,
            output: usage.output_tokens,
        });
    }

    pub(crate) fn failed(&self, fault: Fault, code: Option<&str>) {
        let mut seen = lock(&self.seen);
        seen.fault = Some(fault);
        seen.code = code.map(plain);
    }

    fn to_json(&self) -> Value {
        let seen = lock(&self.seen);
        let milliseconds = |duration: Duration| (duration.as_secs_f64() * 10_000.0).round() / 10.0;
        let mut line = json!({
            "time": timestamp(self.at), "peer": self.peer.to_string(), "method": self.method, "path": self.path,
            "total_ms": milliseconds(self.started.elapsed()),
        });
        let mut set = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                line[key] = value;
            }
        };
        set("client", seen.client.map(|client| json!(client)));
        set("model", seen.model.as_ref().map(|model| json!(model)));
        set("status", (seen.status != 0).then(|| json!(seen.status)));
        set(
            "first_ms",
            seen.first.map(|first| json!(milliseconds(first))),
        );
        set("input_tokens", seen.usage.map(|usage| json!(usage.input)));
        set("output_tokens", seen.usage.map(|usage| json!(usage.output)));
        set("fault", seen.fault.map(|fault| json!(fault.as_str())));
        set("code", seen.code.as_ref().map(|code| json!(code)));
        set("request_id", seen.request_id.as_ref().map(|id| json!(id)));
        line
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let journal = self.journal.clone();
        journal.end(self);
    }
}

/// Formats a log line as `time peer method path`, followed by the other fields as `key=value`.
fn text(line: &Value) -> String {
    let word = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut out: Vec<String> = ["time", "peer", "method", "path"]
        .iter()
        .map(|key| word(&line[*key]))
        .collect();
    for key in [
        "status",
        "client",
        "model",
        "first_ms",
        "total_ms",
        "input_tokens",
        "output_tokens",
        "fault",
        "code",
        "request_id",
    ] {
        if let Some(value) = line.get(key) {
            out.push(format!("{key}={}", word(value)));
        }
    }
    out.join(" ")
}

/// Returns external text that is safe in a log line: visible ASCII of limited length.
fn plain(text: &str) -> String {
    let characters = text.chars().take(LONGEST_WORD);
    characters
        .map(|character| {
            if character.is_ascii_graphic() {
                character
            } else {
                '_'
            }
        })
        .collect()
}

/// Escapes the value of a label (Prometheus exposition format 0.0.4).
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Returns the path without the segments that name individual objects.
fn endpoint(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default().trim_matches('/');
    let path = path.strip_prefix("v1/").unwrap_or(path);
    let mut segments = path.split('/');
    let first = segments.next().unwrap_or_default();
    let is_word = |segment: &&str| {
        segment.len() <= 24
            && segment
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            && !segment.starts_with("resp_")
    };
    let rest: Vec<&str> = segments
        .map(|segment| Some(segment).filter(is_word).unwrap_or("{id}"))
        .take(2)
        .collect();
    let first = Some(first).filter(is_word).unwrap_or("{id}");
    core::iter::once(first)
        .chain(rest)
        .collect::<Vec<_>>()
        .join("/")
}

/// Returns the key for a map that clients can fill: a known key, or a new one while the map is
/// small.
fn bounded<K: Ord, V>(map: &BTreeMap<K, V>, key: String, of: impl Fn(&K) -> &String) -> String {
    if map.len() < KEYS || map.keys().any(|known| *of(known) == key) {
        key
    } else {
        "other".to_owned()
    }
}

/// Formats a time as RFC 3339 in UTC, with milliseconds.
fn timestamp(at: SystemTime) -> String {
    let since = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // Counting days from the first of March of the year 0 puts leap days at the end of a year.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let millisecond = since.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number of endpoints, and of models, that are counted individually.
const KEYS: usize = 64;
const FAILURES: usize = 20;
const LONGEST_WORD: usize = 128;
