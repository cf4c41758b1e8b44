//! One type for every form of an error.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;

use crate::error::forms::{self, MOST_NESTED, complete};
use crate::error::{ApiError, ErrorCategory, ErrorCode};
use crate::response::Response;
use crate::wire::known::{fill, replay};
use crate::wire::object::object;
use crate::{Extra, Map, RawJson};

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
    /// | text | `{"error":".."}` or `{"error":true,"message":".."}` | gateways |
    /// | a list | `{"errors":[{"message":".."}]}` or `[{"error":{..}}]` | gateways |
    /// | other names | `{"error_msg":".."}`, `{"msg":".."}` | gateways |
    /// | not JSON | `<html>..` | an intermediary |
    ///
    /// [`to_api_error`](Self::to_api_error) reads all of them.
    ///
    /// ```
    /// use codex_types::{ErrorCategory, ErrorEvent};
    ///
    /// let flat = br#"{"type":"error","code":"server_error","message":"oh"}"#;
    /// let wrapped =
    ///     br#"{"type":"error","status_code":500,"error":{"code":"server_error","message":"oh"}}"#;
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
            /// The id of the event's stream, on a WebSocket that multiplexes streams.
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
        if let Ok(event) = crate::json::reader::parse::<Self>(&text) {
            return event;
        }
        let mut event = Self::default();
        let listed = RawJson::parse(&text).ok();
        if let Some(error) = listed.and_then(|list| forms::read(&list)) {
            event.error = Some(error.into());
            return event;
        }
        let excerpt = excerpt(&text);
        event.message = (!excerpt.is_empty()).then(|| excerpt.into());
        event
    }

    /// Creates an error from a payload, unless that is a JSON object. Only with `is_error` does
    /// text count, or a list that does not consist of errors.
    pub(crate) fn from_text(text: &str, is_error: bool) -> Option<Self> {
        let mut event = Self::default();
        let json = RawJson::parse(text).ok();
        let starts_with = |mark| json.as_ref().filter(|raw| raw.as_str().starts_with(mark));
        if let Some(error) = starts_with('[').and_then(forms::in_list) {
            event.error = Some(error.into());
        } else if is_error && starts_with('{').is_none() {
            let message = match starts_with('"') {
                Some(raw) => raw.clone(),
                None => RawJson::string(text),
            };
            replay(&mut event, "message".into(), message);
        } else {
            return None;
        }
        Some(event)
    }

    /// Returns the error as an [`ApiError`], whatever its form. Missing fields are empty.
    pub fn to_api_error(&self) -> ApiError {
        let mut error = self.in_any_form();
        if error.headers.is_none() {
            error.headers.clone_from(&self.headers);
        }
        error
    }

    /// Returns the HTTP status, if the event has one: in `status`, else in `status_code`.
    pub fn http_status(&self) -> Option<u16> {
        self.status.or(self.status_code)
    }

    /// Returns the category: by the code, else by the type, else by the status.
    pub fn category(&self) -> ErrorCategory {
        self.to_api_error().category_with_status(self.http_status())
    }
}

impl ErrorEvent {
    /// Returns the error in any of the forms. Missing fields are empty.
    fn in_any_form(&self) -> ApiError {
        let response = self.response.as_ref();
        let whole = response.and_then(|response| response.error.as_ref());
        let whole = self.error.as_ref().or(whole);
        let mut error = whole.map_or_else(ApiError::default, |error| (**error).clone());
        let extra = core::mem::take(&mut error.extra);
        if error.message.is_empty() {
            complete(&mut error, &extra, None, MOST_NESTED);
        }
        error.extra = extra;
        if !error.is_empty() {
            return error;
        }
        error.code.clone_from(&self.code);
        error.param.clone_from(&self.param);
        error.message = self.message.clone().unwrap_or_default();
        complete(&mut error, &self.extra, self.detail.as_ref(), MOST_NESTED);
        error
    }
}

/// Returns the error that an object reports among its unknown keys. An object that has content may
/// have keys with a message as well.
#[cfg(feature = "chat")]
pub(crate) fn reported(extra: &Extra, has_content: bool) -> Option<ApiError> {
    if extra.is_empty() || !forms::is_reported(|key| extra.get(key), has_content) {
        return None;
    }
    let mut error = in_keys(extra);
    if error.is_empty() && extra.get("error").is_some_and(forms::is_flag) {
        error.message = "the service gave no reason".into();
    }
    (!error.is_empty()).then_some(error)
}

/// Reads the unknown keys of an object as those of an error.
pub(crate) fn in_keys(extra: &Extra) -> ApiError {
    let mut event = ErrorEvent::default();
    fill(&mut event, extra.entries().iter());
    let mut error = event.in_any_form();
    let kind = || extra.get("type")?.decode().ok();
    error.kind = error
        .kind
        .take()
        .or_else(kind)
        .filter(|kind| *kind != "error");
    error
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
