//! Credentials from environment variables, for programs that request them; no other code of this
//! crate reads a credential from the environment.

use core::fmt;

use http::request::Parts;

use crate::error::Error;
use crate::jwt::claims::Claims;
use crate::secret::Secret;
use crate::token::audience::Audience;
use crate::token::fixed::{ApiKey, BearerToken, StaticToken};
use crate::token::source::{CredentialSource, Lease};

/// The credential in the first of these variables that is set and not blank: `CODEX_API_KEY`,
/// `CODEX_ACCESS_TOKEN`, `OPENAI_API_KEY`.
///
/// An access token is only sent to `chatgpt.com` and includes its account id. A personal access
/// token (`at-...`) does not: look the account up with [`WhoAmI`](crate::WhoAmI). Explicit
/// configuration should take precedence over the environment.
///
/// ```
/// use codex_auth::{Environment, EnvironmentVariable};
///
/// let lookup = |name: &str| (name == "OPENAI_API_KEY").then(|| "sk-invented".to_owned());
/// let source = Environment::from_lookup(lookup)?.expect("one is set");
/// assert_eq!(source.variable(), EnvironmentVariable::OpenAiApiKey);
/// assert!(!format!("{source:?}").contains("sk-invented"));
/// # Ok::<(), codex_auth::Error>(())
/// ```
#[derive(Clone)]
pub struct Environment {
    variable: EnvironmentVariable,
    credential: Credential,
}

#[derive(Clone)]
enum Credential {
    Key(ApiKey),
    Token(StaticToken),
}

/// An environment variable that may contain a credential.
///
/// ```
/// assert_eq!(codex_auth::EnvironmentVariable::CodexApiKey.name(), "CODEX_API_KEY");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EnvironmentVariable {
    /// `CODEX_API_KEY`
    CodexApiKey,
    /// `CODEX_ACCESS_TOKEN`
    CodexAccessToken,
    /// `OPENAI_API_KEY`
    OpenAiApiKey,
}

impl EnvironmentVariable {
    /// Returns the name of the variable.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CodexApiKey => "CODEX_API_KEY",
            Self::CodexAccessToken => "CODEX_ACCESS_TOKEN",
            Self::OpenAiApiKey => "OPENAI_API_KEY",
        }
    }

    /// Returns whether the variable contains an API key for the platform; otherwise it is an access
    /// token for the ChatGPT backend.
    #[must_use]
    pub fn is_api_key(self) -> bool {
        self != Self::CodexAccessToken
    }
}

impl Environment {
    /// Reads this process's environment. Returns `None` if no variable is set.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidCredential`](crate::ErrorKind::InvalidCredential) if the value
    /// is not a valid header value.
    #[cfg(feature = "std")]
    pub fn from_env() -> Result<Option<Self>, Error> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads the variables from a function instead of the environment.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`from_env`](Self::from_env).
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, Error> {
        let found = ORDER.into_iter().find_map(|variable| {
            let value = lookup(variable.name()).map(Secret::from)?;
            (!value.is_blank()).then_some((variable, value))
        });
        let Some((variable, value)) = found else {
            return Ok(None);
        };
        let credential = if variable.is_api_key() {
            Credential::Key(ApiKey::new(value)?)
        } else {
            Credential::Token(token(value)?)
        };
        Ok(Some(Self {
            variable,
            credential,
        }))
    }

    /// Returns the variable that contained the credential.
    #[must_use]
    pub fn variable(&self) -> EnvironmentVariable {
        self.variable
    }

    /// Restricts the credential to these hosts.
    #[must_use]
    pub fn only_for(self, audience: Audience) -> Self {
        let credential = match self.credential {
            Credential::Key(key) => Credential::Key(key.only_for(audience)),
            Credential::Token(token) => Credential::Token(token.only_for(audience)),
        };
        Self { credential, ..self }
    }
}

impl CredentialSource for Environment {
    async fn apply(&self, request: &mut Parts) -> Result<Lease, Error> {
        match &self.credential {
            Credential::Key(key) => key.apply(request).await,
            Credential::Token(token) => token.apply(request).await,
        }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("variable", &self.variable)
            .finish_non_exhaustive()
    }
}

fn token(value: Secret) -> Result<StaticToken, Error> {
    let claims = Claims::from_jwt(value.expose().trim()).ok();
    let mut token = BearerToken::new(value);
    if let Some(claims) = &claims {
        token = token.with_fedramp(claims.is_fedramp());
        if let Some(account_id) = claims.account_id() {
            token = token.with_account_id(account_id);
        }
    }
    Ok(StaticToken::new(token)?.only_for(Audience::hosts(["chatgpt.com"])))
}

const ORDER: [EnvironmentVariable; 3] = [
    EnvironmentVariable::CodexApiKey,
    EnvironmentVariable::CodexAccessToken,
    EnvironmentVariable::OpenAiApiKey,
];
