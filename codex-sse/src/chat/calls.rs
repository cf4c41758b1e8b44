// Which call a piece of a chat stream belongs to. Servers leave out ids and indexes, repeat them, or change them; a new id is a new call,
// and a piece that says nothing continues the last one.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use codex_types::{
    CustomToolCall, FunctionCall, ItemStatus, OutputItem,
    chat::{ChatToolCallDelta, invented_call_id},
};

/// The calls of a completion, in order of arrival.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    list: Vec<Call>,
    by_id: BTreeMap<String, usize>,
    by_index: BTreeMap<u32, usize>,
    last: Option<usize>,
    /// How many ids were made up.
    invented: usize,
}

/// A call that is being made.
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
    /// Input that came before the name.
    pub(super) waiting: String,
    input: Brackets,
}

impl Calls {
    /// Returns the number of the call that a piece belongs to, which is one more than there were for a new call.
    pub(super) fn find(&mut self, piece: &ChatToolCallDelta) -> usize {
        let (id, index) = (piece.given_id(), piece.given_index());
        let at_index = index.and_then(|index| self.by_index.get(&index).copied());
        let found = match id {
            Some(id) => {
                // Some servers make up an id for each piece: without a name it is no new call.
                let is_piece = |call: &Call| {
                    let is_open = call.input.has_begun && !call.input.is_complete();
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

    /// Whether a name begins another call than the one that its place points to.
    fn is_another(&self, at: usize, index: Option<u32>, name: Option<&str>) -> bool {
        let call = &self.list[at];
        let Some(name) = name.filter(|_| !call.name.is_empty()) else {
            return false;
        };
        call.input.is_complete() || (index.is_none() && name != call.name)
    }

    /// Takes what a piece says about its call. A call that has a name needs an id and is given one.
    pub(super) fn name(&mut self, number: usize, piece: &ChatToolCallDelta, completion_id: &str) {
        let call = &mut self.list[number];
        if let (Some(id), true) = (piece.given_id(), call.id.is_empty()) {
            call.id = id.into();
            self.by_id.insert(id.into(), number);
        }
        call.is_custom |= piece.is_custom();
        if let (Some(name), true) = (piece.given_name(), call.name.is_empty()) {
            call.name = name.into();
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
    pub(super) fn feed(&mut self, input: &str) {
        self.input.feed(input);
    }

    /// Whether the input is a JSON object or list to its end.
    pub(super) fn is_complete(&self) -> bool {
        self.input.is_complete()
    }

    pub(super) fn item_id(&self) -> String {
        let prefix = if self.is_custom { "ctc_" } else { "fc_" };
        format!("{prefix}{}", self.id)
    }

    /// The item of the call, with this input.
    pub(super) fn item(&self, input: &str, status: &ItemStatus) -> OutputItem {
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

/// Counts the brackets of JSON that comes in pieces, to know when an object is complete without reading it again and again.
#[derive(Clone, Copy, Debug, Default)]
struct Brackets {
    depth: u32,
    has_begun: bool,
    is_in_string: bool,
    is_escaped: bool,
}

impl Brackets {
    fn feed(&mut self, json: &str) {
        for byte in json.bytes() {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' if self.is_in_string => self.is_escaped = true,
                b'"' => self.is_in_string = !self.is_in_string,
                _ if self.is_in_string => {}
                b'{' | b'[' => {
                    self.depth = self.depth.saturating_add(1);
                    self.has_begun = true;
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn is_complete(self) -> bool {
        self.has_begun && self.depth == 0
    }
}
