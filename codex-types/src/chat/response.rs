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
            /// Names the completion.
            id: String,
            /// Always `chat.completion`.
            object: String,
            /// When it was made, in seconds since 1970.
            created = u64,
            /// The model that made it.
            model: String,
            /// The answers.
            choices: Vec<ChatChoice>,
        }
        optional {
            /// What it cost.
            usage: ChatUsage,
            /// How soon it was served.
            service_tier: ServiceTier,
            /// The configuration of the service.
            system_fingerprint: String,
            /// What was kept with it.
            metadata: Map<String>,
            /// What moderation found.
            moderation: RawJson,
        }
    }
}

object! {
    /// One answer.
    pub struct ChatChoice {
        required {
            /// Its place among the answers.
            index = u32,
            /// What the assistant says.
            message: ChatMessage,
        }
        optional {
            /// How likely each token was.
            logprobs: ChatLogprobs,
            /// Why it ends here.
            finish_reason: FinishReason,
        }
    }
}

open_enum! {
    /// Why an answer ends.
    pub enum FinishReason {
        /// It is done.
        Stop = "stop",
        /// It reached the number of tokens allowed.
        Length = "length",
        /// Tools are to be called.
        ToolCalls = "tool_calls",
        /// A filter stopped it.
        ContentFilter = "content_filter",
        /// A function is to be called; older.
        FunctionCall = "function_call",
    }
}

object! {
    /// How likely the tokens of an answer were.
    pub struct ChatLogprobs {
        required {}
        optional {
            /// Those of the text.
            content: Vec<Logprob>,
            /// Those of the refusal.
            refusal: Vec<Logprob>,
        }
    }
}

object! {
    /// What a completion cost, in tokens: API object `CompletionUsage`.
    pub struct ChatUsage {
        required {
            /// Tokens read.
            prompt_tokens = u64,
            /// Tokens written, reasoning included.
            completion_tokens = u64,
            /// Both together.
            total_tokens = u64,
        }
        optional {
            /// Of those read.
            prompt_tokens_details: ChatPromptTokensDetails,
            /// Of those written.
            completion_tokens_details: ChatCompletionTokensDetails,
        }
    }
}

object! {
    /// Where the tokens read came from.
    pub struct ChatPromptTokensDetails {
        required {}
        optional {
            /// Out of the cache.
            cached_tokens = u64,
            /// Put into the cache.
            cache_write_tokens = u64,
            /// Of sound.
            audio_tokens = u64,
            /// Of images.
            image_tokens = u64,
            /// Of text.
            text_tokens = u64,
        }
    }
}

object! {
    /// What the tokens written were for.
    pub struct ChatCompletionTokensDetails {
        required {}
        optional {
            /// For reasoning.
            reasoning_tokens = u64,
            /// For sound.
            audio_tokens = u64,
            /// For text.
            text_tokens = u64,
            /// Predicted, and used.
            accepted_prediction_tokens = u64,
            /// Predicted, and not used.
            rejected_prediction_tokens = u64,
        }
    }
}
