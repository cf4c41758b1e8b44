// Converts the errors of the lower crates, statuses and terminal events to the one error that a caller sees.

use crate::error::{Error, ErrorKind};
use crate::meta::ResponseMeta;
use codex_sse::{Accumulator, Outcome};
use codex_transport::{Body, ERROR_BODY_LIMIT};
use codex_types::{ErrorEvent, Response, ResponseEvent};

/// The error of a response that is not a success, with the description in its body. A body that cannot be read costs the description only.
pub(crate) async fn status(meta: ResponseMeta, body: Body) -> Error {
    let body = body.collect_prefix(ERROR_BODY_LIMIT).await;
    let api = (!body.is_empty()).then(|| ErrorEvent::from_body(&body).to_api_error());
    Error::new(ErrorKind::Status).with_api(api).with_meta(meta)
}

/// The error of a success whose body is a page for people, with its title.
pub(crate) async fn page(meta: ResponseMeta, body: Body) -> Error {
    let body = body.collect_prefix(ERROR_BODY_LIMIT).await;
    let api = ErrorEvent::from_body(&body).to_api_error();
    Error::protocol("the answer is not an event stream")
        .with_api(Some(api))
        .with_meta(meta)
}

/// Returns the failure that an event reports, if it reports one.
pub(crate) fn reported(event: &ResponseEvent) -> Option<Error> {
    let api = match event {
        ResponseEvent::Failed(event) => event.response.error.as_deref().cloned(),
        ResponseEvent::Error(event) => Some(event.to_api_error()),
        _ => return None,
    };
    Some(Error::new(ErrorKind::Failed).with_api(api))
}

pub(crate) fn credentials(error: codex_auth::Error) -> Error {
    Error::new(ErrorKind::Credentials).with_source(error)
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

/// Returns a response that completed; any other outcome is an error with the response as its partial.
pub(crate) fn verdict(accumulator: Accumulator, meta: &ResponseMeta) -> Result<Response, Error> {
    let kind = match accumulator.outcome() {
        Some(Outcome::Completed) => return Ok(accumulator.into_partial()),
        Some(Outcome::Incomplete) => ErrorKind::Incomplete,
        Some(_) => ErrorKind::Failed,
        None => ErrorKind::Truncated,
    };
    let response = accumulator.into_partial();
    Err(Error::new(kind)
        .with_api(response.error.as_deref().cloned())
        .with_meta(meta.clone())
        .with_partial(response)
        .after_delivery(true))
}
