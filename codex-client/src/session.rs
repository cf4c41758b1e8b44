//! A conversation as a value: its items, verbatim, and the ids that the server knows it by. The
//! history grows only when the server has completed a response, so that a failed turn leaves the
//! conversation unchanged.

mod cache;
pub(crate) mod draft;
mod history;
pub(crate) mod policy;
mod recorded;
mod refused;
pub(crate) mod round;
mod saved;
#[cfg(feature = "sockets")]
mod sockets;
pub(crate) mod state;
pub(crate) mod turn;

use core::fmt;

use codex_types::lint::{Finding, Linter};
use codex_types::profile::Profile;
use codex_types::{
    CompactRequest, Compaction, CreateResponse, Input, InputItem, Message, Response, Status,
    ToolChoiceMode, Usage,
};

use crate::calls::call::Call;
use crate::calls::compact::is_compaction;
use crate::client::Client;
use crate::error::Error;
use crate::options::CallOptions;
use crate::request::{history_linter, unwritable};

use draft::Draft;
use history::History;
use policy::RefusedContent;
use state::SessionState;
use turn::SessionTurn;

/// A conversation with a model.
///
/// Every request carries the whole history, so the service does not need to store anything. Items
/// from the server are sent back unchanged, including ids, encrypted reasoning and phases. A turn
/// enters the history only when its response is complete; a turn that fails or is dropped leaves no
/// trace and can be repeated. Outputs of tools are the exception: a tool that ran cannot be undone,
/// so its output enters the history at once.
///
/// The ids of the conversation and the key of the prompt cache stay the same from turn to turn, if
/// the backend's profile sends them.
///
/// If the settings name a [conversation of the service](Client::create_conversation), the service
/// adds the input and the output of each completed response to it, so every request carries only
/// the items that it lacks: the whole history at first, and new items later. The history here then
/// holds the items of this session only. Such a session cannot be compacted, and a fork adds to the
/// same conversation.
///
/// ```
/// # use codex_client::Client;
/// use codex_client::types::CreateResponse;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
/// # let done = |text: &str| Answer::sse().event(format!(r#"{{"type":"response.completed","response":{{"id":"resp_1","status":"completed","output":[{{"type":"message","id":"msg_1","role":"assistant","content":[{{"type":"output_text","text":"{text}","annotations":[]}}]}}]}}}}"#));
/// # let server = LoopbackServer::start(Script::new().answer(done("Hello, Ada.")).answer(done("Your name is Ada.")))?;
/// # let client = Client::builder().base_url(server.url("/v1")).build()?;
/// let mut session = client.session(CreateResponse::new("some-model").instructions("Be brief."));
/// session.ask("My name is Ada.").await?;
/// let before = session.fork();
/// let response = session.ask("What is my name?").await?;
/// assert_eq!(response.output_text(), "Your name is Ada.");
/// assert_eq!(session.history().count(), 4); // two questions, two answers
/// assert_eq!(before.history().count(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Session {
    pub(crate) state: SessionState,
    /// `None` if the conversation goes over HTTP.
    #[cfg(feature = "sockets")]
    sockets: Option<crate::socket::SocketSession>,
}

impl Client {
    /// Starts a conversation whose history the client keeps.
    ///
    /// Every request uses `settings`; an input in them is the start of the history.
    #[must_use]
    pub fn session(&self, settings: CreateResponse) -> Session {
        Session::new(self.clone(), settings)
    }
}

impl Session {
    fn new(client: Client, mut settings: CreateResponse) -> Self {
        let start = settings
            .input
            .take()
            .map(Input::into_items)
            .unwrap_or_default();
        Self::of(SessionState::new(
            client,
            settings,
            History::starting_with(start),
        ))
    }

    fn of(state: SessionState) -> Self {
        Self {
            state,
            #[cfg(feature = "sockets")]
            sockets: None,
        }
    }

    /// Sets the id of the program's installation, for backends that expect one.
    #[must_use]
    pub fn with_installation_id(mut self, id: impl Into<String>) -> Self {
        self.state.installation_id = Some(id.into());
        self
    }

    /// Sends input and waits for the whole response.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Client::create`]. An error leaves the conversation unchanged.
    pub fn ask(&mut self, input: impl Into<Input>) -> Call<'_, Response> {
        let input = input.into();
        Call::new(move |options| {
            Box::pin(async move { self.begin(input, &options).await?.finish().await })
        })
    }

    /// Sends input and returns the events of the response as they arrive.
    ///
    /// The service rejects a call without an output. The session therefore first adds an output for
    /// each open call, which reports that the call was not run or that its outcome is unknown. A
    /// computer call accepts only a screenshot as its output; the session leaves it out and names
    /// it in [`SessionTurn::findings`]. Outputs in the input enter the history at once, even if
    /// this turn fails.
    ///
    /// The ids of the conversation take precedence over those of the options.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Client::stream`].
    pub fn turn(&mut self, input: impl Into<Input>) -> Call<'_, SessionTurn<'_>> {
        let input = input.into();
        Call::new(move |options| Box::pin(async move { self.begin(input, &options).await }))
    }

    /// Continues the same turn, usually with the outputs of the tools that the last response
    /// called.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Client::stream`].
    pub fn follow_up(&mut self, input: impl Into<Input>) -> Call<'_, SessionTurn<'_>> {
        let input = input.into();
        Call::new(move |options| Box::pin(async move { self.send(input, &options).await }))
    }

    /// Returns an iterator over the items of the conversation so far, in order.
    pub fn history(&self) -> impl Iterator<Item = &InputItem> {
        self.state.items()
    }

    /// Returns the tokens of all responses so far, including those of tool rounds and compactions.
    ///
    /// A [fork](Self::fork) starts at zero.
    #[must_use]
    pub fn usage(&self) -> &Usage {
        &self.state.usage
    }

    /// Returns the settings of every request: everything but its input.
    #[must_use]
    pub fn settings(&self) -> &CreateResponse {
        &self.state.settings
    }

    /// Returns the settings of later requests, for changes. Their input is not sent.
    pub fn settings_mut(&mut self) -> &mut CreateResponse {
        &mut self.state.settings
    }

    /// Returns the id of the conversation as a whole, which forks share.
    #[must_use]
    pub fn session_id(&self) -> &str {
        &self.state.session_id
    }

    /// Returns the id of this thread of the conversation.
    #[must_use]
    pub fn thread_id(&self) -> &str {
        &self.state.thread_id
    }

    /// Returns the client that the conversation uses.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.state.client
    }

    /// Creates another thread of the conversation that starts from here.
    ///
    /// Both share the history so far and then continue independently, except in a conversation of
    /// the service, to which both add.
    #[must_use]
    pub fn fork(&self) -> Self {
        let fork = Self::of(self.state.fork());
        #[cfg(feature = "sockets")]
        let fork = match &self.sockets {
            Some(sockets) => fork.over_sockets(sockets.settings()),
            None => fork,
        };
        fork
    }

    /// Replaces the history with a shorter one that the service creates through the endpoint
    /// `responses/compact`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Client::compact`], and [`Request`](crate::ErrorKind::Request) for a
    /// conversation of the service. An error leaves the history unchanged.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the history is unchanged. The service may charge the request
    /// nevertheless.
    pub async fn compact(&mut self) -> Result<Compaction, Error> {
        self.check_compactable()?;
        self.state.begin_turn();
        let mut whole = self.state.ready(Vec::new(), &CallOptions::new()).request;
        let target = self.state.client.shared().target().await?;
        let linter = history_linter(&target);
        linter.fix_history(&mut whole).map_err(unwritable)?;
        let mut request = CompactRequest::new(self.state.settings.model.as_str());
        request.input = whole.input;
        request
            .instructions
            .clone_from(&self.state.settings.instructions);
        request.tools.clone_from(&self.state.settings.tools);
        request.parallel_tool_calls = self.state.settings.parallel_tool_calls;
        request.reasoning.clone_from(&self.state.settings.reasoning);
        request.text.clone_from(&self.state.settings.text);
        request
            .service_tier
            .clone_from(&self.state.settings.service_tier);
        let options = self.state.options(&CallOptions::new());
        let call = self.state.client.compact(&request).options(options);
        let compaction = call.await?;
        self.state.count(Some(&compaction.usage));
        self.state.replace(compaction.to_input());
        Ok(compaction)
    }

    /// Replaces the history with a shorter one through a `compaction_trigger` request.
    ///
    /// Messages of users and developers stay; the compaction item replaces everything else.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Client::compact_by_trigger`], and
    /// [`Request`](crate::ErrorKind::Request) for a conversation of the service. An error leaves
    /// the history unchanged.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the history is unchanged. The service may charge the request
    /// nevertheless.
    pub async fn compact_by_trigger(&mut self) -> Result<Response, Error> {
        self.check_compactable()?;
        self.state.begin_turn();
        let Draft {
            request, options, ..
        } = self.state.ready(Vec::new(), &CallOptions::new());
        let call = self.state.client.compact_by_trigger(&request);
        let response = call.options(options).await?;
        self.state.count(response.usage.as_deref());
        let mut shorter = self.state.history.instructions_and_questions();
        shorter.extend(
            response
                .output
                .iter()
                .filter(|item| is_compaction(item))
                .cloned()
                .map(InputItem::from),
        );
        self.state.replace(shorter);
        Ok(response)
    }

    /// Replaces the history with a summary that the model writes, for servers without compaction.
    ///
    /// Messages of users and developers stay; the summary replaces everything else. `request` is
    /// the prompt for it, such as "Summarize what was done and what is open."
    ///
    /// ```
    /// # use codex_client::Client;
    /// # use codex_client::types::CreateResponse;
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
    /// # let done = |text: &str| Answer::sse().event(format!(r#"{{"type":"response.completed","response":{{"id":"resp_1","status":"completed","output":[{{"type":"message","id":"msg_1","role":"assistant","content":[{{"type":"output_text","text":"{text}","annotations":[]}}]}}]}}}}"#));
    /// # let server = LoopbackServer::start(Script::new().answer(done("Hello, Ada.")).answer(done("The user is Ada.")))?;
    /// # let client = Client::builder().base_url(server.url("/v1")).build()?;
    /// let mut session = client.session(CreateResponse::new("some-model"));
    /// session.ask("My name is Ada.").await?;
    /// let response = session.compact_by_summary("Summarize the conversation.").await?;
    /// assert_eq!(response.output_text(), "The user is Ada.");
    /// assert_eq!(session.history().count(), 2); // the question, the summary
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Client::create`], [`Protocol`](crate::ErrorKind::Protocol) when the
    /// summary is empty, and [`Request`](crate::ErrorKind::Request) for a conversation of the
    /// service. An error leaves the history unchanged.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the history is unchanged. The service may charge the request
    /// nevertheless.
    pub async fn compact_by_summary(
        &mut self,
        request: impl Into<String>,
    ) -> Result<Response, Error> {
        self.check_compactable()?;
        self.state.begin_turn();
        let question = Message::user(request.into());
        let Draft {
            mut request,
            options,
            ..
        } = self
            .state
            .ready(Vec::from([question.into()]), &CallOptions::new());
        // A tool would only delay the summary.
        if request
            .tools
            .as_ref()
            .is_some_and(|tools| !tools.is_empty())
        {
            request.tool_choice = Some(ToolChoiceMode::None.into());
        }
        let call = self.state.client.create(&request);
        let response = call.options(options).await?;
        self.state.count(response.usage.as_deref());
        let summary = response.output_text();
        if summary.is_empty() {
            return Err(Error::protocol(NO_SUMMARY).with_partial(response));
        }
        let mut shorter = self.state.history.instructions_and_questions();
        shorter.push(Message::assistant(summary).into());
        self.state.replace(shorter);
        Ok(response)
    }

    /// Removes the items of the history that the service would reject: outputs without a call,
    /// calls without an output, and reasoning without the item it led to.
    ///
    /// Use it for a history that was created or cut elsewhere. A history that grew in a session
    /// needs it only after an interruption, and then the next [`turn`](Self::turn) adds the missing
    /// outputs anyway. Items that a conversation of the service already has stay as they are.
    ///
    /// Returns a diagnostic for each repair.
    ///
    /// # Errors
    ///
    /// Returns [`Request`](crate::ErrorKind::Request) when an item nests deeper than 128 levels.
    pub fn repair(&mut self) -> Result<Vec<Finding>, Error> {
        self.state.settle();
        let conversation = self.state.conversation();
        let history = &self.state.history;
        let items = match &conversation {
            Some(id) => history.lacking(id).cloned().collect(),
            None => history.items().cloned().collect(),
        };
        let mut request = CreateResponse::new(self.state.settings.model.as_str());
        request.input = Some(Input::Items(items));
        request
            .conversation
            .clone_from(&self.state.settings.conversation);
        // This profile has no demands of a backend: items that a backend does not accept are left
        // out of each request, not out of the history.
        let linter = Linter::new(Profile::new("history"));
        let findings = linter.fix_history(&mut request).map_err(unwritable)?;
        if !findings.is_empty() {
            let items = request.input.map(Input::into_items).unwrap_or_default();
            match &conversation {
                Some(id) => self.state.history.replace_lacking(id, items),
                None => self.state.history = History::starting_with(items),
            }
        }
        Ok(findings)
    }

    /// Prepares the next turn for another transport than this conversation's client, such as a
    /// socket.
    ///
    /// Pass the response to [`commit`](Self::commit).
    ///
    /// Not run here: a scripted socket would be longer than the example. `tests/socket.rs` runs the
    /// same exchange.
    ///
    /// ```no_run
    /// # async fn talk(client: codex_client::Client) -> Result<(), codex_client::Error> {
    /// use codex_client::types::CreateResponse;
    ///
    /// let mut session = client.session(CreateResponse::new("some-model"));
    /// let mut socket = client.socket_session(); // feature `ws`
    /// let draft = session.draft("Why is the sky blue?");
    /// let response = socket
    ///     .stream(draft.request())
    ///     .options(draft.options().clone())
    ///     .await?
    ///     .finish()
    ///     .await?;
    /// session.commit(draft, &response);
    /// # Ok(())
    /// # }
    /// ```
    pub fn draft(&mut self, input: impl Into<Input>) -> Draft {
        self.state.begin_turn();
        self.state
            .ready(input.into().into_items(), &CallOptions::new())
    }

    /// Prepares a request that continues the same turn, usually with the outputs of the tools that
    /// the last response called.
    ///
    /// It carries the routing token that the service has issued for the turn, whichever transport
    /// the turn has used so far.
    pub fn draft_follow_up(&mut self, input: impl Into<Input>) -> Draft {
        self.state
            .ready(input.into().into_items(), &CallOptions::new())
    }

    /// Adds the turn of a [draft](Self::draft) to the history if the response is complete, and
    /// returns whether it did.
    ///
    /// A draft made before the history last changed is not added, because it no longer continues
    /// the history.
    pub fn commit(&mut self, draft: Draft, response: &Response) -> bool {
        let is_taken =
            response.status == Status::Completed && draft.length == self.state.history.len();
        if is_taken {
            self.state.count(response.usage.as_deref());
            self.state.take(draft.said, response);
        }
        is_taken
    }

    /// Checks that the history is here. The service has no call that replaces the items of a
    /// conversation.
    fn check_compactable(&self) -> Result<(), Error> {
        match self.state.settings.conversation {
            Some(_) => Err(Error::request(KEPT)),
            None => Ok(()),
        }
    }

    async fn begin(
        &mut self,
        input: Input,
        options: &CallOptions,
    ) -> Result<SessionTurn<'_>, Error> {
        self.state.begin_turn();
        self.send(input, options).await
    }

    async fn send(
        &mut self,
        input: Input,
        options: &CallOptions,
    ) -> Result<SessionTurn<'_>, Error> {
        let draft = self.state.ready(input.into_items(), options);
        let is_repairable = self.state.settings.conversation.is_none();
        if self.state.refused_content == RefusedContent::Replace && is_repairable {
            return self.send_repaired(draft).await;
        }
        let opened = self.open(&draft).await?;
        Ok(self.record(opened, draft.said))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Leave out the history: it holds what users and the model wrote.
        f.debug_struct("Session")
            .field("session_id", &self.state.session_id)
            .field("thread_id", &self.state.thread_id)
            .field("window", &self.state.window)
            .field("items", &self.state.history.items().count())
            .finish_non_exhaustive()
    }
}

const KEPT: &str = "a conversation of the service cannot be compacted";
const NO_SUMMARY: &str = "model returned no summary";
