// What is left on the disk when a save is cut off: by an error, by a signal, by a loss of power. The answer has to be the same each time:
// the old file or the new one, whole, for its owner alone.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

use super::{FileLayer, FileStore, Files, System, codex_home};
use crate::{AuthMode, ErrorKind, Record, Secret, TokenStore as _};

fn directory(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("codex-auth-file-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn record(name: &str) -> Record {
    Record::of_api_key(Secret::from(format!("{name}-{}", "x".repeat(4000))))
}

fn key(path: &Path) -> Option<String> {
    let stored = Files::new(path.to_owned(), true, System).load().unwrap()?;
    Some(stored.record().api_key().unwrap().expose()[..3].to_owned())
}

fn save<L: FileLayer>(files: &Files<L>, record: &Record) -> Result<(), crate::Error> {
    let revision = files.load()?.map(|stored| stored.revision().clone());
    files.save(record, revision.as_ref()).map(drop)
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    std::os::unix::fs::MetadataExt::mode(&fs::metadata(path).unwrap()) & 0o777
}

/// Does something before and after every operation, and writes a third at a time so that there are several writes.
struct Watched<F> {
    count: AtomicUsize,
    event: F,
}

impl<F: Fn(usize) -> io::Result<()> + Send + Sync + 'static> Watched<F> {
    fn new(event: F) -> Self {
        Self {
            count: AtomicUsize::new(0),
            event,
        }
    }

    fn around<T>(&self, action: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        (self.event)(self.count.fetch_add(1, Ordering::SeqCst))?;
        let done = action()?;
        (self.event)(self.count.fetch_add(1, Ordering::SeqCst))?;
        Ok(done)
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
    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.around(|| System.sync_directory(path))
    }
    fn remove(&self, path: &Path) -> io::Result<bool> {
        self.around(|| System.remove(path))
    }
}

/// The part of the next test that is killed; alone it does nothing.
#[cfg(unix)]
#[test]
fn killed_writer() {
    let Some((path, point)) =
        std::env::var_os("CODEX_AUTH_KILL_PATH").zip(std::env::var("CODEX_AUTH_KILL_POINT").ok())
    else {
        return;
    };
    let point: usize = point.parse().unwrap();
    let layer = Watched::new(move |event| {
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
        &record("new"),
    )
    .unwrap();
}

#[cfg(unix)]
#[test]
fn a_writer_killed_before_or_after_any_operation_leaves_the_old_file_or_the_new() {
    use std::os::unix::process::ExitStatusExt as _;

    let directory = directory("kill");
    let path = directory.join("auth.json");
    let (mut killed, mut seen) = (0, Vec::new());
    for point in 0.. {
        save(&Files::new(path.clone(), true, System), &record("old")).unwrap();
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "file::tests::killed_writer"])
            .env("CODEX_AUTH_KILL_PATH", &path)
            .env("CODEX_AUTH_KILL_POINT", point.to_string())
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap();
        let found = key(&path).expect("a file is always there");
        assert_eq!(mode(&path), 0o600);
        if status.success() {
            assert_eq!(found, "new");
            break;
        }
        assert_eq!(status.signal(), Some(9));
        killed += 1;
        assert!(found == "old" || found == "new", "{found}");
        if let Ok(facts) = fs::metadata(directory.join(".auth.json.codex-auth.tmp")) {
            assert!(facts.is_file() && mode(&directory.join(".auth.json.codex-auth.tmp")) == 0o600);
        }
        seen.push(found);
        // The next writer is not disturbed by what the dead one left.
        save(&Files::new(path.clone(), true, System), &record("nxt")).unwrap();
        assert_eq!(key(&path).as_deref(), Some("nxt"));
        assert!(!directory.join(".auth.json.codex-auth.tmp").exists());
    }
    assert!(
        killed > 12,
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
        io::ErrorKind::StorageFull,
        io::ErrorKind::Other,
        io::ErrorKind::PermissionDenied,
    ];
    for kind in errors {
        for point in 0.. {
            save(&Files::new(path.clone(), true, System), &record("old")).unwrap();
            let failing = Watched::new(move |event| {
                if event == point {
                    Err(kind.into())
                } else {
                    Ok(())
                }
            });
            let saved = save(&Files::new(path.clone(), true, failing), &record("new"));
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
        fn sync_directory(&self, path: &Path) -> io::Result<()> {
            System.sync_directory(path)
        }
        fn remove(&self, path: &Path) -> io::Result<bool> {
            System.remove(path)
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

/// A disk that forgets what was not synced: contents may be torn or empty, and of the changes to names only the first few may have lasted.
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
        Change::Unlink(path) => {
            names.remove(path);
        }
    }
}

struct Power {
    disk: Mutex<Disk>,
    /// A mistake to be found out: data is not synced before the rename.
    careless: bool,
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

    /// What is found after the power is back, by one way it may have gone.
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
}

/// How many of so many losses of power left neither the old content nor the new; and how many left each.
fn losses(seeds: u64, careless: bool) -> (u64, u64, u64) {
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
            power_ends_at: random(20),
            ..Disk::default()
        };
        let files = Files::new(
            path.clone(),
            true,
            Power {
                disk: Mutex::new(disk),
                careless,
            },
        );
        let saved = files.replace(new.expose().as_bytes());
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
    let (broken, olds, news) = losses(10_000, false);
    assert_eq!(broken, 0);
    assert!(olds > 1000 && news > 1000, "{olds} {news}");
    assert!(
        losses(10_000, true).0 > 100,
        "the simulation finds out who forgets to sync"
    );
}

#[test]
fn a_reader_never_sees_a_part_of_a_file() {
    let directory = directory("reader");
    let path = directory.join("auth.json");
    save(&Files::new(path.clone(), true, System), &record("old")).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for turn in 0..100 {
                save(
                    &Files::new(path.clone(), true, System),
                    &record(if turn % 2 == 0 { "new" } else { "old" }),
                )
                .unwrap();
            }
        });
        while !writer.is_finished() {
            assert!(key(&path).is_some());
        }
    });
    fs::remove_dir_all(directory).unwrap();
}

#[cfg(unix)]
#[test]
fn links_other_kinds_and_open_directories_are_refused() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let directory = directory("refused");
    let (path, target) = (directory.join("auth.json"), directory.join("target.json"));
    fs::write(&target, record("old").to_json().expose()).unwrap();
    symlink(&target, &path).unwrap();
    let store = FileStore::new(&path);
    for error in [
        store.load().unwrap_err(),
        store.save(&record("new"), None).unwrap_err(),
    ] {
        assert_eq!(
            error.to_string(),
            "the token store failed: the file is a link"
        );
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(
        store.load().unwrap_err().to_string(),
        "the token store failed: it is no file"
    );
    fs::remove_dir(&path).unwrap();

    fs::write(&path, vec![b' '; 1024 * 1024 + 1]).unwrap();
    assert_eq!(
        store.load().unwrap_err().to_string(),
        "the token store failed: the file is too large"
    );
    fs::remove_file(&path).unwrap();

    fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
    let error = store.save(&record("new"), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the token store failed: other users can change its directory"
    );
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o1777)).unwrap();
    store.save(&record("new"), None).unwrap();

    // A link laid where the new content is written is not followed either.
    let trap = directory.join("trap");
    fs::write(&trap, "untouched").unwrap();
    symlink(&trap, directory.join(".auth.json.codex-auth.tmp")).unwrap();
    save(&Files::new(path.clone(), true, System), &record("nxt")).unwrap();
    assert_eq!(fs::read_to_string(&trap).unwrap(), "untouched");
    assert_eq!(key(&path).as_deref(), Some("nxt"));
    fs::remove_dir_all(directory).unwrap();
}

#[cfg(unix)]
#[test]
fn files_of_another_user_are_refused() {
    // Only root can make one; elsewhere there is nothing to see.
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let directory = directory("foreign");
    let path = directory.join("auth.json");
    fs::write(&path, "{}").unwrap();
    std::os::unix::fs::chown(&path, Some(4242), None).unwrap();
    assert_eq!(
        FileStore::new(&path).load().unwrap_err().to_string(),
        "the token store failed: the file belongs to another user"
    );
    fs::remove_dir_all(directory).unwrap();
}

#[cfg(unix)]
#[test]
fn permissions_are_the_owners_alone_whatever_they_were() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = directory("modes");
    let nested = directory.join("a").join("b");
    let path = nested.join("auth.json");
    let store = FileStore::new(&path);
    assert!(store.load().unwrap().is_none() && !store.clear().unwrap());
    store.save(&record("old"), None).unwrap();
    assert_eq!(
        (
            mode(&nested),
            mode(&path),
            mode(&nested.join("auth.json.lock"))
        ),
        (0o700, 0o600, 0o600)
    );
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    save(&store.files, &record("new")).unwrap();
    assert_eq!(mode(&path), 0o600);
    assert!(store.clear().unwrap() && !path.exists() && !store.clear().unwrap());
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn only_what_was_expected_is_replaced() {
    let directory = directory("swap");
    let store = FileStore::new(directory.join("auth.json"));
    let first = store.save(&record("old"), None).unwrap();
    assert_eq!(
        store.save(&record("new"), None).unwrap_err().kind(),
        ErrorKind::StoreConflict
    );
    fs::write(store.path(), "{}").unwrap();
    let error = store.save(&record("new"), Some(&first)).unwrap_err();
    assert_eq!(
        (error.kind(), error.is_retryable()),
        (ErrorKind::StoreConflict, true)
    );
    assert_eq!(fs::read_to_string(store.path()).unwrap(), "{}");
    let found = store.load().unwrap().unwrap();
    assert_eq!(found.record().mode(), AuthMode::ChatGpt);
    store.save(&record("new"), Some(found.revision())).unwrap();
    fs::write(store.path(), "not json").unwrap();
    assert_eq!(
        store.load().unwrap_err().to_string(),
        "the token store failed: the content is no JSON object"
    );
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn the_lock_is_of_one_holder() {
    let directory = directory("lock");
    let (one, two) = (
        FileStore::new(directory.join("auth.json")),
        FileStore::new(directory.join("auth.json")),
    );
    let held = one.try_lock().unwrap().unwrap();
    assert!(
        one.try_lock().unwrap().is_none()
            && one.clone().try_lock().unwrap().is_none()
            && two.try_lock().unwrap().is_none()
    );
    one.save(&record("old"), None).expect("its holder saves");
    let stored = two.load().unwrap().unwrap();
    two.save(&record("new"), Some(stored.revision()))
        .expect("and so does a sign-in meanwhile");
    drop(held);
    assert!(two.try_lock().unwrap().is_some());
    assert!(
        one.try_lock().unwrap().is_some(),
        "released by the statement above"
    );
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn the_locks_of_a_commit_are_those_of_the_official_client() {
    let of_commit = |file: &str| super::locks::of_commit(Path::new(file));
    let home = Path::new("/home/me/.codex");
    assert_eq!(
        of_commit("/home/me/.codex/auth.json"),
        [home.join("auth.lock"), home.join("auth.json.lock")]
    );
    assert_eq!(
        super::locks::of_renewal(&home.join("auth.json")),
        home.join(".auth.json.codex-auth.lock")
    );
    assert_eq!(of_commit("login"), [Path::new("login.lock")]);
    assert_eq!(
        of_commit("login.lock"),
        [Path::new("login.lock.lock")],
        "a file is not its own lock"
    );
}

#[cfg(unix)]
#[test]
fn a_commit_waits_for_each_lock_and_not_for_ever() {
    let directory = directory("commit");
    let store = FileStore::new(directory.join("auth.json"));
    for name in ["auth.lock", "auth.json.lock"] {
        let held = super::locks::lock(&directory.join(name)).unwrap();
        let error = store.save(&record("old"), None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the token store is locked by another process"
        );
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| save(&store.files, &record("new")));
            std::thread::sleep(core::time::Duration::from_millis(100));
            assert!(!waiting.is_finished());
            drop(held);
            waiting.join().unwrap().unwrap();
        });
        assert!(store.clear().unwrap());
    }
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn an_apps_own_store_has_a_plain_name() {
    for name in ["", ".", "..", "../x", "a/b", ".hidden", "a b", "ü"] {
        let error = FileStore::for_app(name).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the configuration is not valid: the app's name is no plain file name"
        );
    }
    if let Ok(store) = FileStore::for_app("my-app_1.0") {
        assert!(store.path().ends_with("my-app_1.0/auth.json"));
    }
}

#[test]
fn the_official_home_is_found_as_the_official_client_finds_it() {
    let directory = directory("home");
    let link = directory.join("file");
    fs::write(&link, "").unwrap();
    let home = Some(PathBuf::from("/home/me"));
    assert_eq!(
        codex_home(None, home.clone()).unwrap(),
        Path::new("/home/me/.codex")
    );
    assert_eq!(
        codex_home(Some("".into()), home.clone()).unwrap(),
        Path::new("/home/me/.codex")
    );
    assert_eq!(
        codex_home(Some(directory.join(".").into()), home.clone()).unwrap(),
        fs::canonicalize(&directory).unwrap()
    );
    let missing = codex_home(Some(directory.join("missing").into()), home.clone()).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "the configuration is not valid: CODEX_HOME does not exist"
    );
    let file = codex_home(Some(link.into()), home).unwrap_err();
    assert_eq!(
        file.to_string(),
        "the configuration is not valid: CODEX_HOME is no directory"
    );
    assert!(codex_home(None, None).is_err());
    fs::remove_dir_all(directory).unwrap();
}
