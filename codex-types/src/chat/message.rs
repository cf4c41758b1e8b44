//! The messages of a chat, of every role.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::chat::{ChatFunctionArguments, ChatToolCall};
use crate::wire::either::either;
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::wire::tagged::tagged;
use crate::{ImageDetail, InputAudioData, PromptCacheBreakpoint, ReasoningItem};

object! {
    /// A message of a chat, of any role: API objects `ChatCompletionMessageParam` and
    /// `ChatCompletionMessage`.
    ///
    /// The service, not this type, decides which fields a role allows.
    ///
    /// ```
    /// use codex_types::RawJson;
    /// use codex_types::chat::ChatMessage;
    ///
    /// let message = ChatMessage::user("Good morning");
    /// assert_eq!(RawJson::encode(&message)?.as_str(), r#"{"role":"user","content":"Good morning"}"#);
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub struct ChatMessage {
        required {
            /// The role of the author.
            role: ChatRole,
        }
        optional {
            /// The content of the message.
            content: ChatContent,
            /// The assistant's refusal.
            refusal: String,
            /// The name of the author, to distinguish several with the same role; for a function,
            /// its name.
            name: String,
            /// The `id` of the call that a tool message responds to.
            tool_call_id: String,
            /// The tool calls of the assistant.
            tool_calls: Vec<ChatToolCall>,
            /// The function call of the assistant. Deprecated in favor of `tool_calls`.
            function_call: ChatFunctionArguments,
            /// An earlier audio response of the assistant.
            audio: ChatAudioReference,
            /// The sources that the text of a response cites.
            annotations: Vec<ChatAnnotation>,
            /// The assistant's reasoning as text. Not in the API, but written by many servers.
            reasoning_content: String,
            /// The assistant's reasoning for replay: an extension of this crate that carries
            /// reasoning items of the Responses API through a chat unchanged.
            reasoning_items: Vec<ReasoningItem>,
        }
    }
}

impl ChatMessage {
    /// Creates a user message.
    pub fn user(content: impl Into<ChatContent>) -> Self {
        Self::new(ChatRole::User).content(content)
    }

    /// Creates an assistant message.
    pub fn assistant(content: impl Into<ChatContent>) -> Self {
        Self::new(ChatRole::Assistant).content(content)
    }

    /// Creates a system message.
    pub fn system(content: impl Into<ChatContent>) -> Self {
        Self::new(ChatRole::System).content(content)
    }

    /// Creates a developer message.
    pub fn developer(content: impl Into<ChatContent>) -> Self {
        Self::new(ChatRole::Developer).content(content)
    }

    /// Creates a message with the output of a tool.
    pub fn tool(tool_call_id: impl Into<String>, content: impl Into<ChatContent>) -> Self {
        Self::new(ChatRole::Tool)
            .content(content)
            .tool_call_id(tool_call_id)
    }
}

open_enum! {
    /// The role of a message's author.
    pub enum ChatRole {
        /// The application.
        Developer = "developer",
        /// The application. Deprecated in favor of `developer`.
        System = "system",
        /// The person.
        User = "user",
        /// The model.
        Assistant = "assistant",
        /// A tool.
        Tool = "tool",
        /// A function. Deprecated in favor of `tool`.
        Function = "function",
    }
}

either! {
    /// The content of a chat message.
    pub enum ChatContent {
        /// Plain text.
        text Text(String),
        /// Parts.
        other Parts(Vec<ChatPart>),
    }
}

impl ChatContent {
    /// Returns all text, with the parts joined by nothing.
    pub fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Parts(parts) => parts
                .iter()
                .filter_map(|part| match part {
                    ChatPart::Text(part) => Some(part.text.as_str()),
                    _ => None,
                })
                .collect(),
            Self::Unknown(_) => String::new(),
        }
    }
}

impl<const N: usize> From<[ChatPart; N]> for ChatContent {
    fn from(parts: [ChatPart; N]) -> Self {
        Self::Parts(parts.into())
    }
}

tagged! {
    /// A part of a chat message: API object `ChatCompletionContentPartParam`.
    pub enum ChatPart {
        /// Text.
        "text" => Text(ChatTextPart),
        /// An image.
        "image_url" => Image(ChatImagePart),
        /// An audio clip.
        "input_audio" => Audio(ChatAudioPart),
        /// A file.
        "file" => File(ChatFilePart),
        /// The assistant's refusal.
        "refusal" => Refusal(ChatRefusalPart),
    }
}

impl From<&str> for ChatPart {
    fn from(text: &str) -> Self {
        Self::Text(ChatTextPart::new(text))
    }
}

object! {
    /// A text part.
    pub struct ChatTextPart tag "text" {
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
    /// An image part.
    pub struct ChatImagePart tag "image_url" {
        required {
            /// The location of the image.
            image_url: ChatImageUrl,
        }
        optional {
            /// Marks the end of the cacheable prefix of the prompt.
            prompt_cache_breakpoint: Box<PromptCacheBreakpoint>,
        }
    }
}

object! {
    /// The location of an image.
    pub struct ChatImageUrl {
        required {
            /// The URL, or the image itself as a `data:` URL.
            url: String,
        }
        optional {
            /// The detail at which the model processes the image.
            detail: ImageDetail,
        }
    }
}

object! {
    /// An audio part.
    pub struct ChatAudioPart tag "input_audio" {
        required {
            /// The audio clip.
            input_audio: InputAudioData,
        }
        optional {
            /// Marks the end of the cacheable prefix of the prompt.
            prompt_cache_breakpoint: Box<PromptCacheBreakpoint>,
        }
    }
}

object! {
    /// A file part.
    pub struct ChatFilePart tag "file" {
        required {
            /// The file.
            file: ChatFile,
        }
        optional {
            /// Marks the end of the cacheable prefix of the prompt.
            prompt_cache_breakpoint: Box<PromptCacheBreakpoint>,
        }
    }
}

object! {
    /// A file: either `file_id` or `file_data`.
    pub struct ChatFile {
        required {}
        optional {
            /// The file itself, as a base64 `data:` URL.
            file_data: String,
            /// The id of an uploaded file.
            file_id: String,
            /// The file name.
            filename: String,
        }
    }
}

object! {
    /// A refusal of the assistant.
    pub struct ChatRefusalPart tag "refusal" {
        required {
            /// The text of the refusal.
            refusal: String,
        }
    }
}

object! {
    /// A reference to an earlier audio response of the assistant.
    pub struct ChatAudioReference {
        required {
            /// The id of the audio response.
            id: String,
        }
    }
}

tagged! {
    /// A source that a response cites.
    pub enum ChatAnnotation {
        /// A web page.
        "url_citation" => UrlCitation(ChatUrlAnnotation),
    }
}

object! {
    /// A web page that a response cites.
    pub struct ChatUrlAnnotation tag "url_citation" {
        required {
            /// The page and the cited range of the text.
            url_citation: ChatUrlCitation,
        }
    }
}

object! {
    /// A cited web page and the range of the text that cites it. Indexes count characters.
    pub struct ChatUrlCitation {
        required {
            /// The start of the range.
            start_index = u64,
            /// The end of the range.
            end_index = u64,
            /// The title of the page.
            title: String,
            /// The URL of the page.
            url: String,
        }
    }
}
