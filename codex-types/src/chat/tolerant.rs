//! Chat values in the forms in which servers send them.
//!
//! Chat servers disagree about where text, reasoning, calls and errors belong. The methods here
//! read every form in use, so that the translations handle only one.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::chat::ending::reported;
use crate::chat::{
    ChatChoice, ChatChunk, ChatChunkChoice, ChatContent, ChatDelta, ChatFunctionArguments,
    ChatMessage, ChatPart, ChatResponse, ChatToolCall, ChatToolCallDelta, ChatToolCallKind,
    ChatUsage,
};
use crate::error::forms;
use crate::lint::tree::{Node, Value};
use crate::wire::known::{Object, bit, key};
use crate::{ApiError, DecodeError, Extra, Map, Number, RawJson};

/// A part of a message of the assistant, or of a delta.
///
/// ```
/// use codex_types::RawJson;
/// use codex_types::chat::{ChatDelta, ChatPiece};
///
/// let delta: ChatDelta = RawJson::parse(
///     r#"{"reasoning":"Hm.","content":[{"type":"text","text":"Yes"}]}"#,
/// )?
/// .decode()?;
/// assert_eq!(
///     delta.pieces(),
///     [ChatPiece::Reasoning("Hm.".into()), ChatPiece::Text("Yes".into())],
/// );
/// # Ok::<(), codex_types::DecodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChatPiece<'a> {
    /// Text of the message.
    Text(Cow<'a, str>),
    /// Text of a refusal.
    Refusal(Cow<'a, str>),
    /// Reasoning.
    Reasoning(Cow<'a, str>),
}

impl ChatPiece<'_> {
    /// Returns the text of the part, whatever its kind.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text(text) | Self::Refusal(text) | Self::Reasoning(text) => text,
        }
    }
}

impl ChatDelta {
    /// Returns the text, refusals and reasoning of the delta, reasoning first.
    ///
    /// Text and refusals are read from `content`, which may be text or a list of parts, and from
    /// `refusal`. Reasoning is read from the first of `reasoning_content`, `reasoning`,
    /// `reasoning_text`, `reasoning_details`, `thinking`, `thinking_blocks` and the parts of
    /// `content` that contains any, because servers that fill several of them repeat the same text.
    /// Empty parts are omitted.
    pub fn pieces(&self) -> Vec<ChatPiece<'_>> {
        let mut said = Vec::new();
        match &self.content {
            Some(text) => said.push(ChatPiece::Text(text.into())),
            None => said.extend(
                self.extra
                    .get("content")
                    .into_iter()
                    .flat_map(content_pieces),
            ),
        }
        in_order(&self.reasoning_content, &self.extra, said, &self.refusal)
    }

    /// Returns the calls that the delta begins or continues: `tool_calls`, which may be one call
    /// instead of a list, then the deprecated `function_call`, which has neither an index nor an
    /// id. A call whose name and arguments are not in a `function` is returned as if they were.
    pub fn calls(&self) -> Vec<Cow<'_, ChatToolCallDelta>> {
        let lone = self.extra.get("tool_calls");
        let lone = lone.and_then(|call| call.decode().ok()).map(Cow::Owned);
        let calls = self.tool_calls.iter().flatten().map(|call| {
            let keys = ["name", "arguments", "parameters"];
            let is_flat =
                call.function.is_none() && keys.iter().any(|key| call.extra.get(key).is_some());
            let function = (is_flat && call.custom.is_none()).then(|| recode(call));
            match function {
                Some(function) => Cow::Owned(ChatToolCallDelta {
                    function: Some(function),
                    ..call.clone()
                }),
                None => Cow::Borrowed(call),
            }
        });
        let older = self.function_call.iter().map(older_call).map(Cow::Owned);
        calls.chain(lone).chain(older).collect()
    }
}

impl ChatMessage {
    /// Returns the text, refusals and reasoning of the message, reasoning first; the sources are
    /// those of [`ChatDelta::pieces`].
    pub fn pieces(&self) -> Vec<ChatPiece<'_>> {
        let said = match &self.content {
            None => Vec::new(),
            Some(ChatContent::Text(text)) => [ChatPiece::Text(text.into())].into(),
            Some(ChatContent::Parts(parts)) => {
                parts.iter().filter_map(ChatPart::as_piece).collect()
            }
            Some(ChatContent::Unknown(raw)) => content_pieces(raw),
        };
        in_order(&self.reasoning_content, &self.extra, said, &self.refusal)
    }

    /// Returns the calls of the message: `tool_calls`, then the deprecated `function_call`, which
    /// has no id. Each is a delta that contains the whole call and has no index.
    pub fn calls(&self) -> Vec<ChatToolCallDelta> {
        let calls = self.tool_calls.iter().flatten().map(ChatToolCall::to_delta);
        let older = self.function_call.iter().map(older_call);
        calls.chain(older).collect()
    }
}

impl ChatPart {
    /// Returns the text of the part; `None` for media and for unknown kinds.
    pub(crate) fn as_piece(&self) -> Option<ChatPiece<'_>> {
        match self {
            Self::Text(part) => Some(ChatPiece::Text((&part.text).into())),
            Self::Refusal(part) => Some(ChatPiece::Refusal((&part.refusal).into())),
            Self::Unknown(part) => piece(&Node::read(part.raw()).ok()?),
            _ => None,
        }
    }
}

impl ChatToolCall {
    /// Returns the call as a delta that contains all of it and has no index.
    ///
    /// The delta has methods that read every form in which servers send calls: without `type`,
    /// without an id, with arguments that are an object instead of text.
    ///
    /// ```
    /// use codex_types::RawJson;
    /// use codex_types::chat::ChatToolCall;
    ///
    /// let call: ChatToolCall =
    ///     RawJson::parse(r#"{"id":7,"function":{"name":"f","arguments":{"p": 1}}}"#)?.decode()?;
    /// let call = call.to_delta();
    /// assert_eq!(call.given_id(), Some("7"));
    /// assert_eq!(call.given_name(), Some("f"));
    /// assert_eq!(call.input_text().as_deref(), Some(r#"{"p":1}"#));
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub fn to_delta(&self) -> ChatToolCallDelta {
        recode(self)
    }
}

impl ChatToolCallDelta {
    /// Returns `index` if the server sent a non-negative integer, as a number or as text.
    ///
    /// The field itself is 0 if the server sent none.
    pub fn given_index(&self) -> Option<u32> {
        if is_given(self, "index") {
            return Some(self.index);
        }
        let in_text = || {
            self.extra
                .get("index")?
                .decode::<String>()
                .ok()?
                .parse()
                .ok()
        };
        let whole = count(&self.extra, "index").and_then(|index| index.try_into().ok());
        whole.or_else(in_text)
    }

    /// Returns the id, unless it is empty; a numeric id as its digits.
    pub fn given_id(&self) -> Option<&str> {
        text_or_digits(self.id.as_deref(), &self.extra, "id")
    }

    /// Returns the name of the function or custom tool, unless it is empty.
    pub fn given_name(&self) -> Option<&str> {
        let custom = self.custom.as_ref().and_then(|it| it.name.as_deref());
        let function = self.function.as_ref().and_then(|it| it.name.as_deref());
        custom.or(function).filter(|name| !name.is_empty())
    }

    /// Returns the arguments of the function, which may be under `parameters` or `input`, or the
    /// input of the custom tool; `None` if there are none. A value that is not text becomes its
    /// JSON text.
    pub fn input_text(&self) -> Option<Cow<'_, str>> {
        let custom = self.custom.as_ref();
        let function = self.function.as_ref();
        custom
            .and_then(|it| text_or_json(it.input.as_deref(), &it.extra, "input"))
            .or_else(|| {
                let function = function?;
                let arguments = function.arguments.as_deref();
                text_or_json(arguments, &function.extra, "arguments")
                    .or_else(|| text_or_json(None, &function.extra, "parameters"))
                    .or_else(|| text_or_json(None, &function.extra, "input"))
            })
    }

    /// Returns whether this delta shows a call of a custom tool.
    pub fn is_custom(&self) -> bool {
        let says_so = self.kind == Some(ChatToolCallKind::Custom);
        self.custom.is_some() || (says_so && self.function.is_none())
    }
}

/// Returns an id for a call that has none: `call_`, the id of the completion, `_` and a number that
/// the caller increments until no other call has the id.
///
/// ```
/// use codex_types::chat::invented_call_id;
///
/// assert_eq!(invented_call_id("c1", 0), "call_c1_0");
/// ```
pub fn invented_call_id(completion_id: &str, number: usize) -> String {
    let start = completion_id.char_indices().rev().nth(ID_CHARACTERS - 1);
    let end = start.map_or(completion_id, |(at, _)| &completion_id[at..]);
    let gap = if end.is_empty() { "" } else { "_" };
    format!("call_{end}{gap}{number}")
}

/// The number of characters of the completion's id in an invented id. Services accept a `call_id`
/// of at most 64 characters.
const ID_CHARACTERS: usize = 48;

impl ChatChunkChoice {
    /// Returns the delta, or what the server sent instead: a `message`, or the `text` of the older
    /// Completions API. Either may be only text.
    pub fn delta_or_message(&self) -> Cow<'_, ChatDelta> {
        let is_delta = is_given(self, "delta");
        let keys: &[&str] = match &self.delta {
            _ if !is_delta => &["delta", "message", "text"],
            delta if *delta == ChatDelta::default() => &["text"],
            _ => &[],
        };
        let mut others = keys
            .iter()
            .filter_map(|key| self.extra.get(key))
            .filter(|raw| !raw.is_null());
        others.next().map_or(Cow::Borrowed(&self.delta), |raw| {
            Cow::Owned(with_content(raw))
        })
    }
}

impl ChatChoice {
    /// Returns the choice with what the server sent instead of a message: only its text, or the
    /// `text` of the older Completions API.
    pub(crate) fn with_message(&self) -> Cow<'_, Self> {
        let keys = ["message", "text"]
            .iter()
            .filter(|_| !is_given(self, "message"));
        let mut others = keys
            .filter_map(|key| self.extra.get(key))
            .filter(|raw| !raw.is_null());
        others.next().map_or(Cow::Borrowed(self), |raw| {
            Cow::Owned(Self {
                message: with_content(raw),
                ..self.clone()
            })
        })
    }
}

/// Reads an object, or a value that is the `content` of one.
fn with_content<T: DeserializeOwned + Default>(raw: &RawJson) -> T {
    if raw.as_str().starts_with('{') {
        return raw.decode().unwrap_or_default();
    }
    let object = RawJson::parse(&format!(r#"{{"content":{raw}}}"#)).unwrap_or_default();
    object.decode().unwrap_or_default()
}

impl ChatChunk {
    /// Reads the data of a chunk. A list of errors that was sent instead of a chunk becomes a chunk
    /// that reports them.
    ///
    /// # Errors
    ///
    /// Returns an error if `json` is neither a JSON object nor such a list.
    ///
    /// # Examples
    ///
    /// ```
    /// use codex_types::chat::ChatChunk;
    ///
    /// let chunk = ChatChunk::from_json(r#"[{"error":{"message":"overloaded"}}]"#)?;
    /// assert_eq!(chunk.error().unwrap().message, "overloaded");
    /// assert!(ChatChunk::from_json("[]").is_err());
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub fn from_json(json: &str) -> Result<Self, DecodeError> {
        let raw = RawJson::parse(json)?;
        if raw.as_str().starts_with('[') && forms::in_list(&raw).is_some() {
            let mut chunk = Self::default();
            chunk.extra.insert("error", raw);
            return Ok(chunk);
        }
        raw.decode()
    }

    /// Returns the id; a numeric id as its digits.
    pub fn given_id(&self) -> &str {
        text_or_digits(Some(&self.id), &self.extra, "id").unwrap_or_default()
    }

    /// Returns when the completion was created, as a Unix timestamp that may have a fraction.
    pub fn created_at(&self) -> Number {
        created_at(self.created, &self.extra)
    }

    /// Returns the usage, if the chunk has it: under `usage`, in the chunk or in one of its
    /// choices, or under `x_groq`.
    pub fn given_usage(&self) -> Option<Cow<'_, ChatUsage>> {
        let in_choices = || {
            let choices = self.given_choices();
            choices
                .iter()
                .find_map(|choice| choice.extra.get("usage")?.decode().ok())
        };
        let in_groq = || {
            let groq: Map<RawJson> = self.extra.get("x_groq")?.decode().ok()?;
            groq.get("usage")?.decode().ok()
        };
        match &self.usage {
            Some(usage) => Some(Cow::Borrowed(usage)),
            None => in_choices().or_else(in_groq).map(Cow::Owned),
        }
    }

    /// Returns the choices, which may be one choice instead of a list.
    pub fn given_choices(&self) -> Cow<'_, [ChatChunkChoice]> {
        listed(&self.choices, &self.extra)
    }

    /// Returns the error that the chunk reports, if any: under `error` or `errors`, in the chunk,
    /// in one of its choices or in a delta; or an error that was sent instead of a chunk. It is
    /// read in every form that [`ErrorEvent`](crate::ErrorEvent) describes.
    ///
    /// A numeric code becomes text. A choice that ends with
    /// [`ChatEnding::Error`](crate::chat::ChatEnding::Error) may come without an error.
    pub fn error(&self) -> Option<ApiError> {
        let choices = self.given_choices();
        let deltas = choices.iter().map(|choice| &choice.delta.extra);
        let places = choices.iter().map(|choice| &choice.extra).chain(deltas);
        let has_content = !choices.is_empty() || self.usage.is_some();
        reported(&self.extra, &self.object, has_content, places)
    }
}

impl ChatResponse {
    /// Returns the id; a numeric id as its digits.
    pub fn given_id(&self) -> &str {
        text_or_digits(Some(&self.id), &self.extra, "id").unwrap_or_default()
    }

    /// Returns when the completion was created, as a Unix timestamp that may have a fraction.
    pub fn created_at(&self) -> Number {
        created_at(self.created, &self.extra)
    }

    /// Returns the error that the completion reports, if any, from the same fields as
    /// [`ChatChunk::error`].
    ///
    /// ```
    /// use codex_types::RawJson;
    /// use codex_types::chat::ChatResponse;
    ///
    /// let body = RawJson::parse(r#"{"error":{"message":"no slot","code":503}}"#)?;
    /// let error = body.decode::<ChatResponse>()?.error().unwrap();
    /// assert_eq!(error.to_string(), "503: no slot");
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub fn error(&self) -> Option<ApiError> {
        let choices = self.given_choices();
        let places = choices.iter().map(|choice| &choice.extra);
        let has_content = !choices.is_empty() || self.usage.is_some();
        reported(&self.extra, &self.object, has_content, places)
    }

    /// Returns the choices, which may be one choice instead of a list.
    pub fn given_choices(&self) -> Cow<'_, [ChatChoice]> {
        listed(&self.choices, &self.extra)
    }
}

/// Returns the choices in the list, or the one that was sent instead of it.
fn listed<'a, T: Clone + DeserializeOwned>(list: &'a [T], extra: &Extra) -> Cow<'a, [T]> {
    let lone = || extra.get("choices")?.decode().ok();
    match list {
        [] if !extra.is_empty() => {
            lone().map_or(Cow::Borrowed(list), |one| Cow::Owned([one].into()))
        }
        _ => Cow::Borrowed(list),
    }
}

/// Orders reasoning first, and omits empty parts.
fn in_order<'a>(
    reasoning_content: &'a Option<String>,
    extra: &'a Extra,
    said: Vec<ChatPiece<'a>>,
    refusal: &'a Option<String>,
) -> Vec<ChatPiece<'a>> {
    let is_thought = |piece: &ChatPiece<'_>| matches!(piece, ChatPiece::Reasoning(_));
    let mut pieces: Vec<ChatPiece<'a>> = match reasoning_content.as_deref() {
        Some(text) if !text.is_empty() => [ChatPiece::Reasoning(text.into())].into(),
        _ => REASONING_KEYS
            .iter()
            .filter_map(|key| extra.get(key))
            .map(thoughts)
            .find(|thoughts| !thoughts.is_empty())
            .unwrap_or_default(),
    };
    let (thought, said): (Vec<_>, Vec<_>) = said.into_iter().partition(is_thought);
    if pieces.is_empty() {
        pieces = thought;
    }
    pieces.extend(said);
    pieces.extend(refusal.iter().map(|text| ChatPiece::Refusal(text.into())));
    pieces.retain(|piece| !piece.as_str().is_empty());
    pieces
}

const REASONING_KEYS: &[&str] = &[
    "reasoning_content",
    "reasoning",
    "reasoning_text",
    "reasoning_details",
    "thinking",
    "thinking_blocks",
];

/// Reads reasoning: text, or a list of entries.
fn thoughts(raw: &RawJson) -> Vec<ChatPiece<'_>> {
    let Ok(node) = Node::read(raw) else {
        return Vec::new();
    };
    let entries = match node.items() {
        [] => core::slice::from_ref(&node),
        entries => entries,
    };
    let words = entries.iter().map(words).filter(|words| !words.is_empty());
    words.map(ChatPiece::Reasoning).collect()
}

/// Reads `content` that is a list of parts, or one part outside a list.
pub(crate) fn content_pieces(raw: &RawJson) -> Vec<ChatPiece<'_>> {
    let Ok(node) = Node::read(raw) else {
        return Vec::new();
    };
    if node.is_list() {
        node.items().iter().filter_map(piece).collect()
    } else {
        piece(&node).into_iter().collect()
    }
}

/// Reads one part of `content`; `None` for media and for unknown kinds.
fn piece<'a>(part: &Node<'a>) -> Option<ChatPiece<'a>> {
    if matches!(
        &part.value,
        Value::Text(_) | Value::Number(_) | Value::Bool(_)
    ) {
        return Some(ChatPiece::Text(words(part)));
    }
    Some(match part.text_of("type") {
        "text" | "output_text" | "text_delta" => ChatPiece::Text(words(part)),
        "" if part.get("text").is_some() => ChatPiece::Text(words(part)),
        "refusal" => ChatPiece::Refusal(words(part)),
        "thinking" | "reasoning" | "reasoning_text" | "thinking_delta" => {
            ChatPiece::Reasoning(words(part))
        }
        _ => return None,
    })
}

/// Returns the text of a string, of a number or a truth value, of an object that has it under one
/// of the usual keys, or of a list of those.
fn words<'a>(node: &Node<'a>) -> Cow<'a, str> {
    match &node.value {
        Value::Text(text) => text.clone(),
        Value::List(items) => items.iter().map(words).collect::<String>().into(),
        Value::Object(_) => [
            "text",
            "thinking",
            "reasoning",
            "refusal",
            "summary",
            "content",
            "value",
        ]
        .iter()
        .filter_map(|key| node.given(key))
        .map(words)
        .find(|words| !words.is_empty())
        .unwrap_or_default(),
        Value::Bool(_) | Value::Number(_) => Cow::Borrowed(node.text),
        Value::Null => Cow::Borrowed(""),
    }
}

fn older_call(call: &ChatFunctionArguments) -> ChatToolCallDelta {
    ChatToolCallDelta {
        function: Some(recode(call)),
        ..ChatToolCallDelta::default()
    }
}

/// Reads the JSON of one type as another type with the same keys.
pub(crate) fn recode<T: Serialize, U: DeserializeOwned + Default>(value: &T) -> U {
    let json = RawJson::encode(value).unwrap_or_default();
    json.decode().unwrap_or_default()
}

/// Returns whether a plain field was present and of its type.
fn is_given(object: &dyn Object, name: &str) -> bool {
    key(object, name).map(bit).is_some_and(|bit| {
        let extra = object.extra();
        !extra.is_absent(bit) && !extra.is_null(bit)
    })
}

fn text_or_digits<'a>(text: Option<&'a str>, extra: &'a Extra, key: &str) -> Option<&'a str> {
    let is_number = |raw: &&RawJson| number(raw).is_some();
    text.filter(|text| !text.is_empty())
        .or_else(|| extra.get(key).filter(is_number).map(RawJson::as_str))
}

fn text_or_json<'a>(text: Option<&'a str>, extra: &'a Extra, key: &str) -> Option<Cow<'a, str>> {
    let is_other = |raw: &&RawJson| !raw.is_null() && !raw.as_str().starts_with('"');
    let json = || extra.get(key).filter(is_other).map(RawJson::to_compact);
    text.map(Cow::Borrowed).or_else(json)
}

/// Reads a non-negative integer, which may be written with a fraction.
pub(crate) fn count(extra: &Extra, key: &str) -> Option<u64> {
    let number = number(extra.get(key)?)?;
    number
        .to_whole()
        .filter(|whole| *whole as f64 == number.as_f64())
}

fn created_at(created: u64, extra: &Extra) -> Number {
    let other = extra.get("created").and_then(number);
    other.unwrap_or_else(|| created.into())
}

fn number(raw: &RawJson) -> Option<Number> {
    let text = raw.as_str();
    match text.parse::<u64>() {
        Ok(whole) => Some(whole.into()),
        Err(_) => text.parse::<f64>().ok().map(Number::from),
    }
}
