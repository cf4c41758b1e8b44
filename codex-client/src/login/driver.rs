//! A login with its store and its authority, and every operation that needs no browser.

use core::time::Duration;

use codex_auth::{
    BrowserSignIn, DeviceFlow, Error, OAuthProfile, OAuthSource, OAuthSourceBuilder, Prompt,
    Record, Registration, Revoked, SendRequest as _, SignIn, SignedOut, StoreLock, Stored,
    Timer as _, TokenStore, drive, sign_out, store_sign_in,
};
use codex_transport::HttpTransport;

use super::adapter::{TransportSender, TransportTimer};

/// A login, with its store and its authority. See the [module](super) for an example.
///
/// Two values may use the same store, in one process or in several: the lock and the
/// compare-and-swap of the store coordinate them.
#[derive(Clone, Debug)]
pub struct Login<S> {
    pub(super) profile: OAuthProfile,
    pub(super) store: S,
    pub(super) http: TransportSender,
    pub(super) timer: TransportTimer,
}

impl<S: TokenStore> Login<S> {
    /// Creates a login with this authority's profile, this store and this transport.
    pub fn new(
        profile: OAuthProfile,
        store: S,
        transport: impl HttpTransport + 'static,
        timer: impl codex_transport::Timer + 'static,
    ) -> Self {
        Self {
            profile,
            store,
            http: TransportSender::new(transport),
            timer: TransportTimer::new(timer),
        }
    }

    /// Replaces the endpoints with those of the authority's discovery document.
    ///
    /// This is needed if the profile has no revocation endpoint.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidResponse`](codex_auth::ErrorKind::InvalidResponse) if the document is
    /// malformed or belongs to another issuer; [`Custom`](codex_auth::ErrorKind::Custom), with the
    /// transport's error as its source, if it cannot be fetched.
    pub async fn discover(mut self) -> Result<Self, Error> {
        let request = self.profile.discovery_request()?;
        let answer = self.http.send(request).await.map_err(Error::custom)?;
        self.profile = self.profile.with_discovery(answer.body())?;
        Ok(self)
    }

    /// Returns the profile of the authority.
    #[must_use]
    pub fn profile(&self) -> &OAuthProfile {
        &self.profile
    }

    /// Returns the store of the login.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Signs in with a browser on any device: `show` receives, once, an address and a code to enter
    /// there.
    ///
    /// Waits up to fifteen minutes.
    ///
    /// # Errors
    ///
    /// Returns the error that ended the sign-in, most often
    /// [`DeviceLoginDisabled`](codex_auth::ErrorKind::DeviceLoginDisabled),
    /// [`Denied`](codex_auth::ErrorKind::Denied) or [`TimedOut`](codex_auth::ErrorKind::TimedOut).
    /// A store that cannot be read or written is reported before the user is prompted. An error
    /// leaves a stored login unchanged.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the sign-in. A stored login stays, unless the new one has
    /// already replaced it.
    pub async fn with_device_code(
        &self,
        show: impl FnMut(&Prompt) + Send,
    ) -> Result<SignedIn, Error> {
        self.writable()?;
        let flow = DeviceFlow::new(&self.profile)?;
        let sign_in = drive(flow, &self.http, &self.timer, show, |_| Ok(())).await?;
        self.keep(sign_in).await
    }

    /// Begins a browser sign-in whose redirect goes to this port.
    ///
    /// An installation that is already registered keeps its registration.
    ///
    /// # Errors
    ///
    /// Returns the errors of the store.
    pub fn browser_sign_in(&self, port: u16) -> Result<BrowserSignIn, Error> {
        let attempt = BrowserSignIn::new(self.profile.clone(), port);
        let record = self.writable()?;
        Ok(match record.as_ref().and_then(Record::registration) {
            Some(registration) if self.profile.registration.is_some() => {
                attempt.returning(registration.clone())
            }
            _ => attempt,
        })
    }

    /// Revokes the stored login's tokens, and removes them from the store whatever the authority
    /// responds.
    ///
    /// # Errors
    ///
    /// Returns the errors of the store. A failure to revoke is part of the `Ok` value.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the tokens may be revoked and still be stored: call this method
    /// again.
    pub async fn sign_out(&self) -> Result<SignedOut, Error> {
        sign_out(&self.profile, &self.store, &self.http, &self.timer).await
    }

    /// Returns the stored record, after checking that the store can be written.
    pub(super) fn writable(&self) -> Result<Option<Record>, Error> {
        if self.store.is_read_only() {
            return Err(Error::store("store is read-only"));
        }
        Ok(self.stored()?.map(Stored::into_record))
    }

    /// Returns the stored record. A damaged record does not prevent a new one: the store keeps a
    /// copy of it.
    fn stored(&self) -> Result<Option<Stored>, Error> {
        match self.store.load() {
            Err(error) if error.is_damaged_record() => Ok(None),
            stored => stored,
        }
    }

    pub(super) async fn keep(&self, sign_in: SignIn) -> Result<SignedIn, Error> {
        let replaced = store_sign_in(
            &self.profile,
            &self.store,
            &self.http,
            &self.timer,
            &sign_in,
        )
        .await?;
        Ok(SignedIn { sign_in, replaced })
    }

    /// Stores a newly issued client id next to the stored login.
    pub(super) async fn register(&self, registration: &Registration) -> Result<(), Error> {
        let _lock = self.lock().await?;
        let stored = self.stored()?;
        let (record, revision) = match &stored {
            Some(stored) => (stored.record().clone(), Some(stored.revision())),
            None => (Record::default(), None),
        };
        let record = record.with_registration(registration.clone());
        self.store.save(&record, revision).map(drop)
    }

    async fn lock(&self) -> Result<StoreLock, Error> {
        for _ in 0..LOCK_ATTEMPTS {
            if let Some(lock) = self.store.try_lock()? {
                return Ok(lock);
            }
            self.timer.sleep(LOCK_PAUSE).await;
        }
        Err(Error::store("store is locked by another process"))
    }
}

impl<S: TokenStore + Clone + 'static> Login<S> {
    /// Creates a credential source from the stored login.
    ///
    /// The source renews the login when necessary, once, and stores the result.
    ///
    /// Within a tokio runtime, a renewal that has begun runs to its end even if the request that
    /// needed it is dropped.
    #[must_use]
    pub fn credentials(&self) -> OAuthSourceBuilder<S, TransportSender, TransportTimer> {
        let builder = OAuthSource::builder(
            self.profile.clone(),
            self.store.clone(),
            self.http.clone(),
            self.timer.clone(),
        );
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => builder.with_spawner(move |renewal| drop(runtime.spawn(renewal))),
            Err(_) => builder,
        }
    }
}

/// The result of a sign-in that was stored.
#[derive(Clone, Debug)]
pub struct SignedIn {
    sign_in: SignIn,
    replaced: Revoked,
}

impl SignedIn {
    /// Returns the result of the sign-in.
    #[must_use]
    pub fn sign_in(&self) -> &SignIn {
        &self.sign_in
    }

    /// Returns whether the tokens that were stored before have been revoked.
    #[must_use]
    pub fn replaced(&self) -> &Revoked {
        &self.replaced
    }
}

const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// Forty seconds: longer than another process may take for a renewal.
const LOCK_ATTEMPTS: u32 = 2000;
