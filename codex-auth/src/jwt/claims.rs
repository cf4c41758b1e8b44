//! Reads the claims of a JWT without checking its signature. Tokens come from the token endpoint
//! over TLS, which OpenID Connect Core section 3.1.3.7 accepts instead of a signature; and here,
//! claims only affect display, routing and scheduling, never trust.

use core::fmt;
use core::time::Duration;
use std::time::SystemTime;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};
use crate::json::Object;

/// The unverified claims of a JWT about itself and the account. Claims that are missing or of
/// another type are `None`; unknown ones are ignored.
///
/// ```
/// use codex_auth::{Claims, ErrorKind};
///
/// // {"exp":1767322800,"https://api.openai.com/auth":{"chatgpt_account_id":"acct-1","chatgpt_plan_type":"plus"}}
/// let token = "e30.eyJleHAiOjE3NjczMjI4MDAsImh0dHBzOi8vYXBpLm9wZW5haS5jb20vYXV0aCI6eyJjaGF0Z3B0X2FjY291bnRfaWQiOiJhY2N0LTEiLCJjaGF0Z3B0X3BsYW5fdHlwZSI6InBsdXMifX0.c2ln";
/// let claims = Claims::from_jwt(token)?;
/// assert_eq!(claims.account_id(), Some("acct-1"));
/// assert_eq!(claims.plan().map(|plan| plan.as_str()), Some("plus"));
///
/// assert_eq!(Claims::from_jwt("not.a-jwt").unwrap_err().kind(), ErrorKind::MalformedToken);
/// # Ok::<(), codex_auth::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Claims {
    issuer: Option<String>,
    subject: Option<String>,
    audience: Vec<String>,
    authorized_party: Option<String>,
    nonce: Option<String>,
    expires_at: Option<i64>,
    issued_at: Option<i64>,
    not_before: Option<i64>,
    email: Option<String>,
    account_id: Option<String>,
    user_id: Option<String>,
    plan: Option<Plan>,
    fedramp: bool,
    organizations: Vec<String>,
}

impl Claims {
    /// Parses the payload of a JWT: three parts, none of them empty, in base64url with or without
    /// padding, with a JSON object as the payload.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::MalformedToken`] for anything else.
    pub fn from_jwt(token: &str) -> Result<Self, Error> {
        let [_, payload, _] = parts(token)?;
        Self::from_json(&decoded(payload)?)
    }

    /// Parses the claims object itself.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::MalformedToken`] if it is not a JSON object.
    pub fn from_json(payload: &[u8]) -> Result<Self, Error> {
        let claims = Object::parse_bytes(payload).ok_or_else(malformed)?;
        let auth = claims.object(AUTH);
        let auth = |name: &str| {
            auth.as_ref()
                .and_then(|auth| auth.text(name))
                .filter(|text| !text.is_empty())
        };
        let profile_email = || claims.object(PROFILE)?.text("email");
        let fedramp = claims
            .object(AUTH)
            .and_then(|auth| auth.boolean("chatgpt_account_is_fedramp"));
        Ok(Self {
            issuer: claims.text("iss"),
            subject: claims.text("sub"),
            audience: claims.texts("aud"),
            authorized_party: claims.text("azp"),
            nonce: claims.text("nonce"),
            expires_at: claims.seconds("exp"),
            issued_at: claims.seconds("iat"),
            not_before: claims.seconds("nbf"),
            email: claims.text("email").or_else(profile_email),
            account_id: auth("chatgpt_account_id").or_else(|| claims.text("chatgpt_account_id")),
            user_id: auth("chatgpt_user_id").or_else(|| auth("user_id")),
            plan: auth("chatgpt_plan_type").map(|plan| Plan::from(plan.as_str())),
            fedramp: fedramp.unwrap_or(false),
            organizations: claims
                .objects("organizations")
                .iter()
                .filter_map(|organization| organization.text("id"))
                .collect(),
        })
    }

    /// Returns the issuer (`iss`).
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Returns the subject (`sub`).
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// Returns the audiences (`aud`); a single text is a list of one.
    #[must_use]
    pub fn audience(&self) -> &[String] {
        &self.audience
    }

    /// Returns the authorized party (`azp`).
    #[must_use]
    pub fn authorized_party(&self) -> Option<&str> {
        self.authorized_party.as_deref()
    }

    /// Returns the `nonce`.
    #[must_use]
    pub fn nonce(&self) -> Option<&str> {
        self.nonce.as_deref()
    }

    /// Returns the expiry (`exp`). A negative value becomes the Unix epoch, and one beyond the year
    /// 9999 the end of that year.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at.map(at)
    }

    /// Returns the time of issue (`iat`).
    #[must_use]
    pub fn issued_at(&self) -> Option<SystemTime> {
        self.issued_at.map(at)
    }

    /// Returns the time before which the token is not valid (`nbf`).
    #[must_use]
    pub fn not_before(&self) -> Option<SystemTime> {
        self.not_before.map(at)
    }

    /// Returns `email`, else that of the `https://api.openai.com/profile` claim.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }

    /// Returns `chatgpt_account_id` of the `https://api.openai.com/auth` claim (also called the
    /// workspace id), else that of the top level.
    #[must_use]
    pub fn account_id(&self) -> Option<&str> {
        self.account_id.as_deref()
    }

    /// Returns `chatgpt_user_id`, else `user_id`.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.user_id.as_deref()
    }

    /// Returns the plan (`chatgpt_plan_type`).
    #[must_use]
    pub fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    /// Returns whether the account is in the FedRAMP environment (`chatgpt_account_is_fedramp`).
    #[must_use]
    pub fn is_fedramp(&self) -> bool {
        self.fedramp
    }

    /// Returns the ids of `organizations`: those of the API platform, which in general are not
    /// ChatGPT workspaces.
    #[must_use]
    pub fn organizations(&self) -> &[String] {
        &self.organizations
    }

    /// Returns the lifetime that the token was issued for: `exp` minus `iat`.
    pub(crate) fn lifetime(&self) -> Option<Duration> {
        let seconds = self.expires_at?.checked_sub(self.issued_at?)?;
        u64::try_from(seconds)
            .ok()
            .map(|seconds| Duration::from_secs(seconds.min(LAST_SECOND.unsigned_abs())))
    }
}

/// Keeps personal data out of logs.
impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("plan", &self.plan)
            .field("fedramp", &self.fedramp)
            .finish_non_exhaustive()
    }
}

/// A ChatGPT plan, as named by `chatgpt_plan_type`.
///
/// ```
/// use codex_auth::Plan;
///
/// assert_eq!(Plan::from("HC"), Plan::Enterprise);
/// assert_eq!(Plan::from("galactic").as_str(), "galactic");
/// assert!(Plan::from("team").is_workspace());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Plan {
    /// `free`
    Free,
    /// `go`
    Go,
    /// `plus`
    Plus,
    /// `pro`
    Pro,
    /// `prolite`
    ProLite,
    /// `team`
    Team,
    /// `self_serve_business_usage_based`
    SelfServeBusinessUsageBased,
    /// `business`
    Business,
    /// `enterprise_cbp_usage_based`
    EnterpriseCbpUsageBased,
    /// `enterprise`, also spelled `hc`
    Enterprise,
    /// `edu`, also spelled `education`
    Edu,
    /// A plan that this version does not list; [`Plan::as_str`] returns its name.
    Unlisted(UnlistedPlan),
}

/// The name of a plan that this version does not list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UnlistedPlan(Box<str>);

impl Plan {
    /// Returns the plan's name on the wire; for an unlisted plan, exactly the received text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Free => "free",
            Self::Go => "go",
            Self::Plus => "plus",
            Self::Pro => "pro",
            Self::ProLite => "prolite",
            Self::Team => "team",
            Self::SelfServeBusinessUsageBased => "self_serve_business_usage_based",
            Self::Business => "business",
            Self::EnterpriseCbpUsageBased => "enterprise_cbp_usage_based",
            Self::Enterprise => "enterprise",
            Self::Edu => "edu",
            Self::Unlisted(UnlistedPlan(name)) => name,
        }
    }

    /// Returns whether the plan belongs to an organization rather than to a person. False for
    /// unlisted plans.
    #[must_use]
    pub fn is_workspace(&self) -> bool {
        matches!(
            self,
            Self::Team
                | Self::SelfServeBusinessUsageBased
                | Self::Business
                | Self::EnterpriseCbpUsageBased
                | Self::Enterprise
                | Self::Edu
        )
    }
}

impl From<&str> for Plan {
    fn from(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "free" => Self::Free,
            "go" => Self::Go,
            "plus" => Self::Plus,
            "pro" => Self::Pro,
            "prolite" => Self::ProLite,
            "team" => Self::Team,
            "self_serve_business_usage_based" => Self::SelfServeBusinessUsageBased,
            "business" => Self::Business,
            "enterprise_cbp_usage_based" => Self::EnterpriseCbpUsageBased,
            "enterprise" | "hc" => Self::Enterprise,
            "edu" | "education" => Self::Edu,
            _ => Self::Unlisted(UnlistedPlan(name.into())),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Splits a token into header, payload and signature, still encoded.
pub(crate) fn parts(token: &str) -> Result<[&str; 3], Error> {
    let mut parts = token.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(header), Some(payload), Some(signature), None)
            if ![header, payload, signature].contains(&"") =>
        {
            Ok([header, payload, signature])
        }
        _ => Err(malformed()),
    }
}

pub(crate) fn decoded(part: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    LENIENT
        .decode(part)
        .map(Zeroizing::new)
        .map_err(|_| malformed())
}

/// Converts a Unix timestamp, clamped to what calendars can represent.
pub(crate) fn at(seconds: i64) -> SystemTime {
    let seconds = Duration::from_secs(seconds.clamp(0, LAST_SECOND).unsigned_abs());
    SystemTime::UNIX_EPOCH
        .checked_add(seconds)
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

fn malformed() -> Error {
    Error::new(ErrorKind::MalformedToken)
}

// RFC 7515 forbids padding, but some issuers add it.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
const AUTH: &str = "https://api.openai.com/auth";
const PROFILE: &str = "https://api.openai.com/profile";
/// The last second of the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;
