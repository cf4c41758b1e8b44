//! The content of a store, in the official client's `auth.json` format. With one format for every
//! store, the official client can use any of our files, and this crate can use its files. This
//! crate's additional data is under one separate key, and unknown members are written back as they
//! were read: a newer client's keys must survive an older program.

use core::fmt::Write as _;
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::flow::sign_in::SignIn;
use crate::json::{Object, Writer, quoted};
use crate::oauth::registration::{HostId, Registration};
use crate::oauth::response::timestamp;
use crate::secret::Secret;
use crate::token::set::TokenSet;

/// The stored credentials of one account: tokens, an API key, a personal access token, and related
/// data.
///
/// ```
/// use codex_auth::{AuthMode, Record};
///
/// let file = br#"{
///   "OPENAI_API_KEY": null,
///   "tokens": { "id_token": "e30.e30.c2ln", "access_token": "invented", "refresh_token": "invented", "account_id": "acct-1" },
///   "last_refresh": "2026-01-02T03:04:05.678901234Z",
///   "a_newer_key": [1, 2.50]
/// }"#;
/// let record = Record::from_json(file)?;
/// assert_eq!(record.mode(), AuthMode::ChatGpt);
/// assert_eq!(record.tokens().unwrap().account_id().unwrap().0, "acct-1");
/// assert!(record.to_json().expose().contains(r#""a_newer_key": [1, 2.50]"#));
/// # Ok::<(), codex_auth::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    auth_mode: Option<AuthMode>,
    api_key: Option<Secret>,
    tokens: Option<TokenSet>,
    token_extra: Vec<(String, Secret)>,
    last_refresh: Option<SystemTime>,
    personal_access_token: Option<Secret>,
    registration: Option<Registration>,
    in_flight: Option<String>,
    extra: Vec<(String, Secret)>,
}

impl Record {
    /// Creates a record of an API key alone.
    ///
    /// ```
    /// use codex_auth::{AuthMode, Record, Secret};
    ///
    /// assert_eq!(Record::of_api_key(Secret::from("sk-invented")).mode(), AuthMode::ApiKey);
    /// ```
    #[must_use]
    pub fn of_api_key(key: Secret) -> Self {
        Self {
            auth_mode: Some(AuthMode::ApiKey),
            api_key: Some(key),
            ..Self::default()
        }
    }

    /// Creates a record of tokens received at this time.
    #[must_use]
    pub fn of_tokens(tokens: TokenSet, now: SystemTime) -> Self {
        Self {
            auth_mode: Some(AuthMode::ChatGpt),
            tokens: Some(tokens),
            last_refresh: Some(now),
            ..Self::default()
        }
    }

    /// Returns this record after a sign-in: its tokens, API key and registration replace the old
    /// ones, and unknown keys stay.
    ///
    /// The account id of the ID token is written explicitly, as in the official client.
    #[must_use]
    pub fn signed_in(mut self, sign_in: &SignIn, now: SystemTime) -> Self {
        let mut tokens = sign_in.tokens.clone();
        if sign_in.registration.is_none() {
            tokens.account_id = tokens
                .id_claims()
                .and_then(|claims| claims.account_id().map(str::to_owned));
        }
        self.auth_mode = Some(AuthMode::ChatGpt);
        self.api_key.clone_from(&sign_in.api_key);
        self.personal_access_token = None;
        self.registration = sign_in.registration.clone().or(self.registration);
        self.tokens = Some(tokens);
        self.token_extra.clear();
        self.last_refresh = Some(now);
        self.in_flight = None;
        self
    }

    /// Returns this record after signing out: without secrets but with its registration, so that
    /// the next sign-in uses the same client id.
    #[must_use]
    pub fn signed_out(self) -> Self {
        Self {
            registration: self.registration,
            ..Self::default()
        }
    }

    /// Sets the registration, which must be stored before the first token is requested.
    #[must_use]
    pub fn with_registration(mut self, registration: Registration) -> Self {
        self.registration = Some(registration);
        self
    }

    /// Returns how requests are authenticated: the mode in the record, else derived from its
    /// credentials in the official client's order: personal access token, Bedrock key, API key,
    /// tokens.
    #[must_use]
    pub fn mode(&self) -> AuthMode {
        if let Some(mode) = &self.auth_mode {
            return mode.clone();
        }
        if self.personal_access_token.is_some() {
            AuthMode::PersonalAccessToken
        } else if self.extra.iter().any(|(name, _)| name == "bedrock_api_key") {
            AuthMode::BedrockApiKey
        } else if self.api_key.is_some() {
            AuthMode::ApiKey
        } else {
            AuthMode::ChatGpt
        }
    }

    /// Returns the tokens of the sign-in, if the record contains any.
    #[must_use]
    pub fn tokens(&self) -> Option<&TokenSet> {
        self.tokens.as_ref()
    }

    /// Returns the API key, if the record contains one.
    #[must_use]
    pub fn api_key(&self) -> Option<&Secret> {
        self.api_key.as_ref()
    }

    /// Returns the personal access token, if the record contains one.
    #[must_use]
    pub fn personal_access_token(&self) -> Option<&Secret> {
        self.personal_access_token.as_ref()
    }

    /// Returns when the tokens were last received or renewed.
    #[must_use]
    pub fn last_refresh(&self) -> Option<SystemTime> {
        self.last_refresh
    }

    /// Returns the registration with the client id issued to this installation, if there is one.
    #[must_use]
    pub fn registration(&self) -> Option<&Registration> {
        self.registration.as_ref()
    }

    /// Returns whether a renewal of exactly these tokens was started and its outcome never
    /// recorded. The refresh token may be spent.
    ///
    /// ```
    /// use codex_auth::Record;
    ///
    /// assert!(!Record::default().is_refresh_outcome_unknown());
    /// ```
    #[must_use]
    pub fn is_refresh_outcome_unknown(&self) -> bool {
        self.refresh_attempts() > 0
    }

    /// Parses an `auth.json`, including old forms: without `auth_mode`, with claims instead of the
    /// ID token, or with members missing or null.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Store`](crate::ErrorKind::Store) if it is not a JSON object, or
    /// contains the shared client id with which every installation registers.
    pub fn from_json(file: &[u8]) -> Result<Self, Error> {
        let object = Object::parse_bytes(file)
            .ok_or_else(|| Error::damaged_record("content is not a JSON object"))?;
        let ours = object.object(OURS);
        let stored_tokens = object.object("tokens");
        let mut known = vec!["auth_mode", "OPENAI_API_KEY", "personal_access_token", OURS];
        let tokens = stored_tokens.as_ref().and_then(read_tokens);
        if tokens.is_some() || object.raw("tokens").is_none() {
            known.push("tokens");
        }
        let last_refresh = object
            .text("last_refresh")
            .and_then(|text| timestamp(&text));
        if last_refresh.is_some() || object.raw("last_refresh").is_none() {
            known.push("last_refresh");
        }
        let registration = match ours.as_ref().and_then(read_registration) {
            Some(Err(_)) => return Err(Error::damaged_record("invalid registration")),
            Some(Ok(registration)) => Some(registration),
            None => None,
        };
        let mut record = Self {
            auth_mode: object
                .text("auth_mode")
                .map(|mode| AuthMode::from(mode.as_str())),
            api_key: object.secret("OPENAI_API_KEY"),
            tokens,
            token_extra: stored_tokens
                .map(|tokens| tokens.without(&TOKEN_KEYS))
                .unwrap_or_default(),
            last_refresh,
            personal_access_token: object.secret("personal_access_token"),
            registration,
            in_flight: ours
                .as_ref()
                .and_then(|ours| ours.text("refresh_in_flight")),
            extra: object.without(&known),
        };
        if let (Some(tokens), Some(ours)) = (&mut record.tokens, &ours) {
            // Data about an access token applies only to that token; another program may have
            // stored another.
            if ours.text("access_token_fingerprint") == Some(fingerprint(&tokens.access_token)) {
                tokens.expires_at = ours.text("expires_at").and_then(|text| timestamp(&text));
                tokens.earliest_refresh_at = ours
                    .text("earliest_refresh_at")
                    .and_then(|text| timestamp(&text));
                tokens.scope = ours.text("scope");
            }
        }
        Ok(record)
    }

    /// Returns the text of an `auth.json` as the official client writes it, with this crate's data
    /// and with unknown members.
    #[must_use]
    pub fn to_json(&self) -> Secret {
        let mut file = Writer::new();
        if let Some(mode) = &self.auth_mode {
            file.text("auth_mode", mode.as_str());
        }
        // Always present, null when absent: older versions of the official client require it.
        file.raw(
            "OPENAI_API_KEY",
            &text_or_null(self.api_key.as_ref().map(Secret::expose)),
        );
        if let Some(tokens) = &self.tokens {
            file.raw("tokens", &self.tokens_json(tokens));
        }
        if let Some(last_refresh) = self.last_refresh.and_then(formatted) {
            file.text("last_refresh", &last_refresh);
        }
        if let Some(token) = &self.personal_access_token {
            file.text("personal_access_token", token.expose());
        }
        for (name, json) in &self.extra {
            file.raw(name, json.expose());
        }
        let ours = self.ours();
        if !ours.is_empty() {
            file.raw(OURS, &ours.finish());
        }
        Secret::from(file.finish().as_str())
    }

    fn tokens_json(&self, tokens: &TokenSet) -> Wiped {
        let mut out = Writer::nested(2);
        match (&tokens.id_token, &tokens.id_token_claims) {
            (None, Some(claims)) => out.raw("id_token", claims),
            (id_token, _) => out.text("id_token", id_token.as_ref().map_or("", Secret::expose)),
        }
        out.text("access_token", tokens.access_token.expose());
        out.text(
            "refresh_token",
            tokens.refresh_token.as_ref().map_or("", Secret::expose),
        );
        out.raw("account_id", &text_or_null(tokens.account_id.as_deref()));
        for (name, json) in &self.token_extra {
            out.raw(name, json.expose());
        }
        out.finish()
    }

    fn ours(&self) -> Writer {
        let mut out = Writer::nested(2);
        if let Some(registration) = &self.registration {
            out.text("client_id", registration.client_id());
            out.text("host_id", registration.host_id().as_str());
            let optional = [
                ("subject", registration.subject()),
                ("email", registration.email()),
                ("redirect_path", registration.redirect_path()),
            ];
            for (name, value) in optional {
                value.into_iter().for_each(|value| out.text(name, value));
            }
        }
        if let Some(tokens) = &self.tokens {
            let moments = [
                ("expires_at", tokens.expires_at),
                ("earliest_refresh_at", tokens.earliest_refresh_at),
            ];
            let moments = moments.map(|(name, moment)| (name, moment.and_then(formatted)));
            if tokens.scope.is_some() || moments.iter().any(|(_, moment)| moment.is_some()) {
                out.text(
                    "access_token_fingerprint",
                    &fingerprint(&tokens.access_token),
                );
            }
            for (name, moment) in moments {
                moment
                    .into_iter()
                    .for_each(|moment| out.text(name, &moment));
            }
            tokens
                .scope
                .iter()
                .for_each(|scope| out.text("scope", scope));
        }
        self.in_flight
            .iter()
            .for_each(|mark| out.text("refresh_in_flight", mark));
        out
    }
}

/// Changes that the credential source makes to a record.
impl Record {
    /// Replaces the old tokens with renewed ones; all other members stay.
    pub(crate) fn renewed(mut self, tokens: TokenSet, now: SystemTime) -> Self {
        self.tokens = Some(tokens);
        self.last_refresh = Some(now);
        self.in_flight = None;
        self
    }

    /// Marks that a renewal of its tokens has started: the number of attempts, and the refresh
    /// token.
    pub(crate) fn marked(mut self) -> Self {
        let attempt = self.refresh_attempts().saturating_add(1);
        self.in_flight = self
            .refresh_fingerprint()
            .map(|fingerprint| format!("{attempt}:{fingerprint}"));
        self
    }

    /// Returns how many renewals of exactly these tokens were started without a recorded outcome.
    pub(crate) fn refresh_attempts(&self) -> u8 {
        let Some((attempts, fingerprint)) = self
            .in_flight
            .as_deref()
            .and_then(|mark| mark.split_once(':'))
        else {
            return 0;
        };
        let same = self.refresh_fingerprint().as_deref() == Some(fingerprint);
        // A mark that cannot be parsed still counts as a mark.
        if same {
            attempts.parse().unwrap_or(u8::MAX)
        } else {
            0
        }
    }

    fn refresh_fingerprint(&self) -> Option<String> {
        self.tokens
            .as_ref()?
            .refresh_token
            .as_ref()
            .map(fingerprint)
    }

    pub(crate) fn unmarked(mut self) -> Self {
        self.in_flight = None;
        self
    }

    /// Returns whether its ID token names another user than its registration.
    pub(crate) fn names_another_subject(&self) -> bool {
        let registered = self.registration.as_ref().and_then(Registration::subject);
        let claims = self.tokens.as_ref().and_then(TokenSet::id_claims);
        let claimed = claims.as_ref().and_then(|claims| claims.subject());
        matches!((registered, claimed), (Some(registered), Some(claimed)) if registered != claimed)
    }

    /// Returns the owner of the record: the issued client id, or the account id.
    pub(crate) fn owner(&self) -> Option<String> {
        let issued = self
            .registration
            .as_ref()
            .map(|registration| registration.client_id().to_owned());
        issued.or_else(|| self.tokens.as_ref()?.account_id().map(|(id, _)| id))
    }
}

/// The method by which requests are authenticated: the value of `auth_mode`.
///
/// ```
/// use codex_auth::AuthMode;
///
/// assert_eq!(AuthMode::from("chatgpt"), AuthMode::ChatGpt);
/// assert_eq!(AuthMode::from("newMode").as_str(), "newMode");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthMode {
    /// `apikey`
    ApiKey,
    /// `chatgpt`: tokens of a sign-in, renewed by the program that holds the record.
    ChatGpt,
    /// `chatgptAuthTokens`: tokens supplied and renewed by a host application.
    ChatGptAuthTokens,
    /// `headers`
    Headers,
    /// `agentIdentity`
    AgentIdentity,
    /// `personalAccessToken`
    PersonalAccessToken,
    /// `bedrockApiKey`
    BedrockApiKey,
    /// `bedrockAccessKeys`
    BedrockAccessKeys,
    /// A mode that this version does not list; [`AuthMode::as_str`] returns its name.
    Unlisted(UnlistedMode),
}

/// The name of a mode that this version does not list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UnlistedMode(Box<str>);

impl AuthMode {
    /// Returns the name of the mode in the file.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::ApiKey => "apikey",
            Self::ChatGpt => "chatgpt",
            Self::ChatGptAuthTokens => "chatgptAuthTokens",
            Self::Headers => "headers",
            Self::AgentIdentity => "agentIdentity",
            Self::PersonalAccessToken => "personalAccessToken",
            Self::BedrockApiKey => "bedrockApiKey",
            Self::BedrockAccessKeys => "bedrockAccessKeys",
            Self::Unlisted(UnlistedMode(name)) => name,
        }
    }
}

impl From<&str> for AuthMode {
    fn from(name: &str) -> Self {
        match name {
            "apikey" => Self::ApiKey,
            "chatgpt" => Self::ChatGpt,
            "chatgptAuthTokens" => Self::ChatGptAuthTokens,
            "headers" => Self::Headers,
            "agentIdentity" => Self::AgentIdentity,
            "personalAccessToken" => Self::PersonalAccessToken,
            "bedrockApiKey" => Self::BedrockApiKey,
            "bedrockAccessKeys" => Self::BedrockAccessKeys,
            _ => Self::Unlisted(UnlistedMode(name.into())),
        }
    }
}

/// JSON text for a file, wiped when dropped.
type Wiped = zeroize::Zeroizing<String>;

fn read_tokens(tokens: &Object<'_>) -> Option<TokenSet> {
    let (access_token, refresh_token) = (
        tokens.secret("access_token"),
        tokens.secret("refresh_token"),
    );
    if access_token.is_none() && refresh_token.is_none() {
        return None;
    }
    // A refresh token alone can still be redeemed for an access token.
    let mut set = TokenSet::new(access_token.unwrap_or_else(|| Secret::from("")));
    set.refresh_token = refresh_token;
    set.id_token = tokens.secret("id_token");
    set.id_token_claims = tokens
        .raw("id_token")
        .filter(|raw| raw.starts_with('{'))
        .map(Into::into);
    set.account_id = tokens.text("account_id").filter(|id| !id.trim().is_empty());
    Some(set)
}

fn read_registration(ours: &Object<'_>) -> Option<Result<Registration, Error>> {
    let client_id = ours.text("client_id")?;
    let host_id = HostId::parse(ours.text("host_id").unwrap_or_default());
    let registration = host_id.and_then(|host_id| Registration::new(client_id, host_id));
    Some(registration.map(|mut registration| {
        if let Some(subject) = ours.text("subject") {
            registration = registration.with_subject(subject);
        }
        if let Some(email) = ours.text("email") {
            registration = registration.with_email(email);
        }
        match ours.text("redirect_path") {
            Some(path) => registration.with_redirect_path(path),
            None => registration,
        }
    }))
}

/// Returns a fingerprint that only reveals whether two secrets are equal: half of a SHA-256 hash.
pub(crate) fn fingerprint(secret: &Secret) -> String {
    hexadecimal(&Sha256::digest(secret.expose())[..16])
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn text_or_null(text: Option<&str>) -> Wiped {
    text.map_or_else(|| Wiped::new("null".to_owned()), quoted)
}

// humantime cannot write times outside these years; such a time is omitted rather than treated as
// an error.
fn formatted(moment: SystemTime) -> Option<String> {
    let seconds = moment
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()?
        .as_secs();
    (seconds <= 253_402_300_799).then(|| humantime::format_rfc3339_nanos(moment).to_string())
}

const OURS: &str = "codex_auth";
const TOKEN_KEYS: [&str; 4] = ["id_token", "access_token", "refresh_token", "account_id"];
