// The few operations a save is made of, behind a trait, so that tests can let each of them fail, stop halfway, or be the last thing this
// process ever did.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, Write as _};
use std::path::Path;

use crate::error::Error;
use crate::store::file::flock;
use crate::store::file::open::{careful, owner_only};
use crate::store::file::place::{self, Content};

pub(crate) trait FileLayer: Send + Sync + 'static {
    type File;

    /// Creates a file for its owner alone; fails if there is a file or a link of that name.
    fn create(&self, path: &Path) -> io::Result<Self::File>;
    /// Writes a part; returns how much.
    fn write(&self, file: &mut Self::File, bytes: &[u8]) -> io::Result<usize>;
    /// Makes what was written survive a loss of power.
    fn sync(&self, file: &Self::File) -> io::Result<()>;
    /// Puts a file in place of another in one move.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a file a name that no other file has; fails with `AlreadyExists` otherwise, as far as the system can tell.
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Exchanges two files in one move; returns `false` where the system cannot.
    fn exchange(&self, one: &Path, other: &Path) -> io::Result<bool>;
    /// The bytes of a file that [`exchange`](Self::exchange) moved.
    fn read(&self, path: &Path) -> io::Result<Content>;
    /// Makes what was done to the names in a directory survive a loss of power.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
    /// Removes a name; returns whether there was one.
    fn remove(&self, path: &Path) -> io::Result<bool>;
    /// Opens a file to write it from its beginning while no other program that asks for its lock reads it.
    fn open(&self, path: &Path) -> Result<InPlace<Self::File>, Error>;
    /// Cuts a file off at this length.
    fn truncate(&self, file: &Self::File, length: u64) -> io::Result<()>;
}

/// A file that is written in place.
pub(crate) struct InPlace<F> {
    pub(super) file: F,
    pub(super) content: Content,
    /// Whether the file has lost its last name: what is behind the path elsewhere is another file by now.
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

    // The locks keep out every program that asks for them.
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

    fn open(&self, path: &Path) -> Result<InPlace<File>, Error> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        careful(&mut options);
        let mut file = options.open(path).map_err(Error::store)?;
        let facts = file.metadata().map_err(Error::store)?;
        place::check_file(&facts)?;
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
    use std::{io, path::Path};

    use rustix::{
        fs::{CWD, RenameFlags, renameat_with},
        io::Errno,
    };

    /// Renames with these flags; returns `false` where the kernel or the file system does not know them.
    pub(super) fn rename(from: &Path, to: &Path, flags: RenameFlags) -> io::Result<bool> {
        match renameat_with(CWD, from, CWD, to, flags) {
            Ok(()) => Ok(true),
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
