//! Events for servers and mocks: a response as the stream that a server would send.

use crate::boxed::Boxed;
use alloc::string::String;
use alloc::vec::Vec;

use crate::event::{
    AnnotationEvent, ContentPartEvent, CustomToolCallInputDone, Delta, DeltaKind,
    FunctionCallArgumentsDone, LifecycleEvent, OutputItemEvent, OutputTextDone,
    ReasoningSummaryTextDone, ReasoningTextDone, RefusalDone, ResponseEvent, SummaryPartEvent,
};
use crate::item::{ItemStatus, OutputItem};
use crate::json::scan::leading_kind;
use crate::part::{OutputPart, ReasoningPart, SummaryPart};
use crate::response::{Response, Status};
use crate::{DecodeError, RawJson};

impl LifecycleEvent {
    /// Creates an event that contains a response.
    ///
    /// The conversion into a [`ResponseEvent`] chooses the kind by the status of the response, so
    /// that the two cannot contradict each other:
    ///
    /// ```
    /// use codex_types::{EventKind, LifecycleEvent, Response, ResponseEvent, Status};
    ///
    /// let response = Response::new("resp_1", Status::Failed);
    /// let event = ResponseEvent::from(LifecycleEvent::new(response).sequence_number(7));
    /// assert_eq!(event.event_kind(), EventKind::Failed);
    /// ```
    pub fn new(response: Response) -> Self {
        Self {
            response,
            ..Self::default()
        }
    }
}

impl From<LifecycleEvent> for ResponseEvent {
    /// A response without a known status is in progress. A cancelled response ended early, for
    /// which `response.incomplete` is the only kind.
    fn from(event: LifecycleEvent) -> Self {
        let status = event.response.status.clone();
        let event = Boxed::new(event);
        match status {
            Status::Completed => Self::Completed(event),
            Status::Failed => Self::Failed(event),
            Status::Incomplete | Status::Cancelled => Self::Incomplete(event),
            Status::Queued => Self::Queued(event),
            _ => Self::InProgress(event),
        }
    }
}

impl ResponseEvent {
    /// Returns the event as a frame of an SSE stream, including the blank line.
    ///
    /// # Errors
    ///
    /// Returns an error when the event nests deeper than 128 levels.
    ///
    /// # Examples
    ///
    /// ```
    /// use codex_types::{Delta, DeltaKind, ResponseEvent};
    ///
    /// let event = ResponseEvent::from(Delta::new(DeltaKind::OutputText, "msg_1", 0, "Hi"));
    /// assert_eq!(
    ///     event.encode_sse()?,
    ///     concat!(
    ///         "event: response.output_text.delta\n",
    ///         r#"data: {"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"Hi"}"#,
    ///         "\n\n",
    ///     ),
    /// );
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub fn encode_sse(&self) -> Result<String, DecodeError> {
        let json = RawJson::encode(self)?;
        let json = json.as_str();
        let mut frame = String::with_capacity(json.len() + 64);
        // The name of an unknown kind is arbitrary text; a line ending in it would start another
        // field.
        let kind = leading_kind(json).unwrap_or_else(|| self.kind());
        if !kind.is_empty() && !kind.contains(char::is_control) {
            frame.push_str("event: ");
            frame.push_str(kind);
            frame.push('\n');
        }
        // JSON that was kept verbatim may contain line endings between its values.
        for line in json.split(['\n', '\r']).filter(|line| !line.is_empty()) {
            frame.push_str("data: ");
            frame.push_str(line);
            frame.push('\n');
        }
        frame.push('\n');
        Ok(frame)
    }
}

impl From<Delta> for ResponseEvent {
    fn from(delta: Delta) -> Self {
        Self::of_delta(delta)
    }
}

impl Response {
    /// Returns the events that a server sends for this response: `response.created`, the items with
    /// their parts and one delta for each text, and the event that ends the response.
    ///
    /// Events are numbered from 0 without gaps. A response that has not ended has no final event.
    ///
    /// ```
    /// use codex_types::{OutputMessage, Response, Status};
    ///
    /// let mut response = Response::new("resp_1", Status::Completed);
    /// response.output.push(OutputMessage::text("msg_1", "Paris").into());
    /// let events = response.to_events();
    /// let kinds: Vec<&str> = events.iter().map(|event| event.kind()).collect();
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
    /// ```
    pub fn to_events(&self) -> Vec<ResponseEvent> {
        let mut author = Author::default();
        let begun = self.begun();
        author.push(|number| {
            let event = LifecycleEvent::new(begun.clone()).sequence_number(number);
            ResponseEvent::Created(event.into())
        });
        author.push(|number| LifecycleEvent::new(begun).sequence_number(number).into());
        for (item, index) in self.output.iter().zip(0..) {
            author.item(item, index);
        }
        if self.status.is_final() {
            author.push(|number| {
                LifecycleEvent::new(self.clone())
                    .sequence_number(number)
                    .into()
            });
        }
        author.events
    }

    /// Returns the response as it is before its first item.
    fn begun(&self) -> Self {
        let mut begun = self.clone();
        begun.output.clear();
        begun.usage = None;
        begun.error = None;
        begun.incomplete_details = None;
        begun.completed_at = None;
        if self.status != Status::Queued {
            begun.status = Status::InProgress;
        }
        begun
    }
}

#[derive(Default)]
struct Author {
    events: Vec<ResponseEvent>,
}

impl Author {
    fn push(&mut self, event: impl FnOnce(u64) -> ResponseEvent) {
        let number = self.events.len() as u64;
        self.events.push(event(number));
    }

    fn item(&mut self, item: &OutputItem, index: u32) {
        self.item_event(begun(item), index, ResponseEvent::OutputItemAdded);
        let id = item.id().unwrap_or_default();
        match item {
            OutputItem::Message(message) => {
                for (part, at) in message.content.iter().zip(0..) {
                    self.part(part, id, index, at);
                }
            }
            OutputItem::Reasoning(reasoning) => {
                for (part, at) in reasoning.summary.iter().zip(0..) {
                    self.summary(part, id, index, at);
                }
                for (part, at) in reasoning.content.iter().flatten().zip(0..) {
                    self.reasoning(part, id, index, at);
                }
            }
            OutputItem::FunctionCall(call) => {
                self.delta(
                    DeltaKind::FunctionCallArguments,
                    id,
                    index,
                    0,
                    &call.arguments,
                );
                self.push(|number| {
                    let mut event = FunctionCallArgumentsDone::default()
                        .output_index(index)
                        .name(call.name.as_str())
                        .sequence_number(number);
                    event.item_id = id.into();
                    event.arguments.clone_from(&call.arguments);
                    ResponseEvent::FunctionCallArgumentsDone(event.into())
                });
            }
            OutputItem::CustomToolCall(call) => {
                self.delta(DeltaKind::CustomToolCallInput, id, index, 0, &call.input);
                self.push(|number| {
                    let mut event = CustomToolCallInputDone::default()
                        .output_index(index)
                        .sequence_number(number);
                    event.item_id = id.into();
                    event.input.clone_from(&call.input);
                    ResponseEvent::CustomToolCallInputDone(event.into())
                });
            }
            _ => {}
        }
        self.item_event(item.clone(), index, ResponseEvent::OutputItemDone);
    }

    fn item_event(
        &mut self,
        item: OutputItem,
        index: u32,
        wrap: fn(Boxed<OutputItemEvent>) -> ResponseEvent,
    ) {
        self.push(|number| {
            let mut event = OutputItemEvent::default()
                .output_index(index)
                .sequence_number(number);
            event.item = item;
            wrap(event.into())
        });
    }

    fn part(&mut self, part: &OutputPart, id: &str, index: u32, at: u32) {
        let mut empty = part.clone();
        match &mut empty {
            OutputPart::Text(part) => {
                part.text.clear();
                part.annotations.clear();
                part.logprobs = part.logprobs.as_ref().map(|_| Vec::new());
            }
            OutputPart::Refusal(part) => part.refusal.clear(),
            _ => {}
        }
        self.part_event(empty, id, index, at, ResponseEvent::ContentPartAdded);
        match part {
            OutputPart::Text(text) => {
                self.delta(DeltaKind::OutputText, id, index, at, &text.text);
                for (annotation, annotation_index) in text.annotations.iter().zip(0..) {
                    self.push(|number| {
                        let mut event = AnnotationEvent::default()
                            .output_index(index)
                            .content_index(at)
                            .annotation_index(annotation_index)
                            .sequence_number(number);
                        event.item_id = id.into();
                        event.annotation = annotation.clone();
                        ResponseEvent::OutputTextAnnotationAdded(event.into())
                    });
                }
                self.push(|number| {
                    let mut event = OutputTextDone::default()
                        .output_index(index)
                        .content_index(at)
                        .logprobs(text.logprobs.clone().unwrap_or_default())
                        .sequence_number(number);
                    event.item_id = id.into();
                    event.text.clone_from(&text.text);
                    ResponseEvent::OutputTextDone(event.into())
                });
            }
            OutputPart::Refusal(refusal) => {
                self.delta(DeltaKind::Refusal, id, index, at, &refusal.refusal);
                self.push(|number| {
                    let mut event = RefusalDone::default()
                        .output_index(index)
                        .content_index(at)
                        .sequence_number(number);
                    event.item_id = id.into();
                    event.refusal.clone_from(&refusal.refusal);
                    ResponseEvent::RefusalDone(event.into())
                });
            }
            _ => {}
        }
        self.part_event(part.clone(), id, index, at, ResponseEvent::ContentPartDone);
    }

    fn part_event(
        &mut self,
        part: OutputPart,
        id: &str,
        index: u32,
        at: u32,
        wrap: fn(Boxed<ContentPartEvent>) -> ResponseEvent,
    ) {
        self.push(|number| {
            let mut event = ContentPartEvent::default()
                .output_index(index)
                .content_index(at)
                .sequence_number(number);
            event.item_id = id.into();
            event.part = part;
            wrap(event.into())
        });
    }

    fn summary(&mut self, part: &SummaryPart, id: &str, index: u32, at: u32) {
        let mut event = SummaryPartEvent::default()
            .output_index(index)
            .summary_index(at);
        event.item_id = id.into();
        event.part = part.clone();
        let done = event.clone();
        if let SummaryPart::SummaryText(part) = &mut event.part {
            part.text.clear();
        }
        self.push(|number| {
            ResponseEvent::ReasoningSummaryPartAdded(event.sequence_number(number).into())
        });
        if let SummaryPart::SummaryText(part) = part {
            self.delta(DeltaKind::ReasoningSummaryText, id, index, at, &part.text);
            self.push(|number| {
                let mut event = ReasoningSummaryTextDone::default()
                    .output_index(index)
                    .summary_index(at)
                    .sequence_number(number);
                event.item_id = id.into();
                event.text.clone_from(&part.text);
                ResponseEvent::ReasoningSummaryTextDone(event.into())
            });
        }
        self.push(|number| {
            ResponseEvent::ReasoningSummaryPartDone(done.sequence_number(number).into())
        });
    }

    fn reasoning(&mut self, part: &ReasoningPart, id: &str, index: u32, at: u32) {
        let Some(text) = part.as_text() else { return };
        self.delta(DeltaKind::ReasoningText, id, index, at, text);
        self.push(|number| {
            let mut event = ReasoningTextDone::default()
                .output_index(index)
                .content_index(at)
                .sequence_number(number);
            event.item_id = id.into();
            event.text = text.into();
            ResponseEvent::ReasoningTextDone(event.into())
        });
    }

    /// An empty text has no delta.
    fn delta(&mut self, kind: DeltaKind, id: &str, index: u32, part: u32, text: &str) {
        if !text.is_empty() {
            self.push(|number| {
                Delta::new(kind, id, index, text)
                    .with_part_index(part)
                    .with_sequence_number(number)
                    .into()
            });
        }
    }
}

/// Returns the item before its texts were written. Items without texts are whole from the start.
fn begun(item: &OutputItem) -> OutputItem {
    let mut item = item.clone();
    match &mut item {
        OutputItem::Message(message) => {
            message.content.clear();
            message.status = ItemStatus::InProgress;
        }
        OutputItem::Reasoning(reasoning) => {
            reasoning.summary.clear();
            reasoning.content = reasoning.content.as_ref().map(|_| Vec::new());
            reasoning.status = reasoning.status.as_ref().map(|_| ItemStatus::InProgress);
        }
        OutputItem::FunctionCall(call) => {
            call.arguments.clear();
            call.status = Some(ItemStatus::InProgress);
        }
        OutputItem::CustomToolCall(call) => {
            call.input.clear();
            call.status = call.status.as_ref().map(|_| ItemStatus::InProgress);
        }
        _ => {}
    }
    item
}
