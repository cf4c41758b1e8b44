//! Decides what to try when a socket fails before the first event of a response. No event has been
//! yielded then, so the caller cannot see a repetition; the only questions are what to try next and
//! how long to remember the failure. The functions are pure, so that a test covers every case.

use codex_transport::{ErrorKind, TimeoutKind};
use codex_types::{ApiError, ErrorCategory};

/// The next step after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Open a new socket and send the whole input.
    Reconnect,
    /// Open a new socket if the credential source has better credentials.
    Renew,
    /// Use HTTP, for this turn and for as long as the host is avoided.
    Http(Avoid),
    /// Give up: any transport would lead to the same response.
    Stop,
}

/// The period in which the client opens no sockets to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Avoid {
    /// Not at all: the next turn may try a socket.
    No,
    /// The host opens sockets that do not work, or a proxy blocks them.
    Broken,
    /// The host reports that it does not support sockets.
    Refused,
}

/// Decides after the server responded to the upgrade with a status other than 101.
pub(super) fn after_refusal(status: u16, api: &ApiError) -> Next {
    match (status, api.category_with_status(Some(status))) {
        (401, _) => Next::Renew,
        // Limits count requests, not connections, so HTTP would meet the same limit.
        (_, ErrorCategory::Quota | ErrorCategory::UsageLimit | ErrorCategory::RateLimit) => {
            Next::Stop
        }
        (404 | 405 | 426 | 501, _) => Next::Http(Avoid::Refused),
        _ => Next::Http(Avoid::Broken),
    }
}

/// Decides after the server did not respond to the upgrade.
pub(super) fn after_failed_connect(kind: ErrorKind) -> Next {
    match kind {
        ErrorKind::InvalidRequest
        | ErrorKind::Configuration
        | ErrorKind::Cancelled
        | ErrorKind::Certificate => Next::Stop,
        // The host cannot be reached. HTTP will report that, and it does not mean that sockets
        // fail.
        ErrorKind::Dns | ErrorKind::Connect | ErrorKind::Timeout(TimeoutKind::Total) => {
            Next::Http(Avoid::No)
        }
        _ => Next::Http(Avoid::Broken),
    }
}

/// Decides after an open socket broke or was closed. A socket that carried a response before worked
/// until then.
pub(super) fn after_loss(kind: ErrorKind, close_code: Option<u16>, is_fresh: bool) -> Next {
    match (kind, close_code) {
        (
            ErrorKind::InvalidRequest
            | ErrorKind::Configuration
            | ErrorKind::Cancelled
            | ErrorKind::TooLarge,
            _,
        ) => Next::Stop,
        (ErrorKind::Protocol, _) | (ErrorKind::Closed, Some(1002 | 1003 | 1007 | 1008)) => {
            Next::Http(Avoid::Broken)
        }
        // Close code 1009: the request is too large for one message.
        (ErrorKind::Closed, Some(1009)) => Next::Http(Avoid::No),
        _ if is_fresh => Next::Http(Avoid::Broken),
        _ => Next::Reconnect,
    }
}

/// Decides after an error event as the first event. Returns `None` if the event belongs to the
/// response and is yielded like any other.
pub(super) fn after_error_event(
    status: Option<u16>,
    api: &ApiError,
    is_continuation: bool,
) -> Option<Next> {
    let has_lost_state = api.category() == ErrorCategory::StateLost;
    // A response id set by the caller is not valid on another socket either.
    let reconnects = if is_continuation {
        has_lost_state || api.blames_previous_response()
    } else {
        has_lost_state && !api.blames_previous_response()
    };
    if reconnects {
        return Some(Next::Reconnect);
    }
    match status? {
        200..=299 => None,
        401 => Some(Next::Renew),
        500..=599 => Some(Next::Http(Avoid::No)),
        _ => Some(Next::Stop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: &str) -> ApiError {
        ApiError::new(code, "invented")
    }

    #[test]
    fn refusals() {
        let plain = ApiError::default();
        for (status, next) in [
            (200, Next::Http(Avoid::Broken)),
            (301, Next::Http(Avoid::Broken)),
            (400, Next::Http(Avoid::Broken)),
            (401, Next::Renew),
            (402, Next::Stop),
            (403, Next::Http(Avoid::Broken)),
            (404, Next::Http(Avoid::Refused)),
            (405, Next::Http(Avoid::Refused)),
            (407, Next::Http(Avoid::Broken)),
            (426, Next::Http(Avoid::Refused)),
            (429, Next::Stop),
            (500, Next::Http(Avoid::Broken)),
            (501, Next::Http(Avoid::Refused)),
            (502, Next::Http(Avoid::Broken)),
            (503, Next::Http(Avoid::Broken)),
        ] {
            assert_eq!(after_refusal(status, &plain), next, "{status}");
        }
        for code in [
            "usage_limit_reached",
            "insufficient_quota",
            "rate_limit_exceeded",
        ] {
            assert_eq!(after_refusal(403, &error(code)), Next::Stop, "{code}");
        }
        assert_eq!(
            after_refusal(401, &error("usage_limit_reached")),
            Next::Renew
        );
    }

    #[test]
    fn connections_that_never_were() {
        use ErrorKind as K;
        for (kind, next) in [
            (K::InvalidRequest, Next::Stop),
            (K::Configuration, Next::Stop),
            (K::Cancelled, Next::Stop),
            (K::Certificate, Next::Stop),
            (K::Dns, Next::Http(Avoid::No)),
            (K::Connect, Next::Http(Avoid::No)),
            (K::Timeout(TimeoutKind::Connect), Next::Http(Avoid::Broken)),
            (K::Timeout(TimeoutKind::Headers), Next::Http(Avoid::Broken)),
            (K::Tls, Next::Http(Avoid::Broken)),
            (K::Proxy, Next::Http(Avoid::Broken)),
            (K::Protocol, Next::Http(Avoid::Broken)),
            (K::ConnectionLost, Next::Http(Avoid::Broken)),
        ] {
            assert_eq!(after_failed_connect(kind), next, "{kind:?}");
        }
    }

    #[test]
    fn losses() {
        use ErrorKind as K;
        let broken = Next::Http(Avoid::Broken);
        for (kind, code, fresh, used) in [
            (K::Closed, Some(1000), broken, Next::Reconnect),
            (K::Closed, Some(1001), broken, Next::Reconnect),
            (K::Closed, Some(1006), broken, Next::Reconnect),
            (K::Closed, Some(1008), broken, broken),
            (
                K::Closed,
                Some(1009),
                Next::Http(Avoid::No),
                Next::Http(Avoid::No),
            ),
            (K::Closed, Some(1011), broken, Next::Reconnect),
            (K::Truncated, None, broken, Next::Reconnect),
            (K::ConnectionLost, None, broken, Next::Reconnect),
            (
                K::Timeout(TimeoutKind::FirstEvent),
                None,
                broken,
                Next::Reconnect,
            ),
            (K::Timeout(TimeoutKind::Pong), None, broken, Next::Reconnect),
            (K::Protocol, None, broken, broken),
            (K::TooLarge, None, Next::Stop, Next::Stop),
            (K::InvalidRequest, None, Next::Stop, Next::Stop),
        ] {
            assert_eq!(
                after_loss(kind, code, true),
                fresh,
                "{kind:?} {code:?} on a fresh socket"
            );
            assert_eq!(
                after_loss(kind, code, false),
                used,
                "{kind:?} {code:?} on a used one"
            );
        }
    }

    #[test]
    fn error_events() {
        for (status, code, next) in [
            (Some(400), "invalid_prompt", Some(Next::Stop)),
            (
                Some(400),
                "previous_response_not_found",
                Some(Next::Reconnect),
            ),
            (None, "previous_response_not_found", Some(Next::Reconnect)),
            (
                Some(400),
                "websocket_connection_limit_reached",
                Some(Next::Reconnect),
            ),
            (Some(401), "token_expired", Some(Next::Renew)),
            (Some(403), "usage_not_included", Some(Next::Stop)),
            (Some(429), "usage_limit_reached", Some(Next::Stop)),
            (Some(429), "rate_limit_exceeded", Some(Next::Stop)),
            (Some(500), "server_error", Some(Next::Http(Avoid::No))),
            (
                Some(503),
                "server_is_overloaded",
                Some(Next::Http(Avoid::No)),
            ),
            (Some(200), "server_error", None),
            (None, "server_error", None),
        ] {
            assert_eq!(
                after_error_event(status, &error(code), true),
                next,
                "{status:?} {code}"
            );
        }
        let mut invalid = error("invalid_request_error");
        invalid.param = Some("previous_response_id".into());
        assert_eq!(
            after_error_event(Some(400), &invalid, true),
            Some(Next::Reconnect)
        );
        assert_eq!(
            after_error_event(Some(400), &error("previous_response_not_found"), false),
            Some(Next::Stop)
        );
        assert_eq!(
            after_error_event(Some(400), &invalid, false),
            Some(Next::Stop)
        );
    }
}
