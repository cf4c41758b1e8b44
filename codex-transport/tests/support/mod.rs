//! The transport of the tests.

use codex_transport::{Connection, HttpVersions, HyperTransport};

/// Builds a transport with these versions of HTTP and further changes to the connection options.
pub(crate) fn build(http: HttpVersions, change: impl FnOnce(&mut Connection)) -> HyperTransport {
    let mut options = Connection::default();
    options.http = http;
    change(&mut options);
    HyperTransport::builder()
        .connection(options)
        .build()
        .unwrap()
}
