//! Verifies ID tokens with the issuer's key set (OpenID Connect Core section 3.1.3.7). Only RS256
//! is accepted: no other algorithm has been observed, and a list of one rules out algorithm
//! confusion. ring does the arithmetic.

use core::time::Duration;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Method, Request};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};

use crate::error::{Error, ErrorKind};
use crate::json::Object;
use crate::jwt::claims::{Claims, decoded, parts};
use crate::oauth::calls::built;
use crate::oauth::profile::OAuthProfile;
use crate::secret::Secret;

/// The public keys of an issuer that verify RS256 signatures (RFC 7517).
///
/// ```
/// use codex_auth::KeySet;
///
/// let keys = KeySet::from_json(br#"{"keys":[{"kty":"RSA","alg":"RS256","use":"sig","kid":"1","n":"3q2-7w","e":"AQAB"}]}"#)?;
/// assert_eq!(keys.len(), 1);
/// # Ok::<(), codex_auth::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct KeySet {
    keys: Vec<Key>,
}

#[derive(Debug, Clone)]
struct Key {
    id: Option<String>,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

/// The claims that an ID token must have.
///
/// ```
/// use codex_auth::{IdTokenRules, Secret};
///
/// let nonce = Secret::from("invented");
/// let rules = IdTokenRules::new("https://auth.openai.com", "oaiapp_invented")
///     .with_nonce(&nonce)
///     .with_subject("user-1");
/// # let _ = rules;
/// ```
#[derive(Debug, Clone)]
pub struct IdTokenRules<'a> {
    issuer: &'a str,
    client_id: &'a str,
    nonce: Option<&'a Secret>,
    subject: Option<&'a str>,
    leeway: Duration,
}

impl<'a> IdTokenRules<'a> {
    /// Creates rules that require a token of this issuer for this client.
    #[must_use]
    pub fn new(issuer: &'a str, client_id: &'a str) -> Self {
        Self {
            issuer,
            client_id,
            nonce: None,
            subject: None,
            leeway: Duration::from_secs(60),
        }
    }

    /// Requires the nonce of the sign-in. Tokens of a refresh contain none.
    #[must_use]
    pub fn with_nonce(mut self, nonce: &'a Secret) -> Self {
        self.nonce = Some(nonce);
        self
    }

    /// Requires this subject (`sub`).
    #[must_use]
    pub fn with_subject(mut self, subject: &'a str) -> Self {
        self.subject = Some(subject);
        self
    }

    /// Sets the maximum difference between the clocks. The default is one minute.
    #[must_use]
    pub fn with_leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }
}

impl KeySet {
    /// Parses a key set. Keys of other kinds and purposes, and keys that cannot be parsed, are
    /// ignored.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidResponse`] if the document is not a key set.
    pub fn from_json(document: &[u8]) -> Result<Self, Error> {
        let none = || {
            Error::new(ErrorKind::InvalidResponse)
                .with_detail("key set is not a JSON object with keys")
        };
        let set = Object::parse_bytes(document).ok_or_else(none)?;
        set.raw("keys").ok_or_else(none)?;
        Ok(Self {
            keys: set.objects("keys").iter().filter_map(Key::read).collect(),
        })
    }

    /// Returns the number of usable keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Returns whether there are no usable keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns whether the set contains the key that this token names. If not, the issuer may have
    /// added a key: fetch the set once more.
    #[must_use]
    pub fn has_key_of(&self, token: &Secret) -> bool {
        Header::read(token.expose()).is_ok_and(|header| self.candidates(&header).next().is_some())
    }

    /// Verifies a token: signature, issuer, audience, times, nonce, authorized party and subject.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::MalformedToken`] or [`ErrorKind::InvalidIdToken`]; the text names the
    /// failed check.
    pub fn verify(
        &self,
        token: &Secret,
        rules: &IdTokenRules<'_>,
        now: SystemTime,
    ) -> Result<Claims, Error> {
        let header = Header::read(token.expose())?;
        if header.algorithm != "RS256" {
            return Err(failed("algorithm is not RS256"));
        }
        let [_, _, signature] = parts(token.expose())?;
        let signature = decoded(signature)?;
        let signed = token
            .expose()
            .rsplit_once('.')
            .map_or("", |(signed, _)| signed);
        if self.candidates(&header).next().is_none() {
            return Err(failed("key is not in the key set"));
        }
        if !self
            .candidates(&header)
            .any(|key| key.verify(signed.as_bytes(), &signature))
        {
            return Err(failed("signature is invalid"));
        }
        let claims = Claims::from_jwt(token.expose())?;
        rules.check(&claims, now)?;
        Ok(claims)
    }

    fn candidates<'a>(&'a self, header: &'a Header) -> impl Iterator<Item = &'a Key> {
        self.keys
            .iter()
            .filter(|key| header.key_id.is_none() || key.id == header.key_id)
    }
}

impl Key {
    fn read(key: &Object<'_>) -> Option<Self> {
        let fits = |name, value: &str| key.text(name).is_none_or(|text| text == value);
        if key.text("kty")? != "RSA" || !fits("alg", "RS256") || !fits("use", "sig") {
            return None;
        }
        let number = |name| {
            URL_SAFE_NO_PAD
                .decode(key.text(name)?)
                .ok()
                .map(without_leading_zeros)
        };
        Some(Self {
            id: key.text("kid"),
            modulus: number("n")?,
            exponent: number("e")?,
        })
    }

    // ring rejects moduli below 2048 bits.
    fn verify(&self, signed: &[u8], signature: &[u8]) -> bool {
        RsaPublicKeyComponents {
            n: &self.modulus,
            e: &self.exponent,
        }
        .verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature)
        .is_ok()
    }
}

impl IdTokenRules<'_> {
    fn check(&self, claims: &Claims, now: SystemTime) -> Result<(), Error> {
        if claims.issuer() != Some(self.issuer) {
            return Err(failed("another issuer"));
        }
        if !claims
            .audience()
            .iter()
            .any(|audience| audience == self.client_id)
        {
            return Err(failed("audience is another client"));
        }
        let party = claims.authorized_party();
        if party.is_some_and(|party| party != self.client_id)
            || (party.is_none() && claims.audience().len() > 1)
        {
            return Err(failed("authorized party is another client"));
        }
        let expires_at = claims
            .expires_at()
            .ok_or_else(|| failed("no expiry time"))?;
        if expires_at
            .checked_add(self.leeway)
            .is_some_and(|end| end <= now)
        {
            return Err(failed("expired"));
        }
        let issued_at = claims.issued_at().ok_or_else(|| failed("no issue time"))?;
        let latest = now.checked_add(self.leeway);
        if [Some(issued_at), claims.not_before()]
            .into_iter()
            .flatten()
            .any(|start| latest.is_some_and(|latest| start > latest))
        {
            return Err(failed("not yet valid"));
        }
        if claims.subject().is_none_or(str::is_empty) {
            return Err(failed("no subject"));
        }
        if self.nonce.is_some_and(|nonce| {
            claims
                .nonce()
                .is_none_or(|received| Secret::from(received) != *nonce)
        }) {
            return Err(failed("nonce does not match this sign-in"));
        }
        if self
            .subject
            .is_some_and(|subject| claims.subject() != Some(subject))
        {
            return Err(failed("subject is another user"));
        }
        Ok(())
    }
}

struct Header {
    algorithm: String,
    key_id: Option<String>,
}

impl Header {
    fn read(token: &str) -> Result<Self, Error> {
        let [header, _, _] = parts(token)?;
        let header = decoded(header)?;
        let header =
            Object::parse_bytes(&header).ok_or_else(|| Error::new(ErrorKind::MalformedToken))?;
        Ok(Self {
            algorithm: header.text("alg").unwrap_or_default(),
            key_id: header.text("kid"),
        })
    }
}

pub(crate) fn keys_request(profile: &OAuthProfile) -> Result<Request<Bytes>, Error> {
    let address = profile.jwks_endpoint.as_deref().unwrap_or_default();
    built(
        Request::builder()
            .method(Method::GET)
            .uri(address)
            .header(http::header::ACCEPT, "application/json"),
        Bytes::new(),
    )
}

fn failed(detail: &'static str) -> Error {
    Error::new(ErrorKind::InvalidIdToken).with_detail(detail)
}

fn without_leading_zeros(number: Vec<u8>) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number[zeros..].to_vec()
}
