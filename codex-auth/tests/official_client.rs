//! A login in a file that the official client uses as well. A separate process follows the official
//! client's protocol: it redeems without a lock, then takes `auth.lock`, reads, takes
//! `auth.json.lock` for a limited time, reads again, and adopts or replaces. If it does not get the
//! second lock, it discards its tokens and redeems the spent token again, which loses the login.
#![cfg(all(feature = "std", unix))]

use core::time::Duration;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

use bytes::Bytes;
use codex_auth::{
    Audience, Error, ErrorKind, FileStore, OAuthProfile, OAuthSource, Record, Secret, SendFailure,
    ThreadTimer, TokenStore as _,
};
use http::Request;
use rustix::fs::{FlockOperation, flock};

use crate::support::login::{HOUR, MINUTE, apply, load, refresh_token, tokens};
use crate::support::loopback::{Call, post, serve};
use crate::support::{self, Directory};

/// The official client's maximum wait for its second lock: five seconds, scaled down.
const LIMIT: Duration = Duration::from_millis(500);

/// An authority that rotates refresh tokens: each is accepted once. The test can hold back requests
/// of this crate, which are then processed late.
#[derive(Default)]
struct Authority {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The number of the valid refresh token.
    valid: u32,
    /// How many requests of this crate have arrived, and whether they wait.
    ours: usize,
    held: bool,
    /// Whether a refresh token that was just replaced is still accepted.
    tolerant: bool,
    /// Who redeemed which refresh token, and whether it was accepted.
    redemptions: Vec<(bool, String, bool)>,
}

impl Authority {
    fn with<T>(&self, action: impl FnOnce(&mut State) -> T) -> T {
        let done = action(&mut self.state.lock().unwrap());
        self.changed.notify_all();
        done
    }

    fn wait(&self, condition: impl Fn(&State) -> bool) {
        let waiting = self.changed.wait_timeout_while(
            self.state.lock().unwrap(),
            Duration::from_secs(30),
            |state| !condition(state),
        );
        assert!(!waiting.unwrap().1.timed_out(), "nothing happens any more");
    }

    fn answer(&self, call: &Call) -> (u16, String) {
        let official = call.header("originator") == "official";
        if !official {
            self.with(|state| state.ours += 1);
            self.wait(|state| !state.held);
        }
        let sent = call
            .body
            .split('"')
            .find(|part| part.starts_with("refresh-"));
        let sent = sent.unwrap().to_owned();
        self.with(|state| {
            let accepted = state.tolerant || sent == format!("refresh-{}", state.valid);
            state.redemptions.push((official, sent, accepted));
            if !accepted {
                let body = r#"{"error":{"code":"refresh_token_reused"}}"#;
                return (401, body.to_owned());
            }
            state.valid += 1;
            let (number, access) = (state.valid, support::access(state.valid, LASTING));
            let body =
                format!(r#"{{"access_token":"{access}","refresh_token":"refresh-{number}"}}"#);
            (200, body)
        })
    }

    fn redemptions(&self, official: bool) -> Vec<(String, bool)> {
        let state = self.state.lock().unwrap();
        let all = state
            .redemptions
            .iter()
            .filter(|(who, ..)| *who == official);
        all.map(|(_, token, accepted)| (token.clone(), *accepted))
            .collect()
    }
}

/// The tests' tokens are valid relative to a fixed day, but these processes use real clocks.
const LASTING: i64 = 20 * 365 * 24 * HOUR;

struct Scene {
    directory: Directory,
    authority: Arc<Authority>,
    address: String,
}

impl Scene {
    /// Creates a file whose access token has expired, and an authority that accepts its refresh
    /// token.
    fn new(name: &str) -> Self {
        let directory = Directory::new(name);
        let store = FileStore::new(directory.file());
        let record = Record::of_tokens(tokens(0, -MINUTE), support::start());
        store.save(&record, None).unwrap();
        let authority = Arc::new(Authority::default());
        let serving = Arc::clone(&authority);
        let address = serve(move |call| serving.answer(call)).to_string();
        Self {
            directory,
            authority,
            address,
        }
    }

    fn ours(&self) -> OAuthSource<FileStore, impl codex_auth::SendRequest + use<>, ThreadTimer> {
        let address = self.address.clone();
        let http = move |request: Request<Bytes>| {
            let answer = post(&address, &request).map_err(SendFailure::maybe_sent);
            async move { answer }
        };
        self.source(http, Duration::from_secs(20))
    }

    fn source<H: codex_auth::SendRequest + 'static>(
        &self,
        http: H,
        max_wait: Duration,
    ) -> OAuthSource<FileStore, H, ThreadTimer> {
        let profile = OAuthProfile::codex().with_issuer(format!("http://{}", self.address));
        let store = FileStore::new(self.directory.file());
        OAuthSource::builder(profile, store, http, ThreadTimer::new())
            .with_audience(Audience::hosts(["chatgpt.com"]))
            .with_max_lock_wait(max_wait)
            .build()
            .unwrap()
    }

    fn applied(&self) -> thread::JoinHandle<Result<String, Error>> {
        let source = self.ours();
        thread::spawn(move || apply(&source).map(|(_, bearer)| bearer))
    }

    fn official(&self, play: &str) -> Official {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "official_client::official_client", "--nocapture"])
            .env("CODEX_AUTH_OFFICIAL", play)
            .env("CODEX_AUTH_OFFICIAL_HOME", &self.directory.0)
            .env("CODEX_AUTH_OFFICIAL_AUTHORITY", &self.address)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        Official { process, lines }
    }

    fn stored(&self) -> String {
        refresh_token(&FileStore::new(self.directory.file()))
    }
}

/// The process that acts as the official client.
struct Official {
    process: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Official {
    /// Reads its output up to and including this line.
    fn expect(&mut self, expected: &str) {
        let reported = self.next();
        assert_eq!(reported.as_deref(), Some(expected));
    }

    fn next(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if let Some(report) = line.trim_end().strip_prefix("official: ") {
                return Some(report.to_owned());
            }
        }
    }

    fn go_on(&mut self) {
        self.process
            .stdin
            .as_mut()
            .unwrap()
            .write_all(b"\n")
            .unwrap();
    }
}

impl Drop for Official {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The process that the tests below start; on its own, it does nothing.
#[test]
fn official_client() {
    let Ok(play) = std::env::var("CODEX_AUTH_OFFICIAL") else {
        return;
    };
    let home = PathBuf::from(std::env::var_os("CODEX_AUTH_OFFICIAL_HOME").unwrap());
    let authority = std::env::var("CODEX_AUTH_OFFICIAL_AUTHORITY").unwrap();
    let report = |text: &str| println!("official: {text}");
    let stop = || std::io::stdin().read_line(&mut String::new()).unwrap();
    if play == "holds" {
        let _locks = [
            lock(&home.join("auth.lock")),
            lock(&home.join("auth.json.lock")),
        ];
        report("holds");
        stop();
        return;
    }
    let stored = || FileStore::new(home.join("auth.json")).load().unwrap();
    let token = |record: &Record| record.tokens().unwrap().refresh_token().unwrap().clone();
    for _ in 0..8 {
        let spent = token(stored().unwrap().record());
        let Some(renewed) = redeem(&authority, &spent) else {
            report("logged out");
            return;
        };
        report("redeemed");
        let outer = open(&home.join("auth.lock"));
        flock(&outer, FlockOperation::LockExclusive).unwrap();
        let _ = stored();
        let inner = open(&home.join("auth.json.lock"));
        let started = Instant::now();
        while flock(&inner, FlockOperation::NonBlockingLockExclusive).is_err() {
            if started.elapsed() > LIMIT {
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        if started.elapsed() > LIMIT {
            report("commit timed out");
            continue;
        }
        if play == "commits slowly" {
            report("commits");
            stop();
        }
        let found = stored().unwrap();
        if token(found.record()) != spent {
            report("adopted");
            return;
        }
        let written = found.record().to_json();
        let written = written.expose().replace(spent.expose(), &renewed[1]);
        let access = found.record().tokens().unwrap().access_token().clone();
        let written = written.replace(access.expose(), &renewed[0]);
        fs::write(home.join(".auth-x"), written).unwrap();
        fs::rename(home.join(".auth-x"), home.join("auth.json")).unwrap();
        report("committed");
        return;
    }
    report("gave up");
}

/// Returns the new access token and refresh token; `None` if the request is refused.
fn redeem(authority: &str, spent: &Secret) -> Option<[String; 2]> {
    let body = format!(r#"{{"refresh_token":"{}"}}"#, spent.expose());
    let request = Request::post("/oauth/token")
        .header("originator", "official")
        .body(Bytes::from(body))
        .unwrap();
    let response = post(authority, &request).unwrap();
    let body = String::from_utf8(response.body().to_vec()).unwrap();
    let mut texts = body.split('"').skip(3).step_by(4).map(str::to_owned);
    (response.status() == 200).then(|| [texts.next().unwrap(), texts.next().unwrap()])
}

fn open(path: &Path) -> File {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.open(path).unwrap()
}

fn lock(path: &Path) -> File {
    let file = open(path);
    flock(&file, FlockOperation::LockExclusive).unwrap();
    file
}

#[test]
fn neither_lock_of_the_official_client_is_held_while_the_authority_is_asked() {
    let scene = Scene::new("locks");
    let home = scene.directory.0.clone();
    let asked = Arc::new(Mutex::new(0));
    let (count, address) = (Arc::clone(&asked), scene.address.clone());
    let http = move |request: Request<Bytes>| {
        for name in ["auth.lock", "auth.json.lock"] {
            let file = open(&home.join(name));
            flock(&file, FlockOperation::NonBlockingLockExclusive).expect(name);
        }
        let store = FileStore::new(home.join("auth.json"));
        assert!(store.try_lock().unwrap().is_none(), "ours is another one");
        *count.lock().unwrap() += 1;
        let answer = post(&address, &request).map_err(SendFailure::maybe_sent);
        async move { answer }
    };
    apply(&scene.source(http, Duration::from_secs(20))).unwrap();
    assert_eq!(
        (*asked.lock().unwrap(), scene.stored().as_str()),
        (1, "refresh-1")
    );
}

#[test]
fn our_slow_refresh_does_not_cost_the_official_client_its_tokens() {
    let scene = Scene::new("ours-first");
    scene.authority.with(|state| state.held = true);
    let ours = scene.applied();
    scene.authority.wait(|state| state.ours == 1);

    let mut official = scene.official("commits");
    official.expect("redeemed");
    official.expect("committed");
    assert_eq!(scene.stored(), "refresh-1");

    scene.authority.with(|state| state.held = false);
    let bearer = ours.join().unwrap().expect("the official client's tokens");
    assert_eq!(bearer, support::access(1, LASTING));
    assert_eq!(
        scene.authority.redemptions(true),
        [("refresh-0".to_owned(), true)]
    );
    assert_eq!(
        scene.authority.redemptions(false),
        [("refresh-0".to_owned(), false)]
    );
    assert_eq!(scene.stored(), "refresh-1");
    assert!(!load(&FileStore::new(scene.directory.file())).is_refresh_outcome_unknown());
}

#[test]
fn a_slow_commit_of_the_official_client_is_waited_for_and_adopted() {
    let scene = Scene::new("official-first");
    let mut official = scene.official("commits slowly");
    official.expect("redeemed");
    official.expect("commits");
    let ours = scene.applied();
    thread::sleep(LIMIT);
    assert_eq!(
        scene.authority.with(|state| state.ours),
        0,
        "nothing is sent without the mark"
    );
    official.go_on();
    official.expect("committed");
    assert_eq!(ours.join().unwrap().unwrap(), support::access(1, LASTING));
    assert_eq!(scene.authority.redemptions(false), []);
    assert_eq!(scene.stored(), "refresh-1");
}

#[test]
fn what_is_refused_because_the_official_client_was_first_is_adopted_when_it_commits() {
    let scene = Scene::new("refused");
    scene.authority.with(|state| state.held = true);
    let ours = scene.applied();
    scene.authority.wait(|state| state.ours == 1);
    let mut official = scene.official("commits slowly");
    official.expect("redeemed");
    official.expect("commits");
    // This crate's token is now refused, and the file still contains the spent one.
    scene.authority.with(|state| state.held = false);
    thread::sleep(LIMIT);
    official.go_on();
    official.expect("committed");
    assert_eq!(ours.join().unwrap().unwrap(), support::access(1, LASTING));
    assert_eq!(scene.stored(), "refresh-1");
}

#[test]
fn our_commit_waits_for_the_official_client_and_is_made() {
    let scene = Scene::new("commit-waits");
    scene.authority.with(|state| state.held = true);
    let ours = scene.applied();
    scene.authority.wait(|state| state.ours == 1);
    let mut official = scene.official("holds");
    official.expect("holds");
    scene.authority.with(|state| state.held = false);
    scene.authority.wait(|state| state.valid == 1);
    // Longer than a single save waits.
    thread::sleep(Duration::from_millis(2500));
    assert_eq!(scene.stored(), "refresh-0");
    official.go_on();
    assert_eq!(ours.join().unwrap().unwrap(), support::access(1, LASTING));
    assert_eq!(scene.stored(), "refresh-1");
}

#[test]
fn our_result_gives_way_to_what_the_official_client_committed_meanwhile() {
    let scene = Scene::new("gives-way");
    scene
        .authority
        .with(|state| (state.held, state.tolerant) = (true, true));
    let ours = scene.applied();
    scene.authority.wait(|state| state.ours == 1);
    let mut official = scene.official("commits");
    official.expect("redeemed");
    official.expect("committed");
    scene.authority.with(|state| state.held = false);
    assert_eq!(ours.join().unwrap().unwrap(), support::access(1, LASTING));
    assert_eq!(
        scene.authority.redemptions(false),
        [("refresh-0".to_owned(), true)]
    );
    assert_eq!(scene.stored(), "refresh-1");
}

#[test]
fn locks_that_are_never_released_are_an_error_and_nothing_is_sent() {
    let scene = Scene::new("stuck");
    let mut official = scene.official("holds");
    official.expect("holds");
    let unsent = async |_: Request<Bytes>| Err(SendFailure::maybe_sent("it was sent"));
    let started = Instant::now();
    let error = apply(&scene.source(unsent, Duration::from_millis(50))).unwrap_err();
    assert_eq!(
        (error.kind(), error.is_retryable()),
        (ErrorKind::StoreBusy, true)
    );
    assert_eq!(
        error.to_string(),
        "token store is locked by another process"
    );
    assert!(started.elapsed() < Duration::from_secs(5));
    drop(official);
    assert!(!load(&FileStore::new(scene.directory.file())).is_refresh_outcome_unknown());
}

#[test]
fn both_at_once_leave_the_login_that_the_authority_accepts() {
    let scene = Scene::new("both");
    for round in 0..12_u32 {
        let store = FileStore::new(scene.directory.file());
        let (valid, found) = (
            scene.authority.with(|state| state.valid),
            store.load().unwrap(),
        );
        let expired = Record::of_tokens(tokens(valid, -MINUTE), support::start());
        store
            .save(&expired, found.as_ref().map(codex_auth::Stored::revision))
            .unwrap();
        let mut official = scene.official("commits");
        thread::sleep(Duration::from_millis(u64::from(round % 4) * 2));
        let ours = scene.applied();
        let reports: Vec<_> = core::iter::from_fn(|| official.next()).collect();
        ours.join().unwrap().expect("one of the two results");
        let valid = scene.authority.with(|state| state.valid);
        assert_eq!(scene.stored(), format!("refresh-{valid}"), "{reports:?}");
        assert_eq!(valid, round + 1, "{reports:?}");
        assert!(
            !reports.contains(&"commit timed out".to_owned()),
            "{reports:?}"
        );
    }
}
