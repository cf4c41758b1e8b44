//! The calls of a stream: found by their place in the output, counted in the order in which they
//! are first heard of by name.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::chat::translate::answer::function_call;
use crate::chat::{ChatCustomDelta, ChatFunctionDelta, ChatToolCallDelta, ChatToolCallKind};
use crate::{CustomToolCall, FunctionCall, OutputItem, RawJson};

/// Where in the output something is.
///
/// The place counts, and the id stands in where a server leaves the place out. Some servers give an
/// item another id in every event, and some final responses leave items out so that places shift;
/// so in a final response it is the other way round.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    output_index: Option<u32>,
    item_id: String,
    /// It comes from the final response.
    pub(super) is_final: bool,
}

impl Place {
    pub(super) fn new(output_index: Option<u32>, item_id: &str) -> Self {
        Self {
            output_index,
            item_id: item_id.into(),
            is_final: false,
        }
    }

    pub(super) fn of_item(output_index: Option<u32>, item: &OutputItem) -> Self {
        let item_id = match item {
            OutputItem::Message(message) => message.id.as_deref(),
            OutputItem::FunctionCall(call) => call.id.as_deref(),
            OutputItem::CustomToolCall(call) => call.id.as_deref(),
            OutputItem::Reasoning(item) => item.id.as_deref(),
            _ => None,
        };
        Self::new(output_index, item_id.unwrap_or_default())
    }

    pub(super) fn in_final_response(self) -> Self {
        Self {
            is_final: true,
            ..self
        }
    }

    /// Finds the state that belongs to this place.
    pub(super) fn find<T>(&self, states: &[T], place: impl Fn(&T) -> &Self) -> Option<usize> {
        if self.is_nowhere() && states.len() == 1 {
            return Some(0);
        }
        let has_id = |state: &T| !self.item_id.is_empty() && place(state).item_id == self.item_id;
        let is_at = |state: &T| {
            self.output_index.is_some() && place(state).output_index == self.output_index
        };
        let has_no_index = |at: &usize| {
            states
                .get(*at)
                .is_some_and(|state| place(state).output_index.is_none())
        };
        let by_id = states.iter().position(has_id);
        let by_index = states.iter().position(is_at);
        let found = if self.is_final || self.output_index.is_none() {
            by_id.or(by_index)
        } else {
            by_index.or_else(|| by_id.filter(has_no_index))
        };
        found.or_else(|| states.iter().position(|state| place(state).is_nowhere()))
    }

    fn is_nowhere(&self) -> bool {
        self.output_index.is_none() && self.item_id.is_empty()
    }
}

/// What is to be passed on about a call.
pub(super) enum Pieces {
    None,
    Call(Box<ChatToolCallDelta>),
    /// What was passed on before turns out to be wrong.
    Contradiction(&'static str),
}

/// A call of either kind.
pub(super) struct CallItem<'a> {
    call_id: &'a str,
    name: &'a str,
    arguments: &'a str,
    namespace: Option<RawJson>,
    is_custom: bool,
}

impl<'a> From<&'a FunctionCall> for CallItem<'a> {
    fn from(call: &'a FunctionCall) -> Self {
        Self {
            call_id: &call.call_id,
            name: &call.name,
            arguments: &call.arguments,
            namespace: function_call(call).extra.remove("namespace"),
            is_custom: false,
        }
    }
}

impl<'a> From<&'a CustomToolCall> for CallItem<'a> {
    fn from(call: &'a CustomToolCall) -> Self {
        Self {
            call_id: &call.call_id,
            name: &call.name,
            arguments: &call.input,
            namespace: None,
            is_custom: true,
        }
    }
}

/// The calls heard of so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    calls: Vec<Call>,
    /// How many of them were passed on, which is the index of the next.
    pub(super) opened: u32,
}

#[derive(Clone, Debug)]
struct Call {
    place: Place,
    call_id: String,
    /// Its index in the chat message; none until its name is known.
    index: Option<u32>,
    is_custom: bool,
    /// Arguments passed on, or waiting until the name is known.
    arguments: String,
    /// Arguments given when the call was begun. Deltas usually repeat them.
    provisional: String,
}

impl Calls {
    /// A call was begun.
    pub(super) fn begin(&mut self, place: &Place, item: CallItem<'_>) -> Pieces {
        let at = self.at(place, item.call_id);
        let call = &mut self.calls[at];
        if call.index.is_some() {
            return Pieces::None;
        }
        if call.arguments.is_empty() {
            call.provisional = item.arguments.into();
        }
        self.open(at, &item)
    }

    /// A piece of arguments. What comes before the name waits.
    pub(super) fn append(&mut self, place: &Place, piece: &str) -> Pieces {
        if piece.is_empty() {
            return Pieces::None;
        }
        let at = self.at(place, "");
        let call = &mut self.calls[at];
        call.arguments.push_str(piece);
        call.provisional.clear();
        call.piece(piece)
    }

    /// The whole arguments: what was not passed on yet.
    pub(super) fn settle(&mut self, place: &Place, whole: &str) -> Pieces {
        let at = self.at(place, "");
        self.calls[at].settle(whole)
    }

    /// A call is done.
    pub(super) fn done(&mut self, place: &Place, item: CallItem<'_>) -> Pieces {
        let at = self.at(place, item.call_id);
        let call = &mut self.calls[at];
        if call.index.is_some() {
            return call.settle(item.arguments);
        }
        if !item.arguments.is_empty() {
            call.arguments = item.arguments.into();
        }
        self.open(at, &item)
    }

    /// The response is complete: nothing may be left waiting.
    pub(super) fn end(&mut self) -> Vec<Pieces> {
        if self.calls.iter().any(|call| call.index.is_none()) {
            let message = "arguments came for a call that was never named";
            return Vec::from([Pieces::Contradiction(message)]);
        }
        let settle = |call: &mut Call| {
            let whole = core::mem::take(&mut call.provisional);
            call.settle(&whole)
        };
        self.calls.iter_mut().map(settle).collect()
    }

    fn open(&mut self, at: usize, item: &CallItem<'_>) -> Pieces {
        let call = &mut self.calls[at];
        let index = self.opened;
        self.opened += 1;
        call.index = Some(index);
        call.call_id = item.call_id.into();
        call.is_custom = item.is_custom;
        let mut piece = ChatToolCallDelta::new(index).id(item.call_id);
        if item.is_custom {
            piece.kind = Some(ChatToolCallKind::Custom);
            let custom = ChatCustomDelta::new()
                .name(item.name)
                .input(call.arguments.as_str());
            piece.custom = Some(custom);
        } else {
            piece.kind = Some(ChatToolCallKind::Function);
            let mut function = ChatFunctionDelta::new()
                .name(item.name)
                .arguments(call.arguments.as_str());
            if let Some(namespace) = &item.namespace {
                function.extra.insert("namespace", namespace.clone());
            }
            piece.function = Some(function);
        }
        Pieces::Call(Box::new(piece))
    }

    fn at(&mut self, place: &Place, call_id: &str) -> usize {
        self.find(place, call_id).unwrap_or_else(|| {
            self.calls.push(Call {
                place: place.clone(),
                call_id: call_id.into(),
                index: None,
                is_custom: false,
                arguments: String::new(),
                provisional: String::new(),
            });
            self.calls.len() - 1
        })
    }

    /// A call is told apart from others by its `call_id` where the place does not decide.
    fn find(&self, place: &Place, call_id: &str) -> Option<usize> {
        let is_same = |call: &Call| !call_id.is_empty() && call.call_id == call_id;
        let is_other = |at: &usize| {
            self.calls.get(*at).is_some_and(|call| {
                !call_id.is_empty() && !call.call_id.is_empty() && call.call_id != call_id
            })
        };
        if place.is_final
            && let Some(at) = self.calls.iter().position(is_same)
        {
            return Some(at);
        }
        place
            .find(&self.calls, |call| &call.place)
            .filter(|at| !is_other(at))
    }
}

impl Call {
    fn settle(&mut self, whole: &str) -> Pieces {
        if whole.is_empty() {
            return Pieces::None;
        }
        let Some(rest) = whole.strip_prefix(self.arguments.as_str()) else {
            if self.index.is_none() {
                self.arguments = whole.into();
                return Pieces::None;
            }
            return Pieces::Contradiction("the arguments of a call changed after they were sent");
        };
        let piece = self.piece(rest);
        self.arguments = whole.into();
        self.provisional.clear();
        piece
    }

    fn piece(&self, arguments: &str) -> Pieces {
        let Some(index) = self.index.filter(|_| !arguments.is_empty()) else {
            return Pieces::None;
        };
        let mut piece = ChatToolCallDelta::new(index);
        if self.is_custom {
            piece.custom = Some(ChatCustomDelta::new().input(arguments));
        } else {
            piece.function = Some(ChatFunctionDelta::new().arguments(arguments));
        }
        Pieces::Call(Box::new(piece))
    }
}
