//! The differences between authorities are data. Flows read the profile and have no code for a
//! particular authority, so a new one needs no new code, and a test issuer is one line.

use core::time::Duration;

use http::{Method, Request, Uri};

use crate::error::{Error, ErrorKind};
use crate::json::Object;
use crate::oauth::registration::AppRegistration;
use crate::token::audience::{Audience, is_loopback};

/// An OAuth authority from a client's point of view: endpoints, client id, scopes, encodings and
/// rules. All fields are public data.
///
/// ```
/// use codex_auth::OAuthProfile;
///
/// let mut profile = OAuthProfile::codex();
/// assert_eq!(profile.issuer, "https://auth.openai.com");
/// assert_eq!(profile.scopes, ["openid", "profile", "email", "offline_access"]);
///
/// profile = profile.with_issuer("http://127.0.0.1:8080");
/// assert_eq!(profile.token_endpoint, "http://127.0.0.1:8080/oauth/token");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OAuthProfile {
    /// The issuer, without a trailing slash; compared with every `iss`.
    pub issuer: String,
    /// The client id of installations that do not have one of their own yet.
    pub client_id: String,
    /// The registration data, if every installation registers itself in the authorize request and
    /// receives its own client id.
    pub registration: Option<AppRegistration>,
    /// The URL that the browser opens.
    pub authorize_endpoint: String,
    /// The URL where codes and refresh tokens are redeemed.
    pub token_endpoint: String,
    /// The URL where tokens are revoked, if known.
    pub revoke_endpoint: Option<String>,
    /// The key set that verifies ID tokens. With `None` they are not verified: they come over TLS
    /// from the token endpoint itself.
    pub jwks_endpoint: Option<String>,
    /// The device-code API, if the authority has one.
    pub device: Option<DeviceEndpoints>,
    /// The URL where the account of a personal access token is looked up.
    pub whoami_endpoint: Option<String>,
    /// The redirect URIs that the authority accepts.
    pub redirect: RedirectRule,
    /// The requested scopes.
    pub scopes: Vec<String>,
    /// The scope without which the login must not be used for requests, whatever else was granted.
    pub required_scope: Option<String>,
    /// The resource indicator (RFC 8707) of authorize, exchange and refresh requests.
    pub resource: Option<String>,
    /// Additional members of the authorize query, in this order.
    pub authorize_parameters: Vec<(String, String)>,
    /// Whether the authorize request carries a `nonce`.
    pub nonce: bool,
    /// The encoding of a refresh request.
    pub refresh_format: BodyFormat,
    /// Whether a refresh request contains `refresh_reason`.
    pub refresh_reason: bool,
    /// The encoding of a revoke request.
    pub revoke_format: BodyFormat,
    /// The workspaces to which a login may belong; empty allows all.
    pub allowed_workspaces: Vec<String>,
    /// The time before its expiry at which an access token is renewed. For short-lived tokens, at
    /// most a fifth of their lifetime.
    pub refresh_margin: Duration,
    /// The hosts that may receive an access token.
    pub audience: Audience,
    /// The hosts that may receive an API key found in the same store.
    pub api_key_audience: Audience,
}

/// The four URLs of the device-code login.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceEndpoints {
    /// The URL where a device requests a code to show.
    pub user_code: String,
    /// The URL that the device polls until the user has entered the code.
    pub token: String,
    /// The page where the user enters the code.
    pub verification_page: String,
    /// The redirect URI of the code exchange that ends the flow.
    pub redirect_uri: String,
}

/// The loopback redirect URIs that an authority accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedirectRule {
    /// The host as written in the URI.
    pub host: String,
    /// The path, starting with a slash.
    pub path: String,
    /// The ports, in order of preference; empty means any port.
    pub ports: Vec<u16>,
}

impl RedirectRule {
    /// Returns the redirect URI for a listener on this port.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidConfiguration`] if the authority accepts only other ports.
    ///
    /// # Examples
    ///
    /// ```
    /// let rule = codex_auth::OAuthProfile::codex().redirect;
    /// assert_eq!(rule.uri(1455)?, "http://localhost:1455/auth/callback");
    /// assert!(rule.uri(8080).is_err());
    /// # Ok::<(), codex_auth::Error>(())
    /// ```
    pub fn uri(&self, port: u16) -> Result<String, Error> {
        if !self.ports.is_empty() && !self.ports.contains(&port) {
            return Err(Error::invalid_configuration(
                "authority does not accept redirects to this port",
            ));
        }
        Ok(format!("http://{}:{port}{}", self.host, self.path))
    }

    /// Returns the addresses to listen on. A name may resolve to either family, and a browser may
    /// try IPv6 first; an address stands for itself.
    ///
    /// ```
    /// let rule = codex_auth::OAuthProfile::codex().redirect;
    /// assert_eq!(rule.listen_addresses(), ["127.0.0.1".parse::<std::net::IpAddr>()?, "::1".parse()?]);
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    #[must_use]
    pub fn listen_addresses(&self) -> Vec<core::net::IpAddr> {
        use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
        let literal = self
            .host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>();
        literal.map_or_else(
            |_| {
                vec![
                    IpAddr::V4(Ipv4Addr::LOCALHOST),
                    IpAddr::V6(Ipv6Addr::LOCALHOST),
                ]
            },
            |literal| vec![literal],
        )
    }
}

/// The encoding of a request body.
///
/// ```
/// use codex_auth::{BodyFormat, OAuthProfile};
///
/// assert_eq!(OAuthProfile::codex().refresh_format, BodyFormat::Json);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BodyFormat {
    /// `application/json`
    Json,
    /// `application/x-www-form-urlencoded` (RFC 6749).
    Form,
}

impl OAuthProfile {
    /// Returns the profile of the Codex client, for interoperability with an existing Codex login:
    /// its public client id, its redirect ports, JSON refreshes, the device-code API, and access
    /// tokens for the ChatGPT backend.
    ///
    /// The originator is this crate's; set another with [`with_originator`](Self::with_originator).
    #[must_use]
    pub fn codex() -> Self {
        let issuer = OPENAI_ISSUER;
        Self {
            issuer: issuer.to_owned(),
            client_id: "app_EMoamEEZ73f0CkXaXp7hrann".to_owned(),
            registration: None,
            authorize_endpoint: format!("{issuer}/oauth/authorize"),
            token_endpoint: format!("{issuer}/oauth/token"),
            revoke_endpoint: Some(format!("{issuer}/oauth/revoke")),
            jwks_endpoint: None,
            device: Some(DeviceEndpoints {
                user_code: format!("{issuer}/api/accounts/deviceauth/usercode"),
                token: format!("{issuer}/api/accounts/deviceauth/token"),
                verification_page: format!("{issuer}/codex/device"),
                redirect_uri: format!("{issuer}/deviceauth/callback"),
            }),
            whoami_endpoint: Some(format!(
                "{issuer}/api/accounts/v1/user-auth-credential/whoami"
            )),
            redirect: RedirectRule {
                host: "localhost".to_owned(),
                path: "/auth/callback".to_owned(),
                ports: vec![1455, 1457],
            },
            scopes: owned(&["openid", "profile", "email", "offline_access"]),
            required_scope: None,
            resource: None,
            authorize_parameters: pairs(&[
                ("id_token_add_organizations", "true"),
                ("codex_cli_simplified_flow", "true"),
                ("originator", DEFAULT_ORIGINATOR),
            ]),
            nonce: false,
            refresh_format: BodyFormat::Json,
            refresh_reason: false,
            revoke_format: BodyFormat::Json,
            allowed_workspaces: Vec::new(),
            refresh_margin: REFRESH_MARGIN,
            audience: Audience::hosts(["chatgpt.com"]),
            api_key_audience: Audience::hosts(["api.openai.com"]),
        }
    }

    /// Returns the documented "Sign in with ChatGPT" profile for open-source apps: the app
    /// registers itself while its user signs in, and the plan is used at the public API. The
    /// registration contains the app's name, which must be the caller's own; there is no default.
    ///
    /// Its terms (of a preview, so check for changes) let the plan serve the signed-in user within
    /// the connected app: no pools of accounts, no rotation between them, no general-purpose
    /// endpoint for other programs. This crate does none of that.
    ///
    /// Only [discovery](Self::with_discovery) provides the revocation endpoint.
    ///
    /// ```
    /// use codex_auth::{AppRegistration, HostId, OAuthProfile};
    ///
    /// let host = HostId::parse("urn:uuid:6f9c2d1e-57a0-4b1e-9a70-0d5c1f2b3a48")?;
    /// let profile =
    ///     OAuthProfile::sign_in_with_chatgpt(AppRegistration::new("Notebook Helper", host)?);
    /// assert_eq!(profile.redirect.uri(49152)?, "http://127.0.0.1:49152/auth/callback");
    /// assert_eq!(profile.required_scope.as_deref(), Some("chatgpt.tokens.use.direct"));
    /// # Ok::<(), codex_auth::Error>(())
    /// ```
    #[must_use]
    pub fn sign_in_with_chatgpt(registration: AppRegistration) -> Self {
        let issuer = OPENAI_ISSUER;
        Self {
            issuer: issuer.to_owned(),
            client_id: "dynamic_agent_client".to_owned(),
            registration: Some(registration),
            authorize_endpoint: format!("{issuer}/api/accounts/authorize"),
            token_endpoint: format!("{issuer}/api/accounts/oauth/token"),
            revoke_endpoint: None,
            jwks_endpoint: Some(format!("{issuer}/.well-known/jwks.json")),
            device: None,
            whoami_endpoint: None,
            redirect: RedirectRule {
                host: "127.0.0.1".to_owned(),
                path: "/auth/callback".to_owned(),
                ports: Vec::new(),
            },
            scopes: owned(&[
                "openid",
                "profile",
                "email",
                "offline_access",
                "resource.invoke",
                "chatgpt.tokens.use.direct",
            ]),
            required_scope: Some("chatgpt.tokens.use.direct".to_owned()),
            resource: Some("https://api.openai.com/v1".to_owned()),
            authorize_parameters: Vec::new(),
            nonce: true,
            refresh_format: BodyFormat::Form,
            refresh_reason: false,
            revoke_format: BodyFormat::Form,
            allowed_workspaces: Vec::new(),
            refresh_margin: REFRESH_MARGIN,
            audience: Audience::hosts(["api.openai.com"]),
            api_key_audience: Audience::hosts(["api.openai.com"]),
        }
    }

    /// Returns a profile for any other authority with the endpoint paths `/oauth/authorize`,
    /// `/oauth/token` and `/oauth/revoke`, form-encoded bodies and a loopback redirect to any port.
    ///
    /// Its access tokens are not sent anywhere until [`audience`](Self::audience) contains hosts.
    /// Change the fields that differ.
    ///
    /// ```
    /// use codex_auth::{Audience, OAuthProfile};
    ///
    /// let mut profile = OAuthProfile::custom("https://login.example", "my-client");
    /// profile.audience = Audience::hosts(["models.example"]);
    /// assert!(profile.validate().is_ok());
    /// ```
    #[must_use]
    pub fn custom(issuer: impl Into<String>, client_id: impl Into<String>) -> Self {
        let issuer = issuer.into().trim_end_matches('/').to_owned();
        Self {
            client_id: client_id.into(),
            authorize_endpoint: format!("{issuer}/oauth/authorize"),
            token_endpoint: format!("{issuer}/oauth/token"),
            revoke_endpoint: Some(format!("{issuer}/oauth/revoke")),
            device: None,
            whoami_endpoint: None,
            redirect: RedirectRule {
                host: "127.0.0.1".to_owned(),
                path: "/auth/callback".to_owned(),
                ports: Vec::new(),
            },
            scopes: owned(&["openid", "offline_access"]),
            authorize_parameters: Vec::new(),
            refresh_format: BodyFormat::Form,
            revoke_format: BodyFormat::Form,
            audience: Audience::hosts::<&str>([]),
            api_key_audience: Audience::hosts::<&str>([]),
            issuer,
            ..Self::codex()
        }
    }

    /// Moves the profile to another issuer: every URL that starts with the old issuer then starts
    /// with the new one.
    #[must_use]
    pub fn with_issuer(mut self, issuer: impl AsRef<str>) -> Self {
        let new = issuer.as_ref().trim_end_matches('/').to_owned();
        let old = core::mem::replace(&mut self.issuer, new.clone());
        for address in self.addresses_mut() {
            if let Some(path) = address.strip_prefix(&old) {
                *address = format!("{new}{path}");
            }
        }
        self
    }

    /// Sets the `originator` of the authorize query.
    ///
    /// ```
    /// let profile = codex_auth::OAuthProfile::codex().with_originator("my_app");
    /// assert!(profile.authorize_parameters.contains(&("originator".into(), "my_app".into())));
    /// ```
    #[must_use]
    pub fn with_originator(mut self, originator: impl Into<String>) -> Self {
        self.authorize_parameters
            .retain(|(name, _)| name != "originator");
        self.authorize_parameters
            .push(("originator".to_owned(), originator.into()));
        self
    }

    /// Returns the request for the issuer's discovery document (OpenID Connect Discovery section
    /// 4).
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidConfiguration`] if the issuer is not a URL.
    pub fn discovery_request(&self) -> Result<Request<bytes::Bytes>, Error> {
        let request = Request::builder()
            .method(Method::GET)
            .uri(format!("{}/.well-known/openid-configuration", self.issuer));
        request
            .body(bytes::Bytes::new())
            .map_err(|_| Error::invalid_configuration("issuer is not a URL"))
    }

    /// Takes the endpoints from a discovery document, after checking that it describes this issuer
    /// and stays on its origin.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidResponse`] otherwise; no part of the document is used then.
    ///
    /// # Examples
    ///
    /// ```
    /// use codex_auth::OAuthProfile;
    ///
    /// let document = br#"{"issuer":"https://auth.openai.com","revocation_endpoint":"https://auth.openai.com/revoke"}"#;
    /// let profile = OAuthProfile::codex().with_discovery(document)?;
    /// assert_eq!(profile.revoke_endpoint.as_deref(), Some("https://auth.openai.com/revoke"));
    ///
    /// let elsewhere = br#"{"issuer":"https://auth.openai.com","token_endpoint":"https://evil.example/token"}"#;
    /// assert!(OAuthProfile::codex().with_discovery(elsewhere).is_err());
    /// # Ok::<(), codex_auth::Error>(())
    /// ```
    pub fn with_discovery(mut self, document: &[u8]) -> Result<Self, Error> {
        let refused = |detail| Error::new(ErrorKind::InvalidResponse).with_detail(detail);
        let document = Object::parse_bytes(document)
            .ok_or_else(|| refused("discovery document is not a JSON object"))?;
        if document.text("issuer").as_deref() != Some(&self.issuer) {
            return Err(refused("discovery document belongs to another issuer"));
        }
        let on_origin = |name| match document.text(name) {
            Some(address) if same_origin(&address, &self.issuer) => Ok(Some(address)),
            Some(_) => Err(refused(
                "discovery document has an endpoint outside the issuer's origin",
            )),
            None => Ok(None),
        };
        let (authorize, token) = (
            on_origin("authorization_endpoint")?,
            on_origin("token_endpoint")?,
        );
        let (jwks, revoke) = (on_origin("jwks_uri")?, on_origin("revocation_endpoint")?);
        self.authorize_endpoint = authorize.unwrap_or(self.authorize_endpoint);
        self.token_endpoint = token.unwrap_or(self.token_endpoint);
        // A document does not make a profile verify ID tokens if it does not already do so.
        self.jwks_endpoint = self.jwks_endpoint.map(|known| jwks.unwrap_or(known));
        self.revoke_endpoint = revoke.or(self.revoke_endpoint);
        Ok(self)
    }

    /// Checks that secrets may be sent to every URL (`https`, or `http` on loopback), and that no
    /// required field is empty.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidConfiguration`], with the reason in its text.
    ///
    /// # Examples
    ///
    /// ```
    /// use codex_auth::OAuthProfile;
    ///
    /// let error = OAuthProfile::codex().with_issuer("http://auth.example").validate().unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "invalid configuration: URL in the profile is neither https nor loopback"
    /// );
    /// ```
    pub fn validate(&self) -> Result<(), Error> {
        if self.client_id.trim().is_empty() {
            return Err(Error::invalid_configuration("client id is blank"));
        }
        if self.issuer.ends_with('/') {
            return Err(Error::invalid_configuration("issuer ends with a slash"));
        }
        if self.redirect.host != "localhost" && !is_loopback(&self.redirect.host) {
            return Err(Error::invalid_configuration(
                "redirect host is not loopback",
            ));
        }
        if !self.redirect.path.starts_with('/') || self.redirect.path.contains(['?', '#', ' ']) {
            return Err(Error::invalid_configuration("redirect path is not a path"));
        }
        let mut copy = self.clone();
        if copy
            .addresses_mut()
            .into_iter()
            .all(|address| is_safe(address))
        {
            Ok(())
        } else {
            Err(Error::invalid_configuration(
                "URL in the profile is neither https nor loopback",
            ))
        }
    }

    fn addresses_mut(&mut self) -> Vec<&mut String> {
        let mut all = vec![&mut self.authorize_endpoint, &mut self.token_endpoint];
        all.extend(&mut self.revoke_endpoint);
        all.extend(&mut self.jwks_endpoint);
        all.extend(&mut self.whoami_endpoint);
        if let Some(device) = &mut self.device {
            all.extend([
                &mut device.user_code,
                &mut device.token,
                &mut device.verification_page,
                &mut device.redirect_uri,
            ]);
        }
        all
    }
}

fn is_safe(address: &str) -> bool {
    address
        .parse::<Uri>()
        .is_ok_and(|uri| Audience::any_https().permits(&uri))
}

fn same_origin(address: &str, issuer: &str) -> bool {
    match (address.parse::<Uri>(), issuer.parse::<Uri>()) {
        (Ok(address), Ok(issuer)) => {
            address.scheme().is_some()
                && address.scheme() == issuer.scheme()
                && address.authority() == issuer.authority()
        }
        _ => false,
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn pairs(members: &[(&str, &str)]) -> Vec<(String, String)> {
    members
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

const OPENAI_ISSUER: &str = "https://auth.openai.com";
const DEFAULT_ORIGINATOR: &str = "codex_auth_rs";
/// As in the official client: a token with four minutes left is renewed, one with six is not.
const REFRESH_MARGIN: Duration = Duration::from_secs(5 * 60);
