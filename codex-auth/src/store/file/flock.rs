//! The operating system's advisory locks (`flock`).

use core::time::Duration;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _};
use std::path::Path;
use std::thread;
use std::time::Instant;

#[cfg(unix)]
use rustix::fs::FlockOperation;

use crate::error::{Error, ErrorKind};
use crate::store::file::open::owner_only;

/// Takes a lock, which is released by closing the returned file; `None` if another holder has it.
pub(super) fn try_lock(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    owner_only(&mut options);
    let file = options.open(path)?;
    Ok(try_exclude(&file)?.then_some(file))
}

/// Takes a lock. Waits only briefly for another holder, since the caller may be an async task.
pub(super) fn lock(path: &Path) -> io::Result<File> {
    wait(|| try_lock(path))
}

/// Prevents in-place writes to this file while it is read.
#[cfg(unix)]
pub(super) fn share(file: &File) -> Result<(), Error> {
    let taken = wait(|| Ok(try_flock(file, FlockOperation::NonBlockingLockShared)?.then_some(())));
    match taken {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(Error::new(ErrorKind::StoreBusy))
        }
        // If files cannot be locked, no program that uses this lock writes in place.
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
pub(super) fn share(_file: &File) -> Result<(), Error> {
    Ok(())
}

/// Reads a file from its start with this function. Waits briefly while another program writes it in
/// place.
pub(super) fn read<T>(mut file: &File, read: impl Fn(&File) -> io::Result<T>) -> Result<T, Error> {
    let done = wait(|| {
        file.rewind()?;
        match read(file) {
            Err(error) if is_locked(&error) => Ok(None),
            done => done.map(Some),
        }
    });
    done.map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => Error::new(ErrorKind::StoreBusy),
        _ => Error::store(error),
    })
}

/// Returns whether a lock of another program refused a read. Locks are mandatory on Windows, and
/// advisory elsewhere.
fn is_locked(error: &io::Error) -> bool {
    const ERROR_LOCK_VIOLATION: i32 = 33;
    cfg!(windows) && error.raw_os_error() == Some(ERROR_LOCK_VIOLATION)
}

/// Prevents reads of this file while it is written in place.
pub(super) fn exclude(file: &File) -> Result<(), Error> {
    match wait(|| Ok(try_exclude(file)?.then_some(()))) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(Error::new(ErrorKind::StoreBusy))
        }
        taken => taken.map_err(Error::store),
    }
}

/// Repeats the attempt briefly while another holder has the lock, and then fails with `WouldBlock`.
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

/// The maximum wait for one lock. A commit takes milliseconds; during longer operations the caller
/// waits, without blocking a thread.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(5);
