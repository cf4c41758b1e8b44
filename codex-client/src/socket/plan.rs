//! The request of one turn over a socket: prepared once, and sent whole or as a continuation as
//! many times as needed.

use core::time::Duration;
use std::sync::Arc;

use codex_transport::Timer as _;

use codex_types::profile::{Channel, Source};
use codex_types::{
    ClientEvent, CreateResponse, Input, Map, PreparedInput, RawJson, Response, Streaming,
};

use http::Uri;

use crate::clock::since_epoch;
use crate::error::Error;
use crate::observe::Observer;
use crate::options::CallOptions;
use crate::request::{Prepared, policy, unwritable};
use crate::shared::Shared;

use super::chain::{Chain, Parts};
use super::count::Counters;
use super::settings::{SocketSettings, TransportChoice};

/// A prepared turn, for either transport.
pub(super) struct Plan {
    pub(super) shared: Arc<Shared>,
    pub(super) settings: SocketSettings,
    pub(super) counters: Arc<Counters>,
    /// The request as the caller passed it; for HTTP it is fitted again.
    pub(super) request: CreateResponse,
    pub(super) options: CallOptions,
    /// The request as it fits a socket.
    pub(super) prepared: Prepared,
    /// The URL of `POST responses` with the scheme of WebSockets.
    pub(super) target: Uri,
    pub(super) observer: Arc<Observer>,
    parts: Parts,
}

/// The text of a message.
pub(super) struct Message {
    pub(super) json: String,
    pub(super) is_continuation: bool,
}

impl Plan {
    pub(super) async fn new(
        shared: &Arc<Shared>,
        settings: SocketSettings,
        counters: Arc<Counters>,
        request: &CreateResponse,
        options: &CallOptions,
    ) -> Result<Self, Error> {
        let prepared =
            Prepared::new(shared, request, options, Channel::WebSocket, Streaming::Yes).await?;
        let target = socket_url(prepared.target.url("responses")?)?;
        let observer = Observer::of_response(shared, &target, options, &prepared);
        let parts = Parts::new((*prepared.request).clone());
        Ok(Self {
            shared: shared.clone(),
            settings,
            counters,
            request: request.clone(),
            options: options.clone(),
            prepared,
            target,
            observer,
            parts,
        })
    }

    /// Returns whether the turn tries a socket first.
    pub(super) fn wants_socket(&self) -> Result<bool, Error> {
        let is_background = self.request.background == Some(true);
        match self.settings.transport {
            TransportChoice::Http => Ok(false),
            // The API does not support background responses over sockets.
            TransportChoice::WebSocket if is_background => Err(Error::request(BACKGROUND)),
            TransportChoice::WebSocket => Ok(true),
            TransportChoice::Auto => Ok(!is_background
                && self.prepared.target.profile.websocket.supported
                && self.shared.websocket.is_some()),
        }
    }

    /// Records that sockets to the host do not work.
    pub(super) fn avoid(&self, period: Duration) {
        let now = self.shared.timer.now();
        self.shared.avoided.insert(&self.target, now, period);
    }

    /// Returns the message to send over a socket whose state is `chain`.
    pub(super) fn message(&self, chain: Option<&Chain>) -> Result<Message, Error> {
        let websocket = &self.prepared.target.profile.websocket;
        let continuation = chain
            .filter(|_| websocket.continues)
            .and_then(|chain| chain.continued_by(&self.parts));
        let is_continuation = continuation.is_some();
        let mut request = match continuation {
            Some(continuation) => {
                let mut request = self.parts.fields.clone();
                request.previous_response_id = Some(continuation.previous_response_id);
                request.input = Some(Input::Prepared(continuation.input));
                request
            }
            None => self.parts.whole(),
        };
        self.add_turn_state(&mut request);
        self.add_send_time(&mut request);
        request.extra.remove("stream");
        if websocket.writes_stream {
            request
                .extra
                .insert("stream", RawJson::encode(&true).map_err(unwritable)?);
        }
        Ok(Message {
            json: ClientEvent::from(request).to_json().map_err(unwritable)?,
            is_continuation,
        })
    }

    /// Adds the routing token to `client_metadata`. Over HTTP it is a header, but a socket sends
    /// headers only once for many turns.
    fn add_turn_state(&self, request: &mut CreateResponse) {
        let header = self.prepared.target.profile.headers.iter().find(|header| {
            header.value == Source::TurnState && !header.channels.contains(&Channel::WebSocket)
        });
        // An earlier attempt may have received the token.
        let learned = self.options.turn_state.as_ref().and_then(|cell| cell.get());
        let state = self.prepared.identity.turn_state.as_ref().or(learned);
        if let (Some(header), Some(state)) = (header, state) {
            let metadata = request.client_metadata.get_or_insert_with(Map::new);
            metadata.insert(&*header.name, state.clone());
        }
    }

    /// Adds the time of sending to `client_metadata` where the backend has an entry for it.
    fn add_send_time(&self, request: &mut CreateResponse) {
        let websocket = &self.prepared.target.profile.websocket;
        if let Some(name) = &websocket.send_time {
            let metadata = request.client_metadata.get_or_insert_with(Map::new);
            metadata.insert(&**name, since_epoch().as_millis().to_string());
        }
    }

    /// Returns the server's state after this response.
    pub(super) fn chain_after(&self, response: &Response) -> Option<Chain> {
        if !self.prepared.target.profile.websocket.continues {
            return None;
        }
        Chain::new(&self.parts, response, &self.as_sent_back(response)?)
    }

    /// Returns the output in the form it will have in the next request: a backend may reject ids or
    /// status.
    fn as_sent_back(&self, response: &Response) -> Option<PreparedInput> {
        let output: PreparedInput = response.to_input().into_iter().collect();
        if output.is_empty() {
            return Some(output);
        }
        let profile = &self.prepared.target.profile;
        // A continuation does not repeat the tools or instructions of a whole request.
        let request = CreateResponse::new(self.request.model.clone())
            .previous_response_id(response.id.as_str())
            .input(output);
        let model = &self.request.model;
        let policy = policy(
            &self.shared,
            profile,
            &self.options,
            model,
            Channel::WebSocket,
        );
        let fitted = profile.fit(&request, &policy).ok()?;
        match fitted.request.input {
            Some(Input::Prepared(output)) => Some(output),
            _ => None,
        }
    }
}

fn socket_url(url: Uri) -> Result<Uri, Error> {
    let mut parts = url.into_parts();
    let is_encrypted = parts.scheme == Some(http::uri::Scheme::HTTPS);
    let scheme = if is_encrypted { "wss" } else { "ws" };
    parts.scheme = Some(scheme.parse().map_err(|_| Error::request(TARGET))?);
    Uri::from_parts(parts).map_err(|_| Error::request(TARGET))
}

const TARGET: &str = "base URL cannot be used for a WebSocket";
const BACKGROUND: &str = "background responses are not supported over a WebSocket";
