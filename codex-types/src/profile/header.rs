//! The headers of a backend and the sources of their values.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::profile::Text;

/// A header that a backend expects.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// The name, in lower case.
    pub name: Text,
    /// The source of the value. The header is omitted while the value is unknown.
    pub value: Source,
    /// The channels over which it is sent.
    pub channels: Vec<Channel>,
}

impl Header {
    /// Creates a header that is sent over all channels.
    pub fn new(name: impl Into<Text>, value: Source) -> Self {
        let channels = Vec::from([Channel::Http, Channel::WebSocket]);
        Self {
            name: name.into(),
            value,
            channels,
        }
    }

    /// Sends the header over this channel only.
    #[must_use]
    pub fn only_over(mut self, channel: Channel) -> Self {
        self.channels = Vec::from([channel]);
        self
    }
}

/// The channel over which a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Channel {
    /// `POST responses`.
    Http,
    /// The upgrade to a WebSocket, and the messages over it.
    WebSocket,
}

/// The source of the value of a header or a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// A fixed value.
    Literal(Text),
    /// The name of the program.
    Originator,
    /// The name and version of the program and its platform.
    UserAgent,
    /// The version that the client claims to be; that of the profile if the identity has none.
    ClientVersion,
    /// The ChatGPT account or workspace.
    AccountId,
    /// `true` for accounts that are bound to a certified cloud (FedRAMP); omitted otherwise.
    Fedramp,
    /// The organization of an API key.
    Organization,
    /// The project of an API key.
    Project,
    /// The id of the conversation, shared by all its threads.
    SessionId,
    /// The id of one thread of the conversation.
    ThreadId,
    /// The id of the context window of the thread: a new one after each compaction.
    WindowId,
    /// The id of the request, for tracing.
    RequestId,
    /// The id of the installation of the program.
    InstallationId,
    /// The turn state that the service returned for the current turn.
    TurnState,
    /// The id of the current turn.
    TurnId,
    /// The id of the root turn: the current turn, unless an agent runs on behalf of another turn.
    RootTurnId,
    /// The metadata of the turn: a JSON object in ASCII.
    TurnMetadata,
    /// The beta features of the program.
    BetaFeatures,
    /// The model and the service tier, for routing.
    RoutingHint,
    /// `true` if the request is written as Responses Lite; omitted otherwise.
    ResponsesLite,
}

/// The identity of the caller and of the conversation, from which headers are built.
///
/// It contains no secrets. Unknown fields stay empty, and headers that need them are omitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The value of [`Source::Originator`].
    pub originator: Option<String>,
    /// The value of [`Source::UserAgent`].
    pub user_agent: Option<String>,
    /// The value of [`Source::ClientVersion`].
    pub client_version: Option<String>,
    /// The value of [`Source::AccountId`].
    pub account_id: Option<String>,
    /// The value of [`Source::Fedramp`].
    pub fedramp: bool,
    /// The value of [`Source::Organization`].
    pub organization: Option<String>,
    /// The value of [`Source::Project`].
    pub project: Option<String>,
    /// The value of [`Source::SessionId`].
    pub session_id: Option<String>,
    /// The value of [`Source::ThreadId`].
    pub thread_id: Option<String>,
    /// The value of [`Source::WindowId`]; derived from the thread if it is not set.
    pub window_id: Option<String>,
    /// The value of [`Source::RequestId`]; the thread if it is not set.
    pub request_id: Option<String>,
    /// The value of [`Source::InstallationId`].
    pub installation_id: Option<String>,
    /// The value of [`Source::TurnState`].
    pub turn_state: Option<String>,
    /// The value of [`Source::TurnId`].
    pub turn_id: Option<String>,
    /// The value of [`Source::RootTurnId`]; the turn if it is not set.
    pub root_turn_id: Option<String>,
    /// The value of [`Source::TurnMetadata`].
    pub turn_metadata: Option<String>,
    /// The value of [`Source::BetaFeatures`].
    pub beta_features: Option<String>,
    /// The requested model, for [`Source::RoutingHint`].
    pub model: Option<String>,
    /// The requested service tier, for [`Source::RoutingHint`].
    pub service_tier: Option<String>,
    /// The value of [`Source::ResponsesLite`].
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
    /// Creates an empty identity.
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

    /// Returns the value of a source; `None` while it is unknown.
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
