//! The routes. Each path is available with and without `/v1`, because SDKs expect base URLs of both
//! forms.

use std::sync::Arc;

use bytes::Bytes;
use http::header::UPGRADE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::body;
use crate::connection::Visitor;
use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::guard::{self, Caller, PAGE};
use crate::held::Held;
use crate::journal::Entry;
use crate::payload::{self, Payload};
use crate::upstream::Upstream;
use crate::{chat, id, models, page, pass, responses, socket};

/// Serves a request and records it.
pub(crate) async fn answer(
    gateway: Arc<Gateway>,
    visitor: Arc<Visitor>,
    request: Request<Incoming>,
) -> Response<Payload> {
    let (method, path) = (request.method().as_str(), request.uri().path());
    let entry = gateway.journal.begin(visitor.peer, method, path);
    if request.body().is_end_stream() {
        visitor.request_is_read();
    }
    let mut readable = HeaderMap::new();
    let answered = match visitor.check().and_then(|()| gateway.guard.admit(&request)) {
        Ok(headers) => {
            readable = headers;
            route(gateway, &visitor, &entry, request, !readable.is_empty()).await
        }
        Err(failure) => Err(failure),
    };
    let mut response = match answered {
        Ok(response) => response,
        Err(failure) => {
            entry.failed(failure.fault(), failure.code());
            let response = with_id(failure.into_response());
            held(response, &entry, &visitor, None)
        }
    };
    response.headers_mut().extend(readable);
    entry.status(response.status().as_u16());
    if let Some(id) = response
        .headers()
        .get(REQUEST_ID)
        .and_then(|id| id.to_str().ok())
    {
        entry.request_id(id);
    }
    response
}

/// Adds a request id to an error of the gateway itself: clients show it, and the log contains it.
fn with_id(mut response: Response<Payload>) -> Response<Payload> {
    if !response.headers().contains_key(REQUEST_ID)
        && let Ok(id) = HeaderValue::from_str(&id::random("gateway_"))
    {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

fn held(
    response: Response<Payload>,
    entry: &Arc<Entry>,
    visitor: &Arc<Visitor>,
    permit: Option<tokio::sync::OwnedSemaphorePermit>,
) -> Response<Payload> {
    response.map(|body| Held::new(body, entry.clone(), visitor.clone(), permit).boxed_unsync())
}

async fn route(
    gateway: Arc<Gateway>,
    visitor: &Arc<Visitor>,
    entry: &Arc<Entry>,
    request: Request<Incoming>,
    is_of_allowed_page: bool,
) -> Result<Response<Payload>, Failure> {
    if guard::is_preflight(&request) && is_of_allowed_page {
        let mut response = Response::new(payload::whole(""));
        *response.status_mut() = StatusCode::NO_CONTENT;
        *response.headers_mut() = guard::may_send(request.headers());
        return Ok(held(response, entry, visitor, None));
    }
    let method = as_get(request.method());
    let full_path = request.uri().path().to_owned();
    let path = full_path.trim_matches('/');
    let path = path.strip_prefix("v1/").unwrap_or(path);
    let open = match (&method, path) {
        (&Method::GET, "healthz") => Some(payload::json(HeaderMap::new(), r#"{"status":"ok"}"#)),
        (&Method::GET, "metrics") if gateway.open_metrics => Some(page::metrics(&gateway)),
        (&Method::GET, _) if PAGE.contains(&&*full_path) => page::asset(&full_path),
        _ => None,
    };
    if let Some(response) = open {
        return Ok(held(response, entry, visitor, None));
    }
    let caller = gateway.guard.caller(request.headers())?.clone();
    visitor.introduced();
    entry.client(caller.number);
    let segments: Vec<&str> = path.split('/').collect();
    if segments == ["responses"] && method == Method::GET {
        return if request.headers().contains_key(UPGRADE) {
            // An open socket is not a request; its turns are.
            let response = socket::upgrade(gateway, caller, visitor.peer, request)?;
            Ok(held(response, entry, visitor, None))
        } else {
            Err(Failure::refusal(
                StatusCode::UPGRADE_REQUIRED,
                "upgrade_required",
                "GET on this path requires a WebSocket upgrade",
            ))
        };
    }
    let permit = caller.enter()?;
    let response = match (&method, segments.as_slice()) {
        (&Method::GET, ["metrics"]) => page::metrics(&gateway),
        (&Method::GET, ["status"]) => page::status(&gateway),
        _ => {
            let read = async |request| {
                let body = body::read(request, gateway.limits).await;
                visitor.request_is_read();
                body
            };
            serve(&gateway, &caller, entry, request, &segments, read).await?
        }
    };
    Ok(held(response, entry, visitor, Some(permit)))
}

/// Serves a request of the APIs.
async fn serve(
    gateway: &Gateway,
    caller: &Caller,
    entry: &Arc<Entry>,
    request: Request<Incoming>,
    segments: &[&str],
    read: impl AsyncFnOnce(Request<Incoming>) -> Result<Bytes, Failure>,
) -> Result<Response<Payload>, Failure> {
    let services = &gateway.services;
    let method = &as_get(request.method());
    let headers = request.headers().clone();
    let query = request.uri().query().map(|query| format!("?{query}"));
    let is_streamed = request
        .uri()
        .query()
        .is_some_and(|query| query.split('&').any(|pair| pair == "stream=true"));
    if let Some(response) = responses::kept(gateway, caller, method, segments, is_streamed) {
        return Ok(response);
    }
    match (method, segments) {
        (&Method::POST, ["responses"]) => {
            let body = read(request).await?;
            responses::create(gateway, caller, entry, &headers, &body).await
        }
        (&Method::POST, ["chat", "completions"]) => {
            let body = read(request).await?;
            chat::complete(gateway, entry, &headers, body).await
        }
        (&Method::GET, ["models"]) => models::list(services).await,
        // The names of fine-tuned models contain slashes.
        (&Method::GET, ["models", id @ ..]) => models::one(services, &id.join("/")).await,
        (&Method::GET | &Method::DELETE, ["responses", _, ..])
            if !services.first().is_platform() =>
        {
            Err(responses::not_kept(gateway))
        }
        (method, segments) if is_passed_on(gateway, method, segments) => {
            let path = segments.join("/") + &query.unwrap_or_default();
            let body = match *method {
                Method::GET => Bytes::new(),
                _ => read(request).await?,
            };
            let (upstream, body) = services.select_for(body);
            if !may_pass(upstream, segments) {
                return Err(no_endpoint(gateway, segments));
            }
            let passed = pass::pass(upstream, &headers, method.clone(), &path, body).await?;
            Ok(pass::finish(entry, passed.into_response()))
        }
        _ => Err(no_endpoint(gateway, segments)),
    }
}

/// Returns GET for HEAD: the server then sends only the headers of the response.
fn as_get(method: &Method) -> Method {
    match *method {
        Method::HEAD => Method::GET,
        ref other => other.clone(),
    }
}

/// Returns whether a path is passed on: it is allowed, and the service offers more than responses.
fn is_passed_on(gateway: &Gateway, method: &Method, segments: &[&str]) -> bool {
    let is_plain = |segment: &&str| {
        let is_word =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
        !segment.is_empty()
            && segment.bytes().all(is_word)
            && !segment.bytes().all(|byte| byte == b'.')
    };
    let is_known = [
        Method::GET,
        Method::POST,
        Method::DELETE,
        Method::PUT,
        Method::PATCH,
    ]
    .contains(method);
    is_known
        && segments.iter().all(is_plain)
        && gateway.policy.allows(&segments.join("/"))
        && gateway
            .services
            .all()
            .iter()
            .any(|it| may_pass(it, segments))
}

/// Returns whether the service has the path.
fn may_pass(upstream: &Upstream, segments: &[&str]) -> bool {
    upstream.is_platform() || matches!(segments, ["responses", "input_tokens" | "compact"])
}

fn no_endpoint(gateway: &Gateway, segments: &[&str]) -> Failure {
    let path = segments.join("/");
    let message = if !gateway.services.have_platform() && gateway.policy.allows(&path) {
        "this endpoint requires an API key; with a ChatGPT login the gateway serves /v1/responses, /v1/chat/completions and /v1/models".to_owned()
    } else {
        format!(
            "unknown path; the gateway serves /v1/responses, /v1/chat/completions and /v1/models, and passes through: {} (add others with --allow-path)",
            gateway.policy.paths().join(", ")
        )
    };
    Failure::refusal(StatusCode::NOT_FOUND, "not_found", &message)
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
