//! A response that is a single JSON document, read as the event it stands for: for servers that do
//! not stream, and for requests that turn streaming off.

use codex_types::{ErrorEvent, Map, RawJson, ResponseEvent};

use crate::error::Error;

/// Returns whether a body that starts with these bytes is a JSON document and not an event stream,
/// whose fields never start with a brace. Returns `None` when only white space has arrived.
pub(crate) fn is_document(start: &[u8]) -> Option<bool> {
    let start = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(start);
    let first = start.iter().find(|byte| !byte.is_ascii_whitespace())?;
    Some(*first == b'{')
}

/// Decodes a response or an error.
pub(crate) fn event(body: &[u8]) -> Result<ResponseEvent, Error> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let text =
        core::str::from_utf8(body).map_err(|error| Error::protocol(NEITHER).with_source(error))?;
    let undecodable = |error| Error::protocol(NEITHER).with_source(error);
    let json = RawJson::parse(text).map_err(undecodable)?;
    let members: Map<RawJson> = json.decode().map_err(undecodable)?;
    let text_of = |key| {
        let value = members.get(key)?;
        value.decode::<String>().ok()
    };
    let is_given = |key| {
        members
            .get(key)
            .is_some_and(|value| value.as_str() != "null")
    };
    let is_response = text_of("object").as_deref() == Some("response")
        || is_given("output")
        || (is_given("id") && is_given("status"));
    if is_response {
        let kind = match text_of("status").as_deref() {
            None | Some("completed") => "response.completed",
            Some("failed") => "response.failed",
            Some("incomplete") => "response.incomplete",
            Some("queued") => "response.queued",
            Some("in_progress") => "response.in_progress",
            // The status names the outcome, so any terminal event fits.
            Some(_) => "response.done",
        };
        let event = format!(r#"{{"type":"{kind}","response":{}}}"#, json.as_str());
        return ResponseEvent::from_json(&event).map_err(undecodable);
    }
    let is_error =
        is_given("error") || is_given("detail") || text_of("type").as_deref() == Some("error");
    if is_error {
        return Ok(ResponseEvent::Error(ErrorEvent::from_body(body).into()));
    }
    Err(Error::protocol(NEITHER))
}

/// Returns the events that a streaming server would have sent instead of this one, so that a reader
/// of deltas misses nothing.
pub(crate) fn events(event: ResponseEvent) -> Vec<ResponseEvent> {
    match event.response() {
        Some(response) if event.is_terminal() => response.to_events(),
        _ => Vec::from([event]),
    }
}

/// The maximum size of a document: 64 MiB. A stored response with images comes close to it, and a
/// list of models never does.
pub(crate) const BODY_LIMIT: usize = 64 * 1024 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const NEITHER: &str = "body is neither an event stream, a response nor an error";
