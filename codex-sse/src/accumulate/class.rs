//! The classes of items, and the texts of an item of each class.

use alloc::string::String;
use alloc::vec::Vec;

use codex_types::{
    CodeInterpreterCall, CustomToolCall, DeltaKind, FunctionCall, ItemStatus, McpCall, OutputItem,
    OutputMessage, OutputPart, ReasoningItem, ReasoningPart, Role, SummaryPart,
};

/// The kind of a text of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TextKind {
    Text,
    Refusal,
    Reasoning,
    Summary,
    /// The arguments, input or code of a call.
    Input,
}

impl TextKind {
    pub(super) const ALL: [Self; 5] = [
        Self::Text,
        Self::Refusal,
        Self::Reasoning,
        Self::Summary,
        Self::Input,
    ];

    /// Returns the kind of text for a kind of delta. `None` for audio, which does not belong to an
    /// item.
    pub(super) fn of(kind: DeltaKind) -> Option<Self> {
        Some(match kind {
            DeltaKind::OutputText => Self::Text,
            DeltaKind::Refusal => Self::Refusal,
            DeltaKind::ReasoningText => Self::Reasoning,
            DeltaKind::ReasoningSummaryText => Self::Summary,
            DeltaKind::FunctionCallArguments
            | DeltaKind::CustomToolCallInput
            | DeltaKind::McpCallArguments
            | DeltaKind::CodeInterpreterCallCode => Self::Input,
            _ => return None,
        })
    }
}

/// The class of an item: its kind, as far as it decides which events belong to the item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Message,
    Reasoning,
    Function,
    Custom,
    Mcp,
    Code,
    Other,
}

impl Class {
    pub(super) const COUNT: usize = 7;

    pub(super) fn of(item: &OutputItem) -> Self {
        match item {
            OutputItem::Message(_) => Self::Message,
            OutputItem::Reasoning(_) => Self::Reasoning,
            OutputItem::FunctionCall(_) => Self::Function,
            OutputItem::CustomToolCall(_) => Self::Custom,
            OutputItem::McpCall(_) => Self::Mcp,
            OutputItem::CodeInterpreterCall(_) => Self::Code,
            _ => Self::Other,
        }
    }

    /// Returns the class of items to which deltas of this kind belong. `None` for audio.
    pub(super) fn of_delta(kind: DeltaKind) -> Option<Self> {
        Some(match kind {
            DeltaKind::OutputText | DeltaKind::Refusal => Self::Message,
            DeltaKind::ReasoningText | DeltaKind::ReasoningSummaryText => Self::Reasoning,
            DeltaKind::FunctionCallArguments => Self::Function,
            DeltaKind::CustomToolCallInput => Self::Custom,
            DeltaKind::McpCallArguments => Self::Mcp,
            DeltaKind::CodeInterpreterCallCode => Self::Code,
            _ => return None,
        })
    }

    /// Creates an item of this class of which only the id is known.
    pub(super) fn blank(self, id: &str) -> OutputItem {
        let id = (!id.is_empty()).then(|| String::from(id));
        match self {
            Self::Reasoning => {
                let mut item = ReasoningItem::new(Vec::new());
                item.id = id;
                item.into()
            }
            Self::Function => {
                let mut item = FunctionCall::new("", "", "");
                item.id = id;
                item.into()
            }
            Self::Custom => {
                let mut item = CustomToolCall::new("", "", "");
                item.id = id;
                item.into()
            }
            Self::Mcp => {
                let mut item = McpCall::new("", "", "");
                item.id = id;
                item.into()
            }
            Self::Code => {
                let mut item = CodeInterpreterCall::new("", ItemStatus::InProgress);
                item.id = id;
                item.into()
            }
            Self::Message | Self::Other => {
                let mut item = OutputMessage::new(Vec::new(), ItemStatus::InProgress);
                item.role = Role::Assistant;
                item.id = id;
                item.into()
            }
        }
    }

    /// Returns the kind of text that an event of this kind means in an item of this class: the item
    /// decides, not the event.
    #[inline]
    pub(super) fn text(self, kind: TextKind) -> Option<TextKind> {
        Some(match (self, kind) {
            (Self::Message, TextKind::Text | TextKind::Refusal | TextKind::Reasoning) => kind,
            (Self::Reasoning, TextKind::Summary) => kind,
            (Self::Reasoning, TextKind::Text | TextKind::Reasoning) => TextKind::Reasoning,
            (Self::Function | Self::Custom | Self::Mcp | Self::Code, TextKind::Input) => kind,
            _ => return None,
        })
    }
}

/// Returns one text of an item.
pub(super) fn text(item: &OutputItem, kind: TextKind, position: usize) -> Option<&str> {
    match item {
        OutputItem::Message(item) => part_text(item.content.get(position)?),
        OutputItem::Reasoning(item) => match kind {
            TextKind::Summary => item.summary.get(position)?.as_text(),
            _ => item.content.as_ref()?.get(position)?.as_text(),
        },
        _ => item.input(),
    }
}

/// Returns one text of an item for changing.
#[inline]
pub(super) fn text_mut(
    item: &mut OutputItem,
    kind: TextKind,
    position: usize,
) -> Option<&mut String> {
    match item {
        OutputItem::Message(item) => match item.content.get_mut(position)? {
            OutputPart::Text(part) => Some(&mut part.text),
            OutputPart::PlainText(part) => Some(&mut part.text),
            OutputPart::Refusal(part) => Some(&mut part.refusal),
            OutputPart::ReasoningText(part) => Some(&mut part.text),
            _ => None,
        },
        OutputItem::Reasoning(item) => match kind {
            TextKind::Summary => match item.summary.get_mut(position)? {
                SummaryPart::SummaryText(part) => Some(&mut part.text),
                _ => None,
            },
            _ => match item.content.as_mut()?.get_mut(position)? {
                ReasoningPart::ReasoningText(part) => Some(&mut part.text),
                ReasoningPart::PlainText(part) => Some(&mut part.text),
                _ => None,
            },
        },
        _ => item.input_mut(),
    }
}

fn part_text(part: &OutputPart) -> Option<&str> {
    match part {
        OutputPart::Text(part) => Some(&part.text),
        OutputPart::PlainText(part) => Some(&part.text),
        OutputPart::Refusal(part) => Some(&part.refusal),
        OutputPart::ReasoningText(part) => Some(&part.text),
        _ => None,
    }
}

fn part_kind(part: &OutputPart) -> Option<TextKind> {
    match part {
        OutputPart::Text(_) | OutputPart::PlainText(_) => Some(TextKind::Text),
        OutputPart::Refusal(_) => Some(TextKind::Refusal),
        OutputPart::ReasoningText(_) => Some(TextKind::Reasoning),
        _ => None,
    }
}

/// Returns the kinds of the parts of an item's content, or of its only text, and those of its
/// summary.
pub(super) fn kinds(item: &OutputItem) -> (Vec<Option<TextKind>>, Vec<Option<TextKind>>) {
    match item {
        OutputItem::Message(item) => (item.content.iter().map(part_kind).collect(), Vec::new()),
        OutputItem::Reasoning(item) => {
            let content = item.content.iter().flatten();
            let reasoning = |part: &ReasoningPart| part.as_text().map(|_| TextKind::Reasoning);
            let summary = |part: &SummaryPart| part.as_text().map(|_| TextKind::Summary);
            (
                content.map(reasoning).collect(),
                item.summary.iter().map(summary).collect(),
            )
        }
        OutputItem::ShellCall(item) => (alloc::vec![None; item.action.commands.len()], Vec::new()),
        OutputItem::ShellCallOutput(item) => (alloc::vec![None; item.output.len()], Vec::new()),
        _ => {
            let input = item.input().map(|_| Some(TextKind::Input));
            (input.into_iter().collect(), Vec::new())
        }
    }
}

/// Returns the texts of one kind, in order.
pub(super) fn texts(item: &OutputItem, kind: TextKind) -> impl Iterator<Item = &str> {
    let (parts, summary) = kinds(item);
    let kinds = if kind == TextKind::Summary {
        summary
    } else {
        parts
    };
    let positions = kinds.into_iter().enumerate();
    positions.filter_map(move |(position, own)| {
        (own == Some(kind)).then(|| text(item, kind, position))?
    })
}

/// Returns whether all texts of an item are empty.
pub(super) fn is_textless(item: &OutputItem) -> bool {
    let mut texts = TextKind::ALL.iter().flat_map(|kind| texts(item, *kind));
    texts.all(str::is_empty)
}

/// Returns the id that pairs a call with its output.
pub(super) fn call_id(item: &OutputItem) -> &str {
    match item {
        OutputItem::FunctionCall(item) => &item.call_id,
        OutputItem::CustomToolCall(item) => &item.call_id,
        OutputItem::ShellCall(item) => &item.call_id,
        OutputItem::ShellCallOutput(item) => &item.call_id,
        OutputItem::ApplyPatchCall(item) => &item.call_id,
        OutputItem::ComputerCall(item) => &item.call_id,
        OutputItem::LocalShellCall(item) => item.call_id.as_deref().unwrap_or_default(),
        _ => "",
    }
}

pub(super) fn set_call_id(item: &mut OutputItem, call_id: &str) {
    match item {
        OutputItem::FunctionCall(item) => item.call_id = call_id.into(),
        OutputItem::CustomToolCall(item) => item.call_id = call_id.into(),
        OutputItem::ShellCall(item) => item.call_id = call_id.into(),
        OutputItem::ApplyPatchCall(item) => item.call_id = call_id.into(),
        OutputItem::ComputerCall(item) => item.call_id = call_id.into(),
        OutputItem::LocalShellCall(item) => item.call_id = Some(call_id.into()),
        _ => {}
    }
}

/// Returns the name of the called tool.
pub(super) fn tool_name(item: &OutputItem) -> &str {
    match item {
        OutputItem::FunctionCall(item) => &item.name,
        OutputItem::CustomToolCall(item) => &item.name,
        OutputItem::McpCall(item) => &item.name,
        _ => "",
    }
}
