//! The content parts of messages and tool outputs.

use alloc::boxed::Box;
use alloc::string::String;

use crate::part::{OutputText, PlainText, ReasoningText, Refusal, SummaryText};
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::wire::tagged::tagged;

tagged! {
    /// A part of the content of a message, or of the output of a tool.
    ///
    /// Users and developers write `input_*` parts. The history of a conversation also contains the
    /// assistant's parts, hence the other kinds.
    pub enum InputPart {
        /// Text: API object `ResponseInputText`.
        "input_text" => Text(InputText),
        /// An image, by URL, data URL or file id: API object `ResponseInputImage`.
        "input_image" => Image(InputImage),
        /// A file, by id, URL or content: API object `ResponseInputFile`.
        "input_file" => File(InputFile),
        /// An audio clip: API object `ResponseInputAudio`.
        "input_audio" => Audio(InputAudio),
        /// Text of the assistant: API object `ResponseOutputText`.
        "output_text" => OutputText(OutputText),
        /// A refusal of the assistant: API object `ResponseOutputRefusal`.
        "refusal" => Refusal(Refusal),
        /// Plain text, in stored conversations: API object `TextContent`.
        "text" => PlainText(PlainText),
        /// A summary of reasoning, in stored conversations: API object `SummaryTextContent`.
        "summary_text" => SummaryText(SummaryText),
        /// Reasoning, in stored conversations: API object `ReasoningTextContent`.
        "reasoning_text" => ReasoningText(ReasoningText),
        /// A screenshot, in stored conversations: API object `ComputerScreenshotContent`.
        "computer_screenshot" => ComputerScreenshot(ComputerScreenshot),
        /// Content that only the service can read: tool outputs of the ChatGPT backend.
        "encrypted_content" => Encrypted(EncryptedContent),
    }
}

impl InputPart {
    /// Creates a text part.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(InputText::new(text))
    }

    /// Creates an image part from a URL, which may be a `data:` URL, with the detail left to the
    /// service.
    pub fn image_url(url: impl Into<String>) -> Self {
        Self::Image(InputImage::new(ImageDetail::Auto).image_url(url))
    }

    /// Returns the text of this part, if it is a text part.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(part) => Some(&part.text),
            Self::OutputText(part) => Some(&part.text),
            Self::PlainText(part) => Some(&part.text),
            _ => None,
        }
    }
}

impl From<&str> for InputPart {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for InputPart {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

object! {
    /// A text part for the model.
    pub struct InputText tag "input_text" {
        required {
            /// The text.
            text: String,
        }
        optional {
            /// Marks the end of the cacheable prefix of the prompt.
            prompt_cache_breakpoint: Box<PromptCacheBreakpoint>,
        }
    }
}

object! {
    /// An image for the model: either `image_url` or `file_id`.
    pub struct InputImage tag "input_image" {
        required {
            /// The detail at which the model processes the image.
            detail: ImageDetail,
        }
        optional {
            /// The URL of the image, or the image itself as a `data:` URL.
            image_url: String,
            /// The id of an uploaded file.
            file_id: String,
            /// Marks the end of the cacheable prefix of the prompt.
            prompt_cache_breakpoint: Box<PromptCacheBreakpoint>,
        }
    }
}

object! {
    /// A file for the model: one of `file_id`, `file_url` and `file_data`.
    pub struct InputFile tag "input_file" {
        required {}
        optional {
            /// The id of an uploaded file.
            file_id: String,
            /// The URL of the file.
            file_url: String,
            /// The file itself, as a base64 `data:` URL.
            file_data: String,
            /// The file name.
            filename: String,
            /// The detail at which the model processes the pages.
            detail: ImageDetail,
            /// Marks the end of the cacheable prefix of the prompt.
            prompt_cache_breakpoint: Box<PromptCacheBreakpoint>,
        }
    }
}

object! {
    /// An audio clip for the model.
    ///
    /// The platform API accepts `input_audio`, the ChatGPT backend `audio_url`.
    pub struct InputAudio tag "input_audio" {
        required {}
        optional {
            /// The audio clip.
            input_audio: InputAudioData,
            /// The URL of the clip, or the clip itself as a `data:` URL.
            audio_url: String,
        }
    }
}

object! {
    /// The data of an audio clip.
    pub struct InputAudioData {
        required {
            /// The clip, in base64.
            data: String,
            /// The encoding of the clip.
            format: AudioFormat,
        }
    }
}

object! {
    /// A screenshot.
    pub struct ComputerScreenshot tag "computer_screenshot" {
        required {}
        optional {
            /// The URL of the image, or the image itself as a `data:` URL.
            image_url: String,
            /// The id of an uploaded file.
            file_id: String,
            /// The detail at which the model processes the image.
            detail: ImageDetail,
            /// Marks the end of the cacheable prefix of the prompt.
            prompt_cache_breakpoint: Box<PromptCacheBreakpoint>,
        }
    }
}

object! {
    /// Content that only the service can read. It must be sent back unchanged.
    pub struct EncryptedContent tag "encrypted_content" {
        required {
            /// The opaque content.
            encrypted_content: String,
        }
    }
}

object! {
    /// A breakpoint in the prompt: the service may cache the prefix that ends here.
    pub struct PromptCacheBreakpoint {
        required {
            /// Always `explicit`.
            mode: String,
        }
        optional {
            /// The retention period of the cached prefix.
            ttl: PromptCacheTtl,
        }
    }
}

open_enum! {
    /// The time for which a cached prefix of a prompt is kept.
    pub enum PromptCacheTtl {
        /// 30 minutes.
        Minutes30 = "30m",
        /// 12 hours.
        Hours12 = "12h",
    }
}

open_enum! {
    /// The detail at which the model processes an image, which determines the number of tokens.
    pub enum ImageDetail {
        /// Low.
        Low = "low",
        /// High.
        High = "high",
        /// The service decides.
        Auto = "auto",
        /// In the original resolution.
        Original = "original",
    }
}

open_enum! {
    /// The encoding of an audio clip.
    pub enum AudioFormat {
        /// MP3.
        Mp3 = "mp3",
        /// WAV.
        Wav = "wav",
    }
}
