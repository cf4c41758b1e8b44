//! The payloads of events, one struct for each form.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::{ApiError, in_keys};
use crate::event::common::{Common, EventPayload, event};
use crate::item::{OutputItem, ShellOutput};
use crate::part::{Annotation, Logprob, OutputPart, SummaryPart};
use crate::response::Response;
use crate::wire::known::{fill, is_missing};
use crate::wire::object::object;
use crate::{Map, RawJson};

object! {
    /// An event that contains the whole response and reports its state: created, queued, in
    /// progress, completed, failed or incomplete.
    pub struct LifecycleEvent {
        plain {
            /// The response.
            response: Response,
        }
        optional {
            /// Response headers, sent in-band by the ChatGPT backend.
            headers: Map<RawJson>,
            /// Safety buffering information of the ChatGPT backend.
            safety_buffering: RawJson,
            /// The sequence number of the event within its response.
            sequence_number = u64,
            /// The id of the event's stream, on a WebSocket that multiplexes streams.
            stream_id: String,
        }
    }
}

impl LifecycleEvent {
    /// Returns the response, including one whose keys the server sent next to `type`.
    ///
    /// Such keys count only if the event has no `response` object.
    ///
    /// ```
    /// use codex_types::ResponseEvent;
    ///
    /// let json = r#"{"type":"response.completed","id":"resp_1","status":"completed"}"#;
    /// let ResponseEvent::Completed(event) = ResponseEvent::from_json(json)? else { unreachable!() };
    /// assert_eq!(event.response.id, "");
    /// assert_eq!(event.response_or_flat().id, "resp_1");
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub fn response_or_flat(&self) -> Cow<'_, Response> {
        let is_flat = !self.extra.is_empty()
            && is_missing(self, "response")
            && self.response == Response::default();
        if !is_flat {
            return Cow::Borrowed(&self.response);
        }
        let keys = self.extra.entries().iter();
        let mut response = Response::default();
        fill(
            &mut response,
            keys.filter(|(name, _)| !matches!(&**name, "type" | "response")),
        );
        response.headers.clone_from(&self.headers);
        Cow::Owned(response)
    }

    /// Returns the error of a response that failed, if the event has one: in every form that
    /// [`ErrorEvent`](crate::ErrorEvent) describes, in the response or next to it.
    pub fn error(&self) -> Option<Cow<'_, ApiError>> {
        if let Some(error) = &self.response.error {
            return Some(Cow::Borrowed(error));
        }
        let keys = [&self.response.extra, &self.extra].into_iter();
        let mut errors = keys.map(in_keys).filter(|error| !error.message.is_empty());
        errors.next().map(Cow::Owned)
    }
}

impl EventPayload for LifecycleEvent {
    fn common(&self) -> Common<'_> {
        Common::new(self.sequence_number, &self.stream_id)
    }

    fn response(&self) -> Option<&Response> {
        Some(&self.response)
    }
}

object! {
    /// An event that reports that an item was added or is done.
    pub struct OutputItemEvent {
        plain {
            /// The item. When done, it replaces what the deltas built.
            item: OutputItem,
        }
        optional {
            /// The index of the item in the output.
            output_index = u32,
            /// The sequence number of the event within its response.
            sequence_number = u64,
            /// The id of the event's stream, on a WebSocket that multiplexes streams.
            stream_id: String,
        }
    }
}

impl EventPayload for OutputItemEvent {
    fn common(&self) -> Common<'_> {
        Common::new(self.sequence_number, &self.stream_id)
            .item_id(self.item.id())
            .output_index(self.output_index)
    }
}

event! {
    /// An event that reports that a content part of an item was added or is done.
    pub struct ContentPartEvent of [item_id output_index] {
        plain {
            /// The id of the item.
            item_id: String,
            /// The part. When done, it replaces what the deltas built.
            part: OutputPart,
        }
        optional {
            /// The index of the item in the output.
            output_index = u32,
            /// The index of the part in the content of the item.
            content_index = u32,
        }
    }
}

event! {
    /// An event that reports that a part of a reasoning summary was added or is done.
    pub struct SummaryPartEvent of [item_id output_index] {
        plain {
            /// The id of the item.
            item_id: String,
            /// The part.
            part: SummaryPart,
        }
        optional {
            /// The index of the item in the output.
            output_index = u32,
            /// The index of the part in the summary of the item.
            summary_index = u32,
            /// `incomplete` if the part was cut off.
            status: String,
        }
    }
}

event! {
    /// An event that adds an annotation to a text.
    pub struct AnnotationEvent of [item_id output_index] {
        plain {
            /// The id of the item.
            item_id: String,
            /// The annotation; null if the service withholds it.
            annotation: Annotation,
        }
        optional {
            /// The index of the item in the output.
            output_index = u32,
            /// The index of the part in the content of the item.
            content_index = u32,
            /// The index of the annotation among those of the part.
            annotation_index = u32,
        }
    }
}

event! {
    /// The event that ends the text of a part.
    pub struct OutputTextDone of [item_id output_index] text "text" {
        plain {
            /// The id of the item.
            item_id: String,
            /// The full text.
            text: String,
        }
        optional {
            /// The index of the item in the output.
            output_index = u32,
            /// The index of the part in the content of the item.
            content_index = u32,
            /// The log probabilities of the tokens.
            logprobs: Vec<Logprob>,
        }
    }
}

event! {
    /// The event that ends a refusal.
    pub struct RefusalDone of [item_id output_index] text "refusal" {
        plain {
            /// The id of the item.
            item_id: String,
            /// The full refusal.
            refusal: String,
        }
        optional {
            /// The index of the item in the output.
            output_index = u32,
            /// The index of the part in the content of the item.
            content_index = u32,
        }
    }
}

event! {
    /// The event that ends the text of a reasoning part.
    pub struct ReasoningTextDone of [item_id output_index] text "text" {
        plain {
            /// The id of the item.
            item_id: String,
            /// The full text.
            text: String,
        }
        optional {
            /// The index of the item in the output.
            output_index = u32,
            /// The index of the part in the content of the item.
            content_index = u32,
        }
    }
}

event! {
    /// The event that ends the text of a reasoning summary part.
    pub struct ReasoningSummaryTextDone of [item_id output_index] text "text" {
        plain {
            /// The id of the item.
            item_id: String,
            /// The full text.
            text: String,
        }
        optional {
            /// The index of the item in the output.
            output_index = u32,
            /// The index of the part in the summary of the item.
            summary_index = u32,
        }
    }
}

event! {
    /// The event that ends the arguments of a function call.
    pub struct FunctionCallArgumentsDone of [item_id output_index] text "arguments" {
        plain {
            /// The id of the item.
            item_id: String,
            /// The full arguments, JSON as text.
            arguments: String,
        }
        optional {
            /// The index of the item in the output.
            output_index = u32,
            /// The name of the function, which some versions of the service send.
            name: String,
        }
    }
}

event! {
    /// The event that ends the input of a custom tool call.
    pub struct CustomToolCallInputDone of [item_id output_index] text "input" {
        plain {
            /// The id of the item.
            item_id: String,
            /// The full input.
            input: String,
        }
        optional {
            /// The index of the item in the output.
            output_index = u32,
        }
    }
}

event! {
    /// The event that ends the arguments of an MCP tool call.
    pub struct McpCallArgumentsDone of [item_id output_index] text "arguments" {
        plain {
            /// The id of the item.
            item_id: String,
            /// The full arguments, JSON as text.
            arguments: String,
        }
        optional {
            /// The index of the item in the output.
            output_index = u32,
        }
    }
}

event! {
    /// The event that ends the code of a code interpreter call.
    pub struct CodeInterpreterCallCodeDone of [item_id output_index] text "code" {
        plain {
            /// The id of the item.
            item_id: String,
            /// The full code.
            code: String,
        }
        optional {
            /// The index of the item in the output.
            output_index = u32,
        }
    }
}

event! {
    /// An event that reports the progress of a hosted tool. The kind of the event is the step.
    pub struct ItemProgress of [item_id output_index] {
        plain {
            /// The id of the item.
            item_id: String,
        }
        optional {
            /// The index of the item in the output.
            output_index = u32,
        }
    }
}

event! {
    /// A preview of an image; each replaces the previous one.
    pub struct PartialImageEvent of [item_id output_index] {
        plain {
            /// The id of the item.
            item_id: String,
            /// The preview, in base64.
            partial_image_b64: String,
        }
        optional {
            /// The index of the item in the output.
            output_index = u32,
            /// The index of the preview, from 0.
            partial_image_index = u32,
            /// The background of the image.
            background: String,
            /// The encoding of the preview.
            output_format: String,
            /// The quality of the image.
            quality: String,
            /// The width and height of the image.
            size: String,
        }
    }
}

event! {
    /// An event that reports that a command of a shell call was added or is done.
    pub struct ShellCommandEvent of [item_id output_index] text "command" {
        plain {
            /// The command.
            command: String,
        }
        optional {
            /// The index of the item in the output.
            output_index = u32,
            /// The index of the command in the call.
            command_index = u32,
            /// The id of the item, which the service currently omits.
            item_id: String,
        }
    }
}

event! {
    /// A delta of a command of a shell call.
    pub struct ShellCommandDelta of [item_id output_index] text "delta" {
        plain {
            /// The new text of the command.
            delta: String,
        }
        optional {
            /// The index of the item in the output.
            output_index = u32,
            /// The index of the command in the call.
            command_index = u32,
            /// The id of the item, which the service currently omits.
            item_id: String,
            /// Padding that hides the length of the text.
            obfuscation: String,
        }
    }
}

event! {
    /// The new output of a command of a shell call.
    pub struct ShellOutputDelta of [item_id output_index] {
        plain {
            /// The id of the item.
            item_id: String,
            /// The new output.
            delta: ShellOutputChunk,
        }
        optional {
            /// The index of the item in the output.
            output_index = u32,
            /// The index of the command.
            command_index = u32,
        }
    }
}

object! {
    /// A delta of the output of a command of a shell call.
    pub struct ShellOutputChunk {
        required {}
        optional {
            /// Standard output.
            stdout: String,
            /// Standard error.
            stderr: String,
        }
    }
}

event! {
    /// The whole output of a command of a shell call, once it is done.
    pub struct ShellOutputDone of [item_id output_index] {
        plain {
            /// The id of the item.
            item_id: String,
            /// The full output.
            output: Vec<ShellOutput>,
        }
        optional {
            /// The index of the item in the output.
            output_index = u32,
            /// The index of the command.
            command_index = u32,
        }
    }
}

event! {
    /// The event that ends the audio of a response, or its transcript.
    pub struct AudioDone {
        required {}
        optional {
            /// The id of the response.
            response_id: String,
        }
    }
}
