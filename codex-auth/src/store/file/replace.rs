//! Replaces the content of a file. Usually this is one move: the new content is written next to the
//! file, synced, moved over it, and the directory synced. The move exchanges the two files if the
//! system supports it. So a concurrent write by a program without locks is detected even between
//! the comparison and the move: the exchange returns that content, and it is put back.
//!
//! A file that is itself a mount cannot be replaced (`EBUSY`). It is written in place, and until
//! that is done its whole new content is in a synced journal next to it, which readers prefer. The
//! rename that creates the journal is the commit.

use std::io;

use crate::error::Error;
use crate::store::file::layer::InPlace;
use crate::store::file::location::{Content, Location, refused, revision};
use crate::store::file::{FileLayer, Files};
use crate::store::token_store::Revision;

impl<L: FileLayer> Files<L> {
    /// Replaces the expected content with new content, if it is still there.
    pub(super) fn replace(
        &self,
        location: &Location,
        content: &[u8],
        found: Option<&Revision>,
    ) -> Result<(), Error> {
        let temporary = location.temporary();
        self.write_new(location, content)?;
        let moved = match found {
            Some(found) => self.exchange(location, content, found),
            None => self.layer.rename_new(&temporary, location.path()),
        };
        let moved = match moved {
            Ok(()) => {
                let removed = self.layer.remove(&temporary).map(drop);
                removed
                    .and_then(|()| self.layer.sync_directory(location.directory()))
                    .map_err(Error::store)
            }
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                self.replace_in_place(location, content, found)
            }
            Err(error) if is_conflict(&error) => Err(Error::store_conflict()),
            Err(error) => Err(Error::store(error)),
        };
        if moved.is_err() {
            // The remaining temporary file is removed now, or by the next writer.
            let _ = self.layer.remove(&temporary);
        }
        moved
    }

    /// Writes and syncs the temporary file.
    fn write_new(&self, location: &Location, content: &[u8]) -> Result<(), Error> {
        let temporary = location.temporary();
        let mut file = match self.layer.create(&temporary) {
            // Left by a writer that died: this process holds the locks, so no other is writing it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self
                .layer
                .remove(&temporary)
                .and_then(|_| self.layer.create(&temporary)),
            created => created,
        }
        .map_err(|error| location.unwritable(error))?;
        let written = self
            .write_all(&mut file, content)
            .and_then(|()| self.layer.sync(&file));
        written.map_err(|error| {
            let _ = self.layer.remove(&temporary);
            Error::store(error)
        })
    }

    /// Moves the temporary file over the file.
    ///
    /// Afterwards the temporary file has the previous content, which must be the expected one;
    /// otherwise another program wrote meanwhile, and its content is put back.
    fn exchange(&self, location: &Location, content: &[u8], found: &Revision) -> io::Result<()> {
        let temporary = location.temporary();
        if !self.layer.exchange(&temporary, location.path())? {
            return self.layer.rename(&temporary, location.path());
        }
        let taken = || Ok::<_, io::Error>(self.layer.read(&temporary)?.revision());
        let (mut moved_in, mut taken_out) = (revision(content), taken()?);
        if taken_out == *found {
            return Ok(());
        }
        for _ in 0..MOST_EXCHANGES {
            // The other program's content goes back.
            self.layer.exchange(&temporary, location.path())?;
            let next = taken()?;
            if next == moved_in {
                break;
            }
            // The other program wrote once more between the two moves: its latest content must
            // stay.
            (moved_in, taken_out) = (taken_out, next);
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Writes a file that cannot be replaced.
    fn replace_in_place(
        &self,
        location: &Location,
        content: &[u8],
        found: Option<&Revision>,
    ) -> Result<(), Error> {
        let InPlace {
            mut file,
            content: old,
            is_unlinked,
        } = self.layer.open(location.path())?;
        if is_unlinked {
            return Err(refused(
                "file was replaced outside its mount; mount its directory instead",
            ));
        }
        // Holders that see the file in another directory use other locks, but they share the lock
        // of the file itself.
        if found != Some(&old.revision()) {
            return Err(Error::store_conflict());
        }
        self.layer
            .rename(&location.temporary(), &location.journal())
            .and_then(|()| self.layer.sync_directory(location.directory()))
            .and_then(|()| self.overwrite(&mut file, content, old.bytes().len()))
            .and_then(|()| self.remove_journal(location))
            .map_err(Error::store)
    }

    /// Finishes an interrupted in-place write.
    pub(super) fn recover(&self, location: &Location) -> Result<(), Error> {
        let Some(journal) = location.read_file(&location.journal())? else {
            return Ok(());
        };
        if location.read_file(location.path())?.is_some() {
            let InPlace {
                mut file, content, ..
            } = self.layer.open(location.path())?;
            if content.revision() != journal.revision() {
                self.overwrite(&mut file, journal.bytes(), content.bytes().len())
                    .map_err(Error::store)?;
            }
        }
        self.remove_journal(location).map_err(Error::store)
    }

    /// Content that is shorter than the old content is first padded with line ends, so that it is
    /// complete even if truncation is interrupted.
    fn overwrite(&self, file: &mut L::File, content: &[u8], old_length: usize) -> io::Result<()> {
        let mut padded = zeroize::Zeroizing::new(Vec::with_capacity(content.len().max(old_length)));
        padded.extend_from_slice(content);
        padded.resize(content.len().max(old_length), b'\n');
        self.write_all(file, &padded)?;
        self.layer.sync(file)?;
        if padded.len() > content.len() {
            let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
            self.layer.truncate(file, length)?;
            self.layer.sync(file)?;
        }
        Ok(())
    }

    fn remove_journal(&self, location: &Location) -> io::Result<()> {
        self.layer.remove(&location.journal())?;
        self.layer.sync_directory(location.directory())
    }

    /// Removes the file, or empties it if it is itself a mount.
    pub(super) fn remove(&self, location: &Location) -> Result<bool, Error> {
        let removed = match self.layer.remove(location.path()) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                let InPlace { file, content, .. } = self.layer.open(location.path())?;
                self.layer
                    .truncate(&file, 0)
                    .and_then(|()| self.layer.sync(&file))
                    .map(|()| !content.is_empty())
            }
            removed => removed,
        };
        let removed = removed.and_then(|removed| {
            self.layer.remove(&location.temporary())?;
            self.layer.remove(&location.journal())?;
            self.layer.sync_directory(location.directory())?;
            Ok(removed)
        });
        removed.map_err(Error::store)
    }

    /// Keeps a copy of content that is not a record, under an unused name.
    pub(super) fn keep_copy(&self, location: &Location, content: &Content) -> Result<(), Error> {
        for number in 1..=MOST_COPIES {
            let suffix = match number {
                1 => ".damaged".to_owned(),
                number => format!(".damaged.{number}"),
            };
            let mut file = match self.layer.create(&location.sibling("", &suffix)) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                created => created.map_err(|error| location.unwritable(error))?,
            };
            return self
                .write_all(&mut file, content.bytes())
                .and_then(|()| self.layer.sync(&file))
                .map_err(Error::store);
        }
        Err(refused("too many damaged copies next to the file"))
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
}

/// Returns whether a file appeared or vanished between the comparison and the move.
fn is_conflict(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound
    )
}

/// The number of times a program without locks may write while its content is put back.
const MOST_EXCHANGES: usize = 8;
const MOST_COPIES: usize = 9;
