//! The response object.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::ApiError;
use crate::item::{CustomToolCall, FunctionCall, InputItem, OutputItem};
use crate::part::OutputPart;
use crate::request::{
    AccessPrograms, Conversation, ImageContext, Input, Prompt, PromptCacheOptions,
    PromptCacheRetention, Reasoning, ServiceTier, TextConfig, Truncation,
};
use crate::response::{
    IncompleteDetails, InputTransformation, ModerationReport, PromptCacheDiagnostics, Status,
    ToolUsage, Usage,
};
use crate::tool::{Tool, ToolChoice, ToolChoiceMode};
use crate::wire::known::overlay;
use crate::wire::object::object;
use crate::{Extra, Map, Number, RawJson};

object! {
    /// A response: API object `Response`.
    ///
    /// A server may omit every key; a plain field is then empty. Of the ChatGPT backend's
    /// additional keys, `headers` and `end_turn` have fields.
    pub struct Response with overlay {
        plain {
            /// The response's id.
            id: String,
            /// Always `response`.
            object: String,
            /// The time of creation, as a Unix timestamp in seconds.
            created_at: Number,
            /// The status of the response.
            status: Status,
            /// The model that generated it.
            model: String,
            /// The output items, in order. The ChatGPT backend leaves the list empty in the final
            /// event; the output then consists of the items that were done before.
            output: Vec<OutputItem>,
            /// The tools that the model could call.
            tools: Vec<Tool>,
            /// The tools that the model had to call.
            tool_choice: ToolChoice,
            /// Whether the model could call several tools in parallel.
            parallel_tool_calls: bool,
        }
        optional {
            /// The error of a response that failed.
            error: Box<ApiError>,
            /// The reason why the response ended early.
            incomplete_details: IncompleteDetails,
            /// The tokens used.
            usage: Box<Usage>,
            /// The time of completion, as a Unix timestamp in seconds.
            completed_at: Number,
            /// The instructions of the request: text or messages.
            instructions: Input,
            /// The id of the response that it continues.
            previous_response_id: String,
            /// The conversation that it belongs to.
            conversation: Conversation,
            /// The reasoning options of the request.
            reasoning: Reasoning,
            /// The text configuration of the request.
            text: TextConfig,
            /// The metadata of the request.
            metadata: Map<String>,
            /// The sampling temperature of the request.
            temperature: Number,
            /// The nucleus sampling probability mass of the request.
            top_p: Number,
            /// The number of most likely tokens returned per position.
            top_logprobs = u64,
            /// The maximum number of output tokens.
            max_output_tokens = u64,
            /// The maximum number of hosted tool calls.
            max_tool_calls = u64,
            /// Whether it was generated in the background.
            background = bool,
            /// Whether it was stored.
            store = bool,
            /// The service tier that served the request.
            service_tier: ServiceTier,
            /// The truncation strategy for long input.
            truncation: Truncation,
            /// The stored prompt of the request.
            prompt: Prompt,
            /// The key for prompt caching.
            prompt_cache_key: String,
            /// The options of prompt caching.
            prompt_cache_options: PromptCacheOptions,
            /// The retention period of cached prefixes.
            prompt_cache_retention: PromptCacheRetention,
            /// The use of the prompt cache.
            prompt_cache_diagnostics: PromptCacheDiagnostics,
            /// A stable, hashed id of the end user.
            safety_identifier: String,
            /// An id of the end user. Deprecated in favor of `safety_identifier` and
            /// `prompt_cache_key`.
            user: String,
            /// The results of moderation.
            moderation: Box<ModerationReport>,
            /// The treatment of images in the input.
            image: ImageContext,
            /// The items that the service removed from the input.
            input_transformations: Vec<InputTransformation>,
            /// The access programs that were used.
            access_programs: AccessPrograms,
            /// The usage of hosted tools.
            tool_usage: Box<ToolUsage>,
            /// Whether the turn has ended, or the model expects another request (ChatGPT backend).
            end_turn = bool,
            /// Response headers, sent in-band by the ChatGPT backend.
            headers: Map<RawJson>,
        }
    }
}

impl Response {
    /// Creates a response with the given status and an empty output.
    ///
    /// The keys that the API requires are written even if they are empty, because the official SDKs
    /// reject a response without them. A server sets at least [`model`](field@Self::model) and
    /// [`created_at`](field@Self::created_at).
    ///
    /// ```
    /// use codex_types::{RawJson, Response, Status};
    ///
    /// let json = RawJson::encode(&Response::new("resp_1", Status::Completed))?;
    /// assert_eq!(
    ///     json.as_str(),
    ///     concat!(
    ///         r#"{"id":"resp_1","object":"response","created_at":0,"status":"completed","model":"","output":[],"tools":[],"#,
    ///         r#""tool_choice":"auto","parallel_tool_calls":true}"#,
    ///     ),
    /// );
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub fn new(id: impl Into<String>, status: Status) -> Self {
        Self {
            id: id.into(),
            object: "response".into(),
            status,
            tool_choice: ToolChoice::Mode(ToolChoiceMode::Auto),
            parallel_tool_calls: true,
            extra: Extra::default(),
            ..Self::default()
        }
    }

    /// Merges a newer state of the response into this one: some servers send only changed keys in
    /// their lifecycle events.
    ///
    /// Each key of `newer` replaces the key of this response, including unknown keys. Keys that are
    /// missing or null in `newer` are unchanged; a null that only `newer` has is kept. The cost
    /// grows with the size of `newer`.
    ///
    /// ```
    /// use codex_types::{RawJson, Response, Status};
    ///
    /// let mut response: Response = RawJson::parse(r#"{"id":"resp_1","status":"queued"}"#)?.decode()?;
    /// response.overlay(RawJson::parse(r#"{"status":"completed","id":null}"#)?.decode()?);
    /// assert_eq!(response.id, "resp_1");
    /// assert_eq!(response.status, Status::Completed);
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub fn overlay(&mut self, newer: Self) {
        overlay(self, newer);
    }

    /// Returns all output text, with the parts joined by nothing.
    ///
    /// ```
    /// use codex_types::{OutputMessage, Response, Status};
    ///
    /// let mut response = Response::new("resp_1", Status::Completed);
    /// response.output.push(OutputMessage::text("msg_1", "Paris").into());
    /// assert_eq!(response.output_text(), "Paris");
    /// ```
    pub fn output_text(&self) -> String {
        self.output_parts()
            .filter_map(OutputPart::as_text)
            .collect()
    }

    /// Returns the refusal, with the parts joined; `None` if there is none.
    pub fn refusal(&self) -> Option<String> {
        let mut refusals = self
            .output_parts()
            .filter_map(OutputPart::as_refusal)
            .peekable();
        refusals.peek()?;
        Some(refusals.collect())
    }

    /// Returns an iterator over the function calls of the model, in order.
    pub fn function_calls(&self) -> impl Iterator<Item = &FunctionCall> {
        self.output.iter().filter_map(|item| match item {
            OutputItem::FunctionCall(call) => Some(&**call),
            _ => None,
        })
    }

    /// Returns an iterator over the custom tool calls of the model, in order.
    pub fn custom_tool_calls(&self) -> impl Iterator<Item = &CustomToolCall> {
        self.output.iter().filter_map(|item| match item {
            OutputItem::CustomToolCall(call) => Some(&**call),
            _ => None,
        })
    }

    /// Returns the output as input for the next request: every item, unchanged and in order.
    ///
    /// Reasoning keeps its encrypted content and messages keep their phase, which the service
    /// requires if nothing is stored.
    pub fn to_input(&self) -> Vec<InputItem> {
        self.output.iter().cloned().map(InputItem::from).collect()
    }

    fn output_parts(&self) -> impl Iterator<Item = &OutputPart> {
        self.output
            .iter()
            .filter_map(|item| match item {
                OutputItem::Message(message) => Some(&message.content),
                _ => None,
            })
            .flatten()
    }
}
