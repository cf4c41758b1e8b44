//! The status and headers of a response.

use core::time::Duration;

use codex_types::{Map, RateLimits, RawJson, ResponseEvent};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};

use crate::clock::system_time;
use crate::scrub::Scrub;

/// The status and headers of a response, with accessors for the known ones: the id of the request,
/// the model that serves it, the limits.
///
/// A WebSocket has one set of headers for many responses, so headers of a single response arrive in
/// its events (`headers`). They are merged here as they arrive, over HTTP as well. The value
/// contains no payload and no credential, so it may be logged.
#[derive(Clone, Debug)]
pub struct ResponseMeta {
    status: StatusCode,
    headers: HeaderMap,
}

impl ResponseMeta {
    pub(crate) fn read(status: StatusCode, headers: &HeaderMap) -> Self {
        let mut headers = headers.clone();
        // Cookies are secrets of the server.
        headers.remove(SET_COOKIE);
        Self { status, headers }
    }

    /// Returns the status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the server's id for the request, if it sent one (`x-request-id`, else
    /// `x-oai-request-id`, else `cf-ray`).
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        codex_transport::request_id(&self.headers)
    }

    /// Returns the model that actually serves the request, if the server reported it
    /// (`openai-model`, else `x-openai-model`). It may differ from the requested one.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        ["openai-model", "x-openai-model"]
            .iter()
            .find_map(|name| self.text(name))
    }

    /// Returns the server's routing token for later requests of the same turn, if it sent one
    /// (`x-codex-turn-state`).
    #[must_use]
    pub fn turn_state(&self) -> Option<&str> {
        self.text("x-codex-turn-state")
    }

    /// Returns the delay before a retry, if the server requested one: `retry-after-ms` in
    /// milliseconds, else `retry-after` in seconds or as a date.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        codex_transport::retry_after(&self.headers, system_time())
    }

    /// Returns the usage of the account's limits in the headers; empty if they contain none.
    #[must_use]
    pub fn rate_limits(&self) -> RateLimits {
        let headers = self.headers.iter();
        RateLimits::from_headers(
            headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))),
        )
    }

    /// Returns the entity tag of the list of models (`x-models-etag`): it changes when the list
    /// does.
    #[must_use]
    pub fn models_etag(&self) -> Option<&str> {
        self.text("x-models-etag")
    }

    /// Returns all headers of the response except cookies.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(crate) fn scrub(&mut self, scrub: &Scrub) {
        scrub.headers(&mut self.headers);
    }

    /// Merges the headers that an event carries.
    pub(crate) fn merge(&mut self, event: &ResponseEvent) {
        for headers in headers_of(event).into_iter().flatten() {
            for (name, value) in headers.iter() {
                let name = HeaderName::try_from(name);
                let value = text_of(value).and_then(|text| HeaderValue::try_from(text).ok());
                if let (Ok(name), Some(value)) = (name, value)
                    && name != SET_COOKIE
                    && (self.headers.contains_key(&name) || self.headers.len() < MAX_HEADERS)
                {
                    self.headers.insert(name, value);
                }
            }
        }
    }

    /// Returns whether the body may be a response. Servers label an event stream with several
    /// types, with JSON or with none, but never with HTML.
    pub(crate) fn may_be_response(&self) -> bool {
        !self.is_of_type("text/html")
    }

    /// Returns whether the content type begins with this prefix.
    pub(crate) fn is_of_type(&self, prefix: &str) -> bool {
        let kind = self.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        kind.and_then(|kind| kind.get(..prefix.len()))
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let text = self.headers.get(name)?.to_str().ok()?.trim();
        (!text.is_empty()).then_some(text)
    }
}

/// Returns the headers inside an event, in ascending precedence: those inside the response are more
/// specific than those next to it.
pub(crate) fn headers_of(event: &ResponseEvent) -> [Option<&Map<RawJson>>; 2] {
    match event {
        ResponseEvent::Metadata(event) | ResponseEvent::CodexMetadata(event) => {
            [event.headers.as_ref(), None]
        }
        ResponseEvent::Created(event)
        | ResponseEvent::Queued(event)
        | ResponseEvent::InProgress(event)
        | ResponseEvent::Completed(event)
        | ResponseEvent::Failed(event)
        | ResponseEvent::Incomplete(event)
        | ResponseEvent::Cancelled(event)
        | ResponseEvent::Done(event) => [event.headers.as_ref(), event.response.headers.as_ref()],
        _ => [None, None],
    }
}

/// Returns the text of a header inside JSON: text, a number, a boolean, or the first element of a
/// list.
pub(crate) fn text_of(value: &RawJson) -> Option<String> {
    match value.as_str().trim_start().as_bytes().first()? {
        b'"' => value.decode().ok(),
        b'[' => text_of(value.decode::<Vec<RawJson>>().ok()?.first()?),
        b'{' | b'n' => None,
        _ => Some(value.as_str().trim().to_owned()),
    }
}

/// The maximum number of headers, more than any server needs.
const MAX_HEADERS: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn meta() -> ResponseMeta {
        let mut headers = HeaderMap::new();
        headers.insert("openai-model", HeaderValue::from_static("of-the-head"));
        ResponseMeta::read(StatusCode::OK, &headers)
    }

    fn after(json: &str) -> ResponseMeta {
        let mut meta = meta();
        meta.merge(&ResponseEvent::from_json(json).unwrap());
        meta
    }

    #[test]
    fn events_say_what_heads_do() {
        let meta = after(
            r#"{"type":"response.created","headers":{"OpenAI-Model":"beside","X-Request-Id":"req_1"},"response":{"id":"resp_1","headers":{"openai-model":["inside","other"]}}}"#,
        );
        assert_eq!(
            (meta.model(), meta.request_id()),
            (Some("inside"), Some("req_1"))
        );
        let meta = after(
            r#"{"type":"codex.response.metadata","headers":{"x-codex-primary-used-percent":12.5,"x-odd":{"a":1},"x-none":null,"set-cookie":"canary"}}"#,
        );
        let window = meta.rate_limits().active().unwrap().primary.unwrap();
        assert_eq!(window.used_percent, 12.5);
        assert_eq!(meta.headers().len(), 2);
        assert_eq!(meta.model(), Some("of-the-head"));
    }

    #[test]
    fn events_cannot_fill_the_memory() {
        let mut meta = meta();
        for number in 0..1_000 {
            let json = format!(
                r#"{{"type":"response.metadata","headers":{{"x-{number}":"1","openai-model":"{number}"}}}}"#
            );
            meta.merge(&ResponseEvent::from_json(&json).unwrap());
        }
        assert_eq!(meta.headers().len(), MAX_HEADERS);
        assert_eq!(meta.model(), Some("999"));
    }
}
