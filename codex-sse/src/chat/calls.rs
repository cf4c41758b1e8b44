//! The calls of a chat stream: finds the call that a fragment belongs to, and merges it. Servers
//! omit ids and indexes, repeat them, or change them. A new id begins a new call, and a fragment
//! without an id, an index or a name continues the last one.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use codex_types::chat::translate::{EmulatedTool, OfferedTool, ToolNames};
use codex_types::chat::{ChatToolCallDelta, invented_call_id};
use codex_types::{CustomToolCall, FunctionCall, ItemStatus, OutputItem};

use super::free_text::FreeText;
use crate::accumulate::Brackets;

/// The calls of a completion, in order of arrival.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    list: Vec<Call>,
    by_id: BTreeMap<String, usize>,
    by_index: BTreeMap<u32, usize>,
    last: Option<usize>,
    /// The number of invented ids.
    invented: usize,
}

/// A call in progress.
#[derive(Clone, Debug, Default)]
pub(super) struct Call {
    /// The index of its item in the output.
    pub(super) place: usize,
    id: String,
    pub(super) name: String,
    namespace: Option<String>,
    pub(super) is_custom: bool,
    /// Whether the item was announced.
    pub(super) is_added: bool,
    /// Input that arrived before the name, and the input of a call that is announced when complete.
    pub(super) waiting: String,
    /// The tool that the function stands for.
    offered: Option<OfferedTool>,
    /// The decoder of a custom tool's input within the arguments.
    pub(super) free_text: Option<FreeText>,
    input: Brackets,
    /// Whether the input begins with `{}`, which some servers send before the arguments.
    is_held_back: bool,
}

impl Calls {
    /// Returns the number of the call that a fragment belongs to; for a new call, the number of
    /// calls so far.
    pub(super) fn find(&mut self, piece: &ChatToolCallDelta) -> usize {
        let (id, index) = (piece.given_id(), piece.given_index());
        let at_index = index.and_then(|index| self.by_index.get(&index).copied());
        let found = match id {
            Some(id) => {
                // Some servers invent an id for each fragment: without a name it does not begin a
                // new call.
                let is_piece = |call: &Call| {
                    let is_open = call.input.has_begun() && !call.input.is_complete();
                    call.id.is_empty() || is_open && piece.given_name().is_none()
                };
                let at_index = at_index.filter(|at| is_piece(&self.list[*at]));
                self.by_id.get(id).copied().or(at_index)
            }
            None => {
                let known = match (at_index, index, piece.given_name()) {
                    (Some(at), ..) => Some(at),
                    (None, Some(_), Some(_)) => None,
                    _ => self.last,
                };
                let is_named = |at: &usize| self.is_another(*at, index, piece.given_name());
                known.filter(|at| !is_named(at))
            }
        };
        let number = found.unwrap_or_else(|| {
            self.list.push(Call::default());
            self.list.len() - 1
        });
        if let (Some(index), true) = (index, found.is_none() || at_index.is_none()) {
            self.by_index.insert(index, number);
        }
        self.last = Some(number);
        number
    }

    /// Returns whether a name begins another call than the one at its index.
    fn is_another(&self, at: usize, index: Option<u32>, name: Option<&str>) -> bool {
        let call = &self.list[at];
        let Some(name) = name.filter(|_| !call.name.is_empty()) else {
            return false;
        };
        call.is_complete() || (index.is_none() && name != call.name)
    }

    /// Merges the id and the name in a fragment into its call. A named call without an id gets an
    /// invented one.
    pub(super) fn name(
        &mut self,
        number: usize,
        piece: &ChatToolCallDelta,
        completion_id: &str,
        tools: &ToolNames,
    ) {
        let call = &mut self.list[number];
        if let (Some(id), true) = (piece.given_id(), call.id.is_empty()) {
            call.id = id.into();
            self.by_id.insert(id.into(), number);
        }
        call.is_custom |= piece.is_custom();
        let name = piece.given_name().unwrap_or_default();
        if call.takes_name(name) {
            call.name.push_str(name);
            if !call.is_custom {
                call.stands_for(tools.get(&call.name));
            }
        }
        let namespace = piece.function.as_ref();
        let namespace = namespace.and_then(|function| function.extra.get("namespace"));
        if let Some(namespace) = namespace.and_then(|namespace| namespace.decode().ok()) {
            call.namespace = Some(namespace);
        }
        if !call.name.is_empty() {
            self.give_id(number, completion_id);
        }
    }

    pub(super) fn give_id(&mut self, number: usize, completion_id: &str) {
        if self.list[number].id.is_empty() {
            let mut ids = (self.invented..).map(|number| invented_call_id(completion_id, number));
            let id = ids
                .find(|id| !self.by_id.contains_key(id))
                .unwrap_or_default();
            self.invented += 1;
            self.by_id.insert(id.clone(), number);
            self.list[number].id = id;
        }
    }

    pub(super) fn get(&self, number: usize) -> &Call {
        &self.list[number]
    }

    pub(super) fn get_mut(&mut self, number: usize) -> &mut Call {
        &mut self.list[number]
    }
}

impl Call {
    fn stands_for(&mut self, tool: Option<&OfferedTool>) {
        self.offered = tool.cloned();
        if tool.is_some_and(|tool| tool.emulates == EmulatedTool::Custom) {
            self.is_custom = true;
            self.free_text = Some(FreeText::default());
        }
    }

    /// Returns whether a fragment has the name of the call, or more of it. A name that is sent
    /// again is not more of it.
    fn takes_name(&self, name: &str) -> bool {
        let has_input = self.input.has_begun() || self.is_held_back;
        !name.is_empty() && (self.name.is_empty() || !has_input && !self.name.ends_with(name))
    }

    /// Holds `{}` back until it is known to be the whole input. Returns whether it did.
    pub(super) fn holds_back(&mut self, input: &str) -> bool {
        if !input.is_empty() {
            self.is_held_back = !self.input.has_begun() && input.trim() == "{}";
        }
        self.is_held_back
    }

    /// Returns input that was held back and is the whole input.
    pub(super) fn take_held_back(&mut self) -> &'static str {
        if mem::take(&mut self.is_held_back) {
            "{}"
        } else {
            ""
        }
    }

    /// Returns whether the item can be created only from the whole input.
    pub(super) fn needs_all(&self) -> bool {
        let emulates = self.offered.as_ref().map(|tool| tool.emulates);
        !matches!(
            emulates,
            None | Some(EmulatedTool::Nothing | EmulatedTool::Custom)
        )
    }

    /// Returns the item of a call that needs the whole input. If the input is not valid for the
    /// tool, the call becomes a function call.
    pub(super) fn whole_item(&mut self, status: &ItemStatus) -> Option<OutputItem> {
        let tool = self.offered.as_ref().filter(|_| self.needs_all())?;
        let item = tool.item(self.item_id(), &self.id, &self.waiting, status.clone());
        if item.is_none() {
            self.offered = None;
        }
        item
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn feed(&mut self, input: &str) {
        input.bytes().for_each(|byte| self.input.feed(byte));
    }

    /// Returns whether the input is a complete JSON object or list.
    pub(super) fn is_complete(&self) -> bool {
        self.is_held_back || self.input.is_complete()
    }

    pub(super) fn item_id(&self) -> String {
        let prefix = match self.offered.as_ref().map(|tool| tool.emulates) {
            _ if self.is_custom => "ctc_",
            Some(EmulatedTool::ApplyPatch) => "apc_",
            Some(EmulatedTool::LocalShell) => "lsh_",
            Some(EmulatedTool::Shell) => "sh_",
            _ => "fc_",
        };
        format!("{prefix}{}", self.id)
    }

    /// Returns the item of the call, with this input.
    pub(super) fn item(&self, input: &str, status: &ItemStatus) -> OutputItem {
        let offered = self.offered.as_ref().filter(|_| !self.needs_all());
        let item =
            offered.and_then(|tool| tool.item(self.item_id(), &self.id, input, status.clone()));
        if let Some(item) = item {
            return item;
        }
        if self.is_custom {
            let mut item = CustomToolCall::new(self.id.as_str(), self.name.as_str(), input);
            item.id = Some(self.item_id());
            item.status = Some(status.clone());
            return item.into();
        }
        let mut item = FunctionCall::new(self.id.as_str(), self.name.as_str(), input);
        item.id = Some(self.item_id());
        item.status = Some(status.clone());
        item.namespace.clone_from(&self.namespace);
        item.into()
    }
}
