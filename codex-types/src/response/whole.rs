//! The response itself.

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
use crate::response::*;
use crate::tool::{Tool, ToolChoice, ToolChoiceMode};
use crate::wire::object::{object, overlay};
use crate::{Extra, Map, Number, RawJson};

object! {
    /// A response: API object `Response`.
    ///
    /// Every key may be missing in what a server sends; a plain field is then empty. Of the backend's
    /// own keys, `headers` and `end_turn` have fields.
    pub struct Response {
        plain {
            /// Names the response.
            id: String,
            /// Always `response`.
            object: String,
            /// When it was begun, in seconds since 1970.
            created_at: Number,
            /// How far it has come.
            status: Status,
            /// The model that made it.
            model: String,
            /// What the model wrote, in order. The ChatGPT backend leaves it empty in the final event;
            /// the items that were done before are the output then.
            output: Vec<OutputItem>,
            /// The tools it could use.
            tools: Vec<Tool>,
            /// Which of them it had to use.
            tool_choice: ToolChoice,
            /// Whether it could call several tools at once.
            parallel_tool_calls: bool,
        }
        optional {
            /// What went wrong.
            error: Box<ApiError>,
            /// Why it ended early.
            incomplete_details: IncompleteDetails,
            /// What it cost.
            usage: Box<Usage>,
            /// When it was done, in seconds since 1970.
            completed_at: Number,
            /// What the model had to do: text or messages.
            instructions: Input,
            /// The response it continues.
            previous_response_id: String,
            /// The conversation it belongs to.
            conversation: Conversation,
            /// How much it thought.
            reasoning: Reasoning,
            /// In what form it answers.
            text: TextConfig,
            /// What was kept with it.
            metadata: Map<String>,
            /// How bold the sampling was.
            temperature: Number,
            /// Which share of the likeliest tokens was sampled from.
            top_p: Number,
            /// How many of the likeliest tokens were reported.
            top_logprobs = u64,
            /// How many tokens it could write.
            max_output_tokens = u64,
            /// How many calls of hosted tools there could be.
            max_tool_calls = u64,
            /// Whether it was made in the background.
            background = bool,
            /// Whether it was kept.
            store = bool,
            /// How soon it was served.
            service_tier: ServiceTier,
            /// What happened to input that was too long.
            truncation: Truncation,
            /// The stored prompt it came from.
            prompt: Prompt,
            /// The key for cached work.
            prompt_cache_key: String,
            /// How the cache was to be used.
            prompt_cache_options: PromptCacheOptions,
            /// How long cached work is kept.
            prompt_cache_retention: PromptCacheRetention,
            /// How the cache was used.
            prompt_cache_diagnostics: PromptCacheDiagnostics,
            /// Who asked, as a hash.
            safety_identifier: String,
            /// Who asked; older.
            user: String,
            /// What moderation found.
            moderation: Box<ModerationReport>,
            /// How images in the input were treated.
            image: ImageContext,
            /// What was taken out of the input.
            input_transformations: Vec<InputTransformation>,
            /// Special access that was used.
            access_programs: AccessPrograms,
            /// What hosted tools cost.
            tool_usage: Box<ToolUsage>,
            /// Whether the model is done, or wants to be asked again: the ChatGPT backend.
            end_turn = bool,
            /// What would be headers over HTTP: the ChatGPT backend.
            headers: Map<RawJson>,
        }
    }
}

impl Response {
    /// Creates a response in the given state, with an empty output.
    ///
    /// The keys that the API requires are written even while they are empty, because the official SDKs
    /// reject a response without them. A server sets at least
    /// [`model`](field@Self::model) and [`created_at`](field@Self::created_at).
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
    /// Each key of `newer` replaces the key of this response, unknown keys included. Keys that are
    /// missing or null in `newer` stay as they are here. The cost grows with what `newer` holds.
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

    /// All the text the model wrote, parts joined with nothing between them.
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

    /// What the model said in declining, parts joined; `None` if it did not decline.
    pub fn refusal(&self) -> Option<String> {
        let mut refusals = self
            .output_parts()
            .filter_map(OutputPart::as_refusal)
            .peekable();
        refusals.peek()?;
        Some(refusals.collect())
    }

    /// The functions the model wants called, in order.
    pub fn function_calls(&self) -> impl Iterator<Item = &FunctionCall> {
        self.output.iter().filter_map(|item| match item {
            OutputItem::FunctionCall(call) => Some(call),
            _ => None,
        })
    }

    /// The custom tools the model wants called, in order.
    pub fn custom_tool_calls(&self) -> impl Iterator<Item = &CustomToolCall> {
        self.output.iter().filter_map(|item| match item {
            OutputItem::CustomToolCall(call) => Some(call),
            _ => None,
        })
    }

    /// The output as input for the next request: every item, unchanged and in order.
    ///
    /// Reasoning keeps its encrypted content and messages keep their phase, which the service
    /// insists on when nothing is stored.
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
