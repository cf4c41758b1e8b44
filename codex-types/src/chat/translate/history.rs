//! Translation of the messages of a chat into items.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::chat::translate::fields::Refusals;
use crate::chat::translate::{RequestOptions, SystemMessages, TranslateError, TranslateErrorKind};
use crate::chat::{
    ChatContent, ChatCustomInput, ChatFile, ChatImageUrl, ChatMessage, ChatPart, ChatRole,
    ChatToolCall,
};
use crate::{
    CustomToolCall, CustomToolCallOutput, FunctionCall, FunctionCallOutput, ImageDetail,
    InputAudio, InputFile, InputImage, InputItem, InputPart, InputText, Message, OutputText,
    Refusal, Role, ToolOutput,
};

/// The result of translating the messages of a chat.
pub(super) struct History {
    pub(super) instructions: Option<String>,
    pub(super) items: Vec<InputItem>,
}

pub(super) fn translate_messages(
    messages: &[ChatMessage],
    options: &RequestOptions,
    refusals: &mut Refusals<'_>,
) -> Result<History, TranslateError> {
    let mut history = Translation {
        options,
        refusals,
        calls: Calls::new(messages),
        items: Vec::new(),
    };
    let mut instructions: Vec<String> = Vec::new();
    let mut is_leading = matches!(
        options.system,
        SystemMessages::Instructions | SystemMessages::InstructionsThenDeveloper
    );
    for (at, message) in messages.iter().enumerate() {
        is_leading &= message.role == ChatRole::System && !has_breakpoint(message);
        if is_leading {
            history.check_keys(message, at)?;
            instructions.push(history.only_text(message, at)?);
        } else {
            history.message(message, at)?;
        }
    }
    let items = history.items;
    instructions.retain(|text| !text.is_empty());
    let instructions = (!instructions.is_empty()).then(|| instructions.join("\n\n"));
    Ok(History {
        instructions,
        items,
    })
}

struct Translation<'a, 'r> {
    options: &'a RequestOptions,
    refusals: &'a mut Refusals<'r>,
    calls: Calls,
    items: Vec<InputItem>,
}

impl Translation<'_, '_> {
    fn message(&mut self, message: &ChatMessage, at: usize) -> Result<(), TranslateError> {
        self.check_keys(message, at)?;
        match message.role {
            ChatRole::Assistant => self.assistant(message, at),
            ChatRole::Tool => self.tool(message, at),
            ChatRole::Function => self.function(message, at),
            ChatRole::User => self.said(Role::User, message, at),
            ChatRole::Developer => self.said(Role::Developer, message, at),
            ChatRole::System => {
                let is_kept = matches!(
                    self.options.system,
                    SystemMessages::Instructions | SystemMessages::Keep
                );
                self.said(
                    if is_kept {
                        Role::System
                    } else {
                        Role::Developer
                    },
                    message,
                    at,
                )
            }
            ChatRole::Unlisted(_) => {
                Err(TranslateError::unsupported(format!("messages[{at}].role")))
            }
        }
    }

    /// Checks the keys of a message. Response messages are sent back with keys that only responses
    /// have and that add nothing.
    fn check_keys(&mut self, message: &ChatMessage, at: usize) -> Result<(), TranslateError> {
        // The name of a tool follows from the call that the message responds to.
        let is_redundant = matches!(message.role, ChatRole::Tool | ChatRole::Function);
        let is_named = message.name.as_ref().is_some_and(|name| !name.is_empty());
        self.refusals
            .note_if(is_named && !is_redundant, &format!("messages[{at}].name"));
        self.refusals
            .refuse_if(message.audio.is_some(), &format!("messages[{at}].audio"))?;
        let is_assistant = message.role == ChatRole::Assistant;
        let calls = message
            .tool_calls
            .as_ref()
            .is_some_and(|calls| !calls.is_empty());
        self.refusals.refuse_if(
            calls && !is_assistant,
            &format!("messages[{at}].tool_calls"),
        )?;
        let place = format!("messages[{at}]");
        if is_assistant {
            self.refusals.note_extra(&message.extra, &place);
            return Ok(());
        }
        self.refusals.refuse_extra(&message.extra, &place, &[])
    }

    fn said(&mut self, role: Role, message: &ChatMessage, at: usize) -> Result<(), TranslateError> {
        let parts = self.parts(message, at)?;
        self.items.push(Message::new(role, parts).into());
        Ok(())
    }

    fn assistant(&mut self, message: &ChatMessage, at: usize) -> Result<(), TranslateError> {
        let reasoning = message.reasoning_items.iter().flatten().cloned();
        self.items.extend(reasoning.map(InputItem::from));
        let (text, mut refusals) = self.assistant_text(message, at)?;
        refusals.extend(message.refusal.clone());
        let calls = message.tool_calls.as_deref().unwrap_or_default();
        if !refusals.is_empty() {
            let mut parts: Vec<InputPart> = Vec::new();
            parts.extend(
                text.filter(|text| !text.is_empty())
                    .map(|text| OutputText::new(text).into()),
            );
            parts.extend(
                refusals
                    .into_iter()
                    .map(|refusal| Refusal::new(refusal).into()),
            );
            self.items.push(Message::assistant(parts).into());
        } else if let Some(text) = text {
            // Many clients write an empty text next to calls.
            if !text.is_empty() || (calls.is_empty() && message.function_call.is_none()) {
                self.items.push(Message::assistant(text).into());
            }
        } else if calls.is_empty() && message.function_call.is_none() {
            return Err(TranslateError::missing(format!("messages[{at}].content")));
        }
        for (position, call) in calls.iter().enumerate() {
            self.call(call, &format!("messages[{at}].tool_calls[{position}]"))?;
        }
        if let Some(call) = &message.function_call {
            let call_id = self.calls.invent(&call.name);
            self.items.push(
                FunctionCall::new(call_id, call.name.as_str(), call.arguments.as_str()).into(),
            );
        }
        Ok(())
    }

    fn call(&mut self, call: &ChatToolCall, place: &str) -> Result<(), TranslateError> {
        if call.is_known() && call.id().is_empty() {
            return Err(TranslateError::missing(format!("{place}.id")));
        }
        match call {
            ChatToolCall::Function(call) => {
                let function = &call.function;
                self.refusals.refuse_extra(
                    &function.extra,
                    &format!("{place}.function"),
                    &["namespace", "parsed_arguments"],
                )?;
                let mut item = FunctionCall::new(
                    call.id.as_str(),
                    function.name.as_str(),
                    function.arguments.as_str(),
                );
                item.namespace = function
                    .extra
                    .get("namespace")
                    .and_then(|raw| raw.decode().ok());
                self.items.push(item.into());
            }
            ChatToolCall::Custom(call) => {
                let ChatCustomInput { name, input, .. } = &call.custom;
                self.items.push(
                    CustomToolCall::new(call.id.as_str(), name.as_str(), input.as_str()).into(),
                );
            }
            ChatToolCall::Unknown(_) => {
                self.refusals
                    .refuse(TranslateErrorKind::Unsupported, place)?;
            }
        }
        Ok(())
    }

    fn tool(&mut self, message: &ChatMessage, at: usize) -> Result<(), TranslateError> {
        let call_id = message.tool_call_id.as_deref().unwrap_or_default();
        if call_id.is_empty() {
            return Err(TranslateError::missing(format!(
                "messages[{at}].tool_call_id"
            )));
        }
        let output = match &message.content {
            Some(ChatContent::Text(text)) => ToolOutput::Text(text.clone()),
            _ => ToolOutput::Parts(self.parts(message, at)?),
        };
        self.items.push(if self.calls.is_custom(call_id) {
            CustomToolCallOutput::new(call_id, output).into()
        } else {
            FunctionCallOutput::new(output).call_id(call_id).into()
        });
        Ok(())
    }

    fn function(&mut self, message: &ChatMessage, at: usize) -> Result<(), TranslateError> {
        let name = message.name.as_deref().unwrap_or_default();
        let Some(call_id) = self.calls.answer(name) else {
            return Err(TranslateError::unsupported(format!("messages[{at}].name")));
        };
        let output = match &message.content {
            None => String::new(),
            Some(_) => self.only_text(message, at)?,
        };
        self.items
            .push(FunctionCallOutput::new(output).call_id(call_id).into());
        Ok(())
    }

    fn only_text(&mut self, message: &ChatMessage, at: usize) -> Result<String, TranslateError> {
        let (text, refusals) = self.assistant_text(message, at)?;
        if !refusals.is_empty() {
            return Err(TranslateError::unsupported(format!(
                "messages[{at}].content"
            )));
        }
        text.ok_or_else(|| TranslateError::missing(format!("messages[{at}].content")))
    }

    /// Returns text and refusals, for messages that contain nothing else.
    fn assistant_text(
        &mut self,
        message: &ChatMessage,
        at: usize,
    ) -> Result<(Option<String>, Vec<String>), TranslateError> {
        let parts = match &message.content {
            None => return Ok((None, Vec::new())),
            Some(ChatContent::Text(text)) => return Ok((Some(text.clone()), Vec::new())),
            Some(ChatContent::Unknown(_)) => {
                return Err(TranslateError::malformed(format!("messages[{at}].content")));
            }
            Some(ChatContent::Parts(parts)) => parts,
        };
        let (mut text, mut refusals) = (None, Vec::new());
        for (position, part) in parts.iter().enumerate() {
            let place = format!("messages[{at}].content[{position}]");
            match part {
                ChatPart::Text(part) => {
                    match message.role {
                        ChatRole::Assistant => self.refusals.note_extra(&part.extra, &place),
                        _ => self
                            .refusals
                            .refuse_extra(&part.extra, &place, REPEATED_KEYS)?,
                    }
                    text.get_or_insert_with(String::new).push_str(&part.text);
                }
                ChatPart::Refusal(part) => refusals.push(part.refusal.clone()),
                _ => self
                    .refusals
                    .refuse(TranslateErrorKind::Unsupported, &place)?,
            }
        }
        Ok((text, refusals))
    }

    fn parts(
        &mut self,
        message: &ChatMessage,
        at: usize,
    ) -> Result<Vec<InputPart>, TranslateError> {
        let parts = match &message.content {
            None => return Err(TranslateError::missing(format!("messages[{at}].content"))),
            Some(ChatContent::Text(text)) => return Ok([text.as_str().into()].into()),
            Some(ChatContent::Unknown(_)) => {
                return Err(TranslateError::malformed(format!("messages[{at}].content")));
            }
            Some(ChatContent::Parts(parts)) => parts,
        };
        let mut translated = Vec::with_capacity(parts.len());
        for (position, part) in parts.iter().enumerate() {
            translated.extend(self.part(part, &format!("messages[{at}].content[{position}]"))?);
        }
        Ok(translated)
    }

    fn part(&mut self, part: &ChatPart, place: &str) -> Result<Option<InputPart>, TranslateError> {
        if let Some(extra) = part.extra() {
            self.refusals.refuse_extra(extra, place, REPEATED_KEYS)?;
        }
        Ok(Some(match part {
            ChatPart::Text(part) => {
                let mut text = InputText::new(part.text.as_str());
                text.prompt_cache_breakpoint
                    .clone_from(&part.prompt_cache_breakpoint);
                text.into()
            }
            ChatPart::Image(part) => {
                let ChatImageUrl { url, detail, extra } = &part.image_url;
                self.refusals
                    .refuse_extra(extra, &format!("{place}.image_url"), &[])?;
                let detail = detail.clone().unwrap_or(ImageDetail::Auto);
                let mut image = InputImage::new(detail).image_url(url.as_str());
                image
                    .prompt_cache_breakpoint
                    .clone_from(&part.prompt_cache_breakpoint);
                image.into()
            }
            ChatPart::File(part) => {
                let ChatFile {
                    file_data,
                    file_id,
                    filename,
                    extra,
                } = &part.file;
                self.refusals
                    .refuse_extra(extra, &format!("{place}.file"), &[])?;
                let mut file = InputFile::new();
                file.file_data.clone_from(file_data);
                file.file_id.clone_from(file_id);
                file.filename.clone_from(filename);
                file.prompt_cache_breakpoint
                    .clone_from(&part.prompt_cache_breakpoint);
                file.into()
            }
            ChatPart::Audio(part) if self.options.audio => {
                let mut audio = InputAudio::new();
                audio.input_audio = Some(part.input_audio.clone());
                audio.into()
            }
            ChatPart::Audio(_) => {
                self.refusals.refuse(
                    TranslateErrorKind::Unsupported,
                    &format!("{place}.input_audio"),
                )?;
                return Ok(None);
            }
            ChatPart::Refusal(_) | ChatPart::Unknown(_) => {
                self.refusals
                    .refuse(TranslateErrorKind::Unsupported, place)?;
                return Ok(None);
            }
        }))
    }
}

/// The calls of a chat: which are calls of custom tools, and which deprecated ones without ids are
/// waiting.
struct Calls {
    ids: Vec<String>,
    custom: Vec<String>,
    waiting: Vec<(String, String)>,
    invented: usize,
}

impl Calls {
    fn new(messages: &[ChatMessage]) -> Self {
        let calls = messages
            .iter()
            .flat_map(|message| message.tool_calls.iter().flatten());
        let custom = calls
            .clone()
            .filter(|call| matches!(call, ChatToolCall::Custom(_)))
            .map(|call| call.id().to_owned())
            .collect();
        let ids = calls.map(|call| call.id().to_owned()).collect();
        Self {
            ids,
            custom,
            waiting: Vec::new(),
            invented: 0,
        }
    }

    fn is_custom(&self, call_id: &str) -> bool {
        self.custom.iter().any(|id| id == call_id)
    }

    /// Returns an id for a call that has none; it does not occur in the chat.
    fn invent(&mut self, name: &str) -> String {
        let id = loop {
            let id = format!("call_function_{}", self.invented);
            self.invented += 1;
            if !self.ids.contains(&id) {
                break id;
            }
        };
        self.waiting.push((name.to_owned(), id.clone()));
        id
    }

    /// Returns the oldest waiting call of this function.
    fn answer(&mut self, name: &str) -> Option<String> {
        let at = self
            .waiting
            .iter()
            .position(|(waiting, _)| waiting == name)?;
        Some(self.waiting.remove(at).1)
    }
}

/// Keys of a message that some SDKs repeat in its parts, where they add nothing.
const REPEATED_KEYS: &[&str] = &["role", "refusal", "annotations"];

/// Instructions are one text, so a breakpoint within them cannot be expressed.
fn has_breakpoint(message: &ChatMessage) -> bool {
    let Some(ChatContent::Parts(parts)) = &message.content else {
        return false;
    };
    parts
        .iter()
        .any(|part| matches!(part, ChatPart::Text(part) if part.prompt_cache_breakpoint.is_some()))
}
