//! Translation of the items of a request into the messages of a chat.
//!
//! Each item is translated separately, and [`Order`] arranges the results.

use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::chat::reasoning::ChatReasoning;
use crate::chat::translate::back_order::{Entry, Order};
use crate::chat::translate::fields::Refusals;
use crate::chat::translate::tool_names::{
    EmulatedTool, OfferedTool, ToolNames, arguments, wrapped,
};
use crate::chat::translate::{TranslateError, TranslateErrorKind};
use crate::chat::{
    ChatAudioPart, ChatContent, ChatCustomCall, ChatCustomInput, ChatFile, ChatFilePart,
    ChatFunctionArguments, ChatFunctionCall, ChatImagePart, ChatImageUrl, ChatMessage, ChatPart,
    ChatRole, ChatTextPart, ChatToolCall,
};
use crate::lint::FindingCode;
use crate::profile::{ChatDialect, ReasoningReplay};
use crate::wire::known::set_null;
use crate::{
    CreateResponse, CustomToolCall, FunctionCall, Input, InputItem, InputPart, Map, Message,
    MessageContent, RawJson, Role, ToolOutput,
};

/// Translates the instructions and the input. `rule` is a further instruction.
pub(super) fn messages(
    request: &CreateResponse,
    rule: Option<String>,
    tools: &ToolNames,
    refusals: &mut Refusals<'_>,
) -> Result<Vec<ChatMessage>, TranslateError> {
    let mut messages = Vec::new();
    let instructions = request.instructions.as_deref().unwrap_or_default();
    if !instructions.is_empty() {
        messages.push(ChatMessage::system(instructions));
    }
    messages.extend(rule.map(ChatMessage::system));
    match &request.input {
        None => {}
        Some(Input::Text(text)) => messages.push(ChatMessage::user(text.as_str())),
        Some(Input::Items(items)) => messages.extend(of_items(items, tools, refusals)?),
        Some(Input::Prepared(input)) => {
            messages.extend(of_items(&input.to_items(), tools, refusals)?);
        }
        Some(Input::Unknown(_)) => return Err(TranslateError::malformed("input")),
    }
    if refusals.dialect().single_system_message {
        messages = with_one_system_message(messages);
    }
    Ok(messages)
}

/// Joins the leading system messages; later ones become user messages.
fn with_one_system_message(messages: Vec<ChatMessage>) -> Vec<ChatMessage> {
    let mut joined: Vec<ChatMessage> = Vec::with_capacity(messages.len());
    for mut message in messages {
        if message.role == ChatRole::System {
            match joined.as_mut_slice() {
                [] => {}
                [first] if first.role == ChatRole::System => {
                    let text = |message: &ChatMessage| {
                        let content = message.content.as_ref();
                        content.map(ChatContent::to_text).unwrap_or_default()
                    };
                    first.content = Some(format!("{}\n\n{}", text(first), text(&message)).into());
                    continue;
                }
                _ => message.role = ChatRole::User,
            }
        }
        joined.push(message);
    }
    joined
}

fn of_items(
    items: &[InputItem],
    tools: &ToolNames,
    refusals: &mut Refusals<'_>,
) -> Result<Vec<ChatMessage>, TranslateError> {
    let history = History::new(items, tools, refusals.dialect());
    let mut entries = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        let place = format!("input[{at}]");
        entries.push(match item {
            InputItem::Reasoning(item) => history.reasoning(item, at, &place, refusals),
            item => history.entry(item, &place, refusals)?,
        });
    }
    let order = Order::new(entries, refusals.dialect());
    order.note_unpaired(refusals);
    Ok(order.into_messages())
}

/// The context for translating an item.
struct History<'a> {
    dialect: &'a ChatDialect,
    tools: &'a ToolNames,
    /// The index at which the current turn begins.
    turn: usize,
    /// Data to send back with calls, by call id.
    signed: Map<RawJson>,
}

impl<'a> History<'a> {
    fn new(items: &[InputItem], tools: &'a ToolNames, dialect: &'a ChatDialect) -> Self {
        let is_user =
            |item: &InputItem| matches!(item, InputItem::Message(it) if it.role == Role::User);
        let mut signed = Map::new();
        for item in items {
            if let InputItem::Reasoning(item) = item
                && let Some(reasoning) = ChatReasoning::of_item(item)
            {
                for (id, extra) in reasoning.call_extras() {
                    signed.insert(id, extra.clone());
                }
            }
        }
        Self {
            dialect,
            tools,
            turn: items.iter().rposition(is_user).unwrap_or_default(),
            signed,
        }
    }

    fn reasoning(
        &self,
        item: &crate::ReasoningItem,
        at: usize,
        place: &str,
        refusals: &mut Refusals<'_>,
    ) -> Entry {
        let what = match self.dialect.reasoning_replay {
            ReasoningReplay::Never => "was left out: chat has no reasoning",
            ReasoningReplay::ToolRounds if at < self.turn => return Entry::Nothing,
            _ => match ChatReasoning::of_item(item) {
                Some(reasoning) => return Entry::Reasoning(reasoning),
                None => "was left out: it is not readable for this server",
            },
        };
        refusals.note(FindingCode::RejectedItem, place, what);
        Entry::Nothing
    }

    fn entry(
        &self,
        item: &InputItem,
        place: &str,
        refusals: &mut Refusals<'_>,
    ) -> Result<Entry, TranslateError> {
        let output = |call_id: &str, (content, rest): (ChatContent, Vec<ChatPart>)| {
            let rest =
                (!rest.is_empty()).then(|| Box::new(ChatMessage::user(ChatContent::Parts(rest))));
            Entry::Output(ChatMessage::tool(self.call_id(call_id), content), rest)
        };
        Ok(match item {
            InputItem::Message(message) => {
                self::message(message, place, refusals)?.map_or(Entry::Nothing, Entry::Message)
            }
            InputItem::FunctionCall(call) => {
                Entry::Call(self.function_call(call, place, refusals)?)
            }
            InputItem::CustomToolCall(call) => {
                Entry::Call(self.custom_call(call, place, refusals)?)
            }
            InputItem::ApplyPatchCall(call) => {
                let arguments = arguments(&call.operation, false);
                self.built_in(&call.call_id, EmulatedTool::ApplyPatch, arguments, place)?
            }
            InputItem::LocalShellCall(call) => {
                let id = call.call_id.as_deref().or(call.id.as_deref());
                let arguments = arguments(&call.action, true);
                self.built_in(
                    id.unwrap_or_default(),
                    EmulatedTool::LocalShell,
                    arguments,
                    place,
                )?
            }
            InputItem::ShellCall(call) => {
                let arguments = arguments(&call.action, false);
                self.built_in(&call.call_id, EmulatedTool::Shell, arguments, place)?
            }
            InputItem::FunctionCallOutput(it) => {
                let call_id = given_call_id(it.call_id.as_deref(), place)?;
                let content = tool_content(&it.output, place, refusals)?;
                refusals.note_extra(&it.extra, place);
                output(call_id, content)
            }
            InputItem::CustomToolCallOutput(it) => {
                let call_id = given_call_id(Some(&it.call_id), place)?;
                let content = tool_content(&it.output, place, refusals)?;
                refusals.note_extra(&it.extra, place);
                output(call_id, content)
            }
            InputItem::ApplyPatchCallOutput(it) => {
                let call_id = given_call_id(Some(&it.call_id), place)?;
                let said = it.output.clone().unwrap_or_default();
                let text = match it.status.as_str() {
                    status if said.is_empty() => status.to_owned(),
                    status => format!("{status}\n{said}"),
                };
                output(call_id, (text.into(), Vec::new()))
            }
            InputItem::LocalShellCallOutput(it) => {
                let call_id = given_call_id(Some(&it.id), place)?;
                output(call_id, (it.output.as_str().into(), Vec::new()))
            }
            InputItem::ShellCallOutput(it) => {
                let call_id = given_call_id(Some(&it.call_id), place)?;
                let text = RawJson::encode(&it.output).unwrap_or_default();
                output(call_id, (text.as_str().into(), Vec::new()))
            }
            InputItem::Reasoning(_) => Entry::Nothing,
            item => {
                refusals.refuse_named(FindingCode::RejectedItem, place, item.kind())?;
                Entry::Nothing
            }
        })
    }

    /// Returns an id that the server accepts for the call.
    fn call_id(&self, call_id: &str) -> String {
        self.dialect.call_ids.fit(call_id).into_owned()
    }

    /// Returns a function call, with everything that the server sent with it.
    fn call(&self, call_id: &str, function: ChatFunctionArguments) -> ChatToolCall {
        let mut call = ChatFunctionCall::new(self.call_id(call_id), function).into();
        if let Some(extra) = self.signed.get(call_id) {
            ChatReasoning::write_call(&mut call, extra);
        }
        call
    }

    fn built_in(
        &self,
        call_id: &str,
        emulates: EmulatedTool,
        arguments: String,
        place: &str,
    ) -> Result<Entry, TranslateError> {
        let call_id = given_call_id(Some(call_id), place)?;
        let name = match emulates {
            EmulatedTool::ApplyPatch => "apply_patch",
            EmulatedTool::LocalShell => "local_shell",
            _ => "shell",
        };
        let tool = OfferedTool::new(None, name, emulates);
        let name = self.tools.name_of(&tool).unwrap_or(name);
        let function = ChatFunctionArguments::new(name, arguments);
        Ok(Entry::Call(self.call(call_id, function)))
    }

    fn function_call(
        &self,
        call: &FunctionCall,
        place: &str,
        refusals: &mut Refusals<'_>,
    ) -> Result<ChatToolCall, TranslateError> {
        let call_id = given_call_id(Some(&call.call_id), place)?;
        let encrypted = call.encrypted_function_args.as_ref();
        refusals.refuse_if(
            encrypted.is_some_and(|arguments| !arguments.is_empty()),
            &format!("{place}.encrypted_function_args"),
        )?;
        refusals.note_if(call.is_async == Some(true), &format!("{place}.async"));
        refusals.note_extra(&call.extra, place);
        let namespace = call.namespace.as_deref();
        let tool = OfferedTool::new(namespace, call.name.as_str(), EmulatedTool::Nothing);
        let mut function = ChatFunctionArguments::new(self.name(&tool), call.arguments.as_str());
        if let Some(namespace) = namespace.filter(|_| self.passes_namespace(&tool)) {
            let extra = &mut function.extra;
            extra.insert("namespace", RawJson::string(namespace));
        }
        Ok(self.call(call_id, function))
    }

    fn custom_call(
        &self,
        call: &CustomToolCall,
        place: &str,
        refusals: &mut Refusals<'_>,
    ) -> Result<ChatToolCall, TranslateError> {
        let call_id = given_call_id(Some(&call.call_id), place)?;
        refusals.note_if(call.is_async == Some(true), &format!("{place}.async"));
        refusals.note_extra(&call.extra, place);
        let namespace = call.namespace.as_deref();
        let tool = OfferedTool::new(namespace, call.name.as_str(), EmulatedTool::Custom);
        if !self.dialect.custom_tools || self.tools.name_of(&tool).is_some() {
            let function = ChatFunctionArguments::new(self.name(&tool), wrapped(&call.input));
            return Ok(self.call(call_id, function));
        }
        let mut custom = ChatCustomInput::new(call.name.as_str(), call.input.as_str());
        if let Some(namespace) = namespace {
            let extra = &mut custom.extra;
            extra.insert("namespace", RawJson::string(namespace));
        }
        Ok(ChatCustomCall::new(self.call_id(call_id), custom).into())
    }

    /// Returns the name of the function that represents a tool, whether or not the tool is offered.
    fn name(&self, tool: &OfferedTool) -> String {
        match self.tools.name_of(tool) {
            Some(name) => name.to_owned(),
            None if self.passes_namespace(tool) => tool.name.clone(),
            None => ToolNames::default().offer(tool.clone(), self.dialect.max_name_length),
        }
    }

    /// Returns whether a call keeps the name of its tool: the tool is no longer offered, and the
    /// server has no rules for the name.
    fn passes_namespace(&self, tool: &OfferedTool) -> bool {
        self.dialect.custom_tools && self.tools.name_of(tool).is_none()
    }
}

fn given_call_id<'a>(call_id: Option<&'a str>, place: &str) -> Result<&'a str, TranslateError> {
    call_id
        .filter(|call_id| !call_id.is_empty())
        .ok_or_else(|| TranslateError::missing(format!("{place}.call_id")))
}

fn message(
    message: &Message,
    place: &str,
    refusals: &mut Refusals<'_>,
) -> Result<Option<ChatMessage>, TranslateError> {
    let role = match message.role {
        Role::User => ChatRole::User,
        Role::System => ChatRole::System,
        Role::Developer if refusals.writes_system() => ChatRole::System,
        Role::Developer => ChatRole::Developer,
        Role::Assistant => return assistant(message, place, refusals),
        _ => return Err(TranslateError::unsupported(format!("{place}.role"))),
    };
    refusals.refuse_extra(&message.extra, place, &[])?;
    let content = match &message.content {
        MessageContent::Text(text) => text.as_str().into(),
        MessageContent::Parts(parts) => content(parts, &format!("{place}.content"), refusals)?,
        MessageContent::Unknown(_) => {
            return Err(TranslateError::malformed(format!("{place}.content")));
        }
    };
    Ok(Some(ChatMessage::new(role).content(content)))
}

/// Returns an assistant message; `None` if it is empty, which chat services refuse.
fn assistant(
    message: &Message,
    place: &str,
    refusals: &mut Refusals<'_>,
) -> Result<Option<ChatMessage>, TranslateError> {
    refusals.note_if(message.phase.is_some(), &format!("{place}.phase"));
    refusals.note_extra(&message.extra, place);
    let (mut text, mut refusal) = (String::new(), String::new());
    match &message.content {
        MessageContent::Text(content) => text.clone_from(content),
        MessageContent::Parts(parts) => {
            for (at, part) in parts.iter().enumerate() {
                let place = format!("{place}.content[{at}]");
                if let Some(extra) = part.extra() {
                    refusals.note_extra(extra, &place);
                }
                match (part, part.as_text()) {
                    (InputPart::Refusal(part), _) => refusal.push_str(&part.refusal),
                    (_, Some(piece)) => text.push_str(piece),
                    _ => refusals.refuse(TranslateErrorKind::Unsupported, &place)?,
                }
            }
        }
        MessageContent::Unknown(_) => {
            return Err(TranslateError::malformed(format!("{place}.content")));
        }
    }
    if text.is_empty() && refusal.is_empty() {
        let what = "was left out: it is empty";
        refusals.note(FindingCode::EmptyMessage, place, what);
        return Ok(None);
    }
    let mut message = ChatMessage::new(ChatRole::Assistant);
    message.content = (!text.is_empty()).then_some(ChatContent::Text(text));
    set_null(&mut message, "content");
    message.refusal = (!refusal.is_empty()).then_some(refusal);
    Ok(Some(message))
}

/// Writes content. A single text is written as a string, because some servers do not accept parts.
fn content(
    parts: &[InputPart],
    place: &str,
    refusals: &mut Refusals<'_>,
) -> Result<ChatContent, TranslateError> {
    let mut translated = Vec::with_capacity(parts.len());
    for (at, part) in parts.iter().enumerate() {
        translated.extend(self::part(part, &format!("{place}[{at}]"), refusals)?);
    }
    if let ([InputPart::Text(part)], [_]) = (parts, translated.as_slice())
        && part.prompt_cache_breakpoint.is_none()
    {
        return Ok(ChatContent::Text(part.text.clone()));
    }
    Ok(ChatContent::Parts(translated))
}

fn part(
    part: &InputPart,
    place: &str,
    refusals: &mut Refusals<'_>,
) -> Result<Option<ChatPart>, TranslateError> {
    if let Some(extra) = part.extra() {
        refusals.refuse_extra(extra, place, &[])?;
    }
    Ok(Some(match part {
        InputPart::Image(image) => {
            let Some(url) = &image.image_url else {
                refusals.refuse(TranslateErrorKind::Unsupported, &format!("{place}.file_id"))?;
                return Ok(None);
            };
            refusals.refuse_if(image.file_id.is_some(), &format!("{place}.file_id"))?;
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

/// Returns the content of a tool message, and the parts that only a user message can contain.
fn tool_content(
    output: &ToolOutput,
    place: &str,
    refusals: &mut Refusals<'_>,
) -> Result<(ChatContent, Vec<ChatPart>), TranslateError> {
    let parts = match output {
        ToolOutput::Text(text) => return Ok((ChatContent::Text(text.clone()), Vec::new())),
        ToolOutput::Unknown(_) => {
            return Err(TranslateError::malformed(format!("{place}.output")));
        }
        ToolOutput::Parts(parts) => parts,
    };
    let (mut translated, mut rest) = (Vec::with_capacity(parts.len()), Vec::new());
    for (at, part) in parts.iter().enumerate() {
        let place = format!("{place}.output[{at}]");
        let is_text = part.as_text().is_some();
        match part {
            InputPart::Image(_) if refusals.dialect().images_in_tool_outputs => {
                translated.extend(self::part(part, &place, refusals)?);
            }
            InputPart::Image(_) => {
                let image = self::part(part, &place, refusals)?;
                if image.is_some() {
                    let what = "is sent in a message of the user after the outputs";
                    refusals.note(FindingCode::RejectedContent, &place, what);
                    translated.push(ChatTextPart::new(IMAGE_FOLLOWS).into());
                }
                rest.extend(image);
            }
            part if is_text => translated.extend(self::part(part, &place, refusals)?),
            _ => refusals.refuse(TranslateErrorKind::Unsupported, &place)?,
        }
    }
    // Not every server accepts parts here.
    let all_text = |part: &ChatPart| matches!(part, ChatPart::Text(_));
    if !refusals.dialect().custom_tools && translated.iter().all(all_text) {
        let text = ChatContent::Parts(translated).to_text();
        return Ok((ChatContent::Text(text), rest));
    }
    Ok((ChatContent::Parts(translated), rest))
}

const IMAGE_FOLLOWS: &str = "[an image, which follows in the next message]";
