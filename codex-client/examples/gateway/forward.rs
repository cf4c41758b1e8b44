// What concerns responses that the service keeps goes there and back as it is: nothing here has to understand it.

use bytes::Bytes;
use codex_client::Client;
use codex_types::profile::{Channel, Identity};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;

use crate::failure::{self, Failure};
use crate::payload::Payload;
use crate::upstream::{AGENT, ORIGINATOR, Upstream};

/// Whether it is for the service alone to answer this.
pub(crate) fn is_forwarded(method: &Method, segments: &[&str]) -> bool {
    match segments {
        ["responses", "input_tokens" | "compact"] => method == Method::POST,
        ["responses", id] => (method == Method::GET || method == Method::DELETE) && is_id(id),
        ["responses", id, "cancel"] => method == Method::POST && is_id(id),
        ["responses", id, "input_items"] => method == Method::GET && is_id(id),
        _ => false,
    }
}

pub(crate) async fn forward(
    upstream: &Upstream,
    method: Method,
    path_and_query: &str,
    body: Bytes,
) -> Result<Response<Payload>, Failure> {
    let request = request(upstream, method, path_and_query, body).ok_or_else(|| {
        Failure::refusal(
            StatusCode::BAD_REQUEST,
            "invalid_url",
            "the gateway cannot pass on this path",
        )
    })?;
    let client: &Client = &upstream.client;
    let answer = client
        .execute(request)
        .await
        .map_err(|error| Failure::of(&error))?;
    let (head, body) = answer.into_parts();
    let mut response = Response::new(body.map_err(Into::into).boxed_unsync());
    *response.status_mut() = head.status;
    *response.headers_mut() = failure::passed_on(&head.headers);
    if let Some(kind) = head.headers.get(CONTENT_TYPE) {
        response.headers_mut().insert(CONTENT_TYPE, kind.clone());
    }
    Ok(response)
}

/// `None` if it cannot be built.
fn request(
    upstream: &Upstream,
    method: Method,
    path_and_query: &str,
    body: Bytes,
) -> Option<Request<Bytes>> {
    let base = upstream.base_url.trim_end_matches('/');
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = format!("{base}/{path_and_query}").parse().ok()?;
    let headers = request.headers_mut();
    let identity = Identity::new().originator(ORIGINATOR).user_agent(AGENT);
    for (name, value) in upstream.profile.headers_for(Channel::Http, &identity) {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.insert(name, HeaderValue::from_str(&value).ok()?);
    }
    headers.insert(
        ACCEPT,
        HeaderValue::from_static("application/json, text/event-stream"),
    );
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Some(request)
}

/// Nothing that could lead to another path.
fn is_id(id: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    !id.is_empty() && id.bytes().all(is_word)
}
