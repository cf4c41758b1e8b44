// What has been said, in pieces that are never changed, so that a fork shares them instead of copying a conversation of megabytes.

use std::sync::Arc;

use codex_types::{Input, InputItem, OpenCalls, Role};

/// What has been said so far: one piece for each request.
#[derive(Clone, Default)]
pub(super) struct History {
    pieces: Vec<Arc<[InputItem]>>,
    open: OpenCalls,
}

impl History {
    pub(super) fn starting_with(items: Vec<InputItem>) -> Self {
        let mut history = Self::default();
        history.push(items);
        history
    }

    pub(super) fn push(&mut self, items: Vec<InputItem>) {
        if !items.is_empty() {
            self.open.extend(&items);
            self.pieces.push(items.into());
        }
    }

    /// How many pieces there are; it grows with everything that is said.
    pub(super) fn len(&self) -> usize {
        self.pieces.len()
    }

    pub(super) fn items(&self) -> impl Iterator<Item = &InputItem> {
        self.pieces.iter().flat_map(|piece| piece.iter())
    }

    /// The whole of it, with something new at the end.
    pub(super) fn to_input(&self, new: Vec<InputItem>) -> Input {
        let mut items: Vec<InputItem> = self.items().cloned().collect();
        items.extend(new);
        Input::Items(items)
    }

    /// What does not come from the model or a tool.
    pub(super) fn instructions_and_questions(&self) -> Vec<InputItem> {
        let stays = |item: &&InputItem| matches!(item, InputItem::Message(message) if message.role != Role::Assistant);
        self.items().filter(stays).cloned().collect()
    }

    /// The calls that nothing answers yet.
    pub(super) fn open(&self) -> &OpenCalls {
        &self.open
    }

    /// Whether the item is one of the outputs at the end: an answer to the last response that was given before.
    pub(super) fn ends_with_output(&self, item: &InputItem) -> bool {
        let newest = self
            .pieces
            .iter()
            .rev()
            .flat_map(|piece| piece.iter().rev());
        newest
            .take_while(|newest| is_output(newest))
            .any(|newest| newest == item)
    }
}

fn is_output(item: &InputItem) -> bool {
    matches!(
        item,
        InputItem::FunctionCallOutput(_)
            | InputItem::CustomToolCallOutput(_)
            | InputItem::LocalShellCallOutput(_)
            | InputItem::ShellCallOutput(_)
            | InputItem::ApplyPatchCallOutput(_)
            | InputItem::ComputerCallOutput(_)
            | InputItem::ToolSearchOutput(_)
            | InputItem::McpApprovalResponse(_)
    )
}
