//! Translation from a chat completion to a response.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::chat::tolerant::content_pieces;
use crate::chat::translate::TranslateError;
use crate::chat::{
    ChatAnnotation, ChatChoice, ChatContent, ChatCustomInput, ChatEnding, ChatFunctionArguments,
    ChatMessage, ChatPiece, ChatResponse, ChatToolCall, ChatToolCallDelta, FinishReason,
    invented_call_id,
};
use crate::wire::known::set_value;
use crate::{
    Annotation, ApiError, CustomToolCall, FunctionCall, IncompleteDetails, IncompleteReason,
    ItemStatus, Number, OutputItem, OutputMessage, OutputPart, OutputText, ReasoningItem,
    ReasoningPart, ReasoningText, Refusal, Response, Role, Status, ToolChoice, UrlCitation,
};

/// Translates a chat completion into a response, for a chat-only server.
///
/// Text, reasoning, calls and usage are read in every form in which servers send them. A completion
/// that reports an error, or an error that was sent instead of one, becomes a failed response. A
/// completion with a finish reason that the Responses API does not have is incomplete for that
/// reason.
///
/// Item ids are derived from the id of the completion and of its calls, so that the same completion
/// always becomes the same response. A call without an id, or with that of an earlier call, has an
/// [invented one](invented_call_id).
///
/// # Errors
///
/// Returns an error that names the parameter if the completion contains something that a response
/// cannot: several choices, none, or audio, images and unknown parts.
///
/// # Examples
///
/// ```
/// use codex_types::{RawJson, Status};
/// use codex_types::chat::ChatResponse;
/// use codex_types::chat::translate::to_response;
///
/// let json = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"local",
///     "choices":[{"index":0,"message":{"role":"assistant","content":"Paris"},"finish_reason":"stop"}]}"#;
/// let completion: ChatResponse = RawJson::parse(json)?.decode()?;
/// let response = to_response(&completion).unwrap();
/// assert_eq!(response.status, Status::Completed);
/// assert_eq!(response.output_text(), "Paris");
/// # Ok::<(), codex_types::DecodeError>(())
/// ```
pub fn to_response(completion: &ChatResponse) -> Result<Response, TranslateError> {
    let error = completion.error();
    let choices = completion.given_choices();
    let choice = match &*choices {
        [choice] => Some(choice.with_message()),
        [] if error.is_some() => None,
        [] => return Err(TranslateError::missing("choices")),
        _ => return Err(TranslateError::unsupported("choices[1]")),
    };
    let id = completion.given_id();
    let mut response = begin_response(id, &completion.model, completion.created_at());
    for name in ["id", "created_at", "model"] {
        set_value(&mut response, name);
    }
    let choice = choice.as_deref();
    let reason = choice.and_then(|choice| choice.finish_reason.as_ref());
    response.status = Status::Completed;
    if let Some(reason) = reason {
        end_response(&mut response, reason);
    }
    if let Some(error) = error.or_else(|| reason.and_then(reason_as_error)) {
        response.status = Status::Failed;
        response.incomplete_details = None;
        response.error = Some(Box::new(error));
    }
    if let Some(choice) = choice {
        let status = item_status(&response);
        response.output = output(choice, id, &status)?;
    }
    response.usage = completion
        .usage
        .as_ref()
        .map(|usage| Box::new(usage.into()));
    response.service_tier.clone_from(&completion.service_tier);
    response.metadata.clone_from(&completion.metadata);
    Ok(response)
}

fn reason_as_error(reason: &FinishReason) -> Option<ApiError> {
    let message = || format!("the server ended the completion with {reason}");
    let is_error = reason.ending() == Some(ChatEnding::Error);
    is_error.then(|| ApiError::new("server_error", message()))
}

fn output(
    choice: &ChatChoice,
    id: &str,
    status: &ItemStatus,
) -> Result<Vec<OutputItem>, TranslateError> {
    let message = &choice.message;
    if message.audio.is_some() {
        return Err(TranslateError::unsupported("choices[0].message.audio"));
    }
    refuse_unreadable(message)?;
    let mut output = reasoning(message, id);
    output.extend(said(choice, id, status));
    output.extend(calls(message, id, status));
    Ok(output)
}

fn refuse_unreadable(message: &ChatMessage) -> Result<(), TranslateError> {
    match &message.content {
        Some(ChatContent::Unknown(raw)) if content_pieces(raw).is_empty() => {
            return Err(TranslateError::malformed("choices[0].message.content"));
        }
        Some(ChatContent::Parts(parts)) => {
            if let Some(at) = parts.iter().position(|part| part.as_piece().is_none()) {
                let place = format!("choices[0].message.content[{at}]");
                return Err(TranslateError::unsupported(place));
            }
        }
        _ => {}
    }
    let is_odd = |call: &ChatToolCall| !call.is_known() && call.to_delta().given_name().is_none();
    match message.tool_calls.iter().flatten().position(is_odd) {
        Some(at) => {
            let place = format!("choices[0].message.tool_calls[{at}]");
            Err(TranslateError::unsupported(place))
        }
        None => Ok(()),
    }
}

/// Returns the response of a completion that has just begun, with the keys that every response has.
///
/// ```
/// use codex_types::chat::translate::{begin_response, end_response};
/// use codex_types::chat::FinishReason;
/// use codex_types::Status;
///
/// let mut response = begin_response("c1", "local", 1_770_000_000.into());
/// assert_eq!(response.status, Status::InProgress);
/// end_response(&mut response, &FinishReason::Length);
/// assert_eq!(response.status, Status::Incomplete);
/// ```
pub fn begin_response(id: &str, model: &str, created: Number) -> Response {
    let mut response = Response::new(id, Status::InProgress);
    response.created_at = created;
    response.model = model.into();
    response.tool_choice = ToolChoice::from("auto");
    response.parallel_tool_calls = true;
    for name in ["output", "tools"] {
        set_value(&mut response, name);
    }
    response
}

/// Ends a response like a completion with this finish reason.
pub fn end_response(response: &mut Response, reason: &FinishReason) {
    let incomplete = match reason.ending() {
        None | Some(ChatEnding::Stop | ChatEnding::ToolCalls) => None,
        Some(ChatEnding::Length) => Some(IncompleteReason::MaxOutputTokens),
        Some(ChatEnding::ContentFilter) => Some(IncompleteReason::ContentFilter),
        Some(ChatEnding::Error | ChatEnding::Other) => {
            Some(IncompleteReason::from(reason.as_str()))
        }
    };
    response.status = match incomplete {
        Some(_) => Status::Incomplete,
        None => Status::Completed,
    };
    response.incomplete_details = incomplete.map(|reason| IncompleteDetails::new().reason(reason));
}

pub(super) fn item_status(response: &Response) -> ItemStatus {
    if response.status == Status::Completed {
        ItemStatus::Completed
    } else {
        ItemStatus::Incomplete
    }
}

pub(super) fn function_call(
    call_id: &str,
    function: &ChatFunctionArguments,
    status: &ItemStatus,
) -> FunctionCall {
    let mut call = FunctionCall::new(call_id, function.name.as_str(), function.arguments.as_str());
    call.id = Some(format!("fc_{call_id}"));
    call.status = Some(status.clone());
    call.namespace = function
        .extra
        .get("namespace")
        .and_then(|name| name.decode().ok());
    call
}

pub(super) fn custom_call(
    call_id: &str,
    custom: &ChatCustomInput,
    status: &ItemStatus,
) -> CustomToolCall {
    let mut call = CustomToolCall::new(call_id, custom.name.as_str(), custom.input.as_str());
    call.id = Some(format!("ctc_{call_id}"));
    call.status = Some(status.clone());
    call
}

/// Translates reasoning. Reasoning that was sent with its items is restored unchanged; text alone
/// becomes an item without encrypted content, which the service does not accept back.
fn reasoning(message: &ChatMessage, id: &str) -> Vec<OutputItem> {
    if let Some(items) = &message.reasoning_items {
        return items.iter().cloned().map(OutputItem::from).collect();
    }
    let pieces = message.pieces().into_iter();
    let words = pieces.filter_map(|piece| match piece {
        ChatPiece::Reasoning(text) => Some(ReasoningText::new(text).into()),
        _ => None,
    });
    let words: Vec<ReasoningPart> = words.collect();
    if words.is_empty() {
        return Vec::new();
    }
    let mut item = reasoning_item(id, "");
    item.content = Some(words);
    [item.into()].into()
}

pub(super) fn reasoning_item(id: &str, text: &str) -> ReasoningItem {
    let mut item = ReasoningItem::new([]);
    item.id = Some(format!("rs_{id}"));
    item.content = Some(Vec::from([ReasoningText::new(text).into()]));
    item
}

/// Builds the message. Citation indexes count the characters of all texts; each text has the
/// citations that start in it.
fn said(choice: &ChatChoice, id: &str, status: &ItemStatus) -> Option<OutputItem> {
    let pieces = choice.message.pieces();
    let texts = pieces
        .iter()
        .filter(|piece| matches!(piece, ChatPiece::Text(_)));
    let mut left = texts.count();
    let mut logprobs = choice.logprobs.as_ref().and_then(|all| all.content.clone());
    let mut start = 0;
    let mut parts: Vec<OutputPart> = Vec::new();
    for piece in pieces {
        match piece {
            ChatPiece::Reasoning(_) => {}
            ChatPiece::Refusal(text) => parts.push(Refusal::new(text).into()),
            ChatPiece::Text(text) => {
                let mut part = OutputText::new(&*text);
                left -= 1;
                let next = if left == 0 {
                    u64::MAX
                } else {
                    start + text.chars().count() as u64
                };
                let annotations = choice.message.annotations.iter().flatten();
                let cited = annotations.filter_map(|one| citation_within(one, start, next));
                part.annotations = cited.collect();
                part.logprobs = logprobs.take();
                start = next;
                parts.push(part.into());
            }
        }
    }
    (!parts.is_empty()).then(|| message_item(id, parts, status).into())
}

fn calls(message: &ChatMessage, id: &str, status: &ItemStatus) -> Vec<OutputItem> {
    let calls = message.calls();
    let given: BTreeSet<&str> = calls
        .iter()
        .filter_map(ChatToolCallDelta::given_id)
        .collect();
    let mut invented = (0..).map(|number| invented_call_id(id, number));
    let mut used = BTreeSet::new();
    let mut items = Vec::with_capacity(calls.len());
    for call in &calls {
        let own = call.given_id().filter(|id| used.insert(*id));
        let call_id = match own {
            Some(own) => Some(own.into()),
            None => invented.find(|id| !given.contains(id.as_str())),
        };
        items.push(call_item(call, &call_id.unwrap_or_default(), status));
    }
    items
}

fn call_item(call: &ChatToolCallDelta, call_id: &str, status: &ItemStatus) -> OutputItem {
    let name = call.given_name().unwrap_or_default();
    let input = call.input_text().unwrap_or_default();
    let function = call.function.as_ref().map(|function| &function.extra);
    let extra = call
        .custom
        .as_ref()
        .map(|custom| &custom.extra)
        .or(function);
    let namespace = extra.and_then(|extra| extra.get("namespace")?.decode().ok());
    if call.is_custom() {
        let custom = ChatCustomInput::new(name, input);
        let mut item = custom_call(call_id, &custom, status);
        item.namespace = namespace;
        item.into()
    } else {
        let function = ChatFunctionArguments::new(name, input);
        let mut item = function_call(call_id, &function, status);
        item.namespace = namespace;
        item.into()
    }
}

pub(super) fn message_item(id: &str, parts: Vec<OutputPart>, status: &ItemStatus) -> OutputMessage {
    let mut message = OutputMessage::text("", "");
    message.id = Some(message_id(id));
    message.content = parts;
    message.status = status.clone();
    message.role = Role::Assistant;
    message
}

pub(super) fn message_id(id: &str) -> String {
    format!("msg_{id}")
}

/// Returns a citation that starts between two indexes, with its index relative to the first.
fn citation_within(annotation: &ChatAnnotation, start: u64, next: u64) -> Option<Annotation> {
    let ChatAnnotation::UrlCitation(annotation) = annotation else {
        return None;
    };
    let citation = &annotation.url_citation;
    let is_within = (start..next).contains(&citation.start_index);
    let moved = UrlCitation::new(
        citation.start_index.saturating_sub(start),
        citation.end_index.saturating_sub(start),
        citation.title.as_str(),
        citation.url.as_str(),
    );
    is_within.then(|| moved.into())
}
