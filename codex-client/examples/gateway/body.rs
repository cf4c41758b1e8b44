//! Request bodies, limited in size and time.

use std::io::Read as _;

use bytes::Bytes;
use codex_types::ApiError;
use flate2::read::MultiGzDecoder;
use http::header::{CONTENT_ENCODING, HeaderMap};
use http::{Request, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;

use crate::arguments::Limits;
use crate::failure::Failure;

/// Reads and decompresses the body of a request.
pub(crate) async fn read(request: Request<Incoming>, limits: Limits) -> Result<Bytes, Failure> {
    let coding = Coding::of(request.headers())?;
    let body = collect(request.into_body(), limits).await?;
    coding.decode(body, limits.body)
}

async fn collect(body: Incoming, limits: Limits) -> Result<Bytes, Failure> {
    if body.size_hint().lower() > limits.body as u64 {
        return Err(too_large());
    }
    let reading = Limited::new(body, limits.body).collect();
    match tokio::time::timeout(limits.client_timeout, reading).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Failure::refusal(
            StatusCode::BAD_REQUEST,
            "incomplete_body",
            "request body ended early",
        )),
        Err(_) => Err(Failure::refusal(
            StatusCode::REQUEST_TIMEOUT,
            "request_timeout",
            "timed out reading the request body",
        )),
    }
}

/// The compression of a body (RFC 9110 section 8.4.1, RFC 8878).
#[derive(Clone, Copy)]
enum Coding {
    Identity,
    Gzip,
    Zstd,
}

impl Coding {
    fn of(headers: &HeaderMap) -> Result<Self, Failure> {
        let mut codings = headers.get_all(CONTENT_ENCODING).iter();
        let coding = codings
            .next()
            .map_or(&b"identity"[..], |coding| coding.as_bytes());
        match (&*coding.to_ascii_lowercase(), codings.next()) {
            (b"identity", None) => Ok(Self::Identity),
            (b"gzip" | b"x-gzip", None) => Ok(Self::Gzip),
            (b"zstd", None) => Ok(Self::Zstd),
            _ => Err(Failure::refusal(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_content_encoding",
                "unsupported content encoding; use gzip, zstd or none",
            )),
        }
    }

    /// Decompresses a body to at most `most` bytes.
    fn decode(self, body: Bytes, most: usize) -> Result<Bytes, Failure> {
        let most = most as u64;
        let mut decoded = Vec::new();
        let read = match self {
            Self::Identity => return Ok(body),
            Self::Gzip => MultiGzDecoder::new(&*body)
                .take(most + 1)
                .read_to_end(&mut decoded),
            Self::Zstd => {
                zstd::stream::read::Decoder::with_buffer(&*body).and_then(|mut decoder| {
                    decoder.window_log_max(ZSTD_WINDOW)?;
                    decoder.take(most + 1).read_to_end(&mut decoded)
                })
            }
        };
        match read {
            Ok(length) if length as u64 > most => Err(too_large()),
            Ok(_) => Ok(decoded.into()),
            Err(_) => Err(Failure::refusal(
                StatusCode::BAD_REQUEST,
                "invalid_body",
                "request body cannot be decompressed",
            )),
        }
    }
}

/// RFC 8878 section 3.1.1.1.2: decoders support windows of 8 MiB; this one rejects larger windows.
const ZSTD_WINDOW: u32 = 23;

/// Parses a body as a `T`.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        let message = format!("request body cannot be read: {error}");
        Failure::bad_request(ApiError::new("invalid_json", message))
    })
}

fn too_large() -> Failure {
    Failure::refusal(
        StatusCode::PAYLOAD_TOO_LARGE,
        "request_too_large",
        "request body exceeds the limit set by --max-body",
    )
}
