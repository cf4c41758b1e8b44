use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};

use crate::{Error, ErrorKind, Phase, Sent};

/// Compresses the body with zstd at level 3 and says so in `content-encoding`, as the official client does towards the ChatGPT backend.
/// Do it once, and send the same bytes again on every retry.
///
/// ```
/// use bytes::Bytes;
/// use http::Request;
///
/// let request = Request::post("https://example.test/").body(Bytes::from("{}".repeat(1000))).unwrap();
/// let request = codex_transport::compress_zstd(request).unwrap();
/// assert_eq!(request.headers()["content-encoding"], "zstd");
/// assert!(request.body().len() < 100);
/// ```
///
/// # Errors
///
/// [`ErrorKind::InvalidRequest`] when the request has a content coding already.
#[cfg(feature = "zstd")]
pub fn compress_zstd(request: http::Request<Bytes>) -> Result<http::Request<Bytes>, Error> {
    compress_zstd_at(request, 3)
}

/// As [`compress_zstd`], at another level: from 1, fast, to 22, small.
///
/// # Errors
///
/// As for [`compress_zstd`].
#[cfg(feature = "zstd")]
pub fn compress_zstd_at(
    request: http::Request<Bytes>,
    level: u8,
) -> Result<http::Request<Bytes>, Error> {
    let invalid = || Error::new(ErrorKind::InvalidRequest, Phase::Prepare, Sent::No);
    let (mut head, body) = request.into_parts();
    if head.headers.contains_key(CONTENT_ENCODING) {
        return Err(invalid().with_source("the request has a content coding already"));
    }
    let compressed = zstd::bulk::compress(&body, i32::from(level))
        .map_err(|error| invalid().with_source(error))?;
    head.headers
        .insert(CONTENT_ENCODING, HeaderValue::from_static("zstd"));
    head.headers.remove(CONTENT_LENGTH);
    Ok(http::Request::from_parts(head, compressed.into()))
}
