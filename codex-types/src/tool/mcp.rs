//! The tools of remote servers that speak the Model Context Protocol.

use alloc::string::String;
use alloc::vec::Vec;

use crate::tool::ToolCaller;
use crate::wire::either::either;
use crate::wire::encode::{Encode, Encoder, serialize_by_encode};
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::wire::source::{Elements, Failed, Fields};
use crate::wire::{Slot, Wire};
use crate::{Map, Secret};

object! {
    /// The tools of a remote server: one of `server_url`, `connector_id` and `tunnel_id`.
    pub struct McpServerTool tag "mcp" {
        required {
            /// What the server is called in calls.
            server_label: String,
        }
        optional {
            /// Where the server is.
            server_url: String,
            /// A server that the service knows, such as `connector_gmail`.
            connector_id: String,
            /// A tunnel to a server that is not public.
            tunnel_id: String,
            /// What the server is for, for the model.
            server_description: String,
            /// The access token for the server.
            authorization: Secret,
            /// Headers for the server.
            headers: Map<Secret>,
            /// Which of its tools may be used.
            allowed_tools: AllowedMcpTools,
            /// Which of its tools need somebody's agreement.
            require_approval: RequireApproval,
            /// Whether its tools are left out until a tool search finds them.
            defer_loading = bool,
            /// What may call them.
            allowed_callers: Vec<ToolCaller>,
        }
    }
}

/// Which tools of a remote server may be used: a list of names or a filter.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AllowedMcpTools {
    /// These.
    Names(Vec<String>),
    /// Those that pass.
    Filter(McpToolFilter),
    /// A form this version does not know, kept whole.
    Unknown(crate::RawJson),
}

impl Wire for AllowedMcpTools {
    fn from_list(elements: &mut dyn Elements) -> Result<Slot<Self>, Failed> {
        Ok(Vec::<String>::from_list(elements)?.map(Self::Names))
    }

    fn from_object(fields: &mut dyn Fields) -> Result<Slot<Self>, Failed> {
        Ok(McpToolFilter::from_object(fields)?.map(Self::Filter))
    }

    fn absorb(raw: crate::RawJson) -> Result<Self, crate::RawJson> {
        Ok(Self::Unknown(raw))
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
    /// A choice of tools.
    pub struct McpToolFilter {
        required {}
        optional {
            /// Only tools that change nothing.
            read_only = bool,
            /// Only these.
            tool_names: Vec<String>,
        }
    }
}

either! {
    /// Which tools of a remote server need somebody's agreement.
    pub enum RequireApproval {
        /// All or none.
        text Policy(ApprovalPolicy),
        /// Some.
        other Filter(ApprovalFilter),
    }
}

open_enum! {
    /// Whether agreement is needed.
    pub enum ApprovalPolicy {
        /// For every call.
        Always = "always",
        /// For none.
        Never = "never",
    }
}

object! {
    /// Which tools need agreement and which do not.
    pub struct ApprovalFilter {
        required {}
        optional {
            /// These do.
            always: McpToolFilter,
            /// These do not.
            never: McpToolFilter,
        }
    }
}
