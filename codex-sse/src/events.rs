//! A stream of typed events.

use core::pin::Pin;
use core::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use codex_types::ResponseEvent;
use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::{EventDecoder, StreamError};

pin_project! {
    /// A stream of typed events, decoded from a stream of body chunks: any `Stream<Item =
    /// Result<Bytes, E>>`.
    ///
    /// It holds one chunk at a time, spawns nothing, and needs no runtime. No event is skipped: a
    /// payload that cannot be decoded is an item with an error, and the stream continues unless the
    /// error is [fatal](crate::Error::is_fatal). A body that ends without a terminal event gives an
    /// error of kind [`Truncated`](crate::ErrorKind::Truncated) as the last item. After the
    /// terminal event the body is not polled again.
    ///
    /// ```
    /// # use std::{convert::Infallible, pin::Pin, task::{Context, Poll, Waker}};
    /// # use futures_core::Stream;
    /// # struct Body(Vec<&'static str>);
    /// # impl Stream for Body {
    /// #     type Item = Result<bytes::Bytes, Infallible>;
    /// #     fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
    /// #         Poll::Ready(self.0.pop().map(|chunk| Ok(chunk.into())))
    /// #     }
    /// # }
    /// # fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    /// #     match Pin::new(stream).poll_next(&mut Context::from_waker(Waker::noop())) {
    /// #         Poll::Ready(item) => item,
    /// #         Poll::Pending => panic!("the body is always ready"),
    /// #     }
    /// # }
    /// use codex_sse::{ErrorKind, Events, StreamError};
    ///
    /// # let body = Body(vec!["lta\":\"Hi\"}\n\n", "data: {\"type\":\"response.output_text.delta\",\"de"]);
    /// let mut events = Events::new(body); // from any HTTP client
    /// let event = next(&mut events).unwrap().unwrap();
    /// assert_eq!(event.text_delta(), Some("Hi"));
    ///
    /// // The body ended, but the response did not.
    /// let Some(Err(StreamError::Decode(error))) = next(&mut events) else { panic!("an error") };
    /// assert_eq!(error.kind(), ErrorKind::Truncated);
    /// assert!(next(&mut events).is_none());
    /// ```
    #[derive(Debug)]
    pub struct Events<S> {
        #[pin]
        body: S,
        chunk: Bytes,
        decoder: EventDecoder,
        has_ended: bool,
    }
}

impl<S> Events<S> {
    /// Creates a stream of a body's events with the default limits.
    pub fn new(body: S) -> Self {
        Self::with_decoder(body, EventDecoder::new())
    }

    /// Creates a stream of a body's events with the given decoder.
    pub const fn with_decoder(body: S, decoder: EventDecoder) -> Self {
        Self {
            body,
            chunk: Bytes::new(),
            decoder,
            has_ended: false,
        }
    }

    /// Returns the event decoder, which counts bytes and keeps the last event id.
    pub const fn decoder(&self) -> &EventDecoder {
        &self.decoder
    }
}

impl<S: Stream<Item = Result<Bytes, E>>, E> Stream for Events<S> {
    type Item = Result<ResponseEvent, StreamError<E>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        loop {
            if *this.has_ended {
                return Poll::Ready(None);
            }
            let mut rest: &[u8] = this.chunk;
            let event = this.decoder.decode(&mut rest);
            let used = this.chunk.len() - rest.len();
            this.chunk.advance(used);
            match event {
                Ok(Some(event)) => {
                    *this.has_ended = event.is_terminal();
                    return Poll::Ready(Some(Ok(event)));
                }
                Ok(None) => {}
                Err(error) => {
                    *this.has_ended = error.is_fatal();
                    return Poll::Ready(Some(Err(StreamError::Decode(error))));
                }
            }
            match ready!(this.body.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) => *this.chunk = chunk,
                Some(Err(error)) => {
                    *this.has_ended = true;
                    return Poll::Ready(Some(Err(StreamError::Body(error))));
                }
                None => {
                    *this.has_ended = true;
                    let truncated = this.decoder.finish().err();
                    return Poll::Ready(truncated.map(|error| Err(StreamError::Decode(error))));
                }
            }
        }
    }
}

impl<S: Stream<Item = Result<Bytes, E>>, E> FusedStream for Events<S> {
    fn is_terminated(&self) -> bool {
        self.has_ended
    }
}
