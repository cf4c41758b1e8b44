//! Translates hyper's errors. The mapping was determined by provoking each error.

use std::io;

use crate::conn::limits;
use crate::error::{Error, ErrorKind, Phase, Sent, find_source};
use crate::timeouts::TimeoutKind;

/// Converts a failure while reading a body.
pub(crate) fn body(error: hyper::Error) -> Error {
    at(error, Phase::Body, Sent::Yes)
}

/// Converts a failure in this phase.
pub(crate) fn at(error: hyper::Error, phase: Phase, sent: Sent) -> Error {
    match limits::exceeded(&error) {
        Some(limit) => Error::new(ErrorKind::TooLarge, phase, sent)
            .with_source(limits::Exceeded::new(limit, error)),
        None => Error::new(classify(&error), phase, sent).with_source(error),
    }
}

/// Converts a failure before the response headers. `given_back` means that hyper had not started to
/// send the request, `written` that it had taken the whole request body.
pub(crate) fn send(error: hyper::Error, given_back: bool, written: bool) -> Error {
    let phase = if written { Phase::Headers } else { Phase::Send };
    let sent = if given_back || is_refused(&error) {
        Sent::No
    } else {
        Sent::Maybe
    };
    at(error, phase, sent)
}

/// Returns whether this error itself proves that the request was not sent: hyper had not started to
/// send it, or the server did not process it.
#[cfg(feature = "reqwest")]
pub(crate) fn is_unsent(error: &(dyn core::error::Error + 'static)) -> bool {
    find_source::<hyper::Error>(error).is_some_and(hyper::Error::is_canceled) || is_refused(error)
}

// RFC 9113 sections 8.7 and 7: REFUSED_STREAM, streams above GOAWAY's last one, and
// HTTP_1_1_REQUIRED were not processed.
fn is_refused(error: &(dyn core::error::Error + 'static)) -> bool {
    let reason = reason(error);
    reason == Some(h2::Reason::REFUSED_STREAM) || reason == Some(h2::Reason::HTTP_1_1_REQUIRED)
}

/// Returns whether the server requires HTTP/1.1 for the request.
pub(crate) fn requires_http1(error: &Error) -> bool {
    reason(error) == Some(h2::Reason::HTTP_1_1_REQUIRED)
}

fn reason(error: &(dyn core::error::Error + 'static)) -> Option<h2::Reason> {
    find_source::<h2::Error>(error)?.reason()
}

pub(crate) fn classify(error: &(dyn core::error::Error + 'static)) -> ErrorKind {
    // The only timeout that is set in hyper: the peer did not acknowledge an HTTP/2 ping in time.
    if find_source::<hyper::Error>(error).is_some_and(hyper::Error::is_timeout) {
        return ErrorKind::Timeout(TimeoutKind::Pong);
    }
    if reason(error) == Some(h2::Reason::HTTP_1_1_REQUIRED) {
        return ErrorKind::StreamReset;
    }
    if let Some(error) = find_source::<h2::Error>(error) {
        return match (error.is_reset(), error.is_go_away(), error.is_io()) {
            (_, _, true) => error.get_io().map_or(ErrorKind::ConnectionLost, io_kind),
            // The local side ended the connection because of a violation, which a retry would meet
            // again.
            _ if error.is_library() => ErrorKind::Protocol,
            // NO_ERROR means that the server stopped on purpose; the rest of the response is still
            // missing.
            (true, _, _) if error.reason() == Some(h2::Reason::NO_ERROR) => ErrorKind::Truncated,
            (true, _, _) => ErrorKind::StreamReset,
            (_, true, _) => ErrorKind::ConnectionLost,
            _ => ErrorKind::Protocol,
        };
    }
    if let Some(error) = find_source::<io::Error>(error) {
        return io_kind(error);
    }
    match find_source::<hyper::Error>(error) {
        Some(error) if error.is_incomplete_message() => ErrorKind::Truncated,
        Some(error) if error.is_parse() => ErrorKind::Protocol,
        Some(error) if error.is_user() => ErrorKind::InvalidRequest,
        _ => ErrorKind::ConnectionLost,
    }
}

fn io_kind(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ErrorKind::Truncated,
        // Returned by h2, not by the system, when the connection was closed while a stream was
        // unfinished.
        io::ErrorKind::BrokenPipe if error.raw_os_error().is_none() => ErrorKind::Truncated,
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => ErrorKind::Protocol,
        _ => ErrorKind::ConnectionLost,
    }
}
