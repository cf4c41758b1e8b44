//! Chunks to events.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::chat::translate::back_answer::{
    custom_call, end, function_call, item_status, message_id, message_item, new_response,
    reasoning_item, usage,
};
use crate::chat::translate::{TranslateError, write_empty};
use crate::chat::*;
use crate::{
    ApiError, ContentPartEvent, CustomToolCallInputDone, Delta, DeltaKind,
    FunctionCallArgumentsDone, ItemStatus, LifecycleEvent, Logprob, OutputItem, OutputItemEvent,
    OutputPart, OutputText, OutputTextDone, ReasoningTextDone, Refusal, RefusalDone, Response,
    ResponseEvent, Status,
};

/// Translates the chunks of one completion into the events of one response.
///
/// The response ends when [`finish`](Self::finish) is called, at `[DONE]` or at the end of the stream:
/// only then is the usage known. A stream without a `finish_reason` has broken off and ends in an
/// error.
///
/// ```
/// use codex_types::RawJson;
/// use codex_types::chat::translate::ToResponseEvents;
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
    response: Response,
    is_open: bool,
    is_over: bool,
    has_ended: bool,
    sequence_number: u64,
    items: Vec<Item>,
    logprobs: Vec<Logprob>,
}

/// An item that is being made.
#[derive(Clone, Debug)]
enum Item {
    /// Text and refusal, each with its place among the parts.
    Message {
        text: Option<(u32, String)>,
        refusal: Option<(u32, String)>,
    },
    Reasoning {
        text: String,
    },
    Call {
        index: u32,
        id: String,
        name: String,
        arguments: String,
        is_custom: bool,
        is_added: bool,
    },
}

impl ToResponseEvents {
    /// The beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next chunk. Chunks that are none, which some servers send, are passed over.
    ///
    /// # Errors
    ///
    /// Refuses a second answer, by its name; the stream goes on without it if the caller does.
    pub fn feed(&mut self, chunk: &ChatChunk) -> Result<Vec<ResponseEvent>, TranslateError> {
        let mut out = Vec::new();
        let is_chunk = chunk.object.is_empty() || chunk.object == "chat.completion.chunk";
        if self.is_over || !is_chunk {
            return Ok(out);
        }
        self.open(chunk, &mut out);
        if let Some(usage) = &chunk.usage {
            self.response.usage = Some(Box::new(self::usage(usage)));
        }
        for choice in &chunk.choices {
            if choice.index != 0 {
                return Err(TranslateError::unsupported("choices[1]"));
            }
            self.choice(choice, &mut out);
        }
        Ok(out)
    }

    /// Takes an error that came in place of a chunk.
    pub fn fail(&mut self, error: ApiError) -> Vec<ResponseEvent> {
        let mut out = Vec::new();
        if !self.is_over {
            self.is_over = true;
            self.response.status = Status::Failed;
            self.response.error = Some(Box::new(error));
            let event = self.lifecycle();
            out.push(ResponseEvent::Failed(event));
        }
        out
    }

    /// Takes the end of the stream.
    pub fn finish(&mut self) -> Vec<ResponseEvent> {
        if self.is_over {
            return Vec::new();
        }
        if !self.has_ended {
            let message = "the stream ended before the completion did";
            return self.fail(ApiError::new("stream_truncated", message));
        }
        self.is_over = true;
        let event = self.lifecycle();
        Vec::from([if self.response.status == Status::Incomplete {
            ResponseEvent::Incomplete(event)
        } else {
            ResponseEvent::Completed(event)
        }])
    }

    fn open(&mut self, chunk: &ChatChunk, out: &mut Vec<ResponseEvent>) {
        if self.is_open {
            return;
        }
        self.is_open = true;
        self.response = new_response(&chunk.id, &chunk.model, chunk.created, Status::InProgress);
        self.response.service_tier.clone_from(&chunk.service_tier);
        let event = self.lifecycle();
        out.push(ResponseEvent::Created(event));
        let event = self.lifecycle();
        out.push(ResponseEvent::InProgress(event));
    }

    fn choice(&mut self, choice: &ChatChunkChoice, out: &mut Vec<ResponseEvent>) {
        let delta = &choice.delta;
        if let Some(logprobs) = &choice.logprobs {
            self.logprobs
                .extend(logprobs.content.iter().flatten().cloned());
        }
        if let Some(text) = delta
            .reasoning_content
            .as_ref()
            .filter(|text| !text.is_empty())
        {
            self.think(text, out);
        }
        if let Some(text) = delta.content.as_ref().filter(|text| !text.is_empty()) {
            self.say(text, false, out);
        }
        if let Some(text) = delta.refusal.as_ref().filter(|text| !text.is_empty()) {
            self.say(text, true, out);
        }
        for call in delta.tool_calls.iter().flatten() {
            self.call(call, out);
        }
        if let Some(function) = &delta.function_call {
            let mut call = ChatToolCallDelta::new(0).id("call_function_0");
            let piece = ChatFunctionDelta::new().name(function.name.as_str());
            call.function = Some(piece.arguments(function.arguments.as_str()));
            self.call(&call, out);
        }
        if let (false, Some(reason)) = (self.has_ended, &choice.finish_reason) {
            self.has_ended = true;
            end(&mut self.response, Some(reason));
            self.close(out);
        }
    }

    fn think(&mut self, text: &str, out: &mut Vec<ResponseEvent>) {
        let found = self
            .items
            .iter()
            .position(|item| matches!(item, Item::Reasoning { .. }));
        let at = found.unwrap_or_else(|| {
            let item = reasoning_item(&self.response.id, "");
            self.add(
                Item::Reasoning {
                    text: String::new(),
                },
                item.into(),
                out,
            )
        });
        if let Some(Item::Reasoning { text: whole }) = self.items.get_mut(at) {
            whole.push_str(text);
        }
        let id = reasoning_item(&self.response.id, "").id.unwrap_or_default();
        self.delta(DeltaKind::ReasoningText, &id, at, 0, text, out);
    }

    fn say(&mut self, text: &str, is_refusal: bool, out: &mut Vec<ResponseEvent>) {
        let found = self
            .items
            .iter()
            .position(|item| matches!(item, Item::Message { .. }));
        let at = found.unwrap_or_else(|| {
            let message = message_item(&self.response.id, Vec::new(), &ItemStatus::InProgress);
            self.add(
                Item::Message {
                    text: None,
                    refusal: None,
                },
                message.into(),
                out,
            )
        });
        let id = message_id(&self.response.id);
        let Some(Item::Message {
            text: words,
            refusal,
        }) = self.items.get_mut(at)
        else {
            return;
        };
        let count = u32::from(words.is_some()) + u32::from(refusal.is_some());
        let part = if is_refusal { refusal } else { words };
        let is_new = part.is_none();
        let (place, whole) = part.get_or_insert_with(|| (count, String::new()));
        whole.push_str(text);
        let place = *place;
        if is_new {
            let part = if is_refusal {
                Refusal::new("").into()
            } else {
                OutputText::new("").into()
            };
            let event = self.part_event(part, &id, at, place);
            out.push(ResponseEvent::ContentPartAdded(event));
        }
        let kind = if is_refusal {
            DeltaKind::Refusal
        } else {
            DeltaKind::OutputText
        };
        self.delta(kind, &id, at, place, text, out);
    }

    fn call(&mut self, piece: &ChatToolCallDelta, out: &mut Vec<ResponseEvent>) {
        let found = self
            .items
            .iter()
            .position(|item| matches!(item, Item::Call { index, .. } if *index == piece.index));
        let at = found.unwrap_or_else(|| {
            self.items.push(Item::Call {
                index: piece.index,
                id: String::new(),
                name: String::new(),
                arguments: String::new(),
                is_custom: false,
                is_added: false,
            });
            self.items.len() - 1
        });
        let Some(Item::Call {
            id,
            name,
            arguments,
            is_custom,
            is_added,
            ..
        }) = self.items.get_mut(at)
        else {
            return;
        };
        // The first piece says who is called; servers that repeat it mean the same call.
        if id.is_empty() {
            *id = piece.id.clone().unwrap_or_default();
        }
        *is_custom |= piece.custom.is_some();
        let function = piece.function.as_ref();
        let custom = piece.custom.as_ref();
        let named = function
            .and_then(|it| it.name.as_ref())
            .or_else(|| custom.and_then(|it| it.name.as_ref()));
        if let (true, Some(named)) = (name.is_empty(), named) {
            name.clone_from(named);
        }
        let text = function
            .and_then(|it| it.arguments.as_deref())
            .or_else(|| custom.and_then(|it| it.input.as_deref()))
            .unwrap_or_default();
        arguments.push_str(text);
        if !*is_added && !name.is_empty() && !id.is_empty() {
            *is_added = true;
            let item = call_item(id, name, "", *is_custom, &ItemStatus::InProgress);
            let text = arguments.clone();
            let (id, is_custom) = (id.clone(), *is_custom);
            self.item_event(at, item, false, out);
            self.arguments(at, &id, is_custom, &text, out);
        } else if *is_added {
            let (id, is_custom) = (id.clone(), *is_custom);
            self.arguments(at, &id, is_custom, text, out);
        }
    }

    fn arguments(
        &mut self,
        at: usize,
        call_id: &str,
        is_custom: bool,
        text: &str,
        out: &mut Vec<ResponseEvent>,
    ) {
        if text.is_empty() {
            return;
        }
        let (kind, prefix) = if is_custom {
            (DeltaKind::CustomToolCallInput, "ctc_")
        } else {
            (DeltaKind::FunctionCallArguments, "fc_")
        };
        let id = alloc::format!("{prefix}{call_id}");
        self.delta(kind, &id, at, 0, text, out);
    }

    /// Says that everything is done, in the order of the items.
    fn close(&mut self, out: &mut Vec<ResponseEvent>) {
        let status = item_status(&self.response);
        for (at, item) in core::mem::take(&mut self.items).into_iter().enumerate() {
            let done: OutputItem = match item {
                Item::Reasoning { text } => {
                    let item = reasoning_item(&self.response.id, &text);
                    let event = ReasoningTextDone {
                        item_id: item.id.clone().unwrap_or_default(),
                        text,
                        output_index: u32::try_from(at).ok(),
                        content_index: Some(0),
                        sequence_number: Some(self.next()),
                        ..ReasoningTextDone::default()
                    };
                    out.push(ResponseEvent::ReasoningTextDone(Box::new(event)));
                    item.into()
                }
                Item::Message { text, refusal } => {
                    self.close_message(at, text, refusal, &status, out)
                }
                Item::Call {
                    id,
                    name,
                    arguments,
                    is_custom,
                    is_added,
                    ..
                } => {
                    let item = call_item(&id, &name, &arguments, is_custom, &status);
                    if !is_added {
                        let begun = call_item(&id, &name, "", is_custom, &ItemStatus::InProgress);
                        self.item_event(at, begun, false, out);
                    }
                    self.close_call(at, &id, arguments, is_custom, out);
                    item
                }
            };
            self.item_event(at, done.clone(), true, out);
            self.response.output.push(done);
        }
    }

    fn close_message(
        &mut self,
        at: usize,
        text: Option<(u32, String)>,
        refusal: Option<(u32, String)>,
        status: &ItemStatus,
        out: &mut Vec<ResponseEvent>,
    ) -> OutputItem {
        let id = message_id(&self.response.id);
        let output_index = u32::try_from(at).ok();
        let mut parts: Vec<(u32, OutputPart)> = Vec::new();
        if let Some((place, text)) = text {
            let mut part = OutputText::new(text.as_str());
            let logprobs = core::mem::take(&mut self.logprobs);
            part.logprobs = (!logprobs.is_empty()).then_some(logprobs);
            let mut event = OutputTextDone::default();
            event.item_id.clone_from(&id);
            event.text = text;
            event.logprobs.clone_from(&part.logprobs);
            event.output_index = output_index;
            event.content_index = Some(place);
            event.sequence_number = Some(self.next());
            out.push(ResponseEvent::OutputTextDone(Box::new(event)));
            parts.push((place, part.into()));
        }
        if let Some((place, text)) = refusal {
            let mut event = RefusalDone::default();
            event.item_id.clone_from(&id);
            event.refusal.clone_from(&text);
            event.output_index = output_index;
            event.content_index = Some(place);
            event.sequence_number = Some(self.next());
            out.push(ResponseEvent::RefusalDone(Box::new(event)));
            parts.push((place, Refusal::new(text).into()));
        }
        parts.sort_by_key(|(place, _)| *place);
        for (place, part) in &parts {
            let event = self.part_event(part.clone(), &id, at, *place);
            out.push(ResponseEvent::ContentPartDone(event));
        }
        let parts = parts.into_iter().map(|(_, part)| part).collect();
        message_item(&self.response.id, parts, status).into()
    }

    fn close_call(
        &mut self,
        at: usize,
        call_id: &str,
        arguments: String,
        is_custom: bool,
        out: &mut Vec<ResponseEvent>,
    ) {
        let output_index = u32::try_from(at).ok();
        let sequence_number = Some(self.next());
        out.push(if is_custom {
            ResponseEvent::CustomToolCallInputDone(Box::new(CustomToolCallInputDone {
                item_id: alloc::format!("ctc_{call_id}"),
                input: arguments,
                output_index,
                sequence_number,
                ..CustomToolCallInputDone::default()
            }))
        } else {
            let mut event = FunctionCallArgumentsDone {
                item_id: alloc::format!("fc_{call_id}"),
                arguments,
                output_index,
                sequence_number,
                ..FunctionCallArgumentsDone::default()
            };
            write_empty(&mut event, "arguments");
            ResponseEvent::FunctionCallArgumentsDone(Box::new(event))
        });
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
        let event = Box::new(OutputItemEvent {
            item,
            output_index: u32::try_from(at).ok(),
            sequence_number: Some(self.next()),
            ..OutputItemEvent::default()
        });
        out.push(if is_done {
            ResponseEvent::OutputItemDone(event)
        } else {
            ResponseEvent::OutputItemAdded(event)
        });
    }

    fn part_event(
        &mut self,
        part: OutputPart,
        id: &str,
        at: usize,
        place: u32,
    ) -> Box<ContentPartEvent> {
        Box::new(ContentPartEvent {
            item_id: id.into(),
            part,
            output_index: u32::try_from(at).ok(),
            content_index: Some(place),
            sequence_number: Some(self.next()),
            ..ContentPartEvent::default()
        })
    }

    fn delta(
        &mut self,
        kind: DeltaKind,
        id: &str,
        at: usize,
        part: u32,
        text: &str,
        out: &mut Vec<ResponseEvent>,
    ) {
        let output_index = u32::try_from(at).unwrap_or(u32::MAX);
        let delta = Delta::new(kind, id, output_index, text)
            .with_part_index(part)
            .with_sequence_number(self.next());
        out.push(ResponseEvent::of_delta(delta));
    }

    fn lifecycle(&mut self) -> Box<LifecycleEvent> {
        Box::new(LifecycleEvent {
            response: self.response.clone(),
            sequence_number: Some(self.next()),
            ..LifecycleEvent::default()
        })
    }

    fn next(&mut self) -> u64 {
        let number = self.sequence_number;
        self.sequence_number += 1;
        number
    }
}

fn call_item(
    id: &str,
    name: &str,
    arguments: &str,
    is_custom: bool,
    status: &ItemStatus,
) -> OutputItem {
    if is_custom {
        custom_call(id, &ChatCustomInput::new(name, arguments), status).into()
    } else {
        function_call(id, &ChatFunctionArguments::new(name, arguments), status).into()
    }
}
