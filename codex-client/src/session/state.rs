// The state of a conversation apart from its transport: a turn borrows this and the socket at the same time.

use codex_types::profile::Identity;
use codex_types::{CreateResponse, Input, InputItem, Response};

use crate::client::Client;
use crate::id;
use crate::options::{CallOptions, TurnState};
use crate::session::draft::Draft;
use crate::session::history::{History, Said};

/// The state of a [`Session`](crate::Session).
pub(super) struct SessionState {
    pub(super) client: Client,
    /// Every request but for its input.
    pub(super) settings: CreateResponse,
    pub(super) history: History,
    pub(super) session_id: String,
    pub(super) thread_id: String,
    /// How often the history was replaced by a shorter one.
    pub(super) window: u64,
    pub(super) installation_id: Option<String>,
    turn_id: String,
    /// What the service gave out for the turn that goes on; the first value counts.
    turn_state: TurnState,
}

impl SessionState {
    pub(super) fn new(client: Client, settings: CreateResponse, history: History) -> Self {
        let id = id::new();
        Self {
            client,
            settings,
            history,
            session_id: id.clone(),
            thread_id: id,
            window: 0,
            installation_id: None,
            turn_id: String::new(),
            turn_state: TurnState::default(),
        }
    }

    /// Another thread of the same conversation.
    pub(super) fn fork(&self) -> Self {
        Self {
            session_id: self.session_id.clone(),
            installation_id: self.installation_id.clone(),
            ..Self::new(
                self.client.clone(),
                self.settings.clone(),
                self.history.clone(),
            )
        }
    }

    pub(super) fn begin_turn(&mut self) {
        self.turn_id = id::new();
        self.turn_state = TurnState::default();
    }

    /// The request that says this behind everything that was said.
    pub(super) fn ready(&self, said: Vec<InputItem>, options: &CallOptions) -> Draft {
        let said = self.history.with(said);
        let mut request = self.settings.clone();
        request.input = Some(Input::from(&said.whole));
        Draft {
            request,
            options: self.options(options),
            said,
            length: self.history.len(),
        }
    }

    /// Options in which the conversation says who it is.
    pub(super) fn options(&self, options: &CallOptions) -> CallOptions {
        let mut identity: Identity = options.identity.clone();
        identity.session_id = Some(self.session_id.clone());
        identity.thread_id = Some(self.thread_id.clone());
        identity.window_id = Some(format!("{}:{}", self.thread_id, self.window));
        identity.turn_id = Some(self.turn_id.clone());
        identity.turn_state = self.turn_state.get().cloned();
        identity.installation_id = identity
            .installation_id
            .or_else(|| self.installation_id.clone());
        let mut options = options.clone().identity(identity);
        options.turn_state = Some(self.turn_state.clone());
        options
    }

    pub(super) fn take(&mut self, said: Said, response: &Response) {
        self.history.advance(said);
        self.history.push(response.to_input());
    }

    pub(super) fn replace(&mut self, items: Vec<InputItem>) {
        self.history = History::starting_with(items);
        self.window += 1;
    }
}
