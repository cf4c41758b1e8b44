use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::{ChunkShape, Gate};

/// One answer of a script: status, headers, and the steps of its body.
///
/// Steps stand in the order of the calls. Whatever comes before [`then_head`](Self::then_head) happens before the head is sent.
///
/// ```
/// use codex_transport::testing::{Answer, Cut};
/// use std::time::Duration;
///
/// let busy = Answer::status(503).header("retry-after", "2").body(r#"{"error":{"code":"server_is_overloaded"}}"#).times(2);
/// let slow = Answer::sse().event(r#"{"type":"response.created"}"#).pause(Duration::from_millis(40)).cut(Cut::Reset);
/// ```
#[derive(Clone, Debug)]
pub struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) before_head: Arc<[Step]>,
    pub(super) steps: Vec<Step>,
    pub(super) shape: ChunkShape,
    pub(super) pace: Duration,
    pub(super) times: Option<usize>,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Bytes(Bytes),
    Pause(Duration),
    Gate(Gate),
    Stall,
    Cut(Cut),
}

/// How a connection ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cut {
    /// The server closes the connection (FIN), in the middle of the response.
    Close,
    /// The connection is reset (RST).
    Reset,
}

impl Answer {
    /// An answer with this status and no body yet.
    ///
    /// # Panics
    ///
    /// When the number is no status (100 to 999).
    #[expect(
        clippy::expect_used,
        reason = "a script is test code; a wrong one should say so where it stands"
    )]
    pub fn status(status: u16) -> Self {
        Self {
            status: StatusCode::from_u16(status).expect("a status from 100 to 999"),
            headers: HeaderMap::new(),
            before_head: Arc::new([]),
            steps: Vec::new(),
            shape: ChunkShape::Whole,
            pace: Duration::ZERO,
            times: Some(1),
        }
    }

    /// Status 200.
    pub fn ok() -> Self {
        Self::status(200)
    }

    /// Status 200 with an event stream to come.
    pub fn sse() -> Self {
        Self::ok().header("content-type", "text/event-stream")
    }

    /// This status with this JSON text.
    pub fn json(status: u16, text: impl Into<Bytes>) -> Self {
        Self::status(status)
            .header("content-type", "application/json")
            .body(text)
    }

    /// No answer at all: the request is read and then nothing comes.
    pub fn silence() -> Self {
        Self::ok().stall().then_head()
    }

    /// The connection ends before any answer.
    pub fn hang_up(cut: Cut) -> Self {
        Self::ok().cut(cut).then_head()
    }

    /// Adds a header; the same name again adds a line.
    ///
    /// # Panics
    ///
    /// When name or value are not allowed in HTTP.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "a script is test code; a wrong one should say so where it stands"
    )]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("a header name");
        let value: HeaderValue = value.parse().expect("a header value");
        if name == CONTENT_TYPE {
            self.headers.insert(name, value);
        } else {
            self.headers.append(name, value);
        }
        self
    }

    /// Sends these bytes.
    #[must_use]
    pub fn body(self, bytes: impl Into<Bytes>) -> Self {
        self.step(Step::Bytes(bytes.into()))
    }

    /// Sends an event: an `event` line with the JSON's `type`, where it has one, and the JSON as its data.
    #[must_use]
    pub fn event(self, json: impl AsRef<str>) -> Self {
        self.body(event_bytes(json.as_ref()))
    }

    /// Sends these events, one after another.
    #[must_use]
    pub fn events<T: AsRef<str>>(self, events: impl IntoIterator<Item = T>) -> Self {
        events
            .into_iter()
            .fold(self, |answer, event| answer.event(event))
    }

    /// Sends an SSE comment, as servers do to keep a connection alive.
    #[must_use]
    pub fn comment(self, text: &str) -> Self {
        self.body(format!(": {text}\n\n"))
    }

    /// Waits.
    #[must_use]
    pub fn pause(self, period: Duration) -> Self {
        self.step(Step::Pause(period))
    }

    /// Waits until the gate is open.
    #[must_use]
    pub fn gate(self, gate: &Gate) -> Self {
        self.step(Step::Gate(gate.clone()))
    }

    /// Sends nothing more and keeps the connection open.
    #[must_use]
    pub fn stall(self) -> Self {
        self.step(Step::Stall)
    }

    /// Ends the connection, after everything so far was written to it.
    #[must_use]
    pub fn cut(self, cut: Cut) -> Self {
        self.step(Step::Cut(cut))
    }

    /// Moves all steps so far in front of the head: to delay it, or never to send it.
    #[must_use]
    pub fn then_head(mut self) -> Self {
        self.before_head = core::mem::take(&mut self.steps).into();
        self
    }

    /// Cuts the bytes of every step into pieces.
    #[must_use]
    pub fn shape(mut self, shape: ChunkShape) -> Self {
        self.shape = shape;
        self
    }

    /// Waits so long before every piece but the first.
    #[must_use]
    pub fn pace(mut self, period: Duration) -> Self {
        self.pace = period;
        self
    }

    /// Gives this answer so many times before the next one's turn comes.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = Some(times);
        self
    }

    /// Gives this answer for ever.
    #[must_use]
    pub fn forever(mut self) -> Self {
        self.times = None;
        self
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

fn event_bytes(json: &str) -> Bytes {
    let kind = serde_json::from_str::<serde_json::Value>(json)
        .ok()
        .and_then(|value| Some(value.get("type")?.as_str()?.to_owned()));
    let mut text = String::with_capacity(json.len() + 64);
    if let Some(kind) = kind {
        text.push_str("event: ");
        text.push_str(&kind);
        text.push('\n');
    }
    for line in json.lines() {
        text.push_str("data: ");
        text.push_str(line);
        text.push('\n');
    }
    text.push('\n');
    text.into()
}
