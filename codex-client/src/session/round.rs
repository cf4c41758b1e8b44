//! The calls of one response while their tools run. An output is recorded here as soon as its tool
//! returns, and belongs to the conversation from then on, even if the run fails. The outputs move
//! to the history when every call has one, so that they keep the order of the calls.

use codex_types::InputItem;

/// The calls of a response that tools handle.
#[derive(Clone, Default)]
pub(crate) struct Round {
    calls: Vec<Call>,
}

#[derive(Clone)]
struct Call {
    call_id: String,
    state: State,
}

#[derive(Clone)]
enum State {
    /// The tool has not been started.
    Waiting,
    Running,
    Answered(Box<InputItem>),
}

impl Round {
    pub(crate) fn new(call_ids: impl IntoIterator<Item = String>) -> Self {
        let waiting = |call_id| Call {
            call_id,
            state: State::Waiting,
        };
        Self {
            calls: call_ids.into_iter().map(waiting).collect(),
        }
    }

    pub(crate) fn start(&mut self, index: usize) {
        self.set(index, State::Running);
    }

    pub(crate) fn record(&mut self, index: usize, output: InputItem) {
        self.set(index, State::Answered(Box::new(output)));
    }

    fn set(&mut self, index: usize, state: State) {
        if let Some(call) = self.calls.get_mut(index) {
            call.state = state;
        }
    }

    /// Returns the outputs that are not in the history yet, in the order of the calls.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = &InputItem> {
        self.calls.iter().filter_map(|call| match &call.state {
            State::Answered(output) => Some(&**output),
            State::Waiting | State::Running => None,
        })
    }

    /// Removes and returns the outputs; calls without one stay.
    pub(super) fn take_outputs(&mut self) -> Vec<InputItem> {
        let outputs = self.outputs().cloned().collect();
        self.calls
            .retain(|call| !matches!(call.state, State::Answered(_)));
        outputs
    }

    /// Returns the calls whose tools have not been started.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &str> {
        let waiting = |call: &&Call| matches!(call.state, State::Waiting);
        self.calls
            .iter()
            .filter(waiting)
            .map(|call| call.call_id.as_str())
    }
}
