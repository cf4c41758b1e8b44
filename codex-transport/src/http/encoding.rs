//! Content codings of response bodies (RFC 9110 section 8.4): `accept-encoding` and decoding.

#[cfg(feature = "zstd")]
pub(crate) mod compress;
#[cfg_attr(
    not(any(
        feature = "br",
        feature = "deflate",
        feature = "gzip",
        feature = "zstd"
    )),
    path = "encoding/none.rs"
)]
mod decoder;

use core::fmt;

#[cfg(feature = "hyper")]
use http::header::{ACCEPT_ENCODING, HeaderValue};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, Response};
use http_body::Body as _;

use crate::error::{Error, ErrorKind, Phase, Sent};
use crate::http::body::Body;
use crate::http::encoding::decoder::Coding;

/// Decodes the content codings of a response: `gzip`, `zstd`, `br` and `deflate`, each if the
/// feature of that name is enabled.
///
/// Multiple codings are decoded in reverse order, at most five. `content-encoding` and
/// `content-length` are removed from the headers, since they describe the coded body. An empty body
/// (in response to a HEAD request, or with status 204 or 304) and a body without a coding stay
/// unchanged, so a second call changes nothing.
///
/// The body stays streamed: everything that can be decoded from the bytes received so far is
/// returned before more is read, in chunks of at most 16 KiB, however far the data expands. A
/// decoder holds at most 64 KiB for `gzip` and `deflate`, 8 MiB for `zstd` and 16 MiB for `br`, and
/// only as much as the server chose for its window.
///
/// [`HyperTransport`](crate::HyperTransport) and [`SharedTransport`](crate::SharedTransport) call
/// this function themselves.
///
/// # Errors
///
/// Returns no error itself. The body reports [`ErrorKind::ContentCoding`] for a coding that is not
/// compiled in (as its first item, with the name of the coding) and for invalid data, and
/// [`ErrorKind::Truncated`] if the data ends too early, after everything it contained.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "hyper")] {
/// use codex_transport::{Body, ErrorKind, decode_content};
/// use http::Response;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let response = Response::builder()
///     .header("content-encoding", "compress")
///     .body(Body::from("?"))
///     .unwrap();
/// let error = decode_content(response).into_body().collect(1024).await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::ContentCoding);
/// assert_eq!(
///     std::error::Error::source(&error).unwrap().to_string(),
///     "unsupported content coding `compress`"
/// );
/// # }) }
/// ```
pub fn decode_content(response: Response<Body>) -> Response<Body> {
    let (mut head, mut body) = response.into_parts();
    if !head.headers.contains_key(CONTENT_ENCODING) || body.is_end_stream() {
        return Response::from_parts(head, body);
    }
    match codings(&head.headers) {
        Ok(codings) if codings.is_empty() => {}
        Ok(codings) => {
            for coding in codings.into_iter().rev() {
                body = coding.decoded(body);
            }
            head.headers.remove(CONTENT_ENCODING);
            head.headers.remove(CONTENT_LENGTH);
        }
        Err(error) => body = Body::failing(error),
    }
    Response::from_parts(head, body)
}

/// Sets `accept-encoding` to the codings that are compiled in, unless the request has this header.
#[cfg(feature = "hyper")]
pub(crate) fn offer(headers: &mut HeaderMap) {
    if let Ok(offer) = HeaderValue::try_from(Coding::NAMES.join(", "))
        && !offer.is_empty()
    {
        headers.entry(ACCEPT_ENCODING).or_insert(offer);
    }
}

// Returns the codings in the order in which they were applied.
fn codings(headers: &HeaderMap) -> Result<Vec<Coding>, Error> {
    let mut codings = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        for name in value.as_bytes().split(|byte| *byte == b',') {
            let name = name.trim_ascii().to_ascii_lowercase();
            if name.is_empty() || name == b"identity" {
                continue;
            }
            codings.push(Coding::named(&name).ok_or_else(|| refused(Unsupported::new(&name)))?);
        }
    }
    if codings.len() > MAX_CODINGS {
        return Err(refused("more than five content codings"));
    }
    Ok(codings)
}

fn refused(source: impl Into<Box<dyn core::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::ContentCoding, Phase::Body, Sent::Yes).with_source(source)
}

/// A coding that is unknown or not compiled in.
#[derive(Debug)]
struct Unsupported(Option<String>);

impl Unsupported {
    // The error text contains the name only if it is a valid one.
    fn new(name: &[u8]) -> Self {
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.+*!#$%&'^`|~".contains(byte);
        let name = core::str::from_utf8(name)
            .ok()
            .filter(|name| name.len() <= 32 && name.as_bytes().iter().all(is_name));
        Self(name.map(str::to_owned))
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(name) => write!(f, "unsupported content coding `{name}`"),
            None => f.write_str("invalid content coding name"),
        }
    }
}

impl core::error::Error for Unsupported {}

// The limit that curl uses. Ordinary servers apply one coding.
const MAX_CODINGS: usize = 5;
