// Which request is answered by what. Paths are the same with and without `/v1`, because base URLs are given either way.

use std::sync::Arc;

use http::header::UPGRADE;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::body;
use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::payload::{self, Held, Payload};
use crate::{chat, forward, models, responses, socket};

pub(crate) async fn answer(gateway: Arc<Gateway>, request: Request<Incoming>) -> Response<Payload> {
    match route(gateway, request).await {
        Ok(response) => response,
        Err(failure) => failure.into_response(),
    }
}

async fn route(
    gateway: Arc<Gateway>,
    request: Request<Incoming>,
) -> Result<Response<Payload>, Failure> {
    gateway.guard.admit(&request)?;
    let path = request.uri().path().trim_matches('/').to_owned();
    let path = path.strip_prefix("v1/").unwrap_or(&path);
    if path == "healthz" {
        return Ok(payload::json(HeaderMap::new(), r#"{"status":"ok"}"#));
    }
    let caller = gateway.guard.caller(request.headers())?.clone();
    let segments: Vec<&str> = path.split('/').collect();
    let method = request.method().clone();
    if segments == ["responses"] && method == Method::GET {
        return if request.headers().contains_key(UPGRADE) {
            // An open socket is no request; its turns are.
            socket::upgrade(gateway, caller, request)
        } else {
            Err(Failure::refusal(
                StatusCode::UPGRADE_REQUIRED,
                "upgrade_required",
                "a GET of this path opens a WebSocket",
            ))
        };
    }
    let place = caller.enter()?;
    let upstream = &gateway.upstream;
    let response = match (&method, segments.as_slice()) {
        (&Method::POST, ["responses"]) => {
            let headers = request.headers().clone();
            let body = body::read(request, gateway.limits).await?;
            responses::create(&upstream.client, &headers, &body, gateway.limits.keep_alive).await?
        }
        (&Method::POST, ["chat", "completions"]) => {
            let headers = request.headers().clone();
            let body = body::read(request, gateway.limits).await?;
            chat::complete(upstream, &headers, &body, gateway.limits.keep_alive).await?
        }
        (&Method::GET, ["models"]) => models::list(&upstream.client).await?,
        (&Method::GET, ["models", id @ ..]) => {
            // Names of fine-tuned models have slashes in them.
            models::one(&upstream.client, &id.join("/")).await?
        }
        (method, segments) if forward::is_forwarded(method, segments) => {
            let target = match request.uri().query() {
                Some(query) => format!("{path}?{query}"),
                None => path.to_owned(),
            };
            let body = body::read(request, gateway.limits).await?;
            forward::forward(upstream, method.clone(), &target, body).await?
        }
        _ => {
            return Err(Failure::refusal(
                StatusCode::NOT_FOUND,
                "not_found",
                "the gateway has no such endpoint",
            ));
        }
    };
    Ok(response.map(|body| {
        let held = Held {
            body,
            _place: place,
        };
        held.boxed_unsync()
    }))
}
