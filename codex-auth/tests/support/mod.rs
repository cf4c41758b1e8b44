//! Helpers shared by the test programs.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part")]

#[cfg(feature = "verify")]
pub mod issuer;
pub mod login;
pub mod loopback;
#[cfg(feature = "std")]
pub mod race;

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::task::Wake;
use std::thread::{self, Thread};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use codex_auth::{Moment, SendFailure, SendRequest, Timer};
use http::{Request, Response};

/// Runs a future on this thread and sleeps while it waits.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

/// The start time of all tests with a virtual clock: 2026-01-02T03:00:00Z.
pub fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(START)
}

pub const START: u64 = 1_767_322_800;

/// A clock that advances only in sleeps and when the test advances it.
#[derive(Clone, Default)]
pub struct VirtualTimer {
    elapsed: Arc<Mutex<Duration>>,
}

impl VirtualTimer {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn advance(&self, duration: Duration) {
        *self.elapsed.lock().unwrap() += duration;
    }

    pub fn elapsed(&self) -> Duration {
        *self.elapsed.lock().unwrap()
    }
}

impl Timer for VirtualTimer {
    fn now(&self) -> Moment {
        Moment::new(self.elapsed(), start() + self.elapsed())
    }

    /// Pending once, so that futures that race with the sleep are polled before it.
    async fn sleep(&self, duration: Duration) {
        let mut asked = false;
        core::future::poll_fn(|context| {
            if asked {
                return Poll::Ready(());
            }
            asked = true;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        self.advance(duration);
    }
}

/// An authority in memory: returns its responses in turn, and records the requests.
#[derive(Clone, Default)]
pub struct Authority {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    requests: Arc<Mutex<Vec<Request<Bytes>>>>,
}

pub enum Answer {
    Body(u16, String),
    Full(Response<Bytes>),
    NotSent,
    Lost,
    /// Never responds.
    Silence,
}

impl Authority {
    pub fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let authority = Self::default();
        authority.answers.lock().unwrap().extend(answers);
        authority
    }

    pub fn push(&self, answer: Answer) {
        self.answers.lock().unwrap().push_back(answer);
    }

    pub fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    pub fn paths(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests
            .iter()
            .map(|request| request.uri().path().to_owned())
            .collect()
    }

    pub fn body(&self, index: usize) -> String {
        String::from_utf8(self.requests.lock().unwrap()[index].body().to_vec()).unwrap()
    }

    pub fn header(&self, index: usize, name: &str) -> String {
        self.requests.lock().unwrap()[index].headers()[name]
            .to_str()
            .unwrap()
            .to_owned()
    }
}

impl SendRequest for Authority {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, SendFailure> {
        self.requests.lock().unwrap().push(request);
        let answer = self.answers.lock().unwrap().pop_front();
        match answer.expect("the authority is asked more often than the test foresees") {
            Answer::Body(status, body) => Ok(response(status, body)),
            Answer::Full(response) => Ok(response),
            Answer::NotSent => Err(SendFailure::not_sent("connection refused")),
            Answer::Lost => Err(SendFailure::maybe_sent("connection reset")),
            Answer::Silence => core::future::pending().await,
        }
    }
}

pub fn ok(body: impl Into<String>) -> Answer {
    Answer::Body(200, body.into())
}

pub fn response(status: u16, body: impl Into<String>) -> Response<Bytes> {
    Response::builder()
        .status(status)
        .body(Bytes::from(body.into()))
        .unwrap()
}

/// Returns a JWT of these claims with an invalid signature.
pub fn jwt(claims: &str) -> String {
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
}

/// Returns an access token that expires this many seconds after (or before) the start. The number
/// makes it unique.
pub fn access(number: u32, expires: i64) -> String {
    let expires = i64::try_from(START).unwrap() + expires;
    jwt(&format!(
        r#"{{"exp":{expires},"n":{number},"https://api.openai.com/auth":{{"chatgpt_account_id":"acct-1"}}}}"#
    ))
}

/// Returns the ID token of an account.
pub fn id(account: &str) -> String {
    jwt(&format!(
        r#"{{"email":"me@example.com","https://api.openai.com/auth":{{"chatgpt_account_id":"{account}","chatgpt_plan_type":"plus"}}}}"#
    ))
}

/// Returns the members of a form body.
pub fn form(body: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(if byte == b'%' {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(core::str::from_utf8(&digits).unwrap(), 16).unwrap()
            } else {
                byte
            });
        }
        String::from_utf8(bytes).unwrap()
    };
    body.split('&')
        .map(|member| member.split_once('=').unwrap())
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// Returns the value of a member of a query or a form body.
pub fn member(body: &str, name: &str) -> Option<String> {
    let found = form(body).into_iter().find(|(member, _)| member == name);
    found.map(|(_, value)| value)
}

/// A directory of this test, which is removed at the end.
pub struct Directory(pub std::path::PathBuf);

impl Directory {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("codex-auth-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        // Set explicitly because of the umask: a directory that a group can change is rejected.
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .unwrap();
        Self(path)
    }

    pub fn file(&self) -> std::path::PathBuf {
        self.0.join("auth.json")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
