//! Requests other than for a response, and client messages over a WebSocket.

use alloc::string::String;
use alloc::vec::Vec;

use crate::DecodeError;
use crate::boxed::Boxed;
use crate::request::{
    Conversation, CreateResponse, ImageContext, Input, PromptCacheOptions, PromptCacheRetention,
    Reasoning, ServiceTier, TextConfig, Truncation,
};
use crate::tool::{Tool, ToolChoice};
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::wire::tagged::tagged;
use crate::wire::text::to_json;

object! {
    /// The body of `POST /responses/compact`, which compacts a conversation.
    ///
    /// The platform API accepts either `input` or `previous_response_id`; the ChatGPT backend
    /// accepts the input and the parameters of the next request, including tools.
    pub struct CompactRequest {
        required {
            /// The model.
            model: String,
        }
        optional {
            /// The conversation so far.
            input: Input,
            /// The instructions.
            instructions: String,
            /// The id of the last response of the conversation.
            previous_response_id: String,
            /// The tools that the model could call.
            tools: Vec<Tool>,
            /// Whether the model could call several tools in parallel.
            parallel_tool_calls = bool,
            /// The reasoning options.
            reasoning: Reasoning,
            /// The text configuration.
            text: TextConfig,
            /// The service tier for the request.
            service_tier: ServiceTier,
            /// A key for prompt caching: requests with the same key are more likely to share cached
            /// prefixes.
            prompt_cache_key: String,
            /// The options of prompt caching.
            prompt_cache_options: PromptCacheOptions,
            /// The retention period of cached prefixes.
            prompt_cache_retention: PromptCacheRetention,
            /// The options for images in the input.
            image: ImageContext,
        }
    }
}

object! {
    /// The body of `POST /responses/input_tokens`, which counts the input tokens of a request.
    pub struct InputTokensRequest {
        required {
            /// The model.
            model: String,
        }
        optional {
            /// The conversation so far.
            input: Input,
            /// The instructions.
            instructions: String,
            /// The tools that the model may call.
            tools: Vec<Tool>,
            /// The tools that the model must call.
            tool_choice: ToolChoice,
            /// Whether the model may call several tools in parallel.
            parallel_tool_calls = bool,
            /// The reasoning options.
            reasoning: Reasoning,
            /// The text configuration of the response: its format and verbosity.
            text: TextConfig,
            /// The conversation that the request belongs to.
            conversation: Conversation,
            /// The response that this request continues.
            previous_response_id: String,
            /// The personality of the model.
            personality: Personality,
            /// The truncation strategy for long input.
            truncation: Truncation,
        }
    }
}

open_enum! {
    /// The personality of a model.
    pub enum Personality {
        /// Friendly.
        Friendly = "friendly",
        /// Pragmatic.
        Pragmatic = "pragmatic",
    }
}

tagged! {
    /// A client message over a WebSocket: API object `ResponsesClientEvent`.
    ///
    /// ```
    /// use codex_types::{ClientEvent, CreateResponse};
    ///
    /// let request = CreateResponse::new("gpt-5.5").input("Hello").generate(false);
    /// assert_eq!(
    ///     ClientEvent::from(request).to_json()?,
    ///     r#"{"type":"response.create","model":"gpt-5.5","input":"Hello","generate":false}"#,
    /// );
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub enum ClientEvent {
        /// Creates a response: API object `ResponseCreate`.
        "response.create" => Create(Boxed<CreateResponse>),
        /// Steers a response in progress: API object `ResponseSteerEvent`.
        "response.steer" => Steer(SteerResponse),
        /// Interrupts a response in progress (ChatGPT backend).
        "response.interrupt" => Interrupt(InterruptResponse),
    }
}

impl ClientEvent {
    /// Returns the message as JSON.
    ///
    /// # Errors
    ///
    /// Currently returns no error. The error type exists so that a later failure to write is not a
    /// panic.
    pub fn to_json(&self) -> Result<String, DecodeError> {
        Ok(to_json(self))
    }
}

object! {
    /// A message that steers a response in progress.
    pub struct SteerResponse tag "response.steer" {
        required {
            /// The id of the response.
            previous_response_id: String,
            /// The steering input: user text, messages, or outputs of functions.
            input: Input,
        }
    }
}

object! {
    /// A message that interrupts a response in progress.
    pub struct InterruptResponse tag "response.interrupt" {
        required {
            /// The id of the response.
            response_id: String,
        }
        optional {
            /// The treatment of unfinished items: `discard_partial_items`.
            mode: String,
        }
    }
}
