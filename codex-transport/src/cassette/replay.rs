use core::time::Duration;
use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use crate::error::{Error, ErrorKind, Phase, Sent};
use crate::testing::answer::{Answer, Cut};
use crate::testing::script::Script;

/// A recording that can be replayed.
#[derive(Clone, Debug)]
pub struct Cassette {
    exchanges: BTreeMap<u64, Vec<(u64, Event)>>,
}

/// Options for replaying a cassette.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Replay {
    /// Whether the pauses of the recording are reproduced.
    pub timing: bool,
    /// Cuts one exchange short: its number, counted from 0; the number of bytes of its body or its
    /// messages to send first; and the kind of cut.
    pub fault: Option<(u64, usize, Cut)>,
}

#[derive(Clone, Debug)]
enum Event {
    Request,
    Response {
        status: u16,
        headers: Vec<(String, String)>,
    },
    Sent,
    Received(Bytes),
    Ended(Option<u16>),
    Failed(Cut),
}

impl Replay {
    /// Reproduces the pauses of the recording.
    #[must_use]
    pub fn with_timing(mut self) -> Self {
        self.timing = true;
        self
    }

    /// Cuts one exchange after this many bytes.
    #[must_use]
    pub fn with_fault(mut self, exchange: u64, after_bytes: usize, cut: Cut) -> Self {
        self.fault = Some((exchange, after_bytes, cut));
        self
    }
}

impl Cassette {
    /// Parses the output of [`Recorder::to_json_lines`](super::Recorder::to_json_lines). Unknown
    /// members are ignored.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Configuration`] with the number of the first line that is not part of a
    /// cassette.
    pub fn from_json_lines(text: &str) -> Result<Self, Error> {
        let mut exchanges: BTreeMap<u64, Vec<(u64, Event)>> = BTreeMap::new();
        for (number, line) in text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
        {
            let wrong = || {
                let source = format!("invalid cassette line {}", number + 1);
                Error::new(ErrorKind::Configuration, Phase::Prepare, Sent::No).with_source(source)
            };
            let value: Value = serde_json::from_str(line).map_err(|_| wrong())?;
            if number == 0 {
                if value["cassette"] != 1 {
                    return Err(wrong());
                }
                continue;
            }
            let at = value["at_ms"].as_u64().ok_or_else(wrong)?;
            let exchange = value["exchange"].as_u64().ok_or_else(wrong)?;
            if let Some(event) = event(&value).ok_or_else(wrong)? {
                exchanges.entry(exchange).or_default().push((at, event));
            }
        }
        Ok(Self { exchanges })
    }

    /// Returns the number of recorded exchanges.
    pub fn len(&self) -> usize {
        self.exchanges.len()
    }

    /// Returns whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.exchanges.is_empty()
    }

    /// Returns a script that answers the first request like the first exchange, and so on.
    pub fn script(&self, replay: &Replay) -> Script {
        self.exchanges
            .iter()
            .fold(Script::new(), |script, (number, events)| {
                let fault = replay
                    .fault
                    .filter(|(exchange, ..)| exchange == number)
                    .map(|(_, bytes, cut)| (bytes, cut));
                script.answer(answer(events, replay.timing, fault))
            })
    }
}

// `None`: not an event of a cassette. `Some(None)`: an event of an unknown type.
fn event(value: &Value) -> Option<Option<Event>> {
    if value.get("request").is_some() {
        return Some(Some(Event::Request));
    }
    if let Some(head) = value.get("response") {
        let status = u16::try_from(head["status"].as_u64()?)
            .ok()
            .filter(|status| (100..=999).contains(status))?;
        let headers = head["headers"].as_array()?.iter().map(|pair| {
            let (name, text) = (pair.get(0)?.as_str()?, pair.get(1)?.as_str()?);
            // Checks that HTTP allows the header; otherwise the script could not send it.
            http::HeaderName::try_from(name).ok()?;
            http::HeaderValue::try_from(text).ok()?;
            Some((name.to_owned(), text.to_owned()))
        });
        return Some(Some(Event::Response {
            status,
            headers: headers.collect::<Option<_>>()?,
        }));
    }
    if value.get("sent").is_some() {
        return Some(Some(Event::Sent));
    }
    if let Some(payload) = value.get("received") {
        return Some(Some(Event::Received(bytes(payload)?)));
    }
    if let Some(end) = value.get("ended") {
        let code = end["code"].as_u64().map(u16::try_from).transpose().ok()?;
        return Some(Some(Event::Ended(code)));
    }
    if let Some(kind) = value.get("failed") {
        return Some(Some(Event::Failed(match kind.as_str()? {
            "truncated" => Cut::Close,
            "stream_reset" => Cut::Stream,
            "timeout" => Cut::Stall,
            _ => Cut::Reset,
        })));
    }
    Some(None)
}

fn bytes(payload: &Value) -> Option<Bytes> {
    if let Some(text) = payload.get("text") {
        return Some(text.as_str()?.to_owned().into());
    }
    let hex = payload.get("hex")?.as_str()?;
    let digits: Option<Vec<u32>> = hex.chars().map(|digit| digit.to_digit(16)).collect();
    let pairs = digits?
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] * 16 + pair.get(1)?).ok())
        .collect::<Option<Vec<u8>>>();
    pairs.map(Bytes::from)
}

fn answer(events: &[(u64, Event)], timing: bool, mut fault: Option<(usize, Cut)>) -> Answer {
    let head = events
        .iter()
        .position(|(_, event)| matches!(event, Event::Response { .. }));
    let mut last = events.first().map_or(0, |(at, _)| *at);
    let mut answer = match head.map(|at| &events[at].1) {
        Some(Event::Response { status, headers }) => headers
            .iter()
            // The server that frames the body writes these headers itself.
            .filter(|(name, _)| !FRAMING.contains(&name.as_str()))
            .fold(Answer::status(*status), |answer, (name, value)| {
                answer.header(name, value)
            }),
        // The exchange failed before its response headers arrived.
        _ => Answer::ok(),
    };
    let socket = matches!(
        head.map(|at| &events[at].1),
        Some(Event::Response { status: 101, .. })
    );
    for (index, (at, event)) in events.iter().enumerate() {
        if timing && *at > last {
            answer = answer.pause(Duration::from_millis(at - last));
        }
        last = (*at).max(last);
        answer = match event {
            Event::Request => answer,
            Event::Response { .. } => answer.then_head(),
            Event::Sent if socket => answer.receive(),
            Event::Sent => answer,
            Event::Received(bytes) => match &mut fault {
                Some((left, cut)) if bytes.len() > *left => {
                    // Over a WebSocket, a message is sent whole or not at all.
                    let kept = if socket {
                        answer
                    } else {
                        answer.body(bytes.slice(..*left))
                    };
                    return kept.cut(*cut);
                }
                Some((left, _)) => {
                    *left -= bytes.len();
                    answer.body(bytes.clone())
                }
                None => answer.body(bytes.clone()),
            },
            Event::Ended(Some(code)) if socket => answer.close(*code),
            Event::Ended(_) => answer,
            Event::Failed(cut) if head.is_none_or(|head| index < head) => {
                answer.cut(*cut).then_head()
            }
            Event::Failed(cut) => answer.cut(*cut),
        };
    }
    answer
}

const FRAMING: &[&str] = &[
    "connection",
    "content-length",
    "date",
    "sec-websocket-accept",
    "transfer-encoding",
    "upgrade",
];
