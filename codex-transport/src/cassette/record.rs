use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame};
use serde_json::{Value, json};

use crate::cassette::scrub::Scrubber;
use crate::error::Error;
use crate::http::body::Body;
use crate::http::transport::HttpTransport;
use crate::lock::lock;
use crate::redact::Redactor;
use crate::ws::connection::{Socket, WsConnection};
use crate::ws::transport::{Upgrade, WsTransport};

/// A transport that records what passes through it. Clones write to the same cassette.
///
/// Everything is held in memory, up to [`RECORDING_LIMIT`](Self::RECORDING_LIMIT) bytes of payload.
/// Later events are not recorded, and the first line of the recording then has `"complete": false`.
#[derive(Clone)]
pub struct Recorder<T> {
    transport: T,
    tape: Tape,
    scrubber: Scrubber,
}

impl<T> Recorder<T> {
    /// The maximum payload of a recording, in bytes: 64 MiB.
    pub const RECORDING_LIMIT: usize = RECORDING_LIMIT;

    /// Wraps a transport and records what passes through it.
    pub fn new(transport: T) -> Self {
        Self {
            transport,
            tape: Tape::new(),
            scrubber: Scrubber::default(),
        }
    }

    /// Replaces the scrubber, to add custom secrets.
    #[must_use]
    pub fn scrubber(mut self, scrubber: Scrubber) -> Self {
        self.scrubber = scrubber;
        self
    }

    /// Returns the recording so far as JSON Lines, with secrets removed.
    pub fn to_json_lines(&self) -> String {
        lock(&self.tape.0).to_json_lines(&self.scrubber)
    }
}

impl<T: HttpTransport> HttpTransport for Recorder<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, Error> {
        let exchange = self.tape.begin(&request, &self.scrubber);
        self.tape
            .write(exchange, Entry::Sent(request.body().clone()));
        match self.transport.send(request).await {
            Err(error) => {
                self.tape.write(exchange, Entry::Failed(failure(&error)));
                Err(error)
            }
            Ok(response) => {
                self.tape.head(exchange, &response, &self.scrubber);
                let tape = self.tape.clone();
                Ok(response.map(|body| {
                    Body::wrap(RecordedBody {
                        body,
                        tape,
                        exchange,
                        ended: false,
                    })
                }))
            }
        }
    }
}

impl<T: WsTransport> WsTransport for Recorder<T> {
    async fn connect(&self, request: Request<()>) -> Result<Upgrade, Error> {
        let exchange = self.tape.begin(&request, &self.scrubber);
        match self.transport.connect(request).await {
            Err(error) => {
                self.tape.write(exchange, Entry::Failed(failure(&error)));
                Err(error)
            }
            Ok(Upgrade::Refused(response)) => {
                self.tape.head(exchange, &response, &self.scrubber);
                self.tape
                    .write(exchange, Entry::Received(response.body().clone()));
                self.tape.write(exchange, Entry::Ended(None));
                Ok(Upgrade::Refused(response))
            }
            Ok(Upgrade::Accepted(connection, response)) => {
                self.tape.head(exchange, &response, &self.scrubber);
                let socket = RecordedSocket {
                    socket: connection.into_socket(),
                    tape: self.tape.clone(),
                    exchange,
                };
                Ok(Upgrade::Accepted(WsConnection::new(socket), response))
            }
        }
    }
}

impl<T> fmt::Debug for Recorder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Tape(Arc<Mutex<Inner>>);

struct Inner {
    started: Instant,
    exchanges: usize,
    lines: Vec<Line>,
    bytes: usize,
    full: bool,
    // The credentials of all requests: a server may echo them.
    redactor: Redactor,
}

struct Line {
    at_ms: u64,
    exchange: usize,
    entry: Entry,
}

enum Entry {
    // Scrubbed when written, since headers are complete by then.
    Request(Value),
    Response(Value),
    // Scrubbed when the recording is read, since a secret may span several chunks.
    Sent(Bytes),
    Received(Bytes),
    // The end, with the close code of a WebSocket if there is one.
    Ended(Option<u16>),
    Failed(&'static str),
}

impl Tape {
    fn new() -> Self {
        let inner = Inner {
            started: Instant::now(),
            exchanges: 0,
            lines: Vec::new(),
            bytes: 0,
            full: false,
            redactor: Redactor::default(),
        };
        Self(Arc::new(Mutex::new(inner)))
    }

    fn begin<B>(&self, request: &Request<B>, scrubber: &Scrubber) -> usize {
        let (exchange, redactor) = {
            let mut inner = lock(&self.0);
            inner.exchanges += 1;
            inner.redactor.add_headers(request.headers());
            (inner.exchanges - 1, inner.redactor.clone())
        };
        let url = scrubber.url(request.uri());
        let value = json!({
            "method": request.method().as_str(), "url": redactor.redact(&url),
            "headers": without_echoes(scrubber.headers(request.headers()), &redactor),
        });
        self.write(exchange, Entry::Request(value));
        exchange
    }

    fn head<B>(&self, exchange: usize, response: &Response<B>, scrubber: &Scrubber) {
        let redactor = lock(&self.0).redactor.clone();
        let headers = without_echoes(scrubber.headers(response.headers()), &redactor);
        let value = json!({"status": response.status().as_u16(), "headers": headers});
        self.write(exchange, Entry::Response(value));
    }

    fn write(&self, exchange: usize, entry: Entry) {
        let mut inner = lock(&self.0);
        let size = match &entry {
            Entry::Sent(bytes) | Entry::Received(bytes) => bytes.len(),
            _ => 0,
        };
        if inner.full || inner.bytes + size > RECORDING_LIMIT {
            inner.full = true;
            return;
        }
        inner.bytes += size;
        let at_ms = u64::try_from(inner.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        inner.lines.push(Line {
            at_ms,
            exchange,
            entry,
        });
    }
}

impl Inner {
    fn to_json_lines(&self, scrubber: &Scrubber) -> String {
        let mut payloads = self.scrubbed(scrubber);
        let mut text = json!({"cassette": 1, "complete": !self.full}).to_string();
        text.push('\n');
        for (index, line) in self.lines.iter().enumerate() {
            let mut value = json!({"at_ms": line.at_ms, "exchange": line.exchange});
            let payload = core::mem::take(&mut payloads[index]);
            match &line.entry {
                Entry::Request(head) => value["request"] = head.clone(),
                Entry::Response(head) => value["response"] = head.clone(),
                Entry::Sent(_) => value["sent"] = readable(payload),
                Entry::Received(_) => value["received"] = readable(payload),
                Entry::Ended(code) => value["ended"] = json!({"code": code}),
                Entry::Failed(kind) => value["failed"] = json!(kind),
            }
            text.push_str(&value.to_string());
            text.push('\n');
        }
        text
    }

    // Joins each direction of each exchange into one text, scrubs it, and splits it at the original
    // boundaries.
    fn scrubbed(&self, scrubber: &Scrubber) -> Vec<Vec<u8>> {
        let mut payloads = vec![Vec::new(); self.lines.len()];
        for exchange in 0..self.exchanges {
            for sent in [true, false] {
                let pieces: Vec<(usize, &Bytes)> = self
                    .lines
                    .iter()
                    .enumerate()
                    .filter(|(_, line)| line.exchange == exchange)
                    .filter_map(|(index, line)| match &line.entry {
                        Entry::Sent(bytes) if sent => Some((index, bytes)),
                        Entry::Received(bytes) if !sent => Some((index, bytes)),
                        _ => None,
                    })
                    .collect();
                let mut whole: Vec<u8> = pieces
                    .iter()
                    .flat_map(|(_, bytes)| bytes.iter().copied())
                    .collect();
                self.redactor.redact_bytes(&mut whole);
                scrubber.scrub(&mut whole);
                let mut rest = whole.as_slice();
                for (index, bytes) in pieces {
                    let (piece, behind) = rest.split_at(bytes.len());
                    payloads[index] = piece.to_vec();
                    rest = behind;
                }
            }
        }
        payloads
    }
}

fn without_echoes(headers: Vec<(String, String)>, redactor: &Redactor) -> Vec<(String, String)> {
    let clean = |(name, value): (String, String)| (name, redactor.redact(&value).into_owned());
    headers.into_iter().map(clean).collect()
}

// Text if the bytes are valid UTF-8; a chunk that was split within a character is not.
fn readable(bytes: Vec<u8>) -> Value {
    match String::from_utf8(bytes) {
        Ok(text) => json!({"text": text}),
        Err(error) => {
            json!({"hex": error.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>()})
        }
    }
}

// The part of an error that a replay can reproduce.
fn failure(error: &Error) -> &'static str {
    use crate::error::ErrorKind;
    match error.kind() {
        ErrorKind::Truncated => "truncated",
        ErrorKind::StreamReset => "stream_reset",
        ErrorKind::Timeout(_) => "timeout",
        _ => "connection_lost",
    }
}

struct RecordedBody {
    body: Body,
    tape: Tape,
    exchange: usize,
    ended: bool,
}

impl HttpBody for RecordedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        let next = ready!(this.body.poll_chunk(cx));
        match &next {
            Some(Ok(chunk)) => this
                .tape
                .write(this.exchange, Entry::Received(chunk.clone())),
            Some(Err(error)) => this
                .tape
                .write(this.exchange, Entry::Failed(failure(error))),
            None if !this.ended => this.tape.write(this.exchange, Entry::Ended(None)),
            None => {}
        }
        this.ended = !matches!(next, Some(Ok(_)));
        Poll::Ready(next.map(|result| result.map(Frame::data)))
    }
}

struct RecordedSocket {
    socket: Box<dyn Socket>,
    tape: Tape,
    exchange: usize,
}

impl Socket for RecordedSocket {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let next = ready!(self.socket.poll_receive(cx));
        let entry = match &next {
            Some(Ok(message)) => Entry::Received(message.clone()),
            Some(Err(error)) if error.close_code().is_some() => Entry::Ended(error.close_code()),
            Some(Err(error)) => Entry::Failed(failure(error)),
            None => Entry::Ended(Some(1000)),
        };
        self.tape.write(self.exchange, entry);
        Poll::Ready(next)
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.socket.poll_ready(cx)
    }

    fn start_send(&mut self, text: Bytes) -> Result<(), Error> {
        self.tape.write(self.exchange, Entry::Sent(text.clone()));
        self.socket.start_send(text)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.socket.poll_flush(cx)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, code: u16) -> Poll<Result<(), Error>> {
        self.socket.poll_close(cx, code)
    }
}

const RECORDING_LIMIT: usize = 64 << 20;
