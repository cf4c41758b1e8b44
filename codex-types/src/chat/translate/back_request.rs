//! Translation from a Responses request to a chat request.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::chat::translate::back_history::messages;
use crate::chat::translate::fields::Refusals;
use crate::chat::translate::{RequestOptions, TranslateError, TranslateErrorKind};
use crate::chat::*;
use crate::lint::Finding;
use crate::lint::tree::Node;
use crate::raw::push_string;
use crate::{
    CreateResponse, CustomTool, CustomToolFormat, FunctionTool, Include, RawJson, TextFormat, Tool,
    ToolCaller, ToolChoice, ToolChoiceTarget, Truncation, UserLocation, WebSearchTool,
};

/// A chat request and the diagnostics of its translation.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TranslatedChatRequest {
    /// The request.
    pub request: ChatRequest,
    /// Diagnostics: what was left out, and calls and outputs without each other, which chat
    /// services refuse. They point into the Responses request.
    pub findings: Vec<Finding>,
}

/// Translates a Responses request into a chat request, for a chat-only server.
///
/// Each message with calls is followed immediately by their outputs, as chat services require;
/// messages between a call and its output come after the output. Parallel calls become one message.
/// A streaming request also requests the usage.
///
/// Reasoning items, reasoning requests, `phase` and `client_metadata` have no counterpart and are
/// left out, with a diagnostic, and so are empty assistant messages. The ids and the status of
/// items are left out without one: chat does not need them.
///
/// # Errors
///
/// Fails, with the name of the parameter, at the first parameter that has no counterpart and that
/// `options` does not allow to leave out, such as `previous_response_id` or a restriction of a web
/// search.
///
/// ```
/// use codex_types::chat::translate::{RequestOptions, to_chat_request};
/// use codex_types::{CreateResponse, RawJson};
///
/// let request = CreateResponse::new("local").instructions("Be brief.").input("Hi");
/// let chat = to_chat_request(&request, &RequestOptions::new())?.request;
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
) -> Result<TranslatedChatRequest, TranslateError> {
    let mut refusals = Refusals::new(options);
    refuse_unsupported(request, &mut refusals)?;
    let mut chat = ChatRequest::new(request.model.as_str(), messages(request, &mut refusals)?);
    stream(request, &mut chat, &mut refusals)?;
    tools(request, &mut chat, &mut refusals)?;
    chat.tool_choice = tool_choice(request, &mut refusals)?;
    chat.parallel_tool_calls = request.parallel_tool_calls;
    if let Some(reasoning) = &request.reasoning {
        refusals.refuse_if(reasoning.context.is_some(), "reasoning.context")?;
        refusals.refuse_if(reasoning.mode.is_some(), "reasoning.mode")?;
        refusals.refuse_extra(&reasoning.extra, "reasoning", &[])?;
        refusals.note_if(reasoning.summary.is_some(), "reasoning.summary");
        refusals.note_if(
            reasoning.generate_summary.is_some(),
            "reasoning.generate_summary",
        );
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
    // Chat's default is not to store, and many servers do not know the parameter.
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
        let place = format!("include[{at}]");
        match include {
            Include::ReasoningEncryptedContent => refusals.note_if(true, &place),
            Include::OutputTextLogprobs => chat.logprobs = Some(true),
            _ => refusals.refuse(TranslateErrorKind::Unsupported, &place)?,
        }
    }
    chat.top_logprobs = request.top_logprobs;
    Ok(TranslatedChatRequest {
        request: chat,
        findings: refusals.findings,
    })
}

/// Chat services report no usage of a stream unless the request asks for it.
fn stream(
    request: &CreateResponse,
    chat: &mut ChatRequest,
    refusals: &mut Refusals<'_>,
) -> Result<(), TranslateError> {
    if let Some(stream) = request.extra.get("stream").filter(|raw| !raw.is_null()) {
        match stream.decode() {
            Ok(stream) => chat.stream = Some(stream),
            Err(_) => refusals.refuse(TranslateErrorKind::Malformed, "stream")?,
        }
    }
    let given = request.stream_options.as_ref();
    if let Some(options) = given {
        refusals.refuse_extra(&options.extra, "stream_options", &[])?;
    }
    let mut options = ChatStreamOptions::new();
    options.include_usage = chat.stream.filter(|stream| *stream);
    options.include_obfuscation = given.and_then(|options| options.include_obfuscation);
    let is_empty = options.include_usage.is_none() && options.include_obfuscation.is_none();
    chat.stream_options = (!is_empty).then_some(options);
    Ok(())
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
    refusals.refuse_if(request.generate == Some(false), "generate")?;
    refusals.note_if(request.client_metadata.is_some(), "client_metadata");
    refusals.note_if(request.stream_id.is_some(), "stream_id");
    refusals.refuse_if(request.image.is_some(), "image")?;
    refusals.refuse_if(request.access_programs.is_some(), "access_programs")?;
    refusals.refuse_extra(&request.extra, "", &["stream"])
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
            Tool::WebSearch(tool) if chat.web_search_options.is_none() => {
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
    refuse_callers(tool.allowed_callers.as_deref(), place, refusals)?;
    refusals.refuse_extra(&tool.extra, place, &[])?;
    let mut function = ChatFunction::new(tool.name.as_str());
    function.description.clone_from(&tool.description);
    function.parameters = Some(tool.parameters.clone()).filter(|schema| !schema.is_null());
    // An omitted key means strict in Responses and not strict in chat.
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
    refuse_callers(tool.allowed_callers.as_deref(), place, refusals)?;
    refusals.refuse_extra(&tool.extra, place, &[])?;
    if let Some(extra) = tool.format.as_ref().and_then(|format| format.extra()) {
        refusals.refuse_extra(extra, &format!("{place}.format"), &[])?;
    }
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

/// In chat only the model itself calls tools.
fn refuse_callers(
    callers: Option<&[ToolCaller]>,
    place: &str,
    refusals: &mut Refusals<'_>,
) -> Result<(), TranslateError> {
    let is_other = callers.is_some_and(|callers| callers != [ToolCaller::Direct]);
    refusals.refuse_if(is_other, &format!("{place}.allowed_callers"))
}

fn web_search(
    tool: &WebSearchTool,
    place: &str,
    refusals: &mut Refusals<'_>,
) -> Result<ChatWebSearchOptions, TranslateError> {
    let types = tool.search_content_types.as_ref();
    let restrictions = [
        ("filters", tool.filters.is_some()),
        (
            "external_web_access",
            tool.external_web_access == Some(false),
        ),
        ("indexed_web_access", tool.indexed_web_access.is_some()),
        (
            "search_content_types",
            types.is_some_and(|types| !types.is_empty()),
        ),
    ];
    for (name, is_there) in restrictions {
        refusals.refuse_if(is_there, &format!("{place}.{name}"))?;
    }
    refusals.refuse_extra(&tool.extra, place, &[])?;
    let mut search = ChatWebSearchOptions::new();
    search
        .search_context_size
        .clone_from(&tool.search_context_size);
    if let Some(location) = &tool.user_location {
        refusals.refuse_extra(&location.extra, &format!("{place}.user_location"), &[])?;
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
    if let Some(ToolChoice::Target(target)) = &request.tool_choice
        && let Some(extra) = target.extra()
    {
        refusals.refuse_extra(extra, "tool_choice", &[])?;
    }
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

/// Nests `{"type":"function","name":"f"}` one level deeper.
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
    if let Some(extra) = format.and_then(TextFormat::extra) {
        refusals.refuse_extra(extra, "text.format", &[])?;
    }
    Ok(match format {
        None => None,
        Some(TextFormat::Text(_)) => Some(ChatTextFormat::new().into()),
        Some(TextFormat::JsonObject(_)) => Some(ChatJsonObjectFormat::new().into()),
        Some(TextFormat::JsonSchema(format)) => {
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
