use core::fmt;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::record::RecordedMessage;
use super::{Answer, RecordedRequest};

/// Which request gets which answer.
///
/// A request first looks for a route with its method and path, then for a rule, then takes the next answer of the plain list.
/// A list that is used up answers with status 599, so that a test which asks once too often fails where it does so.
///
/// ```
/// use codex_transport::testing::{Answer, Script};
///
/// let script = Script::new()
///     .route("POST", "/oauth/token", Answer::json(200, r#"{"access_token":"invented"}"#).forever())
///     .answer(Answer::status(500).times(2))
///     .answer(Answer::sse().event(r#"{"type":"response.completed","response":{"id":"resp_1"}}"#));
/// ```
#[derive(Clone, Default)]
pub struct Script {
    routes: Vec<Route>,
    rules: Vec<Rule>,
    answers: VecDeque<Answer>,
}

type Rule = Arc<dyn Fn(&RecordedRequest) -> Option<Answer> + Send + Sync>;

#[derive(Clone)]
struct Route {
    method: String,
    path: String,
    answers: VecDeque<Answer>,
}

impl Script {
    /// A script that answers nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a script from a JSON text: `{"routes": [{"method", "path", "answers": [..]}], "answers": [..]}`.
    ///
    /// An answer is `{"status", "headers", "before_head", "steps", "shape", "line_end", "pace_ms", "times"}`, all of them optional. A step is an
    /// object with one member: `event` (an object), `events`, `turn` (`{"id", "model", "items": [{"type": "message", "text"}, ..],
    /// "incomplete" or "failed"}`), `body`, `comment`, `pause_ms`, `stall`, `receive`, `close` (a code), `cut` (`close`, `reset`, `stall`
    /// or `stream`), `cut_after` (`{"bytes", "cut"}`). A shape is `whole`, `event`, `line`, `byte`, `{"bytes": n}` or
    /// `{"random": {"seed", "max"}}`; `times` is a number or `forever`.
    ///
    /// ```
    /// use codex_transport::testing::Script;
    ///
    /// let script = Script::from_json(r#"{"answers": [
    ///     {"status": 429, "headers": {"retry-after": "1"}, "times": 2},
    ///     {"headers": {"content-type": "text/event-stream"}, "shape": "byte",
    ///      "steps": [{"turn": {"items": [{"type": "message", "text": "hello"}]}}]}
    /// ]}"#).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration) with the place that is wrong as its source.
    pub fn from_json(text: &str) -> Result<Self, crate::Error> {
        super::json::script(text)
    }

    /// Adds an answer to the plain list.
    #[must_use]
    pub fn answer(mut self, answer: Answer) -> Self {
        self.answers.push_back(answer);
        self
    }

    /// Adds an answer to the list of this method and path (without query).
    #[must_use]
    pub fn route(mut self, method: &str, path: &str, answer: Answer) -> Self {
        match self
            .routes
            .iter_mut()
            .find(|route| route.method == method && route.path == path)
        {
            Some(route) => route.answers.push_back(answer),
            None => self.routes.push(Route {
                method: method.into(),
                path: path.into(),
                answers: [answer].into(),
            }),
        }
        self
    }

    /// Adds a rule that may make an answer out of the request.
    #[must_use]
    pub fn rule(
        mut self,
        rule: impl Fn(&RecordedRequest) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        self.rules.push(Arc::new(rule));
        self
    }

    fn next(&mut self, request: &RecordedRequest) -> Answer {
        let route = self
            .routes
            .iter_mut()
            .find(|route| route.method == request.method.as_str() && route.path == request.path());
        let found = match route {
            Some(route) => take(&mut route.answers),
            None => self
                .rules
                .iter()
                .find_map(|rule| rule(request))
                .or_else(|| take(&mut self.answers)),
        };
        found.unwrap_or_else(|| {
            Answer::json(
                599,
                r#"{"error":{"message":"the script has no answer for this request"}}"#,
            )
        })
    }
}

fn take(answers: &mut VecDeque<Answer>) -> Option<Answer> {
    loop {
        let first = answers.front_mut()?;
        match &mut first.times {
            None => return Some(first.clone()),
            Some(0) => drop(answers.pop_front()),
            Some(left) => {
                *left -= 1;
                return Some(first.clone());
            }
        }
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("routes", &self.routes.len())
            .field("rules", &self.rules.len())
            .field("answers", &self.answers.len())
            .finish()
    }
}

/// A script being played, and what has arrived so far.
#[derive(Clone)]
pub(super) struct Stage(Arc<Mutex<Inner>>);

struct Inner {
    script: Script,
    requests: Vec<RecordedRequest>,
    messages: Vec<RecordedMessage>,
    pings: usize,
    closed: Vec<Option<u16>>,
    canceled: usize,
}

impl Stage {
    pub(super) fn new(script: Script) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            script,
            requests: Vec::new(),
            messages: Vec::new(),
            pings: 0,
            closed: Vec::new(),
            canceled: 0,
        })))
    }

    /// Records the request and takes the answer to it, in one step, so that the log has the order of the answers.
    pub(super) fn take(&self, request: RecordedRequest) -> Answer {
        let mut inner = self.lock();
        let answer = inner.script.next(&request);
        inner.requests.push(request);
        answer
    }

    pub(super) fn requests(&self) -> Vec<RecordedRequest> {
        self.lock().requests.clone()
    }

    pub(super) fn canceled(&self) -> usize {
        self.lock().canceled
    }

    pub(super) fn count_canceled(&self) {
        self.lock().canceled += 1;
    }

    pub(super) fn messages(&self) -> Vec<RecordedMessage> {
        self.lock().messages.clone()
    }

    pub(super) fn pings(&self) -> usize {
        self.lock().pings
    }

    pub(super) fn closed(&self) -> Vec<Option<u16>> {
        self.lock().closed.clone()
    }

    pub(super) fn record_message(&self, message: RecordedMessage) {
        self.lock().messages.push(message);
    }

    #[cfg(feature = "ws")]
    pub(super) fn count_ping(&self) {
        self.lock().pings += 1;
    }

    pub(super) fn count_closed(&self, code: Option<u16>) {
        self.lock().closed.push(code);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
