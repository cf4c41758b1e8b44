//! The example store over PostgreSQL, against a real server: `CODEX_AUTH_DATABASE_URL` names one
//! (`.ci/run` starts it).
//!
//! `CODEX_AUTH_RACE=8x64x500` (processes × tasks × expiries) sets the size of the race.
#![cfg(all(feature = "std", unix))]

#[path = "../examples/shared_store/store.rs"]
mod store;

use core::time::Duration;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use codex_auth::{ErrorKind, Record, Revision, Secret, StoreLock, TokenStore};
use postgres::{Client, NoTls};
use store::PostgresStore;

use crate::support::Directory;
use crate::support::race::{Size, first_record, run, work};

const URL: &str = "CODEX_AUTH_DATABASE_URL";

/// Returns the server's address; prints a line and returns `None` if there is none.
fn url() -> Option<String> {
    let url = std::env::var(URL).ok();
    if url.is_none() {
        println!("skipped: {URL} is not set, so there is no PostgreSQL server to test against");
    }
    url
}

fn open(url: &str, account: &str) -> PostgresStore {
    PostgresStore::new(url.parse().unwrap(), NoTls, account)
}

/// Returns an empty store of an account that no other test uses.
fn fresh(url: &str, name: &str) -> (PostgresStore, String) {
    let account = format!("{name}-{}", std::process::id());
    let mut client = Client::connect(url, NoTls).unwrap();
    // Tests run concurrently, and two sessions that create the same table can collide.
    client.batch_execute("select pg_advisory_lock(1)").unwrap();
    let store = open(url, &account);
    store.create_table().unwrap();
    client
        .execute("delete from codex_logins where account = $1", &[&account])
        .unwrap();
    (store, account)
}

fn key(text: &str) -> Record {
    Record::of_api_key(Secret::from(text))
}

fn kind(result: Result<Revision, codex_auth::Error>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[test]
fn a_revision_is_bytes_that_a_database_can_keep() {
    let revision = Revision::from(7_i64.to_be_bytes());
    assert_eq!(revision.as_bytes(), 7_i64.to_be_bytes());
    assert_eq!(revision, Revision::from(revision.as_bytes()));
    assert_eq!(revision, Revision::from(revision.as_bytes().to_vec()));
    assert_eq!(revision, Revision::new(revision.as_bytes()));
    assert_ne!(revision, Revision::from(8_i64.to_be_bytes()));
}

#[test]
fn only_what_was_expected_is_replaced_and_no_revision_comes_twice() {
    let Some(url) = url() else { return };
    let (one, account) = fresh(&url, "swap");
    let other = open(&url, &account);
    assert!(one.load().unwrap().is_none() && !one.clear().unwrap());
    let first = one.save(&key("sk-1"), None).unwrap();
    assert_eq!(
        kind(other.save(&key("sk-2"), None)),
        ErrorKind::StoreConflict
    );
    assert_eq!(other.load().unwrap().unwrap().revision(), &first);

    let second = other.save(&key("sk-2"), Some(&first)).unwrap();
    assert_eq!(
        kind(one.save(&key("sk-3"), Some(&first))),
        ErrorKind::StoreConflict
    );
    let foreign = Revision::new("of another store");
    assert_eq!(
        kind(one.save(&key("sk-3"), Some(&foreign))),
        ErrorKind::StoreConflict
    );
    assert_eq!(
        one.load()
            .unwrap()
            .unwrap()
            .record()
            .api_key()
            .unwrap()
            .expose(),
        "sk-2"
    );

    assert!(one.clear().unwrap() && other.load().unwrap().is_none());
    assert_eq!(
        kind(other.save(&key("sk-4"), Some(&second))),
        ErrorKind::StoreConflict
    );
    let third = other.save(&key("sk-4"), None).unwrap();
    assert!(third != first && third != second);
}

#[test]
fn the_lock_is_of_one_holder_and_ends_with_its_process() {
    let Some(url) = url() else { return };
    let (one, account) = fresh(&url, "lock");
    let other = open(&url, &account);
    let held = one.try_lock().unwrap();
    assert!(held.is_some());
    assert!(one.try_lock().unwrap().is_none() && one.clone().try_lock().unwrap().is_none());
    assert!(other.try_lock().unwrap().is_none());
    one.save(&key("sk-1"), None).expect("its holder saves");
    drop(held);
    drop(other.try_lock().unwrap().expect("released"));

    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "shared_store::holder", "--nocapture"])
        .env("CODEX_AUTH_HOLDER", &account)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let until = |expected: bool| {
        let started = Instant::now();
        while one.try_lock().unwrap().is_some() != expected {
            assert!(started.elapsed() < Duration::from_secs(20));
            thread::sleep(Duration::from_millis(20));
        }
    };
    until(false);
    process.kill().unwrap();
    process.wait().unwrap();
    until(true);
}

/// The process that the test above kills; on its own, it does nothing.
#[test]
fn holder() {
    let (Some(account), Ok(url)) = (std::env::var("CODEX_AUTH_HOLDER").ok(), std::env::var(URL))
    else {
        return;
    };
    let store = open(&url, &account);
    let started = Instant::now();
    let mut held: Option<StoreLock> = None;
    while held.is_none() && started.elapsed() < Duration::from_secs(10) {
        held = store.try_lock().unwrap();
    }
    thread::sleep(Duration::from_secs(30));
}

#[test]
fn a_lost_connection_is_an_error_once_and_releases_the_lock() {
    let Some(url) = url() else { return };
    let (store, account) = fresh(&url, "lost");
    let first = store.save(&key("sk-1"), None).unwrap();
    let held = store.try_lock().unwrap().unwrap();
    let mut client = Client::connect(&url, NoTls).unwrap();
    let end = "select pg_terminate_backend(pid) from pg_locks
        where locktype = 'advisory' and objid = (('x' || substr(md5('codex_logins ' || $1), 9, 8))::bit(32)::bigint)";
    assert_eq!(client.query(end, &[&account]).unwrap().len(), 1);
    let other = open(&url, &account);
    let started = Instant::now();
    let taken = loop {
        if let Some(lock) = other.try_lock().unwrap() {
            break lock;
        }
        assert!(started.elapsed() < Duration::from_secs(10));
        thread::sleep(Duration::from_millis(20));
    };
    // The first statement may detect the loss; the next one gets a new connection.
    let _ = store.load();
    assert_eq!(store.load().unwrap().unwrap().revision(), &first);
    drop(held);
    assert!(
        store.try_lock().unwrap().is_none(),
        "not released for its new holder"
    );
    drop(taken);
    assert!(store.try_lock().unwrap().is_some());
}

#[test]
fn an_error_of_the_server_has_its_code_and_no_row() {
    let Some(url) = url() else { return };
    let (_, account) = fresh(&url, "error");
    let refusing = format!("{url} options='-c default_transaction_read_only=on'");
    let store = open(&refusing, &account);
    let error = store.save(&key("sk-invented"), None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    let source = core::error::Error::source(&error).unwrap().to_string();
    assert!(
        source.starts_with("the database reported 25006: "),
        "{source}"
    );
    assert!(!format!("{error:?} {source}").contains("sk-invented"));
    let nowhere = open("host=127.0.0.1 port=1 user=nobody", &account);
    assert_eq!(nowhere.load().unwrap_err().kind(), ErrorKind::Store);
}

/// Returns the path of the built example. `cargo test` builds the examples before it runs a test;
/// running a single test program may not have built it.
fn example() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests
        .ancestors()
        .nth(2)
        .unwrap()
        .join("examples/shared_store");
    if !path.exists() {
        let mut build = Command::new(env!("CARGO"));
        build.args([
            "build",
            "--quiet",
            "-p",
            "codex-auth",
            "--example",
            "shared_store",
        ]);
        assert!(build.status().unwrap().success());
    }
    path
}

#[test]
fn the_example_imports_a_login_and_shows_it_without_its_tokens() {
    let Some(url) = url() else { return };
    let (store, account) = fresh(&url, "example");
    let directory = Directory::new("example");
    codex_auth::FileStore::new(directory.file())
        .save(&first_record(), None)
        .unwrap();
    let run = |arguments: &[&str], url: &str| {
        let output = Command::new(example())
            .arg(&account)
            .args(arguments)
            .env(URL, url)
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    };
    let file = directory.file();
    let file = file.to_str().unwrap();
    let imported = "imported; other programs must no longer use the file\n";
    assert_eq!(run(&["import", file], &url), (true, imported.to_owned()));
    assert_eq!(
        store.load().unwrap().unwrap().record(),
        &first_record_of(file)
    );

    let shown = "mode chatgpt, account acct-1, no renewal in progress\n";
    assert_eq!(run(&["show"], &url), (true, shown.to_owned()));
    let lock = store.try_lock().unwrap();
    assert!(
        run(&["show"], &url)
            .1
            .ends_with("a renewal is in progress\n")
    );
    drop(lock);
    assert_eq!(
        run(&["sign-out"], &url),
        (true, "removed; the tokens are not revoked\n".to_owned())
    );
    assert_eq!(run(&["show"], &url), (true, "not signed in\n".to_owned()));
    let (done, text) = run(&["show"], "host=db.example user=me");
    assert_eq!(
        (done, text.as_str()),
        (
            false,
            "shared_store: the database is on another machine; give the store a TLS connector\n"
        )
    );
    assert!(!run(&[], &url).0);
}

fn first_record_of(file: &str) -> Record {
    codex_auth::FileStore::read_only(file)
        .load()
        .unwrap()
        .unwrap()
        .into_record()
}

/// Runs eight processes as if on eight machines: each has its own home, temporary and working
/// directory, and they share only the database and the authority.
#[test]
fn gateways_on_different_machines_share_a_login_with_one_redemption_for_each_expiry() {
    let Some(url) = url() else { return };
    let (store, account) = fresh(&url, "race");
    store.save(&first_record(), None).unwrap();
    let directory = Directory::new("machines");
    let machine = |process: usize| -> PathBuf { directory.0.join(process.to_string()) };
    run(
        Size::from_env("8x4x500"),
        "shared_store::worker",
        &store,
        |process, command| {
            std::fs::create_dir(machine(process)).unwrap();
            command
                .env_clear()
                .envs(["HOME", "TMPDIR", "CODEX_HOME"].map(|name| (name, machine(process))))
                .env(URL, &url)
                .env("CODEX_AUTH_RACE_ACCOUNT", &account)
                .current_dir(machine(process));
        },
    );
    for process in std::fs::read_dir(&directory.0).unwrap() {
        let written = std::fs::read_dir(process.unwrap().path()).unwrap().count();
        assert_eq!(written, 0, "no process wrote a file");
    }
}

/// The processes that the test above starts; on its own, it does nothing.
#[test]
fn worker() {
    work(|| {
        let account = std::env::var("CODEX_AUTH_RACE_ACCOUNT").unwrap();
        open(&std::env::var(URL).unwrap(), &account)
    });
}
