//! The request for a chat completion.

use alloc::string::String;
use alloc::vec::Vec;

use crate::chat::{ChatFunction, ChatFunctionCallOption, ChatMessage, ChatTool, ChatToolChoice};
use crate::wire::either::either;
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::wire::tagged::tagged;
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
            /// Whether the response is streamed as chunks.
            stream = bool,
            /// Options of the stream.
            stream_options: ChatStreamOptions,
            /// The tools that the model may call.
            tools: Vec<ChatTool>,
            /// The rule for the tools that the model calls.
            tool_choice: ChatToolChoice,
            /// Whether the model may call several tools in parallel. The service's default is true.
            parallel_tool_calls = bool,
            /// The functions that the model may call. Deprecated in favor of `tools`.
            functions: Vec<ChatFunction>,
            /// The rule for the function that the model calls. Deprecated in favor of
            /// `tool_choice`.
            function_call: ChatFunctionCallOption,
            /// The reasoning effort.
            reasoning_effort: Effort,
            /// The verbosity of the text.
            verbosity: Verbosity,
            /// The format of the response.
            response_format: ChatResponseFormat,
            /// The maximum number of output tokens, including reasoning tokens.
            max_completion_tokens = u64,
            /// The maximum number of output tokens. Deprecated in favor of `max_completion_tokens`.
            max_tokens = u64,
            /// The sampling temperature, from 0 to 2.
            temperature: Number,
            /// The nucleus sampling probability mass, from 0 to 1.
            top_p: Number,
            /// Whether the service stores the completion. The service's default is false.
            store = bool,
            /// Up to 16 key-value pairs that are stored with the completion.
            metadata: Map<String>,
            /// An id of the end user. Deprecated in favor of `safety_identifier` and
            /// `prompt_cache_key`.
            user: String,
            /// A stable, hashed id of the end user.
            safety_identifier: String,
            /// A key for prompt caching: requests with the same key are more likely to share cached
            /// prefixes.
            prompt_cache_key: String,
            /// Options of prompt caching.
            prompt_cache_options: PromptCacheOptions,
            /// The retention period of cached prefixes.
            prompt_cache_retention: PromptCacheRetention,
            /// The service tier for the request.
            service_tier: ServiceTier,
            /// The moderation of input and output.
            moderation: Moderation,
            /// Options of web search.
            web_search_options: ChatWebSearchOptions,
            /// Whether to return the log probabilities of the output tokens.
            logprobs = bool,
            /// The number of most likely tokens to return per position, from 0 to 20.
            top_logprobs = u64,
            /// The number of choices to generate.
            n = u64,
            /// Sequences at which generation stops.
            stop: ChatStop,
            /// A seed for deterministic sampling.
            seed = i64,
            /// Biases for or against tokens, by token id.
            logit_bias: Map<Number>,
            /// The presence penalty, from -2 to 2.
            presence_penalty: Number,
            /// The frequency penalty, from -2 to 2.
            frequency_penalty: Number,
            /// The output modalities.
            modalities: Vec<ChatModality>,
            /// The parameters of audio output.
            audio: RawJson,
            /// Predicted output.
            prediction: RawJson,
        }
    }
}

object! {
    /// The options of a stream of chunks.
    pub struct ChatStreamOptions {
        required {}
        optional {
            /// Whether the last chunk reports the usage.
            include_usage = bool,
            /// Whether chunks contain padding that hides their length. The service's default is
            /// true.
            include_obfuscation = bool,
        }
    }
}

either! {
    /// The sequences at which generation stops.
    pub enum ChatStop {
        /// One sequence.
        text Text(String),
        /// Several sequences.
        other Texts(Vec<String>),
    }
}

open_enum! {
    /// An output modality.
    pub enum ChatModality {
        /// Text.
        Text = "text",
        /// Audio.
        Audio = "audio",
    }
}

tagged! {
    /// The format of a response.
    pub enum ChatResponseFormat {
        /// Text.
        "text" => Text(ChatTextFormat),
        /// JSON that conforms to a schema.
        "json_schema" => JsonSchema(ChatJsonSchemaFormat),
        /// Any JSON. Deprecated in favor of `json_schema`.
        "json_object" => JsonObject(ChatJsonObjectFormat),
    }
}

object! {
    /// A text response.
    pub struct ChatTextFormat tag "text" {
        required {}
    }
}

object! {
    /// A JSON response that conforms to a schema.
    pub struct ChatJsonSchemaFormat tag "json_schema" {
        required {
            /// The schema.
            json_schema: ChatJsonSchema,
        }
    }
}

object! {
    /// A schema for a response.
    pub struct ChatJsonSchema {
        required {
            /// The name of the schema, as the model sees it.
            name: String,
        }
        optional {
            /// The purpose of the response, for the model.
            description: String,
            /// The JSON schema.
            schema: RawJson,
            /// Whether the response must conform exactly (strict mode).
            strict = bool,
        }
    }
}

object! {
    /// A JSON response of any form.
    pub struct ChatJsonObjectFormat tag "json_object" {
        required {}
    }
}

object! {
    /// The options of web search.
    pub struct ChatWebSearchOptions {
        required {}
        optional {
            /// The amount of search context that the model reads.
            search_context_size: SearchContextSize,
            /// The approximate location of the user.
            user_location: ChatUserLocation,
        }
    }
}

object! {
    /// The location of the user.
    pub struct ChatUserLocation tag "approximate" {
        required {
            /// The approximate location.
            approximate: UserLocation,
        }
    }
}
