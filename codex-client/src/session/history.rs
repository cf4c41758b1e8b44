// What has been said, in pieces that are never changed, so that a fork shares them instead of copying a conversation of megabytes.

use std::sync::Arc;

use codex_types::{Input, InputItem, Role};

/// What has been said so far: one piece for each request.
#[derive(Clone, Default)]
pub(super) struct History {
    pieces: Vec<Arc<[InputItem]>>,
}

impl History {
    pub(super) fn starting_with(items: Vec<InputItem>) -> Self {
        let mut history = Self::default();
        history.push(items);
        history
    }

    pub(super) fn push(&mut self, items: Vec<InputItem>) {
        if !items.is_empty() {
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

    /// `new` with outputs ahead of it for the calls that neither the history nor `new` itself answers. A service that stores nothing refuses a
    /// call without an output, so one that was interrupted would otherwise end the conversation for good.
    pub(super) fn answering(&self, new: Vec<InputItem>) -> Vec<InputItem> {
        let answered: Vec<&str> = self.items().chain(&new).filter_map(answered_call).collect();
        let aborted = self.items().filter_map(|item| match item {
            InputItem::FunctionCall(call) if !answered.contains(&call.call_id.as_str()) => {
                Some(call.output(ABORTED).into())
            }
            InputItem::CustomToolCall(call) if !answered.contains(&call.call_id.as_str()) => {
                Some(call.output(ABORTED).into())
            }
            _ => None,
        });
        let mut whole: Vec<InputItem> = aborted.collect();
        whole.extend(new);
        whole
    }
}

/// The call that an item is the output of.
fn answered_call(item: &InputItem) -> Option<&str> {
    match item {
        InputItem::FunctionCallOutput(output) => output.call_id.as_deref(),
        InputItem::CustomToolCallOutput(output) => Some(&output.call_id),
        _ => None,
    }
}

const ABORTED: &str = "aborted";
