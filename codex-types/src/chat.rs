//! Chat Completions: types, and the translation between it and Responses.
//!
//! The types follow the rules of the rest of this crate: reading loses nothing, and unknown data is
//! kept. [`translate`] converts requests, responses and streams in both directions, and refuses by
//! name what has no counterpart.

mod chunk;
mod ending;
mod fast;
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
pub use fast::ChatTextRef;
pub use message::{
    ChatAnnotation, ChatAudioPart, ChatAudioReference, ChatContent, ChatFile, ChatFilePart,
    ChatImagePart, ChatImageUrl, ChatMessage, ChatPart, ChatRefusalPart, ChatRole, ChatTextPart,
    ChatUrlAnnotation, ChatUrlCitation,
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
    ChatCustomFormat, ChatCustomInput, ChatCustomTool, ChatFunction, ChatFunctionArguments,
    ChatFunctionCall, ChatFunctionCallMode, ChatFunctionCallOption, ChatFunctionChoice,
    ChatFunctionName, ChatFunctionTool, ChatGrammar, ChatGrammarFormat, ChatTextToolFormat,
    ChatTool, ChatToolCall, ChatToolChoice, ChatToolChoiceTarget,
};
