//! Functions that a model may call. A call reaches its function only when the response it stands in is complete and its arguments have the
//! shape the function takes; anything else is told to the model in the place of an output, because a command cut in half may still run.

mod join;
pub(crate) mod run;
pub(crate) mod tool;

use core::fmt;
use core::future::Future;
use std::sync::Arc;

use codex_types::{
    CallFault, CustomTool, FunctionTool, InputItem, Response, Status, Tool, ToolOutput,
};
use serde::de::DeserializeOwned;

use tool::{Approval, Approve, Callable, Function, Pending, TextFunction, ToolCall};

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
        let name = definition.name.clone();
        self.with(name, definition.into(), Arc::new(Function::new(function)))
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
        if response.status != Status::Completed {
            return Vec::new();
        }
        let mut pending: Vec<Pending> = ToolCall::all(response)
            .map(|call| self.prepare(call))
            .collect();
        if let Some(approve) = &self.approve {
            for call in pending.iter_mut().filter(|call| call.is_ready()) {
                if let Approval::Deny(reason) = approve.ask(call.call().clone()).await {
                    call.refuse(format!("the call was denied: {reason}"));
                }
            }
        }
        run_all(pending).await
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

    fn prepare(&self, call: ToolCall) -> Pending {
        let found = self.entries.iter().find(|entry| call.is_of(&entry.name));
        let Some(entry) = found.filter(|entry| entry.callable.takes_text() == call.is_text())
        else {
            let refusal = format!("unsupported call: {}", call.name);
            return Pending::refused(call, refusal);
        };
        match call.fault() {
            Some(CallFault::Unfinished) => {
                let refusal = "the call was cut off and has not been run";
                return Pending::refused(call, refusal.to_owned());
            }
            // What the function expects is a better message.
            None | Some(CallFault::InvalidJson) => {}
            Some(fault) => return Pending::refused(call, fault.to_string()),
        }
        match entry.callable.prepare(&call.arguments) {
            Ok(running) => Pending::ready(call, running, entry.alone),
            Err(error) => Pending::refused(call, error),
        }
    }
}

/// Runs calls side by side as far as they allow it.
async fn run_all(mut pending: Vec<Pending>) -> Vec<InputItem> {
    let mut rest = pending.as_mut_slice();
    while !rest.is_empty() {
        let together = rest
            .iter()
            .take_while(|call| !call.is_alone())
            .count()
            .max(1);
        let (now, later) = rest.split_at_mut(together);
        join::all(now.iter_mut().map(Pending::run).collect()).await;
        rest = later;
    }
    pending.into_iter().map(Pending::into_item).collect()
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
