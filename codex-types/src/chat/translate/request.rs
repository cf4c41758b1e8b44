//! Translation from a chat request to a Responses request.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::chat::translate::fields::Refusals;
use crate::chat::translate::history::{History, translate_messages};
use crate::chat::translate::options::parameter_of;
use crate::chat::translate::{AnswerOptions, RequestOptions, TranslateError, TranslateErrorKind};
use crate::chat::{
    ChatAllowedTools, ChatCustom, ChatCustomFormat, ChatFunction, ChatFunctionCallOption,
    ChatGrammar, ChatModality, ChatRequest, ChatResponseFormat, ChatStop, ChatTool, ChatToolChoice,
    ChatToolChoiceTarget, ChatWebSearchOptions,
};
use crate::lint::tree::Node;
use crate::lint::{Finding, FindingCode};
use crate::profile::Unfit;
use crate::{
    AllowedTools, CreateResponse, CustomTool, CustomToolFormat, FunctionTool, GrammarFormat,
    Include, Input, JsonObjectFormat, JsonSchemaFormat, PlainTextFormat, RawJson, Reasoning,
    StreamOptions, Streaming, TextConfig, TextFormat, TextToolFormat, Tool, ToolChoice,
    UserLocation, WebSearchTool,
};

/// A translated request, and the settings of the chat request that its response needs.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TranslatedRequest {
    /// The request. If the chat request contains `stream`, so does this, among its extra keys.
    pub request: CreateResponse,
    /// Whether the response is streamed.
    pub streaming: Streaming,
    /// Whether the stream ends with a chunk that reports the usage.
    pub include_usage: bool,
    /// Diagnostics: the omitted parameters, such as the `name` of a message, and the adjusted ones.
    pub findings: Vec<Finding>,
    /// The parameter of the chat request that became `max_output_tokens`.
    limit: &'static str,
}

impl TranslatedRequest {
    /// Returns the options for translating the response to this request.
    pub fn answer_options(&self) -> AnswerOptions {
        AnswerOptions::new().include_usage(self.include_usage)
    }

    /// Returns the parameter of the chat request that became this parameter of its translation, in
    /// the notation of `param` in the errors of the API. A name that both requests have is
    /// unchanged.
    ///
    /// ```
    /// use codex_types::chat::translate::{RequestOptions, to_responses_request};
    /// use codex_types::chat::{ChatMessage, ChatRequest};
    ///
    /// let request = ChatRequest::new("gpt-4o", [ChatMessage::user("Hi")]).max_tokens(100);
    /// let translated = to_responses_request(&request, &RequestOptions::new())?;
    /// assert_eq!(translated.sent_parameter("max_output_tokens"), "max_tokens");
    /// assert_eq!(translated.sent_parameter("reasoning.effort"), "reasoning_effort");
    /// assert_eq!(translated.sent_parameter("input[2].content"), "messages");
    /// assert_eq!(translated.sent_parameter("temperature"), "temperature");
    /// # Ok::<(), codex_types::chat::translate::TranslateError>(())
    /// ```
    pub fn sent_parameter<'a>(&self, parameter: &'a str) -> &'a str {
        let sent = [
            ("max_output_tokens", self.limit),
            ("reasoning.effort", "reasoning_effort"),
            ("text.verbosity", "verbosity"),
            ("text.format", "response_format"),
            ("instructions", "messages"),
            ("input", "messages"),
        ];
        let is_of = |name: &str| {
            let rest = parameter.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let sent = sent.into_iter().find(|(name, _)| is_of(name));
        sent.map_or(parameter, |(_, sent)| sent)
    }

    /// Returns the error of a profile that rejects the translation, with the locations of the
    /// parameters in the chat request.
    #[must_use]
    pub fn sent_locations(&self, unfit: Unfit) -> Unfit {
        unfit.map_pointers(|pointer| {
            let parameter = parameter_of(pointer);
            let sent = self.sent_parameter(&parameter);
            (sent != parameter).then(|| format!("/{sent}"))
        })
    }
}

/// Translates a chat request into a Responses request.
///
/// The `name` of a message has no counterpart and is omitted, with a diagnostic.
///
/// # Errors
///
/// Returns an error that names the parameter at the first parameter that has no counterpart and
/// that the options do not omit.
///
/// # Examples
///
/// ```
/// use codex_types::Streaming;
/// use codex_types::chat::translate::{RequestOptions, to_responses_request};
/// use codex_types::chat::{ChatMessage, ChatRequest};
///
/// let messages = [ChatMessage::system("Be brief."), ChatMessage::user("Good morning")];
/// let request = ChatRequest::new("gpt-4o", messages).max_tokens(100);
/// let translated = to_responses_request(&request, &RequestOptions::new())?;
/// assert_eq!(
///     translated.request.to_json(Streaming::No).unwrap(),
///     concat!(
///         r#"{"stream":false,"model":"gpt-4o","instructions":"Be brief.","input":[{"type":"message","#,
///         r#""role":"user","content":[{"type":"input_text","text":"Good morning"}]}],"#,
///         r#""store":false,"max_output_tokens":100}"#,
///     ),
/// );
/// # Ok::<(), codex_types::chat::translate::TranslateError>(())
/// ```
pub fn to_responses_request(
    chat: &ChatRequest,
    options: &RequestOptions,
) -> Result<TranslatedRequest, TranslateError> {
    let mut refusals = Refusals::new(options);
    refuse_unsupported(chat, &mut refusals)?;
    if chat.model.is_empty() {
        return Err(TranslateError::missing("model"));
    }
    if chat.messages.is_empty() {
        return Err(TranslateError::missing("messages"));
    }
    let History {
        instructions,
        items,
    } = translate_messages(&chat.messages, options, &mut refusals)?;
    let store = chat.store.unwrap_or(false);

    let mut request = CreateResponse::new(chat.model.as_str());
    request.instructions = instructions;
    request.input = Some(Input::Items(items));
    request.tools = tools(chat, &mut refusals)?;
    request.tool_choice = tool_choice(chat, &mut refusals)?;
    request.parallel_tool_calls = chat.parallel_tool_calls;
    request.reasoning = reasoning(chat, options);
    request.store = Some(store);
    request.include = include(chat, options, store);
    request.text = text(chat, &mut refusals)?;
    request.max_output_tokens = max_output_tokens(chat, &mut refusals);
    request.temperature = chat.temperature;
    request.top_p = chat.top_p;
    request.top_logprobs = chat.top_logprobs.filter(|_| chat.logprobs != Some(false));
    request.metadata.clone_from(&chat.metadata);
    request.user.clone_from(&chat.user);
    request
        .safety_identifier
        .clone_from(&chat.safety_identifier);
    request.prompt_cache_key.clone_from(&chat.prompt_cache_key);
    request
        .prompt_cache_options
        .clone_from(&chat.prompt_cache_options);
    request
        .prompt_cache_retention
        .clone_from(&chat.prompt_cache_retention);
    request.service_tier.clone_from(&chat.service_tier);
    request.moderation.clone_from(&chat.moderation);
    if let Some(stream_options) = &chat.stream_options {
        refusals.refuse_extra(&stream_options.extra, "stream_options", &[])?;
        request.stream_options = stream_options
            .include_obfuscation
            .map(|include| StreamOptions::new().include_obfuscation(include));
    }
    if let Some(stream) = chat.stream {
        request
            .extra
            .insert("stream", RawJson::trusted(stream.to_string()));
    }
    let stream_options = chat.stream_options.as_ref();
    Ok(TranslatedRequest {
        request,
        streaming: if chat.stream == Some(true) {
            Streaming::Yes
        } else {
            Streaming::No
        },
        include_usage: stream_options.and_then(|options| options.include_usage) == Some(true),
        findings: refusals.findings,
        limit: limit_of(chat),
    })
}

/// Refuses unsupported parameters. Neutral values are accepted, because they request the default.
fn refuse_unsupported(
    chat: &ChatRequest,
    refusals: &mut Refusals<'_>,
) -> Result<(), TranslateError> {
    refusals.refuse_if(chat.n.is_some_and(|n| n != 1), "n")?;
    let stops = chat.stop.as_ref().is_some_and(|stop| match stop {
        ChatStop::Text(text) => !text.is_empty(),
        ChatStop::Texts(texts) => !texts.is_empty(),
        ChatStop::Unknown(raw) => !raw.is_null(),
    });
    refusals.refuse_if(stops, "stop")?;
    refusals.refuse_if(chat.seed.is_some(), "seed")?;
    let has_bias = chat
        .logit_bias
        .as_ref()
        .is_some_and(|bias| !bias.is_empty());
    refusals.refuse_if(has_bias, "logit_bias")?;
    let penalizes = |penalty: Option<crate::Number>| penalty.is_some_and(|it| it.as_f64() != 0.0);
    refusals.refuse_if(penalizes(chat.presence_penalty), "presence_penalty")?;
    refusals.refuse_if(penalizes(chat.frequency_penalty), "frequency_penalty")?;
    let speaks = chat
        .modalities
        .as_ref()
        .is_some_and(|modalities| modalities.iter().any(|one| *one != ChatModality::Text));
    refusals.refuse_if(speaks, "modalities")?;
    refusals.refuse_if(chat.audio.is_some(), "audio")?;
    refusals.refuse_if(chat.prediction.is_some(), "prediction")?;
    refusals.refuse_extra(&chat.extra, "", &[])
}

fn tools(
    chat: &ChatRequest,
    refusals: &mut Refusals<'_>,
) -> Result<Option<Vec<Tool>>, TranslateError> {
    let mut tools = Vec::new();
    for (at, tool) in chat.tools.iter().flatten().enumerate() {
        match tool {
            ChatTool::Function(tool) => {
                refusals.refuse_extra(&tool.extra, &format!("tools[{at}]"), &[])?;
                let place = format!("tools[{at}].function");
                tools.push(function(&tool.function, &place, refusals)?.into());
            }
            ChatTool::Custom(tool) => {
                refusals.refuse_extra(&tool.extra, &format!("tools[{at}]"), &[])?;
                tools.push(custom(&tool.custom, at, refusals)?.into());
            }
            ChatTool::Unknown(_) => {
                refusals.refuse(TranslateErrorKind::Unsupported, &format!("tools[{at}]"))?;
            }
        }
    }
    for (at, one) in chat.functions.iter().flatten().enumerate() {
        tools.push(function(one, &format!("functions[{at}]"), refusals)?.into());
    }
    if let Some(search) = &chat.web_search_options {
        tools.push(web_search(search, refusals)?.into());
    }
    let is_said = chat.tools.is_some() || chat.functions.is_some();
    Ok((is_said || !tools.is_empty()).then_some(tools))
}

/// Translates a function. Without `strict` it is not strict in chat but strict in Responses, so the
/// key is always written.
fn function(
    function: &ChatFunction,
    place: &str,
    refusals: &mut Refusals<'_>,
) -> Result<FunctionTool, TranslateError> {
    refusals.refuse_extra(&function.extra, place, &[])?;
    let parameters = function.parameters.clone().unwrap_or_default();
    let strict = function.strict.unwrap_or(false);
    let mut tool = FunctionTool::new(function.name.as_str(), parameters, strict);
    tool.description.clone_from(&function.description);
    Ok(tool)
}

fn custom(
    custom: &ChatCustom,
    at: usize,
    refusals: &mut Refusals<'_>,
) -> Result<CustomTool, TranslateError> {
    refusals.refuse_extra(&custom.extra, &format!("tools[{at}].custom"), &[])?;
    let mut tool = CustomTool::new(custom.name.as_str());
    tool.description.clone_from(&custom.description);
    let format: Option<CustomToolFormat> = custom.format.as_ref().map(|format| match format {
        ChatCustomFormat::Text(_) => TextToolFormat::new().into(),
        ChatCustomFormat::Grammar(format) => {
            let ChatGrammar {
                syntax, definition, ..
            } = &format.grammar;
            GrammarFormat::new(syntax.clone(), definition.as_str()).into()
        }
        // Both sides write unknown formats in the same position, so the format is passed on
        // unchanged.
        ChatCustomFormat::Unknown(format) => CustomToolFormat::Unknown(format.clone()),
    });
    tool.format = format.map(Into::into);
    Ok(tool)
}

fn web_search(
    search: &ChatWebSearchOptions,
    refusals: &mut Refusals<'_>,
) -> Result<WebSearchTool, TranslateError> {
    refusals.refuse_extra(&search.extra, "web_search_options", &[])?;
    let mut tool = WebSearchTool::new();
    tool.search_context_size
        .clone_from(&search.search_context_size);
    if let Some(location) = &search.user_location {
        let place = &location.approximate;
        let mut flat = UserLocation::new();
        flat.city.clone_from(&place.city);
        flat.country.clone_from(&place.country);
        flat.region.clone_from(&place.region);
        flat.timezone.clone_from(&place.timezone);
        tool.user_location = Some(flat.into());
    }
    Ok(tool)
}

fn tool_choice(
    chat: &ChatRequest,
    refusals: &mut Refusals<'_>,
) -> Result<Option<ToolChoice>, TranslateError> {
    if let Some(choice) = &chat.tool_choice {
        return Ok(match choice {
            ChatToolChoice::Mode(mode) => Some(ToolChoice::Mode(mode.clone())),
            ChatToolChoice::Target(ChatToolChoiceTarget::Function(choice)) => {
                Some(ToolChoice::function(choice.function.name.as_str()))
            }
            ChatToolChoice::Target(ChatToolChoiceTarget::Custom(choice)) => {
                Some(ToolChoice::custom(choice.custom.name.as_str()))
            }
            ChatToolChoice::Target(ChatToolChoiceTarget::AllowedTools(choice)) => {
                let ChatAllowedTools { mode, tools, .. } = &choice.allowed_tools;
                let tools: Vec<RawJson> = tools.iter().map(flat_tool).collect();
                Some(ToolChoice::Target(
                    AllowedTools::new(mode.clone(), tools).into(),
                ))
            }
            ChatToolChoice::Target(ChatToolChoiceTarget::Unknown(_))
            | ChatToolChoice::Unknown(_) => {
                refusals.refuse(TranslateErrorKind::Unsupported, "tool_choice")?;
                None
            }
        });
    }
    Ok(match &chat.function_call {
        None => None,
        Some(ChatFunctionCallOption::Mode(mode)) => Some(ToolChoice::from(mode.as_str())),
        Some(ChatFunctionCallOption::Function(function)) => {
            Some(ToolChoice::function(function.name.as_str()))
        }
        Some(ChatFunctionCallOption::Unknown(_)) => {
            refusals.refuse(TranslateErrorKind::Malformed, "function_call")?;
            None
        }
    })
}

/// Unnests `{"type":"function","function":{"name":"f"}}` by one level.
fn flat_tool(tool: &RawJson) -> RawJson {
    let Ok(node) = Node::read(tool) else {
        return tool.clone();
    };
    let kind = node.text_of("type");
    let Some(inner) = node.get(kind).filter(|inner| inner.is_object()) else {
        return tool.clone();
    };
    let mut flat = format!("{{\"type\":{}", RawJson::string(kind));
    for (name, value) in inner.members() {
        flat.push(',');
        crate::json::text::push_string(&mut flat, name);
        flat.push(':');
        flat.push_str(value.text);
    }
    flat.push('}');
    RawJson::trusted(flat)
}

fn reasoning(chat: &ChatRequest, options: &RequestOptions) -> Option<Reasoning> {
    let thinks = options.models.reasons(&chat.model) != Some(false);
    let summary = options.reasoning_summary.clone().filter(|_| thinks);
    if chat.reasoning_effort.is_none() && summary.is_none() {
        return None;
    }
    let mut reasoning = Reasoning::new();
    reasoning.effort.clone_from(&chat.reasoning_effort);
    reasoning.summary = summary;
    Some(reasoning)
}

fn include(chat: &ChatRequest, options: &RequestOptions, store: bool) -> Option<Vec<Include>> {
    let mut include = Vec::new();
    // A model that does not reason refuses the parameter, and so do servers that do not know it.
    let reasons = options.models.reasons(&chat.model);
    let has_reasoned = || {
        let mut messages = chat.messages.iter();
        messages.any(|message| {
            message
                .reasoning_items
                .as_ref()
                .is_some_and(|it| !it.is_empty())
        })
    };
    let reasons = reasons.unwrap_or_else(|| chat.reasoning_effort.is_some() || has_reasoned());
    if options.encrypted_reasoning && !store && reasons {
        include.push(Include::ReasoningEncryptedContent);
    }
    if chat.logprobs == Some(true) {
        include.push(Include::OutputTextLogprobs);
    }
    (!include.is_empty()).then_some(include)
}

fn text(
    chat: &ChatRequest,
    refusals: &mut Refusals<'_>,
) -> Result<Option<TextConfig>, TranslateError> {
    let format: Option<TextFormat> = match &chat.response_format {
        None => None,
        Some(ChatResponseFormat::Text(_)) => Some(PlainTextFormat::new().into()),
        Some(ChatResponseFormat::JsonObject(_)) => Some(JsonObjectFormat::new().into()),
        Some(ChatResponseFormat::JsonSchema(format)) => {
            let schema = &format.json_schema;
            refusals.refuse_extra(&schema.extra, "response_format.json_schema", &[])?;
            let json = schema
                .schema
                .clone()
                .unwrap_or_else(|| RawJson::trusted("{}".into()));
            let mut flat = JsonSchemaFormat::new(schema.name.as_str(), json);
            flat.description.clone_from(&schema.description);
            flat.strict = schema.strict;
            Some(flat.into())
        }
        Some(ChatResponseFormat::Unknown(_)) => {
            refusals.refuse(TranslateErrorKind::Unsupported, "response_format")?;
            None
        }
    };
    if format.is_none() && chat.verbosity.is_none() {
        return Ok(None);
    }
    let mut text = TextConfig::new();
    text.format = format;
    text.verbosity.clone_from(&chat.verbosity);
    Ok(Some(text))
}

/// Translates the output limit. The minimum in Responses is 16 tokens; chat allows less, and
/// programs use a lower limit to check whether a model exists.
fn max_output_tokens(chat: &ChatRequest, refusals: &mut Refusals<'_>) -> Option<u64> {
    let asked = chat.max_completion_tokens.or(chat.max_tokens)?;
    if asked < LEAST_OUTPUT_TOKENS {
        refusals.note(
            FindingCode::OutOfRange,
            limit_of(chat),
            "was raised to 16, the minimum",
        );
    }
    Some(asked.max(LEAST_OUTPUT_TOKENS))
}

/// Returns the parameter that limits the output.
fn limit_of(chat: &ChatRequest) -> &'static str {
    match (chat.max_completion_tokens, chat.max_tokens) {
        (None, Some(_)) => "max_tokens",
        _ => "max_completion_tokens",
    }
}

/// The minimum of the API parameter `max_output_tokens`.
const LEAST_OUTPUT_TOKENS: u64 = 16;
