//! Forwards paths of the service that the gateway does not interpret: requests and responses pass
//! unchanged.

use bytes::Bytes;
use codex_transport::Body;
use http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::BodyExt as _;
use serde::Deserialize;

use crate::failure::{self, Failure};
use crate::journal::{Entry, Fault};
use crate::payload::{self, Payload};
use crate::upstream::{Upstream, call_options};

/// The result of forwarding a request.
pub(crate) enum Passed {
    Response(Response<Payload>),
    /// The service does not have the endpoint at all, as opposed to a model or a file that it does
    /// not have.
    NoEndpoint(Response<Payload>),
}

/// Forwards a request.
pub(crate) async fn pass(
    upstream: &Upstream,
    headers: &HeaderMap,
    method: Method,
    path_and_query: &str,
    body: Bytes,
) -> Result<Passed, Failure> {
    let mut options = call_options(headers);
    for name in [ACCEPT, CONTENT_TYPE] {
        if let Some(value) = headers.get(&name).and_then(|value| value.to_str().ok()) {
            options = options.header(name.as_str(), value);
        }
    }
    if let Some(timeouts) = upstream.timeouts {
        options = options.timeouts(timeouts);
    }
    let call = upstream.client.request(method, path_and_query, body);
    let response = call
        .options(options)
        .await
        .map_err(|error| Failure::of(&error))?;
    judge(upstream, path_and_query, response).await
}

/// Returns a response without the headers that concern only the connection between the service and
/// the gateway. An error of a backend that does not have the API's form for errors gets it.
async fn judge(
    upstream: &Upstream,
    path_and_query: &str,
    response: Response<Body>,
) -> Result<Passed, Failure> {
    let (head, body) = response.into_parts();
    let status = head.status;
    let mut headers = failure::passed_on(&head.headers);
    for name in [CONTENT_TYPE, CONTENT_DISPOSITION] {
        if let Some(value) = head.headers.get(&name) {
            headers.insert(name, value.clone());
        }
    }
    if !status.is_success() && failure::passable(status) != status {
        let message = format!(
            "the service responded with status {}, which the gateway does not pass on",
            status.as_str()
        );
        return Err(Failure::of_service(
            StatusCode::BAD_GATEWAY,
            "upstream_protocol",
            &message,
        ));
    }
    let is_absent = matches!(
        status,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED
    );
    let has_own_form = !upstream.is_platform() && !status.is_success();
    if is_absent || has_own_form || failure::is_about_credentials(status) {
        let body = body.collect(ERROR_BODY).await.unwrap_or_default();
        if failure::is_about_credentials(status) {
            return Err(Failure::rejected(status, &body, headers));
        }
        let names_a_thing =
            serde_json::from_slice::<Refusal>(&body).is_ok_and(|refusal| refusal.names_a_thing());
        if has_own_form {
            return Err(if is_absent && !names_a_thing {
                no_endpoint(status, path_and_query, headers)
            } else {
                Failure::of_body(status, &body, headers)
            });
        }
        let response = of_parts(status, headers, payload::whole(body));
        return Ok(if names_a_thing || !is_absent {
            Passed::Response(response)
        } else {
            Passed::NoEndpoint(response)
        });
    }
    let body = body.map_err(Into::into).boxed_unsync();
    Ok(Passed::Response(of_parts(status, headers, body)))
}

fn no_endpoint(status: StatusCode, path_and_query: &str, headers: HeaderMap) -> Failure {
    let path = path_and_query.split('?').next().unwrap_or_default();
    let message = format!("the service of this login does not have /v1/{path}; use an API key");
    Failure::refusal(status, "not_found", &message).with_headers(headers)
}

/// Records the status, and returns the response.
pub(crate) fn finish(entry: &Entry, response: Response<Payload>) -> Response<Payload> {
    let status = response.status();
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        entry.failed(Fault::Service, None);
    } else if status.is_client_error() {
        entry.failed(Fault::Client, None);
    }
    response
}

impl Passed {
    pub(crate) fn into_response(self) -> Response<Payload> {
        let (Self::Response(response) | Self::NoEndpoint(response)) = self;
        response
    }
}

fn of_parts(status: StatusCode, mut headers: HeaderMap, body: Payload) -> Response<Payload> {
    headers
        .entry(CONTENT_TYPE)
        .or_insert(HeaderValue::from_static("application/json"));
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// The error of a service that has the endpoint.
#[derive(Deserialize)]
struct Refusal {
    error: Refused,
}

#[derive(Deserialize)]
struct Refused {
    code: Option<String>,
    param: Option<String>,
}

impl Refusal {
    fn names_a_thing(&self) -> bool {
        let is_named =
            |name: &Option<String>| name.as_deref().is_some_and(|name| name.contains("model"));
        is_named(&self.error.code) || self.error.param.is_some()
    }
}

/// The number of bytes read from an error body.
const ERROR_BODY: usize = 256 * 1024;
