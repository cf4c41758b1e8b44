//! One refresh from start to end.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};

use crate::error::{Error, ErrorKind};
use crate::flow::sign_in::lost;
use crate::moment::Timer;
use crate::oauth::calls::{Refresh, RefreshReason, WhoAmI};
use crate::oauth::decide::{Decision, Reason, Situation, decide};
use crate::oauth::send::{SendFailure, SendRequest};
use crate::oauth::state::{Inner, Pending, Setting};
use crate::store::record::{AuthMode, Record};
use crate::store::session::{busy, while_busy, within};
use crate::store::token_store::{Revision, StoreLock, Stored, TokenStore};
use crate::token::fixed::BearerToken;
use crate::token::set::TokenSet;

/// Renews the login, adopts a renewal of another process, or fails.
pub(super) async fn run<S: TokenStore, H: SendRequest, T: Timer>(
    inner: Arc<Inner<S, H, T>>,
    reason: Reason,
) -> Result<(), Error> {
    let pending = inner.lock().pending.clone();
    if let Some(pending) = pending {
        let _lock = inner.acquire().await?;
        return inner.finish(pending).await;
    }
    let started = inner.setting.timer.now();
    loop {
        // Reading needs no lock, and is usually enough: one process renews, and the others read the
        // result.
        let stored = inner.setting.store.load()?;
        if inner.settle(reason, false, stored.as_ref())?.is_none() {
            return inner.identify().await;
        }
        if let Some(lock) = inner.setting.store.try_lock()? {
            return inner.renew_locked(reason, lock).await;
        }
        inner.wait_for_lock(started.steady()).await?;
    }
}

impl<S: TokenStore, H: SendRequest, T: Timer> Inner<S, H, T> {
    /// Handles every case that needs no refresh; otherwise returns the record to refresh.
    fn settle<'a>(
        &self,
        reason: Reason,
        locked: bool,
        stored: Option<&'a Stored>,
    ) -> Result<Option<&'a Stored>, Error> {
        let now = self.setting.timer.now();
        let mut state = self.lock();
        if let Reason::Rejected(lease) = reason
            && state
                .current
                .as_ref()
                .is_some_and(|current| current.lease != lease)
        {
            // The token was replaced after the rejection; its replacement was not rejected.
            return Ok(None);
        }
        let decision = decide(&Situation {
            reason,
            now: now.wall(),
            margin: self.setting.profile.refresh_margin,
            current: state.current.as_ref().map(|current| &current.record),
            stored: stored.map(Stored::record),
            read_only: self.setting.store.is_read_only(),
            locked,
            refused: state
                .refused
                .as_ref()
                .map(|(tokens, error)| (tokens, error)),
            held: state
                .held
                .as_ref()
                .filter(|_| now.steady() < state.pause_until)
                .map(|(tokens, error)| (tokens, error)),
            unknown_outcome: self.setting.unknown_outcome,
            just_renewed: state
                .current
                .as_ref()
                .is_some_and(|current| current.is_just_renewed(now)),
        });
        match (decision, stored) {
            (Decision::Refresh, stored) => Ok(stored),
            (Decision::Adopt, Some(stored)) => {
                self.install(&mut state, stored.record().clone(), None, None);
                state.refused = None;
                Ok(None)
            }
            (Decision::Fail(error), _) => Err(error),
            (Decision::Keep | Decision::Adopt, _) => Ok(None),
        }
    }

    async fn renew_locked(&self, reason: Reason, _lock: StoreLock) -> Result<(), Error> {
        for _ in 0..MOST_CONFLICTS {
            // Only a read under the lock counts: the previous holder may have renewed the login.
            let stored = self.setting.store.load()?;
            let Some(found) = self.settle(reason, true, stored.as_ref())? else {
                return self.identify().await;
            };
            let marked = found.record().clone().marked();
            match self.save(&marked, found.revision()).await {
                Ok(revision) => return self.redeem(reason, marked, revision).await,
                // Caused by a program that does not take the lock.
                Err(error) if error.kind() == ErrorKind::StoreConflict => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::new(ErrorKind::StoreConflict))
    }

    /// Sends the refresh token. From then on it counts as spent unless the authority reports
    /// otherwise.
    async fn redeem(
        &self,
        reason: Reason,
        marked: Record,
        revision: Revision,
    ) -> Result<(), Error> {
        let refresh = match self.refresh(reason, &marked) {
            Ok(refresh) => refresh,
            Err(error) => return Err(self.not_spent(&marked, &revision, error).await),
        };
        let (Some(old), Some(spent)) = (
            marked.tokens().cloned(),
            marked.tokens().and_then(TokenSet::refresh_token).cloned(),
        ) else {
            return Err(Error::new(ErrorKind::NotRefreshable));
        };
        match self.send(refresh.request()).await {
            Ok(response) => match refresh.read(self.setting.timer.now(), &response) {
                Ok(tokens) => {
                    let pending = Pending {
                        record: marked,
                        tokens,
                        spent,
                        revision,
                        reason,
                    };
                    self.finish(pending).await
                }
                Err(error)
                    if error.kind() == ErrorKind::Unavailable && response.status().is_success() =>
                {
                    // An authority that rotates a token sends the new one in the same response, so
                    // this token is still valid.
                    let error = self.not_spent(&marked, &revision, error).await;
                    self.lock().held = Some((old, error.clone()));
                    Err(error)
                }
                Err(error) if error.needs_sign_in() => {
                    self.refused(reason, old, &marked, &revision, error).await
                }
                Err(error) => Err(self.not_spent(&marked, &revision, error).await),
            },
            Err(failure) if failure.may_have_been_sent() => {
                if self.adopt_other(&old)? {
                    return Ok(());
                }
                Err(lost(failure))
            }
            Err(failure) => Err(self.not_spent(&marked, &revision, lost(failure)).await),
        }
    }

    fn refresh(&self, reason: Reason, record: &Record) -> Result<Refresh, Error> {
        let profile = &self.setting.profile;
        let tokens = record
            .tokens()
            .ok_or_else(|| Error::new(ErrorKind::NotSignedIn))?;
        let mut refresh = Refresh::new(profile, tokens)?;
        match (record.registration(), &profile.registration) {
            (Some(registration), _) => refresh = refresh.with_client_id(registration.client_id()),
            (None, Some(_)) => {
                return Err(Error::new(ErrorKind::NotSignedIn)
                    .with_detail("stored login has no registration"));
            }
            (None, None) => {}
        }
        if profile.refresh_reason {
            refresh = refresh.with_reason(match reason {
                Reason::Due => RefreshReason::Expiry,
                Reason::Rejected(_) => RefreshReason::Rejection,
            });
        }
        Ok(refresh)
    }

    /// Stores renewed tokens, then puts them into use. They are not checked before they are stored.
    async fn finish(&self, pending: Pending) -> Result<(), Error> {
        let Some((pending, record)) = self.persist(pending).await? else {
            return Ok(());
        };
        let vetted = self.vet(&pending, &record).await;
        let now = self.setting.timer.now();
        let mut state = self.lock();
        state.pause_until = Duration::ZERO;
        state.held = None;
        state.failures = 0;
        if let Err(error) = vetted {
            state.refused = Some((pending.tokens, error.clone()));
            return Err(error);
        }
        state.refused = None;
        self.install(&mut state, record, None, Some((now, pending.reason)));
        Ok(())
    }

    /// Stores renewed tokens. Returns `None` if the store now holds another login, which is then in
    /// use.
    async fn persist(&self, mut pending: Pending) -> Result<Option<(Pending, Record)>, Error> {
        for _ in 0..MOST_CONFLICTS {
            let now = self.setting.timer.now();
            let record = pending
                .record
                .clone()
                .renewed(pending.tokens.clone(), now.wall());
            let Err(error) = self.save(&record, &pending.revision).await else {
                self.lock().pending = None;
                return Ok(Some((pending, record)));
            };
            if error.kind() != ErrorKind::StoreConflict {
                return Err(self.keep_pending(pending, error));
            }
            let stored = match self.setting.store.load() {
                Ok(stored) => stored,
                Err(error) => return Err(self.keep_pending(pending, error)),
            };
            let Some(stored) = stored else {
                // The user has signed out meanwhile. The renewed tokens must not restore the login.
                self.lock().pending = None;
                return Err(Error::new(ErrorKind::NotSignedIn));
            };
            let same_login =
                stored.record().tokens().and_then(TokenSet::refresh_token) == Some(&pending.spent);
            if !same_login {
                // Another program signed in, or renewed without the lock: its login is newer, or
                // belongs to another account.
                self.lock().pending = None;
                return self.settle(Reason::Due, true, Some(&stored)).map(|_| None);
            }
            // Other members of the record changed; they are kept.
            pending.revision = stored.revision().clone();
            pending.record = stored.into_record();
        }
        let conflict = Error::new(ErrorKind::StoreConflict);
        Err(self.keep_pending(pending, conflict))
    }

    fn keep_pending(&self, pending: Pending, error: Error) -> Error {
        self.lock().pending = Some(pending);
        Error::new(ErrorKind::NotPersisted).with_source(error)
    }

    /// Checks whether renewed tokens belong to the same login. They are already stored, whatever
    /// this returns.
    async fn vet(&self, pending: &Pending, record: &Record) -> Result<(), Error> {
        if names_another_account(pending.record.tokens(), &pending.tokens)
            || record.names_another_subject()
        {
            return Err(Error::new(ErrorKind::AccountChanged));
        }
        #[cfg(feature = "verify")]
        if pending.tokens.id_token() != pending.record.tokens().and_then(TokenSet::id_token) {
            return self.verify(&pending.tokens, record).await;
        }
        Ok(())
    }

    /// Verifies a new ID token if the profile requires it. Without the keys a token cannot be
    /// verified, so an outage is not a failure.
    #[cfg(feature = "verify")]
    async fn verify(&self, tokens: &TokenSet, record: &Record) -> Result<(), Error> {
        use crate::jwt::verify::{IdTokenRules, KeySet, keys_request};
        let profile = &self.setting.profile;
        let (Some(id_token), Some(_)) = (tokens.id_token(), &profile.jwks_endpoint) else {
            return Ok(());
        };
        let registration = record.registration();
        let client_id = registration.map_or(profile.client_id.as_str(), |registration| {
            registration.client_id()
        });
        let rules = IdTokenRules::new(&profile.issuer, client_id);
        // The second attempt fetches the keys again: an intermediary may have cached the set before
        // the key was created.
        for last in [false, true] {
            let Ok(response) = self.send(keys_request(profile)?).await else {
                return Ok(());
            };
            let keys = Some(response).filter(|response| response.status().is_success());
            let Some(Ok(keys)) = keys.map(|response| KeySet::from_json(response.body())) else {
                return Ok(());
            };
            if last || keys.has_key_of(id_token) {
                return keys
                    .verify(id_token, &rules, self.setting.timer.now().wall())
                    .map(drop);
            }
        }
        Ok(())
    }

    /// Handles a permanent refusal. Another program with this login may have renewed it with the
    /// same token.
    async fn refused(
        &self,
        reason: Reason,
        old: TokenSet,
        marked: &Record,
        revision: &Revision,
        error: Error,
    ) -> Result<(), Error> {
        if self.adopt_other(&old)? {
            return Ok(());
        }
        // The other program may not have received its response yet, and commits after it. Tokens
        // that are still valid need no wait: the next request reads the store again.
        let used_elsewhere = matches!(
            error.kind(),
            ErrorKind::RefreshReused | ErrorKind::RefreshRefused
        );
        let unusable = matches!(reason, Reason::Rejected(_)) || self.is_expired();
        if used_elsewhere && unusable && self.await_other(&old).await? {
            return Ok(());
        }
        // Best effort: if the mark stays, the next holder of the lock does not resend the token
        // either.
        let _ = self.save(&marked.clone().unmarked(), revision).await;
        Err(self.remember(old, error))
    }

    /// Re-reads the store for a while, and returns whether other tokens of the same account
    /// appeared in it.
    async fn await_other(&self, old: &TokenSet) -> Result<bool, Error> {
        let timer = &self.setting.timer;
        let started = timer.now().steady();
        while timer.now().steady().saturating_sub(started) < LONGEST_ADOPTION {
            timer.sleep(ADOPTION_PAUSE).await;
            if self.adopt_other(old)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns whether the store now holds other tokens of the same account; they are then in use.
    fn adopt_other(&self, old: &TokenSet) -> Result<bool, Error> {
        let stored = self.setting.store.load()?;
        let other = stored
            .as_ref()
            .and_then(|stored| stored.record().tokens())
            .is_some_and(|tokens| !tokens.same_secrets(old));
        Ok(other && self.settle(Reason::Due, true, stored.as_ref())?.is_none())
    }

    fn remember(&self, tokens: TokenSet, error: Error) -> Error {
        self.lock().refused = Some((tokens, error.clone()));
        error
    }

    /// Handles a token that is still valid: removes the mark, and delays the next attempt.
    async fn not_spent(&self, marked: &Record, revision: &Revision, error: Error) -> Error {
        // Best effort: a mark that stays costs a new sign-in, but a token sent twice may cost more.
        let _ = self.save(&marked.clone().unmarked(), revision).await;
        let now = self.setting.timer.now();
        let mut state = self.lock();
        state.failures = (state.failures + 1).min(MOST_DOUBLINGS);
        let pause = FIRST_PAUSE * 2_u32.pow(state.failures - 1);
        let pause = error
            .retry_after()
            .map_or(pause, |asked| asked.clamp(pause, LONGEST_PAUSE));
        state.pause_until = now.steady().saturating_add(pause);
        error.with_retry_after(pause)
    }

    /// Looks up the account of a personal access token, once.
    async fn identify(&self) -> Result<(), Error> {
        let unknown = {
            let state = self.lock();
            let current = state
                .current
                .as_ref()
                .filter(|current| current.identity.is_none());
            let record = current.map(|current| current.record.clone());
            record.filter(|record| record.mode() == AuthMode::PersonalAccessToken)
        };
        let Some((record, token)) = unknown
            .and_then(|record| Some((record.clone(), record.personal_access_token()?.clone())))
        else {
            return Ok(());
        };
        if self.setting.profile.whoami_endpoint.is_none() {
            return Ok(());
        }
        let lookup = WhoAmI::new(&self.setting.profile, token)?;
        let response = self.send(lookup.request()?).await.map_err(|failure| {
            // The lookup can safely be repeated, so a lost response is only an outage.
            Error::new(ErrorKind::Unavailable).with_source(failure.into_source())
        })?;
        let identity: BearerToken = lookup.read(&response)?;
        let mut state = self.lock();
        self.install(&mut state, record, Some(identity), None);
        Ok(())
    }

    async fn acquire(&self) -> Result<StoreLock, Error> {
        let Setting { store, timer, .. } = &self.setting;
        while_busy(timer, self.setting.max_lock_wait, || {
            store.try_lock()?.ok_or_else(busy)
        })
        .await
    }

    /// Saves the record. Waits for another program's commit as long as for a renewal.
    async fn save(&self, record: &Record, expected: &Revision) -> Result<Revision, Error> {
        let Setting { store, timer, .. } = &self.setting;
        while_busy(timer, self.setting.max_lock_wait, || {
            store.save(record, Some(expected))
        })
        .await
    }

    async fn wait_for_lock(&self, since: Duration) -> Result<(), Error> {
        let waited = self.setting.timer.now().steady().saturating_sub(since);
        if waited >= self.setting.max_lock_wait {
            return Err(busy());
        }
        self.setting.timer.sleep(LOCK_PAUSE).await;
        Ok(())
    }

    /// Sends the request, with a timeout for the response.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, SendFailure> {
        let answer = within(
            &self.setting.timer,
            self.setting.refresh_time_limit,
            self.setting.http.send(request),
        )
        .await;
        answer.unwrap_or_else(|| {
            Err(SendFailure::maybe_sent(
                "timed out waiting for the authority",
            ))
        })
    }
}

fn names_another_account(old: Option<&TokenSet>, new: &TokenSet) -> bool {
    let claimed = |tokens: &TokenSet| {
        let claims = tokens
            .access_claims()
            .filter(|claims| claims.account_id().is_some())
            .or_else(|| tokens.id_claims());
        claims.and_then(|claims| claims.account_id().map(str::to_owned))
    };
    match (old.and_then(claimed), claimed(new)) {
        (Some(old), Some(new)) => old != new,
        _ => false,
    }
}

const MOST_CONFLICTS: usize = 4;
const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// The maximum wait for the commit of another program that redeemed a token first, after the
/// authority has refused it.
const LONGEST_ADOPTION: Duration = Duration::from_secs(10);
const ADOPTION_PAUSE: Duration = Duration::from_millis(100);
/// Pauses between failed attempts to renew tokens that are still valid.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MOST_DOUBLINGS: u32 = 6;
const LONGEST_PAUSE: Duration = Duration::from_secs(10 * 60);
