//! The history of a conversation, in immutable segments, so that a fork shares them instead of
//! copying megabytes.

use std::sync::Arc;

use codex_types::{CreateResponse, InputItem, OpenCall, OpenCalls, PreparedInput, Role};

use crate::unsettled::Unsettled;

/// The items so far, in one segment for each request.
#[derive(Clone, Default)]
pub(super) struct History {
    pieces: Vec<Arc<[InputItem]>>,
    /// The same items as they are sent: serialized when they were added, and without what the
    /// service would reject.
    input: PreparedInput,
    open: OpenCalls,
    settled: Settled,
    kept: Option<Kept>,
    /// The number of first items that the service has responded to.
    answered: usize,
}

/// The beginning of the history that a conversation of the service has as well. Only a completed
/// response proves that the service has its items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// The id of the conversation.
    pub(super) conversation: String,
    /// The number of items.
    pub(super) items: usize,
}

/// The beginning of the history that was checked and does not depend on later items.
#[derive(Clone, Default)]
struct Settled {
    /// The number of segments.
    pieces: usize,
    /// The number of their items.
    items: usize,
    /// The same items as they are sent.
    input: PreparedInput,
    /// Whether they are sent otherwise than they stand in the history.
    is_repaired: bool,
    /// The requests that the check was for.
    scope: Scope,
}

/// The settings of a request that decide which items it may carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Scope {
    /// `store` decides which reasoning is accepted.
    store: Option<bool>,
    /// Whether the history begins on the server, so that an output may lack its call.
    continues: bool,
}

impl Scope {
    pub(super) fn of(settings: &CreateResponse) -> Self {
        Self {
            store: settings.store,
            continues: settings.previous_response_id.is_some() || settings.conversation.is_some(),
        }
    }
}

/// The new items of a request, and all of its items as they were sent.
pub(super) struct Said {
    pub(super) items: Vec<InputItem>,
    whole: PreparedInput,
    /// The items to send: all of them, or those that the conversation of the service lacks.
    pub(super) sent: PreparedInput,
    /// The conversation of the service that the request continues.
    conversation: Option<String>,
    /// The items that this request is the first to check.
    pub(super) unsettled: Arc<Unsettled>,
    /// The settings may change before the response arrives.
    scope: Scope,
    /// Whether the items replace the whole history.
    replaces: bool,
}

impl History {
    pub(super) fn starting_with(items: Vec<InputItem>) -> Self {
        let mut history = Self::default();
        history.push(items);
        history
    }

    pub(super) fn push(&mut self, items: Vec<InputItem>) {
        if !items.is_empty() {
            let revives = items.iter().any(|item| self.revives(item));
            self.open.extend(&items);
            self.input.extend(&items);
            self.pieces.push(items.into());
            if revives {
                self.unsettle();
            }
        }
    }

    /// Returns whether the item is the output of a call that is not sent because it had none.
    fn revives(&self, item: &InputItem) -> bool {
        let is_left_out = |call: &OpenCall| call.index() < self.settled.items;
        self.settled.is_repaired && self.open.answered_by(item).is_some_and(is_left_out)
    }

    /// Returns to the items as they stand in the history, to be checked again.
    fn unsettle(&mut self) {
        if self.settled.is_repaired {
            let items: Vec<InputItem> = self.items().cloned().collect();
            self.input = items.into_iter().collect();
        }
        self.settled = Settled::default();
    }

    /// Returns the number of segments, which grows with every addition.
    pub(super) fn len(&self) -> usize {
        self.pieces.len()
    }

    pub(super) fn items(&self) -> impl Iterator<Item = &InputItem> {
        self.pieces.iter().flat_map(|piece| piece.iter())
    }

    /// Returns the part of the history that a conversation of the service has as well.
    pub(super) fn kept(&self) -> Option<&Kept> {
        self.kept.as_ref()
    }

    pub(super) fn set_kept(&mut self, kept: Option<Kept>) {
        self.kept = kept;
    }

    /// Returns the items that this conversation of the service lacks.
    pub(super) fn lacking(&self, conversation: &str) -> impl Iterator<Item = &InputItem> {
        let kept = self.kept.as_ref();
        let kept = kept.filter(|kept| kept.conversation == conversation);
        self.items().skip(kept.map_or(0, |kept| kept.items))
    }

    /// Replaces the items that this conversation of the service lacks.
    pub(super) fn replace_lacking(&mut self, conversation: &str, items: Vec<InputItem>) {
        let lacking = self.lacking(conversation).count();
        let kept = self.kept.take();
        let kept = kept.filter(|kept| kept.conversation == conversation);
        let before = self.items().count() - lacking;
        *self = Self::starting_with(self.items().take(before).cloned().collect());
        self.kept = kept;
        self.push(items);
    }

    /// Returns all items, followed by the new ones, for a request with these settings.
    /// `conversation` is the id of the conversation of the service that the request continues.
    pub(super) fn with(
        &mut self,
        items: Vec<InputItem>,
        scope: Scope,
        conversation: Option<String>,
    ) -> Said {
        if self.settled.scope != scope {
            self.unsettle();
        }
        let mut whole = self.input.clone();
        whole.extend(&items);
        let (sent, unsettled) = match &conversation {
            Some(id) => {
                let new: Vec<_> = self.lacking(id).chain(&items).cloned().collect();
                let sent = new.iter().cloned().collect();
                (sent, Unsettled::new(PreparedInput::new(), new))
            }
            None => {
                let new = self.pieces.iter().skip(self.settled.pieces);
                let new = new.flat_map(|piece| piece.iter()).chain(&items);
                let new = new.cloned().collect();
                let unsettled = Unsettled::new(self.settled.input.clone(), new);
                (whole.clone(), unsettled)
            }
        };
        Said {
            whole,
            sent,
            conversation,
            unsettled: Arc::new(unsettled),
            items,
            scope,
            replaces: false,
        }
    }

    /// Returns these items for a request. They replace the whole history once the response is
    /// complete.
    pub(super) fn replaced_by(items: Vec<InputItem>, scope: Scope) -> Said {
        let mut said = Self::default().with(items, scope, None);
        said.replaces = true;
        said
    }

    /// Returns the number of first items that the service has responded to.
    pub(super) fn answered(&self) -> usize {
        self.answered
    }

    /// Adds the items that were sent and the output. The history must not have changed since the
    /// request was made.
    pub(super) fn advance(&mut self, said: Said, output: Vec<InputItem>) {
        if said.replaces {
            *self = Self::default();
        }
        self.add(said, output);
        self.answered = self.items().count();
    }

    fn add(&mut self, said: Said, output: Vec<InputItem>) {
        if !said.items.is_empty() {
            self.open.extend(&said.items);
            self.pieces.push(said.items.into());
        }
        self.input = said.whole;
        if let Some(conversation) = said.conversation {
            self.push(output);
            let items = self.items().count();
            self.kept = Some(Kept {
                conversation,
                items,
            });
            return;
        }
        // A checked input answers or leaves out every open call, so later items cannot change the
        // result.
        if let Some(checked) = said.unsettled.checked() {
            if let Some(repaired) = checked {
                self.input = repaired.input.clone();
            }
            let checked_before = self.settled.pieces;
            let new = self.pieces.iter().skip(checked_before);
            self.settled = Settled {
                pieces: self.pieces.len(),
                items: self.settled.items + new.map(|piece| piece.len()).sum::<usize>(),
                input: self.input.clone(),
                is_repaired: self.settled.is_repaired || checked.is_some(),
                scope: said.scope,
            };
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

    /// Returns whether the item is one of the trailing outputs, which were added before the request
    /// they belong to.
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
