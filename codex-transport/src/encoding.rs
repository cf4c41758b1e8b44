//! Content codings of bodies (RFC 9110 section 8.4), streamed: what has arrived is handed out, and never more than a piece at a time.

use core::pin::Pin;
use core::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue};
use http_body::{Body as HttpBody, Frame};

use crate::{Body, Error, ErrorKind, Phase, Sent};

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

/// Says which codings we take, unless the request says so itself.
pub(crate) fn offer(headers: &mut HeaderMap) {
    headers
        .entry(ACCEPT_ENCODING)
        .or_insert(HeaderValue::from_static(OFFER));
}

/// Puts a decoder around a body that is coded, and takes the coding out of the headers.
pub(crate) fn decode(headers: &mut HeaderMap, body: Body) -> Body {
    let decoder = match headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity") => return body,
        #[cfg(feature = "gzip")]
        Some(b"gzip" | b"x-gzip") => {
            Decoder::Gzip(Box::new(flate2::write::GzDecoder::new(Vec::new())))
        }
        #[cfg(feature = "zstd")]
        Some(b"zstd") => match zstd_decoder() {
            Ok(decoder) => decoder,
            Err(error) => return failing(error),
        },
        Some(_) => return failing(damaged("a content coding that was not asked for")),
    };
    headers.remove(CONTENT_ENCODING);
    headers.remove(CONTENT_LENGTH);
    Body::wrap(Decoded {
        body,
        decoder: Some(decoder),
        input: Bytes::new(),
    })
}

fn failing(error: Error) -> Body {
    Body::wrap(Decoded {
        body: Body::empty(),
        decoder: Some(Decoder::Failed(Some(error))),
        input: Bytes::new(),
    })
}

struct Decoded {
    body: Body,
    // None after the end.
    decoder: Option<Decoder>,
    input: Bytes,
}

enum Decoder {
    #[cfg(feature = "gzip")]
    Gzip(Box<flate2::write::GzDecoder<Vec<u8>>>),
    #[cfg(feature = "zstd")]
    Zstd {
        decoder: Box<zstd::stream::raw::Decoder<'static>>,
        complete: bool,
        more: bool,
    },
    Failed(Option<Error>),
}

impl HttpBody for Decoded {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        loop {
            let Some(decoder) = &mut this.decoder else {
                return Poll::Ready(None);
            };
            if this.input.is_empty() && !decoder.has_more() {
                match ready!(this.body.poll_chunk(cx)) {
                    Some(Ok(chunk)) => this.input = chunk,
                    Some(Err(error)) => {
                        this.decoder = None;
                        return Poll::Ready(Some(Err(error)));
                    }
                    None => {
                        let result = decoder.finish();
                        this.decoder = None;
                        return Poll::Ready(match result {
                            Ok(rest) if rest.is_empty() => None,
                            Ok(rest) => Some(Ok(Frame::data(rest))),
                            Err(error) => Some(Err(error)),
                        });
                    }
                }
            }
            match decoder.decode(&mut this.input) {
                Ok(output) if output.is_empty() => {}
                Ok(output) => return Poll::Ready(Some(Ok(Frame::data(output)))),
                Err(error) => {
                    this.decoder = None;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

impl Decoder {
    // Whether output is waiting that did not fit.
    fn has_more(&self) -> bool {
        match self {
            #[cfg(feature = "zstd")]
            Self::Zstd { more, .. } => *more,
            #[cfg(feature = "gzip")]
            Self::Gzip(_) => false,
            Self::Failed(_) => true,
        }
    }

    // Takes a part of the input and gives what came out of it.
    fn decode(&mut self, input: &mut Bytes) -> Result<Bytes, Error> {
        match self {
            #[cfg(feature = "gzip")]
            Self::Gzip(decoder) => {
                use std::io::Write as _;
                // DEFLATE expands 1,032 times at most, so so much input gives half a megabyte at most.
                let part = input.split_to(input.len().min(512));
                decoder
                    .write_all(&part)
                    .and_then(|()| decoder.flush())
                    .map_err(damaged)?;
                Ok(core::mem::take(decoder.get_mut()).into())
            }
            #[cfg(feature = "zstd")]
            Self::Zstd {
                decoder,
                complete,
                more,
            } => {
                use bytes::Buf as _;
                use zstd::stream::raw::{InBuffer, Operation as _, OutBuffer};
                let mut output = vec![0; PIECE];
                let mut from = InBuffer::around(input);
                let mut to = OutBuffer::around(&mut output);
                let hint = decoder.run(&mut from, &mut to).map_err(damaged)?;
                let (read, written) = (from.pos(), to.pos());
                (*complete, *more) = (hint == 0, hint != 0 && written == PIECE);
                input.advance(read);
                output.truncate(written);
                Ok(output.into())
            }
            Self::Failed(error) => Err(error.take().unwrap_or_else(|| damaged("failed before"))),
        }
    }

    fn finish(&mut self) -> Result<Bytes, Error> {
        match self {
            #[cfg(feature = "gzip")]
            Self::Gzip(decoder) => {
                decoder
                    .try_finish()
                    .map_err(|error| truncated().with_source(error))?;
                Ok(core::mem::take(decoder.get_mut()).into())
            }
            #[cfg(feature = "zstd")]
            Self::Zstd { complete: true, .. } => Ok(Bytes::new()),
            #[cfg(feature = "zstd")]
            Self::Zstd { .. } => Err(truncated()),
            Self::Failed(_) => Ok(Bytes::new()),
        }
    }
}

#[cfg(feature = "zstd")]
fn zstd_decoder() -> Result<Decoder, Error> {
    let mut decoder = zstd::stream::raw::Decoder::new().map_err(damaged)?;
    // RFC 8878 section 3.1.1.1.2 recommends to support 8 MiB; a larger window is memory that the server chooses.
    decoder
        .set_parameter(zstd::zstd_safe::DParameter::WindowLogMax(23))
        .map_err(damaged)?;
    Ok(Decoder::Zstd {
        decoder: Box::new(decoder),
        complete: true,
        more: false,
    })
}

fn damaged(source: impl Into<Box<dyn core::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::ContentCoding, Phase::Body, Sent::Yes).with_source(source)
}

fn truncated() -> Error {
    Error::new(ErrorKind::Truncated, Phase::Body, Sent::Yes)
}

#[cfg(feature = "zstd")]
const PIECE: usize = 32 * 1024;

#[cfg(all(feature = "gzip", feature = "zstd"))]
const OFFER: &str = "zstd, gzip";
#[cfg(all(feature = "gzip", not(feature = "zstd")))]
const OFFER: &str = "gzip";
#[cfg(all(feature = "zstd", not(feature = "gzip")))]
const OFFER: &str = "zstd";
