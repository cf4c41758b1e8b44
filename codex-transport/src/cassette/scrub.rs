use core::fmt;
use std::borrow::Cow;

use http::{HeaderMap, Uri};

use crate::redact::is_credential;

/// Takes secrets out of what is recorded.
///
/// * Headers that carry credentials or name an account lose their value, and so does every header whose name speaks of a token, a
///   secret, a key or a cookie.
/// * Of URLs, the user information and the values of the query go.
/// * In bodies and messages, every byte of a secret becomes `*`, so that offsets and chunk bounds stay: the values of JSON members and
///   form fields that carry credentials (also in JSON inside of a JSON text), bearer tokens, JWTs, keys that start with `sk-`, and
///   whatever [`secret`](Self::secret) names. A body is searched as a whole, so a secret that is split between chunks is found.
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
    /// Takes out these bytes too, wherever they stand. An empty secret is none.
    #[must_use]
    pub fn secret(mut self, secret: impl Into<Vec<u8>>) -> Self {
        let secret = secret.into();
        if !secret.is_empty() {
            self.secrets.push(secret);
        }
        self
    }

    /// Replaces every byte of every secret by `*`. The length stays.
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

// `"name" : "value"`, at any depth of JSON texts within JSON texts, and `name=value` of a form. However the name is spelled:
// `access_token`, `accessToken`, `ACCESS_TOKEN` and `access-token` are one.
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

// The text that stands as the value behind a member's name, which ends at `at`: where it starts and how long it is.
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
    // The end is a quote with as many backslashes before it as the one at the start; a value's own quotes have more.
    let mut backslashes = 0;
    for (index, byte) in bytes[value..].iter().enumerate() {
        match byte {
            b'\\' => backslashes += 1,
            b'"' if backslashes <= depth => return Some((value, index - backslashes)),
            _ => backslashes = 0,
        }
    }
    // A body that was cut in the middle of it.
    Some((value, bytes.len() - value))
}

// What looks like a token behind this word.
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

// What looks like a token and starts like this, if it is long enough to be one.
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

// Beside those that authenticate: names of accounts and installations, and what describes them.
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

// A name that is longer is not one of these.
const LONGEST_NAME: usize = 40;

// Names that mean something harmless in JSON: there, `code` is an error's.
const FORM_FIELDS: &[&str] = &["code", "token", "state"];
