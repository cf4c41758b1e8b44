//! The real location of a credential file, and whether it can be trusted. Links are followed,
//! because Kubernetes and dotfile managers create them; but each link, the file and its directory
//! must belong to this user or to root, and no other user may be able to replace any of them.

use core::time::Duration;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};
use crate::store::file::flock;
use crate::store::file::open::careful;
use crate::store::token_store::Revision;

/// The location of a credential file after its links.
pub(super) struct Location {
    path: PathBuf,
    /// The links that lead to the file, the named one first.
    links: Vec<PathBuf>,
}

impl Location {
    /// Follows the links from a named path. The file need not exist.
    pub(super) fn resolve(named: &Path) -> Result<Self, Error> {
        let mut location = Self {
            path: named.to_owned(),
            links: Vec::new(),
        };
        loop {
            match fs::symlink_metadata(&location.path) {
                Ok(facts) if facts.is_symlink() => {
                    if !is_trusted(&facts) {
                        return Err(refused("symbolic link to the file belongs to another user"));
                    }
                    location.check_directory()?;
                    if location.links.len() == MOST_LINKS {
                        return Err(refused("too many symbolic links"));
                    }
                    let target = fs::read_link(&location.path).map_err(Error::store)?;
                    let target = location.directory().join(target);
                    location
                        .links
                        .push(core::mem::replace(&mut location.path, target));
                }
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::store(error));
                }
                _ => return Ok(location),
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn links(&self) -> &[PathBuf] {
        &self.links
    }

    pub(super) fn directory(&self) -> &Path {
        match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }

    /// Returns the path of a file next to it, whose name is derived from its own.
    pub(super) fn sibling(&self, prefix: &str, suffix: &str) -> PathBuf {
        let mut name = OsString::from(prefix);
        name.push(self.path.file_name().unwrap_or_default());
        name.push(suffix);
        self.directory().join(name)
    }

    /// Returns the path of the new content before it replaces the file.
    pub(super) fn temporary(&self) -> PathBuf {
        self.sibling(".", ".codex-auth.tmp")
    }

    /// Returns the path of the journal: the whole new content of a file that is written in place.
    pub(super) fn journal(&self) -> PathBuf {
        self.sibling(".", ".codex-auth.journal")
    }

    /// Creates the directory if necessary, and checks it.
    pub(super) fn prepare_directory(&self) -> Result<(), Error> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .create(self.directory())
            .map_err(|error| self.unwritable(error))?;
        self.check_directory()
    }

    fn check_directory(&self) -> Result<(), Error> {
        let facts = fs::metadata(self.directory()).map_err(Error::store)?;
        if !is_trusted(&facts) {
            Err(refused("directory belongs to another user"))
        } else if is_open_directory(&facts) {
            Err(refused(
                "directory is writable by its group or by everyone; run chmod go-w on it",
            ))
        } else {
            Ok(())
        }
    }

    /// Reads the file; `None` if there is none.
    pub(super) fn read(&self) -> Result<Option<Content>, Error> {
        // The next writer finishes an interrupted write; until then, the journal is the content of
        // the file.
        if let Some(journal) = self.read_file(&self.journal())? {
            return Ok(Some(journal));
        }
        self.read_file(&self.path)
    }

    pub(super) fn read_file(&self, path: &Path) -> Result<Option<Content>, Error> {
        // Checked before the file is opened: opening a pipe or a device can block or have side
        // effects.
        match fs::symlink_metadata(path) {
            Ok(facts) if !facts.is_file() => return Err(refused("not a regular file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::store(error)),
            Ok(_) => {}
        }
        self.check_directory()?;
        let mut options = OpenOptions::new();
        options.read(true);
        careful(&mut options);
        let file = match options.open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::store(error)),
        };
        check_file(&file.metadata().map_err(Error::store)?)?;
        flock::share(&file)?;
        flock::read(&file, Content::read).map(Some)
    }

    /// Returns the error for a directory in which no file can be created, with the remedy.
    pub(super) fn unwritable(&self, error: io::Error) -> Error {
        let detail = match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
                if self.links.is_empty() =>
            {
                "directory is not writable"
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                "file is a symbolic link into a directory that is not writable; renew the login where the file is kept"
            }
            _ => return Error::store(error),
        };
        refused(detail).with_source(error)
    }
}

/// The bytes of a credential file.
pub(crate) struct Content(Zeroizing<Vec<u8>>);

impl Content {
    /// Reads a file from its current position. If the file grew too large after it was checked,
    /// only a part is read.
    pub(super) fn read(file: &File) -> io::Result<Self> {
        let length = usize::try_from(file.metadata()?.len()).unwrap_or_default();
        // Capacity for the whole file, so that growing does not leave copies of secrets in memory.
        let mut bytes = Zeroizing::new(Vec::with_capacity(length + 1));
        file.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
        Ok(Self(bytes))
    }

    #[cfg(test)]
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn revision(&self) -> Revision {
        revision(&self.0)
    }
}

pub(super) fn revision(content: &[u8]) -> Revision {
    Revision::new(Sha256::digest(content))
}

pub(super) fn refused(detail: &'static str) -> Error {
    Error::new(ErrorKind::Store).with_detail(detail)
}

/// Checks whether an opened file may contain credentials.
pub(super) fn check_file(facts: &Metadata) -> Result<(), Error> {
    if !facts.is_file() {
        Err(refused("not a regular file"))
    } else if !is_trusted(facts) {
        Err(refused("file belongs to another user"))
    } else if is_open_file(facts) {
        Err(refused(
            "file is writable by its group or by everyone; run chmod go-w on it",
        ))
    } else if facts.len() > LARGEST_FILE {
        Err(refused("file is too large"))
    } else {
        Ok(())
    }
}

/// Returns whether the owner is this user or root. Root can change everything anyway, and owns
/// mounted secrets.
#[cfg(unix)]
fn is_trusted(facts: &Metadata) -> bool {
    let owner = std::os::unix::fs::MetadataExt::uid(facts);
    owner == 0 || owner == rustix::process::geteuid().as_raw()
}

#[cfg(unix)]
fn is_open_file(facts: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::mode(facts) & 0o022 != 0
}

/// Returns whether other users can replace a file in this directory. The sticky bit prevents that.
#[cfg(unix)]
fn is_open_directory(facts: &Metadata) -> bool {
    let mode = std::os::unix::fs::MetadataExt::mode(facts);
    mode & 0o022 != 0 && mode & 0o1000 == 0
}

#[cfg(not(unix))]
fn is_trusted(_facts: &Metadata) -> bool {
    true
}

#[cfg(not(unix))]
fn is_open_file(_facts: &Metadata) -> bool {
    false
}

#[cfg(not(unix))]
fn is_open_directory(_facts: &Metadata) -> bool {
    false
}

/// A credential file is a few kilobytes.
const LARGEST_FILE: u64 = 1024 * 1024;
/// The number of links that Linux follows in a path.
const MOST_LINKS: usize = 40;
/// The number of times that a file without a record is re-read, and the pause between: a program
/// without locks may be writing it.
pub(super) const REREADS: usize = 4;
pub(super) const REREAD_PAUSE: Duration = Duration::from_millis(25);
