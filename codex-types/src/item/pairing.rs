//! Open calls of a conversation, and the pairing of calls and outputs.
//!
//! The service refuses a history in which a call has no output or an output no call. Calls and
//! outputs share a `call_id`, which some servers reuse in every turn, so the position decides: an
//! output belongs to the preceding call that is still open.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use crate::item::union::ItemFields;
use crate::item::{
    ApplyPatchCallOutput, ClientCallKind, CustomToolCallOutput, FunctionCallOutput, InputItem,
    ItemStatus, LocalShellCallOutput, McpApprovalResponse, ShellCallOutput, ShellExit, ShellOutput,
    ToolSearchOutput, searches_tools,
};
use crate::tool::ToolSearchExecution;

/// The calls of a conversation that have no output yet.
///
/// Items are added in order, so that a growing conversation needs only its new items processed.
///
/// ```
/// use codex_types::{FunctionCall, InputItem, OpenCalls};
///
/// let call = FunctionCall::new("call_1", "now", "{}");
/// let mut open: OpenCalls = [InputItem::from("What time is it?"), call.clone().into()]
///     .iter()
///     .collect();
/// let [waiting] = &open.iter().collect::<Vec<_>>()[..] else { unreachable!() };
/// assert_eq!((waiting.index(), waiting.call_id()), (1, "call_1"));
/// assert!(waiting.answer("the call was not run").is_some());
///
/// open.push(&call.output("noon").into());
/// assert!(open.is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct OpenCalls {
    /// By call id, then by turn, both in conversation order.
    open: BTreeMap<Box<str>, Vec<VecDeque<OpenCall>>>,
    /// The number of items added.
    items: usize,
    /// The number of user messages added.
    turn: usize,
}

/// A call that has no output yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenCall {
    index: usize,
    turn: usize,
    kind: ClientCallKind,
    call_id: Box<str>,
    /// Shell calls: the number of commands, each of which has its own output.
    commands: usize,
    /// Whether the service itself runs the call.
    is_hosted: bool,
}

impl OpenCalls {
    /// Creates the state of an empty conversation.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next item of the conversation.
    pub fn push(&mut self, item: &InputItem) {
        self.link(&Facts::of(item));
    }

    /// Returns an iterator over the calls that the client must answer, in conversation order.
    pub fn iter(&self) -> impl Iterator<Item = &OpenCall> {
        let mut calls: Vec<&OpenCall> = self.all().filter(|call| !call.is_hosted).collect();
        calls.sort_unstable_by_key(|call| call.index);
        calls.into_iter()
    }

    /// Returns whether the client has answered every call that it must answer.
    pub fn is_empty(&self) -> bool {
        self.all().all(|call| call.is_hosted)
    }

    /// Returns whether the item is the output of one of these calls.
    pub fn are_answered_by(&self, item: &InputItem) -> bool {
        self.answered_by(item).is_some()
    }

    /// Returns the call that the item would answer as the next item of the conversation, if any.
    pub fn answered_by(&self, item: &InputItem) -> Option<&OpenCall> {
        let facts = Facts::of(item);
        if !matches!(facts.side(), PairSide::Output) {
            return None;
        }
        self.open.get(facts.pair_id())?.last()?.front()
    }

    fn all(&self) -> impl Iterator<Item = &OpenCall> {
        self.open.values().flatten().flatten()
    }

    /// Adds the next item and returns its relation to the items before it.
    pub(crate) fn link(&mut self, facts: &Facts<'_>) -> Link {
        let index = self.items;
        self.items += 1;
        match facts.side() {
            PairSide::None => {
                self.turn += usize::from(facts.is_of_user());
                Link::None
            }
            PairSide::Call(_) | PairSide::Output if facts.pair_id().is_empty() => Link::Unnamed,
            PairSide::Call(kind) => {
                let call = OpenCall {
                    index,
                    turn: self.turn,
                    kind,
                    call_id: facts.pair_id().into(),
                    commands: facts.commands,
                    is_hosted: facts.is_hosted,
                };
                let turns = self.open.entry(call.call_id.clone()).or_default();
                match turns.last_mut() {
                    Some(calls) if calls.back().is_some_and(|other| other.turn == call.turn) => {
                        calls.push_back(call);
                        Link::Twin
                    }
                    _ => {
                        turns.push(VecDeque::from([call]));
                        Link::Call
                    }
                }
            }
            PairSide::Output => match self.close_latest(facts.pair_id()) {
                Some(call) => Link::Answers(call),
                None => Link::Unpaired,
            },
        }
    }

    /// Removes the call that an output after all of them answers: the first of the latest turn.
    fn close_latest(&mut self, call_id: &str) -> Option<OpenCall> {
        let turns = self.open.get_mut(call_id)?;
        let calls = turns.last_mut()?;
        let call = calls.pop_front();
        if calls.is_empty() {
            turns.pop();
        }
        if turns.is_empty() {
            self.open.remove(call_id);
        }
        call
    }

    /// Removes the call that an output at this index, before its call, belongs to.
    pub(crate) fn close_after(&mut self, call_id: &str, index: usize) -> Option<OpenCall> {
        let turns = self.open.get_mut(call_id)?;
        let is_after = |call: &OpenCall| call.index > index;
        let of_turn = turns
            .iter()
            .position(|calls| calls.back().is_some_and(is_after))?;
        let calls = turns.get_mut(of_turn)?;
        let call = calls
            .iter()
            .position(is_after)
            .and_then(|at| calls.remove(at));
        if calls.is_empty() {
            turns.remove(of_turn);
        }
        if turns.is_empty() {
            self.open.remove(call_id);
        }
        call
    }
}

impl<'a> Extend<&'a InputItem> for OpenCalls {
    fn extend<T: IntoIterator<Item = &'a InputItem>>(&mut self, items: T) {
        items.into_iter().for_each(|item| self.push(item));
    }
}

impl<'a> FromIterator<&'a InputItem> for OpenCalls {
    fn from_iter<T: IntoIterator<Item = &'a InputItem>>(items: T) -> Self {
        let mut open = Self::new();
        open.extend(items);
        open
    }
}

impl OpenCall {
    /// Returns the index of the call among the items of the conversation.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Returns the kind of the call.
    pub fn kind(&self) -> ClientCallKind {
        self.kind
    }

    /// Returns the id that the output of the call carries: its `call_id`; of an approval request,
    /// its `id`.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Returns the output item that answers the call with a text instead of a result: it was not
    /// run, it was cancelled.
    ///
    /// Where the API has a place for a verdict, it is the one that claims nothing: a patch has
    /// failed, an approval is not given, commands have an exit status of -1, a search has found
    /// nothing.
    ///
    /// `None` for a computer call: the API accepts only a screenshot, not text.
    pub fn answer(&self, text: &str) -> Option<InputItem> {
        let call_id = &*self.call_id;
        Some(match self.kind {
            ClientCallKind::Function => FunctionCallOutput::new(text).call_id(call_id).into(),
            ClientCallKind::Custom => CustomToolCallOutput::new(call_id, text).into(),
            ClientCallKind::LocalShell => LocalShellCallOutput::new(call_id, text)
                .status(ItemStatus::Incomplete)
                .into(),
            ClientCallKind::Shell => {
                let output = ShellOutput::new("", text, ShellExit::new(-1));
                ShellCallOutput::new(call_id, alloc::vec![output; self.commands.max(1)])
                    .status(ItemStatus::Incomplete)
                    .into()
            }
            ClientCallKind::ApplyPatch => ApplyPatchCallOutput::new(call_id, ItemStatus::Failed)
                .output(text)
                .into(),
            ClientCallKind::Computer => return None,
            ClientCallKind::ToolSearch => ToolSearchOutput::new([])
                .call_id(call_id)
                .execution(ToolSearchExecution::Client)
                .status(ItemStatus::Incomplete)
                .into(),
            ClientCallKind::McpApproval => {
                McpApprovalResponse::new(call_id, false).reason(text).into()
            }
        })
    }
}

/// The relation of an item to the preceding items.
#[derive(Debug)]
pub(crate) enum Link {
    /// An item that is neither a call nor an output.
    None,
    /// A call or an output without an id.
    Unnamed,
    /// A call.
    Call,
    /// A call with the id of another call that is open in the same turn.
    Twin,
    /// The output of this call.
    Answers(OpenCall),
    /// An output without an open call before it.
    Unpaired,
}

pub(crate) enum PairSide {
    None,
    Call(ClientCallKind),
    Output,
}

/// The properties of an item that the rules of a conversation need, whether the item is typed or
/// JSON.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts<'a> {
    pub(crate) kind: &'a str,
    pub(crate) role: &'a str,
    pub(crate) id: &'a str,
    pub(crate) call_id: Option<&'a str>,
    pub(crate) execution: Option<&'a str>,
    pub(crate) approval_request_id: &'a str,
    pub(crate) is_encrypted: bool,
    pub(crate) is_hosted: bool,
    pub(crate) commands: usize,
}

impl<'a> Facts<'a> {
    pub(crate) fn of(item: &'a InputItem) -> Self {
        let facts = Self {
            kind: item.kind(),
            id: item.id().unwrap_or_default(),
            call_id: item.fields().and_then(ItemFields::call_id),
            ..Self::default()
        };
        match item {
            InputItem::Message(it) => Self {
                role: it.role.as_str(),
                ..facts
            },
            InputItem::Reasoning(it) => Self {
                is_encrypted: it
                    .encrypted_content
                    .as_ref()
                    .is_some_and(|it| !it.is_empty()),
                ..facts
            },
            InputItem::ShellCall(it) => Self {
                is_hosted: !it.is_of_client(),
                commands: it.action.commands.len(),
                ..facts
            },
            InputItem::ToolSearchCall(it) => Self {
                execution: it.execution.as_ref().map(ToolSearchExecution::as_str),
                ..facts
            },
            InputItem::ToolSearchOutput(it) => Self {
                execution: it.execution.as_ref().map(ToolSearchExecution::as_str),
                ..facts
            },
            InputItem::McpApprovalResponse(it) => Self {
                approval_request_id: &it.approval_request_id,
                ..facts
            },
            _ => facts,
        }
    }

    pub(crate) fn side(&self) -> PairSide {
        let is_search = matches!(self.kind, "tool_search_call" | "tool_search_output");
        if is_search && !searches_tools(self.execution, self.call_id) {
            return PairSide::None;
        }
        match ClientCallKind::of(self.kind) {
            Some(kind) => PairSide::Call(kind),
            None if is_output(self.kind) => PairSide::Output,
            None => PairSide::None,
        }
    }

    /// Returns the id that pairs a call with its output.
    pub(crate) fn pair_id(&self) -> &'a str {
        match self.kind {
            "mcp_approval_request" => self.id,
            "mcp_approval_response" => self.approval_request_id,
            // The output of a local shell identifies its call by `id`, and an older call has no
            // `call_id`.
            "local_shell_call" | "local_shell_call_output" => {
                let call_id = self.call_id.filter(|id| !id.is_empty());
                call_id.unwrap_or(self.id)
            }
            _ => self.call_id.unwrap_or_default(),
        }
    }

    pub(crate) fn is_of_user(&self) -> bool {
        self.kind == "message" && self.role == "user"
    }
}

/// Returns whether an item of this type is the output of a call.
pub(crate) fn is_output(kind: &str) -> bool {
    ClientCallKind::ALL
        .iter()
        .any(|call| call.outputs().contains(&kind))
}
