use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use crate::testing::gate::Gate;
use crate::testing::shape::ChunkShape;

/// One answer of a script: status, headers, and the steps of its body.
///
/// Steps are played in the order of the calls. Steps before [`then_head`](Self::then_head) are
/// played before the headers are sent.
///
/// ```
/// use codex_transport::testing::{Answer, Cut};
/// use std::time::Duration;
///
/// let busy = Answer::status(503)
///     .header("retry-after", "2")
///     .body(r#"{"error":{"code":"server_is_overloaded"}}"#)
///     .times(2);
/// let slow = Answer::sse()
///     .event(r#"{"type":"response.created"}"#)
///     .pause(Duration::from_millis(40))
///     .cut(Cut::Reset);
/// ```
#[derive(Clone, Debug)]
pub struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) before_head: Arc<[Step]>,
    pub(super) steps: Vec<Step>,
    pub(super) shape: ChunkShape,
    pub(super) line_end: LineEnd,
    pub(super) pace: Duration,
    pub(super) times: Option<usize>,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Bytes(Bytes),
    Event(String),
    Comment(String),
    Binary(Bytes),
    Raw(Bytes),
    Close(u16),
    Receive,
    CutAfter(u64, Cut),
    Pause(Duration),
    Gate(Gate),
    Stall,
    Cut(Cut),
}

/// The line ending of an event stream. The standard allows all three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the standard defines exactly three line endings"
)]
pub enum LineEnd {
    /// Line feed.
    #[default]
    Lf,
    /// Carriage return.
    Cr,
    /// Carriage return and line feed.
    CrLf,
}

/// A premature end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cut {
    /// The server closes the connection (FIN) in the middle of the response.
    Close,
    /// The connection is reset (RST).
    Reset,
    /// The server sends nothing more and keeps the connection open.
    Stall,
    /// Only this response ends: RST_STREAM over HTTP/2. Over HTTP/1.1 and WebSocket this is
    /// equivalent to [`Close`](Self::Close).
    Stream,
}

impl Answer {
    /// Accepts a WebSocket upgrade.
    ///
    /// After it, every [`event`](Self::event) and [`body`](Self::body) is a text message (in
    /// fragments, if a [`shape`](Self::shape) is set), and every [`comment`](Self::comment) is a
    /// ping. After the last step the WebSocket stays open and its messages are recorded until the
    /// client closes it.
    pub fn websocket() -> Self {
        Self::status(101)
    }

    /// Creates an answer with this status and an empty body.
    ///
    /// # Panics
    ///
    /// Panics if the number is not a status (100 to 999).
    #[expect(
        clippy::expect_used,
        reason = "a script is test code; an invalid one should fail at its source"
    )]
    pub fn status(status: u16) -> Self {
        Self {
            status: StatusCode::from_u16(status).expect("a status from 100 to 999"),
            headers: HeaderMap::new(),
            before_head: Arc::new([]),
            steps: Vec::new(),
            shape: ChunkShape::Whole,
            line_end: LineEnd::Lf,
            pace: Duration::ZERO,
            times: Some(1),
        }
    }

    /// Creates an answer with status 200.
    pub fn ok() -> Self {
        Self::status(200)
    }

    /// Creates an answer with status 200 and the content type of an event stream.
    pub fn sse() -> Self {
        Self::ok().header("content-type", "text/event-stream")
    }

    /// Creates an answer with this status and this JSON text.
    pub fn json(status: u16, text: impl Into<Bytes>) -> Self {
        Self::status(status)
            .header("content-type", "application/json")
            .body(text)
    }

    /// Creates an answer that is never sent: the request is read, and the connection stays open.
    pub fn silence() -> Self {
        Self::ok().stall().then_head()
    }

    /// Creates an answer that ends the connection before any response.
    pub fn hang_up(cut: Cut) -> Self {
        Self::ok().cut(cut).then_head()
    }

    /// Adds a header; the same name again adds another line.
    ///
    /// # Panics
    ///
    /// Panics if HTTP does not allow the name or the value.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "a script is test code; an invalid one should fail at its source"
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

    /// Sends these bytes of the body.
    #[must_use]
    pub fn body(self, bytes: impl Into<Bytes>) -> Self {
        self.step(Step::Bytes(bytes.into()))
    }

    /// Sends an event: an `event` line with the JSON's `type`, if it has one, and the JSON as its
    /// data.
    #[must_use]
    pub fn event(self, json: impl Into<String>) -> Self {
        self.step(Step::Event(json.into()))
    }

    /// Sends these events, one after another.
    #[must_use]
    pub fn events<T: Into<String>>(self, events: impl IntoIterator<Item = T>) -> Self {
        events
            .into_iter()
            .fold(self, |answer, event| answer.event(event))
    }

    /// Sends an SSE comment, as servers do to keep a connection alive.
    #[must_use]
    pub fn comment(self, text: &str) -> Self {
        self.step(Step::Comment(text.into()))
    }

    /// Pauses for this period.
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

    /// Ends the connection after all previous steps have been written to it.
    #[must_use]
    pub fn cut(self, cut: Cut) -> Self {
        self.step(Step::Cut(cut))
    }

    /// Ends the connection after this many more bytes on the wire, even in the middle of a chunk
    /// header, a frame or a TLS record.
    ///
    /// The count starts here, once the headers are sent.
    #[must_use]
    pub fn cut_after(self, bytes: u64, cut: Cut) -> Self {
        self.step(Step::CutAfter(bytes, cut))
    }

    /// Waits for the client's next WebSocket message; does nothing over HTTP.
    #[must_use]
    pub fn receive(self) -> Self {
        self.step(Step::Receive)
    }

    /// Sends a binary WebSocket message.
    #[must_use]
    pub fn binary(self, bytes: impl Into<Bytes>) -> Self {
        self.step(Step::Binary(bytes.into()))
    }

    /// Writes these bytes to the wire of a WebSocket unchanged, to violate the protocol.
    #[must_use]
    pub fn raw(self, bytes: impl Into<Bytes>) -> Self {
        self.step(Step::Raw(bytes.into()))
    }

    /// Closes the WebSocket with this code.
    #[must_use]
    pub fn close(self, code: u16) -> Self {
        self.step(Step::Close(code))
    }

    /// Moves all previous steps before the headers, to delay the headers or never send them.
    #[must_use]
    pub fn then_head(mut self) -> Self {
        self.before_head = core::mem::take(&mut self.steps).into();
        self
    }

    /// Sets the line ending of every event and comment.
    #[must_use]
    pub fn line_end(mut self, line_end: LineEnd) -> Self {
        self.line_end = line_end;
        self
    }

    /// Sends a byte order mark, with which a stream may start.
    #[must_use]
    pub fn byte_order_mark(self) -> Self {
        self.body(&b"\xEF\xBB\xBF"[..])
    }

    /// Splits the bytes of every step into chunks.
    #[must_use]
    pub fn shape(mut self, shape: ChunkShape) -> Self {
        self.shape = shape;
        self
    }

    /// Pauses for this long before every chunk except the first.
    #[must_use]
    pub fn pace(mut self, period: Duration) -> Self {
        self.pace = period;
        self
    }

    /// Plays this answer this many times before the next one.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = Some(times);
        self
    }

    /// Plays this answer without end.
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

/// Returns the bytes that a step sends in an event stream.
pub(super) fn sse_bytes(step: &Step, line_end: LineEnd) -> Option<Bytes> {
    match step {
        Step::Bytes(bytes) | Step::Raw(bytes) | Step::Binary(bytes) => Some(bytes.clone()),
        Step::Event(json) => Some(line_end.apply(event_text(json))),
        Step::Comment(text) => Some(line_end.apply(format!(": {text}\n\n"))),
        _ => None,
    }
}

impl LineEnd {
    fn apply(self, text: String) -> Bytes {
        match self {
            Self::Lf => text.into(),
            Self::Cr => text.replace('\n', "\r").into(),
            Self::CrLf => text.replace('\n', "\r\n").into(),
        }
    }
}

fn event_text(json: &str) -> String {
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
    text
}
