//! What backends of the Responses API do not have in common, as values.
//!
//! A [`Profile`] says what a backend takes, where it looks for instructions, which items can be sent
//! back as they came, and which headers it is told things by. It decides nothing and sends nothing:
//! whoever builds a request reads it. All of it can be printed, changed and tested.
//!
//! ```
//! use codex_types::profile::{FitPolicy, Profile};
//! use codex_types::CreateResponse;
//!
//! let request = CreateResponse::new("gpt-5.5").input("Good morning").user("user-7");
//! let fitted = Profile::chatgpt().fit(&request, &FitPolicy::new()).unwrap();
//! assert_eq!(fitted.request.user, None);
//! assert!(fitted.stripped.iter().any(|finding| finding.pointer == "/user"));
//! ```

mod check;
mod dialect;
mod dialects;
mod fit;
mod header;
mod lite;
mod parts;
mod prepared;
mod preset;

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

pub(crate) use check::{Sending, kind_of};
#[cfg(feature = "chat")]
pub(crate) use dialect::fnv;
pub use dialect::{
    CallIds, ChatDialect, EffortParameter, JsonFormat, OutputLimit, ReasoningReplay, StreamUsage,
    ToolChoiceForms,
};
#[cfg(feature = "chat")]
pub(crate) use dialects::THINK_TAGS;
pub use fit::{FitPolicy, Fitted, OnFinding, Unfit};
pub use header::{Channel, Header, Identity, Source};
pub use lite::{LiteUse, RequestForm};
pub use parts::{
    Choices, Compression, Content, IdReplay, Instructions, Models, Parameters, Replay,
    StatusReplay, Store, Streamed, WarmUp, WebSocket, Wire,
};
pub use prepared::ItemFindings;

use crate::{Effort, Include, ServiceTier, Verbosity};

/// Text that is usually part of the program.
pub type Text = Cow<'static, str>;

/// What a backend takes and how it wants to be spoken to.
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
    /// What it is called.
    pub name: Text,
    /// The day on which the backend was last known to behave like this, as `YYYY-MM-DD`.
    pub as_of: Option<Text>,
    /// Where the service is, up to the `/responses` of its paths; none where only the user knows.
    pub base_url: Option<Text>,
    /// Which API it is spoken to with.
    pub wire: Wire,
    /// What it takes where it is spoken to with Chat Completions.
    pub chat: ChatDialect,
    /// Which parameters it takes.
    pub parameters: Parameters,
    /// Where it looks for instructions.
    pub instructions: Instructions,
    /// Whether messages of the role `system` have to become messages of the developer.
    pub system_as_developer: bool,
    /// Whether `input` has to be a list of items, not text.
    pub input_as_items: bool,
    /// How items that came out of earlier responses are sent back.
    pub replay: Replay,
    /// Whether it keeps responses.
    pub store: Store,
    /// Whether answers have to be streamed.
    pub streamed: Streamed,
    /// What every request asks to be included.
    pub include: Vec<Include>,
    /// Kinds of tools it refuses, as their `type` says.
    pub refused_tools: Vec<Text>,
    /// Kinds of input items it refuses, as their `type` says.
    pub refused_items: Vec<Text>,
    /// What may stand in messages.
    pub content: Content,
    /// The headers it is sent, credentials and those of HTTP itself aside.
    pub headers: Vec<Header>,
    /// What `client_metadata` says.
    pub client_metadata: Vec<(Text, Source)>,
    /// What `prompt_cache_key` is when the request does not say.
    pub prompt_cache_key: Option<Source>,
    /// How bodies over HTTP are compressed.
    pub compression: Option<Compression>,
    /// Whether and how it is spoken to over a WebSocket.
    pub websocket: WebSocket,
    /// Which service tiers it offers.
    pub service_tiers: Choices<ServiceTier>,
    /// Which efforts it offers.
    pub efforts: Choices<Effort>,
    /// Which verbosities it offers.
    pub verbosities: Choices<Verbosity>,
    /// How it lists its models.
    pub models: Models,
    /// When it is sent Responses Lite.
    pub lite: LiteUse,
    /// Whether messages in Responses Lite say where their content comes from.
    pub content_provenance: bool,
    /// The version that the client claims to be (header `version`, query `client_version`).
    ///
    /// The ChatGPT backend is reported to refuse newer models to clients whose version is lower than
    /// the model's `minimal_client_version`, or that send none: status 400 with "requires a newer
    /// version of Codex" or "not supported when using Codex with a ChatGPT account", or 404 "Model not
    /// found". The list of models is cut by the same version. So this is the version of the official
    /// client whose requests the profile describes, never the version of this crate.
    /// [`Identity::client_version`] takes precedence.
    pub client_version: Option<Text>,
    /// The version in the user agent; `None` for the version of the program.
    ///
    /// According to some reports, the gate described under
    /// [`client_version`](field@Self::client_version) reads the user agent as well. Whether it needs
    /// the name of the official client in front of the version is not known.
    pub user_agent_version: Option<Text>,
}

impl Profile {
    /// A backend that takes everything and asks for nothing.
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

    /// The profile of this name: one of [`NAMES`](Self::NAMES), or the name of a
    /// [chat server](ChatDialect::NAMES).
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

    /// The headers for a request over this channel: those whose value is known, in order.
    ///
    /// Credentials are not among them; whoever holds them adds them.
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

    /// The version that the client claims to be, for `GET models?client_version=`.
    pub fn client_version_for<'a>(&'a self, identity: &'a Identity) -> Option<&'a str> {
        let own = identity.client_version.as_deref();
        own.or(self.client_version.as_deref())
            .filter(|version| !version.is_empty())
    }

    /// The user agent of a program with this name and version.
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

    /// What `client_metadata` says: the entries whose value is known, in order.
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
