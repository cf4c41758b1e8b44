//! The adapter to the library under test: the only file that uses its names.

use codex_sse::chat::{ChatStreamEvent, ToChatChunks};
use codex_sse::{EventDecoder, Outcome, Update as View, Updates};
use codex_types::chat::translate::AnswerOptions;
use codex_types::{OutputItem, RawJson};
use serde_json::Value;

use super::generate::Ending;

/// The library's output for the lines of a stream.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    /// Lines that the library rejected, with the error.
    pub(crate) rejected: Vec<String>,
    pub(crate) updates: Vec<Update>,
    /// The assembled response.
    pub(crate) response: Value,
    pub(crate) chat: Vec<ChatUpdate>,
}

#[derive(Debug)]
pub(crate) enum Update {
    Text {
        channel: Channel,
        position: (u32, u32),
        delta: String,
        snapshot: String,
    },
    CallStarted,
    Call(Value),
    MalformedCall,
    ItemDone,
    Ended(Option<End>),
}

/// The kind of text in an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Channel {
    Text,
    Refusal,
    Reasoning,
    Summary,
    /// Arguments, input or code of a call.
    Preview,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Completed,
    Incomplete,
    Failed,
}

#[derive(Debug)]
pub(crate) enum ChatUpdate {
    Delta {
        content: Option<String>,
        refusal: Option<String>,
        calls: Vec<ChatCallUpdate>,
        finish: Option<String>,
    },
    Error,
    Done,
}

#[derive(Debug)]
pub(crate) struct ChatCallUpdate {
    pub(crate) index: u32,
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) arguments: Option<String>,
}

impl From<Ending> for End {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Completed => Self::Completed,
            Ending::MaxOutputTokens | Ending::ContentFilter => Self::Incomplete,
            Ending::Failed => Self::Failed,
        }
    }
}

/// Feeds the lines to the accumulator and to the chat translation.
pub(crate) fn observe(lines: &[String]) -> Observed {
    let mut observed = Observed::default();
    let mut decoder = EventDecoder::new();
    let mut updates = Updates::new();
    let mut chunks = ToChatChunks::new(AnswerOptions::new());
    for line in lines {
        let event = match decoder.decode_message(line.as_bytes()) {
            Ok(Some(event)) => event,
            Ok(None) => continue,
            Err(error) => {
                observed.rejected.push(format!("{error}: {line}"));
                continue;
            }
        };
        if let Err(error) = updates.feed(&event) {
            observed.rejected.push(format!("{error}: {line}"));
        }
        while let Some(update) = updates.poll() {
            observed.updates.extend(convert(&update));
        }
        observed
            .chat
            .extend(chunks.feed(&event).into_iter().map(chat_update));
    }
    observed
        .chat
        .extend(chunks.finish().into_iter().map(chat_update));
    observed.response = value(updates.snapshot());
    observed
}

fn convert(update: &View<'_>) -> Option<Update> {
    let (channel, position, delta, snapshot) = match *update {
        View::Text {
            output_index,
            part,
            delta,
            snapshot,
            ..
        } => (Channel::Text, (output_index, part), delta, snapshot),
        View::Refusal {
            output_index,
            part,
            delta,
            snapshot,
            ..
        } => (Channel::Refusal, (output_index, part), delta, snapshot),
        View::Reasoning {
            output_index,
            part,
            delta,
            snapshot,
            ..
        } => (Channel::Reasoning, (output_index, part), delta, snapshot),
        View::ReasoningSummary {
            output_index,
            part,
            delta,
            snapshot,
            ..
        } => (Channel::Summary, (output_index, part), delta, snapshot),
        View::ToolCallPreview {
            output_index,
            delta,
            snapshot,
            ..
        } => (Channel::Preview, (output_index, 0), delta, snapshot),
        View::ToolCallStarted { .. } => return Some(Update::CallStarted),
        View::ToolCall { item, .. } => return Some(Update::Call(item_value(item))),
        View::MalformedToolCall { .. } => return Some(Update::MalformedCall),
        View::ItemDone { .. } => return Some(Update::ItemDone),
        View::Ended(outcome) => return Some(Update::Ended(end(outcome))),
        _ => return None,
    };
    Some(Update::Text {
        channel,
        position,
        delta: delta.to_owned(),
        snapshot: snapshot.to_owned(),
    })
}

fn end(outcome: Outcome) -> Option<End> {
    match outcome {
        Outcome::Completed => Some(End::Completed),
        Outcome::Incomplete => Some(End::Incomplete),
        Outcome::Failed => Some(End::Failed),
        _ => None,
    }
}

fn chat_update(event: ChatStreamEvent) -> ChatUpdate {
    let mut chunk = match event {
        ChatStreamEvent::Chunk(chunk) => chunk,
        ChatStreamEvent::Error(_) => return ChatUpdate::Error,
        _ => return ChatUpdate::Done,
    };
    let Some(choice) = chunk.choices.pop() else {
        return ChatUpdate::Delta {
            content: None,
            refusal: None,
            calls: Vec::new(),
            finish: None,
        };
    };
    let calls = choice.delta.tool_calls.into_iter().flatten().map(|call| {
        let (name, arguments) = match (call.function, call.custom) {
            (Some(function), _) => (function.name, function.arguments),
            (None, Some(custom)) => (custom.name, custom.input),
            (None, None) => (None, None),
        };
        ChatCallUpdate {
            index: call.index,
            id: call.id,
            name,
            arguments,
        }
    });
    ChatUpdate::Delta {
        content: choice.delta.content,
        refusal: choice.delta.refusal,
        calls: calls.collect(),
        finish: choice
            .finish_reason
            .map(|reason| reason.as_str().to_owned()),
    }
}

fn item_value(item: &OutputItem) -> Value {
    RawJson::encode(item).map_or(Value::Null, |json| parse(&json))
}

fn value(response: &codex_types::Response) -> Value {
    RawJson::encode(response).map_or(Value::Null, |json| parse(&json))
}

fn parse(json: &RawJson) -> Value {
    serde_json::from_str(json.as_str()).unwrap_or(Value::Null)
}
