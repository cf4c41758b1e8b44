//! Functions that a model may call. A function runs only when the response that calls it is
//! complete and the arguments match its parameters, because a truncated command might still run. In
//! every other case the model receives an error message as the output.

pub(crate) mod run;
mod running;
pub(crate) mod tool;

use core::fmt;
use core::future::Future;
use std::sync::Arc;

use codex_types::{
    CallFault, CustomTool, FunctionTool, InputItem, Response, Status, Tool, ToolOutput,
};
use serde::de::DeserializeOwned;

use running::{Calls, Step};
use tool::{Approval, Approve, Callable, Function, Running, TextFunction, ToolCall, output};

/// The functions that a model may call, and the rules for running them.
///
/// ```
/// use codex_client::Tools;
/// use codex_client::types::{FunctionTool, RawJson};
///
/// let schema = RawJson::parse(
///     r#"{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}},"required":["a","b"],"additionalProperties":false}"#,
/// )?;
/// #[derive(serde::Deserialize)]
/// struct Add {
///     a: i64,
///     b: i64,
/// }
/// let tools = Tools::new().function(
///     FunctionTool::new("add", schema, true).description("Adds two numbers"),
///     async |add: Add| match add.a.checked_add(add.b) {
///         Some(sum) => Ok(sum.to_string()),
///         None => Err("the sum is too large"),
///     },
/// );
/// assert_eq!(tools.definitions().count(), 1);
/// # Ok::<(), codex_client::types::DecodeError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Tools {
    entries: Vec<Entry>,
    approve: Option<Arc<dyn Approve>>,
    max_rounds: u32,
}

#[derive(Clone)]
struct Entry {
    name: String,
    definition: Tool,
    callable: Arc<dyn Callable>,
    /// Whether no other call may run at the same time.
    alone: bool,
}

impl Tools {
    /// Creates an empty set of functions.
    pub fn new() -> Self {
        Self {
            entries: Vec::new(),
            approve: None,
            max_rounds: 64,
        }
    }

    /// Adds a function with typed arguments.
    ///
    /// The model receives its result, or the text of its error.
    ///
    /// It replaces a function of the same name. The future must not borrow from the function: an
    /// `async` closure that uses captured values must clone them into an `async move` block.
    pub fn function<A, F, R, O, E>(self, definition: FunctionTool, function: F) -> Self
    where
        A: DeserializeOwned + Send + 'static,
        F: Fn(A) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O, E>> + Send + 'static,
        O: Into<ToolOutput>,
        E: fmt::Display,
    {
        self.function_with_call(definition, move |arguments, _| function(arguments))
    }

    /// Adds a function that also receives its call, for an operation that must not be performed
    /// twice: use the call's [`idempotency_key`](ToolCall::idempotency_key).
    ///
    /// Otherwise it works like [`function`](Self::function).
    pub fn function_with_call<A, F, R, O, E>(self, definition: FunctionTool, function: F) -> Self
    where
        A: DeserializeOwned + Send + 'static,
        F: Fn(A, ToolCall) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O, E>> + Send + 'static,
        O: Into<ToolOutput>,
        E: fmt::Display,
    {
        let name = definition.name.clone();
        let function = move |arguments, call| {
            let result = function(arguments, call);
            async move { output(result.await) }
        };
        self.with(
            name,
            definition.into(),
            Arc::new(Function::<_, A>::new(function)),
        )
    }

    /// Adds a function whose schema is generated from the type of its arguments; see
    /// [`FunctionTool::of`].
    ///
    /// The function returns text, a [`ToolOutput`], parts
    /// ([`Vec<InputPart>`](codex_types::InputPart)), or any other value, which is sent as JSON.
    ///
    /// ```
    /// use codex_client::Tools;
    ///
    /// #[derive(serde::Deserialize, schemars::JsonSchema)]
    /// struct Add {
    ///     /// The first number.
    ///     a: i64,
    ///     b: i64,
    /// }
    /// #[derive(serde::Serialize)]
    /// struct Sum {
    ///     sum: i64,
    /// }
    /// let tools = Tools::new().typed("add", "Adds two numbers", async |add: Add| {
    ///     let sum = add.a.checked_add(add.b).ok_or("the sum is too large")?;
    ///     Ok::<_, &str>(Sum { sum })
    /// })?;
    /// # Ok::<(), codex_client::types::DecodeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the errors of [`FunctionTool::of`].
    #[cfg(feature = "schemars")]
    pub fn typed<A, F, R, O, E>(
        self,
        name: impl Into<String>,
        description: impl Into<String>,
        function: F,
    ) -> Result<Self, codex_types::DecodeError>
    where
        A: DeserializeOwned + schemars::JsonSchema + Send + 'static,
        F: Fn(A) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O, E>> + Send + 'static,
        O: serde::Serialize + 'static,
        E: fmt::Display,
    {
        let mut definition = FunctionTool::of::<A>()?.description(description);
        definition.name = name.into();
        Ok(self.function(definition, move |arguments| {
            let result = function(arguments);
            async move {
                match result.await {
                    Ok(value) => tool::serialized(&value),
                    Err(error) => Err(error.to_string()),
                }
            }
        }))
    }

    /// Adds a function that takes free text.
    ///
    /// Otherwise it works like [`function`](Self::function).
    pub fn custom<F, R, O, E>(self, definition: CustomTool, function: F) -> Self
    where
        F: Fn(String) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O, E>> + Send + 'static,
        O: Into<ToolOutput>,
        E: fmt::Display,
    {
        let name = definition.name.clone();
        self.with(
            name,
            definition.into(),
            Arc::new(TextFunction::new(function)),
        )
    }

    /// Prevents other calls from running at the same time as calls of this function, for functions
    /// that change state that others read.
    ///
    /// By default calls run concurrently.
    pub fn alone(mut self, name: &str) -> Self {
        for entry in self.entries.iter_mut().filter(|entry| entry.name == name) {
            entry.alone = true;
        }
        self
    }

    /// Sets a function that approves or denies each call before it runs.
    ///
    /// The calls of a response are approved one after another, before any of them runs. Calls that
    /// cannot run anyway need no approval.
    ///
    /// ```
    /// use codex_client::{Approval, ToolCall, Tools};
    ///
    /// let tools = Tools::new().approve(async |call: ToolCall| match call.name.as_str() {
    ///     "read_file" => Approval::Allow,
    ///     _ => Approval::Deny("only reading is allowed".to_owned()),
    /// });
    /// # let _ = tools;
    /// ```
    pub fn approve<F, R>(mut self, approve: F) -> Self
    where
        F: Fn(ToolCall) -> R + Send + Sync + 'static,
        R: Future<Output = Approval> + Send + 'static,
    {
        self.approve = Some(Arc::new(approve));
        self
    }

    /// Sets the maximum number of rounds in one run: how many times the model receives outputs. The
    /// default is 64. A run in which the model still calls tools after that many fails with
    /// [`ErrorKind::Rounds`](crate::ErrorKind::Rounds).
    pub fn max_rounds(mut self, rounds: u32) -> Self {
        self.max_rounds = rounds;
        self
    }

    /// Returns an iterator over the definitions that the model receives.
    pub fn definitions(&self) -> impl Iterator<Item = &Tool> {
        self.entries.iter().map(|entry| &entry.definition)
    }

    /// Runs the calls of a response and returns their outputs, in the order of the calls.
    ///
    /// Returns no outputs if the response has no calls or is not complete, because its last call
    /// may be truncated.
    ///
    /// Every call gets an output. If the function is unknown, the arguments do not match or the
    /// call was denied, the output reports that to the model.
    ///
    /// # Cancel safety
    ///
    /// This method is not cancel safe: dropping the future stops the functions that run and loses
    /// the outputs of those that have run. [`Session::run`](crate::Session::run) keeps them.
    pub async fn answer(&self, response: &Response) -> Vec<InputItem> {
        let mut calls = self.calls(response, "");
        self.request_approvals(&mut calls).await;
        let mut outputs: Vec<(usize, InputItem)> = Vec::new();
        while let Some(step) = calls.next().await {
            match step {
                Step::Started(_) => {}
                Step::Finished(index, output) | Step::Refused(index, output) => {
                    outputs.push((index, output));
                }
            }
        }
        outputs.sort_by_key(|(index, _)| *index);
        outputs.into_iter().map(|(_, output)| output).collect()
    }

    /// Returns the calls of a response, ready to run. Returns none if the response is not complete,
    /// because its last call may be truncated.
    fn calls(&self, response: &Response, turn_id: &str) -> Calls {
        let mut calls = Calls::new();
        if response.status == Status::Completed {
            for call in ToolCall::all(response, turn_id) {
                let tool = self.prepare(&call);
                calls.push(call, tool);
            }
        }
        calls
    }

    /// Requests approval for each call that would run.
    async fn request_approvals(&self, calls: &mut Calls) {
        let Some(approve) = &self.approve else {
            return;
        };
        let mut next = calls.waiting_from(0);
        while let Some(index) = next {
            let Some(call) = calls.get(index).cloned() else {
                return;
            };
            if let Approval::Deny(reason) = approve.decide(call).await {
                calls.refuse(index, format!("the call was denied: {reason}"));
            }
            next = calls.waiting_from(index + 1);
        }
    }

    fn with(mut self, name: String, definition: Tool, callable: Arc<dyn Callable>) -> Self {
        self.entries.retain(|entry| entry.name != name);
        self.entries.push(Entry {
            name,
            definition,
            callable,
            alone: false,
        });
        self
    }

    /// Returns the function of a call with its arguments and whether it runs alone, or the reason
    /// why the call must not run.
    fn prepare(&self, call: &ToolCall) -> Result<(Running, bool), String> {
        let found = self.entries.iter().find(|entry| call.is_of(&entry.name));
        let entry = found
            .filter(|entry| entry.callable.takes_text() == call.is_text())
            .ok_or_else(|| format!("unsupported call: {}", call.name))?;
        match call.fault() {
            Some(CallFault::Unfinished) => {
                return Err("the call was cut off and has not been run".to_owned());
            }
            // The function knows the expected arguments, so its own message is better.
            None | Some(CallFault::InvalidJson) => {}
            Some(fault) => return Err(fault.to_string()),
        }
        Ok((entry.callable.prepare(call)?, entry.alone))
    }
}

impl Default for Tools {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self
            .entries
            .iter()
            .map(|entry| entry.name.as_str())
            .collect();
        f.debug_struct("Tools")
            .field("names", &names)
            .field("max_rounds", &self.max_rounds)
            .finish_non_exhaustive()
    }
}
