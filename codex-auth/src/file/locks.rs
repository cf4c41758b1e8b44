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

#[cfg(unix)]
use rustix::fs::FlockOperation;

use super::{layer, place::Place};
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

/// Takes the locks of these names next to a file and next to each link that leads to it, so that holders with another path to the same file
/// are kept out; `None` if another holder has one of them.
pub(super) fn take(
    place: &Place,
    names: impl Fn(&Path) -> Vec<PathBuf>,
    lock: impl Fn(&Path) -> io::Result<Option<File>>,
) -> Result<Option<Vec<File>>, Error> {
    let paths = place.links().iter().map(PathBuf::as_path);
    let mut wanted: Vec<(PathBuf, bool)> = Vec::new();
    for path in paths.chain([place.path()]) {
        for name in names(path) {
            if !wanted.iter().any(|(known, _)| *known == name) {
                wanted.push((name, path == place.path()));
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
            // Where a link cannot be replaced, no program that commits there has to be kept out.
            Err(error) if !is_required && is_unwritable(&error) => {}
            Err(error) => return Err(place.unwritable(error)),
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

/// Takes a lock, which closing the returned file releases; `None` if another holder has it.
pub(super) fn try_lock(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    layer::owner_only(&mut options);
    let file = options.open(path)?;
    Ok(try_exclude(&file)?.then_some(file))
}

/// Takes a lock, and waits for another holder for a moment only: the caller may be an async task.
pub(super) fn lock(path: &Path) -> io::Result<File> {
    wait(|| try_lock(path))
}

/// Keeps this file from being written in place while it is read.
#[cfg(unix)]
pub(super) fn share(file: &File) -> Result<(), Error> {
    let taken = wait(|| Ok(try_flock(file, FlockOperation::NonBlockingLockShared)?.then_some(())));
    match taken {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(Error::new(ErrorKind::StoreBusy))
        }
        // Where files cannot be locked, none is written in place by a program that asks for this lock.
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
pub(super) fn share(_file: &File) -> Result<(), Error> {
    Ok(())
}

/// Keeps this file from being read while it is written in place.
pub(super) fn exclude(file: &File) -> Result<(), Error> {
    match wait(|| Ok(try_exclude(file)?.then_some(()))) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(Error::new(ErrorKind::StoreBusy))
        }
        taken => taken.map_err(Error::store),
    }
}

/// Repeats what found another holder, for a moment; `WouldBlock` in the end.
fn wait<T>(mut attempt: impl FnMut() -> io::Result<Option<T>>) -> io::Result<T> {
    let started = Instant::now();
    loop {
        if let Some(taken) = attempt()? {
            return Ok(taken);
        }
        if started.elapsed() > LONGEST_WAIT {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        thread::sleep(PAUSE);
    }
}

#[cfg(unix)]
fn try_exclude(file: &File) -> io::Result<bool> {
    try_flock(file, FlockOperation::NonBlockingLockExclusive)
}

#[cfg(unix)]
fn try_flock(file: &File, operation: FlockOperation) -> io::Result<bool> {
    match rustix::fs::flock(file, operation) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(windows)]
fn try_exclude(file: &File) -> io::Result<bool> {
    match fs4::FileExt::try_lock(file) {
        Ok(()) => Ok(true),
        Err(fs4::TryLockError::WouldBlock) => Ok(false),
        Err(fs4::TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(not(any(unix, windows)))]
fn try_exclude(_file: &File) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

/// For each lock. A commit takes milliseconds; what takes longer is waited for by the caller, without blocking a thread.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(5);
