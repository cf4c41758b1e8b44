use core::fmt;
use core::ops::Range;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::decoder::{Lent, Prediction};
use crate::{Decoder, Error, FrameBuf};

impl Decoder {
    /// Decodes like [`decode`](Self::decode), but the frame outlives the chunk: it is a slice of
    /// the chunk if the whole event is in it, and a copy if a chunk boundary cut the event or its
    /// data has several lines.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`decode`](Self::decode).
    ///
    /// # Examples
    ///
    /// ```
    /// use bytes::Bytes;
    /// use codex_sse::Decoder;
    ///
    /// let mut decoder = Decoder::new();
    /// let mut chunk = Bytes::from_static(b"data: 1\n\ndata: 2\n\n");
    /// let mut frames = Vec::new();
    /// while let Some(frame) = decoder.decode_bytes(&mut chunk)? {
    ///     frames.push(frame);
    /// }
    /// assert_eq!(frames[1].data(), b"2");
    /// # Ok::<(), codex_sse::Error>(())
    /// ```
    pub fn decode_bytes(&mut self, chunk: &mut Bytes) -> Result<Option<FrameBuf>, Error> {
        let mut input: &[u8] = chunk;
        let Some(lent) = self.decode_lent(&mut input)? else {
            chunk.clear();
            return Ok(None);
        };
        let frame = self.frame(&lent);
        let owned = match lent.ranges(chunk, frame.event.as_bytes().len()) {
            Some((event, data)) => FrameBuf::share(chunk, event, data, &frame),
            None => frame.to_owned(),
        };
        chunk.advance(chunk.len() - input.len());
        Ok(Some(owned))
    }
}

impl Lent<'_> {
    /// Returns the ranges of the event type, of that length, and of the data in the chunk; `None`
    /// if one of them is not in it.
    fn ranges(&self, chunk: &[u8], event_length: usize) -> Option<(Range<usize>, Range<usize>)> {
        let within = |part: &[u8]| {
            let start = part.as_ptr().addr() - chunk.as_ptr().addr();
            start..start + part.len()
        };
        let data = match self.data? {
            [] => 0..0,
            data => within(data),
        };
        let event = match self.event {
            _ if event_length == 0 => 0..0,
            Some(event) => within(event),
            None if self.predicted && !data.is_empty() => {
                let end = data.start - Prediction::BETWEEN.len();
                end - event_length..end
            }
            None => return None,
        };
        Some((event, data))
    }
}

pin_project! {
    /// A stream of frames, decoded from a stream of body chunks.
    ///
    /// It holds one chunk at a time, spawns nothing, and needs no runtime. The first error is its
    /// last item.
    ///
    /// ```
    /// # use std::{convert::Infallible, pin::{Pin, pin}, task::{Context, Poll, Waker}};
    /// # use futures_core::Stream;
    /// # struct Body(Vec<&'static str>);
    /// # impl Stream for Body {
    /// #     type Item = Result<bytes::Bytes, Infallible>;
    /// #     fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
    /// #         Poll::Ready(self.0.pop().map(|chunk| Ok(chunk.into())))
    /// #     }
    /// # }
    /// # fn poll<S: Stream + Unpin>(stream: &mut S) -> Poll<Option<S::Item>> {
    /// #     Pin::new(stream).poll_next(&mut Context::from_waker(Waker::noop()))
    /// # }
    /// use codex_sse::Frames;
    ///
    /// # let body = Body(vec!["lo\n\n", "data: hel"]);
    /// let mut frames = Frames::new(body); // any `Stream<Item = Result<Bytes, E>>`
    /// let Poll::Ready(Some(frame)) = poll(&mut frames) else { panic!() };
    /// assert_eq!(frame.unwrap().data(), b"hello");
    /// ```
    #[derive(Debug)]
    pub struct Frames<S> {
        #[pin]
        body: S,
        chunk: Bytes,
        decoder: Decoder,
        ended: bool,
    }
}

impl<S> Frames<S> {
    /// Creates a stream of a body's frames with the default limits.
    pub fn new(body: S) -> Self {
        Self::with_decoder(body, Decoder::new())
    }

    /// Creates a stream of a body's frames with the given decoder.
    pub const fn with_decoder(body: S, decoder: Decoder) -> Self {
        Self {
            body,
            chunk: Bytes::new(),
            decoder,
            ended: false,
        }
    }

    /// Returns the decoder: its byte count, and the last event id.
    pub const fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Returns the decoder; [finish](Decoder::finish) it when the stream has ended.
    pub fn into_decoder(self) -> Decoder {
        self.decoder
    }
}

impl<S: Stream<Item = Result<Bytes, E>>, E> Stream for Frames<S> {
    type Item = Result<FrameBuf, StreamError<E>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        loop {
            let item = match this.decoder.decode_bytes(this.chunk) {
                Ok(Some(frame)) => return Poll::Ready(Some(Ok(frame))),
                Ok(None) => match ready!(this.body.as_mut().poll_next(cx)) {
                    Some(Ok(chunk)) => {
                        *this.chunk = chunk;
                        continue;
                    }
                    Some(Err(error)) => Some(Err(StreamError::Body(error))),
                    None => None,
                },
                Err(error) => Some(Err(StreamError::Decode(error))),
            };
            *this.ended = true;
            return Poll::Ready(item);
        }
    }
}

impl<S: Stream<Item = Result<Bytes, E>>, E> FusedStream for Frames<S> {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

/// The error of a stream of frames or events.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamError<E> {
    /// The body failed. It is the last item of the stream.
    Body(E),
    /// The bytes could not be decoded. If the error is [fatal](Error::is_fatal), it is the last
    /// item of the stream.
    Decode(Error),
}

impl<E> fmt::Display for StreamError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Body(_) => "the body of the event stream failed",
            Self::Decode(_) => "the event stream could not be decoded",
        })
    }
}

impl<E: core::error::Error + 'static> core::error::Error for StreamError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(match self {
            Self::Body(error) => error,
            Self::Decode(error) => error,
        })
    }
}
