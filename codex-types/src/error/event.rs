//! One type for every form of an error.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::{ApiError, ErrorCategory, ErrorCode};
use crate::event::scan;
use crate::response::Response;
use crate::wire::object::{object, replay};
use crate::{Map, RawJson};

object! {
    /// An error outside of a response: the `error` event over any transport, and the body of an
    /// HTTP response.
    ///
    /// | form | example | sent by |
    /// |---|---|---|
    /// | flat | `{"type":"error","code":..,"message":..}` | the platform API over SSE |
    /// | nested | `{"error":{"code":..,"message":..}}` | HTTP bodies |
    /// | wrapped | the same with `status` or `status_code` and `headers` | sockets |
    /// | in a response | `{"response":{"error":{..}}}` | `response.failed` |
    /// | detail | `{"detail":".."}` or `{"detail":{"error_code":".."}}` | the ChatGPT backend refusing a request |
    /// | not JSON | `<html>..` | an intermediary |
    ///
    /// [`to_api_error`](Self::to_api_error) reads all of them.
    ///
    /// ```
    /// use codex_types::{ErrorCategory, ErrorEvent};
    ///
    /// let flat = br#"{"type":"error","code":"server_error","message":"oh"}"#;
    /// let wrapped = br#"{"type":"error","status_code":500,"error":{"code":"server_error","message":"oh"}}"#;
    /// for body in [&flat[..], &wrapped[..]] {
    ///     let event = ErrorEvent::from_body(body);
    ///     assert_eq!(event.to_api_error().message, "oh");
    ///     assert_eq!(event.category(), ErrorCategory::Server);
    /// }
    /// assert_eq!(ErrorEvent::from_body(br#"{"detail":"no"}"#).to_api_error().message, "no");
    /// ```
    pub struct ErrorEvent tag "error" {
        optional {
            /// Nested form: the error.
            error: Box<ApiError>,
            /// Flat form: the error code.
            code: ErrorCode,
            /// Flat form: the message, for people.
            message: String,
            /// Flat form: the parameter at fault.
            param: String,
            /// Wrapped form: the HTTP status that the error would have had.
            status = u16,
            /// The status under another name.
            status_code = u16,
            /// Wrapped form: the response headers.
            headers: Map<RawJson>,
            /// Detail form: the details; text, rarely another type.
            detail: RawJson,
            /// In a response: the response.
            response: Box<Response>,
            /// The sequence number of the event within its response.
            sequence_number = u64,
            /// The multiplexed stream of a WebSocket that the event belongs to.
            stream_id: String,
        }
    }
}

impl ErrorEvent {
    /// Reads the body of an HTTP response, in any form.
    ///
    /// Text that is not JSON becomes the message: the title of a web page, or at most the first
    /// 1000 bytes of other text.
    ///
    /// ```
    /// use codex_types::ErrorEvent;
    ///
    /// let page = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>";
    /// assert_eq!(ErrorEvent::from_body(page).message.as_deref(), Some("Just a moment..."));
    /// ```
    pub fn from_body(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        if let Ok(event) = crate::raw::parse::<Self>(&text) {
            return event;
        }
        let mut event = Self::default();
        let excerpt = excerpt(&text);
        event.message = (!excerpt.is_empty()).then(|| excerpt.into());
        event
    }

    /// Creates an error from a payload, unless that is a JSON object.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let message = match RawJson::parse(text) {
            Ok(raw) if raw.as_str().starts_with('{') => return None,
            Ok(raw) if raw.as_str().starts_with('"') => raw,
            _ => RawJson::string(text),
        };
        let mut event = Self::default();
        replay(&mut event, "message".into(), message);
        Some(event)
    }

    /// Returns the error as an [`ApiError`], whatever its form. Missing fields are empty.
    pub fn to_api_error(&self) -> ApiError {
        let mut error = match (
            &self.error,
            self.response.as_ref().and_then(|r| r.error.as_ref()),
        ) {
            (Some(error), _) | (None, Some(error)) => (**error).clone(),
            (None, None) => self.flat(),
        };
        if error.headers.is_none() {
            error.headers.clone_from(&self.headers);
        }
        error
    }

    /// Returns the HTTP status, under either name.
    pub fn http_status(&self) -> Option<u16> {
        self.status.or(self.status_code)
    }

    /// Returns the category: by the code, else by the type, else by the status.
    pub fn category(&self) -> ErrorCategory {
        self.to_api_error().category_with_status(self.http_status())
    }

    fn flat(&self) -> ApiError {
        let mut error = ApiError {
            code: self.code.clone(),
            param: self.param.clone(),
            ..ApiError::default()
        };
        if let Some(message) = &self.message {
            error.message.clone_from(message);
        } else if let Some(detail) = &self.detail {
            error.code = error.code.or_else(|| code_in(detail));
            error.message = message_of(detail);
        } else if let Some(name) = self.extra.get("error") {
            // OAuth has a string where the API has an object.
            let name = words(name);
            let description = self.extra.get("error_description").map(words);
            error.message = description.unwrap_or_else(|| name.clone());
            error.code = Some(name.into());
        }
        error
    }
}

/// An expired token is reported as `{"error_code":"invalid_token"}`.
fn code_in(detail: &RawJson) -> Option<ErrorCode> {
    detail
        .decode::<Map<RawJson>>()
        .ok()?
        .get("error_code")?
        .decode()
        .ok()
}

/// Returns the message of a detail. FastAPI reports invalid bodies as a list of problems that
/// repeats the body, so only locations and messages of a list are used, and only the message of an
/// object.
fn message_of(detail: &RawJson) -> String {
    const PROBLEMS: usize = 5;

    if let Ok(text) = detail.decode::<String>() {
        return text;
    }
    if let Ok(problems) = detail.decode::<Vec<Map<RawJson>>>() {
        let problems: Vec<String> = problems.iter().take(PROBLEMS).filter_map(problem).collect();
        return problems.join("; ");
    }
    let object = detail.decode::<Map<RawJson>>().unwrap_or_default();
    text_of(&object, &["message", "msg", "error"]).unwrap_or_default()
}

/// Formats one problem of a list: `body.input: Field required`.
fn problem(problem: &Map<RawJson>) -> Option<String> {
    let message = text_of(problem, &["msg", "message"])?;
    let steps = problem
        .get("loc")
        .and_then(|place| place.decode::<Vec<RawJson>>().ok());
    let steps: Vec<String> = steps.iter().flatten().map(words).collect();
    Some(match &*steps {
        [] => message,
        steps => format!("{}: {message}", steps.join(".")),
    })
}

fn text_of(object: &Map<RawJson>, keys: &[&str]) -> Option<String> {
    let mut values = keys.iter().filter_map(|key| object.get(key));
    values.find_map(|value| value.decode::<String>().ok())
}

/// Returns text unchanged, anything else as JSON.
fn words(value: &RawJson) -> String {
    value
        .decode::<String>()
        .unwrap_or_else(|_| value.as_str().into())
}

/// Returns an excerpt of a body that is not JSON.
fn excerpt(text: &str) -> Cow<'_, str> {
    const LIMIT: usize = 1000;

    let text = text.trim();
    if let Some(title) = title(text) {
        return Cow::Borrowed(title);
    }
    if text.len() <= LIMIT {
        return Cow::Borrowed(text);
    }
    let end = (0..=LIMIT)
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or_default();
    Cow::Owned(alloc::format!("{}...", &text[..end]))
}

fn title(page: &str) -> Option<&str> {
    if !page.starts_with('<') {
        return None;
    }
    let (_, rest) = page.split_once("<title>")?;
    let (title, _) = rest.split_once("</title>")?;
    Some(title.trim())
}

/// Returns whether an object without a `type` is an error.
pub(crate) fn is_error(json: &str) -> bool {
    scan::value_of(json, "error").is_some_and(|error| error.starts_with(['{', '"']))
}
