//! What the events carry, one struct for each form.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::item::{OutputItem, ShellOutput};
use crate::part::{Annotation, Logprob, OutputPart, SummaryPart};
use crate::response::Response;
use crate::wire::object::{fill, is_missing, object};
use crate::{Map, RawJson};

object! {
    /// The response as a whole, as it stands: created, queued, in progress, completed, failed, incomplete.
    pub struct LifecycleEvent {
        plain {
            /// The response.
            response: Response,
        }
        optional {
            /// What would be headers over HTTP: the ChatGPT backend.
            headers: Map<RawJson>,
            /// What the service holds back for a check: the ChatGPT backend.
            safety_buffering: RawJson,
            /// The number of the event within its response.
            sequence_number = u64,
            /// The lane of a socket that the event belongs to.
            stream_id: String,
        }
    }
}

impl LifecycleEvent {
    /// Returns the response, including one whose keys a server sends next to `type`.
    ///
    /// Such keys count only if the event does not have a `response` object.
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
}

object! {
    /// An item was begun or is done.
    pub struct OutputItemEvent {
        plain {
            /// The item. Done, it replaces what the deltas built.
            item: OutputItem,
        }
        optional {
            /// The place of the item in the output.
            output_index = u32,
            /// The number of the event within its response.
            sequence_number = u64,
            /// The lane of a socket that the event belongs to.
            stream_id: String,
        }
    }
}

object! {
    /// A part of an item was begun or is done.
    pub struct ContentPartEvent {
        plain {
            /// The item the event is about.
            item_id: String,
            /// The part. Done, it replaces what the deltas built.
            part: OutputPart,
        }
        optional {
            /// The place of the item in the output.
            output_index = u32,
            /// The place of the part in the content of the item.
            content_index = u32,
            /// The number of the event within its response.
            sequence_number = u64,
            /// The lane of a socket that the event belongs to.
            stream_id: String,
        }
    }
}

object! {
    /// A part of a summary of reasoning was begun or is done.
    pub struct SummaryPartEvent {
        plain {
            /// The item the event is about.
            item_id: String,
            /// The part.
            part: SummaryPart,
        }
        optional {
            /// The place of the item in the output.
            output_index = u32,
            /// The place of the part in the summary of the item.
            summary_index = u32,
            /// `incomplete` if the part was cut short.
            status: String,
            /// The number of the event within its response.
            sequence_number = u64,
            /// The lane of a socket that the event belongs to.
            stream_id: String,
        }
    }
}

object! {
    /// A source was added to a text.
    pub struct AnnotationEvent {
        plain {
            /// The item the event is about.
            item_id: String,
            /// The source; null where the service keeps it to itself.
            annotation: Annotation,
        }
        optional {
            /// The place of the item in the output.
            output_index = u32,
            /// The place of the part in the content of the item.
            content_index = u32,
            /// The place of the source among those of the part.
            annotation_index = u32,
            /// The number of the event within its response.
            sequence_number = u64,
            /// The lane of a socket that the event belongs to.
            stream_id: String,
        }
    }
}

object! {
    /// The text of a part is done.
    pub struct OutputTextDone {
        plain {
            /// The item the event is about.
            item_id: String,
            /// The whole text.
            text: String,
        }
        optional {
            /// The place of the item in the output.
            output_index = u32,
            /// The place of the part in the content of the item.
            content_index = u32,
            /// How likely each token was.
            logprobs: Vec<Logprob>,
            /// The number of the event within its response.
            sequence_number = u64,
            /// The lane of a socket that the event belongs to.
            stream_id: String,
        }
    }
}

object! {
    /// A refusal is done.
    pub struct RefusalDone {
        plain {
            /// The item the event is about.
            item_id: String,
            /// The whole refusal.
            refusal: String,
        }
        optional {
            /// The place of the item in the output.
            output_index = u32,
            /// The place of the part in the content of the item.
            content_index = u32,
            /// The number of the event within its response.
            sequence_number = u64,
            /// The lane of a socket that the event belongs to.
            stream_id: String,
        }
    }
}

object! {
    /// A part of reasoning is done.
    pub struct ReasoningTextDone {
        plain {
            /// The item the event is about.
            item_id: String,
            /// The whole text.
            text: String,
        }
        optional {
            /// The place of the item in the output.
            output_index = u32,
            /// The place of the part in the content of the item.
            content_index = u32,
            /// The number of the event within its response.
            sequence_number = u64,
            /// The lane of a socket that the event belongs to.
            stream_id: String,
        }
    }
}

object! {
    /// A part of a summary of reasoning is done.
    pub struct ReasoningSummaryTextDone {
        plain {
            /// The item the event is about.
            item_id: String,
            /// The whole text.
            text: String,
        }
        optional {
            /// The place of the item in the output.
            output_index = u32,
            /// The place of the part in the summary of the item.
            summary_index = u32,
            /// The number of the event within its response.
            sequence_number = u64,
            /// The lane of a socket that the event belongs to.
            stream_id: String,
        }
    }
}

object! {
    /// The arguments of a function are done.
    pub struct FunctionCallArgumentsDone {
        plain {
            /// The item the event is about.
            item_id: String,
            /// The whole arguments: JSON as text.
            arguments: String,
        }
        optional {
            /// The place of the item in the output.
            output_index = u32,
            /// The function; sent by some versions of the service.
            name: String,
            /// The number of the event within its response.
            sequence_number = u64,
            /// The lane of a socket that the event belongs to.
            stream_id: String,
        }
    }
}

object! {
    /// The input of a custom tool is done.
    pub struct CustomToolCallInputDone {
        plain {
            /// The item the event is about.
            item_id: String,
            /// The whole input.
            input: String,
        }
        optional {
            /// The place of the item in the output.
            output_index = u32,
            /// The number of the event within its response.
            sequence_number = u64,
            /// The lane of a socket that the event belongs to.
            stream_id: String,
        }
    }
}

object! {
    /// The arguments of a remote tool are done.
    pub struct McpCallArgumentsDone {
        plain {
            /// The item the event is about.
            item_id: String,
            /// The whole arguments: JSON as text.
            arguments: String,
        }
        optional {
            /// The place of the item in the output.
            output_index = u32,
            /// The number of the event within its response.
            sequence_number = u64,
            /// The lane of a socket that the event belongs to.
            stream_id: String,
        }
    }
}

object! {
    /// Code to be run is done.
    pub struct CodeInterpreterCallCodeDone {
        plain {
            /// The item the event is about.
            item_id: String,
            /// The whole code.
            code: String,
        }
        optional {
            /// The place of the item in the output.
            output_index = u32,
            /// The number of the event within its response.
            sequence_number = u64,
            /// The lane of a socket that the event belongs to.
            stream_id: String,
        }
    }
}

object! {
    /// A tool the service runs has come a step further. The step is the kind of the event.
    pub struct ItemProgress {
        plain {
            /// The item the event is about.
            item_id: String,
        }
        optional {
            /// The place of the item in the output.
            output_index = u32,
            /// The number of the event within its response.
            sequence_number = u64,
            /// The lane of a socket that the event belongs to.
            stream_id: String,
        }
    }
}

object! {
    /// A preview of an image; each replaces the one before.
    pub struct PartialImageEvent {
        plain {
            /// The item the event is about.
            item_id: String,
            /// The preview, in base64.
            partial_image_b64: String,
        }
        optional {
            /// The place of the item in the output.
            output_index = u32,
            /// Which preview it is, from 0.
            partial_image_index = u32,
            /// What is behind the picture.
            background: String,
            /// How the preview is encoded.
            output_format: String,
            /// With how much care it is made.
            quality: String,
            /// Width and height.
            size: String,
            /// The number of the event within its response.
            sequence_number = u64,
            /// The lane of a socket that the event belongs to.
            stream_id: String,
        }
    }
}

object! {
    /// A command for a shell was begun or is done.
    pub struct ShellCommandEvent {
        plain {
            /// The command.
            command: String,
        }
        optional {
            /// The place of the item in the output.
            output_index = u32,
            /// The place of the command in the call.
            command_index = u32,
            /// The item, which the service leaves out today.
            item_id: String,
            /// The number of the event within its response.
            sequence_number = u64,
            /// The lane of a socket that the event belongs to.
            stream_id: String,
        }
    }
}

object! {
    /// A piece of a command for a shell.
    pub struct ShellCommandDelta {
        plain {
            /// The piece of text.
            delta: String,
        }
        optional {
            /// The place of the item in the output.
            output_index = u32,
            /// The place of the command in the call.
            command_index = u32,
            /// The item, which the service leaves out today.
            item_id: String,
            /// Padding that hides the length of the text.
            obfuscation: String,
            /// The number of the event within its response.
            sequence_number = u64,
            /// The lane of a socket that the event belongs to.
            stream_id: String,
        }
    }
}

object! {
    /// A piece of what a command printed.
    pub struct ShellOutputDelta {
        plain {
            /// The item the event is about.
            item_id: String,
            /// The piece.
            delta: ShellOutputChunk,
        }
        optional {
            /// The place of the item in the output.
            output_index = u32,
            /// Which command.
            command_index = u32,
            /// The number of the event within its response.
            sequence_number = u64,
            /// The lane of a socket that the event belongs to.
            stream_id: String,
        }
    }
}

object! {
    /// A piece of what a command printed.
    pub struct ShellOutputChunk {
        required {}
        optional {
            /// As output.
            stdout: String,
            /// As errors.
            stderr: String,
        }
    }
}

object! {
    /// What a command printed is done.
    pub struct ShellOutputDone {
        plain {
            /// The item the event is about.
            item_id: String,
            /// All of it.
            output: Vec<ShellOutput>,
        }
        optional {
            /// The place of the item in the output.
            output_index = u32,
            /// Which command.
            command_index = u32,
            /// The number of the event within its response.
            sequence_number = u64,
            /// The lane of a socket that the event belongs to.
            stream_id: String,
        }
    }
}

object! {
    /// The sound of a response, or what it says, is done.
    pub struct AudioDone {
        required {}
        optional {
            /// The response.
            response_id: String,
            /// The number of the event within its response.
            sequence_number = u64,
            /// The lane of a socket that the event belongs to.
            stream_id: String,
        }
    }
}
