//! Translation from a Responses request to a chat request.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::chat::translate::back_history::messages;
use crate::chat::translate::back_tools::tools;
use crate::chat::translate::fields::Refusals;
use crate::chat::translate::{RequestOptions, ToolNames, TranslateError, TranslateErrorKind};
use crate::chat::{
    ChatJsonObjectFormat, ChatJsonSchema, ChatJsonSchemaFormat, ChatRequest, ChatResponseFormat,
    ChatStreamOptions, ChatTextFormat,
};
use crate::json::text::push_string;
use crate::lint::{Finding, FindingCode};
use crate::profile::{
    EffortParameter, JsonFormat, OutputLimit, Parameters, ReasoningReplay, StreamUsage, Text,
};
use crate::{CreateResponse, Effort, Include, RawJson, TextFormat, Truncation};

/// A chat request and the diagnostics of its translation.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TranslatedChatRequest {
    /// The request.
    pub request: ChatRequest,
    /// The tools that the functions of the request represent, for translating a stream back.
    pub tools: ToolNames,
    /// Diagnostics: the omitted parameters, and calls and outputs without each other, which chat
    /// services refuse. They point into the Responses request.
    pub findings: Vec<Finding>,
}

/// Translates a Responses request into a chat request, for a chat-only server.
///
/// Each message with calls is followed immediately by their outputs, as chat services require;
/// messages between a call and its output come after the output. Parallel calls become one message.
/// A streaming request also requests the usage.
///
/// Custom tools, `apply_patch`, the shell and tools in a namespace are offered as functions; see
/// [`ToolNames`]. Reasoning is sent back as the server expects it; see [`ReasoningReplay`].
/// Requests for summaries, `phase` and `client_metadata` have no counterpart and are omitted, with
/// a diagnostic, and so are empty assistant messages and reasoning that the server does not accept.
/// The ids and the status of items are omitted without a diagnostic, because chat does not need
/// them.
///
/// # Errors
///
/// Returns an error that names the parameter at the first parameter that has no counterpart and
/// that `options` does not allow to omit, such as `previous_response_id` or a restriction of a web
/// search.
///
/// # Examples
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
    let dialect = refusals.dialect();
    let mut chat = ChatRequest::new(request.model.as_str(), []);
    stream(request, &mut chat, &mut refusals)?;
    let tools = tools(request, &mut chat, &mut refusals)?;
    if dialect.parallel_tool_calls {
        chat.parallel_tool_calls = request.parallel_tool_calls;
    } else {
        let forbids = request.parallel_tool_calls == Some(false);
        refusals.note_if(forbids && !tools.is_empty(), "parallel_tool_calls");
    }
    if let Some(reasoning) = &request.reasoning {
        refusals.refuse_if(reasoning.context.is_some(), "reasoning.context")?;
        refusals.refuse_if(reasoning.mode.is_some(), "reasoning.mode")?;
        refusals.refuse_extra(&reasoning.extra, "reasoning", &[])?;
        refusals.note_if(reasoning.summary.is_some(), "reasoning.summary");
        refusals.note_if(
            reasoning.generate_summary.is_some(),
            "reasoning.generate_summary",
        );
        effort(reasoning.effort.as_ref(), &mut chat, &mut refusals);
    }
    let mut rule = None;
    if let Some(text) = &request.text {
        refusals.refuse_extra(&text.extra, "text", &[])?;
        chat.verbosity.clone_from(&text.verbosity);
        chat.response_format = response_format(text.format.as_ref(), &mut rule, &mut refusals)?;
    }
    chat.messages = messages(request, rule, &tools, &mut refusals)?;
    match dialect.output_limit {
        OutputLimit::MaxTokens => chat.max_tokens = request.max_output_tokens,
        _ => chat.max_completion_tokens = request.max_output_tokens,
    }
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
            Include::ReasoningEncryptedContent => {
                let is_given = dialect.reasoning_replay != ReasoningReplay::Never;
                refusals.note_if(!is_given, &place);
            }
            Include::OutputTextLogprobs => chat.logprobs = Some(true),
            _ => refusals.refuse(TranslateErrorKind::Unsupported, &place)?,
        }
    }
    chat.top_logprobs = request.top_logprobs;
    leave_out_refused(&mut chat, &mut refusals)?;
    Ok(TranslatedChatRequest {
        request: chat,
        tools,
        findings: refusals.findings,
    })
}

/// Translates `stream`, and requests the usage, which chat services otherwise do not report for a
/// stream.
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
    options.include_usage = chat
        .stream
        .filter(|stream| *stream && refusals.dialect().stream_usage == StreamUsage::OnRequest);
    if refusals.dialect().custom_tools {
        options.include_obfuscation = given.and_then(|options| options.include_obfuscation);
    }
    let is_empty = options.include_usage.is_none() && options.include_obfuscation.is_none();
    chat.stream_options = (!is_empty).then_some(options);
    Ok(())
}

/// Writes the reasoning effort under the key that this server reads.
fn effort(effort: Option<&Effort>, chat: &mut ChatRequest, refusals: &mut Refusals<'_>) {
    let Some(effort) = effort else { return };
    match refusals.dialect().effort {
        EffortParameter::ReasoningEffort => chat.reasoning_effort = Some(effort.clone()),
        EffortParameter::Reasoning => {
            let mut json = String::from(r#"{"effort":"#);
            push_string(&mut json, effort.as_str());
            json.push('}');
            chat.extra.insert("reasoning", RawJson::trusted(json));
        }
        EffortParameter::None => refusals.note_if(true, "reasoning.effort"),
    }
}

/// Omits the parameters that the server is known to refuse: those on which the response does not
/// depend, and others if the options allow it.
fn leave_out_refused(
    chat: &mut ChatRequest,
    refusals: &mut Refusals<'_>,
) -> Result<(), TranslateError> {
    let Parameters {
        refused, droppable, ..
    } = &refusals.dialect().parameters;
    let lists = |names: &[Text], name: &str| names.iter().any(|known| known == name);
    macro_rules! leave_out {
        ($($field:ident at $place:literal,)*) => {$(
            let name = stringify!($field);
            if chat.$field.is_some() && lists(refused, name) {
                if lists(droppable, name) {
                    refusals.note_if(true, $place);
                } else {
                    refusals.refuse(TranslateErrorKind::Unsupported, $place)?;
                }
                chat.$field = None;
            }
        )*};
    }
    leave_out! {
        store at "store",
        metadata at "metadata",
        user at "user",
        safety_identifier at "safety_identifier",
        prompt_cache_key at "prompt_cache_key",
        prompt_cache_options at "prompt_cache_options",
        prompt_cache_retention at "prompt_cache_retention",
        moderation at "moderation",
        service_tier at "service_tier",
        verbosity at "text.verbosity",
        logprobs at "include",
        top_logprobs at "top_logprobs",
        temperature at "temperature",
        top_p at "top_p",
        response_format at "text.format",
        tool_choice at "tool_choice",
        reasoning_effort at "reasoning.effort",
    }
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

/// Translates the format of the text. A format that cannot be requested from the server becomes a
/// rule in the instructions.
fn response_format(
    format: Option<&TextFormat>,
    rule: &mut Option<String>,
    refusals: &mut Refusals<'_>,
) -> Result<Option<ChatResponseFormat>, TranslateError> {
    if let Some(extra) = format.and_then(TextFormat::extra) {
        refusals.refuse_extra(extra, "text.format", &[])?;
    }
    let json = refusals.dialect().json_format;
    let schema = match format {
        Some(TextFormat::JsonSchema(format)) => Some(&format.schema),
        _ => None,
    };
    if json != JsonFormat::JsonSchema
        && let Some(TextFormat::JsonSchema(_) | TextFormat::JsonObject(_)) = format
    {
        *rule = Some(match schema {
            Some(schema) => format!("{ONLY_JSON} It fits this JSON schema:\n{schema}"),
            None => ONLY_JSON.into(),
        });
        let what = "is requested in the instructions: the server does not enforce it";
        refusals.note(FindingCode::UnsupportedValue, "text.format", what);
        let object = ChatJsonObjectFormat::new().into();
        return Ok((json == JsonFormat::JsonObject).then_some(object));
    }
    Ok(match format {
        None => None,
        Some(TextFormat::Text(_)) if !refusals.dialect().custom_tools => None,
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

const ONLY_JSON: &str = "Answer with one JSON object and nothing else.";
