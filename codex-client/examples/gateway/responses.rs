//! `POST /v1/responses`, and the responses that the gateway itself keeps.

use std::sync::Arc;

use codex_client::{Error, ErrorKind, ResponseStream};
use codex_types::lint::{Finding, FindingCode};
use codex_types::profile::{Store, Streamed};
use codex_types::{ApiError, CreateResponse, RawJson, Response as Answer, Status};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};

use crate::body;
use crate::failure::{self, Failure};
use crate::gateway::Gateway;
use crate::guard::Caller;
use crate::journal::Entry;
use crate::payload::{self, Payload};
use crate::relay;
use crate::state::{Continued, Memory, lost};
use crate::upstream::{Upstream, call_options};

pub(crate) async fn create(
    gateway: &Gateway,
    caller: &Caller,
    entry: &Arc<Entry>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response<Payload>, Failure> {
    let mut request: CreateResponse = body::parse(body)?;
    let is_streamed = is_streamed(&request)?;
    let is_background = request.background == Some(true);
    entry.model(&request.model);
    let upstream = gateway.services.select(&mut request.model);
    let named = request.previous_response_id.is_some();
    let (request, continued) = match &gateway.memory {
        Some(memory) => remembering(upstream, memory, caller, request)?,
        None => (request, None),
    };
    let is_expanded = named && request.previous_response_id.is_none();
    let stream = upstream
        .client
        .stream(&request)
        .options(call_options(headers))
        .await
        .map_err(|error| Failure::explained(&error, &gateway.policy, &upstream.profile))?;
    let mut headers = head(&stream, &[]);
    if is_expanded {
        headers.append(
            CHANGED,
            HeaderValue::from_static("/previous_response_id expanded"),
        );
    }
    if is_streamed {
        let keep_alive = gateway.limits.keep_alive;
        let is_whole = upstream.profile.streamed != Streamed::Always;
        return relay::responses(stream, headers, keep_alive, entry, continued, is_whole).await;
    }
    let answer = if is_background {
        begun(stream).await
    } else {
        stream.finish().await.or_else(ended)
    };
    let mut answer = answer.map_err(|error| Failure::of(&error))?;
    relay::record(entry, &answer);
    if let Some(continued) = continued {
        continued.add_previous(&mut answer);
        continued.ended(&answer);
    }
    let body = serde_json::to_vec(&answer).unwrap_or_default();
    Ok(payload::json(headers, body))
}

/// Returns whether the caller wants events.
fn is_streamed(request: &CreateResponse) -> Result<bool, Failure> {
    match request.extra.get("stream").map(RawJson::as_str) {
        None | Some("null" | "false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => {
            let mut error = ApiError::new("invalid_type", "stream must be a boolean");
            error.param = Some("stream".to_owned());
            Err(Failure::bad_request(error))
        }
    }
}

/// Returns the request with the conversation that it continues, if the gateway keeps that
/// conversation, and where to keep its response.
fn remembering(
    upstream: &Upstream,
    memory: &Memory,
    caller: &Caller,
    mut request: CreateResponse,
) -> Result<(CreateResponse, Option<Continued>), Failure> {
    memory.resolve(caller.number, &mut request, upstream);
    let before = match request.previous_response_id.as_deref() {
        None => None,
        Some(id) => match memory.get(caller.number, id) {
            None if upstream.profile.store == Store::Never => return Err(lost(id)),
            // The service may know it.
            None => return Ok((request, None)),
            known => known,
        },
    };
    let keeps = request.store != Some(false) && request.conversation.is_none();
    let continued = Continued::new(memory, caller.number, before.as_ref(), &request, upstream);
    let request = match before {
        Some(before) if !before.is_stored_by(upstream) => continued.whole(request),
        _ => request,
    };
    Ok((request, keeps.then_some(continued)))
}

/// Serves a request for a response that the gateway keeps. Returns `None` if the gateway does not
/// keep it.
pub(crate) fn kept(
    gateway: &Gateway,
    caller: &Caller,
    method: &Method,
    segments: &[&str],
    is_streamed: bool,
) -> Option<Response<Payload>> {
    let memory = gateway.memory.as_ref()?;
    let body = match (method.as_str(), segments) {
        ("GET" | "HEAD", ["responses", id]) => {
            let remembered = memory.get(caller.number, id)?;
            if is_streamed {
                return if remembered.is_stored {
                    None
                } else {
                    relay::kept(&remembered.response)
                };
            }
            remembered.response
        }
        ("GET" | "HEAD", ["responses", id, "input_items"]) => {
            let remembered = memory.get(caller.number, id)?;
            let items = remembered.input_items().join(",");
            format!(r#"{{"object":"list","data":[{items}],"has_more":false}}"#).into()
        }
        ("DELETE", ["responses", id]) => {
            let is_stored = memory.get(caller.number, id)?.is_stored;
            memory.forget(caller.number, id);
            if is_stored {
                // The service deletes it as well.
                return None;
            }
            format!(r#"{{"id":"{id}","object":"response","deleted":true}}"#).into()
        }
        _ => return None,
    };
    let mut headers = HeaderMap::new();
    let name = HeaderName::from_static("x-gateway-source");
    headers.insert(name, HeaderValue::from_static("memory"));
    Some(payload::json(headers, body))
}

/// Returns the error for a response that neither the gateway nor the service keeps.
pub(crate) fn not_kept(gateway: &Gateway) -> Failure {
    let message = if gateway.memory.is_some() {
        "response not found: the gateway does not have it, and the service does not store responses"
    } else {
        "this service does not store responses; start the gateway with --remember to keep them in memory"
    };
    Failure::refusal(StatusCode::NOT_FOUND, "not_found", message)
}

/// Returns the headers of a response: those of the service, and the changes to the request.
pub(crate) fn head(stream: &ResponseStream, before: &[Finding]) -> HeaderMap {
    let mut headers = failure::passed_on(stream.meta().headers());
    let changes: Vec<String> = before
        .iter()
        .chain(stream.findings())
        .filter(|finding| finding.code != FindingCode::UnknownParameter)
        .map(|finding| format!("{} {}", finding.pointer, finding.code.as_str()))
        .take(MAX_CHANGES)
        .collect();
    if let Ok(changes) = HeaderValue::from_str(&changes.join(", "))
        && !changes.is_empty()
    {
        headers.insert(CHANGED, changes);
    }
    headers
}

/// Returns a background response as soon as it has begun. Dropping the stream does not cancel it.
async fn begun(mut stream: ResponseStream) -> Result<Answer, Error> {
    while let Some(event) = stream.next().await {
        if let Some(response) = event?.response() {
            return Ok(response.clone());
        }
    }
    stream.finish().await
}

/// Returns a failed or incomplete response as a response: its status states what happened.
fn ended(error: Error) -> Result<Answer, Error> {
    let is_response = matches!(error.kind(), ErrorKind::Failed | ErrorKind::Incomplete)
        && error
            .partial()
            .is_some_and(|partial| matches!(partial.status, Status::Failed | Status::Incomplete));
    if !is_response {
        return Err(error);
    }
    Ok(error.into_partial().unwrap_or_default())
}

/// The header that lists the gateway's changes to a request.
const CHANGED: HeaderName = HeaderName::from_static("x-gateway-changed");
/// Limits the header, since a request may need hundreds of changes.
const MAX_CHANGES: usize = 20;
