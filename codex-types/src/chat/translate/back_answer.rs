//! Chat completion to response.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::chat::translate::{TranslateError, write_empty};
use crate::chat::*;
use crate::{
    Annotation, CustomToolCall, FunctionCall, IncompleteDetails, IncompleteReason, ItemStatus,
    OutputItem, OutputMessage, OutputPart, OutputText, ReasoningItem, ReasoningText, Refusal,
    Response, Role, Status, ToolChoice, UrlCitation, Usage,
};

/// Translates a chat completion into a response, for a server that knows only chat.
///
/// An answer that ends for a reason the Responses API does not know is incomplete for that reason.
/// Ids of items are made from the id of the completion and of its calls, so that the same completion
/// always gives the same response.
///
/// # Errors
///
/// Refuses, with its name, what a response cannot hold: several answers, or none, or sound.
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
    let choice = match completion.choices.as_slice() {
        [choice] => choice,
        [] => return Err(TranslateError::missing("choices")),
        _ => return Err(TranslateError::unsupported("choices[1]")),
    };
    let message = &choice.message;
    if message.audio.is_some() {
        return Err(TranslateError::unsupported("choices[0].message.audio"));
    }
    let mut response = new_response(
        &completion.id,
        &completion.model,
        completion.created,
        Status::Completed,
    );
    end(&mut response, choice.finish_reason.as_ref());
    let status = item_status(&response);
    response.output.extend(reasoning(message, &completion.id));
    response
        .output
        .extend(said(message, choice, &completion.id, &status)?);
    for (at, call) in message.tool_calls.iter().flatten().enumerate() {
        response.output.push(match call {
            ChatToolCall::Function(call) => function_call(&call.id, &call.function, &status).into(),
            ChatToolCall::Custom(call) => custom_call(&call.id, &call.custom, &status).into(),
            ChatToolCall::Unknown(_) => {
                let place = format!("choices[0].message.tool_calls[{at}]");
                return Err(TranslateError::unsupported(place));
            }
        });
    }
    if let Some(call) = &message.function_call {
        response
            .output
            .push(function_call("call_function_0", call, &status).into());
    }
    response.usage = completion
        .usage
        .as_ref()
        .map(|usage| Box::new(self::usage(usage)));
    response.service_tier.clone_from(&completion.service_tier);
    response.metadata.clone_from(&completion.metadata);
    Ok(response)
}

/// A response in which what every response has is written, if only empty.
pub(super) fn new_response(id: &str, model: &str, created: u64, status: Status) -> Response {
    let mut response = Response::new(id, status);
    response.created_at = created.into();
    response.model = model.into();
    response.tool_choice = ToolChoice::from("auto");
    response.parallel_tool_calls = true;
    for name in ["output", "tools"] {
        write_empty(&mut response, name);
    }
    response
}

/// How a response ends whose chat completion ends like this.
pub(super) fn end(response: &mut Response, reason: Option<&FinishReason>) {
    let incomplete = match reason {
        None | Some(FinishReason::Stop | FinishReason::ToolCalls | FinishReason::FunctionCall) => {
            None
        }
        Some(FinishReason::Length) => Some(IncompleteReason::MaxOutputTokens),
        Some(FinishReason::ContentFilter) => Some(IncompleteReason::ContentFilter),
        Some(FinishReason::Unlisted(other)) => Some(IncompleteReason::from(other.as_str())),
    };
    response.status = Status::Completed;
    if let Some(reason) = incomplete {
        response.status = Status::Incomplete;
        response.incomplete_details = Some(IncompleteDetails::new().reason(reason));
    }
}

pub(super) fn item_status(response: &Response) -> ItemStatus {
    if response.status == Status::Incomplete {
        ItemStatus::Incomplete
    } else {
        ItemStatus::Completed
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

pub(super) fn usage(usage: &ChatUsage) -> Usage {
    usage.into()
}

/// Reasoning whose items came along is restored as it was; words alone become an item that the
/// service cannot take back, which its missing encrypted content shows.
fn reasoning(message: &ChatMessage, id: &str) -> Vec<OutputItem> {
    if let Some(items) = &message.reasoning_items {
        return items.iter().cloned().map(OutputItem::from).collect();
    }
    let text = message
        .reasoning_content
        .as_deref()
        .filter(|text| !text.is_empty());
    text.map(|text| reasoning_item(id, text).into())
        .into_iter()
        .collect()
}

pub(super) fn reasoning_item(id: &str, text: &str) -> ReasoningItem {
    let mut item = ReasoningItem::new([]);
    item.id = Some(format!("rs_{id}"));
    item.content = Some(Vec::from([ReasoningText::new(text).into()]));
    item
}

fn said(
    message: &ChatMessage,
    choice: &ChatChoice,
    id: &str,
    status: &ItemStatus,
) -> Result<Option<OutputItem>, TranslateError> {
    let mut parts: Vec<OutputPart> = Vec::new();
    match &message.content {
        None => {}
        Some(ChatContent::Text(text)) if text.is_empty() => {}
        Some(ChatContent::Text(text)) => {
            let mut part = OutputText::new(text.as_str());
            part.annotations = message
                .annotations
                .iter()
                .flatten()
                .filter_map(annotation)
                .collect();
            part.logprobs = choice.logprobs.as_ref().and_then(|all| all.content.clone());
            parts.push(part.into());
        }
        Some(ChatContent::Parts(said)) => {
            for (at, part) in said.iter().enumerate() {
                parts.push(match part {
                    ChatPart::Text(part) => OutputText::new(part.text.as_str()).into(),
                    ChatPart::Refusal(part) => Refusal::new(part.refusal.as_str()).into(),
                    _ => {
                        let place = format!("choices[0].message.content[{at}]");
                        return Err(TranslateError::unsupported(place));
                    }
                });
            }
        }
        Some(ChatContent::Unknown(_)) => {
            return Err(TranslateError::malformed("choices[0].message.content"));
        }
    }
    if let Some(refusal) = message
        .refusal
        .as_ref()
        .filter(|refusal| !refusal.is_empty())
    {
        parts.push(Refusal::new(refusal.as_str()).into());
    }
    Ok((!parts.is_empty()).then(|| message_item(id, parts, status).into()))
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

fn annotation(annotation: &ChatAnnotation) -> Option<Annotation> {
    let ChatAnnotation::UrlCitation(annotation) = annotation else {
        return None;
    };
    let citation = &annotation.url_citation;
    Some(
        UrlCitation::new(
            citation.start_index,
            citation.end_index,
            citation.title.as_str(),
            citation.url.as_str(),
        )
        .into(),
    )
}
