//! The calls of one response while they run. The caller drives them with `next` and records each
//! step before it requests another, so that dropping the future loses no step.

use core::future::poll_fn;
use core::panic::AssertUnwindSafe;
use core::task::{Context, Poll};
use std::collections::VecDeque;
use std::panic::catch_unwind;

use codex_types::{InputItem, ToolOutput};

use crate::tools::tool::{Running, ToolCall};

/// The calls of one response, in order.
pub(super) struct Calls {
    calls: Vec<Call>,
    /// The calls that have an output which was not reported yet.
    answered: VecDeque<(usize, ToolOutput)>,
}

struct Call {
    call: ToolCall,
    /// Whether the call runs alone.
    alone: bool,
    state: State,
}

enum State {
    Waiting(Running),
    Running(Running),
    Answered,
}

/// A step of the call at this index.
pub(super) enum Step {
    /// The tool of the call is about to start.
    Started(usize),
    /// The tool of the call has run.
    Finished(usize, InputItem),
    /// The call has an output without a run of its tool.
    Refused(usize, InputItem),
}

impl Calls {
    pub(super) fn new() -> Self {
        Self {
            calls: Vec::new(),
            answered: VecDeque::new(),
        }
    }

    /// Adds a call, with a tool and its arguments, or with the reason why it must not run.
    pub(super) fn push(&mut self, call: ToolCall, tool: Result<(Running, bool), String>) {
        let index = self.calls.len();
        let (state, alone) = match tool {
            Ok((running, alone)) => (State::Waiting(running), alone),
            Err(refusal) => {
                self.answered.push_back((index, refusal.into()));
                (State::Answered, false)
            }
        };
        self.calls.push(Call { call, alone, state });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &ToolCall> {
        self.calls.iter().map(|call| &call.call)
    }

    pub(super) fn get(&self, index: usize) -> Option<&ToolCall> {
        self.calls.get(index).map(|call| &call.call)
    }

    /// Returns the first call at or after this index that would run.
    pub(super) fn waiting_from(&self, index: usize) -> Option<usize> {
        let rest = self.calls.iter().enumerate().skip(index);
        let mut waiting = rest.filter(|(_, call)| matches!(call.state, State::Waiting(_)));
        waiting.next().map(|(index, _)| index)
    }

    pub(super) fn refuse(&mut self, index: usize, refusal: String) {
        if let Some(call) = self.calls.get_mut(index) {
            call.state = State::Answered;
            self.answered.push_back((index, refusal.into()));
        }
    }

    /// Returns the next step; `None` when all calls have outputs.
    pub(super) async fn next(&mut self) -> Option<Step> {
        if let Some((index, output)) = self.answered.pop_front() {
            let item = self.calls.get(index)?.call.output(output);
            return Some(Step::Refused(index, item));
        }
        let group = self.group();
        if let Some(index) = group.clone().find(|index| self.start(*index)) {
            return Some(Step::Started(index));
        }
        if group.is_empty() {
            return None;
        }
        let (index, output) = poll_fn(|cx| self.poll(group.clone(), cx)).await;
        let item = self.calls.get(index)?.call.output(output);
        Some(Step::Finished(index, item))
    }

    /// Returns the calls that run concurrently now: those from the first one without an output up
    /// to one that runs alone.
    fn group(&self) -> core::ops::Range<usize> {
        let is_answered = |call: &Call| matches!(call.state, State::Answered);
        let Some(first) = self.calls.iter().position(|call| !is_answered(call)) else {
            return 0..0;
        };
        let rest = self.calls.iter().skip(first);
        let together = rest
            .take_while(|call| is_answered(call) || !call.alone)
            .count();
        first..first + together.max(1)
    }

    /// Marks a waiting call as running; returns whether it was waiting.
    fn start(&mut self, index: usize) -> bool {
        let Some(call) = self.calls.get_mut(index) else {
            return false;
        };
        match core::mem::replace(&mut call.state, State::Answered) {
            State::Waiting(running) => {
                call.state = State::Running(running);
                true
            }
            other => {
                call.state = other;
                false
            }
        }
    }

    fn poll(
        &mut self,
        group: core::ops::Range<usize>,
        cx: &mut Context<'_>,
    ) -> Poll<(usize, ToolOutput)> {
        for index in group {
            let Some(call) = self.calls.get_mut(index) else {
                continue;
            };
            let State::Running(running) = &mut call.state else {
                continue;
            };
            // A tool that panics must not discard the results of the others.
            let polled = catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(cx)));
            let output = match polled {
                Ok(Poll::Pending) => continue,
                Ok(Poll::Ready(output)) => output,
                Err(_) => ToolOutput::from(PANICKED.to_owned()),
            };
            call.state = State::Answered;
            return Poll::Ready((index, output));
        }
        Poll::Pending
    }
}

const PANICKED: &str =
    "The tool crashed while it ran. Its outcome is unknown: it may have had its effect.";
