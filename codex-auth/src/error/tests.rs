//! The text of every kind is part of the interface: users search for it.

use super::*;

#[test]
fn size_is_one_word() {
    assert_eq!(size_of::<Error>(), size_of::<usize>());
    assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
}

/// Every kind with its text, its side, whether it is retryable and whether it requires a sign-in.
const KINDS: [(ErrorKind, &str, Side, bool, bool); 34] = {
    use ErrorKind as K;
    use Side::{Local, Network, Remote};
    [
        (
            K::NotSignedIn,
            "no credentials are stored",
            Local,
            false,
            true,
        ),
        (
            K::InvalidCredential,
            "the credential is empty or not a valid header value",
            Local,
            false,
            false,
        ),
        (
            K::ForbiddenTarget,
            "the credential must not be sent to the target of this request",
            Local,
            false,
            false,
        ),
        (
            K::InvalidConfiguration,
            "the configuration is not valid",
            Local,
            false,
            false,
        ),
        (
            K::MalformedToken,
            "the token is not a well-formed JWT",
            Local,
            false,
            false,
        ),
        (K::Store, "the token store failed", Local, false, false),
        (
            K::StoreBusy,
            "the token store is locked by another process",
            Local,
            true,
            false,
        ),
        (
            K::StoreConflict,
            "the stored credentials were changed meanwhile",
            Local,
            true,
            false,
        ),
        (
            K::AccountChanged,
            "the stored credentials belong to another account",
            Local,
            false,
            true,
        ),
        (
            K::Random,
            "the operating system gave no random bytes",
            Local,
            false,
            false,
        ),
        (
            K::StateMismatch,
            "the redirect does not belong to this sign-in attempt",
            Local,
            false,
            false,
        ),
        (
            K::MalformedRedirect,
            "the redirect is malformed",
            Local,
            false,
            false,
        ),
        (
            K::TimedOut,
            "the sign-in was not completed in time",
            Local,
            false,
            false,
        ),
        (
            K::WorkspaceNotAllowed,
            "the workspace of the signed-in account is not allowed",
            Local,
            false,
            false,
        ),
        (
            K::RefreshNotReady,
            "the access token has expired and may not be refreshed yet",
            Local,
            true,
            false,
        ),
        (
            K::NotRefreshable,
            "the access token has expired and cannot be renewed here",
            Local,
            false,
            false,
        ),
        (
            K::NotPersisted,
            "the renewed tokens could not be stored",
            Local,
            true,
            false,
        ),
        (
            K::Custom,
            "the credential source failed",
            Local,
            false,
            false,
        ),
        (K::Denied, "the sign-in was declined", Remote, false, false),
        (
            K::MissingEntitlement,
            "the workspace has no access to Codex",
            Remote,
            false,
            false,
        ),
        (
            K::DeviceLoginDisabled,
            "device login is not enabled",
            Remote,
            false,
            false,
        ),
        (
            K::RefreshExpired,
            "the refresh token has expired",
            Remote,
            false,
            true,
        ),
        (
            K::RefreshReused,
            "the refresh token was already used by another holder of this login",
            Remote,
            false,
            true,
        ),
        (
            K::RefreshRevoked,
            "the refresh token was revoked",
            Remote,
            false,
            true,
        ),
        (
            K::RefreshRefused,
            "the refresh token was refused",
            Remote,
            false,
            true,
        ),
        (
            K::CodeRefused,
            "the authorization code was refused",
            Remote,
            false,
            true,
        ),
        (
            K::InvalidClient,
            "the authority does not accept this client",
            Remote,
            false,
            false,
        ),
        (
            K::Rejected,
            "the authority refused the request",
            Remote,
            false,
            false,
        ),
        (
            K::Unavailable,
            "the authority is unavailable",
            Remote,
            true,
            false,
        ),
        (
            K::InvalidResponse,
            "the answer of the authority is not valid",
            Remote,
            false,
            false,
        ),
        (
            K::InvalidIdToken,
            "the ID token is not valid",
            Remote,
            false,
            false,
        ),
        (
            K::PlanUseNotGranted,
            "the sign-in does not include use of the plan",
            Remote,
            false,
            false,
        ),
        (
            K::NotSent,
            "the request could not be sent",
            Network,
            true,
            false,
        ),
        (
            K::OutcomeUnknown,
            "the outcome of the request is unknown",
            Network,
            false,
            false,
        ),
    ]
};

#[test]
fn texts_sides_and_advice_are_these() {
    for (kind, text, side, retryable, sign_in) in KINDS {
        let error = Error::new(kind);
        assert_eq!(
            (error.kind(), error.to_string().as_str(), error.side()),
            (kind, text, side)
        );
        assert_eq!(
            (error.is_retryable(), error.needs_sign_in()),
            (retryable, sign_in),
            "{kind:?}"
        );
        assert!(text.starts_with(char::is_lowercase) || text.starts_with("the ID"));
        assert!(!text.ends_with('.'));
    }
}

#[test]
fn status_and_detail_are_shown_and_nothing_that_was_sent() {
    let error = Error::new(ErrorKind::Rejected)
        .with_detail("detail")
        .with_status(StatusCode::FORBIDDEN)
        .with_code("canary_code".into())
        .with_description("canary description".into())
        .with_request_id("canary-request".into())
        .with_retry_after(Duration::from_secs(3))
        .with_not_before(SystemTime::UNIX_EPOCH);
    assert_eq!(
        error.to_string(),
        "the authority refused the request: detail (status 403)"
    );
    assert_eq!(
        format!("{error:?}"),
        "Error { kind: Rejected, detail: \"detail\", status: 403, .. }"
    );
    assert_eq!(
        (error.code(), error.request_id()),
        (Some("canary_code"), Some("canary-request"))
    );
    assert_eq!(
        (error.retry_after(), error.not_before()),
        (Some(Duration::from_secs(3)), Some(SystemTime::UNIX_EPOCH))
    );
}

#[test]
fn sources_are_a_chain() {
    let error = Error::new(ErrorKind::Store).with_source(std::io::Error::other("no space"));
    assert_eq!(error.to_string(), "the token store failed");
    assert_eq!(error.source().unwrap().to_string(), "no space");
    assert_eq!(error.clone().source().unwrap().to_string(), "no space");
}
