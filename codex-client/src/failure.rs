// Where the errors of the lower crates, statuses and terminal events become the one error a user sees, and the few checks on the way.

use codex_sse::{Accumulator, Outcome};
use codex_transport::{Body, ERROR_BODY_LIMIT};
use codex_types::{ErrorEvent, Response, ResponseEvent};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode, Uri};

use crate::error::{Error, ErrorKind};
use crate::meta::ResponseMeta;

/// `path` under the base URL, whose query comes after that of the path.
pub(crate) fn join(base: &Uri, path: &str) -> Result<Uri, Error> {
    let mut parts = base.clone().into_parts();
    let folder = base.path().trim_end_matches('/');
    let joined = match base.query() {
        Some(query) if path.contains('?') => format!("{folder}/{path}&{query}"),
        Some(query) => format!("{folder}/{path}?{query}"),
        None => format!("{folder}/{path}"),
    };
    parts.path_and_query = Some(joined.parse().map_err(|_| Error::request(TARGET))?);
    Uri::from_parts(parts).map_err(|_| Error::request(TARGET))
}

/// Servers differ in how they spell an event stream, and some say nothing; JSON and HTML it certainly is not.
pub(crate) fn may_be_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes);
    let starts_with = |prefix: &str| {
        kind.and_then(|kind| kind.get(..prefix.len()))
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    !starts_with("application/json") && !starts_with("text/html")
}

/// An answer that is not a success, with what its body says about it. A body that cannot be read costs the detail, not the status.
pub(crate) async fn status(meta: ResponseMeta, body: Body) -> Error {
    let body = body.collect_prefix(ERROR_BODY_LIMIT).await;
    let api = (!body.is_empty()).then(|| ErrorEvent::from_body(&body).to_api_error());
    Error::new(ErrorKind::Status).with_api(api).with_meta(meta)
}

/// Whether the status says that there is no answer.
pub(crate) fn is_refusal(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

/// The failure that an event reports, if it reports one.
pub(crate) fn reported(event: &ResponseEvent) -> Option<Error> {
    let api = match event {
        ResponseEvent::Failed(event) => event.response.error.as_deref().cloned(),
        ResponseEvent::Error(event) => Some(event.to_api_error()),
        _ => return None,
    };
    Some(Error::new(ErrorKind::Failed).with_api(api))
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

/// The verdict on a response whose stream is over.
pub(crate) fn verdict(accumulator: Accumulator, meta: ResponseMeta) -> Result<Response, Error> {
    let kind = match accumulator.outcome() {
        Some(Outcome::Completed) => return Ok(accumulator.into_partial()),
        Some(Outcome::Incomplete) => ErrorKind::Incomplete,
        Some(_) => ErrorKind::Failed,
        None => ErrorKind::Truncated,
    };
    let response = accumulator.into_partial();
    Err(Error::new(kind)
        .with_api(response.error.as_deref().cloned())
        .with_meta(meta)
        .with_partial(response)
        .after_delivery(true))
}

const TARGET: &str = "the base URL cannot be joined with the path of the call";
