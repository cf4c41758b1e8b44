// What one turn sends over a socket: made once, and sent whole or as a continuation as often as it takes.

use std::sync::Arc;

use codex_types::profile::{Channel, Source};
use codex_types::{
    ClientEvent, CreateResponse, Input, Map, PreparedInput, RawJson, Response, Streaming,
};

use crate::client::Client;
use crate::error::Error;
use crate::observe::Observer;
use crate::options::CallOptions;
use crate::turn::{Turn, unwritable};

use super::chain::{Chain, Parts};
use super::count::Counters;
use super::open;
use super::settings::{SocketSettings, TransportChoice};

/// A turn, ready to be sent over whichever transport.
pub(super) struct Plan {
    pub(super) client: Client,
    pub(super) settings: SocketSettings,
    pub(super) counters: Arc<Counters>,
    /// As the caller asked, for HTTP, where it is made to fit anew.
    pub(super) request: CreateResponse,
    pub(super) options: CallOptions,
    /// As it fits a socket.
    pub(super) turn: Turn,
    pub(super) observer: Observer,
    parts: Parts,
}

/// The text of a message.
pub(super) struct Message {
    pub(super) json: String,
    pub(super) is_continuation: bool,
}

impl Plan {
    pub(super) async fn new(
        client: &Client,
        settings: SocketSettings,
        counters: Arc<Counters>,
        request: &CreateResponse,
        options: &CallOptions,
    ) -> Result<Self, Error> {
        let turn = client.turn(request, options, Channel::WebSocket).await?;
        let observer = Observer::of_turn(client, &open::target(&turn)?, options, &turn);
        let sent = if options.parameters.is_empty() {
            turn.request.clone()
        } else {
            let body = turn.body_json(Streaming::Yes)?;
            RawJson::parse(&body)
                .and_then(|body| body.decode())
                .map_err(unwritable)?
        };
        Ok(Self {
            client: client.clone(),
            settings,
            counters,
            request: request.clone(),
            options: options.clone(),
            turn,
            observer,
            parts: Parts::new(sent),
        })
    }

    /// Whether the turn goes over a socket, unless that turns out not to work.
    pub(super) fn wants_socket(&self) -> Result<bool, Error> {
        let is_background = self.request.background == Some(true);
        match self.settings.transport {
            TransportChoice::Http => Ok(false),
            // The API has no background responses over sockets.
            TransportChoice::WebSocket if is_background => Err(Error::request(BACKGROUND)),
            TransportChoice::WebSocket => Ok(true),
            TransportChoice::Auto => Ok(!is_background
                && self.turn.target.profile.websocket.supported
                && self.client.inner().websocket.is_some()),
        }
    }

    /// What to send over a socket on which `chain` was the last response.
    pub(super) fn message(&self, chain: Option<&Chain>) -> Result<Message, Error> {
        let websocket = &self.turn.target.profile.websocket;
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
        self.tell_turn_state(&mut request);
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

    /// What is a header over HTTP is an entry of `client_metadata` where there is one head for many turns.
    fn tell_turn_state(&self, request: &mut CreateResponse) {
        let header = self.turn.target.profile.headers.iter().find(|header| {
            header.value == Source::TurnState && !header.channels.contains(&Channel::WebSocket)
        });
        // An attempt before this one may have been told it.
        let learnt = self.options.turn_state.as_ref().and_then(|cell| cell.get());
        let state = self.turn.identity.turn_state.as_ref().or(learnt);
        if let (Some(header), Some(state)) = (header, state) {
            let metadata = request.client_metadata.get_or_insert_with(Map::new);
            metadata.insert(&*header.name, state.clone());
        }
    }

    /// What the server remembers after this response.
    pub(super) fn chain_after(&self, response: &Response) -> Option<Chain> {
        if !self.turn.target.profile.websocket.continues {
            return None;
        }
        Chain::new(&self.parts, response, &self.as_sent_back(response)?)
    }

    /// The output in the form it will have in the next request: a backend may not want ids or status back.
    fn as_sent_back(&self, response: &Response) -> Option<PreparedInput> {
        let output: PreparedInput = response.to_input().into_iter().collect();
        if output.is_empty() {
            return Some(output);
        }
        let request = CreateResponse::new(self.request.model.clone()).input(output);
        let policy = self
            .options
            .fit
            .as_ref()
            .unwrap_or_else(|| &self.client.inner().fit);
        let policy = policy.clone().channel(Channel::WebSocket);
        let fitted = self.turn.target.profile.fit(&request, &policy).ok()?;
        match fitted.request.input {
            Some(Input::Prepared(output)) => Some(output),
            _ => None,
        }
    }
}

const BACKGROUND: &str = "a background response cannot be asked for over a WebSocket";
