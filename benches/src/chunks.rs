//! A body cut into chunks of one size: an iterator, and a stream that is always ready.

use core::convert::Infallible;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_core::Stream;

/// The rest of a body, in slices that are created when they are read, the same way for every
/// decoder.
#[derive(Clone, Debug)]
pub struct Chunks {
    rest: Bytes,
    size: usize,
}

impl Chunks {
    /// A body in chunks of `size` bytes.
    pub fn new(body: &Bytes, size: usize) -> Self {
        Self {
            rest: body.clone(),
            size,
        }
    }
}

impl Iterator for Chunks {
    type Item = Bytes;

    #[inline]
    fn next(&mut self) -> Option<Bytes> {
        if self.rest.is_empty() {
            return None;
        }
        Some(self.rest.split_to(self.size.min(self.rest.len())))
    }
}

impl Stream for Chunks {
    type Item = Result<Bytes, Infallible>;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.next().map(Ok))
    }
}

/// Drives a stream that is always ready to its end.
#[inline]
pub fn drain<S: Stream>(stream: S, mut take: impl FnMut(S::Item)) {
    let mut stream = pin!(stream);
    let mut context = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(item)) = stream.as_mut().poll_next(&mut context) {
        take(item);
    }
}
