//! What goes into a message or a tool output.

use alloc::boxed::Box;
use alloc::string::String;

use crate::part::{OutputText, PlainText, ReasoningText, Refusal, SummaryText};
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::wire::tagged::{from_variants, tagged};

tagged! {
    /// One part of the content of a message, or of the output of a tool.
    ///
    /// Users and developers write `input_*` parts. The history of a conversation holds what the
    /// assistant wrote as well, hence the other kinds.
    pub enum InputPart {
        /// Text: API object `ResponseInputText`.
        "input_text" => Text(InputText),
        /// An image, by URL, data URL or file id: API object `ResponseInputImage`.
        "input_image" => Image(InputImage),
        /// A file, by id, URL or content: API object `ResponseInputFile`.
        "input_file" => File(InputFile),
        /// A sound clip: API object `ResponseInputAudio`.
        "input_audio" => Audio(InputAudio),
        /// Text the assistant wrote: API object `ResponseOutputText`.
        "output_text" => OutputText(OutputText),
        /// The assistant declining: API object `ResponseOutputRefusal`.
        "refusal" => Refusal(Refusal),
        /// Text without a direction, in stored conversations: API object `TextContent`.
        "text" => PlainText(PlainText),
        /// A summary of reasoning, in stored conversations: API object `SummaryTextContent`.
        "summary_text" => SummaryText(SummaryText),
        /// Reasoning, in stored conversations: API object `ReasoningTextContent`.
        "reasoning_text" => ReasoningText(ReasoningText),
        /// A picture of a screen, in stored conversations: API object `ComputerScreenshotContent`.
        "computer_screenshot" => ComputerScreenshot(ComputerScreenshot),
        /// Content only the service can read: tool outputs of the ChatGPT backend.
        "encrypted_content" => Encrypted(EncryptedContent),
    }
}

from_variants!(InputPart {
    Text(InputText),
    Image(InputImage),
    File(InputFile),
    Audio(InputAudio),
    OutputText(OutputText),
    Refusal(Refusal),
    PlainText(PlainText),
    SummaryText(SummaryText),
    ReasoningText(ReasoningText),
    ComputerScreenshot(ComputerScreenshot),
    Encrypted(EncryptedContent),
});

impl InputPart {
    /// A part with text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(InputText::new(text))
    }

    /// An image at a URL, which may be a `data:` URL, with the detail left to the service.
    pub fn image_url(url: impl Into<String>) -> Self {
        Self::Image(InputImage::new(ImageDetail::Auto).image_url(url))
    }

    /// The text of this part, if text is what it holds.
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
    /// Text given to the model.
    pub struct InputText tag "input_text" {
        required {
            /// The text.
            text: String,
        }
        optional {
            /// Ends the cacheable start of the prompt here.
            prompt_cache_breakpoint: Box<PromptCacheBreakpoint>,
        }
    }
}

object! {
    /// An image given to the model: one of `image_url` and `file_id`.
    pub struct InputImage tag "input_image" {
        required {
            /// How closely the model looks.
            detail: ImageDetail,
        }
        optional {
            /// Where the image is, or the image itself as a `data:` URL.
            image_url: String,
            /// An uploaded file.
            file_id: String,
            /// Ends the cacheable start of the prompt here.
            prompt_cache_breakpoint: Box<PromptCacheBreakpoint>,
        }
    }
}

object! {
    /// A file given to the model: one of `file_id`, `file_url` and `file_data`.
    pub struct InputFile tag "input_file" {
        required {}
        optional {
            /// An uploaded file.
            file_id: String,
            /// Where the file is.
            file_url: String,
            /// The file itself, as a `data:` URL in base64.
            file_data: String,
            /// What the file is called.
            filename: String,
            /// How closely the model looks at its pages.
            detail: ImageDetail,
            /// Ends the cacheable start of the prompt here.
            prompt_cache_breakpoint: Box<PromptCacheBreakpoint>,
        }
    }
}

object! {
    /// A sound clip given to the model.
    ///
    /// The platform API takes `input_audio`, the ChatGPT backend `audio_url`.
    pub struct InputAudio tag "input_audio" {
        required {}
        optional {
            /// The clip itself.
            input_audio: InputAudioData,
            /// Where the clip is, or the clip itself as a `data:` URL.
            audio_url: String,
        }
    }
}

object! {
    /// The bytes of a sound clip.
    pub struct InputAudioData {
        required {
            /// The clip, in base64.
            data: String,
            /// How the clip is encoded.
            format: AudioFormat,
        }
    }
}

object! {
    /// A picture of a screen.
    pub struct ComputerScreenshot tag "computer_screenshot" {
        required {}
        optional {
            /// Where the picture is, or the picture itself as a `data:` URL.
            image_url: String,
            /// An uploaded file.
            file_id: String,
            /// How closely the model looks.
            detail: ImageDetail,
            /// Ends the cacheable start of the prompt here.
            prompt_cache_breakpoint: Box<PromptCacheBreakpoint>,
        }
    }
}

object! {
    /// Content only the service can read. It has to be sent back as it is.
    pub struct EncryptedContent tag "encrypted_content" {
        required {
            /// The opaque content.
            encrypted_content: String,
        }
    }
}

object! {
    /// A mark in the prompt up to which the service may reuse earlier work.
    pub struct PromptCacheBreakpoint {
        required {
            /// Always `explicit`.
            mode: String,
        }
        optional {
            /// How long the cached part lives.
            ttl: PromptCacheTtl,
        }
    }
}

open_enum! {
    /// How long a cached part of a prompt lives.
    pub enum PromptCacheTtl {
        /// Half an hour.
        Minutes30 = "30m",
        /// Half a day.
        Hours12 = "12h",
    }
}

open_enum! {
    /// How closely the model looks at an image, which decides how many tokens it takes.
    pub enum ImageDetail {
        /// Coarsely.
        Low = "low",
        /// Finely.
        High = "high",
        /// As the service thinks best.
        Auto = "auto",
        /// In the original resolution.
        Original = "original",
    }
}

open_enum! {
    /// How a sound clip is encoded.
    pub enum AudioFormat {
        /// MPEG layer 3.
        Mp3 = "mp3",
        /// RIFF wave.
        Wav = "wav",
    }
}
