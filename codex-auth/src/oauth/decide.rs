//! The rules of renewing, without any I/O: they derive the next action from the login in use, the
//! stored login and the results of earlier attempts. Breaking any of these rules lets a race or a
//! crash lose the login.

#[cfg(test)]
mod tests;

use core::time::Duration;
use std::time::SystemTime;

use crate::error::{Error, ErrorKind};
use crate::store::record::Record;
use crate::token::set::{Freshness, TokenSet};
use crate::token::source::Lease;

/// The reason for checking the login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// The access token expires soon, or has expired.
    Due,
    /// The access token of this generation was rejected.
    Rejected(Lease),
}

/// The action after the response to a refresh was lost.
///
/// ```
/// assert_eq!(codex_auth::UnknownOutcome::default(), codex_auth::UnknownOutcome::Stop);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum UnknownOutcome {
    /// The refresh token is never resent. The store is re-read, and unless another program has
    /// renewed the login, a new sign-in is needed once the access token has expired.
    #[default]
    Stop,
    /// The refresh token is resent once, when the access token is no longer usable.
    ///
    /// At that point nothing more can be lost, and if the first attempt never reached the
    /// authority, this saves the login. An authority that treats the retry as theft may end other
    /// sessions of the account.
    RetryOnce,
}

pub(super) struct Situation<'a> {
    pub(super) reason: Reason,
    pub(super) now: SystemTime,
    pub(super) margin: Duration,
    /// The login in use.
    pub(super) current: Option<&'a Record>,
    /// The login that is stored now.
    pub(super) stored: Option<&'a Record>,
    pub(super) read_only: bool,
    /// Whether the store's lock is held: without it, a mark may belong to another process that is
    /// renewing at this moment.
    pub(super) locked: bool,
    /// Tokens that were refused permanently, and the error.
    pub(super) refused: Option<(&'a TokenSet, &'a Error)>,
    /// Tokens that must not be sent yet, and the error of the last attempt.
    pub(super) held: Option<(&'a TokenSet, &'a Error)>,
    pub(super) unknown_outcome: UnknownOutcome,
    /// Whether tokens were received so recently that their age by the clock is not a reason to
    /// renew them again.
    pub(super) just_renewed: bool,
}

#[derive(Debug)]
pub(super) enum Decision {
    /// Use the stored login, which another process has renewed.
    Adopt,
    /// Keep the login in use.
    Keep,
    /// Renew the stored login.
    Refresh,
    Fail(Error),
}

pub(super) fn decide(situation: &Situation<'_>) -> Decision {
    let Some(stored) = situation.stored else {
        return Decision::Fail(Error::new(ErrorKind::NotSignedIn));
    };
    let refused = |tokens: &TokenSet| {
        situation
            .refused
            .filter(|(refused, _)| refused.same_secrets(tokens))
            .map(|(_, error)| error.clone())
    };
    let stored_tokens = stored.tokens();

    if let Some(current) = situation.current {
        if let (Some(one), Some(other)) = (current.owner(), stored.owner())
            && one != other
        {
            return Decision::Fail(Error::new(ErrorKind::AccountChanged));
        }
        let unchanged = match (current.tokens(), stored_tokens) {
            (Some(current), Some(stored)) => current.same_secrets(stored),
            (None, None) => true,
            _ => false,
        };
        let same_kind = current.mode() == stored.mode()
            && current.api_key() == stored.api_key()
            && current.personal_access_token() == stored.personal_access_token();
        if unchanged && same_kind {
            return match stored_tokens {
                Some(tokens) => decide_same(situation, stored, tokens, refused(tokens)),
                None => Decision::Keep,
            };
        }
    }
    let Some(tokens) = stored_tokens else {
        return Decision::Adopt;
    };
    if let Some(error) = refused(tokens) {
        return Decision::Fail(error);
    }
    // Another process renewed it, and it has expired since: adopting it would not help.
    if freshness(situation, stored, tokens) == Freshness::Expired && renewable(situation, tokens) {
        return decide_same(situation, stored, tokens, None);
    }
    Decision::Adopt
}

/// Decides for tokens that are both in use and stored.
fn decide_same(
    situation: &Situation<'_>,
    stored: &Record,
    tokens: &TokenSet,
    refused: Option<Error>,
) -> Decision {
    let freshness = freshness(situation, stored, tokens);
    let rejected = matches!(situation.reason, Reason::Rejected(_));
    if !rejected && (freshness == Freshness::Fresh || situation.just_renewed) {
        return Decision::Keep;
    }
    // Tokens that cannot be renewed are used until they expire, and a rejection is final.
    let stop = |error: Error| {
        if rejected || freshness != Freshness::Expired {
            Decision::Keep
        } else {
            Decision::Fail(error)
        }
    };
    if !renewable(situation, tokens) {
        return stop(Error::new(ErrorKind::NotRefreshable));
    }
    if let Some(error) = refused {
        return Decision::Fail(error);
    }
    match (stored.refresh_attempts(), situation.unknown_outcome) {
        (0, _) => {}
        _ if !situation.locked => {}
        (1, UnknownOutcome::RetryOnce) if rejected || freshness == Freshness::Expired => {}
        _ => return Decision::Fail(Error::new(ErrorKind::OutcomeUnknown)),
    }
    if let Some((_, error)) = situation.held.filter(|(held, _)| held.same_secrets(tokens)) {
        return if rejected || freshness == Freshness::Expired {
            Decision::Fail(error.clone())
        } else {
            Decision::Keep
        };
    }
    // The authority refuses an early refresh and may spend the token, so a rejection does not
    // justify one either.
    match tokens.earliest_refresh_at() {
        Some(earliest) if earliest > situation.now => {
            let wait = earliest.duration_since(situation.now).unwrap_or_default();
            let error = Error::new(ErrorKind::RefreshNotReady).with_not_before(earliest);
            stop(error.with_retry_after(wait))
        }
        _ => Decision::Refresh,
    }
}

fn renewable(situation: &Situation<'_>, tokens: &TokenSet) -> bool {
    !situation.read_only && tokens.refresh_token().is_some()
}

fn freshness(situation: &Situation<'_>, stored: &Record, tokens: &TokenSet) -> Freshness {
    tokens.freshness(situation.now, stored.last_refresh(), situation.margin)
}
