// A place for a login and the authority it comes from, and everything about it that needs no browser.

use core::time::Duration;

use codex_auth::{
    BrowserSignIn, DeviceFlow, Error, OAuthProfile, OAuthSource, OAuthSourceBuilder, Prompt,
    Record, Registration, Revoked, SendRequest as _, SignIn, SignedOut, StoreLock, Stored,
    Timer as _, TokenStore, drive, sign_out, store_sign_in,
};
use codex_transport::HttpTransport;

use super::adapter::{TransportSender, TransportTimer};

/// One place for a login, and the authority it comes from. See the [module](super) for an example.
///
/// Two of them may use one place, in one process or in several: the store's lock and its compare-and-swap keep them apart.
#[derive(Clone, Debug)]
pub struct Login<S> {
    pub(super) profile: OAuthProfile,
    pub(super) store: S,
    pub(super) http: TransportSender,
    pub(super) timer: TransportTimer,
}

impl<S: TokenStore> Login<S> {
    /// A login of this profile's authority, kept in this store, over this transport.
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

    /// Takes the endpoints from the authority's discovery document: where the profile does not know where to revoke.
    ///
    /// # Errors
    ///
    /// [`InvalidResponse`](codex_auth::ErrorKind::InvalidResponse) if the document is none, or is not of this issuer;
    /// [`Custom`](codex_auth::ErrorKind::Custom), with the transport's error as its source, if there is none to be had.
    pub async fn discover(mut self) -> Result<Self, Error> {
        let request = self.profile.discovery_request()?;
        let answer = self.http.send(request).await.map_err(Error::custom)?;
        self.profile = self.profile.with_discovery(answer.body())?;
        Ok(self)
    }

    /// The authority.
    #[must_use]
    pub fn profile(&self) -> &OAuthProfile {
        &self.profile
    }

    /// The place.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Signs in with a browser on any device: `show` gets an address and a code to enter there, once. Waits up to fifteen minutes.
    ///
    /// # Errors
    ///
    /// What ended it; above all [`DeviceLoginDisabled`](codex_auth::ErrorKind::DeviceLoginDisabled),
    /// [`Denied`](codex_auth::ErrorKind::Denied) and [`TimedOut`](codex_auth::ErrorKind::TimedOut). A store that cannot be read or written
    /// is reported before anybody is asked for anything. The stored login, if there is one, is then as it was.
    pub async fn with_device_code(
        &self,
        show: impl FnMut(&Prompt) + Send,
    ) -> Result<SignedIn, Error> {
        self.writable()?;
        let flow = DeviceFlow::new(&self.profile)?;
        let sign_in = drive(flow, &self.http, &self.timer, show, |_| Ok(())).await?;
        self.keep(sign_in).await
    }

    /// The beginning of a browser sign-in whose redirect comes to this port. An installation that was registered before stays the same one.
    ///
    /// # Errors
    ///
    /// What is wrong with the store.
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

    /// Revokes the stored login's tokens, and removes them from the store whatever the authority says.
    ///
    /// # Errors
    ///
    /// Only what the store does wrong.
    pub async fn sign_out(&self) -> Result<SignedOut, Error> {
        sign_out(&self.profile, &self.store, &self.http, &self.timer).await
    }

    /// What is stored, if the store can be written.
    pub(super) fn writable(&self) -> Result<Option<Record>, Error> {
        if self.store.is_read_only() {
            return Err(Error::store("the store is read-only"));
        }
        Ok(self.stored()?.map(Stored::into_record))
    }

    /// What is stored. A damaged record is not in the way of a new one: the store keeps a copy of it.
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

    /// Stores a client id issued a moment ago beside whatever is stored.
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
        Err(Error::store("the store is locked by another process"))
    }
}

impl<S: TokenStore + Clone + 'static> Login<S> {
    /// The stored login as a credential source: renewed when it must be, once, and stored again.
    ///
    /// Within a tokio runtime a renewal once begun is run to its end even if the request it was for is dropped.
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

/// A sign-in that is stored.
#[derive(Clone, Debug)]
pub struct SignedIn {
    sign_in: SignIn,
    replaced: Revoked,
}

impl SignedIn {
    /// What was gained.
    #[must_use]
    pub fn sign_in(&self) -> &SignIn {
        &self.sign_in
    }

    /// What became of the tokens that were stored before.
    #[must_use]
    pub fn replaced(&self) -> &Revoked {
        &self.replaced
    }
}

const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// Forty seconds: longer than another process may take with a renewal.
const LOCK_ATTEMPTS: u32 = 2000;
