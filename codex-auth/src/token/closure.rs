// Credentials the caller gets from somewhere else: a vault, a host application, another process. The generation is a keyed hash of the
// token, so a source without memory still knows whether a rejection concerns the token it would give today.

use core::fmt;
use core::future::Future;
use core::hash::{BuildHasher as _, Hash as _, Hasher as _};
use std::hash::RandomState;
use std::sync::OnceLock;

use http::request::Parts;

use crate::error::Error;
use crate::token::audience::Audience;
use crate::token::fixed::BearerToken;
use crate::token::source::{CredentialSource, Lease, Verdict};

impl<F, Fut> CredentialSource for F
where
    F: Fn() -> Fut + Send + Sync,
    Fut: Future<Output = Result<BearerToken, Error>> + Send,
{
    async fn apply(&self, request: &mut Parts) -> Result<Lease, Error> {
        Audience::any_https().check(request)?;
        put(request, &self().await?)
    }

    async fn rejected(&self, lease: Lease) -> Result<Verdict, Error> {
        Ok(verdict(lease, &self().await?))
    }
}

/// Why a [`source_fn`] is asked for a token.
///
/// ```
/// use codex_auth::{BearerToken, Secret, source_fn};
///
/// let source = source_fn(async |request| {
///     let token = if request.is_after_rejection() { "renewed" } else { "cached" };
///     Ok(BearerToken::new(Secret::from(token)))
/// });
/// # let _ = codex_auth::SharedCredentialSource::new(source);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenRequest {
    rejected: Option<Lease>,
}

impl TokenRequest {
    /// Whether the server refused the token given last with status 401; a token from a cache will not do then.
    #[must_use]
    pub fn is_after_rejection(self) -> bool {
        self.rejected.is_some()
    }

    /// The lease that was refused. Two requests with the same lease speak of the same token: renew it once.
    #[must_use]
    pub fn rejected(self) -> Option<Lease> {
        self.rejected
    }
}

/// A source from a closure that is called after rejections too; see [`TokenRequest`]. The tokens go to any `https` host, or to those of
/// [`only_for`](SourceFn::only_for).
///
/// The closure is asked for every attempt. After a 401 it is asked once more with the rejected lease; the request is repeated if the token
/// it gives then is another one.
pub fn source_fn<F, Fut>(function: F) -> SourceFn<F>
where
    F: Fn(TokenRequest) -> Fut + Send + Sync,
    Fut: Future<Output = Result<BearerToken, Error>> + Send,
{
    SourceFn {
        function,
        audience: Audience::any_https(),
    }
}

/// What [`source_fn`] makes.
#[derive(Clone)]
pub struct SourceFn<F> {
    function: F,
    audience: Audience,
}

impl<F> SourceFn<F> {
    /// Lets the tokens go to these hosts only.
    ///
    /// ```
    /// use codex_auth::{Audience, BearerToken, Secret, source_fn};
    ///
    /// let source = source_fn(async |_| Ok(BearerToken::new(Secret::from("invented"))))
    ///     .only_for(Audience::hosts(["chatgpt.com"]));
    /// # let _ = source;
    /// ```
    #[must_use]
    pub fn only_for(mut self, audience: Audience) -> Self {
        self.audience = audience;
        self
    }
}

impl<F, Fut> CredentialSource for SourceFn<F>
where
    F: Fn(TokenRequest) -> Fut + Send + Sync,
    Fut: Future<Output = Result<BearerToken, Error>> + Send,
{
    async fn apply(&self, request: &mut Parts) -> Result<Lease, Error> {
        self.audience.check(request)?;
        put(
            request,
            &(self.function)(TokenRequest { rejected: None }).await?,
        )
    }

    async fn rejected(&self, lease: Lease) -> Result<Verdict, Error> {
        Ok(verdict(
            lease,
            &(self.function)(TokenRequest {
                rejected: Some(lease),
            })
            .await?,
        ))
    }
}

impl<F> fmt::Debug for SourceFn<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SourceFn")
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

fn put(request: &mut Parts, token: &BearerToken) -> Result<Lease, Error> {
    token.headers()?.put(request);
    Ok(lease_of(token))
}

fn verdict(rejected: Lease, token: &BearerToken) -> Verdict {
    if lease_of(token) == rejected {
        Verdict::GiveUp
    } else {
        Verdict::Retry
    }
}

// Keyed per process, so that the number in a log reveals nothing about the token.
fn lease_of(token: &BearerToken) -> Lease {
    static KEY: OnceLock<RandomState> = OnceLock::new();
    let mut hasher = KEY.get_or_init(RandomState::new).build_hasher();
    token.access_token.expose().hash(&mut hasher);
    token.account_id.hash(&mut hasher);
    Lease::new(hasher.finish())
}
