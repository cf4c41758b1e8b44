//! Converts chunks to events. Each chunk becomes the events that a Responses server would have
//! sent; the accumulator assembles them, and the `done` events are written from its response.

use alloc::borrow::{Cow, ToOwned as _};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;

use codex_types::chat::translate::{ToolNames, TranslateError, end_response};
use codex_types::chat::{
    ChatChunk, ChatChunkChoice, ChatDelta, ChatEnding, ChatPiece, ChatReasoning, ChatTextRef,
};
use codex_types::{
    ApiError, CreateResponse, DeltaKind, Logprob, OutputItem, RawJson, Response, ResponseEvent,
    Usage,
};

use super::calls::Calls;
use super::think::{Said, ThinkTags};
use crate::{Accumulator, Diagnostic};

/// A translator from the chunks of one completion to the events of one response.
///
/// The response ends when [`finish`](Self::finish) is called at the end of the stream: only then is
/// the usage known, and some servers send text after a `finish_reason`. A stream without a
/// `finish_reason` counts as completed only if [`feed_done`](Self::feed_done) reported `[DONE]`.
///
/// Chunks are accepted in every form that servers are known to send: see [`ChatDelta::pieces`],
/// [`ChatToolCallDelta::given_index`](codex_types::chat::ChatToolCallDelta::given_index) and
/// [`FinishReason::ending`](codex_types::chat::FinishReason::ending). A fragment of a call belongs
/// to the call with its id; a new id begins a new call. A fragment without an id belongs to the
/// call with its index, or else continues the last call, unless it names a function and the last
/// call is complete. A call without an id gets one derived from the completion's.
///
/// ```
/// use codex_sse::chat::ToResponseEvents;
/// use codex_types::RawJson;
///
/// let mut events = ToResponseEvents::new();
/// let chunk = RawJson::parse(r#"{"id":"c1","object":"chat.completion.chunk","created":1,"model":"local",
///     "choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}"#)?;
/// let kinds: Vec<_> = events
///     .feed(&chunk.decode()?)?
///     .into_iter()
///     .chain(events.finish())
///     .map(|event| event.kind().to_string())
///     .collect();
/// assert_eq!(
///     kinds,
///     [
///         "response.created",
///         "response.in_progress",
///         "response.output_item.added",
///         "response.content_part.added",
///         "response.output_text.delta",
///         "response.output_text.done",
///         "response.content_part.done",
///         "response.output_item.done",
///         "response.completed",
///     ],
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ToResponseEvents {
    pub(super) accumulator: Accumulator,
    pub(super) is_open: bool,
    pub(super) is_over: bool,
    pub(super) is_done: bool,
    /// The request, until the response begins.
    pub(super) request: Option<Arc<CreateResponse>>,
    /// The outcome of the completion, according to the server.
    pub(super) response: Response,
    pub(super) ending: Option<ChatEnding>,
    pub(super) usage: Option<Box<Usage>>,
    pub(super) sequence_number: u64,
    pub(super) items: Vec<Item>,
    /// The index of the message in the output.
    pub(super) message: Option<usize>,
    /// The index of the reasoning item in the output.
    pub(super) thought: Option<usize>,
    /// The id of the message.
    pub(super) message_id: String,
    /// The id of the reasoning item.
    pub(super) thought_id: String,
    pub(super) calls: Calls,
    /// The number of calls that have an index in the output.
    pub(super) begun_calls: usize,
    pub(super) logprobs: Vec<Logprob>,
    /// Whether the last chunk with a choice had a delta, so that a message contains all of the
    /// content.
    has_deltas: bool,
    pub(super) tools: ToolNames,
    pub(super) think_tags: Option<ThinkTags>,
    pub(super) keeps_reasoning: bool,
    pub(super) reasoning: ChatReasoning,
    /// The number of bytes stored outside of the accumulator.
    pub(super) held: usize,
}

/// An item that has begun, in output order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A message, with the indexes of the content parts for its text and its refusal.
    Message {
        text: Option<u32>,
        refusal: Option<u32>,
    },
    Reasoning,
    Call(usize),
}

impl ToResponseEvents {
    /// Creates a translator at the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a translator that assembles its response within the accumulator's limit.
    pub fn with_accumulator(accumulator: Accumulator) -> Self {
        Self {
            accumulator,
            ..Self::default()
        }
    }

    /// Repeats the fields of this request in the response, as the Responses API does; see
    /// [`repeat_request`](codex_types::chat::translate::repeat_request). The input is not needed.
    ///
    /// ```
    /// use codex_sse::chat::ToResponseEvents;
    /// use codex_types::{CreateResponse, RawJson};
    ///
    /// let request = CreateResponse::new("local").instructions("Be brief.");
    /// let mut events = ToResponseEvents::new().with_request(request);
    /// let chunk = RawJson::parse(r#"{"id":"c1","choices":[{"index":0,"delta":{"content":"Hi"}}]}"#)?;
    /// let events = events.feed(&chunk.decode()?)?;
    /// let response = events[0].response().unwrap();
    /// assert_eq!(response.instructions, Some("Be brief.".into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_request(mut self, request: impl Into<Arc<CreateResponse>>) -> Self {
        self.request = Some(request.into());
        self
    }

    /// Translates calls of these functions back into calls of the tools that they represent.
    ///
    /// The input of a custom tool is streamed as deltas of its own kind. Calls of `apply_patch` and
    /// of a shell are announced when they are complete.
    ///
    /// ```
    /// use codex_sse::chat::ToResponseEvents;
    /// use codex_types::chat::translate::{RequestOptions, to_chat_request};
    /// use codex_types::profile::ChatDialect;
    /// use codex_types::{CreateResponse, CustomTool, RawJson};
    ///
    /// let request = CreateResponse::new("local").input("Hi").tools([CustomTool::new("run").into()]);
    /// let options = RequestOptions::for_dialect(ChatDialect::generic());
    /// let mut events = ToResponseEvents::new().with_tools(to_chat_request(&request, &options)?.tools);
    /// let chunk = RawJson::parse(r#"{"id":"c1","choices":[{"index":0,"delta":{"tool_calls":[
    ///     {"index":0,"id":"call_1","function":{"name":"run","arguments":"{\"input\":\"1 +"}}]}}]}"#)?;
    /// let events = events.feed(&chunk.decode()?)?;
    /// assert_eq!(events.last().unwrap().kind(), "response.custom_tool_call_input.delta");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_tools(mut self, tools: ToolNames) -> Self {
        self.tools = tools;
        self
    }

    /// Sets whether text that begins with `<think>` is reasoning up to `</think>`.
    #[must_use]
    pub fn with_think_tags(mut self, has_think_tags: bool) -> Self {
        self.think_tags = has_think_tags.then(ThinkTags::default);
        self
    }

    /// Sets whether `encrypted_content` of the reasoning item contains everything that must be sent
    /// back to the server; see [`ChatReasoning`]. Signed reasoning is always kept.
    #[must_use]
    pub fn keeping_reasoning(mut self, keeps_reasoning: bool) -> Self {
        self.keeps_reasoning = keeps_reasoning;
        self
    }

    /// Merges the next chunk and returns the resulting events.
    ///
    /// # Errors
    ///
    /// Returns an error if the chunk contains a second choice (`n` above 1). The stream may
    /// continue without it.
    pub fn feed(&mut self, chunk: &ChatChunk) -> Result<Vec<ResponseEvent>, TranslateError> {
        let mut out = Vec::new();
        if self.is_over {
            return Ok(out);
        }
        if let Some(error) = chunk.error() {
            self.open(chunk, &mut out);
            out.extend(self.fail(error));
            return Ok(out);
        }
        self.open(chunk, &mut out);
        if let Some(usage) = chunk.given_usage() {
            self.usage = Some(Box::new(usage.as_ref().into()));
        }
        for choice in chunk.given_choices().iter() {
            if choice.index != 0 {
                return Err(TranslateError::unsupported("choices[1]"));
            }
            self.choice(choice, &mut out);
        }
        Ok(out)
    }

    /// Merges a chunk that only continues a text or a call, at the cost of what it adds. Returns
    /// false, having done nothing, if the chunk needs [`feed`](Self::feed).
    pub(super) fn feed_text(
        &mut self,
        text: &ChatTextRef<'_>,
        out: &mut impl Extend<ResponseEvent>,
    ) -> bool {
        if !self.is_open || self.is_over || !self.has_deltas {
            return false;
        }
        if let Some(call) = text.to_call() {
            let mut events = Vec::new();
            self.call(&call, &mut events);
            out.extend(events);
            return true;
        }
        let Some((kind, at, part)) = self.target_of(text) else {
            return false;
        };
        self.reasoning.feed_text(text);
        let delta = self.text_delta(kind, at, part, (text.as_str(), None));
        out.extend([self.merged(ResponseEvent::of_delta(delta))]);
        true
    }

    /// Returns where the text continues, if that has begun.
    fn target_of(&self, text: &ChatTextRef<'_>) -> Option<(DeltaKind, usize, u32)> {
        if text.is_reasoning() {
            return Some((DeltaKind::ReasoningText, self.thought?, 0));
        }
        let at = self.message.filter(|_| self.think_tags.is_none())?;
        match self.items.get(at)? {
            Item::Message { text, .. } => Some((DeltaKind::OutputText, at, (*text)?)),
            _ => None,
        }
    }

    /// Records that the server sent `[DONE]`. A usage chunk may follow.
    pub fn feed_done(&mut self) {
        self.is_done = true;
    }

    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Returns the response as received so far.
    pub fn snapshot(&self) -> &Response {
        self.accumulator.snapshot()
    }

    /// Returns the irregularities of the chunks; see [`Accumulator::diagnostics`].
    pub fn diagnostics(&self) -> &[Diagnostic] {
        self.accumulator.diagnostics()
    }

    fn choice(&mut self, choice: &ChatChunkChoice, out: &mut Vec<ResponseEvent>) {
        let delta = choice.delta_or_message();
        if let Some(logprobs) = &choice.logprobs {
            let tokens = logprobs.content.iter().flatten();
            self.logprobs.extend(tokens.cloned());
        }
        let is_message = matches!(delta, Cow::Owned(_));
        let is_whole = mem::replace(&mut self.has_deltas, !is_message) && is_message;
        self.reasoning.feed(&delta);
        self.hold(details_length(&delta), out);
        for piece in delta.pieces() {
            let spelling = spelling(&delta, &piece);
            match (piece, &mut self.think_tags) {
                (ChatPiece::Text(text), Some(tags)) => {
                    if is_whole {
                        *tags = ThinkTags::default();
                    }
                    for said in tags.feed(&text) {
                        let said = if is_whole {
                            self.rest_of_said(said)
                        } else {
                            said
                        };
                        self.said(&said, out);
                    }
                }
                (piece, _) => {
                    let piece = if is_whole { self.rest_of(piece) } else { piece };
                    self.piece(&piece, spelling, out);
                }
            }
        }
        for call in delta.calls() {
            self.call(&call, out);
        }
        let reason = choice.finish_reason.as_ref();
        if let Some((reason, ending)) = reason.and_then(|reason| Some((reason, reason.ending()?))) {
            if ending == ChatEnding::Error {
                let error = ApiError::new("server_error", "the completion ended in an error");
                out.extend(self.fail(error));
                return;
            }
            if self
                .ending
                .is_none_or(|known| weight(known) < weight(ending))
            {
                self.ending = Some(ending);
                end_response(&mut self.response, reason);
            }
        }
    }

    /// Returns the portion of a whole message that its deltas lacked.
    fn rest_of<'a>(&self, piece: ChatPiece<'a>) -> ChatPiece<'a> {
        let has_come = |item: &OutputItem| match (item, &piece) {
            (OutputItem::Message(message), ChatPiece::Text(_)) => message.output_text(),
            (OutputItem::Reasoning(item), ChatPiece::Reasoning(_)) => {
                let texts = item.content.iter().flatten();
                texts.filter_map(|part| part.as_text()).collect()
            }
            _ => String::new(),
        };
        let output = &self.accumulator.snapshot().output;
        let known: String = output.iter().map(has_come).collect();
        let rest = |text: &str| {
            text.strip_prefix(&*known)
                .map(|rest| rest.to_owned().into())
        };
        match &piece {
            ChatPiece::Text(text) => rest(text).map_or(piece, ChatPiece::Text),
            ChatPiece::Reasoning(text) => rest(text).map_or(piece, ChatPiece::Reasoning),
            _ => piece,
        }
    }

    /// Returns the portion of a text segment that its deltas lacked, if tags mark reasoning.
    fn rest_of_said(&self, said: Said) -> Said {
        let piece = match said {
            Said::Text(text) => ChatPiece::Text(text.into()),
            Said::Reasoning(text) => ChatPiece::Reasoning(text.into()),
        };
        match self.rest_of(piece) {
            ChatPiece::Reasoning(text) => Said::Reasoning(text.into_owned()),
            ChatPiece::Text(text) => Said::Text(text.into_owned()),
            _ => Said::Text(String::new()),
        }
    }

    fn piece(
        &mut self,
        piece: &ChatPiece<'_>,
        spelling: Option<&RawJson>,
        out: &mut Vec<ResponseEvent>,
    ) {
        match piece {
            ChatPiece::Reasoning(text) => self.think((text, spelling), out),
            ChatPiece::Text(text) => self.push_text((text, spelling), false, out),
            ChatPiece::Refusal(text) => self.push_text((text, spelling), true, out),
            _ => {}
        }
    }

    /// Merges a segment of text in which tags mark reasoning.
    pub(super) fn said(&mut self, said: &Said, out: &mut Vec<ResponseEvent>) {
        match said {
            Said::Reasoning(text) => {
                self.reasoning.feed_tagged(text);
                self.think((text, None), out);
            }
            Said::Text(text) => self.push_text((text, None), false, out),
        }
    }

    /// Counts bytes that are stored outside of the accumulator.
    pub(super) fn hold(&mut self, bytes: usize, out: &mut Vec<ResponseEvent>) {
        self.held = self.held.saturating_add(bytes);
        if self.held > HELD_LIMIT {
            let message = format!("the completion holds more than {HELD_LIMIT} bytes");
            out.extend(self.fail(ApiError::new("response_too_large", message)));
        }
    }
}

/// Returns the rank of a finish reason. Of several, the first one that cuts the completion counts,
/// and a known one before an unknown one.
fn weight(ending: ChatEnding) -> u8 {
    match ending {
        ChatEnding::Length | ChatEnding::ContentFilter => 2,
        ChatEnding::Stop | ChatEnding::ToolCalls => 1,
        _ => 0,
    }
}

/// A fragment of text, and its JSON if that contains lone surrogate halves.
pub(super) type Piece<'a> = (&'a str, Option<&'a RawJson>);

/// Returns the size of the reasoning lists that are stored nowhere else.
fn details_length(delta: &ChatDelta) -> usize {
    let lists = ["reasoning_details", "thinking_blocks"].into_iter();
    let lists = lists.filter_map(|key| delta.extra.get(key));
    lists.map(|list| list.as_str().len()).sum()
}

/// The maximum number of bytes stored outside of the accumulator.
const HELD_LIMIT: usize = 16 * 1024 * 1024;

/// Returns the JSON of a fragment with lone surrogate halves, if the fragment is one whole string
/// of the chunk.
fn spelling<'a>(delta: &'a ChatDelta, piece: &ChatPiece<'_>) -> Option<&'a RawJson> {
    delta.extra.spelling(match piece {
        ChatPiece::Text(_) => "content",
        ChatPiece::Refusal(_) => "refusal",
        _ => "reasoning_content",
    })
}
