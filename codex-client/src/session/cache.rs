//! The prompt cache of a conversation: breakpoints, and how much of a prompt the next one repeats.

use codex_types::lint::{PromptStability, prompt_stability};
use codex_types::{InputItem, RawJson};

use crate::lock::lock;
use crate::options::SentRequest;
use crate::session::Session;
use crate::session::history::History;
use crate::session::policy::CacheBreakpoints;
use crate::session::state::SessionState;

impl Session {
    /// Sets whether the session marks its prompts for the cache of the service. By default it does
    /// not: the service then places one breakpoint itself.
    ///
    /// With [`CacheBreakpoints::Automatic`], the session places a breakpoint at the end of the
    /// leading developer messages, which other conversations share, and at the end of the new items
    /// of each turn. A placed breakpoint stays, so the prompt of the next turn repeats it. The
    /// service writes the latest ones of a request and finds the earlier ones again.
    ///
    /// Only models that are known to take breakpoints get them (5.6 and later; see
    /// [`ModelEntry::cache_breakpoints`]), and only from backends that accept them. The text of a
    /// marked item becomes a part, also in [`history`](Self::history).
    ///
    /// [`ModelEntry::cache_breakpoints`]: field@codex_types::model_name::ModelEntry::cache_breakpoints
    ///
    /// ```
    /// # use codex_client::Client;
    /// use codex_client::CacheBreakpoints;
    /// use codex_client::types::CreateResponse;
    /// # use codex_client::types::profile::Profile;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
    /// # let done = Answer::sse().event(r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}"#);
    /// # let server = LoopbackServer::start(Script::new().answer(done))?;
    /// # let client = Client::builder().base_url(server.url("/v1")).profile(Profile::platform()).build()?;
    /// let session = client.session(CreateResponse::new("gpt-6.2-sol"));
    /// let mut session = session.with_cache_breakpoints(CacheBreakpoints::Automatic);
    /// session.ask("Hi").await?;
    /// # let body = String::from_utf8(server.requests()[0].body.to_vec())?;
    /// # assert!(body.contains(r#""prompt_cache_breakpoint":{"mode":"explicit"}"#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_cache_breakpoints(mut self, breakpoints: CacheBreakpoints) -> Self {
        self.state.cache_breakpoints = breakpoints;
        self.state.mark_leading();
        self
    }

    /// Returns how much of the last prompt but one the last prompt repeats from the beginning, over
    /// either transport; `None` before the second request.
    ///
    /// [`PromptStability::share`] is 1 while the conversation only grows. The service can reuse at
    /// most that part; [`Usage::cached_ratio`] of the response is what it did reuse. Requests are
    /// compared as they were fitted to the backend. Over a WebSocket, the whole prompt is compared,
    /// although only new items were sent.
    ///
    /// The comparison is made by this call, and costs as much as reading both prompts.
    ///
    /// [`Usage::cached_ratio`]: codex_types::Usage::cached_ratio
    ///
    /// ```
    /// # use codex_client::Client;
    /// use codex_client::types::CreateResponse;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
    /// # let done = Answer::sse().event(r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}"#);
    /// # let server = LoopbackServer::start(Script::new().answer(done.times(3)))?;
    /// # let client = Client::builder().base_url(server.url("/v1")).build()?;
    /// let mut session = client.session(CreateResponse::new("some-model").instructions("Be brief."));
    /// session.ask("Hi").await?;
    /// session.ask("And now?").await?;
    /// assert_eq!(session.prompt_stability().map(|it| it.share()), Some(1.0));
    ///
    /// // A timestamp in the instructions loses the cache.
    /// session.settings_mut().instructions = Some("It is 12:01.".into());
    /// session.ask("And now?").await?;
    /// assert_eq!(session.prompt_stability().map(|it| it.share()), Some(0.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn prompt_stability(&self) -> Option<PromptStability> {
        self.state.prompt_stability()
    }
}

impl SessionState {
    pub(super) fn prompt_stability(&self) -> Option<PromptStability> {
        let [previous, last] = [&self.sent_before, &self.sent].map(body);
        // Requests that were sent do not nest too deeply to be read.
        prompt_stability(&previous?, &last?).ok()
    }

    /// Begins to record another request.
    pub(super) fn record_request(&mut self) -> SentRequest {
        if lock(&self.sent).is_some() {
            self.sent_before = core::mem::take(&mut self.sent);
        }
        self.sent.clone()
    }

    /// Marks the end of new items.
    pub(super) fn mark(&self, items: &mut [InputItem]) {
        if self.places_breakpoints() {
            items.iter_mut().rev().any(InputItem::set_cache_breakpoint);
        }
    }

    /// Marks the end of the leading developer messages, until the first response depends on them.
    fn mark_leading(&mut self) {
        if !self.places_breakpoints() || self.history.answered() > 0 {
            return;
        }
        let mut items: Vec<InputItem> = self.history.items().cloned().collect();
        let leading = items.iter().take_while(|item| is_instruction(item)).count();
        let mut leading = items.iter_mut().take(leading).rev();
        if leading.any(InputItem::set_cache_breakpoint) {
            self.history = History::starting_with(items);
        }
    }

    fn places_breakpoints(&self) -> bool {
        let takes = || self.client.shared().takes_breakpoints(&self.settings.model);
        self.cache_breakpoints == CacheBreakpoints::Automatic && takes() == Some(true)
    }
}

fn body(sent: &SentRequest) -> Option<RawJson> {
    let request = lock(sent).clone()?;
    RawJson::encode(&request).ok()
}

fn is_instruction(item: &InputItem) -> bool {
    use codex_types::Role;

    let roles = [Role::Developer, Role::System];
    matches!(item, InputItem::Message(message) if roles.contains(&message.role))
}
