//! Parses the responses of a token endpoint. Successful responses are parsed leniently, because
//! they were paid for with a token that is now spent. A success without tokens comes from a server
//! that malfunctions, unless its body has an error code. Refusals are classified by their code
//! first and by status second, and none of their text reaches `Display` or `Debug`.

use core::time::Duration;
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};

use crate::encode::percent_encode;
use crate::error::{Error, ErrorKind};
use crate::json::{Object, quoted};
use crate::jwt::claims::at;
use crate::secret::Secret;

/// The members of a successful token response; all are optional.
pub(crate) struct TokenAnswer {
    pub(crate) access_token: Option<Secret>,
    pub(crate) refresh_token: Option<Secret>,
    pub(crate) id_token: Option<Secret>,
    pub(crate) token_type: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) expires_in: Option<Duration>,
    pub(crate) earliest_refresh_at: Option<SystemTime>,
}

impl TokenAnswer {
    pub(crate) fn read(response: &Response<Bytes>) -> Result<Self, Error> {
        let answer = success(response)?;
        Ok(Self {
            access_token: answer.secret("access_token"),
            refresh_token: answer.secret("refresh_token"),
            id_token: answer.secret("id_token"),
            token_type: answer.text("token_type"),
            scope: answer.text("scope"),
            expires_in: answer
                .seconds("expires_in")
                .and_then(|seconds| u64::try_from(seconds).ok())
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
            earliest_refresh_at: moment(&answer, "earliest_refresh_at"),
        })
    }

    pub(crate) fn has_token(&self) -> bool {
        self.access_token.is_some() || self.refresh_token.is_some() || self.id_token.is_some()
    }
}

/// Returns the object in the body of a successful response.
pub(crate) fn success(response: &Response<Bytes>) -> Result<Object<'_>, Error> {
    let body = response.body();
    if body.len() > LARGEST_ANSWER {
        return Err(invalid_response(response, "too large"));
    }
    object(body).ok_or_else(|| invalid_response(response, "not a JSON object"))
}

/// Parses an object. A byte order mark is not part of the text (RFC 8259 section 8.1).
fn object(body: &[u8]) -> Option<Object<'_>> {
    Object::parse_bytes(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body))
}

pub(crate) fn invalid_response(response: &Response<Bytes>, detail: &'static str) -> Error {
    with_request_id(
        Error::new(ErrorKind::InvalidResponse).with_detail(detail),
        response.headers(),
    )
}

/// Parses a time: a Unix timestamp, digits in a string, or ISO 8601 text, since the documentation
/// does not specify the format.
pub(crate) fn moment(object: &Object<'_>, name: &str) -> Option<SystemTime> {
    let iso = || object.text(name).and_then(|text| timestamp(&text));
    object.seconds(name).map(at).or_else(iso)
}

pub(crate) fn timestamp(text: &str) -> Option<SystemTime> {
    humantime::parse_rfc3339(text.trim()).ok()
}

/// The purpose of a refused request; the same code means different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Exchange,
    Refresh,
    Device,
    Other,
}

/// Parses an error response. `secrets` are those of the request, which a server may quote.
pub(crate) fn refusal(purpose: Purpose, response: &Response<Bytes>, secrets: &[&Secret]) -> Error {
    let status = response.status();
    if status.is_informational() || status.is_redirection() || status.is_success() {
        // A redirect would send the secrets of the request to another URL.
        return invalid_response(response, "neither success nor an error").with_status(status);
    }
    described(purpose, response, secrets)
}

/// Parses a successful response to a refresh that contains no tokens. The refresh token is still
/// valid, unless the body has the error code of a refusal.
pub(crate) fn without_tokens(response: &Response<Bytes>, secrets: &[&Secret]) -> Error {
    let error = described(Purpose::Refresh, response, secrets);
    if error.kind() == ErrorKind::Unavailable {
        error.with_detail("no tokens in the response")
    } else {
        error
    }
}

/// Returns why the device login ended, if this response to a poll contains the reason. Any status
/// is accepted.
pub(crate) fn declined(response: &Response<Bytes>, secrets: &[&Secret]) -> Option<Error> {
    let error = described(Purpose::Device, response, secrets);
    let is_final = matches!(
        error.kind(),
        ErrorKind::Denied | ErrorKind::MissingEntitlement | ErrorKind::TimedOut
    );
    is_final.then_some(error)
}

/// Returns whether a sign-in was declined because the workspace has no access.
pub(crate) fn is_missing_entitlement(code: &str, description: &str) -> bool {
    let marked = || {
        description
            .to_ascii_lowercase()
            .contains("missing_codex_entitlement")
    };
    code == "access_denied" && marked()
}

/// Returns the error that a body describes.
fn described(purpose: Purpose, response: &Response<Bytes>, secrets: &[&Secret]) -> Error {
    let status = response.status();
    let body = if response.body().len() <= LARGEST_REFUSAL {
        response.body().as_ref()
    } else {
        b""
    };
    let object = object(body);
    let nested = object.as_ref().and_then(|object| object.object("error"));
    let nested_text = |name: &str| nested.as_ref().and_then(|nested| nested.text(name));
    let text = |name: &str| object.as_ref().and_then(|object| object.text(name));
    let code = nested_text("code")
        .or_else(|| text("error"))
        .or_else(|| text("code"))
        .and_then(|code| sanitized_code(&code));
    // The body of a success may contain tokens, so only the message of an error response is shown.
    let quotable = !status.is_success();
    let plain = || {
        core::str::from_utf8(body)
            .ok()
            .filter(|_| object.is_none())
            .filter(|text| !text.trim_start().starts_with('<'))
            .map(str::to_owned)
    };
    let description = text("error_description")
        .or_else(|| nested_text("message"))
        .or_else(|| text("message"))
        .or_else(plain)
        .filter(|_| quotable || code.is_some());
    if purpose == Purpose::Device
        && is_missing_entitlement(
            code.as_deref().unwrap_or_default(),
            description.as_deref().unwrap_or_default(),
        )
    {
        // The kind replaces the marker, which is not meant for people.
        return Error::new(ErrorKind::MissingEntitlement).with_status(status);
    }
    let description = description.and_then(|text| sanitized_description(text, secrets));

    let mut error = Error::new(kind(purpose, status, code.as_deref())).with_status(status);
    if let Some(code) = code {
        error = error.with_code(code);
    }
    if let Some(description) = description {
        error = error.with_description(description);
    }
    if let Some(retry_after) = retry_after(response.headers()) {
        error = error.with_retry_after(retry_after);
    }
    with_request_id(error, response.headers())
}

fn kind(purpose: Purpose, status: StatusCode, code: Option<&str>) -> ErrorKind {
    let code = code.map(str::to_ascii_lowercase).unwrap_or_default();
    match (purpose, code.as_str()) {
        (_, "temporarily_unavailable" | "server_error" | "slow_down") => ErrorKind::Unavailable,
        (_, "invalid_client" | "unauthorized_client" | "unsupported_grant_type") => {
            ErrorKind::InvalidClient
        }
        (Purpose::Exchange, "invalid_grant") => ErrorKind::CodeRefused,
        (Purpose::Device, "access_denied" | "authorization_declined") => ErrorKind::Denied,
        (Purpose::Device, "expired_token") => ErrorKind::TimedOut,
        (Purpose::Refresh, "refresh_token_expired" | "token_expired") => ErrorKind::RefreshExpired,
        (Purpose::Refresh, "refresh_token_reused") => ErrorKind::RefreshReused,
        (Purpose::Refresh, "refresh_token_invalidated") => ErrorKind::RefreshRevoked,
        (Purpose::Refresh, "invalid_grant" | "invalid_refresh_token") => ErrorKind::RefreshRefused,
        _ if status.is_server_error()
            || status.is_success()
            || status == StatusCode::TOO_MANY_REQUESTS
            || status == StatusCode::REQUEST_TIMEOUT =>
        {
            ErrorKind::Unavailable
        }
        (Purpose::Refresh, _) if status == StatusCode::UNAUTHORIZED => ErrorKind::RefreshRefused,
        _ => ErrorKind::Rejected,
    }
}

pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers
        .get(http::header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}

pub(crate) fn sanitized_code(code: &str) -> Option<Box<str>> {
    let plain = code
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    (plain && (1..=64).contains(&code.len())).then(|| code.into())
}

pub(crate) fn sanitized_description(mut text: String, secrets: &[&Secret]) -> Option<Box<str>> {
    for secret in secrets.iter().filter(|secret| !secret.is_blank()) {
        let mut encoded = String::new();
        percent_encode(&mut encoded, secret.expose());
        let escaped = quoted(secret.expose());
        for form in [secret.expose(), &encoded, escaped.trim_matches('"')] {
            text = text.replace(form, "[secret]");
        }
    }
    let visible: String = text
        .chars()
        .map(|one| if one.is_control() { ' ' } else { one })
        .collect();
    let short: String = visible.trim().chars().take(LONGEST_DESCRIPTION).collect();
    (!short.is_empty()).then(|| short.into())
}

fn with_request_id(error: Error, headers: &HeaderMap) -> Error {
    let names = [
        "x-request-id",
        "x-openai-request-id",
        "x-oai-request-id",
        "cf-ray",
    ];
    let id = names
        .into_iter()
        .find_map(|name| headers.get(name)?.to_str().ok());
    match id {
        Some(id) => error.with_request_id(
            id.chars()
                .take(LONGEST_REQUEST_ID)
                .collect::<String>()
                .into(),
        ),
        None => error,
    }
}

/// A token response is a few kilobytes; the largest observed claims are those of accounts with many
/// organizations.
const LARGEST_ANSWER: usize = 64 * 1024;
const LARGEST_REFUSAL: usize = 8 * 1024;
const LONGEST_DESCRIPTION: usize = 512;
const LONGEST_REQUEST_ID: usize = 128;
