//! A login in a file. A reader, at any time and after any crash, finds the old file or the new one,
//! complete and readable only by its owner: the new content is written next to it, synced, renamed
//! over the old, and the directory synced. Locks are separate files, because the rename replaces
//! the data file, and a lock on the old one would exclude no process.

mod flock;
mod layer;
mod location;
mod locks;
mod open;
mod replace;
#[cfg(test)]
mod tests;

use core::fmt;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

pub(crate) use self::layer::{FileLayer, System};
use self::location::{Content, Location, REREAD_PAUSE, REREADS};
use crate::error::Error;
use crate::store::record::Record;
use crate::store::token_store::{Revision, StoreLock, Stored, TokenStore};

/// A store in a file of the official client's `auth.json` format. Clones share the store.
///
/// After a write, the file always has mode 0600, and its directory 0700 if the store created it.
/// The file, its directory and each link that leads to it must belong to this user or to root, and
/// must not be writable by others. A pipe or a device is rejected without being opened.
///
/// # Files that cannot simply be replaced
///
/// * A symbolic link is followed, since Kubernetes and dotfile managers create them. The target
///   file is replaced, and the link stays. If that is impossible, because the secret is mounted
///   read-only, an error reports it before any request is sent.
/// * A file that is itself a bind mount is written in place, with its whole new content in a
///   journal next to it until that is done. If a program outside replaces the file, the mount keeps
///   the old one: that is an error, and mounting the directory avoids it.
/// * A file that does not contain a record is an error, after it has been re-read for a tenth of a
///   second, because a program without locks may be writing it. [`save`](TokenStore::save) without
///   an expected revision replaces it and keeps a copy, `NAME.damaged`; so does a sign-in.
/// * A concurrent write by a program that takes no lock is detected, on Linux even if it happens
///   between the comparison and the replacement: its content stays, and the save fails with
///   [`StoreConflict`](crate::ErrorKind::StoreConflict).
///
/// During a write, `.NAME.codex-auth.tmp` or `.NAME.codex-auth.journal` exists next to the file.
/// Empty lock files stay: `.NAME.codex-auth.lock`, and those of the official client, which for
/// `auth.json` are `auth.lock` and `auth.json.lock`.
///
/// # Sharing a login with the official client
///
/// Keep a login in a separate file ([`for_app`](Self::for_app)) if possible. The official client's
/// file is read-only ([`codex_cli`](Self::codex_cli)) unless its path is passed to
/// [`new`](Self::new).
///
/// Sharing the file never discards tokens. The official client gives up its commit, and with it
/// tokens it has just received, if it cannot lock `auth.json.lock` for five seconds. So this store
/// takes the official locks only to read, compare and replace the file, in the same order, and a
/// renewal holds a lock of another name. Each program sees the other's commits and adopts the
/// latest.
///
/// The official client sends a refresh token without any lock, so both programs can send the same
/// one, and the authority accepts only one of them. To make that rare, set the profile's
/// [`refresh_margin`](crate::OAuthProfile::refresh_margin) to ten minutes. The official client
/// renews five minutes before the expiry and reads the file first, so it finds the login renewed.
///
/// ```
/// use codex_auth::{FileStore, Record, Secret, TokenStore};
///
/// let directory = std::env::temp_dir().join(format!("codex-auth-example-{}", std::process::id()));
/// let store = FileStore::new(directory.join("auth.json"));
/// assert!(store.load()?.is_none());
/// store.save(&Record::of_api_key(Secret::from("sk-invented")), None)?;
/// assert_eq!(store.load()?.unwrap().record().api_key().unwrap().expose(), "sk-invented");
/// assert!(store.clear()?);
/// # std::fs::remove_dir_all(directory).unwrap();
/// # Ok::<(), codex_auth::Error>(())
/// ```
#[derive(Clone)]
pub struct FileStore {
    files: Arc<Files<System>>,
}

impl FileStore {
    /// Creates a store in this file, which need not exist yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            files: Arc::new(Files::new(path.into(), true, System)),
        }
    }

    /// Creates a store that reads this file and never changes it.
    ///
    /// ```
    /// use codex_auth::{FileStore, Record, TokenStore};
    ///
    /// let store = FileStore::read_only("/nonexistent/auth.json");
    /// assert!(store.is_read_only());
    /// assert!(store.save(&Record::default(), None).is_err());
    /// ```
    #[must_use]
    pub fn read_only(path: impl Into<PathBuf>) -> Self {
        Self {
            files: Arc::new(Files::new(path.into(), false, System)),
        }
    }

    /// Creates the store of the app with this name, in the user's configuration directory:
    /// `$XDG_CONFIG_HOME` or `~/.config`, on macOS `~/Library/Application Support`, on Windows
    /// `%APPDATA%`.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidConfiguration`](crate::ErrorKind::InvalidConfiguration) if the
    /// name is not a plain file name or there is no such directory.
    pub fn for_app(name: &str) -> Result<Self, Error> {
        let plain = !name.is_empty()
            && !name.starts_with('.')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if !plain {
            return Err(Error::invalid_configuration(
                "app name is not a plain file name",
            ));
        }
        let directory = configuration_directory()
            .ok_or_else(|| Error::invalid_configuration("user has no configuration directory"))?;
        Ok(Self::new(directory.join(name).join("auth.json")))
    }

    /// Creates a read-only store of the official client's file: `$CODEX_HOME/auth.json`, else
    /// `~/.codex/auth.json`.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidConfiguration`](crate::ErrorKind::InvalidConfiguration) if
    /// `CODEX_HOME` is set and is not a directory, or there is no home directory.
    pub fn codex_cli() -> Result<Self, Error> {
        Ok(Self::read_only(
            codex_home(std::env::var_os("CODEX_HOME"), std::env::home_dir())?.join("auth.json"),
        ))
    }

    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.files.path
    }
}

/// Returns the official client's home directory, from the value of `CODEX_HOME` and the user's home
/// directory.
///
/// If the variable is set and not empty, its directory must exist and the path is canonicalized.
/// Otherwise the result is `.codex` in the user's home directory, which need not exist.
///
/// # Errors
///
/// Returns [`ErrorKind::InvalidConfiguration`](crate::ErrorKind::InvalidConfiguration), with the
/// reason in its text.
///
/// # Examples
///
/// ```
/// use codex_auth::codex_home;
///
/// assert_eq!(codex_home(None, Some("/home/me".into()))?, std::path::Path::new("/home/me/.codex"));
/// assert!(codex_home(Some("/nonexistent".into()), Some("/home/me".into())).is_err());
/// # Ok::<(), codex_auth::Error>(())
/// ```
pub fn codex_home(variable: Option<OsString>, home: Option<PathBuf>) -> Result<PathBuf, Error> {
    let Some(variable) = variable.filter(|value| !value.is_empty()) else {
        let home =
            home.ok_or_else(|| Error::invalid_configuration("user has no home directory"))?;
        return Ok(home.join(".codex"));
    };
    let canonical = fs::canonicalize(variable).map_err(|error| {
        Error::invalid_configuration("CODEX_HOME does not exist").with_source(error)
    })?;
    if canonical.is_dir() {
        Ok(canonical)
    } else {
        Err(Error::invalid_configuration(
            "CODEX_HOME is not a directory",
        ))
    }
}

impl TokenStore for FileStore {
    fn load(&self) -> Result<Option<Stored>, Error> {
        self.files.load()
    }

    fn save(&self, record: &Record, expected: Option<&Revision>) -> Result<Revision, Error> {
        self.files.save(record, expected)
    }

    fn clear(&self) -> Result<bool, Error> {
        self.files.clear()
    }

    fn try_lock(&self) -> Result<Option<StoreLock>, Error> {
        Ok(self.files.try_lock()?.map(StoreLock::new))
    }

    fn is_read_only(&self) -> bool {
        !self.files.writable
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore")
            .field("path", &self.files.path)
            .finish_non_exhaustive()
    }
}

/// The content of a file, and the record in it.
type Found = (Content, Result<Record, Error>);

/// The store itself, over any layer.
pub(crate) struct Files<L> {
    path: PathBuf,
    writable: bool,
    layer: L,
}

impl<L: FileLayer> Files<L> {
    pub(crate) fn new(path: PathBuf, writable: bool, layer: L) -> Self {
        Self {
            path,
            writable,
            layer,
        }
    }

    pub(crate) fn load(&self) -> Result<Option<Stored>, Error> {
        match self.read()? {
            Some((content, record)) => Ok(Some(Stored::new(record?, content.revision()))),
            None => Ok(None),
        }
    }

    /// Reads the content and the record in it. Content that is not a record is re-read a few times,
    /// because a program without locks may be writing it.
    fn read(&self) -> Result<Option<Found>, Error> {
        for last in (0..=REREADS).map(|reads| reads == REREADS) {
            let Some(content) = Location::resolve(&self.path)?.read()? else {
                return Ok(None);
            };
            let record = Record::from_json(content.bytes());
            if last || record.is_ok() {
                // An empty file contains no login: it was created for a mount, or the user has
                // signed out.
                return Ok(Some((content, record)).filter(|(content, _)| !content.is_empty()));
            }
            thread::sleep(REREAD_PAUSE);
        }
        Ok(None)
    }

    pub(crate) fn save(
        &self,
        record: &Record,
        expected: Option<&Revision>,
    ) -> Result<Revision, Error> {
        let location = self.writable_location()?;
        let _locks = self.locks_of_commit(&location)?;
        self.recover(&location)?;
        let found = self.read()?;
        let revision = found.as_ref().map(|(content, _)| content.revision());
        match &found {
            // A damaged file contains no login, so it may be replaced if none is expected.
            Some((content, Err(_))) if expected.is_none() => self.keep_copy(&location, content)?,
            _ if revision.as_ref() == expected => {}
            _ => return Err(Error::store_conflict()),
        }
        let content = record.to_json();
        let content = content.expose().as_bytes();
        let empty = || Some(location::revision(b"")).filter(|_| location.path().exists());
        self.replace(&location, content, revision.or_else(empty).as_ref())?;
        Ok(location::revision(content))
    }

    pub(crate) fn clear(&self) -> Result<bool, Error> {
        self.check_writable()?;
        if !Location::resolve(&self.path)?.directory().exists() {
            return Ok(false);
        }
        let location = self.writable_location()?;
        let _locks = self.locks_of_commit(&location)?;
        self.remove(&location)
    }

    /// Takes the lock of a renewal.
    pub(crate) fn try_lock(&self) -> Result<Option<Vec<File>>, Error> {
        let location = self.writable_location()?;
        let names = |file: &Path| vec![locks::of_renewal(file)];
        locks::take(&location, names, flock::try_lock)
    }

    /// Takes the locks of a commit for a store that keeps its content elsewhere.
    #[cfg(feature = "keyring")]
    pub(crate) fn lock_for_commit(&self) -> Result<Vec<File>, Error> {
        self.locks_of_commit(&self.writable_location()?)
    }

    /// Takes the locks of a commit, in the official client's order. Their holder only reads,
    /// compares and replaces the file.
    fn locks_of_commit(&self, location: &Location) -> Result<Vec<File>, Error> {
        let taken = locks::take(location, locks::of_commit, |path| {
            flock::lock(path).map(Some)
        })?;
        Ok(taken.unwrap_or_default())
    }

    fn writable_location(&self) -> Result<Location, Error> {
        self.check_writable()?;
        let location = Location::resolve(&self.path)?;
        location.prepare_directory()?;
        Ok(location)
    }

    fn check_writable(&self) -> Result<(), Error> {
        if self.writable {
            Ok(())
        } else {
            Err(location::refused("store is read-only"))
        }
    }
}

fn configuration_directory() -> Option<PathBuf> {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let home = || std::env::home_dir().filter(|home| home.is_absolute());
    if cfg!(windows) {
        absolute("APPDATA")
    } else if cfg!(target_os = "macos") {
        home().map(|home| home.join("Library").join("Application Support"))
    } else {
        absolute("XDG_CONFIG_HOME").or_else(|| home().map(|home| home.join(".config")))
    }
}
