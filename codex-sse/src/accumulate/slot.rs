// Where a value goes. Items are found by their place in the output, because gateways exist that change an item's id from event to event;
// the id decides only between several items that claim the same place, or where no place is told. Nothing is ever indexed by a number
// from the network: numbers are looked up among those seen.

use alloc::{boxed::Box, string::String, vec::Vec};

use codex_types::{
    CodeInterpreterCall, CustomToolCall, DeltaKind, FunctionCall, ItemStatus, McpCall, OutputItem,
    OutputMessage, OutputPart, OutputText, ReasoningItem, ReasoningPart, ReasoningText, Refusal,
    SummaryPart, SummaryText,
};

/// What is known about an item beside the item itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    /// Tells slots apart; a position in the output may change when an earlier item turns up late.
    pub(super) serial: u32,
    pub(super) output_index: u32,
    pub(super) id: Option<Box<str>>,
    /// `output_item.done` has come: only the terminal event may still change the item.
    pub(super) done: bool,
    /// The part indexes of `content`, `commands` or `output`, and of `summary`, in the order of the parts.
    pub(super) parts: Vec<u32>,
    pub(super) summary: Vec<u32>,
    /// The texts of which the whole has come.
    pub(super) sealed: Vec<(DeltaKind, u32)>,
    /// Bytes of text in it.
    pub(super) size: usize,
}

impl Slot {
    pub(super) fn is_sealed(&self, kind: DeltaKind, part: u32) -> bool {
        self.done || self.sealed.contains(&(kind, part))
    }

    pub(super) fn seal(&mut self, kind: DeltaKind, part: u32) {
        if !self.is_sealed(kind, part) {
            self.sealed.push((kind, part));
        }
    }

    /// Whether the part that deltas of this kind append to exists. Kinds without parts have nothing to make.
    #[inline]
    pub(super) fn has_part(&self, kind: DeltaKind, part: u32) -> bool {
        match kind {
            DeltaKind::OutputText | DeltaKind::Refusal | DeltaKind::ReasoningText => {
                has(&self.parts, part)
            }
            DeltaKind::ReasoningSummaryText => has(&self.summary, part),
            _ => true,
        }
    }

    /// Takes the part indexes of an item that came whole; of lists that it leaves out, those of the deltas stay.
    pub(super) fn number_parts(&mut self, item: &OutputItem) {
        let (parts, summary) = part_counts(item);
        for (indexes, count) in [(&mut self.parts, parts), (&mut self.summary, summary)] {
            if count > 0 {
                *indexes = (0..u32::try_from(count).unwrap_or(u32::MAX)).collect();
            }
        }
    }

    /// Which parts of a whole item the parts built so far stand for, before it has numbered them.
    pub(super) fn parts_for(&self, whole: &OutputItem) -> &[u32] {
        fitting(&self.parts, part_counts(whole).0)
    }

    /// The texts built so far, by the parts of the whole item that they stand for.
    pub(super) fn texts_for<'a>(&self, built: &'a OutputItem, whole: &OutputItem) -> Vec<Text<'a>> {
        let (parts, summary) = part_counts(whole);
        let (parts, summary) = (fitting(&self.parts, parts), fitting(&self.summary, summary));
        let mut texts = texts(built);
        for (kind, part, _) in &mut texts {
            let indexes = match kind {
                DeltaKind::ReasoningSummaryText => summary,
                _ => parts,
            };
            *part = indexes.get(*part as usize).copied().unwrap_or(*part);
        }
        texts
    }
}

/// A text, with the kind and the part of the deltas that would build it.
pub(super) type Text<'a> = (DeltaKind, u32, &'a str);

/// How many parts an item has in `content`, `commands` or `output`, and in `summary`.
fn part_counts(item: &OutputItem) -> (usize, usize) {
    match item {
        OutputItem::Message(item) => (item.content.len(), 0),
        OutputItem::Reasoning(item) => (
            item.content.as_ref().map_or(0, Vec::len),
            item.summary.len(),
        ),
        OutputItem::ShellCall(item) => (item.action.commands.len(), 0),
        OutputItem::ShellCallOutput(item) => (item.output.len(), 0),
        _ => (0, 0),
    }
}

/// Some part may have lost all its deltas, so those that have come are told by their numbers. A service that counts otherwise than its
/// own whole items is met in order instead: none of the numbers is kept.
fn fitting(indexes: &[u32], count: usize) -> &[u32] {
    match indexes.last() {
        Some(last) if (*last as usize) < count => indexes,
        _ => &[],
    }
}

/// Whether an ascending list holds the number; most often it is the last one.
#[inline]
pub(super) fn has(indexes: &[u32], index: u32) -> bool {
    indexes.last() == Some(&index) || indexes.binary_search(&index).is_ok()
}

/// The part with this index, made where there is none yet.
pub(super) fn part_mut<'a, T>(
    parts: &'a mut Vec<T>,
    indexes: &mut Vec<u32>,
    index: u32,
    make: impl FnOnce() -> T,
) -> Option<&'a mut T> {
    let position = indexes.partition_point(|seen| *seen < index);
    if indexes.get(position) != Some(&index) {
        indexes.insert(position, index);
        parts.insert(position.min(parts.len()), make());
    }
    parts.get_mut(position)
}

/// The text that deltas of this kind append to. `None` where the item, or the part, is of another kind.
pub(super) fn text_mut<'a>(
    item: &'a mut OutputItem,
    slot: &mut Slot,
    kind: DeltaKind,
    part: u32,
) -> Option<&'a mut String> {
    match (item, kind) {
        (
            OutputItem::Message(item),
            DeltaKind::OutputText | DeltaKind::Refusal | DeltaKind::ReasoningText,
        ) => {
            let make = || match kind {
                DeltaKind::Refusal => OutputPart::Refusal(Refusal::new("")),
                DeltaKind::ReasoningText => OutputPart::ReasoningText(ReasoningText::new("")),
                _ => OutputPart::Text(OutputText::new("")),
            };
            match (
                part_mut(&mut item.content, &mut slot.parts, part, make)?,
                kind,
            ) {
                (OutputPart::Text(part), DeltaKind::OutputText) => Some(&mut part.text),
                (OutputPart::PlainText(part), DeltaKind::OutputText) => Some(&mut part.text),
                (OutputPart::Refusal(part), DeltaKind::Refusal) => Some(&mut part.refusal),
                (OutputPart::ReasoningText(part), DeltaKind::ReasoningText) => Some(&mut part.text),
                _ => None,
            }
        }
        (OutputItem::Reasoning(item), DeltaKind::ReasoningText) => {
            let content = item.content.get_or_insert_default();
            let make = || ReasoningPart::ReasoningText(ReasoningText::new(""));
            match part_mut(content, &mut slot.parts, part, make)? {
                ReasoningPart::ReasoningText(part) => Some(&mut part.text),
                ReasoningPart::PlainText(part) => Some(&mut part.text),
                _ => None,
            }
        }
        (OutputItem::Reasoning(item), DeltaKind::ReasoningSummaryText) => {
            let make = || SummaryPart::SummaryText(SummaryText::new(""));
            match part_mut(&mut item.summary, &mut slot.summary, part, make)? {
                SummaryPart::SummaryText(part) => Some(&mut part.text),
                _ => None,
            }
        }
        (OutputItem::FunctionCall(item), DeltaKind::FunctionCallArguments) => {
            Some(&mut item.arguments)
        }
        (OutputItem::CustomToolCall(item), DeltaKind::CustomToolCallInput) => Some(&mut item.input),
        (OutputItem::McpCall(item), DeltaKind::McpCallArguments) => Some(&mut item.arguments),
        (OutputItem::CodeInterpreterCall(item), DeltaKind::CodeInterpreterCallCode) => {
            Some(item.code.get_or_insert_default())
        }
        _ => None,
    }
}

/// The texts of an item, each with the kind and the part of the deltas that would build it.
pub(super) fn texts(item: &OutputItem) -> Vec<Text<'_>> {
    let numbered = || 0_u32..;
    match item {
        OutputItem::Message(item) => numbered()
            .zip(&item.content)
            .filter_map(|(index, part)| match part {
                OutputPart::Text(part) => Some((DeltaKind::OutputText, index, &*part.text)),
                OutputPart::PlainText(part) => Some((DeltaKind::OutputText, index, &*part.text)),
                OutputPart::Refusal(part) => Some((DeltaKind::Refusal, index, &*part.refusal)),
                OutputPart::ReasoningText(part) => {
                    Some((DeltaKind::ReasoningText, index, &*part.text))
                }
                _ => None,
            })
            .collect(),
        OutputItem::Reasoning(item) => {
            let summary = numbered().zip(&item.summary).filter_map(|(index, part)| {
                Some((DeltaKind::ReasoningSummaryText, index, part.as_text()?))
            });
            let content = numbered().zip(item.content.iter().flatten());
            let content = content.filter_map(|(index, part)| {
                Some((DeltaKind::ReasoningText, index, part.as_text()?))
            });
            summary.chain(content).collect()
        }
        OutputItem::FunctionCall(item) => {
            [(DeltaKind::FunctionCallArguments, 0, &*item.arguments)].into()
        }
        OutputItem::CustomToolCall(item) => {
            [(DeltaKind::CustomToolCallInput, 0, &*item.input)].into()
        }
        OutputItem::McpCall(item) => [(DeltaKind::McpCallArguments, 0, &*item.arguments)].into(),
        OutputItem::CodeInterpreterCall(item) => item
            .code
            .iter()
            .map(|code| (DeltaKind::CodeInterpreterCallCode, 0, &**code))
            .collect(),
        _ => Vec::new(),
    }
}

/// How far an item says that it has come.
pub(super) fn status(item: &OutputItem) -> Option<&ItemStatus> {
    match item {
        OutputItem::Message(item) => Some(&item.status),
        OutputItem::Reasoning(item) => item.status.as_ref(),
        OutputItem::FunctionCall(item) => item.status.as_ref(),
        OutputItem::CustomToolCall(item) => item.status.as_ref(),
        OutputItem::McpCall(item) => item.status.as_ref(),
        OutputItem::CodeInterpreterCall(item) => Some(&item.status),
        OutputItem::ShellCall(item) => item.status.as_ref(),
        _ => None,
    }
}

/// Whether deltas of this kind can belong to the item.
pub(super) fn suits(item: &OutputItem, kind: DeltaKind) -> bool {
    match item {
        OutputItem::Message(_) => {
            matches!(
                kind,
                DeltaKind::OutputText | DeltaKind::Refusal | DeltaKind::ReasoningText
            )
        }
        OutputItem::Reasoning(_) => {
            matches!(
                kind,
                DeltaKind::ReasoningText | DeltaKind::ReasoningSummaryText
            )
        }
        OutputItem::FunctionCall(_) => kind == DeltaKind::FunctionCallArguments,
        OutputItem::CustomToolCall(_) => kind == DeltaKind::CustomToolCallInput,
        OutputItem::McpCall(_) => kind == DeltaKind::McpCallArguments,
        OutputItem::CodeInterpreterCall(_) => kind == DeltaKind::CodeInterpreterCallCode,
        _ => false,
    }
}

/// The item that deltas of this kind belong to, for when they come before it. `None` for sound, which belongs to no item.
pub(super) fn blank(kind: DeltaKind, id: &str) -> Option<OutputItem> {
    let id = (!id.is_empty()).then(|| String::from(id));
    Some(match kind {
        DeltaKind::OutputText | DeltaKind::Refusal => {
            let mut item = OutputMessage::new(Vec::new(), ItemStatus::InProgress);
            item.role = codex_types::Role::Assistant;
            item.id = id;
            item.into()
        }
        DeltaKind::ReasoningText | DeltaKind::ReasoningSummaryText => {
            let mut item = ReasoningItem::new(Vec::new());
            item.id = id;
            item.into()
        }
        DeltaKind::FunctionCallArguments => {
            let mut item = FunctionCall::new("", "", "");
            item.id = id;
            item.into()
        }
        DeltaKind::CustomToolCallInput => {
            let mut item = CustomToolCall::new("", "", "");
            item.id = id;
            item.into()
        }
        DeltaKind::McpCallArguments => {
            let mut item = McpCall::new("", "", "");
            item.id = id;
            item.into()
        }
        DeltaKind::CodeInterpreterCallCode => {
            let mut item = CodeInterpreterCall::new("", ItemStatus::InProgress);
            item.id = id;
            item.into()
        }
        _ => return None,
    })
}
