//! Selects the credentials for `ask` and `gateway`: a key or a file that the command line names,
//! else the environment, else none. Only a file is changed: its tokens are renewed and written
//! back, because the command line named it.

use std::path::{Path, PathBuf};

use codex_auth::{
    ApiKey, AppRegistration, AuthMode, Environment, FileStore, OAuthProfile, Record, Secret,
    SharedCredentialSource, TokenStore as _,
};
use codex_client::login::Login;
use codex_transport::{HyperTransport, TokioTimer};
use codex_types::profile::Profile;
use http::Uri;

/// The credentials and the server that a command line names.
#[derive(Debug, Default)]
pub(crate) struct Named {
    pub(crate) base_url: Option<String>,
    pub(crate) api_key: Option<Secret>,
    pub(crate) auth_file: Option<PathBuf>,
    pub(crate) issuer: Option<String>,
}

/// A source of credentials, and the profile of its backend if the credentials do not determine it.
pub(crate) struct Credentials {
    pub(crate) source: SharedCredentialSource,
    pub(crate) profile: Option<Profile>,
}

/// Returns the best available credentials, or `None` if there are none.
pub(crate) fn find(named: &Named) -> Result<Option<Credentials>, String> {
    if let Some(key) = &named.api_key {
        let key = ApiKey::new(key.clone()).map_err(|error| chain(&error))?;
        return Ok(Some(Credentials {
            source: SharedCredentialSource::new(key),
            profile: None,
        }));
    }
    if let Some(path) = &named.auth_file {
        return of_file(path, named).map(Some);
    }
    let environment = Environment::from_env().map_err(|error| chain(&error))?;
    Ok(environment.map(|environment| Credentials {
        source: SharedCredentialSource::new(environment),
        profile: None,
    }))
}

fn of_file(path: &Path, named: &Named) -> Result<Credentials, String> {
    let failed = |reason: String| format!("{}: {reason}", path.display());
    let store = FileStore::new(path);
    let stored = store.load().map_err(|error| failed(chain(&error)))?;
    let stored = stored
        .ok_or_else(|| failed("no such file; create it with the `login` example".to_owned()))?;
    let mut profile = authority(stored.record()).map_err(|error| failed(chain(&error)))?;
    if let Some(issuer) = &named.issuer {
        profile = profile.with_issuer(issuer);
    }
    if let Some(host) = named.base_url.as_ref().and_then(|url| host(url)) {
        // A command line that names a file and a server means the file's login for that server.
        profile.audience = profile.audience.with_host(&host);
        profile.api_key_audience = profile.api_key_audience.with_host(&host);
    }
    let backend = backend(stored.record());
    let transport = HyperTransport::new().map_err(|error| chain(&error))?;
    let login = Login::new(profile, store, transport, TokioTimer);
    let source = login.credentials().build().map_err(|error| chain(&error))?;
    Ok(Credentials {
        source: SharedCredentialSource::new(source),
        profile: backend,
    })
}

/// Returns the authority that renews these credentials.
fn authority(record: &Record) -> Result<OAuthProfile, codex_auth::Error> {
    let Some(registration) = record.registration() else {
        return Ok(OAuthProfile::codex());
    };
    // The name is sent only at the first sign-in, which is already done.
    let app = AppRegistration::new("registered", registration.host_id().clone())?;
    Ok(OAuthProfile::sign_in_with_chatgpt(app))
}

fn backend(record: &Record) -> Option<Profile> {
    match record.mode() {
        _ if record.registration().is_some() => Some(Profile::sign_in_with_chatgpt()),
        AuthMode::ChatGpt | AuthMode::ChatGptAuthTokens | AuthMode::PersonalAccessToken => {
            Some(Profile::chatgpt())
        }
        _ => None,
    }
}

fn host(url: &str) -> Option<String> {
    url.parse::<Uri>().ok()?.host().map(str::to_owned)
}

/// Formats an error and its causes in one line.
pub(crate) fn chain(error: &dyn core::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        source = cause.source();
    }
    line
}
