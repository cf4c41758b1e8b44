//! The translation between Chat Completions and Responses.
//!
//! | from | to | by |
//! |---|---|---|
//! | chat request | Responses request | [`to_responses_request`] |
//! | response | chat completion | [`to_chat_response`] |
//! | Responses request | chat request | [`to_chat_request`] |
//! | chat completion | response | [`to_response`] |
//!
//! The crate `codex-sse` translates streams, with its feature `chat`.
//!
//! The first two serve a chat front end over a Responses backend, the others a Responses front end
//! over a chat-only server. Each is a function of its input: no clock, no random ids.
//!
//! A parameter without a counterpart is refused by name, never dropped silently; neutral values,
//! such as `n` of one, are accepted. A failed response becomes an error, never a completion that
//! looks finished.

mod answer;
mod back_answer;
mod back_history;
mod back_order;
mod back_request;
mod back_tools;
mod error;
mod fields;
mod history;
mod options;
mod repeat;
mod request;
mod tool_names;
mod usage;

pub use answer::{chat_error_body, citation, failure, to_chat_response};
pub use back_answer::{begin_response, end_response, to_response};
pub use back_request::{TranslatedChatRequest, to_chat_request};
pub use error::{TranslateError, TranslateErrorKind};
pub use options::{AnswerOptions, Commentary, ReasoningShown, RequestOptions, SystemMessages};
pub use repeat::repeat_request;
pub use request::{TranslatedRequest, to_responses_request};
pub use tool_names::{EmulatedTool, OfferedTool, ToolNames};
