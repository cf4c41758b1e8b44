//! A login that several gateways share: a [`TokenStore`] over PostgreSQL, and commands for its
//! operator.
//!
//! ```sh
//! export CODEX_AUTH_DATABASE_URL='host=/run/postgresql user=gateway dbname=gateway'
//! cargo run -p codex-auth --example shared_store -- me import ~/.my-app/auth.json
//! cargo run -p codex-auth --example shared_store -- me show
//! ```
//!
//! Each gateway then passes a `PostgresStore` for the same row to `OAuthSource::builder`, together
//! with its own HTTP client and timer.
//!
//! After an import, no other program may use the file: the gateways redeem its refresh token.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program prints"
)]

mod store;

use std::path::Path;
use std::process::ExitCode;

use codex_auth::{FileStore, TokenStore};
use postgres::config::{Host, SslMode};
use postgres::{Config, NoTls};
use store::PostgresStore;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [account, "import", file] => {
            open(account).and_then(|store| import(&store, Path::new(file)))
        }
        [account, "show"] => open(account).and_then(|store| show(&store)),
        [account, "sign-out"] => open(account).and_then(|store| sign_out(&store)),
        _ => Err("usage: shared_store ACCOUNT (import FILE | show | sign-out)".to_owned()),
    };
    match done {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("shared_store: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn open(account: &str) -> Result<PostgresStore, String> {
    let url = std::env::var("CODEX_AUTH_DATABASE_URL")
        .map_err(|_| "CODEX_AUTH_DATABASE_URL is not set".to_owned())?;
    let config: Config = url
        .parse()
        .map_err(|error: postgres::Error| chain(&error))?;
    // This example does not link TLS, and tokens must not cross a network without it.
    let local = |host: &Host| match host {
        Host::Tcp(name) => ["localhost", "127.0.0.1", "::1"].contains(&name.as_str()),
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    if !config.get_hosts().iter().all(local) || config.get_ssl_mode() == SslMode::Require {
        return Err(
            "the database is on another machine; give the store a TLS connector".to_owned(),
        );
    }
    let store = PostgresStore::new(config, NoTls, account);
    store.create_table().map_err(|error| chain(&error))?;
    Ok(store)
}

fn import(store: &PostgresStore, file: &Path) -> Result<String, String> {
    let found = FileStore::read_only(file)
        .load()
        .map_err(|error| chain(&error))?
        .ok_or_else(|| format!("{}: no login", file.display()))?;
    let stored = store.load().map_err(|error| chain(&error))?;
    let revision = stored.as_ref().map(codex_auth::Stored::revision);
    store
        .save(found.record(), revision)
        .map_err(|error| chain(&error))?;
    Ok("imported; other programs must no longer use the file".to_owned())
}

fn show(store: &PostgresStore) -> Result<String, String> {
    let Some(stored) = store.load().map_err(|error| chain(&error))? else {
        return Ok("not signed in".to_owned());
    };
    let record = stored.record();
    let account = record
        .tokens()
        .and_then(|tokens| tokens.account_id())
        .map_or_else(|| "unknown".to_owned(), |(account, _)| account);
    let lock = store.try_lock().map_err(|error| chain(&error))?;
    Ok(format!(
        "mode {}, account {account}, {}",
        record.mode().as_str(),
        match lock {
            _ if record.is_refresh_outcome_unknown() && lock.is_some() =>
                "the outcome of the last renewal is unknown",
            Some(_) => "no renewal in progress",
            None => "a renewal is in progress",
        }
    ))
}

fn sign_out(store: &PostgresStore) -> Result<String, String> {
    let removed = store.clear().map_err(|error| chain(&error))?;
    let line = if removed {
        "removed; the tokens are not revoked"
    } else {
        "not signed in"
    };
    Ok(line.to_owned())
}

fn chain(error: &dyn core::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line += &format!(": {cause}");
        source = cause.source();
    }
    line
}
