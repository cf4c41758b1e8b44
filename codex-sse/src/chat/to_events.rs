// Chunks to events. Each chunk is turned into the events that a Responses server would have sent for it; the accumulator assembles them,
// and what a `done` event repeats is read from it.

use alloc::{
    borrow::{Cow, ToOwned as _},
    boxed::Box,
    format,
    string::String,
    vec::Vec,
};
use core::mem;

use codex_types::{
    ApiError, ContentPartEvent, CustomToolCallInputDone, Delta, DeltaKind,
    FunctionCallArgumentsDone, ItemStatus, LifecycleEvent, Logprob, OutputItem, OutputItemEvent,
    OutputMessage, OutputPart, OutputText, OutputTextDone, RawJson, ReasoningItem,
    ReasoningTextDone, Refusal, RefusalDone, Response, ResponseEvent, Role, Status, Usage,
    chat::{
        ChatChunk, ChatChunkChoice, ChatDelta, ChatEnding, ChatPiece, ChatToolCallDelta,
        translate::{TranslateError, begin_response, end_response},
    },
};

use super::calls::Calls;
use crate::{Accumulator, Diagnostic};

/// Translates the chunks of one completion into the events of one response.
///
/// The response ends when [`finish`](Self::finish) is called, at the end of the stream: only then is the usage known, and some servers
/// send text after a `finish_reason`. A stream without a `finish_reason` has ended well only if [`feed_done`](Self::feed_done) reported
/// `[DONE]`.
///
/// Chunks are read in every form that servers are known to send: see [`ChatDelta::pieces`], [`ChatToolCallDelta::given_index`] and
/// [`FinishReason::ending`](codex_types::chat::FinishReason::ending). A piece of a call belongs to the call with its id; a new id begins a
/// new call. A piece without id belongs to the call with its index, or else continues the last call, unless it names a function when the
/// last call is complete. A call that gets no id is given one that is made from the completion's.
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
    accumulator: Accumulator,
    is_open: bool,
    is_over: bool,
    is_done: bool,
    /// How the completion says that it ended.
    response: Response,
    ending: Option<ChatEnding>,
    usage: Option<Box<Usage>>,
    sequence_number: u64,
    items: Vec<Item>,
    calls: Calls,
    /// How many of the calls have a place in the output.
    begun_calls: usize,
    logprobs: Vec<Logprob>,
    /// The last chunk with a choice had a delta, so a message is the whole of what came.
    has_deltas: bool,
}

/// An item that has been begun, in the order of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    /// The content parts that hold text and refusal.
    Message {
        text: Option<u32>,
        refusal: Option<u32>,
    },
    Reasoning,
    Call(usize),
}

impl ToResponseEvents {
    /// Creates the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates the beginning of a stream whose response is assembled here, within the accumulator's limit.
    pub fn with_accumulator(accumulator: Accumulator) -> Self {
        Self {
            accumulator,
            ..Self::default()
        }
    }

    /// Merges the next chunk and returns the events that it gives.
    ///
    /// # Errors
    /// The chunk holds a second answer (`n` above 1). The stream may go on without it.
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
        for choice in &chunk.choices {
            if choice.index != 0 {
                return Err(TranslateError::unsupported("choices[1]"));
            }
            self.choice(choice, &mut out);
        }
        Ok(out)
    }

    /// Records that the server sent `[DONE]`. A usage chunk may follow.
    pub fn feed_done(&mut self) {
        self.is_done = true;
    }

    /// Ends the response with an error that came instead of a chunk.
    pub fn fail(&mut self, error: ApiError) -> Vec<ResponseEvent> {
        let mut out = Vec::new();
        if self.is_over {
            return out;
        }
        if self.ending.is_some() {
            self.close(&mut out);
        }
        self.is_over = true;
        self.response.status = Status::Failed;
        self.response.error = Some(Box::new(error));
        // What is still open is cut, which the last event says as well.
        let _ = self.accumulator.finish();
        let event = self.last_event();
        self.emit(ResponseEvent::Failed(event), &mut out);
        out
    }

    /// Ends the stream and returns the events that end the response.
    pub fn finish(&mut self) -> Vec<ResponseEvent> {
        if self.is_over {
            return Vec::new();
        }
        if self.ending.is_none() && (self.items.is_empty() || !self.is_done) {
            let message = "the stream ended before the completion did";
            return self.fail(ApiError::new("stream_truncated", message));
        }
        let mut out = Vec::new();
        if self.ending.is_none() {
            self.accumulator.note_missing_finish();
            self.response.status = Status::Completed;
        }
        self.close(&mut out);
        self.is_over = true;
        let event = self.last_event();
        let event = if self.response.status == Status::Incomplete {
            ResponseEvent::Incomplete(event)
        } else {
            ResponseEvent::Completed(event)
        };
        self.emit(event, &mut out);
        out
    }

    /// Returns the response as far as it has come.
    pub fn snapshot(&self) -> &Response {
        self.accumulator.snapshot()
    }

    /// Returns what was odd about the chunks; see [`Accumulator::diagnostics`].
    pub fn diagnostics(&self) -> &[Diagnostic] {
        self.accumulator.diagnostics()
    }

    fn open(&mut self, chunk: &ChatChunk, out: &mut Vec<ResponseEvent>) {
        if self.is_open {
            return;
        }
        self.is_open = true;
        self.response = begin_response(chunk.given_id(), &chunk.model, chunk.created_at());
        self.response.service_tier.clone_from(&chunk.service_tier);
        let event = self.lifecycle();
        self.emit(ResponseEvent::Created(event), out);
        let event = self.lifecycle();
        self.emit(ResponseEvent::InProgress(event), out);
    }

    fn choice(&mut self, choice: &ChatChunkChoice, out: &mut Vec<ResponseEvent>) {
        let delta = choice.delta_or_message();
        if let Some(logprobs) = &choice.logprobs {
            let tokens = logprobs.content.iter().flatten();
            self.logprobs.extend(tokens.cloned());
        }
        let is_message = matches!(delta, Cow::Owned(_));
        let is_whole = mem::replace(&mut self.has_deltas, !is_message) && is_message;
        for piece in delta.pieces() {
            let spelling = spelling(&delta, &piece);
            let piece = if is_whole { self.rest_of(piece) } else { piece };
            match &piece {
                ChatPiece::Reasoning(text) => self.think((text, spelling), out),
                ChatPiece::Text(text) => self.say((text, spelling), false, out),
                ChatPiece::Refusal(text) => self.say((text, spelling), true, out),
                _ => {}
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
            self.ending = Some(ending);
            end_response(&mut self.response, reason);
        }
    }

    /// What a whole message has in addition to what its deltas said.
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

    fn think(&mut self, text: Piece<'_>, out: &mut Vec<ResponseEvent>) {
        let found = self.items.iter().position(|item| *item == Item::Reasoning);
        let at = found.unwrap_or_else(|| {
            let item = self.reasoning_item();
            self.add(Item::Reasoning, item, out)
        });
        let id = format!("rs_{}", self.response.id);
        self.delta(DeltaKind::ReasoningText, &id, at, 0, text, out);
    }

    fn say(&mut self, text: Piece<'_>, is_refusal: bool, out: &mut Vec<ResponseEvent>) {
        let is_message = |item: &Item| matches!(item, Item::Message { .. });
        let at = self.items.iter().position(is_message).unwrap_or_else(|| {
            let item = self.message_item();
            let state = Item::Message {
                text: None,
                refusal: None,
            };
            self.add(state, item, out)
        });
        let id = format!("msg_{}", self.response.id);
        let Item::Message {
            text: words,
            refusal,
        } = &mut self.items[at]
        else {
            return;
        };
        let count = u32::from(words.is_some()) + u32::from(refusal.is_some());
        let part = if is_refusal { refusal } else { words };
        let is_new = part.is_none();
        let index = *part.get_or_insert(count);
        if is_new {
            let part: OutputPart = if is_refusal {
                Refusal::new("").into()
            } else {
                OutputText::new("").into()
            };
            let event = self.part_event(part, &id, at, index);
            self.emit(ResponseEvent::ContentPartAdded(event), out);
        }
        let kind = if is_refusal {
            DeltaKind::Refusal
        } else {
            DeltaKind::OutputText
        };
        self.delta(kind, &id, at, index, text, out);
    }

    fn call(&mut self, piece: &ChatToolCallDelta, out: &mut Vec<ResponseEvent>) {
        let number = self.calls.find(piece);
        self.calls.name(number, piece, &self.response.id);
        let input = piece.input_text().unwrap_or(Cow::Borrowed(""));
        if self.repeats(number, &input) {
            return;
        }
        let call = self.calls.get_mut(number);
        call.feed(&input);
        if number == self.begun_calls {
            self.begun_calls += 1;
            call.place = self.items.len();
            self.items.push(Item::Call(number));
        }
        if !call.is_added && call.name.is_empty() {
            call.waiting.push_str(&input);
            return;
        }
        if !call.is_added {
            self.add_call(number, out);
        }
        let extra = piece.function.as_ref().map(|function| &function.extra);
        let spelling = extra.and_then(|extra| extra.spelling("arguments"));
        self.input(number, (&input, spelling), out);
    }

    /// Whether the whole input of a call comes once more.
    fn repeats(&self, number: usize, input: &str) -> bool {
        if number >= self.begun_calls || !self.calls.get(number).is_complete() {
            return false;
        }
        let built = self
            .accumulator
            .snapshot()
            .output
            .get(self.calls.get(number).place);
        built.is_some_and(|item| Accumulator::input(item) == input)
    }

    /// Announces a call, with the input that came before its name.
    fn add_call(&mut self, number: usize, out: &mut Vec<ResponseEvent>) {
        let call = self.calls.get_mut(number);
        call.is_added = true;
        let waiting = mem::take(&mut call.waiting);
        let (place, item) = (call.place, call.item("", &ItemStatus::InProgress));
        self.item_event(place, item, false, out);
        self.input(number, (&waiting, None), out);
    }

    fn input(&mut self, number: usize, input: Piece<'_>, out: &mut Vec<ResponseEvent>) {
        let call = self.calls.get(number);
        let kind = if call.is_custom {
            DeltaKind::CustomToolCallInput
        } else {
            DeltaKind::FunctionCallArguments
        };
        let (id, place) = (call.item_id(), call.place);
        self.delta(kind, &id, place, 0, input, out);
    }

    /// Sends what is done, in the order of the items.
    fn close(&mut self, out: &mut Vec<ResponseEvent>) {
        let status = if self.response.status == Status::Incomplete {
            ItemStatus::Incomplete
        } else {
            ItemStatus::Completed
        };
        self.accumulator.end_halves();
        for (at, item) in mem::take(&mut self.items).into_iter().enumerate() {
            if let Item::Call(number) = item {
                self.calls.give_id(number, &self.response.id);
                if !self.calls.get(number).is_added {
                    self.add_call(number, out);
                }
            }
            let done = match item {
                Item::Reasoning => self.close_reasoning(at, out),
                Item::Message { text, refusal } => {
                    self.close_message(at, text, refusal, &status, out)
                }
                Item::Call(number) => self.close_call(at, number, &status, out),
            };
            self.item_event(at, done, true, out);
        }
    }

    fn close_reasoning(&mut self, at: usize, out: &mut Vec<ResponseEvent>) -> OutputItem {
        let item = self.built(at, Self::reasoning_item);
        let mut event = Box::new(ReasoningTextDone::default());
        event.item_id = item.id().unwrap_or_default().into();
        if let OutputItem::Reasoning(item) = &item {
            let texts = item.content.iter().flatten();
            event.text = texts.filter_map(|part| part.as_text()).collect();
        }
        event.output_index = u32::try_from(at).ok();
        event.content_index = Some(0);
        event.sequence_number = Some(self.next());
        self.emit(ResponseEvent::ReasoningTextDone(event), out);
        item
    }

    fn close_message(
        &mut self,
        at: usize,
        text: Option<u32>,
        refusal: Option<u32>,
        status: &ItemStatus,
        out: &mut Vec<ResponseEvent>,
    ) -> OutputItem {
        let OutputItem::Message(mut message) = self.built(at, Self::message_item) else {
            return self.message_item();
        };
        message.status = status.clone();
        let id = message.id.clone().unwrap_or_default();
        let output_index = u32::try_from(at).ok();
        for part in &mut message.content {
            match part {
                OutputPart::Text(part) => {
                    let logprobs = mem::take(&mut self.logprobs);
                    part.logprobs = (!logprobs.is_empty()).then_some(logprobs);
                    let mut event = Box::new(OutputTextDone::default());
                    event.item_id.clone_from(&id);
                    event.text.clone_from(&part.text);
                    event.logprobs.clone_from(&part.logprobs);
                    event.output_index = output_index;
                    event.content_index = text;
                    event.sequence_number = Some(self.next());
                    self.emit(ResponseEvent::OutputTextDone(event), out);
                }
                OutputPart::Refusal(part) => {
                    let mut event = Box::new(RefusalDone::default());
                    event.item_id.clone_from(&id);
                    event.refusal.clone_from(&part.refusal);
                    event.output_index = output_index;
                    event.content_index = refusal;
                    event.sequence_number = Some(self.next());
                    self.emit(ResponseEvent::RefusalDone(event), out);
                }
                _ => {}
            }
        }
        for (index, part) in (0..).zip(&message.content) {
            let event = self.part_event(part.clone(), &id, at, index);
            self.emit(ResponseEvent::ContentPartDone(event), out);
        }
        message.into()
    }

    fn close_call(
        &mut self,
        at: usize,
        number: usize,
        status: &ItemStatus,
        out: &mut Vec<ResponseEvent>,
    ) -> OutputItem {
        let built = self.accumulator.snapshot().output.get(at);
        let input: String = built.map_or("", Accumulator::input).into();
        let call = self.calls.get(number);
        let (id, item, is_custom) = (call.item_id(), call.item(&input, status), call.is_custom);
        let output_index = u32::try_from(at).ok();
        let sequence_number = Some(self.next());
        let event = if is_custom {
            let mut event = Box::new(CustomToolCallInputDone::default());
            event.item_id = id;
            event.input = input;
            event.output_index = output_index;
            event.sequence_number = sequence_number;
            ResponseEvent::CustomToolCallInputDone(event)
        } else {
            let mut event = Box::new(FunctionCallArgumentsDone::default());
            event.item_id = id;
            if input.is_empty() {
                event.extra.insert("arguments", RawJson::string(""));
            }
            event.arguments = input;
            event.output_index = output_index;
            event.sequence_number = sequence_number;
            ResponseEvent::FunctionCallArgumentsDone(event)
        };
        self.emit(event, out);
        item
    }

    /// An item as it was assembled.
    fn built(&self, at: usize, make: impl FnOnce(&Self) -> OutputItem) -> OutputItem {
        let built = self.accumulator.snapshot().output.get(at);
        built.cloned().unwrap_or_else(|| make(self))
    }

    fn reasoning_item(&self) -> OutputItem {
        let mut item = ReasoningItem::new([]);
        item.id = Some(format!("rs_{}", self.response.id));
        item.content = Some(Vec::from([codex_types::ReasoningText::new("").into()]));
        item.into()
    }

    fn message_item(&self) -> OutputItem {
        let mut item = OutputMessage::new(Vec::new(), ItemStatus::InProgress);
        item.id = Some(format!("msg_{}", self.response.id));
        item.role = Role::Assistant;
        item.into()
    }

    fn add(&mut self, state: Item, item: OutputItem, out: &mut Vec<ResponseEvent>) -> usize {
        self.items.push(state);
        let at = self.items.len() - 1;
        self.item_event(at, item, false, out);
        at
    }

    fn item_event(
        &mut self,
        at: usize,
        item: OutputItem,
        is_done: bool,
        out: &mut Vec<ResponseEvent>,
    ) {
        let mut event = Box::new(OutputItemEvent::default());
        event.item = item;
        event.output_index = u32::try_from(at).ok();
        event.sequence_number = Some(self.next());
        let event = if is_done {
            ResponseEvent::OutputItemDone(event)
        } else {
            ResponseEvent::OutputItemAdded(event)
        };
        self.emit(event, out);
    }

    fn part_event(
        &mut self,
        part: OutputPart,
        id: &str,
        at: usize,
        index: u32,
    ) -> Box<ContentPartEvent> {
        let mut event = Box::new(ContentPartEvent::default());
        event.item_id = id.into();
        event.part = part;
        event.output_index = u32::try_from(at).ok();
        event.content_index = Some(index);
        event.sequence_number = Some(self.next());
        event
    }

    fn delta(
        &mut self,
        kind: DeltaKind,
        id: &str,
        at: usize,
        part: u32,
        (text, spelling): Piece<'_>,
        out: &mut Vec<ResponseEvent>,
    ) {
        if text.is_empty() {
            return;
        }
        let output_index = u32::try_from(at).unwrap_or(u32::MAX);
        let delta = Delta::new(kind, id, output_index, text)
            .with_part_index(part)
            .with_sequence_number(self.next());
        let delta = match spelling {
            Some(spelling) => delta.with_spelling(spelling),
            None => delta,
        };
        self.emit(ResponseEvent::of_delta(delta), out);
    }

    fn lifecycle(&mut self) -> Box<LifecycleEvent> {
        let mut event = Box::new(LifecycleEvent::default());
        event.response = self.response.clone();
        event.sequence_number = Some(self.next());
        event
    }

    /// The last event, with the output as it was assembled.
    fn last_event(&mut self) -> Box<LifecycleEvent> {
        self.response.usage = self.usage.take();
        self.response
            .output
            .clone_from(&self.accumulator.snapshot().output);
        self.lifecycle()
    }

    fn emit(&mut self, event: ResponseEvent, out: &mut Vec<ResponseEvent>) {
        match self.accumulator.push(&event) {
            Ok(()) => out.push(event),
            Err(error) => {
                self.is_over = true;
                self.response.status = Status::Failed;
                let error = ApiError::new("response_too_large", format!("{error}"));
                self.response.error = Some(Box::new(error));
                let event = self.lifecycle();
                out.push(ResponseEvent::Failed(event));
            }
        }
    }

    fn next(&mut self) -> u64 {
        let number = self.sequence_number;
        self.sequence_number += 1;
        number
    }
}

/// A piece of text, and its JSON where that holds lone surrogate halves.
type Piece<'a> = (&'a str, Option<&'a RawJson>);

/// The JSON of a piece that holds lone surrogate halves, where it is one whole string of the chunk.
fn spelling<'a>(delta: &'a ChatDelta, piece: &ChatPiece<'_>) -> Option<&'a RawJson> {
    delta.extra.spelling(match piece {
        ChatPiece::Text(_) => "content",
        ChatPiece::Refusal(_) => "refusal",
        _ => "reasoning_content",
    })
}
