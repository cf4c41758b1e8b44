//! Many turns over one socket: the state that outlives a turn. `plan.rs` builds the message of a
//! turn, `start.rs` sends it and waits for the first event, and `source.rs` yields the events.

pub(crate) mod begun;
mod chain;
pub(crate) mod count;
mod decide;
pub(crate) mod event;
mod idle;
mod open;
mod plan;
mod reading;
pub(crate) mod settings;
pub(crate) mod source;
mod start;
pub(crate) mod turn;

use core::fmt;
use std::sync::Arc;

use codex_types::profile::{Channel, RequestForm, WarmUp};
use codex_types::{CreateResponse, InputItem, Response, Role};

use crate::calls::call::Call;
use crate::client::Client;
use crate::error::Error;
use crate::failure;
use crate::id;
use crate::options::CallOptions;
use crate::request::policy;

use begun::BegunTurn;
use count::{Counters, SocketStats};
use idle::IdleSocket;
use plan::Plan;
use settings::SocketSettings;
use start::{Fallbacks, Retry, over_socket, tries_socket};
use turn::SocketTurn;

/// A sequence of turns of one conversation over one WebSocket, with HTTP as the fallback.
///
/// The caller passes the whole conversation with each turn, as to [`Client::stream`], but less goes
/// over the wire. If the request continues the previous one on the same socket (its input begins
/// with the previous input and output, and everything else is equal), the session sends only the
/// new items, with `previous_response_id`. In every other case, and always after a reconnect, it
/// sends the whole input.
///
/// If the conversation is kept as a [`PreparedInput`](codex_types::PreparedInput), as in the
/// example, the session compares it from its end back to the part that both requests share, so a
/// turn costs processor time only for its new items, however long the conversation is. A plain list
/// of items is serialized and compared whole with each turn.
///
/// One turn runs at a time. Until its first event, a turn tries every option: a new socket instead
/// of a dead one, better credentials, HTTP (see [`TransportChoice`](crate::TransportChoice)). After
/// that the session never resends anything without reporting it to the caller; see
/// [`Interruption`](crate::Interruption).
///
/// The first turn opens the socket, and the session renews it before the service would close it. No
/// task drives the socket between turns: before a long pause, poll [`idle`](Self::idle), or let the
/// next turn detect a lost connection.
///
/// ```
/// # use codex_client::Client;
/// use codex_client::types::profile::Profile;
/// use codex_client::types::{CreateResponse, Message, PreparedInput};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
/// # let say = |id: &str, text: &str| format!(r#"{{"type":"response.completed","response":{{"id":"{id}","status":"completed","output":[
/// #     {{"type":"message","id":"msg_{id}","role":"assistant","status":"completed","content":[{{"type":"output_text","text":"{text}","annotations":[]}}]}}]}}}}"#);
/// # let server = LoopbackServer::start(Script::new().answer(Answer::websocket()
/// #     .receive().event(say("resp_1", "Because of the sun.")).receive().event(say("resp_2", "At night it is not."))))?;
/// # let client = Client::builder().base_url(server.url("/v1")).profile(Profile::platform()).build()?;
/// let mut session = client.socket_session();
/// let mut history = PreparedInput::new();
/// history.push(Message::user("Why is the sky blue?"));
/// let response = session.create(&CreateResponse::new("some-model").input(&history)).await?;
///
/// history.extend(response.to_input());
/// history.push(Message::user("And at night?"));
/// let response = session.create(&CreateResponse::new("some-model").input(&history)).await?;
///
/// assert_eq!(response.output_text(), "At night it is not.");
/// let stats = session.stats();
/// assert_eq!((stats.connections, stats.replays, stats.continuations), (1, 1, 1)); // the second message had only the new question
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SocketSession {
    client: Client,
    settings: SocketSettings,
    counters: Arc<Counters>,
    open: IdleSocket,
    /// The id of the conversation for requests that do not set one.
    id: String,
}

impl Client {
    /// Creates a session of turns over one WebSocket, with the default settings, without
    /// connecting.
    #[must_use]
    pub fn socket_session(&self) -> SocketSession {
        SocketSession::new(self, SocketSettings::default())
    }
}

impl SocketSession {
    /// Creates a session with custom settings, without connecting.
    #[must_use]
    pub fn new(client: &Client, settings: SocketSettings) -> Self {
        Self {
            client: client.clone(),
            settings,
            counters: Arc::default(),
            open: IdleSocket::default(),
            id: id::new(),
        }
    }

    /// Sends a request and waits for the whole response.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`stream`](Self::stream) and [`SocketTurn::finish`].
    pub fn create<'a>(&'a mut self, request: &'a CreateResponse) -> Call<'a, Response> {
        Call::new(move |options| {
            Box::pin(async move { self.turn(request, &options).await?.finish().await })
        })
    }

    /// Sends a request and returns the events of the response as they arrive.
    ///
    /// Resolves when the first event has arrived.
    ///
    /// Headers of the call are sent only when the session opens a socket for it. Dropping the
    /// future, or later the turn, closes the socket.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Client::stream`]. Over a socket, an error event as the first event
    /// is a [`Status`](crate::ErrorKind::Status), like the same response over HTTP.
    pub fn stream<'a, 'session: 'a>(
        &'session mut self,
        request: &'a CreateResponse,
    ) -> Call<'a, SocketTurn<'session>> {
        Call::new(move |options| Box::pin(async move { self.turn(request, &options).await }))
    }

    /// Opens the socket and lets the server prepare for the request without a response, so that the
    /// first response begins sooner.
    ///
    /// The session sends the part of the input that the profile names ([`WarmUp`]), or all of it if
    /// the profile names none. Pass the options of the first turn, because headers are sent when
    /// the socket is opened.
    ///
    /// Returns `false` if there is no socket to prepare because turns go over HTTP.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`stream`](Self::stream), except failures that make turns fall back to
    /// HTTP.
    pub fn warm_up<'a>(&'a mut self, request: &'a CreateResponse) -> Call<'a, bool> {
        Call::new(move |options| Box::pin(async move { self.prepare(request, &options).await }))
    }

    async fn turn(
        &mut self,
        request: &CreateResponse,
        options: &CallOptions,
    ) -> Result<SocketTurn<'_>, Error> {
        let turn = self.begin(request, options).await?;
        Ok(self.attach(turn))
    }

    /// Sends a request and waits for the first event, without borrowing the session for the turn.
    pub(crate) async fn begin(
        &mut self,
        request: &CreateResponse,
        options: &CallOptions,
    ) -> Result<BegunTurn, Error> {
        let plan = self.plan(request, options).await?;
        BegunTurn::new(&mut self.open, plan).await
    }

    /// Returns the turn, which gives the socket back to the session at its end.
    pub(crate) fn attach(&mut self, turn: BegunTurn) -> SocketTurn<'_> {
        turn.attach(&mut self.open)
    }

    async fn prepare(
        &mut self,
        request: &CreateResponse,
        options: &CallOptions,
    ) -> Result<bool, Error> {
        let mut request = request.clone().generate(false);
        let shared = self.client.shared();
        let target = shared.target().await?;
        let profile = &target.profile;
        let policy = policy(shared, profile, options, &request.model, Channel::WebSocket);
        let warm_up = match policy.form {
            Some(RequestForm::Lite) => WarmUp::EmptyInput,
            _ => profile.websocket.warm_up,
        };
        let input = request.input.get_or_insert_with(|| Vec::new().into());
        let mut options = options.clone();
        match warm_up {
            WarmUp::EmptyInput => *input = Vec::new().into(),
            WarmUp::DeveloperMessages => {
                let items = core::mem::take(input).into_items().into_iter();
                *input = items.take_while(is_of_developer).collect();
            }
            _ => {}
        }
        if matches!(warm_up, WarmUp::EmptyInput | WarmUp::DeveloperMessages) {
            // The rest of the history is not sent, and what is sent needs no repair.
            options.history = None;
        }
        let plan = self.plan(&request, &options).await?;
        if !tries_socket(&plan, self.open.is_open())? {
            return Ok(false);
        }
        let mut fallbacks = Fallbacks::default();
        loop {
            match over_socket(&plan, self.open.get_mut().take()).await {
                Ok(started) => {
                    let turn = SocketTurn::begun(&mut self.open, Arc::new(plan), started);
                    return turn.finish().await.map(|_| true);
                }
                Err(failure) => match fallbacks.after(&plan, failure).await? {
                    Retry::Socket => {}
                    Retry::Http => return Ok(false),
                },
            }
        }
    }

    /// Keeps the socket alive between two turns: responds to the server's pings and sends its own.
    ///
    /// Resolves when there is no open socket, either at once or when it is lost; the next turn
    /// opens a new one. Drop the future before starting the next turn.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe: drop the future before starting the next turn.
    pub async fn idle(&mut self) {
        while let Some(open) = self.open.get_mut() {
            if open.socket.idle().await.is_err() {
                *self.open.get_mut() = None;
            } else {
                // A late message of the previous turn. The next turn would skip it anyway.
                let _ = open.socket.next().await;
            }
        }
    }

    /// Returns whether the socket is open, as far as this side has noticed.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.open.is_open()
    }

    /// Returns the settings of the session.
    #[must_use]
    pub fn settings(&self) -> SocketSettings {
        self.settings
    }

    /// Returns counters of the session so far.
    #[must_use]
    pub fn stats(&self) -> SocketStats {
        self.counters.read()
    }

    /// Closes the socket with a close handshake.
    ///
    /// Dropping the session closes it without one, which servers tolerate.
    ///
    /// # Errors
    ///
    /// Returns [`Transport`](crate::ErrorKind::Transport) when the server violates the protocol. A
    /// connection that is already lost counts as closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the socket without waiting for the server.
    pub async fn close(mut self) -> Result<(), Error> {
        match self.open.get_mut().take() {
            Some(open) => open.socket.close(NORMAL).await.map_err(failure::transport),
            None => Ok(()),
        }
    }

    async fn plan(&self, request: &CreateResponse, options: &CallOptions) -> Result<Plan, Error> {
        let counters = self.counters.clone();
        let options = options.clone().in_conversation(&self.id);
        Plan::new(
            self.client.shared(),
            self.settings,
            counters,
            request,
            &options,
        )
        .await
    }
}

impl fmt::Debug for SocketSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketSession")
            .field("client", &self.client)
            .field("settings", &self.settings)
            .field("stats", &self.stats())
            .field("connected", &self.is_connected())
            .finish()
    }
}

fn is_of_developer(item: &InputItem) -> bool {
    matches!(item, InputItem::Message(message) if message.role == Role::Developer)
}

/// RFC 6455 section 7.4.1.
const NORMAL: u16 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_send<T: Send>(_: &T) {}
    fn assert_sync<T: Sync>(_: &T) {}

    #[test]
    fn turns_can_run_in_tasks_that_move_between_threads() {
        let client = Client::builder()
            .base_url("http://127.0.0.1:1/v1")
            .build()
            .unwrap();
        let request = CreateResponse::new("some-model");
        let mut session = client.socket_session();
        assert_send(&session);
        assert_sync(&session);
        assert_send(&session.stream(&request));
        assert_send(&session.create(&request));
        assert_send(&session.warm_up(&request));
        assert_send(&session.idle());
        let session = client.session(request);
        let mut session = session.over_sockets(SocketSettings::default());
        assert_send(&session);
        assert_sync(&session);
        assert_send(&session.turn("Well?"));
        assert_send(&session.ask("Well?"));
        assert_send(&session.warm_up());
    }
}
