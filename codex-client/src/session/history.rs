// What has been said, in pieces that are never changed, so that a fork shares them instead of copying a conversation of megabytes.

use std::sync::Arc;

use codex_types::{InputItem, OpenCalls, PreparedInput, Role};

use crate::unsettled::Unsettled;

/// What has been said so far: one piece for each request.
#[derive(Clone, Default)]
pub(super) struct History {
    pieces: Vec<Arc<[InputItem]>>,
    /// The same items, serialized when they entered.
    input: PreparedInput,
    open: OpenCalls,
    /// How many of the pieces were checked and are complete in themselves.
    settled: usize,
    /// The `store` of the requests that they were checked for: it decides which reasoning is accepted.
    settled_for: Option<bool>,
}

/// The new items of a request, and all items of it as they were sent.
pub(super) struct Said {
    pub(super) items: Vec<InputItem>,
    pub(super) whole: PreparedInput,
    /// The items that this request is the first to check.
    pub(super) unsettled: Arc<Unsettled>,
    /// The `store` of the request. Settings may change before the response arrives.
    store: Option<bool>,
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
            self.input.extend(&items);
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

    /// All items, with new ones at the end, for a request with this `store`.
    pub(super) fn with(&self, items: Vec<InputItem>, store: Option<bool>) -> Said {
        let mut whole = self.input.clone();
        whole.extend(&items);
        let settled = if self.settled_for == store {
            self.settled
        } else {
            0
        };
        let unsettled = self.pieces.iter().skip(settled);
        let unsettled = unsettled.flat_map(|piece| piece.iter()).chain(&items);
        Said {
            whole,
            unsettled: Arc::new(Unsettled::new(unsettled.cloned().collect())),
            items,
            store,
        }
    }

    /// Adds what was sent, and what came back. Nothing else may have been added since the request was made.
    pub(super) fn advance(&mut self, said: Said, output: Vec<InputItem>) {
        if !said.items.is_empty() {
            self.open.extend(&said.items);
            self.pieces.push(said.items.into());
            self.input = said.whole;
        }
        // What follows cannot change what was found in items that end here, unless a call or reasoning still waits for its successor.
        let newest = self.pieces.last().and_then(|piece| piece.last());
        if said.unsettled.is_accepted()
            && self.open.iter().next().is_none()
            && !matches!(newest, Some(InputItem::Reasoning(_)))
        {
            self.settled = self.pieces.len();
            self.settled_for = said.store;
        }
        self.push(output);
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
