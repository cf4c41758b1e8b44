//! The source of credentials of one login, shared by many requests and with other processes. Its
//! rules are in `decide`; here they are applied to the store, the lock, the authority and the
//! clock. Three invariants hold at every await: the login in use is or was the stored one; a
//! refresh token is sent only under the lock, after its mark is durable; and new tokens are stored
//! before any caller sees them.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::time::Duration;
use std::sync::{Arc, Mutex};

use http::request::Parts;
use http::{HeaderMap, StatusCode, Uri};

use crate::error::{Error, ErrorKind};
use crate::moment::Timer;
use crate::oauth::decide::{Reason, UnknownOutcome};
use crate::oauth::flight::Flight;
use crate::oauth::profile::OAuthProfile;
use crate::oauth::renew;
use crate::oauth::send::SendRequest;
use crate::oauth::state::{Inner, Look, Setting, Spawner, State};
use crate::store::record::Record;
use crate::store::token_store::TokenStore;
use crate::token::audience::Audience;
use crate::token::source::{CredentialSource, Lease, Verdict};

/// The credential source of a signed-in user: a login in a store that is renewed when necessary,
/// once for each expiry.
///
/// * Before a request, tokens about to expire are renewed. If that fails, they are used until they
///   expire.
/// * After a 401, the store is re-read. If it has not been renewed there, the login is renewed,
///   once for each generation, however many requests were rejected. If the very next generation is
///   rejected as well, the source gives up.
/// * Only one refresh runs at a time: tasks of the process share it, and the store's lock excludes
///   other processes. A refresh token is sent once. A lost response is an error of its own kind, in
///   this and in every other process ([`UnknownOutcome`]).
/// * New tokens are stored before they are used. If storing fails, they are kept, and storing them
///   is retried before any other operation.
/// * Another account in the store is an error, never a silent change.
///
/// The store is read and written within [`poll`](Future::poll); for a file, this takes a few
/// milliseconds. Dropped callers do not stop a refresh: the next caller continues it. Provide a
/// [spawner](OAuthSourceBuilder::with_spawner) if a program may drop its only caller and not call
/// again for long, because a refresh that is not polled keeps the store locked.
///
/// ```
/// use bytes::Bytes;
/// use codex_auth::{
///     CredentialSource, MemoryStore, OAuthProfile, OAuthSource, Record, Secret, ThreadTimer,
///     TokenSet, TokenStore,
/// };
///
/// # fn block_on<T>(future: impl Future<Output = T>) -> T {
/// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #     let mut future = std::pin::pin!(future);
/// #     loop { if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) { return value } }
/// # }
/// let long_ago = std::time::SystemTime::UNIX_EPOCH;
/// let tokens = TokenSet::new(Secret::from("access-1"))
///     .with_refresh_token(Secret::from("refresh-1"))
///     .with_expires_at(long_ago);
/// let store = MemoryStore::new();
/// store.save(&Record::of_tokens(tokens, long_ago), None)?;
///
/// // Any HTTP client works; this one returns a fixed response.
/// let http = async |request: http::Request<Bytes>| {
///     assert_eq!(request.uri(), "https://auth.openai.com/oauth/token");
///     Ok(http::Response::new(Bytes::from_static(br#"{"access_token":"access-2","refresh_token":"refresh-2"}"#)))
/// };
///
/// let source = OAuthSource::builder(
///     OAuthProfile::codex(),
///     store.clone(),
///     http,
///     ThreadTimer::new(),
/// )
/// .build()?;
/// let (mut head, ()) = http::Request::get("https://chatgpt.com/backend-api/codex/models")
///     .body(())?
///     .into_parts();
/// block_on(source.apply(&mut head))?;
/// assert_eq!(head.headers["authorization"], "Bearer access-2");
///
/// let stored = store.load()?.unwrap().into_record();
/// assert_eq!(stored.tokens().unwrap().refresh_token().unwrap().expose(), "refresh-2");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct OAuthSource<S, H, T> {
    handle: Arc<Handle<S, H, T>>,
}

impl<S, H, T> OAuthSource<S, H, T>
where
    S: TokenStore + 'static,
    H: SendRequest + 'static,
    T: Timer + 'static,
{
    /// Returns a builder of a source for the login in this store, renewed at this profile's
    /// authority through this HTTP client.
    pub fn builder(
        profile: OAuthProfile,
        store: S,
        http: H,
        timer: T,
    ) -> OAuthSourceBuilder<S, H, T> {
        OAuthSourceBuilder {
            setting: Setting {
                profile,
                store,
                http,
                timer,
                unknown_outcome: UnknownOutcome::default(),
                refresh_time_limit: REFRESH_TIME_LIMIT,
                max_lock_wait: MAX_LOCK_WAIT,
            },
            spawner: None,
        }
    }

    /// Returns the record in use, if one has been loaded, for example to show who is signed in.
    #[must_use]
    pub fn record(&self) -> Option<Record> {
        self.inner()
            .lock()
            .current
            .as_ref()
            .map(|current| current.record.clone())
    }

    /// Forgets the login in use: the next request loads the stored login, even one of another
    /// account. Call this after a sign-in.
    ///
    /// ```
    /// # use codex_auth::{MemoryStore, OAuthProfile, OAuthSource, SendFailure, ThreadTimer};
    /// # let http = async |_: http::Request<bytes::Bytes>| Err(SendFailure::not_sent("offline"));
    /// let source = OAuthSource::builder(
    ///     OAuthProfile::codex(),
    ///     MemoryStore::new(),
    ///     http,
    ///     ThreadTimer::new(),
    /// )
    /// .build()?;
    /// source.reload();
    /// assert!(source.record().is_none());
    /// # Ok::<(), codex_auth::Error>(())
    /// ```
    pub fn reload(&self) {
        let mut state = self.inner().lock();
        // Generations continue counting: a late rejection of the old login must not be mistaken for
        // one of the new.
        *state = State {
            generations: state.generations,
            flight: state.flight.take(),
            ..State::default()
        };
    }

    fn inner(&self) -> &Arc<Inner<S, H, T>> {
        &self.handle.inner
    }

    /// Joins the refresh in progress, or starts one. Returns the reason for which it was started.
    fn flight(&self, reason: Reason) -> (Flight<Result<(), Error>>, Reason) {
        let inner = self.inner();
        let mut state = inner.lock();
        if let Some((reason, flight)) = state
            .flight
            .as_ref()
            .filter(|(_, flight)| !flight.is_done())
        {
            return (flight.clone(), *reason);
        }
        let future = renew::run(Arc::clone(inner), reason);
        let lost = Error::new(ErrorKind::Custom).with_detail("refresh panicked");
        let flight = Flight::new(Box::pin(future), Err(lost));
        state.flight = Some((reason, flight.clone()));
        drop(state);
        if let Some(spawner) = &inner.spawner {
            let joined = flight.join();
            spawner(Box::pin(async move { drop(joined.await) }));
        }
        (flight, reason)
    }

    async fn renew(&self, reason: Reason) -> Result<(), Error> {
        let (flight, _) = self.flight(reason);
        flight.join().await
    }
}

impl<S, H, T> CredentialSource for OAuthSource<S, H, T>
where
    S: TokenStore + 'static,
    H: SendRequest + 'static,
    T: Timer + 'static,
{
    async fn apply(&self, request: &mut Parts) -> Result<Lease, Error> {
        match self.inner().look()? {
            Look::Good => {}
            Look::Bad => self.renew(Reason::Due).await?,
            Look::Due => {
                let renewed = self.renew(Reason::Due).await;
                // Tokens that are still valid are used if their renewal fails, unless another login
                // has replaced them.
                if let Err(error) = renewed
                    && (matches!(
                        error.kind(),
                        ErrorKind::AccountChanged
                            | ErrorKind::NotSignedIn
                            | ErrorKind::NotPersisted
                    ) || self.inner().is_expired())
                {
                    return Err(error);
                }
            }
        }
        self.inner().put(request)
    }

    async fn rejected(&self, lease: Lease) -> Result<Verdict, Error> {
        for _ in 0..2 {
            if let Some(verdict) = self.inner().verdict(lease) {
                return Ok(verdict);
            }
            let (flight, reason) = self.flight(Reason::Rejected(lease));
            let result = flight.join().await;
            if self.inner().verdict(lease) == Some(Verdict::Retry) {
                return Ok(Verdict::Retry);
            }
            if reason == Reason::Rejected(lease) {
                return result.map(|()| Verdict::GiveUp);
            }
            // The joined refresh had another reason and did not handle this rejection.
        }
        Ok(Verdict::GiveUp)
    }

    fn observe(&self, lease: Lease, _target: &Uri, status: StatusCode, _headers: &HeaderMap) {
        if status == StatusCode::UNAUTHORIZED || status.is_server_error() {
            return;
        }
        let mut state = self.inner().lock();
        if let Some(current) = state
            .current
            .as_mut()
            .filter(|current| current.lease == lease)
        {
            current.accepted = true;
        }
    }
}

impl<S, H, T> Clone for OAuthSource<S, H, T> {
    fn clone(&self) -> Self {
        Self {
            handle: Arc::clone(&self.handle),
        }
    }
}

impl<S, H, T> fmt::Debug for OAuthSource<S, H, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthSource")
            .field("issuer", &self.handle.inner.setting.profile.issuer)
            .finish_non_exhaustive()
    }
}

/// A builder of an [`OAuthSource`].
pub struct OAuthSourceBuilder<S, H, T> {
    setting: Setting<S, H, T>,
    spawner: Option<Spawner>,
}

impl<S, H, T> OAuthSourceBuilder<S, H, T> {
    /// Sets an executor that runs every refresh to completion, even if all callers are dropped:
    /// `|future| { tokio::spawn(future); }`.
    #[must_use]
    pub fn with_spawner(
        mut self,
        spawner: impl Fn(Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync + 'static,
    ) -> Self {
        self.spawner = Some(Box::new(spawner));
        self
    }

    /// Sets what to do after the response to a refresh was lost; by default, the token is not
    /// resent.
    #[must_use]
    pub fn with_unknown_outcome(mut self, unknown_outcome: UnknownOutcome) -> Self {
        self.setting.unknown_outcome = unknown_outcome;
        self
    }

    /// Sets the timeout for the authority's response to a refresh, 30 seconds by default. After
    /// that the response counts as lost.
    #[must_use]
    pub fn with_refresh_time_limit(mut self, time_limit: Duration) -> Self {
        self.setting.refresh_time_limit = time_limit;
        self
    }

    /// Sets the maximum wait for another process that renews or commits, 40 seconds by default:
    /// longer than one refresh may take.
    #[must_use]
    pub fn with_max_lock_wait(mut self, max_wait: Duration) -> Self {
        self.setting.max_lock_wait = max_wait;
        self
    }

    /// Restricts the credentials to these hosts, instead of those of the profile.
    #[must_use]
    pub fn with_audience(mut self, audience: Audience) -> Self {
        self.setting.profile.api_key_audience = audience.clone();
        self.setting.profile.audience = audience;
        self
    }

    /// Builds the source. Nothing is read before the first request.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidConfiguration`] if the profile is not valid.
    pub fn build(self) -> Result<OAuthSource<S, H, T>, Error> {
        self.setting.profile.validate()?;
        let inner = Inner {
            setting: self.setting,
            spawner: self.spawner,
            state: Mutex::default(),
        };
        Ok(OAuthSource {
            handle: Arc::new(Handle {
                inner: Arc::new(inner),
            }),
        })
    }
}

impl<S, H, T> fmt::Debug for OAuthSourceBuilder<S, H, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthSourceBuilder").finish_non_exhaustive()
    }
}

/// The handle that users hold. A refresh holds `Inner` only, so dropping the last handle also drops
/// a refresh that is not polled, and its lock.
struct Handle<S, H, T> {
    inner: Arc<Inner<S, H, T>>,
}

impl<S, H, T> Drop for Handle<S, H, T> {
    fn drop(&mut self) {
        let flight = self.inner.lock().flight.take();
        if let Some((_, flight)) = flight {
            flight.abandon();
        }
    }
}

const REFRESH_TIME_LIMIT: Duration = Duration::from_secs(30);
const MAX_LOCK_WAIT: Duration = Duration::from_secs(40);
