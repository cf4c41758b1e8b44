//! The error of this crate. It is `Clone` because the result of one refresh goes to every task that
//! waited for it, and because a permanent refusal is remembered and returned again. Texts are fixed
//! per kind: nothing from a server or a file is ever part of `Display` or `Debug`.

#[cfg(test)]
mod tests;

use core::error::Error as StdError;
use core::fmt;
use core::time::Duration;
use std::sync::Arc;
use std::time::SystemTime;

use http::StatusCode;

/// An error while signing in, storing credentials or applying them.
///
/// [`kind`](Self::kind) identifies the failure and [`side`](Self::side) who caused it;
/// [`is_retryable`](Self::is_retryable) and [`needs_sign_in`](Self::needs_sign_in) suggest the next
/// step. Neither `Display` nor `Debug` contains text from a server, a file or a user.
///
/// ```
/// use codex_auth::{ErrorKind, Secret, Side};
///
/// let error = codex_auth::ApiKey::new(Secret::from(" ")).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidCredential);
/// assert_eq!(error.side(), Side::Local);
/// assert_eq!(error.to_string(), "credential is empty or not a valid header value");
/// ```
#[derive(Clone)]
pub struct Error {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    detail: Option<&'static str>,
    is_damaged_record: bool,
    status: Option<StatusCode>,
    code: Option<Box<str>>,
    description: Option<Box<str>>,
    request_id: Option<Box<str>>,
    not_before: Option<SystemTime>,
    retry_after: Option<Duration>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Creates an error of a custom [`CredentialSource`](crate::CredentialSource). For stores, use
    /// [`store`](Self::store).
    ///
    /// ```
    /// use std::error::Error as _;
    /// use codex_auth::{Error, ErrorKind};
    ///
    /// let error = Error::custom("the vault is sealed");
    /// assert_eq!(error.kind(), ErrorKind::Custom);
    /// assert_eq!(error.to_string(), "credential source failed");
    /// assert_eq!(error.source().unwrap().to_string(), "the vault is sealed");
    /// ```
    #[must_use]
    pub fn custom(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Custom).with_source(source)
    }

    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// Returns the side that caused the error.
    #[must_use]
    pub fn side(&self) -> Side {
        self.inner.kind.side()
    }

    /// Returns whether the same call may succeed later without user action.
    ///
    /// Never true after a refresh whose outcome is unknown: sending a rotating token a second time
    /// can end the session.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.inner.kind,
            ErrorKind::NotSent
                | ErrorKind::Unavailable
                | ErrorKind::StoreBusy
                | ErrorKind::StoreConflict
                | ErrorKind::RefreshNotReady
                | ErrorKind::NotPersisted
        )
    }

    /// Returns whether the user must sign in again before the same call can succeed.
    #[must_use]
    pub fn needs_sign_in(&self) -> bool {
        matches!(
            self.inner.kind,
            ErrorKind::NotSignedIn
                | ErrorKind::AccountChanged
                | ErrorKind::RefreshExpired
                | ErrorKind::RefreshReused
                | ErrorKind::RefreshRevoked
                | ErrorKind::RefreshRefused
                | ErrorKind::CodeRefused
        )
    }

    /// Returns whether a store was read but its content is not a record.
    ///
    /// This means damage, as opposed to a store that cannot be read at all. A sign-in may replace
    /// such a record ([`store_sign_in`](crate::store_sign_in)).
    ///
    /// ```
    /// let error = codex_auth::Record::from_json(b"{\"auth_mode\":").unwrap_err();
    /// assert!(error.is_damaged_record());
    /// assert!(!codex_auth::Error::store("the disk is gone").is_damaged_record());
    /// ```
    #[must_use]
    pub fn is_damaged_record(&self) -> bool {
        self.inner.is_damaged_record
    }

    /// Returns the status of the response that caused this error; `None` if there was no response.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.inner.status
    }

    /// Returns the OAuth error code of the response (RFC 6749 section 5.2, or a code of the
    /// server), if any: at most 64 characters of `[A-Za-z0-9_.-]`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.inner.code.as_deref()
    }

    /// Returns the server's message for people, if any: at most 512 characters, without control
    /// characters and without the secrets of the request.
    ///
    /// The text is untrusted: escape it before it goes into a page. It is not part of `Display` or
    /// `Debug`.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.inner.description.as_deref()
    }

    /// Returns the server's request id, if the response had one: from `x-request-id`,
    /// `x-openai-request-id`, `x-oai-request-id` or `cf-ray`.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.inner.request_id.as_deref()
    }

    /// Returns the time before which the same call cannot succeed, if known
    /// ([`ErrorKind::RefreshNotReady`]).
    #[must_use]
    pub fn not_before(&self) -> Option<SystemTime> {
        self.inner.not_before
    }

    /// Returns the wait before the same call may succeed, if known: the one that the server
    /// requested (`Retry-After` in seconds), or the pause until the next refresh.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.inner.retry_after
    }
}

/// Crate-internal constructors: a kind first, then further details.
impl Error {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self {
            inner: Arc::new(Inner {
                kind,
                detail: None,
                is_damaged_record: false,
                status: None,
                code: None,
                description: None,
                request_id: None,
                not_before: None,
                retry_after: None,
                source: None,
            }),
        }
    }

    pub(crate) fn invalid_configuration(detail: &'static str) -> Self {
        Self::new(ErrorKind::InvalidConfiguration).with_detail(detail)
    }

    pub(crate) fn with_detail(self, detail: &'static str) -> Self {
        self.edit(|inner| inner.detail = Some(detail))
    }

    pub(crate) fn damaged_record(detail: &'static str) -> Self {
        Self::new(ErrorKind::Store)
            .with_detail(detail)
            .edit(|inner| inner.is_damaged_record = true)
    }

    pub(crate) fn with_source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let source = source.into();
        self.edit(|inner| inner.source = Some(Arc::from(source)))
    }

    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        self.edit(|inner| inner.status = Some(status))
    }

    pub(crate) fn with_code(self, code: Box<str>) -> Self {
        self.edit(|inner| inner.code = Some(code))
    }

    pub(crate) fn with_description(self, description: Box<str>) -> Self {
        self.edit(|inner| inner.description = Some(description))
    }

    pub(crate) fn with_request_id(self, request_id: Box<str>) -> Self {
        self.edit(|inner| inner.request_id = Some(request_id))
    }

    pub(crate) fn with_not_before(self, not_before: SystemTime) -> Self {
        self.edit(|inner| inner.not_before = Some(not_before))
    }

    pub(crate) fn with_retry_after(self, retry_after: Duration) -> Self {
        self.edit(|inner| inner.retry_after = Some(retry_after))
    }

    fn edit(mut self, edit: impl FnOnce(&mut Inner)) -> Self {
        edit(Arc::make_mut(&mut self.inner));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.inner.kind.message())?;
        if let Some(detail) = self.inner.detail {
            write!(f, ": {detail}")?;
        }
        if let Some(status) = self.inner.status {
            write!(f, " (status {})", status.as_u16())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.inner.kind);
        if let Some(detail) = self.inner.detail {
            debug.field("detail", &detail);
        }
        if let Some(status) = self.inner.status {
            debug.field("status", &status.as_u16());
        }
        if let Some(source) = &self.inner.source {
            debug.field("source", source);
        }
        debug.finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

/// The side that caused an [`Error`].
///
/// ```
/// assert_eq!(codex_auth::Error::custom("sealed").side(), codex_auth::Side::Local);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Side {
    /// The caller, the configuration, the stored credentials or this machine.
    Local,
    /// The authority responded, but not with what was requested.
    Remote,
    /// No readable response arrived.
    Network,
}

/// The kind of an [`Error`].
///
/// ```
/// use codex_auth::{Error, ErrorKind};
///
/// fn next_step(error: &Error) -> &'static str {
///     match error.kind() {
///         ErrorKind::RefreshReused => "another program used this login; sign in again",
///         ErrorKind::OutcomeUnknown => "the response was lost; sign in again",
///         _ if error.is_retryable() => "try later",
///         _ => "look at the message",
///     }
/// }
/// assert_eq!(next_step(&Error::custom("sealed")), "look at the message");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No credentials are stored.
    NotSignedIn,
    /// A credential is empty, or contains bytes that are not allowed in a header.
    InvalidCredential,
    /// The request goes to a host, or over a scheme, that must not receive this credential.
    ForbiddenTarget,
    /// A profile, an issuer or an option is inconsistent or violates its protocol.
    InvalidConfiguration,
    /// The text is not a JWT.
    MalformedToken,
    /// A store could not be read or written; the source has the reason.
    Store,
    /// Another process has held the store's lock for longer than the caller's maximum wait.
    StoreBusy,
    /// The stored credentials changed between reading and writing.
    StoreConflict,
    /// The stored credentials belong to another account than those in use.
    AccountChanged,
    /// The operating system did not provide random bytes.
    Random,
    /// The redirect's `state` is missing, duplicated or from another attempt. The attempt remains
    /// valid.
    StateMismatch,
    /// The redirect lacks a required parameter, or contains it twice.
    MalformedRedirect,
    /// The sign-in's time limit has passed.
    TimedOut,
    /// The workspace of the login is not on the list of allowed workspaces.
    WorkspaceNotAllowed,
    /// The access token has expired and the authority does not yet accept a refresh; see
    /// [`Error::not_before`].
    RefreshNotReady,
    /// The access token cannot be renewed here: there is no refresh token, or the store is
    /// read-only.
    NotRefreshable,
    /// The tokens were renewed, but storing them failed; they are kept in memory and stored before
    /// any other operation.
    NotPersisted,
    /// A custom credential source failed.
    Custom,
    /// The user, or the authority on the user's behalf, declined.
    Denied,
    /// The workspace has no access to Codex; its administrator can grant it.
    MissingEntitlement,
    /// The authority does not offer device login, at least not to this account.
    DeviceLoginDisabled,
    /// The refresh token has expired.
    RefreshExpired,
    /// Another holder of the same login has already used the refresh token.
    RefreshReused,
    /// The refresh token was revoked.
    RefreshRevoked,
    /// The refresh token was refused for another reason.
    RefreshRefused,
    /// The authorization code was refused.
    CodeRefused,
    /// The authority does not accept this client, at least not for this grant.
    InvalidClient,
    /// The authority refused the request for another reason.
    Rejected,
    /// The authority is overloaded or has failed, perhaps temporarily.
    Unavailable,
    /// The authority's response violates the protocol.
    InvalidResponse,
    /// The ID token's signature or claims are invalid.
    InvalidIdToken,
    /// The sign-in is valid, but the grant does not include use of the user's plan.
    PlanUseNotGranted,
    /// A webhook lacks a header, or one of its headers is invalid.
    MalformedWebhook,
    /// A webhook is older than the tolerance, or dated in the future.
    StaleWebhook,
    /// No signature of a webhook matches a secret.
    WebhookSignature,
    /// The request provably never reached the authority.
    NotSent,
    /// The request may have reached the authority, but its response was lost. It is not resent.
    OutcomeUnknown,
}

impl ErrorKind {
    fn side(self) -> Side {
        match self {
            Self::NotSignedIn
            | Self::InvalidCredential
            | Self::ForbiddenTarget
            | Self::InvalidConfiguration
            | Self::MalformedToken
            | Self::Store
            | Self::StoreBusy
            | Self::StoreConflict
            | Self::AccountChanged
            | Self::Random
            | Self::StateMismatch
            | Self::MalformedRedirect
            | Self::TimedOut
            | Self::WorkspaceNotAllowed
            | Self::RefreshNotReady
            | Self::NotRefreshable
            | Self::NotPersisted
            | Self::Custom => Side::Local,
            Self::Denied
            | Self::MissingEntitlement
            | Self::DeviceLoginDisabled
            | Self::RefreshExpired
            | Self::RefreshReused
            | Self::RefreshRevoked
            | Self::RefreshRefused
            | Self::CodeRefused
            | Self::InvalidClient
            | Self::Rejected
            | Self::Unavailable
            | Self::InvalidResponse
            | Self::InvalidIdToken
            | Self::PlanUseNotGranted
            | Self::MalformedWebhook
            | Self::StaleWebhook
            | Self::WebhookSignature => Side::Remote,
            Self::NotSent | Self::OutcomeUnknown => Side::Network,
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::NotSignedIn => "no stored credentials",
            Self::InvalidCredential => "credential is empty or not a valid header value",
            Self::ForbiddenTarget => "credential must not be sent to the target of this request",
            Self::InvalidConfiguration => "invalid configuration",
            Self::MalformedToken => "malformed JWT",
            Self::Store => "token store failed",
            Self::StoreBusy => "token store is locked by another process",
            Self::StoreConflict => "stored credentials changed between reading and writing",
            Self::AccountChanged => "stored credentials belong to another account",
            Self::Random => "operating system provided no random bytes",
            Self::StateMismatch => "redirect does not belong to this sign-in attempt",
            Self::MalformedRedirect => "malformed redirect",
            Self::TimedOut => "sign-in timed out",
            Self::WorkspaceNotAllowed => "workspace of the signed-in account is not allowed",
            Self::RefreshNotReady => "access token has expired and cannot be refreshed yet",
            Self::NotRefreshable => "access token has expired and cannot be refreshed here",
            Self::NotPersisted => "refreshed tokens could not be stored",
            Self::Custom => "credential source failed",
            Self::Denied => "sign-in was declined",
            Self::MissingEntitlement => "workspace has no access to Codex",
            Self::DeviceLoginDisabled => "device login is not enabled",
            Self::RefreshExpired => "refresh token has expired",
            Self::RefreshReused => "refresh token was already used by another holder of this login",
            Self::RefreshRevoked => "refresh token was revoked",
            Self::RefreshRefused => "refresh token was refused",
            Self::CodeRefused => "authorization code was refused",
            Self::InvalidClient => "authority does not accept this client",
            Self::Rejected => "authority refused the request",
            Self::Unavailable => "authority is unavailable",
            Self::InvalidResponse => "invalid response from the authority",
            Self::InvalidIdToken => "invalid ID token",
            Self::PlanUseNotGranted => "sign-in does not grant use of the plan",
            Self::MalformedWebhook => "missing or invalid header of a webhook",
            Self::StaleWebhook => "webhook is too old or dated in the future",
            Self::WebhookSignature => "no signature of the webhook matches",
            Self::NotSent => "request could not be sent",
            Self::OutcomeUnknown => "outcome of the request is unknown",
        }
    }
}
