// The few operations a save is made of, behind a trait, so that tests can let each of them fail, stop halfway, or be the last thing this
// process ever did.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

pub(crate) trait FileLayer: Send + Sync + 'static {
    type File;

    /// Makes a file for its owner alone; fails if there is one, or a link, of that name.
    fn create(&self, path: &Path) -> io::Result<Self::File>;
    /// Writes a part; says how much.
    fn write(&self, file: &mut Self::File, bytes: &[u8]) -> io::Result<usize>;
    /// Makes what was written survive a loss of power.
    fn sync(&self, file: &Self::File) -> io::Result<()>;
    /// Puts a file in place of another in one move.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes what was done to the names in a directory survive a loss of power.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
    /// Removes a name; says whether there was one.
    fn remove(&self, path: &Path) -> io::Result<bool>;
}

pub(crate) struct System;

impl FileLayer for System {
    type File = File;

    fn create(&self, path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        owner_only(&mut options);
        options.open(path)
    }

    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<usize> {
        file.write(bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    #[cfg(unix)]
    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    // Elsewhere directories cannot be opened; the rename itself is what there is.
    #[cfg(not(unix))]
    fn sync_directory(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<bool> {
        match fs::remove_file(path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Mode 0600 from the first moment, and no link is followed.
#[cfg(unix)]
pub(super) fn owner_only(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600).custom_flags(no_follow());
}

#[cfg(not(unix))]
pub(super) fn owner_only(_options: &mut OpenOptions) {}

#[cfg(unix)]
pub(super) fn no_follow() -> i32 {
    // The flag is a small positive constant on every system; were it not, opening would fail, not follow.
    i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(i32::MAX)
}
