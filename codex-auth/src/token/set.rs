//! The tokens of a login, and when they are renewed. All arithmetic saturates: an expiry comes from
//! a server or a file and may have any value.

use core::fmt;
use core::time::Duration;
use std::time::SystemTime;

use crate::jwt::claims::Claims;
use crate::secret::Secret;

/// The tokens of one login.
///
/// ```
/// use codex_auth::{AccountIdOrigin, Secret, TokenSet};
///
/// let tokens = TokenSet::new(Secret::from("invented"))
///     .with_refresh_token(Secret::from("invented-too"))
///     .with_account_id("acct-1");
/// assert_eq!(tokens.account_id(), Some(("acct-1".to_owned(), AccountIdOrigin::Explicit)));
/// assert!(!format!("{tokens:?}").contains("invented"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct TokenSet {
    pub(crate) access_token: Secret,
    pub(crate) refresh_token: Option<Secret>,
    pub(crate) id_token: Option<Secret>,
    /// Claims that very old files contain instead of the ID token itself, as written.
    pub(crate) id_token_claims: Option<Box<str>>,
    pub(crate) account_id: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) expires_at: Option<SystemTime>,
    pub(crate) earliest_refresh_at: Option<SystemTime>,
}

impl TokenSet {
    /// Creates a set of an access token alone.
    #[must_use]
    pub fn new(access_token: Secret) -> Self {
        Self {
            access_token,
            refresh_token: None,
            id_token: None,
            id_token_claims: None,
            account_id: None,
            scope: None,
            expires_at: None,
            earliest_refresh_at: None,
        }
    }

    /// Sets the refresh token; a blank one is ignored.
    #[must_use]
    pub fn with_refresh_token(mut self, refresh_token: Secret) -> Self {
        self.refresh_token = Some(refresh_token).filter(|token| !token.is_blank());
        self
    }

    /// Sets the ID token; a blank one is ignored.
    #[must_use]
    pub fn with_id_token(mut self, id_token: Secret) -> Self {
        self.id_token = Some(id_token).filter(|token| !token.is_blank());
        self
    }

    /// Sets an explicit account id, which takes precedence over every claim.
    #[must_use]
    pub fn with_account_id(mut self, account_id: impl Into<String>) -> Self {
        self.account_id = Some(account_id.into()).filter(|id| !id.trim().is_empty());
        self
    }

    /// Sets the granted scopes, separated by spaces.
    #[must_use]
    pub fn with_scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// Sets the access token's expiry by this machine's clock.
    #[must_use]
    pub fn with_expires_at(mut self, expires_at: SystemTime) -> Self {
        self.expires_at = Some(expires_at);
        self
    }

    /// Sets the time before which the authority refuses a refresh.
    #[must_use]
    pub fn with_earliest_refresh_at(mut self, earliest: SystemTime) -> Self {
        self.earliest_refresh_at = Some(earliest);
        self
    }

    /// Returns the access token, which requests carry.
    #[must_use]
    pub fn access_token(&self) -> &Secret {
        &self.access_token
    }

    /// Returns the refresh token, if there is one. It can be redeemed once for the next access
    /// token.
    #[must_use]
    pub fn refresh_token(&self) -> Option<&Secret> {
        self.refresh_token.as_ref()
    }

    /// Returns the token that identifies the user, if there is one.
    #[must_use]
    pub fn id_token(&self) -> Option<&Secret> {
        self.id_token.as_ref()
    }

    /// Returns the granted scopes, if the authority reported them.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// Returns whether this scope was granted; false if the authority did not report it.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scope
            .as_deref()
            .is_some_and(|granted| granted.split_ascii_whitespace().any(|one| one == scope))
    }

    /// Returns the time before which the authority refuses a refresh, if the authority stated one.
    #[must_use]
    pub fn earliest_refresh_at(&self) -> Option<SystemTime> {
        self.earliest_refresh_at
    }

    /// Returns when the access token expires: the time computed when it was received, else its
    /// `exp` claim. `None` if neither is known.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at
            .or_else(|| self.access_claims()?.expires_at())
    }

    /// Returns the claims of the ID token, if there is one and it can be parsed. An invalid ID
    /// token never hides a usable access token.
    #[must_use]
    pub fn id_claims(&self) -> Option<Claims> {
        let from_token = self
            .id_token
            .as_ref()
            .and_then(|token| Claims::from_jwt(token.expose()).ok());
        from_token.or_else(|| Claims::from_json(self.id_token_claims.as_ref()?.as_bytes()).ok())
    }

    /// Returns the claims of the access token, if it is a JWT.
    #[must_use]
    pub fn access_claims(&self) -> Option<Claims> {
        Claims::from_jwt(self.access_token.expose()).ok()
    }

    /// Returns the account of requests, and its origin: the explicit value, the ID token, the
    /// access token, or else the first of `organizations`, in that order.
    ///
    /// The last is a guess that is correct for some old tokens only.
    #[must_use]
    pub fn account_id(&self) -> Option<(String, AccountIdOrigin)> {
        if let Some(id) = &self.account_id {
            return Some((id.clone(), AccountIdOrigin::Explicit));
        }
        let (id_claims, access_claims) = (self.id_claims(), self.access_claims());
        let claimed = |claims: &Option<Claims>| {
            claims
                .as_ref()
                .and_then(|claims| claims.account_id().map(str::to_owned))
        };
        let organization = |claims: &Option<Claims>| {
            claims
                .as_ref()
                .and_then(|claims| claims.organizations().first().cloned())
        };
        let id_token = claimed(&id_claims).map(|id| (id, AccountIdOrigin::IdToken));
        let access_token = || claimed(&access_claims).map(|id| (id, AccountIdOrigin::AccessToken));
        let organization = || {
            organization(&id_claims)
                .or_else(|| organization(&access_claims))
                .map(|id| (id, AccountIdOrigin::Organization))
        };
        id_token.or_else(access_token).or_else(organization)
    }

    /// Returns whether the account is in the FedRAMP environment.
    #[must_use]
    pub fn is_fedramp(&self) -> bool {
        [self.id_claims(), self.access_claims()]
            .into_iter()
            .flatten()
            .any(|claims| claims.is_fedramp())
    }

    /// Returns whether both sets contain the same secrets.
    pub(crate) fn same_secrets(&self, other: &Self) -> bool {
        self.access_token == other.access_token
            && self.refresh_token == other.refresh_token
            && self.id_token == other.id_token
    }

    /// Sets when the access token expires, from a lifetime that starts now. Without a lifetime, it
    /// is computed from `exp` and `iat` if they can be parsed: that cancels the difference between
    /// the authority's clock and this one.
    pub(crate) fn received(mut self, now: SystemTime, expires_in: Option<Duration>) -> Self {
        let lifetime = expires_in
            .or_else(|| self.access_claims()?.lifetime())
            .map(|lifetime| lifetime.min(LONGEST_LIFETIME));
        self.expires_at = lifetime.and_then(|lifetime| now.checked_add(lifetime));
        self
    }

    /// Decides whether the tokens are renewed now.
    pub(crate) fn freshness(
        &self,
        now: SystemTime,
        last_refresh: Option<SystemTime>,
        margin: Duration,
    ) -> Freshness {
        if self.access_token.is_blank() {
            return Freshness::Expired;
        }
        let claims = self.access_claims();
        let expires_at = self.expires_at.or_else(|| claims.as_ref()?.expires_at());
        let Some(expires_at) = expires_at else {
            // An opaque token without a stated lifetime: the official client renews it after eight
            // days.
            let age = last_refresh.and_then(|last| now.duration_since(last).ok());
            return if age.is_some_and(|age| age > OPAQUE_LIFETIME) {
                Freshness::Due
            } else {
                Freshness::Fresh
            };
        };
        let margin = claims
            .and_then(|claims| claims.lifetime())
            .map_or(margin, |lifetime| margin.min(lifetime / 5));
        match expires_at.duration_since(now) {
            Ok(left) if left > margin => Freshness::Fresh,
            Ok(left) if !left.is_zero() => Freshness::Due,
            _ => Freshness::Expired,
        }
    }
}

impl fmt::Debug for TokenSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSet")
            .field("refresh_token", &self.refresh_token.is_some())
            .field("id_token", &self.id_token.is_some())
            .field("account_id", &self.account_id)
            .field("scope", &self.scope)
            .field("expires_at", &self.expires_at)
            .field("earliest_refresh_at", &self.earliest_refresh_at)
            .finish_non_exhaustive()
    }
}

/// The origin of an account id.
///
/// ```
/// use codex_auth::{AccountIdOrigin, Secret, TokenSet};
///
/// assert_eq!(TokenSet::new(Secret::from("opaque")).account_id(), None);
/// assert_ne!(AccountIdOrigin::IdToken, AccountIdOrigin::Organization);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AccountIdOrigin {
    /// The caller or the store provided it.
    Explicit,
    /// A claim of the ID token.
    IdToken,
    /// A claim of the access token.
    AccessToken,
    /// The first of the token's `organizations`.
    Organization,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Usable.
    Fresh,
    /// Usable, but renewal is due.
    Due,
    /// Not usable.
    Expired,
}

const OPAQUE_LIFETIME: Duration = Duration::from_secs(8 * 24 * 60 * 60);
const LONGEST_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
