//! The state of a source: the login in use, and the results of its renewals.

use core::future::Future;
use core::pin::Pin;
use core::time::Duration;
use std::sync::{Mutex, MutexGuard};

use http::request::Parts;

use crate::error::{Error, ErrorKind};
use crate::lock::lock;
use crate::moment::{Moment, Timer};
use crate::oauth::decide::{Reason, UnknownOutcome};
use crate::oauth::flight::Flight;
use crate::oauth::profile::OAuthProfile;
use crate::secret::Secret;
use crate::store::record::{AuthMode, Record};
use crate::store::token_store::{Revision, TokenStore};
use crate::token::fixed::{BearerToken, Headers};
use crate::token::set::{Freshness, TokenSet};
use crate::token::source::{Lease, Verdict};

pub(super) type Spawner = Box<dyn Fn(Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync>;

pub(super) struct Setting<S, H, T> {
    pub(super) profile: OAuthProfile,
    pub(super) store: S,
    pub(super) http: H,
    pub(super) timer: T,
    pub(super) unknown_outcome: UnknownOutcome,
    pub(super) refresh_time_limit: Duration,
    pub(super) max_lock_wait: Duration,
}

/// The renewed tokens that are not stored yet.
#[derive(Clone)]
pub(super) struct Pending {
    pub(super) record: Record,
    pub(super) tokens: TokenSet,
    /// The refresh token that was spent on them.
    pub(super) spent: Secret,
    pub(super) revision: Revision,
    pub(super) reason: Reason,
}

pub(super) struct Inner<S, H, T> {
    pub(super) setting: Setting<S, H, T>,
    pub(super) spawner: Option<Spawner>,
    pub(super) state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) current: Option<Current>,
    pub(super) flight: Option<(Reason, Flight<Result<(), Error>>)>,
    /// Tokens that were refused permanently, and the error.
    pub(super) refused: Option<(TokenSet, Error)>,
    /// Tokens whose renewal returned a success without tokens, and its error: they are not resent
    /// before `pause_until`.
    pub(super) held: Option<(TokenSet, Error)>,
    /// Renewed tokens that could not be stored.
    pub(super) pending: Option<Pending>,
    /// The time on the steady clock until which tokens that are still valid are not renewed, after
    /// a failed attempt.
    pub(super) pause_until: Duration,
    pub(super) failures: u32,
    pub(super) generations: u64,
}

/// The login in use.
pub(super) struct Current {
    pub(super) lease: Lease,
    pub(super) record: Record,
    /// The account of a personal access token.
    pub(super) identity: Option<BearerToken>,
    pub(super) headers: Result<Headers, Error>,
    /// The time at which this source renewed the login, and the reason.
    pub(super) renewed: Option<(Moment, Reason)>,
    pub(super) accepted: bool,
}

pub(super) enum Look {
    Good,
    /// Valid, but renewal is due.
    Due,
    /// Not usable in its current state.
    Bad,
}

impl<S, H, T> Inner<S, H, T> {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl<S: TokenStore, H, T: Timer> Inner<S, H, T> {
    /// Loads the login if none is in use, and returns whether it may be used as it is.
    pub(super) fn look(&self) -> Result<Look, Error> {
        let now = self.setting.timer.now();
        let mut state = self.lock();
        if state.pending.is_some() {
            return Ok(Look::Bad);
        }
        if state.current.is_none() {
            let stored = self
                .setting
                .store
                .load()?
                .ok_or_else(|| Error::new(ErrorKind::NotSignedIn))?;
            self.install(&mut state, stored.into_record(), None, None);
        }
        let Some(current) = &state.current else {
            return Ok(Look::Bad);
        };
        if current.record.mode() == AuthMode::PersonalAccessToken
            && current.identity.is_none()
            && self.setting.profile.whoami_endpoint.is_some()
        {
            return Ok(Look::Bad);
        }
        Ok(match current.freshness(now, &self.setting.profile) {
            Freshness::Fresh => Look::Good,
            _ if current.is_just_renewed(now) => Look::Good,
            Freshness::Due if now.steady() < state.pause_until => Look::Good,
            Freshness::Due => Look::Due,
            Freshness::Expired => Look::Bad,
        })
    }

    pub(super) fn is_expired(&self) -> bool {
        let now = self.setting.timer.now();
        let state = self.lock();
        state.current.as_ref().is_none_or(|current| {
            current.freshness(now, &self.setting.profile) == Freshness::Expired
        })
    }

    pub(super) fn put(&self, request: &mut Parts) -> Result<Lease, Error> {
        let state = self.lock();
        let current = state
            .current
            .as_ref()
            .ok_or_else(|| Error::new(ErrorKind::NotSignedIn))?;
        let profile = &self.setting.profile;
        let audience = if current.record.mode() == AuthMode::ApiKey {
            &profile.api_key_audience
        } else {
            &profile.audience
        };
        audience.check(request)?;
        current.headers.as_ref().map_err(Clone::clone)?.put(request);
        Ok(current.lease)
    }

    /// Returns the verdict on a rejection if it needs no further work.
    pub(super) fn verdict(&self, lease: Lease) -> Option<Verdict> {
        let now = self.setting.timer.now();
        let state = self.lock();
        match &state.current {
            None => Some(Verdict::GiveUp),
            Some(current) if current.lease != lease => Some(Verdict::Retry),
            // The token was renewed after a rejection, and the new one was rejected without ever
            // being accepted: the token is not the cause.
            Some(Current {
                renewed: Some((at, Reason::Rejected(_))),
                accepted: false,
                ..
            }) if now.steady().saturating_sub(at.steady()) < RECOVERY_WINDOW => {
                Some(Verdict::GiveUp)
            }
            Some(_) => None,
        }
    }

    /// Puts a record into use, as a new generation unless it is the same login with the same
    /// tokens.
    pub(super) fn install(
        &self,
        state: &mut State,
        record: Record,
        identity: Option<BearerToken>,
        renewed: Option<(Moment, Reason)>,
    ) {
        let headers = headers(&self.setting.profile, &record, identity.as_ref());
        let same = state.current.as_ref().is_some_and(|current| {
            match (current.record.tokens(), record.tokens()) {
                _ if current.identity != identity || current.record.mode() != record.mode() => {
                    false
                }
                (Some(one), Some(other)) => {
                    one.same_secrets(other) && one.account_id() == other.account_id()
                }
                _ => current.record == record,
            }
        });
        if let (true, Some(current)) = (same, &mut state.current) {
            current.record = record;
            current.headers = headers;
            return;
        }
        state.generations += 1;
        let lease = Lease::new(state.generations);
        state.current = Some(Current {
            lease,
            record,
            identity,
            headers,
            renewed,
            accepted: false,
        });
    }
}

impl Current {
    fn freshness(&self, now: Moment, profile: &OAuthProfile) -> Freshness {
        match (self.record.mode(), self.record.tokens()) {
            (AuthMode::ApiKey | AuthMode::PersonalAccessToken, _) | (_, None) => Freshness::Fresh,
            (_, Some(tokens)) => tokens.freshness(
                now.wall(),
                self.record.last_refresh(),
                profile.refresh_margin,
            ),
        }
    }

    /// Returns whether the login was renewed just now. A new token that is old by the local clock
    /// means that this clock or the authority's is wrong.
    pub(super) fn is_just_renewed(&self, now: Moment) -> bool {
        self.renewed
            .is_some_and(|(at, _)| now.steady().saturating_sub(at.steady()) < RECOVERY_WINDOW)
    }
}

fn headers(
    profile: &OAuthProfile,
    record: &Record,
    identity: Option<&BearerToken>,
) -> Result<Headers, Error> {
    let none = || Error::new(ErrorKind::NotSignedIn);
    match record.mode() {
        AuthMode::ApiKey => {
            let mut headers = Headers::new();
            headers.bearer(record.api_key().ok_or_else(none)?)?;
            Ok(headers)
        }
        AuthMode::PersonalAccessToken => {
            let lone = || {
                record
                    .personal_access_token()
                    .cloned()
                    .map(BearerToken::new)
            };
            identity.cloned().or_else(lone).ok_or_else(none)?.headers()
        }
        AuthMode::ChatGpt | AuthMode::ChatGptAuthTokens | AuthMode::Unlisted(_) => {
            let tokens = record.tokens().ok_or_else(none)?;
            if record.names_another_subject() {
                return Err(Error::new(ErrorKind::AccountChanged));
            }
            if profile
                .required_scope
                .as_deref()
                .is_some_and(|scope| !tokens.has_scope(scope))
            {
                return Err(Error::new(ErrorKind::PlanUseNotGranted));
            }
            let mut token =
                BearerToken::new(tokens.access_token().clone()).with_fedramp(tokens.is_fedramp());
            // Where installations are registered, the client id identifies the workspace, and no
            // header does.
            if profile.registration.is_none() {
                token.account_id = tokens.account_id().map(|(id, _)| id.into_boxed_str());
            }
            token.headers()
        }
        _ => Err(none().with_detail("unsupported kind of stored login")),
    }
}

/// The period after a renewal in which the age of the new token is not a reason to renew it again.
const RECOVERY_WINDOW: Duration = Duration::from_secs(60);
