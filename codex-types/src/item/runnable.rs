//! Which items are tool calls, which side runs them, and whether they may run.

use core::fmt;

use crate::RawJson;
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
        let call_id = match self.item {
            OutputItem::FunctionCall(call) => Some(&call.call_id),
            OutputItem::CustomToolCall(call) => Some(&call.call_id),
            OutputItem::LocalShellCall(call) => call.call_id.as_ref(),
            OutputItem::ShellCall(call) => Some(&call.call_id),
            OutputItem::ApplyPatchCall(call) => Some(&call.call_id),
            OutputItem::ComputerCall(call) => Some(&call.call_id),
            OutputItem::ToolSearchCall(call) => call.call_id.as_ref(),
            _ => None,
        };
        call_id.map(|id| &**id).filter(|id| !id.is_empty())
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
        match self.item {
            OutputItem::FunctionCall(call) => &call.arguments,
            OutputItem::CustomToolCall(call) => &call.input,
            _ => "",
        }
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

/// The kind of a call that the client runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClientCallKind {
    /// A function: `function_call`.
    Function,
    /// A custom tool: `custom_tool_call`.
    Custom,
    /// One command: `local_shell_call`.
    LocalShell,
    /// Shell commands: `shell_call`.
    Shell,
    /// A file change: `apply_patch_call`.
    ApplyPatch,
    /// Computer use: `computer_call`.
    Computer,
    /// A tool search: `tool_search_call`.
    ToolSearch,
    /// An approval of an MCP tool call: `mcp_approval_request`. The service runs the tool, so
    /// [`OutputItem::client_call`] does not return it.
    McpApproval,
}

impl ClientCallKind {
    pub(crate) const ALL: &[Self] = &[
        Self::Function,
        Self::Custom,
        Self::LocalShell,
        Self::Shell,
        Self::ApplyPatch,
        Self::Computer,
        Self::ToolSearch,
        Self::McpApproval,
    ];

    /// Returns the kind of an item of this `type`, which the service may run nevertheless.
    pub(crate) fn of(kind: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|call| call.name() == kind)
    }

    /// Returns the `type` of the call.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Function => "function_call",
            Self::Custom => "custom_tool_call",
            Self::LocalShell => "local_shell_call",
            Self::Shell => "shell_call",
            Self::ApplyPatch => "apply_patch_call",
            Self::Computer => "computer_call",
            Self::ToolSearch => "tool_search_call",
            Self::McpApproval => "mcp_approval_request",
        }
    }

    /// Returns the types of items that answer a call of this kind; the first is the usual one.
    pub(crate) fn outputs(self) -> &'static [&'static str] {
        match self {
            Self::Function => &["function_call_output"],
            Self::Custom => &["custom_tool_call_output"],
            Self::LocalShell => &["local_shell_call_output", "function_call_output"],
            Self::Shell => &["shell_call_output"],
            Self::ApplyPatch => &["apply_patch_call_output"],
            Self::Computer => &["computer_call_output"],
            Self::ToolSearch => &["tool_search_output"],
            Self::McpApproval => &["mcp_approval_response"],
        }
    }
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
        matches!(
            self,
            Self::FunctionCall(_)
                | Self::CustomToolCall(_)
                | Self::McpCall(_)
                | Self::CodeInterpreterCall(_)
                | Self::FileSearchCall(_)
                | Self::WebSearchCall(_)
                | Self::ImageGenerationCall(_)
                | Self::ComputerCall(_)
                | Self::LocalShellCall(_)
                | Self::ShellCall(_)
                | Self::ApplyPatchCall(_)
                | Self::ToolSearchCall(_)
        )
    }

    /// Returns the status of the item; `None` if it has none.
    pub fn item_status(&self) -> Option<&ItemStatus> {
        let status = match self {
            Self::Message(item) => Some(&item.status),
            Self::Reasoning(item) => item.status.as_ref(),
            Self::FunctionCall(item) => item.status.as_ref(),
            Self::FunctionCallOutput(item) => item.status.as_ref(),
            Self::CustomToolCall(item) => item.status.as_ref(),
            Self::CustomToolCallOutput(item) => item.status.as_ref(),
            Self::FileSearchCall(item) => Some(&item.status),
            Self::WebSearchCall(item) => item.status.as_ref(),
            Self::ComputerCall(item) => Some(&item.status),
            Self::ComputerCallOutput(item) => item.status.as_ref(),
            Self::ProgramOutput(item) => Some(&item.status),
            Self::ToolSearchCall(item) => item.status.as_ref(),
            Self::ToolSearchOutput(item) => item.status.as_ref(),
            Self::ImageGenerationCall(item) => Some(&item.status),
            Self::CodeInterpreterCall(item) => Some(&item.status),
            Self::LocalShellCall(item) => Some(&item.status),
            Self::LocalShellCallOutput(item) => item.status.as_ref(),
            Self::ShellCall(item) => item.status.as_ref(),
            Self::ShellCallOutput(item) => item.status.as_ref(),
            Self::ApplyPatchCall(item) => Some(&item.status),
            Self::ApplyPatchCallOutput(item) => Some(&item.status),
            Self::McpCall(item) => item.status.as_ref(),
            Self::Program(_)
            | Self::AdditionalTools(_)
            | Self::Compaction(_)
            | Self::ContextCompaction(_)
            | Self::McpListTools(_)
            | Self::McpApprovalRequest(_)
            | Self::McpApprovalResponse(_)
            | Self::AgentMessage(_)
            | Self::MultiAgentCall(_)
            | Self::MultiAgentCallOutput(_)
            | Self::Unknown(_) => None,
        };
        // A required field is empty if the server omitted the key.
        status.filter(|status| **status != "")
    }
}
