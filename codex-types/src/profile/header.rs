//! What a backend is told by headers, and out of what it is made.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::profile::Text;

/// A header a backend is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// Its name, in lower case.
    pub name: Text,
    /// What it says. It is left out while that is not known.
    pub value: Source,
    /// Over which channels it is sent.
    pub channels: Vec<Channel>,
}

impl Header {
    /// A header that is sent over all channels.
    pub fn new(name: impl Into<Text>, value: Source) -> Self {
        let channels = Vec::from([Channel::Http, Channel::WebSocket]);
        Self {
            name: name.into(),
            value,
            channels,
        }
    }

    /// Only over this channel.
    #[must_use]
    pub fn only_over(mut self, channel: Channel) -> Self {
        self.channels = Vec::from([channel]);
        self
    }
}

/// The way a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Channel {
    /// `POST responses`.
    Http,
    /// The upgrade to a WebSocket, and what is said over it.
    WebSocket,
}

/// Where the value of a header or a key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// It is always this.
    Literal(Text),
    /// The name of the program.
    Originator,
    /// The name and version of the program and what it runs on.
    UserAgent,
    /// The version that the client claims to be; that of the profile if the identity has none.
    ClientVersion,
    /// The ChatGPT account or workspace.
    AccountId,
    /// `true` for accounts that are bound to a certified cloud; left out otherwise.
    Fedramp,
    /// The organisation of an API key.
    Organization,
    /// The project of an API key.
    Project,
    /// The conversation as a whole.
    SessionId,
    /// One thread of the conversation.
    ThreadId,
    /// What the model sees of the thread: a new one after each compaction.
    WindowId,
    /// The request, for finding it again.
    RequestId,
    /// The installation of the program.
    InstallationId,
    /// What the service gave out for the turn that goes on.
    TurnState,
    /// The turn in progress.
    TurnId,
    /// The turn that began it all: the turn in progress, unless an agent runs for another turn.
    RootTurnId,
    /// What is known about the turn: a JSON object in ASCII.
    TurnMetadata,
    /// Which parts of the program are on trial.
    BetaFeatures,
    /// The model and the service tier, for choosing a machine.
    RoutingHint,
    /// `true` if the request is written as Responses Lite; left out otherwise.
    ResponsesLite,
}

/// Who is asking, and in which conversation: what headers are made of.
///
/// It holds no secrets. What is not known stays empty, and the headers that need it are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// See [`Source::Originator`].
    pub originator: Option<String>,
    /// See [`Source::UserAgent`].
    pub user_agent: Option<String>,
    /// See [`Source::ClientVersion`].
    pub client_version: Option<String>,
    /// See [`Source::AccountId`].
    pub account_id: Option<String>,
    /// See [`Source::Fedramp`].
    pub fedramp: bool,
    /// See [`Source::Organization`].
    pub organization: Option<String>,
    /// See [`Source::Project`].
    pub project: Option<String>,
    /// See [`Source::SessionId`].
    pub session_id: Option<String>,
    /// See [`Source::ThreadId`].
    pub thread_id: Option<String>,
    /// See [`Source::WindowId`]; made of the thread if it is not given.
    pub window_id: Option<String>,
    /// See [`Source::RequestId`]; the thread if it is not given.
    pub request_id: Option<String>,
    /// See [`Source::InstallationId`].
    pub installation_id: Option<String>,
    /// See [`Source::TurnState`].
    pub turn_state: Option<String>,
    /// See [`Source::TurnId`].
    pub turn_id: Option<String>,
    /// See [`Source::RootTurnId`]; the turn if it is not given.
    pub root_turn_id: Option<String>,
    /// See [`Source::TurnMetadata`].
    pub turn_metadata: Option<String>,
    /// See [`Source::BetaFeatures`].
    pub beta_features: Option<String>,
    /// The model asked for, for [`Source::RoutingHint`].
    pub model: Option<String>,
    /// The service tier asked for, for [`Source::RoutingHint`].
    pub service_tier: Option<String>,
    /// See [`Source::ResponsesLite`].
    pub responses_lite: bool,
}

macro_rules! setters {
    ($($field:ident),* $(,)?) => {
        $(
            #[doc = concat!("Sets [`", stringify!($field), "`](field@Self::", stringify!($field), ").")]
            #[must_use]
            pub fn $field(mut self, $field: impl Into<String>) -> Self {
                self.$field = Some($field.into());
                self
            }
        )*
    };
}

impl Identity {
    /// Nobody in particular.
    pub fn new() -> Self {
        Self::default()
    }

    setters!(
        originator,
        user_agent,
        client_version,
        account_id,
        organization,
        project,
        session_id,
        thread_id,
        window_id,
        request_id,
        installation_id,
        turn_state,
        turn_id,
        root_turn_id,
        turn_metadata,
        beta_features,
        model,
        service_tier,
    );

    /// Sets [`fedramp`](field@Self::fedramp).
    #[must_use]
    pub fn fedramp(mut self, fedramp: bool) -> Self {
        self.fedramp = fedramp;
        self
    }

    /// Sets [`responses_lite`](field@Self::responses_lite).
    #[must_use]
    pub fn responses_lite(mut self, responses_lite: bool) -> Self {
        self.responses_lite = responses_lite;
        self
    }

    /// What a source says; none while it is not known.
    pub fn resolve<'a>(&'a self, source: &'a Source) -> Option<Cow<'a, str>> {
        let known = match source {
            Source::Literal(text) => return Some(Cow::Borrowed(text)),
            Source::Fedramp => return self.fedramp.then_some(Cow::Borrowed("true")),
            Source::ResponsesLite => return self.responses_lite.then_some(Cow::Borrowed("true")),
            Source::RoutingHint => return self.routing_hint().map(Cow::Owned),
            Source::WindowId => return self.window(),
            Source::Originator => &self.originator,
            Source::UserAgent => &self.user_agent,
            Source::ClientVersion => &self.client_version,
            Source::AccountId => &self.account_id,
            Source::Organization => &self.organization,
            Source::Project => &self.project,
            Source::SessionId => &self.session_id,
            Source::ThreadId => &self.thread_id,
            Source::RequestId if self.request_id.is_none() => &self.thread_id,
            Source::RequestId => &self.request_id,
            Source::InstallationId => &self.installation_id,
            Source::TurnState => &self.turn_state,
            Source::TurnId => &self.turn_id,
            Source::RootTurnId if self.root_turn_id.is_none() => &self.turn_id,
            Source::RootTurnId => &self.root_turn_id,
            Source::TurnMetadata => &self.turn_metadata,
            Source::BetaFeatures => &self.beta_features,
        };
        known
            .as_deref()
            .filter(|text| !text.is_empty())
            .map(Cow::Borrowed)
    }

    fn window(&self) -> Option<Cow<'_, str>> {
        match (&self.window_id, &self.thread_id) {
            (Some(window), _) => Some(Cow::Borrowed(window)),
            (None, Some(thread)) => Some(Cow::Owned(alloc::format!("{thread}:0"))),
            (None, None) => None,
        }
    }

    fn routing_hint(&self) -> Option<String> {
        let model = self.model.as_deref()?;
        Some(match self.service_tier.as_deref() {
            Some(tier) => alloc::format!("model={model};tier={tier}"),
            None => alloc::format!("model={model}"),
        })
    }
}
