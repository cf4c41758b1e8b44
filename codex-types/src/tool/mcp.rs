//! The tools of servers with the Model Context Protocol (MCP).

use alloc::string::String;
use alloc::vec::Vec;

use crate::tool::ToolCaller;
use crate::wire::either::either;
use crate::wire::encode::{Encode, Encoder, serialize_by_encode};
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::wire::read::{Seen, Wire};
use crate::wire::source::{Elements, Failed, Fields};
use crate::{Map, Secret};

object! {
    /// The tools of an MCP server: one of `server_url`, `connector_id` and `tunnel_id`.
    pub struct McpServerTool tag "mcp" {
        required {
            /// The label of the server in calls.
            server_label: String,
        }
        optional {
            /// The URL of the server.
            server_url: String,
            /// A connector that the service provides, such as `connector_gmail`.
            connector_id: String,
            /// The id of a tunnel to a server that is not public.
            tunnel_id: String,
            /// The purpose of the server, for the model.
            server_description: String,
            /// The access token for the server.
            authorization: Secret,
            /// Headers for the server.
            headers: Map<Secret>,
            /// The tools that may be called.
            allowed_tools: AllowedMcpTools,
            /// The tools whose calls require approval.
            require_approval: RequireApproval,
            /// Whether the tools are deferred until a tool search finds them.
            defer_loading = bool,
            /// The callers that may use the tools.
            allowed_callers: Vec<ToolCaller>,
        }
    }
}

/// The allowed tools of an MCP server: a list of names or a filter.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AllowedMcpTools {
    /// The names of the tools.
    Names(Vec<String>),
    /// A filter.
    Filter(McpToolFilter),
    /// A form that this version does not know, kept verbatim.
    Unknown(crate::RawJson),
}

impl Default for AllowedMcpTools {
    /// Returns the value `null`.
    fn default() -> Self {
        Self::Unknown(crate::RawJson::default())
    }
}

impl Wire for AllowedMcpTools {
    fn read_list(&mut self, elements: &mut dyn Elements) -> Result<Seen, Failed> {
        let mut names = Vec::<String>::new();
        let seen = names.read_list(elements)?;
        *self = Self::Names(names);
        Ok(seen)
    }

    fn read_object(&mut self, fields: &mut dyn Fields) -> Result<Seen, Failed> {
        let mut filter = McpToolFilter::default();
        let seen = filter.read_object(fields)?;
        *self = Self::Filter(filter);
        Ok(seen)
    }

    fn absorb(&mut self, raw: crate::RawJson) -> Result<(), crate::RawJson> {
        *self = Self::Unknown(raw);
        Ok(())
    }
}

impl crate::HeapSize for AllowedMcpTools {
    fn heap_size(&self) -> usize {
        match self {
            Self::Names(names) => names.heap_size(),
            Self::Filter(filter) => filter.heap_size(),
            Self::Unknown(raw) => raw.heap_size(),
        }
    }
}

impl Encode for AllowedMcpTools {
    fn encode(&self, encoder: &mut dyn Encoder) -> Result<(), Failed> {
        match self {
            Self::Names(names) => names.encode(encoder),
            Self::Filter(filter) => filter.encode(encoder),
            Self::Unknown(raw) => raw.encode(encoder),
        }
    }
}

serialize_by_encode!(AllowedMcpTools);

impl From<Vec<String>> for AllowedMcpTools {
    fn from(names: Vec<String>) -> Self {
        Self::Names(names)
    }
}

impl From<McpToolFilter> for AllowedMcpTools {
    fn from(filter: McpToolFilter) -> Self {
        Self::Filter(filter)
    }
}

object! {
    /// A filter on MCP tools.
    pub struct McpToolFilter {
        required {}
        optional {
            /// Whether only read-only tools match.
            read_only = bool,
            /// The names of the tools that match.
            tool_names: Vec<String>,
        }
    }
}

either! {
    /// The tools of an MCP server whose calls require approval.
    pub enum RequireApproval {
        /// All tools, or none.
        text Policy(ApprovalPolicy),
        /// Some tools.
        other Filter(ApprovalFilter),
    }
}

open_enum! {
    /// The rule for whether calls of MCP tools require approval.
    pub enum ApprovalPolicy {
        /// Every call does.
        Always = "always",
        /// No call does.
        Never = "never",
    }
}

object! {
    /// A filter of the MCP tools that always require approval, and of those that never do.
    pub struct ApprovalFilter {
        required {}
        optional {
            /// The tools that always require approval.
            always: McpToolFilter,
            /// The tools that never require approval.
            never: McpToolFilter,
        }
    }
}
