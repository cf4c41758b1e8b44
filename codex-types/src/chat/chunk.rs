//! The chunks of a streamed completion.

use alloc::string::String;
use alloc::vec::Vec;

use crate::chat::{
    ChatAnnotation, ChatFunctionArguments, ChatLogprobs, ChatRole, ChatUsage, FinishReason,
};
use crate::wire::known::set_null;
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::{Logprob, RawJson, ReasoningItem, ServiceTier};

object! {
    /// A chunk of a streamed completion: API object `ChatCompletionChunk`.
    pub struct ChatChunk {
        required {
            /// The completion's id, the same in all its chunks.
            id: String,
            /// Always `chat.completion.chunk`.
            object: String,
            /// The time of creation, as a Unix timestamp in seconds; the same in all its
            /// chunks.
            created = u64,
            /// The model that generates it.
            model: String,
            /// The new content of each choice; empty in the chunk that reports the usage.
            choices: Vec<ChatChunkChoice>,
        }
        optional {
            /// The tokens used: in the last chunk only, and null in the chunks before it.
            usage: ChatUsage,
            /// The service tier that serves the request.
            service_tier: ServiceTier,
            /// A fingerprint of the backend configuration.
            system_fingerprint: String,
            /// The results of moderation.
            moderation: RawJson,
            /// Padding that hides the length of the text.
            obfuscation: String,
        }
    }
}

object! {
    /// The new content of one choice.
    pub struct ChatChunkChoice {
        required {
            /// The index of the choice.
            index = u32,
            /// The new content.
            delta: ChatDelta,
        }
        optional {
            /// The log probabilities of the tokens.
            logprobs: ChatLogprobs,
            /// The reason why the choice ended; in its last chunk.
            finish_reason: FinishReason,
        }
    }
}

impl ChatChunk {
    /// Writes `usage` as null, as in every chunk but the last of a stream with usage.
    #[must_use]
    pub fn without_usage_yet(mut self) -> Self {
        set_null(&mut self, "usage");
        self
    }
}

impl ChatChunkChoice {
    /// Creates the only choice of a chunk that does not end it: `finish_reason` is written as null
    /// until it is set.
    ///
    /// ```
    /// use codex_types::RawJson;
    /// use codex_types::chat::{ChatChunkChoice, ChatDelta};
    ///
    /// let choice = ChatChunkChoice::unfinished(ChatDelta::new().content("Hi"));
    /// let json = r#"{"index":0,"delta":{"content":"Hi"},"finish_reason":null}"#;
    /// assert_eq!(RawJson::encode(&choice)?.as_str(), json);
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub fn unfinished(delta: ChatDelta) -> Self {
        let mut choice = Self::new(0, delta);
        set_null(&mut choice, "finish_reason");
        choice
    }
}

impl ChatLogprobs {
    /// Creates the log probabilities of text tokens, with `refusal` written as null.
    pub fn of_tokens(tokens: Vec<Logprob>) -> Self {
        let mut logprobs = Self::new().content(tokens);
        set_null(&mut logprobs, "refusal");
        logprobs
    }
}

object! {
    /// The part of a message that a chunk adds.
    pub struct ChatDelta {
        required {}
        optional {
            /// The role of the author; in the first chunk.
            role: ChatRole,
            /// The new text.
            content: String,
            /// The new text of a refusal.
            refusal: String,
            /// New parts of tool calls.
            tool_calls: Vec<ChatToolCallDelta>,
            /// A new part of a function call. Deprecated in favor of `tool_calls`.
            function_call: ChatFunctionArguments,
            /// The sources that the text cites. Not in the API, whose streams have no field for
            /// them.
            annotations: Vec<ChatAnnotation>,
            /// New reasoning text. Not in the API, but written by many servers.
            reasoning_content: String,
            /// The reasoning items, for replay. An extension of this crate.
            reasoning_items: Vec<ReasoningItem>,
        }
    }
}

object! {
    /// A part of a tool call.
    pub struct ChatToolCallDelta {
        required {
            /// The index of the call in the message, from 0.
            index = u32,
        }
        optional {
            /// The id that pairs the call with its output; in the first chunk of the call.
            id: String,
            /// The kind of the call; in the first chunk of the call.
            kind as "type": ChatToolCallKind,
            /// A part of a function call.
            function: ChatFunctionDelta,
            /// A part of a custom tool call.
            custom: ChatCustomDelta,
        }
    }
}

open_enum! {
    /// The kind of tool that a call is for.
    pub enum ChatToolCallKind {
        /// A function.
        Function = "function",
        /// A custom tool.
        Custom = "custom",
    }
}

object! {
    /// A part of a function call.
    pub struct ChatFunctionDelta {
        required {}
        optional {
            /// The name of the function; in the first chunk of the call.
            name: String,
            /// New text of the arguments.
            arguments: String,
        }
    }
}

object! {
    /// A part of a custom tool call.
    pub struct ChatCustomDelta {
        required {}
        optional {
            /// The name of the tool; in the first chunk of the call.
            name: String,
            /// New text of the input.
            input: String,
        }
    }
}
