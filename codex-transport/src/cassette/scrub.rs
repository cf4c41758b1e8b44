use core::fmt;
use std::borrow::Cow;

use http::{HeaderMap, Uri};

use crate::redact::{Redactor, is_credential};

/// A filter that removes secrets from a recording.
///
/// * Headers that carry credentials or name an account lose their value, and so does every header
///   whose name contains a word for a token, a secret, a key or a cookie.
/// * URLs lose their user information and the values of their query.
/// * In bodies and messages, every byte of a secret becomes `*`, so that offsets and chunk
///   boundaries stay the same: the values of JSON members and form fields that carry credentials
///   (also in JSON nested in a JSON string), bearer tokens, JWTs, keys that start with `sk-`, and
///   everything that [`secret`](Self::secret) adds. A body is searched as a whole, so a secret that
///   is split between chunks is found.
///
/// ```
/// use codex_transport::cassette::Scrubber;
///
/// let mut body = br#"{"access_token":"invented","expires_in":3600,"note":"mine"}"#.to_vec();
/// Scrubber::default().secret("mine").scrub(&mut body);
/// assert_eq!(body, br#"{"access_token":"********","expires_in":3600,"note":"****"}"#);
/// ```
#[derive(Clone, Default)]
pub struct Scrubber {
    secrets: Vec<Vec<u8>>,
}

impl Scrubber {
    /// Adds a secret, which is removed wherever it occurs, also escaped or encoded; see
    /// [`Redactor::spellings`]. An empty secret is ignored.
    #[must_use]
    pub fn secret(mut self, secret: impl Into<Vec<u8>>) -> Self {
        let secret = secret.into();
        if !secret.is_empty() {
            self.secrets.extend(Redactor::spellings(&secret));
            self.secrets.push(secret);
        }
        self
    }

    /// Replaces every byte of every secret with `*`. The length stays the same.
    pub fn scrub(&self, bytes: &mut [u8]) {
        for secret in &self.secrets {
            mask_all(bytes, secret);
        }
        mask_fields(bytes);
        mask_after(bytes, b"Bearer ", 1);
        mask_after(bytes, b"bearer ", 1);
        mask_from(bytes, b"sk-", 12);
        mask_from(bytes, b"eyJ", 24);
    }

    pub(super) fn headers(&self, headers: &HeaderMap) -> Vec<(String, String)> {
        headers
            .iter()
            .map(|(name, value)| {
                let value = if is_credential(name.as_str()) || HEADERS.contains(&name.as_str()) {
                    SCRUBBED.into()
                } else {
                    let mut value = value.as_bytes().to_vec();
                    self.scrub(&mut value);
                    String::from_utf8_lossy(&value).into_owned()
                };
                (name.as_str().to_owned(), value)
            })
            .collect()
    }

    pub(super) fn url(&self, uri: &Uri) -> String {
        let mut text = String::new();
        if let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) {
            let host = authority
                .as_str()
                .rsplit_once('@')
                .map_or(authority.as_str(), |(_, host)| host);
            text = format!("{scheme}://{host}");
        }
        text.push_str(uri.path());
        if let Some(query) = uri.query() {
            let pairs = query.split('&').map(|pair| match pair.split_once('=') {
                Some((name, _)) => Cow::Owned(format!("{name}={SCRUBBED}")),
                None => Cow::Borrowed(pair),
            });
            text.push('?');
            text.push_str(&pairs.collect::<Vec<_>>().join("&"));
        }
        let mut bytes = text.into_bytes();
        self.scrub(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scrubber")
            .field("secrets", &self.secrets.len())
            .finish()
    }
}

fn mask_all(bytes: &mut [u8], secret: &[u8]) {
    let mut from = 0;
    while let Some(at) = find(&bytes[from..], secret) {
        bytes[from + at..from + at + secret.len()].fill(b'*');
        from += at + secret.len();
    }
}

// Masks `"name" : "value"`, at any depth of JSON strings within JSON strings, and `name=value` of a
// form. All spellings of a name match: `access_token`, `accessToken`, `ACCESS_TOKEN` and
// `access-token`.
fn mask_fields(bytes: &mut [u8]) {
    let mut from = 0;
    while from < bytes.len() {
        let length = bytes[from..]
            .iter()
            .position(|byte| !is_name(*byte))
            .unwrap_or(bytes.len() - from);
        let (start, end) = (from, from + length);
        from = end.max(start + 1);
        let begins = start == 0 || matches!(bytes[start - 1], b'"' | b'&' | b'?' | b'\n' | b' ');
        if length == 0 || length > LONGEST_NAME || !begins {
            continue;
        }
        let name: Vec<u8> = bytes[start..end]
            .iter()
            .filter(|byte| byte.is_ascii_alphanumeric())
            .map(u8::to_ascii_lowercase)
            .collect();
        let json = FIELDS.iter().any(|field| field.as_bytes() == name);
        if !json && !FORM_FIELDS.iter().any(|field| field.as_bytes() == name) {
            continue;
        }
        if bytes.get(end) == Some(&b'=') {
            let value = end + 1;
            let length = bytes[value..]
                .iter()
                .position(|byte| matches!(byte, b'&' | b' ' | b'\r' | b'\n' | b'"'))
                .unwrap_or(bytes.len() - value);
            bytes[value..value + length].fill(b'*');
            from = value + length;
        } else if let Some((value, length)) = json.then(|| json_value(bytes, end)).flatten() {
            bytes[value..value + length].fill(b'*');
            from = value + length;
        }
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

// Returns the start and the length of the string value of the member whose name ends at `at`.
fn json_value(bytes: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let skip = |mut at: usize, these: &[u8]| {
        while bytes.get(at).is_some_and(|byte| these.contains(byte)) {
            at += 1;
        }
        at
    };
    at = skip(at, b"\\");
    at = (bytes.get(at) == Some(&b'"')).then_some(at + 1)?;
    at = skip(at, b" \t\r\n");
    at = (bytes.get(at) == Some(&b':')).then_some(at + 1)?;
    at = skip(at, b" \t\r\n");
    let quote = skip(at, b"\\");
    let depth = quote - at;
    let value = (bytes.get(quote) == Some(&b'"')).then_some(quote + 1)?;
    // The value ends at a quote with as many backslashes before it as the opening quote; quotes
    // within the value have more.
    let mut backslashes = 0;
    for (index, byte) in bytes[value..].iter().enumerate() {
        match byte {
            b'\\' => backslashes += 1,
            b'"' if backslashes <= depth => return Some((value, index - backslashes)),
            _ => backslashes = 0,
        }
    }
    // The body was cut within the value.
    Some((value, bytes.len() - value))
}

// Masks a run of token characters that follows this word.
fn mask_after(bytes: &mut [u8], word: &[u8], least: usize) {
    let mut from = 0;
    while let Some(at) = find(&bytes[from..], word) {
        let start = from + at + word.len();
        let length = token_length(&bytes[start..]);
        if length >= least {
            bytes[start..start + length].fill(b'*');
        }
        from = start + length;
    }
}

// Masks a run of token characters that starts with this text, if it is long enough to be a token.
fn mask_from(bytes: &mut [u8], start: &[u8], least: usize) {
    let mut from = 0;
    while let Some(at) = find(&bytes[from..], start) {
        let at = from + at;
        let length = token_length(&bytes[at..]);
        if length >= least && (at == 0 || !is_token(bytes[at - 1])) {
            bytes[at..at + length].fill(b'*');
        }
        from = at + length.max(start.len());
    }
}

fn token_length(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .position(|byte| !is_token(*byte))
        .unwrap_or(bytes.len())
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'+' | b'/' | b'=')
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

const SCRUBBED: &str = "scrubbed";

// Scrubbed in addition to the headers that authenticate: names of accounts and installations, and
// their descriptions.
const HEADERS: &[&str] = &[
    "openai-organization",
    "openai-project",
    "x-codex-turn-state",
    "x-codex-turn-metadata",
    "x-codex-installation-id",
    "x-openai-authorization-error",
];

// In lower case and without separators.
const FIELDS: &[&str] = &[
    "accesstoken",
    "refreshtoken",
    "idtoken",
    "sessiontoken",
    "subjecttoken",
    "apikey",
    "openaiapikey",
    "clientsecret",
    "password",
    "authorization",
    "authorizationcode",
    "codeverifier",
    "deviceauthid",
    "devicecode",
    "usercode",
    "accountid",
    "chatgptaccountid",
    "chatgptuserid",
    "email",
    "encryptedcontent",
];

// A longer name is not one of these.
const LONGEST_NAME: usize = 40;

// Names that are harmless in JSON, where `code` is the code of an error.
const FORM_FIELDS: &[&str] = &["code", "token", "state"];
