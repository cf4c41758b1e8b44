//! Reasoning, MCP servers, compaction and other items.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::RawJson;
use crate::item::{ItemStatus, Role};
use crate::part::{InputPart, OutputPart, ReasoningPart, SummaryPart};
use crate::request::{ConfigurationReasoning, TextFormat};
use crate::tool::Tool;
use crate::wire::either::either;
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::wire::tagged::tagged;

object! {
    /// The reasoning of the model: API object `ResponseReasoningItem`.
    ///
    /// If nothing is stored, the item must be sent back whole and at its position, or the service
    /// refuses the items after it. `encrypted_content` is opaque.
    pub struct ReasoningItem tag "reasoning" {
        required {
            /// The summary; empty unless requested.
            summary: Vec<SummaryPart>,
        }
        optional {
            /// The item's id.
            id: String,
            /// The reasoning text, if the service returns it.
            content: Vec<ReasoningPart>,
            /// The encrypted reasoning; only if `include` requested it.
            encrypted_content: String,
            /// The status of the item.
            status: ItemStatus,
        }
    }
}

object! {
    /// An MCP tool call: API object `McpCall`.
    pub struct McpCall tag "mcp_call" {
        required {
            /// The label of the server.
            server_label: String,
            /// The name of the tool.
            name: String,
            /// The arguments, JSON as text.
            arguments: String,
        }
        optional {
            /// The item's id.
            id: String,
            /// The id of the approval request that preceded the call.
            approval_request_id: String,
            /// The output of the tool.
            output: String,
            /// The error.
            error: Box<McpCallError>,
            /// The status of the call.
            status: ItemStatus,
        }
    }
}

either! {
    /// The error of a failed MCP tool call: text from older services, else an object.
    pub enum McpCallError {
        /// Text.
        text Text(String),
        /// An object.
        other Detailed(McpError),
    }
}

tagged! {
    /// The error of a failed MCP tool call.
    pub enum McpError {
        /// The server violated the protocol.
        "mcp_protocol_error" => Protocol(McpProtocolError),
        /// The tool failed.
        "mcp_tool_execution_error" => ToolExecution(McpToolExecutionError),
        /// The server responded with an HTTP error.
        "http_error" => Http(McpHttpError),
    }
}

object! {
    /// A violation of the protocol by an MCP server.
    pub struct McpProtocolError tag "mcp_protocol_error" {
        required {
            /// The error code of the protocol.
            code = i64,
            /// The message.
            message: String,
        }
    }
}

object! {
    /// A failure of an MCP tool.
    pub struct McpToolExecutionError tag "mcp_tool_execution_error" {
        required {
            /// The content that the tool returned.
            content: RawJson,
        }
    }
}

object! {
    /// An HTTP error of an MCP server.
    pub struct McpHttpError tag "http_error" {
        required {
            /// The HTTP status.
            code = i64,
            /// The message.
            message: String,
        }
    }
}

object! {
    /// The tools of an MCP server: API object `McpListTools`.
    pub struct McpListTools tag "mcp_list_tools" {
        required {
            /// The label of the server.
            server_label: String,
            /// The tools.
            tools: Vec<McpTool>,
        }
        optional {
            /// The item's id.
            id: String,
            /// The error that prevented the listing.
            error: String,
        }
    }
}

object! {
    /// A tool of an MCP server.
    pub struct McpTool {
        required {
            /// The name of the tool.
            name: String,
            /// The JSON schema of the arguments.
            input_schema: RawJson,
        }
        optional {
            /// The description of the tool.
            description: String,
            /// The annotations of the server.
            annotations: RawJson,
        }
    }
}

object! {
    /// A request for approval of an MCP tool call: API object `McpApprovalRequest`.
    pub struct McpApprovalRequest tag "mcp_approval_request" {
        required {
            /// The id of the request.
            id: String,
            /// The label of the server.
            server_label: String,
            /// The name of the tool.
            name: String,
            /// The arguments, JSON as text.
            arguments: String,
        }
    }
}

impl McpApprovalRequest {
    /// Creates the response to this request.
    pub fn respond(&self, approve: bool) -> McpApprovalResponse {
        McpApprovalResponse::new(self.id.as_str(), approve)
    }
}

object! {
    /// The approval or denial of an MCP tool call: API object `McpApprovalResponse`.
    pub struct McpApprovalResponse tag "mcp_approval_response" {
        required {
            /// The id of the request.
            approval_request_id: String,
            /// Whether the call is approved.
            approve = bool,
        }
        optional {
            /// The item's id.
            id: String,
            /// The reason.
            reason: String,
        }
    }
}

object! {
    /// A list of tools that become available during a conversation: API object `AdditionalTools`.
    pub struct AdditionalTools tag "additional_tools" {
        required {
            /// The role on whose behalf the tools are added.
            role: Role,
            /// The tools.
            tools: Vec<Tool>,
        }
        optional {
            /// The item's id.
            id: String,
        }
    }
}

object! {
    /// A compaction item, which replaces the earlier items of a conversation: API object
    /// `ResponseCompactionItem`.
    pub struct CompactionItem tag "compaction" {
        required {
            /// The encrypted content, which only the service reads.
            encrypted_content: String,
        }
        optional {
            /// The item's id.
            id: String,
            /// The agent that created the item.
            created_by: String,
        }
    }
}

object! {
    /// The compaction item of the ChatGPT backend for context management.
    pub struct ContextCompaction tag "context_compaction" {
        required {}
        optional {
            /// The encrypted content, which only the service reads.
            encrypted_content: String,
            /// The item's id.
            id: String,
        }
    }
}

object! {
    /// A request to compact the conversation; the last item of a request: API object
    /// `CompactionTrigger`.
    pub struct CompactionTrigger tag "compaction_trigger" {
        required {}
        optional {
            /// The item's id.
            id: String,
        }
    }
}

object! {
    /// A reference to an item that the service has stored: API object `ItemReference`.
    ///
    /// An input without `type` is written without it.
    pub struct ItemReference tag "item_reference" {
        required {
            /// The id of the item.
            id: String,
        }
    }
}

object! {
    /// A change of settings during the conversation: API object `ResponseConfigurationUpdateItem`.
    pub struct ConfigurationUpdate tag "configuration_update" {
        required {}
        optional {
            /// The item's id.
            id: String,
            /// The reasoning effort from here on.
            reasoning: ConfigurationReasoning,
            /// The format of responses from here on.
            text: Box<ConfigurationText>,
        }
    }
}

object! {
    /// The format of responses from here on.
    pub struct ConfigurationText {
        required {}
        optional {
            /// The format.
            format: TextFormat,
        }
    }
}

object! {
    /// A message between cooperating agents (ChatGPT backend and beta API).
    pub struct AgentMessage tag "agent_message" {
        required {
            /// The agent that wrote it.
            author: String,
            /// The agent that it is for.
            recipient: String,
            /// The content: text, or content that only the service can read.
            content: Vec<InputPart>,
        }
        optional {
            /// The item's id.
            id: String,
            /// The agent that the item belongs to.
            agent: Agent,
        }
    }
}

object! {
    /// A cooperating agent (beta API).
    pub struct Agent {
        required {
            /// The name of the agent.
            agent_name: String,
        }
    }
}

object! {
    /// A call that acts on other agents (beta API).
    pub struct MultiAgentCall tag "multi_agent_call" {
        required {
            /// The id that pairs the call with its output.
            call_id: String,
            /// The action.
            action: MultiAgentAction,
            /// The arguments, JSON as text.
            arguments: String,
        }
        optional {
            /// The item's id.
            id: String,
            /// The agent that the item belongs to.
            agent: Agent,
        }
    }
}

object! {
    /// The output of a [`MultiAgentCall`] (beta API).
    pub struct MultiAgentCallOutput tag "multi_agent_call_output" {
        required {
            /// The id of the call.
            call_id: String,
            /// The action.
            action: MultiAgentAction,
            /// The output.
            output: Vec<OutputPart>,
        }
        optional {
            /// The item's id.
            id: String,
            /// The agent that the item belongs to.
            agent: Agent,
        }
    }
}

open_enum! {
    /// An action on other agents.
    pub enum MultiAgentAction {
        /// Start an agent.
        SpawnAgent = "spawn_agent",
        /// Interrupt an agent.
        InterruptAgent = "interrupt_agent",
        /// List the agents.
        ListAgents = "list_agents",
        /// Send a message to an agent.
        SendMessage = "send_message",
        /// Give an agent a follow-up task.
        FollowupTask = "followup_task",
        /// Wait for an agent.
        WaitAgent = "wait_agent",
    }
}
