// What goes wrong, in the shape in which the APIs say it. Whoever repeats requests looks at the status, at `retry-after` and at the code; so
// what the service said about these is passed on, and what the gateway itself has to say uses the same words.

use core::error::Error as _;

use codex_client::{Error, ErrorKind};
use codex_types::profile::Unfit;
use codex_types::{ApiError, ErrorCategory};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use crate::credentials::chain;
use crate::payload::{self, Payload};

pub(crate) struct Failure {
    status: StatusCode,
    error: Box<ApiError>,
    headers: HeaderMap,
}

impl Failure {
    /// The gateway's own refusal.
    pub(crate) fn refusal(status: StatusCode, code: &str, message: &str) -> Self {
        Self {
            status,
            error: Box::new(ApiError::new(code, message)),
            headers: HeaderMap::new(),
        }
    }

    /// A request that can be understood by nobody, or by nobody who is asked here.
    pub(crate) fn bad_request(error: ApiError) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error: Box::new(error),
            headers: HeaderMap::new(),
        }
    }

    /// What happened between the gateway and the service.
    pub(crate) fn of(error: &Error) -> Self {
        let headers = error.meta().map(|meta| passed_on(meta.headers()));
        let told = error.api().cloned();
        let (status, code) = match error.kind() {
            ErrorKind::Status | ErrorKind::Failed => {
                let told = told.clone().unwrap_or_default();
                let status = error.status().unwrap_or_else(|| status_of(&told));
                (status, "upstream_error")
            }
            ErrorKind::Request => (StatusCode::BAD_REQUEST, "unsupported_request"),
            ErrorKind::Credentials => (StatusCode::UNAUTHORIZED, "upstream_credentials"),
            ErrorKind::Timeout => (StatusCode::GATEWAY_TIMEOUT, "upstream_timeout"),
            ErrorKind::Truncated => (StatusCode::BAD_GATEWAY, "upstream_truncated"),
            ErrorKind::Transport => (StatusCode::BAD_GATEWAY, "upstream_unreachable"),
            _ => (StatusCode::BAD_GATEWAY, "upstream_protocol"),
        };
        let mut told = told.unwrap_or_else(|| ApiError::new(code, ""));
        if told.message.is_empty() {
            told.message = chain(error);
        }
        if told.param.is_none() {
            told.param = parameter(error);
        }
        Self {
            status,
            error: Box::new(told),
            headers: headers.unwrap_or_default(),
        }
    }

    /// A response that failed where its API has an error and no response.
    pub(crate) fn of_response(error: ApiError, headers: HeaderMap) -> Self {
        Self {
            status: status_of(&error),
            error: Box::new(error),
            headers,
        }
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    pub(crate) fn error(&self) -> &ApiError {
        &self.error
    }

    pub(crate) fn into_response(self) -> Response<Payload> {
        let body = json!({"error": self.body()}).to_string();
        let mut response = Response::new(payload::whole(body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }

    /// As an event of a WebSocket, which has the status and the headers in it.
    pub(crate) fn into_event(self) -> Value {
        let headers: serde_json::Map<String, Value> = self
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.to_string(), json!(value.to_str().ok()?))))
            .collect();
        json!({"type": "error", "status": self.status.as_u16(), "error": self.body(), "headers": headers})
    }

    /// The error with all that the service said about it, and with the four keys that clients rely on.
    fn body(&self) -> Value {
        let mut body = serde_json::to_value(&self.error).unwrap_or_default();
        if let Value::Object(keys) = &mut body {
            // Over HTTP headers are headers.
            keys.remove("headers");
            keys.entry("type")
                .or_insert_with(|| json!(kind(self.status)));
            for name in ["message", "param", "code"] {
                keys.entry(name).or_insert(Value::Null);
            }
        }
        body
    }
}

/// The headers of the service that mean something to its clients.
pub(crate) fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let is_passed_on = |name: &str| {
        ["openai-", "x-ratelimit-", "x-codex-", "retry-after"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
            || ["x-request-id", "x-should-retry", "x-models-etag"].contains(&name)
    };
    headers
        .iter()
        .filter(|(name, _)| is_passed_on(name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The name of the parameter that the backend does not take, in the way the APIs write it.
fn parameter(error: &Error) -> Option<String> {
    let unfit = error.source()?.downcast_ref::<Unfit>()?;
    let pointer = &unfit.findings().first()?.pointer;
    Some(pointer.trim_start_matches('/').replace('/', "."))
}

/// The status of an error that came without one.
fn status_of(error: &ApiError) -> StatusCode {
    match error.category() {
        ErrorCategory::Authentication => StatusCode::UNAUTHORIZED,
        ErrorCategory::Permission => StatusCode::FORBIDDEN,
        ErrorCategory::InvalidRequest
        | ErrorCategory::ContextWindow
        | ErrorCategory::Policy
        | ErrorCategory::StateLost => StatusCode::BAD_REQUEST,
        ErrorCategory::Quota | ErrorCategory::UsageLimit | ErrorCategory::RateLimit => {
            StatusCode::TOO_MANY_REQUESTS
        }
        ErrorCategory::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn kind(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "authentication_error",
        StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
        status if status.is_server_error() => "server_error",
        _ => "invalid_request_error",
    }
}
