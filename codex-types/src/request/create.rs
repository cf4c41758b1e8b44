//! The request for a response.

use alloc::string::String;
use alloc::vec::Vec;

use crate::item::{InputItem, Message};
use crate::request::*;
use crate::tool::{Tool, ToolChoice};
use crate::wire::either::either;
use crate::wire::object::object;
use crate::wire::write::{First, Prefixed, to_json};
use crate::{DecodeError, Map, Number, RawJson};

object! {
    /// The body of `POST /responses`.
    ///
    /// There is no `stream` field: whoever sends the request decides, and the writer says so. A
    /// `stream` that was read is kept among the extra keys and written unless the sender decides.
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
            /// What the model shall do, ahead of the input; not carried over by
            /// `previous_response_id`.
            instructions: String,
            /// The conversation so far, or its continuation.
            input: Input,
            /// The tools the model may use.
            tools: Vec<Tool>,
            /// Which of them it has to use.
            tool_choice: ToolChoice,
            /// Whether it may call several tools at once. The service assumes true.
            parallel_tool_calls = bool,
            /// How much to think.
            reasoning: Reasoning,
            /// Whether the service keeps the response. The service assumes true.
            store = bool,
            /// What to send beyond the usual.
            include: Vec<Include>,
            /// In what form to answer.
            text: TextConfig,
            /// How many tokens to write at most, reasoning included; 16 or more.
            max_output_tokens = u64,
            /// How many calls of hosted tools there may be.
            max_tool_calls = u64,
            /// The response this continues.
            previous_response_id: String,
            /// The conversation this belongs to.
            conversation: Conversation,
            /// A prompt the service has stored.
            prompt: Prompt,
            /// Requests with the same key are more likely to share cached work; at most 64 bytes.
            prompt_cache_key: String,
            /// How the cache of prompts is used.
            prompt_cache_options: PromptCacheOptions,
            /// How long cached work is kept.
            prompt_cache_retention: PromptCacheRetention,
            /// How soon the request is served.
            service_tier: ServiceTier,
            /// What happens when the input is too long.
            truncation: Truncation,
            /// What the service does about input that grows too long.
            context_management: Vec<ContextManagement>,
            /// How bold the sampling is, from 0 to 2.
            temperature: Number,
            /// Which share of the likeliest tokens is sampled from, from 0 to 1.
            top_p: Number,
            /// How many of the likeliest tokens to report, from 0 to 20.
            top_logprobs = u64,
            /// Whether the response is made in the background.
            background = bool,
            /// How a response in the background is made, in whatever form the service defines.
            background_options: RawJson,
            /// How the stream is sent.
            stream_options: StreamOptions,
            /// Up to 16 short texts to keep with the response.
            metadata: Map<String>,
            /// What the client says about itself: the ChatGPT backend.
            client_metadata: Map<String>,
            /// Who asks, as a hash.
            safety_identifier: String,
            /// Who asks; older.
            user: String,
            /// How input and output are moderated.
            moderation: Moderation,
            /// How images in the input are treated.
            image: ImageContext,
            /// Special access the account has.
            access_programs: AccessPrograms,
            /// Socket only: whether to answer. `false` prepares the service for what follows.
            generate = bool,
            /// Socket only: the lane. Lanes are served side by side; 1 to 256 letters, digits, `_`, `.`
            /// and `-`.
            stream_id: String,
        }
    }
}

impl CreateResponse {
    /// The request as JSON, saying whether the answer shall be streamed.
    ///
    /// # Errors
    ///
    /// No value that can be built makes it fail today; the error is there so that a failure to
    /// write would never be a panic.
    pub fn to_json(&self, streaming: Streaming) -> Result<String, DecodeError> {
        let stream = streaming == Streaming::Yes;
        Ok(to_json(&Prefixed {
            first: Some(("stream", First::Flag(stream))),
            object: self,
        }))
    }
}

/// Whether an answer comes as a stream of events or in one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "it is the one question, with its two answers"
)]
pub enum Streaming {
    /// As events, while it is being made.
    Yes,
    /// As one object, when it is done.
    No,
}

either! {
    /// The input of a request.
    pub enum Input {
        /// What the user says.
        text Text(String),
        /// The items of a conversation.
        other Items(Vec<InputItem>),
        /// The items of a conversation, each serialized once. Never read, only written.
        made Prepared(PreparedInput),
    }
}

impl Input {
    /// The items; text becomes a message of the user.
    pub fn into_items(self) -> Vec<InputItem> {
        match self {
            Self::Text(text) => alloc::vec![Message::user(text).into()],
            Self::Items(items) => items,
            Self::Prepared(input) => input.to_items(),
            Self::Unknown(_) => Vec::new(),
        }
    }

    /// Appends an item; text becomes a message of the user first.
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
