//! `GET /v1/responses` with an upgrade: a client's WebSocket. Requests of one stream (`stream_id`)
//! are served sequentially, those of different streams in parallel; each stream has its own
//! conversation with the service. One task reads and writes, so the gateway does not read from a
//! client that does not read its events.

use core::net::SocketAddr;
use std::collections::HashMap;
use std::sync::Arc;

use codex_client::CallOptions;
use codex_types::ClientEvent;
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};

use crate::body;
use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::guard::Caller;
use crate::payload::{self, Payload};
use crate::state::Memory;
use crate::stream::RequestStream;
use crate::upstream::call_options;

/// Responds to an upgrade, and serves the resulting socket.
pub(crate) fn upgrade(
    gateway: Arc<Gateway>,
    caller: Caller,
    peer: SocketAddr,
    mut request: Request<Incoming>,
) -> Result<Response<Payload>, Failure> {
    let headers = request.headers();
    let is = |name, wanted: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.eq_ignore_ascii_case(wanted))
    };
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| key.len() == 24);
    let (true, true, Some(key)) = (
        is(UPGRADE, "websocket"),
        is(SEC_WEBSOCKET_VERSION, "13"),
        key,
    ) else {
        return Err(Failure::refusal(
            StatusCode::BAD_REQUEST,
            "invalid_upgrade",
            "not a WebSocket handshake",
        )
        .with_header(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")));
    };
    let accept = derive_accept_key(key.as_bytes());
    let options = call_options(headers);
    let permit = caller.connect()?;
    let upgrading = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        serve(gateway, caller, peer, options, upgrading).await;
        drop(permit);
    });
    let mut response = Response::new(payload::whole(""));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&accept) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    Ok(response)
}

async fn serve(
    gateway: Arc<Gateway>,
    caller: Caller,
    peer: SocketAddr,
    options: CallOptions,
    upgrading: OnUpgrade,
) {
    let Ok(upgraded) = upgrading.await else {
        return;
    };
    let mut config = WebSocketConfig::default();
    config.max_message_size = Some(gateway.limits.body);
    config.max_frame_size = Some(gateway.limits.body);
    let socket =
        WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    let (out, events) = mpsc::channel(EVENTS);
    let memory = Memory::new(RESPONSES, gateway.limits.body);
    let connection = Connection {
        socket,
        gateway,
        caller,
        peer,
        options,
        memory,
        streams: HashMap::new(),
        running: JoinSet::new(),
        out,
    };
    connection.run(events).await;
}

struct Connection {
    socket: WebSocketStream<TokioIo<Upgraded>>,
    gateway: Arc<Gateway>,
    caller: Caller,
    peer: SocketAddr,
    options: CallOptions,
    /// The responses that were created on this socket.
    memory: Memory,
    streams: HashMap<Option<String>, mpsc::Sender<ClientEvent>>,
    /// Dropping it with the connection cancels everything that was requested over the connection.
    running: JoinSet<()>,
    out: mpsc::Sender<String>,
}

/// The error of a client that cannot be reached any more.
struct Gone;

impl Connection {
    async fn run(mut self, mut events: mpsc::Receiver<String>) {
        if let Ok(code) = self.converse(&mut events).await {
            let frame = CloseFrame {
                code,
                reason: "".into(),
            };
            let closing = self.socket.close(Some(frame));
            let _ = timeout(self.gateway.limits.client_timeout, closing).await;
        }
    }

    /// Serves messages until the client leaves, or the gateway stops and all requests have been
    /// served.
    async fn converse(&mut self, events: &mut mpsc::Receiver<String>) -> Result<CloseCode, Gone> {
        let mut stopping = self.gateway.stopping.clone();
        let mut is_stopping = false;
        let client_timeout = self.gateway.limits.client_timeout;
        let mut ping = interval_at(Instant::now() + client_timeout, client_timeout);
        let mut is_alive = true;
        loop {
            tokio::select! {
                Some(event) = events.recv() => self.send(Message::text(event)).await?,
                message = self.socket.next() => match message {
                    Some(Ok(message)) => {
                        is_alive = true;
                        self.take(message, is_stopping).await?;
                    }
                    _ => return Err(Gone),
                },
                _ = ping.tick() => {
                    if !core::mem::take(&mut is_alive) {
                        return Err(Gone);
                    }
                    self.send(Message::Ping("".into())).await?;
                }
                _ = stopping.changed(), if !is_stopping => {
                    is_stopping = true;
                    // A closed inbox ends a stream once it has served the messages that it already
                    // has.
                    self.streams.clear();
                }
                ended = self.running.join_next(), if is_stopping => {
                    if ended.is_none() && events.is_empty() {
                        return Ok(CloseCode::Away);
                    }
                }
            }
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), Gone> {
        let sending = self.socket.send(message);
        match timeout(self.gateway.limits.client_timeout, sending).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Gone),
        }
    }

    async fn flush(&mut self) -> Result<(), Gone> {
        match timeout(self.gateway.limits.client_timeout, self.socket.flush()).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Gone),
        }
    }

    async fn take(&mut self, message: Message, is_stopping: bool) -> Result<(), Gone> {
        let result = match message {
            _ if is_stopping => Ok(()),
            Message::Text(text) => self.pass_on(text.as_bytes()),
            Message::Binary(bytes) => self.pass_on(&bytes),
            Message::Close(_) => return Err(Gone),
            // The pong is written before anything else is read, so that a client that only pings
            // cannot fill memory.
            Message::Ping(_) => return self.flush().await,
            _ => Ok(()),
        };
        match result {
            Ok(()) => Ok(()),
            Err(failure) => {
                self.send(Message::text(failure.into_event().to_string()))
                    .await
            }
        }
    }

    /// Passes a message to its stream.
    fn pass_on(&mut self, message: &[u8]) -> Result<(), Failure> {
        let stream_id = body::parse::<Address>(message)?.stream_id;
        if stream_id.as_deref().is_some_and(|name| !is_stream_id(name)) {
            return Err(refusal(
                "invalid_stream_id",
                "stream_id must have 1 to 256 letters, digits, dots, hyphens or underscores",
            ));
        }
        let event: ClientEvent = body::parse(message)?;
        if !self.streams.contains_key(&stream_id) {
            if self.streams.len() >= STREAMS {
                return Err(refusal(
                    "too_many_streams",
                    "too many streams on this WebSocket",
                ));
            }
            let (sender, inbox) = mpsc::channel(WAITING);
            let running = RequestStream {
                gateway: self.gateway.clone(),
                caller: self.caller.clone(),
                peer: self.peer,
                options: self.options.clone(),
                stream_id: stream_id.clone(),
                memory: self.memory.clone(),
                out: self.out.clone(),
            };
            self.running.spawn(running.run(inbox));
            self.streams.insert(stream_id.clone(), sender);
        }
        match self
            .streams
            .get(&stream_id)
            .map(|stream| stream.try_send(event))
        {
            Some(Ok(())) => Ok(()),
            _ => Err(refusal(
                "too_many_requests",
                "too many queued requests on this stream",
            )),
        }
    }
}

#[derive(Deserialize)]
struct Address {
    stream_id: Option<String>,
}

fn is_stream_id(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (1..=256).contains(&name.len()) && name.bytes().all(is_word)
}

fn refusal(code: &str, message: &str) -> Failure {
    Failure::refusal(StatusCode::BAD_REQUEST, code, message)
}

/// The number of events that wait for a slow client. When it is reached, the client's streams wait,
/// and with them the service.
const EVENTS: usize = 32;
const STREAMS: usize = 16;
/// The number of messages that wait on a stream.
const WAITING: usize = 8;
/// The number of responses of a socket that a request may continue.
const RESPONSES: usize = 64;
