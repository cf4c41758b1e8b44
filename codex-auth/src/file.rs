// A login in a file. A reader, at any moment and after any crash, finds the old file or the new one, whole and for its owner's eyes only:
// the new content is written next to it, synced, renamed over the old, and the directory synced. Locks are files of their own, because the
// rename replaces the data file, and a lock on the old one would exclude no process.

mod layer;
mod locks;
#[cfg(test)]
mod tests;

use core::fmt;
use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

pub(crate) use self::layer::{FileLayer, System};
use crate::{
    error::{Error, ErrorKind},
    record::Record,
    store::{Revision, StoreLock, Stored, TokenStore},
};

/// A store in a file of the official client's `auth.json` format. Clones share it.
///
/// The file is always 0600, its directory 0700 where this makes it. A link in its place, and a file or directory of another user, are
/// refused. Next to the file there is `.NAME.codex-auth.tmp` while it is written, and there are empty lock files that stay:
/// `.NAME.codex-auth.lock`, and those of the official client, which for `auth.json` are `auth.lock` and `auth.json.lock`.
///
/// # Sharing a login with the official client
///
/// Keep a login in a file of your own ([`for_app`](Self::for_app)) where you can. The official client's file is read-only
/// ([`codex_cli`](Self::codex_cli)) unless its path is named to [`new`](Self::new).
///
/// Where it is shared, no tokens are thrown away. The official client gives up its commit, and with it tokens it has just received, if it
/// cannot lock `auth.json.lock` for five seconds; so its locks are taken only to read, compare and replace the file, in its order, and a
/// renewal holds a lock of another name. Each commit of either program is seen by the other, and the one that stands is adopted.
///
/// The official client sends a refresh token without any lock, so both programs can send the same one, and the authority accepts one of them.
/// Make that rare: give the profile a [`refresh_margin`](crate::OAuthProfile::refresh_margin) of ten minutes. The official client renews
/// five minutes before the expiry and reads the file first, so it finds the login renewed.
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
    /// A store in this file, which need not exist yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            files: Arc::new(Files::new(path.into(), true, System)),
        }
    }

    /// A store that reads this file and never changes it.
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

    /// The store of an app of this name, in the user's configuration directory: `$XDG_CONFIG_HOME` or `~/.config`, on macOS
    /// `~/Library/Application Support`, on Windows `%APPDATA%`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfiguration`] if the name is no plain file name or there is no such directory.
    pub fn for_app(name: &str) -> Result<Self, Error> {
        let plain = !name.is_empty()
            && !name.starts_with('.')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if !plain {
            return Err(crate::profile::invalid(
                "the app's name is no plain file name",
            ));
        }
        let directory = configuration_directory()
            .ok_or_else(|| crate::profile::invalid("the user has no configuration directory"))?;
        Ok(Self::new(directory.join(name).join("auth.json")))
    }

    /// The official client's own file, read-only: `$CODEX_HOME/auth.json`, else `~/.codex/auth.json`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfiguration`] if `CODEX_HOME` is set and is no directory, or there is no home directory.
    pub fn codex_cli() -> Result<Self, Error> {
        Ok(Self::read_only(
            codex_home(std::env::var_os("CODEX_HOME"), std::env::home_dir())?.join("auth.json"),
        ))
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.files.path
    }
}

/// The official client's home directory, from the value of `CODEX_HOME` and the user's home: the former must exist if it is set and not
/// empty, and is made canonical; else it is `.codex` in the latter, which need not exist.
///
/// # Errors
///
/// [`ErrorKind::InvalidConfiguration`], with the reason in its text.
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
        let home = home.ok_or_else(|| crate::profile::invalid("the user has no home directory"))?;
        return Ok(home.join(".codex"));
    };
    let canonical = fs::canonicalize(variable)
        .map_err(|error| crate::profile::invalid("CODEX_HOME does not exist").with_source(error))?;
    if canonical.is_dir() {
        Ok(canonical)
    } else {
        Err(crate::profile::invalid("CODEX_HOME is no directory"))
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
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FileStore")
            .field("path", &self.files.path)
            .finish_non_exhaustive()
    }
}

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
        self.read()?
            .map(|content| {
                Ok(Stored::new(
                    Record::from_json(&content)?,
                    revision(&content),
                ))
            })
            .transpose()
    }

    pub(crate) fn save(
        &self,
        record: &Record,
        expected: Option<&Revision>,
    ) -> Result<Revision, Error> {
        let _locks = self.lock_for_commit()?;
        if self
            .read()?
            .as_deref()
            .map(|content| revision(content))
            .as_ref()
            != expected
        {
            return Err(Error::store_conflict());
        }
        let content = record.to_json();
        self.replace(content.expose().as_bytes())
            .map_err(Error::store)?;
        Ok(revision(content.expose().as_bytes()))
    }

    pub(crate) fn clear(&self) -> Result<bool, Error> {
        self.check_writable()?;
        if !self.directory().exists() {
            return Ok(false);
        }
        let _locks = self.lock_for_commit()?;
        let removed = self.layer.remove(&self.path).and_then(|removed| {
            self.layer.remove(&self.beside())?;
            self.layer.sync_directory(self.directory())?;
            Ok(removed)
        });
        removed.map_err(Error::store)
    }

    /// Takes the lock of a renewal.
    pub(crate) fn try_lock(&self) -> Result<Option<File>, Error> {
        self.check_writable()?;
        self.prepare_directory()?;
        locks::try_lock(&locks::of_renewal(&self.path))
    }

    /// Takes the locks of a commit, in the official client's order. Their holder reads, compares and replaces the file, and does nothing else.
    pub(crate) fn lock_for_commit(&self) -> Result<Vec<File>, Error> {
        self.check_writable()?;
        self.prepare_directory()?;
        locks::of_commit(&self.path)
            .iter()
            .map(|path| locks::lock(path))
            .collect()
    }

    fn read(&self) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let mut options = OpenOptions::new();
        options.read(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, layer::no_follow());
        let file = match options.open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error)
                if fs::symlink_metadata(&self.path).is_ok_and(|facts| facts.is_symlink()) =>
            {
                return Err(refused("the file is a link").with_source(error));
            }
            Err(error) => return Err(Error::store(error)),
        };
        let facts = file.metadata().map_err(Error::store)?;
        if !facts.is_file() {
            return Err(refused("it is no file"));
        }
        if !is_ours(&facts) {
            return Err(refused("the file belongs to another user"));
        }
        if facts.len() > LARGEST_FILE {
            return Err(refused("the file is too large"));
        }
        let mut content = Zeroizing::new(Vec::with_capacity(
            usize::try_from(facts.len()).unwrap_or_default() + 1,
        ));
        file.take(LARGEST_FILE + 1)
            .read_to_end(&mut content)
            .map_err(Error::store)?;
        Ok(Some(content))
    }

    fn replace(&self, content: &[u8]) -> io::Result<()> {
        let beside = self.beside();
        let mut file = match self.layer.create(&beside) {
            // Left by a writer that died: the lock is ours, so nobody is at work on it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.layer.remove(&beside)?;
                self.layer.create(&beside)?
            }
            created => created?,
        };
        let written = self
            .write_all(&mut file, content)
            .and_then(|()| self.layer.sync(&file));
        drop(file);
        let renamed = written.and_then(|()| self.layer.rename(&beside, &self.path));
        if let Err(error) = renamed {
            // The old file stands. What is left beside it is removed now, or by the next writer.
            let _ = self.layer.remove(&beside);
            return Err(error);
        }
        self.layer.sync_directory(self.directory())
    }

    fn write_all(&self, file: &mut L::File, mut content: &[u8]) -> io::Result<()> {
        while !content.is_empty() {
            match self.layer.write(file, content) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => content = content.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn check_writable(&self) -> Result<(), Error> {
        if self.writable {
            Ok(())
        } else {
            Err(refused("it is read-only"))
        }
    }

    fn prepare_directory(&self) -> Result<(), Error> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(self.directory()).map_err(Error::store)?;
        let facts = fs::metadata(self.directory()).map_err(Error::store)?;
        if is_safe_directory(&facts) {
            Ok(())
        } else {
            Err(refused("other users can change its directory"))
        }
    }

    fn directory(&self) -> &Path {
        match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }

    fn beside(&self) -> PathBuf {
        let mut name = OsString::from(".");
        name.push(self.path.file_name().unwrap_or_default());
        name.push(".codex-auth.tmp");
        self.directory().join(name)
    }
}

fn revision(content: &[u8]) -> Revision {
    Revision::new(Sha256::digest(content))
}

fn refused(detail: &'static str) -> Error {
    Error::new(ErrorKind::Store).with_detail(detail)
}

#[cfg(unix)]
fn is_ours(facts: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::uid(facts) == rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn is_ours(_facts: &fs::Metadata) -> bool {
    true
}

// Whoever can write to the directory can put another file in place of ours. Root can anyway.
#[cfg(unix)]
fn is_safe_directory(facts: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let (world_writable, sticky) = (facts.mode() & 0o002 != 0, facts.mode() & 0o1000 != 0);
    (is_ours(facts) || facts.uid() == 0) && (!world_writable || sticky)
}

#[cfg(not(unix))]
fn is_safe_directory(_facts: &fs::Metadata) -> bool {
    true
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

/// A credential file is a few kilobytes.
const LARGEST_FILE: u64 = 1024 * 1024;
