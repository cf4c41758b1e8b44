//! How completions end: finish reasons and errors, under every name that servers use.

use crate::chat::FinishReason;
use crate::error;
use crate::{ApiError, ErrorCode, Extra};

/// The ending of a completion, whatever name the server uses for it.
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

/// Returns the error that a chunk or a completion reports, itself or in one of its choices.
pub(super) fn reported<'a>(
    extra: &Extra,
    object: &str,
    has_content: bool,
    mut choices: impl Iterator<Item = &'a Extra>,
) -> Option<ApiError> {
    let error = error::reported(extra, has_content);
    let error = error.or_else(|| choices.find_map(|choice| error::reported(choice, true)));
    let error = error.or_else(|| {
        let error = (object == "error").then(|| error::in_keys(extra));
        error.filter(|error| !error.is_empty())
    });
    error.map(plain).filter(|error| !error.is_empty())
}

/// Turns a code that is a number into text, and drops a code that only repeats the message.
fn plain(mut error: ApiError) -> ApiError {
    let code = error.code.take().map(|code| ErrorCode::from(code.as_str()));
    let is_code =
        |code: &ErrorCode| !matches!(code.as_str(), "" | "0") && error.message != code.as_str();
    error.code = code.filter(is_code);
    error
}
