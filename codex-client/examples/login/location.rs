//! The location of the stored login, and the authority that issued it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use codex_auth::{AppRegistration, FileStore, HostId, OAuthProfile, Registration, TokenStore as _};

use crate::arguments::{Action, Arguments, Kind};
use crate::explain;

/// Opens the store. By default the login has its own file: two programs that renew one login
/// interfere with each other.
pub(crate) fn store(arguments: &Arguments) -> Result<FileStore, String> {
    match arguments.store.as_ref().or(arguments.auth_file.as_ref()) {
        Some(path) => Ok(FileStore::new(path)),
        None => FileStore::for_app("codex-client-rs").map_err(|error| explain(&error)),
    }
}

pub(crate) fn profile(arguments: &Arguments, store: &FileStore) -> Result<OAuthProfile, String> {
    let registration = registration(arguments, store)?;
    let profile = match (arguments.kind, &registration) {
        (Some(Kind::ChatGpt), Some(_)) => {
            return Err(format!(
                "{} holds the login of a registered app; choose another file for a login of another kind",
                store.path().display()
            ));
        }
        (Some(Kind::ChatGpt) | None, None) => {
            OAuthProfile::codex().with_originator("codex-client-rs")
        }
        (Some(Kind::SignInWithChatGpt), _) | (None, Some(_)) => {
            OAuthProfile::sign_in_with_chatgpt(app(arguments, store, registration.as_ref())?)
        }
    };
    Ok(match &arguments.issuer {
        Some(issuer) => profile.with_issuer(issuer),
        None => profile,
    })
}

fn registration(arguments: &Arguments, store: &FileStore) -> Result<Option<Registration>, String> {
    match store.load() {
        Ok(stored) => Ok(stored.and_then(|stored| stored.record().registration().cloned())),
        // A record that cannot be read can still be removed.
        Err(_) if arguments.action == Action::SignOut => Ok(None),
        Err(error) => Err(explain(&error)),
    }
}

/// Returns the registration of the app. A registered app keeps its name at the authority, whatever
/// name is given here.
fn app(
    arguments: &Arguments,
    store: &FileStore,
    registration: Option<&Registration>,
) -> Result<AppRegistration, String> {
    let name = match (&arguments.app_name, registration) {
        (Some(name), _) => name,
        (None, Some(_)) => "registered",
        (None, None) => {
            return Err("missing --app-name: an app must register under its own name".to_owned());
        }
    };
    let host = match registration {
        Some(registration) => registration.host_id().clone(),
        None => host_id(store.path())?,
    };
    AppRegistration::new(name, host).map_err(|error| explain(&error))
}

/// Returns the id of this installation, which is created once and kept next to the store.
fn host_id(store: &Path) -> Result<HostId, String> {
    let mut path = store.as_os_str().to_owned();
    path.push(".host-id");
    let path = PathBuf::from(path);
    let failed = |error: io::Error| format!("{}: {error}", path.display());
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(failed)?;
    }
    match OpenOptions::new().write(true).create_new(true).open(&path) {
        Ok(mut file) => {
            let host = HostId::from_os().map_err(|error| explain(&error))?;
            file.write_all(host.as_str().as_bytes())
                .and_then(|()| file.sync_all())
                .map_err(failed)?;
            Ok(host)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let text = fs::read_to_string(&path).map_err(failed)?;
            HostId::parse(text.trim())
                .map_err(|error| format!("{}: {}", path.display(), explain(&error)))
        }
        Err(error) => Err(failed(error)),
    }
}
