//! Translation of the items of a request into the messages of a chat.
//!
//! The items are translated one by one and then put in the order that chat services require: a
//! message with calls, immediately all their outputs, and then everything else.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::chat::translate::fields::Refusals;
use crate::chat::translate::{TranslateError, TranslateErrorKind, write_null};
use crate::chat::*;
use crate::lint::FindingCode;
use crate::{
    CreateResponse, CustomToolCall, FunctionCall, Input, InputItem, InputPart, Message,
    MessageContent, RawJson, Role, ToolOutput,
};

pub(super) fn messages(
    request: &CreateResponse,
    refusals: &mut Refusals<'_>,
) -> Result<Vec<ChatMessage>, TranslateError> {
    let mut messages = Vec::new();
    let instructions = request.instructions.as_deref().unwrap_or_default();
    if !instructions.is_empty() {
        messages.push(ChatMessage::system(instructions));
    }
    match &request.input {
        None => {}
        Some(Input::Text(text)) => messages.push(ChatMessage::user(text.as_str())),
        Some(Input::Items(items)) => messages.extend(of_items(items, refusals)?),
        Some(Input::Prepared(input)) => messages.extend(of_items(&input.to_items(), refusals)?),
        Some(Input::Unknown(_)) => return Err(TranslateError::malformed("input")),
    }
    Ok(messages)
}

fn of_items(
    items: &[InputItem],
    refusals: &mut Refusals<'_>,
) -> Result<Vec<ChatMessage>, TranslateError> {
    let mut entries = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        entries.push(entry(item, &format!("input[{at}]"), refusals)?);
    }
    let order = Order::new(entries);
    order.note_unpaired(refusals);
    Ok(order.into_messages())
}

/// The translation of one item.
#[derive(Default)]
enum Entry {
    Message(ChatMessage),
    Call(ChatToolCall),
    /// The message with a tool's output.
    Output(ChatMessage),
    #[default]
    Nothing,
}

impl Entry {
    /// The id that pairs calls and outputs.
    fn call_id(&self) -> &str {
        match self {
            Self::Call(call) => call.id(),
            Self::Output(message) => message.tool_call_id.as_deref().unwrap_or_default(),
            Self::Message(_) | Self::Nothing => "",
        }
    }
}

/// Puts messages, calls and outputs in order.
struct Order {
    /// Entries that are written become [`Entry::Nothing`].
    entries: Vec<Entry>,
    /// The outputs of each call, and the call of each output, by index.
    outputs: BTreeMap<usize, Vec<usize>>,
    call_of: BTreeMap<usize, usize>,
    messages: Vec<ChatMessage>,
    /// Whether the last message is an assistant message, which calls can join.
    takes_calls: bool,
    /// The outputs that must follow the last message.
    due: Vec<usize>,
    /// The messages between the calls and those outputs.
    after: Vec<ChatMessage>,
}

impl Order {
    fn new(entries: Vec<Entry>) -> Self {
        let (outputs, call_of) = pair(&entries);
        Self {
            messages: Vec::with_capacity(entries.len()),
            entries,
            outputs,
            call_of,
            takes_calls: false,
            due: Vec::new(),
            after: Vec::new(),
        }
    }

    fn note_unpaired(&self, refusals: &mut Refusals<'_>) {
        for (at, entry) in self.entries.iter().enumerate() {
            let (code, what) = match entry {
                Entry::Call(_) if !self.outputs.contains_key(&at) => {
                    (FindingCode::UnansweredCall, "has no output")
                }
                Entry::Output(_) if !self.call_of.contains_key(&at) => {
                    (FindingCode::OrphanOutput, "has no call")
                }
                _ => continue,
            };
            refusals.note(code, &format!("input[{at}]"), what);
        }
    }

    fn into_messages(mut self) -> Vec<ChatMessage> {
        for at in 0..self.entries.len() {
            // The output of a call is written with the call.
            if self.call_of.contains_key(&at) {
                if self.due.contains(&at) {
                    self.flush();
                }
                continue;
            }
            match self.take(at) {
                Entry::Nothing => {}
                Entry::Message(message) | Entry::Output(message) => self.push(at, message),
                Entry::Call(call) => self.call(at, call),
            }
        }
        self.flush();
        self.messages
    }

    fn take(&mut self, at: usize) -> Entry {
        let entry = self.entries.get_mut(at);
        entry.map(core::mem::take).unwrap_or_default()
    }

    fn push(&mut self, at: usize, message: ChatMessage) {
        if self.due.iter().all(|output| *output < at) {
            self.flush();
            self.takes_calls = message.role == ChatRole::Assistant;
            self.messages.push(message);
        } else {
            self.after.push(message);
        }
    }

    fn call(&mut self, at: usize, call: ChatToolCall) {
        if !self.takes_calls {
            let mut message = ChatMessage::new(ChatRole::Assistant);
            write_null(&mut message, "content");
            self.messages.push(message);
            self.takes_calls = true;
        }
        if let Some(message) = self.messages.last_mut() {
            message.tool_calls.get_or_insert_with(Vec::new).push(call);
        }
        self.due.extend(self.outputs.get(&at).into_iter().flatten());
    }

    /// Writes the outputs of the last message, in the order in which they came, and the messages
    /// between them.
    fn flush(&mut self) {
        let mut due = core::mem::take(&mut self.due);
        if due.is_empty() {
            return;
        }
        due.sort_unstable();
        self.takes_calls = false;
        for at in due {
            if let Entry::Output(message) = self.take(at) {
                self.messages.push(message);
            }
        }
        for message in self.after.drain(..) {
            self.takes_calls = message.role == ChatRole::Assistant;
            self.messages.push(message);
        }
    }
}

/// The outputs of each call, and the call of each output, by index.
type Pairs = (BTreeMap<usize, Vec<usize>>, BTreeMap<usize, usize>);

/// Pairs each output with the latest call of its id that has none, else with the latest, else with
/// the next. Some servers reuse ids in every turn.
fn pair(entries: &[Entry]) -> Pairs {
    #[derive(Default)]
    struct Seen {
        open: Vec<usize>,
        last: Option<usize>,
        early: Vec<usize>,
    }
    let mut seen: BTreeMap<&str, Seen> = BTreeMap::new();
    let (mut outputs, mut call_of) = Pairs::default();
    let mut add = |call: usize, output: usize| {
        outputs.entry(call).or_default().push(output);
        call_of.insert(output, call);
    };
    for (at, entry) in entries.iter().enumerate() {
        let seen = match entry {
            Entry::Call(_) | Entry::Output(_) => seen.entry(entry.call_id()).or_default(),
            Entry::Message(_) | Entry::Nothing => continue,
        };
        if matches!(entry, Entry::Call(_)) {
            seen.last = Some(at);
            if seen.early.is_empty() {
                seen.open.push(at);
            }
            seen.early.drain(..).for_each(|output| add(at, output));
        } else {
            match seen.open.pop().or(seen.last) {
                Some(call) => add(call, at),
                None => seen.early.push(at),
            }
        }
    }
    (outputs, call_of)
}

fn entry(
    item: &InputItem,
    place: &str,
    refusals: &mut Refusals<'_>,
) -> Result<Entry, TranslateError> {
    Ok(match item {
        InputItem::Message(message) => {
            self::message(message, place, refusals)?.map_or(Entry::Nothing, Entry::Message)
        }
        InputItem::FunctionCall(call) => Entry::Call(function_call(call, place, refusals)?),
        InputItem::CustomToolCall(call) => Entry::Call(custom_call(call, place, refusals)?),
        InputItem::FunctionCallOutput(output) => {
            let call_id = given_call_id(output.call_id.as_deref(), place)?;
            let content = tool_content(&output.output, place, refusals)?;
            refusals.note_extra(&output.extra, place);
            Entry::Output(ChatMessage::tool(call_id, content))
        }
        InputItem::CustomToolCallOutput(output) => {
            let call_id = given_call_id(Some(&output.call_id), place)?;
            let content = tool_content(&output.output, place, refusals)?;
            refusals.note_extra(&output.extra, place);
            Entry::Output(ChatMessage::tool(call_id, content))
        }
        InputItem::Reasoning(_) => {
            let what = "was left out: chat has no field for reasoning";
            refusals.note(FindingCode::RejectedItem, place, what);
            Entry::Nothing
        }
        _ => {
            refusals.refuse(TranslateErrorKind::Unsupported, place)?;
            Entry::Nothing
        }
    })
}

fn given_call_id<'a>(call_id: Option<&'a str>, place: &str) -> Result<&'a str, TranslateError> {
    call_id
        .filter(|call_id| !call_id.is_empty())
        .ok_or_else(|| TranslateError::missing(format!("{place}.call_id")))
}

fn function_call(
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
    let mut function = ChatFunctionArguments::new(call.name.as_str(), call.arguments.as_str());
    if let Some(namespace) = &call.namespace {
        let extra = &mut function.extra;
        extra.insert("namespace", RawJson::string(namespace));
    }
    Ok(ChatFunctionCall::new(call_id, function).into())
}

fn custom_call(
    call: &CustomToolCall,
    place: &str,
    refusals: &mut Refusals<'_>,
) -> Result<ChatToolCall, TranslateError> {
    let call_id = given_call_id(Some(&call.call_id), place)?;
    refusals.note_if(call.is_async == Some(true), &format!("{place}.async"));
    refusals.note_extra(&call.extra, place);
    let mut custom = ChatCustomInput::new(call.name.as_str(), call.input.as_str());
    if let Some(namespace) = &call.namespace {
        let extra = &mut custom.extra;
        extra.insert("namespace", RawJson::string(namespace));
    }
    Ok(ChatCustomCall::new(call_id, custom).into())
}

fn message(
    message: &Message,
    place: &str,
    refusals: &mut Refusals<'_>,
) -> Result<Option<ChatMessage>, TranslateError> {
    let role = match message.role {
        Role::User => ChatRole::User,
        Role::System => ChatRole::System,
        Role::Developer if refusals.options().developer_as_system => ChatRole::System,
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
    write_null(&mut message, "content");
    message.refusal = (!refusal.is_empty()).then_some(refusal);
    Ok(Some(message))
}

/// A single text is written as a string: some servers do not accept parts.
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
    let mut translated = Vec::with_capacity(parts.len());
    for (at, part) in parts.iter().enumerate() {
        let place = format!("{place}.output[{at}]");
        match part.as_text() {
            Some(_) => translated.extend(self::part(part, &place, refusals)?),
            None => refusals.refuse(TranslateErrorKind::Unsupported, &place)?,
        }
    }
    Ok(ChatContent::Parts(translated))
}
