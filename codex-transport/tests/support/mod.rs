//! The transport of the tests.

use codex_transport::{ConnectOptions, HttpVersions, HyperTransport};

/// Builds a transport with these versions of HTTP and further changes to the connection options.
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
