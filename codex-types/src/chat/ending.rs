//! How completions end: finish reasons and errors, under every name that servers use.

use alloc::borrow::Cow;
use alloc::string::String;

use crate::chat::FinishReason;
use crate::chat::tolerant::recode;
use crate::wire::object::Object;
use crate::{ApiError, ErrorCode, ErrorEvent, Extra};

/// How a completion ended, whatever name the server uses for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChatEnding {
    /// The model finished.
    Stop,
    /// The model calls tools.
    ToolCalls,
    /// A token limit was reached.
    Length,
    /// A content filter stopped the completion.
    ContentFilter,
    /// The server failed or gave up.
    Error,
    /// A reason that this version does not know.
    Other,
}

impl FinishReason {
    /// Returns how the completion ends: `None` if the server sent no reason, or an empty one.
    ///
    /// Reads the finish reasons of servers with different names for them, ignoring case.
    ///
    /// ```
    /// use codex_types::chat::{ChatEnding, FinishReason};
    ///
    /// assert_eq!(FinishReason::from("eos_token").ending(), Some(ChatEnding::Stop));
    /// assert_eq!(FinishReason::from("MAX_TOKENS").ending(), Some(ChatEnding::Length));
    /// assert_eq!(FinishReason::from("").ending(), None);
    /// ```
    pub fn ending(&self) -> Option<ChatEnding> {
        let word = self.as_str().trim();
        let listed = |words: &[&str]| words.iter().any(|it| it.eq_ignore_ascii_case(word));
        if listed(UNFINISHED) {
            return None;
        }
        let found = ENDINGS.iter().find(|(_, words)| listed(words));
        Some(found.map_or(ChatEnding::Other, |(ending, _)| *ending))
    }
}

const UNFINISHED: &[&str] = &["", "null", "not_finished", "finish_reason_unspecified"];

/// The finish reasons of vLLM, SGLang, TGI, llama.cpp, Mistral, DeepSeek, GLM, Qwen, Cohere,
/// watsonx, and of bridges to Gemini, Anthropic and Bedrock.
const ENDINGS: &[(ChatEnding, &[&str])] = &[
    (
        ChatEnding::Stop,
        &[
            "stop",
            "eos",
            "eos_token",
            "end_turn",
            "end_of_turn",
            "stop_sequence",
            "stop_token",
            "complete",
            "completed",
            "done",
            "end",
            "finish",
            "finished",
        ],
    ),
    (
        ChatEnding::ToolCalls,
        &[
            "tool_calls",
            "tool_call",
            "tool-calls",
            "tool_use",
            "function_call",
            "function_calls",
        ],
    ),
    (
        ChatEnding::Length,
        &[
            "length",
            "max_tokens",
            "max_output_tokens",
            "max_length",
            "token_limit",
            "model_length",
            "error_limit",
            "model_context_window_exceeded",
        ],
    ),
    (
        ChatEnding::ContentFilter,
        &[
            "content_filter",
            "content-filter",
            "content_filtered",
            "safety",
            "image_safety",
            "recitation",
            "blocklist",
            "prohibited_content",
            "spii",
            "sensitive",
            "refusal",
            "guardrail_intervened",
            "error_toxic",
        ],
    ),
    (
        ChatEnding::Error,
        &[
            "error",
            "network_error",
            "internal_error",
            "server_error",
            "abort",
            "aborted",
            "cancelled",
            "canceled",
            "user_cancel",
            "timeout",
            "time_limit",
            "insufficient_system_resource",
            "malformed_function_call",
            "malformed_model_output",
            "malformed_tool_use",
            "unexpected_tool_call",
        ],
    ),
];

/// Returns the error that a chunk or a completion reports.
pub(super) fn reported<'a, T: Object + serde::Serialize>(
    value: &'a T,
    object: &str,
    mut choices: impl Iterator<Item = &'a Extra> + Clone,
) -> Option<ApiError> {
    let extra = value.extra();
    let is_bare =
        object == "error" || (choices.clone().next().is_none() && extra.get("detail").is_some());
    let reported = error_in(extra).or_else(|| choices.find_map(error_in));
    reported.or_else(|| {
        let mut event: ErrorEvent = recode(value);
        event.error = None;
        let mut error = event.to_api_error();
        error.kind = extra.get("type").and_then(|kind| kind.decode().ok());
        cleaned(error).filter(|_| is_bare)
    })
}

/// Reads the value of `error`.
fn error_in(extra: &Extra) -> Option<ApiError> {
    let raw = extra.get("error")?;
    match raw.decode::<String>() {
        Ok(message) => cleaned(ApiError {
            message,
            ..ApiError::default()
        }),
        Err(_) => cleaned(raw.decode().ok()?),
    }
}

/// Turns a code that is a number into text; `None` if the error is empty.
fn cleaned(mut error: ApiError) -> Option<ApiError> {
    let code = error.code.take().map(|code| ErrorCode::from(code.as_str()));
    error.code = code.filter(|code| *code != "" && *code != "0");
    if error.message.is_empty() {
        let message = error.extra.get("message").map(|it| it.to_compact());
        error.message = message.map_or_else(String::new, Cow::into_owned);
    }
    let is_empty = error.message.is_empty() && error.code.is_none() && error.kind.is_none();
    (!is_empty).then_some(error)
}
