//! The request for a response.

use alloc::string::String;
use alloc::vec::Vec;

use crate::item::{InputItem, Message};
use crate::request::{
    AccessPrograms, ContextManagement, Conversation, ImageContext, Include, Moderation,
    PreparedInput, Prompt, PromptCacheOptions, PromptCacheRetention, Reasoning, ServiceTier,
    StreamOptions, TextConfig, Truncation,
};
use crate::tool::{Tool, ToolChoice};
use crate::wire::either::either;
use crate::wire::object::object;
use crate::wire::text::to_json;
use crate::wire::write::{First, Prefixed};
use crate::{DecodeError, Map, Number, RawJson};

object! {
    /// The body of `POST /responses`.
    ///
    /// There is no `stream` field: the sender decides when it writes the request. A `stream` that
    /// was read is kept among the extra keys and written unless the sender decides.
    ///
    /// ```
    /// use codex_types::{CreateResponse, Effort, Reasoning, Streaming};
    ///
    /// let request = CreateResponse::new("gpt-5.5")
    ///     .input("What is the capital of France?")
    ///     .reasoning(Reasoning::new().effort(Effort::Low))
    ///     .store(false);
    /// assert_eq!(
    ///     request.to_json(Streaming::Yes)?,
    ///     concat!(
    ///         r#"{"stream":true,"model":"gpt-5.5","input":"What is the capital of France?","#,
    ///         r#""reasoning":{"effort":"low"},"store":false}"#,
    ///     ),
    /// );
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub struct CreateResponse {
        required {
            /// The model.
            model: String,
        }
        optional {
            /// The system or developer instructions, before the input; not carried over by
            /// `previous_response_id`.
            instructions: String,
            /// The conversation so far, or its continuation.
            input: Input,
            /// The tools that the model may call.
            tools: Vec<Tool>,
            /// The tools that the model must call.
            tool_choice: ToolChoice,
            /// Whether the model may call several tools in parallel. The service's default is true.
            parallel_tool_calls = bool,
            /// The reasoning options.
            reasoning: Reasoning,
            /// Whether the service stores the response. The service's default is true.
            store = bool,
            /// Additional output data to include in the response.
            include: Vec<Include>,
            /// The text configuration of the response: its format and verbosity.
            text: TextConfig,
            /// The maximum number of output tokens, including reasoning tokens; at least 16.
            max_output_tokens = u64,
            /// The maximum number of hosted tool calls.
            max_tool_calls = u64,
            /// The response that this request continues.
            previous_response_id: String,
            /// The conversation that the request belongs to.
            conversation: Conversation,
            /// A reference to a stored prompt.
            prompt: Prompt,
            /// A key for prompt caching: requests with the same key are more likely to share cached
            /// prefixes. At most 64 bytes.
            prompt_cache_key: String,
            /// The options of prompt caching.
            prompt_cache_options: PromptCacheOptions,
            /// The retention period of cached prefixes.
            prompt_cache_retention: PromptCacheRetention,
            /// The service tier for the request.
            service_tier: ServiceTier,
            /// The truncation strategy for long input.
            truncation: Truncation,
            /// The rules by which the service manages long contexts.
            context_management: Vec<ContextManagement>,
            /// The sampling temperature, from 0 to 2.
            temperature: Number,
            /// The nucleus sampling probability mass, from 0 to 1.
            top_p: Number,
            /// The number of most likely tokens to return per position, from 0 to 20.
            top_logprobs = u64,
            /// Whether the response is generated in the background.
            background = bool,
            /// The options of a background response, in the form that the service defines.
            background_options: RawJson,
            /// The options of the stream.
            stream_options: StreamOptions,
            /// Up to 16 key-value pairs that are stored with the response.
            metadata: Map<String>,
            /// Metadata of the client (ChatGPT backend).
            client_metadata: Map<String>,
            /// A stable, hashed id of the end user.
            safety_identifier: String,
            /// An id of the end user. Deprecated in favor of `safety_identifier` and
            /// `prompt_cache_key`.
            user: String,
            /// The moderation of input and output.
            moderation: Moderation,
            /// The options for images in the input.
            image: ImageContext,
            /// The access programs of the account.
            access_programs: AccessPrograms,
            /// WebSocket only: whether to generate a response. `false` prepares the service for the
            /// next request.
            generate = bool,
            /// WebSocket only: the id of a multiplexed stream. Streams are served concurrently. 1
            /// to 256 letters, digits, `_`, `.` and `-`.
            stream_id: String,
        }
    }
}

impl CreateResponse {
    /// Returns the request as JSON, with `stream` set as given.
    ///
    /// # Errors
    ///
    /// Currently returns no error. The error type exists so that a later failure to write is not a
    /// panic.
    pub fn to_json(&self, streaming: Streaming) -> Result<String, DecodeError> {
        let stream = streaming == Streaming::Yes;
        Ok(to_json(&Prefixed {
            first: Some(("stream", First::Flag(stream))),
            object: self,
        }))
    }
}

/// The form in which a response arrives: a stream of events or one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a response is either a stream or one document"
)]
pub enum Streaming {
    /// As events, while it is generated.
    Yes,
    /// As one document, when it is complete.
    No,
}

either! {
    /// The input of a request.
    pub enum Input {
        /// The text of a user message.
        text Text(String),
        /// The items of a conversation.
        other Items(Vec<InputItem>),
        /// The items of a conversation, each serialized once. Written, but never read.
        made Prepared(PreparedInput),
    }
}

impl Input {
    /// Returns the items; text becomes a user message.
    pub fn into_items(self) -> Vec<InputItem> {
        match self {
            Self::Text(text) => alloc::vec![Message::user(text).into()],
            Self::Items(items) => items,
            Self::Prepared(input) => input.to_items(),
            Self::Unknown(_) => Vec::new(),
        }
    }

    /// Appends an item; text becomes a user message first.
    pub fn push(&mut self, item: impl Into<InputItem>) {
        match self {
            Self::Prepared(input) => input.push(item),
            Self::Items(items) => items.push(item.into()),
            Self::Text(_) | Self::Unknown(_) => {
                let mut items = core::mem::take(self).into_items();
                items.push(item.into());
                *self = Self::Items(items);
            }
        }
    }
}

impl From<&PreparedInput> for Input {
    /// Shares the items.
    fn from(input: &PreparedInput) -> Self {
        Self::Prepared(input.clone())
    }
}

impl<const N: usize> From<[InputItem; N]> for Input {
    fn from(items: [InputItem; N]) -> Self {
        Self::Items(items.into())
    }
}

impl FromIterator<InputItem> for Input {
    fn from_iter<I: IntoIterator<Item = InputItem>>(items: I) -> Self {
        Self::Items(items.into_iter().collect())
    }
}
