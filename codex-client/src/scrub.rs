//! Removes credentials from text of the server. Servers and proxies repeat credentials in their
//! errors, and nothing that is shown or passed on may contain the credentials of its request, in
//! any of their [spellings](Redactor::spellings).

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use codex_transport::Redactor;
use codex_types::{ApiError, ErrorCode, Map, RawJson, ResponseEvent};
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue, PROXY_AUTHORIZATION};

/// The credentials of one request, to be removed from texts.
#[derive(Clone, Default)]
pub(crate) struct Scrub {
    credentials: Arc<Credentials>,
}

#[derive(Default)]
struct Credentials {
    secrets: Vec<String>,
    /// A text with fewer bytes contains no spelling of a secret.
    shortest: usize,
    /// All spellings, computed for the first text that could contain one.
    spellings: OnceLock<Vec<String>>,
}

impl Scrub {
    /// Creates a scrubber for the headers of a request: for the values that are marked as
    /// sensitive, without their scheme.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let is_secret = |name, value: &HeaderValue| {
            value.is_sensitive() || [AUTHORIZATION, PROXY_AUTHORIZATION].contains(name)
        };
        let values = headers
            .iter()
            .filter(|(name, value)| is_secret(name, value));
        let secrets: Vec<String> = values
            .filter_map(|(_, value)| value.to_str().ok())
            .map(|value| value.rsplit(' ').next().unwrap_or(value))
            .filter(|secret| secret.len() >= SHORTEST)
            .map(str::to_owned)
            .collect();
        let shortest = secrets.iter().map(|secret| shortest_spelling(secret.len()));
        Self {
            credentials: Arc::new(Credentials {
                shortest: shortest.min().unwrap_or(usize::MAX),
                secrets,
                spellings: OnceLock::new(),
            }),
        }
    }

    pub(crate) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut scrubbed = Cow::Borrowed(text);
        if text.len() < self.credentials.shortest {
            return scrubbed;
        }
        for spelling in self.credentials.spellings() {
            if scrubbed.contains(spelling.as_str()) {
                scrubbed = Cow::Owned(scrubbed.replace(spelling.as_str(), REDACTED));
            }
        }
        scrubbed
    }

    /// Scrubs text that may not be valid UTF-8.
    pub(crate) fn bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let text = String::from_utf8_lossy(bytes);
        match self.text(&text) {
            Cow::Borrowed(_) => Cow::Borrowed(bytes),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        }
    }

    /// Scrubs the values of headers.
    pub(crate) fn headers(&self, headers: &mut HeaderMap) {
        for value in headers.values_mut() {
            if let Ok(text) = value.to_str()
                && let Cow::Owned(text) = self.text(text)
                && let Ok(text) = HeaderValue::try_from(text)
            {
                *value = text;
            }
        }
    }

    /// Scrubs the error that an event reports, and the response headers that it carries.
    pub(crate) fn event(&self, event: &mut ResponseEvent) {
        match event {
            ResponseEvent::Metadata(event) | ResponseEvent::CodexMetadata(event) => {
                self.map(&mut event.headers);
            }
            ResponseEvent::Created(event)
            | ResponseEvent::Queued(event)
            | ResponseEvent::InProgress(event)
            | ResponseEvent::Completed(event)
            | ResponseEvent::Failed(event)
            | ResponseEvent::Cancelled(event)
            | ResponseEvent::Incomplete(event)
            | ResponseEvent::Done(event) => {
                self.map(&mut event.headers);
                self.map(&mut event.response.headers);
                if let Some(error) = &mut event.response.error {
                    self.error(error);
                }
            }
            ResponseEvent::Error(event) => {
                if let Some(error) = &mut event.error {
                    self.error(error);
                }
                self.replace(&mut event.message);
                self.replace(&mut event.param);
                self.code(&mut event.code);
                self.map(&mut event.headers);
            }
            _ => {}
        }
    }

    fn error(&self, error: &mut ApiError) {
        let message = self.text(&error.message);
        if let Cow::Owned(message) = message {
            error.message = message;
        }
        self.replace(&mut error.param);
        self.code(&mut error.code);
        self.code(&mut error.kind);
        self.map(&mut error.headers);
    }

    /// Scrubs headers inside JSON.
    fn map(&self, headers: &mut Option<Map<RawJson>>) {
        let Some(headers) = headers else { return };
        let scrubbed: Vec<_> = headers
            .iter()
            .filter_map(|(name, value)| match self.text(value.as_str()) {
                Cow::Borrowed(_) => None,
                Cow::Owned(text) => Some((name.to_owned(), RawJson::parse(&text).ok()?)),
            })
            .collect();
        for (name, value) in scrubbed {
            headers.insert(name, value);
        }
    }

    fn replace(&self, text: &mut Option<String>) {
        if let Some(text) = text
            && let Cow::Owned(scrubbed) = self.text(text)
        {
            *text = scrubbed;
        }
    }

    fn code(&self, code: &mut Option<ErrorCode>) {
        if let Some(code) = code
            && let Cow::Owned(scrubbed) = self.text(code.as_str())
        {
            *code = scrubbed.into();
        }
    }
}

impl Credentials {
    fn spellings(&self) -> &[String] {
        self.spellings.get_or_init(|| {
            let secrets = self.secrets.iter();
            let mut all: Vec<String> = secrets
                .flat_map(|secret| Redactor::spellings(secret.as_bytes()))
                .filter_map(|spelling| String::from_utf8(spelling).ok())
                .collect();
            // Remove a secret that contains another one first.
            all.sort_by_key(|spelling| core::cmp::Reverse(spelling.len()));
            all
        })
    }
}

/// Returns a lower bound for the bytes of each spelling of a secret. Escapes make it longer; base64
/// may lose up to four bytes at its ends, which belong to the characters of the text around it.
const fn shortest_spelling(bytes: usize) -> usize {
    let encoded = bytes.saturating_sub(4) / 3 * 4;
    if encoded < bytes { encoded } else { bytes }
}

const REDACTED: &str = "[redacted]";

/// The minimum length of a secret: removing a shorter value would protect nothing and garble the
/// text.
const SHORTEST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn scrub(name: &'static str, value: &'static str) -> Scrub {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        Scrub::of(&headers)
    }

    #[test]
    fn the_credential_is_removed_wherever_it_stands() {
        let scrub = scrub("authorization", "Bearer canary-7f3a");
        assert_eq!(
            scrub.text("key canary-7f3a, canary-7f3a!"),
            "key [redacted], [redacted]!"
        );
        assert_eq!(
            &*scrub.bytes(b"\xffcanary-7f3a"),
            "\u{fffd}[redacted]".as_bytes()
        );
        let mut headers = HeaderMap::new();
        headers.insert("x-echo", HeaderValue::from_static("Bearer canary-7f3a"));
        scrub.headers(&mut headers);
        assert_eq!(headers["x-echo"], "Bearer [redacted]");
    }

    #[test]
    fn other_headers_and_short_values_are_not_secrets() {
        assert_eq!(
            scrub("x-trace", "canary-7f3a").text("canary-7f3a"),
            "canary-7f3a"
        );
        assert_eq!(scrub("authorization", "Bearer key").text("a key"), "a key");
    }

    #[test]
    fn no_spelling_is_shorter_than_the_bound() {
        for length in SHORTEST..200 {
            for secret in [
                "a".repeat(length),
                "/+=".repeat(length)[..length].to_owned(),
            ] {
                let spellings = Redactor::spellings(secret.as_bytes());
                let shortest = spellings.iter().map(Vec::len).min();
                assert!(shortest.is_some_and(|shortest| shortest >= shortest_spelling(length)));
            }
        }
    }
}
