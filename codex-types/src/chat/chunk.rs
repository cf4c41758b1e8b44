//! The pieces of a completion that is streamed.

use alloc::string::String;
use alloc::vec::Vec;

use crate::chat::{
    ChatAnnotation, ChatFunctionArguments, ChatLogprobs, ChatRole, ChatUsage, FinishReason,
};
use crate::wire::object::{object, set_null};
use crate::wire::open::open_enum;
use crate::{Logprob, RawJson, ReasoningItem, ServiceTier};

object! {
    /// A piece of a completion: API object `ChatCompletionChunk`.
    pub struct ChatChunk {
        required {
            /// Names the completion; the same on all its chunks.
            id: String,
            /// Always `chat.completion.chunk`.
            object: String,
            /// When the completion was begun, in seconds since 1970; the same on all its chunks.
            created = u64,
            /// The model that makes it.
            model: String,
            /// What is new in each answer; empty in the chunk that tells the usage.
            choices: Vec<ChatChunkChoice>,
        }
        optional {
            /// What the completion cost: in the last chunk only, and null in those before.
            usage: ChatUsage,
            /// How soon it is served.
            service_tier: ServiceTier,
            /// The configuration of the service.
            system_fingerprint: String,
            /// What moderation found.
            moderation: RawJson,
            /// Padding that hides the length of the text.
            obfuscation: String,
        }
    }
}

object! {
    /// What is new in one answer.
    pub struct ChatChunkChoice {
        required {
            /// Its place among the answers.
            index = u32,
            /// What is new.
            delta: ChatDelta,
        }
        optional {
            /// How likely the tokens were.
            logprobs: ChatLogprobs,
            /// Why it ends here, in its last chunk.
            finish_reason: FinishReason,
        }
    }
}

impl ChatChunk {
    /// Writes `usage` as null, as all chunks but the last have it when usage was asked for.
    #[must_use]
    pub fn without_usage_yet(mut self) -> Self {
        set_null(&mut self, "usage");
        self
    }
}

impl ChatChunkChoice {
    /// Creates the one choice of a chunk that does not end it: `finish_reason` is written as null until it is set.
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
    /// Creates the log probabilities of tokens of text, with `refusal` written as null.
    pub fn of_tokens(tokens: Vec<Logprob>) -> Self {
        let mut logprobs = Self::new().content(tokens);
        set_null(&mut logprobs, "refusal");
        logprobs
    }
}

object! {
    /// What is to be appended to a message.
    pub struct ChatDelta {
        required {}
        optional {
            /// Who speaks, in the first chunk.
            role: ChatRole,
            /// A piece of the text.
            content: String,
            /// A piece of a refusal.
            refusal: String,
            /// Pieces of calls.
            tool_calls: Vec<ChatToolCallDelta>,
            /// A piece of the call of a function; older.
            function_call: ChatFunctionArguments,
            /// The sources the text refers to: not in the API, as streams have no place for them.
            annotations: Vec<ChatAnnotation>,
            /// A piece of what the assistant thought: not in the API, but many servers write it.
            reasoning_content: String,
            /// What the assistant thought, for replay: an extension of this crate.
            reasoning_items: Vec<ReasoningItem>,
        }
    }
}

object! {
    /// A piece of a call.
    pub struct ChatToolCallDelta {
        required {
            /// Which call of the message, counted from 0.
            index = u32,
        }
        optional {
            /// Pairs the call with its output; in its first piece.
            id: String,
            /// What kind of call it is; in its first piece.
            kind as "type": ChatToolCallKind,
            /// A piece of the call of a function.
            function: ChatFunctionDelta,
            /// A piece of the call of a custom tool.
            custom: ChatCustomDelta,
        }
    }
}

open_enum! {
    /// What kind of tool is called.
    pub enum ChatToolCallKind {
        /// A function.
        Function = "function",
        /// A custom tool.
        Custom = "custom",
    }
}

object! {
    /// A piece of the call of a function.
    pub struct ChatFunctionDelta {
        required {}
        optional {
            /// The function; in its first piece.
            name: String,
            /// A piece of its arguments.
            arguments: String,
        }
    }
}

object! {
    /// A piece of the call of a custom tool.
    pub struct ChatCustomDelta {
        required {}
        optional {
            /// The tool; in its first piece.
            name: String,
            /// A piece of its input.
            input: String,
        }
    }
}
