// The lock files next to a credential file. There are two kinds, because the official client gives up its own commit after five seconds and
// then redeems the spent refresh token again, which costs the user the login:
//
// * The lock of a renewal is held while the authority is asked. Its name is ours, and the official client does not know it.
// * The locks of a commit are the official client's, taken in its order: `auth.lock`, then `auth.json.lock`. They are held only to read,
//   compare and replace, never over a request.

use core::time::Duration;
use std::{
    ffi::{OsStr, OsString},
    fs::{File, OpenOptions},
    io,
    path::{Path, PathBuf},
    thread,
    time::Instant,
};

use super::layer;
use crate::error::{Error, ErrorKind};

/// The lock of a renewal of this file.
pub(super) fn of_renewal(file: &Path) -> PathBuf {
    sibling(file, ".", file.file_name(), ".codex-auth.lock")
}

/// The locks of a commit of this file, in the order in which they are taken.
pub(super) fn of_commit(file: &Path) -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> = [file.file_stem(), file.file_name()]
        .into_iter()
        .map(|name| sibling(file, "", name, ".lock"))
        .collect();
    // A file without an extension has one lock, and a file called `NAME.lock` must not be its own lock.
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

/// Takes a lock, which closing the returned file releases; `None` if another holder has it.
pub(super) fn try_lock(path: &Path) -> Result<Option<File>, Error> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    layer::owner_only(&mut options);
    let file = options.open(path).map_err(Error::store)?;
    match try_lock_file(&file) {
        Ok(taken) => Ok(Some(file).filter(|_| taken)),
        Err(error) => Err(Error::store(error)),
    }
}

/// Takes a lock, and waits for another holder for a moment only: the caller may be an async task.
pub(super) fn lock(path: &Path) -> Result<File, Error> {
    let started = Instant::now();
    loop {
        if let Some(file) = try_lock(path)? {
            return Ok(file);
        }
        if started.elapsed() > LONGEST_WAIT {
            return Err(Error::new(ErrorKind::StoreBusy));
        }
        thread::sleep(PAUSE);
    }
}

#[cfg(unix)]
fn try_lock_file(file: &File) -> io::Result<bool> {
    match rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(windows)]
fn try_lock_file(file: &File) -> io::Result<bool> {
    match fs4::FileExt::try_lock(file) {
        Ok(()) => Ok(true),
        Err(fs4::TryLockError::WouldBlock) => Ok(false),
        Err(fs4::TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(not(any(unix, windows)))]
fn try_lock_file(_file: &File) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

/// For each lock. A commit takes milliseconds; what takes longer is waited for by the caller, without blocking a thread.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(5);
