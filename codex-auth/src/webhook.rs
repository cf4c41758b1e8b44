//! Signatures of webhooks, in the format of Standard Webhooks
//! (<https://www.standardwebhooks.com>): HMAC-SHA256 over the id, the time and the body.

use core::fmt;
use core::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};
use crate::secret::Secret;

/// A verifier of webhooks, which checks that the service sent them, recently and unchanged.
///
/// The event types are in `codex_types::WebhookEvent`. A webhook may be delivered more than once;
/// its `webhook-id` stays the same.
///
/// ```
/// use codex_auth::WebhookVerifier;
/// use http::HeaderMap;
/// use std::time::{Duration, SystemTime};
///
/// let verifier = WebhookVerifier::new("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX")?;
/// let mut headers = HeaderMap::new();
/// headers.insert("webhook-id", "msg_1".parse()?);
/// headers.insert("webhook-timestamp", "1790000000".parse()?);
/// headers.insert("webhook-signature", "v1,yTZ9tUFqqMdU54hsoy72J8EgUUaTDYi//hdse6F7iYg=".parse()?);
/// let body = br#"{"type":"response.completed"}"#;
///
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_007); // SystemTime::now()
/// verifier.verify(&headers, body, now)?;
/// assert!(verifier.verify(&headers, b"another body", now).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct WebhookVerifier {
    keys: Vec<Zeroizing<Vec<u8>>>,
    tolerance: Duration,
}

impl WebhookVerifier {
    /// Creates a verifier for the secret of the webhook endpoint: `whsec_` and base64, or any other
    /// text, which is used as it is.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidCredential`](ErrorKind::InvalidCredential) when the secret is empty, or
    /// begins with `whsec_` and is not base64.
    pub fn new(secret: impl Into<Secret>) -> Result<Self, Error> {
        Ok(Self {
            keys: vec![key(&secret.into())?],
            tolerance: TOLERANCE,
        })
    }

    /// Adds another secret: a signature with any of the secrets is accepted. While a secret is
    /// being replaced, webhooks arrive with signatures of the old and of the new one.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`new`](Self::new).
    pub fn or_secret(mut self, secret: impl Into<Secret>) -> Result<Self, Error> {
        self.keys.push(key(&secret.into())?);
        Ok(self)
    }

    /// Sets the maximum difference between the time of a webhook and the current time, in either
    /// direction. The default is five minutes.
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Verifies a webhook by its headers (`webhook-id`, `webhook-timestamp`, `webhook-signature`)
    /// and its body, byte for byte as it was received.
    ///
    /// A webhook may have several signatures, of which one must match. Those of versions other than
    /// `v1` are ignored. Signatures are compared in constant time.
    ///
    /// # Errors
    ///
    /// Returns [`MalformedWebhook`](ErrorKind::MalformedWebhook) when a header is missing or
    /// invalid, [`StaleWebhook`](ErrorKind::StaleWebhook) when the time of the webhook is too far
    /// from `now`, and [`WebhookSignature`](ErrorKind::WebhookSignature) when no signature matches.
    pub fn verify(&self, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Result<(), Error> {
        let id = single(headers, "webhook-id")?;
        let timestamp = single(headers, TIMESTAMP)?;
        let sent = seconds(timestamp).ok_or_else(|| malformed(TIMESTAMP))?;
        let signatures: Vec<Vec<u8>> = headers
            .get_all(SIGNATURE)
            .iter()
            .flat_map(|value| value.as_bytes().split(u8::is_ascii_whitespace))
            .filter_map(|signature| STANDARD.decode(signature.strip_prefix(b"v1,")?).ok())
            .collect();
        if signatures.is_empty() {
            return Err(malformed(SIGNATURE));
        }
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        if now.as_secs().abs_diff(sent) > self.tolerance.as_secs() {
            return Err(Error::new(ErrorKind::StaleWebhook));
        }
        let is_signed = self.keys.iter().any(|key| {
            let expected = sign(key, id, timestamp, body);
            let matches = |signature: &Vec<u8>| bool::from(expected.ct_eq(signature));
            signatures.iter().any(matches)
        });
        if is_signed {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::WebhookSignature))
        }
    }
}

impl fmt::Debug for WebhookVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookVerifier")
            .field("secrets", &self.keys.len())
            .field("tolerance", &self.tolerance)
            .finish_non_exhaustive()
    }
}

/// Returns the key of a secret.
fn key(secret: &Secret) -> Result<Zeroizing<Vec<u8>>, Error> {
    let text = secret.expose().trim();
    let key = match text.strip_prefix("whsec_") {
        Some(encoded) => PADDING_OPTIONAL.decode(encoded).ok(),
        None => Some(text.as_bytes().to_vec()),
    };
    let key = key.filter(|key| !key.is_empty());
    key.map(Zeroizing::new)
        .ok_or_else(|| Error::new(ErrorKind::InvalidCredential))
}

/// Returns the HMAC over the id, the time and the body, joined by dots.
fn sign(key: &[u8], id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new();
    };
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// Returns the text of a header that must occur exactly once: the signature covers one value.
fn single<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Error> {
    let mut values = headers.get_all(name).iter();
    let text = match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    };
    text.filter(|text| !text.is_empty())
        .ok_or_else(|| malformed(name))
}

/// Reads a Unix timestamp: digits only, because the signature covers its spelling.
fn seconds(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn malformed(header: &'static str) -> Error {
    Error::new(ErrorKind::MalformedWebhook).with_detail(header)
}

const PADDING_OPTIONAL: base64::engine::GeneralPurpose = base64::engine::GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    base64::engine::GeneralPurposeConfig::new()
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
);

const TOLERANCE: Duration = Duration::from_secs(300);
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";
