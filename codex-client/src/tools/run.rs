// The loop between a model and its tools: ask, run what is called, give the outputs, until nothing is called any more.

use codex_types::{ClientCallKind, Input, InputItem, OutputItem, Response, ResponseEvent, Tool};

use crate::error::{Error, ErrorKind};
use crate::session::Session;
use crate::tools::Tools;

/// What happens while a model and its tools are at work.
#[derive(Debug)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// An event of a response.
    Event(&'a ResponseEvent),
    /// An output that the model is given, in the order of the calls.
    Output(&'a InputItem),
}

impl Session {
    /// Says something, runs the tools that the model calls and gives it their outputs, until it calls no more. Gives the last response.
    ///
    /// The tools are added to the [settings](Self::settings) of the conversation, so that every later request has them too.
    ///
    /// A response that waits for something other than these tools, such as a shell or an approval, is given back as it is, and none of its
    /// calls is run.
    ///
    /// # Errors
    ///
    /// As for [`ask`](Self::ask), and [`Rounds`](ErrorKind::Rounds) with the last response as [partial](Error::partial) when the model has been
    /// given outputs as often as [`Tools::max_rounds`] allows and still calls. What was said until then stays in the history.
    pub async fn run(&mut self, tools: &Tools, input: impl Into<Input>) -> Result<Response, Error> {
        self.run_with(tools, input, |_| {}).await
    }

    /// As [`run`](Self::run), and shows what happens on the way.
    ///
    /// # Errors
    ///
    /// As for [`run`](Self::run).
    pub async fn run_with(
        &mut self,
        tools: &Tools,
        input: impl Into<Input>,
        mut watch: impl FnMut(Progress<'_>),
    ) -> Result<Response, Error> {
        self.declare(tools);
        let turn = self.turn(input).await?;
        let mut response = turn
            .finish_with(|event| watch(Progress::Event(event)))
            .await?;
        for _ in 0..tools.max_rounds {
            if waits_for_others(&response) {
                return Ok(response);
            }
            let outputs = tools.answer(&response).await;
            if outputs.is_empty() && response.end_turn != Some(false) {
                return Ok(response);
            }
            for output in &outputs {
                watch(Progress::Output(output));
            }
            let turn = self.follow_up(outputs).await?;
            response = turn
                .finish_with(|event| watch(Progress::Event(event)))
                .await?;
        }
        if waits_for_others(&response) || (response.end_turn != Some(false) && !calls(&response)) {
            return Ok(response);
        }
        Err(Error::new(ErrorKind::Rounds).with_partial(response))
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

/// Whether the response holds something that the client has to do and [`Tools`] cannot.
fn waits_for_others(response: &Response) -> bool {
    response.output.iter().any(|item| {
        matches!(item, OutputItem::McpApprovalRequest(_))
            || item.client_call().is_some_and(|call| {
                !is_of_tools(call.kind()) && !is_answered(response, call.call_id())
            })
    })
}

/// Whether the service ran the shell call in a container of its own; then the output follows in the same response.
fn is_answered(response: &Response, call_id: Option<&str>) -> bool {
    response.output.iter().any(|item| {
        matches!(item, OutputItem::ShellCallOutput(output) if Some(output.call_id.as_str()) == call_id)
    })
}
