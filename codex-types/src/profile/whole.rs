//! The profile of a backend.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::profile::{
    Channel, ChatDialect, Choices, Compression, Content, Header, Identity, Instructions, LiteUse,
    Models, Parameters, Replay, Source, Store, Streamed, Text, WebSocket, Wire,
};
use crate::{Effort, Include, ServiceTier, Verbosity};

/// A description of the requests that a backend accepts and expects.
///
/// The presets are starting points: every field may be changed.
///
/// ```
/// use codex_types::profile::{Compression, Profile};
///
/// let mut profile = Profile::chatgpt();
/// profile.compression = None;
/// assert!(profile.websocket.supported);
/// assert_eq!(Profile::by_name("chatgpt").unwrap().compression, Some(Compression::zstd(3)));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Profile {
    /// The name of the profile.
    pub name: Text,
    /// The day on which the backend was last known to behave like this, as `YYYY-MM-DD`.
    pub as_of: Option<Text>,
    /// The URL of the service, up to the `/responses` of its paths; `None` if only the user knows
    /// it.
    pub base_url: Option<Text>,
    /// The API that the server offers.
    pub wire: Wire,
    /// The dialect of a server that offers Chat Completions.
    pub chat: ChatDialect,
    /// The parameters that the backend accepts.
    pub parameters: Parameters,
    /// The place from which the backend reads instructions.
    pub instructions: Instructions,
    /// Whether `system` messages must become `developer` messages.
    pub system_as_developer: bool,
    /// Whether `input` must be a list of items, not text.
    pub input_as_items: bool,
    /// The treatment of output items that are sent back.
    pub replay: Replay,
    /// Whether the backend stores responses.
    pub store: Store,
    /// Whether responses must be streamed.
    pub streamed: Streamed,
    /// The values that every request must have in `include`.
    pub include: Vec<Include>,
    /// The `type`s of tools that the backend refuses.
    pub refused_tools: Vec<Text>,
    /// The `type`s of input items that the backend refuses.
    pub refused_items: Vec<Text>,
    /// The content that messages may contain.
    pub content: Content,
    /// The headers that the backend expects, except credentials and those of HTTP itself.
    pub headers: Vec<Header>,
    /// The entries of `client_metadata`.
    pub client_metadata: Vec<(Text, Source)>,
    /// The source of the default `prompt_cache_key`.
    pub prompt_cache_key: Option<Source>,
    /// The compression of bodies over HTTP.
    pub compression: Option<Compression>,
    /// The support of WebSockets by the backend.
    pub websocket: WebSocket,
    /// The service tiers that the backend offers.
    pub service_tiers: Choices<ServiceTier>,
    /// The reasoning efforts that the backend offers.
    pub efforts: Choices<Effort>,
    /// The verbosities that the backend offers.
    pub verbosities: Choices<Verbosity>,
    /// The form in which the backend lists its models.
    pub models: Models,
    /// The requests that are sent as Responses Lite.
    pub lite: LiteUse,
    /// Whether messages in Responses Lite state the origin of their content.
    pub content_provenance: bool,
    /// The version that the client claims to be (header `version`, query `client_version`).
    ///
    /// The ChatGPT backend is reported to refuse newer models to clients whose version is lower
    /// than the model's `minimal_client_version`, or that send none: status 400 with "requires a
    /// newer version of Codex" or "not supported when using Codex with a ChatGPT account", or 404
    /// "Model not found". The list of models is filtered by the same version. So this is the
    /// version of the official client whose requests the profile describes, never the version of
    /// this crate. [`Identity::client_version`] takes precedence.
    pub client_version: Option<Text>,
    /// The version in the user agent; `None` for the version of the program.
    ///
    /// According to some reports, the check described under
    /// [`client_version`](field@Self::client_version) reads the user agent as well. Whether it
    /// requires the name of the official client is unknown.
    pub user_agent_version: Option<Text>,
}

impl Profile {
    /// Creates the profile of a backend that accepts everything and requires nothing.
    pub fn new(name: impl Into<Text>) -> Self {
        Self {
            name: name.into(),
            as_of: None,
            base_url: None,
            wire: Wire::Responses,
            chat: ChatDialect::new("openai"),
            parameters: Parameters::any(),
            instructions: Instructions::Parameter,
            system_as_developer: false,
            input_as_items: false,
            replay: Replay::new(),
            store: Store::Free,
            streamed: Streamed::Free,
            include: Vec::new(),
            refused_tools: Vec::new(),
            refused_items: Vec::new(),
            content: Content::new(),
            headers: Vec::new(),
            client_metadata: Vec::new(),
            prompt_cache_key: None,
            compression: None,
            websocket: WebSocket::new(),
            service_tiers: Choices::any(),
            efforts: Choices::any(),
            verbosities: Choices::any(),
            models: Models::List,
            lite: LiteUse::OnRequest,
            content_provenance: false,
            client_version: None,
            user_agent_version: None,
        }
    }

    /// Returns the profile of this name: one of [`NAMES`](Self::NAMES), or the name of a [chat
    /// server](ChatDialect::NAMES); `None` for other names.
    pub fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "platform" => Self::platform(),
            "chatgpt" => Self::chatgpt(),
            "chatgpt-0.171" => Self::chatgpt_0_171(),
            "chatgpt-0.120" => Self::chatgpt_0_120(),
            "sign-in-with-chatgpt" | "siwc" => Self::sign_in_with_chatgpt(),
            "compatible" => Self::compatible(),
            name => return ChatDialect::by_name(name).map(Self::chat_server),
        })
    }

    /// The names of the presets; `siwc` is short for `sign-in-with-chatgpt`.
    pub const NAMES: &'static [&'static str] = &[
        "platform",
        "chatgpt",
        "chatgpt-0.171",
        "chatgpt-0.120",
        "sign-in-with-chatgpt",
        "siwc",
        "compatible",
    ];

    /// Returns the headers for a request over this channel: those whose value is known, in order.
    ///
    /// Credentials are not among them; the credential source adds them.
    ///
    /// ```
    /// use codex_types::profile::{Channel, Identity, Profile};
    ///
    /// let identity = Identity::new().session_id("s-1").thread_id("s-1");
    /// let profile = Profile::chatgpt();
    /// let headers = profile.headers_for(Channel::Http, &identity);
    /// assert!(headers.contains(&("session-id", "s-1".into())));
    /// ```
    pub fn headers_for<'a>(
        &'a self,
        channel: Channel,
        identity: &'a Identity,
    ) -> Vec<(&'a str, Cow<'a, str>)> {
        self.headers
            .iter()
            .filter(|header| header.channels.contains(&channel))
            .filter_map(|header| Some((&*header.name, self.resolve(&header.value, identity)?)))
            .collect()
    }

    /// Returns the version that the client claims to be, if any, for `GET models?client_version=`.
    pub fn client_version_for<'a>(&'a self, identity: &'a Identity) -> Option<&'a str> {
        let own = identity.client_version.as_deref();
        own.or(self.client_version.as_deref())
            .filter(|version| !version.is_empty())
    }

    /// Returns the user agent of a program with this name and version.
    ///
    /// ```
    /// use codex_types::profile::Profile;
    ///
    /// assert_eq!(Profile::platform().user_agent("some-client", "1.2.0"), "some-client/1.2.0");
    /// assert_eq!(Profile::chatgpt().user_agent("some-client", "1.2.0"), "some-client/0.171.0");
    /// ```
    pub fn user_agent(&self, name: &str, version: &str) -> String {
        let version = self.user_agent_version.as_deref().unwrap_or(version);
        format!("{name}/{version}")
    }

    fn resolve<'a>(&'a self, source: &'a Source, identity: &'a Identity) -> Option<Cow<'a, str>> {
        match source {
            Source::ClientVersion => self.client_version_for(identity).map(Cow::Borrowed),
            source => identity.resolve(source),
        }
    }

    /// Returns the entries of `client_metadata` whose value is known, in order.
    pub fn client_metadata_for<'a>(
        &'a self,
        identity: &'a Identity,
    ) -> Vec<(&'a str, Cow<'a, str>)> {
        self.client_metadata
            .iter()
            .filter_map(|(name, source)| Some((&**name, self.resolve(source, identity)?)))
            .collect()
    }
}
