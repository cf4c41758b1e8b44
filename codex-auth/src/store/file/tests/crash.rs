//! A save that is interrupted by an error or a signal, before and after each of its operations, for
//! a file that can be replaced and for one that is itself a mount.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::fs::{self, File};
use std::io;
#[cfg(unix)]
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
#[cfg(unix)]
use std::path::PathBuf;
#[cfg(unix)]
use std::process::Command;

use crate::error::{Error, ErrorKind};
use crate::secret::Secret;
use crate::store::file::layer::InPlace;
use crate::store::file::location::Content;
#[cfg(unix)]
use crate::store::file::tests::mode;
use crate::store::file::tests::{FileLayer, Files, System, directory, key, record, save};
use crate::store::record::Record;

/// A layer that runs a callback before and after every operation, and writes a third at a time so
/// that there are several writes.
struct Watched<F> {
    count: AtomicUsize,
    event: F,
    /// Whether the file is itself a mount.
    mounted: bool,
}

impl<F: Fn(usize) -> io::Result<()> + Send + Sync + 'static> Watched<F> {
    fn new(mounted: bool, event: F) -> Self {
        Self {
            count: AtomicUsize::new(0),
            event,
            mounted,
        }
    }

    fn around<T>(&self, action: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        (self.event)(self.count.fetch_add(1, Ordering::SeqCst))?;
        let done = action()?;
        (self.event)(self.count.fetch_add(1, Ordering::SeqCst))?;
        Ok(done)
    }

    fn unless_mounted<T>(&self, action: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        if self.mounted {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        self.around(action)
    }
}

impl<F: Fn(usize) -> io::Result<()> + Send + Sync + 'static> FileLayer for Watched<F> {
    type File = File;

    fn create(&self, path: &Path) -> io::Result<File> {
        self.around(|| System.create(path))
    }
    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<usize> {
        self.around(|| System.write(file, &bytes[..bytes.len().div_ceil(3).max(1)]))
    }
    fn sync(&self, file: &File) -> io::Result<()> {
        self.around(|| System.sync(file))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.around(|| System.rename(from, to))
    }
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.unless_mounted(|| System.rename_new(from, to))
    }
    fn exchange(&self, one: &Path, other: &Path) -> io::Result<bool> {
        self.unless_mounted(|| System.exchange(one, other))
    }
    fn read(&self, path: &Path) -> io::Result<Content> {
        self.around(|| System.read(path))
    }
    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.around(|| System.sync_directory(path))
    }
    fn remove(&self, path: &Path) -> io::Result<bool> {
        self.around(|| System.remove(path))
    }
    fn open(&self, path: &Path) -> Result<InPlace<File>, Error> {
        self.around(|| Ok(())).map_err(Error::store)?;
        System.open(path)
    }
    fn truncate(&self, file: &File, length: u64) -> io::Result<()> {
        self.around(|| System.truncate(file, length))
    }
}

/// Returns a record half as long as the others, so that a file that is written in place is
/// truncated.
fn shorter(name: &str) -> Record {
    Record::of_api_key(Secret::from(format!("{name}-{}", "x".repeat(2000))))
}

/// The process that the next test kills; on its own, it does nothing.
#[cfg(unix)]
#[test]
fn killed_writer() {
    let Some((path, point)) =
        std::env::var_os("CODEX_AUTH_KILL_PATH").zip(std::env::var("CODEX_AUTH_KILL_POINT").ok())
    else {
        return;
    };
    let (mounted, point) = point.split_once(' ').unwrap();
    let (mounted, point): (bool, usize) = (mounted.parse().unwrap(), point.parse().unwrap());
    let layer = Watched::new(mounted, move |event| {
        if event == point {
            let _ = rustix::process::kill_process(
                rustix::process::getpid(),
                rustix::process::Signal::KILL,
            );
        }
        Ok(())
    });
    save(
        &Files::new(PathBuf::from(path), true, layer),
        &shorter("new"),
    )
    .unwrap();
}

#[cfg(unix)]
#[test]
fn a_writer_killed_before_or_after_any_operation_leaves_the_old_file_or_the_new() {
    kill(false, 18);
}

#[cfg(unix)]
#[test]
fn a_writer_killed_while_it_writes_a_mounted_file_in_place_leaves_the_old_login_or_the_new() {
    kill(true, 60);
}

#[cfg(unix)]
fn kill(mounted: bool, least: usize) {
    use std::os::unix::process::ExitStatusExt as _;

    let directory = directory(if mounted { "kill-mounted" } else { "kill" });
    let path = directory.join("auth.json");
    let temporary = directory.join(".auth.json.codex-auth.tmp");
    let journal = directory.join(".auth.json.codex-auth.journal");
    let (mut killed, mut seen) = (0, Vec::new());
    for point in 0.. {
        save(&Files::new(path.clone(), true, System), &record("old")).unwrap();
        let inode = fs::metadata(&path).map(|facts| facts.ino()).unwrap();
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::file::tests::crash::killed_writer"])
            .env("CODEX_AUTH_KILL_PATH", &path)
            .env("CODEX_AUTH_KILL_POINT", format!("{mounted} {point}"))
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap();
        let found = key(&path).expect("a file is always there");
        assert_eq!(mode(&path), 0o600);
        assert!(!mounted || fs::metadata(&path).unwrap().ino() == inode);
        if status.success() {
            assert_eq!(found, "new");
            assert_eq!(
                fs::read(&path).unwrap(),
                shorter("new").to_json().expose().as_bytes()
            );
            break;
        }
        assert_eq!(status.signal(), Some(9));
        killed += 1;
        assert!(found == "old" || found == "new", "{found}");
        for left in [&temporary, &journal] {
            if let Ok(facts) = fs::metadata(left) {
                assert!(facts.is_file() && mode(left) == 0o600);
            }
        }
        seen.push(found);
        // The files that the killed process left do not disturb the next writer.
        save(&Files::new(path.clone(), true, System), &record("nxt")).unwrap();
        assert_eq!(key(&path).as_deref(), Some("nxt"));
        assert!(!temporary.exists() && !journal.exists());
    }
    assert!(
        killed > least,
        "each operation was cut off on both sides: {killed}"
    );
    assert!(
        seen.first().is_some_and(|first| first == "old")
            && seen.last().is_some_and(|last| last == "new")
    );
    assert!(
        seen.is_sorted_by_key(|found| found == "new"),
        "once it is the new one, it stays so"
    );
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn an_error_of_any_operation_is_reported_and_leaves_a_whole_file() {
    let directory = directory("errors");
    let path = directory.join("auth.json");
    let errors = [
        (io::ErrorKind::StorageFull, false),
        (io::ErrorKind::Other, false),
        (io::ErrorKind::PermissionDenied, false),
        (io::ErrorKind::StorageFull, true),
    ];
    for (kind, mounted) in errors {
        for point in 0.. {
            save(&Files::new(path.clone(), true, System), &record("old")).unwrap();
            let failing = Watched::new(mounted, move |event| {
                if event == point {
                    Err(kind.into())
                } else {
                    Ok(())
                }
            });
            let saved = save(&Files::new(path.clone(), true, failing), &shorter("new"));
            let found = key(&path).unwrap();
            let Err(error) = saved else {
                assert_eq!(found, "new");
                break;
            };
            assert_eq!(error.kind(), ErrorKind::Store);
            let source = core::error::Error::source(&error)
                .unwrap()
                .downcast_ref::<io::Error>()
                .unwrap();
            assert_eq!(source.kind(), kind);
            assert!(found == "old" || found == "new");
            save(&Files::new(path.clone(), true, System), &record("nxt")).unwrap();
            assert_eq!(key(&path).as_deref(), Some("nxt"));
        }
    }
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn short_writes_are_continued_and_empty_ones_are_an_error() {
    struct Short(usize);
    impl FileLayer for Short {
        type File = File;
        fn create(&self, path: &Path) -> io::Result<File> {
            System.create(path)
        }
        fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<usize> {
            System.write(file, &bytes[..bytes.len().min(self.0)])
        }
        fn sync(&self, file: &File) -> io::Result<()> {
            System.sync(file)
        }
        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            System.rename(from, to)
        }
        fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
            System.rename_new(from, to)
        }
        // As on a system without an exchange operation.
        fn exchange(&self, _: &Path, _: &Path) -> io::Result<bool> {
            Ok(false)
        }
        fn read(&self, path: &Path) -> io::Result<Content> {
            System.read(path)
        }
        fn sync_directory(&self, path: &Path) -> io::Result<()> {
            System.sync_directory(path)
        }
        fn remove(&self, path: &Path) -> io::Result<bool> {
            System.remove(path)
        }
        fn open(&self, path: &Path) -> Result<InPlace<File>, Error> {
            System.open(path)
        }
        fn truncate(&self, file: &File, length: u64) -> io::Result<()> {
            System.truncate(file, length)
        }
    }
    let directory = directory("short");
    let path = directory.join("auth.json");
    save(&Files::new(path.clone(), true, Short(1)), &record("new")).unwrap();
    assert_eq!(key(&path).as_deref(), Some("new"));
    let error = save(&Files::new(path.clone(), true, Short(0)), &record("nxt")).unwrap_err();
    assert_eq!(
        core::error::Error::source(&error)
            .unwrap()
            .downcast_ref::<io::Error>()
            .unwrap()
            .kind(),
        io::ErrorKind::WriteZero
    );
    assert_eq!(key(&path).as_deref(), Some("new"));
    assert_eq!(
        fs::read_dir(&directory).unwrap().count(),
        3,
        "the file and the locks of a commit"
    );
    fs::remove_dir_all(directory).unwrap();
}

/// A program without locks writes exactly between the comparison and the move, or between the moves
/// that put its content back.
#[cfg(target_os = "linux")]
#[test]
fn what_is_written_between_the_comparison_and_the_move_stays() {
    for writes in 1..4 {
        let directory = directory("between");
        let path = directory.join("auth.json");
        save(&Files::new(path.clone(), true, System), &record("old")).unwrap();
        // The events before the first exchange: a file is created, written in thirds and synced.
        let others = path.clone();
        let written = AtomicUsize::new(0);
        let exchanging = AtomicUsize::new(usize::MAX);
        let layer = Watched::new(false, move |event| {
            let temporary = others.with_file_name(".auth.json.codex-auth.tmp");
            let whole = shorter("new").to_json().expose().len();
            if exchanging.load(Ordering::SeqCst) == usize::MAX
                && fs::metadata(temporary)
                    .is_ok_and(|facts| facts.len() == u64::try_from(whole).unwrap())
            {
                // Two events of the sync follow the last write; the next is the one before the
                // exchange.
                exchanging.store(event + 3, Ordering::SeqCst);
            }
            // An exchange and the read after it are four events.
            let first = exchanging.load(Ordering::SeqCst);
            if first <= event
                && (event - first).is_multiple_of(4)
                && written.load(Ordering::SeqCst) < writes
            {
                let number = written.fetch_add(1, Ordering::SeqCst) + 1;
                let theirs = record(&format!("th{number}")).to_json();
                fs::write(others.with_extension("theirs"), theirs.expose()).unwrap();
                fs::rename(others.with_extension("theirs"), &others).unwrap();
            }
            Ok(())
        });
        let error = save(&Files::new(path.clone(), true, layer), &shorter("new")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StoreConflict);
        assert_eq!(key(&path), Some(format!("th{writes}")));
        assert!(!directory.join(".auth.json.codex-auth.tmp").exists());
        fs::remove_dir_all(directory).unwrap();
    }
}
