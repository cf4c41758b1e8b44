use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Method, Uri, Version};

/// A request as it arrived.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// The method.
    pub method: Method,
    /// Path and query for the loopback server; the whole URL for the in-memory transport and over HTTP/2.
    pub uri: Uri,
    /// The version of HTTP it came over.
    pub version: Version,
    /// The headers, as they came.
    pub headers: HeaderMap,
    /// The body, as it came: not decompressed.
    pub body: Bytes,
    /// Which connection it came over, counted from 0. Always 0 in memory.
    pub connection: usize,
    /// When it was complete.
    pub at: Instant,
}

impl RecordedRequest {
    /// The text of a header, where it is there once or more and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The path, without the query.
    pub fn path(&self) -> &str {
        self.uri.path()
    }
}

/// A WebSocket message as it arrived.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecordedMessage {
    /// Which connection it came over, counted from 0.
    pub connection: usize,
    /// Its text.
    pub text: Bytes,
    /// When it was complete.
    pub at: Instant,
}
