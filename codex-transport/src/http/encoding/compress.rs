use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};

use crate::error::Error;

/// Compresses the body with zstd at level 3 and sets `content-encoding`, as the official client
/// does for the ChatGPT backend.
///
/// Compress once, and resend the same bytes on every retry.
///
/// ```
/// use bytes::Bytes;
/// use http::Request;
///
/// let request = Request::post("https://example.test/")
///     .body(Bytes::from("{}".repeat(1000)))
///     .unwrap();
/// let request = codex_transport::compress_zstd(request).unwrap();
/// assert_eq!(request.headers()["content-encoding"], "zstd");
/// assert!(request.body().len() < 100);
/// ```
///
/// # Errors
///
/// Returns [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest) if the request already
/// has a content coding.
pub fn compress_zstd(request: http::Request<Bytes>) -> Result<http::Request<Bytes>, Error> {
    compress_zstd_at(request, 3)
}

/// Compresses the body with zstd at this level, from 1 (fast) to 22 (small), and sets
/// `content-encoding`; see [`compress_zstd`].
///
/// # Errors
///
/// Returns [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest) if the request already
/// has a content coding.
pub fn compress_zstd_at(
    request: http::Request<Bytes>,
    level: u8,
) -> Result<http::Request<Bytes>, Error> {
    let (mut head, body) = request.into_parts();
    if head.headers.contains_key(CONTENT_ENCODING) {
        return Err(Error::invalid_request(
            "request already has a content coding",
        ));
    }
    let compressed =
        zstd::bulk::compress(&body, i32::from(level)).map_err(Error::invalid_request)?;
    head.headers
        .insert(CONTENT_ENCODING, HeaderValue::from_static("zstd"));
    head.headers.remove(CONTENT_LENGTH);
    Ok(http::Request::from_parts(head, compressed.into()))
}
