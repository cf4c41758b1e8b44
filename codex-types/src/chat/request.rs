//! The request for a chat completion.

use alloc::string::String;
use alloc::vec::Vec;

use crate::chat::{ChatFunction, ChatFunctionCallOption, ChatMessage, ChatTool, ChatToolChoice};
use crate::wire::either::either;
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::wire::tagged::{from_variants, tagged};
use crate::{
    Effort, Map, Moderation, Number, PromptCacheOptions, PromptCacheRetention, RawJson,
    SearchContextSize, ServiceTier, UserLocation, Verbosity,
};

object! {
    /// The body of `POST /chat/completions`.
    ///
    /// ```
    /// use codex_types::RawJson;
    /// use codex_types::chat::{ChatMessage, ChatRequest};
    ///
    /// let request = ChatRequest::new("gpt-5.5", [ChatMessage::user("Good morning")]).stream(true);
    /// assert_eq!(
    ///     RawJson::encode(&request)?.as_str(),
    ///     r#"{"model":"gpt-5.5","messages":[{"role":"user","content":"Good morning"}],"stream":true}"#,
    /// );
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub struct ChatRequest {
        required {
            /// The model.
            model: String,
            /// The conversation so far.
            messages: Vec<ChatMessage>,
        }
        optional {
            /// Whether the answer comes as a stream of chunks.
            stream = bool,
            /// How the stream is sent.
            stream_options: ChatStreamOptions,
            /// The tools the model may use.
            tools: Vec<ChatTool>,
            /// Which of them it has to use.
            tool_choice: ChatToolChoice,
            /// Whether it may call several tools at once. The service assumes true.
            parallel_tool_calls = bool,
            /// The functions the model may call; older.
            functions: Vec<ChatFunction>,
            /// Which of them it has to call; older.
            function_call: ChatFunctionCallOption,
            /// How much to think.
            reasoning_effort: Effort,
            /// At what length to answer.
            verbosity: Verbosity,
            /// In what form to answer.
            response_format: ChatResponseFormat,
            /// How many tokens to write at most, reasoning included.
            max_completion_tokens = u64,
            /// How many tokens to write at most; older.
            max_tokens = u64,
            /// How bold the sampling is, from 0 to 2.
            temperature: Number,
            /// Which share of the likeliest tokens is sampled from, from 0 to 1.
            top_p: Number,
            /// Whether the service keeps the completion. The service assumes false.
            store = bool,
            /// Up to 16 short texts to keep with the completion.
            metadata: Map<String>,
            /// Who asks; older.
            user: String,
            /// Who asks, as a hash.
            safety_identifier: String,
            /// Requests with the same key are more likely to share cached work.
            prompt_cache_key: String,
            /// How the cache of prompts is used.
            prompt_cache_options: PromptCacheOptions,
            /// How long cached work is kept.
            prompt_cache_retention: PromptCacheRetention,
            /// How soon the request is served.
            service_tier: ServiceTier,
            /// How input and output are moderated.
            moderation: Moderation,
            /// Searching the web.
            web_search_options: ChatWebSearchOptions,
            /// Whether to report how likely each token was.
            logprobs = bool,
            /// How many of the likeliest tokens to report, from 0 to 20.
            top_logprobs = u64,
            /// How many answers to write.
            n = u64,
            /// Where to stop writing.
            stop: ChatStop,
            /// For sampling that can be repeated.
            seed = i64,
            /// Tokens to favour or avoid.
            logit_bias: Map<Number>,
            /// How much to avoid tokens that occurred.
            presence_penalty: Number,
            /// How much to avoid tokens that occurred often.
            frequency_penalty: Number,
            /// What the answer is made of.
            modalities: Vec<ChatModality>,
            /// How a spoken answer sounds.
            audio: RawJson,
            /// What much of the answer will be.
            prediction: RawJson,
        }
    }
}

object! {
    /// How a stream of chunks is sent.
    pub struct ChatStreamOptions {
        required {}
        optional {
            /// Whether a last chunk tells what the completion cost.
            include_usage = bool,
            /// Whether chunks carry padding that hides their length. The service assumes true.
            include_obfuscation = bool,
        }
    }
}

either! {
    /// Where to stop writing.
    pub enum ChatStop {
        /// At this text.
        text Text(String),
        /// At any of these.
        other Texts(Vec<String>),
    }
}

open_enum! {
    /// What an answer is made of.
    pub enum ChatModality {
        /// Text.
        Text = "text",
        /// Sound.
        Audio = "audio",
    }
}

tagged! {
    /// In what form to answer.
    pub enum ChatResponseFormat {
        /// Text.
        "text" => Text(ChatTextFormat),
        /// JSON that fits a schema.
        "json_schema" => JsonSchema(ChatJsonSchemaFormat),
        /// JSON of any shape; older.
        "json_object" => JsonObject(ChatJsonObjectFormat),
    }
}

from_variants!(ChatResponseFormat {
    Text(ChatTextFormat),
    JsonSchema(ChatJsonSchemaFormat),
    JsonObject(ChatJsonObjectFormat),
});

object! {
    /// The answer is text.
    pub struct ChatTextFormat tag "text" {
        required {}
    }
}

object! {
    /// The answer is JSON that fits a schema.
    pub struct ChatJsonSchemaFormat tag "json_schema" {
        required {
            /// The schema.
            json_schema: ChatJsonSchema,
        }
    }
}

object! {
    /// A schema for an answer.
    pub struct ChatJsonSchema {
        required {
            /// What the model calls it.
            name: String,
        }
        optional {
            /// What it is for, for the model.
            description: String,
            /// The JSON schema.
            schema: RawJson,
            /// Whether the answer is made to fit exactly.
            strict = bool,
        }
    }
}

object! {
    /// The answer is JSON of any shape.
    pub struct ChatJsonObjectFormat tag "json_object" {
        required {}
    }
}

object! {
    /// Searching the web.
    pub struct ChatWebSearchOptions {
        required {}
        optional {
            /// How much of what is found the model reads.
            search_context_size: SearchContextSize,
            /// Where the user is.
            user_location: ChatUserLocation,
        }
    }
}

object! {
    /// Where the user is.
    pub struct ChatUserLocation tag "approximate" {
        required {
            /// Roughly.
            approximate: UserLocation,
        }
    }
}
