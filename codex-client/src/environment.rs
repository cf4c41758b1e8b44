//! Settings from the environment of the process, for programs that opt in. No other code in this
//! crate reads a variable.

use codex_auth::{Environment, EnvironmentVariable};
use codex_types::model_name::ModelTable;
use codex_types::{CreateResponse, Effort};

use crate::builder::ClientBuilder;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
use crate::client::Client;
use crate::error::{Error, ErrorKind};

/// A program's preferences, read from environment variables.
///
/// | variable | meaning |
/// |---|---|
/// | `CODEX_API_KEY`, `CODEX_ACCESS_TOKEN`, `OPENAI_API_KEY` | the credentials; the first that is set counts |
/// | `OPENAI_BASE_URL` | the base URL of the API |
/// | `CODEX_REASONING_EFFORT`, `CODEX_THINKING_LEVEL` | the reasoning effort; the first that is set counts |
///
/// A variable that is empty or only white space counts as not set.
///
/// ```
/// use codex_client::Preferences;
/// use codex_client::types::{Effort, ServiceTier};
///
/// let variables = |name: &str| (name == "CODEX_REASONING_EFFORT").then(|| "low".to_owned());
/// let preferences = Preferences::from_lookup(variables);
/// let request = preferences.request("gpt-5.5-fast");
/// assert_eq!(
///     (request.model.as_str(), &request.service_tier),
///     ("gpt-5.5", &Some(ServiceTier::Priority))
/// );
/// assert_eq!(request.reasoning.and_then(|reasoning| reasoning.effort), Some(Effort::Low));
///
/// // The name takes precedence over the environment.
/// let request = preferences.request("gpt-5.5:high");
/// assert_eq!(request.reasoning.and_then(|reasoning| reasoning.effort), Some(Effort::High));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Preferences {
    /// The base URL of the API.
    pub base_url: Option<String>,
    /// The reasoning effort, unless the name of the model sets one.
    pub effort: Option<Effort>,
    /// The known models, and their aliases.
    pub models: ModelTable,
}

impl Preferences {
    /// Reads the environment of this process.
    #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_lookup(variable)
    }

    /// Reads variables through a function instead of the environment.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let text =
            |name: &str| Some(lookup(name)?.trim().to_owned()).filter(|text| !text.is_empty());
        Self {
            base_url: text("OPENAI_BASE_URL"),
            effort: EFFORT
                .iter()
                .find_map(|name| text(name))
                .map(|effort| Effort::from(effort.to_ascii_lowercase())),
            models: ModelTable::new(),
        }
    }

    /// Creates a request to the model of this name, which may be an alias or end in a reasoning
    /// effort (`:high`) or a service tier (`-fast`).
    ///
    /// A request to a model that is known not to reason carries no effort.
    #[must_use]
    pub fn request(&self, name: &str) -> CreateResponse {
        let mut choice = self.models.choose(name);
        if choice.effort.is_none() {
            choice.effort.clone_from(&self.effort);
        }
        if self.models.reasons(&choice.model) == Some(false) {
            choice.effort = None;
        }
        let mut request = CreateResponse::new("");
        choice.apply_to(&mut request);
        request
    }
}

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
impl Client {
    /// Creates a client with the credentials and the base URL of the environment; see
    /// [`Preferences`] for the variables.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`ClientBuilder::from_env`] and [`ClientBuilder::build`].
    pub fn from_env() -> Result<Self, Error> {
        Self::builder().from_env()?.build()
    }
}

impl ClientBuilder {
    /// Sets the credentials and the base URL from the environment; see [`Preferences`] for the
    /// variables.
    ///
    /// # Errors
    ///
    /// Returns [`Credentials`](ErrorKind::Credentials) when there are none, or when they are not
    /// valid in a header.
    #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
    pub fn from_env(self) -> Result<Self, Error> {
        self.from_lookup(variable)
    }

    /// Works like [`from_env`](Self::from_env), but reads variables through a function instead of
    /// the environment.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`from_env`](Self::from_env).
    pub fn from_lookup(self, lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let credentials = Environment::from_lookup(&lookup)
            .map_err(|error| Error::new(ErrorKind::Credentials).with_source(error))?;
        let credentials =
            credentials.ok_or_else(|| Error::new(ErrorKind::Credentials).with_detail(NONE))?;
        let base_url = Preferences::from_lookup(&lookup).base_url;
        Ok(match base_url {
            // An access token must not go to another host than its own, even if a variable meant
            // for API keys names one.
            Some(base_url) if credentials.variable() != EnvironmentVariable::CodexAccessToken => {
                self.base_url(base_url)
            }
            _ => self,
        }
        .auth(credentials))
    }
}

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

const EFFORT: [&str; 2] = ["CODEX_REASONING_EFFORT", "CODEX_THINKING_LEVEL"];
const NONE: &str =
    "no credentials in the environment: set CODEX_API_KEY, CODEX_ACCESS_TOKEN or OPENAI_API_KEY";

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup<'a>(variables: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        }
    }

    fn target(variables: &[(&str, &str)]) -> Option<String> {
        let client = Client::builder()
            .from_lookup(lookup(variables))
            .unwrap()
            .build()
            .unwrap();
        client
            .shared()
            .endpoint
            .known()
            .map(|target| target.base.to_string())
    }

    #[test]
    fn the_base_url_goes_with_api_keys_only() {
        let url = ("OPENAI_BASE_URL", "http://127.0.0.1:1/v1");
        assert_eq!(
            target(&[("OPENAI_API_KEY", "sk-invented"), url]).as_deref(),
            Some("http://127.0.0.1:1/v1")
        );
        assert_eq!(
            target(&[("OPENAI_API_KEY", "sk-invented"), ("OPENAI_BASE_URL", " ")]),
            None,
            "left to the credential"
        );
        assert_eq!(
            target(&[("CODEX_ACCESS_TOKEN", "invented"), url]),
            None,
            "left to the credential"
        );
    }

    #[test]
    fn an_environment_without_credentials_is_an_error_that_names_the_variables() {
        let error = Client::builder()
            .from_lookup(lookup(&[("OPENAI_API_KEY", " ")]))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Credentials);
        assert_eq!(error.to_string(), NONE);
        let error = Client::builder()
            .from_lookup(lookup(&[("OPENAI_API_KEY", "key\ncanary")]))
            .unwrap_err();
        assert_eq!(error.to_string(), "no credentials for the request");
        assert!(!format!("{error:?}").contains("canary"));
    }

    #[test]
    fn the_first_of_two_variables_sets_the_effort() {
        let effort =
            |variables: &[(&str, &str)]| Preferences::from_lookup(lookup(variables)).effort;
        assert_eq!(
            effort(&[("CODEX_THINKING_LEVEL", "High")]),
            Some(Effort::High)
        );
        assert_eq!(
            effort(&[
                ("CODEX_REASONING_EFFORT", "low"),
                ("CODEX_THINKING_LEVEL", "high")
            ]),
            Some(Effort::Low)
        );
        assert_eq!(
            effort(&[
                ("CODEX_REASONING_EFFORT", " "),
                ("CODEX_THINKING_LEVEL", "high")
            ]),
            Some(Effort::High)
        );
        assert_eq!(effort(&[]), None);
    }

    #[test]
    fn a_model_without_reasoning_gets_no_effort() {
        let mut preferences =
            Preferences::from_lookup(lookup(&[("CODEX_REASONING_EFFORT", "low")]));
        let mut plain = codex_types::model_name::ModelEntry::new("plain");
        plain.reasons = Some(false);
        preferences.models.insert(plain);
        assert_eq!(preferences.request("plain").reasoning, None);
        let request = preferences.request("a-model-nobody-knows");
        assert_eq!(request.model, "a-model-nobody-knows");
        assert_eq!(
            request.reasoning.and_then(|reasoning| reasoning.effort),
            Some(Effort::Low)
        );
    }
}
