//! One stream of a client's WebSocket: it serves requests sequentially, over one conversation with
//! the service. A request may name any response that was created on the socket; if the service does
//! not know that response, it is sent the whole conversation instead.

use core::net::SocketAddr;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

use codex_client::{CallOptions, Error, ErrorKind, SocketSession, SocketTurn, TurnEvent};
use codex_types::profile::Store;
use codex_types::{ClientEvent, CreateResponse, ErrorCategory, Response, Status};
use http::StatusCode;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::guard::Caller;
use crate::id;
use crate::journal::Entry;
use crate::relay;
use crate::state::{Continued, Memory, Remembered, lost};
use crate::upstream::Upstream;

pub(crate) struct RequestStream {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) caller: Caller,
    pub(crate) peer: SocketAddr,
    pub(crate) options: CallOptions,
    pub(crate) stream_id: Option<String>,
    /// The responses of all streams of the socket.
    pub(crate) memory: Memory,
    pub(crate) out: mpsc::Sender<String>,
}

/// The error of a client that has left.
struct Gone;

/// The conversation with one service. It ends when a request needs another service.
struct Session {
    /// The number of the service.
    service: usize,
    socket: SocketSession,
}

impl Session {
    fn of(upstream: &Upstream) -> Self {
        Self {
            service: upstream.number,
            socket: upstream.socket_session(),
        }
    }

    fn turn_to(&mut self, upstream: &Upstream) {
        if self.service != upstream.number {
            *self = Self::of(upstream);
        }
    }

    /// Returns whether the service may know a response: it stores responses, or the socket on which
    /// it created the response is open.
    fn knows(&self, upstream: &Upstream, before: Option<&Remembered>) -> bool {
        match before {
            Some(before) if before.service != self.service => false,
            Some(before) => before.is_stored || self.socket.is_connected(),
            None => upstream.profile.store == Store::Free || self.socket.is_connected(),
        }
    }
}

impl RequestStream {
    /// Serves requests until the inbox is closed.
    pub(crate) async fn run(self, mut inbox: mpsc::Receiver<ClientEvent>) {
        let mut session = Session::of(self.gateway.services.first());
        let mut waiting = VecDeque::new();
        loop {
            let event = match waiting.pop_front() {
                Some(event) => Some(event),
                None => next(&mut session.socket, &mut inbox).await,
            };
            let served = match event {
                Some(ClientEvent::Create(request)) => {
                    let request = request.into_inner();
                    self.serve(&mut session, request, &mut inbox, &mut waiting)
                        .await
                }
                Some(_) => self.refuse(nothing_to_steer()).await,
                None => return,
            };
            if served.is_err() {
                return;
            }
        }
    }

    async fn serve(
        &self,
        session: &mut Session,
        request: CreateResponse,
        inbox: &mut mpsc::Receiver<ClientEvent>,
        waiting: &mut VecDeque<ClientEvent>,
    ) -> Result<(), Gone> {
        let journal = &self.gateway.journal;
        let entry = journal.begin(self.peer, "WS", "/v1/responses");
        entry.client(self.caller.number);
        entry.model(&request.model);
        entry.status(StatusCode::OK.as_u16());
        let served = self.turn(session, request, inbox, waiting, &entry).await?;
        if let Err(failure) = served {
            entry.status(failure.status().as_u16());
            entry.failed(failure.fault(), failure.code());
            self.refuse(failure).await?;
        }
        Ok(())
    }

    async fn turn(
        &self,
        session: &mut Session,
        mut request: CreateResponse,
        inbox: &mut mpsc::Receiver<ClientEvent>,
        waiting: &mut VecDeque<ClientEvent>,
        entry: &Entry,
    ) -> Result<Result<(), Failure>, Gone> {
        // The gateway's streams are not those of the service: each has its own socket there.
        request.stream_id = None;
        let _permit = match self.caller.enter() {
            Ok(permit) => permit,
            Err(failure) => return Ok(Err(failure)),
        };
        let number = self.caller.number;
        let named = request.previous_response_id.clone();
        let before = named.as_deref().and_then(|id| self.memory.get(number, id));
        let upstream = self.gateway.services.select(&mut request.model);
        session.turn_to(upstream);
        self.memory.resolve(number, &mut request, upstream);
        let continued = Continued::new(&self.memory, number, before.as_ref(), &request, upstream);
        if let Some(id) = &named
            && !session.knows(upstream, before.as_ref())
        {
            if before.is_none() {
                return Ok(Err(lost(id)));
            }
            request = continued.whole(request);
        }
        let first = self.begin(&mut session.socket, &request).await;
        let is_lost = first.as_ref().is_err_and(is_lost) && before.is_some();
        let turn = if is_lost && request.previous_response_id.is_some() {
            drop(first);
            request = continued.whole(request);
            self.begin(&mut session.socket, &request).await
        } else {
            first
        };
        let mut turn = match turn {
            Ok(turn) => turn,
            Err(error) if request.generate == Some(false) && needs_socket(&error) => {
                return self.prepare(&request, continued).await.map(Ok);
            }
            Err(error) => {
                self.evict(named.as_deref(), &error);
                return Ok(Err(Failure::explained(
                    &error,
                    &self.gateway.policy,
                    &upstream.profile,
                )));
            }
        };
        loop {
            let message = tokio::select! {
                item = turn.next() => match item {
                    Some(Ok(TurnEvent::Response(mut event))) => {
                        relay::add_output(&mut event, turn.snapshot());
                        continued.add_previous_to(&mut event);
                        if let Ok(json) = event.to_json() {
                            entry.sent();
                            self.send(json).await?;
                        }
                        continue;
                    }
                    // Restarts were not requested.
                    Some(Ok(TurnEvent::Restart(_))) => continue,
                    Some(Err(error)) if !error.is_fatal() => continue,
                    Some(Err(error)) => {
                        self.evict(named.as_deref(), &error);
                        return Ok(Err(Failure::of(&error)));
                    }
                    None => {
                        let response = turn.snapshot();
                        relay::record(entry, response);
                        if let (Some(id), Status::Failed) = (&named, &response.status) {
                            self.memory.forget(number, id);
                        }
                        continued.ended(response);
                        return Ok(Ok(()));
                    }
                },
                Some(message) = inbox.recv() => message,
            };
            match message {
                ClientEvent::Steer(steer) => {
                    if let Err(error) = turn.steer(steer.input).await {
                        self.refuse(Failure::of(&error)).await?;
                    }
                }
                ClientEvent::Create(_) if waiting.len() < WAITING => waiting.push_back(message),
                ClientEvent::Create(_) => self.refuse(too_many()).await?,
                _ => self.refuse(nothing_to_steer()).await?,
            }
        }
    }

    /// Drops a response whose continuation the service refused or failed, as services do: its
    /// client sends the whole conversation next.
    fn evict(&self, named: Option<&str>, error: &Error) {
        if let Some(id) = named
            && error.api().is_some()
        {
            self.memory.forget(self.caller.number, id);
        }
    }

    async fn begin<'a>(
        &self,
        session: &'a mut SocketSession,
        request: &CreateResponse,
    ) -> Result<SocketTurn<'a>, Error> {
        session.stream(request).options(self.options.clone()).await
    }

    /// Emulates `generate: false` for a service without WebSockets: keeps the input under the id of
    /// an empty response.
    async fn prepare(&self, request: &CreateResponse, continued: Continued) -> Result<(), Gone> {
        let mut response = Response::new(id::random("resp_"), Status::Completed);
        response.model = request.model.clone();
        response.created_at = now().into();
        continued.ended(&response);
        let response = serde_json::to_value(&response).unwrap_or_default();
        let kinds = ["response.created", "response.completed"];
        for (number, kind) in kinds.iter().enumerate() {
            let event = json!({"type": kind, "sequence_number": number, "response": response});
            self.send(event.to_string()).await?;
        }
        Ok(())
    }

    async fn refuse(&self, failure: Failure) -> Result<(), Gone> {
        self.send(failure.into_event().to_string()).await
    }

    /// Sends an event, with the name of the stream and without credentials.
    async fn send(&self, json: String) -> Result<(), Gone> {
        let json = match &self.stream_id {
            Some(stream_id) => on_stream(json, stream_id),
            None => json,
        };
        let json = self.gateway.services.secrets.text(json);
        self.out.send(json).await.map_err(|_| Gone)
    }
}

/// Adds the `stream_id` to an event. Only an event that contains a `stream_id` already is parsed
/// again.
fn on_stream(json: String, stream_id: &str) -> String {
    let open = json.trim_end().strip_suffix('}').map(str::trim_end);
    match open {
        // The name of a stream contains nothing that needs escaping.
        Some(open) if !open.ends_with('{') && !json.contains("stream_id") => {
            format!(r#"{open},"stream_id":"{stream_id}"}}"#)
        }
        _ => {
            let mut event: Map<String, Value> = serde_json::from_str(&json).unwrap_or_default();
            event.insert("stream_id".to_owned(), stream_id.into());
            Value::Object(event).to_string()
        }
    }
}

/// Returns whether the service does not know the response that a request names, or was not sent its
/// id.
fn is_lost(error: &Error) -> bool {
    let failure = Failure::of(error);
    let api = failure.error();
    api.category() == ErrorCategory::StateLost
        || api.blames_previous_response()
        || api.param.as_deref() == Some("previous_response_id")
}

/// Returns whether a request that prepares the service would be sent over HTTP.
fn needs_socket(error: &Error) -> bool {
    error.kind() == ErrorKind::Request && Failure::of(error).error().param.is_none()
}

/// Returns the next message. Keeps the socket to the service alive until it arrives.
async fn next(
    session: &mut SocketSession,
    inbox: &mut mpsc::Receiver<ClientEvent>,
) -> Option<ClientEvent> {
    loop {
        let is_connected = session.is_connected();
        tokio::select! {
            message = inbox.recv() => return message,
            () = session.idle(), if is_connected => {}
        }
    }
}

fn nothing_to_steer() -> Failure {
    Failure::refusal(
        StatusCode::BAD_REQUEST,
        "unsupported_event",
        "unsupported event; the gateway accepts response.create, and response.steer while a response is in progress",
    )
}

fn too_many() -> Failure {
    Failure::refusal(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_requests",
        "too many queued requests on this stream",
    )
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// The number of requests that wait for the previous one.
const WAITING: usize = 8;
