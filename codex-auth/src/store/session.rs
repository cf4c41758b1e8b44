//! Sign-in and sign-out. Both change tokens at the authority and in the store, and in both the
//! order matters: new tokens are stored before old ones are revoked, and local deletion never waits
//! for the authority's consent.

use core::future::Future;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::flow::sign_in::{SignIn, lost};
use crate::moment::Timer;
use crate::oauth::calls::Revoke;
use crate::oauth::profile::OAuthProfile;
use crate::oauth::send::SendRequest;
use crate::store::record::{AuthMode, Record};
use crate::store::token_store::{StoreLock, TokenStore};

/// Stores a sign-in in place of the stored login, and then revokes the tokens that it replaces, if
/// they differ.
///
/// Unknown members of the stored record stay. A damaged record is replaced, and a
/// [`FileStore`](crate::FileStore) keeps a copy of it next to the file. A store that cannot be read
/// is an error, and nothing is overwritten.
///
/// # Errors
///
/// Returns [`ErrorKind::Store`] or another error of the store; the sign-in is then not stored. A
/// failure to revoke is reported in the `Ok` value instead, because the new login is valid.
///
/// # Cancel safety
///
/// If the future is dropped, either the old login is still stored, or the new one is and the old
/// tokens may not be revoked.
///
/// # Examples
///
/// ```
/// use bytes::Bytes;
/// use codex_auth::{
///     DeviceFlow, MemoryStore, OAuthProfile, ThreadTimer, TokenStore, drive, store_sign_in,
/// };
///
/// # fn block_on<T>(future: impl Future<Output = T>) -> T {
/// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #     let mut future = std::pin::pin!(future);
/// #     loop { if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) { return value } }
/// # }
/// # let http = async |request: http::Request<Bytes>| {
/// #     Ok(http::Response::new(Bytes::from_static(match request.uri().path() {
/// #         "/api/accounts/deviceauth/usercode" => br#"{"device_auth_id":"d","user_code":"ABCD-12345","interval":"5"}"#,
/// #         "/api/accounts/deviceauth/token" => br#"{"authorization_code":"c","code_challenge":"h","code_verifier":"v"}"#,
/// #         _ => br#"{"id_token":"e30.e30.c2ln","access_token":"invented","refresh_token":"invented"}"#,
/// #     })))
/// # };
/// let (profile, store, timer) = (OAuthProfile::codex(), MemoryStore::new(), ThreadTimer::new());
/// let signed_in = block_on(drive(DeviceFlow::new(&profile)?, &http, &timer, |_| {}, |_| Ok(())))?;
/// block_on(store_sign_in(&profile, &store, &http, &timer, &signed_in))?;
/// assert!(store.load()?.is_some());
/// # Ok::<(), codex_auth::Error>(())
/// ```
pub async fn store_sign_in(
    profile: &OAuthProfile,
    store: &impl TokenStore,
    http: &impl SendRequest,
    timer: &impl Timer,
    sign_in: &SignIn,
) -> Result<Revoked, Error> {
    let lock = lock(store, timer).await?;
    let stored = match store.load() {
        Err(error) if error.is_damaged_record() => None,
        loaded => loaded?,
    };
    let (previous, revision) = match stored {
        Some(stored) => (
            Some(stored.record().clone()),
            Some(stored.revision().clone()),
        ),
        None => (None, None),
    };
    let record = previous
        .clone()
        .unwrap_or_default()
        .signed_in(sign_in, timer.now().wall());
    while_busy(timer, MAX_LOCK_WAIT, || {
        store.save(&record, revision.as_ref())
    })
    .await?;
    drop(lock);

    let superseded = previous.filter(|previous| match previous.tokens() {
        Some(old) => {
            old.refresh_token() != sign_in.tokens().refresh_token()
                || old.access_token() != sign_in.tokens().access_token()
        }
        None => false,
    });
    match superseded {
        Some(previous) => Ok(revoke(profile, http, timer, &previous).await),
        None => Ok(Revoked::NothingToRevoke),
    }
}

/// Revokes the stored login's tokens, and removes them from the store whatever the authority
/// responds.
///
/// A registration stays, so that the next sign-in uses the same client id.
///
/// # Errors
///
/// Returns the errors of the store. A failure to revoke is part of the `Ok` value.
///
/// # Cancel safety
///
/// If the future is dropped, the tokens may be revoked and still be stored: call this function
/// again.
///
/// # Examples
///
/// ```
/// use bytes::Bytes;
/// use codex_auth::{
///     MemoryStore, OAuthProfile, Record, Revoked, Secret, SendFailure, ThreadTimer, TokenSet,
///     TokenStore, sign_out,
/// };
///
/// # fn block_on<T>(future: impl Future<Output = T>) -> T {
/// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #     let mut future = std::pin::pin!(future);
/// #     loop { if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) { return value } }
/// # }
/// let store = MemoryStore::new();
/// let tokens =
///     TokenSet::new(Secret::from("access-1")).with_refresh_token(Secret::from("refresh-1"));
/// store.save(&Record::of_tokens(tokens, std::time::SystemTime::now()), None)?;
///
/// let broken = async |_: http::Request<Bytes>| {
///     Err(SendFailure::maybe_sent("the connection was reset"))
/// };
/// let outcome = block_on(sign_out(&OAuthProfile::codex(), &store, &broken, &ThreadTimer::new()))?;
/// assert!(outcome.removed() && matches!(outcome.revoked(), Revoked::NotConfirmed(_)));
/// assert!(store.load()?.is_none());
/// # Ok::<(), codex_auth::Error>(())
/// ```
pub async fn sign_out(
    profile: &OAuthProfile,
    store: &impl TokenStore,
    http: &impl SendRequest,
    timer: &impl Timer,
) -> Result<SignedOut, Error> {
    let _lock = lock(store, timer).await?;
    // A record that cannot be read cannot be revoked either, but it is still removed.
    let stored = store.load().ok().flatten();
    let revoked = match &stored {
        Some(stored) => revoke(profile, http, timer, stored.record()).await,
        None => Revoked::NothingToRevoke,
    };
    let removed = match stored {
        Some(stored) if stored.record().registration().is_some() => {
            let signed_out = stored.record().clone().signed_out();
            let save = || store.save(&signed_out, Some(stored.revision()));
            while_busy(timer, MAX_LOCK_WAIT, save).await?;
            stored.record().tokens().is_some()
        }
        _ => while_busy(timer, MAX_LOCK_WAIT, || store.clear()).await?,
    };
    Ok(SignedOut { removed, revoked })
}

/// The outcome of [`sign_out`].
#[derive(Debug, Clone)]
pub struct SignedOut {
    removed: bool,
    revoked: Revoked,
}

impl SignedOut {
    /// Returns whether there was a login to remove.
    #[must_use]
    pub fn removed(&self) -> bool {
        self.removed
    }

    /// Returns whether the tokens were revoked at the authority.
    #[must_use]
    pub fn revoked(&self) -> &Revoked {
        &self.revoked
    }
}

/// The outcome of revoking tokens at the authority.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Revoked {
    /// The authority confirmed the revocation.
    Confirmed,
    /// There were no tokens of a sign-in, or they are the new ones.
    NothingToRevoke,
    /// The tokens may still be valid. If the authority has a page of connected apps, the user can
    /// disconnect there.
    NotConfirmed(Error),
}

async fn revoke(
    profile: &OAuthProfile,
    http: &impl SendRequest,
    timer: &impl Timer,
    record: &Record,
) -> Revoked {
    // Tokens that another program supplied are not revoked here.
    let managed = record.mode() == AuthMode::ChatGpt;
    let Some(tokens) = record.tokens().filter(|_| managed) else {
        return Revoked::NothingToRevoke;
    };
    let mut call = match Revoke::new(profile, tokens) {
        Ok(call) => call,
        Err(error) => return Revoked::NotConfirmed(error),
    };
    if let Some(registration) = record.registration() {
        call = call.with_client_id(registration.client_id());
    }
    let mut last = Error::new(ErrorKind::Unavailable);
    for attempt in 0..REVOKE_ATTEMPTS {
        if attempt > 0 {
            timer.sleep(REVOKE_PAUSE).await;
        }
        last = match within(timer, REVOKE_TIME_LIMIT, http.send(call.request())).await {
            None => Error::new(ErrorKind::OutcomeUnknown)
                .with_detail("timed out waiting for the authority"),
            Some(Err(failure)) => lost(failure),
            Some(Ok(response)) => match call.read(&response) {
                Ok(()) => return Revoked::Confirmed,
                Err(error) => error,
            },
        };
        // Revoking twice is safe, but repeating a refused request is useless.
        if !matches!(last.kind(), ErrorKind::Unavailable | ErrorKind::NotSent) {
            break;
        }
    }
    Revoked::NotConfirmed(last)
}

async fn lock(store: &impl TokenStore, timer: &impl Timer) -> Result<StoreLock, Error> {
    while_busy(timer, MAX_LOCK_WAIT, || store.try_lock()?.ok_or_else(busy)).await
}

pub(crate) fn busy() -> Error {
    Error::new(ErrorKind::StoreBusy)
}

/// Repeats an action until it no longer finds the store locked or the limit has passed, without
/// blocking the thread.
pub(crate) async fn while_busy<T>(
    timer: &impl Timer,
    limit: Duration,
    mut action: impl FnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    let start = timer.now().steady();
    loop {
        match action() {
            Err(error) if error.kind() == ErrorKind::StoreBusy => {
                if timer.now().steady().saturating_sub(start) >= limit {
                    return Err(error);
                }
            }
            done => return done,
        }
        timer.sleep(LOCK_PAUSE).await;
    }
}

/// Returns the future's result, or `None` if it takes longer.
pub(crate) async fn within<F: Future>(
    timer: &impl Timer,
    limit: Duration,
    future: F,
) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut end = pin!(timer.sleep(limit));
    core::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => end.as_mut().poll(context).map(|()| None),
    })
    .await
}

const MAX_LOCK_WAIT: Duration = Duration::from_secs(40);
const LOCK_PAUSE: Duration = Duration::from_millis(20);
const REVOKE_TIME_LIMIT: Duration = Duration::from_secs(10);
const REVOKE_ATTEMPTS: usize = 3;
const REVOKE_PAUSE: Duration = Duration::from_secs(1);
