use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Method, Uri, Version};

/// A request as it arrived.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// The method.
    pub method: Method,
    /// Path and query for the loopback server; the whole URL for the in-memory transport and over
    /// HTTP/2.
    pub uri: Uri,
    /// The version of HTTP.
    pub version: Version,
    /// The headers as received.
    pub headers: HeaderMap,
    /// The body as received: not decompressed.
    pub body: Bytes,
    /// The number of the connection, counted from 0. Always 0 in memory.
    pub connection: usize,
    /// The time at which the request was complete.
    pub at: Instant,
}

impl RecordedRequest {
    /// Returns the value of a header, or `None` if it is missing or not text. Of several values,
    /// returns the first.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the path without the query.
    pub fn path(&self) -> &str {
        self.uri.path()
    }
}

/// A WebSocket message as it arrived.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecordedMessage {
    /// The number of the connection, counted from 0.
    pub connection: usize,
    /// The text of the message.
    pub text: Bytes,
    /// The time at which the message was complete.
    pub at: Instant,
}
