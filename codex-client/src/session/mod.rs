//! A conversation as a value: what was said, verbatim, and who the server takes us for. Nothing enters the history until the server has
//! completed its part, so that a turn that fails leaves the conversation as it was.

pub(crate) mod answer;
mod history;
mod id;
mod saved;
#[cfg(feature = "ws")]
mod sockets;
mod talk;
mod turn;

use core::fmt;

use codex_types::lint::{Finding, Linter};
use codex_types::profile::Profile;
use codex_types::{
    CompactRequest, Compaction, CreateResponse, Input, InputItem, RawJson, Response, Status,
};

pub use turn::SessionTurn;

use crate::calls::is_compaction;
use crate::client::Client;
use crate::error::Error;
use crate::options::CallOptions;
use crate::turn::unwritable;
use history::{History, Said};
use talk::Talk;

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
    talk: Talk,
    /// None: the conversation is held over HTTP.
    #[cfg(feature = "ws")]
    sockets: Option<crate::socket::SocketSession>,
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
        Self::of(Talk::new(client, settings, History::starting_with(start)))
    }

    fn of(talk: Talk) -> Self {
        Self {
            talk,
            #[cfg(feature = "ws")]
            sockets: None,
        }
    }

    /// Names the installation of the program, for backends that are told.
    #[must_use]
    pub fn with_installation_id(mut self, id: impl Into<String>) -> Self {
        self.talk.installation_id = Some(id.into());
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
        self.talk.begin_turn();
        let input = self.talk.history.answering(input.into().into_items());
        self.send(input, options).await
    }

    /// Goes on with the same turn, as a rule with the outputs of the tools that the last response called.
    ///
    /// # Errors
    ///
    /// As for [`Client::stream`].
    pub async fn follow_up(&mut self, input: impl Into<Input>) -> Result<SessionTurn<'_>, Error> {
        let input = self.talk.history.answering(input.into().into_items());
        self.send(input, &CallOptions::new()).await
    }

    /// What has been said so far, in order.
    pub fn history(&self) -> impl Iterator<Item = &InputItem> {
        self.talk.history.items()
    }

    /// What every request says beside its input.
    #[must_use]
    pub fn settings(&self) -> &CreateResponse {
        &self.talk.settings
    }

    /// Changes what every request from now on says. An input in it is not sent.
    pub fn settings_mut(&mut self) -> &mut CreateResponse {
        &mut self.talk.settings
    }

    /// Names the conversation as a whole; forks have the same.
    #[must_use]
    pub fn session_id(&self) -> &str {
        &self.talk.session_id
    }

    /// Names this thread of the conversation.
    #[must_use]
    pub fn thread_id(&self) -> &str {
        &self.talk.thread_id
    }

    /// The client that the conversation is held with.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.talk.client
    }

    /// Another thread of the conversation that starts from here. Both share what was said so far and go their own ways.
    #[must_use]
    pub fn fork(&self) -> Self {
        let fork = Self::of(self.talk.fork());
        #[cfg(feature = "ws")]
        let fork = match &self.sockets {
            Some(sockets) => fork.over_sockets(sockets.settings()),
            None => fork,
        };
        fork
    }

    /// Replaces the history by a shorter one that the service makes of it, by the endpoint `responses/compact`.
    ///
    /// # Errors
    ///
    /// As for [`Client::compact`]. The history is then as it was before.
    pub async fn compact(&mut self) -> Result<Compaction, Error> {
        self.talk.begin_turn();
        let mut request =
            CompactRequest::new(self.talk.settings.model.as_str()).input(self.talk.history.input());
        request
            .instructions
            .clone_from(&self.talk.settings.instructions);
        request.tools.clone_from(&self.talk.settings.tools);
        request.parallel_tool_calls = self.talk.settings.parallel_tool_calls;
        request.reasoning.clone_from(&self.talk.settings.reasoning);
        request.text.clone_from(&self.talk.settings.text);
        request
            .service_tier
            .clone_from(&self.talk.settings.service_tier);
        let options = self.talk.options(&CallOptions::new());
        let compaction = self.talk.client.compact(&request, &options).await?;
        self.talk.replace(compaction.to_input());
        Ok(compaction)
    }

    /// Replaces the history by a shorter one, by a request that asks for it. What users and developers said stays; the compaction item stands
    /// for everything else.
    ///
    /// # Errors
    ///
    /// As for [`Client::compact_by_trigger`]. The history is then as it was before.
    pub async fn compact_by_trigger(&mut self) -> Result<Response, Error> {
        self.talk.begin_turn();
        let options = self.talk.options(&CallOptions::new());
        let mut request = self.talk.settings.clone();
        request.input = Some(self.talk.history.input().into());
        let response = self
            .talk
            .client
            .compact_by_trigger(&request, &options)
            .await?;
        let mut shorter = self.talk.history.instructions_and_questions();
        shorter.extend(
            response
                .output
                .iter()
                .filter(|item| is_compaction(item))
                .cloned()
                .map(InputItem::from),
        );
        self.talk.replace(shorter);
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
        let mut request = CreateResponse::new(self.talk.settings.model.as_str());
        request.input = Some(self.talk.history.input().into());
        let body = RawJson::encode(&request).map_err(unwritable)?;
        // No backend's own demands: what it does not want to see is taken out of each request, not out of the history.
        let linter = Linter::new(Profile::new("history"));
        let (repaired, mut findings) = linter.fix(&body).map_err(unwritable)?;
        findings.retain(|finding| finding.pointer.starts_with("/input/"));
        if !findings.is_empty() {
            let repaired: CreateResponse = repaired.decode().map_err(unwritable)?;
            let items = repaired.input.map(Input::into_items).unwrap_or_default();
            self.talk.history = History::starting_with(items);
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
        self.talk.begin_turn();
        let said = self.talk.history.answering(input.into().into_items());
        self.talk.ready(said, &CallOptions::new())
    }

    /// As [`draft`](Self::draft), for going on with the same turn: with the outputs of the tools that the last response called. What the
    /// service has given out for the turn goes with it, whichever way the turn has gone so far.
    pub fn draft_follow_up(&mut self, input: impl Into<Input>) -> Draft {
        let said = self.talk.history.answering(input.into().into_items());
        self.talk.ready(said, &CallOptions::new())
    }

    /// Takes what came of a [draft](Self::draft) into the history, if the response is complete; says whether it is. A draft of a history that
    /// has changed since is not taken either: what it was an answer to is no longer there.
    pub fn commit(&mut self, draft: Draft, response: &Response) -> bool {
        let is_taken =
            response.status == Status::Completed && draft.length == self.talk.history.len();
        if is_taken {
            self.talk.take(draft.said, response);
        }
        is_taken
    }

    async fn send(
        &mut self,
        said: Vec<InputItem>,
        options: &CallOptions,
    ) -> Result<SessionTurn<'_>, Error> {
        let draft = self.talk.ready(said, options);
        #[cfg(feature = "ws")]
        if let Some(sockets) = &mut self.sockets {
            let turn = sockets.stream_with(&draft.request, &draft.options).await?;
            return Ok(SessionTurn::new(&mut self.talk, Box::new(turn), draft.said));
        }
        let stream = self
            .talk
            .client
            .stream_with(&draft.request, &draft.options)
            .await?;
        Ok(SessionTurn::new(
            &mut self.talk,
            Box::new(stream),
            draft.said,
        ))
    }
}

/// A turn of a [`Session`] that is ready to be sent.
pub struct Draft {
    request: CreateResponse,
    options: CallOptions,
    said: Said,
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
            .field("session_id", &self.talk.session_id)
            .field("thread_id", &self.talk.thread_id)
            .field("window", &self.talk.window)
            .field("items", &self.talk.history.items().count())
            .finish_non_exhaustive()
    }
}
