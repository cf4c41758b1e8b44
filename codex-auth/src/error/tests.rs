//! The text of every kind is part of the interface: users search for it.

use super::*;

#[test]
fn size_is_one_word() {
    assert_eq!(size_of::<Error>(), size_of::<usize>());
    assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
}

/// Every kind with its text, its side, whether it is retryable and whether it requires a sign-in.
const KINDS: [(ErrorKind, &str, Side, bool, bool); 37] = {
    use ErrorKind as K;
    use Side::{Local, Network, Remote};
    [
        (K::NotSignedIn, "no stored credentials", Local, false, true),
        (
            K::InvalidCredential,
            "credential is empty or not a valid header value",
            Local,
            false,
            false,
        ),
        (
            K::ForbiddenTarget,
            "credential must not be sent to the target of this request",
            Local,
            false,
            false,
        ),
        (
            K::InvalidConfiguration,
            "invalid configuration",
            Local,
            false,
            false,
        ),
        (K::MalformedToken, "malformed JWT", Local, false, false),
        (K::Store, "token store failed", Local, false, false),
        (
            K::StoreBusy,
            "token store is locked by another process",
            Local,
            true,
            false,
        ),
        (
            K::StoreConflict,
            "stored credentials changed between reading and writing",
            Local,
            true,
            false,
        ),
        (
            K::AccountChanged,
            "stored credentials belong to another account",
            Local,
            false,
            true,
        ),
        (
            K::Random,
            "operating system provided no random bytes",
            Local,
            false,
            false,
        ),
        (
            K::StateMismatch,
            "redirect does not belong to this sign-in attempt",
            Local,
            false,
            false,
        ),
        (
            K::MalformedRedirect,
            "malformed redirect",
            Local,
            false,
            false,
        ),
        (K::TimedOut, "sign-in timed out", Local, false, false),
        (
            K::WorkspaceNotAllowed,
            "workspace of the signed-in account is not allowed",
            Local,
            false,
            false,
        ),
        (
            K::RefreshNotReady,
            "access token has expired and cannot be refreshed yet",
            Local,
            true,
            false,
        ),
        (
            K::NotRefreshable,
            "access token has expired and cannot be refreshed here",
            Local,
            false,
            false,
        ),
        (
            K::NotPersisted,
            "refreshed tokens could not be stored",
            Local,
            true,
            false,
        ),
        (K::Custom, "credential source failed", Local, false, false),
        (K::Denied, "sign-in was declined", Remote, false, false),
        (
            K::MissingEntitlement,
            "workspace has no access to Codex",
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
            "refresh token has expired",
            Remote,
            false,
            true,
        ),
        (
            K::RefreshReused,
            "refresh token was already used by another holder of this login",
            Remote,
            false,
            true,
        ),
        (
            K::RefreshRevoked,
            "refresh token was revoked",
            Remote,
            false,
            true,
        ),
        (
            K::RefreshRefused,
            "refresh token was refused",
            Remote,
            false,
            true,
        ),
        (
            K::CodeRefused,
            "authorization code was refused",
            Remote,
            false,
            true,
        ),
        (
            K::InvalidClient,
            "authority does not accept this client",
            Remote,
            false,
            false,
        ),
        (
            K::Rejected,
            "authority refused the request",
            Remote,
            false,
            false,
        ),
        (
            K::Unavailable,
            "authority is unavailable",
            Remote,
            true,
            false,
        ),
        (
            K::InvalidResponse,
            "invalid response from the authority",
            Remote,
            false,
            false,
        ),
        (K::InvalidIdToken, "invalid ID token", Remote, false, false),
        (
            K::PlanUseNotGranted,
            "sign-in does not grant use of the plan",
            Remote,
            false,
            false,
        ),
        (
            K::MalformedWebhook,
            "missing or invalid header of a webhook",
            Remote,
            false,
            false,
        ),
        (
            K::StaleWebhook,
            "webhook is too old or dated in the future",
            Remote,
            false,
            false,
        ),
        (
            K::WebhookSignature,
            "no signature of the webhook matches",
            Remote,
            false,
            false,
        ),
        (
            K::NotSent,
            "request could not be sent",
            Network,
            true,
            false,
        ),
        (
            K::OutcomeUnknown,
            "outcome of the request is unknown",
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
        assert!(text.starts_with(char::is_lowercase) || text.starts_with("JWT"));
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
        "authority refused the request: detail (status 403)"
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
    assert_eq!(error.to_string(), "token store failed");
    assert_eq!(error.source().unwrap().to_string(), "no space");
    assert_eq!(error.clone().source().unwrap().to_string(), "no space");
}
