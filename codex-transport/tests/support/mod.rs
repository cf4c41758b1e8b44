//! The test kit: a transport, and what an error must be.
#![allow(dead_code, reason = "each test uses a part of it")]

#[cfg(feature = "hyper")]
use codex_transport::{ConnectOptions, HttpVersions, HyperTransport};
use codex_transport::{Error, ErrorKind, Phase, Sent};

/// Builds a transport with these versions of HTTP and further changes to the connection options.
#[cfg(feature = "hyper")]
pub(crate) fn build(
    http: HttpVersions,
    change: impl FnOnce(&mut ConnectOptions),
) -> HyperTransport {
    let mut options = ConnectOptions::default();
    options.http = http;
    change(&mut options);
    HyperTransport::builder()
        .connection(options)
        .build()
        .unwrap()
}

/// Requires what failed, in which phase, and whether the request was sent.
#[track_caller]
pub(crate) fn failed(error: &Error, kind: ErrorKind, phase: Phase, sent: Sent) {
    let found = (error.kind(), error.phase(), error.sent());
    assert_eq!(found, (kind, phase, sent), "{error:?}");
}
