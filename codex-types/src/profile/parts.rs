//! The smaller parts of a profile.

use alloc::vec::Vec;

use crate::profile::Text;

/// Which API a server is spoken to with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Wire {
    /// The Responses API.
    Responses,
    /// Chat Completions; requests are translated, and so are the responses.
    ChatCompletions,
    /// The Responses API; Chat Completions if the server turns out not to have it.
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

/// Which parameters a backend takes.
///
/// A parameter in none of the lists is unknown: it is sent as it is, with a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameters {
    /// The parameters that it is known to take; `None` if nothing is known, so that every parameter
    /// passes without a warning.
    pub accepted: Option<Vec<Text>>,
    /// Those that it takes over a WebSocket in addition.
    pub accepted_on_websocket: Vec<Text>,
    /// Those that it is known to refuse.
    pub refused: Vec<Text>,
    /// Those that can be left out where they are refused: neither the response nor its price nor its
    /// context depends on them.
    pub droppable: Vec<Text>,
}

impl Parameters {
    /// Any parameter.
    pub fn any() -> Self {
        Self {
            accepted: None,
            accepted_on_websocket: Vec::new(),
            refused: Vec::new(),
            droppable: Vec::new(),
        }
    }

    /// These parameters, and unknown ones with a warning.
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

/// Where a backend looks for instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Instructions {
    /// In the parameter `instructions`, or in messages of the developer.
    Parameter,
    /// In the parameter `instructions`, which has to be there, if only empty.
    RequiredParameter,
    /// In a message of the developer, ahead of everything else.
    DeveloperMessage,
}

/// How items that came out of earlier responses are sent back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replay {
    /// What becomes of their ids.
    pub ids: IdReplay,
    /// What becomes of their status.
    pub status: StatusReplay,
    /// Keys of items that are not sent back.
    pub dropped_keys: Vec<Text>,
    /// Keys of parts of messages that are not sent back.
    pub dropped_part_keys: Vec<Text>,
}

impl Replay {
    /// Everything is sent back as it came.
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

/// What becomes of the ids of items that are sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IdReplay {
    /// They stay.
    Keep,
    /// They stay if they have the form of the service: text, `_` and text.
    KeepPrefixed,
    /// They are taken out.
    Drop,
}

/// What becomes of the status of items that are sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StatusReplay {
    /// It stays.
    Keep,
    /// It stays on calls of custom tools and where the API requires it, and is taken out elsewhere.
    KeepOnCustomCalls,
    /// It is taken out, except where the API requires it.
    Drop,
}

/// Whether a backend keeps responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Store {
    /// As the request says; kept if it does not say.
    Free,
    /// `store` has to be false.
    Never,
    /// The server has nowhere to keep them, whatever the request says.
    Unsupported,
}

/// Whether answers have to be streamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Streamed {
    /// As the request says.
    Free,
    /// `stream` has to be true.
    Always,
}

/// What may stand in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Content {
    /// Whether files may be named by the id of an upload.
    pub file_ids: bool,
    /// Whether files may be named by a URL other than a `data:` URL.
    pub remote_urls: bool,
    /// Whether there may be sound.
    pub audio: bool,
}

impl Content {
    /// Files of any kind, no sound.
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

/// How bodies are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// Zstandard, RFC 8878, at this level.
    Zstd {
        /// From 1, fast, to 22, small.
        level: u8,
    },
}

impl Compression {
    /// Zstandard at this level.
    pub fn zstd(level: u8) -> Self {
        Self::Zstd { level }
    }

    /// What `content-encoding` says.
    pub fn content_encoding(self) -> &'static str {
        match self {
            Self::Zstd { .. } => "zstd",
        }
    }
}

/// Whether and how a backend is spoken to over a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebSocket {
    /// Whether it can be.
    pub supported: bool,
    /// What is sent ahead of the first request.
    pub warm_up: WarmUp,
    /// Whether a request may continue the one before on the same socket with
    /// `previous_response_id` and new items only.
    pub continues: bool,
    /// Whether `stream` is written although a socket implies it.
    pub writes_stream: bool,
    /// After how many minutes the service closes a socket, whatever happens on it.
    pub lifetime_minutes: Option<u32>,
}

impl WebSocket {
    /// Not at all.
    pub fn new() -> Self {
        Self {
            supported: false,
            warm_up: WarmUp::None,
            continues: false,
            writes_stream: false,
            lifetime_minutes: None,
        }
    }
}

impl Default for WebSocket {
    fn default() -> Self {
        Self::new()
    }
}

/// What is sent over a socket ahead of the first request, with `generate` set to false.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WarmUp {
    /// Nothing.
    None,
    /// The request with an empty input.
    EmptyInput,
    /// The request with its leading messages of the developer as input.
    DeveloperMessages,
}

/// The values of a parameter that a backend offers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Choices<T> {
    /// The values; none if any will do.
    pub offered: Option<Vec<T>>,
    /// Values the backend knows by another name: the name given, and its own.
    pub renamed: Vec<(T, T)>,
}

impl<T: PartialEq> Choices<T> {
    /// Any value.
    pub fn any() -> Self {
        Self {
            offered: None,
            renamed: Vec::new(),
        }
    }

    /// These values.
    pub fn only(values: impl IntoIterator<Item = T>) -> Self {
        Self {
            offered: Some(values.into_iter().collect()),
            renamed: Vec::new(),
        }
    }

    /// The first value is known by the name of the second.
    #[must_use]
    pub fn renaming(mut self, from: T, to: T) -> Self {
        self.renamed.push((from, to));
        self
    }

    /// Whether the value is offered, under its own name or another.
    pub fn offers(&self, value: &T) -> bool {
        let value = self.own_name(value);
        self.offered
            .as_ref()
            .is_none_or(|offered| offered.contains(value))
    }

    /// The backend's name for a value.
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
    /// `GET models` returns a catalogue under `models`, limited to what the client's version can use.
    /// The version is named in `client_version`, unless the profile has none.
    Catalogue,
}
