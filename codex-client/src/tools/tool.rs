// A function behind one type without parameters, and a call on its way from the model's words to an output.

use core::error::Error as _;
use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::pin::Pin;
use std::sync::Arc;

use codex_types::{
    ArgumentsError, CallFault, ClientCallKind, CustomToolCallOutput, FunctionCallOutput, InputItem,
    OutputItem, Response, ToolOutput,
};
use serde::de::DeserializeOwned;

/// A call of a function, as the model wrote it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolCall {
    /// Pairs the call with its output.
    pub call_id: String,
    /// The function.
    pub name: String,
    /// The namespace the function is in.
    pub namespace: Option<String>,
    /// Its arguments: JSON, or free text where the function takes that.
    pub arguments: String,
    kind: Kind,
    fault: Option<CallFault>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Function,
    Text,
}

impl ToolCall {
    /// The calls of a response, in order.
    pub(super) fn all(response: &Response) -> impl Iterator<Item = Self> {
        response.output.iter().filter_map(|item| {
            let call = item.client_call()?;
            let kind = match call.kind() {
                ClientCallKind::Function => Kind::Function,
                ClientCallKind::Custom => Kind::Text,
                _ => return None,
            };
            let namespace = match item {
                OutputItem::FunctionCall(call) => call.namespace.clone(),
                OutputItem::CustomToolCall(call) => call.namespace.clone(),
                _ => None,
            };
            Some(Self {
                call_id: call.call_id().unwrap_or_default().to_owned(),
                name: call.name().unwrap_or_default().to_owned(),
                namespace,
                arguments: call.input().to_owned(),
                kind,
                fault: call.check().err(),
            })
        })
    }

    /// Whether the function takes free text.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.kind == Kind::Text
    }

    /// Some backends put functions that have no namespace into one of this name.
    pub(super) fn is_of(&self, name: &str) -> bool {
        self.name == name && matches!(self.namespace.as_deref(), None | Some("functions"))
    }

    /// Why the call must not run.
    pub(super) fn fault(&self) -> Option<CallFault> {
        self.fault
    }

    fn output(self, output: ToolOutput) -> InputItem {
        match self.kind {
            Kind::Function => FunctionCallOutput::new(output).call_id(self.call_id).into(),
            Kind::Text => CustomToolCallOutput::new(self.call_id, output).into(),
        }
    }
}

impl fmt::Debug for ToolCall {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Arguments are the conversation's.
        formatter
            .debug_struct("ToolCall")
            .field("call_id", &self.call_id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Whether a call may be run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Approval {
    /// It may.
    Allow,
    /// It may not; the model is told why.
    Deny(String),
}

/// A call that is not answered yet.
pub(super) struct Pending {
    call: ToolCall,
    state: State,
    alone: bool,
}

enum State {
    Ready(Running),
    Done(ToolOutput),
}

/// A function that was given its arguments and has not begun.
pub(super) type Running = Pin<Box<dyn Future<Output = ToolOutput> + Send>>;

impl Pending {
    pub(super) fn ready(call: ToolCall, running: Running, alone: bool) -> Self {
        Self {
            call,
            state: State::Ready(running),
            alone,
        }
    }

    pub(super) fn refused(call: ToolCall, refusal: String) -> Self {
        Self {
            call,
            state: State::Done(refusal.into()),
            alone: false,
        }
    }

    pub(super) fn refuse(&mut self, refusal: String) {
        self.state = State::Done(refusal.into());
    }

    pub(super) fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready(_))
    }

    pub(super) fn is_alone(&self) -> bool {
        self.alone && self.is_ready()
    }

    pub(super) fn call(&self) -> &ToolCall {
        &self.call
    }

    pub(super) async fn run(&mut self) {
        if let State::Ready(running) = &mut self.state {
            self.state = State::Done(running.as_mut().await);
        }
    }

    pub(super) fn into_item(self) -> InputItem {
        match self.state {
            State::Done(output) => self.call.output(output),
            // Every call is run before it is asked for its item.
            State::Ready(_) => self.call.output(String::new().into()),
        }
    }
}

/// A function without its types.
pub(super) trait Callable: Send + Sync {
    fn takes_text(&self) -> bool;

    /// Gives the function its arguments, or says to the model why they cannot be given.
    fn prepare(&self, arguments: &str) -> Result<Running, String>;
}

/// A function with typed arguments.
pub(super) struct Function<F, A> {
    function: Arc<F>,
    arguments: PhantomData<fn(A)>,
}

impl<F, A> Function<F, A> {
    pub(super) fn new(function: F) -> Self {
        Self {
            function: Arc::new(function),
            arguments: PhantomData,
        }
    }
}

impl<F, A, R, O, E> Callable for Function<F, A>
where
    A: DeserializeOwned + Send + 'static,
    F: Fn(A) -> R + Send + Sync + 'static,
    R: Future<Output = Result<O, E>> + Send + 'static,
    O: Into<ToolOutput>,
    E: fmt::Display,
{
    fn takes_text(&self) -> bool {
        false
    }

    fn prepare(&self, arguments: &str) -> Result<Running, String> {
        let arguments: A =
            ArgumentsError::decode(arguments).map_err(|error| match error.source() {
                Some(source) => format!("{error}: {source}"),
                None => error.to_string(),
            })?;
        let function = self.function.clone();
        Ok(Box::pin(async move { output(function(arguments).await) }))
    }
}

/// A function that takes text.
pub(super) struct TextFunction<F> {
    function: Arc<F>,
}

impl<F> TextFunction<F> {
    pub(super) fn new(function: F) -> Self {
        Self {
            function: Arc::new(function),
        }
    }
}

impl<F, R, O, E> Callable for TextFunction<F>
where
    F: Fn(String) -> R + Send + Sync + 'static,
    R: Future<Output = Result<O, E>> + Send + 'static,
    O: Into<ToolOutput>,
    E: fmt::Display,
{
    fn takes_text(&self) -> bool {
        true
    }

    fn prepare(&self, text: &str) -> Result<Running, String> {
        let (function, text) = (self.function.clone(), text.to_owned());
        Ok(Box::pin(async move { output(function(text).await) }))
    }
}

fn output<O: Into<ToolOutput>, E: fmt::Display>(result: Result<O, E>) -> ToolOutput {
    match result {
        Ok(output) => output.into(),
        Err(error) => error.to_string().into(),
    }
}

/// The question whether a call may be run, without its type.
pub(super) trait Approve: Send + Sync {
    fn ask(&self, call: ToolCall) -> Pin<Box<dyn Future<Output = Approval> + Send>>;
}

impl<F, R> Approve for F
where
    F: Fn(ToolCall) -> R + Send + Sync,
    R: Future<Output = Approval> + Send + 'static,
{
    fn ask(&self, call: ToolCall) -> Pin<Box<dyn Future<Output = Approval> + Send>> {
        Box::pin(self(call))
    }
}
