//! Requests to the service.

mod breakpoint;
mod create;
mod format;
mod options;
mod others;
mod prepared;
mod turn;

pub use create::{CreateResponse, Input, Streaming};
pub use format::{JsonObjectFormat, JsonSchemaFormat, PlainTextFormat, TextConfig, TextFormat};
pub use options::{
    AccessPrograms, ConfigurationReasoning, ContextManagement, Conversation, ConversationReference,
    CyberAccess, Effort, ImageContext, ImageContextCompression, Include, Moderation,
    ModerationDirection, ModerationMode, ModerationPolicy, Prompt, PromptCacheMode,
    PromptCacheOptions, PromptCacheRetention, PromptVariable, Reasoning, ReasoningContext,
    ReasoningMode, ReasoningSummary, ReasoningSummaryDelivery, ServiceTier, StreamOptions,
    Truncation, Verbosity,
};
pub use others::{
    ClientEvent, CompactRequest, InputTokensRequest, InterruptResponse, Personality, SteerResponse,
};
pub(crate) use prepared::Node as PreparedNode;
pub use prepared::PreparedInput;
pub use turn::{RequestKind, TurnCompaction, TurnMetadata, Workspace};
