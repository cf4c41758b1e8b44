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
    /// Creates the parameters of a backend that accepts any.
    pub fn any() -> Self {
        Self {
            accepted: None,
            accepted_on_websocket: Vec::new(),
            refused: Vec::new(),
            droppable: Vec::new(),
        }
    }

    /// Creates the parameters of a backend that accepts these, and unknown ones with a warning.
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

/// The part of a request in which a backend reads instructions.
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

/// The treatment of output items that are sent back.
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
    /// Creates a treatment that sends everything back unchanged.
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
    /// Keeps ids.
    Keep,
    /// Keeps ids of the form that the service uses: text, `_`, text.
    KeepPrefixed,
    /// Removes ids.
    Drop,
}

/// The treatment of the status of items that are sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StatusReplay {
    /// Keeps the status.
    Keep,
    /// Keeps the status on custom tool calls and where the API requires it; removes it elsewhere.
    KeepOnCustomCalls,
    /// Removes the status, except where the API requires it.
    Drop,
}

/// The rule of a backend for storing responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Store {
    /// Stores responses as the request specifies, and by default.
    Free,
    /// `store` must be false.
    Never,
    /// Never stores responses, whatever the request specifies.
    Unsupported,
}

/// The rule of a backend for streaming responses.
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
    /// Whether parts may be breakpoints of the prompt cache.
    pub cache_breakpoints: bool,
}

impl Content {
    /// Creates the content of a backend that accepts files of any kind, but no audio.
    pub fn new() -> Self {
        Self {
            file_ids: true,
            remote_urls: true,
            audio: false,
            cache_breakpoints: true,
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
    /// Creates a compression with Zstandard at this level.
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
    /// Creates choices that include any value.
    pub fn any() -> Self {
        Self {
            offered: None,
            renamed: Vec::new(),
        }
    }

    /// Creates choices of these values.
    pub fn only(values: impl IntoIterator<Item = T>) -> Self {
        Self {
            offered: Some(values.into_iter().collect()),
            renamed: Vec::new(),
        }
    }

    /// Adds a value that the backend has under another name: the caller's name, and the backend's.
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
