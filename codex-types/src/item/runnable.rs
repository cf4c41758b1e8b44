//! Which items are tool calls, which side runs them, and whether they may run.

use core::fmt;

use crate::RawJson;
use crate::item::union::ItemFields;
use crate::item::{ItemStatus, OutputItem, ShellCall};

/// A tool call that the client runs.
///
/// ```
/// use codex_types::{CallFault, FunctionCall, OutputItem};
///
/// let item: OutputItem = FunctionCall::new("call_1", "now", "{}").into();
/// let call = item.client_call().unwrap();
/// assert_eq!((call.call_id(), call.name(), call.input()), (Some("call_1"), Some("now"), "{}"));
/// assert_eq!(call.check(), Ok(()));
///
/// let cut: OutputItem = FunctionCall::new("call_2", "add", "[1,").into();
/// assert_eq!(cut.client_call().unwrap().check(), Err(CallFault::InvalidJson));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ClientCall<'a> {
    item: &'a OutputItem,
    kind: ClientCallKind,
}

impl<'a> ClientCall<'a> {
    /// Returns the whole item of the call.
    pub fn item(&self) -> &'a OutputItem {
        self.item
    }

    /// Returns the kind of the call.
    pub fn kind(&self) -> ClientCallKind {
        self.kind
    }

    /// Returns the id that pairs the call with its output; `None` if it is missing or empty.
    pub fn call_id(&self) -> Option<&'a str> {
        self.item.fields()?.call_id().filter(|id| !id.is_empty())
    }

    /// Returns the name of a function or custom tool; `None` for other kinds and for an empty name.
    pub fn name(&self) -> Option<&'a str> {
        let name = match self.item {
            OutputItem::FunctionCall(call) => &call.name,
            OutputItem::CustomToolCall(call) => &call.name,
            _ => return None,
        };
        (!name.is_empty()).then_some(name)
    }

    /// Returns the arguments of a function or the input of a custom tool; empty for other kinds.
    pub fn input(&self) -> &'a str {
        self.item.input().unwrap_or_default()
    }

    /// Checks whether the call may run.
    ///
    /// Empty arguments are allowed, because servers send them for functions without parameters, and
    /// so is a call without a status, or with an unknown one.
    ///
    /// # Errors
    ///
    /// Returns the first fault of the call: it is not finished, its output could not be sent back,
    /// or its arguments are not JSON.
    pub fn check(&self) -> Result<(), CallFault> {
        let status = self.item.item_status();
        if status.is_some_and(|it| it.is_listed() && *it != ItemStatus::Completed) {
            return Err(CallFault::Unfinished);
        }
        let is_named = matches!(self.kind, ClientCallKind::Function | ClientCallKind::Custom);
        if self.call_id().is_none() || (is_named && self.name().is_none()) {
            return Err(CallFault::Unaddressed);
        }
        let input = self.input();
        // Arguments that are not text are kept, but a program that reads the text would run the
        // call without arguments.
        let is_foreign = || {
            let foreign = self.item.extra().and_then(|extra| extra.get("arguments"));
            foreign.is_some_and(|arguments| !arguments.is_null())
        };
        let is_json = || match input.trim() {
            "" => !is_foreign(),
            input => RawJson::parse(input).is_ok(),
        };
        if self.kind == ClientCallKind::Function && !is_json() {
            return Err(CallFault::InvalidJson);
        }
        Ok(())
    }
}

/// Declares the kinds of calls that the client answers: the `type` of the call, and the types of
/// the items that answer it, of which the first is the usual one.
macro_rules! call_kinds {
    ($($(#[$meta:meta])* $kind:ident = $call:literal => $outputs:expr,)*) => {
        /// The kind of a call that the client runs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ClientCallKind {
            $($(#[$meta])* $kind,)*
        }

        impl ClientCallKind {
            pub(crate) const ALL: &[Self] = &[$(Self::$kind),*];

            /// Returns the kind of an item of this `type`, which the service may run nevertheless.
            pub(crate) fn of(kind: &str) -> Option<Self> {
                match kind {
                    $($call => Some(Self::$kind),)*
                    _ => None,
                }
            }

            /// Returns the `type` of the call.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $call,)*
                }
            }

            /// Returns the types of items that answer a call of this kind.
            pub(crate) fn outputs(self) -> &'static [&'static str] {
                match self {
                    $(Self::$kind => &$outputs,)*
                }
            }
        }
    };
}

call_kinds! {
    /// A function: `function_call`.
    Function = "function_call" => ["function_call_output"],
    /// A custom tool: `custom_tool_call`.
    Custom = "custom_tool_call" => ["custom_tool_call_output"],
    /// One command: `local_shell_call`.
    LocalShell = "local_shell_call" => ["local_shell_call_output", "function_call_output"],
    /// Shell commands: `shell_call`.
    Shell = "shell_call" => ["shell_call_output"],
    /// A file change: `apply_patch_call`.
    ApplyPatch = "apply_patch_call" => ["apply_patch_call_output"],
    /// Computer use: `computer_call`.
    Computer = "computer_call" => ["computer_call_output"],
    /// A tool search: `tool_search_call`.
    ToolSearch = "tool_search_call" => ["tool_search_output"],
    /// An approval of an MCP tool call: `mcp_approval_request`. The service runs the tool, so
    /// [`OutputItem::client_call`] does not return it.
    McpApproval = "mcp_approval_request" => ["mcp_approval_response"],
}

/// The reason why a call must not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallFault {
    /// The call is not finished, or failed.
    Unfinished,
    /// The call has no `call_id`, or no name, so its output could not be sent back.
    Unaddressed,
    /// The arguments of a function are not JSON.
    InvalidJson,
}

impl fmt::Display for CallFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unfinished => "the call is not finished",
            Self::Unaddressed => "the call has no call_id or no name",
            Self::InvalidJson => "the arguments of the call are not JSON",
        })
    }
}

impl core::error::Error for CallFault {}

/// Returns whether the client searches for tools: from `execution`, else from the presence of an
/// id.
pub(crate) fn searches_tools(execution: Option<&str>, call_id: Option<&str>) -> bool {
    match execution {
        Some("client") => true,
        Some("server") => false,
        _ => call_id.is_some(),
    }
}

impl ShellCall {
    /// Returns whether the commands run here and not in a container of the service.
    pub(crate) fn is_of_client(&self) -> bool {
        let environment = self.environment.as_ref();
        environment.is_none_or(|it| matches!(it.kind(), "local" | ""))
    }
}

impl OutputItem {
    /// Returns the item as a call that the client runs.
    ///
    /// `None` for everything else: items that are not calls, calls of tools that the service runs,
    /// a `shell_call` for a container, and a `tool_search_call` of the service.
    pub fn client_call(&self) -> Option<ClientCall<'_>> {
        let kind = ClientCallKind::of(self.kind())?;
        let is_of_client = match self {
            Self::McpApprovalRequest(_) => false,
            Self::ShellCall(call) => call.is_of_client(),
            Self::ToolSearchCall(call) => searches_tools(
                call.execution.as_ref().map(|execution| execution.as_str()),
                call.call_id.as_deref(),
            ),
            item => item.is_known(),
        };
        is_of_client.then_some(ClientCall { item: self, kind })
    }

    /// Returns whether the item is a call of a tool, whether the client or the service runs it.
    pub fn is_tool_call(&self) -> bool {
        self.fields().is_some_and(ItemFields::is_tool_call)
    }

    /// Returns the status of the item; `None` if it has none.
    pub fn item_status(&self) -> Option<&ItemStatus> {
        // A required field is empty if the server omitted the key.
        self.fields()?.status().filter(|status| **status != "")
    }
}
