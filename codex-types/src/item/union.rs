//! The three unions of items: output of the model, items stored by the service, and input.

use alloc::boxed::Box;
use alloc::string::String;

use crate::RawJson;
use crate::item::{
    AdditionalTools, AgentMessage, ApplyPatchCall, ApplyPatchCallOutput, CodeInterpreterCall,
    CompactionItem, CompactionTrigger, ComputerCall, ComputerCallOutput, ConfigurationUpdate,
    ContextCompaction, CustomToolCall, CustomToolCallOutput, FileSearchCall, FunctionCall,
    FunctionCallOutput, ImageGenerationCall, ItemReference, ItemStatus, LocalShellCall,
    LocalShellCallOutput, McpApprovalRequest, McpApprovalResponse, McpCall, McpListTools, Message,
    MessageContent, MultiAgentCall, MultiAgentCallOutput, OutputMessage, Program, ProgramOutput,
    ReasoningItem, ShellCall, ShellCallOutput, ToolSearchCall, ToolSearchOutput, WebSearchCall,
};
use crate::part::{InputPart, OutputPart};
use crate::wire::known::replay;
use crate::wire::tagged::{from_variants, tagged};

tagged! {
    /// An item of a response: API object `ResponseOutputItem`.
    pub enum OutputItem {
        /// A message of the assistant.
        "message" => Message(OutputMessage),
        /// Reasoning of the model.
        "reasoning" => Reasoning(ReasoningItem),
        /// A function call.
        "function_call" => FunctionCall(FunctionCall),
        /// The output of a function call.
        "function_call_output" => FunctionCallOutput(FunctionCallOutput),
        /// A custom tool call.
        "custom_tool_call" => CustomToolCall(CustomToolCall),
        /// The output of a custom tool call.
        "custom_tool_call_output" => CustomToolCallOutput(CustomToolCallOutput),
        /// A file search call.
        "file_search_call" => FileSearchCall(FileSearchCall),
        /// A web search call.
        "web_search_call" => WebSearchCall(WebSearchCall),
        /// A computer use call.
        "computer_call" => ComputerCall(ComputerCall),
        /// The output of a computer use call: a screenshot.
        "computer_call_output" => ComputerCallOutput(ComputerCallOutput),
        /// A program of the model that calls tools.
        "program" => Program(Program),
        /// The output of the program.
        "program_output" => ProgramOutput(ProgramOutput),
        /// A tool search call.
        "tool_search_call" => ToolSearchCall(ToolSearchCall),
        /// The output of a tool search: the tools found.
        "tool_search_output" => ToolSearchOutput(ToolSearchOutput),
        /// Tools that become available.
        "additional_tools" => AdditionalTools(AdditionalTools),
        /// A compaction item, which replaces earlier items.
        "compaction" | "compaction_summary" => Compaction(CompactionItem),
        /// The compaction item of the ChatGPT backend for context management.
        "context_compaction" => ContextCompaction(ContextCompaction),
        /// An image generation call.
        "image_generation_call" => ImageGenerationCall(Box<ImageGenerationCall>),
        /// A code interpreter call.
        "code_interpreter_call" => CodeInterpreterCall(CodeInterpreterCall),
        /// A local shell call: one command for the client to run.
        "local_shell_call" => LocalShellCall(LocalShellCall),
        /// The output of a local shell call.
        "local_shell_call_output" => LocalShellCallOutput(LocalShellCallOutput),
        /// A shell call.
        "shell_call" => ShellCall(ShellCall),
        /// The output of a shell call.
        "shell_call_output" => ShellCallOutput(ShellCallOutput),
        /// An apply-patch call.
        "apply_patch_call" => ApplyPatchCall(ApplyPatchCall),
        /// The output of an apply-patch call.
        "apply_patch_call_output" => ApplyPatchCallOutput(ApplyPatchCallOutput),
        /// An MCP tool call.
        "mcp_call" => McpCall(McpCall),
        /// The tools of an MCP server.
        "mcp_list_tools" => McpListTools(McpListTools),
        /// A request for approval of an MCP tool call.
        "mcp_approval_request" => McpApprovalRequest(McpApprovalRequest),
        /// The response to an approval request.
        "mcp_approval_response" => McpApprovalResponse(McpApprovalResponse),
        /// A message between agents (ChatGPT backend and beta API).
        "agent_message" => AgentMessage(AgentMessage),
        /// A call that acts on other agents (beta API).
        "multi_agent_call" => MultiAgentCall(MultiAgentCall),
        /// The output of such a call (beta API).
        "multi_agent_call_output" => MultiAgentCallOutput(MultiAgentCallOutput),
    }
}

tagged! {
    /// An item of a conversation as the service stored it: API object `ResponseItem`.
    pub enum StoredItem {
        /// A message, of any role: API objects `ResponseInputMessageItem` and
        /// `ResponseOutputMessage`.
        "message" => Message(Message),
        /// Reasoning of the model.
        "reasoning" => Reasoning(ReasoningItem),
        /// A function call.
        "function_call" => FunctionCall(FunctionCall),
        /// The output of a function call.
        "function_call_output" => FunctionCallOutput(FunctionCallOutput),
        /// A custom tool call.
        "custom_tool_call" => CustomToolCall(CustomToolCall),
        /// The output of a custom tool call.
        "custom_tool_call_output" => CustomToolCallOutput(CustomToolCallOutput),
        /// A file search call.
        "file_search_call" => FileSearchCall(FileSearchCall),
        /// A web search call.
        "web_search_call" => WebSearchCall(WebSearchCall),
        /// A computer use call.
        "computer_call" => ComputerCall(ComputerCall),
        /// The output of a computer use call: a screenshot.
        "computer_call_output" => ComputerCallOutput(ComputerCallOutput),
        /// A program of the model that calls tools.
        "program" => Program(Program),
        /// The output of the program.
        "program_output" => ProgramOutput(ProgramOutput),
        /// A tool search call.
        "tool_search_call" => ToolSearchCall(ToolSearchCall),
        /// The output of a tool search: the tools found.
        "tool_search_output" => ToolSearchOutput(ToolSearchOutput),
        /// Tools that become available.
        "additional_tools" => AdditionalTools(AdditionalTools),
        /// A compaction item, which replaces earlier items.
        "compaction" | "compaction_summary" => Compaction(CompactionItem),
        /// The compaction item of the ChatGPT backend for context management.
        "context_compaction" => ContextCompaction(ContextCompaction),
        /// An image generation call.
        "image_generation_call" => ImageGenerationCall(Box<ImageGenerationCall>),
        /// A code interpreter call.
        "code_interpreter_call" => CodeInterpreterCall(CodeInterpreterCall),
        /// A local shell call: one command for the client to run.
        "local_shell_call" => LocalShellCall(LocalShellCall),
        /// The output of a local shell call.
        "local_shell_call_output" => LocalShellCallOutput(LocalShellCallOutput),
        /// A shell call.
        "shell_call" => ShellCall(ShellCall),
        /// The output of a shell call.
        "shell_call_output" => ShellCallOutput(ShellCallOutput),
        /// An apply-patch call.
        "apply_patch_call" => ApplyPatchCall(ApplyPatchCall),
        /// The output of an apply-patch call.
        "apply_patch_call_output" => ApplyPatchCallOutput(ApplyPatchCallOutput),
        /// An MCP tool call.
        "mcp_call" => McpCall(McpCall),
        /// The tools of an MCP server.
        "mcp_list_tools" => McpListTools(McpListTools),
        /// A request for approval of an MCP tool call.
        "mcp_approval_request" => McpApprovalRequest(McpApprovalRequest),
        /// The response to an approval request.
        "mcp_approval_response" => McpApprovalResponse(McpApprovalResponse),
        /// A message between agents (ChatGPT backend and beta API).
        "agent_message" => AgentMessage(AgentMessage),
        /// A call that acts on other agents (beta API).
        "multi_agent_call" => MultiAgentCall(MultiAgentCall),
        /// The output of such a call (beta API).
        "multi_agent_call_output" => MultiAgentCallOutput(MultiAgentCallOutput),
        /// A change of settings.
        "configuration_update" => ConfigurationUpdate(ConfigurationUpdate),
    }
}

tagged! {
    /// An item of the input: API object `ResponseInputItem`.
    ///
    /// A value without `type` is a message if it has a `role`, and a reference if it has only an
    /// `id`.
    pub enum InputItem {
        untyped by untyped_kind;
        /// A message, in any of the three forms that the API accepts.
        "message" => Message(Message),
        /// Reasoning of the model.
        "reasoning" => Reasoning(ReasoningItem),
        /// A function call.
        "function_call" => FunctionCall(FunctionCall),
        /// The output of a function call.
        "function_call_output" => FunctionCallOutput(FunctionCallOutput),
        /// A custom tool call.
        "custom_tool_call" => CustomToolCall(CustomToolCall),
        /// The output of a custom tool call.
        "custom_tool_call_output" => CustomToolCallOutput(CustomToolCallOutput),
        /// A file search call.
        "file_search_call" => FileSearchCall(FileSearchCall),
        /// A web search call.
        "web_search_call" => WebSearchCall(WebSearchCall),
        /// A computer use call.
        "computer_call" => ComputerCall(ComputerCall),
        /// The output of a computer use call: a screenshot.
        "computer_call_output" => ComputerCallOutput(ComputerCallOutput),
        /// A program of the model that calls tools.
        "program" => Program(Program),
        /// The output of the program.
        "program_output" => ProgramOutput(ProgramOutput),
        /// A tool search call.
        "tool_search_call" => ToolSearchCall(ToolSearchCall),
        /// The output of a tool search: the tools found.
        "tool_search_output" => ToolSearchOutput(ToolSearchOutput),
        /// Tools that become available.
        "additional_tools" => AdditionalTools(AdditionalTools),
        /// A compaction item, which replaces earlier items.
        "compaction" | "compaction_summary" => Compaction(CompactionItem),
        /// The compaction item of the ChatGPT backend for context management.
        "context_compaction" => ContextCompaction(ContextCompaction),
        /// An image generation call.
        "image_generation_call" => ImageGenerationCall(Box<ImageGenerationCall>),
        /// A code interpreter call.
        "code_interpreter_call" => CodeInterpreterCall(CodeInterpreterCall),
        /// A local shell call: one command for the client to run.
        "local_shell_call" => LocalShellCall(LocalShellCall),
        /// The output of a local shell call.
        "local_shell_call_output" => LocalShellCallOutput(LocalShellCallOutput),
        /// A shell call.
        "shell_call" => ShellCall(ShellCall),
        /// The output of a shell call.
        "shell_call_output" => ShellCallOutput(ShellCallOutput),
        /// An apply-patch call.
        "apply_patch_call" => ApplyPatchCall(ApplyPatchCall),
        /// The output of an apply-patch call.
        "apply_patch_call_output" => ApplyPatchCallOutput(ApplyPatchCallOutput),
        /// An MCP tool call.
        "mcp_call" => McpCall(McpCall),
        /// The tools of an MCP server.
        "mcp_list_tools" => McpListTools(McpListTools),
        /// A request for approval of an MCP tool call.
        "mcp_approval_request" => McpApprovalRequest(McpApprovalRequest),
        /// The response to an approval request.
        "mcp_approval_response" => McpApprovalResponse(McpApprovalResponse),
        /// A message between agents (ChatGPT backend and beta API).
        "agent_message" => AgentMessage(AgentMessage),
        /// A call that acts on other agents (beta API).
        "multi_agent_call" => MultiAgentCall(MultiAgentCall),
        /// The output of such a call (beta API).
        "multi_agent_call_output" => MultiAgentCallOutput(MultiAgentCallOutput),
        /// A change of settings.
        "configuration_update" => ConfigurationUpdate(ConfigurationUpdate),
        /// A request to compact the conversation.
        "compaction_trigger" => CompactionTrigger(CompactionTrigger),
        /// A reference to an item that the service has stored.
        "item_reference" => ItemReference(ItemReference),
    }
}

/// The id of an item, depending on whether its kind requires one.
macro_rules! ids {
    ($union:ident { optional: $($optional:ident)*; required: $($required:ident)*; }) => {
        impl $union {
            /// Returns the id of the item, if it has one.
            pub fn id(&self) -> Option<&str> {
                match self {
                    $(Self::$optional(item) => item.id.as_deref(),)*
                    $(Self::$required(item) => Some(&item.id),)*
                    Self::Unknown(_) => None,
                }
            }

            /// Sets the id of the item; an empty one removes it. An item of an unknown kind is
            /// unchanged.
            pub fn set_id(&mut self, id: &str) {
                match self {
                    $(Self::$optional(item) => item.id = (!id.is_empty()).then(|| id.into()),)*
                    $(Self::$required(item) => item.id = id.into(),)*
                    Self::Unknown(_) => {}
                }
            }
        }
    };
}

ids! {
    OutputItem {
        optional: Message Reasoning FunctionCall FunctionCallOutput CustomToolCall
            CustomToolCallOutput FileSearchCall WebSearchCall ComputerCall ComputerCallOutput
            Program ProgramOutput ToolSearchCall ToolSearchOutput AdditionalTools
            Compaction ContextCompaction ImageGenerationCall CodeInterpreterCall LocalShellCall
            ShellCall ShellCallOutput ApplyPatchCall ApplyPatchCallOutput McpCall
            McpListTools McpApprovalResponse AgentMessage MultiAgentCall MultiAgentCallOutput;
        required: LocalShellCallOutput McpApprovalRequest;
    }
}

from_variants!(OutputItem {
    Message(OutputMessage),
    Reasoning(ReasoningItem),
    FunctionCall(FunctionCall),
    FunctionCallOutput(FunctionCallOutput),
    CustomToolCall(CustomToolCall),
    CustomToolCallOutput(CustomToolCallOutput),
    FileSearchCall(FileSearchCall),
    WebSearchCall(WebSearchCall),
    ComputerCall(ComputerCall),
    ComputerCallOutput(ComputerCallOutput),
    Program(Program),
    ProgramOutput(ProgramOutput),
    ToolSearchCall(ToolSearchCall),
    ToolSearchOutput(ToolSearchOutput),
    AdditionalTools(AdditionalTools),
    Compaction(CompactionItem),
    ContextCompaction(ContextCompaction),
    ImageGenerationCall(Box<ImageGenerationCall>),
    CodeInterpreterCall(CodeInterpreterCall),
    LocalShellCall(LocalShellCall),
    LocalShellCallOutput(LocalShellCallOutput),
    ShellCall(ShellCall),
    ShellCallOutput(ShellCallOutput),
    ApplyPatchCall(ApplyPatchCall),
    ApplyPatchCallOutput(ApplyPatchCallOutput),
    McpCall(McpCall),
    McpListTools(McpListTools),
    McpApprovalRequest(McpApprovalRequest),
    McpApprovalResponse(McpApprovalResponse),
    AgentMessage(AgentMessage),
    MultiAgentCall(MultiAgentCall),
    MultiAgentCallOutput(MultiAgentCallOutput),
});

impl StoredItem {
    /// Returns the id of the item, if it has one.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Message(item) => item.id.as_deref(),
            Self::Reasoning(item) => item.id.as_deref(),
            Self::FunctionCall(item) => item.id.as_deref(),
            Self::FunctionCallOutput(item) => item.id.as_deref(),
            Self::CustomToolCall(item) => item.id.as_deref(),
            Self::CustomToolCallOutput(item) => item.id.as_deref(),
            Self::FileSearchCall(item) => item.id.as_deref(),
            Self::WebSearchCall(item) => item.id.as_deref(),
            Self::ComputerCall(item) => item.id.as_deref(),
            Self::ComputerCallOutput(item) => item.id.as_deref(),
            Self::Program(item) => item.id.as_deref(),
            Self::ProgramOutput(item) => item.id.as_deref(),
            Self::ToolSearchCall(item) => item.id.as_deref(),
            Self::ToolSearchOutput(item) => item.id.as_deref(),
            Self::AdditionalTools(item) => item.id.as_deref(),
            Self::Compaction(item) => item.id.as_deref(),
            Self::ContextCompaction(item) => item.id.as_deref(),
            Self::ImageGenerationCall(item) => item.id.as_deref(),
            Self::CodeInterpreterCall(item) => item.id.as_deref(),
            Self::LocalShellCall(item) => item.id.as_deref(),
            Self::ShellCall(item) => item.id.as_deref(),
            Self::ShellCallOutput(item) => item.id.as_deref(),
            Self::ApplyPatchCall(item) => item.id.as_deref(),
            Self::ApplyPatchCallOutput(item) => item.id.as_deref(),
            Self::McpCall(item) => item.id.as_deref(),
            Self::McpListTools(item) => item.id.as_deref(),
            Self::McpApprovalResponse(item) => item.id.as_deref(),
            Self::AgentMessage(item) => item.id.as_deref(),
            Self::MultiAgentCall(item) => item.id.as_deref(),
            Self::MultiAgentCallOutput(item) => item.id.as_deref(),
            Self::ConfigurationUpdate(item) => item.id.as_deref(),
            Self::LocalShellCallOutput(item) => Some(&item.id),
            Self::McpApprovalRequest(item) => Some(&item.id),
            Self::Unknown(_) => None,
        }
    }
}

from_variants!(StoredItem {
    Message(Message),
    Reasoning(ReasoningItem),
    FunctionCall(FunctionCall),
    FunctionCallOutput(FunctionCallOutput),
    CustomToolCall(CustomToolCall),
    CustomToolCallOutput(CustomToolCallOutput),
    FileSearchCall(FileSearchCall),
    WebSearchCall(WebSearchCall),
    ComputerCall(ComputerCall),
    ComputerCallOutput(ComputerCallOutput),
    Program(Program),
    ProgramOutput(ProgramOutput),
    ToolSearchCall(ToolSearchCall),
    ToolSearchOutput(ToolSearchOutput),
    AdditionalTools(AdditionalTools),
    Compaction(CompactionItem),
    ContextCompaction(ContextCompaction),
    ImageGenerationCall(Box<ImageGenerationCall>),
    CodeInterpreterCall(CodeInterpreterCall),
    LocalShellCall(LocalShellCall),
    LocalShellCallOutput(LocalShellCallOutput),
    ShellCall(ShellCall),
    ShellCallOutput(ShellCallOutput),
    ApplyPatchCall(ApplyPatchCall),
    ApplyPatchCallOutput(ApplyPatchCallOutput),
    McpCall(McpCall),
    McpListTools(McpListTools),
    McpApprovalRequest(McpApprovalRequest),
    McpApprovalResponse(McpApprovalResponse),
    AgentMessage(AgentMessage),
    MultiAgentCall(MultiAgentCall),
    MultiAgentCallOutput(MultiAgentCallOutput),
    ConfigurationUpdate(ConfigurationUpdate),
});

impl InputItem {
    /// Returns the id of the item, if it has one.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Message(item) => item.id.as_deref(),
            Self::Reasoning(item) => item.id.as_deref(),
            Self::FunctionCall(item) => item.id.as_deref(),
            Self::FunctionCallOutput(item) => item.id.as_deref(),
            Self::CustomToolCall(item) => item.id.as_deref(),
            Self::CustomToolCallOutput(item) => item.id.as_deref(),
            Self::FileSearchCall(item) => item.id.as_deref(),
            Self::WebSearchCall(item) => item.id.as_deref(),
            Self::ComputerCall(item) => item.id.as_deref(),
            Self::ComputerCallOutput(item) => item.id.as_deref(),
            Self::Program(item) => item.id.as_deref(),
            Self::ProgramOutput(item) => item.id.as_deref(),
            Self::ToolSearchCall(item) => item.id.as_deref(),
            Self::ToolSearchOutput(item) => item.id.as_deref(),
            Self::AdditionalTools(item) => item.id.as_deref(),
            Self::Compaction(item) => item.id.as_deref(),
            Self::ContextCompaction(item) => item.id.as_deref(),
            Self::ImageGenerationCall(item) => item.id.as_deref(),
            Self::CodeInterpreterCall(item) => item.id.as_deref(),
            Self::LocalShellCall(item) => item.id.as_deref(),
            Self::ShellCall(item) => item.id.as_deref(),
            Self::ShellCallOutput(item) => item.id.as_deref(),
            Self::ApplyPatchCall(item) => item.id.as_deref(),
            Self::ApplyPatchCallOutput(item) => item.id.as_deref(),
            Self::McpCall(item) => item.id.as_deref(),
            Self::McpListTools(item) => item.id.as_deref(),
            Self::McpApprovalResponse(item) => item.id.as_deref(),
            Self::AgentMessage(item) => item.id.as_deref(),
            Self::MultiAgentCall(item) => item.id.as_deref(),
            Self::MultiAgentCallOutput(item) => item.id.as_deref(),
            Self::ConfigurationUpdate(item) => item.id.as_deref(),
            Self::CompactionTrigger(item) => item.id.as_deref(),
            Self::LocalShellCallOutput(item) => Some(&item.id),
            Self::McpApprovalRequest(item) => Some(&item.id),
            Self::ItemReference(item) => Some(&item.id),
            Self::Unknown(_) => None,
        }
    }
}

from_variants!(InputItem {
    Message(Message),
    Reasoning(ReasoningItem),
    FunctionCall(FunctionCall),
    FunctionCallOutput(FunctionCallOutput),
    CustomToolCall(CustomToolCall),
    CustomToolCallOutput(CustomToolCallOutput),
    FileSearchCall(FileSearchCall),
    WebSearchCall(WebSearchCall),
    ComputerCall(ComputerCall),
    ComputerCallOutput(ComputerCallOutput),
    Program(Program),
    ProgramOutput(ProgramOutput),
    ToolSearchCall(ToolSearchCall),
    ToolSearchOutput(ToolSearchOutput),
    AdditionalTools(AdditionalTools),
    Compaction(CompactionItem),
    ContextCompaction(ContextCompaction),
    ImageGenerationCall(Box<ImageGenerationCall>),
    CodeInterpreterCall(CodeInterpreterCall),
    LocalShellCall(LocalShellCall),
    LocalShellCallOutput(LocalShellCallOutput),
    ShellCall(ShellCall),
    ShellCallOutput(ShellCallOutput),
    ApplyPatchCall(ApplyPatchCall),
    ApplyPatchCallOutput(ApplyPatchCallOutput),
    McpCall(McpCall),
    McpListTools(McpListTools),
    McpApprovalRequest(McpApprovalRequest),
    McpApprovalResponse(McpApprovalResponse),
    AgentMessage(AgentMessage),
    MultiAgentCall(MultiAgentCall),
    MultiAgentCallOutput(MultiAgentCallOutput),
    ConfigurationUpdate(ConfigurationUpdate),
    CompactionTrigger(CompactionTrigger),
    ItemReference(ItemReference),
});

/// Output becomes input unchanged: no field, id or status is dropped.
impl From<OutputItem> for InputItem {
    fn from(item: OutputItem) -> Self {
        match item {
            OutputItem::Message(value) => Self::Message(value.into()),
            OutputItem::Reasoning(value) => Self::Reasoning(value),
            OutputItem::FunctionCall(value) => Self::FunctionCall(value),
            OutputItem::FunctionCallOutput(value) => Self::FunctionCallOutput(value),
            OutputItem::CustomToolCall(value) => Self::CustomToolCall(value),
            OutputItem::CustomToolCallOutput(value) => Self::CustomToolCallOutput(value),
            OutputItem::FileSearchCall(value) => Self::FileSearchCall(value),
            OutputItem::WebSearchCall(value) => Self::WebSearchCall(value),
            OutputItem::ComputerCall(value) => Self::ComputerCall(value),
            OutputItem::ComputerCallOutput(value) => Self::ComputerCallOutput(value),
            OutputItem::Program(value) => Self::Program(value),
            OutputItem::ProgramOutput(value) => Self::ProgramOutput(value),
            OutputItem::ToolSearchCall(value) => Self::ToolSearchCall(value),
            OutputItem::ToolSearchOutput(value) => Self::ToolSearchOutput(value),
            OutputItem::AdditionalTools(value) => Self::AdditionalTools(value),
            OutputItem::Compaction(value) => Self::Compaction(value),
            OutputItem::ContextCompaction(value) => Self::ContextCompaction(value),
            OutputItem::ImageGenerationCall(value) => Self::ImageGenerationCall(value),
            OutputItem::CodeInterpreterCall(value) => Self::CodeInterpreterCall(value),
            OutputItem::LocalShellCall(value) => Self::LocalShellCall(value),
            OutputItem::LocalShellCallOutput(value) => Self::LocalShellCallOutput(value),
            OutputItem::ShellCall(value) => Self::ShellCall(value),
            OutputItem::ShellCallOutput(value) => Self::ShellCallOutput(value),
            OutputItem::ApplyPatchCall(value) => Self::ApplyPatchCall(value),
            OutputItem::ApplyPatchCallOutput(value) => Self::ApplyPatchCallOutput(value),
            OutputItem::McpCall(value) => Self::McpCall(value),
            OutputItem::McpListTools(value) => Self::McpListTools(value),
            OutputItem::McpApprovalRequest(value) => Self::McpApprovalRequest(value),
            OutputItem::McpApprovalResponse(value) => Self::McpApprovalResponse(value),
            OutputItem::AgentMessage(value) => Self::AgentMessage(value),
            OutputItem::MultiAgentCall(value) => Self::MultiAgentCall(value),
            OutputItem::MultiAgentCallOutput(value) => Self::MultiAgentCallOutput(value),
            OutputItem::Unknown(value) => Self::Unknown(value),
        }
    }
}

/// A stored item can be used as input.
impl From<StoredItem> for InputItem {
    fn from(item: StoredItem) -> Self {
        match item {
            StoredItem::Message(value) => Self::Message(value),
            StoredItem::Reasoning(value) => Self::Reasoning(value),
            StoredItem::FunctionCall(value) => Self::FunctionCall(value),
            StoredItem::FunctionCallOutput(value) => Self::FunctionCallOutput(value),
            StoredItem::CustomToolCall(value) => Self::CustomToolCall(value),
            StoredItem::CustomToolCallOutput(value) => Self::CustomToolCallOutput(value),
            StoredItem::FileSearchCall(value) => Self::FileSearchCall(value),
            StoredItem::WebSearchCall(value) => Self::WebSearchCall(value),
            StoredItem::ComputerCall(value) => Self::ComputerCall(value),
            StoredItem::ComputerCallOutput(value) => Self::ComputerCallOutput(value),
            StoredItem::Program(value) => Self::Program(value),
            StoredItem::ProgramOutput(value) => Self::ProgramOutput(value),
            StoredItem::ToolSearchCall(value) => Self::ToolSearchCall(value),
            StoredItem::ToolSearchOutput(value) => Self::ToolSearchOutput(value),
            StoredItem::AdditionalTools(value) => Self::AdditionalTools(value),
            StoredItem::Compaction(value) => Self::Compaction(value),
            StoredItem::ContextCompaction(value) => Self::ContextCompaction(value),
            StoredItem::ImageGenerationCall(value) => Self::ImageGenerationCall(value),
            StoredItem::CodeInterpreterCall(value) => Self::CodeInterpreterCall(value),
            StoredItem::LocalShellCall(value) => Self::LocalShellCall(value),
            StoredItem::LocalShellCallOutput(value) => Self::LocalShellCallOutput(value),
            StoredItem::ShellCall(value) => Self::ShellCall(value),
            StoredItem::ShellCallOutput(value) => Self::ShellCallOutput(value),
            StoredItem::ApplyPatchCall(value) => Self::ApplyPatchCall(value),
            StoredItem::ApplyPatchCallOutput(value) => Self::ApplyPatchCallOutput(value),
            StoredItem::McpCall(value) => Self::McpCall(value),
            StoredItem::McpListTools(value) => Self::McpListTools(value),
            StoredItem::McpApprovalRequest(value) => Self::McpApprovalRequest(value),
            StoredItem::McpApprovalResponse(value) => Self::McpApprovalResponse(value),
            StoredItem::AgentMessage(value) => Self::AgentMessage(value),
            StoredItem::MultiAgentCall(value) => Self::MultiAgentCall(value),
            StoredItem::MultiAgentCallOutput(value) => Self::MultiAgentCallOutput(value),
            StoredItem::ConfigurationUpdate(value) => Self::ConfigurationUpdate(value),
            StoredItem::Unknown(value) => Self::Unknown(value),
        }
    }
}

impl From<OutputMessage> for Message {
    fn from(message: OutputMessage) -> Self {
        let mut converted = Self {
            role: message.role,
            content: MessageContent::Parts(message.content.into_iter().map(Into::into).collect()),
            id: message.id,
            status: (message.status != ItemStatus::default()).then_some(message.status),
            phase: message.phase,
            ..Self::default()
        };
        converted.extra.adopt(message.extra);
        // The content of a response is a list; the service also accepts plain text, and returns it
        // in compacted conversations.
        if let Some(content) = converted.extra.remove("content") {
            replay(&mut converted, "content".into(), content);
        }
        converted
    }
}

impl From<OutputMessage> for InputItem {
    fn from(message: OutputMessage) -> Self {
        Self::Message(message.into())
    }
}

impl From<&str> for InputItem {
    /// Creates a message of the user.
    fn from(text: &str) -> Self {
        Self::Message(Message::user(text))
    }
}

impl From<String> for InputItem {
    /// Creates a message of the user.
    fn from(text: String) -> Self {
        Self::Message(Message::user(text))
    }
}

/// Returns the kind of an input item without `type`.
fn untyped_kind(keys: &[(Box<str>, RawJson)]) -> Option<&'static str> {
    if keys.iter().any(|(name, _)| **name == *"role") {
        return Some("message");
    }
    let has_only_id = keys.iter().any(|(name, _)| **name == *"id") && keys.len() == 1;
    has_only_id.then_some("item_reference")
}

impl From<OutputPart> for InputPart {
    fn from(part: OutputPart) -> Self {
        match part {
            OutputPart::Text(part) => Self::OutputText(part),
            OutputPart::Refusal(part) => Self::Refusal(part),
            OutputPart::ReasoningText(part) => Self::ReasoningText(part),
            OutputPart::PlainText(part) => Self::PlainText(part),
            OutputPart::SummaryText(part) => Self::SummaryText(part),
            OutputPart::Unknown(part) => Self::Unknown(part),
        }
    }
}
