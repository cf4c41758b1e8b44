//! The file operations of a save, behind a trait, so that tests can make each of them fail, stop
//! halfway, or be the last operation before a crash.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, Write as _};
use std::path::Path;

use crate::error::Error;
use crate::store::file::flock;
use crate::store::file::location::{self, Content};
use crate::store::file::open::{careful, owner_only};

pub(crate) trait FileLayer: Send + Sync + 'static {
    type File;

    /// Creates a file that only its owner can access; fails if a file or link of that name exists.
    fn create(&self, path: &Path) -> io::Result<Self::File>;
    /// Writes a part of the bytes; returns how many.
    fn write(&self, file: &mut Self::File, bytes: &[u8]) -> io::Result<usize>;
    /// Makes written data survive a power loss.
    fn sync(&self, file: &Self::File) -> io::Result<()>;
    /// Replaces a file with another atomically.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Renames a file to an unused name; fails with `AlreadyExists` otherwise, as far as the system
    /// can detect it.
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Exchanges two files atomically; returns `false` if the system does not support it.
    fn exchange(&self, one: &Path, other: &Path) -> io::Result<bool>;
    /// Returns the bytes of a file that [`exchange`](Self::exchange) moved.
    fn read(&self, path: &Path) -> io::Result<Content>;
    /// Makes changes to the names in a directory survive a power loss.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
    /// Removes a name; returns whether it existed.
    fn remove(&self, path: &Path) -> io::Result<bool>;
    /// Opens a file to write it from its start, while no program that takes its lock reads it.
    fn open(&self, path: &Path) -> Result<InPlace<Self::File>, Error>;
    /// Truncates a file to this length.
    fn truncate(&self, file: &Self::File, length: u64) -> io::Result<()>;
}

/// A file that is written in place.
pub(crate) struct InPlace<F> {
    pub(super) file: F,
    pub(super) content: Content,
    /// Whether the file has lost its last name: the path now refers to another file elsewhere.
    pub(super) is_unlinked: bool,
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

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        if linux::rename(from, to, rustix::fs::RenameFlags::NOREPLACE)? {
            Ok(())
        } else {
            fs::rename(from, to)
        }
    }

    // The locks exclude every program that takes them.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn exchange(&self, one: &Path, other: &Path) -> io::Result<bool> {
        linux::rename(one, other, rustix::fs::RenameFlags::EXCHANGE)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn exchange(&self, _one: &Path, _other: &Path) -> io::Result<bool> {
        Ok(false)
    }

    fn read(&self, path: &Path) -> io::Result<Content> {
        let mut options = OpenOptions::new();
        options.read(true);
        careful(&mut options);
        Content::read(&options.open(path)?)
    }

    #[cfg(unix)]
    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    // Other systems cannot open directories, so only the rename applies.
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

    fn open(&self, path: &Path) -> Result<InPlace<File>, Error> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        careful(&mut options);
        let mut file = options.open(path).map_err(Error::store)?;
        let facts = file.metadata().map_err(Error::store)?;
        location::check_file(&facts)?;
        flock::exclude(&file)?;
        let content = Content::read(&file).map_err(Error::store)?;
        file.rewind().map_err(Error::store)?;
        #[cfg(unix)]
        let is_unlinked = {
            use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
            if facts.mode() & 0o077 != 0 {
                file.set_permissions(fs::Permissions::from_mode(0o600))
                    .map_err(Error::store)?;
            }
            facts.nlink() == 0
        };
        #[cfg(not(unix))]
        let is_unlinked = false;
        Ok(InPlace {
            file,
            content,
            is_unlinked,
        })
    }

    fn truncate(&self, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::io;
    use std::path::Path;

    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;

    /// Renames with these flags; returns `false` if the kernel or the file system does not support
    /// them.
    pub(super) fn rename(from: &Path, to: &Path, flags: RenameFlags) -> io::Result<bool> {
        match renameat_with(CWD, from, CWD, to, flags) {
            Ok(()) => Ok(true),
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
