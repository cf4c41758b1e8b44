//! The consumer of a conversation, which compares everything that it receives with what the server
//! sent.

use core::fmt;
use std::sync::{Arc, Mutex};

use codex_client::{Error, ErrorKind, SocketSession, TurnEvent};
use codex_types::{CreateResponse, InputItem, Message, RawJson, Response, ResponseEvent};

use crate::exactly_once::random::Random;
use crate::exactly_once::server::Server;

/// The outcomes of many turns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) turns: u64,
    pub(crate) completed: u64,
    /// Completed although the server interfered.
    pub(crate) saved: u64,
    pub(crate) interfered: u64,
    /// Ended in an error before anything was delivered, and after.
    pub(crate) refused: u64,
    pub(crate) cut: u64,
    pub(crate) restarted: u64,
    pub(crate) resumed: u64,
    pub(crate) retrieved: u64,
    pub(crate) fallen_back: u64,
    pub(crate) continued: u64,
    pub(crate) dropped: u64,
    pub(crate) events: u64,
    pub(crate) duplicated: u64,
    pub(crate) lost: u64,
    pub(crate) unexplained: u64,
    pub(crate) violations: Vec<String>,
}

pub(crate) struct Conversation {
    session: SocketSession,
    server: Arc<Mutex<Server>>,
    history: Vec<InputItem>,
    instructions: u64,
    background: bool,
    /// Whether the consumer sometimes drops a turn, changes its instructions, or edits the history.
    is_restless: bool,
    tally: Tally,
}

/// The events delivered since the last boundary.
#[derive(Default)]
struct Seen {
    id: String,
    numbers: Vec<u64>,
    text: String,
    is_over: bool,
    /// The end was created from the whole response: neither it nor the events that fill the gap
    /// before it have numbers.
    is_closed: bool,
}

impl Conversation {
    pub(crate) fn new(
        session: SocketSession,
        server: Arc<Mutex<Server>>,
        background: bool,
        is_restless: bool,
    ) -> Self {
        Self {
            session,
            server,
            history: Vec::new(),
            instructions: 0,
            background,
            is_restless,
            tally: Tally::default(),
        }
    }

    pub(crate) fn into_tally(mut self) -> Tally {
        let stats = self.session.stats();
        self.tally.restarted = stats.restarts;
        self.tally.resumed = stats.resumes;
        self.tally.retrieved = stats.retrievals;
        self.tally.fallen_back = stats.http_turns;
        self.tally.continued = stats.continuations;
        self.tally
            .violations
            .append(&mut self.server.lock().unwrap().violations);
        self.tally
    }

    pub(crate) async fn turn(&mut self, random: &mut Random) {
        self.tally.turns += 1;
        let before = self.history.len();
        self.history
            .push(Message::user(format!("question {}", self.tally.turns)).into());
        if self.is_restless && random.one_in(10) {
            self.instructions += 1;
        }
        if self.is_restless && random.one_in(10) {
            // The history is edited: the server must receive the new one.
            self.history[0] = Message::user(format!("edited in turn {}", self.tally.turns)).into();
        }
        let mut request = CreateResponse::new("some-model")
            .instructions(format!("{}", self.instructions))
            .input(self.history.clone());
        if self.background {
            request = request.background(true).store(true);
        }
        {
            let mut server = self.server.lock().unwrap();
            server.expected = RawJson::encode(&self.history).unwrap().decode().unwrap();
            server.has_interfered = false;
        }
        let patience = if self.is_restless && random.one_in(12) {
            random.below(8)
        } else {
            u64::MAX
        };
        match self.watch(&request, patience).await {
            Some(response) => self.history.extend(response.to_input()),
            // Some consumers repeat the question, others ask another one.
            None if random.one_in(2) => self.history.truncate(before),
            None => {}
        }
        let interfered = self.server.lock().unwrap().has_interfered;
        self.tally.interfered += u64::from(interfered);
    }

    /// Reads up to this many events of a turn. Returns the response if it completed.
    async fn watch(&mut self, request: &CreateResponse, patience: u64) -> Option<Response> {
        let mut turn = match self.session.stream(request).await {
            Ok(turn) => turn,
            Err(error) => {
                self.tally.refused += 1;
                explain(&mut self.tally, &error, false);
                return None;
            }
        };
        let mut seen = Seen::default();
        let mut watched = 0;
        let end = loop {
            if watched >= patience {
                self.tally.dropped += 1;
                seen.check(&self.server.lock().unwrap(), &mut self.tally);
                return None;
            }
            watched += 1;
            match turn.next().await {
                None => break None,
                Some(Ok(TurnEvent::Response(event))) => {
                    self.tally.events += 1;
                    seen.take(&event, &mut self.tally);
                }
                Some(Ok(TurnEvent::Restart(restart))) => {
                    if restart.discarded_events()
                        != seen.numbers.len() as u64 + beside(&seen, restart.discarded_events())
                    {
                        self.tally
                            .violations
                            .push("a border that does not count what it discards".into());
                    }
                    if restart.discarded().output_text() != seen.text && !seen.text.is_empty() {
                        self.tally
                            .violations
                            .push("a border that names another text than was handed out".into());
                    }
                    seen.check(&self.server.lock().unwrap(), &mut self.tally);
                    seen = Seen::default();
                }
                Some(Err(error)) if !error.is_fatal() => {
                    self.tally.violations.push(format!("{error:?}"))
                }
                Some(Err(error)) => break Some(error),
            }
        };
        if turn.next().await.is_some() {
            self.tally.violations.push("an event behind the end".into());
        }
        seen.check(&self.server.lock().unwrap(), &mut self.tally);
        match end {
            Some(error) => {
                self.tally.cut += 1;
                explain(&mut self.tally, &error, !seen.numbers.is_empty());
                if seen.is_over {
                    self.tally
                        .violations
                        .push("an error behind the last event".into());
                }
                return None;
            }
            None if !seen.is_over => self.tally.unexplained += 1,
            None => {}
        }
        let has_interfered = self.server.lock().unwrap().has_interfered;
        let response = turn.finish().await.ok()?;
        if response.output_text() != seen.text {
            self.tally
                .violations
                .push("a response with another text than was handed out".into());
        }
        self.tally.completed += 1;
        self.tally.saved += u64::from(has_interfered);
        Some(response)
    }
}

/// Events that are not part of the response have no number.
fn beside(seen: &Seen, counted: u64) -> u64 {
    counted.saturating_sub(seen.numbers.len() as u64).min(1)
}

/// An end must state the side, the reason, and whether resending repeats anything.
fn explain(tally: &mut Tally, error: &Error, delivered: bool) {
    if delivered && error.is_retryable() {
        tally
            .violations
            .push(format!("called harmless to repeat: {error:?}"));
    }
    let has_cause = match error.kind() {
        ErrorKind::Status => error.status().is_some(),
        ErrorKind::Transport | ErrorKind::Timeout => core::error::Error::source(error).is_some(),
        ErrorKind::Truncated | ErrorKind::Failed | ErrorKind::Protocol => true,
        _ => false,
    };
    if !has_cause {
        tally.unexplained += 1;
    }
}

impl Seen {
    fn take(&mut self, event: &ResponseEvent, tally: &mut Tally) {
        if self.is_over {
            tally
                .violations
                .push("an event behind the terminal one".into());
        }
        if let ResponseEvent::Created(event) = event {
            self.id.clone_from(&event.response.id);
        }
        if let Some(number) = event.sequence_number() {
            self.numbers.push(number);
        }
        self.text.push_str(event.text_delta().unwrap_or_default());
        self.is_over = event.is_terminal();
        let is_part = self.is_over || event.text_delta().is_some();
        self.is_closed |= is_part && event.sequence_number().is_none();
    }

    /// The delivered events must be a prefix of the server's events, and all of them if the turn
    /// has ended.
    fn check(&self, server: &Server, tally: &mut Tally) {
        let Some(made) = server.made.iter().find(|made| made.id == self.id) else {
            // An error instead of a response has neither.
            tally.lost += u64::from(!self.numbers.is_empty());
            return;
        };
        for (place, pair) in self.numbers.windows(2).enumerate() {
            match pair[1] {
                number if number <= pair[0] => tally.duplicated += 1,
                number if number != pair[0] + 1 => tally.lost += 1,
                number => assert_eq!(number, place as u64 + 1 + self.numbers[0]),
            }
        }
        let said: String = made
            .events
            .iter()
            .take(if self.is_closed {
                usize::MAX
            } else {
                self.numbers.len()
            })
            .filter_map(|event| event["delta"].as_str())
            .collect();
        if said != self.text {
            tally.lost += u64::from(self.text.len() < said.len());
            tally.duplicated += u64::from(self.text.len() >= said.len());
        }
        if self.numbers.first().is_some_and(|first| *first != 0)
            || (self.is_over && !self.is_closed && self.numbers.len() != made.events.len())
        {
            tally.lost += 1;
        }
    }
}

impl Tally {
    pub(crate) fn add(&mut self, seed: u64, other: &Self) {
        for (sum, count) in [
            (&mut self.turns, other.turns),
            (&mut self.completed, other.completed),
            (&mut self.saved, other.saved),
            (&mut self.interfered, other.interfered),
            (&mut self.refused, other.refused),
            (&mut self.cut, other.cut),
            (&mut self.restarted, other.restarted),
            (&mut self.resumed, other.resumed),
            (&mut self.retrieved, other.retrieved),
            (&mut self.fallen_back, other.fallen_back),
            (&mut self.continued, other.continued),
            (&mut self.dropped, other.dropped),
            (&mut self.events, other.events),
            (&mut self.duplicated, other.duplicated),
            (&mut self.lost, other.lost),
            (&mut self.unexplained, other.unexplained),
        ] {
            *sum += count;
        }
        let is_bad = other.duplicated + other.lost + other.unexplained > 0;
        if is_bad {
            self.violations
                .push(format!("seed {seed}: repeated, lost or unexplained"));
        }
        self.violations.extend(
            other
                .violations
                .iter()
                .map(|violation| format!("seed {seed}: {violation}")),
        );
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} turns, {} events: {} duplicated, {} lost, {} unexplained ends; \
             the server interfered with {} turns, of which {} completed; {} refused, {} cut, {} restarts, {} resumes, {} retrievals, {} over HTTP, {} continued, {} dropped",
            self.turns,
            self.events,
            self.duplicated,
            self.lost,
            self.unexplained,
            self.interfered,
            self.saved,
            self.refused,
            self.cut,
            self.restarted,
            self.resumed,
            self.retrieved,
            self.fallen_back,
            self.continued,
            self.dropped,
        )?;
        for violation in self.violations.iter().take(10) {
            write!(f, "\n  {violation}")?;
        }
        Ok(())
    }
}
