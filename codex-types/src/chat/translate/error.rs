//! The error of a translation.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt;

use crate::{ApiError, Side};

/// The error for a value that has no counterpart in the other API.
///
/// ```
/// use codex_types::chat::translate::{RequestOptions, to_responses_request};
/// use codex_types::chat::{ChatMessage, ChatRequest};
///
/// let request = ChatRequest::new("gpt-5.5", [ChatMessage::user("Hi")]).seed(7);
/// let error = to_responses_request(&request, &RequestOptions::new()).unwrap_err();
/// assert_eq!(error.parameter(), "seed");
/// assert_eq!(error.to_string(), "seed has no counterpart in the other API");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranslateError {
    kind: TranslateErrorKind,
    parameter: Box<str>,
    /// The name of the value, such as the type of a tool.
    what: Option<Box<str>>,
}

/// The reason why a value cannot be translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TranslateErrorKind {
    /// The value has no counterpart in the other API.
    Unsupported,
    /// The value is missing, and the other API requires it.
    Missing,
    /// The value does not have the expected form.
    Malformed,
}

impl TranslateError {
    pub(crate) fn new(kind: TranslateErrorKind, parameter: impl Into<Box<str>>) -> Self {
        Self {
            kind,
            parameter: parameter.into(),
            what: None,
        }
    }

    /// Adds the name of the value, such as the type of a tool.
    pub(crate) fn naming(mut self, what: &str) -> Self {
        self.what = Some(what.into());
        self
    }

    /// Creates the error for a parameter that has no counterpart.
    pub fn unsupported(parameter: impl Into<Box<str>>) -> Self {
        Self::new(TranslateErrorKind::Unsupported, parameter)
    }

    pub(crate) fn missing(parameter: impl Into<Box<str>>) -> Self {
        Self::new(TranslateErrorKind::Missing, parameter)
    }

    pub(crate) fn malformed(parameter: impl Into<Box<str>>) -> Self {
        Self::new(TranslateErrorKind::Malformed, parameter)
    }

    /// Returns the reason why the value cannot be translated.
    pub fn kind(&self) -> TranslateErrorKind {
        self.kind
    }

    /// Returns the parameter that cannot be translated, as the API writes it in `param`: `seed`,
    /// `messages[2].audio`.
    pub fn parameter(&self) -> &str {
        &self.parameter
    }

    /// Returns the name of the value, such as the type of a tool or of an item, if it has one.
    pub fn value(&self) -> Option<&str> {
        self.what.as_deref()
    }

    /// Returns [`Side::Local`]: the caller's value cannot be translated.
    pub fn side(&self) -> Side {
        Side::Local
    }

    /// Returns `false`: the same value can never be translated.
    pub fn is_retryable(&self) -> bool {
        false
    }

    /// Returns the error that a service would respond with, for a gateway to pass on with status
    /// 400.
    pub fn to_api_error(&self) -> ApiError {
        let code = match self.kind {
            TranslateErrorKind::Unsupported => "unsupported_parameter",
            TranslateErrorKind::Missing => "missing_required_parameter",
            TranslateErrorKind::Malformed => "invalid_value",
        };
        ApiError::new(code, format!("{self}"))
            .kind("invalid_request_error")
            .param(String::from(&*self.parameter))
    }
}

impl fmt::Display for TranslateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parameter)?;
        if let Some(what) = &self.what {
            write!(f, " ({what})")?;
        }
        f.write_str(match self.kind {
            TranslateErrorKind::Unsupported => " has no counterpart in the other API",
            TranslateErrorKind::Missing => " is missing",
            TranslateErrorKind::Malformed => " does not have the expected form",
        })
    }
}

impl core::error::Error for TranslateError {}
