//! Limits on what a server may send in addition to the body.

use core::fmt;

use http::HeaderMap;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::TokioExecutor;

use crate::error::{Error, ErrorKind, Phase, Sent};

/// The maximum size of response headers in bytes as HTTP/1.1 writes them: names, values and
/// separators.
const HEADER_BYTES: usize = 64 * 1024;

/// The maximum number of response header fields.
const HEADER_FIELDS: usize = 512;

// The amount that the libraries read before they fail. hyper ties its HTTP/1.1 limit to the size of
// its read buffer and accepts up to twice as much; `h2` counts 32 more bytes for each field. Both
// are above this crate's limits, so that these are exceeded first and named in the error.
const HTTP1_BUFFER: usize = 64 * 1024;
const HTTP2_HEADER_LIST: u32 = 128 * 1024;

/// Returns a builder of HTTP/1.1 connections with these limits.
pub(crate) fn http1_builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .max_buf_size(HTTP1_BUFFER)
        .max_headers(HEADER_FIELDS);
    builder
}

/// Returns a builder of HTTP/2 connections with these limits.
pub(crate) fn http2_builder() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.max_header_list_size(HTTP2_HEADER_LIST);
    builder
}

/// A limit that the server exceeded.
#[derive(Debug)]
pub(crate) struct Exceeded {
    limit: &'static str,
    source: Option<hyper::Error>,
}

/// Checks the headers of a response, for every version of HTTP.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), Error> {
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
        .sum();
    if bytes <= HEADER_BYTES && headers.len() <= HEADER_FIELDS {
        return Ok(());
    }
    let exceeded = Exceeded {
        limit: HEADERS,
        source: None,
    };
    Err(Error::new(ErrorKind::TooLarge, Phase::Headers, Sent::Yes).with_source(exceeded))
}

/// Returns the hyper limit that this error reports. hyper reports it only in the text of the error.
pub(crate) fn exceeded(error: &(dyn core::error::Error + 'static)) -> Option<&'static str> {
    core::iter::successors(Some(error), |error| error.source()).find_map(|error| {
        match error.to_string().as_str() {
            "message head is too large" => Some(HEADERS),
            "chunk extensions over limit" => Some("more than 16 KiB of chunk extensions"),
            "chunk trailers bytes over limit" | "chunk trailers count overflow" => {
                Some("more than 16 KiB or 512 fields of trailers")
            }
            _ => None,
        }
    })
}

impl Exceeded {
    pub(crate) fn new(limit: &'static str, source: hyper::Error) -> Self {
        Self {
            limit,
            source: Some(source),
        }
    }
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.limit)
    }
}

impl core::error::Error for Exceeded {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

const HEADERS: &str = "more than 64 KiB or 512 fields of response headers";
