//! Errors in the form of the APIs. Clients decide about retries by the status, `retry-after` and
//! the code, so the gateway passes these on from the service, and its own errors use the same
//! values.

use core::error::Error as _;

use codex_client::{Error, ErrorKind, Side};
use codex_types::chat::translate::{TranslateError, TranslatedRequest};
use codex_types::profile::{Profile, Unfit};
use codex_types::{ApiError, ErrorCategory, ErrorEvent};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use crate::credentials::chain;
use crate::journal::Fault;
use crate::payload::{self, Payload};
use crate::policy::Policy;

pub(crate) struct Failure {
    status: StatusCode,
    error: Box<ApiError>,
    headers: HeaderMap,
    fault: Fault,
}

impl Failure {
    /// Creates an error of the gateway itself from a status, a code and a message.
    pub(crate) fn refusal(status: StatusCode, code: &str, message: &str) -> Self {
        Self::with_error(status, ApiError::new(code, message))
    }

    /// Creates an error of the gateway itself from a status and an API error.
    pub(crate) fn with_error(status: StatusCode, error: ApiError) -> Self {
        Self {
            status,
            error: Box::new(error),
            headers: HeaderMap::new(),
            fault: Fault::Client,
        }
    }

    /// Creates the error for a malformed or unsupported request.
    pub(crate) fn bad_request(error: ApiError) -> Self {
        Self::with_error(StatusCode::BAD_REQUEST, error)
    }

    /// Explains a parameter that cannot be passed on, and the flag that helps.
    pub(crate) fn unsupported(mut error: ApiError, policy: &Policy, profile: &Profile) -> Self {
        if let Some(parameter) = error.param.as_deref().filter(|_| {
            error
                .code
                .as_ref()
                .is_some_and(|code| code.as_str() == "unsupported_parameter")
        }) {
            error.message = policy.explain(parameter, profile, "");
        }
        Self::bad_request(error)
    }

    /// Converts an error of the client, and explains a request that does not fit the service.
    pub(crate) fn explained(error: &Error, policy: &Policy, profile: &Profile) -> Self {
        let mut failure = Self::of(error);
        if let Some((parameter, reason)) = unfit(error) {
            failure.error.message = policy.explain(&parameter, profile, reason);
        }
        let refused = error.source().and_then(|source| source.downcast_ref());
        if let Some(refused) = refused {
            failure.error.message = policy.explain_untranslated(refused);
            failure.error.param = Some(TranslateError::parameter(refused).to_owned());
        }
        failure
    }

    /// Converts an error of the client.
    pub(crate) fn of(error: &Error) -> Self {
        let headers = error.meta().map(|meta| passed_on(meta.headers()));
        let api = error.api().cloned();
        let (status, code) = match error.kind() {
            ErrorKind::Status | ErrorKind::Failed => {
                let api = api.clone().unwrap_or_default();
                let status = error.status().unwrap_or_else(|| status_of(&api));
                (passable(status), "upstream_error")
            }
            ErrorKind::Request => (StatusCode::BAD_REQUEST, "unsupported_request"),
            ErrorKind::Credentials => (StatusCode::UNAUTHORIZED, "upstream_credentials"),
            ErrorKind::Timeout => (StatusCode::GATEWAY_TIMEOUT, "upstream_timeout"),
            ErrorKind::Truncated => (StatusCode::BAD_GATEWAY, "upstream_truncated"),
            ErrorKind::Transport => (StatusCode::BAD_GATEWAY, "upstream_unreachable"),
            _ => (StatusCode::BAD_GATEWAY, "upstream_protocol"),
        };
        let mut api = api.unwrap_or_else(|| ApiError::new(code, ""));
        if api.message.is_empty() {
            api.message = chain(error);
        }
        if api.param.is_none() {
            api.param = unfit(error).map(|(parameter, _)| parameter);
        }
        let is_rejected = error.status().is_some_and(is_about_credentials);
        if is_rejected {
            api.message = format!("{REJECTED}: {}", api.message);
        }
        let fault = match (error.kind(), error.side()) {
            (ErrorKind::Credentials | ErrorKind::Withheld, _) => Fault::Gateway,
            (ErrorKind::Status, _) if is_rejected => Fault::Gateway,
            (ErrorKind::Status, _) if status == StatusCode::TOO_MANY_REQUESTS => Fault::Service,
            (_, Side::Network) => Fault::Network,
            (_, Side::Local) => Fault::Client,
            _ if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
                Fault::Client
            }
            _ => Fault::Service,
        };
        Self {
            status,
            error: Box::new(api),
            headers: headers.unwrap_or_default(),
            fault,
        }
    }

    /// Names the parameter as the chat request does, instead of as this translation does.
    pub(crate) fn named_as_sent(mut self, request: &TranslatedRequest) -> Self {
        let Some(translated) = self.error.param.take() else {
            return self;
        };
        let sent = request.sent_parameter(&translated);
        let message = self.error.message.strip_prefix(&translated);
        if let Some(rest) = message.filter(|rest| rest.starts_with(':')) {
            self.error.message = format!("{sent}{rest}");
        }
        self.error.param = Some(sent.to_owned());
        self
    }

    /// Creates the error for a service that does something that cannot be passed on.
    pub(crate) fn of_service(status: StatusCode, code: &str, message: &str) -> Self {
        Self {
            fault: Fault::Service,
            ..Self::refusal(status, code, message)
        }
    }

    /// Creates the error for a service that rejected the gateway's credentials with this body.
    pub(crate) fn rejected(status: StatusCode, body: &[u8], headers: HeaderMap) -> Self {
        let mut failure = Self::of_body(status, body, headers);
        let error = &mut failure.error;
        if error.code.is_none() && error.kind.is_none() {
            error.code = Some("upstream_credentials".into());
        }
        error.message = format!("{REJECTED}: {}", error.message);
        Self {
            fault: Fault::Gateway,
            ..failure
        }
    }

    /// Reads the error in the body of a response, which may have another form than that of the API.
    pub(crate) fn of_body(status: StatusCode, body: &[u8], headers: HeaderMap) -> Self {
        let fault = if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            Fault::Service
        } else {
            Fault::Client
        };
        Self {
            headers,
            fault,
            ..Self::with_error(status, ErrorEvent::from_body(body).to_api_error())
        }
    }

    /// Creates the error for a failed response, for an API that has errors instead of failed
    /// responses.
    pub(crate) fn of_response(error: ApiError, headers: HeaderMap) -> Self {
        Self {
            status: status_of(&error),
            error: Box::new(error),
            headers,
            fault: Fault::Service,
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn fault(&self) -> Fault {
        self.fault
    }

    pub(crate) fn code(&self) -> Option<&str> {
        self.error.code.as_ref().map(|code| code.as_str())
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    pub(crate) fn with_headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
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

    /// Returns the error as a WebSocket event, which contains the status and the headers.
    pub(crate) fn into_event(self) -> Value {
        let headers: serde_json::Map<String, Value> = self
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.to_string(), json!(value.to_str().ok()?))))
            .collect();
        json!({"type": "error", "status": self.status.as_u16(), "error": self.body(), "headers": headers})
    }

    /// Returns the error with everything that the service sent about it, and with the four keys
    /// that clients rely on.
    pub(crate) fn body(&self) -> Value {
        let mut body = serde_json::to_value(&self.error).unwrap_or_default();
        if let Value::Object(keys) = &mut body {
            // Over HTTP the headers are sent as headers.
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

/// Returns the headers of the service that matter to its clients.
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

/// Returns the first parameter that the backend does not accept, as the APIs write it, and the
/// reason.
fn unfit(error: &Error) -> Option<(String, &str)> {
    let unfit = error.source()?.downcast_ref::<Unfit>()?;
    let finding = unfit.findings().first()?;
    let parameter = finding.pointer.trim_start_matches('/').replace('/', ".");
    Some((parameter, &finding.message))
}

/// Returns whether the service rejects the credentials rather than the request.
pub(crate) fn is_about_credentials(status: StatusCode) -> bool {
    status == StatusCode::UNAUTHORIZED || status == StatusCode::PROXY_AUTHENTICATION_REQUIRED
}

/// Returns an error status unchanged. Any other status that the service used for an error becomes
/// 502.
pub(crate) fn passable(status: StatusCode) -> StatusCode {
    let is_known = status.is_client_error() || (500..600).contains(&status.as_u16());
    if is_known {
        status
    } else {
        StatusCode::BAD_GATEWAY
    }
}

/// Returns the status for an error that has none.
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

const REJECTED: &str =
    "the service rejected the credentials of the gateway, not those of its client";
