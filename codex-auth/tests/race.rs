//! Real processes, one credential file, and an authority that revokes the whole login when a
//! refresh token arrives twice.
//!
//! `CODEX_AUTH_RACE=8x64x500` (processes × tasks × expiries) sets the size; the default is small.
#![cfg(all(feature = "std", unix))]

use codex_auth::{FileStore, TokenStore as _};

use crate::support::Directory;
use crate::support::race::{Size, first_record, run, work};

#[test]
fn as_many_redemptions_as_expiries_and_no_failure() {
    let directory = Directory::new("race");
    let store = FileStore::new(directory.file());
    store.save(&first_record(), None).unwrap();
    run(
        Size::from_env("3x8x12"),
        "race::worker",
        &store,
        |_, command| {
            command.env("CODEX_AUTH_RACE_FILE", directory.file());
        },
    );
}

/// The processes that the test above starts; on its own, it does nothing.
#[test]
fn worker() {
    work(|| FileStore::new(std::env::var_os("CODEX_AUTH_RACE_FILE").unwrap()));
}
