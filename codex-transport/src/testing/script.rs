use core::fmt;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use crate::lock::lock;
use crate::testing::answer::Answer;
use crate::testing::record::RecordedMessage;
use crate::testing::record::RecordedRequest;

/// A mapping from requests to [`Answer`]s.
///
/// A request is matched with a route of its method and path first, then with the rules; otherwise
/// it gets the next answer of the plain list. A list that is used up answers with status 599, so
/// that a test that sends one request too many fails at that request.
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
    /// Creates a script without answers.
    pub fn new() -> Self {
        Self::default()
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

    /// Adds a rule: a function that may create an answer from the request.
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
                r#"{"error":{"message":"no scripted answer is left for this request"}}"#,
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

/// A script in progress, and the requests received so far.
#[derive(Clone)]
pub(super) struct Stage(Arc<Mutex<Inner>>);

struct Inner {
    script: Script,
    requests: Vec<RecordedRequest>,
    messages: Vec<RecordedMessage>,
    pings: usize,
    closed: Vec<Option<u16>>,
    cancelled: usize,
}

impl Stage {
    pub(super) fn new(script: Script) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            script,
            requests: Vec::new(),
            messages: Vec::new(),
            pings: 0,
            closed: Vec::new(),
            cancelled: 0,
        })))
    }

    /// Records the request and takes its answer in one step, so that the log has the order of the
    /// answers.
    pub(super) fn take(&self, request: RecordedRequest) -> Answer {
        let mut inner = lock(&self.0);
        let answer = inner.script.next(&request);
        inner.requests.push(request);
        answer
    }

    pub(super) fn requests(&self) -> Vec<RecordedRequest> {
        lock(&self.0).requests.clone()
    }

    pub(super) fn cancelled(&self) -> usize {
        lock(&self.0).cancelled
    }

    pub(super) fn count_cancelled(&self) {
        lock(&self.0).cancelled += 1;
    }

    pub(super) fn messages(&self) -> Vec<RecordedMessage> {
        lock(&self.0).messages.clone()
    }

    pub(super) fn pings(&self) -> usize {
        lock(&self.0).pings
    }

    pub(super) fn closed(&self) -> Vec<Option<u16>> {
        lock(&self.0).closed.clone()
    }

    pub(super) fn record_message(&self, message: RecordedMessage) {
        lock(&self.0).messages.push(message);
    }

    #[cfg(feature = "ws")]
    pub(super) fn count_ping(&self) {
        lock(&self.0).pings += 1;
    }

    pub(super) fn count_closed(&self, code: Option<u16>) {
        lock(&self.0).closed.push(code);
    }
}
