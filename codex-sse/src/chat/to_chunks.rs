//! Converts events to chunks. The accumulator reports the changes of each event; every change
//! becomes a chunk, or waits until a call has a name.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use codex_types::chat::translate::{AnswerOptions, ReasoningShown, citation, failure};
use codex_types::chat::{
    ChatAnnotation, ChatChunk, ChatChunkChoice, ChatCustomDelta, ChatDelta, ChatFunctionDelta,
    ChatLogprobs, ChatRole, ChatToolCallDelta, ChatToolCallKind, ChatUsage, FinishReason,
    invented_call_id,
};
use codex_types::{
    ApiError, EventRef, Logprob, OutputItem, OutputPart, RawJson, ReasoningItem, Response,
    ResponseEvent, ServiceTier, Status,
};

use crate::accumulate::{Change, Place, TextKind};
use crate::chat::written::{ChatStreamEvent, Output, TextChunk};
use crate::{Accumulator, Error, Outcome};

/// A translator from the events of one response to the chunks of one completion.
///
/// After the end of the stream, [`finish`](Self::finish) returns the remaining chunks. A truncated
/// stream ends with an error, never with a response that looks finished.
///
/// ```
/// use codex_sse::chat::ToChatChunks;
/// use codex_types::{ResponseEvent, chat::translate::AnswerOptions};
///
/// let mut chunks = ToChatChunks::new(AnswerOptions::new());
/// let event = ResponseEvent::from_json(
///     r#"{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"Hi"}"#,
/// )?;
/// let data: Vec<_> = chunks.feed(&event).iter().map(|chunk| chunk.to_data()).collect();
/// assert_eq!(data.len(), 2);
/// assert!(data[0].contains(r#""delta":{"role":"assistant","content":""}"#));
/// assert!(data[1].contains(r#""delta":{"content":"Hi"}"#));
/// assert!(chunks.finish()[0].to_data().starts_with(r#"{"error":"#));
/// # Ok::<(), codex_types::DecodeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ToChatChunks {
    options: AnswerOptions,
    head: Head,
    accumulator: Accumulator,
    is_open: bool,
    is_over: bool,
    /// The parts of messages that have been sent, at least partly.
    parts: BTreeMap<(u32, usize), SentPart>,
    calls: BTreeMap<u32, SentCall>,
    opened: u32,
    reasoning: BTreeMap<u32, SentReasoning>,
    /// The number of characters of text sent, for the positions of citations.
    characters: u64,
    /// A chunk of text as bytes, once the first chunk was written as bytes.
    text_chunk: Option<TextChunk>,
}

/// The fields that all chunks share.
#[derive(Clone, Debug, Default)]
struct Head {
    id: String,
    model: String,
    created: u64,
    service_tier: Option<ServiceTier>,
}

#[derive(Clone, Copy, Debug, Default)]
struct SentPart {
    /// The number of characters of text sent before it.
    start: u64,
    logprobs: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct SentCall {
    /// Its index in the chat message; `None` until it has a name.
    index: Option<u32>,
    /// The number of bytes of its input that were sent.
    sent: usize,
}

#[derive(Clone, Copy, Debug)]
struct SentReasoning {
    /// The kind of text that represents the item: summary or content, whichever arrived first.
    kind: TextKind,
    /// The part that was sent last.
    position: usize,
}

impl ToChatChunks {
    /// Creates a translator at the beginning of a stream.
    pub fn new(options: AnswerOptions) -> Self {
        Self::with_accumulator(options, Accumulator::new())
    }

    /// Creates a translator that assembles its response within the accumulator's limit.
    pub fn with_accumulator(options: AnswerOptions, mut accumulator: Accumulator) -> Self {
        accumulator.observe();
        let head = Head {
            id: options.id.clone(),
            model: options.model.clone(),
            created: options.created,
            service_tier: None,
        };
        Self {
            options,
            head,
            accumulator,
            is_open: false,
            is_over: false,
            parts: BTreeMap::new(),
            calls: BTreeMap::new(),
            opened: 0,
            reasoning: BTreeMap::new(),
            characters: 0,
            text_chunk: None,
        }
    }

    /// Returns whether the stream has ended, with success or failure. Later events change nothing.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Returns the response as received so far.
    pub fn snapshot(&self) -> &Response {
        self.accumulator.snapshot()
    }

    /// Merges the next event and returns the resulting chunks.
    pub fn feed(&mut self, event: &ResponseEvent) -> Vec<ChatStreamEvent> {
        let mut out = Vec::new();
        self.merge(event, &mut Output::List(&mut out));
        out
    }

    /// Merges the next event and appends the resulting chunks to `out` as server-sent events: the
    /// bytes that the chunks of [`feed`](Self::feed) would have, at a lower cost.
    ///
    /// ```
    /// use codex_sse::chat::ToChatChunks;
    /// use codex_types::{ResponseEvent, chat::translate::AnswerOptions};
    ///
    /// let mut chunks = ToChatChunks::new(AnswerOptions::new());
    /// let event = ResponseEvent::from_json(
    ///     r#"{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"Hi"}"#,
    /// )?;
    /// let mut out = Vec::new();
    /// chunks.feed_into(&event, &mut out);
    /// chunks.finish_into(&mut out);
    /// let out = String::from_utf8(out).unwrap_or_default();
    /// assert_eq!(out.matches("data: {").count(), 3);
    /// assert!(out.ends_with("}}\n\n"));
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub fn feed_into(&mut self, event: &ResponseEvent, out: &mut Vec<u8>) {
        self.merge(event, &mut Output::Bytes(out));
    }

    /// Merges the next event in either form and returns the resulting chunks.
    pub fn feed_ref(&mut self, event: &EventRef<'_>) -> Vec<ChatStreamEvent> {
        match event {
            EventRef::Event(event) => self.feed(event),
            EventRef::Delta(_) => {
                let mut out = Vec::new();
                if !self.is_over {
                    let merged = self.accumulator.push_ref(event);
                    self.advance(merged, &mut Output::List(&mut out));
                }
                out
            }
        }
    }

    /// Ends the stream and returns its last events: an error event unless the response has ended,
    /// else none.
    pub fn finish(&mut self) -> Vec<ChatStreamEvent> {
        let mut out = Vec::new();
        self.truncate(&mut Output::List(&mut out));
        out
    }

    /// Ends the stream and appends its last events to `out` as server-sent events; the counterpart
    /// of [`feed_into`](Self::feed_into).
    pub fn finish_into(&mut self, out: &mut Vec<u8>) {
        self.truncate(&mut Output::Bytes(out));
    }

    fn merge(&mut self, event: &ResponseEvent, out: &mut Output<'_>) {
        if !self.is_over {
            let merged = self.accumulator.push(event);
            self.advance(merged, out);
        }
    }

    fn truncate(&mut self, out: &mut Output<'_>) {
        if !self.is_over {
            let message = "response stream ended before a terminal event";
            self.fail(ApiError::new("stream_truncated", message), out);
        }
    }

    fn advance(&mut self, merged: Result<(), Error>, out: &mut Output<'_>) {
        while let Some(change) = self.accumulator.changes().pop_front() {
            if !self.is_over {
                self.pass_on(change, out);
            }
        }
        if let (Err(error), false) = (merged, self.is_over) {
            self.fail(ApiError::new("response_too_large", format!("{error}")), out);
        }
    }

    fn pass_on(&mut self, change: Change, out: &mut Output<'_>) {
        match change {
            Change::Started { key } | Change::Named { key } => self.open_call(key, false, out),
            Change::Done { key } | Change::Cut { key } => {
                self.open_call(key, self.accumulator.outcome().is_some(), out);
            }
            Change::Text { place, start, end } => match place.kind {
                TextKind::Text | TextKind::Refusal => self.send_text(place, start, end, out),
                TextKind::Reasoning | TextKind::Summary => {
                    self.send_reasoning(place, start, end, out)
                }
                TextKind::Input => self.append(place, end, out),
            },
            Change::Contradicted { place } => self.contradict(place, out),
            Change::Ended => self.end(out),
        }
    }

    /// Sends the role before anything else, with an empty `content` only if text follows, as the
    /// chat API does: clients treat a `content` as the beginning of text.
    fn open(&mut self, is_text: bool, out: &mut Output<'_>) {
        if self.is_open || self.is_over {
            return;
        }
        self.is_open = true;
        let response = self.accumulator.snapshot();
        let head = &mut self.head;
        if !response.id.is_empty() {
            head.id.clone_from(&response.id);
        }
        if !response.model.is_empty() {
            head.model.clone_from(&response.model);
        }
        let created = response.created_at.to_whole();
        if let Some(created) = created.filter(|created| *created > 0) {
            head.created = created;
        }
        if response.service_tier.is_some() {
            head.service_tier.clone_from(&response.service_tier);
        }
        let mut delta = ChatDelta::new().role(ChatRole::Assistant);
        if is_text {
            delta = delta.content("");
        }
        out.push(self.chunk(delta));
        if let Output::Bytes(_) = out {
            self.text_chunk = TextChunk::of(&self.chunk(ChatDelta::new().content("")));
        }
    }

    fn fail(&mut self, error: ApiError, out: &mut Output<'_>) {
        self.is_over = true;
        out.push(ChatStreamEvent::Error(Box::new(error)));
    }

    fn end(&mut self, out: &mut Output<'_>) {
        let response = self.accumulator.snapshot();
        let has_failed = match self.accumulator.outcome() {
            Some(Outcome::Completed | Outcome::Incomplete) => {
                matches!(response.status, Status::Failed | Status::Cancelled)
            }
            _ => true,
        };
        if has_failed {
            let error = *failure(response);
            return self.fail(error, out);
        }
        for key in self.accumulator.keys() {
            self.open_call(key, true, out);
        }
        let is_unnamed = |(key, call): (&u32, &SentCall)| {
            let is_sent = call.index.is_none() && call.sent > 0;
            is_sent && self.accumulator.reported(*key).is_some()
        };
        if self.calls.iter().any(is_unnamed) {
            let message = "arguments arrived for a call without a name";
            return self.fail(ApiError::new("invalid_stream", message), out);
        }
        self.open(false, out);
        let response = self.accumulator.snapshot();
        let mut delta = ChatDelta::new();
        let annotations = self.annotations();
        delta.annotations = (!annotations.is_empty()).then_some(annotations);
        let items = self.reasoning_items(response);
        delta.reasoning_items = (!items.is_empty()).then_some(items);
        let reason = FinishReason::of(response, self.opened > 0);
        let mut choice = ChatChunkChoice::unfinished(delta);
        choice.finish_reason = Some(reason);
        let usage = response.usage.as_deref().map(ChatUsage::from);
        out.push(self.chunk_with(choice));
        if self.options.include_usage {
            let mut last = self.empty_chunk();
            last.usage = usage;
            out.push(ChatStreamEvent::Chunk(Box::new(last)));
        }
        self.is_over = true;
        out.push(ChatStreamEvent::Done);
    }

    /// Sends text of a message or of a refusal.
    fn send_text(&mut self, place: Place, start: usize, end: usize, out: &mut Output<'_>) {
        let Some((_, OutputItem::Message(message))) = self.accumulator.reported(place.key) else {
            return;
        };
        if !self.options.shows(message) {
            return;
        }
        let text = self.accumulator.reported_text(place);
        let Some(text) = text.and_then(|(_, text)| text.get(start..end)) else {
            return;
        };
        let before = SentPart {
            start: self.characters,
            logprobs: 0,
        };
        let known = self.parts.entry((place.key, place.position));
        let part = known.or_insert(before);
        let logprobs = match message.content.get(place.position) {
            Some(OutputPart::Text(text)) => text.logprobs.as_deref().unwrap_or_default(),
            _ => &[],
        };
        let new: Vec<Logprob> = logprobs.get(part.logprobs..).unwrap_or_default().to_vec();
        part.logprobs = logprobs.len();
        let delta = if place.kind == TextKind::Refusal {
            ChatDelta::new().refusal(text)
        } else {
            self.characters += text.chars().count() as u64;
            if let (Output::Bytes(out), Some(chunk), true) =
                (&mut *out, &self.text_chunk, new.is_empty())
            {
                return chunk.write(text, out);
            }
            ChatDelta::new().content(text)
        };
        let mut choice = ChatChunkChoice::unfinished(delta);
        choice.logprobs = (!new.is_empty()).then(|| ChatLogprobs::of_tokens(new));
        self.open(place.kind == TextKind::Text, out);
        out.push(self.chunk_with(choice));
    }

    /// Sends reasoning, with separators between parts and items.
    fn send_reasoning(&mut self, place: Place, start: usize, end: usize, out: &mut Output<'_>) {
        let is_reasoning = matches!(
            self.accumulator.reported(place.key),
            Some((_, OutputItem::Reasoning(_)))
        );
        if self.options.reasoning == ReasoningShown::No || !is_reasoning {
            return;
        }
        let known = self.reasoning.get(&place.key).copied();
        if known.is_some_and(|known| known.kind != place.kind) {
            return;
        }
        let Some(text) = self.text(place).and_then(|text| text.get(start..end)) else {
            return;
        };
        let is_apart = match known {
            Some(known) => known.position != place.position,
            None => !self.reasoning.is_empty(),
        };
        let text = format!("{}{text}", if is_apart { "\n\n" } else { "" });
        self.reasoning.insert(
            place.key,
            SentReasoning {
                kind: place.kind,
                position: place.position,
            },
        );
        self.open(false, out);
        out.push(self.chunk(ChatDelta::new().reasoning_content(text)));
    }

    /// Sends the beginning of a call once it has a name and an id, with the input received so far.
    /// At the end of the stream, a call without an id gets an invented one.
    fn open_call(&mut self, key: u32, is_end: bool, out: &mut Output<'_>) {
        let known = self.calls.get(&key).copied().unwrap_or_default();
        let Some((_, item)) = self.accumulator.reported(key) else {
            return;
        };
        if known.index.is_some() {
            return;
        }
        let index = self.opened;
        let input = self.accumulator.reported_input(key);
        let call_id = |call_id: &String| match call_id.as_str() {
            "" => is_end.then(|| invented_call_id(&self.head.id, index as usize)),
            call_id => Some(call_id.into()),
        };
        let mut piece = ChatToolCallDelta::new(index);
        match item {
            OutputItem::FunctionCall(call) if !call.name.is_empty() => {
                piece.id = call_id(&call.call_id);
                piece.kind = Some(ChatToolCallKind::Function);
                let mut function = ChatFunctionDelta::new()
                    .name(call.name.as_str())
                    .arguments(input);
                if let Some(namespace) = &call.namespace {
                    let namespace = RawJson::string(namespace);
                    function.extra.insert("namespace", namespace);
                }
                piece.function = Some(function);
            }
            OutputItem::CustomToolCall(call) if !call.name.is_empty() => {
                piece.id = call_id(&call.call_id);
                piece.kind = Some(ChatToolCallKind::Custom);
                piece.custom = Some(ChatCustomDelta::new().name(call.name.as_str()).input(input));
            }
            _ => return,
        }
        if piece.id.is_none() {
            return;
        }
        let call = SentCall {
            index: Some(index),
            sent: input.len(),
        };
        self.opened += 1;
        self.calls.insert(key, call);
        self.open(false, out);
        out.push(self.chunk(ChatDelta::new().tool_calls([piece])));
    }

    /// Sends more of the input of a call.
    fn append(&mut self, place: Place, end: usize, out: &mut Output<'_>) {
        let Some((_, item)) = self.accumulator.reported(place.key) else {
            return;
        };
        let is_custom = match item {
            OutputItem::FunctionCall(_) => false,
            OutputItem::CustomToolCall(_) => true,
            _ => return,
        };
        let mut call = self.calls.get(&place.key).copied().unwrap_or_default();
        if end <= call.sent {
            return;
        }
        let input = self.text(place).and_then(|text| text.get(call.sent..end));
        let piece = call.index.zip(input).map(|(index, input)| {
            let mut piece = ChatToolCallDelta::new(index);
            if is_custom {
                piece.custom = Some(ChatCustomDelta::new().input(input));
            } else {
                piece.function = Some(ChatFunctionDelta::new().arguments(input));
            }
            piece
        });
        call.sent = end;
        self.calls.insert(place.key, call);
        if let Some(piece) = piece {
            out.push(self.chunk(ChatDelta::new().tool_calls([piece])));
        }
    }

    /// Handles a text that was sent and then replaced by a different one.
    fn contradict(&mut self, place: Place, out: &mut Output<'_>) {
        let message = match place.kind {
            TextKind::Input => {
                let call = self.calls.get(&place.key).copied().unwrap_or_default();
                if call.index.is_none() {
                    return;
                }
                "the arguments of a call changed after they were sent"
            }
            TextKind::Text | TextKind::Refusal => {
                if !self.parts.contains_key(&(place.key, place.position)) {
                    return;
                }
                "the text of a message changed after it was sent"
            }
            TextKind::Reasoning | TextKind::Summary => return,
        };
        self.fail(ApiError::new("invalid_stream", message), out);
    }

    fn text(&self, place: Place) -> Option<&str> {
        self.accumulator.reported_text(place).map(|(_, text)| text)
    }

    fn annotations(&self) -> Vec<ChatAnnotation> {
        let mut all = Vec::new();
        let mut sent: Vec<_> = self.parts.iter().collect();
        sent.sort_by_key(|(_, part)| part.start);
        for ((key, position), sent) in sent {
            if let Some((_, OutputItem::Message(message))) = self.accumulator.reported(*key)
                && let Some(OutputPart::Text(part)) = message.content.get(*position)
            {
                let moved = |annotation| citation(annotation, sent.start);
                all.extend(part.annotations.iter().filter_map(moved));
            }
        }
        all
    }

    fn reasoning_items(&self, response: &Response) -> Vec<ReasoningItem> {
        if self.options.reasoning != ReasoningShown::TextAndItems {
            return Vec::new();
        }
        let items = response.output.iter().filter_map(|item| match item {
            OutputItem::Reasoning(item) => Some((**item).clone()),
            _ => None,
        });
        items.collect()
    }

    fn chunk(&self, delta: ChatDelta) -> ChatStreamEvent {
        self.chunk_with(ChatChunkChoice::unfinished(delta))
    }

    fn chunk_with(&self, choice: ChatChunkChoice) -> ChatStreamEvent {
        let mut chunk = self.empty_chunk();
        chunk.choices.push(choice);
        ChatStreamEvent::Chunk(Box::new(chunk))
    }

    fn empty_chunk(&self) -> ChatChunk {
        let Head {
            id,
            model,
            created,
            service_tier,
        } = &self.head;
        let mut chunk = ChatChunk::new(
            id.as_str(),
            "chat.completion.chunk",
            *created,
            model.as_str(),
            [],
        );
        chunk.service_tier.clone_from(service_tier);
        if self.options.include_usage {
            chunk = chunk.without_usage_yet();
        }
        chunk
    }
}
