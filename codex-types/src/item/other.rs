//! Reasoning, remote tool servers, compaction and the rest.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::RawJson;
use crate::item::{ItemStatus, Role};
use crate::part::{InputPart, OutputPart, ReasoningPart, SummaryPart};
use crate::request::{Effort, TextFormat};
use crate::tool::Tool;
use crate::wire::either::either;
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::wire::tagged::{from_variants, tagged};

object! {
    /// What the model thought: API object `ResponseReasoningItem`.
    ///
    /// When nothing is stored, the item has to be sent back whole and in its place, or the service
    /// refuses what follows it. `encrypted_content` is opaque.
    pub struct ReasoningItem tag "reasoning" {
        required {
            /// Its summary; empty unless the request asked for one.
            summary: Vec<SummaryPart>,
        }
        optional {
            /// Names the item.
            id: String,
            /// What it thought in its own words, where the service tells.
            content: Vec<ReasoningPart>,
            /// What it thought, for the service only; only if `include` asked for it.
            encrypted_content: String,
            /// How far the item has come.
            status: ItemStatus,
        }
    }
}

object! {
    /// A tool of a remote server was called: API object `McpCall`.
    pub struct McpCall tag "mcp_call" {
        required {
            /// The server.
            server_label: String,
            /// The tool.
            name: String,
            /// Its arguments: JSON as text.
            arguments: String,
        }
        optional {
            /// Names the item.
            id: String,
            /// The approval the call waited for.
            approval_request_id: String,
            /// What the tool gave back.
            output: String,
            /// What went wrong.
            error: Box<McpCallError>,
            /// How far the call has come.
            status: ItemStatus,
        }
    }
}

either! {
    /// Why the call of a remote tool failed: text from older services, else an object.
    pub enum McpCallError {
        /// Text.
        text Text(String),
        /// An object.
        other Detailed(McpError),
    }
}

tagged! {
    /// Why the call of a remote tool failed.
    pub enum McpError {
        /// The server broke the protocol.
        "mcp_protocol_error" => Protocol(McpProtocolError),
        /// The tool failed.
        "mcp_tool_execution_error" => ToolExecution(McpToolExecutionError),
        /// The server answered with an HTTP error.
        "http_error" => Http(McpHttpError),
    }
}

from_variants!(McpError {
    Protocol(McpProtocolError),
    ToolExecution(McpToolExecutionError),
    Http(McpHttpError),
});

object! {
    /// A remote tool server broke the protocol.
    pub struct McpProtocolError tag "mcp_protocol_error" {
        required {
            /// The code of the protocol.
            code = i64,
            /// What happened.
            message: String,
        }
    }
}

object! {
    /// A remote tool failed.
    pub struct McpToolExecutionError tag "mcp_tool_execution_error" {
        required {
            /// What the tool said.
            content: RawJson,
        }
    }
}

object! {
    /// A remote tool server answered with an HTTP error.
    pub struct McpHttpError tag "http_error" {
        required {
            /// The status.
            code = i64,
            /// What happened.
            message: String,
        }
    }
}

object! {
    /// The tools of a remote server: API object `McpListTools`.
    pub struct McpListTools tag "mcp_list_tools" {
        required {
            /// The server.
            server_label: String,
            /// Its tools.
            tools: Vec<McpTool>,
        }
        optional {
            /// Names the item.
            id: String,
            /// Why they could not be listed.
            error: String,
        }
    }
}

object! {
    /// A tool of a remote server.
    pub struct McpTool {
        required {
            /// The tool.
            name: String,
            /// The JSON schema of its arguments.
            input_schema: RawJson,
        }
        optional {
            /// What it does.
            description: String,
            /// What else the server says about it.
            annotations: RawJson,
        }
    }
}

object! {
    /// A remote tool may be called only after somebody agrees: API object `McpApprovalRequest`.
    pub struct McpApprovalRequest tag "mcp_approval_request" {
        required {
            /// Names the request.
            id: String,
            /// The server.
            server_label: String,
            /// The tool.
            name: String,
            /// Its arguments: JSON as text.
            arguments: String,
        }
    }
}

impl McpApprovalRequest {
    /// The answer to this request.
    pub fn respond(&self, approve: bool) -> McpApprovalResponse {
        McpApprovalResponse::new(self.id.as_str(), approve)
    }
}

object! {
    /// Whether a remote tool may be called: API object `McpApprovalResponse`.
    pub struct McpApprovalResponse tag "mcp_approval_response" {
        required {
            /// The request this answers.
            approval_request_id: String,
            /// Yes or no.
            approve = bool,
        }
        optional {
            /// Names the item.
            id: String,
            /// Why.
            reason: String,
        }
    }
}

object! {
    /// Tools that become available in the middle of a conversation: API object `AdditionalTools`.
    pub struct AdditionalTools tag "additional_tools" {
        required {
            /// On whose behalf.
            role: Role,
            /// The tools.
            tools: Vec<Tool>,
        }
        optional {
            /// Names the item.
            id: String,
        }
    }
}

object! {
    /// Stands for a part of the conversation that was made shorter: API object
    /// `ResponseCompactionItem`.
    pub struct CompactionItem tag "compaction" {
        required {
            /// What it stands for, for the service only.
            encrypted_content: String,
        }
        optional {
            /// Names the item.
            id: String,
            /// Who made the item.
            created_by: String,
        }
    }
}

object! {
    /// The same from the ChatGPT backend, for context.
    pub struct ContextCompaction tag "context_compaction" {
        required {}
        optional {
            /// What it stands for, for the service only.
            encrypted_content: String,
            /// Names the item.
            id: String,
        }
    }
}

object! {
    /// Asks for the conversation to be made shorter; the last item of a request: API object
    /// `CompactionTrigger`.
    pub struct CompactionTrigger tag "compaction_trigger" {
        required {}
        optional {
            /// Names the item.
            id: String,
        }
    }
}

object! {
    /// Stands for an item the service has stored: API object `ItemReference`.
    ///
    /// `type` may be missing in what is read; it is then missing in what is written.
    pub struct ItemReference tag "item_reference" {
        required {
            /// The item.
            id: String,
        }
    }
}

object! {
    /// Changes settings in the middle of a conversation: API object
    /// `ResponseConfigurationUpdateItem`.
    pub struct ConfigurationUpdate tag "configuration_update" {
        required {}
        optional {
            /// Names the item.
            id: String,
            /// How much to think from here on.
            reasoning: ConfigurationReasoning,
            /// In what form to answer from here on.
            text: Box<ConfigurationText>,
        }
    }
}

object! {
    /// How much to think from here on.
    pub struct ConfigurationReasoning {
        required {}
        optional {
            /// How much.
            effort: Effort,
        }
    }
}

object! {
    /// In what form to answer from here on.
    pub struct ConfigurationText {
        required {}
        optional {
            /// The form.
            format: TextFormat,
        }
    }
}

object! {
    /// A message between models that work together: the ChatGPT backend and the beta API.
    pub struct AgentMessage tag "agent_message" {
        required {
            /// Who writes.
            author: String,
            /// Who is meant to read.
            recipient: String,
            /// What is said: text, or content only the service can read.
            content: Vec<InputPart>,
        }
        optional {
            /// Names the item.
            id: String,
            /// The model the item belongs to.
            agent: Agent,
        }
    }
}

object! {
    /// A model that works together with others: the beta API.
    pub struct Agent {
        required {
            /// What it is called.
            agent_name: String,
        }
    }
}

object! {
    /// A model asks for something to be done with other models: the beta API.
    pub struct MultiAgentCall tag "multi_agent_call" {
        required {
            /// Pairs the call with its output.
            call_id: String,
            /// What to do.
            action: MultiAgentAction,
            /// Its arguments: JSON as text.
            arguments: String,
        }
        optional {
            /// Names the item.
            id: String,
            /// The model the item belongs to.
            agent: Agent,
        }
    }
}

object! {
    /// What came of a [`MultiAgentCall`]: the beta API.
    pub struct MultiAgentCallOutput tag "multi_agent_call_output" {
        required {
            /// The call this answers.
            call_id: String,
            /// What was done.
            action: MultiAgentAction,
            /// What came of it.
            output: Vec<OutputPart>,
        }
        optional {
            /// Names the item.
            id: String,
            /// The model the item belongs to.
            agent: Agent,
        }
    }
}

open_enum! {
    /// What can be done with other models.
    pub enum MultiAgentAction {
        /// Start one.
        SpawnAgent = "spawn_agent",
        /// Interrupt one.
        InterruptAgent = "interrupt_agent",
        /// List them.
        ListAgents = "list_agents",
        /// Tell one something.
        SendMessage = "send_message",
        /// Give one more to do.
        FollowupTask = "followup_task",
        /// Wait for one.
        WaitAgent = "wait_agent",
    }
}
