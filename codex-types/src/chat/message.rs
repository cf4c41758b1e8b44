//! The messages of a chat, asked and answered.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::chat::ChatToolCall;
use crate::wire::either::either;
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::wire::tagged::{from_variants, tagged};
use crate::{ImageDetail, InputAudioData, PromptCacheBreakpoint, ReasoningItem};

object! {
    /// A message of a chat, from whichever side: API objects `ChatCompletionMessageParam` and
    /// `ChatCompletionMessage`.
    ///
    /// What a message may carry depends on its role; the service decides, not this type.
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
            /// Who speaks.
            role: ChatRole,
        }
        optional {
            /// What is said.
            content: ChatContent,
            /// The assistant declining.
            refusal: String,
            /// Who of several speaks in this role; of a function, its name.
            name: String,
            /// The call a message of a tool answers.
            tool_call_id: String,
            /// The tools the assistant wants called.
            tool_calls: Vec<ChatToolCall>,
            /// The function the assistant wants called; older.
            function_call: ChatFunctionArguments,
            /// What the assistant said earlier.
            audio: ChatAudioReference,
            /// The sources the text of an answer refers to.
            annotations: Vec<ChatAnnotation>,
            /// What the assistant thought, in words: not in the API, but many servers write it.
            reasoning_content: String,
            /// What the assistant thought, for replay: an extension of this crate, which carries
            /// reasoning items of the Responses API through a chat unchanged.
            reasoning_items: Vec<ReasoningItem>,
        }
    }
}

impl ChatMessage {
    /// A message of the user.
    pub fn user(content: impl Into<ChatContent>) -> Self {
        Self::new(ChatRole::User).content(content)
    }

    /// A message of the assistant.
    pub fn assistant(content: impl Into<ChatContent>) -> Self {
        Self::new(ChatRole::Assistant).content(content)
    }

    /// A message of the system.
    pub fn system(content: impl Into<ChatContent>) -> Self {
        Self::new(ChatRole::System).content(content)
    }

    /// A message of the developer.
    pub fn developer(content: impl Into<ChatContent>) -> Self {
        Self::new(ChatRole::Developer).content(content)
    }

    /// What a tool gave back.
    pub fn tool(tool_call_id: impl Into<String>, content: impl Into<ChatContent>) -> Self {
        Self::new(ChatRole::Tool)
            .content(content)
            .tool_call_id(tool_call_id)
    }
}

open_enum! {
    /// Who speaks in a chat.
    pub enum ChatRole {
        /// The application.
        Developer = "developer",
        /// The application, by its older name.
        System = "system",
        /// The person.
        User = "user",
        /// The model.
        Assistant = "assistant",
        /// A tool.
        Tool = "tool",
        /// A function; older.
        Function = "function",
    }
}

either! {
    /// What a message of a chat says.
    pub enum ChatContent {
        /// Plain text.
        text Text(String),
        /// Parts.
        other Parts(Vec<ChatPart>),
    }
}

impl ChatContent {
    /// All the text there is, parts joined with nothing between them.
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
    /// One part of a message of a chat: API object `ChatCompletionContentPartParam`.
    pub enum ChatPart {
        /// Text.
        "text" => Text(ChatTextPart),
        /// An image.
        "image_url" => Image(ChatImagePart),
        /// A sound clip.
        "input_audio" => Audio(ChatAudioPart),
        /// A file.
        "file" => File(ChatFilePart),
        /// The assistant declining.
        "refusal" => Refusal(ChatRefusalPart),
    }
}

from_variants!(ChatPart {
    Text(ChatTextPart),
    Image(ChatImagePart),
    Audio(ChatAudioPart),
    File(ChatFilePart),
    Refusal(ChatRefusalPart),
});

impl From<&str> for ChatPart {
    fn from(text: &str) -> Self {
        Self::Text(ChatTextPart::new(text))
    }
}

object! {
    /// Text.
    pub struct ChatTextPart tag "text" {
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
    /// An image.
    pub struct ChatImagePart tag "image_url" {
        required {
            /// Where it is.
            image_url: ChatImageUrl,
        }
        optional {
            /// Ends the cacheable start of the prompt here.
            prompt_cache_breakpoint: Box<PromptCacheBreakpoint>,
        }
    }
}

object! {
    /// Where an image is.
    pub struct ChatImageUrl {
        required {
            /// The URL, or the image itself as a `data:` URL.
            url: String,
        }
        optional {
            /// How closely the model looks.
            detail: ImageDetail,
        }
    }
}

object! {
    /// A sound clip.
    pub struct ChatAudioPart tag "input_audio" {
        required {
            /// The clip itself.
            input_audio: InputAudioData,
        }
        optional {
            /// Ends the cacheable start of the prompt here.
            prompt_cache_breakpoint: Box<PromptCacheBreakpoint>,
        }
    }
}

object! {
    /// A file.
    pub struct ChatFilePart tag "file" {
        required {
            /// The file.
            file: ChatFile,
        }
        optional {
            /// Ends the cacheable start of the prompt here.
            prompt_cache_breakpoint: Box<PromptCacheBreakpoint>,
        }
    }
}

object! {
    /// A file: one of `file_id` and `file_data`.
    pub struct ChatFile {
        required {}
        optional {
            /// The file itself, as a `data:` URL in base64.
            file_data: String,
            /// An uploaded file.
            file_id: String,
            /// What it is called.
            filename: String,
        }
    }
}

object! {
    /// The assistant declining.
    pub struct ChatRefusalPart tag "refusal" {
        required {
            /// What it says.
            refusal: String,
        }
    }
}

object! {
    /// A function and its arguments.
    pub struct ChatFunctionArguments {
        required {
            /// The function.
            name: String,
            /// Its arguments: JSON as text.
            arguments: String,
        }
    }
}

object! {
    /// Something the assistant said earlier.
    pub struct ChatAudioReference {
        required {
            /// Names it.
            id: String,
        }
    }
}

tagged! {
    /// A source that an answer refers to.
    pub enum ChatAnnotation {
        /// A web page.
        "url_citation" => UrlCitation(ChatUrlAnnotation),
    }
}

from_variants!(ChatAnnotation {
    UrlCitation(ChatUrlAnnotation),
});

object! {
    /// A web page that an answer refers to.
    pub struct ChatUrlAnnotation tag "url_citation" {
        required {
            /// The page and the place in the text.
            url_citation: ChatUrlCitation,
        }
    }
}

object! {
    /// A web page and the place in the text that refers to it; positions count characters.
    pub struct ChatUrlCitation {
        required {
            /// Where the reference starts.
            start_index = u64,
            /// Where the reference ends.
            end_index = u64,
            /// What the page is called.
            title: String,
            /// Where the page is.
            url: String,
        }
    }
}
