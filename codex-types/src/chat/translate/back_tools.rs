//! Translation of the tools of a request, and of the tool choice.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::chat::translate::fields::Refusals;
use crate::chat::translate::tool_names::{EmulatedTool, OfferedTool, ToolNames};
use crate::chat::translate::{TranslateError, TranslateErrorKind};
use crate::chat::{
    ChatAllowedTools, ChatAllowedToolsChoice, ChatCustom, ChatCustomChoice, ChatCustomFormat,
    ChatCustomTool, ChatFunction, ChatFunctionChoice, ChatFunctionName, ChatFunctionTool,
    ChatGrammar, ChatGrammarFormat, ChatRequest, ChatTextToolFormat, ChatTool, ChatToolChoice,
    ChatUserLocation, ChatWebSearchOptions,
};
use crate::json::text::push_string;
use crate::lint::FindingCode;
use crate::lint::tree::Node;
use crate::{
    AllowedTools, AllowedToolsMode, CreateResponse, CustomTool, CustomToolFormat, FunctionTool,
    NamespaceTool, RawJson, ShellEnvironment, ShellTool, Tool, ToolCaller, ToolChoice,
    ToolChoiceMode, ToolChoiceTarget, UserLocation, WebSearchTool,
};

/// Translates the tools of a request, and returns the tools that the functions represent.
pub(super) fn tools(
    request: &CreateResponse,
    chat: &mut ChatRequest,
    refusals: &mut Refusals<'_>,
) -> Result<ToolNames, TranslateError> {
    let mut offer = Offer::default();
    for (at, tool) in request.tools.iter().flatten().enumerate() {
        let place = format!("tools[{at}]");
        match tool {
            Tool::WebSearch(tool)
                if chat.web_search_options.is_none() && takes(refusals, "web_search_options") =>
            {
                chat.web_search_options = Some(web_search(tool, &place, refusals)?);
            }
            Tool::Namespace(namespace) => {
                refusals.refuse_extra(&namespace.extra, &place, &[])?;
                for (at, tool) in namespace.tools.iter().enumerate() {
                    let place = format!("{place}.tools[{at}]");
                    offer.add(tool, Some(namespace), &place, refusals)?;
                }
            }
            tool => offer.add(tool, None, &place, refusals)?,
        }
    }
    chat.tool_choice = tool_choice(request, &mut offer, refusals)?;
    let is_empty = offer.tools.is_empty();
    chat.tools = request
        .tools
        .as_ref()
        .filter(|said| !is_empty || said.is_empty())
        .map(|_| offer.tools);
    if chat.tools.as_ref().is_none_or(Vec::is_empty) && !refusals.dialect().custom_tools {
        // Servers refuse a tool choice without tools.
        chat.tool_choice = None;
    }
    Ok(offer.names)
}

fn takes(refusals: &Refusals<'_>, parameter: &str) -> bool {
    let refused = &refusals.dialect().parameters.refused;
    refused.iter().all(|name| name != parameter)
}

/// The offered tools, by the names of their functions.
#[derive(Default)]
struct Offer {
    tools: Vec<ChatTool>,
    names: ToolNames,
}

impl Offer {
    fn add(
        &mut self,
        tool: &Tool,
        namespace: Option<&NamespaceTool>,
        place: &str,
        refusals: &mut Refusals<'_>,
    ) -> Result<(), TranslateError> {
        let space = namespace.map(|namespace| namespace.name.as_str());
        match tool {
            Tool::Function(tool) => {
                let mut function = function(tool, place, refusals)?;
                let offered = OfferedTool::new(space, tool.name.as_str(), EmulatedTool::Nothing);
                self.describe(&mut function.description, namespace);
                self.push(function, offered, refusals);
            }
            Tool::Custom(tool) if refusals.dialect().custom_tools && namespace.is_none() => {
                let name = tool.name.as_str();
                let offered = OfferedTool::new(None, name, EmulatedTool::Nothing);
                self.names.offer(offered, usize::MAX);
                self.tools.push(custom(tool, place, refusals)?.into());
            }
            Tool::Custom(tool) => {
                let mut function = free_text(tool, place, refusals)?;
                let offered = OfferedTool::new(space, tool.name.as_str(), EmulatedTool::Custom);
                self.describe(&mut function.description, namespace);
                self.push(function, offered, refusals);
            }
            Tool::ApplyPatch(_) => {
                self.built_in("apply_patch", EmulatedTool::ApplyPatch, refusals);
            }
            Tool::LocalShell(_) => {
                self.built_in("local_shell", EmulatedTool::LocalShell, refusals);
            }
            Tool::Shell(tool) if is_local(tool) => {
                self.built_in("shell", EmulatedTool::Shell, refusals);
            }
            tool => refusals.refuse_named(FindingCode::RejectedTool, place, tool.kind())?,
        }
        Ok(())
    }

    /// Offers a tool whose arguments the API itself defines.
    fn built_in(&mut self, name: &str, emulates: EmulatedTool, refusals: &Refusals<'_>) {
        let (description, schema) = match emulates {
            EmulatedTool::ApplyPatch => (APPLY_PATCH, APPLY_PATCH_SCHEMA),
            EmulatedTool::LocalShell => (LOCAL_SHELL, LOCAL_SHELL_SCHEMA),
            _ => (SHELL, SHELL_SCHEMA),
        };
        let mut function = ChatFunction::new(name);
        function.description = Some(description.into());
        function.parameters = RawJson::parse(schema).ok();
        self.push(function, OfferedTool::new(None, name, emulates), refusals);
    }

    /// Adds the purpose of the namespace to the description of its first tool.
    fn describe(&self, description: &mut Option<String>, namespace: Option<&NamespaceTool>) {
        let Some(namespace) = namespace.filter(|namespace| !namespace.description.is_empty())
        else {
            return;
        };
        let is_known = |(_, tool): (&str, &OfferedTool)| {
            tool.namespace.as_deref() == Some(namespace.name.as_str())
        };
        if !self.names.iter().any(is_known) {
            let own = description.take().unwrap_or_default();
            let both = format!("{}\n\n{own}", namespace.description);
            *description = Some(both.trim_end().into());
        }
    }

    fn push(&mut self, mut function: ChatFunction, tool: OfferedTool, refusals: &Refusals<'_>) {
        function.name = self.names.offer(tool, refusals.dialect().max_name_length);
        self.tools.push(ChatFunctionTool::new(function).into());
    }

    /// Returns the name of the function for the tool of this type and name.
    fn find(
        &self,
        namespace: Option<&str>,
        name: &str,
        is_right: fn(EmulatedTool) -> bool,
    ) -> Option<String> {
        let mut known = self.names.iter();
        let (function, _) = known.find(|(_, tool)| {
            tool.name == name && tool.namespace.as_deref() == namespace && is_right(tool.emulates)
        })?;
        Some(function.into())
    }

    /// Offers only these functions.
    fn keep(&mut self, names: &[String]) {
        self.tools.retain(|tool| match tool {
            ChatTool::Function(tool) => names.contains(&tool.function.name),
            _ => false,
        });
    }
}

/// Returns whether the agent runs the commands.
fn is_local(tool: &ShellTool) -> bool {
    match tool.environment.as_deref() {
        None | Some(ShellEnvironment::Local(_)) => true,
        Some(_) => false,
    }
}

fn function(
    tool: &FunctionTool,
    place: &str,
    refusals: &mut Refusals<'_>,
) -> Result<ChatFunction, TranslateError> {
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
    if refusals.dialect().strict_tools {
        // A missing key means strict in Responses and not strict in chat.
        function.strict = Some(tool.strict);
    } else {
        refusals.note_if(tool.strict, &format!("{place}.strict"));
    }
    Ok(function)
}

/// Returns a function for a tool with free text; its only argument is the text.
fn free_text(
    tool: &CustomTool,
    place: &str,
    refusals: &mut Refusals<'_>,
) -> Result<ChatFunction, TranslateError> {
    let custom = custom(tool, place, refusals)?.custom;
    let mut description = custom.description.unwrap_or_default();
    if let Some(ChatCustomFormat::Grammar(format)) = &custom.format {
        if !description.is_empty() {
            description.push_str("\n\n");
        }
        let ChatGrammar {
            syntax, definition, ..
        } = &format.grammar;
        let kind = match syntax.as_str() {
            "regex" => "regular expression",
            _ => "Lark grammar",
        };
        description.push_str(&format!(
            "The argument `input` is plain text that matches this {kind}:\n{definition}"
        ));
    }
    let mut function = ChatFunction::new(custom.name);
    function.description = (!description.is_empty()).then_some(description);
    function.parameters = RawJson::parse(FREE_TEXT_SCHEMA).ok();
    Ok(function)
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

/// Refuses callers other than the model, which chat does not have.
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

/// Translates the tool choice. A choice that the server does not support is expressed by offering
/// fewer tools.
fn tool_choice(
    request: &CreateResponse,
    offer: &mut Offer,
    refusals: &mut Refusals<'_>,
) -> Result<Option<ChatToolChoice>, TranslateError> {
    let Some(choice) = &request.tool_choice else {
        return Ok(None);
    };
    let target = match choice {
        ToolChoice::Mode(ToolChoiceMode::Required) => return required(refusals),
        ToolChoice::Mode(mode) => return Ok(Some(ChatToolChoice::Mode(mode.clone()))),
        ToolChoice::Target(target) => target,
        ToolChoice::Unknown(_) => {
            refusals.refuse(TranslateErrorKind::Unsupported, "tool_choice")?;
            return Ok(None);
        }
    };
    if let ToolChoiceTarget::AllowedTools(choice) = target {
        refusals.refuse_extra(&choice.extra, "tool_choice", &[])?;
        return allowed(choice, offer, refusals);
    }
    let is_plain = |emulates| emulates == EmulatedTool::Nothing;
    let is_free = |emulates| matches!(emulates, EmulatedTool::Custom | EmulatedTool::Nothing);
    let is_patch = |emulates| emulates == EmulatedTool::ApplyPatch;
    let is_shell = |emulates| matches!(emulates, EmulatedTool::Shell | EmulatedTool::LocalShell);
    let (function, name) = match target {
        ToolChoiceTarget::Function(choice) => {
            refusals.refuse_extra(&choice.extra, "tool_choice", &["namespace"])?;
            let namespace: Option<String> = choice
                .extra
                .get("namespace")
                .and_then(|raw| raw.decode().ok());
            (
                offer.find(namespace.as_deref(), &choice.name, is_plain),
                &*choice.name,
            )
        }
        ToolChoiceTarget::Custom(choice) => {
            refusals.refuse_extra(&choice.extra, "tool_choice", &[])?;
            if refusals.dialect().custom_tools {
                let choice = ChatCustomChoice::new(ChatFunctionName::new(choice.name.as_str()));
                return Ok(Some(ChatToolChoice::Target(choice.into())));
            }
            (offer.find(None, &choice.name, is_free), &*choice.name)
        }
        ToolChoiceTarget::ApplyPatch(_) => {
            (offer.find(None, "apply_patch", is_patch), "apply_patch")
        }
        ToolChoiceTarget::Shell(_) => (offer.find(None, "shell", is_shell), "shell"),
        _ => {
            refusals.refuse(TranslateErrorKind::Unsupported, "tool_choice")?;
            return Ok(None);
        }
    };
    // The server refuses a tool that is not offered.
    let function = function.unwrap_or_else(|| name.into());
    if !refusals.dialect().tool_choice.by_name {
        offer.keep(&[function]);
        return required(refusals);
    }
    let choice = ChatFunctionChoice::new(ChatFunctionName::new(function));
    Ok(Some(ChatToolChoice::Target(choice.into())))
}

fn required(refusals: &mut Refusals<'_>) -> Result<Option<ChatToolChoice>, TranslateError> {
    let Some(word) = &refusals.dialect().tool_choice.required else {
        refusals.refuse(TranslateErrorKind::Unsupported, "tool_choice")?;
        return Ok(None);
    };
    Ok(Some(ChatToolChoice::Mode(ToolChoiceMode::from(&**word))))
}

fn allowed(
    choice: &AllowedTools,
    offer: &mut Offer,
    refusals: &mut Refusals<'_>,
) -> Result<Option<ChatToolChoice>, TranslateError> {
    if refusals.dialect().tool_choice.allowed_tools {
        let tools: Vec<RawJson> = choice.tools.iter().map(nested_tool).collect();
        let tools = ChatAllowedTools::new(choice.mode.clone(), tools);
        let choice = ChatAllowedToolsChoice::new(tools);
        return Ok(Some(ChatToolChoice::Target(choice.into())));
    }
    let mut names = Vec::new();
    for tool in &choice.tools {
        let Ok(node) = Node::read(tool) else { continue };
        let name = match node.text_of("name") {
            "" => node.text_of("type"),
            name => name,
        };
        let namespace = node.given("namespace").and_then(Node::as_text);
        names.extend(offer.find(namespace, name, |_| true));
    }
    offer.keep(&names);
    if choice.mode == AllowedToolsMode::Required {
        return required(refusals);
    }
    Ok(Some(ChatToolChoice::Mode(ToolChoiceMode::Auto)))
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

/// The arguments of a tool with free text.
const FREE_TEXT_SCHEMA: &str = r#"{"type":"object","properties":{"input":{"type":"string","description":"The whole input of the tool, as plain text."}},"required":["input"],"additionalProperties":false}"#;

const APPLY_PATCH: &str = "Creates, changes or deletes one file. A diff is a V4A diff: lines that \
    begin with +, - or a space, in sections that begin with @@; of a new file, all lines begin with +.";
const APPLY_PATCH_SCHEMA: &str = r#"{"type":"object","properties":{"type":{"type":"string","enum":["create_file","update_file","delete_file"]},"path":{"type":"string","description":"The path of the file."},"diff":{"type":"string","description":"The diff; not needed to delete a file."}},"required":["type","path"],"additionalProperties":false}"#;

const LOCAL_SHELL: &str = "Runs a command on the local machine and returns its output.";
const LOCAL_SHELL_SCHEMA: &str = r#"{"type":"object","properties":{"command":{"type":"array","items":{"type":"string"},"description":"The program and its arguments."},"working_directory":{"type":"string","description":"Where the command runs."},"timeout_ms":{"type":"integer","description":"How long the command may take, in milliseconds."},"env":{"type":"object","additionalProperties":{"type":"string"},"description":"Variables of the environment."},"user":{"type":"string","description":"The user that runs the command."}},"required":["command"],"additionalProperties":false}"#;

const SHELL: &str = "Runs commands in a shell and returns the output of each.";
const SHELL_SCHEMA: &str = r#"{"type":"object","properties":{"commands":{"type":"array","items":{"type":"string"},"description":"The commands, each a line for the shell."},"timeout_ms":{"type":"integer","description":"How long each command may take, in milliseconds."},"max_output_length":{"type":"integer","description":"How many characters of output are returned."}},"required":["commands"],"additionalProperties":false}"#;
