//! The smaller types of a profile.

use alloc::borrow::Cow;
use alloc::vec::Vec;

/// Text that is usually a constant of the program.
pub type Text = Cow<'static, str>;

/// The API that a server offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Wire {
    /// The Responses API.
    Responses,
    /// Chat Completions; requests and responses are translated.
    ChatCompletions,
    /// The Responses API, or Chat Completions if the server turns out not to have it.
    Discover,
}

impl Wire {
    /// Returns the name of the value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Responses => "responses",
            Self::ChatCompletions => "chat completions",
            Self::Discover => "discover",
        }
    }
}

/// The parameters of a backend.
///
/// A parameter in none of the lists is unknown: it is sent unchanged, with a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameters {
    /// The parameters that it is known to accept; `None` if nothing is known, so that every
    /// parameter passes without a warning.
    pub accepted: Option<Vec<Text>>,
    /// Further parameters that it accepts over a WebSocket.
    pub accepted_on_websocket: Vec<Text>,
    /// The parameters that it is known to refuse.
    pub refused: Vec<Text>,
    /// Parameters that can be omitted if they are refused: neither the response nor its price nor
    /// its context depends on them.
    pub droppable: Vec<Text>,
}

impl Parameters {
    /// Accepts any parameter.
    pub fn any() -> Self {
        Self {
            accepted: None,
            accepted_on_websocket: Vec::new(),
            refused: Vec::new(),
            droppable: Vec::new(),
        }
    }

    /// Accepts these parameters, and unknown ones with a warning.
    pub fn known(names: impl IntoIterator<Item = impl Into<Text>>) -> Self {
        Self {
            accepted: Some(names.into_iter().map(Into::into).collect()),
            ..Self::any()
        }
    }

    /// Sets [`accepted_on_websocket`](field@Self::accepted_on_websocket).
    #[must_use]
    pub fn on_websocket(mut self, names: impl IntoIterator<Item = impl Into<Text>>) -> Self {
        self.accepted_on_websocket = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`refused`](field@Self::refused).
    #[must_use]
    pub fn refusing(mut self, names: impl IntoIterator<Item = impl Into<Text>>) -> Self {
        self.refused = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`droppable`](field@Self::droppable).
    #[must_use]
    pub fn droppable(mut self, names: impl IntoIterator<Item = impl Into<Text>>) -> Self {
        self.droppable = names.into_iter().map(Into::into).collect();
        self
    }
}

/// Where a backend reads instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Instructions {
    /// In the parameter `instructions`, or in developer messages.
    Parameter,
    /// In the parameter `instructions`, which is required, even if empty.
    RequiredParameter,
    /// In a developer message before everything else.
    DeveloperMessage,
}

/// How output items are sent back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replay {
    /// The treatment of their ids.
    pub ids: IdReplay,
    /// The treatment of their status.
    pub status: StatusReplay,
    /// Keys of items that are not sent back.
    pub dropped_keys: Vec<Text>,
    /// Keys of message parts that are not sent back.
    pub dropped_part_keys: Vec<Text>,
}

impl Replay {
    /// Sends everything back unchanged.
    pub fn new() -> Self {
        Self {
            ids: IdReplay::Keep,
            status: StatusReplay::Keep,
            dropped_keys: Vec::new(),
            dropped_part_keys: Vec::new(),
        }
    }
}

impl Default for Replay {
    fn default() -> Self {
        Self::new()
    }
}

/// The treatment of the ids of items that are sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IdReplay {
    /// They stay.
    Keep,
    /// They stay if they have the form of the service's ids: text, `_`, text.
    KeepPrefixed,
    /// They are removed.
    Drop,
}

/// The treatment of the status of items that are sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StatusReplay {
    /// It stays.
    Keep,
    /// It stays on custom tool calls and where the API requires it, and is removed elsewhere.
    KeepOnCustomCalls,
    /// It is removed, except where the API requires it.
    Drop,
}

/// Whether a backend stores responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Store {
    /// As the request specifies; by default it stores them.
    Free,
    /// `store` must be false.
    Never,
    /// The server cannot store them, whatever the request specifies.
    Unsupported,
}

/// Whether responses must be streamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Streamed {
    /// As the request specifies.
    Free,
    /// `stream` must be true.
    Always,
}

/// The content that messages may contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Content {
    /// Whether files may be referenced by the id of an upload.
    pub file_ids: bool,
    /// Whether files may be referenced by a URL other than a `data:` URL.
    pub remote_urls: bool,
    /// Whether audio is accepted.
    pub audio: bool,
}

impl Content {
    /// Accepts files of any kind, but no audio.
    pub fn new() -> Self {
        Self {
            file_ids: true,
            remote_urls: true,
            audio: false,
        }
    }
}

impl Default for Content {
    fn default() -> Self {
        Self::new()
    }
}

/// The compression of bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// Zstandard (RFC 8878) at this level.
    Zstd {
        /// From 1 (fast) to 22 (small).
        level: u8,
    },
}

impl Compression {
    /// Returns Zstandard at this level.
    pub fn zstd(level: u8) -> Self {
        Self::Zstd { level }
    }

    /// Returns the value of `content-encoding`.
    pub fn content_encoding(self) -> &'static str {
        match self {
            Self::Zstd { .. } => "zstd",
        }
    }
}

/// The WebSocket support of a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebSocket {
    /// Whether the backend supports WebSockets.
    pub supported: bool,
    /// The preparation of a socket before the first request.
    pub warm_up: WarmUp,
    /// Whether a request may continue the previous one on the same socket with
    /// `previous_response_id` and new items only.
    pub continues: bool,
    /// Whether `stream` is written although a WebSocket implies it.
    pub writes_stream: bool,
    /// The entry of `client_metadata` that holds the time at which a message was sent, in
    /// milliseconds since the Unix epoch.
    pub send_time: Option<Text>,
    /// The number of minutes after which the service closes a socket in any case.
    pub lifetime_minutes: Option<u32>,
}

impl WebSocket {
    /// Returns the value for a backend without WebSockets.
    pub fn new() -> Self {
        Self {
            supported: false,
            warm_up: WarmUp::None,
            continues: false,
            writes_stream: false,
            send_time: None,
            lifetime_minutes: None,
        }
    }
}

impl Default for WebSocket {
    fn default() -> Self {
        Self::new()
    }
}

/// The message sent over a socket before the first request, with `generate` set to false.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WarmUp {
    /// Nothing.
    None,
    /// The request with an empty input.
    EmptyInput,
    /// The request with its leading developer messages as input.
    DeveloperMessages,
}

/// The values of a parameter that a backend offers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Choices<T> {
    /// The values; `None` if any value is accepted.
    pub offered: Option<Vec<T>>,
    /// Values that the backend has under another name: the caller's name, and the backend's.
    pub renamed: Vec<(T, T)>,
}

impl<T: PartialEq> Choices<T> {
    /// Accepts any value.
    pub fn any() -> Self {
        Self {
            offered: None,
            renamed: Vec::new(),
        }
    }

    /// Accepts these values.
    pub fn only(values: impl IntoIterator<Item = T>) -> Self {
        Self {
            offered: Some(values.into_iter().collect()),
            renamed: Vec::new(),
        }
    }

    /// Renames the first value to the second.
    #[must_use]
    pub fn renaming(mut self, from: T, to: T) -> Self {
        self.renamed.push((from, to));
        self
    }

    /// Returns whether the value is offered, under either name.
    pub fn offers(&self, value: &T) -> bool {
        let value = self.own_name(value);
        self.offered
            .as_ref()
            .is_none_or(|offered| offered.contains(value))
    }

    /// Returns the backend's name for a value.
    pub fn own_name<'a>(&'a self, value: &'a T) -> &'a T {
        self.renamed
            .iter()
            .find(|(from, _)| from == value)
            .map_or(value, |(_, to)| to)
    }
}

/// How a backend lists its models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Models {
    /// `GET models` returns a list under `data`.
    List,
    /// `GET models` returns a catalog under `models`, limited to what the client's version can use.
    /// The version is in `client_version`, unless the profile has none.
    Catalogue,
}

/// The form in which a request is written.
///
/// ```
/// use codex_types::profile::{FitPolicy, Profile, RequestForm};
/// use codex_types::{CreateResponse, FunctionTool, InputItem, RawJson};
///
/// let schema = RawJson::parse(r#"{"type":"object","properties":{}}"#)?;
/// let tool = FunctionTool::new("now", schema, false);
/// let request = CreateResponse::new("gpt-6.2-sol").input("What time is it?").tools([tool.into()]);
///
/// // The model table lists gpt-6.2-sol as a model that expects Responses Lite.
/// let fitted = Profile::chatgpt().fit(&request, &FitPolicy::new()).unwrap();
/// assert_eq!(fitted.form, RequestForm::Lite);
/// assert_eq!(fitted.request.tools, None);
/// assert_eq!(fitted.request.parallel_tool_calls, Some(false));
/// let items = fitted.request.input.unwrap().into_items();
/// assert!(matches!(items[0], InputItem::AdditionalTools(_)));
/// # Ok::<(), codex_types::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestForm {
    /// The documented form of the API.
    #[default]
    Full,
    /// Responses Lite.
    Lite,
}

/// When a backend gets Responses Lite, unless the caller chooses the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LiteUse {
    /// Only if the caller requests it.
    OnRequest,
    /// For models with `responses_lite` in the model table.
    ByModel,
    /// For all models.
    Always,
}
