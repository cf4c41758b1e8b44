//! A conversation as a value: what was said, verbatim, and who the server takes us for. Nothing enters the history until the server has
//! completed its part, so that a turn that fails leaves the conversation as it was.

mod history;
mod id;
mod saved;
mod turn;

use core::fmt;

use codex_types::lint::{Finding, Linter};
use codex_types::profile::{Identity, Profile};
use codex_types::{
    CompactRequest, Compaction, CreateResponse, Input, InputItem, RawJson, Response, Status,
};

pub use turn::SessionTurn;

use crate::calls::is_compaction;
use crate::client::Client;
use crate::error::Error;
use crate::observe::TurnState;
use crate::options::CallOptions;
use crate::turn::unwritable;
use history::History;

/// A conversation with a model.
///
/// The history is sent whole with every request, so nothing needs to be stored by the service, and what came back goes back as it came: ids,
/// encrypted reasoning, phases. A turn is added to it when its response is complete, and not before: a turn that fails, or is dropped, has not
/// been said, and can be said again.
///
/// The ids of the conversation and the key of the prompt cache stay the same from turn to turn, as far as the backend's profile sends them.
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
    client: Client,
    /// Every request but for its input.
    settings: CreateResponse,
    history: History,
    session_id: String,
    thread_id: String,
    /// How often the history was replaced by a shorter one.
    window: u64,
    installation_id: Option<String>,
    turn_id: String,
    /// What the service gave out for the turn that goes on; the first value counts.
    turn_state: TurnState,
}

impl Client {
    /// Starts a conversation. Every request of it says what `settings` says; an input in them is the start of the history.
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
        let id = id::new();
        Self {
            client,
            settings,
            history: History::starting_with(start),
            session_id: id.clone(),
            thread_id: id,
            window: 0,
            installation_id: None,
            turn_id: String::new(),
            turn_state: TurnState::default(),
        }
    }

    /// Names the installation of the program, for backends that are told.
    #[must_use]
    pub fn with_installation_id(mut self, id: impl Into<String>) -> Self {
        self.installation_id = Some(id.into());
        self
    }

    /// Says something and waits for the whole answer.
    ///
    /// # Errors
    ///
    /// As for [`Client::create`]. The conversation is then as it was before.
    pub async fn ask(&mut self, input: impl Into<Input>) -> Result<Response, Error> {
        self.turn(input).await?.finish().await
    }

    /// Says something and hands out the events of the answer as they arrive.
    ///
    /// Calls of tools in the history that nobody has answered get the output `aborted` first: the service would refuse them as they are.
    ///
    /// # Errors
    ///
    /// As for [`Client::stream`].
    pub async fn turn(&mut self, input: impl Into<Input>) -> Result<SessionTurn<'_>, Error> {
        self.turn_with(input, &CallOptions::new()).await
    }

    /// As [`turn`](Self::turn), with options of this call. The ids of the conversation go before those of the options.
    ///
    /// # Errors
    ///
    /// As for [`Client::stream`].
    pub async fn turn_with(
        &mut self,
        input: impl Into<Input>,
        options: &CallOptions,
    ) -> Result<SessionTurn<'_>, Error> {
        self.begin_turn();
        let input = self.history.answering(input.into().into_items());
        self.send(input, options).await
    }

    /// Goes on with the same turn, as a rule with the outputs of the tools that the last response called.
    ///
    /// # Errors
    ///
    /// As for [`Client::stream`].
    pub async fn follow_up(&mut self, input: impl Into<Input>) -> Result<SessionTurn<'_>, Error> {
        let input = self.history.answering(input.into().into_items());
        self.send(input, &CallOptions::new()).await
    }

    /// What has been said so far, in order.
    pub fn history(&self) -> impl Iterator<Item = &InputItem> {
        self.history.items()
    }

    /// What every request says beside its input.
    #[must_use]
    pub fn settings(&self) -> &CreateResponse {
        &self.settings
    }

    /// Changes what every request from now on says. An input in it is not sent.
    pub fn settings_mut(&mut self) -> &mut CreateResponse {
        &mut self.settings
    }

    /// Names the conversation as a whole; forks have the same.
    #[must_use]
    pub fn session_id(&self) -> &str {
        &self.session_id
    }

    /// Names this thread of the conversation.
    #[must_use]
    pub fn thread_id(&self) -> &str {
        &self.thread_id
    }

    /// The client that the conversation is held with.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Another thread of the conversation that starts from here. Both share what was said so far and go their own ways.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self {
            client: self.client.clone(),
            settings: self.settings.clone(),
            history: self.history.clone(),
            session_id: self.session_id.clone(),
            thread_id: id::new(),
            window: 0,
            installation_id: self.installation_id.clone(),
            turn_id: String::new(),
            turn_state: TurnState::default(),
        }
    }

    /// Replaces the history by a shorter one that the service makes of it, by the endpoint `responses/compact`.
    ///
    /// # Errors
    ///
    /// As for [`Client::compact`]. The history is then as it was before.
    pub async fn compact(&mut self) -> Result<Compaction, Error> {
        self.begin_turn();
        let mut request = CompactRequest::new(self.settings.model.as_str())
            .input(self.history.to_input(Vec::new()));
        request.instructions.clone_from(&self.settings.instructions);
        request.tools.clone_from(&self.settings.tools);
        request.parallel_tool_calls = self.settings.parallel_tool_calls;
        request.reasoning.clone_from(&self.settings.reasoning);
        request.text.clone_from(&self.settings.text);
        request.service_tier.clone_from(&self.settings.service_tier);
        let options = self.options(&CallOptions::new());
        let compaction = self.client.compact(&request, &options).await?;
        self.replace(compaction.to_input());
        Ok(compaction)
    }

    /// Replaces the history by a shorter one, by a request that asks for it. What users and developers said stays; the compaction item stands
    /// for everything else.
    ///
    /// # Errors
    ///
    /// As for [`Client::compact_by_trigger`]. The history is then as it was before.
    pub async fn compact_by_trigger(&mut self) -> Result<Response, Error> {
        self.begin_turn();
        let options = self.options(&CallOptions::new());
        let mut request = self.settings.clone();
        request.input = Some(self.history.to_input(Vec::new()));
        let response = self.client.compact_by_trigger(&request, &options).await?;
        let mut shorter = self.history.instructions_and_questions();
        shorter.extend(
            response
                .output
                .iter()
                .filter(|item| is_compaction(item))
                .cloned()
                .map(InputItem::from),
        );
        self.replace(shorter);
        Ok(response)
    }

    /// Puts right what the service would refuse in the history: outputs whose calls are gone, calls whose outputs are, reasoning that is cut off
    /// from what it led to. They are taken out. For a history that was made or cut elsewhere; one that grew here needs it only after
    /// something was interrupted, and then the next [`turn`](Self::turn) answers what is open.
    ///
    /// Gives what was found and put right.
    ///
    /// # Errors
    ///
    /// [`Request`](crate::ErrorKind::Request) when an item nests deeper than 128 levels.
    pub fn repair(&mut self) -> Result<Vec<Finding>, Error> {
        let mut request = CreateResponse::new(self.settings.model.as_str());
        request.input = Some(self.history.to_input(Vec::new()));
        let body = RawJson::encode(&request).map_err(unwritable)?;
        // No backend's own demands: what it does not want to see is taken out of each request, not out of the history.
        let linter = Linter::new(Profile::new("history"));
        let (repaired, mut findings) = linter.fix(&body).map_err(unwritable)?;
        findings.retain(|finding| finding.pointer.starts_with("/input/"));
        if !findings.is_empty() {
            let repaired: CreateResponse = repaired.decode().map_err(unwritable)?;
            let items = repaired.input.map(Input::into_items).unwrap_or_default();
            self.history = History::starting_with(items);
        }
        Ok(findings)
    }

    /// Makes the next turn ready to be sent by other means than this conversation's client, such as a socket; what came of it goes to
    /// [`commit`](Self::commit).
    ///
    /// Not run here: a scripted socket would be longer than what it shows. `tests/socket.rs` runs the same exchange.
    ///
    /// ```no_run
    /// # async fn talk(client: codex_client::Client) -> Result<(), codex_client::Error> {
    /// use codex_client::types::CreateResponse;
    ///
    /// let mut session = client.session(CreateResponse::new("some-model"));
    /// let mut socket = client.socket_session(); // feature `ws`
    /// let draft = session.draft("Why is the sky blue?");
    /// let response = socket.stream_with(draft.request(), draft.options()).await?.finish().await?;
    /// session.commit(draft, &response);
    /// # Ok(())
    /// # }
    /// ```
    pub fn draft(&mut self, input: impl Into<Input>) -> Draft {
        self.begin_turn();
        let said = self.history.answering(input.into().into_items());
        self.ready(said, &CallOptions::new())
    }

    /// As [`draft`](Self::draft), for going on with the same turn: with the outputs of the tools that the last response called. What the
    /// service has given out for the turn goes with it, whichever way the turn has gone so far.
    pub fn draft_follow_up(&mut self, input: impl Into<Input>) -> Draft {
        let said = self.history.answering(input.into().into_items());
        self.ready(said, &CallOptions::new())
    }

    /// Takes what came of a [draft](Self::draft) into the history, if the response is complete; says whether it is. A draft of a history that
    /// has changed since is not taken either: what it was an answer to is no longer there.
    pub fn commit(&mut self, draft: Draft, response: &Response) -> bool {
        let is_taken = response.status == Status::Completed && draft.length == self.history.len();
        if is_taken {
            self.take(draft.said, response);
        }
        is_taken
    }

    fn ready(&self, said: Vec<InputItem>, options: &CallOptions) -> Draft {
        let mut request = self.settings.clone();
        request.input = Some(self.history.to_input(said.clone()));
        Draft {
            request,
            options: self.options(options),
            said,
            length: self.history.len(),
        }
    }

    async fn send(
        &mut self,
        said: Vec<InputItem>,
        options: &CallOptions,
    ) -> Result<SessionTurn<'_>, Error> {
        let draft = self.ready(said, options);
        let stream = self
            .client
            .stream_with(&draft.request, &draft.options)
            .await?;
        Ok(SessionTurn::new(self, stream, draft.said))
    }

    fn begin_turn(&mut self) {
        self.turn_id = id::new();
        self.turn_state = TurnState::default();
    }

    /// Options in which the conversation says who it is.
    fn options(&self, options: &CallOptions) -> CallOptions {
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

    fn take(&mut self, mut said: Vec<InputItem>, response: &Response) {
        said.extend(response.to_input());
        self.history.push(said);
    }

    fn replace(&mut self, items: Vec<InputItem>) {
        self.history = History::starting_with(items);
        self.window += 1;
    }
}

/// A turn of a [`Session`] that is ready to be sent.
pub struct Draft {
    request: CreateResponse,
    options: CallOptions,
    said: Vec<InputItem>,
    /// How many pieces the history had.
    length: usize,
}

impl Draft {
    /// The request, with the whole history in it.
    #[must_use]
    pub fn request(&self) -> &CreateResponse {
        &self.request
    }

    /// The options of the call, in which the conversation says who it is.
    pub fn options(&self) -> &CallOptions {
        &self.options
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Draft")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What was said is nobody else's business.
        formatter
            .debug_struct("Session")
            .field("session_id", &self.session_id)
            .field("thread_id", &self.thread_id)
            .field("window", &self.window)
            .field("items", &self.history.items().count())
            .finish_non_exhaustive()
    }
}
