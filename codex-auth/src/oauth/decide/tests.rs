//! A table of situations, each one change away from a login that is renewed.

use super::*;
use crate::secret::Secret;

/// A situation that owns what it refers to.
struct Case {
    reason: Reason,
    current: Option<Record>,
    stored: Option<Record>,
    read_only: bool,
    locked: bool,
    refused: Option<TokenSet>,
    held: Option<TokenSet>,
    unknown_outcome: UnknownOutcome,
    just_renewed: bool,
}

#[derive(Debug, PartialEq)]
enum Found {
    Adopt,
    Keep,
    Refresh,
    Fail(ErrorKind),
}

impl Case {
    /// Returns a case with the same login in use and stored, under the store's lock.
    fn of(tokens: &TokenSet) -> Self {
        Self {
            reason: Reason::Due,
            current: Some(record(tokens)),
            stored: Some(record(tokens)),
            read_only: false,
            locked: true,
            refused: None,
            held: None,
            unknown_outcome: UnknownOutcome::Stop,
            just_renewed: false,
        }
    }

    /// Returns a case with a login in use that is due, and another that is stored.
    fn replaced_by(tokens: &TokenSet) -> Self {
        let mut case = Self::of(&tokens_of("old", DUE));
        case.stored = Some(record(tokens));
        case
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn rejected(self) -> Self {
        self.with(|case| case.reason = Reason::Rejected(Lease::new(1)))
    }

    fn read_only(self) -> Self {
        self.with(|case| case.read_only = true)
    }

    /// Marks that many renewals of the stored tokens as started, without a recorded outcome.
    fn attempted(self, times: u8, unknown_outcome: UnknownOutcome) -> Self {
        self.with(|case| {
            for _ in 0..times {
                case.stored = case.stored.take().map(Record::marked);
            }
            case.unknown_outcome = unknown_outcome;
        })
    }

    fn decision(&self) -> Decision {
        let (refused, held) = (
            Error::new(ErrorKind::RefreshRevoked),
            Error::new(ErrorKind::Unavailable),
        );
        decide(&Situation {
            reason: self.reason,
            now: now(),
            margin: Duration::from_secs(300),
            current: self.current.as_ref(),
            stored: self.stored.as_ref(),
            read_only: self.read_only,
            locked: self.locked,
            refused: self.refused.as_ref().map(|tokens| (tokens, &refused)),
            held: self.held.as_ref().map(|tokens| (tokens, &held)),
            unknown_outcome: self.unknown_outcome,
            just_renewed: self.just_renewed,
        })
    }

    #[track_caller]
    fn is(self, expected: Found) {
        let found = match self.decision() {
            Decision::Adopt => Found::Adopt,
            Decision::Keep => Found::Keep,
            Decision::Refresh => Found::Refresh,
            Decision::Fail(error) => Found::Fail(error.kind()),
        };
        assert_eq!(found, expected);
    }
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// Returns tokens that expire that many seconds from now.
fn tokens_of(name: &str, seconds: u64) -> TokenSet {
    tokens_without_refresh(name, seconds)
        .with_refresh_token(Secret::from(format!("{name}-refresh")))
}

fn tokens_without_refresh(name: &str, seconds: u64) -> TokenSet {
    TokenSet::new(Secret::from(name.to_owned()))
        .with_expires_at(now() + Duration::from_secs(seconds))
}

fn record(tokens: &TokenSet) -> Record {
    Record::of_tokens(tokens.clone(), now())
}

fn from_json(json: &str) -> Option<Record> {
    Some(Record::from_json(json.as_bytes()).unwrap())
}

const FRESH: u64 = 3600;
const DUE: u64 = 100;
const EXPIRED: u64 = 0;

#[test]
fn a_login_in_use_is_renewed_when_it_is_due_or_was_rejected() {
    let (fresh, due) = (tokens_of("a", FRESH), tokens_of("a", DUE));
    let expired = tokens_of("a", EXPIRED);
    Case::of(&fresh).is(Found::Keep);
    Case::of(&due).is(Found::Refresh);
    Case::of(&expired).is(Found::Refresh);
    Case::of(&fresh).rejected().is(Found::Refresh);
    let renewed = |tokens| Case::of(tokens).with(|case| case.just_renewed = true);
    renewed(&due).is(Found::Keep);
    renewed(&expired).is(Found::Keep);
    renewed(&fresh).rejected().is(Found::Refresh);
    Case::of(&due)
        .with(|case| case.stored = None)
        .is(Found::Fail(ErrorKind::NotSignedIn));
}

#[test]
fn another_stored_login_is_adopted_unless_it_would_not_help() {
    Case::replaced_by(&tokens_of("new", FRESH)).is(Found::Adopt);
    Case::replaced_by(&tokens_of("new", DUE)).is(Found::Adopt);
    let expired = tokens_of("new", EXPIRED);
    Case::replaced_by(&expired).is(Found::Refresh);
    Case::replaced_by(&expired).read_only().is(Found::Adopt);
    Case::replaced_by(&tokens_without_refresh("new", EXPIRED)).is(Found::Adopt);
    Case::replaced_by(&expired)
        .with(|case| case.current = None)
        .is(Found::Refresh);
    let refused = |tokens: TokenSet| {
        Case::replaced_by(&tokens_of("new", FRESH)).with(|case| case.refused = Some(tokens))
    };
    refused(tokens_of("new", FRESH)).is(Found::Fail(ErrorKind::RefreshRevoked));
    refused(tokens_of("old", DUE)).is(Found::Adopt);
}

#[test]
fn a_login_of_another_account_is_an_error() {
    let owned = |name, owner: Option<&str>| {
        let tokens = tokens_of(name, FRESH);
        match owner {
            Some(owner) => tokens.with_account_id(owner),
            None => tokens,
        }
    };
    let pair = |current, stored| {
        Case::replaced_by(&owned("new", stored))
            .with(|case| case.current = Some(record(&owned("old", current))))
    };
    pair(Some("one"), Some("other")).is(Found::Fail(ErrorKind::AccountChanged));
    pair(Some("one"), Some("one")).is(Found::Adopt);
    pair(Some("one"), None).is(Found::Adopt);
    pair(None, Some("other")).is(Found::Adopt);
}

#[test]
fn credentials_of_another_kind_are_adopted() {
    let key = |key: &str| Some(Record::of_api_key(Secret::from(key.to_owned())));
    let pair = |current: Option<Record>, stored: Option<Record>| {
        Case::of(&tokens_of("a", FRESH)).with(|case| {
            case.current = current;
            case.stored = stored;
        })
    };
    pair(key("one"), key("one")).is(Found::Keep);
    pair(key("one"), key("other")).is(Found::Adopt);
    pair(None, key("one")).is(Found::Adopt);
    let tokens = Some(record(&tokens_of("a", FRESH)));
    pair(tokens, key("one")).is(Found::Adopt);
    let mode = |mode: &str| {
        from_json(&format!(
            r#"{{"auth_mode":"{mode}","tokens":{{"access_token":"a","refresh_token":"b"}}}}"#
        ))
    };
    pair(mode("chatgpt"), mode("chatgpt")).is(Found::Keep);
    pair(mode("chatgpt"), mode("chatgptAuthTokens")).is(Found::Adopt);
    let personal = |token: &str| from_json(&format!(r#"{{"personal_access_token":"{token}"}}"#));
    pair(personal("one"), personal("one")).is(Found::Keep);
    pair(personal("one"), personal("other")).is(Found::Adopt);
}

#[test]
fn tokens_that_cannot_be_renewed_are_used_until_they_expire() {
    let without = |seconds| Case::of(&tokens_without_refresh("a", seconds));
    without(DUE).is(Found::Keep);
    without(EXPIRED).is(Found::Fail(ErrorKind::NotRefreshable));
    without(EXPIRED).rejected().is(Found::Keep);
    let elsewhere = |seconds| Case::of(&tokens_of("a", seconds)).read_only();
    elsewhere(DUE).is(Found::Keep);
    elsewhere(EXPIRED).is(Found::Fail(ErrorKind::NotRefreshable));
    elsewhere(FRESH).rejected().is(Found::Keep);
}

#[test]
fn a_refusal_is_returned_again_for_these_tokens() {
    let due = tokens_of("a", DUE);
    let refused = |tokens: &TokenSet| {
        let tokens = tokens.clone();
        Case::of(&due).with(|case| case.refused = Some(tokens))
    };
    refused(&due).is(Found::Fail(ErrorKind::RefreshRevoked));
    refused(&tokens_of("b", DUE)).is(Found::Refresh);
}

#[test]
fn a_token_whose_refresh_was_lost_is_sent_once_more_at_most() {
    use UnknownOutcome::{RetryOnce, Stop};
    let unknown = || Found::Fail(ErrorKind::OutcomeUnknown);
    let of = |seconds| Case::of(&tokens_of("a", seconds));
    of(DUE).attempted(1, Stop).is(unknown());
    of(EXPIRED).attempted(1, Stop).is(unknown());
    of(FRESH).rejected().attempted(1, Stop).is(unknown());
    of(DUE).attempted(1, RetryOnce).is(unknown());
    of(EXPIRED).attempted(1, RetryOnce).is(Found::Refresh);
    of(FRESH)
        .rejected()
        .attempted(1, RetryOnce)
        .is(Found::Refresh);
    of(EXPIRED).attempted(2, RetryOnce).is(unknown());
    // Without the lock, another process may be renewing at this moment.
    of(DUE)
        .attempted(1, Stop)
        .with(|case| case.locked = false)
        .is(Found::Refresh);
}

#[test]
fn tokens_that_must_wait_are_used_meanwhile() {
    let of = |seconds| {
        let tokens = tokens_of("a", seconds);
        Case::of(&tokens).with(|case| case.held = Some(tokens))
    };
    of(DUE).is(Found::Keep);
    of(EXPIRED).is(Found::Fail(ErrorKind::Unavailable));
    of(FRESH).rejected().is(Found::Fail(ErrorKind::Unavailable));
    of(DUE)
        .with(|case| case.held = Some(tokens_of("b", DUE)))
        .is(Found::Refresh);
}

#[test]
fn nothing_is_renewed_before_the_time_that_the_authority_states() {
    let later = Duration::from_secs(60);
    let of =
        |seconds, earliest| Case::of(&tokens_of("a", seconds).with_earliest_refresh_at(earliest));
    of(DUE, now() + later).is(Found::Keep);
    of(FRESH, now() + later).rejected().is(Found::Keep);
    of(EXPIRED, now() + later).is(Found::Fail(ErrorKind::RefreshNotReady));
    of(DUE, now()).is(Found::Refresh);
    of(DUE, now() - later).is(Found::Refresh);
    let Decision::Fail(error) = of(EXPIRED, now() + later).decision() else {
        panic!("not an error");
    };
    assert_eq!(error.not_before(), Some(now() + later));
    assert_eq!(error.retry_after(), Some(later));
}
