//! A save that is interrupted by a power loss, on a simulated disk.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::error::Error;
use crate::store::file::layer::InPlace;
use crate::store::file::location::{Content, Location, revision};
use crate::store::file::tests::{FileLayer, Files, record};

/// A disk that loses what was not synced: contents may be torn or empty, and only the first few
/// changes to names may have lasted.
#[derive(Default)]
struct Disk {
    files: Vec<(Vec<u8>, Vec<u8>)>,
    lasting: BTreeMap<PathBuf, usize>,
    changes: Vec<Change>,
    operations: usize,
    power_ends_at: usize,
}

enum Change {
    Link(PathBuf, usize),
    Rename(PathBuf, PathBuf),
    Exchange(PathBuf, PathBuf),
    Unlink(PathBuf),
}

fn change(names: &mut BTreeMap<PathBuf, usize>, change: &Change) {
    match change {
        Change::Link(path, file) => {
            names.insert(path.clone(), *file);
        }
        Change::Rename(from, to) => {
            if let Some(file) = names.remove(from) {
                names.insert(to.clone(), file);
            }
        }
        Change::Exchange(one, other) => {
            let (first, second) = (names[one], names[other]);
            names.insert(one.clone(), second);
            names.insert(other.clone(), first);
        }
        Change::Unlink(path) => {
            names.remove(path);
        }
    }
}

struct Power {
    disk: Mutex<Disk>,
    /// Whether to make a mistake that the test must detect: data is not synced before the rename.
    careless: bool,
    /// Whether the system can exchange two files.
    exchanges: bool,
}

impl Power {
    fn operation<T>(&self, action: impl FnOnce(&mut Disk) -> T) -> io::Result<T> {
        let mut disk = self.disk.lock().unwrap();
        if disk.operations == disk.power_ends_at {
            return Err(io::Error::other("the power is gone"));
        }
        disk.operations += 1;
        Ok(action(&mut disk))
    }

    /// Returns one possible content of the file after a power loss.
    fn after(&self, path: &Path, random: &mut impl FnMut(usize) -> usize) -> Option<Vec<u8>> {
        let disk = self.disk.lock().unwrap();
        let mut names = disk.lasting.clone();
        for lasted in &disk.changes[..random(disk.changes.len() + 1)] {
            change(&mut names, lasted);
        }
        let (synced, written) = &disk.files[*names.get(path)?];
        if synced == written {
            return Some(synced.clone());
        }
        Some(written[..random(written.len() + 1)].to_vec())
    }
}

impl FileLayer for Power {
    type File = usize;

    fn create(&self, path: &Path) -> io::Result<usize> {
        self.operation(|disk| {
            disk.files.push((Vec::new(), Vec::new()));
            let file = disk.files.len() - 1;
            disk.changes.push(Change::Link(path.to_owned(), file));
            file
        })
    }
    fn write(&self, file: &mut usize, bytes: &[u8]) -> io::Result<usize> {
        self.operation(|disk| {
            let part = &bytes[..bytes.len().div_ceil(2)];
            disk.files[*file].1.extend_from_slice(part);
            part.len()
        })
    }
    fn sync(&self, file: &usize) -> io::Result<()> {
        self.operation(|disk| {
            if !self.careless {
                disk.files[*file].0 = disk.files[*file].1.clone();
            }
        })
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.operation(|disk| {
            disk.changes
                .push(Change::Rename(from.to_owned(), to.to_owned()))
        })
    }
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.rename(from, to)
    }
    fn exchange(&self, one: &Path, other: &Path) -> io::Result<bool> {
        if !self.exchanges {
            return Ok(false);
        }
        self.operation(|disk| {
            let exchanged = Change::Exchange(one.to_owned(), other.to_owned());
            disk.changes.push(exchanged);
            true
        })
    }
    fn read(&self, path: &Path) -> io::Result<Content> {
        let disk = self.disk.lock().unwrap();
        let mut names = disk.lasting.clone();
        disk.changes
            .iter()
            .for_each(|made| change(&mut names, made));
        Ok(Content::of(&disk.files[names[path]].1))
    }
    fn sync_directory(&self, _path: &Path) -> io::Result<()> {
        self.operation(|disk| {
            for lasting in core::mem::take(&mut disk.changes) {
                change(&mut disk.lasting, &lasting);
            }
        })
    }
    fn remove(&self, path: &Path) -> io::Result<bool> {
        self.operation(|disk| disk.changes.push(Change::Unlink(path.to_owned())))
            .map(|()| true)
    }
    fn open(&self, _path: &Path) -> Result<InPlace<usize>, Error> {
        unreachable!("nothing is mounted")
    }
    fn truncate(&self, _file: &usize, _length: u64) -> io::Result<()> {
        unreachable!("nothing is mounted")
    }
}

/// Loses power once per seed, and counts the files with neither content, with the old one, and with
/// the new one.
fn losses(seeds: u64, careless: bool, exchanges: bool) -> (u64, u64, u64) {
    let path = PathBuf::from("/simulated/auth.json");
    let (old, new) = (record("old").to_json(), record("new").to_json());
    let (mut broken, mut olds, mut news) = (0, 0, 0);
    for seed in 0..seeds {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut random = |bound: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % u64::try_from(bound).unwrap()).unwrap()
        };
        let content = old.expose().as_bytes().to_vec();
        let disk = Disk {
            files: vec![(content.clone(), content)],
            lasting: BTreeMap::from([(path.clone(), 0)]),
            power_ends_at: random(24),
            ..Disk::default()
        };
        let files = Files::new(
            path.clone(),
            true,
            Power {
                disk: Mutex::new(disk),
                careless,
                exchanges,
            },
        );
        let location = Location::resolve(&path).unwrap();
        let found = revision(old.expose().as_bytes());
        let saved = files.replace(&location, new.expose().as_bytes(), Some(&found));
        let found = files.layer.after(&path, &mut random);
        match found.as_deref() {
            Some(found) if found == new.expose().as_bytes() => news += 1,
            Some(found) if found == old.expose().as_bytes() && saved.is_err() => olds += 1,
            _ => broken += 1,
        }
    }
    (broken, olds, news)
}

#[test]
fn a_loss_of_power_at_any_moment_leaves_the_old_content_or_the_new() {
    for exchanges in [false, true] {
        let (broken, olds, news) = losses(10_000, false, exchanges);
        assert_eq!(broken, 0);
        assert!(olds > 1000 && news > 1000, "{olds} {news}");
        assert!(
            losses(2_000, true, exchanges).0 > 20,
            "the simulation finds a sync that is missing"
        );
    }
}
