//! Processes that share a login, and an authority that revokes it when a refresh token arrives
//! twice.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::collections::HashSet;
use std::io::{BufReader, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use codex_auth::{
    Audience, CredentialSource, OAuthProfile, OAuthSource, Record, Secret, SendFailure,
    ThreadTimer, TokenSet, TokenStore, Verdict,
};
use http::{HeaderMap, Request, StatusCode, Uri};

use super::block_on;
use super::loopback::{Call, answer, post, serve};

#[derive(Clone, Copy)]
pub struct Size {
    processes: usize,
    tasks: usize,
    expiries: usize,
}

impl Size {
    /// Reads `CODEX_AUTH_RACE`, as processes × tasks × expiries (`8x64x500`), or uses this default.
    pub fn from_env(default: &str) -> Self {
        let text = std::env::var("CODEX_AUTH_RACE").unwrap_or_else(|_| default.to_owned());
        let numbers: Vec<usize> = text
            .split('x')
            .map(|number| number.parse().unwrap())
            .collect();
        Self {
            processes: numbers[0],
            tasks: numbers[1],
            expiries: numbers[2],
        }
    }
}

/// Each access token is accepted once for every task; when all tasks have used it, it expires.
struct Authority {
    size: Size,
    state: Mutex<State>,
    expired: Condvar,
}

#[derive(Default)]
struct State {
    /// The number of the valid refresh token, and of the last issued access token.
    issued: usize,
    /// The number of the valid access token.
    valid: usize,
    served: HashSet<String>,
    redemptions: usize,
    reuses: usize,
    revoked: bool,
}

impl Authority {
    fn answer(&self, call: &Call) -> (u16, String) {
        if call.path() == "/oauth/token" {
            self.redeem(&call.body)
        } else {
            self.serve(call.header("authorization"), call.header("x-task"))
        }
    }

    fn redeem(&self, body: &str) -> (u16, String) {
        let mut state = self.state.lock().unwrap();
        let current = format!("refresh-{}", state.issued);
        if state.revoked || !body.contains(&format!("\"{current}\"")) {
            state.reuses += 1;
            state.revoked = true;
            return (
                401,
                r#"{"error":{"code":"refresh_token_reused"}}"#.to_owned(),
            );
        }
        state.issued += 1;
        state.redemptions += 1;
        let number = state.issued;
        (
            200,
            format!(r#"{{"access_token":"access-{number}","refresh_token":"refresh-{number}"}}"#),
        )
    }

    fn serve(&self, bearer: &str, task: &str) -> (u16, String) {
        let mut state = self.state.lock().unwrap();
        let carried: usize = bearer
            .strip_prefix("Bearer access-")
            .unwrap()
            .parse()
            .unwrap();
        // A task that was served waits here until all tasks were, so that its token has expired.
        // The wait is limited, or a failed process would block all others and the test with them.
        while carried == state.valid && state.served.contains(task) && !state.revoked {
            let (woken, wait) = self
                .expired
                .wait_timeout(state, Duration::from_secs(60))
                .unwrap();
            if wait.timed_out() {
                return (503, String::new());
            }
            state = woken;
        }
        if carried != state.valid || state.revoked {
            return (401, String::new());
        }
        state.served.insert(task.to_owned());
        if state.served.len() == self.size.processes * self.size.tasks {
            state.served.clear();
            state.valid += 1;
            self.expired.notify_all();
        }
        (200, String::new())
    }
}

/// The login that the processes find in the store.
pub fn first_record() -> Record {
    let tokens = TokenSet::new(Secret::from("access-0"))
        .with_refresh_token(Secret::from("refresh-0"))
        .with_account_id("acct-1");
    Record::of_tokens(tokens, SystemTime::now())
}

/// Runs the test `worker` of this program in several processes at once, and checks that each expiry
/// cost one redemption.
pub fn run(
    size: Size,
    worker: &str,
    store: &impl TokenStore,
    prepare: impl Fn(usize, &mut Command),
) {
    let authority = Arc::new(Authority {
        size,
        state: Mutex::default(),
        expired: Condvar::new(),
    });
    let serving = Arc::clone(&authority);
    let address = serve(move |call| serving.answer(call));

    let start = Instant::now();
    let workers: Vec<_> = (0..size.processes)
        .map(|process| {
            let mut command = Command::new(std::env::current_exe().unwrap());
            prepare(process, &mut command);
            command
                .args(["--exact", worker, "--nocapture"])
                .env(
                    WORKER,
                    format!("{process} {address} {} {}", size.tasks, size.expiries),
                )
                .spawn()
                .unwrap()
        })
        .collect();
    let failed = workers
        .into_iter()
        .map(|mut worker| worker.wait().unwrap())
        .filter(|status| !status.success())
        .count();

    let state = authority.state.lock().unwrap();
    println!(
        "{} processes × {} tasks × {} expiries: {} redemptions, {} reuses, {failed} failed processes, {:.1} s",
        size.processes,
        size.tasks,
        size.expiries,
        state.redemptions,
        state.reuses,
        start.elapsed().as_secs_f64()
    );
    assert_eq!((failed, state.reuses), (0, 0));
    assert_eq!(state.redemptions, size.expiries);
    let record = store.load().unwrap().unwrap().into_record();
    assert_eq!(
        record.tokens().unwrap().refresh_token().unwrap().expose(),
        format!("refresh-{}", size.expiries)
    );
    assert!(!record.is_refresh_outcome_unknown());
}

/// Runs the work of one of the processes, over its own store; it shares no other state with them.
pub fn work<S: TokenStore + 'static>(store: impl FnOnce() -> S) {
    let Ok(setting) = std::env::var(WORKER) else {
        return;
    };
    let setting: Vec<&str> = setting.split(' ').collect();
    let (process, address) = (setting[0], setting[1].to_owned());
    let (tasks, expiries): (usize, usize) =
        (setting[2].parse().unwrap(), setting[3].parse().unwrap());

    let mut profile = OAuthProfile::codex().with_issuer(format!("http://{address}"));
    profile.audience = Audience::hosts(["127.0.0.1"]);
    let target = address.clone();
    let http = move |request: Request<Bytes>| {
        let answer = post(&target, &request);
        async move { answer.map_err(SendFailure::maybe_sent) }
    };
    let source = OAuthSource::builder(profile, store(), http, ThreadTimer::new())
        .build()
        .unwrap();

    let failures = AtomicUsize::new(0);
    thread::scope(|scope| {
        for task in 0..tasks {
            let (source, failures, name, address) =
                (&source, &failures, format!("{process}.{task}"), &address);
            scope.spawn(move || {
                let mut connection = BufReader::new(TcpStream::connect(address).unwrap());
                for _ in 0..=expiries {
                    if let Err(text) = request(source, &mut connection, &name) {
                        println!("{name}: {text}");
                        failures.fetch_add(1, Ordering::SeqCst);
                        return;
                    }
                }
            });
        }
    });
    assert_eq!(failures.load(Ordering::SeqCst), 0);
}

/// Sends one request as a client does: apply, send, and on 401 report the rejection and repeat.
fn request(
    source: &impl CredentialSource,
    connection: &mut BufReader<TcpStream>,
    task: &str,
) -> Result<(), String> {
    let target = Uri::from_static("http://127.0.0.1/resource");
    for _ in 0..3 {
        let (mut head, ()) = Request::get(target.clone()).body(()).unwrap().into_parts();
        let lease = block_on(source.apply(&mut head)).map_err(|error| error.to_string())?;
        let bearer = head.headers["authorization"].to_str().unwrap();
        let text = format!(
            "GET /resource HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: {bearer}\r\nx-task: {task}\r\ncontent-length: 0\r\n\r\n"
        );
        connection.get_mut().write_all(text.as_bytes()).unwrap();
        let (status, _) = answer(connection).map_err(|error| error.to_string())?;
        source.observe(
            lease,
            &target,
            StatusCode::from_u16(status).unwrap(),
            &HeaderMap::new(),
        );
        match status {
            200 => return Ok(()),
            401 => {}
            other => return Err(format!("status {other}")),
        }
        match block_on(source.rejected(lease)) {
            Ok(Verdict::Retry) => {}
            other => return Err(format!("{other:?}")),
        }
    }
    Err("rejected three times".to_owned())
}

const WORKER: &str = "CODEX_AUTH_RACE_WORKER";
