//! Translation from a response to a chat completion.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::chat::translate::{AnswerOptions, Commentary, ReasoningShown};
use crate::chat::{
    ChatAnnotation, ChatChoice, ChatContent, ChatCustomCall, ChatCustomInput,
    ChatFunctionArguments, ChatFunctionCall, ChatLogprobs, ChatMessage, ChatResponse, ChatRole,
    ChatToolCall, ChatUrlAnnotation, ChatUrlCitation, ChatUsage, FinishReason,
};
use crate::wire::known::set_null;
use crate::{
    Annotation, ApiError, ErrorCategory, FunctionCall, IncompleteReason, Logprob,
    ModerationOutcome, ModerationReport, OutputItem, OutputMessage, OutputPart, Phase, RawJson,
    ReasoningItem, Response, Status,
};

/// Translates a response into a chat completion.
///
/// The text is that of all messages in order. The last limit or call decides how the choice ends: a
/// response that was cut off at a limit ends with `length`, even if it calls tools.
///
/// # Errors
///
/// Returns an error for a response that failed, was cancelled or has not ended, which has no
/// completion. The error is the one that a chat service would return; [`chat_error_body`] writes
/// it.
///
/// # Examples
///
/// ```
/// use codex_types::chat::FinishReason;
/// use codex_types::chat::translate::{AnswerOptions, to_chat_response};
/// use codex_types::{ApiError, OutputMessage, Response, Status};
///
/// let mut response = Response::new("resp_1", Status::Completed);
/// response.output.push(OutputMessage::text("msg_1", "Paris").into());
/// let completion = to_chat_response(&response, &AnswerOptions::new())?;
/// assert_eq!(completion.choices[0].finish_reason, Some(FinishReason::Stop));
///
/// response.status = Status::Failed;
/// response.error = Some(Box::new(ApiError::new("server_error", "it broke")));
/// let error = to_chat_response(&response, &AnswerOptions::new()).unwrap_err();
/// assert_eq!(error.message, "it broke");
/// # Ok::<(), Box<codex_types::ApiError>>(())
/// ```
pub fn to_chat_response(
    response: &Response,
    options: &AnswerOptions,
) -> Result<ChatResponse, Box<ApiError>> {
    if let Some(error) = error_of(response) {
        return Err(error);
    }
    let answer = Answer::collect(response, options);
    let has_calls = !answer.calls.is_empty();
    let logprobs = answer.logprobs();
    let mut choice = ChatChoice::new(0, answer.into_message());
    choice.logprobs = logprobs;
    if choice.logprobs.is_none() {
        set_null(&mut choice, "logprobs");
    }
    choice.finish_reason = Some(FinishReason::of(response, has_calls));

    let created = response
        .created_at
        .to_whole()
        .filter(|created| *created > 0);
    let or = |text: &str, other: &str| String::from(if text.is_empty() { other } else { text });
    let mut completion = ChatResponse::new(
        or(&response.id, &options.id),
        "chat.completion",
        created.unwrap_or(options.created),
        or(&response.model, &options.model),
        [choice],
    );
    completion.usage = response.usage.as_deref().map(ChatUsage::from);
    completion.service_tier.clone_from(&response.service_tier);
    completion.metadata = response
        .metadata
        .clone()
        .filter(|metadata| !metadata.is_empty());
    completion.moderation = response.moderation.as_deref().map(moderation);
    Ok(completion)
}

/// Returns an error in the form of a chat service: in a body, or instead of a chunk. Without
/// a type of its own, an error has the one of its category.
///
/// ```
/// use codex_types::ApiError;
/// use codex_types::chat::translate::chat_error_body;
///
/// let error = ApiError::new("rate_limit_exceeded", "too fast");
/// assert_eq!(
///     chat_error_body(&error).as_str(),
///     r#"{"error":{"message":"too fast","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}}"#,
/// );
/// ```
pub fn chat_error_body(error: &ApiError) -> RawJson {
    let text = |text: Option<&str>| {
        text.filter(|text| !text.is_empty())
            .map(RawJson::string)
            .unwrap_or_default()
    };
    let kind = error.kind.as_ref().map(|kind| kind.as_str());
    let kind = kind.unwrap_or_else(|| kind_of(error.category()));
    let mut json = format!(
        r#"{{"error":{{"message":{},"type":{},"param":{},"code":{}"#,
        RawJson::string(&error.message),
        RawJson::string(kind),
        text(error.param.as_deref()),
        text(error.code.as_ref().map(|code| code.as_str())),
    );
    // The retry hint is passed on; clients ignore unknown keys.
    for (name, value) in [
        ("resets_at", error.resets_at),
        ("resets_in_seconds", error.resets_in_seconds),
    ] {
        if let Some(value) = value {
            json.push_str(&format!(",\"{name}\":{value}"));
        }
    }
    json.push_str("}}");
    RawJson::trusted(json)
}

fn kind_of(category: ErrorCategory) -> &'static str {
    match category {
        ErrorCategory::Authentication => "authentication_error",
        ErrorCategory::Permission => "permission_error",
        ErrorCategory::InvalidRequest | ErrorCategory::ContextWindow | ErrorCategory::Policy => {
            "invalid_request_error"
        }
        ErrorCategory::Quota => "insufficient_quota",
        ErrorCategory::UsageLimit | ErrorCategory::RateLimit => "rate_limit_error",
        ErrorCategory::Overloaded
        | ErrorCategory::Server
        | ErrorCategory::StateLost
        | ErrorCategory::Unknown => "server_error",
    }
}

/// Returns the error of a response that has no completion.
pub(super) fn error_of(response: &Response) -> Option<Box<ApiError>> {
    match response.status {
        Status::Completed | Status::Incomplete => None,
        Status::InProgress | Status::Queued => {
            let message = "the response has not ended";
            Some(Box::new(ApiError::new("response_not_finished", message)))
        }
        // Some servers omit the status.
        Status::Unlisted(_) if response.status == "" && response.error.is_none() => None,
        Status::Failed | Status::Cancelled | Status::Unlisted(_) => Some(failure(response)),
    }
}

/// Returns why a response failed or was cancelled, for responses that may come without an error.
///
/// ```
/// use codex_types::chat::translate::failure;
/// use codex_types::{Response, Status};
///
/// let error = failure(&Response::new("resp_1", Status::Cancelled));
/// assert_eq!(error.message, "the response was cancelled");
/// ```
pub fn failure(response: &Response) -> Box<ApiError> {
    if let Some(error) = &response.error {
        return error.clone();
    }
    Box::new(if response.status == Status::Cancelled {
        ApiError::new("response_cancelled", "the response was cancelled")
    } else {
        ApiError::new("server_error", "the response failed without a reason")
    })
}

impl FinishReason {
    /// Returns the finish reason of a completion whose response ended like this, with or without
    /// calls. A limit that was reached takes precedence over the calls, which may be cut off.
    ///
    /// ```
    /// use codex_types::chat::FinishReason;
    /// use codex_types::{Response, Status};
    ///
    /// let response = Response::new("resp_1", Status::Completed);
    /// assert_eq!(FinishReason::of(&response, true), FinishReason::ToolCalls);
    /// ```
    pub fn of(response: &Response, has_calls: bool) -> Self {
        let details = response.incomplete_details.as_ref();
        match details.and_then(|details| details.reason.as_ref()) {
            Some(IncompleteReason::MaxOutputTokens) => Self::Length,
            Some(IncompleteReason::ContentFilter) => Self::ContentFilter,
            _ if has_calls => Self::ToolCalls,
            _ => Self::Stop,
        }
    }
}

pub(super) fn function_call(call: &FunctionCall) -> ChatFunctionArguments {
    let mut function = ChatFunctionArguments::new(call.name.as_str(), call.arguments.as_str());
    if let Some(namespace) = &call.namespace {
        function
            .extra
            .insert("namespace", RawJson::string(namespace));
    }
    function
}

impl AnswerOptions {
    /// Returns whether a message is part of the completion: not a commentary message, if those are
    /// omitted.
    pub fn shows(&self, message: &OutputMessage) -> bool {
        let phase = message.phase.as_ref();
        self.commentary == Commentary::Keep
            || phase.is_none_or(|phase| *phase == Phase::FinalAnswer)
    }
}

/// Returns the text of a reasoning item: its summary, else the reasoning itself.
pub(super) fn reasoning_text(item: &ReasoningItem) -> String {
    let summary: Vec<&str> = item
        .summary
        .iter()
        .filter_map(|part| part.as_text())
        .collect();
    if summary.iter().any(|text| !text.is_empty()) {
        return summary.join("\n\n");
    }
    let content = item
        .content
        .iter()
        .flatten()
        .filter_map(|part| part.as_text());
    content.collect::<Vec<_>>().join("\n\n")
}

/// Translates a URL citation into its chat form, after `before` characters of text. `None` for
/// annotations of other kinds, for which chat has no form.
pub fn citation(annotation: &Annotation, before: u64) -> Option<ChatAnnotation> {
    let Annotation::UrlCitation(citation) = annotation else {
        return None;
    };
    let moved = ChatUrlCitation::new(
        citation.start_index.saturating_add(before),
        citation.end_index.saturating_add(before),
        citation.title.as_str(),
        citation.url.as_str(),
    );
    Some(ChatUrlAnnotation::new(moved).into())
}

/// The single message of a completion, while it is assembled.
#[derive(Default)]
struct Answer {
    content: Option<String>,
    characters: u64,
    refusal: Option<String>,
    annotations: Vec<ChatAnnotation>,
    calls: Vec<ChatToolCall>,
    token_logprobs: Vec<Logprob>,
    reasoning: Vec<String>,
    reasoning_items: Vec<ReasoningItem>,
}

impl Answer {
    fn collect(response: &Response, options: &AnswerOptions) -> Self {
        let mut answer = Self::default();
        for item in &response.output {
            match item {
                OutputItem::Message(message) if options.shows(message) => {
                    answer.message(message);
                }
                OutputItem::FunctionCall(call) => {
                    let function = function_call(call);
                    answer
                        .calls
                        .push(ChatFunctionCall::new(call.call_id.as_str(), function).into());
                }
                OutputItem::CustomToolCall(call) => {
                    let custom = ChatCustomInput::new(call.name.as_str(), call.input.as_str());
                    answer
                        .calls
                        .push(ChatCustomCall::new(call.call_id.as_str(), custom).into());
                }
                OutputItem::Reasoning(item) if options.reasoning != ReasoningShown::No => {
                    let text = reasoning_text(item);
                    answer.reasoning.extend((!text.is_empty()).then_some(text));
                    if options.reasoning == ReasoningShown::TextAndItems {
                        answer.reasoning_items.push((**item).clone());
                    }
                }
                _ => {}
            }
        }
        answer
    }

    fn message(&mut self, message: &OutputMessage) {
        for part in &message.content {
            match part {
                OutputPart::Text(part) => {
                    let before = self.characters;
                    self.annotations.extend(
                        part.annotations
                            .iter()
                            .filter_map(|one| citation(one, before)),
                    );
                    self.characters += part.text.chars().count() as u64;
                    self.content
                        .get_or_insert_with(String::new)
                        .push_str(&part.text);
                    self.token_logprobs
                        .extend(part.logprobs.iter().flatten().cloned());
                }
                OutputPart::Refusal(part) => {
                    self.refusal
                        .get_or_insert_with(String::new)
                        .push_str(&part.refusal);
                }
                _ => {}
            }
        }
    }

    fn logprobs(&self) -> Option<ChatLogprobs> {
        if self.token_logprobs.is_empty() {
            return None;
        }
        let mut logprobs = ChatLogprobs::new().content(self.token_logprobs.clone());
        set_null(&mut logprobs, "refusal");
        Some(logprobs)
    }

    fn into_message(self) -> ChatMessage {
        let mut message = ChatMessage::new(ChatRole::Assistant);
        message.content = self.content.map(ChatContent::Text);
        message.refusal = self.refusal;
        for name in ["content", "refusal"] {
            set_null(&mut message, name);
        }
        message.annotations = (!self.annotations.is_empty()).then_some(self.annotations);
        message.tool_calls = (!self.calls.is_empty()).then_some(self.calls);
        let reasoning = self.reasoning.join("\n\n");
        message.reasoning_content = (!reasoning.is_empty()).then_some(reasoning);
        message.reasoning_items =
            (!self.reasoning_items.is_empty()).then_some(self.reasoning_items);
        message
    }
}

/// Converts a moderation report. Chat has the same outcomes as a list of results.
fn moderation(report: &ModerationReport) -> RawJson {
    let side = |outcome: &ModerationOutcome| match outcome {
        ModerationOutcome::Result(result) => format!(
            r#"{{"type":"moderation_results","model":{},"results":[{}]}}"#,
            RawJson::string(&result.model),
            RawJson::encode(outcome).unwrap_or_default(),
        ),
        _ => RawJson::encode(outcome).unwrap_or_default().to_string(),
    };
    RawJson::trusted(format!(
        r#"{{"input":{},"output":{}}}"#,
        side(&report.input),
        side(&report.output)
    ))
}
