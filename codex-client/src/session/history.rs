// What has been said, in pieces that are never changed, so that a fork shares them instead of copying a conversation of megabytes.

use std::sync::Arc;

use codex_types::{InputItem, PreparedInput, Role};

/// What has been said so far: one piece for each request.
#[derive(Clone, Default)]
pub(super) struct History {
    pieces: Vec<Arc<[InputItem]>>,
    /// The same items, serialized when they entered.
    input: PreparedInput,
    /// The calls without an output, with the output that reports that.
    open: Vec<(String, InputItem)>,
}

/// The new items of a request, and all items of it as they were sent.
pub(super) struct Said {
    pub(super) items: Vec<InputItem>,
    pub(super) whole: PreparedInput,
}

impl History {
    pub(super) fn starting_with(items: Vec<InputItem>) -> Self {
        let mut history = Self::default();
        history.push(items);
        history
    }

    pub(super) fn push(&mut self, items: Vec<InputItem>) {
        if !items.is_empty() {
            self.pair(&items);
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

    /// The whole of it, as the input of a request.
    pub(super) fn input(&self) -> &PreparedInput {
        &self.input
    }

    /// The same, with new items at the end.
    pub(super) fn with(&self, items: Vec<InputItem>) -> Said {
        let mut whole = self.input.clone();
        whole.extend(&items);
        Said { items, whole }
    }

    /// Adds what was sent. Nothing else may have been added since the request was made.
    pub(super) fn advance(&mut self, said: Said) {
        if !said.items.is_empty() {
            self.pair(&said.items);
            self.pieces.push(said.items.into());
            self.input = said.whole;
        }
    }

    /// What does not come from the model or a tool.
    pub(super) fn instructions_and_questions(&self) -> Vec<InputItem> {
        let stays = |item: &&InputItem| matches!(item, InputItem::Message(message) if message.role != Role::Assistant);
        self.items().filter(stays).cloned().collect()
    }

    /// `new` with outputs ahead of it for the calls that neither the history nor `new` itself answers. A service that stores nothing refuses a
    /// call without an output, so one that was interrupted would otherwise end the conversation for good.
    pub(super) fn answering(&self, new: Vec<InputItem>) -> Vec<InputItem> {
        let answered: Vec<&str> = new.iter().filter_map(answered_call).collect();
        let open = self.open.iter();
        let aborted = open.filter(|(call_id, _)| !answered.contains(&call_id.as_str()));
        let mut whole: Vec<InputItem> = aborted.map(|(_, output)| output.clone()).collect();
        whole.extend(new);
        whole
    }

    /// Looks for calls and their outputs in new items, so that the items before them need not be looked at again.
    fn pair(&mut self, new: &[InputItem]) {
        for item in new {
            match item {
                InputItem::FunctionCall(call) => {
                    let output = call.output(ABORTED).into();
                    self.open.push((call.call_id.clone(), output));
                }
                InputItem::CustomToolCall(call) => {
                    let output = call.output(ABORTED).into();
                    self.open.push((call.call_id.clone(), output));
                }
                _ => {
                    if let Some(answered) = answered_call(item) {
                        self.open.retain(|(call_id, _)| call_id != answered);
                    }
                }
            }
        }
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
