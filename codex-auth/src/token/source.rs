//! The interface between the owner of credentials and the sender of requests. It only uses the
//! headers of requests, so it serves HTTP and WebSocket handshakes alike. Rejections are reported
//! by generation, so that a hundred rejected requests cause one refresh and not a hundred.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, StatusCode, Uri};

use crate::error::Error;

/// A source of credentials, which the client calls before every attempt of every request.
///
/// A client calls [`apply`](Self::apply) on each attempt (never once for all retries),
/// [`observe`](Self::observe) when the response headers arrive, and on status 401
/// [`rejected`](Self::rejected) with the lease of that very attempt. It repeats the request only on
/// [`Verdict::Retry`], at most twice, and only before any part of the response was used.
///
/// This crate implements it for [API keys](crate::ApiKey), [fixed bearer
/// tokens](crate::StaticToken), [no credentials](crate::Anonymous), [the
/// environment](crate::Environment), closures (see below), and logins in a store
/// ([`OAuthSource`](crate::OAuthSource)). To keep any of them in a struct, wrap it in
/// [`SharedCredentialSource`].
///
/// A closure without arguments that returns a future of a [`BearerToken`](crate::BearerToken) is a
/// source. It is called every time, so it should be cheap when nothing has changed. For a source
/// that is called after rejections too, use [`source_fn`](crate::source_fn).
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
    /// The target must be absolute: a source rejects hosts for which its credential is not meant.
    ///
    /// # Errors
    ///
    /// Returns [`NotSignedIn`](crate::ErrorKind::NotSignedIn),
    /// [`ForbiddenTarget`](crate::ErrorKind::ForbiddenTarget), or the error that prevented the
    /// source from getting a credential. The request's headers are then unchanged.
    fn apply(&self, request: &mut Parts) -> impl Future<Output = Result<Lease, Error>> + Send;

    /// Handles a 401 response to a request with this generation. Returns whether another attempt
    /// makes sense.
    ///
    /// If the generation is no longer in use, it has been replaced: returns [`Verdict::Retry`]
    /// without any work. The default implementation returns [`Verdict::GiveUp`].
    ///
    /// # Errors
    ///
    /// Returns the reason why no better credential is available, which helps more than the 401.
    fn rejected(&self, lease: Lease) -> impl Future<Output = Result<Verdict, Error>> + Send {
        let _ = lease;
        core::future::ready(Ok(Verdict::GiveUp))
    }

    /// Handles the headers of every response: a source may record that a generation was accepted,
    /// or state that the server rotates.
    ///
    /// The default implementation does nothing. Must be quick, since it delays the response.
    fn observe(&self, lease: Lease, target: &Uri, status: StatusCode, headers: &HeaderMap) {
        let _ = (lease, target, status, headers);
    }
}

/// The generation of the credential that a request carried.
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
    /// Creates a lease of a generation. A source numbers its generations freely, as long as
    /// different credentials get different numbers.
    #[must_use]
    pub const fn new(generation: u64) -> Self {
        Self { generation }
    }

    /// Returns the generation's number, which only the source that returned it can interpret.
    #[must_use]
    pub const fn generation(self) -> u64 {
        self.generation
    }
}

/// The next step after a rejected request.
///
/// ```
/// assert_ne!(codex_auth::Verdict::Retry, codex_auth::Verdict::GiveUp);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// Another generation is available: apply it and repeat the request.
    Retry,
    /// No better credential is available: the 401 is the result.
    GiveUp,
}

/// A type-erased [`CredentialSource`]. Cloning shares the source.
///
/// ```
/// use codex_auth::{Anonymous, ApiKey, SharedCredentialSource, Secret};
///
/// struct Client { credentials: SharedCredentialSource }
///
/// let signed_in = Client {
///     credentials: SharedCredentialSource::new(ApiKey::new(Secret::from("sk-invented"))?),
/// };
/// let not = Client { credentials: SharedCredentialSource::new(Anonymous::new()) };
/// # let _ = (signed_in.credentials, not.credentials);
/// # Ok::<(), codex_auth::Error>(())
/// ```
#[derive(Clone)]
pub struct SharedCredentialSource {
    erased: Arc<dyn Erased>,
}

impl SharedCredentialSource {
    /// Wraps a source and erases its type.
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
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedCredentialSource")
            .finish_non_exhaustive()
    }
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// A dyn-compatible form of the trait.
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
