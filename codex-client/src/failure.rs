//! Converts the errors of the lower crates, statuses and terminal events to the one error type of
//! this crate.

use std::borrow::Cow;

use codex_sse::{Accumulator, Outcome};
use codex_transport::{Body, ERROR_BODY_LIMIT};
use codex_types::{ErrorEvent, Response, ResponseEvent, Status};

use crate::error::{Error, ErrorKind};
use crate::meta::ResponseMeta;
use crate::scrub::Scrub;

/// Creates the error for a response that is not a success, with the description in its body. If the
/// body cannot be read, the error only lacks the description.
pub(crate) async fn status(meta: ResponseMeta, body: Body, scrub: &Scrub) -> Error {
    let body = error_body(body).await;
    let body = scrub.bytes(&body);
    let api = (!body.is_empty()).then(|| ErrorEvent::from_body(&body).to_api_error());
    Error::new(ErrorKind::Status).with_api(api).with_meta(meta)
}

/// Reads the body of an error: to its end, to the limit, or until it is a complete JSON value,
/// because a connection that stalls after that must not delay the error.
async fn error_body(mut body: Body) -> Vec<u8> {
    let mut read = Vec::new();
    let mut value = JsonValue::default();
    while let Some(Ok(chunk)) = body.chunk().await {
        let room = ERROR_BODY_LIMIT.saturating_sub(read.len());
        let chunk = chunk.get(..room).unwrap_or(&chunk);
        if let Some(end) = value.end_in(chunk) {
            read.extend_from_slice(&chunk[..end]);
            break;
        }
        read.extend_from_slice(chunk);
        if read.len() == ERROR_BODY_LIMIT {
            break;
        }
    }
    read
}

/// A detector of the end of a JSON object or list that arrives in chunks. Other bodies, such as
/// HTML, have no such end, whatever braces they contain.
#[derive(Default)]
struct JsonValue {
    is_other: bool,
    depth: usize,
    in_text: bool,
    is_escaped: bool,
}

impl JsonValue {
    fn end_in(&mut self, chunk: &[u8]) -> Option<usize> {
        let last = chunk.iter().position(|byte| self.ends_with(*byte))?;
        Some(last + 1)
    }

    fn ends_with(&mut self, byte: u8) -> bool {
        if self.is_other {
            return false;
        }
        if self.in_text {
            let is_escaped = core::mem::take(&mut self.is_escaped);
            match byte {
                _ if is_escaped => {}
                b'\\' => self.is_escaped = true,
                b'"' => self.in_text = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' if self.depth > 0 => self.in_text = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' if self.depth > 0 => {
                self.depth -= 1;
                return self.depth == 0;
            }
            // Nothing but white space and a byte order mark precedes the value.
            _ if self.depth == 0 && !b" \t\r\n\xef\xbb\xbf".contains(&byte) => self.is_other = true,
            _ => {}
        }
        false
    }
}

/// Creates the error for a successful response whose body is an HTML page, with the title of the
/// page.
pub(crate) async fn page(meta: ResponseMeta, body: Body, scrub: &Scrub) -> Error {
    let body = body.collect_prefix(ERROR_BODY_LIMIT).await;
    let api = ErrorEvent::from_body(&scrub.bytes(&body)).to_api_error();
    Error::protocol("response is not an event stream")
        .with_api(Some(api))
        .with_meta(meta)
}

/// Returns the failure that an event reports, if it reports one.
pub(crate) fn reported(event: &ResponseEvent) -> Option<Error> {
    let api = match event {
        ResponseEvent::Failed(event) => event.error().map(Cow::into_owned),
        ResponseEvent::Error(event) => Some(event.to_api_error()),
        _ => return None,
    };
    Some(Error::new(ErrorKind::Failed).with_api(api))
}

pub(crate) fn credentials(error: codex_auth::Error) -> Error {
    let kind = match error.kind() {
        codex_auth::ErrorKind::ForbiddenTarget => ErrorKind::Withheld,
        _ => ErrorKind::Credentials,
    };
    Error::new(kind).with_source(error)
}

pub(crate) fn transport(error: codex_transport::Error) -> Error {
    let kind = if error.is_timeout() {
        ErrorKind::Timeout
    } else {
        ErrorKind::Transport
    };
    let request_id = error.request_id().map(str::to_owned);
    Error::new(kind)
        .with_request_id(request_id.as_deref())
        .with_source(error)
}

pub(crate) fn stream(error: codex_sse::Error) -> Error {
    let kind = match error.kind() {
        codex_sse::ErrorKind::Truncated => ErrorKind::Truncated,
        codex_sse::ErrorKind::Contradiction => ErrorKind::Protocol,
        _ if !error.is_fatal() => ErrorKind::Payload,
        _ => ErrorKind::Protocol,
    };
    Error::new(kind).with_source(error)
}

/// Returns a response that completed; any other outcome is an error with the response as its
/// partial.
pub(crate) fn verdict(
    accumulator: Accumulator,
    meta: &ResponseMeta,
    delivered: bool,
) -> Result<Response, Error> {
    let kind = match accumulator.outcome() {
        Some(Outcome::Completed) => return Ok(accumulator.into_partial()),
        Some(Outcome::Incomplete) => ErrorKind::Incomplete,
        Some(_) => ErrorKind::Failed,
        None => ErrorKind::Truncated,
    };
    let error = unsuccessful(kind, accumulator.into_partial(), meta);
    Err(error.after_delivery(delivered))
}

/// Returns a stored response that completed; any other response that has ended is an error with the
/// response as its partial.
pub(crate) fn judge(response: Response, meta: &ResponseMeta) -> Result<Response, Error> {
    let kind = match response.status {
        Status::Completed => return Ok(response),
        Status::Incomplete => ErrorKind::Incomplete,
        _ => ErrorKind::Failed,
    };
    // Another request would create another response.
    Err(unsuccessful(kind, response, meta).after_delivery(true))
}

fn unsuccessful(kind: ErrorKind, response: Response, meta: &ResponseMeta) -> Error {
    Error::new(kind)
        .with_api(response.error.as_deref().cloned())
        .with_meta(meta.clone())
        .with_partial(response)
}
