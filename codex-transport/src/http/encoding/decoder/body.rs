use core::pin::Pin;
use core::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};

use crate::error::{Error, ErrorKind, Phase, Sent};
use crate::http::body::Body;
use crate::http::encoding::decoder::{Coding, Decoder};

/// A body with one of its codings decoded.
struct Decoded {
    body: Body,
    // `None` after the end and after an error.
    decoder: Option<Decoder>,
    input: Bytes,
}

impl Coding {
    /// Decodes this coding of the body.
    pub(in crate::http::encoding) fn decoded(self, body: Body) -> Body {
        Body::wrap(Decoded {
            body,
            decoder: Some(Decoder::new(self)),
            input: Bytes::new(),
        })
    }
}

impl Decoded {
    fn poll_decoded(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        loop {
            let Some(decoder) = &mut self.decoder else {
                return Poll::Ready(None);
            };
            if self.input.is_empty() && !decoder.has_output() {
                match ready!(self.body.poll_chunk(cx)) {
                    Some(Ok(chunk)) => self.input = chunk,
                    Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                    None if decoder.finish() => return Poll::Ready(None),
                    None => {
                        let error = Error::new(ErrorKind::Truncated, Phase::Body, Sent::Yes);
                        return Poll::Ready(Some(Err(error)));
                    }
                }
                continue;
            }
            match decoder.decode(&mut self.input) {
                Ok(output) if output.is_empty() => {}
                Ok(output) => return Poll::Ready(Some(Ok(output))),
                Err(error) => {
                    let error = Error::new(ErrorKind::ContentCoding, Phase::Body, Sent::Yes)
                        .with_source(error);
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

impl HttpBody for Decoded {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let polled = ready!(self.poll_decoded(cx));
        if !matches!(polled, Some(Ok(_))) {
            self.decoder = None;
        }
        Poll::Ready(polled.map(|result| result.map(Frame::data)))
    }
}
