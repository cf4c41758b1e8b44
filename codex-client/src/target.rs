//! The backend of a request. The base URL or the profile selects it, or else the headers that the
//! credential source adds: an API key and an account's token are valid for different hosts, and a
//! request to the wrong one fails with a misleading error.

use std::sync::{Arc, OnceLock};

use codex_auth::{CredentialSource as _, SharedCredentialSource};
use codex_types::profile::Profile;
use http::{Request, Uri};

use crate::error::Error;
use crate::failure;

/// A backend: its profile and its base URL.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) profile: Arc<Profile>,
    /// The base URL: everything before `/responses`.
    pub(crate) base: Uri,
}

impl Target {
    /// Returns the URL of a path of the API.
    pub(crate) fn url(&self, path: &str) -> Result<Uri, Error> {
        join(&self.base, path)
    }
}

/// Joins a path to a base URL, whose query comes after that of the path.
pub(crate) fn join(base: &Uri, path: &str) -> Result<Uri, Error> {
    let mut parts = base.clone().into_parts();
    let folder = base.path().trim_end_matches('/');
    let joined = match base.query() {
        Some(query) if path.contains('?') => format!("{folder}/{path}&{query}"),
        Some(query) => format!("{folder}/{path}?{query}"),
        None => format!("{folder}/{path}"),
    };
    parts.path_and_query = Some(joined.parse().map_err(|_| Error::request(PATH))?);
    Uri::from_parts(parts).map_err(|_| Error::request(PATH))
}

/// The criterion by which the backend is selected.
pub(crate) enum Endpoint {
    Fixed(Target),
    /// By the kind of credential, at the first request; fixed from then on.
    ByCredential(OnceLock<Target>),
}

impl Endpoint {
    /// Selects the backend: by the host of the URL without a profile, by the profile without a URL,
    /// and by the credential without either.
    pub(crate) fn new(base_url: Option<&str>, profile: Option<Profile>) -> Result<Self, Error> {
        let (profile, base) = match (profile, base_url) {
            (None, None) => return Ok(Self::ByCredential(OnceLock::new())),
            (Some(profile), None) => {
                let url = profile
                    .base_url
                    .as_deref()
                    .ok_or_else(|| Error::request(NO_URL))?;
                let base = parse(url)?;
                (profile, base)
            }
            (Some(profile), Some(url)) => (profile, parse(url)?),
            (None, Some(url)) => {
                let base = parse(url)?;
                (profile_of(&base), base)
            }
        };
        Ok(Self::Fixed(Target {
            profile: Arc::new(profile),
            base,
        }))
    }

    /// Returns the backend, if it is known yet.
    pub(crate) fn known(&self) -> Option<&Target> {
        match self {
            Self::Fixed(target) => Some(target),
            Self::ByCredential(found) => found.get(),
        }
    }

    pub(crate) async fn target(
        &self,
        credentials: &SharedCredentialSource,
    ) -> Result<Target, Error> {
        match self {
            Self::Fixed(target) => Ok(target.clone()),
            Self::ByCredential(found) => {
                if let Some(target) = found.get() {
                    return Ok(target.clone());
                }
                let target = target_of(credentials).await?;
                Ok(found.get_or_init(|| target).clone())
            }
        }
    }
}

/// Selects the backend for a credential: the ChatGPT backend if the credential names an account
/// there or may go to no other host.
async fn target_of(credentials: &SharedCredentialSource) -> Result<Target, Error> {
    let (platform, chatgpt) = (preset(Profile::platform())?, preset(Profile::chatgpt())?);
    match probe(credentials, &chatgpt).await? {
        Probe::Account => Ok(chatgpt),
        Probe::Refused => Ok(platform),
        Probe::Accepted => match probe(credentials, &platform).await? {
            Probe::Refused => Ok(chatgpt),
            Probe::Account | Probe::Accepted => Ok(platform),
        },
    }
}

enum Probe {
    /// The credential must not be sent there.
    Refused,
    Accepted,
    /// The credential may be sent there, and names an account.
    Account,
}

async fn probe(credentials: &SharedCredentialSource, target: &Target) -> Result<Probe, Error> {
    let mut request = Request::new(());
    *request.uri_mut() = target.url("responses")?;
    let (mut head, ()) = request.into_parts();
    match credentials.apply(&mut head).await {
        Ok(_) if head.headers.contains_key("chatgpt-account-id") => Ok(Probe::Account),
        Ok(_) => Ok(Probe::Accepted),
        Err(error) if error.kind() == codex_auth::ErrorKind::ForbiddenTarget => Ok(Probe::Refused),
        Err(error) => Err(failure::credentials(error)),
    }
}

fn preset(profile: Profile) -> Result<Target, Error> {
    let base = parse(profile.base_url.as_deref().unwrap_or_default())?;
    Ok(Target {
        profile: Arc::new(profile),
        base,
    })
}

/// Returns the profile of a server that is known only by its URL.
fn profile_of(base: &Uri) -> Profile {
    base.host()
        .map_or_else(Profile::compatible, Profile::of_host)
}

fn parse(url: &str) -> Result<Uri, Error> {
    let base: Uri = url.parse().map_err(|_| Error::request(BASE_URL))?;
    if !matches!(base.scheme_str(), Some("http" | "https")) || base.host().is_none() {
        return Err(Error::request(BASE_URL));
    }
    Ok(base)
}

const BASE_URL: &str = "invalid base URL: expected an absolute http or https URL";
const PATH: &str = "base URL cannot be joined with the path of the call";
const NO_URL: &str = "profile has no base URL; set one";

#[cfg(test)]
mod tests {
    use codex_auth::{ApiKey, Audience, BearerToken, Secret, StaticToken};

    use super::*;

    fn found(source: impl codex_auth::CredentialSource + 'static) -> String {
        let source = SharedCredentialSource::new(source);
        let endpoint = Endpoint::new(None, None).unwrap();
        let mut asked = core::pin::pin!(endpoint.target(&source));
        let mut context = core::task::Context::from_waker(core::task::Waker::noop());
        let core::task::Poll::Ready(target) = asked.as_mut().poll(&mut context) else {
            panic!("a fixed credential is there at once");
        };
        target.unwrap().profile.name.to_string()
    }

    fn token() -> BearerToken {
        BearerToken::new(Secret::from("invented"))
    }

    #[test]
    fn the_kind_of_credential_decides() {
        assert_eq!(
            found(ApiKey::new(Secret::from("sk-invented")).unwrap()),
            "platform"
        );
        assert_eq!(found(codex_auth::Anonymous::new()), "platform");
        assert_eq!(found(StaticToken::new(token()).unwrap()), "platform");
        assert_eq!(
            found(StaticToken::new(token().with_account_id("acct-1")).unwrap()),
            "chatgpt"
        );
        // A token that names no account but must not go to another host.
        let bound = StaticToken::new(token())
            .unwrap()
            .only_for(Audience::hosts(["chatgpt.com"]));
        assert_eq!(found(bound), "chatgpt");
        let bound = StaticToken::new(token().with_account_id("acct-1"))
            .unwrap()
            .only_for(Audience::hosts(["api.openai.com"]));
        assert_eq!(found(bound), "platform");
    }

    #[test]
    fn explicit_settings_take_precedence_over_the_credential() {
        let name = |endpoint: Endpoint| {
            endpoint
                .known()
                .map(|target| target.profile.name.to_string())
        };
        let named = |url, profile| name(Endpoint::new(url, profile).unwrap()).unwrap();
        assert_eq!(named(Some("https://api.openai.com/v1"), None), "platform");
        assert_eq!(
            named(Some("https://chatgpt.com/backend-api/codex"), None),
            "chatgpt"
        );
        assert_eq!(named(Some("http://127.0.0.1:1/v1"), None), "compatible");
        assert_eq!(
            named(Some("http://127.0.0.1:1/v1"), Some(Profile::chatgpt())),
            "chatgpt"
        );
        assert_eq!(named(None, Some(Profile::platform())), "platform");
        assert_eq!(name(Endpoint::new(None, None).unwrap()), None);
        let error = Endpoint::new(None, Some(Profile::compatible()))
            .err()
            .unwrap();
        assert_eq!(error.to_string(), NO_URL);
    }
}
