//! Requests other than for a response, and what a client says over a socket.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::DecodeError;
use crate::request::*;
use crate::tool::{Tool, ToolChoice};
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::wire::tagged::{from_variants, tagged};

object! {
    /// The body of `POST /responses/compact`: makes a conversation shorter.
    ///
    /// The platform API takes either `input` or `previous_response_id`; the ChatGPT backend takes the
    /// input and what the next request would have, tools included.
    pub struct CompactRequest {
        required {
            /// The model.
            model: String,
        }
        optional {
            /// The conversation so far.
            input: Input,
            /// What the model had to do.
            instructions: String,
            /// The response that ended the conversation so far.
            previous_response_id: String,
            /// The tools the model could use.
            tools: Vec<Tool>,
            /// Whether it could call several tools at once.
            parallel_tool_calls = bool,
            /// How much it thought.
            reasoning: Reasoning,
            /// In what form it answered.
            text: TextConfig,
            /// How soon the request is served.
            service_tier: ServiceTier,
            /// Requests with the same key are more likely to share cached work.
            prompt_cache_key: String,
            /// How the cache of prompts is used.
            prompt_cache_options: PromptCacheOptions,
            /// How long cached work is kept.
            prompt_cache_retention: PromptCacheRetention,
            /// How images in the input are treated.
            image: ImageContext,
        }
    }
}

object! {
    /// The body of `POST /responses/input_tokens`: counts the tokens a request would take.
    pub struct InputTokensRequest {
        required {
            /// The model.
            model: String,
        }
        optional {
            /// The conversation so far.
            input: Input,
            /// What the model shall do.
            instructions: String,
            /// The tools the model may use.
            tools: Vec<Tool>,
            /// Which of them it has to use.
            tool_choice: ToolChoice,
            /// Whether it may call several tools at once.
            parallel_tool_calls = bool,
            /// How much to think.
            reasoning: Reasoning,
            /// In what form to answer.
            text: TextConfig,
            /// The conversation this belongs to.
            conversation: Conversation,
            /// The response this continues.
            previous_response_id: String,
            /// How the model carries itself.
            personality: Personality,
            /// What happens when the input is too long.
            truncation: Truncation,
        }
    }
}

open_enum! {
    /// How a model carries itself.
    pub enum Personality {
        /// Friendly.
        Friendly = "friendly",
        /// To the point.
        Pragmatic = "pragmatic",
    }
}

tagged! {
    /// What a client says over a socket: API object `ResponsesClientEvent`.
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
        /// Asks for a response: API object `ResponseCreate`.
        "response.create" => Create(Box<CreateResponse>),
        /// Gives a response that is being made something to heed: API object `ResponseSteerEvent`.
        "response.steer" => Steer(SteerResponse),
        /// Interrupts a response that is being made: the ChatGPT backend.
        "response.interrupt" => Interrupt(InterruptResponse),
    }
}

from_variants!(ClientEvent {
    Create(Box<CreateResponse>),
    Steer(SteerResponse),
    Interrupt(InterruptResponse),
});

impl From<CreateResponse> for ClientEvent {
    fn from(request: CreateResponse) -> Self {
        Self::Create(request.into())
    }
}

impl ClientEvent {
    /// The message as JSON.
    ///
    /// # Errors
    ///
    /// No message that can be built makes it fail today; the error is there so that a failure to
    /// write would never be a panic.
    pub fn to_json(&self) -> Result<String, DecodeError> {
        serde_json::to_string(self).map_err(DecodeError::unwritable)
    }
}

object! {
    /// Gives a response that is being made something to heed.
    pub struct SteerResponse tag "response.steer" {
        required {
            /// The response.
            previous_response_id: String,
            /// What to heed: text of the user, messages, or outputs of functions.
            input: Input,
        }
    }
}

object! {
    /// Interrupts a response that is being made.
    pub struct InterruptResponse tag "response.interrupt" {
        required {
            /// The response.
            response_id: String,
        }
        optional {
            /// What becomes of items that are not done: `discard_partial_items`.
            mode: String,
        }
    }
}
