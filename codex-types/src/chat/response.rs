//! The completion of a chat.

use alloc::string::String;
use alloc::vec::Vec;

use crate::chat::ChatMessage;
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::{Logprob, Map, RawJson, ServiceTier};

object! {
    /// A completion: API object `ChatCompletion`.
    pub struct ChatResponse {
        required {
            /// The completion's id.
            id: String,
            /// Always `chat.completion`.
            object: String,
            /// The time of creation, as a Unix timestamp in seconds.
            created = u64,
            /// The model that generated it.
            model: String,
            /// The choices.
            choices: Vec<ChatChoice>,
        }
        optional {
            /// The tokens used.
            usage: ChatUsage,
            /// The service tier that served the request.
            service_tier: ServiceTier,
            /// A fingerprint of the backend configuration.
            system_fingerprint: String,
            /// The metadata of the request.
            metadata: Map<String>,
            /// The results of moderation.
            moderation: RawJson,
        }
    }
}

object! {
    /// One choice of a completion.
    pub struct ChatChoice {
        required {
            /// The index of the choice.
            index = u32,
            /// The message of the assistant.
            message: ChatMessage,
        }
        optional {
            /// The log probabilities of the tokens.
            logprobs: ChatLogprobs,
            /// The reason why the choice ended.
            finish_reason: FinishReason,
        }
    }
}

open_enum! {
    /// The reason why a choice ended.
    pub enum FinishReason {
        /// The model finished.
        Stop = "stop",
        /// The token limit was reached.
        Length = "length",
        /// The model calls tools.
        ToolCalls = "tool_calls",
        /// A content filter stopped the completion.
        ContentFilter = "content_filter",
        /// The model calls a function. Deprecated in favor of `tool_calls`.
        FunctionCall = "function_call",
    }
}

object! {
    /// The log probabilities of the tokens of a choice.
    pub struct ChatLogprobs {
        required {}
        optional {
            /// The log probabilities of the text tokens.
            content: Vec<Logprob>,
            /// The log probabilities of the refusal tokens.
            refusal: Vec<Logprob>,
        }
    }
}

object! {
    /// The tokens that a completion used: API object `CompletionUsage`.
    pub struct ChatUsage {
        required {
            /// Input tokens.
            prompt_tokens = u64,
            /// Output tokens, including reasoning tokens.
            completion_tokens = u64,
            /// The sum of both.
            total_tokens = u64,
        }
        optional {
            /// A breakdown of the input tokens.
            prompt_tokens_details: ChatPromptTokensDetails,
            /// A breakdown of the output tokens.
            completion_tokens_details: ChatCompletionTokensDetails,
        }
    }
}

object! {
    /// A breakdown of the input tokens of a completion.
    pub struct ChatPromptTokensDetails {
        required {}
        optional {
            /// Tokens read from the cache.
            cached_tokens = u64,
            /// Tokens written to the cache.
            cache_write_tokens = u64,
            /// Audio tokens.
            audio_tokens = u64,
            /// Image tokens.
            image_tokens = u64,
            /// Text tokens.
            text_tokens = u64,
        }
    }
}

object! {
    /// A breakdown of the output tokens of a completion.
    pub struct ChatCompletionTokensDetails {
        required {}
        optional {
            /// Reasoning tokens.
            reasoning_tokens = u64,
            /// Audio tokens.
            audio_tokens = u64,
            /// Text tokens.
            text_tokens = u64,
            /// Predicted tokens that were used.
            accepted_prediction_tokens = u64,
            /// Predicted tokens that were not used.
            rejected_prediction_tokens = u64,
        }
    }
}
