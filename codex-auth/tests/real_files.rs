//! Credential files in practice: bind mounts, links, a Kubernetes secret, files that a group can
//! read, damaged files, and files written by a program that takes no lock.
#![cfg(all(feature = "std", unix))]

use core::time::Duration;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::{fs, thread};

use codex_auth::{ErrorKind, FileStore, OAuthProfile, OAuthSource, Record, Secret, TokenStore};

use crate::support::login::{HOUR, MINUTE, apply, load, refresh_token, renewed, source, tokens};
use crate::support::{self, Authority, Directory, VirtualTimer, access, start};

fn login(number: u32, expires: i64) -> Record {
    Record::of_tokens(tokens(number, expires), start())
}

fn key(text: &str) -> Record {
    Record::of_api_key(Secret::from(text))
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn folder(parent: &Directory, name: &str) -> PathBuf {
    let path = parent.0.join(name);
    fs::create_dir_all(&path).unwrap();
    mode(&path, 0o700);
    path
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn store_error(detail: &str) -> String {
    format!("token store failed: {detail}")
}

/// A bind mount that is removed when the test ends.
struct Mount(PathBuf);

impl Mount {
    /// Mounts the file; prints a line and returns `None` if that is not permitted.
    fn new(options: &[&str], from: &Path, to: &Path) -> Option<Self> {
        let made = Command::new("mount")
            .args(options)
            .arg("--bind")
            .args([from, to])
            .output();
        match made {
            Ok(output) if output.status.success() => Some(Self(to.to_owned())),
            Ok(output) => {
                let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                println!("skipped: no bind mount can be made here ({reason})");
                None
            }
            Err(error) => {
                println!("skipped: no bind mount can be made here ({error})");
                None
            }
        }
    }

    /// A file on the host, which a container sees as a mount.
    fn file(host: &Path, container: &Path) -> Option<Self> {
        fs::write(container, "").unwrap();
        mode(container, 0o600);
        Self::new(&[], host, container)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with("lock"))
        .collect();
    names.sort();
    names
}

#[test]
fn a_login_behind_a_bind_mount_is_renewed_in_place() {
    let directory = Directory::new("mount");
    let (host, container) = (folder(&directory, "host"), folder(&directory, "container"));
    let (outside, inside) = (host.join("auth.json"), container.join("auth.json"));
    FileStore::new(&outside)
        .save(&login(1, -MINUTE), None)
        .unwrap();
    let Some(_mount) = Mount::file(&outside, &inside) else {
        return;
    };
    mode(&outside, 0o644);
    let inode = fs::metadata(&outside).unwrap().ino();
    let authority = Authority::new([renewed(2, HOUR)]);
    let store = FileStore::new(&inside);
    assert_eq!(
        apply(&source(store.clone(), &authority, &VirtualTimer::new()))
            .unwrap()
            .1,
        access(2, HOUR)
    );
    assert_eq!(refresh_token(&FileStore::new(&outside)), "refresh-2");
    let facts = fs::metadata(&outside).unwrap();
    assert_eq!((facts.ino(), facts.mode() & 0o777), (inode, 0o600));

    // Shorter content leaves nothing of the longer content.
    let found = store.load().unwrap().unwrap();
    let shorter = store
        .save(&key("sk-invented"), Some(found.revision()))
        .unwrap();
    assert_eq!(
        fs::read(&outside).unwrap(),
        key("sk-invented").to_json().expose().as_bytes()
    );
    assert_eq!(
        store
            .save(&key("other"), Some(found.revision()))
            .unwrap_err()
            .kind(),
        ErrorKind::StoreConflict
    );
    assert_eq!(store.load().unwrap().unwrap().revision(), &shorter);
    assert!(store.clear().unwrap() && store.load().unwrap().is_none());
    assert_eq!(
        fs::metadata(&outside).unwrap().len(),
        0,
        "a mount cannot be removed"
    );
    store.save(&login(3, HOUR), None).unwrap();
    assert_eq!(refresh_token(&FileStore::new(&outside)), "refresh-3");
    assert_eq!(
        (names(&host), names(&container)),
        (vec!["auth.json".to_owned()], vec!["auth.json".to_owned()])
    );
}

#[test]
fn a_mounted_file_that_was_replaced_outside_is_not_renewed() {
    let directory = Directory::new("mount-replaced");
    let (host, container) = (folder(&directory, "host"), folder(&directory, "container"));
    let (outside, inside) = (host.join("auth.json"), container.join("auth.json"));
    let owner = FileStore::new(&outside);
    let first = owner.save(&login(1, -MINUTE), None).unwrap();
    let Some(_mount) = Mount::file(&outside, &inside) else {
        return;
    };
    // The rename leaves the old file in the mount, whose refresh token is spent.
    owner.save(&login(2, HOUR), Some(&first)).unwrap();
    let (store, authority) = (FileStore::new(&inside), Authority::default());
    assert_eq!(refresh_token(&store), "refresh-1");
    let error = apply(&source(store, &authority, &VirtualTimer::new())).unwrap_err();
    assert_eq!(
        error.to_string(),
        store_error("file was replaced outside its mount; mount its directory instead")
    );
    assert_eq!(authority.count(), 0);
    assert_eq!(names(&container), ["auth.json"]);
}

/// Two holders of one file increment it together: no save is lost, whatever path each of them uses.
fn count(one: &Path, other: &Path) {
    const EACH: u32 = 60;
    let text = |record: &Record| record.api_key().unwrap().expose().parse::<u32>().unwrap();
    thread::scope(|scope| {
        for path in [one, other] {
            scope.spawn(move || {
                let store = FileStore::new(path);
                let mut done = 0;
                while done < EACH {
                    let found = store.load().unwrap().unwrap();
                    let next = key(&format!("{:4}", text(found.record()) + 1).replace(' ', "0"));
                    match store.save(&next, Some(found.revision())) {
                        Ok(_) => done += 1,
                        Err(error) => assert!(error.is_retryable(), "{error}"),
                    }
                }
            });
        }
    });
    assert_eq!(text(&load(&FileStore::new(one))), 2 * EACH);
}

#[test]
fn no_save_is_lost_between_two_paths_to_one_file() {
    let directory = Directory::new("count");
    let (host, container) = (folder(&directory, "host"), folder(&directory, "container"));
    let file = host.join("auth.json");
    FileStore::new(&file).save(&key("0"), None).unwrap();
    count(&file, &file);

    let link = container.join("login.json");
    symlink(&file, &link).unwrap();
    FileStore::new(&file).clear().unwrap();
    FileStore::new(&file).save(&key("0"), None).unwrap();
    count(&file, &link);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn no_save_is_lost_between_two_containers_that_mount_one_file() {
    let directory = Directory::new("count-mounts");
    let file = folder(&directory, "host").join("auth.json");
    let paths = ["one", "other"].map(|name| folder(&directory, name).join("auth.json"));
    FileStore::new(&file).save(&key("0"), None).unwrap();
    let mounts = [&paths[0], &paths[1]].map(|path| Mount::file(&file, path));
    if mounts.iter().all(Option::is_some) {
        count(&paths[0], &paths[1]);
    }
}

#[test]
fn a_link_is_followed_and_stays() {
    let directory = Directory::new("links");
    let (home, dotfiles) = (folder(&directory, "home"), folder(&directory, "dotfiles"));
    let (link, target) = (home.join("auth.json"), dotfiles.join("codex.json"));
    symlink("../dotfiles/codex.json", &link).unwrap();
    let store = FileStore::new(&link);
    assert!(store.load().unwrap().is_none(), "there is no file yet");
    let first = store.save(&login(1, -MINUTE), None).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(refresh_token(&FileStore::new(&target)), "refresh-1");
    assert_eq!(fs::metadata(&target).unwrap().mode() & 0o777, 0o600);

    let authority = Authority::new([renewed(2, HOUR)]);
    apply(&source(store.clone(), &authority, &VirtualTimer::new())).unwrap();
    assert_eq!(refresh_token(&FileStore::new(&target)), "refresh-2");
    assert_eq!(
        store
            .save(&login(3, HOUR), Some(&first))
            .unwrap_err()
            .kind(),
        ErrorKind::StoreConflict
    );
    // A holder with either path excludes the other from renewing.
    let held = FileStore::new(&target).try_lock().unwrap();
    assert!(held.is_some() && store.try_lock().unwrap().is_none());
    drop(held);
    let held = store.try_lock().unwrap();
    assert!(held.is_some() && FileStore::new(&target).try_lock().unwrap().is_none());
    drop(held);
    assert!(store.clear().unwrap() && !target.exists() && store.load().unwrap().is_none());

    fs::remove_file(&link).unwrap();
    symlink("auth.json", &link).unwrap();
    for error in [
        store.load().unwrap_err(),
        store.save(&key("k"), None).unwrap_err(),
    ] {
        assert_eq!(error.to_string(), store_error("too many symbolic links"));
    }
}

#[test]
fn a_link_of_another_user_is_refused() {
    if !is_root() {
        println!("skipped: only root can give a link to another user");
        return;
    }
    let directory = Directory::new("foreign-link");
    let target = directory.0.join("target.json");
    FileStore::new(&target).save(&key("k"), None).unwrap();
    symlink(&target, directory.file()).unwrap();
    std::os::unix::fs::lchown(directory.file(), Some(4242), None).unwrap();
    let store = FileStore::new(directory.file());
    for error in [
        store.load().unwrap_err(),
        store.save(&key("x"), None).unwrap_err(),
    ] {
        assert_eq!(
            error.to_string(),
            store_error("symbolic link to the file belongs to another user")
        );
    }
}

/// Creates the layout of a mounted secret: the file is a link through a link to a directory, and an
/// update replaces the inner link.
fn secret(directory: &Directory) -> PathBuf {
    let volume = folder(directory, "secret");
    for (version, number) in [("..2026_01", 1), ("..2026_02", 2)] {
        fs::create_dir(volume.join(version)).unwrap();
        mode(&volume.join(version), 0o755);
        let file = volume.join(version).join("auth.json");
        fs::write(&file, login(number, 2 * MINUTE).to_json().expose()).unwrap();
        mode(&file, 0o644);
    }
    symlink("..2026_01", volume.join("..data")).unwrap();
    symlink("..data/auth.json", volume.join("auth.json")).unwrap();
    // As Kubernetes creates it.
    mode(&volume, 0o1777);
    volume
}

#[test]
fn a_kubernetes_secret_is_read_and_followed_when_it_changes() {
    let directory = Directory::new("secret");
    let volume = secret(&directory);
    let store = FileStore::read_only(volume.join("auth.json"));
    let (timer, authority) = (VirtualTimer::new(), Authority::default());
    let source = source(store.clone(), &authority, &timer);
    assert_eq!(apply(&source).unwrap().1, access(1, 2 * MINUTE));
    symlink("..2026_02", volume.join("..next")).unwrap();
    fs::rename(volume.join("..next"), volume.join("..data")).unwrap();
    assert_eq!(refresh_token(&store), "refresh-2");
    assert_eq!(authority.count(), 0);
}

#[test]
fn a_link_into_a_place_that_cannot_be_written_is_refused_before_anything_is_sent() {
    let directory = Directory::new("secret-write");
    let volume = secret(&directory);
    // Root can write wherever the file system allows it.
    let mounted = folder(&directory, "mounted");
    let _mount = if is_root() {
        let Some(mount) = Mount::new(&[], &volume, &mounted) else {
            return;
        };
        let read_only = Command::new("mount")
            .args(["-o", "remount,ro,bind"])
            .arg(&mounted)
            .status();
        assert!(read_only.unwrap().success());
        Some(mount)
    } else {
        mode(&volume.join("..2026_01"), 0o555);
        fs::remove_dir(&mounted).unwrap();
        symlink(&volume, &mounted).unwrap();
        None
    };
    let store = FileStore::new(mounted.join("auth.json"));
    let (timer, authority) = (VirtualTimer::new(), Authority::default());
    let source = source(store.clone(), &authority, &timer);
    assert_eq!(apply(&source).unwrap().1, access(1, 2 * MINUTE), "it lasts");
    timer.advance(Duration::from_secs(180));
    let text = store_error(
        "file is a symbolic link into a directory that is not writable; renew the login where the file is kept",
    );
    assert_eq!(apply(&source).unwrap_err().to_string(), text);
    let revision = store.load().unwrap().unwrap().revision().clone();
    assert_eq!(
        store
            .save(&key("k"), Some(&revision))
            .unwrap_err()
            .to_string(),
        text
    );
    assert_eq!(authority.count(), 0);
    mode(&volume.join("..2026_01"), 0o755);
}

/// Returns the result of an action that must not block.
fn at_once<T: Send + 'static>(action: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(action()));
    receiver
        .recv_timeout(Duration::from_secs(10))
        .expect("it does not block")
}

#[test]
fn pipes_and_devices_are_refused_without_blocking() {
    let directory = Directory::new("pipes");
    let pipe = |path: &Path| {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        mode(path, 0o600);
    };
    pipe(&directory.file());
    let refused = |path: PathBuf| {
        let store = FileStore::new(path);
        let errors = at_once(move || {
            [
                store.load().unwrap_err(),
                store.save(&key("k"), None).unwrap_err(),
            ]
        });
        for error in errors {
            assert_eq!(error.to_string(), store_error("not a regular file"));
        }
    };
    refused(directory.file());
    for device in ["/dev/null", "/dev/zero", "/dev/tty"] {
        let link = directory
            .0
            .join(format!("{}.json", device.replace('/', "-")));
        symlink(device, &link).unwrap();
        let store = FileStore::read_only(link);
        let error = at_once(move || store.load().unwrap_err());
        assert_eq!(
            error.to_string(),
            store_error("not a regular file"),
            "{device}"
        );
    }
    // A pipe instead of a lock file does not block either.
    fs::remove_file(directory.file()).unwrap();
    fs::remove_file(directory.0.join("auth.lock")).unwrap();
    pipe(&directory.0.join("auth.lock"));
    let store = FileStore::new(directory.file());
    at_once(move || store.save(&key("k"), None).unwrap());
}

#[test]
fn what_a_group_can_write_is_refused_with_the_remedy() {
    let directory = Directory::new("group");
    let store = FileStore::new(directory.file());
    let first = store.save(&key("k"), None).unwrap();
    for bits in [0o660, 0o606, 0o620] {
        mode(&directory.file(), bits);
        for error in [
            store.load().unwrap_err(),
            store.save(&key("x"), Some(&first)).unwrap_err(),
        ] {
            assert_eq!(
                error.to_string(),
                store_error("file is writable by its group or by everyone; run chmod go-w on it")
            );
        }
    }
    mode(&directory.file(), 0o640);
    for bits in [0o770, 0o707, 0o2775] {
        mode(&directory.0, bits);
        for error in [
            store.load().unwrap_err(),
            store.save(&key("x"), Some(&first)).unwrap_err(),
        ] {
            assert_eq!(
                error.to_string(),
                store_error(
                    "directory is writable by its group or by everyone; run chmod go-w on it"
                )
            );
        }
    }
    // The suggested remedy works. With the sticky bit, others cannot replace files that they do not
    // own.
    for bits in [0o1777, 0o1770, 0o755] {
        mode(&directory.0, bits);
        assert!(store.load().unwrap().is_some());
    }
    store.save(&key("x"), Some(&first)).unwrap();
}

#[test]
fn what_a_program_without_locks_writes_meanwhile_is_adopted() {
    struct Unlocked(PathBuf, fn(&Path, &[u8]));
    impl codex_auth::SendRequest for Unlocked {
        async fn send(
            &self,
            _: http::Request<bytes::Bytes>,
        ) -> Result<http::Response<bytes::Bytes>, codex_auth::SendFailure> {
            (self.1)(&self.0, login(7, HOUR).to_json().expose().as_bytes());
            let body = format!(
                r#"{{"access_token":"{}","refresh_token":"refresh-2"}}"#,
                access(2, HOUR)
            );
            Ok(support::response(200, body))
        }
    }
    let renames = |path: &Path, content: &[u8]| {
        fs::write(path.with_extension("new"), content).unwrap();
        mode(&path.with_extension("new"), 0o600);
        fs::rename(path.with_extension("new"), path).unwrap();
    };
    let truncates = |path: &Path, content: &[u8]| fs::write(path, content).unwrap();
    for write in [renames as fn(&Path, &[u8]), truncates] {
        let directory = Directory::new("unlocked");
        let store = FileStore::new(directory.file());
        store.save(&login(1, -MINUTE), None).unwrap();
        let source = OAuthSource::builder(
            OAuthProfile::codex(),
            store.clone(),
            Unlocked(directory.file(), write),
            VirtualTimer::new(),
        )
        .build()
        .unwrap();
        assert_eq!(apply(&source).unwrap().1, access(7, HOUR));
        assert_eq!(refresh_token(&store), "refresh-7");
    }
}

#[test]
fn a_file_that_is_being_written_in_place_is_read_again() {
    let directory = Directory::new("truncating");
    let store = FileStore::new(directory.file());
    store.save(&login(1, HOUR), None).unwrap();
    let content = login(2, HOUR).to_json();
    let (path, half) = (directory.file(), content.expose().len() / 2);
    thread::scope(|scope| {
        let (begun, wait) = mpsc::channel();
        let content = &content;
        let path = &path;
        scope.spawn(move || {
            for part in [0, half, content.expose().len()] {
                fs::write(path, &content.expose()[..part]).unwrap();
                begun.send(()).unwrap();
                thread::sleep(Duration::from_millis(20));
            }
        });
        wait.recv().unwrap();
        assert_eq!(refresh_token(&store), "refresh-2");
    });
    fs::write(directory.file(), "").unwrap();
    assert!(
        store.load().unwrap().is_none(),
        "an empty file holds no login"
    );
}
