// `POST /v1/responses`.

use core::time::Duration;

use codex_client::{Client, Error, ErrorKind, ResponseStream};
use codex_types::lint::{Finding, FindingCode};
use codex_types::{CreateResponse, Response as Answer, Status};
use http::{HeaderMap, HeaderValue, Response};
use serde::Deserialize;

use crate::body;
use crate::events::{self, ResponsesDialect};
use crate::failure::{self, Failure};
use crate::payload::{self, Payload};
use crate::upstream::call_options;

/// What of a request decides about the form of its answer.
#[derive(Deserialize)]
struct Form {
    stream: Option<bool>,
    background: Option<bool>,
}

pub(crate) async fn create(
    client: &Client,
    headers: &HeaderMap,
    body: &[u8],
    keep_alive: Duration,
) -> Result<Response<Payload>, Failure> {
    let form: Form = body::parse(body)?;
    let request: CreateResponse = body::parse(body)?;
    let stream = client
        .stream(&request)
        .options(call_options(headers))
        .await
        .map_err(|error| Failure::of(&error))?;
    let headers = head(&stream, &[]);
    if form.stream == Some(true) {
        return events::answer(stream, headers, ResponsesDialect::default(), keep_alive).await;
    }
    let answer = if form.background == Some(true) {
        begun(stream).await
    } else {
        stream.finish().await.or_else(ended)
    };
    let answer = answer.map_err(|error| Failure::of(&error))?;
    let body = serde_json::to_vec(&answer).unwrap_or_default();
    Ok(payload::json(headers, body))
}

/// The headers of an answer: what the service's own say, and what was changed in the request on the way.
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
        headers.insert("x-gateway-changed", changes);
    }
    headers
}

/// A response in the background is answered as soon as it has begun, and is not cancelled by looking away.
async fn begun(mut stream: ResponseStream) -> Result<Answer, Error> {
    while let Some(event) = stream.next().await {
        if let Some(response) = event?.response() {
            return Ok(response.clone());
        }
    }
    stream.finish().await
}

/// A response that failed or is incomplete is a response to whoever asks for one: its status says so.
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

/// A header is no place for hundreds of them.
const MAX_CHANGES: usize = 20;
