//! The lock files next to a credential file. There are two kinds, because the official client gives
//! up its own commit after five seconds and then redeems the spent refresh token again, which costs
//! the user the login:
//!
//! * The lock of a renewal is held during the request to the authority. Its name is specific to
//!   this crate, and the official client does not use it.
//! * The locks of a commit are the official client's, taken in its order: `auth.lock`, then
//!   `auth.json.lock`. They are held only to read, compare and replace, never during a request.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind};
use crate::store::file::location::Location;

/// Returns the path of the renewal lock of this file.
pub(super) fn of_renewal(file: &Path) -> PathBuf {
    sibling(file, ".", file.file_name(), ".codex-auth.lock")
}

/// Returns the paths of the commit locks of this file, in the order in which they are taken.
pub(super) fn of_commit(file: &Path) -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> = [file.file_stem(), file.file_name()]
        .into_iter()
        .map(|name| sibling(file, "", name, ".lock"))
        .collect();
    // A file without an extension has one lock, and a file called `NAME.lock` must not be its own
    // lock.
    names.dedup();
    names.retain(|name| name != file);
    names
}

fn sibling(file: &Path, prefix: &str, name: Option<&OsStr>, suffix: &str) -> PathBuf {
    let mut sibling = OsString::from(prefix);
    sibling.push(name.unwrap_or_default());
    sibling.push(suffix);
    file.with_file_name(sibling)
}

/// Takes the locks of these names next to a file and next to each link that leads to it, so that
/// holders with another path to the same file are excluded; `None` if another holder has one of
/// them.
pub(super) fn take(
    location: &Location,
    names: impl Fn(&Path) -> Vec<PathBuf>,
    lock: impl Fn(&Path) -> io::Result<Option<File>>,
) -> Result<Option<Vec<File>>, Error> {
    let paths = location.links().iter().map(PathBuf::as_path);
    let mut wanted: Vec<(PathBuf, bool)> = Vec::new();
    for path in paths.chain([location.path()]) {
        for name in names(path) {
            if !wanted.iter().any(|(known, _)| *known == name) {
                wanted.push((name, path == location.path()));
            }
        }
    }
    let mut taken = Vec::with_capacity(wanted.len());
    for (path, is_required) in wanted {
        match lock(&path) {
            Ok(Some(file)) => taken.push(file),
            Ok(None) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(Error::new(ErrorKind::StoreBusy));
            }
            // If a link cannot be replaced, no program commits there, so none must be excluded.
            Err(error) if !is_required && is_unwritable(&error) => {}
            Err(error) => return Err(location.unwritable(error)),
        }
    }
    Ok(Some(taken))
}

fn is_unwritable(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
    )
}
