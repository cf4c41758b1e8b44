//! The simulated server: one state for both transports. It stores for each connection what a
//! WebSocket may continue, keeps background responses, and records every request that does not have
//! exactly the whole conversation.

use core::task::{Context, Poll};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use codex_transport::testing::{Answer, Cut, RecordedRequest, Script};
use codex_transport::{Error, ErrorKind, Phase, Sent, Socket, Upgrade, WsConnection, WsTransport};
use http::{Request, Response};
use serde_json::{Value, json};

use crate::exactly_once::random::Random;

/// The number of events of a response.
pub(crate) const EVENTS: usize = 10;
const DELTAS: usize = 4;

/// The fault of a connection before an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It ends without a close frame.
    End,
    Reset,
    /// The server sends nothing more.
    Stall,
    /// A WebSocket is closed with this code; over HTTP the body ends as if it were complete.
    Close(u16),
}

impl Fault {
    pub(crate) const ALL: [Self; 7] = [
        Self::End,
        Self::Reset,
        Self::Stall,
        Self::Close(1000),
        Self::Close(1006),
        Self::Close(1008),
        Self::Close(1011),
    ];
}

/// The faults that occur.
pub(crate) enum Faults {
    Drawn(Random),
    /// This fault, before this event of this response, counted over both transports.
    One {
        response: usize,
        index: usize,
        fault: Fault,
        /// Whether the server loses the events of stored responses.
        forgets: bool,
    },
}

impl Faults {
    pub(crate) fn drawn_from(random: Random) -> Self {
        Self::Drawn(random)
    }

    pub(crate) fn one(response: usize, index: usize, fault: Fault, forgets: bool) -> Self {
        Self::One {
            response,
            index,
            fault,
            forgets,
        }
    }

    /// Returns whether the events of a response are no longer available.
    fn forget(&mut self) -> bool {
        match self {
            Self::Drawn(random) => random.one_in(4),
            Self::One { forgets, .. } => *forgets,
        }
    }

    fn one_in(&mut self, count: u64) -> bool {
        match self {
            Self::Drawn(random) => random.one_in(count),
            Self::One { .. } => false,
        }
    }

    fn choose<T: Copy>(&mut self, from: &[T]) -> T {
        match self {
            Self::Drawn(random) => random.choose(from),
            Self::One { .. } => from[0],
        }
    }

    /// Returns whether and where the stream of this response breaks.
    fn of_stream(&mut self, response: usize, left: usize) -> Option<(usize, Fault)> {
        match self {
            Self::Drawn(random) => {
                let place = (
                    random.below(left as u64 + 1) as usize,
                    random.choose(&Fault::ALL),
                );
                random.one_in(3).then_some(place)
            }
            Self::One {
                response: of,
                index,
                fault,
                ..
            } => (response == *of && left == EVENTS).then_some((*index, *fault)),
        }
    }
}

/// The response to a request, whether or not it arrives.
pub(crate) struct Made {
    pub(crate) id: String,
    pub(crate) events: Vec<Value>,
}

pub(crate) struct Server {
    faults: Faults,
    pub(crate) made: Vec<Made>,
    /// The conversation that the consumer intends, for comparison.
    pub(crate) expected: Vec<Value>,
    /// Whether a fault of this turn may be visible to the client.
    pub(crate) has_interfered: bool,
    pub(crate) violations: Vec<String>,
    connections: usize,
}

impl Server {
    pub(crate) fn new(faults: Faults) -> Self {
        Self {
            faults,
            made: Vec::new(),
            expected: Vec::new(),
            has_interfered: false,
            violations: Vec::new(),
            connections: 0,
        }
    }

    fn interfere(&mut self, one_in: u64) -> bool {
        let does = self.faults.one_in(one_in);
        self.has_interfered |= does;
        does
    }

    /// Creates the response to a whole conversation.
    fn respond(&mut self, conversation: &[Value]) -> usize {
        if conversation != self.expected {
            let (asked, meant) = (conversation.len(), self.expected.len());
            self.violations.push(format!(
                "asked with {asked} items, or others, where {meant} were meant"
            ));
        }
        let number = self.made.len();
        let id = format!("resp_{number}");
        let ending = if self.faults.one_in(12) {
            self.faults.choose(&["failed", "incomplete"])
        } else {
            "completed"
        };
        self.made.push(Made {
            events: events(number, &id, ending),
            id,
        });
        number
    }

    /// Returns the fault of the remaining events, if any, and the event before which it occurs.
    fn fault(&mut self, number: usize, left: usize) -> Option<(usize, Fault)> {
        let fault = self.faults.of_stream(number, left)?;
        self.has_interfered = true;
        Some(fault)
    }

    fn http(&mut self, request: &RecordedRequest) -> Answer {
        if self.interfere(15) {
            return self.refuse_http();
        }
        if request.method == http::Method::GET {
            return self.go_on(request);
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        if body.get("previous_response_id").is_some() {
            self.violations
                .push("a response of a socket named over HTTP".into());
        }
        let number = self.respond(items(&body));
        self.stream(number, 0)
    }

    /// Returns a background response after an event, or from a few events before it.
    fn go_on(&mut self, request: &RecordedRequest) -> Answer {
        let id = request.path().rsplit('/').next().unwrap_or_default();
        let number = self.made.iter().position(|made| made.id == id).unwrap();
        let Some(query) = request.uri.query() else {
            return self.whole(number);
        };
        if self.faults.forget() {
            return Answer::json(404, r#"{"error":{"message":"invented"}}"#);
        }
        let after: usize = query.rsplit('=').next().unwrap().parse().unwrap();
        let overlap = if self.faults.one_in(2) { 2 } else { 0 };
        self.stream(number, (after + 1).saturating_sub(overlap))
    }

    /// Returns the current state of a background response.
    fn whole(&mut self, number: usize) -> Answer {
        let events = &self.made[number].events;
        let event = if self.faults.one_in(3) {
            &events[0]
        } else {
            &events[events.len() - 1]
        };
        Answer::json(200, event["response"].to_string())
    }

    fn stream(&mut self, number: usize, start: usize) -> Answer {
        let left = self.made[number].events.len() - start;
        let fault = self.fault(number, left);
        let end = fault.map_or(left, |(index, _)| index.min(left));
        let events = self.made[number].events[start..start + end].iter();
        let answer = Answer::sse().events(events.map(Value::to_string));
        match fault {
            Some((_, Fault::End)) => answer.cut(Cut::Close),
            Some((_, Fault::Reset)) => answer.cut(Cut::Reset),
            Some((_, Fault::Stall)) => answer.stall(),
            Some((_, Fault::Close(_))) | None => answer,
        }
    }

    fn refuse_http(&mut self) -> Answer {
        let error = |code: &str| {
            json!({"error": {"code": code, "type": code, "message": "invented"}}).to_string()
        };
        match self.faults.choose(&[0, 1, 2, 3, 4, 5]) {
            0 => Answer::json(500, error("server_error")),
            1 => Answer::json(503, error("server_is_overloaded")),
            2 => Answer::json(429, error("usage_limit_reached")),
            3 => Answer::json(401, error("token_expired")),
            4 => Answer::hang_up(Cut::Reset),
            _ => Answer::json(400, error("invalid_prompt")),
        }
    }

    fn refuse_upgrade(&mut self) -> Result<Upgrade, Error> {
        let kinds = [
            ErrorKind::Connect,
            ErrorKind::ConnectionLost,
            ErrorKind::Timeout(codex_transport::TimeoutKind::Connect),
        ];
        if self.faults.one_in(3) {
            return Err(Error::new(
                self.faults.choose(&kinds),
                Phase::Handshake,
                Sent::No,
            ));
        }
        let status = self.faults.choose(&[426_u16, 401, 403, 404, 429, 500, 503]);
        Ok(Upgrade::Refused(
            Response::builder()
                .status(status)
                .body(Bytes::from_static(b"{}"))
                .unwrap(),
        ))
    }

    /// Returns the steps of a socket after a message.
    fn message(&mut self, memory: &mut HashMap<String, Vec<Value>>, text: &[u8]) -> VecDeque<Step> {
        let message: Value = serde_json::from_slice(text).unwrap();
        assert_eq!(message["type"], "response.create");
        if self.interfere(25) {
            return [self.error_event()].into();
        }
        let mut conversation = match message.get("previous_response_id").and_then(Value::as_str) {
            None => Vec::new(),
            Some(previous) => match memory.get(previous) {
                Some(known) => known.clone(),
                None => {
                    self.violations
                        .push(format!("{previous} is not of this connection"));
                    Vec::new()
                }
            },
        };
        conversation.extend_from_slice(items(&message));
        let number = self.respond(&conversation);
        let fault = self.fault(number, EVENTS);
        let mut steps = VecDeque::new();
        if self.faults.one_in(4) {
            steps.push_back(Step::Text(
                json!({"type": "codex.rate_limits", "plan_type": "plus"}),
            ));
        }
        let events = &self.made[number].events;
        for (index, event) in events.iter().enumerate() {
            match fault {
                Some((at, fault)) if at == index => {
                    steps.push_back(Step::Fault(fault));
                    return steps;
                }
                _ => steps.push_back(Step::Text(event.clone())),
            }
        }
        let last = &events[events.len() - 1];
        conversation.extend(
            last["response"]["output"]
                .as_array()
                .unwrap()
                .iter()
                .cloned(),
        );
        memory.insert(self.made[number].id.clone(), conversation);
        if self.faults.one_in(6) {
            let done = json!({"type": "response.done", "response": {"id": self.made[number].id, "status": "completed"}});
            steps.push_back(Step::Text(done));
        }
        if let Some((_, fault)) = fault {
            // After the last event: an idle connection that breaks.
            steps.push_back(Step::Fault(fault));
        }
        steps
    }

    fn error_event(&mut self) -> Step {
        let (status, code) = self.faults.choose(&[
            (400, "previous_response_not_found"),
            (400, "websocket_connection_limit_reached"),
            (401, "token_expired"),
            (429, "usage_limit_reached"),
            (500, "server_error"),
            (400, "invalid_prompt"),
        ]);
        Step::Text(
            json!({"type": "error", "status": status, "error": {"code": code, "message": "invented"}}),
        )
    }
}

/// Returns the script of the HTTP side.
pub(crate) fn over_http(server: &Arc<Mutex<Server>>) -> Script {
    let server = server.clone();
    Script::new().rule(move |request| Some(server.lock().unwrap().http(request)))
}

/// Returns the script of the WebSocket side.
pub(crate) struct Sockets(pub(crate) Arc<Mutex<Server>>);

impl WsTransport for Sockets {
    async fn connect(&self, _: Request<()>) -> Result<Upgrade, Error> {
        let mut server = self.0.lock().unwrap();
        if server.interfere(8) {
            return server.refuse_upgrade();
        }
        server.connections += 1;
        let socket = WsConnection::new(Simulated {
            server: self.0.clone(),
            memory: HashMap::new(),
            steps: VecDeque::new(),
        });
        Ok(Upgrade::Accepted(
            socket,
            Response::builder().status(101).body(()).unwrap(),
        ))
    }
}

enum Step {
    Text(Value),
    Fault(Fault),
}

struct Simulated {
    server: Arc<Mutex<Server>>,
    /// The state that a later message may continue, which ends with this connection.
    memory: HashMap<String, Vec<Value>>,
    steps: VecDeque<Step>,
}

impl Socket for Simulated {
    fn poll_receive(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let lost = |kind| Poll::Ready(Some(Err(Error::new(kind, Phase::Body, Sent::Maybe))));
        match self.steps.pop_front() {
            None => Poll::Pending,
            Some(Step::Text(event)) => Poll::Ready(Some(Ok(event.to_string().into()))),
            Some(Step::Fault(fault)) => {
                self.steps.push_front(Step::Fault(fault));
                match fault {
                    Fault::End => lost(ErrorKind::Truncated),
                    Fault::Reset => lost(ErrorKind::ConnectionLost),
                    Fault::Stall => Poll::Pending,
                    Fault::Close(1000) => Poll::Ready(None),
                    Fault::Close(code) => {
                        let error = Error::new(ErrorKind::Closed, Phase::Body, Sent::Maybe);
                        Poll::Ready(Some(Err(error.with_close_code(code))))
                    }
                }
            }
        }
    }

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(&mut self, text: Bytes) -> Result<(), Error> {
        // A broken connection stays broken: nothing sent over it arrives.
        if !matches!(self.steps.front(), Some(Step::Fault(_))) {
            let steps = self.server.lock().unwrap().message(&mut self.memory, &text);
            self.steps.extend(steps);
        }
        Ok(())
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: u16) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }
}

fn items(request: &Value) -> &[Value] {
    request["input"].as_array().map_or(&[], Vec::as_slice)
}

/// Returns the events of a response, whose texts occur in no other response.
fn events(number: usize, id: &str, ending: &str) -> Vec<Value> {
    let item_id = format!("msg_{number}");
    let words: Vec<String> = (0..DELTAS)
        .map(|delta| format!("r{number}d{delta} "))
        .collect();
    let message = |status: &str, text: &str| {
        json!({"type": "message", "id": item_id, "role": "assistant", "status": status,
            "content": [{"type": "output_text", "text": text, "annotations": []}]})
    };
    let response = |status: &str, output: Value| json!({"id": id, "object": "response", "status": status, "model": "some-model", "output": output});
    let whole = message("completed", &words.concat());
    let mut events = vec![
        json!({"type": "response.created", "response": response("in_progress", json!([]))}),
        json!({"type": "response.output_item.added", "output_index": 0,
            "item": {"type": "message", "id": item_id, "role": "assistant", "status": "in_progress", "content": []}}),
        json!({"type": "response.content_part.added", "output_index": 0, "item_id": item_id, "content_index": 0,
            "part": {"type": "output_text", "text": "", "annotations": []}}),
    ];
    events.extend(words.iter().map(|word| {
        json!({"type": "response.output_text.delta", "output_index": 0, "item_id": item_id, "content_index": 0, "delta": word})
    }));
    events.push(json!({"type": "response.output_text.done", "output_index": 0, "item_id": item_id, "content_index": 0, "text": words.concat()}));
    events.push(json!({"type": "response.output_item.done", "output_index": 0, "item": whole}));
    events.push(
        json!({"type": format!("response.{ending}"), "response": response(ending, json!([whole]))}),
    );
    assert_eq!(events.len(), EVENTS);
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = json!(number);
    }
    events
}
