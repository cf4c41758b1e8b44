//! The loop between a model and its tools: send a request, run the calls of the response, send
//! their outputs, until a response has no calls.

use codex_types::{
    ClientCallKind, Input, InputItem, OutputItem, Response, ResponseEvent, Tool, Usage,
};

use crate::error::{Error, ErrorKind};
use crate::session::Session;
use crate::session::round::Round;
use crate::tools::Tools;
use crate::tools::running::{Calls, Step};
use crate::tools::tool::ToolCall;

/// A step of a run of a model and its tools.
#[derive(Debug)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// An event of a response.
    Event(&'a ResponseEvent),
    /// A response is complete. Its usage is that of this round.
    Response(&'a Response),
    /// A tool is about to start. A program that must recover after a crash records this before the
    /// observer returns.
    Started(&'a ToolCall),
    /// A tool has run, and its output belongs to the session.
    Finished {
        /// The call.
        call: &'a ToolCall,
        /// The output for the model.
        output: &'a InputItem,
    },
    /// An output that is sent to the model, in the order of the calls.
    Output(&'a InputItem),
}

impl Session {
    /// Sends input, runs the tools that the model calls and sends their outputs, until a response
    /// has no more calls.
    ///
    /// Returns the last response.
    ///
    /// The session adds the tools to its [settings](Self::settings), so every later request has
    /// them too.
    ///
    /// If a response waits for anything other than these tools, such as a shell or an approval, the
    /// run returns it and runs none of its calls.
    ///
    /// The output of a tool enters the conversation as soon as the tool returns, panics or is
    /// denied. If the next request fails, or the caller drops this future, the next turn sends the
    /// output, and no tool runs again for the same call; a run with an empty list as its input
    /// sends only that. For a call whose tool was interrupted, the output reports to the model that
    /// the outcome is unknown.
    ///
    /// The [usage](Response::usage) of the returned response covers the whole run;
    /// [`Progress::Response`] has the usage of each round.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`ask`](Self::ask), and [`Rounds`](ErrorKind::Rounds), with the last
    /// response as [partial](Error::partial), when the model still calls tools after as many rounds
    /// as [`Tools::max_rounds`] allows. The history keeps the rounds so far.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the functions that run. Outputs recorded so far stay in the
    /// conversation, and the next turn sends them.
    pub async fn run(&mut self, tools: &Tools, input: impl Into<Input>) -> Result<Response, Error> {
        self.run_with(tools, input, |_| {}).await
    }

    /// Works like [`run`](Self::run), and reports every step to `watch`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`run`](Self::run).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has the same effect as for [`run`](Self::run).
    pub async fn run_with(
        &mut self,
        tools: &Tools,
        input: impl Into<Input>,
        mut watch: impl FnMut(Progress<'_>),
    ) -> Result<Response, Error> {
        self.declare(tools);
        let before = self.usage().clone();
        let turn = self.turn(input).await?;
        let mut response = turn
            .finish_with(|event| watch(Progress::Event(event)))
            .await?;
        for _ in 0..tools.max_rounds {
            watch(Progress::Response(&response));
            let calls = tools.calls(&response, &self.state.turn_id);
            let is_done = calls.is_empty() && response.end_turn != Some(false);
            if is_done || waits_for_others(&response) {
                return Ok(self.with_usage_since(&before, response));
            }
            self.answer(tools, calls, &mut watch).await;
            let turn = self.follow_up(Vec::new()).await?;
            response = turn
                .finish_with(|event| watch(Progress::Event(event)))
                .await?;
        }
        watch(Progress::Response(&response));
        let is_done = response.end_turn != Some(false) && !calls(&response);
        let response = self.with_usage_since(&before, response);
        if is_done || waits_for_others(&response) {
            return Ok(response);
        }
        Err(Error::new(ErrorKind::Rounds).with_partial(response))
    }

    /// Runs calls. It records each step before it starts the next one, so that dropping this future
    /// loses no output.
    async fn answer(
        &mut self,
        tools: &Tools,
        mut calls: Calls,
        watch: &mut impl FnMut(Progress<'_>),
    ) {
        let ids = calls.iter().map(|call| call.call_id.clone());
        self.state.round = Round::new(ids);
        tools.request_approvals(&mut calls).await;
        while let Some(step) = calls.next().await {
            match step {
                Step::Started(index) => {
                    self.state.round.start(index);
                    if let Some(call) = calls.get(index) {
                        watch(Progress::Started(call));
                    }
                }
                Step::Finished(index, output) => {
                    self.state.round.record(index, output.clone());
                    if let Some(call) = calls.get(index) {
                        let output = &output;
                        watch(Progress::Finished { call, output });
                    }
                }
                Step::Refused(index, output) => self.state.round.record(index, output),
            }
        }
        let outputs: Vec<InputItem> = self.state.round.outputs().cloned().collect();
        self.state.settle();
        for output in &outputs {
            watch(Progress::Output(output));
        }
    }

    /// Returns the last response of a run, with the usage of all its rounds.
    fn with_usage_since(&self, before: &Usage, mut response: Response) -> Response {
        if let Some(usage) = &mut response.usage {
            let sum = self.usage() - before;
            // After a single round, keep usage fields that this version does not know.
            if sum.total_tokens != usage.total_tokens {
                **usage = sum;
            }
        }
        response
    }

    /// Adds the tools that no request has had yet.
    fn declare(&mut self, tools: &Tools) {
        let declared = self.settings_mut().tools.get_or_insert_default();
        for definition in tools.definitions() {
            if !declared
                .iter()
                .any(|tool| name(tool).is_some() && name(tool) == name(definition))
            {
                declared.push(definition.clone());
            }
        }
    }
}

fn name(tool: &Tool) -> Option<&str> {
    match tool {
        Tool::Function(tool) => Some(&tool.name),
        Tool::Custom(tool) => Some(&tool.name),
        _ => None,
    }
}

fn calls(response: &Response) -> bool {
    let mut calls = response.output.iter().filter_map(OutputItem::client_call);
    calls.any(|call| is_of_tools(call.kind()))
}

fn is_of_tools(kind: ClientCallKind) -> bool {
    matches!(kind, ClientCallKind::Function | ClientCallKind::Custom)
}

/// Returns whether the response contains work for the client that [`Tools`] cannot do.
fn waits_for_others(response: &Response) -> bool {
    response.output.iter().any(|item| {
        matches!(item, OutputItem::McpApprovalRequest(_))
            || item.client_call().is_some_and(|call| {
                !is_of_tools(call.kind()) && !is_answered(response, call.call_id())
            })
    })
}

/// Returns whether the service ran the shell call in its own container; the output then follows in
/// the same response.
fn is_answered(response: &Response, call_id: Option<&str>) -> bool {
    response.output.iter().any(|item| {
        matches!(item, OutputItem::ShellCallOutput(output) if Some(output.call_id.as_str()) == call_id)
    })
}
