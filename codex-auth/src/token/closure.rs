//! Credentials that the caller gets elsewhere: from a vault, a host application or another process.
//! The generation is a keyed hash of the token, so even a stateless source detects whether a
//! rejection concerns the token that it would return now.

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

/// The request for a token that the closure of a [`source_fn`] receives.
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
    /// Returns whether the server rejected the last token with status 401; then a cached token is
    /// not enough.
    #[must_use]
    pub fn is_after_rejection(self) -> bool {
        self.rejected.is_some()
    }

    /// Returns the rejected lease. Two requests with the same lease refer to the same token: renew
    /// it once.
    #[must_use]
    pub fn rejected(self) -> Option<Lease> {
        self.rejected
    }
}

/// Creates a source from a closure that is also called after rejections; see [`TokenRequest`].
///
/// The tokens go to any `https` host, or to those of [`only_for`](SourceFn::only_for).
///
/// The closure is called for every attempt. After a 401 it is called once more with the rejected
/// lease; the request is repeated if the closure then returns a different token.
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

/// The source that [`source_fn`] returns.
#[derive(Clone)]
pub struct SourceFn<F> {
    function: F,
    audience: Audience,
}

impl<F> SourceFn<F> {
    /// Restricts the tokens to these hosts.
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
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceFn")
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
