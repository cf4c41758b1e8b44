// What the head of an answer says beside the events.

use core::time::Duration;

use std::time::SystemTime;

use codex_types::RateLimits;
use http::{HeaderMap, StatusCode};

/// The head of the answer: the request's name, the model that serves it, and every other header.
///
/// It has no payload and no credential in it, so it may be logged.
#[derive(Clone, Debug)]
pub struct ResponseMeta {
    status: StatusCode,
    headers: HeaderMap,
}

impl ResponseMeta {
    pub(crate) fn read(status: StatusCode, headers: &HeaderMap) -> Self {
        let mut headers = headers.clone();
        // Cookies are the server's secrets about us.
        headers.remove(http::header::SET_COOKIE);
        Self { status, headers }
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The server's name for the request (`x-request-id`, else `x-oai-request-id`, else `cf-ray`).
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        ["x-request-id", "x-oai-request-id", "cf-ray"]
            .iter()
            .find_map(|name| self.text(name))
    }

    /// The model that really serves the request (`openai-model`), which may be another one than was asked for.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.text("openai-model")
    }

    /// The server's routing token for later requests of the same turn (`x-codex-turn-state`).
    #[must_use]
    pub fn turn_state(&self) -> Option<&str> {
        self.text("x-codex-turn-state")
    }

    /// How long the server asked to be left alone: `retry-after-ms` in milliseconds, else `retry-after` in seconds or as a date.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        codex_transport::retry_after(&self.headers, SystemTime::now())
    }

    /// How much of the account's limits is used, as far as the head says; empty where it says nothing.
    #[must_use]
    pub fn rate_limits(&self) -> RateLimits {
        let headers = self.headers.iter();
        RateLimits::from_headers(
            headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))),
        )
    }

    /// Names the state of the list of models (`x-models-etag`): when it changes, the list has.
    #[must_use]
    pub fn models_etag(&self) -> Option<&str> {
        self.text("x-models-etag")
    }

    /// All headers of the answer except cookies.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let text = self.headers.get(name)?.to_str().ok()?.trim();
        (!text.is_empty()).then_some(text)
    }
}
