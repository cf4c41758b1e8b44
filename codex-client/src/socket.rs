// Many turns over one socket: what outlives a turn. `plan.rs` makes what a turn sends, `start.rs` gets it to its first event, and `source.rs`
// yields the events.

mod chain;
pub(crate) mod count;
mod decide;
pub(crate) mod event;
mod idle;
mod open;
mod plan;
mod reading;
mod resume;
pub(crate) mod settings;
pub(crate) mod source;
mod start;
pub(crate) mod turn;

use core::fmt;
use std::sync::Arc;

use codex_types::profile::{Channel, RequestForm, WarmUp};
use codex_types::{CreateResponse, Input, InputItem, Response, Role};

use crate::calls::call::Call;
use crate::client::Client;
use crate::error::Error;
use crate::failure;
use crate::id;
use crate::options::CallOptions;
use crate::request::policy;

use count::{Counters, SocketStats};
use idle::IdleSocket;
use plan::Plan;
use settings::SocketSettings;
use start::{Fallbacks, Retry, over_socket, tries_socket};
use turn::SocketTurn;

/// The turns of one conversation over one WebSocket, and over HTTP where there is none.
///
/// Each turn is given the whole conversation, as [`Client::stream`] is. What goes over the wire is less: when the request continues the
/// one before on the same socket, that is, when its input begins with that input and what came out, and everything else is equal, only the
/// new items are sent, with `previous_response_id`. In every other case, and always after a reconnect, all of it is sent.
///
/// One turn runs at a time. Until its first event a turn tries what there is to try: a new socket for one that had died, better
/// credentials, HTTP (see [`TransportChoice`](crate::TransportChoice)). After that nothing is ever sent again behind the caller's back; see [`Interruption`](crate::Interruption).
///
/// The socket is opened by the first turn and renewed before the service would close it. Between turns nobody drives it: whoever waits for
/// long polls [`idle`](Self::idle) meanwhile, or lets the next turn find out.
///
/// ```
/// # use codex_client::Client;
/// use codex_client::types::profile::Profile;
/// use codex_client::types::{CreateResponse, InputItem, Message};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
/// # let say = |id: &str, text: &str| format!(r#"{{"type":"response.completed","response":{{"id":"{id}","status":"completed","output":[
/// #     {{"type":"message","id":"msg_{id}","role":"assistant","status":"completed","content":[{{"type":"output_text","text":"{text}","annotations":[]}}]}}]}}}}"#);
/// # let server = LoopbackServer::start(Script::new().answer(Answer::websocket()
/// #     .receive().event(say("resp_1", "Because of the sun.")).receive().event(say("resp_2", "At night it is not."))))?;
/// # let client = Client::builder().base_url(server.url("/v1")).profile(Profile::platform()).build()?;
/// let mut session = client.socket_session();
/// let mut history: Vec<InputItem> = vec![Message::user("Why is the sky blue?").into()];
/// let response = session.create(&CreateResponse::new("some-model").input(history.clone())).await?;
///
/// history.extend(response.to_input());
/// history.push(Message::user("And at night?").into());
/// let response = session.create(&CreateResponse::new("some-model").input(history)).await?;
///
/// assert_eq!(response.output_text(), "At night it is not.");
/// let stats = session.stats();
/// assert_eq!((stats.connections, stats.replays, stats.continuations), (1, 1, 1)); // the second message had the new question only
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SocketSession {
    client: Client,
    settings: SocketSettings,
    counters: Arc<Counters>,
    open: IdleSocket,
    /// Names the conversation of requests whose caller does not.
    id: String,
}

impl Client {
    /// A session of turns over one WebSocket, with the default settings. Nothing is connected yet.
    #[must_use]
    pub fn socket_session(&self) -> SocketSession {
        SocketSession::new(self, SocketSettings::default())
    }
}

impl SocketSession {
    /// A session with settings of its own. Nothing is connected yet.
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
    /// Those of [`stream`](Self::stream) and [`SocketTurn::finish`].
    pub fn create<'a>(&'a mut self, request: &'a CreateResponse) -> Call<'a, Response> {
        Call::new(move |options| {
            Box::pin(async move { self.turn(request, &options).await?.finish().await })
        })
    }

    /// Sends a request and returns the events of the response as they arrive. Resolves when the first event has arrived.
    ///
    /// Headers of the call are sent when a socket is opened, and not again. Dropping the future, or later the turn, closes the socket.
    ///
    /// # Errors
    ///
    /// Those of [`Client::stream`]; over a socket, an error event instead of the first event is a
    /// [`Status`](crate::ErrorKind::Status) like the same response over HTTP.
    pub fn stream<'a, 'session: 'a>(
        &'session mut self,
        request: &'a CreateResponse,
    ) -> Call<'a, SocketTurn<'session>> {
        Call::new(move |options| Box::pin(async move { self.turn(request, &options).await }))
    }

    /// Opens the socket and lets the server prepare for the request without a response, so that the first response comes sooner. Of the
    /// input, it gets what the profile names ([`WarmUp`]), and all of it where the profile names nothing. The options should be those of the
    /// first turn, because headers are sent when the socket is opened.
    ///
    /// `false` when there is no socket to prepare: turns go over HTTP.
    ///
    /// # Errors
    ///
    /// Those of [`stream`](Self::stream), except those that a turn over HTTP would not have.
    pub fn warm_up<'a>(&'a mut self, request: &'a CreateResponse) -> Call<'a, bool> {
        Call::new(move |options| Box::pin(async move { self.prepare(request, &options).await }))
    }

    async fn turn(
        &mut self,
        request: &CreateResponse,
        options: &CallOptions,
    ) -> Result<SocketTurn<'_>, Error> {
        let plan = self.plan(request, options).await?;
        SocketTurn::start(&mut self.open, plan).await
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
        let input = request
            .input
            .take()
            .map(Input::into_items)
            .unwrap_or_default();
        request.input = Some(Input::Items(match warm_up {
            WarmUp::EmptyInput => Vec::new(),
            WarmUp::DeveloperMessages => input.into_iter().take_while(is_of_developer).collect(),
            _ => input,
        }));
        let plan = self.plan(&request, options).await?;
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

    /// Keeps the socket alive between two turns: answers the server's pings and sends some of its own. Resolves when there is no socket
    /// to keep, at once or when it is lost; the next turn opens another. To be dropped when there is something to say.
    pub async fn idle(&mut self) {
        while let Some(open) = self.open.get_mut() {
            if open.socket.idle().await.is_err() {
                *self.open.get_mut() = None;
            } else {
                // Something came late for the turn before; the next one would pass it over all the same.
                let _ = open.socket.next().await;
            }
        }
    }

    /// Whether there is an open socket, as far as this side has noticed.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.open.is_open()
    }

    /// What it does where there is a choice.
    #[must_use]
    pub fn settings(&self) -> SocketSettings {
        self.settings
    }

    /// What has been done so far.
    #[must_use]
    pub fn stats(&self) -> SocketStats {
        self.counters.read()
    }

    /// Closes the socket, politely. Dropping the session closes it as well, without a word, which servers take well.
    ///
    /// # Errors
    ///
    /// [`Transport`](crate::ErrorKind::Transport) when the server answers with nonsense. A connection that is gone is closed.
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
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SocketSession")
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
