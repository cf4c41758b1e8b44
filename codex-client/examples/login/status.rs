//! Shows who is signed in. Tokens are never shown.

use core::time::Duration;
use std::process::ExitCode;
use std::time::SystemTime;

use codex_auth::{AuthMode, Claims, FileStore, Record, Registration, TokenSet, TokenStore as _};

use crate::explain;
use crate::terminal::inert;

/// Prints who is signed in. The exit status reports whether an account is signed in.
pub(crate) fn show(store: &FileStore) -> Result<ExitCode, String> {
    let stored = store.load().map_err(|error| explain(&error))?;
    let location = store.path().display();
    let Some(stored) = stored.filter(|stored| holds_something(stored.record())) else {
        println!("not signed in (nothing in {location})");
        return Ok(ExitCode::FAILURE);
    };
    println!("{}", who(stored.record()));
    if let Some(tokens) = stored.record().tokens() {
        println!("{}", validity(tokens, SystemTime::now()));
    }
    if stored.record().is_refresh_outcome_unknown() {
        println!(
            "a refresh of this login was started and its outcome is unknown; if the login no longer works, sign in again"
        );
    }
    println!("stored in {location}");
    Ok(ExitCode::SUCCESS)
}

/// Describes the owner of the record in one line.
pub(crate) fn who(record: &Record) -> String {
    match record.mode() {
        AuthMode::ApiKey => return "an API key is stored".to_owned(),
        AuthMode::PersonalAccessToken => return "a personal access token is stored".to_owned(),
        AuthMode::ChatGpt | AuthMode::ChatGptAuthTokens => {}
        other => return format!("credentials of the kind {} are stored", other.as_str()),
    }
    let claims = record.tokens().and_then(TokenSet::id_claims);
    let mut line = "signed in".to_owned();
    let registered = record.registration().and_then(Registration::email);
    if let Some(email) = claims.as_ref().and_then(Claims::email).or(registered) {
        line.push_str(" as ");
        line.push_str(email);
    }
    let mut details = Vec::new();
    if let Some(plan) = claims.as_ref().and_then(Claims::plan) {
        details.push(format!("plan {}", plan.as_str()));
    }
    if let Some((account, _)) = record.tokens().and_then(TokenSet::account_id) {
        details.push(format!("account {account}"));
    }
    if !details.is_empty() {
        line.push_str(&format!(" ({})", details.join(", ")));
    }
    inert(&line, &[]).into_owned()
}

fn holds_something(record: &Record) -> bool {
    record.tokens().is_some()
        || record.api_key().is_some()
        || record.personal_access_token().is_some()
        || !matches!(record.mode(), AuthMode::ChatGpt)
}

fn validity(tokens: &TokenSet, now: SystemTime) -> String {
    let renewal = if tokens.refresh_token().is_some() {
        "renewed when needed"
    } else {
        "not renewable"
    };
    match tokens.expires_at() {
        None => format!("the access token has no expiry time; {renewal}"),
        Some(end) => match end.duration_since(now) {
            Ok(left) if !left.is_zero() => {
                format!("the access token is valid for {}; {renewal}", rough(left))
            }
            _ => format!("the access token has expired; {renewal}"),
        },
    }
}

/// Formats a duration roughly, in a single unit.
fn rough(duration: Duration) -> String {
    let minutes = duration.as_secs().div_ceil(60);
    match minutes {
        0..=119 => format!("{minutes} minutes"),
        120..=2879 => format!("{} hours", minutes / 60),
        _ => format!("{} days", minutes / 1440),
    }
}
