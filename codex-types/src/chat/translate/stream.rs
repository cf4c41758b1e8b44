//! Events to chunks: one event in, no, one or more chunks out.
//!
//! The order of sources for everything is: deltas, then the `done` of a part, then the finished item,
//! then the final response. Each piece of the answer is passed on once, from the first source that
//! has it. Calls may interleave: an event finds its call by its place in the output.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::chat::translate::answer::{
    citation, error_of, failure, finish_reason, is_shown, reasoning_text, usage,
};
use crate::chat::translate::calls::{Calls, Pieces, Place};
use crate::chat::translate::{AnswerOptions, ReasoningShown, chat_error_body, write_null};
use crate::chat::*;
use crate::{
    Annotation, ApiError, Delta, Logprob, OutputItem, OutputMessage, OutputPart, RawJson,
    ReasoningItem, Response, ResponseEvent, ServiceTier, Status,
};

/// What a chat stream consists of.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ChatStreamEvent {
    /// A piece of the completion.
    Chunk(Box<ChatChunk>),
    /// Something went wrong; ends the stream.
    Error(Box<ApiError>),
    /// The end of a stream that went well.
    Done,
}

impl ChatStreamEvent {
    /// What stands behind `data:` when the stream is sent as server-sent events.
    ///
    /// ```
    /// use codex_types::chat::translate::ChatStreamEvent;
    ///
    /// assert_eq!(ChatStreamEvent::Done.to_data(), "[DONE]");
    /// ```
    pub fn to_data(&self) -> String {
        match self {
            Self::Chunk(chunk) => RawJson::encode(chunk).unwrap_or_default().as_str().into(),
            Self::Error(error) => chat_error_body(error).as_str().into(),
            Self::Done => "[DONE]".into(),
        }
    }
}

/// Translates the events of one response into the chunks of one completion.
///
/// After the end of the stream, [`finish`](Self::finish) says what is missing: a stream that broke off
/// becomes an error, never an answer that looks finished.
///
/// ```
/// use codex_types::ResponseEvent;
/// use codex_types::chat::translate::{AnswerOptions, ToChatChunks};
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
    is_open: bool,
    is_over: bool,
    messages: Vec<MessageState>,
    calls: Calls,
    reasoning: Vec<ReasoningState>,
    reasoning_items: Vec<ReasoningItem>,
    /// Characters of text passed on, for the places of citations.
    characters: u64,
}

/// What is the same on all chunks.
#[derive(Clone, Debug, Default)]
struct Head {
    id: String,
    model: String,
    created: u64,
    service_tier: Option<ServiceTier>,
}

#[derive(Clone, Debug)]
struct MessageState {
    place: Place,
    is_shown: bool,
    parts: Vec<PartState>,
    /// Citations, with the part they belong to.
    annotations: Vec<(u32, Annotation)>,
}

/// A part of a message of which something was passed on.
#[derive(Clone, Debug)]
struct PartState {
    index: u32,
    is_refusal: bool,
    /// Characters of text passed on before it.
    start: u64,
}

#[derive(Clone, Debug)]
struct ReasoningState {
    place: Place,
    /// Whether it is told by its summary rather than in its own words.
    is_summary: bool,
    /// The part told last.
    part: u32,
}

impl ToChatChunks {
    /// The beginning of a stream.
    pub fn new(options: AnswerOptions) -> Self {
        let head = Head {
            id: options.id.clone(),
            model: options.model.clone(),
            created: options.created,
            service_tier: None,
        };
        Self {
            options,
            head,
            is_open: false,
            is_over: false,
            messages: Vec::new(),
            calls: Calls::default(),
            reasoning: Vec::new(),
            reasoning_items: Vec::new(),
            characters: 0,
        }
    }

    /// Whether the stream has ended, well or not; nothing that follows matters.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Takes the next event.
    pub fn feed(&mut self, event: &ResponseEvent) -> Vec<ChatStreamEvent> {
        let mut out = Vec::new();
        if !self.is_over {
            self.take(event, &mut out);
        }
        out
    }

    /// Takes the end of the stream: an error unless the response had ended.
    pub fn finish(&mut self) -> Vec<ChatStreamEvent> {
        let mut out = Vec::new();
        if !self.is_over {
            let message = "the stream ended before the response did";
            self.fail(ApiError::new("stream_truncated", message), &mut out);
        }
        out
    }

    fn take(&mut self, event: &ResponseEvent, out: &mut Vec<ChatStreamEvent>) {
        match event {
            ResponseEvent::Created(event)
            | ResponseEvent::Queued(event)
            | ResponseEvent::InProgress(event) => {
                self.learn(&event.response);
                self.open(out);
            }
            ResponseEvent::Completed(event) | ResponseEvent::Incomplete(event) => {
                match event.response.status {
                    Status::Failed | Status::Cancelled => {
                        self.fail(*failure(&event.response), out);
                    }
                    _ => self.complete(&event.response, out),
                }
            }
            ResponseEvent::Done(event) => match error_of(&event.response) {
                Some(error) => self.fail(*error, out),
                None => self.complete(&event.response, out),
            },
            ResponseEvent::Failed(event) => self.fail(*failure(&event.response), out),
            ResponseEvent::Error(event) => self.fail(event.to_api_error(), out),
            ResponseEvent::OutputItemAdded(event) => {
                let place = Place::of_item(event.output_index, &event.item);
                match &event.item {
                    OutputItem::Message(message) => self.see_message(&place, message),
                    OutputItem::FunctionCall(call) => {
                        let pieces = self.calls.begin(&place, call.into());
                        self.pass_on(pieces, out);
                    }
                    OutputItem::CustomToolCall(call) => {
                        let pieces = self.calls.begin(&place, call.into());
                        self.pass_on(pieces, out);
                    }
                    _ => {}
                }
            }
            ResponseEvent::OutputItemDone(event) => {
                let place = Place::of_item(event.output_index, &event.item);
                self.item(&place, &event.item, out);
            }
            ResponseEvent::ContentPartDone(event) => {
                let place = Place::new(event.output_index, &event.item_id);
                let index = event.content_index.unwrap_or_default();
                self.part(&place, index, &event.part, out);
            }
            ResponseEvent::OutputTextDelta(delta) => self.text_delta(delta, false, out),
            ResponseEvent::RefusalDelta(delta) => self.text_delta(delta, true, out),
            ResponseEvent::OutputTextDone(event) => {
                let place = Place::new(event.output_index, &event.item_id);
                let index = event.content_index.unwrap_or_default();
                let logprobs = event.logprobs.as_deref().unwrap_or_default();
                self.whole(&place, index, false, &event.text, logprobs, out);
            }
            ResponseEvent::RefusalDone(event) => {
                let place = Place::new(event.output_index, &event.item_id);
                let index = event.content_index.unwrap_or_default();
                self.whole(&place, index, true, &event.refusal, &[], out);
            }
            ResponseEvent::OutputTextAnnotationAdded(event) => {
                let place = Place::new(event.output_index, &event.item_id);
                let index = event.content_index.unwrap_or_default();
                let message = self.message_at(&place);
                message.annotations.push((index, event.annotation.clone()));
            }
            ResponseEvent::FunctionCallArgumentsDelta(delta)
            | ResponseEvent::CustomToolCallInputDelta(delta) => {
                let place = Place::new(delta.output_index(), delta.item_id());
                let pieces = self.calls.append(&place, delta.delta());
                self.pass_on(pieces, out);
            }
            ResponseEvent::FunctionCallArgumentsDone(event) => {
                let place = Place::new(event.output_index, &event.item_id);
                let pieces = self.calls.settle(&place, &event.arguments);
                self.pass_on(pieces, out);
            }
            ResponseEvent::CustomToolCallInputDone(event) => {
                let place = Place::new(event.output_index, &event.item_id);
                let pieces = self.calls.settle(&place, &event.input);
                self.pass_on(pieces, out);
            }
            ResponseEvent::ReasoningSummaryTextDelta(delta) => self.think(delta, true, out),
            ResponseEvent::ReasoningTextDelta(delta) => self.think(delta, false, out),
            _ => {}
        }
    }

    fn learn(&mut self, response: &Response) {
        if self.is_open {
            return;
        }
        if !response.id.is_empty() {
            self.head.id.clone_from(&response.id);
        }
        if !response.model.is_empty() {
            self.head.model.clone_from(&response.model);
        }
        if let Some(created) = response
            .created_at
            .to_whole()
            .filter(|created| *created > 0)
        {
            self.head.created = created;
        }
        if response.service_tier.is_some() {
            self.head.service_tier.clone_from(&response.service_tier);
        }
    }

    fn open(&mut self, out: &mut Vec<ChatStreamEvent>) {
        if !self.is_open {
            self.is_open = true;
            out.push(self.chunk(ChatDelta::new().role(ChatRole::Assistant).content("")));
        }
    }

    fn fail(&mut self, error: ApiError, out: &mut Vec<ChatStreamEvent>) {
        self.is_over = true;
        out.push(ChatStreamEvent::Error(Box::new(error)));
    }

    fn complete(&mut self, response: &Response, out: &mut Vec<ChatStreamEvent>) {
        self.learn(response);
        self.open(out);
        for (at, item) in response.output.iter().enumerate() {
            let place = Place::of_item(u32::try_from(at).ok(), item).in_final_response();
            self.item(&place, item, out);
        }
        for pieces in self.calls.end() {
            self.pass_on(pieces, out);
        }
        if self.is_over {
            return;
        }
        let mut delta = ChatDelta::new();
        let annotations = self.annotations();
        delta.annotations = (!annotations.is_empty()).then_some(annotations);
        let items = core::mem::take(&mut self.reasoning_items);
        delta.reasoning_items = (!items.is_empty()).then_some(items);
        let reason = finish_reason(response, self.calls.opened > 0);
        out.push(self.chunk_of(delta, Some(reason), None));
        if self.options.include_usage {
            let mut last = self.empty_chunk();
            last.usage = response.usage.as_deref().map(usage);
            out.push(ChatStreamEvent::Chunk(Box::new(last)));
        }
        self.is_over = true;
        out.push(ChatStreamEvent::Done);
    }

    /// A finished item: what was not passed on yet.
    fn item(&mut self, place: &Place, item: &OutputItem, out: &mut Vec<ChatStreamEvent>) {
        match item {
            OutputItem::Message(message) => {
                self.see_message(place, message);
                for (index, part) in (0..).zip(&message.content) {
                    self.part(place, index, part, out);
                }
                let cited: Vec<(u32, Annotation)> = (0..)
                    .zip(&message.content)
                    .filter_map(|(index, part)| match part {
                        OutputPart::Text(text) => Some((index, &text.annotations)),
                        _ => None,
                    })
                    .flat_map(|(index, list)| list.iter().map(move |one| (index, one.clone())))
                    .collect();
                if !cited.is_empty() {
                    self.message_at(place).annotations = cited;
                }
            }
            OutputItem::FunctionCall(call) => {
                let pieces = self.calls.done(place, call.into());
                self.pass_on(pieces, out);
            }
            OutputItem::CustomToolCall(call) => {
                let pieces = self.calls.done(place, call.into());
                self.pass_on(pieces, out);
            }
            OutputItem::Reasoning(item) => self.reasoned(place, item, out),
            _ => {}
        }
    }

    fn see_message(&mut self, place: &Place, message: &OutputMessage) {
        let is_shown = is_shown(message.phase.as_ref(), &self.options);
        let state = self.message_at(place);
        if state.parts.is_empty() {
            state.is_shown = is_shown;
        }
    }

    fn message_at(&mut self, place: &Place) -> &mut MessageState {
        let found = place.find(&self.messages, |message| &message.place);
        let at = found.unwrap_or_else(|| {
            self.messages.push(MessageState {
                place: place.clone(),
                is_shown: true,
                parts: Vec::new(),
                annotations: Vec::new(),
            });
            self.messages.len() - 1
        });
        &mut self.messages[at]
    }

    fn part(
        &mut self,
        place: &Place,
        index: u32,
        part: &OutputPart,
        out: &mut Vec<ChatStreamEvent>,
    ) {
        match part {
            OutputPart::Text(text) => {
                let logprobs = text.logprobs.as_deref().unwrap_or_default();
                self.whole(place, index, false, &text.text, logprobs, out);
            }
            OutputPart::Refusal(refusal) => {
                self.whole(place, index, true, &refusal.refusal, &[], out);
            }
            _ => {}
        }
    }

    fn text_delta(&mut self, delta: &Delta, is_refusal: bool, out: &mut Vec<ChatStreamEvent>) {
        let place = Place::new(delta.output_index(), delta.item_id());
        let index = delta.content_index().unwrap_or_default();
        self.say(
            &place,
            index,
            is_refusal,
            delta.delta(),
            delta.logprobs(),
            out,
        );
    }

    /// The whole text of a part: passed on unless pieces of it were.
    fn whole(
        &mut self,
        place: &Place,
        index: u32,
        is_refusal: bool,
        text: &str,
        logprobs: &[Logprob],
        out: &mut Vec<ChatStreamEvent>,
    ) {
        let message = self.message_at(place);
        if !message.has(index, is_refusal) {
            self.say(place, index, is_refusal, text, logprobs, out);
        }
    }

    fn say(
        &mut self,
        place: &Place,
        index: u32,
        is_refusal: bool,
        text: &str,
        logprobs: &[Logprob],
        out: &mut Vec<ChatStreamEvent>,
    ) {
        self.open(out);
        if text.is_empty() {
            return;
        }
        let start = self.characters;
        let message = self.message_at(place);
        if !message.has(index, is_refusal) {
            message.parts.push(PartState {
                index,
                is_refusal,
                start,
            });
        }
        if !message.is_shown {
            return;
        }
        if !is_refusal {
            self.characters += text.chars().count() as u64;
        }
        let delta = ChatDelta::new();
        let delta = if is_refusal {
            delta.refusal(text)
        } else {
            delta.content(text)
        };
        let logprobs = (!logprobs.is_empty()).then(|| {
            let mut all = ChatLogprobs::new().content(logprobs);
            write_null(&mut all, "refusal");
            all
        });
        out.push(self.chunk_of(delta, None, logprobs));
    }

    fn think(&mut self, delta: &Delta, is_summary: bool, out: &mut Vec<ChatStreamEvent>) {
        let part = delta
            .summary_index()
            .or_else(|| delta.content_index())
            .unwrap_or_default();
        let place = Place::new(delta.output_index(), delta.item_id());
        self.tell(&place, is_summary, part, delta.delta(), out);
    }

    fn reasoned(&mut self, place: &Place, item: &ReasoningItem, out: &mut Vec<ChatStreamEvent>) {
        let is_new = place.find(&self.reasoning, |state| &state.place).is_none();
        if is_new {
            self.tell(place, true, 0, &reasoning_text(item), out);
        }
        let keeps = self.options.reasoning == ReasoningShown::TextAndItems;
        let is_kept = self
            .reasoning_items
            .iter()
            .any(|kept| kept.id == item.id && kept.id.is_some());
        if keeps && !is_kept && (is_new || !place.is_final) {
            self.reasoning_items.push(item.clone());
        }
        if is_new {
            // Remembered even if it says nothing, so that the final response does not bring it again.
            self.reasoning_at(place, true);
        }
    }

    fn reasoning_at(&mut self, place: &Place, is_summary: bool) -> &mut ReasoningState {
        let found = place.find(&self.reasoning, |state| &state.place);
        let at = found.unwrap_or_else(|| {
            self.reasoning.push(ReasoningState {
                place: place.clone(),
                is_summary,
                part: 0,
            });
            self.reasoning.len() - 1
        });
        &mut self.reasoning[at]
    }

    /// Passes on what the model thought, parts and items apart from each other.
    fn tell(
        &mut self,
        place: &Place,
        is_summary: bool,
        part: u32,
        text: &str,
        out: &mut Vec<ChatStreamEvent>,
    ) {
        if self.options.reasoning == ReasoningShown::No || text.is_empty() {
            return;
        }
        let is_first = self.reasoning.is_empty();
        let is_new = place.find(&self.reasoning, |state| &state.place).is_none();
        let state = self.reasoning_at(place, is_summary);
        if state.is_summary != is_summary {
            return;
        }
        let is_apart = !is_first && (is_new || state.part != part);
        state.part = part;
        let text = if is_apart {
            alloc::format!("\n\n{text}")
        } else {
            text.into()
        };
        self.open(out);
        out.push(self.chunk(ChatDelta::new().reasoning_content(text)));
    }

    fn pass_on(&mut self, pieces: Pieces, out: &mut Vec<ChatStreamEvent>) {
        match pieces {
            Pieces::None => {}
            Pieces::Call(piece) => {
                self.open(out);
                out.push(self.chunk(ChatDelta::new().tool_calls([*piece])));
            }
            Pieces::Contradiction(message) => {
                self.fail(ApiError::new("invalid_stream", message), out);
            }
        }
    }

    fn annotations(&self) -> Vec<ChatAnnotation> {
        let mut all = Vec::new();
        for message in self.messages.iter().filter(|message| message.is_shown) {
            for (index, annotation) in &message.annotations {
                let part = message
                    .parts
                    .iter()
                    .find(|part| part.index == *index && !part.is_refusal);
                all.extend(part.and_then(|part| citation(annotation, part.start)));
            }
        }
        all
    }

    fn chunk(&self, delta: ChatDelta) -> ChatStreamEvent {
        self.chunk_of(delta, None, None)
    }

    fn chunk_of(
        &self,
        delta: ChatDelta,
        finish_reason: Option<FinishReason>,
        logprobs: Option<ChatLogprobs>,
    ) -> ChatStreamEvent {
        let mut choice = ChatChunkChoice::new(0, delta);
        choice.logprobs = logprobs;
        choice.finish_reason = finish_reason;
        write_null(&mut choice, "finish_reason");
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
            write_null(&mut chunk, "usage");
        }
        chunk
    }
}

impl MessageState {
    fn has(&self, index: u32, is_refusal: bool) -> bool {
        self.parts
            .iter()
            .any(|part| part.index == index && part.is_refusal == is_refusal)
    }
}
