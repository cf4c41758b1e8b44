// The seam between the owner of credentials and the sender of requests. It reads only the headers of requests, so it serves HTTP and
// WebSocket handshakes alike, and answers are told back by generation, so that a hundred rejected requests cause one refresh and not a hundred.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, StatusCode, Uri};

use crate::error::Error;

/// Where credentials come from: asked before every attempt of every request.
///
/// A client calls [`apply`](Self::apply) on each attempt (never once for all retries), [`observe`](Self::observe) when the answer's head
/// arrives, and on status 401 [`rejected`](Self::rejected) with the lease of that very attempt. It repeats the request only on
/// [`Verdict::Retry`], at most twice, and only before anything of the answer was used.
///
/// Implementations are in this crate for [API keys](crate::ApiKey), [fixed bearer tokens](crate::StaticToken), [nothing](crate::Anonymous),
/// [the environment](crate::Environment), closures (see below), and logins kept in a store ([`OAuthSource`](crate::OAuthSource)). To keep
/// any of them in a struct, wrap it in [`SharedCredentialSource`].
///
/// A closure without arguments that returns a future of a [`BearerToken`](crate::BearerToken) is a source; it is asked every time, so it
/// should be cheap when nothing has changed. For a source that is called after rejections too, use [`source_fn`](crate::source_fn).
///
/// ```
/// use codex_auth::{BearerToken, CredentialSource, Secret};
///
/// # fn block_on<T>(future: impl Future<Output = T>) -> T {
/// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #     let mut future = std::pin::pin!(future);
/// #     loop { if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) { return value } }
/// # }
/// let source = async || Ok(BearerToken::new(Secret::from("invented")).with_account_id("acct-1"));
///
/// let request = http::Request::post("https://chatgpt.com/backend-api/codex/responses");
/// let (mut head, ()) = request.body(())?.into_parts();
/// block_on(source.apply(&mut head))?;
/// assert_eq!(head.headers["authorization"], "Bearer invented");
/// assert_eq!(head.headers["chatgpt-account-id"], "acct-1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait CredentialSource: Send + Sync {
    /// Adds the credential's headers to a request and returns the generation of the credential.
    ///
    /// The target must be absolute: a source refuses hosts that its credential is not meant for.
    ///
    /// # Errors
    ///
    /// [`NotSignedIn`](crate::ErrorKind::NotSignedIn), [`ForbiddenTarget`](crate::ErrorKind::ForbiddenTarget), and whatever getting a
    /// credential may meet. The request's headers are unchanged then.
    fn apply(&self, request: &mut Parts) -> impl Future<Output = Result<Lease, Error>> + Send;

    /// Called when the server responded with 401 to a request with this generation. Returns whether another attempt makes sense.
    ///
    /// A generation that is no longer in use was replaced meanwhile: [`Verdict::Retry`], without any work. By default [`Verdict::GiveUp`].
    ///
    /// # Errors
    ///
    /// Why no better credential is available, which is more useful than the 401.
    fn rejected(&self, lease: Lease) -> impl Future<Output = Result<Verdict, Error>> + Send {
        let _ = lease;
        core::future::ready(Ok(Verdict::GiveUp))
    }

    /// Called with the headers of every response: a source may record that a generation was accepted, or state that the server rotates.
    /// By default nothing happens. Must be quick; it is called inside the request's path.
    fn observe(&self, lease: Lease, target: &Uri, status: StatusCode, headers: &HeaderMap) {
        let _ = (lease, target, status, headers);
    }
}

/// Which generation of a credential a request carried.
///
/// ```
/// use codex_auth::Lease;
///
/// assert_eq!(Lease::new(7).generation(), 7);
/// assert_ne!(Lease::new(7), Lease::new(8));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    generation: u64,
}

impl Lease {
    /// A lease of a generation; a source numbers its own as it likes, as long as different credentials get different numbers.
    #[must_use]
    pub const fn new(generation: u64) -> Self {
        Self { generation }
    }

    /// The generation's number, meaningful to the source that gave it.
    #[must_use]
    pub const fn generation(self) -> u64 {
        self.generation
    }
}

/// What to do about a rejected request.
///
/// ```
/// assert_ne!(codex_auth::Verdict::Retry, codex_auth::Verdict::GiveUp);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// Another generation is there: apply again and repeat the request.
    Retry,
    /// Nothing better can be had: the 401 is the result.
    GiveUp,
}

/// Any credential source behind one type without parameters. Cloning shares the source.
///
/// ```
/// use codex_auth::{Anonymous, ApiKey, SharedCredentialSource, Secret};
///
/// struct Client { credentials: SharedCredentialSource }
///
/// let signed_in = Client { credentials: SharedCredentialSource::new(ApiKey::new(Secret::from("sk-invented"))?) };
/// let not = Client { credentials: SharedCredentialSource::new(Anonymous::new()) };
/// # let _ = (signed_in.credentials, not.credentials);
/// # Ok::<(), codex_auth::Error>(())
/// ```
#[derive(Clone)]
pub struct SharedCredentialSource {
    erased: Arc<dyn Erased>,
}

impl SharedCredentialSource {
    /// Takes a source in.
    pub fn new(source: impl CredentialSource + 'static) -> Self {
        Self {
            erased: Arc::new(source),
        }
    }
}

impl CredentialSource for SharedCredentialSource {
    async fn apply(&self, request: &mut Parts) -> Result<Lease, Error> {
        self.erased.apply(request).await
    }

    async fn rejected(&self, lease: Lease) -> Result<Verdict, Error> {
        self.erased.rejected(lease).await
    }

    fn observe(&self, lease: Lease, target: &Uri, status: StatusCode, headers: &HeaderMap) {
        self.erased.observe(lease, target, status, headers);
    }
}

impl fmt::Debug for SharedCredentialSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SharedCredentialSource")
            .finish_non_exhaustive()
    }
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// The same trait, made fit for `dyn`.
trait Erased: Send + Sync {
    fn apply<'a>(&'a self, request: &'a mut Parts) -> Boxed<'a, Lease>;
    fn rejected(&self, lease: Lease) -> Boxed<'_, Verdict>;
    fn observe(&self, lease: Lease, target: &Uri, status: StatusCode, headers: &HeaderMap);
}

impl<S: CredentialSource> Erased for S {
    fn apply<'a>(&'a self, request: &'a mut Parts) -> Boxed<'a, Lease> {
        Box::pin(CredentialSource::apply(self, request))
    }

    fn rejected(&self, lease: Lease) -> Boxed<'_, Verdict> {
        Box::pin(CredentialSource::rejected(self, lease))
    }

    fn observe(&self, lease: Lease, target: &Uri, status: StatusCode, headers: &HeaderMap) {
        CredentialSource::observe(self, lease, target, status, headers);
    }
}
