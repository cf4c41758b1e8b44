//! Chat Completions: its types, and the mapping between it and Responses.
//!
//! The types follow the same rules as the rest of this crate: nothing that is read is lost, and what
//! this version does not know is kept. [`translate`] maps requests, responses and streams in both
//! directions, and says no by name where something has no counterpart.

mod chunk;
mod ending;
mod message;
mod reasoning;
mod request;
mod response;
mod tolerant;
mod tool;
pub mod translate;

pub use chunk::{
    ChatChunk, ChatChunkChoice, ChatCustomDelta, ChatDelta, ChatFunctionDelta, ChatToolCallDelta,
    ChatToolCallKind,
};
pub use ending::ChatEnding;
pub use message::{
    ChatAnnotation, ChatAudioPart, ChatAudioReference, ChatContent, ChatFile, ChatFilePart,
    ChatFunctionArguments, ChatImagePart, ChatImageUrl, ChatMessage, ChatPart, ChatRefusalPart,
    ChatRole, ChatTextPart, ChatUrlAnnotation, ChatUrlCitation,
};
pub use reasoning::ChatReasoning;
pub use request::{
    ChatJsonObjectFormat, ChatJsonSchema, ChatJsonSchemaFormat, ChatModality, ChatRequest,
    ChatResponseFormat, ChatStop, ChatStreamOptions, ChatTextFormat, ChatUserLocation,
    ChatWebSearchOptions,
};
pub use response::{
    ChatChoice, ChatCompletionTokensDetails, ChatLogprobs, ChatPromptTokensDetails, ChatResponse,
    ChatUsage, FinishReason,
};
pub use tolerant::{ChatPiece, invented_call_id};
pub use tool::{
    ChatAllowedTools, ChatAllowedToolsChoice, ChatCustom, ChatCustomCall, ChatCustomChoice,
    ChatCustomFormat, ChatCustomInput, ChatCustomTool, ChatFunction, ChatFunctionCall,
    ChatFunctionCallMode, ChatFunctionCallOption, ChatFunctionChoice, ChatFunctionName,
    ChatFunctionTool, ChatGrammar, ChatGrammarFormat, ChatTextToolFormat, ChatTool, ChatToolCall,
    ChatToolChoice, ChatToolChoiceTarget,
};
