//! The calls to an authority for a signed-in user, one request and one response each. Each call is
//! a value that builds its request and parses its response; the caller sends the request and
//! enforces time limits. Check the docs of each call before resending its request.

use bytes::Bytes;
use http::{Method, Request, Response, header};

use crate::encode::join;
use crate::error::{Error, ErrorKind};
use crate::json::compact;
use crate::moment::Moment;
use crate::oauth::profile::{BodyFormat, OAuthProfile};
use crate::oauth::response::{Purpose, TokenAnswer, refusal, success, without_tokens};
use crate::secret::Secret;
use crate::token::fixed::{BearerToken, Headers};
use crate::token::set::TokenSet;

/// A call that redeems a refresh token for new tokens (RFC 6749 section 6).
///
/// A refresh token works once: send the request once, without retries and redirects, store the
/// response before any other step, and treat the token as spent if the response is lost.
/// [`OAuthSource`](crate::OAuthSource) does all of this.
///
/// ```
/// use codex_auth::{Moment, OAuthProfile, Refresh, Secret, TokenSet};
///
/// let old = TokenSet::new(Secret::from("access-1")).with_refresh_token(Secret::from("refresh-1"));
/// let refresh = Refresh::new(&OAuthProfile::codex(), &old)?;
///
/// let request = refresh.request();
/// assert_eq!(request.uri(), "https://auth.openai.com/oauth/token");
///
/// // The response contains only the changes.
/// let answer = http::Response::new(
///     r#"{"access_token":"access-2","refresh_token":"refresh-2"}"#.into(),
/// );
/// let new = refresh.read(Moment::now(), &answer)?;
/// assert_eq!(new.access_token().expose(), "access-2");
/// # Ok::<(), codex_auth::Error>(())
/// ```
#[derive(Debug)]
pub struct Refresh {
    endpoint: String,
    client_id: String,
    resource: Option<String>,
    format: BodyFormat,
    reason: Option<RefreshReason>,
    old: TokenSet,
    refresh_token: Secret,
}

/// The reason for a refresh, for authorities that accept `refresh_reason`.
///
/// ```
/// assert_ne!(codex_auth::RefreshReason::Expiry, codex_auth::RefreshReason::Rejection);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefreshReason {
    /// The access token is about to expire (`proactive_expiry`).
    Expiry,
    /// The access token was rejected (`unauthorized_recovery`).
    Rejection,
}

impl Refresh {
    /// Creates a refresh with the profile's own client id.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::NotRefreshable`] without a refresh token;
    /// [`ErrorKind::InvalidConfiguration`] if the profile is not valid.
    pub fn new(profile: &OAuthProfile, tokens: &TokenSet) -> Result<Self, Error> {
        profile.validate()?;
        let refresh_token = tokens
            .refresh_token()
            .ok_or_else(|| Error::new(ErrorKind::NotRefreshable))?;
        Ok(Self {
            endpoint: profile.token_endpoint.clone(),
            client_id: profile.client_id.clone(),
            resource: profile.resource.clone(),
            format: profile.refresh_format,
            reason: None,
            old: tokens.clone(),
            refresh_token: refresh_token.clone(),
        })
    }

    /// Uses the client id that was issued to this installation.
    #[must_use]
    pub fn with_client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = client_id.into();
        self
    }

    /// Sets the reason for the refresh.
    #[must_use]
    pub fn with_reason(mut self, reason: RefreshReason) -> Self {
        self.reason = Some(reason);
        self
    }

    /// Returns the request. Send it once.
    #[must_use]
    pub fn request(&self) -> Request<Bytes> {
        let mut members = vec![
            ("client_id", self.client_id.as_str()),
            ("grant_type", "refresh_token"),
            ("refresh_token", self.refresh_token.expose()),
        ];
        members.extend(
            self.resource
                .as_deref()
                .map(|resource| ("resource", resource)),
        );
        members.extend(
            self.reason
                .map(|reason| ("refresh_reason", reason.as_str())),
        );
        post(&self.endpoint, self.format, &members)
    }

    /// Parses the response: returns the old set, with everything that the response contains
    /// replaced.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::RefreshExpired`], [`RefreshReused`](ErrorKind::RefreshReused),
    /// [`RefreshRevoked`](ErrorKind::RefreshRevoked) or
    /// [`RefreshRefused`](ErrorKind::RefreshRefused) when the refusal is final.
    /// [`Unavailable`](ErrorKind::Unavailable) may be temporary; it is also the error of a
    /// successful response without tokens, unless its body has the error code of a refusal.
    pub fn read(&self, now: Moment, response: &Response<Bytes>) -> Result<TokenSet, Error> {
        if !response.status().is_success() {
            return Err(refusal(Purpose::Refresh, response, &self.secrets()));
        }
        let answer = TokenAnswer::read(response)
            .ok()
            .filter(TokenAnswer::has_token)
            .ok_or_else(|| without_tokens(response, &self.secrets()))?;
        let mut tokens = self.old.clone();
        let renewed_access = answer.access_token.is_some();
        tokens.access_token = answer.access_token.unwrap_or(tokens.access_token);
        tokens.refresh_token = answer.refresh_token.or(tokens.refresh_token);
        if answer.id_token.is_some() {
            tokens.id_token_claims = None;
        }
        tokens.id_token = answer.id_token.or(tokens.id_token);
        tokens.scope = answer.scope.or(tokens.scope);
        tokens.earliest_refresh_at = answer.earliest_refresh_at;
        Ok(if renewed_access {
            tokens.received(now.wall(), answer.expires_in)
        } else {
            tokens
        })
    }

    fn secrets(&self) -> Vec<&Secret> {
        let mut secrets = vec![&self.refresh_token, &self.old.access_token];
        secrets.extend(&self.old.id_token);
        secrets
    }
}

impl RefreshReason {
    fn as_str(self) -> &'static str {
        match self {
            Self::Expiry => "proactive_expiry",
            Self::Rejection => "unauthorized_recovery",
        }
    }
}

/// A call that exchanges a fresh ID token for a platform API key, if the account is eligible.
///
/// Requests with that key are charged to the API account and not to the plan; this crate never
/// makes the exchange unless the caller requests it.
///
/// ```
/// use codex_auth::{ApiKeyExchange, OAuthProfile, Secret};
///
/// let exchange = ApiKeyExchange::new(&OAuthProfile::codex(), Secret::from("invented-id-token"))?;
/// let body = exchange.request().into_body();
/// assert!(
///     body.starts_with(
///         b"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&"
///     )
/// );
///
/// let answer = http::Response::new(r#"{"access_token":"sk-invented"}"#.into());
/// assert_eq!(exchange.read(&answer)?.expose(), "sk-invented");
/// # Ok::<(), codex_auth::Error>(())
/// ```
#[derive(Debug)]
pub struct ApiKeyExchange {
    endpoint: String,
    client_id: String,
    id_token: Secret,
}

impl ApiKeyExchange {
    /// Creates an exchange of this ID token.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidConfiguration`] if the profile is not valid.
    pub fn new(profile: &OAuthProfile, id_token: Secret) -> Result<Self, Error> {
        profile.validate()?;
        Ok(Self {
            endpoint: profile.token_endpoint.clone(),
            client_id: profile.client_id.clone(),
            id_token,
        })
    }

    /// Returns the request. It can safely be resent.
    #[must_use]
    pub fn request(&self) -> Request<Bytes> {
        let members = [
            (
                "grant_type",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ),
            ("client_id", &self.client_id),
            // RFC 8693 uses another name, but the endpoint reads this one.
            ("requested_token", "openai-api-key"),
            ("subject_token", self.id_token.expose()),
            (
                "subject_token_type",
                "urn:ietf:params:oauth:token-type:id_token",
            ),
        ];
        post(&self.endpoint, BodyFormat::Form, &members)
    }

    /// Parses the response and returns the key.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Rejected`] for most accounts without a platform organization.
    pub fn read(&self, response: &Response<Bytes>) -> Result<Secret, Error> {
        if !response.status().is_success() {
            return Err(refusal(Purpose::Other, response, &[&self.id_token]));
        }
        let key = success(response)?.secret("access_token");
        key.ok_or_else(|| crate::oauth::response::invalid_response(response, "no API key"))
    }
}

/// A call that revokes a login's tokens (RFC 7009, in the encoding of the profile), as a part of
/// signing out.
///
/// Revoking is best effort: delete the stored tokens afterwards, whatever the response is.
///
/// ```
/// use codex_auth::{OAuthProfile, Revoke, Secret, TokenSet};
///
/// let tokens =
///     TokenSet::new(Secret::from("access-1")).with_refresh_token(Secret::from("refresh-1"));
/// let revoke = Revoke::new(&OAuthProfile::codex(), &tokens)?;
/// let body = revoke.request().into_body();
/// assert!(std::str::from_utf8(&body).unwrap().contains(r#""token_type_hint":"refresh_token""#));
/// assert!(revoke.read(&http::Response::new("".into())).is_ok());
/// # Ok::<(), codex_auth::Error>(())
/// ```
#[derive(Debug)]
pub struct Revoke {
    endpoint: String,
    client_id: String,
    format: BodyFormat,
    token: Secret,
    hint: &'static str,
}

impl Revoke {
    /// Creates a call that revokes the refresh token, or the access token if there is no refresh
    /// token.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidConfiguration`] if the profile is not valid or has no revocation
    /// endpoint ([discovery](OAuthProfile::with_discovery) may add one).
    pub fn new(profile: &OAuthProfile, tokens: &TokenSet) -> Result<Self, Error> {
        profile.validate()?;
        let endpoint = profile
            .revoke_endpoint
            .clone()
            .ok_or_else(|| Error::invalid_configuration("profile has no revocation endpoint"))?;
        let (token, hint) = match tokens.refresh_token() {
            Some(token) => (token, "refresh_token"),
            None => (tokens.access_token(), "access_token"),
        };
        Ok(Self {
            endpoint,
            client_id: profile.client_id.clone(),
            format: profile.revoke_format,
            token: token.clone(),
            hint,
        })
    }

    /// Uses the client id that was issued to this installation.
    #[must_use]
    pub fn with_client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = client_id.into();
        self
    }

    /// Returns the request. It can safely be resent.
    #[must_use]
    pub fn request(&self) -> Request<Bytes> {
        let mut members = vec![
            ("token", self.token.expose()),
            ("token_type_hint", self.hint),
        ];
        if self.hint == "refresh_token" {
            members.push(("client_id", &self.client_id));
        }
        post(&self.endpoint, self.format, &members)
    }

    /// Parses the response; an empty successful response is accepted.
    ///
    /// # Errors
    ///
    /// Returns the reason why the authority did not confirm. The tokens may still be valid there.
    pub fn read(&self, response: &Response<Bytes>) -> Result<(), Error> {
        if response.status().is_success() {
            Ok(())
        } else {
            Err(refusal(Purpose::Other, response, &[&self.token]))
        }
    }
}

/// A call that looks up the account of a personal access token.
///
/// ```
/// use codex_auth::{OAuthProfile, Secret, WhoAmI};
///
/// let lookup = WhoAmI::new(&OAuthProfile::codex(), Secret::from("at-invented"))?;
/// assert_eq!(lookup.request()?.headers()["authorization"], "Bearer at-invented");
///
/// let answer = http::Response::new(
///     r#"{"email":null,"chatgpt_account_id":"acct-1","chatgpt_account_is_fedramp":false}"#
///         .into(),
/// );
/// let token = lookup.read(&answer)?;
/// # let _ = token;
/// # Ok::<(), codex_auth::Error>(())
/// ```
#[derive(Debug)]
pub struct WhoAmI {
    endpoint: String,
    token: Secret,
}

impl WhoAmI {
    /// Returns whether a token is a personal access token, by its prefix.
    #[must_use]
    pub fn is_personal_access_token(token: &Secret) -> bool {
        token.expose().trim_start().starts_with("at-")
    }

    /// Creates a lookup of this token.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidConfiguration`] if the profile is not valid or has no lookup
    /// endpoint.
    pub fn new(profile: &OAuthProfile, token: Secret) -> Result<Self, Error> {
        profile.validate()?;
        let endpoint = profile.whoami_endpoint.clone().ok_or_else(|| {
            Error::invalid_configuration("profile has no endpoint for personal access tokens")
        })?;
        Ok(Self { endpoint, token })
    }

    /// Returns the request. It can safely be resent.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidCredential`] if the token is not a valid header value.
    pub fn request(&self) -> Result<Request<Bytes>, Error> {
        let mut headers = Headers::new();
        headers.bearer(&self.token)?;
        let (mut head, ()) = built(
            Request::builder().method(Method::GET).uri(&self.endpoint),
            (),
        )?
        .into_parts();
        headers.put(&mut head);
        Ok(Request::from_parts(head, Bytes::new()))
    }

    /// Parses the response: returns the token with its account.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Rejected`] if the authority does not accept the token; it cannot be
    /// renewed.
    pub fn read(&self, response: &Response<Bytes>) -> Result<BearerToken, Error> {
        if !response.status().is_success() {
            return Err(refusal(Purpose::Other, response, &[&self.token]));
        }
        let answer = success(response)?;
        let mut token = BearerToken::new(self.token.clone()).with_fedramp(
            answer
                .boolean("chatgpt_account_is_fedramp")
                .unwrap_or(false),
        );
        token.account_id = answer
            .text("chatgpt_account_id")
            .map(String::into_boxed_str);
        Ok(token)
    }
}

/// The exchange of an authorization code: the last step of both sign-in flows.
pub(crate) struct CodeExchange<'a> {
    pub(crate) endpoint: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) code: &'a Secret,
    pub(crate) verifier: &'a Secret,
    pub(crate) redirect_uri: &'a str,
    pub(crate) resource: Option<&'a str>,
}

impl CodeExchange<'_> {
    pub(crate) fn request(&self) -> Request<Bytes> {
        let mut members = vec![
            ("grant_type", "authorization_code"),
            ("code", self.code.expose()),
            ("redirect_uri", self.redirect_uri),
            ("client_id", self.client_id),
            ("code_verifier", self.verifier.expose()),
        ];
        members.extend(self.resource.map(|resource| ("resource", resource)));
        post(self.endpoint, BodyFormat::Form, &members)
    }

    pub(crate) fn read(&self, now: Moment, response: &Response<Bytes>) -> Result<TokenSet, Error> {
        if !response.status().is_success() {
            return Err(refusal(
                Purpose::Exchange,
                response,
                &[self.code, self.verifier],
            ));
        }
        let answer = TokenAnswer::read(response)?;
        let missing = |detail| crate::oauth::response::invalid_response(response, detail);
        if answer
            .token_type
            .as_deref()
            .is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer"))
        {
            return Err(missing("token type is not bearer"));
        }
        let mut tokens = TokenSet::new(
            answer
                .access_token
                .ok_or_else(|| missing("no access token"))?,
        );
        tokens.refresh_token = answer.refresh_token;
        tokens.id_token = answer.id_token;
        tokens.scope = answer.scope;
        tokens.earliest_refresh_at = answer.earliest_refresh_at;
        Ok(tokens.received(now.wall(), answer.expires_in))
    }
}

/// Builds a POST request to an endpoint of a validated profile, so building it does not fail.
pub(crate) fn post(endpoint: &str, format: BodyFormat, members: &[(&str, &str)]) -> Request<Bytes> {
    let (content_type, body) = match format {
        BodyFormat::Form => (
            "application/x-www-form-urlencoded",
            Bytes::from(join(members.iter().copied())),
        ),
        BodyFormat::Json => (
            "application/json",
            Bytes::copy_from_slice(compact(members).as_bytes()),
        ),
    };
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = endpoint.parse().unwrap_or_default();
    let headers = request.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        http::HeaderValue::from_static(content_type),
    );
    headers.insert(
        header::ACCEPT,
        http::HeaderValue::from_static("application/json"),
    );
    request
}

pub(crate) fn built<T>(builder: http::request::Builder, body: T) -> Result<Request<T>, Error> {
    builder
        .body(body)
        .map_err(|_| Error::invalid_configuration("invalid URL in the profile"))
}
