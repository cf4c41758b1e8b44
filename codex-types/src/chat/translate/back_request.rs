//! Responses request to chat request.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::chat::translate::fields::Refusals;
use crate::chat::translate::{RequestOptions, TranslateError, TranslateErrorKind};
use crate::chat::*;
use crate::lint::FindingCode;
use crate::lint::tree::Node;
use crate::raw::push_string;
use crate::{
    CreateResponse, CustomTool, CustomToolFormat, FunctionTool, Include, Input, InputItem,
    InputPart, Message, MessageContent, RawJson, Role, TextFormat, Tool, ToolChoice,
    ToolChoiceTarget, ToolOutput, Truncation, UserLocation, WebSearchTool,
};

/// Translates a Responses request into a chat request, for a server that knows only chat.
///
/// Reasoning in the history, and what asks for reasoning to be sent, has no place in chat and is
/// left out: such a server makes up its mind anew. What refers to something the service would have
/// stored is refused.
///
/// # Errors
///
/// Refuses, with its name, the first parameter that has no counterpart and that the options do not
/// say to leave out.
///
/// ```
/// use codex_types::chat::translate::{RequestOptions, to_chat_request};
/// use codex_types::{CreateResponse, RawJson};
///
/// let request = CreateResponse::new("local").instructions("Be brief.").input("Hi");
/// let chat = to_chat_request(&request, &RequestOptions::new())?;
/// assert_eq!(
///     RawJson::encode(&chat).unwrap().as_str(),
///     concat!(
///         r#"{"model":"local","messages":[{"role":"system","content":"Be brief."},"#,
///         r#"{"role":"user","content":"Hi"}]}"#,
///     ),
/// );
/// let error = to_chat_request(&request.previous_response_id("resp_1"), &RequestOptions::new());
/// assert_eq!(error.unwrap_err().parameter(), "previous_response_id");
/// # Ok::<(), codex_types::chat::translate::TranslateError>(())
/// ```
pub fn to_chat_request(
    request: &CreateResponse,
    options: &RequestOptions,
) -> Result<ChatRequest, TranslateError> {
    let mut refusals = Refusals::new(options);
    refuse_unsupported(request, &mut refusals)?;
    let mut chat = ChatRequest::new(request.model.as_str(), messages(request, &mut refusals)?);
    chat.stream = request
        .extra
        .get("stream")
        .and_then(|stream| stream.decode().ok());
    if let Some(options) = &request.stream_options {
        refusals.refuse_extra(&options.extra, "stream_options", &[])?;
        chat.stream_options = options
            .include_obfuscation
            .map(|include| ChatStreamOptions::new().include_obfuscation(include));
    }
    tools(request, &mut chat, &mut refusals)?;
    chat.tool_choice = tool_choice(request, &mut refusals)?;
    chat.parallel_tool_calls = request.parallel_tool_calls;
    if let Some(reasoning) = &request.reasoning {
        refusals.refuse_if(reasoning.context.is_some(), "reasoning.context")?;
        refusals.refuse_if(reasoning.mode.is_some(), "reasoning.mode")?;
        refusals.refuse_extra(&reasoning.extra, "reasoning", &[])?;
        chat.reasoning_effort.clone_from(&reasoning.effort);
    }
    if let Some(text) = &request.text {
        refusals.refuse_extra(&text.extra, "text", &[])?;
        chat.verbosity.clone_from(&text.verbosity);
        chat.response_format = response_format(text.format.as_ref(), &mut refusals)?;
    }
    chat.max_completion_tokens = request.max_output_tokens;
    chat.temperature = request.temperature;
    chat.top_p = request.top_p;
    // Not to store is what chat does unasked, and many servers do not know the parameter.
    chat.store = request.store.filter(|store| *store);
    chat.metadata.clone_from(&request.metadata);
    chat.user.clone_from(&request.user);
    chat.safety_identifier
        .clone_from(&request.safety_identifier);
    chat.prompt_cache_key.clone_from(&request.prompt_cache_key);
    chat.prompt_cache_options
        .clone_from(&request.prompt_cache_options);
    chat.prompt_cache_retention
        .clone_from(&request.prompt_cache_retention);
    chat.service_tier.clone_from(&request.service_tier);
    chat.moderation.clone_from(&request.moderation);
    for (at, include) in request.include.iter().flatten().enumerate() {
        match include {
            Include::ReasoningEncryptedContent => {}
            Include::OutputTextLogprobs => chat.logprobs = Some(true),
            _ => refusals.refuse(TranslateErrorKind::Unsupported, &format!("include[{at}]"))?,
        }
    }
    chat.top_logprobs = request.top_logprobs;
    Ok(chat)
}

fn refuse_unsupported(
    request: &CreateResponse,
    refusals: &mut Refusals<'_>,
) -> Result<(), TranslateError> {
    refusals.refuse_if(
        request.previous_response_id.is_some(),
        "previous_response_id",
    )?;
    refusals.refuse_if(request.conversation.is_some(), "conversation")?;
    refusals.refuse_if(request.prompt.is_some(), "prompt")?;
    refusals.refuse_if(request.background == Some(true), "background")?;
    refusals.refuse_if(request.max_tool_calls.is_some(), "max_tool_calls")?;
    let truncates = request
        .truncation
        .as_ref()
        .is_some_and(|it| *it != Truncation::Disabled);
    refusals.refuse_if(truncates, "truncation")?;
    let manages = request
        .context_management
        .as_ref()
        .is_some_and(|it| !it.is_empty());
    refusals.refuse_if(manages, "context_management")?;
    refusals.refuse_if(request.image.is_some(), "image")?;
    refusals.refuse_if(request.access_programs.is_some(), "access_programs")?;
    refusals.refuse_extra(&request.extra, "", &["stream"])
}

fn messages(
    request: &CreateResponse,
    refusals: &mut Refusals<'_>,
) -> Result<Vec<ChatMessage>, TranslateError> {
    let mut messages = Vec::new();
    if let Some(instructions) = request
        .instructions
        .as_ref()
        .filter(|text| !text.is_empty())
    {
        messages.push(ChatMessage::system(instructions.as_str()));
    }
    match &request.input {
        None => {}
        Some(Input::Text(text)) => messages.push(ChatMessage::user(text.as_str())),
        Some(Input::Items(items)) => {
            // A call belongs to the assistant's message in front of it, with nothing in between.
            let mut is_assistant_open = false;
            for (at, item) in items.iter().enumerate() {
                let place = format!("input[{at}]");
                push_item(
                    item,
                    &place,
                    &mut is_assistant_open,
                    &mut messages,
                    refusals,
                )?;
            }
        }
        Some(Input::Unknown(_)) => return Err(TranslateError::malformed("input")),
    }
    Ok(messages)
}

fn push_item(
    item: &InputItem,
    place: &str,
    is_assistant_open: &mut bool,
    messages: &mut Vec<ChatMessage>,
    refusals: &mut Refusals<'_>,
) -> Result<(), TranslateError> {
    match item {
        InputItem::Message(message) => {
            messages.push(self::message(message, place, refusals)?);
            *is_assistant_open = message.role == Role::Assistant;
        }
        InputItem::FunctionCall(call) => {
            let mut arguments =
                ChatFunctionArguments::new(call.name.as_str(), call.arguments.as_str());
            if let Some(namespace) = &call.namespace {
                arguments
                    .extra
                    .insert("namespace", RawJson::string(namespace));
            }
            let call = ChatFunctionCall::new(call.call_id.as_str(), arguments);
            push_call(call.into(), is_assistant_open, messages);
        }
        InputItem::CustomToolCall(call) => {
            let input = ChatCustomInput::new(call.name.as_str(), call.input.as_str());
            let call = ChatCustomCall::new(call.call_id.as_str(), input);
            push_call(call.into(), is_assistant_open, messages);
        }
        InputItem::FunctionCallOutput(output) => {
            let content = tool_content(&output.output, place, refusals)?;
            let call_id = output.call_id.as_deref().unwrap_or_default();
            messages.push(ChatMessage::tool(call_id, content));
            *is_assistant_open = false;
        }
        InputItem::CustomToolCallOutput(output) => {
            let content = tool_content(&output.output, place, refusals)?;
            messages.push(ChatMessage::tool(output.call_id.as_str(), content));
            *is_assistant_open = false;
        }
        InputItem::Reasoning(_) => {
            refusals.note(
                FindingCode::RejectedItem,
                place,
                "was left out: chat has no reasoning",
            );
        }
        _ => refusals.refuse(TranslateErrorKind::Unsupported, place)?,
    }
    Ok(())
}

fn push_call(call: ChatToolCall, is_assistant_open: &mut bool, messages: &mut Vec<ChatMessage>) {
    if !*is_assistant_open {
        let mut message = ChatMessage::new(ChatRole::Assistant);
        super::write_null(&mut message, "content");
        messages.push(message);
        *is_assistant_open = true;
    }
    if let Some(message) = messages.last_mut() {
        message.tool_calls.get_or_insert_with(Vec::new).push(call);
    }
}

fn message(
    message: &Message,
    place: &str,
    refusals: &mut Refusals<'_>,
) -> Result<ChatMessage, TranslateError> {
    let role = match message.role {
        Role::User => ChatRole::User,
        Role::System => ChatRole::System,
        Role::Developer => ChatRole::Developer,
        Role::Assistant => ChatRole::Assistant,
        _ => return Err(TranslateError::unsupported(format!("{place}.role"))),
    };
    let parts = match &message.content {
        MessageContent::Text(text) => return Ok(ChatMessage::new(role).content(text.as_str())),
        MessageContent::Parts(parts) => parts,
        MessageContent::Unknown(_) => {
            return Err(TranslateError::malformed(format!("{place}.content")));
        }
    };
    if role == ChatRole::Assistant {
        return assistant(parts, place, refusals);
    }
    let content = content(parts, &format!("{place}.content"), refusals)?;
    Ok(ChatMessage::new(role).content(content))
}

fn assistant(
    parts: &[InputPart],
    place: &str,
    refusals: &mut Refusals<'_>,
) -> Result<ChatMessage, TranslateError> {
    let mut message = ChatMessage::new(ChatRole::Assistant);
    let (mut text, mut refusal) = (None, None);
    for (at, part) in parts.iter().enumerate() {
        match part {
            InputPart::Refusal(part) => {
                refusal
                    .get_or_insert_with(String::new)
                    .push_str(&part.refusal);
            }
            _ => match part.as_text() {
                Some(piece) => text.get_or_insert_with(String::new).push_str(piece),
                None => {
                    let place = format!("{place}.content[{at}]");
                    refusals.refuse(TranslateErrorKind::Unsupported, &place)?;
                }
            },
        }
    }
    message.content = text.map(ChatContent::Text);
    super::write_null(&mut message, "content");
    message.refusal = refusal;
    Ok(message)
}

/// A single text is written as such: not every server takes parts.
fn content(
    parts: &[InputPart],
    place: &str,
    refusals: &mut Refusals<'_>,
) -> Result<ChatContent, TranslateError> {
    if let [InputPart::Text(part)] = parts
        && part.prompt_cache_breakpoint.is_none()
    {
        return Ok(ChatContent::Text(part.text.clone()));
    }
    let mut translated = Vec::with_capacity(parts.len());
    for (at, part) in parts.iter().enumerate() {
        translated.extend(self::part(part, &format!("{place}[{at}]"), refusals)?);
    }
    Ok(ChatContent::Parts(translated))
}

fn part(
    part: &InputPart,
    place: &str,
    refusals: &mut Refusals<'_>,
) -> Result<Option<ChatPart>, TranslateError> {
    Ok(Some(match part {
        InputPart::Image(image) => {
            let Some(url) = &image.image_url else {
                refusals.refuse(TranslateErrorKind::Unsupported, &format!("{place}.file_id"))?;
                return Ok(None);
            };
            let url = ChatImageUrl::new(url.as_str()).detail(image.detail.clone());
            let mut translated = ChatImagePart::new(url);
            translated
                .prompt_cache_breakpoint
                .clone_from(&image.prompt_cache_breakpoint);
            translated.into()
        }
        InputPart::File(file) => {
            refusals.refuse_if(file.file_url.is_some(), &format!("{place}.file_url"))?;
            refusals.refuse_if(file.detail.is_some(), &format!("{place}.detail"))?;
            let mut inner = ChatFile::new();
            inner.file_data.clone_from(&file.file_data);
            inner.file_id.clone_from(&file.file_id);
            inner.filename.clone_from(&file.filename);
            let mut translated = ChatFilePart::new(inner);
            translated
                .prompt_cache_breakpoint
                .clone_from(&file.prompt_cache_breakpoint);
            translated.into()
        }
        InputPart::Audio(audio) => {
            let Some(clip) = &audio.input_audio else {
                refusals.refuse(
                    TranslateErrorKind::Unsupported,
                    &format!("{place}.audio_url"),
                )?;
                return Ok(None);
            };
            ChatAudioPart::new(clip.clone()).into()
        }
        InputPart::Text(text) => {
            let mut translated = ChatTextPart::new(text.text.as_str());
            translated
                .prompt_cache_breakpoint
                .clone_from(&text.prompt_cache_breakpoint);
            translated.into()
        }
        other => match other.as_text() {
            Some(text) => ChatTextPart::new(text).into(),
            None => {
                refusals.refuse(TranslateErrorKind::Unsupported, place)?;
                return Ok(None);
            }
        },
    }))
}

fn tool_content(
    output: &ToolOutput,
    place: &str,
    refusals: &mut Refusals<'_>,
) -> Result<ChatContent, TranslateError> {
    let parts = match output {
        ToolOutput::Text(text) => return Ok(ChatContent::Text(text.clone())),
        ToolOutput::Unknown(_) => {
            return Err(TranslateError::malformed(format!("{place}.output")));
        }
        ToolOutput::Parts(parts) => parts,
    };
    let mut translated: Vec<ChatPart> = Vec::with_capacity(parts.len());
    for (at, part) in parts.iter().enumerate() {
        match part.as_text() {
            Some(text) => translated.push(ChatTextPart::new(text).into()),
            None => {
                let place = format!("{place}.output[{at}]");
                refusals.refuse(TranslateErrorKind::Unsupported, &place)?;
            }
        }
    }
    Ok(ChatContent::Parts(translated))
}

fn tools(
    request: &CreateResponse,
    chat: &mut ChatRequest,
    refusals: &mut Refusals<'_>,
) -> Result<(), TranslateError> {
    let mut tools: Vec<ChatTool> = Vec::new();
    for (at, tool) in request.tools.iter().flatten().enumerate() {
        let place = format!("tools[{at}]");
        match tool {
            Tool::Function(tool) => tools.push(function(tool, &place, refusals)?.into()),
            Tool::Custom(tool) => tools.push(custom(tool, &place, refusals)?.into()),
            Tool::WebSearch(tool) => {
                chat.web_search_options = Some(web_search(tool, &place, refusals)?);
            }
            _ => refusals.refuse(TranslateErrorKind::Unsupported, &place)?,
        }
    }
    let is_empty = tools.is_empty();
    chat.tools = request
        .tools
        .as_ref()
        .filter(|said| !is_empty || said.is_empty())
        .map(|_| tools);
    Ok(())
}

fn function(
    tool: &FunctionTool,
    place: &str,
    refusals: &mut Refusals<'_>,
) -> Result<ChatFunctionTool, TranslateError> {
    refusals.refuse_if(
        tool.output_schema.is_some(),
        &format!("{place}.output_schema"),
    )?;
    refusals.refuse_if(tool.is_async == Some(true), &format!("{place}.async"))?;
    refusals.refuse_if(
        tool.defer_loading == Some(true),
        &format!("{place}.defer_loading"),
    )?;
    refusals.refuse_extra(&tool.extra, place, &["strict"])?;
    let mut function = ChatFunction::new(tool.name.as_str());
    function.description.clone_from(&tool.description);
    function.parameters = Some(tool.parameters.clone()).filter(|schema| !schema.is_null());
    // A key that is left out means strict here and not strict there.
    function.strict = Some(tool.strict);
    Ok(ChatFunctionTool::new(function))
}

fn custom(
    tool: &CustomTool,
    place: &str,
    refusals: &mut Refusals<'_>,
) -> Result<ChatCustomTool, TranslateError> {
    refusals.refuse_if(tool.is_async == Some(true), &format!("{place}.async"))?;
    refusals.refuse_if(
        tool.defer_loading == Some(true),
        &format!("{place}.defer_loading"),
    )?;
    refusals.refuse_extra(&tool.extra, place, &[])?;
    let mut custom = ChatCustom::new(tool.name.as_str());
    custom.description.clone_from(&tool.description);
    custom.format = match tool.format.as_deref() {
        None => None,
        Some(CustomToolFormat::Text(_)) => Some(ChatTextToolFormat::new().into()),
        Some(CustomToolFormat::Grammar(format)) => {
            let grammar = ChatGrammar::new(format.syntax.clone(), format.definition.as_str());
            Some(ChatGrammarFormat::new(grammar).into())
        }
        Some(CustomToolFormat::Unknown(format)) => Some(ChatCustomFormat::Unknown(format.clone())),
    };
    Ok(ChatCustomTool::new(custom))
}

fn web_search(
    tool: &WebSearchTool,
    place: &str,
    refusals: &mut Refusals<'_>,
) -> Result<ChatWebSearchOptions, TranslateError> {
    refusals.refuse_if(tool.filters.is_some(), &format!("{place}.filters"))?;
    refusals.refuse_extra(&tool.extra, place, &[])?;
    let mut search = ChatWebSearchOptions::new();
    search
        .search_context_size
        .clone_from(&tool.search_context_size);
    if let Some(location) = &tool.user_location {
        let mut place = UserLocation::clone(location);
        place.extra = crate::Extra::vacant();
        place.extra.set_untagged();
        search.user_location = Some(ChatUserLocation::new(place));
    }
    Ok(search)
}

fn tool_choice(
    request: &CreateResponse,
    refusals: &mut Refusals<'_>,
) -> Result<Option<ChatToolChoice>, TranslateError> {
    let target: ChatToolChoiceTarget = match &request.tool_choice {
        None => return Ok(None),
        Some(ToolChoice::Mode(mode)) => return Ok(Some(ChatToolChoice::Mode(mode.clone()))),
        Some(ToolChoice::Target(ToolChoiceTarget::Function(choice))) => {
            ChatFunctionChoice::new(ChatFunctionName::new(choice.name.as_str())).into()
        }
        Some(ToolChoice::Target(ToolChoiceTarget::Custom(choice))) => {
            ChatCustomChoice::new(ChatFunctionName::new(choice.name.as_str())).into()
        }
        Some(ToolChoice::Target(ToolChoiceTarget::AllowedTools(choice))) => {
            let tools: Vec<RawJson> = choice.tools.iter().map(nested_tool).collect();
            ChatAllowedToolsChoice::new(ChatAllowedTools::new(choice.mode.clone(), tools)).into()
        }
        Some(_) => {
            refusals.refuse(TranslateErrorKind::Unsupported, "tool_choice")?;
            return Ok(None);
        }
    };
    Ok(Some(ChatToolChoice::Target(target)))
}

/// `{"type":"function","name":"f"}` with one level more.
fn nested_tool(tool: &RawJson) -> RawJson {
    let Ok(node) = Node::read(tool) else {
        return tool.clone();
    };
    let kind = node.text_of("type");
    if !matches!(kind, "function" | "custom") || node.get(kind).is_some() {
        return tool.clone();
    }
    let mut inner = String::from("{");
    for (name, value) in node.members().iter().filter(|(name, _)| name != "type") {
        if inner.len() > 1 {
            inner.push(',');
        }
        push_string(&mut inner, name);
        inner.push(':');
        inner.push_str(value.text);
    }
    RawJson::trusted(format!(r#"{{"type":"{kind}","{kind}":{inner}}}}}"#))
}

fn response_format(
    format: Option<&TextFormat>,
    refusals: &mut Refusals<'_>,
) -> Result<Option<ChatResponseFormat>, TranslateError> {
    Ok(match format {
        None => None,
        Some(TextFormat::Text(_)) => Some(ChatTextFormat::new().into()),
        Some(TextFormat::JsonObject(_)) => Some(ChatJsonObjectFormat::new().into()),
        Some(TextFormat::JsonSchema(format)) => {
            refusals.refuse_extra(&format.extra, "text.format", &[])?;
            let mut schema = ChatJsonSchema::new(format.name.as_str());
            schema.description.clone_from(&format.description);
            schema.schema = Some(format.schema.clone());
            schema.strict = format.strict;
            Some(ChatJsonSchemaFormat::new(schema).into())
        }
        Some(TextFormat::Unknown(_)) => {
            refusals.refuse(TranslateErrorKind::Unsupported, "text.format")?;
            None
        }
    })
}
