//! The state of a conversation, separate from its transport, so that a turn can borrow both at the
//! same time.

use std::sync::{Arc, Mutex};

use codex_types::lint::{Finding, Refusal};
use codex_types::profile::Identity;
use codex_types::{Conversation, CreateResponse, Input, InputItem, RawJson, Response, Usage};

use crate::client::Client;
use crate::id;
use crate::lock::lock;
use crate::options::{CallOptions, SentRequest, TurnState};
use crate::session::draft::Draft;
use crate::session::history::{History, Said, Scope};
use crate::session::policy::{CacheBreakpoints, RefusedContent};
use crate::session::round::Round;

/// The state of a [`Session`](crate::Session).
pub(crate) struct SessionState {
    pub(super) client: Client,
    /// The settings of every request: everything but its input.
    pub(super) settings: CreateResponse,
    pub(super) history: History,
    pub(super) session_id: String,
    pub(super) thread_id: String,
    /// The number of times that the history was replaced by a shorter one.
    pub(super) window: u64,
    pub(super) installation_id: Option<String>,
    pub(super) refused_content: RefusedContent,
    pub(super) cache_breakpoints: CacheBreakpoints,
    /// The last request, and the one before it.
    pub(super) sent: SentRequest,
    pub(super) sent_before: SentRequest,
    /// The calls that tools of this conversation handle.
    pub(crate) round: Round,
    /// The tokens of all responses so far.
    pub(super) usage: Usage,
    pub(crate) turn_id: String,
    /// The routing token of the current turn. The first value from the service is kept.
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
            refused_content: RefusedContent::Fail,
            cache_breakpoints: CacheBreakpoints::None,
            sent: SentRequest::default(),
            sent_before: SentRequest::default(),
            round: Round::default(),
            usage: Usage::default(),
            turn_id: String::new(),
            turn_state: TurnState::default(),
        }
    }

    /// Creates another thread of the same conversation.
    pub(super) fn fork(&self) -> Self {
        let mut fork = Self {
            session_id: self.session_id.clone(),
            installation_id: self.installation_id.clone(),
            refused_content: self.refused_content,
            cache_breakpoints: self.cache_breakpoints,
            // The first prompt of the fork continues the last one of this conversation.
            sent: Arc::new(Mutex::new(lock(&self.sent).clone())),
            round: self.round.clone(),
            ..Self::new(
                self.client.clone(),
                self.settings.clone(),
                self.history.clone(),
            )
        };
        fork.settle();
        fork
    }

    pub(super) fn begin_turn(&mut self) {
        self.turn_id = id::new();
        self.turn_state = TurnState::default();
    }

    /// Moves the outputs of tools to the history.
    pub(crate) fn settle(&mut self) {
        let mut outputs = self.round.take_outputs();
        self.mark(&mut outputs);
        self.history.push(outputs);
    }

    /// Returns all items so far, including the outputs of tools while others still run.
    pub(super) fn items(&self) -> impl Iterator<Item = &InputItem> {
        self.history.items().chain(self.round.outputs())
    }

    /// Returns outputs for the calls that have none, which the service would reject. A tool that
    /// was started may have had an effect, so its output must not let the model conclude that it
    /// had none. A computer call accepts only a screenshot; it is left out of the request.
    pub(super) fn missing_outputs(&self) -> Vec<InputItem> {
        let answer = |call: &codex_types::OpenCall| {
            let never_ran = self.round.waiting().any(|id| id == call.call_id());
            call.answer(if never_ran { NOT_RUN } else { UNKNOWN })
        };
        self.history.open().iter().filter_map(answer).collect()
    }

    /// Moves the outputs of calls from the input to the history: their tools have run, whether or
    /// not this request succeeds.
    fn keep_outputs(&mut self, said: Vec<InputItem>) -> Vec<InputItem> {
        let mut rest = Vec::with_capacity(said.len());
        for item in said {
            if self.history.open().are_answered_by(&item) {
                self.history.push(vec![item]);
            } else if !self.history.ends_with_output(&item) {
                rest.push(item);
            }
        }
        rest
    }

    /// Prepares a request that adds these items to the history.
    pub(super) fn ready(&mut self, mut said: Vec<InputItem>, options: &CallOptions) -> Draft {
        self.settle();
        self.mark(&mut said);
        let new = self.keep_outputs(said);
        let mut said = self.missing_outputs();
        said.extend(new);
        let scope = Scope::of(&self.settings);
        let said = self.history.with(said, scope, self.conversation());
        let mut request = self.settings.clone();
        request.input = Some(Input::from(&said.sent));
        let mut options = self.options(options);
        options.history = Some(said.unsettled.clone());
        options.sent = Some(self.record_request());
        Draft {
            request,
            options,
            said,
            length: self.history.len(),
        }
    }

    /// Prepares the same turn without the content that the service has refused, and returns the
    /// diagnostics; `None` if there is nothing to repair.
    pub(super) fn without_refused(
        &self,
        draft: &Draft,
        refusal: &Refusal,
    ) -> Option<(Draft, Vec<Finding>)> {
        let items = self.history.items().chain(&draft.said.items);
        let mut items = items.cloned().collect();
        let findings = refusal.repair(&mut items, self.history.answered());
        if findings.is_empty() {
            return None;
        }
        let said = History::replaced_by(items, Scope::of(&self.settings));
        let mut request = draft.request.clone();
        request.input = Some(Input::from(&said.sent));
        let mut options = draft.options.clone();
        options.history = Some(said.unsettled.clone());
        let repaired = Draft {
            request,
            options,
            said,
            length: draft.length,
        };
        Some((repaired, findings))
    }

    /// Returns the id of the conversation of the service that requests continue.
    pub(super) fn conversation(&self) -> Option<String> {
        let conversation = self.settings.conversation.as_ref()?;
        Some(match conversation {
            Conversation::Id(id) => id.clone(),
            Conversation::Reference(reference) => reference.id.clone(),
            // A form that this version does not know names another conversation than any other
            // value.
            other => RawJson::encode(other).ok()?.as_str().to_owned(),
        })
    }

    /// Returns options that identify the conversation.
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
        options.holds = true;
        options
    }

    pub(super) fn take(&mut self, said: Said, response: &Response) {
        let output = response.to_input();
        self.history.advance(said, output);
        self.round = Round::default();
    }

    pub(super) fn count(&mut self, usage: Option<&Usage>) {
        if let Some(usage) = usage {
            self.usage += usage;
        }
    }

    pub(super) fn replace(&mut self, items: Vec<InputItem>) {
        self.history = History::starting_with(items);
        self.round = Round::default();
        self.window += 1;
    }
}

const NOT_RUN: &str = "This call was not run.";
const UNKNOWN: &str =
    "No output of this call was recorded. Its outcome is unknown: it may have had its effect.";
