//! Translates reqwest's errors. The mapping was determined by provoking each error.
//!
//! Sources are kept without the URL, which may contain credentials.

use core::error::Error as StdError;
use std::io;

use http::StatusCode;

use crate::conn::{hyper_error, limits};
use crate::error::{Error, ErrorKind, Phase, Sent, find_source};
use crate::timeouts::TimeoutKind;

/// Converts a failure before the response headers. `written` means that hyper had taken the whole
/// request body.
pub(super) fn before_response(error: reqwest::Error, written: bool) -> Error {
    let error = error.without_url();
    if error.is_builder() {
        return Error::invalid_request(error);
    }
    if error.is_redirect() {
        return Error::new(ErrorKind::Protocol, Phase::Headers, Sent::Yes).with_source(error);
    }
    if error.is_connect() {
        return connecting(error);
    }
    let phase = if written { Phase::Headers } else { Phase::Send };
    let sent = if hyper_error::is_unsent(&error) {
        Sent::No
    } else {
        Sent::Maybe
    };
    if is_client_timeout(&error) {
        // Before hyper takes the body, the request waits for a connection.
        let (phase, sent) = if written {
            (phase, sent)
        } else {
            (Phase::Connect, Sent::No)
        };
        return Error::new(ErrorKind::Timeout(TimeoutKind::Total), phase, sent).with_source(error);
    }
    let kind = exceeded(&error).unwrap_or_else(|| hyper_error::classify(&error));
    Error::new(kind, phase, sent).with_source(error)
}

/// Converts a failure while reading a body.
pub(super) fn in_body(error: reqwest::Error) -> Error {
    let error = error.without_url();
    let kind = if let Some(kind) = exceeded(&error) {
        kind
    } else if is_client_timeout(&error) {
        ErrorKind::Timeout(TimeoutKind::Total)
    } else if find_source::<hyper::Error>(&error).is_some() {
        hyper_error::classify(&error)
    } else {
        // Nothing but a decoder of a content coding stands between hyper's body and this one.
        match find_source::<io::Error>(&error).map(io::Error::kind) {
            Some(io::ErrorKind::UnexpectedEof) => ErrorKind::Truncated,
            _ => ErrorKind::ContentCoding,
        }
    };
    Error::new(kind, Phase::Body, Sent::Yes).with_source(error)
}

fn connecting(error: reqwest::Error) -> Error {
    let tunnel = tunnel(&error);
    let (kind, phase) = if error.is_timeout() {
        (ErrorKind::Timeout(TimeoutKind::Connect), Phase::Connect)
    } else if error.is_dns() {
        (ErrorKind::Dns, Phase::Connect)
    } else if tunnel.is_some() {
        (ErrorKind::Proxy, Phase::Handshake)
    } else if let Some(kind) = tls(&error) {
        (kind, Phase::Handshake)
    } else {
        (ErrorKind::Connect, Phase::Connect)
    };
    let result = Error::new(kind, phase, Sent::No).with_source(error);
    match tunnel {
        Some(Some(status)) => result.with_status(status),
        _ => result,
    }
}

/// Returns whether a proxy failed to open a tunnel, and its status if known. The type of this error
/// is private in hyper-util, so only its text identifies it.
fn tunnel(error: &(dyn StdError + 'static)) -> Option<Option<StatusCode>> {
    chain(error).find_map(|error| {
        let reason = error.to_string();
        let reason = reason.strip_prefix("tunnel error: ")?;
        let refused = reason == "proxy authorization required";
        Some(refused.then_some(StatusCode::PROXY_AUTHENTICATION_REQUIRED))
    })
}

/// Returns the kind of a failure of TLS that rustls reports.
#[cfg(feature = "tls")]
fn tls(error: &(dyn StdError + 'static)) -> Option<ErrorKind> {
    chain(error)
        .find_map(wrapped)
        .map(crate::conn::tls::error_kind)
}

/// Returns the error of rustls in an `io::Error`, which wraps it at any depth and returns the
/// source of that error as its own.
#[cfg(feature = "tls")]
fn wrapped<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    let inner = error.downcast_ref::<io::Error>()?.get_ref()?;
    inner.downcast_ref().or_else(|| wrapped(inner))
}

#[cfg(not(feature = "tls"))]
fn tls(_: &(dyn StdError + 'static)) -> Option<ErrorKind> {
    None
}

/// Returns whether a timeout of the client expired. The errors below it have other sources.
fn is_client_timeout(error: &reqwest::Error) -> bool {
    error.is_timeout()
        && find_source::<hyper::Error>(error).is_none()
        && find_source::<io::Error>(error).is_none()
}

fn exceeded(error: &(dyn StdError + 'static)) -> Option<ErrorKind> {
    limits::exceeded(error).map(|_| ErrorKind::TooLarge)
}

fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    core::iter::successors(Some(error), |error| (*error).source())
}
