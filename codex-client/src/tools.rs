//! Functions that a model may call. A call reaches its function only when the response it stands in is complete and its arguments have the
//! shape the function takes; anything else is told to the model in the place of an output, because a command cut in half may still run.

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

/// The functions that a model may call, and how they are run.
///
/// ```
/// use codex_client::Tools;
/// use codex_client::types::{FunctionTool, RawJson};
///
/// let schema = RawJson::parse(r#"{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}},"required":["a","b"],"additionalProperties":false}"#)?;
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
    /// Whether no other call may run beside it.
    alone: bool,
}

impl Tools {
    /// No functions.
    pub fn new() -> Self {
        Self {
            entries: Vec::new(),
            approve: None,
            max_rounds: 64,
        }
    }

    /// A function with typed arguments. What it gives back, or the text of its error, is what the model is told.
    ///
    /// A function of the same name is replaced. The future must not borrow from the function: an `async` closure that uses what it has
    /// captured clones it into an `async move` block.
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

    /// Adds a function that gets its call as well: for an operation that must not be carried out twice, by its
    /// [`idempotency_key`](ToolCall::idempotency_key).
    ///
    /// Otherwise like [`function`](Self::function).
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

    /// Adds a function whose schema is made from the type of its arguments: see [`FunctionTool::of`].
    ///
    /// The function returns text, a [`ToolOutput`], parts ([`Vec<InputPart>`](codex_types::InputPart)), or any other value, which is sent as
    /// JSON.
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
    /// Those of [`FunctionTool::of`].
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

    /// A function that takes free text.
    ///
    /// As for [`function`](Self::function) otherwise.
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

    /// Lets no other call run beside calls of this function: for what changes things that others read. Functions run side by side otherwise.
    pub fn alone(mut self, name: &str) -> Self {
        for entry in self.entries.iter_mut().filter(|entry| entry.name == name) {
            entry.alone = true;
        }
        self
    }

    /// Is asked about every call before it is run: one after the other, and before any call of the same response is run. Calls that cannot be
    /// run anyway are not asked about.
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

    /// How often the model may be given outputs before it has to come to an end; 64 unless said otherwise.
    pub fn max_rounds(mut self, rounds: u32) -> Self {
        self.max_rounds = rounds;
        self
    }

    /// What the model is told about the functions.
    pub fn definitions(&self) -> impl Iterator<Item = &Tool> {
        self.entries.iter().map(|entry| &entry.definition)
    }

    /// Runs what a response calls and gives the outputs, in the order of the calls. Empty where nothing is called, or where the response is not
    /// complete: what was cut off may be anything.
    ///
    /// Each call has an output. One of an unknown function, with arguments that are not what the function takes, or denied says so to the
    /// model.
    pub async fn answer(&self, response: &Response) -> Vec<InputItem> {
        let mut calls = self.calls(response, "");
        self.ask(&mut calls).await;
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

    /// The calls of a response, ready to run. None where the response is not complete: a call that was cut off may be anything.
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

    /// Asks for the approval of each call that would run.
    async fn ask(&self, calls: &mut Calls) {
        let Some(approve) = &self.approve else {
            return;
        };
        let mut next = calls.waiting_from(0);
        while let Some(index) = next {
            let Some(call) = calls.get(index).cloned() else {
                return;
            };
            if let Approval::Deny(reason) = approve.ask(call).await {
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

    /// The function of a call with its arguments and whether it runs alone, or why the call must not run.
    fn prepare(&self, call: &ToolCall) -> Result<(Running, bool), String> {
        let found = self.entries.iter().find(|entry| call.is_of(&entry.name));
        let entry = found
            .filter(|entry| entry.callable.takes_text() == call.is_text())
            .ok_or_else(|| format!("unsupported call: {}", call.name))?;
        match call.fault() {
            Some(CallFault::Unfinished) => {
                return Err("the call was cut off and has not been run".to_owned());
            }
            // The message of the function, which knows what it expects, is better.
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
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self
            .entries
            .iter()
            .map(|entry| entry.name.as_str())
            .collect();
        formatter
            .debug_struct("Tools")
            .field("names", &names)
            .field("max_rounds", &self.max_rounds)
            .finish_non_exhaustive()
    }
}
