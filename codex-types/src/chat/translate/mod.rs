//! The mapping between Chat Completions and Responses.
//!
//! | from | to | by |
//! |---|---|---|
//! | chat request | Responses request | [`to_responses_request`] |
//! | response | chat completion | [`to_chat_response`] |
//! | events | chunks | [`ToChatChunks`] |
//! | Responses request | chat request | [`to_chat_request`] |
//! | chat completion | response | [`to_response`] |
//! | chunks | events | [`ToResponseEvents`] |
//!
//! The first three put a chat front before a Responses service, the others a Responses front before
//! a server that knows only chat. All of it is a function of its input: no clock, no random ids.
//!
//! What has no counterpart is refused with the name of the parameter, never dropped in silence;
//! neutral values, such as `n` of one, pass. A failed response becomes an error, never an answer that
//! looks finished.

mod answer;
mod back_answer;
mod back_history;
mod back_request;
mod back_stream;
mod calls;
mod error;
mod fields;
mod history;
mod options;
mod request;
mod stream;
mod usage;

pub use answer::{chat_error_body, to_chat_response};
pub use back_answer::to_response;
pub use back_request::{TranslatedChatRequest, to_chat_request};
pub use back_stream::ToResponseEvents;
pub use error::{TranslateError, TranslateErrorKind};
pub use options::{AnswerOptions, Commentary, ReasoningShown, RequestOptions, SystemMessages};
pub use request::{TranslatedRequest, to_responses_request};
pub use stream::{ChatStreamEvent, ToChatChunks};

use crate::wire::object::Object;

/// Makes a key that has no value be written as null.
fn write_null<T: Object>(object: &mut T, name: &str) {
    if let Some(key) = T::key(name) {
        object.extra_mut().set_null(T::bit(key));
    }
}

/// Makes a key be written although its value is empty.
fn write_empty<T: Object>(object: &mut T, name: &str) {
    if let Some(key) = T::key(name) {
        object.extra_mut().set_value(T::bit(key));
    }
}
