//! What a server may send beside the body, and how a violation is reported.

use core::fmt;

use http::HeaderMap;

use crate::{Error, ErrorKind, Phase, Sent};

/// The headers of a response may have this many bytes as HTTP/1.1 writes them, names, values and separators together.
const HEADER_BYTES: usize = 64 * 1024;

/// And this many fields.
pub(crate) const HEADER_FIELDS: usize = 512;

/// How much the libraries read before they give up. hyper couples its limit of HTTP/1.1 to how far its read buffer may grow, and takes up
/// to twice as much; `h2` counts 32 bytes more a field. Both are wider than ours, so that ours is the one that is met and named.
pub(crate) const HTTP1_BUFFER: usize = 64 * 1024;
pub(crate) const HTTP2_HEADER_LIST: u32 = 128 * 1024;

/// A limit that the server went beyond.
#[derive(Debug)]
pub(crate) struct Exceeded {
    limit: &'static str,
    source: Option<hyper::Error>,
}

/// Checks the headers of a response, whatever version brought them.
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

/// The limit of hyper's own that this error is about. hyper has no other sign of it than its text.
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
