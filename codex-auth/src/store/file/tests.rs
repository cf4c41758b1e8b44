//! What remains on the disk when a save is interrupted by an error, a signal or a power loss. The
//! result must be the same each time: the old file or the new one, complete, and accessible only to
//! its owner.

mod crash;
mod power;

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::ErrorKind;
use crate::secret::Secret;
use crate::store::file::{FileLayer, FileStore, Files, System, codex_home};
use crate::store::record::{AuthMode, Record};
use crate::store::token_store::TokenStore as _;

fn directory(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("codex-auth-file-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
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
fn other_kinds_and_large_files_are_refused_and_traps_are_not_stepped_into() {
    use std::os::unix::fs::symlink;

    let directory = directory("refused");
    let path = directory.join("auth.json");
    let store = FileStore::new(&path);
    fs::create_dir(&path).unwrap();
    assert_eq!(
        store.load().unwrap_err().to_string(),
        "token store failed: not a regular file"
    );
    fs::remove_dir(&path).unwrap();

    fs::write(&path, vec![b' '; 1024 * 1024 + 1]).unwrap();
    assert_eq!(
        store.load().unwrap_err().to_string(),
        "token store failed: file is too large"
    );
    fs::remove_file(&path).unwrap();

    // A link at the path of the new content is not followed.
    store.save(&record("old"), None).unwrap();
    let trap = directory.join("trap");
    fs::write(&trap, "untouched").unwrap();
    symlink(&trap, directory.join(".auth.json.codex-auth.tmp")).unwrap();
    save(&store.files, &record("nxt")).unwrap();
    assert_eq!(fs::read_to_string(&trap).unwrap(), "untouched");
    assert_eq!(key(&path).as_deref(), Some("nxt"));

    // A link instead of a lock file is not followed either.
    fs::remove_file(directory.join("auth.lock")).unwrap();
    symlink(&trap, directory.join("auth.lock")).unwrap();
    assert_eq!(
        save(&store.files, &record("new")).unwrap_err().kind(),
        ErrorKind::Store
    );
    fs::remove_dir_all(directory).unwrap();
}

#[cfg(unix)]
#[test]
fn files_of_another_user_are_refused() {
    // Only root can create such a file, so other users skip the test.
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let directory = directory("foreign");
    let path = directory.join("auth.json");
    fs::write(&path, "{}").unwrap();
    std::os::unix::fs::chown(&path, Some(4242), None).unwrap();
    assert_eq!(
        FileStore::new(&path).load().unwrap_err().to_string(),
        "token store failed: file belongs to another user"
    );
    std::os::unix::fs::chown(&path, Some(0), None).unwrap();
    std::os::unix::fs::chown(&directory, Some(4242), None).unwrap();
    assert_eq!(
        FileStore::new(&path).load().unwrap_err().to_string(),
        "token store failed: directory belongs to another user"
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
        "token store failed: content is not a JSON object"
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
        let held = super::flock::lock(&directory.join(name)).unwrap();
        let error = store.save(&record("old"), None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "token store is locked by another process"
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

/// Locks are mandatory there: a read of a locked file fails.
#[cfg(windows)]
#[test]
fn a_read_waits_for_a_writer_in_place() {
    let directory = directory("mandatory");
    let path = directory.join("auth.json");
    save(&Files::new(path.clone(), true, System), &record("old")).unwrap();
    let held = fs::OpenOptions::new().write(true).open(&path).unwrap();
    super::flock::exclude(&held).unwrap();
    let error = FileStore::new(path.clone()).load().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreBusy);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| key(&path));
        std::thread::sleep(core::time::Duration::from_millis(100));
        assert!(!reader.is_finished());
        drop(held);
        assert_eq!(reader.join().unwrap().as_deref(), Some("old"));
    });
    fs::remove_dir_all(directory).unwrap();
}

/// A drive and backslashes are a path like any other.
#[cfg(windows)]
#[test]
fn the_home_of_the_official_client_is_found() {
    let home = directory("home");
    assert!(home.is_absolute() && home.to_string_lossy().contains('\\'));
    let store = FileStore::new(home.join("auth.json"));
    store.save(&record("new"), None).unwrap();
    assert_eq!(key(&home.join("auth.json")).as_deref(), Some("new"));
    fs::remove_dir_all(home).unwrap();
}

#[test]
fn an_apps_own_store_has_a_plain_name() {
    for name in ["", ".", "..", "../x", "a/b", ".hidden", "a b", "ü"] {
        let error = FileStore::for_app(name).unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid configuration: app name is not a plain file name"
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
        "invalid configuration: CODEX_HOME does not exist"
    );
    let file = codex_home(Some(link.into()), home).unwrap_err();
    assert_eq!(
        file.to_string(),
        "invalid configuration: CODEX_HOME is not a directory"
    );
    assert!(codex_home(None, None).is_err());
    fs::remove_dir_all(directory).unwrap();
}
