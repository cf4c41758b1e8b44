// The broker: one login, many requests, other processes. Its rules are in `decide`; here they meet the store, the lock, the authority and
// the clock. Three things hold at every await: what is in use is what is stored or was; a refresh token is sent only under the lock and
// only after a mark of it is durable; and what an authority gave is stored before anybody sees it.

mod decide;
mod flight;
mod renew;

use core::{fmt, future::Future, pin::Pin, time::Duration};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, StatusCode, Uri, request::Parts};

pub use self::decide::UnknownOutcome;
use self::{
    decide::Reason,
    flight::Flight,
    renew::{Pending, Setting},
};
use crate::{
    audience::Audience,
    error::{Error, ErrorKind},
    fixed::{BearerToken, Headers},
    moment::{Moment, Timer},
    profile::OAuthProfile,
    record::{AuthMode, Record},
    send::SendRequest,
    source::{CredentialSource, Lease, Verdict},
    store::TokenStore,
    tokens::{Freshness, TokenSet},
};

/// A login kept in a store, renewed when it must be and never twice: the [`CredentialSource`] of a signed-in user.
///
/// * Before a request, tokens about to expire are renewed. If that fails, they are used as long as they last.
/// * After a 401, the store is re-read; if nobody has renewed the login, it is renewed, once for each generation, however many requests were
///   rejected; if the very next generation is rejected as well, that is the end.
/// * One refresh is under way at a time: within the process by sharing it, between processes by the store's lock. A refresh token is sent
///   once. If the answer is lost, that is an error that says so, here and in every other process ([`UnknownOutcome`]).
/// * New tokens are stored before they are used. If that fails, they are kept, and storing them is tried before anything else.
/// * Another account in the store is an error, never a silent change.
///
/// The store is read and written within [`poll`](Future::poll); a file takes a millisecond or a few. Dropped callers do not stop a refresh:
/// the next caller drives it on. Give it a [spawner](OAuthSourceBuilder::with_spawner) if a program may drop its only caller and not call
/// again for long, because a refresh that nobody drives keeps the store locked.
///
/// ```
/// use bytes::Bytes;
/// use codex_auth::{CredentialSource, MemoryStore, OAuthProfile, OAuthSource, Record, Secret, ThreadTimer, TokenSet, TokenStore};
///
/// # fn block_on<T>(future: impl Future<Output = T>) -> T {
/// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #     let mut future = std::pin::pin!(future);
/// #     loop { if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) { return value } }
/// # }
/// let long_ago = std::time::SystemTime::UNIX_EPOCH;
/// let tokens = TokenSet::new(Secret::from("access-1")).with_refresh_token(Secret::from("refresh-1")).with_expires_at(long_ago);
/// let store = MemoryStore::new();
/// store.save(&Record::of_tokens(tokens, long_ago), None)?;
///
/// // Any HTTP client will do; this one knows the answer by heart.
/// let http = async |request: http::Request<Bytes>| {
///     assert_eq!(request.uri(), "https://auth.openai.com/oauth/token");
///     Ok(http::Response::new(Bytes::from_static(br#"{"access_token":"access-2","refresh_token":"refresh-2"}"#)))
/// };
///
/// let source = OAuthSource::builder(OAuthProfile::codex(), store.clone(), http, ThreadTimer::new()).build()?;
/// let (mut head, ()) = http::Request::get("https://chatgpt.com/backend-api/codex/models").body(())?.into_parts();
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
    /// A source of the login in this store, renewed at this profile's authority through this HTTP client.
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
                lock_patience: LOCK_PATIENCE,
            },
            spawner: None,
        }
    }

    /// The record in use, if one has been loaded: for showing who is signed in.
    #[must_use]
    pub fn record(&self) -> Option<Record> {
        self.inner()
            .lock()
            .current
            .as_ref()
            .map(|current| current.record.clone())
    }

    /// Forgets the login in use: the next request takes what is stored then, another account's login included. For after a sign-in.
    ///
    /// ```
    /// # use codex_auth::{MemoryStore, OAuthProfile, OAuthSource, SendFailure, ThreadTimer};
    /// # let http = async |_: http::Request<bytes::Bytes>| Err(SendFailure::not_sent("offline"));
    /// let source = OAuthSource::builder(OAuthProfile::codex(), MemoryStore::new(), http, ThreadTimer::new()).build()?;
    /// source.reload();
    /// assert!(source.record().is_none());
    /// # Ok::<(), codex_auth::Error>(())
    /// ```
    pub fn reload(&self) {
        let mut state = self.inner().lock();
        // Generations go on counting: a late rejection of the old login must not be taken for one of the new.
        *state = State {
            generations: state.generations,
            flight: state.flight.take(),
            ..State::default()
        };
    }

    fn inner(&self) -> &Arc<Inner<S, H, T>> {
        &self.handle.inner
    }

    /// Joins the refresh under way, or begins one; says for what reason it was begun.
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
        let lost = Error::new(ErrorKind::Custom).with_detail("the refresh panicked");
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
                // Tokens that still last are used while renewing them fails, unless somebody has put another login in their place.
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
            // What was joined had another reason, and did not look at this rejection.
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
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("OAuthSource")
            .field("issuer", &self.handle.inner.setting.profile.issuer)
            .finish_non_exhaustive()
    }
}

/// What an [`OAuthSource`] is made of.
pub struct OAuthSourceBuilder<S, H, T> {
    setting: Setting<S, H, T>,
    spawner: Option<Spawner>,
}

impl<S, H, T> OAuthSourceBuilder<S, H, T> {
    /// Runs every refresh to its end on an executor, whoever is dropped meanwhile: `|future| { tokio::spawn(future); }`.
    #[must_use]
    pub fn with_spawner(
        mut self,
        spawner: impl Fn(Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync + 'static,
    ) -> Self {
        self.spawner = Some(Box::new(spawner));
        self
    }

    /// What to do after an answer to a refresh was lost; by default, nothing more.
    #[must_use]
    pub fn with_unknown_outcome(mut self, unknown_outcome: UnknownOutcome) -> Self {
        self.setting.unknown_outcome = unknown_outcome;
        self
    }

    /// How long the authority may take to answer a refresh, 30 seconds by default. After that the answer counts as lost.
    #[must_use]
    pub fn with_refresh_time_limit(mut self, time_limit: Duration) -> Self {
        self.setting.refresh_time_limit = time_limit;
        self
    }

    /// How long to wait for another process that renews or commits, 40 seconds by default: longer than one refresh may take.
    #[must_use]
    pub fn with_lock_patience(mut self, patience: Duration) -> Self {
        self.setting.lock_patience = patience;
        self
    }

    /// Lets the credentials go to these hosts, instead of those of the profile.
    #[must_use]
    pub fn with_audience(mut self, audience: Audience) -> Self {
        self.setting.profile.api_key_audience = audience.clone();
        self.setting.profile.audience = audience;
        self
    }

    /// The source. Nothing is read before the first request.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfiguration`] if the profile is not valid.
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
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("OAuthSourceBuilder")
            .finish_non_exhaustive()
    }
}

type Spawner = Box<dyn Fn(Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync>;

/// What users hold. A refresh holds `Inner` only, so the last user to go can take a refresh that nobody drives with it, and its lock.
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

struct Inner<S, H, T> {
    setting: Setting<S, H, T>,
    spawner: Option<Spawner>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: Option<Current>,
    flight: Option<(Reason, Flight<Result<(), Error>>)>,
    /// Tokens that were refused for good, and how.
    refused: Option<(TokenSet, Error)>,
    /// Tokens whose renewal brought a success without tokens, and its error: they are not sent again before `pause_until`.
    held: Option<(TokenSet, Error)>,
    /// Tokens that were renewed and could not be stored.
    pending: Option<Pending>,
    /// Until this moment of the steady clock tokens that still last are not renewed: it failed a moment ago.
    pause_until: Duration,
    failures: u32,
    generations: u64,
}

/// A login in use.
struct Current {
    lease: Lease,
    record: Record,
    /// Whose a personal access token is.
    identity: Option<BearerToken>,
    headers: Result<Headers, Error>,
    /// When it was renewed here, and whether a rejection was the reason.
    renewed: Option<(Moment, Reason)>,
    accepted: bool,
}

enum Look {
    Good,
    /// Good, and to be renewed.
    Due,
    /// Not to be used as it is.
    Bad,
}

impl<S, H, T> Inner<S, H, T> {
    // Every change of the state is complete before anything can panic, so a poisoned lock is no reason to stop.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: TokenStore, H, T: Timer> Inner<S, H, T> {
    /// Loads the login if there is none in use, and says what is to be done before it is used.
    fn look(&self) -> Result<Look, Error> {
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

    fn is_expired(&self) -> bool {
        let now = self.setting.timer.now();
        let state = self.lock();
        state.current.as_ref().is_none_or(|current| {
            current.freshness(now, &self.setting.profile) == Freshness::Expired
        })
    }

    fn put(&self, request: &mut Parts) -> Result<Lease, Error> {
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

    /// What is known about a rejection without doing anything.
    fn verdict(&self, lease: Lease) -> Option<Verdict> {
        let now = self.setting.timer.now();
        let state = self.lock();
        match &state.current {
            None => Some(Verdict::GiveUp),
            Some(current) if current.lease != lease => Some(Verdict::Retry),
            // Renewed because of a rejection, and rejected again without ever having been accepted: it is not the token.
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

    /// Puts a record into use, as a new generation unless it is the same login with the same tokens.
    fn install(
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

    /// A token that is old by our clock the moment it is made says that our clock is wrong, or the authority's.
    fn is_just_renewed(&self, now: Moment) -> bool {
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
            // Where installations are registered, the client id names the workspace, and no header does.
            if profile.registration.is_none() {
                token.account_id = tokens.account_id().map(|(id, _)| id.into_boxed_str());
            }
            token.headers()
        }
        _ => Err(none().with_detail("the stored login is of a kind this crate does not use")),
    }
}

const REFRESH_TIME_LIMIT: Duration = Duration::from_secs(30);
const LOCK_PATIENCE: Duration = Duration::from_secs(40);
/// How long a renewed token gets the benefit of the doubt.
const RECOVERY_WINDOW: Duration = Duration::from_secs(60);
