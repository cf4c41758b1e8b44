//! The history of a conversation, in immutable segments, so that a fork shares them instead of
//! copying megabytes.

use std::sync::Arc;

use codex_types::{InputItem, OpenCalls, PreparedInput, Role};

use crate::unsettled::Unsettled;

/// The items so far, in one segment for each request.
#[derive(Clone, Default)]
pub(super) struct History {
    pieces: Vec<Arc<[InputItem]>>,
    /// The same items, serialized when they were added.
    input: PreparedInput,
    open: OpenCalls,
    /// The number of segments that were checked and do not depend on later ones.
    settled: usize,
    /// The `store` of the requests that the check was for: it decides which reasoning is accepted.
    settled_for: Option<bool>,
}

/// The new items of a request, and all of its items as they were sent.
pub(super) struct Said {
    pub(super) items: Vec<InputItem>,
    pub(super) whole: PreparedInput,
    /// The items that this request is the first to check.
    pub(super) unsettled: Arc<Unsettled>,
    /// The `store` of the request. The settings may change before the response arrives.
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

    /// Returns the number of segments, which grows with every addition.
    pub(super) fn len(&self) -> usize {
        self.pieces.len()
    }

    pub(super) fn items(&self) -> impl Iterator<Item = &InputItem> {
        self.pieces.iter().flat_map(|piece| piece.iter())
    }

    /// Returns all items, followed by the new ones, for a request with this `store`.
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

    /// Adds the items that were sent and the output. The history must not have changed since the
    /// request was made.
    pub(super) fn advance(&mut self, said: Said, output: Vec<InputItem>) {
        if !said.items.is_empty() {
            self.open.extend(&said.items);
            self.pieces.push(said.items.into());
            self.input = said.whole;
        }
        // Later items cannot change the result for items that end here, unless a call or reasoning
        // still lacks its successor.
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

    /// Returns the items that come neither from the model nor from a tool.
    pub(super) fn instructions_and_questions(&self) -> Vec<InputItem> {
        let stays = |item: &&InputItem| matches!(item, InputItem::Message(message) if message.role != Role::Assistant);
        self.items().filter(stays).cloned().collect()
    }

    /// Returns the calls that have no output yet.
    pub(super) fn open(&self) -> &OpenCalls {
        &self.open
    }

    /// Whether the item is one of the trailing outputs, which were added before the request they
    /// belong to.
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
