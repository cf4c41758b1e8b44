//! Credentials that do not change by themselves. They have one generation, and a rejection of it is
//! final.

use core::fmt;

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderName, HeaderValue};

use crate::error::{Error, ErrorKind};
use crate::secret::Secret;
use crate::token::audience::Audience;
use crate::token::source::{CredentialSource, Lease};

/// A platform API key, sent as a bearer token (`Authorization`), optionally for one organization
/// and project.
///
/// The key goes to any `https` host, because the base URL is the caller's choice;
/// [`only_for`](Self::only_for) restricts that.
///
/// ```
/// use codex_auth::{ApiKey, Audience};
///
/// let key = ApiKey::new("sk-invented")?
///     .with_organization("org-1")?
///     .only_for(Audience::hosts(["api.openai.com"]));
/// assert!(!format!("{key:?}").contains("sk-invented"));
/// # Ok::<(), codex_auth::Error>(())
/// ```
#[derive(Clone)]
pub struct ApiKey {
    headers: Headers,
    audience: Audience,
}

impl ApiKey {
    /// Creates a key from text or a [`Secret`]. Surrounding white space, as pasting leaves it, is
    /// removed.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidCredential`] if the key is blank or not a valid header value.
    pub fn new(key: impl Into<Secret>) -> Result<Self, Error> {
        let mut headers = Headers::new();
        headers.bearer(&key.into())?;
        Ok(Self {
            headers,
            audience: Audience::any_https(),
        })
    }

    /// Sets the organization that is charged (`OpenAI-Organization`).
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidCredential`] if the organization is blank or not a valid header
    /// value.
    pub fn with_organization(mut self, organization: impl AsRef<str>) -> Result<Self, Error> {
        self.headers.plain(ORGANIZATION, organization.as_ref())?;
        Ok(self)
    }

    /// Sets the project that is charged (`OpenAI-Project`).
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidCredential`] if the project is blank or not a valid header
    /// value.
    pub fn with_project(mut self, project: impl AsRef<str>) -> Result<Self, Error> {
        self.headers.plain(PROJECT, project.as_ref())?;
        Ok(self)
    }

    /// Restricts the key to these hosts.
    #[must_use]
    pub fn only_for(mut self, audience: Audience) -> Self {
        self.audience = audience;
        self
    }
}

impl CredentialSource for ApiKey {
    async fn apply(&self, request: &mut Parts) -> Result<Lease, Error> {
        self.audience.check(request)?;
        self.headers.put(request);
        Ok(ONLY_GENERATION)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

/// A bearer token for the ChatGPT backend: the access token, and the account for which it is used.
///
/// Closures return this type; see [`CredentialSource`]. For a token that never changes, use
/// [`StaticToken`].
///
/// ```
/// use codex_auth::{BearerToken, Secret};
///
/// let token = BearerToken::new(Secret::from("invented")).with_account_id("acct-1");
/// assert!(!format!("{token:?}").contains("invented"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BearerToken {
    pub(crate) access_token: Secret,
    pub(crate) account_id: Option<Box<str>>,
    pub(crate) fedramp: bool,
}

impl BearerToken {
    /// Creates a token without an account.
    #[must_use]
    pub fn new(access_token: impl Into<Secret>) -> Self {
        Self {
            access_token: access_token.into(),
            account_id: None,
            fedramp: false,
        }
    }

    /// Sets the workspace of the request (`ChatGPT-Account-ID`).
    #[must_use]
    pub fn with_account_id(mut self, account_id: impl Into<String>) -> Self {
        self.account_id = Some(account_id.into().into_boxed_str());
        self
    }

    /// Marks the account as one of the FedRAMP environment (`X-OpenAI-Fedramp: true`).
    #[must_use]
    pub fn with_fedramp(mut self, fedramp: bool) -> Self {
        self.fedramp = fedramp;
        self
    }

    pub(crate) fn headers(&self) -> Result<Headers, Error> {
        let mut headers = Headers::new();
        headers.bearer(&self.access_token)?;
        if let Some(account_id) = &self.account_id {
            headers.plain(ACCOUNT_ID, account_id)?;
        }
        if self.fedramp {
            headers.plain(FEDRAMP, "true")?;
        }
        Ok(headers)
    }
}

/// A source of a [`BearerToken`] that does not change: a personal access token, or a token that the
/// program renews by creating a new client.
///
/// The token goes to any `https` host; [`only_for`](Self::only_for) restricts that.
///
/// ```
/// use codex_auth::{Audience, BearerToken, Secret, StaticToken};
///
/// let source = StaticToken::new(BearerToken::new(Secret::from("invented")).with_account_id("acct-1"))?
///     .only_for(Audience::hosts(["chatgpt.com"]));
/// # let _ = source;
/// # Ok::<(), codex_auth::Error>(())
/// ```
#[derive(Clone)]
pub struct StaticToken {
    headers: Headers,
    audience: Audience,
}

impl StaticToken {
    /// Creates a source of this token.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidCredential`] if the token or the account id is blank or not a
    /// valid header value.
    pub fn new(token: BearerToken) -> Result<Self, Error> {
        Ok(Self {
            headers: token.headers()?,
            audience: Audience::any_https(),
        })
    }

    /// Restricts the token to these hosts.
    #[must_use]
    pub fn only_for(mut self, audience: Audience) -> Self {
        self.audience = audience;
        self
    }
}

impl CredentialSource for StaticToken {
    async fn apply(&self, request: &mut Parts) -> Result<Lease, Error> {
        self.audience.check(request)?;
        self.headers.put(request);
        Ok(ONLY_GENERATION)
    }
}

impl fmt::Debug for StaticToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticToken")
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

/// A source without credentials, for servers that require none.
///
/// ```
/// let source = codex_auth::SharedCredentialSource::new(codex_auth::Anonymous::new());
/// # let _ = source;
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Anonymous;

impl Anonymous {
    /// Creates a source that leaves requests unchanged.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl CredentialSource for Anonymous {
    async fn apply(&self, _request: &mut Parts) -> Result<Lease, Error> {
        Ok(ONLY_GENERATION)
    }
}

/// Headers that are created and validated once, and set on every request.
#[derive(Clone)]
pub(crate) struct Headers(Vec<(HeaderName, HeaderValue)>);

impl Headers {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn bearer(&mut self, token: &Secret) -> Result<(), Error> {
        let mut value =
            zeroize::Zeroizing::new(Vec::with_capacity("Bearer ".len() + token.expose().len()));
        value.extend_from_slice(b"Bearer ");
        value.extend_from_slice(token.expose().trim().as_bytes());
        let visible = value.iter().all(|byte| (0x20..0x7f).contains(byte));
        let value = HeaderValue::from_bytes(&value)
            .ok()
            .filter(|_| visible && !token.is_blank());
        let mut value = value.ok_or_else(|| Error::new(ErrorKind::InvalidCredential))?;
        value.set_sensitive(true);
        self.0.push((AUTHORIZATION, value));
        Ok(())
    }

    pub(crate) fn plain(&mut self, name: HeaderName, value: &str) -> Result<(), Error> {
        let value = HeaderValue::from_str(value.trim())
            .ok()
            .filter(|value| !value.is_empty());
        let value = value.ok_or_else(|| Error::new(ErrorKind::InvalidCredential))?;
        self.0.retain(|(other, _)| *other != name);
        self.0.push((name, value));
        Ok(())
    }

    pub(crate) fn put(&self, request: &mut Parts) {
        for (name, value) in &self.0 {
            request.headers.insert(name.clone(), value.clone());
        }
    }
}

const ONLY_GENERATION: Lease = Lease::new(0);
const ACCOUNT_ID: HeaderName = HeaderName::from_static("chatgpt-account-id");
const FEDRAMP: HeaderName = HeaderName::from_static("x-openai-fedramp");
const ORGANIZATION: HeaderName = HeaderName::from_static("openai-organization");
const PROJECT: HeaderName = HeaderName::from_static("openai-project");
