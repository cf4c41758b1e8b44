// Credentials of the environment, for programs that want them; nothing else in this crate reads a variable behind its user's back.

use core::fmt;

use http::request::Parts;

use crate::error::Error;
use crate::jwt::claims::Claims;
use crate::secret::Secret;
use crate::token::audience::Audience;
use crate::token::fixed::{ApiKey, BearerToken, StaticToken};
use crate::token::source::{CredentialSource, Lease};

/// The credential of the first of these variables that is set and not blank: `CODEX_API_KEY`, `CODEX_ACCESS_TOKEN`, `OPENAI_API_KEY`.
///
/// An access token goes to `chatgpt.com` alone and brings the account id that it names; a personal access token (`at-...`) names none:
/// look it up with [`WhoAmI`](crate::WhoAmI). Explicit configuration should win over the environment.
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

/// Which variable held the credential.
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
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CodexApiKey => "CODEX_API_KEY",
            Self::CodexAccessToken => "CODEX_ACCESS_TOKEN",
            Self::OpenAiApiKey => "OPENAI_API_KEY",
        }
    }

    /// Whether it holds an API key, for the platform; otherwise it is an access token, for the ChatGPT backend.
    #[must_use]
    pub fn is_api_key(self) -> bool {
        self != Self::CodexAccessToken
    }
}

impl Environment {
    /// Asks this process's environment. `None` if no variable is set.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidCredential`](crate::ErrorKind::InvalidCredential) if the one that is set cannot stand in a header.
    #[cfg(feature = "std")]
    pub fn from_env() -> Result<Option<Self>, Error> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Asks a function in place of the environment.
    ///
    /// # Errors
    ///
    /// As [`from_env`](Self::from_env).
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

    /// The variable that held it.
    #[must_use]
    pub fn variable(&self) -> EnvironmentVariable {
        self.variable
    }

    /// Lets the credential go to these hosts only.
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
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Environment")
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
